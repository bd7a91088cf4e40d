"""Spikes at or after an end, which do not happen.

NumPy would read all times several times over, which takes as long as half a forward pass.
"""

import numpy as np

from ttfs.kernels.jit import kernel


@kernel
def is_any_late(times, bounds):
    """Whether any spike of a sample is at the sample's bound or after it."""
    for s in range(len(times)):
        row, bound, late = times[s], bounds[s, 0], 0
        for i in range(row.size):
            late += (row[i] >= bound) & (row[i] < np.inf)
        if late:
            return True
    return False


@kernel
def leave_out(times, bounds, out):
    """Fill `out` with the times below the bounds of their samples, and inf for the others."""
    never = times.dtype.type(np.inf)
    for s in range(len(times)):
        row, bound, kept = times[s], bounds[s, 0], out[s]
        for i in range(row.size):
            kept[i] = row[i] if row[i] < bound else never
