"""Thresholds for a network of ReLUs, by what its layers say to some data."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ttfs.checks import positive
from ttfs.engines.sums import potentials_of
from ttfs.errors import InputError
from ttfs.network.network import Network

LEAST = 1e-6  # of the largest threshold of a layer; a channel that never speaks has the largest
TRIED = np.linspace(0.05, 1, 39)  # thresholds, as shares of the largest activation
CHUNK = 500  # samples whose largest activations are looked for together
LOOKED_AT = 5000  # activations of a channel that tell which of them is best


def thresholds_of(
    network: Network,
    values: np.ndarray,
    limits: list[float],
    threshold: str,
    quantile: float,
    per: str,
    steps: int | None = None,
    rounds: int = 1,
) -> list[np.ndarray]:
    """For each layer (columns,) the values at which its neurons are clipped.

    network: of ReLUs, whose own thresholds do not count. values: (samples, inputs). limits: of
    each layer's values, inf where there is none.
    """
    if threshold == "local":
        found = _local(network, values, limits, rounds, per)
    elif threshold == "error" and steps is not None:
        found = _closest(network, values, limits, steps, per)
    else:
        take = _quantile(quantile) if threshold == "quantile" else (lambda a: a.max(axis=0))
        size = len(values) if threshold == "quantile" else CHUNK  # as quantiles are of all
        parts = [
            _taken(network, values[start : start + size], limits, take, per)
            for start in range(0, len(values), size)
        ]
        found = [np.max(several, axis=0) for several in zip(*parts, strict=True)]
    thresholds = []
    for k, most in enumerate(found):
        most = np.resize(most, network.layers[k].columns)
        top = most.max() or 1.0
        most = np.where(most > 0, np.maximum(most, LEAST * top), top)
        thresholds.append(np.minimum(most, limits[k]))
    for k, layer in enumerate(network.layers):
        if layer.pools:
            thresholds[k] = thresholds[k - 1] if k else np.ones(layer.columns)
    return thresholds


def given_thresholds(
    network: Network, limits: list[float], given: Sequence[Any]
) -> list[np.ndarray]:
    """The same, of numbers that are given, one for each hidden layer with weights.

    They become limits of what these layers say, too.
    """
    last = len(network.layers) - 1
    hidden = [k for k, layer in enumerate(network.layers[:last]) if layer.rows]
    if len(given) != len(hidden):
        raise InputError(
            f"threshold must be {len(hidden)} numbers, one for each hidden layer"
            f" with weights, got {len(given)}"
        )
    for k, number in zip(hidden, given, strict=True):
        limits[k] = min(limits[k], positive(number, f"threshold: that of layer {k + 1}"))
    for k, layer in enumerate(network.layers[:last]):
        if layer.pools:
            limits[k] = limits[k - 1] if k else 1.0
    return [
        np.full(one.columns, most)
        for one, most in zip(network.layers, [*limits[:last], 1.0], strict=True)
    ]


def _quantile(share: float) -> Callable[[np.ndarray], np.ndarray]:
    """That share of what a channel says is smaller, of all that is above 0."""

    def take(found: np.ndarray) -> np.ndarray:
        rows = [column[column > 0] for column in found.T]
        return np.array([np.quantile(row, share) if row.size else 0.0 for row in rows])

    return take


def _taken(
    network: Network,
    values: np.ndarray,
    limits: list[float],
    take: Callable[[np.ndarray], np.ndarray],
    per: str,
) -> list[np.ndarray]:
    """What is taken of each channel's activations, or of a whole layer's."""
    found = []
    for k, _, activations in activations_of(network, values, limited(limits)):
        found.append(take(in_columns(network, k, activations, per)))
    return found


def limited(limits: Sequence[float]) -> Callable[[int, np.ndarray], np.ndarray]:
    """Clips the activations of layers at their limits.

    >>> limited([6.0])(0, np.array([3.0, 9.0]))
    array([3., 6.])
    """
    return lambda k, activations: np.minimum(activations, limits[k])


def _local(
    network: Network, values: np.ndarray, limits: list[float], rounds: int, per: str
) -> list[np.ndarray]:
    """Thresholds that grow by what is above them, while the layers above hear what is below.

    Local threshold balancing of Bu et al. 2024 (arXiv 2409.03368, section 3), layer by layer: in
    each round a threshold grows by twice the mean of how far those activations are above it that
    are. After one round it is twice the mean activation; it creeps to the largest with more. Of a
    layer, all channels are clipped at the largest of theirs.
    """
    thresholds = [np.zeros(layer.columns) for layer in network.layers]

    def clip(k: int, activations: np.ndarray) -> np.ndarray:
        if network.layers[k].pools:  # of what has been clipped
            return activations
        rows = in_columns(network, k, np.minimum(activations, limits[k]), "channel")
        over = np.maximum(rows - thresholds[k], 0)
        thresholds[k] += 2 * over.sum(axis=0) / np.maximum(np.count_nonzero(over, axis=0), 1)
        most = thresholds[k].max() if per == "layer" else thresholds[k]
        return np.minimum(rows, most).reshape(activations.shape)

    for _ in range(rounds):
        for _ in activations_of(network, values, clip):
            pass
    if per == "layer":
        return [np.full_like(each, each.max(initial=0)) for each in thresholds]
    return thresholds


def _closest(
    network: Network, values: np.ndarray, limits: list[float], steps: int, per: str
) -> list[np.ndarray]:
    """Thresholds with which so many steps are closest to activations, by squared error.

    Of each layer, or of each channel; layers above hear activations that were not rounded.
    """
    found = []
    for k, _, activations in activations_of(network, values, limited(limits)):
        rows = in_columns(network, k, np.minimum(activations, limits[k]), "channel")
        largest = rows.max(axis=0)
        if not network.layers[k].pools and largest.any():
            some = np.random.default_rng(k).permutation(len(rows))[:LOOKED_AT]
            largest = _least(rows[some], largest, steps, per)
        found.append(largest)
    return found


def _least(rows: np.ndarray, largest: np.ndarray, steps: int, per: str) -> np.ndarray:
    """Of all thresholds that are tried those of least error, for each column of activations."""
    if per == "layer":
        largest = np.full_like(largest, largest.max())
    tops = TRIED[:, None] * np.where(largest > 0, largest, 1.0)
    errors = np.empty_like(tops)
    for error, top in zip(errors, tops, strict=True):
        said = np.minimum(np.floor(rows / top * steps + 0.5), steps) / steps * top
        error[:] = ((said - rows) ** 2).mean(axis=0)
    if per == "layer":
        errors[:] = errors.mean(axis=1, keepdims=True)
    chosen = np.take_along_axis(tops, errors.argmin(axis=0)[None], axis=0)[0]
    return np.where(largest > 0, chosen, 0.0)


def in_columns(network: Network, k: int, activations: np.ndarray, per: str) -> np.ndarray:
    """(samples x positions, columns) of what is (samples, neurons); of a layer one column."""
    return activations.reshape(-1, 1 if per == "layer" else network.layers[k].columns)


def activations_of(
    network: Network,
    values: np.ndarray,
    change: Callable[[int, np.ndarray], np.ndarray] | None = None,
) -> Any:
    """For each layer its number, potentials and activations: those of ReLUs, not clipped.

    change: of the activations that the layers above hear.
    """
    below = [np.asarray(values, network.dtype)]
    for k in range(len(network.layers)):
        potentials = potentials_of(network, k, below)
        activations = np.maximum(potentials, 0)
        if change is not None:
            activations = change(k, activations)
        below.append(activations)
        heard = {skip.source for skip in network.skips if skip.target > k + 1}
        for source in set(range(1, k + 1)) - heard:  # all layers together can be large
            below[source] = below[source][:0]
        yield k, potentials, activations
