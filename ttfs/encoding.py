"""Values -> spike times: the brighter, the earlier."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ttfs.checks import as_array, positive
from ttfs.errors import InputError


@dataclass(frozen=True)
class Latency:
    """The settings of `encode_latency`, to be kept with a model; call it to encode.

    >>> encoder = Latency(t_max=256, steps=True)
    >>> encoder(np.array([255, 128, 0], np.uint8))
    array([  0., 127.,  inf], dtype=float32)
    """

    t_max: float = 256.0
    steps: bool = False
    zero_silent: bool = True

    def __call__(self, values: Any) -> np.ndarray:
        return encode_latency(
            values, t_max=self.t_max, steps=self.steps, zero_silent=self.zero_silent
        )


def encode_latency(
    values: Any, *, t_max: float = 256.0, steps: bool = False, zero_silent: bool = True
) -> np.ndarray:
    """Spike times, linear in the value: the largest value fires at 0, the smallest last.

    t = (1 - v) t_max for v in [0, 1]; a time that reaches `t_max` is silence (inf).

    Parameters
    ----------
    values: any shape. Floating point in [0, 1], or uint8 in 0..255 (v = value / 255).
    t_max: horizon in the unit of time wanted.
    steps: round times down to whole steps, as S4NN does:
        floor((255 - p) t_max / 255) for a pixel p.
    zero_silent: whether a value of 0 is silent. If not, it fires at the last moment before
        `t_max` and all times are scaled to that: with t_max 256 and steps, at 255 - p, as
        in BS4NN.

    Returns
    -------
    Times in the shape of `values`; float64 for float64 values, else float32.

    Raises
    ------
    InputError: NaN, values out of range, another dtype.

    >>> encode_latency(np.array([1.0, 0.75, 0.0]), t_max=100)
    array([ 0., 25., inf])
    """
    array = as_array(values, "values")
    t_max = positive(t_max, "encode_latency(t_max=...)")
    if array.dtype == np.uint8:
        top, dtype = 255.0, np.dtype("float32")
    elif array.dtype.kind == "f":
        top, dtype = 1.0, np.dtype("float64" if array.dtype.itemsize > 4 else "float32")
    else:
        raise InputError(f"values must be uint8 or floating point in [0, 1], got {array.dtype}")
    if array.size and not (array.min() >= 0 and array.max() <= top):
        raise InputError(f"values must be in 0..{top:g} and not NaN")
    latest = _latest(t_max, steps, zero_silent, dtype)
    levels = np.arange(256.0) if array.dtype == np.uint8 else array.astype(np.float64)
    times = np.asarray((top - levels) * latest / top)
    if steps:
        np.floor(times, out=times)
    times = times.astype(dtype)
    times[(times >= t_max) | (zero_silent & (levels == 0))] = np.inf
    return np.asarray(times[array]) if array.dtype == np.uint8 else times


def _latest(t_max: float, steps: bool, zero_silent: bool, dtype: np.dtype) -> float:
    """The time of a value of 0: the horizon, or the last moment before it."""
    if zero_silent:
        return t_max
    latest = dtype.type(t_max)
    while latest >= t_max:
        latest = np.nextafter(latest, dtype.type(0))
    return float(np.floor(latest) if steps else latest)
