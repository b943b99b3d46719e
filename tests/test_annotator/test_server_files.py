"""What the annotation server makes of saves and of the files that are there."""

import numpy as np
import pytest
from page_documents import CLICK_DOCUMENT, EMPTY_DOCUMENT, HEAD, SIZE, points_document
from PIL import Image

from sparsevision.annotation import (
    Boxes,
    Clicks,
    PointLabels,
    Scribbles,
    Tracks,
    load_annotations,
    measured_seconds,
    save_annotations,
    simulate_points,
)
from sparsevision.annotator.groups import page_groups
from sparsevision.annotator.masks import class_map_of, masks_of, runs_of
from sparsevision.datasets import ImageFolderDataset


def points_in(folder) -> list[tuple[int, ...]]:
    """(x, y, label) of the points of image a."""
    points = load_annotations(folder / "annotations" / "a.json")["points"]
    return [(*xy, label) for xy, label in zip(points.xy.tolist(), points.labels.tolist(), strict=True)]


def test_a_save_is_read_back_with_its_revision(client):
    assert client.get("/api/annotations/0").json == {"document": EMPTY_DOCUMENT, "revision": ""}
    saved = client.save("/api/annotations/0", CLICK_DOCUMENT, base="").json
    read = client.get("/api/annotations/0").json
    assert read["revision"] == saved["revision"] != ""
    assert read["document"]["items"]["object_1"]["xy"] == [[12.5, 7.0]]
    assert client.get("/api/session").json["images"][0]["state"] == "some"


def test_an_older_save_that_comes_late_is_dropped(client, photos):
    path = "/api/annotations/0"
    assert client.save(path, points_document((1, 1, 1), (2, 2, 1)), base="", seq=2).json["superseded"] is False
    assert client.save(path, points_document((1, 1, 1)), base="", seq=1).json["superseded"] is True
    assert points_in(photos) == [(1, 1, 1), (2, 2, 1)]
    client.save(path, points_document((3, 3, 0)), base="", seq=3)  # its base is old, but nobody else wrote
    assert points_in(photos) == [(3, 3, 0)]


def test_a_second_tab_that_knows_less_is_told(client, photos):
    path = "/api/annotations/0"
    first = client.save(path, points_document((1, 1, 1)), base="", tab="one").json["revision"]
    late = client.save(path, points_document((9, 9, 0)), base="", tab="two")
    assert late.status == 409
    assert "changed in another tab" in late.error
    assert points_in(photos) == [(1, 1, 1)]
    assert client.save(path, points_document((9, 9, 0)), base=first, tab="two", seq=2).status == 200
    assert client.save(path, points_document((5, 5, 0)), base=first, tab="one", seq=2).status == 409
    assert points_in(photos) == [(9, 9, 0)]


def test_a_file_changed_by_another_program_is_not_overwritten(client, photos):
    base = client.save("/api/annotations/0", points_document((1, 1, 1)), base="").json["revision"]
    other = PointLabels(xy=[[4, 4]], labels=[1], size=(48, 64))
    save_annotations(photos / "annotations" / "a.json", other)
    assert client.save("/api/annotations/0", points_document((2, 2, 1)), base=base, seq=2).status == 409
    assert load_annotations(photos / "annotations" / "a.json") == other


def test_when_the_last_annotation_goes_the_file_goes(client, photos):
    base = client.save("/api/annotations/0", points_document((1, 1, 1)), base="").json["revision"]
    assert client.save("/api/annotations/0", EMPTY_DOCUMENT, base=base, seq=2).json["revision"] == ""
    assert not (photos / "annotations" / "a.json").exists()
    assert client.get("/api/session").json["images"][0]["state"] == "nothing"


def test_saves_of_two_images_do_not_meet(client, photos):
    for index in (0, 1):
        assert client.save(f"/api/annotations/{index}", points_document((index, 0, 1)), base="").status == 200
    assert sorted(path.name for path in (photos / "annotations").glob("*.json")) == ["a.json", "b.json"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "not valid JSON"),
        (b"", "the file is empty"),
        (b'{"format": "other"}', "not a file of annotations"),
        (Clicks(xy=[[1, 1]], positive=[True], size=(9, 9)), "made for an image of (height, width) = (9, 9)"),
        (PointLabels(indices=[1], labels=[1], size=(9,)), "a cloud"),
        (PointLabels(xy=[[1, 1]], labels=[300], size=(48, 64)), "class 300"),
        (
            [PointLabels(xy=[[1, 1]], labels=[label], size=(48, 64)) for label in (0, 1)],
            "two different labels",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_shown_and_never_overwritten(client, photos, content, words):
    path = photos / "annotations" / "a.json"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        save_annotations(path, content)
    before = path.read_bytes()
    answer = client.get("/api/annotations/0")
    assert answer.status == 400
    assert answer.error.startswith("a.json cannot be used: ")
    assert words in answer.error
    assert "not overwritten" in answer.error
    revision = client.server.project._shelf("annotations", 0).revision()
    assert client.save("/api/annotations/0", CLICK_DOCUMENT, base=revision).status == 400
    assert client.save("/api/annotations/0", CLICK_DOCUMENT, base="", seq=2).status == 409
    assert path.read_bytes() == before


def test_simulated_annotations_are_continued(client, photos):
    truth = np.zeros((48, 64), np.uint8)
    truth[20:40, 20:40] = 1
    simulated = simulate_points(truth, per_class=3, rng=np.random.default_rng(0), ignore_index=255)
    save_annotations(photos / "annotations" / "a.json", simulated)
    document = client.get("/api/annotations/0").json
    group = document["document"]["items"]["points"]
    assert group["xy"] == simulated.xy.tolist()
    assert group["meta"]["seconds"] == [None] * 6
    group["xy"].append([0, 0])
    group["labels"].append(0)
    group["meta"]["seconds"].append(2.5)
    assert client.save("/api/annotations/0", document["document"], base=document["revision"]).status == 200
    saved = load_annotations(photos / "annotations" / "a.json")["points"]
    assert saved.take(6) == simulated
    assert {key: saved.meta[key] for key in simulated.meta} == simulated.meta
    assert measured_seconds(saved) == 2.5


def test_groups_keep_everything_of_a_file():
    size = (48, 64)
    given = {
        "moth": Clicks(xy=[[1, 1]], positive=[True], size=size, meta={"label": 2, "seconds": [3]}),
        "object_1": Clicks(xy=[[2, 2]], positive=[False], size=size),
        "early": Scribbles(polylines=[[[1, 1]]], labels=[1], size=size, widths=3, meta={"seed": 7, "seconds": [4.0]}),
        "late": Scribbles(polylines=[[[2, 2], [3, 3]]], labels=[0], size=size, widths=5),
        "boxes": Boxes(xyxy=[[0, 0, 5, 6.5]], labels=[1], size=size),
        "path": Tracks(paths=[[[1, 1]]], frames=[[2]], num_frames=4, size=size),
    }
    groups = page_groups(given, size=size)
    assert list(groups) == ["scribbles", "boxes", "tracks", "object_2", "object_1"]
    assert groups["object_2"].meta == {"label": 2, "seconds": [3.0], "joined": ["moth"]}
    assert groups["object_1"].meta["label"] == 1
    assert groups["scribbles"].widths.tolist() == [3, 5]
    assert groups["scribbles"].meta == {"seed": 7, "seconds": [4.0, None], "joined": ["early", "late"]}
    assert groups["tracks"].frames[0].tolist() == [2]
    again = page_groups(groups, size=size)
    assert again == groups
    assert {name: item.meta for name, item in again.items()} == {name: item.meta for name, item in groups.items()}


def test_masks_become_class_maps_and_come_back(client, photos):
    masks = [{"label": 1, "runs": [0, 64, 128, 2]}, {"label": 0, "runs": [3071, 1]}]
    saved = client.save("/api/mask/0", {"masks": masks}, base="").json
    class_map = np.array(Image.open(photos / "annotations" / "masks" / "a.png"))
    expected = np.full((48, 64), 255)
    expected[0], expected[2, :2], expected[47, 63] = 1, 1, 0
    assert (class_map == expected).all()
    read = client.get("/api/mask/0").json
    assert read == {"document": {"masks": masks[::-1]}, "revision": saved["revision"]}
    client.save("/api/mask/0", {"masks": []}, base=saved["revision"], seq=2)
    assert not (photos / "annotations" / "masks" / "a.png").exists()


def test_runs_agree_with_a_plain_loop():
    mask = np.random.default_rng(0).random((13, 7)) < 0.5
    runs = runs_of(mask)
    drawn = np.zeros(mask.size, bool)
    for start, length in zip(runs[::2], runs[1::2], strict=True):
        assert not drawn[max(start - 1, 0)]  # runs that touch would be one
        drawn[start : start + length] = True
    assert (drawn.reshape(mask.shape) == mask).all()
    class_map = np.where(mask, 3, 255).astype(np.uint8)
    assert (class_map_of({"masks": masks_of(class_map)}, size=(13, 7)) == class_map).all()
    assert runs_of(np.zeros((2, 2), bool)) == []


@pytest.mark.parametrize(("mode", "size"), [("RGB", (64, 48)), ("1", (64, 48)), ("L", (48, 64))])
def test_a_mask_file_that_cannot_be_used_is_never_overwritten(client, photos, mode, size):
    path = photos / "annotations" / "masks" / "a.png"
    path.parent.mkdir()
    Image.new(mode, size).save(path)
    before = path.read_bytes()
    assert "masks/a.png cannot be used" in client.get("/api/mask/0").error
    assert client.save("/api/mask/0", {"masks": [{"label": 1, "runs": [0, 5]}]}, base="").status == 409
    assert path.read_bytes() == before


def test_done_images_are_a_list_of_stems(client, photos):
    for index in (2, 0):
        assert client.post(f"/api/done/{index}", True).json == {"state": "done"}
    assert (photos / "annotations" / "lists" / "done.txt").read_text() == "c\na\n"
    assert client.post("/api/done/2", False).json == {"state": "nothing"}
    assert "true or false" in client.post("/api/done/2", 1).error
    client.save("/api/annotations/0", CLICK_DOCUMENT, base="")
    chosen = ImageFolderDataset(
        images=str(photos), file_list=str(photos / "annotations" / "lists" / "done.txt"), pipeline=[]
    )
    assert [sample["sample_id"] for sample in chosen] == ["a"]


def test_classes_are_named_in_a_file_and_none_can_go(client, photos, run_server):
    answer = client.post("/api/classes", {"classes": ["ground", "moth", "leaf"], "base": ["background", "moth"]})
    assert answer.json == {"classes": ["ground", "moth", "leaf"]}
    assert (photos / "annotations" / "lists" / "classes.txt").read_text() == "ground\nmoth\nleaf\n"
    late = client.post("/api/classes", {"classes": ["x", "y", "z"], "base": ["background", "moth"]})
    assert "changed in another tab" in late.error
    with run_server(photos) as again:
        assert again.get("/api/session").json["classes"] == ["ground", "moth", "leaf"]
    with pytest.raises(ValueError, match=r"--classes gives 1 names, but .* has 3 \(ground, moth, leaf\)"):
        run_server(photos, classes=["a"]).__enter__()


def test_names_of_classes_may_hold_any_sign(client):
    names = ["background", "moth", *(f"[{{order: {index}}}]" for index in range(20))]
    answer = client.post("/api/classes", {"classes": names, "base": ["background", "moth"]})
    assert answer.json == {"classes": names}


def tracks_document(frames: int, **meta) -> dict:
    """One track over the images."""
    track = {"type": "tracks", "paths": [[[1, 2], [3.5, 4]]], "frames": [[0, 2]], "num_frames": frames, "size": SIZE}
    return HEAD | {"items": {"tracks": track | {"meta": meta}}}


def test_tracks_lie_over_the_images_of_the_folder(client, photos):
    names = ["a.png", "b.png", "c.jpg"]
    assert client.save("/api/tracks", tracks_document(3, images=names), base="").status == 200
    saved = load_annotations(photos / "annotations" / "tracks" / "photos.json")
    assert saved["tracks"].num_frames == 3
    assert saved["tracks"].paths[0].tolist() == [[1, 2], [3.5, 4]]
    assert client.get("/api/tracks").json["document"]["items"]["tracks"]["meta"]["images"] == names
    assert "over 3 frames" in client.save("/api/tracks", tracks_document(4), base="", seq=2).error
    assert "over 3 frames" in client.save("/api/tracks", CLICK_DOCUMENT, base="", seq=2).error


def test_tracks_over_other_images_are_refused(client, photos, run_server):
    client.save("/api/tracks", tracks_document(3, images=["a.png", "b.png", "c.jpg"]), base="")
    (photos / "b.png").rename(photos / "d.png")
    with run_server(photos) as again:
        assert "does not hold tracks over the 3 images" in again.get("/api/tracks").error


def test_tracks_need_images_of_one_size(photos, run_server):
    Image.new("RGB", (9, 9)).save(photos / "d.png")
    with run_server(photos) as client:
        assert client.get("/api/session").json["video"] is None
        assert "all have the same size" in client.get("/api/tracks").error


def test_an_image_that_cannot_be_read_says_so(photos, run_server):
    (photos / "bad.png").write_bytes(b"no image")
    with run_server(photos) as client:
        images = client.get("/api/session").json["images"]
        (bad,) = [index for index, image in enumerate(images) if image["name"] == "bad.png"]
        assert images[bad]["error"].startswith("bad.png: not an image")
        assert client.get(f"/api/annotations/{bad}").status == client.get(f"/api/image/{bad}").status == 400


def test_a_fault_of_ours_is_said_and_shown_in_the_terminal(client, monkeypatch, capfd):
    monkeypatch.setattr("sparsevision.annotator.project.load_annotations", lambda path: 1 / 0)
    client.save("/api/annotations/0", CLICK_DOCUMENT, base="")
    answer = client.get("/api/annotations/0")
    assert answer.status == 500
    assert "the terminal shows why" in answer.error
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_a_disk_that_refuses_leaves_the_file_as_it_was(client, photos, monkeypatch):
    base = client.save("/api/annotations/0", points_document((1, 1, 1)), base="").json["revision"]

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sparsevision.utils.files.os.fsync", full)
    answer = client.save("/api/annotations/0", points_document((2, 2, 1)), base=base, seq=2)
    assert answer.status == 400
    assert "No space left on device" in answer.error
    mask = client.save("/api/mask/0", {"masks": [{"label": 1, "runs": [0, 5]}]}, base="")
    assert "No space left on device" in mask.error
    assert points_in(photos) == [(1, 1, 1)]
