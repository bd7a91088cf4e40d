"""One version is told everywhere, and the files of a release hold what belongs there."""

import re
import tomllib
from pathlib import Path

import pytest

import ttfs

ROOT = Path(__file__).parent.parent
PROJECT = ROOT / "pyproject.toml"

pytestmark = pytest.mark.skipif(not PROJECT.exists(), reason="installed without its sources")


def text_of(name):
    return (ROOT / name).read_text("utf-8")


def test_changelog_and_citation_are_of_this_version():
    version, date = re.search(
        r"^## (\S+) \((\S+)\)$", text_of("CHANGELOG.md"), re.MULTILINE
    ).groups()
    cited = dict(re.findall(r"^([\w-]+): (.*)$", text_of("CITATION.cff"), re.MULTILINE))
    assert version == cited["version"] == ttfs.__version__
    assert date == cited["date-released"]


def test_the_citation_has_what_the_format_requires():
    citation = text_of("CITATION.cff")
    project = tomllib.loads(PROJECT.read_text("utf-8"))["project"]
    keys = re.findall(r"^([\w-]+):", citation, re.MULTILINE)
    assert len(keys) == len(set(keys))
    assert {"cff-version", "message", "title", "authors"} <= set(keys)
    assert citation.startswith("cff-version: 1.2.0\n")
    assert f"license: {project['license']}\n" in citation
    assert re.findall(r"^  - name: (.*)$", citation, re.MULTILINE) == [
        author["name"] for author in project["authors"]
    ]


def test_every_dependency_has_an_oldest_version():
    needed = tomllib.loads(PROJECT.read_text("utf-8"))["project"]["dependencies"]
    assert [one for one in needed if not re.fullmatch(r"[\w-]+>=\d+(\.\d+)*", one)] == []
