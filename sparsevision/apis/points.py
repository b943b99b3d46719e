"""Segment point clouds and meshes, without a Runner: every raw point gets a class, as arrays, a .ply and a picture."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.model import BaseModel
from numpy.typing import NDArray

from sparsevision.apis.model import given_model
from sparsevision.apis.point_settings import point_settings
from sparsevision.datasets.points.ply import PlyMesh, write_ply
from sparsevision.datasets.points.read_cloud import CloudFile, read_cloud, upright_metres
from sparsevision.methods.cpcm.voting import vote
from sparsevision.utils import UserError, check_out_folder
from sparsevision.visualization.clouds import draw_segmented_cloud, label_colours
from sparsevision.visualization.files import write_image

IGNORE_INDEX = 255
MAX_VOXELS = 300_000  # larger clouds are cut into blocks
SMALLEST, HIGHEST = 0.5, 100.0  # metres; clouds beyond are warned of


@dataclass(frozen=True)
class PointSegResult:
    """What a cloud of n points shows.

    Attributes:
        labels: uint8 (n,) class ids; 255 for points without finite coordinates.
        confidence: float32 (n,) probability of that class; 0 for these points.
        cloud: the points and colours as they were read.
        upright: (n,3) float64, the points in metres with z upward.
        classes: names, index = class id.
        palette: (C,3) uint8 RGB.
    """

    labels: NDArray[np.uint8]
    confidence: NDArray[np.float32]
    cloud: CloudFile
    upright: NDArray[np.float64]
    classes: tuple[str, ...]
    palette: NDArray[np.uint8]

    def mesh(self) -> PlyMesh:
        """The cloud as it was, with its faces, in the colours of its classes; `label` and `confidence` are numbers of
        its points.
        """
        return PlyMesh(
            points=self.cloud.points,
            colours=label_colours(self.labels, self.palette, ignore_index=IGNORE_INDEX),
            faces=self.cloud.faces,
            vertex=dict(self.cloud.vertex) | {"label": self.labels, "confidence": self.confidence},
        )

    def draw(self, **view) -> NDArray[np.uint8]:
        """Colours beside classes, uint8 RGB; `view`: size, azimuth, elevation, cut_above of `draw_cloud`."""
        return draw_segmented_cloud(
            self.upright,
            self.cloud.colours,
            {"prediction": self.labels},
            names=self.classes,
            palette=self.palette,
            ignore_index=IGNORE_INDEX,
            faces=self.cloud.faces,
            **view,
        )

    def shares(self) -> dict[str, float]:
        """Share of the labelled points of each class that occurs, largest first."""
        counts = np.bincount(self.labels[self.labels != IGNORE_INDEX], minlength=len(self.classes))
        order = [index for index in np.argsort(-counts, kind="stable") if counts[index]]
        return {self.classes[index]: float(counts[index] / counts.sum()) for index in order}

    def write(self, out_dir: str | Path, stem: str, *, picture: bool = True) -> list[Path]:
        """Write <stem>_labels.ply, whose header lists the classes, and <stem>.png; returns the paths.

        Raises:
            UserError: a file cannot be written.
        """
        path = Path(out_dir) / f"{stem}_labels.ply"
        names = [f"label {index}: {name}" for index, name in enumerate(self.classes)]
        try:
            write_ply(path, self.mesh(), comments=[*names, f"label {IGNORE_INDEX}: none"])
        except OSError as error:
            raise UserError(f"{path}: cannot be written ({error.strerror}); choose another folder.") from error
        return [path, write_image(Path(out_dir) / f"{stem}.png", self.draw())] if picture else [path]


def _warn_of_size(upright: NDArray, name: str | Path) -> None:
    """Scans are neither as small as a hand nor as high as a tower: such a cloud is nearly always in another unit."""
    width, depth, height = np.ptp(upright, axis=0)
    if len(upright) > 1 and (max(width, depth, height) < SMALLEST or height > HIGHEST):
        warnings.warn(
            f"{name}: measures {width:.4g} x {depth:.4g} x {height:.4g} metres, the last of them upward; are unit and "
            "up (--unit, --up) those of the file?",
            stacklevel=3,
        )


class PointSegInferencer:
    """`PointSegInferencer(config, checkpoint)("room.ply", out_dir="out")`: the class of every point.

    Voxels are as large as the config's test pipeline makes them.

    Args:
        model: a shipped config's name, a path, a Config, or a model of `init_model`.
        checkpoint: weights; None with a model.
        device: None takes a GPU if there is one, and leaves a model where it is.

    Raises:
        UserError: no such config or checkpoint, or not those of a method for point clouds.
    """

    def __init__(
        self,
        model: str | Path | Config | BaseModel,
        checkpoint: str | Path | None = None,
        *,
        device: str | None = None,
    ) -> None:
        model = given_model(model, checkpoint, device=device)
        if not hasattr(model, "network") or not hasattr(model, "cfg"):
            raise UserError(
                f"{type(model).__name__} is no method for point clouds, or was not built by init_model, so its config "
                "is unknown; PointSegInferencer needs e.g. a config of configs/cpcm."
            )
        self.model = model.eval()
        self.settings = point_settings(model.cfg)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, index = class id."""
        return self.settings.classes

    @property
    def palette(self) -> NDArray[np.uint8]:
        """(C,3) RGB, index = class id."""
        return self.settings.palette

    def __call__(
        self,
        cloud: str | Path | CloudFile,
        *,
        out_dir: str | Path | None = None,
        voting: Mapping[str, Any] | None = None,
        unit: str = "m",
        up: str = "z",
        bin_columns: int = 4,
        max_voxels: int | None = MAX_VOXELS,
        progress: Callable[[int, int], None] | None = None,
    ) -> PointSegResult:
        """Segment a cloud, and write `<stem>_labels.ply` and `<stem>.png` if `out_dir` is given.

        Args:
            cloud: a file that `read_cloud` reads, or what it returns.
            out_dir: a folder, made if it is not there.
            voting: options of `sparsevision.methods.cpcm.voting.vote`; `FULL_VOTING` looks at the cloud in thirteen
                poses and predicts every point from its own colour. None looks once.
            unit: of the coordinates: m, cm, mm, ft or in.
            up: the file's axis that points upward: x, y, z, -x, -y or -z.
            bin_columns: numbers a point of a .bin file.
            max_voxels: larger clouds are predicted block by block; None never cuts.
            progress: see `vote`.

        Raises:
            UserError: the file cannot be read, an unknown unit or axis, or a file that cannot be written.
        """
        path = None if isinstance(cloud, CloudFile) else Path(cloud)
        if out_dir is not None and path is None:
            raise UserError("out_dir: a cloud that was not read from a file has no name; use the result's write().")
        check_out_folder(out_dir, "out_dir")
        cloud = cloud if path is None else read_cloud(path, bin_columns=bin_columns)
        upright = upright_metres(cloud.points, unit=unit, up=up)
        options = {"max_voxels": max_voxels} | dict(voting or {})
        _warn_of_size(upright[cloud.finite], path or "the cloud")
        result = self._segment(cloud, upright, progress=progress, **options)
        if out_dir is not None:
            result.write(out_dir, path.stem)
        return result

    def _segment(self, cloud: CloudFile, upright: NDArray, **options) -> PointSegResult:
        finite = cloud.finite
        probabilities = vote(
            self.model.network,
            upright[finite],
            cloud.colours[finite],
            voxel_size=self.settings.voxel_size,
            **options,
        )
        best, classes = probabilities.max(dim=1)
        labels = np.full(len(cloud), IGNORE_INDEX, dtype=np.uint8)
        confidence = np.zeros(len(cloud), dtype=np.float32)
        labels[finite], confidence[finite] = classes.numpy(), best.numpy()
        return PointSegResult(labels, confidence, cloud, upright, self.classes, self.palette)
