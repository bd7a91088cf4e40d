"""Reading untrusted files: without waiting, and with memory in proportion to their size."""

import errno
import os
import stat
from typing import BinaryIO

from ttfs.errors import InputError

ROOM, SHARE = 2**27, 256  # bytes of memory allowed for any file, and for each of its bytes


def open_file(path: str | os.PathLike[str]) -> BinaryIO:
    """A file, opened for reading without ever waiting for a pipe, a socket or a device.

    Raises
    ------
    OSError: no such file, no permission, or something other than a file.

    >>> open_file("no/model.npz")
    Traceback (most recent call last):
    FileNotFoundError: [Errno 2] No such file or directory: 'no/model.npz'
    """
    try:
        _check_kind(os.stat(path), path)  # a device may act when it is opened
        file = open(path, "rb", opener=_at_once)  # noqa: SIM115, it is what is returned
    except ValueError:  # a name that no file can have
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fspath(path)) from None
    try:
        _check_kind(os.fstat(file.fileno()), path)
    except OSError:
        file.close()
        raise
    return file


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _check_kind(found: os.stat_result, path: str | os.PathLike[str]) -> None:
    if not stat.S_ISREG(found.st_mode):
        what = "a folder" if stat.S_ISDIR(found.st_mode) else "a pipe, a socket or a device"
        raise OSError(errno.EINVAL, f"is {what}, not a file", os.fspath(path))


def read_file(path: str | os.PathLike[str], most: int) -> bytes:
    """The content of a file of at most `most` bytes.

    Raises
    ------
    OSError: as in `open_file`, or a larger file.
    """
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise OSError(errno.EFBIG, f"is larger than {most:,} bytes", os.fspath(path))
        return file.read(size)


def check_room(needed: int, size: int, what: str, cure: str) -> None:
    """Refuse what needs more memory than a file of `size` bytes may take.

    Raises
    ------
    InputError: more than 128 MiB plus 256 times the size of the file.

    >>> check_room(10**12, 500, "the array", "store it plain")
    Traceback (most recent call last):
    ttfs.errors.InputError: the array takes 1,000,000 MB, too much for 500 bytes; store it plain
    """
    if needed > ROOM + SHARE * size:
        much = f"{needed // 10**6:,}" if needed < 10**18 else "over 10^12"
        raise InputError(f"{what} takes {much} MB, too much for {size:,} bytes; {cure}")
