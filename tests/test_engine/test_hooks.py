from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.structures import BaseDataElement, InstanceData, PixelData
from mmseg.structures import SegDataSample
from PIL import Image
from toy import ToyModel, settings

from sparsevision.engine import load_checkpoint
from sparsevision.engine.amp import CpuAmpOptimWrapper, adapt_to_cpu
from sparsevision.engine.hooks import PredictionWriter, VisualizationHook
from sparsevision.engine.pretrained import load_pretrained
from sparsevision.engine.runner import Runner
from sparsevision.engine.test import augment
from sparsevision.utils import UserError

RUNNER = SimpleNamespace(rank=0, iter=7)


def sample(**fields):
    made = SegDataSample(metainfo={"sample_id": "a"})
    for name, value in fields.items():
        made.set_field(value, name)
    return made


def test_predictions_become_files_by_their_field(tmp_path):
    writer = PredictionWriter(out_dir=str(tmp_path))
    boxes = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    made = sample(
        pred_mask=PixelData(data=torch.tensor([[[0.0, 0.5], [1.0, 0.2]]])),
        pred_soft_mask=PixelData(data=torch.tensor([[[0.25]]])),
        pred_sem_seg=PixelData(data=torch.tensor([[[0, 3], [255, 1]]])),
        pred_instances=InstanceData(bboxes=boxes),
        gt_sem_seg=PixelData(data=torch.zeros(1, 2, 2)),
    )
    writer.after_test_iter(RUNNER, 0, outputs=[made])
    writer.after_test_epoch(RUNNER, {"mIoU": np.float32(0.5)})
    assert np.asarray(Image.open(tmp_path / "pred_mask/a.png")).tolist() == [[0, 128], [255, 51]]
    assert np.asarray(Image.open(tmp_path / "pred_soft_mask/a.png")).tolist() == [[64]]
    assert np.asarray(Image.open(tmp_path / "pred_sem_seg/a.png")).tolist() == [[0, 3], [255, 1]]
    assert torch.equal(load_checkpoint(tmp_path / "pred_instances/a.pt")["pred_instances"]["bboxes"], boxes)
    assert (tmp_path / "metrics.json").read_text() == '{\n  "mIoU": 0.5\n}\n'
    assert not (tmp_path / "gt_sem_seg").exists()


def test_two_samples_of_one_name_are_refused_within_a_test_only(tmp_path):
    writer = PredictionWriter(out_dir=str(tmp_path))
    first, second = (sample(pred_mask=PixelData(data=torch.tensor([[[level]]]))) for level in (0.2, 0.4))
    for _ in range(2):
        writer.before_test_epoch(RUNNER)
        writer.after_test_iter(RUNNER, 0, outputs=[first])
    with pytest.raises(UserError, match="two samples of this test have the sample_id 'a'"):
        writer.after_test_iter(RUNNER, 1, outputs=[second])
    assert np.asarray(Image.open(tmp_path / "pred_mask/a.png")).tolist() == [[51]]


def test_predictions_of_clouds_are_arrays(tmp_path):
    made = BaseDataElement(metainfo={"sample_id": "Area_5_office_1"})
    made.pred_point_labels, made.pred_point_scores = torch.tensor([3, 255]), torch.tensor([0.5, 0.0])
    PredictionWriter(out_dir=str(tmp_path)).after_test_iter(RUNNER, 0, outputs=[made])
    labels, scores = (np.load(tmp_path / f"pred_point_{name}/Area_5_office_1.npy") for name in ("labels", "scores"))
    assert (labels.dtype, labels.tolist(), scores.tolist()) == (np.uint8, [3, 255], [0.5, 0.0])


def test_predictions_of_views_are_pictures_and_disparities(tmp_path):
    made = BaseDataElement(metainfo={"sample_id": "IMG_1"})
    made.pred_view = torch.tensor([[[1.0, 0.5]], [[0.0, 0.0]], [[0.2, 1.0]]])
    made.pred_disparity = torch.tensor([[0.8, 0.125]])
    made.pred_mask, made.pred_objectness = torch.tensor([[True, False]]), torch.tensor([[0.6, 0.2]])
    made.pred_accumulation = torch.tensor([[1.0, 0.0]])
    PredictionWriter(out_dir=str(tmp_path)).after_test_iter(RUNNER, 0, outputs=[made])
    pictures = {
        "view": [[[255, 0, 51], [128, 0, 255]]],
        "mask": [[255, 0]],
        "objectness": [[153, 51]],
        "accumulation": [[255, 0]],
    }
    for name, pixels in pictures.items():
        assert np.asarray(Image.open(tmp_path / f"pred_{name}/IMG_1.png")).tolist() == pixels
    disparity = np.load(tmp_path / "pred_disparity/IMG_1.npy")
    assert (disparity.dtype, disparity.tolist()) == (np.float32, made.pred_disparity.tolist())


class Drawn(list):
    """A visualizer that only notes what it is given."""

    def add_datasample(self, name, image, sample, **options):
        self.append((name, image.shape, image.dtype, options["out_file"]))


@pytest.mark.parametrize(("draw", "calls"), [(True, 1), (False, 0)])
def test_pictures_are_drawn_when_asked_for(tmp_path, draw, calls):
    runner = SimpleNamespace(rank=0, iter=7, visualizer=Drawn())
    batch = {"inputs": {"image": [torch.zeros(3, 4, 6, dtype=torch.uint8)]}}
    VisualizationHook(draw=draw, out_dir=str(tmp_path)).after_test_iter(runner, 0, batch, [sample()])
    assert runner.visualizer == [("a", (4, 6, 3), np.uint8, tmp_path / "a.png")] * calls
    VisualizationHook(draw=draw, interval=2).after_val_iter(runner, 0, batch, [sample()])
    VisualizationHook(draw=draw, interval=2).after_val_iter(runner, 1, batch, [sample()])
    assert [call[0] for call in runner.visualizer] == ["a", "val/a"][: 2 * calls]


def test_a_rendered_view_needs_no_image_of_the_network(tmp_path):
    drawn = []
    runner = SimpleNamespace(
        rank=0, iter=7, visualizer=SimpleNamespace(add_datasample=lambda *args, **_: drawn.append(args))
    )
    made = BaseDataElement(metainfo={"sample_id": "IMG_1"}, pred_view=torch.zeros(3, 4, 6))
    batch = {"inputs": {"rays": [torch.zeros(4, 6, 6)]}}
    VisualizationHook(draw=True, out_dir=str(tmp_path)).after_test_iter(runner, 0, batch, [made])
    assert drawn == [("IMG_1", None, made)]


def test_cpu_mixed_precision_runs_layers_in_bfloat16():
    net = torch.nn.Linear(2, 2)
    wrapper = CpuAmpOptimWrapper(torch.optim.SGD(net.parameters(), lr=0.1))
    with wrapper.optim_context(net):
        assert net(torch.ones(1, 2)).dtype == torch.bfloat16
    assert net.weight.dtype == torch.float32


@pytest.mark.skipif(torch.cuda.is_available(), reason="is about machines without a GPU")
def test_a_config_for_gpus_is_adapted():
    cfg = Config({"optim_wrapper": {"type": "mmengine.optim.AmpOptimWrapper", "loss_scale": "dynamic"}})
    assert adapt_to_cpu(cfg)
    assert cfg.optim_wrapper == {"type": CpuAmpOptimWrapper}
    assert not adapt_to_cpu(Config({"optim_wrapper": {"type": OptimWrapper}}))


def test_test_time_augmentation_wraps_model_and_pipeline():
    cfg = Config(
        {
            "model": {"type": "Net"},
            "tta_model": {"type": "Mean"},
            "tta_pipeline": ["flip"],
            "test_dataloader": {"dataset": {"pipeline": ["plain"]}},
        }
    )
    augment(cfg, "a.py")
    assert cfg.model == {"type": "Mean", "module": {"type": "Net"}}
    assert cfg.test_dataloader.dataset.pipeline == ["flip"]


def test_an_address_is_not_fetched_in_passing():
    with pytest.raises(UserError, match="download it first"):
        load_pretrained(ToyModel(), {"checkpoint": "https://example.org/a.pth"})


def test_mmengines_checkpoint_hook_is_replaced_by_ours(tmp_path):
    runner = Runner(**settings(tmp_path, default_hooks={"checkpoint": {"type": "CheckpointHook", "interval": 2}}))
    modules = {type(hook).__module__ for hook in runner.hooks if type(hook).__name__ == "CheckpointHook"}
    assert modules == {"sparsevision.engine.hooks.checkpoint"}
