"""When spikes arrive, and how many weights are added by those that arrive in time."""

from functools import lru_cache
from typing import Any

import numpy as np

from ttfs.network.network import Network


def arrivals_of(times: Any, delays: Any) -> Any:
    """When spikes arrive after delays that broadcast to them, in the dtype of the times."""
    with np.errstate(over="ignore"):
        return (times.astype(np.float64) + delays).astype(times.dtype)


@lru_cache
def up_to(end: float, dtype: np.dtype) -> np.floating:
    """The least number of a dtype that is not below an end: what is below it, happens."""
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
    """(samples, layers) the weights that spikes added which arrived before the end.

    last: (samples,) moments after which no arrival of a sample counts.
    """
    counts = np.zeros((len(layers[0]), len(network.layers)), np.int64)
    for k, (delays, times) in enumerate(zip(network.delays, layers, strict=False)):
        for column in delays.T:  # all neurons that a spike reaches hear it together, or one does
            reached = network.fan_out(k) // len(delays.T)
            arrivals = arrivals_of(times, column)
            arrived = arrivals < up_to(end, arrivals.dtype)
            if last is not None:
                arrived &= arrivals <= last[:, None]
            if network.mapped[k]:
                counts[:, k] += arrived @ reached
            else:
                counts[:, k] += reached * arrived.sum(axis=1)
    return counts
