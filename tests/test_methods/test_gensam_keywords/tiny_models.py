"""Randomly initialised BLIP-2 and LLaVA of a few thousand parameters, saved as the hub would hand them out."""

from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers
from tokenizers.decoders import ByteLevel

VISION = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
TEXT = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 512}


def byte_tokenizer() -> transformers.PreTrainedTokenizerFast:
    """One token per byte, special tokens first."""
    special = ["<pad>", "<s>", "</s>", "<image>"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    core = Tokenizer(models.BPE({token: index for index, token in enumerate(special + alphabet)}, []))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = ByteLevel()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        additional_special_tokens=["<image>"],
    )


def save_tiny_blip2(folder: Path) -> Path:
    """BLIP-2 with an OPT of one layer; 224 px in patches of 56."""
    tokenizer = byte_tokenizer()
    image_token = tokenizer.convert_tokens_to_ids("<image>")
    config = transformers.Blip2Config(
        vision_config=VISION | {"image_size": 224, "patch_size": 56},
        qformer_config=VISION | {"vocab_size": 8, "encoder_hidden_size": 16},
        text_config=TEXT
        | {"model_type": "opt", "ffn_dim": 16, "word_embed_proj_dim": 16, "vocab_size": len(tokenizer)},
        num_query_tokens=4,
        image_token_index=image_token,
    )
    config.text_config.update({"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2})
    torch.manual_seed(0)
    transformers.Blip2ForConditionalGeneration(config).save_pretrained(folder)
    images = transformers.BlipImageProcessor(size={"height": 224, "width": 224})
    processor = transformers.Blip2Processor(images, tokenizer, num_query_tokens=4)
    processor.save_pretrained(folder)
    return folder


def save_tiny_llava(folder: Path) -> Path:
    """LLaVA with a CLIP tower and a LLaMA of one layer each; 28 px in patches of 14."""
    tokenizer = byte_tokenizer()
    config = transformers.LlavaConfig(
        vision_config=VISION | {"model_type": "clip_vision_model", "image_size": 28, "patch_size": 14},
        text_config=TEXT | {"model_type": "llama", "intermediate_size": 16, "vocab_size": len(tokenizer)},
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-1,
    )
    torch.manual_seed(0)
    transformers.LlavaForConditionalGeneration(config).save_pretrained(folder)
    images = transformers.CLIPImageProcessor(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
    processor = transformers.LlavaProcessor(
        images,
        tokenizer,
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )
    processor.save_pretrained(folder)
    return folder
