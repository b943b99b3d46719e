"""The networks and the training step against numbers of the released code."""

import pytest
import torch
from closeness import assert_near, assert_relatively_near
from mmengine.logging import MessageHub
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from official_weights import official_state

from sparsevision.methods.ev_wsss import EVWSSS, E2VIDRecurrentEncoder, ESSDecoder, convert_checkpoint

DSEC = {
    "dual": {"weight": 0.5, "threshold": 0.5, "from_epoch": 0},
    "prototypes": {"own_weight": 0.25, "cross_weight": 0.25},
    "distillation": {"weight": 1 / 6},
}
DDD17 = {
    "dual": {"weight": 0.5, "threshold": 0.7, "from_epoch": 2},
    "prototypes": {"own_weight": 0.15, "cross_weight": 0.05},
    "distillation": {"weight": 1 / 60},
}
RELEASE = {"dsec": DSEC, "ddd17": DDD17}


def student(num_classes=11):
    """Encoder and decoder with the golden weights of student A."""
    state = official_state(num_classes)
    encoder, decoder = E2VIDRecurrentEncoder(), ESSDecoder(num_classes=num_classes)
    encoder.load_state_dict(convert_checkpoint(state["enc1"]), strict=True)
    decoder.load_state_dict(convert_checkpoint(state["dec1"]), strict=True)
    return encoder, decoder


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_forward(golden, mode):
    encoder, decoder = (part.train(mode == "train") for part in student())
    with torch.no_grad():
        latents = encoder(torch.from_numpy(golden["forward"]["forward_stream"]))
        logits = decoder(latents)
    assert_relatively_near(logits, golden["forward"][f"logits_{mode}"], within=1e-4)
    assert_relatively_near(latents[8], golden["forward"][f"latent8_{mode}"], within=1e-4)
    if mode == "eval":
        assert_relatively_near(latents[4][:, ::8], golden["forward"]["latent4_eval_sub"], within=1e-4)
        assert_relatively_near(latents[2][:, ::8, ::2, ::2], golden["forward"]["latent2_eval_sub"], within=1e-4)


def fill(bank, queue):
    """Prototypes (C, n, D), oldest first, into an empty bank."""
    for turn in range(queue.shape[1]):
        bank.append(torch.from_numpy(queue[None, :, turn]), torch.ones(1, len(queue), dtype=torch.bool))


@pytest.fixture(scope="module", params=["dsec_epoch0", "dsec_epoch2", "ddd17_epoch0", "ddd17_epoch2"])
def step(request, golden):
    """(model after backward, its losses, the golden numbers, name)."""
    data_set, epoch = request.param.split("_epoch")
    numbers = golden["numbers"][request.param]
    classes = numbers["num_classes"]
    model = EVWSSS(num_classes=classes, preset="published", **RELEASE[data_set])
    converted = convert_checkpoint(official_state(classes, wrapper="module."))
    report = model.load_state_dict(converted, strict=False)
    assert not report.unexpected_keys
    assert all(key.startswith("banks.") for key in report.missing_keys)
    for bank, name in zip(model.banks, "ab", strict=True):
        fill(bank, golden["step"][f"queue_{name}"][:classes])
    labels = torch.from_numpy(golden["forward"]["labels_c" if classes == 11 else "labels_c2"]).long()
    samples = [SegDataSample(sparse_sem_seg=PixelData(data=label[None])) for label in labels]
    inputs = {
        "events": torch.from_numpy(golden["forward"]["forward_stream"]),
        "events_reversed": torch.from_numpy(golden["forward"]["reversed_stream"]),
    }
    hub = MessageHub.get_current_instance()
    before = hub.runtime_info.get("epoch", 0)
    hub.update_info("epoch", int(epoch))
    model.train()
    losses = model(inputs, samples, mode="loss")
    hub.update_info("epoch", before)
    total, _ = model.parse_losses(losses)
    total.backward()
    return model, losses, total, numbers, request.param


def test_losses(step):
    _, losses, total, numbers, name = step
    expected = numbers["losses"]
    settings = RELEASE[name.split("_")[0]]
    assert float(total) == pytest.approx(expected["loss"], rel=1e-4)
    assert float(losses["loss_points_a"]) == pytest.approx(expected["loss_seg_A"], rel=1e-4)
    assert float(losses["loss_points_b"]) == pytest.approx(expected["loss_seg_B"], rel=1e-4)
    if "loss_dual" in expected:
        assert float(losses["loss_dual"]) / settings["dual"]["weight"] == pytest.approx(expected["loss_dual"], rel=1e-4)
    else:
        assert "loss_dual" not in losses
    if name.endswith("epoch0"):
        assert not {"loss_prototypes_a", "loss_prototypes_b", "loss_distillation"} & losses.keys()
        return
    unweighted = float(losses["loss_distillation"]) / settings["distillation"]["weight"]
    assert unweighted == pytest.approx(expected["loss_distill"], rel=1e-4)
    own_weight = 1.25 if name.startswith("ddd17") else 0.25  # the released DDD17 step counts `own` once more
    for student_name in "ab":
        own, crossed = (float(losses[f"contrast_{kind}_{student_name}"]) for kind in ("own", "cross"))
        theirs = expected[f"loss_proto_{student_name.upper()}"]
        assert own_weight * own + 0.25 * crossed == pytest.approx(theirs, rel=1e-4)


def test_prototype_queues(step, golden):
    model, _, _, numbers, name = step
    for bank, student_name in zip(model.banks, "ab", strict=True):
        assert bank.counts.tolist() == numbers[f"queue_len_{student_name}"]
        newest = torch.from_numpy(golden["step"][f"{name}_newest_{student_name}"])
        assert_near(bank.newest(), newest, within=1e-4)


def test_every_gradient_norm(step):
    model, _, _, numbers, name = step
    theirs = numbers["grad_norm"]
    tagged = {
        part: {key.removeprefix(f"{part}."): torch.tensor(index) for index, key in enumerate(theirs) if part in key}
        for part in ("enc1", "enc2", "dec1", "dec2")
    }
    official = {ours: list(theirs)[int(tag)] for ours, tag in convert_checkpoint(tagged).items()}
    largest = max(norm for norm in theirs.values() if norm is not None)
    compared = 0
    for ours, parameter in model.named_parameters():
        expected = theirs[official[ours]] or 0.0
        norm = 0.0 if parameter.grad is None else float(parameter.grad.norm())
        assert_near(norm, expected, within=1e-3 * expected + 1e-6 * largest, name=f"{name}: {ours}")
        compared += expected > 0
    assert compared > (80 if name.endswith("2") else 70)


def test_sizes():
    def count(module):
        return sum(parameter.numel() for parameter in module.parameters())

    assert count(E2VIDRecurrentEncoder()) == 7_361_536
    assert count(ESSDecoder(num_classes=11)) == 6_694_219
    assert count(ESSDecoder(num_classes=6)) == 6_694_054
