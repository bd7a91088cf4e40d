"""Promises that no single module keeps, and the page that names the test of each."""

import ast
import hashlib
import io
import re
import socket
import zipfile
from pathlib import Path

import numba
import numpy as np
import pytest
from cases import same_bits

import ttfs
from ttfs.cli import cli

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "promises.md"

compiled = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too many samples")


# The page


def named():
    """(file, test) of each test that the page names."""
    return re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE.read_text("utf-8"))


def functions_in(file):
    """The names of the functions of a test file."""
    tree = ast.parse((HERE / file).read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_promise_names_tests_that_exist():
    assert len(named()) > 50
    for file, test in named():
        assert (HERE / file).exists(), f"{PAGE.name} names {file}"
        assert test in functions_in(file), f"{PAGE.name} names {file}::{test}"


def test_every_row_of_the_page_names_a_test():
    rows = [row for row in PAGE.read_text("utf-8").splitlines() if row.startswith("| ")]
    promises = [row for row in rows if not row.startswith("| promise")]
    assert len(promises) > 20
    assert [row for row in promises if "::test_" not in row] == []


# No file runs code


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


def trapped(marker):
    """An archive whose arrays are pickles, sealed as a model is."""
    stream = io.BytesIO()
    trap = np.array([Trap(marker)], object)
    names = ("header", "identity", "weights_1", "images", "labels")
    np.savez(stream, **dict.fromkeys(names, trap))
    with zipfile.ZipFile(stream, "a") as file:
        file.comment = bytes(len(b"ttfs-sha256:") + 64)
    content = stream.getvalue()[: -len(file.comment)]
    return content + b"ttfs-sha256:" + hashlib.sha256(content).hexdigest().encode()


def resume(path):
    network = ttfs.Network(ttfs.Dense(4, 3), t_max=16)
    times, labels = np.zeros((6, 4)), np.arange(6) % 3
    ttfs.Trainer(network).fit(times, labels, epochs=1, checkpoint=path, resume=True)


READERS = {"model": ttfs.load, "checkpoint": resume, "data": ttfs.datasets.load}


@pytest.mark.parametrize("what", READERS)
def test_no_file_runs_code(what, tmp_path):
    marker, path = tmp_path / "marker", tmp_path / "trap.npz"
    path.write_bytes(trapped(marker))
    with pytest.raises(ttfs.TTFSError):
        READERS[what](str(path))
    assert not marker.exists()
    with np.load(path, allow_pickle=True) as file:  # so would a program that trusts it
        _ = file["header"]
    assert marker.exists()


# Nothing but the seed


@compiled
def test_numpys_own_random_numbers_decide_nothing_and_are_left_alone():
    ends = []
    for seed in (1, 2):
        np.random.seed(seed)  # noqa: NPY002, what a user may have done
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        network = ttfs.Network(ttfs.Dense(9, 8), ttfs.Dense(8, 3), psp=ttfs.Ramp(), t_max=4)
        cures = (ttfs.silence.Revive(0.5),)
        trainer = ttfs.Trainer(
            network,
            ttfs.rules.Exact(cures=cures),
            augmentation=[ttfs.augmentation.Dropout(0.2), ttfs.augmentation.Jitter(0.1)],
        )
        times = np.linspace(0, 1, 540).reshape(60, 9)
        trainer.fit(times, np.arange(60) % 3, epochs=2)
        assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002
        ends.append(network.weights)
    assert all(same_bits(a, b) for a, b in zip(*ends, strict=True))


# Nothing comes from outside unless it is asked for


@pytest.fixture
def alone(monkeypatch):
    """A machine without a network, and a list of who tried to use one."""
    tried = []

    def refuse(*arguments, **settings):
        tried.append(arguments)
        raise OSError("there is no network")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return tried


@compiled
def test_nothing_is_fetched_unless_a_published_set_is_asked_for(alone, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ["train", "--hidden", "20", "--epochs", "1", "--quiet"]
    model = "runs/digits-seed0/model.npz"
    assert cli.main(command) == 0
    assert cli.main([*command, "--dataset", "yin-yang"]) == 0
    assert cli.main(["view", model, "--dataset", "digits", "--out", "page.html"]) == 0
    assert alone == []
    monkeypatch.delenv("TTFS_DATA_DIR", raising=False)
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache")
    with pytest.raises(ttfs.DatasetError):
        ttfs.datasets.mnist()
    assert alone != []
