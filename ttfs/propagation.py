"""Whole batches through a network, fast."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ttfs.checks import as_times
from ttfs.kernels import delayed, propagation, ramp
from ttfs.kernels.propagation import BLOCK, Arrays
from ttfs.network import Network
from ttfs.psp import Ramp


@dataclass(frozen=True)
class Record:
    """What happened in a batch.

    times: per layer, the input first, (samples, neurons) spike times; inf is silence.
    potential: (samples, outputs) of the last layer: at a neuron's own spike, or for a silent
        neuron just before the horizon. For `Binary` layers it counts synapses.
    """

    times: tuple[np.ndarray, ...]
    potential: np.ndarray

    def __len__(self) -> int:
        return len(self.potential)

    def __repr__(self) -> str:
        sizes = "-".join(str(times.shape[1]) for times in self.times)
        return f"Record({len(self)} samples, {sizes})"


def forward(network: Network, times: Any) -> Record:
    """Spike times of every neuron for a batch of stimuli.

    Exact: a neuron fires when an arriving spike takes it to its threshold, all spikes that
    arrive at that instant included. Weights are added in the order of arrival, equal times
    in the order of the spikes, and those in the order of the neurons' index, in the network's
    dtype; where each input or pair has a delay of its own, in the order of arrival and then
    of the index. The result does not depend on the number of threads.

    Parameters
    ----------
    network: the network.
    times: (samples, inputs) input spike times in the network's unit; 0 or later, inf is
        silence. float32 stays float32, everything else becomes float64.

    Returns
    -------
    A `Record`; its times have the dtype of `times`.

    Raises
    ------
    ShapeError, InputError: another shape; NaN, negative times.

    >>> import ttfs
    >>> network = ttfs.Network(ttfs.Dense.of([[0.6], [0.6]], threshold=1), t_max=10)
    >>> ttfs.forward(network, [[1.0, 3.0], [2.0, np.inf]]).times[1]
    array([[ 3.],
           [inf]])
    """
    times = as_times(times, network.sizes[0], f"times for {network.sizes[0]} inputs")
    found = cross(network, times)
    layers = zip(network.arrays.units[:-1], network.sizes[1:], strict=True)
    views = (found.spikes[:, start : start + size] for start, size in layers)
    return Record((times, *views), found.potential)


class Crossings(NamedTuple):
    """Where potentials crossed thresholds, for rules that learn from it.

    spikes, slopes: (samples, units), layer after layer with their padding; the slope is that
        of the potential at the spike (of a silent neuron, at the horizon) times `psp.unit`;
        a jump has none, and for `Step` the array is empty.
    potential: (samples, outputs) as in a `Record`.
    """

    spikes: np.ndarray
    slopes: np.ndarray
    potential: np.ndarray


def cross(network: Network, times: np.ndarray) -> Crossings:
    """What `forward` finds, for times that have been checked."""
    if not any(network.delayed):
        return cross_arrays(network, network.arrays, times)
    arrays, spikes, slopes = network.arrays, [], []
    for layer in range(len(network.layers)):
        found = cross_layer(network, layer, times)
        times = np.ascontiguousarray(found.spikes[:, : arrays.sizes[layer + 1]])
        spikes.append(found.spikes)
        slopes.append(found.slopes)
    return Crossings(np.hstack(spikes), np.hstack(slopes), found.potential)


def cross_arrays(network: Network, arrays: Arrays, times: np.ndarray) -> Crossings:
    """The same for those layers of a network that are in `arrays`."""
    found = room_for(network, arrays, times)
    few = len(times) <= BLOCK  # waking threads takes longer than a block of samples
    if isinstance(network.psp, Ramp):
        run = ramp.run_block if few else ramp.run
        run(arrays, float(network.psp.rise), times, *found)
    else:
        run = propagation.run_block if few else propagation.run
        run(arrays, times, found.spikes, found.potential)
    return found


def room_for(network: Network, arrays: Arrays, times: np.ndarray) -> Crossings:
    """Empty arrays."""
    spikes = np.empty((len(times), arrays.units[-1]), times.dtype)
    jumps = not isinstance(network.psp, Ramp)
    slopes = np.empty((0, 0) if jumps else spikes.shape, network.dtype)
    return Crossings(spikes, slopes, np.empty((len(times), arrays.sizes[-1]), network.dtype))


def cross_layer(network: Network, layer: int, times: np.ndarray) -> Crossings:
    """The same for one layer and the spike times of the layer below."""
    arrays, delays, psp = arrays_of(network, layer), network.delays[layer], network.psp
    if not network.delayed[layer]:
        return cross_arrays(network, arrays, times)
    shared = network.layers[layer].delay.per == "input"
    ends = isinstance(psp, Ramp) and psp.rise < np.inf
    arrivals = arrivals_of(times, delays[:, 0]) if shared else times
    if shared and not ends:
        return cross_arrays(network, arrays, arrivals)
    found, few = room_for(network, arrays, times), len(times) <= BLOCK
    if not isinstance(psp, Ramp):
        run = delayed.paired_steps_block if few else delayed.paired_steps
        run(arrays, delays, times, found.spikes, found.potential)
    elif shared:
        run = delayed.shared_block if few else delayed.shared
        run(arrays, float(psp.rise), arrivals, *found)
    else:
        run = delayed.paired_ramps_block if few else delayed.paired_ramps
        run(arrays, delays, float(psp.rise), times, *found)
    return found


def arrivals_of(times: np.ndarray, delays: np.ndarray) -> np.ndarray:
    """When spikes arrive after delays that broadcast to them, in the dtype of the times."""
    with np.errstate(over="ignore"):
        return (times.astype(np.float64) + delays).astype(times.dtype)


def arrays_of(network: Network, layer: int) -> Arrays:
    """One layer as a network of its own, without those delays that are its inputs' or pairs'."""
    whole, one = network.arrays, slice(layer, layer + 1)
    return whole._replace(
        sizes=whole.sizes[layer : layer + 2],
        widths=whole.widths[one],
        units=whole.units[layer : layer + 2] - whole.units[layer],
        rows=whole.rows[one],
        thresholds=whole.thresholds[whole.units[layer] : whole.units[layer + 1]],
        delays=np.zeros(1) if network.delayed[layer] else whole.delays[one],
    )
