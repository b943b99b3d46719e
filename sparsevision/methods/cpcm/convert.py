"""Names and layouts of published sparse U-Nets to ours: CPCM, MinkowskiEngine's zoo, Pointcept's SpUNet.

CPCM and the Minkowski networks have our names and our layout; only a prefix goes. SpUNet has names of its own and the
layout of spconv: (C_out, kx, ky, kz, C_in), where ours is (K, C_in, C_out) with x fastest.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sparsevision.engine.state_dicts import some
from sparsevision.methods.cpcm.network import (
    DOWN,
    UP,
    Res16UNet,
    Res16UNet14A,
    Res16UNet18A,
    Res16UNet34A,
    Res16UNet34C,
)
from sparsevision.utils import UserError

FIRST_KERNEL = "conv0p1s1.kernel"
SPUNET_FIRST = "conv_input.0.weight"
SPUNET_EPS = 1e-3
COUNTER = "num_batches_tracked"
VARIANTS = {
    (kind.PLANES, kind.LAYERS): name
    for name, kind in (("14A", Res16UNet14A), ("18A", Res16UNet18A), ("34A", Res16UNet34A), ("34C", Res16UNet34C))
}
NORM = (r"(?P<part>weight|bias|running_mean|running_var|num_batches_tracked)", r"bn.\g<part>")


@dataclass(frozen=True)
class Converted:
    """A network's weights under our names.

    Attributes:
        state: loads into `Res16UNet(**network)`, whole; without `final.*` where the file has no classifier.
        network: the arguments of `Res16UNet` that these weights need; no num_classes without a classifier.
        variant: "14A", "18A", "34A" or "34C"; None for other planes and layers.
        source: "CPCM", "MinkowskiEngine" or "SpUNet".
        leftover: names in the file that have no place in the network.
    """

    state: dict[str, Tensor]
    network: dict[str, Any]
    variant: str | None
    source: str
    leftover: list[str]


def convert_checkpoint(state: Mapping) -> dict[str, Tensor]:
    """A state dict for `Res16UNet34C` or a sibling; see `convert_with_report`, whose `state` this is."""
    return convert_with_report(state).state


def convert_with_report(state: Mapping) -> Converted:
    """Find the network in a checkpoint, rename and lay out its weights, and say which network they need.

    Args:
        state: what the file holds: {"model": {...}} (CPCM), {"state_dict": {...}} (zoo, Pointcept), or the weights
            themselves; their names may have any prefix, such as "module.model.".

    Raises:
        UserError: no such network in it, one of bottleneck blocks, weights that are missing or of another shape.
    """
    holder, weights = _weights(state)
    spunet = any(name.endswith(SPUNET_FIRST) for name in weights)
    prefix = _prefix(weights, SPUNET_FIRST if spunet else FIRST_KERNEL)
    ours, leftover = _from_spunet(weights, prefix) if spunet else _from_minkowski(weights, prefix)
    network = _network_of(ours)
    network |= {"widen_when_halving": True, "norm_eps": SPUNET_EPS} if spunet else {}
    kept, strangers = _fitted(ours, network)
    return Converted(
        state=kept,
        network=network,
        variant=VARIANTS.get((network["planes"], network["layers"])),
        source="SpUNet" if spunet else "CPCM" if holder == "model" else "MinkowskiEngine",
        leftover=leftover + strangers,
    )


def _weights(state: Mapping) -> tuple[str | None, dict[str, Tensor]]:
    """Where the weights lay, and the tensors by name."""
    for holder in ("model", "state_dict", "model_state_dict", None):
        inner = state if holder is None else state.get(holder)
        tensors = {k: v for k, v in inner.items() if isinstance(v, Tensor)} if isinstance(inner, Mapping) else {}
        if any(str(name).endswith((FIRST_KERNEL, SPUNET_FIRST)) for name in tensors):
            return holder, {str(name): value.detach() for name, value in tensors.items()}
    keys = ", ".join(list(map(str, state))[:5])
    raise UserError(
        f"This is no sparse U-Net of CPCM, MinkowskiEngine or SpUNet: expected weights named *{FIRST_KERNEL} or "
        f"*{SPUNET_FIRST}, bare or under model or state_dict; found {keys or 'nothing'}."
    )


def _prefix(weights: Mapping[str, Tensor], first: str) -> str:
    found = [name.removesuffix(first) for name in weights if name.endswith(first)]
    if len(found) > 1:
        raise UserError(f"The file holds {len(found)} networks, under {', '.join(map(repr, found))}; keep one of them.")
    return found[0]


def _from_minkowski(weights: Mapping[str, Tensor], prefix: str) -> tuple[dict[str, Tensor], list[str]]:
    named = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
    if any(re.fullmatch(r"block1\.0\.conv3\.kernel", name) for name in named):
        raise UserError("The network is built of bottleneck blocks (MinkUNet50, 101); ours has basic blocks.")
    return named, [name for name in weights if not name.startswith(prefix)]


def _spunet_names() -> list[tuple[str, str]]:
    """(pattern of a SpUNet name, ours); down and enc count from the finest level, up and dec too."""
    pairs = [(r"conv_input\.0\.weight", "conv0p1s1.kernel"), (rf"conv_input\.1\.{NORM[0]}", f"bn0.{NORM[1]}")]
    pairs += [(r"final\.weight", "final.kernel"), (r"final\.bias", "final.bias")]
    for level in range(4):
        pairs += [
            (rf"down\.{level}\.0\.weight", f"{DOWN[level]}.kernel"),
            (rf"down\.{level}\.1\.{NORM[0]}", rf"bn{level + 1}.{NORM[1]}"),
            (rf"up\.{level}\.0\.weight", f"{UP[3 - level]}.kernel"),
            (rf"up\.{level}\.1\.{NORM[0]}", rf"bntr{7 - level}.{NORM[1]}"),
        ]
        for side, block in (("enc", f"block{level + 1}"), ("dec", f"block{8 - level}")):
            inside = rf"{side}\.{level}\.block(?P<layer>\d+)"
            ours = rf"{block}.\g<layer>"
            pairs += [
                (rf"{inside}\.conv(?P<conv>[12])\.weight", rf"{ours}.conv\g<conv>.kernel"),
                (rf"{inside}\.bn(?P<norm>[12])\.{NORM[0]}", rf"{ours}.norm\g<norm>.{NORM[1]}"),
                (rf"{inside}\.proj\.0\.weight", f"{ours}.downsample.0.kernel"),
                (rf"{inside}\.proj\.1\.{NORM[0]}", rf"{ours}.downsample.1.{NORM[1]}"),
            ]
    return pairs


def _from_spunet(weights: Mapping[str, Tensor], prefix: str) -> tuple[dict[str, Tensor], list[str]]:
    """Our names and layout; a linear "seg_head" beside the backbone is the classifier where that has none."""
    patterns = [(re.compile(pattern), ours) for pattern, ours in _spunet_names()]
    head = prefix.removesuffix("backbone.") + "seg_head."
    named, leftover = {}, []
    for name, value in weights.items():
        inner = name.removeprefix(prefix) if name.startswith(prefix) else ""
        inner = name.replace(head, "final.", 1) if name.startswith(head) else inner
        ours = next((p.sub(new, inner) for p, new in patterns if p.fullmatch(inner)), None)
        if ours is None or ours in named:
            leftover.append(name)
        else:
            named[ours] = _from_spconv(value, name) if ours.endswith(".kernel") else value
    if "final.bias" in named:
        named["final.bias"] = named["final.bias"].reshape(1, -1)
    return named, leftover


def _from_spconv(weight: Tensor, name: str) -> Tensor:
    """(C_out,k,k,k,C_in), or (C_out,C_in) of a linear layer, -> (K,C_in,C_out), x fastest; (C_in,C_out) for k = 1."""
    if weight.ndim == 2:
        return weight.T.contiguous()
    if weight.ndim != 5 or len(set(weight.shape[1:4])) > 1:
        raise UserError(
            f"{name}: expected spconv 2's layout (C_out, k, k, k, C_in), got {tuple(weight.shape)}; files of spconv 1 "
            "(k, k, k, C_in, C_out) are not read."
        )
    kernel = weight.permute(3, 2, 1, 4, 0).reshape(-1, weight.shape[4], weight.shape[0])
    return kernel[0].contiguous() if len(kernel) == 1 else kernel.contiguous()


def _network_of(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """The arguments of `Res16UNet`, read off the shapes."""
    first = state[FIRST_KERNEL]
    side = round(len(first) ** (1 / 3)) if first.ndim == 3 else 0
    if side**3 != len(first) or side % 2 == 0:
        raise UserError(f"{FIRST_KERNEL}: expected (27, C_in, C_out) or (125, C_in, C_out), got {tuple(first.shape)}.")
    planes, layers = [], []
    for block in range(1, 9):
        kernel = state.get(f"block{block}.0.conv1.kernel")
        if kernel is None:
            raise UserError(f"The network has no block{block}; expected eight blocks, four down and four up.")
        planes.append(kernel.shape[-1])
        found = [re.match(rf"block{block}\.(\d+)\.conv1\.kernel$", name) for name in state]
        layers.append(1 + max(int(match[1]) for match in found if match))
    classifier = state.get("final.kernel")
    return {
        "in_channels": first.shape[1],
        **({} if classifier is None else {"num_classes": classifier.shape[-1]}),
        "planes": tuple(planes),
        "layers": tuple(layers),
        "first_channels": first.shape[2],
        "first_kernel": side,
    }


def _fitted(state: dict[str, Tensor], network: dict[str, Any]) -> tuple[dict[str, Tensor], list[str]]:
    """The weights that the network has a place for, and the names of the rest.

    Raises:
        UserError: a weight is missing or has another shape.
    """
    with torch.device("meta"):
        wanted = {name: value.shape for name, value in Res16UNet(**network).state_dict().items()}
    if "final.kernel" not in state:
        wanted = {name: shape for name, shape in wanted.items() if not name.startswith("final.")}
    missing = [name for name in wanted if name not in state and not name.endswith(COUNTER)]
    if missing:
        raise UserError(f"The network is not whole: {some(missing)} missing.")
    kept = {}
    for name, shape in wanted.items():
        value = state.get(name, torch.zeros((), dtype=torch.int64))
        if _without_ones(value.shape) != _without_ones(shape):
            raise UserError(f"{name}: expected {tuple(shape)} beside the other weights, got {tuple(value.shape)}.")
        kept[name] = value.reshape(shape)
    return kept, [name for name in state if name not in wanted]


def _without_ones(shape: torch.Size) -> tuple[int, ...]:
    return tuple(side for side in shape if side != 1)
