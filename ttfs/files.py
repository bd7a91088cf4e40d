"""Bytes on disk: files written whole or not at all, JSON, and archives of plain arrays."""

import errno
import json
import math
import os
import secrets
import stat
import struct
import time
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ttfs.checks import shown
from ttfs.errors import InputError
from ttfs.interrupts import undisturbed

ARCHIVE_LIMIT = 2**32 - 1  # bytes; the sizes and places in a plain zip have 32 bits
ROOM, SHARE = 2**27, 256  # bytes of memory for any file, and for each byte of it

_STALE = 3600  # seconds after which nobody is still at an unfinished file
_DEPTH = 32  # of lists in lists in JSON
_DIGITS = 300  # of a whole number in JSON; with more it would be no float
_ZIP_VERSION = 20
_FIRST_DAY = 33  # 1980-01-01, where a zip's calendar begins: equal arrays give equal bytes
_LOCAL = 30  # bytes of a member's zip header, before its name
_NPY = 128  # bytes of a member's npy header, padded so that places are known beforehand
_SIZE_AT = 18  # where a member's zip header says how many bytes follow its name


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


def open_file(path: str | os.PathLike[str]) -> BinaryIO:
    """A file that is open for reading; a pipe, a socket or a device is never waited for.

    Raises
    ------
    OSError: no such file, no permission, or something else than a file.

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
    """What a file of at most so many bytes holds.

    Raises
    ------
    OSError: what `open_file` raises, or a larger file.
    """
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise OSError(errno.EFBIG, f"is larger than {most:,} bytes", os.fspath(path))
        return file.read(size)


def check_room(needed: int, size: int, what: str, cure: str) -> None:
    """Refuse what would take more memory than a file of so many bytes may.

    Raises
    ------
    InputError: more than 128 MiB and 256 times the size of the file.

    >>> check_room(10**12, 500, "the array", "store it plain")
    Traceback (most recent call last):
    ttfs.errors.InputError: the array takes 1,000,000 MB, too much for 500 bytes; store it plain
    """
    if needed > ROOM + SHARE * size:
        much = f"{needed // 10**6:,}" if needed < 10**18 else "over 10^12"
        raise InputError(f"{what} takes {much} MB, too much for {size:,} bytes; {cure}")


def as_json(value: Any, whose: str, *, indent: int | None = None) -> bytes:
    """JSON of dictionaries, lists, text, numbers, arrays and dataclasses.

    NaN and inf, which JSON does not have, become null. Without `indent` the text is compact.

    Raises
    ------
    InputError: something else, keys that are not text, nested too deeply.

    >>> as_json({"accuracy": np.float32(0.5), "latency": np.array([1, np.inf])}, "report")
    b'{"accuracy":0.5,"latency":[1.0,null]}'
    """
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(_plain(value, whose, _DEPTH), indent=indent, separators=separators)
    return text.encode("ascii")


def _plain(value: Any, whose: str, depth: int) -> Any:
    """`value` in the types that JSON has."""
    if not depth:
        raise InputError(f"{whose} is nested deeper than {_DEPTH}")
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item, whose, depth - 1) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _plain(item, f"{whose}: {key}", depth - 1) for key, item in value.items()}
    raise InputError(
        f"{whose} must be text, numbers, lists or dictionaries with text keys,"
        f" got {type(value).__name__}"
    )


def from_json(text: bytes, *, endless: bool = False) -> Any:
    """What a JSON text says that anyone may have written.

    endless: whether NaN and Infinity, which JSON does not have, are taken.

    Raises
    ------
    InputError: another text; names that are there twice, whole numbers of more than 300 digits,
        lists nested deeper than `as_json` writes them.

    >>> from_json(b'{"accuracy":0.5,"latency":[1.0,null]}')
    {'accuracy': 0.5, 'latency': [1.0, None]}
    """
    try:
        value = json.loads(
            text.decode("utf-8"),
            parse_int=_int,
            parse_constant=float if endless else _no_number,
            object_pairs_hook=_once,
        )
        _check_depth(value, _DEPTH)
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not JSON: {shown(error, 200)}") from None
    return value


def _int(digits: str) -> int:
    """A whole number that does not take quadratic time."""
    if len(digits) > _DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A dictionary whose keys were different."""
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError("a name is there twice")
    return record


def _check_depth(value: Any, depth: int) -> None:
    if isinstance(value, list | dict):
        if not depth:
            raise ValueError(f"nested deeper than {_DEPTH}")
        for item in value.values() if isinstance(value, dict) else value:
            if isinstance(item, list | dict):
                _check_depth(item, depth - 1)


def archive(arrays: dict[str, np.ndarray], comment_size: int = 0) -> bytes:
    """The one .npz of these arrays: stored, not compressed, and the same in every version.

    Parameters
    ----------
    arrays: by name, in the order in which they are stored.
    comment_size: bytes that the caller will append as the comment of the zip.

    Raises
    ------
    InputError: more than a plain zip can hold (4 GiB).

    >>> import io
    >>> np.load(io.BytesIO(archive({"a": np.arange(3)})))["a"]
    array([0, 1, 2])
    """
    if sum(array.nbytes for array in arrays.values()) > 0.999 * ARCHIVE_LIMIT:
        raise InputError("the arrays are larger than an archive can hold (4 GiB)")
    members, directory, start = [], [], 0
    for title, array in arrays.items():
        name, data = f"{title}.npy".encode("ascii"), npy(array)
        size = len(data)
        about = struct.pack(
            "<5H3I2H",
            *(_ZIP_VERSION, 0, 0, 0, _FIRST_DAY),
            *(zlib.crc32(data), size, size, len(name), 0),
        )
        members += [b"PK\3\4", about, name, data]
        made_by = struct.pack("<H", _ZIP_VERSION)
        directory += [b"PK\1\2", made_by, about, struct.pack("<3H2I", 0, 0, 0, 0, start), name]
        start += _LOCAL + len(name) + size
    index, count = b"".join(directory), len(arrays)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(index), start, comment_size)
    return b"".join([*members, index, end])


def npy(array: np.ndarray) -> bytes:
    """An array as the bytes of an .npy file (format 1.0), its header padded to a fixed size."""
    about = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape}
    header = f"{about}".ljust(_NPY - 11).encode("ascii")
    return b"\x93NUMPY\1\0" + struct.pack("<H", _NPY - 10) + header + b"\n" + array.tobytes()


def first_bytes(content: bytes, title: str) -> tuple[bytes, int]:
    """The first array of an archive, one of bytes, and where the next array begins.

    Raises
    ------
    InputError: the content is too short.
    """
    size = 0
    if len(content) >= _LOCAL:
        size = struct.unpack_from("<I", content, _SIZE_AT)[0]
    array, end = take(content, 0, title, np.uint8, (max(1, size - _NPY),))
    return array.tobytes(), end


def take(
    content: bytes, start: int, title: str, dtype: Any, shape: tuple[int, ...]
) -> tuple[np.ndarray, int]:
    """An array of an archive whose member begins at `start`, and where the next one begins.

    Only lengths are checked, before anything is made; that the bytes around the data are
    those that `archive` writes is for the caller to check.

    Raises
    ------
    InputError: the content is too short.

    >>> array, end = take(archive({"a": np.arange(3)}), 0, "a", int, (3,))
    >>> array, end
    (array([0, 1, 2]), 187)
    """
    dtype = np.dtype(dtype)
    begin = start + _LOCAL + len(f"{title}.npy") + _NPY
    count = math.prod(shape)  # of Python's numbers, which do not overflow
    end = begin + count * dtype.itemsize
    if end > len(content):
        there = max(0, len(content) - begin)
        raise InputError(f"{title} should have {end - begin} bytes, at most {there} are there")
    return np.frombuffer(content, dtype, count, begin).reshape(shape), end
