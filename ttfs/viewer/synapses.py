"""What a page needs in order to run a stimulus anew: the stimulus, and the synapses."""

from typing import Any

import numpy as np

from ttfs.engines.simulator import Simulator
from ttfs.errors import InputError
from ttfs.kernels.circuit import (
    APART,
    DELAYS,
    DENSE,
    FIRST,
    KIND,
    MAPPED,
    REACH,
    ROWS,
    SOURCE,
    SYNAPTIC,
    TARGET,
)
from ttfs.network.psp import Windows
from ttfs.viewer.packing import packed, packed_weights, small

COLUMNS = {"source": SOURCE, "target": TARGET, "kind": KIND, "apart": APART}
"""What a page is told of a projection, and the column of the plan's table that has it."""

ROOM = 1_800_000
"""Characters that weights may take in a page unless all of them are asked for."""


def runnable(simulator: Simulator, wanted: bool | None, most: int) -> dict[str, Any] | str:
    """The synapses of a simulator and its stimulus, or a sentence that says why they are left out.

    wanted: all synapses, or none; by default as many as fit into a page: if not all, then those of
    the inputs that fire, which can be moved and removed, while no others can be added.
    most: weights that a page can hold.
    """
    if isinstance(simulator.circuit.psp, Windows):
        return "A page cannot rerun networks with windows; Simulator.what_if can."
    if wanted is False:
        return "This page was made with what_if=False, and shows one run as it was."
    count = simulator.plan.weights.size
    if wanted and count > most:
        raise InputError(f"page(what_if=True) can hold {most} weights, but there are {count}")
    if not wanted and count > 32 * ROOM:
        return too_large(4 / 3 * simulator.plan.weights.nbytes)
    found = {"stimulus": packed(small(_stimulus(simulator))), "projections": _all(simulator)}
    if wanted or length(found) <= ROOM:
        return found
    fewer = found | {"projections": _all(simulator, only_firing=True)}
    return fewer if length(fewer) <= ROOM else too_large(length(found))


def too_large(characters: float) -> str:
    """The sentence about weights that take so much room."""
    size = f"{characters / 1e6:.1f} MB"
    return f"Weights of {size} would make this page too large; page(..., what_if=True) holds them."


def length(found: Any) -> int:
    """How many characters packed arrays have."""
    if isinstance(found, dict):
        return sum(map(length, found.values()))
    if isinstance(found, list):
        return sum(map(length, found))
    return len(found) if isinstance(found, str) else 0


def _stimulus(simulator: Simulator) -> np.ndarray:
    """(neurons,) what each neuron of each layer is told."""
    told = simulator._stimulus
    return np.concatenate([told[units] for units in simulator.circuit.units])


def _all(simulator: Simulator, only_firing: bool = False) -> list[dict[str, Any]]:
    """The synapses of all projections."""
    rows = range(len(simulator.plan.projections))
    return [_projection(simulator, r, only_firing) for r in rows]


def _projection(simulator: Simulator, r: int, only_firing: bool) -> dict[str, Any]:
    """The synapses of a projection, and their delays. rows: the inputs of which it has them."""
    plan, projection = simulator.plan, simulator.circuit.projections[r]
    row = plan.projections[r]
    found: dict[str, Any] = {name: int(row[k]) for name, k in COLUMNS.items()}
    delays = plan.delays[row[DELAYS] : row[DELAYS] + 1]
    if row[KIND] in (DENSE, MAPPED):
        weights = np.asarray(projection.weights, plan.weights.dtype)
        which = None
        if only_firing and row[KIND] == DENSE and row[SOURCE] not in plan.projections[:, TARGET]:
            told = simulator._stimulus[simulator.circuit.units[row[SOURCE]]]
            which = np.flatnonzero(told < plan.t_max)
            weights = weights[which]
        found["rows"] = None if which is None else packed(small(which.astype(np.int32)))
        if row[KIND] == MAPPED:
            found["reach"] = row[REACH:].tolist()
        if row[APART]:
            delays = plan.delays[row[DELAYS] : row[DELAYS] + plan.sizes[row[SOURCE]]]
    else:
        pointers = plan.pointers[row[ROWS] : row[ROWS] + plan.sizes[row[SOURCE]] + 1]
        begin, end = pointers[0], pointers[-1]
        weights = plan.weights[begin + row[FIRST] : end + row[FIRST]]
        found |= _listed(pointers - begin, plan.indices[begin:end], plan.sizes[row[TARGET]])
        if row[KIND] == SYNAPTIC:
            delays = plan.delays[begin + row[DELAYS] : end + row[DELAYS]]
            delays = _by_row(pointers - begin, delays)
    return found | {"delays": packed(small(delays)), "weights": packed_weights(weights.ravel())}


def _listed(pointers: np.ndarray, indices: np.ndarray, size: int) -> dict[str, Any]:
    """Where rows of synapses begin, and whom they reach; nothing if each reaches all in order."""
    full = np.arange(len(pointers)) * size
    if np.array_equal(pointers, full) and (indices.reshape(-1, size) == np.arange(size)).all():
        return {"pointers": None, "indices": None}
    return {"pointers": packed(small(pointers.astype(np.int32))), "indices": packed(small(indices))}


def _by_row(pointers: np.ndarray, delays: np.ndarray) -> np.ndarray:
    """One delay for each row, if all synapses of a row have the same; else one for each synapse."""
    lengths = np.diff(pointers)
    if not len(delays) or not lengths.all():
        return delays
    first = delays[pointers[:-1]]
    return first if np.array_equal(np.repeat(first, lengths), delays) else delays
