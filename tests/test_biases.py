"""Biases of circuits: each is the weight of an input that arrives at 0, before all others."""

from dataclasses import replace

import numpy as np
import pytest
from cases import FLOATS, PAIRS, QUARTERS, SEEDS, same_bits
from cases_circuits import INSTANTS, circuits, finished, stimuli
from hypothesis import given
from hypothesis import strategies as st
from reference import course_of

import ttfs
from ttfs import Circuit, Conv2d, MinPool2d, Population, Projection, Ramp, Simulator, Step, Windows
from ttfs.engines.changes import with_thresholds
from ttfs.engines.circuit import settings_of
from ttfs.errors import InputError

pytestmark = pytest.mark.small
INF = np.inf


def with_biases(circuit, rng, psp, values=QUARTERS):
    """A circuit with biases, which with steps are below the thresholds."""
    populations = []
    for one in circuit.populations:
        bias = rng.choice(values, one.size)
        if psp == Step():
            bias = np.minimum(bias, np.broadcast_to(one.threshold, one.size) - 0.125)
        populations.append(replace(one, bias=bias if rng.random() < 0.8 else float(bias.min())))
    return Circuit(populations, circuit.projections, **settings_of(circuit) | {"psp": psp})


def spelled_out(circuit):
    """The same circuit with a population of one neuron, the first of all, in place of biases."""
    populations = [Population("bias", 1)]
    projections = []
    for one in circuit.populations:
        weights = np.broadcast_to(one.bias, (1, one.size))
        populations.append(replace(one, bias=0.0))
        projections.append(Projection("bias", one.name, weights))
    return Circuit(populations, [*projections, *circuit.projections], **settings_of(circuit))


def check_alike(circuit, stimulus, dtype):
    """A circuit does what it does with its biases spelled out, in every bit."""
    one = finished(circuit, stimulus)
    other = finished(spelled_out(circuit), stimulus | {"bias": np.zeros(1, dtype)})
    for name in circuit.names:
        assert same_bits(one.times(name), other.times(name))
        assert same_bits(one.potential(name), other.potential(name))


@pytest.mark.parametrize("psp", [Step(), Ramp()])
@pytest.mark.parametrize(("dtype", "time_dtype"), PAIRS)
@given(data=st.data(), seed=SEEDS)
def test_a_bias_is_an_input_that_arrives_at_0_before_all_others(psp, dtype, time_dtype, data, seed):
    rng = np.random.default_rng(seed)
    values = QUARTERS if data.draw(st.booleans()) else rng.normal(0.3, 1, 20)
    circuit = with_biases(data.draw(circuits(dtype)), rng, psp, values)
    stimulus = data.draw(stimuli(circuit, time_dtype))
    check_alike(circuit, stimulus, time_dtype)
    other = stimulus | {"bias": np.zeros(1, time_dtype)}
    simulators = Simulator(circuit, stimulus), Simulator(spelled_out(circuit), other)
    for until in np.sort(rng.uniform(0, 9, 3)):
        for simulator in simulators:
            simulator.run(until)
        for name in circuit.names:
            first, second = (simulator.potential(name) for simulator in simulators)
            assert same_bits(first, second)


@given(data=st.data(), seed=SEEDS)
def test_circuits_with_initial_potentials_equal_exact_arithmetic(data, seed):
    circuit = with_biases(data.draw(circuits()), np.random.default_rng(seed), Step())
    stimulus = data.draw(stimuli(circuit))
    other = spelled_out(circuit)
    told = {"bias": np.zeros(1), **stimulus}
    spikes = {
        (other.layer(name), j): float(t) for name, row in told.items() for j, t in enumerate(row)
    }
    course = course_of(other, spikes)
    found = finished(circuit, stimulus)
    for k, population in enumerate(circuit.populations):
        spikes = [float(course.spikes.get((k + 1, j), INF)) for j in range(population.size)]
        assert found.times(k).tolist() == spikes


@pytest.mark.parametrize("psp", [Step(), Ramp()])
def test_biases_of_maps_are_those_of_their_neurons(psp):
    rng = np.random.default_rng(0)
    conv = Conv2d(2, 2, initial=rng.normal(0.5, 1, (4, 2)), shape=(3, 3, 1))
    populations = [Population("a", 9), Population("b", 8, 1.5, rng.uniform(-1, 1.4, 8))]
    circuit = Circuit(populations, [Projection("a", "b", conv, 0.5)], psp=psp, t_max=9)
    for _ in range(20):
        check_alike(circuit, {"a": rng.choice(INSTANTS, 9)}, np.float64)


@pytest.mark.parametrize("psp", [Step(), Ramp()])
@given(seed=SEEDS)
def test_chains_of_dense_layers_begin_with_their_biases(psp, seed):
    rng = np.random.default_rng(seed)
    populations = [Population("a", 7), Population("b", 70, 1.5), Population("c", 3, 2.0)]
    ends = [("a", "b", (7, 70)), ("b", "c", (70, 3))]
    projections = [Projection(a, b, rng.choice(QUARTERS, shape), 0.5) for a, b, shape in ends]
    circuit = with_biases(Circuit(populations, projections, t_max=9), rng, psp)
    check_alike(circuit, {"a": rng.choice(INSTANTS, 7)}, np.float64)


def test_a_batch_begins_with_biases_each_time():
    rng = np.random.default_rng(1)
    populations = [Population("a", 4), Population("b", 5, 2.0, rng.uniform(0, 1, 5))]
    weights = rng.normal(0.5, 1, (4, 5))
    for psp in (Step(), Ramp()):
        circuit = Circuit(populations, [Projection("a", "b", weights)], psp=psp, t_max=5)
        times = rng.uniform(0, 6, (6, 4))
        record = ttfs.forward(circuit, times)
        for s, row in enumerate(times):
            assert same_bits(record.times[1][s], finished(circuit, row).times("b"))
            assert same_bits(record.potential[s], finished(circuit, row).potential("b"))


def alone(psp, bias, threshold=2.0, **settings):
    """One neuron with a bias, and an input that may reach it."""
    populations = [Population("in", 1), Population("cell", 1, threshold, bias)]
    return Circuit(populations, [Projection("in", "cell", [[1.0]])], psp=psp, **settings)


def test_with_endless_ramps_a_bias_alone_makes_a_neuron_fire():
    simulator = finished(alone(Ramp(), 0.5, unit="ms"), [INF])
    assert simulator.times("cell").tolist() == [4.0]
    assert str(simulator.explain("cell", 0)) == (
        "cell 0 fired at 4 ms, reaching its threshold 2; nothing has reached it, and its bias is"
        " 0.5"
    )
    assert finished(alone(Ramp(), 0.5, t_max=4), [INF]).times("cell").tolist() == [INF]
    assert finished(alone(Ramp(), -0.5), [1.0]).times("cell").tolist() == [6.0]


def test_explanations_and_traces_begin_with_the_bias():
    simulator = finished(alone(Step(), 1.25), [3.0])
    assert str(simulator.explain("cell", 0)) == (
        "cell 0 fired at 3 steps, 0.25 above its threshold 2\n"
        "   arrives             from   fired at     weight potential\n"
        "                       bias                       1.25\n"
        "         3             in 0          3         +1 2.25"
    )
    (trace,) = simulator.trace("cell")
    assert trace.times.tolist() == [0, 3, 3, 3]
    assert trace.potential.tolist() == [1.25, 1.25, 2.25, 2.25]
    silent = finished(alone(Step(), 1.25), [INF]).explain("cell", 0)
    assert str(silent) == (
        "cell 0 has not fired; closest at 0 steps, 0.75 below its threshold 2; nothing has"
        " reached it, and its bias is 1.25"
    )
    rising = finished(alone(Ramp(), 0.5), [3.0])
    assert str(rising.explain("cell", 0)) == (
        "cell 0 fired at 3.33333 steps, reaching its threshold 2\n"
        "   arrives             from   fired at     weight potential\n"
        "                       bias                  +0.5 0\n"
        "         3             in 0          3         +1 1.5"
    ).replace("3.33333", rising.precision.time(rising.times("cell")[0]))
    (trace,) = rising.trace("cell")
    assert trace.times.tolist() == [0, 3, rising.times("cell")[0]]
    assert trace.potential.tolist() == [0, 1.5, 2.0]


def test_a_potential_that_falls_was_closest_at_the_beginning():
    circuit = alone(Step(), 1.25)
    circuit = Circuit(circuit.populations, [Projection("in", "cell", [[-1.0]])])
    found = finished(circuit, [3.0]).explain("cell", 0)
    assert (found.closest, found.margin) == (0.0, -0.75)


REFUSED = {
    "at its threshold": (lambda: alone(Step(), 2.0), "'cell': a bias must be below the threshold"),
    "ramps that end": (lambda: alone(Ramp(2), 0.5), r"no bias with Ramp\(rise=2\).*fires at 0"),
    "not finite": (lambda: alone(Step(), INF), "bias must be finite"),
    "too large": (lambda: alone(Ramp(), 1e39), "'cell': bias must fit float32"),
    "a lower threshold": (
        lambda: with_thresholds(alone(Step(), 1.0), {(1, 0): 0.5}),
        "a bias must be below the threshold, got 1 for 0.5",
    ),
    "of a pool": (
        lambda: Circuit(
            [Population("a", 4), Population("b", 1, 1.0, 0.5)],
            [Projection("a", "b", MinPool2d(2, shape=(2, 2, 1)))],
        ),
        "'b': neurons that fire with the first spike of a window have no bias",
    ),
    "as a network": (
        lambda: alone(Step(), 1.0, t_max=4).network(),
        "a layer with a bias needs .*Windows",
    ),
    "on a page": (
        lambda: ttfs.viewer.page(Simulator(alone(Ramp(), 0.5), [1.0])),
        r"a page shows biases only with psp=Windows\(\)",
    ),
}


@pytest.mark.parametrize(("make", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_biases_that_cannot_be_are_refused(make, words):
    with pytest.raises(InputError, match=words):
        make()


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_circuit_with_biases_comes_back_from_its_file(dtype, tmp_path):
    circuit = alone(Ramp(), 0.3, dtype=dtype)
    found = ttfs.load_circuit(ttfs.save_circuit(tmp_path / "c.npz", circuit))
    assert found.digest == circuit.digest
    assert found.populations == circuit.populations


def test_windows_know_their_biases_as_before():
    populations = [Population("in", 1), Population("cell", 1, 2.0, 0.5)]
    circuit = Circuit(populations, [Projection("in", "cell", [[1.0]])], psp=Windows())
    assert finished(circuit, [0.5]).potential("cell").tolist() == [1.0]
