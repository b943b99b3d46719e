"""The whole detector, ResNet-50 at 480 x 640, against numbers of the release: detections, losses, gradients.

The random decoder amplifies rounding, so that its numbers are compared loosely; the encoder has tests of its own. Two
queries cost an object of `train_same` the same to 3e-4, and rounding decides which of them is matched: attention is
computed step by step here, as it was when the numbers were made.
"""

import pytest
import torch
from golden_detr import focus_inputs, focus_state, golden_arrays, golden_numbers, normalised_batch
from mmengine.structures import InstanceData
from torch.nn.attention import SDPBackend, sdpa_kernel

from sparsevision.datasets.detection.sample import DetectionSample
from sparsevision.engine import load_state_dict
from sparsevision.methods.focus_detr import FocusDETR, convert_checkpoint
from sparsevision.methods.focus_detr.backbones import ResNetBackbone
from sparsevision.methods.focus_detr.decoding import DecoderSide

pytestmark = pytest.mark.slow
ENCODER = "transformer.encoder.layers."
GRADIENTS = {
    "transformer.alpha": "network.selector.alpha",
    "transformer.level_embeds": "network.level_embedding",
    "transformer.enc_output.weight": "network.proposals.linear.weight",
    "transformer.enc_mask_predictor.layer1.1.weight": "network.selector.scorer.first.weight",
    "class_embed.6.weight": "network.class_heads.6.weight",
    "class_embed.5.weight": "network.class_heads.5.weight",
    "bbox_embed.0.layers.2.weight": "network.box_heads.0.layers.2.weight",
    "transformer.tgt_embed.weight": "network.query_content.weight",
    "neck.convs.0.conv.weight": "network.neck.levels.0.conv.weight",
    "backbone.res3.0.conv1.weight": "network.backbone.layer2.0.conv1.weight",
    f"{ENCODER}0.attentions.0.attn.in_proj_weight": "network.encoder.layers.0.self_attention.in_proj_weight",
    f"{ENCODER}5.attentions.1.sampling_offsets.weight": "network.encoder.layers.5.deformable.sampling_offsets.weight",
    f"{ENCODER}2.norm2.weight": "network.encoder.layers.2.self_norm.weight",
}


@pytest.fixture(scope="module")
def model():
    built = FocusDETR(num_classes=80, backbone=ResNetBackbone(depth=50))
    load_state_dict(built, convert_checkpoint(focus_state()), source="golden weights")
    return built


def batch_of(case):
    """Inputs and samples of a case of the json."""
    settings = golden_numbers()[case]["image"]
    made = focus_inputs(settings["sizes"], settings["seed"], settings["n"])
    samples = [
        DetectionSample(
            metainfo={"ori_shape": size, "img_shape": size}, gt_instances=InstanceData(bboxes=boxes, labels=labels)
        )
        for (_, boxes, labels), size in zip(made, map(tuple, settings["sizes"]), strict=True)
    ]
    return {"image": normalised_batch([image for image, _, _ in made])}, samples


def published_name(name):
    return "select_loss" if name == "loss_selector" else name


@pytest.fixture(autouse=True)
def _step_by_step():
    with sdpa_kernel(SDPBackend.MATH):
        yield


@pytest.fixture
def decoded(monkeypatch):
    """What the decoder side made in this test."""
    seen = []
    plain = DecoderSide.decode
    monkeypatch.setattr(DecoderSide, "decode", lambda *a, **k: seen.append(plain(*a, **k)) or seen[-1])
    return seen


def compare_decoder(decoded, arrays):
    proposals = torch.from_numpy(arrays["proposal_boxes_top50"])
    torch.testing.assert_close(decoded.proposals.boxes[:, :50].detach(), proposals, atol=1e-5, rtol=0)
    states = torch.from_numpy(arrays["decoder_states_last"])
    torch.testing.assert_close(decoded.states[-1][:, :50, ::16].detach(), states, atol=5e-2, rtol=0)
    references = torch.from_numpy(arrays["decoder_reference_last"])
    torch.testing.assert_close(decoded.references[-1][:, :50].detach(), references, atol=5e-2, rtol=0)


def test_golden_detections(model, decoded):
    inputs, samples = batch_of("eval")
    arrays = {key: torch.from_numpy(value) for key, value in golden_arrays("eval").items() if value.ndim}
    model.eval()
    with torch.no_grad():
        found = model(inputs, samples, mode="predict")[0].pred_instances
    torch.testing.assert_close(found.scores, arrays["scores"].sort(descending=True).values, atol=2e-3, rtol=0)
    compare_decoder(decoded[0], golden_arrays("eval"))
    distance = (found.bboxes[:, None] - arrays["boxes"]).abs().amax(-1)
    distance[found.labels[:, None] != arrays["labels"]] = torch.inf
    assert (distance.amin(dim=0) < 0.5).float().mean() >= 0.99


def check_losses(losses, expected, *, single, total):
    ours = {published_name(name): value.item() for name, value in losses.items()}
    theirs = {name: value for name, value in expected.items() if value or "_dn" not in name}
    assert ours.keys() == theirs.keys()
    assert ours == pytest.approx(theirs, rel=single)
    assert sum(ours.values()) == pytest.approx(sum(theirs.values()), rel=total)


@pytest.mark.parametrize(
    ("case", "single", "total", "gradient"), [("train_same", 2e-3, 5e-4, 1e-2), ("train_padded", 1e-2, 1e-2, None)]
)
def test_golden_losses(model, decoded, monkeypatch, case, single, total, gradient):
    monkeypatch.setattr(model, "denoising", None)
    numbers = golden_numbers()[case]
    model.train().zero_grad()
    losses = model(*batch_of(case), mode="loss")
    check_losses(losses, numbers["losses"], single=single, total=total)
    assert sum(losses.values()).item() == pytest.approx(numbers["total"], rel=total)
    if gradient is None:
        return
    compare_decoder(decoded[0], golden_arrays(case))
    sum(losses.values()).backward()
    named = dict(model.named_parameters())
    norms = {theirs: float(named[ours].grad.norm()) for theirs, ours in GRADIENTS.items()}
    alpha, expected = norms.pop("transformer.alpha"), dict(numbers["grad_norm"])
    assert alpha < 10 * expected.pop("transformer.alpha")
    assert norms == pytest.approx(expected, rel=gradient)


def test_golden_losses_with_denoising(model):
    numbers = golden_numbers()["train_same_dn"]
    model.train()
    torch.manual_seed(numbers["torch_seed"])
    with torch.no_grad():
        losses = model(*batch_of("train_same_dn"), mode="loss")
    check_losses(losses, numbers["losses"], single=2e-3, total=2e-3)
