"""MVSeg, the segmentation set of SPIn-NeRF: masks of ten scenes of other sets, in folders such as "fern (llff)"."""

from pathlib import Path

from sparsevision.utils import UserError

INNER = ("label_full", "label", "labels", "masks")


def annotated_scenes(annotations: Path, names: list[str]) -> dict[str, Path]:
    """The folder of masks of each of these scenes that has one: of its name, or that and where it is from in brackets.

    Masks may lie in it or in a folder of it called label, masks or the like.

    Raises:
        UserError: no scene has one.
    """
    folders = {_plain(path.name): path for path in sorted(annotations.iterdir()) if path.is_dir()}
    found = {name: _with_masks(folders[_plain(name)]) for name in names if _plain(name) in folders}
    if not found:
        raise UserError(
            f"--annotations {annotations}: has no folder called like a scene ({', '.join(names[:3])} ...); there are "
            f"{', '.join(path.name for path in folders.values()) or 'none'}."
        )
    return found


def _plain(name: str) -> str:
    """Truck (Tanks & Temples) -> truck."""
    return name.split(" (")[0].strip().lower()


def _with_masks(folder: Path) -> Path:
    return next((folder / name for name in INNER if (folder / name).is_dir()), folder)
