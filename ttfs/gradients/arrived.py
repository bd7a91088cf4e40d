"""Errors of neurons, and the inputs that had arrived by a moment: for rules with fake spikes.

until: when a neuron fired, or the horizon if it was silent. Inputs that had arrived by then, or
at that very moment, are to blame.
"""

from functools import partial
from typing import NamedTuple

import numpy as np

from ttfs.gradients.windows import (
    FirstCauses,
    WindowArrived,
    after,
    carry_back,
    first_at,
    laid_out,
    padded,
)
from ttfs.kernels import s4nn as kernels
from ttfs.kernels.reach import COLUMNS
from ttfs.kernels.threads import spread
from ttfs.network.network import Network


class DenseBlame(NamedTuple):
    """Blame in a layer in which every input reaches every neuron.

    times: (samples, inputs) spikes of the layer below. until, errors: (samples, outputs).
    """

    times: np.ndarray
    delay: float
    t_max: float
    until: np.ndarray
    errors: np.ndarray

    @property
    def pairs(self) -> int:
        """The number of pairs of input and neuron in all samples."""
        return self.times.size * self.errors.shape[1]

    def by_weights(self, out: np.ndarray) -> None:
        """Fill (rows, width) with the mean over samples of errors that an input is to blame for."""
        spread(partial(kernels.gradient, *self, out), len(out), self.pairs)

    def by_scale(self, signs: np.ndarray) -> float:
        """The mean over samples and pairs of error times sign."""
        slopes = np.empty(len(self.times))
        given = *self, signs, np.empty_like(self.errors), slopes
        spread(partial(kernels.scale_gradient, *given), len(slopes), self.pairs)
        return float(np.add.reduce(slopes) / len(slopes))

    def by_times(self, weights: np.ndarray) -> np.ndarray:
        """(samples, inputs) errors of the layer below, of unit length."""
        below = np.empty(self.times.shape, self.errors.dtype)
        spread(partial(kernels.errors_below, *self, weights, below), len(below), self.pairs)
        return below


class WindowBlame(NamedTuple):
    """Blame in a layer of maps, where gradients of weights are means over positions.

    until, errors: (samples, units).
    """

    arrived: WindowArrived
    inputs: int
    positions: int
    until: np.ndarray
    errors: np.ndarray

    def by_weights(self, out: np.ndarray) -> None:
        """Fill (rows, width) with the mean of such errors over samples and positions."""
        gains = self.errors / -self.errors.dtype.type(len(self.errors) * self.positions)
        self.arrived.by_weights(self.until, gains, out)

    def by_scale(self, signs: np.ndarray) -> float:
        """The mean over samples and pairs of error times sign."""
        potential = np.empty_like(self.errors)
        self.arrived.potentials(self.until, signs, potential)
        outputs = self.positions * self.arrived.reach[COLUMNS]
        pairs = len(potential) * outputs * len(signs)
        return float(np.sum(self.errors.astype(float) * potential)) / pairs

    def by_times(self, weights: np.ndarray) -> np.ndarray:
        """(samples, inputs) errors of the layer below."""
        out = np.empty((len(self.errors), self.inputs), self.errors.dtype)
        given = self.arrived.arrivals, np.inf, after(self.until), self.errors
        carry_back(self.arrived.reach, *given, weights, out)
        return out


class FirstBlame(NamedTuple):
    """Blame in a pooling layer; until, errors: (samples, outputs)."""

    causes: FirstCauses
    inputs: int
    until: np.ndarray
    errors: np.ndarray

    def by_times(self, weights: np.ndarray) -> np.ndarray:
        """(samples, inputs) errors of the layer below."""
        out = np.empty((len(self.errors), self.inputs), self.errors.dtype)
        self.causes.by_times(self.until, self.errors, weights, out)
        return out


Blame = DenseBlame | WindowBlame | FirstBlame


def blame_of(
    network: Network, layer: int, below: np.ndarray, spikes: np.ndarray, errors: np.ndarray
) -> Blame:
    """Inputs to blame for the errors (samples, outputs) of a layer that fired at `spikes`."""
    reach, inputs = network.arrays.reaches[layer], network.sizes[layer]
    if network.layers[layer].pools:
        return FirstBlame(first_at(network, layer, below), inputs, spikes, errors)
    until = np.minimum(spikes.astype(float), network.t_max)
    if not network.mapped[layer]:
        return DenseBlame(below, network.arrays.delays[layer], network.t_max, until, errors)
    arrived = WindowArrived(reach, laid_out(network, layer, below, network.dtype))
    until, errors = padded(network, layer, until, -np.inf), padded(network, layer, errors, 0)
    return WindowBlame(arrived, inputs, network.layers[layer].positions, until, errors)
