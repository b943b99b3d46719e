"""Prophesee's raw files: a text header, then words of fixed size that only a decoder with memory understands.

The file is mapped into memory and scanned once at opening: the decoder's state is kept every million words, so that
any event is reached by decoding one block.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparsevision.datasets.events.errors import EventFileError, backwards, broken_file
from sparsevision.datasets.events.formats.blocks import BlockRecording
from sparsevision.datasets.events.formats.recording import left_out
from sparsevision.datasets.events.types import Events

BLOCK_WORDS = 1 << 20
HEADER_BYTES = 1 << 16
SENSORS = {"gen31": (480, 640), "gen3": (480, 640), "gen4": (720, 1280), "imx636": (720, 1280), "genx320": (320, 320)}

# Decoder states are int64 (STATE,); these slots mean the same in every format, the others belong to the decoder.
STATE = 12
LAST, FIRST, PROBLEM, WORD, AFTER = range(5)  # times of the last and the first event; what is wrong, where, which time
FREE = 5  # first slot of a decoder's own
NO_TIME = -1
TEXT = re.compile(rb"[\t\r\x20-\xff]*")  # words may begin like a line of the header, but do not go on like one
FALLS, RESERVED = 1, 2  # problems


@dataclass(frozen=True)
class Header:
    """What the text at the head of a file says.

    Attributes:
        fields: {lower-case key: value}.
        size: its length in bytes.
    """

    fields: dict[str, str]
    size: int

    @property
    def sensor_size(self) -> tuple[int, int] | None:
        """(height, width) if it is given, or the camera's generation is."""
        size = re.search(r"(\d+)x(\d+)", self.fields.get("geometry", ""))
        if size:
            return int(size[2]), int(size[1])
        sides = [self.fields.get(name, "") for name in ("height", "width")]
        if all(re.fullmatch(r"[0-9]+", side) for side in sides):
            return int(sides[0]), int(sides[1])
        camera = self.fields.get("plugin_name", "") + self.fields.get("sensor_name", "").lower()
        return next((size for name, size in SENSORS.items() if name in camera), None)

    @property
    def encoding(self) -> str | None:
        """Such as "evt3" or "evt2.1"; None if it is not said."""
        named = self.fields.get("format", "").lower()
        if named:
            return named.removesuffix(".0")
        version = self.fields.get("evt")
        return version and f"evt{version.removesuffix('.0')}"


def read_header(head: bytes) -> Header:
    """The header of a file that starts with these bytes, to `% end` or its last line; of size 0 if there is none."""
    fields: dict[str, str] = {}
    position = 0
    while head.startswith(b"% ", position):
        stop = head.find(b"\n", position)
        if stop < 0 or not TEXT.fullmatch(head, position, stop):
            break
        line = head[position + 2 : stop].decode("latin-1").strip()
        position = stop + 1
        if line == "end":
            break
        key, _, value = line.partition(" ")
        parts = value.split(";")
        fields[key.lower()] = parts[0].strip()
        fields |= {name.strip().lower(): each.strip() for name, _, each in (part.partition("=") for part in parts[1:])}
    return Header(fields, position)


def header_of(path: Path) -> Header:
    """The header of a file."""
    with path.open("rb") as file:
        return read_header(file.read(HEADER_BYTES))


class WordRecording(BlockRecording):
    """A file of words.

    Args:
        path: the file.
        kernel: (words, state, x, y, t, p, write) -> number of events; brings the state forward, fills the arrays if
            `write`, and stops with state[PROBLEM] and state[WORD] set at a word that cannot be.
        dtype: of a word.
        start: byte at which words begin.
        sensor_size: (height, width), if known.
        recover: keep the events before the first problem.

    Raises:
        EventFileError: it ends within a word, holds a word of a reserved type, or times that fall.
    """

    def __init__(
        self,
        path: Path,
        *,
        kernel: Callable[..., int],
        dtype: str,
        start: int,
        sensor_size: tuple[int, int] | None,
        recover: bool,
    ) -> None:
        self.path = path
        self.sensor_size = sensor_size
        self._kernel = kernel
        self._start = start
        self._recover = recover
        self._words = self._mapped(np.dtype(dtype))
        self._scan()

    def decode(self, block: int) -> Events:
        """See BlockRecording."""
        start = self._places[block]
        count = int(self._starts[block + 1] - self._starts[block])
        words = self._words[start : min(start + BLOCK_WORDS, self._kept)]
        return run_kernel(self._kernel, words, self._states[block].copy(), count)

    def close(self) -> None:
        """See Recording."""
        del self._words

    def _mapped(self, dtype: np.dtype) -> NDArray:
        count, rest = divmod(max(self.path.stat().st_size - self._start, 0), dtype.itemsize)
        if rest:
            self._trouble(
                f"ends within a word ({rest} of {dtype.itemsize} bytes)", self._start + count * dtype.itemsize
            )
        if not count:
            return np.empty(0, dtype)
        return np.asarray(np.memmap(self.path, dtype=dtype, mode="r", offset=self._start, shape=(count,)))

    def _scan(self) -> None:
        """Note the decoder's state, the number of events and the first time of each block that has events."""
        self._kept = len(self._words)
        self._places, self._states = [], []
        counts, first_times = [], []
        state = new_state()
        for start in range(0, len(self._words), BLOCK_WORDS):
            before = state.copy()
            found = count_events(self._kernel, self._words[start : start + BLOCK_WORDS], state)
            if found:
                self._places.append(start)
                self._states.append(before)
                counts.append(found)
                first_times.append(state[FIRST])
            if state[PROBLEM]:
                self._kept = start + int(state[WORD])
                self._report(state, sum(counts))
                break
        self.set_blocks(counts, first_times)

    def _report(self, state: NDArray, index: int) -> None:
        offset = self._start + self._kept * self._words.dtype.itemsize
        if state[PROBLEM] == FALLS and not self._recover:
            raise backwards(self.path, index=index, before=int(state[LAST]), after=int(state[AFTER]), offset=offset)
        falls = f"timestamps go backwards at event {index}"
        self._trouble(falls if state[PROBLEM] == FALLS else f"a word of a reserved type after event {index}", offset)

    def _trouble(self, problem: str, offset: int) -> None:
        if not self._recover:
            raise broken_file(self.path, problem, offset=offset)
        left_out(self.path, f"{self.path.stat().st_size - offset} bytes", problem)


def new_state() -> NDArray[np.int64]:
    """Of a decoder that has seen nothing."""
    state = np.zeros(STATE, np.int64)
    state[LAST] = NO_TIME
    return state


def count_events(kernel: Callable[..., int], words: NDArray, state: NDArray) -> int:
    """How many events the words hold; brings `state` forward."""
    none = np.empty(0, np.uint16)
    return int(kernel(words, state, none, none, np.empty(0, np.int64), np.empty(0, np.uint8), False))


def run_kernel(kernel: Callable[..., int], words: NDArray, state: NDArray, count: int) -> Events:
    """The `count` events of the words; brings `state` forward."""
    x, y = np.empty(count, np.uint16), np.empty(count, np.uint16)
    t, p = np.empty(count, np.int64), np.empty(count, np.uint8)
    kernel(words, state, x, y, t, p, True)
    return Events(x=x, y=y, t=t, p=p)


def says(head: bytes, encoding: str) -> bool:
    """Whether a file that starts with these bytes says that it is of this encoding."""
    return read_header(head).encoding == encoding


def open_words(path: Path, encoding: str, *, kernel: Callable[..., int], dtype: str, recover: bool) -> WordRecording:
    """The words after the header of a file. Raises EventFileError: see WordRecording; or the header names another."""
    header = header_of(path)
    if header.encoding not in (None, encoding):
        raise EventFileError(f"{path}: its header says '{header.encoding}', not '{encoding}'.")
    return WordRecording(
        path, kernel=kernel, dtype=dtype, start=header.size, sensor_size=header.sensor_size, recover=recover
    )
