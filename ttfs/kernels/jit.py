"""The only Numba flags in the project, and how many threads run what is compiled.

No fast-math: `inf` is data here, and the order of additions is part of the result.
`error_model="numpy"` keeps a division from dragging a branch into every loop.
"""

import os
import threading
from contextlib import contextmanager, nullcontext
from functools import cache, wraps

import numba
from numba.core import event

from ttfs.kernels.kept import FOLDER, Kept
from ttfs.kernels.notice import Notice

NO_ENTRY = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
WORTH = 3_000_000  # numbers read or written: fewer are done before another thread is awake
ALONE = False  # whether the threads of this process stayed behind when it was forked
TURN = threading.RLock()

event.register("numba:compile", Notice())


def compiled(function, **flags):
    """`function` compiled on first use, and kept."""
    made = numba.njit(function, error_model="numpy", **flags)
    if FOLDER and not numba.config.DISABLE_JIT:
        made._cache = Kept(function, flags)
    return made


def kernel(function):
    """A serial kernel that makes no arrays; callable from other kernels.

    Without `_nrt` Numba counts references: at each call of a kernel that takes a record of
    forty arrays, eighty atomic additions, far more than the work. Who makes no array need
    not count.
    """
    return compiled(function, nogil=True, _nrt=False, forceinline=True)


def inner_kernel(function):
    """The same, called by other kernels alone.

    Half the time to compile a kernel that takes large records goes into its entries from Python
    and from C, which unpack each array of them.
    """
    return compiled(function, nogil=True, _nrt=False, forceinline=True, **NO_ENTRY)


def rare_kernel(function):
    """The same, called so seldom that no caller gets a copy of its code, which takes long."""
    return compiled(function, nogil=True, _nrt=False, **NO_ENTRY)


def making_kernel(function):
    """A serial kernel that makes arrays, for itself or its caller."""
    return compiled(function, nogil=True)


def parallel_kernel(function):
    """A kernel whose `prange` loop runs over samples or neurons, each writing its own slice.

    A process that is alone has another version, without threads: asked for those that it does
    not have, OpenMP ends it. It is compiled where it is needed.
    """
    many, alone = compiled(function, parallel=True), compiled(function, nogil=True)

    @wraps(function)
    def run(*handed):
        if ALONE:
            return alone(*handed)
        with turn():
            return many(*handed)

    return run


@cache
def turn():
    """What a thread that enters a parallel kernel holds meanwhile.

    Numba's own threads, "workqueue", end a process in which two enter at once.
    """
    numba.get_num_threads()  # by now Numba has chosen whose threads to use
    return TURN if numba.threading_layer() == "workqueue" else nullcontext()


def note_fork():
    """See whether there were threads to be left behind."""
    global ALONE
    try:
        numba.threading_layer()
    except ValueError:  # none were started
        return
    ALONE = True


if os.name == "posix":
    os.register_at_fork(after_in_child=note_fork)


def threads():
    """How many threads a parallel kernel runs on."""
    return 1 if ALONE else numba.get_num_threads()


def is_little(work):
    """Whether so many numbers are not worth waking a thread."""
    return work < WORTH


@contextmanager
def no_work_is_little():
    """Meanwhile whatever may run on several threads does."""
    global WORTH
    before, WORTH = WORTH, 0
    try:
        yield
    finally:
        WORTH = before


@contextmanager
def threads_for(work):
    """Meanwhile one thread for little work, and all threads for more."""
    before = threads() if is_little(work) else 1
    if before > 1:
        numba.set_num_threads(1)
    try:
        yield
    finally:
        if before > 1:
            numba.set_num_threads(before)
