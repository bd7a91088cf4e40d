"""The same networks in other simulators: first spikes, what is measured, and how it is told."""

import json
import sys
from functools import partial
from importlib.util import find_spec

import numpy as np
import pytest

import ttfs
from ttfs.bench import bench
from ttfs.bench.peers import exports, runs, table, worker
from ttfs.bench.peers.__main__ import main
from ttfs.bench.peers.presentation import Presentation


@pytest.mark.parametrize("name", [name for name, _ in exports.random_networks()])
@pytest.mark.parametrize("simulator", exports.PEERS)
@pytest.mark.filterwarnings("ignore:.*torch.jit.*is deprecated:FutureWarning")
@pytest.mark.filterwarnings("ignore:nirtorch.load is being deprecated:DeprecationWarning")
def test_first_spikes_elsewhere_are_those_here(simulator, name):
    if not find_spec(exports.MODULES.get(simulator, simulator)):
        pytest.skip(f"{simulator} is not installed")
    network, stimuli = exports.case(name)
    assert exports.compare(simulator, name, network, stimuli)


def test_a_simulator_that_is_not_here_is_told_before_anything_is_trained(monkeypatch, capsys):
    monkeypatch.setattr(exports, "trained_network", None)
    monkeypatch.setattr(exports, "find_spec", lambda name: name == "norse")
    assert exports.main(["norse", "nest"]) == 2
    assert capsys.readouterr().out == "there is no simulator here 'nest', only norse\n"
    monkeypatch.setattr(exports, "find_spec", lambda name: None)
    assert exports.main([]) == 2
    assert capsys.readouterr().out.startswith(
        "none of nest, pynn, spikingjelly, snntorch, norse is"
    )


def given(ramp=False):
    """Two small layers and stimuli of a few time steps, among them one that is silent."""
    rng = np.random.default_rng(0)
    weights = tuple(rng.integers(-4, 12, shape) / 4 for shape in ((9, 7), (7, 4)))
    times = rng.integers(0, 9, (12, 9)).astype(float)
    times[rng.random(times.shape) < 0.3] = np.inf
    times[5] = np.inf
    return Presentation(weights, (12.0, 6.0) if ramp else (4.0, 2.0), ramp, 8, times)


def spikes_by_steps(told):
    """First spike times of all layers: the first step that finds the threshold reached."""
    below, found = told.stimuli, []
    for weights, threshold in zip(told.weights, told.thresholds, strict=True):
        times = np.full((len(below), weights.shape[1]), np.inf)
        for step in reversed(range(told.horizon)):
            since = np.where(below <= step, step - below, -1)
            added = np.maximum(since, 0) if told.ramp else since >= 0
            times[added.astype(float) @ weights >= threshold] = step
        found.append(times)
        below = times
    return found


def check(name, told, measure=worker.measure):
    """What a simulator does is measured, and its spikes are those of plain steps of time."""
    wanted = spikes_by_steps(told)
    assert 0 < np.isfinite(wanted[-1]).sum() < wanted[-1].size
    result, found = measure(name, told, 1, 2)
    assert 0 < result["microseconds_min"] <= result["microseconds"] <= result["microseconds_max"]
    assert result["construction_seconds"] > 0
    if told.ramp and name.startswith("ttfs"):  # which fires between the steps
        found = [np.where(np.ceil(found[0]) < told.horizon, np.ceil(found[0]), np.inf)]
    for ours, theirs in zip(wanted, found, strict=False):
        np.testing.assert_array_equal(theirs, ours)


@pytest.mark.parametrize("ramp", [False, True])
@pytest.mark.parametrize("name", [name for name in worker.SIMULATORS if name != "brian2"])
def test_a_simulator_fires_as_plain_steps_of_time_say(name, ramp):
    if not name.startswith("ttfs"):
        pytest.importorskip(name)
    if ramp and name == "nest":
        with pytest.raises(ttfs.InputError, match="NEST is shown steps only"):
            worker.measure(name, given(ramp), 1, 1)
    else:
        check(name, given(ramp))


@pytest.mark.long  # a program is compiled
@pytest.mark.parametrize("ramp", [False, True])
def test_so_does_brian2(ramp):
    pytest.importorskip("brian2")
    check("brian2", given(ramp), partial(runs.in_process, python=sys.executable))


def test_what_is_given_is_kept_whole_in_a_file(tmp_path):
    told = given(ramp=True)
    told.save(tmp_path / "given.npz")
    again = Presentation.load(tmp_path / "given.npz")
    assert again[1:4] == told[1:4]
    for one, other in zip(
        (*again.weights, again.stimuli), (*told.weights, told.stimuli), strict=True
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("case", runs.CASES)
def test_the_network_of_a_case_fires_before_the_horizon(case, monkeypatch):
    monkeypatch.setattr(bench, "SAMPLES", 20)
    told = runs.presentation(runs.CASES[case], 20)
    record = ttfs.forward(runs.network_of(told), told.stimuli)
    assert told.stimuli[np.isfinite(told.stimuli)].max() < runs.CASES[case].steps
    assert [array.shape for array in record.times[1:]] == [(20, 400), (20, 10)]
    assert 0.1 < np.isfinite(record.times[1]).mean() < 0.9
    assert np.isfinite(record.times[2]).any(axis=1).all()


def test_simulators_are_measured_reported_and_written_into_a_page(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(bench, "SAMPLES", 10)
    monkeypatch.setattr(bench, "all_threads", lambda: 1)
    report, page = tmp_path / "peers.json", tmp_path / "page.md"
    page.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    line = f"nest --cases steps-16 --stimuli 99 --rounds 1 --report {report} --page {page}"
    assert main([*line.split(), "--python", f"nest={tmp_path / 'python'}"]) == 0
    told = json.loads(report.read_text())
    assert told["stimuli"] == 10, "no more than there are"
    (ours,) = told["cases"]["steps-16"]["measured"]
    assert ours["equal"] == ours["spikes"] > 500
    if worker.STATUS.exists():
        assert 10 < ours["peak_megabytes"] < 2000
    out, err = capsys.readouterr()
    assert "Steps, the input in 16 time steps" in out
    assert f"Not measured: nest ({tmp_path / 'python'}: No such file or directory)." in out
    assert f"all {ours['spikes']:,} spikes equal" in err
    assert page.read_text() == f"before\n{table.BEGIN}\n\n{out}\n{table.END}\nafter\n"


def test_a_worker_that_fails_is_told_in_one_sentence(tmp_path):
    told = given()._replace(weights=(np.ones((9, 7)), np.ones((6, 4))))
    with pytest.raises(
        ttfs.errors.RunError, match="^Dense 2 expects 6 inputs, but Dense 1 has 7 outputs$"
    ) as refused:
        runs.in_process("ttfs", told, 1, 1, sys.executable)
    assert "\n" not in str(refused.value)


@pytest.mark.skipif(sys.platform == "win32", reason="another command")
def test_a_python_that_ends_without_a_result_is_told_of():
    with pytest.raises(ttfs.errors.RunError, match="true ended without a result"):
        runs.in_process("nest", given(), 1, 1, "true")


def result(name="ttfs", threads=1, **others):
    told = {
        "name": name, "simulator": f"{name} 1.0", "way": "in batches", "threads": threads,
        "microseconds": 4.0, "construction_seconds": 0.012, "peak_megabytes": 120.2,
        "spikes": 8200, "equal": 8200, "off_median": 0.0, "off_most": 0.0,
        "only_one_fired": 0, "other_decisions": 0,
    }  # fmt: skip
    return told | others


def test_a_table_has_a_row_for_each_simulator_and_no_ratio_of_unequal_spikes():
    found = [
        result(),
        result(threads=2, microseconds=2.5),
        result("nest", microseconds=2468.2, peak_megabytes=None),
        result("norse", microseconds=123.4, equal=8118, off_median=0.5, off_most=2.5),
    ]
    head, _, ours, nest, norse = table.table(found, 20).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in (ours, nest, norse)]
    assert [cell.strip() for cell in head.strip("|").split("|")][2:5] == [
        "one thread (µs)", "two threads (µs)", "times `forward`",
    ]  # fmt: skip
    assert cells[0][2:7] == ["4", "2.5", "", "0.012", "120"]
    assert cells[1][2:] == ["2,470", "", "617", "0.012", "", "equal"]
    assert cells[2][4] == ""
    assert cells[2][7] == (
        "99% equal; off by 0.5 steps, at most 2.5; 0 of 8,200 only in one of both;"
        " 0 of 20 decisions differ"
    )


def test_figures_from_a_busy_machine_say_so():
    machine = {"processor": "cpu", "system": "Linux", "cores": 2, "threads": 1}
    report = {"versions": {"ttfs": "1"}, "inputs": "mnist", "stimuli": 9, "cases": {}}
    for load, said in ((8.3, True), (0.9, False), (None, False)):
        text = table.markdown(report | {"machine": machine | {"load": load}})
        assert ("(load 8.3)" in text) == ("not to be trusted" in text) == said


def test_spikes_and_decisions_that_differ_are_counted():
    ours = [np.array([[1.0, 2.0], [np.inf, 3.0]]), np.array([[4.0, 5.0], [np.inf, np.inf]])]
    theirs = [np.array([[1.0, 4.0], [2.0, 3.0]]), np.array([[6.0, 5.0], [np.inf, np.inf]])]
    assert runs.agreement(ours, theirs) == {
        "spikes": 6, "equal": 3, "only_one_fired": 1,
        "off_median": 0.0, "off_most": 2.0, "other_decisions": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("genesis", "there is no simulator 'genesis', only ttfs, "),
        ("--cases leaky", "there is no case 'leaky', only steps-256, "),
        ("--python genesis=python", "there is no simulator 'genesis'"),
        ("--python python3", "--python must be SIMULATOR=PATH"),
        ("--stimuli 0", "--stimuli must be a whole number, 1 or more"),
    ],
)
def test_a_mistake_is_answered_with_one_sentence(line, message, capsys):
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    assert ended.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_a_page_without_marks_is_refused_and_left_as_it_was(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("no marks\n")
    with pytest.raises(ttfs.InputError, match=r"page\.md has no lines <!-- measured: begin -->"):
        table.into_page(page, "text")
    assert page.read_text() == "no marks\n"


def test_what_cannot_be_written_is_told_before_anything_is_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("ttfs.bench.peers.__main__.compare", None)
    (tmp_path / "page.md").write_text("no marks\n")
    absent = str(tmp_path / "absent")
    for line, message in (
        (["--report", f"{absent}/report.json"], "No such folder"),
        (["--page", absent], "No such file"),
        (["--page", str(tmp_path / "page.md")], "has no lines"),
    ):
        with pytest.raises(SystemExit):
            main(line)
        assert message in capsys.readouterr().err.splitlines()[-1]


def test_a_graph_of_spikingjelly_fires_here_as_there():
    torch = pytest.importorskip("torch")
    exchange = pytest.importorskip("spikingjelly.activation_based.nir_exchange")
    from spikingjelly.activation_based import functional, layer, neuron

    torch.manual_seed(0)
    maps, flat = layer.Conv2d(2, 3, 3, bias=False), torch.nn.Flatten()
    model = torch.nn.Sequential(maps, neuron.IFNode(v_threshold=0.2), layer.Flatten())
    network = ttfs.from_nir(exchange.export_to_nir(model[:2], torch.zeros(1, 2, 6, 6)), dt=1e-4)
    times = np.random.default_rng(0).integers(0, 9, (1, 2, 6, 6))
    found = np.full(48, np.inf)
    functional.reset_net(model)
    with torch.no_grad():
        for step in range(9):
            spikes = flat(model[:2](torch.from_numpy(1.0 * (times == step)).float()))[0].numpy()
            found[(spikes > 0) & np.isinf(found)] = step
    ours = ttfs.forward(network, np.moveaxis(times, 1, -1).astype(float)).times[1]
    np.testing.assert_array_equal(ours.reshape(4, 4, 3).transpose(2, 0, 1).ravel(), found)
    assert np.isfinite(found).any()
