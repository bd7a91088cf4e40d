"""What a network is made of."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ttfs.checks import as_array, of_kind, short, whole
from ttfs.delays import Delays, as_delay
from ttfs.errors import InputError, ShapeError
from ttfs.weights import Binary, Real


@dataclass(frozen=True)
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
        whole(self.inputs, "Dense(inputs=...)")
        whole(self.outputs, "Dense(outputs=...)")
        delay = as_delay(self.delay, "Dense(delay=...)")
        if isinstance(delay, Delays):
            delay.check(self.inputs, self.outputs, "Dense(delay=...)")
        object.__setattr__(self, "delay", delay)
        kinds = "Real() or Binary(), numbers to begin with being initial=..."
        of_kind(self.weights, Real | Binary, "Dense(weights=...)", kinds)
        threshold = as_array(self.threshold, "Dense(threshold=...)")
        if threshold.shape not in ((), (self.outputs,)):
            raise ShapeError(
                f"Dense(threshold=...) must be one number or {self.outputs}, got {threshold.shape}"
            )
        if not (np.isfinite(threshold).all() and (threshold > 0).all()):
            raise InputError(
                f"Dense(threshold=...) must be above 0 and finite, got {short(self.threshold)}"
            )
        if self.initial is not None:
            initial = as_array(self.initial, "Dense(initial=...)")
            if initial.shape != (self.inputs, self.outputs):
                wanted = (self.inputs, self.outputs)
                raise ShapeError(f"Dense(initial=...) must be {wanted}, got {initial.shape}")
            if not np.isfinite(initial).all():
                raise InputError("Dense(initial=...) must be finite")

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
        if np.ndim(self.threshold) or self.threshold != 100.0:
            parts.append(f"threshold={self.threshold}")
        if isinstance(self.delay, Delays) or self.delay:
            parts.append(f"delay={self.delay}")
        return f"Dense({', '.join(parts)})"
