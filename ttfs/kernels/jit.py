"""The only Numba flags in the project, and the folder where compiled kernels are kept.

No fast-math: `inf` is data here, and the order of additions is part of the result.
`error_model="numpy"` keeps a division from dragging a branch into every loop.

Numba notices a change in a kernel's own file but not in the kernels it calls, nor whether
bounds were checked. The folder is therefore named by a hash of all kernel sources and of that
setting: a changed kernel starts afresh.
"""

import hashlib
import os
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path

import numba

HERE = Path(__file__).parent
WORTH = 3_000_000  # numbers read or written: fewer are done before another thread is awake


def cache_folder():
    """The first writable folder for compiled kernels, or None; a sentence if it is a makeshift."""
    digest = hashlib.sha256(os.environ.get("NUMBA_BOUNDSCHECK", "").encode())
    for source in sorted(HERE.glob("*.py")):
        digest.update(source.read_bytes())
    chosen, home = os.environ.get("NUMBA_CACHE_DIR"), os.path.expanduser("~")
    places = [chosen] if chosen else []
    places += [HERE / "__pycache__"]
    places += [Path(home) / ".cache" / "ttfs"] if home != "~" else []
    for place in places:
        folder = Path(place) / f"ttfs-{digest.hexdigest()[:12]}"
        if writable(folder):
            if chosen and place != chosen:
                warn(f"NUMBA_CACHE_DIR={chosen} is not writable: compiled kernels are in {place}")
            return str(folder)
    warn(
        f"compiled kernels cannot be kept: {' or '.join(map(str, places))} is not writable, so"
        " every start compiles anew; set NUMBA_CACHE_DIR to a folder that is"
    )
    return None


def writable(folder):
    """Whether files can be made in a folder, which is made if absent."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def warn(sentence):
    """A warning that names this file."""
    warnings.warn(sentence, stacklevel=3)


FOLDER = cache_folder()


def compiled(function, **flags):
    """`function` compiled on first use, and kept in FOLDER."""
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = FOLDER or before
    try:
        return numba.njit(function, cache=FOLDER is not None, error_model="numpy", **flags)
    finally:
        numba.config.CACHE_DIR = before


def kernel(function):
    """A serial kernel that makes no arrays; callable from other kernels.

    Without `_nrt` Numba counts references: at each call of a kernel that takes a record of
    forty arrays, eighty atomic additions, far more than the work. Who makes no array need
    not count.
    """
    return compiled(function, nogil=True, _nrt=False, forceinline=True)


def rare_kernel(function):
    """The same, called so seldom that no caller gets a copy of its code, which takes long."""
    return compiled(function, nogil=True, _nrt=False)


def making_kernel(function):
    """A serial kernel that makes arrays, for itself or its caller."""
    return compiled(function, nogil=True)


def parallel_kernel(function):
    """A kernel whose `prange` loop runs over samples or neurons, each writing its own slice."""
    return compiled(function, parallel=True)


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
    threads = numba.get_num_threads() if is_little(work) else 1
    if threads > 1:
        numba.set_num_threads(1)
    try:
        yield
    finally:
        if threads > 1:
            numba.set_num_threads(threads)
