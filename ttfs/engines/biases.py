"""Biases of circuits: weights of an input that arrives at time 0, before all others.

With steps, that is where potentials begin; with ramps that never end, how steeply they begin to
rise. With `Windows`, kernels know biases by themselves.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ttfs.errors import InputError
from ttfs.kernels import simulator_ramp, simulator_step
from ttfs.kernels.circuit import GROUP, SIZE, START, Plan
from ttfs.kernels.queue import LAYER
from ttfs.network.psp import Ramp, Response, Step

CURE = "say it by a population of one neuron that fires at 0"


def check_biases(
    names: Sequence[str],
    units: Sequence[slice],
    biases: np.ndarray,
    thresholds: np.ndarray,
    psp: Response,
) -> None:
    """Refuse biases that make neurons fire at once, or have no meaning with this response."""
    if isinstance(psp, Ramp) and psp.rise < np.inf and biases.any():
        raise InputError(f"populations have no bias with {psp}, whose ramps end; {CURE}")
    if not isinstance(psp, Step):
        return
    for name, own in zip(names, units, strict=True):
        over = (biases[own] >= thresholds[own]) & (biases[own] > 0)
        if over.any():
            value = biases[own][over][0]
            raise InputError(
                f"population {name!r}: a bias must be below the threshold, got {value:g}"
                f" for {thresholds[own][over][0]:g}: the neuron would fire before anything arrives"
            )


def begin_with(plan: Plan, state: Any, biases: np.ndarray) -> None:
    """Change a state in which nothing has happened to one in which biases have arrived."""
    if isinstance(state, simulator_step.State):
        state.potential[:] = biases
    elif isinstance(state, simulator_ramp.State):
        state.slope[:] = biases
        for layer in range(len(plan.sizes)):
            foresee(plan, state, layer)
        firsts = state.crossing[plan.starts[:-1] + state.soonest].astype(float)
        firsts[firsts >= plan.t_max] = np.inf
        state.counters[LAYER] = np.argmin(firsts) if np.isfinite(firsts).any() else -1


def foresee(plan: Plan, state: Any, layer: int) -> None:
    """Note when neurons of a layer fire if nothing arrives, as `kernels.simulator_crossing`."""
    start, size, group = plan.populations[layer, [START, SIZE, GROUP]]
    own, kind = slice(start, start + size), state.crossing.dtype
    slope, total, limits = state.slope[own], state.total[own], state.limits[own]
    rises = (slope > 0) & (limits < np.inf)
    with np.errstate(all="ignore"):
        times = (total / slope).astype(kind)
    times = np.where(rises & (times < np.inf), times, kind.type(np.inf))
    state.crossing[own] = times
    if group:
        state.crossing[own.stop : own.stop + size // group] = times.reshape(-1, group).min(axis=1)
    state.soonest[layer] = np.argmin(times)
