"""GenSAM as a model: contract, presets, messages."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from sparsevision.methods.gensam.clip_heatmap import ClipHeatmap
from sparsevision.methods.gensam.keywords.prompt_sets import prompt_words
from sparsevision.methods.gensam.keywords.source import KeywordSource
from sparsevision.methods.gensam.keywords.types import Keywords
from sparsevision.methods.gensam.method import GenSAM, OpenClipHeatmap
from sparsevision.methods.gensam.presets import PRESETS, GenSAMOptions, resolve_options
from sparsevision.registry import MODELS
from sparsevision.utils import UserError

from .conftest import StandInSAM
from .test_loop import CountingBackend


class RecordingSource(KeywordSource):
    """The generic prompt, numbered by draw; remembers what it was asked."""

    deterministic = False
    identity = "recording"

    def __init__(self):
        self.draws = []

    def draw(self, image, prompt_set, index, name):
        self.draws.append((image.shape, prompt_set, index, name))
        return Keywords(prompt_words(prompt_set), (f"environment {index}",))


def make(backend=None, **options):
    return GenSAM(heatmap_backend=backend or CountingBackend(), segmenter=StandInSAM(), **options)


def batch(*sizes):
    generator = torch.Generator().manual_seed(0)
    return {"image": [torch.randint(0, 255, (3, *size), generator=generator, dtype=torch.uint8) for size in sizes]}


def test_predict_adds_a_mask_at_native_size():
    samples = [SegDataSample(metainfo={"ori_shape": (20, 30)}), SegDataSample(metainfo={"ori_shape": (50, 40)})]
    out = make(recursive=1).predict(batch((20, 30), (25, 20)), samples)
    assert [tuple(sample.pred_mask.data.shape) for sample in out] == [(1, 20, 30), (1, 50, 40)]
    assert all(set(sample.pred_mask.data.unique().tolist()) <= {0.0, 1.0} for sample in out)
    assert out[0] is samples[0]
    assert "gensam_passes" not in out[0]


def test_soft_mask_is_the_sigmoid_of_the_mean_logits():
    sample = SegDataSample(metainfo={"ori_shape": (40, 60)})
    (out,) = make(recursive=1, soft_mask=True).predict(batch((20, 30)), [sample])
    (mean,) = make(recursive=1).forward(batch((20, 30)), mode="tensor")
    soft = out.pred_soft_mask.data
    assert soft.shape == (1, 40, 60)
    torch.testing.assert_close(soft[0, ::2, ::2], mean.float().sigmoid())


def test_test_step_takes_collated_data():
    data = {"inputs": batch((20, 30)), "data_samples": [SegDataSample()]}
    (sample,) = make(recursive=1).test_step(data)
    assert isinstance(sample.pred_mask, PixelData)


def test_diagnostics_record_every_pass():
    (sample,) = make(recursive=2, diagnostics=True).predict(batch((20, 30)))
    passes = sample.gensam_passes
    assert len(passes) == 3
    assert sum(record["chosen"] for record in passes) == 1
    first = passes[0]
    assert first["heatmap"].shape == (4, 4)
    assert first["points"].shape == (len(first["labels"]), 2)
    assert first["box"] is None
    assert len(passes[1]["box"]) == 4
    assert first["mask"].shape == (20, 30)
    assert first["foreground"] == ["camouflaged animal", "disguised animal", "hidden animal"]
    assert first["background"] == ["environment"]


@pytest.mark.parametrize(("update", "indices"), [(True, [0, 1, 2]), (False, [0])])
def test_keywords_are_asked_about_the_original_image_in_each_pass_or_once(update, indices):
    source = RecordingSource()
    model = make(keywords=source, prompt_set="TheGlass", update_text=update, recursive=2, diagnostics=True)
    (sample,) = model.predict(batch((20, 30)), [SegDataSample(metainfo={"sample_id": "owl"})])
    assert source.draws == [((20, 30, 3), "TheGlass", index, "owl") for index in indices]
    expected = [f"environment {index}" for index in (indices if update else [0, 0, 0])]
    assert [record["background"][0] for record in sample.gensam_passes] == expected


def test_a_wrong_prompt_set_is_refused_at_once():
    with pytest.raises(UserError, match="TheGlass"):
        make(prompt_set="TheGlas")


def test_tensor_mode_gives_mean_logits():
    (logits,) = make(recursive=1).forward(batch((20, 30)), mode="tensor")
    assert logits.shape == (20, 30)


def test_there_is_nothing_to_train():
    model = make()
    with pytest.raises(UserError, match=r"nothing to train.*tools/test\.py"):
        model.forward(batch((8, 8)), mode="loss")
    assert not model.train().training
    with pytest.raises(ValueError, match="mode="):
        model.forward(batch((8, 8)), mode="predicts")


def test_images_must_be_bytes():
    with pytest.raises(UserError, match=r"uint8 RGB.*float32"):
        make().predict({"image": [torch.zeros(3, 8, 8)]})


def test_presets_and_single_options(clip):
    published, fixed = make(clip, preset="published"), make(clip, preset="fixed", clip_box=False)
    assert published.heatmap_backend.normalize_dim == 1
    assert fixed.heatmap_backend.normalize_dim == -1
    assert fixed.options == GenSAMOptions(**{**PRESETS["fixed"], "clip_box": False})
    assert make(clip, consensus="foreground_only", attention="vv").heatmap_backend.attention == "vv"


def test_both_presets_run_on_the_tiny_clip(clip, golden):
    image = torch.from_numpy(golden["heatmaps/image"]).permute(2, 0, 1)
    for preset in PRESETS:
        (sample,) = make(clip, preset=preset, recursive=1).predict({"image": [image]})
        assert sample.pred_mask.data.sum() > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "fix"}, "no preset 'fix'"),
        ({"recursiv": 3}, "Did you mean 'recursive'"),
        ({"zzz": 3}, "It knows: attention"),
        ({"recursive": -1}, "at least 0"),
        ({"attn_thr": 2}, r"attn_thr must lie in \[0, 1\]"),
        ({"down_sample": 0}, "above 0"),
        ({"consensus": "diff"}, "Unknown consensus"),
        ({"box_components": "all"}, "Unknown box_components"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(UserError, match=message):
        resolve_options(**options)


def test_options_of_clip_belong_to_a_ready_back_end(backend):
    with pytest.raises(UserError, match="normalize_dim cannot be set"):
        make(backend, normalize_dim=-1)
    assert make(backend, preset="fixed").heatmap_backend is backend


def test_builds_from_a_config(golden_state, tmp_path, monkeypatch):
    monkeypatch.setattr("sparsevision.methods.gensam.method._load_clip", lambda model, pretrained: tiny(golden_state))
    config = {"type": "OpenClipHeatmap", "cache_dir": str(tmp_path), "input_size": 64}
    model = MODELS.build(
        {
            "type": "GenSAM",
            "heatmap_backend": config,
            "segmenter": StandInSAM(),
            "keywords": {"type": "GenericPrompt"},
            "preset": "fixed",
        }
    )
    assert isinstance(model.heatmap_backend, OpenClipHeatmap)
    assert isinstance(model.heatmap_backend, ClipHeatmap)
    assert model.heatmap_backend.normalize_dim == -1
    assert model.heatmap_backend.side == 4
    model.predict(batch((20, 30)))
    assert len(list(tmp_path.rglob("*.npy"))) == 5


def tiny(state):
    from sparsevision.methods.gensam.network import SpatialCLIP

    return SpatialCLIP.from_state_dict(state)
