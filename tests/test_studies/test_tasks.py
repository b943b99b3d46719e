"""Each kind of task: what the pool is, what it costs, and that training holds the chosen units alone."""

import numpy as np
import pytest
from study_worlds import restricted

from sparsevision.annotation import CostModel, load_annotations
from sparsevision.datasets.image_io import read_grey
from sparsevision.engine import read_config
from sparsevision.engine.overrides import options_of
from sparsevision.studies import StudySettings, build_task
from sparsevision.studies.build import kind_of_folder
from sparsevision.studies.choice import NamedSelector, choose
from sparsevision.utils import UserError

SAMPLES = {"camouflage": ("point", "images", 6), "street": ("point", "frames", 6), "clips": ("track_entry", "clips", 4),
           "boxes": ("box", "images", 3)}  # fmt: skip


@pytest.mark.parametrize("world", SAMPLES)
def test_training_holds_the_chosen_samples_alone(world, worlds, tasks, tmp_path):
    task = tasks(world)
    assert (task.kind, task.unit, len(task.names)) == SAMPLES[world]
    chosen = [task.names[2], task.names[0]]
    dataset = restricted(worlds(world), task.options(chosen, tmp_path))
    assert [dataset.get_data_info(row)["sample_id"] for row in range(len(dataset))] == [task.names[0], task.names[2]]


@pytest.mark.parametrize("world", SAMPLES)
def test_there_is_one_vector_a_sample(world, tasks, tmp_path):
    features = tasks(world).features(tmp_path)
    assert len(features) == len(tasks(world).names)
    assert np.isfinite(features).all()
    assert len(np.unique(features, axis=0)) > 1


def test_points_are_counted_in_the_label_files(tasks):
    task = tasks("camouflage")
    assert task.counts.tolist() == [2] * 6
    assert task.seconds(task.names[:3], CostModel(point=2.0)) == 12.0


def test_clicks_of_a_frame_are_one_a_class(tasks):
    assert tasks("street").counts.tolist() == [3] * 6


def test_boxes_that_are_crowds_cost_nothing(tasks):
    task = tasks("boxes")
    assert dict(zip(task.names, task.counts, strict=True)) == {"a": 2, "b": 1, "d": 1}


def test_a_track_is_paid_for_in_every_frame(tasks):
    assert all(count > 0 and count % 8 == 0 for count in tasks("clips").counts)


def test_a_thinned_set_of_boxes_is_restricted_inside(worlds, tmp_path):
    _, words = worlds("boxes")
    inner = [word.replace("train_dataloader.dataset.", "train_dataloader.dataset.dataset.") for word in words]
    world = "tiny_focus_detr_lite0_halfboxes_4e_shapes", [*inner, "train_dataloader.dataset.keep=1.0"]
    task = build_task(read_config(world[0], options_of(world[1])), name="half")
    dataset = restricted(world, task.options(["d"], tmp_path))
    assert [dataset.get_data_info(row)["sample_id"] for row in range(len(dataset))] == ["d"]


def test_clouds_are_labelled_at_the_chosen_points_alone(worlds, tasks, tmp_path):
    task = tasks("rooms")
    assert len(task.groups) == 2
    chosen = choose(task, NamedSelector("random"), np.zeros((len(task.names), 1)), [5], seed=0)[5]
    dataset = restricted(worlds("rooms"), task.options(chosen, tmp_path))
    found = {f"{info['scene']}:{i}" for info in map(dataset.get_data_info, range(2)) for i in info["indices"]}
    assert found == set(chosen)
    assert task.annotations(chosen) == 10
    assert task.seconds(chosen, CostModel(cloud_point=3.0)) == 30.0


def test_files_of_labels_may_lie_in_a_folder_of_any_name(worlds, tasks, tmp_path):
    folder = tmp_path / "runs, new (2)"
    clouds, view = tasks("rooms"), tasks("room_view")
    dataset = restricted(worlds("rooms"), clouds.options([clouds.names[0]], folder))
    assert sum(len(dataset.get_data_info(row)["indices"]) for row in range(2)) == 1
    words = view.options([view.names[view.first[0]]], folder)
    assert list(options_of(words).values()) == [str(folder / "label")]


def test_point_features_are_those_of_each_cloud(tasks, tmp_path):
    assert len(tasks("rooms").features(tmp_path)) == len(tasks("rooms").names)


def test_clicks_become_the_mask_of_one_view(worlds, tasks, tmp_path):
    task = tasks("room_view")
    assert task.kind == "click"
    chosen = choose(task, NamedSelector("k_center"), task.features(tmp_path), [6], seed=0)[6]
    x, y = (int(number) for number in chosen[0].split(","))
    assert task._scene[2][y, x], "the first click is on the object"
    dataset = restricted(worlds("room_view"), task.options(chosen, tmp_path))
    (mask,) = (tmp_path / "label").iterdir()
    assert mask.stem == dataset.scene.image_names[task._scene[1]]
    levels = read_grey(mask)
    for name in chosen:
        x, y = (int(number) for number in name.split(","))
        assert (levels[y, x] > 0) == task._scene[2][y, x]


def test_point_labels_are_the_truth(tasks, tmp_path):
    task = tasks("rooms")
    task.options(task.names[:4], tmp_path)
    labels = load_annotations(tmp_path / "point_labels.npz")
    assert sum(len(each) for each in labels.values()) == 4


def test_motion_has_no_uncertainty(tasks, tmp_path):
    with pytest.raises(UserError, match="leave it out of --selectors"):
        tasks("clips").probabilities(object(), tmp_path)


def test_an_unknown_name_is_refused(tasks):
    with pytest.raises(UserError, match="did data change"):
        tasks("camouflage").rows(["nobody"])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("tiny_gensam_mobilesam_conse", "does not train"),
        ("tiny_sparseseg_resnet18_pseudo_100e_camouflage", "nobody annotates"),
    ],
)
def test_configs_without_simulated_labels_are_refused(config, message):
    with pytest.raises(UserError, match=message):
        build_task(read_config(config), name=config)


def test_kinds_are_told_from_the_config():
    for config, kind in (
        ("tiny_sparseseg_resnet18_scribble_30e_camouflage", "scribble"),
        ("tiny_sparseseg_resnet18_box_30e_camouflage", "box"),
        ("tiny_sparseseg_resnet18_dense_30e_camouflage", "mask"),
        ("tiny_evwsss_e2vid_1click_26e_street", "point"),
        ("tiny_evwsss_e2vid_dense_26e_street", "mask"),
        ("tiny_cpcm_res16unet_0p1pct_40e_rooms", "cloud_point"),
        ("tiny_cpcm_res16unet_dense_40e_rooms", "cloud"),
    ):
        assert build_task(read_config(config), name=config).kind == kind


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("Scribble", "scribble"),
        ("Annotations/box", "box"),
        ("/home/pointer/boxes", "box"),
        ("/data/inbox/Point/", "point"),
    ],
)
def test_the_kind_is_told_from_the_folder_of_labels_alone(folder, kind):
    assert kind_of_folder(folder, "config") == kind


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("", r"config: nothing says .* study = dict\(kind='point'\)"),
        ("/home/pointer/labels", "nothing says of which kind"),
        ("boxes_from_clicks", r"'boxes_from_clicks' may be click or box; add study = dict\(kind='click'\) or another"),
    ],
)
def test_a_folder_that_says_nothing_or_too_much_is_refused(folder, message):
    with pytest.raises(UserError, match=message):
        kind_of_folder(folder, "config")


def test_settings_are_checked():
    with pytest.raises(UserError, match="Did you mean 'scribble'"):
        StudySettings(kind="scribbel")
    with pytest.raises(UserError, match="'thumbnail'"):
        StudySettings(features="clip")
