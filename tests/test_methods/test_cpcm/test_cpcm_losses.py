"""The terms of CPCM against numbers of the released functions, and where they are silent."""

import pytest
import torch
import torch.nn.functional as F
from closeness import assert_relatively_near

from sparsevision.methods.cpcm import CPCMWeights, Matches, cpcm_losses, js_divergence, supervised_loss
from sparsevision.methods.cpcm.losses import consistency_loss, every_sample_matched, flat_rows

CASES = ("js0", "js1", "js2")


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    ("dtype", "field", "tolerance"), [("float64", "value", 1e-6), ("float32", "value_float32", 1e-5)]
)
def test_golden_js(golden, case, dtype, field, tolerance):
    a, b = (torch.from_numpy(golden["losses"][f"{case}_{side}"]).to(getattr(torch, dtype)) for side in "ab")
    value = js_divergence(a, b)
    assert value.shape == ()
    assert_relatively_near(value, golden["numbers"]["js"][case][field], within=tolerance)


@pytest.mark.parametrize("case", CASES)
def test_golden_js_gradient(golden, case):
    a, b = (torch.from_numpy(golden["losses"][f"{case}_{side}"]).double() for side in "ab")
    b.requires_grad_()
    js_divergence(a, b).backward()
    assert_relatively_near(b.grad, golden["losses"][f"{case}_grad_b"], within=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_golden_js_of_the_older_release(golden, case):
    a, b = (torch.from_numpy(golden["losses"][f"{case}_{side}"]).double() for side in "ab")
    older = js_divergence(a, b, mean_over_classes=True)
    assert_relatively_near(older, golden["numbers"]["js"][case]["value_mean_over_classes"], within=1e-6)


@pytest.mark.parametrize("classes", [13, 19, 20])
def test_equal_sides_are_slightly_negative(golden, classes):
    flat = torch.zeros(5, classes, dtype=torch.float64)
    assert_relatively_near(
        js_divergence(flat, flat), golden["numbers"]["js"]["identical_uniform"][str(classes)], within=1e-6
    )


def test_js_is_symmetric_and_at_most_two_log_two():
    a = torch.tensor([[60.0, 0.0, 0.0]], dtype=torch.float64)
    b = torch.tensor([[0.0, 60.0, 0.0]], dtype=torch.float64)
    assert js_divergence(a, b) == js_divergence(b, a)
    assert float(js_divergence(a, b, eps=1e-12)) == pytest.approx(1.3862943611, abs=1e-6)


def test_js_of_no_rows_is_zero_with_a_gradient():
    a = torch.zeros(0, 4, requires_grad=True)
    value = js_divergence(a, a)
    value.backward()
    assert value.item() == 0
    assert a.grad.shape == (0, 4)


def test_js_refuses_to_compare_one_row_with_many():
    with pytest.raises(ValueError, match=r"\(1, 4\) and \(3, 4\)"):
        js_divergence(torch.zeros(1, 4), torch.zeros(3, 4))


def test_rows_within_samples_become_rows_of_the_batch():
    samples = torch.tensor([0, 0, 0, 1, 1, 3])
    pairs = torch.tensor([[0, 2], [1, 0], [3, 0], [1, 1]])
    assert flat_rows(samples, pairs).tolist() == [2, 3, 5, 4]


def test_rows_are_found_in_any_order_of_the_batch():
    samples = torch.tensor([1, 0, 1, 0])
    assert flat_rows(samples, torch.tensor([[0, 0], [0, 1], [1, 1]])).tolist() == [1, 3, 2]
    assert flat_rows(samples, torch.zeros(0, 2, dtype=torch.int64)).tolist() == []


@pytest.mark.parametrize("pair", [[0, 2], [1, 0], [0, -1], [-1, 0], [5, 0]])
def test_a_row_that_the_sample_lacks(pair):
    with pytest.raises(ValueError, match="row"):
        flat_rows(torch.tensor([0, 0, 2]), torch.tensor([[0, 0], pair]))


@pytest.fixture
def step(golden):
    """Everything of the golden step in float64, logits with gradient."""
    arrays = {name: torch.from_numpy(array) for name, array in golden["losses"].items()}
    facts = golden["numbers"]["step"]
    logits = [arrays[name].double().requires_grad_() for name in ("logits1", "logits2", "logits_masked")]
    ramp = dict(golden["numbers"]["ramp"][str(facts["warmup"])])[facts["epoch"]]
    return {
        "logits": tuple(logits),
        "labels": (arrays["labels1"], arrays["labels2"]),
        "matches": Matches(*(arrays[name] for name in ("batch1", "batch2", "correspondence1", "correspondence2"))),
        "weights": CPCMWeights(ramp * facts["weight_consistency"], ramp * facts["weight_mask"]),
        "ignore_index": 255,
    }


NAMES = {
    "loss_seg": "segmentation",
    "loss_consistency": "consistency",
    "loss_mask_corresponding": "mask_corresponding",
    "loss_mask_self": "mask_self",
}


@pytest.mark.parametrize("preset", ["published", "fixed"])
def test_golden_step(golden, step, preset):
    facts = golden["numbers"]["step"]
    losses = cpcm_losses(**step, preset=preset)
    assert list(losses) == list(NAMES)
    consistency, mask = step["weights"]
    for name, weight in zip(NAMES, (1, consistency, mask, mask), strict=True):
        assert_relatively_near(losses[name], weight * facts[NAMES[name]], within=1e-8)
    total = sum(losses.values())
    assert_relatively_near(total, facts["total"], within=1e-8)
    total.backward()
    for logits, name in zip(step["logits"], ("grad1", "grad2", "grad_masked"), strict=True):
        assert_relatively_near(logits.grad, golden["losses"][name], within=1e-8)


def test_mask_terms_leave_their_targets_alone(step):
    losses = cpcm_losses(**step, preset="published")
    (losses["loss_mask_corresponding"] + losses["loss_mask_self"]).backward()
    first, second, masked = (logits.grad for logits in step["logits"])
    assert first is None
    assert second is None
    assert masked.abs().sum() > 0


def test_consistency_moves_both_views(step):
    cpcm_losses(**step, preset="published")["loss_consistency"].backward()
    assert all(logits.grad.abs().sum() > 0 for logits in step["logits"][:2])


def without_sample(step, sample):
    matches = step["matches"]
    keep = matches.pairs1[:, 0] != sample
    return step | {"matches": matches._replace(pairs1=matches.pairs1[keep], pairs2=matches.pairs2[keep])}


def test_one_sample_without_matches_silences_the_published_terms(step):
    losses = cpcm_losses(**without_sample(step, 0), preset="published")
    assert losses["loss_seg"].item() > 0
    assert [losses[name].item() for name in list(NAMES)[1:]] == [0, 0, 0]
    sum(losses.values()).backward()
    assert step["logits"][2].grad.abs().sum() == 0


def test_fixed_keeps_what_the_other_samples_say(step):
    cut = without_sample(step, 0)
    losses = cpcm_losses(**cut, preset="fixed")
    rows1, rows2 = (
        flat_rows(samples, pairs) for samples, pairs in zip(cut["matches"][:2], cut["matches"][2:], strict=True)
    )
    first, second, masked = step["logits"]
    consistency, mask = step["weights"]
    assert torch.equal(losses["loss_consistency"], consistency * js_divergence(first[rows1], second[rows2]))
    assert torch.equal(losses["loss_mask_corresponding"], mask * js_divergence(first[rows1], masked[rows2]))
    assert torch.equal(losses["loss_mask_self"], mask * js_divergence(second, masked))


def test_fixed_keeps_the_self_term_without_any_match(step):
    none = torch.zeros(0, 2, dtype=torch.int64)
    losses = cpcm_losses(**step | {"matches": step["matches"]._replace(pairs1=none, pairs2=none)}, preset="fixed")
    assert losses["loss_consistency"].item() == losses["loss_mask_corresponding"].item() == 0
    assert losses["loss_mask_self"].item() > 0
    assert all(torch.isfinite(value) for value in losses.values())


def test_a_sample_counts_as_matched_by_the_samples_that_are_there():
    pairs = torch.tensor([[0, 0], [2, 0]])
    assert every_sample_matched(torch.tensor([0, 2]), torch.tensor([0, 2]), pairs)
    assert not every_sample_matched(torch.tensor([0, 2]), torch.tensor([0, 1, 2]), pairs)


@pytest.mark.parametrize("preset", ["published", "fixed"])
@pytest.mark.parametrize("which", [(0,), (1,), (0, 1)])
def test_no_labels_no_nan(step, preset, which):
    labels = tuple(torch.full_like(part, 255) if view in which else part for view, part in enumerate(step["labels"]))
    losses = cpcm_losses(**step | {"labels": labels}, preset=preset)
    sum(losses.values()).backward()
    assert all(torch.isfinite(value) for value in losses.values())
    assert all(torch.isfinite(logits.grad).all() for logits in step["logits"])
    if len(which) == 2:
        assert losses["loss_seg"].item() == 0


def test_supervised_loss_sums_the_means_of_both_views(step):
    first, second = step["logits"][:2]
    labels1, labels2 = step["labels"]
    ours = supervised_loss((first, second), (labels1, labels2), ignore_index=255)
    theirs = F.cross_entropy(first, labels1, ignore_index=255) + F.cross_entropy(second, labels2, ignore_index=255)
    assert_relatively_near(ours, theirs.detach(), within=1e-12)


def test_terms_without_weight_are_left_out(step):
    """The baseline makes no masked forward at all; ScanNet's CPCM has no consistency term."""
    first, second, _ = step["logits"]
    baseline = cpcm_losses(**step | {"logits": (first, second, None), "weights": CPCMWeights(0.0, 0.0)})
    assert list(baseline) == ["loss_seg"]
    scannet = cpcm_losses(**step | {"weights": CPCMWeights(0.0, 5.0)})
    assert list(scannet) == ["loss_seg", "loss_mask_corresponding", "loss_mask_self"]


def test_a_mask_weight_needs_the_masked_forward(step):
    with pytest.raises(ValueError, match="masked"):
        cpcm_losses(**step | {"logits": (*step["logits"][:2], None)})


def test_another_preset(step):
    with pytest.raises(ValueError, match="paper"):
        cpcm_losses(**step, preset="paper")


def test_rows_with_many_matches_get_the_same_gradient_again_with_two_threads(threads):
    generator = torch.Generator().manual_seed(0)
    views = [torch.randn(500, 13, generator=generator, requires_grad=True) for _ in range(2)]
    rows = torch.randint(0, 500, (60_000,), generator=generator)
    threads(2)
    terms = [consistency_loss(*views, (rows, rows.flip(0))) for _ in range(5)]
    first, *others = [torch.autograd.grad(term, views) for term in terms]
    assert all(torch.equal(a, b) for other in others for a, b in zip(first, other, strict=True))
