"""Tracks, brush and preview warp against the published code's numbers."""

import numpy as np
import pytest
import torch
from closeness import assert_near
from golden_motion import golden_arrays, golden_numbers

from sparsevision.methods.motion_i2v import (
    encode_sparse_flow,
    gaussian_forward_warp,
    interpolate_track,
    rasterise_tracks,
)

RASTER = golden_numbers()["raster"]


@pytest.mark.parametrize("name", RASTER["cases"])
def test_drags_become_the_published_sparse_flow(name):
    case, arrays = RASTER["cases"][name], golden_arrays("raster")
    height, width = RASTER["size_hw"]
    brush = np.zeros((height, width))
    if case["brush"] == "half":
        brush[:, width // 2 :] = 1
    tracks = [np.array(track) for track in case["tracks_xy"]]
    flow, mask = rasterise_tracks(
        tracks, height=height, width=width, frames=RASTER["frames"], unit=case["unit"], brush=brush
    )
    assert flow.shape == (15, 2, height, width)
    assert mask.shape == (15, 1, height, width)
    sparse = encode_sparse_flow(flow, mask)
    at_blocks = sparse[..., ::8, ::8].permute(0, 2, 3, 1).numpy()
    assert_near(at_blocks, arrays[f"{name}_sparse"], within=1e-6)
    assert np.array_equal(mask[..., ::8, ::8].permute(0, 2, 3, 1).numpy(), arrays[f"{name}_mask"])
    flow01 = (flow.double() / torch.tensor([width, height]).view(2, 1, 1) + 1) / 2
    assert flow01.sum().item() == pytest.approx(case["flow01_sum"], rel=1e-6)
    assert mask.double().sum().item() == pytest.approx(case["mask_sum"], rel=1e-6)
    assert sparse.double().sum().item() == pytest.approx(case["sparse_sum"], rel=1e-6)


@pytest.mark.parametrize("index", range(3))
def test_clicks_are_joined_by_the_published_curve(index):
    arrays = golden_arrays("warp")
    curve = interpolate_track(arrays[f"pchip{index}_points"], 16)
    assert_near(curve, arrays[f"pchip{index}_curve"], within=1e-9)


def test_preview_warp_spreads_each_pixel_as_published():
    arrays = {name: torch.from_numpy(value) for name, value in golden_arrays("warp").items() if "gauss" in name}
    numerator, weight = gaussian_forward_warp(arrays["gauss_image"], arrays["gauss_flow"])
    assert_near(numerator, arrays["gauss_numerator"], within=1e-5)
    assert_near(weight, arrays["gauss_weight"], within=1e-5)
