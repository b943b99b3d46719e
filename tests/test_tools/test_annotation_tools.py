"""tools/annotation/simulate.py and annotation_report.py: folders in, checked files out, sentences for wrong ones."""

import csv
import json

import numpy as np
import pytest
from PIL import Image
from tool_runner import run_tool

from sparsevision.annotation import annotation_cost, load_annotations, read_label_png, save_annotations
from sparsevision.datasets.dense_masks import MaskReader
from sparsevision.datasets.image_io import read_image, write_png
from sparsevision.datasets.simulate_folder import Simulation, image_rng, simulate_folder
from sparsevision.utils import UserError
from sparsevision.visualization.budget_picture import budget_figure

SIMULATE, REPORT = "annotation/simulate.py", "annotation/annotation_report.py"
NAMES = ("ant", "bug", "cat")
SEEDS = {
    ("ant", "simulate"): 8037626549494203143,
    ("bug", "simulate"): 2970282961234261830,
    ("bug", "drop points"): 8000772076540809067,
}


@pytest.fixture
def masks(tmp_path):
    """Three binary masks with one or two discs."""
    rows, columns = np.mgrid[:60, :80]
    for index, name in enumerate(NAMES):
        mask = (rows - 30) ** 2 + (columns - 25 - 5 * index) ** 2 < 15**2
        mask |= (rows - 10) ** 2 + (columns - 70) ** 2 < (4 * index) ** 2
        write_png(tmp_path / "masks" / f"{name}.png", mask.astype(np.uint8) * 255)
        write_png(tmp_path / "images" / f"{name}.png", np.full((60, 80, 3), 90, np.uint8))
    return tmp_path / "masks"


@pytest.fixture
def class_maps(tmp_path):
    """Two maps of the classes 0 to 3, with pixels that have no truth."""
    maps = np.zeros((2, 40, 50), np.uint8)
    maps[:, 5:20, 5:20], maps[:, 25:35, 10:40], maps[1, 5:15, 30:45] = 1, 3, 2
    maps[:, :2] = 255
    for name, array in zip("ab", maps, strict=True):
        write_png(tmp_path / "maps" / f"{name}.png", array)
    return tmp_path / "maps"


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def simulate(source, out, *options):
    finished = run_tool(SIMULATE, source, "--out", out, *options)
    assert finished.code == 0, finished.err
    return contents(out)


def test_class_ids_are_read_as_they_are_or_not_at_all(tmp_path):
    Image.fromarray(np.array([[1, 300]], np.uint16)).save(tmp_path / "ids.png")
    assert MaskReader()(tmp_path / "ids.png").tolist() == [[1, 300]]
    Image.new("RGB", (2, 1), (128, 0, 0)).save(tmp_path / "ids.png")
    with pytest.raises(UserError, match="mode RGB is no map of class ids"):
        MaskReader()(tmp_path / "ids.png")


def test_the_seed_of_an_image_is_pinned_and_its_own(masks, tmp_path):
    drawn = [int(image_rng(0, stem, purpose).bit_generator.random_raw()) for stem, purpose in SEEDS]
    assert drawn == list(SEEDS.values())
    simulation = Simulation(kind="points", masks=MaskReader(threshold=128))
    steps = simulate_folder({"bug": masks / "bug.png"}, tmp_path / "out", simulation)
    assert list(steps) == ["written"]
    assert load_annotations(tmp_path / "out" / "bug.json").meta["root"] == SEEDS["bug", "simulate"]


@pytest.mark.parametrize("kind", ["points", "scribbles", "boxes", "clicks"])
def test_simulated_files_are_true_and_nested(masks, tmp_path, kind):
    few = simulate(masks, tmp_path / "few", "--threshold", 128, "--kind", kind, "--per-class", 2)
    simulate(masks, tmp_path / "many", "--threshold", 128, "--kind", kind, "--per-class", 5)
    assert sorted(few) == [f"{name}.json" for name in NAMES]
    for name in NAMES:
        some, more = (load_annotations(tmp_path / folder / f"{name}.json") for folder in ("few", "many"))
        if kind == "clicks":
            assert list(some) == ["object_1"]
            assert some["object_1"].meta["label"] == 1
            some, more = some["object_1"], more["object_1"]
        assert some == more.take(len(some))
        assert some.meta["source"] == f"{name}.png"
        truth = read_image(masks / f"{name}.png")[..., 0] // 255
        labels = more.densify(-1)
        assert kind == "boxes" or (labels == truth)[labels >= 0].all()


def test_other_images_and_workers_change_nothing(masks, tmp_path):
    options = ["--threshold", 128, "--kind", "points", "--per-class", 4, "--drop", 0.2, "--mislabel", 0.2, "--shift", 2]
    whole = simulate(masks, tmp_path / "whole", *options)
    assert simulate(masks, tmp_path / "processes", *options, "--workers", 2) == whole
    assert simulate(masks, tmp_path / "other", *options, "--seed", 1) != whole
    (masks / "ant.png").unlink()
    assert simulate(masks, tmp_path / "less", *options) == {key: whole[key] for key in ("bug.json", "cat.json")}
    noise = load_annotations(tmp_path / "whole" / "bug.json").meta["noise"]
    assert [step["kind"] for step in noise] == ["drop", "mislabel", "shift"]


def test_class_ids_boxes_and_all_objects(class_maps, tmp_path):
    simulate(class_maps, tmp_path / "out", "--kind", "boxes", "--per-class", "all", "--jitter", 0.1)
    assert load_annotations(tmp_path / "out" / "a.json").labels.tolist() == [1, 3]
    assert load_annotations(tmp_path / "out" / "b.json").labels.tolist() == [1, 2, 3]


def test_label_pngs_show_the_same_labels(masks, tmp_path):
    options = ["--threshold", 128, "--kind", "points", "--side", 5, "--png", tmp_path / "png"]
    simulate(masks, tmp_path / "out", *options)
    for name in NAMES:
        points = load_annotations(tmp_path / "out" / f"{name}.json")
        assert (read_label_png(tmp_path / "png" / f"{name}.png", ignore_index=9) == points.densify(9, side=5)).all()


def test_tracks_from_flow(tmp_path):
    (tmp_path / "flow").mkdir()
    np.save(tmp_path / "flow" / "clip.npy", np.ones((4, 20, 30, 2), np.float32))
    simulate(tmp_path / "flow", tmp_path / "out", "--kind", "tracks", "--per-class", 6, "--stride", 2)
    tracks = load_annotations(tmp_path / "out" / "clip.json")
    assert (len(tracks), tracks.num_frames) == (6, 5)
    assert all((np.diff(path, axis=0) == 2).all() for path in tracks.paths)


def test_what_is_there_is_kept_and_never_replaced_unasked(masks, tmp_path):
    options = [masks, "--threshold", 128, "--kind", "points", "--out", tmp_path / "out"]
    assert "3 written, 0 already up to date" in run_tool(SIMULATE, *options).out
    assert "0 written, 3 already up to date" in run_tool(SIMULATE, *options).out
    before = contents(tmp_path / "out")
    refused = run_tool(SIMULATE, *options, "--seed", 5)
    assert (refused.code, contents(tmp_path / "out")) == (2, before)
    assert "ant.json: is there already, with other content" in " ".join(refused.err.split())
    assert "3 written" in run_tool(SIMULATE, *options, "--seed", 5, "--overwrite").out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--kind", "boxes"], "masks are black and white, not class ids. Add --threshold 128"),
        (["--kind", "boxes", "--threshold", 128, "--per-class", "many"], "--per-class 'many': expected a whole number"),
        (["--kind", "boxes", "--threshold", 128, "--jitter", 3], "ant.png: jitter: expected a share"),
        (["--kind", "boxes", "--threshold", 128, "--png", "x"], "label PNGs hold points or scribbles, not boxes"),
        (["--kind", "points", "--ignore-index", 255, "--mislabel", 0.1], "--mislabel needs the ids"),
        (["--kind", "points", "--threshold", 128, "--drop", 2], "ant.png: share: expected a number from 0 to 1"),
        (["--kind", "tracks"], "holds no optical flow"),
        (["--kind", "points", "--threshold", 128, "--workers", -1], "--workers -1"),
    ],
)
def test_wrong_options_end_in_a_sentence(masks, tmp_path, options, message):
    finished = run_tool(SIMULATE, masks, "--out", tmp_path / "out", *options)
    assert finished.code == 2
    assert message in " ".join(finished.err.split())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("broken", [b"", b"<html>", b"\x89PNG\r\n\x1a\n cut"])
def test_a_broken_mask_is_named(masks, tmp_path, broken):
    (masks / "bug.png").write_bytes(broken)
    finished = run_tool(SIMULATE, masks, "--threshold", 128, "--kind", "points", "--out", tmp_path / "out")
    assert finished.code == 2
    assert "bug.png" in finished.err
    missing = run_tool(SIMULATE, tmp_path / "nowhere", "--kind", "points", "--out", tmp_path / "out")
    assert (missing.code, "there is no such folder" in " ".join(missing.err.split())) == (2, True)


def test_the_report_counts_what_was_simulated(masks, tmp_path):
    simulate(masks, tmp_path / "out", "--threshold", 128, "--kind", "points", "--per-class", 3, "--mislabel", 0.3)
    report = tmp_path / "report"
    truth = ["--truth", masks, "--threshold", 128, "--images", tmp_path / "images"]
    finished = run_tool(REPORT, tmp_path / "out", *truth, "--out", report, "--cost", "point=10")
    assert finished.code == 0, finished.err
    rows = {(row["kind"], row["label"]): row for row in csv.DictReader((report / "report.csv").open())}
    points = [load_annotations(tmp_path / "out" / f"{name}.json") for name in NAMES]
    truths = [read_image(masks / f"{name}.png")[..., 0] // 255 for name in NAMES]
    right = [t[each.xy[:, 1], each.xy[:, 0]] == each.labels for t, each in zip(truths, points, strict=True)]
    total = rows["all", ""]
    assert int(total["count"]) == 18
    assert float(total["right_share"]) == pytest.approx(np.concatenate(right).mean(), rel=1e-4)
    assert float(total["modelled_seconds"]) == 180
    assert total["measured_seconds"] == ""
    assert "18 annotations in 3 files: 3.0 min by the cost model" in finished.out
    assert "full masks of 3 images: 12.0 min, 4.0 times that" in finished.out
    assert "classes with a right label: 2 of 2" in finished.out
    picture = read_image(report / "report.png")
    assert picture.shape[1] > 1000
    assert picture.std() > 20


def test_the_report_takes_what_the_page_writes(tmp_path, class_maps):
    simulate(class_maps, tmp_path / "clicks", "--kind", "clicks")
    simulate(class_maps, tmp_path / "boxes", "--kind", "boxes")
    for name in "ab":
        boxes = load_annotations(tmp_path / "boxes" / f"{name}.json")
        boxes = type(boxes)(xyxy=boxes.xyxy, labels=boxes.labels, size=boxes.size, meta={"seconds": [2.0] * len(boxes)})
        mixed = load_annotations(tmp_path / "clicks" / f"{name}.json") | {"boxes": boxes}
        save_annotations(tmp_path / "page" / f"{name}.json", mixed)
    (tmp_path / "page" / "lists").mkdir()
    (tmp_path / "page" / "lists" / "classes.txt").write_text("background\nmoth\nleaf\nsnail\n")
    finished = run_tool(REPORT, tmp_path / "page", "--truth", class_maps, "--out", tmp_path / "report")
    assert finished.code == 0, finished.err
    rows = {(row["kind"], row["class"]): row for row in csv.DictReader((tmp_path / "report" / "report.csv").open())}
    assert rows["boxes", "snail"]["measured_seconds"] == "4"
    assert rows["clicks", "leaf"]["count"] == "1"
    assert float(rows["clicks", "moth"]["right_share"]) == 1
    assert annotation_cost([boxes]) == 21


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--cost", "pont=3"], "--cost pont=3: 'pont': not a price of"),
        (["--cost", "point"], "expected a name and seconds"),
        (["--cost", "point=nan"], "CostModel.point: expected seconds"),
        (["--costs", "costs.json"], "there is no such file"),
        (["--truth", "nowhere"], "nowhere: there is no such folder"),
    ],
)
def test_wrong_report_options_end_in_a_sentence(masks, tmp_path, options, message):
    simulate(masks, tmp_path / "out", "--threshold", 128, "--kind", "points")
    finished = run_tool(REPORT, tmp_path / "out", *options)
    assert finished.code == 2
    assert message in " ".join(finished.err.split())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"format": "other"}', "not a file of annotations"),
        ("[" * 50_000, "bad.json"),
        (json.dumps({"format": "sparsevision-annotation", "version": 1, "type": "boxes", "xyxy": [[0, 0, 9e9, 1]],
                     "labels": [1], "size": [9, 9]}), "Boxes.xyxy: entry 0"),
        ("", "the file is empty"),
    ],
)  # fmt: skip
def test_a_broken_annotation_file_is_named(tmp_path, text, message):
    (tmp_path / "bad.json").write_text(text)
    finished = run_tool(REPORT, tmp_path)
    assert finished.code == 2
    assert "bad.json" in finished.err
    assert message in " ".join(finished.err.split())


def test_a_report_of_an_empty_folder(tmp_path):
    finished = run_tool(REPORT, tmp_path)
    assert (finished.code, "holds no annotation file" in " ".join(finished.err.split())) == (2, True)
    figure = budget_figure(title="nothing", examples=[], curves={}, prices={"full mask": 239.7})
    assert len(figure.subfigs or figure.axes) == 3
