"""CamouflageMetric in mmengine's evaluator: keys, protocols, files, refusals."""

import csv

import cv2
import numpy as np
import pytest
import torch
from cod_cases import grey_cases
from mmengine.evaluator import Evaluator
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from sparsevision.evaluation import CamouflageMetric
from sparsevision.evaluation.functional import cod
from sparsevision.registry import METRICS
from sparsevision.utils import UserError

NAMES = ("near", "two_objects", "narrow_range", "empty_truth")
KEYS = {"MAE", "Sm", "Em", "wF", "adpEm", "maxEm", "adpF", "meanF", "maxF"}


def make_sample(pred, gt=None, **meta):
    sample = SegDataSample(metainfo={"sample_id": "animal-1", "img_path": "images/animal-1.jpg", **meta})
    sample.set_data({"pred_mask": PixelData(data=torch.as_tensor(pred)[None])})
    if gt is not None:
        sample.set_data({"gt_mask": PixelData(data=torch.as_tensor(gt)[None])})
    return sample


def case_samples():
    pairs = [grey_cases()[name] for name in NAMES]
    return [make_sample(grey / 255.0, gt, sample_id=name) for name, (grey, gt) in zip(NAMES, pairs, strict=True)]


def run(samples, **options):
    """Through mmengine's Evaluator, which hands samples on as dicts, two a batch."""
    evaluator = Evaluator(METRICS.build({"type": "CamouflageMetric", **options}))
    for start in range(0, len(samples), 2):
        evaluator.process(samples[start : start + 2])
    return evaluator.evaluate(len(samples))


def test_native_protocol_equals_the_functions():
    found = run(case_samples())
    expected = cod.summarise([cod.score_image(*cod.prepare(*grey_cases()[name])) for name in NAMES])
    assert set(found) == {f"cod/{key}" for key in KEYS}
    for key, value in expected.items():
        assert found[f"cod/{key}"] == pytest.approx(value, abs=1e-12), key


def test_data_elements_and_dicts_score_alike():
    metric = CamouflageMetric(prefix="CAMO")
    metric.process(None, case_samples())
    assert metric.evaluate(len(NAMES))["CAMO/Sm"] == run(case_samples())["cod/Sm"]


def test_gensam_protocol_is_binary_square_and_names_its_beta():
    found = run(case_samples(), protocol="gensam")
    assert "cod/wF_b0.3" in found
    assert "cod/wF" not in found
    scores = []
    for grey, gt in (grey_cases()[name] for name in NAMES):
        mask, truth = cod.prepare(grey > 127, gt, normalize=False, resize=cod.resize_both)
        scores.append(cod.score_image(mask, truth, weighted_beta2=0.3))
    expected = cod.summarise(scores)
    assert found["cod/wF_b0.3"] == pytest.approx(expected["wF"])
    assert found["cod/MAE"] == pytest.approx(expected["MAE"])


def test_options_override_the_protocol():
    found = run(case_samples(), beta2=0.3, f_beta2=1.0, normalize=False)
    assert {"cod/wF_b0.3", "cod/adpF_b1", "cod/meanF_b1", "cod/maxF_b1"} <= set(found)
    plain = [cod.prepare(*grey_cases()[name], normalize=False) for name in NAMES]
    assert found["cod/MAE"] == pytest.approx(np.mean([cod.mae(*pair) for pair in plain]))


def test_a_full_mask_is_not_scored_as_an_empty_one():
    gt = np.zeros((64, 64), bool)
    gt[20:40, 20:40] = True
    assert run([make_sample(np.ones((64, 64)), gt)], protocol="gensam")["cod/MAE"] == pytest.approx(1 - 400 / 4096)


def test_a_row_for_every_image(tmp_path):
    table = tmp_path / "new" / "scores.csv"
    found = run(case_samples(), csv_file=str(table))
    rows = list(csv.DictReader(table.open()))
    assert [row["sample_id"] for row in rows] == sorted(NAMES)
    assert np.mean([float(row["Sm"]) for row in rows]) == pytest.approx(found["cod/Sm"])
    assert set(rows[0]) == {"sample_id", *KEYS}


def test_masks_are_written_by_name_at_their_own_size(tmp_path):
    run(case_samples(), out_dir=str(tmp_path / "masks"))
    for name in NAMES:
        written = cv2.imread(str(tmp_path / "masks" / f"{name}.png"), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(written, (grey_cases()[name][0] > 127) * 255)


def test_format_only_needs_no_truth(tmp_path):
    grey = grey_cases()["near"][0]
    sample = make_sample((grey / np.float32(255)).astype(np.float32), sample_id=None)
    assert run([sample], out_dir=str(tmp_path), format_only=True, save_soft=True) == {}
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "animal-1.png"), cv2.IMREAD_UNCHANGED), grey)
    with pytest.raises(UserError, match="out_dir"):
        CamouflageMetric(format_only=True)


def test_missing_truth_says_how_to_go_on():
    with pytest.raises(UserError, match=r"animal-1: .*gt_mask.*format_only"):
        run([make_sample(np.zeros((4, 5)))])


def test_missing_prediction_points_to_the_other_metric():
    sample = make_sample(np.zeros((4, 5)))
    del sample.pred_mask
    with pytest.raises(UserError, match=r"animal-1: .*pred_mask.*IoUMetric"):
        run([sample])


def test_another_size_is_an_error_unless_resizing_is_asked_for():
    sample = make_sample(np.full((4, 5), 0.25, np.float32), np.eye(8, 10, dtype=bool))
    with pytest.raises(UserError, match=r"animal-1: pred_mask is \(4, 5\) but gt_mask is \(8, 10\).*resize_pred"):
        run([sample])
    assert run([sample], resize_pred=True)["cod/MAE"] == pytest.approx(0.25 + 8 / 80 * 0.5)


@pytest.mark.parametrize(("value", "message"), [(np.nan, "animal-1: .*NaN"), (3.0, "animal-1: .*sigmoid")])
def test_bad_values_name_the_image(value, message):
    with pytest.raises(UserError, match=message):
        run([make_sample(np.full((4, 5), value), np.eye(4, 5, dtype=bool))])


def test_bad_options_are_refused():
    with pytest.raises(UserError, match="Did you mean 'gensam'"):
        CamouflageMetric(protocol="gensm")
    with pytest.raises(UserError, match="positive"):
        CamouflageMetric(beta2=-1)


def test_an_unwritable_table_is_said(tmp_path):
    (tmp_path / "taken").write_text("a file, not a folder")
    with pytest.raises(UserError, match="cannot be written"):
        run(case_samples(), csv_file=str(tmp_path / "taken" / "scores.csv"))


def test_data_sets_tested_in_one_run_are_scored_on_their_own(tmp_path):
    samples = case_samples()
    for sample, name in zip(samples, ("CAMO", "NC4K", "NC4K", "CAMO"), strict=True):
        sample.set_metainfo({"dataset": name})
    found = run(samples, per_dataset=True, csv_file=str(tmp_path / "scores.csv"), out_dir=str(tmp_path / "masks"))
    assert set(found) == {f"cod/{name}/{key}" for name in ("CAMO", "NC4K") for key in KEYS}
    assert found["cod/NC4K/Sm"] == run(samples[1:3])["cod/Sm"]
    rows = list(csv.DictReader((tmp_path / "scores.csv").open()))
    assert [row["dataset"] for row in rows] == ["CAMO", "CAMO", "NC4K", "NC4K"]
    assert {path.name for path in (tmp_path / "masks" / "NC4K").iterdir()} == {f"{name}.png" for name in NAMES[1:3]}


def test_images_without_a_mask_may_be_predicted_only(monkeypatch):
    said = []
    monkeypatch.setattr("sparsevision.evaluation.camouflage.print_log", lambda text, **_: said.append(text))
    samples = case_samples()
    del samples[1].gt_mask
    assert run(samples, truth_optional=True) == run([samples[0], *samples[2:]])
    assert said[0].startswith("1 of 4 images have no mask to compare with")
    for sample in samples:
        if "gt_mask" in sample:
            del sample.gt_mask
    assert run(samples, truth_optional=True) == {}
    assert said[-1].startswith("4 of 4 images")
