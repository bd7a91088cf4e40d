"""Many stimuli through one circuit, shared out among threads."""

from typing import Any

import numpy as np

from ttfs.checks import as_array, check_times, convert
from ttfs.engines.circuit import Circuit
from ttfs.engines.courses import potentials
from ttfs.engines.simulator import Simulator
from ttfs.engines.stimuli import DOUBLE, SINGLE, by_layer, keep_to_window, maps_of, whose
from ttfs.errors import InputError, ShapeError
from ttfs.kernels.queue import SYNAPSES
from ttfs.kernels.threads import spread

# numbers that `forward` reads in the time in which a run is begun and ended, or adds a weight
EACH, SYNAPSE = 100_000, 8


def run_all(circuit: Circuit, times: Any) -> tuple[tuple[np.ndarray, ...], np.ndarray, np.ndarray]:
    """Spikes (samples, neurons) of each population, potentials of the last, and additions.

    Each thread has a simulator, so that a sample gives what it gives alone.
    """
    given = stimuli_of(times, circuit)
    samples, dtype = len(next(iter(given.values()))), next(iter(given.values())).dtype
    spikes = tuple(np.empty((samples, p.size), dtype) for p in circuit.populations)
    potential = np.empty((samples, circuit.populations[-1].size), circuit.dtype)
    additions = np.empty((samples, 1), np.int64)
    units, thresholds = circuit.units, circuit.thresholds

    def run_some(first: int, last: int) -> None:
        stimulus = circuit.silence[dtype].copy()
        simulator = Simulator(circuit, stimulus[units[0]])
        for s in range(first, last):
            for layer, rows in given.items():
                stimulus[units[layer]] = rows[s]
            simulator._begin(stimulus)
            simulator.run()
            state, now = simulator._state, simulator.time
            for rows, own in zip(spikes, units, strict=True):
                rows[s] = state.spikes[own]
            potential[s] = potentials(circuit.plan, state, thresholds, units[-1], now)
            additions[s] = state.counters[SYNAPSES]

    spread(run_some, samples, samples * (EACH + SYNAPSE * len(circuit.plan.weights)))
    return spikes, potential, additions


def stimuli_of(times: Any, circuit: Circuit) -> dict[int, np.ndarray]:
    """(samples, neurons) times of each population that is given any; of the first, if not told."""
    arrays = by_layer(times, circuit, rows_of)
    if not arrays:
        raise InputError("times must be given for one population at least")
    if len({len(array) for array in arrays.values()}) > 1:
        counts = (f"{len(rows)} for {circuit.names[k]!r}" for k, rows in arrays.items())
        raise ShapeError(f"times must be of as many samples each, got {', '.join(counts)}")
    single = all(array.dtype == SINGLE for array in arrays.values())
    return {
        layer: as_times(array, layer, circuit, SINGLE if single else DOUBLE)
        for layer, array in arrays.items()
    }


def rows_of(values: Any, layer: int, circuit: Circuit) -> np.ndarray:
    """(samples, neurons) times of one population, given in this shape or as maps."""
    name, size = whose(layer, circuit), circuit.populations[layer].size
    array = as_array(values, name, masked=np.inf)
    wanted = ((size,), *maps_of(layer, circuit))
    if array.shape[1:] not in wanted:
        shapes = " or ".join(str(("samples", *shape)).replace("'", "") for shape in wanted)
        cure = "; of one stimulus pass times[None]" if array.shape in wanted else ""
        raise ShapeError(f"{name} must be {shapes}, got {array.shape}{cure}")
    array = array.reshape(len(array), size)
    check_times(array, name)
    return array


def as_times(array: np.ndarray, layer: int, circuit: Circuit, dtype: np.dtype) -> np.ndarray:
    """The times in their dtype, and within the window of their population if it has one."""
    name, found = whose(layer, circuit), np.empty(array.shape, dtype)
    convert(array, found, name)
    if circuit.windows is not None and found.size:
        begin, end = circuit.windows[:, layer].tolist()
        keep_to_window(found, begin, end, name)
    return found
