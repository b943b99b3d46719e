"""`spin-nerf` in nerfstudio: its data parser, data manager, model and pipeline."""

import copy
from importlib.metadata import entry_points

import numpy as np
import pytest
import torch
from studio_scene import NAMES, TEST, VIEWS, write_scene

from sparsevision.datasets.image_io import write_png
from sparsevision.datasets.views.dataset import view_rays
from sparsevision.datasets.views.layouts import load_scene
from sparsevision.methods.spin_nerf.studio.cameras import bundle_of, lengths_of, rays_of, studio_cameras
from sparsevision.utils import UserError

pytest.importorskip("nerfstudio", reason="nerfstudio is not installed (make nerfstudio)")

from sparsevision.methods.spin_nerf.studio.plugin import dataparser, specification, stages
from sparsevision.methods.spin_nerf.studio.plugin import model as model_module
from sparsevision.methods.spin_nerf.studio.plugin import pipeline as pipeline_module


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The folder of a small scene."""
    return write_scene(tmp_path_factory.mktemp("studio") / "scene")


@pytest.fixture(scope="module")
def scene(root):
    """It, loaded."""
    return load_scene(root, factor=2, preset="fixed")


def parser_of(root, **options):
    """The data parser of a scene."""
    return dataparser.SpinNerfDataParserConfig(data=root, **options).setup()


def config_of(root, **model_options):
    """A small pipeline on the processor."""
    config = copy.deepcopy(specification.spin_nerf.config).pipeline
    config.datamanager.data = root
    config.datamanager.train_num_rays_per_batch, config.datamanager.dilate = 32, 1
    options = {"field": "hash", "finest": 32, "num_samples": 6, "num_fine_samples": 6} | model_options
    for name, value in options.items():
        setattr(config.model, name, value)
    return config


class TestCameras:
    @pytest.mark.parametrize("pixel_centre", [0.0, 0.5])
    def test_rays_are_ours(self, scene, pixel_centre):
        camera = studio_cameras(scene, [3], pixel_centre=pixel_centre)
        bundle = camera.generate_rays(camera_indices=0)
        ours = view_rays(scene, 3, pixel_centre=pixel_centre)
        torch.testing.assert_close(rays_of(bundle), ours, atol=2e-6, rtol=0)

    def test_a_lens_is_given_in_nerfstudios_order(self, scene):
        bent = copy.copy(scene)
        object.__setattr__(bent, "intrinsics", copy.copy(scene.camera(0)))
        object.__setattr__(bent.intrinsics, "distortion", (0.1, 0.2, 0.3, 0.4))
        given = studio_cameras(bent, [0], undistort=True).distortion_params
        torch.testing.assert_close(given, torch.tensor([[0.1, 0.2, 0.0, 0.0, 0.3, 0.4]]))
        assert studio_cameras(bent, [0]).distortion_params is None

    def test_bundles_and_back(self):
        rays = torch.randn(5, 6)
        bundle = bundle_of(rays)
        torch.testing.assert_close(bundle.directions.norm(dim=-1), torch.ones(5))
        torch.testing.assert_close(rays_of(bundle), rays)
        del bundle.metadata["directions_norm"]
        assert (lengths_of(bundle) == 1).all()


class TestDataParser:
    def test_training_views_with_their_files(self, root, scene):
        outputs = parser_of(root).get_dataparser_outputs("train")
        assert outputs.metadata["names"] == list(NAMES[TEST:])
        assert [path.stem for path in outputs.image_filenames] == list(NAMES[TEST:])
        assert [path.name for path in outputs.metadata["labels"]] == [f"{name}.png" for name in NAMES[TEST:]]
        assert [path.suffix for path in outputs.metadata["disparities"]] == [".npy"] * (VIEWS - TEST)
        assert (outputs.metadata["near"], outputs.metadata["far"]) == (scene.near, scene.far)
        assert outputs.metadata["split"] == "train"

    @pytest.mark.parametrize("split", ["val", "test"])
    def test_views_without_the_object_are_the_test(self, root, split):
        outputs = parser_of(root).get_dataparser_outputs(split)
        assert outputs.metadata["names"] == list(NAMES[:TEST])
        assert outputs.metadata["labels"] == [None] * TEST

    def test_inpainted_images_for_training_alone(self, root):
        parser = parser_of(root, images="lama_images")
        assert parser.get_dataparser_outputs("train").image_filenames[0].parent.name == "lama_images"
        assert parser.get_dataparser_outputs("test").image_filenames[0].parent.name == "images_2"

    def test_poses_come_back_to_the_original_world(self, root):
        outputs = parser_of(root).get_dataparser_outputs("train")
        back = outputs.transform_poses_to_original_space(outputs.cameras.camera_to_worlds, camera_convention="opengl")
        rows = np.load(root / "poses_bounds.npy")[TEST:, :15].reshape(-1, 3, 5)
        torch.testing.assert_close(back[:, :, 3], torch.from_numpy(rows[:, :, 3]).float(), atol=1e-5, rtol=1e-5)

    def test_numbered_disparities_are_found(self, root, tmp_path):
        own = write_scene(tmp_path / "scene")
        for view, name in enumerate(NAMES[TEST:], start=TEST):
            (own / "images_2/depth" / f"{name}.npy").unlink()
            write_png(own / "images_2/depth" / f"img{view:03d}.png", np.full((16, 24), 128, np.uint8))
        found = parser_of(own).get_dataparser_outputs("train").metadata["disparities"]
        assert found[0].name == f"img{TEST:03d}.png"

    def test_the_largest_labelled_images_are_taken(self, tmp_path):
        assert dataparser.largest_factor(tmp_path, "label") == 1
        for name in ("images_8", "images_2", "images_4/label", "images_x"):
            (tmp_path / name).mkdir(parents=True)
        assert dataparser.largest_factor(tmp_path, "label") == 4
        assert dataparser.largest_factor(tmp_path, "masks") == 2
        (tmp_path / "images" / "label").mkdir(parents=True)
        assert dataparser.largest_factor(tmp_path, "label") == 1


class TestStages:
    def test_auto_takes_what_the_files_allow(self, scene, tmp_path):
        assert stages.stage_of(scene, "auto", labels="label", images="lama_images") == "removal"
        assert stages.stage_of(scene, "auto", labels="label", images="absent") == "masked"
        assert stages.stage_of(scene, "auto", labels="absent", images="lama_images") == "scene"
        assert stages.stage_of(scene, "segmentation", labels="absent", images="absent") == "segmentation"

    def test_no_such_stage(self, scene):
        with pytest.raises(UserError, match="removal"):
            stages.stage_of(scene, "remove", labels="label", images="lama_images")

    def test_groups_follow_the_files(self, scene):
        folders = {"labels": "label", "images": "lama_images", "disparities": "depth"}
        settings = stages.rays_of_stage(scene, "removal", rays=8, patches=True, dilate=2, **folders)
        assert list(settings["groups"]) == ["background", "hole", "reference", "patches"]
        assert (settings["images"], settings["disparities"], settings["dilate"]) == ("lama_images", "depth", 2)
        plain = stages.rays_of_stage(scene, "scene", rays=8, patches=True, dilate=2, **folders)
        assert list(plain["groups"]) == ["colours"]
        assert (plain["images"], plain["labels"], plain["dilate"]) == (None, None, 0)
        without = stages.rays_of_stage(
            scene, "removal", rays=8, patches=False, dilate=2, **folders | {"disparities": "no"}
        )
        assert list(without["groups"]) == ["background", "reference"]


class TestPipeline:
    @pytest.fixture(scope="class")
    def pipeline(self, root):
        torch.manual_seed(0)
        return config_of(root).setup(device="cpu", test_mode="val")

    def test_losses_are_the_methods(self, pipeline):
        _, losses, _ = pipeline.get_train_loss_dict(0)
        assert set(losses) == {"loss_background", "loss_disparity", "loss_reference"}
        sum(losses.values()).backward()
        assert any(parameter.grad is not None for parameter in pipeline.get_param_groups()["fields"])

    def test_the_same_step_has_the_same_rays(self, pipeline):
        (first, known), (again, _) = pipeline.datamanager.next_train(3), pipeline.datamanager.next_train(3)
        assert torch.equal(first.directions, again.directions)
        groups = [value.reshape(-1, 6) for name, value in known.items() if name.endswith("_rays")]
        torch.testing.assert_close(rays_of(first), torch.cat(groups))

    def test_a_camera_sees_what_ours_sees(self, pipeline, scene):
        pipeline.eval()
        outputs = pipeline.model.get_outputs_for_camera(studio_cameras(scene, [4]))
        with torch.no_grad():
            ours = pipeline.model.method.render(view_rays(scene, 4), torch.tensor([scene.near, scene.far]))
        torch.testing.assert_close(outputs["rgb"], ours["rgb"], atol=1e-5, rtol=0)
        torch.testing.assert_close(outputs["disparity"][..., 0], ours["disparity"], atol=1e-5, rtol=0)
        assert (outputs["depth"][..., 0] >= 0.99 / ours["disparity"]).all()

    def test_evaluation_of_a_view_has_psnr_and_pictures(self, pipeline):
        metrics, images = pipeline.get_eval_image_metrics_and_images(0)
        assert 0 < metrics["psnr"] < 60
        assert images["img"].shape == (16, 48, 3)
        assert {"accumulation", "disparity"} <= set(images)
        _, losses, _ = pipeline.get_eval_loss_dict(0)
        assert losses["rgb_loss"] > 0

    def test_nothing_of_torchmetrics_is_built(self, pipeline):
        kinds = {type(module).__module__.split(".")[0] for module in pipeline.modules()}
        assert "torchmetrics" not in kinds

    @pytest.mark.parametrize("field", list(model_module.FIELDS))
    @pytest.mark.parametrize("renderer", ["ours", "studio"])
    def test_every_field_and_renderer_learns_objectness(self, root, field, renderer):
        config = config_of(root, field=field, renderer=renderer, coordinates="box")
        config.stage = "segmentation"
        pipeline = config.setup(device="cpu", test_mode="val")
        _, losses, _ = pipeline.get_train_loss_dict(0)
        assert losses["loss_objectness"] > 0
        pipeline.eval()
        assert "objectness" in pipeline.model.get_outputs_for_camera(pipeline.datamanager.eval_dataset.cameras[0:1])


class TestSpecification:
    def test_entry_points_lead_here(self):
        methods = {point.name: point for point in entry_points(group="nerfstudio.method_configs")}
        parsers = {point.name: point for point in entry_points(group="nerfstudio.dataparser_configs")}
        assert methods["spin-nerf"].load() is specification.spin_nerf
        assert parsers["spin-nerf-data"].load() is dataparser.spin_nerf_data

    def test_the_rate_falls_to_a_tenth_with_a_plain_state(self):
        parameter = torch.nn.Parameter(torch.zeros(1))
        optimizer = torch.optim.Adam([parameter], lr=0.5)
        schedule = specification.TenthEveryConfig(steps=4).setup().get_scheduler(optimizer, 0.5)
        for _ in range(4):
            optimizer.step()
            schedule.step()
        assert optimizer.param_groups[0]["lr"] == pytest.approx(0.05)
        assert {type(value) for value in schedule.state_dict().values()} <= {int, float, bool, list}

    def test_choices_become_a_config_of_the_method(self):
        config = model_module.SpinNerfModelConfig(field="studio_hash", preset="published", perceptual="vgg")
        method = model_module.method_config(config)
        assert method["renderer"]["activation"] == "relu"
        assert method["perceptual"]["weights"] == "lpips_vgg16"
        assert not method["renderer"]["fine"]["own_colour_grid"]
        assert isinstance(pipeline_module.SpinNerfPipelineConfig().model, model_module.SpinNerfModelConfig)
