"""What is logged while kernels are compiled: a line once it takes long, then signs of life.

The lines go to the logger "ttfs" as warnings: to the error stream, that is, unless a program
sends its log elsewhere, and `logging.getLogger("ttfs").setLevel(logging.ERROR)` silences them.
Reading kernels that were compiled before is fast, and compiling of other packages is not reported.
"""

import logging
import sys
import threading
import time
from contextlib import nullcontext, suppress

from numba.core import event
from numba.core.compiler_lock import global_compiler_lock

PATIENCE = 0.5  # seconds of compiling, in total, before anything is said
PULSE = 10.0  # and between two signs of life
ALL_KERNELS = f"{__name__.rpartition('.')[0]}."


class Notice(event.Listener):
    """Watches the clock beside the compiler, in a thread that lives as long as a compilation."""

    def __init__(self):
        self.seconds, self.due = 0.0, PATIENCE
        self.whose, self.since = None, 0.0  # the outermost kernel being compiled, and since when
        self.over, self.watch = threading.Event(), threading.Thread()

    def on_start(self, what):
        """Start watching, unless this kernel is compiled as part of another."""
        nested = self.whose is not None and self.watch.is_alive()
        module = what.data["dispatcher"].__module__ or ""  # made by `exec`, it has none
        if not nested and module.startswith(ALL_KERNELS):
            self.whose, self.since, self.over = what.data, time.perf_counter(), threading.Event()
            self.watch = threading.Thread(target=self.wait, args=(self.over,), daemon=True)
            with suppress(RuntimeError):  # no new threads at exit: then nothing is said
                self.watch.start()

    def on_end(self, what):
        """Stop watching when the outermost is done."""
        if what.data is self.whose:
            self.over.set()
            self.seconds += time.perf_counter() - self.since
            self.whose = None

    def wait(self, over):
        """Log whenever a line is due, until this compilation is over."""
        before, since = self.seconds, self.since
        while not over.wait(self.due - before - (time.perf_counter() - since)):
            if is_free(global_compiler_lock._lock):  # an interrupt has hidden its end
                return
            tell(
                "compiling for the first time, which takes up to half a minute"
                if self.due < PULSE
                else f"still compiling, {self.due:.0f} s so far"
            )
            self.due = PULSE * (self.due // PULSE + 1)


def is_free(lock):
    """Whether no thread holds a lock."""
    free = lock.acquire(blocking=False)
    if free:
        lock.release()
    return free


def tell(sentence):
    """Log a line, above any progress bars on the screen."""
    bars = getattr(sys.modules.get("tqdm"), "tqdm", None)
    shown = getattr(bars, "_instances", None)
    clear = bars.external_write_mode(file=sys.stderr) if shown else nullcontext()
    with suppress(Exception), clear:  # a closed stream or a failing log does not matter
        logging.getLogger("ttfs").warning("ttfs: %s", sentence)
