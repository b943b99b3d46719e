"""LaMa: the official names and shapes, the maths of the spectral branch, and the inpainter around it."""

import numpy as np
import pytest
import torch

from sparsevision.engine import CheckpointError, save_checkpoint
from sparsevision.methods.spin_nerf.inpaint import LaMaGenerator, LaMaInpainter
from sparsevision.methods.spin_nerf.inpaint.lama import pad_to_multiple
from sparsevision.methods.spin_nerf.inpaint.lama_network import FourierUnit
from sparsevision.utils import UserError

BIG_LAMA = {  # shapes of the official checkpoint's layers, from its published configuration
    "model.1.ffc.convl2l.weight": (64, 4, 7, 7),
    "model.3.ffc.convl2l.weight": (256, 128, 3, 3),
    "model.4.ffc.convl2l.weight": (128, 256, 3, 3),
    "model.4.ffc.convl2g.weight": (384, 256, 3, 3),
    "model.4.bn_g.running_var": (384,),
    "model.5.conv1.ffc.convl2l.weight": (128, 128, 3, 3),
    "model.5.conv1.ffc.convg2l.weight": (128, 384, 3, 3),
    "model.22.conv2.ffc.convg2g.conv1.0.weight": (192, 384, 1, 1),
    "model.22.conv2.ffc.convg2g.conv1.1.running_mean": (192,),
    "model.22.conv2.ffc.convg2g.fu.conv_layer.weight": (384, 384, 1, 1),
    "model.22.conv2.ffc.convg2g.fu.bn.num_batches_tracked": (),
    "model.22.conv2.ffc.convg2g.conv2.weight": (384, 192, 1, 1),
    "model.24.weight": (512, 256, 3, 3),
    "model.24.bias": (256,),
    "model.31.running_mean": (64,),
    "model.34.weight": (3, 64, 7, 7),
    "model.34.bias": (3,),
}


def tiny(seed: int = 0) -> LaMaGenerator:
    torch.manual_seed(seed)
    return LaMaGenerator(width=8, blocks=2)


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)


@pytest.fixture
def hole() -> np.ndarray:
    mask = np.zeros((37, 53), bool)
    mask[10:20, 12:30] = True
    return mask


def test_the_official_names_and_shapes_of_big_lama():
    with torch.device("meta"):
        generator = LaMaGenerator()
    state = generator.state_dict()
    assert {name: tuple(state[name].shape) for name in BIG_LAMA} == BIG_LAMA
    assert len(state) == 989
    assert {int(name.split(".")[1]) for name in state} == {
        *range(1, 23),
        24,
        25,
        27,
        28,
        30,
        31,
        34,
    }
    assert sum(parameter.numel() for parameter in generator.parameters()) == 50_975_875
    with torch.device("meta"):
        smaller = LaMaGenerator(blocks=9)
    assert sum(parameter.numel() for parameter in smaller.parameters()) == 27_048_835


def test_one_pixel_reaches_every_other_pixel():
    generator = tiny().eval().double()
    inputs = torch.rand(1, 4, 64, 96, dtype=torch.float64)
    changed = inputs.clone()
    changed[0, :, 0, 0] += 0.5
    difference = (generator(inputs) - generator(changed)).abs().amax(dim=(0, 1))
    assert difference.shape == (64, 96)
    assert (difference > 0).float().mean() > 0.99


def test_the_fourier_unit_is_the_plain_formula():
    torch.manual_seed(1)
    unit = FourierUnit(3).eval()
    features = torch.randn(2, 3, 6, 10, dtype=torch.float64)
    unit.double()
    weight = unit.conv_layer.weight[..., 0, 0]
    spectrum = torch.fft.rfft2(features) / 60**0.5
    parts = torch.stack([part for c in range(3) for part in (spectrum[:, c].real, spectrum[:, c].imag)], dim=1)
    mixed = torch.einsum("oc,bchw->bohw", weight, parts) / (1 + unit.bn.eps) ** 0.5
    mixed = mixed.relu()
    expected = torch.fft.irfft2(torch.complex(mixed[:, 0::2], mixed[:, 1::2]), s=(6, 10)) * 60**0.5
    torch.testing.assert_close(unit(features), expected)


def test_sizes_are_padded_by_reflection():
    images = torch.arange(30.0).view(1, 1, 5, 6)
    padded = pad_to_multiple(images, 8)
    assert padded.shape == (1, 1, 8, 8)
    torch.testing.assert_close(padded[0, 0, :5, 6:], images[0, 0, :, [4, 3]])
    torch.testing.assert_close(padded[0, 0, 5:, :6], images[0, 0, [3, 2, 1]])


def test_what_lies_under_the_mask_is_hidden_from_the_network(image, hole):
    inpaint = LaMaInpainter(network=tiny())
    filled = inpaint(image, hole)
    assert filled.shape == image.shape
    assert filled.dtype == np.uint8
    np.testing.assert_array_equal(filled[~hole], image[~hole])
    np.testing.assert_array_equal(inpaint(np.where(hole[..., None], np.uint8(7), image), hole), filled)


def test_disparities_of_any_range(hole):
    inpaint = LaMaInpainter(network=tiny())
    small = np.random.default_rng(1).random(hole.shape, dtype=np.float32)
    small[0, 0] = 1
    filled = inpaint(small, hole)
    assert filled.dtype == np.float32
    assert (filled[hole] > 0).all()
    assert (filled[hole] < 1).all()
    np.testing.assert_allclose(inpaint(4 * small, hole), 4 * filled, rtol=1e-5)
    small[hole] = np.nan
    np.testing.assert_array_equal(inpaint(small, hole), filled)


def test_a_lightning_checkpoint_is_loaded_without_its_other_networks(tmp_path, image, hole):
    source = tiny(seed=5)
    source.eval()
    state = {f"generator.{name}": tensor for name, tensor in source.state_dict().items()}
    state["discriminator.model0.0.weight"] = torch.zeros(3)
    save_checkpoint({"state_dict": state, "epoch": 39}, tmp_path / "best.ckpt")
    loaded = LaMaInpainter(checkpoint=tmp_path / "best.ckpt", network=tiny(seed=6))
    np.testing.assert_array_equal(loaded(image, hole), LaMaInpainter(network=source)(image, hole))


def test_weights_that_are_absent_or_not_lamas_are_told(tmp_path):
    with pytest.raises(UserError, match="needs checkpoint"):
        LaMaInpainter()
    with pytest.raises(CheckpointError, match=r"big_lama\.pth"):
        LaMaInpainter(checkpoint=tmp_path / "big_lama.pth", network=tiny())
    save_checkpoint({"conv.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match="LaMaGenerator"):
        LaMaInpainter(checkpoint=tmp_path / "other.pth", network=tiny())


class CallbackState:
    """Stands for what Lightning pickles beside the tensors."""


def test_the_raw_lightning_file_names_the_way_in(tmp_path):
    torch.save({"state_dict": {}, "callbacks": CallbackState()}, tmp_path / "best.ckpt")
    with pytest.raises(CheckpointError, match="make_safe"):
        LaMaInpainter(checkpoint=tmp_path / "best.ckpt", network=tiny())
