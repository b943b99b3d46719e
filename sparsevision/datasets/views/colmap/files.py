"""Find, read and write the three files of a COLMAP model."""

from pathlib import Path

from sparsevision.datasets.views.colmap import binary, text
from sparsevision.datasets.views.colmap.model import Model
from sparsevision.utils import UserError, atomic_write

PARTS = ("cameras", "images", "points3D")
PLACES = ("sparse/0", "sparse", "colmap/sparse/0", ".")


def find_model(folder: str | Path) -> Path | None:
    """The folder of a scene's COLMAP model (`sparse/0`, `sparse`, `colmap/sparse/0` or itself); None without one."""
    for place in PLACES:
        candidate = Path(folder) / place
        if _holds(candidate, ".bin") or _holds(candidate, ".txt"):
            return candidate
    return None


def read_model(folder: str | Path) -> Model:
    """Read cameras, images and points3D from .bin, or from .txt where these are not all there.

    Args:
        folder: of the three files, or of a scene that holds them, see `find_model`.

    Raises:
        UserError: a file is missing, cut off or damaged; an image has no camera; a lens model is not known.
    """
    found = find_model(folder)
    if found is None:
        raise UserError(
            f"{folder}: no COLMAP model; expected cameras, images and points3D, all .bin or all .txt, in it or in "
            f"{', '.join(PLACES[:-1])}."
        )
    form, end = (binary, ".bin") if _holds(found, ".bin") else (text, ".txt")
    model = Model(
        form.read_cameras(found / f"cameras{end}"),
        form.read_images(found / f"images{end}"),
        form.read_points(found / f"points3D{end}"),
    )
    _check(model, found)
    return model


def write_model(model: Model, folder: str | Path, *, as_text: bool = False) -> None:
    """Write the three files, .bin or .txt, each in one step. What was in the folder in the other form stays there.

    Raises:
        UserError: the folder cannot be written.
    """
    form, end = (text, ".txt") if as_text else (binary, ".bin")
    contents = (form.pack_cameras(model.cameras), form.pack_images(model.images), form.pack_points(model.points))
    try:
        for part, content in zip(PARTS, contents, strict=True):
            with atomic_write(Path(folder) / f"{part}{end}") as stream:
                stream.write(content)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror or error}).") from error


def _holds(folder: Path, end: str) -> bool:
    return all((folder / f"{part}{end}").is_file() for part in PARTS)


def _check(model: Model, folder: Path) -> None:
    if not model.images:
        raise UserError(f"{folder}: the COLMAP model holds no image.")
    for image in model.images.values():
        if image.camera_id not in model.cameras:
            raise UserError(
                f"{folder}: image '{image.name}' is said to be of camera {image.camera_id}, which is not there."
            )
    names = [image.name for image in model.images.values()]
    if len(set(names)) != len(names):
        raise UserError(f"{folder}: two images of the COLMAP model have the same name.")
