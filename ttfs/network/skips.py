"""Connections past layers, as in residual networks."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ttfs.checks import as_array, convert, moderate, of_kind, several, whole
from ttfs.errors import InputError, ShapeError
from ttfs.kernels.reach import count_reached
from ttfs.network.conv import Conv2d
from ttfs.network.delays import Delays
from ttfs.network.layers import Dense, told_alike
from ttfs.network.psp import Response, Windows
from ttfs.network.weights import Real

LAYERS = Dense | Conv2d


@dataclass(frozen=True, eq=False)
class Skip:
    """A connection from an earlier layer, in addition to the one from the layer below.

    Its spikes arrive later by as many windows as they skip, so skips are possible only with
    `Windows`.

    Parameters
    ----------
    source, target: numbers of the layers that send and receive the spikes; 0 is the input.
    layer: a `Dense` or `Conv2d` with `initial` weights, which connects the source to the target.
        None: each neuron receives input from the source's neuron at the same place.
    weight: of these one-to-one synapses, if `layer` is None: one number, or one for each channel.

    Raises
    ------
    InputError, ShapeError: a layer without weights, or a weight that is not a number.

    >>> Skip(1, 3)
    Skip(1, 3)
    """

    source: int
    target: int
    layer: Any = None
    weight: Any = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "source", whole(self.source, "Skip(source=...)", least=0))
        object.__setattr__(self, "target", whole(self.target, "Skip(target=...)"))
        if self.layer is not None:
            wanted = "a Dense or Conv2d layer with real weights, or None"
            of_kind(self.layer, LAYERS, "Skip(layer=...)", wanted)
            whose = f"Skip(layer={self.layer})"
            of_kind(self.layer.weights, Real, f"{whose}: weights", "Real()")
            if self.layer.initial is None:
                raise InputError(f"{whose} must have initial weights")
            if self.layer.bias is not None or self.layer.delay != 0:
                raise InputError(f"{whose} must have no bias and no delay of its own")
        weight = as_array(self.weight, "Skip(weight=...)").astype(np.float64)
        if weight.ndim > 1 or not np.isfinite(weight).all():
            raise InputError("Skip(weight=...) must be one finite number, or one for each channel")
        weight.flags.writeable = False
        object.__setattr__(self, "weight", weight.item() if weight.ndim == 0 else weight)

    def __eq__(self, other: object) -> bool:
        return told_alike(self, other)

    def __hash__(self) -> int:
        return hash((self.source, self.target, self.layer))

    def __repr__(self) -> str:
        parts = [str(self.source), str(self.target)]
        parts += [] if self.layer is None else [f"layer={self.layer}"]
        return f"Skip({', '.join(parts)})"

    def delay(self, psp: Response, windows: tuple[int, ...]) -> float:
        """The delay with which its spikes arrive together with those of the layer below.

        windows: in which the input and each layer fire.
        """
        assert isinstance(psp, Windows)
        return psp.begin(windows[self.target] - 1 - windows[self.source])

    def fan_out(self, neurons: int) -> np.ndarray:
        """(neurons,) how many target neurons each source neuron reaches."""
        counts = np.ones(neurons, np.int64)
        if self.layer is not None:
            count_reached(self.layer.reach, counts)
        return counts

    def numbers(self, columns: int) -> np.ndarray:
        """Its weights: (rows, columns) of its layer, or (columns,), the same at every position."""
        return self.weights(columns) if self.layer is None else self.layer.initial

    def weights(self, columns: int) -> np.ndarray:
        """(columns,) the weight for each channel, the same at every position; without a layer."""
        return np.broadcast_to(np.asarray(self.weight, np.float64), columns)


def windows_of(layers: Any) -> tuple[int, ...]:
    """The window in which the input and each layer fire, numbered from 0."""
    found = [0]
    for layer in layers:
        found.append(found[-1] + (not layer.pools))
    return tuple(found)


def check_skips(skips: Any, layers: Any, shapes: Any) -> tuple[Skip, ...]:
    """The checked skips of a chain; their layers know the shapes of their source maps."""
    windows, placed = windows_of(layers), []
    wanted = "a list of Skip(source, target)"
    for skip in several(skips, Skip, "Network(skips=...)", wanted):
        if skip.target > len(layers):
            raise InputError(f"{skip}: there is no layer {skip.target}; the last is {len(layers)}")
        if layers[skip.target - 1].pools:
            raise InputError(f"{skip}: a layer that pools receives only from the layer below")
        if skip.source >= skip.target or windows[skip.source] >= windows[skip.target]:
            why = f"layer {skip.source} does not fire before layer {skip.target} does"
            raise InputError(f"{skip}: {why}")
        below, above = shapes[skip.source], shapes[skip.target]
        if skip.layer is not None:
            layer = skip.layer.after(below)
            if layer.gives != above:
                raise ShapeError(f"{skip} gives {layer.gives}, but layer {skip.target} is {above}")
            skip = replace(skip, layer=layer)
        elif below != above:
            raise ShapeError(
                f"{skip}: layer {skip.source} is {below}, layer {skip.target} is {above}; say"
                " how they are connected: Skip(..., layer=Conv2d(...))"
            )
        elif np.shape(skip.weight) not in ((), above[2:]):
            raise ShapeError(
                f"{skip}: weight must be one number or {above[2]}, got {np.shape(skip.weight)}"
            )
        placed.append(skip)
    return tuple(placed)


def check_numbers(network: Any) -> None:
    """Refuse biases and weights of skips that the network's dtype cannot hold."""
    for k, bias in enumerate(network.biases):
        if bias is not None:
            scaled = bias / network.scales[k]
            convert(scaled, np.empty(bias.shape, network.dtype), f"{network.title(k)}: bias")
    for skip in network.skips:
        numbers = skip.numbers(network.shapes[skip.target][2]) / network.scales[skip.target - 1]
        convert(numbers, np.empty(numbers.shape, network.dtype), f"{skip}: weights")


def check_code(layers: Any, skips: Any, psp: Response) -> None:
    """Refuse skips, biases and delays that a response does not allow."""
    if not isinstance(psp, Windows):
        biased = any(layer.bias is not None for layer in layers)
        if skips or biased:
            what = skips[0] if skips else "a layer with a bias"
            raise InputError(f"{what} needs Network(psp=Windows()), the network has {psp}")
        return
    moderate(psp.begin(windows_of(layers)[-1] + 1), f"{psp}: the end of the last window")
    for number, layer in enumerate(layers, start=1):
        if isinstance(layer.delay, Delays) or layer.delay:
            title = f"{type(layer).__name__} {number}"
            raise InputError(f"{title}: with {psp}, layers must have no delay")
