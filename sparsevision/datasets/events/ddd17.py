"""DDD17-Seg: driving with a 346x260 sensor, six classes, labels from a network that saw the grey images."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from sparsevision.datasets.events.dataset import EventSegDataset, LabelledMoment, by_protocol, names_of
from sparsevision.datasets.events.dsec_classes import identity
from sparsevision.datasets.layouts import index_by_stem
from sparsevision.registry import DATASETS
from sparsevision.utils import UserError
from sparsevision.utils.arrays import load_npy

DOC_PATH = "docs/prepare_data.md"
SPLITS = {"train": (0, 2, 3, 5, 6), "valid": (1,), "test": (4,)}
FOLDERS = 7  # with fewer, a folder's place would not tell its split
INDEX_MS = (10, 50, 250)
MASKS = "segmentation_masks"
MASK_NAME = re.compile(r"segmentation_(\d+)")
EVENTS = ("events.dat.t", "events.dat.xyp")


@DATASETS.register_module()
class DDD17SegDataset(EventSegDataset):
    """Labelled images of DDD17, in the folders of ESS' archive: data_root/dir0, dir1, ...

    Source: Binas et al., "DDD17" (2017); labels from Alonso and Murillo, "EV-SegNet" (CVPRW 2019). The samples are
    those of `EventSegDataset`; `event_index` is the first event after the image, by the data set's own index. Labels
    show the upper 200 rows, and need no rectification.

    Args:
        data_root: folder of the sequences dir*, or one that holds it as data/.
        split: of the folders in alphabetical order "train" has numbers 0, 2, 3, 5 and 6, "valid" number 1, which is the
            test sequence of EV-SegNet and what ESS and EV-WSSS report, and "test" number 4.
        sequences: one or more names of folders instead of those of the split.
        points: clicks per class of the sparse labels, 1 or 10; None: no sparse labels.
        index_ms: which index is read, index_<n>ms.npy; they name the same images and last events.
        protocol: "ess" and "full" are the same here: the released code uses every label.
        kwargs: see `EventSegDataset`.

    Raises:
        UserError: a file is missing or does not fit the others; the message names it.
    """

    METAINFO = {  # noqa: RUF012 (mmengine's convention)
        "classes": ("flat", "construction and sky", "object", "nature", "human", "vehicle"),
        "palette": [[128, 64, 128], [70, 70, 70], [220, 220, 0], [107, 142, 35], [220, 20, 60], [0, 0, 142]],
    }

    def __init__(
        self,
        *,
        data_root: str,
        split: str = "train",
        sequences: Sequence[str] | str | None = None,
        points: int | None = None,
        index_ms: int = 50,
        protocol: str = "ess",
        name: str = "ddd17_seg",
        sensor_size: tuple[int, int] = (260, 346),
        crop_bottom: int = 60,
        prepare: str = f"See {DOC_PATH} for where to get DDD17-Seg and how to unpack it.",
        **kwargs,
    ) -> None:
        if split not in SPLITS:
            raise UserError(f"DDD17SegDataset: split={split!r}; expected one of {', '.join(SPLITS)}.")
        if index_ms not in INDEX_MS:
            raise UserError(f"DDD17SegDataset: index_ms={index_ms!r}; expected one of {INDEX_MS}.")
        by_protocol((), protocol)
        self.folder = data_root
        self.split = split
        self.sequences = None if sequences is None else names_of(sequences)
        self.points = points
        self.index_ms = index_ms
        super().__init__(name=name, prepare=prepare, sensor_size=sensor_size, crop_bottom=crop_bottom, **kwargs)

    def moments(self) -> Iterator[LabelledMoment]:
        """All labels, sequence by sequence."""
        for folder in find_folders(self.folder, split=self.split, sequences=self.sequences, help_text=self.prepare):
            yield from self._moments_of(folder)

    def _moments_of(self, folder: Path) -> Iterator[LabelledMoment]:
        for name in EVENTS:
            if not (folder / name).is_file():
                raise UserError(f"{folder / name}: no such file. {self.prepare}")
        masks = folder / MASKS
        clicks = None if self.points is None else folder / click_folder(self.points)
        chosen = clicks or masks
        index_path = folder / f"index/index_{self.index_ms}ms.npy"
        rows = read_index(index_path)
        for number, path in find_masks(chosen, help_text=self.prepare).items():
            if not 0 < number <= len(rows):
                raise UserError(f"{path}: image {number} has no row in {index_path}, which has {len(rows)}.")
            time, last_event, _ = rows[number - 1].tolist()
            mask = masks / path.name
            yield LabelledMoment(
                sequence=folder.name,
                stem=f"{number:08d}",
                time=time // 1000,
                events=folder / EVENTS[0],
                boundary=last_event + 1,
                mask=mask if mask.is_file() else None,
                sparse=path if clicks else None,
                label_ids=identity(6),
            )


def find_folders(
    root: str | Path, *, split: str, sequences: Sequence[str] | None = None, help_text: str = ""
) -> list[Path]:
    """The folders dir* of a split, or those named, in root or root/data.

    Raises:
        UserError: no such root, or too few folders to tell which ones make the split.
    """
    root = Path(root)
    if not root.is_dir():
        raise UserError(f"The data folder '{root}' does not exist. {help_text}".strip())
    home = root if any(root.glob("dir*")) or not (root / "data").is_dir() else root / "data"
    if sequences is not None:
        return [home / name for name in sequences]
    found = sorted(path for path in home.glob("dir*") if path.is_dir())
    if len(found) < FOLDERS:
        names = ", ".join(path.name for path in found) or "none"
        raise UserError(
            f"'{home}' holds {len(found)} folders dir* ({names}), but the split '{split}' takes numbers "
            f"{SPLITS[split]} of {FOLDERS}. Complete the archive, or name the sequences. {help_text}".strip()
        )
    return [found[number] for number in SPLITS[split]]


def click_folder(points: int) -> str:
    """Name of the folder of label PNGs with so many clicks a class."""
    return f"weak_{points}point_per_class"


def find_masks(folder: Path, *, help_text: str = "") -> dict[int, Path]:
    """{image number: segmentation_<number>.png} of a folder, in order. Raises UserError if there is none."""
    files = index_by_stem(folder, (".png",))[0] if folder.is_dir() else {}
    names = {stem: MASK_NAME.fullmatch(stem) for stem in files}
    found = {int(name[1]): files[stem] for stem, name in names.items() if name}
    if not found:
        raise UserError(
            f"{folder}: holds no segmentation_00000001.png or the like; unpack {folder.name}.zip, or make clicks with "
            f"tools/dataset_converters/ddd17_seg.py --points. {help_text}".rstrip()
        )
    return dict(sorted(found.items()))


def read_index(path: Path) -> np.ndarray:
    """Rows (time of the image in nanoseconds, its last event before, event so many ms earlier), int64 (N, 3).

    Raises:
        UserError: no such file, another shape, or times that go backwards.
    """
    try:
        rows = load_npy(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as an index of images ({error}).") from None
    if rows.ndim != 2 or rows.shape[1] != 3 or not np.issubdtype(rows.dtype, np.integer):
        raise UserError(f"{path}: {rows.dtype} of shape {rows.shape}; expected whole numbers (images, 3).")
    backwards = np.flatnonzero((np.diff(rows[:, :2], axis=0) < 0).any(axis=1))
    if backwards.size:
        row = int(backwards[0]) + 1
        raise UserError(f"{path}: timestamps go backwards at row {row}: {rows[row - 1, :2]}, then {rows[row, :2]}.")
    return rows.astype(np.int64)
