"""The students: streaming, checkpointing, truncated gradients, converted names."""

import pytest
import torch
from official_weights import official_state

from sparsevision.methods.ev_wsss import E2VIDRecurrentEncoder, ESSDecoder, convert_checkpoint
from sparsevision.methods.ev_wsss.convert import convert_with_report
from sparsevision.methods.ev_wsss.network import Student
from sparsevision.utils import UserError

STEPS, BINS = 4, 2


def grids(batch=2, height=16, width=24):
    return torch.randn(batch, STEPS * BINS, height, width, generator=torch.Generator().manual_seed(0))


def encoder(**options):
    torch.manual_seed(1)
    return E2VIDRecurrentEncoder(bins=BINS, base_channels=4, **options)


def test_a_stream_gives_what_the_whole_gives():
    student = Student(encoder(), ESSDecoder(num_classes=3, base_channels=4)).eval()
    state = None
    with torch.no_grad():
        for grid in grids().split(BINS, dim=1):
            logits, state = student.step(grid, state)
        whole, _ = student(grids())
    assert float((logits - whole).abs().max()) < 1e-5


@pytest.mark.parametrize("training", [True, False])
def test_checkpointed_steps_change_nothing(training):
    plain, saving = encoder().train(training), encoder(checkpoint_steps=True).train(training)
    for network in (plain, saving):
        network(grids())[8].square().sum().backward()
    for (name, one), (_, other) in zip(plain.named_parameters(), saving.named_parameters(), strict=True):
        if "projections" not in name:
            torch.testing.assert_close(one.grad, other.grad, msg=name)
    for (name, one), (_, other) in zip(plain.named_buffers(), saving.named_buffers(), strict=True):
        assert torch.equal(one, other), name


def test_gradients_go_back_as_far_as_they_may():
    reached = []
    for steps in (None, 2, 1):
        leaf = grids().requires_grad_()
        encoder(truncate_after=steps).eval()(leaf)[8].sum().backward()
        per_step = leaf.grad.abs().sum(dim=(0, 2, 3)).view(STEPS, BINS).sum(1)
        reached.append((per_step > 0).tolist())
    assert reached == [[True] * 4, [False, False, True, True], [False, False, False, True]]
    with pytest.raises(UserError, match="truncate_after=0; expected a number of steps from 1 on"):
        encoder(truncate_after=0)


def test_batch_norm_counts_every_step():
    network = encoder().train()
    network(grids())
    assert int(network.stages[0].norm.num_batches_tracked) == STEPS


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="multiples of 8; got 20 x 24"):
        encoder()(grids(height=20))
    with pytest.raises(ValueError, match="3 channels are no grids of 2 bins"):
        encoder()(grids()[:, :3])


def test_the_official_layouts_are_all_read():
    state = official_state(6)
    wrapped = {part: {f"module.{key}": value for key, value in names.items()} for part, names in state.items()}
    whole, unused = convert_with_report({**wrapped, "epoch": 3, "optimizer_back": {}})
    assert whole.keys() == convert_checkpoint(state).keys()
    assert {name.split(".")[2] for name in unused} == {"resblocks"}
    e2vid = {"arch": "E2VIDRecurrent", "state_dict": {f"unetrecurrent.{k}": v for k, v in state["enc1"].items()}}
    e2vid["state_dict"]["unetrecurrent.pred.conv2d.weight"] = torch.zeros(1, 32, 1, 1)
    alone, left_over = convert_with_report(e2vid)
    E2VIDRecurrentEncoder().load_state_dict(alone, strict=True)
    assert "unetrecurrent.pred.conv2d.weight" in left_over


def test_something_else_is_refused():
    with pytest.raises(UserError, match=r"no checkpoint of EV-WSSS or E2VID.*conv1"):
        convert_checkpoint({"conv1.weight": torch.zeros(3)})
