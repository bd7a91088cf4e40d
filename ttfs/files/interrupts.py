"""Ctrl-C: obeyed at once while nothing can be lost, otherwise when training checks for it.

An exception between any two instructions is not safe everywhere: imports turn it into other
errors, callbacks swallow it, and what was being done remains half done. Once there is something
to lose, Ctrl-C is therefore only remembered, and checked for between two steps.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STOPPED = "stopped"


def _raise(words: str) -> None:
    raise KeyboardInterrupt(words)


class Interrupts:
    """What Ctrl-C does at present.

    leave: called with words for the user to obey Ctrl-C; by default raises KeyboardInterrupt.
    """

    def __init__(self, leave: Callable[[str], object] = _raise):
        self.leave = leave
        self.words = STOPPED
        self.waits = False
        self.asked = False

    def press(self, *signal_and_frame: object) -> None:
        """Obey Ctrl-C, or remember that it was pressed."""
        if self.waits:
            self.asked = True
        else:
            self.leave(self.words)

    def keep(self) -> None:
        """There is something to lose: from now on, Ctrl-C waits for `check` or `release`."""
        self.waits = True

    def check(self) -> None:
        """Raise KeyboardInterrupt if Ctrl-C has been pressed and is waiting."""
        if self.asked:
            self.asked = False
            raise KeyboardInterrupt(self.words)

    def release(self, words: str = STOPPED) -> None:
        """Nothing can be lost any more: obey Ctrl-C from now on, and now if it is waiting."""
        self.words, self.waits = words, False
        if self.asked:
            self.asked = False
            self.leave(words)


_now: Interrupts | None = None


@contextmanager
def handled(leave: Callable[[str], object] = _raise) -> Iterator[Interrupts]:
    """A context in which Ctrl-C acts through the Interrupts yielded; nested ones share them.

    Where Ctrl-C would not raise KeyboardInterrupt here, because it is ignored, has a handler set
    by the user, or goes to another thread, nothing changes, and the Interrupts are never used.
    """
    global _now
    mine = Interrupts(leave)
    if threading.current_thread() is not threading.main_thread():
        yield mine
    elif _now is not None:
        yield _now
    elif signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield mine
    else:
        press = mine.press  # kept as one object: each lookup of a method makes a new one
        try:
            _now = mine
            signal.signal(signal.SIGINT, press)
            yield mine
        finally:
            _now = None
            if signal.getsignal(signal.SIGINT) is press:
                signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def raised() -> Iterator[None]:
    """A context that Ctrl-C leaves by an exception: more has to be ended than this process.

    Where a callback of another package swallows the exception, it comes at the end.
    """
    with handled() as ctrl_c:

        def leave(words: str) -> None:
            ctrl_c.asked = True
            _raise(words)

        before, ctrl_c.leave = ctrl_c.leave, leave
        try:
            yield
            ctrl_c.check()
        finally:
            ctrl_c.leave, ctrl_c.asked = before, False


@contextmanager
def undisturbed() -> Iterator[None]:
    """A context that is completed before Ctrl-C is obeyed."""
    if _now is None or _now.waits or threading.current_thread() is not threading.main_thread():
        yield
        return
    now = _now
    now.keep()
    try:
        yield
    finally:
        now.release(now.words)


def ignore() -> None:
    """All is done: from now on, until the process has ended, Ctrl-C is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
