"""SparseSegmentor: the loss equals its formula, forward keeps the contract, two steps run, mistakes are explained."""

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.models.backbones import ResNetV1c
from mmseg.models.decode_heads import FCNHead
from mmseg.structures import SegDataSample
from torch import nn

from sparsevision.datasets.transforms import PackImageInputs
from sparsevision.methods.sparse_seg import (
    AverageMasks,
    EncoderDecoder,
    SparseSegmentor,
    losses,
    partial_cross_entropy,
)
from sparsevision.methods.sparse_seg.method import labelled_accuracy
from sparsevision.methods.sparse_seg.terms import PartialCrossEntropy
from sparsevision.utils import UserError

IGNORE = 7


def plain_partial_cross_entropy(logits, labels, per_class):
    """One pixel after the other, in float64."""
    by_class: dict[int, list] = {}
    for image, row, column in np.ndindex(*labels.shape):
        label = int(labels[image, row, column])
        if label != IGNORE:
            scores = logits[image, :, row, column].double()
            by_class.setdefault(label, []).append(torch.logsumexp(scores, 0) - scores[label])
    if per_class:
        return sum(torch.stack(terms).mean() for terms in by_class.values())
    return torch.stack([term for terms in by_class.values() for term in terms]).mean()


@pytest.mark.parametrize("per_class", [False, True])
def test_partial_cross_entropy_equals_the_plain_formula(per_class):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 4, 5, generator=generator)
    labels = torch.randint(0, 3, (2, 4, 5), generator=generator)
    labels[torch.rand(2, 4, 5, generator=generator) < 0.6] = IGNORE
    loss = partial_cross_entropy(logits, labels, ignore_index=IGNORE, per_class=per_class)
    assert loss.item() == pytest.approx(plain_partial_cross_entropy(logits, labels, per_class).item(), abs=1e-6)


def test_class_shares_weigh_the_averages_of_the_classes():
    logits, labels = torch.randn(1, 2, 2, 2), torch.tensor([[[0, 0], [1, IGNORE]]])
    nll = -logits.log_softmax(1)[0]
    expected = 0.9 * (nll[0, 0, 0] + nll[0, 0, 1]) / 2 + 0.1 * nll[1, 1, 0]
    loss = partial_cross_entropy(logits, labels, ignore_index=IGNORE, class_share=(9, 1))
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize("share", [(1,), (1, 0), (1, -1)])
def test_shares_are_one_positive_number_for_each_class(share):
    with pytest.raises(ValueError, match="class_share must be 2 positive numbers"):
        partial_cross_entropy(torch.zeros(1, 2, 2, 2), torch.zeros(1, 2, 2), ignore_index=IGNORE, class_share=share)


@pytest.mark.parametrize("per_class", [False, True])
def test_gradient(per_class):
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(1, 2, 2, 3, dtype=torch.float64, generator=generator, requires_grad=True)
    labels = torch.tensor([[[0, 1, IGNORE], [1, 1, IGNORE]]])
    loss = partial_cross_entropy(logits, labels, ignore_index=IGNORE, per_class=per_class)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert (gradient[..., 2] == 0).all()
    shift = torch.zeros_like(logits)
    shift[0, 0, 1, 0] = 1e-3
    ahead, behind = (
        plain_partial_cross_entropy((logits + sign * shift).detach(), labels, per_class) for sign in (1, -1)
    )
    assert gradient[0, 0, 1, 0].item() == pytest.approx(((ahead - behind) / 2e-3).item(), abs=1e-6)


@pytest.mark.parametrize("per_class", [False, True])
def test_no_labels_give_zero_with_a_gradient(per_class):
    logits = torch.randn(1, 2, 3, 3, requires_grad=True)
    loss = partial_cross_entropy(logits, torch.full((1, 3, 3), IGNORE), ignore_index=IGNORE, per_class=per_class)
    loss.backward()
    assert loss.item() == 0
    assert (logits.grad == 0).all()


@pytest.mark.parametrize("per_class", [False, True])
def test_two_processes_average_to_one_with_both_batches(per_class, monkeypatch):
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(4, 2, 3, 3, generator=generator, requires_grad=True)
    labels = torch.randint(0, 2, (4, 3, 3), generator=generator)
    labels[0], labels[2:, 1:] = IGNORE, IGNORE
    whole = partial_cross_entropy(logits, labels, ignore_index=IGNORE, per_class=per_class)
    groups = [labels == 0, labels == 1] if per_class else [labels != IGNORE]
    mean_count = torch.stack([group.sum() / 2 for group in groups])
    monkeypatch.setattr(losses, "global_count", lambda count: mean_count)
    ranks = [
        partial_cross_entropy(logits[half], labels[half], ignore_index=IGNORE, per_class=per_class)
        for half in (slice(0, 2), slice(2, 4))
    ]
    assert sum(ranks).item() / 2 == pytest.approx(whole.item(), abs=1e-6)


def test_shapes_are_checked():
    with pytest.raises(ValueError, match="expected logits"):
        partial_cross_entropy(torch.zeros(1, 2, 3, 3), torch.zeros(1, 4, 3), ignore_index=IGNORE)


def test_labelled_accuracy():
    logits = torch.tensor([[[[1.0, 0.0, 0.0]], [[0.0, 1.0, 1.0]]]])
    assert labelled_accuracy(logits, torch.tensor([[[0, 0, IGNORE]]]), ignore_index=IGNORE) == 0.5
    assert labelled_accuracy(logits, torch.full((1, 1, 3), IGNORE), ignore_index=IGNORE) == 0


def head(**kwargs):
    settings = {
        "in_channels": 32,
        "channels": 8,
        "num_convs": 1,
        "num_classes": 2,
        "norm_cfg": None,
        "dropout_ratio": 0.0,
    }
    return dict(type=FCNHead, in_index=1, **settings, **kwargs)


def segmentor(**kwargs):
    torch.manual_seed(0)
    backbone = {
        "type": ResNetV1c,
        "depth": 18,
        "base_channels": 16,
        "stem_channels": 16,
        "num_stages": 2,
        "strides": (1, 2),
        "dilations": (1, 1),
        "out_indices": (0, 1),
        "norm_cfg": {"type": nn.GroupNorm, "num_groups": 4},
    }
    model = SparseSegmentor(backbone=backbone, decode_head=head(), ignore_index=IGNORE, **kwargs)
    model.init_weights()
    return model


def batch(sizes=((32, 40), (24, 32)), labelled=True):
    """What a loader gives: images of several sizes, each with one labelled pixel per class."""
    rng = np.random.default_rng(0)
    packed = []
    for index, (height, width) in enumerate(sizes):
        sparse = np.full((height, width), IGNORE)
        if labelled:
            sparse[3, 4], sparse[10, 12] = 1, 0
        results = {
            "img": rng.integers(0, 256, (height, width, 3), dtype=np.uint8),
            "sparse_sem_seg": sparse,
            "ori_shape": (height * 2, width * 2),
            "img_shape": (height, width),
            "sample_id": str(index),
        }
        packed.append(PackImageInputs()(results))
    return {
        "inputs": {"image": [item["inputs"]["image"] for item in packed]},
        "data_samples": [item["data_samples"] for item in packed],
    }


def run(model, mode, data=None):
    return model(**model.data_preprocessor(data or batch(), training=mode == "loss"), mode=mode)


def test_modes():
    model = segmentor(foreground_index=1)
    assert run(model, "tensor").shape == (2, 2, 4, 5)
    losses = run(model, "loss")
    assert set(losses) == {"loss_partial_ce", "labelled_accuracy"}
    with pytest.raises(ValueError, match="mode='train'"):
        run(model, "train")


@torch.no_grad()
def test_predictions_have_the_original_size():
    for sample in run(segmentor(foreground_index=1).eval(), "predict"):
        assert sample.pred_mask.data.shape == (1, *sample.ori_shape)
        assert 0 <= sample.pred_mask.data.min() <= sample.pred_mask.data.max() <= 1
        assert "pred_sem_seg" not in sample
    for sample in run(segmentor().eval(), "predict"):
        assert sample.pred_sem_seg.data.shape == (1, *sample.ori_shape)
        assert sample.pred_sem_seg.data.unique().tolist() in ([0], [1], [0, 1])
        assert "pred_mask" not in sample


@torch.no_grad()
def test_padding_is_cut_off_before_the_prediction_is_enlarged():
    model = segmentor(foreground_index=1).eval()
    scores = torch.zeros(2, 8, 8)
    scores[1, :4, :6] = 3.0
    sample = SegDataSample(metainfo={"img_shape": (4, 6), "ori_shape": (8, 12)})
    model._add_prediction(sample, scores)
    assert torch.allclose(sample.pred_mask.data, torch.sigmoid(torch.tensor(3.0)))


@torch.no_grad()
def test_prediction_without_samples():
    (sample,) = segmentor(foreground_index=1).eval().predict({"image": torch.zeros(1, 3, 24, 32)})
    assert sample.pred_mask.data.shape == (1, 24, 32)


def test_auxiliary_heads_add_their_weighted_loss():
    model = segmentor(auxiliary_heads=[head()], auxiliary_weight=0.25)
    model.network.auxiliary_heads[0].load_state_dict(model.network.decode_head.state_dict())
    losses = run(model, "loss")
    assert losses["loss_aux0_partial_ce"].item() == pytest.approx(0.25 * losses["loss_partial_ce"].item())


def test_a_batch_without_labels_trains_nothing_and_breaks_nothing():
    model = segmentor()
    total, _ = model.parse_losses(run(model, "loss", batch(labelled=False)))
    total.backward()
    assert total.item() == 0
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_two_steps_lower_the_loss():
    model = segmentor(terms=[PartialCrossEntropy(per_class=True)])
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    values = []
    for _ in range(3):
        total, _ = model.parse_losses(run(model, "loss"))
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        values.append(total.item())
    assert values[2] < values[0]


def test_built_modules_are_taken_as_they_are():
    backbone, decode_head = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 3, 1)
    model = SparseSegmentor(backbone=backbone, decode_head=decode_head)
    assert model.network.backbone is backbone
    assert run(model, "tensor").shape == (2, 3, 32, 40)


def test_the_network_passes_through_its_neck():
    network = EncoderDecoder(backbone=nn.Identity(), neck=nn.Conv2d(3, 5, 1), decode_head=nn.Conv2d(5, 2, 1))
    assert network(torch.zeros(1, 3, 4, 4)).shape == (1, 2, 4, 4)


def test_mistakes_are_explained():
    single = {**head(), "out_channels": 1, "threshold": 0.3}
    with pytest.raises(UserError, match="leave out_channels away"):
        SparseSegmentor(backbone=nn.Identity(), decode_head=single)
    with pytest.raises(UserError, match="foreground_index=2"):
        SparseSegmentor(backbone=nn.Identity(), decode_head=head(), foreground_index=2)


def test_dense_truth_that_no_term_needs_may_have_the_original_sizes():
    data = batch()
    for sample in data["data_samples"]:
        sample.gt_sem_seg = PixelData(data=torch.zeros((1, *sample.ori_shape), dtype=torch.long))
    assert run(segmentor(), "loss", data)["loss_partial_ce"] > 0


def test_padded_labels_are_ignored():
    model = segmentor()
    data = model.data_preprocessor(batch(), training=True)
    assert [int((sample.sparse_sem_seg.data != IGNORE).sum()) for sample in data["data_samples"]] == [2, 2]
    assert all(isinstance(sample.sparse_sem_seg, PixelData) for sample in data["data_samples"])


def test_views_are_mirrored_back_and_averaged():
    def view(values, flip):
        sample = SegDataSample(metainfo={"flip": flip})
        sample.pred_mask = PixelData(data=torch.tensor([[values]]))
        return sample

    tta = AverageMasks(module=segmentor(foreground_index=1))
    (merged,) = tta.merge_preds([[view([0.0, 1.0], False), view([0.5, 0.0], True)]])
    assert merged.pred_mask.data.tolist() == [[[0.0, 0.75]]]
    with pytest.raises(UserError, match="not mirrored"):
        tta.merge_preds([[view([0.0, 1.0], True)]])
    with pytest.raises(UserError, match="foreground_index"):
        tta.merge_preds([[SegDataSample()]])
