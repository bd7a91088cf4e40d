import errno
import os
import subprocess
import sys
import threading

import pytest

from ttfs.cli import locks
from ttfs.cli.locks import LOCK, alone_in
from ttfs.errors import RunError

HOLD = (
    "import sys; from pathlib import Path; from ttfs.cli.locks import alone_in\n"
    "with alone_in(Path(sys.argv[1])): print('in', flush=True); sys.stdin.read()"
)
TAKEN = "another run is being written to .*run: wait for it to finish, or choose another folder"


def holder(folder):
    """A process that is in a folder until its input ends."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, **pipes)
    assert process.stdout.readline() == "in\n"
    return process


def enter(folder):
    with alone_in(folder):
        pass


def test_a_folder_is_made_and_left_as_it_was(tmp_path):
    with alone_in(tmp_path / "deep" / "run"):
        assert os.listdir(tmp_path / "deep" / "run") == [LOCK]
    enter(tmp_path / "deep" / "run")
    assert os.listdir(tmp_path / "deep" / "run") == []


def test_another_process_stays_out_until_the_first_has_left(tmp_path):
    with holder(tmp_path / "run") as process:
        with pytest.raises(RunError, match=TAKEN):
            enter(tmp_path / "run")
        process.stdin.close()
        assert process.wait() == 0
    enter(tmp_path / "run")


def test_a_process_that_was_killed_blocks_nobody(tmp_path):
    with holder(tmp_path / "run") as process:
        process.kill()
        process.wait()
    assert os.listdir(tmp_path / "run") == [LOCK]
    enter(tmp_path / "run")
    assert os.listdir(tmp_path / "run") == []


def test_the_same_process_is_let_in_once(tmp_path):
    with alone_in(tmp_path / "run"):
        with pytest.raises(RunError, match=TAKEN):
            enter(tmp_path / "run")
        os.symlink("run", tmp_path / "link")
        with pytest.raises(RunError, match="another run is being written to .*link"):
            enter(tmp_path / "link")


def test_an_error_inside_ends_it(tmp_path):
    with pytest.raises(KeyboardInterrupt), alone_in(tmp_path):
        raise KeyboardInterrupt
    enter(tmp_path)


def test_never_are_two_of_many_inside(tmp_path):
    """Although who leaves removes the file that others may have opened."""
    inside, most, entered = [], [], []

    def work():
        for _ in range(200):
            try:
                with alone_in(tmp_path):
                    inside.append(1)
                    most.append(len(inside))
                    entered.append(1)
                    inside.pop()
            except RunError:
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(most) == {1}
    assert len(entered) > 10


def test_a_file_system_without_locks_is_told_of(tmp_path, monkeypatch):
    def fail(file):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(locks, "_lock", fail)
    lines = []
    with alone_in(tmp_path, lines.append):
        enter(tmp_path)
    assert lines == [f"{tmp_path} cannot be locked: make sure that no other run is written to it"]


def test_another_failure_of_a_lock_is_an_error(tmp_path, monkeypatch):
    def fail(file):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(locks, "_lock", fail)
    with pytest.raises(RunError, match=r"cannot write to .*: Input/output error"):
        enter(tmp_path)


@pytest.mark.parametrize("name", ["file", "file/run", "nul\0", "x" * 5000])
def test_what_cannot_be_a_folder_is_named(name, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot write to"):
        enter(tmp_path / name)


OBSTACLES = {
    "a pipe": lambda path: os.mkfifo(path),
    "a folder": lambda path: path.mkdir(),
    "a link": lambda path: path.symlink_to(path.with_name("mine")),
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.skipif(os.name != "posix", reason="elsewhere there are no such things")
@pytest.mark.parametrize("kind", OBSTACLES)
def test_what_is_no_file_in_the_place_of_a_lock_is_named_and_not_waited_for(kind, tmp_path):
    OBSTACLES[kind](tmp_path / LOCK)
    with pytest.raises(RunError, match=f"cannot write to .*: {LOCK} in it is not a file"):
        enter(tmp_path)
    assert os.listdir(tmp_path) == [LOCK]


@pytest.mark.parametrize("name", [".lock", LOCK])
def test_a_users_own_file_is_not_taken_for_a_lock_that_was_left(name, tmp_path):
    (tmp_path / name).write_text("mine")
    enter(tmp_path)
    assert (tmp_path / name).read_text() == "mine"
    (tmp_path / ".lock").touch()
    enter(tmp_path)
    assert (tmp_path / ".lock").exists()
