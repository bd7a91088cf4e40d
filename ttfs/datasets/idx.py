"""IDX files, the format in which MNIST was published: a header with sizes, then bytes."""

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ttfs.checks import short
from ttfs.errors import DatasetError
from ttfs.files.reading import check_room, open_file


def read_idx(path: str | Path, wanted: tuple[int, ...] | None = None) -> NDArray[np.uint8]:
    """The array of an IDX file of unsigned bytes, plain or gzip (its contents tell which).

    The file must hold exactly what its header announces; no more than that is decompressed. An
    array whose shape is not `wanted` is refused before it is read.

    Raises `DatasetError`, naming the file, if it is absent, damaged, truncated, too long, empty
    or of another kind.

    Source: the format's description at http://yann.lecun.com/exdb/mnist/.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "three-idx1-ubyte")
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 5, 6, 7]))
    ...     read_idx(path)
    array([5, 6, 7], dtype=uint8)
    """
    path = Path(path)
    try:
        with open_file(path) as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            size = raw.seek(0, os.SEEK_END)
            raw.seek(0)
            if packed:
                return _parse(gzip.GzipFile(fileobj=raw), wanted, size)
            return _parse(raw, wanted)
    except (EOFError, OSError, ValueError, zlib.error) as error:
        raise DatasetError(f"{path}: {reason(error)}") from None


def _parse(
    stream: Any, wanted: tuple[int, ...] | None, packed: int | None = None
) -> NDArray[np.uint8]:
    """The array in IDX bytes, or a ValueError; `packed` is the file's size if it is compressed."""
    magic = _take(stream, 4)
    if magic[:3] != b"\0\0\x08" or magic[3] == 0:
        raise ValueError(f"not an IDX file of unsigned bytes, begins with {magic.hex(' ')}")
    shape = struct.unpack(f">{magic[3]}I", _take(stream, 4 * magic[3]))
    if wanted is not None and shape != wanted:
        raise ValueError(f"must hold an array of shape {wanted}, got {short(shape)}")
    if 0 in shape:
        raise ValueError(f"holds an empty array, of shape {short(shape)}")
    if packed is not None:
        check_room(math.prod(shape), packed, f"its array {short(shape)}", "unpack it yourself")
    pixels = _take(stream, math.prod(shape))
    if stream.read(1):
        raise ValueError(
            f"has data after the array of shape {short(shape)} that its header announces"
        )
    return np.frombuffer(pixels, np.uint8).reshape(shape)


def _take(stream: Any, size: int) -> bytearray:
    """Exactly `size` bytes, read in pieces so that a wrong size does not claim memory at once."""
    taken = bytearray()
    while len(taken) < size:
        piece = stream.read(min(size - len(taken), 1 << 20))
        if not piece:
            raise ValueError(f"truncated: ends after {len(taken)} of {short(size)} bytes")
        taken += piece
    return taken


def header(shape: tuple[int, ...]) -> bytes:
    """The bytes before the array in an IDX file of unsigned bytes."""
    return struct.pack(f">4B{len(shape)}I", 0, 0, 8, len(shape), *shape)


def reason(error: Exception) -> object:
    """What went wrong, without the path, which the caller names."""
    return (isinstance(error, OSError) and error.strerror) or error
