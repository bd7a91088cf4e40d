"""Optional packages are imported where they are used; a missing one is told with its extra."""

import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import ttfs
from ttfs.bench.peers import brian, clocked, nest
from ttfs.bench.peers.presentation import Presentation
from ttfs.conversion.arrays import _safetensors
from ttfs.conversion.modules import graph_of
from ttfs.conversion.onnx_files import graph_of_file
from ttfs.formats.nir_files import read_nir
from ttfs.sweeps.cluster import check_installed
from ttfs.sweeps.search import Search


def widget():
    network = ttfs.Network(ttfs.Dense(2, 2, threshold=1.0), t_max=4)
    ttfs.viewer.widget(ttfs.Simulator(network, np.array([0.0, 1.0])))


SHOWN = Presentation((np.ones((2, 1)),), (1.0,), False, 4, np.zeros((1, 2)))
TIMES = np.array([[0.0, 1.0]])
MILLISECONDS = {"unit": "ms", "stop": 4}


def estimator():
    import_module("ttfs.sklearn.encoder")


USES = [  # package, extra, what needs it
    ("anywidget", "notebook", widget),
    ("distributed", "sweep", check_installed),
    ("h5py", "nir", lambda: read_nir("net.nir")),
    ("h5py", "spikes", lambda: ttfs.datasets.from_hdf5("spikes.h5")),
    ("brian2", "peers", lambda: brian.build(SHOWN, 1)),
    ("nest", "peers", lambda: nest.build(SHOWN, 1)),
    ("norse", "peers", lambda: clocked.norse(SHOWN, 1)),
    ("snntorch", "peers", lambda: clocked.snntorch(SHOWN, 1)),
    ("spikingjelly", "peers", lambda: clocked.spikingjelly(SHOWN, 1)),
    ("neo", "spikes", lambda: ttfs.spikes.to_neo(TIMES, **MILLISECONDS)),
    ("nir", "nir", lambda: ttfs.to_nir(ttfs.Network(ttfs.Dense(2, 2)))),
    ("nir", "spikes", lambda: ttfs.spikes.to_nir(TIMES, stop=4)),
    ("onnx", "onnx", lambda: graph_of_file(Path("relus.onnx"))),
    ("optuna", "sweep", lambda: Search(None, Path())),
    ("pandas", "spikes", lambda: ttfs.spikes.to_pandas(TIMES)),
    ("pynwb", "spikes", lambda: ttfs.spikes.to_nwb(TIMES, **MILLISECONDS)),
    ("safetensors", "torch", lambda: _safetensors(Path("relus.safetensors"))),
    ("sklearn", "sklearn", estimator),
    ("torch", "torch", lambda: graph_of(None, (2,))),
    ("xarray", "spikes", lambda: ttfs.spikes.to_xarray(TIMES)),
]


@pytest.mark.parametrize(("package", "extra", "use"), USES)
def test_without_an_optional_package_one_sentence_names_its_extra(package, extra, use, monkeypatch):
    for name in [*sys.modules]:
        if name.startswith((f"{package}.", f"ttfs.{package}.")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    ttfs.viewer.live._kind.cache_clear()
    with pytest.raises(ttfs.InputError) as refused:
        use()
    told = str(refused.value)
    assert f"{package} is not installed: pip install 'ttfs[{extra}]'" in told
    assert "\n" not in told
