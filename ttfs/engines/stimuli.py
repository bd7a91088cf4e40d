"""The stimulus of a simulator: which neurons it makes fire, and when."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ttfs.checks import as_array, check_times, convert
from ttfs.engines.circuit import Circuit
from ttfs.errors import InputError, ShapeError

SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)


def as_stimulus(times: Any, circuit: Circuit) -> np.ndarray:
    """(units,) times of the stimulus, given for one layer or by layer."""
    arrays = by_layer(times, circuit)
    dtype = SINGLE if arrays else DOUBLE
    for array in arrays.values():
        dtype = dtype if array.dtype == SINGLE else DOUBLE
    stimulus = circuit.silence[dtype].copy()
    for layer, array in arrays.items():
        convert(array, stimulus[circuit.units[layer]], whose(layer, circuit))
        if circuit.windows is not None:
            begin, end = circuit.windows[:, layer].tolist()
            keep_to_window(stimulus[circuit.units[layer]], begin, end, whose(layer, circuit))
    return stimulus


def keep_to_window(times: np.ndarray, begin: float, end: float, name: str) -> None:
    """Silence spikes at or after the end of a layer's window; refuse those before its beginning."""
    if (times < begin).any():
        raise InputError(
            f"{name} must be in its window, which begins at {begin:g}; got {times.min():g}"
        )
    times[times >= end] = np.inf


def by_layer(
    times: Any, circuit: Circuit, read: Callable[[Any, int, Circuit], np.ndarray] | None = None
) -> dict[int, np.ndarray]:
    """The times of each layer that has any, by its index; those of one stimulus unless told."""
    read = read or layer_times
    if type(times) is np.ndarray or not isinstance(times, Mapping):
        return {0: read(times, 0, circuit)}
    arrays: dict[int, np.ndarray] = {}
    for name, values in times.items():
        layer = circuit.layer(name)
        if layer in arrays:
            raise InputError("times of a layer are given twice, by name and by index")
        arrays[layer] = read(values, layer, circuit)
    return arrays


def layer_times(values: Any, layer: int, circuit: Circuit) -> np.ndarray:
    """(neurons,) times of one layer, given in this shape or as a map."""
    name, size = whose(layer, circuit), circuit.populations[layer].size
    array = as_array(values, name, masked=np.inf)
    if array.shape != (size,):
        wanted = ((size,), *maps_of(layer, circuit))
        if array.shape not in wanted:
            shapes = " or ".join(map(str, wanted))
            raise ShapeError(f"{name} must be {shapes}, got {array.shape}{_cure(array, wanted)}")
        array = array.reshape(-1)
    check_times(array, name)
    return array


def _cure(array: np.ndarray, wanted: tuple[tuple[int, ...], ...]) -> str:
    """A hint on how to bring an array into one of the wanted shapes, if one is known."""
    if array.ndim in (2, 4) and array.shape[1:] in wanted:
        return "; for one stimulus of a batch, pass times[i]"
    if array.ndim == 3 and (*array.shape[1:], array.shape[0]) in wanted:
        return "; channels come last: pass np.moveaxis(times, 0, -1)"
    return "; pass times.ravel()" if array.size == wanted[0][0] else ""


def maps_of(layer: int, circuit: Circuit) -> list[tuple[int, ...]]:
    """The map shapes of a layer, as specified by the layers of maps that it projects to."""
    name = circuit.names[layer]
    heard = {one.layer.shape for one in circuit.projections if one.layer and one.source == name}
    return sorted(heard)


def whose(layer: int, circuit: Circuit) -> str:
    """The name of a layer's times in error messages."""
    return f"times of layer {circuit.names[layer]!r}"
