"""Recordings that come in blocks, each decoded as a whole: words between two decoder states, packets, messages."""

from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sparsevision.datasets.events.formats.recording import Recording
from sparsevision.datasets.events.types import Events

KEPT_BLOCKS = 4


class BlockRecording(Recording):
    """Random access to blocks, the last few of which stay decoded. Subclasses call `set_blocks` and give `decode`."""

    def set_blocks(self, counts: Sequence[int], first_times: Sequence[int]) -> None:
        """Events of each block, and the time of each block's first event; blocks without events are left out before."""
        self._starts = np.concatenate([[0], np.cumsum(np.asarray(counts, dtype=np.int64))]).astype(np.int64)
        self._first_times = np.asarray(first_times, dtype=np.int64)
        self._decoded: OrderedDict[int, Events] = OrderedDict()
        self.count = int(self._starts[-1])

    @abstractmethod
    def decode(self, block: int) -> Events:
        """The events of a block."""

    def read(self, first: int, last: int) -> Events:
        """See Recording."""
        if first == last:
            nothing = np.empty(0, np.uint16)
            return Events(x=nothing, y=nothing, t=nothing.astype(np.int64), p=nothing.astype(np.uint8))
        blocks = range(self._block_of(first), self._block_of(last - 1) + 1)
        parts = [self._part(block, first, last) for block in blocks]
        return parts[0] if len(parts) == 1 else joined(parts)

    def index_of(self, time: int) -> int:
        """See Recording."""
        block = int(np.searchsorted(self._first_times, time)) - 1
        if block < 0:
            return 0
        return int(self._starts[block] + np.searchsorted(self._events_of(block).t, time))

    def times(self, first: int, last: int) -> NDArray[np.int64]:
        """See Recording."""
        return self.read(first, last).t

    def _block_of(self, index: int) -> int:
        return int(np.searchsorted(self._starts, index, side="right")) - 1

    def _part(self, block: int, first: int, last: int) -> Events:
        start, stop = self._starts[block], self._starts[block + 1]
        return self._events_of(block)[max(first - start, 0) : min(last, stop) - start]

    def _events_of(self, block: int) -> Events:
        if block not in self._decoded:
            self._decoded[block] = self.decode(block)
        self._decoded.move_to_end(block)
        while len(self._decoded) > KEPT_BLOCKS:
            self._decoded.popitem(last=False)
        return self._decoded[block]


def joined(parts: Sequence[Events]) -> Events:
    """One after the other; at least one."""
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ("x", "y", "t", "p")}
    return Events(**columns, sensor_size=parts[0].sensor_size)
