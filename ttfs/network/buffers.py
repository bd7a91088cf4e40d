"""The flat arrays of a chain of layers, in the form that kernels take."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ttfs.kernels.batch import LANES, WORD, Arrays
from ttfs.network.chain import Layer
from ttfs.network.layers import one_delay
from ttfs.network.weights import Binary

ALIGNMENT = 64  # bytes; a row that straddles cache lines is read twice
NEVER = 2**30  # a whole-number potential that no packed layer reaches


def aligned_zeros(size: int, dtype: Any) -> np.ndarray:
    """A vector of zeros that begins at a cache line."""
    room = np.zeros(size * np.dtype(dtype).itemsize + ALIGNMENT, np.uint8)
    start = -room.__array_interface__["data"][0] % ALIGNMENT  # which is faster than ctypes
    return room[start : start + size * np.dtype(dtype).itemsize].view(dtype)


def readonly(array: np.ndarray) -> np.ndarray:
    """A read-only view."""
    view = array.view()
    view.flags.writeable = False
    return view


def starts_of(lengths: np.ndarray) -> np.ndarray:
    """Start indices of consecutive parts of these lengths, and the end of the last."""
    return np.concatenate([[0], np.cumsum(lengths)])


def numbers_of(layers: Sequence[Layer]) -> int:
    """How many weights the layers have, including padding."""
    return sum(layer.rows * -(-layer.columns // LANES) * LANES for layer in layers)


def make_arrays(layers: Sequence[Layer], dtype: Any, t_max: float) -> Arrays:
    """The arrays of a chain; weights are still 0 and thresholds inf, as those of padding stay."""
    rows = np.array([layer.rows for layer in layers], np.int64)
    columns = np.array([layer.columns for layer in layers], np.int64)
    positions = np.array([layer.positions for layer in layers], np.int64)
    binary = np.array([isinstance(layer.weights, Binary) for layer in layers])
    widths = -(-columns // LANES) * LANES
    words = -(-columns // WORD)
    ends, bits = np.cumsum(rows * widths), np.cumsum(np.where(binary, rows * words, 0))
    arrays = Arrays(
        sizes=np.array([layers[0].inputs, *(layer.outputs for layer in layers)], np.int64),
        widths=widths,
        units=starts_of((positions - 1) * columns + widths),
        rows=np.concatenate([[0], ends[:-1]]),
        weights=aligned_zeros(ends[-1], dtype),
        thresholds=aligned_zeros(widths.sum(), dtype),
        delays=np.array([one_delay(layer) for layer in layers], np.float64),
        t_max=np.float64(t_max),
        words=starts_of(words),
        packed=np.zeros(len(layers), bool),
        bits=np.concatenate([[0], bits[:-1]]),
        signs=aligned_zeros(bits[-1], np.uint64),
        wholes=np.full((words.sum(), WORD), NEVER, np.int32),
        columns=starts_of(widths),
        reaches=np.stack([layer.reach for layer in layers]),
    )
    arrays.thresholds[:] = np.inf
    return arrays


def whole_thresholds(thresholds: np.ndarray) -> np.ndarray:
    """The smallest whole-number potentials that reach the thresholds; NaN is never reached."""
    known = np.where(np.isnan(thresholds), np.inf, thresholds)
    return np.clip(np.ceil(known), -NEVER, NEVER).astype(np.int32)
