"""Boxes with names and scores: where they are, what is left out, what can be read."""

import itertools

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from sparsevision.datasets.detection.sample import DetectionSample
from sparsevision.utils import UserError
from sparsevision.visualization import SparseVisualizer, draw_detections
from sparsevision.visualization.detections import IGNORED, READABLE, draw_detection_sample, readable

IMAGE = np.full((400, 500, 3), 90, np.uint8)
NAMES = ("cat", "cup")
PALETTE = np.array([(255, 0, 0), (0, 0, 255)], np.uint8)
BOX = (100, 120, 180, 200)


def instances(boxes, labels, scores=None):
    fields = {
        "bboxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        "labels": torch.as_tensor(labels, dtype=torch.long),
    }
    return InstanceData(**fields, **({} if scores is None else {"scores": torch.tensor(scores)}))


def make_sample(*, ori_shape=(400, 500), img_shape=(400, 500), **fields):
    sample = DetectionSample(metainfo={"ori_shape": ori_shape, "img_shape": img_shape})
    sample.set_data(fields)
    return sample


def where(picture, colour):
    """Edges (x0,y0,x1,y1) of the pixels of a colour; None without any."""
    rows, columns = np.nonzero((picture == np.array(colour)).all(axis=-1))
    return (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) if len(rows) else None


def test_an_outline_follows_the_edges_of_its_box():
    picture = draw_detections(IMAGE, [BOX], [1], names=NAMES, palette=PALETTE)
    below_the_tag = picture[BOX[1] :]
    x0, _, x1, y1 = where(below_the_tag, PALETTE[1])
    assert np.allclose((x0, x1, y1 + BOX[1]), (BOX[0], BOX[2], BOX[3]), atol=1)
    assert (picture[150:170, 130:150] == 90).all(), "the inside is left alone"
    assert where(picture, PALETTE[0]) is None
    assert (IMAGE == 90).all()


def test_the_tag_has_the_colour_of_its_class_and_a_text():
    named = draw_detections(IMAGE, [BOX], [0], names=NAMES, palette=PALETTE)
    other = draw_detections(IMAGE, [BOX], [0], names=("dog", "cup"), palette=PALETTE)
    scored = draw_detections(IMAGE, [BOX], [0], names=NAMES, palette=PALETTE, scores=[0.75])
    assert where(named, PALETTE[0])[1] < BOX[1] - 8, "it lies above the box"
    assert not np.array_equal(named, other)
    assert where(scored[: BOX[1] - 2], PALETTE[0])[2] > where(named[: BOX[1] - 2], PALETTE[0])[2], "the score is longer"


@pytest.mark.parametrize("box", [(0, 0, 500, 400), (480, 385, 500, 400), (-50, -20, 10, 9), (0, 395, 4, 400)])
def test_tags_stay_within_the_picture(box):
    picture = draw_detections(IMAGE, [box], [0], names=NAMES, palette=PALETTE)
    assert (picture == PALETTE[0]).all(axis=-1).sum() > 200


def test_tags_of_boxes_at_the_same_corner_do_not_cover_each_other():
    boxes = [(100, 120, 180 + 40 * number, 200 + 40 * number) for number in range(3)]
    palette = np.array([(255, 0, 0), (0, 0, 255), (255, 255, 0)], np.uint8)
    alone = [draw_detections(IMAGE, [box], [n], names="abc", palette=palette) for n, box in enumerate(boxes)]
    together = draw_detections(IMAGE, boxes, [0, 1, 2], names="abc", palette=palette, scores=[0.9, 0.8, 0.7])
    assert all(where(together, colour) is not None for colour in palette)
    tags = [where(picture[: BOX[1] - 2], colour) for picture, colour in zip(alone, palette, strict=True)]
    assert all(np.allclose(one, other, atol=9) for one, other in itertools.pairwise(tags)), "alone they have one place"
    assert where(together[: BOX[1] - 2], palette[0]) is not None, "the surest keeps it"
    assert where(together[: BOX[1] - 2], palette[1]) is None
    assert where(together[: BOX[1] - 2], palette[2]) is None


def test_ids_without_a_name_and_names_beyond_ascii_are_drawn():
    picture = draw_detections(IMAGE, [BOX, (10, 10, 60, 60)], [7, 0], names=("Kätzchen",), scores=[0.5, 0.5])
    assert (picture != IMAGE).any()


def test_another_number_of_labels_or_scores_is_refused():
    with pytest.raises(UserError, match="1 boxes to draw, 2 labels"):
        draw_detections(IMAGE, [BOX], [0, 1], names=NAMES)
    with pytest.raises(UserError, match="2 scores"):
        draw_detections(IMAGE, [BOX], [0], names=NAMES, scores=[0.1, 0.2])


@pytest.mark.parametrize(
    ("size", "height", "wanted"),
    [((192, 256), None, (400, 533)), ((256, 192), 480, (533, 400)), ((800, 1000), None, (800, 1000)),
     ((800, 1000), 480, (480, 600)), ((1, 1), None, (400, 400))],
)  # fmt: skip
def test_small_pictures_are_enlarged_until_names_can_be_read(size, height, wanted):
    canvas, factor = readable(np.zeros((*size, 3), np.uint8), height=height)
    assert canvas.shape[:2] == wanted
    assert factor == pytest.approx(wanted[0] / size[0], rel=0.01)
    assert min(canvas.shape[:2]) >= READABLE


def test_truth_and_prediction_are_brought_from_their_own_frames_to_the_image():
    sample = make_sample(
        img_shape=(800, 1000),
        gt_instances=instances([[2 * edge for edge in BOX]], [0]),
        pred_instances=instances([BOX, (300, 300, 350, 350)], [0, 0], [0.9, 0.1]),
    )
    panels = draw_detection_sample(IMAGE, sample, names=NAMES, palette=PALETTE)
    truth, found = (where(panels[title][BOX[1] :], PALETTE[0]) for title in ("truth", "prediction"))
    assert np.allclose(truth, found, atol=1)
    assert found[2] == pytest.approx(BOX[2], abs=1), "the doubtful one is left out"
    everything = draw_detection_sample(IMAGE, sample, names=NAMES, palette=PALETTE, score_threshold=0.0)
    assert where(everything["prediction"], PALETTE[0])[2] > 340


def test_ignored_places_are_grey_and_points_are_dots():
    points = InstanceData(points=torch.tensor([[300.0, 300.0]]), labels=torch.tensor([1]))
    sample = make_sample(
        gt_instances=instances([], []),
        ignored_instances=instances([BOX], [0]),
        gt_points=points,
    )
    truth = draw_detection_sample(IMAGE, sample, names=NAMES, palette=PALETTE)["truth"]
    assert where(truth[BOX[1] :], IGNORED)[3] + BOX[1] == pytest.approx(BOX[3], abs=1)
    assert np.allclose(np.array(where(truth, PALETTE[1])).reshape(2, 2).mean(axis=0), 300, atol=1)


def test_the_visualizer_draws_samples_of_detection(tmp_path):
    visualizer = SparseVisualizer(score_threshold=0.5)
    visualizer.dataset_meta = {"classes": NAMES, "palette": PALETTE.tolist()}
    sample = make_sample(gt_instances=instances([BOX], [0]), pred_instances=instances([BOX], [1], [0.4]))
    both = visualizer.draw_sample(IMAGE, sample)
    assert where(both, PALETTE[0]) is not None
    assert where(both, PALETTE[1]) is None
    assert both.shape[1] > 1.9 * visualizer.draw_sample(IMAGE, sample, draw_gt=False).shape[1]
    sample.kept_tokens, sample.token_shapes = [torch.tensor([0, 1])], [(50, 63)]
    visualizer.add_datasample("photo", IMAGE, sample, out_file=tmp_path / "photo.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photo.png", "photo_tokens.png"]
