"""Rows that are kept elsewhere and read chunk by chunk: Zarr, HDF5 and Dask arrays, or shards."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np

from ttfs.checks import as_array, has, refuse_units, short
from ttfs.errors import InputError

KEPT = 2**27  # bytes of chunks that are kept in memory, beside the one in use
ROWS = 2**14  # of a chunk, where an array has none of its own

Part = Callable[[np.ndarray], np.ndarray]


class Chunked:
    """Rows of an array that does not have to fit into memory.

    Indexing with a slice or with whole numbers reads these rows and gives a NumPy array; `only`
    and `map` choose and change rows without reading any. `numpy.asarray` reads everything.

    Parameters
    ----------
    array: what has a `shape` and gives rows for slices, such as an array of Zarr, h5py or Dask.
    edges: the rows at which chunks begin, and the end; by default those of the array.
    then: what is done with rows that have been read, one function after the other; each gives as
        many rows as it takes.
    rows: which rows these are, and in which order; by default all of them.

    >>> class Squares:
    ...     shape, chunks = (6,), (4,)
    ...     def __getitem__(self, some):
    ...         print("reading", some.start, "to", some.stop - 1)
    ...         return np.arange(some.start, some.stop) ** 2
    >>> squares = Chunked(Squares())
    >>> halves = squares.map(lambda part: part / 2).only([5, 1, 3])
    >>> len(halves), halves[1:]
    reading 0 to 3
    (3, array([0.5, 4.5]))
    """

    def __init__(
        self,
        array: Any,
        edges: np.ndarray | Sequence[int] | None = None,
        then: tuple[Part, ...] = (),
        rows: np.ndarray | None = None,
    ):
        self.array = array
        self.edges = np.asarray(edges_of(array) if edges is None else edges, np.int64)
        self.then, self.rows = then, rows
        self._kept: OrderedDict[int, np.ndarray] = OrderedDict()

    def map(self, change: Part) -> Self:
        """These rows, changed in that way as soon as they have been read."""
        return type(self)(self.array, self.edges, (*self.then, change), self.rows)

    def only(self, rows: Any) -> Self:
        """Some of these rows, by their numbers."""
        chosen = self._numbers(rows)
        return type(self)(self.array, self.edges, self.then, chosen)

    def __len__(self) -> int:
        return int(self.edges[-1]) if self.rows is None else len(self.rows)

    @cached_property
    def _first(self) -> np.ndarray:
        return self[:1]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that all rows have together."""
        return (len(self), *self._first.shape[1:])

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._first.ndim

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of what is read."""
        return self._first.dtype

    def __getitem__(self, some: Any) -> np.ndarray:
        if isinstance(some, int | np.integer):
            return self[[some]][0]
        found = self._read(self._numbers(some))
        for change in self.then:
            found = change(found)
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[:], dtype)

    def __repr__(self) -> str:
        return f"Chunked({len(self)} rows of {type(self.array).__name__})"

    def __getstate__(self) -> dict[str, Any]:
        if type(self.array).__module__.split(".")[0] == "h5py":
            raise InputError(
                "an h5py data set cannot be sent to another process: pass a Zarr array"
            )
        state = dict(vars(self), _kept=OrderedDict())  # chunks are read anew where it is sent
        state.pop("_first", None)
        return state

    def _numbers(self, some: Any) -> np.ndarray:
        """The numbers of rows of the array, for a slice or numbers of these rows."""
        if isinstance(some, slice):
            chosen = np.arange(*some.indices(len(self)))
        else:
            chosen = np.asarray(some)
            if chosen.dtype == bool and chosen.shape == (len(self),):
                chosen = np.flatnonzero(chosen)
            if chosen.dtype.kind not in "iu" or chosen.ndim != 1:
                raise InputError(f"rows are chosen by a slice or whole numbers, got {short(some)}")
            if chosen.size and not 0 <= chosen.min() <= chosen.max() < len(self):
                raise IndexError(f"there are {len(self)} rows, got {short(some)}")
        return chosen if self.rows is None else self.rows[chosen]

    def _read(self, numbers: np.ndarray) -> np.ndarray:
        """The rows of the array with these numbers, each chunk read once."""
        chunks = np.searchsorted(self.edges, numbers, side="right") - 1
        if not len(numbers):
            return self._chunk(0)[:0]
        order = np.argsort(chunks, kind="stable")
        borders = np.flatnonzero(np.diff(chunks[order])) + 1
        out: np.ndarray | None = None
        for places in np.split(order, borders):
            which = int(chunks[places[0]])
            chunk = self._chunk(which)
            part = chunk[numbers[places] - self.edges[which]]
            if out is None:
                out = np.empty((len(numbers), *part.shape[1:]), part.dtype)
            out[places] = part
        assert out is not None
        return out

    def _chunk(self, which: int) -> np.ndarray:
        """One chunk, from memory if it has been read lately."""
        if which in self._kept:
            self._kept.move_to_end(which)
            return self._kept[which]
        start, stop = (int(edge) for edge in self.edges[which : which + 2])
        found = self.array[start:stop]
        computed = found.compute() if has(found, "compute") else found  # Dask: units and masks show
        chunk = as_array(computed, f"this {type(self.array).__name__}")
        if len(chunk) != stop - start:
            raise InputError(
                f"{type(self.array).__name__} gives {len(chunk)} rows for {start} to {stop - 1}"
            )
        while self._kept and sum(one.nbytes for one in self._kept.values()) + chunk.nbytes > KEPT:
            self._kept.popitem(last=False)
        self._kept[which] = chunk
        return chunk


def edges_of(array: Any) -> np.ndarray:
    """The rows at which chunks of an array begin, and the end."""
    rows = array.shape[0]
    if not np.isfinite(array.shape).all():
        raise InputError("a Dask array must know its sizes: call .compute_chunk_sizes()")
    sizes = array.chunks[0] if array.chunks else ROWS
    if isinstance(sizes, tuple):  # of Dask, whose chunks may differ
        return np.cumsum((0, *sizes))
    return np.append(np.arange(0, max(rows, 1), sizes), rows)


def chunked(values: Any) -> Chunked | None:
    """The values as rows that are read chunk by chunk, if they are kept that way.

    Raises `InputError` for arrays with a unit, which would be lost.
    """
    if isinstance(values, Chunked):
        return values
    if isinstance(values, type | np.ndarray) or not (
        has(values, "chunks") and has(values, "shape")
    ):
        return None
    try:
        shape = values.shape
    except Exception as error:  # of h5py
        said = " ".join(str(error).split())
        raise InputError(
            f"this {type(values).__name__} cannot be read: {said[:200]}; is its file open?"
        ) from None
    if not shape:
        return None
    refuse_units(values, f"this {type(values).__name__}")
    return Chunked(values)


def parts_of(rows: np.ndarray | Chunked) -> Iterator[np.ndarray]:
    """An array as it is, or the rows of chunks part by part, in order."""
    if isinstance(rows, Chunked):
        yield from (rows[start : start + ROWS] for start in range(0, len(rows), ROWS))
    else:
        yield rows


def only(times: np.ndarray | Chunked, rows: np.ndarray) -> np.ndarray | Chunked:
    """Some of these rows; of chunks, they are read when needed."""
    return times.only(rows) if isinstance(times, Chunked) else times[rows]
