"""Inpainters: only masked pixels change, what each does with colours and disparities, and what they refuse."""

import cv2
import numpy as np
import pytest

from sparsevision.datasets.views.labels import dilate_mask
from sparsevision.methods.spin_nerf.inpaint import (
    OpenCVInpainter,
    PatchMatchInpainter,
    PrecomputedInpainter,
    harmonic_fill,
)
from sparsevision.registry import MODELS
from sparsevision.utils import UserError

SIZE = 48, 64


@pytest.fixture
def image() -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 3)


@pytest.fixture
def hole() -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[15:30, 20:45] = True
    return mask


@pytest.fixture(params=["OpenCVInpainter", "PatchMatchInpainter"])
def inpainter(request):
    if request.param == "PatchMatchInpainter":
        pytest.importorskip("patchmatch")
    return MODELS.build({"type": request.param})


def tilted_plane() -> np.ndarray:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return (0.3 + 0.004 * rows - 0.002 * columns).astype(np.float32)


def test_only_masked_pixels_change(inpainter, image, hole):
    damaged = np.where(hole[..., None], np.uint8(0), image)
    filled = inpainter(damaged, hole, name="a")
    assert filled.dtype == np.uint8
    assert (filled[~hole] == image[~hole]).all()
    error = np.abs(filled[hole].astype(int) - image[hole]).mean()
    assert error < 0.6 * image[hole].mean(), "closer to the truth than the black hole"
    assert (damaged[hole] == 0).all(), "the input is left alone"


def test_what_lies_under_the_mask_does_not_matter(inpainter, image, hole):
    black = np.where(hole[..., None], np.uint8(0), image)
    np.testing.assert_array_equal(inpainter(black, hole), inpainter(image, hole))
    empty = np.where(hole, np.float32(np.nan), tilted_plane())
    np.testing.assert_array_equal(inpainter(empty, hole), inpainter(tilted_plane(), hole))


def test_disparities_stay_float_and_near_the_plane(inpainter, hole):
    filled = inpainter(np.where(hole, np.float32(0.9), tilted_plane()), hole)
    assert filled.dtype == np.float32
    np.testing.assert_array_equal(filled[~hole], tilted_plane()[~hole])
    assert np.abs(filled - tilted_plane()).max() < 0.06


def test_the_same_again(inpainter, image, hole):
    first = inpainter(image, hole)
    other = MODELS.build({"type": type(inpainter).__name__})
    other(image[::-1].copy(), hole)
    np.testing.assert_array_equal(other(image, hole), first)


def test_an_empty_mask_changes_nothing(inpainter, image):
    np.testing.assert_array_equal(inpainter(image, np.zeros(SIZE, bool)), image)


def test_a_mask_of_everything_is_refused(inpainter, image):
    with pytest.raises(UserError, match=r"view 'left'.*covers every pixel"):
        inpainter(image, np.ones(SIZE, bool), name="left")


@pytest.mark.parametrize(
    "other", [np.zeros((9, 9), bool), np.zeros(SIZE, np.uint8)], ids=["another size", "another type"]
)
def test_a_mask_that_does_not_fit_is_refused(image, other):
    with pytest.raises(UserError, match="expected a mask"):
        OpenCVInpainter()(image, other)


def test_images_of_another_kind_are_refused(hole):
    with pytest.raises(UserError, match="float64"):
        OpenCVInpainter()(np.zeros(SIZE), hole)
    with pytest.raises(UserError, match="not finite"):
        OpenCVInpainter()(np.full(SIZE, np.nan, np.float32), hole)


def test_dilation_grows_the_hole_by_two_pixels_each_time(image, hole):
    filled = OpenCVInpainter(dilation=2)(np.where(dilate_mask(hole, 2)[..., None], np.uint8(0), image), hole)
    assert (filled[hole] > 0).all()
    assert (filled[11, 16] > 0).all()
    with pytest.raises(UserError, match="after 30 dilations"):
        OpenCVInpainter(dilation=30)(image, hole)
    with pytest.raises(UserError, match="dilation=-1"):
        OpenCVInpainter(dilation=-1)


def test_both_algorithms_of_opencv(image, hole):
    telea, navier = (OpenCVInpainter(algorithm=name)(image, hole) for name in ("telea", "navier_stokes"))
    assert (telea != navier).any()
    with pytest.raises(UserError, match="one of telea, navier_stokes"):
        OpenCVInpainter(algorithm="fast")


def test_harmonic_fill_is_exact_on_planes_and_means_elsewhere(hole):
    plane = tilted_plane().astype(np.float64)
    np.testing.assert_allclose(harmonic_fill(np.where(hole, 7.0, plane), hole), plane, atol=1e-9)
    rough = np.random.default_rng(1).random(SIZE)
    filled = harmonic_fill(rough, hole)
    middle = filled[20, 30]
    assert middle == pytest.approx((filled[19, 30] + filled[21, 30] + filled[20, 29] + filled[20, 31]) / 4)


def test_harmonic_fill_at_the_border_of_the_image():
    mask = np.zeros(SIZE, bool)
    mask[:, :10] = True
    values = np.full(SIZE, 3.0)
    values[mask] = np.nan
    np.testing.assert_allclose(harmonic_fill(values, mask), 3.0)


def test_patchmatch_seeds_differ_but_each_repeats(image, hole):
    pytest.importorskip("patchmatch")
    first, second = (PatchMatchInpainter(seed=seed)(image, hole) for seed in (0, 1))
    assert (first != second).any()
    constant = np.full(SIZE, 0.25, np.float32)
    np.testing.assert_array_equal(PatchMatchInpainter()(constant, hole), constant)


class TestPrecomputed:
    """Results that lie in a folder."""

    def test_colours_by_name(self, tmp_path, image, hole):
        cv2.imwrite(str(tmp_path / "b.png"), np.full((*SIZE, 3), (30, 20, 10), np.uint8))
        filled = PrecomputedInpainter(tmp_path)(image, hole, name="b")
        assert (filled[hole] == (10, 20, 30)).all()
        assert (filled[~hole] == image[~hole]).all()

    def test_float_disparities_come_before_the_picture(self, tmp_path, hole):
        cv2.imwrite(str(tmp_path / "b.png"), np.full(SIZE, 51, np.uint8))
        inpaint = PrecomputedInpainter(tmp_path)
        assert inpaint(tilted_plane(), hole, name="b")[20, 30] == pytest.approx(0.2)
        np.save(tmp_path / "b.npy", np.full(SIZE, 0.123))
        assert inpaint(tilted_plane(), hole, name="b")[20, 30] == np.float32(0.123)

    def test_what_is_missing_or_odd_is_told(self, tmp_path, image, hole):
        with pytest.raises(UserError, match="no such folder"):
            PrecomputedInpainter(tmp_path / "absent")
        cv2.imwrite(str(tmp_path / "view_1.png"), np.zeros((9, 9, 3), np.uint8))
        (tmp_path / "view_2.npy").write_bytes(b"\x93NUMPY cut")
        inpaint = PrecomputedInpainter(tmp_path)
        for name, words in (("view_3", "Did you mean 'view_1'"), ("view_1", "is \\(9, 9, 3\\)"), ("", "pass name")):
            with pytest.raises(UserError, match=words):
                inpaint(image, hole, name=name)
        with pytest.raises(UserError, match=r"cannot be read as an array"):
            inpaint(tilted_plane(), hole, name="view_2")
