"""Our docstrings in the form that numpydoc reads.

A docstring here says `name: what it is` and leaves types to the annotations, whereas numpydoc
expects `name : type` with the text below it, indented; it would take our whole line for a name.
Examples follow the last section without a heading, and small records list their fields in a
plain paragraph. This extension sorts the lines into sections before numpydoc reads them.
"""

import inspect
import re
from dataclasses import fields, is_dataclass
from typing import Any

from numpy.typing import ArrayLike
from sphinx.application import Sphinx
from sphinx.util.typing import stringify_annotation

import ttfs

BEFORE_NUMPYDOC = 400  # numpydoc listens with Sphinx's usual priority, 500
ENTRY = re.compile(r"(\w+(?:, \w+)*): +(.*)")
BETWEEN = re.compile(r"(?<=[.;]) +(?=(\w+(?:, \w+)*): )")
ERRORS = {*ttfs.__all__, "OSError"}


def setup(app: Sphinx) -> dict[str, bool]:
    """Listen to docstrings."""
    app.connect("autodoc-process-docstring", rewrite, priority=BEFORE_NUMPYDOC)
    app.connect("autodoc-process-signature", shorten)
    app.connect("autodoc-skip-member", skip)
    return {"parallel_read_safe": True}


def rewrite(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Put the lines of a docstring of a class or function into sections, in place."""
    if what in ("module", "data"):
        return
    names = known_names(obj)
    sections = sort(lines)
    text, named = part(sections.pop("", []), names)
    if named:
        title = "Attributes" if inspect.isclass(obj) else "Parameters"
        sections[title] = named + sections.get(title, [])
    lines[:] = text
    for title, content in sections.items():
        lines += ["", title, "-" * len(title), *shape(title, content, names)]


def skip(app: Any, what: str, name: str, obj: Any, skipped: bool, options: Any) -> bool | None:
    """Skip methods that scikit-learn gives its estimators; None leaves the decision to others."""
    return True if str(getattr(obj, "__module__", "")).startswith("sklearn") else None


def shape(title: str, lines: list[str], names: set[str]) -> list[str]:
    """The lines of a section in the form that numpydoc reads."""
    if title in ("Parameters", "Attributes"):
        return describe(apart(lines, names))
    if title == "Raises":
        return describe(apart(lines, ERRORS), mark="`")
    if title == "Returns":  # a sentence, not a list of types
        return [" ".join(map(str.strip, lines))]
    return lines


def shorten(
    app: Any,
    what: str,
    name: str,
    obj: Any,
    options: Any,
    signature: str | None,
    result: str | None,
) -> tuple[str | None, str | None]:
    """The signature with `ArrayLike` in place of autodoc's full expansion of that type."""
    spelled = stringify_annotation(ArrayLike, "smart")
    return signature and signature.replace(spelled, "ArrayLike"), result


def sort(lines: list[str]) -> dict[str, list[str]]:
    """The lines of each section by its title; lines before the first section have none."""
    title, found = "", {"": []}  # type: ignore[var-annotated]
    for here, below in zip(lines, [*lines[1:], ""], strict=True):
        if re.fullmatch("-{3,}", below):
            title = here
            found[title] = []
        elif here.startswith(">>>") and title != "Examples":
            title = "Examples"
            found[title] = [here]
        elif not re.fullmatch("-{3,}", here):
            found[title].append(here)
    return found


def known_names(obj: Any) -> set[str]:
    """Names that a plain paragraph may describe: a record's fields or a function's parameters."""
    if is_dataclass(obj):
        return {field.name for field in fields(obj)}
    if inspect.isclass(obj):
        return set(getattr(obj, "_fields", ()))
    try:
        return set(inspect.signature(obj).parameters)
    except (TypeError, ValueError):
        return set()


def part(lines: list[str], names: set[str]) -> tuple[list[str], list[str]]:
    """The plain text, and the paragraphs that begin with one of the names."""
    text, named = [], []  # type: ignore[var-annotated]
    for paragraph in re.split(r"\n\s*\n", "\n".join(lines).strip()):
        entry = ENTRY.match(paragraph)
        found = entry is not None and set(entry[1].split(", ")) <= names
        (named if found else text).extend([*paragraph.split("\n"), ""])
    return text, named


def apart(lines: list[str], names: set[str]) -> list[str]:
    """The lines with each entry on a line of its own, as short entries may share one."""
    found = []
    for line in lines:
        start = 0
        for space in BETWEEN.finditer(line):
            if set(space[1].split(", ")) <= names:
                found.append(line[start : space.start() - 1] + ".")
                start = space.end()
        found.append(line[start:])
    return found


def describe(lines: list[str], mark: str = "") -> list[str]:
    """`name: text` as the name with the text indented below it, continuation lines included."""
    found = []
    for line in lines:
        entry = ENTRY.fullmatch(line)
        if entry:
            found += [", ".join(mark + name + mark for name in entry[1].split(", "))]
        found.append("    " + (entry[2] if entry else line.removeprefix("    ")).rstrip())
    return found
