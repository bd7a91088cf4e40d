"""Thresholds for a network of ReLUs, by what its layers say to some data."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ttfs.engines.sums import potentials_of
from ttfs.network.network import Network

ROUNDS = 1  # in which `local` thresholds grow; more of them make few steps coarse
LEAST = 1e-6  # of the largest threshold of a layer: what a channel has that never speaks


def thresholds_of(
    network: Network,
    values: np.ndarray,
    limits: list[float],
    threshold: str,
    quantile: float,
    per: str,
) -> list[np.ndarray]:
    """For each layer (columns,) the values at which its neurons are clipped.

    network: of ReLUs, whose own thresholds do not count. values: (samples, inputs). limits: of
    each layer's values, inf where there is none.
    """
    if threshold == "local":
        found = _local(network, values, limits, ROUNDS)
    else:
        take = (lambda a: a.max(axis=0)) if threshold == "max" else _quantile(quantile)
        found = _largest(network, values, limits, take)
    thresholds = []
    for k, most in enumerate(found):
        if per == "layer":
            most = np.full_like(most, most.max())
        top = most.max()
        most = np.where(most > LEAST * top, most, LEAST * top) if top > 0 else np.ones_like(most)
        thresholds.append(np.minimum(most, limits[k]))
    for k, layer in enumerate(network.layers):
        if layer.pools:
            thresholds[k] = thresholds[k - 1] if k else np.ones(layer.columns)
    return thresholds


def _quantile(share: float) -> Callable[[np.ndarray], np.ndarray]:
    """That share of what a channel says is smaller, of all that is above 0."""

    def take(found: np.ndarray) -> np.ndarray:
        rows = [column[column > 0] for column in found.T]
        return np.array([np.quantile(row, share) if row.size else 0.0 for row in rows])

    return take


def _largest(
    network: Network,
    values: np.ndarray,
    limits: list[float],
    take: Callable[[np.ndarray], np.ndarray],
) -> list[np.ndarray]:
    """What is taken of each channel's activations."""
    found = []
    for k, _, activations in activations_of(network, values, limited(limits)):
        found.append(take(by_channel(network, k, activations)))
    return found


def limited(limits: Sequence[float]) -> Callable[[int, np.ndarray], np.ndarray]:
    """Clips the activations of layers at their limits.

    >>> limited([6.0])(0, np.array([3.0, 9.0]))
    array([3., 6.])
    """
    return lambda k, activations: np.minimum(activations, limits[k])


def _local(
    network: Network, values: np.ndarray, limits: list[float], rounds: int
) -> list[np.ndarray]:
    """Thresholds that grow by what is above them, while the layers above hear what is below.

    Local threshold balancing of Bu et al. 2024 (arXiv 2409.03368, section 3), layer by layer: in
    each round a threshold grows by twice the mean of how far those activations are above it that
    are. After one round it is twice the mean activation; it creeps to the largest with more.
    """
    thresholds = [np.zeros(layer.columns) for layer in network.layers]

    def clip(k: int, activations: np.ndarray) -> np.ndarray:
        rows = by_channel(network, k, np.minimum(activations, limits[k]))
        over = np.maximum(rows - thresholds[k], 0)
        thresholds[k] += 2 * over.sum(axis=0) / np.maximum(np.count_nonzero(over, axis=0), 1)
        return np.minimum(rows, thresholds[k]).reshape(activations.shape)

    for _ in range(rounds):
        for _ in activations_of(network, values, clip):
            pass
    return thresholds


def by_channel(network: Network, k: int, activations: np.ndarray) -> np.ndarray:
    """(samples x positions, columns) of what is (samples, neurons)."""
    return activations.reshape(-1, network.layers[k].columns)


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
        yield k, potentials, activations
