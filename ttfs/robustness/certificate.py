"""Certificates: decisions that no movement of the input spikes up to a radius can change."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ttfs.checks import positive
from ttfs.measures.metrics import predict
from ttfs.network.maps import rows_of
from ttfs.network.network import Network, check_network
from ttfs.network.psp import Windows
from ttfs.robustness.envelope import Bounds, envelope_of


@dataclass(frozen=True, eq=False)
class Certificate:
    """What can happen in a batch if each input spike moves by up to a radius.

    earliest, latest: per layer, the input first, (samples, neurons) bounds of spike times. A neuron
        whose latest spike is inf may be silent; if its earliest is, too, it is silent.
    label: (samples,) the decision about the stimulus as it is.
    certified: (samples,) bool, whether this is the decision for all movements.
    radius: by which each input spike may move.
    """

    earliest: tuple[np.ndarray, ...]
    latest: tuple[np.ndarray, ...]
    label: np.ndarray
    certified: np.ndarray
    radius: float

    def __len__(self) -> int:
        return len(self.label)

    def __repr__(self) -> str:
        sure = int(self.certified.sum())
        samples = "1 sample" if len(self) == 1 else f"{len(self)} samples"
        return f"Certificate({samples}, {sure} certified, radius={self.radius:g})"


def certify(network: Network, times: Any, radius: Any) -> Certificate:
    """When neurons can fire, and which decisions are certain, if input spikes move by a radius.

    Each spike of the input may come up to `radius` earlier or later, all independently of each
    other. None comes before 0; one that reaches the horizon is gone; silent inputs stay silent.
    The bounds hold for every such stimulus (in the same dtype), roundings included. They are exact
    for the first layer, except for roundings; further layers treat their inputs as independent
    again, so that bounds widen from layer to layer. A decision that is not certified may still be
    robust: see `ttfs.robustness.attack`.

    With float32, the margin for roundings widens the bounds of layers with hundreds of inputs as
    much as a per cent of the threshold would, and far more with ramps that end. For a network with
    `dtype=float` and float64 times it does not matter.

    This takes as long as about four passes of `forward`, and one more for samples that are not
    certified, and memory for twice as many spikes and four times as many weights.

    Parameters
    ----------
    network: the network.
    times: (samples, inputs) input spike times, or maps of them, as `forward` takes them.
    radius: in the network's unit of time; 0 or more.

    Returns
    -------
    A `Certificate`.

    Raises
    ------
    ShapeError, InputError: a wrong shape; NaN, negative times; a radius that is negative or no
    finite number; weights so large that roundings could be as large as a threshold.

    The second input inhibits. If spikes may move by 1, the output may fire once the first two
    excitatory spikes have come, or not at all:

    >>> import ttfs
    >>> network = ttfs.Network(ttfs.Dense.of([[1], [-1], [1]], threshold=2), t_max=10)
    >>> ttfs.forward(network, [[2.0, 7.0, 4.0]]).times[1]
    array([[4.]])
    >>> found = ttfs.certify(network, [[2.0, 7.0, 4.0]], radius=1)
    >>> found.earliest[1], found.latest[1]
    (array([[3.]]), array([[5.]]))
    >>> ttfs.certify(network, [[2.0, 7.0, 4.0]], radius=2).latest[1]
    array([[inf]])

    Two outputs, of which the first is ahead by 3:

    >>> network = ttfs.Network(ttfs.Dense.of(np.eye(2), threshold=1), t_max=10)
    >>> [ttfs.certify(network, [[2.0, 5.0]], radius=r).certified.tolist() for r in (1, 1.5)]
    [[True], [False]]
    """
    check_network(network, "certify(network=...)")
    times = rows_of(times, network.shapes[0])
    radius = positive(radius, "certify(radius=...)", zero=True)
    bounds = envelope_of(network, times.dtype).bounds(times, radius)
    label = certain(bounds, isinstance(network.psp, Windows))
    certified = label >= 0
    unsure = np.flatnonzero(~certified)
    if len(unsure):
        label[unsure] = predict(network, times[unsure])
    return Certificate(bounds.earliest, bounds.latest, label, certified, radius)


def certain(bounds: Bounds, constant: bool) -> np.ndarray:
    """(samples,) the decision if it is certain, else -1.

    The winner fires before all others can. Where potentials are constant once outputs can fire, as
    with windows, a winner that never comes later than a rival also wins by the larger potential.
    """
    earliest, latest = bounds.earliest[-1], bounds.latest[-1]
    first = latest == latest.min(axis=1, keepdims=True)
    winner = np.where(first, bounds.low if constant else 0, -np.inf).argmax(axis=1)[:, None]
    last = np.take_along_axis(latest, winner, axis=1)
    outputs = np.arange(latest.shape[1])
    wins = (last < earliest) | (outputs == winner)
    if constant:
        low = np.take_along_axis(bounds.low, winner, axis=1)
        larger = (low > bounds.high) | ((low == bounds.high) & (winner < outputs))
        wins |= (last <= earliest) & larger
    return np.where(wins.all(axis=1), winner[:, 0], -1)
