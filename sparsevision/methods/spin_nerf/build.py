"""From a config to a renderer with its fields."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from sparsevision.methods.spin_nerf.presets import Switches
from sparsevision.methods.spin_nerf.radiance.volume import truncated_exp
from sparsevision.registry import MODELS
from sparsevision.utils import UserError, did_you_mean

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "softplus": F.softplus,
    "truncated_exp": truncated_exp,
}


def build_renderer(config: Mapping[str, Any], switches: Switches) -> nn.Module:
    """The renderer of a config, in which fields and their coordinates are configs too.

    Args:
        config: of a renderer; `activation` is a name of `ACTIVATIONS`.
        switches: set detach_background, normalize_depth and finite_disparity where the config does not.

    Raises:
        UserError: no such activation.
    """
    own = {
        "detach_background": not switches.leak_background,
        "normalize_depth": not switches.unnormalised_depth,
        "finite_disparity": not switches.skip_broken_disparities,
    }
    parts = {name: build_parts(value) for name, value in config.items()}
    name = parts.get("activation", "relu")
    if name not in ACTIVATIONS:
        raise UserError(
            f"renderer: activation={name!r}.{did_you_mean(name, ACTIVATIONS)} Known: {', '.join(ACTIVATIONS)}."
        )
    return MODELS.build(own | parts | {"activation": ACTIVATIONS[name]})


def build_parts(value: Any) -> Any:
    """What a config's value means: a dict with a type becomes that module, from the inside out."""
    if isinstance(value, Mapping) and "type" in value:
        return MODELS.build({name: build_parts(part) for name, part in value.items()})
    return value
