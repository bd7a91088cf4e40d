"""Whole batches through a network, fast."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ttfs.checks import positive, short
from ttfs.engines.arrivals import count_additions, up_to
from ttfs.engines.crossings import cross_early, cross_in_parts, spikes_of
from ttfs.errors import InputError
from ttfs.kernels.late import is_any_late, leave_out
from ttfs.network.maps import rows_of
from ttfs.network.network import Network, check_network

AT_ONCE = 2**16  # times that are compared at once, so that the answers stay in the cache


@dataclass(frozen=True, eq=False)
class Record:
    """What happened in a batch.

    times: per layer, the input first, (samples, neurons) spike times; inf is silence, and what
        would come at the end or after it does not happen, input spikes included.
    potential: (samples, outputs) of the last layer: at a neuron's own spike, or for a silent
        neuron just before the end. For `Binary` layers it counts synapses.
    counts: `additions`, or what finds them when they are asked for.
    fan: how many neurons each input reaches, where that is the same for all.

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
    fan: int = 0

    @property
    def additions(self) -> np.ndarray:
        """(samples, layers) how many weights spikes added to potentials, to get there."""
        return self.counts() if callable(self.counts) else self.counts

    @property
    def events(self) -> np.ndarray:
        """(samples,) input spikes that were read."""
        if self.fan:
            return self.additions[:, 0] // self.fan
        return np.count_nonzero(self.times[0] < np.inf, axis=1)

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
        is masked, is silence. Or (samples, height, width, channels), the network's `shape`.
        float32 stays float32, everything else becomes float64.
    until: where samples end, if before the horizon `t_max`. A time, exclusive as the horizon
        is. Or "decision": each sample ends just after its first output spike, what happens
        at that instant included. All before the end is as in the whole run, later spikes
        are inf, and the rest of the work is saved; the decisions are those of the whole run.
        With ramps, maps, or delays for each input or pair, deciding early saves nothing.

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
    times = rows_of(times, network.shapes[0])
    early = isinstance(until, str) and until == "decision"
    end = network.t_max if early else end_of(network, until)
    found = cross_early(network, times) if early else cross_in_parts(network, times, end)
    spikes = tuple(spikes_of(network, found, k) for k in range(len(network.layers)))
    bound = up_to(min(end, network.stimulus_end), times.dtype)
    layers = (happening(times, past_decisions(spikes[-1], bound) if early else bound), *spikes)
    fan = 0 if network.mapped[0] else network.sizes[1]
    if found.additions is not None:
        return Record(layers, found.potential, found.additions, fan)
    count = partial(count_additions, network, layers, end)
    learn = any(network.delayed)  # delays may be others when someone asks
    return Record(layers, found.potential, count() if learn else count, fan)


def end_of(network: Network, until: Any) -> float:
    """The horizon, or an earlier end that was asked for."""
    if until is None:
        return network.t_max
    if isinstance(until, str):
        raise InputError(f'forward(until=...) must be a time or "decision", got {short(until)}')
    return min(positive(until, "forward(until=...)", zero=True, endless=True), network.t_max)


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
    times = rows_of(times, network.shapes[0])
    spikes = int(np.count_nonzero(times < np.inf))
    return late(times, up_to(network.stimulus_end, times.dtype)) / max(1, spikes)
