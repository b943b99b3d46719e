"""Training from one scribble on the object and one beside it."""

import json
from pathlib import Path

import numpy as np

from sparsevision.datasets.image_io import read_mask
from sparsevision.demo.entry import DemoEntry, DemoResult, Picture
from sparsevision.demo.training import Training
from sparsevision.engine import call_tool
from sparsevision.evaluation.functional.cod import score_image, summarise

TRAINING = Training("tiny_sparseseg_resnet18_scribble_30e_camouflage", steps=10)
DATA = "data/tiny_camouflage"
SHOWN = ("MAE", "Sm", "Em", "wF")
PICTURES = 6


def run(folder: Path) -> DemoResult:
    """Make the data, look at its labels, train, test."""
    config, work_dir, out = TRAINING.config, folder / "run", folder / "predictions"
    before = [
        call_tool("make_synthetic.py", "camouflage", "--out", DATA, "--seed", "0"),
        call_tool("misc/browse_dataset.py", config, "--out-dir", folder / "labels", "--number", "2"),
    ]
    trained = TRAINING.run(work_dir)
    test = call_tool(
        "test.py", config, trained.checkpoint,
        "--work-dir", work_dir, "--out", out, "--show-dir", folder / "pictures",
    )  # fmt: skip
    metrics = json.loads((out / "metrics.json").read_text())
    return DemoResult(
        pictures=_pictures(folder),
        metrics={
            "trained from scribbles": {key: metrics[f"cod/{key}"] for key in SHOWN},
            "answering “nothing here”": score_nothing(Path(DATA, "TestDataset", "TinyCamo", "GT")),
        },
        commands=[*before, *trained.commands, test],
        remark=f"Test pictures that training never saw. MAE: lower is better; the others: higher. {trained.remark} "
        "What the whole of it reaches, and what it would with every pixel labelled: configs/sparse_seg/README.md.",
    )


def score_nothing(masks: Path) -> dict[str, float]:
    """Scores of an all-background answer, the majority class, on a folder of masks."""
    truths = [read_mask(path, threshold=128) for path in sorted(masks.glob("*.png"))]
    scores = summarise([score_image(np.zeros(truth.shape), truth) for truth in truths])
    return {key: scores[key] for key in SHOWN}


def _pictures(folder: Path) -> list[Picture]:
    labels = sorted((folder / "labels").rglob("*.png"))[:2]
    results = sorted((folder / "pictures").glob("*.png"))[:PICTURES]
    return [Picture(path, "what training sees: an image and its two scribbles") for path in labels] + [
        Picture(path, f"{path.stem}: image, truth, prediction") for path in results
    ]


ENTRY = DemoEntry(
    name="sparse_seg",
    title="Segmentation from scribbles",
    about="A small network learns to find camouflaged animals from one scribble on the animal and one beside it; "
    "everything else is unlabelled. The pictures are made of textures and photographs of scikit-image.",
    run=run,
    longer=TRAINING.longer,
    cover=6,
)
