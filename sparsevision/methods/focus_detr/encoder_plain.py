"""The sparse encoder as its formulas stand, for tests and benchmarks: the same numbers as `Encoder`, with more work.

Every layer sorts all tokens anew, gathers its tokens, positions and reference points from all there are, and writes its
results back image by image into a copy of everything.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from sparsevision.layers.ms_deform_attn import MultiScaleDeformableAttention
from sparsevision.methods.focus_detr.encoder import Encoder, EncoderLayer
from sparsevision.methods.focus_detr.proposals import token_places
from sparsevision.methods.focus_detr.pyramid import Pyramid

Sampling = Callable[[Tensor, list[tuple[int, int]], Tensor, Tensor], Tensor]


def sample_by_stacked_grids(value: Tensor, shapes: list[tuple[int, int]], locations: Tensor, weights: Tensor) -> Tensor:
    """Deformable attention as most code bases write it in torch: one `grid_sample` a level, all of them kept, one sum.

    Arguments of `multi_scale_deformable_attention`.
    """
    batch, _, heads, width = value.shape
    queries = locations.shape[1]
    samples = []
    for level, part in enumerate(value.split([height * columns for height, columns in shapes], 1)):
        picture = part.flatten(2).transpose(1, 2).reshape(batch * heads, width, *shapes[level])
        grid = (2 * locations[:, :, :, level] - 1).transpose(1, 2).flatten(0, 1)
        samples.append(F.grid_sample(picture, grid, mode="bilinear", padding_mode="zeros", align_corners=False))
    share = weights.transpose(1, 2).reshape(batch * heads, 1, queries, -1)
    total = (torch.stack(samples, -2).flatten(-2) * share).sum(-1)
    return total.view(batch, heads * width, queries).transpose(1, 2).contiguous()


def encode_plainly(
    encoder: Encoder,
    pyramid: Pyramid,
    logits: Tensor,
    *,
    counts: list[int],
    own: list[int],
    class_head: Callable[[Tensor], Tensor],
    sampling: Sampling = sample_by_stacked_grids,
) -> Tensor:
    """The memory (B,N,C) of a Focus-DETR as released (`Encoder` with `stale_value`, object score "logit_product").

    Args:
        encoder: whose weights to use.
        pyramid: features, positions and geometry.
        logits: (B,N) foreground logits.
        counts: tokens of each layer.
        own: tokens that an image may change.
        class_head: from (B,K,C) to class logits.
        sampling: deformable attention.
    """
    scores = logits.masked_fill(pyramid.padding, logits.min().item())
    references = token_places(pyramid)[:, :, None] * pyramid.valid_ratios[:, None]
    memory = pyramid.features
    for layer, count in zip(encoder.layers, counts, strict=True):
        chosen = scores.topk(count, dim=1).indices
        tokens, positions = _gathered(memory, chosen), _gathered(pyramid.positions, chosen)
        places = _gathered(references.flatten(2), chosen).view(*chosen.shape, *references.shape[2:])
        importance = class_head(tokens).amax(-1) * scores.gather(1, chosen)
        updated = _attended(layer, tokens, positions, importance.topk(min(encoder.object_tokens, count), dim=1).indices)
        updated = _read(layer, updated, positions, pyramid, places, sampling)
        memory = _written_back(memory, chosen, updated, own)
    return memory


def _gathered(values: Tensor, chosen: Tensor) -> Tensor:
    return values.gather(1, chosen[..., None].repeat(1, 1, values.shape[-1]))


def _attended(layer: EncoderLayer, tokens: Tensor, positions: Tensor, objects: Tensor) -> Tensor:
    rows = _gathered(tokens, objects)
    placed = rows + _gathered(positions, objects)
    updated = layer.self_norm(rows + layer.self_attention(placed, placed, rows)[0])
    return tokens.scatter(1, objects[..., None].repeat(1, 1, tokens.shape[-1]), updated)


def _read(
    layer: EncoderLayer, tokens: Tensor, positions: Tensor, pyramid: Pyramid, references: Tensor, sampling: Sampling
) -> Tensor:
    seen = _deformable(layer.deformable, tokens + positions, pyramid, references, sampling)
    tokens = layer.deformable_norm(tokens + seen)
    return layer.ffn_norm(tokens + layer.ffn(tokens))


def _deformable(
    attention: MultiScaleDeformableAttention, query: Tensor, pyramid: Pyramid, references: Tensor, sampling: Sampling
) -> Tensor:
    value = attention.value_proj(pyramid.features).masked_fill(pyramid.padding[..., None], 0.0)
    value = value.view(*value.shape[:2], attention.heads, -1)
    locations, weights = attention.sampling(query, references, pyramid.shapes)
    return attention.output_proj(sampling(value, pyramid.shapes, locations, weights))


def _written_back(memory: Tensor, chosen: Tensor, updated: Tensor, own: list[int]) -> Tensor:
    images = []
    for image, number in enumerate(own):
        rows = chosen[image, :number, None].repeat(1, memory.shape[-1])
        images.append(memory[image].scatter(0, rows, updated[image, :number]))
    return torch.stack(images)
