"""Groups of parameters with their own rate and decay, few of them, for transformers."""

from collections.abc import Mapping

from mmengine.optim import DefaultOptimWrapperConstructor
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from sparsevision.utils import UserError, did_you_mean

NORMS = (_NormBase, nn.GroupNorm, nn.LayerNorm)
KEYS = ("custom_keys", "norm_decay_mult")
FACTORS = ("lr_mult", "decay_mult")


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class ParameterGroups(DefaultOptimWrapperConstructor):
    """mmengine's constructor for detection transformers, with three differences.

    A normalisation keeps its own decay wherever it lies, so that those of a backbone with a smaller rate are not
    decayed either; parameters with equal rate and decay share a group, which makes steps of the optimiser faster;
    frozen parameters are passed over in silence.

    In a config: optim_wrapper.constructor = ParameterGroups, optim_wrapper.paramwise_cfg = dict(norm_decay_mult=...,
    custom_keys={part of a parameter's name: dict(lr_mult=..., decay_mult=...)}); the longest part that fits counts.

    Raises:
        UserError: another key.
    """

    def add_params(
        self, params: list[dict], module: nn.Module, prefix: str = "", is_dcn_module: int | float | None = None
    ) -> None:
        """Append the groups of a model."""
        self._check()
        norms = {
            id(value)
            for part in module.modules()
            if isinstance(part, NORMS)
            for value in part.parameters(recurse=False)
        }
        groups: dict[tuple[float, float | None], list[nn.Parameter]] = {}
        for name, value in module.named_parameters():
            if value.requires_grad:
                groups.setdefault(self._rate_and_decay(name, norm=id(value) in norms), []).append(value)
        for (rate, decay), values in groups.items():
            params.append({"params": values, "lr": rate} | ({} if decay is None else {"weight_decay": decay}))

    def _rate_and_decay(self, name: str, *, norm: bool) -> tuple[float, float | None]:
        factors = self._factors(name)
        decay_factor = factors.get("decay_mult", 1.0)
        if norm:
            decay_factor = self.paramwise_cfg.get("norm_decay_mult", decay_factor)
        decay = None if self.base_wd is None else self.base_wd * decay_factor
        return self.base_lr * factors.get("lr_mult", 1.0), decay

    def _factors(self, name: str) -> Mapping[str, float]:
        keys = self.paramwise_cfg.get("custom_keys", {})
        fitting = [key for key in keys if key in name]
        return keys[max(fitting, key=lambda key: (len(key), key))] if fitting else {}

    def _check(self) -> None:
        given = [(key, KEYS) for key in self.paramwise_cfg]
        given += [(key, FACTORS) for factors in self.paramwise_cfg.get("custom_keys", {}).values() for key in factors]
        for key, known in given:
            if key not in known:
                hint = did_you_mean(key, known) or f" Expected some of {', '.join(known)}."
                raise UserError(f"paramwise_cfg: ParameterGroups knows no '{key}'.{hint}")
