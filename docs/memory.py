"""Peak memory of large sparse circuits: `python docs/memory.py [SYNAPSES]`, 1e8 if not said.

Each circuit is built and run in a process of its own, with one delay for all synapses and with one
for each. *given* is what the weights and delays take that are passed to `Circuit`, *kept* what the
circuit and its simulator hold beyond that at the end, and *peak* the most that was in memory, all
together and without the interpreter and the modules.
"""

import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import scipy.sparse as sp

import ttfs
from ttfs.bench.simulations import FAN_OUT

MB = 2**20


def resident() -> float:
    """Megabytes that this process has in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / MB


def peak() -> float:
    """The most that it had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def matrix(synapses: int) -> sp.csr_array:
    """Random targets, 100 for each neuron."""
    size, rng = synapses // FAN_OUT, np.random.default_rng(0)
    targets = rng.integers(0, size, synapses, dtype=np.int32)
    targets.reshape(size, FAN_OUT).sort(axis=1)
    for row in targets.reshape(size, FAN_OUT):  # no neuron twice
        if (row[1:] == row[:-1]).any():
            row[:] = np.sort(rng.choice(size, FAN_OUT, replace=False))
    pointers = np.arange(0, synapses + 1, FAN_OUT, dtype=np.int32)
    weights = rng.random(synapses, np.float32)
    weights += 0.5
    return sp.csr_array((weights, targets, pointers), shape=(size, size))


def measure(synapses: int, each: bool) -> str:
    """A line of the table: a circuit with one delay, or one for each synapse."""
    small = matrix(10_000)
    ttfs.Simulator(circuit_of(small, delays_of(small, each)), np.zeros(100)).run()  # compiles
    base = resident()
    weights = matrix(synapses)
    delays = delays_of(weights, each)
    given = resident() - base
    started = time.perf_counter()
    circuit = circuit_of(weights, delays)
    built = time.perf_counter() - started
    most = peak()
    stimulus = np.full(weights.shape[0], np.inf)
    stimulus[: len(stimulus) // 10] = 0
    simulator = ttfs.Simulator(circuit, stimulus)
    simulator.run()
    words = "a delay for each synapse" if each else "one delay"
    return (
        f"{synapses:13,} {words:26s} {given:8,.0f} {most - base:9,.0f} {built:6.1f} s"
        f" {resident() - base - given:8,.0f} {peak() - base:9,.0f}"
    )


def circuit_of(weights: sp.csr_array, delays: sp.csr_array | float) -> ttfs.Circuit:
    """Everyone to some."""
    thresholds = np.random.default_rng(2).uniform(1, 40, weights.shape[0]).astype(np.float32)
    population = ttfs.Population("all", weights.shape[0], thresholds)
    return ttfs.Circuit([population], [ttfs.Projection("all", "all", weights, delays)])


def delays_of(weights: sp.csr_array, each: bool) -> sp.csr_array | float:
    """One delay for all synapses, or one for each."""
    if not each:
        return 1.0
    values = np.random.default_rng(1).random(weights.nnz, np.float32)
    values += 0.5
    return sp.csr_array((values, weights.indices, weights.indptr), shape=weights.shape)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(measure(int(float(sys.argv[1])), sys.argv[2] == "each"))
    else:
        count = sys.argv[1] if len(sys.argv) > 1 else "1e8"
        print(
            f"{'synapses':>13s} {'megabytes':26s} {'given':>8s} {'building':>9s} {'':8s}"
            f" {'kept':>8s} {'peak':>9s}"
        )
        for kind in ("one", "each"):
            subprocess.run([sys.executable, __file__, count, kind], check=True)
