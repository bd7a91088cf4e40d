"""This package: stimuli in a batch, or one after the other."""

import numpy as np

from ttfs import __version__
from ttfs.bench.peers.presentation import Presentation
from ttfs.bench.peers.worker import Ready
from ttfs.engines.batch import forward
from ttfs.engines.simulator import Simulator
from ttfs.network.layers import Dense
from ttfs.network.network import Network
from ttfs.network.psp import Ramp, Step

TITLE = f"ttfs {__version__}"


def network_of(given: Presentation) -> Network:
    """The network of a presentation."""
    pairs = zip(given.weights, given.thresholds, strict=True)
    layers = [Dense.of(weights, threshold=threshold) for weights, threshold in pairs]
    return Network(*layers, psp=Ramp() if given.ramp else Step(), t_max=given.horizon)


def batch(given: Presentation, threads: int) -> Ready:
    """All stimuli at once by `forward`, on the threads that the process may have."""
    network, times = network_of(given), given.stimuli.astype(np.float32)
    seen: list[np.ndarray] = []

    def show() -> None:
        seen[:] = forward(network, times).times[1:]

    return Ready(TITLE, {"`forward`": show}, lambda: seen)


def one_by_one(given: Presentation, threads: int) -> Ready:
    """One stimulus after the other through a `Simulator`, on one thread."""
    times = given.stimuli.astype(np.float32)
    simulator = Simulator(network_of(given), times[0])
    layers = range(1, len(given.weights) + 1)
    seen: list[list[np.ndarray]] = []

    def show() -> None:
        seen.clear()
        for stimulus in times:
            simulator.reset(stimulus)
            simulator.run()
            seen.append([simulator.times(layer) for layer in layers])

    def read() -> list[np.ndarray]:
        return [np.array(rows) for rows in zip(*seen, strict=True)]

    return Ready(TITLE, {"`Simulator`": show}, read)
