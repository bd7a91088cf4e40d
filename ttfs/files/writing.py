"""Files that are written completely or not at all."""

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

_STALE = 3600  # seconds after which nobody is still writing an unfinished file


@undisturbed()
def write_atomically(path: str | os.PathLike[str], data: bytes) -> Path:
    """The path of a file that now holds `data`; if writing fails, an older file stays as it was.

    The bytes are written under a new name in the same folder and reach the disk before the file
    takes over its final name. A link is followed.

    Raises
    ------
    OSError: no such folder, no permission, no space left; the message names `path`.

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
    except OSError as error:  # it names the unfinished file, which the caller does not know
        raise OSError(error.errno, error.strerror or str(error), str(target)) from None
    finally:
        with suppress(OSError):
            unfinished.unlink()
    return Path(path)


def check_replaceable(path: str | os.PathLike[str]) -> None:
    """Check that whatever is at a path, if anything, can be replaced by a file.

    Raises
    ------
    OSError: something other than a file, a missing folder, a file that its owner has locked.
    """
    target = _target(path)
    if target.exists() and os.name == "posix":
        found = target.stat()
        if found.st_uid == os.geteuid():  # for files of others, only the folder matters
            os.chmod(target, stat.S_IMODE(found.st_mode))  # refused for a file that is locked


def remove_unfinished(folder: Path, names: Iterable[str]) -> None:
    """Remove unfinished files that killed processes have left in a folder.

    names: files that nobody else can be writing now; the unfinished files of all others are
    removed only after an hour.
    """
    ours = {_mark(name) for name in names}
    for path in folder.glob(f".{'[0-9a-f]' * 16}.part"):
        with suppress(OSError):
            found = path.lstat()
            stale = path.name[1:9] in ours or time.time() - found.st_mtime > _STALE
            if stale and stat.S_ISREG(found.st_mode):
                path.unlink()


def _target(path: str | os.PathLike[str]) -> Path:
    """Where a file at a path will be, with links followed; OSError if there can be no file."""
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "No such folder", str(target.parent))
    if target.exists() and not target.is_file():
        raise FileExistsError(
            errno.EEXIST, "Not a file, so no file can be written there", str(target)
        )
    return target


def _mark(name: str) -> str:
    """Eight hexadecimal digits that show to which file an unfinished one belongs."""
    return f"{zlib.crc32(os.fsencode(name)):08x}"
