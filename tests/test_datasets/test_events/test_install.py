"""Links and copies: what is there stays, what is half done is not there."""

import shutil
import zipfile

import pytest
from event_sets import label_map, write_png
from PIL import Image

from sparsevision.datasets.events.dsec_classes import TO_11
from sparsevision.datasets.events.install import Placement, install, map_label_folder
from sparsevision.utils import UserError


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "in/events.h5"
    path.parent.mkdir()
    path.write_bytes(b"events")
    return path


def test_a_link_is_kept_and_one_that_leads_nowhere_is_replaced(source, tmp_path):
    target = tmp_path / "out/left/events.h5"
    sizes = []
    assert install([Placement(source, target)], progress=sizes.append) == {"placed": 1, "kept": 0}
    assert sizes == [6]
    assert target.read_bytes() == b"events"
    assert install([Placement(source, target)]) == {"placed": 0, "kept": 1}
    target.unlink()
    target.symlink_to(tmp_path / "gone.h5")
    assert install([Placement(source, target)])["placed"] == 1


@pytest.mark.parametrize("copy", [False, True])
def test_something_else_in_the_way(source, tmp_path, copy):
    target, other = tmp_path / "out/events.h5", tmp_path / "other.h5"
    target.parent.mkdir()
    other.write_bytes(b"other events")
    target.symlink_to(other)
    with pytest.raises(UserError, match=r"events\.h5: is a link to .*other\.h5.*--overwrite"):
        install([Placement(source, target)], copy=copy)
    install([Placement(source, target)], copy=copy, overwrite=True)
    assert target.read_bytes() == b"events"
    assert other.read_bytes() == b"other events"
    assert target.is_symlink() is not copy


def test_folders_are_never_replaced_by_links(source, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(UserError, match="out: is there already"):
        install([Placement(source.parent, tmp_path / "out")], overwrite=True)


def test_a_copy_that_breaks_off_leaves_nothing(source, tmp_path, monkeypatch):
    def broken(stream, copy, length):
        copy.write(b"eve")
        raise OSError(28, "No space left on device")

    target = tmp_path / "out/events.h5"
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfileobj", broken)
        with pytest.raises(UserError, match=r"events\.h5: cannot be written \(No space left on device\); run again"):
            install([Placement(source, target)], copy=True)
    assert list(target.parent.iterdir()) == []
    assert install([Placement(source, target)], copy=True)["placed"] == 1


@pytest.mark.parametrize("zipped", [False, True])
def test_the_same_size_is_not_the_same_content(source, tmp_path, zipped):
    home, placement = tmp_path / "out", Placement(source.parent, tmp_path / "out")
    if zipped:
        placement = Placement(tmp_path / "events.zip", home)
        with zipfile.ZipFile(placement.source, "w") as archive:
            archive.write(source, "left/events.h5")
    assert install([placement], copy=True) == {"placed": 1, "kept": 0}
    assert install([placement], copy=True, overwrite=True) == {"placed": 0, "kept": 1}
    (home / "events.h5").write_bytes(b"evxnts")
    with pytest.raises(UserError, match=r"out/events\.h5: is there already, other than .*--overwrite"):
        install([placement], copy=True)
    assert (home / "events.h5").read_bytes() == b"evxnts"
    assert install([placement], copy=True, overwrite=True) == {"placed": 1, "kept": 0}
    assert (home / "events.h5").read_bytes() == b"events"


def test_files_are_compared_to_their_end(source, tmp_path, monkeypatch):
    monkeypatch.setattr("sparsevision.datasets.events.install.BLOCK", 4)
    target = tmp_path / "out/events.h5"
    install([Placement(source, target)], copy=True)
    assert install([Placement(source, target)], copy=True)["kept"] == 1
    target.write_bytes(b"evenst")
    assert install([Placement(source, target)], copy=True, overwrite=True)["placed"] == 1
    assert target.read_bytes() == b"events"


def test_only_matching_members_leave_an_archive(tmp_path):
    path = tmp_path / "masks.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("masks/a_1.png", "../a_2.png", "masks/readme.txt"):
            archive.writestr(name, b"content")
    placement = Placement(path, tmp_path / "out/masks", members=r"a_\d\.png")
    assert install([placement]) == {"placed": 2, "kept": 0}
    assert sorted(each.name for each in (tmp_path / "out/masks").iterdir()) == ["a_1.png", "a_2.png"]
    (tmp_path / "out/masks/a_1.png").write_bytes(b"longer content")
    with pytest.raises(UserError, match=r"a_1\.png: is there already, other than masks/a_1\.png of"):
        install([placement])
    assert install([placement], overwrite=True) == {"placed": 1, "kept": 1}


def test_a_damaged_archive_is_named(tmp_path):
    path = tmp_path / "masks.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(1000))
    content = bytearray(path.read_bytes())
    start = 30 + len("a.png")  # of the compressed bytes, behind the header
    content[start : start + 4] = b"\xff" * 4
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"masks\.zip: not a whole zip archive"):
        install([Placement(path, tmp_path / "out")])
    assert not (tmp_path / "out/a.png").exists()


def test_mapped_labels_are_written_once(tmp_path):
    for number in range(3):
        write_png(tmp_path / f"19classes/{number}.png", label_map(number, classes=19))
    both = tmp_path / "19classes", tmp_path / "11classes"
    assert map_label_folder(*both, TO_11) == {"written": 3, "kept": 0}
    (both[1] / "1.png").unlink()
    assert map_label_folder(*both, TO_11) == {"written": 1, "kept": 2}
    write_png(tmp_path / "19classes/0.png", label_map(0, classes=30) + 19)
    with pytest.raises(UserError, match=r"0\.png: holds the unknown id"):
        map_label_folder(*both, TO_11)
    Image.new("RGB", (32, 16)).save(tmp_path / "19classes/0.png")
    with pytest.raises(UserError, match=r"0\.png: a PNG of mode RGB is no map of class ids"):
        map_label_folder(*both, TO_11)
    (tmp_path / "link").symlink_to(both[1])
    with pytest.raises(UserError, match=r"link: is a link to '.*11classes'"):
        map_label_folder(both[0], tmp_path / "link", TO_11)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=r"file/0\.png: cannot be written"):
        map_label_folder(both[1], tmp_path / "file", {label: label for label in range(11)})
