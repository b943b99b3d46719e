"""The page of Motion-I2V: what clicks mean, whose files are whose, and all of it in a real browser."""

import time

import numpy as np
import pytest
from PIL import Image
from toy_i2v import CONFIG, write_checkpoints
from toy_motion import predictor, renderer

from sparsevision.apis.video_generation import I2VInferencer
from sparsevision.apis.video_generation.page import Settings, Sketch, Workbench, launch_page
from sparsevision.datasets.video.clips import probe_clip
from sparsevision.methods.motion_i2v import MotionI2V
from sparsevision.utils import UserError

GREY = np.full((64, 64, 3), 90, np.uint8)
SMALL = np.full((16, 24, 3), 90, np.uint8)


def clicked(sketch, *places, tool="drag", radius=3):
    """The sketch with clicks at pixels of the image."""
    for x, y in places:
        column, row = ((place + 0.5) * sketch.grow - 0.5 for place in (x, y))
        sketch = sketch.clicked(column, row, tool=tool, radius=radius)
    return sketch


def test_clicks_become_drags_and_points_that_stay():
    sketch = clicked(Sketch(GREY), (10, 20), (40, 20), (40, 50)).set_apart()
    sketch = clicked(sketch, (5, 5))
    assert [drag.tolist() for drag in sketch.drags] == [[[10, 20], [40, 20], [40, 50]], [[5, 5]]]
    assert sketch.words() == "1 drag of 3 clicks, 1 point that stays"
    assert clicked(sketch.set_apart(), (1, 1), (9, 9)).words() == "2 drags of 5 clicks, 1 point that stays"
    assert [len(drag) for drag in sketch.undone().drags] == [3]
    assert [len(drag) for drag in sketch.undone().undone().drags] == [2]
    assert clicked(sketch.undone(), (7, 7)).drags[0].tolist()[-1] == [7, 7], "the drag goes on"
    assert sketch.cleared().drags == []
    assert "Nothing drawn yet" in sketch.cleared().undone().words()


def test_strokes_of_the_brush_say_what_may_move():
    sketch = clicked(Sketch(GREY), (10, 10), (10, 30), tool="brush", radius=3)
    painted = sketch.painted
    assert painted[20, 8:13].all()
    assert not painted[20, :6].any()
    assert not painted[:5].any()
    assert np.array_equal(sketch.brush, ~painted)
    apart = clicked(sketch.set_apart(), (50, 30), tool="brush")
    assert not apart.painted[30, 20:40].any(), "strokes are not joined"
    assert Sketch(GREY).brush is None


def test_a_change_of_tool_begins_anew():
    sketch = clicked(clicked(clicked(Sketch(GREY), (1, 1)), (9, 9), tool="brush"), (20, 20), (30, 30))
    assert [drag.tolist() for drag in sketch.drags] == [[[1, 1]], [[20, 20], [30, 30]]]


def test_the_picture_is_enlarged_and_shows_what_is_drawn():
    sketch = clicked(Sketch(GREY), (10, 20), (30, 20), (50, 20))
    picture = sketch.picture()
    assert picture.shape == (512, 512, 3)
    assert (picture[164, 84:400] != 90).any(axis=1).all()
    assert (Sketch(GREY).picture() == 90).all()
    frozen = clicked(sketch, (10, 50), tool="brush").picture()
    assert (frozen[404, 84] == 90).all()
    assert (frozen[404, 400] == round(0.45 * 90)).all()
    assert Sketch(np.zeros((1200, 900, 3), np.uint8)).grow == 1


@pytest.fixture
def workbench(tmp_path):
    return Workbench(I2VInferencer(MotionI2V(motion=predictor(), frames=renderer())), tmp_path / "sessions")


def test_each_session_has_files_of_its_own(workbench):
    sketch = clicked(Sketch(SMALL), (4, 8), (12, 8))
    heard = []
    settings = Settings(steps=2, seed=1, hold=2, region="gaussian", unit=2)
    files = workbench.sample(sketch, settings, "anna", on_step=lambda *step: heard.append(step))
    assert len(heard) == 4
    assert probe_clip(files["video.mp4"]).frames == 4
    other = workbench.preview(sketch, Settings(), "../berta")
    assert probe_clip(other).height == 16 * 21
    assert sorted(path.name for path in workbench.folder.iterdir()) == ["___berta", "anna"]
    workbench.forget("anna")
    assert not files["video.mp4"].exists()
    assert other.is_file()


def test_the_fields_mean_settings():
    fields = Settings(speed="ease_in", unit=0, hold=0).drags
    assert (fields.speed, fields.region, fields.unit, fields.hold) == ("ease_in", None, None, None)
    assert Settings(region="object", hold=3).drags.region == "object"


def test_what_is_missing_is_said(workbench):
    with pytest.raises(UserError, match="Give an image first"):
        workbench.sample(None, Settings(), "anna")
    with pytest.raises(UserError, match="Draw a drag first"):
        workbench.preview(Sketch(SMALL), Settings(), "anna")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A running page of the tiny Motion-I2V with random weights."""
    pytest.importorskip("gradio", reason='the page needs `pip install ".[demo]"`')
    folder = tmp_path_factory.mktemp("page")
    files = write_checkpoints(folder)
    inferencer = I2VInferencer(CONFIG, motion=files["motion"], frames=files["frames"], device="cpu")
    blocks, url = launch_page(Workbench(inferencer, folder / "sessions"), wait=False)
    yield url, folder
    blocks.close(verbose=False)


class Hands:
    """A person at the page."""

    def __init__(self, page, url):
        self.page = page
        page.set_default_timeout(120_000)
        page.goto(url)
        page.wait_for_selector("#canvas")

    def give(self, path):
        """Upload an image."""
        self.page.set_input_files("#photo input[type=file]", str(path))
        self.says("Nothing drawn yet")

    def click(self, *places):
        """Click pixels of an image of 64 x 64, all at once: faster than the page can answer."""
        self.page.evaluate(
            """places => {
                const image = document.querySelector("#canvas img"), box = image.getBoundingClientRect();
                for (const [x, y] of places) {
                    const clientX = box.left + (x + 0.5) / 64 * box.width;
                    const clientY = box.top + (y + 0.5) / 64 * box.height;
                    image.dispatchEvent(new MouseEvent("click", {clientX, clientY, bubbles: true}));
                }
            }""",
            places,
        )

    def says(self, words):
        """Wait until the page says this of the sketch, and shows it: a click on a picture that loads is lost."""
        self.page.wait_for_function("words => document.querySelector('#words').textContent.includes(words)", arg=words)
        self.page.wait_for_function("() => new Promise((done) => setTimeout(() => done(true), 150))")
        self.page.wait_for_function("() => document.querySelector('#canvas img')?.naturalWidth > 0")

    def press(self, name):
        """Press a button."""
        self.page.click(f"#{name}")


def test_draw_preview_sample_download_in_a_browser(address, browser, tmp_path):
    url, folder = address
    image = GREY.copy()
    image[20:36, 12:28] = (220, 60, 40)
    Image.fromarray(image).save(tmp_path / "photo.png")
    tab, errors = browser.new_page(viewport={"width": 1366, "height": 1400}), []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    hands = Hands(tab, url)
    hands.press("sample")
    assert "Give an image first" in tab.wait_for_selector(".toast-body").text_content()
    hands.give(tmp_path / "photo.png")
    hands.click((20, 28), (44, 28), (44, 40))
    hands.says("1 drag of 3 clicks")
    hands.press("apart")
    hands.click((50, 50))
    hands.says("1 drag of 3 clicks, 1 point that stays")
    hands.press("undo")
    tab.wait_for_function("() => document.querySelector('#words').textContent.trim() === '1 drag of 3 clicks'")
    tab.get_by_label("brush", exact=True).check()
    hands.click((30, 28), (40, 28))
    hands.says("% of the image may move")
    hands.press("preview")
    tab.wait_for_selector("#preview-video video")
    tab.get_by_text("settings").first.click()
    tab.locator("#steps input").fill("1")
    hands.press("sample")
    tab.wait_for_selector("#video video")
    with tab.expect_download() as download:
        hands.press("mp4")
    assert probe_clip(download.value.path()).frames == 8
    assert len(list((folder / "sessions").iterdir())) == 1
    assert not errors
    tab.close()
    wait_until(lambda: not list((folder / "sessions").iterdir()), "a session that ends takes its files with it")


def wait_until(holds, what, seconds=60):
    """Look again and again."""
    for _ in range(10 * seconds):
        if holds():
            return
        time.sleep(0.1)
    pytest.fail(what)
