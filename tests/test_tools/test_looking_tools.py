"""Tools that look at a config, its data and its model without training."""

import csv
import json
import shutil

import cv2
import numpy as np
import pytest
from event_config import write_config, write_weights
from event_sets import LABEL_SIZE, write_dsec_sequence
from point_config import VOXEL, write_room
from point_config import write_config as write_point_config
from tool_runner import run_tool

from sparsevision.datasets.image_io import write_png
from sparsevision.engine import read_config
from sparsevision.registry import DATASETS
from sparsevision.utils import configs_dir


def test_print_config_shows_the_override(tiny_config, tmp_path):
    out = tmp_path / "dumped.py"
    finished = run_tool(
        "misc/print_config.py", tiny_config, "--cfg-options", "train_dataloader.batch_size=7", "--out", out
    )
    assert finished.code == 0, finished.err
    assert "batch_size=7" in finished.out
    assert "batch_size=7" in out.read_text()


def test_print_config_refuses_a_typo(tiny_config):
    finished = run_tool("misc/print_config.py", tiny_config, "--cfg-options", "train_dataloader.batchsize=7")
    assert finished.code == 2
    assert "batch_size" in finished.err
    assert "Traceback" not in finished.err


def test_print_config_wants_a_format_that_it_knows(tiny_config, tmp_path):
    finished = run_tool("misc/print_config.py", tiny_config, "--out", tmp_path / "config.txt")
    assert finished.code == 2
    assert ".yml" in finished.err


def test_browse_dataset_draws_samples_and_counts_labels(tiny_config, tmp_path):
    finished = run_tool("misc/browse_dataset.py", tiny_config, "--number", "2", "--out-dir", tmp_path)
    assert finished.code == 0, finished.err
    pictures = sorted(tmp_path.glob("*.png"))
    assert [picture.stem for picture in pictures] == ["camo_train_0000", "camo_train_0003"]
    assert cv2.imread(str(pictures[0])).shape[1] > 3 * 32
    assert "255: " in finished.out


def test_browse_dataset_draws_every_image_of_a_repeated_set_once(tiny_config, tmp_path):
    """Of 5 images 24 times, evenly spread picks out of 120 passed one image over and drew the others anew."""
    repeated = tmp_path / "repeated.py"
    lines = ["from mmengine.dataset import RepeatDataset"]
    lines += ["train_dataloader['dataset'] = dict(type=RepeatDataset, times=6, dataset=train_dataloader['dataset'])"]
    repeated.write_text("\n".join([tiny_config.read_text(), *lines]))
    finished = run_tool("misc/browse_dataset.py", repeated, "--number", "5", "--out-dir", tmp_path / "pictures")
    assert finished.code == 0, finished.err
    assert len(list((tmp_path / "pictures").glob("*.png"))) == finished.out.count("labels: ") == 4


def test_browse_dataset_names_a_missing_loader(tiny_config):
    finished = run_tool("misc/browse_dataset.py", tiny_config, "--split", "val")
    assert finished.code == 2
    assert "no val_dataloader" in finished.err


def test_benchmark_reports_times(tiny_config, tmp_path):
    out = tmp_path / "times.json"
    arguments = [
        "--size",
        "32",
        "32",
        "--iterations",
        "3",
        "--warmup",
        "1",
        "--batch",
        "2",
        "--device",
        "cpu",
        "--out",
        out,
    ]
    finished = run_tool("analysis_tools/benchmark.py", tiny_config, *arguments)
    assert finished.code == 0, finished.err
    numbers = json.loads(out.read_text())
    assert 0 < numbers["fastest_ms"] <= numbers["median_ms"] <= numbers["slowest_ms"]
    assert numbers["samples_per_second"] == pytest.approx(2000 / numbers["median_ms"])


def test_flops_grow_with_the_area_and_parameters_do_not(tiny_config):
    whole = {}
    for side in (32, 64):
        finished = run_tool("analysis_tools/get_flops.py", tiny_config, "--size", side, side)
        name, *numbers = finished.out.splitlines()[2].split()
        assert name == "SparseSegmentor"
        whole[side] = [int(number.replace(",", "")) for number in numbers]
    assert whole[32][0] == whole[64][0]
    assert whole[64][1] == 4 * whole[32][1]


def test_confusion_matrix_of_a_folder(tiny_config, tiny_set, tmp_path):
    truth = sorted((tiny_set / "TestDataset" / "TinyCamo" / "GT").glob("*.png"))
    (tmp_path / "masks").mkdir()
    for path in truth:
        mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        write_png(tmp_path / "masks" / path.name, np.zeros_like(mask))
    finished = run_tool(
        "analysis_tools/confusion_matrix.py", tiny_config, "--predictions", tmp_path / "masks", "--out-dir", tmp_path
    )
    assert finished.code == 0, finished.err
    with (tmp_path / "confusion_matrix.csv").open() as file:
        rows = list(csv.reader(file))
    foreground = sum(int((cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) > 128).sum()) for path in truth)
    assert rows[2][:3] == ["camouflaged object", str(foreground), "0"]
    assert (tmp_path / "confusion_matrix.png").stat().st_size > 1000


def test_confusion_matrix_refuses_colours_where_ids_are_expected(tiny_config, tiny_set, tmp_path):
    shutil.copytree(tiny_set / "TestDataset" / "TinyCamo" / "Imgs", tmp_path / "pred_sem_seg")
    for path in (tmp_path / "pred_sem_seg").iterdir():
        write_png(path.with_suffix(".png"), np.zeros((8, 8, 3), np.uint8))
    finished = run_tool("analysis_tools/confusion_matrix.py", tiny_config, "--predictions", tmp_path)
    assert finished.code == 2
    assert "mode RGB is no map of class ids" in " ".join(finished.err.split())


def test_confusion_matrix_says_which_mask_is_missing(tiny_config, tmp_path):
    finished = run_tool("analysis_tools/confusion_matrix.py", tiny_config, "--predictions", tmp_path)
    assert finished.code == 2
    assert "camo_test_0000.png does not exist" in finished.err


def test_confusion_matrix_of_a_method_that_learns_wants_a_checkpoint(tiny_config, tmp_path):
    finished = run_tool("analysis_tools/confusion_matrix.py", tiny_config, "--out-dir", tmp_path)
    assert finished.code == 2
    assert "checkpoint" in finished.err


@pytest.fixture(scope="module")
def event_config(tmp_path_factory):
    """A config for two labelled moments of events."""
    folder = tmp_path_factory.mktemp("events")
    write_dsec_sequence(folder / "data", "street", points=(1,), frames=2)
    return write_config(folder / "config.py", folder / "data")


VIEWS = f"""
from sparsevision.datasets.transforms import MakeTwoViews

pipeline[1] = dict(type=MakeTwoViews, views=dict(voxel_size={VOXEL}))
test_dataloader["dataset"].update(pipeline=pipeline, test_mode=False)
"""


def test_browse_dataset_marks_the_labelled_voxels_of_both_views(tmp_path):
    write_room(tmp_path / "data")
    config = write_point_config(tmp_path / "config.py", tmp_path / "data")
    config.write_text(config.read_text() + VIEWS)
    finished = run_tool("misc/browse_dataset.py", config, "--split", "test", "--out-dir", tmp_path / "shown")
    assert finished.code == 0, finished.err
    picture = cv2.imread(str(tmp_path / "shown" / "Area_5_office_1.png"))[..., ::-1].astype(int)
    palette = DATASETS.build(read_config(config).test_dataloader.dataset).metainfo["palette"]
    for colour in palette[:2]:
        dots = np.abs(picture[22:-20] - colour).max(axis=-1) < 12
        assert dots[:, : dots.shape[1] // 2].sum() > 300 < dots[:, dots.shape[1] // 2 :].sum()


RUN = '''"""A test of it."""

from mmengine.config import read_base

with read_base():
    from .config import *
    from .runtime import *

train_dataloader = None
'''


def is_red(picture):
    return (picture[..., 2] > 150) & (picture[..., 0] < 120)


def test_browse_dataset_draws_events_clicks_and_truth(event_config, tmp_path):
    finished = run_tool("misc/browse_dataset.py", event_config, "--out-dir", tmp_path)
    assert finished.code == 0, finished.err
    picture = cv2.imread(str(tmp_path / "street_000001.png"))
    panel = (picture.shape[1] - 8) // 3
    assert panel == 240 * LABEL_SIZE[1] // LABEL_SIZE[0], "events, truth, clicks"
    assert is_red(picture[30:250, :panel]).sum() > 100, "brighter events"
    assert picture.shape[0] > 22 + 240 + 10, "a legend"
    assert "255: " in finished.out


def test_a_test_run_of_an_event_config_draws_what_it_predicts(event_config, tmp_path):
    weights = write_weights(tmp_path / "weights.pth", event_config)
    shutil.copy(configs_dir() / "_base_" / "default_runtime.py", event_config.with_name("runtime.py"))
    run = event_config.with_name("run.py")
    run.write_text(RUN)
    folders = ["--show-dir", tmp_path / "shown", "--work-dir", tmp_path / "work"]
    finished = run_tool("test.py", run, weights, *folders)
    assert finished.code == 0, finished.err
    shown = sorted((tmp_path / "shown").rglob("*.png"))
    assert [path.name for path in shown] == ["street_000000.png", "street_000001.png"]
    picture = cv2.imread(str(shown[0]))
    assert picture.shape[1] == 4 * 240 * LABEL_SIZE[1] // LABEL_SIZE[0] + 12, "events, truth, clicks, prediction"
