"""Pictures of several runs, and of what `ttfs bench` and `ttfs robustness` have measured."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ttfs.cli.comparison import COSTS, Group, costs
from ttfs.cli.pictures import drawing, figure_of, keep
from ttfs.errors import InputError

OTHER = "reference (dense method, PyTorch, ...)"
PANELS = 4  # of perturbations, side by side
FAR = 12  # if costs of runs differ by more than this factor, their axis is logarithmic


def comparison(
    path: Path, groups: Sequence[Group], over: Sequence[str] = ("spikes", "time")
) -> Path:
    """Strict accuracy over some of COSTS: one point per group, and a panel for each data set."""
    sets: dict[str, list[Group]] = {}
    for group in groups:
        sets.setdefault(str(group.reports[0]["dataset"]), []).append(group)
    with drawing() as plotting:
        tall = (2.4 if len(sets) > 1 else 3.2) * -(-len(over) // _across(over)) + 0.4
        figure = figure_of(plotting.PAGE, tall * len(sets), "constrained")
        parts = [figure] if len(sets) == 1 else figure.subfigures(len(sets), 1)
        for part, (name, some) in zip(parts, sets.items(), strict=True):
            _compare(part, some, over, name if len(sets) > 1 else "")
        return keep(figure, path)


def _across(over: Sequence[str]) -> int:
    """How many pictures stand side by side."""
    return len(over) if len(over) < 4 else 2


def _compare(figure: Any, groups: Sequence[Group], over: Sequence[str], dataset: str) -> None:
    """The panel of one data set, which is named if there are others."""
    from ttfs import plotting

    columns = _across(over)
    accuracy = {group.name: group.values("accuracy") for group in groups}
    axes = figure.subplots(-(-len(over) // columns), columns, sharey=True, squeeze=False)
    for ax, name in zip(axes.flat, over, strict=False):
        found = costs(groups, name)
        every = np.concatenate(list(found.values()))
        log = bool(every.min() > 0 and every.max() > FAR * every.min())
        plotting.accuracy_over(found, accuracy, ax=ax, what=COSTS[name], log=log)
    for ax in axes[:, :1].flat:
        words = f"{plotting.look.named(dataset)}\n" if dataset else ""
        ax.set_ylabel(f"{words}{ax.get_ylabel()}", fontsize="small", **plotting.look.WORDS)
    for ax in axes[:, 1:].flat:
        ax.set_ylabel("")
    for ax in axes.flat[len(over) :]:
        ax.set_visible(False)
    handles, names = axes[0, 0].get_legend_handles_labels()
    look: dict[str, Any] = {"ncols": 4, "fontsize": "x-small", "frameon": False}
    figure.legend(handles, names, loc="outside upper left", **look)


def pareto(
    path: Path, costs: Mapping[str, np.ndarray], accuracy: np.ndarray, names: Sequence[object]
) -> Path:
    """Accuracy of the trials of a sweep over each of these costs, named as in COSTS."""
    with drawing() as plotting:
        columns = _across(list(costs))
        rows = -(-len(costs) // columns)
        width = plotting.PAGE if columns > 1 else plotting.COLUMN
        figure = figure_of(width, 3.0 * rows, "constrained")
        axes = figure.subplots(rows, columns, sharey=True, squeeze=False)
        for ax, (name, cost) in zip(axes.flat, costs.items(), strict=False):
            log = bool(cost.min() > 0 and cost.max() > FAR * cost.min())
            what = COSTS.get(name, "bits of the parameters")
            plotting.pareto(cost, accuracy, ax=ax, names=names, what=what, log=log)
            ax.set_ylabel("")
        for ax in axes[:, 0]:
            ax.set_ylabel("validation accuracy (%)", fontsize="small")
        for ax in axes.flat[len(costs) :]:
            ax.set_visible(False)
        return keep(figure, path)


def throughput(path: Path, report: dict[str, Any]) -> Path:
    """Additions per second for each case of a report of `ttfs bench`, compared with its roofs.

    For a simulation, which has no roofs, synaptic events per second are drawn instead.
    """
    rows: dict[str, dict[str, float]] = {}
    order = [case["name"] for case in report["cases"]]
    for case in sorted(report["cases"], key=lambda case: order.index(case["name"])):
        row = rows.setdefault(f"{case['name']}, {case['inputs']}", {})
        threads = "one thread" if case["threads"] == 1 else "all threads"
        if "synaptic_events_per_second" in case:
            row[threads] = case["synaptic_events_per_second"] / 1e9
            continue
        times = {threads: "", "adding rows alone": "limit_", "reading rows alone": "bandwidth_"}
        for kind, key in (times | {OTHER: "reference_"}).items():
            micro = case.get(f"{key}microseconds")
            if micro and "additions" in case:  # windows use matrix products, not counted
                row.setdefault(kind, case["additions"] / micro / 1e3)
    rows = {name: row for name, row in rows.items() if row}
    if not rows:
        raise InputError("none of these cases counts additions or events: there is nothing to draw")
    attained, roofs = (
        {kind: [row.get(kind, np.nan) for row in rows.values()] for kind in kinds}
        for kinds in (
            ("one thread", "all threads", OTHER),
            ("adding rows alone", "reading rows alone"),
        )
    )
    with drawing() as plotting:
        ax = figure_of(plotting.PAGE, 0.9 + 0.21 * len(rows)).subplots()
        plotting.throughput(list(rows), attained, roofs, ax=ax)
        return keep(ax.figure, path)


def robustness(folder: Path, found: Any, window: float, panels: Sequence[Any]) -> Path:
    """`robustness.png`: accuracy over the movement of spikes, and over random perturbations.

    found: a `Movement`. panels: what is changed, by how much in percent, and (amounts, seeds)
    accuracies.
    """
    radii = [0.0, *(100 * radius / window for radius in found.radii)]
    low, high = ([found.accuracy, *shares] for shares in (found.certified, found.attacked))
    with drawing() as plotting:
        rows = -(-(1 + len(panels)) // PANELS)
        figure = figure_of(plotting.PAGE, 1.75 * rows + 0.2, "constrained")
        axes = figure.subplots(rows, PANELS, sharey=True, squeeze=False)
        plotting.certified_accuracy(radii, low, high, ax=axes.flat[0])
        for ax, (_, amounts, accuracy) in zip(axes.flat[1:], panels, strict=False):
            plotting.perturbed_accuracy(amounts, accuracy, ax=ax)
        for ax in axes[:, 1:].flat:
            ax.set_ylabel("")
        names = ["movement of spikes (% of window)", *(name for name, _, _ in panels)]
        for ax, name in zip(axes.flat, names, strict=False):  # the unit on a line of its own
            ax.set_xlabel(name.replace(" (", "\n("), fontsize="x-small", **plotting.look.WORDS)
        for ax in axes.flat[1 + len(panels) :]:
            ax.set_visible(False)
        return keep(figure, folder / "robustness.png")
