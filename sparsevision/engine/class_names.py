"""Classes that a config gives by name: looked up before anything is made, so that a misspelt one costs no training."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine import registry as roots
from mmengine.config import Config
from mmengine.registry import Registry

from sparsevision.utils import UserError, closest

STAGE = "(train|val|test)"
PLACES: dict[str, tuple[Registry, ...]] = {
    "model": (roots.MODELS,),
    "optim_wrapper": (roots.OPTIM_WRAPPERS,),
    r"optim_wrapper\.optimizer": (roots.OPTIMIZERS,),
    r"param_scheduler(\.\d+)?": (roots.PARAM_SCHEDULERS,),
    rf"{STAGE}_dataloader\.dataset": (roots.DATASETS,),
    rf"{STAGE}_dataloader\.sampler": (roots.DATA_SAMPLERS,),
    rf"{STAGE}_dataloader\.dataset\.pipeline\.\d+": (roots.TRANSFORMS,),
    rf"{STAGE}_evaluator(\.\d+)?": (roots.METRICS, roots.EVALUATOR),
    r"(default|custom)_hooks\.\w+": (roots.HOOKS,),
    "visualizer": (roots.VISUALIZERS,),
}


def check_class_names(cfg: Config) -> None:
    """Look up what the config names in the places where a Runner builds something.

    Raises:
        UserError: there is no such class; names the place and the closest ones.
    """
    for path, part in _parts(cfg._cfg_dict):
        registries = next((found for place, found in PLACES.items() if re.fullmatch(place, path)), ())
        name = dict.get(part, "type")
        if registries and isinstance(name, str) and not any(_has(one, name, cfg) for one in registries):
            raise UserError(unknown_class(name, registries[0], place=f"{path}.type"))


def unknown_class(name: str, registry: Registry, *, place: str = "type") -> str:
    """The sentence for a name that no class of that registry, or of its children, has."""
    full = _full_names(registry.root)
    near = " or ".join(f"'{full[one]}'" for one in closest(name.rpartition(".")[2], full))
    return (
        f"config: {place} is '{name}', and there is no {registry.name} of that name. Expected the full name of one, or "
        f"the class itself.{f' Did you mean {near}?' if near else ''}"
    )


def _parts(node: Any, path: str = "") -> Iterator[tuple[str, dict]]:
    """Every mapping below `node`, with its dotted path; lazy classes stay as they are."""
    if isinstance(node, dict):
        if path:
            yield path, node
        items = dict.items(node)
    else:
        items = enumerate(node) if isinstance(node, list | tuple) else ()
    for key, child in items:
        yield from _parts(child, f"{path}.{key}" if path else str(key))


def _has(registry: Registry, name: str, cfg: Mapping) -> bool:
    with registry.switch_scope_and_registry(cfg.get("default_scope")) as here:
        return here.get(name) is not None


def _full_names(registry: Registry) -> dict[str, str]:
    """Short names of the classes of a registry and its children, each with the name that it has in Python."""
    registry.import_from_location()
    names = {short: f"{kind.__module__}.{kind.__qualname__}" for short, kind in registry.module_dict.items()}
    for child in registry.children.values():
        names |= _full_names(child)
    return names
