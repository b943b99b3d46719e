"""Prepared scenes: whole or not there, and read back as they were."""

import numpy as np
import pytest

from sparsevision.datasets.points.classes import KITTI19, S3DIS13, SCANNET20, ClassSet
from sparsevision.datasets.points.sample import PointSegSample
from sparsevision.datasets.points.scene import Scene, read_scene, scene_keys, write_scene, write_split
from sparsevision.utils import UserError


def a_scene(count=5, **more):
    rng = np.random.default_rng(0)
    return Scene(
        coord=rng.random((count, 3), dtype=np.float32), color=rng.integers(0, 256, (count, 3), dtype=np.uint8), **more
    )


def test_a_scene_comes_back_as_it_was_written(tmp_path):
    scene = a_scene(segment=np.arange(5, dtype=np.uint8), original_to_point=np.zeros(9, np.int32))
    write_scene(tmp_path / "Area_1" / "office_1", scene)
    again = read_scene(tmp_path / "Area_1" / "office_1")
    assert set(again.arrays()) == {"coord", "color", "segment", "original_to_point"}
    for name, array in scene.arrays().items():
        np.testing.assert_array_equal(getattr(again, name), array)
    assert [path.name for path in (tmp_path / "Area_1").iterdir()] == ["office_1"]


def test_a_scene_that_is_written_again_keeps_nothing_of_the_old_one(tmp_path):
    write_scene(tmp_path / "room", a_scene(segment=np.zeros(5, np.uint8)))
    write_scene(tmp_path / "room", a_scene(3))
    assert set(read_scene(tmp_path / "room").arrays()) == {"coord", "color"}


@pytest.mark.parametrize(
    ("scene", "said"),
    [
        (a_scene(segment=np.zeros(4, np.uint8)), r"segment holds uint8 of shape \(4,\); expected \(5,\)"),
        (a_scene(0), "has no point"),
        (a_scene(original_segment=np.zeros(6, np.uint8)), "original_segment"),
        (Scene(coord=np.full((1, 3), np.nan, np.float32), color=np.zeros((1, 3), np.uint8)), "NaN"),
    ],
)
def test_arrays_that_do_not_fit_are_not_written(tmp_path, scene, said):
    with pytest.raises(UserError, match=said):
        write_scene(tmp_path / "room", scene)
    assert not list(tmp_path.iterdir())


def test_a_damaged_scene_is_named(tmp_path):
    with pytest.raises(UserError, match=r"coord\.npy is missing"):
        read_scene(tmp_path / "nowhere")
    write_scene(tmp_path / "room", a_scene())
    path = tmp_path / "room" / "color.npy"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(UserError, match=r"room.color\.npy: no readable array"):
        read_scene(tmp_path / "room")


def test_a_scene_without_colours_is_named(tmp_path):
    write_scene(tmp_path / "room", a_scene())
    (tmp_path / "room" / "color.npy").unlink()
    with pytest.raises(UserError, match=r"room: color\.npy is missing; .*converter"):
        read_scene(tmp_path / "room")


def test_coordinates_that_became_nan_are_named(tmp_path):
    write_scene(tmp_path / "room", a_scene())
    np.save(tmp_path / "room" / "coord.npy", np.full((5, 3), np.nan, np.float32))
    with pytest.raises(UserError, match="room: coord holds NaN"):
        read_scene(tmp_path / "room")


def test_splits_name_scenes_inside_of_the_set(tmp_path):
    write_split(tmp_path, "train", ["Area_1/office_1", "Area_2/hall"])
    assert scene_keys(tmp_path, "train") == ["Area_1/office_1", "Area_2/hall"]
    with pytest.raises(UserError, match=r"val\.txt does not exist\. There are train\. Convert it"):
        scene_keys(tmp_path, "val", prepare="Convert it.")
    for keys, said in ((["../other"], "no scene of this set"), (["a", "a"], "twice"), ([], "names no scene")):
        write_split(tmp_path, "bad", keys)
        with pytest.raises(UserError, match=said):
            scene_keys(tmp_path, "bad")


@pytest.mark.parametrize(("classes", "count"), [(S3DIS13, 13), (SCANNET20, 20), (KITTI19, 19)])
def test_classes_go_to_the_sets_numbers_and_back(classes, count):
    assert len(classes) == count == len(set(classes.palette)) == len(set(classes.classes))
    every = np.arange(count)
    np.testing.assert_array_equal(classes.to_train(classes.to_raw(every)), every)
    others = np.setdiff1d(np.arange(300), classes.raw_ids)
    assert (classes.to_train(others) == 255).all()


def test_stairs_and_unannotated_are_ignored():
    assert S3DIS13.classes[9:11] == ("sofa", "table")
    assert S3DIS13.to_train(np.array([9, 10, 11])).tolist() == [9, 255, 10]
    assert SCANNET20.to_train(np.array([0, 1, 13, 39], np.uint16)).tolist() == [255, 0, 255, 19]
    with pytest.raises(UserError, match="whole numbers"):
        S3DIS13.to_train(np.array([0.5]))
    with pytest.raises(ValueError, match="differ in length"):
        ClassSet(name="x", classes=("a",), palette=(), raw_ids=())


def test_a_sample_holds_tensors_by_name():
    sample = PointSegSample(metainfo={"scene": "room"})
    sample.pred_point_labels = np.zeros(3, np.int64)
    assert sample.scene == "room"
    assert "pred_point_labels" in sample
