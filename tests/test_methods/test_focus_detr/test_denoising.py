"""Contrastive denoising against numbers of the release, and what its queries are."""

import numpy as np
import pytest
import torch
from golden_detr import focus_weight, golden_arrays
from torch import nn

from sparsevision.methods.focus_detr import Denoising, denoising_queries
from sparsevision.methods.focus_detr.boxes import iou_and_giou, to_corners
from sparsevision.utils import UserError


@pytest.fixture(scope="module")
def golden():
    return {key: torch.from_numpy(np.asarray(value)) for key, value in golden_arrays("denoising").items()}


@pytest.fixture
def embedding():
    layer = nn.Embedding(80, 256)
    layer.weight.data = focus_weight("label_enc.weight", (80, 256))
    return layer


def from_golden(golden, embedding, **options):
    torch.manual_seed(int(golden["seed"]))
    return denoising_queries(
        list(golden["gt_boxes"]), list(golden["gt_labels"]), embedding=embedding, num_queries=900, **options
    )


def test_golden_queries(golden, embedding):
    made = from_golden(golden, embedding)
    assert (made.groups, 2 * made.slots) == (golden["dn_num"], golden["single_padding"])
    assert made.content.shape[1] == golden["pad"]
    torch.testing.assert_close(made.content[..., ::32], golden["query_label_c32"], atol=1e-5, rtol=0)
    torch.testing.assert_close(made.box_logits, golden["query_box_logits"], atol=1e-5, rtol=0)
    assert not made.padding.any()


def test_golden_mask(golden, embedding):
    mask = from_golden(golden, embedding).attention_mask
    pad = int(golden["pad"])
    np.testing.assert_array_equal(np.packbits(mask[:pad, :pad].flatten().numpy()), golden["attention_mask_dn"])
    np.testing.assert_array_equal(mask.sum(0), golden["mask_column_sums"])
    np.testing.assert_array_equal(mask.sum(1), golden["mask_row_sums"])


def boxes_of(*counts):
    generator = torch.Generator().manual_seed(0)
    boxes = [torch.rand(count, 4, generator=generator) * 0.2 + 0.4 for count in counts]
    return boxes, [torch.arange(count) % 3 for count in counts]


def test_without_noise_true_copies_are_the_boxes():
    boxes, labels = boxes_of(3, 0, 2)
    embedding = nn.Embedding(3, 8)
    made = denoising_queries(
        boxes, labels, embedding=embedding, num_queries=5, settings=Denoising(queries=12, label_noise=0, box_noise=0)
    )
    images, queries, targets = made.true_copies([3, 0, 2])
    assert (made.groups, made.slots) == (4, 3)
    assert len(images) == 4 * 5
    assert set(images.tolist()) == {0, 2}
    torch.testing.assert_close(made.box_logits.sigmoid()[images, queries], torch.cat(boxes)[targets])
    torch.testing.assert_close(made.content[images, queries], embedding.weight[torch.cat(labels)[targets]])
    assert (~made.padding).sum(1).tolist() == [24, 0, 16]


def test_true_copies_overlap_more_than_false_ones():
    boxes, labels = boxes_of(4)
    made = denoising_queries(boxes, labels, embedding=nn.Embedding(3, 8), num_queries=5)
    _, queries, targets = made.true_copies([4])
    found = to_corners(made.box_logits[0].sigmoid())
    wanted = to_corners(boxes[0])[targets]
    overlaps = [iou_and_giou(found[rows], wanted)[0].mean() for rows in (queries, queries + made.slots)]
    assert overlaps[0] > 2 * overlaps[1]


def test_a_batch_without_boxes_has_none():
    assert denoising_queries(*boxes_of(0, 0), embedding=nn.Embedding(3, 8), num_queries=5) is None


def test_a_generator_replaces_the_global_one():
    boxes, labels = boxes_of(2)
    runs = [
        denoising_queries(
            boxes,
            labels,
            embedding=nn.Embedding(3, 8),
            num_queries=5,
            generator=torch.Generator().manual_seed(7),
        ).box_logits
        for _ in range(2)
    ]
    assert torch.equal(*runs)


@pytest.mark.parametrize("wrong", [{"queries": 0}, {"label_noise": -1}, {"label_noise": 3}, {"box_noise": -0.1}])
def test_settings_that_cannot_be(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        Denoising(**wrong)
