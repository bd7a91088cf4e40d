"""Random networks of every kind, stimuli for them, and movements of their spikes."""

import numpy as np
from cases import (
    SEEDS,
    TIME_KINDS,
    any_networks,
    any_times,
    binary_networks,
    delayed_networks,
    dyadic_networks,
    with_ramp,
)
from cases_maps import map_networks
from cases_windows import networks as windowed
from cases_windows import times_of
from hypothesis import strategies as st

from ttfs.robustness import plain

MOVES = "any", "corner", "early", "late", "few", "none"
RADII = [0.0, 1e-9, 1e-3, 0.05, 0.5, 1.0, 3.0, 1e3]


@st.composite
def with_windows(draw, dtype, times):
    """A network with windows and its stimuli."""
    network, values = draw(windowed(exact=draw(st.booleans())))
    rng = np.random.default_rng(draw(SEEDS))
    own = rng.random(values.shape) < 0.5
    given = np.where(own, times_of(values), rng.random(values.shape))
    return plain(network, dtype), given.astype(times)


@st.composite
def of_kind(draw, kind, dtype, times, exact=False):
    """A network of a kind, and (samples, inputs) stimuli. exact: all of them on a grid."""
    if kind == "windows":
        return draw(with_windows(dtype, times))
    if kind == "dense":
        network = draw(any_networks(dtype))
    elif kind == "exact":
        network = draw(dyadic_networks(dtype))
    elif kind == "bits":
        network = draw(binary_networks(dtype))
        if not exact and draw(st.booleans()):
            network = with_ramp(network, draw(st.sampled_from([0.5, 3.0, np.inf])))
    elif kind == "delays":
        network = draw(delayed_networks(dtype))
    else:
        network = draw(map_networks(dtype))
    rng = np.random.default_rng(draw(SEEDS))
    shape = 2, network.sizes[0]
    grid = rng.choice(np.append(np.arange(0, 8, 0.5), [np.inf, network.t_max]), shape)
    some = any_times(rng, draw(st.sampled_from(TIME_KINDS)), shape, network.t_max)
    return network, np.where((rng.random((2, 1)) < 0.5) | exact, grid, some).astype(times)


def moved(rng, times, radius):
    """Stimuli as `times`, each spike moved by up to a radius in one of many ways; none before 0."""
    kind = MOVES[rng.integers(len(MOVES))]
    by = {
        "any": rng.uniform(-1, 1, times.shape),
        "corner": rng.choice([-1, 1], times.shape),
        "early": np.full(times.shape, -1),
        "late": np.full(times.shape, 1),
        "few": np.where(rng.random(times.shape) < 0.2, rng.choice([-1, 1], times.shape), 0),
        "none": np.zeros(times.shape),
    }[kind] * radius
    exact = np.where(np.isfinite(times), times, 0).astype(np.float64) + by
    with np.errstate(over="ignore"):
        rounded = np.maximum(exact, 0).astype(times.dtype)
    return np.where(np.isfinite(times), rounded, np.inf).astype(times.dtype)
