"""The command line after the first training: going on, training further, looking again."""

import json
import shutil

import numpy as np
import pytest

import ttfs
from ttfs.cli import cli
from ttfs.cli.comparison import groups, table
from ttfs.errors import InputError
from ttfs.presets import preset, with_network

pytestmark = pytest.mark.usefixtures("undrawn")


def main(*arguments):
    return cli.main([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Folders of a one-bit, a deeper real and a convolutional network, each trained briefly."""
    folder = tmp_path_factory.mktemp("runs")
    kinds = {
        "bits": ["--hidden", 20],
        "real": ["--hidden", 20, 15, "--weights", "real"],
        "maps": ["--layers", "4C3-P2-16", "--weights", "real"],
    }
    for name, told in kinds.items():
        assert main("train", *told, "--epochs", 3, "--quiet", "--out", folder / name) == 0
    return folder


def report_in(folder):
    return json.loads((folder / "report.json").read_text("utf-8"))


def test_the_command_alone_shows_its_help(capsys):
    assert main() == 0
    out = capsys.readouterr().out
    assert out.startswith("usage: ttfs")
    assert "ttfs train --preset binary-mnist" in out


def test_hidden_layers_are_as_many_as_numbers(runs):
    network = ttfs.load(runs / "real" / "model.npz").network
    assert network.sizes == (64, 20, 15, 10)


@pytest.mark.parametrize("command", ["evaluate", "info", "plot", "view", "step"])
def test_the_data_are_those_of_the_model_unless_told_otherwise(command, runs, tmp_path, capsys):
    model = runs / "bits" / "model.npz"
    more = {"info": ["--cost"], "plot": ["--out", tmp_path], "step": ["--json"]}
    more["view"] = ["--out", tmp_path / "page.html"]
    told = {}
    for data in ([], ["--dataset", "digits"]):
        assert main(command, model, *data, *more.get(command, [])) == 0
        told[bool(data)] = capsys.readouterr().out.split("\n  time ")[0]
    assert told[False] == told[True] != ""


@pytest.mark.parametrize("kind", ["bits", "real", "maps"])
def test_a_saved_network_is_trained_further(kind, runs, tmp_path, capsys):
    model = runs / kind / "model.npz"
    arguments = ["train", "--from", model, "--epochs", 5, "--out", tmp_path / "r"]
    assert main(*arguments) == 0
    assert "digits" in capsys.readouterr().out
    before, after = ttfs.load(model), ttfs.load(tmp_path / "r" / "model.npz")
    assert after.network.sizes == before.network.sizes
    assert after.encoder == before.encoder
    first, last = (report_in(folder) for folder in (runs / kind, tmp_path / "r"))
    assert last["origin"] == str(model)
    assert last["accuracy"] > first["accuracy"]
    again = [*arguments[:-1], tmp_path / "again"]
    assert main(*again) == 0
    same = ttfs.load(tmp_path / "again" / "model.npz").network
    assert all(map(np.array_equal, after.network.weights, same.weights))
    assert len(groups([runs / kind, tmp_path / "r"])) == 2


@pytest.mark.parametrize("psp", [ttfs.Step(), ttfs.Ramp(), ttfs.Windows()])
@pytest.mark.parametrize("preset", [None, "no preset", ["a"], 3])
def test_a_network_of_any_response_is_trained_further(psp, preset, tmp_path, capsys):
    network = ttfs.Network(ttfs.Dense(64, 20), ttfs.Dense(20, 10), psp=psp)
    report = {"dataset": "digits", "preset": preset}
    path = ttfs.save(tmp_path / "m.npz", network, encoder=ttfs.Latency(t_max=1.0), report=report)
    assert main("train", "--from", path, "--epochs", 1, "--out", tmp_path / "r") == 0
    assert f"{network} on digits test" in capsys.readouterr().out


def test_a_model_is_not_trained_further_in_its_own_folder(runs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "own"
    shutil.copytree(runs / "bits", folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    arguments = ["train", "--from", folder / "model.npz", "--epochs", 1, "--quiet"]
    assert main(*arguments, "--out", folder, "--force") == 2
    assert "lies in the folder of the run" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert main(*arguments, "--dataset", "digits") == 0
    assert (tmp_path / "runs" / "own-further-seed0" / "model.npz").exists()


def test_training_further_keeps_the_settings_of_a_changed_preset(tmp_path, capsys):
    first = ["train", "--preset", "bs4nn-mnist", "--dataset", "digits", "--hidden", 20]
    assert main(*first, "--epochs", 1, "--quiet", "--out", tmp_path / "a") == 0
    for old, new in (("a", "b"), ("b", "c")):
        model = tmp_path / old / "model.npz"
        assert main("train", "--from", model, "--epochs", 1, "--out", tmp_path / new) == 0
        assert f"from {model}, by S4NN, as in bs4nn-mnist" in capsys.readouterr().out
        report = report_in(tmp_path / new)
        assert (report["base"], report["learning"]) == ("bs4nn-mnist", "S4NN")


def test_a_model_for_firing_rates_is_not_trained_further(tmp_path, capsys):
    network = ttfs.Network(ttfs.Dense(64, 10), psp=ttfs.Windows())
    report = {"dataset": "digits", "rate": {"steps": 4}}
    path = ttfs.save(tmp_path / "m.npz", network, report=report)
    assert main("train", "--from", path, "--out", tmp_path / "r") == 2
    assert "was made for firing rates" in capsys.readouterr().err


def test_a_run_does_not_go_on_with_other_biases(tmp_path, capsys):
    out = ["--out", tmp_path / "r", "--quiet"]
    for seed in (0, 1):
        bias = np.random.default_rng(seed).random(10)
        layer = ttfs.Dense.of(np.ones((64, 10)), bias=bias, threshold=100.0)
        network = ttfs.Network(layer, psp=ttfs.Windows())
        ttfs.save(tmp_path / f"{seed}.npz", network, report={"dataset": "digits"})
    assert main("train", "--from", tmp_path / "0.npz", "--epochs", 1, *out) == 0
    assert main("train", "--from", tmp_path / "1.npz", "--epochs", 2, "--resume", *out) == 2
    assert "other data or settings" in capsys.readouterr().err


def test_data_that_have_moved_are_told_with_the_model_that_names_them(tmp_path, capsys):
    network = ttfs.Network(ttfs.Dense(64, 10), t_max=8)
    path = ttfs.save(tmp_path / "m.npz", network, report={"dataset": "moved.npz"})
    assert main("evaluate", path) == 2
    assert f"{path} names it, --dataset D another one" in capsys.readouterr().err
    assert main("evaluate", path, "--dataset", "moved.npz") == 2
    assert "names it" not in capsys.readouterr().err
    assert main("train", "--from", path, "--dataset", "yin-yang") == 2
    assert "the network takes 64 inputs, but the data have 4" in capsys.readouterr().err


def test_training_further_begins_with_the_network_as_it_was(runs):
    for kind in ("bits", "real", "maps"):
        network = ttfs.load(runs / kind / "model.npz").network
        recipe = with_network(preset("exact-mnist"), network)
        again = recipe.network((8, 8), classes=10, seed=5)
        stimuli = np.random.default_rng(0).random((20, 64))
        ours, theirs = (ttfs.forward(each, stimuli).times for each in (again, network))
        assert all(map(np.array_equal, ours, theirs))


def test_delays_and_biases_are_kept_in_training_further():
    rng = np.random.default_rng(1)
    delays = ttfs.Delays(per="pair", init=(0.0, 0.5))
    bias, shape = rng.random((6, 6, 3)) / 9, (8, 8, 1)
    hidden = ttfs.Conv2d(3, 3, bias=bias, threshold=0.5, shape=shape)
    biased = hidden, ttfs.Dense(None, 5, bias=0.25), ttfs.Dense(5, 4, bias=rng.random(4) / 9)
    late = ttfs.Conv2d(3, 3), ttfs.Dense(None, 5, delay=delays), ttfs.Dense(5, 4, delay=0.25)
    for network in (
        ttfs.Network(*biased, psp=ttfs.Windows(), shape=shape),
        ttfs.Network(*late, psp=ttfs.Ramp(), t_max=4, shape=shape),
    ):
        again = with_network(preset("exact-mnist"), network).network((8, 8), classes=4, seed=5)
        stimuli = rng.random((20, 64))
        ours, theirs = (ttfs.forward(each, stimuli).times for each in (again, network))
        assert all(map(np.array_equal, ours, theirs))
        assert np.isfinite(theirs[-1]).any()


def test_what_recipes_cannot_train_further_is_refused():
    layers = [ttfs.Dense.of(np.ones(size)) for size in ((4, 3), (3, 3), (3, 3), (3, 2))]
    skipping = ttfs.Network(*layers, psp=ttfs.Windows(), skips=[ttfs.Skip(1, 3)])
    with pytest.raises(InputError, match="has skip connections"):
        with_network(preset("exact-mnist"), skipping)
    network = ttfs.Network(*layers, psp=ttfs.Ramp(), t_max=4)
    with pytest.raises(InputError, match="a WindowRecipe trains in PyTorch"):
        with_network(preset("window-mnist"), network)
    with pytest.raises(InputError, match="has 2 outputs, the data 3 classes"):
        with_network(preset("exact-mnist"), network).network(4, classes=3, seed=0)


def test_a_finished_run_goes_on_to_more_epochs(tmp_path, capsys):
    arguments = ["train", "--hidden", 20, "--out", tmp_path / "r"]
    assert main(*arguments, "--epochs", 2) == 0
    capsys.readouterr()
    assert main(*arguments, "--epochs", 3, "--resume") == 0
    out = capsys.readouterr().out
    assert "warning: epochs after 2: training continues to epoch 3 instead of 2" in out
    assert "epoch 3/3" in out
    assert "epoch 2/" not in out
    report = report_in(tmp_path / "r")
    assert report["epochs"] == 3
    assert report["warnings"][-1].startswith("epochs after 2")
    assert main("train", "--hidden", 20, "--epochs", 3, "--out", tmp_path / "straight") == 0
    assert len(groups([tmp_path / "r", tmp_path / "straight"])) == 2
    recipe = report["recipe"]
    assert main(*arguments, "--epochs", 1, "--resume") == 0
    assert report_in(tmp_path / "r")["recipe"] == recipe


def test_an_empty_folder_has_nothing_to_resume(tmp_path, capsys):
    arguments = ["train", "--hidden", 20, "--epochs", 1, "--out", tmp_path / "new", "--resume"]
    assert main(*arguments) == 0
    assert f"{tmp_path / 'new'} holds no run to resume" in capsys.readouterr().out


def test_an_epoch_takes_no_more_than_a_line(tmp_path, capsys):
    layers = "-".join(["8"] * 12)
    assert main("train", "--layers", layers, "--epochs", 2, "--out", tmp_path / "r") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "evaluating 360 test samples and drawing pictures" in lines
    epochs = [line for line in lines if line.startswith("epoch")]
    assert len(epochs) == 2
    assert all(len(line) <= 100 for line in epochs)


def test_info_lists_the_settings_of_a_recipe(runs, capsys):
    assert main("info", runs / "bits" / "model.npz") == 0
    out = capsys.readouterr().out
    assert "\n  recipe:\n    dataset='digits'\n    layers=(Dense(" in out
    assert "\n    epochs=3\n" in out
    assert max(map(len, out.splitlines())) <= 100


@pytest.mark.parametrize("width", [20, 30])
def test_where_no_table_fits_runs_are_listed(width, runs):
    found = groups([runs / kind for kind in ("bits", "real", "maps")])
    listed = table(found, width).split("\n\n")
    assert [part.splitlines()[0] for part in listed] == [f"`{group.name}`" for group in found]
    accuracies = [f"{100 * group.values('accuracy')[0]:.2f}" for group in found]
    for part, accuracy in zip(listed, accuracies, strict=True):
        assert f"\n  strict %: {accuracy}\n" in part
        assert "published" not in part
        assert "|" not in part


@pytest.mark.parametrize("width", [40, 60, 80, 100, 150])
def test_a_table_fits_the_width_of_a_terminal(width, runs):
    found = groups([runs / kind for kind in ("bits", "real", "maps")])
    lines = table(found, width).splitlines()
    assert max(map(len, lines)) <= max(width, 64)
    parts = table(found, width).split("\n\n")
    assert all(len({len(line) for line in part.splitlines()}) == 1 for part in parts)
    cells = {cell.strip() for line in lines for cell in line.split("|")}
    everything = {cell.strip() for line in table(found).splitlines() for cell in line.split("|")}
    cut = {cell for cell in cells if cell.endswith("…")}
    texts = {cell for cell in cells - cut if cell.strip("-:")}
    assert texts <= everything
