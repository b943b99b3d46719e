"""Checkpoints of Focus-DETR (detrex) and of DINO (detrex, IDEA-Research) to ours, and back."""

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from sparsevision.engine.state_dicts import Converted
from sparsevision.methods.focus_detr.released_names import (
    LABELS,
    LAYOUTS,
    WINDOW_INDEX,
    Layout,
    detectron2_resnet,
    renamed,
)
from sparsevision.utils import UserError

NETWORK = "network."
NOT_IN_COCO = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
COCO_IDS = tuple(number for number in range(1, 91) if number not in NOT_IN_COCO)
IDEA_CLASSES = 91  # labels of IDEA's DINO are COCO's category ids
NEVER = -20.0  # logit of a class that does not exist


def convert_checkpoint(state: Mapping) -> dict[str, Tensor]:
    """A state dict for `FocusDETR`; see `convert_with_report`, whose `state` this is."""
    return convert_with_report(state).state


def convert_with_report(state: Mapping) -> Converted:
    """Rename a released checkpoint, and tell what has no place here.

    Args:
        state: what the file holds: {"model": {...}} or the weights themselves, with or without "module." in front of
            the names. Of the 705 names of a released Focus-DETR with ResNet-50, 80 hold a tensor once more. DINO of
            IDEA-Research has 91 classes, which are COCO's category ids; the 80 that exist are taken.

    Raises:
        UserError: it is none of these detectors.
    """
    weights = _weights_of(state)
    key = layout_of(weights)
    layout = LAYOUTS[key]
    named, leftover = {}, []
    for name, value in weights.items():
        if renamed(name, layout.copies) in weights:
            continue
        ours = renamed(name, layout.pairs)
        if ours is None:
            leftover.append(name)
        else:
            named[_of_method(ours)] = value.flatten() if ours.endswith(WINDOW_INDEX) else value
    if key == "idea_dino":
        named = {name: _existing_classes(name, value) for name, value in named.items()}
    return Converted(named, key, leftover)


def layout_of(names: Iterable[str]) -> str:
    """Which released detector has such names. UserError if none."""
    names = set(names)
    if "transformer.level_embeds" in names:
        return "focus_detr" if "transformer.alpha" in names else "dino"
    if "transformer.level_embed" in names and any(name.startswith("input_proj.") for name in names):
        return "idea_dino"
    shown = ", ".join(sorted(names)[:5]) or "nothing"
    raise UserError(
        f"This is no Focus-DETR or DINO of detrex, nor a DINO of IDEA-Research: expected names like "
        f"transformer.level_embeds or transformer.level_embed; found {shown}."
    )


def released_checkpoint(state: Mapping[str, Tensor], layout: str) -> dict[str, Tensor]:
    """The inverse of `convert_checkpoint`: a state dict of `FocusDETR` under the names of a released detector.

    Args:
        state: with our names; what belongs to training alone ("teacher.*") is left out.
        layout: a key of `LAYOUTS`. "idea_dino" takes 80 classes and gives 91 of which the others never occur.

    Raises:
        UserError: no such layout, or a weight that has no place in it, such as a selector in a DINO.
    """
    if layout not in LAYOUTS:
        raise UserError(f"layout='{layout}': expected one of {', '.join(LAYOUTS)}.")
    known = LAYOUTS[layout]
    named, homeless = {}, []
    for name, value in state.items():
        if name.startswith(("teacher.", "data_preprocessor.")) or name.endswith("num_batches_tracked"):
            continue
        theirs = renamed(name.removeprefix(NETWORK), known.pairs, back=True)
        if theirs is None:
            homeless.append(name)
        else:
            named[theirs] = _all_ids(name, value) if layout == "idea_dino" else _square(name, value)
    if homeless:
        more = f" and {len(homeless) - 3} more" if len(homeless) > 3 else ""
        raise UserError(f"{known.title} has no place for {', '.join(homeless[:3])}{more}.")
    return named | _copies(named, known)


def is_detectron2_backbone(content: Mapping) -> bool:
    """Whether a file holds a ResNet with detectron2's names, such as R-50.pkl."""
    return {"stem.conv1.weight", "res2.0.conv1.weight"} <= _weights_of(content).keys()


def convert_backbone(content: Mapping) -> tuple[dict[str, Tensor], list[str]]:
    """A ResNet of detectron2 under torchvision's names, for `ResNetBackbone`, and the names that are left over."""
    weights = _weights_of(content)
    named = {name: renamed(name, detectron2_resnet("", "")) for name in weights}
    return {ours: weights[name] for name, ours in named.items() if ours}, [n for n, ours in named.items() if not ours]


def _weights_of(state: Mapping) -> dict[str, Tensor]:
    for holder in ("model", "state_dict", None):
        inner = state if holder is None else state.get(holder)
        if isinstance(inner, Mapping):
            found = {str(name): torch.as_tensor(value) for name, value in inner.items() if hasattr(value, "shape")}
            if found:
                return {name.removeprefix("module."): value for name, value in found.items()}
    return {}


def _of_method(name: str) -> str:
    return name if name.startswith(LABELS) else NETWORK + name


def _copies(named: Mapping[str, Tensor], layout: Layout) -> dict[str, Tensor]:
    """Tensors that the released file holds once more."""
    again = {}
    for copy, original in layout.copies:
        for name, value in named.items():
            other = renamed(name, ((original, copy),))
            if other is not None:
                again[other] = value
    return again


def _square(name: str, value: Tensor) -> Tensor:
    return value.view(math.isqrt(value.numel()), -1) if name.endswith(WINDOW_INDEX) else value


def _is_per_class(name: str) -> bool:
    return name.startswith((f"{NETWORK}class_heads.", LABELS))


def _existing_classes(name: str, value: Tensor) -> Tensor:
    """Rows of COCO's 80 classes among 91 (or, in the label embedding, 92) rows; other tensors as they are."""
    if not _is_per_class(name) or len(value) not in (IDEA_CLASSES, IDEA_CLASSES + 1):
        return value
    return value[list(COCO_IDS)]


def _all_ids(name: str, value: Tensor) -> Tensor:
    """The inverse of `_existing_classes`: absent classes have weight 0 and a very low logit."""
    if not _is_per_class(name) or len(value) != len(COCO_IDS):
        return _square(name, value)
    rows = IDEA_CLASSES + name.startswith(LABELS)
    spread = value.new_full((rows, *value.shape[1:]), NEVER if name.endswith(".bias") else 0.0)
    spread[list(COCO_IDS)] = value
    return spread
