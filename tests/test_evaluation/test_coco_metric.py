"""COCO's average precision: a case worked out by hand, the libraries' own check, and what people do wrong."""

import json
from collections import defaultdict

import pytest
import torch
from mmengine.structures import InstanceData
from tiny_coco import tiny_document

from sparsevision.datasets.detection.sample import DetectionSample
from sparsevision.evaluation import CocoMetric
from sparsevision.evaluation.coco_api import NAMES
from sparsevision.utils import UserError

pytest.importorskip("pycocotools")
BOTH = pytest.mark.parametrize("faster", [False, True])


def detections(image_id: int, boxes, labels, scores, **metainfo) -> DetectionSample:
    """A sample with these detections, boxes as (x0, y0, x1, y1)."""
    sample = DetectionSample(metainfo={"img_id": image_id, "sample_id": f"image {image_id}", **metainfo})
    sample.pred_instances = InstanceData(
        bboxes=torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        labels=torch.tensor(labels, dtype=torch.int64),
        scores=torch.tensor(scores, dtype=torch.float32),
    )
    return sample


def right_and_wrong() -> list[DetectionSample]:
    """The car of image 90 overlaps by 0.82; the cup of image 5 is exact, its car is missed, a false car lies on the
    crowd; a false cup in image 7 has a lower score than the true one."""
    return [
        detections(5, [[0, 0, 60, 40], [32, 22, 50, 38]], [1, 0], [0.9, 0.95]),
        detections(90, [[10, 10, 26.4, 20]], [0], [0.8]),
        detections(7, [[0, 0, 5, 5]], [1], [0.3]),
    ]


@pytest.fixture
def evaluate(tmp_path):
    """Run a metric on samples against the tiny set."""

    def run(samples, *, document=None, classes=("car", "cup"), **options):
        path = tmp_path / "truth.json"
        path.write_text(json.dumps(tiny_document() if document is None else document))
        metric = CocoMetric(ann_file=str(path), **options)
        metric.dataset_meta = {"classes": classes}
        metric.process({}, [sample.to_dict() for sample in samples])
        return metric.evaluate(len(samples))

    return run


@BOTH
def test_a_case_worked_out_by_hand(evaluate, faster):
    scores = evaluate(right_and_wrong(), classwise=True, faster=faster)
    car = 51 / 101  # one of two cars is found: precision 1 up to a recall of one half, at 51 of 101 recalls
    assert scores["coco/AP_car"] == pytest.approx(0.7 * car, abs=1e-3)  # 0.82 passes 7 of 10 thresholds
    assert scores["coco/AP_cup"] == pytest.approx(1.0)
    assert scores["coco/AP"] == pytest.approx((0.7 * car + 1) / 2, abs=1e-3)
    assert scores["coco/AP50"] == pytest.approx((car + 1) / 2, abs=1e-3)
    assert scores["coco/AR100"] == pytest.approx((0.7 / 2 + 1) / 2, abs=1e-3)
    assert scores["coco/APm"] == pytest.approx(1.0)
    assert "coco/APl" not in scores


@BOTH
def test_no_detection_at_all_gives_zeros(evaluate, faster):
    scores = evaluate([detections(image, [], [], []) for image in (5, 90, 7)], faster=faster)
    assert scores["coco/AP"] == scores["coco/AR100"] == 0


@BOTH
def test_the_truth_itself_scores_one_whatever_ids_the_annotations_have(evaluate, faster):
    document = tiny_document()
    for place, record in enumerate(document["annotations"]):
        record["id"] = place
        del record["area"], record["iscrowd"]
    samples = [
        detections(5, [[0, 0, 60, 40], [1.5, 2.5, 9.5, 8.5], [30, 20, 60, 40]], [1, 0, 0], [0.9, 0.8, 0.7]),
        detections(90, [[10, 10, 30, 20]], [0], [0.9]),
        detections(7, [], [], []),
    ]
    scores = evaluate(samples, document=document, faster=faster)
    assert scores["coco/AP"] == pytest.approx(1.0)
    assert scores["coco/AR100"] == pytest.approx(1.0)


@BOTH
def test_the_check_of_the_original_tools(shared_data, tmp_path, faster):
    folder = shared_data / "coco/eval_check"
    truth = json.loads((folder / "instances_val2014_100.json").read_text())
    places = {record["id"]: place for place, record in enumerate(sorted(truth["categories"], key=lambda r: r["id"]))}
    by_image = defaultdict(list)
    for record in json.loads((folder / "instances_val2014_fakebbox100_results.json").read_text()):
        by_image[record["image_id"]].append(record)
    samples = []
    for image in truth["images"]:
        own = by_image[image["id"]]
        boxes = [[x, y, x + width, y + height] for x, y, width, height in (record["bbox"] for record in own)]
        labels, scores = [places[record["category_id"]] for record in own], [record["score"] for record in own]
        samples.append(
            detections(image["id"], boxes, labels, scores, ann_file=str(folder / "instances_val2014_100.json"))
        )
    metric = CocoMetric(faster=faster, results_file=str(tmp_path / "found.json"))
    metric.process({}, samples)
    scores = metric.evaluate(len(samples))
    expected = (0.505, 0.697, 0.573, 0.586, 0.519, 0.501, 0.387, 0.594, 0.595, 0.640, 0.566, 0.564)
    assert [round(scores[f"coco/{name}"], 3) for name in NAMES] == list(expected)
    assert len(json.loads((tmp_path / "found.json").read_text())) == 734


def test_the_classes_of_the_data_set_decide_the_labels(evaluate):
    samples = right_and_wrong()
    for sample in samples:
        sample.pred_instances.labels = 1 - sample.pred_instances.labels
    assert evaluate(samples, classes=("cup", "car"))["coco/AP"] == evaluate(right_and_wrong())["coco/AP"]
    only_cups = evaluate([detections(5, [[0, 0, 60, 40]], [0], [0.9])], classes=("cup",))
    assert only_cups["coco/AP"] == pytest.approx(1.0)


def test_without_class_names_labels_follow_the_category_ids(evaluate):
    assert evaluate(right_and_wrong(), classes=None)["coco/AP"] == evaluate(right_and_wrong())["coco/AP"]


def test_only_predicted_images_count_and_each_once(evaluate):
    cup = detections(5, [[0, 0, 60, 40], [1.5, 2.5, 9.5, 8.5]], [1, 0], [0.9, 0.9])
    again = detections(5, [[0, 0, 3, 3]] * 4, [1] * 4, [0.99] * 4)
    assert evaluate([cup, again])["coco/AP"] == pytest.approx(1.0)


def test_detections_become_a_file_that_servers_read(evaluate, tmp_path):
    path = tmp_path / "out" / "found.json"
    assert evaluate(right_and_wrong(), results_file=str(path), format_only=True) == {}
    records = json.loads(path.read_text())
    assert records[0] == {"image_id": 5, "category_id": 44, "bbox": [0, 0, 60, 40], "score": pytest.approx(0.9)}
    assert [file.name for file in path.parent.iterdir()] == ["found.json"]


def test_a_table_of_classes_is_logged(evaluate, monkeypatch):
    said = []
    monkeypatch.setattr("sparsevision.evaluation.detection.print_log", lambda text, **_: said.append(text))
    evaluate(right_and_wrong(), classwise=True)
    (table,) = said
    assert [line.split()[1::2] for line in table.splitlines() if "cup" in line] == [["cup", "1.000", "1.000", "1"]]
    evaluate(right_and_wrong()[:1])
    assert said[1:] == ["CocoMetric: 1 of the file's 3 images are counted."]


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        (DetectionSample(metainfo={"img_id": 5, "sample_id": "a"}), "a: the sample has no pred_instances"),
        (detections(None, [], [], []), "the sample has no img_id"),
        (detections(5, [[0, 0, float("nan"), 1]], [0], [0.5]), "NaN or infinite"),
        (detections(6, [], [], []), "no image with id 6"),
        (detections(5, [[0, 0, 1, 1]], [80], [0.5]), "detections of class 80, but the data set has 2 classes"),
    ],
)
def test_samples_that_cannot_be_scored_are_named(evaluate, sample, words):
    with pytest.raises(UserError, match=words):
        evaluate([sample])


def test_a_truth_that_does_not_fit_is_refused(evaluate, tmp_path):
    with pytest.raises(UserError, match=r"no category 'cap', one of the 1 classes.*Did you mean 'cup'"):
        evaluate(right_and_wrong(), classes=("cap",))
    document = tiny_document()
    del document["annotations"][1]["bbox"]
    with pytest.raises(UserError, match="annotation 12 of the truth lacks"):
        evaluate(right_and_wrong(), document=document)
    with pytest.raises(UserError, match="is no COCO-format file"):
        evaluate(right_and_wrong(), document=[1])


def test_without_a_file_of_the_truth_there_is_a_message():
    metric = CocoMetric()
    metric.process({}, [detections(5, [], [], [])])
    with pytest.raises(UserError, match="name no annotation file; give it ann_file"):
        metric.evaluate(1)
    metric.process({}, [detections(5, [], [], [], ann_file="a"), detections(6, [], [], [], ann_file="b")])
    with pytest.raises(UserError, match="several annotation files"):
        metric.evaluate(2)


def test_a_file_to_write_is_needed_to_write_only():
    with pytest.raises(UserError, match="needs results_file"):
        CocoMetric(format_only=True)


def test_a_results_file_that_cannot_be_written_is_told(evaluate, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        evaluate(right_and_wrong(), results_file=str(tmp_path / "file" / "found.json"))
