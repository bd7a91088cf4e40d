"""Runs of Dask arrays: block by block, when the results are computed."""

from collections.abc import Callable
from itertools import accumulate, pairwise
from math import prod
from typing import Any

import numpy as np

from ttfs.files.chunked import edges_of
from ttfs.network.maps import rows_of
from ttfs.network.network import Network


def is_dask(times: Any) -> bool:
    """Whether these are a Dask array, without importing Dask."""
    kind = type(times)
    return kind.__module__.split(".")[0] == "dask" and kind.__name__ == "Array"


def in_blocks(network: Network, times: Any, run: Callable[[np.ndarray], Any]) -> list[Any]:
    """Times of each layer, the potential and the additions, as Dask arrays.

    run: gives the `Record` of some rows. A block's results are computed together, in one array.

    Raises
    ------
    ShapeError, InputError: sizes that are unknown or do not fit, anything but numbers.
    """
    edges_of(times)
    rows_of(np.empty((0, *times.shape[1:]), times.dtype), network.shapes[0])
    rows = times.reshape(len(times), prod(times.shape[1:])).rechunk({1: -1})
    widths = [*network.sizes, network.sizes[-1], len(network.layers)]

    def together(block: np.ndarray) -> np.ndarray:
        record = run(block)
        return np.hstack([*record.times, record.potential, record.additions], dtype=np.float64)

    packed = rows.map_blocks(
        together,
        dtype=np.float64,
        meta=np.empty((0, 0)),
        chunks=(rows.chunks[0], (sum(widths),)),
    )
    single = np.float32 if times.dtype == np.float32 else np.float64
    dtypes = [*[single] * len(network.sizes), network.dtype, np.int64]
    parts = [packed[:, a:b] for a, b in pairwise(accumulate(widths, initial=0))]
    return [part.astype(dtype) for part, dtype in zip(parts, dtypes, strict=True)]
