"""The stages of Motion-I2V as models: they learn, predict, and answer the same for a batch as for single clips."""

import numpy as np
import pytest
import torch
from toy_motion import predictor, renderer

from sparsevision.apis.example import build_example
from sparsevision.engine.checkpoint import load_state_dict
from sparsevision.methods.motion_i2v import (
    FlowAutoencoder,
    Guidance,
    MotionI2V,
    PatchFlowCodec,
)
from sparsevision.utils import UserError, configs_dir

SIZE = (16, 24)


def batch_of(model, count=2):
    """Preprocessed example clips."""
    data = model.example_batch(size=SIZE, count=count, rng=np.random.default_rng(0))
    return model.data_preprocessor(data)


def clips(samples, *indices):
    """The named samples, with predictions of others taken off."""
    return [samples[index].clone() for index in indices]


@pytest.mark.parametrize("make", [predictor, renderer])
def test_a_batch_predicts_what_its_clips_predict_alone(make):
    model = make()
    batch = batch_of(model)
    field = "pred_flow" if make is predictor else "pred_video"
    inputs, samples = batch["inputs"], batch["data_samples"]
    together = [sample.get(field) for sample in model.predict(inputs, clips(samples, 0, 1))]
    for index in (0, 1):
        video = inputs["video"][index : index + 1]
        alone = model.predict({"video": video}, clips(samples, index))[0].get(field)
        assert (alone - together[index]).abs().max() < 1e-5
    assert (together[0] - together[1]).abs().max() > 1e-2


def test_a_clip_without_tracks_does_not_depend_on_others_that_have_some():
    model = predictor(guidance={"text": 2.0, "motion": 2.0}, compare_free=True)
    batch = batch_of(model)
    free = clips(batch["data_samples"], 1)[0]
    del free.starts, free.tracks
    together = model.predict(batch["inputs"], [*clips(batch["data_samples"], 0), free.clone()])
    alone = model.predict({"video": batch["inputs"]["video"][1:]}, [free.clone()])[0]
    assert (together[1].pred_flow - alone.pred_flow).abs().max() < 1e-5
    assert torch.equal(alone.pred_flow, alone.pred_flow_free), "guidance by motion needs motion, and is left out"
    assert (together[0].pred_flow - together[0].pred_flow_free).abs().max() > 1e-3


def test_a_brush_of_another_size_is_told_before_any_step():
    def step(*_):
        raise AssertionError("a step was taken")

    with pytest.raises(UserError, match="brush: it has shape"):
        predictor().sample(torch.rand(1, 3, *SIZE), seeds=[1], brush=np.zeros((8, 8), bool), on_step=step)


def test_tracks_and_their_absence_give_different_motion():
    model = predictor(compare_free=True)
    batch = batch_of(model, 1)
    sample = model.predict(batch["inputs"], clips(batch["data_samples"], 0))[0]
    assert sample.pred_flow.shape == (3, 2, *SIZE)
    assert (sample.pred_flow - sample.pred_flow_free).abs().max() > 1e-3


def test_the_flow_is_exactly_zero_and_the_pixels_stay_where_the_brush_freezes():
    model = MotionI2V(motion=predictor(), frames=renderer()).eval()
    batch = batch_of(model, 1)
    sample = clips(batch["data_samples"], 0)[0]
    sample.brush = torch.zeros(SIZE, dtype=torch.bool)
    sample.brush[:, :9] = True
    model.predict(batch["inputs"], [sample])
    assert not sample.pred_flow[..., :9].any()
    assert sample.pred_flow[..., 12:].any()
    first = batch["inputs"]["video"][0, :, :1]
    assert torch.equal(sample.pred_video[..., :9], first[..., :9].expand(-1, 4, -1, -1))
    assert torch.equal(sample.pred_video[:, 0], first[:, 0])


def test_clicks_of_a_person_become_tracks():
    model = predictor()
    batch = batch_of(model, 1)
    sample = clips(batch["data_samples"], 0)[0]
    del sample.starts, sample.tracks
    sample.set_metainfo({"clicks": [[[8.0, 12.0], [40.0, 12.0]]], "ori_shape": (32, 48)})
    model.predict(batch["inputs"], [sample])
    assert sample.starts.tolist() == [[3.75, 5.75]]
    assert torch.allclose(sample.tracks[-1], torch.tensor([[19.75, 5.75]]))


@pytest.mark.parametrize(
    ("make", "trains", "learns"),
    [
        (predictor, "controlnet", "controlnet."),
        (predictor, "motion_modules", "motion_modules."),
        (predictor, "all", "unet."),
        (renderer, "motion_modules", "motion_modules."),
        (renderer, "all", "unet."),
    ],
)
def test_only_the_chosen_weights_learn(make, trains, learns):
    model = make(trains=trains).train()
    batch = batch_of(model)
    loss = sum(model.loss(batch["inputs"], batch["data_samples"]).values())
    loss.backward()
    with_gradient = [name for name, parameter in model.named_parameters() if parameter.grad is not None]
    assert with_gradient
    assert all(learns in name for name in with_gradient)
    learning = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    assert with_gradient == learning, "several processes need no search for unused parameters"


def test_the_released_mixture_of_clips_is_not_in_the_training():
    """The loss of two clips is the mean of their own losses: no clip sees another one's first frame."""
    model = renderer(text_drop=0.0)
    batch = batch_of(model)
    clean = model.encode_images(batch["inputs"]["video"], None)
    flow = torch.stack([sample.gt_flow for sample in batch["data_samples"]])
    times, text = torch.tensor([500, 300]), model.encode_text(["a", "b"], 2)
    together = model._network(clean, times, text, flow)
    for index in (0, 1):
        part = slice(index, index + 1)
        alone = model._network(clean[part], times[part], text[part], flow[part])
        assert (alone - together[part]).abs().max() < 1e-5


def test_the_released_mixture_is_in_the_sampling_behind_its_switch():
    plain, mixing = renderer(), renderer(legacy_batch_mixing=True)
    mixing.load_state_dict(plain.state_dict())
    image, flow = torch.rand(1, 3, *SIZE), 4 * torch.randn(1, 3, 2, *SIZE)
    options = {"flow": flow, "seeds": [1], "prompts": ["a red ball"]}
    assert (plain.sample(image, **options) - mixing.sample(image, **options)).abs().max() > 1e-4
    options["guidance"] = Guidance(text=1)  # one branch of one clip has nothing to be mixed with
    assert torch.equal(plain.sample(image, **options), mixing.sample(image, **options))
    with pytest.raises(UserError, match="guided by text alone"):
        mixing.sample(image, **options | {"guidance": Guidance(text=2, motion=2)})


def test_a_controlnet_starts_as_a_copy_of_the_loaded_unet():
    before = predictor(controlnet=None, sparse=None, trains="all")
    after = predictor()
    load_state_dict(after, before.state_dict(), source="stage 1")
    own, copied = after.unet.state_dict(), after.controlnet.state_dict()
    shared = own.keys() & copied.keys()
    assert len(shared) > 50
    assert all(torch.equal(own[name], copied[name]) for name in shared)
    assert torch.equal(own["conv_in.weight"], before.unet.conv_in.weight)


def test_flow_survives_its_autoencoder_better_after_learning():
    torch.manual_seed(0)
    codec = {"type": "TinyFlowVAE", "channels": (8, 16), "latent_channels": 4}
    model = FlowAutoencoder(flow_codec=codec, track_scale=True, frames=3).train()
    samples = batch_of(model, 4)["data_samples"]
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(30):
        loss = model.loss({}, samples)["loss_flow"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    latents = model.flow_codec.encode(torch.stack([sample.gt_flow for sample in samples]))
    assert 0.5 < latents.square().mean().sqrt() < 2
    assert model.predict({}, samples)[0].pred_flow.shape == (3, 2, *SIZE)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: predictor(trains="unet"), "trains='unet'"),
        (lambda: predictor(controlnet=None), "needs the settings `controlnet` and `sparse`"),
        (lambda: renderer(temporal="augmented"), "temporal='augmented'"),
        (lambda: renderer(preset="paper"), "preset='paper'"),
        (lambda: MotionI2V(motion=predictor(), frames=renderer(frames=5)), "must be equal"),
        (lambda: FlowAutoencoder(flow_codec=PatchFlowCodec()), "has no weights to learn"),
    ],
)
def test_settings_that_do_not_fit_are_explained(make, message):
    with pytest.raises(UserError, match=message):
        make()


def test_clips_without_truth_are_explained():
    model = renderer()
    batch = batch_of(model, 1)
    sample = clips(batch["data_samples"], 0)[0]
    del sample.gt_flow
    with pytest.raises(UserError, match="needs `gt_flow`, which clip example_0 lacks"):
        model.predict(batch["inputs"], [sample])


@pytest.mark.parametrize("missing", [None, []])
def test_missing_samples_are_explained(missing):
    with pytest.raises(UserError, match=r"FrameRenderer needs `gt_flow`, and there are no samples .* LoadClipTruth"):
        renderer().predict({"video": torch.zeros(1, 3, 4, *SIZE)}, missing)
    with pytest.raises(UserError, match="FlowAutoencoder needs `gt_flow`, and there are no samples"):
        FlowAutoencoder.predict(None, {}, missing)


def test_tracks_of_another_length_are_explained():
    model = predictor()
    batch = batch_of(model, 1)
    sample = clips(batch["data_samples"], 0)[0]
    sample.tracks = sample.tracks[:2]
    with pytest.raises(UserError, match="2 later frames, the model makes 3"):
        model.predict(batch["inputs"], [sample])


def test_the_tiny_configs_differ_in_what_they_say():
    names = ("frames", "framessum", "framesvanilla")
    paths = [configs_dir() / "motion_i2v" / f"tiny_motion_i2v_{name}_1500i_shapes.py" for name in names]
    models = [build_example(path, size=(32, 32), count=1).model for path in paths]
    counts = [sum(parameter.numel() for parameter in model.parameters()) for model in models]
    assert len({type(model.unet.architecture.temporal_attention) for model in models}) == 1
    assert len({model.unet.architecture.temporal_attention for model in models}) == 3
    assert max(counts) == min(counts)
