"""The pictures that commands write: whole, the same whatever is set, and without a screen."""

import os
import subprocess
import sys
import warnings

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from cases_pictures import HOSTILE
from matplotlib.text import Text

import ttfs
from ttfs import plotting
from ttfs.cli import cli, pictures
from ttfs.measures.metrics import decisions_of

INF = np.inf


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def network():
    return ttfs.Network(ttfs.Dense(4, 3), ttfs.Dense(3, 2), t_max=8, unit="$ms_\\")


def all_files(network, folder):
    """Every picture that commands leave, of stimuli that end long after the horizon."""
    folder.mkdir()
    stimuli = np.array([[0.0, 3, 7.5, INF], [8, 9, 300, 1], [INF, 1e30, 8, 8]], np.float32)
    labels = np.array([0, 1, 1])
    summary = [{"epoch": 1, "loss": 0.5, "latency_1": 3.0}]
    inside = np.where(stimuli < network.t_max, stimuli, INF)
    found = decisions_of(network, inside)
    return [
        pictures.raster(folder, network, stimuli[1]),
        pictures.latency_map(folder, network, stimuli[1], (2, 2)),
        pictures.latencies(folder, network, stimuli, labels),
        pictures.weights(folder, network, (2, 2)),
        pictures.training(folder, ttfs.History(summary), network.unit),
        pictures.diagram(folder, network),
        pictures.classes(folder, found, labels),
        pictures.mistakes(folder, network, inside, found, labels, (2, 2)),
    ]


@pytest.mark.parametrize("settings", [HOSTILE, "dark_background"])
def test_files_of_commands_are_the_same_whatever_is_set(network, tmp_path, settings):
    plain = [file.read_bytes() for file in all_files(network, tmp_path / "plain")]
    with plt.style.context(settings):
        before = dict(matplotlib.rcParams)
        files = all_files(network, tmp_path / "set")
        assert [file.read_bytes() for file in files] == plain
        assert dict(matplotlib.rcParams) == before
    assert plt.get_fignums() == []


def test_a_letter_that_the_font_lacks_stops_no_command(tmp_path):
    network = ttfs.Network(ttfs.Dense(4, 2), t_max=8, unit="毫秒")
    assert len(all_files(network, tmp_path / "a")) == 8
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(all_files(network, tmp_path / "b")) == 8


def test_files_of_commands_name_the_networks_unit(network, tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(plotting, "save", lambda figure, path, **_: figures.append(figure) or path)
    folder = tmp_path / "a"
    names = [file.name for file in all_files(network, folder)]
    assert len(names) == len(figures) == 8
    for name, figure in zip(names, figures, strict=True):
        said = any(f"({network.unit})" in text.get_text() for text in figure.findobj(Text))
        assert said == (name not in TIMELESS)


def test_inputs_that_are_not_pixels_are_not_called_so(network, tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "keep", lambda figure, path: figure)
    (ax, _), stimulus = pictures.latency_map(tmp_path, network, np.arange(4.0), (4,)).axes, (2, 2)
    assert (ax.get_xlabel(), ax.get_ylabel(), list(ax.get_yticks())) == ("input", "", [])
    ax, _ = pictures.latency_map(tmp_path, network, np.arange(4.0), stimulus).axes
    assert ax.get_xlabel() == "column (pixel)"


def test_the_words_beside_a_colour_bar_fit_beside_a_single_row(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "keep", lambda figure, path: figure)
    network = ttfs.Network(ttfs.Dense(4, 2), t_max=8, unit="window")
    stimuli = np.array([[0.0, 3, 7.5, 1], [2, 1, 3, 1]])
    found = decisions_of(network, stimuli)
    figure = pictures.mistakes(tmp_path, network, stimuli, found, 1 - found.label, (2, 2))
    figure.draw_without_rendering()
    words = figure.axes[1].yaxis.label.get_window_extent()
    assert figure.bbox.y0 <= words.y0
    assert words.y1 <= figure.bbox.y1


TIMELESS = ["classes.png", "network.png", "weights.png"]
DRAWN = [*TIMELESS, "latency.png", "map.png", "mistakes.png", "raster.png"]


@pytest.mark.parametrize(
    ("inputs", "encoder"),
    [(64, ttfs.Latency(t_max=256)), (64, ttfs.Latency(t_max=1)), (65, ttfs.Direct(bias=0.9))],
)
def test_a_plot_never_stops_half_way(tmp_path, capsys, inputs, encoder):
    network = ttfs.Network(ttfs.Dense(inputs, 10), t_max=10, unit="a_$")
    path = ttfs.save(tmp_path / "model.npz", network, encoder=encoder)
    for command in ("plot", "view"):
        assert cli.main([command, str(path), "--dataset", "digits", "--index", "7"]) == 0
        said = capsys.readouterr().err.splitlines()
        assert all("input is lost" in line or "compiling" in line for line in said)
    found = sorted(file.name for file in tmp_path.iterdir())
    assert found == sorted([*DRAWN, "model.npz", "view.html"])


def test_a_plot_that_cannot_be_made_whole_is_not_begun(tmp_path, capsys):
    network = ttfs.Network(ttfs.Dense(64, 2), t_max=10)
    path = ttfs.save(tmp_path / "model.npz", network, encoder=ttfs.Latency(t_max=10))
    out = str(tmp_path / "out")
    assert cli.main(["plot", str(path), "--dataset", "digits", "--out", out, "--index", "7"]) == 2
    assert "labels must be in 0..1, one output neuron each; got 0..9" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


SCRIPT = """
import os, sys
from pathlib import Path
import numpy as np
from ttfs import Dense, Network
from ttfs.cli import pictures
network = Network(Dense(4, 2), t_max=8)
print(pictures.weights(Path(sys.argv[1]), network, (2, 2)).stat().st_size)
import matplotlib
print(matplotlib.rcParams._get("backend") if sys.argv[2:] else "", os.environ.get("MPLBACKEND"))
print("matplotlib.pyplot" in sys.modules)
"""


@pytest.mark.parametrize("backend", ["module://of_another_environment", "nonsense"])
def test_no_backend_is_asked_for(tmp_path, backend):
    environment = {k: v for k, v in os.environ.items() if k != "MPLBACKEND"}
    environment |= {} if backend is None else {"MPLBACKEND": backend}
    known = ["known"] if backend and backend != "nonsense" else []
    command = [sys.executable, "-W", "error", "-c", SCRIPT, str(tmp_path), *known]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    size, kept, pyplot = done.stdout.splitlines()
    assert int(size) > 1000
    assert kept == f"{backend if known else ''} {backend}"
    assert pyplot == "False"


@pytest.mark.parametrize("text", [b"\xff\xfe\x00", b"backend: nonsense\ntext.usetex: true\n"])
def test_no_file_of_settings_stops_a_command(tmp_path, text):
    (tmp_path / "matplotlibrc").write_bytes(text)
    environment = os.environ | {"MATPLOTLIBRC": str(tmp_path / "matplotlibrc")}
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.splitlines()[0]) > 1000
