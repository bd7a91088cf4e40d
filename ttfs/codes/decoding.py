"""Spike times of the outputs -> decisions."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ttfs.checks import as_array, check_times
from ttfs.errors import ShapeError

RULE = "first spike; ties by larger potential, then index; silence by potential"


@dataclass(frozen=True, eq=False)
class Decisions:
    """The decisions of a network for the samples of a batch.

    label: (samples,) the output that fired first. Ties go to the larger potential at that
        instant, then to the lower index; if no output fired, the largest potential decides.
    time: (samples,) time of that spike; inf if no output fired.
    tied: (samples,) bool, whether several outputs fired first, at the same time.
    undecided: (samples,) bool, whether no output fired.
    first: (samples, outputs) bool, the outputs that fired first; none in undecided samples.
    """

    label: np.ndarray
    time: np.ndarray
    tied: np.ndarray
    undecided: np.ndarray
    first: np.ndarray

    def __len__(self) -> int:
        return len(self.label)

    def right(self, labels: np.ndarray) -> np.ndarray:
        """(samples,) whether each decision equals the label; accuracy is their share."""
        return self.label == labels


def decide(times: Any, potential: Any) -> Decisions:
    """The decision for each sample: the output that fires first wins.

    Parameters
    ----------
    times: (samples, outputs) spike times of the output layer, inf for silence.
    potential: (samples, outputs) at the spike, or for silent outputs just before the horizon.

    Raises
    ------
    ShapeError, InputError: shapes that differ or are not two-dimensional; NaN.

    >>> decide([[3.0, 3.0, 9.0]], [[1.1, 1.2, 5.0]]).label
    array([1])
    >>> decide([[np.inf, np.inf]], [[0.4, 0.2]])
    Decisions(label=array([0]), time=array([inf]), tied=array([False]),
        undecided=array([ True]), first=array([[False, False]]))
    """
    times = as_array(times, "times", masked=np.inf)
    potential = as_array(potential, "potential")
    if times.ndim != 2 or times.shape != potential.shape or not times.shape[1]:
        raise ShapeError(
            "times and potential must both be (samples, outputs),"
            f" got {times.shape} and {potential.shape}"
        )
    check_times(times, "times")
    time = times.min(axis=1)
    undecided = np.isinf(time)
    among = times == time[:, None]  # in an undecided sample, all outputs
    best = np.where(among, potential, -np.inf).max(axis=1, keepdims=True)
    label = (among & ~(potential < best)).argmax(axis=1)
    first = among & ~undecided[:, None]
    return Decisions(label, time, first.sum(axis=1) > 1, undecided, first)


def hits(times: np.ndarray, labels: np.ndarray) -> int:
    """The number of samples that a network in training gets right, by its output spikes alone.

    A sample is a hit if the output of its label fires before all others. If it ties for first, it
    is a hit if its index is the lowest; a silent sample is never a hit.

    >>> hits(np.array([[3.0, 5.0], [4.0, 4.0], [np.inf, np.inf]]), np.array([0, 1, 0]))
    1
    """
    return int(((times.argmin(axis=1) == labels) & np.isfinite(times.min(axis=1))).sum())
