"""Seconds are those of the work: compiling, and reading what was compiled, are not in them."""

import threading
import time

import numba
import numpy as np
import pytest
from numba.core import event
from numba.core.compiler_lock import global_compiler_lock

import ttfs
from ttfs.cli import runs
from ttfs.kernels import clock as module
from ttfs.kernels.clock import clock
from ttfs.presets import PRESETS
from ttfs.training import trainer
from ttfs.training.progress import Bar

COMPILING = 0.3


def compile_meanwhile(function):
    """A function that is slow the first time, as when its kernels are compiled."""
    left = [COMPILING]

    def run(*given, **named):
        with global_compiler_lock:
            time.sleep(left.pop() if left else 0)
        return function(*given, **named)

    return run


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled")
def test_the_clock_stands_still_while_something_is_compiled():
    fresh = numba.njit(lambda numbers: numbers.sum() + np.sort(numbers)[0])
    clocked, passed = clock(), time.perf_counter()
    fresh(np.ones(3))
    clocked, passed = clock() - clocked, time.perf_counter() - passed
    assert 0 <= clocked < 0.2 * passed


def test_compiling_within_compiling_counts_once():
    started, passed = clock(), time.perf_counter()
    for _ in range(2):
        with global_compiler_lock:
            time.sleep(0.02)
            with global_compiler_lock:
                time.sleep(0.02)
                assert clock() - started < 0.02
            time.sleep(0.02)
    time.sleep(0.1)
    assert 0.1 <= clock() - started <= time.perf_counter() - passed - 0.11


def test_a_thread_that_compiles_stops_no_other_ones_clock():
    def compile_for_long():
        with global_compiler_lock:
            inside.set()
            time.sleep(0.2)

    inside = threading.Event()
    other = threading.Thread(target=compile_for_long)
    started = clock()
    other.start()
    inside.wait()
    other.join()
    assert clock() - started >= 0.19


def test_an_interrupt_in_the_compiler_does_not_stop_the_clock_for_ever():
    event.start_event("numba:compiler_lock")  # and no end
    started = clock()
    time.sleep(0.05)
    assert clock() - started >= 0.05
    assert module.PAUSES.depth == 0
    event.end_event("numba:compiler_lock")
    assert module.PAUSES.depth == 0


def test_the_seconds_of_an_epoch_are_without_compiling(monkeypatch):
    monkeypatch.setattr(trainer, "evaluate", compile_meanwhile(trainer.evaluate))
    network = ttfs.Network(ttfs.Dense(9, 30), ttfs.Dense(30, 3), t_max=9)
    given, labels = np.ones((40, 9), np.float32), np.arange(40) % 3
    started = time.perf_counter()
    history = ttfs.Trainer(network).fit(given, labels, epochs=2)
    passed = time.perf_counter() - started
    seconds = [record["seconds"] for record in history.records]
    assert all(each > 0 for each in seconds)
    assert sum(seconds) <= passed - COMPILING


def test_so_are_those_of_a_report(monkeypatch, tmp_path):
    monkeypatch.setattr(runs, "evaluate", compile_meanwhile(runs.evaluate))
    network = PRESETS["yin-yang"].network(4, 3, seed=0)
    _, test = ttfs.datasets.yin_yang()
    given = PRESETS["yin-yang"].encoder(test.images)
    started = time.perf_counter()
    report = runs.measure(network, given, test)
    assert 0 < report["seconds"] <= time.perf_counter() - started - COMPILING
    assert report["samples_per_second"] == report["samples"] / report["seconds"]


def test_a_bar_foresees_the_time_of_epochs_that_do_not_compile(capsys):
    bar = Bar(True, 9, 1)
    for compiling in (COMPILING, 0):
        with global_compiler_lock:
            time.sleep(compiling)
        time.sleep(0.15)
        bar.update()
        assert 0.1 < 1 / bar.drawn.format_dict["rate"] < 0.3
        assert bar.drawn.format_dict["elapsed"] < 0.45
    bar.close()
    assert "3/9" in capsys.readouterr().err


def test_a_bar_that_is_not_shown_counts_as_well():
    bar = Bar(False, 9, 0)
    with global_compiler_lock:
        time.sleep(0.01)
    bar.update()
    bar.close()
