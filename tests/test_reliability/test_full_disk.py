"""Files that may not grow, as with a full disk or a quota, and places that cannot be written: a sentence, no loss."""

import errno

import pytest
from killing import run_killed, tree
from test_killed_converters import CONVERTERS, checkpoint, labels, visible

from sparsevision.annotation import AnnotationError, PointLabels, load_annotations, save_annotations
from sparsevision.datasets.image_io import read_image, write_png

USER_ERROR = 2
POINTS = PointLabels(xy=[[1, 2]], labels=[0], size=(4, 5))


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
    import numpy as np

    write_png(path, np.full((4, 5, 3), level, np.uint8))
    return read_image(path)
