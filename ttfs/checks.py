"""What the user passed -> clean arrays and numbers, or an error that says whose and why."""

from contextlib import suppress
from typing import Any

import numpy as np

from ttfs.errors import InputError, ShapeError

NO_SPIKE = float("inf")
"""The time of a spike that does not happen: silence, everywhere, and nothing else."""


def short(value: Any) -> str:
    """What a value looks like, in one line of an error."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:60]}... ({type(value).__name__})"


def of_kind(value: Any, kinds: Any, whose: str, wanted: str) -> Any:
    """The value, if it is of one of these kinds."""
    if not isinstance(value, kinds):
        raise InputError(f"{whose} must be {wanted}, got {short(value)}")
    return value


def several(values: Any, kinds: Any, whose: str, wanted: str) -> tuple[Any, ...]:
    """A list or tuple whose items are all of these kinds, as a tuple."""
    of_kind(values, list | tuple, whose, wanted)
    return tuple(of_kind(value, kinds, whose, wanted) for value in values)


def as_array(values: Any, whose: str) -> np.ndarray:
    """A numeric array, or an InputError."""
    try:
        array = np.asarray(values)
    except ValueError:
        raise ShapeError(f"{whose} must be numbers in rows of equal length") from None
    if array.dtype.kind not in "buif":
        raise InputError(f"{whose} must be numbers, got {array.dtype}")
    return array


def as_times(times: Any, neurons: int, whose: str) -> np.ndarray:
    """Spike times (samples, neurons), C-contiguous; float32 stays, all else becomes float64."""
    array = as_array(times, whose)
    if array.ndim == 1 and array.size == neurons:
        raise ShapeError(
            f"{whose} must be (samples, {neurons}), got ({neurons},);"
            " for one stimulus, pass times[None]"
        )
    if array.ndim != 2 or array.shape[1] != neurons:
        raise ShapeError(f"{whose} must be (samples, {neurons}), got {array.shape}")
    dtype = array.dtype if array.dtype == np.float32 else np.float64
    array = np.require(array, dtype, ["C", "A", "W"])  # other arrays would be compiled for anew
    check_times(array, whose)
    return array


def check_times(times: np.ndarray, whose: str) -> None:
    """No NaN, nothing below zero; inf is silence."""
    if times.size and not times.min() >= 0:
        bad = times[np.isnan(times) | (times < 0)].flat[0]
        raise InputError(f"{whose} must be 0 or later, or inf for silence; got {bad}")


def as_labels(labels: Any, samples: int, classes: int) -> np.ndarray:
    """Labels (samples,) in 0..classes-1 as int64."""
    array = as_array(labels, "labels")
    if array.shape != (samples,):
        raise ShapeError(f"labels must be ({samples},), one for each sample; got {array.shape}")
    with np.errstate(invalid="ignore"):
        whole = array.astype(np.int64)
    if array.dtype.kind == "f" and not np.array_equal(whole, array):
        raise InputError(f"labels must be whole numbers, got {array[whole != array][0]}")
    if samples and not (whole.min() >= 0 and whole.max() < classes):
        raise InputError(
            f"labels must be in 0..{classes - 1}, one output neuron each;"
            f" got {whole.min()}..{whole.max()}"
        )
    return whole


def positive(value: Any, whose: str, *, zero: bool = False) -> float:
    """A finite number above zero (or from zero on)."""
    number = None
    with suppress(TypeError, ValueError, OverflowError):
        number = None if isinstance(value, str) else float(value)
    if number is None:
        raise InputError(f"{whose} must be a number, got {short(value)}")
    if not np.isfinite(number) or number < 0 or (number == 0 and not zero):
        raise InputError(
            f"{whose} must be {'0 or more' if zero else 'above 0'}, got {short(value)}"
        )
    return number


def whole(value: Any, whose: str, *, least: int = 1) -> int:
    """A whole number, `least` or more."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InputError(f"{whose} must be a whole number, {least} or more; got {short(value)}")
    return int(value)


def as_text(value: Any, whose: str, *, most: int = 100) -> str:
    """Text that fits into one line of any screen: printable, and not too long.

    >>> as_text("time constant", "Network(unit=...)")
    'time constant'
    """
    if not isinstance(value, str):
        raise InputError(f"{whose} must be a text, got {short(value)}")
    if len(value) > most or not value.isprintable():
        raise InputError(
            f"{whose} must be printable text of at most {most} characters, got {short(value)}"
        )
    return value


def shown(value: Any, most: int = 2000) -> str:
    """A value for one line of a screen: what cannot be printed is escaped, what is long is cut.

    >>> print(shown("two\\nlines and \\x1b[31mred"))
    two\\nlines and \\x1b[31mred
    """
    text = str(value)
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[:most])
    return line if max(len(text), len(line)) <= most else f"{line[:most]}..."
