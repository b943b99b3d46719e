"""What the configs of sparsely supervised COD and of own images promise: schedule, data of every set, pictures."""

import itertools
import json

import numpy as np
import pytest
import torch
import torchvision
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS
from mmseg.registry import MODELS as MMSEG_MODELS
from PIL import Image
from tool_runner import run_tool

from sparsevision.annotation import PointLabels, save_annotations
from sparsevision.registry import DATASETS, METRICS
from sparsevision.utils import configs_dir

FULL_SIZE = ("resnet50_scribble_40e", "resnet50_scribble_150e", "pvtv2b4_point_60e", "mitb4_scribble_60e")
SETS = ("CHAMELEON", "CAMO", "COD10K", "NC4K")
STEPS = 5  # an epoch


def config(name: str) -> Config:
    return Config.fromfile(configs_dir() / "sparse_seg" / f"{name}.py")


def rates(cfg: Config) -> np.ndarray:
    """Learning rates (iterations, 2) of backbone and head over the whole run, with STEPS iterations an epoch."""
    model = torch.nn.Module()
    model.network = torch.nn.ModuleDict({"backbone": torch.nn.Linear(1, 1), "decode_head": torch.nn.Linear(1, 1)})
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper).optimizer
    common = {"optimizer": optimizer, "epoch_length": STEPS}
    schedulers = [
        PARAM_SCHEDULERS.build({"end": cfg.train_cfg.max_epochs, **entry}, default_args=common)
        for entry in cfg.param_scheduler
    ]
    groups = [optimizer.param_groups[0], optimizer.param_groups[-1]]
    seen = []
    for _ in range(cfg.train_cfg.max_epochs * STEPS):
        seen.append([group["lr"] for group in groups])
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    return np.array(seen)


@pytest.mark.parametrize("name", FULL_SIZE[:2])
def test_the_triangular_schedule_has_its_corners(name):
    backbone, head = rates(config(f"sparseseg_{name}_cod")).T
    middle = len(head) // 2
    assert head[0] == pytest.approx(1e-5)
    assert head[middle - 1] == head[middle] == pytest.approx(1e-2)
    assert head[-1] == pytest.approx(1e-5)
    assert np.allclose(np.diff(head[:middle]), (1e-2 - 1e-5) / (middle - 1))
    assert np.allclose(backbone, head / 10)


@pytest.mark.parametrize("name", FULL_SIZE)
def test_the_settings_of_the_papers(name):
    cfg = config(f"sparseseg_{name}_cod")
    resize = cfg.train_dataloader.dataset.pipeline[2]
    published = (320, 16, "bilinear_truncated") if "resnet50" in name else (512, 8, "nearest")
    found = (resize.size[0], cfg.train_dataloader.batch_size, resize.get("sparse_interpolation", "nearest"))
    assert found == published
    assert cfg.model.preset == "published"
    assert {dataset.pipeline[2].size for dataset in cfg.test_dataloader.dataset.datasets} == {resize.size}
    if "resnet50" in name:
        assert cfg.optim_wrapper.optimizer.to_dict() | {"type": None} == {
            "type": None,
            "lr": 1e-2,
            "momentum": 0.9,
            "weight_decay": 5e-4,
            "nesterov": True,
        }


@pytest.fixture
def repack(make_files):
    """A tiny SINet repack: one training image with a scribble, one image in each test set."""
    root = make_files("TrainDataset/Imgs", ["camourflage_1.jpg"], size=(60, 80))
    codes = np.zeros((60, 80), np.uint8)
    codes[20:26, 10:50], codes[45:50, 10:50] = 1, 2
    (root / "TrainDataset/Scribble").mkdir()
    Image.fromarray(codes).save(root / "TrainDataset/Scribble/camourflage_1.png")
    for name in SETS:
        make_files(f"TestDataset/{name}/Imgs", [f"{name}_1.jpg"])
        make_files(f"TestDataset/{name}/GT", [f"{name}_1.png"], mask=True)
    return root


def test_training_reads_scribbles_as_the_papers_did(repack):
    train = config("sparseseg_resnet50_scribble_40e_cod").train_dataloader.dataset
    train.data_root = str(repack)
    sample = DATASETS.build(train)[0]
    labels = sample["data_samples"].sparse_sem_seg.data
    assert sample["inputs"]["image"].shape == (3, 320, 320)
    assert {int(value) for value in labels.unique()} == {0, 1, 255}
    assert (labels[0, 230:] == 1).any(), "the rim of the background stroke became foreground"


def test_the_four_sets_are_scored_on_their_own(repack):
    cfg = config("sparseseg_resnet50_scribble_40e_cod")
    for dataset in cfg.test_dataloader.dataset.datasets:
        dataset.data_root = str(repack)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    metric = METRICS.build(cfg.test_evaluator)
    for index in range(len(dataset)):
        sample = dataset[index]["data_samples"]
        sample.pred_mask = sample.gt_mask
        metric.process(None, [sample.to_dict()])
    scores = metric.evaluate(len(dataset))
    assert [scores[f"cod/{name}/MAE"] for name in SETS] == [0, 0, 0, 0]


def test_own_images_from_annotations_to_pictures(tmp_path):
    for index in range(3):
        pixels = np.full((40, 50 + index, 3), 60, np.uint8)
        pixels[10:30, 10:30] = 200
        (tmp_path / "Imgs").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "Imgs" / f"photo_{index}.webp")
        points = PointLabels(xy=[[20, 20], [40, 35]], labels=[1, 0], size=pixels.shape[:2])
        save_annotations(tmp_path / "Annotations" / f"photo_{index}.json", {"points": points})
    name = configs_dir() / "sparse_seg" / "tiny_sparseseg_resnet18_any_30e_own.py"
    options = {
        "train_dataloader.dataset.times": 2,
        "train_dataloader.dataset.dataset.images": tmp_path / "Imgs",
        "train_dataloader.dataset.dataset.sparse_dir": tmp_path / "Annotations",
        "test_dataloader.dataset.images": tmp_path / "Imgs",
        "train_cfg.max_epochs": 2,
    }
    words = ["--work-dir", tmp_path / "run", "--cfg-options", *(f"{key}={value}" for key, value in options.items())]
    assert run_tool("train.py", name, *words).code == 0
    out = tmp_path / "predictions"
    tested = run_tool(
        "test.py", name, tmp_path / "run/epoch_2.pth", "--show-dir", tmp_path / "shown", "--out", out, *words
    )
    assert tested.code == 0
    assert "3 of 3 images have no mask to compare with" in tested.out + tested.err
    assert len(list((tmp_path / "shown").rglob("*.png"))) == 3
    assert Image.open(out / "pred_mask" / "photo_2.png").size == (52, 40)
    assert json.loads((out / "metrics.json").read_text()) == {}


def test_a_student_of_pseudo_labels_needs_no_annotation(tmp_path):
    train = config("tiny_sparseseg_resnet18_pseudo_30e_own").train_dataloader.dataset
    (tmp_path / "Imgs").mkdir()
    (tmp_path / "masks").mkdir()
    for folder, suffix in (("Imgs", "jpg"), ("masks", "png")):
        Image.fromarray(np.full((20, 30), 255, np.uint8)).save(tmp_path / folder / f"photo.{suffix}")
    train.dataset.update(images=str(tmp_path / "Imgs"), pseudo_dir=str(tmp_path / "masks"))
    dataset = DATASETS.build(train)
    assert len(dataset) == train.times
    for sample in itertools.islice((dataset[index] for index in range(len(dataset))), 3):
        assert sample["data_samples"].pseudo_mask.data.min() == 1


def names_of(backbone: dict) -> set[str]:
    return set(MMSEG_MODELS.build({**backbone, "init_cfg": None}).state_dict())


def test_the_backbones_have_the_names_of_their_files():
    with torch.device("meta"):
        theirs = set(torchvision.models.resnet50().state_dict())
        ours = names_of(config("sparseseg_resnet50_scribble_40e_cod").model.backbone)
        assert ours == {name for name in theirs if not name.startswith("fc.")}
        timm = pytest.importorskip("timm")
        theirs = timm.create_model("pvt_v2_b4", pretrained=False, features_only=True).state_dict()
        assert names_of(config("sparseseg_pvtv2b4_point_60e_cod").model.backbone) == {
            f"timm_model.{name}" for name in theirs
        }
