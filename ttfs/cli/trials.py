"""One trial of a sweep: an ordinary run in a folder of its own, and what the sweep compares.

Workers call `train_trial`; all else happens in the process of the sweep.
"""

import argparse
import logging
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ttfs import datasets
from ttfs.checks import of_kind
from ttfs.cli.locks import InUseError
from ttfs.cli.recipes import recipe_of, teachers_of
from ttfs.cli.runs import Run, train, write_report
from ttfs.datasets.datasets import NAMES, Dataset
from ttfs.errors import InputError, RunError
from ttfs.files.json_text import from_json
from ttfs.files.reading import read_file
from ttfs.formats.model_file import load
from ttfs.measures.metrics import evaluate

if TYPE_CHECKING:
    from ttfs.presets import Recipe

FOUND = "trial.json"
SESSION = "session"
MOST = 2**20  # bytes of what was found
MEASURES = "accuracy", "operations", "spikes", "time", "footprint", "bits", "test_accuracy"


def options_of(parser: argparse.ArgumentParser, settings: Mapping[str, Any]) -> argparse.Namespace:
    """The options of `ttfs train` that settings stand for.

    Raises
    ------
    InputError: a value that `ttfs train` refuses.
    """
    words: list[str] = []
    for name, value in settings.items():
        if isinstance(value, list) and name == "hidden":
            words += [f"--{name}", *map(str, value)]
        elif isinstance(value, list | dict):
            raise InputError(f"must be one value, got {value}")
        elif isinstance(value, bool):
            words += [f"--{name}"] * value
        else:
            words.append(f"--{name}={value}")
    return parser.parse_args(words)


@dataclass(frozen=True)
class Begun:
    """A trial that can be trained: its recipe, how it is run, and its settings."""

    recipe: "Recipe"
    run: Run
    settings: dict[str, Any]


def begin(parser: argparse.ArgumentParser, settings: dict[str, Any], folder: Path) -> Begun:
    """The trial with these settings, to be trained in a folder.

    Paths are made absolute, as a worker may be in another folder.
    """
    options = options_of(parser, settings)
    base = options.preset or ""
    if options.origin:
        options.origin = options.origin.absolute()
    if options.dataset and options.dataset not in NAMES and os.path.exists(options.dataset):
        options.dataset = os.path.abspath(options.dataset)
    recipe = recipe_of(options)
    run = Run(
        folder.absolute(),
        seed=options.seed,
        resume=True,
        progress=False,
        origin=str(options.origin or ""),
        teachers=teachers_of(recipe, None, Path("runs").absolute()),
        base=base,
        pictures=False,
    )
    return Begun(recipe, run, settings)


def check(trial: Begun, training: Dataset) -> None:
    """Refuse a trial that could not be trained or compared.

    Raises
    ------
    InputError, ShapeError: settings that do not fit the data; networks that fire many times.
    """
    recipe, seed = trial.recipe.for_images(training.image_shape), trial.run.seed
    if recipe.rates() is not None:
        raise InputError(f"a sweep compares single spikes; {recipe.learning()} is for firing rates")
    if not recipe.held_out(len(training), seed).size:
        raise InputError(f"{training.name} has too few samples to hold any out: {len(training)}")
    network = recipe.network(training.image_shape, training.classes, seed)
    recipe.trainer(network, seed, teacher=trial.run.teachers or None)


def train_trial(trial: Begun, session: str) -> dict[str, Any]:
    """Train a trial, or go on with it, and write down what was found; called by a worker.

    session: what the file of that name in the folder of the sweep says as long as this sweep goes
        on; looked at after each epoch, because nothing else can stop a training on a worker.

    Raises
    ------
    RunError: the sweep was stopped.
    """
    import numba
    from tqdm import tqdm

    tqdm.set_lock(threading.RLock())  # its own would outlive a process that is killed
    logging.getLogger("ttfs").setLevel(logging.CRITICAL)  # nobody is told that something compiles
    numba.set_num_threads(1)
    folder = trial.run.folder
    wanted = partial(_wanted, folder.parent / SESSION, session)
    found: dict[str, Any] = {"settings": trial.settings}
    try:
        report = _alone(trial.recipe, replace(trial.run, written=wanted), wanted)
        found["measures"] = measured(trial.recipe, folder, trial.run.seed, report)
    except InputError as error:  # such as weights that grow without limit
        folder.mkdir(exist_ok=True)
        found["error"] = str(error)
    write_report(folder / FOUND, found)
    return found


def _wanted(file: Path, session: str) -> None:
    """Stop if the sweep has been stopped."""
    try:
        if file.read_text() == session:
            return
    except OSError:
        pass
    raise RunError(f"the sweep was stopped, or this worker does not see {file.parent} as it is")


def _alone(recipe: "Recipe", run: Run, wanted: Any) -> dict[str, Any]:
    """Train; if another worker still does, which Dask has lost sight of, once it has ended."""
    while True:
        wanted()
        try:
            return train(recipe, run)
        except InUseError:
            time.sleep(1)


def measured(recipe: "Recipe", folder: Path, seed: int, report: dict[str, Any]) -> dict[str, float]:
    """What a sweep compares: all of it on held-out training data, and beside it the test accuracy.

    A network that decides nothing is given its horizon as decision time.
    """
    training, _ = datasets.load(recipe.dataset)
    recipe = recipe.for_images(training.image_shape)
    some = recipe.held_out(len(training), seed)
    network = load(folder / "model.npz").network
    found = evaluate(network, recipe.encoder(training.images[some]), training.labels[some])
    decided = min(found.decision_time_mean, network.t_max)
    cost = report["cost"]
    return {
        "accuracy": found.accuracy,
        "operations": found.operations_to_decision,
        "spikes": found.spikes_to_decision,
        "time": decided / recipe.encoder.window,
        "footprint": cost["footprint_bits"] / 8000,
        "bits": float(cost["weight_bits"] + cost["other_bits"]),
        "test_accuracy": report["accuracy"],
    }


def found_in(folder: Path, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """What an earlier sweep found for a trial with these settings; None if it is not done.

    Raises
    ------
    RunError: a trial with other settings, or a file that no sweep has written.
    """
    path = folder / FOUND
    try:
        found = from_json(read_file(path, MOST))
        of_kind(found, dict, "it", "a record of a trial")
        if "error" in found:
            of_kind(found["error"], str, "error", "a text")
        else:
            measures = of_kind(found.get("measures"), dict, "measures", "a table")
            for name in MEASURES:
                of_kind(measures.get(name), int | float, name, "a number")
    except FileNotFoundError:
        return None
    except (InputError, OSError) as error:
        raise RunError(f"{path} is not the record of a trial: {error}") from None
    if found.get("settings") != settings:
        raise RunError(f"{path} is of a trial with other settings: choose another --out")
    return found
