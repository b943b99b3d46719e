"""Selectors by name: registered here, because `sparsevision.selection` itself does not know mmengine."""

import ast
import inspect
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sparsevision.registry import SELECTORS
from sparsevision.selection import (
    IDEAL,
    KCenter,
    Random,
    Selector,
    Uncertainty,
    VoteK,
    entropy,
    least_confidence,
    margin,
)
from sparsevision.utils import UserError, did_you_mean

NAMES: Mapping[str, type] = MappingProxyType(
    {"random": Random, "k_center": KCenter, "vote_k": VoteK, "ideal": IDEAL, "uncertainty": Uncertainty}
)
MEASURES = MappingProxyType({"entropy": entropy, "margin": margin, "least_confidence": least_confidence})

for selector in NAMES.values():
    SELECTORS.register_module(module=selector)


def build_selector(name: str, options: Sequence[str] = ()) -> Selector:
    """A selector by its name on the command line.

    Args:
        name: random, k_center, vote_k, ideal or uncertainty.
        options: "key=value" of its constructor, e.g. "k=10", "measure=margin".

    Raises:
        UserError: no such selector or option, or a value that it does not take.
    """
    if name not in NAMES:
        raise UserError(f"there is no selector '{name}'.{did_you_mean(name, NAMES)} Known: {', '.join(NAMES)}")
    given = dict(_split(option) for option in options)
    known = {} if NAMES[name] in (Random, KCenter) else inspect.signature(NAMES[name]).parameters
    for key in given:
        if key not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise UserError(f"--selector {name} has no option '{key}'; {takes}.{did_you_mean(key, known)}")
    try:
        return NAMES[name](**{key: _value(key, text) for key, text in given.items()})
    except TypeError as error:
        raise UserError(f"--selector {name} does not take these options: {error}.") from error


def _split(option: str) -> tuple[str, str]:
    key, equals, value = option.partition("=")
    if not (key and equals and value):
        raise UserError(f"--option takes key=value, e.g. k=10; got '{option}'.")
    return key, value


def _value(key: str, text: str) -> Any:
    if key == "measure":
        if text not in MEASURES:
            raise UserError(f"measure={text}: expected one of {', '.join(MEASURES)}.{did_you_mean(text, MEASURES)}")
        return MEASURES[text]
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError(f"--option {key}={text}: expected a number.")
    return value
