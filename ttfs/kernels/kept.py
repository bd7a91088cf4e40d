"""Where compiled kernels are kept: a folder of the user's own, with a sealed file for each.

These files are unpickled and run. So the folder must be one to which nobody else can write,
and each file begins with a hash of the rest: one that is truncated, empty or has a flipped bit
is compiled again and replaced.

A file holds one kernel for one signature, written under another name and then renamed, so
that processes may compile the same kernel at once.

Numba notices a change in a kernel's own file but not in the kernels it calls, nor whether
bounds were checked. The folder is therefore named by a hash of all kernel sources and of that
setting: after a change, kernels are compiled afresh.
"""

import hashlib
import os
import pickle
import stat
import sys
import tempfile
import warnings
from pathlib import Path

import numba
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

HERE = Path(__file__).parent
SEAL = hashlib.sha256().digest_size
MOST = 2**26  # bytes of a kernel; most take some hundred thousand
PASS = stat.S_IXGRP | stat.S_IXOTH
POSIX = os.name == "posix"


def cache_folder():
    """The first folder that is safe and writable, or None; warns if it is not the one wanted."""
    digest = hashlib.sha256(os.environ.get("NUMBA_BOUNDSCHECK", "").encode())
    for source in sorted(HERE.glob("*.py")):
        digest.update(source.read_bytes())
    chosen, home = os.environ.get("NUMBA_CACHE_DIR"), os.path.expanduser("~")
    places = [chosen] if chosen else []
    places += [HERE / "__pycache__"]
    places += [Path(home) / ".cache" / "ttfs"] if home != "~" else []
    refused = []
    for place in places:
        folder = Path(place) / f"ttfs-{digest.hexdigest()[:12]}"
        reason = refusal(folder)
        if reason is None:
            if refused and chosen:
                warn(f"NUMBA_CACHE_DIR={refused[0]}: compiled kernels are in {place}")
            return str(folder.resolve())
        refused.append(f"{place} {reason}")
    warn(
        f"compiled kernels cannot be kept: {', '.join(refused)}, so they are compiled at every"
        " start; set NUMBA_CACHE_DIR to a folder of your own"
    )
    return None


def refusal(folder):
    """Why kernels cannot be kept in a folder, which is created if absent; or None."""
    try:
        make(folder)
        reason = danger(folder) if POSIX else None
        if reason is None:
            tempfile.TemporaryFile(dir=folder).close()
        return reason
    except OSError:
        return "is not writable"


def make(folder):
    """Create a folder, and those above it that are absent, for the user only."""
    for path in (*reversed(folder.parents), folder):
        if not path.exists():
            path.mkdir(mode=0o700, exist_ok=True)


def danger(folder):
    """How another user might place files in a folder, or None.

    It has to be the user's own. Those above it, and links on the way, may be the system's, which
    is whoever owns the root: in some containers that is another number than 0. Into those that
    are sticky, as /tmp is, others may write, as they cannot replace what is there. Where a folder
    lets nobody else in, those in it may be open to a group.
    """
    real, me = folder.resolve(), os.geteuid()
    above = {me, 0, os.stat("/").st_uid}
    for end in (folder.absolute(), real):
        closed = False
        for path in (*reversed(end.parents), end):
            found = path.lstat()
            if found.st_uid not in ({me} if path == real else above):
                return f"is not safe, as {path} belongs to another user"
            sticky = path != real and found.st_mode & stat.S_ISVTX
            if not (sticky or stat.S_ISLNK(found.st_mode)) and is_open(found, closed):
                return f"is not safe, as others can write to {path}"
            closed = closed or (found.st_uid == me and not found.st_mode & PASS)
    return None


def is_open(found, closed=False):
    """Whether others can write to what `os.stat` found; `closed`: no group can reach it."""
    if found.st_mode & stat.S_IWOTH:
        return True
    return bool(found.st_mode & stat.S_IWGRP) and not (closed or is_private(found.st_gid))


def is_private(group):
    """Whether a group is the user's own: of the same name, and with no other members."""
    import grp
    import pwd

    try:
        user, found = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
    except KeyError:
        return False
    return found.gr_name == user.pw_name and set(found.gr_mem) <= {user.pw_name}


def warn(sentence):
    """A warning that names this file."""
    warnings.warn(sentence, stacklevel=3)


FOLDER = cache_folder()


class Kept(NullCache):
    """The compiled versions of a function, as Numba asks for them and stores them."""

    full = False  # whether a file could not be written, which is said once

    def __init__(self, function, flags):
        self.function, self.flags = function, sorted(flags.items())

    @property
    def cache_path(self):
        """The folder."""
        return FOLDER

    def load_overload(self, sig, target_context):
        """The version for arguments of these types, or None, also if it is damaged in any way.

        Numba would first import everything that it needs to compile. Running what is compiled needs
        none of it, nor, as no kernel makes an array, what allocates arrays.
        """
        key = self.key(sig, target_context.codegen())
        try:
            known, reduced = pickle.loads(unsealed(self.path(key)))
            return CompileResult._rebuild(target_context, *reduced) if known == key else None
        except Exception:
            return None

    def save_overload(self, sig, cres):
        """Keep a version, if there is space."""
        if cres.library.has_dynamic_globals:
            return
        key = self.key(sig, cres.codegen)
        path, data = self.path(key), dumps((key, cres._reduce()))
        try:
            write(path, hashlib.sha256(data).digest() + data)
        except OSError as error:
            busy = os.name == "nt" and isinstance(error, PermissionError)  # it is being read
            if not (busy or Kept.full):
                Kept.full = True
                warn(
                    f"compiled kernels cannot be kept in {FOLDER}: {error.strerror or error};"
                    " those missing there are compiled at every start"
                )

    def key(self, sig, codegen):
        """What the machine code depends on besides the sources."""
        return numba.__version__, sig, codegen.magic_tuple(), self.flags

    def path(self, key):
        """The file of a version."""
        code = self.function.__code__
        name = f"{Path(code.co_filename).stem}.{self.function.__qualname__}-{code.co_firstlineno}"
        python = f"py{sys.version_info[0]}{sys.version_info[1]}"
        digest = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
        return Path(FOLDER) / f"{name}.{python}.{digest}.nbc"


def unsealed(path):
    """The content of a file, if nobody else can have written it and it is intact."""
    with open(path, "rb", opener=at_once) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_size > MOST:
            raise ValueError(f"{path} is not a kernel")
        if POSIX and (found.st_uid != os.geteuid() or is_open(found)):
            raise PermissionError(f"{path} may belong to another user")
        data = file.read(found.st_size)
    seal, data = data[:SEAL], data[SEAL:]
    if hashlib.sha256(data).digest() != seal:
        raise ValueError(f"{path} is damaged")
    return data


def at_once(path, flags):
    """Open a file without waiting for the other end of a pipe, and follow no link."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))


def write(path, data):
    """Write a file, whole or not at all, for the user only."""
    make(path.parent)
    number, name = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".tmp")
    try:
        with open(number, "wb") as file:
            file.write(data)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
