"""The whole loop with the stand-in SAM, against the golden numbers, and its invariances."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from sparsevision.methods.gensam.loop import decode_passes, run_batch, run_gensam
from sparsevision.methods.gensam.presets import resolve_options
from sparsevision.methods.gensam.progressive import EarlyStop, reweight_image, select_pass, should_stop

from .conftest import StandInMasks, StandInSAM, stand_in_logits


@dataclass
class FixedWords:
    foreground: list
    background: list


PROMPT = FixedWords(["camouflaged animal", "disguised animal", "hidden animal"], ["environment"])
LOOPS = ["loop_full", "loop_no_ema", "loop_threshold_0_8"]


@pytest.fixture(scope="module")
def runs(golden, backend):
    """Result, segmenter and golden entry of each golden setting."""
    made = {}
    for name in LOOPS:
        entry = golden["json"][name]
        words = FixedWords(entry["text"], entry["text_background"])
        sam = StandInSAM()
        result = run_gensam(
            golden["heatmaps/image"],
            words=[words],
            backend=backend,
            segmenter=sam,
            options=resolve_options("published", **entry["options"]),
        )
        made[name] = result, sam, entry
    return made


def split_points(points, labels):
    points, labels = np.asarray(points), np.asarray(labels)
    return tuple({tuple(p) for p in points[labels == label].tolist()} for label in (0, 1))


@pytest.mark.parametrize("name", LOOPS)
def test_prompts_and_scores_of_every_pass(runs, name):
    result, sam, entry = runs[name]
    assert len(result.passes) == len(sam.calls) == entry["passes"]
    assert sam.embedded == 1
    for record, call, expected in zip(result.passes, sam.calls, entry["sam_calls"], strict=True):
        assert split_points(call["points"], call["labels"]) == split_points(expected["points"], expected["labels"])
        assert call["labels"].tolist() == sorted(call["labels"].tolist())
        assert (None if call["box"] is None else list(call["box"])) == expected["box"]
        assert call["mask_input"] is None
        np.testing.assert_allclose(record.scores, expected["scores"], atol=1e-4)
    assert [int(record.labels.sum()) for record in result.passes] == entry["num_positive"]


@pytest.mark.parametrize("name", LOOPS)
def test_areas_and_choice(runs, golden, name):
    result, _, entry = runs[name]
    tolerance = golden["heatmaps/image"][..., 0].size / 1000
    areas = [record.mask.sum() for record in result.passes]
    np.testing.assert_allclose(areas, entry["areas"], atol=tolerance)
    np.testing.assert_allclose(result.disagreement, entry["disagreement"], atol=tolerance)
    np.testing.assert_allclose((result.mean_logits > 0).sum(), entry["fused_area"], atol=tolerance)
    assert result.chosen == entry["chosen"]
    assert result.mask is result.passes[entry["chosen"]].mask


@pytest.mark.parametrize("name", LOOPS)
def test_reweighted_images(runs, golden, name):
    result, _, entry = runs[name]
    image, options = golden["heatmaps/image"], entry["options"]
    current, means = image, [image.mean()]
    for record in result.passes:
        original = image if options["clip_input_ema"] else current
        current = reweight_image(current, original, record.heatmap.ravel(), options["recursive_coef"])
        means.append(current.astype(np.uint8).mean())
    np.testing.assert_allclose(means, entry["image_mean"], atol=0.05)
    if name == "loop_full":
        difference = current.astype(np.uint8)[::4, ::4].astype(int) - golden["loop/last_image"]
        assert np.abs(difference).max() <= 1


def iou(mask, packed):
    other = np.unpackbits(packed, axis=-1)[:, : mask.shape[1]].astype(bool)
    return (mask & other).sum() / (mask | other).sum()


def test_masks(runs, golden):
    result, _, _ = runs["loop_full"]
    for record, packed in zip(result.passes, golden["loop/masks"], strict=True):
        assert iou(record.mask, packed) >= 0.999
    assert iou((result.mean_logits > 0).numpy(), golden["loop/fused"]) >= 0.999
    probability = (255 * result.mean_logits.sigmoid()).to(torch.uint8)[::4, ::4].int().numpy()
    assert np.abs(probability - golden["loop/mean_probability_uint8"]).max() <= 1


@pytest.mark.parametrize("name", ["fast", "slow", "flat_but_moving", "late"])
def test_early_stop(golden, name):
    """Scripted logits: how many passes are kept when all six heatmaps are there."""
    script = torch.from_numpy(golden[f"loop/early_{name}"].astype(np.float32))
    heatmaps = list(torch.rand(6, 196))
    adaptive = resolve_options(adaptive_recursive=True)
    image = np.zeros((60, 64, 3), np.uint8)
    result = decode_passes(image, heatmaps, segmenter=ScriptedSAM(script), options=adaptive)
    assert len(result.passes) == golden["json"]["early_stop"][name]
    full = decode_passes(image, heatmaps, segmenter=ScriptedSAM(script), options=resolve_options())
    assert len(full.passes) == 6


class ScriptedSAM:
    def __init__(self, logits):
        self.logits = iter(logits)
        self.prompts = []

    def set_image(self, image):
        return None

    def predict(self, embedding, **prompt):
        self.prompts.append(prompt)
        return StandInMasks(scores=torch.tensor([0.1, 0.9, 0.9]), low_res=next(self.logits).expand(3, -1, -1))


def test_stop_rule():
    assert not should_stop([0.001])
    assert should_stop([0.005, 0.0025])
    assert not should_stop([0.0061, 0.0029])
    assert not should_stop([0.001, 0.0035])
    stop = EarlyStop()
    assert [stop(torch.zeros(2, 2)) for _ in range(3)] == [False, False, True]


def test_the_first_of_equally_near_passes_is_chosen():
    logits = torch.full((3, 4, 4), -1.0)
    assert select_pass(logits) == 0
    logits[0, 0, 0] = 2
    assert select_pass(logits.numpy()) == 1


@pytest.mark.parametrize("name", LOOPS)
def test_golden_logits_choose_the_golden_pass(runs, golden, name):
    _, sam, entry = runs[name]
    chosen = []
    for call in sam.calls:
        logits, scores = stand_in_logits(
            *golden["heatmaps/image"].shape[:2], call["points"], call["labels"], call["box"]
        )
        chosen.append(logits[scores.argmax()])
    assert select_pass(np.stack(chosen)) == entry["chosen"]


def test_reweighting_takes_patches_maps_tensors_and_arrays():
    image = np.full((6, 8, 3), 100, np.uint8)
    patches = np.linspace(0, 1, 4, dtype=np.float32)
    one = reweight_image(image, image, patches, 0.3)
    assert one.shape == (6, 8, 3)
    assert one[0, 0, 0] == pytest.approx(70)
    assert one[-1, -1, 0] == pytest.approx(100)
    other = reweight_image(torch.from_numpy(image), torch.from_numpy(image), patches[:, None], 0.3)
    np.testing.assert_allclose(other, one, rtol=1e-5)
    full = np.ones((6, 8, 1), np.float32)
    np.testing.assert_allclose(reweight_image(image, image, full, 0.3), image, rtol=1e-6)
    np.testing.assert_allclose(reweight_image(image, image, np.zeros(4, np.float32), 0.3), 70, rtol=1e-6)


class CountingBackend:
    """A gradient as heatmap; remembers what it was asked."""

    label, side = "gradient", 4

    def __init__(self):
        self.asked = []

    def heatmap(self, images, words_fg, words_bg):
        self.asked.append((images, words_fg, words_bg))
        return torch.linspace(0, 1, 16).repeat(len(images), 1)


def run_small(images, backend=None, sam=None, words=(PROMPT,), preset="fixed", **options):
    options = resolve_options(preset, **options)
    backend, sam = backend or CountingBackend(), sam or StandInSAM()
    return run_batch(images, words=[words] * len(images), backend=backend, segmenter=sam, options=options)


def random_image(*size):
    return np.random.default_rng(0).integers(0, 255, (*size, 3), np.uint8)


def test_a_batch_gives_the_answers_of_single_images(backend, golden):
    image = golden["heatmaps/image"]
    images = [image, image[:50, :40], image[40:160, 60:]]
    batch = run_small(images, backend, recursive=1)
    for one, result in zip(images, batch, strict=True):
        (single,) = run_small([one], backend, recursive=1)
        np.testing.assert_array_equal(single.mask, result.mask)
        assert [r.box for r in single.passes] == [r.box for r in result.passes]
        assert single.disagreement == result.disagreement


def test_heatmap_passes_are_batched_and_images_embedded_once():
    backend, sam = CountingBackend(), StandInSAM()
    run_small([random_image(20, 30), random_image(30, 20)], backend, sam, recursive=2)
    assert [len(images) for images, _, _ in backend.asked] == [2, 2, 2]
    assert sam.embedded == 2


def test_each_pass_asks_for_its_words_and_later_ones_repeat_the_last():
    backend = CountingBackend()
    lion = FixedWords(["lion"], [])
    (result,) = run_small([random_image(20, 30)], backend, words=[PROMPT, lion], recursive=2)
    assert [foreground for _, foreground, _ in backend.asked] == [[PROMPT.foreground], [["lion"]], [["lion"]]]
    assert [background for _, _, background in backend.asked] == [[["environment"]], [[]], [[]]]
    assert result.words == (PROMPT, lion, lion)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (30, 20), (57, 56)])
@pytest.mark.parametrize("preset", ["published", "fixed"])
def test_small_images(backend, size, preset):
    (result,) = run_small([random_image(*size)], backend, preset=preset, recursive=1)
    assert result.mask.shape == size


def test_a_constant_image(backend):
    (result,) = run_small([np.full((64, 64, 3), 127, np.uint8)], backend, recursive=1)
    assert np.isfinite(result.mean_logits.numpy()).all()


def test_no_points_means_the_whole_image_then_the_box_alone():
    script = torch.full((3, 40, 60), -1.0)
    script[0, 10:20, 10:30] = 1
    sam = ScriptedSAM(script)
    options = resolve_options("fixed", recursive=2)
    decode_passes(np.zeros((40, 60, 3), np.uint8), list(torch.zeros(3, 16)), segmenter=sam, options=options)
    assert [prompt.get("points") for prompt in sam.prompts] == [None] * 3
    assert [prompt["box"] for prompt in sam.prompts] == [(0, 0, 60, 40), (8, 9, 32, 21), (0, 0, 60, 40)]


def test_mask_feedback_gives_the_chosen_logits_to_the_next_pass():
    script = torch.rand(2, 8, 8)
    sam = ScriptedSAM(script)
    options = resolve_options("published", recursive=1, mask_feedback=True)
    decode_passes(np.zeros((8, 8, 3), np.uint8), list(torch.rand(2, 16)), segmenter=sam, options=options)
    assert "mask_input" not in sam.prompts[0]
    assert torch.equal(sam.prompts[1]["mask_input"], script[0])
