"""A strict reader of .npz archives: plain arrays only, nothing unpickled, nothing larger than announced."""

import io
import zipfile

import numpy as np

from sparsevision.annotation.errors import AnnotationError
from sparsevision.utils.arrays import check_npy


def pack_arrays(arrays: dict[str, np.ndarray]) -> bytes:
    """The bytes of a compressed .npz archive."""
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def unpack_arrays(data: bytes, *, max_bytes: int) -> dict[str, np.ndarray]:
    """The arrays of an .npz archive that unpacks to at most `max_bytes`.

    Raises:
        AnnotationError: truncated, encrypted, too large once unpacked, a pickle inside, or not an archive of arrays.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _check_members(members, max_bytes)
            return {member.filename.removesuffix(".npy"): _read_member(archive, member) for member in members}
    except AnnotationError:
        raise
    except Exception as error:  # zipfile and numpy raise almost anything on hostile bytes
        raise AnnotationError(f"not a whole .npz archive of plain arrays ({str(error)[:80]!r}).") from error


def _check_members(members: list[zipfile.ZipInfo], max_bytes: int) -> None:
    names = [member.filename for member in members]
    if len(set(names)) != len(names):
        raise AnnotationError("the archive holds two arrays of one name.")
    if sum(member.file_size for member in members) > max_bytes:
        raise AnnotationError(
            f"the archive unpacks to more than {max_bytes / 2**20:.0f} MiB, too large for annotations."
        )


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    stream = io.BytesIO(archive.read(member))
    if check_npy(stream, member.file_size):
        raise AnnotationError(f"{member.filename}: is of another size than its header says.")
    stream.seek(0)
    return np.load(stream, allow_pickle=False)
