"""tools/model_converters/motion_i2v.py: files of the release, of AnimateDiff and Stable Diffusion to ours and back."""

import pytest
import torch
from tool_runner import run_tool

from sparsevision.engine import load_checkpoint
from sparsevision.methods.motion_i2v import KLAutoencoder, TrajectoryControlNet, stage1_unet, stage2_unet
from sparsevision.methods.motion_i2v.architecture import Architecture
from sparsevision.methods.motion_i2v.convert import convert_checkpoint, released_checkpoint
from sparsevision.methods.motion_i2v.released_files import released_part
from sparsevision.methods.motion_i2v.weights_to_settings import architecture_of, autoencoder_of
from sparsevision.utils import UserError

TOOL = "model_converters/motion_i2v.py"
SIZES = {"channels": (8, 8, 16, 16), "text_channels": 12, "layers": 2}
TINY = Architecture(**SIZES, spatial_heads=2, temporal_heads=2, norm_groups=4)
FLOWGEN, VAE = "stage1/StableDiffusion-FlowGen", {"channels": (8, 8, 8, 8), "groups": 4}


@pytest.fixture(scope="module")
def networks():
    """Each part with small random weights."""
    torch.manual_seed(0)
    unet = stage1_unet(architecture=TINY)
    parts = {
        "stage1": unet,
        "controlnet": TrajectoryControlNet.from_unet(unet, stem_channels=8),
        "stage2": stage2_unet(architecture=TINY),
        "flow_vae": KLAutoencoder(image_channels=2, **VAE),
        "image_vae": KLAutoencoder(**VAE),
        "realistic_vae": KLAutoencoder(**VAE),
    }
    return {name: part.state_dict() for name, part in parts.items()}


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".safetensors":
        safetensors = pytest.importorskip("safetensors.torch")
        safetensors.save_file({name: value.contiguous().clone() for name, value in content.items()}, path)
    else:
        torch.save(content, path)
    return path


@pytest.fixture
def models(tmp_path, networks):
    """The release's folder."""
    folder = tmp_path / "models"
    official = {
        name: released_checkpoint(state, part="vae" if "vae" in name else name) for name, state in networks.items()
    }
    write(folder / FLOWGEN / "unet/diffusion_pytorch_model.bin", official["stage1"])
    write(folder / FLOWGEN / "controlnet/controlnet.bin", official["controlnet"])
    write(folder / FLOWGEN / "vae_flow/diffusion_pytorch_model.bin", official["flow_vae"])
    write(folder / "stage2/StableDiffusion/vae/diffusion_pytorch_model.bin", official["image_vae"])
    for name in ("tokenizer", "text_encoder"):
        (folder / FLOWGEN / name).mkdir()
    motion, spatial = (convert_checkpoint(networks["stage2"], part=part) for part in ("motion_modules", "spatial"))
    wrapped = {"epoch": 3, "state_dict": {f"module.{name}": value for name, value in motion.items()}}
    write(folder / "stage2/Motion_Module/motion_block.bin", wrapped)
    write(folder / "stage2/DreamBooth_LoRA/realistic_unet.ckpt", spatial)
    single = released_checkpoint(networks["realistic_vae"], part="vae", layout="ldm") | {
        "model_ema.decay": torch.ones(1)
    }
    write(folder / "stage2/DreamBooth_LoRA/realisticVisionV51_v20Novae.safetensors", single)
    return folder


def stage(number, folder, tmp_path, *options):
    out = tmp_path / f"stage{number}.pth"
    return run_tool(TOOL, f"stage{number}", out, "--models", folder, *options), out


def holds(checkpoint, front, state):
    own = {name.removeprefix(front): value for name, value in checkpoint.items() if name.startswith(front)}
    return own.keys() == state.keys() and all(torch.equal(own[name], value) for name, value in state.items())


def test_stage_1_of_the_release(models, networks, tmp_path):
    run, out = stage(1, models, tmp_path)
    assert run.code == 0, run.err
    content = load_checkpoint(out)
    for front, part in (
        ("unet.", "stage1"),
        ("controlnet.", "controlnet"),
        ("flow_codec.autoencoder.", "flow_vae"),
        ("image_codec.autoencoder.", "image_vae"),
    ):
        assert holds(content["state_dict"], front, networks[part]), part
    assert content["state_dict"]["flow_codec.latent_scale"].item() == pytest.approx(0.18215)
    assert (content["meta"]["stage"], content["meta"]["preset"]) == (1, "published")
    assert "MotionPredictor with preset='published', image_codec=dict(type=ImageVAECodec, low=0.0" in run.out
    assert "channels=(8, 8, 16, 16), text_channels=12" in run.out
    assert "controlnet: dict(stem_channels=8)" in run.out
    assert f"text (stays in its folder): {models / FLOWGEN}\n" in run.out
    run, out = stage(1, models, tmp_path, "--no-controlnet")
    assert run.code == 0, run.err
    assert not any(name.startswith("controlnet.") for name in load_checkpoint(out)["state_dict"])


def test_stage_2_of_the_release(models, networks, tmp_path):
    run, out = stage(2, models, tmp_path)
    assert run.code == 0, run.err
    state = load_checkpoint(out)["state_dict"]
    assert holds(state, "unet.", networks["stage2"])
    assert holds(state, "image_codec.autoencoder.", networks["realistic_vae"])
    assert "low=-1.0" in run.out
    assert "1 left over: model_ema (1)" in run.out
    assert "lacks tokenizer and text_encoder" in run.out


def test_checkpoints_fit_the_two_stages(models, tmp_path):
    from sparsevision.methods.motion_i2v.codecs import FlowVAECodec, ImageVAECodec
    from sparsevision.methods.motion_i2v.frame_stage import FrameRenderer
    from sparsevision.methods.motion_i2v.motion_stage import MotionPredictor
    from sparsevision.methods.motion_i2v.text import StoredCLIPText

    sizes = SIZES | {"spatial_heads": 2, "temporal_heads": 2, "norm_groups": 4}
    shared = {"architecture": sizes, "text": StoredCLIPText(channels=12)}
    flow_codec = FlowVAECodec(autoencoder=KLAutoencoder(image_channels=2, **VAE))
    built = {
        1: MotionPredictor(
            flow_codec=flow_codec,
            image_codec=ImageVAECodec(autoencoder=KLAutoencoder(**VAE), low=0.0),
            controlnet={"stem_channels": 8},
            **shared,
        ),
        2: FrameRenderer(image_codec=ImageVAECodec(autoencoder=KLAutoencoder(**VAE)), **shared),
    }
    for number, model in built.items():
        run, out = stage(number, models, tmp_path)
        assert run.code == 0, run.err
        model.load_state_dict(load_checkpoint(out)["state_dict"], strict=True)


@pytest.mark.parametrize(
    ("part", "layout", "suffix"),
    [
        ("stage2", "official", ".bin"),
        ("motion_modules", "diffusers", ".safetensors"),
        ("spatial", "ldm", ".safetensors"),
        ("image_vae", "ldm", ".ckpt"),
        ("image_vae", "official", ".bin"),
    ],
)
def test_parts_go_out_and_come_back(models, networks, tmp_path, part, layout, suffix):
    _, stage2 = stage(2, models, tmp_path)
    exported = tmp_path / f"part{suffix}"
    run = run_tool(TOOL, "export", part, stage2, exported, "--to", layout)
    assert run.code == 0, run.err
    run = run_tool(TOOL, "part", part, exported, tmp_path / "part.pth")
    assert run.code == 0, run.err
    back, ours = (load_checkpoint(path)["state_dict"] for path in (tmp_path / "part.pth", stage2))
    assert back
    assert all(torch.equal(value, ours[name]) for name, value in back.items())
    wanted = {"stage2": 1, "image_vae": 1, "motion_modules": None, "spatial": None}[part]
    front = "image_codec." if part == "image_vae" else "unet."
    total = sum(name.startswith(front) and not name.endswith("scale") for name in ours)
    assert len(back) == total if wanted else len(back) < total


def test_stage_1_goes_out_and_comes_back(models, tmp_path):
    _, first = stage(1, models, tmp_path)
    for part, place in (("stage1", "unet.bin"), ("controlnet", "controlnet.bin"), ("flow_vae", "vae.bin")):
        assert run_tool(TOOL, "export", part, first, tmp_path / place).code == 0
    assert all(name.startswith("controlnet.") for name in load_checkpoint(tmp_path / "controlnet.bin"))
    options = ("--unet", tmp_path / "unet.bin", "--controlnet", tmp_path / "controlnet.bin")
    again = tmp_path / "again.pth"
    run = run_tool(TOOL, "stage1", again, *options, "--flow-vae", tmp_path / "vae.bin", "--models", models)
    assert run.code == 0, run.err
    before, after = (load_checkpoint(path)["state_dict"] for path in (first, again))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], value) for name, value in after.items())


def test_parts_of_a_checkpoint_of_both_stages(networks):
    both = {f"motion.unet.{name}": value for name, value in networks["stage1"].items()}
    both |= {f"frames.unet.{name}": value for name, value in networks["stage2"].items()}
    for part in ("stage1", "stage2"):
        found = released_part(both, part, "official")
        assert found.keys() == networks[part].keys()
        assert all(torch.equal(found[name], value) for name, value in networks[part].items())
    with pytest.raises(UserError, match="has no flow_vae"):
        released_part(both, "flow_vae", "official")


def test_a_start_for_stage_1(models, tmp_path):
    spatial = models / "stage2/DreamBooth_LoRA/realistic_unet.ckpt"
    run = run_tool(TOOL, "part", "spatial", spatial, tmp_path / "start.pth", "--image-channels", "4")
    assert run.code == 0, run.err
    weight = load_checkpoint(tmp_path / "start.pth")["state_dict"]["unet.conv_in.weight"]
    assert weight.shape == (8, 8, 3, 3)
    assert not weight[:, :4].any()


def refused(run, *told):
    assert run.code == 2, run.err or run.out
    for text in told:
        assert text in run.err
    assert "Traceback" not in run.err


def test_files_that_are_missing_are_named(models, tmp_path):
    (models / FLOWGEN / "controlnet/controlnet.bin").unlink()
    run, out = stage(1, models, tmp_path)
    refused(run, f"controlnet: there is no {models / FLOWGEN / 'controlnet'} with diffusion_pytorch_model")
    assert not out.exists()
    run, _ = stage(2, tmp_path / "elsewhere", tmp_path)
    refused(run, "spatial: there is no", "realistic_unet.ckpt")
    refused(run_tool(TOOL, "stage2", tmp_path / "out.pth"), "spatial: no file; give one", "--models")
    run, _ = stage(2, models, tmp_path, "--unet", "unet.bin", "--spatial", "spatial.bin")
    refused(run, "not both")


def test_a_file_of_another_stage_says_which(models, tmp_path):
    stage1 = models / FLOWGEN / "unet"
    run, out = stage(2, models, tmp_path, "--unet", stage1)
    refused(run, "This is the UNet of stage 1; expected the UNet of stage 2", str(stage1))
    assert not out.exists()
    run, _ = stage(1, models, tmp_path, "--controlnet", stage1)
    refused(run, "This is the UNet of stage 1; expected the trajectory ControlNet")
    run, _ = stage(1, models, tmp_path, "--flow-vae", models / "stage2/StableDiffusion/vae")
    refused(run, "autoencoder of pictures with 3 channels; flow_vae has 2")
    _, first = stage(1, models, tmp_path)
    run = run_tool(TOOL, "export", "stage2", first, tmp_path / "unet.bin")
    refused(run, "This is the UNet of stage 1; expected the UNet of stage 2", str(first))
    run = run_tool(TOOL, "export", "stage1", first, tmp_path / "unet.bin", "--to", "ldm")
    refused(run, "stage1 has no place in files of 'ldm'")


@pytest.mark.parametrize(
    "place",
    [f"{FLOWGEN}/unet/diffusion_pytorch_model.bin", "stage2/DreamBooth_LoRA/realisticVisionV51_v20Novae.safetensors"],
)
def test_a_file_cut_short(models, tmp_path, place):
    path = models / place
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    run, out = stage(1 if "FlowGen" in place else 2, models, tmp_path)
    refused(run, str(path), "cut short")
    assert not out.exists()


def test_a_file_with_code_is_refused(models, tmp_path):
    write(models / "stage2/Motion_Module/motion_block.bin", {"state_dict": {}, "callback": pytest.Item})
    run, _ = stage(2, models, tmp_path)
    refused(run, "would run pickled code", "make_safe.py")


def test_tensors_that_are_missing_or_do_not_fit_are_named(models, networks, tmp_path):
    motion = convert_checkpoint(networks["stage2"], part="motion_modules")
    old = {name: value for name, value in motion.items() if not name.startswith("up_blocks.0.")}
    path = write(tmp_path / "mm_sd_v14.ckpt", old)
    run, _ = stage(2, models, tmp_path, "--motion-modules", path)
    refused(run, "unet is not whole: up_blocks.0.motion_modules.0", "mm_sd_v15_v2.ckpt")
    unet = networks["stage1"] | {"mid_block.resnets.0.conv1.bias": torch.zeros(7)}
    run, _ = stage(1, models, tmp_path, "--unet", write(tmp_path / "unet.bin", unet))
    refused(run, "mid_block.resnets.0.conv1.bias: expected (16,), got (7,)")


def test_sizes_are_read_off_the_weights(networks):
    found = architecture_of(networks["stage2"])
    assert {name: found[name] for name in SIZES} == SIZES
    assert (found["mid_attention"], found["temporal_attentions"], found["max_positions"]) == (True, 2, 32)
    flow = {"image_channels": 2, "latent_channels": 4, "channels": (8, 8, 8, 8), "layers": 2}
    assert autoencoder_of(networks["flow_vae"]) == flow
