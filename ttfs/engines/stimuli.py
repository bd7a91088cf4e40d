"""The stimulus of a simulator: which neurons it makes fire, and when."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ttfs.checks import as_array, check_times, convert
from ttfs.engines.circuit import Circuit
from ttfs.errors import InputError, ShapeError

SINGLE = np.dtype(np.float32)


def as_stimulus(times: Any, circuit: Circuit) -> np.ndarray:
    """(units,) times of the spikes that are asked for, of one layer or by layer."""
    arrays: dict[int, np.ndarray] = {}
    for name, values in times.items() if isinstance(times, Mapping) else [(0, times)]:
        layer = circuit.layer(name)
        if layer in arrays:
            raise InputError("times of a layer are given twice, by its name and by its index")
        arrays[layer] = layer_times(values, layer, circuit)
    kinds = {array.dtype for array in arrays.values()}
    dtype = SINGLE if kinds == {SINGLE} else np.float64
    stimulus = np.full(len(circuit.plan.owners), np.inf, dtype)
    for layer, array in arrays.items():
        convert(array, stimulus[circuit.units[layer]], whose(layer, circuit))
    return stimulus


def layer_times(values: Any, layer: int, circuit: Circuit) -> np.ndarray:
    """(neurons,) times of one layer."""
    array = as_array(values, whose(layer, circuit), masked=np.inf)
    size = circuit.populations[layer].size
    if array.shape != (size,):
        one = "; for one stimulus of a batch, pass times[i]" if array.ndim == 2 else ""
        raise ShapeError(f"{whose(layer, circuit)} must be ({size},), got {array.shape}{one}")
    check_times(array, whose(layer, circuit))
    return array


def whose(layer: int, circuit: Circuit) -> str:
    """What a mistake in them is called."""
    return f"times of layer {circuit.names[layer]!r}"
