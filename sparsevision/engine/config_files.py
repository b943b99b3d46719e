"""Config files: Python as mmengine reads it; YAML and JSON as plain data, which can run nothing."""

from pathlib import Path
from typing import Any

import yaml
from mmengine.config import Config

from sparsevision.utils import UserError, find_config

BASE = "_base_"


class _PlainLoader(yaml.SafeLoader):
    """Plain values, and the tuples that a dumped config has."""


_PlainLoader.add_constructor(
    "tag:yaml.org,2002:python/tuple", lambda loader, node: tuple(loader.construct_sequence(node, deep=True))
)


def read_config_file(path: Path, *, above: tuple[Path, ...] = ()) -> Config:
    """A config from a file: .py, .yaml, .yml or .json (which YAML contains).

    A YAML file names classes by their full names ("sparsevision.methods.gensam.GenSAM"), and may begin with the config
    that it changes: `_base_`, a path from its own folder or the name of a shipped config.

    Args:
        path: of the file.
        above: the files whose base it is.

    Raises:
        UserError: the file is not plain YAML, is no mapping, or stands among its own bases.
    """
    if path.suffix == ".py":
        return Config.fromfile(path)
    if path.resolve() in above:
        raise UserError(f"{path}: {BASE} leads back to this file; name another config there.")
    values = _plain_values(path)
    base = values.pop(BASE, None)
    if base is None:
        return Config(values, filename=str(path))
    if not isinstance(base, str):
        raise UserError(f"{path}: {BASE} takes the path or the name of one config, got {base!r}.")
    beside = path.parent / base
    found = beside if beside.is_file() else find_config(base)
    whole = read_config_file(found, above=(*above, path.resolve()))
    whole.merge_from_dict(values)
    return Config(whole.to_dict(), filename=str(path))


def _plain_values(path: Path) -> dict[str, Any]:
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), Loader=_PlainLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as a config in plain YAML: {error}") from None
    if not isinstance(values, dict):
        raise UserError(f"{path}: expected a mapping such as 'model: {{...}}', found {type(values).__name__}.")
    return values
