"""Streets seen by an event camera, learnt from one click for each class of a frame."""

import json
from pathlib import Path

import numpy as np

from sparsevision.datasets.image_io import read_class_map
from sparsevision.demo.entry import DemoEntry, DemoResult, Picture, shipped_config
from sparsevision.engine import call_tool
from sparsevision.evaluation.functional.confusion import confusion_matrix, iou_from_confusion, overall_accuracy

CONFIG = "tiny_evwsss_e2vid_1click_26e_street"
EPOCHS = 10  # of 26: the demo is meant to be short
DATA = "data/tiny_street"
CLASSES = 11
DRIVE = Path(DATA, "dsec", "test", "street_day_24")
ROAD = 5
PICTURES = 4


def run(folder: Path) -> DemoResult:
    """Make the street, train, test, and film one drive."""
    config, work_dir, out = shipped_config(CONFIG), folder / "run", folder / "predictions"
    checkpoint, video = work_dir / f"epoch_{EPOCHS}.pth", folder / "street.mp4"
    commands = [
        call_tool("make_synthetic.py", "street", "--out", DATA, "--seed", "0"),
        call_tool("train.py", config, "--work-dir", work_dir, "--cfg-options", f"train_cfg.max_epochs={EPOCHS}"),
        call_tool(
            "test.py", config, checkpoint,
            "--work-dir", work_dir, "--out", out, "--show-dir", folder / "pictures",
        ),
        call_tool(
            "event_segment.py", config, checkpoint, DRIVE / "events" / "left" / "events.h5", "--out", video,
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
        commands=commands,
        remark="Percent, on drives with textures that training never saw. Training stops here after "
        f"{EPOCHS} of its 26 epochs. What the whole of it reaches, and what each part of the method brings: "
        "configs/ev_wsss/README.md.",
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
)
