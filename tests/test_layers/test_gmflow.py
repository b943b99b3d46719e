"""GMFlow: with random weights what must hold of any; with the real ones, the Middlebury motorcycle of scikit-image."""

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
    network = GMFlow()
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


def test_real_weights_on_the_motorcycle(real):
    """Middlebury's stereo pair at half its size; its flow is minus the disparity, 17 pixels in the mean there."""
    left, right, disparity = pytest.importorskip("skimage.data").stereo_motorcycle()
    left, right = (cv2.resize(image[:500, :740], (370, 250), interpolation=cv2.INTER_AREA) for image in (left, right))
    disparity = disparity[:500, :740][::2, ::2] / 2
    flow = real(as_batch(left), as_batch(right))[0].numpy()
    known = np.isfinite(disparity) & (disparity > 0)
    assert np.hypot(flow[0] + disparity, flow[1])[known].mean() < 2.0
