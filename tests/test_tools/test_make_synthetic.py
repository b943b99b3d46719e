"""tools/make_synthetic.py: makes, keeps, refuses."""

import pytest
from tool_runner import run_tool


def make(*arguments):
    """Run the camouflage subcommand with a tiny set."""
    return run_tool("make_synthetic.py", "camouflage", "--train", 2, "--test", 1, "--size", 48, *arguments)


def test_make_camouflage(tmp_path):
    pytest.importorskip("skimage")
    first = make("--out", tmp_path / "set", "--seed", 5)
    assert (first.code, "wrote 2 training and 1 test pictures" in first.out) == (0, True)
    assert len(list((tmp_path / "set/TrainDataset/Imgs").iterdir())) == 2
    assert "already holds these" in make("--out", tmp_path / "set", "--seed", 5).out
    refused = make("--out", tmp_path / "set", "--seed", 6)
    assert (refused.code, "--overwrite" in refused.err) == (2, True)
    assert make("--out", tmp_path / "set", "--seed", 6, "--overwrite").code == 0


def test_make_rooms(tmp_path):
    pytest.importorskip("skimage")
    few = ("rooms", "--small", "--s3dis-train", 1, "--s3dis-test", 0, "--scannet-train", 0, "--scannet-val", 0)
    first = run_tool("make_synthetic.py", *few, "--scannet-test", 0, "--s3dis-points", 2000, "--out", tmp_path / "set")
    assert first.code == 0
    assert "wrote 1 training and 0 test rooms in the layout of S3DIS, 0 training" in first.out
    assert 1800 < len((tmp_path / "set/s3dis/Area_1/office_1/office_1.txt").read_text().splitlines()) < 2200
    refused = run_tool("make_synthetic.py", *few, "--positions", 0, "--out", tmp_path / "other")
    assert (refused.code, "1 to 20 positions" in refused.err) == (2, True)


def test_make_detection(tmp_path):
    pytest.importorskip("skimage")
    few = ("make_synthetic.py", "detection", "--train", 2, "--val", 1, "--out", tmp_path / "set")
    first = run_tool(*few)
    assert (first.code, "wrote 2 training and 1 validation pictures" in first.out) == (0, True)
    assert len(list((tmp_path / "set/train2017").iterdir())) == 2
    assert "already holds these" in run_tool(*few).out


@pytest.mark.parametrize("kind", ["camouflage", "photos", "street", "rooms", "detection"])
@pytest.mark.parametrize("place", ["file", "file/folder"])
def test_a_place_that_cannot_be_written_to_is_one_sentence(tmp_path, kind, place):
    pytest.importorskip("skimage")
    pytest.importorskip("sklearn")
    (tmp_path / "file").write_text("kept")
    finished = run_tool("make_synthetic.py", kind, "--out", tmp_path / place)
    assert finished.code == 2
    assert f"{place}: cannot be written (" in finished.err
    assert [path.read_text() for path in tmp_path.iterdir()] == ["kept"]
