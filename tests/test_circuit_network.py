"""Feed-forward circuits as networks, which learn, and back."""

import numpy as np
import pytest
import scipy.sparse as sp
from cases import any_stimuli, binary_networks, compiled, delayed_networks, same_record
from cases_maps import map_networks
from cases_windows import networks as window_networks
from hypothesis import assume, given
from hypothesis import strategies as st

import ttfs
from ttfs import Circuit, Conv2d, Population, Projection, Ramp
from ttfs.errors import InputError
from ttfs.rules import Exact

pytestmark = pytest.mark.small


def check_round_trip(network, times):
    """The network of a network's circuit does the same in every bit."""
    again = Circuit.of(network).network()
    with np.errstate(all="ignore"):
        assert same_record(ttfs.forward(network, times), ttfs.forward(again, times))
    assert (again.t_max, again.dtype, again.unit) == (network.t_max, network.dtype, network.unit)
    assert again.psp == network.psp
    assert again.sizes == network.sizes


@given(data=st.data())
def test_the_network_of_a_networks_circuit_does_the_same(data):
    kinds = st.one_of(delayed_networks(), binary_networks(), map_networks(most=3))
    network = data.draw(kinds)
    check_round_trip(network, data.draw(any_stimuli(network)))


@given(drawn=window_networks())
def test_so_does_that_of_a_network_with_windows(drawn):
    network, values = drawn
    assume(not network.skips)
    check_round_trip(network, 1 - values)


def chain(**changes):
    """A circuit of two populations that can be a network."""
    told = {"weights": np.full((4, 2), 0.5), "threshold": 1.0, "delay": 0.25, "t_max": 8} | changes
    populations = [Population("retina", 4), Population("cell", 2, told["threshold"])]
    projection = Projection("retina", "cell", told["weights"], told["delay"])
    more = told.get("more", [])
    return Circuit(populations, [projection, *more], t_max=told["t_max"], psp=Ramp(), unit="ms")


@compiled
def test_a_circuit_learns_as_its_network():
    rng = np.random.default_rng(0)
    times, labels = rng.uniform(0, 1, (60, 4)), np.arange(60) % 2
    times[labels == 1, :2] += 2
    times[labels == 0, 2:] += 2
    circuit = chain()
    network = circuit.network()
    trainer = ttfs.Trainer(network, Exact(), ttfs.Adam(lr=0.02), batch_size=10)
    trainer.fit(times, labels, epochs=15, validation=0)
    learned = Circuit.of(network, names=circuit.names)
    assert repr(learned) == repr(circuit)
    assert learned.unit == "ms"
    record = ttfs.forward(learned, {"retina": times})
    found = ttfs.decide(record.times[-1], record.potential)
    assert np.mean(found.label == labels) > 0.9
    assert same_record(record, ttfs.forward(network, times))
    assert circuit.projections[0].weights.tolist() == [[0.5, 0.5]] * 4, "weights are copied"
    assert np.shares_memory(learned.plan.weights, network.arrays.weights)


def test_sparse_weights_that_are_all_there_are_dense():
    network = chain(weights=sp.csr_array(np.ones((4, 2)))).network()
    assert network.weights[0].tolist() == [[1.0, 1.0]] * 4


def test_delays_of_synapses_become_those_of_pairs():
    delays = np.arange(8.0).reshape(4, 2)
    network = chain(delay=sp.csr_array(delays)).network()
    assert network.delays[0].tolist() == delays.tolist()


CELL = Projection("cell", "cell", np.eye(2), 0.5)
REFUSED = {
    "endless": ({"t_max": np.inf}, r"has a horizon: set Circuit\(t_max=...\)"),
    "sparse": ({"weights": sp.csr_array(np.eye(4, 2))}, r"retina -> cell: is sparse.*toarray\(\)"),
    "loop": ({"more": [CELL]}, "cell -> cell: in a network, each projection leads"),
    "twice": (
        {"more": [Projection("retina", "cell", np.ones((4, 2)))]},
        "one projection from each population to the next",
    ),
    "never": ({"threshold": np.inf}, "population 'cell': thresholds of a network must be finite"),
}


@pytest.mark.parametrize(("changes", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_chain_is_no_network(changes, words):
    with pytest.raises(InputError, match=words):
        chain(**changes).network()


def test_a_population_apart_is_no_layer():
    circuit = Circuit([Population("a", 2), Population("b", 2, 1.0)], [], t_max=3)
    with pytest.raises(InputError, match="one projection from each population to the next"):
        circuit.network()


def test_neurons_of_a_channel_have_one_threshold():
    layer = Conv2d(1, 2, initial=np.ones((4, 1)), shape=(2, 3, 1))
    populations = [Population("a", 6), Population("b", 2, [1.0, 2.0])]
    circuit = Circuit(populations, [Projection("a", "b", layer)], t_max=9)
    with pytest.raises(InputError, match="'b': thresholds of a network must be the same at each"):
        circuit.network()


@pytest.mark.parametrize("names", [["a"], ["a", "a"], ["a", "b\n"], ["a", 3]])
def test_names_of_a_networks_populations_are_checked(names):
    with pytest.raises(InputError, match="names="):
        Circuit.of(chain().network(), names=names)
