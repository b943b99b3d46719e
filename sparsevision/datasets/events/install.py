"""Putting the files of a data set where it looks for them: by links, or by copies that appear when they are whole."""

import os
import re
import shutil
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from sparsevision.annotation.files import write_bytes
from sparsevision.datasets.image_io import read_class_map, write_png
from sparsevision.datasets.layouts import index_by_stem
from sparsevision.datasets.transforms.event_labels import map_ids
from sparsevision.utils import UserError, atomic_write

BLOCK = 1 << 24  # bytes copied at a time


@dataclass(frozen=True)
class Placement:
    """A file, a folder of files, or a zip archive of files whose content a folder is to hold.

    Attributes:
        source, target: from where to where.
        members: of an archive, or a folder that is copied: only files whose names match are taken.
    """

    source: Path
    target: Path
    members: str = r".*"

    @property
    def zipped(self) -> bool:
        """Whether the source is an archive to unpack."""
        return self.source.suffix == ".zip" and self.target.suffix != ".zip"

    @property
    def size(self) -> int:
        """In bytes."""
        if self.source.is_dir():
            return sum(path.stat().st_size for path in self.source.iterdir() if path.is_file())
        return self.source.stat().st_size


def install(
    placements: Sequence[Placement],
    *,
    copy: bool = False,
    overwrite: bool = False,
    progress: Callable[[int], None] = lambda size: None,
) -> Counter[str]:
    """Link (or copy) everything; archives are unpacked. What is there already stays, so that a second run goes on.

    Args:
        placements: what goes where; folders are made.
        copy: copy instead of linking.
        overwrite: replace targets that hold something else.
        progress: called with numbers of bytes that are done.

    Returns:
        How many were "placed", and "kept" as they were: files of copied folders and of archives, else placements.

    Raises:
        UserError: a target holds something else, or a file cannot be written; names it. What was placed stays.
    """
    counts = Counter(placed=0, kept=0)
    for placement in placements:
        try:
            if placement.zipped:
                counts.update(_unpacked(placement, overwrite=overwrite))
            elif copy:
                counts.update(_copied(placement, overwrite=overwrite))
            else:
                counts[_linked(placement, overwrite=overwrite)] += 1
        except OSError as error:
            raise UserError(
                f"{placement.target}: cannot be written ({error.strerror or error}); run again to go on."
            ) from error
        progress(placement.size)
    return counts


def map_label_folder(source: Path, target: Path, label_ids: dict[int, int], *, unlabelled: int = 255) -> Counter[str]:
    """Write a folder of label PNGs with other ids; returns how many were "written", and "kept" as they were.

    Raises:
        UserError: an id that is not in `label_ids`, or a file of the target that has other content or cannot be
            written (names the file); the target is a link.
    """
    if target.is_symlink():
        raise UserError(f"{target}: is a link to '{target.resolve()}'; remove it, and the folder can be made here.")
    counts = Counter(written=0, kept=0)
    for path in index_by_stem(source, (".png",))[0].values():
        labels = read_class_map(path)
        mapped = map_ids(labels, label_ids, str(path), unlabelled=unlabelled, ignore_index=unlabelled).astype(np.uint8)
        place = target / path.name
        if not place.exists():
            try:
                write_png(place, mapped)
            except OSError as error:
                raise UserError(f"{place}: cannot be written ({error.strerror or error}).") from error
            counts["written"] += 1
        elif np.array_equal(read_class_map(place), mapped):
            counts["kept"] += 1
        else:
            raise UserError(f"{place}: holds other labels than {path}; remove it, or the wrong one of both folders.")
    return counts


def _linked(placement: Placement, *, overwrite: bool) -> str:
    source, target = placement.source.resolve(), placement.target
    if target.exists() and target.resolve() == source:
        return "kept"
    if target.is_symlink() or target.exists():
        if not _replaceable(target, overwrite=overwrite):
            raise UserError(_occupied(target, f"'{source}'"))
        target.unlink()
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(source, target_is_directory=source.is_dir())
    return "placed"


def _replaceable(target: Path, *, overwrite: bool) -> bool:
    """A dangling link always is; folders never are."""
    dangling = target.is_symlink() and not target.exists()
    return dangling or (overwrite and (target.is_symlink() or target.is_file()))


def _copied(placement: Placement, *, overwrite: bool) -> Iterator[str]:
    source, target = placement.source, placement.target
    if target.exists() and target.resolve() == source.resolve():
        yield "kept"
    elif source.is_dir():
        for path in sorted(source.iterdir()):
            if path.is_file() and re.fullmatch(placement.members, path.name):
                yield _copy_file(path, target / path.name, overwrite=overwrite)
    else:
        yield _copy_file(source, target, overwrite=overwrite)


def _copy_file(source: Path, target: Path, *, overwrite: bool) -> str:
    if target.is_file() and _same_content(source, target):
        return "kept"
    if target.exists() and not overwrite:
        raise UserError(_occupied(target, f"'{source}'"))
    if target.is_symlink():
        target.unlink()  # else what it leads to would be replaced
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as stream, atomic_write(target) as copy:
        shutil.copyfileobj(stream, copy, BLOCK)
    return "placed"


def _same_content(one: Path, other: Path) -> bool:
    """Whether two files hold the same bytes; sizes are compared before any is read."""
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as mine, other.open("rb") as theirs:
        while block := mine.read(BLOCK):
            if block != theirs.read(BLOCK):
                return False
    return True


def _is_member(path: Path, member: zipfile.ZipInfo) -> bool:
    """Whether a file holds what a member of an archive does, by size and CRC."""
    if path.stat().st_size != member.file_size:
        return False
    crc = 0
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            crc = zlib.crc32(block, crc)
    return crc == member.CRC


def _unpacked(placement: Placement, *, overwrite: bool) -> Iterator[str]:
    """Files of the archive whose names match, whatever folders they stand in there."""
    try:
        with zipfile.ZipFile(placement.source) as archive:
            for member in archive.infolist():
                name = PurePosixPath(member.filename).name
                if member.is_dir() or not re.fullmatch(placement.members, name):
                    continue
                target = placement.target / name
                if target.is_file() and _is_member(target, member):
                    yield "kept"
                    continue
                if target.exists() and not overwrite:
                    raise UserError(_occupied(target, f"{member.filename} of '{placement.source}'"))
                write_bytes(target, archive.read(member))
                yield "placed"
    except (zipfile.BadZipFile, EOFError, zlib.error, RuntimeError) as error:  # RuntimeError: encrypted
        raise UserError(f"{placement.source}: not a whole zip archive ({error}); get it again.") from error


def _occupied(target: Path, source: str) -> str:
    what = f"a link to '{os.readlink(target)}'" if target.is_symlink() else "there already"
    return (
        f"{target}: is {what}, other than {source}. Give --overwrite to replace files and links (never folders), or "
        "another --out."
    )
