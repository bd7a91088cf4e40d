"""The plan of a circuit: its projections as arrays, which the simulator's kernels read."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp

from ttfs.checks import convert
from ttfs.engines.populations import Population, Projection, list_synapses, synapses_in
from ttfs.kernels.circuit import (
    APART,
    DELAYS,
    DENSE,
    FIRST,
    KIND,
    MAPPED,
    OUTGOING,
    REACH,
    ROWS,
    SOURCE,
    SPARSE,
    SYNAPTIC,
    TARGET,
    WIDTH,
    WORD,
    Plan,
)
from ttfs.kernels.reach import (
    ACROSS,
    BREADTH,
    BROAD,
    CHANNELS,
    COLUMNS,
    DOWN,
    LEFT,
    LENGTH,
    PLACES,
    POOLS,
    TALL,
    TOP,
)
from ttfs.kernels.vector import LANES
from ttfs.network.buffers import aligned_zeros
from ttfs.network.network import Network


def make_plan(
    populations: Sequence[Population], projections: Sequence[Projection], t_max: float, dtype: Any
) -> Plan:
    """The arrays of projections between populations."""
    sizes = [population.size for population in populations]
    places = {population.name: place for place, population in enumerate(populations)}
    table = empty_table(len(projections))
    listed = [p.kind in (SPARSE, SYNAPTIC) for p in projections]
    rooms = [
        synapses_in(p) if one else math.prod(rows_of(p))
        for p, one in zip(projections, listed, strict=True)
    ]
    own = [own_delays(p, room) for p, room in zip(projections, rooms, strict=True)]
    weights = aligned_zeros(sum(room + -room % LANES for room in rooms), dtype)
    indices = np.empty(sum(r for r, one in zip(rooms, listed, strict=True) if one), np.int32)
    pointers = [np.empty(0, np.int64)]
    delays = np.empty(len(projections) + sum(own))
    first, before, rows, delayed = 0, 0, 0, len(projections)
    for r, projection in enumerate(projections):
        ends = places[projection.source], places[projection.target]
        room, whose = weights[first : first + rooms[r]], f"{projection.title}: weights"
        delays[r] = 0.0 if np.ndim(projection.delay) else projection.delay
        some = delays[delayed : delayed + own[r]]
        if not listed[r]:
            inputs, width = rows_of(projection)
            room = room.reshape(inputs, width)[:, : projection.weights.shape[1]]
            convert(projection.weights, room, whose)
            place = first, width, 0
            some[:] = projection.delay if own[r] else []
        else:
            keep = partial(keep_weights, room, whose)
            found = indices[before : before + rooms[r]]
            pointer = list_synapses(projection, keep, found, some)
            place = first - before, 0, rows
            pointers.append(pointer.astype(np.int64) + before)
            rows += len(pointer)
        table[r, :OUTGOING] = (*ends, projection.kind, *place, r)
        if own[r]:
            table[r, DELAYS] = delayed - (before if listed[r] else 0)
        table[r, APART] = projection.kind == SYNAPTIC or own[r] > 0
        if projection.layer is not None:
            table[r, REACH:] = projection.layer.reach
        delayed += own[r]
        before += rooms[r] if listed[r] else 0
        first += rooms[r] + -rooms[r] % LANES
    return finish_plan(t_max, sizes, weights, table, delays)._replace(
        indices=indices, pointers=np.concatenate(pointers)
    )


def own_delays(projection: Projection, synapses: int) -> int:
    """How many delays a projection has of its synapses or inputs; 0 if it has one for all."""
    if projection.kind == SYNAPTIC:
        return synapses
    return projection.sizes[0] if np.ndim(projection.delay) else 0


def keep_weights(room: np.ndarray, whose: str, first: int, last: int, weights: np.ndarray) -> None:
    """Convert some weights to the precision of their room."""
    convert(weights, room[first:last], whose)


def on_plan(projections: Sequence[Projection], plan: Plan) -> tuple[Projection, ...]:
    """The projections with weights that are views of the plan's, so each is in memory only once.

    Where each synapse has a delay, so are delays, in the order of the plan.
    """
    found = []
    for row, projection in zip(plan.projections, projections, strict=True):
        (inputs, outputs), first = projection.weights.shape, row[FIRST]
        if projection.kind in (DENSE, MAPPED):
            width = row[WIDTH]
            weights = plan.weights[first : first + inputs * width].reshape(inputs, width)
            weights = weights[:, :outputs]
        else:
            pointers = plan.pointers[row[ROWS] : row[ROWS] + inputs + 1]
            begin, end = pointers[0], pointers[-1]
            values = plan.weights[begin + first : end + first]
            # pointers of another dtype would make scipy copy the indices
            narrow = np.int32 if end - begin < 2**31 else np.int64
            places = plan.indices[begin:end], (pointers - begin).astype(narrow)
            weights = viewing(values, places, (inputs, outputs))
            if projection.kind == SYNAPTIC:
                delays = plan.delays[begin + row[DELAYS] : end + row[DELAYS]]
                own = viewing(delays, places, (inputs, outputs))
                found.append(projection.with_views(weights, own))
                continue
        found.append(replace(projection, weights=weights))
    return tuple(found)


def viewing(
    values: np.ndarray, places: tuple[np.ndarray, np.ndarray], shape: tuple[int, int]
) -> sp.csr_array:
    """A sparse matrix of views of these values and indices."""
    matrix = sp.csr_array((values, *places), shape=shape)
    # scipy copies arrays that look like a small part of a buffer
    matrix.data, matrix.indices = values, places[0]
    return matrix


def rows_of(projection: Projection) -> tuple[int, int]:
    """Number of rows of weights, and their width with padding."""
    rows, columns = projection.weights.shape
    return rows, columns + -columns % LANES


def plan_of(network: Network) -> Plan:
    """The plan of a chain whose dense layers have one delay each, on the network's own weights."""
    arrays, table = network.arrays, empty_table(len(network.layers))
    # a layer with several has no one delay: 0, as in `make_plan`
    delays = [np.where(network.delayed, 0.0, arrays.delays)]
    for k, layer in enumerate(network.layers):
        kind, own, apart = MAPPED if network.mapped[k] else DENSE, k, network.delayed[k]
        if apart:
            own = sum(map(len, delays))
            delays.append(network.delays[k].reshape(-1))
        table[k, :OUTGOING] = (k, k + 1, kind, arrays.rows[k], arrays.widths[k], 0, own)
        table[k, APART] = apart
        if network.mapped[k]:
            table[k, REACH:] = layer.reach
    found = np.concatenate(delays) if len(delays) > 1 else arrays.delays
    return finish_plan(network.t_max, network.sizes, arrays.weights, table, found)


def empty_table(projections: int) -> np.ndarray:
    """A table of zeros with a row for each projection."""
    return np.zeros((projections, REACH + LENGTH), np.int64)


def finish_plan(
    t_max: float, sizes: Sequence[int], weights: np.ndarray, table: np.ndarray, delays: np.ndarray
) -> Plan:
    """The plan that follows from the table of projections."""
    table[:, OUTGOING] = np.argsort(table[:, SOURCE], kind="stable")
    columns = table[:, REACH + COLUMNS]
    groups = [group_of(columns[table[:, TARGET] == layer]) for layer in range(len(sizes))]
    mapped = table[columns > 0, TARGET].tolist()
    starts = unit_starts(sizes, groups, mapped)
    leaving = np.searchsorted(np.sort(table[:, SOURCE]), np.arange(len(sizes) + 1))
    return Plan(
        populations=np.stack([np.append(sizes, 0), starts, leaving, [*groups, 0]], axis=1),
        projections=table,
        owners=np.repeat(np.arange(len(sizes)), np.diff(starts)),
        weights=weights,
        indices=np.empty(0, np.int32),
        pointers=np.empty(0, np.int64),
        delays=delays,
        t_max=np.float64(t_max),
        rise=np.float64(0),
    )


def unit_starts(sizes: Sequence[int], groups: Sequence[int], mapped: Sequence[int]) -> np.ndarray:
    """The first unit of each population, padded to whole words.

    After the neurons of a map there is one unit for each position, and a few more, because
    vectors extend beyond the end of the last one.
    """
    rooms = []
    for layer, (size, group) in enumerate(zip(sizes, groups, strict=True)):
        room = size + (size // group if group else 0) + LANES * (layer in mapped)
        rooms.append(room + -room % WORD)
    return np.concatenate([[0], np.cumsum(rooms)])


def group_of(columns: np.ndarray) -> int:
    """How many neurons are at a position, given the columns of projections to a population.

    0 unless all of them agree; a projection that is not a map has 0 columns.
    """
    groups = set(columns.tolist())
    return groups.pop() if len(groups) == 1 else 0


# -- the synapses of neurons, found as in kernels


def pools_at(plan: Plan, layer: int) -> bool:
    """Whether the neurons of a layer fire with their first arrival."""
    table = plan.projections
    return bool((table[table[:, TARGET] == layer, REACH + POOLS] > 0).any())


def heard_from(
    plan: Plan, r: int, senders: np.ndarray, neuron: int
) -> tuple[np.ndarray, np.ndarray]:
    """Which of some senders reach a neuron along a projection, and the synapse of each.

    The synapse is the place of its weight in `plan.weights`, from which FIRST has been subtracted
    if synapses are listed singly; it has no meaning where there are no weights.
    """
    row = plan.projections[r]
    if row[KIND] == DENSE:
        return np.arange(len(senders)), row[FIRST] + senders * row[WIDTH] + neuron
    if row[KIND] == MAPPED:
        return heard_in_window(row, senders, neuron)
    which, places = [], []
    for k, sender in enumerate(senders):
        first, last = plan.pointers[row[ROWS] + sender : row[ROWS] + sender + 2]
        found = first + np.flatnonzero(plan.indices[first:last] == neuron)
        which += [k] * len(found)
        places += found.tolist()
    return np.array(which, np.int64), np.array(places, np.int64)


def heard_in_window(
    row: np.ndarray, senders: np.ndarray, neuron: int
) -> tuple[np.ndarray, np.ndarray]:
    """The same for a neuron with a window."""
    reach = row[REACH:]
    position, column = divmod(neuron, reach[COLUMNS])
    inside, rows = rows_at(reach, senders, position)
    if reach[POOLS]:
        inside &= senders % reach[CHANNELS] == column
    return np.flatnonzero(inside), row[FIRST] + rows[inside] * row[WIDTH] + column


def rows_at(reach: np.ndarray, senders: Any, positions: Any) -> tuple[np.ndarray, np.ndarray]:
    """Whether senders are in the windows at positions, and which rows of weights they add there."""
    (pixel, channel), (line, place) = (
        divmod(senders, reach[CHANNELS]),
        divmod(positions, reach[PLACES]),
    )
    y, x = divmod(pixel, reach[BREADTH])
    y, x = y + reach[TOP] - line * reach[DOWN], x + reach[LEFT] - place * reach[ACROSS]
    inside = (y >= 0) & (y < reach[TALL]) & (x >= 0) & (x < reach[BROAD])
    return inside, (y * reach[BROAD] + x) * reach[CHANNELS] + channel


def reached_by(plan: Plan, r: int, sender: int, synapse: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The neurons that an arrival along a projection reaches, in order, and the weights it adds.

    synapse: where each synapse has its own delay, the first of those that are reached. Pooling
    neurons fire with their first arrival; its weight is given as 1.
    """
    row = plan.projections[r]
    if row[KIND] == DENSE:
        first, size = row[FIRST] + sender * row[WIDTH], plan.sizes[row[TARGET]]
        return np.arange(size), plan.weights[first : first + size]
    if row[KIND] == MAPPED:
        return reached_in_map(plan, row, sender)
    first, last = plan.pointers[row[ROWS] + sender : row[ROWS] + sender + 2]
    if row[KIND] == SYNAPTIC:  # a spike arrives once for each delay
        first = synapse
        delays = plan.delays[first + row[DELAYS] : last + row[DELAYS]]
        last = first + np.count_nonzero(delays == delays[0])  # they are sorted
    shift = row[FIRST]
    return plan.indices[first:last].astype(np.int64), plan.weights[first + shift : last + shift]


def reached_in_map(plan: Plan, row: np.ndarray, sender: int) -> tuple[np.ndarray, np.ndarray]:
    """The same for neurons with windows."""
    reach = row[REACH:]
    columns = reach[COLUMNS]
    positions = np.arange(plan.sizes[row[TARGET]] // columns)
    inside, rows = rows_at(reach, sender, positions)
    first = positions[inside] * columns
    if reach[POOLS]:
        return first + sender % reach[CHANNELS], np.ones(len(first), plan.weights.dtype)
    own, places = np.arange(columns), row[FIRST] + rows[inside] * row[WIDTH]
    return (first[:, None] + own).ravel(), plan.weights[(places[:, None] + own).ravel()]
