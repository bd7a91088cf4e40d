"""Forked processes, and several threads of Python: neither hangs, dies or computes otherwise."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numba
import numpy as np
import pytest

import ttfs
from ttfs.cli.warmup import networks, recipes, stimuli
from ttfs.kernels import threads
from ttfs.kernels.threads import spread

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing runs on threads")
LAYERS = "omp", "workqueue", "tbb"
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
PREPARED = """
import multiprocessing, os, threading
import numba, numpy as np
import ttfs
from ttfs.kernels.threads import no_work_is_little

rng = np.random.default_rng(0)
times = rng.uniform(0, 9, (400, 9)).astype(np.float32)
network = ttfs.Network(ttfs.Dense(9, 30), ttfs.Dense(30, 3), t_max=9)

def spikes(_=None):
    return ttfs.forward(network, times).times[-1]

def weights(seed):
    trained = ttfs.Network(ttfs.Dense(9, 30), ttfs.Dense(30, 3), psp=ttfs.Ramp(), t_max=9)
    rule, optimizer = ttfs.rules.Exact(), ttfs.Adam()
    trainer = ttfs.Trainer(trained, rule=rule, optimizer=optimizer, batch_size=50, seed=seed)
    trainer.fit(times, np.arange(400) % 3, epochs=1)
    return trained.weights[0]

def everywhere():
    with no_work_is_little():
        try:
            numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
        except ValueError:
            print("no such threads")
            raise SystemExit from None
        main()
"""


def run(code, layer="default"):
    """What a process with such threads prints in the end."""
    settings = os.environ | {"NUMBA_THREADING_LAYER": layer, "NUMBA_NUM_THREADS": "2"}
    settings["PYTHONPATH"] = str(Path(ttfs.__file__).parents[1])
    command = [sys.executable, "-c", PREPARED + code + "\neverywhere()"]
    found = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=300)
    if found.stdout == "no such threads\n":
        pytest.skip(f"{layer} is not installed")
    assert (found.returncode, complaints(found)) == (0, [])
    return found.stdout.splitlines()


def complaints(found):
    """The lines of an error stream, but for those of who compiles."""
    return [line for line in found.stderr.splitlines() if "compiling" not in line]


@forks
@pytest.mark.parametrize("layer", LAYERS)
def test_a_pool_that_is_forked_after_a_parallel_kernel_finds_the_same_bits(layer):
    code = """
def main():
    here = spikes(), weights(1)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        there = pool.map_async(spikes, range(4)).get(120)
        trained = pool.map_async(weights, [1, 2]).get(120)
    print(all(np.array_equal(found, here[0]) for found in there))
    print(np.array_equal(trained[0], here[1]), np.array_equal(trained[1], here[1]))
    print(np.array_equal(spikes(), here[0]))
"""
    assert run(code, layer) == ["True", "True False", "True"]


@forks
def test_so_does_a_child_of_a_child_and_one_that_was_forked_by_a_thread():
    code = """
def child(depth):
    found = np.array_equal(spikes(), before)
    if depth and found:
        number = os.fork()
        if not number:
            os._exit(child(depth - 1))
        found = os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) == 0
    return 0 if found else 1

def fork():
    number = os.fork()
    if not number:
        os._exit(child(2))
    print(os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]))

def main():
    global before
    before = spikes()
    fork()
    thread = threading.Thread(target=fork)
    thread.start()
    thread.join()
"""
    assert run(code, "omp") == ["0", "0"]  # TBB is as good, but says that it might not be


@forks
def test_a_process_forked_while_a_thread_compiles_can_compile():
    code = """
import time
from numba.core.compiler_lock import global_compiler_lock

compiling = threading.Event()

def compile():
    with global_compiler_lock:
        compiling.set()
        time.sleep(0.3)

def main():
    spikes()
    threading.Thread(target=compile).start()
    compiling.wait()
    number = os.fork()
    if not number:
        os._exit(0 if global_compiler_lock._lock.acquire(timeout=5) else 1)
    print(os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]))
"""
    assert run(code) == ["0"]


@forks
def test_a_forked_process_has_threads_of_its_own():
    code = """
from ttfs.kernels import threads

def count():
    spikes()
    return threads.threads(), sum(t.daemon for t in threading.enumerate())

def main():
    print(*count(), flush=True)
    number = os.fork()
    if not number:
        print(*count(), flush=True)
        os._exit(0)
    os.waitpid(number, 0)
"""
    assert run(code) == ["2 1", "2 1"]


def test_threads_of_numba_are_not_started_unless_someone_asks_it_how_many():
    code = """
def everywhere():
    with no_work_is_little():
        spikes()
    print(threading.active_count())
    try:
        print(numba.threading_layer())
    except ValueError:
        print("none")
"""
    assert run(code) == ["2", "none"]


@pytest.mark.parametrize("layer", LAYERS)
def test_threads_of_python_that_come_at_once_find_the_same_bits(layer):
    code = """
def main():
    before, found = (spikes(), weights(1)), []
    start = threading.Barrier(3)

    def work():
        start.wait()
        for _ in range(30):
            found.append(np.array_equal(spikes(), before[0]))
        found.append(np.array_equal(weights(1), before[1]))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(len(found), all(found))
"""
    assert run(code, layer) == ["93 True"]


def test_their_first_kernels_may_come_at_once():
    code = """
def everywhere():
    found, start = [], threading.Barrier(3)

    def work():
        start.wait()
        with no_work_is_little():
            found.append(spikes())

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(len(found), all(np.array_equal(each, found[0]) for each in found))
"""
    assert run(code, "workqueue") == ["3 True"]


def test_the_script_for_many_seeds_trains_them(tmp_path):
    page = Path(__file__).parent.parent / "docs" / "train.md"
    found = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    (script,) = (one for one in found if "ProcessPoolExecutor" in one)
    (tmp_path / "seeds.py").write_text(script)
    settings = os.environ | {"PYTHONPATH": str(Path(ttfs.__file__).parents[1])}
    command = [sys.executable, "seeds.py"]
    found = subprocess.run(
        command, cwd=tmp_path, env=settings, capture_output=True, text=True, timeout=300
    )
    assert (found.returncode, complaints(found)) == (0, [])
    accuracies = re.findall(r"seed (\d): (\d\d\.\d)%", found.stdout)
    assert [seed for seed, _ in accuracies] == ["0", "1", "2", "3"]
    assert all(float(accuracy) > 80 for _, accuracy in accuracies)


@pytest.mark.parametrize("name", recipes())
def test_any_number_of_threads_learns_the_same_bits(name, monkeypatch):
    recipe = replace(recipes()[name], augmentation=())
    ends = []
    for number in (1, 3):
        monkeypatch.setattr(threads, "threads", lambda number=number: number)
        network = networks(recipe)[0]
        times, labels = stimuli(np.float32, network.sizes[0], network.t_max)
        recipe.trainer(network, seed=0).fit(times, labels, epochs=2)
        ends.append(network)
    for one, other in zip(*(network.latents for network in ends), strict=True):
        np.testing.assert_array_equal(one, other)


# How work is spread


@pytest.mark.parametrize("number", [1, 2, 3, 8])
@pytest.mark.parametrize("count", [0, 1, 2, 5, 100])
def test_all_is_done_once(count, number, monkeypatch):
    monkeypatch.setattr(threads, "threads", lambda: number)
    done = []
    spread(lambda first, last: done.extend(range(first, last)), count, 0)
    assert sorted(done) == list(range(count))


def test_several_threads_are_at_work_at_once(monkeypatch):
    monkeypatch.setattr(threads, "threads", lambda: 3)
    together = threading.Barrier(3)
    spread(lambda first, last: together.wait(60), 3, 0)


def test_little_work_is_left_to_the_thread_that_has_it(monkeypatch):
    monkeypatch.setattr(threads, "threads", lambda: 3)
    monkeypatch.setattr(threads, "WORTH", 10)
    parts = []
    spread(lambda *part: parts.append(part), 6, 9)
    assert parts == [(0, 6)]
    spread(lambda *part: parts.append(part), 6, 10)
    assert sorted(parts[1:]) == [(0, 2), (2, 4), (4, 6)]


def test_what_no_thread_comes_to_help_with_is_done_all_the_same(monkeypatch):
    monkeypatch.setattr(threads, "threads", lambda: 3)
    monkeypatch.setattr(threads.TEAM, "call", lambda task, helpers: None)
    parts = []
    spread(lambda *part: parts.append(part), 6, 0)
    assert parts == [(0, 2), (2, 4), (4, 6)]


def test_an_error_in_any_thread_is_raised_when_the_others_are_done(monkeypatch):
    monkeypatch.setattr(threads, "threads", lambda: 3)
    done = []

    def some(first, last):
        if last == 3:
            raise KeyError(last)
        done.append(last)

    with pytest.raises(KeyError, match="^3$"):
        spread(some, 3, 0)
    assert sorted(done) == [1, 2]


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="threads get no signals here")
def test_ctrl_c_is_raised_when_no_other_thread_is_at_work(monkeypatch):
    monkeypatch.setattr(threads, "threads", lambda: 2)
    monkeypatch.setattr(threads, "TEAM", threads.Team())
    together, main, done = threading.Barrier(2), threading.main_thread(), []

    def some(first, last):
        together.wait(60)
        if threading.current_thread() is not main:
            time.sleep(0.1)  # until the other one waits
            signal.pthread_kill(main.ident, signal.SIGINT)
            time.sleep(0.2)
            done.append(last)

    with pytest.raises(KeyboardInterrupt):
        spread(some, 2, 0)
    assert len(done) == 1
    parts = []
    spread(lambda *part: parts.append(part), 2, 0)
    assert sorted(parts) == [(0, 1), (1, 2)], "the next task is done"
