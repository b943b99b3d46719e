"""Loss terms: each gives its function what it should, ramps and presets do what they say, mistakes are explained."""

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from torch import nn

from sparsevision.methods.sparse_seg import (
    SparseSegmentor,
    box_projection,
    downsampled,
    entropy_minimisation,
    feature_guided_loss,
    local_saliency_coherence,
    partial_cross_entropy,
    structure_consistency,
    structure_loss,
    uncertainty_aware_loss,
)
from sparsevision.methods.sparse_seg import moves as moving
from sparsevision.methods.sparse_seg.method import training_progress
from sparsevision.methods.sparse_seg.presets import build_terms
from sparsevision.methods.sparse_seg.terms import (
    BoxProjection,
    DenseCrossEntropy,
    LossTerm,
    PartialCrossEntropy,
    PseudoLabels,
    Step,
)
from sparsevision.methods.sparse_seg.terms_unlabelled import (
    EntropyMinimisation,
    FeatureGuided,
    SaliencyCoherence,
    StructureConsistency,
    UncertaintyAware,
    since,
)
from sparsevision.synthetic.batches import example_batch
from sparsevision.utils import UserError

IGNORE = 9
SIZE = (24, 32)


def step(*, head=0, progress=1.0):
    generator = torch.Generator().manual_seed(0)
    draw = lambda *shape: torch.randn(*shape, generator=generator)  # noqa: E731
    sparse = torch.full((2, *SIZE), IGNORE)
    sparse[:, 3, :5], sparse[:, 9, :5] = 1, 0
    boxes = torch.zeros(2, *SIZE, dtype=torch.int64)
    boxes[:, 2:9, 3:12] = 1
    return Step(
        image=draw(2, 3, *SIZE),
        logits=3 * draw(2, 2, *SIZE),
        head=head,
        labels={
            "sparse_sem_seg": sparse,
            "gt_sem_seg": boxes,
            "box_sem_seg": boxes,
            "pseudo_mask": torch.rand(2, 1, *SIZE, generator=generator),
        },
        features=draw(2, 20, 12, 16),
        progress=progress,
        predict=lambda image: image[:, :2].softmax(1),
        ignore_index=IGNORE,
        foreground_index=1,
    )


def test_foreground_is_the_softmax_of_its_class():
    seen = step()
    torch.testing.assert_close(seen.foreground, seen.probability[:, 1:])
    three = Step(**{**vars(seen), "logits": torch.randn(1, 3, 2, 2)})
    torch.testing.assert_close(three.foreground, three.probability[:, 1:2])


def expected_terms(seen):
    """(term, what it should give at the end of the training)."""
    labels, p, fg = seen.labels, seen.probability, seen.foreground
    smaller = structure_consistency(seen.predict(downsampled(seen.image, 0.5)), downsampled(p, 0.5))
    boxed = box_projection(fg, labels["box_sem_seg"], foreground=1, ignore_index=IGNORE, inside_only=True)
    dense = partial_cross_entropy(seen.logits, labels["gt_sem_seg"], ignore_index=IGNORE)
    sparse = partial_cross_entropy(seen.logits, labels["sparse_sem_seg"], ignore_index=IGNORE, per_class=True)
    pseudo = structure_loss(seen.foreground_logits, labels["pseudo_mask"], kernel=5, drop=(0.3, 0.7))
    return [
        (PartialCrossEntropy(weight=2, per_class=True), 2 * sparse),
        (DenseCrossEntropy(), dense),
        (BoxProjection(weight=3), 3 * boxed),
        (PseudoLabels(kernel=5), pseudo),
        (SaliencyCoherence(), 0.3 * local_saliency_coherence(p, seen.image)),
        (SaliencyCoherence(scale=1, radius=2, weight=1), local_saliency_coherence(p, seen.image, scale=1, radius=2)),
        (StructureConsistency(scale=0.5), smaller),
        (EntropyMinimisation(), 0.05 * entropy_minimisation(p)),
        (UncertaintyAware(weight=0.5), 0.5 * uncertainty_aware_loss(fg)),
        (FeatureGuided(scale=1), 0.3 * feature_guided_loss(fg, seen.features, scale=1)),
    ]


@pytest.mark.parametrize("index", range(10))
def test_a_term_is_its_function_times_its_weight(index):
    term, expected = expected_terms(step())[index]
    torch.testing.assert_close(term(step()), expected)
    assert expected.item() > 0 or isinstance(term, FeatureGuided)


def test_a_mask_along_the_rim_has_the_projections_of_a_box():
    boxes = torch.zeros(1, *SIZE, dtype=torch.int64)
    boxes[:, 2:9, 3:12] = 1
    rim = torch.zeros(1, 1, *SIZE)
    rim[..., 2:9, 0], rim[..., 0, 3:12] = 1, 1
    rim[..., 0, 0] = 0
    names = {"foreground": 1, "ignore_index": IGNORE}
    along_rim = [box_projection(rim, boxes, **names, inside_only=inside).item() for inside in (False, True)]
    assert along_rim[0] < 0.2
    assert along_rim[1] == 2
    assert box_projection(boxes[:, None].double(), boxes, **names, inside_only=True) == 0


def test_late_terms_set_in_late():
    assert UncertaintyAware()(step(progress=0.0)) == 0
    assert UncertaintyAware()(step(progress=0.5)) == pytest.approx(0.5 * UncertaintyAware()(step()).item())
    late = EntropyMinimisation(start=0.5)
    assert late(step(progress=0.4)) == 0 < late(step(progress=0.6)) < late(step(progress=1.0))
    assert FeatureGuided(start=0.5)(step(progress=0.4)) == 0
    assert [since(0.5, t) for t in (0.25, 0.5, 0.75, 1.0)] == [-0.5, 0, 0.5, 1]
    assert since(1.0, 1.0) < 0


def test_released_coherence_sees_the_foreground_alone():
    seen = step()
    expected = 0.3 * local_saliency_coherence(seen.foreground, seen.image)
    torch.testing.assert_close(SaliencyCoherence(foreground_only=True)(seen), expected)
    assert not torch.isclose(SaliencyCoherence()(seen), expected, rtol=1e-6)


def test_released_sigma_voids_the_auxiliary_heads():
    terms = [SaliencyCoherence(compounding_sigma=compounding) for compounding in (True, False)]
    released, meant = ([term(step(head=head)).item() for head in (0, 1)] for term in terms)
    assert released[0] == meant[0] == meant[1]
    assert released[1] < 1e-3 * meant[1]


def test_presets_set_switches_that_were_not_given():
    given = [{"type": PartialCrossEntropy}, {"type": "SaliencyCoherence"}, {"type": PseudoLabels, "weighted": True}]
    published, fixed = (build_terms(given, preset=preset) for preset in ("published", "fixed"))
    assert published[0].options["probabilities_as_logits"]
    assert published[1].compounding_sigma
    assert published[2].options["weighted"], "a switch that was given stands"
    assert build_terms([{"type": PseudoLabels}], preset="published")[0].options["weighted"] is False
    assert not (fixed[0].options["probabilities_as_logits"])
    assert not (fixed[1].compounding_sigma)
    assert "probabilities_as_logits" in repr(published[0])


@pytest.mark.parametrize(
    ("terms", "preset", "words"),
    [
        ([{"type": PartialCrossEntropy}], "publishd", "Did you mean 'published'"),
        ([], "fixed", "at least one loss term"),
        ([PartialCrossEntropy(), {"type": PartialCrossEntropy}], "fixed", "none twice"),
        ([{"type": nn.Identity}], "fixed", "is no loss term"),
    ],
)
def test_wrong_terms_are_explained(terms, preset, words):
    with pytest.raises(UserError, match=words):
        build_terms(terms, preset=preset)


def test_a_term_without_a_formula_says_so():
    with pytest.raises(TypeError, match="value"):
        LossTerm()(step())


def model(terms, **options):
    torch.manual_seed(0)
    head = nn.Conv2d(4, 2, 1)
    settings = {"foreground_index": 1, "preset": "fixed", "auxiliary_heads": [nn.Conv2d(4, 2, 1)] * 2} | options
    return SparseSegmentor(backbone=Features(), decode_head=First(head), terms=terms, **settings)


class Features(nn.Conv2d):
    """A backbone with one feature map."""

    def __init__(self):
        super().__init__(3, 4, 3, padding=1)

    def forward(self, image):
        return (super().forward(image),)


class First(nn.Module):
    """A head that sees the first feature map."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, features):
        return self.inner(features[0])


def test_every_term_in_one_model_gives_gradients():
    auxiliary = [First(nn.Conv2d(4, 2, 1)) for _ in range(2)]
    terms = [term for index, (term, _) in enumerate(expected_terms(step())) if index != 5]
    segmentor = model(terms, auxiliary_heads=auxiliary, auxiliary_weight=(0.8, 0.4))
    data = segmentor.data_preprocessor(
        example_batch(segmentor, size=SIZE, count=2, rng=np.random.default_rng(0)), training=True
    )
    losses = segmentor(**data, mode="loss")
    everywhere = {"partial_ce", "dense_ce", "box_projection", "pseudo", "coherence", "entropy", "uncertainty"}
    names = {f"loss_{name}" for name in everywhere | {"consistency", "feature_guided"}}
    names |= {f"loss_aux{head}_{name}" for head in (0, 1) for name in everywhere}
    assert set(losses) == names | {"labelled_accuracy"}
    total, _ = segmentor.parse_losses(losses)
    total.backward()
    assert all(torch.isfinite(p.grad).all() and p.grad.any() for p in segmentor.parameters())


def test_missing_labels_and_weights_are_explained():
    segmentor = model([BoxProjection()], auxiliary_heads=())
    batch = example_batch(segmentor, size=SIZE, count=2, rng=np.random.default_rng(0))
    del batch["data_samples"][1].box_sem_seg
    data = segmentor.data_preprocessor(batch, training=True)
    with pytest.raises(UserError, match="BoxProjection needs `box_sem_seg` of every sample: put LoadSparseLabels"):
        segmentor(**data, mode="loss")
    with pytest.raises(UserError, match="set foreground_index"):
        model([BoxProjection()], foreground_index=None)
    with pytest.raises(UserError, match="1 weights for 2 auxiliary heads"):
        model([PartialCrossEntropy()], auxiliary_weight=[0.5])


def test_progress_is_read_from_the_running_training():
    hub = MessageHub.get_current_instance()
    before = dict(hub.runtime_info)
    try:
        hub.runtime_info.clear()
        assert training_progress() == 0
        hub.update_info("max_iters", 8)
        hub.update_info("iter", 2)
        assert training_progress() == 0.25
    finally:
        hub.runtime_info.clear()
        hub.runtime_info.update(before)


def test_moves_take_the_mask_along():
    image = torch.arange(20.0).view(1, 1, 4, 5)
    assert moving.mirrored(image)[0, 0, 0].tolist() == [4, 3, 2, 1, 0]
    large = torch.arange(400.0).view(1, 1, 20, 20)
    right_and_up = moving.shifted(large, across=1, down=-1)  # by 3 columns and 3 rows
    assert torch.equal(right_and_up[..., :17, 3:], large[..., 3:, :17])
    assert torch.equal(right_and_up[..., 19, 3:], large[..., 19, :17])
    assert torch.equal(right_and_up[..., :17, 0], large[..., 3:, 0])
    corner = moving.cropped(large, across=0, down=1)
    assert corner[0, 0, 0, 0] == large[0, 0, 6, 0]
    assert corner[0, 0, -1, -1] == large[0, 0, 19, 13]


def test_random_moves_are_seeded_and_of_every_kind():
    maps = torch.rand(1, 2, 20, 20)
    moved = [moving.random_move(generator=torch.Generator().manual_seed(seed))(maps) for seed in range(20)]
    again = [moving.random_move(generator=torch.Generator().manual_seed(seed))(maps) for seed in range(20)]
    assert all(map(torch.equal, moved, again))
    mirrored = sum(torch.equal(each, maps.flip(3)) for each in moved)
    shifted = sum(
        torch.equal(each[..., 0], each[..., 1]) or torch.equal(each[..., -1], each[..., -2]) for each in moved
    )
    assert mirrored > 0
    assert shifted > 0
    assert mirrored + shifted < 20


def test_consistency_moves_image_and_prediction_alike():
    """A network that only reads colours moves with its image: nothing to correct, whatever the move."""
    seen = step()
    colours = Step(**{**vars(seen), "logits": seen.image[:, :2]})
    term = StructureConsistency(scale=1.0, moves=True, weights=(1.3, 0.7))
    for seed in range(6):
        torch.manual_seed(seed)
        inside = term(Step(**{**vars(colours), "predict": lambda image: image[:, :2].softmax(1)}))
        assert inside < 0.2
        torch.manual_seed(seed)
        assert term(Step(**{**vars(colours), "predict": lambda image: image[:, 1:].softmax(1)})) > inside
