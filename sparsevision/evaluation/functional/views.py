"""How close is a rendered view to a photograph, and a rendered mask to a drawn one.

Images are float (H,W,3) in [0, 1], masks bool (H,W). Protocols differ in the pixels that count:

full: all of them.
masked: those of the object's mask. PSNR takes the error of these alone; SSIM that of the images with the rest black;
    LPIPS is the mean of its map over the mask (as AuraFusion360 evaluates).
spin_bbox10: the mask's bounding box with a tenth of its size added at each side (as SPIn-NeRF evaluates).
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from sparsevision.utils import UserError

PROTOCOLS = ("full", "masked", "spin_bbox10")
WINDOW, SIGMA = 11, 1.5  # of SSIM's Gaussian, pixels
K1, K2 = 0.01, 0.03
BOX_MARGIN = 0.1
PERFECT_PSNR = 100.0  # dB; what a picture counts in a mean at the most


class Box(NamedTuple):
    """Rows top to bottom - 1 and columns left to right - 1 of an image."""

    top: int
    bottom: int
    left: int
    right: int

    def of(self, image: NDArray) -> NDArray:
        """The crop of an image (H,W) or (H,W,C)."""
        return image[self.top : self.bottom, self.left : self.right]


def psnr(pred: NDArray, gt: NDArray, mask: NDArray | None = None) -> float:
    """Peak signal-to-noise ratio in dB, over the mask's pixels if there is one; infinite for equal images, NaN for a
    prediction that holds NaN.

    Raises:
        UserError: images or mask of different sizes, an empty mask.
    """
    _check_sizes(pred, gt, mask)
    squared = np.square(np.subtract(pred, gt, dtype=np.float64))
    error = squared.mean() if mask is None else squared[mask].mean()
    return float("inf") if error == 0 else float(-10 * np.log10(error))


def counted_psnr(pred: NDArray, gt: NDArray, mask: NDArray | None = None) -> float:
    """`psnr` as it counts in means over pictures: at most `PERFECT_PSNR`, so that a perfect one stays in them.

    Raises:
        UserError: see `psnr`.
    """
    return float(np.minimum(psnr(pred, gt, mask), PERFECT_PSNR))


def ssim(pred: NDArray, gt: NDArray, mask: NDArray | None = None) -> float:
    """Structural similarity of Wang et al. (2004): Gaussian window of 11 pixels, sigma 1.5, K1 0.01, K2 0.03.

    The mean over channels and over all places where the window lies within the image. With a mask, what is off it is
    black in both images.

    Raises:
        UserError: images or mask of different sizes, an empty mask, a side below 11 pixels.
    """
    _check_sizes(pred, gt, mask)
    if min(pred.shape[:2]) < WINDOW:
        raise UserError(f"SSIM needs images of at least {WINDOW} pixels a side, got {pred.shape[:2]}.")
    if mask is not None:
        pred, gt = pred * mask[..., None], gt * mask[..., None]
    x, y = np.asarray(pred, np.float64), np.asarray(gt, np.float64)
    mean_x, mean_y = _blurred(x), _blurred(y)
    variances = _blurred(x * x) - mean_x**2 + _blurred(y * y) - mean_y**2
    covariance = _blurred(x * y) - mean_x * mean_y
    c1, c2 = K1**2, K2**2
    structure = (2 * covariance + c2) / (variances + c2)
    return float((structure * (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)).mean())


def masked_mean(values: NDArray, mask: NDArray) -> float:
    """The mean of a map (H,W), e.g. of LPIPS, over the mask (H,W).

    Raises:
        UserError: different sizes, an empty mask.
    """
    _check_sizes(values, values, mask)
    return float(np.asarray(values, np.float64)[mask].mean())


def spin_bbox10(mask: NDArray) -> Box:
    """The box round the mask's largest piece, a tenth of its height and width larger at each side, within the image.

    The largest piece is the one whose outline encloses the largest area; tenths are rounded down.

    Raises:
        UserError: an empty mask.
    """
    outlines = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
    if not len(outlines):
        raise UserError("the protocol spin_bbox10 needs a mask with an object, and this one is empty.")
    left, top, width, height = cv2.boundingRect(max(outlines, key=cv2.contourArea))
    more_rows, more_columns = int(BOX_MARGIN * height), int(BOX_MARGIN * width)
    return Box(
        max(top - more_rows, 0),
        min(top + height + more_rows, mask.shape[0]),
        max(left - more_columns, 0),
        min(left + width + more_columns, mask.shape[1]),
    )


def fit_mask(mask: NDArray, size: tuple[int, int]) -> NDArray:
    """A mask at the size (height, width) of its image: test masks of the benchmark are of another. Nearest pixels."""
    if mask.shape == tuple(size):
        return mask
    return cv2.resize(mask.astype(np.uint8), size[::-1], interpolation=cv2.INTER_NEAREST).astype(bool)


def mask_accuracy(pred: NDArray, gt: NDArray) -> float:
    """Share of the pixels on which two masks agree. Raises: UserError for different sizes."""
    _check_sizes(pred, gt, None)
    return float((pred == gt).mean())


def mask_iou(pred: NDArray, gt: NDArray) -> float:
    """Intersection over union of two masks; 1 where both are empty. Raises: UserError for different sizes."""
    _check_sizes(pred, gt, None)
    union = np.count_nonzero(pred | gt)
    return np.count_nonzero(pred & gt) / union if union else 1.0


def frechet_distance(a: NDArray, b: NDArray) -> float:
    """Distance of two Gaussians with the means and covariances of features a (N,D) and b (M,D): FID of Heusel et al.

    |mean a - mean b|^2 + tr(A + B - 2 (A B)^(1/2)). With A = X'X and B = Y'Y of the centred features, the trace of the
    root is the sum of the singular values of X Y', a matrix no larger than N x M: exact also where N < D.

    Raises:
        UserError: fewer than two features in one of them.
    """
    if min(len(a), len(b)) < 2:
        raise UserError(f"FID needs two images or more on each side, got {len(a)} and {len(b)}.")
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    x, y = ((values - values.mean(0)) / np.sqrt(len(values) - 1) for values in (a, b))
    root = np.linalg.svd(x @ y.T, compute_uv=False).sum()
    return float(np.square(a.mean(0) - b.mean(0)).sum() + np.square(x).sum() + np.square(y).sum() - 2 * root)


def _blurred(values: NDArray) -> NDArray:
    """Gaussian means (H-10,W-10,C) where the whole window lies within the image."""
    half = WINDOW // 2
    weights = np.exp(-0.5 * np.square(np.arange(-half, half + 1) / SIGMA))
    weights /= weights.sum()
    return correlate1d(correlate1d(values, weights, axis=0), weights, axis=1)[half:-half, half:-half]


def _check_sizes(pred: NDArray, gt: NDArray, mask: NDArray | None) -> None:
    if pred.shape != gt.shape:
        raise UserError(f"the prediction is {pred.shape} and the truth {gt.shape}; expected the same size.")
    if mask is not None and mask.shape != gt.shape[:2]:
        raise UserError(f"the mask is {mask.shape} and the image {gt.shape[:2]}; expected the same size.")
    if mask is not None and not mask.any():
        raise UserError("the protocol masked needs a mask with an object, and this one is empty.")
