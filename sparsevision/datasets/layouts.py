"""The folder layouts in which camouflage data sets are passed around, and pairing of their files by stem.

Sources: the released code of GenSAM, ProMaC, SINet, CRNet, PCOD, SAM-COD and WS-SAM; the official COD10K-v3 and CAMO.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sparsevision.datasets.image_io import IMAGE_SUFFIXES
from sparsevision.utils import UserError
from sparsevision.utils.files import read_text

SPARSE_SUFFIXES = (".png", ".json")
SHOWN = 5  # how many file names a message lists


@dataclass(frozen=True)
class Layout:
    """Where one layout keeps its files. Paths are relative to the root and may hold {name}; case does not matter.

    Attributes:
        title: what people call it, for messages.
        images: folder of the images.
        masks: folders of the dense truth, the first that exists is taken.
        sparse: folders of sparse labels, likewise.
        stems: text file that lists the members of the split, used if it exists.
        prefix: stems must begin with this when there is no `stems` file.
        shared_masks: the mask folder also serves other splits, so that masks without an image are no surprise.
    """

    title: str
    images: str
    masks: tuple[str, ...] = ()
    sparse: tuple[str, ...] = ()
    stems: str | None = None
    prefix: str = ""
    shared_masks: bool = False


@dataclass(frozen=True)
class Folders:
    """A layout found on disk: existing folders and the optional list of stems."""

    images: Path
    masks: Path | None = None
    sparse: Path | None = None
    stems: Path | None = None
    prefix: str = ""
    shared_masks: bool = False


_GT = ("GT", "Mask", "Masks")
_SPARSE = ("Scribble", "Label", "S_GT", "Point")


def _beside(folder: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}" if folder else name for name in names)


def _plain(title: str, folder: str, images: str, **kwargs) -> Layout:
    """A folder that holds images, masks and sparse labels side by side."""
    path = _beside(folder, (images,))[0]
    return Layout(title, path, _beside(folder, _GT), _beside(folder, _SPARSE), **kwargs)


TEST_LAYOUTS = (
    _plain("SINet repack", "TestDataset/{name}", "Imgs"),
    _plain("ProMaC", "COD/TestDataset/{name}", "Imgs"),
    _plain("GenSAM", "{name}_TestingDataset", "Image"),
    _plain("CRNet", "CodDataset/test/{name}", "Image", stems="CodDataset/test.txt"),
    _plain("CRNet", "test/{name}", "Image", stems="test.txt"),
    _plain("PCOD and SAM-COD", "test/{name}", "Imgs"),
    _plain("one folder", "{name}", "Imgs"),
    _plain("one folder", "{name}", "Image"),
    _plain("one folder", "", "Imgs"),
    _plain("one folder", "", "Image"),
)
TRAIN_LAYOUTS = (
    _plain("SINet repack and WS-SAM", "TrainDataset", "Imgs"),
    _plain("SINet repack", "COD/TrainDataset", "Imgs"),
    _plain("CRNet", "CodDataset/train", "Image", stems="CodDataset/train.txt"),
    _plain("CRNet", "train", "Image", stems="train.txt"),
    _plain("PCOD and SAM-COD", "train", "Imgs"),
    _plain("one folder", "", "Imgs"),
    _plain("one folder", "", "Image"),
)
_COD10K_HOMES = ("", "COD10K/", "COD10K-v3/", "COD10K/COD10K-v3/")
_CAMO_HOMES = ("", "CAMO/", "CAMO-V.1.0-CVIU2019/", "CAMO/CAMO-V.1.0-CVIU2019/")
FOLDER_ALIASES = {"NC4K": ("HCK4",)}


def _official(name: str, split: str) -> tuple[Layout, ...]:
    """The authors' own archives, which hold one data set each."""
    part = split.capitalize()
    if name.upper() == "COD10K":
        folders = [(f"{home}{part}", f"{home}Info/CAM_{split}.txt") for home in _COD10K_HOMES]
        return tuple(
            Layout("official COD10K-v3", f"{folder}/Image", (f"{folder}/GT_Object",), (), stems, "COD10K-CAM")
            for folder, stems in [*folders, (".", f"Info/CAM_{split}.txt")]
        )
    if name.upper() == "CAMO":
        return tuple(
            Layout("official CAMO", f"{home}Images/{part}", (f"{home}GT",), shared_masks=True) for home in _CAMO_HOMES
        )
    return ()


def candidate_layouts(name: str, split: str) -> Iterator[Layout]:
    """Every layout that may hold this split, most common first, with {name} filled in."""
    general = {"test": TEST_LAYOUTS, "train": TRAIN_LAYOUTS}[split]
    yield from _named(general, (name, *FOLDER_ALIASES.get(name.upper(), ())))
    yield from _official(name, split)


def _named(layouts: Iterable[Layout], folders: tuple[str, ...]) -> Iterator[Layout]:
    for layout in layouts:
        for folder in folders if "{name}" in layout.images else folders[:1]:
            yield Layout(
                layout.title,
                layout.images.format(name=folder),
                tuple(path.format(name=folder) for path in layout.masks),
                tuple(path.format(name=folder) for path in layout.sparse),
                layout.stems,
                layout.prefix,
                layout.shared_masks,
            )


def find_folders(root: str | Path, *, name: str, split: str, help_text: str = "") -> Folders:
    """Recognise the layout under `root`.

    Args:
        root: folder to look in.
        name: the data set's folder name, e.g. "CHAMELEON".
        split: "train" or "test".
        help_text: a sentence for the error, how to obtain the data.

    Raises:
        UserError: the root is missing, or no layout fits; the message lists what was looked for.
    """
    root = Path(root)
    if not root.is_dir():
        raise UserError(f"The data folder '{root}' does not exist. {help_text}".rstrip())
    looked_for = []
    for layout in candidate_layouts(name, split):
        found = _match(root, layout)
        if found is not None:
            return found
        looked_for.append(f"  {layout.title}: {layout.images} with {layout.masks[0]}")
    tried = "\n".join(dict.fromkeys(looked_for))
    raise UserError(
        f"No layout of '{name}' ({split}) was recognised in '{root}'. Looked for:\n{tried}\n{help_text}".rstrip()
    )


def _match(root: Path, layout: Layout) -> Folders | None:
    images = resolve(root, layout.images)
    masks = _first(root, layout.masks)
    sparse = _first(root, layout.sparse)
    if images is None or (masks is None and sparse is None):
        return None
    stems = resolve(root, layout.stems) if layout.stems else None
    return Folders(images, masks, sparse, stems, "" if stems else layout.prefix, layout.shared_masks)


def _first(root: Path, paths: Iterable[str]) -> Path | None:
    return next((found for path in paths if (found := resolve(root, path))), None)


def resolve(root: Path, relative: str) -> Path | None:
    """root / relative with upper and lower case taken as equal, or None if there is no such thing."""
    current = root
    for part in Path(relative).parts:
        exact = current / part
        if exact.exists():
            current = exact
            continue
        if not current.is_dir():
            return None
        twins = sorted(entry for entry in os.listdir(current) if entry.lower() == part.lower())
        if not twins:
            return None
        current = current / twins[0]
    return current


def index_by_stem(folder: Path, suffixes: tuple[str, ...] = IMAGE_SUFFIXES) -> tuple[dict[str, Path], list[str]]:
    """{stem: path} of a folder's files with these suffixes (any case), and the names of its other files.

    Raises:
        UserError: two files share a stem, so that pairing would be a guess.
    """
    paths: dict[str, Path] = {}
    others = []
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith(".") or not entry.is_file():
            continue
        stem, suffix = os.path.splitext(entry.name)
        if suffix.lower() not in suffixes:
            others.append(entry.name)
        elif stem in paths:
            raise UserError(f"'{folder}' holds both '{paths[stem].name}' and '{entry.name}'; keep one of them.")
        else:
            paths[stem] = Path(entry.path)
    return paths, others


def read_stems(path: Path, *, name: str = "") -> list[str]:
    """Stems from a list file: one a line; folders, image suffixes and what follows them are cut off, repeats ignored.

    Lines such as "CAMO/Image/camourflage_00012" belong to the data set that their first folder names: if any line
    begins with `name`, only such lines count.

    Raises:
        UserError: the file cannot be read, or is no text.
    """
    folders = {word.lower() for word in (name, *FOLDER_ALIASES.get(name.upper(), ())) if word}
    paths = [_listed_path(line) for line in read_text(path, encoding="utf-8-sig").splitlines() if line.strip()]
    own = [parts for parts in paths if len(parts) > 1 and parts[0].lower() in folders]
    return list(dict.fromkeys(parts[-1] for parts in own or paths))


def _listed_path(line: str) -> list[str]:
    """A line's path in parts, without image suffix and what follows it ("a/b.jpg 1" -> ["a", "b"])."""
    line = line.strip()
    word = line.split()[0]
    if word.lower().endswith(IMAGE_SUFFIXES):
        line = os.path.splitext(word)[0]
    return [part for part in line.replace("\\", "/").split("/") if part]


def listed(names: Iterable[str]) -> str:
    """The first few of these names and how many more there are, for a message."""
    names = sorted(names)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
