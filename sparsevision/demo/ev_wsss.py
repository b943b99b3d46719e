"""Streets seen by an event camera, learnt from one click for each class of a frame."""

import json
from pathlib import Path

import numpy as np

from sparsevision.datasets.image_io import read_class_map
from sparsevision.demo.entry import DemoEntry, DemoResult, Picture
from sparsevision.demo.training import Training
from sparsevision.engine import call_tool
from sparsevision.evaluation.functional.confusion import confusion_matrix, iou_from_confusion, overall_accuracy

TRAINING = Training("tiny_evwsss_e2vid_1click_26e_street", steps=10)
DATA = "data/tiny_street"
CLASSES = 11
DRIVE = Path(DATA, "dsec", "test", "street_day_24")
ROAD = 5
PICTURES = 4


def run(folder: Path) -> DemoResult:
    """Make the street, train, test, and film one drive."""
    config, work_dir, out = TRAINING.config, folder / "run", folder / "predictions"
    video = folder / "street.mp4"
    made = call_tool("make_synthetic.py", "street", "--out", DATA, "--seed", "0")
    trained = TRAINING.run(work_dir)
    after = [
        call_tool(
            "test.py", config, trained.checkpoint,
            "--work-dir", work_dir, "--out", out, "--show-dir", folder / "pictures",
        ),
        call_tool(
            "event_segment.py", config, trained.checkpoint, DRIVE / "events" / "left" / "events.h5", "--out", video,
            "--times", DRIVE / f"{DRIVE.name}_semantic_timestamps.txt", "--labels", DRIVE / "11classes",
            "--clicks", DRIVE / "11classes_weak_1point_per_class", "--fps", "5",
        ),
    ]  # fmt: skip
    metrics = json.loads((out / "metrics.json").read_text())
    return DemoResult(
        pictures=_pictures(folder, video),
        metrics={
            "trained from clicks": {name: metrics[name] for name in ("mIoU", "aAcc")},
            "answering “road”": score_constant(DRIVE.parent, ROAD),
        },
        commands=[made, *trained.commands, *after],
        remark=f"Percent, on drives with textures that training never saw. {trained.remark} What the whole of it "
        "reaches, and what each part of the method brings: configs/ev_wsss/README.md.",
    )


def score_constant(folder: Path, answer: int) -> dict[str, float]:
    """Percent that one class everywhere scores on the label maps of some drives."""
    truths = [read_class_map(path) for path in sorted(folder.glob("*/11classes/*.png"))]
    matrix = sum(
        confusion_matrix(np.full_like(truth, answer), truth, num_classes=CLASSES, ignore_index=255) for truth in truths
    )
    return {
        "mIoU": 100 * float(np.nan_to_num(iou_from_confusion(matrix)).mean()),
        "aAcc": 100 * overall_accuracy(matrix),
    }


def _pictures(folder: Path, video: Path) -> list[Picture]:
    """The film, and the first picture of a few drives."""
    first_of = {}
    for path in sorted((folder / "pictures").glob("*.png")):
        drive, _, frame = path.stem.rpartition("_")
        first_of.setdefault(drive, Picture(path, f"{drive}, frame {frame}: events, truth, prediction"))
    film = Picture(video, f"{DRIVE.name}: events, prediction, clicks (not used in testing), truth")
    return [film, *list(first_of.values())[:PICTURES]]


ENTRY = DemoEntry(
    name="ev_wsss",
    title="Event cameras: streets from clicks",
    about="Two small recurrent networks learn to segment a street from the events of a camera, one from the past of a "
    "moment, one from its future run backwards. 76 frames have one click for each class that they show. The street is "
    "rendered, its textures are photographs of scikit-image.",
    run=run,
    longer=TRAINING.longer,
)
