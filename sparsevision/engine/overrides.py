"""Strict `--cfg-options`: what is not in the config is refused with a suggestion, unless it is meant to be added."""

import argparse
import ast
import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mmengine.config import Config, DictAction
from mmengine.config.lazy import LazyAttr, LazyObject
from mmengine.runner import Runner

from sparsevision.engine.config_files import read_config_file
from sparsevision.utils import UserError, closest, did_you_mean, find_config

CONTAINERS = (list, tuple)
# What the Runner and the tools read; every other name at the top of a config is a helper of the file itself.
RUN_KEYS = frozenset(inspect.signature(Runner.__init__).parameters) | {
    "activation_checkpointing",
    "compile",
    "custom_imports",
    "efficient_conv_bn_eval",
    "find_unused_parameters",
    "model_wrapper_cfg",
    "sync_bn",
    "tta_model",
    "tta_pipeline",
}


class OverrideAction(DictAction):
    """`--cfg-options key=value ...`, with a usage error for a word without `=`.

    A value in quotes that the shell leaves there ("key='a, b'") is that text as it stands: commas, brackets and blanks
    in it mean nothing.
    """

    @staticmethod
    def _parse_iterable(val: str) -> Any:
        if val.startswith(("'", '"')):
            with suppress(ValueError, SyntaxError):
                if isinstance(text := ast.literal_eval(val), str):
                    return text
        return DictAction._parse_iterable(val)

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option_string: Any = None) -> None:
        for word in values or ():
            if "=" not in word:
                parser.error(f"{option_string} takes key=value pairs; '{word}' has no '='")
        try:
            super().__call__(parser, namespace, values, option_string)
        except AssertionError as error:
            parser.error(f"{option_string}: {error}")


def read_config(config: str | Path | Config, options: Mapping[str, Any] | None = None) -> Config:
    """A config by its path or by the name of a shipped one, with overrides; a Config is overridden as it is.

    Raises:
        UserError: no such config, or see `apply_overrides`.
    """
    cfg = config if isinstance(config, Config) else read_config_file(find_config(config))
    apply_overrides(cfg, options)
    return cfg


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Give a tool the option `--cfg-options`."""
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=OverrideAction,
        default={},
        metavar="KEY=VALUE",
        help="change values of the config, e.g. train_dataloader.batch_size=2 param_scheduler.0.end=10; "
        "an unknown key is refused, +KEY=VALUE adds it; a text with commas, blanks or brackets in quotes of its own: "
        "\"key='a, b'\"",
    )


def options_of(words: Sequence[str]) -> dict[str, Any]:
    """What the words of `--cfg-options` mean; each must have its `=`."""
    parser = argparse.ArgumentParser()
    add_cfg_options(parser)
    return parser.parse_args(["--cfg-options", *words]).cfg_options if words else {}


def option_word(key: str, value: Any) -> str:
    """The word of `--cfg-options` that gives a key this value; a text that would not be read as it stands is quoted."""
    text = str(value)
    is_text = isinstance(value, str | Path)
    return f"{key}={text!r}" if is_text and not _read_as_it_stands(text) else f"{key}={text}"


def _read_as_it_stands(text: str) -> bool:
    try:
        return OverrideAction._parse_iterable(text) == text
    except AssertionError:  # brackets that do not close
        return False


def apply_overrides(cfg: Config, options: Mapping[str, Any] | None) -> None:
    """Set dotted keys of a config in place.

    A list index is a key like any other ("param_scheduler.0.end"). A number takes a number, a list a list, a class a
    class or its name as a string, and None anything; anything takes None. A leading `+` adds a key that is not there.

    Raises:
        UserError: an unknown key (with the closest ones), an index out of range, a value of another type, or a name at
            the top of the config that was only used inside the file, so that changing it would do nothing.
    """
    root = cfg._cfg_dict
    for key, value in (options or {}).items():
        if key.startswith("+"):
            _set(root, key[1:], value, add=True)
        else:
            _check_top_level(root, key, value)
            _set(root, key, value, add=False)


def _check_top_level(root: Mapping, key: str, value: Any) -> None:
    top = key.split(".")[0]
    if top not in root or top in RUN_KEYS:
        return
    readers = [
        path for path in _paths(root) if path.split(".")[-1] == key.split(".")[-1] and path.split(".")[0] in RUN_KEYS
    ]
    instead = f" Change {' or '.join(readers[:3])} instead." if readers else " Change the keys that it was copied to."
    raise UserError(
        f"--cfg-options {key}={value}: '{top}' is a helper inside the config file; its value was copied to where it is "
        f"used when the file was read, so changing it now would do nothing.{instead}"
    )


def _set(root: dict, key: str, value: Any, *, add: bool) -> None:
    *parents, leaf = key.split(".")
    node, done = root, []
    for name in parents:
        node = _child(root, node, name, done, key, value, add=add)
        done.append(name)
    if isinstance(node, CONTAINERS):
        _set_item(root, node, leaf, parents, value)
        return
    if leaf not in node:
        if not add:
            raise UserError(_unknown(root, node, leaf, parents, key, value))
        node[leaf] = value
        return
    node[leaf] = _fitting(_raw(node, leaf), value, key)


def _child(root: dict, node: Any, name: str, done: list[str], key: str, value: Any, *, add: bool) -> Any:
    """Step from `node`, at the path `done`, to its part `name`."""
    if isinstance(node, CONTAINERS):
        child = node[_index(node, name, done)]
    elif name in node:
        child = _raw(node, name)
    elif add:
        node[name] = {}
        child = _raw(node, name)
    else:
        raise UserError(_unknown(root, node, name, done, key, value))
    if not isinstance(child, (Mapping, *CONTAINERS)):
        path = ".".join([*done, name])
        raise UserError(f"--cfg-options {key}={value}: '{path}' is {_show(child)} and has no parts.")
    return child


def _set_item(root: dict, node: Sequence, leaf: str, parents: list[str], value: Any) -> None:
    index = _index(node, leaf, parents)
    fitted = _fitting(node[index], value, ".".join([*parents, leaf]))
    if isinstance(node, list):
        node[index] = fitted
        return
    changed = (*node[:index], fitted, *node[index + 1 :])
    holder = root
    for name in parents[:-1]:
        holder = holder[int(name)] if isinstance(holder, CONTAINERS) else _raw(holder, name)
    holder[int(parents[-1]) if isinstance(holder, CONTAINERS) else parents[-1]] = changed


def _index(node: Sequence, name: str, path: list[str]) -> int:
    where = ".".join(path)
    try:
        index = int(name)
    except ValueError:
        raise UserError(f"--cfg-options: '{where}' is a list; give a number, e.g. {where}.0, not '{name}'.") from None
    if not -len(node) <= index < len(node):
        raise UserError(f"--cfg-options: '{where}' has {len(node)} items; there is no {where}.{name}.")
    return index % len(node)


def _raw(node: Mapping, name: str) -> Any:
    """The value as stored: a lazy config would import a class on ordinary access."""
    return dict.__getitem__(node, name)


def _unknown(root: Mapping, node: Mapping, name: str, path: list[str], full_key: str, value: Any) -> str:
    prefix = "".join(f"{part}." for part in path)
    rest = full_key.removeprefix(prefix + name)
    near = closest(name, [key for key in node if isinstance(key, str)])
    elsewhere = [full for full in _paths(root) if full.split(".")[-1] == name and full.split(".")[0] in RUN_KEYS]
    suggestion = did_you_mean(name, near) if near else ""
    if suggestion:
        suggestion = f" Did you mean {' or '.join(repr(prefix + key + rest) for key in near)}?"
    elif elsewhere:
        suggestion = f" Did you mean {' or '.join(map(repr, elsewhere[:3]))}?"
    where = f"'{'.'.join(path)}' has" if path else "the config has"
    known = ", ".join(str(key) for key in node if path or key in RUN_KEYS)
    return (
        f"--cfg-options: unknown key '{prefix}{name}': {where} {known or 'nothing'}.{suggestion} "
        f"To add it all the same, write +{full_key}={value}."
    )


def _paths(node: Any, prefix: str = "") -> Iterator[str]:
    """Every dotted path below `node`."""
    items = dict.items(node) if isinstance(node, dict) else enumerate(node) if isinstance(node, CONTAINERS) else ()
    for key, child in items:
        yield f"{prefix}{key}"
        yield from _paths(child, f"{prefix}{key}.")


def _fitting(old: Any, new: Any, key: str) -> Any:
    """`new` as the type of `old`, or a `UserError`."""
    if old is None or new is None or _is_class(old):
        return new
    if isinstance(old, bool) or isinstance(new, bool):
        return _demand(isinstance(old, bool) and isinstance(new, bool), old, new, key)
    if isinstance(old, (int, float)):
        return _demand(isinstance(new, (int, float)), old, new, key)
    if isinstance(old, str):
        return str(_demand(isinstance(new, (str, int, float)), old, new, key))
    if isinstance(old, CONTAINERS):
        return type(old)(_demand(isinstance(new, CONTAINERS), old, new, key, hint=f" Write {key}=[{new}]."))
    if isinstance(old, Mapping):
        hint = f" Set its parts, e.g. {key}.{next(iter(old), 'part')}=..."
        return _demand(isinstance(new, Mapping), old, new, key, hint=hint)
    return new


def _demand(holds: bool, old: Any, new: Any, key: str, hint: str = "") -> Any:
    if not holds:
        raise UserError(f"--cfg-options {key}={new}: '{key}' is {_show(old)}; it cannot become {_show(new)}.{hint}")
    return new


def _is_class(value: Any) -> bool:
    return isinstance(value, (type, LazyObject, LazyAttr)) or callable(value)


def _show(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"a table ({', '.join(map(str, value))})"
    if isinstance(value, CONTAINERS):
        return f"a list of {len(value)}"
    kinds = {bool: "yes or no", int: "a number", float: "a number", str: "a text"}
    return f"{kinds.get(type(value), 'a ' + type(value).__name__)} ({value})"
