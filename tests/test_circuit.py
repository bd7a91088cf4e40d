import copy
import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from cases import FLOATS, MIXED, PAIRS, QUARTERS, TIMES, same_bits
from cases_circuits import (
    FORMATS,
    INF,
    INSTANTS,
    KINDS,
    check_course,
    circuits,
    finished,
    given_of,
    random_projection,
    stimuli,
    tuples,
)
from hypothesis import given
from hypothesis import strategies as st
from reference import course_of, events_of

from ttfs import (
    Binary,
    Circuit,
    Conv2d,
    Delays,
    MinPool2d,
    Network,
    Population,
    Projection,
    Ramp,
    Real,
    Simulator,
    Step,
)
from ttfs.bench.simulations import sparse
from ttfs.engines.changes import with_thresholds
from ttfs.errors import InputError, ShapeError
from ttfs.network.layers import Dense

pytestmark = pytest.mark.small
# Against the definition


@pytest.mark.parametrize(("dtype", "time_dtype"), MIXED)
@given(data=st.data())
def test_random_circuits_equal_exact_arithmetic(dtype, time_dtype, data):
    circuit = data.draw(circuits(dtype))
    stimulus = data.draw(stimuli(circuit, time_dtype))
    check_course(finished(circuit, stimulus), course_of(circuit, given_of(stimulus)))


@given(data=st.data())
def test_all_events_come_in_the_order_of_a_plain_queue(data):
    circuit = data.draw(circuits())
    stimulus = data.draw(stimuli(circuit))
    assert tuples(Simulator(circuit, stimulus)) == events_of(circuit, given_of(stimulus))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [15, 16, 17, 63, 64, 65, 130])
def test_populations_of_every_width_equal_a_plain_queue(size, kind):
    rng = np.random.default_rng(size)
    sizes = [9, size, size]
    populations = [Population(f"p{k}", n, rng.integers(1, 20, n) / 4) for k, n in enumerate(sizes)]
    ends = [(0, 1), (1, 1), (1, 2), (0, 2), (2, 1)]
    projections = [random_projection(rng, *end, sizes, kind) for end in ends]
    circuit = Circuit(populations, projections)
    stimulus = {"p0": rng.choice(INSTANTS, 9), "p2": rng.choice(INSTANTS, size)}
    events = tuples(Simulator(circuit, stimulus))
    assert events == events_of(circuit, given_of(stimulus))
    assert len(events) > size


def scattered(rng, shape, fan_out):
    """A sparse matrix of random numbers, the same number of them in each row."""
    targets = np.concatenate([rng.permutation(shape[1])[:fan_out] for _ in range(shape[0])])
    rows = np.repeat(np.arange(shape[0]), fan_out)
    return sp.coo_array((rng.normal(0.4, 1, len(rows)), (rows, targets)), shape)


@pytest.mark.parametrize("fan_out", [1, 4, 60])
@pytest.mark.parametrize(("dtype", "time_dtype"), MIXED)
def test_what_arrives_together_is_added_in_the_order_of_a_plain_queue(fan_out, dtype, time_dtype):
    rng = np.random.default_rng(fan_out)
    sizes = {"a": 50, "b": 30, "c": 160}
    populations = [Population(name, size, 1.5) for name, size in sizes.items()]
    ends = [("a", "c", 1.0), ("b", "c", 1.0), ("a", "c", 0.5), ("c", "c", 0.5), ("c", "b", 0.5)]
    projections = [
        Projection(source, target, scattered(rng, (sizes[source], sizes[target]), n), delay)
        for source, target, delay in ends
        for n in [min(fan_out, sizes[target])]
    ]
    circuit = Circuit(populations, projections, t_max=9, dtype=dtype)
    stimulus = {name: rng.integers(0, 4, sizes[name]).astype(time_dtype) / 2 for name in "ab"}
    stepped, simulator = Simulator(circuit, stimulus), finished(circuit, stimulus)
    events = [(e.time, e.layer, e.kind == "spike", e.neuron) for e in stepped]
    assert events == sorted(events)
    assert simulator.events == len(events)
    for name in sizes:
        assert same_bits(simulator.times(name), stepped.times(name))
        assert same_bits(simulator.potential(name), stepped.potential(name))
    check_sums(simulator)


def check_sums(simulator):
    """The potentials of who has not fired are those of a loop over the spikes, in their order."""
    circuit, known = simulator.circuit, simulator.precision
    for k, population in enumerate(circuit.populations):
        arrivals = sorted(
            (known.times.type(time + projection.delay), neuron, r)
            for r, projection in enumerate(circuit.projections)
            if projection.target == population.name
            for neuron, time in enumerate(simulator.times(projection.source).tolist())
        )
        potential = np.zeros(population.size, circuit.dtype)
        for time, neuron, r in arrivals:
            if time < circuit.t_max:
                row = circuit.projections[r].weights[[neuron], :].toarray()[0]
                potential += row.astype(circuit.dtype)
        silent = np.isinf(simulator.times(k))
        assert same_bits(simulator.potential(k)[silent], potential[silent])


def test_who_crosses_the_threshold_twice_at_an_instant_fires_once():
    rows = np.zeros((3, 500))
    rows[:, 7], rows[:, 3], rows[:, 400] = (2, -2, 2), (2, -2, 0), (1, 0, 0)
    circuit = Circuit(
        [Population("input", 3), Population("all", 500, 1.0)],
        [Projection("input", "all", sp.csr_array(rows), 0.5)],
    )
    assert circuit.projections[0].weights.nnz == 6  # few enough to be listed
    simulator = finished(circuit, [1.0, 1.0, 1.0])
    assert simulator.spikes.neuron.tolist() == [0, 1, 2, 7, 400]
    assert simulator.times("all")[[7, 400]].tolist() == [1.5, 1.5]


@given(data=st.data())
def test_counters_equal_what_was_counted(data):
    circuit = data.draw(circuits(kinds=["dense", "sparse"]))
    stimulus = data.draw(stimuli(circuit))
    simulator = Simulator(circuit, stimulus)
    events = list(simulator)
    assert simulator.events == len(events)
    spikes = [e for e in events if e.kind == "spike"]
    assert len(simulator.spikes) == len(spikes)
    found = simulator.spikes
    assert list(zip(found.times, found.layer, found.neuron, strict=True)) == [
        (e.time, e.layer, e.neuron) for e in spikes
    ]


def test_the_circuit_of_a_network_is_the_chain_it_is():
    rng = np.random.default_rng(0)
    layers = [
        Dense.of(rng.choice(QUARTERS, (5, 17)), threshold=1.5, delay=0.5),
        Dense.of(rng.choice(QUARTERS, (17, 3)), threshold=[1.0, 2.0, 0.25]),
    ]
    network = Network(*layers, t_max=8)
    chain = Circuit(
        [
            Population("input", 5),
            Population("hidden", 17, 1.5),
            Population("output", 3, [1, 2, 0.25]),
        ],
        [
            Projection("input", "hidden", layers[0].initial, 0.5),
            Projection("hidden", "output", layers[1].initial),
        ],
        t_max=8,
    )
    times = rng.choice(INSTANTS, 5)
    assert repr(Circuit.of(network)) == repr(chain)
    assert list(Simulator(network, times)) == list(Simulator(chain, times))


# What circuits are for


def test_of_two_neurons_that_inhibit_each_other_the_earlier_wins():
    circuit = Circuit(
        [Population("input", 2), Population("pair", 2, 1.0)],
        [
            Projection("input", "pair", np.eye(2)),
            Projection("pair", "pair", [[0, -2], [-2, 0]], delay=0.5),
        ],
    )
    assert finished(circuit, [1.0, 2.0]).times("pair").tolist() == [1.0, INF]
    assert finished(circuit, [2.0, 1.75]).times("pair").tolist() == [2.0, 1.75]
    assert finished(circuit, [1.5, 1.0]).times("pair").tolist() == [INF, 1.0]


def test_a_loop_comes_to_an_end_because_neurons_fire_once():
    circuit = Circuit(
        [Population("ring", 4, 1.0)],
        [Projection("ring", "ring", np.roll(np.eye(4), 1, axis=1), delay=0.5)],
    )
    simulator = finished(circuit, [1.0, INF, INF, INF])
    assert simulator.times("ring").tolist() == [1.0, 1.5, 2.0, 2.5]
    assert simulator.time == 3.0  # the last spike comes round


def test_a_detour_without_delay_arrives_at_the_same_instant():
    circuit = Circuit(
        [Population("a", 1), Population("b", 1, 1.0), Population("c", 1, 2.0)],
        [
            Projection("a", "c", [[1.0]]),
            Projection("a", "b", [[1.0]]),
            Projection("b", "c", [[1.0]]),
        ],
    )
    simulator = finished(circuit, [3.0])
    assert [simulator.times(k)[0] for k in range(3)] == [3.0, 3.0, 3.0]
    assert simulator.potential("c")[0] == 2.0


def test_a_circuit_without_projections_only_fires_what_it_is_told():
    simulator = finished(Circuit([Population("alone", 3)], [], t_max=5), [4.0, 5.0, 1.0])
    assert simulator.spikes.neuron.tolist() == [2, 0]


STARTS = [(1.0, np.float32), (1.0, np.float64), (3.0, np.float64), (0.0, np.float32)]
STARTS = [(start, dtype) for start, dtype in STARTS if dtype in TIMES]


@pytest.mark.parametrize(("start", "dtype"), STARTS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_delay_too_short_for_the_precision_takes_the_least_step(kind, start, dtype):
    weights, delay = np.roll(np.eye(3), 1, axis=1), 1e-60
    weights = sp.csr_array(weights) if kind.startswith("sparse") else weights
    delay = np.full((3, 3), delay) if kind.endswith("own delays") else delay
    ring = Circuit([Population("ring", 3, 1.0)], [Projection("ring", "ring", weights, delay)])
    simulator = Simulator(ring, np.array([start, INF, INF], dtype))
    keys = [(e.time, e.kind) for e in simulator]
    assert keys == sorted(keys)
    times = simulator.times("ring")
    assert times[0] == start
    assert times[1:].tolist() == np.nextafter(times[:2], dtype(INF)).tolist()
    assert simulator.explain("ring", 2).inputs[-1].time == times[2]


def test_an_endless_threshold_is_not_reached_by_an_endless_potential():
    big = float(np.finfo(np.float32).max)
    for weights in (np.full((3, 20), big), sp.csr_array(np.full((3, 20), big))):
        circuit = pair(weights, sizes=(3, 20))
        circuit = Circuit([Population("a", 3), Population("b", 20)], circuit.projections)
        with np.errstate(over="ignore"):
            simulator = finished(circuit, [1.0, 2.0, 2.0])
        assert simulator.potential("b").tolist() == [INF] * 20
        assert simulator.times("b").tolist() == [INF] * 20


# Sparse weights


def pair(weights, delay=0.0, sizes=(3, 4), **settings):
    """Two populations and one projection; a large threshold leaves the potentials to be read."""
    populations = [Population("a", sizes[0]), Population("b", sizes[1], 100.0)]
    return Circuit(populations, [Projection("a", "b", weights, delay)], **settings)


def sums(circuit, times=(0.0, 1.0, 2.0)):
    """The potentials of the second population at the end."""
    return finished(circuit, np.array(times)).potential("b").tolist()


DENSE_WEIGHTS = np.array([[1.0, 0, -2, 0], [0, 0, 0, 0], [0.5, 0, 0, 3]])


@pytest.mark.parametrize("delay", [0.5, np.full((3, 4), 0.5)], ids=["one", "own"])
@pytest.mark.parametrize("kind", [*FORMATS, "dia"])
@pytest.mark.parametrize("make", [sp.coo_array, sp.coo_matrix])
def test_every_sparse_format_gives_the_same(make, kind, delay):
    circuit = pair(make(DENSE_WEIGHTS).asformat(kind), delay)
    assert sums(circuit) == sums(pair(DENSE_WEIGHTS, 0.5)) == [1.5, 0, -2, 3]


@pytest.mark.parametrize("kind", [*FORMATS, "dia"])
@pytest.mark.parametrize("make", [sp.coo_array, sp.coo_matrix])
def test_delays_may_have_every_sparse_format(make, kind):
    delays = make(np.where(DENSE_WEIGHTS, [[1.0], [2], [3]], 0)).asformat(kind)
    simulator = finished(pair(sp.csr_array(DENSE_WEIGHTS), delays), [0.0, 1.0, 2.0])
    arrivals = [i.time for i in simulator.explain("b", 0).inputs]
    assert arrivals == [1.0, 5.0]


@pytest.mark.parametrize("delay", [0.0, np.zeros((3, 4))], ids=["one", "own"])
def test_entries_that_are_there_twice_are_added(delay):
    weights = sp.coo_array(([1.0, 2.0, 4.0], ([0, 0, 2], [1, 1, 1])), (3, 4))
    simulator = finished(pair(weights, delay), [0.0, 1.0, 2.0])
    assert simulator.potential("b").tolist() == [0, 7, 0, 0]
    assert simulator.synaptic_events == 2
    assert [i.weight for i in simulator.explain("b", 1).inputs] == [3.0, 4.0]


@pytest.mark.parametrize("delay", [0.0, np.zeros((3, 4))], ids=["one", "own"])
@pytest.mark.parametrize("kind", [np.int8, np.uint8, bool, np.int64, np.float32])
@pytest.mark.parametrize("form", ["coo", "csr"])
def test_what_is_added_of_entries_that_are_there_twice_is_their_sum(form, kind, delay):
    most = 1 if kind is bool else 100
    parts = np.full(3, most, kind), ([0, 0, 0], [1, 1, 1])
    weights = sp.coo_array(parts, (3, 4))
    if form == "csr":
        weights = sp.csr_array((parts[0], [1, 1, 1], [0, 3, 3, 3]), (3, 4))
    assert finished(pair(weights, delay), [0.0, 1, 2]).potential("b").tolist()[1] == 3 * most


def test_entries_that_are_there_twice_may_be_too_large_together():
    weights = sp.coo_array((np.full(2, 3e38, np.float32), ([0, 0], [1, 1])), (3, 4))
    with pytest.raises(InputError, match="a -> b: weights must be finite"):
        pair(weights)
    with pytest.raises(InputError, match="delays must be 0 or more and finite"):
        pair(np.ones((3, 4)), sp.coo_array((np.full(2, 1e308), ([0, 0], [1, 1])), (3, 4)))


@pytest.mark.parametrize("delay", [0.0, np.zeros((3, 4))], ids=["one", "own"])
def test_entries_out_of_order_are_put_in_order(delay):
    data, columns, pointers = np.array([1.0, 2, 3, 4]), np.array([3, 0, 2, 1]), [0, 3, 3, 4]
    weights = sp.csr_array((data, columns, pointers), (3, 4))
    before = weights.indices.copy()
    assert sums(pair(weights, delay)) == [2, 4, 3, 1]
    assert weights.indices.tolist() == before.tolist(), "what was passed stays as it was"


@pytest.mark.parametrize("delay", [0.5, np.full((3, 4), 0.5)], ids=["one", "own"])
def test_room_to_spare_in_a_sparse_matrix_holds_no_synapses(delay):
    matrix, spare = sp.csr_array(DENSE_WEIGHTS), [7, 7, 7]
    matrix.data, matrix.indices = np.append(matrix.data, spare), np.append(matrix.indices, spare)
    matrix.indices[-3:] = 0
    assert sums(pair(matrix, delay)) == [1.5, 0, -2, 3]
    assert len(matrix.data) == 7, "what was passed stays as it was"


def outside(kind, place):
    """A sparse matrix with an entry where it has no room, which SciPy does not look for."""
    matrix = sp.coo_array(DENSE_WEIGHTS).asformat(kind)
    if kind == "coo":
        (matrix.row if place == 3 else matrix.col)[-1] = place
    elif kind == "lil":
        matrix.rows[0] = [0, place]
    elif kind == "bsr":
        matrix.indices[-1] = place
    else:
        matrix.indices[-1] = place
    return matrix


@pytest.mark.parametrize("place", [3, 4, 10**6, -1])
@pytest.mark.parametrize("kind", ["coo", "csr", "csc", "bsr", "lil"])
def test_entries_outside_of_the_matrix_are_refused(kind, place):
    place += kind in ("csr", "bsr", "lil") and place == 3  # a fourth column is there
    with pytest.raises(InputError, match=r"weights must have their entries within \(3, 4\)"):
        pair(outside(kind, place))
    with pytest.raises(InputError, match=r"delay must have their entries within \(3, 4\)"):
        pair(np.ones((3, 4)), outside(kind, place))


@pytest.mark.parametrize(
    "pointers",
    [[0, 9, 2, 4], [1, 2, 2, 4], [0, 2, 2, 99], [0, -2, 2, 4], [0, 2**63 - 1, -(2**63) + 2, 4]],
)
def test_rows_outside_of_the_entries_are_refused(pointers):
    matrix = sp.csr_array(DENSE_WEIGHTS)
    matrix.indptr = np.array(pointers)
    with pytest.raises(InputError, match="within"):
        pair(matrix)


@pytest.mark.parametrize("delay", [0.0, np.zeros((3, 4))], ids=["one", "own"])
def test_a_zero_that_is_there_is_a_synapse(delay):
    weights = sp.coo_array(([0.0, 2.0], ([0, 0], [1, 2])), (3, 4)).tocsr()
    simulator = finished(pair(weights, delay), [1.0, INF, INF])
    assert simulator.synaptic_events == 2
    assert simulator.explain("b", 1).inputs[0].weight == 0
    assert simulator.explain("b", 3).inputs == ()


@pytest.mark.parametrize("delay", [0.0, sp.csr_array((3, 4)), np.ones((3, 4))])
@pytest.mark.parametrize("weights", [sp.csr_array((3, 4)), sp.coo_matrix((3, 4))])
def test_a_projection_may_have_no_synapses(weights, delay):
    simulator = finished(pair(weights, delay), [0.0, 1.0, 2.0])
    assert simulator.potential("b").tolist() == [0, 0, 0, 0]
    assert simulator.synaptic_events == 0


def test_zeros_of_an_array_with_own_delays_are_no_synapses():
    simulator = finished(pair(DENSE_WEIGHTS, np.ones((3, 4))), [0.0, 1.0, 2.0])
    assert simulator.synaptic_events == 4
    assert finished(pair(DENSE_WEIGHTS), [0.0, 1.0, 2.0]).synaptic_events == 12


def test_one_spike_reaches_each_synapse_after_its_own_delay():
    delays = np.array([[2.0, 0.5, 2.0, 1.0]])
    circuit = pair([[1.0, 1, 1, 1]], delays, sizes=(1, 4))
    events = [e for e in Simulator(circuit, [1.0]) if e.kind == "arrival"]
    assert [e.time for e in events] == [1.5, 2.0, 3.0]


def test_delays_that_become_equal_by_rounding_arrive_together():
    delays = np.array([[1.0, 1.0 + 1e-12], [1.0 + 2e-12, 1.0]])
    populations = [Population("a", 2), Population("b", 2, 2.0)]
    weights = [[3.0, 3.0], [-2.0, -1.0]]
    circuit = Circuit(populations, [Projection("a", "b", weights, delays)])
    single = finished(circuit, np.array([1.0, 1.0], np.float32))
    assert single.times("b").tolist() == [INF, 2.0]
    double = finished(circuit, np.array([1.0, 1.0]))
    assert double.times("b").tolist() == [2.0, 1.0 + (1.0 + 1e-12)]
    for simulator in (single, double):
        for j in range(2):
            inputs = simulator.explain("b", j).inputs
            assert inputs[-1].potential == simulator.potential("b")[j]


def test_own_delays_that_are_all_the_same_equal_one_delay():
    rng = np.random.default_rng(3)
    weights = rng.standard_normal((30, 70))
    populations = [Population("a", 30), Population("b", 70, 1.0)]
    times = rng.choice(np.append(rng.uniform(0, 5, 7), INF), 30)
    found = [
        finished(Circuit(populations, [Projection("a", "b", weights, delay)]), times)
        for delay in (0.1, np.full((30, 70), 0.1), sp.csr_array(np.full((30, 70), 0.1)))
    ]
    found.append(
        finished(Circuit(populations, [Projection("a", "b", sp.csr_array(weights), 0.1)]), times)
    )
    for other in found[1:]:
        assert same_bits(other.times("b"), found[0].times("b"))
        assert same_bits(other.potential("b"), found[0].potential("b"))


def test_a_synapse_takes_at_most_twelve_bytes():
    circuit = sparse(10**5)
    simulator = Simulator(circuit, np.zeros(circuit.populations[0].size))
    arrays = [*circuit.plan, *simulator.snapshot().state, circuit.thresholds]
    assert sum(a.nbytes for a in arrays) < 12 * 10**5
    assert np.shares_memory(circuit.projections[0].weights.data, circuit.plan.weights)
    assert np.shares_memory(circuit.projections[0].weights.indices, circuit.plan.indices)


def test_what_was_passed_is_not_changed():
    weights = sp.coo_array(([1.0, 2.0, 4.0], ([2, 0, 0], [1, 3, 3])), (3, 4))
    finished(pair(weights, sp.coo_array(([0.5, 0.25], ([2, 0], [1, 3])), (3, 4))), [0.0, 1.0, 2.0])
    assert weights.data.tolist() == [1.0, 2.0, 4.0]
    dense = DENSE_WEIGHTS.copy()
    dense.flags.writeable = False
    finished(pair(dense, 1.0), [0.0, 1.0, 2.0])


# Copies, and what is equal


def copied(one):
    """Copies of all kinds."""
    return [copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one))]


@given(data=st.data())
def test_a_copied_circuit_is_the_same_bit_for_bit(data):
    circuit = data.draw(circuits(data.draw(st.sampled_from(FLOATS))))
    stimulus = data.draw(stimuli(circuit))
    for other in copied(circuit):
        assert repr(other) == repr(circuit)
        assert other.digest == circuit.digest
        assert all(same_bits(a, b) for a, b in zip(other.plan, circuit.plan, strict=True))
        assert same_bits(other.thresholds, circuit.thresholds)
        assert not np.shares_memory(other.plan.weights, circuit.plan.weights)
        assert list(Simulator(other, stimulus)) == list(Simulator(circuit, stimulus))


@pytest.mark.parametrize("delay", [0.5, Delays("pair", init=(0.5, 1.0))], ids=["one", "own"])
@pytest.mark.parametrize("psp", [Step(), Ramp(0.75), Ramp()])
@pytest.mark.parametrize("kind", [Real(), Binary(scale=3)], ids=["real", "binary"])
def test_a_copied_circuit_of_a_network_is_the_same_bit_for_bit(kind, psp, delay):
    layers = (
        Dense(7, 19, weights=kind, delay=delay),
        Dense(19, 3, weights=kind, threshold=[1, 2, 3]),
    )
    circuit = Circuit.of(Network(*layers, psp=psp, t_max=8, unit="ms"))
    for other in copied(circuit):
        assert other.digest == circuit.digest
        assert (other.unit, other.psp, other.t_max) == ("ms", psp, 8)
        assert all(same_bits(a, b) for a, b in zip(other.plan, circuit.plan, strict=True))
        assert same_bits(other.thresholds, circuit.thresholds)


@given(data=st.data())
def test_a_changed_circuit_can_be_copied(data):
    circuit = data.draw(circuits(kinds=["dense", "sparse, own delays", "dense, own delays"]))
    layer = data.draw(st.integers(0, len(circuit.populations) - 1))
    thresholds = {(layer, 0): data.draw(st.sampled_from([0.25, 7.0, INF]))}
    changed = with_thresholds(circuit, thresholds)
    same = changed.thresholds.tolist() == circuit.thresholds.tolist()
    assert (changed.digest == circuit.digest) == same
    for other in copied(changed):
        assert other.digest == changed.digest


def test_populations_are_equal_if_they_say_the_same():
    assert Population("a", 2, 1.0) == Population("a", np.int8(2), 1)
    assert Population("a", 2, [1.0, 2.0]) == Population("a", 2, np.array([1.0, 2.0]))
    different = [Population("b", 2, 1), Population("a", 3, 1), Population("a", 2, [1, 2]), "a"]
    assert all(Population("a", 2, 1.0) != other for other in different)
    assert len({Population("a", 2, [1.0, 2.0]), Population("a", 2, [1.0, 2.0])}) == 1


def test_a_population_keeps_its_thresholds_whatever_becomes_of_those_passed():
    given = np.array([1.0, 2.0])
    population = Population("a", 2, given)
    given[:] = -1
    assert population.threshold.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.uint64])
def test_sizes_may_be_whole_numbers_of_any_kind(kind):
    circuit = Circuit([Population("a", kind(100)), Population("b", kind(127), 1.0)], [])
    assert finished(circuit, np.zeros(100)).spikes.neuron.tolist() == list(range(100))
    assert len(finished(circuit, np.zeros(100)).times("b")) == 127


LATE = [(Step(), *pair) for pair in PAIRS]
LATE += [(psp, t, t) for psp in (Ramp(1e37), Ramp(2.0)) for t in FLOATS if (t, t) in PAIRS]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("psp", "dtype", "time_dtype"), LATE)
def test_what_arrives_later_than_numbers_go_does_not_arrive(psp, kind, dtype, time_dtype):
    weights, delay = np.ones((2, 3)), 1.7e308
    weights = sp.csr_array(weights) if kind.startswith("sparse") else weights
    delay = np.full((2, 3), delay) if kind.endswith("own delays") else delay
    populations = [Population("a", 2), Population("b", 3, 0.5)]
    circuit = Circuit(populations, [Projection("a", "b", weights, delay)], psp=psp, dtype=dtype)
    with np.errstate(over="ignore"):  # where nothing is compiled
        simulator = finished(circuit, np.full(2, np.finfo(time_dtype).max))
    assert simulator.times("b").tolist() == [INF] * 3
    assert simulator.potential("b").tolist() == [0.0] * 3
    assert all(simulator.explain("b", j).inputs == () for j in range(3))


# What cannot be meant


P2, P3 = Population("a", 2), Population("b", 3, 1.0)
W = np.ones((2, 3))
IMPOSSIBLE = {
    "no population": (lambda: Circuit([], []), "at least one"),
    "same name": (lambda: Circuit([P2, P2], []), "different names"),
    "unknown source": (lambda: Circuit([P2, P3], [Projection("x", "b", W)]), "'x'.* a, b"),
    "unknown target": (lambda: Circuit([P2, P3], [Projection("a", "y", W)]), "'y'.* a, b"),
    "turned weights": (lambda: Circuit([P2, P3], [Projection("a", "b", W.T)]), r"\(2, 3\), got"),
    "sparse of another shape": (
        lambda: Circuit([P2, P3], [Projection("a", "b", sp.csr_array((3, 3)))]),
        r"\(2, 3\), got \(3, 3\)",
    ),
    "loop without delay": (
        lambda: Circuit([P3], [Projection("b", "b", np.eye(3))]),
        "b -> b.*delay above 0",
    ),
    "way back without delay": (
        lambda: Circuit([P2, P3], [Projection("b", "a", W.T)]),
        "b -> a.*delay above 0",
    ),
    "one synapse of a loop without delay": (
        lambda: Circuit([P3], [Projection("b", "b", np.eye(3), np.diag([1.0, 0, 1]))]),
        "delay above 0",
    ),
    "one sparse synapse of a loop without delay": (
        lambda: Circuit([P3], [Projection("b", "b", sp.eye(3), sp.csr_array((3, 3)))]),
        "delay above 0",
    ),
    "weights of no number": (lambda: Projection("a", "b", W * np.nan), "finite"),
    "sparse weights of no number": (lambda: Projection("a", "b", sp.csr_array(W / 0)), "finite"),
    "complex sparse weights": (lambda: Projection("a", "b", sp.csr_array(W * 1j)), "numbers"),
    "words": (lambda: Projection("a", "b", [["x"]]), "numbers"),
    "one row": (lambda: Projection("a", "b", [1.0, 2.0]), r"\(source, target\), got \(2,\)"),
    "uneven rows": (lambda: Projection("a", "b", [[1.0], [2.0, 3.0]]), "equal length"),
    "delay of no number": (lambda: Projection("a", "b", W, np.nan), "0 or more"),
    "endless delay": (lambda: Projection("a", "b", W, INF), "finite"),
    "negative delay": (lambda: Projection("a", "b", W, -1.0), "0 or more"),
    "one negative delay": (lambda: Projection("a", "b", W, W - 2), "0 or more"),
    "negative sparse delay": (lambda: Projection("a", "b", W, sp.csr_array(-W)), "0 or more"),
    "delays of another shape": (lambda: Projection("a", "b", W, W.T), r"shape \(2, 3\)"),
    "one delay for each target": (lambda: Projection("a", "b", W, [1.0, 1, 1]), r"\(2, 3\)"),
    "delay in words": (lambda: Projection("a", "b", W, "soon"), "numbers"),
    "no neurons": (lambda: Population("a", 0), "size"),
    "half a neuron": (lambda: Population("a", 1.5), "size"),
    "no name": (lambda: Population("", 1), "name"),
    "a number as name": (lambda: Population(3, 1), "name"),
    "a name that moves the cursor": (lambda: Population("a\x1b[2J", 1), "name.*printable text"),
    "a name of two lines": (lambda: Population("a\nb", 1), "name.*printable text"),
    "a name of half a letter": (lambda: Population("\ud800", 1), "name.*printable text"),
    "a number as source": (lambda: Circuit([P2, P3], [Projection(0, "b", W)]), "source.*a string"),
    "a number as target": (lambda: Circuit([P2, P3], [Projection("a", 1, W)]), "target.*a string"),
    "more neurons than numbers": (lambda: Population("a", 2**62), "size must be at most 21474"),
    "a size of too many digits": (lambda: Population("a", 10**5000), "size must be below"),
    "a true size": (lambda: Population("a", True), "size"),
    "more neurons than numbers together": (
        lambda: Circuit([Population("a", 2**31 - 1), Population("b", 1)], []),
        "Circuit can hold 2147483647 neurons",
    ),
    "populations that are none": (lambda: Circuit(None, []), "takes a Population, got None"),
    "projections that are none": (lambda: Circuit([P2], 3), "takes a Projection, got 3"),
    "a matrix for populations": (lambda: Circuit(sp.eye(2), []), "takes a Population"),
    "a horizon in words": (lambda: Circuit([P2], [], t_max="x"), "t_max"),
    "horizons": (lambda: Circuit([P2], [], t_max=np.array([1.0, 2.0])), "t_max"),
    "a horizon too large": (lambda: Circuit([P2], [], t_max=10**400), "t_max"),
    "a number as unit": (lambda: Circuit([P2], [], unit=3), "unit.*a string"),
    "a unit of two lines": (lambda: Circuit([P2], [], unit="m\ns"), "unit.*printable text"),
    "a response in words": (lambda: Circuit([P2], [], psp="x"), "psp"),
    "thresholds in words": (lambda: Population("a", 2, ["x", "y"]), "numbers"),
    "no threshold": (lambda: Population("a", 2, None), "numbers"),
    "a sparse threshold": (lambda: Population("a", 2, sp.csr_array([[1.0, 2.0]])), "dense array"),
    "no weights": (lambda: Projection("a", "b", None), "numbers"),
    "a delay longer than float64": (
        lambda: Projection("a", "b", W, np.longdouble("1e4000")),
        "finite",
    ),
    "threshold 0": (lambda: Population("a", 1, 0.0), "above 0"),
    "threshold of no number": (lambda: Population("a", 1, np.nan), "above 0"),
    "thresholds for others": (lambda: Population("a", 2, [1.0, 1, 1]), "one number or 2"),
    "whole numbers": (lambda: Circuit([P2], [], dtype=int), "float32 or float64"),
    "threshold above float32": (
        lambda: Circuit([Population("a", 2, [1.0, 1e39])], []),
        "population 'a': threshold must fit float32, in which 1e\\+39 is inf",
    ),
    "threshold below float32": (
        lambda: Circuit([P2, Population("b", 2, 1e-50)], []),
        "population 'b': threshold must fit float32, in which 1e-50 is 0",
    ),
    "weights above float32": (
        lambda: Circuit([P2, P3], [Projection("a", "b", W * -1e39)]),
        "a -> b: weights must fit float32, in which -1e\\+39 is -inf",
    ),
    "sparse weights below float32": (
        lambda: Circuit([P2, P3], [Projection("a", "b", sp.csr_array(W * 1e-50))]),
        "a -> b: weights must fit float32, in which 1e-50 is 0",
    ),
    "weights below float32 with own delays": (
        lambda: Circuit([P2, P3], [Projection("a", "b", W * 1e-50, W)]),
        "a -> b: weights must fit float32, in which 1e-50 is 0",
    ),
    "a projection among populations": (
        lambda: Circuit([P2, Projection("a", "a", np.eye(2))], []),
        "Circuit takes a Population, got Projection",
    ),
    "horizon 0": (lambda: Circuit([P2], [], t_max=0), "t_max"),
    "horizon of no number": (lambda: Circuit([P2], [], t_max=np.nan), "t_max"),
}
if sp.coo_array([1.0]).ndim == 1:  # from SciPy 1.13 on
    sparse_row = sp.coo_array([1.0, 2.0])
    IMPOSSIBLE["one sparse row"] = (lambda: Projection("a", "b", sparse_row), r"got \(2,\)")


@pytest.mark.parametrize(("make", "words"), IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_impossible_circuits_are_refused(make, words):
    with np.errstate(divide="ignore"), pytest.raises(InputError, match=words):
        make()


def test_shapes_that_do_not_fit_are_shape_errors():
    with pytest.raises(ShapeError):
        Circuit([P2, P3], [Projection("a", "b", W.T)])
    with pytest.raises(ShapeError):
        Projection("a", "b", W, W.T)


@pytest.mark.parametrize(
    ("layer", "neuron", "words"),
    [
        ("x", 0, "no layer is called 'x'; there are a, b"),
        (2, 0, "no layer 2; the last is 1"),
        (-1, 0, "layer must be a whole number"),
        (True, 0, "layer must be a whole number"),
        (1.0, 0, "layer must be a whole number"),
        ("a", 2, "'a' has 2 neurons, there is no 2"),
        ("a", -1, "neuron must be a whole number"),
        ("a", 0.5, "neuron must be a whole number"),
    ],
)
def test_a_neuron_that_is_not_there_is_named(layer, neuron, words):
    with pytest.raises(InputError, match=words):
        Circuit([P2, P3], []).neuron(layer, neuron)


# Places in maps


def test_a_neuron_of_a_map_may_be_named_by_its_place():
    layers = Conv2d(3, 2, threshold=1.0), MinPool2d(2), Dense(None, 2)
    circuit = Circuit.of(Network(*layers, shape=(5, 5, 2), t_max=9))
    assert circuit.neuron("input", (1, 2, 1)) == (0, 15)
    assert circuit.neuron("conv 1", (3, 0, 2)) == (1, 38)
    assert circuit.neuron("pool 1", [1, 1, 0]) == (2, 9)
    for name, place in (("conv 1", (4, 0, 0)), ("conv 1", (0, 0)), ("pool 1", (0, 0, -1))):
        with pytest.raises(InputError, match=f"layer '{name}'"):
            circuit.neuron(name, place)


def test_a_neuron_of_no_map_has_no_place():
    circuit = Circuit([Population("a", 3)], [])
    with pytest.raises(InputError, match="a neuron of layer 'a' must be a whole number"):
        circuit.neuron("a", (0, 0, 0))
