"""tools/annotation/convert.py: every format into every other and back, with a report."""

import json

import pytest
from annotation_examples import one_of_each
from test_formats_hostile import coco, cvat, labelme
from tool_runner import run_tool

from sparsevision.annotation import AnnotationError, load_annotations, save_annotations
from sparsevision.annotation.formats.folder import guess_format, read_folder, write_folder

FORMS = {"coco": "all.json", "labelme": "labelme", "cvat": "cvat", "sparsevision": "ours"}


@pytest.fixture
def source(tmp_path):
    """A folder of our files: one image with everything, and a cloud in a folder of its own."""
    one = {name: one for name, one in one_of_each().items() if name != "cloud"}
    write_folder(
        tmp_path / "source", {"one": one, "more/cloud": {"cloud": one_of_each()["cloud"]}}, classes=list("abcdefgh")
    )
    return tmp_path / "source"


@pytest.mark.parametrize("form", FORMS)
def test_there_and_back(tmp_path, source, form):
    there = run_tool("annotation/convert.py", source, "--to", form, "--out", tmp_path / FORMS[form])
    assert there.code == 0, there.err
    assert guess_format(tmp_path / FORMS[form]) == form
    back = run_tool("annotation/convert.py", tmp_path / FORMS[form], "--to", "sparsevision", "--out", tmp_path / "back")
    assert back.code == 0, back.err
    assert f"{form} -> sparsevision" in back.out
    assert "Scribbles" in back.out
    for path in source.rglob("*.json"):
        before, after = load_annotations(path), load_annotations(tmp_path / "back" / path.relative_to(source))
        assert after == before
        assert {name: one.meta for name, one in after.items()} == {name: one.meta for name, one in before.items()}


def test_foreign_files_and_the_report(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(coco(annotation__segmentation=[[1, 1, 9, 1, 9, 30.5]])))
    arguments = ["--from", "coco", "--to", "sparsevision", "--out", tmp_path / "out", "--classes", "background, ant"]
    refused = run_tool("annotation/convert.py", tmp_path / "a.json", *arguments)
    assert refused.code == 2
    assert "Error" in refused.err
    (tmp_path / "a.json").write_text(json.dumps(coco(annotation__segmentation=[[1, 1, 9, 1, 9, 20.5]])))
    done = run_tool("annotation/convert.py", tmp_path / "a.json", *arguments, "--clip")
    assert done.code == 0, done.err
    assert "class_map_of" in done.out
    assert load_annotations(tmp_path / "out" / "a.json")["boxes"].meta == {"classes": ["background", "ant"]}
    again = run_tool("annotation/convert.py", tmp_path / "a.json", *arguments, "--clip")
    assert again.code == 2
    assert "--overwrite" in again.err
    assert run_tool("annotation/convert.py", tmp_path / "a.json", *arguments, "--clip", "--overwrite").code == 0


def test_formats_are_guessed(tmp_path):
    contents = {"labelme": json.dumps(labelme()), "coco": json.dumps(coco()), "cvat": "\n" + cvat()}
    for form, content in contents.items():
        (tmp_path / "file").write_text(content)
        assert guess_format(tmp_path / "file") == form
    (tmp_path / "file").write_text('{"a": 1}')
    with pytest.raises(AnnotationError, match=r"is none of COCO.*--from"):
        guess_format(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    with pytest.raises(AnnotationError, match=r"no .json or .xml file"):
        guess_format(tmp_path / "empty")


def test_folders_of_ours(tmp_path):
    each = one_of_each()
    save_annotations(tmp_path / "a.json", each["boxes"])
    save_annotations(tmp_path / "b.json", [each["points"], each["clicks"]])
    found = read_folder(tmp_path)
    assert found.annotations == {
        "a": {"boxes": each["boxes"]},
        "b": {"point_labels_1": each["points"], "clicks_2": each["clicks"]},
    }
    with pytest.raises(AnnotationError, match="one file an image; name a folder"):
        write_folder(tmp_path / "c.json", found)
    (tmp_path / "images").mkdir()
    with pytest.raises(AnnotationError, match="no image named 'a'"):
        read_folder(tmp_path, images=tmp_path / "images")
