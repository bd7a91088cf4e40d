"""Shapes of maps, and the windows through which a layer of maps looks at the one below."""

from abc import ABC, abstractmethod
from dataclasses import replace
from math import prod
from typing import Any, Self

import numpy as np

from ttfs.checks import short, whole
from ttfs.errors import ShapeError
from ttfs.kernels.reach import make_reach
from ttfs.network.layers import check_delay

Shape = tuple[int, int, int]
Pair = tuple[int, int]


class Maps(ABC):
    """A layer each of whose neurons looks at the map below through a window of it.

    What layers of maps have in common; `Conv2d` and `MinPool2d` say the rest.
    """

    kernel_size: Any
    stride: Any
    padding: Any
    delay: Any
    shape: Any
    pools: bool  # whether the first spike of a window counts, and no sum of weights

    @property
    @abstractmethod
    def columns(self) -> int:
        """Channels of the layer, and columns of its matrix of weights."""

    @property
    @abstractmethod
    def rows(self) -> int:
        """Of its matrix of weights."""

    @property
    @abstractmethod
    def fan_in(self) -> int:
        """Inputs that a neuron hears, away from the padding."""

    def check_window(self) -> None:
        """Bring sizes, shape and delay into their form; refuse what is none or does not fit."""
        whose = type(self).__name__
        for name, least in (("kernel_size", 1), ("stride", 1), ("padding", 0)):
            size = as_pair(getattr(self, name), f"{whose}({name}=...)", least)
            object.__setattr__(self, name, size)
        shape = None if self.shape is None else as_shape(self.shape, f"{whose}(shape=...)")
        object.__setattr__(self, "shape", shape)
        inputs = None if shape is None else prod(shape)
        delay = check_delay(self.delay, inputs, f"{whose}(delay=...)")
        object.__setattr__(self, "delay", delay)
        if shape is not None:
            self.gives  # noqa: B018 - refuses windows that do not fit

    def after(self, shape: Shape) -> Self:
        """The same on top of a map of that shape; a ShapeError if it is for another."""
        if self.shape not in (None, shape):
            raise ShapeError(f"{self} is for maps of {self.shape}, but gets {shape}")
        return self if self.shape else replace(self, shape=shape)  # type: ignore[type-var]

    @property
    def placed(self) -> Shape:
        """(height, width, channels) of the map below; a ShapeError if nobody has said it."""
        if self.shape is None:
            raise ShapeError(f"{self} does not know its shape=(height, width, channels)")
        return self.shape

    @property
    def windows(self) -> tuple[Pair, Pair, Pair]:
        """Size, stride and padding, in rows and columns."""
        return both(self.kernel_size), both(self.stride), both(self.padding)

    @property
    def gives(self) -> Shape:
        """(height, width, channels) of the layer itself."""
        return (*positions_of(self.placed, *self.windows, f"{self}"), self.columns)

    @property
    def positions(self) -> int:
        """Windows of the map below."""
        return self.gives[0] * self.gives[1]

    @property
    def inputs(self) -> int:
        """Neurons of the map below."""
        return prod(self.placed)

    @property
    def outputs(self) -> int:
        """Neurons of the layer."""
        return prod(self.gives)

    @property
    def reach(self) -> np.ndarray:
        """Whom inputs reach, as `kernels.reach` has it."""
        return make_reach(self.placed, *self.windows, self.gives, self.pools)


def as_shape(shape: Any, whose: str) -> Shape:
    """(height, width, channels) of a map.

    >>> as_shape([28, 28, 1], "shape")
    (28, 28, 1)
    """
    if not isinstance(shape, tuple | list) or len(shape) != 3:
        raise ShapeError(f"{whose} must be (height, width, channels), got {short(shape)}")
    height, width, channels = (whole(size, whose) for size in shape)
    return height, width, channels


def as_pair(size: Any, whose: str, least: int = 1) -> int | Pair:
    """One whole number, or (rows, columns) if these differ.

    >>> as_pair((2, 2), "stride"), as_pair([1, 2], "stride")
    (2, (1, 2))
    """
    if not isinstance(size, tuple | list):
        return whole(size, whose, least=least)
    if len(size) != 2:
        raise ShapeError(f"{whose} must be one number or (rows, columns), got {short(size)}")
    rows, columns = (whole(one, whose, least=least) for one in size)
    return rows if rows == columns else (rows, columns)


def both(size: int | Pair) -> Pair:
    """(rows, columns) of a size."""
    return size if isinstance(size, tuple) else (size, size)


def positions_of(shape: Shape, window: Pair, stride: Pair, padding: Pair, whose: str) -> Pair:
    """How many windows fit onto a map, in lines and in places of a line.

    Raises `ShapeError` for a window that is larger than the map with its padding, and for a
    padding into which whole windows would fit.

    >>> positions_of((28, 28, 1), (5, 5), (1, 1), (0, 0), "layer")
    (24, 24)
    """
    for size, wide, name in zip(padding, window, ("rows", "columns"), strict=True):
        if size >= wide:
            raise ShapeError(
                f"{whose}: a padding of {size} {name} has windows of {wide} in it that hear nothing"
            )
    rooms = tuple(size + 2 * more for size, more in zip(shape, padding, strict=False))
    if rooms[0] < window[0] or rooms[1] < window[1]:
        around = f" with its padding, {rooms[0]} x {rooms[1]}" if any(padding) else ""
        raise ShapeError(
            f"{whose}: a window of {window[0]} x {window[1]} is larger than the map of"
            f" {shape[0]} x {shape[1]}{around}"
        )
    lines, places = (
        (room - wide) // step + 1 for room, wide, step in zip(rooms, window, stride, strict=True)
    )
    return lines, places


def sizes_in_words(size: int | Pair) -> str:
    """A size as it stands in the notation of a network.

    >>> sizes_in_words(5), sizes_in_words((3, 5))
    ('5', '3x5')
    """
    return "x".join(map(str, size)) if isinstance(size, tuple) else str(size)
