"""Commands that share their work with other processes."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import ttfs


@pytest.fixture
def evaluating(tmp_path):
    """`ttfs evaluate --workers 1` of more than is done soon, in a process group of its own."""
    pytest.importorskip("distributed")
    ttfs.save(tmp_path / "model.npz", ttfs.Network(ttfs.Dense(64, 10), t_max=256))
    rng = np.random.default_rng(0)
    for split, samples in (("train", 10), ("test", 1_000_000)):
        (tmp_path / split).mkdir()
        images = np.zeros((samples, 64), np.uint8)
        np.savez(tmp_path / split / "0.npz", images=images, labels=rng.integers(0, 10, samples))
    command = [sys.executable, "-m", "ttfs", "evaluate", "model.npz", "--dataset", str(tmp_path)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": tmp_path}
    process = subprocess.Popen([*command, "--workers", "1"], start_new_session=True, **pipes)
    yield process
    process.kill()


def worker_of(process):
    """The process that does the work, as soon as it is there."""
    psutil = pytest.importorskip("psutil")
    end = time.time() + 60
    while time.time() < end:
        for child in psutil.Process(process.pid).children():
            if "spawn_main" in " ".join(child.cmdline()):
                return child
        time.sleep(0.01)
    raise AssertionError("there is no worker")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
def test_ctrl_c_ends_the_workers_too_in_one_line(evaluating):
    worker = worker_of(evaluating)
    os.killpg(evaluating.pid, signal.SIGINT)
    told, errors = evaluating.communicate(timeout=60)
    assert (evaluating.returncode, told, errors) == (130, "", "ttfs: stopped\n")
    worker.wait(timeout=10)
