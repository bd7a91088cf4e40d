"""The examples in the docstrings of the installed package are true."""

import doctest
import pkgutil
from importlib import import_module
from importlib.util import find_spec

import matplotlib.pyplot as plt
import pytest

import ttfs

PYTORCH = (  # modules that need it
    "ttfs.torch",
    "ttfs.training.relus",
    "ttfs.training.teacher",
    "ttfs.training.torch_",
    "ttfs.training.window_",
    "ttfs.clocked.blocks",
    "ttfs.clocked.coupling",
    "ttfs.clocked.modules",
    "ttfs.clocked.probe",
    "ttfs.clocked.rated_trainer",
    "ttfs.clocked.trainer",
)
ESTIMATORS = ("ttfs.sklearn.",)  # modules that need scikit-learn
MODULES = [
    module.name
    for module in pkgutil.walk_packages(ttfs.__path__, "ttfs.")
    if not module.name.startswith(("ttfs.kernels", "ttfs.__main__"))
    and (find_spec("torch") or not module.name.startswith(PYTORCH))
    and (find_spec("nir") or not module.name.startswith("ttfs.formats.nir_"))
    and (find_spec("sklearn") or not module.name.startswith(ESTIMATORS))
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_are_true(name):
    found = doctest.testmod(import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    plt.close("all")
    assert found.failed == 0


def test_most_modules_have_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    examples = {
        name: sum(len(test.examples) for test in finder.find(import_module(name)))
        for name in MODULES
    }
    assert sum(map(bool, examples.values())) > len(MODULES) / 2
