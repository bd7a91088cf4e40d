"""How Sphinx builds these pages: `sphinx-build -W --keep-going -b html docs docs/_build/html`.

Nothing is downloaded: no other project's index, no font, no script.
"""

import os
import shutil
import sys
from pathlib import Path

from sphinx.application import Sphinx

import ttfs

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

project = "ttfs"
author = "The ttfs developers"
copyright = f"2026, {author}"
version = release = ttfs.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "docstrings",
    "mathml",
    "numpydoc",
    "myst_nb",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]

# Docstrings: a word in single backticks is a name, and a link if the name is documented here.
default_role = "py:obj"
autosummary_generate = True
autodoc_member_order = "bysource"
numpydoc_show_class_members = False  # they are all on their class's page
python_maximum_signature_line_length = 88

# The notebooks contain their outputs and are run by tests/test_notebooks.py, so they are shown as
# they are. Pages with code are run, so that what they show is true.
nb_execution_mode = "force"
nb_execution_excludepatterns = ["notebooks/*"]
nb_execution_in_temp = True
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_output_stderr = "warn"
os.environ["PYTHONSTARTUP"] = str(HERE / "silent.py")
myst_heading_anchors = 3
myst_enable_extensions = ["dollarmath", "substitution"]
myst_substitutions = {"release": release}

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = f"ttfs {release}"
html_static_path = ["_static"]
html_css_files = ["ttfs.css"]
html_show_sourcelink = False
html_copy_source = False
toc_object_entries_show_parents = "hide"  # the margin is narrow
html_sidebars = {"index": []}  # it has no pages beside it
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 6,
    "footer_start": ["copyright"],
    "footer_end": ["version"],
}

# Sphinx reads nothing outside its folder, and pages of names that no longer exist would remain.
for made in ("generated", "notebooks"):
    shutil.rmtree(HERE / made, ignore_errors=True)
shutil.copytree(HERE.parent / "notebooks", HERE / "notebooks", ignore=shutil.ignore_patterns(".*"))


def setup(app: Sphinx) -> None:
    """Redirect links that leave the folder, to the README, to the page that shows that part."""
    app.connect("source-read", stay_inside)


def stay_inside(app: Sphinx, name: str, source: list[str]) -> None:
    """Replace links to the README, which work for readers of docs/ in the repository."""
    source[0] = source[0].replace("../README.md#results", "figures.md#results")
