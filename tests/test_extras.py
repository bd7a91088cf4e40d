"""Optional packages are imported where they are used; a missing one is told with its extra."""

import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import ttfs
from ttfs.conversion.arrays import _safetensors
from ttfs.conversion.modules import graph_of
from ttfs.conversion.onnx_files import graph_of_file


def widget():
    network = ttfs.Network(ttfs.Dense(2, 2, threshold=1.0), t_max=4)
    ttfs.viewer.widget(ttfs.Simulator(network, np.array([0.0, 1.0])))


def estimator():
    import_module("ttfs.sklearn.encoder")


USES = {  # package: (extra, what needs it)
    "anywidget": ("notebook", widget),
    "onnx": ("onnx", lambda: graph_of_file(Path("relus.onnx"))),
    "safetensors": ("torch", lambda: _safetensors(Path("relus.safetensors"))),
    "sklearn": ("sklearn", estimator),
    "torch": ("torch", lambda: graph_of(None, (2,))),
}


@pytest.mark.parametrize("package", USES)
def test_without_an_optional_package_one_sentence_names_its_extra(package, monkeypatch):
    extra, use = USES[package]
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
