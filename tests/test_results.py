"""The tables of results: what they say of runs, and that those of the README are of the presets."""

import json
import re
from pathlib import Path

import pytest

from ttfs.cli import cli
from ttfs.cli.comparison import groups
from ttfs.cli.results import CHANGES, described, kind_of, remarks, results
from ttfs.presets import PRESETS, preset

README = Path(__file__).parent.parent / "README.md"
INPUTS = {"digits": ("64", 10), "yin-yang": ("4", 3)}  # MNIST and Fashion-MNIST: 784
MAPS = "28x28x1"


def tables(text):
    """The rows of each table of presets, by the heads of their columns."""
    found = []
    for lines in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        cut = (line.strip("|").split("|") for line in lines.splitlines())
        heads, _, *rows = [[cell.strip() for cell in cells] for cells in cut]
        if heads[0] == "preset":
            found.append([dict(zip(heads, cells, strict=True)) for cells in rows])
    return found


def layers_of(recipe):
    """The layers as `repr` of the preset's network shows them."""
    inputs, classes = INPUTS.get(recipe.dataset, ("784", 10))
    seen = MAPS if "C" in recipe.notation else recipe.encoder.inputs(int(inputs))
    return f"{seen}-{recipe.notation}-{classes}"


def write(folder, name, seed, **more):
    """The report on a run of a preset."""
    folder.mkdir()
    recipe = preset(name)
    report = {
        "accuracy": 0.9 + seed / 100, "accuracy_lenient": 0.9 + seed / 100, "seed": seed,
        "samples": 200, "undecided": 0, "decision_time_mean": 0.6, "input_window": 1.0,
        "spikes_per_sample": {"until_decision": 1200.0 + seed}, "epochs": recipe.epochs,
        "seconds": 200.0, "recipe": repr(recipe), "dataset": recipe.dataset, "preset": name,
        "network": f"Network({layers_of(recipe)}, {recipe.psp}, t_max=4)",
    }  # fmt: skip
    (folder / "report.json").write_text(json.dumps(report | more))
    return folder


ROWS = [row for rows in tables(README.read_text("utf-8")) for row in rows]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["preset"])
def test_a_row_of_the_readme_says_what_the_preset_is(row):
    recipe = preset(row["preset"].strip("`"))
    told = described(recipe, layers_of(recipe)) | {"published": recipe.published or "-"}
    told["epochs"] = str(recipe.epochs)
    if recipe.rates() is not None:
        told["steps"] = str(recipe.rates().steps)
    assert {head: row[head] for head in told} == told


def test_each_preset_has_a_row_in_the_readme_or_is_said_to_have_none():
    without = re.search(r"^Presets without a row: (.*?)\.$", README.read_text("utf-8"), re.M | re.S)
    absent = re.findall(r"`(.*?)`", without[1])
    shown = [row["preset"].strip("`") for row in ROWS]
    assert sorted(shown + absent) == sorted(PRESETS)


def test_rows_in_the_readme_have_the_columns_of_their_kind(tmp_path):
    for rows in tables(README.read_text("utf-8")):
        names = [row["preset"].strip("`") for row in rows]
        assert len({kind_of(preset(name)) for name in names}) == 1
        run = write(tmp_path / names[0], names[0], 0)
        ((made,),) = tables(results(groups([run])) + "\n")
        assert list(made) == list(rows[0])


def test_seeds_are_one_row_with_means_and_extremes(tmp_path):
    runs = [write(tmp_path / f"a{seed}", "exact-mnist", seed) for seed in (2, 0, 1)]
    runs.append(write(tmp_path / "b", "digits", 3, undecided=1, accuracy_lenient=0.95, seconds=9))
    text = results(groups(runs))
    (first, second), *others = tables(text)
    assert others == []
    assert first["preset"] == "`digits`", "in the order of the presets"
    assert (first["undecided"], first["lenient"], first["seeds"]) == ("0.5", "95.00", "3")
    assert (first["time"], first["published"]) == ("9 s", "-")
    assert second == {
        "preset": "`exact-mnist`", "network": "784-400-10 ramps", "weights": "real",
        "augmentation": "spikes dropped, jitter", "epochs": "60", "time": "3.3 min",
        "seeds": "0-2", "strict": "91.00 (90.00 to 92.00)", "lenient": "the same",
        "undecided": "0", "spikes until the decision": "1,201", "decided at": "0.60",
        "published": "97.4 S4NN (lenient)",
    }  # fmt: skip
    assert text.startswith("Dense networks\n\n| preset | ")
    assert "\n\nPresets without a row: `exact-mnist-augmented`, `binary-mnist`, " in text


def test_each_kind_of_network_has_its_table(tmp_path):
    relus = {"accuracy": 0.95, "agreement": 0.999, "steps": {"8": 0.94}}
    more = {"relus": relus, "spikes_per_hidden_neuron": 0.071, "rate": {"steps": 8}}
    names = ["digits", "conv-mnist", "window-mnist", "proxy-fashion"]
    found = results(groups([write(tmp_path / name, name, 0, **more) for name in names]))
    kinds = re.findall(r"^(\w.*)\n\n\|", found, re.MULTILINE)
    assert kinds == [kind_of(preset(name)) for name in names]
    _, (maps,), (windows,), (rates,) = tables(found)
    assert maps["network"] == "24C5-P2-48C5-P2-256-10 ramps"
    assert windows["network"] == "48C5-P2-96C5-P2-512-10"
    assert (windows["spikes for each hidden neuron"], windows["ReLUs"]) == ("0.07", "95.00")
    assert (windows["alike"], windows["eight steps"]) == ("99.90", "94.00")
    assert (rates["steps"], rates["spikes for each hidden neuron"]) == ("8", "0.07")


def test_only_presets_have_rows_and_what_is_not_known_is_empty(tmp_path, capsys):
    other = write(tmp_path / "other", "digits", 0, preset=None, recipe="mine")
    bare = write(tmp_path / "bare", "window-mnist", 0, seconds=None, network=None)
    assert cli.main(["compare", str(other), str(bare), "--results"]) == 0
    out, err = capsys.readouterr()
    ((row,),) = tables(out)
    assert err == "ttfs: without a row, as their settings are those of no preset: other\n"
    assert row["preset"] == "`window-mnist`"
    assert row["time"] == row["eight steps"] == row["network"] == ""


def test_a_run_of_what_a_preset_was_before_is_named(tmp_path):
    former, now = (write(tmp_path / name, name, 0) for name in ("digits", "yin-yang"))
    assert remarks(groups([former, now])) == []
    former = write(tmp_path / "former", "digits", 0, recipe="Recipe(epochs=3)")
    told = ["trained with settings that do not read as those of the preset now: digits"]
    assert remarks(groups([former, now])) == told


@pytest.mark.parametrize("name", ["accuracy", "undecided", "seconds", "decision_time_mean"])
@pytest.mark.parametrize("named", ["digits", "window-mnist"])
def test_numbers_that_no_run_has_are_shown_without_complaint(name, named, tmp_path):
    runs = [write(tmp_path / f"{k}", named, k, **{name: 1.7e308, "samples": 1}) for k in (0, 1)]
    assert named in results(groups(runs))


def test_every_augmentation_of_a_preset_has_a_name():
    used = {type(change).__name__ for recipe in PRESETS.values() for change in recipe.augmentation}
    assert used == set(CHANGES)
