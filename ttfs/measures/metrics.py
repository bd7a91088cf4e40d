"""How well, how soon and at what cost a network decides."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from math import inf, prod
from typing import Any

import numpy as np

from ttfs.checks import as_labels, of_kind, quantity
from ttfs.codes.decoding import Decisions, decide
from ttfs.engines.arrivals import count_additions, up_to
from ttfs.engines.batch import Record, forward, late
from ttfs.errors import InputError
from ttfs.files.chunked import Chunked, only
from ttfs.kernels.metrics import LEAST, tally
from ttfs.kernels.threads import spread
from ttfs.network.maps import source_of
from ttfs.network.network import Network, check_network

CHUNK = 2048  # samples whose spikes are in memory at the same time
AT_ONCE = 2**22  # and how many neurons they may have together
TASK, TASKS = 64, 16  # such parts that an executor is given together, unless there are few


@dataclass(frozen=True)
class Evaluation:
    """The quality of a network on labelled stimuli; shares are 0..1, times in its unit.

    accuracy: the decision of `ttfs.decide` is the label (strict).
    accuracy_lenient: a label among the outputs tied for first counts as right; silent
        samples are decided by potential, as in the S4NN and BS4NN papers.
    accuracy_spiking: strict, and samples without an output spike count as wrong.
    ties, undecided: numbers of samples in which several outputs fire first, or none fires.
    decision_time_mean: over the samples that were decided; inf if none was.
    spikes_per_sample, operations_per_sample: spikes of all layers before the horizon, and the
        number of weights that they add to potentials.
    spikes_to_decision, operations_to_decision: those until the decision, its instant
        included.
    silent: per layer, the input first, the share of neurons that did not fire.
    latency: per layer, the mean spike time; NaN if there are no spikes.
    same_time: per layer, the share of spikes at the layer's most common time of the sample.
    lost: the share of input spikes that do not happen, because they are at or after the horizon.
    names, shapes: per layer, its name, and its (height, width, channels).
    never: per layer, the share of channels that fire nowhere in any sample; in a layer that is
        not a map, of neurons.
    unit: of times.

    It prints as a table of the most important figures; `firing_table` shows those of the layers.
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
    names: tuple[str, ...] = ()
    shapes: tuple[tuple[int, int, int], ...] = ()
    never: tuple[float, ...] = ()
    unit: str = ""

    def __str__(self) -> str:
        found = vars(self) | {"spikes_per_hidden_neuron": self.spikes_per_hidden_neuron}
        return "\n".join(f"{name:20s}  {text}" for name, text in in_words(found).items())

    @property
    def spikes_per_hidden_neuron(self) -> float:
        """The mean number of spikes of a hidden neuron, pools included; NaN if there are none."""
        sizes = [prod(shape) for shape in self.shapes[1:-1]]
        fired = [(1 - silent) * n for silent, n in zip(self.silent[1:-1], sizes, strict=True)]
        return sum(fired) / sum(sizes) if sizes else float("nan")


def in_words(found: Mapping[str, Any]) -> dict[str, str]:
    """The most important figures of an evaluation, given by their names, as text for a table."""
    strict, lenient, spiking = (
        f"{100 * found[key]:.2f} %" for key in ("accuracy", "accuracy_lenient", "accuracy_spiking")
    )
    each, time = found["spikes_per_hidden_neuron"], found["decision_time_mean"]
    more = f", {each:.2f} for each hidden neuron" if each == each else ""
    spikes, operations = (
        (found[f"{name}_per_sample"], found[f"{name}_to_decision"])
        for name in ("spikes", "operations")
    )
    samples, ties, undecided = (f"{found[key]:,}" for key in ("samples", "ties", "undecided"))
    return {
        "accuracy": f"{strict} strict, {lenient} counting ties as right,",
        "": f"{spiking} counting silence as wrong",
        "samples": f"{samples}, {ties} tied, {undecided} undecided",
        "decision time": f"{quantity(time, found['unit'])} on average" if time < inf else "none",
        "spikes": f"{spikes[0]:,.1f} per sample, {spikes[1]:,.1f} up to the decision{more}",
        "synaptic operations": f"{operations[0]:,.0f} per sample, {operations[1]:,.0f} up to the"
        " decision",
    }


def evaluate(
    network: Network, times: Any, labels: Any, *, executor: Executor | None = None
) -> Evaluation:
    """Run labelled stimuli through a network, and measure accuracy, timing, spikes and operations.

    The result has the same bits wherever the data are and whoever runs the network.

    Parameters
    ----------
    times: (samples, inputs) input spike times, or maps of them, as `forward` takes them. Arrays of
        Zarr, h5py and Dask are read a part at a time, and do not have to fit into memory.
    labels: (samples,) in 0..outputs-1.
    executor: processes that run the network, such as a `concurrent.futures.ProcessPoolExecutor`
        or `get_executor()` of a Dask client; they read parts of a Zarr array themselves. By
        default, the threads of this process do.

    Raises
    ------
    ShapeError, InputError: shapes that do not fit, no samples, labels out of range.

    >>> import ttfs
    >>> network = ttfs.Network(ttfs.Dense.of(np.eye(2), threshold=1), t_max=10)
    >>> ttfs.evaluate(network, [[1.0, 2.0], [3.0, np.inf]], [0, 1]).accuracy
    0.5
    """
    check_network(network, "evaluate(network=...)")
    kinds = "an executor as in concurrent.futures, or None"
    of_kind(executor, Executor | None, "evaluate(executor=...)", kinds)
    times = source_of(times, network.shapes[0])
    labels = as_labels(labels, len(times), network.sizes[-1])
    if not len(times):
        raise InputError("evaluate needs at least one sample, got none")
    if executor is None:
        sums = sum_up(_counts_of(network, times, labels))
    else:
        starts = [some.start for some in chunks(network, len(times))]
        starts = starts[:: max(1, min(TASK, len(starts) // TASKS))]
        rows = map(np.arange, starts, [*starts[1:], len(times)])
        parts = zip(*((only(times, some), labels[some]) for some in rows), strict=True)
        jobs = executor.map(_listed, [network] * len(starts), *parts)
        sums = sum_up(count for counts in jobs for count in counts)
    return _evaluation(network, len(times), sums)


def decisions_of(network: Network, times: np.ndarray | Chunked) -> Decisions:
    """The decisions of a network, a part of the samples at a time to save memory."""
    records = (forward(network, times[some]) for some in chunks(network, max(1, len(times))))
    found = [decide(record.times[-1], record.potential) for record in records]
    parts = zip(*(vars(each).values() for each in found), strict=True)
    return Decisions(*map(np.concatenate, parts))


def predict(network: Network, times: Any) -> np.ndarray:
    """(samples,) the labels that a network decides on, as `ttfs.decide` finds them.

    times: (samples, inputs) input spike times, or maps of them, as `forward` takes them.

    Raises
    ------
    ShapeError, InputError: shapes that do not fit; NaN, negative times.

    >>> import ttfs
    >>> network = ttfs.Network(ttfs.Dense.of(np.eye(2), threshold=1), t_max=10)
    >>> ttfs.predict(network, [[1.0, 2.0], [np.inf, 3.0]])
    array([0, 1])
    """
    check_network(network, "predict(network=...)")
    return decisions_of(network, source_of(times, network.shapes[0])).label


def right(decisions: Decisions, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each sample, whether the decision is right: strictly, and leniently."""
    strict = decisions.right(labels)
    lenient = strict | decisions.first[np.arange(len(labels)), labels]
    return strict, lenient


def chunks(network: Network, samples: int, most: int = CHUNK) -> Iterator[slice]:
    """Slices that divide the samples into parts, of `most` or fewer, that take little memory."""
    step = max(1, min(most, AT_ONCE // sum(network.sizes)))
    return (slice(start, start + step) for start in range(0, samples, step))


def sum_up(counts: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """Add dictionaries of numbers and arrays key by key."""
    total: dict[str, Any] = {}
    for count in counts:
        total = {key: total.get(key, 0) + value for key, value in count.items()}
    return total


def _listed(
    network: Network, times: np.ndarray | Chunked, labels: np.ndarray
) -> list[dict[str, Any]]:
    """The counts of some samples, to be sent to another process."""
    return list(_counts_of(network, times, labels))


def _counts_of(
    network: Network, times: np.ndarray | Chunked, labels: np.ndarray
) -> Iterator[dict[str, Any]]:
    """The counts of each part of the samples."""
    for some in chunks(network, len(labels)):
        part = times[some]
        counts = _counts(network, forward(network, part), labels[some])
        gone = late(part, up_to(network.stimulus_end, part.dtype))
        yield counts | {"input spikes": np.count_nonzero(part < np.inf), "lost": gone}


def _counts(network: Network, record: Record, labels: np.ndarray) -> dict[str, Any]:
    """The counts that can be added up over chunks."""
    decisions = decide(record.times[-1], record.potential)
    strict, lenient = right(decisions, labels)
    until_decision = count_additions(network, record.times, network.t_max, decisions.time)
    spikes, until, sums, commonest = np.zeros((4, len(record.times)))
    fired = {}
    for k, times in enumerate(record.times):
        counts, of_times = tally_of(times, decisions.time)
        spikes[k], until[k], commonest[k] = counts.sum(axis=0)
        sums[k] = of_times.sum()
        channels = network.shapes[k][2]
        fired[f"fired {k}"] = (times < np.inf).any(axis=0).reshape(-1, channels).any(axis=0)
    return fired | {
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


def tally_of(times: np.ndarray, decided: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Counts and sums of a layer's spikes, computed by `kernels.metrics.tally`."""
    samples, neurons = times.shape
    counts, sums = np.empty((samples, 3), np.int64), np.empty(samples)
    places = 2 ** max(LEAST, (2 * neurons - 1).bit_length())

    def some(first: int, last: int) -> None:
        spikes = np.empty(neurons + 1, times.dtype)
        bits = spikes.view(f"u{times.itemsize}")
        keys, hits = np.empty(places, times.dtype), np.empty(places, np.int32)
        tally(rows, decided, counts, sums, spikes, bits, keys, hits, first, last)

    rows = np.ascontiguousarray(times)
    spread(some, samples, 4 * times.size)
    return counts, sums


def _evaluation(network: Network, samples: int, sums: dict[str, Any]) -> Evaluation:
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
        lost=int(sums["lost"]) / max(1, int(sums["input spikes"])),
        names=network.names,
        shapes=network.shapes,
        never=tuple(float(np.mean(sums[f"fired {k}"] == 0)) for k in range(len(network.sizes))),
        unit=network.unit,
    )
