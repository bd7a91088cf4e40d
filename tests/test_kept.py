"""Compiled kernels on the disk: damage, room, whose they are, and many processes at once."""

import errno
import hashlib
import os
import pickle
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttfs.cli.warmup import run
from ttfs.kernels import jit, kept

posix = pytest.mark.skipif(os.name != "posix", reason="elsewhere folders have no owners and modes")
compiles = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled")
PROGRAM = """
from ttfs.kernels.jit import kernel

@kernel
def thrice(number):
    return 3 * number

print(thrice(2))
"""


def twice(number):
    return 2 * number


@pytest.fixture
def start(tmp_path):
    """What starts a process that runs a kernel, after some other lines, and does not wait."""

    def run(first=""):
        program = tmp_path / "program.py"
        if not program.exists():
            program.write_text(first + PROGRAM)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        settings = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "kept")}
        return subprocess.Popen([sys.executable, str(program)], env=settings, **pipes)

    return run


def files(folder):
    """All files in a folder and those in it."""
    return sorted(path for path in Path(folder).rglob("*") if path.is_file())


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where kernels are kept that are compiled meanwhile."""
    place = tmp_path / "kernels"
    place.mkdir(mode=0o700)
    monkeypatch.setattr(kept, "FOLDER", str(place))
    monkeypatch.setattr(jit, "FOLDER", str(place))
    monkeypatch.setattr(kept.Kept, "full", False)
    return place


def is_read(argument=3):
    """Whether `twice`, asked for as in a new process, is read from the disk; it is right anyhow."""
    fresh = jit.kernel(twice)
    assert fresh(argument) == 2 * argument
    return bool(fresh.entry.stats.cache_hits)


DAMAGES = {
    "cut short": lambda data: data[: len(data) // 2],
    "without its end": lambda data: data[:-1],
    "empty": lambda data: b"",
    "only the seal": lambda data: data[: kept.SEAL],
    "zeros": lambda data: bytes(len(data)),
    "zeros at the end": lambda data: data[:4096] + bytes(len(data) - 4096),
    "a flipped bit in the middle": lambda data: flipped(data, 4 * len(data)),
    "a flipped bit in the seal": lambda data: flipped(data, 3),
    "longer": lambda data: data + b"\0",
    "text": lambda data: b"No space left on device\n",
    "sealed nonsense": lambda data: hashlib.sha256(b"nonsense").digest() + b"nonsense",
    "sealed and of another kind": lambda data: sealed((1, 2)),
}


def flipped(data, bit):
    """Data with one bit flipped."""
    return data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]


def sealed(thing):
    """A file that holds a thing."""
    data = pickle.dumps(thing)
    return hashlib.sha256(data).digest() + data


@compiles
def test_a_kernel_is_compiled_once_for_each_kind_of_arguments(folder):
    assert [is_read(), is_read(), is_read(1.5), is_read(1.5), is_read()] == [0, 1, 0, 1, 1]
    assert len(files(folder)) == 2


@compiles
def test_what_a_kernel_calls_is_kept_as_a_part_of_it(folder):
    inner = jit.kernel(twice)

    def more(number):
        return inner(number) + 1

    assert [jit.kernel(more)(3), jit.kernel(more)(1.5)] == [7, 4]
    assert {path.name.split("-")[0] for path in files(folder)} == {
        "test_kept.test_what_a_kernel_calls_is_kept_as_a_part_of_it.<locals>.more"
    }
    assert "entry" not in vars(inner)  # what takes so long to compile: a way in from Python


@compiles
def test_a_kernel_may_be_called_from_kernels_and_from_python(folder):
    inner = jit.kernel(twice)
    outer = jit.kernel(lambda number: inner(number) + 1)
    assert [outer(3), inner(3), outer(3)] == [7, 6, 7]


@compiles
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_kernel_is_compiled_again(damage, folder):
    is_read()
    (path,) = files(folder)
    whole = path.read_bytes()
    path.write_bytes(DAMAGES[damage](whole))
    assert not is_read()
    assert files(folder) == [path]
    kept.unsealed(path)
    assert is_read()


IMPOSTORS = {
    "a pipe": lambda path: os.mkfifo(path),
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to a file": lambda path: path.symlink_to(__file__),
    "far too large": lambda path: (path.touch(0o600), os.truncate(path, 2**40)),
}


@posix
@compiles
@pytest.mark.parametrize("kind", IMPOSTORS)
def test_what_is_no_kept_kernel_is_neither_waited_for_nor_read(kind, folder):
    is_read()
    (path,) = files(folder)
    path.unlink()
    IMPOSTORS[kind](path)
    assert not is_read()
    assert files(folder) == [path]
    assert is_read()


@compiles
def test_the_kernel_of_other_arguments_is_not_taken_for_this_one(folder):
    is_read(3)
    (path,) = files(folder)
    whole = path.read_bytes()
    is_read(1.5)
    for other in set(files(folder)) - {path}:
        other.write_bytes(whole)
    assert not is_read(1.5)
    assert is_read(1.5)


@given(st.data())
def test_no_flipped_bit_and_no_cut_is_overlooked(data):
    whole = sealed(list(range(30)))
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    end = data.draw(st.integers(0, len(whole) - 1))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sealed"
        kept.write(path, whole)
        assert pickle.loads(kept.unsealed(path)) == list(range(30))
        for damaged in (flipped(whole, bit), whole[:end]):
            path.write_bytes(damaged)
            with pytest.raises(ValueError, match="is damaged"):
                kept.unsealed(path)


@compiles
def test_a_process_does_not_mind_that_all_it_finds_is_damaged(start, tmp_path):
    assert start().communicate() == ("6\n", "")
    found = files(tmp_path / "kept")
    assert found
    for path in found:
        path.write_bytes(DAMAGES["cut short"](path.read_bytes()))
    assert start().communicate() == ("6\n", "")
    for path in files(tmp_path / "kept"):
        kept.unsealed(path)


@compiles
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
@pytest.mark.parametrize("where", ["tempfile.mkstemp", "os.replace"])
def test_without_room_for_a_kernel_all_goes_on_and_one_sentence_says_so(
    where, number, folder, monkeypatch, recwarn
):
    def fail(*arguments, **options):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(where, fail)
    assert not is_read()
    assert not is_read(1.5)
    assert [str(warning.message) for warning in recwarn] == [
        f"compiled kernels cannot be kept in {folder}: {os.strerror(number)}; those missing"
        " there are compiled at every start"
    ]
    assert files(folder) == []


@compiles
@posix
def test_a_process_under_which_the_disk_is_full_goes_on(start, tmp_path):
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
    out, err = start(limit).communicate()
    assert out == "6\n"
    assert err.count("cannot be kept") == 1
    assert "Traceback" not in err
    assert files(tmp_path / "kept") == []


@compiles
def test_a_folder_that_goes_away_meanwhile_is_made_again(folder):
    folder.rmdir()
    assert not is_read()
    assert is_read()
    assert os.name != "posix" or stat.S_IMODE(folder.stat().st_mode) == 0o700


@compiles
def test_processes_that_compile_the_same_at_once_do_not_disturb_each_other(start, tmp_path):
    running = [start() for _ in range(3)]
    assert [process.communicate() for process in running] == 3 * [("6\n", "")]
    found = files(tmp_path / "kept")
    assert {path.suffix for path in found} == {".nbc"}
    for path in found:
        kept.unsealed(path)


@posix
def test_folders_are_made_for_nobody_but_the_user(tmp_path):
    before = os.umask(0)
    try:
        assert kept.refusal(tmp_path / "a" / "b") is None
        kept.write(tmp_path / "a" / "b" / "file", b"")
    finally:
        os.umask(before)
    modes = {"a": 0o700, "a/b": 0o700, "a/b/file": 0o600}
    assert {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in modes} == modes


def place(mode=0o755):
    """What makes a folder of such a mode."""

    def make(path):
        path.mkdir()
        path.chmod(mode)

    return make


def given_away(path):
    """Make a folder of another user."""
    path.mkdir()
    try:
        os.chown(path, 12345, 12345)
    except PermissionError:
        pytest.skip("only root can give a folder away")


def for_a_group(path):
    """Make a folder that a group can write, which is not the user's own."""
    path.mkdir()
    try:
        os.chown(path, -1, 12345)
    except PermissionError:
        pytest.skip("only root can give a folder to a group")
    path.chmod(0o770)


UNSAFE = {
    "open to all": (place(0o777), "others can write to {}"),
    "open to all, and sticky": (place(0o1777), "others can write to {}"),
    "another user's": (given_away, "{} belongs to another user"),
    "a group's": (for_a_group, "others can write to {}"),
}


@pytest.fixture
def public():
    """A folder into which anybody can look."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder).resolve()


@posix
@pytest.mark.parametrize("kind", UNSAFE)
def test_a_folder_that_others_can_fill_is_not_used(kind, public):
    make, reason = UNSAFE[kind]
    make(public / "kernels")
    told = f"is not safe, as {reason}".format(public / "kernels")
    assert kept.refusal(public / "kernels") == told


@posix
@pytest.mark.parametrize("kind", [kind for kind in UNSAFE if "sticky" not in kind])
def test_nor_is_one_that_others_can_exchange(kind, public):
    make, reason = UNSAFE[kind]
    make(public / "above")
    assert reason.format(public / "above") in kept.refusal(public / "above" / "a" / "kernels")


@posix
def test_a_group_may_write_where_it_cannot_come(public):
    place(0o711)(public / "home")
    for_a_group(public / "home" / "kernels")
    assert "others can write to" in kept.refusal(public / "home" / "kernels")
    (public / "home").chmod(0o700)
    assert kept.refusal(public / "home" / "kernels") is None
    assert kept.refusal(public / "home" / "kernels" / "in it") is None


@posix
def test_nor_is_one_to_which_a_link_leads_that_is_open(tmp_path):
    place(0o777)(tmp_path / "open")
    (tmp_path / "link").symlink_to(tmp_path / "open")
    assert "others can write to" in kept.refusal(tmp_path / "link")
    assert "others can write to" in kept.refusal(tmp_path / "link" / "kernels")


@posix
def test_nor_is_one_to_which_the_link_of_another_user_leads(tmp_path):
    place(0o1777)(tmp_path / "shared")
    place()(tmp_path / "mine")
    (tmp_path / "shared" / "kernels").symlink_to(tmp_path / "mine")
    assert kept.refusal(tmp_path / "shared" / "kernels") is None
    try:
        os.chown(tmp_path / "shared" / "kernels", 12345, 12345, follow_symlinks=False)
    except PermissionError:
        pytest.skip("only root can give a link away")
    assert "belongs to another user" in kept.refusal(tmp_path / "shared" / "kernels")


@posix
def test_ones_own_folder_is_used_wherever_others_cannot_touch_it(tmp_path):
    place(0o1777)(tmp_path / "shared")
    assert kept.refusal(tmp_path / "shared" / "mine" / "kernels") is None
    place()(tmp_path / "readable")
    assert kept.refusal(tmp_path / "readable") is None
    (tmp_path / "link").symlink_to(tmp_path / "readable")
    assert kept.refusal(tmp_path / "link") is None


@posix
def test_the_system_may_own_what_is_above_a_folder_but_not_the_folder(tmp_path, monkeypatch):
    place()(tmp_path / "kernels")
    assert kept.refusal(tmp_path / "kernels") is None
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert "belongs to another user" in kept.refusal(tmp_path / "kernels")


@posix
def test_who_shares_a_users_own_group_is_no_other(tmp_path, monkeypatch):
    place(0o770)(tmp_path / "kernels")
    monkeypatch.setattr(kept, "is_private", lambda group: True)
    assert kept.refusal(tmp_path / "kernels") is None
    (tmp_path / "kernels").chmod(0o777)
    assert "others can write to" in kept.refusal(tmp_path / "kernels")


@posix
def test_the_next_place_is_used_and_one_sentence_says_why(tmp_path, monkeypatch, recwarn):
    place(0o777)(tmp_path / "open")
    monkeypatch.setattr(kept, "HERE", tmp_path / "open")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "open"))
    found = kept.cache_folder()
    assert found.startswith(str(tmp_path / "home" / ".cache" / "ttfs" / "ttfs-"))
    assert [str(warning.message) for warning in recwarn] == [
        f"NUMBA_CACHE_DIR={tmp_path / 'open'} is not safe, as others can write to"
        f" {tmp_path / 'open'}: compiled kernels are in {tmp_path / 'home' / '.cache' / 'ttfs'}"
    ]


@posix
def test_a_link_that_changes_later_changes_nothing(tmp_path, monkeypatch):
    place()(tmp_path / "mine")
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "link"))
    assert kept.cache_folder().startswith(str((tmp_path / "mine").resolve()))


class Trap:
    """Runs code when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


@compiles
@posix
@pytest.mark.parametrize("planted", ["open to all", "another user's"])
def test_a_file_that_another_user_may_have_written_is_not_run(planted, folder, tmp_path):
    is_read()
    (path,) = files(folder)
    mark = tmp_path / "run"
    path.write_bytes(sealed(Trap(mark)))
    if planted == "open to all":
        path.chmod(0o666)
    else:
        path.unlink()
        try:
            path.write_bytes(sealed(Trap(mark)))
            os.chown(path, 12345, 12345)
        except PermissionError:
            pytest.skip("only root can give a file away")
    assert not is_read()
    assert not mark.exists()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_uid == os.geteuid()
    assert is_read()


FORWARD = """
import sys, numpy, ttfs
for psp in (ttfs.Step(), ttfs.Ramp(), ttfs.Ramp(2.0)):
    for weights in (ttfs.Real(), ttfs.Binary()):
        network = ttfs.Network(ttfs.Dense(5, 3, weights=weights), psp=psp, t_max=9)
        ttfs.forward(network, numpy.ones((2, 5)))
print(*{"numba.np.arraymath", "numba.typed.listobject", "scipy.linalg"} & set(sys.modules))
"""


@compiles
@pytest.mark.skipif(kept.FOLDER is None, reason="nothing is kept")
def test_what_is_kept_runs_without_what_the_compiler_would_import():
    for _ in range(2):  # the first may have to compile
        command = [sys.executable, "-c", FORWARD]
        found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (found.stdout, found.stderr) == ("\n", "")


@compiles
def test_what_is_passed_with_an_equal_key_is_of_the_same_types(monkeypatch):
    seen = {}

    def quick(kernel, key, *handed):
        types = tuple(map(numba.typeof, handed))
        assert seen.setdefault((kernel.function, key), types) == types
        return kernel(*handed)

    monkeypatch.setattr(jit.Kernel, "quick", quick)
    for kind in (np.float32, np.float64):
        run(kind, np.float32)
    assert len(seen) > 10
