"""Arrival times of spikes, and how many weights are added by spikes that arrive in time."""

from functools import lru_cache, partial
from typing import Any

import numpy as np

from ttfs.kernels.arrivals import count_arrivals
from ttfs.kernels.threads import spread
from ttfs.network.network import Network


def arrivals_of(times: Any, delays: Any) -> Any:
    """Arrival times after delays that broadcast to the spike times, in the dtype of the times."""
    with np.errstate(over="ignore"):
        return (times.astype(np.float64) + delays).astype(times.dtype)


@lru_cache
def up_to(end: float, dtype: np.dtype) -> np.floating:
    """The smallest number of a dtype that is not below an end; what is below it happens."""
    number = dtype.type
    with np.errstate(over="ignore"):
        bound = number(end)
    return np.nextafter(bound, number(np.inf)) if float(bound) < end else bound


def count_additions(
    network: Network,
    layers: tuple[np.ndarray, ...],
    end: float,
    last: np.ndarray | None = None,
) -> np.ndarray:
    """(samples, layers) how many weights were added by spikes that arrived before the end.

    last: (samples,) times after which no arrival of a sample counts.
    """
    samples, dtype = len(layers[0]), layers[0].dtype
    counts = np.zeros((len(network.layers), samples), np.int64)
    limits = np.full(samples, np.inf, dtype) if last is None else last
    for k, (delays, times) in enumerate(zip(network.delays, layers, strict=False)):
        inputs, columns = network.sizes[k], delays.shape[1]  # a column is for all neurons, or one
        reached = np.full(inputs, network.fan_out(k) // columns, np.int64)
        rows, bound = np.ascontiguousarray(times), up_to(end, dtype)
        for column in delays.T:
            own = np.full(inputs, column)
            given = rows, own, reached, bound, limits, counts[k]
            spread(partial(count_arrivals, *given), samples, times.size)
    for skip in network.skips:
        rows = np.ascontiguousarray(layers[skip.source])
        own = np.full(rows.shape[1], skip.delay(network.psp, network.windows))
        reached = skip.fan_out(rows.shape[1])
        given = rows, own, reached, up_to(end, dtype), limits, counts[skip.target - 1]
        spread(partial(count_arrivals, *given), samples, rows.size)
    return counts.T
