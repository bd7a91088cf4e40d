"""Files that are written whole or not at all."""

import errno
import os
import secrets
import stat
import time
import zlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ttfs.files.interrupts import undisturbed

_STALE = 3600  # seconds after which nobody is still at an unfinished file


@undisturbed()
def write_atomically(path: str | os.PathLike[str], data: bytes) -> Path:
    """The path of a file that now holds `data`; if that fails, what was there stays as it was.

    The bytes go to a new name in the same folder, reach the disk, and only then take the
    name over. A link is followed.

    Raises
    ------
    OSError: no such folder, no permission, no room; the message names `path`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(f"{folder}/report.json", b"{}").read_bytes()
    b'{}'
    """
    target = _target(path)
    unfinished = target.with_name(f".{_mark(target.name)}{secrets.token_hex(4)}.part")
    try:
        with open(unfinished, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, target)
    except OSError as error:  # which names the unfinished file, that no one asked for
        raise OSError(error.errno, error.strerror or str(error), str(target)) from None
    finally:
        with suppress(OSError):
            unfinished.unlink()
    return Path(path)


def check_replaceable(path: str | os.PathLike[str]) -> None:
    """See that what is at a path, if anything, can make way for a file written over it.

    Raises
    ------
    OSError: something else than a file, a link into nowhere, a file that its owner has locked.
    """
    target = _target(path)
    if target.exists() and os.name == "posix":
        found = target.stat()
        if found.st_uid == os.geteuid():  # others' files depend on the folder alone
            os.chmod(target, stat.S_IMODE(found.st_mode))  # refused for what cannot be changed


def remove_unfinished(folder: Path, names: Iterable[str]) -> None:
    """Remove what processes that were killed have left behind while they wrote into a folder.

    names: files that nobody else can be writing now; of all others it takes an hour to tell.
    """
    ours = {_mark(name) for name in names}
    for path in folder.glob(f".{'[0-9a-f]' * 16}.part"):
        with suppress(OSError):
            found = path.lstat()
            stale = path.name[1:9] in ours or time.time() - found.st_mtime > _STALE
            if stale and stat.S_ISREG(found.st_mode):
                path.unlink()


def _target(path: str | os.PathLike[str]) -> Path:
    """Where a file at a path will be, links followed; an OSError if none can be there."""
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "No such folder", str(target.parent))
    if target.exists() and not target.is_file():
        raise FileExistsError(errno.EEXIST, "Not a file, and in the way of one", str(target))
    return target


def _mark(name: str) -> str:
    """Eight hexadecimal digits that tell of which file an unfinished one is."""
    return f"{zlib.crc32(os.fsencode(name)):08x}"
