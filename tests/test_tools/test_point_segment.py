"""tools/point_segment.py: clouds in, a .ply and a picture of each out."""

import numpy as np
import pytest
from point_config import room_table, write_config, write_room, write_weights
from tool_runner import run_tool

from sparsevision.datasets.points.ply import read_ply


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rooms")
    write_room(folder / "data")
    config = write_config(folder / "config.py", folder / "data")
    for name in ("one.npy", "two.npy", "one.txt"):
        table = room_table(300)
        np.save(folder / name, table) if name.endswith("npy") else np.savetxt(folder / name, table)
    return [config, write_weights(folder / "weights.pth", config)], folder


def test_two_clouds(trained, tmp_path):
    model, folder = trained
    finished = run_tool(
        "point_segment.py", *model, folder / "one.npy", folder / "two.npy", "--out-dir", tmp_path, "--device", "cpu"
    )
    assert finished.code == 0, finished.err
    assert "300 points: " in finished.out
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == ["one.png", "one_labels.ply", "two.png", "two_labels.ply"]
    assert read_ply(tmp_path / "one_labels.ply").vertex["label"].max() < 13


def test_voting(trained, tmp_path):
    model, folder = trained
    options = ["--voting", "--max-fragments", 1, "--out-dir", tmp_path, "--device", "cpu"]
    once, voted = (
        run_tool("point_segment.py", *model, folder / "one.txt", *arguments)
        for arguments in (["--out-dir", tmp_path / "once", "--device", "cpu"], options)
    )
    assert once.code == voted.code == 0, voted.err
    confidence = [read_ply(at / "one_labels.ply").vertex["confidence"] for at in (tmp_path / "once", tmp_path)]
    assert not np.array_equal(*confidence)


@pytest.mark.parametrize(
    ("clouds", "arguments", "message"),
    [
        (["one.npy", "one.txt"], [], "2 clouds are called 'one'"),
        (["none.npy"], [], "there is no such file"),
        ([""], [], "is a folder; name its files"),
        (["one.npy"], ["--max-fragments", 3], "needs --voting"),
    ],
)
def test_refusals(trained, tmp_path, clouds, arguments, message):
    model, folder = trained
    paths = [folder / cloud for cloud in clouds]
    finished = run_tool("point_segment.py", *model, *paths, "--out-dir", tmp_path / "out", *arguments)
    assert finished.code == 2
    assert message in finished.err
    assert not (tmp_path / "out").exists()
