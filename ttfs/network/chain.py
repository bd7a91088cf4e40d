"""Chains of layers that fit onto each other, and the available kinds of layers."""

from collections.abc import Sequence
from math import prod
from typing import Any

from ttfs.checks import short
from ttfs.errors import InputError, ShapeError
from ttfs.network.conv import Conv2d
from ttfs.network.layers import Dense
from ttfs.network.maps import MOST
from ttfs.network.pool import MinPool2d

KINDS = {layer.kind: layer for layer in (Dense, Conv2d, MinPool2d)}

Layer = Dense | Conv2d | MinPool2d


def check_chain(layers: tuple[Any, ...], shape: Any) -> tuple[Any, ...]:
    """Layers, each fitted to the one below; the first is fitted to `shape`, if given."""
    if not layers:
        raise InputError("Network needs at least one layer")
    placed: list[Any] = []
    for number, layer in enumerate(layers, start=1):
        if type(layer) not in KINDS.values():
            wanted = " or ".join(kind.__name__ for kind in KINDS.values())
            raise InputError(f"layer {number} must be a {wanted} layer, got {short(layer)}")
        below = placed[-1].gives if placed else shape
        title = type(layer).__name__
        if below is not None:
            fits(layer, below, number, placed)
            try:
                layer = layer.after(below)
            except ShapeError as error:
                raise ShapeError(f"layer {number}: {error}") from None
        elif layer.shape is None or layer.shape[2] is None:
            own = "Dense(inputs, ...) or " if title == "Dense" else ""
            cure = f"pass {own}Network(shape=(height, width, channels))"
            raise ShapeError(f"{title} 1 does not know its inputs: {cure}")
        if max(layer.inputs, layer.outputs) > MOST:
            raise InputError(f"{title} {number} must have {MOST} neurons or fewer, got {layer}")
        placed.append(layer)
    return tuple(placed)


def fits(layer: Any, below: tuple[int, int, int], number: int, placed: list[Any]) -> None:
    """Refuse a dense layer whose number of inputs is not the number of neurons below."""
    if isinstance(layer, Dense) and layer.inputs not in (None, prod(below)):
        whose = f"{type(placed[-1]).__name__} {number - 1}" if placed else "Network(shape=...)"
        raise ShapeError(
            f"Dense {number} expects {layer.inputs} inputs, but {whose} has {prod(below)} outputs"
        )


def usual_names(layers: int) -> list[str]:
    """What layers are called if nothing is known but how many there are: input, hidden, output."""
    inner = ["hidden"] if layers == 3 else [f"hidden {k}" for k in range(1, layers - 1)]
    return ["input", *inner, "output"][:layers]


def names_of(layers: Sequence[Layer]) -> tuple[str, ...]:
    """Names of the input and layers of a chain, numbered but for a single hidden layer."""
    words = [layer.word for layer in layers[:-1]]
    numbered = [
        f"{word} {words[:k].count(word) + 1}" if words.count(word) > 1 or word != "hidden" else word
        for k, word in enumerate(words)
    ]
    return ("input", *numbered, "output")
