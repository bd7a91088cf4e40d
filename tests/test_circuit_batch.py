"""Batches of stimuli through circuits: what a simulator makes of each of them."""

import re

import numpy as np
import pytest
import scipy.sparse as sp
from cases import PAIRS, SEEDS, TIMES, for_all_threads, same_bits
from cases_circuits import INSTANTS, circuits, finished
from hypothesis import given
from hypothesis import strategies as st

import ttfs
from ttfs import Circuit, Conv2d, Dense, Network, Population, Projection, Ramp, Step, Windows
from ttfs.engines.circuit import settings_of
from ttfs.errors import InputError, ShapeError

pytestmark = pytest.mark.small
INF = np.inf


def check_one_by_one(circuit, batch):
    """A record of a batch, by population, equals runs of a simulator."""
    record = ttfs.forward(circuit, batch)
    assert len(record) == len(next(iter(batch.values())))
    for s in range(len(record)):
        alone = finished(circuit, {name: rows[s] for name, rows in batch.items()})
        for layer, times in enumerate(record.times):
            assert same_bits(times[s], alone.times(layer))
        assert same_bits(record.potential[s], alone.potential(len(record.times) - 1))
        assert record.additions[s].tolist() == [alone.synaptic_events]
    return record


@pytest.mark.parametrize(("dtype", "time_dtype"), PAIRS)
@given(data=st.data(), seed=SEEDS)
def test_a_batch_gives_what_a_simulator_gives_one_by_one(dtype, time_dtype, data, seed):
    circuit, rng = data.draw(circuits(dtype)), np.random.default_rng(seed)
    samples = data.draw(st.integers(0, 3))
    told = [p for p in circuit.populations if data.draw(st.booleans())] or circuit.populations[:1]
    shapes = {p.name: (samples, p.size) for p in told}
    check_one_by_one(
        circuit,
        {name: rng.choice(INSTANTS, shape).astype(time_dtype) for name, shape in shapes.items()},
    )


@pytest.mark.parametrize("psp", [Ramp(), Ramp(1.5)])
@given(data=st.data(), seed=SEEDS)
def test_so_it_is_with_ramps(psp, data, seed):
    circuit, rng = data.draw(circuits()), np.random.default_rng(seed)
    circuit = Circuit(
        circuit.populations, circuit.projections, **settings_of(circuit) | {"psp": psp}
    )
    times = rng.choice(INSTANTS, (3, circuit.populations[0].size))
    check_one_by_one(circuit, {"p0": times})


@pytest.mark.parametrize("psp", [Step(), Ramp(), Ramp(2.0)])
@pytest.mark.parametrize("time_dtype", TIMES)
def test_a_chain_gives_what_its_network_gives(psp, time_dtype):
    rng = np.random.default_rng(0)
    layers = Dense.of(rng.normal(0.3, 1, (9, 20)), threshold=1), Dense(20, 4, threshold=1, delay=1)
    network = Network(*layers, psp=psp, t_max=8)
    times = rng.choice(np.append(rng.uniform(0, 9, 5), INF), (12, 9)).astype(time_dtype)
    expected, record = ttfs.forward(network, times), ttfs.forward(Circuit.of(network), times)
    for one, other in zip(expected.times, record.times, strict=True):
        assert same_bits(one, other)
    assert same_bits(expected.potential, record.potential)
    if psp != Ramp(2.0):  # a simulator also counts what an end takes away
        assert record.additions[:, 0].tolist() == expected.additions.sum(axis=1).tolist()
    assert record.events.tolist() == expected.events.tolist()
    first, second = (ttfs.decide(r.times[-1], r.potential) for r in (expected, record))
    assert first.label.tolist() == second.label.tolist()


def test_the_number_of_threads_changes_nothing():
    rng = np.random.default_rng(1)
    weights = sp.csr_array(rng.random((60, 60)) * (rng.random((60, 60)) < 0.2))
    populations = [Population("a", 60), Population("b", 60, 1.0)]
    loop = Projection("b", "b", weights, rng.uniform(0.1, 1, (60, 60)))
    circuit = Circuit(populations, [Projection("a", "b", weights), loop], psp=Ramp())
    times = rng.uniform(0, 3, (40, 60))
    first, *others = for_all_threads(lambda: ttfs.forward(circuit, times))
    for other in others:
        assert all(same_bits(a, b) for a, b in zip(first.times, other.times, strict=True))
        assert same_bits(first.potential, other.potential)
        assert same_bits(first.additions, other.additions)


def test_maps_and_windows_come_in_batches_too():
    rng = np.random.default_rng(2)
    layer = Conv2d(2, 2, initial=rng.normal(size=(4, 2)), threshold=1.0)
    circuit = Circuit.of(Network(layer, shape=(3, 3, 1), psp=Windows()))
    times = rng.uniform(0, 1.2, (5, 3, 3, 1))
    record = check_one_by_one(circuit, {"input": times.reshape(5, 9)})
    again = ttfs.forward(circuit, times)
    assert same_bits(record.times[1], again.times[1])
    with pytest.raises(InputError, match="times of layer 'input' must be 0 or later"):
        ttfs.forward(circuit, -times)
    with pytest.raises(InputError, match="in its window, which begins at 1"):
        ttfs.forward(circuit, {"output": np.zeros((1, 8))})


def test_what_was_passed_is_not_changed():
    circuit = Circuit([Population("a", 2)], [], t_max=2)
    times = np.array([[1.0, 3.0]])
    assert ttfs.forward(circuit, times).times[0].tolist() == [[1.0, INF]]
    assert times.tolist() == [[1.0, 3.0]]


PAIR = Circuit([Population("a", 2), Population("b", 3, 1.0)], [])
REFUSED = {
    "one stimulus": (
        [1.0, 2.0],
        "must be (samples, 2), got (2,); of one stimulus pass times[None]",
    ),
    "another width": (np.zeros((4, 3)), "times of layer 'a' must be (samples, 2), got (4, 3)"),
    "before 0": ([[-1.0, 2.0]], "times of layer 'a' must be 0 or later"),
    "no number": ([[np.nan, 2.0]], "times of layer 'a'"),
    "unknown": ({"c": [[1.0]]}, "no layer is called 'c'"),
    "twice": ({"a": [[1.0, 1]], 0: [[1.0, 1]]}, "given twice, by name and by index"),
    "nothing": ({}, "for one population at least"),
    "uneven": (
        {"a": np.zeros((2, 2)), "b": np.zeros((1, 3))},
        "times must be of as many samples each, got 2 for 'a', 1 for 'b'",
    ),
}


@pytest.mark.parametrize(("times", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_stimuli_that_do_not_fit_are_refused(times, words):
    with pytest.raises((InputError, ShapeError), match=re.escape(words)):
        ttfs.forward(PAIR, times)


def test_a_circuit_has_its_horizon_only():
    with pytest.raises(InputError, match=r"until=...\) is for networks"):
        ttfs.forward(PAIR, np.zeros((1, 2)), until=3)
    with pytest.raises(InputError, match="must be a Network"):
        ttfs.forward("PAIR", np.zeros((1, 2)))
