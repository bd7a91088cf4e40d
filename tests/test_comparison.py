"""Runs side by side: which belong together, what the table says, what the picture shows."""

import json
import os
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

import ttfs
from ttfs import plotting
from ttfs.bench import bench
from ttfs.bench import comparison as bench_comparison
from ttfs.cli import charts
from ttfs.cli.comparison import check_costs, finished, groups, table


def write(folder, seed, accuracy, recipe="a", **others):
    folder.mkdir()
    report = {
        "accuracy": accuracy, "accuracy_lenient": accuracy + 0.01, "samples": 200, "undecided": 4,
        "decision_time_mean": 64.0, "input_window": 256.0, "seconds": 12.4, "epochs": 30,
        "spikes_per_sample": {"total": 300.0, "until_decision": 100.0 + seed}, "seed": seed,
        "synaptic_operations_per_sample": {"total": 9000.0, "until_decision": 5000.0},
        "cost": {
            "footprint_bits": 20000, "parameters": 50, "weight_bits": 48, "other_bits": 192,
        },
        "recipe": recipe, "dataset": "mnist", "network": "Network(9-4-3, Step(), t_max=256)",
        "weights": "one-bit", "response": "Step()", "learning": "S4NN",
        "augmentation": ["Dropout(share=0.2)"],
        "published": "97.0", "preset": None,
    }  # fmt: skip
    (folder / "report.json").write_text(json.dumps(report | others))
    return folder


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_seeds_of_one_recipe_are_one_line(tmp_path):
    runs = [write(tmp_path / f"r{seed}", seed, 0.9 + seed / 100) for seed in (0, 2, 1)]
    found = groups(runs)
    assert [group.name for group in found] == ["r0"]
    head, rule, row = (cells(line) for line in table(found).splitlines())
    assert all(re.fullmatch(":-+|-+:", cell) for cell in rule)
    assert dict(zip(head, row, strict=True)) == {
        "run": "`r0`", "network": "9-4-3", "response": "Step()", "learning rule": "S4NN",
        "weights": "one-bit",
        "augmentation": "Dropout(share=0.2)", "epochs": "30", "seconds": "12",
        "seeds": "0, 2, 1", "strict %": "91.00 (90.00 to 92.00)",
        "lenient %": "92.00 (91.00 to 93.00)", "undecided %": "2.00",
        "spikes to decision": "101 (100 to 102)", "decided at": "0.25", "published %": "97.0",
        "operations to decision": "5000", "parameters": "50", "bits": "240", "kB": "2.5",
    }  # fmt: skip


def test_other_recipes_and_data_are_other_lines(tmp_path):
    first = write(tmp_path / "first", 0, 0.9, preset="one")
    other = write(tmp_path / "other", 0, 0.8, recipe="b")
    moved = write(tmp_path / "moved", 0, 0.7, dataset="digits")
    assert [group.name for group in groups([first, other, moved])] == ["one", "other", "moved"]


def test_so_are_other_teachers_unless_a_preset_names_them(tmp_path):
    for preset, lines in ((None, 2), ("one", 1)):
        runs = [
            write(tmp_path / f"{preset}{k}", k, 0.9, preset=preset, teachers=[teacher])
            for k, teacher in enumerate(["a.npz", "b.npz", "a.npz"])
        ]
        assert len(groups(runs)) == lines


def test_what_is_not_known_is_left_empty(tmp_path):
    run = write(
        *(tmp_path / "run", 0, 0.9), cost=None, decision_time_mean=None, input_window=None,
        augmentation=[],
    )  # fmt: skip
    head, _, row = (cells(line) for line in table(groups([run])).splitlines())
    said = dict(zip(head, row, strict=True))
    assert said["decided at"] == said["kB"] == said["parameters"] == said["bits"] == ""
    assert said["augmentation"] == "none"


def test_a_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(
        ttfs.errors.RunError, match="nowhere is not the folder of a finished run: rep"
    ):
        groups([tmp_path / "nowhere"])
    run = write(tmp_path / "run", 0, 0.9)
    assert finished([run, tmp_path, tmp_path / "nowhere"]) == (
        [run, tmp_path / "nowhere"],
        [tmp_path],
    )
    assert finished([tmp_path]) == ([tmp_path], []), "so that reading it says what is wrong"
    (run / "report.json").write_text("{")
    with pytest.raises(ttfs.errors.RunError, match=r"run/report\.json is not JSON"):
        groups([run])
    (run / "report.json").write_text("[1]")
    with pytest.raises(ttfs.errors.RunError, match="is not the report of a training run"):
        groups([run])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("accuracy", value) for value in ("high", [1], {}, True, 10**400)],
        *[("recipe", value) for value in (1, [], {}, True)],
        *[("preset", value) for value in (1, ["a"], "\x1b[31m", "\u202egnp")],
        *[("augmentation", value) for value in (1, "ab", [1], ["a\nb"], {"a": 1})],
        *[("spikes_per_sample", value) for value in (1, [1], {"until_decision": "1"}, "a")],
        *[("cost", value) for value in ("much", {"footprint_bits": [1]})],
        *[("seed", value) for value in ("one", [1], "a\nb")],
        *[("network", value) for value in (1, ["a"], "a\tb")],
        *[
            ("relus", value)
            for value in ("a", {"accuracy": "a"}, {"steps": [8]}, {"steps": {"8": []}})
        ],
        *[("rate", value) for value in (8, {"steps": "8"})],
    ],
)
def test_a_report_that_says_what_cannot_be_is_refused(name, value, tmp_path):
    run = write(tmp_path / "run", 0, 0.9)
    report = json.loads((run / "report.json").read_text())
    (run / "report.json").write_text(json.dumps(report | {name: value}))
    with pytest.raises(
        ttfs.errors.RunError, match=r"report\.json is not (a valid report|JSON)"
    ) as caught:
        groups([run])
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("content", [b"[" * 10**5, b"NaN", b'{"a":' * 10**5, b"9" * 10**5, b"\xff"])
def test_a_report_that_is_a_trap_is_refused(content, tmp_path):
    run = write(tmp_path / "run", 0, 0.9)
    (run / "report.json").write_bytes(content)
    with pytest.raises(ttfs.errors.RunError, match=r"report\.json is not JSON"):
        groups([run])


@pytest.mark.skipif(os.name != "posix", reason="no pipes among files here")
def test_a_pipe_in_the_place_of_a_report_is_not_waited_for(tmp_path, in_time):
    os.mkfifo(tmp_path / "report.json")
    with pytest.raises(ttfs.errors.RunError, match="is a pipe, a socket or a device, not a file"):
        groups([tmp_path])
    with pytest.raises(ttfs.errors.RunError, match="is a pipe, a socket or a device, not a file"):
        bench_comparison.read(tmp_path / "report.json")


def test_a_huge_report_is_not_read(tmp_path):
    path = write(tmp_path / "run", 0, 0.9) / "report.json"
    os.truncate(path, 2**40)
    for read in lambda: groups([path.parent]), lambda: bench_comparison.read(path):
        with pytest.raises(ttfs.errors.RunError, match="is larger than"):
            read()


def test_bars_and_windows_of_nothing_stay_in_their_cells(tmp_path):
    run = write(tmp_path / "a|b", 0, 0.9, input_window=0, samples=0, weights="one|bit")
    row = table(groups([run])).splitlines()[2]
    assert r"`a\|b`" in row
    assert r"one\|bit" in row
    assert row.replace(r"\|", "").count("|") == 20


CASE = {"name": "a", "inputs": "mnist", "threads": 1, "microseconds": 10.0}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("name", value) for value in (1, ["a"], None, "a\nb", "\x1b[31m", "x" * 1000)],
        *[("inputs", value) for value in ({}, 5, "\ud800")],
        *[("threads", value) for value in (0, -1, "1", 1.5, [1], True)],
        *[("microseconds", value) for value in (0, -1, "1", None, [1])],
        *[("limit_microseconds", value) for value in (-1, "1", [1])],
    ],
)
def test_a_report_of_bench_that_says_what_cannot_be_is_refused(name, value, tmp_path):
    path = tmp_path / "b.json"
    path.write_text(json.dumps({"cases": [CASE, CASE | {name: value}]}))
    with pytest.raises(ttfs.errors.RunError, match="is not a report that ttfs bench wrote: the"):
        bench_comparison.read(path)


@pytest.mark.parametrize("waits", [None, [1], 5, {"train": 0}, {"train": "1"}, {"\n": 1}])
def test_a_report_of_bench_with_impossible_waits_is_refused(waits, tmp_path):
    path = tmp_path / "b.json"
    path.write_text(json.dumps({"cases": [CASE], "cold": waits}))
    with pytest.raises(ttfs.errors.RunError, match="is not a report that ttfs bench wrote: .*cold"):
        bench_comparison.read(path)


def test_first_commands_are_compared_in_seconds():
    old, new = {"cases": [], "cold": {"train": 10.0, "step": 4}}, {"cases": [], "cold": {}}
    new["cold"] = {"train": 12.5, "forward": 3}
    assert list(bench_comparison.compared(old, new)) == [
        "cold train                         12.5 s, 1.25 x",
        "missing in the earlier report: cold forward",
        "missing in the new report: cold step",
    ]
    assert list(bench_comparison.compared({"cases": []}, new)) == [
        "missing in the earlier report: cold forward, cold train"
    ]


@pytest.mark.parametrize("report", [[], {}, {"cases": {}}, {"cases": [1]}, {"cases": [{}]}, None])
def test_what_is_no_report_of_bench_is_refused(report, tmp_path):
    path = tmp_path / "b.json"
    path.write_text(json.dumps(report))
    with pytest.raises(ttfs.errors.RunError, match="is not a report that ttfs bench wrote"):
        bench_comparison.read(path)
    with pytest.raises(ttfs.errors.RunError, match="No such file"):
        bench_comparison.read(tmp_path / "absent")


def test_the_name_of_another_machine_does_not_break_a_screen():
    old = {"machine": "\x1b[31m\n", "cases": [CASE]}
    lines = list(bench_comparison.compared(old, {"machine": "mine", "cases": [CASE]}))
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)


def test_the_picture_has_a_point_for_each_recipe(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(charts, "keep", lambda figure, path: drawn.append(figure) or path)
    runs = [write(tmp_path / f"a{seed}", seed, 0.9 + seed / 100) for seed in (0, 1)]
    runs.append(write(tmp_path / "b", 0, 0.8, recipe="b"))
    charts.comparison(tmp_path / "x.png", groups(runs))
    (figure,) = drawn
    spikes, times = figure.axes
    points = [tuple(box.lines[0].get_xydata()[0].round(3).tolist()) for box in spikes.containers]
    assert points == [(100.5, 90.5), (100.0, 80.0)]
    points = [tuple(box.lines[0].get_xydata()[0].round(3).tolist()) for box in times.containers]
    assert points == [(0.25, 90.5), (0.25, 80.0)]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a0", "b"]
    plt.close(figure)


def test_each_data_set_has_a_panel(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(charts, "keep", lambda figure, path: drawn.append(figure) or path)
    runs = [write(tmp_path / name, 0, 0.9, recipe=name) for name in ("a", "b")]
    runs.append(write(tmp_path / "c", 0, 0.8, recipe="c", dataset="di_$its"))
    charts.comparison(tmp_path / "x.png", groups(runs))
    first, second = drawn[0].subfigs
    for part, name, count in ((first, "mnist", 2), (second, "di_$its", 1)):
        left, right = part.axes
        assert left.get_ylabel() == f"{name}\nstrict accuracy (%)"
        assert right.get_ylabel() == ""
        assert len(left.containers) == len(right.containers) == count
        assert len(part.legends[0].get_texts()) == count
    drawn[0].canvas.draw()
    plt.close(drawn[0])


def test_the_picture_shows_what_is_asked_for(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(charts, "keep", lambda figure, path: drawn.append(figure) or path)
    found = groups([write(tmp_path / "a", 0, 0.9), write(tmp_path / "b", 0, 0.8, recipe="b")])
    charts.comparison(tmp_path / "x.png", found, ["operations", "footprint", "spikes"])
    charts.comparison(tmp_path / "x.png", found, ["footprint"])
    shown = [ax for ax in drawn[0].axes if ax.get_visible()]
    assert [ax.get_xlabel().replace("\n", " ") for ax in shown] == [
        "synaptic operations to the decision", "footprint (kB)", "spikes to the decision",
    ]  # fmt: skip
    (alone,) = drawn[1].axes
    points = [tuple(box.lines[0].get_xydata()[0].round(3).tolist()) for box in alone.containers]
    assert points == [(2.5, 90.0), (2.5, 80.0)]
    found = groups([write(tmp_path / "old", 0, 0.9, cost=None)])
    with pytest.raises(ttfs.errors.RunError, match=r"of old lacks footprint \(kB\)"):
        charts.comparison(tmp_path / "x.png", found, ["footprint"])
    with pytest.raises(ttfs.InputError, match="some of spikes, time, .*, got 'joules'"):
        check_costs(["spikes", "joules"])
    plt.close("all")


def test_ranges_reach_to_the_least_and_the_largest_seed():
    (drawn,) = plotting.accuracy_over({"a": [1, 2, 6]}, {"a": [0.5, 0.7, 0.9]})
    across, up = (bars.get_segments()[0] for bars in drawn.lines[2])
    assert np.allclose(across[:, 0], [1, 6])
    assert np.allclose(up[:, 1], [50, 90])
    plt.close("all")


def test_costs_and_accuracies_must_belong_together():
    with pytest.raises(ttfs.ShapeError, match=r"a has costs of shape \(1,\)"):
        plotting.accuracy_over({"a": [1]}, {"a": [0.5, 0.7]})
    plt.close("all")


def test_the_cases_of_a_bench_are_named_whole():
    names = [f"{name}, synthetic" for name in (*bench.CASES, *bench.SIMULATIONS)]
    nothing = [np.nan] * len(names)
    (marks, *_) = plotting.throughput(names, {charts.OTHER: nothing}, {"adding": nothing})
    assert [label.get_text() for label in marks.axes.get_yticklabels()] == names
    assert marks.get_label() == charts.OTHER
    plt.close(marks.axes.figure)
