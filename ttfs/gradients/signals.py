"""How spike times change with weights, thresholds, scales, delays and input times, with ramps."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ttfs.checks import as_array, positive
from ttfs.engines.crossings import Crossings, cross, spikes_of
from ttfs.errors import ShapeError
from ttfs.gradients.causes import (
    Arrived,
    Causes,
    Jumps,
    PairedCauses,
    SharedCauses,
    causes_of,
    rise_of,
)
from ttfs.gradients.windows import FirstArrived, WindowArrived, WindowCauses
from ttfs.kernels import exact as kernels
from ttfs.network.buffers import aligned_zeros
from ttfs.network.maps import rows_of
from ttfs.network.network import Network, check_network


class Gradients(NamedTuple):
    """Derivatives of a loss, summed over a batch.

    weights: for each layer, in the shape of `Network.weights`; for binary layers with respect
        to the latent weights, straight through the sign.
    thresholds: for each layer, one for each column of its weights; 0 where it has no weights.
    scales: (layers,).
    delays: for each layer, in the shape of `Network.delays`, whether they learn or not.
    times: (samples, inputs), with respect to the input spike times; 0 where there is no spike.
    """

    weights: tuple[np.ndarray, ...]
    thresholds: tuple[np.ndarray, ...]
    scales: np.ndarray
    delays: tuple[np.ndarray, ...]
    times: np.ndarray


def gradients(network: Network, times: Any, errors: Any, *, floor: float = 0.0) -> Gradients:
    """Exact derivatives of a loss on output spike times, with respect to all that decides them.

    A neuron fires where a straight line, slope * t - total, meets its threshold. The derivative
    of its time t is -(t - a) / slope with respect to the weight of an input that arrived at a
    (-rise / slope once the input's ramp has ended), and weight / slope with respect to a itself,
    whether the input's spike or its delay changes.
    This is exact as long as the set of causes stays the same; where it changes, the derivative
    is that of one of the two sets.

    Parameters
    ----------
    network: a network with a `Ramp` response.
    times: (samples, inputs) input spike times, or maps of them as `forward` takes them.
    errors: (samples, outputs) derivative of the loss with respect to each output spike time;
        values at silent outputs have no effect.
    floor: least slope in the derivatives, in thresholds for each unit of time.

    Raises
    ------
    ShapeError, InputError: shapes that do not fit, another response.

    >>> import ttfs
    >>> layer = ttfs.Dense.of([[1.0], [1.0]], threshold=3)
    >>> network = ttfs.Network(layer, psp=ttfs.Ramp(), t_max=10, dtype=float)
    >>> found = gradients(network, [[0.0, 1.0]], [[1.0]])  # fires at (3 + 0 + 1) / 2 = 2
    >>> found.times, found.thresholds[0]
    (array([[0.5, 0.5]]), array([0.5]))
    """
    rise_of(check_network(network, "gradients(network=...)"))
    times = rows_of(times, network.shapes[0])
    errors = as_errors(errors, (len(times), network.sizes[-1]))
    floor = positive(floor, "gradients(floor=...)", zero=True)
    found = cross(network, times)
    told = list(signals(network, times, found, errors, floor=floor))[::-1]
    return Gradients(
        weights=tuple(weight_gradient(network, signal) for signal in told),
        thresholds=tuple(signal.by_thresholds(network) for signal in told),
        scales=np.array([signal.by_scale(network) for signal in told]),
        delays=tuple(signal.by_delays(network) for signal in told),
        times=told[0].by_times(network),
    )


class Signal(NamedTuple):
    """The errors that a loss assigns to the spikes of a layer, and the inputs that caused these.

    causes: the inputs that receive errors.
    gains: (samples, units) derivative of the loss with respect to each spike time, divided by
        its slope; in pooling layers (samples, outputs), not divided by a slope.
    until: the spike times, in that shape; -inf for silent neurons, which have no causes.
    """

    layer: int
    causes: Causes | Jumps | FirstArrived
    gains: np.ndarray
    until: np.ndarray

    def by_column(self, network: Network, values: np.ndarray) -> np.ndarray:
        """(samples x positions, columns) gains or similar values, without padding."""
        outputs, columns = network.sizes[self.layer + 1], network.layers[self.layer].columns
        return values[:, :outputs].reshape(-1, columns)

    def by_weights(self, network: Network, room: np.ndarray) -> np.ndarray:
        """(rows, width) derivative with respect to weights, in a buffer that is overwritten."""
        out = room.reshape(-1, network.arrays.widths[self.layer])
        self.causes.by_weights(self.until, self.gains, out)
        return out

    def by_thresholds(self, network: Network) -> np.ndarray:
        """(columns,) derivative with respect to thresholds."""
        if network.layers[self.layer].pools:
            return np.zeros(network.layers[self.layer].columns, network.dtype)
        factor = network.psp.unit / network.scales[self.layer]
        return np.add.reduce(self.by_column(network, self.gains), axis=0) * factor

    def by_scale(self, network: Network) -> float:
        """Derivative with respect to the scale, which divides the thresholds.

        A potential that crosses equals its threshold; one that jumps has to be computed.
        """
        if isinstance(self.causes, Arrived | WindowArrived):
            weights = network.padded(network.arrays.weights, self.layer)
            potential = np.empty(self.gains.shape, network.dtype)
            self.causes.potentials(self.until, weights, potential)
            return float(-np.sum(self.gains.astype(float) * potential)) / network.scales[self.layer]
        thresholds = np.asarray(network.layers[self.layer].threshold, float)
        by_thresholds = self.by_thresholds(network).astype(float)
        return float(-np.sum(by_thresholds * thresholds) / network.scales[self.layer])

    def by_times(self, network: Network, *, rise: float | None = None) -> np.ndarray:
        """(samples, inputs) derivative with respect to the spike times of the layer below.

        With ramps, it is 0 for inputs whose ramps have ended; `rise` replaces their rise in this.
        """
        causes = self.causes
        if rise is not None and isinstance(causes, SharedCauses | PairedCauses | WindowCauses):
            causes = causes._replace(rise=rise)
        weights = network.padded(network.arrays.weights, self.layer)
        out = np.empty((len(self.gains), network.sizes[self.layer]), network.dtype)
        causes.by_times(self.until, self.gains, weights, out)
        return out

    def by_delays(self, network: Network) -> np.ndarray:
        """Derivative by delays, in their shape: (1, 1), (inputs, 1) or (inputs, outputs)."""
        shape = network.delays[self.layer].shape
        if isinstance(self.causes, PairedCauses):
            weights = network.padded(network.arrays.weights, self.layer)
            out = np.empty(shape, network.dtype)
            self.causes.by_delays(self.until, self.gains, weights, out)
            return out
        by_inputs = np.add.reduce(self.by_times(network), axis=0)
        one = not network.delayed[self.layer]
        return (np.add.reduce(by_inputs) if one else by_inputs).reshape(shape)

    def by_latent_delays(self, network: Network) -> np.ndarray:
        """Derivative with respect to the latent values of the delays, in their shape; float64."""
        return self.by_delays(network) * network.delay_slopes(self.layer)


def as_errors(errors: Any, shape: tuple[int, int]) -> np.ndarray:
    """Derivatives of a loss with respect to output spike times, checked to be of this shape."""
    array = as_array(errors, "errors")
    if array.shape != shape:
        raise ShapeError(f"errors must be (samples, outputs) = {shape}, got {array.shape}")
    return array


def weight_gradient(network: Network, signal: Signal) -> np.ndarray:
    """(rows, columns) derivative with respect to the weights of a signal's layer."""
    weights = network.padded(network.arrays.weights, signal.layer)
    room = aligned_zeros(weights.size, network.dtype)
    return signal.by_weights(network, room)[:, : network.layers[signal.layer].columns]


def signals(
    network: Network,
    times: np.ndarray,
    found: Crossings,
    errors: np.ndarray,
    *,
    floor: float,
    rise: float | None = None,
    hidden: Callable[[int, np.ndarray], np.ndarray] | None = None,
) -> Iterator[Signal]:
    """A `Signal` for each layer, from the last to the first.

    errors: (samples, outputs) derivative with respect to the output spike times. rise: see
    `Signal.by_times`. hidden: a hidden layer, from 0, and its spikes -> errors that are added to
    its own.
    """
    for layer in range(len(network.layers) - 1, -1, -1):
        signal = signal_of(network, layer, times, found, errors, floor)
        yield signal
        if layer:
            errors = signal.by_times(network, rise=rise)
            if hidden is not None:
                errors += hidden(layer - 1, spikes_of(network, found, layer - 1))


def signal_of(
    network: Network,
    layer: int,
    times: np.ndarray,
    found: Crossings,
    errors: np.ndarray,
    floor: float,
) -> Signal:
    """The signal of one layer, given the derivative with respect to its spike times."""
    arrays, samples = network.arrays, len(times)
    below = spikes_of(network, found, layer - 1) if layer else times
    causes = causes_of(network, layer, below)
    if network.layers[layer].pools:
        gains = np.ascontiguousarray(errors, network.dtype)
        return Signal(layer, causes, gains, np.ascontiguousarray(spikes_of(network, found, layer)))
    first = arrays.units[layer]
    shape = samples, arrays.units[layer + 1] - first
    gains = aligned_zeros(samples * shape[1], network.dtype).reshape(shape)
    until = aligned_zeros(gains.size, network.dtype).reshape(shape)
    with np.errstate(over="ignore"):
        floors = floor * network.psp.unit * network.scaled_thresholds(layer)
    floors = np.tile(floors, errors.shape[1] // floors.size)
    kernels.make_gains(errors, first, found.spikes, found.slopes, floors, gains, until)
    return Signal(layer, causes, gains, until)
