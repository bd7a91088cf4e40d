"""`ttfs train --all-presets`: every preset with every seed, whatever an earlier call has left."""

import argparse
import sys
from collections.abc import Iterable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from ttfs import datasets
from ttfs.checks import quantity, shown
from ttfs.cli.comparison import groups, grown, report_of
from ttfs.cli.recipes import teachers_of
from ttfs.cli.results import results
from ttfs.cli.runs import Run, folder_of, train
from ttfs.errors import InputError, RunError, TTFSError
from ttfs.files import interrupts
from ttfs.presets import PRESETS, name_of
from ttfs.presets.table import in_order

GO_ON = "stopped; the same command goes on from the last epoch"
OTHERS = (
    *("preset", "full", "dataset", "hidden", "layers", "from", "weights", "epochs"),
    *("batch-size", "lr", "gamma", "teacher", "seed", "force"),
)
"""Options that make something else of a preset, or are for a single training."""


def train_all(options: argparse.Namespace) -> None:
    """Train what is left of all presets, one run after the other; print the tables of results.

    Raises
    ------
    InputError: options that do not go together. RunError: something is still left to train.
    """
    given = vars(options) | {"from": options.origin, "batch-size": options.batch_size}
    for name in OTHERS:
        if given[name]:
            raise InputError(f"--all-presets trains presets as they are: omit --{name}")
    within = options.out or Path("runs")
    settings: dict[str, Any] = {"resume": True, "pictures": False, "stopped": GO_ON}
    runs = [
        Run(folder_of(name, seed, within), base=name, seed=seed, **settings)
        for seed in options.seeds or range(3)
        for name in in_order()
    ]
    train_in_turn([run for run in runs if not is_complete(run)], quiet=options.quiet)
    done = [run.folder for run in runs if is_complete(run)]
    if done and not options.quiet:
        print("", results(groups(done)), sep="\n")
    left = [run.folder.name for run in runs if run.folder not in done]
    if left:
        raise RunError(f"{len(left)} of {len(runs)} runs are left to train: {', '.join(left)}")


def train_in_turn(runs: list[Run], *, quiet: bool) -> None:
    """Train one after the other. What cannot be trained is named first; all others go on."""
    log, progress = (None, False) if quiet else (partial(print, flush=True), None)
    refused = obstacles(dict.fromkeys(run.base for run in runs))
    for why in dict.fromkeys(refused.values()):
        warn(f"skipped: {', '.join(name for name in refused if refused[name] == why)}: {why}")
    runs = [run for run in runs if run.base not in refused]
    with interrupts.handled() as ctrl_c:
        for number, run in enumerate(runs, 1):
            ctrl_c.release(GO_ON)
            if is_complete(run):  # another process has been here meanwhile
                continue
            if log:
                log(f"\n{run.base}, seed {run.seed}: run {number} of {len(runs)}, in {run.folder}")
            try:
                check_epochs(run)
                taught = replace(run, teachers=teachers(run), log=log, progress=progress)
                report = train(PRESETS[run.base], taught)
            except KeyboardInterrupt:
                raise KeyboardInterrupt(GO_ON) from None
            except TTFSError as error:
                warn(f"{run.base}, seed {run.seed}: {error}")
                continue
            if report["interrupted"]:
                raise KeyboardInterrupt(GO_ON)


def teachers(run: Run) -> tuple[str, ...]:
    """The model from which a preset learns, if it has a teacher.

    Raises
    ------
    RunError: its teacher is not trained to the end.
    """
    recipe, within = PRESETS[run.base], run.folder.parent
    if recipe.teacher:
        folder = folder_of(recipe.teacher, 0, within)
        if not is_complete(replace(run, folder=folder, base=recipe.teacher, seed=0)):
            raise RunError(f"it learns from {folder}, which is not trained to the end")
    return teachers_of(recipe, None, within)


def is_complete(run: Run) -> bool:
    """Whether the folder of a run holds its preset, as it is now, trained to the last epoch."""
    try:
        report = report_of(run.folder)
    except RunError:
        return False
    recipe = PRESETS[run.base]
    found = report["recipe"], report.get("preset"), report.get("seed"), report.get("interrupted")
    return found == (repr(recipe), name_of(recipe), run.seed, False) and not grown(report)


def check_epochs(run: Run) -> None:
    """Refuse to go on with a run of other epochs, as schedules follow their number.

    Raises
    ------
    RunError: there is one in the folder.
    """
    try:
        report = report_of(run.folder)
    except RunError:
        return
    wanted = PRESETS[run.base].epochs
    done = wanted if report.get("epochs") is None else report["epochs"]
    ended = report.get("interrupted") is False
    if (ended and done != wanted) or grown(report):
        raise RunError(
            f"{run.folder} holds a run of {quantity(done, 'epoch')} that is not this preset, which"
            f" has {wanted} from the start: move it, or choose another folder with --out"
        )


def obstacles(names: Iterable[str]) -> dict[str, str]:
    """Why presets cannot be trained here, by their names: data or packages that are missing."""
    load = cache(datasets.load)
    found: dict[str, str] = {}
    for name in names:
        recipe = PRESETS[name]
        try:
            training, _ = load(recipe.dataset)
            network = recipe.network(training.image_shape, training.classes, 0)
            if not recipe.teacher:  # whoever has one cannot begin without it
                recipe.trainer(network, 0)
            elif recipe.teacher in found:
                found[name] = found[recipe.teacher]
        except TTFSError as error:
            found[name] = str(error)
    return found


def warn(what: str) -> None:
    """Print a line to the error stream."""
    print(f"ttfs: {shown(what)}", file=sys.stderr, flush=True)
