"""Sums of weights times values; for whole maps, they are matrix products.

BLAS has one thread in each of our threads, and gets blocks of constant size, so that a sample
gets the same bits whatever the number of threads.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import ThreadpoolController

from ttfs.kernels.windows import roll_up, unroll
from ttfs.network.network import Network
from ttfs.network.skips import Skip

ROWS = 512  # at least, of a matrix of values: positions of all samples of a block
MOST = 64  # samples of a block, at most


@cache
def pools() -> ThreadpoolController:
    """The controller of the BLAS thread pools."""
    return ThreadpoolController()


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit BLAS to one thread in each of our threads meanwhile."""
    with pools().limit(limits=1, user_api="blas"):
        yield


def block_of(layer: Any) -> int:
    """How many samples of a layer are computed at once."""
    return max(1, min(-(-ROWS // layer.positions), MOST))


class Listener(NamedTuple):
    """How a layer receives the values of one below it.

    source: number of that layer, 0 for the input. layer: defines the windows; None if each neuron
    receives only the value at its own place. weights: (rows, width) in the units of the receiving
    layer, or (1, width). columns: neurons at a position. unrolls: whether positions receive more
    than the values at their own place. positions, reach: of the layer, if it unrolls.
    """

    source: int
    layer: Any
    weights: np.ndarray
    columns: int
    unrolls: bool
    positions: int
    reach: np.ndarray | None

    def rows_of(self, values: np.ndarray, room: np.ndarray | None = None) -> np.ndarray:
        """(samples x positions, inputs of a window) from (samples, neurons) values."""
        if self.layer is None:
            return values.reshape(-1, self.columns)
        if not self.unrolls:
            return values.reshape(-1, len(self.weights))
        shape = len(values) * self.positions, len(self.weights)
        rows = np.empty(shape, values.dtype) if room is None else room[: shape[0] * shape[1]]
        rows = rows.reshape(shape)
        unroll(self.reach, np.ascontiguousarray(values), rows, len(values))
        return rows

    def add(self, rows: np.ndarray, total: np.ndarray, room: np.ndarray | None = None) -> None:
        """Add weights times received values to (samples x positions, width) potentials."""
        if self.layer is None:
            total[:, : self.columns] += rows * self.weights[0, : self.columns]
            return
        total += np.matmul(rows, self.weights, out=room)

    def errors_below(self, errors: np.ndarray) -> np.ndarray:
        """Errors of potentials propagated back to the received values, in the order of these."""
        if self.layer is None:
            return errors[:, : self.columns] * self.weights[0, : self.columns]
        rows = errors @ self.weights.T
        if not self.unrolls:
            return rows
        samples = len(errors) // self.positions
        found = np.zeros((samples, self.layer.inputs), rows.dtype)
        roll_up(self.reach, rows, found, samples)
        return found


def listeners_of(network: Network, k: int) -> list[Listener]:
    """How a layer receives values from those below it, starting with the one directly below."""
    columns = network.layers[k].columns
    layer, weights = network.layers[k], network.padded(network.arrays.weights, k)
    own = Listener(k, layer, weights, columns, *placed(layer))
    return [own, *(_along(network, skip) for skip in network.skips if skip.target == k + 1)]


def _along(network: Network, skip: Skip) -> Listener:
    """How a layer receives values through a skip."""
    k = skip.target - 1
    columns = network.layers[k].columns
    rows = 1 if skip.layer is None else skip.layer.rows
    weights = np.zeros((rows, int(network.arrays.widths[k])), network.dtype)
    weights[:, :columns] = skip.numbers(columns) / network.scales[k]
    return Listener(skip.source, skip.layer, weights, columns, *placed(skip.layer))


def placed(layer: Any) -> tuple[bool, int, np.ndarray | None]:
    """Whether positions receive more than the values at their own place; their number and reach."""
    if layer is None or layer.kind == "dense":
        return False, 1, None
    if layer.gives[:2] == layer.shape[:2] and layer.rows == layer.shape[2]:
        return False, layer.positions, None
    return True, layer.positions, layer.reach


def potentials_of(
    network: Network, k: int, values: list[np.ndarray], part: float = 1.0
) -> np.ndarray:
    """(samples, neurons) potentials of a layer, in its own units, for values of those below.

    For a pooling layer, the result is the largest value of each window. values: (samples, neurons)
    of the input and each layer below, of any size. part: the share of the biases with which
    potentials begin.
    """
    layer, samples = network.layers[k], len(values[0])
    if layer.pools:
        return largest(layer, values[k])
    positions, columns, block = layer.positions, layer.columns, block_of(layer)
    found = np.empty((samples, positions * columns), network.dtype)
    bias, listeners = network.scaled_bias(k) * network.dtype.type(part), listeners_of(network, k)
    with one_thread():
        for start in range(0, samples, block):
            stop = min(samples, start + block)
            total = np.empty(((stop - start) * positions, bias.shape[1]), network.dtype)
            total.reshape(-1, *bias.shape)[:] = bias
            for one in listeners:
                one.add(one.rows_of(values[one.source][start:stop]), total)
            found[start:stop] = total[:, :columns].reshape(stop - start, -1)
    return found * network.scales[k]


def largest(layer: Any, values: np.ndarray, outside: float = 0.0) -> np.ndarray:
    """(samples, neurons) the largest value of each window of a map, channel by channel.

    outside: the value beyond the borders.

    >>> from ttfs.network.pool import MinPool2d
    >>> largest(MinPool2d(2, shape=(2, 4, 1)), np.array([[0.0, 1, 2, 3, 4, 5, 6, 7]]))
    array([[5., 7.]])
    """
    window, stride, padding = layer.windows
    around = [(0, 0), *((p, p) for p in padding), (0, 0)]
    maps = np.pad(values.reshape(-1, *layer.shape), around, constant_values=outside)
    views = np.lib.stride_tricks.sliding_window_view(maps, window, (1, 2))
    return views[:, :: stride[0], :: stride[1]].max(axis=(-2, -1)).reshape(len(values), -1)
