"""What the trajectory ControlNet is trained on: sparse motion drawn from dense flow."""

import pytest
import torch

from sparsevision.methods.motion_i2v import (
    DenseMotion,
    DenseToSparse,
    DragLike,
    Mixture,
    RandomBlocks,
    RandomTracks,
    sample_batch,
    seeded,
)
from sparsevision.utils import UserError

SAMPLERS = [
    RandomBlocks(),
    RandomTracks(count=(1, 20), unit=2),
    DragLike(unit=(2, 8)),
    DragLike(unit=(2, 8), within_objects=True),
    Mixture(samplers=[RandomBlocks(), DragLike()], shares=[0.5, 0.5]),
]


@pytest.fixture(scope="module")
def dense():
    """A square that moves by (3, -1) a frame on still ground, and is hidden in the last frame."""
    objects = torch.zeros(32, 48, dtype=torch.bool)
    objects[10:18, 20:28] = True
    flow, visible = torch.zeros(4, 2, 32, 48), torch.ones(4, 32, 48, dtype=torch.bool)
    for frame in range(4):
        flow[frame, 0][objects], flow[frame, 1][objects] = 3.0 * (frame + 1), -1.0 * (frame + 1)
    visible[3][objects] = False
    return DenseMotion(flow=flow, objects=objects, visible=visible)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_clip_is_drawn_by_its_seed_alone(sampler, dense):
    flow, mask = sample_batch(sampler, [dense, dense], seeded([1, 2]))
    assert flow.shape == (2, 4, 2, 32, 48)
    assert mask.shape == (2, 4, 1, 32, 48)
    assert set(mask.unique().tolist()) <= {0, 1}
    assert torch.equal(flow * mask, flow)
    own_flow, own_mask = sampler(dense, seeded([2])[0])
    assert torch.equal(own_flow, flow[1])
    assert torch.equal(own_mask, mask[1])
    assert any(not torch.equal(sampler(dense, one)[1], mask[0]) for one in seeded(range(5, 15)))


def test_blocks_keep_whole_cells_of_the_true_flow_in_all_frames(dense):
    flow, mask = RandomBlocks(keep=(0.5, 0.5))(dense, seeded([0])[0])
    cells = mask[:, 0, ::8, ::8]
    assert cells[0].sum() == 12
    assert torch.equal(cells, cells[:1].expand(4, -1, -1))
    assert torch.equal(mask[:, 0], cells.repeat_interleave(8, 1).repeat_interleave(8, 2))
    assert torch.equal(flow, dense.flow * mask)


def test_the_share_of_blocks_spans_its_range(dense):
    shares = [RandomBlocks(keep=(0.2, 0.4))(dense, one)[1].mean().item() for one in seeded(range(200))]
    assert min(shares) >= 4 / 24
    assert max(shares) <= 9 / 24
    assert len(set(shares)) == 6  # 4 to 9 blocks of 24


def test_tracks_carry_their_points_motion_while_it_is_seen(dense):
    drawn = [RandomTracks(count=(1, 1), unit=1)(dense, one) for one in seeded(range(100))]
    last = {tuple(flow[0].flatten(1).sum(1).tolist()): mask[:, 0].flatten(1).any(1).tolist() for flow, mask in drawn}
    assert last == {(0, 0): [True] * 4, (12, -4): [True, True, True, False]}


def test_few_tracks_are_as_likely_as_many(dense):
    counts = [RandomTracks(count=(1, 255), unit=1)(dense, one)[1][0].sum().item() / 4 for one in seeded(range(120))]
    few = sum(count < 16 for count in counts) / len(counts)
    assert 0.35 < few < 0.65


def test_drags_start_on_objects_as_often_as_said(dense):
    drags = DragLike(count=(1, 1), unit=(2, 2), on_objects=0.8)
    moving = [bool((drags(dense, one)[0] != 0).any()) for one in seeded(range(200))]
    assert 0.7 < sum(moving) / 200 < 0.92


def test_a_drags_box_moves_rigidly_and_can_be_cut_at_the_outline(dense):
    box, cut = (
        DragLike(count=(1, 1), unit=(6, 6), on_objects=1, within_objects=within)(dense, seeded([4])[0])
        for within in (False, True)
    )
    assert box[1][0].sum() == 144
    assert ((box[0][1, 0] == 6) | (box[1][1, 0] == 0)).all()
    assert not (cut[1][:, :, ~dense.objects] > 0).any()
    assert torch.equal(cut[1] > 0, (box[1] > 0) & dense.objects)


def test_without_objects_what_moves_is_taken(dense):
    found = DenseMotion(flow=dense.flow).moving()
    assert torch.equal(found, dense.objects)
    still = DenseMotion(flow=torch.zeros_like(dense.flow))
    flow, mask = DragLike(unit=(2, 2))(still, seeded([0])[0])
    assert mask.any()
    assert not flow.any()


def test_the_curriculum_goes_from_dense_to_sparse(dense):
    curriculum = DenseToSparse(
        dense=RandomBlocks(keep=(1, 1)), sparse=RandomBlocks(keep=(0.25, 0.25)), ramp=(0.25, 0.75)
    )
    shares = []
    for progress in (0, 0.25, 0.5, 0.75, 1):
        sampler = curriculum.at(progress)
        full = [sampler(dense, one)[1].min().item() == 1 for one in seeded(range(100))]
        shares.append(sum(full) / 100)
    assert shares[0] == shares[1] == 1
    assert 0.35 < shares[2] < 0.65
    assert shares[3] == shares[4] == 0


def test_a_step_without_ramp_is_a_switch(dense):
    curriculum = DenseToSparse(dense=RandomBlocks(keep=(1, 1)), sparse=RandomBlocks(keep=(0, 0)), ramp=(0.5, 0.5))
    assert [curriculum.at(p)(dense, seeded([0])[0])[1].mean().item() for p in (0.49, 0.5)] == [1, 0]


@pytest.mark.parametrize(
    "make",
    [
        lambda: RandomBlocks(keep=(0.5, 0.2)),
        lambda: RandomTracks(count=(0, 3)),
        lambda: DragLike(count=(3, 2)),
        lambda: DragLike(unit=(0, 2)),
        lambda: Mixture(samplers=SAMPLERS[:2], shares=[1]),
        lambda: Mixture(samplers=SAMPLERS[:1], shares=[0]),
        lambda: DenseToSparse(dense=SAMPLERS[0], sparse=SAMPLERS[0], ramp=(0.5, 2)),
        lambda: DenseMotion(flow=torch.zeros(3, 8, 8, 2)),
        lambda: DenseMotion(flow=torch.zeros(3, 2, 8, 8), objects=torch.zeros(8, 9, dtype=torch.bool)),
        lambda: DenseMotion(flow=torch.zeros(3, 2, 8, 8), visible=torch.ones(3, 8, 8)),
        lambda: RandomBlocks()(DenseMotion(flow=torch.zeros(3, 2, 12, 8)), torch.Generator()),
    ],
)
def test_impossible_settings_are_refused(make):
    with pytest.raises(UserError, match=r"expected|no whole number"):
        make()
