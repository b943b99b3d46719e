"""The one door to optional dependencies."""

import importlib
from types import ModuleType


def require(module: str, *, extra: str, why: str) -> ModuleType:
    """Import an optional module, or say what is missing, why it is needed and how to get it.

    Args:
        module: dotted name to import, e.g. "open_clip".
        extra: the extra of sparsevision that installs it.
        why: what needs it, e.g. "GenSAM's spatial CLIP".

    Raises:
        ImportError: the module, or one that it imports, is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        if error.name is None or error.name.split(".")[0] == module.split(".")[0]:
            problem = "is not installed"
        else:
            problem = f"cannot be imported (it misses '{error.name}')"
        remedy = f'Install it with: pip install "sparsevision[{extra}]"'
        raise ImportError(f"{why} needs the package '{module}', which {problem}. {remedy}", name=module) from error
