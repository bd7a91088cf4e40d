"""A progress bar over epochs."""

import sys
import time
from collections.abc import Callable

from ttfs.kernels.clock import clock


class Bar:
    """A progress bar whose time estimate leaves out compilation, which later epochs do not repeat.

    shown: whether to show it; None: only on a terminal.
    done: number of epochs done in an earlier run. unit: what is counted, if not epochs.
    """

    def __init__(self, shown: bool | None, epochs: int, done: int, unit: str = "epoch"):
        from tqdm import tqdm

        if sys.stderr is None or sys.stderr.closed:
            shown = False
        elif shown is None:
            shown = sys.stderr.isatty()
        self.drawn = tqdm(total=epochs, initial=done, disable=not shown, unit=unit, leave=False)
        self.compiling = compiling()

    def update(self) -> None:
        """Count one more epoch as done."""
        before, self.compiling = self.compiling, compiling()
        if not self.drawn.disable:
            self.drawn.start_t += self.compiling - before
            self.drawn.last_print_t += self.compiling - before
        self.drawn.update()

    def close(self) -> None:
        """Remove the bar from the screen."""
        self.drawn.close()

    def through(self, log: Callable[[str], None] | None) -> Callable[[str], None]:
        """A version of `log` that does not disturb the bar."""

        def write(line: str) -> None:
            if log is not None:
                with self.drawn.external_write_mode(file=sys.stderr):
                    log(line)

        return write


def compiling() -> float:
    """Seconds that this thread has spent compiling, plus a constant."""
    return time.perf_counter() - clock()
