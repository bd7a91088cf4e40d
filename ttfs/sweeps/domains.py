"""What a setting of a sweep is chosen from."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

Value = Any  # what a setting of `ttfs train` may be: text, a number, a flag, a list of widths


class Chooser(Protocol):
    """Who chooses: at random, or having learned from earlier trials."""

    def pick(self, name: str, values: Sequence[Value]) -> Value:
        """One of these values."""

    def number(self, name: str, among: "Range") -> float:
        """A number in a range, a whole one if that is asked for."""


@dataclass(frozen=True)
class Choice:
    """One of several values."""

    values: tuple[Value, ...]

    def choose(self, name: str, chooser: Chooser) -> Value:
        """One of the values."""
        return chooser.pick(name, self.values)

    def examples(self) -> list[Value]:
        """All of them."""
        return list(self.values)


@dataclass(frozen=True)
class Range:
    """A number from `low` to `high`, both included.

    log: whether its logarithm, not the number itself, is spread evenly. whole: without fractions.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def choose(self, name: str, chooser: Chooser) -> Value:
        """A number of the range."""
        return chooser.number(name, self)

    def examples(self) -> list[Value]:
        """The least and the largest."""
        return [self.low, self.high]


@dataclass(frozen=True)
class Stack:
    """Dense hidden layers as papers write them, 200-100: so many of them, each of some width."""

    depths: tuple[int, ...]
    width: Range

    def choose(self, name: str, chooser: Chooser) -> Value:
        """A depth, and then a width for each layer."""
        depth = chooser.pick(f"{name}.depth", self.depths)
        widths = (chooser.number(f"{name}.{k + 1}", self.width) for k in range(depth))
        return "-".join(map(str, widths))

    def examples(self) -> list[Value]:
        """The narrowest and the widest, shallow and deep."""
        ends = self.width.examples()
        return ["-".join([str(one)] * depth) for depth in self.depths for one in ends]


Domain = Choice | Range | Stack


@dataclass(frozen=True)
class Drawn:
    """Chooses at random."""

    rng: np.random.Generator

    def pick(self, name: str, values: Sequence[Value]) -> Value:
        """One of the values, all equally likely."""
        return values[int(self.rng.integers(len(values)))]

    def number(self, name: str, among: Range) -> float:
        """A number that is spread evenly over the range or over its logarithm.

        >>> chooser = Drawn(np.random.default_rng(0))
        >>> chooser.number("hidden", Range(10, 1000, log=True, whole=True))
        184
        """
        if among.whole:  # the ends are as likely as their neighbours
            wider = replace(among, low=among.low - 0.5, high=among.high + 0.5, whole=False)
            return int(min(max(round(self.number(name, wider)), among.low), among.high))
        if among.log:
            ends = math.log(among.low), math.log(among.high)
            return min(max(math.exp(self.rng.uniform(*ends)), among.low), among.high)
        return float(self.rng.uniform(among.low, among.high))
