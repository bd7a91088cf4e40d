"""When the potentials of a batch cross their thresholds, layer by layer."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ttfs.engines.arrivals import arrivals_of, count_additions
from ttfs.engines.windowed import fill_windows
from ttfs.errors import InputError
from ttfs.kernels import batch, block, delayed, maps, maps_ramp, ramp
from ttfs.kernels.batch import Arrays
from ttfs.kernels.jit import quick
from ttfs.kernels.reach import LINES, PLACES
from ttfs.kernels.threads import spread
from ttfs.network.network import Network
from ttfs.network.psp import Ramp, Step, Windows

FEW = 16  # samples that take less time than waking another thread
PART = 64  # samples of maps whose slopes are in memory at the same time


class Crossings(NamedTuple):
    """When potentials crossed thresholds, for learning rules.

    spikes, slopes: (samples, units), layer after layer with their padding; the slope is that
        of the potential at the spike (of a silent neuron, at the horizon) times `psp.unit`;
        for all responses but `Ramp` the array is empty.
    potential: as in a `Record`; additions: its `counts`, or None if they were not counted.
    """

    spikes: np.ndarray
    slopes: np.ndarray
    potential: np.ndarray
    additions: np.ndarray | Callable[[], np.ndarray] | None = None


def spikes_of(network: Network, found: Crossings, layer: int) -> np.ndarray:
    """(samples, outputs) spike times of a layer."""
    start = network.arrays.units[layer]
    return found.spikes[:, start : start + network.sizes[layer + 1]]


def cross(network: Network, times: np.ndarray, end: float | None = None) -> Crossings:
    """The results of `forward`, for times that have been checked."""
    if isinstance(network.psp, Windows):
        return cross_windows(network, times, network.t_max if end is None else end)
    arrays = network.packed_arrays
    if end not in (None, arrays.t_max):
        arrays = arrays._replace(t_max=np.float64(end))
    if not any(network.delayed + network.mapped):
        return cross_layers(network, arrays, times)
    whole, below, begin = room_for(network, arrays, times), times, 0
    maps_too = any(network.mapped)  # then dense layers, too, are treated as maps
    for layer, several in enumerate(network.delayed):
        alone, base = arrays_of(network, arrays, layer), arrays.units[layer]
        if maps_too and not (several and network.layers[layer].delay.per == "pair"):
            cross_map(network, alone, layer, (below, begin), whole)
        else:
            heard = np.ascontiguousarray(below[:, begin : begin + network.sizes[layer]])
            if several:
                found = cross_delayed(network, alone, heard, layer)
            else:
                found = cross_layers(network, alone, heard)
            put(whole, found, base)
        below, begin = whole.spikes, base
    return whole


def cross_windows(network: Network, times: np.ndarray, end: float) -> Crossings:
    """The same with `Windows`, where each layer has its window."""
    found = room_for(network, network.arrays, times)
    fill_windows(network, times, end, found.spikes, found.potential)
    return found


def cross_in_parts(network: Network, times: np.ndarray, end: float) -> Crossings:
    """The same without slopes, which take too much memory for a large batch of maps."""
    windows = isinstance(network.psp, Windows)  # which have no slopes
    if windows or not any(network.mapped) or len(times) <= PART:
        return cross(network, times, end)
    spikes = np.empty((len(times), network.arrays.units[-1]), times.dtype)
    potential = np.empty((len(times), network.sizes[-1]), network.dtype)
    for first in range(0, len(times), PART):
        some = slice(first, first + PART)
        found = cross(network, times[some], end)
        spikes[some], potential[some] = found.spikes, found.potential
    return Crossings(spikes, np.empty((0, 0), network.dtype), potential)


def put(whole: Crossings, found: Crossings, base: int) -> None:
    """Copy a layer's results to those of the whole network; potentials only for the last layer."""
    units = slice(base, base + found.spikes.shape[1])
    whole.spikes[:, units] = found.spikes
    if found.slopes.size:
        whole.slopes[:, units] = found.slopes
    if whole.potential.shape == found.potential.shape:
        whole.potential[:] = found.potential


def cross_early(network: Network, times: np.ndarray) -> Crossings:
    """The results of `cross` up to the first output spike of each sample.

    Networks with ramps, maps, or delays for each input or pair are run to the horizon and then
    once more, with an end for each sample.
    """
    if isinstance(network.psp, Step) and not any(network.delayed + network.mapped):
        return cross_layers(network, network.packed_arrays, times, early=True)
    found = cross(network, times)
    if isinstance(network.psp, Windows):
        first = spikes_of(network, found, len(network.layers) - 1).min(axis=1, keepdims=True)
        found.spikes[found.spikes > first] = np.inf  # potentials are constant by then
        return found
    layers = [spikes_of(network, found, k) for k in range(len(network.layers))]
    additions = count_additions(network, (times, *layers), network.t_max)
    first = layers[-1].min(axis=1)
    for s in np.flatnonzero(first < np.inf):
        end = float(np.nextafter(first[s], first.dtype.type(np.inf)))
        again = cross(network, times[s : s + 1], min(end, network.t_max))
        found.spikes[s], found.potential[s] = again.spikes[0], again.potential[0]
    return found._replace(additions=additions)


def cross_layers(
    network: Network, arrays: Arrays, times: np.ndarray, *, early: bool = False
) -> Crossings:
    """The same for the layers in `arrays`, each of which has one delay for all its inputs.

    early: whether to stop at the first output spike of each sample, if responses are steps.
    """
    found, psp = room_for(network, arrays, times), network.psp
    if isinstance(psp, Ramp):
        run(ramp.run, ramp.make_work, arrays, (float(psp.rise),), times, ramp.Found(*found[:3]))
        return found
    heard = np.empty((len(times), len(arrays.widths)), np.int64)
    whole = np.empty((len(times), arrays.sizes[-1] if arrays.packed[-1] else 0), np.int32)
    jumps = batch.Found(found.spikes, found.potential, whole, heard)
    if early or len(times) == 1 or not block.is_large(arrays):
        run(batch.run, batch.make_work, arrays, (early,), times, jumps)
    else:
        run(block.run, block.make_block, arrays, (), times, jumps)
    if arrays.packed[-1]:
        found.potential[:] = whole
    return Crossings(*found[:3], partial(np.multiply, heard, arrays.sizes[1:]))


def cross_delayed(network: Network, arrays: Arrays, times: np.ndarray, layer: int) -> Crossings:
    """The same for a layer, alone in `arrays`, whose inputs or pairs have delays of their own."""
    delays, psp = network.delay_buffers[layer], network.psp
    rise = (float(psp.rise),) if isinstance(psp, Ramp) else ()
    alike = network.layers[layer].delay.per == "input"
    if alike:
        times = arrivals_of(times, delays[:, 0])
        if rise in ((), (np.inf,)):
            return cross_layers(network, arrays, times)
    found = room_for(network, arrays, times)
    traces = ramp.Found(*found[:3])
    if alike:
        ends = 0, 0, *rise, True
        run(maps.run_ending, maps.make_ending_work, arrays, ends, times, traces)
    else:
        kernel = delayed.paired_ramps if rise else delayed.paired_steps
        run(kernel, ramp.make_work, arrays, (delays, *rise), times, traces)
    return found


def cross_map(
    network: Network, arrays: Arrays, layer: int, heard: tuple[np.ndarray, int], whole: Crossings
) -> None:
    """Let a layer of maps fire; `arrays` are those of the layer as if it had one position.

    heard: times of the layer below, and the column at which they begin.
    """
    times, below = heard
    base, psp = int(network.arrays.units[layer]), network.psp
    if network.delayed[layer]:
        times = times[:, below : below + network.sizes[layer]]
        times, below = arrivals_of(times, network.delay_buffers[layer][:, 0]), 0
    last = layer == len(network.layers) - 1
    if network.layers[layer].pools:
        delay = 0.0 if network.delayed[layer] else float(network.arrays.delays[layer])
        given = arrays.reaches[0], below, base, delay, arrays.t_max, times, whole.spikes
        spread(partial(maps.run_pools, *given), len(times), times.size)
        if whole.slopes.size:
            whole.slopes[:, base : base + network.sizes[layer + 1]] = 0
        if last:
            whole.potential[:] = spikes_of(network, whole, layer) < np.inf
        return
    found = whole if last else whole._replace(potential=np.empty((0, 0), network.dtype))
    if isinstance(psp, Step):
        signs = len(times) if last and arrays.packed[0] else 0
        counts = np.empty((signs, network.sizes[-1] if signs else 0), np.int32)
        jumps = batch.Found(*found[:1], found.potential, counts, np.empty((0, 0), np.int64))
        run(maps.run_steps, maps.make_steps_work, arrays, (below, base), times, jumps)
        if signs:
            whole.potential[:] = counts
    elif isinstance(psp, Ramp) and psp.rise == np.inf:
        lines = ramp.Found(*found[:3])
        run(maps_ramp.run_endless, maps_ramp.make_lines, arrays, (below, base), times, lines)
    else:
        ends = below, base, float(getattr(psp, "rise", 0)), network.delayed[layer]
        run(maps.run_ending, maps.make_ending_work, arrays, ends, times, ramp.Found(*found[:3]))


def run(
    kernel: Any,
    make_work: Callable[[Arrays, np.ndarray], Any],
    arrays: Arrays,
    given: tuple[Any, ...],
    times: np.ndarray,
    found: Any,
) -> None:
    """Fill `found` with results; samples are shared among threads, each with its own scratch."""

    key = times.dtype, arrays.weights.dtype, *map(type, given)

    def some(first: int, last: int) -> None:
        try:
            work = scratch(make_work, arrays, times)
        except MemoryError:
            much = "the list of events that reach each position of a layer does not fit in memory"
            raise InputError(f"forward: {much}; smaller windows or maps need less") from None
        quick(kernel, key, arrays, *given, times, found, work, first, last)

    samples, work = len(times), 0
    if samples > FEW:
        positions = arrays.reaches[:, LINES] * arrays.reaches[:, PLACES]
        work = samples * int(np.sum(arrays.sizes[:-1] * arrays.widths * positions))
    spread(some, samples, work)


class Scratch(threading.local):
    """What was made for a few samples and can be used again, in each thread."""

    key: tuple[Any, ...] = ()
    work: Any = None


SCRATCH = Scratch()


def scratch(
    make_work: Callable[[Arrays, np.ndarray], Any], arrays: Arrays, times: np.ndarray
) -> Any:
    """The results of `make_work`, which take longer to make than a few samples to run."""
    if len(times) > FEW:
        return make_work(arrays, times)
    shapes = arrays.sizes.tobytes(), arrays.widths.tobytes(), arrays.reaches.tobytes()
    key = make_work, times.dtype, len(times), arrays.weights.dtype, shapes
    if SCRATCH.key != key:
        SCRATCH.key = ()  # Ctrl-C may come in between
        SCRATCH.work = make_work(arrays, times)
        SCRATCH.key = key
    return SCRATCH.work


def room_for(network: Network, arrays: Arrays, times: np.ndarray) -> Crossings:
    """Uninitialised arrays for the results."""
    spikes = np.empty((len(times), arrays.units[-1]), times.dtype)
    jumps = not isinstance(network.psp, Ramp)
    slopes = np.empty((0, 0) if jumps else spikes.shape, network.dtype)
    return Crossings(spikes, slopes, np.empty((len(times), arrays.sizes[-1]), network.dtype))


def arrays_of(network: Network, whole: Arrays, layer: int) -> Arrays:
    """One layer as a network of its own, without its delays for each input or pair."""
    one = slice(layer, layer + 1)
    return whole._replace(
        sizes=np.array([network.layers[layer].rows, network.layers[layer].columns]),
        widths=whole.widths[one],
        units=whole.columns[layer : layer + 2] - whole.columns[layer],
        rows=whole.rows[one],
        thresholds=whole.thresholds[whole.columns[layer] : whole.columns[layer + 1]],
        delays=np.zeros(1) if network.delayed[layer] else whole.delays[one],
        words=whole.words[layer : layer + 2] - whole.words[layer],
        packed=whole.packed[one],
        bits=whole.bits[one],
        wholes=whole.wholes[whole.words[layer] : whole.words[layer + 1]],
        columns=whole.columns[layer : layer + 2] - whole.columns[layer],
        reaches=whole.reaches[one],
    )
