"""Commands about circuits, and about stimuli that are given as times."""

import io

import numpy as np
import pytest
import scipy.sparse as sp

import ttfs
from ttfs import Circuit, Population, Projection
from ttfs.cli import cli


@pytest.fixture
def circuit(tmp_path):
    """The file of a small loop."""
    loop = Projection("ring", "ring", sp.csr_array(np.roll(np.eye(3), 1, axis=1)), delay=0.5)
    start = Projection("input", "ring", [[1.0, 0.0, 0.25]], delay=1.0)
    populations = [Population("input", 1), Population("ring", 3, 1.0)]
    made = Circuit(populations, [start, loop], t_max=8, unit="ms")
    return ttfs.save_circuit(tmp_path / "circuit.npz", made)


def told(capsys, *arguments):
    """The exit code of a command, what it printed and what it complained about."""
    code = cli.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_info_says_what_a_circuit_is_made_of(circuit, capsys):
    assert told(capsys, "info", circuit) == (
        0,
        "Circuit(input 1, ring 3; input -> ring, ring -> ring)\n"
        "  input: 1 neuron, firing only if told\n"
        "  ring: 3 neurons, threshold 1\n"
        "  input -> ring: 3 synapses, all to all, delay 1\n"
        "  ring -> ring: 3 synapses, delay 0.5\n"
        "  horizon: 8 ms\n"
        "  precision: float32\n",
        "",
    )


def test_step_runs_a_circuit_on_the_times_given(circuit, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("c\ns\n"))
    code, out, err = told(capsys, "step", circuit, "--times", "2")
    assert (code, err) == (0, "")
    assert out.startswith("circuit.npz with 2; h for help\n")
    assert out.endswith("2  input 0\n         3  ring 0\n       3.5  ring 1\n"
                        "         4  ring 2\n4 spikes so far\n")  # fmt: skip


def test_times_of_a_file_are_those_of_its_populations(circuit, capsys, monkeypatch, tmp_path):
    times = tmp_path / "times.npz"
    np.savez(times, times=[[9.0], [1.0]], ring=[np.inf, 0.25, np.inf])
    monkeypatch.setattr("sys.stdin", io.StringIO("s\nc\ns\n"))
    code, out, err = told(capsys, "step", circuit, "--times", times, "--index", 1)
    assert (code, err) == (0, "")
    assert "0.25  ring 1\n" in out
    assert "1  input 0\n" in out


def test_plot_and_view_show_a_circuit(circuit, capsys, tmp_path):
    pytest.importorskip("matplotlib")
    code, out, _ = told(capsys, "plot", circuit, "--times", "2", "--out", tmp_path / "pictures")
    assert (code, out) == (0, f"{tmp_path / 'pictures' / 'raster.png'}\n")
    assert (tmp_path / "pictures" / "raster.png").stat().st_size > 1000
    code, out, _ = told(capsys, "view", circuit, "--times", "2")
    assert (code, out) == (0, f"{tmp_path / 'view.html'}\n")


def test_a_model_takes_times_too(capsys, monkeypatch, tmp_path):
    network = ttfs.Network(ttfs.Dense.of([[0.6], [0.6]], threshold=1, delay=1), t_max=10)
    model = ttfs.save(tmp_path / "model.npz", network)
    monkeypatch.setattr("sys.stdin", io.StringIO("c\ns\n"))
    code, out, err = told(capsys, "step", model, "--times", "1,3")
    assert (code, err) == (0, "")
    assert out.endswith("4  output 0\n3 spikes so far\n")


def test_a_circuit_is_exported_as_a_script(circuit, capsys, tmp_path):
    script = tmp_path / "loop.py"
    code, out, err = told(capsys, "export", circuit, script, "--step", 0.5)
    assert (code, err) == (0, "")
    assert out.endswith(f"written to {script} and {tmp_path / 'loop_numbers.npz'}\n")
    assert "'ring': (3, " in script.read_text()


MISTAKES = {
    "no times": (["step"], "holds a circuit, which has no data: say --times T"),
    "data, too": (["view", "--times", "1", "--dataset", "digits"], "leave out --dataset"),
    "too many": (["step", "--times", "1,2"], "times of layer 'input' must be (1,), got (2,)"),
    "words": (["step", "--times", "soon"], "--times 'soon' is no FILE.npz, nor 0.5,1,inf"),
    "no file": (["plot", "--times", "no.npz"], "no.npz: cannot be read as .npz"),
    "cost": (["info", "--cost"], "--cost is about networks"),
    "graph": (["export", "c.nir"], "this file holds a circuit"),
    "index": (["export", "c.py", "--index", "1"], "--index is about models with data"),
    "evaluate": (["evaluate"], "holds a circuit, which has no data: info, step, view, plot and"),
}


@pytest.mark.parametrize(("words", "answer"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_about_a_circuit_is_answered_with_one_sentence(circuit, capsys, words, answer):
    code, out, err = told(capsys, words[0], circuit, *words[1:])
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert answer in err


def test_files_of_times_that_do_not_fit_are_refused(circuit, capsys, tmp_path):
    times = tmp_path / "times.npz"
    np.savez(times, other=[1.0])
    code, _, err = told(capsys, "step", circuit, "--times", times)
    assert code == 2
    assert "must have 'times', or an array for a layer (input, ring); it has 'other'" in err
    np.savez(times, times=[1.0], input=[1.0])
    assert "times of 'input' twice" in told(capsys, "step", circuit, "--times", times)[2]
    np.savez(times, times=[[1.0]])
    _, _, err = told(capsys, "step", circuit, "--times", times, "--index", 3)
    assert "--index 3: the stimuli of" in err
    assert "are 0 to 0" in err
