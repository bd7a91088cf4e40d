"""`ttfs export`, and `ttfs convert` of .nir files."""

import sys
from subprocess import run

import numpy as np
import pytest

import ttfs
from ttfs.cli import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, which contains a model."""
    monkeypatch.chdir(tmp_path)
    network = ttfs.Network(ttfs.Dense(64, 9, delay=1), ttfs.Dense(9, 10), t_max=16)
    encoder = ttfs.Latency(t_max=16, steps=True)
    (tmp_path / "here.py").touch()
    ttfs.save("model.npz", network, encoder=encoder, report={"dataset": "digits"})
    return tmp_path


def test_a_model_that_is_exported_and_converted_back_is_the_same(folder, capsys):
    pytest.importorskip("nir")
    assert main(["export", "model.npz", "net.nir"]) == 0
    told = capsys.readouterr().out
    assert "* single spikes: NIR neurons are reset" in told
    assert "* delays:" in told
    assert told.endswith("written to net.nir\n")
    assert main(["convert", "net.nir", "--out", "again.npz"]) == 0
    assert "Network(64-9-10, Step(), t_max=16)" in capsys.readouterr().out
    assert (folder / "again.npz").read_bytes() == (folder / "model.npz").read_bytes()


def test_a_graph_from_elsewhere_becomes_a_model(folder, capsys):
    nir = pytest.importorskip("nir")
    ones = np.ones(3, np.float32)
    layers = nir.Linear(np.ones((3, 64), np.float32)), nir.IF(r=1000 * ones, v_threshold=ones)
    nir.write("other.nir", nir.NIRGraph.from_list(*layers))
    assert main(["convert", "other.nir", "--out", "m.npz"]) == 2
    assert "r must be 1, got 1000" in capsys.readouterr().err
    told = ["--dt", "0.001", "--t-max", "9", "--out", "m.npz"]
    assert main(["convert", "other.nir", *told]) == 0
    model = ttfs.load("m.npz")
    assert repr(model.network) == "Network(64-3, Step(), t_max=9)"
    assert model.report == {"converted": "other.nir"}


def test_a_script_holds_the_stimulus_that_was_asked_for(folder, capsys):
    assert main(["export", "model.npz", "net.py", "--index", "3"]) == 0
    assert (
        capsys.readouterr().out
        == "python net.py runs it in NEST\nwritten to net.py and net_numbers.npz\n"
    )
    encoder = ttfs.load("model.npz").encoder
    with np.load("net_numbers.npz") as data:
        wanted = encoder(ttfs.datasets.digits()[1].images[3:4])
        np.testing.assert_array_equal(data["stimuli"], wanted)
    assert main(["export", "model.npz", "net.py", "--simulator", "pynn", "--force"]) == 0
    done = run([sys.executable, "net.py"], capture_output=True, text=True)
    assert done.stderr == "no stimuli: name a file that holds some\n"


MISTAKES = {
    "net.txt must end in .nir, for a graph, or .py": ["export", "model.npz", "net.txt"],
    "here.py is there already; --force overwrites it": ["export", "model.npz", "here.py"],
    "--index is about scripts, not a.nir": ["export", "model.npz", "a.nir", "--index", "1"],
    "no.npz: there is no such file": ["export", "no.npz", "net.py"],
    "no.nir: there is no such file": ["convert", "no.nir", "--out", "m.npz"],
    "--layers is about networks of ReLUs, not a.nir": [
        *("convert", "a.nir", "--layers", "3", "--out", "m.npz")
    ],
    "--dt applies to .nir files, not w.npz": ["convert", "w.npz", "--dt", "1", "--out", "m.npz"],
    "add --calibrate D, the data from which": ["convert", "w.npz", "--out", "m.npz"],
}


@pytest.mark.parametrize("told", MISTAKES)
def test_a_mistake_is_answered_with_one_sentence(told, folder, capsys):
    if ".nir" in told:
        pytest.importorskip("nir")
    assert main(MISTAKES[told]) == 2
    assert told in capsys.readouterr().err
