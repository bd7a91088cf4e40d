"""Which inputs caused spikes, and the gradients by their weights, times and delays.

An input is a cause of a spike if it arrived before the spike. The spike depends on the input's
time as long as the input's ramp is still rising.
"""

from functools import partial
from typing import NamedTuple

import numpy as np

from ttfs.engines.arrivals import arrivals_of
from ttfs.errors import InputError
from ttfs.gradients.windows import (
    FirstCauses,
    WindowArrived,
    WindowCauses,
    after,
    first_at,
    laid_out,
)
from ttfs.kernels import delayed as paired
from ttfs.kernels import exact as shared
from ttfs.kernels import surrogate as jumps
from ttfs.kernels.optimizers import Stride
from ttfs.kernels.threads import spread
from ttfs.network.buffers import aligned_zeros
from ttfs.network.network import Network
from ttfs.network.psp import Ramp
from ttfs.optimizers import gradient_of


class SharedCauses(NamedTuple):
    """Causes in a layer all of whose neurons receive an input spike at the same time.

    inputs, arrivals, counts: for each sample, the inputs that arrive, when, and how many.
    rise: how long their ramps rise.
    """

    inputs: np.ndarray
    arrivals: np.ndarray
    counts: np.ndarray
    rise: float

    def by_weights(self, until: np.ndarray, gains: np.ndarray, out: np.ndarray) -> None:
        """Fill (inputs, width), summed over samples."""
        learn(self, until, gains, no_pull(out), out, gradient_of(out))

    def by_times(
        self, until: np.ndarray, gains: np.ndarray, weights: np.ndarray, out: np.ndarray
    ) -> None:
        """Fill (samples, inputs)."""
        fill = partial(shared.errors_below, *self, until, gains, weights, out)
        spread(fill, len(out), work_of(self.counts, weights))


class Arrived(NamedTuple):
    """As `SharedCauses`, in a layer whose potentials jump.

    An input counts in full once it has arrived. Its error does not depend on how early or late
    it comes.
    """

    inputs: np.ndarray
    arrivals: np.ndarray
    counts: np.ndarray

    def by_weights(self, until: np.ndarray, gains: np.ndarray, out: np.ndarray) -> None:
        """Fill (inputs, width), summed over samples."""
        learn(self, until, gains, no_pull(out), out, gradient_of(out))

    def by_times(
        self, until: np.ndarray, gains: np.ndarray, weights: np.ndarray, out: np.ndarray
    ) -> None:
        """Fill (samples, inputs), also for inputs that have not arrived."""
        np.matmul(gains, weights.T, out=out)

    def potentials(self, until: np.ndarray, weights: np.ndarray, out: np.ndarray) -> None:
        """Fill (samples, width) with potentials at moments `until`."""
        fill = partial(jumps.potentials_at, *self, until, weights, out)
        spread(fill, len(out), work_of(self.counts, weights))


class PairedCauses(NamedTuple):
    """Causes in a layer in which each synapse has its own delay.

    times: (samples, inputs) spikes of the layer below. delays: (inputs, outputs).
    rise: how long ramps rise after their arrival.
    """

    times: np.ndarray
    delays: np.ndarray
    rise: float

    @property
    def pairs(self) -> int:
        """The number of pairs of input and neuron in all samples."""
        return len(self.times) * self.delays.size

    def by_weights(self, until: np.ndarray, gains: np.ndarray, out: np.ndarray) -> None:
        """Fill (inputs, width), summed over samples."""
        fill = partial(paired.weight_gradient, *self, until, gains, out)
        spread(fill, len(out), self.pairs)

    def by_times(
        self, until: np.ndarray, gains: np.ndarray, weights: np.ndarray, out: np.ndarray
    ) -> None:
        """Fill (samples, inputs)."""
        fill = partial(paired.errors_below, *self, until, gains, weights, out)
        spread(fill, len(out), self.pairs)

    def by_delays(
        self, until: np.ndarray, gains: np.ndarray, weights: np.ndarray, out: np.ndarray
    ) -> None:
        """Fill (inputs, outputs), summed over samples."""
        fill = partial(paired.delay_gradient, *self, until, gains, weights, out)
        spread(fill, len(out), self.pairs)


Causes = SharedCauses | PairedCauses | WindowCauses | FirstCauses
Jumps = Arrived | WindowArrived


def learn(
    causes: SharedCauses | Arrived,
    until: np.ndarray,
    gains: np.ndarray,
    pull: np.ndarray,
    weights: np.ndarray,
    stride: Stride,
) -> None:
    """Take a step of weights (inputs, width) along their gradient, less `pull` (width,)."""
    if isinstance(causes, Arrived):  # which count in full once they have arrived
        bounds, until = (-1.0, -1.0), after(until)
    else:
        bounds = -causes.rise, 0.0
    inputs, width = weights.shape
    chunks, arriving = max(1, -(-len(gains) // shared.CHUNK)), int(np.add.reduce(causes.counts))
    listed = shared.Listed(
        np.empty((chunks, inputs + 1), np.int64),
        np.empty(arriving, np.int64),
        np.empty(arriving, gains.dtype),
    )
    shared.list_by_input(*causes[:3], width, listed)

    def some(first: int, last: int) -> None:
        room = aligned_zeros(shared.TALL * shared.WIDE, gains.dtype)
        given = listed, bounds, until, gains, pull, room
        shared.learn(*given, stride, weights.reshape(-1), first, last)

    spread(some, inputs, arriving * width)


def no_pull(weights: np.ndarray) -> np.ndarray:
    """No pull on weights (inputs, width)."""
    return np.zeros(weights.shape[1], weights.dtype)


def causes_of(network: Network, layer: int, below: np.ndarray) -> Causes:
    """The causes of a layer's spikes, given (samples, inputs) spike times of the layer below."""
    rise = rise_of(network)
    if network.layers[layer].pools:
        return first_at(network, layer, below)
    if network.delayed[layer] and network.layers[layer].delay.per == "pair":
        return PairedCauses(np.ascontiguousarray(below), network.delay_buffers[layer], rise)
    arrived = arrived_at(network, layer, below)
    if isinstance(arrived, WindowArrived):
        return WindowCauses(arrived.reach, arrived.arrivals, rise)
    return SharedCauses(arrived.inputs, arrived.arrivals, arrived.counts, rise)


def arrived_at(network: Network, layer: int, below: np.ndarray) -> Jumps:
    """The inputs that arrive at a layer whose neurons receive each spike at the same time."""
    if network.mapped[layer]:
        laid = laid_out(network, layer, below, network.dtype)
        return WindowArrived(network.arrays.reaches[layer], laid)
    delay = float(network.arrays.delays[layer])
    if network.delayed[layer]:
        below, delay = arrivals_of(below, network.delays[layer][:, 0]), 0.0
    inputs = np.empty((len(below), network.sizes[layer] + 1), np.int32)
    arrivals, counts = np.empty(inputs.shape, network.dtype), np.empty(len(below), np.int64)
    below = np.ascontiguousarray(below)
    shared.list_causes(below, delay, network.t_max, inputs, arrivals, counts)
    return Arrived(inputs, arrivals, counts)


def work_of(counts: np.ndarray, rows: np.ndarray) -> int:
    """The amount of work: the numbers in all rows of weights, or of gradients, of the inputs."""
    return int(np.add.reduce(counts)) * rows.shape[1]


def rise_of(network: Network) -> float:
    """How long the ramps of a network rise, or an InputError if it has none."""
    if not isinstance(network.psp, Ramp):
        raise InputError(f"gradients need a Ramp response, the network has {network.psp}")
    return float(network.psp.rise)
