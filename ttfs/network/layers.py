"""What a network is made of."""

from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np

from ttfs.checks import as_array, of_kind, same, short, whole
from ttfs.errors import InputError, ShapeError
from ttfs.kernels.reach import make_reach
from ttfs.network.delays import Delays, as_delay
from ttfs.network.weights import Binary, Real


@dataclass(frozen=True, eq=False)
class Dense:
    """A layer in which every input reaches every neuron.

    Parameters
    ----------
    inputs, outputs: numbers of neurons below and in the layer; with inputs None, a `Network`
        takes the number from the layer below.
    weights: `Real()` or `Binary()`.
    threshold: potential at which a neuron fires; one number, or one for each neuron.
    delay: time from a spike below to its arrival, in the network's unit of time: one number;
        an array (inputs,) or (inputs, outputs), one for each input or pair; or `Delays`,
        which learn.
    bias: initial potential: one number, or one for each neuron; with None, it is 0 and does
        not learn. Only with `Windows`.
    initial: (inputs, outputs) initial weights; row i holds the weights of input i. Drawn at
        random (see `Real`, `Binary`) if not given.

    Two layers are equal if all their settings are, number by number.

    >>> Dense(784, 400, delay=1)
    Dense(784, 400, delay=1)
    >>> Dense.of([[1.0], [0.5]], threshold=1)
    Dense(2, 1, threshold=1)
    >>> Dense(4, 30, delay=Delays("pair", init=(0, 0.5)))
    Dense(4, 30, delay=Delays(per='pair', init=(0, 0.5), rate=1.0))
    """

    inputs: Any
    outputs: int
    weights: Real | Binary = field(default_factory=Real)
    threshold: Any = 100.0
    delay: Any = 0.0
    initial: Any = None
    bias: Any = None

    pools = False
    word = "hidden"
    kind = "dense"

    def __post_init__(self) -> None:
        if self.inputs is not None:
            object.__setattr__(self, "inputs", whole(self.inputs, "Dense(inputs=...)"))
        object.__setattr__(self, "outputs", whole(self.outputs, "Dense(outputs=...)"))
        delay = as_delay(self.delay, "Dense(delay=...)")
        if isinstance(delay, Delays) and self.inputs is not None:
            delay.check(self.inputs, self.outputs, "Dense(delay=...)")
        object.__setattr__(self, "delay", delay)
        kinds = "Real() or Binary(); numbers go to initial=..."
        of_kind(self.weights, Real | Binary, "Dense(weights=...)", kinds)
        whose = "Dense(threshold=...)"
        object.__setattr__(self, "threshold", as_threshold(self.threshold, self.outputs, whose))
        object.__setattr__(self, "bias", as_bias(self.bias, self.outputs, "Dense(bias=...)"))
        if self.initial is not None:
            initial = as_array(self.initial, "Dense(initial=...)")
            object.__setattr__(self, "initial", initial)
            if self.inputs is None and initial.ndim == 2:
                object.__setattr__(self, "inputs", len(initial))
            if initial.shape != (self.inputs, self.outputs):
                wanted = (self.inputs, self.outputs)
                raise ShapeError(f"Dense(initial=...) must be {wanted}, got {initial.shape}")
            if not np.isfinite(initial).all():
                raise InputError("Dense(initial=...) must be finite")

    def __eq__(self, other: object) -> bool:
        return told_alike(self, other)

    def __hash__(self) -> int:
        return hash((self.inputs, self.outputs, self.weights, self.delay))

    @classmethod
    def of(cls, initial: Any, **settings: Any) -> "Dense":
        """A layer with the given (inputs, outputs) weights and other settings of `Dense`.

        Raises `ShapeError` or `InputError` for what is no matrix of finite numbers.

        >>> Dense.of([[1.0], [0.5]], threshold=1)
        Dense(2, 1, threshold=1)
        """
        array = as_array(initial, "Dense.of(...)")
        if array.ndim != 2:
            raise ShapeError(f"Dense.of(...) takes (inputs, outputs) weights, got {array.shape}")
        inputs, outputs = array.shape
        return cls(inputs, outputs, initial=array, **settings)

    def __repr__(self) -> str:
        parts = [str(self.inputs), str(self.outputs), *settings_in_words(self)]
        return f"Dense({', '.join(parts)})"

    def after(self, shape: tuple[int, int, int]) -> "Dense":
        """This layer on top of one of that shape; raise a ShapeError if it does not fit."""
        below = prod(shape)
        if self.inputs not in (None, below):
            raise ShapeError(f"{self} has {self.inputs} inputs, but gets {below}")
        return self if self.inputs else replace(self, inputs=below)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of its input: to a dense layer, a map of one position."""
        return 1, 1, self.inputs

    @property
    def gives(self) -> tuple[int, int, int]:
        """(height, width, channels) of the layer itself."""
        return 1, 1, self.outputs

    @property
    def positions(self) -> int:
        """One: all neurons are at the same position."""
        return 1

    @property
    def rows(self) -> int:
        """Rows of the weight matrix: one for each input."""
        return self.inputs

    @property
    def columns(self) -> int:
        """Columns of the weight matrix: one for each neuron."""
        return self.outputs

    @property
    def fan_in(self) -> int:
        """Number of inputs to each neuron."""
        return self.inputs

    @property
    def reach(self) -> np.ndarray:
        """Which neurons each input reaches, in the format of `kernels.reach`."""
        one, none = (1, 1), (0, 0)
        return make_reach(self.shape, one, one, none, self.gives, False)

    @property
    def notation(self) -> str:
        """The layer in the notation of papers: its number of neurons."""
        return str(self.outputs)


def told_alike(one: Any, other: object) -> bool:
    """Whether two layers have equal settings, number by number: their `__eq__`."""
    if type(one) is not type(other):
        return NotImplemented
    return all(same_setting(value, vars(other)[name]) for name, value in vars(one).items())


def same_setting(one: Any, other: Any) -> bool:
    """Whether two settings of layers are equal."""
    plain = isinstance(one, Delays | Real | Binary) or isinstance(other, Delays | Real | Binary)
    return one == other if plain else same(one, other)


def settings_in_words(layer: Any) -> list[str]:
    """The settings of a layer that are not the default, for its `__repr__`."""
    parts = [f"weights={layer.weights}"] if layer.weights != Real() else []
    if not layer.pools and not same(layer.threshold, 100.0):
        parts.append(f"threshold={'...' if np.size(layer.threshold) > 8 else layer.threshold}")
    if isinstance(layer.delay, Delays) or layer.delay:
        parts.append(f"delay={layer.delay}")
    if not layer.pools and layer.bias is not None:
        parts.append(f"bias={layer.bias if np.ndim(layer.bias) == 0 else '...'}")
    return parts


def check_delay(delay: Any, inputs: int | None, whose: str) -> float | Delays:
    """Check the delay of a layer of maps: one number, or `Delays` for each input."""
    found = as_delay(delay, whose)
    if isinstance(found, Delays):
        if found.per == "pair":
            given = "one per pair" if found.drawn else f"{found.init.shape}"
            wanted = "(inputs,)" if inputs is None else f"({inputs},)"
            raise InputError(
                f"{whose} must be one number, or {wanted}, one for each input; got {given}"
            )
        if inputs is not None:
            found.check(inputs, 1, whose)
    return found


def as_threshold(threshold: Any, outputs: int, whose: str) -> Any:
    """One threshold or (outputs,), as given; arrays are copied, and the copy is read-only."""
    array = as_array(threshold, whose)
    if array.shape not in ((), (outputs,)):
        raise ShapeError(f"{whose} must be one number or {outputs}, got {array.shape}")
    with np.errstate(over="ignore", under="ignore"):
        checked = array.astype(np.float64)
    if not (np.isfinite(checked).all() and (checked > 0).all()):
        raise InputError(f"{whose} must be above 0 and finite, got {short(threshold)}")
    if isinstance(threshold, list) or array.ndim == 0:
        return threshold if isinstance(threshold, int | float) else array.tolist()
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def as_bias(bias: Any, outputs: int, whose: str, gives: Any = None) -> Any:
    """None, one number or (outputs,), as given; arrays are copied, and the copy is read-only.

    gives: the shape of a map, if there may be one number for each of its neurons.
    """
    if bias is None:
        return None
    array = as_array(bias, whose)
    if array.shape not in ((), (outputs,), gives):
        wanted = outputs if gives is None else f"{outputs}, or {gives}"
        raise ShapeError(f"{whose} must be one number or {wanted}, got {array.shape}")
    own = array.astype(np.float64)
    if not np.isfinite(own).all():
        raise InputError(f"{whose} must be finite, got {short(bias)}")
    if array.ndim == 0:
        return own.item()
    own.flags.writeable = False
    return own


def first_bias(layer: Any) -> np.ndarray | None:
    """(columns,) or (outputs,) initial biases of a layer; None where they stay 0."""
    if np.ndim(layer.bias) == 3:
        return layer.bias.reshape(-1).copy()
    return None if layer.bias is None else np.full(layer.columns, layer.bias, np.float64)


def mean_threshold(layer: Any) -> float:
    """The mean of a layer's thresholds."""
    with np.errstate(over="ignore"):
        return float(np.mean(layer.threshold))


def one_delay(layer: Any) -> float:
    """The delay of a layer for kernels; if it has several, inf, so that nothing arrives."""
    return np.inf if isinstance(layer.delay, Delays) else layer.delay


def delay_rate(layer: Any) -> float:
    """How fast a layer's delays learn, relative to its weights; 0 if they do not."""
    return layer.delay.rate if isinstance(layer.delay, Delays) else 0.0
