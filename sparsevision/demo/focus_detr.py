"""Objects found by a detector whose encoder looks at a part of the picture."""

import json
from pathlib import Path

from sparsevision.demo.entry import DemoEntry, DemoResult, Picture
from sparsevision.demo.training import Training
from sparsevision.engine import call_tool
from sparsevision.weights import get_weights

TRAINING = Training("tiny_focus_detr_lite0_boxes_4e_shapes", steps=3)
DATA = Path("data/demo_shapes")
PICTURES, TESTED = 400, 60  # of 1500 and 200: the demo is meant to be short
WEIGHTS = "efficientnet_lite0"
SHOWN = ("AP", "AP50", "AP75")
DRAWN = 4
LEAST_SCORE = 0.3


def run(folder: Path) -> DemoResult:
    """Fetch the backbone's weights, make the pictures, train, test, and draw the tokens that are kept."""
    get_weights(WEIGHTS, say=print)
    config, out, tokens = TRAINING.config, folder / "predictions", folder / "tokens.png"
    made = call_tool(
        "make_synthetic.py", "detection", "--out", DATA, "--seed", "0",
        "--train", str(PICTURES), "--val", str(TESTED), "--overwrite",
    )  # fmt: skip
    trained = TRAINING.run(folder / "run", f"train_dataloader.dataset.data_root={DATA}")
    after = [
        call_tool(
            "test.py", config, trained.checkpoint, "--work-dir", folder / "run", "--out", out,
            "--show-dir", folder / "pictures", "--cfg-options", f"test_dataloader.dataset.data_root={DATA}",
        ),
        call_tool(
            "analysis_tools/show_tokens.py", config, trained.checkpoint, _pictured(), "--out", tokens,
            "--score-threshold", str(LEAST_SCORE),
        ),
    ]  # fmt: skip
    metrics = json.loads((out / "metrics.json").read_text())
    return DemoResult(
        pictures=_pictures(folder / "pictures", tokens),
        metrics={"trained from boxes": {name: 100 * metrics[f"coco/{name}"] for name in SHOWN}},
        commands=[f"python tools/get_weights.py {WEIGHTS}", made, *trained.commands, *after],
        remark=f"Average precision in percent, on {TESTED} pictures that training never saw. {trained.remark} "
        "What the whole of it reaches, also with half of the boxes, and what a sparse encoder saves: "
        "configs/focus_detr/README.md.",
    )


def _pictured() -> Path:
    return DATA / "val2017" / "000000000001.jpg"


def _pictures(results: Path, tokens: Path) -> list[Picture]:
    drawn = sorted(path for path in results.rglob("*.png"))[:DRAWN]
    sheet = "found; how much each place looks like an object; the tokens that each layer of the encoder updates"
    return [*(Picture(path, f"{path.stem}: truth, found") for path in drawn), Picture(tokens, sheet)]


ENTRY = DemoEntry(
    name="focus_detr",
    title="Focus-DETR: detection that looks at a part",
    about="A detector learns from boxes. A small selector scores every place of the picture, and each layer of the "
    "encoder updates fewer of them, 30 % on average: the bright ones below. The pictures are made of shapes and "
    "cut-outs of photographs of scikit-image; the backbone comes with its ImageNet weights.",
    run=run,
    longer=TRAINING.longer,
    main=False,
    cover=2,
)
