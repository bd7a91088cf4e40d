import csv
import errno
import json
import logging
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numba
import numpy as np
import pytest
from cases import same_bits

import ttfs
from ttfs.bench import bench, cold, growth
from ttfs.cli import charts, cli, pictures, runs
from ttfs.cli.arguments import parser
from ttfs.cli.locks import alone_in
from ttfs.errors import InputError
from ttfs.kernels import notice
from ttfs.presets import PRESETS, for_layers, preset, with_hidden

FAST = ["--hidden", "30", "--epochs", "3"]
PLOTTED = (
    *("raster.png", "map.png", "latency.png", "weights.png"),
    *("network.png", "classes.png", "mistakes.png"),
)
WRITTEN = ["model.npz", "report.json", "history.csv", "raster.png", "latency.png", "training.png"]
KEYS = [
    *("accuracy", "accuracy_lenient", "accuracy_spiking", "ties", "undecided"),
    *("decision_time_mean", "spikes_per_sample", "synaptic_operations_per_sample", "seconds"),
    *("samples_per_second", "seed", "versions", "dataset", "split", "network"),
]
WANTS_KERNELS = cli.wants_kernels

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too many samples")


def main(*arguments):
    """The exit code, also where argparse exits by itself."""
    try:
        return cli.main([str(argument) for argument in arguments])
    except SystemExit as stop:
        return stop.code


def read(path):
    """Strict JSON."""

    def refuse(name):
        raise ValueError(f"{name} is not JSON")

    return json.loads(path.read_text("utf-8"), parse_constant=refuse)


def bits_of(path):
    """All that learned in a model file."""
    network = ttfs.load(path).network
    return [*network.weights, network.scales]


def same_model(first, second):
    return all(same_bits(a, b) for a, b in zip(bits_of(first), bits_of(second), strict=True))


def rows_of(path):
    """A history, a dictionary for each epoch."""
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def timeless(path):
    """The rows of a history without the seconds."""
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows_of(path)]


@pytest.fixture(autouse=True)
def quick(request, monkeypatch, tmp_path):
    """In an empty folder, without drawing unless a test is about pictures, on all threads."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "wants_kernels", lambda options: False)  # or who compiles says so
    if "drawn" not in request.fixturenames:
        for name in ("training", "raster", "latencies", "latency_map", "weights"):
            monkeypatch.setattr(pictures, name, lambda folder, *rest: folder)
    threads = numba.get_num_threads()
    yield
    numba.set_num_threads(threads)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """The folder of a run on the digits with its pictures; not to be changed."""
    folder = tmp_path_factory.mktemp("run") / "deep" / "run"
    assert cli.main(["train", *FAST, "--seed", "3", "--quiet", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def run(drawn, tmp_path):
    """A copy of that run."""
    return shutil.copytree(drawn, tmp_path / "run")


def write_npz(path, count=60, seed=0, shape=(5, 4), classes=3, **more):
    """Images with a bright block for each class."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    images = rng.integers(0, 120, (count, int(np.prod(shape))))
    images[np.arange(images.shape[1]) * classes // images.shape[1] == labels[:, None]] += 130
    arrays = {"images": images.astype(np.uint8).reshape(count, *shape), "labels": labels}
    np.savez(path, **(arrays | more))
    return path


# Train


def test_train_writes_all_that_its_help_names(drawn, capsys):
    assert main("train", "--help") == 0
    text = " ".join(capsys.readouterr().out.split())
    assert all(name in text for name in WRITTEN)
    assert {path.name for path in drawn.iterdir()} == {*WRITTEN, "checkpoint.npz"}
    for name in WRITTEN:
        if name.endswith("png"):
            assert (drawn / name).read_bytes().startswith(b"\x89PNG")
    assert len(timeless(drawn / "history.csv")) == 3


def test_the_report_holds_what_a_reader_needs_in_strict_json(drawn):
    report = read(drawn / "report.json")
    assert set(KEYS) <= set(report)
    assert (report["dataset"], report["split"], report["seed"]) == ("digits", "test", 3)
    assert report["samples"] == 360
    assert report["epochs"] == 3
    assert not report["interrupted"]
    assert 0.1 < report["accuracy_spiking"] <= report["accuracy"] <= report["accuracy_lenient"]
    assert report["versions"].keys() == {"ttfs", "numpy", "numba", "python"}
    assert report["samples_per_second"] == pytest.approx(3 * 1437 / report["seconds"])
    assert ttfs.load(drawn / "model.npz").report == report


def test_the_first_command_needs_no_options(capsys, monkeypatch):
    monkeypatch.setitem(PRESETS, "digits", replace(with_hidden(preset("digits"), 20), epochs=2))
    assert main("train") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert os.path.exists("runs/digits-seed0/model.npz")
    lines = out.splitlines()
    assert lines[0].startswith("Network(64-20-10, Ramp(rise=inf), t_max=4), one-bit weights, on")
    assert lines[1].startswith("epoch 1/2 | train ")
    assert lines[-1] == f"written to {os.path.join('runs', 'digits-seed0')}"
    assert re.search(r"accuracy +\d+\.\d\d % strict, \d+\.\d\d % counting ties as right", out)


def test_quiet_prints_nothing(capsys):
    assert main("train", *FAST, "--quiet", "--out", "run") == 0
    assert capsys.readouterr() == ("", "")


def test_an_earlier_run_is_not_overwritten_unless_forced(run, capsys):
    before = {path: path.read_bytes() for path in run.iterdir()}
    assert main("train", *FAST, "--out", run) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert "already holds model.npz: --resume continues" in err
    assert {path: path.read_bytes() for path in run.iterdir()} == before
    assert main("train", *FAST, "--out", run, "--force", "--quiet") == 0
    assert read(run / "report.json")["seed"] == 0


def test_a_mistake_beside_force_costs_no_earlier_run(run, capsys):
    before = {path: path.read_bytes() for path in run.iterdir()}
    for mistake in (["--dataset", "absent"], ["--gamma", "3"], ["--threads", "999"]):
        assert main("train", *mistake, "--out", run, "--force") == 2
    assert {path: path.read_bytes() for path in run.iterdir()} == before


def held(folder):
    """What the files of a folder hold."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def obstruct(run, kind, monkeypatch):
    """Put something in the way of a file that a training writes."""
    name, what = kind.split(" ", 1)
    (run / name).unlink()
    if what == "a folder":
        (run / name).mkdir()
    elif what == "a pipe":
        os.mkfifo(run / name)
    elif what == "a link into nowhere":
        (run / name).symlink_to(run / "no" / "file")
    else:
        (run / name).write_bytes(b"old")
        change = os.chmod

        def refuse(path, *rest):
            if Path(path).name == name:
                raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(path))
            change(path, *rest)

        monkeypatch.setattr(os, "chmod", refuse)


@pytest.mark.skipif(os.name != "posix", reason="elsewhere there are no such things")
@pytest.mark.parametrize("what", ["a folder", "a pipe", "a link into nowhere", "immutable"])
@pytest.mark.parametrize("name", ["checkpoint.npz", "history.csv", "model.npz", "report.json"])
def test_an_obstacle_is_told_of_before_an_earlier_run_is_touched(
    name, what, run, capsys, monkeypatch
):
    obstruct(run, f"{name} {what}", monkeypatch)
    before = held(run)
    assert main("train", *FAST, "--out", run, "--force") == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert f"{name} cannot be written: " in err
    assert held(run) == before


def test_a_full_disk_costs_no_earlier_run(run, monkeypatch, capsys):
    before = held(run)

    def full(path, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr("ttfs.training.checkpoint.write_atomically", full)
    assert main("train", *FAST, "--out", run, "--force", "--quiet") == 2
    assert "No space left" in capsys.readouterr().err
    assert held(run) == before


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("resume", [[], ["--resume"]])
def test_with_the_first_checkpoint_of_a_forced_run_the_earlier_one_is_gone(
    resume, run, monkeypatch
):
    """So a model is never beside the checkpoint of another run, and --resume goes on."""
    line = ["train", *FAST, "--quiet", "--seed", 4, "--out"]
    assert main(*line, "whole") == 0
    if resume:
        (run / "checkpoint.npz").unlink()
    old, epochs = (run / "model.npz").read_bytes(), []
    learn = ttfs.rules.Exact.train

    def killed(self, lesson):
        if (run / "checkpoint.npz").exists() and not (run / "model.npz").exists():
            raise SystemError("killed")
        epochs.append((run / "model.npz").read_bytes() == old)
        return learn(self, lesson)

    monkeypatch.setattr(ttfs.rules.Exact, "train", killed)
    with pytest.raises(SystemError):
        main(*line, run, "--force", *resume)
    assert epochs
    assert all(epochs), "until then it is whole"
    assert not {"model.npz", "report.json", "history.csv"} & held(run).keys()
    monkeypatch.setattr(ttfs.rules.Exact, "train", learn)
    assert main(*line, run, "--resume") == 0
    assert same_model(run / "model.npz", "whole/model.npz")


def test_what_a_killed_training_was_writing_is_removed_by_the_next(run):
    code = (
        "import os, signal; from ttfs.files.writing import write_atomically\n"
        "os.replace = lambda *paths: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"write_atomically({str(run / 'checkpoint.npz')!r}, b'half')"
    )
    subprocess.run([sys.executable, "-c", code])
    assert len(list(run.glob(".*.part"))) == 1
    (run / ".00112233445566.part").touch()
    for name in (".0123456789abcdef.part", ".fedcba9876543210.part"):  # of other files
        (run / name).touch()
    os.utime(run / ".fedcba9876543210.part", (0, 0))
    assert main("train", *FAST, "--seed", 3, "--out", run, "--resume", "--quiet") == 0
    kept = {".00112233445566.part", ".0123456789abcdef.part"}  # a user's, and one being written
    assert {name for name in os.listdir(run) if name.endswith(".part")} == kept


THREADS = [
    ("NUMBA_THREADING_LAYER", "nonsense", ["--threads", "1"]),
    ("NUMBA_NUM_THREADS", "0", []),
    ("NUMBA_NUM_THREADS", "-1", []),
    ("NUMBA_THREADING_LAYER_PRIORITY", "foo", ["--threads", "1"]),
]


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing runs on threads")
@pytest.mark.parametrize(("name", "value", "options"), THREADS)
def test_threads_that_cannot_be_had_are_a_mistake_of_the_environment(name, value, options, run):
    command = [sys.executable, "-m", "ttfs", "train", "--force", "--quiet", "--out", str(run)]
    command += options
    before = held(run)
    environment = {k: v for k, v in os.environ.items() if k != name} | {name: value}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert done.stderr.startswith(f"ttfs: {name}={value}: ")
    assert held(run) == before


@pytest.mark.parametrize("name", ["MPLCONFIGDIR", "HOME"])
def test_where_matplotlib_cannot_keep_its_fonts_is_not_told(name, drawn, tmp_path):
    (tmp_path / "file").touch()
    gone = ("MPLCONFIGDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
    environment = {k: v for k, v in os.environ.items() if k not in gone}
    environment |= {name: str(tmp_path / "file")}
    line = ["plot", str(drawn / "model.npz"), "--dataset", "digits", "--out", "drawn"]
    command = [sys.executable, "-m", "ttfs", *line]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert "matplotlib" not in done.stderr.lower()


@pytest.mark.usefixtures("undrawn")
def test_the_seed_and_the_options_decide_everything(run):
    again = ["train", *FAST, "--quiet", "--seed"]
    assert main(*again, 3, "--out", "same", "--threads", 1) == 0
    assert main(*again, 4, "--out", "other") == 0
    assert same_model(run / "model.npz", "same/model.npz")
    assert timeless(run / "history.csv") == timeless("same/history.csv")
    assert not same_model(run / "model.npz", "other/model.npz")


def test_a_stopped_run_resumes_to_the_same_bits(run, monkeypatch):
    def stop(self, *arguments):
        calls.append(1)
        if len(calls) == 3:
            raise MemoryError
        return write(self, *arguments)

    calls, write = [], ttfs.training.checkpoint.Checkpoint.write
    monkeypatch.setattr(ttfs.training.checkpoint.Checkpoint, "write", stop)
    again = ["train", *FAST, "--seed", "3", "--quiet", "--out", "stopped"]
    assert main(*again) == 2
    assert not os.path.exists("stopped/model.npz")
    assert main(*again) == 2, "there is a checkpoint"
    assert main(*again, "--resume") == 0
    assert same_model(run / "model.npz", "stopped/model.npz")
    assert timeless(run / "history.csv") == timeless("stopped/history.csv")


def test_resuming_a_finished_run_changes_nothing_and_says_so(run, capsys):
    before = {name: (run / name).read_bytes() for name in ("history.csv", "checkpoint.npz")}
    assert main("train", *FAST, "--seed", 3, "--resume", "--out", run) == 0
    assert "nothing is left to train: 3 of 3" in capsys.readouterr().out
    report = read(run / "report.json")
    assert {name: (run / name).read_bytes() for name in before} == before
    seconds = [float(row["seconds"]) for row in rows_of(run / "history.csv")]
    assert report["seconds"] == pytest.approx(sum(seconds))


def test_options_change_the_recipe(tmp_path):
    changes = {
        "--weights": "real", "--epochs": 1, "--hidden": 12, "--batch-size": 50, "--lr": 0.5,
        "--gamma": 7, "--seed": 9, "--preset": "bs4nn-mnist", "--dataset": "digits",
    }  # fmt: skip
    assert main("train", *(str(x) for pair in changes.items() for x in pair), "--quiet") == 0
    report = read(tmp_path / "runs" / "bs4nn-mnist-seed9" / "report.json")
    assert report["network"] == "Network(64-12-10, Step(), t_max=256)"
    assert report["weights"] == "real"
    for text in ("epochs=1", "batch_size=50", "SGD(lr=0.5)", "gamma=7"):
        assert text in report["recipe"]


def test_layers_are_given_as_papers_write_them(tmp_path, capsys):
    assert main("train", "--layers", "20-12", "--weights", "real", "--epochs", 1, "--out", "d") == 0
    assert "Network(64-20-12-10, Ramp(rise=inf), t_max=4), real weights" in capsys.readouterr().out
    arguments = ["--preset", "bs4nn-digits", "--layers", "9", "--epochs", 1, "--quiet"]
    assert main("train", *arguments) == 0
    report = read(tmp_path / "runs" / "bs4nn-digits-seed0" / "report.json")
    assert report["network"] == "Network(64-9-10, Step(), t_max=256)"
    assert (report["preset"], report["weights"]) == (None, "one-bit")


@pytest.mark.parametrize("weights", ["real", "binary"])
def test_maps_are_trained_saved_and_shown(weights, drawn, tmp_path, capsys):
    line = ["train", "--layers", "4C3-P2-16", "--weights", weights, "--epochs", 2, "--out", "run"]
    assert main(*line) == 0
    out = capsys.readouterr().out
    assert "Network(8x8x1-4C3-P2-16-10, Ramp(rise=inf), t_max=4) on digits test" in out
    run, pictures = tmp_path / "run", tmp_path / "pictures"
    assert {name for name in WRITTEN if (run / name).exists()} == set(WRITTEN)
    subject = [run / "model.npz", "--dataset", "digits"]
    assert main("evaluate", *subject) == 0
    assert main("info", *subject, "--cost") == 0
    out = capsys.readouterr().out
    assert re.search("conv 1 +Conv2d +6x6x4 +36 ", out)
    assert re.search("pool 1 +MinPool2d +3x3x4 ", out)
    assert main("plot", *subject, "--index", 3, "--out", pictures) == 0
    assert {path.name for path in pictures.iterdir()} == set(PLOTTED)
    assert capsys.readouterr().err == ""


def test_a_training_of_maps_that_is_stopped_goes_on_to_the_same_bits(tmp_path):
    def stop(line):
        if line.startswith("epoch 2/"):
            raise KeyboardInterrupt

    line = ["train", "--layers", "3C3-P2", "--epochs", 3, "--quiet", "--out"]
    assert main(*line, "whole") == 0
    recipe = replace(for_layers("digits", "3C3-P2"), epochs=3)
    assert runs.train(recipe, runs.Run(tmp_path / "parts", log=stop))["epochs"] == 2
    assert main(*line, "parts", "--resume") == 0
    assert same_model("whole/model.npz", "parts/model.npz")
    assert timeless("whole/history.csv") == timeless("parts/history.csv")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--layers", "24C"],
            "layers '24C': '24C' is not a layer: the size of its window is missing",
        ),
        (["--layers", "4C9"], "layer 1: Conv2d 4C9"),
        (["--layers", "4C3", "--dataset", "yin-yang"], "4C3 takes images of (rows, columns)"),
        (["--layers", "9", "--hidden", "9"], "--hidden: not allowed with argument --layers"),
        (["--preset", "conv-mnist", "--hidden", "9"], "the hidden layers are 24C5-P2-48C5-P2-256"),
    ],
)
def test_layers_that_are_none_are_one_sentence(arguments, message, capsys):
    assert main("train", *arguments) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_images_of_another_shape_are_refused_by_a_model_of_maps(capsys):
    write_npz("mine.npz", shape=(6, 8))
    assert main("train", "--dataset", "mine.npz", "--layers", "2C3", "--epochs", 1, "--quiet") == 0
    write_npz("other.npz", shape=(8, 6))
    model = "runs/mine-seed0/model.npz"
    capsys.readouterr()
    assert main("evaluate", model, "--dataset", "other.npz") == 2
    wanted = "takes images of 6 x 8 with 1 channels, but those of other.npz are 8 x 6"
    assert wanted in capsys.readouterr().err
    colours = {"images": np.zeros((9, 3, 8, 8), np.uint8), "labels": np.arange(9) % 3}
    np.savez("colours.npz", **colours)
    assert main("train", "--dataset", "colours.npz", "--layers", "2C3", "--quiet") == 2
    assert "(3, 8, 8) seem to come first: np.moveaxis(images, 1, -1)" in capsys.readouterr().err


def test_presets_are_listed(capsys):
    assert main("presets") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(PRESETS)
    assert "24C5-P2-48C5-P2-256" in lines[list(PRESETS).index("conv-mnist")]


def test_a_preset_may_be_trained_on_other_data(tmp_path):
    write_npz("mine.npz", shape=(28, 28))
    arguments = ["--preset", "s4nn-mnist", "--dataset", "mine.npz", *FAST, "--quiet"]
    assert main("train", *arguments) == 0
    report = read(tmp_path / "runs" / "s4nn-mnist-seed0" / "report.json")
    assert report["network"] == "Network(784-30-3, Step(), t_max=256)"


def test_test_data_are_never_learned():
    images, labels = np.zeros((9, 5, 4), np.uint8), np.arange(9) % 3
    write_npz("one.npz", test_images=images, test_labels=labels)
    os.mkdir("b")
    write_npz("b/one.npz", test_images=255 - images, test_labels=labels[::-1])
    assert main("train", "--dataset", "one.npz", *FAST, "--quiet", "--out", "1") == 0
    assert main("train", "--dataset", "b/one.npz", *FAST, "--quiet", "--out", "2") == 0
    assert same_model("1/model.npz", "2/model.npz")
    assert timeless("1/history.csv") == timeless("2/history.csv")


# Your own data, from end to end


@pytest.mark.parametrize("kind", ["binary", "real"])
def test_your_own_images_from_end_to_end(kind, tmp_path, capsys):
    path = write_npz("mine.npz", 150)
    options = ["--weights", kind, "--hidden", "40", "--epochs", "20", "--quiet"]
    assert main("train", "--dataset", path, *options) == 0
    folder = tmp_path / "runs" / "mine-seed0"
    report = read(folder / "report.json")
    assert report["network"] == "Network(20-40-3, Ramp(rise=inf), t_max=4)"
    assert report["samples"] == 30
    assert report["accuracy"] > 0.6
    assert main("evaluate", folder / "model.npz", "--dataset", path, "--split", "train") == 0
    assert "on mine.npz train" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arrays",
    [
        {"images": np.zeros((4, 3), np.uint8), "labels": np.zeros(4, int)},
        {"images": np.ones((2, 2, 2, 3)), "labels": np.array([1, 0])},
        {"images": np.eye(5, dtype=np.float32), "labels": np.array([0, 5, 9, 2, 2])},
    ],
)
def test_odd_data_are_trained_on_without_complaint(arrays, capsys):
    np.savez("odd.npz", **arrays)
    assert main("train", "--dataset", "odd.npz", *FAST, "--quiet") == 0
    assert capsys.readouterr() == ("", "")
    assert main("evaluate", "runs/odd-seed0/model.npz", "--dataset", "odd.npz") == 0
    read(Path("runs/odd-seed0/report.json"))


# Evaluate, info, plot, datasets


def test_evaluate_finds_what_train_reported(drawn, tmp_path, capsys):
    path = tmp_path / "report.json"
    arguments = ["evaluate", drawn / "model.npz", "--dataset", "digits", "--report", path]
    assert main(*arguments) == 0
    first, second = read(drawn / "report.json"), read(path)
    assert set(KEYS) <= set(second)
    measured = set(second) - {"seconds", "samples_per_second"}
    assert {key: first[key] for key in measured} == {key: second[key] for key in measured}
    assert f"{100 * first['accuracy']:.2f} % strict" in capsys.readouterr().out


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("command", ["evaluate", "info", "plot", "view", "step"])
def test_an_encoder_with_another_scale_of_time_is_told_of_and_nothing_stops(
    command, drawn, tmp_path, capsys
):
    model = ttfs.load(drawn / "model.npz")
    path = ttfs.save(tmp_path / "late.npz", model.network, encoder=ttfs.Latency(t_max=100))
    more = {"info": ["--cost"], "step": ["--json"], "plot": ["--out", "p"], "view": ["--out", "v"]}
    assert main(command, path, "--dataset", "digits", *more.get(command, [])) == 0
    out, err = capsys.readouterr()
    assert re.fullmatch(r"ttfs: input is lost: \d\d % of its spikes come at the .*\n", err)
    assert "lost" not in out
    assert main(command, drawn / "model.npz", "--dataset", "digits", *more.get(command, [])) == 0
    assert capsys.readouterr().err == ""


def test_runs_are_compared(drawn, tmp_path, capsys):
    picture = tmp_path / "compared.png"
    assert main("compare", drawn, drawn, "--out", picture) == 0
    head, _, row = capsys.readouterr().out.splitlines()
    head, row = (" ".join(line.split()) for line in (head, row))
    assert head.startswith("| run | network |")
    assert "64-30-10 | Ramp(rise=inf) | Exact | one-bit | none | 3 |" in row
    assert "3, 3" in row
    assert picture.stat().st_size > 1000
    assert main("compare", drawn, tmp_path) == 0
    assert "ttfs: left out, as no training has finished there: " in capsys.readouterr().err
    assert main("compare", "nowhere") == 2
    assert "ttfs: nowhere is not the folder of a finished run" in capsys.readouterr().err


def test_times_are_told_in_their_unit_and_whose_they_are(run, capsys):
    arguments = "--out", run, *FAST, "--seed", 3
    assert main("train", *arguments, "--resume") == 0
    trained = capsys.readouterr().out
    assert main("evaluate", run / "model.npz", "--dataset", "digits") == 0
    evaluated = capsys.readouterr().out
    time = read(run / "report.json")["decision_time_mean"]
    for out in (trained, evaluated):
        assert f"decision time         {time:.3g} windows on average\n" in out
    assert ("\n  training time " in trained, "\n  time " in evaluated) == (True, True)


def test_evaluate_knows_the_split(drawn, tmp_path):
    path = tmp_path / "report.json"
    arguments = ["evaluate", drawn / "model.npz", "--dataset", "digits", "--split", "train"]
    assert main(*arguments, "--report", path) == 0
    report = read(path)
    assert (report["split"], report["samples"]) == ("train", 1437)


def test_info_tells_what_a_model_is(drawn, capsys):
    assert main("info", drawn / "model.npz") == 0
    out = capsys.readouterr().out
    title = "Network(64-30-10, Ramp(rise=inf), t_max=4)"
    assert out.startswith(f"{title}\n  layer ")
    assert re.search("\n  hidden +Dense +30 +1,920 +one-bit ", out)
    assert "encoder: Latency(t_max=1" in out
    assert "seed: 3" in out
    report = read(drawn / "report.json")
    assert f"accuracy: {100 * report['accuracy']:.2f} %\n" in out
    assert f"versions: ttfs {ttfs.__version__}, numpy {np.__version__}" in out


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("train", True),
        ("train --quiet", False),
        ("evaluate model.npz --dataset digits", True),
        ("bench", True),
        ("warmup", False),
        ("datasets", False),
    ],
)
def test_commands_that_run_networks_announce_what_takes_long(line, wanted):
    assert WANTS_KERNELS(parser().parse_args(line.split())) == wanted


def test_that_kernels_are_compiled_is_said_as_all_else_or_not_at_all(capsys):
    for wanted in (True, False):
        with cli.told_of_compiling(wanted):
            notice.tell("compiling, for a while")
    assert capsys.readouterr().err == "ttfs: compiling, for a while\n"
    assert not logging.getLogger("ttfs").handlers


def test_info_tells_what_a_model_costs(drawn, capsys):
    assert main("info", drawn / "model.npz", "--cost", "--dataset", "digits") == 0
    out = capsys.readouterr().out
    cost = read(drawn / "report.json")["cost"]
    assert f"parameters {cost['parameters']:,}, 0.0 %" in " ".join(out.split())
    assert f"{cost['weight_bits']:,} bits of weights" in out
    assert cost["weight_bits"] == 64 * 30 + 30 * 10 == cost["dense_operations"]
    for key in ("synaptic_operations", "membrane_updates"):
        whole, until = (f"{cost[span][key]:,.0f}" for span in ("whole", "to_decision"))
        assert re.search(rf"{key.replace('_', ' ')} +{whole} +{until}\n", out)


def test_plot_draws_into_any_folder(drawn, tmp_path, capsys):
    arguments = ["plot", drawn / "model.npz", "--dataset", "digits", "--index", "7"]
    assert main(*arguments, "--out", tmp_path / "new" / "folder") == 0
    paths = [*map(Path, capsys.readouterr().out.splitlines())]
    assert paths == [tmp_path / "new" / "folder" / name for name in PLOTTED]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


def test_datasets_lists_them_all_and_where_they_are(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("TTFS_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert main("datasets") == 0
    out = capsys.readouterr().out
    for name in ("digits", "mnist", "fashion-mnist", "yin-yang"):
        assert re.search(rf"^{name} ", out, re.MULTILINE)
    assert re.search(r"^mnist .* absent$", out, re.MULTILINE)


def test_a_report_of_a_stranger_does_not_break_the_screen(tmp_path, capsys):
    evil = "\x1b[2J\u202e\ud800\n" * 3
    report = {"dataset": evil, "accuracy": evil, "versions": {evil: evil}, "recipe": evil * 9999}
    network = ttfs.Network(ttfs.Dense(4, 3), t_max=8)
    path = ttfs.save(tmp_path / "model.npz", network, report=report)
    assert main("info", path) == 0
    out = capsys.readouterr().out
    assert all(line.isprintable() for line in out.split("\n"))
    assert len(out) < 5000
    assert r"dataset: \x1b[2J\u202e\ud800\n" in out


# Bench


@pytest.fixture
def small_bench(monkeypatch):
    """Little to measure, and on synthetic stimuli alone."""
    monkeypatch.setattr(bench, "SAMPLES", 20)
    monkeypatch.setattr(bench, "REFERENCE_SAMPLES", 2)
    monkeypatch.setattr(bench, "ROUNDS", 1)
    monkeypatch.setattr(bench.datasets, "status", list)
    return sorted({1, bench.all_threads()})


@pytest.mark.parametrize("case", ["forward-784-400-10", "train-s4nn-784-400-10"])
def test_bench_times_one_case_on_one_thread_and_on_all(case, small_bench, tmp_path, capsys):
    threads = numba.get_num_threads()
    assert main("bench", "--cases", case, "--report", tmp_path / "b.json") == 0
    report = read(tmp_path / "b.json")
    assert [(found["name"], found["threads"]) for found in report["cases"]] == [
        (case, number) for number in small_bench
    ]
    for found in report["cases"]:
        least, most = found["microseconds_min"], found["microseconds_max"]
        assert 0 < least <= found["microseconds"] <= most
        assert found["limit_microseconds"] > 0
        assert found["bandwidth_microseconds"] > 0
        events, hidden = found["input_spikes"], found["hidden_spikes"]
        assert found["additions"] <= 400 * events + 10 * hidden
        assert found["additions"] > 300 * events
    assert report["cases"][0]["reference_microseconds"] > 0
    assert len(capsys.readouterr().out.splitlines()) == len(small_bench) + 1
    learned = {"learning"} if case.startswith("train") else set()
    assert report["parts"].keys() == {case}
    assert report["parts"][case].keys() == {"events", "hidden", "output"} | learned
    assert numba.get_num_threads() == threads


def test_a_picture_of_a_bench_shows_every_case_that_counts_something(tmp_path):
    dense = {"microseconds": 2.0, "limit_microseconds": 1.0, "bandwidth_microseconds": 0.5}
    dense |= {"additions": 1e4, "reference_microseconds": 9.0}
    maps = dense | {"bandwidth_microseconds": None, "reference_microseconds": None}
    windows = {"microseconds": 3.0, "limit_microseconds": None, "reference_microseconds": 4.0}
    events = {"synaptic_events_per_second": 1e8}
    cases = {"dense": dense, "maps": maps, "windows": windows, "simulate": events}
    told = [
        {"name": name, "inputs": "mnist", "threads": threads} | case
        for name, case in cases.items()
        for threads in (1, 2)
    ]
    path = charts.throughput(tmp_path / "b.svg", {"cases": told})
    text = path.read_text(encoding="utf-8")
    for name, case in cases.items():
        assert (f"<!-- {name}, mnist -->" in text) == (case is not windows)
    with pytest.raises(InputError, match="there is nothing to draw"):
        charts.throughput(path, {"cases": told[4:6]})


def test_bench_leaves_out_what_is_large_unless_it_is_named(monkeypatch):
    chosen = []
    monkeypatch.setattr(bench, "batches", lambda names: chosen.append(names) or [])
    monkeypatch.setattr(bench, "simulations", lambda names: [])
    monkeypatch.setattr(bench, "growth", lambda make, stimuli: [])
    monkeypatch.setattr(bench, "parts", lambda name, found: {})
    monkeypatch.setattr(bench, "cold", lambda: [])
    known = [*bench.CASES, *bench.MAP_CASES, *bench.SIMULATIONS, bench.GROWTH, bench.COLD]
    for names in (None, list(bench.LARGE)):
        bench.bench(names)
    assert chosen == [
        [n for n in known if n not in bench.LARGE],
        names,
    ]


def test_bench_tells_how_time_grows(small_bench, monkeypatch, tmp_path, capsys):
    for name, value in {"HIDDEN": (20, 40), "BATCHES": (1, 10), "ROUNDS": 1}.items():
        monkeypatch.setattr(growth, name, value)
    threads = numba.get_num_threads()
    assert main("bench", "--cases", "growth", "--report", tmp_path / "b.json") == 0
    found = read(tmp_path / "b.json")["cases"]
    assert [(case["name"], case["inputs"]) for case in found] == [
        (f"growth-784-{hidden}-10", f"batch of {batch}") for hidden in (20, 40) for batch in (1, 10)
    ]
    assert found[0]["synaptic_events"] == found[1]["synaptic_events"]
    assert found[2]["synaptic_events"] > 1.9 * found[0]["synaptic_events"]
    for case, told in zip(found, capsys.readouterr().out.splitlines(), strict=True):
        assert 0 < case["microseconds_min"] <= case["microseconds"] <= case["microseconds_max"]
        share = 1e3 * case["microseconds"] / case["synaptic_events"]
        assert told.endswith(
            f"us ({case['microseconds_min']:.2f}-{case['microseconds_max']:.2f}),"
            f" {share:.3f} ns for a synaptic event"
        )
    assert numba.get_num_threads() == threads


def test_bench_compares_and_draws(small_bench, tmp_path, capsys):
    old, picture = tmp_path / "old.json", tmp_path / "b.png"
    case, other = "forward-784-400-10", "forward-ramp-784-400-10"
    assert main("bench", "--cases", f"{case},simulate-784-400-10", "--report", old) == 0
    report = read(old)
    for found in report["cases"]:
        found["microseconds"] *= 1e-6
    old.write_text(json.dumps(report))
    capsys.readouterr()
    assert main("bench", "--cases", f"{case},{other}", "--compare", old, "--out", picture) == 0
    _, lines = capsys.readouterr().out.split("compared with the earlier report:\n")
    first, *_, before, after, drawn = lines.splitlines()
    assert re.match(rf"{case} +synthetic +1 thread +[\d.]+ us, \d{{5,}}\.\d\d x \(the limit", first)
    assert before.startswith(f"missing in the earlier report: {other} synthetic 1")
    assert after == "missing in the new report: simulate-784-400-10 synthetic 1"
    assert drawn == str(picture)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_bench_waits_for_first_commands_last_and_not_for_those_that_fail(
    small_bench, monkeypatch, tmp_path, capsys
):
    programs = {"slow": "time.sleep(0.2)", "broken": "sys.exit('no room')", "idle": ""}
    kept = "import os, pathlib, sys, time; at = pathlib.Path(os.environ['NUMBA_CACHE_DIR']);"
    made = " at.mkdir(); (at / 'kernel.nbc').touch();"
    for name, program in programs.items():
        line = kept + ("" if name == "idle" else made) + program
        monkeypatch.setitem(cold.PROGRAMS, name, ["-c", line])
    for name in set(cold.PROGRAMS) - set(programs):
        monkeypatch.delitem(cold.PROGRAMS, name)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    case = "simulate-784-400-10"
    assert main("bench", "--cases", f"cold,{case}", "--report", "b.json", "--out", "b.png") == 0
    report, lines = read(Path("b.json")), capsys.readouterr().out.splitlines()
    assert 0.2 < report["cold"].pop("slow") < 5
    assert not report["cold"]
    assert [line.split()[0] for line in lines] == [case, *["cold"] * 3, "b.png"]
    assert lines[2].endswith("not measured: it exited with code 1: no room")
    assert lines[3].endswith("not measured: it kept no compiled kernels")
    assert sorted(os.listdir(tmp_path)) == ["b.json", "b.png"]


@pytest.mark.long
@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled")
def test_bench_tells_how_long_first_commands_take_where_nothing_is_compiled(tmp_path):
    assert main("bench", "--cases", "cold", "--report", "b.json") == 0
    report = read(Path("b.json"))
    assert report["cold"].keys() == cold.PROGRAMS.keys()
    assert all(1 < seconds < 600 for seconds in report["cold"].values())
    assert report["cases"] == []


# Mistakes


def mistake(line, message):
    return pytest.param(line.split(), message, id=line)


MISTAKES = [
    mistake("fly", "invalid choice: 'fly'"),
    mistake("train digits", "unknown arguments: digits; see ttfs train --help"),
    mistake("train --preset bs5nn", "no preset is called 'bs5nn', only digits, exact-mnist"),
    mistake("train --dataset mnits", "no data set 'mnits': known are digits, mnist"),
    mistake("train --dataset absent.npz", "absent.npz"),
    mistake("train --dataset keys.npz", "keys.npz: there is no array images"),
    mistake("train --dataset text.npz", "text.npz: cannot be read as .npz"),
    mistake("train --dataset folder.npz", "folder.npz"),
    mistake("train --dataset pipe.npz", "is a pipe, a socket or a device, not a file"),
    mistake("evaluate pipe.npz --dataset digits", "is a pipe, a socket or a device, not a file"),
    mistake("info pipe.npz", "is a pipe, a socket or a device, not a file"),
    mistake("compare pipes", "report.json: is a pipe, a socket or a device, not a file"),
    mistake("bench --compare pipe.npz", "pipe.npz: is a pipe, a socket or a device, not a file"),
    mistake("train --dataset bright.npz", "float images must be from 0 to 1"),
    mistake("train --dataset uneven.npz", "60 images but 59 labels"),
    mistake("train --dataset negative.npz", "labels must be 0 or more, got -1"),
    mistake("train --dataset words.npz", "labels must be integers"),
    mistake("train --dataset empty.npz", "empty.npz (train): labels must be (n,), not empty"),
    mistake("train --dataset alone.npz", "a single sample cannot be split"),
    mistake("train --epochs 0", "'0' is not a whole number of 1 or more"),
    mistake("train --epochs many", "'many' is not a whole number of 1 or more"),
    mistake("train --hidden -3", "'-3' is not a whole number from 1 to a million"),
    mistake("train --hidden 99999999999999999999", "is not a whole number from 1 to a million"),
    mistake("train --batch-size 1.5", "'1.5' is not a whole number of 1 or more"),
    mistake("train --lr 0", "'0' is not a number above 0"),
    mistake("train --lr nan", "'nan' is not a number above 0"),
    mistake("train --lr 1e999", "'1e999' is not a number above 0"),
    mistake("train --lr 1e300", "weights are no longer finite after epoch 1; lower the learning"),
    mistake(
        "train --preset s4nn-mnist --dataset digits --gamma 256",
        "must be below the network's t_max 256, got 256",
    ),
    mistake(
        "train --gamma 3",
        "--gamma is a setting of the rule S4NN; this recipe uses Exact",
    ),
    mistake("train --seed -1", "'-1' is not a whole number of 0 or more"),
    mistake("train --weights ternary", "invalid choice: 'ternary'"),
    mistake("train --threads 999", "--threads 999: this machine offers"),
    mistake("train --threads 0", "'0' is not a whole number of 1 or more"),
    mistake("train --epochs", "--epochs: expected one argument"),
    mistake("train --out text.npz", "cannot write to text.npz"),
    mistake("train --out text.npz/run", "cannot write to text.npz/run"),
    mistake("train --out /proc/run", "cannot write to /proc/run"),
    mistake("train --out run", "run already holds model.npz: --resume continues that run"),
    mistake("train --out run --resume", "belongs to a run with other data or settings"),
    mistake("train --out over --resume", "over holds model.npz but no checkpoint.npz to continue"),
    mistake("train --out damaged --resume", "is not a readable checkpoint"),
    mistake("evaluate", "the following arguments are required: MODEL"),
    mistake("evaluate plain.npz", "plain.npz does not say which data it was trained on"),
    mistake("evaluate absent.npz --dataset digits", "absent.npz: there is no such file"),
    mistake("evaluate run --dataset digits", "run: is a folder; did you mean run/model.npz?"),
    mistake("evaluate . --dataset digits", ".: is a folder, not a file"),
    mistake("evaluate run/checkpoint.npz --dataset digits", "is not a model that ttfs.save wrote"),
    mistake("evaluate text.npz --dataset digits", "is not a model that ttfs.save wrote"),
    mistake("evaluate run/model.npz --dataset none", "no data set 'none'"),
    mistake("evaluate run/model.npz --dataset mine.npz", "takes 64 inputs, but mine.npz has 20"),
    mistake("evaluate run/model.npz --dataset more.npz", "labels up to 11, but the network has 10"),
    mistake("evaluate run/model.npz --dataset digits --split all", "invalid choice: 'all'"),
    mistake("evaluate run/model.npz --dataset digits --report no/r.json", "no: No such folder"),
    mistake("evaluate run/model.npz --dataset digits --report run", "Not a file"),
    mistake("info absent.npz", "absent.npz: there is no such file"),
    mistake("info run/report.json", "is not a model that ttfs.save wrote"),
    mistake("info plain.npz --cost", "plain.npz does not say which data it was trained on"),
    mistake("train --from absent.npz", "absent.npz: there is no such file"),
    mistake("train --from plain.npz", "plain.npz does not say which data it was trained on"),
    mistake("train --from plain.npz --dataset digits", "takes 20 inputs, but the data have 64"),
    mistake("train --from run/model.npz --weights real", "--from keeps the kind of weights"),
    mistake("train --from run/model.npz --hidden 9", "not allowed with argument"),
    mistake("train --from run/model.npz --dataset more.npz", "has 10 outputs, the data 12 classes"),
    mistake("train --hidden 9 0", "'0' is not a whole number from 1"),
    mistake("info run/model.npz --dataset digits", "--dataset digits is used only with --cost"),
    mistake("info run/model.npz --cost --dataset mine.npz", "takes 64 inputs, but mine.npz has"),
    mistake(
        "compare run --over spikes,joules",
        "--over takes some of spikes, time, operations, footprint",
    ),
    mistake(
        "plot run/model.npz --dataset digits --index 360", "the samples of digits are 0 to 359"
    ),
    mistake("plot run/model.npz --dataset digits --index -1", "'-1' is not a whole number"),
    mistake("plot run/model.npz --dataset mine.npz", "takes 64 inputs, but mine.npz has 20"),
    mistake("plot run/model.npz --dataset digits --out text.npz", "text.npz: File exists"),
    mistake("compare .", ". is not the folder of a finished run: report.json: No such file"),
    mistake("compare .", "; did you mean ./*?"),
    pytest.param(["train", "--dataset", ""], "--dataset: '' is not a name", id="no data set"),
    pytest.param(["train", "--preset", ""], "--preset: '' is not a name", id="no preset"),
    pytest.param(["train", "--out", ""], "--out: '' is not a name", id="no folder"),
    pytest.param(["bench", "--cases", ""], "--cases: '' is not a name", id="no cases"),
    pytest.param(["info", ""], "MODEL: '' is not a name", id="no model"),
    pytest.param(["compare", ""], "RUN: '' is not a name", id="no run"),
    pytest.param(["info", "a\0b"], "'a\\x00b' is not a name", id="NUL in a model"),
    pytest.param(["train", "--dataset", "\0.npz"], "'\\x00.npz' is not a name", id="NUL in data"),
    pytest.param(["train", "--out", "\0"], "'\\x00' is not a name", id="NUL in a folder"),
    pytest.param(["info", "two\nlines"], "two lines: there is no such file", id="two lines"),
    pytest.param(["info", "\x1b[31m"], "\\x1b[31m: there is no such file", id="an escape"),
    pytest.param(["info", "\udcff"], "\\udcff: there is no such file", id="no UTF-8"),
    *(
        pytest.param([*line.split(), digits], message, id=f"{line} 9999...")
        for digits in ("9" * 400, "9" * 5000)
        for line, message in (
            ("train --seed", "characters) is not a whole number of 0 or more"),
            ("train --epochs", "is not a whole number of 1 or more"),
            ("train --threads", "is not a whole number of 1 or more"),
            ("train --hidden", "is not a whole number from 1 to a million"),
            ("train --lr", "is not a number above 0"),
            ("plot run/model.npz --dataset digits --index", "is not a whole number of 0 or more"),
            ("info", "99"),
            ("train --out", "cannot write to 99"),
            ("train --dataset", "cannot write to"),
            ("train --preset", "no preset is called"),
            ("view run/model.npz --dataset digits --out", "File name too long"),
            ("evaluate run/model.npz --dataset digits --report", "File name too long"),
            ("fly", "invalid choice"),
        )
    ),
    mistake("compare run --out table.txt", "'table.txt' must end in .png, .pdf or .svg"),
    mistake("compare run --out no/table.png", "no: No such folder"),
    mistake("bench --out table.txt", "'table.txt' must end in .png, .pdf or .svg"),
    mistake("bench --cases cold --out speed.png", "--out draws speeds, and the case cold has none"),
    mistake("bench --report no/bench.json", "no: No such folder"),
    mistake("bench --cases forward", "there is no case 'forward', only forward-784-400-10"),
    mistake("bench --compare run/report.json", "run/report.json is not a report that ttfs bench"),
    mistake("bench --compare text.npz", "text.npz is not a report that ttfs bench wrote"),
    mistake("bench --compare absent.json", "absent.json: No such file"),
]


@pytest.fixture(scope="module")
def desk(drawn, tmp_path_factory):
    """A folder of files that mistakes are made with; none of them changes any."""
    folder = tmp_path_factory.mktemp("desk")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        make_files(drawn)
    before = contents(folder)
    yield folder
    assert contents(folder) == before


def contents(folder):
    """All files below a folder, and when they were written."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path: path.stat().st_mtime_ns for path in files}


def make_files(run):
    shutil.copytree(run, "run")
    write_npz("mine.npz")
    write_npz("more.npz", shape=(8, 8), classes=12)
    write_npz("bright.npz", images=np.full((60, 4), 1.5))
    write_npz("uneven.npz", labels=np.zeros(59, int))
    write_npz("negative.npz", labels=np.arange(60) - 1)
    write_npz("words.npz", labels=np.array(["a"] * 60))
    write_npz("empty.npz", images=np.zeros((0, 4), np.uint8), labels=np.zeros(0, int))
    write_npz("alone.npz", images=np.zeros((1, 4), np.uint8), labels=np.zeros(1, int))
    np.savez("keys.npz", x_train=np.zeros((3, 4)), y_train=np.zeros(3, int))
    ttfs.save("plain.npz", ttfs.Network(ttfs.Dense(20, 3), psp=ttfs.Ramp(), t_max=4))
    with open("text.npz", "w") as file:
        file.write("no archive at all")
    os.mkdir("folder.npz")
    os.mkdir("pipes")
    os.mkfifo("pipe.npz")
    os.mkfifo("pipes/report.json")
    shutil.copytree(run, "damaged")
    shutil.copytree(run, "over", ignore=shutil.ignore_patterns("checkpoint.npz"))
    os.truncate("damaged/checkpoint.npz", 1000)


@pytest.mark.parametrize(("line", "message"), MISTAKES)
def test_a_mistake_is_answered_with_one_sentence(line, message, desk, capsys, monkeypatch):
    monkeypatch.chdir(desk)
    assert main(*line) == 2
    err = capsys.readouterr().err
    assert re.fullmatch(r"ttfs: .+\n", err)
    assert message in err
    assert len(err) < 1000
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "not enough memory"),
        (OSError(28, "No space left on device", "runs/model.npz"), "runs/model.npz: No space left"),
        (OSError("no more"), "file: no more"),
    ],
)
def test_what_the_machine_cannot_do_is_told_in_one_sentence(error, message, capsys, monkeypatch):
    def fail(*arguments, **settings):
        raise error

    monkeypatch.setattr(ttfs.cli.runs, "save", fail)
    assert main("train", *FAST, "--quiet") == 2
    assert re.fullmatch(rf"ttfs: {re.escape(message)}.*\n", capsys.readouterr().err)


def test_a_refused_resumption_leaves_the_model(run):
    os.remove(run / "checkpoint.npz")
    before = (run / "model.npz").read_bytes()
    assert main("train", "--out", run, *FAST, "--quiet", "--resume") == 2
    assert (run / "model.npz").read_bytes() == before


@pytest.mark.skipif(os.name != "posix", reason="pipes break otherwise here")
@pytest.mark.parametrize("buffered", ["", "1"])
def test_a_reader_that_has_enough_is_no_mistake(buffered):
    reads, writes = os.pipe()
    os.close(reads)
    command = [sys.executable, "-m", "ttfs", "datasets"]
    environment = os.environ | {"PYTHONUNBUFFERED": buffered}
    done = subprocess.run(command, stdout=writes, stderr=subprocess.PIPE, env=environment)
    os.close(writes)
    assert (done.returncode, done.stderr) == (141, b"")


def shell(line, **environment):
    """`ttfs` with its streams as a shell makes them, but for what is said of compiling."""
    line = f"{shlex.quote(sys.executable)} -m ttfs {line}"
    settings = {"capture_output": True, "env": os.environ | environment}
    done = subprocess.run(["sh", "-c", line], stdin=subprocess.DEVNULL, **settings)
    told = done.stderr.decode().splitlines(keepends=True)
    told = [line for line in told if "compiling" not in line]  # if no test before has compiled it
    return done.returncode, done.stdout.decode(), "".join(told)


posix = pytest.mark.skipif(os.name != "posix", reason="there is no such shell")


@posix
@pytest.mark.parametrize("buffered", ["", "1"])
@pytest.mark.parametrize(
    ("line", "stream"),
    [
        ("--help", ">&-"),
        ("--version", ">/dev/full"),
        ("info M", ">&-"),
        ("step M --dataset digits", ">/dev/full"),
        ("step M --dataset digits --json", ">&-"),
    ],
)
def test_output_that_cannot_be_written_is_told(line, stream, buffered, drawn):
    line = f"{line.replace('M', str(drawn / 'model.npz'))} {stream}"
    reason = "Bad file descriptor" if stream == ">&-" else "No space left on device"
    sentence = f"ttfs: standard output: {reason}\n"
    assert shell(line, PYTHONUNBUFFERED=buffered) == (2, "", sentence)


@posix
@pytest.mark.parametrize("stream", [">&-", ">/dev/full"])
def test_a_training_whose_lines_go_nowhere_says_so_before_it_begins(stream):
    code, out, err = shell(f"train --epochs 1000000 {stream}")
    assert (code, out) == (2, "")
    assert re.fullmatch("ttfs: standard output: .*\n", err)


@posix
@pytest.mark.parametrize("stream", ["2>&-", "2>/dev/full"])
def test_without_an_error_stream_the_exit_code_speaks(stream, drawn):
    assert shell(f"info absent.npz {stream}") == (2, "", "")
    code, out, err = shell(f"info {drawn / 'model.npz'} {stream}")
    assert (code, err) == (0, "")
    assert out.startswith("Network(")


@posix
def test_a_reader_of_errors_that_has_gone_is_no_error():
    reads, writes = os.pipe()
    os.close(reads)
    command = [sys.executable, "-m", "ttfs", "info", "absent.npz"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=writes)
    os.close(writes)
    assert (done.returncode, done.stdout) == (2, b"")


@posix
def test_a_quiet_training_needs_no_stream_at_all():
    line = "train --quiet --hidden 10 --epochs 1 --out run <&- >&- 2>&-"
    assert shell(line) == (0, "", "")
    assert {path.name for path in Path("run").iterdir()} == {*WRITTEN, "checkpoint.npz"}
    assert ttfs.load("run/model.npz").network.sizes == (64, 10, 10)


NAMES = [b"\xc3\xbc", b"\xf0\x9f\x98\x80", b"\xff", b"two\nlines", b"\x1b[31m", b"$x_", b" "]


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("name", NAMES)
def test_data_and_runs_of_any_name_are_shown_in_one_line(name, capsys):
    name = os.fsdecode(name)
    try:
        write_npz(f"{name}.npz")
        os.mkdir(name)
    except OSError:
        pytest.skip("no file can have that name here")
    data = ["--dataset", f"{name}.npz"]
    assert main("train", *data, "--hidden", 5, "--epochs", 1, "--out", name, "--quiet") == 0
    shutil.copytree(name, "run")
    assert main("evaluate", f"{name}/model.npz", *data) == 0
    assert main("info", f"{name}/model.npz", "--cost", *data) == 0
    assert main("view", "run/model.npz", *data) == 0
    assert main("compare", name, "--out", "c.png") == 0
    out, err = capsys.readouterr()
    assert err.count("\n") == err.count("missing from font")
    assert len(out.splitlines()) == 13 + 38 + 1 + 3
    assert all(line.isprintable() for line in out.splitlines())


@posix
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_output_in_any_encoding_has_every_name(encoding, drawn):
    folder = "ü\N{GRINNING FACE}\udcff"
    try:
        shutil.copytree(drawn, folder)
    except OSError:
        pytest.skip("no folder can have that name here")
    command = [sys.executable, "-m", "ttfs", "view", f"{folder}/model.npz", "--dataset", "digits"]
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run(command, capture_output=True, env=environment)
    assert (done.returncode, done.stderr) == (0, b"")
    shown = f"{folder}/view.html".encode(encoding, "backslashreplace")
    assert done.stdout.splitlines() == [shown]


# Two at once


def test_two_trainings_into_one_folder_are_refused(run, capsys):
    before = {path: path.read_bytes() for path in run.iterdir()}
    with alone_in(run):
        for way in ([], ["--resume"], ["--force"]):
            assert main("train", *FAST, "--seed", 3, "--quiet", "--out", run, *way) == 2
            err = capsys.readouterr().err
            assert re.fullmatch("ttfs: another run is being written to .*: wait for .*\n", err)
        assert main("evaluate", run / "model.npz", "--dataset", "digits") == 0
    assert {path: path.read_bytes() for path in run.iterdir()} == before
    assert main("train", *FAST, "--seed", 3, "--quiet", "--out", run, "--resume") == 0


def test_of_two_trainings_that_begin_at_once_one_is_refused(tmp_path):
    both = [start("--hidden", 20, "--epochs", 40, "--out", tmp_path / "run") for _ in range(2)]
    ends = [(*process.communicate(), process.returncode) for process in both]
    assert sorted(code for *_, code in ends) == [0, 2]
    (err,) = [err for _, err, code in ends if code == 2]
    assert len(err.splitlines()) == 1
    assert {path.name for path in (tmp_path / "run").iterdir()} == {*WRITTEN, "checkpoint.npz"}
    assert read(tmp_path / "run" / "report.json")["epochs"] == 40


def test_ctrl_c_outside_of_training_is_130_too(capsys, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(ttfs.datasets, "load", interrupt)
    assert main("train") == 130
    assert capsys.readouterr().err == "ttfs: stopped\n"


# In a process of its own

INTERRUPTIBLE = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "from ttfs.cli.cli import main; sys.exit(main())"
)


def start(*arguments):
    """`ttfs train` in another process."""
    command = [sys.executable, "-c", INTERRUPTIBLE, "train", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(path, process, seconds=120):
    """Until a file is there."""
    end = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.002)


def test_help_answers_without_compiler_and_plots():
    code = (
        "import runpy, sys; sys.argv = ['ttfs', '--help']\n"
        "try: runpy.run_module('ttfs', run_name='__main__', alter_sys=True)\n"
        "except SystemExit as stop: print('code', stop.code)\n"
        "print(*sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stderr == ""
    text, _, rest = result.stdout.partition("code 0\n")
    assert text.startswith("usage: ttfs ")
    assert "exit codes: 0 done, 2 an error" in text
    assert not set(rest.split()) & {"numba", "matplotlib", "numpy", "scipy", "tqdm"}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no count of seconds to read")
@pytest.mark.parametrize(
    ("line", "most"),
    [("--help", 0.3), ("evaluate run/model.npz --dataset digits", 2.5)],
)
def test_commands_answer_soon(line, most, run):
    """In seconds of the processor, which other programs do not lengthen much."""
    import resource

    command = [sys.executable, "-m", "ttfs", *line.split()]
    seconds = []
    for _ in range(3):  # the first may compile
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert subprocess.run(command, capture_output=True).returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(sum(after[:2]) - sum(before[:2]))
    assert min(seconds) < most


@pytest.mark.parametrize("arguments", [["--version"], ["train", "--help"], ["plot", "--help"]])
def test_help_and_version_are_no_mistakes(arguments, capsys):
    assert main(*arguments) == 0
    assert capsys.readouterr().err == ""


def test_each_command_has_one_line_in_the_help(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    assert main("--help") == 0
    listed = capsys.readouterr().out.split("  COMMAND\n")[1].split("\n\n")[0].splitlines()
    assert all(line[:4].isspace() and line[4:].split()[0].isalpha() for line in listed)
    assert any(line.split()[:3] == ["robustness", "accuracy", "if"] for line in listed)


def test_a_mistake_in_a_process_of_its_own_is_one_line_too():
    command = [sys.executable, "-m", "ttfs", "evaluate", "no.npz", "--dataset", "digits"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "ttfs: no.npz: there is no such file\n"


def test_a_training_that_is_killed_resumes_to_the_same_bits(tmp_path):
    arguments = ["--hidden", 20, "--epochs", 60, "--quiet", "--out"]
    process = start(*arguments, tmp_path / "killed")
    wait_for(tmp_path / "killed" / "checkpoint.npz", process)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "killed" / "model.npz").exists(), "it was not killed in time"
    assert main("train", *arguments, tmp_path / "killed", "--resume") == 0
    assert main("train", *arguments, tmp_path / "whole") == 0
    assert same_model(tmp_path / "killed" / "model.npz", tmp_path / "whole" / "model.npz")
    rows = [timeless(tmp_path / name / "history.csv") for name in ("killed", "whole")]
    assert rows[0] == rows[1]
    assert len(rows[0]) == 60


def stopped_after(epochs, recipe):
    """The network of a training on the digits that is stopped after some epochs."""

    def stop(line):
        if line.startswith(f"epoch {epochs}/"):
            raise KeyboardInterrupt

    train, _ = ttfs.datasets.load(recipe.dataset)
    network = recipe.network(64, 10, 0)
    trainer = recipe.trainer(network, 0)
    trainer.fit(recipe.encoder(train.images), train.labels, epochs=recipe.epochs, log=stop)
    return network


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")
def test_ctrl_c_saves_the_best_weights_and_exits_with_130(tmp_path):
    process = start("--hidden", 20, "--epochs", 10**6, "--out", tmp_path / "run")
    wait_for(tmp_path / "run" / "checkpoint.npz", process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (
        130,
        "ttfs: stopped; the best weights so far are saved\n",
    )
    report = read(tmp_path / "run" / "report.json")
    assert report["interrupted"]
    assert {path.name for path in (tmp_path / "run").iterdir()} == {*WRITTEN, "checkpoint.npz"}
    rows = timeless(tmp_path / "run" / "history.csv")
    best = max(range(len(rows)), key=lambda i: float(rows[i]["validation_accuracy"]))
    assert report["best_epoch"] == best + 1
    assert out.count("epoch ") >= len(rows)
    network = stopped_after(len(rows), replace(with_hidden(preset("digits"), 20), epochs=10**6))
    ttfs.save(tmp_path / "expected.npz", network)
    assert same_model(tmp_path / "run" / "model.npz", tmp_path / "expected.npz")


def test_ctrl_c_in_the_first_epoch_leaves_a_readable_run(monkeypatch, capsys, drawn):
    def interrupt(self, *arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(ttfs.rules.Exact, "train", interrupt)
    assert main("train", *FAST) == 130
    assert "the best weights so far are saved" in capsys.readouterr().err
    report = read(Path("runs/digits-seed0/report.json"))
    assert (report["epochs"], report["best_epoch"], report["samples_per_second"]) == (0, 0, 0)
    assert ttfs.load("runs/digits-seed0/model.npz").network.sizes == (64, 30, 10)
