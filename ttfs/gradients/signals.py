"""How spike times of ramp responses change with weights, thresholds, scales and input times."""

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

    weights: per layer, in the shape of `Network.weights`; of binary layers by the latent
        weights, taken straight through the sign.
    thresholds: per layer, one for each column of its weights; 0 where there are no weights.
    scales: (layers,).
    delays: per layer, in the shape of `Network.delays`, whether they learn or not.
    times: (samples, inputs), by the input spike times; 0 where there is no spike.
    """

    weights: tuple[np.ndarray, ...]
    thresholds: tuple[np.ndarray, ...]
    scales: np.ndarray
    delays: tuple[np.ndarray, ...]
    times: np.ndarray


def gradients(network: Network, times: Any, errors: Any, *, floor: float = 0.0) -> Gradients:
    """Exact derivatives of a loss on the output spike times by everything before them.

    A neuron fires where a straight line, slope * t - total, meets its threshold. Its time
    moves by -(t - a) / slope for a change of the weight of an input that arrived at a (or by
    -rise / slope once that has risen), and by weight / slope for a change of a itself, be it
    of the input's spike or of its delay.
    Between two sets of causes this is exact; at the moment the set changes, one of the two.

    Parameters
    ----------
    network: with a `Ramp` response.
    times: (samples, inputs) input spike times, or maps of them as `forward` takes them.
    errors: (samples, outputs) derivative of the loss by each output spike time; what stands
        at silent outputs has no effect.
    floor: slopes below this many thresholds for each unit of time count as that.

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
    """What the spikes of a layer are told by a loss, and by which inputs they were caused.

    causes: the inputs that can be blamed.
    gains: (samples, units) derivative of the loss by each spike time, over its slope;
        (samples, outputs), not over a slope, where first spikes are handed on.
    until: the spikes, in that shape; -inf for the silent, which have no causes.
    """

    layer: int
    causes: Causes | Jumps | FirstArrived
    gains: np.ndarray
    until: np.ndarray

    def by_column(self, network: Network, values: np.ndarray) -> np.ndarray:
        """(samples x positions, columns) of gains or the like, without padding."""
        outputs, columns = network.sizes[self.layer + 1], network.layers[self.layer].columns
        return values[:, :outputs].reshape(-1, columns)

    def by_weights(self, network: Network, room: np.ndarray) -> np.ndarray:
        """(rows, width) derivative by weights, in a buffer that is overwritten."""
        out = room.reshape(-1, network.arrays.widths[self.layer])
        self.causes.by_weights(self.until, self.gains, out)
        return out

    def by_thresholds(self, network: Network) -> np.ndarray:
        """(columns,) derivative by thresholds."""
        if network.layers[self.layer].pools:
            return np.zeros(network.layers[self.layer].columns, network.dtype)
        factor = network.psp.unit / network.scales[self.layer]
        return np.add.reduce(self.by_column(network, self.gains), axis=0) * factor

    def by_scale(self, network: Network) -> float:
        """Derivative by the scale, which divides the thresholds.

        A potential that crosses stands at its threshold; one that jumps is where it is.
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
        """(samples, inputs) derivative by the spike times of the layer below.

        Only inputs that still rise have one; another `rise` says for how long they shall.
        """
        causes = self.causes
        if rise is not None and isinstance(causes, SharedCauses | PairedCauses | WindowCauses):
            causes = causes._replace(rise=rise)
        weights = network.padded(network.arrays.weights, self.layer)
        out = np.empty((len(self.gains), network.sizes[self.layer]), network.dtype)
        causes.by_times(self.until, self.gains, weights, out)
        return out

    def by_delays(self, network: Network) -> np.ndarray:
        """Derivative by the delays, in their shape: (1, 1), (inputs, 1) or (inputs, outputs)."""
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
        """Derivative by the latent numbers of the delays, in their shape; float64."""
        return self.by_delays(network) * network.delay_slopes(self.layer)


def as_errors(errors: Any, shape: tuple[int, int]) -> np.ndarray:
    """Derivatives of a loss by output spike times, in the shape that these have."""
    array = as_array(errors, "errors")
    if array.shape != shape:
        raise ShapeError(f"errors must be (samples, outputs) = {shape}, got {array.shape}")
    return array


def weight_gradient(network: Network, signal: Signal) -> np.ndarray:
    """(rows, columns) derivative by the weights of a signal's layer."""
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
    hidden: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Iterator[Signal]:
    """A `Signal` for each layer, from the last to the first.

    errors: (samples, outputs) derivative by the output spike times. rise: see
    `Signal.by_times`. hidden: spikes -> errors that are added to those of a hidden layer.
    """
    for layer in range(len(network.layers) - 1, -1, -1):
        signal = signal_of(network, layer, times, found, errors, floor)
        yield signal
        if layer:
            errors = signal.by_times(network, rise=rise)
            if hidden is not None:
                errors += hidden(spikes_of(network, found, layer - 1))


def signal_of(
    network: Network,
    layer: int,
    times: np.ndarray,
    found: Crossings,
    errors: np.ndarray,
    floor: float,
) -> Signal:
    """The signal of one layer, given the derivative by its spike times."""
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
