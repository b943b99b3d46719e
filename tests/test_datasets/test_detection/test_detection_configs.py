"""The data configs of detection: both released augmentations on real images, and the set that is made here."""

import numpy as np
import pytest
from mmengine.config import Config

from sparsevision.datasets import ImagePreprocessor, SeededSampler
from sparsevision.datasets.seeded import SampleIndex
from sparsevision.registry import DATASETS, METRICS
from sparsevision.synthetic.detection_set import DetectionSetSettings, write_detection_set
from sparsevision.utils import UserError, configs_dir


def config(name: str) -> Config:
    return Config.fromfile(configs_dir() / "_base_" / "datasets" / f"{name}.py")


def built(dataset: dict, root) -> object:
    """The data set of a config with its data elsewhere."""
    return DATASETS.build(dataset | {"data_root": str(root)})


@pytest.mark.parametrize("name", ["coco_detection", "coco_detection_crop"])
def test_training_images_have_the_sizes_of_the_recipe(shared_data, name):
    cfg = config(name)
    dataset = built(cfg.train_dataloader.dataset, shared_data / "coco/tinycoco")
    assert all((~info["crowd"]).any() for info in map(dataset.get_data_info, range(len(dataset))))
    ratios, flips = [], set()
    for draw in range(12):
        index = draw % len(dataset)
        sample = dataset[SampleIndex(index, draw, 0)]["data_samples"]
        height, width = sample.img_shape
        assert min(height, width) in cfg.short_sides or max(height, width) == 1333
        boxes = sample.gt_instances.bboxes
        assert (boxes[:, 2:] > boxes[:, :2]).all()
        assert (boxes[:, 2:] <= boxes.new_tensor([width, height])).all()
        ratios.append(height / width == pytest.approx(sample.ori_shape[0] / sample.ori_shape[1], abs=0.01))
        flips.add(sample.flip)
    assert flips == {True, False}
    assert all(ratios) == (name == "coco_detection")


def test_test_images_are_800_pixels_and_scored_by_the_file(shared_data):
    cfg = config("coco_detection")
    dataset = built(cfg.test_dataloader.dataset, shared_data / "coco/tinycoco")
    items = [dataset[0], dataset[1]]
    assert [min(item["data_samples"].img_shape) for item in items] == [800, 800]
    assert METRICS.build(cfg.test_evaluator).ann_file is None
    assert items[0]["data_samples"].ann_file.endswith("instances_val2017.json")
    batch = {key: [item[key] for item in items] for key in ("data_samples",)}
    batch["inputs"] = {"image": [item["inputs"]["image"] for item in items]}
    assert ImagePreprocessor()(batch)["inputs"]["image"].shape[0] == 2


def test_missing_coco_says_where_it_is(tmp_path):
    with pytest.raises(UserError, match=r"cocodataset\.org"):
        built(config("coco_detection").train_dataloader.dataset, tmp_path)


def test_the_synthetic_world_is_read(tmp_path):
    pytest.importorskip("skimage")
    write_detection_set(tmp_path / "set", DetectionSetSettings(train=3, val=2))
    cfg = config("tiny_shapes")
    train, test = (built(cfg[f"{part}_dataloader"].dataset, tmp_path / "set") for part in ("train", "test"))
    assert len(test) == 2
    assert len(train.metainfo["classes"]) == cfg.num_classes
    sample = train[next(iter(SeededSampler(train, seed=0)))]["data_samples"]
    assert len(sample.gt_instances) > 0
    assert np.isfinite(sample.gt_instances.bboxes.numpy()).all()
