"""The synthetic camouflage set: deterministic, in the official layout, and its labels are part of the truth."""

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from sparsevision.annotation import load_annotations, read_label_png
from sparsevision.datasets import CamouflageDataset
from sparsevision.datasets.image_io import read_image, read_mask
from sparsevision.synthetic.camouflage import load_sources, make_scene, match_colours, relief, split_part
from sparsevision.synthetic.camouflage_set import NAME, CamouflageSetSettings, write_camouflage_set
from sparsevision.synthetic.silhouettes import animal_silhouette
from sparsevision.utils import UserError

SETTINGS = CamouflageSetSettings(seed=3, train=3, test=2, size=64)


@pytest.fixture(scope="module")
def sources():
    pytest.importorskip("skimage")
    return load_sources()


@pytest.fixture(scope="module")
def made(sources, tmp_path_factory):
    root = tmp_path_factory.mktemp("camouflage") / "set"
    assert write_camouflage_set(root, SETTINGS)
    return root


def digest(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_same_seed_same_bytes_other_seed_other_pictures(made, tmp_path):
    write_camouflage_set(tmp_path / "again", SETTINGS)
    assert digest(made) == digest(tmp_path / "again")
    write_camouflage_set(tmp_path / "other", CamouflageSetSettings(seed=4, train=1, test=1, size=64))
    name = "TrainDataset/Imgs/camo_train_0000.jpg"
    assert digest(tmp_path / "other")[name] != digest(made)[name]


def test_pictures_do_not_depend_on_how_many_are_made(sources):
    one = make_scene(sources, split="train", index=5, seed=0, size=48)
    make_scene(sources, split="train", index=4, seed=0, size=48)
    again = make_scene(sources, split="train", index=5, seed=0, size=48)
    assert np.array_equal(one.image, again.image)
    assert not np.array_equal(one.image, make_scene(sources, split="test", index=5, seed=0, size=48).image)


def test_layout_is_read_by_the_data_set(made):
    train = CamouflageDataset(data_root=str(made), name=NAME, split="train", sparse_dir="Scribble")
    test = CamouflageDataset(data_root=str(made), name=NAME)
    assert (len(train), len(test)) == (3, 2)
    info = test.get_data_info(0)
    assert read_image(info["img_path"]).shape == (64, 64, 3)
    assert 0.05 < read_mask(info["mask_path"]).mean() < 0.3


@pytest.mark.parametrize("kind", ["Scribble", "Point"])
def test_sparse_labels_lie_in_the_truth(made, kind):
    paths = sorted((made / "TrainDataset" / kind).glob("*.png"))
    assert len(paths) == SETTINGS.train
    for path in paths:
        labels = read_label_png(path, ignore_index=255)
        truth = read_mask(made / "TrainDataset/GT" / path.name)
        annotation = load_annotations(made / "TrainDataset/Annotations" / kind.lower() / f"{path.stem}.json")
        exact = annotation.densify(255)
        assert (truth[exact != 255] == exact[exact != 255]).all()
        assert {0, 1} <= set(labels[labels != 255].tolist())
        assert (labels != 255).mean() < 0.1


def test_boxes_are_round_the_animals(made):
    paths = sorted((made / "TrainDataset/Annotations/box").glob("*.json"))
    assert len(paths) == SETTINGS.train
    for path in paths:
        truth = read_mask(made / "TrainDataset/GT" / f"{path.stem}.png")
        inside = load_annotations(path).densify(0) == 1
        assert (inside & truth).sum() > 0.85 * truth.sum()
        assert truth.any()


def test_train_and_test_use_separate_parts_of_a_source():
    source = np.arange(20 * 10 * 3).reshape(10, 20, 3)
    train, test = split_part(source, "train"), split_part(source, "test")
    assert np.array_equal(np.concatenate([train, test], axis=1), source)


def test_second_run_does_nothing_and_other_files_are_safe(made, tmp_path):
    before = (made / "dataset.json").stat().st_mtime_ns
    assert not write_camouflage_set(made, SETTINGS)
    assert (made / "dataset.json").stat().st_mtime_ns == before
    (tmp_path / "mine.txt").write_text("precious")
    for overwrite in (False, True):
        with pytest.raises(UserError, match="no synthetic set; they are not replaced"):
            write_camouflage_set(tmp_path, SETTINGS, overwrite=overwrite)
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_an_interrupted_run_leaves_nothing(tmp_path, sources):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_camouflage_set(tmp_path / "set", SETTINGS, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_overwrite(tmp_path, sources):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "old.txt").touch()
    (tmp_path / "set" / "dataset.json").write_text('{"set": "another"}')
    settings = CamouflageSetSettings(train=1, test=1, size=48)
    with pytest.raises(UserError, match="--overwrite"):
        write_camouflage_set(tmp_path / "set", settings)
    assert write_camouflage_set(tmp_path / "set", settings, overwrite=True)
    assert not (tmp_path / "set" / "old.txt").exists()
    assert json.loads((tmp_path / "set" / "dataset.json").read_text())["settings"]["size"] == 48


def test_bad_settings():
    with pytest.raises(UserError, match="size >= 32"):
        CamouflageSetSettings(size=8)


@pytest.mark.parametrize("seed", range(8))
def test_silhouettes_are_one_piece_of_the_wanted_area(seed):
    mask = animal_silhouette(np.random.default_rng(seed), 64, area=(0.06, 0.25))
    assert mask.shape == (64, 64)
    assert cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)[0] == 2
    assert 0.06 <= mask.mean() <= 0.25


def test_relief_is_brighter_above_and_one_outside():
    mask = np.zeros((32, 32), bool)
    mask[8:24, 4:28] = True
    factors = relief(mask, strength=0.5)
    assert (factors[~mask] == 1).all()
    assert factors[10, 16] > 1 > factors[21, 16]


def test_coat_takes_the_colours_around_it():
    rng = np.random.default_rng(0)
    background = np.full((32, 32, 3), (50, 60, 70), np.uint8)
    coat = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    mask = np.zeros((32, 32), bool)
    mask[10:20, 10:20] = True
    matched = match_colours(coat, background, mask, rng, noise=0.0)
    assert np.allclose(matched[mask].mean(0), (50, 60, 70), atol=0.1)
