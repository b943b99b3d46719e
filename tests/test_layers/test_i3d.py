"""I3D: names and shapes of the usual files, its padding, what it reads, and what is refused."""

import pytest
import torch

from sparsevision.engine import CheckpointError
from sparsevision.layers.i3d import I3D, I3DFeatures, i3d_input, padded
from sparsevision.utils import UserError


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file of random numbers as old ports write it: without counters of batches."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("i3d") / "rgb_imagenet.pt"
    state = {name: value for name, value in I3D().state_dict().items() if not name.endswith("num_batches_tracked")}
    torch.save(state, path)
    return path


def test_names_and_shapes_are_those_of_the_usual_files():
    with torch.device("meta"):
        network = I3D()
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert len(shapes) == 57 * 6 + 2
    assert shapes["Conv3d_1a_7x7.conv3d.weight"] == (64, 3, 7, 7, 7)
    assert shapes["Conv3d_2c_3x3.bn.running_var"] == (192,)
    assert shapes["Mixed_3b.b1b.conv3d.weight"] == (128, 96, 3, 3, 3)
    assert shapes["Mixed_4f.b2a.conv3d.weight"] == (32, 528, 1, 1, 1)
    assert shapes["Mixed_5c.b3b.bn.weight"] == (128,)
    assert shapes["logits.conv3d.weight"] == (400, 1024, 1, 1, 1)
    assert shapes["logits.conv3d.bias"] == (400,)
    assert sum(value.numel() for value in network.parameters()) == 12_697_264


def test_windows_give_a_size_rounded_up_and_the_odd_zero_comes_last():
    x = torch.ones(1, 1, 9, 224, 7)
    around = padded(x, (3, 7, 2), (2, 2, 2))[0, 0]
    assert around.shape == (11, 229, 8)
    assert around[:, 0, 0].sum() == 0  # 2 zeros before 224 and 3 after it
    assert around[1, :, 0].nonzero().aminmax() == (2, 225)
    assert around[1, 2].nonzero().aminmax() == (0, 6)
    assert padded(x, (1, 3, 1), (1, 2, 1)).shape == (1, 1, 9, 225, 7)


def test_features_are_the_mean_of_scores_over_time(weights):
    features = I3DFeatures(weights)
    video = torch.rand(1, 3, 16, 20, 30, generator=torch.Generator().manual_seed(0))
    assert i3d_input(video).shape == (1, 3, 16, 224, 224)
    levels = torch.tensor([0, 0.5, 1]).view(3, 1, 1, 1).expand(1, 3, 9, 8, 8)
    assert torch.allclose(i3d_input(levels)[0, :, 0, 0, 0], torch.tensor([-1.0, 0, 1]), atol=1e-6)
    small = 2 * video[:, :, :, :16, :16] - 1  # the average is over whatever is left of height and width
    scores = features.network(small)
    assert scores.shape == (1, 400)
    assert not features.network.training
    assert torch.allclose(features.network(small.expand(2, -1, -1, -1, -1))[1:], scores, atol=1e-5)


@pytest.mark.slow
def test_a_clip_of_full_size(weights):
    features = I3DFeatures(weights)
    video = torch.rand(1, 3, 9, 20, 30, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(features(video), features.network(i3d_input(video)))
    assert features(video).shape == (1, 400)


def test_what_is_refused(weights, tmp_path):
    with pytest.raises(UserError, match=r"nothing is downloaded.*rgb_imagenet"):
        I3DFeatures(tmp_path / "absent.pt")
    torch.save({"fc.weight": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match=r"does not fit I3D: .*Conv3d_1a_7x7"):
        I3DFeatures(tmp_path / "other.pt")
    torch.jit.script(torch.nn.Linear(1, 1)).save(tmp_path / "i3d_torchscript.pt")
    with pytest.raises(CheckpointError, match="TorchScript program"):
        I3DFeatures(tmp_path / "i3d_torchscript.pt")
    (tmp_path / "cut.pt").write_bytes(weights.read_bytes()[:10000])
    with pytest.raises(CheckpointError, match="cut short"):
        I3DFeatures(tmp_path / "cut.pt")
    with pytest.raises(UserError, match="T >= 9 frames"):
        i3d_input(torch.zeros(1, 3, 8, 16, 16))
