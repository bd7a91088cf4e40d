"""Whole batches where each layer has a window: potentials are products of matrices.

Samples are taken in blocks of one size, the last of which may be filled up with zeros, and BLAS
has one thread in each of them. So a sample gets the same bits whatever the number of threads,
and as the first of any batch. The simulator adds one spike after the other, and BLAS in an order
of its own: potentials of the two agree but for rounding.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from ttfs.engines.arrivals import up_to
from ttfs.kernels.maps import run_pools
from ttfs.kernels.threads import spread
from ttfs.kernels.windows import let_fire, take_values, unroll
from ttfs.network.network import Network
from ttfs.network.psp import Windows
from ttfs.network.skips import Skip

ROWS = 512  # of a matrix of values, at least: positions of all samples of a block


@cache
def pools() -> ThreadpoolController:
    """The threads of BLAS."""
    return ThreadpoolController()


@contextmanager
def one_thread() -> Iterator[None]:
    """Meanwhile BLAS has one thread in each of ours."""
    with pools().limit(limits=1, user_api="blas"):
        yield


def fill_windows(
    network: Network, times: np.ndarray, end: float, spikes: np.ndarray, potential: np.ndarray
) -> None:
    """Fill the (samples, units) spikes of all layers, and the last one's potential at the end."""
    with one_thread():
        for k, layer in enumerate(network.layers):
            if layer.pools:
                _pool(network, k, times, end, spikes)
            else:
                _fire(network, k, times, end, spikes, potential)
    if network.layers[-1].pools:
        start = network.arrays.units[len(network.layers) - 1]
        potential[:] = spikes[:, start : start + network.sizes[-1]] < np.inf


def spikes_at(
    network: Network, layer: int, times: np.ndarray, spikes: np.ndarray
) -> tuple[np.ndarray, int]:
    """Rows in which the times of a layer are, 0 being the input, and where they begin there."""
    return (times, 0) if layer == 0 else (spikes, int(network.arrays.units[layer - 1]))


def _pool(network: Network, k: int, times: np.ndarray, end: float, spikes: np.ndarray) -> None:
    """The first spikes of windows of a map."""
    rows, below = spikes_at(network, k, times, spikes)
    base = int(network.arrays.units[k])
    given = network.layers[k].reach, below, base, 0.0, np.float64(end), rows, spikes
    spread(lambda first, last: run_pools(*given, first, last), len(times), times.size)


def _fire(
    network: Network,
    k: int,
    times: np.ndarray,
    end: float,
    spikes: np.ndarray,
    potential: np.ndarray,
) -> None:
    """A layer listens in one window and fires in the next."""
    layer, psp, base = network.layers[k], network.psp, int(network.arrays.units[k])
    assert isinstance(psp, Windows)
    windows = psp.begin(network.windows[k + 1]), psp.begin(network.windows[k + 1] + 1)
    last_one = k == len(network.layers) - 1
    heard = min(end, windows[0]) if last_one else windows[0]
    positions, samples, block = layer.positions, len(times), _block(layer)
    sources = _sources(network, k)
    thresholds, bias = network.scaled_thresholds(k), network.scaled_bias(k)
    bound = up_to(end, spikes.dtype)
    code = psp.steps or 0, *windows, psp.length, bound, spikes, base

    def some(first: int, last: int) -> None:
        total = np.empty((block * positions, len(bias)), network.dtype)
        room = Room(network, sources, block)
        for number in range(first, last):
            start, stop = number * block, min(samples, (number + 1) * block)
            total[:] = bias
            for source, listener, weights in sources:
                late = heard - psp.begin(network.windows[k + 1] - 1 - network.windows[source])
                rows, below = spikes_at(network, source, times, spikes)
                values = room.values(source, rows, below, late, psp.length, start, stop)
                room.add(listener, values, weights, total, stop - start)
            done = total[: (stop - start) * positions]
            let_fire(done, thresholds, *code, start, stop)
            if last_one:
                columns = layer.columns
                potential[start:stop] = done[:, :columns].reshape(stop - start, -1)

    work = samples * positions * layer.fan_in * layer.columns
    spread(some, -(-samples // block), work)


def potentials_of(network: Network, k: int, values: list[np.ndarray]) -> np.ndarray:
    """(samples, neurons) potentials of a layer, in its own units, for values of those below.

    values: (samples, neurons) of the input and each layer below, of any size. Of a layer that
    pools, the largest value of each window.
    """
    layer, samples = network.layers[k], len(values[0])
    positions, sources = layer.positions, _sources(network, k)
    if layer.pools:
        return _largest(layer, values[k])
    found = np.empty((samples, positions * layer.columns), network.dtype)
    bias, block = network.scaled_bias(k), _block(layer)
    total = np.empty((block * positions, len(bias)), network.dtype)
    room = Room(network, sources, block)
    with one_thread():
        for start in range(0, samples, block):
            count = min(block, samples - start)
            total[:] = bias
            for source, listener, weights in sources:
                room.found[source][:count] = values[source][start : start + count]
                room.add(listener, room.found[source], weights, total, count)
            done = total[: count * positions, : layer.columns]
            found[start : start + count] = done.reshape(count, -1)
    return found * network.scales[k]


def _largest(layer: Any, values: np.ndarray) -> np.ndarray:
    """The largest value of each window of a map."""
    window, stride, padding = layer.windows
    maps = np.pad(values.reshape(-1, *layer.shape), [(0, 0), *((p, p) for p in padding), (0, 0)])
    views = np.lib.stride_tricks.sliding_window_view(maps, window, (1, 2))
    return views[:, :: stride[0], :: stride[1]].max(axis=(-2, -1)).reshape(len(values), -1)


def _block(layer: Any) -> int:
    """How many samples are taken at once."""
    return max(1, min(-(-ROWS // layer.positions), 64))


def _sources(network: Network, k: int) -> list[tuple[int, Any, np.ndarray]]:
    """Whom a layer hears: the source, how it is heard, and through what weights."""
    sources: list[Any] = []
    if network.layers[k].rows:
        sources = [(k, network.layers[k], network.padded(network.arrays.weights, k))]
    return sources + [_heard_along(network, s) for s in network.skips if s.target == k + 1]


def _heard_along(network: Network, skip: Skip) -> tuple[int, Any, np.ndarray]:
    """The source of a skip, its layer, if it has one, and its weights in the layer's units."""
    k = skip.target - 1
    width, columns = int(network.arrays.widths[k]), network.layers[k].columns
    rows = 1 if skip.layer is None else skip.layer.rows
    weights = np.zeros((rows, width), network.dtype)
    given = skip.weights(columns) if skip.layer is None else skip.layer.initial
    weights[:, :columns] = given / network.scales[k]
    return skip.source, skip.layer, weights


class Room:
    """Scratch of a thread: values of a block, and what its positions hear."""

    def __init__(self, network: Network, sources: list[Any], block: int):
        self.found = {
            source: np.zeros((block, network.sizes[source]), network.dtype)
            for source, _, _ in sources
        }
        most = max(
            (listener.positions * listener.rows if _unrolls(listener) else 0)
            for _, listener, _ in sources
        )
        self.rows = np.zeros(block * most, network.dtype)  # not NaN, of which BLAS warns
        _, listener, weights = sources[0]
        self.product = np.empty((block * listener.positions, weights.shape[1]), network.dtype)

    def values(
        self,
        source: int,
        times: np.ndarray,
        below: int,
        end: float,
        length: float,
        start: int,
        stop: int,
    ) -> np.ndarray:
        """(block, neurons) values of a layer's spikes; of samples that are not there, any."""
        values = self.found[source]
        take_values(times, below, values.shape[1], end, length, values, start, stop)
        return values

    def add(
        self, listener: Any, values: np.ndarray, weights: np.ndarray, total: np.ndarray, count: int
    ) -> None:
        """Add what a layer hears to its potentials."""
        if listener is None:
            columns = values.shape[1] // (len(total) // len(values))
            total[:, :columns] += values.reshape(len(total), columns) * weights[0, :columns]
            return
        if not _unrolls(listener):
            rows = values.reshape(len(total), -1)
        else:
            rows = self.rows[: len(total) * listener.rows].reshape(len(total), -1)
            unroll(listener.reach, values, rows, count)
        np.matmul(rows, weights, out=self.product)
        total += self.product


def _unrolls(listener: Any) -> bool:
    """Whether positions hear more than the values at their own place."""
    if listener is None or listener.kind == "dense":
        return False
    same = listener.gives[:2] == listener.shape[:2]
    return not (same and listener.rows == listener.shape[2])
