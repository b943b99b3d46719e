"""CHAMELEON, CAMO, COD10K, NC4K and sets laid out like them."""

from pathlib import Path

from sparsevision.datasets.image_folder import ImageFolderDataset
from sparsevision.datasets.layouts import find_folders, resolve
from sparsevision.registry import DATASETS
from sparsevision.utils import UserError

DOC_PATH = "docs/prepare_data.md"


@DATASETS.register_module()
class CamouflageDataset(ImageFolderDataset):
    """Camouflaged object segmentation, in any of the layouts that people pass around (`layouts.py` lists them).

    Args:
        data_root: folder that holds the layout: where the archives were unpacked, or one data set's own folder.
        name: CHAMELEON, CAMO, COD10K, NC4K, or the folder name of a set laid out like them.
        split: "test" or "train". The train split of the common repack mixes CAMO and COD10K; `stem_prefix` picks one.
        sparse_dir: sparse labels of the train split: a folder beside the images folder ("Scribble", "Point") or a path.
            Default: what the layout keeps, if anything and if there is no pseudo_dir. None is the only choice for the
            test split.
        pseudo_dir: pseudo labels of the train split, likewise: a folder beside the images folder or a path.
        file_list: text file of stems; default: the layout's own list, if it has one.
        prepare: how to get the data, said in the error when they are missing.
        kwargs: see `ImageFolderDataset`.

    Raises:
        UserError: the folder is missing, no layout fits, or a folder of sparse labels is missing.
    """

    def __init__(
        self,
        *,
        data_root: str,
        name: str,
        split: str = "test",
        sparse_dir: str | None = None,
        pseudo_dir: str | None = None,
        file_list: str | None = None,
        stem_prefix: str = "",
        prepare: str = f"See {DOC_PATH} for where to get it and how to unpack it.",
        **kwargs,
    ) -> None:
        if split not in ("train", "test"):
            raise UserError(f"CamouflageDataset: split={split!r}; expected 'train' or 'test'.")
        folders = find_folders(data_root, name=name, split=split, help_text=prepare)
        sparse = folders.sparse if split == "train" and pseudo_dir is None else None
        if sparse_dir is not None:
            sparse = find_label_dir(sparse_dir, "sparse labels", beside=folders.images, help_text=prepare)
        pseudo = None
        if pseudo_dir is not None:
            pseudo = find_label_dir(pseudo_dir, "pseudo labels", beside=folders.images, help_text=prepare)
        super().__init__(
            images=str(folders.images),
            masks_dir=_text(folders.masks),
            sparse_dir=_text(sparse),
            pseudo_dir=_text(pseudo),
            file_list=file_list or _text(folders.stems),
            stem_prefix=stem_prefix or folders.prefix,
            shared_masks=folders.shared_masks,
            name=name,
            **kwargs,
        )


def find_label_dir(folder: str, kind: str, *, beside: Path, help_text: str = "") -> Path:
    """The folder of labels of a kind, e.g. "sparse labels": a path of its own, or a folder next to `beside`.

    Raises:
        UserError: there is none.
    """
    own = Path(folder)
    found = own if own.is_dir() else resolve(beside.parent, folder)
    if found is None or not found.is_dir():
        raise UserError(f"No folder of {kind} '{folder}', neither as a path nor in '{beside.parent}'. {help_text}")
    return found


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
