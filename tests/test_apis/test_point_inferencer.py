"""PointSegInferencer: what the Runner's test gives, for every raw point, in every format, with its files."""

import shutil

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from point_config import VOXEL, room_table, write_config, write_room, write_weights

from sparsevision.apis import PointSegInferencer, init_model
from sparsevision.apis.point_settings import point_settings
from sparsevision.datasets.points.ply import PlyMesh, read_ply, write_ply
from sparsevision.datasets.points.read_cloud import CloudFile
from sparsevision.engine import read_config
from sparsevision.methods.cpcm.voting import FULL_VOTING
from sparsevision.registry import DATASETS
from sparsevision.utils import UserError

TABLE = room_table()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A config for a prepared room, and weights."""
    folder = tmp_path_factory.mktemp("rooms")
    write_room(folder / "data")
    config = write_config(folder / "config.py", folder / "data")
    return {"config": config, "weights": write_weights(folder / "weights.pth", config)}


@pytest.fixture(scope="module")
def inferencer(trained):
    return PointSegInferencer(trained["config"], trained["weights"], device="cpu")


@pytest.fixture
def cloud(tmp_path):
    np.save(tmp_path / "room.npy", TABLE)
    return tmp_path / "room.npy"


def test_it_says_what_the_test_of_the_runner_says(trained, inferencer, cloud):
    model = init_model(trained["config"], trained["weights"], device="cpu")
    item = DATASETS.build(read_config(trained["config"]).test_dataloader.dataset)[0]
    with torch.no_grad():
        (sample,) = model.test_step(pseudo_collate([item]))
    result = inferencer(cloud)
    np.testing.assert_array_equal(result.labels, sample.pred_point_labels.numpy())
    np.testing.assert_allclose(result.confidence, sample.pred_point_scores.numpy(), rtol=1e-5)
    assert len(np.unique(result.labels)) > 1
    assert sum(result.shares().values()) == pytest.approx(1)


@pytest.mark.parametrize(("factor", "unit"), [(1000, "m"), (1, "mm")])
def test_a_wrong_unit_is_warned_of(inferencer, tmp_path, factor, unit):
    np.save(tmp_path / "room.npy", TABLE * np.array([factor] * 3 + [1] * 3))
    with pytest.warns(UserWarning, match=r"room\.npy: measures .* metres.*--unit"):
        inferencer(tmp_path / "room.npy", unit=unit)


def test_a_mesh_keeps_its_faces_and_numbers(inferencer, tmp_path):
    vertex = {"nx": np.arange(3000, dtype=np.float32), "label": np.zeros(3000, np.int32)}
    faces = np.array([[0, 1, 2], [3, 4, 5]], np.int32)
    colours = TABLE[:, 3:].astype(np.uint8)
    write_ply(tmp_path / "room.ply", PlyMesh(TABLE[:, :3], colours, faces, vertex))
    result = inferencer(tmp_path / "room.ply", out_dir=tmp_path / "out")
    written = read_ply(tmp_path / "out" / "room_labels.ply")
    np.testing.assert_array_equal(written.points, TABLE[:, :3])
    np.testing.assert_array_equal(written.faces, faces)
    np.testing.assert_array_equal(written.vertex["nx"], vertex["nx"])
    np.testing.assert_array_equal(written.vertex["label"], result.labels)
    np.testing.assert_array_equal(written.vertex["confidence"], result.confidence)
    np.testing.assert_array_equal(written.colours, inferencer.palette[result.labels])
    assert b"comment label 4: ceiling" in (tmp_path / "out" / "room_labels.ply").read_bytes()
    assert cv2.imread(str(tmp_path / "out" / "room.png")).std() > 10
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_points_without_a_place_get_no_label(inferencer, tmp_path):
    table = TABLE.copy()
    table[7, 1] = np.nan
    np.save(tmp_path / "room.npy", table)
    with pytest.warns(UserWarning, match="1 of 3000 points"):
        result = inferencer(tmp_path / "room.npy", out_dir=tmp_path)
    assert np.flatnonzero(result.labels == 255).tolist() == [7]
    assert result.confidence[7] == 0
    np.testing.assert_array_equal(np.delete(result.labels, 7), inferencer(CloudFile(
        points=np.delete(TABLE[:, :3], 7, axis=0), colours=np.delete(TABLE[:, 3:], 7, axis=0))).labels)  # fmt: skip


def test_units_and_axes_change_nothing_but_the_numbers(inferencer, cloud, tmp_path):
    turned = TABLE.copy()
    turned[:, :3] = TABLE[:, [1, 2, 0]] * 1000
    np.save(tmp_path / "turned.npy", turned.astype(np.float64))
    same = (inferencer(tmp_path / "turned.npy", unit="mm", up="y").labels == inferencer(cloud).labels).mean()
    assert same > 0.99, "but for points on the border of a voxel"


def test_voting_and_blocks(inferencer, cloud):
    quick = dict(FULL_VOTING) | {"passes": FULL_VOTING["passes"][1:3], "max_fragments": 2}
    once, voted = inferencer(cloud), inferencer(cloud, voting=quick)
    assert not np.array_equal(voted.confidence, once.confidence)
    cut = inferencer(cloud, max_voxels=400, voting={"halo": 0.2})
    assert not np.array_equal(cut.confidence, once.confidence)
    assert (cut.labels < 13).all()


def test_every_vertex_of_a_real_scan_gets_a_label(inferencer, shared_data, tmp_path):
    shutil.copy(shared_data / "points" / "pyviz3d_office_chairs.ply", tmp_path / "chairs.ply")
    result = inferencer(tmp_path / "chairs.ply", out_dir=tmp_path)
    written = read_ply(tmp_path / "chairs_labels.ply")
    assert written.vertex["label"].shape == (87951,)
    assert written.vertex["label"].max() < 13
    assert len(written.faces) == 122881
    assert result.confidence.min() > 1 / 13 - 1e-6


def test_settings_come_from_the_config(trained, inferencer):
    settings = point_settings(read_config(trained["config"]))
    assert settings.voxel_size == VOXEL
    assert inferencer.classes == settings.classes
    assert len(settings.classes) == len(settings.palette) == 13


def test_configs_of_something_else_are_refused():
    with pytest.raises(UserError, match="no data set of point clouds"):
        point_settings(read_config("tiny_sparseseg_resnet18_scribble_30e_camouflage"))


def test_a_network_without_its_config_is_refused(trained):
    model = init_model(trained["config"], trained["weights"], device="cpu")
    del model.cfg
    with pytest.raises(UserError, match="init_model"):
        PointSegInferencer(model)


def test_a_cloud_without_a_name_is_not_written(inferencer, tmp_path):
    cloud = CloudFile(points=TABLE[:, :3], colours=TABLE[:, 3:])
    with pytest.raises(UserError, match="use the result's write"):
        inferencer(cloud, out_dir=tmp_path)
    assert [path.name for path in inferencer(cloud).write(tmp_path, "room", picture=False)] == ["room_labels.ply"]


def test_a_folder_that_cannot_be_made(inferencer, cloud, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        inferencer(cloud).write(tmp_path / "file" / "out", "room")


def test_a_file_as_out_dir_is_refused_before_the_cloud_is_read(inferencer, cloud):
    with pytest.raises(UserError, match=r"out_dir takes a folder, and .* is a file"):
        inferencer("none.ply", out_dir=cloud)
