"""The documentation names everything that is public, and its examples are true."""

import doctest
import re
from pathlib import Path
from types import FunctionType

import pytest

import ttfs

DOCS = Path(__file__).parent.parent / "docs"
KINDS = (FunctionType, type)
PAGES = sorted(path.name for path in DOCS.glob("*.md"))


@pytest.mark.parametrize("name", ttfs.__all__)
def test_every_public_name_is_in_the_api(name):
    listed = re.findall(
        r"^(?:   |\.\. py:data:: ttfs\.)([\w.]+)$",
        (DOCS / "api.md").read_text("utf-8"),
        re.MULTILINE,
    )
    assert name in {entry.split(".")[0] for entry in listed}


@pytest.mark.parametrize("module", [ttfs.plotting, ttfs.rules], ids=lambda module: module.__name__)
def test_every_function_and_class_of_a_module_is_in_the_api(module):
    listed, home = (DOCS / "api.md").read_text("utf-8"), module.__name__.removeprefix("ttfs.")
    public = [name for name in module.__all__ if isinstance(getattr(module, name), KINDS)]
    assert len(public) > 2
    assert [name for name in public if f"   {home}.{name}\n" not in listed] == []


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_are_true(page):
    if page == "sklearn.md":
        pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    blocks = re.findall(r"```pycon\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)
    examples = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, page, page, 0)
    assert doctest.DocTestRunner().run(examples).failed == 0


def test_every_page_is_reached():
    trees = [path.read_text("utf-8") for path in DOCS.glob("*.md")]
    listed = "".join(re.findall(r"```{toctree}\n(.*?)```", "".join(trees), re.DOTALL))
    pages = {Path(name).stem for name in PAGES} - {"index"}
    assert pages - set(listed.split()) == set()
    notebooks = {path.stem for path in (DOCS.parent / "notebooks").glob("*.ipynb")}
    assert {f"notebooks/{name}" for name in notebooks} - set(listed.split()) == set()
