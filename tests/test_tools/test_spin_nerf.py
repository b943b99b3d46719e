"""tools/spin_nerf.py: from clicks to a page, stage by stage."""

import json

import numpy as np
import pytest
from tool_runner import run_tool

from sparsevision.datasets.image_io import read_image, read_mask
from sparsevision.evaluation.functional.views import mask_iou
from sparsevision.synthetic.removal_room_set import SMALL, write_removal_room

QUICK = ("train_cfg.max_iters=4", "default_hooks.checkpoint.interval=2", "final:model.perceptual_from=100")


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    root = tmp_path_factory.mktemp("removal") / "room"
    write_removal_room(root, SMALL)
    return root


def remove(room, out, *options):
    return run_tool("spin_nerf.py", room, "--clicks", room / "clicks.json", "--factor", "2", "--out", out, *options)


def test_masks_can_be_looked_at_before_anything_is_trained(room, tmp_path):
    done = remove(room, tmp_path / "out", "--segmenter", "grabcut", "--until", "propagate")
    assert done.code == 0, done.err
    names = sorted(path.stem for path in (tmp_path / "out" / "propagate" / "label").glob("*.png"))
    assert names == [f"image{number:03d}" for number in range(SMALL.test, SMALL.test + SMALL.train)]
    assert read_image(tmp_path / "out" / "segment" / "clicks.png").shape == (SMALL.height, SMALL.width, 3)
    again = remove(room, tmp_path / "out", "--segmenter", "grabcut", "--until", "propagate")
    assert again.err.count("done before") == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"view": "image000"}, "is a view without the object"),
        ({"view": "image099"}, "no view 'image099'"),
        ({"clicks": [[3, 3, 0]]}, "none is on the object"),
        ({"clicks": [[300, 3, 1]]}, "clicks.json"),
    ],
)
def test_clicks_that_cannot_be_meant_are_told(room, tmp_path, change, message):
    clicks = tmp_path / "clicks.json"
    clicks.write_text(json.dumps({"view": "image004", "clicks": [[30, 20, 1]]} | change))
    done = run_tool(
        "spin_nerf.py", room, "--clicks", clicks, "--factor", "2", "--out", tmp_path / "out", "--segmenter", "grabcut"
    )  # fmt: skip
    assert done.code == 2
    assert message in " ".join(done.err.split())


def test_a_scene_that_is_none_is_told(tmp_path):
    (tmp_path / "clicks.json").write_text("{}")
    done = run_tool(
        "spin_nerf.py", tmp_path, "--clicks", tmp_path / "clicks.json", "--factor", "2", "--out", tmp_path / "out"
    )  # fmt: skip
    assert done.code == 2
    assert "Traceback" not in done.err


@pytest.mark.slow
@pytest.mark.real_weights
def test_the_whole_chain(room, tmp_path, weights):
    for name in ("mobile_sam", "lpips_vgg16"):
        weights(name)
    out = tmp_path / "out"
    done = remove(room, out, "--cfg-options", *QUICK)
    assert done.code == 0, done.err
    found = sorted((out / "propagate" / "label").glob("*.png"))
    overlaps = [mask_iou(read_mask(path), read_mask(room / "truth" / "mask" / path.name)) for path in found]
    assert len(overlaps) == SMALL.train
    assert np.mean(overlaps) > 0.8
    numbers = json.loads((out / "measure" / "final" / "metrics.json").read_text())
    assert {"PSNR/masked", "PSNR/full", "LPIPS/full"} <= set(numbers)
    assert (out / "present" / "before_after.mp4").stat().st_size > 1000
    assert "before_after.mp4" in (out / "present" / "index.html").read_text()
    changed = remove(room, out, "--cfg-options", *QUICK, "--inpainter", "opencv", "--until", "inpaint")
    assert changed.err.count("done before") == 5
