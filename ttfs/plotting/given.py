"""The caller's arguments as clean arrays, or an error that says what was expected."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ttfs.checks import NO_SPIKE, as_array, of_kind, whole
from ttfs.engines.batch import Record
from ttfs.engines.simulator import Simulator
from ttfs.errors import InputError, ShapeError
from ttfs.network.chain import usual_names
from ttfs.plotting.look import named

Array = NDArray[np.float64]
Shape = tuple[int, int, int]
Layers = Sequence[ArrayLike] | Record | Simulator


def numbers(values: ArrayLike, whose: str) -> Array:
    """Real numbers as float64, none of which is NaN."""
    array = as_array(values, whose).astype(np.float64)
    if np.isnan(array).any():
        raise InputError(f"{whose}: {np.isnan(array).sum()} of {array.size} values are NaN")
    return array


def spike_times(values: ArrayLike, whose: str, t_max: float | None = None) -> Array:
    """Times from 0 up to but not including `t_max`, inf for silence; masked times are silent."""
    given: Any = values
    if isinstance(given, np.ma.MaskedArray):
        given = np.ma.filled(given.astype(np.float64), NO_SPIKE)
    times = numbers(given, whose)
    if (times < 0).any():
        raise InputError(f"{whose}: times start at 0, got {times.min():g}")
    if t_max is None:
        return times
    if not 0 < t_max < np.inf:
        raise InputError(f"{whose}: t_max must be positive and finite, got {t_max}")
    if np.isfinite(times[times >= t_max]).any():
        late = times[np.isfinite(times)].max()
        raise InputError(f"{whose}: a spike at {late:g}, but spikes come before t_max {t_max:g}")
    return times


def layers_of_times(
    values: Sequence[ArrayLike] | Record, whose: str, t_max: float | None
) -> list[Array]:
    """The times of each layer, for at least one layer."""
    if isinstance(values, Record):
        values = values.times
    wanted = "a Record, or a list with an array for each layer, as record.times is"
    of_kind(values, Sequence | np.ndarray, f"{whose}: times", wanted)
    if len(values) == 0:
        raise InputError(f"{whose}: expects the times of at least one layer, got none")
    return [spike_times(v, f"{whose}, layer {i}", t_max) for i, v in enumerate(values)]


def of_one_stimulus(
    values: Layers, whose: str, t_max: float | None, names: Sequence[str] | None, unit: str | None
) -> tuple[list[Array], list[str], str]:
    """The times (neurons,) of each layer, the layers' names, and the unit of time.

    A `Simulator` gives the spikes so far, and names and unit unless they are given; a `Record` must
    be of one stimulus.
    """
    if isinstance(values, Simulator):
        circuit = values.circuit
        names = circuit.names if names is None else names
        unit = circuit.unit if unit is None else unit
        values = [values.times(layer) for layer in range(len(circuit.names))]
    layers = layers_of_times(values, whose, t_max)
    for i, layer in enumerate(layers):
        if layer.ndim == 2 and len(layer) == 1:
            layers[i] = layer[0]
        elif layer.ndim != 1 or layer.size == 0:
            wanted = "one stimulus: times of shape (neurons,)"
            one = "; of a record, [layer[0] for layer in record.times]" if layer.ndim == 2 else ""
            raise ShapeError(f"{whose}, layer {i}: expects {wanted}, got shape {layer.shape}{one}")
    return layers, layer_names(len(layers), names), "step" if unit is None else unit


def shapes_of(simulator: Simulator) -> list[Shape]:
    """(height, width, channels) of each layer of a simulator."""
    circuit = simulator.circuit
    pairs = zip(circuit.shapes, circuit.units, strict=True)
    return [shape or (1, 1, units.stop - units.start) for shape, units in pairs]


def rows_of_times(
    values: ArrayLike | Record, whose: str, t_max: float | None = None, columns: str = "neurons"
) -> Array:
    """Times (samples, neurons) of at least one neuron; of a `Record`, those of its last layer."""
    array = spike_times(values.times[-1] if isinstance(values, Record) else values, whose, t_max)
    if array.ndim != 2 or array.shape[1] == 0:
        raise ShapeError(f"{whose}: expects times (samples, {columns}), got shape {array.shape}")
    return array


def one_per_sample(labels: ArrayLike, samples: int, whose: str) -> NDArray[Any]:
    """Labels (samples,), numbers of any kind."""
    classes = as_array(labels, f"{whose}: labels")
    if classes.shape != (samples,):
        wanted = f"labels ({samples},), one per sample"
        raise ShapeError(f"{whose}: expects {wanted}, got shape {classes.shape}")
    return classes


def horizon(times: Sequence[Array], t_max: float | None) -> float:
    """The end of the time axis: the last spike; without any, or only at 0, `t_max` or 1."""
    last = max((t[np.isfinite(t)].max(initial=0.0) for t in times), default=0.0)
    return float(last) or float(t_max or 1.0)


def layer_names(count: int, names: Sequence[str] | None) -> list[str]:
    """The caller's names, or those that a `Network` gives dense layers.

    >>> layer_names(3, None), layer_names(2, None)
    (['input', 'hidden', 'output'], ['input', 'output'])
    """
    if names is None:
        return usual_names(count)
    if len(names) != count:
        raise ShapeError(f"names: expects {count}, one per layer, got {len(names)}")
    return [named(name) for name in names]


def image_shape(shape: tuple[int, int], pixels: int, whose: str) -> tuple[int, int]:
    """Rows and columns whose product is the number of pixels."""
    if np.shape(shape) != (2,) or shape[0] < 1 or shape[1] < 1 or shape[0] * shape[1] != pixels:
        wanted = f"(rows, columns) with {pixels} pixels"
        raise ShapeError(f"{whose}: expects a shape {wanted}, got {shape}")
    return int(shape[0]), int(shape[1])


def map_shape(shape: Shape, neurons: int, whose: str) -> Shape:
    """Height, width and channels whose product is the number of neurons."""
    sides = shape if isinstance(shape, tuple | list) else ()
    if (
        len(sides) != 3
        or np.prod([whole(side, f"{whose}(shape=...)") for side in sides]) != neurons
    ):
        wanted = f"(height, width, channels) with {neurons} neurons"
        raise ShapeError(f"{whose}: expects a shape {wanted}, got {shape}")
    height, width, channels = map(int, sides)
    return height, width, channels
