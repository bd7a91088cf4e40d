"""Simulators side by side: what each needs for a stimulus, and whether its spikes are ours."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from ttfs.bench import bench
from ttfs.bench.peers.ours import network_of
from ttfs.bench.peers.presentation import Presentation
from ttfs.bench.peers.worker import SIMULATORS
from ttfs.engines.batch import forward
from ttfs.errors import InputError, RunError
from ttfs.files.versions import versions


class Case(NamedTuple):
    """A grid: time steps of the window in which inputs fire, and the response."""

    steps: int
    ramp: bool = False


CASES = {
    "steps-256": Case(256),
    "steps-16": Case(16),
    "ramps-256": Case(256, ramp=True),
    "ramps-16": Case(16, ramp=True),
}
THREAD_LIMITS = "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"


def compare(
    names: Sequence[str] = (),
    *,
    cases: Sequence[str] = (),
    stimuli: int = 200,
    rounds: int = 5,
    pythons: dict[str, str] | None = None,
    log: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Measure simulators, this package first, on one thread and on all.

    Parameters
    ----------
    names: of simulators; without any, all.
    cases: some of CASES; without any, all.
    stimuli: how many are shown, at most all that there are.
    rounds: how often all of them are shown while the clock runs.
    pythons: by the name of a simulator, the Python that has it, if not this one.

    Returns
    -------
    A dictionary: `machine`, `versions`, `inputs`, `stimuli`, and `cases`, each with a list of what
    was `measured`, and a sentence for each simulator that was not, `missing`.

    Raises
    ------
    InputError: a simulator or case of another name.
    """
    check_known([*names, *(pythons or {})], SIMULATORS, "simulator")
    check_known(cases, CASES, "case")
    chosen = [name for name in SIMULATORS if not names or name in names or name == "ttfs"]
    title, times, _ = list(bench.inputs())[-1]
    stimuli = min(stimuli, len(times))
    report: dict[str, Any] = {
        "machine": bench.machine() | {"load": load()},
        "versions": versions(),
        "inputs": title,
        "stimuli": stimuli,
        "cases": {},
    }
    for case in cases or CASES:
        log(f"{case}, {stimuli} stimuli ({title})")
        found: list[dict[str, Any]] = []
        missing: dict[str, str] = {}
        report["cases"][case] = {"measured": found, "missing": missing}
        given = presentation(CASES[case], stimuli)
        for name in chosen:
            python = (pythons or {}).get(name, sys.executable)
            try:
                for result in measured(name, given, rounds, python):
                    found.append(result)
                    log(f"  {line(result)}")
            except RunError as error:
                missing[name] = str(error)
                log(f"  {name} is not measured: {error}")
    return report


def check_known(names: Sequence[str], known: Collection[str], kind: str) -> None:
    """Refuse a name that nothing has.

    >>> check_known(["steps-9"], ["steps-256", "steps-16"], "case")
    Traceback (most recent call last):
        ...
    ttfs.errors.InputError: there is no case 'steps-9', only steps-256, steps-16
    """
    for name in names:
        if name not in known:
            raise InputError(f"there is no {kind} {name!r}, only {', '.join(known)}")


def load() -> float | None:
    """How many processes have wanted a processor in the last minute; None where nobody knows."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def presentation(case: Case, count: int) -> Presentation:
    """The network 784-400-10 of `ttfs bench` and stimuli on a grid of some steps.

    Weights of steps are multiples of an eighth, so that all sums are exact everywhere.
    """
    name = "forward-ramp-784-400-10" if case.ramp else "forward-784-400-10"
    network = bench.CASES[name].network()
    _, times, _ = list(bench.inputs())[-1]
    on_grid = np.floor(np.asarray(times[:count], np.float64) * (case.steps / bench.STEPS))
    horizon = case.steps
    thresholds = tuple(float(np.max(layer.threshold)) for layer in network.layers)
    weights = tuple(np.asarray(one) for one in network.latents)
    if case.ramp:  # whose window is 1, and whose horizon is some windows
        thresholds = tuple(threshold * case.steps for threshold in thresholds)
        horizon = round(network.t_max * case.steps)
    else:
        weights = tuple(np.round(8 * one) / 8 for one in weights)
    return Presentation(weights, thresholds, case.ramp, horizon, on_grid)


def measured(
    name: str, given: Presentation, rounds: int, python: str = sys.executable
) -> Iterator[dict[str, Any]]:
    """What one simulator needs, on one thread and on all, and how its spikes compare with ours.

    Raises
    ------
    RunError: it is not there, or cannot do this.
    """
    wanted = forward(network_of(given), given.stimuli.astype(np.float32)).times[1:]
    alone = name == "ttfs-simulator"
    for threads in sorted({1} if alone else {1, bench.all_threads()}):
        told, found = in_process(name, given, threads, rounds, python)
        yield {"name": name, "threads": threads} | told | agreement(wanted, found)


def in_process(
    name: str, given: Presentation, threads: int, rounds: int, python: str
) -> tuple[dict[str, Any], list[np.ndarray]]:
    """What a worker has measured in a process of its own, and its first spike times."""
    with TemporaryDirectory(prefix="ttfs-peers-") as folder:
        given.save(Path(folder, "given.npz"))
        command = [python, "-m", "ttfs.bench.peers.worker"]
        try:
            done = subprocess.run(
                [*command, name, folder, str(threads), str(rounds)],
                env=os.environ | dict.fromkeys(THREAD_LIMITS, str(threads)),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
            )
        except OSError as error:
            raise RunError(f"{python}: {error.strerror}") from None
        if done.returncode:
            lines = done.stderr.strip().splitlines()
            raise RunError(lines[-1] if lines else f"it exited with code {done.returncode}")
        try:
            told = json.loads(Path(folder, "found.json").read_text("utf-8"))
            with np.load(Path(folder, "found.npz")) as data:
                return told, [data[key] for key in data.files]
        except (OSError, ValueError):
            raise RunError(f"{python} ended without a result") from None


def agreement(wanted: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> dict[str, Any]:
    """How many first spikes are the same, how far the others are off, and what is decided.

    Counted are spikes that are here, there, or both; neurons that are silent in both are not.

    >>> ours, theirs = np.array([[1.0, 2.0, np.inf]]), np.array([[1.0, 4.0, np.inf]])
    >>> agreement([ours], [theirs])["equal"], agreement([ours], [theirs])["off_most"]
    (1, 2.0)
    """
    ours, theirs = (np.concatenate([one.ravel() for one in times]) for times in (wanted, found))
    both, either = np.isfinite(ours) & np.isfinite(theirs), np.isfinite(np.minimum(ours, theirs))
    off = np.abs(ours[both] - theirs[both]).astype(np.float64)
    return {
        "spikes": int(either.sum()),
        "equal": int((ours == theirs)[either].sum()),
        "only_one_fired": int((either & ~both).sum()),
        "off_median": float(np.median(off)) if off.size else 0.0,
        "off_most": float(off.max(initial=0.0)),
        "other_decisions": int((decided(wanted[-1]) != decided(found[-1])).sum()),
    }


def decided(times: np.ndarray) -> np.ndarray:
    """The output that fires first, of several the first; -1 if all are silent."""
    return np.where(np.isfinite(times).any(axis=1), times.argmin(axis=1), -1)


def line(result: dict[str, Any]) -> str:
    """A result in words."""
    return (
        f"{result['simulator']:20s} {result['threads']} threads"
        f" {result['microseconds']:10.1f} us a stimulus, {same(result)}; {result['way']}"
    )


def same(result: dict[str, Any]) -> str:
    """In words, how the first spikes of a simulator compare with ours."""
    if result["equal"] == result["spikes"]:
        return f"all {result['spikes']:,} spikes equal"
    return (
        f"{result['equal']:,} of {result['spikes']:,} spikes equal, others off by"
        f" {result['off_median']:.2g} steps (at most {result['off_most']:.3g}),"
        f" {result['only_one_fired']:,} only here or there,"
        f" {result['other_decisions']:,} other decisions"
    )
