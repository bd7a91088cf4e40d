"""What the trials of a sweep have found, as lines, a table and a picture."""

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ttfs.checks import shown
from ttfs.cli.comparison import aligned
from ttfs.cli.trials import MEASURES
from ttfs.files.writing import write_atomically
from ttfs.measures.front import front
from ttfs.sweeps.plan import OBJECTIVES, Plan
from ttfs.sweeps.search import Trial

TABLE, PICTURE = "sweep.csv", "pareto.png"
ROWS = 40  # of the table that is printed
SIGNS = {"minimize": 1, "maximize": -1}
WORDS = "best", "preset", "dataset", "layers", "weights", "from"  # columns of text
HEADS = {
    "accuracy": ("validation %", 100.0, 2),
    "operations": ("operations", 1.0, 0),
    "spikes": ("spikes", 1.0, 1),
    "time": ("decided at", 1.0, 3),
    "footprint": ("kB", 1.0, 1),
    "bits": ("bits", 1.0, 0),
    "test_accuracy": ("test %", 100.0, 2),
}
"""Title, factor and digits of what is measured."""

Found = dict[str, Any]  # the settings of a trial, and its measures or an error


@dataclass
class Results:
    """What was found for each trial of a plan so far."""

    plan: Plan
    found: dict[int, Found] = field(default_factory=dict)

    @property
    def costs(self) -> list[str]:
        """What accuracy is weighed against."""
        return [key for key in self.plan.objectives if key != "accuracy"] or ["operations"]

    def line(self, trial: Trial, found: Found) -> str:
        """What came of a trial, in a line."""
        varied = ", ".join(f"{key} {told(trial.settings[key])}" for key in self.plan.over)
        head = f"trial {trial.number}/{self.plan.n}: {varied}"
        if "error" in found:
            return f"{head} | failed: {found['error']}"
        costs = (f"{cell(found, key)} {HEADS[key][0]}" for key in self.costs)
        return " | ".join([head, f"validation {cell(found, 'accuracy')} %", *costs])

    def values(self, key: str) -> np.ndarray:
        """A measure of each trial, in their order; NaN where it failed."""
        found = (self.found[number].get("measures", {}) for number in sorted(self.found))
        return np.array([one.get(key, np.nan) for one in found], dtype=float)

    def best(self) -> np.ndarray:
        """For each trial, in their order, whether no other one beats it in all objectives."""
        signed = [SIGNS[OBJECTIVES[key]] * self.values(key) for key in self.plan.objectives]
        return front(np.column_stack(signed))

    def table(self, width: int | None) -> str:
        """The trials that validate best, first of all; others are only counted."""
        marks = ["best" if one else "" for one in self.best()]
        rows = [
            [
                str(number),
                mark,
                *(told(found["settings"][key]) for key in self.plan.over),
                *(cell(found, key) for key in HEADS),
            ]
            for (number, found), mark in zip(sorted(self.found.items()), marks, strict=True)
        ]
        order = np.argsort(-self.values("accuracy"), kind="stable")[:ROWS]  # NaN comes last
        head = ["trial", "best", *self.plan.over, *(title for title, *_ in HEADS.values())]
        columns = [list(column) for column in zip(head, *(rows[k] for k in order), strict=True)]
        failed = sum("error" in found for found in self.found.values())
        notes = [f"{len(rows) - ROWS} more trials are in {TABLE}"] * (len(rows) > ROWS)
        notes += [f"{failed} failed: {TABLE} says why"] * (failed > 0)
        return "\n".join([aligned(columns, width, WORDS), *notes])

    def csv(self) -> str:
        """All trials, with all digits, as comma-separated text."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["trial", "best", *self.plan.over, *MEASURES, "error"])
        for (number, found), best in zip(sorted(self.found.items()), self.best(), strict=True):
            settings = [told(found["settings"][key], exact=True) for key in self.plan.over]
            measures = [found.get("measures", {}).get(key, "") for key in MEASURES]
            writer.writerow([number, int(best), *settings, *measures, found.get("error", "")])
        return text.getvalue()

    def write(self, folder: Path) -> None:
        """Write the table of all trials and, unless all failed, the picture."""
        from ttfs.cli import charts

        write_atomically(folder / TABLE, self.csv().encode())
        good = np.isfinite(self.values("accuracy"))
        if good.any():
            names = np.array(sorted(self.found))[good]
            costs = {key: self.values(key)[good] for key in self.costs}
            charts.pareto(folder / PICTURE, costs, self.values("accuracy")[good], list(names))


def told(value: Any, *, exact: bool = False) -> str:
    """A setting in a table, with all digits if it is to be exact.

    >>> told([200, 100]), told(0.0123456), told(0.0123456, exact=True), told(True)
    ('200-100', '0.01235', '0.0123456', 'true')
    """
    if isinstance(value, list):
        return "-".join(map(str, value))
    if isinstance(value, float) and not exact:
        return f"{value:.4g}"
    return str(value).lower() if isinstance(value, bool) else shown(str(value), 200)


def cell(found: Found, key: str) -> str:
    """A measure of a trial in a table; nothing if the trial failed."""
    if "measures" not in found:
        return ""
    _, factor, digits = HEADS[key]
    return f"{factor * found['measures'][key]:,.{digits}f}"
