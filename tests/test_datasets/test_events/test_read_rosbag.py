"""Bags of ROS 1 and ROS 2, written by rosbags: packets and arrays of events, damaged bags, bags without their index."""

import event_encoders as encode
import numpy as np
import pytest
from event_damage import cut, error_of, recovered, times_fall
from rosbags import rosbag1, rosbag2
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from sparsevision.datasets.events.errors import EventFileError
from sparsevision.datasets.events.formats import rosbag
from sparsevision.datasets.events.formats.rosbag1 import MAGIC, UnindexedBag, read_fields, read_record, unpacker
from sparsevision.datasets.events.reader import open_events, read_events

PACKET, EVENT, ARRAY = "event_camera_msgs/msg/EventPacket", "dvs_msgs/msg/Event", "dvs_msgs/msg/EventArray"
TOPIC = "/camera/events"
KINDS = ["packets", "arrays"]
BAGS = ["ros1", "ros1 bz2", "ros1 lz4", "ros2 db3", "ros2 mcap"]


def types_of(store):
    types = get_typestore(store)
    types.register(
        get_types_from_msg(
            "std_msgs/Header header\nuint32 height\nuint32 width\nuint64 seq\nuint64 time_base\nstring encoding\n"
            "bool is_bigendian\nuint8[] events\n",
            PACKET,
        )
    )
    types.register(get_types_from_msg("uint16 x\nuint16 y\nbuiltin_interfaces/Time ts\nbool polarity\n", EVENT))
    types.register(
        get_types_from_msg("std_msgs/Header header\nuint32 height\nuint32 width\ndvs_msgs/Event[] events\n", ARRAY)
    )
    return types


def header(types, ros1):
    stamp = types.types["builtin_interfaces/msg/Time"](sec=1, nanosec=2)
    return types.types["std_msgs/msg/Header"](**({"seq": 3} if ros1 else {}), stamp=stamp, frame_id="camera")


def packet(types, payload, *, ros1, encoding="evt3"):
    return types.types[PACKET](
        header=header(types, ros1),
        height=48,
        width=64,
        seq=0,
        time_base=0,
        encoding=encoding,
        is_bigendian=False,
        events=np.frombuffer(payload, np.uint8),
    )


def array(types, events, *, ros1):
    time, event = types.types["builtin_interfaces/msg/Time"], types.types[EVENT]
    rows = [
        event(x=x, y=y, ts=time(sec=t // 10**6, nanosec=t % 10**6 * 1000 + 999), polarity=bool(p))
        for x, y, t, p in encode.rows_of(events)
    ]
    return types.types[ARRAY](header=header(types, ros1), height=48, width=64, events=rows)


def messages_of(types, events, kind, *, ros1, size=100):
    """One message for every `size` events; of packets the words as they come, cut where no event begins."""
    if kind == "arrays":
        return [array(types, events[start : start + size], ros1=ros1) for start in range(0, len(events), size)]
    payload = np.array(encode.evt3_words(events), "<u2").tobytes()
    return [packet(types, payload[start : start + 2 * size], ros1=ros1) for start in range(0, len(payload), 2 * size)]


def write_bag(folder, messages, bag="ros1", *, types=None, kind="packets", times=None):
    """A bag of these messages, and of strings in between; returns its path."""
    ros1 = bag.startswith("ros1")
    types = types or types_of(Stores.ROS1_NOETIC if ros1 else Stores.ROS2_FOXY)
    path = folder / ("a.bag" if ros1 else "bag")
    if ros1:
        writer = rosbag1.Writer(path)
        writer.chunk_threshold = 5000  # several chunks
        if bag != "ros1":
            writer.set_compression(getattr(rosbag1.Writer.CompressionFormat, bag.split()[1].upper()))
    else:
        plugin = {"db3": rosbag2.StoragePlugin.SQLITE3, "mcap": rosbag2.StoragePlugin.MCAP}[bag.split()[1]]
        writer = rosbag2.Writer(path, version=9, storage_plugin=plugin)
    serialize = types.serialize_ros1 if ros1 else types.serialize_cdr
    name = {"packets": PACKET, "arrays": ARRAY}[kind]
    with writer:
        other = writer.add_connection("/chatter", "std_msgs/msg/String", typestore=types)
        connection = writer.add_connection(TOPIC, name, typestore=types)
        for number, message in enumerate(messages):
            time = times[number] if times else 10**9 + 1000 * number
            text = types.types["std_msgs/msg/String"](data="word")
            writer.write(other, time, serialize(text, "std_msgs/msg/String"))
            writer.write(connection, time, serialize(message, name))
    return path


def chunks_of(path):
    """(first byte, byte after it) of the data of each chunk."""
    content, start, found = path.read_bytes(), len(MAGIC), []
    while start < len(content) - 10:
        try:
            fields, first, start = read_record(content, start)
        except ValueError:
            break
        found += [(first, start)] if fields["op"] == b"\x05" else []
    return found


@pytest.fixture
def events():
    return encode.random_events(3000, start=1_000_000)


@pytest.fixture
def ros1_types():
    return types_of(Stores.ROS1_NOETIC)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bag", BAGS)
def test_bags_hold_the_events(tmp_path, monkeypatch, events, bag, kind):
    monkeypatch.setattr(rosbag, "BLOCK_EVENTS", 250)
    types = types_of(Stores.ROS1_NOETIC if bag.startswith("ros1") else Stores.ROS2_FOXY)
    messages = messages_of(types, events, kind, ros1=bag.startswith("ros1"))
    path = write_bag(tmp_path, messages, bag, types=types, kind=kind)
    files = [path] if path.is_file() else [path, *path.glob("*.db3"), *path.glob("*.mcap")]
    assert len(files) == (1 if bag.startswith("ros1") else 2)
    for file in files:
        assert open_events(file).format == "rosbag"
        found = read_events(file)
        assert encode.same(found, events)
        assert found.sensor_size == (48, 64)
        with open_events(file) as reader:
            for moment in events.t[::97].tolist():
                first = int(np.searchsorted(events.t, moment))
                assert reader.index_of(moment) == first
                assert encode.same(reader.read(first, min(first + 300, 3000)), events[first : first + 300])


@pytest.mark.parametrize("bag", ["ros1", "ros1 bz2", "ros1 lz4"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_bag_of_ros1_without_its_index(tmp_path, monkeypatch, ros1_types, events, bag, kind):
    monkeypatch.setattr(rosbag, "BLOCK_EVENTS", 250)
    path = write_bag(tmp_path, messages_of(ros1_types, events, kind, ros1=True), bag, types=ros1_types, kind=kind)
    with open_events(path, recover=True) as reader:
        assert encode.same(reader.read(0, len(reader)), events)
    size = path.stat().st_size
    cut(path, size - 10)
    message = error_of(path)
    assert "is not readable as a bag (" in message
    place = int(message.rsplit("at byte ", 1)[1].split(".")[0])
    assert 0 < place < size - 10
    found, warning = recovered(path)
    assert encode.same(found, events)
    assert f"left out the last {size - 10 - place} bytes: a record " in warning
    chunk = chunks_of(path)[2]
    cut(path, (2 * chunk[0] + chunk[1]) // 3)
    assert "a chunk is damaged or cut off: " in error_of(path)
    found, warning = recovered(path)
    assert 0 < len(found) < 3000
    assert encode.same(found, events[: len(found)])
    assert "bytes: a chunk is damaged or cut off: " in warning


@pytest.mark.parametrize("bag", BAGS)
def test_a_packet_with_a_broken_word(tmp_path, events, bag):
    ros1 = bag.startswith("ros1")
    types = types_of(Stores.ROS1_NOETIC if ros1 else Stores.ROS2_FOXY)
    messages = messages_of(types, events, "packets", ros1=ros1)
    before = read_events(write_bag(tmp_path, messages[:7], bag, types=types))
    payload = messages[7].events.copy()
    payload[41] = 0x90
    messages[7] = packet(types, payload.tobytes(), ros1=ros1)
    (tmp_path / "broken").mkdir()
    path = write_bag(tmp_path / "broken", messages, bag, types=types)
    assert "a word of a reserved type, or a part of one in message 7 of the topic, at byte 40 of its" in error_of(path)
    found, warning = recovered(path)
    assert encode.same(found, before)
    assert "left out the last messages: a word of a reserved type" in warning


@pytest.mark.parametrize("kind", KINDS)
def test_times_that_fall(tmp_path, ros1_types, events, kind):
    fallen = times_fall(events, 1200)
    path = write_bag(tmp_path, messages_of(ros1_types, fallen, kind, ros1=True), types=ros1_types, kind=kind)
    assert "timestamps go backwards" in error_of(path)
    found, warning = recovered(path)
    assert 1000 < len(found) <= 1200
    assert encode.same(found, events[: len(found)])
    assert "timestamps go backwards" in warning


def test_a_message_of_no_events_counts_for_those_that_follow(tmp_path, monkeypatch, ros1_types):
    monkeypatch.setattr(rosbag, "BLOCK_EVENTS", 1)
    payloads = [[0x8001, 0x6002, 0x0003, 0x2001], [0x8005, 0x6007, 0x0009], [0x2002], [0x0004], [0x2003]]
    messages = [packet(ros1_types, np.array(words, "<u2").tobytes(), ros1=True) for words in payloads]
    path = write_bag(tmp_path, messages, types=ros1_types)
    with open_events(path) as reader:
        found = [next(encode.rows_of(reader.read(index, index + 1))) for index in (2, 1, 0)]
    assert found == [(3, 4, 5 << 12 | 7, 0), (2, 9, 5 << 12 | 7, 0), (1, 3, 1 << 12 | 2, 0)]


def test_messages_of_one_time_stay_together(tmp_path, monkeypatch, ros1_types, events):
    monkeypatch.setattr(rosbag, "BLOCK_EVENTS", 1)
    messages = messages_of(ros1_types, events, "packets", ros1=True)
    path = write_bag(
        tmp_path, messages, types=ros1_types, times=[10**9 + number // 3 for number in range(len(messages))]
    )
    for recover in (False, True):
        with open_events(path, recover=recover) as reader:
            assert encode.same(reader.read(0, 3000), events)


def test_bags_of_other_messages_and_encodings_are_refused(tmp_path, ros1_types, events):
    path = write_bag(tmp_path, [packet(ros1_types, b"abcd", ros1=True, encoding="mono")], types=ros1_types)
    assert "its EventPackets are 'mono'; only 'evt3' is read." in error_of(path)
    path.unlink()
    with rosbag1.Writer(path) as writer:
        other = writer.add_connection("/chatter", "std_msgs/msg/String", typestore=ros1_types)
        text = ros1_types.types["std_msgs/msg/String"](data="word")
        writer.write(other, 5, ros1_types.serialize_ros1(text, "std_msgs/msg/String"))
    for recover in (False, True):
        assert f"no topic of {PACKET} or {ARRAY}; the bag's messages are std_msgs/msg/String." in error_of(
            path, recover=recover
        )


def test_a_bag_of_ros2_that_is_cut(tmp_path, events):
    types = types_of(Stores.ROS2_FOXY)
    path = write_bag(tmp_path, messages_of(types, events, "packets", ros1=False), "ros2 mcap", types=types)
    (file,) = path.glob("*.mcap")
    cut(file, file.stat().st_size - 40)
    assert f"at or before byte {file.stat().st_size}, where it ends. `ros2 bag reindex`" in error_of(file)


def test_records_of_a_bag(tmp_path, ros1_types, events):
    path = write_bag(tmp_path, messages_of(ros1_types, events, "packets", ros1=True), "ros1 bz2", types=ros1_types)
    content = path.read_bytes()
    fields, first, last = read_record(content, len(MAGIC))
    assert fields["op"] == b"\x03"
    assert (first, last) == (first, len(MAGIC) + 4 + 69 + 4 + (last - first))
    bag = UnindexedBag(path, ros1_types)
    assert (bag.problem, bag.end, bag.is2) == (None, len(content), False)
    assert {each.topic: each.msgtype for each in bag.connections} == {
        "/chatter": "std_msgs/msg/String",
        TOPIC: PACKET,
    }
    chatter = [each for each in bag.connections if each.topic == "/chatter"]
    found = list(bag.messages(chatter, start=10**9 + 1000, stop=10**9 + 4000))
    assert [time for _, time, _ in found] == [10**9 + 1000, 10**9 + 2000, 10**9 + 3000]
    assert {bag.deserialize(raw, each.msgtype).data for each, _, raw in found} == {"word"}
    bag.close()
    with pytest.raises(ValueError, match="a field of its header is broken"):
        read_fields(b"\x05\0\0\0abcde")
    with pytest.raises(ValueError, match="unknown compression 'zip'"):
        unpacker("zip")
    assert unpacker("none")(b"abc") == b"abc"


def test_a_file_that_only_begins_like_a_bag(tmp_path):
    path = tmp_path / "a.bag"
    path.write_bytes(MAGIC + b"\xff" * 30)
    assert "a record cannot be read (its header of 4294967295 bytes is cut off), at byte 13. " in error_of(path)
    with pytest.raises(EventFileError, match="the bag's messages are none"):
        read_events(path, recover=True)
