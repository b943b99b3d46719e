"""tools/analysis_tools/radiance_learning.py: what is learnt and tested, when the grids are as good, what is said."""

import json

import numpy as np
import pytest
from tool_runner import load_tool, run_tool

from sparsevision.datasets.image_io import write_png

TOOL = "analysis_tools/radiance_learning.py"
pytestmark = pytest.mark.usefixtures("threads")


@pytest.fixture(scope="module")
def learning():
    return load_tool(TOOL)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """Ten views side by side of a wall, 12 x 16 pixels, all with an object."""
    root, rng = tmp_path_factory.mktemp("learning") / "wall", np.random.default_rng(0)
    rows = []
    for view in range(10):
        write_png(root / "images" / f"view{view}.png", rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        pose = np.array([[0, 1, 0, 0.1 * view, 12], [-1, 0, 0, 0, 16], [0, 0, 1, 0, 14]], dtype=np.float64)
        rows.append([*pose.ravel(), 2.0, 6.0])
    np.save(root / "poses_bounds.npy", np.array(rows))
    return root


def test_a_run_to_json(scene, tmp_path):
    options = ["--factor", 1, "--seconds", 0.02, "--marks", 2, "--every", 1, "--rays", 4, "--samples", 4, 4]
    finished = run_tool(TOOL, scene, *options, "--threads", 1, "--out", tmp_path / "learning.json")
    assert finished.code == 0, finished.err
    written = json.loads((tmp_path / "learning.json").read_text())
    assert (written["score"], written["tested"]) == ("PSNR/full", ["view0", "view8"])
    assert len(written["network_marks"]) == 2
    assert written["network_marks"][-1]["seconds"] >= 0.02
    assert [mark["steps"] for mark in written["grid_marks"]] == list(range(1, 1 + len(written["grid_marks"])))
    assert "8 views to learn from; tested: view0, view8" in finished.out
    assert "our dense grids" in finished.out


def test_tested_views_are_not_learnt_from(learning, scene):
    photographs = learning.Photographs(scene, factor=1)
    assert photographs.learnt == [1, 2, 3, 4, 5, 6, 7, 9]
    drawn = photographs.rays(500).draw(np.random.default_rng(0))
    learnt = photographs.data.scene.poses[photographs.learnt, :, 3].astype(np.float32)
    assert {tuple(origin) for origin in drawn["rays"][:, :3].numpy()} == set(map(tuple, learnt))


@pytest.mark.parametrize("network", ["ours", "nerfstudio"])
def test_the_same_seed_learns_the_same(learning, scene, network):
    if network == "nerfstudio":
        pytest.importorskip("nerfstudio")
    args = learning.parse_args([str(scene), "--rays", "4", "--samples", "4", "4", "--network", network])
    photographs, recipe, scores = learning.Photographs(scene, factor=1), learning.network_recipe(args), []
    for seed in (0, 0, 1):
        learner = learning.Learner(recipe, photographs, seed=seed)
        before = learner.test()
        learner.step()
        scores.append((before.psnr, learner.test().psnr))
    assert scores[0] == scores[1] != scores[2]
    assert scores[0][0] != scores[0][1]


def test_grids_learn_as_their_config_says(learning):
    recipe = learning.grid_recipe()
    assert (recipe.rays, recipe.rate) == (1024, 0.1)
    assert recipe.decay**600 == pytest.approx(0.1)


def test_the_grids_count_from_the_first_test_that_is_as_good(learning):
    network = [learning.Mark(9, 10.0, 12.0), learning.Mark(19, 20.0, 11.0), learning.Mark(29, 30.0, 15.0)]
    grids = [learning.Mark(5, 1.0, 10.0), learning.Mark(10, 2.5, 14.0), learning.Mark(15, 4.0, 14.9)]
    first, last = learning.pairs_of(network, grids)
    assert (first.grids, first.ratio) == (grids[1], 4.0)
    assert "12.00 dB: our dense grids are there 4.0 x as soon (5 wanted, NOT MET)" in learning.verdict(first)
    assert (last.network, last.grids, last.ratio) == (network[2], None, None)
    assert "did not come there" in learning.verdict(last)
    reached = learning.pairs_of(network, [*grids, learning.Mark(20, 6.0, 15.0)])[-1]
    assert learning.verdict(reached).endswith("5.0 x as soon (5 wanted)")


def test_one_view_is_refused(learning, scene, tmp_path):
    (tmp_path / "one" / "images").mkdir(parents=True)
    (tmp_path / "one" / "images" / "view0.png").write_bytes((scene / "images" / "view0.png").read_bytes())
    np.save(tmp_path / "one" / "poses_bounds.npy", np.load(scene / "poses_bounds.npy")[:1])
    finished = run_tool(TOOL, tmp_path / "one", "--factor", 1)
    assert finished.code != 0
    assert "expected two or more" in finished.err
