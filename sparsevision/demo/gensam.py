"""GenSAM on photographs: one generic sentence in, masks out."""

import json
from pathlib import Path

from sparsevision.demo.entry import DemoEntry, DemoResult, Picture, call_tool
from sparsevision.weights import get_weights

CONFIG = "configs/gensam/tiny_gensam_mobilesam_conse.py"
WEIGHTS = ("mobile_sam", "efficientnet_lite0", "all_minilm_l6_v2")


def run(folder: Path) -> DemoResult:
    """Fetch the weights, write the photographs, test; raises UserError where weights cannot be had."""
    for name in WEIGHTS:
        get_weights(name)
    commands = [
        call_tool("get_weights.py", *WEIGHTS),
        call_tool("make_synthetic.py", "photos", "--out", "data/photos"),
        call_tool("test.py", CONFIG, "--work-dir", folder, "--out", folder / "out", "--show-dir", "pictures"),
    ]
    return DemoResult(pictures=[], metrics={}, commands=commands)


ENTRY = DemoEntry(
    name="gensam",
    title="GenSAM: one sentence, no training",
    about="x",
    run=run,
)
