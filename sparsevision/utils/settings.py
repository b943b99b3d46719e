"""From the plain values of a config to frozen settings, with an error that lists what there is."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from sparsevision.utils.errors import UserError

Settings = TypeVar("Settings")


def settings_of(kind: type[Settings], given: Mapping[str, Any] | None) -> Settings | None:
    """The dataclass that a config's dict means; None stays None.

    Raises:
        UserError: a name that the settings do not have, or one that is missing.
    """
    if given is None:
        return None
    try:
        return kind(**given)
    except TypeError as error:
        names = ", ".join(kind.__dataclass_fields__)
        raise UserError(f"{kind.__name__}: {dict(given)} does not fit; expected some of {names}.") from error


def switches_of_preset(
    presets: Mapping[str, Settings], preset: str, changes: Mapping[str, bool] | None = None
) -> Settings:
    """The switches of a preset with some of them changed.

    Raises:
        UserError: no such preset or switch, or a switch that is on or off has another value, such as the text "no".
    """
    if preset not in presets:
        raise UserError(f"preset={preset!r}; expected one of {', '.join(presets)}.")
    for name, value in (changes or {}).items():
        if isinstance(getattr(presets[preset], name, None), bool) and not isinstance(value, bool):
            raise UserError(f"switches: {name}={value!r}; expected True or False.")
    try:
        return replace(presets[preset], **(changes or {}))
    except TypeError as error:
        names = ", ".join(presets[preset].__dataclass_fields__)
        raise UserError(f"switches={dict(changes or {})}: expected some of {names}.") from error
