"""The envelope of a network: which spikes are possible if its input spikes may move.

Without leak, a potential is a sum of w_i k(t - a_i) in which k never falls. So it only grows if
excitatory inputs (w_i > 0) arrive earlier and inhibitory ones later. With excitatory inputs at
their earliest arrival and inhibitory ones at their latest, it is the largest possible at every
moment, and reaches the threshold at the earliest possible one; the other way round, at the latest.

So the bounds of all layers follow from one ordinary pass through a network with twice as many
neurons, an early and a late copy of each:

    early copy:   max(w, 0) from the early inputs, min(w, 0) from the late ones
    late copy:    min(w, 0) from the early inputs, max(w, 0) from the late ones

With `Windows`, the same holds for the values that spikes carry. A pool passes on the first early
and the first late spike of its window. Thresholds (with windows, biases) of early and late copies
differ by the margin in `rounding`, so that the bounds hold for floating-point numbers, too. In a
map, each position has its early channels first, and then its late ones.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ttfs.engines.arrivals import up_to
from ttfs.engines.batch import happening
from ttfs.engines.crossings import cross_in_parts, spikes_of
from ttfs.errors import InputError
from ttfs.measures.metrics import chunks
from ttfs.network.conv import Conv2d
from ttfs.network.layers import Dense
from ttfs.network.network import Network
from ttfs.network.psp import Windows
from ttfs.network.skips import Skip
from ttfs.robustness.rounding import below, margins

PART = 256  # samples whose moved spikes stay in the cache until they are read


@dataclass(frozen=True)
class Bounds:
    """Bounds of the spikes of all layers, the input first, and of the outputs' potentials.

    earliest, latest: per layer (samples, neurons). low, high: (samples, outputs) with `Windows`, of
    the potentials that stand when outputs fire.
    """

    earliest: tuple[np.ndarray, ...]
    latest: tuple[np.ndarray, ...]
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Envelope:
    """The network of early and late copies of another one.

    network: of twice as many neurons. shapes: of the original's input and layers.
    """

    network: Network
    shapes: tuple[tuple[int, int, int], ...]

    def bounds(self, times: np.ndarray, radius: float) -> Bounds:
        """Bounds for checked times (samples, inputs), of which each may move by the radius.

        Scratch memory is that of a part of the samples.
        """
        sizes, samples = [h * w * c for h, w, c in self.shapes], len(times)
        rows = [np.empty((samples, size), times.dtype) for size in (*sizes, *sizes)]
        ends = np.empty((2, samples, sizes[-1]), self.network.dtype)
        for some in chunks(self.network, samples, PART):
            found = self.some(times[some], radius)
            for whole, part in zip(rows, (*found.earliest, *found.latest), strict=True):
                whole[some] = part
            ends[:, some] = found.low, found.high
        return Bounds(tuple(rows[: len(sizes)]), tuple(rows[len(sizes) :]), *ends)

    def some(self, times: np.ndarray, radius: float) -> Bounds:
        """The same for samples that are computed at once."""
        network = self.network
        moved = self.moved(times, radius)
        found = cross_in_parts(network, moved, network.t_max)
        layers = [moved, *(spikes_of(network, found, k) for k in range(len(network.layers)))]
        pairs = [apart(layer, shape) for layer, shape in zip(layers, self.shapes, strict=True)]
        high, low = apart(found.potential, self.shapes[-1])
        earliest, latest = zip(*pairs, strict=True)
        return Bounds(earliest, latest, low, high)

    def moved(self, times: np.ndarray, radius: float) -> np.ndarray:
        """(samples, 2 x inputs) the input spikes as early and as late as they can be."""
        height, breadth, channels = self.shapes[0]
        given = times.reshape(len(times), height * breadth, channels)
        found = np.empty((len(times), height * breadth, 2, channels), times.dtype)
        early, late = found[:, :, 0], found[:, :, 1]
        end = up_to(self.network.stimulus_end, times.dtype)
        with np.errstate(over="ignore"):  # what moves to inf is gone
            farthest = -below(-radius, times.dtype)
            np.add(given, farthest, out=late)
        back = min(farthest, np.finfo(times.dtype).max)  # inf is silence and stays
        np.maximum(np.subtract(given, back, out=early), 0, out=early)
        return happening(found.reshape(len(times), 2 * times.shape[1]), end)


def apart(rows: np.ndarray, shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """(samples, neurons) of the early and of the late copies of a layer.

    >>> early, late = apart(np.arange(8)[None], (1, 2, 2))
    >>> early.tolist(), late.tolist()
    ([[0, 1, 4, 5]], [[2, 3, 6, 7]])
    """
    height, breadth, channels = shape
    both = rows.reshape(len(rows), height * breadth, 2, channels)
    early, late = (both[:, :, k].reshape(len(rows), rows.shape[1] // 2) for k in range(2))
    return early, late


def envelope_of(network: Network, times: Any) -> Envelope:
    """The envelope of a network for spike times of some dtype.

    InputError where roundings could be as large as a threshold.
    """
    layers = [
        replace(layer, shape=None, delay=delays_of(network, k))
        if layer.pools
        else copies_of(network, k, margins(network, k, times))
        for k, layer in enumerate(network.layers)
    ]
    height, breadth, channels = network.shapes[0]
    made = Network(
        *layers,
        psp=network.psp,
        t_max=network.t_max,
        dtype=network.dtype,
        shape=(height, breadth, 2 * channels),
        skips=[skip_of(network, skip) for skip in network.skips],
    )
    return Envelope(made, network.shapes)


def copies_of(network: Network, k: int, margin: np.ndarray) -> Any:
    """The early and late copies of a layer with weights. margin: (columns,) for roundings."""
    layer, high = network.layers[k], network.scaled_thresholds(k).astype(np.float64)
    thresholds, bias = np.tile(high, 2), None
    refuse_drowned(network, k, high, margin)
    if isinstance(network.psp, Windows):
        bias = biases_of(network, k, margin)
    else:
        low, top = below(high - margin, network.dtype), -below(-high - margin, network.dtype)
        thresholds = np.concatenate([low, top])
    weights = paired(network.weights[k], network.shapes[k][2])
    told: dict[str, Any] = {"initial": weights, "threshold": thresholds, "bias": bias}
    told |= {"delay": delays_of(network, k)}
    if isinstance(layer, Dense):
        return Dense(len(weights), weights.shape[1], **told)
    shape = (*network.shapes[k][:2], 2 * network.shapes[k][2])
    window = {"stride": layer.stride, "padding": layer.padding, "shape": shape}
    return Conv2d(weights.shape[1], layer.kernel_size, **window, **told)


@np.errstate(over="ignore")
def refuse_drowned(network: Network, k: int, high: np.ndarray, margin: np.ndarray) -> None:
    """Refuse a layer whose potentials may be wrong by as much as a threshold."""
    limits, windows = np.finfo(network.dtype), isinstance(network.psp, Windows)
    low = high if windows else (high - margin) * min(1.0, network.psp.unit)
    top = (high + margin) * max(1.0, network.psp.unit)
    if (low > limits.tiny).all() and (4 * top < limits.max).all():
        return
    cure = "; make the network with dtype=float" if network.dtype == np.float32 else ""
    raise InputError(
        f"certify: {network.title(k)} has weights so large, compared with its thresholds, that"
        f" roundings in {network.dtype} could decide whether a neuron fires{cure}"
    )


def paired(weights: np.ndarray, channels: int) -> np.ndarray:
    """The weights between early and late copies; channels: of the map below.

    >>> paired(np.array([[1.0], [-2.0]]), 2).tolist()
    [[1.0, 0.0], [0.0, -2.0], [0.0, 1.0], [-2.0, 0.0]]
    """
    given = weights.reshape(-1, channels, weights.shape[1])
    found = np.zeros((len(given), 2, channels, 2, weights.shape[1]), weights.dtype)
    found[:, 0, :, 0] = found[:, 1, :, 1] = np.maximum(given, 0)
    found[:, 0, :, 1] = found[:, 1, :, 0] = np.minimum(given, 0)
    return found.reshape(2 * len(weights), -1)


def biases_of(network: Network, k: int, margin: np.ndarray) -> np.ndarray:
    """The initial potentials of early and late copies: one for each channel or neuron."""
    layer = network.layers[k]
    given = network.scaled_bias(k)[:, : layer.columns].astype(np.float64)
    early, late = -below(-given - margin, network.dtype), below(given - margin, network.dtype)
    both = np.concatenate([early, late], axis=1).astype(np.float64)
    return both[0] if len(both) == 1 else both.reshape(*layer.gives[:2], -1)


def delays_of(network: Network, k: int) -> Any:
    """The delays of a layer with early and late copies: one for all, each input or each pair."""
    delays = network.delays[k]
    if not network.delayed[k]:
        return float(delays[0, 0])
    inputs, outputs = delays.shape
    given = delays.reshape(-1, 1, network.shapes[k][2], 1, outputs)
    copies = 2 if outputs > 1 or network.layers[k].delay.per == "pair" else 1
    tall = np.tile(given, (1, 2, 1, copies, 1)).reshape(2 * inputs, -1)
    return tall if copies == 2 else tall[:, 0]


def skip_of(network: Network, skip: Skip) -> Skip:
    """A skip between early and late copies."""
    scale, channels = network.scales[skip.target - 1], network.shapes[skip.source][2]
    shape = (*network.shapes[skip.source][:2], 2 * channels)
    if skip.layer is None:
        numbers = (skip.weights(channels) / scale).astype(network.dtype)
        if (numbers >= 0).all():
            return replace(skip, weight=np.tile(numbers, 2))
        one = Conv2d(2 * channels, 1, initial=paired(np.diag(numbers), channels), shape=shape)
        return replace(skip, layer=one, weight=1.0)
    weights = paired((skip.layer.initial / scale).astype(network.dtype), channels)
    if isinstance(skip.layer, Dense):
        return replace(skip, layer=Dense.of(weights))
    window = {"stride": skip.layer.stride, "padding": skip.layer.padding, "shape": shape}
    columns = weights.shape[1]
    return replace(skip, layer=Conv2d(columns, skip.layer.kernel_size, initial=weights, **window))
