"""Networks of ReLUs, from any source, as layers that fire and the inputs that they receive.

Everything between two ReLUs is linear and therefore a single sum: of the layers below, through
windows or one by one, and of a bias. A graph is built operation by operation; arrays are in this
package's order, channels last.
"""

from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np

from ttfs.errors import InputError
from ttfs.network.conv import Conv2d
from ttfs.network.layers import Dense
from ttfs.network.maps import both, positions_of
from ttfs.network.pool import MinPool2d
from ttfs.network.psp import Ramp
from ttfs.network.skips import Skip

Shape = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Term:
    """The contribution of one layer to a sum.

    source: number of the layer; 0 is the input. weights: (rows, columns, channels, outputs) for a
    window, (inputs, outputs) for all neurons, or (channels,) from each neuron to the one at the
    same position.
    """

    source: int
    weights: np.ndarray
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)

    @property
    def alone(self) -> bool:
        """Whether each neuron receives input only from the one at the same position."""
        return self.weights.ndim == 1

    def scaled(self, gain: np.ndarray) -> "Term":
        """The same term with each output multiplied by a gain."""
        return replace(self, weights=self.weights * gain)

    def layer(self, shape: Shape, **settings: Any) -> Dense | Conv2d:
        """The layer that computes this term."""
        weights = self.weights
        if weights.ndim == 2:
            return Dense(prod(shape), weights.shape[1], initial=weights, **settings)
        if self.alone:
            weights = np.diag(weights)[None, None]
        return Conv2d(
            weights.shape[3],
            weights.shape[:2],
            stride=self.stride,
            padding=self.padding,
            initial=weights,
            shape=shape,
            **settings,
        )


@dataclass(frozen=True, eq=False)
class Signal:
    """The result of an operation: a sum, not yet rectified.

    shape: channels last. source: the layer whose values the signal consists of, at most scaled and
    shifted by channel; None for any other sum. mean: the window and stride over which values of
    `source` are averaged. pools: windows whose largest value is to be taken once the sum is
    rectified. flat: whether the signal has been flattened.
    """

    shape: Shape
    terms: tuple[Term, ...]
    bias: np.ndarray
    source: int | None = None
    mean: tuple[Any, Any] | None = None
    pools: tuple[MinPool2d, ...] = ()
    flat: bool = False


@dataclass
class Graph:
    """The layers so far.

    shape: of the input. mean, std: `mean` is subtracted from the input's values, which are then
    divided by `std`, for all channels or for each. layers: with biases. limits: upper limits of
    their values; inf if there are none. psp, t_max: those of spiking layers of `ttfs.torch`, if
    there are any. channels_first: whether inputs were given in that order. told: a function that
    returns a module's outputs for (samples, height, width, channels), to compare with.
    """

    shape: Shape
    mean: Any = 0.0
    std: Any = 1.0
    layers: list[Any] = field(default_factory=list)
    limits: list[float] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)
    psp: Any = None
    t_max: float = 256.0
    channels_first: bool = False
    told: Any = None

    def __post_init__(self) -> None:
        self.shapes.append(self.shape)

    def input(self) -> Signal:
        """The input of the network."""
        channels = self.shape[2]
        mean, std = (
            per_channel(value, channels, name)
            for value, name in ((self.mean, "mean"), (self.std, "std"))
        )
        if not (std > 0).all():
            raise InputError(f"std must be above 0, got {std.min():g}")
        signal = self._values(0)
        return replace(signal, terms=(signal.terms[0].scaled(1 / std),), bias=-mean / std)

    def _values(self, source: int) -> Signal:
        """The values of a layer."""
        shape = self.shapes[source]
        terms = (Term(source, np.ones(shape[2])),)
        return Signal(shape, terms, np.zeros(shape[2]), source)

    def heard(self, signal: Signal, name: str) -> Signal:
        """The signal, if it consists of a layer's values, so that weights can be applied to it."""
        if signal.pools or signal.source is None:
            raise InputError(
                f"{name} follows another layer, norm or shift without a ReLU between them; put the"
                " two into one layer, or a ReLU between; a norm belongs before the ReLU"
            )
        return signal

    def dense(self, signal: Signal, weights: np.ndarray, bias: Any, name: str) -> Signal:
        """All neurons receive all values; weights are (inputs, outputs), channels last."""
        signal = self.heard(signal, name)
        assert signal.source is not None
        inputs, outputs = weights.shape
        if inputs != prod(signal.shape):
            raise InputError(f"{name} takes {inputs} values, but gets {prod(signal.shape)}")
        gain, offset = signal.terms[0].weights, signal.bias
        own = weights.reshape(-1, signal.shape[2], outputs)
        bias = _added(bias, np.einsum("pco,c->o", own, offset))
        own = own * gain[:, None]
        if signal.mean is not None:
            spread = _means(self.shapes[signal.source], *signal.mean)
            own = np.einsum("pq,qco->pco", spread, own)
        term = Term(signal.source, own.reshape(-1, outputs))
        return Signal((1, 1, outputs), (term,), bias)

    def conv(
        self,
        signal: Signal,
        weights: np.ndarray,
        bias: Any,
        stride: tuple[int, int],
        padding: tuple[int, int],
        name: str,
    ) -> Signal:
        """Neurons receive the values of windows; weights are (rows, columns, channels, outputs)."""
        signal = self.heard(signal, name)
        assert signal.source is not None
        signal = self._as_layer(signal)
        assert signal.source is not None
        gain, offset = signal.terms[0].weights, signal.bias
        if weights.shape[2] != signal.shape[2]:
            raise InputError(f"{name} takes {weights.shape[2]} channels, gets {signal.shape[2]}")
        places = positions_of(signal.shape, weights.shape[:2], stride, padding, name)
        shifts = np.einsum("yxco,c->yxo", weights, offset)
        if any(padding) and offset.any():  # neurons at a border receive fewer of them
            shifts = _within(signal.shape, shifts, stride, padding, places)
        else:
            shifts = shifts.sum(axis=(0, 1))
        bias = _added(bias, shifts)
        term = Term(signal.source, weights * gain[:, None], stride, padding)
        return Signal((*places, weights.shape[3]), (term,), bias)

    def norm(self, signal: Signal, gain: np.ndarray, offset: np.ndarray, name: str) -> Signal:
        """Each channel times a gain, plus an offset: a batch norm that no longer learns."""
        if signal.pools and (gain < 0).any():
            raise InputError(
                f"{name} flips the sign of values after max pooling; move the pooling behind the"
                " ReLU"
            )
        if len(gain) != signal.shape[2]:
            raise InputError(f"{name} is for {len(gain)} channels, but gets {signal.shape[2]}")
        terms = tuple(term.scaled(gain) for term in signal.terms)
        bias = signal.bias * gain + offset
        same = signal.source is not None
        return replace(signal, terms=terms, bias=bias, source=signal.source if same else None)

    def add(self, first: Signal, second: Signal, name: str) -> Signal:
        """The sum of two signals."""
        if first.shape != second.shape:
            raise InputError(f"{name} adds {first.shape} and {second.shape}, which differ")
        parts = [self._unpooled(signal, name) for signal in (first, second)]
        terms = tuple(term for part in parts for term in part.terms)
        return Signal(first.shape, terms, parts[0].bias + parts[1].bias, flat=first.flat)

    def _unpooled(self, signal: Signal, name: str) -> Signal:
        """The signal as a sum of terms alone, without pools or means."""
        if signal.pools:
            raise InputError(f"{name} adds what is pooled before it is rectified; use a ReLU first")
        return self._as_layer(signal)

    def _as_layer(self, signal: Signal) -> Signal:
        """The same signal, with a mean turned into a layer of its own."""
        if signal.mean is None:
            return signal
        ones = Term(signal.terms[0].source, np.ones(signal.shape[2]))
        plain = replace(signal, terms=(ones,), bias=np.zeros(signal.shape[2]))
        found = self.relu(plain, np.inf)
        terms = (found.terms[0].scaled(signal.terms[0].weights),)
        return replace(found, terms=terms, bias=signal.bias, flat=signal.flat)

    def max_pool(self, signal: Signal, window: MinPool2d) -> Signal:
        """The largest value of each window, channel by channel."""
        signal = self._as_layer(signal)
        placed = replace(window, shape=None).after(signal.shape)
        if signal.source is not None and not signal.bias.any() and _plain(signal):
            return self._pooled(signal, placed)
        return replace(signal, shape=placed.gives, source=None, pools=(*signal.pools, window))

    def _pooled(self, signal: Signal, placed: MinPool2d) -> Signal:
        """Add a layer that pools the last one."""
        if signal.source != len(self.layers):
            raise InputError(
                f"{placed} pools a layer that is not the last; pool before it branches"
            )
        return self._append(placed, np.inf)

    def mean_pool(self, signal: Signal, window: Any, stride: Any, name: str) -> Signal:
        """The mean of each window, channel by channel; before dense weights it needs no layer."""
        if signal.source is None:
            raise InputError(f"{name} averages what has not been rectified; use a ReLU first")
        signal = self._as_layer(signal)
        window, stride = both(window), both(stride)
        places = positions_of(signal.shape, window, stride, (0, 0), name)
        return replace(signal, shape=(*places, signal.shape[2]), mean=(window, stride))

    def relu(self, signal: Signal, limit: float) -> Signal:
        """Add a layer that fires: values above 0, up to a limit."""
        if signal.source is not None and signal.mean is None and limit == np.inf and _plain(signal):
            return signal  # values are never below 0
        if signal.mean is not None:
            (tall, broad), stride = signal.mean
            source, gain = signal.terms[0].source, signal.terms[0].weights
            weights = np.zeros((tall, broad, len(gain), len(gain)))
            weights[:, :] = np.diag(gain) / (tall * broad)
            terms: tuple[Term, ...] = (Term(source, weights, stride),)
        else:
            terms = signal.terms
        last = len(self.layers)
        mains = [k for k, term in enumerate(terms) if term.source == last]
        if not mains:
            raise InputError(
                f"layer {last + 1} does not receive from layer {last}: only chains of layers are"
                " converted, in which connections may skip some"
            )
        main = next((k for k in mains if not terms[k].alone), mains[0])
        layer = terms[main].layer(self.shapes[last], bias=signal.bias, threshold=1.0)
        found = self._append(layer, limit)
        for k, term in enumerate(terms):
            if k != main:
                self.skips.append(self._skip(term, last + 1))
        for window in signal.pools:
            placed = replace(window, shape=None).after(found.shape)
            found = self._append(placed, np.inf)
        return replace(found, flat=signal.flat)

    def _skip(self, term: Term, target: int) -> Skip:
        """A term as a skip connection."""
        if term.alone:
            return Skip(term.source, target, weight=term.weights)
        return Skip(term.source, target, layer=term.layer(self.shapes[term.source]))

    def _append(self, layer: Any, limit: float) -> Signal:
        """Append a layer, and return its values."""
        self.layers.append(layer)
        self.limits.append(limit)
        self.shapes.append(layer.gives)
        return self._values(len(self.layers))

    def flatten(self, signal: Signal) -> Signal:
        """The same signal in one row; the order stays that of maps, channels last."""
        return replace(signal, flat=True)

    def finish(self, signal: Signal) -> None:
        """Add the last layer: the network's outputs, one for each class."""
        plain = signal.source is not None and signal.mean is None and _plain(signal)
        if isinstance(self.psp, Ramp) and plain and signal.source == len(self.layers):
            return
        if signal.pools or plain:
            raise InputError(
                "a network must end with a layer that has weights, without a ReLU after it (and"
                " with output=True, if it is from ttfs.torch)"
            )
        if signal.shape[:2] != (1, 1):
            raise InputError(
                f"a network must end with one number for each class, not {signal.shape}"
            )
        self.relu(signal, np.inf)


def per_channel(value: Any, channels: int, name: str) -> np.ndarray:
    """(channels,) finite numbers, from a single number or one for each channel.

    >>> per_channel(0.5, 3, "mean")
    array([0.5, 0.5, 0.5])
    """
    found = np.asarray(value, np.float64)
    if found.shape not in ((), (1,), (channels,)) or not np.isfinite(found).all():
        raise InputError(f"{name} must be one finite number or {channels}, got {value!r}")
    return np.full(channels, found)


def _plain(signal: Signal) -> bool:
    """Whether a signal is the values of a layer, neither scaled nor shifted."""
    return bool((signal.terms[0].weights == 1).all()) and not signal.bias.any()


def _added(bias: Any, more: np.ndarray) -> np.ndarray:
    """The sum of a bias, if there is one, and more."""
    return more if bias is None else np.asarray(bias, np.float64) + more


def _within(
    shape: Shape, shifts: np.ndarray, stride: tuple[int, int], padding: tuple[int, int], places: Any
) -> np.ndarray:
    """(lines, places, outputs) sums of those shifts of a window that lie inside a map."""
    tall, broad, outputs = shifts.shape
    found = np.zeros((*places, outputs))
    inside = np.pad(np.ones(shape[:2]), [(p, p) for p in padding])
    for y in range(tall):
        for x in range(broad):
            there = inside[y:, x:][:: stride[0], :: stride[1]][: places[0], : places[1]]
            found += there[..., None] * shifts[y, x]
    return found


def _means(shape: Shape, window: Any, stride: Any) -> np.ndarray:
    """(pixels, windows) the weight of each pixel in the mean of each window."""
    lines, places = positions_of(shape, window, stride, (0, 0), "mean")
    found = np.zeros((shape[0], shape[1], lines, places))
    for y in range(lines):
        for x in range(places):
            v, u = y * stride[0], x * stride[1]
            found[v : v + window[0], u : u + window[1], y, x] = 1 / prod(window)
    return found.reshape(shape[0] * shape[1], lines * places)
