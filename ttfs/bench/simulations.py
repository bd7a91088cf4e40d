"""How fast the simulator steps: a stimulus through a chain, and recurrent circuits."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from ttfs.engines.batch import forward
from ttfs.engines.circuit import Circuit
from ttfs.engines.populations import Population, Projection
from ttfs.engines.simulator import Simulator
from ttfs.network.network import Network

ROUNDS = 5
STIMULI = 100
FAN_OUT = 100  # synapses of each neuron of a sparse circuit


def simulate_chain(network: Network, stimuli: np.ndarray) -> dict[str, Any]:
    """One stimulus after another through `Simulator`, compared with `forward` on the same batch."""
    stimuli = stimuli[:STIMULI]
    simulator = Simulator(network, stimuli[0])
    synapses = 0

    def run() -> None:
        nonlocal synapses
        synapses = 0
        for stimulus in stimuli:
            simulator.reset(stimulus)
            simulator.run()
            synapses += simulator.synaptic_events

    jobs = {"own": run, "reference": lambda: forward(network, stimuli)}
    times = {name: [1e6 * t / len(stimuli) for t in clock(job)] for name, job in jobs.items()}
    return result(times["own"], synapses / len(stimuli)) | {
        "reference_microseconds": float(np.median(times["reference"]))
    }


def simulate_circuit(circuit: Circuit) -> dict[str, Any]:
    """One run of a circuit in which a few neurons are made to fire at the start."""
    size = circuit.populations[0].size
    stimulus = np.full(size, np.inf)
    stimulus[: size // 10] = 0
    simulator = Simulator(circuit, stimulus)

    def run() -> None:
        simulator.reset()
        simulator.run()

    times = [1e6 * t for t in clock(run)]
    return result(times, simulator.synaptic_events) | {"reference_microseconds": None}


def clock(job: Callable[[], object]) -> list[float]:
    """Seconds of several runs, after a first one that is not counted."""
    job()
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        job()
        times.append(time.perf_counter() - started)
    return times


def result(times: list[float], synapses: float) -> dict[str, Any]:
    """A case as the report has it."""
    median = float(np.median(times))
    return {
        "microseconds": median,
        "microseconds_min": min(times),
        "microseconds_max": max(times),
        "limit_microseconds": None,
        "synaptic_events_per_second": 1e6 * synapses / median,
    }


def recurrent(size: int) -> Circuit:
    """All to all with one delay; every neuron fires in the course of the run."""
    rng = np.random.default_rng(0)
    weights = rng.uniform(0.0, 1.0, (size, size)).astype(np.float32)
    thresholds = np.linspace(1.0, 0.45 * size, size).astype(np.float32)
    rng.shuffle(thresholds)
    thresholds[:10] = 0.5
    population = Population("all", size, threshold=thresholds)
    return Circuit([population], [Projection("all", "all", weights, delay=1.0)])


def sparse(synapses: int) -> Circuit:
    """Random targets, FAN_OUT for each neuron, with one delay."""
    size = synapses // FAN_OUT
    rng = np.random.default_rng(0)
    targets = rng.integers(0, size, synapses, dtype=np.int32)
    targets.reshape(size, FAN_OUT).sort(axis=1)
    pointers = np.arange(0, synapses + 1, FAN_OUT, dtype=np.int32)  # as wide as the targets
    weights = rng.random(synapses, np.float32)
    weights += 0.5
    matrix = sp.csr_array((weights, targets, pointers), shape=(size, size))
    population = Population("all", size, threshold=rng.uniform(1, 40, size).astype(np.float32))
    return Circuit([population], [Projection("all", "all", matrix, delay=1.0)])
