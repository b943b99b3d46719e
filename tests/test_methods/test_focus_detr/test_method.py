"""FocusDETR: what its batches are to one another, kin by settings, errors."""

import math

import numpy as np
import pytest
import torch
from mmengine.model import ExponentialMovingAverage
from mmengine.structures import InstanceData
from small_detector import SMALL, detector, images_of, sample, total

from sparsevision.datasets.detection.sample import DetectionSample
from sparsevision.registry import MODELS
from sparsevision.utils import UserError

SIZES = ((96, 128), (160, 96), (96, 128), (70, 90))
BOXES = [[10, 10, 60, 50], [40, 30, 90, 80]]


def predictions(model, inputs, samples):
    model.eval()
    with torch.no_grad():
        return [found.pred_instances for found in model(inputs, samples, mode="predict")]


def one_by_one(model, inputs, sizes):
    alone = []
    for image, (height, width) in zip(inputs["image"], sizes, strict=True):
        alone += predictions(model, {"image": image[None, :, :height, :width]}, [sample((height, width))])
    return alone


@pytest.mark.parametrize(
    "settings", [{}, {"selector": None}, {"num_queries": 500, "seed": 1}, {"selector_target": "salience"}]
)
def test_a_batch_of_mixed_sizes_equals_one_by_one(settings):
    """The seeds are free of ties: what a query is depends on its rank among the proposals."""
    model, inputs = detector(**settings), images_of(*SIZES)
    together = predictions(model, inputs, [sample(size) for size in SIZES])
    for batched, single in zip(together, one_by_one(model, inputs, SIZES), strict=True):
        torch.testing.assert_close(batched.scores, single.scores, atol=1e-5, rtol=0)
        assert torch.equal(batched.labels, single.labels)
        torch.testing.assert_close(batched.bboxes / 160, single.bboxes / 160, atol=1e-5, rtol=0)


def test_released_batches_are_not_their_images():
    model, inputs = detector(preset="published"), images_of(*SIZES)
    together = predictions(model, inputs, [sample(size) for size in SIZES])
    alone = one_by_one(model, inputs, SIZES)
    assert (together[3].scores - alone[3].scores).abs().max() > 1e-3


def test_no_cascade_and_no_objects_is_dense():
    inputs, samples = images_of(*SIZES), [sample(size) for size in SIZES]
    sparse = detector(keep_ratio=1.0, cascade=(1, 1, 1), object_tokens=None)
    dense = detector(selector=None)
    dense.load_state_dict({k: v for k, v in sparse.state_dict().items() if "selector" not in k})
    for one, other in zip(*(predictions(model, inputs, samples) for model in (sparse, dense)), strict=True):
        assert torch.equal(one.scores, other.scores)
        assert torch.equal(one.bboxes, other.bboxes)


@pytest.mark.parametrize("preset", ["published", "fixed"])
def test_a_batch_without_boxes_trains(preset):
    model = detector(preset=preset).train()
    losses = model(images_of(*SIZES[:2]), [sample(size) for size in SIZES[:2]], mode="loss")
    total(losses).backward()
    assert all(torch.isfinite(value) for value in losses.values())
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
    assert model.network.class_heads[0].weight.grad.abs().sum() > 0


KIN = {
    "focus": {},
    "published": {"preset": "published"},
    "salience": {"selector_target": "salience", "background_embedding": True, "level_ratios": (0.4, 0.8, 1.0, 1.0)},
    "sparse": {
        "selector": "joint",
        "selector_target": "decoder_attention",
        "cascade": (1, 1, 1),
        "object_tokens": None,
    },
    "dino": {"selector": None, "object_tokens": None},
    "points": {"selector_target": "points"},
    "plain": {"denoising": None},
    "mindspore": {
        "switches": {
            "modulation": "added",
            "top_alpha_twice": True,
            "object_score": "class_logit",
            "own_class_heads": True,
        },
        "architecture": SMALL | {"levels": 5},
    },
    "varifocal": {"losses": {"class_loss": "varifocal"}},
    "matchability": {"losses": {"class_loss": "matchability"}},
}


@pytest.mark.parametrize("name", KIN)
def test_all_kin_train_all_of_their_weights(name):
    model = detector(**KIN[name]).train()
    samples = [sample(SIZES[0], BOXES, labels=[0, 2]), sample(SIZES[1], BOXES[:1])]
    losses = model(images_of(*SIZES[:2]), samples, mode="loss")
    total(losses).backward()
    assert ("loss_selector" in losses) == (name != "dino")
    assert ("loss_class_dn" in losses) == (name != "plain")
    learning = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    idle = [name for name, parameter in learning.items() if parameter.grad is None]
    assert not idle
    assert torch.isfinite(total(losses))


def test_a_few_steps_learn():
    model, inputs = detector(), images_of((96, 128))
    samples = [sample((96, 128), BOXES, labels=[0, 2])]
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model.train()
    history = []
    for _ in range(30):
        loss = total(model(inputs, samples, mode="loss"))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        history.append(loss.item())
    assert history[-1] < 0.75 * history[0]


def run(seed, **settings):
    model = detector(seed=seed, **settings).train()
    samples = [sample(SIZES[0], BOXES, labels=[0, 2]), sample(SIZES[1], BOXES[:1])]
    torch.manual_seed(seed)
    losses = [total(model(images_of(*SIZES[:2]), samples, mode="loss")) for _ in range(3)]
    losses[-1].backward()
    return torch.stack(losses).detach(), model.network.query_content.weight.grad


def test_one_seed_gives_the_same_bits():
    options = {"keep_ratio_range": (0.1, 1.0)}
    one, again, other = run(0, **options), run(0, **options), run(1, **options)
    assert all(torch.equal(*pair) for pair in zip(one, again, strict=True))
    assert not torch.equal(one[0], other[0])


def test_random_ratios_stay_in_their_range(monkeypatch):
    model, seen = detector(keep_ratio_range=(0.2, 0.4)).train(), []
    plain = model.network.encode
    monkeypatch.setattr(model.network, "encode", lambda *a, **k: seen.append(k["keep_ratio"]) or plain(*a, **k))
    for _ in range(8):
        model(images_of((64, 64)), [sample((64, 64))], mode="loss")
    assert len(set(seen)) == 8
    assert all(0.2 <= ratio <= 0.4 for ratio in seen)


@pytest.mark.parametrize("bounds", [(0, 0.5), (0.6, 0.5), (0.5, 1.2), (0.5,)])
def test_a_range_that_is_none_is_refused(bounds):
    with pytest.raises(UserError, match="keep_ratio_range"):
        detector(keep_ratio_range=bounds)


@pytest.mark.parametrize("preset", ["published", "fixed"])
def test_fewer_tokens_than_queries_and_objects(preset):
    model = detector(preset=preset, num_queries=900, object_tokens=300)
    inputs, samples = images_of((64, 72)), [sample((64, 72), [[5, 5, 40, 40]])]
    assert 0 < len(predictions(model, inputs, samples)[0].scores) <= 300
    assert torch.isfinite(total(model.train()(inputs, samples, mode="loss")))


def test_boxes_are_in_pixels_of_the_file():
    model, inputs = detector(), images_of((96, 128))
    small = predictions(model, inputs, [sample((96, 128))])[0]
    large = predictions(model, inputs, [sample((96, 128), ori_shape=(192, 384))])[0]
    torch.testing.assert_close(large.bboxes, small.bboxes * torch.tensor([3.0, 2.0, 3.0, 2.0]))
    assert (small.scores.diff() <= 0).all()
    assert large.bboxes[:, 2].max() <= 384


def test_without_samples_the_input_is_the_image():
    model, inputs = detector(), images_of((96, 128))
    with_sample, without = (predictions(model, inputs, samples)[0] for samples in ([sample((96, 128))], None))
    assert torch.equal(with_sample.bboxes, without.bboxes)
    logits, boxes = model(inputs)
    assert (logits.shape, boxes.shape) == ((1, 30, 3), (1, 30, 4))
    assert model.extract_features(inputs).shape == (1, 32)


def test_tokens_are_told_on_request():
    model = detector(report_tokens=True).eval()
    samples = [sample(size) for size in SIZES]
    with torch.no_grad():
        found = model(images_of(*SIZES), samples, mode="predict")
    assert all("kept_tokens" in one for one in found)
    counts = [len(tokens) for tokens in found[3].kept_tokens]
    assert counts == sorted(counts, reverse=True)
    assert len(counts) == 3
    valid = sum(math.ceil(70 / 2**level) * math.ceil(90 / 2**level) for level in (3, 4, 5, 6))
    assert counts[0] == int(valid * 0.5) + 1
    assert found[3].token_count == valid
    assert sum(h * w for h, w in found[3].token_shapes) > max(int(tokens.max()) for tokens in found[3].kept_tokens)
    assert not any(
        "kept_tokens" in one for one in detector().eval()(images_of((64, 64)), [sample((64, 64))], "predict")
    )


def test_a_sample_without_boxes_or_with_unknown_classes():
    model = detector()
    with pytest.raises(UserError, match="gt_instances"):
        model(images_of((64, 64)), [DetectionSample(metainfo={"img_shape": (64, 64)})], mode="loss")
    wrong = sample((64, 64), [[5, 5, 40, 40]], labels=[3])
    with pytest.raises(UserError, match=r"from 3 to 3.*num_classes is 3"):
        model(images_of((64, 64)), [wrong], mode="loss")


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"selector": "best"}, "selector"),
        ({"selector_target": "boxes"}, "selector_target"),
        ({"cascade": (1.0, 0.5)}, "cascade"),
        ({"keep_ratio": 0.0}, "keep_ratio"),
        ({"losses": {"class_loss": "hinge"}}, "class_loss"),
        ({"losses": {"l1": 1}}, "LossWeights"),
        ({"architecture": {"channels": 30}}, "channels"),
        ({"architecture": {"levels": 0}}, "levels"),
        ({"preset": "fast"}, "preset"),
        ({"switches": {"turbo": True}}, "switches"),
        ({"switches": {"stale_value": "no"}}, "stale_value='no'; expected True or False"),
        ({"num_classes": 0}, "num_classes=0"),
        ({"num_queries": 0}, "num_queries=0"),
        ({"object_tokens": 0}, "object_tokens=0"),
        ({"max_detections": 0}, "max_detections=0"),
        ({"architecture": {"heads": 0}}, "heads=0"),
    ],
)
def test_settings_that_do_not_exist(wrong, named):
    with pytest.raises(UserError, match=named):
        detector(**wrong)


def test_it_can_be_named_by_string():
    assert MODELS.get("FocusDETR") is type(detector())


def test_its_running_mean_predicts():
    model, inputs = detector(), images_of((96, 128))
    mean = ExponentialMovingAverage(model, momentum=0.5, update_buffers=True)
    mean.update_parameters(model)
    before = predictions(mean.module, inputs, [sample((96, 128))])[0]
    assert torch.equal(before.scores, predictions(model, inputs, [sample((96, 128))])[0].scores)
    for parameter in model.parameters():
        parameter.data.mul_(1.1)
    mean.update_parameters(model)
    after = predictions(mean.module, inputs, [sample((96, 128))])[0]
    assert not torch.equal(after.scores, before.scores)
    assert not torch.equal(after.scores, predictions(model, inputs, [sample((96, 128))])[0].scores)


def test_half_precision_is_finite():
    model = detector().train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = model(images_of((96, 128)), [sample((96, 128), BOXES, labels=[0, 2])], mode="loss")
    total(losses).backward()
    assert all(torch.isfinite(value) for value in losses.values())
    assert losses["loss_class"].dtype == torch.float32


def test_the_example_batch_is_what_its_pipeline_gives():
    model = detector().train()
    batch = model.example_batch(size=(64, 96), count=2, rng=np.random.default_rng(0))
    data = model.data_preprocessor(batch, True)
    assert torch.isfinite(total(model(**data, mode="loss")))
    assert isinstance(batch["data_samples"][0].gt_instances, InstanceData)
