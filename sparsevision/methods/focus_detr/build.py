"""The network that settings mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from sparsevision.methods.focus_detr.budget import Budget
from sparsevision.methods.focus_detr.decoder import Decoder
from sparsevision.methods.focus_detr.encoder import Encoder
from sparsevision.methods.focus_detr.heads import box_head, class_head
from sparsevision.methods.focus_detr.neck import Neck
from sparsevision.methods.focus_detr.network import FocusNetwork
from sparsevision.methods.focus_detr.presets import Switches
from sparsevision.methods.focus_detr.proposals import ProposalTransform
from sparsevision.methods.focus_detr.selector import ForegroundSelector, JointSelector
from sparsevision.utils import UserError

SELECTORS = ("focus", "joint")


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Sizes of a detector; the default is the released one.

    Attributes:
        channels: C of tokens and queries.
        levels: L; beyond the backbone's three by halving convolutions.
        heads: of all attentions.
        points: that deformable attention reads in each level.
        hidden: width of feed-forward nets.
        encoder_layers, decoder_layers: their numbers.
        temperature, offset: of `sine_position`; 20 and 0 in the released ResNets of 24 and 36 epochs.

    Raises:
        UserError: widths that do not fit each other.
    """

    channels: int = 256
    levels: int = 4
    heads: int = 8
    points: int = 4
    hidden: int = 2048
    encoder_layers: int = 6
    decoder_layers: int = 6
    temperature: float = 10000.0
    offset: float = -0.5

    def __post_init__(self) -> None:
        for name in ("channels", "heads", "levels", "points", "hidden", "encoder_layers", "decoder_layers"):
            if getattr(self, name) < 1:
                raise UserError(f"architecture: {name}={getattr(self, name)}; expected 1 or more.")
        if self.channels % 4 or self.channels % self.heads or self.channels % self.groups:
            raise UserError(
                f"architecture: channels={self.channels}, heads={self.heads}; expected a multiple of 4, of the number "
                f"of heads and of {self.groups}, the groups of the neck's norm."
            )

    @property
    def groups(self) -> int:
        """Of the neck's GroupNorm."""
        return min(32, self.channels // 4)

    @property
    def attention(self) -> dict[str, int]:
        """What layers of encoder and decoder share."""
        return {name: getattr(self, name) for name in ("channels", "heads", "levels", "points", "hidden")}


def build_network(
    sizes: Architecture,
    *,
    backbone: nn.Module,
    num_classes: int,
    num_queries: int,
    selector: str | None,
    budget: Mapping[str, Any],
    object_tokens: int | None,
    background_embedding: bool,
    switches: Switches,
) -> FocusNetwork:
    """A network with fresh weights behind a backbone.

    Args:
        sizes: widths and numbers of layers.
        backbone: with `channels` of its maps at strides 8, 16, 32.
        num_classes: K.
        num_queries: Q.
        selector: one of `SELECTORS`, or None for a dense encoder.
        budget: keep_ratio, cascade and level_ratios of `Budget`.
        object_tokens, background_embedding: of `Encoder`.
        switches: see `Switches`.

    Raises:
        UserError: no such selector, or a cascade for another number of layers.
    """
    if selector is not None and len(budget["cascade"]) != sizes.encoder_layers:
        raise UserError(
            f"cascade={tuple(budget['cascade'])} has {len(budget['cascade'])} shares; expected one for each of "
            f"{sizes.encoder_layers} encoder layers."
        )
    heads = range(sizes.decoder_layers + 1)
    return FocusNetwork(
        backbone=backbone,
        neck=Neck(in_channels=backbone.channels, channels=sizes.channels, levels=sizes.levels, groups=sizes.groups),
        proposals=ProposalTransform(channels=sizes.channels),
        selector=_selector(selector, sizes, switches),
        encoder=Encoder(
            layers=sizes.encoder_layers,
            **sizes.attention,
            object_tokens=object_tokens if selector is not None else None,
            object_score=switches.object_score,
            stale_value=switches.stale_value,
            own_class_heads=num_classes if switches.own_class_heads else None,
            background_embedding=background_embedding,
        ),
        decoder=Decoder(layers=sizes.decoder_layers, **sizes.attention, padded_positions=switches.padded_positions),
        class_heads=nn.ModuleList(class_head(sizes.channels, num_classes) for _ in heads),
        box_heads=nn.ModuleList(box_head(sizes.channels) for _ in heads),
        query_content=nn.Embedding(num_queries, sizes.channels),
        budget=Budget(**budget, by_batch=switches.batch_budget),
        switches=switches,
        temperature=sizes.temperature,
        offset=sizes.offset,
    )


def _selector(name: str | None, sizes: Architecture, switches: Switches) -> ForegroundSelector | JointSelector | None:
    if name is None:
        return None
    if name not in SELECTORS:
        raise UserError(f"selector={name!r}; expected one of {', '.join(SELECTORS)}, or None for a dense encoder.")
    if name == "joint":
        return JointSelector(channels=sizes.channels)
    return ForegroundSelector(
        channels=sizes.channels,
        levels=sizes.levels,
        modulation=switches.modulation,
        top_alpha_twice=switches.top_alpha_twice,
        aligned_upsampling=switches.aligned_upsampling,
    )
