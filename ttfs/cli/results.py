"""The tables of results in the README, made from run folders: a row for each preset."""

from collections.abc import Callable, Sequence

import numpy as np

from ttfs.cli.comparison import EIGHT, Group, cell, span
from ttfs.network.delays import Delays
from ttfs.network.psp import Step, Windows
from ttfs.presets import PRESETS, Recipe

CHANGES = {
    "Distort": "distortions",
    "Dropout": "spikes dropped",
    "Erase": "patches erased",
    "Flip": "mirrored",
    "Jitter": "jitter",
    "Shift": "shifts",
}
HIDDEN = "spikes for each hidden neuron"

Cells = dict[str, str]  # by the heads of their columns


def results(found: Sequence[Group]) -> str:
    """The tables in Markdown, one for each kind of network, and the names of presets without runs.

    Runs of anything but presets are left out. For several seeds, accuracies are the mean, and the
    extremes; all else is the mean.
    """
    rows: dict[str, list[Cells]] = {kind: [] for kind in KINDS}
    for name in PRESETS:
        for group in (one for one in found if one.name == name):
            rows[kind_of(PRESETS[name])].append(row(group))
    parts = [f"{kind}\n\n{table(some)}" for kind, some in rows.items() if some]
    absent = [f"`{name}`" for name in PRESETS if name not in {one.name for one in found}]
    if absent:
        parts.append(f"Presets without a row: {', '.join(absent)}.")
    return "\n\n".join(parts)


def remarks(found: Sequence[Group]) -> list[str]:
    """Sentences about runs that have no row, and about rows of runs with other settings.

    Settings are compared as text, so those that an earlier version has written may differ in no
    more than an option that is new.
    """
    others = [one.name for one in found if one.name not in PRESETS]
    former = [
        one.name
        for one in found
        if one.name in PRESETS and one.reports[0]["recipe"] != repr(PRESETS[one.name])
    ]
    told = {
        "without a row, as their settings are those of no preset": others,
        "trained with settings that do not read as those of the preset now": former,
    }
    return [f"{what}: {', '.join(names)}" for what, names in told.items() if names]


def table(rows: Sequence[Cells]) -> str:
    """Rows with the same columns, not padded, so that a change of one changes no other."""
    lines = [list(rows[0]), ["---"] * len(rows[0])]
    lines += [[cell(text) for text in one.values()] for one in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


@np.errstate(all="ignore")  # of numbers that no run has
def row(group: Group) -> Cells:
    """The row of a preset, from its name and the reports on its runs."""
    recipe, report = PRESETS[group.name], group.reports[0]
    layers = str(report.get("network") or "").partition("(")[2].partition(",")[0]
    own, measured = described(recipe, layers), KINDS[kind_of(recipe)]
    return {
        "preset": f"`{group.name}`",
        "strict": span(100 * group.values("accuracy"), 2),
        "published": recipe.published or "-",
        **measured(group),
        **own,
        "epochs": span(group.values("epochs"), 0),
        "time": duration(group.values("seconds")),
        "seeds": seeds(group),
    }


def described(recipe: Recipe, layers: str) -> Cells:
    """What a row says of a recipe before it is trained.

    layers: those of its network, as in `repr(network)`; of maps, the input's shape is left out.

    >>> described(PRESETS["step-binary-mnist"], "784-600-10")["network"]
    '784-600-10 steps, fixed delays'
    """
    if "x" in layers:
        layers = layers.partition("-")[2]
    if not isinstance(recipe.psp, Windows):
        layers += " steps" if isinstance(recipe.psp, Step) else " ramps"
    delays = [one.delay for one in recipe.layers if not one.pools and isinstance(one.delay, Delays)]
    if delays:
        layers += ", delays that learn" if delays[0].rate else ", fixed delays"
    if recipe.teacher:
        layers += f", taught by `{recipe.teacher}`"
    changes = [type(one).__name__ for one in recipe.augmentation]
    return {
        "network": layers,
        "weights": "one bit" if recipe.binary else "real",
        "augmentation": ", ".join(CHANGES.get(name, name.lower()) for name in changes) or "none",
    }


def kind_of(recipe: Recipe) -> str:
    """In which table a preset has its row: one of KINDS."""
    if recipe.rates() is not None:
        return "Firing rates"
    if isinstance(recipe.psp, Windows):
        return "Networks of ReLUs in windows"
    return "Convolutional networks" if "C" in recipe.notation else "Dense networks"


def single(group: Group) -> Cells:
    """What was measured of ramps and steps."""
    lenient, strict = (group.values(key) for key in ("accuracy_lenient", "accuracy"))
    same = np.allclose(lenient, strict, rtol=0, atol=5e-5)
    undecided = group.values("undecided") / np.maximum(group.values("samples"), 1)
    return {
        "lenient": "the same" if same else span(100 * lenient, 2),
        "undecided": mean(100 * undecided, 1 if undecided.any() else 0),
        "spikes until the decision": mean(group.cost("spikes"), 0),
        "decided at": mean(group.cost("time"), 2),
    }


def windows(group: Group) -> Cells:
    """What was measured of windows, and of the ReLUs of which they were made."""
    return {
        HIDDEN: mean(group.values("spikes_per_hidden_neuron"), 2),
        "decided at": mean(group.cost("time"), 2),
        "ReLUs": mean(100 * group.values("relus", "accuracy"), 2),
        "alike": mean(100 * group.values("relus", "agreement"), 2),
        "eight steps": mean(100 * group.values("relus", "steps", EIGHT), 2),
    }


def rates(group: Group) -> Cells:
    """What was measured of firing rates."""
    return {
        "steps": mean(group.values("rate", "steps"), 0),
        HIDDEN: mean(group.values("spikes_per_hidden_neuron"), 2),
    }


KINDS: dict[str, Callable[[Group], Cells]] = {
    "Dense networks": single,
    "Convolutional networks": single,
    "Networks of ReLUs in windows": windows,
    "Firing rates": rates,
}
"""The tables, and what their rows say of what was measured."""


def mean(values: np.ndarray, digits: int) -> str:
    """The mean of what is known.

    >>> mean(np.array([1037.8, np.nan]), 0), mean(np.array([np.nan]), 0)
    ('1,038', '')
    """
    known = values[np.isfinite(values)]
    return f"{known.mean():,.{digits}f}" if known.size else ""


def duration(seconds: np.ndarray) -> str:
    """The mean, in seconds or minutes.

    >>> [duration(np.array([some])) for some in (6.1, 216.0, 3240.0)]
    ['6 s', '3.6 min', '54 min']
    """
    known = seconds[np.isfinite(seconds)]
    if not known.size:
        return ""
    time = float(known.mean())
    return f"{time:.0f} s" if time < 60 else f"{time / 60:.{int(time < 600)}f} min"


def seeds(group: Group) -> str:
    """The seeds, as `ttfs train --seeds` takes them.

    >>> seeds(Group("mine", ({"seed": 2}, {"seed": 0}, {"seed": 1}))), seeds(Group("mine", ({},)))
    ('0-2', '')
    """
    known = sorted(int(seed) for seed in group.values("seed") if np.isfinite(seed))
    if len(known) > 2 and known == list(range(known[0], known[-1] + 1)):
        return f"{known[0]}-{known[-1]}"
    return ",".join(map(str, known))
