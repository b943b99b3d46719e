"""Every config parses, survives a dump, builds and runs one forward; the tiny ones also a loss step and a predict."""

import ast
import contextlib
import json
import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS as MMSEG_MODELS

from sparsevision.apis.example import build_example
from sparsevision.registry import DATASETS, METRICS, MODELS
from sparsevision.utils import UserError, configs_dir

CONFIGS = sorted(path for path in configs_dir().glob("*/*.py") if path.parent.name != "_base_")
TINY = [path for path in CONFIGS if path.stem.startswith(("tiny_", "study_"))]


def named(path: Path) -> str:
    """Test id."""
    return path.stem


WEIGHTS = frozenset({"checkpoint", "init_cfg", "pretrained", "weights"})


def without_weights(node):
    """A copy of a model's config that asks for no file of weights."""
    if isinstance(node, dict):
        return {key: None if key in WEIGHTS else without_weights(value) for key, value in node.items()}
    return [without_weights(value) for value in node] if isinstance(node, list | tuple) else node


def run_gensam_networks(model):
    """Both networks at their own input size; the loop between them works on arrays and has tests of its own."""
    sam, clip = model.segmenter.network, model.heatmap_backend.clip
    side = sam.image_encoder.img_size
    assert sam.image_encoder(torch.empty(1, 3, side, side)).shape == (1, 256, side // 16, side // 16)
    side = model.heatmap_backend.input_size
    assert clip.encode_image(torch.empty(1, 3, side, side)).shape[1] == 1 + model.heatmap_backend.side**2


def run_tensor_mode(model):
    """Logits of a small image."""
    assert model({"image": torch.empty(1, 3, 64, 64)}, mode="tensor").shape[:2] == (1, 2)


def run_both_students(model):
    """Logits of each student after two small grids."""
    for student in model.students:
        logits, _ = student(torch.empty(1, 2 * student.encoder.bins, 64, 64))
        assert logits.shape == (1, model.num_classes, 64, 64)


def check_sparse_network(model):
    """Sizes alone: which voxels meet is a matter of coordinates, which nothing on "meta" has."""
    assert model.network.final.kernel.shape == (96, model.num_classes)
    assert sum(parameter.numel() for parameter in model.network.parameters()) > 37_840_000


def check_field(model):
    """Raw answers at a few points: where rays meet is a matter of numbers, which nothing on "meta" has."""
    field = model.renderer.fine
    raw = field(torch.empty(2, 3, 3), torch.empty(2, 3))
    assert raw.shape[:2] == (2, 3)
    assert raw.shape[2] in (4, 5)


def run_detector_parts(model):
    """Backbone and neck on an image, and parts of the rest on tokens: which are best, nothing on "meta" knows."""
    network = model.network
    maps = network.neck(network.backbone(torch.empty(1, 3, 64, 96)))
    assert [tuple(level.shape[2:]) for level in maps] == [(8, 12), (4, 6), (2, 3), (1, 2)]
    tokens = torch.cat([level.flatten(2).transpose(1, 2) for level in maps], dim=1)
    assert network.proposals(tokens).shape == (1, 128, 256)
    assert network.class_heads[-1](tokens).shape == (1, 128, model.num_classes)
    assert network.box_heads[-1](tokens).shape == (1, 128, 4)
    assert network.encoder.layers[0].ffn(tokens).shape == network.decoder.layers[0].ffn(tokens).shape == (1, 128, 256)
    assert sum(parameter.numel() for parameter in network.parameters()) > 45_000_000


def check_motion_networks(model):
    """One call of each network that there is; of stage 1, of its ControlNet, of stage 2, or of the autoencoder."""
    if hasattr(model, "motion"):
        check_motion_networks(model.motion)
        check_motion_networks(model.frames)
        return
    if not hasattr(model, "unet"):
        pictures = model.flow_codec.autoencoder.encode(torch.empty(1, 2, 64, 64))
        assert model.flow_codec.autoencoder.decode(pictures.mean).shape == (1, 2, 64, 64)
        return
    sample, text = torch.empty(1, model.unet.in_channels, 2, 8, 8), torch.empty(1, 77, 768)
    if model.unet.stride_embedding is None:
        assert model.unet(sample, 1, text, flow=torch.empty(1, 2, 2, 64, 64)).shape == (1, 4, 2, 8, 8)
        return
    control, strides = None, torch.empty(2)
    if model.controlnet is not None:
        control = model.controlnet(sample, 1, text, condition=torch.empty(1, 5, 2, 8, 8), strides=strides)
    assert model.unet(sample, 1, text, strides=strides, control=control).shape == (1, 4, 2, 8, 8)


FORWARD_OF = {
    "CPCM": check_sparse_network,
    "EVWSSS": run_both_students,
    "FlowAutoencoder": check_motion_networks,
    "FocusDETR": run_detector_parts,
    "FrameRenderer": check_motion_networks,
    "GenSAM": run_gensam_networks,
    "MotionI2V": check_motion_networks,
    "MotionPredictor": check_motion_networks,
    "SPInNeRF": check_field,
    "SparseSegmentor": run_tensor_mode,
}

ANSWERS = {
    "pred_view": (3, 64, 80),
    "pred_mask": (1, 64, 80),
    "pred_sem_seg": (1, 64, 80),
    "pred_voxel_labels": (64 * 80,),
    "pred_instances": None,
    "pred_video": (3, 8, 64, 80),
    "pred_flow": (7, 2, 64, 80),
}


def check_detections(found, *, num_classes):
    """Boxes within an image of 64 x 80, by falling score."""
    assert 0 < len(found) <= 300
    assert found.bboxes.shape == (len(found), 4)
    assert 0 <= float(found.bboxes.min()) <= float(found.bboxes.max()) <= 80
    assert 0 <= int(found.labels.min()) <= int(found.labels.max()) < num_classes
    assert (found.scores.diff() <= 0).all()
    assert 0 <= float(found.scores.min()) <= float(found.scores.max()) <= 1


each_config = pytest.mark.parametrize("path", CONFIGS, ids=named)
DETECTORS = (
    "dino_lite0_boxes",
    "focus_detr_lite0_boxes",
    "sparse_detr_lite0_boxes",
    "salience_detr_lite0_boxes",
    "focus_detr_lite0_halfboxes",
    "focus_detr_lite0_halfboxesteacher",
)
NEEDS_WEIGHTS = {
    **{f"tiny_{name}_4e_shapes": ("efficientnet_lite0",) for name in DETECTORS},
    "tiny_focus_detr_lite0_boxes_overfit_coco8": ("efficientnet_lite0",),
    "tiny_gensam_mobilesam_conse": ("mobile_sam", "efficientnet_lite0", "all_minilm_l6_v2"),
    "tiny_spinnerf_densegrid_inpainted_300i_room": ("lpips_vgg16",),
}


def marked(path: Path):
    """The path, marked when its model cannot be built without real weights."""
    return pytest.param(path, id=named(path), marks=[pytest.mark.real_weights] if path.stem in NEEDS_WEIGHTS else [])


each_tiny = pytest.mark.parametrize("path", [marked(path) for path in TINY])


@each_config
def test_it_holds_what_the_tools_need(path):
    cfg = Config.fromfile(path)
    assert cfg.default_scope is None, "pure-Python configs say default_scope = None"
    for key in ("model", "test_dataloader", "test_evaluator", "test_cfg"):
        assert cfg.get(key) is not None, f"{path.name} has no {key}"
    trained = {key: cfg.get(key) is not None for key in ("train_cfg", "train_dataloader", "optim_wrapper")}
    assert len(set(trained.values())) == 1, f"a config that trains has all of these, one that does not none: {trained}"


@each_config
def test_its_docstring_shows_the_command(path):
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert f"configs/{path.parent.name}/{path.name}" in text, "say how to run it, with its own path"
    assert not {"TIME", "EXPECT", "TODO"} & set(re.findall(r"[A-Z]+", text)), "fill in the placeholder, or leave it out"


@each_config
def test_a_dumped_config_is_the_same_config(path, tmp_path):
    cfg = Config.fromfile(path)
    cfg.dump(tmp_path / "dumped.json")
    again = Config.fromfile(tmp_path / "dumped.json")
    assert json.loads(json.dumps(again.to_dict())) == json.loads(json.dumps(cfg.to_dict()))


@each_config
def test_its_data_set_builds_or_says_what_is_missing(path):
    cfg = Config.fromfile(path)
    with contextlib.suppress(UserError):
        assert len(DATASETS.build(cfg.test_dataloader.dataset)) > 0


@each_config
def test_its_metrics_build(path, weights):
    if "lpips" in str(Config.fromfile(path).test_evaluator):
        weights("lpips_vgg16")
    evaluators = Config.fromfile(path).test_evaluator
    for evaluator in evaluators if isinstance(evaluators, list | tuple) else [evaluators]:
        METRICS.build(evaluator)


@pytest.mark.parametrize("path", [path for path in CONFIGS if path not in TINY], ids=named)
def test_a_full_size_model_builds_and_runs_on_meta(path):
    parts = without_weights(Config.fromfile(path).model)
    if "Studio" in str(parts):
        pytest.importorskip("nerfstudio", reason="nerfstudio is not installed (make nerfstudio)")
    if "heatmap_backend" in parts:  # open_clip places its tensors itself
        parts["heatmap_backend"] = MODELS.build(parts["heatmap_backend"])
    if "backbone" in parts:  # mmseg's MiT reads numbers out of tensors while it is built
        parts["backbone"] = MMSEG_MODELS.build(parts["backbone"])
    with torch.device("meta"), torch.no_grad():
        model = MODELS.build(parts).to("meta")
        FORWARD_OF[type(model).__name__](model)


@each_tiny
def test_a_tiny_config_predicts_even_from_yaml(path, tmp_path, weights):
    files = [weights(name) for name in NEEDS_WEIGHTS.get(path.stem, ())]
    cfg = Config.fromfile(path)
    cfg.dump(tmp_path / "dumped.yml")
    example = build_example(Config.fromfile(tmp_path / "dumped.yml"), size=(64, 80), count=1 if files else 2)
    with torch.no_grad():
        samples = example.forward("predict")
    for sample in samples:
        field = next(name for name in ANSWERS if name in sample)
        answer = getattr(sample.get(field), "data", sample.get(field))
        if field == "pred_instances":
            check_detections(answer, num_classes=example.model.num_classes)
            continue
        if field == "pred_flow":
            assert answer.shape == ANSWERS[field]
            assert torch.isfinite(answer).all()
            continue
        highest = 1 if field in ("pred_mask", "pred_view", "pred_video") else example.model.num_classes - 1
        assert answer.shape == ANSWERS[field]
        assert 0 <= float(answer.min()) <= float(answer.max()) <= highest


@pytest.mark.parametrize("path", [path for path in TINY if Config.fromfile(path).get("train_cfg")], ids=named)
def test_a_tiny_config_that_trains_takes_a_loss_step(path):
    example = build_example(path, size=(64, 64), count=2)
    example.model.train()
    terms = example.forward("loss")
    loss, _ = example.model.parse_losses(terms)
    loss.backward()
    gradients = [parameter.grad for parameter in example.model.parameters() if parameter.requires_grad]
    assert torch.isfinite(loss)
    assert any(gradient is not None and gradient.abs().sum() > 0 for gradient in gradients)
