"""Spatial CLIP: a CLIP vision transformer whose last blocks also run a second, spatially consistent path.

Paper: GenSAM (arXiv 2312.07374), section on cross-modal chains of thought prompting; the second path follows CLIP
Surgery (arXiv 2304.05653) with key-key instead of value-value attention. Parameter names are those of OpenAI's CLIP.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparsevision.utils import UserError, closest, did_you_mean, require

HEAD_DIM = 64
ATTENTIONS = {"kk": 1, "vv": 2, "qq": 0}  # which of q, k, v attends to itself on the second path
NOT_WEIGHTS = frozenset({"input_resolution", "context_length", "vocab_size", "attn_mask"})  # extras of published files


@dataclass(frozen=True, kw_only=True)
class ClipConfig:
    """Sizes of a CLIP with a vision transformer; heads are `width / 64` in both towers.

    Attributes:
        embed_dim: joint dimension D of images and texts.
        grid: patches along a side of the positional grid (14 for ViT-B/16 at 224 pixels).
        quick_gelu: x·sigmoid(1.702x) (OpenAI's weights) instead of the exact GELU (many later weights).
        dual_layers: number of last image blocks that have the second path; 6 in the paper.
    """

    embed_dim: int
    grid: int
    patch: int
    image_width: int
    image_layers: int
    text_width: int
    text_layers: int
    context: int = 77
    vocab: int = 49408
    quick_gelu: bool = True
    dual_layers: int = 6

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor], *, quick_gelu: bool = True, dual_layers: int = 6) -> "ClipConfig":
        """Read the sizes off the shapes of an OpenAI-layout state dict.

        Raises:
            UserError: a tensor that tells a size is missing (another layout, or a ResNet CLIP).
        """

        def shape(key: str) -> torch.Size:
            if key not in state:
                near = closest(key, state) or sorted(state)[:3]
                raise UserError(
                    f"This is no CLIP vision-transformer state dict in OpenAI's layout: it has no '{key}' "
                    f"(nearest of {len(state)} keys: {', '.join(near) or 'none'}). Convert it, or load it with "
                    "SpatialCLIP.from_open_clip."
                )
            return state[key].shape

        patch_kernel = shape("visual.conv1.weight")
        return cls(
            embed_dim=shape("visual.proj")[1],
            grid=round((shape("visual.positional_embedding")[0] - 1) ** 0.5),
            patch=patch_kernel[-1],
            image_width=patch_kernel[0],
            image_layers=_count_blocks(state, "visual.transformer."),
            text_width=shape("token_embedding.weight")[1],
            text_layers=_count_blocks(state, "transformer."),
            context=shape("positional_embedding")[0],
            vocab=shape("token_embedding.weight")[0],
            quick_gelu=quick_gelu,
            dual_layers=dual_layers,
        )


def _count_blocks(state: Mapping[str, Tensor], prefix: str) -> int:
    start = f"{prefix}resblocks."
    return len({key[len(start) :].split(".")[0] for key in state if key.startswith(start)})


def _create(open_clip: ModuleType, model: str, pretrained: str | None) -> nn.Module:
    try:
        return open_clip.create_model(model, pretrained=pretrained)
    except (RuntimeError, OSError) as error:
        raise UserError(
            f"open_clip cannot give '{model}' its weights '{pretrained}' ({str(error).splitlines()[0]}). "
            "Run once where its hub can be reached, or set model.heatmap_backend.pretrained to a file with a state "
            "dict in OpenAI's layout."
        ) from error


class QuickGELU(nn.Module):
    """x · sigmoid(1.702 x), the activation of OpenAI's CLIP."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


class Attention(nn.Module):
    """Multi-head attention with one fused input projection; tokens (B,L,C)."""

    def __init__(self, *, width: int) -> None:
        super().__init__()
        self.heads = width // HEAD_DIM
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.normal_(self.in_proj_weight, std=width**-0.5)

    def project(self, x: Tensor) -> Tensor:
        """(B,L,C) -> queries, keys and values (3,B,heads,L,64)."""
        qkv = F.linear(x, self.in_proj_weight, self.in_proj_bias)
        return qkv.unflatten(-1, (3, self.heads, HEAD_DIM)).permute(2, 0, 3, 1, 4)

    def attend(self, query: Tensor, key: Tensor, value: Tensor, *, causal: bool = False) -> Tensor:
        """softmax(q kᵀ / 8) v, heads merged and projected: (B,heads,L,64) -> (B,L,C)."""
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=causal)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Pre-norm transformer block; tokens (B,L,C)."""

    def __init__(self, *, width: int, quick_gelu: bool) -> None:
        super().__init__()
        self.attn = Attention(width=width)
        self.ln_1 = nn.LayerNorm(width)
        self.mlp = nn.Sequential()
        self.mlp.add_module("c_fc", nn.Linear(width, 4 * width))
        self.mlp.add_module("gelu", QuickGELU() if quick_gelu else nn.GELU())
        self.mlp.add_module("c_proj", nn.Linear(4 * width, width))
        self.ln_2 = nn.LayerNorm(width)

    def forward(self, x: Tensor, *, causal: bool = False) -> Tensor:
        x = x + self.attn.attend(*self.attn.project(self.ln_1(x)), causal=causal)
        return x + self.mlp(self.ln_2(x))

    def forward_dual(self, spatial: Tensor, x: Tensor, *, self_of: int) -> tuple[Tensor, Tensor]:
        """One block of both paths.

        The spatial path sums self-attention outputs (`self_of`: 0 queries, 1 keys, 2 values attend to themselves)
        of the ordinary path's features; it has no MLP and never feeds back.
        """
        qkv = self.attn.project(self.ln_1(x))
        spatial = spatial + self.attn.attend(qkv[self_of], qkv[self_of], qkv[2])
        x = x + self.attn.attend(*qkv)
        return spatial, x + self.mlp(self.ln_2(x))


class Transformer(nn.Module):
    """A stack of blocks (named as in the official files)."""

    def __init__(self, *, width: int, layers: int, quick_gelu: bool) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(Block(width=width, quick_gelu=quick_gelu) for _ in range(layers))


class ImageTower(nn.Module):
    """Vision transformer with a second path in its last blocks."""

    def __init__(self, config: ClipConfig) -> None:
        super().__init__()
        width = config.image_width
        self.config = config
        self.conv1 = nn.Conv2d(3, width, config.patch, stride=config.patch, bias=False)
        self.class_embedding = nn.Parameter(torch.randn(width) * width**-0.5)
        self.positional_embedding = nn.Parameter(torch.randn(config.grid**2 + 1, width) * width**-0.5)
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = Transformer(width=width, layers=config.image_layers, quick_gelu=config.quick_gelu)
        self.ln_post = nn.LayerNorm(width)
        self.proj = nn.Parameter(torch.randn(width, config.embed_dim) * width**-0.5)

    def positions(self, height: int, width: int) -> Tensor:
        """Positional embedding (1+height*width, C) for a grid of patches; bilinear where the grid is not the stored."""
        grid = self.config.grid
        if (height, width) == (grid, grid):
            return self.positional_embedding
        token, patches = self.positional_embedding.split([1, grid * grid])
        patches = patches.T.reshape(1, -1, grid, grid)
        patches = F.interpolate(patches, size=(height, width), mode="bilinear", align_corners=False)
        return torch.cat([token, patches[0].flatten(1).T])

    def forward(self, image: Tensor, *, self_of: int) -> Tensor:
        """image (B,3,H,W), normalised -> tokens of the spatial path with the ordinary class token (B,1+N,D)."""
        patches = self.conv1(image)
        tokens = patches.flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_embedding.expand(len(tokens), 1, -1), tokens], dim=1)
        x = self.ln_pre(tokens + self.positions(*patches.shape[-2:]))
        blocks = list(self.transformer.resblocks)
        first_dual = max(len(blocks) - self.config.dual_layers, 0)
        for block in blocks[:first_dual]:
            x = block(x)
        spatial = x
        for block in blocks[first_dual:]:
            spatial, x = block.forward_dual(spatial, x, self_of=self_of)
        return self.ln_post(torch.cat([x[:, :1], spatial[:, 1:]], dim=1)) @ self.proj


class SpatialCLIP(nn.Module):
    """CLIP whose image features keep their place: each patch token says what is at that patch.

    Args:
        config: sizes; `from_state_dict` reads them off a state dict, `from_open_clip` loads published weights.
    """

    def __init__(self, config: ClipConfig) -> None:
        super().__init__()
        width = config.text_width
        self.config = config
        self.visual = ImageTower(config)
        self.token_embedding = nn.Embedding(config.vocab, width)
        self.positional_embedding = nn.Parameter(torch.randn(config.context, width) * 0.01)
        self.transformer = Transformer(width=width, layers=config.text_layers, quick_gelu=config.quick_gelu)
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.randn(width, config.embed_dim) * width**-0.5)
        self.logit_scale = nn.Parameter(torch.tensor(1 / 0.07).log())

    @classmethod
    def from_state_dict(
        cls, state: Mapping[str, Tensor], *, quick_gelu: bool = True, dual_layers: int = 6
    ) -> "SpatialCLIP":
        """Build the network that fits a state dict in OpenAI's layout, with a float32 copy of its weights.

        Raises:
            UserError: keys are missing, left over, or of a shape that does not fit; the message names some of each.
        """
        state = {key: value for key, value in state.items() if key not in NOT_WEIGHTS}
        config = ClipConfig.from_state(state, quick_gelu=quick_gelu, dual_layers=dual_layers)
        with torch.device("meta"):
            model = cls(config)
        _check_state(model.state_dict(), state)
        model.load_state_dict({k: v.to(torch.float32, copy=True) for k, v in state.items()}, assign=True)
        return model.eval().requires_grad_(False)

    @classmethod
    def from_open_clip(
        cls, model: str | nn.Module = "ViT-B-16-quickgelu", pretrained: str | None = "openai", *, dual_layers: int = 6
    ) -> "SpatialCLIP":
        """Take the weights of an open_clip model, built already or named as open_clip names it.

        Args:
            model: an open_clip model with a ViT image tower, or a name like "ViT-B-16-quickgelu".
            pretrained: open_clip's tag of the weights; None gives random ones. Unused if `model` is built.
        """
        if isinstance(model, str):
            open_clip = require("open_clip", extra="sam", why="GenSAM's spatial CLIP")
            if model not in (names := open_clip.list_models()):
                raise UserError(f"open_clip has no model '{model}'.{did_you_mean(model, names)}")
            model = _create(open_clip, model, pretrained)
        quick_gelu = any(type(module).__name__ == "QuickGELU" for module in model.modules())
        return cls.from_state_dict(model.state_dict(), quick_gelu=quick_gelu, dual_layers=dual_layers)

    def encode_image(self, image: Tensor, attention: str = "kk") -> Tensor:
        """Dual-path image features.

        Args:
            image: (B,3,H,W) float, normalised with CLIP's mean and std; any size of at least one patch. A remainder
                smaller than a patch at the right and the bottom is not seen.
            attention: what attends to itself on the spatial path: "kk" keys (GenSAM), "vv" values (CLIP Surgery) or
                "qq" queries.

        Returns:
            (B,1+N,D): the ordinary class token, then N = (H/patch)·(W/patch) spatial patch tokens, row by row.

        Raises:
            UserError: unknown attention, or an image without a whole patch.
        """
        if attention not in ATTENTIONS:
            raise UserError(
                f"Unknown attention '{attention}': expected one of {', '.join(ATTENTIONS)}."
                f"{did_you_mean(attention, ATTENTIONS)}"
            )
        if image.ndim != 4 or image.shape[1] != 3 or min(image.shape[-2:]) < self.config.patch:
            raise UserError(
                f"encode_image expects images (B,3,H,W) of at least {self.config.patch} pixels a side, "
                f"got shape {tuple(image.shape)}."
            )
        return self.visual(image, self_of=ATTENTIONS[attention])

    def encode_text(self, tokens: Tensor, *, chunk: int = 128) -> Tensor:
        """Text features (n,D), not normalised, of tokens (n,context) that end with the highest token id.

        Sequences are sorted by length and each chunk is cut after its longest end token; the causal mask makes this
        exact, for no token sees what comes after it.
        """
        lengths = tokens.argmax(dim=-1) + 1
        order = lengths.argsort(stable=True)
        parts = [self._encode_chunk(tokens[rows], lengths[rows]) for rows in order.split(chunk)]
        return torch.cat(parts)[order.argsort()]

    def _encode_chunk(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        longest = int(lengths.max())
        x = self.token_embedding(tokens[:, :longest]) + self.positional_embedding[:longest]
        for block in self.transformer.resblocks:
            x = block(x, causal=True)
        ends = x[torch.arange(len(x), device=x.device), lengths - 1]
        return self.ln_final(ends) @ self.text_projection


def _check_state(expected: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> None:
    """Raise one sentence about the first differences between the two state dicts, if there are any."""
    missing = [key for key in expected if key not in state]
    unexpected = [key for key in state if key not in expected]
    wrong = [key for key in expected if key in state and expected[key].shape != state[key].shape]
    problems = []
    if missing:
        near = closest(missing[0], unexpected)
        problems.append(f"{len(missing)} keys are missing, e.g. '{missing[0]}' (nearest: {', '.join(near) or 'none'})")
    if unexpected:
        problems.append(f"{len(unexpected)} keys are not of this network, e.g. '{unexpected[0]}'")
    if wrong:
        key = wrong[0]
        problems.append(f"'{key}' is {tuple(state[key].shape)} instead of {tuple(expected[key].shape)}")
    if problems:
        raise UserError(f"The CLIP state dict does not fit: {'; '.join(problems)}.")
