"""FocusDETR where boxes are missing: a teacher's boxes and zones, points without boxes, the teacher's life."""

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.structures import InstanceData
from small_detector import detector, images_of, sample, total

from sparsevision.utils import UserError

SIZE = (96, 128)
BOX = [[10, 10, 60, 50]]
ALL = {"from_iteration": 0, "high": 0.0, "low": 0.0, "momentum": 0.5, "relative": False}


def losses_of(model, samples, seed=0):
    model.train()
    torch.manual_seed(seed)
    return model(images_of(*[SIZE] * len(samples)), samples, mode="loss")


def watch(monkeypatch, network, seen, name):
    """What a network looks at -> seen[name]."""
    encode = network.encode

    def encode_and_tell(images, *arguments, **options):
        seen[name] = images
        return encode(images, *arguments, **options)

    monkeypatch.setattr(network, "encode", encode_and_tell)


def test_what_the_teacher_is_sure_of_is_learnt():
    plain = losses_of(detector(), [sample(SIZE, BOX)])
    taught = losses_of(detector(pseudo_boxes=ALL), [sample(SIZE, BOX)])
    assert taught["pseudo_boxes"] > 0
    assert "pseudo_boxes" not in plain
    assert taught["loss_bbox"] != plain["loss_bbox"]
    assert torch.isfinite(total(taught))


def test_a_teacher_that_is_never_sure_changes_nothing():
    plain = losses_of(detector(), [sample(SIZE, BOX)])
    never = {"pseudo_boxes": {**ALL, "high": 1.0, "low": 1.0}, "zones": {"token_score": None}}
    taught = losses_of(detector(**never), [sample(SIZE, BOX)])
    assert taught.pop("pseudo_boxes") == 0
    assert taught.keys() == plain.keys()
    assert all(torch.equal(value, plain[name]) for name, value in taught.items())


def test_where_it_doubts_less_is_background():
    doubting = {**ALL, "high": 1.0}
    plain = losses_of(detector(), [sample(SIZE, BOX)])
    taught = losses_of(detector(pseudo_boxes=doubting), [sample(SIZE, BOX)])
    assert taught["pseudo_boxes"] == 0
    assert taught["loss_class"] < plain["loss_class"]
    assert taught["loss_selector"] < plain["loss_selector"]
    assert torch.equal(taught["loss_bbox"], plain["loss_bbox"])


def test_tokens_that_its_selector_likes_are_no_background_for_the_selector():
    quiet = {**ALL, "high": 1.0, "low": 1.0}
    silent = losses_of(detector(pseudo_boxes=quiet, zones={"token_score": None}), [sample(SIZE, BOX)])
    heard = losses_of(detector(pseudo_boxes=quiet, zones={"token_score": 0.5}), [sample(SIZE, BOX)])
    assert heard["loss_selector"] < silent["loss_selector"]
    assert torch.equal(heard["loss_class"], silent["loss_class"])


def test_it_may_be_measured_by_what_it_says_of_given_boxes():
    """A box is learnt if the teacher is as sure of it as of those that were drawn, however low these scores are."""
    model = detector(pseudo_boxes={**ALL, "relative": True, "high": 1.0, "low": 1.0, "overlap": 0.1})
    model.train()
    inputs, samples = images_of(SIZE), [sample(SIZE, [[0, 0, 128, 96]])]
    model(inputs, samples, mode="loss")
    model.teacher.sureness.fill_(0.01)
    few = model(inputs, samples, mode="loss")["pseudo_boxes"]
    model.teacher.sureness.fill_(10.0)
    assert model(inputs, samples, mode="loss")["pseudo_boxes"] == 0
    assert few > 0


def test_the_teacher_sees_the_image_and_the_student_its_strong_view(monkeypatch):
    model = detector(pseudo_boxes=ALL).train()
    inputs = images_of(SIZE) | {"strong_image": images_of(SIZE, seed=1)["image"]}
    seen = {}
    watch(monkeypatch, model.teacher.network, seen, "teacher")
    watch(monkeypatch, model.network, seen, "student")
    model(inputs, [sample(SIZE, BOX)], mode="loss")
    assert torch.equal(seen["teacher"], inputs["image"])
    assert torch.equal(seen["student"], inputs["strong_image"])


def test_it_waits_for_its_step():
    model = detector(pseudo_boxes={**ALL, "from_iteration": 5})
    hub = MessageHub.get_current_instance()
    hub.update_info("iter", 0)
    try:
        assert "pseudo_boxes" not in losses_of(model, [sample(SIZE, BOX)])
        assert model.teacher.updates == 1
        hub.update_info("iter", 5)
        assert "pseudo_boxes" in losses_of(model, [sample(SIZE, BOX)])
    finally:
        hub.runtime_info.pop("iter", None)


def test_a_teacher_follows_and_learns_nothing_by_itself():
    model = detector(pseudo_boxes=ALL)
    total(losses_of(model, [sample(SIZE, BOX)])).backward()
    assert all(parameter.grad is None for parameter in model.teacher.parameters())
    with torch.no_grad():
        model.network.level_embedding += 1
    losses_of(model, [sample(SIZE, BOX)])
    apart = (model.network.level_embedding - model.teacher.network.level_embedding).mean()
    assert apart.item() == pytest.approx(0.1, abs=1e-5)  # of 1, after one update before it


def test_the_teacher_is_in_the_checkpoint_and_may_be_missing_from_one():
    model = detector(pseudo_boxes=ALL)
    state = model.state_dict()
    assert "teacher.updates" in state
    assert "teacher.network.level_embedding" in state
    assert all(name.startswith(model.optional_state) for name in state.keys() - detector().state_dict().keys())


def test_batches_of_mixed_sizes_have_their_boxes_where_the_teacher_saw_them():
    """Even with the released preset, whose evaluation takes padding for image."""
    sizes = ((96, 128), (64, 80))
    for preset in ("published", "fixed"):
        model = detector(pseudo_boxes=ALL, preset=preset).train()
        truths = model.truths_of([sample(size, BOX) for size in sizes])
        whole, scores = model._taught(images_of(*sizes)["image"], truths)
        assert scores.shape[0] == 2
        for truth, (height, width) in zip(whole, sizes, strict=True):
            assert len(truth.labels) > 1
            assert (truth.corners <= torch.tensor([width, height, width, height])).all()


def test_a_point_without_a_box_is_foreground_and_no_background():
    def with_point(x, y):
        data = sample(SIZE, BOX)
        data.gt_points = InstanceData(points=torch.tensor([[x, y]]), labels=torch.tensor([0]))
        return data

    inside, outside = (losses_of(detector(), [with_point(*place)]) for place in ((30.0, 30.0), (100.0, 70.0)))
    plain = losses_of(detector(), [sample(SIZE, BOX)])
    assert all(torch.equal(value, plain[name]) for name, value in inside.items()), "the box says more than the point"
    assert outside["loss_selector"] != plain["loss_selector"]
    assert outside["loss_class"] <= plain["loss_class"]
    assert torch.equal(outside["loss_bbox"], plain["loss_bbox"])


def test_images_without_any_box_can_be_taught():
    taught = losses_of(detector(pseudo_boxes=ALL), [sample(SIZE), sample(SIZE, BOX)])
    assert torch.isfinite(total(taught))


def test_settings_that_mean_nothing_are_told():
    with pytest.raises(UserError, match="PseudoBoxes"):
        detector(pseudo_boxes={"threshold": 0.5})


def test_a_teacher_that_finds_none_of_the_given_boxes_is_sure_of_nothing():
    never = {**ALL, "relative": True, "high": 0.01, "low": 0.01, "overlap": 1.0}
    model = detector(pseudo_boxes=never)
    taught = losses_of(model, [sample(SIZE, BOX)])
    assert model.teacher.sureness == 0
    assert taught["pseudo_boxes"] == 0


def test_points_to_learn_from_have_to_be_there():
    model, data = detector(selector_target="points"), sample(SIZE, BOX)
    assert torch.isfinite(total(losses_of(model, [data])))
    del data.gt_points
    with pytest.raises(UserError, match="PointsInBoxes"):
        losses_of(model, [data])
