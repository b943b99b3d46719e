"""Folders with a picture for each view, copied under the views' names and brought to their size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sparsevision.datasets.image_io import image_size, read_image, write_png
from sparsevision.datasets.views.files import list_images
from sparsevision.datasets.views.labels import read_label
from sparsevision.datasets.views.prepare.report import SceneReport
from sparsevision.datasets.views.scene import ViewScene
from sparsevision.utils import UserError

LABELS = ("label", "label_full", "label_mv_bootstrapped", "dino")
COLOURS = {"lama_images": "lama_images", "RGB_inpainted": "lama_images"}
DISPARITIES = {"depth": "depth", "lama_depth": "depth", "Depth_inpainted": "depth"}
KNOWN = {*LABELS, *COLOURS, *DISPARITIES, "test_label"}
ENDINGS = ("_mask", "_label", "_gt")
NO_MASKS = ("_pseudo", "_cutout")
SPLITS = ("0_", "1_")
NUMBERED = "img"


@dataclass
class PictureFolders:
    """Copies folders of pictures of a scene.

    Args:
        scene: as it is prepared so far.
        aliases: names that a file may have -> name of the view.
        report: counts and notes go in here.
    """

    scene: ViewScene
    aliases: Mapping[str, str]
    report: SceneReport

    def copy_known(self, source: Path) -> None:
        """All folders beside the raw images of which it is known what they hold, but the test labels."""
        folders = sorted(path for path in source.iterdir() if path.is_dir()) if source.is_dir() else []
        for folder in folders:
            if folder.name in LABELS:
                self.labels(folder, folder.name)
            elif folder.name in COLOURS:
                self._colours(folder, COLOURS[folder.name])
            elif folder.name in DISPARITIES:
                self._disparities(folder, DISPARITIES[folder.name])
            elif folder.name not in KNOWN:
                self.report.notes.append(f"the folder {source.name}/{folder.name} is left out")

    def labels(self, source: Path, target: str) -> None:
        """Masks, as 0 and 255 at the size of the images."""
        count = 0
        for path, name in self._paired(source, label_files(source)):
            self._write_label(path, target, name)
            count += 1
        if target in ("label", "label_full"):
            self.report.labels = max(self.report.labels, count)

    def test_labels(self, source: Path) -> int:
        """Masks of the first views, by name or else in order; returns their count."""
        files = list_images(source)
        own = {path.stem: path for path in files}
        names = self.scene.image_names[: len(files)]
        if len(files) >= len(self.scene):
            raise UserError(f"{source}: {len(files)} files for {len(self.scene)} views; none is left to train on.")
        if set(own) & set(self.aliases) and {self.aliases.get(stem) for stem in own} != set(names):
            raise UserError(f"{source}: has {len(files)} files, but not those of the first {len(files)} views.")
        named = {self.aliases[stem]: path for stem, path in own.items() if stem in self.aliases}
        for place, name in enumerate(names):
            self._write_label(named.get(name, files[place]), "test_label", name)
        if not named:
            self.report.notes.append(
                f"{source.parent.name}/test_label: paired with the first {len(files)} views in order"
            )
        self.report.test_labels = len(files)
        return len(files)

    def _write_label(self, path: Path, target: str, name: str) -> None:
        camera = self.scene.camera(0)
        size = (camera.height, camera.width)
        if image_size(path) != size:
            self._note_size(path, target)
        write_png(self.scene.image_folder / target / f"{name}.png", read_label(path, size) * np.uint8(255))

    def _note_size(self, path: Path, target: str) -> None:
        height, width = image_size(path)
        note = f"{target}: masks of {width}x{height} are resized to the images' {self.report.size}"
        if note not in self.report.notes:
            self.report.notes.append(note)

    def _paired(self, source: Path, files: Sequence[Path]) -> list[tuple[Path, str]]:
        """Files and the views that they are of; files of no view are noted."""
        found = [(path, self.aliases.get(bare_name(path.stem, self.aliases))) for path in files]
        strangers = [path.name for path, name in found if name is None]
        if len(strangers) == len(files):
            raise UserError(
                f"{source}: no file has the name of a view ({strangers[0]}, ...; the views are "
                f"{', '.join(self.scene.image_names[:2])}, ...)."
            )
        if strangers:
            self.report.notes.append(f"{source.name}: {len(strangers)} files are of no view, such as {strangers[0]}")
        pairs = [(path, name) for path, name in found if name is not None]
        if len({name for _, name in pairs}) < len(pairs):
            raise UserError(f"{source}: two files are of the same view; remove one.")
        return pairs

    def _colours(self, source: Path, target: str) -> None:
        """Inpainted colours; views without one get their own image, since the layout wants one for each."""
        own = {name: path for path, name in self._paired(source, list_images(source))}
        for view, name in enumerate(self.scene.image_names):
            image = read_image(own.get(name, self.scene.image_files[view]))
            if image.shape[:2] != (self.scene.camera(0).height, self.scene.camera(0).width):
                raise UserError(f"{own[name]}: is {image.shape[1]}x{image.shape[0]}, the images {self.report.size}.")
            write_png(self.scene.image_folder / target / f"{name}.png", image)
        if len(own) < len(self.scene):
            self.report.notes.append(f"{source.name}: has {len(own)} of {len(self.scene)}; the others are the images")

    def _disparities(self, source: Path, target: str) -> None:
        """8-bit disparities under the views' names; `imgNNN.png` are numbered by view and there must be all of them."""
        files = list_images(source)
        numbered = [path for path in files if path.stem.startswith(NUMBERED) and path.stem not in self.aliases]
        if numbered and len(files) != len(self.scene):
            raise UserError(f"{source}: {len(files)} numbered files for {len(self.scene)} views; whose are they?")
        pairs = zip(files, self.scene.image_names, strict=True) if numbered else self._paired(source, files)
        for path, name in pairs:
            write_png(self.scene.image_folder / target / f"{name}.png", read_image(path)[:, :, 0])


def label_files(folder: Path) -> list[Path]:
    """The masks of a folder: files that end in _mask where there are any, else all but _pseudo and _cutout (MVSeg)."""
    files = [path for path in list_images(folder) if not path.stem.endswith(NO_MASKS)]
    return [path for path in files if path.stem.endswith("_mask")] or files


def bare_name(stem: str, aliases: Mapping[str, str]) -> str:
    """The name that a file's stem holds: without an ending such as _mask, or MVSeg's 0_ and 1_ of two splits."""
    endless = [stem, *(stem.removesuffix(ending) for ending in ENDINGS)]
    candidates = [*endless, *(name[2:] for name in endless if name.startswith(SPLITS))]
    return next((name for name in candidates if name in aliases), stem)
