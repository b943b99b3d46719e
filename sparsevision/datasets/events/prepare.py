"""What the event data sets need from a download, where it goes, and how each is clicked and checked.

`prepare_cli` is the command line around it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from sparsevision.datasets.events import ddd17, dsec, layouts, night
from sparsevision.datasets.events.dataset import EventSegDataset
from sparsevision.datasets.events.dsec_classes import CLASSES_11, CLASSES_19, TO_11
from sparsevision.datasets.events.install import Placement, map_label_folder
from sparsevision.datasets.layouts import index_by_stem
from sparsevision.utils import UserError

Roots = Sequence[str | Path]
Makers = dict[str, Callable[[], EventSegDataset]]
CLICKS = (1, 10)
ALL = ["all"]


class PreparedSet(ABC):
    """One of the data sets, as its converter sees it.

    Attributes:
        key: its name; clicks are seeded with it.
        splits: names of its splits; the first is the one that is clicked.
        classes: how many ids the dense labels have that are clicked.
        official: {protocol: {split: published number of labels}}.
    """

    key: ClassVar[str]
    splits: ClassVar[tuple[str, ...]]
    classes: ClassVar[int]
    official: ClassVar[Mapping[str, Mapping[str, int]]]

    @abstractmethod
    def sequences(self, roots: Roots, split: str, wanted: Sequence[str] | None) -> list[str]:
        """Names of the recordings of a split: the official ones, or those of `wanted` that belong to it.

        `wanted` ["all"] means those that the roots hold.
        """

    @abstractmethod
    def placements(
        self, roots: Roots, split: str, sequence: str, out: Path, *, without_clicks: Sequence[int]
    ) -> list[Placement]:
        """What of a recording goes where in `out`; published clicks too, but for those numbers of clicks.

        Raises:
            UserError: something that the data set needs is in none of the roots.
        """

    @abstractmethod
    def dense_folder(self, root: str | Path, sequence: str) -> Path:
        """The folder of dense labels of a training recording that are clicked. Raises UserError if there is none."""

    @abstractmethod
    def click_folder(self, dense: Path, points: int) -> Path:
        """Where the clicks on a folder of dense labels go, so that the data set finds them."""

    @abstractmethod
    def makers(self, root: str | Path, split: str, sequence: str, *, protocol: str, **options: Any) -> Makers:
        """{kind of labels: makes the data set of one recording}; the kind whose number is published comes first."""


class DSECSemantic(PreparedSet):
    """DSEC-Semantic to the layout of the official archives."""

    key = "dsec_semantic"
    splits = ("train", "test")
    classes = len(CLASSES_11)
    official: ClassVar = {"full": {"train": 8082, "test": 2809}, "ess": {"train": 4021, "test": 1397}}

    def sequences(self, roots: Roots, split: str, wanted: Sequence[str] | None) -> list[str]:
        """See PreparedSet."""
        if wanted is None:
            return list(dsec.SEQUENCES[split])
        found = sorted({name for root in roots for name in _or_none(layouts.find_sequences, root, split=split) or ()})
        if list(wanted) == ALL:
            return found
        return [name for name in wanted if name in (*dsec.SEQUENCES[split], *found)]

    def placements(
        self, roots: Roots, split: str, sequence: str, out: Path, *, without_clicks: Sequence[int]
    ) -> list[Placement]:
        """See PreparedSet."""
        where, home = {"split": split, "sequence": sequence}, out / split / sequence
        recording = _first(roots, layouts.find_events, **where)
        times = _first(roots, layouts.find_times, **where)
        made = [
            Placement(recording.events, home / "events/left/events.h5"),
            Placement(_there(recording.rectify_map), home / "events/left/rectify_map.h5"),
            Placement(times, home / f"{sequence}_semantic_timestamps.txt"),
        ]
        labels = 0
        for coding in (11, 19):
            for points in (None, *CLICKS):
                options = {**where, "classes": (coding,), "points": points}
                found = next(filter(None, (layouts.find_labels(root, **options) for root in roots)), None)
                if found is not None and points not in without_clicks:
                    made.append(Placement(found[0], home / layouts.label_folder(coding, points), members=r".*\.png"))
                labels += found is not None
        if not labels:
            raise UserError(
                f"No labels of '{sequence}' ({split}) under {_names(roots)}: unpack 11classes or 19classes."
            )
        return made

    def dense_folder(self, root: str | Path, sequence: str) -> Path:
        """See PreparedSet. Of 19 classes, maps in 11 classes are made beside them, or completed."""
        folders = {
            coding: found[0]
            for coding in (11, 19)
            if (found := layouts.find_labels(root, split="train", sequence=sequence, classes=(coding,)))
        }
        if not folders:
            raise UserError(f"{root}: no dense labels of '{sequence}' to click on; unpack 11classes or 19classes.")
        eleven, source = folders.get(11), folders.get(19)
        if source is not None and (eleven is None or _stems(source) - _stems(eleven)):
            name = layouts.label_folder(self.classes)
            eleven = source.parent.with_name(name) / "data" if source.name == "data" else source.with_name(name)
            map_label_folder(source, eleven, TO_11)
        return eleven

    def click_folder(self, dense: Path, points: int) -> Path:
        """See PreparedSet. ESS keeps files in 11classes/data."""
        if dense.name == "data":
            return self.click_folder(dense.parent, points) / "data"
        return dense.with_name(f"{dense.name}_weak_{points}point_per_class")

    def makers(self, root: str | Path, split: str, sequence: str, *, protocol: str, **options: Any) -> Makers:
        """See PreparedSet."""
        make = partial(
            dsec.DSECSemanticDataset, data_root=str(root), split=split, sequences=[sequence], protocol=protocol,
            outside="skip", **options,
        )  # fmt: skip
        where = {"split": split, "sequence": sequence, "classes": (11, 19)}
        clicked = [points for points in CLICKS if layouts.find_labels(root, **where, points=points)]
        dense = {} if clicked and layouts.find_labels(root, **where) is None else {"dense": make}
        return dense | {clicks_name(points): partial(make, points=points) for points in clicked}


class DDD17Seg(PreparedSet):
    """DDD17-Seg to dir0, dir1, ... without images; masks that are still zipped are unpacked."""

    key = "ddd17_seg"
    splits = ("train", "valid", "test")
    classes = len(ddd17.DDD17SegDataset.METAINFO["classes"])
    official: ClassVar = {protocol: {"train": 15950, "valid": 3890} for protocol in ("ess", "full")}

    def sequences(self, roots: Roots, split: str, wanted: Sequence[str] | None) -> list[str]:
        """See PreparedSet. Folders have their places in splits; those that are named count as training recordings."""
        if wanted is not None and list(wanted) != ALL:
            return list(wanted) if split == self.splits[0] else []
        return [folder.name for folder in _first(roots, ddd17.find_folders, split=split)]

    def placements(
        self, roots: Roots, split: str, sequence: str, out: Path, *, without_clicks: Sequence[int]
    ) -> list[Placement]:
        """See PreparedSet."""
        homes = [ddd17.find_folders(root, split=split, sequences=[sequence])[0] for root in roots]
        target = out / sequence
        made = [Placement(_one_of(homes, name), target / name) for name in ddd17.EVENTS]
        made.append(Placement(_one_of(homes, "index"), target / "index", members=r".*\.npy"))
        folders = (ddd17.MASKS, *(ddd17.click_folder(points) for points in CLICKS if points not in without_clicks))
        for name in folders:
            source = _one_of(homes, name, f"{name}.zip", needed=name == ddd17.MASKS)
            if source is not None:
                made.append(Placement(source, target / name, members=rf"{ddd17.MASK_NAME.pattern}\.png"))
        return made

    def dense_folder(self, root: str | Path, sequence: str) -> Path:
        """See PreparedSet."""
        folder = ddd17.find_folders(root, split="train", sequences=[sequence])[0] / ddd17.MASKS
        ddd17.find_masks(folder)
        return folder

    def click_folder(self, dense: Path, points: int) -> Path:
        """See PreparedSet."""
        return dense.with_name(ddd17.click_folder(points))

    def makers(self, root: str | Path, split: str, sequence: str, *, protocol: str, **options: Any) -> Makers:
        """See PreparedSet."""
        make = partial(
            ddd17.DDD17SegDataset, data_root=str(root), split=split, sequences=[sequence], protocol=protocol,
            outside="skip", **options,
        )  # fmt: skip
        home = ddd17.find_folders(root, split=split, sequences=[sequence])[0]
        clicked = [points for points in CLICKS if (home / ddd17.click_folder(points)).is_dir()]
        return {"dense": make} | {clicks_name(points): partial(make, points=points) for points in clicked}


class DSECNightPoint(PreparedSet):
    """DSEC Night-Point to one folder a recording.

    Args:
        dense: name of the folder of dense training labels, which the published set does not have.
    """

    key = "dsec_night_point"
    splits = ("train", "test")
    classes = len(CLASSES_19)
    official: ClassVar = {protocol: {"train": 1692, "test": 150} for protocol in ("ess", "full")}

    def __init__(self, *, dense: str = "labels_dense") -> None:
        self.dense = dense

    def sequences(self, roots: Roots, split: str, wanted: Sequence[str] | None) -> list[str]:
        """See PreparedSet. Training and testing frames are of the same recordings."""
        if wanted is None or list(wanted) != ALL:
            return list(night.SEQUENCES if wanted is None else wanted)
        return night.find_sequences(roots, night.LABELS[split])

    def placements(
        self, roots: Roots, split: str, sequence: str, out: Path, *, without_clicks: Sequence[int]
    ) -> list[Placement]:
        """See PreparedSet."""
        home = out / sequence
        events = night.find_part(roots, sequence, night.EVENTS)
        times = night.find_part(roots, sequence, night.TIMES)
        labels = night.find_part(roots, sequence, [night.LABELS[split]])
        made = [
            Placement(events, home / "events/left/events.h5"),
            Placement(_there(events.with_name("rectify_map.h5")), home / "events/left/rectify_map.h5"),
            Placement(times, home / "timestamps.txt"),
            Placement(labels, home / labels.name, members=r".*\.png"),
        ]
        more = (self.dense, *(night.click_folder(points) for points in CLICKS if points not in without_clicks))
        for name in more if split == "train" else ():
            found = _or_none(night.find_part, roots, sequence, [name])
            if found is not None:
                made.append(Placement(found, home / name, members=r".*\.png"))
        return made

    def dense_folder(self, root: str | Path, sequence: str) -> Path:
        """See PreparedSet."""
        return night.find_part(
            [root], sequence, [self.dense], help_text="Dense training labels are not part of the published set; give "
            "the name of your folder with --dense."
        )  # fmt: skip

    def click_folder(self, dense: Path, points: int) -> Path:
        """See PreparedSet. The data set is told with `labels`; its own, labels/, are clicks of people."""
        return dense.with_name(night.click_folder(points))

    def makers(self, root: str | Path, split: str, sequence: str, *, protocol: str, **options: Any) -> Makers:
        """See PreparedSet."""
        make = partial(
            night.DSECNightPointDataset, data_root=str(root), split=split, sequences=[sequence], protocol=protocol,
            classes=19, outside="skip", **options,
        )  # fmt: skip
        if split == "test":
            return {"labels": make}
        names = {clicks_name(points): night.click_folder(points) for points in CLICKS} | {"dense": self.dense}
        found = {kind: name for kind, name in names.items() if _or_none(night.find_part, [root], sequence, [name])}
        return {"labels": make} | {kind: partial(make, labels=name) for kind, name in found.items()}


def clicks_name(points: int) -> str:
    """1 -> "1 click", 10 -> "10 clicks"."""
    return f"{points} click" + "s" * (points > 1)


def _first(roots: Roots, find: Callable, **options: Any) -> Any:
    """What `find` finds in the first root that has it. Raises the UserError of the last root if none has."""
    for root in roots[:-1]:
        found = _or_none(find, root, **options)
        if found is not None:
            return found
    return find(roots[-1], **options)


def _or_none(find: Callable, *arguments: Any, **options: Any) -> Any:
    try:
        return find(*arguments, **options)
    except UserError:
        return None


def _one_of(homes: Sequence[Path], *names: str, needed: bool = True) -> Path | None:
    """The first of some files or folders in the first home that has one. Raises UserError if it is needed."""
    found = next((home / name for name in names for home in homes if (home / name).exists()), None)
    if found is None and needed:
        raise UserError(f"{homes[0]}: holds no {' nor '.join(names)}; unpack the archive again.")
    return found


def _stems(folder: Path) -> set[str]:
    return set(index_by_stem(folder, (".png",))[0])


def _there(path: Path) -> Path:
    if not path.is_file():
        raise UserError(f"{path}: is missing; get it from the archive that events.h5 came from.")
    return path


def _names(roots: Roots) -> str:
    return ", ".join(f"'{root}'" for root in roots)
