"""Save and load annotations as JSON (to read and to edit) or .npz (compact).

One file holds one annotation, a list of them, or a dict of them by name::

    {"format": "sparsevision-annotation", "version": 1, "type": "clicks",
     "xy": [[12.0, 7.0]], "positive": [true], "size": [48, 64], "meta": {"source": "by hand"}}
    {"format": "sparsevision-annotation", "version": 1, "type": "list", "items": [{"type": "clicks", ...}, ...]}
    {"format": "sparsevision-annotation", "version": 1, "type": "dict", "items": {"cat": {"type": "boxes", ...}, ...}}

The other types are "point_labels", "scribbles", "boxes" and "tracks"; their fields are those of the dataclasses.
Reading is strict: whatever is not exactly this gives one `AnnotationError` with the file and the field.
"""

import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np

from sparsevision.annotation import files, npz
from sparsevision.annotation.errors import AnnotationError
from sparsevision.annotation.json_text import dump_json, parse_json
from sparsevision.annotation.types import Annotation, Boxes, Clicks, PointLabels, Scribbles, Tracks
from sparsevision.utils import did_you_mean

FORMAT = "sparsevision-annotation"
VERSION = 1
TYPES = {cls.kind: cls for cls in (PointLabels, Clicks, Scribbles, Boxes, Tracks)}

Annotations = Annotation | list[Annotation] | dict[str, Annotation]


def save_annotations(path: str | os.PathLike, annotations: Annotations) -> None:
    """Write one annotation, a list or a dict of them to `path`, whose suffix .json or .npz chooses the format.

    Written in one step: after a full disk or a crash the old file is still whole.
    """
    pack = {".json": dump_json, ".npz": _pack_npz}.get(Path(path).suffix.lower())
    if pack is None:
        raise AnnotationError(f"{path}: annotations are saved as .json or .npz; rename the file.")
    files.write_bytes(path, pack(_document(annotations)))


def load_annotations(path: str | os.PathLike, *, max_bytes: int = files.MAX_BYTES) -> Annotations:
    """Read what `save_annotations` wrote: an annotation, a list or a dict of them.

    Args:
        path: a .json or .npz file (recognised by its content).
        max_bytes: refuse larger files, and archives that unpack to more.

    Raises:
        AnnotationError: anything wrong with the file, in one sentence with its name and the field.
    """
    data = files.read_bytes(path, max_bytes=max_bytes)
    try:
        document = _unpack_npz(data, max_bytes) if data[:2] == b"PK" else _unpack_json(data, max_values=max_bytes // 16)
        return _annotations(document)
    except AnnotationError as error:
        raise AnnotationError(f"{path}: {error}") from error


def annotations_from_json(data: bytes) -> Annotations:
    """What a JSON file of annotations with this content holds. Raises: AnnotationError, see `load_annotations`."""
    return _annotations(_unpack_json(data, max_values=files.MAX_BYTES // 16))


def annotations_to_json(annotations: Annotations) -> bytes:
    """What `save_annotations` would write into a .json file."""
    return dump_json(_document(annotations))


def _document(annotations: Annotations) -> dict:
    head = {"format": FORMAT, "version": VERSION}
    if isinstance(annotations, Annotation):
        return head | _record(annotations)
    if isinstance(annotations, dict) and all(isinstance(name, str) for name in annotations):
        return head | {"type": "dict", "items": {name: _record(item) for name, item in annotations.items()}}
    if isinstance(annotations, list | tuple):
        return head | {"type": "list", "items": [_record(item) for item in annotations]}
    raise AnnotationError(
        f"Can save an annotation, a list or a dict (by name) of them, not {type(annotations).__name__}."
    )


def _record(annotation: Annotation) -> dict:
    if not isinstance(annotation, Annotation):
        raise AnnotationError(
            f"Expected {', '.join(c.__name__ for c in TYPES.values())}, got {type(annotation).__name__}."
        )
    fields = {f.name: getattr(annotation, f.name) for f in dataclasses.fields(annotation)}
    return {"type": annotation.kind} | {name: value for name, value in fields.items() if value is not None}


def _annotations(document: Any) -> Annotations:
    document = _expect(document, dict, "the top level", "an object")
    if document.get("format") != FORMAT:
        raise AnnotationError(
            f"not a file of annotations: expected 'format': '{FORMAT}', got {document.get('format')!r:.60}."
        )
    version = document.get("version")
    if type(version) is not int or not 1 <= version <= VERSION:
        raise AnnotationError(f"version: this package reads versions 1 to {VERSION}, the file says {version!r:.60}.")
    _, record = _beheaded(document)
    kind = record.get("type") if isinstance(record.get("type"), str) else None
    if kind == "list":
        items = _items(record, list)
        return [_annotation(item, f"items[{index}].") for index, item in enumerate(items)]
    if kind == "dict":
        return {name: _annotation(item, f"items[{name[:60]!r}].") for name, item in _items(record, dict).items()}
    return _annotation(record, "")


def _beheaded(document: dict) -> tuple[dict, dict]:
    """Format and version, and the rest."""
    head = {key: document[key] for key in ("format", "version")}
    return head, {key: value for key, value in document.items() if key not in head}


def _items(record: dict, container: type) -> Any:
    _no_strangers(record, {"type", "items"}, "")
    return _expect(record.get("items"), container, "items", "a list" if container is list else "an object")


def _annotation(record: Any, where: str) -> Annotation:
    record = dict(_expect(record, dict, where.rstrip(".") or "the top level", "an object"))
    kind = record.pop("type", None)
    if not isinstance(kind, str) or kind not in TYPES:
        hint = did_you_mean(str(kind)[:60], [*TYPES, "list", "dict"])
        raise AnnotationError(f"{where}type: {kind!r:.60} is not a type of annotation ({', '.join(TYPES)}).{hint}")
    fields = dataclasses.fields(TYPES[kind])
    _no_strangers(record, {f.name for f in fields}, where)
    for f in fields:
        if f.default is f.default_factory is dataclasses.MISSING and f.name not in record:
            raise AnnotationError(f"{where}{f.name}: missing; {kind} needs it.")
    try:
        return TYPES[kind](**record)
    except AnnotationError as error:
        raise AnnotationError(f"{where}{error}") from error


def _no_strangers(record: dict, known: set[str], where: str) -> None:
    for key in record:
        if key not in known:
            raise AnnotationError(f"{where}{key[:60]}: unknown field.{did_you_mean(key[:60], sorted(known))}")


def _expect(value: Any, kind: type, field: str, words: str) -> Any:
    if not isinstance(value, kind):
        raise AnnotationError(f"{field}: expected {words}, got {'nothing' if value is None else type(value).__name__}.")
    return value


def _unpack_json(data: bytes, *, max_values: int | None = None) -> Any:
    document = parse_json(data, otherwise="neither JSON text nor an .npz archive", max_values=max_values)
    _no_mixed_truth(document)
    return document


def _no_mixed_truth(document: Any) -> None:
    """Refuse lists that mix numbers with true and false, which numpy would silently turn into numbers."""
    waiting = [("the file", document)]
    while waiting:
        field, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(key, item) for key, item in value.items() if key != "meta"]
        elif isinstance(value, list):
            kinds = {type(item) for item in value}
            if bool in kinds and len(kinds) > 1:
                raise AnnotationError(f"{field[:60]}: a list mixes true/false with other values.")
            if kinds & {list, dict}:
                waiting += [(field, item) for item in value]


def _pack_npz(document: dict) -> bytes:
    """Arrays under "<item>.<field>", ragged ones joined with their ".lengths"; everything else as JSON in "header"."""
    head, body = _beheaded(document)
    items = body.get("items")
    if items is None:
        records = [body]
        head["type"] = "single"
    elif isinstance(items, dict):
        records = list(items.values())
        head |= {"type": "dict", "names": list(items)}
    else:
        records = items
        head["type"] = "list"
    arrays: dict[str, np.ndarray] = {}
    head["items"] = [_take_out_arrays(record, f"{index}.", arrays) for index, record in enumerate(records)]
    arrays["header"] = np.frombuffer(dump_json(head), dtype=np.uint8)
    return npz.pack_arrays(arrays)


def _take_out_arrays(record: dict, prefix: str, arrays: dict[str, np.ndarray]) -> dict:
    """Move the arrays of a record into `arrays`; returns what is left of it."""
    plain = {}
    for name, value in record.items():
        if isinstance(value, np.ndarray):
            arrays[prefix + name] = value
        elif isinstance(value, tuple) and name != "size":
            arrays |= _join(prefix + name, value)
        else:
            plain[name] = value
    return plain


def _join(name: str, parts: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
    lengths = np.array([len(part) for part in parts], dtype=np.int64)
    return {name: np.concatenate(parts) if parts else np.zeros(0), f"{name}.lengths": lengths}


def _unpack_npz(data: bytes, max_bytes: int) -> Any:
    arrays = npz.unpack_arrays(data, max_bytes=max_bytes)
    if "header" not in arrays or arrays["header"].dtype != np.uint8:
        raise AnnotationError("an .npz archive, but not of annotations: it has no 'header'.")
    head = _expect(_unpack_json(arrays.pop("header").tobytes()), dict, "header", "an object")
    items = _expect(head.get("items"), list, "header.items", "a list")
    records = [dict(_expect(item, dict, "header.items", "objects")) for item in items]
    lengths = {key.removesuffix(".lengths"): arrays.pop(key) for key in list(arrays) if key.endswith(".lengths")}
    for key, array in arrays.items():
        index, _, name = key.partition(".")
        if not index.isdecimal() or not index.isascii() or len(index) > 9 or int(index) >= len(records):
            raise AnnotationError(f"{key[:60]}: an array that belongs to none of the {len(records)} items.")
        records[int(index)][name] = _split(key, array, lengths.pop(key)) if key in lengths else array
    if lengths:
        raise AnnotationError(f"{next(iter(lengths))[:60]}: has lengths but no values.")
    return _assemble(head, records)


def _split(name: str, joined: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
    whole = lengths.ndim == 1 and lengths.dtype.kind == "i" and joined.ndim > 0
    if not whole or np.any(lengths < 1) or np.any(lengths > len(joined)) or int(lengths.sum()) != len(joined):
        raise AnnotationError(f"{name}.lengths: do not add up to the {len(joined) if joined.ndim else 0} values.")
    return np.split(joined, np.cumsum(lengths)[:-1]) if len(lengths) else []


def _assemble(head: dict, records: list[dict]) -> dict:
    document = {key: head.get(key) for key in ("format", "version")}
    if head.get("type") == "list":
        return document | {"type": "list", "items": records}
    if head.get("type") == "dict":
        names = _expect(head.get("names"), list, "header.names", "a list")
        different = set(names) if all(isinstance(name, str) for name in names) else ()
        if not len(names) == len(different) == len(records):
            raise AnnotationError(f"header.names: expected {len(records)} different names.")
        return document | {"type": "dict", "items": dict(zip(names, records, strict=True))}
    if head.get("type") != "single" or len(records) != 1:
        raise AnnotationError("header: expected the type 'single' with one item, 'list' or 'dict'.")
    return document | records[0]
