"""Guidance and the two samplers around callables that stand for the networks."""

import numpy as np
import pytest
import torch

from sparsevision.methods.motion_i2v import (
    Conditions,
    Guidance,
    MotionFields,
    NoiseSchedule,
    PatchFlowCodec,
    clip_noise,
    decode_motion,
    denoise,
    frame_strides,
    guided,
    sample_frames,
    sample_motion,
    seeded,
    with_reference_field,
)
from sparsevision.utils import UserError

SCHEDULE = NoiseSchedule()


def network(sample, t, text, motion):
    """Depends on each input, within each clip alone."""
    answer = torch.tanh(sample[:, -2:] + 0.1 * sample[:, :2].mean(dim=2, keepdim=True)) + t.view(-1, 1, 1, 1, 1) / 5000
    if text is not None:
        answer = answer + 0.1 * text.mean(dim=(1, 2)).view(-1, 1, 1, 1, 1)
    if isinstance(motion, MotionFields):
        motion = motion.flow.mean(dim=(3, 4)).transpose(1, 2)[..., None, None]
    return answer if motion is None else answer + 0.05 * motion[:, :2]


class Recorder:
    """A network that remembers what it was asked."""

    def __init__(self):
        self.calls = []

    def __call__(self, sample, t, text, motion):
        self.calls.append((sample.clone(), t, text, motion))
        return network(sample, t, text, motion)


def stage_one_inputs(seeds, frames=3):
    noise = clip_noise((2, frames, 4, 6), seeded(seeds))
    fixed = clip_noise((4, frames, 4, 6), seeded([seed + 100 for seed in seeds]))
    return {
        "image": fixed[:, :2, 0],
        "noise": noise,
        "text": fixed[:, 2, 0],
        "empty_text": torch.zeros(len(seeds), 4, 6),
        "control": torch.cat([fixed[:, :2], torch.ones_like(fixed[:, :1])], dim=1),
    }


def stage_two_inputs(seeds, frames=4):
    fixed = clip_noise((4, frames, 4, 6), seeded([seed + 100 for seed in seeds]))
    flow = clip_noise((frames - 1, 2, 8, 12), seeded([seed + 200 for seed in seeds])) * 2
    return {
        "reference": fixed[:, :2, 0],
        "noise": clip_noise((2, frames, 4, 6), seeded(seeds)),
        "flow": flow,
        "text": fixed[:, 2, 0],
        "empty_text": torch.zeros(len(seeds), 4, 6),
    }


STAGES = [(sample_motion, stage_one_inputs), (sample_frames, stage_two_inputs)]


@pytest.mark.parametrize(("sample", "inputs"), STAGES)
@pytest.mark.parametrize("eta", [0, 0.7])
def test_a_batch_of_two_equals_two_single_runs(sample, inputs, eta):
    def run(seeds):
        return sample(network, **inputs(seeds), schedule=SCHEDULE, steps=5, eta=eta, generators=seeded(seeds))

    both, singles = run([1, 2]), torch.cat([run([1]), run([2])])
    assert (both - singles).abs().max() < 1e-5
    assert torch.equal(both, run([1, 2]))
    assert (both[0] - both[1]).abs().max() > 0.1


@pytest.mark.parametrize(("sample", "inputs"), STAGES)
def test_progress_is_told_and_may_stop_the_run(sample, inputs):
    told = []
    last = sample(
        network,
        **inputs([3]),
        schedule=SCHEDULE,
        steps=4,
        on_step=lambda *step: told.append((*step[:2], step[2].clone())),
    )
    assert [step[:2] for step in told] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert torch.equal(told[-1][2], last)

    def stop(done, steps, latents):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sample(network, **inputs([3]), schedule=SCHEDULE, steps=4, on_step=stop)


def test_stage_one_gives_the_image_first_and_the_tracks_to_both_branches():
    recorder, inputs = Recorder(), stage_one_inputs([5])
    sample_motion(recorder, **inputs, schedule=SCHEDULE, steps=2)
    assert len(recorder.calls) == 4
    sample, t, _, _ = recorder.calls[0]
    assert torch.equal(sample[:, :2], inputs["image"][:, :, None].expand(-1, -1, 3, -1, -1))
    assert torch.equal(sample[:, 2:], inputs["noise"])
    assert t.tolist() == [501]
    assert all(motion is inputs["control"] for *_, motion in recorder.calls)
    assert [text is inputs["text"] for _, _, text, _ in recorder.calls] == [True, False, True, False]


def test_stage_two_shows_the_clean_reference_at_each_call_and_prepares_the_flow_once():
    recorder, inputs = Recorder(), stage_two_inputs([5])
    latents = sample_frames(recorder, **inputs, schedule=SCHEDULE, steps=3)
    assert len(recorder.calls) == 6
    assert all(torch.equal(sample[:, :, 0], inputs["reference"]) for sample, *_ in recorder.calls)
    assert torch.equal(latents[:, :, 0], inputs["reference"])
    fields = recorder.calls[0][3]
    assert all(motion is fields for *_, motion in recorder.calls)
    assert torch.equal(fields.flow, with_reference_field(inputs["flow"]))


BRUSH = np.zeros((8, 12), bool)
BRUSH[:, :6] = True


@pytest.mark.parametrize("exact", [False, True])
def test_frozen_latents_are_the_noised_reference_at_every_step(exact):
    inputs, states = stage_two_inputs([1, 2]), []
    recorder = Recorder()
    last = sample_frames(
        recorder,
        **inputs,
        schedule=SCHEDULE,
        steps=5,
        brush=BRUSH,
        exact_freezing=exact,
        on_step=lambda done, steps, latents: states.append(latents),
    )
    still = inputs["reference"][:, :, None].expand_as(last)
    for state, t in zip(states[:-1], SCHEDULE.timesteps(5)[1:], strict=True):
        expected = SCHEDULE.add_noise(still, inputs["noise"], t)
        assert torch.equal(state[:, :, 1:, :, :3], expected[:, :, 1:, :, :3])
        assert not torch.isclose(state[:, :, 1:, :, 3:], expected[:, :, 1:, :, 3:]).any()
    assert torch.equal(last[..., :3], still[..., :3]) is exact
    first = recorder.calls[0][0][:, :, 1:, :, :3]
    noised = SCHEDULE.add_noise(still, inputs["noise"], SCHEDULE.timesteps(5)[0])
    assert torch.equal(first, (noised if exact else inputs["noise"])[:, :, 1:, :, :3])


def test_each_clip_follows_its_own_brush():
    inputs = stage_two_inputs([1, 2])
    options = {"schedule": SCHEDULE, "steps": 3, "exact_freezing": True}
    both = sample_frames(network, **inputs, brush=np.stack([BRUSH, ~BRUSH]), **options)
    single = sample_frames(network, **stage_two_inputs([2]), brush=~BRUSH, **options)
    assert (both[1:] - single).abs().max() < 1e-5


def test_decoded_motion_is_exactly_zero_where_the_brush_freezes():
    latents = torch.randn(2, 2, 3, 2, 3)
    flow = decode_motion(latents, PatchFlowCodec(patch=4), brush=BRUSH)
    assert (flow[..., :6] == 0).all()
    assert (flow[..., 6:] != 0).all()


@pytest.mark.parametrize(("text", "motion"), [(7, 1), (1, 3), (3, 1.5), (1, 1), (0, 1)])
def test_guidance_weighs_text_and_motion_apart(text, motion):
    inputs = stage_one_inputs([1])
    sample, t = torch.cat([inputs["noise"]] * 2, dim=1), torch.tensor([9])
    conditions = Conditions(text=inputs["text"], empty_text=inputs["empty_text"], motion=inputs["control"])
    answer = guided(network, sample, t, conditions, Guidance(text=text, motion=motion))
    nothing = network(sample, t, inputs["empty_text"], None)
    moved = network(sample, t, inputs["empty_text"], inputs["control"])
    full = network(sample, t, inputs["text"], inputs["control"])
    assert torch.allclose(answer, nothing + motion * (moved - nothing) + text * (full - moved), atol=1e-6)


@pytest.mark.parametrize(
    ("guidance", "words", "calls"),
    [
        (Guidance(text=1), True, 1),
        (Guidance(), False, 1),
        (Guidance(), True, 2),
        (Guidance(motion=2), False, 2),
        (Guidance(motion=2), True, 3),
    ],
)
def test_no_more_calls_than_the_weights_need(guidance, words, calls):
    recorder, inputs = Recorder(), stage_one_inputs([1])
    if not words:
        inputs |= {"text": None, "empty_text": None}
    sample_motion(recorder, **inputs, schedule=SCHEDULE, steps=1, guidance=guidance)
    assert len(recorder.calls) == calls


def test_branches_of_one_call_give_the_same_where_nothing_is_mixed():
    inputs, recorder = stage_two_inputs([1, 2]), Recorder()
    options = {"schedule": SCHEDULE, "steps": 2}
    one_by_one = sample_frames(network, **inputs, **options)
    at_once = sample_frames(recorder, **inputs, **options, legacy_batch_mixing=True)
    assert torch.allclose(one_by_one, at_once, atol=1e-5)
    assert len(recorder.calls) == 2
    _, t, text, motion = recorder.calls[0]
    assert t.tolist() == [501] * 4
    assert torch.equal(text, torch.cat([inputs["empty_text"], inputs["text"]]))
    assert motion.legacy_batch_mixing
    assert torch.equal(motion.flow, with_reference_field(torch.cat([inputs["flow"]] * 2)))


def test_stage_two_is_led_away_from_a_clip_at_rest():
    recorder = Recorder()
    sample_frames(recorder, **stage_two_inputs([1]), schedule=SCHEDULE, steps=1, guidance=Guidance(motion=2))
    assert [bool(motion.flow.any()) for *_, motion in recorder.calls] == [True, True, False]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image": torch.zeros(1, 2, 4, 5)}, "image"),
        ({"control": torch.zeros(1, 3, 4, 4, 6)}, "frames=3"),
        ({"empty_text": None}, "empty_text"),
        ({"control": None, "guidance": Guidance(motion=2)}, "motion"),
        ({"eta": 1.0}, "generator"),
        ({"steps": 0}, "steps"),
    ],
)
def test_stage_one_refuses_what_does_not_fit(change, words):
    with pytest.raises(UserError, match=words):
        sample_motion(network, **stage_one_inputs([1]) | {"schedule": SCHEDULE, "steps": 2} | change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reference": torch.zeros(1, 2, 4, 5)}, "reference"),
        ({"flow": torch.zeros(1, 4, 2, 8, 12)}, "a clip of 4 frames has 3"),
        ({"flow": torch.zeros(1, 3, 3, 8, 12)}, "expected"),
        ({"brush": np.zeros((8, 13), bool)}, "brush"),
        ({"brush": np.zeros((2, 8, 12), bool)}, "2 of them for 1 clips"),
    ],
)
def test_stage_two_refuses_what_does_not_fit(change, words):
    with pytest.raises(UserError, match=words):
        sample_frames(network, **stage_two_inputs([1]) | {"schedule": SCHEDULE, "steps": 2} | change)


def test_noise_of_a_clip_does_not_depend_on_its_batch():
    both = clip_noise((4, 3, 2, 2), seeded([1, 2]))
    assert torch.equal(both[1:], clip_noise((4, 3, 2, 2), seeded([2])))
    drawn = torch.randn(8, 3, 2, 2, generator=torch.Generator().manual_seed(1))
    assert torch.equal(clip_noise((4, 3, 2, 2), seeded([1]), drawn_channels=8)[0], drawn[:4])


def test_a_denoised_clip_ends_at_what_the_network_sees():
    clean = torch.randn(1, 2, 3, 4, 4)

    def predict(latents, t):
        signal, spread = SCHEDULE.signal[t].item(), SCHEDULE.spread[t].item()
        return (latents - signal * clean) / spread

    latents = denoise(predict, torch.randn_like(clean), schedule=SCHEDULE, steps=10)
    assert (latents - clean).abs().max() < 1e-4


def test_strides_are_the_published_ones():
    assert frame_strides(15).tolist() == [8.0 * index for index in range(1, 16)]
