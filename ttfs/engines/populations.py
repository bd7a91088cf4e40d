"""Populations of neurons and the projections between them, as described by a user."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from ttfs.checks import as_array, as_text, same_content, short, whole
from ttfs.errors import InputError, ShapeError
from ttfs.kernels.circuit import DENSE, MAPPED, SPARSE, SYNAPTIC
from ttfs.network.chain import KINDS
from ttfs.network.layers import Dense, as_bias
from ttfs.network.weights import Binary, Real

BLOCK = 2**18  # synapses that are sorted at a time
MOST = 2**31 - 1  # neurons: sparse projections number their targets with 32 bits


FLOATS = np.float32, np.float64


@dataclass(frozen=True, eq=False)
class Population:
    """A named group of neurons.

    size: number of neurons.
    threshold: potential at which a neuron fires; one number, or one for each neuron. With
        inf, the default, neurons fire only when a stimulus makes them: an input population.
    bias: weight of an input that arrives at time 0, before all others; one number, or one for
        each neuron. With steps and windows it is the initial potential (with steps it must be
        below the threshold), with endless ramps the initial slope; with other ramps there is none.

    >>> Population("input", 3)
    Population(name='input', size=3, threshold=inf)
    """

    name: str
    size: int
    threshold: Any = np.inf
    bias: Any = field(default=0.0, repr=False)

    def __post_init__(self) -> None:
        if not as_text(self.name, "Population(name=...)"):
            raise InputError("Population(name=...) must not be empty")
        whose = f"population {self.name!r}"
        size = whole(self.size, f"{whose}: size")
        if size > MOST:
            raise InputError(f"{whose}: size must be at most {MOST}, got {short(size)}")
        threshold = as_array(self.threshold, f"{whose}: threshold")
        if threshold.shape not in ((), (size,)):
            raise ShapeError(
                f"{whose}: threshold must be one number or {size}, got {threshold.shape}"
            )
        if not (threshold > 0).all():
            raise InputError(f"{whose}: threshold must be above 0")
        object.__setattr__(self, "size", size)
        if isinstance(self.threshold, np.ndarray) or threshold.ndim:
            object.__setattr__(self, "threshold", threshold[()].copy())
        object.__setattr__(self, "bias", as_bias(self.bias, size, f"{whose}: bias"))

    __eq__ = same_content

    def __hash__(self) -> int:
        return hash((self.name, self.size))


@dataclass(frozen=True, eq=False)
class Projection:
    """Synapses from one population to another, or to itself.

    source, target: names of populations.
    weights: (source size, target size), dense or `scipy.sparse`; row i holds the weights of source
        neuron i. Or a layer with `initial` weights and, for a layer of maps, a `shape`; neurons
        of maps are numbered row by row, column by column, channel by channel. Delays are set here
        and thresholds in the populations, not in the layer. The targets of a `MinPool2d` fire
        with the first spike that arrives and receive no other input; their threshold may be any
        number, and their potential is 0 before that spike, and the threshold from then on.
    delay: time from a spike to its arrival: one number, or an array or sparse matrix of the
        weights' shape with one for each synapse (0 where a sparse one has no entry); for a
        layer of maps one number, or (source size,).
    layer: a layer of maps, or None. With a layer, `weights` are (rows, columns), shared by all
        positions.

    `Circuit.projections` show the numbers that a simulator reads; where each synapse has its own
    delay, weights and delays are then sparse, and each row is in the order of its delays.

    >>> Projection("input", "output", [[0.5], [0.5]], delay=1.0).title
    'input -> output'
    """

    source: str
    target: str
    weights: Any
    delay: Any = 0.0
    layer: Any = None

    def __post_init__(self) -> None:
        as_text(self.source, "Projection(source=...)")
        as_text(self.target, "Projection(target=...)")
        if self.layer is not None or type(self.weights) in KINDS.values():
            self._take_layer()
        weights = as_matrix(self.weights, f"{self.title}: weights")
        if weights.ndim != 2:
            raise ShapeError(f"{self.title}: weights must be (source, target), got {weights.shape}")
        if not np.isfinite(weights.data if sp.issparse(weights) else weights).all():
            raise InputError(f"{self.title}: weights must be finite")
        delay: Any = as_matrix(self.delay, f"{self.title}: delay")
        with np.errstate(over="ignore"):
            values = delay.data if sp.issparse(delay) else np.asarray(delay)
            values = values if values.dtype in FLOATS else values.astype(np.float64)
        if values.size and not (np.isfinite(values).all() and values.min() >= 0):
            raise InputError(f"{self.title}: delays must be 0 or more and finite")
        wanted = weights.shape if self.layer is None else self.sizes[:1]
        if delay.ndim and delay.shape != wanted:
            whose = "the weights' shape" if self.layer is None else "the shape"
            raise ShapeError(f"{self.title}: delays must have {whose} {wanted}, got {delay.shape}")
        if delay.ndim and self.layer is not None:  # copies of a circuit are built from it
            delay = delay.copy()
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "delay", delay if delay.ndim else float(delay))

    def _take_layer(self) -> None:
        """Take the weights from a layer."""
        layer = self.weights if self.layer is None else self.layer
        whose = f"{self.title}: {layer}"
        if layer.delay != 0:
            raise InputError(f"{whose} must not have a delay; pass Projection(delay=...)")
        weights = layer.initial if self.layer is None else self.weights
        if layer.pools:
            weights = np.empty((0, layer.columns))  # `columns` raises if the shape is not known
        elif weights is None:
            raise InputError(f"{whose} must have initial weights")
        elif isinstance(layer.weights, Binary):
            weights, layer = np.where(weights < 0, -1.0, 1.0), replace(layer, weights=Real())
        object.__setattr__(self, "weights", weights)
        if not isinstance(layer, Dense):
            kept = layer if layer.pools else replace(layer, initial=weights)
            object.__setattr__(self, "layer", kept)
            _ = kept.gives  # refuses one without a shape

    def with_views(self, weights: sp.csr_array, delay: sp.csr_array) -> "Projection":
        """This projection on matrices that have been checked, in whatever order; not copied."""
        found = object.__new__(Projection)
        vars(found).update(vars(self) | {"weights": weights, "delay": delay})
        return found

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of neurons of the source and of the target."""
        return self.weights.shape if self.layer is None else (self.layer.inputs, self.layer.outputs)

    @property
    def title(self) -> str:
        """Its name: from where it leads to where."""
        return f"{self.source} -> {self.target}"

    @property
    def kind(self) -> int:
        """How the simulator stores it."""
        if self.layer is not None:
            return MAPPED
        if np.ndim(self.delay):
            return SYNAPTIC
        return SPARSE if sp.issparse(self.weights) else DENSE


def as_matrix(values: Any, whose: str) -> Any:
    """Numbers as an array; sparse matrices as sorted CSR without duplicates."""
    if not sp.issparse(values):
        return as_array(values, whose)
    if values.ndim != 2:
        raise ShapeError(f"{whose} must be (source, target), got {values.shape}")
    if values.dtype.kind not in "buif":
        raise InputError(f"{whose} must be numbers, got {values.dtype}")
    if values.dtype.kind != "f":  # sums of whole numbers may not fit their own type
        values = values.astype(np.float64)
    if not inside(values):
        raise InputError(f"{whose} must have their entries within {values.shape}")
    rows = values.tocsr()
    if not inside(rows):
        raise InputError(f"{whose} must have their entries within {values.shape}")
    if not rows.has_canonical_format or len(rows.data) > rows.nnz:
        rows = rows.copy()
        rows.sum_duplicates()
        rows.prune()
    return rows


def inside(matrix: Any) -> bool:
    """Whether all entries of a sparse matrix are inside its shape, which SciPy does not check."""
    if matrix.format == "coo":
        places = np.array([matrix.row, matrix.col])
        return bool((places >= 0).all() and (places < np.array(matrix.shape)[:, None]).all())
    if matrix.format not in ("csr", "csc", "bsr"):
        return True  # checked again after conversion to one of these
    rows, columns = matrix.shape[::-1] if matrix.format == "csc" else matrix.shape
    if matrix.format == "bsr":
        rows, columns = rows // matrix.blocksize[0], columns // matrix.blocksize[1]
    pointers, indices = matrix.indptr, matrix.indices
    return bool(
        pointers.dtype.kind + indices.dtype.kind == "ii"
        and pointers.shape == (rows + 1,)
        and pointers[0] == 0
        and (pointers[1:] >= pointers[:-1]).all()  # differences could overflow
        and pointers[-1] <= len(indices) == len(matrix.data)
        and (indices >= 0).all()
        and (indices < columns).all()
    )


def with_one_delay(projection: Projection, delay: float) -> Projection:
    """The projection with one delay for all of its synapses, which stay what they are."""
    if projection.kind != SYNAPTIC:
        return replace(projection, delay=delay)
    return replace(projection, weights=sp.csr_array(projection.weights), delay=delay)


def with_delay(projection: Projection, sender: int, neuron: int, delay: float) -> Projection:
    """The projection with another delay for an existing synapse; each then has its own."""
    weights = projection.weights
    weights = all_synapses(weights) if projection.kind == DENSE else sp.csr_array(weights)
    rows = np.repeat(np.arange(weights.shape[0]), np.diff(weights.indptr))
    delays = projection.delay
    if np.ndim(delays):
        values = np.asarray(delays[rows, weights.indices], np.float64).reshape(-1)
    else:
        values = np.full(len(rows), delays)
    values[(rows == sender) & (weights.indices == neuron)] = delay
    each = sp.csr_array((values, weights.indices, weights.indptr), shape=weights.shape)
    return replace(projection, weights=weights, delay=each)


def all_synapses(weights: np.ndarray) -> sp.csr_array:
    """A dense matrix as a sparse one, in which weights of 0 are synapses, too."""
    inputs, outputs = weights.shape
    targets = np.tile(np.arange(outputs, dtype=np.int32), inputs)
    pointers = np.arange(inputs + 1, dtype=np.int64) * outputs
    return sp.csr_array((weights.reshape(-1), targets, pointers), shape=weights.shape)


def least_delay(projection: Projection) -> float:
    """The shortest delay of any synapse."""
    if not np.ndim(projection.delay):
        return float(projection.delay)
    if projection.kind != SYNAPTIC:
        return float(projection.delay.min())
    weights = sp.csr_array(projection.weights)
    blocks = (delays_in(weights, projection.delay, *rows) for rows in blocks_of(weights))
    return min((float(delays.min()) for delays in blocks if delays.size), default=np.inf)


def blocks_of(matrix: sp.csr_array) -> Iterator[tuple[int, int]]:
    """The first row, and that after the last, of blocks with few synapses each."""
    first, rows = 0, matrix.shape[0]
    while first < rows:
        most = int(matrix.indptr[first]) + BLOCK
        last = max(first + 1, int(np.searchsorted(matrix.indptr, most, "right")) - 1)
        yield first, min(last, rows)
        first = last


def delays_in(weights: sp.csr_array, delay: Any, first: int, last: int) -> np.ndarray:
    """The delays of the synapses in some rows, in the order of `weights`."""
    begin, end = int(weights.indptr[first]), int(weights.indptr[last])
    targets = weights.indices[begin:end]
    if sp.issparse(delay):
        start = int(delay.indptr[first])
        own = slice(start, start + end - begin)
        alike = np.array_equal(
            delay.indptr[first : last + 1] - start, weights.indptr[first : last + 1] - begin
        )
        if alike and np.array_equal(delay.indices[own], targets):
            return delay.data[own].astype(np.float64)
    if not len(targets):  # a sparse matrix cannot be indexed with empty arrays
        return np.empty(0)
    rows = np.repeat(np.arange(first, last), np.diff(weights.indptr[first : last + 1]))
    return np.asarray(delay[rows, targets], np.float64).reshape(-1)


def list_synapses(projection: Projection, room: Any, targets: np.ndarray, delays: Any) -> Any:
    """Write weights, targets and delays of each synapse, by row, then delay, into rooms for them.

    Returns (rows + 1,) pointers. room: a function of first, last and weights that keeps these.
    """
    csr = sp.csr_array(projection.weights)
    for first, last in blocks_of(csr):
        begin, end = int(csr.indptr[first]), int(csr.indptr[last])
        own = slice(begin, end)
        if projection.kind == SPARSE:
            room(begin, end, csr.data[own])
            targets[own] = csr.indices[own]
            continue
        found = delays_in(csr, projection.delay, first, last)
        rows = np.repeat(np.arange(first, last), np.diff(csr.indptr[first : last + 1]))
        order = np.lexsort((csr.indices[own], found, rows))
        room(begin, end, csr.data[own][order])
        targets[own], delays[own] = csr.indices[own][order], found[order]
    return csr.indptr


def synapses_in(projection: Projection) -> int:
    """How many synapses are listed."""
    weights = projection.weights
    return weights.nnz if sp.issparse(weights) else int(np.count_nonzero(weights))
