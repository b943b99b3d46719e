"""Pictures and words in CLIP's common space, for scores of videos; weights come from the user, nothing is fetched.

Source: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sparsevision.engine.checkpoint import load_checkpoint, load_state_dict, weights_of
from sparsevision.registry import MODELS
from sparsevision.utils import UserError, did_you_mean, require

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
NOT_WEIGHTS = ("input_resolution", "context_length", "vocab_size")  # sizes that OpenAI's files hold among the weights
WHY = "CLIP's scores of videos"


class _Loaded(NamedTuple):
    """A network with `encode_image` and `encode_text`, texts -> tokens, and the side of its pictures in pixels."""

    network: nn.Module
    tokenize: Callable[[Sequence[str]], Tensor]
    size: int


@MODELS.register_module()
class CLIPFeatures(nn.Module):
    """Unit vectors of pictures and of texts whose cosine says how well they fit; frozen.

    Args:
        weights: a file with a state dict of open_clip's, or a folder as transformers writes it (CLIPModel and
            CLIPTokenizer).
        model: open_clip's name of the architecture of a file.

    Raises:
        UserError: there is nothing there, no such model, or a folder that cannot be loaded.
        CheckpointError: the file is damaged, holds more than tensors, or weights of another network.
        ImportError: open_clip or transformers is not installed.
    """

    def __init__(self, weights: str | Path, *, model: str = "ViT-B-32-quickgelu") -> None:
        super().__init__()
        path = Path(weights).expanduser()
        if not path.exists():
            raise UserError(
                f"clip: there are no CLIP weights at '{weights}'; nothing is downloaded. Give a state dict of "
                "open_clip or a folder of transformers, or leave clip out."
            )
        self.network, self.tokenize, self.size = _from_folder(path) if path.is_dir() else _from_file(path, model)
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)
        self.requires_grad_(False).eval()

    @torch.no_grad()
    def images(self, pictures: Tensor) -> Tensor:
        """(N,D) unit vectors of pictures (N,3,H,W) in [0,1]: the shorter side is resized, the middle square is seen."""
        height, width = pictures.shape[-2:]
        scale = self.size / min(height, width)
        size = (round(height * scale), round(width * scale))
        resized = F.interpolate(pictures.to(self.mean), size, mode="bicubic", antialias=True, align_corners=False)
        top, left = (size[0] - self.size) // 2, (size[1] - self.size) // 2
        square = resized[..., top : top + self.size, left : left + self.size].clamp(0, 1)
        return F.normalize(self.network.encode_image((square - self.mean) / self.std), dim=-1)

    @torch.no_grad()
    def texts(self, texts: Sequence[str]) -> Tensor:
        """(N,D) unit vectors of N texts, cut off at CLIP's length."""
        return F.normalize(self.network.encode_text(self.tokenize(texts).to(self.mean.device)), dim=-1)


class _TransformersCLIP(nn.Module):
    """A `CLIPModel` of transformers with the methods of open_clip's."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def encode_image(self, pictures: Tensor) -> Tensor:
        """(N,3,H,W), normalised -> (N,D)."""
        return self.model.visual_projection(self.model.vision_model(pixel_values=pictures).pooler_output)

    def encode_text(self, tokens: Tensor) -> Tensor:
        """(N,L) -> (N,D)."""
        return self.model.text_projection(self.model.text_model(input_ids=tokens).pooler_output)


def _from_file(path: Path, model: str) -> _Loaded:
    open_clip = require("open_clip", extra="sam", why=WHY)
    if model not in (names := open_clip.list_models()):
        raise UserError(f"open_clip has no model '{model}'.{did_you_mean(model, names)}")
    network = open_clip.create_model(model, pretrained=None)
    state = {name: value for name, value in weights_of(load_checkpoint(path)).items() if name not in NOT_WEIGHTS}
    load_state_dict(network, state, source=path)
    size = network.visual.image_size
    return _Loaded(
        network,
        open_clip.SimpleTokenizer(context_length=network.context_length),
        size if isinstance(size, int) else size[0],
    )


def _from_folder(folder: Path) -> _Loaded:
    transformers = require("transformers", extra="video", why=WHY)
    try:
        model = transformers.CLIPModel.from_pretrained(folder, local_files_only=True, weights_only=True)
        tokenizer = transformers.CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # tokenizers raises nothing narrower
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"{folder}: transformers cannot load CLIP from this folder ({reason}).") from error
    length = model.config.text_config.max_position_embeddings

    def tokenize(texts: Sequence[str]) -> Tensor:
        options = {"padding": "max_length", "max_length": length, "truncation": True, "return_tensors": "pt"}
        return tokenizer(list(texts), **options).input_ids

    return _Loaded(_TransformersCLIP(model), tokenize, model.config.vision_config.image_size)
