"""Images with optional masks and sparse labels, paired by file stem: one's own folder, a file or a glob."""

import glob
import warnings
from pathlib import Path

from sparsevision.datasets.image_io import IMAGE_SUFFIXES
from sparsevision.datasets.layouts import SPARSE_SUFFIXES, index_by_stem, listed, read_stems
from sparsevision.datasets.seeded import SeededDataset
from sparsevision.registry import DATASETS
from sparsevision.utils import UserError


@DATASETS.register_module()
class ImageFolderDataset(SeededDataset):
    """A folder of images, one image, or a glob; with the labels that lie beside them under the same stems.

    Every sample is {"img_path", "mask_path" or None, "sparse_path" or None, "sample_id": stem, "dataset": name}.
    If `sparse_dir` is given an image needs a sparse label and may have a mask; else, if `masks_dir` is given, it needs
    a mask; images without what they need are left out and named in one warning, as are labels without an image.

    Args:
        images: folder, file, or glob such as "photos/*.jpg".
        masks_dir: folder of dense masks.
        sparse_dir: folder of sparse labels: PNG with the codes 0 unlabelled, 1 foreground, 2 background, or annotation
            JSON.
        file_list: text file of stems; only these are used, and each of them must exist.
        stem_prefix: only stems that begin with this are used.
        shared_masks: the mask folder serves other splits too, so that masks without an image are no news.
        name: name of the data set in sample metainfo and messages.
        prepare: how to get the data, said in the error when they are missing.
        classes: class names, index = class id.
        kwargs: passed on to SeededDataset (pipeline, seed, test_mode, indices, ...).

    Raises:
        UserError: nothing is found, a listed stem has no file, or two files share a stem.
    """

    METAINFO = {  # noqa: RUF012 (mmengine's convention)
        "classes": ("background", "camouflaged object"),
        "palette": [[0, 0, 0], [255, 255, 255]],
    }

    def __init__(
        self,
        *,
        images: str,
        masks_dir: str | None = None,
        sparse_dir: str | None = None,
        file_list: str | None = None,
        stem_prefix: str = "",
        shared_masks: bool = False,
        name: str = "images",
        classes: tuple[str, ...] | None = None,
        prepare: str = "",
        **kwargs,
    ) -> None:
        self.images = images
        self.prepare = prepare
        self.masks_dir = _folder(masks_dir, "masks_dir", help_text=prepare)
        self.sparse_dir = _folder(sparse_dir, "sparse_dir", help_text=prepare)
        self.file_list = file_list
        self.stem_prefix = stem_prefix
        self.name = name
        self.shared_masks = shared_masks
        metainfo = dict(kwargs.pop("metainfo", None) or {})
        if classes is not None:
            metainfo["classes"] = tuple(classes)
        super().__init__(metainfo=metainfo, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Pair the files by stem and warn about those left over."""
        images, strays = find_images(self.images, help_text=self.prepare)
        masks, stray_masks = _labels(self.masks_dir, IMAGE_SUFFIXES)
        sparse, stray_sparse = _labels(self.sparse_dir, SPARSE_SUFFIXES)
        chosen = self._choose(images)
        needed = next((labels for labels in (sparse, masks) if labels is not None), None)
        complete = [stem for stem in chosen if needed is None or stem in needed]
        leftovers = {
            "files that are no images": strays + stray_masks + stray_sparse,
            "images without a label": set(chosen) - set(complete),
            "sparse labels without an image": set(sparse or ()) - set(images),
            "masks without an image": () if self.shared_masks else set(masks or ()) - set(images),
        }
        _warn_about(self.name, leftovers)
        if not complete:
            raise UserError(self._nothing_paired(images, masks, sparse))
        return [self._sample(stem, images, masks or {}, sparse or {}) for stem in complete]

    def _sample(self, stem: str, images: dict, masks: dict, sparse: dict) -> dict:
        return {
            "img_path": str(images[stem]),
            "mask_path": str(masks[stem]) if stem in masks else None,
            "sparse_path": str(sparse[stem]) if stem in sparse else None,
            "sample_id": stem,
            "dataset": self.name,
        }

    def _choose(self, images: dict[str, Path]) -> list[str]:
        """The stems of this split, in a fixed order."""
        if self.file_list is None:
            return [stem for stem in images if stem.startswith(self.stem_prefix)]
        path = Path(self.file_list)
        if not path.is_file():
            raise UserError(f"The file_list '{path}' of data set '{self.name}' does not exist.")
        stems = [stem for stem in read_stems(path, name=self.name) if stem.startswith(self.stem_prefix)]
        missing = [stem for stem in stems if stem not in images]
        if missing:
            raise UserError(
                f"{len(missing)} of the {len(stems)} stems listed in '{path}' have no image in '{self.images}': "
                f"{listed(missing)}. Complete the download, or pass another file_list."
            )
        return stems

    def _nothing_paired(self, images: dict, masks: dict | None, sparse: dict | None) -> str:
        labels = {"masks": (masks, self.masks_dir), "sparse labels": (sparse, self.sparse_dir)}
        counts = [f"{len(found)} {kind} in '{where}'" for kind, (found, where) in labels.items() if found is not None]
        return (
            f"Data set '{self.name}' has no sample: {len(images)} images in '{self.images}', "
            f"{', '.join(counts) or 'no labels'}, file_list={self.file_list!r}, stem_prefix={self.stem_prefix!r}. "
            "Images and labels are paired by file name without suffix: photo1.jpg goes with photo1.png."
        )


def find_images(images: str | Path, *, help_text: str = "") -> tuple[dict[str, Path], list[str]]:
    """{stem: path} for a folder, one file or a glob, and the names of files that are no images.

    Raises:
        UserError: nothing there, or two images share a stem.
    """
    path = Path(images)
    if path.is_dir():
        found, others = index_by_stem(path)
        if not found:
            raise UserError(f"The folder '{path}' holds no image ({', '.join(IMAGE_SUFFIXES)}).")
        return found, others
    if path.is_file():
        return {path.stem: path}, []
    paths = [Path(match) for match in sorted(glob.glob(str(images), recursive=True))]
    found = {match.stem: match for match in paths if match.is_file() and match.suffix.lower() in IMAGE_SUFFIXES}
    if not found:
        raise UserError(
            f"'{images}' is no folder, no file, and as a pattern matches no image ({', '.join(IMAGE_SUFFIXES)}). "
            f"{help_text}"
        )
    if len(found) < sum(match.is_file() and match.suffix.lower() in IMAGE_SUFFIXES for match in paths):
        raise UserError(
            f"Several images that '{images}' matches share a file name; put them into folders of their own."
        )
    return found, []


def _folder(path: str | None, argument: str, *, help_text: str) -> Path | None:
    if path is None:
        return None
    if not Path(path).is_dir():
        remedy = help_text or "Leave it out if there are none."
        raise UserError(f"{argument}='{path}' is not a folder. {remedy}")
    return Path(path)


def _labels(folder: Path | None, suffixes: tuple[str, ...]) -> tuple[dict[str, Path] | None, list[str]]:
    return index_by_stem(folder, suffixes) if folder is not None else (None, [])


def _warn_about(name: str, leftovers: dict) -> None:
    parts = [f"{len(names)} {kind} ({listed(names)})" for kind, names in leftovers.items() if names]
    if parts:
        warnings.warn(f"Data set '{name}' leaves out {'; '.join(parts)}.", UserWarning, stacklevel=2)
