"""How the time of a sample grows with the width of a network and shrinks with that of a batch.

One thread takes the same stimuli one at a time, ten at a time and all together.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numba
import numpy as np

from ttfs.engines.batch import forward
from ttfs.network.network import Network

GROWTH = "growth"  # the name of the case
HIDDEN = 100, 400, 1600, 6400  # neurons
BATCHES = 1, 10, 1000  # samples
STIMULI = {1: 100, 10: 500}  # samples of a round, in batches of these sizes; else one batch
ROUNDS = 7


def growth(make: Callable[[int], Network], stimuli: np.ndarray) -> Iterator[dict[str, Any]]:
    """Cases of `bench`: a network for each number of hidden neurons, in batches of each size.

    `synaptic_events` counts the weights that a sample adds.
    """
    numba.set_num_threads(1)
    for hidden in HIDDEN:
        network = make(hidden)
        events = float(forward(network, stimuli).additions.sum(axis=1).mean())
        for batch in BATCHES:
            taken = [1e6 * seconds for seconds in clock(network, stimuli, batch)]
            yield {
                "name": f"{GROWTH}-{network.sizes[0]}-{hidden}-{network.sizes[-1]}",
                "inputs": f"batch of {batch}",
                "threads": 1,
                "microseconds": float(np.median(taken)),
                "microseconds_min": min(taken),
                "microseconds_max": max(taken),
                "limit_microseconds": None,
                "reference_microseconds": None,
                "synaptic_events": events,
            }


def clock(network: Network, stimuli: np.ndarray, batch: int) -> list[float]:
    """Seconds for a sample in several rounds, after a batch that is not counted."""
    some = stimuli[: STIMULI.get(batch, batch)]
    batches = [some[first : first + batch] for first in range(0, len(some), batch)]
    forward(network, batches[0])
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for one in batches:
            forward(network, one)
        taken.append((time.perf_counter() - started) / len(some))
    return taken
