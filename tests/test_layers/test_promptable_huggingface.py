"""SAM, HQ-SAM and SAM 2 of transformers: tiny configurations, random weights, nothing from the hub."""

import numpy as np
import pytest
import torch

from sparsevision.layers.promptable import HuggingFaceSam, Prompt
from sparsevision.utils import UserError

transformers = pytest.importorskip("transformers")
PROMPT = {"image_size": 64, "patch_size": 16, "hidden_size": 32}
DECODER = {"hidden_size": 32, "mlp_dim": 32, "num_attention_heads": 2, "iou_head_hidden_dim": 32}
VISION = {
    "hidden_size": 32,
    "output_channels": 32,
    "num_pos_feats": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 64,
    "window_size": 2,
    "global_attn_indexes": [1],
    "mlp_dim": 32,
}


def tiny_sam():
    config = transformers.SamConfig(vision_config=VISION, prompt_encoder_config=PROMPT, mask_decoder_config=DECODER)
    return transformers.SamModel(config)


def tiny_sam_hq():
    decoder = DECODER | {"vit_dim": 32}
    config = transformers.SamHQConfig(vision_config=VISION, prompt_encoder_config=PROMPT, mask_decoder_config=decoder)
    return transformers.SamHQModel(config)


def tiny_sam2():
    backbone = {
        "hidden_size": 8,
        "embed_dim_per_stage": [8, 16, 32, 64],
        "num_attention_heads": 1,
        "num_attention_heads_per_stage": [1, 1, 2, 2],
        "blocks_per_stage": [1, 1, 2, 1],
        "window_size_per_stage": [2, 2, 2, 2],
        "window_positional_embedding_background_size": [2, 2],
        "global_attention_blocks": [3],
        "image_size": [64, 64],
    }
    vision = {
        "backbone_config": transformers.Sam2HieraDetConfig(**backbone),
        "backbone_channel_list": [64, 32, 16, 8],
        "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
        "fpn_hidden_size": 32,
    }
    config = transformers.Sam2Config(
        vision_config=transformers.Sam2VisionConfig(**vision),
        prompt_encoder_config=PROMPT,
        mask_decoder_config=DECODER,
    )
    return transformers.Sam2Model(config)


@pytest.fixture(scope="module", params=[tiny_sam, tiny_sam_hq, tiny_sam2])
def segmenter(request) -> HuggingFaceSam:
    torch.manual_seed(0)
    return HuggingFaceSam(model=request.param())


def test_every_kind_of_prompt(segmenter, image):
    embedding = segmenter.set_image(image)
    first = segmenter.predict(embedding, points=[[10, 20], [40, 3]], labels=[1, 0])
    assert first.logits.shape[1:] == image.shape[:2]
    assert len(first) == len(first.scores)
    again = segmenter.predict(embedding, points=[[10, 20]], labels=[1], mask_input=first.low_res[first.best])
    assert torch.isfinite(again.low_res).all()
    assert segmenter.predict(embedding, box=[-3, 2, 40, 30], multimask=False).low_res.shape[0] == 1
    assert segmenter.predict(embedding, mask_input=first.low_res[:1]).upsample().shape == image.shape[:2]


def test_many_prompts_in_one_go_give_the_answers_of_one_at_a_time(segmenter, image):
    embedding = segmenter.set_image(image)
    mask = torch.randn(16, 16)
    prompts = [Prompt(points=[[x, 9]], labels=[1]) for x in (4, 30, 50)]
    prompts += [Prompt(points=[[x, 9]], labels=[1], mask_input=mask * x) for x in (1, 2)]
    together = segmenter.predict_many(embedding, prompts)
    for prompt, answer in zip(prompts, together, strict=True):
        alone = segmenter.predict_many(embedding, [prompt])[0]
        torch.testing.assert_close(answer.low_res, alone.low_res, atol=1e-4, rtol=1e-3)


def test_equals_the_model_called_with_pixels(segmenter, image):
    """The library's own road: its processor's arithmetic, `forward` with pixel values."""
    square = np.ascontiguousarray(np.broadcast_to(image[:32, :32].repeat(2, 0).repeat(2, 1), (64, 64, 3)))
    mean, std = (np.array(v) for v in ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)))
    pixels = torch.from_numpy((square - mean) / std).permute(2, 0, 1)[None].float()
    with torch.inference_mode():
        expected = segmenter.network(
            pixel_values=pixels,
            input_points=torch.tensor([[[[10.0, 20.0]]]]),
            input_labels=torch.tensor([[[1]]]),
            multimask_output=True,
        )
    answer = segmenter.predict(segmenter.set_image(square), points=[[10, 20]], labels=[1])
    torch.testing.assert_close(answer.low_res, expected.pred_masks[0, 0], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(answer.scores, expected.iou_scores[0, 0], atol=1e-4, rtol=1e-4)


def test_another_model_is_refused():
    config = transformers.BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    with pytest.raises(UserError, match="a 'bert' model is not a promptable segmenter"):
        HuggingFaceSam(model=transformers.BertModel(config))


def test_a_name_that_cannot_be_loaded(tmp_path):
    with pytest.raises(UserError, match="transformers cannot load"):
        HuggingFaceSam(model=str(tmp_path))


def test_weights_are_read_from_safetensors_alone(tmp_path):
    model = tiny_sam()
    model.save_pretrained(tmp_path)
    assert HuggingFaceSam(model=str(tmp_path)).side == 64
    (tmp_path / "model.safetensors").unlink()
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"transformers cannot load .*safetensors"):
        HuggingFaceSam(model=str(tmp_path))
