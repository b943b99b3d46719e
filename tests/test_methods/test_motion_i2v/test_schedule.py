"""The noise schedule and DDIM against the published numbers, against diffusers, and against what they promise."""

import pytest
import torch
from closeness import assert_near
from golden_motion import golden_arrays

from sparsevision.methods.motion_i2v import NoiseSchedule
from sparsevision.utils import UserError

GOLDEN = {name: torch.from_numpy(value) for name, value in golden_arrays("schedule_vae").items()}


def golden_network(x):
    return torch.tanh(0.7 * x) + 0.1


def test_signal_shares_are_the_published_ones():
    assert_near(NoiseSchedule().alphas_cumprod.double(), GOLDEN["alphas_cumprod"], within=2e-7)


def test_ddim_takes_each_published_step():
    schedule = NoiseSchedule()
    timesteps = schedule.timesteps(25)
    assert timesteps == GOLDEN["ddim_timesteps"].tolist()
    before = [GOLDEN["ddim_start"], *GOLDEN["ddim_states"][:-1]]
    for state, now, earlier, after in zip(
        before, timesteps, [*timesteps[1:], None], GOLDEN["ddim_states"], strict=True
    ):
        assert_near(schedule.step(golden_network(state), state, now, earlier), after, within=2e-6)


def test_ddim_ends_at_the_published_state():
    """The last bit of tanh differs between processors; 25 steps make 4e-6 of it, at numbers up to 27."""
    schedule = NoiseSchedule()
    timesteps = schedule.timesteps(25)
    state = GOLDEN["ddim_start"]
    for now, earlier in zip(timesteps, [*timesteps[1:], None], strict=True):
        state = schedule.step(golden_network(state), state, now, earlier)
    assert_near(state, GOLDEN["ddim_states"][-1], within=5e-6)


def test_noise_is_added_as_published():
    schedule = NoiseSchedule()
    for timestep, noised in zip(GOLDEN["noise_timesteps"].tolist(), GOLDEN["add_noise"], strict=True):
        ours = schedule.add_noise(GOLDEN["ddim_start"], GOLDEN["noise"], timestep)
        assert_near(ours, noised, within=5e-6)


def test_each_clip_of_a_batch_has_its_own_time():
    schedule = NoiseSchedule()
    clean, noise = torch.randn(2, 3, 4, 2, 2), torch.randn(2, 3, 4, 2, 2)
    both = schedule.add_noise(clean, noise, torch.tensor([7, 900]))
    assert torch.equal(both[0], schedule.add_noise(clean[:1], noise[:1], 7)[0])
    assert torch.equal(both[1], schedule.add_noise(clean[1:], noise[1:], 900)[0])


@pytest.mark.parametrize("prediction", ["epsilon", "velocity", "sample"])
def test_a_perfect_network_gives_the_clean_clip_at_every_time(prediction):
    schedule = NoiseSchedule(prediction=prediction)
    clean, noise = torch.randn(2, 3, 4, 2, 2), torch.randn(2, 3, 4, 2, 2)
    for timestep in (0, 321, 999):
        noised = schedule.add_noise(clean, noise, timestep)
        target = schedule.target(clean, noise, timestep)
        assert (schedule.step(target, noised, timestep, None) - clean).abs().max() < 1e-3
        earlier = schedule.step(target, noised, timestep, 0)
        assert (earlier - schedule.add_noise(clean, noise, 0)).abs().max() < 1e-3


def test_eta_one_needs_noise_and_uses_it():
    schedule = NoiseSchedule()
    state, output = torch.randn(1, 2, 1, 3, 3), torch.randn(1, 2, 1, 3, 3)
    with pytest.raises(UserError, match="noise"):
        schedule.step(output, state, 500, 400, eta=1.0)
    first = schedule.step(output, state, 500, 400, eta=1.0, noise=torch.ones_like(state))
    second = schedule.step(output, state, 500, 400, eta=1.0, noise=torch.zeros_like(state))
    assert (first - second).abs().min() > 0.01


@pytest.mark.parametrize("prediction", ["epsilon", "velocity", "sample"])
def test_diffusers_takes_the_same_steps(prediction):
    diffusers = pytest.importorskip("diffusers")
    name = {"epsilon": "epsilon", "velocity": "v_prediction", "sample": "sample"}[prediction]
    theirs = diffusers.DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="linear",
        steps_offset=1,
        clip_sample=False,
        prediction_type=name,
    )
    ours = NoiseSchedule(prediction=prediction)
    theirs.set_timesteps(25)
    timesteps = ours.timesteps(25)
    assert timesteps == theirs.timesteps.tolist()
    state = other = GOLDEN["ddim_start"]
    for now, earlier in zip(timesteps, [*timesteps[1:], None], strict=True):
        state = ours.step(golden_network(state), state, now, earlier)
        other = theirs.step(golden_network(other), now, other).prev_sample
    assert (state - other).abs().max() < 3e-5  # torch's square roots, see _root


@pytest.mark.parametrize("steps", [0, 1001, 2.5])
def test_an_impossible_number_of_steps_is_refused(steps):
    with pytest.raises(UserError, match="steps"):
        NoiseSchedule().timesteps(steps)


def test_an_unknown_prediction_is_refused():
    with pytest.raises(UserError, match="velocity"):
        NoiseSchedule(prediction="velocities")
