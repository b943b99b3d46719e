"""Where configs and tools lie: beside the package in a checkout, inside it (`.mim`) after `pip install`."""

from pathlib import Path

from sparsevision.utils.errors import UserError, did_you_mean

PACKAGE = Path(__file__).resolve().parents[1]
CONFIG_SUFFIXES = (".py", ".yaml", ".yml", ".json")


def _payload(name: str) -> Path:
    for root in (PACKAGE.parent, PACKAGE / ".mim"):
        if (root / name).is_dir() and (root / "configs").is_dir():
            return root / name
    raise UserError(
        f"sparsevision's '{name}' folder is missing: expected {PACKAGE.parent / name} (checkout) or "
        f"{PACKAGE / '.mim' / name} (installed package). Reinstall sparsevision."
    )


def configs_dir() -> Path:
    """The folder that holds `_base_`, `gensam`, ..."""
    return _payload("configs")


def tools_dir() -> Path:
    """The folder that holds `train.py`, `test.py`, ..."""
    return _payload("tools")


def tool_command(tool: str) -> str:
    """How a tool is typed here: `python tools/get_weights.py` in a checkout, `sparsevision get_weights` without one.

    Args:
        tool: path below `tools/`, e.g. "annotation/simulate.py".
    """
    if (PACKAGE.parent / "tools" / tool).is_file():
        return f"python tools/{tool}"
    return f"sparsevision {tool.removesuffix('.py')}"


def find_config(name: str | Path) -> Path:
    """A config file by its path or by its stem ("tiny_gensam_mobilesam_conse").

    Raises:
        UserError: there is no such file and no shipped config of that stem; names the closest ones.
    """
    path = Path(name)
    if path.suffix in CONFIG_SUFFIXES and path.is_file():
        return path
    shipped = {p.stem: p for p in sorted(configs_dir().glob("*/*.py")) if p.parent.name != "_base_"}
    if path.stem in shipped and len(path.parts) == 1:
        return shipped[path.stem]
    raise UserError(
        f"no config '{name}': it is neither a .py, .yaml or .json file nor the name of a shipped config "
        f"(see {configs_dir()}).{did_you_mean(path.stem, shipped)}"
    )
