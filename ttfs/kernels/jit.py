"""The only Numba flags in the project, and which parts of a kernel are compiled.

No fast-math: `inf` is data here, and the order of additions is part of the result.
`error_model="numpy"` keeps a division from dragging a branch into every loop. Without `_nrt`
no references are counted: for a kernel that takes a record of forty arrays, each call
would take eighty atomic additions, far more than the work. So no kernel makes an array.
"""

import os
from functools import cached_property, update_wrapper
from types import SimpleNamespace

import numba
from numba import types
from numba.core import event
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_lock import global_compiler_lock
from numba.core.datamodel import models, register_default

from ttfs.kernels.kept import FOLDER, Kept
from ttfs.kernels.notice import Notice

FLAGS = {"error_model": "numpy", "nogil": True, "_nrt": False, "no_cfunc_wrapper": True}

event.register("numba:compile", Notice())


if os.name == "posix":  # a child forked while a thread compiles would wait for it forever
    LOCK = global_compiler_lock
    os.register_at_fork(
        before=LOCK.acquire, after_in_parent=LOCK.release, after_in_child=LOCK.release
    )


class Part(JITCodeLibrary):
    """The code of a kernel for its callers: linked into theirs, and never run by itself.

    So it is neither optimised nor turned into machine code before it is linked, and nothing has
    to know at which address.
    """

    codegen = SimpleNamespace(set_env=lambda name, environment: None)

    def _optimize_final_module(self):
        pass

    def _finalize_final_module(self):
        self._finalize_dynamic_globals()
        self._finalized = True


class PartCompiler(CompilerBase):
    """Numba's usual passes, which leave a `Part`."""

    def define_pipelines(self):
        state = self.state
        state.library = Part(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return [DefaultPassBuilder.define_nopython_pipeline(state)]


class Call(types.Dispatcher):
    """A kernel where another one calls it: compiled for each type of number, not for each number.

    Numba would compile it again for every constant that a caller passes.
    """

    def get_call_type(self, context, args, kws):
        kws = {name: types.unliteral(kind) for name, kind in dict(kws).items()}
        return super().get_call_type(context, tuple(map(types.unliteral, args)), kws)


register_default(Call)(models.OpaqueModel)  # nothing of it exists at run time


class Kernel:
    """A function that Numba compiles: once for kernels that call it, once for Python.

    A way in from Python unpacks each array of each record, which takes half of the time to
    compile, so there is one only where Python calls: an `entry`, which is cached on disk.
    What it calls is linked into it as a `part`.
    """

    def __init__(self, function, inline):
        self.function, self.inline, self.found = function, inline, {}
        update_wrapper(self, function)

    def __call__(self, *handed):
        return self.entry(*handed)

    def quick(self, key, *handed):
        """Call the kernel without asking for the type of each array of each record.

        That takes longer than a small piece of work. Whatever is passed with an equal key must be
        of the same types.
        """
        found = self.found.get(key)
        if found is None:
            found = self.found[key] = self.entry.compile(tuple(map(numba.typeof, handed)))
        return found(*handed)

    @cached_property
    def entry(self):
        """What Python calls."""
        made = numba.njit(self.function, **FLAGS)
        if FOLDER:
            made._cache = Kept(self.function, FLAGS)
        return made

    @cached_property
    def part(self):
        """What other kernels call."""
        flags = FLAGS | {"no_cpython_wrapper": True, "forceinline": self.inline}
        return numba.njit(self.function, pipeline_class=PartCompiler, **flags)

    @property
    def _numba_type_(self):
        """What Numba asks for where a kernel calls another one."""
        return Call(self.part)


def kernel(function, inline=True):
    """Compile a function of numbers and arrays when it is first called."""
    return function if numba.config.DISABLE_JIT else Kernel(function, inline)


def quick(kernel, key, *handed):
    """Call a kernel by `Kernel.quick`, if it is one."""
    return kernel.quick(key, *handed) if isinstance(kernel, Kernel) else kernel(*handed)


def rare_kernel(function):
    """The same, called so rarely that it is not inlined, which would take long to compile."""
    return kernel(function, inline=False)
