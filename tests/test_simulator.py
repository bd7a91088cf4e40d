import copy

import numpy as np
import pytest
import scipy.sparse as sp
from cases import (
    FLOATS,
    MIXED,
    QUARTERS,
    TIMES,
    any_times,
    any_weights,
    dyadic_networks,
    dyadic_times,
    same_bits,
    times_for,
)
from cases_circuits import circuits, finished, given_of, stimuli, tuples
from hypothesis import given
from hypothesis import strategies as st
from reference import course_of, forward_exact

import ttfs
from ttfs import Circuit, Network, Population, Projection, Simulator
from ttfs.errors import InputError, ShapeError
from ttfs.kernels import queue

pytestmark = pytest.mark.small
INF = np.inf
EDGES = [1, 15, 16, 17, 63, 64, 65, 80, 128, 130]


def simulated(network, row):
    """Spike times per layer above the input, and the last potentials, of one stimulus."""
    with np.errstate(all="ignore"):
        simulator = finished(network, row)
    layers = range(1, len(network.sizes))
    return [simulator.times(k) for k in layers], simulator.potential(layers[-1])


def check_record(network, times, record):
    """The simulator gives the same, sample by sample, to the last bit."""
    for s, row in enumerate(times):
        spikes, potential = simulated(network, row)
        for k, layer in enumerate(spikes, start=1):
            assert same_bits(layer, record.times[k][s])
        assert same_bits(potential, record.potential[s])


def forward(network, times):
    with np.errstate(all="ignore"):
        return ttfs.forward(network, times)


# Two ways to run, one truth


@pytest.mark.parametrize(("dtype", "time_dtype"), MIXED)
@given(data=st.data())
def test_random_networks_equal_exact_arithmetic(dtype, time_dtype, data):
    network = data.draw(dyadic_networks(dtype))
    times = data.draw(dyadic_times(network, time_dtype, most_samples=2))
    check_record(network, times, forward_exact(network, times))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("size", EDGES)
def test_layers_of_every_width_give_what_forward_gives(size, dtype):
    rng = np.random.default_rng(size)
    weights = [any_weights(rng, "near", shape, dtype) for shape in [(40, size), (size, size)]]
    layers = [ttfs.Dense.of(w, threshold=np.abs(w).max() / 2, delay=0.1) for w in weights]
    network = Network(*layers, t_max=100, dtype=dtype)
    times = np.array([any_times(rng, kind, 40, 100) for kind in ("uniform", "ties")])
    check_record(network, times, forward(network, times))


@pytest.mark.parametrize("scale", [1.0, 0.25, 0.1])
@pytest.mark.parametrize("size", [3, 64, 65])
def test_binary_layers_give_what_forward_gives(size, scale):
    layers = [
        ttfs.Dense(50, size, weights=ttfs.Binary(scale=scale), threshold=2, delay=1),
        ttfs.Dense(size, 4, weights=ttfs.Binary(scale=scale), threshold=[1, 2, 3, 4], delay=1),
    ]
    network = Network(*layers, t_max=20, seed=size)
    times = np.random.default_rng(size).integers(0, 22, (4, 50)).astype(float)
    check_record(network, times, forward(network, times))


@pytest.mark.long
def test_ten_thousand_random_networks_give_what_forward_gives_in_every_bit():
    for seed in range(10_000):
        rng = np.random.default_rng(seed)
        network, row = anything(rng)
        check_record(network, row[None], forward(network, row[None]))


def anything(rng):
    """A network and a stimulus, each of any kind."""
    dtype = rng.choice(FLOATS)
    sizes = rng.choice([*range(1, 10), 15, 16, 17, 33, 64, 65, 130], rng.integers(2, 5))
    kinds = ["normal", "near", "huge", "tiny", "all sizes"]
    layers = []
    for below, size in zip(sizes[:-1], sizes[1:], strict=True):
        weights = any_weights(rng, rng.choice(kinds), (below, size), dtype)
        weights[rng.random(weights.shape) < rng.choice([0, 0.5])] = 0
        least = float(np.finfo(dtype).smallest_subnormal)
        threshold = max(float(np.abs(weights).max()) * rng.choice([1e-3, 0.3, 0.9]), least)
        layers.append(
            ttfs.Dense.of(weights, threshold=threshold, delay=rng.choice([0, 0.1, 1, 1e-9]))
        )
    if rng.random() < 0.3:
        binary = ttfs.Binary(scale=rng.choice([0.3, 1.0]))
        layers[0] = ttfs.Dense(*map(int, sizes[:2]), weights=binary, threshold=rng.integers(1, 5))
    network = Network(*layers, t_max=rng.choice([1.0, 10.1, 256.0]), dtype=dtype, seed=0)
    kind = rng.choice(["uniform", "ties", "late", "all sizes", "neighbours"])
    times = any_times(rng, kind, sizes[0], network.t_max)
    return network, times.astype(rng.choice(times_for(dtype)))


# Laws


def drawn(data, **settings):
    """A circuit and a stimulus for it."""
    circuit = data.draw(circuits(**settings))
    return circuit, data.draw(stimuli(circuit))


def rebuilt(circuit, population=lambda p: p, projection=lambda p: p, t_max=None, psp=None):
    """The circuit with its parts changed."""
    return Circuit(
        [population(p) for p in circuit.populations],
        [projection(p) for p in circuit.projections],
        t_max=circuit.t_max if t_max is None else t_max,
        dtype=circuit.dtype,
        psp=psp,
    )


def spikes_of(simulator):
    """All spike times, population by population."""
    return np.concatenate([simulator.times(k) for k in range(len(simulator.circuit.populations))])


def potentials_of(simulator):
    return np.concatenate(
        [simulator.potential(k) for k in range(len(simulator.circuit.populations))]
    )


@given(data=st.data())
def test_later_inputs_make_all_spikes_as_much_later(data):
    circuit, stimulus = drawn(data)
    later = {name: times + 2.5 for name, times in stimulus.items()}
    before = finished(circuit, stimulus)
    after = finished(rebuilt(circuit, t_max=circuit.t_max + 2.5), later)
    assert (spikes_of(after) == spikes_of(before) + 2.5).all()
    assert (potentials_of(after) == potentials_of(before)).all()


@given(data=st.data())
def test_neurons_in_another_order_fire_in_that_order(data):
    circuit, stimulus = drawn(data)
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    order = {p.name: rng.permutation(p.size) for p in circuit.populations}

    def projection(p):
        mixed = np.ix_(order[p.source], order[p.target])
        weights, delay = (m.toarray() if hasattr(m, "toarray") else m for m in (p.weights, p.delay))
        delay = np.broadcast_to(delay, weights.shape)[mixed]
        return Projection(p.source, p.target, weights[mixed], delay + 1)

    def same_order(p):
        weights, delay = (m.toarray() if hasattr(m, "toarray") else m for m in (p.weights, p.delay))
        return Projection(p.source, p.target, weights, np.broadcast_to(delay, weights.shape) + 1)

    def population(p):
        return Population(p.name, p.size, np.asarray(p.threshold)[order[p.name]])

    before = finished(rebuilt(circuit, projection=same_order), stimulus)
    after = finished(
        rebuilt(circuit, population, projection),
        {name: times[order[name]] for name, times in stimulus.items()},
    )
    for name, new in order.items():
        assert after.times(name).tolist() == before.times(name)[new].tolist()
        assert after.potential(name).tolist() == before.potential(name)[new].tolist()


@pytest.mark.parametrize("power", [-20, 3, 20])
@given(data=st.data())
def test_weights_and_thresholds_times_a_power_of_two_change_nothing(power, data):
    circuit, stimulus = drawn(data)
    factor = 2.0**power
    scaled = rebuilt(
        circuit,
        lambda p: Population(p.name, p.size, np.asarray(p.threshold) * factor),
        lambda p: Projection(p.source, p.target, p.weights * factor, p.delay),
    )
    before, after = Simulator(circuit, stimulus), Simulator(scaled, stimulus)
    assert list(before) == list(after)
    assert (potentials_of(after) == potentials_of(before) * factor).all()


@given(data=st.data())
def test_an_input_after_everything_changes_nothing_before(data):
    circuit, stimulus = drawn(data)
    events = list(Simulator(circuit, stimulus))
    end = max((e.time for e in events), default=0.0) + 1
    late = {name: np.where(np.isinf(t), end, t) for name, t in stimulus.items()}
    again = [e for e in Simulator(circuit, late) if e.time < end]
    assert again == events


@given(data=st.data())
def test_every_spike_is_told_or_has_its_cause_at_that_instant(data):
    circuit, stimulus = drawn(data)
    told = given_of(stimulus)
    simulator = finished(circuit, stimulus)
    for time, layer, neuron in zip(*vars(simulator.spikes).values(), strict=True):
        why = simulator.explain(int(layer), int(neuron))
        assert told.get((layer, neuron)) == time or why.inputs[-1].time == time
        assert all(i.spiked <= i.time <= time for i in why.inputs)


@given(data=st.data())
def test_no_neuron_fires_twice_and_time_never_goes_back(data):
    circuit, stimulus = drawn(data)
    simulator = Simulator(circuit, stimulus)
    keys, fired = [], []
    for event in simulator:
        assert simulator.time == event.time
        keys.append((event.time, event.layer, event.kind == "spike", event.neuron))
        fired += [(event.layer, event.neuron)] if event.kind == "spike" else []
    assert keys == sorted(keys)
    assert len(fired) == len(set(fired))


# step is the truth, run is step in a loop


SCRATCH = {"bins", "counters", "firing", "heap", "heap_time", "listed", "places", "words"}


def same_state(a, b):
    """Whether two simulators agree in all that has happened and will happen."""
    (arrays, lists), (others, other_lists) = living(a), living(b)
    return lists == other_lists and all(map(same_bits, arrays, others))


def living(simulator):
    """The arrays of a state without scratch, and lists without what is beyond their ends."""
    state = simulator.snapshot().state
    counters, keys = state.counters.tolist(), state.heap.tolist()
    line = [counters[queue.LAYER]]
    if not simulator.plan.rise:
        waiting = state.firing[counters[queue.NEXT] : counters[queue.FIRING]].tolist()
        line = line + waiting if waiting else []
    times = state.heap_time[: counters[queue.HEAP]].tolist()
    lists = [
        sorted(zip(times, keys, strict=False)),
        line,
        state.listed[: counters[queue.LISTED]].tolist(),
        [counters[k] for k in (queue.ROWED, queue.ADDED, queue.STIMULUS)],
        counters[queue.STIMULI : queue.RESTING + 1],
    ]
    return [array for name, array in state._asdict().items() if name not in SCRATCH], lists


@given(data=st.data())
def test_run_is_step_in_a_loop(data):
    circuit, stimulus = drawn(data)
    stepped = Simulator(circuit, stimulus)
    while stepped.step() is not None:
        pass
    assert same_state(stepped, finished(circuit, stimulus))


@pytest.mark.parametrize(("dtype", "time_dtype"), MIXED)
@given(data=st.data())
def test_steps_and_runs_of_a_network_take_turns(dtype, time_dtype, data):
    network = data.draw(dyadic_networks(dtype))
    row = data.draw(dyadic_times(network, time_dtype, most_samples=1).filter(len))[0]
    simulator, stepped = Simulator(network, row), Simulator(network, row)
    for _ in range(data.draw(st.integers(0, 6))):
        for _ in range(data.draw(st.integers(0, 9))):
            assert simulator.step() == stepped.step()
        until = simulator.time + data.draw(st.sampled_from([-1.0, 0.0, 0.25, 1.0, 2.5]))
        simulator.run(until=until)
        while (following := stepped.peek()) is not None and following.time <= until:
            stepped.step()
        assert simulator.peek() == stepped.peek()
        assert same_state(simulator, stepped)
    assert list(simulator) == list(stepped)


@pytest.mark.parametrize("sizes", [(9, 130, 1), (9, 64, 65), (9, 1, 17), (65, 16, 15)])
@pytest.mark.parametrize(("dtype", "time_dtype"), MIXED)
def test_a_network_of_any_width_ends_as_after_steps(sizes, dtype, time_dtype):
    rng = np.random.default_rng(sum(sizes))
    for delay in (0.0, 0.1):
        layers = []
        for ends in zip(sizes[:-1], sizes[1:], strict=True):
            threshold = rng.choice([0.4, 1.3, 1e30], ends[1])
            weights = rng.normal(0.2, 1, ends)
            layers.append(ttfs.Dense.of(weights, threshold=threshold, delay=delay))
        network = Network(*layers, t_max=4, dtype=dtype)
        stepped = Simulator(network, rng.integers(0, 9, sizes[0]).astype(time_dtype) / 2)
        simulator = copy.copy(stepped)
        assert len(list(stepped)) > sizes[0] // 2
        assert simulator.run() == "end"
        assert same_state(simulator, stepped)


def test_endless_potentials_do_not_reach_endless_limits_in_a_network():
    layer = ttfs.Dense.of(np.full((3, 2), 3e38), threshold=[1.0, 2.0])
    network = Network(layer, ttfs.Dense.of(np.full((2, 1), 3e38), threshold=1), t_max=9)
    stepped = Simulator(network, np.array([1.0, 2.0, 3.0]))
    simulator = copy.copy(stepped)
    with np.errstate(all="ignore"):
        assert [e.layer for e in stepped if e.kind == "spike"] == [0, 1, 1, 2, 0, 0]
        simulator.run()
    assert same_state(simulator, stepped)


@given(data=st.data(), stops=st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.25, 3.0, 3.75, 9.0])))
def test_runs_in_pieces_are_one_run(data, stops):
    circuit, stimulus = drawn(data)
    simulator, latest = Simulator(circuit, stimulus), 0.0
    for stop in stops:
        reason = simulator.run(until=stop)
        following, latest = simulator.peek(), max(latest, stop)
        if reason == "until":
            assert following.time > stop
            assert simulator.time == latest
        else:
            assert (reason, following) == ("end", None)
            assert simulator.time <= latest
    simulator.run()
    assert same_state(simulator, finished(circuit, stimulus))


@given(data=st.data())
def test_until_a_time_are_all_events_until_then(data):
    circuit, stimulus = drawn(data)
    events = list(Simulator(circuit, stimulus))
    for until in (0.0, 1.0, 2.5, 3.75):
        simulator = Simulator(circuit, stimulus)
        simulator.run(until=until)
        assert simulator.events == sum(e.time <= until for e in events)


@given(data=st.data())
def test_peek_foretells_step_and_changes_nothing(data):
    circuit, stimulus = drawn(data)
    simulator, other = Simulator(circuit, stimulus), Simulator(circuit, stimulus)
    while True:
        before = (simulator.events, simulator.time, spikes_of(simulator).tolist())
        foretold = simulator.peek()
        assert simulator.peek() == foretold
        assert (simulator.events, simulator.time, spikes_of(simulator).tolist()) == before
        assert simulator.step() == foretold == other.step()
        if foretold is None:
            break
    assert same_state(simulator, other)


@given(data=st.data())
def test_after_a_snapshot_the_same_happens_again(data):
    circuit, stimulus = drawn(data)
    simulator = Simulator(circuit, stimulus)
    events = [simulator.step() for _ in range(data.draw(st.integers(0, 12)))]
    snapshot = simulator.snapshot()
    rest = list(simulator)
    for _ in range(2):
        simulator.restore(snapshot)
        assert list(simulator) == rest
    simulator.reset()
    assert list(simulator) == [e for e in [*events, *rest] if e]


@given(data=st.data())
def test_a_reset_simulator_is_a_fresh_one(data):
    circuit, stimulus = drawn(data)
    dtype = data.draw(st.sampled_from(TIMES))
    other = data.draw(stimuli(circuit, dtype))
    simulator = Simulator(circuit, stimulus)
    for _ in range(data.draw(st.integers(0, 9))):
        simulator.step()
    simulator.reset(other)
    fresh = Simulator(circuit, other)
    assert list(simulator) == list(fresh)
    assert all(
        same_bits(simulator.times(k), fresh.times(k)) for k in range(len(circuit.populations))
    )
    assert potentials_of(simulator).tolist() == potentials_of(fresh).tolist()


def test_a_snapshot_brings_its_stimulus_back():
    simulator = Simulator(chain(), [1.0, 3.0])
    snapshot = simulator.snapshot()
    simulator.reset([5.0, 6.0])
    simulator.restore(snapshot)
    assert simulator.what_if(times={(0, 0): 2.0}).moved[0].before == 1.0
    simulator.reset()
    assert simulator.step().time == 1.0
    assert simulator.explain(0, 0).given


def test_a_snapshot_knows_the_time_to_which_it_had_run():
    simulator = Simulator(chain(), [1.0, 3.0])
    simulator.run(until=2.5)
    snapshot = simulator.snapshot()
    simulator.run()
    assert simulator.time > 2.5
    simulator.restore(snapshot)
    assert simulator.time == 2.5


@pytest.mark.parametrize("psp", [ttfs.Step(), ttfs.Ramp(2.0), ttfs.Ramp()])
@pytest.mark.parametrize("until", [0.0, 0.5, 1.0, 2.5, 3.75, 19.0, 20.0, 99.0])
def test_a_restored_simulator_is_at_the_time_of_its_snapshot(psp, until):
    simulator = Simulator(chain(psp=psp), [1.0, 3.0])
    simulator.run(until=until)
    snapshot, time = simulator.snapshot(), simulator.time
    potential = simulator.potential("output").tolist()
    for ask in (simulator.reset, simulator.run, lambda: simulator.run(until=99.0), simulator.step):
        ask()
        simulator.restore(snapshot)
        assert (simulator.time, simulator.potential("output").tolist()) == (time, potential)


@pytest.mark.parametrize("psp", [ttfs.Step(), ttfs.Ramp(2.0), ttfs.Ramp()])
def test_a_run_until_a_time_that_has_passed_changes_nothing(psp):
    simulator = Simulator(chain(psp=psp), [1.0, 3.0])
    for now in (2.5, 20.0):
        simulator.run(until=now)
        time, potential = simulator.time, simulator.potential("output").tolist()
        for past in (2.25, 0.0, -3.0, -INF):
            simulator.run(until=past)
            assert (simulator.time, simulator.potential("output").tolist()) == (time, potential)


def test_a_snapshot_is_not_changed_by_what_follows():
    simulator = Simulator(chain(), [1.0, 3.0])
    simulator.step()
    snapshot = simulator.snapshot()
    kept = [array.copy() for array in snapshot.state]
    simulator.restore(snapshot)
    simulator.run()
    assert all(same_bits(a, b) for a, b in zip(kept, snapshot.state, strict=True))


@given(data=st.data())
def test_potentials_in_between_are_sums_of_what_has_arrived(data):
    circuit, stimulus = drawn(data)
    simulator = Simulator(circuit, stimulus)
    while simulator.step() is not None:
        for k, population in enumerate(circuit.populations):
            potential = simulator.potential(k)
            for j in range(population.size):
                inputs = simulator.explain(k, j).inputs
                assert potential[j] == sum(i.weight for i in inputs)


# Where a run stops


def chain(**settings):
    """Two inputs and two neurons that need both, one of them a little less."""
    layer = ttfs.Dense.of([[1.0, 0.5], [1.0, 0.5]], threshold=[2.0, 0.75], delay=1.0)
    return Network(layer, **({"t_max": 20} | settings))


def stopped(breaks, circuit, stimulus):
    """Every (reason, time, events) at which a run with the given break stops."""
    simulator = Simulator(circuit, stimulus)
    simulator.break_on(**breaks)
    found = []
    while (reason := simulator.run()) not in ("end", "until"):
        found.append((reason, simulator.time, simulator.events))
    return found


@given(data=st.data())
def test_a_break_on_a_layer_stops_at_each_of_its_spikes(data):
    circuit, stimulus = drawn(data)
    events = list(Simulator(circuit, stimulus))
    layer = data.draw(st.integers(0, len(circuit.populations) - 1))
    places = [
        ("spike", e.time, n)
        for n, e in enumerate(events, start=1)
        if e.kind == "spike" and e.layer == layer
    ]
    assert stopped({"layer": layer}, circuit, stimulus) == places
    assert stopped({"layer": f"p{layer}"}, circuit, stimulus) == places
    if layer == len(circuit.populations) - 1:
        assert stopped({"decision": True}, circuit, stimulus) == places


@given(data=st.data())
def test_a_break_on_a_neuron_stops_at_its_spike(data):
    circuit, stimulus = drawn(data)
    layer = data.draw(st.integers(0, len(circuit.populations) - 1))
    neuron = data.draw(st.integers(0, circuit.populations[layer].size - 1))
    time = finished(circuit, stimulus).times(layer)[neuron]
    found = stopped({"layer": layer, "neuron": neuron}, circuit, stimulus)
    assert [(reason, t) for reason, t, _ in found] == [("spike", time)] * bool(time < INF)


@given(data=st.data())
def test_a_break_on_a_potential_stops_at_each_passage(data):
    circuit, stimulus = drawn(data)
    layer = data.draw(st.integers(0, len(circuit.populations) - 1))
    neuron = data.draw(st.integers(0, circuit.populations[layer].size - 1))
    value = data.draw(st.sampled_from([-1.0, 0.0, 0.5, 1.125]))
    simulator, above, places = Simulator(circuit, stimulus), value <= 0, []
    while (event := simulator.step()) is not None:
        now = simulator.potential(layer)[neuron] >= value
        if now != above:
            places.append(("potential", event.time, simulator.events))
        above = now
    breaks = {"layer": layer, "neuron": neuron, "potential": value}
    assert stopped(breaks, circuit, stimulus) == places


def up_and_down():
    """One neuron whose potential is 1, 0, 1 at times 1, 2, 3."""
    return Network(ttfs.Dense.of([[1.0], [-1.0], [1.0]], threshold=5), t_max=20)


def test_a_potential_is_seen_passing_up_and_down():
    breaks = {"layer": 1, "neuron": 0, "potential": 0.5}
    found = stopped(breaks, up_and_down(), [1.0, 2.0, 3.0])
    assert [(reason, time) for reason, time, _ in found] == [
        ("potential", 1.0),
        ("potential", 2.0),
        ("potential", 3.0),
    ]


def test_after_a_reset_a_potential_has_not_passed_yet():
    simulator = Simulator(up_and_down(), [1.0, 2.0, 3.0])
    simulator.break_on(layer=1, neuron=0, potential=0.5)
    assert [simulator.run() for _ in range(4)] == ["potential"] * 3 + ["end"]
    simulator.reset([INF, 2.0, 3.0])
    assert [simulator.run() for _ in range(2)] == ["end", "end"]
    simulator.reset([1.0, 2.0, 3.0])
    assert (simulator.run(), simulator.time) == ("potential", 1.0)


def test_the_potential_of_a_neuron_that_fired_passes_nothing():
    network = Network(ttfs.Dense.of([[1.0], [-1.0], [1.0]], threshold=1), t_max=20)
    found = stopped({"layer": 1, "neuron": 0, "potential": 0.5}, network, [1.0, 2.0, 3.0])
    assert [(reason, time) for reason, time, _ in found] == [("potential", 1.0)]


def test_a_break_on_time_stops_after_the_last_event_until_then():
    simulator = Simulator(chain(), [1.0, 3.0])
    simulator.break_on(time=2.5)
    assert (simulator.run(), simulator.time, simulator.peek().time) == ("time", 2.5, 3.0)
    assert (simulator.run(), simulator.time) == ("end", 4.0)


def test_a_run_until_a_time_takes_the_clock_there():
    simulator = Simulator(chain(), [1.0, 3.0])
    assert (simulator.run(until=2.5), simulator.time) == ("until", 2.5)
    assert [trace.times[-1] for trace in simulator.trace("output")] == [2.5, 2.5]
    assert simulator.step().time == 3.0
    assert simulator.time == 3.0


def test_breaks_at_several_times_stop_at_each():
    simulator = Simulator(chain(), [1.0, 3.0])
    for time in (3.5, 2.5, INF, 2.5, 0.0):
        simulator.break_on(time=time)
    found = [(simulator.run(), simulator.time) for _ in range(4)]
    assert found == [("time", 0.0), ("time", 2.5), ("time", 3.5), ("end", 4.0)]


def test_a_break_at_a_time_that_has_passed_stops_the_next_run_at_once():
    simulator = Simulator(chain(), [1.0, 3.0])
    simulator.run(until=2.5)
    simulator.break_on(time=1.5)
    assert (simulator.run(), simulator.time, simulator.peek().time) == ("time", 2.5, 3.0)
    assert simulator.run() == "end"


def test_the_first_of_several_breaks_stops_a_run():
    simulator = Simulator(chain(), [1.0, 3.0])
    simulator.break_on(layer="output", neuron=0)
    simulator.break_on(layer="output", neuron=1, potential=0.25)
    simulator.break_on(layer="input", neuron=1)
    simulator.break_on(time=3.5)
    found = [(simulator.run(), simulator.time) for _ in range(3)]
    assert found == [("potential", 2.0), ("spike", 3.0), ("time", 3.5)]
    assert simulator.run(until=1.0) == "until"


def test_a_break_can_be_stepped_over():
    simulator = Simulator(chain(), [1.0, 3.0])
    simulator.break_on(layer="input")
    simulator.run()
    assert simulator.step().kind == "arrival"
    assert (simulator.run(), simulator.time) == ("spike", 3.0)


# What if


def all_times(course, circuit):
    return {
        (k, j): float(course.spikes.get((k, j), INF))
        for k, population in enumerate(circuit.populations)
        for j in range(population.size)
    }


def changes(found):
    """A Difference as sets of (layer, neuron, before, after)."""
    return [
        {(c.layer, c.neuron, c.before, c.after) for c in part}
        for part in (found.moved, found.vanished, found.appeared)
    ]


def between(before, after):
    """The same, from all spike times before and after."""
    pairs = [(*n, t, after[n]) for n, t in before.items() if t != after[n]]
    return [
        {c for c in pairs if c[2] < INF and c[3] < INF},
        {c for c in pairs if c[3] == INF},
        {c for c in pairs if c[2] == INF},
    ]


def with_threshold(circuit, layer, neuron, value):
    """The circuit with one other threshold."""

    def population(p):
        threshold = np.array(p.threshold)
        if p.name == f"p{layer}":
            threshold[neuron] = value
        return Population(p.name, p.size, threshold)

    return rebuilt(circuit, population)


@given(data=st.data())
def test_another_input_makes_the_difference_of_two_runs(data):
    circuit, stimulus = drawn(data)
    layer = data.draw(st.integers(0, len(circuit.populations) - 1))
    neuron = data.draw(st.integers(0, circuit.populations[layer].size - 1))
    time = data.draw(st.sampled_from([0.0, 0.5, 1.25, 4.0, INF]))
    simulator = Simulator(circuit, stimulus)
    for _ in range(data.draw(st.integers(0, 5))):
        simulator.step()
    state = simulator.snapshot().state
    found = simulator.what_if(times={(layer, neuron): time})
    told = given_of(stimulus)
    before = all_times(course_of(circuit, told), circuit)
    if told.get((layer, neuron), INF) == INF:
        circuit = with_threshold(circuit, layer, neuron, INF)
    after = all_times(course_of(circuit, told | {(layer, neuron): time}), circuit)
    assert changes(found) == between(before, after)
    assert all(same_bits(a, b) for a, b in zip(state, simulator.snapshot().state, strict=True))


@given(data=st.data())
def test_another_threshold_makes_the_difference_of_two_runs(data):
    circuit, stimulus = drawn(data)
    layer = data.draw(st.integers(0, len(circuit.populations) - 1))
    neuron = data.draw(st.integers(0, circuit.populations[layer].size - 1))
    value = data.draw(st.sampled_from([0.25, 1.0, 100.0]))

    changed = with_threshold(circuit, layer, neuron, value)
    found = Simulator(circuit, stimulus).what_if(thresholds={(f"p{layer}", neuron): value})
    told = given_of(stimulus)
    before, after = (all_times(course_of(c, told), circuit) for c in (circuit, changed))
    assert changes(found) == between(before, after)


@pytest.mark.parametrize("kind", ["dense", "sparse", "own delays"])
def test_another_weight_makes_the_difference_of_two_runs(kind):
    rng = np.random.default_rng(1)
    weights = rng.choice(QUARTERS[QUARTERS != 0], (6, 9))
    delay = rng.choice([0.0, 1.0], (6, 9)) if kind == "own delays" else 0.5
    for i, j, value in [(0, 0, 4.0), (5, 8, -9.0), (3, 2, 0.25)]:
        changed = weights.copy()
        changed[i, j] = value
        circuit, other = (
            Circuit(
                [Population("p0", 6), Population("p1", 9, 1.5), Population("p2", 9, 1.0)],
                [
                    Projection("p1", "p2", np.eye(9)),
                    Projection("p0", "p1", sp.csr_array(w) if kind == "sparse" else w, delay),
                    Projection("p1", "p1", sp.csr_array(np.ones((9, 9))), 0.25),
                ],
            )
            for w in (weights, changed)
        )
        told = {(0, n): float(n % 3) for n in range(6)}
        found = Simulator(circuit, [told[0, n] for n in range(6)]).what_if(
            weights={("p0", i, "p1", j): value}
        )
        before, after = (all_times(course_of(c, told), circuit) for c in (circuit, other))
        assert changes(found) == between(before, after)


@pytest.mark.parametrize("time", [3.5, 9.0, INF])
def test_a_neuron_that_nobody_told_to_fire_can_be_told_when(time):
    found = Simulator(chain(), [1.0, 3.0]).what_if(times={("output", 0): time})
    assert changes(found) == between({(1, 0): 4.0}, {(1, 0): time})


def test_spikes_move_vanish_and_appear_in_words():
    simulator = Simulator(chain(), [1.0, 3.0])
    assert str(simulator.what_if(times={("input", 1): 4.0})) == (
        "input 1: 3 -> 4\noutput 0: 4 -> 5\noutput 1: 4 -> 5"
    )
    assert str(simulator.what_if(times={("input", 1): INF})) == (
        "input 1: at 3 vanishes\noutput 0: at 4 vanishes\noutput 1: at 4 vanishes"
    )
    simulator.reset([1.0, INF])
    assert str(simulator.what_if(thresholds={("output", 1): 0.5})) == "output 1: appears at 2"
    assert str(simulator.what_if()) == "nothing changes"


def test_of_the_changed_simulator_more_can_be_asked():
    found = Simulator(chain(), [1.0, 3.0]).what_if(weights={("input", 0, "output", 0): 2.0})
    assert found.simulator.explain("output", 0).inputs[0].weight == 2.0
    assert [c.after for c in found.moved] == [2.0]


@pytest.mark.parametrize("dtype", TIMES)
def test_what_if_takes_the_times_that_the_stimulus_can_hold(dtype):
    simulator = Simulator(chain(t_max=1e38), np.array([1.0, 3.0], dtype))
    if dtype == np.float64:
        assert simulator.what_if(times={(0, 0): 1e300}).vanished[0].neuron == 0
        return
    with pytest.raises(
        InputError, match="time of input 0 must fit float32, in which 1e.300 is inf"
    ):
        simulator.what_if(times={(0, 0): 1e300})


@pytest.mark.parametrize("kind", ["dense", "sparse", "own delays"])
def test_the_changed_circuit_says_what_was_changed(kind):
    weights = np.array([[1.0, 0.5], [1.0, 0.5]])
    delay = np.ones((2, 2)) if kind == "own delays" else 1.0
    weights = sp.csr_array(weights) if kind == "sparse" else weights
    populations = [Population("a", 2), Population("b", 2, 2.0)]
    simulator = Simulator(Circuit(populations, [Projection("a", "b", weights, delay)]), [1.0, 3.0])
    found = simulator.what_if(
        weights={("a", 1, "b", 0): 4.0, (0, 0, 1, 1): 0.0},
        thresholds={("b", 1): 0.25},
        times={("b", 0): 9.0},
    )
    circuit, before = found.simulator.circuit, simulator.circuit
    changed, kept = (sp.csr_array(c.projections[0].weights).toarray() for c in (circuit, before))
    assert changed.tolist() == [[1.0, 0.0], [4.0, 0.5]]
    assert kept.tolist() == [[1.0, 0.5], [1.0, 0.5]]
    assert circuit.populations[1].threshold.tolist() == [INF, 0.25]
    assert before.populations[1].threshold == 2.0
    assert found.simulator.what_if().simulator.spikes == found.simulator.spikes
    again = Circuit(circuit.populations, circuit.projections)
    assert again.digest == circuit.digest != before.digest
    assert same_state(finished(again, {"a": [1.0, 3.0], "b": [9.0, INF]}), found.simulator)


def test_what_if_does_not_touch_the_network():
    network = chain()
    kept = network.weights[0].copy()
    simulator = Simulator(network, [1.0, 3.0])
    simulator.break_on(layer=0)
    simulator.what_if(weights={(0, 0, 1, 0): -5.0}, thresholds={(1, 0): 9.0}, times={(0, 0): 7.0})
    assert same_bits(network.weights[0], kept)
    assert (simulator.run(), simulator.time) == ("spike", 1.0)
    assert finished(network, [1.0, 3.0]).times(1).tolist() == [4.0, 4.0]


# What goes in and comes out


@pytest.mark.parametrize("dtype", FLOATS)
def test_times_keep_their_dtype(dtype):
    simulator = finished(chain(), np.array([1, 3], dtype))
    assert simulator.times(1).dtype == simulator.spikes.times.dtype == dtype
    assert simulator.potential(1).dtype == np.float32


def test_records_of_equal_simulators_are_equal():
    first, second, other = (finished(chain(), [1.0, last]) for last in (3.0, 3.0, 5.0))
    assert first.spikes == second.spikes
    assert first.spikes != other.spikes
    assert first.trace(1) == second.trace(1)
    assert first.trace(1) != other.trace(1)
    assert first.spikes != list(first.spikes.times)
    assert first.snapshot() != first.snapshot(), "they are what they are for"


def test_whole_numbers_are_times_too():
    assert list(Simulator(chain(), [1, 3])) == list(Simulator(chain(), np.array([1.0, 3.0])))
    mixed = Simulator(chain(), {"input": np.array([1, 3], np.uint8)})
    assert mixed.times(0).dtype == np.float64


@pytest.mark.parametrize("stimulus", [[INF, INF], [20.0, 1e300], {}], ids=["inf", "late", "none"])
def test_without_input_nothing_happens(stimulus):
    simulator = Simulator(chain(), stimulus)
    assert simulator.peek() is None
    assert simulator.step() is None
    assert simulator.run() == "end"
    assert list(simulator) == []
    assert (simulator.time, simulator.events, len(simulator.spikes)) == (0.0, 0, 0)
    assert simulator.potential(1).tolist() == [0.0, 0.0]


def test_past_the_end_there_is_nothing():
    simulator = finished(chain(), [1.0, 3.0])
    before = simulator.snapshot().state
    assert [simulator.step() for _ in range(3)] == [None] * 3
    assert (simulator.run(), simulator.run(until=2.0), simulator.peek()) == ("end", "end", None)
    assert all(same_bits(a, b) for a, b in zip(before, simulator.snapshot().state, strict=True))


def test_a_stimulus_may_make_any_layer_fire():
    simulator = finished(chain(), {"input": [INF, 5.0], "output": [2.0, INF]})
    assert tuples([*Simulator(chain(), {"input": [INF, 5.0], "output": [2.0, INF]})]) == [
        (2.0, "spike", 1, 0, None),
        (5.0, "spike", 0, 1, None),
        (6.0, "arrival", 1, 1, 0),
    ]
    assert simulator.times("output").tolist() == [2.0, INF]


def test_a_given_spike_comes_in_the_order_of_neurons():
    layer = ttfs.Dense.of(np.eye(3), threshold=1, delay=1.0)
    stimulus = {0: [1.0, INF, 1.0], 1: [INF, 2.0, 2.0]}
    events = list(Simulator(Network(layer, t_max=9), stimulus))
    assert [e.neuron for e in events if e.layer == 1 and e.kind == "spike"] == [0, 1, 2]


def test_minus_zero_is_zero():
    events = list(Simulator(chain(), [-0.0, 0.0]))
    assert events == list(Simulator(chain(), [0.0, 0.0]))
    assert not np.signbit(events[0].time)


def test_a_spike_at_the_horizon_does_not_happen():
    assert finished(chain(t_max=3), [1.0, 3.0]).times(0).tolist() == [1.0, INF]
    assert finished(chain(t_max=4), [1.0, 3.0]).times(1).tolist() == [INF, INF]
    assert finished(chain(t_max=4.5), [1.0, 3.0]).times(1).tolist() == [4.0, 4.0]


def test_what_comes_out_does_not_lead_back_in():
    simulator = finished(chain(), [1.0, 3.0])
    for array in (simulator.times(1), simulator.potential(1), simulator.spikes.times):
        array[:] = 77
    assert simulator.times(1).tolist() == [4.0, 4.0]
    assert simulator.potential(1).tolist() == [2.0, 1.0]


def test_a_stimulus_is_copied():
    times = np.array([1.0, 3.0])
    simulator = Simulator(chain(), times)
    times[:] = 0
    simulator.reset()
    assert simulator.step().time == 1.0


def test_a_simulator_says_where_it_is():
    simulator = Simulator(chain(unit="ms"), [1.5, 3.0])
    simulator.step()
    assert repr(simulator) == "Simulator(Circuit(input 2, output 2; input -> output), at 1.5 ms)"


WRONG = {
    "too few": ([1.0], ShapeError, r"times of layer 'input' must be \(2,\), got \(1,\)"),
    "a batch": ([[1.0, 2.0]], ShapeError, r"got \(1, 2\); for one stimulus .* pass times\[i\]"),
    "no dimension": (1.0, ShapeError, r"got \(\)"),
    "rows of different length": ([[1.0], [1.0, 2.0]], ShapeError, "equal length"),
    "negative": ([1.0, -1.0], InputError, "0 or later.*-1.0"),
    "not a number": ([np.nan, 1.0], InputError, "0 or later.*nan"),
    "minus infinity": ([-INF, 1.0], InputError, "-inf"),
    "words": (["a", "b"], InputError, "numbers"),
    "complex": ([1j, 2], InputError, "numbers"),
    "nothing": (None, InputError, "numbers"),
    "unknown name": ({"in": [1.0, 2.0]}, InputError, "'in'; there are input, output"),
    "unknown number": ({2: [1.0, 2.0]}, InputError, "no layer 2; the last is 1"),
    "no name at all": ({None: [1.0, 2.0]}, InputError, "layer must be"),
    "wrong for the second": ({0: [1.0, 2.0], "output": [1.0]}, ShapeError, "'output'"),
    "given twice": ({0: [1.0, 2.0], "input": [3.0, 4.0]}, InputError, "twice"),
}


@pytest.mark.parametrize(("times", "error", "words"), WRONG.values(), ids=WRONG.keys())
def test_impossible_stimuli_are_refused(times, error, words):
    with pytest.raises(error, match=words):
        Simulator(chain(), times)


@pytest.mark.parametrize("times", [[1.0], [np.nan, 1.0], {"x": [1.0]}])
def test_after_a_refused_stimulus_the_old_one_goes_on(times):
    simulator = Simulator(chain(), [1.0, 3.0])
    simulator.step()
    with pytest.raises(InputError):
        simulator.reset(times)
    assert [e.time for e in simulator] == [2.0, 3.0, 4.0, 4.0, 4.0]


REFUSED = {
    "a network of words": (lambda s: Simulator("net", [1.0]), "Network or a Circuit, got 'net'"),
    "until no number": (lambda s: s.run(until=np.nan), "until.*NaN"),
    "until a word": (lambda s: s.run(until="end"), "until.* must be a time, got 'end'"),
    "break at a word": (lambda s: s.break_on(time="soon"), "time.* must be a time, got 'soon'"),
    "until a truth": (lambda s: s.run(until=True), "until.* must be a time, got True"),
    "until a number too large": (lambda s: s.run(10**400), "until.* must be a time, got 10000"),
    "until a number too long": (lambda s: s.run(10**5000), "must be a time, got a value of type"),
    "until nobody knows": (lambda s: s.run(until=None), "until.* must be a time, got None"),
    "break before the beginning": (lambda s: s.break_on(time=-3), "0 or later, got -3"),
    "break at a number too large": (lambda s: s.break_on(time=10**400), "time.* must be a time"),
    "break on half a neuron": (lambda s: s.break_on(layer=1, neuron=1.5), "neuron.*got 1.5"),
    "break on a neuron's name": (lambda s: s.break_on(layer=1, neuron="a"), "neuron.*got 'a'"),
    "break on a true neuron": (lambda s: s.break_on(layer=1, neuron=True), "neuron.*got True"),
    "break on a potential in words": (
        lambda s: s.break_on(layer=1, neuron=0, potential="x"),
        "potential.* must be a number, got 'x'",
    ),
    "break on a potential too large": (
        lambda s: s.break_on(layer=1, neuron=0, potential=10**400),
        "potential.* must be a number",
    ),
    "break on nothing": (lambda s: s.break_on(), "takes a layer, a time or decision"),
    "break at no time": (lambda s: s.break_on(time=np.nan), "time.*NaN"),
    "break on a neuron of no layer": (lambda s: s.break_on(neuron=1), "takes a layer"),
    "break on a potential of no layer": (lambda s: s.break_on(potential=1.0), "takes a layer"),
    "break on a layer that is not there": (lambda s: s.break_on(layer=2), "no layer 2"),
    "break on a name that is not there": (lambda s: s.break_on(layer="x"), "called 'x'"),
    "break on a neuron that is not there": (
        lambda s: s.break_on(layer="output", neuron=2),
        "'output' has 2 neurons, there is no 2",
    ),
    "break on a neuron before the first": (lambda s: s.break_on(layer=0, neuron=-1), "neuron"),
    "break on all potentials": (lambda s: s.break_on(layer=1, potential=1.0), "one neuron"),
    "break on no potential": (
        lambda s: s.break_on(layer=1, neuron=0, potential=np.nan),
        "a number",
    ),
    "times of nobody": (lambda s: s.times("x"), "called 'x'"),
    "potential of nobody": (lambda s: s.potential(2), "no layer 2"),
    "explain nobody": (lambda s: s.explain(1, 2), "there is no 2"),
    "trace of nobody": (lambda s: s.trace(1, [0, 2]), "there is no 2"),
    "trace half a neuron": (lambda s: s.trace(1, [0, 1.5]), "neuron must be a whole number"),
    "trace a neuron's name": (lambda s: s.trace(1, "a"), "neurons must be numbers"),
    "trace a true neuron": (lambda s: s.trace(1, True), "neuron must be a whole number"),
    "trace a table": (lambda s: s.trace(1, [[0, 1]]), r"one or a list of some, got \(1, 2\)"),
    "explain half a neuron": (lambda s: s.explain(1, 0.5), "neuron must be a whole number"),
    "explain a layer too large": (lambda s: s.explain(10**5000, 0), "layer must be below"),
    "what if in words": (lambda s: s.what_if(times="x"), r"time}, got 'x'"),
    "what if a list": (lambda s: s.what_if(times=[(0, 0)]), r"time}, got \[\(0, 0\)\]"),
    "what if an empty list": (lambda s: s.what_if(weights=[]), r"weight}, got \[\]"),
    "what if a time in words": (lambda s: s.what_if(times={(0, 1): "x"}), "input 1 must be a time"),
    "what if at no time": (lambda s: s.what_if(times={(0, 1): None}), "input 1 must be a time"),
    "what if at times": (lambda s: s.what_if(times={(0, 1): [1]}), "input 1 must be a time"),
    "what if far too late": (lambda s: s.what_if(times={(0, 1): 10**400}), "must be a time"),
    "what if a weight in words": (
        lambda s: s.what_if(weights={(0, 0, 1, 0): "x"}),
        "input 0 -> output 0: weight must be a number, got 'x'",
    ),
    "what if a threshold in words": (
        lambda s: s.what_if(thresholds={(1, 0): "x"}),
        "threshold of output 0 must be a number, got 'x'",
    ),
    "what if two times of one neuron": (
        lambda s: s.what_if(times={(0, 1): 1.0, ("input", 1): 2.0}),
        "got input 1 twice, by name and by index",
    ),
    "what if two weights of one synapse": (
        lambda s: s.what_if(weights={(0, 0, 1, 0): 1.0, (0, 0, "output", 0): 2.0}),
        "got input 0 -> output 0 twice",
    ),
    "what if nobody fired": (lambda s: s.what_if(times={(0, 2): 1.0}), "there is no 2"),
    "what if a spike were before 0": (lambda s: s.what_if(times={(0, 1): -1.0}), "input 1"),
    "what if a time were none": (lambda s: s.what_if(times={(0, 1): np.nan}), "input 1"),
    "what if a threshold were 0": (lambda s: s.what_if(thresholds={(1, 0): 0}), "threshold"),
    "what if a threshold is none": (
        lambda s: s.what_if(thresholds={(1, 0): np.nan}),
        "threshold",
    ),
    "what if a spike had no layer": (
        lambda s: s.what_if(times={1: 2.0}),
        r"takes {\(layer, neuron\): time}, got the key 1",
    ),
    "what if a threshold had no layer": (
        lambda s: s.what_if(thresholds={1: 2.0}),
        r"takes {\(layer, neuron\): threshold}, got the key 1",
    ),
    "what if a weight had one end": (
        lambda s: s.what_if(weights={(0, 1): 2.0}),
        r"takes {\(layer, neuron, layer, neuron\): weight}, got the key \(0, 1\)",
    ),
    "what if a weight were none": (lambda s: s.what_if(weights={(0, 0, 1, 0): np.nan}), "finite"),
    "what if a weight were endless": (lambda s: s.what_if(weights={(0, 0, 1, 0): INF}), "finite"),
    "what if there were a synapse": (
        lambda s: s.what_if(weights={(1, 0, 1, 1): 1.0}),
        "output 0 -> output 1: there are 0 synapses, not one",
    ),
}


@pytest.mark.parametrize(("ask", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_impossible_questions_are_refused_and_change_nothing(ask, words):
    simulator = Simulator(chain(), [1.0, 3.0])
    with pytest.raises(InputError, match=words):
        ask(simulator)
    assert simulator.run() == "end"
    assert simulator.times(1).tolist() == [4.0, 4.0]


@pytest.mark.parametrize("breaks", [{"time": 1.0, "neuron": 1}, {"time": 1.0, "layer": "x"}])
def test_a_refused_break_leaves_nothing_behind(breaks):
    simulator = Simulator(chain(), [1.0, 3.0])
    with pytest.raises(InputError):
        simulator.break_on(**breaks)
    assert simulator.run() == "end"


def test_huge_weights_overflow_as_ieee_says():
    big = float(np.finfo(np.float32).max)
    network = Network(ttfs.Dense.of([[big], [big], [-big]], threshold=1.5 * 2.0**127), t_max=9)
    times = np.array([[1.0, 1.0, 2.0], [2.0, 1.0, 1.0]])
    check_record(network, times, forward(network, times))
