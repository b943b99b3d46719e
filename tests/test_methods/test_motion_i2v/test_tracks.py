"""What rasterised drags promise, and what is refused."""

import numpy as np
import pytest
import torch

from sparsevision.annotation import Tracks
from sparsevision.layers.promptable import GrabCut
from sparsevision.methods.motion_i2v import (
    GaussianRegion,
    ObjectRegion,
    encode_sparse_flow,
    interpolate_track,
    keyed_speed,
    named_speed,
    rasterise_tracks,
    scale_clicks,
)
from sparsevision.methods.motion_i2v.speed import SPEEDS
from sparsevision.utils import UserError

SIZE = {"height": 24, "width": 40, "frames": 5}
DRAG = np.array([(10, 12), (30, 12)])


def rasterise(tracks, **options):
    return rasterise_tracks(tracks, **SIZE | {"unit": 3} | options)


def test_flow_is_zero_where_nothing_is_known():
    flow, mask = rasterise([DRAG])
    assert set(mask.unique().tolist()) == {0, 1}
    assert torch.equal(flow * mask, flow)
    assert flow[-1, 0, 12, 10] == 20
    assert (flow[:, 1] == 0).all()


def test_flow_outside_the_brush_is_exactly_zero_and_known():
    brush = np.ones((24, 40), bool)
    brush[:, :11] = False
    flow, mask = rasterise([DRAG, [(20, 20), (5, 2)]], brush=brush)
    assert (flow[..., 11:] == 0).all()
    assert (mask[..., 11:] == 1).all()
    assert flow[-1, 0, 12, 10] == 20


def test_a_still_click_stays_while_the_published_one_drifts():
    drifting, _ = rasterise([[(7, 7)]])
    still, mask = rasterise([[(7, 7)]], still_clicks=True)
    assert drifting[-1, :, 7, 7].tolist() == [1, 1]
    assert (still == 0).all()
    assert (mask[:, 0, 7, 7] == 1).all()


def test_an_anchor_on_a_dragged_object_stays_exactly():
    image = disc_image()
    region = ObjectRegion(image, GrabCut())
    flow, mask = rasterise([[(24, 10), (38, 10)], [(16, 14)]], region=region, still_clicks=True)
    assert (flow[:, :, 14, 16] == 0).all()
    assert (mask[:, :, 14, 16] == 1).all()
    assert flow[-1, 0, 10, 24] == 14
    assert 0 < flow[-1, 0, 12, 20] < 14


def disc_image():
    """A bright disc around (20, 12) with radius 8 on dark ground."""
    rows, columns = np.ogrid[:24, :40]
    noise = np.random.default_rng(0).integers(0, 20, (24, 40, 3))
    disc = (columns - 20) ** 2 + (rows - 12) ** 2 <= 64
    return (noise + np.where(disc[..., None], 200, 20)).astype(np.uint8)


def test_a_drag_moves_the_object_and_not_a_square_of_it():
    image = disc_image()
    disc = image[..., 0] > 100
    flow, mask = rasterise([[(20, 12), (30, 12)]], region=ObjectRegion(image, GrabCut()))
    known = mask[0, 0].numpy() > 0
    assert (known & disc).sum() / (known | disc).sum() > 0.9
    assert np.allclose(flow[-1, 0].numpy()[known], 10)


def test_a_region_of_another_image_is_refused():
    with pytest.raises(UserError, match="region"):
        rasterise_tracks([DRAG], height=30, width=40, frames=5, region=ObjectRegion(disc_image(), GrabCut()))


def test_a_soft_region_fades_and_keeps_each_starts_own_motion():
    flow, mask = rasterise([DRAG, [(14, 12), (14, 2)]], region=GaussianRegion(3))
    assert flow[-1, :, 12, 10].tolist() == [20, 0]
    assert flow[-1, :, 12, 14].tolist() == [0, -10]
    assert 0 < flow[-1, 0, 12, 4] < 10
    assert mask[0, 0, 12, 39] == 0


def test_a_later_box_lies_on_top():
    flow, _ = rasterise([DRAG, [(12, 12), (12, 2)]])
    assert flow[-1, :, 12, 10].tolist() == [0, -10]
    assert flow[-1, :, 12, 8].tolist() == [20, 0]


def test_annotated_tracks_are_known_until_they_end():
    tracks = Tracks(
        paths=[[(10, 12), (16, 12)], [(3, 3), (3, 8), (9, 8)]],
        frames=[[0, 3], [0, 2, 5]],
        num_frames=6,
        size=(24, 40),
    )
    flow, mask = rasterise(tracks)
    assert mask[:, 0, 12, 10].tolist() == [1, 1, 1, 0, 0]
    assert flow[:, 0, 12, 10].tolist() == [2, 4, 6, 0, 0]
    assert flow[1, :, 3, 3].tolist() == [0, 5]
    assert flow[4, :, 3, 3].tolist() == [6, 5]


def test_encoded_flow_is_half_where_nothing_moves():
    flow, mask = rasterise([DRAG])
    sparse = encode_sparse_flow(flow, mask)
    assert torch.equal(encode_sparse_flow(flow.numpy(), mask.numpy()), sparse)
    assert (sparse[:, 1] == 0.5).all()
    assert sparse[-1, 0, 12, 10] == 0.5 + 20 / 40 / 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tracks": []}, "empty"),
        ({"tracks": [[(10, 10), (40, 10)]]}, "outside the image"),
        ({"tracks": [[(10, -3), (20, 10)]]}, "outside the image"),
        ({"tracks": [np.zeros((0, 2))]}, "at least one click"),
        ({"tracks": [[1, 2, 3]]}, r"tracks\[0\]"),
        ({"tracks": [[(np.nan, 1)]]}, "finite"),
        ({"brush": np.zeros((40, 24))}, "brush"),
        ({"brush": np.full((24, 40), 0.5)}, "brush"),
        ({"unit": 0}, "unit"),
        ({"frames": 0}, "frames"),
        ({"speed": [named_speed("steady")] * 2}, "2 curves for 1"),
        ({"region": GaussianRegion, "tracks": []}, "empty"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(change, words):
    arguments = {"tracks": [DRAG]} | change
    with pytest.raises(UserError, match=words):
        rasterise(arguments.pop("tracks"), **arguments)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"num_frames": 16}, "clip of 6"),
        ({"size": (24, 41)}, "24, 41"),
        ({"frames": [[1, 5]]}, "begins in frame 1"),
        ({"paths": [], "frames": []}, "none"),
    ],
)
def test_tracks_of_another_clip_are_refused(change, words):
    fields = {"paths": [[(1, 1), (2, 2)]], "frames": [[0, 5]], "num_frames": 6, "size": (24, 40)} | change
    with pytest.raises(UserError, match=words):
        rasterise(Tracks(**fields))


@pytest.mark.parametrize("name", SPEEDS)
def test_speed_curves_begin_at_the_start_and_stay_on_the_way(name):
    way = named_speed(name)(np.linspace(0, 1, 101))
    assert way[0] == 0
    assert ((way >= 0) & (way <= 1)).all()
    assert way[-1] == (0 if name == "there_and_back" else 1)


def test_a_keyed_speed_passes_its_keys_and_rests_at_the_last():
    curve = keyed_speed([(0.25, 0.8), (0.5, 0.8), (0.75, 0.2)])
    assert curve(np.array([0, 0.25, 0.4, 0.5, 0.75, 1])) == pytest.approx([0, 0.8, 0.8, 0.8, 0.2, 0.2])


@pytest.mark.parametrize("keys", [[], [(0.5, 2)], [(0.5, 0.1), (0.5, 0.2)], [(0, 0.5)]])
def test_impossible_keys_are_refused(keys):
    with pytest.raises(UserError, match="keyed_speed"):
        keyed_speed(keys)


def test_an_unknown_speed_gets_a_suggestion():
    with pytest.raises(UserError, match="ease_in"):
        named_speed("easein")


def test_speed_changes_when_and_not_where():
    steady, slow_start = (interpolate_track(DRAG, 5, speed=named_speed(name)) for name in ("steady", "ease_in"))
    assert steady[:, 0].tolist() == [10, 15, 20, 25, 30]
    assert slow_start[:, 0] == pytest.approx(10 + 20 * np.array([0, 1, 4, 9, 16]) / 16)


def test_by_distance_forgets_doubled_clicks_and_uneven_ones():
    doubled = np.array([(0, 0), (0, 0), (2, 0), (10, 0)])
    assert interpolate_track(doubled, 6, by_distance=True)[:, 0] == pytest.approx([0, 2, 4, 6, 8, 10])
    assert interpolate_track([(3, 3), (3, 3)], 4, by_distance=True).tolist() == [[3, 3]] * 4


def test_a_single_click_is_a_constant_track():
    assert interpolate_track([(3, 4)], 3).tolist() == [[3, 4]] * 3
    with pytest.raises(UserError, match="moment"):
        interpolate_track([(3, 4)], 0)


def test_clicks_move_with_the_image_that_is_resized():
    clicks = [(0, 0), (100, 47), (199, 99)]
    options = {"size": (100, 200), "to": (320, 512)}
    assert np.allclose(scale_clicks(clicks, **options), [(0.78, 1.1), (256.78, 151.5), (510.22, 317.9)])
    assert scale_clicks(clicks, **options, truncate=True).tolist() == [[0, 0], [256, 150], [509, 316]]


class Answers:
    """A segmenter that always gives the same mask."""

    def __init__(self, mask):
        self.mask = mask

    def set_image(self, image):
        return image

    def predict(self, embedding, **prompt):
        return self

    def upsample(self):
        return torch.from_numpy(self.mask).float() - 0.5


def test_an_object_is_one_piece_without_holes():
    mask = np.zeros((24, 40), bool)
    mask[4:12, 4:12] = mask[15:20, 30:38] = True
    mask[7, 7] = False
    region = ObjectRegion(np.zeros((24, 40, 3), np.uint8), Answers(mask))
    assert region(np.array([5, 5]), (24, 40)).sum() == 64
    with pytest.raises(UserError, match="no object at"):
        region(np.array([20, 20]), (24, 40))
