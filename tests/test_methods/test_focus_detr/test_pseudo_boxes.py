"""A teacher follows its student; its boxes count where nobody has drawn one."""

import pytest
import torch
from torch import nn

from sparsevision.methods.focus_detr.ground_truth import GroundTruth, count_of, joined
from sparsevision.methods.focus_detr.pseudo_boxes import PseudoBoxes, completed, mine_boxes, scores_of_known
from sparsevision.methods.focus_detr.teacher import Teacher
from sparsevision.utils import UserError

SETTINGS = PseudoBoxes(high=0.6, low=0.3, overlap=0.5, duplicates=0.6)
KNOWN = torch.tensor([[0.0, 0, 10, 10]])


def mine(*found, known=KNOWN, settings=SETTINGS):
    boxes = torch.tensor([list(box) for box, _, _ in found]).reshape(-1, 4).float()
    labels = torch.tensor([label for _, label, _ in found], dtype=torch.int64)
    scores = torch.tensor([score for _, _, score in found]).float()
    return mine_boxes(boxes, labels, scores, known=known, settings=settings)


def test_confident_boxes_beside_the_known_ones_are_objects_doubtful_ones_are_zones():
    mined = mine(
        ((1, 1, 10, 10), 3, 0.9),  # the known object
        ((20, 20, 30, 30), 1, 0.7),
        ((40, 40, 50, 50), 2, 0.4),
        ((60, 60, 70, 70), 2, 0.2),  # too doubtful
    )
    assert mined.boxes.tolist() == [[20, 20, 30, 30]]
    assert mined.labels.tolist() == [1]
    assert mined.zones.tolist() == [[40, 40, 50, 50]]


def test_an_object_seen_twice_counts_once_whatever_its_class():
    mined = mine(((20, 20, 30, 30), 1, 0.7), ((20, 20, 30, 31), 2, 0.8))
    assert mined.labels.tolist() == [2]
    assert len(mined.zones) == 0


def test_a_doubtful_copy_of_a_sure_object_is_no_zone():
    mined = mine(((20, 20, 30, 30), 1, 0.7), ((20, 20, 30, 31), 2, 0.5))
    assert (len(mined.boxes), len(mined.zones)) == (1, 0)


def test_nothing_known_and_nothing_seen():
    nobody = torch.zeros(0, 4)
    assert len(mine(((20, 20, 30, 30), 1, 0.7), known=nobody).boxes) == 1
    empty = mine(known=nobody)
    assert (empty.boxes.shape, empty.labels.shape, empty.zones.shape) == ((0, 4), (0,), (0, 4))


def test_a_box_without_area_is_nothing():
    mined = mine(((20, 20, 20, 30), 1, 0.9), ((20, 30, 25, 20), 1, 0.9))
    assert (len(mined.boxes), len(mined.zones)) == (0, 0)


def test_what_is_mined_completes_what_was_given():
    nothing = torch.zeros(0, 4)
    given = torch.tensor([[0.0, 0, 10, 10]])
    truth = GroundTruth(
        corners=given, labels=torch.tensor([4]), ignored=nothing, points=nothing[:, :2], size=(100, 200)
    )
    mined = mine(((20, 20, 30, 30), 1, 0.7), ((40, 40, 50, 50), 2, 0.4))
    whole = completed(truth, mined)
    torch.testing.assert_close(whole.boxes, torch.tensor([[0.025, 0.05, 0.05, 0.1], [0.125, 0.25, 0.05, 0.1]]))
    assert whole.labels.tolist() == [4, 1]
    assert whole.ignored.tolist() == [[40, 40, 50, 50]]
    assert whole.drawn.tolist() == [True, False]
    assert (count_of([truth, whole]), joined([truth, whole])[2].tolist()) == (2, [True, True, False])


@pytest.mark.parametrize("wrong", [{"high": 1.5}, {"low": 0.7, "high": 0.6}, {"momentum": -0.1}])
def test_settings_that_mean_nothing_are_told(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        PseudoBoxes(**wrong)


def network(value: float) -> nn.Module:
    """One weight and the running statistics of a batch norm."""
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1, affine=False))
    nn.init.constant_(model[0].weight, value)
    return model


def test_the_first_update_copies_the_student():
    teacher, student = Teacher(network(0.0), momentum=0.9), network(5.0)
    student[1].running_mean.fill_(3.0)
    teacher.update(student)
    assert teacher.network[0].weight.item() == 5
    assert teacher.network[1].running_mean.item() == 3


def test_later_updates_follow_by_the_momentum():
    teacher, student = Teacher(network(0.0), momentum=0.25), network(0.0)
    teacher.update(student)
    nn.init.constant_(student[0].weight, 1.0)
    teacher.update(student)
    assert teacher.network[0].weight.item() == pytest.approx(0.9)  # n / (9 + n) = 0.1 is still less than 0.25
    for _ in range(10):
        before = teacher.network[0].weight.item()
        teacher.update(student)
    assert teacher.network[0].weight.item() == pytest.approx(0.25 * before + 0.75)


def test_a_teacher_is_neither_trained_nor_in_training_mode():
    teacher = Teacher(network(1.0))
    owner = nn.ModuleList([teacher])
    owner.train()
    assert not any(part.training for part in teacher.modules())
    assert not any(parameter.requires_grad for parameter in teacher.parameters())


def test_a_teacher_survives_its_checkpoint():
    first, student = Teacher(network(0.0), momentum=0.9), network(2.0)
    for _ in range(3):
        first.update(student)
    second = Teacher(network(0.0), momentum=0.9)
    second.load_state_dict(first.state_dict())
    nn.init.constant_(student[0].weight, 7.0)
    first.update(student)
    second.update(student)
    assert torch.equal(first.network[0].weight, second.network[0].weight)
    assert second.updates == 4


def known_scores(*found, labels=(3,)):
    boxes = torch.tensor([list(box) for box, _, _ in found]).reshape(-1, 4).float()
    classes = torch.tensor([label for _, label, _ in found], dtype=torch.int64)
    scores = torch.tensor([score for _, _, score in found]).float()
    nothing = torch.zeros(0, 4)
    truth = GroundTruth(
        corners=KNOWN[: len(labels)],
        labels=torch.tensor(labels, dtype=torch.int64),
        ignored=nothing,
        points=nothing[:, :2],
        size=(100, 200),
    )
    return scores_of_known(boxes, classes, scores, truth=truth, settings=SETTINGS)


def test_how_sure_it_is_of_given_boxes_that_it_finds():
    here, there = (0, 0, 10, 9), (50, 50, 60, 60)
    found = known_scores((here, 3, 0.4), ((0, 0, 9, 10), 3, 0.6), (here, 2, 0.9), (there, 3, 0.8))
    assert found.tolist() == pytest.approx([0.6])
    assert len(known_scores((here, 2, 0.9))) == 0, "of another class"
    assert len(known_scores()) == 0
    assert len(known_scores((here, 3, 0.9), labels=())) == 0


def test_sureness_is_a_running_mean_of_steps_that_found_something():
    teacher = Teacher(network(0.0))
    assert teacher.reckon(torch.zeros(0)) == 0
    assert teacher.reckon(torch.tensor([0.2, 0.4])).item() == pytest.approx(0.3)
    assert teacher.reckon(torch.zeros(0)).item() == pytest.approx(0.3)
    assert teacher.reckon(torch.tensor([0.8])).item() == pytest.approx(0.3 * 0.98 + 0.8 * 0.02)
