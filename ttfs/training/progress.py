"""A progress bar over epochs."""

import sys
import time
from collections.abc import Callable

from ttfs.kernels.clock import clock


class Bar:
    """A bar whose estimate leaves compiling out, for a later epoch does not compile.

    shown: on a terminal, if not given.
    done: epochs of an earlier run.
    """

    def __init__(self, shown: bool | None, epochs: int, done: int):
        from tqdm import tqdm

        if sys.stderr is None or sys.stderr.closed:
            shown = False
        elif shown is None:
            shown = sys.stderr.isatty()
        self.drawn = tqdm(total=epochs, initial=done, disable=not shown, unit="epoch", leave=False)
        self.compiling = compiling()

    def update(self) -> None:
        """An epoch is done."""
        before, self.compiling = self.compiling, compiling()
        if not self.drawn.disable:
            self.drawn.start_t += self.compiling - before
            self.drawn.last_print_t += self.compiling - before
        self.drawn.update()

    def close(self) -> None:
        """Leave nothing on the screen."""
        self.drawn.close()

    def through(self, log: Callable[[str], None] | None) -> Callable[[str], None]:
        """`log`, without tearing the bar."""

        def write(line: str) -> None:
            if log is not None:
                with self.drawn.external_write_mode(file=sys.stderr):
                    log(line)

        return write


def compiling() -> float:
    """Seconds that this thread has compiled, and some that are always the same."""
    return time.perf_counter() - clock()
