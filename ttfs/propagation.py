"""Whole batches through a network, fast."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ttfs.checks import as_times
from ttfs.kernels import propagation, ramp
from ttfs.kernels.propagation import BLOCK
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
    in the order of the neurons' index, in the network's dtype. The result does not depend
    on the number of threads.

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
    arrays = network.arrays
    spikes = np.empty((len(times), arrays.units[-1]), times.dtype)
    potential = np.empty((len(times), network.sizes[-1]), network.dtype)
    few = len(times) <= BLOCK  # waking threads takes longer than a block of samples
    if isinstance(network.psp, Ramp):
        slopes = np.empty(spikes.shape, network.dtype)
        run = ramp.run_block if few else ramp.run
        run(arrays, float(network.psp.rise), times, spikes, slopes, potential)
        return Crossings(spikes, slopes, potential)
    (propagation.run_block if few else propagation.run)(arrays, times, spikes, potential)
    return Crossings(spikes, np.empty((0, 0), network.dtype), potential)
