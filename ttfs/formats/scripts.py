"""Circuits and networks as Python scripts for NEST and PyNN, with all numbers beside them."""

import os
from math import ceil, prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from ttfs import __version__
from ttfs.checks import NO_SPIKE, as_array, as_times, of_kind, positive
from ttfs.engines.circuit import Circuit
from ttfs.engines.populations import Projection, list_synapses
from ttfs.errors import InputError, ShapeError
from ttfs.files.archives import archive
from ttfs.files.writing import write_atomically
from ttfs.formats.script_texts import BODIES, SCRIPT
from ttfs.kernels.circuit import DENSE, MAPPED
from ttfs.network.maps import Maps
from ttfs.network.network import Network
from ttfs.network.psp import Ramp, Step

CLOSE = 1e-9  # relative: how near a time must be to the grid
NEVER = 1e15  # threshold of neurons that only a stimulus makes fire
MOST = 2**31 - 1  # of the steps of a delay, and of the neurons of a script


def to_script(
    subject: Network | Circuit,
    path: str | os.PathLike[str],
    *,
    simulator: str = "nest",
    step: float = 1.0,
    stimuli: Any = None,
) -> Path:
    """The path of a Python script that builds and runs a network in another simulator.

    The script needs NumPy and its simulator, but not this package; FILE.py reads its numbers from
    FILE_numbers.npz. Run, it simulates the stimuli and writes the first spikes of all neurons to
    FILE_spikes.npz, in times as they are here; imported, it has `simulate(stimulus)`.

    Neurons are `iaf_psc_delta` (in PyNN `IF_curr_delta`) with an endless time constant, which
    fire once and then are refractory. A simulator delays each spike by a step at least, so a
    population that hears another one without delay runs behind it by one step; the script adds
    this lag to delays, and takes it from the times that it reports. Where a loop is faster than
    that, a step here becomes several of the simulator.

    Parameters
    ----------
    subject: a network or circuit with `Step` responses.
    path: of the script; .py is a suitable ending.
    simulator: "nest" or "pynn".
    step: of the grid of time, in the unit of the network; delays and stimuli must be multiples.
    stimuli: (samples, neurons) times of the first population, which the script contains.

    Raises
    ------
    InputError: ramps, windows, times that are not on the grid.

    >>> import tempfile, ttfs
    >>> network = ttfs.Network(ttfs.Dense.of([[1.0], [1.0]], threshold=2.0), t_max=10)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = to_script(network, f"{folder}/pair.py", stimuli=[[1, 3]])
    ...     sorted(one.name for one in path.parent.iterdir())
    ['pair.py', 'pair_numbers.npz']
    """
    whose = "to_script(subject=...)"
    of_kind(subject, Network | Circuit, whose, "a Network or a Circuit")
    if simulator not in BODIES:
        raise InputError(f"simulator must be {' or '.join(BODIES)}, got {simulator!r}")
    if not isinstance(subject.psp, Step):
        raise InputError(
            f"scripts are for steps, the jumps of iaf_psc_delta, not {subject.psp}"
            + "; a NIR graph holds ramps" * isinstance(subject.psp, Ramp)
        )
    target = Path(path)
    if target.suffix != ".py":
        raise InputError(f"a script must end in .py, got {target.name!r}")
    circuit = subject if isinstance(subject, Circuit) else Circuit.of(subject)
    step = positive(step, "step")
    grid = grid_of(circuit, step)
    arrays = _arrays(circuit, grid, step)
    arrays["stimuli"] = _stimuli(circuit, step, stimuli)
    text = SCRIPT.format(
        version=__version__,
        circuit=ascii(repr(circuit))[1:-1].replace('"', "'"),  # it is part of a docstring
        body=BODIES[simulator],
        unit=circuit.unit,
        step=step,
        steps=grid.steps,
        horizon=f"{circuit.t_max!r}" if np.isfinite(circuit.t_max) else "np.inf",
        populations=_populations(circuit, grid),
        projections="".join(f"    ({p.source!r}, {p.target!r}),\n" for p in circuit.projections),
        never=NEVER,
    )
    write_atomically(numbers_beside(target), archive(arrays))
    return write_atomically(target, text.encode("utf-8"))


def numbers_beside(script: Path) -> Path:
    """The file from which a script reads its numbers."""
    return script.with_name(f"{script.stem}_numbers.npz")


class Grid(NamedTuple):
    """How times become those of a simulator.

    lags: steps of the simulator by which each population is behind.
    steps: of the simulator that make a step of the grid.
    """

    lags: tuple[int, ...]
    steps: int


def grid_of(circuit: Circuit, step: float) -> Grid:
    """The smallest lags, and the fewest steps, with which each delay is one step or more.

    >>> from ttfs import Circuit, Population, Projection
    >>> three = [Population("a", 1), Population("b", 1, 1.0), Population("c", 1, 1.0)]
    >>> loop = Projection("c", "b", [[1.0]], delay=1.0)
    >>> chain = [Projection("a", "b", [[1.0]]), Projection("b", "c", [[1.0]])]
    >>> grid_of(Circuit(three, [*chain, loop]), step=1.0)
    Grid(lags=(0, 1, 2), steps=2)
    """
    places = {name: number for number, name in enumerate(circuit.names)}
    least = []
    for projection in circuit.projections:
        delays = delays_of(projection, step)
        if delays.size:
            least.append((places[projection.source], places[projection.target], delays))
    lags = [0] * len(circuit.names)
    for source, target, delays in sorted(least, key=lambda one: one[1]):
        if source < target:  # so that the lag of the source is known
            lags[target] = max(lags[target], lags[source] + 1 - int(delays.min()))
    steps = 1
    for source, target, delays in least:
        apart, later = 1 + lags[source] - lags[target], delays[delays > 0]
        if apart > 1 and later.size:
            steps = max(steps, ceil(apart / later.min()))
    return Grid(tuple(lags), steps)


def delays_of(projection: Projection, step: float) -> np.ndarray:
    """The delays of a projection in steps of the grid; all that there are, in no order."""
    apart = np.ndim(projection.delay) and projection.layer is None
    given = synapses(projection)[3] if apart else np.atleast_1d(projection.delay)
    return on_grid(given, step, f"{projection.title}: delays")


def on_grid(times: Any, step: float, whose: str) -> np.ndarray:
    """Times in steps of the grid, as whole numbers.

    >>> on_grid([0.2, 0.3], 0.1, "times")
    array([2, 3])
    """
    given = np.asarray(times, np.float64) / step
    found = np.rint(given)
    if not np.isclose(given, found, rtol=CLOSE, atol=CLOSE).all() or (found > MOST).any():
        off = given.flat[np.argmax(np.abs(given - found))] * step
        raise InputError(f"{whose} must be multiples of step={step:g}, got {off:g}")
    return found.astype(np.int64)


def _populations(circuit: Circuit, grid: Grid) -> str:
    lines = zip(circuit.populations, grid.lags, strict=True)
    return "".join(f"    {one.name!r}: ({one.size}, {lag}),\n" for one, lag in lines)


def _arrays(circuit: Circuit, grid: Grid, step: float) -> dict[str, np.ndarray]:
    """Thresholds and initial potentials of populations, and the synapses of projections."""
    places = {name: number for number, name in enumerate(circuit.names)}
    found: dict[str, np.ndarray] = {}
    first = {p.target for p in circuit.projections if p.layer is not None and p.layer.pools}
    for number, population in enumerate(circuit.populations):
        units = circuit.units[number]
        thresholds = np.minimum(circuit.thresholds[units].astype(np.float64), NEVER)
        thresholds = np.ones_like(thresholds) if population.name in first else thresholds
        found[f"thresholds_{number}"] = thresholds
        found[f"potentials_{number}"] = circuit.biases[units].astype(np.float64)
    for number, projection in enumerate(circuit.projections):
        lag = grid.lags[places[projection.target]] - grid.lags[places[projection.source]]
        sources, targets, weights, delays = every_synapse(projection)
        steps = on_grid(delays, step, f"{projection.title}: delays") * grid.steps + lag
        found[f"sources_{number}"] = sources.astype(np.int32)
        found[f"targets_{number}"] = targets.astype(np.int32)
        found[f"weights_{number}"] = weights.astype(np.float64)
        found[f"delays_{number}"] = np.broadcast_to(steps, sources.shape).astype(np.int32)
    return found


def every_synapse(projection: Projection) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Source, target and weight of each synapse, and delays: one number, or one for each."""
    delay = np.asarray(0.0 if np.ndim(projection.delay) else projection.delay)
    if projection.kind == MAPPED:
        sources, targets, weights = unrolled(projection.layer, np.asarray(projection.weights))
        given = np.asarray(projection.delay)
        return sources, targets, weights, given[sources] if given.ndim else given
    if projection.kind == DENSE:
        weights = np.asarray(projection.weights)
        sources, targets = np.nonzero(weights)
        return sources, targets, weights[sources, targets], delay
    pointers, targets, weights, delays = synapses(projection)
    sources = np.repeat(np.arange(len(pointers) - 1), np.diff(pointers))
    return sources, targets, weights, delays if np.ndim(projection.delay) else delay


def synapses(projection: Projection) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(rows + 1,) pointers, and target, weight and delay of each synapse, by row, then delay."""
    given = sp.csr_array(projection.weights)
    weights, targets = np.empty(given.nnz, given.dtype), np.empty(given.nnz, np.int32)
    delays = np.empty(given.nnz)

    def room(first: int, last: int, some: np.ndarray) -> None:
        weights[first:last] = some

    return list_synapses(projection, room, targets, delays), targets, weights, delays


def unrolled(layer: Maps, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Source, target and weight of each synapse of a layer of maps; 1 for those of a pool."""
    channels, columns = layer.placed[2], layer.columns
    (tall, broad), _, _ = layer.windows
    pools = np.broadcast_to(np.eye(columns), (tall, broad, columns, columns))
    blocks = pools if layer.pools else weights.reshape(tall, broad, channels, columns)
    parts = []
    for y in range(tall):
        for x in range(broad):
            pixels, positions = meeting(layer, y, x)
            sources = pixels[:, None, None] * channels + np.arange(channels)[:, None]
            targets = positions[:, None, None] * columns + np.arange(columns)
            parts.append(np.broadcast_arrays(sources, targets, blocks[y, x]))
    found = [np.concatenate([part.ravel() for part in some]) for some in zip(*parts, strict=True)]
    there = found[2] != 0
    return found[0][there], found[1][there], found[2][there]


def meeting(layer: Maps, y: int, x: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of the map below, and the positions in whose windows they are at a place (y, x)."""
    (height, width, _), (lines, places, _) = layer.placed, layer.gives
    _, (down, across), (top, left) = layer.windows
    row, column = np.arange(lines) * down + y - top, np.arange(places) * across + x - left
    within = np.outer((row >= 0) & (row < height), (column >= 0) & (column < width))
    pixels = row[:, None] * width + column
    return pixels[within], np.arange(lines * places).reshape(lines, places)[within]


def _stimuli(circuit: Circuit, step: float, stimuli: Any) -> np.ndarray:
    """(samples, neurons) times of the first population, on the grid; inf is silence."""
    size = circuit.populations[0].size
    if stimuli is None:
        return np.empty((0, size))
    given = as_array(stimuli, "stimuli", masked=NO_SPIKE)
    if given.ndim < 2 or prod(given.shape[1:]) != size:
        raise ShapeError(f"stimuli must be (samples, {size}), got {given.shape}")
    times = as_times(given.reshape(-1, size), size, "stimuli").astype(np.float64)
    on_grid(times[np.isfinite(times)], step, "stimuli")
    return times
