"""ROS 1 and ROS 2 bags, read by `rosbags`: event_camera_msgs/EventPacket (EVT3 payload) and dvs_msgs/EventArray.

Messages are read once at opening to note where events are, and again, by their time in the bag, when those are wanted.
"""

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparsevision.datasets.events.errors import EventFileError, broken_file, reason_of
from sparsevision.datasets.events.formats import prophesee
from sparsevision.datasets.events.formats.blocks import BlockRecording, joined
from sparsevision.datasets.events.formats.evt3 import WORD_TYPE, decode_evt3
from sparsevision.datasets.events.formats.recording import begins_with, check_rising, left_out
from sparsevision.datasets.events.formats.rosbag1 import MAGIC, UnindexedBag
from sparsevision.datasets.events.types import Events
from sparsevision.utils import UserError, require

PACKET, ARRAY = "event_camera_msgs/msg/EventPacket", "dvs_msgs/msg/EventArray"
BLOCK_EVENTS = 1 << 17
WHY = "Reading ROS bags"
DEFINITIONS = {
    PACKET: "std_msgs/Header header\nuint32 height\nuint32 width\nuint64 seq\nuint64 time_base\nstring encoding\n"
    "bool is_bigendian\nuint8[] events\n",
    "dvs_msgs/msg/Event": "uint16 x\nuint16 y\nbuiltin_interfaces/Time ts\nbool polarity\n",
    ARRAY: "std_msgs/Header header\nuint32 height\nuint32 width\ndvs_msgs/Event[] events\n",
}


def matches(path: Path, head: bytes) -> bool:
    """Whether it is a bag of ROS 1, a folder with a bag of ROS 2, or the data file in one."""
    if path.is_dir():
        return (path / "metadata.yaml").is_file()
    return head.startswith(b"#ROSBAG V2.0") or (
        path.suffix in (".db3", ".mcap") and path.with_name("metadata.yaml").is_file()
    )


class Span(NamedTuple):
    """The messages of a block: times in the bag of the first, and after the last; how many."""

    start: int
    stop: int
    messages: int


class RosbagRecording(BlockRecording):
    """The events of a bag's first topic of events.

    Times are those of the sensor for EventPacket, and those that each event carries for EventArray, in microseconds.

    Args:
        path: the .bag file, the folder of a ROS 2 bag, or the .db3 or .mcap file in it.
        recover: keep the events before the first message that cannot be decoded, or whose times fall; of ROS 1 also
            those of a bag without its index.

    Raises:
        EventFileError: not readable as a bag, no topic of events, another encoding than EVT3, or a broken message.
    """

    def __init__(self, path: Path, *, recover: bool = False) -> None:
        self.path = path
        self._reader = open_bag(path, recover=recover)
        self._spans: list[Span] = []
        self._states: list[NDArray[np.int64]] = []
        try:
            self._connections = events_topic(path, self._reader)
            self._look_through(recover=recover)
        except UserError:
            self.close()
            raise

    def decode(self, block: int) -> Events:
        """See BlockRecording."""
        span, state = self._spans[block], self._states[block].copy()
        found = itertools.islice(self._messages(span.start, span.stop), span.messages)
        parts = [self._events(message, state, number) for number, _, message in found]
        return joined([part for part in parts if len(part)])

    def close(self) -> None:
        """See Recording."""
        self._reader.close()

    def _look_through(self, *, recover: bool) -> None:
        """Note where events are."""
        counts: list[int] = []
        first_times: list[int] = []
        try:
            for span, state, count, first_time in self._scan():
                self._spans.append(span)
                self._states.append(state)
                counts.append(count)
                first_times.append(first_time)
        except EventFileError as error:
            if not recover:
                raise
            left_out(self.path, "messages", reason_of(self.path, error))
        else:
            self._report_broken_record()
        self.set_blocks(counts, first_times)

    def _scan(self) -> Iterator[tuple[Span, NDArray[np.int64], int, int]]:
        """(messages, state before them, events, first time) of each block.

        A broken message ends the last block, and is raised then.
        """
        state = prophesee.new_state()
        before, span, count, first_time, latest, total = state.copy(), None, 0, 0, np.iinfo(np.int64).min, 0
        problem = None
        try:
            for number, bag_time, message in self._messages():
                if span and count >= BLOCK_EVENTS and bag_time >= span.stop:
                    yield span, before, count, first_time
                    before, count, span = state.copy(), 0, None
                times = self._events(message, state, number).t
                check_rising(self.path, latest, times, total)
                span = Span(span.start if span else bag_time, bag_time + 1, span.messages + 1 if span else 1)
                if len(times):
                    first_time = first_time if count else int(times[0])
                    count, total, latest = count + len(times), total + len(times), times[-1]
        except EventFileError as error:
            problem = error
        if count:
            yield span, before, count, first_time
        if problem:
            raise problem

    def _messages(self, start: int | None = None, stop: int | None = None) -> Iterator[tuple[int, int, Any]]:
        """(number, time in the bag, message) of the topic."""
        kind = self._connections[0].msgtype
        number = 0
        try:
            for _, time, raw in self._reader.messages(self._connections, start=start, stop=stop):
                quick = kind == ARRAY and not self._reader.is2
                yield number, time, raw if quick else self._reader.deserialize(raw, kind)
                number += 1
        except Exception as error:  # rosbags and what it uses raise almost anything on damaged files
            raise unreadable(self.path, f"message {number} of the topic cannot be read ({error!r})") from None

    def _report_broken_record(self) -> None:
        """Say what a bag without its index has lost."""
        if isinstance(self._reader, UnindexedBag) and self._reader.problem:
            size = self.path.stat().st_size
            left_out(self.path, f"{size - self._reader.end} bytes", self._reader.problem)

    def _events(self, message: Any, state: NDArray[np.int64], number: int) -> Events:
        """Events of a message; brings the decoder's state forward."""
        if isinstance(message, bytes | memoryview):
            try:
                events, self.sensor_size = array_of_ros1(message)
            except ValueError as error:
                raise unreadable(self.path, f"message {number} of the topic is no {ARRAY} ({error})") from None
            return events
        self.sensor_size = (int(message.height), int(message.width))
        if self._connections[0].msgtype == ARRAY:
            return array_of_ros2(message.events)
        if message.encoding != "evt3" or message.is_bigendian:
            order = "big-endian " if message.is_bigendian else ""
            raise EventFileError(f"{self.path}: its EventPackets are {order}'{message.encoding}'; only 'evt3' is read.")
        return packet_events(self.path, np.ascontiguousarray(message.events), state, number)


def open_bag(path: Path, *, recover: bool = False) -> Any:
    """The bag, opened by rosbags; with `recover` a bag of ROS 1 is an UnindexedBag instead.

    Raises:
        EventFileError: rosbags cannot read it.
    """
    highlevel = require("rosbags.highlevel", extra="event", why=WHY)
    if recover and is_ros1(path):
        return UnindexedBag(path, known_types("ROS1_NOETIC"))
    bag = path.parent if path.suffix in (".db3", ".mcap") else path
    types = known_types("ROS2_FOXY")
    try:
        reader = highlevel.AnyReader([bag], default_typestore=types)
        reader.open()
    except Exception as error:  # see RosbagRecording._messages
        raise unreadable(path, f"is not readable as a bag ({error})") from None
    return reader


def known_types(store: str) -> Any:
    """rosbags' types of messages of a version of ROS, and those of events."""
    stores = require("rosbags.typesys", extra="event", why=WHY)
    types = stores.get_typestore(stores.Stores[store])
    for name, definition in DEFINITIONS.items():
        types.register(stores.get_types_from_msg(definition, name))
    return types


def is_ros1(path: Path) -> bool:
    """Whether it is a file that begins like a bag of ROS 1."""
    return path.is_file() and begins_with(path, MAGIC)


def unreadable(path: Path, problem: str) -> EventFileError:
    """The error of a bag that rosbags cannot read, with the byte at which it breaks, as far as that can be found."""
    if is_ros1(path):
        bag = UnindexedBag(path, None)
        bag.close()
        return broken_file(path, f"{problem}; {bag.problem or 'its index is missing or damaged'}", offset=bag.end)
    size = path.stat().st_size if path.is_file() else 0
    return EventFileError(
        f"{path}: {problem}, at or before byte {size}, where it ends. `ros2 bag reindex` writes a bag's index anew."
    )


def events_topic(path: Path, reader: Any) -> list[Any]:
    """The connections of the first topic with events, by name.

    Raises:
        EventFileError: there is none.
    """
    held = sorted(reader.connections, key=lambda connection: connection.topic)
    topics = [each.topic for each in held if each.msgtype in (PACKET, ARRAY)]
    if not topics:
        kinds = ", ".join(sorted({each.msgtype for each in held})) or "none"
        raise EventFileError(f"{path}: no topic of {PACKET} or {ARRAY}; the bag's messages are {kinds}.")
    return [each for each in held if each.topic == topics[0] and each.msgtype in (PACKET, ARRAY)]


def packet_events(path: Path, content: NDArray[np.uint8], state: NDArray[np.int64], number: int) -> Events:
    """Events of an EVT3 payload.

    Raises:
        EventFileError: a broken word, or times that fall; the message names the message and the byte in it.
    """
    words = content[: len(content) // 2 * 2].view(WORD_TYPE)
    count = prophesee.count_events(decode_evt3, words, trial := state.copy())
    if trial[prophesee.PROBLEM] or len(content) % 2:
        falls = trial[prophesee.PROBLEM] == prophesee.FALLS
        kind = "timestamps go backwards" if falls else "a word of a reserved type, or a part of one"
        place = 2 * int(trial[prophesee.WORD]) if trial[prophesee.PROBLEM] else len(content) - 1
        raise EventFileError(
            f"{path}: {kind} in message {number} of the topic, at byte {place} of its payload. Pass recover=True "
            "(--recover on the command line) to read the messages before it."
        )
    return prophesee.run_kernel(decode_evt3, words, state, count)


def array_of_ros1(raw: bytes | memoryview) -> tuple[Events, tuple[int, int]]:
    """Events of a serialised dvs_msgs/EventArray of ROS 1, and the sensor's (height, width)."""
    name = int.from_bytes(raw[12:16], "little")
    height, width, count = np.frombuffer(raw, "<u4", 3, 16 + name).tolist()
    kind = np.dtype([("x", "<u2"), ("y", "<u2"), ("s", "<u4"), ("ns", "<u4"), ("p", "u1")])
    values = np.frombuffer(raw, kind, count, 28 + name)
    return _dated(*(values[field] for field in ("x", "y", "s", "ns", "p"))), (height, width)


def array_of_ros2(events: Iterable[Any]) -> Events:
    """Events of the objects of a deserialised dvs_msgs/EventArray."""
    rows = [(each.x, each.y, each.ts.sec, each.ts.nanosec, each.polarity) for each in events]
    return _dated(*np.array(rows, dtype=np.int64).reshape(-1, 5).T)


def _dated(x: NDArray, y: NDArray, seconds: NDArray, nanoseconds: NDArray, p: NDArray) -> Events:
    t = seconds.astype(np.int64) * 1_000_000 + nanoseconds.astype(np.int64) // 1000
    return Events(x=x.astype(np.uint16), y=y.astype(np.uint16), t=t, p=(p > 0).astype(np.uint8))
