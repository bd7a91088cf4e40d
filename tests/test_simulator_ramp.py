"""`Simulator` with ramp responses."""

import io
import json
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse as sp
from cases import (
    FLOATS,
    MIXED,
    PAIRS,
    SEEDS,
    TIMES,
    any_times,
    any_weights,
    compiled,
    ramped,
    same_bits,
)
from cases_circuits import KINDS, given_of, tuples
from hypothesis import given, reject
from hypothesis import strategies as st
from reference import forward_ramp
from reference_ramp import Ramps, corners, course_of, potential
from test_simulator import all_times, anything, between, changes, same_state

import ttfs
from ttfs import Circuit, Network, Population, Projection, Ramp, Simulator
from ttfs.cli.console import Console
from ttfs.errors import InputError

pytestmark = pytest.mark.small
INF = np.inf
EVEN = {  # sums, and often quotients, are exact
    "weights": [-1.0, 0.0, 1.0, 1.0, 2.0, 4.0],
    "delays": [0.25, 0.5, 1.0, 2.25],
    "instants": [0.0, 0.0, 0.5, 1.0, 1.0, 2.25, 3.0, 7.0, INF],
    "rises": [INF, 0.25, 1.0, 4.0],
}
ROUGH = {
    "weights": [-0.7, -0.1, 0.0, 0.1, 0.3, 0.9, 1.0, 1 / 3, 1.7],
    "delays": [0.5, 1.0, 0.1, 1 / 3, 1e-9, 1e-20],
    "instants": [0.0, 0.0, 0.1, 1.0, 1.0, 2.25, 1 / 3, 7.0, INF],
    "rises": [INF, INF, 0.25, 1.0, 4.0, 1e-9, 0.1, 1 / 3, 3.3, 1e6],
}


@st.composite
def circuits(draw, dtype=FLOATS[-1], numbers=EVEN, there=0.5):
    """A chain of small populations, with loops, shortcuts and parallel projections."""
    sizes = draw(st.lists(st.integers(1, 5), min_size=2, max_size=4))
    rng = np.random.default_rng(draw(SEEDS))
    populations = [Population("p0", sizes[0])]
    for k, size in enumerate(sizes[1:], start=1):
        thresholds = rng.choice([0.25, 0.5, 1.0, 2.0, 3.0, INF], size)
        populations.append(Population(f"p{k}", size, thresholds))
    ends = [(k, k + 1) for k in range(len(sizes) - 1)]
    ends += draw(st.lists(st.tuples(*[st.integers(0, len(sizes) - 1)] * 2), max_size=4))
    projections = [
        any_projection(rng, pair, sizes, draw(st.sampled_from(KINDS)), numbers, there)
        for pair in ends
    ]
    t_max, rise = draw(st.sampled_from([INF, 20.0, 5.5])), draw(st.sampled_from(numbers["rises"]))
    return Circuit(populations, projections, t_max=t_max, dtype=dtype, psp=Ramp(rise))


def any_projection(rng, ends, sizes, kind, numbers, there):
    """A projection of one of the KINDS."""
    (source, target), shape = ends, (sizes[ends[0]], sizes[ends[1]])
    delays = numbers["delays"] + [0.0] * (3 if source < target else 0)
    weights = np.where(rng.random(shape) < there, rng.choice(numbers["weights"], shape), 0)
    delay = rng.choice(delays, shape) if kind.endswith("own delays") else rng.choice(delays)
    weights = sp.csr_array(weights) if kind.startswith("sparse") else weights
    return Projection(f"p{source}", f"p{target}", weights, delay)


@st.composite
def stimuli(draw, circuit, dtype=np.float64, numbers=EVEN):
    """Times for the first population, and sometimes a few for others."""
    rng = np.random.default_rng(draw(SEEDS))
    times = {}
    for k, population in enumerate(circuit.populations):
        if not k or draw(st.integers(0, 4)) == 0:
            told = rng.random(population.size) < (0.3 if k else 1)
            chosen = rng.choice(numbers["instants"], population.size)
            times[population.name] = np.where(told, chosen, INF).astype(dtype)
    return times


def drawn(data, dtype=FLOATS[-1], time_dtype=np.float64, numbers=EVEN):
    """A circuit and a stimulus for it."""
    circuit = data.draw(circuits(dtype, numbers))
    return circuit, data.draw(stimuli(circuit, time_dtype, numbers))


def finished(circuit, stimulus):
    """A simulator at its end."""
    with np.errstate(all="ignore"):
        simulator = Simulator(circuit, stimulus)
        assert simulator.run() == "end"
    return simulator


def units_of(circuit):
    """All (population, neuron)."""
    return [(k, j) for k, p in enumerate(circuit.populations) for j in range(p.size)]


def one(weights, threshold=1.0, rise=INF, **settings):
    """One neuron, with an input for each weight."""
    layer = ttfs.Dense.of(np.array(weights, float)[:, None], threshold=threshold)
    return Network(layer, **({"psp": Ramp(rise), "t_max": 20, "dtype": FLOATS[-1]} | settings))


def fires(network, times):
    """When the last layer fires."""
    return finished(network, np.array(times)).times("output").tolist()


# By hand


def test_a_potential_that_rises_meets_the_threshold_on_its_way():
    assert fires(one([1.0]), [2.0]) == [3.0]
    assert fires(one([0.5, 0.5]), [0.0, 1.0]) == [1.5]
    assert fires(one([1.0], rise=4.0), [2.0]) == [6.0]
    assert fires(one([1.0], 0.5, rise=4.0), [2.0]) == [4.0]
    assert fires(one([1.0], 1.25, rise=4.0), [2.0]) == [INF]


def test_a_later_input_hastens_delays_or_prevents():
    assert fires(one([1.0, 1.0], 4.0), [0.0, 2.0]) == [3.0]
    assert fires(one([1.0, -0.5], 4.0), [0.0, 2.0]) == [6.0]
    assert fires(one([1.0, -1.0], 4.0), [0.0, 2.0]) == [INF]
    assert fires(one([1.0, -4.0], 4.0), [0.0, 4.0]) == [4.0], "at that very moment it is too late"
    assert fires(one([1.0, -4.0], 4.0), [0.0, 3.75]) == [INF]


def test_a_crossing_that_does_not_come_does_not_move_the_clock():
    simulator = Simulator(one([1.0, -1.0], 4.0), [0.0, 2.0])
    times = [simulator.time for _ in simulator]
    assert times == [0.0, 0.0, 2.0, 2.0]
    assert simulator.peek() is None


def test_events_come_in_order_of_time_layer_and_kind():
    network = Network(
        ttfs.Dense.of([[1.0, 1.0], [1.0, 0.0]], threshold=[1.0, 0.75], delay=1.0),
        psp=Ramp(2.0),
        t_max=10,
    )
    assert tuples(Simulator(network, [0.0, 2.0])) == [
        (0.0, "spike", 0, 0, None),
        (1.0, "arrival", 1, 0, 0),
        (2.0, "spike", 0, 1, None),
        (2.5, "spike", 1, 1, None),
        (3.0, "arrival", 1, 1, 0),
        (3.0, "end", 1, 0, 0),
        (3.0, "spike", 1, 0, None),
        (5.0, "end", 1, 1, 0),
    ]


@pytest.mark.parametrize("make", [np.array, sp.csr_array])
def test_neurons_that_cross_together_fire_in_order_of_index(make):
    populations = [Population("a", 2), Population("b", 2, 4.0)]
    projection = Projection("a", "b", make([[0.0, 1.0], [2.0, 0.0]]))
    circuit = Circuit(populations, [projection], psp=Ramp())
    simulator = finished(circuit, [0.0, 2.0])
    assert simulator.spikes.neuron.tolist() == [0, 1, 0, 1]
    events = [e.neuron for e in Simulator(circuit, [0.0, 2.0]) if e.layer and e.kind == "spike"]
    assert events == [0, 1]


@pytest.mark.parametrize(("told", "order"), [([4.0, INF], [0, 1]), ([INF, 4.0], [0, 1])])
def test_a_told_neuron_takes_its_turn_among_those_that_cross(told, order):
    high = [9.0 if t < INF else 4.0 for t in told]  # of the one that is told, out of reach
    network = Network(ttfs.Dense.of([[1.0, 1.0]], threshold=high), psp=Ramp(), t_max=9)
    events = [e for e in Simulator(network, {0: [0.0], 1: told}) if e.layer and e.kind == "spike"]
    assert [(e.time, e.neuron) for e in events] == [(4.0, j) for j in order]


# Against forward


def check_record(network, times):
    """The simulator gives what forward gives, sample by sample, to the last bit."""
    with np.errstate(all="ignore"):
        record = ttfs.forward(network, times)
        for s, row in enumerate(times):
            simulator = finished(network, row)
            for k, layer in enumerate(record.times[1:], start=1):
                assert same_bits(simulator.times(k), layer[s])
            assert same_bits(simulator.potential("output"), record.potential[s])


@pytest.mark.parametrize("rise", [INF, 0.7])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("size", [1, 15, 16, 17, 63, 64, 65, 80, 128, 130])
def test_layers_of_every_width_give_what_forward_gives(size, dtype, rise):
    rng = np.random.default_rng(size)
    weights = [any_weights(rng, "near", shape, dtype) for shape in [(40, size), (size, size)]]
    layers = [ttfs.Dense.of(w, threshold=np.abs(w).max() / 2, delay=0.1) for w in weights]
    network = Network(*layers, t_max=100, dtype=dtype, psp=Ramp(rise))
    check_record(network, np.array([any_times(rng, k, 40, 100) for k in ("uniform", "ties")]))


def test_binary_layers_give_what_forward_gives():
    layers = [
        ttfs.Dense(50, 20, weights=ttfs.Binary(scale=0.3), threshold=2, delay=1),
        ttfs.Dense(20, 4, weights=ttfs.Binary(scale=0.3), threshold=[1, 2, 3, 4], delay=1),
    ]
    network = Network(*layers, t_max=20, seed=1, psp=Ramp(2.5))
    times = np.random.default_rng(1).integers(0, 22, (4, 50)).astype(float)
    check_record(network, times)
    assert np.isfinite(ttfs.forward(network, times).times[-1]).any()


@pytest.mark.long
def test_ten_thousand_random_networks_give_what_forward_gives_in_every_bit():
    for seed in range(10_000):
        rng = np.random.default_rng(seed)
        network, row = anything(rng)
        try:
            network = ramped(network, float(rng.choice(ROUGH["rises"])))
        except InputError:  # a threshold that is too large or too small for its ramps
            continue
        with np.errstate(all="ignore"):
            record = ttfs.forward(network, row[None])
        simulator = finished(network, row)
        found = [simulator.times(k) for k in range(1, len(network.sizes))]
        if not all(same_bits(a, b[0]) for a, b in zip(found, record.times[1:], strict=True)):
            # where sums overflow, forward makes a spike of inf - inf
            defined = forward_ramp(network, row[None])
            assert all(same_bits(a, b[0]) for a, b in zip(found, defined.times[1:], strict=True))


# Against the definition


@pytest.mark.parametrize(("dtype", "time_dtype"), PAIRS)
@given(data=st.data())
def test_all_events_and_potentials_are_those_of_the_definition_in_every_bit(
    dtype, time_dtype, data
):
    circuit, stimulus = drawn(data, dtype, time_dtype, ROUGH)
    twin, simulator = Ramps(circuit, given_of(stimulus), time_dtype), Simulator(circuit, stimulus)
    for event in twin.events():
        assert tuples([simulator.step()]) == [event]
        assert simulator.time == event[0]
        for k, population in enumerate(circuit.populations):
            wanted = [twin.potential((k, j), simulator.time) for j in range(population.size)]
            assert same_bits(simulator.potential(k), np.array(wanted, dtype))
    assert simulator.step() is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "size", [15, 16, 17, *(pytest.param(n, marks=compiled) for n in (63, 64, 65, 130))]
)
def test_populations_of_every_width_are_those_of_the_definition(size, kind):
    rng = np.random.default_rng(size)
    sizes = [9, min(size, 65), size]  # the twin is slow
    populations = [Population(f"p{k}", n, rng.uniform(0.5, 9, n)) for k, n in enumerate(sizes)]
    ends = [(0, 1), (1, 1), (1, 2), (0, 2), (2, 1)]
    projections = [any_projection(rng, pair, sizes, kind, ROUGH, 0.5) for pair in ends]
    circuit = Circuit(populations, projections, psp=Ramp(1.5), t_max=9)
    stimulus = {"p0": rng.choice(ROUGH["instants"], 9), "p2": rng.choice([INF, 3.0], size)}
    events = tuples(Simulator(circuit, stimulus))
    assert events == list(Ramps(circuit, given_of(stimulus), np.float64).events())
    assert sum(event[1] == "spike" for event in events) > size


def simple(time):
    """Whether a number is exact in floating point, and so is a little arithmetic with it."""
    return time == INF or (time.denominator < 2**12 and 2**12 % time.denominator == 0)


def exact(data):
    """A circuit, a stimulus and its Course, in which all times are simple."""
    circuit, stimulus = drawn(data)
    course = course_of(circuit, given_of(stimulus))
    if not all(map(simple, course.spikes.values())):
        reject()
    return circuit, stimulus, course


@given(data=st.data())
def test_circuits_equal_exact_arithmetic(data):
    circuit, stimulus, course = exact(data)
    simulator = finished(circuit, stimulus)
    for k, j in units_of(circuit):
        assert simulator.times(k)[j] == float(course.spikes.get((k, j), INF))
        time = course.spikes.get((k, j), Fraction(simulator.time))
        value = potential(course.arrivals[k, j], time, circuit.psp.rise)
        assert simulator.potential(k)[j] == float(value)


# Laws


@given(data=st.data())
def test_no_neuron_fires_twice_and_events_are_in_order(data):
    simulator = Simulator(*drawn(data, numbers=ROUGH))
    order = {"arrival": 0, "end": 1, "spike": 2}
    keys = [(e.time, e.layer, order[e.kind], e.neuron) for e in simulator]
    # what arrives at one time only by rounding comes as it was sent
    keys = [key if key[2] == 2 else (*key[:3], 0) for key in keys]
    assert keys == sorted(keys)
    fired = [(key[1], key[3]) for key in keys if key[2] == 2]
    assert len(fired) == len(set(fired))


@given(data=st.data())
def test_every_spike_is_told_or_comes_after_a_cause(data):
    circuit, stimulus = drawn(data, numbers=ROUGH)
    told, simulator = given_of(stimulus), finished(circuit, stimulus)
    for time, layer, neuron in zip(*vars(simulator.spikes).values(), strict=True):
        why = simulator.explain(int(layer), int(neuron))
        assert told.get((layer, neuron)) == time or (why.margin == 0 and why.inputs)
        assert all(i.spiked <= i.time <= time for i in why.inputs)


@given(data=st.data())
def test_an_input_after_everything_changes_nothing_before(data):
    circuit, stimulus = drawn(data)
    events = list(Simulator(circuit, stimulus))
    end = max((e.time for e in events), default=0.0) + 1
    late = {name: np.where(np.isinf(t), end, t) for name, t in stimulus.items()}
    assert [e for e in Simulator(circuit, late) if e.time < end] == events


@pytest.mark.parametrize("power", [-20, 3])
@given(data=st.data())
def test_weights_and_thresholds_times_a_power_of_two_change_nothing(power, data):
    circuit, stimulus = drawn(data, numbers=ROUGH)
    factor = 2.0**power
    scaled = Circuit(
        [Population(p.name, p.size, p.threshold * factor) for p in arrays_of(circuit)],
        [Projection(p.source, p.target, p.weights * factor, p.delay) for p in circuit.projections],
        t_max=circuit.t_max,
        dtype=circuit.dtype,
        psp=circuit.psp,
    )
    before, after = Simulator(circuit, stimulus), Simulator(scaled, stimulus)
    assert list(before) == list(after)
    for k in range(len(circuit.populations)):
        assert same_bits(after.potential(k), before.potential(k) * factor)


def arrays_of(circuit):
    """The populations, their thresholds as arrays."""
    return [Population(p.name, p.size, np.asarray(p.threshold)) for p in circuit.populations]


@given(data=st.data(), power=st.sampled_from([-3, 20]))
def test_all_times_times_a_power_of_two_are_that_and_nothing_else(data, power):
    circuit, stimulus = drawn(data, numbers=ROUGH)
    factor = 2.0**power
    high = factor if circuit.psp.rise == INF else 1.0  # a rise without end has no height
    slow = Circuit(
        [Population(p.name, p.size, p.threshold * high) for p in arrays_of(circuit)],
        [Projection(p.source, p.target, p.weights, p.delay * factor) for p in circuit.projections],
        t_max=circuit.t_max * factor,
        dtype=circuit.dtype,
        psp=Ramp(circuit.psp.rise * factor),
    )
    times = {name: t * factor for name, t in stimulus.items()}
    before, after = tuples(Simulator(circuit, stimulus)), tuples(Simulator(slow, times))
    assert after == [(time * factor, *rest) for time, *rest in before]


@given(data=st.data())
def test_a_rise_beyond_the_horizon_is_one_without_end(data):
    circuit, stimulus = drawn(data, numbers=ROUGH)
    found = []
    for rise, high in ((64.0, 1.0), (INF, 64.0)):
        populations = [Population(p.name, p.size, p.threshold * high) for p in arrays_of(circuit)]
        psp = {"t_max": 20.0, "psp": Ramp(rise)}
        found.append(list(Simulator(Circuit(populations, circuit.projections, **psp), stimulus)))
    assert found[0] == found[1]


@given(data=st.data())
def test_a_neuron_without_weights_changes_nothing(data):
    circuit, stimulus = drawn(data, numbers=ROUGH)
    last = Population("more", 3, 0.5)
    zeros = [Projection(p.name, "more", np.zeros((p.size, 3)), 1e-3) for p in circuit.populations]
    larger = Circuit(
        [*circuit.populations, last],
        [*circuit.projections, *zeros],
        t_max=circuit.t_max,
        dtype=circuit.dtype,
        psp=circuit.psp,
    )
    there = len(circuit.populations)
    events = [event for event in Simulator(larger, stimulus) if event.layer < there]
    assert events == list(Simulator(circuit, stimulus))


# step is the truth, run is step in a loop


@given(data=st.data())
def test_run_is_step_in_a_loop(data):
    circuit, stimulus = drawn(data, numbers=ROUGH)
    stepped = Simulator(circuit, stimulus)
    while stepped.step() is not None:
        pass
    assert same_state(stepped, finished(circuit, stimulus))


@given(data=st.data(), stops=st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.2, 3.0, 9.0])))
def test_runs_in_pieces_are_one_run(data, stops):
    circuit, stimulus = drawn(data, numbers=ROUGH)
    simulator = Simulator(circuit, stimulus)
    for stop in stops:
        reason, following = simulator.run(until=stop), simulator.peek()
        assert reason == ("until" if following else "end")
        assert following is None or following.time > stop
        assert simulator.time <= max([0.0, *stops])
    simulator.run()
    assert same_state(simulator, finished(circuit, stimulus))


@given(data=st.data())
def test_peek_foretells_step_and_changes_nothing(data):
    circuit, stimulus = drawn(data, numbers=ROUGH)
    simulator = Simulator(circuit, stimulus)
    foretold = None
    while (event := simulator.peek()) is not None:
        state = simulator.snapshot().state
        assert simulator.peek() == event
        assert all(same_bits(a, b) for a, b in zip(state, simulator.snapshot().state, strict=True))
        foretold = simulator.step()
        assert foretold == event
    assert simulator.step() is None


@given(data=st.data())
def test_after_a_snapshot_or_a_reset_the_same_happens_again(data):
    simulator = Simulator(*drawn(data, numbers=ROUGH))
    events = [simulator.step() for _ in range(data.draw(st.integers(0, 20)))]
    snapshot = simulator.snapshot()
    rest = list(simulator)
    for _ in range(2):
        simulator.restore(snapshot)
        assert list(simulator) == rest
    simulator.reset()
    assert list(simulator) == [e for e in [*events, *rest] if e]


@given(data=st.data())
def test_a_reset_simulator_is_a_fresh_one(data):
    circuit, stimulus = drawn(data, np.float32, numbers=ROUGH)
    other = data.draw(stimuli(circuit, data.draw(st.sampled_from(TIMES)), ROUGH))
    simulator = Simulator(circuit, stimulus)
    simulator.run(until=data.draw(st.sampled_from([0.0, 0.5, 2.0, INF])))
    simulator.reset(other)
    fresh = Simulator(circuit, other)
    assert tuples(simulator) == tuples(fresh)
    for k in range(len(circuit.populations)):
        assert same_bits(simulator.times(k), fresh.times(k))
        assert same_bits(simulator.potential(k), fresh.potential(k))


def test_a_snapshot_between_events_brings_the_potential_back():
    simulator = Simulator(one([1.0], 100.0), [2.0])
    simulator.run(until=7.0)
    snapshot = simulator.snapshot()
    simulator.run()
    simulator.restore(snapshot)
    assert simulator.time == 7.0
    assert simulator.potential("output").tolist() == [5.0]


def test_at_the_end_of_a_run_it_is_as_late_as_can_be():
    simulator = Simulator(one([1.0], 100.0), [2.0])
    assert (simulator.run(until=1.0), simulator.time) == ("until", 1.0)
    assert (simulator.run(until=7.0), simulator.time) == ("end", 7.0)
    assert simulator.potential("output").tolist() == [5.0]
    assert (simulator.run(), simulator.time) == ("end", 20.0)
    assert simulator.potential("output").tolist() == [18.0]
    endless = Circuit([Population("a", 1)], [], psp=Ramp())
    assert finished(endless, [3.0]).time == 3.0


# Where a run stops


def stopped(breaks, circuit, stimulus):
    """Every (reason, time, events) at which a run with the given break stops."""
    simulator = Simulator(circuit, stimulus)
    simulator.break_on(**breaks)
    found = []
    while (reason := simulator.run()) != "end":
        found.append((reason, simulator.time, simulator.events))
    return found


@given(data=st.data())
def test_a_break_on_a_potential_stops_at_the_first_event_after_it_has_passed(data):
    circuit, stimulus = drawn(data, numbers=ROUGH)
    layer, neuron = data.draw(st.sampled_from(units_of(circuit)))
    value = data.draw(st.sampled_from([-1.0, 0.0, 0.2, 0.5, 2.0]))
    simulator, above, places = Simulator(circuit, stimulus), value <= 0, []
    while (event := simulator.step()) is not None:
        now = simulator.potential(layer)[neuron] >= value
        if now != above:
            places.append(("potential", event.time, simulator.events))
        above = now
    breaks = {"layer": layer, "neuron": neuron, "potential": value}
    assert stopped(breaks, circuit, stimulus) == places


def test_a_potential_passes_with_its_own_spike_and_with_those_of_others():
    network = one([1.0, 1.0], 8.0)
    assert stopped({"layer": 1, "neuron": 0, "potential": 3.0}, network, [0.0, 4.0]) == [
        ("potential", 4.0, 3)
    ]
    assert stopped({"layer": 1, "neuron": 0, "potential": 3.0}, network, [0.0, INF]) == [
        ("potential", 8.0, 3)
    ]


@given(data=st.data())
def test_a_break_on_a_layer_stops_at_each_of_its_spikes(data):
    circuit, stimulus = drawn(data, numbers=ROUGH)
    layer = data.draw(st.integers(0, len(circuit.populations) - 1))
    places = [
        ("spike", e.time, n)
        for n, e in enumerate(Simulator(circuit, stimulus), start=1)
        if e.kind == "spike" and e.layer == layer
    ]
    assert stopped({"layer": layer}, circuit, stimulus) == places


# Questions


@given(data=st.data())
def test_an_explanation_has_the_inputs_and_the_line_they_make(data):
    circuit, stimulus, course = exact(data)
    simulator, rise = finished(circuit, stimulus), circuit.psp.rise
    for k, j in units_of(circuit):
        why, came = simulator.explain(k, j), course.arrivals[k, j]
        until = course.spikes.get((k, j), INF)
        assert [i.time for i in why.inputs] == sorted(i.time for i in why.inputs)
        found = sorted((i.time, i.weight) for i in why.inputs)
        assert found == sorted((float(a), w) for a, w in came if a <= until)
        for i in why.inputs:
            assert i.potential == float(potential(came, i.time, rise))
        assert why.time == float(until)
        if why.inputs and until == INF:
            bends = [t for t in corners(came, rise) if t < circuit.t_max]
            values = [potential(came, t, rise) for t in [*bends, simulator.time]]
            if why.threshold < INF:
                assert why.margin + why.threshold == float(max(values))
            assert potential(came, why.closest, rise) == max(values)


@given(data=st.data())
def test_a_trace_is_the_potential_exactly(data):
    circuit, stimulus, course = exact(data)
    simulator, rise = Simulator(circuit, stimulus), circuit.psp.rise
    simulator.run(until=data.draw(st.sampled_from([0.5, 2.0, 6.0, INF])))
    for k, j in units_of(circuit):
        (trace,) = simulator.trace(k, j)
        spike = float(simulator.times(k)[j])
        assert (trace.spike, trace.times[0]) == (spike, 0.0)
        assert trace.times[-1] == min(spike, simulator.time)
        came, last = course.arrivals[k, j], trace.times[-1]
        assert set(trace.times) == {0.0, last} | {
            float(t) for t in corners(came, rise) if t <= last and t < circuit.t_max
        }
        for time, value in zip(trace.times, trace.potential, strict=True):
            assert value == float(potential(came, time, rise))
        assert trace.potential[-1] == simulator.potential(k)[j]


@pytest.mark.parametrize(("dtype", "time_dtype"), MIXED)
@given(data=st.data())
def test_what_is_explained_is_what_the_definition_has_in_every_bit(dtype, time_dtype, data):
    circuit, stimulus = drawn(data, dtype, time_dtype, ROUGH)
    twin, simulator = Ramps(circuit, given_of(stimulus), time_dtype), Simulator(circuit, stimulus)
    for _ in zip(range(data.draw(st.integers(0, 60))), twin.events(), strict=False):
        event = simulator.step()
        assert event is not None
        for j in range(circuit.populations[event.layer].size):
            inputs = simulator.explain(event.layer, j).inputs
            if inputs and inputs[-1].time == event.time and event.kind == "arrival":
                last = twin.potential((event.layer, j), event.time)
                assert same_bits(dtype(inputs[-1].potential), last)


def test_an_explanation_reads_as_a_table():
    network = one([0.5, 0.25], threshold=0.4375, rise=4.0, unit="ms")
    simulator = finished(network, [0.0, 2.0])
    assert (
        str(simulator.explain("output", 0))
        == """\
output 0 fired at 3 ms, reaching its threshold 0.4375
   arrives             from   fired at     weight potential
         0          input 0          0       +0.5 0
         2          input 1          2      +0.25 0.25"""
    )
    simulator.reset([INF, 0.0])
    simulator.run()
    assert str(simulator.explain("output", 0)).startswith(
        "output 0 has not fired; closest at 4 ms, 0.1875 below its threshold 0.4375\n"
    )
    simulator.reset([INF, INF])
    assert str(simulator.explain("output", 0)) == "output 0 has not fired; nothing has reached it"


@given(data=st.data())
def test_another_input_makes_the_difference_of_two_runs(data):
    circuit, stimulus = drawn(data)
    layer, neuron = data.draw(st.sampled_from(units_of(circuit)))
    time = data.draw(st.sampled_from([0.0, 0.5, 1.25, 4.0, INF]))
    simulator, told = Simulator(circuit, stimulus), given_of(stimulus)
    found = simulator.what_if(times={(layer, neuron): time})
    other = circuit
    if told.get((layer, neuron), INF) == INF:
        populations = arrays_of(circuit)
        high = np.broadcast_to(populations[layer].threshold, populations[layer].size).copy()
        high[neuron] = INF
        populations[layer] = Population(f"p{layer}", len(high), high)
        settings = {"t_max": circuit.t_max, "dtype": circuit.dtype, "psp": circuit.psp}
        other = Circuit(populations, circuit.projections, **settings)
    before = spikes_of(circuit, told)
    after = spikes_of(other, told | {(layer, neuron): time})
    assert changes(found) == between(before, after)


def spikes_of(circuit, told):
    """(population, neuron) -> spike time or inf, by definition."""
    twin = Ramps(circuit, told, np.float64)
    list(twin.events())
    return all_times(twin, circuit)


def test_another_weight_or_threshold_makes_the_difference_of_two_runs():
    simulator = Simulator(one([1.0, 1.0], 4.0, rise=4.0), [0.0, 2.0])
    assert str(simulator.what_if(thresholds={(1, 0): 1.5})) == "output 0: appears at 4"
    assert str(simulator.what_if(weights={(0, 0, 1, 0): 4.0})) == "output 0: appears at 3.6"


def test_the_console_tells_of_ends():
    simulator = Simulator(one([1.0], rise=4.0), [0.0])
    out = io.StringIO()
    console = Console(simulator, out)
    for command in ["", "", "c", "e output 0"]:
        console.obey(command)
    lines = out.getvalue().splitlines()
    assert lines[:3] == [
        "         0  input 0 fires",
        "         0  input 0 reaches output",
        "         4  output 0 fires",
    ]
    simulator.reset()
    simulator.run(until=3.0)
    events = io.StringIO()
    Console(simulator, out, events=events).obey("")
    last = json.loads(events.getvalue().splitlines()[-1])
    assert last == {"time": 4, "kind": "end", "layer": "output", "neuron": 0, "source": "input"}
    simulator.reset()
    simulator.run(until=3.0)
    Console(simulator, out).obey("")
    assert out.getvalue().endswith("         4  input 0 stops rising in output\n")


# What cannot be meant


def test_a_circuit_says_that_it_has_ramps():
    circuit = Circuit([Population("a", 1)], [], psp=Ramp(2.0))
    assert repr(circuit) == "Circuit(a 1; ; Ramp(rise=2.0))"
    wanted = r"psp=\.\.\..*Step\(\), Ramp\(rise\) or Windows\(steps\), got 'ramp'"
    with pytest.raises(InputError, match=wanted):
        Circuit([Population("a", 1)], [], psp="ramp")


@pytest.mark.parametrize(
    ("threshold", "rise", "words"),
    [(1e30, 1e20, r"1e\+30 times the rise 1e\+20 is inf"), (1e-30, 1e-30, "1e-30 .* is 0")],
)
def test_a_threshold_must_fit_with_its_rise(threshold, rise, words):
    with pytest.raises(InputError, match=f"population 'a': threshold must fit float32.*{words}"):
        Circuit([Population("a", 1, threshold)], [], psp=Ramp(rise))


def test_an_endless_threshold_is_not_reached():
    weights = np.full((3, 20), float(np.finfo(np.float32).max))
    for kind in (weights, sp.csr_array(weights)):
        populations = [Population("a", 3), Population("b", 20)]
        circuit = Circuit(populations, [Projection("a", "b", kind)], psp=Ramp(), t_max=9)
        assert finished(circuit, [1.0, 2.0, 2.0]).times("b").tolist() == [INF] * 20
