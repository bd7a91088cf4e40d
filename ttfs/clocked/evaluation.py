"""How well, how soon and at what cost networks decide that represent values by firing rates."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ttfs.checks import as_array, as_labels
from ttfs.clocked.course import Course, check, firing, run
from ttfs.clocked.rate import Rate
from ttfs.conversion.conversion import values_in
from ttfs.engines.sums import largest
from ttfs.errors import ShapeError
from ttfs.kernels.clock import clock
from ttfs.network.network import Network

CHUNK = 1000  # samples that are held in memory completely


@dataclass(frozen=True)
class ClockedEvaluation:
    """The quality of a clocked network on labelled inputs; shares are 0..1.

    rate: how it was run. accuracy: after the last step, strict: if several outputs share the
        largest value, the first counts. accuracy_lenient: the label is among the outputs with the
        largest value. ties: samples in which there are several of them. undecided: samples in which
        no output has fired, where outputs fire.
    by_step: strict accuracy after each step; 0 before `rate.begin`.
    steps_to_decision: mean number of steps after which the decision no longer changes, which is
        known only when all steps are over; steps before `rate.begin` count.
    spikes_per_sample: of all neurons that fire, in all steps; values of a direct input are not
        counted.
    spikes_per_hidden_neuron: of the neurons below the outputs. hidden: the number of these neurons;
        a layer below a pool does not fire and does not count.
    operations_per_sample: the number of weights that spikes add to potentials.
    input_operations: products of weights and values of a direct input, counted once for each
        sample, as they are the same in each step; for frames, those of all steps.
    agreement: share of samples in which the decision is that of the network it is compared with;
        None without one.
    seconds: duration of the whole evaluation.
    """

    rate: Rate
    samples: int
    accuracy: float
    accuracy_lenient: float
    ties: int
    undecided: int
    by_step: tuple[float, ...]
    steps_to_decision: float
    spikes_per_sample: float
    spikes_per_hidden_neuron: float
    hidden: int
    operations_per_sample: float
    input_operations: float
    agreement: float | None
    seconds: float

    def __str__(self) -> str:
        rows = [
            ("rates", self.rate.told()),
            (
                "accuracy",
                f"{100 * self.accuracy:.2f} % strict, {100 * self.accuracy_lenient:.2f} %"
                " counting ties as right",
            ),
            ("samples", f"{self.samples}, {self.ties} tied, {self.undecided} undecided"),
            (
                "steps",
                f"{self.rate.steps}; on average the decision is final from step"
                f" {self.steps_to_decision:.1f} on",
            ),
            (
                "spikes",
                f"{self.spikes_per_sample:,.1f} per sample, {self.spikes_per_hidden_neuron:.2f} for"
                f" each of {self.hidden} hidden neurons",
            ),
            (
                "operations",
                f"{self.operations_per_sample:,.0f} additions and"
                f" {self.input_operations:,.0f} products of the input per sample",
            ),
        ]
        if self.agreement is not None:
            rows.append(("agreement", f"{100 * self.agreement:.2f} % with the decisions given"))
        return "\n".join(f"  {name:21s} {text}" for name, text in rows)


def evaluate(
    network: Network, inputs: Any, labels: Any, rate: Rate, *, decisions: Any = None
) -> ClockedEvaluation:
    """How well, how soon and at what cost a network decides by firing rates.

    Parameters
    ----------
    network, inputs, rate: as for `ttfs.clocked.run`.
    labels: (samples,) the output that should have the largest value.
    decisions: (samples,) decisions of another network, such as `Conversion.decisions(inputs)`.

    >>> import ttfs
    >>> hidden = ttfs.Dense.of(np.eye(2), threshold=1)
    >>> network = ttfs.Network(hidden, ttfs.Dense.of(np.eye(2)), psp=ttfs.Windows())
    >>> found = evaluate(network, [[1.0, 0.0], [0.5, 0.75]], [0, 1], Rate(4))
    >>> found.accuracy, found.spikes_per_sample, found.spikes_per_hidden_neuron
    (1.0, 4.5, 2.25)
    """
    check(network, rate, "evaluate")
    values = values_in(inputs, network.shapes[0], False)

    def course(some: np.ndarray, first: int) -> Course:
        return run(network, some, rate, first=first)

    labels = as_labels(labels, len(values), network.sizes[-1])
    return measured(course, network, rate, values, labels, decisions)


def measured(
    run_some: Callable[[np.ndarray, int], Course],
    network: Network,
    rate: Rate,
    values: np.ndarray,
    labels: np.ndarray,
    decisions: Any,
) -> ClockedEvaluation:
    """The evaluation of a function that runs a part of the values at a time.

    run_some: takes some values and the number of the first of them. network: its layers.
    values: (samples, neurons), or (samples, steps, neurons), the input of each step. Others as for
    `evaluate`.
    """
    started = clock()
    others = None if decisions is None else as_array(decisions, "decisions")
    if others is not None and others.shape != labels.shape:
        raise ShapeError(
            f"decisions must be {labels.shape}, one for each sample; got {others.shape}"
        )
    fans = fans_of(network, rate)
    right, settled, decided = np.zeros(rate.steps, np.int64), 0, np.empty_like(labels)
    lenient = ties = undecided = 0
    spikes, additions = dict.fromkeys(fans, 0), 0
    fires: set[int] = set()  # in a module, some layers may do something other than fire
    for start in range(0, len(values), CHUNK):
        some = slice(start, start + CHUNK)
        course = run_some(values[some], start)
        right[rate.begin :] += (course.labels == labels[some]).sum(axis=1)[rate.begin :]
        settled += int(steps_to_decision(course, rate).sum())
        decided[some] = course.labels[-1]
        said = course.outputs[-1]
        most = said.max(axis=1)
        lenient += int((said[np.arange(len(said)), labels[some]] == most).sum())
        ties += int(((said == most[:, None]).sum(axis=1) > 1).sum())
        undecided += int((most == 0).sum()) if rate.output == "spikes" else 0
        fires |= set(course.counts)
        for k, counts in course.counts.items():
            spikes[k] += int(counts.sum())
            additions += int(counts.sum(axis=0) @ fans[k])
    samples, last = len(values), len(network.layers)
    hidden = sum(network.sizes[k] for k in fires if 0 < k < last)
    below = sum(count for k, count in spikes.items() if 0 < k < last)
    heard = 0.0
    if 0 not in fans:
        each = [values] if values.ndim == 2 else np.moveaxis(values, 1, 0)
        heard = sum(_products(network, one) for one in each)
    return ClockedEvaluation(
        rate=rate,
        samples=samples,
        accuracy=float(right[-1] / samples),
        accuracy_lenient=lenient / samples,
        ties=ties,
        undecided=undecided,
        by_step=tuple((right / samples).tolist()),
        steps_to_decision=settled / samples,
        spikes_per_sample=sum(spikes.values()) / samples,
        spikes_per_hidden_neuron=below / samples / max(1, hidden),
        hidden=hidden,
        operations_per_sample=additions / samples,
        input_operations=heard / samples,
        agreement=None if others is None else float((decided == others).mean()),
        seconds=clock() - started,
    )


def steps_to_decision(course: Course, rate: Rate) -> np.ndarray:
    """(samples,) the number of steps after which the decision no longer changes."""
    labels = course.labels[rate.begin :]
    other = labels != labels[-1]
    return rate.begin + 1 + np.where(other, np.arange(1, len(labels) + 1)[:, None], 0).max(axis=0)


def fans_of(network: Network, rate: Rate) -> dict[int, np.ndarray]:
    """For each layer that fires, (neurons,) the number of potentials that a spike is added to."""
    return {k: fan_of(network, k) for k in firing(network, rate)}


def fan_of(network: Network, number: int) -> np.ndarray:
    """The same for one layer; the input is 0."""
    found = np.zeros(network.sizes[number], np.int64)
    if number < len(network.layers):
        found += network.fan_out(number)
    for skip in network.skips:
        if skip.source == number:
            found += skip.fan_out(network.sizes[number])
    return found


def _products(network: Network, values: np.ndarray) -> float:
    """The number of products of weights and values of a direct input, pooled or not."""
    found = np.count_nonzero(values, axis=0) @ fan_of(network, 0)
    for number, layer in enumerate(network.layers, start=1):
        if not layer.pools:
            return float(found)
        values = largest(layer, values)
        found = found + np.count_nonzero(values, axis=0) @ fan_of(network, number)
    return float(found)
