"""dataset.json and the split files of a prepared set."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from sparsevision.annotation.files import write_bytes
from sparsevision.datasets.points.prepare.raw_set import RawSet
from sparsevision.datasets.points.prepare.stamp import read_stamp
from sparsevision.datasets.points.scene import FORMAT, write_split
from sparsevision.utils import UserError
from sparsevision.utils.files import read_text

CARD = "dataset.json"


def check_card(root: Path, raw: RawSet) -> None:
    """Raises UserError if `root` is another set, or was made with other settings; a new folder is fine."""
    path = root / CARD
    if not path.exists():
        return
    try:
        card = json.loads(path.read_bytes())
        found = {name: card[name] for name in ("set", "format", "settings")}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"{path}: is no card of a prepared set ({error!r}). Choose another --out.") from error
    wanted = {"set": raw.classes.name, "format": FORMAT, "settings": raw.settings}
    if found != wanted:
        raise UserError(
            f"{root}: holds {_told(found)}; asked for is {_told(wanted)}. Give --overwrite to make it anew, or another "
            "--out."
        )


def check_splits(root: Path, splits: Mapping[str, Sequence[str]]) -> None:
    """Raises UserError if scenes would move from the split that a file of `root` names them in to another one."""
    known = {key for keys in splits.values() for key in keys}
    for name, keys in splits.items():
        moved = [key for key in _named(root, name) if key in known.difference(keys)]
        if moved:
            raise UserError(
                f"{root}: {len(moved)} scenes of its split '{name}', such as {moved[0]}, would move to another split, "
                "so that a network trained before is tested on scenes it has seen. Give --rewrite-splits to write the "
                "lists of scenes anew (arrays stay as they are), another --out, or the options it was made with."
            )


def _named(root: Path, split: str) -> list[str]:
    """The scenes that a split's file names; none where there is no such file."""
    path = root / "splits" / f"{split}.txt"
    return read_text(path).split() if path.is_file() else []


def _told(card: Mapping) -> str:
    settings = ", ".join(f"{name} {value}" for name, value in card["settings"].items())
    return f"{card['set']} (format {card['format']}{', ' if settings else ''}{settings})"


def write_card(root: Path, raw: RawSet, splits: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Write the split files, of the scenes that are prepared with these settings, then dataset.json.

    Returns:
        How many scenes each split that has any names.
    """
    prepared = _prepared(root, raw, splits)
    for name, keys in prepared.items():
        if keys:
            write_split(root, name, keys)
        else:
            (root / "splits" / f"{name}.txt").unlink(missing_ok=True)
    counts = {name: len(keys) for name, keys in prepared.items() if keys}
    card = {
        "set": raw.classes.name,
        "format": FORMAT,
        "classes": list(raw.classes.classes),
        "settings": raw.settings,
        "splits": counts,
    }
    write_bytes(root / CARD, (json.dumps(card, indent=1) + "\n").encode())
    return counts


def split_problems(root: Path, raw: RawSet, splits: Mapping[str, Sequence[str]]) -> list[str]:
    """Where the split files do not name the prepared scenes of the splits, in their order."""
    problems = []
    for name, keys in _prepared(root, raw, splits).items():
        named = _named(root, name)
        if named != keys:
            problems.append(f"splits/{name}.txt names {len(named)} scenes; expected are {len(keys)} in the set's order")
    return problems


def _prepared(root: Path, raw: RawSet, splits: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The splits without scenes that are not there, or were prepared with other settings."""
    stamps = {key: read_stamp(root / key) for key in {key for keys in splits.values() for key in keys}}
    there = {key for key, stamp in stamps.items() if stamp is not None and dict(stamp.settings) == raw.settings}
    return {name: [key for key in keys if key in there] for name, keys in splits.items()}
