"""How nerfstudio's parts are reached: its code is installed without the packages that it pins."""

import warnings
from types import ModuleType

from sparsevision.utils import require

REMEDY = (
    "nerfstudio itself is installed without its pins (numpy 1, a second OpenCV): `make nerfstudio`, or "
    "pip install --no-deps nerfstudio==1.1.5 nerfacc==0.5.2"
)


def nerfstudio(module: str, *, why: str) -> ModuleType:
    """A module of nerfstudio by its name below the package, e.g. "cameras.rays".

    Args:
        module: dotted name.
        why: what needs it.

    Raises:
        ImportError: nerfstudio, or a package that it imports, is not installed; says how to get it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of torch, about how nerfstudio calls it
        try:
            return require(f"nerfstudio.{module}", extra="nerf", why=why)
        except ImportError as error:
            raise ImportError(f"{error}. {REMEDY}", name=error.name) from error
