"""Compiling that lasts is announced: one line, and signs of life while it goes on."""

import io
import logging
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from types import SimpleNamespace

import numba
import pytest
from numba.core.compiler_lock import global_compiler_lock
from tqdm import tqdm

from ttfs.kernels import notice as module

FIRST = "ttfs: compiling for the first time, which takes up to half a minute"


@pytest.fixture
def notice(monkeypatch):
    """One that is soon out of patience, and hears only what it is told here."""
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    monkeypatch.setattr(module, "PULSE", 0.4)
    return module.Notice()


@contextmanager
def compiling(notice, where="ttfs.kernels.batch"):
    """As if a function of a module was compiled meanwhile."""
    what = SimpleNamespace(data={"dispatcher": SimpleNamespace(__module__=where)})
    with global_compiler_lock:
        notice.on_start(what)
        try:
            yield
        finally:
            notice.on_end(what)


def test_what_lasts_is_announced_once_and_shows_that_it_lives(notice, caplog):
    for _ in range(3):
        with compiling(notice):
            time.sleep(0.3)
    assert caplog.messages[0] == FIRST
    assert len(caplog.messages) in (2, 3)  # after 0.1, 0.4 and perhaps 0.8 seconds
    assert all("still compiling" in line for line in caplog.messages[1:])


def test_nobody_hears_of_moments_until_there_are_many(notice, caplog):
    with compiling(notice):
        pass
    assert not caplog.messages
    for _ in range(8):
        with compiling(notice):
            time.sleep(0.02)
    assert caplog.messages == [FIRST]


def test_seconds_without_compiling_do_not_count(notice, caplog):
    for _ in range(2):
        with compiling(notice):
            pass
        time.sleep(0.15)
    assert not caplog.messages


def test_a_kernel_that_is_compiled_for_another_one_counts_once(notice, caplog):
    with compiling(notice):
        for _ in range(2):
            with compiling(notice):
                time.sleep(0.07)
        time.sleep(0.07)
    assert 0.2 < notice.seconds < 0.4
    assert caplog.messages == [FIRST]


def test_functions_of_others_are_not_spoken_of(notice, caplog):
    for where in ("__main__", "numba.np.arrayobj", "ttfs_kernels.mine"):
        with compiling(notice, where):
            time.sleep(0.15)
    assert not caplog.messages


def test_functions_of_no_module_are_compiled_as_ever(notice):
    made = {}
    exec("def f(x):\n    return x + 1", made)
    assert numba.njit(made["f"])(1) == 2


def test_a_thread_that_compiles_is_heard_of_too(notice, caplog):
    def compile_for_long():
        with compiling(notice):
            time.sleep(0.2)

    threads = [threading.Thread(target=compile_for_long) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert caplog.messages[:1] == [FIRST]
    assert notice.seconds >= 0.4


def test_an_interrupt_that_lets_no_end_be_told_ends_the_signs_of_life(notice, caplog):
    with global_compiler_lock:
        notice.on_start(SimpleNamespace(data={"dispatcher": module.Notice}))  # and no end
    notice.watch.join(2)
    assert not notice.watch.is_alive()
    assert not caplog.messages
    with compiling(notice):
        time.sleep(0.2)
    assert caplog.messages == [FIRST]


def test_a_bar_is_cleared_for_the_line_and_drawn_again_below_it(notice, monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    log, shown = logging.getLogger("ttfs"), logging.StreamHandler(screen)
    log.addHandler(shown)
    with tqdm(total=3, file=screen, desc="bar"), compiling(notice):
        time.sleep(0.2)
    log.removeHandler(shown)
    before, _, after = screen.getvalue().partition(f"{FIRST}\n")
    assert before.endswith("\r")
    assert "bar" not in before.split("\r")[-2]
    assert "bar:   0%" in after


@pytest.mark.parametrize("stream", ["closed", None])
def test_without_an_error_stream_nothing_is_said_and_nothing_fails(notice, monkeypatch, stream):
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", stream and closed)
    monkeypatch.setattr(logging.root, "handlers", [])
    died = []
    monkeypatch.setattr(threading, "excepthook", died.append)
    with compiling(notice):
        time.sleep(0.2)
    notice.watch.join(2)
    assert not died


def test_where_no_thread_can_be_had_it_compiles_in_silence(notice, monkeypatch, caplog):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    for _ in range(2):
        with compiling(notice):
            time.sleep(0.15)
    assert notice.seconds > 0.3
    assert not caplog.messages


PROGRAM = """
import os, numba
from ttfs.kernels import notice
notice.PATIENCE = 0.0
{first}
from ttfs.kernels.rest import two_product, two_sum
assert numba.njit(lambda x: x + 1)(1) == 2
print(two_sum(1.0, 2.0), two_product(2.0, 3.0), two_sum(1, 2))
"""
FORKED = "if os.fork(): os.wait(); os._exit(0)"
SILENT = "import logging; logging.getLogger('ttfs').setLevel(logging.ERROR)"


def announced(folder, first=""):
    """What a program writes to its error stream that runs two kernels, kept in a folder."""
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM.format(first=first)],
        env=os.environ | {"NUMBA_CACHE_DIR": str(folder)},
        capture_output=True,
        text=True,
    )
    assert found.stdout.startswith("(3.0, 0.0)")
    return found.stderr.splitlines()


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled")
def test_a_program_announces_its_first_kernel_unless_it_is_kept(tmp_path):
    assert announced(tmp_path) == [FIRST]
    assert announced(tmp_path) == []


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled")
def test_a_log_that_is_silent_stays_so(tmp_path):
    assert announced(tmp_path, SILENT) == []


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_process_that_was_forked_announces_its_own(tmp_path):
    assert announced(tmp_path, FORKED) == [FIRST]
