"""Sweeps as they are carried out: by processes that may be killed, and that may be stopped."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numba
import numpy as np
import pytest
from cases import same_bits

import ttfs
from ttfs import datasets
from ttfs.cli import cli, sweeping, trials
from ttfs.cli.arguments import parser
from ttfs.cli.sweep_results import Results
from ttfs.cli.trials import SESSION, begin, found_in, options_of, train_trial
from ttfs.errors import InputError, RunError
from ttfs.sweeps.domains import Choice
from ttfs.sweeps.driver import drive
from ttfs.sweeps.plan import Plan
from ttfs.sweeps.search import Listed

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too many samples")
posix = pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")

PLAN = """
[base]
dataset = "digits"
epochs = {epochs}
lr = 0.02
weights = "real"
[grid]
hidden = {hidden}
seed = [0, 1]
"""


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def started(*words):
    """`ttfs sweep` in a process group of its own, as a shell would start it."""
    command = [sys.executable, "-m", "ttfs", "sweep", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, start_new_session=True, **pipes)


def wait_for(pattern, number, process, seconds=180):
    """Until so many files are there."""
    end = time.time() + seconds
    while len(list(Path().glob(pattern))) < number:
        assert process.poll() is None, process.communicate()[0]
        assert time.time() < end
        time.sleep(0.01)


def workers_of(process):
    """The processes in which trials are trained."""
    psutil = pytest.importorskip("psutil")
    children = psutil.Process(process.pid).children()
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def same_models(one, other):
    networks = [ttfs.load(folder / "model.npz").network for folder in (one, other)]
    pairs = zip(*([*network.weights, network.scales] for network in networks), strict=True)
    return all(same_bits(first, second) for first, second in pairs)


def train_parser():
    """The parser of `ttfs train`."""
    (commands,) = parser()._subparsers._group_actions
    return commands.choices["train"]


def trial_of(settings, folder="sweep/trial-001"):
    """A trial of a sweep that goes on."""
    folder = Path(folder)
    folder.parent.mkdir(exist_ok=True)
    (folder.parent / SESSION).write_text("now")
    return begin(train_parser(), settings, folder)


# Killed, stopped, gone on with


@posix
def test_a_worker_that_is_killed_changes_nothing():
    """And what a sweep trains is what `ttfs train` does."""
    pytest.importorskip("distributed")
    Path("plan.toml").write_text(PLAN.format(epochs=25, hidden=[30]))
    process = started("plan.toml", "--workers", "2", "--out", "sweep")
    wait_for("sweep/*/checkpoint.npz", 2, process)
    os.kill(workers_of(process)[0].pid, signal.SIGKILL)
    told = process.communicate()[0]
    assert process.returncode == 0, told
    assert told.startswith("2 trials, on 2 workers\nDask's dashboard: http://127.0.0.1:")
    for seed, folder in enumerate([Path("sweep/trial-001"), Path("sweep/trial-002")]):
        settings = "--dataset digits --epochs 25 --lr 0.02 --weights real --hidden 30"
        assert cli.main(f"train {settings} --seed {seed} --quiet --out {seed}".split()) == 0
        assert same_models(folder, Path(f"{seed}"))
        for name in ("report.json", "history.csv", "checkpoint.npz"):
            assert (folder / name).exists()
        assert not list(folder.glob("*.png"))
    left = {"sweep.toml", "sweep.csv", "pareto.png", "trial-001", "trial-002"}
    assert {path.name for path in Path("sweep").iterdir()} == left


@posix
@pytest.mark.long
def test_a_sweep_of_twelve_that_was_killed_in_part_and_stopped_equals_one_that_was_not():
    pytest.importorskip("distributed")
    Path("plan.toml").write_text(PLAN.format(epochs=30, hidden=[30, 40, 50, 60, 70, 80]))
    process = started("plan.toml", "--workers", "3", "--out", "one")
    wait_for("one/*/trial.json", 3, process)
    wait_for("one/*/checkpoint.npz", 5, process)
    os.kill(workers_of(process)[1].pid, signal.SIGKILL)
    wait_for("one/*/trial.json", 6, process)
    os.killpg(process.pid, signal.SIGINT)
    told = process.communicate()[0]
    assert process.returncode == 130, told
    assert told.endswith("stopped; the same command goes on from the last epoch of each trial\n")
    done = {path: path.stat().st_mtime_ns for path in Path().glob("one/*/trial.json")}
    assert 6 <= len(done) < 12
    for out in ("one", "other"):
        process = started("plan.toml", "--workers", "3", "--out", out)
        told = process.communicate()[0]
        assert process.returncode == 0, told
        assert (f"12 trials, {len(done)} of them done" in told) == (out == "one")
    assert {path: path.stat().st_mtime_ns for path in done} == done
    for number in range(1, 13):
        folders = [Path(out) / f"trial-{number:03d}" for out in ("one", "other")]
        assert all((folder / "report.json").exists() for folder in folders)
        assert same_models(*folders)
    assert Path("one/sweep.csv").read_text() == Path("other/sweep.csv").read_text()


# In one process


class Here:
    """A client that does at once what it is asked for."""

    dashboard_link = "http://127.0.0.1:1/status"

    def scheduler_info(self, n_workers):
        return {"workers": {"one": {}}}

    def submit(self, task, *given, key, pure):
        result = task(*given)
        call = SimpleNamespace(key=key, result=lambda: result)
        call.add_done_callback = lambda tell: tell(call)
        return call


@pytest.fixture
def here(monkeypatch):
    """Sweeps that need no processes; what was asked of the cluster."""
    pytest.importorskip("optuna")
    pytest.importorskip("distributed")
    asked = []

    @contextmanager
    def local(workers, most):
        asked.append((workers, most))
        yield Here()

    monkeypatch.setattr(sweeping, "local", local)
    return asked


SEARCH = """
[base]
dataset = "digits"
epochs = 1
[search]
n = {n}
parallel = 2
[search.over]
preset = ["digits", "conv-mnist"]
hidden = [[30, 20], 25]
"""


def test_settings_that_do_not_go_together_are_failed_trials_and_the_search_goes_on(here, capsys):
    for n in (5, 8):
        Path("sweep.toml").write_text(SEARCH.format(n=n))
        assert cli.main(["sweep", "sweep.toml"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert any("preset conv-mnist, hidden 25 | failed: the hidden" in one for one in lines)
        begun = [one for one in lines if one.startswith(("trial 1/", "trial 8/"))]
        assert [one.split(":")[0] for one in begun] == [f"trial {1 if n == 5 else 8}/{n}"]
        assert lines[-1] == "written to runs/sweep"
        rows = list(csv.DictReader(Path("runs/sweep/sweep.csv").read_text().split("\n")))
        assert [int(row["trial"]) for row in rows] == list(range(1, n + 1))
        for row in rows:
            assert (row["hidden"] == "25" and row["preset"] == "conv-mnist") == bool(row["error"])
    assert here == [(None, 2), (None, 2)]


def test_a_sweep_that_is_done_needs_no_workers_and_another_plan_another_folder(here, capsys):
    Path("sweep.toml").write_text("[base]\nepochs = 1\n[grid]\nhidden = [9, 8]")
    words = ["sweep", "sweep.toml", "--out", "out", "--workers", "3"]
    assert cli.main([*words, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert cli.main(words) == 0
    told = capsys.readouterr().out
    assert told.startswith("\n| trial | best | hidden |")
    assert "on 1 worker" not in told
    assert here == [(3, 2)]
    Path("sweep.toml").write_text("[base]\nepochs = 2\n[grid]\nhidden = [9, 8]")
    assert cli.main(words) == 2
    why = "ttfs: out holds a sweep that differs from sweep.toml in base.epochs: choose another"
    assert capsys.readouterr().err.startswith(why)
    assert cli.main(["compare", "out/trial-001", "out/trial-002"]) == 0


# One trial


def test_a_trial_stops_when_its_sweep_has_and_goes_on_to_the_same_bits(monkeypatch):
    settings = {"epochs": 4, "hidden": 20, "weights": "real"}
    whole = trial_of(settings, "whole/trial-001")
    train_trial(whole, "now")
    trial, written = trial_of(settings), []
    plain = trials._wanted

    def stopping(file, session):
        written.append(file)
        if len(written) == 4:  # once at the beginning, and after each of three epochs
            file.unlink()
        plain(file, session)

    monkeypatch.setattr(trials, "_wanted", stopping)
    with pytest.raises(RunError, match="the sweep was stopped"):
        train_trial(trial, "now")
    assert found_in(trial.run.folder, settings) is None
    trial = trial_of(settings)
    assert train_trial(trial, "now")["settings"] == settings
    assert len(written) == 4 + 2  # only the last epoch was left
    assert same_models(trial.run.folder, whole.run.folder)
    with pytest.raises(RunError, match="the sweep was stopped"):
        train_trial(trial, "another session")


def test_what_a_sweep_compares_is_measured_on_held_out_training_data():
    train, test = datasets.digits()
    arrays = {"images": train.images.reshape(-1, 8, 8), "labels": train.labels}
    found = []
    for name, labels in (("one", test.labels), ("other", np.roll(test.labels, 1))):
        others = {"test_images": test.images.reshape(-1, 8, 8), "test_labels": labels}
        np.savez(f"{name}.npz", **arrays, **others)
        trial = trial_of({"dataset": f"{name}.npz", "epochs": 3, "hidden": 30}, f"{name}/trial-001")
        found.append(train_trial(trial, "now")["measures"])
        rows = list(csv.DictReader((trial.run.folder / "history.csv").read_text().split("\n")))
        report = json.loads((trial.run.folder / "report.json").read_text())
        best = rows[report["best_epoch"] - 1]
        assert found[-1]["accuracy"] == float(best["validation_accuracy"])
    accuracies = [measures.pop("test_accuracy") for measures in found]
    assert accuracies[0] != accuracies[1]
    assert found[0] == found[1]


def test_a_trial_that_cannot_learn_has_failed_and_says_why(monkeypatch):
    def fail(recipe, run):
        run.folder.mkdir()
        raise InputError("weights are no longer finite")

    monkeypatch.setattr(trials, "train", fail)
    trial = trial_of({"epochs": 3})
    found = train_trial(trial, "now")
    assert found == {"settings": {"epochs": 3}, "error": "weights are no longer finite"}
    assert found_in(trial.run.folder, {"epochs": 3}) == found


def test_a_trial_waits_for_a_worker_that_is_still_at_it(monkeypatch):
    calls, monkey = [], monkeypatch.setattr

    def train(recipe, run):
        calls.append(run)
        if len(calls) < 3:
            raise trials.InUseError("in use")
        raise InputError("done")

    monkey(trials, "train", train)
    monkey(trials.time, "sleep", lambda seconds: None)
    assert train_trial(trial_of({}), "now")["error"] == "done"
    assert len(calls) == 3


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[", "is not JSON"),
        ("[]", "must be a record"),
        ('{"settings": {}, "measures": {"accuracy": "high"}}', "must be a number"),
        ('{"settings": {}, "error": 3}', "must be a text"),
        ('{"settings": {"lr": 2}, "error": "it failed"}', "other settings: choose another --out"),
    ],
)
def test_a_record_of_something_else_is_refused(text, why, tmp_path):
    (tmp_path / "trial.json").write_text(text)
    with pytest.raises(RunError, match=why):
        found_in(tmp_path, {})


def test_settings_are_those_of_the_command_line():
    settings = {"preset": "digits", "hidden": [30, 20], "lr": 0.5, "full": False, "seed": 3}
    options = options_of(train_parser(), settings)
    assert (options.preset, options.hidden, options.lr) == ("digits", [30, 20], 0.5)
    assert (options.full, options.seed) == (False, 3)


# What came of it


class Killed:
    """A future whose workers have died."""

    key = "trial-1"

    def __init__(self, error):
        self.error = error

    def add_done_callback(self, call):
        call(self)

    def result(self):
        raise self.error


def test_what_ends_a_sweep_is_one_sentence():
    distributed = pytest.importorskip("distributed")
    plan = Plan({}, "grid", {"seed": Choice((1,))}, 1)
    for error, why in (
        (distributed.KilledWorker("trial-1", None, 3), "trial 1: every worker .* has died"),
        (distributed.CancelledError("trial-1"), "the cluster is gone"),
        (ModuleNotFoundError(name="ttfs"), "trial 1: a worker has no module ttfs"),
    ):
        with pytest.raises(RunError, match=why):
            drive(Listed(plan), lambda t: None, lambda t, e=error: Killed(e), print, int)


def test_a_table_has_the_best_first_and_says_what_failed(tmp_path):
    plan = Plan({}, "grid", {"lr": Choice((0.1, 0.25, 0.5))}, 3)
    zero = dict.fromkeys(trials.MEASURES, 0.0)
    results = Results(plan)
    results.found = {
        1: {"settings": {"lr": 0.1}, "measures": zero | {"accuracy": 0.5, "operations": 900.0}},
        2: {"settings": {"lr": 0.25}, "error": "it did not learn"},
        3: {"settings": {"lr": 0.5}, "measures": zero | {"accuracy": 0.75, "operations": 800.0}},
    }
    lines = results.table(None).split("\n")
    assert [line.split()[1] for line in lines[2:5]] == ["3", "1", "2"]
    assert ["best" in line for line in lines[2:5]] == [True, False, False]
    assert lines[5:] == ["1 failed: sweep.csv says why"]
    results.write(tmp_path)
    rows = list(csv.DictReader((tmp_path / "sweep.csv").read_text().split("\n")))
    assert [row["best"] for row in rows] == ["0", "0", "1"]
    assert rows[1]["error"] == "it did not learn"
    assert float(rows[2]["accuracy"]) == 0.75
    assert (tmp_path / "pareto.png").exists()
    assert replace(results, found={2: results.found[2]}).write(tmp_path) is None
