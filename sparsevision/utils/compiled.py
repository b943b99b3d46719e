"""Numba functions that are compiled at their first call, so that a module with kernels imports without numba."""

import functools
import types
from collections.abc import Callable
from typing import Any

from sparsevision.utils.optional import require

prange = range  # inside a compiled function with parallel=True: numba.prange


class Compiled:
    """A plain function that numba compiles (nopython, without the GIL, cached on disk) when it is first called.

    Other `Compiled` functions of the same file may be called inside it; keep kernels and their helpers in one file,
    because numba renews its cache when that file changes and not otherwise.
    """

    def __init__(self, function: Callable, *, extra: str, parallel: bool) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.extra = extra
        self.parallel = parallel

    @functools.cached_property
    def dispatcher(self) -> Any:
        """Numba's function. Raises ImportError if numba is not installed."""
        numba = require("numba", extra=self.extra, why=f"{self.__module__}.{self.__name__}")
        compile_it = numba.njit(parallel=self.parallel, nogil=True, cache=True)
        return compile_it(self._seeing(numba))

    def __call__(self, *args: Any) -> Any:
        return self.dispatcher(*args)

    def _seeing(self, numba: types.ModuleType) -> Callable:
        """The function, with numba's own in place of `prange` and of other `Compiled` functions."""
        plain = self.function
        used = {name: plain.__globals__.get(name) for name in plain.__code__.co_names}
        swapped = {name: value.dispatcher for name, value in used.items() if isinstance(value, Compiled)}
        if used.get("prange") is prange:
            swapped["prange"] = numba.prange
        copy = types.FunctionType(
            plain.__code__, {**plain.__globals__, **swapped}, plain.__name__, plain.__defaults__, plain.__closure__
        )
        return functools.update_wrapper(copy, plain)


def compiled(*, extra: str, parallel: bool = False) -> Callable[[Callable], Compiled]:
    """Decorator: compile with numba at the first call.

    Args:
        extra: the extra of sparsevision that installs numba for this code.
        parallel: threads share the turns of loops over `prange`, which this module exports.
    """
    return functools.partial(Compiled, extra=extra, parallel=parallel)
