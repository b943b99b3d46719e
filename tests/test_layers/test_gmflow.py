"""GMFlow: with random weights what must hold of any; with the real ones, the Middlebury motorcycle of scikit-image."""

import copy

import cv2
import numpy as np
import pytest
import torch

from sparsevision.layers.gmflow import GMFlow, _join, _match_nearby, _one_region, _split
from sparsevision.utils import UserError


@pytest.fixture(scope="module")
def real(weights):
    return GMFlow(weights("gmflow"))


def as_batch(image):
    """uint8 (H,W,3) -> (1,3,H,W) in [0,1]."""
    return torch.from_numpy(np.ascontiguousarray(image[..., :3])).permute(2, 0, 1)[None] / 255


def test_any_size_and_batches_are_single_pairs():
    torch.manual_seed(0)
    network = GMFlow(least_side=1)
    first = torch.rand(2, 3, 37, 50)
    second = torch.rand(2, 3, 37, 50)
    flow = network(first, second)
    assert flow.shape == (2, 2, 37, 50)
    alone = torch.cat([network(first[i : i + 1], second[i : i + 1]) for i in range(2)])
    assert torch.allclose(flow, alone, atol=1e-4)
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_parameters_are_those_of_the_authors_files():
    state = GMFlow().state_dict()
    assert sum(values.numel() for values in state.values()) == 4716720
    assert state["backbone.layer2.0.downsample.0.weight"].shape == (96, 64, 1, 1)
    assert state["transformer.layers.5.cross_attn_ffn.mlp.2.weight"].shape == (128, 1024)


def test_windows_there_and_back_and_their_regions():
    values = torch.rand(2, 8, 12, 3)
    assert torch.equal(_join(_split(values, 4), 8, 12), values)
    same = _one_region(8, 12, 2)
    assert same[0].all()  # only the last windows reach around the image's edge
    corner = same[3].float().sum(0).view(4, 6)
    assert corner.unique().tolist() == [6.0]  # four regions of 2 x 3 pixels in the corner
    assert same[1].float().sum(0).unique().tolist() == [12.0]


def test_nearby_matches_find_a_small_shift():
    features = 40 * torch.randn(1, 128, 12, 14)
    flow = _match_nearby(features, features.roll((2, -3), (2, 3)))
    assert torch.allclose(flow[0, 0, 2:-2, 4:-4], torch.tensor(-3.0), atol=1e-3)
    assert torch.allclose(flow[0, 1, 2:-2, 4:-4], torch.tensor(2.0), atol=1e-3)


def test_images_that_do_not_fit():
    with pytest.raises(UserError, match="one shape"):
        GMFlow()(torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 64))


def motorcycle():
    """Stereo pair of Middlebury, 500 x 741; flow is minus the disparity (34 px in the mean, nan where unknown)."""
    return pytest.importorskip("skimage.data").stereo_motorcycle()


def error_of(network, *, half):
    """Error in pixels where the truth is known, also where the other picture does not show it."""
    left, right, disparity = motorcycle()
    if half:
        left, right = (cv2.resize(image[:, :740], (370, 250), interpolation=cv2.INTER_AREA) for image in (left, right))
        disparity = disparity[:, :740][::2, ::2] / 2
    flow = network(as_batch(left), as_batch(right))[0].numpy()
    return np.hypot(flow[0] + disparity, flow[1])[np.isfinite(disparity)]


def test_small_images_are_enlarged(monkeypatch):
    seen = []

    def flow(self, both):
        seen.append(both.shape[-2:])
        return torch.ones(len(both) // 2, 2, *both.shape[-2:]) * torch.tensor([6.0, 4.0]).view(2, 1, 1)

    monkeypatch.setattr(GMFlow, "_flow", flow)
    images = torch.rand(2, 3, 32, 40)
    assert torch.allclose(GMFlow(least_side=64)(images, images)[1, :, 5, 5], torch.tensor([3.0, 2.0]))
    assert torch.allclose(GMFlow(least_side=16)(images, images)[1, :, 5, 5], torch.tensor([6.0, 4.0]))
    assert [tuple(size) for size in seen] == [(64, 96), (32, 64)]


def test_real_weights_on_the_motorcycle(real):
    """At half its size and not enlarged, which is quick; its flow is 17 pixels in the mean there."""
    quick = copy.copy(real)
    quick.least_side = 1
    assert error_of(quick, half=True).mean() < 2.0


@pytest.mark.slow
@pytest.mark.parametrize(("half", "most"), [(True, 0.8), (False, 1.0)])
def test_real_weights_at_the_size_they_are_for(real, half, most):
    error = error_of(real, half=half)
    assert error.mean() < most
    assert np.median(error) < 0.45
