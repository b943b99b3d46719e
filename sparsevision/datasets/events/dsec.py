"""DSEC-Semantic: driving by day, 640x480 events with dense labels at 20 Hz, in three folder conventions."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from sparsevision.datasets.events import layouts
from sparsevision.datasets.events.dataset import EventSegDataset, LabelledMoment, by_protocol, names_of
from sparsevision.datasets.events.dsec_classes import TO_11, class_metainfo, identity
from sparsevision.registry import DATASETS
from sparsevision.utils import UserError

DOC_PATH = "docs/prepare_data.md"
SEQUENCES = {
    "train": tuple(f"zurich_city_{part}" for part in ("00_a", "01_a", "02_a", "04_a", "05_a", "06_a", "07_a", "08_a")),
    "test": ("zurich_city_13_a", "zurich_city_14_c", "zurich_city_15_a"),
}


@DATASETS.register_module()
class DSECSemanticDataset(EventSegDataset):
    """Labelled moments of DSEC-Semantic, or of recordings kept like it.

    Source: Gehrig et al., "DSEC: A Stereo Event Camera Dataset for Driving Scenarios" (RA-L 2021); labels from Sun et
    al., "ESS" (ECCV 2022). `layouts.py` lists the folders in which files are found; the samples are those of
    `EventSegDataset`. Labels have the size of the sensor without its `crop_bottom` lowest rows.

    Args:
        data_root: folder with train/ and test/, or that of one sequence's parent.
        split: "train" or "test".
        sequences: one or more names; None for the official lists, "all" for whatever the folder of the split holds.
        classes: 11 or 19. With 11 and no folder of 11 classes, the 19 classes are mapped.
        protocol: "ess" drops the first 6 labels of each sequence and takes every second of the others (4021 for
            training, 1397 for testing), "full" takes all.
        points: clicks per class of the sparse labels, 1 or 10; None: no sparse labels.
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
        points: int | None = None,
        name: str = "dsec_semantic",
        sensor_size: tuple[int, int] = (480, 640),
        crop_bottom: int = 40,
        prepare: str = f"See {DOC_PATH} for where to get DSEC-Semantic and how to unpack it.",
        **kwargs,
    ) -> None:
        if split not in SEQUENCES:
            raise UserError(f"DSECSemanticDataset: split={split!r}; expected 'train' or 'test'.")
        if classes not in (11, 19):
            raise UserError(f"DSECSemanticDataset: classes={classes!r}; expected 11 or 19.")
        by_protocol((), protocol)
        self.folder = data_root
        self.split = split
        self.sequences = sequences
        self.num_classes = classes
        self.protocol = protocol
        self.points = points
        metainfo = class_metainfo(classes) | dict(kwargs.pop("metainfo", None) or {})
        size = {"sensor_size": sensor_size, "crop_bottom": crop_bottom}
        super().__init__(name=name, prepare=prepare, metainfo=metainfo, **size, **kwargs)

    def moments(self) -> Iterator[LabelledMoment]:
        """All labels of the protocol, sequence by sequence."""
        for sequence in self._sequence_names():
            yield from self._moments_of(sequence)

    def _sequence_names(self) -> Sequence[str]:
        if not Path(self.folder).is_dir():
            raise UserError(f"The data folder '{self.folder}' does not exist. {self.prepare}")
        if self.sequences == "all":
            return layouts.find_sequences(self.folder, split=self.split, help_text=self.prepare)
        return SEQUENCES[self.split] if self.sequences is None else names_of(self.sequences)

    def _moments_of(self, sequence: str) -> Iterable[LabelledMoment]:
        where = {"split": self.split, "sequence": sequence}
        recording = layouts.find_events(self.folder, **where, help_text=self.prepare)
        if not recording.rectify_map.is_file():
            raise UserError(
                f"{recording.rectify_map}: the rectify map is missing. DSEC's labels are aligned to rectified events; "
                f"get it from the archive that the events came from. {self.prepare}"
            )
        dense, sparse, ids = self._label_folders(**where)
        folder = sparse or dense
        times_path = layouts.find_times(self.folder, **where, help_text=self.prepare)
        labels = layouts.timed_labels(folder, layouts.read_times(times_path), times_path)
        for stem, time, path in by_protocol(labels, self.protocol):
            mask = dense and dense / path.name
            yield LabelledMoment(
                sequence=sequence,
                stem=stem,
                time=time,
                events=recording.events,
                rectify_map=recording.rectify_map,
                mask=mask if mask and mask.is_file() else None,
                sparse=path if sparse else None,
                label_ids=ids,
            )

    def _label_folders(self, **where: str) -> tuple[Path | None, Path | None, dict[int, int]]:
        """Folders of dense and sparse labels, in one coding, and the map of its ids. Clicks alone are enough."""
        codings = (11, 19) if self.num_classes == 11 else (19,)
        wanted = layouts.find_labels(self.folder, **where, classes=codings, points=self.points)
        if wanted is None:
            raise UserError(self._no_labels(codings[0], where["sequence"]))
        folder, coding = wanted
        ids = TO_11 if coding > self.num_classes else identity(coding)
        if self.points is None:
            return folder, None, ids
        dense = layouts.find_labels(self.folder, **where, classes=(coding,))
        return dense and dense[0], folder, ids

    def _no_labels(self, coding: int, sequence: str) -> str:
        kind = layouts.label_folder(coding, self.points)
        how = " Make clicks with tools/dataset_converters/dsec_semantic.py --points." if self.points else ""
        return f"No folder '{kind}' of sequence '{sequence}' ({self.split}) under '{self.folder}'.{how} {self.prepare}"
