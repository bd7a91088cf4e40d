"""How sums of values change with weights and values: backpropagation with windows."""

from typing import NamedTuple

import numpy as np

from ttfs.engines.sums import Listener, largest, listeners_of
from ttfs.kernels.windows import tell_largest
from ttfs.network.network import Network

Errors = list[np.ndarray | None]


class Heard(NamedTuple):
    """A layer's inputs, potentials and values, kept for backpropagation.

    listeners, rows: its connections to other layers, and (samples x positions, inputs) the values
    that it receives through each. potentials: (samples x positions, width) in the layer's units;
    empty if it pools. values: (samples, neurons) values that its spikes carry.
    """

    listeners: list[Listener]
    rows: list[np.ndarray]
    potentials: np.ndarray
    values: np.ndarray


class SumSignal(NamedTuple):
    """The errors that a loss assigns to the potentials of a layer.

    errors: (samples x positions, width) derivative of the loss with respect to potentials in the
    layer's units, 0 in the padding. until: (samples, neurons) inf for silent neurons, else 0.
    """

    layer: int
    heard: Heard
    errors: np.ndarray
    until: np.ndarray

    def by_column(self, network: Network, values: np.ndarray) -> np.ndarray:
        """(samples x positions, columns) values, given one for each neuron."""
        return values.reshape(-1, network.layers[self.layer].columns)

    def by_weights(self, network: Network, room: np.ndarray) -> np.ndarray:
        """(rows, width) derivative with respect to weights, in a buffer that is overwritten."""
        out = room.reshape(-1, network.arrays.widths[self.layer])
        return np.matmul(self.heard.rows[0].T, self.errors, out=out)

    def by_bias(self, network: Network) -> np.ndarray:
        """Derivative with respect to the bias, in its shape: (columns,) or (outputs,)."""
        bias, columns = network.biases[self.layer], network.layers[self.layer].columns
        assert bias is not None
        errors = self.errors[:, :columns].reshape(-1, bias.size)
        return errors.sum(axis=0, dtype=float) / network.scales[self.layer]

    def by_scale(self, network: Network) -> float:
        """Derivative with respect to the scale, by which signs are multiplied."""
        bias = network.scaled_bias(self.layer)
        added = (self.heard.potentials.reshape(-1, *bias.shape) - bias).reshape(self.errors.shape)
        return float(np.sum(self.errors.astype(float) * added)) / network.scales[self.layer]


def hear(network: Network, k: int, values: list[np.ndarray], steps: int) -> Heard:
    """What a layer receives and passes on, given the values of all layers below it.

    steps: number of instants in a window, or 0 for any time.
    """
    layer, samples = network.layers[k], len(values[0])
    if layer.pools:
        return Heard([], [], np.empty((0, 0), network.dtype), largest(layer, values[k]))
    listeners, bias = listeners_of(network, k), network.scaled_bias(k)
    rows = [one.rows_of(values[one.source]) for one in listeners]
    total = np.empty((samples * layer.positions, bias.shape[1]), network.dtype)
    total.reshape(-1, *bias.shape)[:] = bias
    for one, row in zip(listeners, rows, strict=True):
        one.add(row, total)
    shares = total[:, : layer.columns] / network.scaled_thresholds(k)
    if steps:
        shares = np.floor(shares * steps + 0.5) / steps
    said = np.clip(shares, 0, 1).astype(network.dtype, copy=False).reshape(samples, -1)
    return Heard(listeners, rows, total, said)


def tell(network: Network, k: int, heard: Heard, errors: np.ndarray, below: Errors) -> SumSignal:
    """The signal of a layer; the errors of the layers that it receives from are added to `below`.

    errors: (samples, neurons) derivative with respect to its values; in the last layer, to its
    potentials in thresholds. below: for each layer, 0 being the input; None if no error yet.
    """
    columns, limits = network.layers[k].columns, network.scaled_thresholds(k)
    own = np.zeros_like(heard.potentials)
    own[:, :columns] = errors.reshape(-1, columns) / limits
    if k < len(network.layers) - 1:  # values of clipped and silent neurons do not change
        potentials = heard.potentials[:, :columns]
        own[:, :columns] *= (potentials > 0) & (potentials < limits)
    for one in heard.listeners:
        if one.source:
            said = one.errors_below(own).reshape(len(errors), -1)
            before = below[one.source]
            below[one.source] = said if before is None else before + said
    return SumSignal(k, heard, own, np.where(heard.values > 0, 0.0, np.inf))


def tell_pooled(
    network: Network, k: int, values: list[np.ndarray], errors: np.ndarray
) -> np.ndarray:
    """(samples, inputs) errors below a pooling layer: the first of the largest values gets all.

    values: those of the input and of each layer.
    """
    below, reach = np.zeros_like(values[k]), network.layers[k].reach
    tell_largest(reach, values[k], values[k + 1], errors, below, len(below))
    return below
