"""The `ttfs` command: does what its arguments ask for, and answers mistakes with one sentence.

Nothing large is imported before a command needs it, so that `ttfs --help` answers at once, nor
anything of this package before Ctrl-C and the three standard streams are taken care of.
"""

import os
import sys

try:
    import errno
    import gc
    from collections.abc import Iterator, Sequence
    from contextlib import contextmanager, suppress

    from ttfs.files import interrupts
except KeyboardInterrupt:  # in the few milliseconds before it is taken care of
    import _signal  # type: ignore[import-not-found] # is there already, in every process

    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)  # once is enough
    os.write(2, b"ttfs: stopped\n")
    sys.exit(130)

# In errors that name no file; files that are written are named in theirs.
CANNOT_WRITE = errno.EBADF, errno.ENOSPC, errno.EFBIG, errno.EDQUOT
WORD = 250  # characters shown of a word, such as a path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code.

    arguments: by default those of the process, whose streams and Ctrl-C are then taken over.
    """
    if arguments is not None:
        return warned(arguments)
    gc.set_threshold(20_000, 20, 20)  # compiling makes millions of objects and little garbage
    with interrupts.handled(leave):
        open_streams()
        calm_matplotlib()
        code = warned(None)
        interrupts.ignore()
    return code


def leave(words: str) -> None:
    """End the process at once, whatever it was doing: an exception might be lost on its way."""
    with suppress(Exception):  # the stream may be in use or gone
        sys.stdout.flush()
    with suppress(Exception):
        end_of_bar = "\n" if sys.stderr.isatty() else ""
        os.write(sys.stderr.fileno(), f"{end_of_bar}ttfs: {words}\n".encode())
    os._exit(130)


def open_streams() -> None:
    """Make the three standard streams usable: all open, and able to write every name.

    A stream that was closed would be None, and the next file opened would take its place.
    """
    for number, (name, mode) in enumerate({"stdin": "r", "stdout": "w", "stderr": "w"}.items()):
        if getattr(sys, name) is None:
            # standard output is made unwritable, so that nothing written to it is lost unnoticed
            file = os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
            if file != number:
                os.dup2(file, number)
                os.close(file)
            setattr(sys, name, open(number, mode))  # noqa: SIM115, open as long as the process runs
        with suppress(AttributeError):  # someone else's stream
            getattr(sys, name).reconfigure(errors="backslashreplace")


def calm_matplotlib() -> None:
    """Silence Matplotlib's log, such as where its fonts are cached; failures are errors anyway."""
    import logging

    logging.getLogger("matplotlib").setLevel(logging.ERROR)


def warned(arguments: Sequence[str] | None) -> int:
    """The same as `answer`, with warnings reported in one sentence, too."""
    import warnings

    with warnings.catch_warnings():
        warnings.showwarning = tell
        return answer(arguments)


def tell(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,
    line: str | None = None,
) -> None:
    """Print a warning in one sentence, without the line of code that caused it."""
    say(message)


def answer(arguments: Sequence[str] | None) -> int:
    """Do what the arguments ask for; if something fails, one sentence and an exit code."""
    from ttfs.cli.arguments import parser
    from ttfs.errors import TTFSError

    try:
        try:
            options = parser().parse_args(arguments)
        except SystemExit:  # after --help or --version
            sys.stdout.flush()
            return 0
        with told_of_compiling(wants_kernels(options)):
            if getattr(options, "threads", None):
                use_threads(options.threads)
            code = options.command(options) or 0
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # as when piped into `head`
        give_up_output()
        return 141
    except TTFSError as error:
        return complain(error)
    except ValueError as error:
        if not is_of_threads(error):
            raise
        return complain(f"{threads_asked()}: {error}")
    except OSError as error:
        output = give_up_output() or error.errno in CANNOT_WRITE
        whose = error.filename or ("standard output" if output else "file")
        return complain(f"{whose}: {error.strerror or error}")
    except MemoryError:
        return complain("not enough memory")
    except KeyboardInterrupt as stop:
        with interrupts.handled() as ctrl_c:
            ctrl_c.keep()  # a second Ctrl-C changes nothing
            say(stop.args[0] if stop.args else interrupts.STOPPED)
        return 130


def is_of_threads(error: Exception) -> bool:
    """Whether the error is Numba's, about the threads that its environment asks for."""
    from traceback import walk_tb

    *_, (frame, _) = walk_tb(error.__traceback__)
    return frame.f_globals.get("__name__") == "numba.np.ufunc.parallel"


def threads_asked() -> str:
    """What the environment tells Numba about threads."""
    names = "NUMBA_NUM_THREADS", "NUMBA_THREADING_LAYER", "NUMBA_THREADING_LAYER_PRIORITY"
    return ", ".join(f"{n}={os.environ[n]}" for n in names if n in os.environ) or "threads"


def give_up_output() -> bool:
    """Whether standard output fails; if so, whatever is left to print is discarded."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def wants_kernels(options: object) -> bool:
    """Whether a command runs networks, and is not told to be quiet."""
    runs = hasattr(options, "threads") or hasattr(options, "cases")
    return runs and not getattr(options, "quiet", False)


@contextmanager
def told_of_compiling(wanted: bool) -> Iterator[None]:
    """A context in which the log of compiled kernels is printed like all else, or silenced."""
    import logging

    class Said(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            say(record.getMessage().removeprefix("ttfs: "))

    log, told = logging.getLogger("ttfs"), Said()
    before = log.level
    log.setLevel(logging.WARNING if wanted else logging.CRITICAL)
    log.addHandler(told)
    try:
        yield
    finally:
        log.removeHandler(told)
        log.setLevel(before)


def complain(what: object) -> int:
    """Print one sentence about a user's mistake; return the exit code."""
    say(what)
    return 2


def say(what: object) -> None:
    """Print one line to the error stream, if that can still be written to."""
    words = str(what).split()
    line = " ".join(f"{w[:WORD]}...{w[-9:]}" if len(w) > WORD else w for w in words)
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)
    try:
        print(f"ttfs: {line}", file=sys.stderr, flush=True)
    except (OSError, ValueError):  # it was closed, or nobody reads it; that must not end a run
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def use_threads(threads: int) -> None:
    """Limit the threads of compiled loops."""
    import numba

    from ttfs.errors import InputError

    most = int(getattr(numba.config, "NUMBA_NUM_THREADS"))  # noqa: B009, set at import
    if threads > most:
        raise InputError(f"--threads {threads}: this machine offers at most {most}")
    numba.set_num_threads(threads)
