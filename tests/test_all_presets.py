"""All presets are trained by one command, which goes on where it stopped."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numba
import pytest
from cases import same_bits

import ttfs
from ttfs.cli import cli, runs
from ttfs.cli.locks import alone_in
from ttfs.presets import PRESETS, preset, with_hidden, with_teacher
from ttfs.training.history import History

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too many samples")
ALL = "train", "--all-presets", "--seeds"


@pytest.fixture(autouse=True)
def few(monkeypatch, tmp_path):
    """Two quick presets alone, and an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "wants_kernels", lambda options: False)
    before = dict(PRESETS)
    only(
        {
            "bs4nn-digits": replace(with_hidden(preset("bs4nn-digits"), 12), epochs=2),
            "digits": replace(with_hidden(preset("digits"), 12), epochs=3),
        }
    )
    yield
    only(before)


def only(presets):
    """Have these presets, in this order, and no others."""
    PRESETS.clear()
    PRESETS.update(presets)


def main(*arguments):
    return cli.main([str(argument) for argument in arguments])


def report_in(folder):
    return json.loads((Path("runs") / folder / "report.json").read_text("utf-8"))


def latents_in(folder):
    return ttfs.load(Path("runs") / folder / "model.npz").network.latents


def same(first, second):
    pairs = zip(latents_in(first), latents_in(second), strict=True)
    return all(same_bits(a, b) for a, b in pairs)


def test_each_preset_is_trained_with_each_seed_and_only_once(capsys, monkeypatch):
    assert main(*ALL, "0-1") == 0
    out = capsys.readouterr().out
    folders = ["bs4nn-digits-seed0", "bs4nn-digits-seed1", "digits-seed0", "digits-seed1"]
    assert sorted(os.listdir("runs")) == folders
    assert [report_in(run)["seed"] for run in folders] == [0, 1, 0, 1]
    assert "\ndigits, seed 0: run 2 of 4, in" in out
    rows = [line.split(" | ") for line in out.splitlines() if line.startswith("| `")]
    assert [(row[0], row[-1]) for row in rows] == [
        ("| `bs4nn-digits`", "0,1 |"),
        ("| `digits`", "0,1 |"),
    ]
    monkeypatch.setattr("ttfs.cli.all_presets.train", None)
    assert main(*ALL, "0-1") == 0
    assert out.endswith(capsys.readouterr().out)
    assert main(*ALL, "0-1", "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_a_run_is_that_of_its_preset_alone():
    assert main(*ALL, "1", "--quiet") == 0
    assert main("train", "--preset", "digits", "--seed", 1, "--quiet", "--out", "runs/alone") == 0
    assert same("digits-seed1", "alone")


@pytest.mark.parametrize("epoch", [1, 2, 4])
def test_ctrl_c_ends_it_and_the_same_command_goes_on(epoch, capsys, monkeypatch):
    calls, write = [], ttfs.training.checkpoint.Checkpoint.write

    def stop(self, *arguments):
        calls.append(1)
        write(self, *arguments)
        if len(calls) == epoch:
            raise KeyboardInterrupt

    monkeypatch.setattr(ttfs.training.checkpoint.Checkpoint, "write", stop)
    assert main(*ALL, "0", "--quiet") == 130
    told = "ttfs: stopped; the same command goes on from the last epoch\n"
    assert capsys.readouterr() == ("", told)
    assert main(*ALL, "0", "--quiet") == 0
    assert len(calls) == 5, "no epoch is trained twice"
    assert main("train", "--preset", "digits", "--quiet", "--out", "runs/alone") == 0
    assert same("digits-seed0", "alone")
    assert not report_in("digits-seed0")["interrupted"]


def test_a_run_of_other_epochs_is_not_taken_for_that_of_a_preset(capsys):
    """Its learning rate has fallen as if the training ended earlier."""
    preset = "train", "--preset", "digits", "--quiet"
    assert main(*preset, "--epochs", 2) == 0
    assert main(*ALL, "0", "--quiet") == 2
    why = (
        f"ttfs: digits, seed 0: {Path('runs', 'digits-seed0')} holds a run of 2 epochs that is not"
    )
    assert why in capsys.readouterr().err
    assert report_in("digits-seed0")["epochs"] == 2, "nothing was trained"
    assert main(*preset, "--resume") == 0
    assert main(*ALL, "0", "--quiet") == 2
    assert "holds a run of 3 epochs that is not this preset" in capsys.readouterr().err


def test_ctrl_c_before_anything_is_trained_says_so_too(capsys, monkeypatch):
    def press(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("ttfs.cli.runs.check_earlier", press)
    assert main(*ALL, "0", "--quiet") == 130
    assert capsys.readouterr().err.endswith("the same command goes on from the last epoch\n")


def without_torch(*arguments):
    raise ttfs.InputError("torch is not installed: pip install 'ttfs[torch]'")


def test_what_cannot_be_trained_is_named_and_all_else_is_trained(capsys, monkeypatch):
    away = replace(PRESETS["digits"], dataset="absent.npz")
    PRESETS["away"] = away
    monkeypatch.setattr(ttfs.presets.WindowRecipe, "trainer", without_torch)
    for name in ("relus", "others"):
        PRESETS[name] = ttfs.presets.windows("digits", "9", epochs=1)
    assert main(*ALL, "0,3", "--quiet") == 2
    out, err = capsys.readouterr()
    absent, relus, left = err.splitlines()
    assert out == ""
    assert absent.startswith("ttfs: skipped: away: absent.npz")
    assert relus == (
        "ttfs: skipped: relus, others: torch is not installed: pip install 'ttfs[torch]'"
    )
    assert left.startswith("ttfs: 6 of 10 runs are left to train: away-seed0, relus-seed0, ")
    assert all(report_in(f"{name}-seed3")["epochs"] for name in ("digits", "bs4nn-digits"))


def add_pupil(teacher):
    """One preset more, which stands before its teacher."""
    pupil = replace(with_teacher(PRESETS["digits"]), teacher=teacher, epochs=1)
    only({"pupil": pupil, **PRESETS})


def test_teachers_are_trained_before_those_they_teach(capsys):
    add_pupil("digits")
    assert main(*ALL, "0-1") == 0
    out = capsys.readouterr().out
    assert (
        out.index("\ndigits, seed 0") < out.index("\npupil, seed 0") < out.index("\npupil, seed 1")
    )
    teacher = str(Path("runs/digits-seed0/model.npz"))
    assert [report_in(f"pupil-seed{seed}")["teachers"] for seed in (0, 1)] == [[teacher]] * 2
    assert out.index("| `pupil`") < out.index("| `digits`"), "rows are in the order of the presets"


def test_without_its_teacher_a_preset_is_left(capsys):
    add_pupil("digits")
    assert main(*ALL, "1", "--quiet") == 2
    told, left = capsys.readouterr().err.splitlines()
    folder = Path("runs/digits-seed0")
    assert told == f"ttfs: pupil, seed 1: it learns from {folder}, which is not trained to the end"
    assert left == "ttfs: 1 of 3 runs are left to train: pupil-seed1"


def test_a_run_with_another_teacher_is_not_that_of_the_preset(capsys):
    add_pupil("digits")
    assert main(*ALL, "0", "--quiet") == 0
    assert report_in("pupil-seed0")["preset"] == "pupil"
    shutil.rmtree("runs/pupil-seed0")
    assert main("train", "--preset", "digits", "--seed", 5, "--out", "other", "--quiet") == 0
    assert main("train", "--preset", "pupil", "--teacher", "other/model.npz", "--quiet") == 0
    told = report_in("pupil-seed0")
    assert (told["preset"], told["base"]) == (None, "pupil")
    assert main(*ALL, "0", "--quiet") == 2
    assert capsys.readouterr().err.endswith("1 of 3 runs are left to train: pupil-seed0\n")


@pytest.mark.parametrize(("teachers", "named"), [((), "relus"), (("model.npz",), None)])
def test_so_it_is_where_the_rule_is_the_same_without_a_teacher(teachers, named):
    PRESETS["relus"] = ttfs.presets.windows("digits", "9", epochs=1)
    told = runs.told(PRESETS["relus"], runs.Run("run", teachers=teachers), History(), 10)
    assert told["preset"] == named


def test_with_its_teacher_a_preset_is_skipped(capsys):
    away = replace(PRESETS["digits"], dataset="absent.npz")
    PRESETS["away"] = away
    add_pupil("away")
    assert main(*ALL, "0", "--quiet") == 2
    assert "ttfs: skipped: away, pupil: absent.npz" in capsys.readouterr().err


def test_a_folder_with_another_run_or_in_use_is_left_alone(capsys):
    other = ["--preset", "digits", "--hidden", 9]
    assert main("train", *other, "--quiet") == 0
    before = Path("runs/digits-seed0/model.npz").read_bytes()
    with alone_in(Path("runs/bs4nn-digits-seed0")):
        assert main(*ALL, "0", "--quiet") == 2
    used, another, left = capsys.readouterr().err.splitlines()
    assert used.startswith("ttfs: bs4nn-digits, seed 0: another run is being written to")
    assert "belongs to a run with other data or settings" in another
    assert left == ("ttfs: 2 of 2 runs are left to train: bs4nn-digits-seed0, digits-seed0")
    assert Path("runs/digits-seed0/model.npz").read_bytes() == before


def test_a_report_that_is_damaged_is_made_again():
    assert main(*ALL, "0", "--quiet") == 0
    whole = report_in("digits-seed0")
    Path("runs/digits-seed0/report.json").write_text("{")
    shutil.rmtree("runs/bs4nn-digits-seed0")
    assert main(*ALL, "0", "--quiet") == 0
    assert report_in("digits-seed0")["accuracy"] == whole["accuracy"]
    assert report_in("bs4nn-digits-seed0")["epochs"] == 2


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--epochs", "3"], "--all-presets trains presets as they are: omit --epochs"),
        (["--from", "model.npz"], "omit --from"),
        (["--batch-size", "3"], "omit --batch-size"),
        (["--seed", "1"], "omit --seed"),
        (["--teacher", "model.npz"], "omit --teacher"),
        (["--force"], "omit --force"),
        (["--seeds", "2-0"], "'2-0' is not a range of up to 1,000 seeds"),
        (["--seeds", "0-9999999"], "is not a range of up to 1,000 seeds"),
        (["--seeds", "a"], "'a' is not a whole number"),
    ],
)
def test_what_does_not_go_with_it_is_told(more, message, capsys):
    assert main("train", "--all-presets", *more) == 2
    assert message in capsys.readouterr().err
    assert not os.path.exists("runs")


def test_seeds_are_for_all_presets(capsys):
    assert main("train", "--seeds", "0-2") == 2
    assert "--seeds is for --all-presets" in capsys.readouterr().err
