import copy
import io
import pickle
import re

import numpy as np
import pytest
import reference_maps
import scipy.sparse as sp
from cases import PAIRS, any_stimuli, dyadic_times, run, same_bits
from cases_maps import map_networks
from hypothesis import assume, given
from hypothesis import strategies as st

import ttfs
from ttfs import Circuit, Population, Projection, Simulator
from ttfs.cli.console import Console
from ttfs.errors import InputError, ShapeError
from ttfs.kernels import simulator_ramp as ramps
from ttfs.kernels import simulator_step as steps
from ttfs.kernels.simulator_crossing import ENDLESS

pytestmark = pytest.mark.small

EXACT = (ttfs.Step(), ttfs.Ramp())  # responses whose lines are not asked in doubt


def simulated(network, row):
    """A simulator; sums may overflow, of which NumPy warns if nothing is compiled."""
    with np.errstate(all="ignore"):
        return Simulator(network, row)


def ended(simulator):
    """A simulator at its end."""
    with np.errstate(all="ignore"):
        simulator.run()
    return simulator


@st.composite
def samples(draw, network, dtype):
    """Stimuli of any kind for a network."""
    return draw(draw(st.sampled_from([any_stimuli, dyadic_times]))(network, dtype))


# What a network of maps does


@pytest.mark.parametrize(("dtype", "time_dtype"), PAIRS)
@given(data=st.data())
def test_maps_fire_as_their_windows_say_in_every_bit(dtype, time_dtype, data):
    network = data.draw(map_networks(dtype))
    times = data.draw(samples(network, time_dtype))
    expected = reference_maps.forward_maps(network, times)
    for s, row in enumerate(times):
        simulator = simulated(network, row)
        with np.errstate(all="ignore"):
            for _ in range(data.draw(st.integers(0, 40))):
                simulator.step()
        ended(simulator)
        for k in range(1, len(network.sizes)):
            assert same_bits(simulator.times(k), expected.times[k][s])
        assert same_bits(simulator.potential(len(network.layers)), expected.potential[s])


@pytest.mark.parametrize(("dtype", "time_dtype"), PAIRS)
@given(data=st.data())
def test_both_engines_agree_about_maps_in_every_bit(dtype, time_dtype, data):
    network = data.draw(map_networks(dtype))
    times = data.draw(samples(network, time_dtype))
    record = run(network, times)
    for s, row in enumerate(times):
        simulator = ended(simulated(network, row))
        for k in range(1, len(network.sizes)):
            assert same_bits(simulator.times(k), record.times[k][s])
        assert same_bits(simulator.potential(len(network.layers)), record.potential[s])


def unrolled(network):
    """A circuit of single synapses that does what a network does; pools have none."""
    circuit = Circuit.of(network)
    projections = []
    for k, layer in enumerate(network.layers):
        full, there = reference_maps.unrolled(layer, network.weights[k])
        inputs, outputs = np.nonzero(there)
        matrix = sp.csr_array((full[inputs, outputs], (inputs, outputs)), full.shape)
        delay = float(network.delays[k][0, 0])
        if network.delayed[k]:
            delay = np.where(there, network.delays[k], 0)
        projections.append(Projection(*circuit.names[k : k + 2], matrix, delay))
    whole = {"t_max": network.t_max, "dtype": network.dtype, "psp": network.psp}
    return Circuit(circuit.populations, projections, **whole)


@given(data=st.data())
def test_a_map_is_the_sparse_circuit_of_its_unrolled_matrix_event_by_event(data):
    kinds = data.draw(st.sampled_from([("conv",), ("conv", "dense")]))
    network = data.draw(map_networks(responses=EXACT, kinds=kinds, most=3))
    for row in data.draw(samples(network, np.float64)):
        simulator, twin = simulated(network, row), simulated(unrolled(network), row)
        with np.errstate(all="ignore"):
            while (event := simulator.step()) is not None:
                assert event == twin.step()
                assert simulator.synaptic_events == twin.synaptic_events
                assert same_bits(simulator.potential(event.layer), twin.potential(event.layer))
        assert twin.step() is None


@given(data=st.data())
def test_potentials_under_ramps_that_end_are_those_of_the_unrolled_matrix(data):
    responses = (ttfs.Ramp(0.25), ttfs.Ramp(2.5))
    kinds = ("conv", "dense")
    network = data.draw(map_networks(responses=responses, kinds=kinds, most=2, exact=True))
    for row in data.draw(dyadic_times(network)):
        simulator, twin = Simulator(network, row), Simulator(unrolled(network), row)
        until = data.draw(st.sampled_from([0.5, 1.0, 3.25]))
        assert simulator.run(until) == twin.run(until)
        for k in range(len(network.sizes)):
            assume(same_bits(simulator.times(k), twin.times(k)))
            assert same_bits(simulator.potential(k), twin.potential(k))


@given(data=st.data())
def test_neurons_of_a_pool_fire_with_the_first_arrival_of_their_window(data):
    network = data.draw(map_networks(kinds=("pool",), most=2))
    for row in data.draw(samples(network, np.float64)):
        simulator = simulated(network, row)
        fired = [np.where(row < network.t_max, row, np.inf)]
        for k, layer in enumerate(network.layers):
            arrivals = fired[k] + network.delays[k].ravel()
            arrivals[arrivals >= network.t_max] = np.inf
            heard = [[i for i, _ in reference_maps.window(layer, j)] for j in range(layer.outputs)]
            fired.append(np.array([arrivals[some].min(initial=np.inf) for some in heard]))
        kinds = {event.kind for event in simulator}
        assert kinds <= {"arrival", "spike"}  # nothing rises, so nothing ends
        for k, times in enumerate(fired[1:], start=1):
            assert same_bits(simulator.times(k), times)
            assert simulator.potential(k).tolist() == np.isfinite(times).tolist()


WEIGHTS = np.random.default_rng(0).integers(1, 4, (4, 2)) / 4


def example(psp=None, **settings):
    """3x3 inputs, a convolution of 2 channels, a pool and an output; what is fired at halves."""
    rng = np.random.default_rng(0)
    layers = [
        ttfs.Conv2d(
            2, 2, initial=rng.integers(1, 4, (4, 2)) / 4, threshold=[1.0, 0.75], **settings
        ),
        ttfs.MinPool2d(2, delay=0.5),
        ttfs.Dense(None, 1, initial=[[1.0], [0.5]], threshold=1.25),
    ]
    return ttfs.Network(*layers, shape=(3, 3, 1), psp=psp, t_max=20)


ROW = np.array([0.0, 0.5, np.inf, 1.0, 1.5, 2.0, np.inf, 2.5, 3.0])
RESPONSES = [ttfs.Step(), ttfs.Ramp(), ttfs.Ramp(2.0)]


# Weights are shared


def test_a_simulator_of_a_network_of_maps_copies_no_weights():
    network = example()
    circuit = Circuit.of(network)
    assert circuit.plan.weights is network.arrays.weights
    assert np.shares_memory(circuit.projections[0].weights, network.weights[0])
    assert circuit.projections[0].weights.shape == (4, 2)


def test_delays_of_inputs_of_a_map_copy_no_weights():
    network = example(delay=np.arange(9) / 8)
    circuit = Circuit.of(network)
    assert circuit.plan.weights is network.arrays.weights
    assert circuit.projections[0].delay.tolist() == (np.arange(9) / 8).tolist()


@pytest.mark.parametrize("psp", RESPONSES)
def test_a_circuit_of_layers_is_that_of_a_network(psp):
    network = example(psp)
    conv, pool, dense = network.layers
    populations = [
        Population("input", 9),
        Population("conv", 8, np.tile(conv.threshold, 4)),
        Population("pool", 2, threshold=1.0),
        Population("output", 1, threshold=1.25),
    ]
    projections = [
        Projection("input", "conv", conv),
        Projection("conv", "pool", ttfs.MinPool2d(2, shape=pool.shape), delay=0.5),
        Projection("pool", "output", dense),
    ]
    circuit = Circuit(populations, projections, t_max=20, psp=psp)
    assert list(Simulator(circuit, ROW)) == list(Simulator(network, ROW))
    assert circuit.projections[0].layer.kernel_size == 2
    assert circuit.projections[2].layer is None


def test_names_and_sizes_of_a_network_of_maps_are_those_of_its_circuit():
    circuit = Circuit.of(example())
    assert circuit.names == ("input", "conv 1", "pool 1", "output")
    assert [p.size for p in circuit.populations] == [9, 8, 2, 1]
    assert repr(circuit).startswith(
        "Circuit(input 9, conv 1 8, pool 1 2, output 1; input -> conv 1"
    )


def test_signs_of_a_binary_layer_are_what_its_projection_adds():
    layer = ttfs.Conv2d(1, 2, weights=ttfs.Binary(), initial=[[[[0.2]], [[-3]]], [[[0]], [[1]]]])
    projection = Projection("a", "b", layer.after((2, 2, 1)))
    assert projection.weights.tolist() == [[1], [-1], [1], [1]]


# Other graphs


@given(data=st.data())
def test_maps_dense_and_sparse_weights_may_lead_to_the_same_neurons(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    psp, delay = data.draw(st.sampled_from(EXACT)), data.draw(st.sampled_from([0.0, 0.5]))
    conv = ttfs.Conv2d(3, 3, padding=1, initial=rng.integers(-3, 6, (18, 3)) / 4, shape=(3, 4, 2))
    back = ttfs.Conv2d(3, 3, padding=1, initial=rng.integers(-3, 3, (27, 3)) / 4, shape=(3, 4, 3))
    dense = rng.integers(-2, 3, (24, 36)) / 4
    some = sp.coo_array(rng.random((24, 36)) * (rng.random((24, 36)) < 0.1))
    populations = [Population("input", 24), Population("map", 36, rng.integers(1, 5, 36) / 2)]
    chosen = data.draw(st.lists(st.sampled_from(range(3)), unique=True))

    def circuit(of):
        others = [
            Projection("map", "map", of(back), of(back, 0.5)),
            Projection("input", "map", dense),
        ]
        others += [Projection("input", "map", some, 0.25)]
        first = Projection("input", "map", of(conv), delay)
        return Circuit(populations, [first, *(others[k] for k in chosen)], t_max=9, psp=psp)

    def rolled(layer, delay=None):
        return layer if delay is None else delay

    def matrix(layer, delay=None):
        full, there = reference_maps.unrolled(layer, layer.initial)
        inputs, outputs = np.nonzero(there)
        found = sp.csr_array((full[inputs, outputs], (inputs, outputs)), full.shape)
        return found if delay is None else delay

    row = rng.choice([0.0, 0.25, 0.5, 1.0, 3.0, np.inf], 24)
    simulator, twin = Simulator(circuit(rolled), row), Simulator(circuit(matrix), row)
    assert list(simulator) == list(twin)
    assert same_bits(simulator.potential("map"), twin.potential("map"))


def test_neurons_told_to_fire_do_so_in_maps_too():
    network = example()
    given = {"input": ROW, "conv 1": [np.inf] * 7 + [0.25], "pool 1": [0.125, np.inf]}
    simulator = ended(Simulator(network, given))
    assert simulator.times("conv 1")[7] == 0.25
    assert simulator.times("pool 1").tolist() == [0.125, 0.75]
    assert simulator.potential("pool 1").tolist() == [0, 1]


def test_an_input_between_windows_reaches_nobody():
    layer = ttfs.Conv2d(1, 1, stride=2, initial=[[1.0]], threshold=1, shape=(1, 4, 1))
    simulator = ended(Simulator(ttfs.Network(layer, t_max=9), [np.inf, 1.0, 2.0, 3.0]))
    assert simulator.times(1).tolist() == [np.inf, 2.0]
    assert simulator.synaptic_events == 1


# Questions


@pytest.mark.parametrize("psp", RESPONSES)
def test_explanations_of_a_map_name_the_inputs_of_its_window(psp):
    simulator = ended(Simulator(example(psp), ROW))
    layer = simulator.circuit.projections[0].layer
    for neuron in range(8):
        heard = {i for i, _ in reference_maps.window(layer, neuron)}
        told = simulator.explain("conv 1", neuron)
        column = neuron % 2
        rows = dict(reference_maps.window(layer, neuron))
        assert {i.neuron for i in told.inputs} <= heard
        weights = [layer.initial[rows[i.neuron], column] for i in told.inputs]
        assert [i.weight for i in told.inputs] == weights
        assert told.time == simulator.times("conv 1")[neuron]
        assert told.margin == pytest.approx(0) or psp == ttfs.Step()


@pytest.mark.parametrize("psp", RESPONSES)
def test_a_neuron_of_a_pool_is_explained_by_what_came_first(psp):
    simulator = ended(Simulator(example(psp), ROW))
    told = simulator.explain("pool 1", 0)
    assert told.pools
    sender = np.unravel_index(told.inputs[0].neuron, simulator.circuit.shapes[1])
    assert f" conv 1 {told.inputs[0].neuron} {tuple(map(int, sender))} " in str(told)
    assert told.time == simulator.times("conv 1")[::2].min() + 0.5
    assert {i.time for i in told.inputs} == {told.time}
    assert ", with its first arrival\n" in str(told)
    silent = simulated(example(psp), np.full(9, np.inf)).explain("pool 1", 1)
    assert str(silent) == "pool 1 1 has not fired; nothing has reached it"


@pytest.mark.parametrize("psp", RESPONSES)
@pytest.mark.parametrize("until", [0.75, 1.25, 30.0])
def test_traces_of_maps_end_at_their_potential(psp, until):
    simulator = Simulator(example(psp), ROW)
    simulator.run(until)
    for layer in range(4):
        for trace, potential in zip(
            simulator.trace(layer), simulator.potential(layer), strict=True
        ):
            assert trace.potential[-1] == potential


@pytest.mark.parametrize("psp", RESPONSES)
def test_a_pool_jumps_whatever_the_response(psp):
    simulator = ended(Simulator(example(psp), ROW))
    (trace,) = simulator.trace("pool 1", 0)
    assert trace.potential.tolist()[:3] == [0, 0, 1]
    assert set(trace.times[1:]) == {trace.spike}


def test_what_if_changes_a_shared_weight_at_all_positions():
    simulator = Simulator(example(), ROW)
    changed = simulator.what_if(weights={("input", 0, "conv 1", 0): 9.0}).simulator
    network = example()
    network.weights[0][0, 0] = 9.0
    twin = ended(Simulator(network, ROW))
    assert same_bits(changed.times("conv 1"), twin.times("conv 1"))
    layer = changed.circuit.projections[0]
    assert layer.weights[0, 0] == layer.layer.initial[0, 0] == 9
    assert simulator.circuit.projections[0].weights[0, 0] < 1


def test_what_if_refuses_weights_that_are_not_there_or_one_and_the_same():
    simulator = Simulator(example(), ROW)
    with pytest.raises(InputError, match="input 8 -> conv 1 0: there are 0 synapses"):
        simulator.what_if(weights={("input", 8, "conv 1", 0): 1.0})
    with pytest.raises(InputError, match="input 1 -> conv 1 2: its weight is also that of input 0"):
        simulator.what_if(weights={("input", 0, "conv 1", 0): 1, ("input", 1, "conv 1", 2): 2})
    with pytest.raises(InputError, match="what fires with the first spike has no weights"):
        simulator.what_if(weights={("conv 1", 0, "pool 1", 0): 1.0})


@pytest.mark.parametrize("psp", RESPONSES)
def test_what_if_silences_a_neuron_of_a_pool(psp):
    simulator = Simulator(example(psp), ROW)
    found = simulator.what_if(times={("pool 1", 0): np.inf})
    assert np.isinf(found.simulator.times("pool 1")[0])
    assert np.isfinite(ended(simulator).times("pool 1")[0])
    assert str(found.simulator.explain("pool 1", 0)).startswith("pool 1 0 has not fired")


# Stops and copies


@pytest.mark.parametrize("psp", RESPONSES)
def test_a_run_stops_at_spikes_and_potentials_of_maps(psp):
    simulator, twin = Simulator(example(psp), ROW), ended(Simulator(example(psp), ROW))
    simulator.break_on(layer="conv 1", neuron=3, potential=0.3)
    simulator.break_on(layer="pool 1")
    reasons = []
    while (why := simulator.run()) != "end":
        reasons.append(why)
    assert reasons.count("spike") == np.isfinite(twin.times("pool 1")).sum()
    assert "potential" in reasons
    assert same_bits(simulator.times("output"), twin.times("output"))


@pytest.mark.parametrize("delay", [0.0, np.arange(9) / 8])
@pytest.mark.parametrize("psp", RESPONSES)
def test_snapshots_and_copies_of_maps_go_on_as_the_original(psp, delay):
    simulator = Simulator(example(psp, delay=delay), ROW)
    for _ in range(11):
        simulator.step()
    moment, twins = simulator.snapshot(), [copy.deepcopy(simulator)]
    twins.append(pickle.loads(pickle.dumps(simulator)))
    rest = list(simulator)
    simulator.restore(moment)
    assert list(simulator) == rest
    assert all(list(twin) == rest for twin in twins)


def test_a_copy_of_a_circuit_shares_no_weights_and_has_the_same_digest():
    network = example(delay=np.arange(9) / 8)
    circuit = Circuit.of(network)
    other = pickle.loads(pickle.dumps(circuit))
    assert not np.shares_memory(other.plan.weights, network.arrays.weights)
    assert other.digest == copy.deepcopy(other).digest
    assert list(Simulator(other, ROW)) == list(Simulator(circuit, ROW))
    assert other.projections[0].layer.gives == (2, 2, 2)


# What is refused

CONV = ttfs.Conv2d(1, 2, initial=np.ones((4, 1)), shape=(3, 3, 1))
WRONG = {
    "no shape": (lambda: Projection("a", "b", ttfs.Conv2d(1, 2, initial=np.ones((4, 1)))), "shape"),
    "no shape of a pool": (lambda: Projection("a", "b", ttfs.MinPool2d(2)), "shape"),
    "no weights": (lambda: Projection("a", "b", ttfs.Conv2d(1, 2, shape=(3, 3, 1))), "initial"),
    "a delay of its own": (
        lambda: Projection("a", "b", ttfs.MinPool2d(2, delay=1, shape=(2, 2, 1))),
        r"must not have a delay; pass Projection\(delay",
    ),
    "delays of pairs": (
        lambda: Projection("a", "b", CONV, delay=np.ones((9, 4))),
        r"delays must have the shape \(9,\), got \(9, 4\)",
    ),
    "a delay below 0": (lambda: Projection("a", "b", CONV, delay=-np.ones(9)), "0 or more"),
    "other sizes": (
        lambda: Circuit([Population("a", 9), Population("b", 5)], [Projection("a", "b", CONV)]),
        r"a -> b: neurons of Conv2d\(1, 2\) must be \(9, 5\), got \(9, 4\)",
    ),
    "a loop without delay": (
        lambda: Circuit([Population("b", 4), Population("a", 9)], [Projection("a", "b", CONV)]),
        "needs a delay above 0",
    ),
    "a pool that hears more": (
        lambda: Circuit(
            [Population("a", 4), Population("b", 1, 1.0)],
            [
                Projection("a", "b", np.ones((4, 1))),
                Projection("a", "b", ttfs.MinPool2d(2, shape=(2, 2, 1))),
            ],
        ),
        "must receive nothing else",
    ),
}


@pytest.mark.parametrize(("make", "words"), WRONG.values(), ids=WRONG.keys())
def test_projections_that_are_no_map_are_refused(make, words):
    with pytest.raises((InputError, ShapeError), match=words):
        make()


def test_places_are_understood_where_neurons_are_asked_for():
    simulator, out = ended(Simulator(example(ttfs.Step()), ROW)), io.StringIO()
    console = Console(simulator, out)
    for question in ("e conv 1 2", "e conv 1 (0, 1, 0)", "e conv 1 0 1 0"):
        console.obey(question)
    first, second, third = re.split(r"(?=conv 1 2 \()", out.getvalue())[1:]
    assert first == second == third
    console.obey("e conv 1 0 1")
    assert "'0 1' is not a neuron of conv 1" in out.getvalue()


def test_states_are_told_apart_by_their_lengths_and_lie_where_their_names_say():
    fields = [kind._fields for kind in (steps.State, ramps.State, ramps.Ending)]
    assert len(set(map(len, fields))) == 3
    assert len(ramps.State._fields) == ENDLESS
    assert ramps.Ending._fields[:ENDLESS] == ramps.State._fields
    memory = Simulator(example(ttfs.Ramp(1.5)), ROW)._handed[1]
    volts, times, whole, few, queue, crossing, sums = memory
    state = ramps.parts(memory)
    where = {
        **dict(zip(("slope", "total", "limits", "at_spike"), volts, strict=True)),
        **{"spikes": times[0], "stimulus_time": times[1], "crossing": crossing},
        **{"stimulus": whole[0], "fired": whole[1], "soonest": whole[2], "listed": whole[3]},
        **dict.fromkeys(("counters", "bins", "counts", "heads", "heap"), few),
        **{"flags": whole[4], "heap_time": queue, "clock": queue},
        **{"summed": sums[0], "bulk": sums[1]},
    }
    assert where.keys() == set(state._fields)
    for name, array in state._asdict().items():
        assert np.shares_memory(array, where[name]), name
