"""Parts of a config that do not fit what they build, told as the user's error."""

import inspect
import re
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

from mmengine.registry import build_from_cfg

from sparsevision.engine.class_names import unknown_class
from sparsevision.utils import did_you_mean

NO_FIT = re.compile(r"unexpected keyword argument|missing \d+ required")
COLLECTING = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def misfit(error: BaseException) -> str | None:
    """A class's wrong name or options in a config, in a sentence; None if the error is another one.

    The call of the class itself must have failed: a TypeError inside of its `__init__` is an error of ours.
    """
    frame = _last_frame(error)
    if frame is None or frame.f_code is not build_from_cfg.__code__:
        return None
    seen = frame.f_locals
    if isinstance(error, KeyError) and seen.get("obj_cls", error) is None:
        return unknown_class(seen["obj_type"], seen["registry"])
    if isinstance(error, TypeError) and NO_FIT.search(str(error)):
        return _wrong_options(seen["obj_cls"], seen["args"])
    return None


def _wrong_options(built: Callable, given: Mapping[str, Any]) -> str:
    parameters = [one for one in inspect.signature(built).parameters.values() if one.kind not in COLLECTING]
    known = {parameter.name: parameter.default is parameter.empty for parameter in parameters}
    name, takes = f"config: {built.__name__}", f"expected options: {', '.join(known)}."
    for option in given:
        if option not in known:
            return f"{name} has no option '{option}' (here {given[option]!r}); {takes}{did_you_mean(option, known)}"
    missing = [option for option, needed in known.items() if needed and option not in given]
    return f"{name} needs {' and '.join(missing)}; {takes}"


def _last_frame(error: BaseException) -> FrameType | None:
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    return step.tb_frame if step else None
