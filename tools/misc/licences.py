"""Write docs/licences.md's tables: the licence that each dependency's own metadata state, and those of weights."""

import argparse
import importlib.metadata
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from sparsevision.doctor.requirements import CORE, canonical, requirements
from sparsevision.engine import run_tool
from sparsevision.utils import atomic_write
from sparsevision.utils.command_line import tool_parser
from sparsevision.weights import CATALOGUE
from sparsevision.zoo.tables import markdown_table, replace_between_markers

EXAMPLE = """example:
  python tools/misc/licences.py docs/licences.md
  python tools/misc/licences.py docs/licences.md --check
"""
BESIDE = {"pysodmetrics": "make", "nerfstudio": "make nerfstudio", "nerfacc": "make nerfstudio"}
COPYLEFT = re.compile(r"\b[AL]?GPL|General Public|\bMPL|Mozilla", re.IGNORECASE)
UNSTATED = "not stated"
TEXTS = {
    "Apache-2.0": r"Apache License\s+Version 2\.0",
    "MIT": r"Permission is hereby granted, free of charge",
    "BSD": r"Redistribution and use in source and binary forms",
    "AGPL": r"GNU AFFERO GENERAL PUBLIC LICENSE",
    "LGPL": r"GNU LESSER GENERAL PUBLIC LICENSE",
    "GPL": r"(?m)^\s*GNU GENERAL PUBLIC LICENSE",
    "MPL": r"Mozilla Public License",
}


def licence_of(distribution: str) -> str | None:
    """What it states: the expression, else classifiers, else a short name, else its licence file; None if absent."""
    try:
        found = importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
    metadata = found.metadata
    classifiers = [
        line.split(" :: ")[-1]
        for line in metadata.get_all("Classifier", [])
        if line.startswith("License ::") and line.count("::") > 1
    ]
    short = (metadata.get("License") or "").strip()
    stated = metadata.get("License-Expression") or ", ".join(sorted(classifiers))
    return stated or (short if 0 < len(short) < 60 else "") or licence_in_files(found) or UNSTATED


def licence_in_files(found: importlib.metadata.Distribution) -> str:
    """The name of the licence whose text lies in the distribution; "" for none that is recognised."""
    files = [file.locate() for file in found.files or [] if re.match(r"(licen[cs]e|copying)", file.name, re.IGNORECASE)]
    texts = [file.read_text(encoding="utf-8", errors="replace") for file in files if file.is_file()]
    texts = [text[:5000] for text in [found.metadata.get("License") or "", *texts]]
    names = [name for name, words in TEXTS.items() if any(re.search(words, text) for text in texts)]
    return " and ".join(names) + " (by its text)" if names else ""


def dependencies() -> dict[str, list[str]]:
    """Distribution -> what asks for it: "core", extras, or a target of the Makefile."""
    found: dict[str, list[str]] = {}
    for extra, own in requirements().items():
        for one in own:
            found.setdefault(one.distribution, []).append(extra if extra != CORE else "core")
    return found | {name: [target] for name, target in BESIDE.items()}


def dependency_rows(known: Mapping[str, str]) -> list[list[str]]:
    """Name, who asks, licence; copyleft in bold. What is not installed keeps the licence that was `known` of it."""
    rows = []
    for name, asked in sorted(dependencies().items()):
        licence = licence_of(name) or known.get(canonical(name), "not installed when this table was made")
        bold = f"**{licence}**" if COPYLEFT.search(licence) and not licence.startswith("**") else licence
        rows.append([name, ", ".join(asked), bold])
    return rows


def weight_rows() -> list[list[str]]:
    """Name, what it is, licence, where it comes from."""
    rows = []
    for name, entry in CATALOGUE.items():
        sources = ["official host"] * bool(entry.urls) + ([entry.recipe.source] if entry.recipe else [])
        rows.append([name, entry.what, entry.licence, " or ".join(sources)])
    return rows


def table_of(text: str) -> dict[str, str]:
    """Distribution -> licence, from a page."""
    rows = dict(re.findall(r"^\| ([\w.-]+) \| [^|]* \| ([^|]*) \|$", text, re.MULTILINE))
    return {name: licence for name, licence in rows.items() if name not in {"package", "---"}}


def render(text: str) -> str:
    """The page with both tables up to date."""
    packages = markdown_table(["package", "asked for by", "licence"], dependency_rows(table_of(text)))
    weights = markdown_table(["name", "what", "licence", "from"], weight_rows())
    for marker, table in (("packages", packages), ("weights", weights)):
        begin, end = f"<!-- {marker}:begin -->", f"<!-- {marker}:end -->"
        text = replace_between_markers(text, table, begin=begin, end=end, where="docs/licences.md")
    return text


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("page", type=Path, help="with the markers packages:begin, packages:end, and so for weights")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the page is out of date")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    text = args.page.read_text(encoding="utf-8")
    fresh = render(text)
    if args.check:
        sys.exit("out of date; run: python tools/misc/licences.py docs/licences.md" if fresh != text else 0)
    with atomic_write(args.page) as file:
        file.write(fresh.encode())
    print(f"wrote {args.page}")


if __name__ == "__main__":
    run_tool(main)
