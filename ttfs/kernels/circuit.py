"""A circuit as plain arrays, where a run of it is to stop, and what numbers mean in them."""

from typing import NamedTuple

import numpy as np

WORD = 64  # a population begins at a multiple of this
DENSE, SPARSE, SYNAPTIC = 0, 1, 2  # kinds of projection: rows; synapses; a delay for each
NOTHING, ARRIVAL, SPIKE, END = range(4)  # kinds of event
UNTIL, OVER, FIRED, GOING = -1, -2, -3, -4  # why a run stops; it does not
SIZE, START, LEAVING = range(3)  # columns of Plan.populations
SOURCE, TARGET, KIND, FIRST, WIDTH, ROWS, DELAYS, OUTGOING = range(8)  # of Plan.projections
STIMULATED = -2  # in place of a projection: a spike that was given


class Plan(NamedTuple):
    """What does not change while events happen. A unit is a neuron's place, with padding.

    Handing an array to a kernel takes a while, so small ones share a table.
    """

    populations: np.ndarray  # (populations + 1, 3) size, first unit, first in OUTGOING
    projections: np.ndarray  # (projections, 8); OUTGOING lists them by source
    owners: np.ndarray  # (units,) population of each
    weights: np.ndarray  # flat: rows of dense projections, synapses of sparse ones
    indices: np.ndarray  # (sparse synapses,) int32 target neurons
    pointers: np.ndarray  # where the synapses of each neuron of a sparse projection begin
    delays: np.ndarray  # the one delay of each projection, then those of single synapses
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
    """Where a run is to stop."""

    spikes: np.ndarray  # (units,) uint8, stop when one of these fires
    units: np.ndarray  # (watches,) stop when this unit's potential
    values: np.ndarray  # (watches,) passes this value
    above: np.ndarray  # (watches,) uint8, on which side it is now

    @classmethod
    def of(cls, units):
        """None yet."""
        none = np.empty(0, np.int64)
        return cls(np.zeros(units, np.uint8), none, np.empty(0), np.empty(0, np.uint8))

    def watching(self, unit, value):
        """These, and the potential of a unit."""
        return self._replace(
            units=np.append(self.units, unit),
            values=np.append(self.values, value),
            above=np.append(self.above, np.uint8(0)),
        )
