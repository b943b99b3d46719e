"""DSEC Night-Point: five night drives of DSEC with clicks for training and dense labels for testing."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from sparsevision.datasets.events import layouts
from sparsevision.datasets.events.dataset import EventSegDataset, LabelledMoment, by_protocol, names_of
from sparsevision.datasets.events.dsec_classes import TO_11, TO_18, class_metainfo, identity
from sparsevision.registry import DATASETS
from sparsevision.utils import UserError

DOC_PATH = "docs/prepare_data.md"
SEQUENCES = tuple(f"zurich_city_09_{letter}" for letter in "abcde")
HOMES = ("{sequence}", "DSEC_Night/{sequence}", "train/{sequence}", "train_events/{sequence}")
EVENTS = ("events/left/events.h5", "left/events.h5")
TIMES = ("timestamps.txt", "images/timestamps.txt", "{sequence}_image_timestamps.txt")
LABELS = {"train": "labels", "test": "labels_test"}
TEST_NAME = re.compile(r"(?:.*_)?(\d+)_grey_gtFine_labelTrainIds")
LABEL_IDS = {11: TO_11, 18: TO_18, 19: identity(19)}


@DATASETS.register_module()
class DSECNightPointDataset(EventSegDataset):
    """Labelled moments of the night drives; files hold Cityscapes' trainIds and have the whole sensor's size.

    Source: dense labels from Xia et al., "CMDA" (ICCV 2023); clicks from Cho et al., "Finding Meaning in Points" (ECCV
    2024). Training and testing frames are of the same five sequences. The samples are those of `EventSegDataset`; a
    label's number is its line in timestamps.txt.

    Args:
        data_root: the folder DSEC_Night, or one that holds it.
        split: "train" for labels/, clicks; "test" for labels_test/, dense, named
            <sequence>_NNNNNN_grey_gtFine_labelTrainIds.png.
        sequences: one or more names; None for the official ones, "all" for whatever has labels of the split.
        classes: 11 (those of DSEC-Semantic, as published), 18 (without truck, as CMDA reports) or 19.
        protocol: "ess" and "full" are the same here: the released code uses every label.
        labels: name of another folder of labels in each sequence, e.g. "labels_weak_1point_per_class".
        kwargs: see `EventSegDataset`.

    Raises:
        UserError: a file is missing or does not fit the others; the message names it.
    """

    METAINFO = class_metainfo(11)
    rectified = True

    def __init__(
        self,
        *,
        data_root: str,
        split: str = "train",
        sequences: Sequence[str] | str | None = None,
        classes: int = 11,
        protocol: str = "ess",
        labels: str | None = None,
        name: str = "dsec_night_point",
        sensor_size: tuple[int, int] = (480, 640),
        crop_bottom: int = 40,
        prepare: str = f"See {DOC_PATH} for where to get DSEC Night-Point and how to unpack it.",
        **kwargs,
    ) -> None:
        if split not in LABELS:
            raise UserError(f"DSECNightPointDataset: split={split!r}; expected 'train' or 'test'.")
        if classes not in LABEL_IDS:
            raise UserError(f"DSECNightPointDataset: classes={classes!r}; expected 11, 18 or 19.")
        by_protocol((), protocol)
        self.folder = data_root
        self.split = split
        self.sequences = SEQUENCES if sequences is None else sequences
        self.label_ids = LABEL_IDS[classes]
        self.label_folder = labels or LABELS[split]
        metainfo = class_metainfo(classes) | dict(kwargs.pop("metainfo", None) or {})
        size = {"sensor_size": sensor_size, "crop_bottom": crop_bottom}
        super().__init__(name=name, prepare=prepare, metainfo=metainfo, **size, **kwargs)

    def moments(self) -> Iterator[LabelledMoment]:
        """All labels, sequence by sequence."""
        if not Path(self.folder).is_dir():
            raise UserError(f"The data folder '{self.folder}' does not exist. {self.prepare}")
        everything = self.sequences == "all"
        names = find_sequences([self.folder], self.label_folder) if everything else names_of(self.sequences)
        for sequence in names:
            yield from self._moments_of(sequence)

    def _moments_of(self, sequence: str) -> Iterator[LabelledMoment]:
        events = self._find(sequence, EVENTS)
        rectify_map = events.with_name("rectify_map.h5")
        if not rectify_map.is_file():
            raise UserError(f"{rectify_map}: the rectify map is missing; get it from the archive of events.h5.")
        times_path = self._find(sequence, TIMES)
        folder = self._find(sequence, (self.label_folder,))
        field = "mask" if self.split == "test" else "sparse"
        times = layouts.read_times(times_path)
        for stem, time, path in layouts.timed_labels(folder, times, times_path, number_of=frame_number):
            yield LabelledMoment(
                sequence=sequence,
                stem=f"{frame_number(stem):06d}",
                time=time,
                events=events,
                rectify_map=rectify_map,
                label_ids=self.label_ids,
                **{field: path},
            )

    def _find(self, sequence: str, inner: Sequence[str]) -> Path:
        return find_part([self.folder], sequence, inner, help_text=self.prepare)


def find_part(roots: Sequence[str | Path], sequence: str, inner: Sequence[str], *, help_text: str = "") -> Path:
    """The first of some files or folders of a sequence, wherever in the roots the sequence lies.

    Raises:
        UserError: there is none; the message lists where it was looked for.
    """
    patterns = [f"{home}/{each}" for home in HOMES for each in inner]
    for root in roots:
        found = layouts.first_path(root, patterns, sequence=sequence)
        if found is not None:
            return found
    tried = ", ".join(pattern.format(sequence=sequence) for pattern in patterns[: len(inner)])
    places = ", ".join(f"'{root}'" for root in roots)
    raise UserError(f"{places} holds no {tried} (nor in DSEC_Night/ or train/). {help_text}".strip())


def find_sequences(roots: Sequence[str | Path], labels: str) -> list[str]:
    """Names of the sequences that have a folder of labels of this name, sorted."""
    patterns = [f"{home.format(sequence='*')}/{labels}" for home in HOMES]
    return sorted({path.parent.name for root in roots for each in patterns for path in Path(root).glob(each)})


def click_folder(points: int) -> str:
    """Name of the folder of simulated label PNGs with so many clicks a class."""
    return f"labels_weak_{points}point_per_class"


def frame_number(stem: str) -> int | None:
    """Number of a frame from a label's name: 000012 and zurich_city_09_a_000012_grey_gtFine_labelTrainIds are 12."""
    named = TEST_NAME.fullmatch(stem)
    return int(named[1]) if named else layouts.plain_number(stem)
