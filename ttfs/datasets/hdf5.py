"""Parts of an HDF5 file from an untrusted source, read within bounds.

The library that reads HDF5 takes as much memory as a file asks for. Sizes are therefore checked
first, those of ragged rows in the bytes of the file itself.
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ttfs.checks import shown
from ttfs.errors import DatasetError, InputError, TTFSError, extra
from ttfs.files.reading import check_room, open_file

DEFLATE, SHUFFLE, CHECKSUM, LZF = 1, 2, 3, 32000  # what h5py unpacks by itself
ROW = 16  # bytes by which a file refers to a row of any length; the first four are its length
OBJECT = 200  # bytes, about, that a row takes besides its numbers


@contextmanager
def opened(path: Path) -> Iterator["File"]:
    """An HDF5 file; whatever is wrong with it is an error that names it.

    Raises
    ------
    DatasetError: no such file, damage, or an `InputError` or `ShapeError` of those who use it.
    """
    with extra("spikes", str(path)):
        import h5py
    try:
        with open_file(path) as raw, h5py.File(path, "r") as file:
            yield File(file, raw)
    except DatasetError:
        raise
    except TTFSError as error:
        raise DatasetError(f"{path}: {error}") from None
    except OSError as error:
        said = error.strerror or str(error)
        raise DatasetError(f"{path}: {shown(' '.join(said.split()), 200)}") from None
    except Exception as error:  # damage surfaces in h5py in many ways
        said = shown(" ".join(str(error).split()), 200) or type(error).__name__
        raise DatasetError(f"{path}: cannot be read as HDF5 ({said})") from None


class File:
    """An open HDF5 file, of which no more is read than its size allows, and nothing outside it."""

    def __init__(self, file: Any, raw: BinaryIO):
        self.file, self.raw, self.size, self.taken = file, raw, raw.seek(0, 2), 0

    def check_room(self, needed: int, what: str) -> None:
        """Count memory that is about to be taken."""
        self.taken += needed
        check_room(self.taken, self.size, what, "it is not what it seems")

    def numbers(self, name: str) -> NDArray[Any]:
        """A list of numbers."""
        found = self._dataset(name)
        if found.ndim != 1 or found.dtype.kind not in "iuf":
            raise InputError(f"{name} must be a list of numbers, got {found.dtype} {found.shape}")
        self.check_room(2 * found.nbytes, name)
        return found[:]

    def has(self, name: str) -> bool:
        """Whether there is a data set of that name."""
        return self._find(name) is not None

    def texts_or_numbers(self, name: str) -> NDArray[Any]:
        """A list of numbers, or of texts as bytes."""
        import h5py

        found = self._dataset(name)
        text = h5py.check_string_dtype(found.dtype)
        if text is None:
            return self.numbers(name)
        self._check_list(name, found, 1 if text.length is None else 0)
        self.check_room(found.nbytes, name)
        return np.array([bytes(found[k]) for k in range(len(found))])

    def ragged(self, name: str, kinds: str) -> list[NDArray[Any]]:
        """A list of rows of any length, of numbers of these kinds."""
        import h5py

        found = self._dataset(name)
        inner = h5py.check_vlen_dtype(found.dtype)
        if inner is None or np.dtype(inner).kind not in kinds:
            what = "whole numbers" if "i" in kinds else "floating-point numbers"
            raise InputError(f"{name} must be rows of {what}, got {found.dtype} {found.shape}")
        self._check_list(name, found, np.dtype(inner).itemsize)
        return [found[k] for k in range(len(found))]

    def count(self, name: str, least: int) -> int:
        """The whole number that an attribute of the file is, or the least that it could be."""
        if name not in self.file.attrs:
            return least
        about = self.file.attrs.get_id(name)
        number = (
            int(self.file.attrs[name]) if about.shape == () and about.dtype.kind in "iu" else -1
        )
        if not least <= number < 2**40:
            raise InputError(f"attribute {name} must be a whole number from {least} on")
        return number

    def _dataset(self, name: str) -> Any:
        """A data set that lies in the file itself, packed in a way that h5py knows."""
        found = self._find(name)
        if found is None:
            raise InputError(f"has no {name} of its own")
        used = set(_filters(found))
        if not used <= {DEFLATE, SHUFFLE, CHECKSUM, LZF}:
            raise InputError(f"{name} is packed by a filter that is not known: {max(used)}")
        pieces = int(np.prod(found.chunks or 1, dtype=object))
        self.check_room(pieces * found.dtype.itemsize, name)
        return found

    def _find(self, name: str) -> Any:
        """The data set of that name; None if there is none, or only a link to another file."""
        import h5py

        place = self.file
        for step in name.split("/"):
            known = isinstance(place, h5py.Group) and step in place
            if not known or not isinstance(place.get(step, getlink=True), h5py.HardLink):
                return None
            place = place[step]
        own = isinstance(place, h5py.Dataset) and not place.is_virtual and not place.external
        return place if own else None

    # -- rows of any length

    def _check_list(self, name: str, found: Any, itemsize: int) -> None:
        """Refuse what is no list, or whose items are, together, longer than the file."""
        if found.ndim != 1:
            raise InputError(f"{name} must be a list, got {found.shape}")
        self.check_room(OBJECT * found.shape[0], name)
        if itemsize and sum(self._lengths(name, found)) * itemsize > self.size:
            raise InputError(f"{name} has rows that are longer than the file")

    def _lengths(self, name: str, found: Any) -> Iterator[int]:
        """The total length of the rows in each piece in which they are kept."""
        import h5py

        layout = found.id.get_create_plist().get_layout()
        addresses, _ = self.file.id.get_create_plist().get_sizes()
        if addresses != ROW - 8 or self.file.userblock_size:
            raise InputError(f"{name} has rows that are kept in an unusual way")
        if layout == h5py.h5d.CONTIGUOUS:
            start = found.id.get_offset()
            if start is not None:  # of rows that were never written
                yield _sum(self._bytes(start, ROW * found.shape[0]))
        elif layout == h5py.h5d.CHUNKED:
            pieces: list[Any] = []
            found.id.chunk_iter(pieces.append)
            for piece in pieces:
                packed = self._bytes(piece.byte_offset, piece.size)
                yield _sum(_unpacked(packed, found, name, piece.filter_mask))
        else:
            raise InputError(f"{name} has rows that are kept in an unusual way")

    def _bytes(self, start: int, size: int) -> bytes:
        """Some bytes of the file."""
        if start + size > self.size:
            raise InputError("refers to what is beyond its end")
        self.raw.seek(start)
        return self.raw.read(size)


def _filters(found: Any) -> list[int]:
    """The filters by which a data set is packed, in that order."""
    settings = found.id.get_create_plist()
    return [settings.get_filter(k)[0] for k in range(settings.get_nfilters())]


def _unpacked(content: bytes, found: Any, name: str, left_out: int) -> bytes:
    """A piece of a list of rows, unpacked."""
    size = ROW * found.chunks[0]
    for k, code in reversed([*enumerate(_filters(found))]):
        if left_out >> k & 1:
            continue
        if code == DEFLATE:
            content = zlib.decompressobj().decompress(content, size)
        elif code == SHUFFLE and len(content) == size:
            content = np.frombuffer(content, np.uint8).reshape(ROW, -1).T.tobytes()
        else:
            raise InputError(f"{name} has rows that are packed in an unusual way")
    return content


def _sum(rows: bytes) -> int:
    """The total length of the rows to which some bytes refer."""
    whole = rows[: len(rows) // ROW * ROW]
    return int(np.frombuffer(whole, "<u4")[:: ROW // 4].sum(dtype=np.int64))
