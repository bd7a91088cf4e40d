"""Accuracy over the strength of random perturbations of spikes, weights and synapses."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ttfs.augmentation import Dropout, Jitter
from ttfs.checks import as_array, as_labels, moderate, short, whole
from ttfs.errors import InputError
from ttfs.measures.metrics import predict
from ttfs.network.maps import rows_of
from ttfs.network.network import Network, check_network
from ttfs.robustness.plain import plain


def jitter(network: Network, times: np.ndarray, amount: float, rng: Any) -> Any:
    """Each spike is moved by normal noise, whose standard deviation is the amount."""
    return network, Jitter(amount).apply(times, rng)


def dropped(network: Network, times: np.ndarray, amount: float, rng: Any) -> Any:
    """Each input spike is left out with a probability."""
    return network, Dropout(amount).apply(times, rng) if amount < 1 else np.full_like(times, np.inf)


def added(network: Network, times: np.ndarray, amount: float, rng: Any) -> Any:
    """Each silent input fires with a probability, at a time when other inputs do."""
    fires = np.isinf(times) & (rng.random(times.shape) < amount)
    last = times[np.isfinite(times)].max(initial=0)
    return network, np.where(fires, rng.uniform(0, last, times.shape), times).astype(times.dtype)


def quantised(network: Network, times: np.ndarray, amount: float, rng: Any) -> Any:
    """Each spike time is rounded to a multiple of the amount."""
    return network, (np.round(times / amount) * amount).astype(times.dtype)


def weights(network: Network, times: np.ndarray, amount: float, rng: Any) -> Any:
    """Each weight gets normal noise: the amount times the standard deviation of its layer's."""
    return changed(network, lambda w: w + amount * w.std() * rng.standard_normal(w.shape)), times


def stuck_at_zero(network: Network, times: np.ndarray, amount: float, rng: Any) -> Any:
    """Each synapse has weight 0 with a probability."""
    return changed(network, lambda w: np.where(rng.random(w.shape) < amount, 0, w)), times


def stuck_at_extremes(network: Network, times: np.ndarray, amount: float, rng: Any) -> Any:
    """Each synapse has the least or the largest weight of its layer with a probability."""

    def stuck(w: np.ndarray) -> np.ndarray:
        ends = np.where(rng.random(w.shape) < 0.5, w.min(), w.max())
        return np.where(rng.random(w.shape) < amount, ends, w)

    return changed(network, stuck), times


def changed(network: Network, change: Callable[[np.ndarray], np.ndarray]) -> Network:
    """A copy of a network with other weights; those of skips stay."""
    copy = plain(network)
    for layer, own in zip(copy.layers, copy.weights, strict=True):
        if not layer.pools:
            own[:] = change(own)
    return copy


TIMED = {"jitter": jitter, "quantised": quantised}  # amounts are times
SHARES = {
    "dropped": dropped,
    "added": added,
    "weights": weights,
    "stuck at zero": stuck_at_zero,
    "stuck at extremes": stuck_at_extremes,
}
PERTURBATIONS = TIMED | SHARES


@dataclass(frozen=True)
class Curve:
    """Accuracy over the strength of a perturbation.

    kind: of the perturbation. amounts: its strengths. accuracy: for each amount, of each seed.
    """

    kind: str
    amounts: tuple[float, ...]
    accuracy: tuple[tuple[float, ...], ...]

    @property
    def mean(self) -> np.ndarray:
        """(amounts,) the mean over seeds."""
        return np.array([np.mean(row) for row in self.accuracy])

    @property
    def spread(self) -> np.ndarray:
        """(amounts,) the standard deviation over seeds; 0 for one seed."""
        return np.array([np.std(row, ddof=len(row) > 1) for row in self.accuracy])


def curve(
    network: Network, times: Any, labels: Any, kind: str, amounts: Any, *, seeds: int = 3
) -> Curve:
    """Accuracy (strict) over the strength of a random perturbation, for several seeds.

    Parameters
    ----------
    network: the network.
    times: (samples, inputs) input spike times, or maps of them, as `forward` takes them.
    labels: (samples,) in 0..outputs-1.
    kind: "jitter" (normal noise of that standard deviation), "quantised" (times are rounded to
        multiples of it); "dropped" (the share of spikes that are left out), "added" (of silent
        inputs that fire); "weights" (normal noise, in standard deviations of a layer's weights);
        "stuck at zero" or "stuck at extremes" (the share of synapses whose weight is 0, or the
        least or largest of its layer).
    amounts: one or several; times in the network's unit, or shares. At 0, nothing is changed.
    seeds: how often each is drawn.

    Raises
    ------
    ShapeError, InputError: shapes that do not fit, no samples, another kind, amounts below 0.

    >>> import ttfs
    >>> network = ttfs.Network(ttfs.Dense.of(np.eye(2), threshold=1), t_max=10)
    >>> found = curve(network, [[2.0, 5.0], [6.0, 3.0]] * 50, [0, 1] * 50, "jitter", [0, 1, 4])
    >>> found.mean.round(2)
    array([1.  , 0.98, 0.69])
    """
    check_network(network, "curve(network=...)")
    times = rows_of(times, network.shapes[0])
    labels = as_labels(labels, len(times), network.sizes[-1])
    if not isinstance(kind, str) or kind not in PERTURBATIONS:
        known = ", ".join(f'"{name}"' for name in PERTURBATIONS)
        raise InputError(f"curve(kind=...) must be one of {known}, got {short(kind)}")
    if not len(times):
        raise InputError("curve needs at least one sample, got none")
    strengths, rounds = as_amounts(amounts, kind), whole(seeds, "curve(seeds=...)")
    rows = []
    for amount in strengths:
        found = []
        for seed in range(rounds):
            rng, given = np.random.default_rng([list(PERTURBATIONS).index(kind), seed]), times
            other = network
            if amount:
                other, given = PERTURBATIONS[kind](network, times, amount, rng)
            found.append(float((predict(other, given) == labels).mean()))
        rows.append(tuple(found))
    return Curve(kind, strengths, tuple(rows))


def as_amounts(amounts: Any, kind: str) -> tuple[float, ...]:
    """Strengths of a perturbation, 0 or more; shares of spikes or synapses are at most 1."""
    array, whose = as_array(amounts, "curve(amounts=...)"), "curve(amounts=...)"
    if array.ndim > 1 or not array.size:
        raise InputError(f"{whose} must be one number or several, got {short(amounts)}")
    found = tuple(moderate(one, whose, zero=True) for one in np.ravel(array).tolist())
    if kind in SHARES and kind != "weights" and max(found) > 1:
        raise InputError(f"{whose} of {kind} must be shares, at most 1; got {max(found):g}")
    return found
