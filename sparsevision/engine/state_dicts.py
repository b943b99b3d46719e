"""State dicts of published weights under our names: what names and shapes tell, and whether they are whole."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from sparsevision.utils import UserError

SHOWN = 3


@dataclass(frozen=True)
class Converted:
    """A network's weights under our names.

    Attributes:
        state: for our network.
        layout: of the file, by name.
        leftover: names in the file that have no place here.
    """

    state: dict[str, Tensor]
    layout: str
    leftover: list[str]


def count_of(names: Mapping[str, Tensor], pattern: str) -> int:
    """One more than the highest number that a name has at the pattern's group; 0 where none fits it."""
    found = [re.match(pattern, name) for name in names]
    return 1 + max((int(match[1]) for match in found if match), default=-1)


def check_fits(
    state: Mapping[str, Tensor],
    wanted: Mapping[str, Tensor],
    *,
    what: str,
    optional: tuple[str, ...] = (),
    hint: Callable[[Sequence[str]], str] = lambda missing: "",
) -> list[str]:
    """Compare weights with those that a network wants; returns names in `state` that it does not have.

    Args:
        state: the weights.
        wanted: the network's state dict; meta tensors will do.
        what: the network, for messages.
        optional: beginnings of names that may be missing.
        hint: a sentence to add where names are missing.

    Raises:
        UserError: it names tensors that are missing, and those of another shape with both shapes.
    """
    missing = [name for name in wanted if name not in state and not name.startswith(optional)]
    if missing:
        raise UserError(f"{what} is not whole: {some(missing)} missing.{hint(missing)}")
    wrong = [
        f"{name}: expected {tuple(wanted[name].shape)}, got {tuple(value.shape)}"
        for name, value in state.items()
        if name in wanted and wanted[name].shape != value.shape
    ]
    if wrong:
        raise UserError(f"{what}: shapes do not fit the other weights: {some(wrong, '; ')}.")
    return [name for name in state if name not in wanted]


def some(names: Sequence[str], joint: str = ", ") -> str:
    """The first few of them, and how many more there are."""
    more = f"{joint}and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return joint.join(names[:SHOWN]) + more
