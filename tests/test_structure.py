"""Which way imports run, and who may use what."""

import ast
import importlib
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import ttfs

ROOT = Path(ttfs.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

# A module imports from rows above its own, from its own row, and within its folder.
ROWS = [
    "errors kernels",
    "checks",
    "network codes files",
    "engines datasets formats",
    "optimizers augmentation losses silence gradients measures torch",
    "rules plotting viewer conversion robustness",
    "training",
    "clocked sklearn",
    "presets",
    "bench sweeps",
    "cli",
    "__main__",
]
PLACE = {module: row for row, modules in enumerate(ROWS) for module in modules.split()}
# what else a folder may import, where it is used
EXTRAS = {
    "bench": ["bench", "peers", "nir"],
    "conversion": ["torch", "onnx"],
    "datasets": ["spikes"],
    "formats": ["nir", "spikes"],
    "sklearn": ["sklearn"],
    "sweeps": ["sweep"],
    "torch": ["torch"],
    "viewer": ["notebook"],
}
AROUND = {"jit", "kept", "notice", "clock", "threads"}  # how kernels are compiled and run
COMPILERS = {"jit", "njit", "vectorize", "guvectorize", "stencil", "cfunc", "jit_module"}


def module_of(file):
    """The dotted name of a file, without the package's own: `kernels.jit`, `network`."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


TREES = {module_of(file): ast.parse(file.read_text("utf-8")) for file in FILES}
INNER = {name: tree for name, tree in TREES.items() if name != "__init__"}


def home_of(name):
    """The module in which a public name of `ttfs` lives; None for `__version__` and the like."""
    return ttfs._HOME.get(name, name if name in ttfs._MODULES or name in TREES else None)


def imported(tree):
    """The dotted names of all modules that are imported, wherever in the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name != "ttfs")
        elif isinstance(node, ast.ImportFrom) and node.module == "ttfs":
            yield from (f"ttfs.{home_of(a.name)}" for a in node.names if home_of(a.name))
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            yield from (
                f"{node.module}.{alias.name}"
                if f"{node.module}.{alias.name}".removeprefix("ttfs.") in TREES
                else node.module
                for alias in node.names
            )
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "ttfs":
            yield from (f"ttfs.{home}" for home in [home_of(node.attr)] if home)


def ours(tree):
    """What a module imports from this package, without the package's name."""
    return {name.removeprefix("ttfs.") for name in imported(tree) if name.startswith("ttfs.")}


def others(tree):
    """The third-party packages that a module imports."""
    tops = {name.split(".")[0] for name in imported(tree)}
    return tops - sys.stdlib_module_names - {"ttfs"}


@pytest.mark.parametrize("module", INNER)
def test_imports_point_down(module):
    top = module.split(".")[0]
    assert top in PLACE, f"{module} has no place in ROWS"
    for name in ours(INNER[module]):
        assert PLACE[name.split(".")[0]] <= PLACE[top], f"{module} imports {name} from below it"


def test_folders_do_not_need_each_other():
    needed = {}
    for module, tree in INNER.items():
        room = module.split(".")[0]
        needed.setdefault(room, set()).update({name.split(".")[0] for name in ours(tree)} - {room})
    TopologicalSorter(needed).prepare()


def test_only_commands_know_of_clocked_networks():
    knowing = {
        name.split(".")[0]
        for name, tree in INNER.items()
        if any(one.split(".")[0] == "clocked" for one in ours(tree))
    }
    assert knowing <= {"clocked", "presets", "cli"}


def test_no_folder_is_crowded_and_no_file_is_long():
    entries = [entry for entry in ROOT.iterdir() if entry.name != "__pycache__"]
    assert len(entries) <= 31
    for file in FILES:
        assert len(file.read_text("utf-8").splitlines()) <= 400, file


@pytest.mark.parametrize("name", ttfs._FORMER)
def test_modules_are_found_by_the_names_that_they_had(name):
    home = importlib.import_module(f"ttfs.{ttfs._FORMER[name]}")
    assert importlib.import_module(f"ttfs.{name}") is getattr(ttfs, name) is home
    assert home.__spec__.name == home.__name__ == f"ttfs.{ttfs._FORMER[name]}"


def test_imports_do_not_run_in_circles():
    TopologicalSorter({module: ours(tree) - {module} for module, tree in INNER.items()}).prepare()


@pytest.mark.parametrize("module", [name for name in INNER if name.startswith("kernels")])
def test_kernels_know_nothing_but_arrays(module):
    assert others(INNER[module]) <= {"numba", "llvmlite", "numpy"}
    assert {name.split(".")[0] for name in ours(INNER[module])} <= {"kernels"}
    if module.removeprefix("kernels.") not in AROUND:
        assert not any(isinstance(node, ast.Raise | ast.Try) for node in ast.walk(INNER[module]))


@pytest.mark.parametrize("module", [name for name in INNER if name != "kernels.jit"])
def test_the_compiler_is_called_in_one_place(module):
    for node in ast.walk(INNER[module]):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "numba":
            assert not COMPILERS & {alias.name for alias in node.names}
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert node.value.id != "numba" or node.attr not in COMPILERS


@pytest.mark.parametrize("module", INNER)
def test_only_pictures_need_matplotlib(module):
    if module.split(".")[0] != "plotting" and module != "cli.pictures":
        assert "matplotlib" not in others(INNER[module])


@pytest.mark.parametrize("module", TREES)
def test_what_is_imported_is_installed(module):
    project = ROOT.parent / "pyproject.toml"
    if not project.exists():
        pytest.skip("the package is installed without its sources")
    told = tomllib.loads(project.read_text("utf-8"))["project"]
    extras = EXTRAS.get(module.split(".")[0], ())
    needed = told["dependencies"]
    for extra in extras:
        needed = needed + told["optional-dependencies"][extra]
    modules = {"pillow": "PIL", "scikit-learn": "sklearn", "nest-simulator": "nest"}
    names = {requirement.split(">")[0] for requirement in needed}
    names = {modules.get(name, name) for name in names}
    assert others(TREES[module]) <= names | {"llvmlite"}, "numba brings llvmlite"


def test_the_package_is_imported_without_compiler_and_plots():
    code = "import sys, ttfs; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    loaded = set(result.stdout.split())
    assert "ttfs" in loaded
    assert not loaded & {"numba", "llvmlite", "matplotlib", "scipy", "tqdm", "pooch", "numpy"}


@pytest.mark.parametrize("name", ttfs.__all__)
def test_every_public_name_is_there(name):
    assert getattr(ttfs, name) is not None
    assert name in dir(ttfs)


@pytest.mark.parametrize(("name", "home"), ttfs._HOME.items())
def test_every_public_name_comes_from_its_home(name, home):
    thing = getattr(importlib.import_module(f"ttfs.{home}"), name)
    assert getattr(thing, "__module__", f"ttfs.{home}") == f"ttfs.{home}"


def test_type_checkers_see_the_same_public_names():
    seen = {}
    for node in ast.walk(TREES["__init__"]):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ttfs"):
            seen |= {alias.name: node.module.removeprefix("ttfs.") for alias in node.names}
    assert {name for name, home in seen.items() if home == "ttfs"} == ttfs._MODULES
    assert {name: home for name, home in seen.items() if home != "ttfs"} == ttfs._HOME


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = ttfs.no_such_name
