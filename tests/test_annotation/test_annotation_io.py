"""Files: everything comes back as it was, and a broken or hostile file ends in one sentence that names it."""

import io
import json
import os
import zipfile

import numpy as np
import pytest
from annotation_examples import META, annotations, one_of_each
from hypothesis import HealthCheck, given, settings

from sparsevision.annotation import AnnotationError, load_annotations, save_annotations

HEAD = {"format": "sparsevision-annotation", "version": 1}
CLICKS = HEAD | {"type": "clicks", "xy": [[1, 2]], "positive": [True], "size": [4, 5]}


@pytest.mark.parametrize("suffix", ["json", "npz"])
def test_round_trip_of_every_type(tmp_path, suffix):
    path = tmp_path / "new" / f"a.{suffix}"
    for annotation in one_of_each().values():
        save_annotations(path, annotation)
        loaded = load_annotations(path)
        assert loaded == annotation
        assert loaded.meta == META
    for many in (one_of_each(), list(one_of_each().values()), [], {}):
        save_annotations(path, many)
        assert load_annotations(str(path)) == many
    assert os.listdir(path.parent) == [path.name]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(annotations())
def test_round_trip_of_anything(tmp_path, annotation):
    for suffix in ("json", "npz"):
        save_annotations(tmp_path / f"a.{suffix}", [annotation])
        assert load_annotations(tmp_path / f"a.{suffix}") == [annotation]


HOSTILE_JSON = {
    "not json": ("{", "not valid JSON.*line 1"),
    "binary": (b"\xff\xfe\x00\x01", "neither JSON text nor"),
    "empty": ("", "the file is empty"),
    "a number": ("3", "the top level: expected an object, got int"),
    "deep": ("[" * 200_000, "deeply"),
    "deep meta": (json.dumps(CLICKS)[:-1] + ', "meta": ' + '{"a":' * 50 + "1" + "}" * 51, "nested more than 16"),
    "long number": (json.dumps(CLICKS).replace("[1, 2]", "[1, " + "9" * 10_000 + "]"), "not valid JSON"),
    "nan": (json.dumps(CLICKS).replace("[1, 2]", "[NaN, 2]"), "holds NaN"),
    "infinity by overflow": (json.dumps(CLICKS).replace("[1, 2]", "[1e999, 2]"), "Clicks.xy: entry 0.*finite"),
    "twice": ('{"format": 1, "format": 2}', "format: given twice"),
    "truncated": (json.dumps(CLICKS)[:40], "not valid JSON"),
    "other format": ({"format": "coco"}, "not a file of annotations.*'coco'"),
    "later version": (CLICKS | {"version": 2}, "version: this package reads versions 1 to 1, the file says 2"),
    "true as version": (CLICKS | {"version": True}, "version"),
    "unknown type": (CLICKS | {"type": "click"}, "type: 'click' is not a type.*Did you mean 'clicks'"),
    "no type": (HEAD, "type: None is not a type"),
    "type is a list": (CLICKS | {"type": ["clicks"]}, "is not a type"),
    "unknown field": (CLICKS | {"sise": [4, 5]}, "sise: unknown field. Did you mean 'size'"),
    "missing field": ({k: v for k, v in CLICKS.items() if k != "positive"}, "positive: missing"),
    "outside": (CLICKS | {"xy": [[9, 2]]}, "Clicks.xy: entry 0 lies at.*outside"),
    "text for numbers": (CLICKS | {"xy": [["1", "2"]]}, "Clicks.xy: expected numbers"),
    "null for numbers": (CLICKS | {"xy": [[None, 2]]}, "Clicks.xy: expected numbers"),
    "object for numbers": (CLICKS | {"xy": {"x": 1}}, "Clicks.xy: expected numbers"),
    "truth among numbers": (CLICKS | {"xy": [[True, 2]]}, "xy: a list mixes true/false"),
    "size as text": (CLICKS | {"size": "4x5"}, "Clicks.size"),
    "huge size": (CLICKS | {"size": [10**12, 10**12]}, "Clicks.size"),
    "meta as text": (CLICKS | {"meta": "mine"}, "Clicks.meta: expected a dict"),
    "items missing": (HEAD | {"type": "list"}, "items: expected a list, got nothing"),
    "items of another kind": (HEAD | {"type": "dict", "items": []}, "items: expected an object"),
    "bad item": (HEAD | {"type": "list", "items": [3]}, r"items\[0\]: expected an object"),
    "list in a list": (HEAD | {"type": "list", "items": [{"type": "list", "items": []}]}, r"items\[0\].type"),
    "bad field of an item": (
        HEAD | {"type": "dict", "items": {"cat": {"type": "boxes", "xyxy": [], "labels": [1], "size": [4, 5]}}},
        r"items\['cat'\].*Boxes.labels has 1",
    ),
}


@pytest.mark.parametrize("case", HOSTILE_JSON)
def test_hostile_json(tmp_path, case):
    content, message = HOSTILE_JSON[case]
    content = json.dumps(content) if isinstance(content, dict) else content
    path = tmp_path / "hostile.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(AnnotationError, match=f"hostile.json: .*{message}") as caught:
        load_annotations(path)
    assert len(str(caught.value)) < 500


def npz_bytes(arrays: dict, *, allow_pickle: bool = False) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=allow_pickle, **arrays)
    return stream.getvalue()


def header(**fields) -> np.ndarray:
    return np.frombuffer(json.dumps(HEAD | fields).encode(), dtype=np.uint8)


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was run",))


def archive_with(name: str, content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, content)
    return stream.getvalue()


SCRIBBLE = {"type": "scribbles", "size": [4, 5]}
STROKES = {"0.labels": np.array([1]), "0.widths": np.array([1.0]), "0.polylines": np.zeros((2, 2))}
ONE = header(type="single", items=[SCRIBBLE])
FALSE_SIZE = (
    b"\x93NUMPY\x01\x00\x76\x00" + b"{'descr':'<f8','fortran_order':False,'shape':(99999999999,)}".ljust(117) + b"\n"
)
HOSTILE_NPZ = {
    "no header": (npz_bytes({"a": np.zeros(3)}), "no 'header'"),
    "pickle": (npz_bytes({"header": np.array([Bomb()], dtype=object)}, allow_pickle=True), "pickled"),
    "not a zip": (b"PK and nothing more", "not a whole .npz archive"),
    "member is no array": (archive_with("header.npy", b"hello"), "not a whole .npz archive"),
    "false size": (archive_with("header.npy", FALSE_SIZE), "another size than its header says"),
    "unclosed": (archive_with("header.npy", FALSE_SIZE.replace(b"}", b"(")), "not a whole .npz archive"),
    "bomb": (npz_bytes({"header": np.zeros(2**21, np.uint8)}), "unpacks to more than 1 MiB"),
    "header not json": (npz_bytes({"header": np.zeros(5, np.uint8)}), "not valid JSON"),
    "header of text": (npz_bytes({"header": np.array(["a"])}), "no 'header'"),
    "type an array": (npz_bytes({"header": header(type="single", items=[{}]), "0.type": np.ones(2)}), "type"),
    "number an array": (
        npz_bytes(
            {
                "header": header(type="single", items=[{"type": "tracks", "paths": [], "frames": [], "size": [4, 5]}]),
                "0.num_frames": np.array(3),
            }
        ),
        "Tracks.num_frames",
    ),
    "paths a number": (
        npz_bytes(
            {
                "header": header(
                    type="single", items=[{"type": "tracks", "num_frames": 1, "frames": [], "size": [4, 5]}]
                ),
                "0.paths": np.array(3),
            }
        ),
        "Tracks.paths: expected a list",
    ),
    "stray array": (npz_bytes({"header": ONE, "7.xy": np.zeros(2)}), "7.xy: an array that belongs to none"),
    "lengths alone": (npz_bytes({"header": ONE, "0.a.lengths": np.array([1])}), "0.a: has lengths but no values"),
    "lengths too long": (
        npz_bytes({"header": ONE, "0.polylines.lengths": np.array([2**62, 2**62]), **STROKES}),
        "add up",
    ),
    "negative length": (npz_bytes({"header": ONE, "0.polylines.lengths": np.array([3, -1]), **STROKES}), "add up"),
    "no lengths": (npz_bytes({"header": ONE, **STROKES}), r"Scribbles.polylines\[0\]"),
    "unknown field": (npz_bytes({"header": ONE, "0.polyline": np.zeros(2)}), "Did you mean 'polylines'"),
    "names missing": (npz_bytes({"header": header(type="dict", items=[SCRIBBLE])}), "header.names"),
    "names twice": (npz_bytes({"header": header(type="dict", names=["a", "a"], items=[{}, {}])}), "2 different names"),
    "names of lists": (npz_bytes({"header": header(type="dict", names=[["a"]], items=[{}])}), "1 different names"),
    "no kind": (npz_bytes({"header": header(items=[SCRIBBLE])}), "expected the type 'single'"),
}


@pytest.mark.parametrize("case", HOSTILE_NPZ)
def test_hostile_npz(tmp_path, case):
    content, message = HOSTILE_NPZ[case]
    path = tmp_path / "hostile.npz"
    path.write_bytes(content)
    with pytest.raises(AnnotationError, match=f"hostile.npz: .*{message}"):
        load_annotations(path, max_bytes=2**20)


@pytest.mark.parametrize("suffix", ["json", "npz"])
def test_every_truncation_is_noticed(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    save_annotations(path, one_of_each())
    whole = path.read_bytes()
    for length in range(0, len(whole) - 1, max(1, len(whole) // 60)):
        path.write_bytes(whole[:length])
        with pytest.raises(AnnotationError, match=path.name):
            load_annotations(path)


def test_too_large_missing_and_folder(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(" " * 2000)
    with pytest.raises(AnnotationError, match="over 0 MiB"):
        load_annotations(path, max_bytes=1000)
    with pytest.raises(AnnotationError, match="no such file"):
        load_annotations(tmp_path / "b.json")
    with pytest.raises(AnnotationError, match="not a regular file"):
        load_annotations(tmp_path)


def test_save_refuses_strangers(tmp_path):
    clicks = one_of_each()["clicks"]
    with pytest.raises(AnnotationError, match=r"saved as .json or .npz"):
        save_annotations(tmp_path / "a.yaml", clicks)
    for strange in (3, [clicks, 3], {1: clicks}, None):
        with pytest.raises(AnnotationError):
            save_annotations(tmp_path / "a.json", strange)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("suffix", ["json", "npz"])
def test_a_full_disk_leaves_the_old_file_whole(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"a.{suffix}"
    old, new = one_of_each()["clicks"], one_of_each()["boxes"]
    save_annotations(path, old)

    def disk_full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(AnnotationError, match=r"No space left on device.*what was there before is unchanged"):
        save_annotations(path, new)
    assert load_annotations(path) == old
    assert os.listdir(tmp_path) == [path.name]


def test_a_link_is_followed(tmp_path):
    target, link = tmp_path / "target.json", tmp_path / "link.json"
    save_annotations(target, [])
    link.symlink_to(target)
    save_annotations(link, one_of_each())
    assert link.is_symlink()
    assert load_annotations(target) == one_of_each()


def test_many_lists_are_refused_before_they_fill_the_memory(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(CLICKS | {"meta": {"a": [[]] * 2**17}}))
    assert load_annotations(tmp_path / "a.json").meta == {"a": [[]] * 2**17}
    with pytest.raises(AnnotationError, match=r"a\.json: over 65536 lists, objects or keys"):
        load_annotations(tmp_path / "a.json", max_bytes=2**20)
