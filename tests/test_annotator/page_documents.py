"""Documents that tests of the annotation server send."""

import json

SIZE = [48, 64]
HEAD = {"format": "sparsevision-annotation", "version": 1, "type": "dict"}
CLICK_DOCUMENT = HEAD | {
    "items": {
        "object_1": {
            "type": "clicks",
            "xy": [[12.5, 7]],
            "positive": [True],
            "size": SIZE,
            "meta": {"label": 1, "seconds": [1.5]},
        }
    }
}
EMPTY_DOCUMENT = HEAD | {"items": {}}


def points_document(*points: tuple[int, int, int]) -> dict:
    """A document of labelled pixels (x, y, label)."""
    xy, labels = [[x, y] for x, y, _ in points], [label for *_, label in points]
    return HEAD | {"items": {"points": {"type": "point_labels", "xy": xy, "labels": labels, "size": SIZE}}}


def document_of(items: dict) -> bytes:
    """A document of groups, of the tests' size unless they say another."""
    return json.dumps(HEAD | {"items": {name: {"size": SIZE} | group for name, group in items.items()}}).encode()
