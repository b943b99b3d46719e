"""Backbones: outputs at any size, what is frozen, weights from files."""

import pytest
import torch
from torchvision.models import resnet18, resnet50, swin_t

from sparsevision.engine import CheckpointError, save_checkpoint
from sparsevision.layers.efficientnet_lite0 import EfficientNetLite0
from sparsevision.methods.focus_detr.backbones import EfficientNetLite0Backbone, ResNetBackbone
from sparsevision.methods.focus_detr.swin import SWINS, SwinBackbone, our_swin_names
from sparsevision.utils import UserError


def trained(module):
    return {name for name, parameter in module.named_parameters() if parameter.requires_grad}


@pytest.mark.parametrize(
    "backbone",
    [
        lambda: ResNetBackbone(depth=18),
        lambda: SwinBackbone(size="tiny"),
        lambda: SwinBackbone(size="tiny", window=12),
        lambda: EfficientNetLite0Backbone(),
    ],
)
def test_maps_at_three_strides_of_an_image_of_any_size(backbone):
    backbone = backbone().eval()
    with torch.no_grad():
        maps = backbone(torch.randn(1, 3, 97, 130))
    for features, channels, stride in zip(maps, backbone.channels, (8, 16, 32), strict=True):
        assert features.shape[1] == channels
        assert features.shape[2] in (97 // stride, -(-97 // stride))
        assert features.shape[3] in (130 // stride, -(-130 // stride))


def test_a_resnet_has_the_names_of_torchvision_and_its_outputs(tmp_path):
    torch.manual_seed(0)
    theirs = resnet50().eval()
    save_checkpoint(theirs.state_dict(), tmp_path / "r50.pth")
    ours = ResNetBackbone(depth=50, pretrained=tmp_path / "r50.pth").eval()
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        expected = theirs.layer2(theirs.layer1(theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(images))))))
        torch.testing.assert_close(ours(images)[0], expected)


def test_the_released_resnet_trains_all_but_the_stem_and_its_norms():
    backbone = ResNetBackbone(depth=18)
    assert not [name for name in trained(backbone) if name.startswith(("conv1", "bn"))]
    assert "layer1.0.conv1.weight" in trained(backbone)
    assert not [n for n in trained(backbone) if "bn" in n]
    assert not [name for name in trained(ResNetBackbone(depth=18, frozen_stages=3)) if name.startswith("layer2")]
    assert "conv1.weight" in trained(ResNetBackbone(depth=18, frozen_stages=0))


def test_weights_of_another_resnet_are_told(tmp_path):
    save_checkpoint(resnet18().state_dict(), tmp_path / "r18.pth")
    with pytest.raises(CheckpointError, match=r"r18\.pth"):
        ResNetBackbone(depth=50, pretrained=tmp_path / "r18.pth")
    with pytest.raises(UserError, match="18, 34, 50, 101"):
        ResNetBackbone(depth=20)


def official(state):
    """torchvision's names of a Swin as Microsoft's."""
    pairs = {"mlp.0.": "mlp.fc1.", "mlp.3.": "mlp.fc2.", "features.0.0.": "patch_embed.proj."}
    pairs |= {"features.0.2.": "patch_embed.norm."}
    pairs |= {f"features.{2 * i + 1}.": f"layers.{i}.blocks." for i in range(4)}
    pairs |= {f"features.{2 * i + 2}.": f"layers.{i}.downsample." for i in range(3)}
    named = {}
    for name, value in state.items():
        for ours, theirs in pairs.items():
            name = name.replace(ours, theirs)
        named[name] = value
    return named | {"layers.0.blocks.1.attn_mask": torch.zeros(2)}


@pytest.mark.parametrize("names", [dict, official])
def test_a_swin_takes_weights_of_torchvision_and_of_microsoft(names, tmp_path):
    torch.manual_seed(0)
    theirs = swin_t().eval()
    save_checkpoint(names(theirs.state_dict()), tmp_path / "swin.pth")
    ours = SwinBackbone(size="tiny", pretrained=tmp_path / "swin.pth").eval()
    with torch.no_grad():
        expected = theirs.features(torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)))
        found = ours(torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)))[2]
        torch.testing.assert_close(found, ours.norms[2](expected).permute(0, 3, 1, 2))


def test_norms_of_outputs_come_from_a_detector():
    assert list(our_swin_names({"norm2.weight": torch.ones(2)})) == ["norms.1.weight"]


def test_frozen_stages_of_a_swin():
    names = trained(SwinBackbone(size="tiny", frozen_stages=2))
    assert not [name for name in names if name.startswith(("features.0.", "features.1.", "features.2."))]
    assert [name for name in names if name.startswith("features.3.")]


@pytest.mark.parametrize("size", SWINS)
def test_every_swin_can_be_built(size):
    with torch.device("meta"):
        backbone = SwinBackbone(size=size, window=12)
    assert backbone.channels[2] == 8 * SWINS[size][0]


def test_an_unknown_swin_is_told():
    with pytest.raises(UserError, match="tiny, small, base, large"):
        SwinBackbone(size="huge")


def test_frozen_norms_of_a_lite0_stay_as_they_are():
    backbone = EfficientNetLite0Backbone(frozen_stages=2).train()
    before = {name: value.clone() for name, value in backbone.state_dict().items() if "running" in name}
    sum(features.mean() for features in backbone(torch.randn(2, 3, 64, 64))).backward()
    assert all(torch.equal(backbone.state_dict()[name], value) for name, value in before.items())
    names = trained(backbone)
    assert not [name for name in names if name.startswith(("stem", "blocks.0.")) or "bn" in name]
    assert backbone.blocks[3][0].conv_pw.weight.grad is not None
    free = EfficientNetLite0Backbone(frozen_norm=False).train()
    assert free.stem[1].training
    assert "stem.1.weight" in trained(free)


@pytest.mark.real_weights
def test_the_real_lite0_gives_the_features_of_the_classifier(weights):
    path = weights("efficientnet_lite0")
    backbone, classifier = EfficientNetLite0Backbone(pretrained=path).eval(), EfficientNetLite0(pretrained=path)
    pixels = torch.rand(1, 3, 96, 64) * 255
    with torch.no_grad():
        torch.testing.assert_close(backbone((pixels - 127) / 128)[1], classifier.middle(pixels), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(("size", "released"), [("tiny", 0.1), ("small", 0.2), ("base", 0.2), ("large", 0.2)])
def test_the_released_drop_path(size, released):
    """detrex names it for the two smaller ones; the others have detectron2's own."""
    with torch.device("meta"):
        assert SwinBackbone(size=size).features[7][1].stochastic_depth.p == pytest.approx(released)
