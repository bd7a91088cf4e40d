"""A clock that stands still while this thread compiles.

Kernels are compiled, or read from the cache, when they are first called. What is
measured with this clock takes the same time in a first run as in later ones.
"""

import threading
import time
from typing import Any

from numba.core import event
from numba.core.compiler_lock import global_compiler_lock


class Pauses(threading.local):
    """Per thread: how often it has entered the compiler without leaving it, when, and for
    how long it had been there before."""

    depth, since, seconds = 0, 0.0, 0.0


class Compiler(event.Listener):
    """Registers which threads are in the compiler, or wait there for another."""

    def on_start(self, what: Any) -> None:
        settle()
        if not PAUSES.depth:
            PAUSES.since = time.perf_counter()
        PAUSES.depth += 1

    def on_end(self, what: Any) -> None:
        PAUSES.depth = max(0, PAUSES.depth - 1)
        if not PAUSES.depth:
            PAUSES.seconds += time.perf_counter() - PAUSES.since


PAUSES = Pauses()
event.register("numba:compiler_lock", Compiler())


def settle() -> None:
    """Forget an entry that an interrupt left open."""
    if PAUSES.depth and not global_compiler_lock.is_locked():
        PAUSES.depth = 0


def clock() -> float:
    """Seconds without those in the compiler; only differences mean anything.

    >>> started = clock()
    >>> with event.trigger_event("numba:compiler_lock"):
    ...     time.sleep(0.2)
    >>> clock() - started < 0.2
    True
    """
    settle()
    now = PAUSES.since if PAUSES.depth else time.perf_counter()
    return now - PAUSES.seconds
