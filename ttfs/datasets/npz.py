"""Arrays of an .npz file from an untrusted source, read within bounds."""

import io
import math
import os
import warnings
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np

from ttfs.checks import short, shown
from ttfs.datasets.idx import reason
from ttfs.errors import DatasetError
from ttfs.files.reading import check_room, open_file

_HEADER = 2**14  # bytes at the beginning of a member that describe its array, at most
_PIECE = 2**20  # bytes that are decompressed at a time
_KNOWN = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


def read_npz(path: Path, wanted: Iterable[str]) -> tuple[dict[str, np.ndarray], list[str]]:
    """Those of the wanted arrays that are in a file, and the names of all arrays in it.

    Nothing else is read, and nothing is decompressed before its size is known and allowed.

    Raises
    ------
    DatasetError: no such file, a damaged file, or arrays of anything but numbers.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/a.npz", a=np.arange(3), b=np.eye(9))
    ...     read_npz(Path(folder, "a.npz"), ["a", "c"])
    ({'a': array([0, 1, 2])}, ['a', 'b'])
    """

    def look(found: _Arrays, names: list[str]) -> Any:
        return {name: found.read(name) for name in wanted if name in names}, names

    return _opened(path, look)


def shapes_in(path: Path, wanted: Iterable[str]) -> dict[str, tuple[tuple[int, ...], Any]]:
    """Shapes and dtypes of those of the wanted arrays that are in a file; errors as `read_npz`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/a.npz", a=np.arange(3.0))
    ...     shapes_in(Path(folder, "a.npz"), ["a", "c"])
    {'a': ((3,), dtype('float64'))}
    """

    def look(found: _Arrays, names: list[str]) -> Any:
        return {name: found.shape(name) for name in wanted if name in names}

    return _opened(path, look)


def _opened(path: Path, look: Callable[["_Arrays", list[str]], Any]) -> Any:
    """What is found in an archive, given its arrays and their names; or a DatasetError."""
    try:
        with open_file(path) as file:
            if file.read(2) != b"PK":
                raise ValueError("not an archive as np.savez writes it")
            with zipfile.ZipFile(file) as packed:
                names = [info.filename.removesuffix(".npy") for info in packed.infolist()]
                return look(_Arrays(packed, os.fstat(file.fileno()).st_size), names)
    except Exception as error:  # damage surfaces in zipfile, zlib, struct, ast or numpy alike
        what = shown(" ".join(str(reason(error)).split()), 200) or type(error).__name__
        raise DatasetError(f"{path}: cannot be read as .npz ({what})") from None


class _Arrays:
    """The arrays of an open archive, which together take no more memory than its size allows."""

    def __init__(self, packed: zipfile.ZipFile, size: int):
        self.packed, self.size, self.taken = packed, size, 0

    def read(self, name: str) -> np.ndarray:
        """One array, or an error that names it."""
        return self._open(name, self._parse)

    def shape(self, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """The shape and dtype of one array, or an error that names it."""

        def begin(stream: IO[bytes], size: int) -> Any:
            shape, _, dtype, _ = _header(io.BytesIO(stream.read(_HEADER)))
            return shape, dtype

        return self._open(name, begin)

    def _open(self, name: str, parse: Callable[[IO[bytes], int], Any]) -> Any:
        """What is made of the bytes of one array and their number."""
        try:
            (member,) = (i for i in self.packed.infolist() if i.filename == f"{name}.npy")
        except ValueError:
            raise ValueError(f"{name} must be there once, as an .npy") from None
        if member.compress_type not in _KNOWN:
            raise ValueError(f"{name} is not compressed as np.savez_compressed does it")
        try:
            with self.packed.open(member) as stream:
                return parse(stream, member.file_size)
        except (ValueError, RuntimeError, NotImplementedError) as error:
            raise ValueError(f"{name}: {error}") from None

    def _parse(self, stream: IO[bytes], size: int) -> np.ndarray:
        """The array of an .npy file of that size."""
        start = io.BytesIO(stream.read(_HEADER))
        shape, columns, dtype, count = _header(start)
        needed = count * dtype.itemsize
        if start.tell() + needed != size:
            raise ValueError(f"{size:,} bytes do not make a {dtype} array of shape {short(shape)}")
        self.taken += 2 * needed  # twice, since samples that are held out are copied
        check_room(self.taken, self.size, "its arrays", "np.savez writes them uncompressed")
        data = np.empty(needed, np.uint8)
        done = start.readinto(data.data)
        while done < needed:
            piece = stream.read(min(needed - done, _PIECE))
            if not piece:
                raise ValueError(f"ends after {done:,} of {needed:,} bytes")
            data[done : done + len(piece)] = np.frombuffer(piece, np.uint8)
            done += len(piece)
        stream.read(1)  # at the end of the stream its checksum is verified
        return data.view(dtype).reshape(shape, order="F" if columns else "C")


def _header(start: io.BytesIO) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, whether columns come first, data type and number of elements of an .npy file."""
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    version = np.lib.format.read_magic(start)
    if version not in read:
        raise ValueError(f"has version {version} of the format, which numbers do not need")
    try:
        with warnings.catch_warnings():  # of the parser, about bytes that are no header anyway
            warnings.simplefilter("ignore")
            shape, columns, dtype = read[version](start)
    except (RecursionError, MemoryError):
        raise ValueError("its header is nested too deeply") from None
    if dtype.hasobject:
        raise ValueError("Object arrays cannot be read")
    if dtype.kind == "V":
        raise ValueError(f"must be plain numbers, got {short(dtype)}")
    if not all(isinstance(length, int) and 0 <= length < 2**62 for length in shape):
        raise ValueError(f"cannot have shape {short(shape)}")
    return shape, columns, dtype, math.prod(shape)
