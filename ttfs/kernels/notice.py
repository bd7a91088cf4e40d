"""What is said while kernels are compiled: one line once it lasts, and then signs of life.

The lines go to the logger "ttfs" as warnings: so they are on the error stream, unless a program
wants its log elsewhere, and `logging.getLogger("ttfs").setLevel(logging.ERROR)` silences them.
Reading what was compiled before takes no time, and other functions are not ours to speak of.
"""

import logging
import sys
import threading
import time
from contextlib import nullcontext, suppress

from numba.core import event
from numba.core.compiler_lock import global_compiler_lock

PATIENCE = 0.5  # seconds of compiling, in all, before anything is said
PULSE = 10.0  # and between two signs of life
ALL_KERNELS = f"{__name__.rpartition('.')[0]}."


class Notice(event.Listener):
    """Watches the clock beside the compiler, in a thread that lives as long as a compilation."""

    def __init__(self):
        self.seconds, self.due = 0.0, PATIENCE
        self.whose, self.since = None, 0.0  # the outermost kernel that is compiled, since when
        self.over, self.watch = threading.Event(), threading.Thread()

    def on_start(self, what):
        """Watch, unless this kernel is compiled for another one."""
        nested = self.whose is not None and self.watch.is_alive()
        module = what.data["dispatcher"].__module__ or ""  # made by `exec`, it has none
        if not nested and module.startswith(ALL_KERNELS):
            self.whose, self.since, self.over = what.data, time.perf_counter(), threading.Event()
            self.watch = threading.Thread(target=self.wait, args=(self.over,), daemon=True)
            with suppress(RuntimeError):  # no threads any more: then nothing is said
                self.watch.start()

    def on_end(self, what):
        """Stop watching when the outermost is done."""
        if what.data is self.whose:
            self.over.set()
            self.seconds += time.perf_counter() - self.since
            self.whose = None

    def wait(self, over):
        """Speak whenever it is due, until this compilation is over."""
        before, since = self.seconds, self.since
        while not over.wait(self.due - before - (time.perf_counter() - since)):
            if is_free(global_compiler_lock._lock):  # an interrupt has kept its end from us
                return
            tell(
                "compiling, this first time, for up to half a minute"
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
    """A line in the log, above the bars that are on the screen."""
    bars = getattr(sys.modules.get("tqdm"), "tqdm", None)
    shown = getattr(bars, "_instances", None)
    clear = bars.external_write_mode(file=sys.stderr) if shown else nullcontext()
    with suppress(Exception), clear:  # no stream that is closed, and no log that fails, matters
        logging.getLogger("ttfs").warning("ttfs: %s", sentence)
