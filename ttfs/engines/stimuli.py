"""The stimulus of a simulator: which neurons it makes fire, and when."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ttfs.checks import as_array, check_times, convert
from ttfs.engines.circuit import Circuit
from ttfs.errors import InputError, ShapeError

SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)


def as_stimulus(times: Any, circuit: Circuit) -> np.ndarray:
    """(units,) times of the spikes that are asked for, of one layer or by layer."""
    arrays = by_layer(times, circuit)
    dtype = SINGLE if arrays else DOUBLE
    for array in arrays.values():
        dtype = dtype if array.dtype == SINGLE else DOUBLE
    stimulus = circuit.silence[dtype].copy()
    for layer, array in arrays.items():
        convert(array, stimulus[circuit.units[layer]], whose(layer, circuit))
    return stimulus


def by_layer(times: Any, circuit: Circuit) -> dict[int, np.ndarray]:
    """The times of each layer that has any, by its index."""
    if type(times) is np.ndarray or not isinstance(times, Mapping):
        return {0: layer_times(times, 0, circuit)}
    arrays: dict[int, np.ndarray] = {}
    for name, values in times.items():
        layer = circuit.layer(name)
        if layer in arrays:
            raise InputError("times of a layer are given twice, by its name and by its index")
        arrays[layer] = layer_times(values, layer, circuit)
    return arrays


def layer_times(values: Any, layer: int, circuit: Circuit) -> np.ndarray:
    """(neurons,) times of one layer."""
    name, size = whose(layer, circuit), circuit.populations[layer].size
    array = as_array(values, name, masked=np.inf)
    if array.shape != (size,):
        one = "; for one stimulus of a batch, pass times[i]" if array.ndim == 2 else ""
        raise ShapeError(f"{name} must be ({size},), got {array.shape}{one}")
    check_times(array, name)
    return array


def whose(layer: int, circuit: Circuit) -> str:
    """What a mistake in them is called."""
    return f"times of layer {circuit.names[layer]!r}"
