"""Random circuits whose sums and times are exact, and stimuli for them."""

import numpy as np
import scipy.sparse as sp
from cases import QUARTERS, SEEDS
from hypothesis import strategies as st

from ttfs import Circuit, Population, Projection, Simulator

INF = np.inf
FORMATS = ["coo", "csr", "csc", "lil", "dok", "bsr"]  # the last one fills blocks with zeros
KINDS = ["dense", "sparse", "dense, own delays", "sparse, own delays"]
FORWARD, BACKWARD = [0.0, 0.0, 0.5, 1.0, 2.25], [0.25, 0.5, 1.0, 2.25]
INSTANTS = [0.0, 0.0, 0.5, 1.0, 2.0, 2.25, 3.75, 7.0, 8.0, 20.0, INF, INF]


@st.composite
def circuits(draw, dtype=np.float32, most_neurons=5, kinds=tuple(KINDS)):
    """Any graph of small populations: loops, lateral and parallel projections, no delays."""
    sizes = draw(st.lists(st.integers(1, most_neurons), min_size=1, max_size=4))
    rng = np.random.default_rng(draw(SEEDS))
    populations = [
        Population(f"p{k}", size, rng.choice([0.25, 0.5, 1.0, 2.0, 3.75, INF], size))
        for k, size in enumerate(sizes)
    ]
    ends = st.tuples(*[st.integers(0, len(sizes) - 1)] * 2, st.sampled_from(kinds))
    projections = [
        random_projection(rng, source, target, sizes, kind)
        for source, target, kind in draw(st.lists(ends, max_size=6))
    ]
    t_max = draw(st.sampled_from([INF, 8.0, 2.5]))
    return Circuit(populations, projections, t_max=t_max, dtype=dtype)


def random_projection(rng, source, target, sizes, kind):
    """A projection of one of the KINDS between two populations of `circuits`."""
    shape = sizes[source], sizes[target]
    allowed = FORWARD if source < target else BACKWARD
    weights, there = rng.choice(QUARTERS, shape), rng.random(shape) < 0.5
    delays = rng.choice(allowed, shape)
    if kind.startswith("sparse"):
        weights = sparse_of(weights, there, rng.choice(FORMATS[:-1]))
        delays = sparse_of(delays, there, rng.choice(FORMATS)) if rng.random() < 0.5 else delays
    if not kind.endswith("own delays"):
        delays = rng.choice(allowed)
    return Projection(f"p{source}", f"p{target}", weights, delays)


def sparse_of(values, there, kind):
    """The values that are there, zeros included where the format keeps them."""
    rows, columns = np.nonzero(there)
    return sp.coo_array((values[there], (rows, columns)), values.shape).asformat(kind)


@st.composite
def stimuli(draw, circuit, dtype=np.float64):
    """Times by name, for some populations, on a coarse grid."""
    rng = np.random.default_rng(draw(SEEDS))
    told = [p for p in circuit.populations if draw(st.booleans())] or circuit.populations[:1]
    return {p.name: rng.choice(INSTANTS, p.size).astype(dtype) for p in told}


def given_of(stimulus):
    """The same as (population, neuron) -> time."""
    return {
        (int(name[1:]), j): float(t)
        for name, times in stimulus.items()
        for j, t in enumerate(times)
    }


def finished(circuit, stimulus):
    """A simulator at its end."""
    simulator = Simulator(circuit, stimulus)
    assert simulator.run() == "end"
    return simulator


def tuples(events):
    """Events as events_of gives them."""
    return [(e.time, e.kind, e.layer, e.neuron, e.source) for e in events]


def check_course(simulator, course):
    """Spikes and potentials are those of the definition."""
    for k, population in enumerate(simulator.circuit.populations):
        spikes = [float(course.spikes.get((k, j), INF)) for j in range(population.size)]
        potential = [float(course.potential[k, j]) for j in range(population.size)]
        assert simulator.times(k).tolist() == spikes
        assert simulator.potential(k).tolist() == potential
