"""Parametrisation of the delays of a layer: one for each input, or one for each pair."""

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from ttfs.checks import MOST, as_array, as_bounds, moderate, positive, same, short
from ttfs.errors import InputError, ShapeError

BEND = 0.01  # of the horizon: about where a shrinking delay slows down, so that it stays above 0
LEAST = 1e-6  # of the horizon: the shortest delay with which training can begin


@dataclass(frozen=True, eq=False)
class Delays:
    """Delays from a spike below to its arrival, which may learn.

    A delay that learns is a smooth positive function of a latent real number p,

        delay = (p + sqrt(p² + b²)) / 2,    b = 1 % of the horizon,

    which is close to p where p is larger than b; for p below 0 it falls towards 0 without ever
    reaching it. Softplus has a similar shape, but bends at one unit of time, whatever that unit
    is, and needs an exponential and a logarithm, whose last bits differ between processors;
    those of sums, quotients and square roots do not.
    Delays for each input are the axonal delays of DelGrad (Göltz et al. 2025, arXiv 2404.19165),
    and delays for each pair its synaptic delays.

    Parameters
    ----------
    per: "input": a spike takes equally long to reach all neurons; "pair": each synapse has its
        own delay.
    init: initial delays, in the network's unit of time: a tuple (low, high), between which they
        are drawn from a uniform distribution, or an array (inputs,) or (inputs, outputs).
    rate: learning rate, relative to that of the weights; with 0 the delays are fixed.

    Two `Delays` are equal if all their settings are, delay by delay.

    Raises
    ------
    InputError: another `per`, delays that are negative or not finite.

    >>> Delays(per="pair", init=(0, 0.5), rate=0.3)
    Delays(per='pair', init=(0, 0.5), rate=0.3)
    """

    per: str
    init: Any
    rate: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.per, str) or self.per not in ("input", "pair"):
            raise InputError(f'Delays(per=...) must be "input" or "pair", got {short(self.per)}')
        positive(self.rate, "Delays(rate=...)", zero=True)
        init = as_delays(self.init, "Delays(init=...)")
        if self.drawn:
            if init.shape != (2,) or init[0] > init[1]:
                wanted = "(low, high) or an array"
                raise InputError(f"Delays(init=...) must be {wanted}, got {short(self.init)}")
            object.__setattr__(self, "init", as_bounds(self.init, "Delays(init=...)"))
        else:
            column = self.per == "input" and init.shape[1:] == (1,)
            object.__setattr__(self, "init", init[:, 0] if column else init)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Delays):
            return NotImplemented
        ours, theirs = (self.per, self.rate, self.drawn), (other.per, other.rate, other.drawn)
        return ours == theirs and same(self.init, other.init)

    def __hash__(self) -> int:
        return hash((self.per, self.rate, self.drawn))

    def __repr__(self) -> str:
        init = self.init if self.drawn else f"array{self.init.shape}"
        return f"Delays(per={self.per!r}, init={init}, rate={self.rate})"

    @property
    def drawn(self) -> bool:
        """Whether the initial delays are drawn at random."""
        return isinstance(self.init, tuple)

    def shape(self, inputs: int, outputs: int) -> tuple[int, int]:
        """The shape of a layer's delays: (inputs, 1) or (inputs, outputs)."""
        return inputs, 1 if self.per == "input" else outputs

    def check(self, inputs: int, outputs: int, whose: str) -> None:
        """Raise a ShapeError for an array that does not have the layer's shape."""
        wanted = (inputs,) if self.per == "input" else (inputs, outputs)
        if not self.drawn and self.init.shape != wanted:
            hint = "; (low, high) must be a tuple" if self.init.shape == (2,) else ""
            raise ShapeError(f"{whose} must be {wanted}, got {self.init.shape}{hint}")

    def first(self, inputs: int, outputs: int, rng: np.random.Generator) -> np.ndarray:
        """The initial delays, in their `shape`, as float64."""
        shape = self.shape(inputs, outputs)
        if self.drawn:
            low, high = self.init
            return rng.uniform(low, high, shape)
        return np.array(self.init, np.float64).reshape(shape)


def as_delay(delay: Any, whose: str) -> float | Delays:
    """One number, or `Delays`; an array becomes fixed `Delays`."""
    if isinstance(delay, Delays):
        return delay
    array = np.empty(()) if isinstance(delay, Real) else as_array(delay, whose)
    if array.ndim == 0:
        number = positive(delay if isinstance(delay, Real) else array.item(), whose, zero=True)
        return delay if type(delay) is int else number + 0.0  # 0 instead of -0
    per = "input" if array.ndim == 1 or array.shape[1:] == (1,) else "pair"
    return Delays(per, as_delays(array, whose), rate=0.0)


def as_delays(delays: Any, whose: str) -> np.ndarray:
    """Delays of any shape, copied to a float64 array."""
    array = as_array(delays, whose)
    with np.errstate(over="ignore"):
        own = np.array(array, np.float64) + 0.0  # a copy: what was given may change
    if own.size and not (np.isfinite(own).all() and own.min() >= 0):
        raise InputError(f"{whose} must be 0 or more and finite")
    return own


# A hyperbola and its inverse. With q = b² / 4 it is delay = p / 2 + sqrt(p² / 4 + q), and
# p = delay - q / delay.


def delays_of(latents: np.ndarray, t_max: float) -> np.ndarray:
    """The delays for latent numbers, of any shape; above 0.

    >>> delays_of(np.array([-0.1, 0.0, 3.0]), t_max=10.0).round(3)
    array([0.021, 0.05 , 3.001])
    """
    half, q = latents / 2, (BEND * t_max) ** 2 / 4
    root = np.sqrt(half * half + q)
    # two forms of the same; for latents below 0, the first would lose digits
    return np.where(half > 0, half + root, q / (root + np.abs(half)))


def latents_of(delays: np.ndarray, t_max: float) -> np.ndarray:
    """The latent numbers of delays above 0: the inverse of `delays_of`, except for rounding."""
    return delays - (BEND * t_max) ** 2 / 4 / delays


def first_latents(layer: Any, delays: np.ndarray, t_max: float, title: str) -> np.ndarray:
    """The initial latent numbers of a layer whose delays learn."""
    least = LEAST * moderate(t_max, "Network(t_max=...), where delays learn,")
    if layer.delay.drawn:
        delays = np.maximum(delays, least)
    if not (delays >= least).all():
        raise InputError(
            f"{title}: delays that learn must begin at {least:g} or more, got {delays.min():g}"
        )
    if not (delays <= MOST).all():
        raise InputError(
            f"{title}: delays that learn must be {MOST:g} or less, got {delays.max():g}"
        )
    return latents_of(delays, t_max)


def slopes_of(delays: np.ndarray, t_max: float) -> np.ndarray:
    """The derivative of each delay with respect to its latent number, in 0..1."""
    squares = delays * delays
    return squares / (squares + (BEND * t_max) ** 2 / 4)
