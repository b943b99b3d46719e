"""Prompts as the networks read them: the last hidden state of Stable Diffusion's CLIP text encoder, or hashed words."""

import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from sparsevision.registry import MODELS
from sparsevision.utils import UserError, require

CLIP_TOKENS = 77


@MODELS.register_module()
class CLIPText(nn.Module):
    """CLIP's text encoder, frozen (Stable Diffusion 1.5 has that of ViT-L/14).

    Args:
        tokenizer: a `CLIPTokenizer` of transformers.
        encoder: a `CLIPTextModel` of transformers.
    """

    def __init__(self, *, tokenizer: Any, encoder: nn.Module) -> None:
        super().__init__()
        self.tokenizer = tokenizer
        self.encoder = encoder
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Self:
        """Stays in evaluation mode: nothing in it learns."""
        return super().train(False)

    @classmethod
    def from_folder(cls, folder: str | Path) -> Self:
        """The one in a folder with the parts `tokenizer` and `text_encoder`, as Stable Diffusion's files have them.

        Raises:
            UserError: no such folder, or a part of it cannot be loaded.
            ImportError: transformers is not installed.
        """
        folder = Path(folder)
        for part in ("tokenizer", "text_encoder"):
            if not (folder / part).is_dir():
                raise UserError(f"{folder}: has no folder '{part}'; give the folder of a Stable Diffusion model.")
        transformers = require("transformers", extra="video", why="CLIP's text encoder")
        try:
            tokenizer = transformers.CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
            encoder = transformers.CLIPTextModel.from_pretrained(
                folder / "text_encoder", local_files_only=True, weights_only=True
            )
        except Exception as error:  # tokenizers raises nothing narrower
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise UserError(f"{folder}: transformers cannot load the text encoder ({reason}).") from error
        return cls(tokenizer=tokenizer, encoder=encoder)

    @property
    def channels(self) -> int:
        """D."""
        return self.encoder.config.hidden_size

    @torch.no_grad()
    def forward(self, prompts: Sequence[str]) -> Tensor:
        """(B,L,D) of B prompts, cut off or filled up to the encoder's length (77); "" is no words."""
        length = min(CLIP_TOKENS, self.encoder.config.max_position_embeddings)
        tokens = self.tokenizer(
            list(prompts), padding="max_length", max_length=length, truncation=True, return_tensors="pt"
        )
        return self.encoder(tokens.input_ids.to(self.encoder.device)).last_hidden_state


@MODELS.register_module()
class StoredCLIPText(nn.Module):
    """The `CLIPText` of a folder, read when the first prompt comes, on the device of the model that this is a part of;
    checkpoints do not hold it.

    Args:
        weights: a folder with the parts `tokenizer` and `text_encoder`; None for a network that is given no prompt.
        channels: D.
    """

    def __init__(self, *, weights: str | Path | None = None, channels: int = 768) -> None:
        super().__init__()
        self.weights = weights
        self.channels = channels
        self._read: list[CLIPText] = []  # in a list, so that it is no part of this module
        self.register_buffer("place", torch.zeros(()), persistent=False)  # goes where the model goes

    def forward(self, prompts: Sequence[str]) -> Tensor:
        """See `CLIPText`.

        Raises:
            UserError: no folder was named; see `CLIPText.from_folder`.
        """
        if not self._read:
            if self.weights is None:
                raise UserError(
                    "StoredCLIPText has no `weights`: name the folder of a Stable Diffusion model that has `tokenizer` "
                    "and `text_encoder`."
                )
            self._read.append(CLIPText.from_folder(self.weights))
        return self._read[0].to(self.place.device)(prompts)


@MODELS.register_module()
class HashedText(nn.Module):
    """Each word as random numbers that its letters seed: text for tiny models, without weights.

    Args:
        channels: D.
        tokens: L; further words are dropped, missing ones are zeros.
    """

    def __init__(self, *, channels: int = 16, tokens: int = 8) -> None:
        super().__init__()
        self.channels = channels
        self.tokens = tokens

    def forward(self, prompts: Sequence[str]) -> Tensor:
        """(B,L,D) of B prompts; case and punctuation do not count."""
        embedded = torch.zeros(len(prompts), self.tokens, self.channels)
        for row, prompt in zip(embedded, prompts, strict=True):
            for place, word in enumerate(re.findall(r"\w+", prompt.lower())[: self.tokens]):
                generator = torch.Generator().manual_seed(zlib.crc32(word.encode()))
                row[place] = torch.randn(self.channels, generator=generator)
        return embedded
