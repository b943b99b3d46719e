"""The criterion: ignored zones and places without a query are neither objects nor background."""

import pytest
import torch
from small_detector import detector, images_of, sample

from sparsevision.methods.focus_detr.criterion import Criterion
from sparsevision.methods.focus_detr.denoising import DenoisingQueries
from sparsevision.methods.focus_detr.ground_truth import GroundTruth

SIZE = (96, 128)
BOXES = [[10, 10, 60, 50], [40, 30, 90, 80]]
EVERYWHERE = [[-99, -99, 999, 999]]


def losses_of(samples, **settings):
    """With class logits that say something about the background."""
    model = detector(**settings).train()
    for head in model.network.class_heads:
        torch.nn.init.zeros_(head.bias)
    torch.manual_seed(0)
    return model(images_of(*[SIZE] * len(samples)), samples, mode="loss")


def test_a_zone_over_everything_leaves_what_is_matched():
    plain = losses_of([sample(SIZE, BOXES)])
    zoned = losses_of([sample(SIZE, BOXES, ignored=EVERYWHERE)])
    for name in ("loss_class", "loss_class_0", "loss_class_enc", "loss_selector"):
        assert 0 < zoned[name] < 0.9 * plain[name], name
    for name in ("loss_bbox", "loss_giou", "loss_bbox_enc", "loss_class_dn"):
        torch.testing.assert_close(zoned[name], plain[name])


def test_without_objects_a_zone_over_everything_teaches_nothing():
    zoned = losses_of([sample(SIZE, ignored=EVERYWHERE)])
    assert all(value == 0 for value in zoned.values())


def test_a_zone_elsewhere_changes_nothing():
    outside = [[126, 94, 128, 96]]
    plain, zoned = losses_of([sample(SIZE, BOXES)]), losses_of([sample(SIZE, BOXES, ignored=outside)])
    for name, value in plain.items():
        torch.testing.assert_close(zoned[name], value, msg=name)


def test_a_zone_counts_for_its_own_image():
    plain = losses_of([sample(SIZE, BOXES), sample(SIZE)])
    zoned = losses_of([sample(SIZE, BOXES), sample(SIZE, ignored=EVERYWHERE)])
    alone = losses_of([sample(SIZE, BOXES)])
    assert alone["loss_class"] - 1e-4 < zoned["loss_class"] < plain["loss_class"]


def truth(count):
    corners = torch.tensor([[0.2, 0.2, 0.5, 0.5]]).repeat(count, 1)
    none = torch.zeros(0, 4)
    labels = torch.zeros(count, dtype=torch.int64)
    return GroundTruth(corners=corners, labels=labels, ignored=none, points=none[:, :2], size=(1, 1))


@pytest.mark.parametrize("released", [True, False])
def test_places_without_a_copy_are_background_only_as_released(released):
    padding = torch.tensor([[False] * 4, [False, True, False, True]])
    queries = DenoisingQueries(
        content=torch.zeros(2, 4, 8),
        box_logits=torch.zeros(2, 4, 4),
        attention_mask=torch.zeros(4, 4, dtype=torch.bool),
        padding=padding,
        groups=1,
        slots=2,
    )
    logits = torch.zeros(1, 2, 4, 1, requires_grad=True)
    boxes = torch.full((1, 2, 4, 4), 0.5)
    criterion = Criterion(padded_copies=released)
    losses = criterion.denoised((logits, boxes), queries, [truth(2), truth(1)], num_boxes=torch.tensor(3.0))
    losses["loss_class_dn"].backward()
    taught = logits.grad[0, :, :, 0] != 0
    assert taught.tolist() == ([[True] * 4] * 2 if released else (~padding).tolist())
    assert (logits.grad[0, :, :, 0] < 0).tolist() == [[True, True, False, False], [True, False, False, False]]


def test_names_of_all_losses():
    names = set(losses_of([sample(SIZE, BOXES)]))
    kinds = ("class", "bbox", "giou")
    sets = ("", "_0", "_enc", "_dn", "_dn_0")
    assert names == {f"loss_{kind}{one}" for kind in kinds for one in sets} | {"loss_selector"}


def test_weights_scale_losses():
    plain = losses_of([sample(SIZE, BOXES)])
    other = losses_of([sample(SIZE, BOXES)], losses={"classes": 2.0, "boxes": 1.0, "giou": 0.0, "selector": 3.0})
    torch.testing.assert_close(other["loss_class"], 2 * plain["loss_class"])
    torch.testing.assert_close(other["loss_bbox_dn"], plain["loss_bbox_dn"] / 5)
    torch.testing.assert_close(other["loss_selector"], 2 * plain["loss_selector"])
    assert other["loss_giou"] == 0
