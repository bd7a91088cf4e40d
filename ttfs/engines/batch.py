"""Fast runs of whole batches through a network."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ttfs.checks import positive, short
from ttfs.engines.arrivals import count_additions, up_to
from ttfs.engines.blocks import in_blocks, is_dask
from ttfs.engines.crossings import cross_early, cross_in_parts
from ttfs.errors import InputError
from ttfs.files.chunked import parts_of
from ttfs.kernels.late import is_any_late, leave_out
from ttfs.network.maps import rows_of, source_of
from ttfs.network.network import Network, check_network

if TYPE_CHECKING:
    from ttfs.engines.circuit import Circuit

AT_ONCE = 2**16  # times that are compared at once, so that the results stay in the cache


@dataclass(frozen=True, eq=False)
class Record:
    """What happened in a batch.

    times: per layer, the input first, (samples, neurons) spike times; inf is silence. Spikes at
        or after the end do not happen, and this includes input spikes.
    potential: (samples, outputs) of the last layer: at a neuron's own spike, or for a silent
        neuron just before the end. For `Binary` layers its unit is one synapse.
    counts: `additions`, or a function that computes them on demand.
    fan: how many neurons each input reaches, if it is the same number for all.

    >>> import ttfs
    >>> network = ttfs.Network(ttfs.Dense.of([[0.6], [0.6]], threshold=1), t_max=10)
    >>> record = forward(network, [[1.0, 3.0]])
    >>> record, record.events, record.additions
    (Record(1 sample, 2-1), array([2]), array([[2]]))
    >>> [layer[0].tolist() for layer in record.times]
    [[1.0, 3.0], [3.0]]
    """

    times: tuple[np.ndarray, ...]
    potential: np.ndarray
    counts: np.ndarray | Callable[[], np.ndarray]
    fan: int = 0

    @property
    def additions(self) -> np.ndarray:
        """(samples, layers) how many weights spikes added to potentials; of a circuit, in all."""
        return self.counts() if callable(self.counts) else self.counts

    @property
    def events(self) -> np.ndarray:
        """(samples,) how many input spikes were read."""
        if self.fan:
            return self.additions[:, 0] // self.fan
        return np.count_nonzero(self.times[0] < np.inf, axis=1)

    def __len__(self) -> int:
        return len(self.potential)

    def __repr__(self) -> str:
        sizes = "-".join(str(times.shape[1]) for times in self.times)
        samples = "sample" if len(self) == 1 else "samples"
        return f"Record({len(self)} {samples}, {sizes})"


def forward(network: "Network | Circuit", times: Any, *, until: Any = None) -> Record:
    """Spike times of every neuron for a batch of stimuli.

    The result is exact: a neuron fires when its potential reaches its threshold, with all spikes
    that arrive at that instant included. Weights are added in the network's dtype, in the order
    of arrival; equal arrival times in the order of the spikes, and equal spike times in the order
    of neuron indices. Where each input or pair has a delay of its own, the order is that of
    arrival and then of the index. With `Windows`, sums are matrix products, whose order is that
    of the linear algebra library. The result does not depend on the number of threads.

    With steps, layers with one-bit weights are read as bits, 64 at a time, and their potentials
    are whole numbers; the result is the same to the bit.

    Parameters
    ----------
    network: the network; or a `Circuit`, each sample of which is what a `Simulator` makes of it.
    times: (samples, inputs) input spike times in the network's unit, 0 or later; inf and masked
        values are silence. Or (samples, height, width, channels), the network's `shape`.
        float32 stays float32, everything else becomes float64. For a Dask array, those of the
        `Record` are Dask arrays, too: each block is run when its results are computed. For a
        circuit these are times of its first population, or a dictionary of such arrays by
        population.
    until: where samples end, if before the horizon `t_max`: a time, exclusive like the horizon,
        or "decision", which ends each sample just after its first output spike, with everything
        that happens at that instant included. Up to the end, everything is as in a full run;
        later spikes are inf, and the rest of the work is saved. Decisions are those of a full
        run. With ramps, windows, maps, or delays for each input or pair, "decision" saves no
        work. Circuits have their horizon only.

    Returns
    -------
    A `Record`; its times have the dtype of `times`.

    Raises
    ------
    ShapeError, InputError: a wrong shape; NaN, negative times; an impossible end.

    >>> import ttfs
    >>> network = ttfs.Network(ttfs.Dense.of([[0.6], [0.6]], threshold=1), t_max=10)
    >>> ttfs.forward(network, [[1.0, 3.0], [2.0, np.inf]]).times[1]
    array([[ 3.],
           [inf]])

    Two outputs: the first decides once two spikes have arrived, and the second would have fired
    later:

    >>> network = ttfs.Network(ttfs.Dense.of(np.ones((3, 2)), threshold=[2, 3]), t_max=10)
    >>> ttfs.forward(network, [[1.0, 3.0, 4.0]]).times[1]
    array([[3., 4.]])
    >>> ttfs.forward(network, [[1.0, 3.0, 4.0]], until="decision").times[1]
    array([[ 3., inf]])
    >>> ttfs.forward(network, [[1.0, 3.0, 4.0]], until=3).times[1]
    array([[inf, inf]])
    """
    if not isinstance(network, Network):
        return forward_circuit(network, times, until)
    if is_dask(times):
        parts = in_blocks(network, times, partial(forward, network, until=until))
        return Record(tuple(parts[:-2]), *parts[-2:])
    times = rows_of(times, network.shapes[0])
    early = isinstance(until, str) and until == "decision"
    end = network.t_max if early else end_of(network, until)
    found = cross_early(network, times) if early else cross_in_parts(network, times, end)
    starts, sizes = network.arrays.units.tolist(), network.sizes[1:]
    spikes = tuple(
        found.spikes[:, start : start + size] for start, size in zip(starts, sizes, strict=False)
    )
    bound = up_to(min(end, network.stimulus_end), times.dtype)
    layers = (happening(times, past_decisions(spikes[-1], bound) if early else bound), *spikes)
    fan = 0 if network.mapped[0] else network.sizes[1]
    if found.additions is not None:
        return Record(layers, found.potential, found.additions, fan)
    count = partial(count_additions, network, layers, end)
    learn = any(network.delayed)  # delays may have changed by the time additions are asked for
    return Record(layers, found.potential, count() if learn else count, fan)


def forward_circuit(circuit: Any, times: Any, until: Any) -> Record:
    """The same for a circuit: its stimuli one by one, in several threads."""
    from ttfs.engines.circuit import Circuit  # most runs need neither it nor SciPy
    from ttfs.engines.circuit_batch import run_all

    if not isinstance(circuit, Circuit):
        check_network(circuit, "forward(network=...)")
    if until is not None:
        raise InputError("forward(until=...) is for networks; circuits end at Circuit(t_max=...)")
    return Record(*run_all(circuit, times))


def end_of(network: Network, until: Any) -> float:
    """The horizon, or the earlier end that was requested."""
    if until is None:
        return network.t_max
    if isinstance(until, str):
        raise InputError(f'forward(until=...) must be a time or "decision", got {short(until)}')
    return min(positive(until, "forward(until=...)", zero=True, endless=True), network.t_max)


def past_decisions(outputs: np.ndarray, bound: np.floating) -> np.ndarray:
    """(samples, 1) bounds just after the first output spikes; spikes below them happen."""
    first = outputs.min(axis=1, keepdims=True)
    return np.where(first < np.inf, np.nextafter(first, outputs.dtype.type(np.inf)), bound)


def happening(times: np.ndarray, bound: Any) -> np.ndarray:
    """The times below a bound, with all others set to inf; one bound, or one for each sample.

    If no times are at or above the bound, the array itself is returned.
    """
    bounds = np.empty((len(times), 1), times.dtype)
    bounds[:] = bound
    if not is_any_late(times, bounds):
        return times
    kept = np.empty_like(times)
    leave_out(times, bounds, kept)
    return kept


def late(times: np.ndarray, bound: np.floating) -> int:
    """How many spikes are at or after a bound."""
    step = max(1, AT_ONCE // max(1, times.shape[1]))
    if len(times) <= step:
        return int(np.count_nonzero(times >= bound) - np.count_nonzero(times == np.inf))
    return sum(late(times[start : start + step], bound) for start in range(0, len(times), step))


def lost_share(network: Network, times: Any) -> float:
    """The share of input spikes that do not happen because they are at or after the horizon.

    times: (samples, inputs), as for `forward`.

    >>> import ttfs
    >>> network = ttfs.Network(ttfs.Dense(4, 1), t_max=10)
    >>> lost_share(network, [[1.0, 10.0, 200.0, np.inf]])
    0.6666666666666666
    """
    times = source_of(times, network.shapes[0])
    spikes = gone = 0
    for part in parts_of(times):
        spikes += int(np.count_nonzero(part < np.inf))
        gone += late(part, up_to(network.stimulus_end, part.dtype))
    return gone / max(1, spikes)
