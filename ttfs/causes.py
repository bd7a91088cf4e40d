"""Which inputs were causes of spikes, and what a loss says to their weights, times and delays.

An input is a cause of a spike if it arrived before. It can move the spike by its own time as
long as it still rises.
"""

from typing import NamedTuple

import numpy as np

from ttfs.errors import InputError
from ttfs.kernels import delayed as paired
from ttfs.kernels import exact as shared
from ttfs.network import Network
from ttfs.propagation import arrivals_of
from ttfs.psp import Ramp


class SharedCauses(NamedTuple):
    """Of a layer whose neurons hear each spike at the same time.

    inputs, arrivals, counts: of each sample, those that arrive, when, and how many.
    rise: for how long they do.
    """

    inputs: np.ndarray
    arrivals: np.ndarray
    counts: np.ndarray
    rise: float

    def by_weights(self, until: np.ndarray, gains: np.ndarray, out: np.ndarray) -> None:
        """Fill (inputs, width), summed over samples."""
        arrived = self.inputs, self.arrivals, self.counts
        shared.weight_gradient(*arrived, self.rise, until, gains, out)

    def by_times(
        self, until: np.ndarray, gains: np.ndarray, weights: np.ndarray, out: np.ndarray
    ) -> None:
        """Fill (samples, inputs)."""
        arrived = self.inputs, self.arrivals, self.counts
        shared.errors_below(*arrived, self.rise, until, gains, weights, out)


class PairedCauses(NamedTuple):
    """Of a layer in which each pair has a delay of its own.

    times: (samples, inputs) spikes of the layer below. delays: (inputs, outputs).
    rise: for how long they rise when they have arrived.
    """

    times: np.ndarray
    delays: np.ndarray
    rise: float

    def by_weights(self, until: np.ndarray, gains: np.ndarray, out: np.ndarray) -> None:
        """Fill (inputs, width), summed over samples."""
        paired.paired_weight_gradient(self.times, self.delays, self.rise, until, gains, out)

    def by_times(
        self, until: np.ndarray, gains: np.ndarray, weights: np.ndarray, out: np.ndarray
    ) -> None:
        """Fill (samples, inputs)."""
        arrived = self.times, self.delays, self.rise
        paired.paired_errors_below(*arrived, until, gains, weights, out)

    def by_delays(
        self, until: np.ndarray, gains: np.ndarray, weights: np.ndarray, out: np.ndarray
    ) -> None:
        """Fill (inputs, outputs), summed over samples."""
        arrived = self.times, self.delays, self.rise
        paired.paired_delay_gradient(*arrived, until, gains, weights, out)


def causes_of(network: Network, layer: int, below: np.ndarray) -> SharedCauses | PairedCauses:
    """The causes of a layer's spikes, given (samples, inputs) spike times of the layer below."""
    rise, delays = rise_of(network), network.delays[layer]
    delay = float(network.arrays.delays[layer])
    if network.delayed[layer]:
        if network.layers[layer].delay.per == "pair":
            return PairedCauses(np.ascontiguousarray(below), delays, rise)
        below, delay = arrivals_of(below, delays[:, 0]), 0.0
    inputs = np.empty((len(below), network.sizes[layer] + 1), np.int32)
    arrivals, counts = np.empty(inputs.shape, network.dtype), np.empty(len(below), np.int64)
    shared.list_causes(below, delay, network.t_max, inputs, arrivals, counts)
    return SharedCauses(inputs, arrivals, counts, rise)


def rise_of(network: Network) -> float:
    """How long the ramps of a network rise, or an InputError if it has none."""
    if not isinstance(network.psp, Ramp):
        raise InputError(f"gradients need a Ramp response, the network has {network.psp}")
    return float(network.psp.rise)
