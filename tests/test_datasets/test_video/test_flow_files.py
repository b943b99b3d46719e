"""Flow files in three kinds: bytes by hand, there and back, damaged ones; pairs of frames by their names."""

import cv2
import numpy as np
import pytest

from sparsevision.datasets.image_io import read_image, write_png
from sparsevision.datasets.transforms import LoadFlowPair, PackVideoInputs
from sparsevision.datasets.video.flow_files import read_flow_file, write_flow_file
from sparsevision.datasets.video.flow_pairs import FlowPairs, load_pair
from sparsevision.layers.optical_flow import dis_flow
from sparsevision.utils import UserError

FLOW = np.random.default_rng(0).uniform(-30, 30, (2, 5, 7)).astype(np.float32)
KNOWN = np.random.default_rng(1).random((5, 7)) < 0.7


@pytest.mark.parametrize(("suffix", "most"), [(".flo", 0), (".pfm", 0), (".png", 0.5 / 64 + 1e-6)])
def test_there_and_back(suffix, most, tmp_path):
    path = tmp_path / f"a{suffix}"
    write_flow_file(path, np.where(KNOWN, FLOW, np.nan), KNOWN)
    flow, known = read_flow_file(path)
    assert np.array_equal(known, KNOWN)
    assert flow.dtype == np.float32
    assert np.abs(flow - np.where(KNOWN, FLOW, 0)).max() <= most


def test_bytes_by_hand(tmp_path):
    """Channel order and row order, which a round trip cannot see."""
    (tmp_path / "a.flo").write_bytes(b"PIEH" + np.array([2, 1], "<i4").tobytes() + np.float32([1, 2, 3, 4]).tobytes())
    assert read_flow_file(tmp_path / "a.flo")[0].tolist() == [[[1, 3]], [[2, 4]]]
    rows = np.float32([[[1, 2, 0]], [[3, 4, 0]]])  # bottom row first
    (tmp_path / "a.pfm").write_bytes(b"PF\n1 2\n1.0\n" + rows.astype(">f4").tobytes())
    assert read_flow_file(tmp_path / "a.pfm")[0].tolist() == [[[3], [1]], [[4], [2]]]
    cv2.imwrite(str(tmp_path / "a.png"), np.uint16([[[1, 2**15 - 64, 2**15 + 128], [0, 0, 0]]]))  # blue, green, red
    flow, known = read_flow_file(tmp_path / "a.png")
    assert flow[:, 0, 0].tolist() == [2, -1]
    assert known.tolist() == [[True, False]]


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("a.flo", b"PIEH" + np.array([9, 9], "<i4").tobytes(), r"a\.flo: .*is it cut off"),
        ("a.flo", b"nonsense", r"a\.flo: .*PIEH"),
        ("a.pfm", b"PF\n4 4\n-1.0\n1234", r"a\.pfm: 4 bytes of values, 192"),
        ("a.pfm", b"Pf\n1 1\n-1.0\n1234", r"a\.pfm: .*one channel"),
        ("a.pfm", b"P6\n1 1\n255\n123", r"a\.pfm: not a PFM"),
        ("a.png", cv2.imencode(".png", np.zeros((2, 2, 3), np.uint8))[1].tobytes(), r"a\.png: .*16-bit.*uint8"),
        ("a.png", b"nonsense", r"a\.png: .*no image"),
        ("a.txt", b"1 2", r"a\.txt: .*\.flo, \.png, \.pfm"),
    ],
)
def test_damaged_files_are_named(name, data, problem, tmp_path):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UserError, match=problem):
        read_flow_file(tmp_path / name)


def test_what_cannot_be_written(tmp_path):
    with pytest.raises(UserError, match=r"a\.png: .*511\.98"):
        write_flow_file(tmp_path / "a.png", np.full((2, 1, 1), 600.0))
    with pytest.raises(UserError, match=r"shape \(2,H,W\)"):
        write_flow_file(tmp_path / "a.flo", np.zeros((3, 4, 2)))
    with pytest.raises(UserError, match="finite"):
        write_flow_file(tmp_path / "a.flo", np.full((2, 1, 1), np.nan))
    assert not list(tmp_path.iterdir())


def pairs(root, frames=("f_0", "f_1", "f_2"), flows=("f_0", "f_1")):
    for name in frames:
        write_png(root / "frames" / "a" / f"{name}.png", np.full((5, 7, 3), int(name[-1]), np.uint8))
    for name in flows:
        write_flow_file(root / "flow" / "a" / f"{name}.flo", FLOW)
    return FlowPairs(frames=root / "frames", flow=root / "flow", test_mode=True)


def test_pairs_are_a_frame_and_the_next_one(tmp_path):
    found = pairs(tmp_path)
    assert [found[number]["sample_id"] for number in range(len(found))] == ["a/f_0", "a/f_1"]
    pair = load_pair(found[1])
    assert (pair["first"].max(), pair["second"].max()) == (1, 2)
    assert np.array_equal(pair["flow"], FLOW)
    assert pair["known"].all()


def test_hidden_files_beside_frames_and_flow_are_not_looked_at(tmp_path):
    found = pairs(tmp_path)
    for name in ("frames/a/._f_0.png", "frames/a/.f_00.png", "flow/a/._f_0.flo"):
        (tmp_path / name).write_bytes(b"no image")
    again = FlowPairs(frames=tmp_path / "frames", flow=tmp_path / "flow", test_mode=True)
    assert [again[number] for number in range(len(again))] == [found[number] for number in range(len(found))]


def test_pairs_are_clips_of_two_frames_to_learn_from(tmp_path):
    pairs(tmp_path)
    pipeline = [LoadFlowPair(), PackVideoInputs()]
    data = FlowPairs(frames=tmp_path / "frames", flow=tmp_path / "flow", pipeline=pipeline, test_mode=True)[0]
    assert data["inputs"]["video"].shape == (3, 2, 5, 7)
    sample = data["data_samples"]
    assert sample.offsets == (1.0,)
    assert np.array_equal(sample.gt_flow, FLOW[None])
    assert sample.gt_visible.shape == (1, 5, 7)
    assert sample.gt_visible.all()


def test_pairs_that_do_not_fit_are_named(tmp_path):
    with pytest.raises(UserError, match=r"f_2\.flo: .*no image after"):
        pairs(tmp_path / "last", flows=("f_2",))
    with pytest.raises(UserError, match=r"f_9\.flo: .*no image of that name"):
        pairs(tmp_path / "other", flows=("f_9",))
    found = pairs(tmp_path / "size")
    write_png(found[0]["second_path"], np.zeros((4, 7, 3), np.uint8))
    with pytest.raises(UserError, match="one size"):
        load_pair(found[0])


def test_all_shared_pairs_load(shared_folder, tmp_path):
    """Real pairs of frames, which have no truth, with the flow of OpenCV."""
    frames = shared_folder("video/middlebury")
    folders = sorted(path for path in frames.iterdir() if path.is_dir())
    for folder in folders:
        both = np.stack([read_image(folder / f"frame{number}.png") for number in (10, 11)])
        write_flow_file(tmp_path / folder.name / "frame10.flo", dis_flow(both)[0])
    found = FlowPairs(frames=frames, flow=tmp_path, test_mode=True)
    assert [sample["sample_id"] for sample in found] == [f"{folder.name}/frame10" for folder in folders]
    for pair in map(load_pair, found):
        assert pair["known"].all()
        assert 0.5 < np.hypot(*pair["flow"]).mean() < 20
