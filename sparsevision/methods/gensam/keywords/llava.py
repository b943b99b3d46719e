"""Keywords from LLaVA (the released configurations), through transformers."""

import zlib
from collections.abc import Callable
from functools import cached_property
from types import SimpleNamespace

import numpy as np
import torch

from sparsevision.methods.gensam.keywords.chains import Turn, llava_keywords
from sparsevision.methods.gensam.keywords.hub import load_pretrained, to_device
from sparsevision.methods.gensam.keywords.prompt_sets import prompt_words
from sparsevision.methods.gensam.keywords.source import KeywordSource, image_hash
from sparsevision.methods.gensam.keywords.types import Keywords
from sparsevision.registry import MODELS

PREAMBLE = (
    "A chat between a curious human and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the human's questions."
)


def llava_prompt(history: list[Turn], question: str) -> str:
    """A chat as LLaVA-1.5 reads it (template llava_v1); the image stands before the first question."""
    questions = [asked for asked, _ in history] + [question]
    questions[0] = f"<image>\n{questions[0]}"
    past = "".join(f"USER: {asked} ASSISTANT: {told}</s>" for asked, (_, told) in zip(questions, history, strict=False))
    return f"{PREAMBLE} {past}USER: {questions[-1]} ASSISTANT:"


@MODELS.register_module()
class LlavaKeywords(KeywordSource):
    """LLaVA describes the image, then names object and environment, in one chat per query word.

    Published: sampling at temperature 0.2, unseeded, asked again in every pass. Here every answer is seeded by image,
    prompt set and draw, so a run can be repeated; `temperature=0` is greedy and asked once per image.

    Args:
        model_name: folder or hub name. Loaded at the first call.
        temperature: of sampling; 0 is greedy.
        max_new_tokens: longest answer (published: 1024).
        with_caption: ask for a description first (released option `LLaVA_w_caption`).
        generic_foreground: ask for the background only (released option `use_gene_prompt_fg`).
        pad_to_square: show the whole image, padded with grey; published: the processor's centre crop, which never
            shows the ends of a long image.
        seed: of the sampling.
        prompt_format: (earlier turns, question) -> prompt; change it for models with another chat template.
        device, dtype: see `load_pretrained`.
    """

    def __init__(
        self,
        *,
        model_name: str = "llava-hf/llava-1.5-13b-hf",
        temperature: float = 0.2,
        max_new_tokens: int = 1024,
        with_caption: bool = True,
        generic_foreground: bool = False,
        pad_to_square: bool = False,
        seed: int = 0,
        prompt_format: Callable[[list[Turn], str], str] = llava_prompt,
        device: str = "auto",
        dtype: str = "auto",
    ):
        self.model_name, self.temperature, self.max_new_tokens = model_name, temperature, max_new_tokens
        self.with_caption, self.generic_foreground = with_caption, generic_foreground
        self.pad_to_square, self.seed, self.prompt_format = pad_to_square, seed, prompt_format
        self.device, self.dtype = device, dtype
        self.deterministic = temperature == 0

    @property
    def identity(self) -> str:
        options = {
            "temperature": self.temperature,
            "tokens": self.max_new_tokens,
            "caption": self.with_caption,
            "generic_foreground": self.generic_foreground,
            "pad": self.pad_to_square,
            "seed": self.seed,
            "format": self.prompt_format.__name__,
        }
        return f"llava:{self.model_name}:" + ":".join(f"{key}={value}" for key, value in options.items())

    def draw(self, image: np.ndarray, prompt_set: str, index: int, name: str | None) -> Keywords:
        words = prompt_words(prompt_set)
        devices = [self._loaded.model.device] if self._loaded.model.device.type == "cuda" else []
        shown = _padded_to_square(image) if self.pad_to_square else image
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(zlib.crc32(f"{self.seed} {image_hash(image)} {prompt_set} {index}".encode()))
            return llava_keywords(
                lambda history, question: self.answer(shown, history, question),
                words,
                with_caption=self.with_caption,
                generic_foreground=self.generic_foreground,
            )

    @torch.no_grad()
    def answer(self, image: np.ndarray, history: list[Turn], question: str) -> str:
        """The next answer of a chat about an image, uint8 RGB (H,W,3)."""
        model, processor = self._loaded.model, self._loaded.processor
        prompt = self.prompt_format(history, question)
        batch = to_device(processor(images=image, text=prompt, return_tensors="pt"), model)
        sampling = {"do_sample": True, "temperature": self.temperature} if self.temperature else {"do_sample": False}
        tokens = model.generate(**batch, **sampling, max_new_tokens=self.max_new_tokens)
        answer = tokens[0, batch["input_ids"].shape[1] :]
        return processor.tokenizer.decode(answer, skip_special_tokens=True).strip()

    @cached_property
    def _loaded(self) -> SimpleNamespace:
        return load_pretrained(
            "LlavaForConditionalGeneration",
            self.model_name,
            device=self.device,
            dtype=self.dtype,
            why="GenSAM's LLaVA keywords",
        )


def _padded_to_square(image: np.ndarray) -> np.ndarray:
    """The image centred on a grey square of its longer side (LLaVA-1.5's own preprocessing)."""
    height, width = image.shape[:2]
    side = max(height, width)
    square = np.full((side, side, 3), (122, 116, 104), np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = image
    return square
