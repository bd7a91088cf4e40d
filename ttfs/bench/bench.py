"""How fast the kernels are, compared with the limits of the machine, in one process.

The limit is the time merely to add, with no logic, the rows of weights that the forward
pass has to read, in the same order; it is the limit of a training step too. A ramp has two
sums, so its rows are added twice. A second limit is the time in which a processor reads as
many bytes, over and over from one array as large as all weights together, keeping only
a maximum.

The reference for steps is the dense method of the S4NN authors' code. For learning with ramps it
is an ordinary network of the same size in PyTorch, on one thread, if that is installed. Layers
of one bit are compared with the same signs as floats, and early decisions with the whole run, in
networks that have learned.

`growth` compares networks and batches of several sizes: see `ttfs.bench.growth`. The last case,
`cold`, is the wait while kernels are compiled: see `ttfs.bench.cold`.
"""

import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from llvmlite import binding

from ttfs import datasets
from ttfs.bench.cold import COLD, cold
from ttfs.bench.comparison import in_words
from ttfs.bench.dense_method import STEPS, dense_method
from ttfs.bench.growth import GROWTH, growth
from ttfs.bench.maps import MAP_CASES, measure_maps, simulate_maps
from ttfs.bench.parts import in_turn, parts_of_forward, step_of_adam
from ttfs.bench.simulations import recurrent, simulate_chain, simulate_circuit, sparse
from ttfs.bench.torch_relus import train_relus
from ttfs.bench.windows import forward_windows, simulate_windows
from ttfs.codes.encoding import Latency
from ttfs.engines.arrivals import arrivals_of
from ttfs.engines.batch import Record, forward
from ttfs.engines.crossings import cross_layers
from ttfs.errors import DatasetError, InputError
from ttfs.files.versions import versions
from ttfs.kernels.bench import add_rows
from ttfs.network.buffers import aligned_zeros
from ttfs.network.layers import Dense
from ttfs.network.network import Network
from ttfs.network.weights import Binary, Real
from ttfs.optimizers import SGD, Adam
from ttfs.presets import exact
from ttfs.rules import S4NN, Exact
from ttfs.rules.lesson import Lesson

SAMPLES = 2000
REFERENCE_SAMPLES = 24
BATCH = 50
ROUNDS = 7

Job = tuple[Callable[[], Any], float]  # what is timed, and for how many samples


@dataclass(frozen=True)
class Case:
    """What is measured: a network of 784 inputs and 10 outputs, at rest or learning."""

    hidden: int
    binary: bool = False
    learning: bool = False
    ramp: bool = False
    early: bool = False

    @property
    def other(self) -> str:
        """What a case is compared with."""
        if self.ramp:
            return "PyTorch"
        return "whole run" if self.early else "float path" if self.binary else "dense method"

    def network(self) -> Network:
        """A network whose hidden neurons fire about as often as those of a trained one."""
        if self.ramp:
            recipe = exact("mnist", str(self.hidden))
            return recipe.network(784, 10, seed=1)
        kind = Binary(init=(-4, 5), scale=4.5) if self.binary else Real(init=(-9.4, 10))
        last = Binary(init=(-40, 48), scale=6) if self.binary else Real(init=(-40, 48))
        return Network(
            Dense(784, self.hidden, weights=kind, delay=1),
            Dense(self.hidden, 10, weights=last, delay=1),
            seed=1,
        )


CASES = {
    "forward-784-400-10": Case(400),
    "train-s4nn-784-400-10": Case(400, learning=True),
    "forward-binary-784-600-10": Case(600, binary=True),
    "forward-decision-784-400-10": Case(400, early=True),
    "forward-binary-decision-784-600-10": Case(600, binary=True, early=True),
    "forward-ramp-784-400-10": Case(400, ramp=True),
    "train-exact-784-400-10": Case(400, ramp=True, learning=True),
}
PARTED = (
    *("forward-784-400-10", "train-s4nn-784-400-10", "forward-binary-784-600-10"),
    *("forward-ramp-784-400-10", "train-exact-784-400-10"),
)
"""Cases whose parts are measured, too."""

SIMULATIONS: dict[str, Callable[[], dict[str, Any]]] = {
    "simulate-784-400-10": lambda: simulate_chain(
        CASES["forward-784-400-10"].network(), synthetic()[0]
    ),
    "simulate-conv-24C5-48C5-256": lambda: simulate_maps(synthetic()[0] / np.float32(STEPS)),
    "forward-windows-32C3-64C3-128C3": forward_windows,
    "simulate-windows-32C3-64C3-128C3": simulate_windows,
    "simulate-recurrent-1000": lambda: simulate_circuit(recurrent(1000)),
    "simulate-sparse-1e4": lambda: simulate_circuit(sparse(10**4)),
    "simulate-sparse-1e5": lambda: simulate_circuit(sparse(10**5)),
    "simulate-sparse-1e6": lambda: simulate_circuit(sparse(10**6)),
    "simulate-sparse-1e7": lambda: simulate_circuit(sparse(10**7)),
    "simulate-sparse-1e8": lambda: simulate_circuit(sparse(10**8)),
}
LARGE = ("simulate-sparse-1e8",)
"""Cases that are measured only if named: this one takes 3 GB of memory."""


def bench(
    names: list[str] | None = None, log: Callable[[str], None] = lambda line: None
) -> dict[str, Any]:
    """Measure some cases or all but LARGE ones; batches on one and all threads, simulations on one.

    Returns
    -------
    A dictionary as `ttfs bench --report` writes it: `machine`, `versions`, `parts` of the time
    of the cases that have any, in microseconds for a sample on one thread, `cold`, the seconds
    of first commands where nothing is compiled, and `cases`, each with `name`, `inputs`,
    `threads`, median, least and largest `microseconds` for a sample (or a run of a circuit),
    `limit_microseconds`, `bandwidth_microseconds`, `reference_microseconds`, `additions` of a
    weight for a sample and, for simulations, `synaptic_events_per_second`.

    Raises
    ------
    InputError: a case of another name.
    """
    known = [*CASES, *MAP_CASES, *SIMULATIONS, GROWTH, COLD]
    unknown = set(names or []) - set(known)
    if unknown:
        raise InputError(f"there is no case {sorted(unknown)[0]!r}, only {', '.join(known)}")
    chosen = names or [name for name in known if name not in LARGE]
    before = numba.get_num_threads()
    found: list[dict[str, Any]] = []
    grown = growth(lambda hidden: Case(hidden).network(), synthetic()[0])
    grown = grown if GROWTH in chosen else iter(())
    try:
        for result in (*batches(chosen), *simulations(chosen), *grown):
            found.append(result)
            log(line(found))
        numba.set_num_threads(1)
        shares = {name: parts(name, found) for name in chosen if name in PARTED}
    finally:
        numba.set_num_threads(before)
    for name, share in shares.items():
        told = ", ".join(f"{part} {micro:.2f}" for part, micro in share.items())
        log(f"{name:26s} of a sample, in us: {told}")
    waits = {}
    for name, waited in cold() if COLD in chosen else ():
        if isinstance(waited, str):
            log(f"{COLD} {name:21s} not measured: {waited}")
        else:
            waits[name] = waited
            log(f"{COLD} {name:21s} {waited:.1f} s, imports and compiling included")
    report = {"machine": machine(), "versions": versions(), "parts": shares}
    return report | {"cold": waits, "cases": found}


def parts(name: str, found: list[dict[str, Any]]) -> dict[str, float]:
    """Where the time of a case goes, for the last inputs measured."""
    case = CASES[name]
    (title, stimuli, _) = list(inputs())[-1]
    network = case.network()
    stimuli = stimuli / np.float32(STEPS) if case.ramp else stimuli
    shares = parts_of_forward(network, stimuli, ROUNDS)
    if case.learning:
        key = (name, title, 1)
        (whole,) = (
            result["microseconds"]
            for result in found
            if (result["name"], result["inputs"], result["threads"]) == key
        )
        adam = {"adam": step_of_adam(network, BATCH, ROUNDS)} if case.ramp else {}
        learned = whole - sum(shares.values()) - sum(adam.values())
        shares |= {"gradient" if case.ramp else "learning": learned} | adam
    return shares


def batches(names: list[str]) -> Iterator[dict[str, Any]]:
    """Forward and training cases, on each kind of inputs and number of threads."""
    for title, stimuli, labels in inputs():
        for name in (name for name in names if name in CASES or name in MAP_CASES):
            for threads in sorted({1, all_threads()}):
                numba.set_num_threads(threads)
                if name in CASES:
                    result = measure(CASES[name], stimuli, labels, reference=threads == 1)
                else:
                    windows, alone = stimuli / np.float32(STEPS), threads == 1
                    result = measure_maps(MAP_CASES[name], windows, labels, reference=alone)
                yield {"name": name, "inputs": title, "threads": threads} | result


def simulations(names: list[str]) -> Iterator[dict[str, Any]]:
    """The cases of the simulator."""
    numba.set_num_threads(1)
    for name in (name for name in names if name in SIMULATIONS):
        yield {"name": name, "inputs": "synthetic", "threads": 1} | SIMULATIONS[name]()


def all_threads() -> int:
    """The most threads that compiled loops may use."""
    return int(getattr(numba.config, "NUMBA_NUM_THREADS"))  # noqa: B009, set at import


def machine() -> dict[str, Any]:
    """The machine on which figures were measured."""
    return {
        "processor": binding.get_host_cpu_name(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "threads": all_threads(),
    }


def inputs() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Synthetic stimuli, and those of MNIST where it is present without a download."""
    yield "synthetic", *synthetic()
    present = {found.name for found in datasets.status() if found.location}
    if "mnist" in present:
        try:
            test = datasets.mnist()[1]
        except DatasetError:
            return
        encoder = Latency(t_max=STEPS, steps=True)
        yield "mnist", encoder(test.images[:SAMPLES]), test.labels[:SAMPLES]


def synthetic() -> tuple[np.ndarray, np.ndarray]:
    """Stimuli like MNIST's: 150 of 784 pixels, in one blob, a third of them white."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:28, :28]
    labels = rng.integers(0, 10, SAMPLES)
    centres = rng.uniform(9, 19, (10, 4, 2))[labels] + rng.normal(0, 0.7, (SAMPLES, 4, 2))
    distance = np.hypot(
        rows[None, None] - centres[..., :1, None], columns[None, None] - centres[..., 1:, None]
    ).min(axis=1)
    value = np.clip(1.6 - distance / 3.4 + rng.normal(0, 0.12, distance.shape), 0, 1)
    shade = np.where(value < 1, 255 * value, rng.integers(250, 256, value.shape))
    pixels = np.where(distance < 4.4, shade, 0).astype(np.uint8).reshape(SAMPLES, 784)
    return Latency(t_max=STEPS, steps=True)(pixels), labels


def measure(
    case: Case, stimuli: np.ndarray, labels: np.ndarray, *, reference: bool
) -> dict[str, Any]:
    """Times of one case in microseconds for a sample; the parts take turns in each round."""
    network = case.network()
    stimuli = stimuli / np.float32(STEPS) if case.ramp else stimuli
    learn = learning(case, network, stimuli, labels)
    for _ in range(5 if case.learning or case.ramp or case.early else 0):
        learn()  # so that the network is in its usual state
    record = forward(network, stimuli)
    until = "decision" if case.early else None
    run = learn if case.learning else lambda: forward(network, stimuli, until=until)
    additions, read = rows_needed(case, network, record)
    jobs: dict[str, Job] = {
        "microseconds": (run, len(stimuli)),
        "limit": limit(case, network, record),
        "bandwidth": reading(case, network, read, len(record)),
    }
    if reference and not case.ramp:
        jobs["reference"] = compared(case, network, stimuli, labels)
    seconds = in_turn({name: job for name, (job, _) in jobs.items()}, ROUNDS)
    times = {name: [1e6 * t / jobs[name][1] for t in taken] for name, taken in seconds.items()}
    median: dict[str, float | None] = {
        name: float(np.median(values)) for name, values in times.items()
    }
    if reference and case.ramp and case.learning:
        median["reference"] = torch_training(network, stimuli, labels)
    return {
        "microseconds": median["microseconds"],
        "microseconds_min": min(times["microseconds"]),
        "microseconds_max": max(times["microseconds"]),
        "limit_microseconds": median["limit"],
        "bandwidth_microseconds": median["bandwidth"],
        "reference_microseconds": median.get("reference"),
        "additions": additions,
        "input_spikes": float(np.isfinite(record.times[0]).sum(axis=1).mean()),
        "hidden_spikes": float(np.isfinite(record.times[1]).sum(axis=1).mean()),
    }


def compared(case: Case, network: Network, stimuli: np.ndarray, labels: np.ndarray) -> Job:
    """What the time of a case is compared with: the whole run, float weights or a dense method."""
    if case.early:
        return lambda: forward(network, stimuli), len(stimuli)
    if case.binary:
        return lambda: cross_layers(network, network.arrays, stimuli), len(stimuli)
    few = stimuli[:REFERENCE_SAMPLES]
    return dense_method(network, few, labels if case.learning else None), len(few)


def learning(
    case: Case, network: Network, stimuli: np.ndarray, labels: np.ndarray
) -> Callable[[], Any]:
    """Learning from every sample once: one by one, or with ramps in batches of 50."""
    samples = network, stimuli, labels, np.arange(len(stimuli))
    if not case.ramp:
        return lambda: S4NN().train(Lesson(*samples, 1, SGD(), {}, 0.2))
    adam, rule = Adam(), Exact()
    slots = {name: adam.slots(array) for name, array in network.parameters().items()}
    slots["rule"] = rule.memory()
    return lambda: rule.train(Lesson(*samples, BATCH, adam, slots, 1e-3))


def limit(case: Case, network: Network, record: Record) -> Job:
    """Adding the rows of all layers that a batch has to read; ramps have two sums."""
    jobs = []
    for k, times in enumerate(record.times[:-1]):
        arriving = arrivals_of(times, network.arrays.delays[k]) < network.t_max
        order = np.argsort(times, axis=1, kind="stable")
        counts = arriving.sum(axis=1)
        rows = np.concatenate([row[:count] for row, count in zip(order, counts, strict=True)])
        weights = aligned_zeros(network.weights[k].size, network.dtype)
        weights = weights.reshape(network.weights[k].shape)
        weights[:] = network.weights[k]
        total = aligned_zeros(network.sizes[k + 1], network.dtype)
        jobs.append((rows, np.concatenate([[0], np.cumsum(counts)]), weights, total))
    sums = 2 if case.ramp else 1
    return lambda: [add_rows(*job) for job in jobs * sums], len(record)


def rows_needed(case: Case, network: Network, record: Record) -> tuple[float, float]:
    """Additions and bytes of the rows that have to be read, padding included, for a sample."""
    additions, read, arrays = 0.0, 0.0, network.arrays
    widths = arrays.widths * network.dtype.itemsize
    if case.binary:
        widths = np.diff(arrays.words) * arrays.signs.itemsize
    for k, times in enumerate(record.times[:-1]):
        rows = (arrivals_of(times, arrays.delays[k]) < network.t_max).sum() / len(record)
        additions += float(rows * network.sizes[k + 1])
        read += float(rows * widths[k])
    return additions * (2 if case.ramp else 1), read


def reading(case: Case, network: Network, read: float, samples: int) -> Job:
    """Reading as many bytes as the batch has to read, from an array as large as the weights."""
    size = (network.arrays.signs if case.binary else network.arrays.weights).nbytes
    passes = max(1, round(read * samples / size))
    array = np.broadcast_to(np.ones(size, np.uint8), (passes, size))
    return array.max, passes * size / read


def torch_training(network: Network, stimuli: np.ndarray, labels: np.ndarray) -> float | None:
    """Microseconds for each sample of an ordinary network of the same size, if PyTorch is there."""
    images = np.where(stimuli < np.inf, 1 - stimuli, 0).astype(np.float32)
    seconds = train_relus(network.sizes, images, labels.astype(np.int64), BATCH, ROUNDS)
    return None if seconds is None else 1e6 * float(np.median(seconds)) / len(images)


def line(found: list[dict[str, Any]]) -> str:
    """The last result in words, with its ratios."""
    now = found[-1]
    micro, limit, reference = (
        now[key] for key in ("microseconds", "limit_microseconds", "reference_microseconds")
    )
    text = (
        f"{now['name']:34s} {now['inputs']:13s} {in_words(now['threads'])} {micro:9.2f} us"
        f" ({now['microseconds_min']:.2f}-{now['microseconds_max']:.2f})"
    )
    if "synaptic_events_per_second" in now:
        text += f", {now['synaptic_events_per_second'] / 1e6:.0f} million synaptic events/s"
        return text + (f", {micro / reference:.2f} x forward" if reference else "")
    if "synaptic_events" in now:
        return f"{text}, {1e3 * micro / now['synaptic_events']:.3f} ns for a synaptic event"
    if limit is None:
        return text + (f", {micro / reference:.2f} x PyTorch" if reference else "")
    if now["threads"] == 1:
        text += f", {micro / limit:.2f} x the row-add limit"
        if now["bandwidth_microseconds"]:
            text += f", {micro / now['bandwidth_microseconds']:.2f} x reading"
        else:
            text += f", {micro / now['forward_microseconds']:.2f} x forward"
        if reference:
            other = (CASES | MAP_CASES)[now["name"]].other
            text += f", {other} {reference / micro:.3g} x slower"
        return text
    alone = [
        case["microseconds"]
        for case in found[:-1]
        if case["threads"] == 1 and (case["name"], case["inputs"]) == (now["name"], now["inputs"])
    ]
    return f"{text}, {alone[0] / micro:.2f} x as fast as one thread" if alone else text
