"""The demo page: sections, skipped entries, pictures by relative path."""

import sys

import numpy as np
import pytest
from PIL import Image
from point_config import write_config

from sparsevision.datasets.points.scene import Scene, write_scene, write_split
from sparsevision.demo import ENTRIES, DemoEntry, DemoResult, Picture, annotations, cpcm, ev_wsss, run_demo
from sparsevision.engine import call_tool
from sparsevision.synthetic.camouflage_set import CamouflageSetSettings, write_camouflage_set
from sparsevision.utils import UserError


def make_entry(name="toy", run=None):
    def good(folder):
        folder.mkdir(parents=True)
        (folder / "cat.png").write_bytes(b"png")
        return DemoResult([Picture(folder / "cat.png", "a <cat>")], {"all": {"MAE": 0.125}}, ["python tools/test.py x"])

    return DemoEntry(name=name, title=f"Title of {name}", about="About & more", run=run or good)


def fail(folder):
    raise UserError("no npm here")


def test_the_page_shows_pictures_numbers_and_commands(tmp_path):
    text = run_demo([make_entry()], tmp_path).read_text()
    assert 'src="toy/cat.png"' in text
    assert "a &lt;cat&gt;" in text
    assert "About &amp; more" in text
    assert "0.125" in text
    assert "python tools/test.py x" in text


def test_a_film_is_shown_as_one(tmp_path):
    def film(folder):
        return DemoResult([Picture(folder / "street.mp4", "a street")], {}, [])

    text = run_demo([make_entry(run=film)], tmp_path).read_text()
    assert '<video src="toy/street.mp4"' in text
    assert "<img" not in text


def test_an_entry_that_cannot_run_is_skipped_with_its_reason(tmp_path):
    text = run_demo([make_entry("broken", fail), make_entry()], tmp_path).read_text()
    assert "Skipped: no npm here" in text
    assert 'src="toy/cat.png"' in text


def test_a_demo_without_any_part_is_an_error(tmp_path):
    with pytest.raises(UserError, match="broken: no npm here"):
        run_demo([make_entry("broken", fail)], tmp_path)


def test_shipped_entries_have_names_of_their_own():
    assert len({entry.name for entry in ENTRIES}) == len(ENTRIES)


def test_a_failing_tool_is_named(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(UserError, match=r"`python tools/test.py x` ended with exit code 1"):
        call_tool("test.py", "x")


def test_the_report_on_annotations_becomes_a_section(tmp_path, monkeypatch):
    pytest.importorskip("skimage")
    monkeypatch.chdir(tmp_path)
    settings = CamouflageSetSettings(train=3, test=1, size=64)
    monkeypatch.setattr(annotations, "DATA", tmp_path / "set")
    write_camouflage_set(tmp_path / "set", settings)
    real_call = annotations.call_tool
    monkeypatch.setattr(
        annotations, "call_tool", lambda tool, *rest: "made" if tool == "make_synthetic.py" else real_call(tool, *rest)
    )
    result = annotations.run(tmp_path / "out")
    assert result.pictures[0].path.is_file()
    assert result.metrics["scribbles of class 1"]["strokes"] == 3
    assert result.metrics["all"]["minutes"] == pytest.approx(6 * 10.9 / 60)


def test_a_constant_answer_to_streets(tmp_path):
    for drive, rows in (("a", 2), ("b", 4)):
        truth = np.full((8, 5), 255, np.uint8)
        truth[:rows], truth[rows : 2 * rows] = 5, 1
        (tmp_path / drive / "11classes").mkdir(parents=True)
        Image.fromarray(truth).save(tmp_path / drive / "11classes" / "000000.png")
    assert ev_wsss.score_constant(tmp_path, 5) == pytest.approx({"mIoU": 50 / 11, "aAcc": 50})


def test_streets_are_shown_by_one_picture_a_drive(tmp_path):
    (tmp_path / "pictures").mkdir()
    for name in ("day_1_000002", "day_1_000000", "day_2_000005"):
        (tmp_path / "pictures" / f"{name}.png").touch()
    film, *pictures = ev_wsss._pictures(tmp_path, tmp_path / "street.mp4")
    assert film.path.name == "street.mp4"
    assert [picture.path.stem for picture in pictures] == ["day_1_000000", "day_2_000005"]
    assert pictures[0].caption == "day_1, frame 000000: events, truth, prediction"


def write_rooms(root):
    """Two rooms of three voxels, the first of which has four points; its class is that of the first."""
    floor = cpcm.WALL - 3
    coord = np.array([[0, 0, 0], [0.02, 0, 0], [0.04, 0, 0], [0.06, 0, 0], [5, 0, 0], [9, 0, 0]], np.float32)
    for name, segment in (("a", [cpcm.WALL, floor, floor, floor, floor, 255]), ("b", [cpcm.WALL] * 5 + [floor])):
        scene = Scene(coord=coord, color=np.zeros((6, 3), np.uint8), segment=np.array(segment, np.uint8))
        write_scene(root / "Area_5" / name, scene)
    write_split(root, "val", ["Area_5/a", "Area_5/b"])


def test_a_constant_answer_to_rooms(tmp_path):
    write_rooms(tmp_path)
    scores = cpcm.score_constant(tmp_path, cpcm.WALL, voxel_size=0.1)
    assert scores == pytest.approx({"mIoU": 50 * 3 / 5, "mIoU_point": 50 * 6 / 11, "allAcc": 60})


@pytest.fixture
def tools_that_only_write(monkeypatch, tmp_path):
    """Stand-ins for the tools, so that the section takes no time; the rooms are those of `write_rooms`."""
    write_rooms(tmp_path / "rooms")
    config = write_config(tmp_path / "config.py", tmp_path / "rooms")

    def call(tool, *arguments):
        if tool == "test.py":
            (tmp_path / "out" / "predictions").mkdir(parents=True)
            (tmp_path / "out" / "predictions" / "metrics.json").write_text(
                '{"mIoU": 40, "mIoU_point": 41, "allAcc": 7}'
            )
        return f"python tools/{tool} " + " ".join(map(str, arguments))

    monkeypatch.setattr(cpcm, "call_tool", call)
    monkeypatch.setattr(cpcm, "shipped_config", lambda name: str(config))
    monkeypatch.setattr(cpcm, "DATA", str(tmp_path / "rooms"))


def test_rooms_become_a_section(tools_that_only_write, tmp_path):
    result = cpcm.run(tmp_path / "out")
    assert [command.split()[1] for command in result.commands] == [
        f"tools/{name}.py"
        for name in ("make_synthetic", "dataset_converters/s3dis", "annotation/point_labels", "train", "test")
    ] + ["tools/point_segment.py"]
    assert f"max_epochs={cpcm.EPOCHS}" in result.commands[3]
    assert f"epoch_{cpcm.EPOCHS}.pth" in result.commands[5]
    assert [row["mIoU"] for row in result.metrics.values()] == [40, pytest.approx(30)]
    assert len(result.pictures) == 3
