"""Notebooks run from top to bottom without complaint, and what they show was shown by them."""

import itertools
import warnings
from pathlib import Path

import numba
import pytest

with warnings.catch_warnings():  # at import, too, Jupyter's packages may deprecate one another
    warnings.simplefilter("ignore", DeprecationWarning)
    nbformat = pytest.importorskip("nbformat", reason="notebooks need nbformat to be read")
    nbclient = pytest.importorskip("nbclient", reason="notebooks need nbclient to be run")
    pytest.importorskip("ipykernel", reason="notebooks need ipykernel to be run")

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
SILENT = Path(__file__).parents[1] / "docs" / "silent.py"
SIZE = 600_000  # bytes; pictures included
SHORTER = """
from ttfs import Trainer

def fit(self, *data, epochs, fit=Trainer.fit, **settings):
    return fit(self, *data, epochs=-(-epochs // 10), **settings)

Trainer.fit = fit
"""

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    """What a run would execute."""
    return [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]


def texts(cell):
    """What a cell printed or returned as text, errors included."""
    for output in cell.outputs:
        yield output.get("text", "")
        yield output.get("data", {}).get("text/plain", "")
        yield "\n".join(output.get("traceback", []))


def complaints(cell):
    """Errors, and whatever came over stderr: warnings above all."""
    return [
        output.get("text") or "\n".join(output.traceback)
        for output in cell.outputs
        if output.output_type == "error" or output.get("name") == "stderr"
    ]


def kinds(cell):
    """What a cell shows: streams by name, everything else by its data types.

    A text may come in several parts, as chance will have it.
    """
    found = [output.get("name") or sorted(output.get("data", {})) for output in cell.outputs]
    return [kind for kind, _ in itertools.groupby(found)]


def test_there_are_notebooks():
    assert NOTEBOOKS


@each_notebook
def test_stored_outputs_come_from_one_run_from_top_to_bottom(path):
    notebook = read(path)
    nbformat.validate(notebook)
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        assert complaints(cell) == []
        assert not any("Traceback" in text for text in texts(cell))


@each_notebook
def test_stored_notebooks_are_small(path):
    assert path.stat().st_size < SIZE


def run(path, folder, monkeypatch, before=""):
    """The notebook as it is after a run, in a process that runs `before` first."""
    start = folder / "start.py"
    start.write_text(SILENT.read_text("utf-8") + before, "utf-8")  # or who compiles says so
    monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(folder / "runtime"))
    monkeypatch.setenv("PYTHONSTARTUP", str(start))
    monkeypatch.delenv("MPLBACKEND", raising=False)  # pictures are outputs, as in Jupyter
    notebook, empty = read(path), folder / "empty"
    empty.mkdir()
    nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(empty)}}
    ).execute()
    assert list(empty.iterdir()) == []
    return notebook


def check(path, after):
    """No cell complains, and each shows what the stored one shows."""
    for stored, fresh in zip(code_cells(read(path)), code_cells(after), strict=True):
        assert complaints(fresh) == []
        assert kinds(fresh) == kinds(stored)


# Jupyter's own deprecations: what a notebook runs, runs in another process.
jupyter = pytest.mark.filterwarnings("ignore::DeprecationWarning")
compiled = pytest.mark.skipif(
    numba.config.DISABLE_JIT, reason="training takes too long in plain Python"
)


@jupyter
@compiled
@each_notebook
def test_notebooks_run_without_complaint_and_show_what_is_stored(path, tmp_path, monkeypatch):
    """With a tenth of the epochs: what is shown takes the same code, if not the same numbers."""
    check(path, run(path, tmp_path, monkeypatch, before=SHORTER))


@pytest.mark.long
@jupyter
@compiled
@each_notebook
def test_so_do_they_with_all_epochs(path, tmp_path, monkeypatch):
    check(path, run(path, tmp_path, monkeypatch))
