"""Our checkpoints and scenes in nerfstudio's layout, for its viewer, renderings and methods."""

import copy
import importlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from mmengine.config import Config
from torch import nn

from sparsevision.datasets.image_io import write_png
from sparsevision.datasets.views.disparities import read_disparities
from sparsevision.datasets.views.files import whole_folder
from sparsevision.datasets.views.labels import read_labels
from sparsevision.datasets.views.scene import ViewScene
from sparsevision.datasets.views.transforms_json import FILE
from sparsevision.datasets.views.transforms_writer import write_transforms
from sparsevision.engine import load_checkpoint, load_state_dict, save_checkpoint, weights_of
from sparsevision.methods.spin_nerf.studio.package import nerfstudio
from sparsevision.registry import MODELS
from sparsevision.utils import UserError

PLUGIN = "sparsevision.methods.spin_nerf.studio.plugin.specification"
MASKS, DEPTHS = "nerfstudio_masks", "nerfstudio_depths"
OF_THE_DATA = ("factor", "layout", "preset", "pixel_centre", "undistort", "labels", "disparities")


def export_run(config: Config, checkpoint: str | Path, *, out: str | Path, data: str | Path | None = None) -> Path:
    """Write a run folder that `ns-viewer --load-config` and `ns-render` take.

    It is <out>/<scene>/spin-nerf/<name of the checkpoint>, with config.yml and nerfstudio_models/step-*.ckpt. The
    optimiser's moments stay behind: a training that goes on from there starts them anew, at the rate of that step.

    Args:
        config: of the training.
        checkpoint: that our runner wrote.
        out: folder of nerfstudio's runs.
        data: the scene's folder, if it is not where the config says.

    Returns:
        The path of config.yml.

    Raises:
        ImportError: nerfstudio is not installed.
        UserError: the config is not of a radiance field, or the checkpoint does not fit it.
    """
    nerfstudio("plugins.types", why="The export to nerfstudio")
    dataset = config.get("train_dataloader", {}).get("dataset", {})
    if "renderer" not in config.model or "data_root" not in dataset:
        raise UserError(
            f"{config.filename}: is no config of a field that learns from a scene's rays (configs/spin_nerf)."
        )
    loaded = load_checkpoint(checkpoint)
    step = int(loaded.get("meta", {}).get("iter", 0))
    method = plain_config(config.model) | {"perceptual": None}
    model = MODELS.build(method)
    load_state_dict(model, weights_of(loaded), source=checkpoint)
    run = _run_config(method, dataset, Path(data or dataset["data_root"]), name=Path(checkpoint).stem)
    run.output_dir = Path(out).resolve()
    with whole_folder(run.get_base_dir()) as folder:
        (folder / "config.yml").write_text(yaml.dump(run), encoding="utf-8")
        models = folder / run.relative_model_dir
        models.mkdir()
        save_checkpoint(_state(model, run, step), models / f"step-{step:09d}.ckpt")
    return run.get_base_dir() / "config.yml"


def _run_config(method: dict[str, Any], dataset: Mapping[str, Any], data: Path, *, name: str) -> Any:
    """nerfstudio's TrainerConfig of the plug-in, for this model and scene."""
    run = copy.deepcopy(importlib.import_module(PLUGIN).spin_nerf.config)
    data = data.resolve()
    run.data, run.experiment_name, run.timestamp = data, data.name, name
    run.pipeline.model.method = method
    manager = run.pipeline.datamanager
    manager.data = manager.dataparser.data = data
    for option in OF_THE_DATA:
        if dataset.get(option) is not None:
            setattr(manager.dataparser, option, dataset[option])
    if dataset.get("images"):
        manager.dataparser.images = dataset["images"]
    manager.settings = {
        name: value for name, value in plain_config(dataset).items() if name not in ("type", "data_root")
    }
    manager.settings["groups"].pop("patches", None)  # the network that compares them is not exported
    return run


def plain_config(value: Any) -> Any:
    """A config without mmengine's classes: dicts, lists and what they hold; types stay what they are."""
    if isinstance(value, Mapping):
        return {name: plain_config(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_config(part) for part in value]
    return value


def _state(model: nn.Module, run: Any, step: int) -> dict[str, Any]:
    """A checkpoint of nerfstudio's trainer."""
    parameters = [parameter for parameter in model.renderer.parameters() if parameter.requires_grad]
    settings = run.optimizers["fields"]
    optimizer = settings["optimizer"].setup(params=parameters)
    schedule = settings["scheduler"].setup().get_scheduler(optimizer, settings["optimizer"].lr)
    schedule.last_epoch = step
    for group, rate in zip(optimizer.param_groups, schedule.base_lrs, strict=True):
        group["lr"] = rate * schedule.gamma**step
    weights = {f"_model.method.{name}": value for name, value in model.state_dict().items()}
    return {
        "step": step,
        "pipeline": {"_model.device_indicator_param": torch.empty(0)} | weights,
        "optimizers": {"fields": optimizer.state_dict()},
        "schedulers": {"fields": schedule.state_dict()},
        "scalers": {},
    }


def export_scene(
    scene: ViewScene, out: str | Path, *, labels: str | None = "label", disparities: str | None = None
) -> Path:
    """Write a scene as <out>/transforms.json with masks and depths, for any method of nerfstudio. Images stay.

    nerfstudio wants a mask and a depth of each view, or of none: a view without a label is kept as a whole, one without
    disparities gets a depth of 0, which is nerfstudio's word for not known.

    Args:
        scene: from `load_scene`.
        out: folder for the file and for the folders nerfstudio_masks and nerfstudio_depths.
        labels: folder of masks beside the images; None for none. The object is what nerfstudio leaves out.
        disparities: folder of inpainted disparities beside the images; None for none.

    Returns:
        The path of transforms.json.

    Raises:
        UserError: the folders do not hold what they should.
    """
    masks = None if labels is None else read_labels(scene, labels)
    disparity = None if disparities is None else read_disparities(scene, disparities)
    out = Path(out)
    mask_files = depth_files = None
    if masks is not None:
        mask_files = [out / MASKS / f"{name}.png" for name in scene.image_names]
        with whole_folder(out / MASKS) as folder:
            for path, mask in zip(mask_files, masks, strict=True):
                write_png(folder / path.name, np.where(mask == 1, 0, 255).astype(np.uint8))
    if disparity is not None:
        depth_files = [out / DEPTHS / f"{name}.npy" for name in scene.image_names]
        with whole_folder(out / DEPTHS) as folder:
            for path, values in zip(depth_files, disparity, strict=True):
                np.save(folder / path.name, original_depth(values, scene.scale))
    out.mkdir(parents=True, exist_ok=True)
    write_transforms(replace(scene, depth_unit=1.0), out / FILE, mask_files=mask_files, depth_files=depth_files)
    return out / FILE


def original_depth(disparity: np.ndarray, scale: float) -> np.ndarray:
    """(H,W) disparities of the scene -> float32 depths of its original world; 0 where there is no disparity."""
    known = np.nan_to_num(disparity, nan=0.0) > 0
    return np.where(known, 1 / np.where(known, disparity, 1) / scale, 0).astype(np.float32)
