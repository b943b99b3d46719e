"""Checkpoints and scenes of ours in nerfstudio's layout."""

import json

import numpy as np
import pytest
import torch
import yaml
from mmengine.config import Config
from studio_scene import NAMES, TEST, write_scene
from tool_runner import run_tool

from sparsevision.datasets.image_io import read_grey
from sparsevision.datasets.views.dataset import SceneRays, view_rays
from sparsevision.datasets.views.layouts import load_scene
from sparsevision.engine import CheckpointError, save_checkpoint
from sparsevision.methods.spin_nerf.method import SPInNeRF
from sparsevision.methods.spin_nerf.radiance.hash_field import HashGridField
from sparsevision.methods.spin_nerf.radiance.renderer import Renderer
from sparsevision.methods.spin_nerf.studio.cameras import studio_cameras
from sparsevision.methods.spin_nerf.studio.export import (
    export_run,
    export_scene,
    original_depth,
    plain_config,
)
from sparsevision.registry import MODELS
from sparsevision.utils import UserError

pytest.importorskip("nerfstudio", reason="nerfstudio is not installed (make nerfstudio)")


@pytest.fixture
def root(tmp_path):
    """The folder of a small scene."""
    return write_scene(tmp_path / "scene")


@pytest.fixture
def scene(root):
    """It, loaded."""
    return load_scene(root, factor=2)


def config_of(root):
    """A config of the final fit, as a Runner has it."""
    fine = {"type": HashGridField, "levels": 2, "log2_rows": 8, "finest": 32}
    return Config(
        {
            "model": {
                "type": SPInNeRF,
                "renderer": {"type": Renderer, "fine": fine, "num_samples": 6, "num_fine_samples": 6},
                "perceptual": {"type": "LPIPS", "net": "alex"},
                "preset": "fixed",
            },
            "train_dataloader": {
                "dataset": {
                    "type": SceneRays,
                    "data_root": str(root),
                    "factor": 2,
                    "images": "lama_images",
                    "disparities": "depth",
                    "dilate": 1,
                    "pixel_centre": 0.5,
                    "groups": {"background": {"rays": 8, "where": "background"}, "patches": {"count": 1}},
                }
            },
        }
    )


def config_text(root):
    """The same in a file."""
    return f"""
model = dict(
    type="SPInNeRF",
    renderer=dict(
        type="Renderer",
        fine=dict(type="HashGridField", levels=2, log2_rows=8, finest=32),
        num_samples=6,
        num_fine_samples=6,
    ),
    preset="fixed",
)
train_dataloader = dict(
    dataset=dict(type="SceneRays", data_root={str(root)!r}, factor=2, groups=dict(colours=dict(rays=8, where="all")))
)
"""


@pytest.fixture
def trained(root, tmp_path):
    """A config, its checkpoint and the model in it."""
    config = config_of(root)
    torch.manual_seed(1)
    model = MODELS.build(plain_config(config.model) | {"perceptual": None})
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    path = tmp_path / "iter_120.pth"
    save_checkpoint({"state_dict": model.state_dict(), "meta": {"iter": 120}}, path)
    return config, path, model


class TestRun:
    def test_is_where_and_what_nerfstudio_expects(self, trained, tmp_path):
        config, checkpoint, _ = trained
        written = export_run(config, checkpoint, out=tmp_path / "runs")
        assert written == tmp_path / "runs" / "scene" / "spin-nerf" / "iter_120" / "config.yml"
        state = torch.load(written.parent / "nerfstudio_models" / "step-000000120.ckpt", weights_only=True)
        assert list(state) == ["step", "pipeline", "optimizers", "schedulers", "scalers"]
        assert state["step"] == 120
        assert all(name.startswith("_model.") for name in state["pipeline"])
        rate = state["optimizers"]["fields"]["param_groups"][0]["lr"]
        assert rate == pytest.approx(0.01 * 0.1 ** (120 / 10000))

    def test_nerfstudio_opens_it_and_sees_what_ours_sees(self, trained, scene, tmp_path, monkeypatch):
        from nerfstudio.utils.eval_utils import eval_setup

        monkeypatch.delenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", raising=False)
        monkeypatch.setattr("torch.cuda.is_available", lambda: False)
        config, checkpoint, model = trained
        written = export_run(config, checkpoint, out=tmp_path / "runs")
        _, pipeline, _, step = eval_setup(written)
        assert step == 120
        outputs = pipeline.model.get_outputs_for_camera(studio_cameras(scene, [3], pixel_centre=0.5))
        with torch.no_grad():
            ours = model.render(view_rays(scene, 3, pixel_centre=0.5), torch.tensor([scene.near, scene.far]))
        torch.testing.assert_close(outputs["rgb"], ours["rgb"], atol=2e-5, rtol=0)

    def test_the_config_remembers_how_the_data_were_read(self, trained, root, tmp_path):
        config, checkpoint, _ = trained
        run = yaml.load(export_run(config, checkpoint, out=tmp_path / "runs").read_text(), Loader=yaml.Loader)
        manager = run.pipeline.datamanager
        assert (manager.dataparser.data, manager.dataparser.factor) == (root, 2)
        assert (manager.dataparser.pixel_centre, manager.dataparser.disparities) == (0.5, "depth")
        assert manager.dataparser.images == "lama_images"
        assert manager.settings["groups"] == {"background": {"rays": 8, "where": "background"}}

    def test_training_goes_on_with_the_same_rays(self, trained, root, tmp_path):
        config, checkpoint, _ = trained
        run = yaml.load(export_run(config, checkpoint, out=tmp_path / "runs").read_text(), Loader=yaml.Loader)
        pipeline = run.pipeline.setup(device="cpu", test_mode="val")
        options = plain_config(config.train_dataloader.dataset) | {
            "groups": {"background": {"rays": 8, "where": "background"}}
        }
        del options["type"]
        ours = SceneRays(**options)[5]["inputs"]
        theirs = pipeline.datamanager.next_train(5)[1]
        assert set(theirs) == set(ours)
        assert all(torch.equal(theirs[name], ours[name]) for name in ours)
        assert set(pipeline.get_train_loss_dict(5)[1]) == {"loss_background"}

    def test_a_moved_scene_can_be_named(self, trained, root, tmp_path):
        config, checkpoint, _ = trained
        moved = root.rename(tmp_path / "moved")
        assert "moved" in str(export_run(config, checkpoint, out=tmp_path / "runs", data=moved))

    def test_a_checkpoint_of_another_model(self, trained, tmp_path):
        config, checkpoint, _ = trained
        config.model.renderer.fine.levels = 3
        with pytest.raises(CheckpointError, match="iter_120"):
            export_run(config, checkpoint, out=tmp_path / "runs")
        assert not (tmp_path / "runs").exists()

    def test_a_config_of_another_method(self, trained, tmp_path):
        with pytest.raises(UserError, match="configs/spin_nerf"):
            export_run(Config({"model": {"type": "SparseSegmentor"}}), trained[1], out=tmp_path / "runs")


class TestScene:
    def test_poses_masks_and_depths(self, scene, tmp_path):
        written = export_scene(scene, tmp_path / "out", labels="label", disparities="depth")
        again = load_scene(written.parent, factor=1)
        np.testing.assert_allclose(again.poses, scene.poses, atol=1e-9)
        frames = {frame["file_path"].rsplit("/")[-1]: frame for frame in json.loads(written.read_text())["frames"]}
        frame = frames[f"{NAMES[TEST]}.png"]
        mask = read_grey(written.parent / frame["mask_path"])
        assert (mask == 0).sum() == 24
        assert read_grey(written.parent / frames[f"{NAMES[0]}.png"]["mask_path"]).min() == 255
        depth = np.load(written.parent / frame["depth_file_path"])
        np.testing.assert_allclose(depth, 2 / scene.scale, rtol=1e-6)

    def test_no_disparity_is_no_depth(self):
        depth = original_depth(np.array([[0.5, np.nan, 0.0]]), scale=0.5)
        np.testing.assert_array_equal(depth, [[4.0, 0.0, 0.0]])

    def test_what_else_lies_in_the_folder_stays(self, scene, tmp_path):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "notes.txt").write_text("mine")
        export_scene(scene, tmp_path / "out", labels=None)
        assert {path.name for path in (tmp_path / "out").iterdir()} == {"notes.txt", "transforms.json"}

    def test_nerfstudio_reads_it(self, scene, tmp_path):
        from nerfstudio.data.dataparsers.nerfstudio_dataparser import NerfstudioDataParserConfig

        written = export_scene(scene, tmp_path / "out", labels="label", disparities="depth")
        parser = NerfstudioDataParserConfig(data=written.parent, downscale_factor=1, eval_mode="filename").setup()
        outputs = parser.get_dataparser_outputs("train")
        assert len(outputs.image_filenames) == len(NAMES) - TEST
        assert len(outputs.mask_filenames) == len(NAMES) - TEST


class TestTool:
    def test_scene(self, root, tmp_path):
        done = run_tool("misc/export_nerfstudio.py", "scene", root, "--factor", 2, "--out", tmp_path / "out")
        assert "6 views" in done.out
        assert (tmp_path / "out" / "transforms.json").is_file()

    def test_run(self, trained, tmp_path):
        config, checkpoint, _ = trained
        file = tmp_path / "config.py"
        file.write_text(config_text(config.train_dataloader.dataset.data_root), encoding="utf-8")
        done = run_tool("misc/export_nerfstudio.py", "run", file, checkpoint, "--out", tmp_path / "runs")
        assert "ns-viewer --load-config" in done.out
        assert (tmp_path / "runs/scene/spin-nerf/iter_120/config.yml").is_file()
