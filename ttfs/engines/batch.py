"""Whole batches through a network, fast."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np

from ttfs.checks import as_times, positive, short
from ttfs.errors import InputError
from ttfs.kernels import batch, delayed, ramp
from ttfs.kernels.batch import Arrays
from ttfs.kernels.late import is_any_late, leave_out
from ttfs.kernels.threads import spread
from ttfs.network.network import Network, check_network
from ttfs.network.psp import Ramp, Step

FEW = 16  # samples that are done before another thread is awake
AT_ONCE = 2**16  # times that are compared at once, so that the answers stay in the cache


@dataclass(frozen=True, eq=False)
class Record:
    """What happened in a batch.

    times: per layer, the input first, (samples, neurons) spike times; inf is silence, and what
        would come at the end or after it does not happen, input spikes included.
    potential: (samples, outputs) of the last layer: at a neuron's own spike, or for a silent
        neuron just before the end. For `Binary` layers it counts synapses.
    counts: `additions`, or what finds them when they are asked for.

    >>> import ttfs
    >>> network = ttfs.Network(ttfs.Dense.of([[0.6], [0.6]], threshold=1), t_max=10)
    >>> record = forward(network, [[1.0, 3.0]])
    >>> record, record.events, record.additions
    (Record(1 samples, 2-1), array([2]), array([[2]]))
    >>> [layer[0].tolist() for layer in record.times]
    [[1.0, 3.0], [3.0]]
    """

    times: tuple[np.ndarray, ...]
    potential: np.ndarray
    counts: np.ndarray | Callable[[], np.ndarray]

    @property
    def additions(self) -> np.ndarray:
        """(samples, layers) how many weights spikes added to potentials, to get there."""
        return self.counts() if callable(self.counts) else self.counts

    @property
    def events(self) -> np.ndarray:
        """(samples,) input spikes that were read."""
        return self.additions[:, 0] // self.times[1].shape[1]

    def __len__(self) -> int:
        return len(self.potential)

    def __repr__(self) -> str:
        sizes = "-".join(str(times.shape[1]) for times in self.times)
        return f"Record({len(self)} samples, {sizes})"


def forward(network: Network, times: Any, *, until: Any = None) -> Record:
    """Spike times of every neuron for a batch of stimuli.

    Exact: a neuron fires when an arriving spike takes it to its threshold, all spikes that
    arrive at that instant included. Weights are added in the order of arrival, equal times
    in the order of the spikes, and those in the order of the neurons' index, in the network's
    dtype; where each input or pair has a delay of its own, in the order of arrival and then
    of the index. The result does not depend on the number of threads.

    Where all weights of a layer are one bit, they are read as bits, 64 at a time, and
    potentials are whole numbers; the result is the same to the bit.

    Parameters
    ----------
    network: the network.
    times: (samples, inputs) input spike times in the network's unit; 0 or later; inf, or what
        is masked, is silence. float32 stays float32, everything else becomes float64.
    until: where samples end, if before the horizon `t_max`. A time, exclusive as the horizon
        is. Or "decision": each sample ends just after its first output spike, what happens
        at that instant included. All before the end is as in the whole run, later spikes
        are inf, and the rest of the work is saved; the decisions are those of the whole run.
        With ramps, or delays for each input or pair, deciding early saves nothing.

    Returns
    -------
    A `Record`; its times have the dtype of `times`.

    Raises
    ------
    ShapeError, InputError: another shape; NaN, negative times; an impossible end.

    >>> import ttfs
    >>> network = ttfs.Network(ttfs.Dense.of([[0.6], [0.6]], threshold=1), t_max=10)
    >>> ttfs.forward(network, [[1.0, 3.0], [2.0, np.inf]]).times[1]
    array([[ 3.],
           [inf]])

    Two outputs, the first of which decides when two spikes have arrived; the second would
    have fired later:

    >>> network = ttfs.Network(ttfs.Dense.of(np.ones((3, 2)), threshold=[2, 3]), t_max=10)
    >>> ttfs.forward(network, [[1.0, 3.0, 4.0]]).times[1]
    array([[3., 4.]])
    >>> ttfs.forward(network, [[1.0, 3.0, 4.0]], until="decision").times[1]
    array([[ 3., inf]])
    >>> ttfs.forward(network, [[1.0, 3.0, 4.0]], until=3).times[1]
    array([[inf, inf]])
    """
    check_network(network, "forward(network=...)")
    times = as_times(times, network.sizes[0], f"times for {network.sizes[0]} inputs")
    early = isinstance(until, str) and until == "decision"
    end = network.t_max if early else end_of(network, until)
    found = cross_early(network, times) if early else cross(network, times, end)
    spikes = tuple(spikes_of(network, found, k) for k in range(len(network.layers)))
    bound = up_to(end, times.dtype)
    layers = (happening(times, past_decisions(spikes[-1], bound) if early else bound), *spikes)
    if found.additions is not None:
        return Record(layers, found.potential, found.additions)
    count = partial(count_additions, network, layers, end)
    learn = any(network.delayed)  # delays may be others when someone asks
    return Record(layers, found.potential, count() if learn else count)


def end_of(network: Network, until: Any) -> float:
    """The horizon, or an earlier end that was asked for."""
    if until is None:
        return network.t_max
    if isinstance(until, str):
        raise InputError(f'forward(until=...) must be a time or "decision", got {short(until)}')
    return min(positive(until, "forward(until=...)", zero=True, endless=True), network.t_max)


@lru_cache
def up_to(end: float, dtype: np.dtype) -> np.floating:
    """The least number of a dtype that is not below an end: what is below it, happens."""
    number = dtype.type
    with np.errstate(over="ignore"):
        bound = number(end)
    return np.nextafter(bound, number(np.inf)) if float(bound) < end else bound


def past_decisions(outputs: np.ndarray, bound: np.floating) -> np.ndarray:
    """(samples, 1) what is below it happens until the first output spike, its instant included."""
    first = outputs.min(axis=1, keepdims=True)
    return np.where(first < np.inf, np.nextafter(first, outputs.dtype.type(np.inf)), bound)


def happening(times: np.ndarray, bound: Any) -> np.ndarray:
    """The times below a bound, which is one, or one for each sample; the others become inf.

    Where there are none the times come back as they are.
    """
    bounds = np.empty((len(times), 1), times.dtype)
    bounds[:] = bound
    if not is_any_late(times, bounds):
        return times
    kept = np.empty_like(times)
    leave_out(times, bounds, kept)
    return kept


def late(times: np.ndarray, bound: np.floating) -> int:
    """How many spikes are at a bound or after it."""
    step = max(1, AT_ONCE // max(1, times.shape[1]))
    if len(times) <= step:
        return int(np.count_nonzero(times >= bound) - np.count_nonzero(times == np.inf))
    return sum(late(times[start : start + step], bound) for start in range(0, len(times), step))


def lost_share(network: Network, times: Any) -> float:
    """The share of input spikes that do not happen, being at the horizon or after it.

    times: (samples, inputs), as `forward` takes them.

    >>> import ttfs
    >>> network = ttfs.Network(ttfs.Dense(4, 1), t_max=10)
    >>> lost_share(network, [[1.0, 10.0, 200.0, np.inf]])
    0.6666666666666666
    """
    times = as_times(times, network.sizes[0], f"times for {network.sizes[0]} inputs")
    spikes = int(np.count_nonzero(times < np.inf))
    return late(times, up_to(network.t_max, times.dtype)) / max(1, spikes)


def count_additions(
    network: Network,
    layers: tuple[np.ndarray, ...],
    end: float,
    last: np.ndarray | None = None,
) -> np.ndarray:
    """(samples, layers) the weights that spikes added which arrived before the end.

    last: (samples,) moments after which no arrival of a sample counts.
    """
    counts = np.zeros((len(layers[0]), len(network.layers)), np.int64)
    for k, (delays, times) in enumerate(zip(network.delays, layers, strict=False)):
        for column in delays.T:
            reached = network.sizes[k + 1] // len(delays.T)  # all neurons hear a spike, or one
            arrivals = arrivals_of(times, column)
            arrived = arrivals < up_to(end, arrivals.dtype)
            if last is not None:
                arrived &= arrivals <= last[:, None]
            counts[:, k] += reached * arrived.sum(axis=1)
    return counts


class Crossings(NamedTuple):
    """Where potentials crossed thresholds, for rules that learn from it.

    spikes, slopes: (samples, units), layer after layer with their padding; the slope is that
        of the potential at the spike (of a silent neuron, at the horizon) times `psp.unit`;
        a jump has none, and for `Step` the array is empty.
    potential, additions: as in a `Record`; additions are None where nobody counted.
    """

    spikes: np.ndarray
    slopes: np.ndarray
    potential: np.ndarray
    additions: np.ndarray | None = None


def spikes_of(network: Network, found: Crossings, layer: int) -> np.ndarray:
    """(samples, outputs) spike times of a layer."""
    start = network.arrays.units[layer]
    return found.spikes[:, start : start + network.sizes[layer + 1]]


def cross(network: Network, times: np.ndarray, end: float | None = None) -> Crossings:
    """What `forward` finds, for times that have been checked."""
    arrays = network.packed_arrays._replace(t_max=np.float64(network.t_max if end is None else end))
    if not any(network.delayed):
        return cross_layers(network, arrays, times)
    spikes, slopes = [], []
    for layer, several in enumerate(network.delayed):
        alone = arrays_of(network, arrays, layer)
        if several:
            found = cross_delayed(network, alone, times, layer)
        else:
            found = cross_layers(network, alone, times)
        times = np.ascontiguousarray(found.spikes[:, : alone.sizes[1]])
        spikes.append(found.spikes)
        slopes.append(found.slopes)
    return Crossings(np.hstack(spikes), np.hstack(slopes), found.potential)


def cross_early(network: Network, times: np.ndarray) -> Crossings:
    """What `cross` finds until the first output spike of each sample.

    Ramps, and delays of which each input or pair has its own, are followed to the horizon
    and then once more, with an end for each sample.
    """
    if isinstance(network.psp, Step) and not any(network.delayed):
        return cross_layers(network, network.packed_arrays, times, early=True)
    found = cross(network, times)
    layers = [spikes_of(network, found, k) for k in range(len(network.layers))]
    additions = count_additions(network, (times, *layers), network.t_max)
    first = layers[-1].min(axis=1)
    for s in np.flatnonzero(first < np.inf):
        end = float(np.nextafter(first[s], first.dtype.type(np.inf)))
        again = cross(network, times[s : s + 1], min(end, network.t_max))
        found.spikes[s], found.potential[s] = again.spikes[0], again.potential[0]
    return found._replace(additions=additions)


def cross_layers(
    network: Network, arrays: Arrays, times: np.ndarray, *, early: bool = False
) -> Crossings:
    """The same for the layers in `arrays`, each of which hears all spikes after one delay.

    early: only until the first output spike of each sample, where responses are steps.
    """
    found, psp = room_for(network, arrays, times), network.psp
    if isinstance(psp, Ramp):
        run(ramp.run, ramp.make_work, arrays, (float(psp.rise),), times, ramp.Found(*found[:3]))
        return found
    heard = np.empty((len(times), len(arrays.widths)), np.int64)
    whole = np.empty((len(times), arrays.sizes[-1] if arrays.packed[-1] else 0), np.int32)
    jumps = batch.Found(found.spikes, found.potential, whole, heard)
    run(batch.run, batch.make_work, arrays, (early,), times, jumps)
    if arrays.packed[-1]:
        found.potential[:] = whole
    return found._replace(additions=heard * arrays.sizes[1:])


def cross_delayed(network: Network, arrays: Arrays, times: np.ndarray, layer: int) -> Crossings:
    """The same for a layer, alone in `arrays`, whose inputs or pairs have delays of their own."""
    delays, psp = network.delay_buffers[layer], network.psp
    rise = (float(psp.rise),) if isinstance(psp, Ramp) else ()
    if network.layers[layer].delay.per == "input":
        times = arrivals_of(times, delays[:, 0])
        if rise in ((), (np.inf,)):
            return cross_layers(network, arrays, times)
        kernel, given = delayed.shared, rise
    else:
        kernel = delayed.paired_ramps if rise else delayed.paired_steps
        given = delays, *rise
    found = room_for(network, arrays, times)
    run(kernel, ramp.make_work, arrays, given, times, ramp.Found(*found[:3]))
    return found


def run(
    kernel: Any,
    make_work: Callable[[Arrays, np.ndarray], Any],
    arrays: Arrays,
    given: tuple[Any, ...],
    times: np.ndarray,
    found: Any,
) -> None:
    """Fill what is found; threads that share the samples have scratch of their own."""

    def some(first: int, last: int) -> None:
        kernel(arrays, *given, times, found, make_work(arrays, times), first, last)

    samples = len(times)
    spread(some, samples, 0 if samples <= FEW else samples * arrays.weights.size)


def room_for(network: Network, arrays: Arrays, times: np.ndarray) -> Crossings:
    """Empty arrays."""
    spikes = np.empty((len(times), arrays.units[-1]), times.dtype)
    jumps = isinstance(network.psp, Step)
    slopes = np.empty((0, 0) if jumps else spikes.shape, network.dtype)
    return Crossings(spikes, slopes, np.empty((len(times), arrays.sizes[-1]), network.dtype))


def arrivals_of(times: Any, delays: Any) -> Any:
    """When spikes arrive after delays that broadcast to them, in the dtype of the times."""
    with np.errstate(over="ignore"):
        return (times.astype(np.float64) + delays).astype(times.dtype)


def arrays_of(network: Network, whole: Arrays, layer: int) -> Arrays:
    """One layer as a network of its own, without those delays that are its inputs' or pairs'."""
    one = slice(layer, layer + 1)
    return whole._replace(
        sizes=np.array([network.layers[layer].rows, network.layers[layer].columns]),
        widths=whole.widths[one],
        units=whole.columns[layer : layer + 2] - whole.columns[layer],
        rows=whole.rows[one],
        thresholds=whole.thresholds[whole.columns[layer] : whole.columns[layer + 1]],
        delays=np.zeros(1) if network.delayed[layer] else whole.delays[one],
        words=whole.words[layer : layer + 2] - whole.words[layer],
        packed=whole.packed[one],
        bits=whole.bits[one],
        wholes=whole.wholes[whole.words[layer] : whole.words[layer + 1]],
        columns=whole.columns[layer : layer + 2] - whole.columns[layer],
        reaches=whole.reaches[one],
    )
