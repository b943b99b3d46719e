"""The common interface: shapes, frames, batches, errors, on tiny networks with random weights."""

import numpy as np
import pytest
import torch

from sparsevision.layers.promptable import GrabCut, MobileSAM, Prompt, SegmentAnything, build_sam
from sparsevision.registry import MODELS
from sparsevision.utils import UserError

POINTS, LABELS = [[10.0, 20.0], [40.5, 3.0]], [1, 0]
BOX = [-5, 4, 60, 30]


@pytest.fixture(scope="module")
def tiny_mobile_sam() -> MobileSAM:
    pytest.importorskip("timm")
    pytest.importorskip("segment_anything")
    torch.manual_seed(0)
    return MobileSAM(image_size=64)


@pytest.mark.parametrize("multimask", [True, False])
@pytest.mark.parametrize(
    "prompt",
    [
        {"points": POINTS, "labels": LABELS},
        {"box": BOX},
        {"points": POINTS, "labels": LABELS, "box": BOX},
        {"points": POINTS, "labels": LABELS, "box": BOX, "mask_input": torch.randn(1, 16, 16)},
        {"points": np.zeros((0, 2)), "labels": [], "box": BOX},
    ],
    ids=["points", "box", "both", "mask", "no points left"],
)
def test_equals_the_predictor_of_segment_anything(tiny_sam, image, prompt, multimask):
    predictor = pytest.importorskip("segment_anything").SamPredictor(tiny_sam.network)
    predictor.set_image(image)
    mask_input = prompt.get("mask_input")
    points = np.array(prompt["points"]) if len(prompt.get("points", [])) else None
    masks, scores, low_res = predictor.predict(
        point_coords=points,
        point_labels=None if points is None else np.array(prompt["labels"]),
        box=None if "box" not in prompt else np.array(prompt["box"]),
        mask_input=None if mask_input is None else mask_input.numpy(),
        multimask_output=multimask,
        return_logits=True,
    )
    answer = tiny_sam.predict(tiny_sam.set_image(image), **prompt, multimask=multimask)
    np.testing.assert_allclose(answer.low_res, low_res, atol=1e-4)
    np.testing.assert_allclose(answer.scores, scores, atol=1e-4)
    np.testing.assert_allclose(answer.logits, masks, atol=1e-4)
    np.testing.assert_allclose(answer.upsample(), masks[scores.argmax()], atol=1e-4)
    assert len(answer) == (3 if multimask else 1)


def test_many_prompts_in_one_go_give_the_answers_of_one_at_a_time(tiny_sam, image):
    embedding = tiny_sam.set_image(image)
    prompts = [
        Prompt(points=[[x, y]], labels=[1], box=box)
        for x, y, box in [(3, 4, None), (30, 9, BOX), (50, 30, None), (9, 9, [0, 0, 9, 9])]
    ]
    together = tiny_sam.predict_many(embedding, prompts)
    for prompt, answer in zip(prompts, together, strict=True):
        alone = tiny_sam.predict_many(embedding, [prompt])[0]
        torch.testing.assert_close(answer.low_res, alone.low_res, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(answer.scores, alone.scores, atol=1e-4, rtol=1e-4)


def test_the_embedding_outlives_another_image(tiny_sam, image):
    first = tiny_sam.set_image(image)
    before = tiny_sam.predict(first, points=POINTS, labels=LABELS)
    tiny_sam.set_image(image[::-1].copy())
    after = tiny_sam.predict(first, points=POINTS, labels=LABELS)
    torch.testing.assert_close(before.low_res, after.low_res)


def test_the_exported_graphs_rule_for_the_number_of_candidates(tiny_sam, image):
    embedding = tiny_sam.set_image(image)
    counts = [
        len(tiny_sam.predict(embedding, **prompt, multimask=None))
        for prompt in (
            {"points": POINTS[:1], "labels": [1]},
            {"box": BOX},
            {"points": POINTS, "labels": LABELS},
            {"points": POINTS[:1], "labels": [1], "box": BOX},
        )
    ]
    assert counts == [3, 3, 1, 1]


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (700, 1), (2, 3)])
def test_images_of_hardly_any_pixels(tiny_sam, tiny_mobile_sam, size):
    image = np.full((*size, 3), 200, np.uint8)
    for model in (tiny_sam, tiny_mobile_sam, GrabCut()):
        answer = model.predict(model.set_image(image), points=[[0, 0]], labels=[1], box=[0, 0, size[1], size[0]])
        assert answer.upsample().shape == size
        assert torch.isfinite(answer.logits).all()


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((0, 8, 3), np.uint8),
        "photo.jpg",
    ],
    ids=["grey", "rgba", "float", "empty", "path"],
)
def test_another_kind_of_image_is_refused(wrong):
    with pytest.raises(UserError, match=r"\(H, W, 3\) uint8, got"):
        GrabCut().set_image(wrong)


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ({}, "empty prompt"),
        ({"points": [[1, 2]]}, "without labels"),
        ({"labels": [1]}, "without points"),
        ({"points": [[1, 2]], "labels": [1, 0]}, r"\(n, 2\)"),
        ({"points": [[1, 2, 3]], "labels": [1]}, r"\(n, 2\)"),
        ({"points": [[1, np.nan]], "labels": [1]}, "finite"),
        ({"points": [[1, 2]], "labels": [2]}, r"got \[2\]"),
        ({"box": [1, 2, 3]}, "x0 <= x1"),
        ({"box": [5, 2, 3, 4]}, "x0 <= x1"),
        ({"mask_input": np.zeros((4, 4), bool)}, "float logits"),
    ],
)
def test_a_wrong_prompt_says_what_is_wrong(prompt, words):
    with pytest.raises(UserError, match=words):
        Prompt(**prompt)


def test_a_mask_of_another_network_is_refused(tiny_sam, image):
    with pytest.raises(UserError, match=r"\(16, 16\).*got \(256, 256\)"):
        tiny_sam.predict(tiny_sam.set_image(image), mask_input=torch.zeros(256, 256))


def test_an_unknown_variant_names_the_closest():
    with pytest.raises(UserError, match="Did you mean 'vit_b'"):
        build_sam("vit_bb")


@pytest.mark.parametrize(
    ("variant", "tensors", "millions"), [("vit_b", 314, 93.7), ("vit_l", 482, 312.3), ("vit_h", 594, 641.1)]
)
def test_published_shapes(variant, tensors, millions):
    """Counts of the official files: specification, section 6.1."""
    pytest.importorskip("segment_anything")
    with torch.device("meta"):
        state = build_sam(variant).state_dict()
    assert len(state) == tensors
    assert sum(value.numel() for value in state.values()) / 1e6 == pytest.approx(millions, abs=0.06)


def test_registered_under_their_names(tiny_sam):
    assert isinstance(MODELS.build({"type": "GrabCut"}), GrabCut)
    assert isinstance(MODELS.build({"type": "SegmentAnything", "network": tiny_sam.network}), SegmentAnything)


def test_a_checkpoint_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("SPARSEVISION_CACHE", str(tmp_path))
    pytest.importorskip("timm")
    with pytest.raises(UserError, match=r"get_weights\.py mobile_sam"):
        MobileSAM(checkpoint="mobile_sam", image_size=64)
    with pytest.raises(UserError, match="neither a file nor one of the names"):
        MobileSAM(checkpoint=tmp_path / "nothing.pt", image_size=64)


def test_grabcut_finds_a_bright_square_and_does_so_again():
    image = np.random.default_rng(0).integers(20, 60, (60, 80, 3), dtype=np.uint8)
    image[20:40, 30:55] += 150
    truth = np.zeros((60, 80), bool)
    truth[20:40, 30:55] = True
    model = GrabCut()
    embedding = model.set_image(image)
    prompts = [{"box": [25, 15, 60, 45]}, {"points": [[40, 30], [5, 5]], "labels": [1, 0]}]
    for prompt in prompts:
        answers = [model.predict(embedding, **prompt).upsample().numpy() > 0 for _ in range(2)]
        assert (answers[0] == answers[1]).all()
        assert (answers[0] == truth).mean() > 0.98
    refined = model.predict(embedding, mask_input=model.predict(embedding, **prompts[0]).low_res)
    assert ((refined.upsample().numpy() > 0) == truth).mean() > 0.98
