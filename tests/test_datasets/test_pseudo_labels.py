"""Pseudo labels from predictions: doubtful ones are left out with their reason, the others arrive unchanged."""

import numpy as np
import pytest
from tool_runner import run_tool

from sparsevision.datasets.image_io import read_soft_mask, write_png
from sparsevision.datasets.pseudo_labels import Screen, make_pseudo_labels, mean_entropy
from sparsevision.utils import UserError


def block(side, level=255, size=40):
    """A square of one level in the corner of a black picture."""
    mask = np.zeros((size, size), np.uint8)
    mask[:side, :side] = level
    return mask


@pytest.fixture
def predictions(tmp_path):
    masks = {
        "good": block(12),
        "half_sure": block(12, level=200),
        "nothing": block(0),
        "everything": block(40),
    }
    for stem, mask in masks.items():
        write_png(tmp_path / "pred" / f"{stem}.png", mask)
    return tmp_path / "pred"


def test_entropy_in_bits():
    assert mean_entropy(np.full((3, 3), 0.5)) == 1
    assert mean_entropy(np.array([[0.0, 1.0]])) == pytest.approx(0, abs=1e-9)
    quarter = -(0.25 * np.log2(0.25) + 0.75 * np.log2(0.75))
    assert mean_entropy(np.array([[0.25, 0.0]])) == pytest.approx(quarter / 2)


def test_what_passes_arrives_unchanged_and_the_rest_is_named(predictions, tmp_path):
    truth = tmp_path / "truth"
    for stem in ("good", "half_sure", "nothing", "everything"):
        write_png(truth / f"{stem}.png", block(12))
    screen = Screen(max_entropy=0.05)
    verdicts = {v.stem: v for v in make_pseudo_labels(predictions, tmp_path / "out", screen=screen, truth=truth)}
    reasons = {stem: verdict.reason for stem, verdict in verdicts.items()}
    assert reasons == {"good": "", "half_sure": "undecided", "nothing": "too small", "everything": "too large"}
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.png"]
    assert (read_soft_mask(tmp_path / "out" / "good.png") == block(12) / 255).all()
    assert verdicts["good"].iou == 1
    assert verdicts["everything"].iou == 0.09
    assert verdicts["nothing"].iou == 0


def test_soft_levels_survive(predictions, tmp_path):
    list(make_pseudo_labels(predictions, tmp_path / "out", screen=Screen()))
    kept = read_soft_mask(tmp_path / "out" / "half_sure.png")
    assert kept.max() == np.float32(200) / np.float32(255)


def test_mistakes_are_explained(predictions, tmp_path):
    with pytest.raises(UserError, match="0 <= smallest < largest <= 1"):
        Screen(area=(0.5, 0.1))
    with pytest.raises(UserError, match="is not a folder of predictions"):
        make_pseudo_labels(tmp_path / "nowhere", tmp_path / "out", screen=Screen())
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no PNG"):
        make_pseudo_labels(tmp_path / "empty", tmp_path / "out", screen=Screen())
    with pytest.raises(UserError, match="is not an empty folder"):
        make_pseudo_labels(predictions, predictions, screen=Screen())
    with pytest.raises(UserError, match="is not an empty folder"):
        make_pseudo_labels(predictions, predictions / "good.png", screen=Screen())
    write_png(tmp_path / "truth" / "good.png", block(3, size=20))
    with pytest.raises(UserError, match="are they a pair"):
        list(make_pseudo_labels(predictions, tmp_path / "out", screen=Screen(), truth=tmp_path / "truth"))
    assert not (tmp_path / "out").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"pred", "truth", "empty"}


def test_the_tool_reports_what_it_did(predictions, tmp_path):
    finished = run_tool("annotation/pseudo_labels.py", predictions, "--out", tmp_path / "out", "--truth", predictions)
    assert finished.code == 0, finished.err
    assert "2 of 4 predictions kept (1 too large, 1 too small)" in finished.out
    assert "mean IoU with the truth, kept: 1.000 over 2 images" in finished.out
    refused = run_tool("annotation/pseudo_labels.py", predictions, "--out", tmp_path / "two", "--area", "0.2", "0.3")
    assert refused.code == 2
    assert "Every prediction was left out" in refused.err
