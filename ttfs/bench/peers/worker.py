"""One simulator in a process of its own: `python -m ttfs.bench.peers.worker NAME FOLDER ...`.

The process may be one of another Python, in which this package needs nothing but NumPy.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ttfs.bench.peers.presentation import Presentation
from ttfs.errors import TTFSError, extra

SIMULATORS = {
    "ttfs": ("ttfs", "ours.batch"),
    "ttfs-simulator": ("ttfs", "ours.one_by_one"),
    "nest": ("nest", "nest.build"),
    "brian2": ("brian2", "brian.build"),
    "snntorch": ("snntorch", "clocked.snntorch"),
    "spikingjelly": ("spikingjelly.activation_based.neuron", "clocked.spikingjelly"),
    "norse": ("norse.torch", "clocked.norse"),
}
"""By the name of a simulator: what is loaded before the clock runs, and what builds a network."""


Show = Callable[[], float | None]
STATUS = Path("/proc/self/status")


class Ready(NamedTuple):
    """A network that has been built, and is ready to see the stimuli.

    title: the name of the simulator, and its version.
    ways: in which it can be shown all stimuli, by their names; the fastest is measured. A function
        gives the seconds if it knows them better than a clock around it.
    read: (samples, neurons) first spike times of each layer in the last run.
    memory: whether this process is the one that simulates.
    """

    title: str
    ways: Mapping[str, Show]
    read: Callable[[], list[np.ndarray]]
    memory: bool = True


def measure(name: str, given: Presentation, threads: int, rounds: int) -> tuple[dict, list]:
    """What was measured, and the first spike times of each layer.

    A first run in each way is not counted, nor is a second one by which a way is chosen. Arrays of
    first spike times are made when the clock has stopped.
    """
    library, builder = SIMULATORS[name]
    with extra("peers"):
        import_module(library)
    module, function = builder.split(".")
    build = getattr(import_module(f"ttfs.bench.peers.{module}"), function)
    started = time.perf_counter()
    ready: Ready = build(given, threads)
    built = time.perf_counter() - started
    for show in ready.ways.values():
        show()
    way = min(ready.ways, key=lambda way: clocked(ready.ways[way]))
    micro = [1e6 * clocked(ready.ways[way]) / len(given.stimuli) for _ in range(rounds)]
    found = ready.read()
    told = {
        "simulator": ready.title,
        "way": way,
        "microseconds": float(np.median(micro)),
        "microseconds_min": min(micro),
        "microseconds_max": max(micro),
        "construction_seconds": built,
        "peak_megabytes": peak() if ready.memory else None,
    }
    return told, [np.where(times < given.horizon, times, np.inf) for times in found]


def clocked(show: Show) -> float:
    """Seconds of a run."""
    started = time.perf_counter()
    known = show()
    return time.perf_counter() - started if known is None else known


def peak() -> float | None:
    """Megabytes of memory that this process has had at most; None where that is not known.

    `getrusage` would include what the process that started this one has had.
    """
    if not STATUS.exists():  # it does on Linux
        return None
    return float(STATUS.read_text("utf-8").split("VmHWM:")[1].split()[0]) / 2**10


def main(arguments: list[str]) -> Any:
    """Measure NAME in FOLDER with THREADS and ROUNDS; a sentence if that cannot be done."""
    name, folder, threads, rounds = arguments
    given = Presentation.load(Path(folder, "given.npz"))
    try:
        told, found = measure(name, given, int(threads), int(rounds))
    except TTFSError as error:
        return str(error)
    np.savez(Path(folder, "found.npz"), *found)
    Path(folder, "found.json").write_text(json.dumps(told), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
