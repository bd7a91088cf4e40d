"""Populations of neurons and the projections between them, as a user describes them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from ttfs.checks import as_array, as_text, whole
from ttfs.errors import InputError, ShapeError
from ttfs.kernels.circuit import DENSE, SPARSE, SYNAPTIC


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
        if not as_text(self.name, "Population(name=...)"):
            raise InputError("Population(name=...) must not be empty")
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


def as_matrix(values: Any, whose: str) -> Any:
    """Numbers as an array; sparse ones by rows."""
    if not sp.issparse(values):
        return as_array(values, whose)
    if values.ndim != 2:
        raise ShapeError(f"{whose} must be (source, target), got {values.shape}")
    rows = values.tocsr()
    as_array(rows.data, whose)
    return rows


def least_delay(projection: Projection) -> float:
    """The shortest delay of any synapse."""
    if projection.kind != SYNAPTIC:
        return float(projection.delay)
    delays = synapses(projection)[3]
    return float(delays.min()) if delays.size else np.inf


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
