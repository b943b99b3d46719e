"""The annotation page in a browser: what is drawn with the mouse is in the files, right to the pixel."""

import numpy as np
import pytest
from page_documents import SIZE
from page_hands import Hands
from PIL import Image

from sparsevision.annotation import Boxes, Clicks, PointLabels, load_annotations, measured_seconds, save_annotations
from sparsevision.datasets import ImageFolderDataset
from sparsevision.datasets.transforms import LoadImage, LoadSparseLabels


@pytest.fixture
def hands(server, open_page) -> Hands:
    """At a page of three images of 64 x 48 pixels."""
    return Hands(open_page(server))


def saved(photos, stem: str = "a") -> dict:
    """The annotations of an image on disk."""
    return load_annotations(photos / "annotations" / f"{stem}.json")


def test_points_land_on_their_pixels(hands, photos):
    inside = [(0.01, 0.01), (63.9, 47.9), (10.5, 20.5), (11.02, 20.98), (12.98, 20.02)]
    for u, v in inside:
        hands.click(u, v)
    hands.press("0")
    hands.click(30.5, 31.5)
    hands.click(10.5, 20.5)  # the same pixel again: its class changes, it is not there twice
    hands.saved()
    points = saved(photos)["points"]
    expected = [(0, 0), (63, 47), (11, 20), (12, 20), (30, 31), (10, 20)]
    assert points == PointLabels(xy=expected, labels=[1, 1, 1, 1, 0, 0], size=SIZE)
    assert points.meta["classes"] == ["background", "moth"]
    assert len(points.meta["seconds"]) == 6
    assert 0 < measured_seconds(points) < 20


def test_clicks_outside_the_image_do_nothing(hands, photos):
    for tool in ("p", "c", "s"):
        hands.press(tool)
        hands.click(-1, 5)
        hands.click(64.2, 5)
        hands.click(5, 48.2)
    hands.counts("Nothing yet. Choose a tool and a class, then draw.")
    assert not (photos / "annotations" / "a.json").exists()


def test_object_clicks_left_right_and_shift(hands, photos):
    hands.press("c")
    hands.click(10.5, 20.25)
    hands.click(0.1, 0.1, button="right")
    hands.page.keyboard.down("Shift")
    hands.click(30, 31)
    hands.page.keyboard.up("Shift")
    hands.press("n")
    hands.click(50, 40)
    hands.press("0")  # the class of this object
    hands.saved()
    file = saved(photos)
    assert list(file) == ["object_1", "object_2"]
    assert file["object_1"].positive.tolist() == [True, False, False]
    assert np.abs(file["object_1"].xy - [[10, 19.75], [-0.4, -0.4], [29.5, 30.5]]).max() < 0.1
    assert file["object_1"].meta["label"] == 1
    assert (file["object_2"].meta["label"], len(file["object_2"])) == (0, 1)


def test_scribbles_have_a_width_and_stay_inside(hands, photos):
    hands.press("s", "]", "]", "[")
    hands.drag((5.5, 5.5), (20.5, 5.5), (20.5, 15.5))
    hands.press("0")
    hands.drag((60, 40), (80, 60))
    hands.saved()
    strokes = saved(photos)["scribbles"]
    assert strokes.widths.tolist() == [6, 6]
    assert strokes.labels.tolist() == [1, 0]
    assert np.abs(strokes.polylines[0] - [[5, 5], [20, 5], [20, 15]]).max() < 0.1
    assert strokes.polylines[1][-1] == pytest.approx([63.49, 47.49])
    drawn = strokes.densify(255)
    assert (drawn[5, 5:21] == 1).all()
    assert (drawn[20:30, 5:20] == 255).all()


def test_boxes_lie_on_pixel_edges_and_are_pulled_by_handles(hands, photos):
    hands.press("b")
    hands.drag((10.1, 12.2), (20, 20), (29.9, 30.4))
    hands.drag((50, 40), (60, 60), (90, 20))  # upwards, and out of the image
    hands.saved()
    assert saved(photos)["boxes"].xyxy.tolist() == [[10, 12, 30, 30], [50, 20, 64, 40]]
    hands.drag((57, 40), (57, 43), (57, 45.2))  # the bottom handle of the selected box
    hands.saved()
    assert saved(photos)["boxes"] == Boxes(xyxy=[[10, 12, 30, 30], [50, 20, 64, 45]], labels=[1, 1], size=SIZE)


def test_tracks_are_placed_over_frames_and_shown_between(hands, photos):
    hands.press("t")
    hands.click(10.5, 10.5)
    hands.open_image("c.jpg")
    hands.click(30.5, 20.5)
    hands.press("n")
    hands.click(50.5, 40.5)
    hands.open_image("b.png")
    hands.page.screenshot(path=str(photos.parent / "between.png"))
    hands.click(20.5, 15.5)  # where the first track is interpolated to: selects it
    hands.page.wait_for_function("() => document.getElementById('track-name').textContent.startsWith('Track 1')")
    hands.drag((20.5, 15.5), (22, 17), (25.5, 18.5))
    hands.saved()
    file = load_annotations(photos / "annotations" / "tracks" / "photos.json")["tracks"]
    assert [frames.tolist() for frames in file.frames] == [[0, 1, 2], [2]]
    assert np.abs(file.paths[0] - [[10, 10], [25, 18], [30, 20]]).max() < 0.1
    assert file.num_frames == 3
    assert file.meta["images"] == ["a.png", "b.png", "c.jpg"]
    hands.press("Shift+Delete")
    hands.press("Control+z", "Control+z")
    hands.saved()
    file = load_annotations(photos / "annotations" / "tracks" / "photos.json")["tracks"]
    assert [frames.tolist() for frames in file.frames] == [[0, 2], [2]]
    shown = np.array(Image.open(photos.parent / "between.png").convert("RGB"))
    x, y = hands.at(20.5, 15.5)
    ring = shown[round(y) - 8 : round(y) + 9, round(x) - 8 : round(x) + 9].reshape(-1, 3).astype(int)
    assert (np.abs(ring - [255, 77, 109]).sum(axis=1) < 60).sum() > 20  # the colour of the first track


def test_select_moves_relabels_and_deletes(hands, photos):
    hands.click(10.5, 10.5)
    hands.click(20.5, 10.5)
    hands.press("v")
    hands.drag((10.5, 10.5), (12, 12), (15.5, 17.5))
    hands.press("0")
    hands.saved()
    assert saved(photos)["points"] == PointLabels(xy=[[15, 17], [20, 10]], labels=[0, 1], size=SIZE)
    hands.click(20.5, 10.5)
    hands.press("Delete")
    hands.saved()
    assert saved(photos)["points"] == PointLabels(xy=[[15, 17]], labels=[0], size=SIZE)


def test_the_eraser_takes_what_it_touches_as_one_step(hands, photos):
    for column in (10, 20, 30):
        hands.click(column + 0.5, 10.5)
    hands.press("e")
    hands.drag((10.5, 10.5), (15, 10.5), (20.5, 10.5))
    hands.saved()
    assert saved(photos)["points"].xy.tolist() == [[30, 10]]
    hands.press("Control+z")
    hands.saved()
    assert saved(photos)["points"].xy.tolist() == [[10, 10], [20, 10], [30, 10]]


def test_undo_and_redo_without_limit(hands, photos):
    for column in range(12):
        hands.click(column + 0.5, 3.5)
    for _ in range(12):
        hands.press("Control+z")
    hands.counts("Nothing yet. Choose a tool and a class, then draw.")
    hands.saved()
    assert not (photos / "annotations" / "a.json").exists()
    assert hands.page.locator("#undo").is_disabled()
    for _ in range(5):
        hands.press("Control+Shift+z")
    hands.page.locator("#redo").click()
    hands.saved()
    assert saved(photos)["points"].xy.tolist() == [[column, 3] for column in range(6)]


def test_zoom_and_pan_keep_locations_exact(hands, photos):
    x, y = hands.at(20.5, 10.5)
    hands.page.mouse.move(x, y)
    for _ in range(4):
        hands.page.mouse.wheel(0, -300)
    hands.page.wait_for_function("() => document.getElementById('zoom').textContent !== '1300 %'")
    hands.page.mouse.click(x, y)
    hands.page.keyboard.down(" ")
    hands.page.mouse.move(x, y)
    hands.page.mouse.down()
    hands.page.mouse.move(x + 200, y + 100)
    hands.page.mouse.up()
    hands.page.keyboard.up(" ")
    hands.page.mouse.click(x + 200, y + 100)
    hands.press("0")
    hands.page.mouse.click(x + 200 + 70, y + 100)
    hands.press("f")
    hands.click(40.5, 40.5)
    hands.saved()
    points = saved(photos)["points"]
    assert points.xy.tolist() == [[20, 10], [21, 10], [40, 40]]
    assert points.labels.tolist() == [1, 0, 0]


def test_classes_are_added_renamed_and_chosen(hands, photos):
    hands.click(1.5, 1.5)
    hands.page.fill("#class-name", "leaf")
    hands.press("Enter")
    hands.page.get_by_role("button", name="Rename moth").click()
    hands.page.locator(".rename").fill("beetle")
    hands.press("Enter")
    hands.page.get_by_text("beetle", exact=True).wait_for()
    hands.page.get_by_text("leaf", exact=True).click()
    hands.click(2.5, 1.5)
    hands.saved()
    points = saved(photos)["points"]
    assert points.labels.tolist() == [1, 2]
    assert points.meta["classes"] == ["background", "beetle", "leaf"]
    assert (photos / "annotations" / "lists" / "classes.txt").read_text() == "background\nbeetle\nleaf\n"
    hands.page.fill("#class-name", "leaf")
    hands.press("Enter")
    assert "only once" in hands.notice()


def test_existing_files_are_continued(photos, run_server, open_page):
    given = {
        "seen": Clicks(xy=[[5, 5]], positive=[True], size=SIZE, meta={"label": 4}),
        "spots": PointLabels(xy=[[1, 2]], labels=[1], size=SIZE, meta={"seed": 3}),
    }
    save_annotations(photos / "annotations" / "a.json", given)
    with run_server(photos) as client:
        hands = Hands(open_page(client.server))
        hands.counts("1 point, 1 object click")
        hands.page.get_by_role("button", name="class 4 4").wait_for()
        hands.press("p")
        hands.click(9.5, 9.5)
        hands.saved()
    file = saved(photos)
    assert file["points"] == PointLabels(xy=[[1, 2], [9, 9]], labels=[1, 1], size=SIZE)
    assert file["points"].meta["seed"] == 3
    assert file["points"].meta["seconds"][0] is None
    assert file["object_1"] == given["seen"]
    assert file["object_1"].meta["label"] == 4


def test_five_images_become_five_files_that_training_reads(photos, run_server, open_page):
    for stem in ("d", "e"):
        Image.open(photos / "a.png").save(photos / f"{stem}.png")
    with run_server(photos, classes=["background", "moth"]) as client:
        hands = Hands(open_page(client.server))
        for index, name in enumerate(("a.png", "b.png", "c.jpg", "d.png", "e.png")):
            hands.shows(name)
            hands.press("1", "s")
            hands.drag((25.5, 24.5), (38.5, 24.5))
            hands.press("0", "p")
            hands.click(2.5 + index, 2.5)
            hands.saved()
            hands.press("d")
        hands.page.wait_for_function("() => document.getElementById('progress').textContent === '5 of 5 done'")
    pipeline = [LoadImage(), LoadSparseLabels(ignore_index=255)]
    samples = ImageFolderDataset(images=str(photos), sparse_dir=str(photos / "annotations"), pipeline=pipeline)
    assert [sample["sample_id"] for sample in samples] == list("abcde")
    for index, sample in enumerate(samples):
        labels = sample["sparse_sem_seg"]
        assert labels.shape == (48, 64)
        assert (labels[24, 25:39] == 1).all()
        assert labels[2, 2 + index] == 0
        assert (labels == 0).sum() == 1
    assert (photos / "annotations" / "lists" / "done.txt").read_text().split() == list("abcde")
