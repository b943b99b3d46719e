"""dataset.json and the split files of a prepared set."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from sparsevision.annotation.files import write_bytes
from sparsevision.datasets.points.prepare.raw_set import RawSet
from sparsevision.datasets.points.prepare.stamp import read_stamp
from sparsevision.datasets.points.scene import FORMAT, write_split
from sparsevision.utils import UserError

CARD = "dataset.json"


def check_card(root: Path, raw: RawSet) -> None:
    """Raises UserError if `root` is another set, or was made with other settings; a new folder is fine."""
    path = root / CARD
    if not path.exists():
        return
    try:
        card = json.loads(path.read_bytes())
        found = {name: card[name] for name in ("set", "format", "settings")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: is no card of a prepared set ({error!r}). Choose another --out.") from error
    wanted = {"set": raw.classes.name, "format": FORMAT, "settings": raw.settings}
    if found != wanted:
        raise UserError(
            f"{root}: holds {_told(found)}; asked for is {_told(wanted)}. Give --overwrite to make it anew, or another "
            "--out."
        )


def _told(card: Mapping) -> str:
    settings = ", ".join(f"{name} {value}" for name, value in card["settings"].items())
    return f"{card['set']} (format {card['format']}{', ' if settings else ''}{settings})"


def write_card(root: Path, raw: RawSet, splits: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Write the split files, of the scenes that are prepared, then dataset.json; returns their numbers."""
    there = {key for keys in splits.values() for key in keys if read_stamp(root / key) is not None}
    prepared = {name: [key for key in keys if key in there] for name, keys in splits.items()}
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
