"""A training run, from a recipe to a folder of results, and the report on a model."""

import os
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ttfs import datasets
from ttfs.cli.locks import alone_in
from ttfs.datasets.dataset import Dataset
from ttfs.errors import InputError, RunError, TTFSError
from ttfs.files import interrupts
from ttfs.files.interrupts import Interrupts
from ttfs.files.json_text import as_json
from ttfs.files.versions import versions
from ttfs.files.writing import check_replaceable, remove_unfinished, write_atomically
from ttfs.formats.model_file import save
from ttfs.kernels.clock import clock
from ttfs.kernels.threads import threads
from ttfs.measures.cost import cost_of
from ttfs.measures.metrics import Evaluation, evaluate
from ttfs.network.network import Network
from ttfs.training.history import History

if TYPE_CHECKING:  # it imports rules and trainers, which only training needs
    from ttfs.presets import Recipe

Log = Callable[[str], None]
SAVED = "stopped; the best weights so far are saved"
CHECKPOINT = "checkpoint.npz"
OUTPUTS = "model.npz", "report.json", "history.csv", CHECKPOINT


@dataclass(frozen=True)
class Run:
    """Where and how a recipe is trained.

    folder: made if absent. seed: determines everything random. resume: continue from the
    checkpoint in the folder. force: overwrite an earlier run. progress: show a progress bar. log:
    called with each line. origin: the model with whose weights the recipe begins, if there is one.
    teachers: the models from which the network learns. base: the preset from which the recipe was
    derived, if there is one. pictures: whether to draw some. written: called after each epoch, once
    its checkpoint is on the disk. stopped: what is said after Ctrl-C once all is saved.
    """

    folder: Path
    seed: int = 0
    resume: bool = False
    force: bool = False
    progress: bool | None = None
    log: Log | None = None
    origin: str = ""
    teachers: tuple[str, ...] = ()
    base: str = ""
    pictures: bool = True
    written: Callable[[], object] | None = None
    stopped: str = SAVED

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", Path(self.folder))


def folder_of(name: str, seed: int, within: Path = Path("runs")) -> Path:
    """The folder of a run, unless another one is asked for.

    >>> folder_of("digits", 0).as_posix()
    'runs/digits-seed0'
    """
    return within / f"{name}-seed{seed}"


def train(recipe: "Recipe", run: Run) -> dict[str, Any]:
    """Train a recipe and write model, report, history and pictures; return the report.

    Raises
    ------
    RunError: the folder holds an earlier run, cannot be written to, or is in use by another
        training.
    DatasetError, InputError: data that are absent or do not fit.
    """
    absent = not os.path.exists(run.folder)
    try:
        with interrupts.handled() as ctrl_c, alone_in(run.folder, run.log):
            return _train(recipe, run, ctrl_c)
    except TTFSError:
        if absent:
            with suppress(OSError):  # raised if there is something in the folder
                run.folder.rmdir()
        raise


def _train(recipe: "Recipe", run: Run, ctrl_c: Interrupts) -> dict[str, Any]:
    """Train in a folder into which no other training writes."""
    from ttfs.cli import clocked_runs, pictures  # not needed for a report alone

    log = run.log or (lambda line: None)
    remove_unfinished(run.folder, OUTPUTS)
    check_earlier(run)
    goes_on = run.resume and (run.folder / CHECKPOINT).exists()
    if run.resume and not goes_on:
        log(f"{run.folder} holds no run to resume: starting with epoch 1")
    training, testing = datasets.load(recipe.dataset)
    recipe = recipe.for_data(training)
    network = recipe.network(training.image_shape, training.classes, run.seed)
    log(f"{network}, {kind_of(recipe)} weights, on {len(training):,} samples of {training.name}")
    if run.origin:
        log(f"from {run.origin}, by {recipe.learning()}, as in {run.base or 'the default recipe'}")
    for teacher in run.teachers:
        log(f"taught by {teacher}")
    trainer = recipe.trainer(network, run.seed, teacher=run.teachers or None)
    history = trainer.fit(
        training.encoded(recipe.encoder),
        training.labels,
        epochs=recipe.epochs,
        checkpoint=run.folder / CHECKPOINT,
        resume=run.resume,
        written=partial(after_epoch, run, goes_on),
        progress=run.progress,
        log=run.log,
    )
    names, network = network.names, trainer.network  # of modules that are no network: None
    if not history.records and earlier(run):  # worth more than an untrained network
        raise KeyboardInterrupt(interrupts.STOPPED)
    recipe = replace(recipe, epochs=max(recipe.epochs, len(history.records)))
    samples, rate = len(training), recipe.rates()
    del training
    drawn = " and drawing pictures" if run.pictures else ""
    log(f"evaluating {len(testing):,} test samples{drawn}")
    stimuli = testing.encoded(recipe.encoder)
    if rate is not None:
        report = clocked_runs.measure(trainer, stimuli, testing)
        report |= told(recipe, run, history, samples)
        steps = "1 step" if rate.steps == 1 else f"{rate.steps} steps"
        response = f"rates of {steps}, {rate.told()}"
        report |= {"response": response, "input_window": rate.steps}
        clocked_runs.keep(run.folder, network, stimuli, recipe, report, log)
    else:
        report = measure(network, stimuli, testing) | told(recipe, run, history, samples)
        report |= {"cost": asdict(cost_of(network, stimuli)), **recipe.more(trainer, testing)}
        save(run.folder / "model.npz", network, encoder=recipe.encoder, report=report)
    write_report(run.folder / "report.json", report)
    write_atomically(run.folder / "history.csv", history.csv().encode())
    ctrl_c.release(run.stopped)
    if not run.pictures:
        return report
    pictures.training(run.folder, history, recipe.unit, names)
    if rate is None:
        title = f"{testing.name} test 0, label {testing.labels[0]}"
        pictures.raster(run.folder, network, stimuli[0], title)
        pictures.latencies(run.folder, network, stimuli, testing.labels)
    return report


def told(recipe: "Recipe", run: Run, history: History, samples: int) -> dict[str, Any]:
    """What a report says about how its network was trained, on that number of samples."""
    from ttfs.presets import name_of

    other = bool(run.teachers) != bool(recipe.teacher)  # than the preset's own teacher
    epochs = len(history.records)
    seconds = sum(record["seconds"] for record in history.records)
    return {
        "seconds": seconds,
        "samples_per_second": samples * epochs / seconds if epochs else 0.0,
        "seed": run.seed,
        "epochs": epochs,
        "best_epoch": history.best_epoch,
        "interrupted": history.interrupted,
        "warnings": history.warnings,
        "threads": threads(),
        "preset": None if other else name_of(recipe),
        "response": repr(recipe.psp),
        "weights": kind_of(recipe),
        "learning": recipe.learning(),
        "input_window": recipe.encoder.window,
        "augmentation": [repr(each) for each in recipe.augmentation],
        "published": recipe.published,
        "recipe": repr(recipe),
        "origin": run.origin,
        "teachers": list(run.teachers),
        "base": run.base,
    }


def kind_of(recipe: "Recipe") -> str:
    """The kind of its weights, in words."""
    return "one-bit" if recipe.binary else "real"


def check_earlier(run: Run) -> None:
    """Refuse a folder with anything in it that would be lost, or be in the way at the end."""
    for name in OUTPUTS:
        try:
            check_replaceable(run.folder / name)
        except OSError as error:
            reason = error.strerror or error
            raise RunError(f"{run.folder / name} cannot be written: {reason}") from None
    found = earlier(run)
    if run.resume and found and not run.force and CHECKPOINT not in found:
        raise RunError(
            f"{run.folder} holds {found[0]} but no {CHECKPOINT} to continue from:"
            " --force overwrites that run, --out chooses another folder"
        )
    if found and not (run.resume or run.force):
        raise RunError(
            f"{run.folder} already holds {found[0]}: --resume continues that run,"
            " --force overwrites it, --out chooses another folder"
        )


def earlier(run: Run) -> list[str]:
    """The files of an earlier run in the folder."""
    return [name for name in OUTPUTS if (run.folder / name).exists()]


def after_epoch(run: Run, goes_on: bool) -> None:
    """A checkpoint is on the disk."""
    if not goes_on:
        clear(run.folder)
    if run.written is not None:
        run.written()


def clear(folder: Path) -> None:
    """Remove what an earlier run, which is not resumed, left beside the checkpoint of this run.

    Only that checkpoint makes these files obsolete. Those that remain are overwritten at the end.
    """
    for name in OUTPUTS:
        if name != CHECKPOINT:
            with suppress(OSError):
                (folder / name).unlink()


def measure(network: Network, stimuli: np.ndarray, data: Dataset) -> dict[str, Any]:
    """The report on a network, for a split of labelled data."""
    return report_on(network, data, *examine(network, stimuli, data))


def examine(
    network: Network, stimuli: np.ndarray, data: Dataset, executor: Executor | None = None
) -> tuple[Evaluation, float]:
    """The evaluation of a network on a split of labelled data, and the seconds it took."""
    if data.labels.max() >= network.sizes[-1]:
        raise InputError(
            f"{data.name} has labels up to {data.labels.max()},"
            f" but the network has {network.sizes[-1]} outputs"
        )
    started = clock()
    return evaluate(network, stimuli, data.labels, executor=executor), clock() - started


def report_on(network: Network, data: Dataset, found: Evaluation, seconds: float) -> dict[str, Any]:
    """The report on a network that has been evaluated."""
    return {
        "accuracy": found.accuracy,
        "accuracy_lenient": found.accuracy_lenient,
        "accuracy_spiking": found.accuracy_spiking,
        "samples": found.samples,
        "ties": found.ties,
        "undecided": found.undecided,
        "decision_time_mean": found.decision_time_mean,
        "unit": network.unit,
        "spikes_per_sample": {
            "total": found.spikes_per_sample,
            "until_decision": found.spikes_to_decision,
        },
        "spikes_per_hidden_neuron": found.spikes_per_hidden_neuron,
        "synaptic_operations_per_sample": {
            "total": found.operations_per_sample,
            "until_decision": found.operations_to_decision,
        },
        "silent": found.silent,
        "latency": found.latency,
        "input_lost": found.lost,
        "seconds": seconds,
        "samples_per_second": found.samples / seconds,
        "seed": network.seed,
        "dataset": data.name,
        "split": data.split,
        "network": repr(network),
        "versions": versions(),
    }


def write_report(path: Path, report: dict[str, Any]) -> None:
    """Write a report as JSON; numbers that are not finite become null."""
    write_atomically(path, as_json(report, "the report", indent=2) + b"\n")
