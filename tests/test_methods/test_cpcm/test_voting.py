"""Voting: one look is the plain prediction, every point has its own vote, blocks change nothing inside their halo."""

import numpy as np
import pytest
import torch
from torch import nn

from sparsevision.datasets.points.voxelise import voxelize
from sparsevision.layers.sparse_conv import SparseConv3d, SparseTensor
from sparsevision.methods.cpcm.voting import FULL_VOTING, TEST_TIME_POSES, Pose, blocks_of, points_by_voxel, vote
from sparsevision.utils import UserError

VOXEL = 0.1


class Tiny(nn.Module):
    """Two convolutions: it sees two voxels far."""

    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = SparseConv3d(3, 8, kernel_size=3)
        self.second = SparseConv3d(8, classes, kernel_size=3)
        self.looks = 0

    def forward(self, x: SparseTensor):
        self.looks += 1
        features = self.first(x).map_feats(torch.relu)
        return self.second(features).feats, features.feats


class ColourOnly(nn.Module):
    """Class 0 for dark and class 1 for bright points, whatever lies around them."""

    def forward(self, x: SparseTensor):
        return 20 * torch.cat([-x.feats[:, :1], x.feats[:, :1]], dim=1), x.feats


@pytest.fixture
def cloud():
    rng = np.random.default_rng(0)
    points = rng.random((600, 3)).astype(np.float32) * (3, 2, 0.5)
    return points, rng.integers(0, 256, (600, 3)).astype(np.uint8)


def plain_prediction(network, points, colours, *, flips=()):
    voxels = voxelize(points, voxel_size=VOXEL)
    coords = voxels.coords.copy()
    for axis in flips:
        coords[:, axis] = coords[:, axis].max() - coords[:, axis]
    coords = torch.from_numpy(np.pad(coords, ((0, 0), (1, 0))))
    feats = torch.from_numpy((colours[voxels.representative] / 255 - 0.5).astype(np.float32))
    with torch.no_grad():
        return network(SparseTensor(coords, feats))[0].softmax(dim=1)[voxels.inverse]


def test_without_options_it_is_the_plain_prediction(cloud):
    network = Tiny()
    assert torch.equal(vote(network, *cloud, voxel_size=VOXEL), plain_prediction(network, *cloud))
    assert network.looks == 2


def test_passes_are_averaged(cloud):
    network = Tiny()
    voted = vote(network, *cloud, voxel_size=VOXEL, passes=[Pose(), Pose(flips=(0, 1))])
    apart = (plain_prediction(network, *cloud) + plain_prediction(network, *cloud, flips=(0, 1))) / 2
    torch.testing.assert_close(voted, apart)
    assert not torch.allclose(voted, plain_prediction(network, *cloud))


def test_probabilities_sum_to_one_and_are_the_same_twice(cloud):
    told = []
    first = vote(Tiny(), *cloud, voxel_size=VOXEL, **FULL_VOTING, progress=lambda *at: told.append(at))
    torch.testing.assert_close(first.sum(dim=1), torch.ones(600))
    assert torch.equal(first, vote(Tiny(), *cloud, voxel_size=VOXEL, **FULL_VOTING))
    assert told == [(done, 13) for done in range(1, 14)]


def test_fragments_predict_every_point_from_its_own_colour():
    points = np.array([[0, 0, 0], [0.01, 0, 0], [0.02, 0, 0]], np.float32)
    colours = np.array([[0] * 3, [255] * 3, [0] * 3], np.uint8)
    once = vote(ColourOnly(), points, colours, voxel_size=VOXEL).argmax(dim=1)
    apart = vote(ColourOnly(), points, colours, voxel_size=VOXEL, fragments=True).argmax(dim=1)
    assert once.tolist() == [0, 0, 0]
    assert apart.tolist() == [0, 1, 0]


def test_points_beyond_the_last_fragment_take_the_mean_of_their_voxel():
    colours = np.array([[0] * 3, [255] * 3, [0] * 3], np.uint8)
    voted = vote(ColourOnly(), np.zeros((3, 3)), colours, voxel_size=VOXEL, fragments=True, max_fragments=2)
    torch.testing.assert_close(voted[2], voted[:2].mean(dim=0))


def test_as_many_looks_as_the_fullest_voxel_has_points(cloud):
    network, points, colours = Tiny(), *cloud
    vote(network, points, colours, voxel_size=VOXEL, fragments=True)
    _, counts = np.unique(np.floor(points.astype(np.float64) / VOXEL), axis=0, return_counts=True)
    assert network.looks == counts.max() > 1


def test_points_by_voxel_keeps_the_order_of_the_points(cloud):
    voxels = voxelize(cloud[0], voxel_size=VOXEL)
    order, first, counts = points_by_voxel(voxels)
    np.testing.assert_array_equal(order[first], voxels.representative)
    assert counts.sum() == len(order) == 600


@pytest.mark.parametrize("fragments", [False, True])
def test_blocks_within_a_halo_that_covers_the_network_change_nothing(cloud, fragments):
    network = Tiny()
    options = {"voxel_size": VOXEL, "fragments": fragments}
    whole = vote(network, *cloud, **options)
    looks, network.looks = network.looks, 0
    cut = vote(network, *cloud, **options, max_voxels=200, halo=2 * VOXEL)
    assert network.looks >= 3 * looks
    torch.testing.assert_close(cut, whole)
    assert not torch.allclose(vote(network, *cloud, **options, max_voxels=200, halo=0), whole)


@pytest.mark.parametrize("halo", [0, 3, 40])
def test_blocks_hold_each_voxel_once(halo):
    coords = np.random.default_rng(1).integers(0, 60, (4000, 3)).astype(np.int32)
    blocks = blocks_of(coords, max_voxels=500, halo=halo)
    rows = np.concatenate([seen[core] for seen, core in blocks])
    assert sorted(rows) == list(range(4000))
    assert len(blocks) > 1 or halo == 40
    assert halo or max(len(seen) for seen, _ in blocks) <= 500


def test_blocks_end_where_all_voxels_are_in_one_column():
    coords = np.zeros((50, 3), np.int32)
    coords[:, 2] = np.arange(50)
    assert len(blocks_of(coords, max_voxels=5, halo=0)) == 1


def test_quarter_turns_are_exact():
    np.testing.assert_array_equal(Pose(turn=90.0).matrix(0.5), [[0, -2, 0], [2, 0, 0], [0, 0, 2]])
    assert len(set(TEST_TIME_POSES)) == 13


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"passes": ()}, "at least one pose"),
        ({"max_fragments": 0}, "max_fragments"),
        ({"max_voxels": 0}, "max_voxels"),
        ({"halo": -1.0}, "halo"),
        ({"colours": np.full((600, 3), 256.0)}, "colours"),
        ({"colours": np.zeros((5, 3))}, "colours"),
        ({"points": np.full((600, 3), np.nan)}, "NaN"),
    ],
)
def test_refusals(cloud, change, message):
    arguments = {"points": cloud[0], "colours": cloud[1], "voxel_size": VOXEL} | change
    with pytest.raises(UserError, match=message):
        vote(Tiny(), **arguments)


@pytest.mark.parametrize("wrong", [{"scale": 0.0}, {"flips": (3,)}, {"turn": float("nan")}])
def test_poses_out_of_range(wrong):
    with pytest.raises(UserError, match="Pose"):
        Pose(**wrong)
