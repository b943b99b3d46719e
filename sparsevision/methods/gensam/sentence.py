"""Sentence vectors of all-MiniLM-L6-v2: mean of the token states, unit length (Reimers & Gurevych, EMNLP 2019)."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sparsevision.engine import load_state_dict
from sparsevision.utils import UserError, require

MAX_TOKENS = 128
FILES = ("config.json", "tokenizer.json", "model.safetensors")
# The checkpoint's pooler is not used for sentence vectors; old versions stored the position ids.
UNUSED = ("pooler.", "embeddings.position_ids")


class SentenceEncoder(nn.Module):
    """Texts to unit vectors, cos(a, b) their likeness in meaning.

    Args:
        network: a BERT (transformers' `BertModel`).
        tokenizer: a `tokenizers.Tokenizer`; sentences are cut off after 128 tokens.
    """

    def __init__(self, *, network: nn.Module, tokenizer):
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.tokenizer.enable_truncation(MAX_TOKENS)
        self.tokenizer.enable_padding()

    @classmethod
    def from_folder(cls, folder: str | Path) -> "SentenceEncoder":
        """Read config.json, tokenizer.json and model.safetensors.

        Raises:
            ImportError: transformers, tokenizers or safetensors is not installed.
            UserError: a file is missing or is not what its name says.
        """
        why = "ConSE's sentence encoder"
        transformers = require("transformers", extra="sam", why=why)
        tokenizers = require("tokenizers", extra="sam", why=why)
        safetensors = require("safetensors.torch", extra="sam", why=why)
        folder = Path(folder)
        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            raise UserError(f"the sentence encoder's folder {folder} lacks {', '.join(missing)}")
        try:
            config = transformers.BertConfig.from_json_file(folder / "config.json")
            tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
            state = safetensors.load_file(folder / "model.safetensors")
        except Exception as error:  # three libraries, each with errors of its own
            raise UserError(f"cannot read the sentence encoder in {folder}: {error}") from error
        network = transformers.BertModel(config, add_pooling_layer=False)
        _load(network, state, folder / "model.safetensors")
        return cls(network=network, tokenizer=tokenizer)

    @torch.no_grad()
    def forward(self, texts: Sequence[str], batch_size: int = 64) -> Tensor:
        """Unit vectors (N,D) of N texts; texts of like length share a batch."""
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        ranked = [texts[index] for index in order]
        vectors = torch.cat(
            [self._encode(ranked[start : start + batch_size]) for start in range(0, len(ranked), batch_size)]
        )
        return vectors[torch.tensor(order).argsort()]

    def _encode(self, texts: Sequence[str]) -> Tensor:
        device = next(self.network.parameters()).device
        encodings = self.tokenizer.encode_batch(list(texts))
        tokens = torch.tensor([encoding.ids for encoding in encodings], device=device)
        mask = torch.tensor([encoding.attention_mask for encoding in encodings], device=device)
        states = self.network(input_ids=tokens, attention_mask=mask).last_hidden_state * mask[..., None]
        return F.normalize(states.sum(1) / mask.sum(1, keepdim=True), dim=-1)


def _load(network: nn.Module, state: dict[str, Tensor], source: Path) -> None:
    load_state_dict(network, {key: value for key, value in state.items() if not key.startswith(UNUSED)}, source=source)
