"""LPIPS: the published package on the same weights, the two halves, gradients, and what is refused."""

import cv2
import numpy as np
import pytest
import torch

from sparsevision.layers.lpips import CHANNELS, LPIPS, TRUNKS, convolutions_of
from sparsevision.registry import MODELS
from sparsevision.utils import UserError

BLURRED, COMPRESSED, DIFFERENT = 0.42360, 0.20776, 0.69724
WEIGHTS = {"vgg": "lpips_vgg16", "alex": "lpips_alexnet"}


def as_tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 127.5 - 1


@pytest.fixture(scope="module")
def pairs() -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Blurred, compressed, and two different pictures."""
    data = pytest.importorskip("skimage.data")
    cat, cup, woman = data.chelsea()[40:200, 100:228], data.coffee()[60:260, 160:400], data.astronaut()[0:200, 100:340]
    compressed = cv2.imdecode(cv2.imencode(".jpg", cup, [cv2.IMWRITE_JPEG_QUALITY, 8])[1], cv2.IMREAD_COLOR)
    found = [(cat, cv2.GaussianBlur(cat, (0, 0), 2)), (cup, compressed), (cup, woman)]
    return [(as_tensor(a), as_tensor(b)) for a, b in found]


def published(net: str, own: LPIPS) -> torch.nn.Module:
    """The published package's network with our trunk and heads; nothing is downloaded."""
    lpips = pytest.importorskip("lpips")
    theirs = lpips.LPIPS(net=net, pretrained=False, pnet_rand=True, verbose=False).eval()
    layers = [layer for index in range(1, 6) for layer in getattr(theirs.net, f"slice{index}")]
    for layer, trained in zip(layers, own.trunk, strict=True):
        layer.load_state_dict(trained.state_dict())
    for head, weight in zip(theirs.lins, own.heads, strict=True):
        head.model[-1].weight.data = weight.detach().view(1, -1, 1, 1)
    return theirs


@pytest.mark.parametrize("net", ["vgg", "alex"])
def test_the_published_package_gives_the_same_numbers(net, weights, pairs):
    own = LPIPS(net, weights(WEIGHTS[net]))
    theirs = published(net, own)
    for a, b in pairs:
        torch.testing.assert_close(own(a, b), theirs(a, b).view(-1), rtol=0, atol=1e-5)
        theirs.spatial = True
        torch.testing.assert_close(own(a, b, spatial=True), theirs(a, b)[:, 0], rtol=0, atol=1e-5)
        theirs.spatial = False


@pytest.mark.parametrize("net", ["vgg", "alex"])
def test_the_heads_are_the_published_ones(net, weights):
    """The package carries the heads itself: bit for bit those that came with the trunk."""
    lpips = pytest.importorskip("lpips")
    theirs = lpips.LPIPS(net=net, pretrained=True, pnet_rand=True, verbose=False)
    for head, weight in zip(theirs.lins, LPIPS(net, weights(WEIGHTS[net])).heads, strict=True):
        assert torch.equal(head.model[-1].weight.view(-1), weight)


def test_worse_looks_further_away(weights, pairs):
    """Measured once with these weights: a change of the layers or of the scaling would show without the package."""
    own = LPIPS("alex", weights("lpips_alexnet"))
    assert [float(own(a, b)) for a, b in pairs] == pytest.approx([BLURRED, COMPRESSED, DIFFERENT], abs=1e-4)


def test_features_of_a_target_can_be_kept():
    torch.manual_seed(0)
    own = LPIPS("alex").eval()
    a, b = torch.rand(2, 2, 3, 48, 40) * 2 - 1
    kept = own.features(b)
    assert torch.equal(own(a, b), own.distance(own.features(a), kept))
    assert torch.equal(own(a, b, spatial=True), own.distance(own.features(a), kept, size=(48, 40)))
    assert own(a, b).shape == (2,)
    assert torch.count_nonzero(own(a, a)) == 0
    assert own(a, b)[1:].allclose(own(a[1:], b[1:]))


def test_only_the_images_get_gradients_and_flat_ones_no_nan():
    torch.manual_seed(0)
    own = LPIPS("vgg")
    image = torch.zeros(1, 3, 23, 31, requires_grad=True)
    own(image, torch.rand(1, 3, 23, 31)).sum().backward()
    assert torch.isfinite(image.grad).all()
    assert image.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in own.parameters())


@pytest.mark.parametrize("net", list(TRUNKS))
def test_the_trunk_has_torchvisions_layers_and_reproducible_numbers(net):
    torch.manual_seed(3)
    one = convolutions_of(net)
    torch.manual_seed(3)
    other = convolutions_of(net)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert all(torch.isfinite(values).all() for values in one.parameters())
    assert [weight.shape[0] for weight in LPIPS(net).heads] == list(CHANNELS[net])


def test_a_config_builds_it():
    assert MODELS.build({"type": "LPIPS", "net": "alex"}).net == "alex"


def test_what_is_refused(tmp_path):
    with pytest.raises(UserError, match="no net 'vgg16'"):
        LPIPS("vgg16")
    own = LPIPS("alex")
    with pytest.raises(UserError, match="at least 31 pixels"):
        own(torch.zeros(1, 3, 30, 64), torch.zeros(1, 3, 30, 64))
    with pytest.raises(UserError, match="one size"):
        own(torch.zeros(1, 3, 32, 64), torch.zeros(1, 3, 32, 65))
    torch.save(LPIPS("alex").state_dict(), tmp_path / "alex.pth")
    with pytest.raises(UserError, match="LPIPS"):
        LPIPS("vgg", tmp_path / "alex.pth")
