"""Archives of plain arrays: equal arrays give equal bytes."""

import math
import struct
import zlib
from typing import Any

import numpy as np

from ttfs.errors import InputError

ARCHIVE_LIMIT = 2**32 - 1  # bytes; the sizes and positions in a plain zip have 32 bits

_ZIP_VERSION = 20
_FIRST_DAY = 33  # 1980-01-01, the first day of a zip: a fixed date, so that bytes are equal
_LOCAL = 30  # bytes of a member's zip header, before its name
_NPY = 128  # bytes of a member's npy header, padded so that positions are known beforehand
_SIZE_AT = 18  # where a member's zip header says how many bytes follow its name


def archive(arrays: dict[str, np.ndarray], comment_size: int = 0) -> bytes:
    """The one .npz of these arrays: stored, not compressed, and the same in every version.

    Parameters
    ----------
    arrays: by name, in the order in which they are stored.
    comment_size: number of bytes that the caller will append as the comment of the zip.

    Raises
    ------
    InputError: more than a plain zip can hold (4 GiB).

    >>> import io
    >>> np.load(io.BytesIO(archive({"a": np.arange(3)})))["a"]
    array([0, 1, 2])
    """
    if sum(array.nbytes for array in arrays.values()) > 0.999 * ARCHIVE_LIMIT:
        raise InputError("the arrays are larger than an archive can hold (4 GiB)")
    members: list[Any] = []
    directory: list[bytes] = []
    start = 0
    for title, array in arrays.items():
        name, head = f"{title}.npy".encode("ascii"), npy_head(array)
        data = bytes_of(array)
        size = len(head) + len(data)
        about = struct.pack(
            "<5H3I2H",
            *(_ZIP_VERSION, 0, 0, 0, _FIRST_DAY),
            *(zlib.crc32(data, zlib.crc32(head)), size, size, len(name), 0),
        )
        members += [b"PK\3\4", about, name, head, data]
        made_by = struct.pack("<H", _ZIP_VERSION)
        directory += [b"PK\1\2", made_by, about, struct.pack("<3H2I", 0, 0, 0, 0, start), name]
        start += _LOCAL + len(name) + size
    index, count = b"".join(directory), len(arrays)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(index), start, comment_size)
    return b"".join([*members, index, end])


def bytes_of(array: np.ndarray) -> Any:
    """The bytes of an array, row by row; not copied if they are in memory like that."""
    if array.dtype.hasobject:  # of which there is no view
        return array.tobytes()
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def npy_head(array: np.ndarray) -> bytes:
    """What an .npy file (format 1.0) has before the data of an array, padded to a fixed size."""
    about = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape}
    header = f"{about}".ljust(_NPY - 11).encode("ascii")
    return b"\x93NUMPY\1\0" + struct.pack("<H", _NPY - 10) + header + b"\n"


def first_bytes(content: bytes, title: str) -> tuple[bytes, int]:
    """The first array of an archive, which is one of bytes, and where the next array begins.

    Raises
    ------
    InputError: the content is too short.
    """
    size = 0
    if len(content) >= _LOCAL:
        size = struct.unpack_from("<I", content, _SIZE_AT)[0]
    array, end = take(content, 0, title, np.uint8, (max(1, size - _NPY),))
    return array.tobytes(), end


def take(
    content: bytes, start: int, title: str, dtype: Any, shape: tuple[int, ...]
) -> tuple[np.ndarray, int]:
    """An array of an archive whose member begins at `start`, and where the next one begins.

    Only lengths are checked, and before anything is allocated. The caller has to check that the
    bytes around the data are those that `archive` writes.

    Raises
    ------
    InputError: the content is too short.

    >>> array, end = take(archive({"a": np.arange(3)}), 0, "a", int, (3,))
    >>> array, end
    (array([0, 1, 2]), 187)
    """
    dtype = np.dtype(dtype)
    begin = start + _LOCAL + len(f"{title}.npy") + _NPY
    count = math.prod(shape)  # in Python's integers, which do not overflow
    end = begin + count * dtype.itemsize
    if end > len(content):
        there = max(0, len(content) - begin)
        raise InputError(f"{title} should have {end - begin} bytes, at most {there} are there")
    return np.frombuffer(content, dtype, count, begin).reshape(shape), end
