"""COCO 2017 and every data set in its format."""

import os
import warnings
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from sparsevision.datasets.detection.coco_classes import COCO80
from sparsevision.datasets.detection.coco_file import BoxFile, ImageBoxes, read_box_file
from sparsevision.datasets.sample_ids import sample_ids
from sparsevision.datasets.seeded import SeededDataset
from sparsevision.registry import DATASETS
from sparsevision.utils import UserError
from sparsevision.visualization.canvas import class_colours


@DATASETS.register_module()
class CocoDetectionDataset(SeededDataset):
    """Images with boxes from a file in COCO's format, of any classes.

    A sample is {"img_path", "img_id", "height", "width", "boxes": (M,4) float32 (x0, y0, x1, y1) in pixels, "labels":
    (M,) int64, "crowd": (M,) bool, "annotation_ids": (M,) int64, "ann_file", "sample_id": see `sample_ids`, "dataset":
    name}. How labels follow from category ids, and which boxes are left out: `read_box_file`. Metainfo has the
    `classes` and the `palette` of this file.

    Args:
        ann_file: the file, relative to `data_root`.
        data_root: folder of everything.
        data_prefix: {"img": folder of the images, relative to `data_root`}.
        classes: names of the categories to use, in the order of the labels; None for all by rising category id. Give
            them where the files of several splits list other categories.
        num_classes: how many classes the model knows; another number in the file is then refused here, by name,
            instead of inside a loss. None: not checked.
        filter_empty: leave out images without a box that is no crowd; in testing nothing is left out.
        skip_missing: leave out images that are not on disk, and say so, instead of refusing the set.
        name: of the data set, in sample metainfo and messages.
        prepare: how to get the data, said in the error when they are missing.
        kwargs: passed on to SeededDataset (pipeline, test_mode, indices, ...).

    Raises:
        UserError: the file or images are missing, the file is wrong, a class is unknown, their number is another than
            `num_classes`, or no image is left.
    """

    METAINFO = {  # noqa: RUF012 (mmengine's convention)
        "classes": COCO80,
        "palette": class_colours(len(COCO80)).tolist(),
    }

    def __init__(
        self,
        *,
        ann_file: str,
        data_root: str = "",
        data_prefix: dict[str, str] | None = None,
        classes: Sequence[str] | None = None,
        num_classes: int | None = None,
        filter_empty: bool = False,
        skip_missing: bool = False,
        name: str = "COCO",
        prepare: str = "",
        **kwargs,
    ) -> None:
        metainfo = dict(kwargs.pop("metainfo", None) or {})
        self.chosen = classes if classes is not None else metainfo.pop("classes", None)
        self.num_classes = num_classes
        self.filter_empty = filter_empty
        self.skip_missing = skip_missing
        self.name = name
        self.prepare = prepare
        super().__init__(
            ann_file=ann_file,
            data_root=data_root,
            data_prefix=data_prefix or {"img": ""},
            metainfo=metainfo,
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """One dict an image, in the order of the file."""
        if not Path(self.ann_file).is_file():
            raise UserError(f"{self.ann_file}: there is no such annotation file. {self.prepare}".strip())
        file = read_box_file(self.ann_file, classes=self.chosen)
        self._check_number(file)
        self._metainfo |= {"classes": file.classes, "palette": class_colours(len(file.classes)).tolist()}
        images, notes = self._on_disk(file.images), list(file.notes)
        if len(images) < len(file.images):
            notes.append(f"{len(file.images) - len(images)} images that are not in '{self.data_prefix['img']}'")
        if notes:
            warnings.warn(f"Data set '{self.name}' leaves out {'; '.join(notes)}.", UserWarning, stacklevel=2)
        names = [image.file_name for image in file.images]
        ids = dict(zip(names, sample_ids(names), strict=True))
        return [self._sample(image, ids[image.file_name]) for image in images]

    def filter_data(self) -> list[dict]:
        """Leave out images without a box if asked to. Raises UserError if none is left."""
        kept = self.data_list
        if self.filter_empty and not self.test_mode:
            kept = [data for data in kept if not data["crowd"].all()]
        if not kept:
            raise UserError(
                f"{self.ann_file}: no image is left to use; it has {len(self.data_list)}, none with a box of the "
                f"{len(self.metainfo['classes'])} classes. Check classes, and filter_empty."
            )
        return kept

    def _check_number(self, file: BoxFile) -> None:
        if self.num_classes not in (None, len(file.classes)):
            shown = ", ".join(file.classes[:10]) + (", ..." if len(file.classes) > 10 else "")
            raise UserError(
                f"{self.ann_file}: has {len(file.classes)} classes ({shown}), but num_classes={self.num_classes}. Set "
                f"num_classes={len(file.classes)} for the model and the data set, or choose some with classes=(...)."
            )

    def _on_disk(self, images: list[ImageBoxes]) -> list[ImageBoxes]:
        """The images whose files are there. Raises UserError if some are not, unless they may be skipped."""
        root = Path(self.data_prefix["img"])
        by_folder = defaultdict(list)
        for image in images:
            by_folder[os.path.dirname(image.file_name)].append(image)
        missing = set()
        for folder, members in by_folder.items():
            there = _file_names(root / folder)
            missing |= {image.file_name for image in members if os.path.basename(image.file_name) not in there}
        if missing and (len(missing) == len(images) or not self.skip_missing):
            first = next(image for image in images if image.file_name in missing)
            raise UserError(
                f"{len(missing)} of the {len(images)} images of {self.ann_file} are not on disk, the first is "
                f"'{root / first.file_name}' (image id {first.image_id}). Correct data_prefix, complete the download, "
                f"or set skip_missing=True to go on without them. {self.prepare}".strip()
            )
        return [image for image in images if image.file_name not in missing]

    def _sample(self, image: ImageBoxes, sample_id: str) -> dict:
        return {
            "img_path": str(Path(self.data_prefix["img"]) / image.file_name),
            "img_id": image.image_id,
            "height": image.size[0],
            "width": image.size[1],
            "boxes": image.boxes,
            "labels": image.labels,
            "crowd": image.crowd,
            "annotation_ids": image.ids,
            "ann_file": self.ann_file,
            "sample_id": sample_id,
            "dataset": self.name,
        }


def _file_names(folder: Path) -> set[str]:
    """What a folder holds; nothing if it is not there. One look at it instead of one at each of 118,287 files."""
    return set(os.listdir(folder)) if folder.is_dir() else set()
