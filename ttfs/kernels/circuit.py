"""A circuit as plain arrays, where a run of it stops, and what the numbers in them mean."""

from typing import NamedTuple

import numpy as np

WORD = 64  # a population begins at a multiple of this
# kinds of projection: rows; synapses; a delay for each; rows that all positions of a map share
DENSE, SPARSE, SYNAPTIC, MAPPED = range(4)
NOTHING, ARRIVAL, SPIKE, END, WINDOW = range(5)  # kinds of event
UNTIL, OVER, FIRED, GOING = -1, -2, -3, -4  # why a run stops; GOING: it does not
SIZE, START, LEAVING, GROUP = range(4)  # columns of Plan.populations
# of Plan.projections; APART: each spike is under way by itself; from REACH on, the reach of MAPPED
SOURCE, TARGET, KIND, FIRST, WIDTH, ROWS, DELAYS, OUTGOING, APART, REACH = range(10)
STIMULATED = -2  # in place of a projection: a spike that was given


class Plan(NamedTuple):
    """What does not change while events happen. A unit is a neuron's place, with padding.

    Passing an array to a kernel takes time, so small ones share a table.
    """

    # (populations + 1, 4) size, first unit, first in OUTGOING; and neurons at a position, for
    # those that are reached position by position, else 0
    populations: np.ndarray
    projections: np.ndarray  # (projections, REACH + numbers of a reach); OUTGOING: by source
    owners: np.ndarray  # (units,) population of each
    weights: np.ndarray  # flat: rows of dense projections and maps, synapses of sparse ones
    indices: np.ndarray  # (sparse synapses,) int32 target neurons
    pointers: np.ndarray  # where the synapses of each neuron of a sparse projection begin
    delays: np.ndarray  # the one delay of each projection, then those of synapses and inputs
    t_max: np.float64
    rise: np.float64  # of ramps; 0 for steps

    @property
    def sizes(self):
        """(populations,) neurons of each."""
        return self.populations[:-1, SIZE]

    @property
    def starts(self):
        """(populations + 1,) first unit of each, a multiple of WORD."""
        return self.populations[:, START]


class Breaks(NamedTuple):
    """Where a run stops."""

    spikes: np.ndarray  # (units,) uint8, stop when one of these fires
    units: np.ndarray  # (watches,) stop when this unit's potential
    values: np.ndarray  # (watches,) passes this value
    above: np.ndarray  # (watches,) uint8, on which side it is now

    @classmethod
    def of(cls, units):
        """No breakpoint yet."""
        none = np.empty(0, np.int64)
        return cls(np.zeros(units, np.uint8), none, np.empty(0), np.empty(0, np.uint8))

    def watching(self, unit, value):
        """These, and one on the potential of a unit."""
        return self._replace(
            units=np.append(self.units, unit),
            values=np.append(self.values, value),
            above=np.append(self.above, np.uint8(0)),
        )


UNWATCHED = Breaks.of(0)
