"""From a prepared set to a batch: data sets, transforms, preprocessor."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate

from sparsevision.annotation import PointLabels, save_annotations
from sparsevision.datasets import PointPreprocessor, S3DISDataset, ScanNetDataset, SemanticKITTIDataset
from sparsevision.datasets.points.scene import Scene, write_scene, write_split
from sparsevision.datasets.points.settings import S3DIS, SCANNET
from sparsevision.datasets.seeded import SampleIndex
from sparsevision.datasets.transforms import LoadPointScene, MakeEvaluationVoxels, MakeTwoViews, PackPointInputs
from sparsevision.datasets.transforms.points import view_settings
from sparsevision.utils import UserError

VIEWS = {"voxel_size": 0.1}
KEYS = ("Area_1/office_1", "Area_2/hall_1")
LABELLED = np.array([3, 50])


def a_scene(seed, count=400):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 13, count).astype(np.uint8)
    return Scene(
        coord=rng.uniform(0, 2, (count, 3)).astype(np.float32),
        color=rng.integers(0, 256, (count, 3), dtype=np.uint8),
        segment=labels,
        original_to_point=np.arange(2 * count, dtype=np.int32) // 2,
        original_segment=np.repeat(labels, 2),
    )


@pytest.fixture
def root(tmp_path):
    for seed, key in enumerate(KEYS):
        write_scene(tmp_path / key, a_scene(seed))
    write_split(tmp_path, "train", KEYS)
    write_split(tmp_path, "area_1", KEYS[:1])
    write_split(tmp_path, "area_2", KEYS[1:])
    labels = a_scene(0).segment[LABELLED].astype(int)
    save_annotations(
        tmp_path / "sparse" / "two.npz",
        {
            KEYS[0]: PointLabels(indices=LABELLED, labels=labels, size=(400,)),
            KEYS[1]: PointLabels(indices=np.zeros(0, int), labels=np.zeros(0, int), size=(400,)),
        },
    )
    return tmp_path


def training_pipeline(**options):
    return [LoadPointScene(), MakeTwoViews(views=VIEWS, **options), PackPointInputs()]


def test_a_training_item_holds_two_views_with_the_sparse_labels_alone(root):
    data = S3DISDataset(
        data_root=str(root), split="train", sparse="sparse/two.npz", pipeline=training_pipeline(preset="fixed")
    )
    assert len(data) == 2
    assert data.metainfo["classes"][0] == "clutter"
    item = data[SampleIndex(0, draw=5, seed=1)]
    sample = item["data_samples"]
    truth = sorted(a_scene(0).segment[LABELLED].tolist())
    for number in (1, 2):
        labels = sample.get(f"sparse_voxel_labels{number}")
        assert sorted(labels[labels != 255].tolist()) == truth
        assert item["inputs"][f"coords{number}"].shape == (len(labels), 3)
    assert sample.label_survival == 1.0
    rows1, rows2 = item["inputs"]["rows1"], item["inputs"]["rows2"]
    assert len(rows1) == len(rows2) > 0
    empty = data[SampleIndex(1, draw=5, seed=1)]["data_samples"]
    assert (empty.sparse_voxel_labels1 == 255).all()


def test_what_the_annotator_said_is_learnt_even_where_it_is_wrong(root):
    wrong = PointLabels(indices=LABELLED, labels=(a_scene(0).segment[LABELLED] + 1) % 13, size=(400,))
    save_annotations(root / "sparse" / "wrong.npz", {KEYS[0]: wrong})
    data = S3DISDataset(
        data_root=str(root), split="area_1", sparse="sparse/wrong.npz", pipeline=training_pipeline(preset="fixed")
    )
    labels = data[SampleIndex(0, draw=5, seed=1)]["data_samples"].sparse_voxel_labels1
    assert sorted(labels[labels != 255].tolist()) == sorted(wrong.labels.tolist())


def test_items_depend_on_seed_and_draw_alone(root):
    data = S3DISDataset(data_root=str(root), split="area_1", pipeline=training_pipeline())
    same, again, other = (data[SampleIndex(0, draw=draw, seed=1)]["inputs"]["coords2"] for draw in (5, 5, 6))
    assert torch.equal(same, again)
    assert same.shape != other.shape or not torch.equal(same, other)


def test_an_evaluation_item_answers_for_every_original_point(root):
    pipeline = [LoadPointScene(), MakeEvaluationVoxels(voxel_size=0.1), PackPointInputs(keep_points=True)]
    data = S3DISDataset(data_root=str(root), split="area_1+area_2", test_mode=True, pipeline=pipeline)
    assert [data.get_data_info(index)["scene"] for index in range(2)] == list(KEYS)
    item = data[0]
    sample, scene = item["data_samples"], a_scene(0)
    assert sample.gt_point_labels.tolist() == np.repeat(scene.segment, 2).tolist()
    assert sample.points.shape == sample.colours.shape == (400, 3)
    voxel = np.floor(scene.coord.astype(np.float64) * 10).astype(int)
    voxel -= voxel.min(axis=0)
    np.testing.assert_array_equal(item["inputs"]["coords"][sample.point_to_voxel], np.repeat(voxel, 2, axis=0))
    assert (sample.scene, sample.dataset, sample.sample_id) == (KEYS[0], "S3DIS", "Area_1_office_1")


def test_a_scene_without_truth_can_be_tested(root):
    bare = Scene(coord=a_scene(0).coord, color=a_scene(0).color)
    write_scene(root / "scene0707_00", bare)
    write_split(root, "test", ["scene0707_00"])
    pipeline = [LoadPointScene(), MakeEvaluationVoxels(voxel_size=0.1), PackPointInputs()]
    data = ScanNetDataset(data_root=str(root), split="test", test_mode=True, pipeline=pipeline)
    assert (data[0]["data_samples"].gt_point_labels == 255).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"data_root": "nowhere"}, r"nowhere: there is no such folder\. Convert it\."),
        ({"split": "val"}, r"val\.txt does not exist\. There are area_1, area_2, gone, train\. Convert it\."),
        ({"split": "gone"}, "1 scenes of the split 'gone' are missing, the first is Area_9/x"),
        ({"sparse": "sparse/none.npz"}, r"none\.npz: there is no such file of sparse labels\. Make it with"),
    ],
)
def test_what_is_missing_is_named(root, change, said):
    write_split(root, "gone", [KEYS[0], "Area_9/x"])
    options = {"data_root": str(root), "split": "train", "prepare": "Convert it.", "pipeline": []} | change
    with pytest.raises(UserError, match=said):
        SemanticKITTIDataset(**options)


def test_another_set_is_refused(root):
    card = root / "dataset.json"
    options = {"data_root": str(root), "split": "train", "pipeline": training_pipeline()}
    card.write_text(json.dumps({"classes": S3DISDataset.CLASSES.classes}), encoding="utf-8")
    assert len(S3DISDataset(**options)) == 2
    with pytest.raises(
        UserError, match=r"dataset\.json: the set has the classes clutter, .*; ScanNetDataset expects wall"
    ):
        ScanNetDataset(**options)
    card.write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match="is no card of a prepared set"):
        S3DISDataset(**options)


def test_views_of_a_config_are_the_published_settings():
    values = {"voxel_size": 0.02, "elastic": [[0.2, 0.4], [0.8, 1.6]]}
    assert view_settings(values) == SCANNET
    assert view_settings({"voxel_size": 0.05, "crop_half_side": 4.0, "largest_angles": list(S3DIS.largest_angles)}) == (
        S3DIS
    )
    assert MakeTwoViews(views=values, preset="fixed").settings == replace(SCANNET, **_fixed())
    with pytest.raises(UserError, match="has no 'voxels'"):
        view_settings({"voxels": 1, "voxel_size": 0.1})
    with pytest.raises(UserError, match="needs voxel_size"):
        view_settings({})
    with pytest.raises(UserError, match="published or fixed"):
        MakeTwoViews(views=VIEWS, preset="other")


def _fixed():
    return dict.fromkeys(("labelled_represent", "labelled_escape_dropout", "any_shared_point"), True)


def a_batch(*sizes):
    inputs = {}
    for number in (1, 2):
        inputs[f"coords{number}"] = [torch.full((size, 3), size) for size in sizes]
        inputs[f"colours{number}"] = [torch.full((size, 3), 255.0) for size in sizes]
        inputs[f"rows{number}"] = [torch.arange(2) for _ in sizes]
    return {"inputs": inputs, "data_samples": list(range(len(sizes)))}


def test_the_preprocessor_numbers_the_scenes_and_centres_colours():
    batch = PointPreprocessor()(a_batch(3, 4), True)
    inputs = batch["inputs"]
    assert inputs["coords1"].tolist() == [[0, 3, 3, 3]] * 3 + [[1, 4, 4, 4]] * 4
    assert (inputs["feats2"] == 0.5).all()
    assert inputs["pairs1"].tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]


@pytest.mark.parametrize(("limit", "kept"), [(None, 3), (18, 3), (17, 2), (5, 1), (1, 1)])
def test_too_large_a_training_batch_loses_its_last_scenes(limit, kept):
    batch = PointPreprocessor(max_voxels=limit)(a_batch(3, 4, 2), True)
    assert batch["data_samples"] == list(range(kept))
    assert int(batch["inputs"]["coords2"][-1, 0]) == kept - 1
    assert len(PointPreprocessor(max_voxels=limit)(a_batch(3, 4, 2), False)["data_samples"]) == 3


def test_other_batches_are_refused():
    with pytest.raises(UserError, match=r"It got a dict with \['img'\]"):
        PointPreprocessor()({"inputs": {"img": []}})


def test_the_pipeline_collates(root):
    data = S3DISDataset(data_root=str(root), split="train", sparse="sparse/two.npz", pipeline=training_pipeline())
    batch = PointPreprocessor()(pseudo_collate([data[SampleIndex(i, draw=i, seed=0)] for i in range(2)]), True)
    assert batch["inputs"]["coords1"][:, 0].unique().tolist() == [0, 1]
    assert len(batch["data_samples"]) == 2
