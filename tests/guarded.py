"""Arrays flush against forbidden memory: a read or a write too far ends the process.

Vector loads and stores are checked by nobody, not even under NUMBA_BOUNDSCHECK=1.
"""

import ctypes
import mmap
import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

HERE = Path(__file__).parent
AVAILABLE = sys.platform.startswith(("linux", "darwin")) and not numba.config.DISABLE_JIT
# Once is enough, in code as users run it.
guards = pytest.mark.skipif(
    numba.config.BOUNDSCHECK or not AVAILABLE, reason="memory is not forbidden here"
)
PAGE = mmap.PAGESIZE


def guarded(array, at):
    """A copy of `array` that ends (at="end") or begins (at="start") at a forbidden page."""
    room = -(-array.nbytes // PAGE) * PAGE
    memory = mmap.mmap(-1, room + 2 * PAGE)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for page in (address, address + PAGE + room):
        if libc.mprotect(page, PAGE, 0):
            raise OSError(ctypes.get_errno(), "mprotect")
    offset = PAGE if at == "start" else PAGE + room - array.nbytes
    copy = np.ndarray(array.shape, array.dtype, memory, offset)
    copy[...] = array
    return copy


def guarded_tuple(values, at):
    """A NamedTuple with every array in it guarded."""
    parts = (guarded(v, at) if isinstance(v, np.ndarray) else v for v in values)
    return type(values)(*parts)


def in_own_process(module, function, *arguments, **environment):
    """Call `module.function(*arguments)` of this folder in a process of its own."""
    call = f"import {module}; {module}.{function}(*{arguments!r})"
    told = {"env": os.environ | environment, "capture_output": True, "text": True}
    return subprocess.run([sys.executable, "-c", call], cwd=HERE, timeout=600, **told)
