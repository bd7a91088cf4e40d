"""Compiling once, where it is kept, and what is said if that cannot be."""

import os
import re
import subprocess
import sys
import time

import numba
import numpy as np
import pytest

import ttfs
from ttfs.cli import cli, warmup
from ttfs.cli.warmup import remove_former
from ttfs.kernels import kept

COMPILED = "*.nbc"  # one for each kernel and kind of arrays


def ttfs_command(*arguments, cwd, **environment):
    """What `ttfs` says in a process of its own: code, output, errors."""
    command = [sys.executable, "-m", "ttfs", *map(str, arguments)]
    settings = {"env": os.environ | environment, "capture_output": True, "text": True}
    result = subprocess.run(command, cwd=cwd, **settings)
    return result.returncode, result.stdout, result.stderr


@pytest.fixture
def model(tmp_path):
    return ttfs.save(tmp_path / "model.npz", ttfs.Network(ttfs.Dense(64, 10), t_max=16))


def test_a_cache_folder_that_cannot_be_written_is_told_in_one_sentence(model, tmp_path):
    code, out, err = ttfs_command("info", model, cwd=tmp_path, NUMBA_CACHE_DIR=str(model / "x"))
    assert code == 0
    assert out.startswith("Network(64-10, Step(), t_max=16)")
    assert err.startswith(f"ttfs: NUMBA_CACHE_DIR={model / 'x'} is not writable: compiled kernels")
    assert err.count("\n") == 1


def test_the_first_folder_that_can_be_written_keeps_the_kernels(tmp_path, monkeypatch, recwarn):
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setattr(kept, "HERE", tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "chosen"))
    assert kept.cache_folder().startswith(str(tmp_path / "chosen" / "ttfs-"))
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    assert kept.cache_folder().startswith(str(tmp_path / "here" / "__pycache__" / "ttfs-"))
    monkeypatch.setattr(kept, "HERE", blocked)
    assert kept.cache_folder().startswith(str(tmp_path / "home" / ".cache" / "ttfs"))
    assert not recwarn.list


def test_without_any_folder_kernels_are_not_kept(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(kept, "HERE", tmp_path / "file")
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    with pytest.warns(
        UserWarning,
        match="cannot be kept: .*file is not writable, .*, so they",
    ):
        assert kept.cache_folder() is None


def test_kernels_with_checked_bounds_are_kept_apart(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    folders = set()
    for checked in ("0", "1"):
        monkeypatch.setenv("NUMBA_BOUNDSCHECK", checked)
        folders.add(kept.cache_folder())
    assert len(folders) == 2


def test_kernels_of_former_versions_are_removed_if_a_day_old(tmp_path):
    week_ago = time.time() - 7 * 24 * 60 * 60
    names = "ttfs-00112233aabb", "ttfs-00112233aabc", "ttfs-abcdef012345", "ttfs-models"
    mine, former, fresh, other = (tmp_path / name for name in names)
    for folder in (mine, former, fresh, other):
        folder.mkdir()
        (folder / "kernel.nbc").touch()
        if folder != fresh:
            os.utime(folder, (week_ago, week_ago))
    remove_former(mine)
    assert set(tmp_path.iterdir()) == {mine, fresh, other}


def test_a_warmup_says_what_it_is_at_before_it_does_it(monkeypatch, capfd):
    def job():
        said.append(capfd.readouterr().out)

    said = []
    monkeypatch.setattr(warmup, "jobs", lambda: iter([("forward", job), ("bench", job)]))
    monkeypatch.setattr(warmup, "FOLDER", None)
    assert cli.main(["warmup"]) == 0
    said.append(capfd.readouterr().out)
    first, second, last = said
    assert first.rstrip() == "forward"
    assert re.fullmatch(r" +\d+\.\d s\nbench *", second)
    assert re.fullmatch(r" +\d+\.\d s\neverything is compiled, in \d+ s, and not kept\n", last)


@pytest.mark.long
@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled")
def test_after_a_warmup_no_command_compiles_anything(tmp_path):
    rng = np.random.default_rng(0)
    for name, dtype in (("wide", np.float64), ("narrow", np.float32)):
        images = rng.random((60, 12)).astype(dtype)
        np.savez(tmp_path / f"{name}.npz", images=images, labels=np.arange(60) % 3)
    kept = tmp_path / "kept"
    environment = {"NUMBA_CACHE_DIR": str(kept), "cwd": tmp_path}
    code, out, err = ttfs_command("warmup", **environment)
    assert (code, err) == (0, "")
    assert str(kept) in out.splitlines()[-1]
    before = {path: path.stat().st_mtime_ns for path in kept.rglob(COMPILED)}
    assert len(before) > 40
    model = ["a/model.npz", "--dataset", "digits"]
    for line in (
        ["train", "--epochs", 2, "--hidden", 30, "--out", "a"],
        ["train", "--epochs", 2, "--hidden", 32, "--weights", "real", "--out", "b"],
        ["train", "--preset", "s4nn-mnist", "--dataset", "digits", "--epochs", 1, "--out", "c"],
        ["train", "--preset", "bs4nn-digits", "--epochs", 1, "--batch-size", 50, "--out", "d"],
        ["train", "--preset", "exact-mnist", "--dataset", "digits", "--epochs", 1, "--out", "e"],
        ["train", "--preset", "yin-yang", "--epochs", 1, "--out", "f"],
        ["train", "--dataset", "wide.npz", "--epochs", 1, "--out", "g"],
        ["train", "--dataset", "narrow.npz", "--epochs", 1, "--weights", "real", "--out", "h"],
        ["train", "--layers", "9C3-P2-20", "--epochs", 1, "--out", "i"],
        ["train", "--layers", "16C3-20", "--epochs", 1, "--weights", "real", "--out", "j"],
        ["step", "i/model.npz", "--dataset", "digits", "--json"],
        ["view", "j/model.npz", "--dataset", "digits"],
        ["evaluate", *model],
        ["info", "--cost", *model],
        ["plot", *model],
        ["view", *model],
        ["step", *model, "--json"],
        ["robustness", *model, "--samples", 20, "--seeds", 1],
        ["robustness", "j/model.npz", "--samples", 20, "--seeds", 1],
        ["bench", "--cases", "forward-784-400-10,simulate-sparse-1e4"],
    ):
        code, _, err = ttfs_command(*line, **environment)
        assert (code, err) == (0, ""), line
        after = {path: path.stat().st_mtime_ns for path in kept.rglob(COMPILED)}
        assert after == before, line
