"""A file where a folder of results is asked for: refused before weights or data are read, by every tool alike."""

import pytest
from point_config import write_config
from tool_runner import run_tool

from sparsevision.apis import CamouflageInferencer
from sparsevision.engine.hooks import PredictionWriter, VisualizationHook
from sparsevision.evaluation import CamouflageMetric, PointSegMetric
from sparsevision.utils import UserError, check_out_folder

CONFIG, WEIGHTS = "{config}", "there_is_no.pth"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    return path


def test_a_folder_may_be_there_or_not(tmp_path, file):
    check_out_folder(None, "--out-dir")
    check_out_folder(tmp_path, "--out-dir")
    check_out_folder(tmp_path / "new" / "newer", "--out-dir")
    for taken in (file, file / "inner", file / "a" / "b"):
        with pytest.raises(UserError, match=r"^--out-dir takes a folder, and .*notes\.txt is a file; give another"):
            check_out_folder(taken, "--out-dir")


@pytest.mark.parametrize(
    "words",
    [
        ["test.py", CONFIG, WEIGHTS, "--show-dir"],
        ["test.py", CONFIG, WEIGHTS, "--out"],
        ["point_segment.py", CONFIG, WEIGHTS, "{file}", "--out-dir"],
        ["event_segment.py", CONFIG, WEIGHTS, "none.h5", "--out", "x.mp4", "--masks"],
        ["demo.py", "none.jpg", "--out-dir"],
        ["demo.py", "--out-dir"],
        ["motion_i2v.py", "none.jpg", "--out"],
        ["misc/browse_dataset.py", CONFIG, "--out-dir"],
        ["misc/scannet_submission.py", "none", "--data", "none", "--out"],
        ["analysis_tools/confusion_matrix.py", CONFIG, "--checkpoint", WEIGHTS, "--out-dir"],
        ["analysis_tools/sum_confusion.py", "none", "--out-dir"],
        ["analysis_tools/seed_table.py", CONFIG, "--work-dir"],
        ["annotation/annotation_report.py", "none", "--out"],
        ["annotation/pseudo_labels.py", "none", "--out"],
        ["annotation/simulate.py", "none", "--kind", "points", "--out"],
        ["dataset_converters/s3dis.py", "{folder}", "--out"],
        ["dataset_converters/s_cod_scribbles.py", "{folder}", "--out"],
        ["dataset_converters/dsec_semantic.py", "{folder}", "--out"],
    ],
    ids=lambda words: f"{words[0]} {words[-1]}",
)
def test_every_tool_refuses_a_file_at_once(file, tmp_path, words):
    config = write_config(tmp_path / "config.py", tmp_path / "data")
    filled = [word.format(config=config, file=file, folder=tmp_path) for word in words]
    finished = run_tool(filled[0], *filled[1:], file)
    assert finished.code == 2
    assert f"{words[-1]} takes a folder, and {file} is a file" in finished.err.replace("\n", " ")
    assert file.read_text() == "mine"


def test_what_a_config_names_is_refused_as_well(file):
    for kind in (PredictionWriter, VisualizationHook, PointSegMetric, CamouflageMetric):
        with pytest.raises(UserError, match=f"{kind.__name__}: out_dir takes a folder"):
            kind(out_dir=str(file))


def test_an_inferencer_refuses_it_before_its_weights(file):
    with pytest.raises(UserError, match="out_dir takes a folder"):
        CamouflageInferencer("none.jpg", model="none", out_dir=file)
