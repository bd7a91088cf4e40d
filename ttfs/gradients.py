"""How spike times of ramp responses change with weights, thresholds, scales and input times."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ttfs.checks import as_array, as_times
from ttfs.errors import InputError, ShapeError
from ttfs.kernels import exact as kernels
from ttfs.network import Network, aligned_zeros
from ttfs.propagation import Crossings, cross
from ttfs.psp import Ramp


class Gradients(NamedTuple):
    """Derivatives of a loss, summed over a batch.

    weights: per layer, (inputs, outputs); of binary layers by the latent weights, taken
        straight through the sign.
    thresholds: per layer, (outputs,).
    scales: (layers,).
    times: (samples, inputs), by the input spike times; 0 where there is no spike.
    """

    weights: tuple[np.ndarray, ...]
    thresholds: tuple[np.ndarray, ...]
    scales: np.ndarray
    times: np.ndarray


def gradients(network: Network, times: Any, errors: Any, *, floor: float = 0.0) -> Gradients:
    """Exact derivatives of a loss on the output spike times by everything before them.

    A neuron fires where a straight line, slope * t - total, meets its threshold. Its time
    moves by -(t - a) / slope for a change of the weight of an input that arrived at a (or by
    -rise / slope once that has risen), and by weight / slope for a change of a itself.
    Between two sets of causes this is exact; at the moment the set changes, one of the two.

    Parameters
    ----------
    network: with a `Ramp` response.
    times: (samples, inputs) input spike times.
    errors: (samples, outputs) derivative of the loss by each output spike time; what stands
        at silent outputs has no effect.
    floor: slopes below this many thresholds for each unit of time count as that.

    Raises
    ------
    ShapeError, InputError: shapes that do not fit, another response.

    >>> import ttfs
    >>> layer = ttfs.Dense.of([[1.0], [1.0]], threshold=1)
    >>> network = ttfs.Network(layer, psp=ttfs.Ramp(), t_max=10, dtype=float)
    >>> found = gradients(network, [[0.0, 1.0]], [[1.0]])  # fires at (1 + 0 + 1) / 2 = 1
    >>> found.times, found.thresholds[0]
    (array([[0.5, 0.5]]), array([0.5]))
    """
    if not isinstance(network.psp, Ramp):
        raise InputError(f"gradients need a Ramp response, the network has {network.psp}")
    times = as_times(times, network.sizes[0], f"times for {network.sizes[0]} inputs")
    errors = as_array(errors, "errors")
    if errors.shape != (len(times), network.sizes[-1]):
        wanted = (len(times), network.sizes[-1])
        raise ShapeError(f"errors must be (samples, outputs) = {wanted}, got {errors.shape}")
    weights, thresholds, scales = [], [], []
    found = cross(network, times)
    for signal in signals(network, times, found, errors, floor=floor):
        room = aligned_zeros(
            network.padded(network.arrays.weights, signal.layer).size, network.dtype
        )
        weights.append(signal.by_weights(room)[:, : network.sizes[signal.layer + 1]])
        thresholds.append(signal.by_thresholds(network))
        scales.append(signal.by_scale(network))
        below = signal.by_times(network)
    return Gradients(tuple(weights[::-1]), tuple(thresholds[::-1]), np.array(scales[::-1]), below)


class Signal(NamedTuple):
    """What the spikes of a layer are told by a loss, and by which inputs they were caused.

    index, arrivals, counts: of each sample, the inputs that arrive, when, and how many.
    rise: for how long they do.
    gains: (samples, width) derivative of the loss by each spike time, over its slope.
    until: (samples, width) the spike; -inf for the silent, which have no causes.
    """

    layer: int
    index: np.ndarray
    arrivals: np.ndarray
    counts: np.ndarray
    rise: float
    gains: np.ndarray
    until: np.ndarray

    @property
    def _causes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.index, self.arrivals, self.counts

    def by_weights(self, room: np.ndarray) -> np.ndarray:
        """(inputs, width) derivative by weights, in a buffer that is overwritten."""
        out = room.reshape(-1, self.gains.shape[1])
        kernels.weight_gradient(*self._causes, self.rise, self.until, self.gains, out)
        return out

    def by_thresholds(self, network: Network) -> np.ndarray:
        """(outputs,) derivative by thresholds."""
        factor = network.psp.unit / network.scales[self.layer]
        return np.add.reduce(self.gains[:, : network.sizes[self.layer + 1]], axis=0) * factor

    def by_scale(self, network: Network) -> float:
        """Derivative by the scale, which divides the thresholds."""
        thresholds = np.asarray(network.layers[self.layer].threshold, float)
        by_thresholds = self.by_thresholds(network).astype(float)
        return float(-np.sum(by_thresholds * thresholds) / network.scales[self.layer])

    def by_times(self, network: Network, *, rise: float | None = None) -> np.ndarray:
        """(samples, inputs) derivative by the spike times of the layer below.

        Only inputs that still rise have one; another `rise` says for how long they shall.
        """
        weights = network.padded(network.arrays.weights, self.layer)
        out = np.empty((len(self.gains), len(weights)), network.dtype)
        rise = self.rise if rise is None else rise
        kernels.errors_below(*self._causes, rise, self.until, self.gains, weights, out)
        return out


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


def spikes_of(network: Network, found: Crossings, layer: int) -> np.ndarray:
    """(samples, outputs) spike times of a layer."""
    start = network.arrays.units[layer]
    return found.spikes[:, start : start + network.sizes[layer + 1]]


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
    index = np.empty((samples, network.sizes[layer] + 1), np.int32)
    arrivals, counts = np.empty(index.shape, network.dtype), np.empty(samples, np.int64)
    kernels.list_causes(below, arrays.delays[layer], arrays.t_max, index, arrivals, counts)
    units = slice(arrays.units[layer], arrays.units[layer + 1])
    gains = aligned_zeros(samples * arrays.widths[layer], network.dtype).reshape(samples, -1)
    until = aligned_zeros(gains.size, network.dtype).reshape(samples, -1)
    floors = floor * arrays.thresholds[units]
    kernels.make_gains(errors, found.spikes[:, units], found.slopes[:, units], floors, gains, until)
    rise = float(network.psp.rise)
    return Signal(layer, index, arrivals, counts, rise, gains, until)
