import copy
import dataclasses
import pickle
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp
from cases import same_bits
from cases_circuits import finished
from hypothesis import given
from hypothesis import strategies as st
from test_simulator import chain, drawn, rebuilt, same_state

import ttfs
from ttfs import Circuit, Network, Population, Projection, Simulator
from ttfs.errors import InputError

pytestmark = pytest.mark.small
INF = np.inf


def weights_of(*changes):
    """The weights of `chain`, some of them changed."""
    weights = np.array([[1.0, 0.5], [1.0, 0.5]])
    for place, value in changes:
        weights[place] = value
    return weights


def drawn_chain(weights=None, threshold=(2.0, 0.75), delay=1.0, names="ab", **settings):
    """`chain` as a circuit, of which anything may be different."""
    populations = [Population(names[0], 2), Population(names[1], 2, threshold)]
    weights = weights_of() if weights is None else weights
    projection = Projection(names[0], names[1], weights, delay)
    return Circuit(populations, [projection], **({"t_max": 20} | settings))


OTHERS = {
    "a weight": {"weights": weights_of(((1, 0), 1.0000001))},
    "a weight of another sign": {"weights": -weights_of()},
    "weights of which some are none": {"weights": sp.csr_array(weights_of(((0, 1), 0)))},
    "all weights, as synapses": {"weights": sp.csr_array(weights_of())},
    "a threshold": {"threshold": (2.0, 0.5)},
    "a delay": {"delay": 1.5},
    "delays of synapses": {"delay": np.full((2, 2), 1.0)},
    "a name": {"names": "ac"},
    "a horizon": {"t_max": 21},
    "no horizon": {"t_max": INF},
    "a response": {"psp": ttfs.Ramp()},
    "a precision": {"dtype": np.float64},
    "a unit": {"unit": "ms"},
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
def test_a_snapshot_of_another_circuit_is_refused(other):
    simulator = Simulator(drawn_chain(), [1.0, 3.0])
    with pytest.raises(InputError, match="of another circuit"):
        simulator.restore(Simulator(drawn_chain(**other), [1.0, 3.0]).snapshot())
    assert simulator.run() == "end"


def test_a_snapshot_of_a_wider_or_a_changed_circuit_is_refused():
    simulator = Simulator(chain(), [1.0, 3.0])
    wider = Network(ttfs.Dense.of(np.ones((2, 65)), threshold=1), t_max=20)
    questions = (
        {"thresholds": {(1, 0): 1.0}},
        {"weights": {(0, 0, 1, 0): 0.5}},
        {"times": {(1, 0): 1}},
    )
    changed = [simulator.what_if(**question).simulator for question in questions]
    for other in (Simulator(wider, [1.0, 3.0]), *changed):
        with pytest.raises(InputError, match="of another circuit"):
            simulator.restore(other.snapshot())
    assert simulator.run() == "end"


def test_a_snapshot_with_times_of_another_precision_is_refused():
    circuit = ttfs.Circuit.of(chain())
    simulator = Simulator(circuit, [1.0, 3.0])
    other = Simulator(circuit, np.zeros(2, np.float32))
    with pytest.raises(InputError, match=r"stimulus in float32.* has one in float64"):
        simulator.restore(other.snapshot())
    assert simulator.run() == "end"


def test_simulators_of_one_circuit_share_snapshots():
    circuit = ttfs.Circuit.of(chain())
    first, second = Simulator(circuit, [1.0, 3.0]), Simulator(circuit, [5.0, 6.0])
    first.run(until=2.5)
    second.restore(first.snapshot())
    assert list(second) == list(first)
    second.reset()
    assert second.step().time == 1.0


@given(data=st.data())
def test_simulators_of_equal_circuits_share_snapshots(data):
    circuit, stimulus = drawn(data)
    first, second = Simulator(circuit, stimulus), Simulator(rebuilt(circuit), stimulus)
    for _ in range(data.draw(st.integers(0, 12))):
        first.step()
    second.run()
    second.restore(pickle.loads(pickle.dumps(first.snapshot())))
    assert list(second) == list(first)


def test_simulators_of_equal_networks_share_snapshots():
    first, second = Simulator(chain(), [1.0, 3.0]), Simulator(chain(), [5.0, 6.0])
    first.run(until=2.5)
    second.restore(first.snapshot())
    assert second.time == 2.5
    assert list(second) == list(first)


SNAPSHOT_OF_ANOTHER_PROCESS = """
import sys, pickle, ttfs
names, weights = sys.argv[1], eval(sys.argv[2])
populations = [ttfs.Population(names[0], 2), ttfs.Population(names[1], 2, (2.0, 0.75))]
circuit = ttfs.Circuit(populations, [ttfs.Projection(*names, weights, 1.0)], t_max=20)
simulator = ttfs.Simulator(circuit, [1.0, 3.0])
simulator.run(until=2.5)
sys.stdout.buffer.write(pickle.dumps(simulator.snapshot()))
"""


@pytest.mark.parametrize("same", [True, False])
def test_a_snapshot_of_another_process_is_known_by_its_circuit(same):
    weights = weights_of() if same else 2 * weights_of()
    told = [sys.executable, "-c", SNAPSHOT_OF_ANOTHER_PROCESS, "ab", repr(weights.tolist())]
    snapshot = pickle.loads(subprocess.run(told, capture_output=True, check=True).stdout)
    simulator = Simulator(drawn_chain(), [5.0, 6.0])
    if same:
        simulator.restore(snapshot)
        assert (simulator.time, simulator.step().time) == (2.5, 3.0)
    else:
        with pytest.raises(InputError, match="of another circuit"):
            simulator.restore(snapshot)


def test_weights_changed_in_place_do_not_part_a_simulator_from_its_snapshots():
    network = chain()
    simulator = Simulator(network, [1.0, 3.0])
    snapshot = simulator.snapshot()
    network.weights[0][:] = 2.0
    simulator.restore(snapshot)
    assert (simulator.run(), simulator.times(1).tolist()) == ("end", [2.0, 2.0])
    assert Simulator(network, [1.0, 3.0]).circuit.digest != simulator.circuit.digest


@pytest.mark.parametrize("psp", [ttfs.Step(), ttfs.Ramp(2.0)])
@pytest.mark.parametrize("delay", [1.0, np.ones((2, 2))], ids=["one delay", "own delays"])
def test_a_snapshot_that_was_changed_is_refused_wherever_it_was(psp, delay):
    simulator = Simulator(drawn_chain(delay=delay, psp=psp), [1.0, 3.0])
    simulator.run(until=2.5)
    whole = simulator.snapshot()
    rest = list(simulator)
    for place, array in enumerate(whole.state):
        for index in np.ndindex(array.shape):
            snapshot = copy.deepcopy(whole)
            snapshot.state[place][index] += 1
            if not same_bits(snapshot.state[place], array):  # of inf, 1 more is the same
                with pytest.raises(InputError, match="was changed"):
                    simulator.restore(snapshot)
    simulator.restore(whole)
    assert list(simulator) == rest


def parts_changed(snapshot, **changes):
    """A snapshot of which arrays were replaced."""
    return dataclasses.replace(snapshot, state=snapshot.state._replace(**changes))


WRONG_STATES = {
    "longer": lambda s: parts_changed(s, heap=np.zeros((9, 4), np.int64)),
    "shorter": lambda s: parts_changed(s, fired=s.state.fired[:-1]),
    "of another kind": lambda s: parts_changed(s, counters=s.state.counters.astype(np.int32)),
    "no array": lambda s: parts_changed(s, heap=None),
    "a list": lambda s: parts_changed(s, potential=s.state.potential.tolist()),
    "none": lambda s: dataclasses.replace(s, state=None),
    "a tuple": lambda s: dataclasses.replace(s, state=tuple(s.state)),
    "at another time": lambda s: dataclasses.replace(s, reached=3.0),
    "at no time": lambda s: dataclasses.replace(s, reached="now"),
    "unsealed": lambda s: dataclasses.replace(s, seal=None),
}


@pytest.mark.parametrize("change", WRONG_STATES.values(), ids=WRONG_STATES.keys())
def test_a_snapshot_of_other_arrays_is_refused(change):
    simulator = Simulator(chain(), [1.0, 3.0])
    snapshot = change(simulator.snapshot())
    with pytest.raises(InputError, match="was changed"):
        simulator.restore(snapshot)
    assert simulator.run() == "end"


@pytest.mark.parametrize("no_snapshot", [None, "x", 3, (), chain(), Simulator(chain(), [1, 3])])
def test_what_is_no_snapshot_is_refused(no_snapshot):
    with pytest.raises(InputError, match="must be what `snapshot` returns"):
        Simulator(chain(), [1.0, 3.0]).restore(no_snapshot)


# Copies


def copied(one):
    """Copies of all kinds."""
    return [copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one))]


@given(data=st.data())
def test_a_copied_simulator_goes_on_by_itself_as_the_first_would(data):
    circuit, stimulus = drawn(data)
    circuit = rebuilt(circuit, psp=data.draw(st.sampled_from([ttfs.Step(), ttfs.Ramp(0.5)])))
    simulator = Simulator(circuit, stimulus)
    for _ in range(data.draw(st.integers(0, 12))):
        simulator.step()
    simulator.run(until=simulator.time + data.draw(st.sampled_from([0.0, 0.1])))
    before = simulator.snapshot()
    for other in copied(simulator):
        assert same_state(other, simulator)
        assert other.time == simulator.time
        rest = list(other)
        simulator.restore(before)
        assert list(simulator) == rest
        assert same_state(other, simulator)
        other.reset()
        assert list(other) == list(Simulator(circuit, stimulus))
        simulator.restore(before)


def test_a_copy_has_its_own_breaks():
    simulator = Simulator(chain(), [1.0, 3.0])
    simulator.break_on(time=2.5)
    simulator.break_on(layer="output", neuron=1, potential=0.25)
    for other in copied(simulator):
        other.break_on(layer=0)
        assert [(other.run(), other.time) for _ in range(4)] == [
            ("spike", 1.0),
            ("potential", 2.0),
            ("time", 2.5),
            ("spike", 3.0),
        ]
    assert [(simulator.run(), simulator.time) for _ in range(3)] == [
        ("potential", 2.0),
        ("time", 2.5),
        ("end", 4.0),
    ]


def test_copies_take_snapshots_of_each_other():
    simulator = Simulator(chain(), [1.0, 3.0])
    for other in copied(simulator):
        other.run(until=2.5)
        simulator.restore(other.snapshot())
        assert (simulator.time, simulator.events) == (2.5, other.events)
        other.restore(simulator.snapshot())


def test_a_deep_copy_shares_no_weights_with_the_network():
    network = chain()
    simulator = Simulator(network, [1.0, 3.0])
    for other in copied(simulator)[1:]:
        assert not np.shares_memory(other.plan.weights, network.weights[0])
    network.weights[0][:] = 0
    assert finished(other.circuit, [1.0, 3.0]).times(1).tolist() == [4.0, 4.0]


def test_a_simulator_whose_weights_were_changed_in_place_is_copied_as_it_is():
    network = chain()
    simulator = Simulator(network, [1.0, 3.0])
    simulator.snapshot()
    network.weights[0][:] = 2.0
    for other in copied(simulator):
        other.run()
        assert other.times(1).tolist() == [2.0, 2.0]
