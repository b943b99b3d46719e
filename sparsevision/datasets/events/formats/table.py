"""Which formats there are, and which of them a file has."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sparsevision.datasets.events.errors import EventFileError
from sparsevision.datasets.events.formats import aedat4, dat, ddd17, evt2, evt3, hdf5, npz, rosbag, text
from sparsevision.datasets.events.formats.recording import Recording
from sparsevision.utils import UserError, did_you_mean

HEAD_BYTES = 4096


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes:
        name: for format=.
        files: how its files are called, for people.
        matches: (path, first bytes; none of a folder) -> whether a file is of this format.
        open: (path, recover=) -> the open recording; with `takes_unit` also time_unit=.
        takes_unit: whether the user may say that times are "s" or "us".
        folders: whether a recording may be a folder.
    """

    name: str
    files: str
    matches: Callable[[Path, bytes], bool]
    open: Callable[..., Recording]
    takes_unit: bool = False
    folders: bool = False


FORMATS = (
    Format("hdf5", "DSEC or rpg HDF5 (.h5, .hdf5)", hdf5.matches, hdf5.HDF5Recording),
    Format(
        "ddd17",
        "DDD17 pair (events.dat.t and events.dat.xyp, or their folder)",
        ddd17.matches,
        ddd17.DDD17Recording,
        folders=True,
    ),
    Format("evt3", "Prophesee EVT 3.0 (.raw)", evt3.matches, evt3.open_evt3),
    Format("evt2", "Prophesee EVT 2.0 (.raw)", evt2.matches, evt2.open_evt2),
    Format("dat", "Prophesee DAT (.dat)", dat.matches, dat.open_dat),
    Format("aedat4", "iniVation AEDAT 4 (.aedat4)", aedat4.matches, aedat4.AEDAT4Recording),
    Format(
        "rosbag",
        "ROS bag (.bag; .db3 or .mcap, or their folder)",
        rosbag.matches,
        rosbag.RosbagRecording,
        folders=True,
    ),
    Format("npz", "NumPy archive (.npz)", npz.matches, npz.open_npz, takes_unit=True),
    Format("text", "text or CSV, t x y p a line (.txt, .csv)", text.matches, text.open_text, takes_unit=True),
)


def find_format(path: Path, name: str | None = None) -> Format:
    """The format of that name, or else the one that the file's content and suffix tell.

    Raises:
        UserError: no such file or name, or a file of no known format; the message lists those that there are.
    """
    if not path.exists():
        raise EventFileError(f"{path}: no such file or folder.")
    if name is not None:
        named = _named(name)
        if path.is_dir() and not named.folders:
            raise EventFileError(f"{path}: is a folder; a recording in the format '{name}' is a file.")
        return named
    head = _head(path)
    for candidate in FORMATS:
        if candidate.matches(path, head):
            return candidate
    listing = "; ".join(f"{each.name}: {each.files}" for each in FORMATS)
    kind = " is a folder and" if path.is_dir() else " is empty and" if not head else ""
    raise EventFileError(
        f"{path}:{kind} has no format that can be read. Readable are {listing}. Or say which with format= (--format)."
    )


def _named(name: str) -> Format:
    names = {each.name: each for each in FORMATS}
    if name not in names:
        raise UserError(f"format={name!r} is unknown.{did_you_mean(name, names)} Readable are {', '.join(names)}.")
    return names[name]


def _head(path: Path) -> bytes:
    if path.is_dir():
        return b""
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError as error:
        raise EventFileError(f"{path}: cannot be opened ({error.strerror}).") from None
