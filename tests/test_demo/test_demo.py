"""The demo page: sections, skipped entries, pictures by relative path."""

import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from point_config import write_config

from sparsevision.datasets.points.scene import Scene, write_scene, write_split
from sparsevision.demo import ENTRIES, DemoEntry, DemoResult, Picture, annotations, cpcm, ev_wsss, run_demo, training
from sparsevision.demo.cover import write_cover
from sparsevision.engine import call_tool
from sparsevision.synthetic.camouflage_set import CamouflageSetSettings, write_camouflage_set
from sparsevision.utils import UserError, configs_dir, tools_dir
from sparsevision.visualization import write_video


def good(folder):
    folder.mkdir(parents=True)
    Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(folder / "cat.png")
    return DemoResult([Picture(folder / "cat.png", "a <cat>")], {"all": {"MAE": 0.125}}, ["python tools/test.py x"])


def longer():
    return ["python tools/train.py whole"]


def make_entry(name="toy", run=good):
    return DemoEntry(name=name, title=f"Title of {name}", about="About & more", run=run, longer=longer)


def fail(folder):
    raise UserError("no npm here")


def stumble(folder):
    raise KeyError("mIoU")


def talk(folder):
    print("many words")
    return good(folder)


def test_the_page_shows_pictures_numbers_and_commands(tmp_path):
    text = run_demo([make_entry()], tmp_path).page.read_text()
    assert 'src="media/toy_01.webp"' in text
    assert (tmp_path / "media" / "toy_01.webp").is_file()
    assert "a &lt;cat&gt;" in text
    assert "About &amp; more" in text
    assert "0.125" in text
    assert "python tools/test.py x" in text
    assert "python tools/train.py whole" in text


def test_a_cover_has_a_cell_for_each_entry_that_ran(tmp_path):
    def film(folder):
        folder.mkdir()
        write_video(folder / "a.mp4", np.full((5, 48, 64, 3), (200, 40, 40), np.uint8), fps=5)
        return DemoResult([Picture(folder / "a.mp4", "")], {}, [])

    entries = [make_entry("one"), make_entry("film", film), make_entry("broken", fail), make_entry("last")]
    run_demo(entries, tmp_path / "demo", cover=tmp_path / "cover.webp")
    with Image.open(tmp_path / "cover.webp") as cover:
        pixels = np.asarray(cover.convert("RGB")).astype(int)
    assert pixels.shape == (2 * (30 + 220 + 16), 2 * (640 + 16), 3)
    black, red = (pixels.sum(2) < 60), np.abs(pixels - (200, 40, 40)).max(2) < 12
    assert black[60:200, 20:250].all()
    assert black[330:480, 20:250].all()
    assert red[60:200, 680:900].all()
    assert not black[270:, 660:].any(), "the broken one leaves no gap"


def test_a_cover_of_nothing_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"cover.webp: nothing to show"):
        write_cover(tmp_path / "cover.webp", [])


def test_a_film_is_shown_as_one(tmp_path):
    def film(folder):
        folder.mkdir()
        (folder / "street.mp4").write_bytes(b"film")
        return DemoResult([Picture(folder / "street.mp4", "a street")], {}, [])

    text = run_demo([make_entry(run=film)], tmp_path).page.read_text()
    assert '<video src="media/toy_01.mp4"' in text
    assert "<img" not in text


def test_large_pictures_become_small_files(tmp_path):
    def noisy(folder):
        folder.mkdir()
        noise = np.random.default_rng(0).integers(0, 255, (1500, 3000, 3), np.uint8)
        Image.fromarray(noise).save(folder / "noise.png")
        return DemoResult([Picture(folder / "noise.png", "noise")], {}, [])

    run_demo([make_entry(run=noisy)], tmp_path)
    with Image.open(tmp_path / "media" / "toy_01.webp") as small:
        assert small.size == (1280, 640)
    assert (tmp_path / "media" / "toy_01.webp").stat().st_size < (tmp_path / "toy" / "noise.png").stat().st_size / 10


@pytest.mark.parametrize(("broken", "reason"), [(fail, "no npm here"), (stumble, "a mistake of ours")])
def test_an_entry_that_cannot_run_is_skipped_with_its_reason(tmp_path, broken, reason):
    demo = run_demo([make_entry("broken", broken), make_entry()], tmp_path)
    text = demo.page.read_text()
    assert f"Skipped: {reason}" in text
    assert 'src="media/toy_01.webp"' in text
    assert list(demo.problems) == ["broken"]


def test_a_demo_without_any_part_is_an_error(tmp_path):
    with pytest.raises(UserError, match="broken: no npm here"):
        run_demo([make_entry("broken", fail)], tmp_path)


def test_several_entries_run_at_a_time_and_keep_their_words_apart(tmp_path):
    entries = [make_entry("one", talk), make_entry("two", fail), make_entry("three", talk)]
    demo = run_demo(entries, tmp_path, jobs=2)
    assert demo.problems == {"two": "no npm here"}
    assert demo.page.read_text().count("<section") == 3
    assert "many words" in (tmp_path / "one.log").read_text()
    assert "many words" not in (tmp_path / "two.log").read_text()


def refused(folder):
    call_tool("make_synthetic.py", "no_such_set", "--out", folder)


def misled(folder):
    print("Error: no package x. Install it with: pip install x")
    return refused(folder)


def test_a_tool_that_failed_is_quoted_from_the_log(tmp_path):
    entries = [make_entry("one", misled), make_entry("two", refused), make_entry("three", stumble), make_entry("four")]
    problems = run_demo(entries, tmp_path, jobs=2).problems
    assert problems["one"] == f"no package x. Install it with: pip install x ({tmp_path / 'one.log'} says more)"
    assert f"ended with exit code 2; its own message stands in {tmp_path / 'two.log'}." in problems["two"]
    assert problems["three"].endswith(f"its traceback stands in {tmp_path / 'three.log'}")


def test_what_is_only_offered_shows_its_commands(tmp_path):
    text = run_demo([make_entry()], tmp_path, offered=[make_entry("other")]).page.read_text()
    assert "python tools/demo.py --only other" in text
    assert text.count("python tools/train.py whole") == 2


def test_every_method_has_an_entry():
    methods = {path.parent.name for path in configs_dir().glob("*/metafile.yml")}
    assert {entry.name for entry in ENTRIES} == methods | {"annotations"}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_offered_commands_name_tools_and_configs_that_exist(entry):
    assert entry.longer()
    for command in entry.longer():
        python, tool, *words = shlex.split(command)
        assert python == "python"
        assert (tools_dir() / tool.removeprefix("tools/")).is_file()
        assert all(Path(word).is_file() for word in words if word.endswith(".py"))


def test_a_short_training_says_what_it_left_out(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(training, "call_tool", lambda *words: calls.append(words) or "train")
    trained = training.Training("tiny_cpcm_res16unet_0p1pct_40e_rooms", steps=8).run(tmp_path, "a=1")
    assert calls[0][-2:] == ("train_cfg.max_epochs=8", "a=1")
    assert (trained.checkpoint, trained.whole) == (tmp_path / "epoch_8.pth", False)
    assert trained.remark == "Training stops here after 8 of its 40 epochs."


def test_the_whole_training_is_taken_where_someone_ran_it(tmp_path, monkeypatch):
    name = "tiny_motion_i2v_motion_800i_shapes"
    monkeypatch.setattr(training, "FINISHED", tmp_path)
    (tmp_path / name).mkdir()
    (tmp_path / name / "iter_800.pth").touch()
    trained = training.Training(name, steps=8).run(tmp_path / "run")
    assert (trained.checkpoint, trained.whole) == (tmp_path / name / "iter_800.pth", True)


def test_the_page_fits_a_phone_and_asks_no_other_host(tmp_path, browser):
    many = [make_entry(f"method_{number}") for number in range(9)]
    long = DemoEntry(name="long", title="Long", about="x" * 400, run=good, longer=lambda: ["python " + "y" * 400])
    page = run_demo([*many, long], tmp_path).page
    asked = []
    tab = browser.new_page(viewport={"width": 375, "height": 700})
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(page.as_uri(), wait_until="domcontentloaded")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 375
    lefts = tab.evaluate("[...document.querySelectorAll('section')].map(s => s.getBoundingClientRect().left)")
    assert len(lefts) == 10
    assert len(set(lefts)) == 1
    tab.close()
    assert asked
    assert all(url.startswith("file:") for url in asked)


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
    monkeypatch.setattr(training, "call_tool", call)
    monkeypatch.setattr(training, "FINISHED", tmp_path)
    own = training.Training(cpcm.TRAINING.name, cpcm.TRAINING.steps)
    own.__dict__.update(config=str(config), _settings={"max_epochs": 40})  # in the place of what is computed
    monkeypatch.setattr(cpcm, "TRAINING", own)
    monkeypatch.setattr(cpcm, "DATA", str(tmp_path / "rooms"))


def test_rooms_become_a_section(tools_that_only_write, tmp_path):
    result = cpcm.run(tmp_path / "out")
    assert [command.split()[1] for command in result.commands] == [
        f"tools/{name}.py"
        for name in ("make_synthetic", "dataset_converters/s3dis", "annotation/point_labels", "train", "test")
    ] + ["tools/point_segment.py"]
    assert f"max_epochs={cpcm.TRAINING.steps}" in result.commands[3]
    assert f"epoch_{cpcm.TRAINING.steps}.pth" in result.commands[5]
    assert [row["mIoU"] for row in result.metrics.values()] == [40, pytest.approx(30)]
    assert len(result.pictures) == 3
