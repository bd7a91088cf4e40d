"""Runs of several recipes and seeds, side by side."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ttfs.errors import InputError, RunError

HEAD = (
    *("run", "network", "response", "weights", "augmentation", "epochs", "seconds", "seeds"),
    *("strict %", "lenient %", "undecided %", "decision at", "spikes to decision"),
    *("operations to decision", "kB", "published %"),
)
COSTS = {
    "spikes": "spikes to the decision",
    "time": "decision time (input windows)",
    "operations": "synaptic operations to the decision",
    "footprint": "footprint (kB)",
}
"""What accuracy can be drawn over, and what the axis says."""


@dataclass(frozen=True)
class Group:
    """Reports on runs that differ in their seeds alone.

    name: of the preset, or of the folder of the first run. reports: as `report.json` holds them.
    """

    name: str
    reports: tuple[dict[str, Any], ...]

    def values(self, *keys: str) -> np.ndarray:
        """A figure of each report, found by its keys; NaN where it is absent or null."""
        found: list[Any] = list(self.reports)
        for key in keys:
            found = [each.get(key) if isinstance(each, dict) else None for each in found]
        return np.array([np.nan if each is None else each for each in found], float)

    def cost(self, name: str) -> np.ndarray:
        """One of COSTS for each report; decision times in lengths of the input window."""
        if name == "time":
            return self.values("decision_time_mean") / self.values("input_window")
        if name == "footprint":
            return self.values("cost", "footprint_bits") / 8000
        key = {"spikes": "spikes", "operations": "synaptic_operations"}[name]
        return self.values(f"{key}_per_sample", "until_decision")


def check_costs(names: Sequence[str]) -> Sequence[str]:
    """Names that are all among COSTS.

    Raises
    ------
    InputError: another name.
    """
    for name in names:
        if name not in COSTS:
            raise InputError(f"accuracy is drawn over some of {', '.join(COSTS)}, not {name!r}")
    return names


def groups(folders: Iterable[Path]) -> list[Group]:
    """The runs in these folders, those of one recipe together, in the order given.

    Raises
    ------
    RunError: a folder without a `report.json` that `ttfs train` wrote.
    """
    found: dict[tuple[str, str], list[tuple[Path, dict[str, Any]]]] = {}
    for folder in folders:
        report = report_of(Path(folder))
        key = report["recipe"], report["dataset"]
        found.setdefault(key, []).append((Path(folder), report))
    return [
        Group(
            runs[0][1].get("preset") or runs[0][0].resolve().name,
            tuple(report for _, report in runs),
        )
        for runs in found.values()
    ]


def report_of(folder: Path) -> dict[str, Any]:
    """The report of a run."""
    path = folder / "report.json"
    try:
        report = json.loads(path.read_bytes())
    except OSError as error:
        inside = f"; did you mean {folder}/*?" if any(folder.glob("*/report.json")) else ""
        raise RunError(
            f"{folder} is not the folder of a finished run:"
            f" {path.name}: {error.strerror or error}{inside}"
        ) from None
    except ValueError:
        raise RunError(f"{path} is not JSON") from None
    if not isinstance(report, dict) or not {"recipe", "dataset", "accuracy"} <= set(report):
        raise RunError(f"{path} is not the report of a training run")
    return report


def costs(found: Sequence[Group], name: str) -> dict[str, np.ndarray]:
    """One of COSTS for each seed, by the groups' names.

    Raises
    ------
    RunError: a report that does not know it.
    """
    values = {group.name: group.cost(name) for group in found}
    for whose, costs in values.items():
        if not np.isfinite(costs).all():
            raise RunError(f"a report of {whose} does not say: {COSTS[name]}")
    return values


def table(found: Sequence[Group]) -> str:
    """A table in Markdown; with several seeds their mean, and the least and largest.

    Decision times are in lengths of the window in which the inputs fire; kB, of 1,000 bytes,
    are the footprint of `ttfs.cost`.

    >>> report = {"accuracy": 0.985, "network": "Network(784-400-10, ...)", "seed": 3}
    >>> print(table([Group("mine", (report,))]).splitlines()[2][:30])
    | `mine` | 784-400-10 |  |  |
    """
    lines = [HEAD, ("---",) * len(HEAD), *(row(group) for group in found)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def row(group: Group) -> tuple[str, ...]:
    """A group's cells of the table."""
    first = group.reports[0]
    augmentation = ", ".join(first.get("augmentation") or ()) or "none"
    return (
        f"`{group.name}`",
        str(first.get("network", "")).partition("(")[2].partition(",")[0],
        str(first.get("response", "")),
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
        span(group.cost("footprint"), 1),
        str(first.get("published") or ""),
    )


def span(values: np.ndarray, digits: int) -> str:
    """The mean, and the least and largest if they differ.

    >>> span(np.array([96.0, 97.0]), 1), span(np.array([3.0]), 0), span(np.array([np.nan]), 0)
    ('96.5 (96.0 to 97.0)', '3', '')
    """
    known = values[np.isfinite(values)]
    if not known.size:
        return ""
    least, most = (f"{value:.{digits}f}" for value in (known.min(), known.max()))
    return least if least == most else f"{known.mean():.{digits}f} ({least} to {most})"
