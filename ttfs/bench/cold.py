"""How long a first result takes when nothing has been compiled."""

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
"""The programs that Python runs: training on the digits; a first batch and a first event of a
dense network, and of maps."""


def cold() -> Iterator[tuple[str, float | str]]:
    """For each program the wall-clock seconds, imports included; a sentence if it fails."""
    for name, arguments in PROGRAMS.items():
        try:
            yield name, seconds(arguments)
        except (OSError, RunError) as error:
            yield name, str(error)


def seconds(arguments: list[str]) -> float:
    """How long a fresh process takes that finds no compiled kernels.

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
            last = (found.stderr.strip() or "nothing on the error stream").splitlines()[-1]
            raise RunError(f"it exited with code {found.returncode}: {last}")
        if not any(kept.rglob("*.nbc")):
            raise RunError("it kept no compiled kernels")
    return taken
