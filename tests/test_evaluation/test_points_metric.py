"""Scores of segmented clouds: exact counts, absent classes, files, refusals."""

import csv

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import BaseDataElement

from sparsevision.evaluation import PointSegMetric
from sparsevision.evaluation.confusion_files import write_confusion
from sparsevision.registry import METRICS
from sparsevision.utils import UserError
from sparsevision.visualization.confusion import draw_confusion

CLASSES = ("wall", "floor", "chair", "sofa")


def sample_of(*, voxels, points, scene: str = "scene0000_00") -> BaseDataElement:
    """A predicted sample from (prediction, truth) of the voxels and of the points."""
    sample = BaseDataElement(metainfo={"scene": scene})
    for kind, pair in (("voxel", voxels), ("point", points)):
        for side, labels in zip(("pred", "gt"), pair, strict=True):
            setattr(sample, f"{side}_{kind}_labels", torch.tensor(labels, dtype=torch.int64))
    return sample


def evaluate(samples, **options) -> dict[str, float]:
    evaluator = Evaluator(PointSegMetric(**options))
    evaluator.dataset_meta = {"classes": CLASSES}
    for sample in samples:
        evaluator.process([sample])
    return evaluator.evaluate(len(samples))


TWO_SCENES = [
    sample_of(voxels=([0, 1, 1], [0, 0, 255]), points=([0, 0, 1, 1], [0, 0, 0, 1])),
    sample_of(voxels=([1, 1, 1, 1, 2], [1, 1, 1, 1, 1]), points=([1, 2], [1, 1])),
]


def test_scores_by_hand():
    """Voxels: wall 1 of 2; floor 4 hits, 1 miss, 1 false; chair predicted once, never true; sofa nowhere."""
    scores = evaluate(TWO_SCENES)
    assert scores == pytest.approx(
        {
            "mIoU": 100 * (1 / 2 + 4 / 6 + 0) / 3,
            "mAcc": 100 * (1 / 2 + 4 / 5) / 2,
            "allAcc": 100 * 5 / 7,
            "mIoU_point": 100 * (2 / 3 + 2 / 4 + 0) / 3,
            "mAcc_point": 100 * (2 / 3 + 2 / 3) / 2,
            "allAcc_point": 100 * 4 / 6,
        }
    )


def test_scenes_count_by_their_size_and_not_by_their_batch():
    rng = np.random.default_rng(0)
    pairs = [rng.integers(0, 4, (2, size)) for size in (3, 500, 40)]
    whole = np.concatenate(pairs, axis=1)
    apart = evaluate([sample_of(voxels=pair, points=pair) for pair in pairs])
    assert apart == evaluate([sample_of(voxels=whole, points=whole)])


def test_scenes_without_labels_are_not_measured():
    unlabelled = sample_of(voxels=([3], [255]), points=([3, 3], [255, 255]))
    assert evaluate([*TWO_SCENES, unlabelled]) == evaluate(TWO_SCENES)
    assert evaluate([unlabelled]) == {}


def test_the_table_and_the_pictures(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr("sparsevision.evaluation.points.print_log", lambda text, **_: said.append(text))
    evaluate(TWO_SCENES, out_dir=tmp_path)
    lines = said[0].splitlines()
    (floor,) = [line for line in lines if "floor" in line]
    assert [word for word in floor.split() if word[0].isdigit()] == ["66.67", "80.00", "5", "50.00", "66.67", "3"]
    (sofa,) = [line for line in lines if "sofa" in line]
    assert "nan" not in sofa
    assert sofa.count(" - ") == 4
    for stem, total in (("confusion_matrix", 7), ("confusion_matrix_points", 6)):
        with (tmp_path / f"{stem}.csv").open() as file:
            rows = list(csv.reader(file))
        assert [row[0] for row in rows[1:]] == list(CLASSES)
        assert sum(int(count) for row in rows[1:] for count in row[1:5]) == total
        assert (tmp_path / f"{stem}.png").stat().st_size > 1000


def test_files_for_a_server(tmp_path):
    def write(folder, scene, labels):
        folder.mkdir(exist_ok=True)
        (folder / f"{scene}.txt").write_text("\n".join(str(label + 1) for label in labels))

    evaluate(TWO_SCENES[:1], server_dir=tmp_path / "out", server_writer=write)
    assert (tmp_path / "out" / "scene0000_00.txt").read_text() == "1\n1\n2\n2"


def test_a_folder_for_a_server_needs_its_writer():
    with pytest.raises(UserError, match="needs server_writer"):
        PointSegMetric(server_dir="out")


def test_a_sample_without_prediction():
    sample = BaseDataElement(metainfo={"scene": "scene0707_00"})
    with pytest.raises(UserError, match="scene0707_00: the sample has no pred_voxel_labels"):
        evaluate([sample])


@pytest.mark.parametrize("points", [([0, 1], [0]), ([7], [0]), ([0], [9])])
def test_labels_that_do_not_fit(points):
    with pytest.raises(UserError, match="scene0000_00, point labels: "):
        evaluate([sample_of(voxels=([0], [0]), points=points)])


def test_the_metric_can_be_named_in_a_config():
    assert isinstance(METRICS.build({"type": "PointSegMetric"}), PointSegMetric)


def test_the_picture_of_a_matrix_is_darker_on_its_diagonal():
    picture = draw_confusion(np.diag([5, 5, 5]), ("a", "b", "c"))
    assert picture.dtype == np.uint8
    assert picture.mean() < draw_confusion(np.zeros((3, 3), int), ("a", "b", "c")).mean()


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        write_confusion(np.eye(2, dtype=int), ("a", "b"), tmp_path / "file" / "inside")
