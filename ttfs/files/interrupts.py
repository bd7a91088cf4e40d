"""Ctrl-C: obeyed at once as long as that loses nothing, and later where a training asks for it.

An exception between any two instructions cannot be borne everywhere: imports turn it into other
errors, callbacks swallow it, and what was being done stays half done. So once there is something
to lose Ctrl-C is only remembered, and asked for between two steps.
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

    leave: obeys, given words for the user; by default raises KeyboardInterrupt.
    """

    def __init__(self, leave: Callable[[str], object] = _raise):
        self.leave = leave
        self.words = STOPPED
        self.waits = False
        self.asked = False

    def press(self, *signal_and_frame: object) -> None:
        """Ctrl-C has been pressed."""
        if self.waits:
            self.asked = True
        else:
            self.leave(self.words)

    def keep(self) -> None:
        """There is something to lose: from now on Ctrl-C waits until it is asked for."""
        self.waits = True

    def check(self) -> None:
        """Raise KeyboardInterrupt if Ctrl-C has had to wait."""
        if self.asked:
            self.asked = False
            raise KeyboardInterrupt(self.words)

    def release(self, words: str = STOPPED) -> None:
        """Nothing is to lose any more: Ctrl-C, also one that has had to wait, is obeyed."""
        self.words, self.waits = words, False
        if self.asked:
            self.asked = False
            self.leave(words)


_now: Interrupts | None = None


@contextmanager
def handled(leave: Callable[[str], object] = _raise) -> Iterator[Interrupts]:
    """Meanwhile Ctrl-C does what the Interrupts say that are given; inside another, the same.

    Where Ctrl-C would not be a KeyboardInterrupt, because it is ignored, has a handler of the
    user's, or goes to another thread, nothing changes and the Interrupts never come.
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
        press = mine.press  # one object: a method is a new one whenever it is looked up
        try:
            _now = mine
            signal.signal(signal.SIGINT, press)
            yield mine
        finally:
            _now = None
            if signal.getsignal(signal.SIGINT) is press:
                signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def undisturbed() -> Iterator[None]:
    """What is done meanwhile is done whole: Ctrl-C is obeyed after it."""
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
    """All is done: from now on, until the process has ended, Ctrl-C comes too late."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
