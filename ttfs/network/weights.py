"""Parametrisations of the weights of a layer: real numbers, or one bit each."""

from dataclasses import dataclass, fields

import numpy as np

from ttfs.checks import as_bounds, positive

Bounds = tuple[float, float]


def in_words(weights: "Real | Binary") -> str:
    """A `__repr__` that leaves out a rate of 1, as in the checkpoints of version 0.1."""
    told = [f.name for f in fields(weights) if f.name != "rate" or weights.rate != 1]
    settings = ", ".join(f"{name}={getattr(weights, name)!r}" for name in told)
    return f"{type(weights).__name__}({settings})"


def needed(inputs: int) -> float:
    """By default, how many more positive than negative inputs bring a neuron to its threshold.

    20 of 784, 17 of 600, 6 of 64: with this number, a layer neither stays silent nor fires at
    the first few spikes, whatever they are.
    """
    return max(1.0, 0.7 * inputs**0.5)


@dataclass(frozen=True)
class Real:
    """Weights that are real numbers.

    `init`: (low, high) of the uniform distribution from which they are drawn, in the unit of the
    threshold; by default they have both signs, and a size that follows from the number of inputs.
    S4NN on MNIST uses (0, 5) for its first layer and (0, 48) for the second.
    `rate`: learning rate of the layer, relative to that of the others.

    >>> Real(init=(0, 5))
    Real(init=(0, 5))
    """

    init: Bounds | None = None
    rate: float = 1.0

    def __post_init__(self) -> None:
        if self.init is not None:
            object.__setattr__(self, "init", as_bounds(self.init, "Real(init=...)"))
        positive(self.rate, "Real(rate=...)", zero=True)

    def __repr__(self) -> str:
        return in_words(self)

    def bounds(self, inputs: int, outputs: int, threshold: float) -> Bounds:
        """(low, high) for a layer of this size."""
        high = 2 * threshold / needed(inputs)
        return (-0.9 * high, high) if self.init is None else self.init

    def first_scale(self, inputs: int, threshold: float) -> float:
        """The scale of real weights: 1."""
        return 1.0


@dataclass(frozen=True)
class Binary:
    """One-bit weights: the signs of latent real weights, which learn.

    The network adds +1 and -1, and a layer's threshold is divided by its `scale`. This is
    equivalent to multiplying the signs by it, but keeps the potential a whole number. The scale
    learns with `scale_rate` times the learning rate of the weights; 0 keeps it fixed. Its
    initial value is `scale`; if not given, it is such that, whatever the threshold, the number
    of synapses needed to reach it follows from the number of inputs.
    `init`: (low, high) of the uniform distribution from which latent weights are drawn; by
    default two in three are positive. A latent weight of exactly 0 counts as +1. `clip` keeps
    latent weights within +-clip, so that none grows too large to change its sign again.
    `rate`: learning rate of the layer, relative to that of the others. With rule `S4NN` this is
    BS4NN (Kheradpisheh, Mirsadeghi & Masquelier 2021, arXiv 2007.04039).

    >>> Binary(scale=5, scale_rate=0)
    Binary(init=None, scale=5, scale_rate=0, clip=inf)
    """

    init: Bounds | None = None
    scale: float | None = None
    scale_rate: float = 0.1
    clip: float = np.inf
    rate: float = 1.0

    def __post_init__(self) -> None:
        if self.init is not None:
            object.__setattr__(self, "init", as_bounds(self.init, "Binary(init=...)"))
        if self.scale is not None:
            positive(self.scale, "Binary(scale=...)")
        positive(self.scale_rate, "Binary(scale_rate=...)", zero=True)
        positive(self.clip, "Binary(clip=...)", endless=True)
        positive(self.rate, "Binary(rate=...)", zero=True)

    def __repr__(self) -> str:
        return in_words(self)

    def bounds(self, inputs: int, outputs: int, threshold: float) -> Bounds:
        """(low, high) of the latent weights of a layer of this size."""
        high = min(60 / outputs**0.5, self.clip)
        return (-high / 2, high) if self.init is None else self.init

    def first_scale(self, inputs: int, threshold: float) -> float:
        """The initial scale of a layer of this size."""
        return threshold / needed(inputs) if self.scale is None else self.scale
