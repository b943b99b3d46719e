"""The annotation page in a browser: nothing is lost, and whatever goes wrong is seen."""

import json

import numpy as np
import pytest
from page_documents import SIZE
from page_hands import Hands
from page_server import running, two_tone
from PIL import Image

from sparsevision.annotation import PointLabels, load_annotations, save_annotations


def points_of(photos, stem: str = "a") -> list[list[int]]:
    """The points of an image on disk."""
    return load_annotations(photos / "annotations" / f"{stem}.json")["points"].xy.tolist()


def test_a_tab_closed_mid_way_loses_nothing_and_undo_goes_on(server, photos, open_page, context):
    hands = Hands(open_page(server, context=context))
    hands.click(1.5, 1.5)
    hands.click(2.5, 1.5)
    hands.press("s")
    hands.drag((10.5, 10.5), (30.5, 10.5), release=False)  # the stroke is still being drawn
    hands.page.close(run_before_unload=False)
    again = Hands(open_page(server, context=context))
    again.counts("2 points, 1 scribble")
    again.saved()
    assert len(load_annotations(photos / "annotations" / "a.json")["scribbles"]) == 1
    again.press("Control+z", "Control+z")
    again.counts("1 point")
    again.saved()
    again.page.reload()
    again.page.wait_for_selector("body[data-ready]")
    again.press("Control+Shift+z", "Control+Shift+z")
    again.counts("2 points, 1 scribble")
    again.press("Control+z", "Control+z", "Control+z")
    again.counts("Nothing yet. Choose a tool and a class, then draw.")


def test_another_browser_finds_the_files_without_a_history(server, open_page, context):
    first = Hands(open_page(server))
    first.click(1.5, 1.5)
    first.saved()
    second = Hands(open_page(server, context=context))
    second.counts("1 point")
    assert second.page.locator("#undo").is_disabled()


def test_a_file_changed_between_two_visits_is_one_more_step_to_undo(server, photos, open_page):
    hands = Hands(open_page(server))
    hands.click(1.5, 1.5)
    hands.click(2.5, 1.5)
    hands.saved()
    given = PointLabels(xy=[[2, 1], [7, 7]], labels=[1, 1], size=SIZE)
    save_annotations(photos / "annotations" / "a.json", given)
    hands.page.reload()
    hands.page.wait_for_selector("body[data-ready]")
    hands.counts("2 points")
    assert load_annotations(photos / "annotations" / "a.json") == given
    hands.press("Control+z", "Control+z")
    hands.counts("1 point")
    hands.saved()
    assert points_of(photos) == [[1, 1]]


def test_work_without_a_server_is_kept_and_sent_later(photos, open_page, context):
    with running(photos) as server:
        hands = Hands(open_page(server, context=context))
        hands.click(1.5, 1.5)
        hands.saved()
        context.set_offline(True)
        hands.click(2.5, 1.5)
        hands.page.wait_for_selector('#save[data-state="away"]')
        assert "kept in this browser" in hands.notice()
        assert points_of(photos) == [[1, 1]]
        context.set_offline(False)
        hands.page.wait_for_selector('#save[data-state="saved"]')
        assert points_of(photos) == [[1, 1], [2, 1]]
        context.set_offline(True)
        hands.click(3.5, 1.5)
        hands.page.wait_for_selector('#save[data-state="away"]')
        hands.page.close()
        context.set_offline(False)
    with running(photos) as server:
        again = Hands(open_page(server, context=context))
        again.counts("3 points")
        assert points_of(photos) == [[1, 1], [2, 1], [3, 1]]


def test_an_open_tab_says_that_the_server_was_started_anew(photos, open_page, context):
    with running(photos) as server:
        hands = Hands(open_page(server, context=context))
    with running(photos) as server:
        hands.click(3.5, 1.5)
        hands.page.wait_for_selector('#save[data-state="error"]')
        assert "open the address that the terminal shows" in hands.notice()
        again = Hands(open_page(server, context=context))
        again.counts("1 point")
        assert points_of(photos) == [[3, 1]]


def test_of_two_tabs_the_second_is_told_and_chooses(server, photos, open_page, context):
    one, two = Hands(open_page(server, context=context)), Hands(open_page(server, context=context))
    assert "also open in another tab" in two.notice()
    one.click(1.5, 1.5)
    one.saved()
    two.click(2.5, 2.5)
    two.page.wait_for_selector('#save[data-state="conflict"]')
    two.page.get_by_text("changed in another tab or by another program").wait_for()
    two.click(3.5, 2.5)
    assert points_of(photos) == [[1, 1]]
    two.page.get_by_role("button", name="Take the file's").click()
    two.counts("1 point")
    two.press("Control+z")
    two.counts("2 points")
    two.saved()
    assert points_of(photos) == [[2, 2], [3, 2]]
    one.click(9.5, 9.5)
    one.page.get_by_role("button", name="Keep mine").click()
    one.saved()
    assert points_of(photos) == [[1, 1], [9, 9]]


def test_unsaved_work_and_a_changed_file_are_both_kept(photos, open_page, context):
    with running(photos) as server:
        hands = Hands(open_page(server, context=context))
        context.set_offline(True)
        hands.click(3.5, 1.5)
        hands.page.wait_for_selector('#save[data-state="away"]')
        hands.page.close()
        context.set_offline(False)
        save_annotations(photos / "annotations" / "a.json", PointLabels(xy=[[7, 7]], labels=[1], size=SIZE))
        again = Hands(open_page(server, context=context))
        assert "changed elsewhere while changes of yours were unsaved" in again.notice()
        assert load_annotations(photos / "annotations" / "a.json").xy.tolist() == [[7, 7]]
        again.page.get_by_role("button", name="Keep mine").click()
        again.saved()
        assert points_of(photos) == [[3, 1]]


def test_a_file_that_cannot_be_read_is_shown_and_left_alone(server, photos, open_page):
    (photos / "annotations" / "a.json").write_text("{broken")
    hands = Hands(open_page(server))
    assert "a.json cannot be used: not valid JSON" in hands.notice()
    hands.click(3.5, 1.5)
    hands.page.locator("#rest").click()
    hands.counts("Nothing yet. Choose a tool and a class, then draw.")
    assert (photos / "annotations" / "a.json").read_text() == "{broken"
    hands.open_image("b.png")
    hands.click(3.5, 1.5)
    hands.saved()
    assert points_of(photos, "b") == [[3, 1]]


def test_a_save_that_is_refused_is_seen(server, photos, open_page):
    hands = Hands(open_page(server))
    refused = json.dumps({"error": "the disk is full."})
    hands.page.route("**/api/annotations/0?*", lambda route: route.fulfill(status=400, body=refused))
    hands.click(3.5, 1.5)
    assert hands.notice() == "Not saved: the disk is full."
    assert hands.page.text_content("#save") == "Not saved"
    hands.page.unroute("**/api/annotations/0?*")
    hands.click(4.5, 1.5)
    hands.saved()
    assert points_of(photos) == [[3, 1], [4, 1]]


def test_an_image_that_cannot_be_read_is_named(photos, open_page):
    (photos / "bad.png").write_bytes(b"no image")
    with running(photos) as server:
        hands = Hands(open_page(server))
        hands.open_image("bad.png")
        assert "bad.png: not an image that can be read" in hands.notice()


def disc_share(photos, stem: str = "a", *, size: tuple[int, int] = tuple(SIZE)) -> float:
    """IoU of the saved mask's class 1 with the red disc."""
    class_map = np.array(Image.open(photos / "annotations" / "masks" / f"{stem}.png"))
    rows, columns = np.mgrid[: size[0], : size[1]]
    disc = np.hypot(rows - size[0] / 2, columns - size[1] / 2) < size[0] / 4
    return ((class_map == 1) & disc).sum() / ((class_map == 1) | disc).sum()


def test_a_mask_is_proposed_accepted_and_undone(photos, open_page):
    mask = photos / "annotations" / "masks" / "a.png"
    with running(photos, classes=["background", "moth"], sam="grabcut") as server:
        hands = Hands(open_page(server))
        hands.press("c")
        hands.click(32.5, 24.5)
        hands.page.wait_for_selector("#assist-choice:not([hidden])")
        assert "GrabCut proposes" in hands.page.text_content("#assist-state")
        assert not mask.exists()
        hands.press("Enter")
        hands.counts("1 mask, 1 object click")
        hands.saved()
        assert set(np.unique(np.array(Image.open(mask)))) == {1, 255}
        assert disc_share(photos) > 0.85
        hands.page.locator("#rest").click()
        hands.saved()
        assert set(np.unique(np.array(Image.open(mask)))) == {0, 1}
        hands.press("Control+z", "Control+z")
        hands.counts("1 object click")
        hands.saved()
        assert not mask.exists()
        hands.press("b")
        hands.drag((18, 10), (30, 30), (46, 38))
        hands.page.wait_for_selector("#assist-choice:not([hidden])")
        hands.press("Escape")
        hands.page.wait_for_selector("#assist-choice", state="hidden")
        hands.press("Control+Shift+z")
        hands.saved()
        assert not mask.exists()  # the box was a new edit: what was undone before it is gone


def test_an_assistant_that_fails_says_so(photos, open_page, monkeypatch):
    monkeypatch.setattr("sparsevision.layers.promptable.GrabCut._embed", lambda self, image: 1 / 0)
    with running(photos, sam="grabcut") as server:
        hands = Hands(open_page(server))
        hands.press("c")
        hands.page.wait_for_selector('#assist-state[data-state="error"]')
        assert "GrabCut cannot be used here: division by zero" in hands.page.text_content("#assist-state")
        hands.click(3.5, 3.5)
        hands.counts("1 object click")


@pytest.mark.real_weights
def test_mobile_sam_proposes_a_mask(tmp_path, open_page, weights):
    weights("mobile_sam")
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.fromarray(two_tone((240, 320), seed=0)).save(photos / "a.png")
    with running(photos, sam="mobile_sam") as server:
        hands = Hands(open_page(server), size=(240, 320))
        hands.press("c")
        hands.click(160, 120)
        hands.page.wait_for_selector("#assist-choice:not([hidden])", timeout=60_000)
        hands.page.locator("#accept").click()
        hands.saved()
    assert disc_share(photos, size=(240, 320)) > 0.9


def test_the_page_asks_nobody_but_its_server(server, open_page, context):
    asked, refused = set(), []
    context.on("request", lambda request: asked.add(request.url.split("/")[2]))
    page = open_page(server, context=context)
    page.on("console", lambda message: refused.append(message.text))
    Hands(page).press("?")
    assert page.locator("#help").is_visible()
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert asked == {f"127.0.0.1:{server.server_port}"}
    assert not [text for text in refused if "Content Security Policy" in text]


def test_the_page_is_usable_in_a_narrow_window(server, photos, open_page, context):
    page = open_page(server, context=context)
    page.set_viewport_size({"width": 400, "height": 760})
    hands = Hands(page)
    page.wait_for_function("() => document.getElementById('zoom').textContent !== '1300 %'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    hands.click(20.5, 20.5)
    page.get_by_role("button", name="Done, next image").click()
    hands.saved()
    assert points_of(photos) == [[20, 20]]


def test_every_button_has_a_name(server, open_page):
    page = open_page(server)
    nameless = page.evaluate(
        "() => [...document.querySelectorAll('button, input')]"
        ".filter((item) => !(item.textContent.trim() || item.ariaLabel || item.labels?.length))"
        ".map((item) => item.outerHTML)"
    )
    assert nameless == []
    assert page.locator("canvas").get_attribute("aria-label")
