"""Keywords from BLIP-2 (the paper's main results), through transformers."""

from functools import cached_property
from types import SimpleNamespace

import numpy as np
import torch

from sparsevision.methods.gensam.keywords.chains import blip_keywords
from sparsevision.methods.gensam.keywords.hub import load_pretrained, to_device
from sparsevision.methods.gensam.keywords.prompt_sets import prompt_words
from sparsevision.methods.gensam.keywords.source import KeywordSource
from sparsevision.methods.gensam.keywords.types import Keywords
from sparsevision.registry import MODELS


@MODELS.register_module()
class Blip2Keywords(KeywordSource):
    """BLIP-2 captions the image and answers two questions per query word.

    Beam search without sampling, so the words never change: GenSAM asks once per image where the released code asks
    again in every pass. Prompts are never truncated (LAVIS's main branch cuts them after 32 tokens).

    Args:
        model_name: folder or hub name; the default is the paper's. Loaded at the first call.
        beams: beam width (published: 5).
        max_new_tokens: longest answer (published: 30).
        device, dtype: see `load_pretrained`.
    """

    def __init__(
        self,
        *,
        model_name: str = "Salesforce/blip2-opt-6.7b",
        beams: int = 5,
        max_new_tokens: int = 30,
        device: str = "auto",
        dtype: str = "auto",
    ):
        self.model_name, self.beams, self.max_new_tokens = model_name, beams, max_new_tokens
        self.device, self.dtype = device, dtype

    @property
    def identity(self) -> str:
        return f"blip2:{self.model_name}:beams={self.beams}:tokens={self.max_new_tokens}"

    def draw(self, image: np.ndarray, prompt_set: str, index: int, name: str | None) -> Keywords:
        words = prompt_words(prompt_set)
        return blip_keywords(self.answer(image), lambda prompt: self.answer(image, prompt), words)

    @torch.no_grad()
    def answer(self, image: np.ndarray, prompt: str = "") -> str:
        """The model's continuation of a prompt about an image, uint8 RGB (H,W,3); of "" a caption."""
        model, processor = self._loaded.model, self._loaded.processor
        batch = to_device(processor(images=image, text=prompt, return_tensors="pt"), model)
        tokens = model.generate(
            **batch,
            do_sample=False,
            num_beams=self.beams,
            max_new_tokens=self.max_new_tokens,
            min_new_tokens=1,
            eos_token_id=self._end_token,
            pad_token_id=processor.tokenizer.pad_token_id,
        )
        answer = tokens[0, batch["input_ids"].shape[1] :]
        return processor.tokenizer.decode(answer, skip_special_tokens=True).strip()

    @property
    def _end_token(self) -> int:
        """The line break (LAVIS stops there), or the tokenizer's own end where that is not one token."""
        tokenizer = self._loaded.processor.tokenizer
        line_break = tokenizer("\n", add_special_tokens=False)["input_ids"]
        return line_break[0] if len(line_break) == 1 else tokenizer.eos_token_id

    @cached_property
    def _loaded(self) -> SimpleNamespace:
        return load_pretrained(
            "Blip2ForConditionalGeneration",
            self.model_name,
            device=self.device,
            dtype=self.dtype,
            why="GenSAM's BLIP-2 keywords",
        )
