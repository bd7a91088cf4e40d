"""Windows: a network of ReLUs in spike times, in batches and event by event."""

import pickle

import numpy as np
import pytest
from cases import for_all_threads, same_record
from cases_windows import networks, times_of
from hypothesis import given
from hypothesis import strategies as st
from reference_windows import values_of

import ttfs
from ttfs.checks import MOST
from ttfs.errors import InputError, ShapeError
from ttfs.kernels.threads import no_work_is_little
from ttfs.network.skips import Skip

INF = np.inf
pytestmark = pytest.mark.small


@given(networks())
def test_both_engines_say_what_a_network_of_relus_says_to_the_bit_where_sums_are_exact(case):
    network, values = case
    record = ttfs.forward(network, times_of(values))
    for s in range(len(values)):
        wanted, potential = values_of(network, values[s])
        simulator = ttfs.Simulator(network, times_of(values[s]))
        assert simulator.run() == "end"
        for k in range(len(network.sizes)):
            found = network.psp.values(record.times[k][s], network.windows[k])
            np.testing.assert_array_equal(found, wanted[k])
            np.testing.assert_array_equal(simulator.times(k), record.times[k][s])
        if not network.layers[-1].pools:
            np.testing.assert_array_equal(record.potential[s] * network.scales[-1], potential)
            np.testing.assert_array_equal(simulator.potential("output"), record.potential[s])
        if not any(layer.pools for layer in network.layers):  # which add nothing
            assert simulator.synaptic_events == record.additions[s].sum()


@given(networks(exact=False))
def test_both_engines_agree_with_relus_but_for_roundings(case):
    network, values = case
    if network.psp.steps:
        network.respond(ttfs.Windows())
    record = ttfs.forward(network, times_of(values))
    for s in range(len(values)):
        wanted, potential = values_of(network, network.psp.values(record.times[0][s], 0))
        simulator = ttfs.Simulator(network, times_of(values[s]))
        simulator.run()
        for k in range(len(network.sizes)):
            for times in (record.times[k][s], simulator.times(k)):
                found = network.psp.values(times, network.windows[k])
                np.testing.assert_allclose(found, wanted[k], rtol=0, atol=1e-12)
        if not network.layers[-1].pools:
            np.testing.assert_allclose(record.potential[s], potential, rtol=0, atol=1e-12)


@given(networks(), st.floats(0, 4))
def test_what_happens_until_a_time_is_as_in_the_whole_run(case, until):
    network, values = case
    whole = ttfs.forward(network, times_of(values))
    record = ttfs.forward(network, times_of(values), until=until)
    for times, all_of_them in zip(record.times, whole.times, strict=True):
        np.testing.assert_array_equal(times, np.where(all_of_them < until, all_of_them, INF))
    if network.layers[-1].pools or until == 0:
        return
    simulator = ttfs.Simulator(network, times_of(values[0]))
    simulator.run(until=np.nextafter(until, 0))
    silent = np.isinf(record.times[-1][0])
    found = simulator.potential("output")
    np.testing.assert_allclose(found[silent], record.potential[0][silent], rtol=0, atol=1e-9)


@given(networks())
def test_a_decision_ends_a_sample_and_stays_as_it_is(case):
    network, values = case
    whole = ttfs.forward(network, times_of(values))
    record = ttfs.forward(network, times_of(values), until="decision")
    found, wanted = (ttfs.decide(r.times[-1], r.potential) for r in (record, whole))
    np.testing.assert_array_equal(found.label, wanted.label)
    np.testing.assert_array_equal(found.time, wanted.time)
    first = wanted.time[:, None]
    for times, all_of_them in zip(record.times, whole.times, strict=True):
        np.testing.assert_array_equal(times, np.where(all_of_them <= first, all_of_them, INF))


def test_bits_do_not_depend_on_threads_or_on_how_many_samples_there_are():
    dense = ttfs.Dense(None, 10, threshold=9.0)
    layers = ttfs.Conv2d(8, 3, threshold=4.0), ttfs.MinPool2d(2), dense
    network = ttfs.Network(*layers, psp=ttfs.Windows(), shape=(12, 12, 3), seed=1)
    times = times_of(np.random.default_rng(0).random((150, 432), np.float32))
    whole = ttfs.forward(network, times)
    with no_work_is_little():
        for found in for_all_threads(lambda: ttfs.forward(network, times)):
            assert same_record(found, whole)
    some = ttfs.forward(network, times[:70])
    np.testing.assert_array_equal(some.times[-1], whole.times[-1][:70])


@given(networks(exact=False))
def test_explanations_and_traces_end_where_potentials_are(case):
    network, values = case
    simulator = ttfs.Simulator(network, times_of(values[0]))
    moments = [0.4, 1.3, network.t_max * 0.7, INF]
    for moment in moments:
        simulator.run(until=moment)
        for layer in range(1, len(network.sizes)):
            potential, neuron = simulator.potential(layer), network.sizes[layer] // 2
            told = simulator.explain(layer, neuron)
            str(told)
            trace = simulator.trace(layer, [neuron])[0]
            assert trace.potential[-1] == potential[neuron]
            if told.pools:
                continue
            assert told.margin + told.limit(told.closest) == pytest.approx(potential[neuron])
            if np.isfinite(told.time):
                assert told.margin >= -1e-9
            elif simulator.time >= told.window[1]:
                assert told.margin <= 0 or network.psp.steps
            if told.inputs:
                at = told.inputs[-1].time
                found = np.interp(at, trace.times, trace.potential)
                assert found == pytest.approx(told.inputs[-1].potential, abs=1e-9)


def test_a_window_is_an_event_and_everything_goes_on_from_a_copy_of_a_simulator():

    layers = (
        ttfs.Dense.of(np.eye(3), threshold=1.0),
        ttfs.Dense.of(np.ones((3, 2)), threshold=[2, 4]),
    )
    network = ttfs.Network(*layers, psp=ttfs.Windows())
    simulator = ttfs.Simulator(network, [0.25, 0.5, INF])
    events = list(simulator)
    assert [e.kind for e in events].count("window") == 2
    assert [(e.time, e.layer) for e in events if e.kind == "window"] == [(1.0, 1), (2.0, 2)]
    assert events == sorted(events, key=lambda e: (e.time, e.layer))
    simulator.reset()
    for count in range(len(events)):
        copy = pickle.loads(pickle.dumps(simulator))
        assert list(copy) == events[count:]
        assert simulator.step() == events[count]
    np.testing.assert_array_equal(simulator.times("output"), [2.375, 2.6875])


def test_what_if_tells_what_would_have_been_different():
    network = ttfs.Network(ttfs.Dense.of([[1.0], [0.5]], threshold=2), psp=ttfs.Windows())
    simulator = ttfs.Simulator(network, [0.0, 0.5])
    simulator.run()
    assert simulator.times("output")[0] == 1.375
    moved = simulator.what_if(times={(0, 1): INF}).moved
    assert [(c.layer, c.before, c.after) for c in moved] == [(1, 1.375, 1.5)]
    moved = simulator.what_if(thresholds={(1, 0): 4.0}).moved
    assert [(c.layer, c.before, c.after) for c in moved] == [(1, 1.375, 1.6875)]


def test_what_does_not_go_with_windows_is_refused():
    with pytest.raises(InputError, match="Dense 1: with Windows.* must have no delay"):
        ttfs.Network(ttfs.Dense(3, 2, delay=1), psp=ttfs.Windows())
    with pytest.raises(InputError, match="a layer with a bias needs .*Windows"):
        ttfs.Network(ttfs.Dense(3, 2, bias=1.0))
    with pytest.raises(InputError, match=r"Skip\(0, 2\) needs .*Windows"):
        ttfs.Network(ttfs.Dense(3, 3), ttfs.Dense(3, 3), skips=[Skip(0, 2)])
    with pytest.raises(ShapeError, match="say how they are connected"):
        ttfs.Network(ttfs.Dense(3, 4), ttfs.Dense(4, 5), psp=ttfs.Windows(), skips=[Skip(0, 2)])
    with pytest.raises(InputError, match="there is no layer 3"):
        ttfs.Network(ttfs.Dense(3, 4), psp=ttfs.Windows(), skips=[Skip(0, 3)])
    with pytest.raises(InputError, match=r"steps=.*whole number"):
        ttfs.Windows(steps=0)
    network = ttfs.Network(ttfs.Dense(3, 4, bias=0.5), psp=ttfs.Windows())
    with pytest.raises(InputError, match="needs"):
        network.respond(ttfs.Ramp())
    with pytest.raises(InputError, match="must be in its window, which begins at 1"):
        ttfs.Simulator(network, {1: [0.5, INF, INF, INF]})


def test_input_spikes_at_the_end_of_their_window_or_after_it_do_not_happen():
    network = ttfs.Network(ttfs.Dense.of([[1.0], [1.0]], threshold=2), psp=ttfs.Windows())
    record = ttfs.forward(network, [[0.5, 1.0], [0.5, 1.7]])
    np.testing.assert_array_equal(record.times[0], [[0.5, INF]] * 2)
    for late in (1.0, 1.7):
        simulator = ttfs.Simulator(network, [0.5, late])
        simulator.run()
        np.testing.assert_array_equal(simulator.times("output"), record.times[1][0])


def test_numbers_that_the_precision_does_not_hold_are_refused():
    dense = ttfs.Dense.of([[1.0]], threshold=1)
    for length in (3e38, 1e300, 1e-300):
        with pytest.raises(InputError, match="must be from"):
            ttfs.Network(dense, dense, psp=ttfs.Windows(length=length))
    with pytest.raises(InputError, match="end of the last window must be from"):
        ttfs.Network(*[dense] * 20, psp=ttfs.Windows(length=0.9 * MOST))
    for weight in (1e39, 1e-50):
        with pytest.raises(InputError, match="Skip.0, 2.: weights"):
            ttfs.Network(dense, dense, psp=ttfs.Windows(), skips=[Skip(0, 2, weight=weight)])
    with pytest.raises(InputError, match="Dense 1: bias"):
        ttfs.Network(ttfs.Dense.of([[1.0]], bias=1e39), psp=ttfs.Windows())


def test_a_pool_at_the_bottom_hears_no_late_inputs():
    pool = ttfs.MinPool2d(1, shape=(1, 1, 2))
    network = ttfs.Network(pool, ttfs.Dense.of([[1.0], [1.0]]), psp=ttfs.Windows())
    record = ttfs.forward(network, [[1.0, 1.5], [0.5, 1.5]])
    np.testing.assert_array_equal(record.times[1], [[INF, INF], [0.5, INF]])
    np.testing.assert_array_equal(record.additions[:, 1], [0, 1])


def test_a_silent_neuron_has_nothing_yet_to_do_when_all_is_over():
    network = ttfs.Network(ttfs.Dense.of([[-1.0, 1.0]], threshold=1), psp=ttfs.Windows())
    simulator = ttfs.Simulator(network, [0.5])
    assert simulator.run() == "end"
    told = str(simulator.explain("output", 0))
    assert told.startswith("output 0 has not fired; its potential stands at -0.5")


def test_circuits_find_the_windows_of_populations_and_refuse_what_comes_in_two():
    parts = [ttfs.Population("a", 2), ttfs.Population("b", 2, 1.0), ttfs.Population("c", 2, 1.0)]
    on = [ttfs.Projection("a", "b", np.eye(2)), ttfs.Projection("b", "c", np.eye(2))]
    skip = ttfs.Projection("a", "c", np.eye(2), delay=1.0)
    circuit = ttfs.Circuit(parts, [*on, skip], psp=ttfs.Windows(), dtype=np.float64)
    np.testing.assert_array_equal(circuit.windows, [[0, 1, 2], [1, 2, 3]])
    simulator = ttfs.Simulator(circuit, [0.75, INF])
    simulator.run()
    np.testing.assert_array_equal(simulator.times("c"), [2.5, INF])
    with pytest.raises(InputError, match="with a delay of 1 they would come in the same"):
        ttfs.Circuit(parts, [*on, ttfs.Projection("a", "c", np.eye(2))], psp=ttfs.Windows())
    back = ttfs.Projection("c", "b", np.eye(2), delay=1.0)
    with pytest.raises(InputError, match="lead to later populations"):
        ttfs.Circuit(parts, [*on, back], psp=ttfs.Windows())


@given(networks())
def test_the_cost_counts_what_the_simulator_adds(case):
    network, values = case
    if any(layer.pools for layer in network.layers):
        return
    times = times_of(values)
    cost = ttfs.cost_of(network, times)
    adds = []
    for s in range(len(values)):
        simulator = ttfs.Simulator(network, times[s])
        simulator.run()
        weights = [
            i.weight
            for k, size in enumerate(network.sizes)
            if k
            for j in range(size)
            for i in simulator.explain(k, j).inputs
        ]
        adds.append(np.count_nonzero(weights))
    assert cost.whole.synaptic_operations == pytest.approx(np.mean(adds))
    assert cost.whole.multiply_accumulates == cost.whole.synaptic_operations
    biases = sum(bias.size for bias in network.biases if bias is not None)
    skips = sum(skip.numbers(network.shapes[skip.target][2]).size for skip in network.skips)
    scales, delays = int(network.binary.sum()), len(network.layers)
    thresholds = sum(np.size(layer.threshold) for layer in network.layers)
    weights = sum(array.size for array in network.weights)
    assert cost.parameters == weights + thresholds + scales + delays + biases + skips
