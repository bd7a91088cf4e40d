"""Runs of several recipes and seeds, side by side."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from glob import iglob
from pathlib import Path
from typing import Any

import numpy as np

from ttfs.checks import as_text, of_kind, shown
from ttfs.errors import InputError, RunError
from ttfs.files.json_text import from_json
from ttfs.files.reading import read_file

HEAD = (
    *("run", "network", "response", "learning rule", "weights", "augmentation"),
    *("epochs", "seconds", "seeds"),
    *("strict %", "lenient %", "undecided %", "decided at", "spikes to decision"),
    *("operations to decision", "parameters", "bits", "kB", "published %"),
)
WORDS = (*HEAD[:6], "published %")  # columns of text
LONGEST = 40  # characters of a text in a table for a terminal
MARK = 4  # least width of a column
REPORT = "report.json"
COSTS = {
    "spikes": "spikes to the decision",
    "time": "decision time (input windows)",
    "operations": "synaptic operations to the decision",
    "footprint": "footprint (kB)",
}
"""The costs over which accuracy can be drawn, and what the axis says."""

MOST = 2**24  # bytes of a report; parsed JSON takes some thirty times the memory of its text
EIGHT = "8"  # steps of a window with which a report on ReLUs compares
KEYS = "recipe", "dataset"
TEXTS = "origin", "preset", "network", "response", "learning", "weights", "published"
LISTS = "augmentation", "warnings", "teachers"
FIGURES = (
    *("accuracy", "accuracy_lenient", "undecided", "samples", "epochs", "seconds", "seed"),
    *("decision_time_mean", "input_window", "spikes_per_hidden_neuron"),
)
PARTS = {
    "spikes_per_sample": ("until_decision",),
    "synaptic_operations_per_sample": ("until_decision",),
    "cost": ("footprint_bits", "parameters", "weight_bits", "other_bits"),
    "rate": ("steps",),
    "relus": ("accuracy", "agreement"),
}
"""What is read from a report: texts, lists of texts, numbers, and numbers one level below.

All of it may be null.
"""


@dataclass(frozen=True)
class Group:
    """Reports on runs that differ only in their seeds.

    name: that of the preset, or of the folder of the first run. reports: as in `report.json`.
    """

    name: str
    reports: tuple[dict[str, Any], ...]

    def values(self, *keys: str) -> np.ndarray:
        """A number from each report, found by its keys; NaN where it is absent or null."""
        found: list[Any] = list(self.reports)
        for key in keys:
            found = [each.get(key) if isinstance(each, dict) else None for each in found]
        return np.array([np.nan if each is None else float(each) for each in found])

    @np.errstate(all="ignore")  # a window may be 0; what is not finite is not shown
    def cost(self, name: str) -> np.ndarray:
        """One of COSTS for each report; decision times are in lengths of the input window."""
        if name == "time":
            return self.values("decision_time_mean") / self.values("input_window")
        if name == "footprint":
            return self.values("cost", "footprint_bits") / 8000
        key = {"spikes": "spikes", "operations": "synaptic_operations"}[name]
        return self.values(f"{key}_per_sample", "until_decision")


def check_costs(names: Sequence[str]) -> Sequence[str]:
    """The names, all of which are among COSTS.

    Raises
    ------
    InputError: any other name.
    """
    for name in names:
        if name not in COSTS:
            raise InputError(f"--over takes some of {', '.join(COSTS)}, got {name!r}")
    return names


def groups(folders: Iterable[Path]) -> list[Group]:
    """The runs in these folders in the order given, with runs of the same recipe in one group.

    Runs with teachers that no preset names are the same only if these teachers are.

    Raises
    ------
    RunError: a folder without a `report.json` that `ttfs train` wrote.
    """
    found: dict[tuple[str, ...], list[tuple[Path, dict[str, Any]]]] = {}
    for folder in folders:
        report = report_of(Path(folder))
        teachers = () if report.get("preset") else report.get("teachers") or ()
        own = report["recipe"], report["dataset"], report.get("origin") or ""
        key = *own, *grown(report), *teachers
        found.setdefault(key, []).append((Path(folder), report))
    return [
        Group(
            runs[0][1].get("preset") or shown(runs[0][0].resolve().name),
            tuple(report for _, report in runs),
        )
        for runs in found.values()
    ]


def grown(report: dict[str, Any]) -> list[str]:
    """The warnings of a run that schedules have changed, as it went on to more epochs."""
    return [one for one in report.get("warnings") or () if one.startswith("epochs after")]


def finished(folders: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """The folders that hold a report, and those that are there and hold none.

    A folder that is not there is among the first, so that whoever reads it says what is wrong; so
    are all if none holds a report.
    """
    without = [path for path in folders if path.exists() and not (path / REPORT).exists()]
    if len(without) == len(folders):
        return list(folders), []
    return [path for path in folders if path not in without], without


def report_of(folder: Path) -> dict[str, Any]:
    """The report of a run."""
    path = folder / REPORT
    try:
        report = from_json(read_file(path, MOST))
        if not isinstance(report, dict) or not {"recipe", "dataset", "accuracy"} <= set(report):
            raise InputError("is not the report of a training run")
        check_report(report)
    except OSError as error:
        inside = (
            f"; did you mean {folder}/*?" if any(iglob("*/report.json", root_dir=folder)) else ""
        )
        raise RunError(
            f"{folder} is not the folder of a finished run:"
            f" {path.name}: {error.strerror or error}{inside}"
        ) from None
    except InputError as error:
        raise RunError(f"{path} {error}") from None
    return report


def check_report(report: dict[str, Any]) -> None:
    """Check that everything read from a report is of the right type.

    Raises
    ------
    InputError: text in the place of a number, or the like; text that cannot be printed.
    """
    for name in KEYS:
        of_kind(report[name], str | None, f"is not a valid report: {name}", "a string")
    for name in TEXTS:
        if report.get(name) is not None:
            as_text(report[name], f"is not a valid report: {name}", most=10_000)
    for name in LISTS:
        several = report.get(name) or []
        if not isinstance(several, list):
            raise InputError(f"is not a valid report: {name} must be a list")
        for each in several:
            as_text(each, f"is not a valid report: {name}", most=10_000)
    check_numbers(report, FIGURES)
    for name, figures in PARTS.items():
        if report.get(name) is not None:
            check_numbers(report[name], figures)
    steps = (report.get("relus") or {}).get("steps")
    if steps is not None:
        check_numbers(steps, (EIGHT,))


def check_numbers(record: Any, names: Sequence[str]) -> None:
    """Check that a dictionary has numbers, or nothing, under these names."""
    if not isinstance(record, dict):
        raise InputError(f"is not a valid report: {', '.join(names)} must have names")
    for name in names:
        value = record.get(name)
        if value is not None and type(value) not in (int, float):
            raise InputError(f"is not a valid report: {name} must be a number")


def costs(found: Sequence[Group], name: str) -> dict[str, np.ndarray]:
    """One of COSTS for each seed, by the names of the groups.

    Raises
    ------
    RunError: a report that does not state it.
    """
    values = {group.name: group.cost(name) for group in found}
    for whose, costs in values.items():
        if not np.isfinite(costs).all():
            raise RunError(f"a report of {whose} lacks {COSTS[name]}")
    return values


def table(found: Sequence[Group], width: int | None = None) -> str:
    """A table of aligned columns in Markdown; for several seeds, the mean, and the extremes.

    Decision times are in lengths of the window in which the inputs fire. Bits are those of the
    parameters; kB (1,000 bytes) are the footprint of `ttfs.cost_of`, which includes the state.

    width: number of characters of a line, such as that of a terminal; the table is then in parts
    below each other, numbers first, in which long texts are cut and empty columns are left out.
    Where no table fits, runs are listed instead.

    >>> report = {"accuracy": 0.985, "network": "Network(784-400-10, ...)", "seed": 3}
    >>> print(table([Group("mine", (report,))], width=60))
    | run    | seeds | strict % | network    | augmentation |
    | :----- | ----: | -------: | :--------- | :----------- |
    | `mine` |     3 |    98.50 | 784-400-10 | none         |
    """
    rows = [[cell(text) for text in row(group)] for group in found]
    if width is None:
        return aligned([list(column) for column in zip(HEAD, *rows, strict=True)])
    columns = [
        [text if len(text) <= LONGEST else text[: LONGEST - 1] + "…" for text in column]
        for column in zip(HEAD, *rows, strict=True)
        if any(column[1:])
    ]
    first, *others = sorted(columns, key=lambda column: column[0] in WORDS and column[0] != "run")
    if _width(first) + max(map(_width, others)) >= width:
        return _listed([first, *others])
    return aligned([first, *others], width)


def aligned(
    columns: Sequence[Sequence[str]], width: int | None = None, words: Collection[str] = WORDS
) -> str:
    """Columns beside each other, of which the first is repeated if they need several parts.

    width: that of a line; None: no matter how long it is. words: the titles of columns of text.

    >>> print(aligned([["trial", "1"], ["lr", "0.01"]]))
    | trial |   lr |
    | ----: | ---: |
    |     1 | 0.01 |
    """
    if width is None:
        return _lines(columns, words)
    first, *others = columns
    parts, size = [[first]], _width(first)
    for column in others:
        size += _width(column)
        if size >= width and parts[-1][1:]:
            parts.append([first])
            size = _width(first) + _width(column)
        parts[-1].append(column)
    return "\n\n".join(_lines(part, words) for part in parts)


def _listed(columns: Sequence[Sequence[str]]) -> str:
    """Rows one below the other, with a line for each cell, where no table fits."""
    (_, *names), *others = columns
    told = [
        [name, *(f"{title}: {texts[k]}" for title, *texts in others if texts[k])]
        for k, name in enumerate(names)
    ]
    return "\n\n".join("\n  ".join(lines) for lines in told)


def _width(column: Sequence[str]) -> int:
    """The characters that a column takes, with the space around it and a line beside it."""
    return max(MARK, *map(len, column)) + 3


def _lines(columns: Sequence[Sequence[str]], words: Collection[str]) -> str:
    """Columns beside each other, texts to the left and numbers to the right."""
    padded = []
    for title, *texts in columns:
        size, right = _width([title, *texts]) - 3, title not in words
        rule = "-" * (size - 1) + ":" if right else ":" + "-" * (size - 1)
        cells = (text.rjust(size) if right else text.ljust(size) for text in (title, *texts))
        padded.append([next(cells), rule, *cells])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in zip(*padded, strict=True))


def cell(text: str) -> str:
    """Text that stays within its cell.

    >>> cell("one|two")
    'one\\\\|two'
    """
    return shown(text).replace("|", "\\|")


@np.errstate(all="ignore")
def row(group: Group) -> tuple[str, ...]:
    """The cells of a group's row in the table."""
    first = group.reports[0]
    augmentation = ", ".join(first.get("augmentation") or ()) or "none"
    return (
        f"`{group.name}`",
        str(first.get("network", "")).partition("(")[2].partition(",")[0],
        str(first.get("response", "")),
        str(first.get("learning") or ""),
        str(first.get("weights", "")),
        augmentation,
        span(group.values("epochs"), 0),
        span(group.values("seconds"), 0),
        ", ".join(str(report.get("seed")) for report in group.reports),
        span(100 * group.values("accuracy"), 2),
        span(100 * group.values("accuracy_lenient"), 2),
        span(100 * group.values("undecided") / group.values("samples"), 2),
        span(group.cost("time"), 2),
        span(group.cost("spikes"), 0),
        span(group.cost("operations"), 0),
        span(group.values("cost", "parameters"), 0),
        span(group.values("cost", "weight_bits") + group.values("cost", "other_bits"), 0),
        span(group.cost("footprint"), 1),
        str(first.get("published") or ""),
    )


@np.errstate(all="ignore")
def span(values: np.ndarray, digits: int) -> str:
    """The mean, with the least and largest value if they differ.

    >>> span(np.array([96.0, 97.0]), 1), span(np.array([3.0]), 0), span(np.array([np.nan]), 0)
    ('96.5 (96.0 to 97.0)', '3', '')
    """
    known = values[np.isfinite(values)]
    if not known.size:
        return ""
    least, most = (f"{value:.{digits}f}" for value in (known.min(), known.max()))
    return least if least == most else f"{known.mean():.{digits}f} ({least} to {most})"
