"""XML text as a small tree, strictly: no DTD (so no entities of its own), bounded in depth and number of elements."""

import xml.parsers.expat
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

from sparsevision.annotation.errors import AnnotationError

MAX_DEPTH = 16


@dataclass(slots=True)
class Node:
    """An element: its tag, attributes, text and the elements inside."""

    tag: str
    attributes: dict[str, str]
    text: str = ""
    children: list["Node"] = field(default_factory=list)

    def all(self, tag: str) -> Iterator["Node"]:
        """The elements of that tag directly inside."""
        return (child for child in self.children if child.tag == tag)

    def first(self, *tags: str) -> "Node | None":
        """The first element at the end of a path of tags, or None."""
        found: Node | None = self
        for tag in tags:
            found = None if found is None else next(found.all(tag), None)
        return found


def parse_xml(data: bytes, *, max_elements: int) -> Node:
    """The root element of a document.

    Raises:
        AnnotationError: not XML, cut off, with a DTD, nested too deeply, more elements than allowed, or four times more
            attributes.
    """
    if data.count(b"=") > 4 * max_elements:
        raise AnnotationError(f"over {4 * max_elements} attributes, too many for annotations; split the file.")
    builder = _Builder(max_elements)
    parser = xml.parsers.expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _no_doctype
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    try:
        parser.Parse(data, True)
    except xml.parsers.expat.ExpatError as error:
        raise AnnotationError(
            f"not valid XML: {xml.parsers.expat.ErrorString(error.code)} (line {error.lineno}, column {error.offset})."
        ) from error
    except (ValueError, LookupError, MemoryError) as error:  # encodings that Python lacks
        raise AnnotationError(f"not valid XML: {str(error)[:80]}.") from error
    return builder.top.children[0]


class _Builder:
    def __init__(self, max_elements: int) -> None:
        self.top = Node("", {})
        self.open = [self.top]
        self.pieces: list[str] = []
        self.left = max_elements
        self.limit = max_elements

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        self.left -= 1
        if self.left < 0 or len(self.open) > MAX_DEPTH:
            words = f"nested more than {MAX_DEPTH} levels deep" if self.left >= 0 else f"over {self.limit} elements"
            raise AnnotationError(f"not a file of annotations: {words}.")
        node = Node(tag, attributes)
        self.open[-1].children.append(node)
        self.open.append(node)
        self.pieces = []

    def end(self, tag: str) -> None:
        """It ends; text is kept for elements without others inside."""
        node = self.open.pop()
        node.text = "" if node.children else "".join(self.pieces)
        self.pieces = []

    def text(self, piece: str) -> None:
        """Text inside an element."""
        self.pieces.append(piece)


def _no_doctype(*details: Any) -> NoReturn:
    raise AnnotationError("holds a DTD (<!DOCTYPE ...>), which files of annotations do not need; remove it.")
