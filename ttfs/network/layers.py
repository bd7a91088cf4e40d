"""What a network is made of."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ttfs.checks import as_array, of_kind, same, short, whole
from ttfs.errors import InputError, ShapeError
from ttfs.network.delays import Delays, as_delay
from ttfs.network.weights import Binary, Real

MOST = 2**31 - 1  # neurons of a layer: what 32 bits number


@dataclass(frozen=True, eq=False)
class Dense:
    """A layer in which every input reaches every neuron.

    Parameters
    ----------
    inputs, outputs: numbers of neurons below and in the layer.
    weights: `Real()` or `Binary()`.
    threshold: potential at which a neuron fires; one number, or one for each neuron.
    delay: time from a spike below to its arrival, in the network's unit of time: one number;
        an array (inputs,) or (inputs, outputs), one for each input or pair; or `Delays`,
        which learn.
    initial: (inputs, outputs) weights to begin with, row i being what input i sends;
        drawn at random (see `Real`, `Binary`) if not given.

    Two are equal if they say the same, number by number.

    >>> Dense(784, 400, delay=1)
    Dense(784, 400, delay=1)
    >>> Dense.of([[1.0], [0.5]], threshold=1)
    Dense(2, 1, threshold=1)
    >>> Dense(4, 30, delay=Delays("pair", init=(0, 0.5)))
    Dense(4, 30, delay=Delays(per='pair', init=(0, 0.5), rate=1.0))
    """

    inputs: int
    outputs: int
    weights: Real | Binary = field(default_factory=Real)
    threshold: Any = 100.0
    delay: Any = 0.0
    initial: Any = None

    def __post_init__(self) -> None:
        for name in ("inputs", "outputs"):
            size = whole(getattr(self, name), f"Dense({name}=...)")
            object.__setattr__(self, name, size)
        delay = as_delay(self.delay, "Dense(delay=...)")
        if isinstance(delay, Delays):
            delay.check(self.inputs, self.outputs, "Dense(delay=...)")
        object.__setattr__(self, "delay", delay)
        kinds = "Real() or Binary(), numbers to begin with being initial=..."
        of_kind(self.weights, Real | Binary, "Dense(weights=...)", kinds)
        object.__setattr__(self, "threshold", as_threshold(self.threshold, self.outputs))
        if self.initial is not None:
            initial = as_array(self.initial, "Dense(initial=...)")
            object.__setattr__(self, "initial", initial)
            if initial.shape != (self.inputs, self.outputs):
                wanted = (self.inputs, self.outputs)
                raise ShapeError(f"Dense(initial=...) must be {wanted}, got {initial.shape}")
            if not np.isfinite(initial).all():
                raise InputError("Dense(initial=...) must be finite")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Dense):
            return NotImplemented
        ours, theirs = (
            (layer.inputs, layer.outputs, layer.weights, layer.delay) for layer in (self, other)
        )
        return (
            ours == theirs
            and same(self.threshold, other.threshold)
            and same(self.initial, other.initial)
        )

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
            raise ShapeError(f"Dense.of(...) wants (inputs, outputs) weights, got {array.shape}")
        inputs, outputs = array.shape
        return cls(inputs, outputs, initial=array, **settings)

    def __repr__(self) -> str:
        parts = [str(self.inputs), str(self.outputs)]
        if self.weights != Real():
            parts.append(f"weights={self.weights}")
        if not same(self.threshold, 100.0):
            parts.append(f"threshold={self.threshold}")
        if isinstance(self.delay, Delays) or self.delay:
            parts.append(f"delay={self.delay}")
        return f"Dense({', '.join(parts)})"


def as_threshold(threshold: Any, outputs: int) -> Any:
    """One threshold or (outputs,), as given; of arrays a copy, which cannot be changed."""
    array = as_array(threshold, "Dense(threshold=...)")
    if array.shape not in ((), (outputs,)):
        raise ShapeError(f"Dense(threshold=...) must be one number or {outputs}, got {array.shape}")
    with np.errstate(over="ignore", under="ignore"):
        checked = array.astype(np.float64)
    if not (np.isfinite(checked).all() and (checked > 0).all()):
        raise InputError(f"Dense(threshold=...) must be above 0 and finite, got {short(threshold)}")
    if isinstance(threshold, list) or array.ndim == 0:
        return threshold if isinstance(threshold, int | float) else array.tolist()
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def mean_threshold(layer: Dense) -> float:
    """The mean of a layer's thresholds."""
    with np.errstate(over="ignore"):
        return float(np.mean(layer.threshold))


def one_delay(layer: Dense) -> float:
    """The delay of a layer for its kernels; inf, so that nothing arrives, if it has several."""
    return np.inf if isinstance(layer.delay, Delays) else layer.delay


def delay_rate(layer: Dense) -> float:
    """How fast a layer's delays learn, relative to its weights; 0 if they do not."""
    return layer.delay.rate if isinstance(layer.delay, Delays) else 0.0


def check_chain(layers: tuple[Dense, ...]) -> tuple[Dense, ...]:
    """Layers that fit onto each other."""
    if not layers:
        raise InputError("Network needs at least one layer")
    for number, layer in enumerate(layers, start=1):
        if not isinstance(layer, Dense):
            raise InputError(f"layer {number} must be a Dense layer, got {short(layer)}")
        if max(layer.inputs, layer.outputs) > MOST:
            raise InputError(f"Dense {number} must have {MOST} neurons or fewer, got {layer}")
        if number > 1 and layer.inputs != layers[number - 2].outputs:
            raise ShapeError(
                f"Dense {number} expects {layer.inputs} inputs,"
                f" but Dense {number - 1} has {layers[number - 2].outputs} outputs"
            )
    return layers
