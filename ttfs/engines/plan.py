"""The plan of a circuit: its projections as arrays, which the simulator's kernels read."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from ttfs.checks import convert
from ttfs.engines.populations import Population, Projection, synapses
from ttfs.kernels.circuit import DENSE, FIRST, OUTGOING, ROWS, SOURCE, SYNAPTIC, WIDTH, WORD, Plan
from ttfs.kernels.vector import LANES
from ttfs.network.buffers import aligned_zeros
from ttfs.network.network import Network


def make_plan(
    populations: Sequence[Population], projections: Sequence[Projection], t_max: float, dtype: Any
) -> Plan:
    """The arrays of projections between populations."""
    sizes = [population.size for population in populations]
    places = {population.name: place for place, population in enumerate(populations)}
    table = np.zeros((len(projections), 8), np.int64)
    sparse = {r: synapses(p) for r, p in enumerate(projections) if p.kind != DENSE}
    rooms = [
        len(sparse[r][2]) if r in sparse else math.prod(sizes_of(projection))
        for r, projection in enumerate(projections)
    ]
    weights = aligned_zeros(sum(room + -room % LANES for room in rooms), dtype)
    indices, pointers = [np.empty(0, np.int32)], [np.empty(0, np.int64)]
    delays = [np.array([0.0 if np.ndim(p.delay) else p.delay for p in projections])]
    first, listed, rows, delayed = 0, 0, 0, len(projections)
    for r, projection in enumerate(projections):
        ends = places[projection.source], places[projection.target]
        room, whose = weights[first : first + rooms[r]], f"{projection.title}: weights"
        if r not in sparse:
            inputs, width = sizes_of(projection)
            room = room.reshape(inputs, width)[:, : projection.weights.shape[1]]
            convert(projection.weights, room, whose)
            table[r, :-1] = (*ends, DENSE, first, width, 0, r)
        else:
            pointer, target, weight, delay = sparse[r]
            convert(weight, room, whose)
            own = delayed - listed if len(delay) else r
            table[r, :-1] = (*ends, projection.kind, first - listed, 0, rows, own)
            pointers.append(pointer.astype(np.int64) + listed)
            indices.append(target.astype(np.int32, copy=False))
            delays.append(delay)
            listed, delayed = listed + len(target), delayed + len(delay)
            rows += len(pointer)
        first += rooms[r] + -rooms[r] % LANES
    return finish_plan(t_max, sizes, weights, table, np.concatenate(delays))._replace(
        indices=np.concatenate(indices) if len(indices) != 2 else indices[1],
        pointers=np.concatenate(pointers),
    )


def on_plan(projections: Sequence[Projection], plan: Plan) -> tuple[Projection, ...]:
    """The projections on the plan's own weights: a synapse is in memory only once.

    Those with a delay for each synapse stay, for in a plan their synapses have another order.
    """
    found = []
    for row, projection in zip(plan.projections, projections, strict=True):
        if projection.kind == SYNAPTIC:
            found.append(projection)
            continue
        (inputs, outputs), first = projection.weights.shape, row[FIRST]
        if projection.kind == DENSE:
            width = row[WIDTH]
            weights = plan.weights[first : first + inputs * width].reshape(inputs, width)
            weights = weights[:, :outputs]
        else:
            pointers = plan.pointers[row[ROWS] : row[ROWS] + inputs + 1]
            begin, end = pointers[0], pointers[-1]
            values = plan.weights[begin + first : end + first]
            # pointers of another dtype would make scipy copy the indices
            narrow = np.int32 if end - begin < 2**31 else np.int64
            parts = (values, plan.indices[begin:end], (pointers - begin).astype(narrow))
            weights = sp.csr_array(parts, shape=(inputs, outputs))
            weights.data = values  # scipy copies what looks like a small part of a buffer
        found.append(replace(projection, weights=weights))
    return tuple(found)


def sizes_of(projection: Projection) -> tuple[int, int]:
    """Rows, and their width with padding, of dense weights."""
    inputs, outputs = projection.weights.shape
    return inputs, outputs + -outputs % LANES


def plan_of(network: Network) -> Plan:
    """The plan of a chain, on the network's own weights."""
    arrays = network.arrays
    table = np.zeros((len(network.layers), 8), np.int64)
    for k in range(len(network.layers)):
        table[k, :-1] = (k, k + 1, DENSE, arrays.rows[k], arrays.widths[k], 0, k)
    return finish_plan(network.t_max, network.sizes, arrays.weights, table, arrays.delays)


def finish_plan(
    t_max: float, sizes: Sequence[int], weights: np.ndarray, table: np.ndarray, delays: np.ndarray
) -> Plan:
    """What follows from the table of projections."""
    table[:, OUTGOING] = np.argsort(table[:, SOURCE], kind="stable")
    starts = unit_starts(sizes)
    leaving = np.searchsorted(np.sort(table[:, SOURCE]), np.arange(len(sizes) + 1))
    return Plan(
        populations=np.stack([np.append(sizes, 0), starts, leaving], axis=1),
        projections=table,
        owners=np.repeat(np.arange(len(sizes)), np.diff(starts)),
        weights=weights,
        indices=np.empty(0, np.int32),
        pointers=np.empty(0, np.int64),
        delays=delays,
        t_max=np.float64(t_max),
        rise=np.float64(0),
    )


def unit_starts(sizes: Sequence[int]) -> np.ndarray:
    """Where each population begins among all units, padded to whole words."""
    return np.concatenate([[0], np.cumsum([size + -size % WORD for size in sizes])])
