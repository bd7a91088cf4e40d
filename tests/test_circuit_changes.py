"""What if a delay were another, in circuits and networks."""

import numpy as np
import pytest
import scipy.sparse as sp
from cases import QUARTERS, SEEDS, same_bits
from cases_circuits import (
    BACKWARD,
    FORWARD,
    INSTANTS,
    check_course,
    circuits,
    finished,
    given_of,
    stimuli,
)
from hypothesis import assume, given
from hypothesis import strategies as st
from reference import course_of

from ttfs import Circuit, Conv2d, Network, Population, Projection, Ramp, Simulator, Windows
from ttfs.engines.circuit import settings_of
from ttfs.errors import InputError
from ttfs.network.layers import Dense

pytestmark = pytest.mark.small


def with_every_delay(projection, change):
    """A projection built anew with a delay for each synapse, of which some are changed."""
    weights, delay = projection.weights, projection.delay
    delays = delay.toarray() if sp.issparse(delay) else np.broadcast_to(delay, weights.shape)
    delays = change(np.array(delays, float))
    if not sp.issparse(weights):
        rows, columns = (
            np.nonzero(weights) if np.ndim(delay) else np.indices(weights.shape).reshape(2, -1)
        )
        weights = sp.coo_array((weights[rows, columns], (rows, columns)), weights.shape)
    return Projection(projection.source, projection.target, weights, delays)


def built_anew(circuit, r, change):
    """A circuit from its own parts, with other delays along one projection."""
    parts = list(circuit.projections)
    parts[r] = with_every_delay(parts[r], change)
    return Circuit(circuit.populations, parts, **settings_of(circuit))


def alone(circuit, r):
    """Whether no other projection leads from its source to its target."""
    ends = [(p.source, p.target) for p in circuit.projections]
    return ends.count(ends[r]) == 1


@given(data=st.data())
def test_another_delay_of_a_projection_gives_the_circuit_that_has_it(data):
    circuit = data.draw(circuits())
    assume(circuit.projections)
    r = data.draw(st.integers(0, len(circuit.projections) - 1))
    one = circuit.projections[r]
    assume(alone(circuit, r))
    delay = data.draw(st.sampled_from(FORWARD if one.source < one.target else BACKWARD))
    stimulus = data.draw(stimuli(circuit))
    found = Simulator(circuit, stimulus).what_if(delays={(one.source, one.target): delay})
    other = built_anew(circuit, r, lambda delays: np.full(delays.shape, delay))
    check_course(found.simulator, course_of(other, given_of(stimulus)))
    assert found.simulator.synaptic_events == finished(other, stimulus).synaptic_events


@given(data=st.data())
def test_another_delay_of_a_synapse_gives_the_circuit_that_has_it(data):
    circuit = data.draw(circuits())
    assume(circuit.projections)
    r = data.draw(st.integers(0, len(circuit.projections) - 1))
    one = circuit.projections[r]
    assume(alone(circuit, r))
    rows, columns = with_every_delay(one, lambda delays: delays).weights.nonzero()
    assume(len(rows))
    place = data.draw(st.integers(0, len(rows) - 1))
    i, j = int(rows[place]), int(columns[place])
    delay = data.draw(st.sampled_from(FORWARD if one.source < one.target else BACKWARD))
    stimulus = data.draw(stimuli(circuit))
    found = Simulator(circuit, stimulus).what_if(delays={(one.source, i, one.target, j): delay})

    def change(delays):
        delays[i, j] = delay
        return delays

    other = built_anew(circuit, r, change)
    check_course(found.simulator, course_of(other, given_of(stimulus)))
    assert found.simulator.synaptic_events == finished(other, stimulus).synaptic_events


@pytest.mark.parametrize("psp", [Ramp(), Ramp(1.5)])
@given(seed=SEEDS)
def test_delays_of_a_network_are_those_of_its_layers(psp, seed):
    rng = np.random.default_rng(seed)
    weights, last = rng.normal(0.5, 1, (7, 17)), rng.normal(0.5, 1, (17, 3))
    i, j, other = rng.integers(7), rng.integers(17), rng.choice([0.0, 0.3, 1.7])
    each = np.full((7, 17), 0.5)
    each[i, j] = other
    networks = [
        Network(
            Dense.of(weights, threshold=1.0, delay=delay),
            Dense.of(last, threshold=1.0, delay=0.25),
            psp=psp,
            t_max=9,
        )
        for delay in (0.5, other, each)
    ]
    times = rng.choice(INSTANTS, 7)
    asked = [{("input", "hidden"): other}, {("input", i, "hidden", j): other}]
    for delays, network in zip(asked, networks[1:], strict=True):
        found = Simulator(networks[0], times).what_if(delays=delays).simulator
        expected = finished(network, times)
        for layer in range(3):
            assert same_bits(found.times(layer), expected.times(layer))
            assert same_bits(found.potential(layer), expected.potential(layer))
    assert not networks[0].delayed[0], "the network itself stays as it was"


def test_delays_change_together_with_weights_and_thresholds():
    circuit = Circuit(
        [Population("a", 2), Population("b", 1, 2.0)], [Projection("a", "b", [[1.0], [1.0]], 1.0)]
    )
    found = Simulator(circuit, [1.0, 3.0]).what_if(
        delays={("a", 0, "b", 0): 4.0}, weights={("a", 0, "b", 0): 2.0}
    )
    assert [(c.before, c.after) for c in found.moved] == [(4.0, 5.0)]
    changed = found.simulator.circuit.projections[0]
    assert changed.delay.toarray().tolist() == [[4.0], [1.0]]
    assert circuit.projections[0].delay == 1.0


def test_the_delay_of_a_map_is_that_of_all_its_synapses():
    layers = Conv2d(1, 2, initial=np.ones((4, 1)), threshold=2.0), Dense(None, 2)
    simulator = Simulator(Network(*layers, shape=(2, 3, 1), t_max=9), np.arange(6.0))
    found = simulator.what_if(delays={("input", "conv 1"): 0.5})
    assert [(c.before, c.after) for c in found.moved[:2]] == [(1.0, 1.5), (2.0, 2.5)]
    with pytest.raises(InputError, match=r"of a map .* \{\('input', 'conv 1'\): delay\}"):
        simulator.what_if(delays={("input", 0, "conv 1", 0): 0.5})


TWICE = [Projection("a", "b", np.eye(2)), Projection("a", "b", np.eye(2), 1.0)]
REFUSED = {
    "a list": ([], r"wants \{\(layer, layer\): delay\}.*got \[\]"),
    "no ends": ({3: 1.0}, "got the key 3"),
    "three": ({("a", 0, "b"): 1.0}, r"got the key \('a', 0, 'b'\)"),
    "nobody": ({("a", "x"): 1.0}, "no layer is called 'x'"),
    "no projection": ({("b", "a"): 1.0}, "b -> a: there are 0 projections"),
    "no synapse": ({("a", 0, "b", 1): 1.0}, "a 0 -> b 1: there are 0 synapses"),
    "in words": ({("a", "b"): "soon"}, "a -> b: delay must be a number"),
    "negative": ({("a", "b"): -1.0}, "a -> b: delays must be 0 or more"),
    "endless": ({("a", 0, "b", 0): np.inf}, "a -> b: delays must be 0 or more and finite"),
    "told twice": ({("a", "b"): 1.0, (0, 1): 2.0}, "got a -> b twice"),
    "a loop at once": ({("b", "b"): 0.0}, "b -> b: a projection to the same.*delay above 0"),
}


@pytest.mark.parametrize(("delays", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_delays_that_cannot_be_meant_are_refused(delays, words):
    projections = [
        Projection("a", "b", sp.csr_array(np.eye(2)), 0.5),
        Projection("b", "b", np.eye(2), 0.5),
    ]
    circuit = Circuit([Population("a", 2), Population("b", 2, 1.0)], projections)
    with pytest.raises(InputError, match=words):
        Simulator(circuit, [1.0, 2.0]).what_if(delays=delays)


def test_of_several_projections_none_is_meant():
    circuit = Circuit([Population("a", 2), Population("b", 2, 1.0)], TWICE)
    with pytest.raises(InputError, match="a -> b: there are 2 projections, not one"):
        Simulator(circuit, [1.0, 2.0]).what_if(delays={("a", "b"): 1.0})


def test_with_windows_a_delay_keeps_to_its_window():
    network = Network(Dense.of([[1.0]], threshold=2.0), psp=Windows())
    with pytest.raises(InputError, match="projection has one delay"):
        Simulator(network, [0.5]).what_if(delays={("input", 0, "output", 0): 0.5})


def test_own_delays_of_a_large_layer_are_those_of_quarters():
    rng = np.random.default_rng(1)
    circuit = Circuit(
        [Population("a", 40), Population("b", 130, 2.0)],
        [Projection("a", "b", rng.choice(QUARTERS, (40, 130)), 0.5)],
    )
    simulator = Simulator(circuit, rng.choice(INSTANTS, 40))
    same = simulator.what_if(delays={("a", 3, "b", 7): 0.5})
    assert str(same) == "nothing changes"
