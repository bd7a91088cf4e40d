"""Attacks: small movements of input spikes that change a decision, found by search."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ttfs.checks import positive, whole
from ttfs.engines.batch import Record, forward
from ttfs.engines.sums import listeners_of
from ttfs.gradients.signals import gradients
from ttfs.gradients.windows import first_at
from ttfs.measures.metrics import chunks, predict
from ttfs.network.maps import rows_of
from ttfs.network.network import Network, check_network
from ttfs.network.psp import Ramp

HALVINGS = 7  # of a radius that changes a decision


@dataclass(frozen=True, eq=False)
class Attack:
    """Movements of input spikes that change decisions.

    radius: (samples,) the largest movement of a spike in the mildest change that was found; inf
        where none was. The decision is not robust against movements of that radius or larger.
    times: (samples, inputs) the changed stimuli; as they were where no change was found.
    label: (samples,) the decisions about the stimuli as they were.
    """

    radius: np.ndarray
    times: np.ndarray
    label: np.ndarray

    def __len__(self) -> int:
        return len(self.label)

    def __repr__(self) -> str:
        samples = "1 sample" if len(self) == 1 else f"{len(self)} samples"
        return f"Attack({samples}, {int(np.isfinite(self.radius).sum())} changed)"


def attack(
    network: Network, times: Any, most: float, *, rivals: int = 2, rounds: int = 3
) -> Attack:
    """Look for the smallest movements of input spikes that change the decisions of a network.

    All spikes that speak for a rival of the winning output come earlier and all that speak against
    it come later, as in the envelope of a certificate. What speaks for it is told by errors that
    are passed from the outputs back to the inputs, through the weights of neurons that fire, and
    with ramps by the derivatives of spike times as well. The smallest radius at which the decision
    changes is found by halving. This is repeated from where the spikes have moved then. An attack
    finds a change or does not; only `ttfs.certify` can say that there is none.

    Parameters
    ----------
    network: the network.
    times: (samples, inputs) input spike times, or maps of them, as `forward` takes them.
    most: the largest movement, in the network's unit of time.
    rivals: how many other outputs are favoured, one after the other, the most likely ones first.
    rounds: how often errors are computed for each of them.

    Raises
    ------
    ShapeError, InputError: a wrong shape; NaN, negative times; a radius that is not above 0.

    >>> import ttfs
    >>> network = ttfs.Network(ttfs.Dense.of(np.eye(2), threshold=1), t_max=10)
    >>> found = attack(network, [[2.0, 5.0]], most=4)
    >>> found.radius, found.times
    (array([1.50732422]), array([[3.50732422, 3.49267578]]))
    """
    check_network(network, "attack(network=...)")
    times = rows_of(times, network.shapes[0])
    most = positive(most, "attack(most=...)")
    rivals = min(whole(rivals, "attack(rivals=...)"), network.sizes[-1] - 1)
    whole(rounds, "attack(rounds=...)")
    found = [
        search(network, times[some], most, rivals, rounds)
        for some in chunks(network, max(1, len(times)))
    ]
    return Attack(*map(np.concatenate, zip(*found, strict=True)))


def search(
    network: Network, times: np.ndarray, most: float, rivals: int, rounds: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The radius, changed stimuli and labels of some samples."""
    label, order = predict(network, times), ranking(forward(network, times))
    samples, best = len(times), np.full(len(times), np.inf)
    changed = times.copy()
    for place in range(rivals):
        rival = np.where(order[:, place] == label, order[:, rivals], order[:, place])
        at, told = times, np.zeros_like(times)
        for _ in range(rounds):
            errors = np.zeros((samples, network.sizes[-1]), network.dtype)
            errors[np.arange(samples), rival] = 1
            errors[np.arange(samples), label] -= 1
            told += even(support(network, at, errors))
            if isinstance(network.psp, Ramp):
                told += even(gradients(network, at, errors).times)
            way = -np.sign(np.nan_to_num(told))
            least = np.zeros(samples)
            radius = np.minimum(best, most)
            at = shifted(times, way, radius)
            for _ in range(1 + HALVINGS):
                tried = shifted(times, way, radius)
                success = (predict(network, tried) != label) & (radius > 0)
                better = success & (radius < best)
                best[better], changed[better] = radius[better], tried[better]
                smaller = ~success & (radius < np.minimum(best, most))
                least[smaller] = radius[smaller]  # where the largest fails, smaller ones may not
                radius = (least + np.minimum(best, most)) / 2
    return best, changed, label


def ranking(record: Record) -> np.ndarray:
    """(samples, outputs) the outputs by their spike times, and where they tie by potential."""
    return np.lexsort((-record.potential, record.times[-1]), axis=-1)


def shifted(times: np.ndarray, way: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Times moved by a radius for each sample, each spike in its direction; none before 0."""
    moved = times + way * radius[:, None]
    return np.maximum(moved, 0, out=moved).astype(times.dtype)


def even(support: np.ndarray) -> np.ndarray:
    """The same numbers, in each sample with a mean magnitude of 1, or all 0."""
    size = np.abs(support).mean(axis=1, keepdims=True)
    return support / np.where(size > 0, size, 1)


def support(network: Network, times: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """(samples, inputs) how much each input spike supports the outputs, weighted by errors.

    An output or hidden neuron that is silent, or a synapse whose spike comes later than that of its
    target, still counts: after a movement it may no longer be so.
    """
    record = forward(network, times)
    told = [*(np.zeros(layer.shape, network.dtype) for layer in record.times[:-1]), errors]
    for k in reversed(range(len(network.layers))):
        given, layer = told[k + 1], network.layers[k]
        if k < len(network.layers) - 1:
            given = given * (record.times[k + 1] < np.inf)
        if layer.pools:
            spikes = np.ascontiguousarray(record.times[k])
            first_at(network, k, spikes).by_times(record.times[k + 1], given, given, told[k])
            continue
        for one in listeners_of(network, k):
            wide = np.zeros((len(given) * layer.positions, one.weights.shape[1]), network.dtype)
            wide[:, : layer.columns] = given.reshape(-1, layer.columns)
            below = one.errors_below(wide)
            told[one.source] += below.reshape(told[one.source].shape)
    return told[0]
