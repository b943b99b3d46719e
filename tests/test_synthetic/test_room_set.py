"""Synthetic rooms: same files for the same seed, the official layouts, furniture that stands apart, honest scans."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from sparsevision.synthetic.room_set import SMALL, RoomSetSettings, write_room_set
from sparsevision.utils import UserError

pytest.importorskip("skimage")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("rooms") / "set"
    assert write_room_set(root, SMALL)
    return root


def digest(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_same_seed_same_bytes_and_never_half_a_set(made, tmp_path):
    assert write_room_set(made, SMALL) is False
    write_room_set(tmp_path / "again", SMALL)
    assert digest(tmp_path / "again") == digest(made)
    assert json.loads((made / "dataset.json").read_text())["settings"]["s3dis_train"] == 2
    with pytest.raises(UserError, match="holds another set"):
        write_room_set(made, RoomSetSettings(s3dis_train=1))

    def fail(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_room_set(tmp_path / "broken", SMALL, progress=fail)
    assert [path.name for path in tmp_path.iterdir()] == ["again"]


def test_a_room_does_not_depend_on_how_many_are_made(made, tmp_path):
    fewer = replace(SMALL, s3dis_train=1, scannet_train=0, scannet_test=0)
    write_room_set(tmp_path / "fewer", fewer)
    theirs, own = digest(made), digest(tmp_path / "fewer")
    rooms = {name for name in own if "/Annotations/" in name or "/scene" in name}
    assert len(rooms) > 20
    assert all(own[name] == theirs[name] for name in rooms)


def test_s3dis_layout(made):
    rooms = sorted(path.parent for path in made.glob("s3dis/Area_*/*/Annotations"))
    assert [str(room.relative_to(made / "s3dis")) for room in rooms] == [
        "Area_1/office_1", "Area_2/conferenceRoom_1", "Area_5/office_1",
    ]  # fmt: skip
    for room in rooms:
        whole = (room / f"{room.name}.txt").read_text().splitlines()
        parts = [line for path in (room / "Annotations").glob("*.txt") for line in path.read_text().splitlines()]
        assert sorted(parts) == sorted(whole)
        assert 4000 < len(whole) < 6000
        assert all(len(line.split()) == 6 and len(line.split()[0].split(".")[1]) == 3 for line in whole[:50])
        assert room.name in (room.parent / f"{room.parent.name}_alignmentAngle.txt").read_text()
