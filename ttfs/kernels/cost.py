"""What a layer does for a sample: operations of its synapses, and updates of its membranes.

The times at which something reaches the layer are sorted once and numbered, equal ones
alike; those of a position are then sorted as soon as their numbers are marked.
"""

from typing import NamedTuple

import numpy as np

from ttfs.kernels.arrivals import arrival_of
from ttfs.kernels.jit import kernel
from ttfs.kernels.reach import (
    BREADTH,
    CHANNELS,
    COLUMNS,
    LINES,
    PLACES,
    origin_of,
    shift_of,
    window_of,
)
from ttfs.kernels.sorting import BINS, sort_events


class Heard(NamedTuple):
    """Columns of a layer that spikes reach at the same times, grouped by their inputs."""

    reach: np.ndarray
    rows: np.ndarray  # bool (groups, rows) those whose weight is not 0
    columns: np.ndarray  # group after group
    starts: np.ndarray  # (groups + 1,) where a group begins, and where the last ends
    delays: np.ndarray  # float64 (inputs,)
    t_max: np.float64
    rise: np.float64  # of ramps; 0 if they have no end
    ends: bool  # whether ramps have one


class Work(NamedTuple):
    """Scratch of a thread; times are those of arrivals, or of the ends of their ramps."""

    moments: np.ndarray  # (2 x inputs,)
    times: np.ndarray  # (2 x inputs,) the same in order
    index: np.ndarray  # (2 x inputs,) whose they are
    spare_times: np.ndarray  # (2 x inputs,) scratch of the sort
    spare_index: np.ndarray  # (2 x inputs,)
    bins: np.ndarray  # (BINS,)
    numbers: np.ndarray  # int32 (2 x inputs,) number of each time, from 1; 0 if it does not happen
    instants: np.ndarray  # (2 x inputs,) the distinct times
    marks: np.ndarray  # int32 (2 x inputs + 1,) 1 for each number at a position, else 0
    own: np.ndarray  # (2 x inputs + 1,) the distinct times of a position


def make_work(inputs, dtype):
    """Scratch for samples whose times have that dtype; not compiled."""
    size = 2 * inputs
    return Work(
        np.empty(size, dtype),
        np.empty(size, dtype),
        np.empty(size, np.int64),
        np.empty(size, dtype),
        np.empty(size, np.int64),
        np.empty(BINS, np.int64),
        np.empty(size, np.int32),
        np.empty(size, dtype),
        np.zeros(size + 1, np.int32),
        np.empty(size + 1, dtype),
    )


@kernel
def number_moments(heard, row, work):
    """Number the times at the inputs of a sample; return how many distinct ones there are."""
    kind, inputs, never = row.dtype.type, row.size, row.dtype.type(np.inf)
    for i in range(inputs):
        work.moments[i] = arrival_of(row[i], heard.delays[i], kind)
        work.moments[inputs + i] = never
        if heard.ends:
            work.moments[inputs + i] = arrival_of(work.moments[i], heard.rise, kind)
    count = sort_events(
        work.moments,
        heard.t_max,
        work.times,
        work.index,
        work.spare_times,
        work.spare_index,
        work.bins,
    )
    for m in range(2 * inputs):
        work.numbers[m] = 0
    instants = 0
    for e in range(count):
        if e == 0 or work.times[e] != work.times[e - 1]:
            work.instants[instants] = work.times[e]
            instants += 1
        work.numbers[work.index[e]] = instants
    return instants


@kernel
def count_until(limit, instants, count):
    """How many of the first `count` instants are not after a limit."""
    first, last = 0, count
    while first < last:
        middle = (first + last) // 2
        if instants[middle] <= limit:
            first = middle + 1
        else:
            last = middle
    return first


@kernel
def mark_position(heard, group, position, until, work):
    """Mark the times of a position; return a column's operations, and those up to `until`."""
    reach, numbers, marks = heard.reach, work.numbers, work.marks
    shift, inputs, operations, early = shift_of(reach, position), work.moments.size // 2, 0, 0
    top, bottom, left, right = window_of(reach, position)
    for y in range(top, bottom):
        begin = (y * reach[BREADTH] + left) * reach[CHANNELS]
        row = origin_of(reach, begin) - shift - begin
        for unit in range(begin, begin + (right - left) * reach[CHANNELS]):
            if heard.rows[group, row + unit]:
                for number in (numbers[unit], numbers[inputs + unit]):
                    marks[number] = 1
                    operations += number > 0
                    early += (number > 0) & (number <= until)
    return operations, early


@kernel
def gather_own(instants, work):
    """Fill `own` with the times that are marked, and clear the marks; return how many."""
    found = 0
    for n in range(instants):
        work.own[found] = work.instants[n]
        found += work.marks[n + 1]
        work.marks[n + 1] = 0
    return found


@kernel
def count_work(heard, times, spikes, limits, found, work, first, last):
    """Add to `found` the work for the samples from first to last.

    times: (samples, inputs) of the spikes below; spikes: (samples, neurons) of the layer itself.
    limits: (samples,) times up to which work is counted separately.
    found: (samples, 4) operations in total and up to the limit, updates in total and up to it.
    """
    reach = heard.reach
    for s in range(first, last):
        instants = number_moments(heard, times[s], work)
        until = count_until(limits[s], work.instants, instants)
        for position in range(reach[LINES] * reach[PLACES]):
            for group in range(len(heard.rows)):
                begin, end = heard.starts[group], heard.starts[group + 1]
                operations, early = mark_position(heard, group, position, until, work)
                own = gather_own(instants, work)
                before = count_until(limits[s], work.own, own)
                found[s, 0] += operations * (end - begin)
                found[s, 1] += early * (end - begin)
                for c in range(begin, end):
                    spike, updates = spikes[s, position * reach[COLUMNS] + heard.columns[c]], own
                    if spike < np.inf:
                        updates = count_until(spike, work.own, own)
                    found[s, 2] += updates
                    found[s, 3] += min(updates, before)
