"""Units of physical time: how times in one become times in another."""

import re
from typing import Any

import numpy as np

from ttfs.checks import as_array, as_text, short
from ttfs.errors import InputError

_DIGITS = {"s": 0, "ms": 3, "us": 6, "µs": 6, "μs": 6, "ns": 9}  # of a second, after its point
KNOWN = "s, ms, us, ns or a multiple such as '100 ms'"

_READERS = {  # by packages of quantities: how their unit is asked for, and their numbers in it
    "rescale": (lambda value: value.dimensionality.string, lambda value, unit: value.rescale(unit)),
    "to_value": (lambda value: str(value.unit), lambda value, unit: value.to_value(unit)),
    "m_as": (lambda value: f"{value.units:~}", lambda value, unit: value.m_as(unit)),
}


def is_physical(unit: str) -> bool:
    """Whether a unit is one of physical time, or a multiple of one.

    >>> is_physical("100 ms"), is_physical("step")
    (True, False)
    """
    return _parts(unit) is not None


def symbol_of(unit: str) -> str:
    """The unit of which a unit of physical time is a multiple, as all packages write it.

    >>> symbol_of("100 ms"), symbol_of("µs")
    ('ms', 'us')
    """
    digits = (_parts(unit) or (1, 0))[1]
    return next(symbol for symbol, known in _DIGITS.items() if known == digits)


def in_unit(times: np.ndarray, given: str, unit: str, whose: str) -> np.ndarray:
    """Times in a unit, which were given in another; equal units need not be known.

    Raises
    ------
    InputError: two different units, one of which is not of physical time.

    >>> in_unit(np.array([0.25, 1.5]), "s", "ms", "times")
    array([ 250., 1500.])
    >>> in_unit(np.array([0.25, 1.5]), "s", "100 ms", "times")
    array([ 2.5, 15. ])
    """
    if given == unit:
        return times
    if not (is_physical(given) and is_physical(unit)):
        odd = unit if is_physical(given) else given
        raise InputError(f"{whose}: times in {given} cannot be in {unit}: {odd} is not {KNOWN}")
    (number, digits), (wanted, more) = _parts(given) or (1, 0), _parts(unit) or (1, 0)
    power = more - digits  # whole powers of ten are exact, their inverses are not
    times = times * number if number != 1 else times
    times = times * 10.0**power if power >= 0 else times / 10.0**-power
    return times / wanted if wanted != 1 else times


def as_unit(unit: Any, whose: str) -> str:
    """The unit, if it is a text that a network could have as its unit."""
    parts = _parts(as_text(unit, whose))
    if not unit or (parts is not None and parts[0] == 0):
        raise InputError(f"{whose} must be {KNOWN}, or the network's own; got {unit!r}")
    return unit


def _parts(unit: str) -> tuple[float, int] | None:
    """How many of what fraction of a second a unit is: (100, 3) for 100 ms."""
    found = re.fullmatch(r"(?:(\d{1,12}(?:\.\d{1,12})?) ?)?([a-zµμ]{1,2})", unit, re.ASCII)
    if found is None or found[2] not in _DIGITS:
        return None
    return float(found[1] or 1), _DIGITS[found[2]]


# Quantities of other packages


def unit_of(value: Any, whose: str) -> str:
    """The unit that a value has as a quantity of Neo, quantities, Astropy or Pint; "" for none.

    Raises
    ------
    InputError: a unit that is not of time.
    """
    kind = _kind(value)
    if kind is None:
        return ""
    unit = _READERS[kind][0](value)
    if not is_physical(unit):
        raise InputError(f"{whose} must be in {KNOWN}, got {unit}; rescale('s') converts")
    return unit


def magnitude(value: Any, unit: str, whose: str) -> np.ndarray:
    """The numbers of a quantity in a unit; plain numbers are taken to be in it.

    Raises
    ------
    InputError: neither of these, or a quantity that is not a time.
    """
    kind = _kind(value)
    if kind is None:
        return as_array(value, whose)
    try:
        return np.asarray(_READERS[kind][1](value, unit), np.float64)
    except Exception as error:  # of the package: its units do not fit
        said = " ".join(str(error).split())[:200]
        raise InputError(f"{whose} must be in {unit}, got {short(value)}: {said}") from None


def _kind(value: Any) -> str | None:
    """By which attribute a quantity is converted; asked of its class, so that nothing runs."""
    return next((name for name in _READERS if hasattr(type(value), name)), None)
