"""How long who has compiled nothing waits for a first result."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from ttfs.errors import RunError
from ttfs.files.interrupts import undisturbed

COLD = "cold"  # the name of the case
NETWORK = """
import numpy as np, ttfs
network = ttfs.Network(ttfs.Dense(784, 400), ttfs.Dense(400, 10), t_max=256)
times = 256 * np.random.default_rng(0).random((10, 784), np.float32)
"""
MAPS = """
import numpy as np, ttfs
layers = ttfs.Conv2d(8, 5), ttfs.MinPool2d(2), ttfs.Dense(1152, 10)
network = ttfs.Network(*layers, shape=(28, 28, 1), psp=ttfs.Ramp(), t_max=4)
times = np.random.default_rng(0).random((10, 784), np.float32)
"""
PROGRAMS = {
    "train": ["-m", "ttfs", "train", "--quiet", "--out", "{folder}/run"],
    "forward": ["-c", f"{NETWORK}ttfs.forward(network, times)"],
    "step": ["-c", f"{NETWORK}ttfs.Simulator(network, times[0]).step()"],
    "forward-maps": ["-c", f"{MAPS}ttfs.forward(network, times)"],
    "step-maps": ["-c", f"{MAPS}ttfs.Simulator(network, times[0]).step()"],
}
"""What Python is started with: a training on the digits; a first batch and a first event of a
dense network, and of maps."""


def cold() -> Iterator[tuple[str, float | str]]:
    """For each program the seconds by the wall, imports included; a sentence if it fails."""
    for name, arguments in PROGRAMS.items():
        try:
            yield name, seconds(arguments)
        except (OSError, RunError) as error:
            yield name, str(error)


def seconds(arguments: list[str]) -> float:
    """How long a fresh process takes with them, which finds no compiled kernel.

    Raises
    ------
    RunError: the process fails, or has compiled nothing.
    """
    with undisturbed(), TemporaryDirectory(prefix="ttfs-cold-") as folder:
        kept = Path(folder, "kept")
        command = [sys.executable, *(word.replace("{folder}", folder) for word in arguments)]
        started = time.perf_counter()
        found = subprocess.run(
            command,
            env=os.environ | {"NUMBA_CACHE_DIR": str(kept)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
        )
        taken = time.perf_counter() - started
        if found.returncode:
            last = (found.stderr.strip() or "no word on the error stream").splitlines()[-1]
            raise RunError(f"it ended with {found.returncode}: {last}")
        if not any(kept.rglob("*.nbc")):
            raise RunError("it has kept nothing that was compiled")
    return taken
