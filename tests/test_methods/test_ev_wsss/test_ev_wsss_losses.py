"""The terms one by one, where the preset matters."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from sparsevision.methods.ev_wsss import EVWSSS
from sparsevision.methods.ev_wsss.losses import (
    confidences,
    cross_pseudo_loss,
    feature_distillation,
    partial_cross_entropy,
    present_classes,
    prototype_contrast,
    pseudo_labels,
)
from sparsevision.methods.ev_wsss.terms import PRESETS, Guess, View, dual_loss
from sparsevision.utils import UserError
from sparsevision.utils.settings import switches_of_preset

IGNORE = 255


def logits(seed=0, classes=3, batch=2, side=8):
    return torch.randn(batch, classes, side, side, generator=torch.Generator().manual_seed(seed))


def clicks(batch=2, side=8):
    labels = torch.full((batch, side, side), IGNORE)
    labels[:, 1, 1], labels[:, 5, 6] = 0, 2
    return labels


def test_partial_cross_entropy_without_a_label():
    nothing = torch.full((2, 8, 8), IGNORE)
    assert torch.isnan(partial_cross_entropy(logits(), nothing, ignore_index=IGNORE, guard=False))
    assert partial_cross_entropy(logits(), nothing, ignore_index=IGNORE) == 0
    expected = F.cross_entropy(logits(), clicks(), ignore_index=IGNORE)
    torch.testing.assert_close(partial_cross_entropy(logits(), clicks(), ignore_index=IGNORE), expected)


def test_a_balanced_loss_is_the_mean_of_the_means_of_the_classes_of_each_image():
    labels = torch.full((2, 8, 8), IGNORE)
    labels[0, :6], labels[0, 6, 0], labels[1, 2] = 0, 2, 1
    each = F.cross_entropy(logits(), labels, ignore_index=IGNORE, reduction="none")
    expected = (each[0, :6].mean() + each[0, 6, 0] + each[1, 2].mean()) / 3
    torch.testing.assert_close(partial_cross_entropy(logits(), labels, ignore_index=IGNORE, balanced=True), expected)
    plain = partial_cross_entropy(logits(), clicks(), ignore_index=IGNORE)
    torch.testing.assert_close(partial_cross_entropy(logits(), clicks(), ignore_index=IGNORE, balanced=True), plain)
    nothing = torch.full((2, 8, 8), IGNORE)
    assert partial_cross_entropy(logits(), nothing, ignore_index=IGNORE, balanced=True) == 0


def test_present_classes_and_the_released_mistake():
    labels = clicks()
    labels[1] = 1
    labels[1, 0, 0] = 2
    right = present_classes(labels, num_classes=3, ignore_index=IGNORE)
    assert right.tolist() == [[True, False, True], [False, True, True]]
    released = present_classes(labels, num_classes=3, ignore_index=IGNORE, drop_largest=True)
    assert released.tolist() == [[True, False, True], [False, True, False]]


def test_confidences_of_both_presets():
    present = torch.tensor([[True, False, True], [False, False, False]])
    released = confidences(logits(), present, released=True)
    torch.testing.assert_close(released[0, 0], logits().relu().softmax(1)[0, 0])
    assert not released[0, 1].any()
    assert not released[1].any()
    fixed = confidences(logits(), present, released=False)
    torch.testing.assert_close(fixed[0].sum(0), torch.ones(8, 8))
    torch.testing.assert_close(fixed[0, 0], logits()[0, [0, 2]].softmax(0)[0])
    assert not fixed[1].any()


def test_pseudo_labels_are_confident_ones():
    confidence = torch.tensor([0.6, 0.3]).view(1, 2, 1, 1).repeat(1, 1, 1, 2)
    confidence[..., 1] = 0.4
    assert pseudo_labels(confidence, threshold=0.5, ignore_index=IGNORE).tolist() == [[[0, IGNORE]]]


def test_an_image_without_pseudo_labels():
    targets = clicks()
    targets[1] = IGNORE
    both = (targets, clicks())
    pair = (logits(0).requires_grad_(), logits(1).requires_grad_())
    assert cross_pseudo_loss(pair, both, ignore_index=IGNORE, all_or_none=True) == 0
    fixed = cross_pseudo_loss(pair, both, ignore_index=IGNORE, all_or_none=False)
    expected = F.cross_entropy(pair[0], targets, ignore_index=IGNORE) + F.cross_entropy(
        pair[1], clicks(), ignore_index=IGNORE
    )
    torch.testing.assert_close(fixed, expected)


def test_the_guard_of_the_dual_term_matters_where_nothing_else_switches_it_off():
    pair, targets = (logits(0), logits(1)), (torch.full_like(clicks(), IGNORE), clicks())
    values = {
        (all_or_none, guard): cross_pseudo_loss(
            pair, targets, ignore_index=IGNORE, all_or_none=all_or_none, guard=guard
        )
        for all_or_none in (False, True)
        for guard in (False, True)
    }
    assert torch.isnan(values.pop((False, False)))
    assert values.pop((False, True)) == F.cross_entropy(pair[1], clicks(), ignore_index=IGNORE)
    assert all(value == 0 for value in values.values())
    views = [View(None, part, {}, None) for part in pair]
    guesses = [Guess(part, labels) for part, labels in zip(pair, targets[::-1], strict=True)]
    for guard in (False, True):
        switches = switches_of_preset(PRESETS, "published", {"all_or_none": False, "guard": guard})
        loss = dual_loss(views, guesses, ignore_index=IGNORE, switches=switches, balanced=False)
        assert torch.isnan(loss).item() is not guard


def test_contrast_leaves_out_classes_that_are_not_ready():
    ready, targets = torch.tensor([True, False, True]), clicks()
    targets[0, 3] = 1
    cosines = logits().clamp(-1, 1)
    options = {"temperature": 0.1, "ignore_index": IGNORE}
    ours = prototype_contrast(cosines, targets, ready=ready, **options)
    two = cosines[:, [0, 2]] / 0.1
    mapped = torch.full_like(targets, IGNORE).masked_fill(targets == 0, 0).masked_fill(targets == 2, 1)
    torch.testing.assert_close(ours, F.cross_entropy(two, mapped, ignore_index=IGNORE))
    everything = prototype_contrast(cosines, targets, ready=None, **options)
    torch.testing.assert_close(everything, F.cross_entropy(cosines / 0.1, targets, ignore_index=IGNORE))


def test_distillation_moves_one_side():
    mine, other = logits(0).requires_grad_(), logits(1).requires_grad_()
    feature_distillation(mine, other).backward()
    assert mine.grad.abs().sum() > 0
    assert other.grad is None


def test_switches_are_named():
    assert switches_of_preset(PRESETS, "published", {"guard": True}).guard
    with pytest.raises(UserError, match="preset='best'; expected one of published, fixed"):
        switches_of_preset(PRESETS, "best")
    with pytest.raises(UserError, match=r"expected some of .*released_confidence"):
        switches_of_preset(PRESETS, "fixed", {"gard": True})
    assert PRESETS["published"] != PRESETS["fixed"]


def model(**options):
    torch.manual_seed(0)
    return EVWSSS(num_classes=3, bins=2, base_channels=4, num_blocks=1, **options)


def batch(*, seed=0):
    generator = torch.Generator().manual_seed(seed)
    inputs = {name: torch.randn(2, 4, 16, 16, generator=generator) for name in ("events", "events_reversed")}
    labels = torch.full((2, 1, 16, 16), IGNORE)
    labels[:, 0, 2, 2], labels[:, 0, 12, 12] = 0, 1
    return inputs, [SegDataSample(sparse_sem_seg=PixelData(data=label)) for label in labels]


def test_without_terms_there_is_one_student_and_the_future_is_not_read():
    alone = model(dual=None, prototypes=None, distillation=None)
    inputs, samples = batch()
    del inputs["events_reversed"]
    assert set(alone(inputs, samples, mode="loss")) == {"loss_points_a"}
    assert len(alone.students) == 1


def test_missing_stream_and_labels_are_said():
    inputs, samples = batch()
    with pytest.raises(UserError, match=r"inputs\['events_reversed'\]"):
        model()({"events": inputs["events"]}, samples, mode="loss")
    with pytest.raises(UserError, match="learns from `sparse_sem_seg`"):
        model()(inputs, [SegDataSample() for _ in samples], mode="loss")
    with pytest.raises(UserError, match=r"Dual: .* expected some of weight, threshold, from_epoch"):
        model(dual={"treshold": 0.5})


def test_labels_and_settings_that_do_not_fit_are_said():
    inputs, samples = batch()
    samples[1].sparse_sem_seg.data[0, 0, 0] = 7
    with pytest.raises(UserError, match=r"hold class 7, but model\.num_classes is 3"):
        model()(inputs, samples, mode="loss")
    with pytest.raises(UserError, match=r"scales=\(2, 16\); expected some of \(2, 4, 8\)"):
        model(distillation={"scales": (2, 16)})
    with pytest.raises(UserError, match="length=10; expected more places than min_count=10"):
        model(prototypes={"length": 10})


def test_the_released_mean_over_no_pixel_stops_the_training():
    inputs, samples = batch()
    for sample in samples:
        sample.sparse_sem_seg.data[:] = IGNORE
    with pytest.raises(UserError, match=r"loss_points_a, loss_points_b: NaN.*\+model\.switches\.guard=True"):
        model()(inputs, samples, mode="loss")
    assert model(switches={"guard": True})(inputs, samples, mode="loss")["loss_points_a"] == 0


@pytest.mark.parametrize("preset", ["published", "fixed"])
def test_prototypes_of_an_untrained_model_do_not_disturb(preset):
    trained = model(preset=preset, prototypes={"from_epoch": 0}, distillation={"from_epoch": 0}).train()
    losses = trained(*batch(), mode="loss")
    total, _ = trained.parse_losses(losses)
    assert torch.isfinite(total)
    assert ("loss_prototypes_a" in losses) == (preset == "fixed")


def test_both_students_may_answer_together():
    inputs, _ = batch()
    fused = model(fuse=True).eval()
    with torch.no_grad():
        one = fused._scores({"events": inputs["events"]})
        both = fused._scores(inputs)
        expected = sum(
            student(inputs[name])[0].softmax(1) for student, name in zip(fused.students, inputs, strict=True)
        )
    torch.testing.assert_close(both, expected / 2)
    assert one.shape == both.shape


def test_the_answer_has_the_size_of_the_label():
    sample = SegDataSample(metainfo={"img_shape": (14, 16), "ori_shape": (28, 30)})
    answered = model().eval().predict({"events": batch()[0]["events"][:1]}, [sample])
    assert answered[0].pred_sem_seg.data.shape == (1, 28, 30)
