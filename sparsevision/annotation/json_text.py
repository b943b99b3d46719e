"""JSON text in and out, strictly: finite numbers only, no key twice, bounded in depth and in number of values."""

import json
from typing import Any, NoReturn

from sparsevision.annotation.errors import AnnotationError


def dump_json(document: Any) -> bytes:
    """ASCII text of a document of plain values and numpy arrays."""
    return (json.dumps(document, default=_plain, allow_nan=False) + "\n").encode()


def parse_json(data: bytes, *, otherwise: str = "not JSON text", max_values: int | None = None) -> Any:
    """The document in a file's bytes.

    Args:
        otherwise: what to say of bytes that are no text at all.
        max_values: refuse text with more lists and objects, or more keys, than this (a small text may otherwise fill
            the memory); None for no limit.

    Raises:
        AnnotationError: not JSON, NaN or Infinity, a key twice, nested too deeply, too many values.
    """
    if max_values is not None and max(data.count(b"[") + data.count(b"{"), data.count(b":")) > max_values:
        raise AnnotationError(f"over {max_values} lists, objects or keys, too many for annotations; split the file.")
    try:
        return json.loads(data.decode("utf-8-sig"), parse_constant=_no_constant, object_pairs_hook=_no_duplicates)
    except AnnotationError:
        raise
    except UnicodeDecodeError as error:
        raise AnnotationError(f"{otherwise}.") from error
    except json.JSONDecodeError as error:
        raise AnnotationError(f"not valid JSON: {error.msg} (line {error.lineno}, column {error.colno}).") from error
    except RecursionError as error:
        raise AnnotationError("not a file of annotations: nested far too deeply.") from error
    except (ValueError, MemoryError) as error:
        raise AnnotationError(f"not valid JSON: {str(error)[:80]}.") from error


def _plain(value: Any) -> Any:
    return value.tolist()


def _no_constant(name: str) -> NoReturn:
    raise AnnotationError(f"holds {name}; every number must be finite.")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict:
    record = dict(pairs)
    if len(record) != len(pairs):
        seen = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))
        raise AnnotationError(f"{twice[:60]}: given twice in one object.")
    return record
