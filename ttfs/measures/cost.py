"""What a network costs, in the terms of NeuroBench, for networks whose neurons fire once.

NeuroBench (Yik et al. 2025, Nature Communications 16:1545, arXiv 2304.04640) measures the
footprint, connection and activation sparsity and synaptic operations of a model; its harness also
counts membrane updates. It assumes that a model runs in time steps. Here nothing happens
between events, so an execution is one sample, and the definitions read as follows.

*Footprint*: the bits of parameters and of state. A `Binary` weight has one bit. A real weight
and a threshold (one for a layer, or one for each neuron or channel, as given) have as many bits as
the network's dtype. The scale of a `Binary` layer, a delay (one for a layer, each input or each
pair) and a bias have 64 bits, as the network stores them. A skip connection without a layer of its
own has a weight for each channel. Parameters shared by all positions of a map are counted once. The
state of a neuron is its potential, in the dtype (with `Ramp` and `Windows` its slope and a total,
which are two numbers), and one bit that says whether it has fired; a neuron that pools has only
that bit. Spikes under way are not counted, nor is an encoder.

*Connection sparsity*: the share of weights that are exactly 0.

*Activation sparsity*: the share of neurons above the input that do not fire, over all
samples. A clocked simulation of T steps, in which a neuron is active in one step at most,
would report 1 - (1 - this) / T.

*Synaptic operations*: the dense count is one for each synapse, as if every neuron fired once. In a
map, each position has synapses of its own, which share their weights; those to the padding do not
count. A network without spikes would need this many multiply-accumulates. The effective count is
one for each spike that arrives before the horizon through a weight that is not 0, even at a neuron
that has already fired, because whole rows are added. The end of a ramp that rises for a finite time
is another operation, in both counts. A pool has no synapses.

*Additions and multiply-accumulates*: with `Step`, an operation is the addition of a weight, real
or one-bit, as a spike is an event and multiplies nothing. With `Ramp` and `Windows`, it is an
addition to the slope and a multiply-accumulate of weight and time to the total. (NeuroBench would
call all of them accumulates, as spikes are binary.)

*Membrane updates*: one for each neuron and each instant at which an input arrives at it, or a ramp
ends, through a weight that is not 0, until the neuron fires, that instant included. Arrivals at the
same time are one update (with skip connections, one for each connection). This is how often a
potential is compared with its threshold. A neuron that pools is updated once, when it fires.

*To the decision*: everything up to and including the instant of the first output spike; in samples
without one, everything.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ttfs.codes.decoding import decide
from ttfs.engines.batch import Record, forward
from ttfs.errors import InputError
from ttfs.kernels.cost import Heard, count_work, make_work
from ttfs.kernels.threads import spread
from ttfs.measures import metrics
from ttfs.network.buffers import starts_of
from ttfs.network.conv import Conv2d
from ttfs.network.maps import source_of
from ttfs.network.network import Network, check_network
from ttfs.network.psp import Ramp, Step
from ttfs.network.skips import Skip

HELD = 64  # bits of a scale and of a delay


@dataclass(frozen=True)
class Work:
    """The work for one sample, on average; the module's docstring defines each term."""

    activation_sparsity: float
    synaptic_operations: float
    additions: float
    multiply_accumulates: float
    membrane_updates: float


@dataclass(frozen=True)
class Cost:
    """What a network costs; the module's docstring defines each term.

    parameters: the number of weights, thresholds, scales, delays and biases.
    footprint_bits: the sum of `weight_bits`, `other_bits` (of thresholds, scales, delays, biases)
        and `state_bits`.
    dense_operations: synaptic operations if every neuron fired.
    whole, to_decision: the work until the horizon, and until the decision.
    """

    samples: int
    parameters: int
    footprint_bits: int
    weight_bits: int
    other_bits: int
    state_bits: int
    connection_sparsity: float
    dense_operations: int
    whole: Work
    to_decision: Work


def cost_of(network: Network, times: Any) -> Cost:
    """What a network costs, and what it does for these stimuli.

    Parameters
    ----------
    times: (samples, inputs) input spike times, or maps of them, as `forward` takes them.

    Raises
    ------
    ShapeError, InputError: times that do not fit, no samples.

    >>> import ttfs
    >>> network = ttfs.Network(ttfs.Dense(64, 10, weights=ttfs.Binary()), t_max=16)
    >>> cost = cost_of(network, np.zeros((1, 64)))
    >>> cost.weight_bits, cost.dense_operations, cost.whole.additions
    (640, 640, 640.0)
    """
    check_network(network, "cost_of(network=...)")
    times = source_of(times, network.shapes[0])
    if not len(times):
        raise InputError("cost_of needs at least one sample, got none")
    sums = metrics.sum_up(
        _counts(network, forward(network, times[some]))
        for some in metrics.chunks(network, len(times))
    )
    whole, to_decision = (_work(network, sums[key] / len(times)) for key in ("whole", "until"))
    weights = sum(weights.size for weights in network.weights)
    synapses = sum(int(_synapses(network, k).sum()) for k in range(len(network.layers)))
    zeros = sum(int((weights == 0).sum()) for weights in network.weights)
    weight_bits, others = _weight_bits(network), _others(network)
    for skip in network.skips:
        numbers = skip.numbers(network.shapes[skip.target][2])
        weights, zeros = weights + numbers.size, zeros + int((numbers == 0).sum())
        weight_bits += numbers.size * _bits(network)
        synapses += int(skip.fan_out(network.sizes[skip.source]).sum())
    other_bits, state_bits = int(others @ [_bits(network), HELD, HELD, HELD]), _state_bits(network)
    return Cost(
        samples=len(times),
        parameters=weights + int(others.sum()),
        footprint_bits=weight_bits + other_bits + state_bits,
        weight_bits=weight_bits,
        other_bits=other_bits,
        state_bits=state_bits,
        connection_sparsity=zeros / max(1, weights),
        dense_operations=synapses * (2 if _ends(network) else 1),
        whole=whole,
        to_decision=to_decision,
    )


def _bits(network: Network) -> int:
    """The bits of a real number in the network's dtype."""
    return 8 * network.dtype.itemsize


def _ends(network: Network) -> bool:
    """Whether ramps end."""
    return isinstance(network.psp, Ramp) and network.psp.rise < np.inf


def _weight_bits(network: Network) -> int:
    return sum(
        weights.size * (1 if binary else _bits(network))
        for weights, binary in zip(network.weights, network.binary, strict=True)
    )


def _synapses(network: Network, layer: int) -> np.ndarray:
    """(inputs,) the number of weights through which a spike of each input adds to potentials."""
    return np.broadcast_to(network.fan_out(layer), network.sizes[layer])


def _others(network: Network) -> np.ndarray:
    """The numbers of thresholds, scales, delays and biases."""
    thresholds = sum(np.size(layer.threshold) for layer in network.layers if not layer.pools)
    delays = sum(delays.size for delays in network.delays)
    biases = sum(bias.size for bias in network.biases if bias is not None)
    return np.array([thresholds, int(network.binary.sum()), delays, biases])


def _state_bits(network: Network) -> int:
    numbers = 1 if isinstance(network.psp, Step) else 2
    summing = sum(layer.outputs for layer in network.layers if not layer.pools)
    return summing * numbers * _bits(network) + sum(network.sizes[1:])


def _work(network: Network, counts: np.ndarray) -> Work:
    """The `Work` for the spikes, operations and updates of one sample."""
    spikes, operations, updates = counts.tolist()
    return Work(
        activation_sparsity=1 - spikes / sum(network.sizes[1:]),
        synaptic_operations=operations,
        additions=operations,
        multiply_accumulates=0.0 if isinstance(network.psp, Step) else operations,
        membrane_updates=updates,
    )


def _counts(network: Network, record: Record) -> dict[str, np.ndarray]:
    """Spikes above the input, operations and updates of a batch, in all and to the decision."""
    decision = decide(record.times[-1], record.potential).time
    found = np.zeros((2, 3))
    for k, layer in enumerate(network.layers):
        fired = record.times[k + 1] < np.inf
        spikes = fired.sum(), (fired & (record.times[k + 1] <= decision[:, None])).sum()
        found[:, 0] += spikes
        if layer.pools:
            found[:, 2] += spikes
        else:
            found[:, 1:] += _work_of(network, k, record, decision)
    for skip in network.skips:
        found[:, 1:] += _work_along(network, skip, record, decision)
    return {"whole": found[0], "until": found[1]}


def _work_of(network: Network, layer: int, record: Record, limits: np.ndarray) -> np.ndarray:
    """(2, 2) operations and updates of one layer, in all and until the limit of each sample."""
    much = len(record) * int(_synapses(network, layer).sum()) // network.delays[layer].shape[1]
    return _count(_heard(network, layer), record.times[layer : layer + 2], limits, much)


def _work_along(network: Network, skip: Skip, record: Record, limits: np.ndarray) -> np.ndarray:
    """The same for the inputs that a layer receives through a skip."""
    layer = skip.layer
    if layer is None:  # one by one: a 1 x 1 convolution that maps each channel to itself
        columns = network.shapes[skip.target][2]
        weights = np.diag(skip.weights(columns))
        layer = Conv2d(columns, 1, initial=weights, shape=network.shapes[skip.target])
    delays = np.full((layer.inputs, 1), skip.delay(network.psp, network.windows))
    heard = _groups(network, layer.reach, layer.initial != 0, delays, np.arange(layer.columns))
    pair = record.times[skip.source], record.times[skip.target]
    return _count([heard], pair, limits, len(record) * layer.inputs * layer.fan_in)


def _count(
    several: Iterable[Heard], pair: Sequence[np.ndarray], limits: np.ndarray, much: int
) -> np.ndarray:
    """(2, 2) operations and updates that spikes of one layer cause in another."""
    times, spikes = map(np.ascontiguousarray, pair)
    found = np.zeros((len(times), 4), np.int64)
    for heard in several:

        def some(first: int, last: int, heard: Heard = heard) -> None:
            work = make_work(times.shape[1], times.dtype)
            count_work(heard, times, spikes, limits, found, work, first, last)

        spread(some, len(times), much)
    return found.sum(axis=0).reshape(2, 2).T


def _heard(network: Network, layer: int) -> Iterator[Heard]:
    """The columns of a layer, together if they have the same delays, otherwise one by one."""
    delays, heard = network.delays[layer], network.weights[layer] != 0
    inputs, columns = network.sizes[layer], heard.shape[1]
    reach = network.arrays.reaches[layer]
    several = np.split(np.arange(columns), columns) if delays.shape[1] > 1 else [np.arange(columns)]
    for some, own in zip(several, delays.T, strict=True):
        yield _groups(network, reach, heard, np.full(inputs, own), some)


def _groups(
    network: Network, reach: np.ndarray, heard: np.ndarray, delays: np.ndarray, some: np.ndarray
) -> Heard:
    """Some columns with the same delays, grouped by the rows from which they receive input."""
    groups: dict[bytes, list[int]] = {}
    for column in some:
        groups.setdefault(heard[:, column].tobytes(), []).append(column)
    rise = float(getattr(network.psp, "rise", np.inf))
    return Heard(
        reach,
        np.array([np.frombuffer(rows, bool) for rows in groups]),
        np.concatenate(list(groups.values())),
        starts_of(np.array([len(columns) for columns in groups.values()])),
        delays.reshape(-1),
        np.float64(network.t_max),
        np.float64(rise if _ends(network) else 0),
        _ends(network),
    )
