"""What happened during training, epoch by epoch."""

import csv
import io
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ttfs.checks import as_text, positive, quantity, shown, whole
from ttfs.errors import InputError
from ttfs.measures.metrics import Evaluation

ALWAYS = {"epoch", "lr", "loss", "accuracy", "revived", "seconds"}  # in every record
WIDTH = 100  # characters of a line
SHARES = ("accuracy", "validation_", "silent_")  # prefixes of figures from 0 to 1


@dataclass(repr=False)
class History:
    """What happened during training.

    records: one dictionary for each epoch: `epoch`, `lr`, `loss`, `accuracy` (on training
        samples as they were seen), `validation_accuracy`, `validation_accuracy_lenient`,
        `validation_undecided`, for each layer `silent_1` and `latency_1`, ..., `revived`, and
        `seconds`, not counting compilation. Accuracies and shares are 0..1.
    best_epoch: the epoch whose weights the network now has.
    warnings: what `diagnose` found during training, each subject once.
    interrupted: whether the training was stopped before its last epoch.
    planned: how many epochs there are to be.

    It prints as a line for each epoch, and then what else there is to say.

    >>> print(History([{"epoch": 1, "accuracy": 0.5}]).csv())
    epoch,accuracy
    1,0.5
    <BLANKLINE>
    """

    records: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    warnings: list[str] = field(default_factory=list)
    interrupted: bool = False
    planned: int = 0

    def __repr__(self) -> str:
        done, best = len(self.records), self.best_epoch
        return f"<History of {quantity(done, 'epoch')}, best {best}>"

    def __str__(self) -> str:
        planned = max(self.planned, len(self.records))
        lines = [line(record, planned) for record in self.records]
        lines.append(f"best epoch: {self.best_epoch}" + ", interrupted" * self.interrupted)
        return "\n".join([*lines, *(f"warning: {warning}" for warning in self.warnings)])

    def csv(self) -> str:
        """The records as comma-separated text, a line for each epoch."""
        text = io.StringIO()
        names = list(self.records[0]) if self.records else ["epoch"]
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.records)
        return text.getvalue()


def checked(told: Any) -> History:
    """The history in a file, once checked for everything that a training would have recorded.

    Raises
    ------
    InputError: something is missing, of the wrong kind, or impossible.
    """
    fields = set(History.__dataclass_fields__)
    if not isinstance(told, dict) or set(told) | {"planned"} != fields:
        raise InputError(f"a history must have {', '.join(History.__dataclass_fields__)}")
    told = {"planned": 0} | told  # older files do not say
    records, warnings = told["records"], told["warnings"]
    if not isinstance(records, list) or not records or not isinstance(warnings, list):
        raise InputError("a history must have a list of epochs, at least one, and of warnings")
    for number, record in enumerate(records, start=1):
        _check_record(record, number)
        if list(record) != list(records[0]):
            raise InputError(f"epoch {number} has other columns than epoch 1")
    if whole(told["best_epoch"], "best_epoch") > len(records):
        raise InputError(f"epoch {told['best_epoch']} cannot be the best of {len(records)}")
    for warning in warnings:
        as_text(warning, "a warning", most=1000)
    if not isinstance(told["interrupted"], bool):
        raise InputError("interrupted must be true or false")
    whole(told["planned"], "planned", least=0)
    return History(**told)


def _check_record(record: Any, number: int) -> None:
    """Check the figures of one epoch; a mean time is NaN where no neuron fired."""
    if not isinstance(record, dict) or not set(record) >= ALWAYS:
        raise InputError(f"epoch {number} must have {', '.join(sorted(ALWAYS))}")
    for name, value in record.items():
        whose = f"epoch {number}: {shown(name, 40)}"
        as_text(name, f"epoch {number}: a name")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"{whose} must be a number")
        if not math.isfinite(value) and not (name == "loss" or name.startswith("latency_")):
            raise InputError(f"{whose} must be finite, got {value!r}")
        if name.startswith(SHARES) and not 0 <= value <= 1:
            raise InputError(f"{whose} must be a fraction, got {value!r}")
    positive(record["seconds"], f"epoch {number}: seconds")
    positive(record["revived"], f"epoch {number}: revived", zero=True)
    if record["epoch"] != number:
        raise InputError(f"epoch {number} is called {record['epoch']!r}")


def record_of(evaluation: Evaluation, validated: bool) -> dict[str, float]:
    """The part of an epoch's record that comes from an evaluation."""
    record: dict[str, float] = {}
    if validated:
        record = {
            "validation_accuracy": evaluation.accuracy,
            "validation_accuracy_lenient": evaluation.accuracy_lenient,
            "validation_undecided": evaluation.undecided / evaluation.samples,
        }
    for k in range(1, len(evaluation.silent)):
        record |= {f"silent_{k}": evaluation.silent[k], f"latency_{k}": evaluation.latency[k]}
    return record


def note_warnings(history: History, warnings: list[str], log: Callable[[str], None]) -> None:
    """Record and log the warnings that are new, each subject once."""
    for warning in warnings:
        if warning.split(":")[0] not in {w.split(":")[0] for w in history.warnings}:
            history.warnings.append(warning)
            log(f"warning: {warning}")


def line(record: dict[str, float], epochs: int) -> str:
    """A summary of an epoch in one line of at most `WIDTH` characters.

    The shares of silent neurons are those of the layers in their order, or the least and the
    largest of them where there is no room for all; the lenient accuracy is left out if need be.

    >>> line({"epoch": 2, "accuracy": 0.5, "silent_1": 0.4, "silent_2": 0, "seconds": 3}, 10)
    'epoch 2/10 | train 50.00 % | silent by layer: 40, 0 % | 3.0 s'
    """
    parts = [f"epoch {record['epoch']:.0f}/{epochs}", f"train {100 * record['accuracy']:.2f} %"]
    strict = lenient = ""
    if "validation_accuracy" in record:
        share = record["validation_accuracy"]
        shares = share, record.get("validation_accuracy_lenient", share)
        strict, lenient = (f"{100 * share:.2f} %" for share in shares)
        strict, lenient = f"validation {strict}", f" (lenient {lenient})" * (strict != lenient)
    last = [f"{record['revived']:.0f} revived"] if record.get("revived") else []
    seconds = record["seconds"]
    last.append(f"{seconds:.1f} s" if seconds < 100 else f"{seconds:.0f} s")
    silent = [100 * share for name, share in record.items() if name.startswith("silent_")]
    each = "by layer: " + ", ".join(f"{share:.0f}" for share in silent)
    extremes = f"{min(silent, default=0):.0f} to {max(silent, default=0):.0f}"
    for more, told in ((lenient, each), (lenient, extremes), ("", extremes)):
        validated = [strict + more] if strict else []
        layers = [f"silent {told} %"] if silent else []
        found = " | ".join([*parts, *validated, *layers, *last])
        if len(found) <= WIDTH:
            break
    return found


def nothing_left(done: int, epochs: int) -> str:
    """What is said where as many epochs are done as were asked for, or more.

    >>> nothing_left(60, 3)
    'nothing is left to train: 60 epochs are done, more than the 3 asked for'
    """
    all_of_them = f"{done} of {epochs} epochs are done"
    more = f"{done} epochs are done, more than the {epochs} asked for"
    return f"nothing is left to train: {more if done > epochs else all_of_them}"


def plan(
    history: History, epochs: int, log: Callable[[str], None], *, scheduled: bool = True
) -> None:
    """Record how many epochs are planned; warn if the training has begun with another plan.

    scheduled: whether it matters to the epochs themselves how many there are.
    """
    done = len(history.records)
    if done >= epochs:
        return
    if done and scheduled and history.planned not in (epochs, 0):
        change = f"training continues to epoch {epochs} instead of {history.planned}"
        told = "from here on, schedules such as the learning rate's follow the new plan"
        note_warnings(history, [f"epochs after {done}: {change}; {told}"], log)
    history.planned = epochs
