"""PSNR and SSIM as scikit-image measures them, crops and masks by hand, and the distance of features."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from sparsevision.evaluation.functional.views import (
    Box,
    fit_mask,
    frechet_distance,
    mask_accuracy,
    mask_iou,
    masked_mean,
    psnr,
    spin_bbox10,
    ssim,
)
from sparsevision.utils import UserError


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    smooth = np.kron(rng.random((6, 8, 3)), np.ones((6, 6, 1)))
    return np.clip(smooth + rng.normal(0, 0.05, smooth.shape), 0, 1).astype(np.float32), smooth.astype(np.float32)


def test_psnr_and_ssim_are_scikit_images(pair):
    metrics = pytest.importorskip("skimage.metrics")
    noisy, clean = pair
    assert psnr(noisy, clean) == pytest.approx(metrics.peak_signal_noise_ratio(clean, noisy, data_range=1), abs=1e-5)
    published = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1}
    theirs = metrics.structural_similarity(clean.astype(float), noisy.astype(float), channel_axis=2, **published)
    assert ssim(noisy, clean) == pytest.approx(theirs, abs=1e-9)


def test_ssim_is_torchmetrics_away_from_the_border(pair):
    """There it goes on with mirrored images, and counts these places too."""
    image = pytest.importorskip("torchmetrics.functional.image")
    noisy, clean = (torch.from_numpy(values).permute(2, 0, 1)[None].double() for values in pair)
    places = image.structural_similarity_index_measure(noisy, clean, data_range=1.0, return_full_image=True)[1]
    assert ssim(*pair) == pytest.approx(float(places[..., 5:-5, 5:-5].mean()), abs=1e-6)


def test_equal_images(pair):
    assert psnr(pair[0], pair[0]) == float("inf")
    assert ssim(pair[0], pair[0]) == pytest.approx(1)


def test_only_the_masks_pixels_count():
    gt = np.full((20, 20, 3), 0.5, np.float32)
    pred, mask = gt.copy(), np.zeros((20, 20), bool)
    mask[5:15, 5:15] = True
    pred[5:15, 5:15] += 0.1
    pred[:5] = 0
    assert psnr(pred, gt, mask) == pytest.approx(20, abs=1e-4)
    assert ssim(pred, gt, mask) == ssim(pred * mask[..., None], gt * mask[..., None]) > ssim(pred, gt)
    assert masked_mean(np.where(mask, 2.0, 9.0), mask) == 2


def test_the_box_is_a_tenth_larger_at_each_side_and_within_the_image():
    mask = np.zeros((100, 120), bool)
    mask[40:69, 50:90] = True  # 29 rows: 2 more; 40 columns: 4 more
    mask[5, 3] = True  # another, smaller piece does not count
    assert spin_bbox10(mask) == Box(38, 71, 46, 94)
    mask[:] = False
    mask[80:100, 0:60] = True
    assert spin_bbox10(mask) == Box(78, 100, 0, 66)
    assert Box(1, 3, 2, 5).of(np.zeros((9, 9, 3))).shape == (2, 3, 3)


def test_a_piece_with_a_hole_is_as_large_as_its_outline():
    mask = np.zeros((60, 60), bool)
    mask[5:25, 5:25] = True
    mask[6:24, 6:24] = False
    mask[40:50, 40:50] = True
    assert spin_bbox10(mask) == Box(3, 27, 3, 27)


def test_masks_of_another_size_are_brought_to_the_image():
    mask = np.zeros((12, 8), bool)
    mask[6:] = True
    fitted = fit_mask(mask, (6, 4))
    assert fitted.shape == (6, 4)
    assert fitted.dtype == bool
    assert np.array_equal(fitted[:, 0], [0, 0, 0, 1, 1, 1])
    assert fit_mask(mask, (12, 8)) is mask


def test_mask_scores():
    gt = np.zeros((4, 5), bool)
    pred = gt.copy()
    gt[0, :4] = pred[0, 2:] = True
    assert mask_accuracy(pred, gt) == pytest.approx(17 / 20)
    assert mask_iou(pred, gt) == pytest.approx(2 / 5)
    assert mask_iou(gt & False, gt & False) == 1
    assert mask_iou(gt, gt & False) == 0


@pytest.mark.parametrize("counts", [(40, 60), (5, 4)])
def test_the_distance_of_features_by_its_formula(counts):
    rng = np.random.default_rng(1)
    a, b = rng.normal(0, 1, (counts[0], 8)), rng.normal(0.3, 2, (counts[1], 8))
    one, other = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = np.real(sqrtm(one @ other + 1e-12 * np.eye(8)))
    formula = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(one + other - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(formula, rel=1e-3)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)


def test_what_is_refused(pair):
    noisy, clean = pair
    with pytest.raises(UserError, match="expected the same size"):
        psnr(noisy[1:], clean)
    with pytest.raises(UserError, match="the mask is"):
        psnr(noisy, clean, np.ones((3, 3), bool))
    with pytest.raises(UserError, match="empty"):
        psnr(noisy, clean, np.zeros(clean.shape[:2], bool))
    with pytest.raises(UserError, match="at least 11 pixels"):
        ssim(noisy[:10], clean[:10])
    with pytest.raises(UserError, match="this one is empty"):
        spin_bbox10(np.zeros((5, 5), bool))
    with pytest.raises(UserError, match="two images or more"):
        frechet_distance(np.zeros((1, 4)), np.zeros((3, 4)))
