"""Layers in the notation of papers: `24C5-P2-48C5-P2-256`."""

import re
from typing import Any

from ttfs.checks import of_kind, shown
from ttfs.errors import InputError, TTFSError
from ttfs.network.chain import Layer
from ttfs.network.conv import Conv2d
from ttfs.network.layers import Dense
from ttfs.network.pool import MinPool2d

SIZE = r"(\d{1,9}|\d{1,9}x\d{1,9})"
PART = re.compile(
    rf"(?P<number>\d{{1,9}})?(?:(?P<letter>[CP]){SIZE}(?:s{SIZE})?(?:p{SIZE})?)?", re.ASCII
)
GRAMMAR = (
    "256 for neurons, 24C5 for channels and a window, P2 for a pool; windows may have stride and"
    " padding, as in 24C5s2p1"
)


def layers_of(notation: str, **settings: Any) -> tuple[Layer, ...]:
    """The layers that a string describes, to be placed in a `Network` or a recipe.

    Parts are joined by hyphens. `256` is a dense layer of 256 neurons, `24C5` a `Conv2d` of 24
    channels with windows of 5 x 5, `P2` a `MinPool2d`; `24C5s2p1` has a stride and a padding,
    and sizes that differ are written as rows x columns: `24C3x5`.

    Parameters
    ----------
    settings: for all layers that have weights: `weights`, `threshold`, `delay`.

    Raises
    ------
    InputError: a part that is none of these; ShapeError: sizes that do not fit.

    >>> layers_of("24C5-P2-256", threshold=1.0)
    (Conv2d(24, 5, threshold=1.0), MinPool2d(2), Dense(None, 256, threshold=1.0))
    """
    of_kind(notation, str, "layers", "a string such as '24C5-P2-256'")
    return tuple(_layer(part, notation, settings) for part in notation.split("-"))


def notation_of(layers: Any) -> str:
    """The string that describes layers.

    >>> notation_of(layers_of("24C5s2p1-P3s2-400-200"))
    '24C5s2p1-P3s2-400-200'
    """
    return "-".join(layer.notation for layer in layers)


def _layer(part: str, notation: str, settings: dict[str, Any]) -> Layer:
    """The layer that one part describes."""
    whose = f"layers {shown(notation, 60)!r}"
    found = PART.fullmatch(part)
    if not part or found is None:
        what = f"{shown(part, 30)!r} is not a layer" if part else "a layer is missing"
        raise InputError(f"{whose}: {what}{_hint(part)}")
    number, letter = found["number"], found["letter"]
    window, stride, padding = (_size(text) for text in found.groups()[2:])
    if (letter == "P") == (number is not None):
        raise InputError(f"{whose}: {part!r} is not a layer{_hint(part)}")
    try:
        if letter == "P":
            return MinPool2d(window, stride, padding or 0)
        if letter == "C":
            own = {"stride": 1 if stride is None else stride, "padding": padding or 0}
            return Conv2d(int(number), window, **(settings | own))
        return Dense(None, int(number), **settings)
    except TTFSError as error:
        raise type(error)(f"{whose}: {part}: {error}") from None


def _size(text: str | None) -> Any:
    """One number, or (rows, columns)."""
    if text is None:
        return None
    rows, _, columns = text.partition("x")
    return (int(rows), int(columns)) if columns else int(rows)


def _hint(part: str) -> str:
    """What was probably meant."""
    if re.fullmatch(r"\d+C", part):
        return f": the size of its window is missing, as in {part}5"
    if re.match(r"C\d", part):
        return f": its number of channels is missing, as in 24{part}"
    if re.fullmatch(r"P", part):
        return ": the size of its window is missing, as in P2"
    if re.match(r"\d+P\d", part):
        return ": a pool has the channels of the layer below, as in P2"
    if re.fullmatch(r"\d*[cp]\d.*", part):
        return f"; did you mean {part.replace('c', 'C', 1).replace('p', 'P', 1)}?"
    return f"; write {GRAMMAR}"
