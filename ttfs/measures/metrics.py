"""How well, how soon and at what cost a network decides."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ttfs.checks import as_labels
from ttfs.codes.decoding import Decisions, decide
from ttfs.engines.arrivals import count_additions
from ttfs.engines.batch import Record, forward, lost_share
from ttfs.errors import InputError
from ttfs.network.maps import rows_of
from ttfs.network.network import Network, check_network

CHUNK = 2048  # samples whose spikes are in memory at the same time, at most
MOST = 2**24  # such spikes, those of silent neurons included


@dataclass(frozen=True)
class Evaluation:
    """The quality of a network on labelled stimuli; shares are 0..1, times in its unit.

    accuracy: the decision of `ttfs.decide` is the label (strict).
    accuracy_lenient: a label among the outputs tied for first counts as right; silent
        samples are decided by potential: how the S4NN and BS4NN papers count.
    accuracy_spiking: strict, and samples without an output spike count as wrong.
    ties, undecided: numbers of samples with several first outputs, with none.
    decision_time_mean: over the samples that were decided; inf if none was.
    spikes_per_sample, operations_per_sample: spikes of all layers that the horizon allows,
        and the weights they added to potentials;
    spikes_to_decision, operations_to_decision: those until the decision, its instant
        included.
    silent: per layer, the input first, the share of neurons that did not fire.
    latency: per layer, the mean time of the spikes; NaN where there is none.
    same_time: per layer, the share of spikes at the layer's commonest time of the sample.
    lost: the share of input spikes that do not happen, being at the horizon or after it.
    """

    samples: int
    accuracy: float
    accuracy_lenient: float
    accuracy_spiking: float
    ties: int
    undecided: int
    decision_time_mean: float
    spikes_per_sample: float
    spikes_to_decision: float
    operations_per_sample: float
    operations_to_decision: float
    silent: tuple[float, ...]
    latency: tuple[float, ...]
    same_time: tuple[float, ...]
    lost: float = 0.0


def evaluate(network: Network, times: Any, labels: Any) -> Evaluation:
    """Run labelled stimuli through a network and count.

    Parameters
    ----------
    times: (samples, inputs) input spike times, or maps of them, as `forward` takes them.
    labels: (samples,) in 0..outputs-1.

    Raises
    ------
    ShapeError, InputError: shapes that do not fit, no samples, labels out of range.

    >>> import ttfs
    >>> network = ttfs.Network(ttfs.Dense.of(np.eye(2), threshold=1), t_max=10)
    >>> ttfs.evaluate(network, [[1.0, 2.0], [3.0, np.inf]], [0, 1]).accuracy
    0.5
    """
    check_network(network, "evaluate(network=...)")
    times = rows_of(times, network.shapes[0])
    labels = as_labels(labels, len(times), network.sizes[-1])
    if not len(times):
        raise InputError("evaluate needs at least one sample, got none")
    sums = sum_up(
        _counts(network, forward(network, times[chunk]), labels[chunk])
        for chunk in chunks(network, len(times))
    )
    return _evaluation(len(times), sums, lost_share(network, times))


def right(decisions: Decisions, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Per sample, whether the decision is right: strict, lenient."""
    strict = decisions.right(labels)
    lenient = strict | decisions.first[np.arange(len(labels)), labels]
    return strict, lenient


def chunks(network: Network, samples: int) -> Iterator[slice]:
    """Parts of so many samples whose spikes fit into memory.

    >>> import ttfs
    >>> list(chunks(ttfs.Network(ttfs.Dense(784, 10)), 3000))
    [slice(0, 2048, None), slice(2048, 4096, None)]
    """
    size = max(1, min(CHUNK, MOST // sum(network.sizes)))
    for start in range(0, samples, size):
        yield slice(start, start + size)


def sum_up(counts: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """Add dictionaries of numbers and arrays key by key."""
    total: dict[str, Any] = {}
    for count in counts:
        total = {key: total.get(key, 0) + value for key, value in count.items()}
    return total


def _counts(network: Network, record: Record, labels: np.ndarray) -> dict[str, Any]:
    """What can be added over chunks."""
    decisions = decide(record.times[-1], record.potential)
    strict, lenient = right(decisions, labels)
    until_decision = count_additions(network, record.times, network.t_max, decisions.time)
    spikes, until, sums, commonest = np.zeros((4, len(record.times)))
    for k, times in enumerate(record.times):
        fired = times < np.inf
        spikes[k] = fired.sum()
        until[k] = (fired & (times <= decisions.time[:, None])).sum()
        sums[k] = times[fired].sum(dtype=float)
        commonest[k] = _commonest(times)
    return {
        "strict": strict.sum(),
        "lenient": lenient.sum(),
        "spiking": (strict & ~decisions.undecided).sum(),
        "ties": decisions.tied.sum(),
        "undecided": decisions.undecided.sum(),
        "time": decisions.time[~decisions.undecided].sum(dtype=float),
        "neurons": np.array(network.sizes, float) * len(labels),
        "spikes": spikes,
        "until": until,
        "latency": sums,
        "commonest": commonest,
        "operations": record.additions.sum(),
        "operations_until": until_decision.sum(),
    }


def _commonest(times: np.ndarray) -> int:
    """Over samples, the number of spikes that share the commonest time of their sample."""
    ordered = np.sort(times, axis=1)
    starts = np.ones(ordered.shape, bool)
    starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    places = np.arange(ordered.shape[1])
    run = places - np.maximum.accumulate(np.where(starts, places, 0), axis=1) + 1
    return int(np.where(np.isinf(ordered), 0, run).max(axis=1).sum())


def _evaluation(samples: int, sums: dict[str, Any], lost: float) -> Evaluation:
    decided = samples - sums["undecided"]
    with np.errstate(invalid="ignore", divide="ignore"):
        latency = sums["latency"] / sums["spikes"]
        same_time = sums["commonest"] / sums["spikes"]
    return Evaluation(
        samples=samples,
        accuracy=float(sums["strict"] / samples),
        accuracy_lenient=float(sums["lenient"] / samples),
        accuracy_spiking=float(sums["spiking"] / samples),
        ties=int(sums["ties"]),
        undecided=int(sums["undecided"]),
        decision_time_mean=float(sums["time"] / decided) if decided else float("inf"),
        spikes_per_sample=float(sums["spikes"].sum() / samples),
        spikes_to_decision=float(sums["until"].sum() / samples),
        operations_per_sample=float(sums["operations"] / samples),
        operations_to_decision=float(sums["operations_until"] / samples),
        silent=tuple((1 - sums["spikes"] / sums["neurons"]).tolist()),
        latency=tuple(latency.tolist()),
        same_time=tuple(same_time.tolist()),
        lost=lost,
    )
