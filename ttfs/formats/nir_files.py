"""NIR files, which are HDF5: written whole, and read with memory in proportion to their size."""

import os
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from ttfs.errors import InputError, ModelFileError, extra
from ttfs.files.reading import check_room, open_file
from ttfs.files.writing import write_atomically

MOST = 20_000  # groups, arrays and texts in a file
_DEPTH = 8  # of groups in groups
_CURE = "nir.read(path) and from_nir(graph) allow it"


def read_nir(path: str | os.PathLike[str]) -> Any:
    """The `nir.NIRGraph` in a file that anyone may have written.

    What the file holds is counted before it is read: compressed or empty arrays may become 128
    MiB plus 256 times the size of the file. Links, and arrays that are in other files, are
    refused.

    Raises
    ------
    ModelFileError: no such file, or one that is damaged or no NIR graph.

    >>> read_nir("no/model.nir")
    Traceback (most recent call last):
    ttfs.errors.ModelFileError: no/model.nir: there is no such file
    """
    with extra("nir"):
        import h5py
        import nir
    name = os.fspath(path)
    try:
        with open_file(path) as file:
            size = os.fstat(file.fileno()).st_size
            with h5py.File(file, "r") as content:
                told = _Reader(h5py, size).group(content["node"])
        return nir.dict2NIRNode(told | {"type_check": False})
    except FileNotFoundError:
        raise ModelFileError(f"{name}: there is no such file") from None
    except InputError as error:
        raise ModelFileError(f"{name}: {error}") from None
    except Exception as error:
        first = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelFileError(f"{name}: is no NIR graph, or damaged: {first[0][:100]}") from None


def write_nir(path: str | os.PathLike[str], graph: Any) -> Path:
    """The path of a file that now holds a graph; it is written completely or not at all."""
    with extra("nir"):
        import nir
    content = BytesIO()
    nir.write(content, graph)
    return write_atomically(path, content.getvalue())


class _Reader:
    """Reads groups as dictionaries, and counts what they hold."""

    def __init__(self, h5py: Any, size: int):
        self.h5py, self.size = h5py, size
        self.objects = self.bytes = 0

    def group(self, group: Any, depth: int = _DEPTH) -> dict[str, Any]:
        """All that is in a group, read into memory."""
        if not depth:
            raise InputError(f"has groups nested deeper than {_DEPTH}")
        found: dict[str, Any] = {}
        for name in group:
            self._count(1)
            if not isinstance(group.get(name, getlink=True), self.h5py.HardLink):
                raise InputError(f"{name!r} is a link to something else")
            part = group[name]
            inner = isinstance(part, self.h5py.Group)
            found[name] = self.group(part, depth - 1) if inner else self._values(part, name)
        return found

    def _values(self, array: Any, name: str) -> Any:
        """The numbers, or the text, of a dataset."""
        if array.is_virtual or array.external:
            raise InputError(f"{name!r} is not in the file itself")
        if self.h5py.check_string_dtype(array.dtype) is not None:
            return self._text(array)
        if array.dtype.kind not in "buif":
            raise InputError(f"{name!r} must hold numbers or text, got {array.dtype}")
        self._take(int(np.prod(array.shape, dtype=object)) * array.dtype.itemsize, name)
        return array[()]

    def _text(self, array: Any) -> Any:
        """One text, or rows of texts, such as edges; many entries may share one long text."""
        self._count(int(np.prod(array.shape, dtype=object)))
        if not array.shape:
            return self._one(array[()])
        rows = [np.atleast_1d(array[i]) for i in range(len(array))]
        return [[self._one(text) for text in row] for row in rows]

    def _one(self, text: Any) -> str:
        self._take(len(text), "a text")
        return text.decode("utf-8") if isinstance(text, bytes) else str(text)

    def _count(self, objects: int) -> None:
        self.objects += objects
        if self.objects > MOST:
            raise InputError(f"holds more than {MOST:,} arrays and texts")

    def _take(self, number: int, name: str) -> None:
        self.bytes += number
        check_room(self.bytes, self.size, f"what it holds, up to {name!r},", _CURE)
