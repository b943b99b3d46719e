"""Files that may not grow, as with a full disk or a quota, and places that cannot be written: a sentence, no loss."""

import contextlib
import errno
import os
import resource
import subprocess

import numpy as np
import point_config
import pytest
import toy_detector
from killing import run_killed, tree, visible
from test_killed_converters import CONVERTERS, checkpoint, labels
from tool_runner import run_tool
from toy_config import write_config
from toy_motion import predictor, renderer

from sparsevision.annotation import AnnotationError, PointLabels, load_annotations, save_annotations
from sparsevision.apis import CamouflageInferencer, DetInferencer, PointSegInferencer
from sparsevision.apis.example import build_example
from sparsevision.apis.video_generation import I2VInferencer
from sparsevision.datasets.image_io import read_image, write_png
from sparsevision.engine import save_checkpoint
from sparsevision.methods.motion_i2v import MotionI2V
from sparsevision.utils import UserError
from sparsevision.visualization import write_video

USER_ERROR = 2
POINTS = PointLabels(xy=[[1, 2]], labels=[0], size=(4, 5))
PHOTO = np.random.default_rng(0).integers(0, 255, (32, 48, 3), np.uint8)


@contextlib.contextmanager
def quota(most_bytes=20):
    """No file of this process grows over so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def read_only(tmp_path):
    """A folder in which nothing can be written, with a folder `there` in it."""
    place = tmp_path / "read_only"
    place.mkdir()
    mounted = os.geteuid() == 0  # whom modes do not stop
    if mounted and subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("no permission to mount a file system here")
    (place / "there").mkdir()
    if mounted:
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
    else:
        (place / "there").chmod(0o555)
        place.chmod(0o555)
    yield place
    if mounted:
        subprocess.run(["umount", place], check=True)
    else:
        place.chmod(0o755)


def detections(folder):
    """Boxes as picture and as numbers."""
    inferencer = DetInferencer(toy_detector.write_config(folder), toy_detector.write_weights(folder), device="cpu")
    return lambda out: inferencer(toy_detector.colourful(), out_dir=out)


def masks(folder):
    """Mask and overlay."""
    config = "tiny_sparseseg_resnet18_scribble_30e_camouflage"
    model = build_example(config, size=(32, 32), count=1).model
    save_checkpoint({"state_dict": model.state_dict()}, folder / "untrained.pth")
    inferencer = CamouflageInferencer(model=config, checkpoint=folder / "untrained.pth", device="cpu")
    return lambda out: inferencer(PHOTO, out_dir=out)


def clouds(folder):
    """Labels as .ply, and a picture."""
    config = point_config.write_config(folder / "config.py", folder / "data")
    weights = point_config.write_weights(folder / "weights.pth", config)
    inferencer = PointSegInferencer(config, weights, device="cpu")
    np.save(folder / "room.npy", point_config.room_table(300))
    return lambda out: inferencer(folder / "room.npy", out_dir=out)


def videos(folder):
    """A folder of videos, pictures and flow."""
    inferencer = I2VInferencer(MotionI2V(motion=predictor(), frames=renderer()))
    result = inferencer(PHOTO, tracks=[[(20, 16), (36, 16)]], size=(16, 24))
    return lambda out: result.save(out, overwrite=True)


def video(folder):
    """A video alone."""
    return lambda out: write_video(out / "a.mp4", [PHOTO] * 3, fps=4)


@pytest.mark.parametrize("make", [detections, masks, clouds, videos, video])
def test_results_on_a_full_disk_are_whole_or_not_there(tmp_path, make):
    write, out = make(tmp_path), tmp_path / "out"
    with quota(), pytest.raises(UserError, match=r"out.*: cannot be written|out.*is the disk full"):
        write(out)
    assert not tree(out)
    write(out)
    before = tree(out)
    assert before
    with quota(), pytest.raises(UserError, match="written"):
        write(out)
    assert tree(out) == before, "the old ones are still there"


@pytest.mark.parametrize("name", ["new", "there"])
def test_a_read_only_work_dir_is_refused(tmp_path, read_only, name):
    finished = run_tool("train.py", write_config(tmp_path), "--work-dir", read_only / name)
    assert finished.code == USER_ERROR
    assert "Traceback" not in finished.err
    assert f"the work dir {read_only / name} cannot be" in finished.err
    assert "--work-dir" in finished.err


def test_read_only_places_of_converters_are_told(tmp_path, read_only, capfd):
    commands = [
        ["dataset_converters/s_cod_scribbles.py", labels(tmp_path / "raw"), "--out", read_only / "there"],
        ["model_converters/make_safe.py", checkpoint(tmp_path), read_only / "safe.pth"],
        ["make_synthetic.py", "camouflage", "--train", 1, "--test", 1, "--size", 48, "--out", read_only / "set"],
    ]
    for command in commands:
        assert run_killed(command, tmp_path)[0] == USER_ERROR
        said = capfd.readouterr().err
        assert "Traceback" not in said
        assert "read_only" in said


@pytest.mark.parametrize("name", ["scribbles", "make_safe"])
def test_a_quota_ends_a_conversion_with_a_sentence(tmp_path, capfd, name):
    tool, make, options = CONVERTERS[name]
    (tmp_path / "raw").mkdir()
    source = make(tmp_path / "raw")
    out = tmp_path / "there"
    out.mkdir()
    command = [tool, source, *(str(word).replace("OUT", str(out / "out")) for word in options)]
    assert run_killed(command, out, most_bytes=20)[0] == USER_ERROR
    said = capfd.readouterr().err
    assert "Traceback" not in said
    assert "writ" in said or "space" in said  # "cannot write", "cannot be written", "no space left"
    assert not visible(tree(out)), "nothing half-written"
    assert run_killed(command, out)[0] == 0


@pytest.mark.parametrize(("tool", "make"), [("dataset_converters/p_cod_points.py", labels)])
def test_a_place_below_a_file_is_refused(tmp_path, capfd, tool, make):
    (tmp_path / "file").write_text("kept")
    source = make(tmp_path / "raw")
    code, _ = run_killed([tool, source, "--out", tmp_path / "file" / "out"], tmp_path)
    assert code == USER_ERROR
    assert "file" in capfd.readouterr().err
    assert (tmp_path / "file").read_text() == "kept"


def test_a_checkpoint_cannot_go_below_a_file(tmp_path, capfd):
    (tmp_path / "file").write_text("kept")
    command = ["model_converters/make_safe.py", checkpoint(tmp_path), tmp_path / "file" / "safe.pth"]
    assert run_killed(command, tmp_path)[0] == USER_ERROR
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO])
def test_annotations_and_pictures_that_cannot_be_saved_leave_the_old_file(tmp_path, monkeypatch, code):
    save_annotations(tmp_path / "a.json", {"points": POINTS})
    picture = read_image_of_one_colour(tmp_path / "a.png", 7)
    before = tree(tmp_path)

    def full(_: int) -> None:
        raise OSError(code, "no")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(AnnotationError, match=r"a\.json: cannot be written"):
        save_annotations(tmp_path / "a.json", {})
    with pytest.raises(OSError):
        write_png(tmp_path / "a.png", picture + 1)
    monkeypatch.undo()
    assert tree(tmp_path) == before
    assert load_annotations(tmp_path / "a.json")["points"].labels.tolist() == [0]


def read_image_of_one_colour(path, level):
    """Write and read a small picture."""
    write_png(path, np.full((4, 5, 3), level, np.uint8))
    return read_image(path)
