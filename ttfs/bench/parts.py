"""Where the time goes: how long a case takes when a part of its work is removed.

Nothing is measured inside a kernel. Neurons with a threshold out of reach never fire, so the
layer above has nothing to do; and with few hidden neurons little more than the sort is left.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ttfs.engines.batch import forward
from ttfs.network.layers import Dense
from ttfs.network.network import Network
from ttfs.optimizers import Adam

FEW = 16  # neurons: one vector, the least that a sweep can do
OUT_OF_REACH = 1e30


def parts_of_forward(network: Network, stimuli: np.ndarray, rounds: int) -> dict[str, float]:
    """Microseconds for a sample that a network of two layers spends on each part.

    events: the sort of the input spikes, and one vector of neurons.
    hidden: the sweep of the others. output: their spikes, and the layer that receives them.
    """
    first, last = network.layers
    jobs: dict[str, Callable[[], Any]] = {}
    for name, hidden in (("events", FEW), ("hidden", first.outputs)):
        below = replace(
            first,
            outputs=hidden,
            threshold=OUT_OF_REACH,
            initial=network.latents[0][:, :hidden],
        )
        above = Dense(hidden, last.outputs, delay=last.delay)
        silent = Network(below, above, psp=network.psp, t_max=network.t_max)
        jobs[name] = partial(forward, silent, stimuli)
    jobs["output"] = partial(forward, network, stimuli)
    taken = in_turn(jobs, rounds).values()
    events, swept, whole = (1e6 * float(np.median(t)) / len(stimuli) for t in taken)
    return {"events": events, "hidden": swept - events, "output": whole - swept}


def step_of_adam(network: Network, batch: int, rounds: int) -> float:
    """Microseconds for a sample that Adam spends on the weights, a step for each batch."""
    adam, weights = Adam(), network.arrays.weights.copy()
    slots, gradient = adam.slots(weights), np.ones_like(weights)
    seconds = in_turn({"adam": lambda: adam.step(weights, gradient, slots, 1e-3)}, rounds)
    return 1e6 * float(np.median(seconds["adam"])) / batch


def in_turn(jobs: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each job in each round; jobs take turns."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            job()  # compiles, wakes threads, and fills the caches that another job has used
            started = time.perf_counter()
            job()
            times[name].append(time.perf_counter() - started)
    return times
