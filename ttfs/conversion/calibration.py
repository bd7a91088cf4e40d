"""Thresholds for a network of ReLUs, derived from the activations that some data produce."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ttfs.checks import positive
from ttfs.engines.sums import potentials_of
from ttfs.errors import InputError
from ttfs.network.network import Network

LEAST = 1e-6  # of a layer's largest threshold; a channel that is never active gets the largest
TRIED = np.linspace(0.05, 1, 39)  # candidate thresholds, as shares of the largest activation
CHUNK = 500  # samples whose largest activations are determined together
LOOKED_AT = 5000  # activations of a channel that are used to choose the best candidate


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
    """For each layer, (columns,) the values at which its neurons are clipped.

    network: of ReLUs, whose own thresholds have no effect. values: (samples, inputs). limits: upper
    limits of each layer's values, inf if there is none.
    """
    if threshold == "local":
        found = _local(network, values, limits, rounds, per)
    elif threshold == "error" and steps is not None:
        found = _closest(network, values, limits, steps, per)
    else:
        take = _quantile(quantile) if threshold == "quantile" else (lambda a: a.max(axis=0))
        size = len(values) if threshold == "quantile" else CHUNK  # as a quantile needs all of them
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
    """The same from given numbers, one for each hidden layer with weights.

    These numbers also become upper limits of the layers' values.
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
    """A function that takes this quantile of the activations above 0 in each channel."""

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
    """The results of `take` for the activations of each channel, or of each whole layer."""
    found = []
    for k, _, activations in activations_of(network, values, limited(limits)):
        found.append(take(in_columns(network, k, activations, per)))
    return found


def limited(limits: Sequence[float]) -> Callable[[int, np.ndarray], np.ndarray]:
    """A function that clips the activations of layers at their limits.

    >>> limited([6.0])(0, np.array([3.0, 9.0]))
    array([3., 6.])
    """
    return lambda k, activations: np.minimum(activations, limits[k])


def _local(
    network: Network, values: np.ndarray, limits: list[float], rounds: int, per: str
) -> list[np.ndarray]:
    """Thresholds that grow by the excess above them; layers above receive clipped activations.

    Local threshold balancing of Bu et al. 2024 (arXiv 2409.03368, section 3), layer by layer: in
    each round, a threshold grows by twice the mean excess of the activations that exceed it. After
    one round it is twice the mean activation above 0; with more rounds it approaches the largest
    activation. With `per` "layer", all channels are clipped at the largest of their thresholds.
    """
    thresholds = [np.zeros(layer.columns) for layer in network.layers]

    def clip(k: int, activations: np.ndarray) -> np.ndarray:
        if network.layers[k].pools:  # what it pools is clipped already
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
    """Thresholds that minimise the squared error between activations and their values in steps.

    One for each layer, or for each channel; layers above receive activations that are not rounded.
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
    """The candidate thresholds with the least error, for each column of activations."""
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
    """Activations (samples, neurons) as (samples x positions, columns), or as one column."""
    return activations.reshape(-1, 1 if per == "layer" else network.layers[k].columns)


def activations_of(
    network: Network,
    values: np.ndarray,
    change: Callable[[int, np.ndarray], np.ndarray] | None = None,
) -> Any:
    """For each layer its number, potentials and activations: those of ReLUs, not clipped.

    change: applied to the activations before they are passed to the layers above.
    """
    below = [np.asarray(values, network.dtype)]
    for k in range(len(network.layers)):
        potentials = potentials_of(network, k, below)
        activations = np.maximum(potentials, 0)
        if change is not None:
            activations = change(k, activations)
        below.append(activations)
        heard = {skip.source for skip in network.skips if skip.target > k + 1}
        for source in set(range(1, k + 1)) - heard:  # together, all layers can take much memory
            below[source] = below[source][:0]
        yield k, potentials, activations
