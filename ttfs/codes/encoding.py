"""Values -> spike times: the larger the value, the earlier (latency) or the later (direct)."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from ttfs.checks import as_array, flag, moderate, positive, span
from ttfs.codes.first_spikes import first_spikes as first_spikes  # part of this module's interface
from ttfs.errors import InputError, ShapeError
from ttfs.files.chunked import chunked


@dataclass(frozen=True)
class Latency:
    """The settings of `encode_latency`, to be saved with a model; call it to encode values.

    >>> encoder = Latency(t_max=256, steps=True)
    >>> encoder(np.array([255, 128, 0], np.uint8))
    array([  0., 127.,  inf], dtype=float32)
    """

    t_max: float = 256.0
    steps: bool = False
    zero_silent: bool = True

    def __post_init__(self) -> None:
        moderate(self.t_max, "Latency(t_max=...)")
        flag(self.steps, "Latency(steps=...)")
        flag(self.zero_silent, "Latency(zero_silent=...)")

    def __call__(self, values: Any) -> Any:
        if (found := chunked(values)) is not None:
            return found.map(self)
        return encode_latency(
            values, t_max=self.t_max, steps=self.steps, zero_silent=self.zero_silent
        )

    def inputs(self, values: int) -> int:
        """The number of inputs that a network needs for this number of values."""
        return values

    @property
    def window(self) -> float:
        """The time by which all inputs that fire at all have fired."""
        return self.t_max


@dataclass(frozen=True)
class Direct:
    """Spike times that grow with the value, from `early` for 0 to `late` for the largest.

    t = early + v (late - early), as in the encoding of Yin-Yang by Göltz et al. 2021 (arXiv
    1912.11443), in synaptic time constants. Call it on values as for `encode_latency`; with a
    `bias`, the last axis of the times is one longer than that of the values. No input is silent.

    Parameters
    ----------
    early, late: times of the smallest and the largest value.
    bias: time of an additional last input that fires for every sample; None for no such input.
    t_max: horizon of the network for these times, later than all of them.

    >>> Direct(bias=0.9)(np.array([[0.0, 0.5, 1.0]]))
    array([[0.15 , 1.075, 2.   , 0.9  ]])
    """

    early: float = 0.15
    late: float = 2.0
    bias: float | None = None
    t_max: float = 4.0

    def __post_init__(self) -> None:
        early = positive(self.early, "Direct(early=...)", zero=True)
        late = moderate(self.late, "Direct(late=...)")
        bias = 0.0 if self.bias is None else positive(self.bias, "Direct(bias=...)", zero=True)
        t_max = moderate(self.t_max, "Direct(t_max=...)")
        if not early < late < t_max:
            raise InputError(
                f"Direct must have early < late < t_max, got {early:g}, {late:g} and {t_max:g}"
            )
        if bias >= t_max:
            raise InputError(f"Direct(bias=...) must be below t_max {t_max:g}, got {bias:g}")
        single = np.array([early, late, max(late, bias)], np.float32)
        if not single[0] < single[1] or float(single[2]) >= t_max:
            raise InputError(
                "Direct must have early, late, bias and t_max that float32 can tell apart,"
                f" got {early!r}, {late!r}, {bias!r} and {t_max!r}"
            )

    def __call__(self, values: Any) -> Any:
        if (found := chunked(values)) is not None:
            return found.map(self)
        array, top, dtype = brightness(values)
        if self.bias is not None and array.ndim == 0:
            raise ShapeError("Direct(bias=...) needs values (..., inputs), got a single one")
        share = array.astype(np.float64) / top
        times = np.minimum(self.early + share * (self.late - self.early), self.late).astype(dtype)
        if self.bias is None:
            return np.asarray(times)
        always = np.full((*array.shape[:-1], 1), self.bias, dtype)
        return np.concatenate([times, always], axis=-1)

    def inputs(self, values: int) -> int:
        """The number of inputs that a network needs for this number of values."""
        return values + (self.bias is not None)

    @property
    def window(self) -> float:
        """The time by which all inputs but the bias have fired."""
        return self.late


def encode_latency(
    values: Any, *, t_max: float = 256.0, steps: bool = False, zero_silent: bool = True
) -> np.ndarray:
    """Spike times, linear in the value: the largest value fires at 0, the smallest last.

    t = (1 - v) t_max for v in [0, 1]; a time that reaches `t_max` is silence (inf).

    Parameters
    ----------
    values: any shape. Floating point in [0, 1], or uint8 in 0..255 (v = value / 255).
    t_max: horizon, in any unit of time.
    steps: whether to round times down to whole steps, as in S4NN:
        floor((255 - p) t_max / 255) for a pixel p.
    zero_silent: whether a value of 0 is silent. If not, it fires at the last moment before
        `t_max` and all times are scaled accordingly: with t_max 256 and steps, a pixel p fires
        at 255 - p, as in BS4NN.

    Returns
    -------
    Times in the shape of `values`; float64 for float64 values, else float32.

    Raises
    ------
    InputError: NaN, values out of range, any other dtype.

    Warns if times are to be whole steps but only step 0 exists, at which all values would fire.

    >>> encode_latency(np.array([1.0, 0.75, 0.0]), t_max=100)
    array([ 0., 25., inf])
    """
    t_max = moderate(t_max, "encode_latency(t_max=...)")
    if flag(steps, "encode_latency(steps=...)") and t_max <= 1:
        warnings.warn(
            f"whole steps before t_max {t_max:g} are step 0 alone: all values that fire do so at"
            " once; raise t_max or do without steps",
            stacklevel=3,
        )
    zero_silent = flag(zero_silent, "encode_latency(zero_silent=...)")
    array, top, dtype = brightness(values)
    latest = _latest(t_max, steps, zero_silent, dtype)
    levels = np.arange(256.0) if array.dtype == np.uint8 else array.astype(np.float64)
    times = np.asarray((top - levels) * latest / top)
    if steps:
        np.floor(times, out=times)
    times = times.astype(dtype)
    times[(times >= dtype.type(t_max)) | (zero_silent & (levels == 0))] = np.inf
    return np.asarray(times[array]) if array.dtype == np.uint8 else times


def brightness(values: Any) -> tuple[np.ndarray, float, np.dtype]:
    """Values as an array, their largest possible value, and the dtype of their times."""
    array = as_array(values, "values")
    if array.dtype == np.uint8:
        top, dtype = 255.0, np.dtype("float32")
    elif array.dtype.kind == "f":
        top, dtype = 1.0, np.dtype("float64" if array.dtype.itemsize > 4 else "float32")
    else:
        raise InputError(f"values must be uint8 or floating point in [0, 1], got {array.dtype}")
    if array.size and not (array.min() >= 0 and array.max() <= top):
        pixels = top < array.max() <= 255
        cure = "; divide pixels of 0..255 by 255, or keep them as uint8" if pixels else ""
        raise InputError(f"values must be in 0..{top:g} and not NaN, got {span(array)}{cure}")
    return array, top, dtype


def _latest(t_max: float, steps: bool, zero_silent: bool, dtype: np.dtype) -> float:
    """The time of a value of 0: the horizon, or the last moment before it."""
    if zero_silent:
        return t_max
    latest = np.nextafter(dtype.type(t_max), dtype.type(0))
    return float(np.floor(latest) if steps else latest)
