"""Images with optional masks and sparse labels, paired by file stem: one's own folder, a file or a glob."""

import glob
import warnings
from collections.abc import Iterable
from pathlib import Path

from sparsevision.datasets.image_io import IMAGE_SUFFIXES
from sparsevision.datasets.layouts import SPARSE_SUFFIXES, index_by_stem, listed, read_stems
from sparsevision.datasets.seeded import SeededDataset
from sparsevision.registry import DATASETS
from sparsevision.utils import UserError


@DATASETS.register_module()
class ImageFolderDataset(SeededDataset):
    """A folder of images, one image, or a glob; with the labels that lie beside them under the same stems.

    Every sample is {"img_path", "mask_path", "sparse_path", "pseudo_path" (each of them None if there is none),
    "sample_id": stem, "dataset": name}. If `sparse_dir` or `pseudo_dir` are given an image needs a label in each of
    them and may have a mask; else, if `masks_dir` is given, it needs a mask. Images without what they need are left out
    and named in one warning, as are labels without an image. Folders inside the folders are not looked into.

    Args:
        images: folder, file, or glob such as "photos/*.jpg".
        masks_dir: folder of dense masks.
        sparse_dir: folder of sparse labels: PNG with the codes 0 unlabelled, 1 foreground, 2 background, or annotation
            JSON, such as tools/annotation/annotate.py writes.
        pseudo_dir: folder of pseudo labels: grey PNG, black to white for a foreground probability of 0 to 1.
        masks_optional: images without a mask are kept although `masks_dir` is given.
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
        pseudo_dir: str | None = None,
        masks_optional: bool = False,
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
        self.pseudo_dir = _folder(pseudo_dir, "pseudo_dir", help_text=prepare)
        self.masks_optional = masks_optional
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
        labels, others = {}, []
        for kind, (folder, suffixes) in self._label_folders().items():
            labels[kind], stray = index_by_stem(folder, suffixes)
            others += stray
        chosen = self._choose(images)
        complete = [stem for stem in chosen if all(stem in labels[kind] for kind in self._needed(labels))]
        known = {kind: found for kind, found in labels.items() if kind != "masks" or not self.shared_masks}
        _warn_about(
            self.name,
            {
                "files that are no images": strays + others,
                "images without a label": set(chosen) - set(complete),
                **{f"{kind} without an image": set(found) - set(images) for kind, found in known.items()},
            },
        )
        if not complete:
            raise UserError(self._nothing_paired(images, labels))
        return [self._sample(stem, images[stem], labels) for stem in complete]

    def _label_folders(self) -> dict[str, tuple[Path, tuple[str, ...]]]:
        """The folders that were given, with the suffixes of their files."""
        folders = {
            "masks": (self.masks_dir, IMAGE_SUFFIXES),
            "sparse labels": (self.sparse_dir, SPARSE_SUFFIXES),
            "pseudo labels": (self.pseudo_dir, IMAGE_SUFFIXES),
        }
        return {kind: (folder, suffixes) for kind, (folder, suffixes) in folders.items() if folder is not None}

    def _needed(self, kinds: Iterable[str]) -> list[str]:
        """Which of the kinds of labels at hand a sample cannot do without."""
        to_learn_from = [kind for kind in kinds if kind != "masks"]
        return to_learn_from or [kind for kind in kinds if not self.masks_optional]

    def _sample(self, stem: str, image: Path, labels: dict[str, dict[str, Path]]) -> dict:
        paths = {"mask_path": "masks", "sparse_path": "sparse labels", "pseudo_path": "pseudo labels"}
        found = {key: labels.get(kind, {}).get(stem) for key, kind in paths.items()}
        return {
            "img_path": str(image),
            **{key: None if path is None else str(path) for key, path in found.items()},
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

    def _nothing_paired(self, images: dict[str, Path], labels: dict[str, dict[str, Path]]) -> str:
        folders = self._label_folders()
        counts = [f"{len(found)} {kind} in '{folders[kind][0]}'" for kind, found in labels.items()]
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


def _warn_about(name: str, leftovers: dict) -> None:
    parts = [f"{len(names)} {kind} ({listed(names)})" for kind, names in leftovers.items() if names]
    if parts:
        warnings.warn(f"Data set '{name}' leaves out {'; '.join(parts)}.", UserWarning, stacklevel=2)
