"""Fetch one file over HTTP(S): short time-outs, progress, resumption of a dropped connection, size and digest check."""

import hashlib
import http.client
import shutil
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

from sparsevision.utils import UserError

BLOCK = 1 << 20
SPARE_DISK = 64 << 20


class SourceUnavailable(UserError):
    """A host, package registry or client that cannot be had here and now: another source may be tried."""


class WrongContent(UserError):
    """The file came, but it is not the one that was expected: it is not kept, and nothing else is tried."""


@dataclass(frozen=True, kw_only=True)
class Digest:
    """A hash to check a file against.

    Args:
        algorithm: a name that hashlib knows, or "git-blob": the id under which git stores the file.
        value: lower-case hex digits; fewer than the full length mean "begins with".
        source: who measured or published it, and when.
    """

    algorithm: str
    value: str
    source: str

    def check(self, path: Path, what: str) -> None:
        """Raises: WrongContent when the digest of `path` differs."""
        measured = file_digest(path, self.algorithm)
        if not measured.startswith(self.value):
            raise WrongContent(
                f"{what} is not the expected file: its {self.algorithm} digest is {measured}, expected {self.value} "
                f"({self.source}); it was not kept. Try again later, or tell us if the file was replaced on purpose"
            )


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """Hex digest of a file's bytes."""
    digest = hashlib.sha1() if algorithm == "git-blob" else hashlib.new(algorithm)
    if algorithm == "git-blob":
        digest.update(f"blob {path.stat().st_size}\0".encode())
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def download(url: str, path: Path, *, timeout: float = 10.0, attempts: int = 4, quiet: bool = False) -> None:
    """Fetch `url` into `path`, resuming up to `attempts` times where the connection dropped.

    Args:
        timeout: seconds to wait for the connection and for each block.
        quiet: draw no progress bar.

    Raises:
        SourceUnavailable: the host cannot be reached, refuses, or keeps breaking off; nothing is left at `path`.
        UserError: the disk has no room for it.
    """
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    bar = Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet)
    try:
        with path.open("wb") as file, bar as progress:
            task = progress.add_task(path.name, total=None)
            for _ in range(attempts):
                if _fetch_rest(url, file, timeout, progress, task):
                    return
        raise SourceUnavailable(f"{_host(url)} broke off {attempts} times while sending {path.name}; try again later")
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _fetch_rest(url: str, file: BinaryIO, timeout: float, progress: Progress, task: TaskID) -> bool:
    """Append what is missing; True when the file is complete."""
    request = urllib.request.Request(url, headers={"User-Agent": "sparsevision", "Range": f"bytes={file.tell()}-"})
    try:
        response = urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        raise SourceUnavailable(f"{_host(url)} answered {error.code} {error.reason} for {url}") from error
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        if file.tell():
            return False
        reason = getattr(error, "reason", None) or error or type(error).__name__
        raise SourceUnavailable(f"{_host(url)} cannot be reached from here ({reason})") from error
    with response:
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            file.seek(0)
            file.truncate()
        total = _total_size(response, file.tell())
        _check_room(Path(file.name), total, file.tell())
        progress.update(task, total=total, completed=file.tell())
        while block := _next_block(response):
            file.write(block)
            progress.advance(task, len(block))
    return block is not None and (total is None or file.tell() == total)


def _next_block(response: http.client.HTTPResponse) -> bytes | None:
    """Empty at the end; None when the network, not the disk, is at fault."""
    try:
        return response.read(BLOCK)
    except (OSError, http.client.HTTPException):
        return None


def _total_size(response: http.client.HTTPResponse, offset: int) -> int | None:
    length = response.headers.get("Content-Length")
    return None if length is None else int(length) + offset


def _check_room(path: Path, total: int | None, present: int) -> None:
    free = shutil.disk_usage(path.parent).free
    if total is not None and total - present + SPARE_DISK > free:
        raise UserError(
            f"no room for {path.name}: it needs {(total - present) / 1e6:.0f} MB, {path.parent.parent} has "
            f"{free / 1e6:.0f} MB free; free some space or set SPARSEVISION_CACHE to another folder"
        )


def _host(url: str) -> str:
    return urllib.request.urlparse(url).netloc
