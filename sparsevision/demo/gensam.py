"""GenSAM on photographs: one generic sentence in, masks out."""

import json
from pathlib import Path

from sparsevision.demo.entry import DemoEntry, DemoResult, Picture, shipped_config
from sparsevision.engine import call_tool
from sparsevision.synthetic.photos import OUTLINES
from sparsevision.weights import get_weights

CONFIG = "tiny_gensam_mobilesam_conse"
FULL_SIZE = "gensam_clipb16_samh_blip2_chameleon"
WEIGHTS = ("mobile_sam", "efficientnet_lite0", "all_minilm_l6_v2")
SHOWN = ("MAE", "Sm", "Em", "wF")


def run(folder: Path) -> DemoResult:
    """Fetch the weights, write the photographs, test. Raises UserError where weights cannot be had."""
    for name in WEIGHTS:
        get_weights(name, say=print)
    out, pictures = folder / "predictions", folder / "pictures"
    commands = [
        "python tools/get_weights.py " + " ".join(WEIGHTS),
        call_tool("make_synthetic.py", "photos", "--out", "data/photos"),
        call_tool(
            "test.py", shipped_config(CONFIG), "--work-dir", folder / "run", "--out", out, "--show-dir", pictures
        ),
    ]
    metrics = json.loads((out / "metrics.json").read_text())
    return DemoResult(
        pictures=[picture for name in sorted(OUTLINES) for picture in _pictures(pictures, name)],
        metrics={"four photographs": {key: metrics[f"cod/{key}"] for key in SHOWN}},
        commands=commands,
        remark="The truth was outlined by hand for this page. MAE: lower is better; the others: higher.",
    )


def longer() -> list[str]:
    """There is no training: a photograph of one's own, and the published models, which need their weights."""
    return [
        "python tools/demo.py photo.jpg --out-dir work_dirs/photo",
        f"python tools/test.py {shipped_config(FULL_SIZE)}",
    ]


def _pictures(folder: Path, name: str) -> list[Picture]:
    passes = "every pass: heatmap with the points and the box that SAM gets, and its answer below"
    return [
        Picture(folder / f"{name}.png", f"{name}: image, outline drawn by hand, GenSAM's mask"),
        Picture(folder / f"{name}_passes.png", f"{name}, {passes}"),
    ]


ENTRY = DemoEntry(
    name="gensam",
    title="GenSAM: one sentence, no training",
    about="The only input is the generic prompt “camouflaged animal”. Keywords and heatmaps find where to click, "
    "MobileSAM turns clicks into masks, each pass looks harder where the last one pointed, and the mask that agrees "
    "best with all others wins. Heatmaps and keywords come from ConSE here, a stand-in for CLIP and BLIP-2 whose "
    "weights are in packages.",
    run=run,
    longer=longer,
)
