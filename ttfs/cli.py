"""The `ttfs` command: does what its arguments ask, and answers mistakes with one sentence.

Nothing heavy is imported before a command needs it, so that `ttfs --help` answers at once.
"""

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ttfs.arguments import parser
from ttfs.errors import InputError, TTFSError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    with warnings.catch_warnings():
        warnings.showwarning = tell
        return answer(arguments)


def tell(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: Any = None,
    line: str | None = None,
) -> None:
    """A warning in one sentence, without the line of code that gave it."""
    print(f"ttfs: {message}", file=sys.stderr)


def answer(arguments: Sequence[str] | None) -> int:
    """Do what the arguments ask; a sentence and an exit code for what goes wrong."""
    try:
        options = parser().parse_args(arguments)
        with told_of_compiling() if wants_kernels(options) else nullcontext():
            if getattr(options, "threads", None):
                use_threads(options.threads)
            code = options.command(options) or 0
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # as when piped into `head`: what is left to print goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except TTFSError as error:
        return complain(error)
    except OSError as error:
        return complain(f"{error.filename or 'file'}: {error.strerror or error}")
    except MemoryError:
        return complain("not enough memory")
    except KeyboardInterrupt:
        print("ttfs: stopped", file=sys.stderr)
        return 130


def wants_kernels(options: argparse.Namespace) -> bool:
    """Whether a command runs networks, and its user wants to hear of it."""
    return hasattr(options, "threads") and not getattr(options, "quiet", False)


def told_of_compiling() -> AbstractContextManager[Any]:
    """A time in which the first kernel that has to be compiled is announced, once."""
    from numba.core import event

    class Announcement(event.Listener):
        said = False

        def on_start(self, what: Any) -> None:
            if not self.said:
                print("ttfs: compiling, this first time, for up to a minute", file=sys.stderr)
            self.said = True

        def on_end(self, what: Any) -> None:
            pass

    return event.install_listener("numba:compile", Announcement())


def complain(what: object) -> int:
    """One sentence for a user's mistake."""
    print(f"ttfs: {what}", file=sys.stderr)
    return 2


def use_threads(threads: int) -> None:
    """Limit the threads of compiled loops."""
    import numba

    most = int(getattr(numba.config, "NUMBA_NUM_THREADS"))  # noqa: B009, set at import
    if threads > most:
        raise InputError(f"--threads {threads}: this machine offers {most}")
    numba.set_num_threads(threads)
