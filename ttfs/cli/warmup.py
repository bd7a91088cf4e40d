"""Everything compiled once, so that no other command has to wait for the compiler.

A kernel is compiled when it is first called with arrays of a certain kind: of 32 or 64 bits, with
contiguous or padded rows. Networks of each kind are therefore made as small as possible, and run,
trained and stepped through. The compiled code is kept, see `ttfs.kernels.kept`; code compiled for
other versions is removed.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from ttfs import viewer
from ttfs.augmentation import Distort
from ttfs.bench import bench
from ttfs.bench.maps import MAP_CASES, measure_maps
from ttfs.bench.simulations import recurrent, simulate_circuit, sparse
from ttfs.engines.batch import forward
from ttfs.engines.simulator import Simulator
from ttfs.kernels.block import LARGE
from ttfs.kernels.kept import FOLDER, Kept
from ttfs.kernels.threads import no_work_is_little
from ttfs.measures.cost import cost_of
from ttfs.measures.metrics import evaluate
from ttfs.network.delays import Delays
from ttfs.network.layers import Dense
from ttfs.network.network import Network
from ttfs.network.notation import layers_of
from ttfs.network.psp import Ramp, Response, Step, Windows
from ttfs.optimizers import SGD, Adam
from ttfs.presets import PRESETS, Recipe, deep, with_hidden, with_kind, with_layers
from ttfs.robustness import curve, movement, plain
from ttfs.rules import STiDiBP, Surrogate
from ttfs.rules import Windows as WindowsRule
from ttfs.training.trainer import Trainer

INPUTS, SAMPLES = 9, 40
SHAPES = (30, 3), (32, 16)  # hidden and output neurons: with padded rows, and without
IMAGE, MAPS = (3, 3), "20C2-P2-16"
DAY = 24 * 60 * 60
RESPONSES: tuple[Response, ...] = Step(), Ramp(), Ramp(2.0)

Job = tuple[str, Callable[[], object]]


def warm_up(log: Callable[[str], object] = lambda text: None) -> str | None:
    """Compile everything that the commands need; the folder where all of it is kept, or None.

    log: receives a line for each part, in two pieces: its name, then the seconds that it took.
    """
    with no_work_is_little():
        for name, job in jobs():
            started = time.perf_counter()
            log(f"{name:40s}")
            job()
            log(f" {time.perf_counter() - started:6.1f} s\n")
    if FOLDER:
        remove_former(Path(FOLDER))
    return None if Kept.full else FOLDER


def remove_former(folder: Path) -> None:
    """Remove the user's kernels of other versions beside `folder`, unless of the last day."""
    mine = folder.stat().st_uid
    for other in folder.parent.glob("ttfs-" + 12 * "[0-9a-f]"):
        with suppress(OSError):
            found = other.lstat()
            if other != folder and found.st_uid == mine and time.time() - found.st_mtime > DAY:
                shutil.rmtree(other, ignore_errors=True)


def jobs() -> Iterator[Job]:
    """The name of each job, and what it does."""
    for times in (np.float32, np.float64):
        bits = f"times of {8 * np.dtype(times).itemsize} bits"
        yield f"forward, {bits}", partial(run, times, np.float32)
        for name, recipe in recipes().items():
            yield f"{name}, {bits}", partial(learn, recipe, times)
        yield f"distortions, {bits}", partial(distort, times)
        yield f"simulator, {bits}", partial(step, times)
        yield f"windows, {bits}", partial(windows, times)
    yield "forward, all with 64 bits", partial(run, np.float64, np.float64)
    yield "robustness, all with 64 bits", perturb
    yield "bench", measure


def recipes() -> dict[str, Recipe]:
    """A recipe for each kind of training that the command line offers, and for other rules."""
    s4nn, exact = PRESETS["s4nn-mnist"], PRESETS["exact-mnist"]
    kinds = {
        "S4NN": s4nn,
        "S4NN in batches": replace(s4nn, batch_size=20),
        "S4NN with Adam": replace(s4nn, batch_size=20, optimizer=Adam()),
        "Exact with Adam": exact,
        "Exact with SGD": replace(exact, optimizer=SGD()),
        "STiDiBP": replace(exact, rule=STiDiBP(), optimizer=SGD()),
        "Surrogate": replace(s4nn, rule=Surrogate(), batch_size=20, optimizer=Adam()),
    }
    found = {"delays that learn": PRESETS["yin-yang"]}
    for name, recipe in kinds.items():
        binary = replace(with_kind(recipe, binary=True), optimizer=recipe.optimizer)
        found |= {name: recipe, f"{name}, one bit": binary}
    found |= {"maps": deep("mnist", MAPS), "maps, one bit": deep("mnist", MAPS, binary=True)}
    others = "stidi-conv-mnist", "step-conv-binary-mnist", "s4nn-mnist", "bs4nn-mnist"
    return found | {f"maps as in {name}": with_layers(PRESETS[name], MAPS) for name in others}


def networks(recipe: Recipe) -> list[Network]:
    """Networks for a recipe, as small as possible."""
    if recipe.notation == MAPS:
        return [recipe.network(IMAGE, 3, seed=0)]
    return [with_hidden(recipe, hidden).network(INPUTS, n, seed=0) for hidden, n in SHAPES]


def stimuli(times: type, inputs: int, t_max: float) -> tuple[np.ndarray, np.ndarray]:
    """Input times and labels."""
    rng = np.random.default_rng(0)
    return rng.uniform(0, t_max / 2, (SAMPLES, inputs)).astype(times), np.arange(SAMPLES) % 3


def run(times: type, dtype: type) -> None:
    """Forward passes over one sample and over many."""
    for psp in RESPONSES:
        delays = 1.0, Delays("input", (0, 1)), Delays("pair", (0, 1))
        for delay in delays[: 3 if dtype == np.float32 else 1]:
            layers = Dense(INPUTS, 30, delay=delay), Dense(30, 3, delay=delay)
            network = Network(*layers, psp=psp, t_max=9, dtype=dtype)
            given, _ = stimuli(times, INPUTS, 9)
            forward(network, given[:1])
            forward(network, given)
        forward(maps(psp, dtype), given)
    wide = LARGE // (INPUTS * np.dtype(dtype).itemsize) + 1  # neurons
    forward(Network(Dense(INPUTS, wide), t_max=9, dtype=dtype), given)


def maps(psp: Response, dtype: type = np.float32) -> Network:
    """A network of maps."""
    layers = layers_of(f"{MAPS}-3")
    return Network(*layers, psp=psp, t_max=9, dtype=dtype, shape=(*IMAGE, 1))


def learn(recipe: Recipe, times: type) -> None:
    """Train for one epoch, evaluate and count."""
    for network in networks(recipe):
        given, labels = stimuli(times, network.sizes[0], network.t_max)
        plain = replace(recipe, augmentation=())
        plain.trainer(network, seed=0).fit(given, labels, epochs=1)
        evaluate(network, given[:1], labels[:1])
        cost_of(network, given)


def distort(times: type) -> None:
    """Distort images as in training."""
    given, _ = stimuli(times, INPUTS, 1.0)
    Distort((3, 3)).apply(given, np.random.default_rng(0))


def step(times: type) -> None:
    """Run stimuli event by event, with everything that a simulator can be asked."""
    dense = [Network(Dense(INPUTS, 30), Dense(30, 3), psp=psp, t_max=9) for psp in RESPONSES]
    for network in (*dense, *map(maps, RESPONSES)):
        given, _ = stimuli(times, INPUTS, 9)
        simulator = Simulator(network, given[0])
        simulator.peek()
        simulator.step()
        simulator.run()
        simulator.explain("output", 0)
        simulator.what_if(times={("input", 0): 1.0})
        viewer.page(simulator)


def windows(times: type) -> None:
    """Run a network with windows in a batch and event by event, and train it."""
    layers = layers_of(f"{MAPS}-3", threshold=1.0, bias=0.0)
    network = Network(*layers, psp=Windows(), shape=(*IMAGE, 1))
    given, labels = stimuli(times, INPUTS, 1.0)
    evaluate(network, given, labels)
    cost_of(network, given)
    simulator = Simulator(network, given[0])
    simulator.step()
    simulator.run()
    trainer = Trainer(network, rule=WindowsRule(), optimizer=Adam(), batch_size=20)
    trainer.fit(given, labels, epochs=1)


def perturb() -> None:
    """Certify, attack and perturb networks of each response."""
    layers = layers_of(f"{MAPS}-3", threshold=1.0, bias=0.0)
    relus = Network(*layers, psp=Windows(), shape=(*IMAGE, 1), dtype=float)
    dense = [Network(Dense(INPUTS, 30), Dense(30, 3), psp=psp, t_max=9) for psp in RESPONSES]
    for network in (*dense, *map(maps, RESPONSES), relus):
        given, labels = stimuli(np.float64, network.sizes[0], 1.0)
        copy = plain(network, np.float64)
        movement(copy, given, labels, [0.1])
        curve(copy, given, labels, "added", [0.1], seeds=1)


def measure() -> None:
    """Measure the cases of `ttfs bench` on a few stimuli."""
    given, labels = (array[:20] for array in bench.synthetic())
    for case in bench.CASES.values():
        bench.measure(case, given, labels, reference=False)
    for maps_case in MAP_CASES.values():
        measure_maps(maps_case, given / np.float32(bench.STEPS), labels, reference=False)
    for circuit in (recurrent(20), sparse(1000)):
        simulate_circuit(circuit)
