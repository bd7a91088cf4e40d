"""Shapes of maps, and the windows through which a layer of maps sees the one below."""

from abc import ABC, abstractmethod
from dataclasses import replace
from functools import partial
from math import prod
from typing import Any, Self

import numpy as np

from ttfs.checks import NO_SPIKE, as_array, as_times, short, whole
from ttfs.errors import InputError, ShapeError
from ttfs.files.chunked import Chunked, chunked
from ttfs.kernels.reach import make_reach
from ttfs.network.layers import check_delay

MOST = 2**31 - 1  # neurons of a layer, and sizes of a window: they are numbered with 32 bits

Shape = tuple[int, int, int]
Pair = tuple[int, int]


class Maps(ABC):
    """A layer in which each neuron sees the map below through a window.

    This is what all layers of maps have in common; `Conv2d` and `MinPool2d` define the rest.
    """

    kernel_size: Any
    stride: Any
    padding: Any
    delay: Any
    shape: Any
    pools: bool  # whether neurons fire with the first spike of their window, without weights

    @property
    @abstractmethod
    def columns(self) -> int:
        """Channels of the layer, and columns of its weight matrix."""

    @property
    @abstractmethod
    def rows(self) -> int:
        """Rows of its weight matrix."""

    @property
    @abstractmethod
    def notation(self) -> str:
        """The layer in the notation of papers."""

    @property
    @abstractmethod
    def fan_in(self) -> int:
        """Number of inputs to a neuron whose window has no padding in it."""

    def check_window(self) -> None:
        """Normalise sizes, shape and delay; refuse those that are invalid or do not fit."""
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
        """This layer on top of a map of that shape; raise a ShapeError if it does not fit."""
        if self.shape not in (None, shape):
            raise ShapeError(f"{self} is for maps of {self.shape}, but gets {shape}")
        return self if self.shape else replace(self, shape=shape)  # type: ignore[type-var]

    @property
    def placed(self) -> Shape:
        """(height, width, channels) of the map below; a ShapeError if it is not known."""
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
        whose = f"{type(self).__name__} {self.notation}"
        return (*positions_of(self.placed, *self.windows, whose), self.columns)

    @property
    def positions(self) -> int:
        """Number of windows of the map below."""
        return self.gives[0] * self.gives[1]

    @property
    def inputs(self) -> int:
        """Number of neurons in the map below."""
        return prod(self.placed)

    @property
    def outputs(self) -> int:
        """Number of neurons in the layer."""
        return prod(self.gives)

    @property
    def reach(self) -> np.ndarray:
        """Which neurons each input reaches, in the format of `kernels.reach`."""
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


def rows_of(times: Any, shape: Shape) -> np.ndarray:
    """Spike times as rows (samples, inputs), from times given as rows or as maps of that shape.

    times: (samples, inputs) or (samples, height, width, channels); see `as_times`.

    Raises `ShapeError` for any other shape, with a hint on how to correct it if one is known.

    >>> rows_of([[[[1.0], [2.0]]], [[[3.0], [4.0]]]], (1, 2, 1))
    array([[1., 2.],
           [3., 4.]])
    """
    inputs = prod(shape)
    whose = f"times for {inputs} inputs"
    array = as_array(times, whose, masked=NO_SPIKE)
    if array.ndim > 2:
        if array.shape[1:] != shape:
            raise ShapeError(_no_maps(array.shape, shape, whose))
        array = array.reshape(len(array), inputs)
    return as_times(array, inputs, whose)


def source_of(times: Any, shape: Shape) -> np.ndarray | Chunked:
    """The same rows; of arrays that are kept in chunks, they are read and checked when needed."""
    found = chunked(times)
    return rows_of(times, shape) if found is None else found.map(partial(rows_of, shape=shape))


def _no_maps(found: tuple[int, ...], shape: Shape, whose: str) -> str:
    """The error message for an array that has neither the shape of rows nor that of maps."""
    height, width, channels = shape
    rest, inputs = found[1:], prod(shape)
    if (height, width) == (1, 1):
        flat = f"; pass times.reshape(-1, {inputs})" if prod(rest) == inputs else ""
        made = f", or make the Network(..., shape={rest})" if flat and len(rest) == 3 else ""
        return f"{whose} must be (samples, {inputs}), got {found}{flat}{made}"
    cure = ""
    if found == shape:
        cure = "; for one stimulus, pass times[None]"
    elif rest == (channels, height, width):
        cure = "; channels come last: pass np.moveaxis(times, 1, -1)"
    elif rest == (height, width) and channels == 1:
        cure = "; pass times[..., None]"
    maps = f"(samples, {height}, {width}, {channels})"
    return f"{whose} must be {maps} or (samples, {inputs}), got {found}{cure}"


def as_pair(size: Any, whose: str, least: int = 1) -> int | Pair:
    """One whole number, or (rows, columns) if the two differ.

    >>> as_pair((2, 2), "stride"), as_pair([1, 2], "stride")
    (2, (1, 2))
    """
    pair = size if isinstance(size, tuple | list) else (size, size)
    if len(pair) != 2:
        raise ShapeError(f"{whose} must be one number or (rows, columns), got {short(size)}")
    rows, columns = (whole(one, whose, least=least) for one in pair)
    if max(rows, columns) > MOST:
        raise InputError(f"{whose} must be {MOST} or less, got {short(size)}")
    return rows if rows == columns else (rows, columns)


def both(size: int | Pair) -> Pair:
    """(rows, columns) of a size."""
    return size if isinstance(size, tuple) else (size, size)


def positions_of(shape: Shape, window: Pair, stride: Pair, padding: Pair, whose: str) -> Pair:
    """How many windows fit onto a map, vertically and horizontally.

    Raises `ShapeError` for a window that is larger than the map with its padding, and for
    padding that is large enough to contain whole windows.

    >>> positions_of((28, 28, 1), (5, 5), (1, 1), (0, 0), "layer")
    (24, 24)
    """
    for size, wide, name in zip(padding, window, ("rows", "columns"), strict=True):
        if size >= wide:
            raise ShapeError(
                f"{whose}: a padding of {size} {name} leaves windows of {wide} without any input"
            )
    rooms = tuple(size + 2 * more for size, more in zip(shape, padding, strict=False))
    if rooms[0] < window[0] or rooms[1] < window[1]:
        around = f" with its padding, {rooms[0]} x {rooms[1]}" if any(padding) else ""
        first = shape[0] < shape[1] <= shape[2]  # channels first, as elsewhere
        hint = "; channels come last in (height, width, channels)" if first else ""
        hint = hint or ("; a dense layer is not a map" if shape[:2] == (1, 1) else "")
        raise ShapeError(
            f"{whose}: a window of {window[0]} x {window[1]} is larger than the map of"
            f" {shape[0]} x {shape[1]}{around}{hint}"
        )
    lines, places = (
        (room - wide) // step + 1 for room, wide, step in zip(rooms, window, stride, strict=True)
    )
    return lines, places


def sizes_in_words(size: int | Pair) -> str:
    """A size as written in the notation of a network.

    >>> sizes_in_words(5), sizes_in_words((3, 5))
    ('5', '3x5')
    """
    return "x".join(map(str, size)) if isinstance(size, tuple) else str(size)
