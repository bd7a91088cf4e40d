"""How fast layers of maps are, compared with adding the rows of weights that their events add.

The network is 24C5-P2-48C5-P2-256-10 with ramps that never end, and weights with which every
layer fires. It is compared with the same network of ReLUs in PyTorch, where every window
is a row of a dense matrix, on one thread.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ttfs.bench.parts import in_turn
from ttfs.bench.simulations import simulate_chain
from ttfs.bench.torch_relus import run_relus
from ttfs.engines.arrivals import arrivals_of
from ttfs.engines.batch import Record, forward
from ttfs.kernels.bench import add_rows
from ttfs.kernels.maps import hand_out, make_handed
from ttfs.kernels.reach import shift_of
from ttfs.network.network import Network
from ttfs.network.notation import layers_of
from ttfs.network.psp import Ramp
from ttfs.network.weights import Binary, Real
from ttfs.optimizers import Adam
from ttfs.rules import Exact
from ttfs.rules.lesson import Lesson
from ttfs.training.beginning import begin_by_firing

SHAPE = (28, 28, 1)
LAYERS = "24C5-P2-48C5-P2-256-10"
SAMPLES = 500
BEGIN = 200  # stimuli by which the weights begin
BATCH = 50
SUMS = 2  # of a ramp: its rows are added twice
ROUNDS = 5


@dataclass(frozen=True)
class MapCase:
    """What is measured: the network at rest or learning."""

    binary: bool = False
    learning: bool = False
    other = "PyTorch"

    def network(self, stimuli: np.ndarray) -> Network:
        """A network all of whose layers fire at such stimuli."""
        weights = Binary(scale_rate=0, clip=1) if self.binary else Real()
        layers = layers_of(LAYERS, weights=weights, threshold=1.0)
        network = Network(*layers, shape=SHAPE, psp=Ramp(), t_max=4.0, seed=1)
        begin_by_firing(network, stimuli[:BEGIN], seed=1)
        return network


MAP_CASES = {
    "forward-conv-24C5-48C5-256": MapCase(),
    "forward-conv-binary-24C5-48C5-256": MapCase(binary=True),
    "train-conv-24C5-48C5-256": MapCase(learning=True),
}


def simulate_maps(stimuli: np.ndarray) -> dict[str, Any]:
    """The same network in the simulator, one stimulus after another."""
    return simulate_chain(MapCase().network(stimuli), stimuli)


def measure_maps(
    case: MapCase, stimuli: np.ndarray, labels: np.ndarray, *, reference: bool
) -> dict[str, Any]:
    """Times of one case in microseconds for a sample; the parts take turns in each round.

    stimuli: (samples, 784), in input windows.
    """
    stimuli, labels = stimuli[:SAMPLES], labels[:SAMPLES]
    network = case.network(stimuli)
    record = forward(network, stimuli)
    learn = learning(network, stimuli, labels)
    run = learn if case.learning else lambda: forward(network, stimuli)
    whole = lambda: forward(network, stimuli)  # noqa: E731
    jobs = {"run": run, "limit": limit(network, record), "forward": whole}
    times = {
        name: [1e6 * t / len(stimuli) for t in taken]
        for name, taken in in_turn(jobs, ROUNDS).items()
    }
    median = {name: float(np.median(taken)) for name, taken in times.items()}
    relus = None
    if reference:
        images = np.where(stimuli < np.inf, 1 - stimuli, 0).astype(np.float32)
        relus = run_relus(LAYERS, SHAPE, images, labels.astype(np.int64), BATCH, case.learning)
    return {
        "microseconds": median["run"],
        "microseconds_min": min(times["run"]),
        "microseconds_max": max(times["run"]),
        "limit_microseconds": median["limit"],
        "forward_microseconds": median["forward"],
        "bandwidth_microseconds": None,
        "reference_microseconds": None if relus is None else 1e6 * relus / len(stimuli),
        "additions": SUMS * float(record.additions.sum(axis=1).mean()),
        "input_spikes": float(np.isfinite(record.times[0]).sum(axis=1).mean()),
        "hidden_spikes": float(sum(np.isfinite(t).sum() for t in record.times[1:-1]) / len(record)),
    }


def learning(network: Network, stimuli: np.ndarray, labels: np.ndarray) -> Callable[[], Any]:
    """Learning from every sample once, in batches, with steps too small to change what fires."""
    adam, rule = Adam(), Exact()
    slots = {name: adam.slots(array) for name, array in network.parameters().items()}
    slots["rule"] = rule.memory()
    order = np.arange(len(stimuli))
    return lambda: rule.train(Lesson(network, stimuli, labels, order, BATCH, adam, slots, 1e-7))


def limit(network: Network, record: Record) -> Callable[[], Any]:
    """Adding the rows that the events of a batch add, position by position, for each sum."""
    jobs = []
    for k, layer in enumerate(network.layers):
        if layer.rows:
            rows = rows_of(network, k, record.times[k])
            weights = np.ascontiguousarray(network.weights[k])
            counts = np.array([len(some) for some in rows])
            offsets = np.concatenate([[0], np.cumsum(counts)])
            total = np.zeros(layer.columns, network.dtype)
            jobs.append((np.concatenate(rows), offsets, weights, total))
    return lambda: [add_rows(*job) for job in jobs * SUMS]


def rows_of(network: Network, k: int, times: np.ndarray) -> list[np.ndarray]:
    """For each sample, the rows of weights that its events add at all positions of a layer."""
    arrays, layer = network.arrays, network.layers[k]
    reach = arrays.reaches[k]
    alone = arrays._replace(reaches=arrays.reaches[k : k + 1], sizes=np.array([layer.rows, 0]))
    handed, found = make_handed(alone, times), []
    for row in arrivals_of(times, arrays.delays[k]):
        hand_out(reach, np.ascontiguousarray(row), network.t_max, handed)
        parts = [
            handed.index[order[:count]] - shift_of(reach, p)
            for p, (order, count) in enumerate(zip(handed.order, handed.counts, strict=True))
        ]
        found.append(np.concatenate(parts))
    return found
