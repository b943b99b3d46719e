"""The synthetic detection world: deterministic, in COCO's layout, every thing seen by half and boxed tightly."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from sparsevision.datasets.image_io import read_image
from sparsevision.synthetic.detection_fills import (
    CONTRAST,
    contrasting_colour,
    patterned,
    photographed,
    relit,
    textured,
)
from sparsevision.synthetic.detection_outlines import CLASSES, COINS, SHAPES, photo_outline
from sparsevision.synthetic.detection_set import DetectionSetSettings, write_detection_set
from sparsevision.synthetic.detection_world import MOST_THINGS, VISIBLE_SHARE, load_sources, make_picture
from sparsevision.utils import UserError

SETTINGS = DetectionSetSettings(seed=3, train=4, val=2)


@pytest.fixture(scope="module")
def sources():
    pytest.importorskip("skimage")
    return load_sources()


@pytest.fixture(scope="module")
def pictures(sources):
    return [make_picture(sources, split="train", index=index, seed=0) for index in range(60)]


@pytest.fixture(scope="module")
def made(sources, tmp_path_factory):
    root = tmp_path_factory.mktemp("detection") / "set"
    assert write_detection_set(root, SETTINGS)
    return root


def digest(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_same_seed_same_bytes_other_seed_other_pictures(made, tmp_path):
    write_detection_set(tmp_path / "again", SETTINGS)
    assert digest(made) == digest(tmp_path / "again")
    write_detection_set(tmp_path / "other", DetectionSetSettings(seed=4, train=1, val=1))
    name = "train2017/000000000001.jpg"
    assert digest(tmp_path / "other")[name] != digest(made)[name]


def test_pictures_do_not_depend_on_how_many_are_made(sources, pictures):
    again = make_picture(sources, split="train", index=5, seed=0)
    assert np.array_equal(pictures[5].image, again.image)
    assert not np.array_equal(again.image, make_picture(sources, split="val", index=5, seed=0).image)


def test_the_layout_is_that_of_coco(made):
    for split, count in (("train", 4), ("val", 2)):
        truth = json.loads((made / f"annotations/instances_{split}2017.json").read_text())
        assert [category["name"] for category in truth["categories"]] == list(CLASSES)
        assert len(truth["images"]) == count
        sizes = {image["id"]: (image["height"], image["width"]) for image in truth["images"]}
        for image in truth["images"]:
            assert read_image(made / f"{split}2017" / image["file_name"]).shape[:2] == sizes[image["id"]]
        assert len({annotation["id"] for annotation in truth["annotations"]}) == len(truth["annotations"])
        for annotation in truth["annotations"]:
            x, y, width, height = annotation["bbox"]
            rows, columns = sizes[annotation["image_id"]]
            assert min(x, y) >= 0
            assert (x + width <= columns, y + height <= rows) == (True, True)
            assert 0 < annotation["area"] <= width * height
            assert annotation["iscrowd"] == 0


def test_every_thing_is_seen_by_half_and_its_box_is_tight(pictures):
    for picture in pictures:
        assert 1 <= len(picture.labels) <= MOST_THINGS
        assert (picture.areas() >= VISIBLE_SHARE * np.array(picture.full_areas) - 1).all()
        for number, (x0, y0, x1, y1) in enumerate(picture.boxes().astype(int)):
            seen = picture.owner == number
            inside = seen[y0:y1, x0:x1]
            assert inside.sum() == seen.sum()
            assert all(edge.any() for edge in (inside[0], inside[-1], inside[:, 0], inside[:, -1]))


def test_small_medium_and_large_things_of_all_classes_occur_and_hide_each_other(pictures):
    areas = np.concatenate([picture.areas() for picture in pictures])
    whole = np.concatenate([picture.full_areas for picture in pictures])
    shares = [(areas < 32**2).mean(), ((areas >= 32**2) & (areas < 96**2)).mean(), (areas >= 96**2).mean()]
    assert min(shares) > 0.02
    assert 0.05 < (areas < 0.9 * whole).mean() < 0.6
    assert {label for picture in pictures for label in picture.labels} == set(range(len(CLASSES)))
    assert len({picture.image.shape for picture in pictures}) == 4


def test_coins_of_training_and_validation_are_others():
    def centres(split):
        return {tuple(photo_outline("coin", split, rng)[0].mean(axis=0).round().astype(int)) for rng in generators()}

    def generators():
        return (np.random.default_rng(seed) for seed in range(200))

    assert centres("train").isdisjoint(centres("val"))
    assert centres("train") | centres("val") == {coin[:2] for coin in COINS}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_fill_the_same_frame_and_vary(name):
    one, two = (SHAPES[name](np.random.default_rng(seed)) for seed in (0, 1))
    assert 1 <= abs(one[0]).max() <= 1.2
    assert any(not np.allclose(first, second) for first, second in zip(one, two, strict=True))


def test_fills_differ_from_what_is_around_them_in_colour_and_in_pattern(sources):
    rng, around = np.random.default_rng(0), np.array([120.0, 110.0, 90.0])
    assert np.linalg.norm(contrasting_colour(around, rng) - around) > CONTRAST
    grain = sources.textures["gravel"][:40, :50]
    fills = [textured(grain, around, rng), patterned(40, 50, 40.0, around, rng)]
    for fill in fills:
        assert fill.shape == (40, 50, 3)
        assert fill.std(axis=(0, 1)).max() > 10


def test_a_photograph_is_brought_to_its_window_at_any_scale(sources):
    cat = sources.photos["cat"]
    for scale in (1.0, 0.3, 0.1):
        size = (int(451 * scale), int(300 * scale))
        window = photographed(cat, np.array([[scale, 0, 0], [0, scale, 0]]), size)
        assert abs(window.mean() - cat[0].mean()) < 3
    mirrored = photographed(cat, np.array([[-1.0, 0, 450], [0, 1, 0]]), (451, 300))
    assert np.array_equal(mirrored[:, ::-1], cat[0])


def test_light_changes_a_fill_but_keeps_its_range():
    fill = np.full((10, 20, 3), 120, np.float32)
    lit = relit(fill, np.random.default_rng(0))
    assert lit.dtype == np.float32
    assert 0 <= lit.min() < lit.max() <= 255


def test_second_run_does_nothing_and_bad_settings_are_refused(made):
    assert not write_detection_set(made, SETTINGS)
    with pytest.raises(UserError, match="val >= 1"):
        DetectionSetSettings(val=0)
