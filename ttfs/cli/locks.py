"""Folders into which only one training at a time writes."""

import errno
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ttfs.errors import RunError

LOCK = ".ttfs.lock"


_TAKEN = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}
_UNKNOWN = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF}

if sys.platform == "win32":
    import msvcrt

    def _lock(file: BinaryIO) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

    def _let_go(file: BinaryIO, path: Path) -> None:
        empty = not os.fstat(file.fileno()).st_size
        file.close()  # an open file cannot be removed
        with suppress(OSError):
            if empty:
                path.unlink()

else:
    import fcntl

    def _lock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _let_go(file: BinaryIO, path: Path) -> None:
        with suppress(OSError):
            if not os.fstat(file.fileno()).st_size:  # otherwise it is not one of ours
                path.unlink()  # before anyone else can have locked it
        fcntl.flock(file, fcntl.LOCK_UN)  # a forked process may have it open, too
        file.close()


class InUseError(RunError):
    """A folder that someone else is in."""


@contextmanager
def alone_in(folder: Path, log: Callable[[str], None] | None = None) -> Iterator[None]:
    """A context in which nobody else can enter the folder, from this process or another.

    The folder is made if absent. The operating system holds the lock and releases it however the
    process ends; a file `.ttfs.lock` that remains blocks nobody. log: told if this file system
    has no locks, so that nothing keeps others out.

    Raises
    ------
    InUseError: someone else is in the folder. RunError: it cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = _locked(folder / LOCK)
    except BlockingIOError:
        raise InUseError(
            f"another run is being written to {folder}: wait for it to finish, or choose another"
            " folder with --out"
        ) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise RunError(f"cannot write to {folder}: {why}") from None
    if file is None and log is not None:
        log(f"{folder} cannot be locked: make sure that no other run is written to it")
    try:
        yield
    finally:
        if file is not None:
            _let_go(file, folder / LOCK)


def _locked(path: Path) -> BinaryIO | None:
    """An open file that is now locked, or None if this file system has no locks.

    Raises BlockingIOError if someone else holds the lock.
    """
    while True:
        file = open(path, "ab", opener=_at_once)  # noqa: SIM115, open as long as it is locked
        try:
            _lock(file)
        except OSError as error:
            file.close()
            if error.errno in _TAKEN:
                raise BlockingIOError(error.errno, "locked", str(path)) from None
            if error.errno in _UNKNOWN:
                return None
            raise
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                return file
        file.close()  # its owner has removed it meanwhile, so the next one is another file


def _at_once(path: str, flags: int) -> int:
    """Open or create a file, without waiting for a pipe or following a link."""
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise OSError(errno.EEXIST, f"{os.path.basename(path)} in it is not a file")
    flags |= getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    return os.open(path, flags, 0o666)
