"""A sweep, from its plan to a table: many trainings that differ in some settings."""

import argparse
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from shutil import get_terminal_size
from typing import Any

from ttfs import datasets
from ttfs.checks import shown
from ttfs.cli.locks import alone_in
from ttfs.cli.sweep_results import Results
from ttfs.cli.trials import FOUND, SESSION, Begun, begin, check, found_in, options_of, train_trial
from ttfs.errors import DatasetError, InputError, RunError
from ttfs.files import interrupts
from ttfs.files.writing import write_atomically
from ttfs.sweeps.cluster import check_installed, joined, local
from ttfs.sweeps.driver import drive
from ttfs.sweeps.plan import Plan, read_plan
from ttfs.sweeps.search import Listed, Search, Trial
from ttfs.training.progress import Bar

PLAN = "sweep.toml"
STOPPED = "stopped; the same command goes on from the last epoch of each trial"


def sweep(train: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Carry out a plan; print and write what was found.

    train: the parser of `ttfs train`, whose options are the settings of the plan.
    """
    plan = read_plan(options.plan, partial(options_of, train))
    folder = options.out or Path("runs") / options.plan.stem
    check_trials(train, plan, options.plan, folder)
    check_installed()
    results = Results(plan)
    with interrupts.handled() as ctrl_c, alone_in(folder):
        keep_plan(plan, options.plan, folder)
        ctrl_c.keep()
        try:
            carry_out(
                results,
                folder,
                lambda trial: begin(train, trial.settings, place(folder, trial)),
                options,
                ctrl_c.check,
            )
        except KeyboardInterrupt:
            raise KeyboardInterrupt(STOPPED) from None
        if not options.quiet:
            width = get_terminal_size().columns if sys.stdout.isatty() else None
            print(f"\n{results.table(width)}\n")
        results.write(folder)
    if not options.quiet:
        print(f"written to {folder}")


def check_trials(train: argparse.ArgumentParser, plan: Plan, file: Path, folder: Path) -> None:
    """Refuse a plan with a trial that could not be trained, as far as that is known before."""
    known = cache(lambda dataset: datasets.load(dataset)[0])
    seen = set()
    for where, settings in plan.examples():
        try:
            trial = begin(train, settings, folder)
            recipe = trial.recipe
            kind = repr((recipe.dataset, recipe.layers, recipe.psp, recipe.rule, recipe.encoder))
            if kind not in seen:  # numbers such as learning rates have been checked by the parser
                seen.add(kind)
                check(trial, known(trial.recipe.dataset))
        except (InputError, DatasetError) as error:
            told = ", ".join(f"{key} = {shown(value, 60)}" for key, value in settings.items())
            raise InputError(f"{file}: {where}: {error} ({told})") from None


def keep_plan(plan: Plan, file: Path, folder: Path) -> None:
    """Keep a copy of the plan in the folder of the sweep, which must be of the same plan.

    Raises
    ------
    RunError: the folder is of another plan; only the number of trials may have changed.
    """
    if (folder / PLAN).exists():
        earlier = read_plan(folder / PLAN, lambda settings: None)
        if key := plan.difference(earlier):
            raise RunError(
                f"{folder} holds a sweep that differs from {file} in {key}: choose another --out"
            )
    write_atomically(folder / PLAN, file.read_bytes())


def carry_out(
    results: Results,
    folder: Path,
    begin: Callable[[Trial], Begun],
    options: argparse.Namespace,
    glance: Callable[[], object],
) -> None:
    """Have all trials trained that are not yet done, and collect what is found.

    begin: what a trial comes to. glance: called all the while.
    """
    plan = results.plan
    trials = Search(plan, folder) if plan.kind == "search" else Listed(plan)
    bar = Bar(False if options.quiet else None, plan.n, 0, "trial")
    say = bar.through(None if options.quiet else partial(print, flush=True))
    with ExitStack() as stack:
        stack.callback(bar.close)

        @cache
        def client() -> Any:
            """Where trials are trained, once there is one to train."""
            most = plan.n - len(results.found)
            most = min(most, plan.parallel) if plan.kind == "search" else most
            here = partial(local, options.workers, most)
            found = stack.enter_context(joined(options.scheduler) if options.scheduler else here())
            tell_beginning(plan.n, sum(1 for _ in folder.glob(f"*/{FOUND}")), found, say)
            return found

        begun: dict[int, Begun | None] = {}

        def known(trial: Trial) -> Any:
            """What an earlier sweep has found, or why the trial cannot be begun."""
            found = found_in(place(folder, trial), trial.settings)
            if found is None:
                try:
                    begun[trial.number] = begin(trial)
                except InputError as error:  # settings that do not go together
                    begun[trial.number] = None
                    return {"settings": trial.settings, "error": str(error)}
            return found

        def submit(trial: Trial, session: str) -> Any:
            key, task = f"trial-{trial.number}-{session}", begun[trial.number]
            return client().submit(train_trial, task, session, key=key, pure=False)

        def done(trial: Trial, found: Any) -> None:
            results.found[trial.number] = dict(found)
            bar.update()
            if trial.number in begun:
                say(results.line(trial, results.found[trial.number]))

        with session_in(folder) as session:  # over before the workers are, which then come to rest
            drive(trials, known, partial(submit, session=session), done, glance)


@contextmanager
def session_in(folder: Path) -> Iterator[str]:
    """A context in which the workers that are given its name go on with their trials."""
    session = secrets.token_hex(8)
    write_atomically(folder / SESSION, session.encode())
    try:
        yield session
    finally:
        with suppress(OSError):
            (folder / SESSION).unlink()


def place(folder: Path, trial: Trial) -> Path:
    """The folder of a trial in that of its sweep."""
    return folder / f"trial-{trial.number:03d}"


def tell_beginning(trials: int, done: int, client: Any, say: Callable[[str], object]) -> None:
    """Say what there is to do, and where it can be watched."""
    workers = len(client.scheduler_info(n_workers=-1)["workers"])
    where = {0: "waiting for workers", 1: "on 1 worker"}.get(workers, f"on {workers} workers")
    say(f"{trials} trials{f', {done} of them done' if done else ''}, {where}")
    say(f"Dask's dashboard: {client.dashboard_link}")
