"""One thread at a time: kernels let other threads run, and two of them would corrupt a state."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from ttfs.errors import InputError

P = ParamSpec("P")
R = TypeVar("R")
Own = TypeVar("Own", bound=Any)


def alone(
    method: Callable[Concatenate[Own, P], R],
) -> Callable[Concatenate[Own, P], R]:
    """A method that is refused while another thread is in one, guarded by its object's `_lock`.

    The lock is an RLock: methods may call each other, and a lock that Ctrl-C leaves behind at any
    instant does not block the same thread.
    """

    @wraps(method)
    def guarded(self: Own, *args: P.args, **kwargs: P.kwargs) -> R:
        if not self._lock.acquire(False):
            raise InputError(
                f"another thread is using this {type(self).__name__}; make one for each thread"
            )
        try:
            return method(self, *args, **kwargs)
        finally:
            self._lock.release()

    return guarded
