"""JSON: written so that every reader accepts it, and read only as far as is safe."""

import json
import math
from dataclasses import asdict, is_dataclass
from typing import Any

import numpy as np

from ttfs.checks import shown
from ttfs.errors import InputError

_DEPTH = 32  # of lists in lists
_DIGITS = 300  # of a whole number; with more, it could not become a float


def as_json(value: Any, whose: str, *, indent: int | None = None) -> bytes:
    """JSON of dictionaries, lists, text, numbers, arrays and dataclasses.

    NaN and inf, which JSON does not have, become null. Without `indent` the text is compact.

    Raises
    ------
    InputError: values of other types, keys that are not text, nesting that is too deep.

    >>> as_json({"accuracy": np.float32(0.5), "latency": np.array([1, np.inf])}, "report")
    b'{"accuracy":0.5,"latency":[1.0,null]}'
    """
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(_plain(value, whose, _DEPTH), indent=indent, separators=separators)
    return text.encode("ascii")


def _plain(value: Any, whose: str, depth: int) -> Any:
    """`value` as the types that JSON has."""
    if not depth:
        raise InputError(f"{whose} is nested deeper than {_DEPTH}")
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item, whose, depth - 1) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _plain(item, f"{whose}: {key}", depth - 1) for key, item in value.items()}
    raise InputError(
        f"{whose} must be text, numbers, lists or dictionaries with text keys,"
        f" got {type(value).__name__}"
    )


def from_json(text: bytes, *, endless: bool = False) -> Any:
    """The value of a JSON text that anyone may have written.

    endless: whether NaN and Infinity, which JSON does not have, are accepted.

    Raises
    ------
    InputError: text that is not JSON; names that occur twice, whole numbers of more than 300
        digits, lists nested deeper than `as_json` writes them.

    >>> from_json(b'{"accuracy":0.5,"latency":[1.0,null]}')
    {'accuracy': 0.5, 'latency': [1.0, None]}
    """
    try:
        value = json.loads(
            text.decode("utf-8"),
            parse_int=_int,
            parse_constant=float if endless else _no_number,
            object_pairs_hook=_once,
        )
        _check_depth(value, _DEPTH)
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not JSON: {shown(error, 200)}") from None
    return value


def _int(digits: str) -> int:
    """A whole number, refused if it is so long that to parse it would take quadratic time."""
    if len(digits) > _DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A dictionary of these pairs, none of whose keys occurs twice."""
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError("a name occurs twice")
    return record


def _check_depth(value: Any, depth: int) -> None:
    if isinstance(value, list | dict):
        if not depth:
            raise ValueError(f"nested deeper than {_DEPTH}")
        for item in value.values() if isinstance(value, dict) else value:
            if isinstance(item, list | dict):
                _check_depth(item, depth - 1)
