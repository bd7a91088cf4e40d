"""What large circuits take in memory: less than 40 bytes a synapse, so 10^8 of them fit in 4 GB."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
from cases import compiled, same_bits

from ttfs import Circuit, Population, Projection, Simulator
from ttfs.engines import populations

pytestmark = pytest.mark.small
FAN_OUT = 100


def scattered(synapses):
    """Different targets for each neuron, in order."""
    size = synapses // FAN_OUT
    step = size // FAN_OUT
    targets = np.arange(FAN_OUT, dtype=np.int32) * step
    targets = targets + np.random.default_rng(0).integers(0, step, (size, FAN_OUT), dtype=np.int32)
    pointers = np.arange(0, synapses + 1, FAN_OUT, dtype=np.int32)
    weights = np.full(synapses, 0.5, np.float32)
    return sp.csr_array((weights, targets.reshape(-1), pointers), shape=(size, size))


def circuit_of(weights, each):
    """Everyone to some of everyone, with one delay or one for each synapse."""
    delay = 1.0
    if each:
        values = np.random.default_rng(1).random(weights.nnz, np.float32) + np.float32(0.5)
        delay = sp.csr_array((values, weights.indices, weights.indptr), shape=weights.shape)
    population = Population("all", weights.shape[0], 5.0)
    return Circuit([population], [Projection("all", "all", weights, delay)])


@compiled
@pytest.mark.parametrize(("each", "most", "kept"), [(False, 22, 8), (True, 40, 16)])
def test_a_circuit_takes_less_than_forty_bytes_a_synapse(each, most, kept):
    synapses = 10**6
    Simulator(circuit_of(scattered(10**4), each), np.zeros(100)).run()  # kernels are there
    tracemalloc.start()
    try:
        circuit = circuit_of(scattered(synapses), each)
        stimulus = np.full(circuit.populations[0].size, np.inf)
        stimulus[:1000] = 0
        simulator = Simulator(circuit, stimulus)
        simulator.run(until=1.2)
        now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    neurons = 400 * circuit.populations[0].size
    assert peak < most * synapses + neurons
    assert now < kept * synapses + neurons, "the matrices that were passed are gone"
    assert simulator.synaptic_events > 1000


def test_projections_show_what_the_simulator_reads():
    circuit = circuit_of(scattered(10**4), True)
    (one,) = circuit.projections
    assert np.shares_memory(one.weights.data, circuit.plan.weights)
    assert np.shares_memory(one.weights.indices, circuit.plan.indices)
    assert np.shares_memory(one.delay.data, circuit.plan.delays)
    rows = np.split(one.delay.data, one.delay.indptr[1:-1])
    assert all((np.diff(row) >= 0).all() for row in rows)


@pytest.mark.parametrize("sparse", [True, False])
def test_blocks_of_any_size_give_the_same_circuit(monkeypatch, sparse):
    rng = np.random.default_rng(3)
    weights = sp.csr_array(rng.random((40, 30)) * (rng.random((40, 30)) < 0.3))
    delays = rng.choice([0.25, 0.5, 1.0], (40, 30))
    weights = weights if sparse else weights.toarray()
    digests, found = [], []
    for block in (1, 7, 10**6):
        monkeypatch.setattr(populations, "BLOCK", block)
        parts = [Population("a", 40), Population("b", 30, 1.0)]
        for delay in (delays, sp.csr_array(delays)):
            circuit = Circuit(parts, [Projection("a", "b", weights, delay)])
            digests.append(circuit.digest)
            found.append(circuit.plan.delays)
    assert len(set(digests)) == 1
    assert all(same_bits(found[0], other) for other in found)
