"""Files that end with a SHA-256 digest of everything before it."""

import errno
import hashlib
import os
from pathlib import Path

from ttfs.errors import InputError
from ttfs.files.archives import ARCHIVE_LIMIT
from ttfs.files.reading import open_file

_SEAL = b"ttfs-sha256:"
SEAL_SIZE = len(_SEAL) + 64


def seal(content: bytes) -> bytes:
    """The digest that follows a content."""
    return _SEAL + hashlib.sha256(content).hexdigest().encode("ascii")


def read_sealed(path: Path, what: str, writer: str) -> bytes:
    """The content of a file, without the seal that it has been found to match.

    what, writer: what the file should hold, and what writes it, for errors.

    Raises
    ------
    InputError: no such file, another file, a file that was altered or cut short.
    """
    try:
        with open_file(path) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - SEAL_SIZE))
            found = file.read(SEAL_SIZE)
            if not found.startswith(_SEAL) or len(found) < SEAL_SIZE:
                raise InputError(f"is not a {what} that {writer} wrote, or was cut short")
            if size > ARCHIVE_LIMIT:
                raise InputError(f"is larger than any {what} that {writer} writes")
            file.seek(0)
            content = file.read(size - SEAL_SIZE)
    except FileNotFoundError:
        raise InputError("there is no such file") from None
    except OSError as error:
        inside = path / f"{what}.npz"
        if os.path.isfile(inside):
            raise InputError(f"is a folder; did you mean {inside}?") from None
        reason = "" if error.errno == errno.EINVAL else "cannot be read: "
        raise InputError(f"{reason}{error.strerror}") from None
    if seal(content) != found:
        raise InputError("was altered or damaged: its contents do not match its SHA-256 digest")
    return content
