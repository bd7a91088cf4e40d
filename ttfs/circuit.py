"""Populations of neurons and the projections between them: any graph, not only a chain."""

import copy
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from ttfs.checks import as_array, positive, short, whole
from ttfs.errors import InputError, ShapeError
from ttfs.explanations import weight_places
from ttfs.kernels.circuit import (
    DENSE,
    FIRST,
    OUTGOING,
    ROWS,
    SOURCE,
    SPARSE,
    SYNAPTIC,
    WIDTH,
    WORD,
    Plan,
)
from ttfs.kernels.vector import LANES
from ttfs.network import Network, aligned_zeros, check_dtype
from ttfs.psp import Ramp, Response, Step

NUMBERS = itertools.count(1)  # no two circuits have the same


@dataclass(frozen=True)
class Population:
    """Neurons with a name.

    size: how many.
    threshold: potential at which a neuron fires; one number, or one for each neuron. With
        inf, the default, neurons fire only when a stimulus says so: an input.

    >>> Population("input", 3)
    Population(name='input', size=3, threshold=inf)
    """

    name: str
    size: int
    threshold: Any = np.inf

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise InputError(f"Population(name=...) must be a text, got {self.name!r}")
        whole(self.size, f"population {self.name!r}: size")
        threshold = as_array(self.threshold, f"population {self.name!r}: threshold")
        if threshold.shape not in ((), (self.size,)):
            raise ShapeError(
                f"population {self.name!r}: threshold must be one number or {self.size},"
                f" got {threshold.shape}"
            )
        if not (threshold > 0).all():
            raise InputError(f"population {self.name!r}: threshold must be above 0")


@dataclass(frozen=True, eq=False)
class Projection:
    """Synapses from one population to another, or to itself.

    source, target: names of populations.
    weights: (source size, target size), dense or `scipy.sparse`; row i is what neuron i sends.
    delay: time from a spike to its arrival: one number, or an array or sparse matrix of the
        weights' shape with one for each synapse (0 where a sparse one has no entry).

    >>> Projection("input", "output", [[0.5], [0.5]], delay=1.0).title
    'input -> output'
    """

    source: str
    target: str
    weights: Any
    delay: Any = 0.0

    def __post_init__(self) -> None:
        weights = as_matrix(self.weights, f"{self.title}: weights")
        if weights.ndim != 2:
            raise ShapeError(f"{self.title}: weights must be (source, target), got {weights.shape}")
        if not np.isfinite(weights.data if sp.issparse(weights) else weights).all():
            raise InputError(f"{self.title}: weights must be finite")
        object.__setattr__(self, "weights", weights)
        delay: Any = as_matrix(self.delay, f"{self.title}: delay")
        delay = delay if delay.ndim else float(delay)
        values = delay.data if sp.issparse(delay) else np.asarray(delay)
        if values.size and not (np.isfinite(values).all() and values.min() >= 0):
            raise InputError(f"{self.title}: delays must be 0 or more and finite")
        if np.ndim(delay) and delay.shape != weights.shape:
            raise ShapeError(
                f"{self.title}: delays must have the weights' shape {weights.shape},"
                f" got {delay.shape}"
            )
        object.__setattr__(self, "delay", delay)

    @property
    def title(self) -> str:
        """Where it leads."""
        return f"{self.source} -> {self.target}"

    @property
    def kind(self) -> int:
        """How the simulator holds it."""
        if np.ndim(self.delay):
            return SYNAPTIC
        return SPARSE if sp.issparse(self.weights) else DENSE


class Circuit:
    """Populations and projections; every neuron integrates without leak and fires once.

    Events of the same time happen in the order of the populations. A projection without
    delay must therefore lead to a later population; a loop needs a delay somewhere.

    Parameters
    ----------
    populations, projections: what there is.
    t_max: horizon, exclusive; inf for none.
    dtype: float32 or float64, of weights and potentials.
    unit: name of the unit of time.
    psp: response to one spike: `Step()` or `Ramp(rise)`. With a finite rise, slopes that should
        cancel may leave a rounding error, which a horizon keeps from growing for ever.

    Raises
    ------
    InputError, ShapeError: names that do not exist or twice, sizes that do not fit, a
    projection without delay to the same or an earlier population, a weight or threshold that
    becomes 0 or inf in this dtype.

    >>> circuit = Circuit(
    ...     [Population("input", 2), Population("pair", 2, threshold=1.0)],
    ...     [
    ...         Projection("input", "pair", np.eye(2), delay=1.0),
    ...         Projection("pair", "pair", [[0, -2], [-2, 0]], delay=0.5),
    ...     ],
    ... )
    >>> circuit
    Circuit(input 2, pair 2; input -> pair, pair -> pair)
    """

    def __init__(
        self,
        populations: Sequence[Population],
        projections: Sequence[Projection],
        *,
        t_max: float = np.inf,
        dtype: Any = np.float32,
        unit: str = "step",
        psp: Response | None = None,
    ):
        self.populations = tuple(populations)
        self.projections = tuple(projections)
        for kind, given in ((Population, self.populations), (Projection, self.projections)):
            for one in given:
                if not isinstance(one, kind):
                    raise InputError(f"Circuit wants a {kind.__name__}, got {one!r}")
        self.t_max = np.inf if t_max == np.inf else positive(t_max, "Circuit(t_max=...)")
        self.dtype = check_dtype(dtype, "Circuit(dtype=...)")
        self.unit = unit
        self.psp: Response = Step() if psp is None else psp
        if not isinstance(self.psp, Step | Ramp):
            raise InputError(f"Circuit(psp=...) must be Step() or Ramp(rise), got {psp!r}")
        self.names = tuple(population.name for population in self.populations)
        self._check()
        self._take(make_plan(self))
        self.projections = on_plan(self.projections, self.plan)

    @classmethod
    def of(cls, network: Network) -> "Circuit":
        """The chain that a network is; its weights are shared, not copied.

        Where inputs or pairs have delays of their own, weights of 0 are no synapses, and all
        weights are copied.
        """
        names = layer_names(len(network.layers))
        populations = [Population(names[0], network.sizes[0])]
        for k, layer in enumerate(network.layers):
            threshold = np.asarray(layer.threshold) / network.scales[k]
            populations.append(Population(names[k + 1], layer.outputs, threshold))
        projections = [
            Projection(names[k], names[k + 1], weights, layer_delay(network, k))
            for k, weights in enumerate(network.weights)
        ]
        if any(network.delayed):
            kept = ("t_max", "dtype", "unit", "psp")
            settings = {name: getattr(network, name) for name in kept}
            return cls(populations, projections, **settings)
        circuit = cls.__new__(cls)
        circuit.populations, circuit.projections = tuple(populations), tuple(projections)
        circuit.t_max, circuit.dtype, circuit.unit = network.t_max, network.dtype, network.unit
        circuit.names, circuit.psp = tuple(names), network.psp
        circuit._take(plan_of(network))
        return circuit

    def _take(self, plan: Plan) -> None:
        """What a simulator wants to know; thresholds are those of sums of weights."""
        rise = self.psp.rise if isinstance(self.psp, Ramp) else 0
        self.plan, self.number = plan._replace(rise=np.float64(rise)), next(NUMBERS)
        begins = plan.starts.tolist()
        self.units = [slice(b, b + p.size) for b, p in zip(begins, self.populations, strict=False)]
        self.thresholds = np.full(begins[-1], np.inf, self.dtype)
        for units, p in zip(self.units, self.populations, strict=True):
            whose = f"population {p.name!r}: threshold"
            convert(np.asarray(p.threshold), self.thresholds[units], whose, self.psp.unit)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{p.name} {p.size}" for p in self.populations)
        psp = "" if isinstance(self.psp, Step) else f"; {self.psp}"
        return f"Circuit({sizes}; {', '.join(p.title for p in self.projections)}{psp})"

    def layer(self, layer: int | str) -> int:
        """The index of a population, given by index or name."""
        if isinstance(layer, str):
            if layer not in self.names:
                raise InputError(f"no layer is called {layer!r}; there are {', '.join(self.names)}")
            return self.names.index(layer)
        number = whole(layer, "layer", least=0)
        if number >= len(self.names):
            raise InputError(f"there is no layer {number}; the last is {len(self.names) - 1}")
        return number

    def neuron(self, layer: int | str, neuron: int) -> tuple[int, int]:
        """A layer's index and a neuron of it that exists."""
        number = self.layer(layer)
        index = whole(neuron, "neuron", least=0)
        if index >= self.populations[number].size:
            raise InputError(
                f"layer {self.names[number]!r} has {self.populations[number].size} neurons,"
                f" there is no {index}"
            )
        return number, index

    def changed(
        self,
        thresholds: Mapping[tuple[int | str, int], float],
        weights: Mapping[tuple[int | str, int, int | str, int], float],
    ) -> "Circuit":
        """The same with other thresholds, by neuron, and weights, by two neurons."""
        other = copy.copy(self)
        other.number, other.thresholds = next(NUMBERS), self.thresholds.copy()
        check_keys(thresholds, 2, "what_if(thresholds=...) wants {(layer, neuron): threshold}")
        check_keys(
            weights, 4, "what_if(weights=...) wants {(layer, neuron, layer, neuron): weight}"
        )
        for (layer, neuron), value in thresholds.items():
            number, index = self.neuron(layer, neuron)
            whose = f"threshold of {self.names[number]} {index}"
            room = other.thresholds[self.units[number]][index : index + 1]
            convert(np.array([positive(value, whose)]), room, whose, self.psp.unit)
        if weights:
            other.plan = self.plan._replace(weights=self.plan.weights.copy())
        for (source, sender, layer, neuron), weight in weights.items():
            ends = self.neuron(source, sender), self.neuron(layer, neuron)
            title = " -> ".join(f"{self.names[number]} {index}" for number, index in ends)
            places = weight_places(self.plan, *ends)
            if len(places) != 1:
                raise InputError(f"{title}: there are {len(places)} synapses, not one")
            if not np.isfinite(weight):
                raise InputError(f"{title}: a weight must be finite, got {weight}")
            room = other.plan.weights[places[0] : places[0] + 1]
            convert(np.array([weight], float), room, f"{title}: weight")
        return other

    def _check(self) -> None:
        """Names and sizes that fit."""
        if not self.populations:
            raise InputError("Circuit needs at least one population")
        if len(set(self.names)) < len(self.names):
            raise InputError(f"populations must have different names, got {', '.join(self.names)}")
        for projection in self.projections:
            source, target = self.layer(projection.source), self.layer(projection.target)
            wanted = (self.populations[source].size, self.populations[target].size)
            if projection.weights.shape != wanted:
                raise ShapeError(
                    f"{projection.title}: weights must be {wanted}, got {projection.weights.shape}"
                )
            if target <= source and least_delay(projection) == 0:
                raise InputError(
                    f"{projection.title}: a projection to the same or an earlier population"
                    " needs a delay above 0"
                )


def check_keys(changes: Mapping[Any, Any], size: int, wanted: str) -> None:
    """Keys that are tuples of so many parts."""
    for key in changes:
        if not isinstance(key, tuple) or len(key) != size:
            raise InputError(f"{wanted}, got the key {short(key)}")


def as_matrix(values: Any, whose: str) -> Any:
    """Numbers as an array; sparse ones by rows."""
    if not sp.issparse(values):
        return as_array(values, whose)
    if values.ndim != 2:
        raise ShapeError(f"{whose} must be (source, target), got {values.shape}")
    rows = values.tocsr()
    as_array(rows.data, whose)
    return rows


def layer_delay(network: Network, layer: int) -> Any:
    """The one delay of a layer of a network, or its delays, (inputs, outputs)."""
    delays = network.delays[layer]
    if not network.delayed[layer]:
        return float(delays[0, 0])
    return np.broadcast_to(delays, network.weights[layer].shape)


def layer_names(layers: int) -> list[str]:
    """What people call the layers of a chain: input, hidden, output.

    >>> layer_names(3)
    ['input', 'hidden 1', 'hidden 2', 'output']
    """
    hidden = ["hidden"] if layers == 2 else [f"hidden {k}" for k in range(1, layers)]
    return ["input", *hidden, "output"]


def least_delay(projection: Projection) -> float:
    """The shortest delay of any synapse."""
    if projection.kind != SYNAPTIC:
        return float(projection.delay)
    delays = synapses(projection)[3]
    return float(delays.min()) if delays.size else np.inf


def unit_starts(sizes: Sequence[int]) -> np.ndarray:
    """Where each population begins among all units, padded to whole words."""
    return np.concatenate([[0], np.cumsum([size + -size % WORD for size in sizes])])


def convert(values: np.ndarray, room: np.ndarray, whose: str, factor: float = 1.0) -> None:
    """Write numbers, times a factor, in another precision; what does not survive is an error."""
    with np.errstate(over="ignore", under="ignore"):
        room[...] = values if factor == 1 else values.astype(np.float64) * factor
    if values.dtype == room.dtype and factor == 1:
        return
    lost = (values != 0) & (room == 0) | np.isfinite(values) & ~np.isfinite(room)
    if lost.any():
        bad = f"{np.broadcast_to(values, room.shape)[lost][0]:g}"
        bad += "" if factor == 1 else f" times the rise {factor:g}"
        raise InputError(f"{whose} must fit {room.dtype}, in which {bad} is {room[lost][0]:g}")


def synapses(projection: Projection) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(rows + 1,) pointers, and per synapse target, weight and delay, by row and then delay."""
    csr = sp.csr_array(projection.weights)
    if not csr.has_canonical_format:
        csr = csr.copy()
        csr.sum_duplicates()
    pointers, targets, weights = csr.indptr, csr.indices, csr.data
    if projection.kind == SPARSE:
        return pointers, targets, weights, np.empty(0)
    rows = np.repeat(np.arange(csr.shape[0]), np.diff(pointers))
    delay = projection.delay
    delays = np.empty(0)
    if len(targets):  # a sparse matrix has no answer to no question
        delays = np.asarray(delay[rows, targets], float).reshape(-1)
    order = np.lexsort((targets, delays, rows))
    return pointers, targets[order], weights[order], delays[order]


def make_plan(circuit: Circuit) -> Plan:
    """The arrays of a circuit's projections."""
    sizes = [population.size for population in circuit.populations]
    table = np.zeros((len(circuit.projections), 8), np.int64)
    sparse = {
        r: synapses(projection)
        for r, projection in enumerate(circuit.projections)
        if projection.kind != DENSE
    }
    rooms = [
        len(sparse[r][2]) if r in sparse else math.prod(sizes_of(projection))
        for r, projection in enumerate(circuit.projections)
    ]
    weights = aligned_zeros(sum(room + -room % LANES for room in rooms), circuit.dtype)
    indices, pointers = [np.empty(0, np.int32)], [np.empty(0, np.int64)]
    delays = [np.array([0.0 if np.ndim(p.delay) else p.delay for p in circuit.projections])]
    first, listed, rows, delayed = 0, 0, 0, len(circuit.projections)
    for r, projection in enumerate(circuit.projections):
        ends = circuit.layer(projection.source), circuit.layer(projection.target)
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
    return finish_plan(circuit.t_max, sizes, weights, table, np.concatenate(delays))._replace(
        indices=np.concatenate(indices) if len(indices) != 2 else indices[1],
        pointers=np.concatenate(pointers),
    )


def on_plan(projections: Sequence[Projection], plan: Plan) -> tuple[Projection, ...]:
    """The projections on the plan's own weights: a synapse is in memory only once."""
    found = []
    for row, projection in zip(plan.projections, projections, strict=True):
        (inputs, outputs), first = projection.weights.shape, row[FIRST]
        weights = projection.weights
        if projection.kind == DENSE:
            width = row[WIDTH]
            weights = plan.weights[first : first + inputs * width].reshape(inputs, width)
            weights = weights[:, :outputs]
        elif projection.kind == SPARSE:
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
