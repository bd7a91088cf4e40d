"""How much of the accuracy of a network is certain, and how much survives an attack."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ttfs.checks import as_array, as_labels, positive, short
from ttfs.errors import InputError
from ttfs.measures.metrics import chunks, predict
from ttfs.network.maps import rows_of
from ttfs.network.network import Network, check_network
from ttfs.network.psp import Windows
from ttfs.robustness.attack import attack
from ttfs.robustness.certificate import certain
from ttfs.robustness.envelope import envelope_of


@dataclass(frozen=True)
class Movement:
    """Accuracies if each input spike may move by up to a radius; shares of all samples.

    accuracy: of the stimuli as they are (strict).
    radii: in the network's unit of time.
    certified: for each radius, the share of samples that are right whatever moves: a lower bound.
    attacked: the share that is right after the worst movement found: an upper bound.
    """

    samples: int
    accuracy: float
    radii: tuple[float, ...]
    certified: tuple[float, ...]
    attacked: tuple[float, ...]
    unit: str = ""


def movement(network: Network, times: Any, labels: Any, radii: Any) -> Movement:
    """The accuracy of a network if each input spike may move: what is certain, and under attack.

    Parameters
    ----------
    network: the network.
    times: (samples, inputs) input spike times, or maps of them, as `forward` takes them.
    labels: (samples,) in 0..outputs-1.
    radii: by how much spikes may move, in the network's unit of time; one or several, above 0.

    Raises
    ------
    ShapeError, InputError: shapes that do not fit, no samples, no radii, and what `certify` and
    `attack` refuse.

    >>> import ttfs
    >>> network = ttfs.Network(ttfs.Dense.of(np.eye(2), threshold=1), t_max=10)
    >>> found = movement(network, [[2.0, 5.0], [6.0, 3.0], [3.0, 4.0]], [0, 1, 1], [0.4, 2])
    >>> [round(share, 2) for share in (found.accuracy, *found.certified, *found.attacked)]
    [0.67, 0.67, 0.0, 0.67, 0.0]
    """
    check_network(network, "movement(network=...)")
    times = rows_of(times, network.shapes[0])
    labels = as_labels(labels, len(times), network.sizes[-1])
    if not len(times):
        raise InputError("movement needs at least one sample, got none")
    radii = as_radii(radii)
    right = predict(network, times) == labels
    envelope, constant = envelope_of(network, times.dtype), isinstance(network.psp, Windows)
    counts = np.zeros(len(radii))
    for some in chunks(envelope.network, len(times)):
        for k, radius in enumerate(radii):
            sure = certain(envelope.bounds(times[some], radius), constant)
            counts[k] += (sure == labels[some]).sum()
    changed = attack(network, times, max(radii)).radius
    attacked = [float((right & (changed > radius)).mean()) for radius in radii]
    certified = tuple((counts / len(times)).tolist())
    return Movement(
        len(times), float(right.mean()), radii, certified, tuple(attacked), network.unit
    )


def as_radii(radii: Any) -> tuple[float, ...]:
    """Radii above 0, in order."""
    array = as_array(radii, "movement(radii=...)")
    if array.ndim > 1 or not array.size:
        raise InputError(f"movement(radii=...) must be one radius or several, got {short(radii)}")
    return tuple(sorted(positive(one, "movement(radii=...)") for one in np.ravel(array).tolist()))
