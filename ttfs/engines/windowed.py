"""Whole batches where each layer has a window: the sum of its inputs determines when it fires.

The last block of samples is filled up with what was there before, so a sample gets the same bits
as the first of any batch. The simulator adds one spike after the other, BLAS in an order of its
own, so the potentials of the two agree except for rounding.
"""

import numpy as np

from ttfs.engines.arrivals import up_to
from ttfs.engines.sums import block_of, listeners_of, one_thread
from ttfs.kernels.maps import run_pools
from ttfs.kernels.threads import spread
from ttfs.kernels.windows import let_fire, take_values
from ttfs.network.network import Network
from ttfs.network.psp import Windows


def fill_windows(
    network: Network, times: np.ndarray, end: float, spikes: np.ndarray, potential: np.ndarray
) -> None:
    """Fill in the (samples, units) spikes of all layers, and the last one's final potentials."""
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
    """The rows that contain the times of a layer (0: the input), and where they begin there."""
    return (times, 0) if layer == 0 else (spikes, int(network.arrays.units[layer - 1]))


def _pool(network: Network, k: int, times: np.ndarray, end: float, spikes: np.ndarray) -> None:
    """Find the first spike of each window of a map."""
    rows, below = spikes_at(network, k, times, spikes)
    base = int(network.arrays.units[k])
    assert isinstance(network.psp, Windows)
    end = min(end, network.psp.begin(network.windows[k + 1] + 1))  # late inputs do not happen
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
    """Let a layer integrate in one window and fire in the next."""
    layer, psp, base = network.layers[k], network.psp, int(network.arrays.units[k])
    assert isinstance(psp, Windows)
    listens = network.windows[k + 1] - 1
    begin, finish = psp.begin(listens + 1), psp.begin(listens + 2)
    last_one = k == len(network.layers) - 1
    heard = min(end, begin) if last_one else begin
    positions, samples, block = layer.positions, len(times), block_of(layer)
    listeners, bias = listeners_of(network, k), network.scaled_bias(k)
    bound = up_to(end, spikes.dtype)
    code = psp.steps or 0, begin, finish, psp.length, bound, spikes, base
    thresholds, dtype = network.scaled_thresholds(k), network.dtype
    rooms = [len(one.weights) * positions if one.unrolls else 0 for one in listeners]
    below = [spikes_at(network, one.source, times, spikes) for one in listeners]
    ends = [heard - psp.begin(listens - network.windows[one.source]) for one in listeners]

    def some(first: int, last: int) -> None:
        shape = block * positions, bias.shape[1]
        total, product = np.empty(shape, dtype), np.empty(shape, dtype)
        # zeros: what remains of them in the last block must not be NaN, of which BLAS warns
        values = [np.zeros((block, network.sizes[one.source]), dtype) for one in listeners]
        room = np.zeros(block * max(rooms), dtype)
        for number in range(first, last):
            start, stop = number * block, min(samples, (number + 1) * block)
            total.reshape(-1, *bias.shape)[:] = bias
            for one, own, (rows, at), late in zip(listeners, values, below, ends, strict=True):
                take_values(rows, at, own.shape[1], late, psp.length, own, start, stop)
                one.add(one.rows_of(own, room), total, product)
            done = total[: (stop - start) * positions]
            let_fire(done, thresholds, *code, start, stop)
            if last_one:
                said = done[:, : layer.columns]
                potential[start:stop] = said.reshape(stop - start, -1)

    work = samples * positions * layer.fan_in * layer.columns
    spread(some, -(-samples // block), work)
