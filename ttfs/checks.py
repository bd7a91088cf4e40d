"""Turns user input into clean arrays and numbers, or errors that name the argument and reason."""

import inspect
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from ttfs.errors import InputError, ShapeError, TTFSError

NO_SPIKE = float("inf")
"""The time of a spike that does not happen: silence, everywhere, and nothing else."""

SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
LEAST, MOST = 1e-30, 1e30  # of times and their scales: squares and quotients stay finite
ENDLESS = 2**1023  # whole numbers below it fit a float
DEEPEST = 64  # most levels of nested lists of which NumPy makes an array
PLAIN = {int, float, bool, str, type(None), np.ndarray}  # types with neither a unit nor a mask
UNITS = "units", "unit", "dimensionality", "has_same_dimensions"  # attributes of quantities


def short(value: Any) -> str:
    """A value as text, short enough for one line of an error."""
    if isinstance(value, type):
        return f"the class {value.__name__}, not an instance: {value.__name__}(...)"
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a whole number of thousands of digits is not written out
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:60]}... ({type(value).__name__})"


def plural(unit: str) -> str:
    """A unit after several of it: words have a plural, symbols have none.

    >>> plural("step"), plural("time constant"), plural("ms")
    ('steps', 'time constants', 'ms')
    """
    word = unit.split(" ")[-1]
    counted = len(word) > 3 and word.isalpha() and not word.endswith("s")
    return f"{unit}s" if counted else unit


def quantity(value: float, unit: str) -> str:
    """A value and its unit.

    >>> quantity(1, "step"), quantity(1.5, "window"), quantity(20, "ms")
    ('1 step', '1.5 windows', '20 ms')
    """
    text = f"{value:.0f}" if 100 <= value < 1e6 else f"{value:.3g}"
    return f"{text} {unit if text == '1' else plural(unit)}".rstrip()


def span(values: np.ndarray) -> str:
    """From where to where some numbers are; NaN if there are any.

    >>> span(np.array([2.0, 0.5])), span(np.array([1.0, np.nan]))
    ('0.5 to 2', 'NaN')
    """
    if values.dtype.kind == "f" and np.isnan(values).any():
        return "NaN"
    return f"{values.min():g} to {values.max():g}"


def same_content(one: Any, other: object) -> bool:
    """Whether two records of one type have equal contents, arrays included: their `__eq__`."""
    if type(one) is not type(other):
        return NotImplemented
    return all(np.array_equal(a, vars(other)[name]) for name, a in vars(one).items())


def of_kind(value: Any, kinds: Any, whose: str, wanted: str) -> Any:
    """The value, if it is of one of these kinds."""
    if not isinstance(value, kinds):
        raise InputError(f"{whose} must be {wanted}, got {short(value)}")
    return value


def flag(value: Any, whose: str) -> bool:
    """True or False, or 1 or 0."""
    wanted = "True or False"
    if of_kind(value, bool | np.bool_ | int, whose, wanted) not in (False, True):
        raise InputError(f"{whose} must be {wanted}, got {short(value)}")
    return bool(value)


def several(values: Any, kinds: Any, whose: str, wanted: str) -> tuple[Any, ...]:
    """A list or tuple whose items are all of these kinds, as a tuple."""
    of_kind(values, list | tuple, whose, wanted)
    return tuple(of_kind(value, kinds, whose, wanted) for value in values)


def as_array(values: Any, whose: str, *, masked: float | None = None) -> np.ndarray:
    """A numeric array, or an InputError.

    Nothing that is more than plain numbers is accepted: units and sparse matrices are refused,
    and masked entries become `masked`, or are refused if that is None.
    """
    if type(values) is np.ndarray and values.dtype.kind in "buif":
        return values
    try:
        array = np.asarray(_bare(values, whose, masked))
    except (TTFSError, MemoryError):
        raise
    except Exception as error:  # whatever an object of another package does when it is read
        if isinstance(error, ValueError) and isinstance(values, list | tuple):
            raise ShapeError(f"{whose} must be numbers in rows of equal length") from None
        said = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{whose} must be numbers that NumPy can read, but {type(values).__name__} says:"
            f" {said[:200]}; for a PyTorch tensor, pass .detach().float().numpy(), for a sparse"
            " one, .to_dense() first"
        ) from None
    if array.dtype.kind not in "buif":
        got = short(values) if isinstance(values, type) else f"{array.dtype}{_cure(values, array)}"
        raise InputError(f"{whose} must be numbers, got {got}")
    return array


def _bare(values: Any, whose: str, masked: float | None) -> Any:
    """The values without masks; units and sparse matrices are refused."""
    hidden = 0
    for value in _foreign(values):
        refuse_units(value, whose)
        if has(value, "toarray"):
            kind = type(value).__name__
            raise InputError(f"{whose} must be a dense array, got {kind}: pass .toarray()")
        if isinstance(value, np.ma.MaskedArray):
            hidden += int(np.ma.getmaskarray(value).sum())
    if hidden and masked is None:
        raise InputError(
            f"{whose} must not be masked, got {hidden} masked values: pass .filled(...) with the"
            " value that takes their place"
        )
    return _filled(values, masked) if hidden else values


def _foreign(values: Any, depth: int = DEEPEST) -> Iterator[Any]:
    """All objects in nested lists and tuples that may have a unit or a mask."""
    if type(values) in PLAIN or isinstance(values, np.generic):
        return
    if not isinstance(values, list | tuple):
        yield values
    elif depth and not set(map(type, values)) <= PLAIN:
        for value in values:
            yield from _foreign(value, depth - 1)


def _filled(values: Any, masked: float | None) -> Any:
    """Lists and arrays with masked entries replaced by a number, in floating point."""
    if isinstance(values, list | tuple):
        return [_filled(value, masked) for value in values]
    if not isinstance(values, np.ma.MaskedArray):
        return values
    floating: Any = values.astype(np.promote_types(values.dtype, np.float32))
    return floating.filled(masked)


def has(value: Any, name: str) -> bool:
    """Whether an object or its class has an attribute, without evaluating the attribute."""
    return inspect.getattr_static(value, name, None) is not None


def refuse_units(value: Any, whose: str) -> None:
    """Refuse a number or array with a unit, which would otherwise be dropped."""
    noted = getattr(value, "attrs", None) if has(value, "attrs") else None
    known = isinstance(noted, Mapping) and not noted.keys().isdisjoint(UNITS)
    if (known or any(has(value, name) for name in UNITS)) and not isinstance(value, type):
        raise InputError(
            f"{whose} must be plain numbers, got {type(value).__name__} with a unit: pass its"
            " magnitude in the network's unit, such as .rescale('ms').magnitude,"
            " .to('ms').magnitude or .to_value('ms')"
        )


def _cure(values: Any, array: np.ndarray) -> str:
    """Advice on how values become an array of numbers, if it is known."""
    if array.dtype.kind == "m":
        return "; divide them by the network's unit, such as np.timedelta64(1, 'ms')"
    return "; if they are, pass .to_numpy(float)" if has(values, "to_numpy") else ""


def as_times(times: Any, neurons: int, whose: str) -> np.ndarray:
    """Spike times (samples, neurons), C-contiguous; float32 stays, all else becomes float64.

    Masked times are silent.
    """
    array = as_array(times, whose, masked=NO_SPIKE)
    if array.ndim == 1 and array.size == neurons:
        raise ShapeError(
            f"{whose} must be (samples, {neurons}), got ({neurons},);"
            " for one stimulus, pass times[None]"
        )
    if array.ndim != 2 or array.shape[1] != neurons:
        raise ShapeError(f"{whose} must be (samples, {neurons}), got {array.shape}")
    if array.dtype not in (SINGLE, DOUBLE) or not array.flags.carray:
        dtype = SINGLE if array.dtype == SINGLE else DOUBLE
        with np.errstate(over="ignore"):  # times too late for float64 are silent
            array = np.require(array, dtype, ["C", "A", "W"])  # others would need new compilation
    check_times(array, whose)
    return array


def check_times(times: np.ndarray, whose: str) -> None:
    """Refuse NaN and times below zero; inf is silence."""
    if (
        times.size and not times.item(times.argmin()) >= 0
    ):  # argmin finds a NaN first; it takes a fifth of the time of min()
        bad = times[np.isnan(times) | (times < 0)].flat[0]
        raise InputError(f"{whose} must be 0 or later, or inf for silence; got {bad}")


def as_labels(labels: Any, samples: int, classes: int) -> np.ndarray:
    """Labels (samples,) in 0..classes-1 as int64."""
    array = as_array(labels, "labels")
    if array.shape != (samples,):
        raise ShapeError(
            f"labels must be ({samples},), one for each sample; got {array.shape}"
            + flat_labels(array, samples)
        )
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


def flat_labels(labels: np.ndarray, samples: int) -> str:
    """Advice on how labels of another shape become (samples,), if they show how."""
    if labels.size == samples and samples == max(labels.shape, default=0):
        return "; labels.ravel() flattens them"
    numbers = labels.ndim == 2 and labels.size and labels.dtype.kind in "buif"
    if numbers and labels.min() == 0 and labels.max() == 1:
        for axis, name in ((1, "rows"), (0, "columns")):
            alone = (np.count_nonzero(labels, axis=axis) == 1).all()
            if alone and labels.shape[1 - axis] == samples:
                return f"; labels.argmax(axis={axis}) decodes one-hot {name}"
    return ""


def positive(value: Any, whose: str, *, zero: bool = False, endless: bool = False) -> float:
    """A finite number above zero; 0 is allowed with `zero`, inf with `endless`."""
    found = number(value, whose)
    if endless and found == np.inf:
        return found
    if not np.isfinite(found) or found < 0 or (found == 0 and not zero):
        wanted = "0 or more" if zero else "above 0"
        raise InputError(f"{whose} must be {wanted}, got {short(value)}")
    return found


def number(value: Any, whose: str, wanted: str = "a number") -> float:
    """One real number as a float."""
    if type(value) is float:
        return value
    for foreign in _foreign(value):
        refuse_units(foreign, whose)
    kind = getattr(getattr(value, "dtype", None), "kind", "f")
    if isinstance(value, np.ndarray):  # which could be changed afterwards
        cure = ": pass .item()" if value.size == 1 else ""
        raise InputError(f"{whose} must be {wanted}, got {short(value)}{cure}")
    with suppress(Exception):  # whatever an object of another package does when it is read
        if not isinstance(value, str | bytes | bytearray | bool) and kind in "iuf":
            return float(value)
    raise InputError(f"{whose} must be {wanted}, got {short(value)}")


def as_bounds(bounds: Any, whose: str) -> tuple[float, float]:
    """Two finite numbers, the lower first, as a tuple; numbers can be drawn between them."""
    array = as_array(bounds, whose)
    with np.errstate(over="ignore"):
        low, high = array.astype(np.float64).tolist() if array.shape == (2,) else (np.inf, 0.0)
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise InputError(f"{whose} must be (low, high), got {short(bounds)}")
    if high - low == np.inf:
        raise InputError(f"{whose} must not be so far apart, got {short(bounds)}")
    plain = (bounds[k] if type(bounds[k]) in (int, float) else (low, high)[k] for k in (0, 1))
    low, high = (bound + 0 for bound in plain)  # -0 becomes 0, which a generator takes as larger
    return low, high


def moderate(value: Any, whose: str, *, zero: bool = False) -> float:
    """A time or price, or 0 with `zero`, neither so small nor so large that sums overflow."""
    found = positive(value, whose, zero=zero)
    if not (LEAST <= found <= MOST or found == 0):
        raise InputError(f"{whose} must be from {LEAST:g} to {MOST:g}, got {short(value)}")
    return found


def whole(value: Any, whose: str, *, least: int = 1) -> int:
    """A whole number, `least` or more, that is not too large to fit a float."""
    kinds = isinstance(value, int | np.integer) and not isinstance(value, bool | np.timedelta64)
    if not kinds or value < least:
        raise InputError(f"{whose} must be a whole number, {least} or more; got {short(value)}")
    if value >= ENDLESS:
        raise InputError(f"{whose} must be below 2**1023, got {short(value)}")
    return int(value)


def same(one: Any, other: Any) -> bool:
    """Whether two settings are equal, numbers in lists and arrays one by one."""
    if one is None or other is None:
        return one is other
    return bool(np.array_equal(one, other))


def convert(values: np.ndarray, room: np.ndarray, whose: str, factor: float = 1.0) -> None:
    """Write numbers, times a factor, in another precision; overflow or underflow is an error."""
    if factor == 1 and (values.dtype == room.dtype or np.can_cast(values.dtype, room.dtype)):
        room[...] = values
        return
    with np.errstate(over="ignore", under="ignore"):
        room[...] = values if factor == 1 else values.astype(np.float64) * factor
    lost = (values != 0) & (room == 0) | np.isfinite(values) & ~np.isfinite(room)
    if lost.any():
        bad = f"{np.broadcast_to(values, room.shape)[lost][0]:g}"
        bad += "" if factor == 1 else f" times the rise {factor:g}"
        raise InputError(f"{whose} must fit {room.dtype}, in which {bad} is {room[lost][0]:g}")


def check_dtype(dtype: Any, whose: str) -> np.dtype:
    """The dtype, if it is float32 or float64."""
    try:
        checked = None if dtype is None else np.dtype(dtype)
    except Exception:  # NumPy raises many kinds of errors for what is no dtype
        checked = None
    if checked not in (np.float32, np.float64):
        raise InputError(f"{whose} must be float32 or float64, got {short(dtype)}")
    return checked


def as_text(value: Any, whose: str, *, most: int = 100) -> str:
    """Text that fits on one line of any screen: printable, and not too long.

    >>> as_text("time constant", "Network(unit=...)")
    'time constant'
    """
    if not isinstance(value, str):
        raise InputError(f"{whose} must be a string, got {short(value)}")
    if len(value) > most or not value.isprintable():
        raise InputError(
            f"{whose} must be printable text of at most {most} characters, got {short(value)}"
        )
    return value


def shown(value: Any, most: int = 2000) -> str:
    """A value as text for one line of a screen: unprintable characters escaped, long text cut.

    >>> print(shown("two\\nlines and \\x1b[31mred"))
    two\\nlines and \\x1b[31mred
    """
    text = str(value)
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[:most])
    return line if max(len(text), len(line)) <= most else f"{line[:most]}..."
