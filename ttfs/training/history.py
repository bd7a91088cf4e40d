"""What happened during training, epoch by epoch."""

import csv
import io
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ttfs.checks import as_text, positive, shown, whole
from ttfs.errors import InputError
from ttfs.measures.metrics import Evaluation

ALWAYS = {"epoch", "lr", "loss", "accuracy", "revived", "seconds"}  # in every record
SHARES = ("accuracy", "validation_", "silent_")  # prefixes of figures from 0 to 1


@dataclass
class History:
    """What happened during training.

    records: one dictionary for each epoch: `epoch`, `lr`, `loss`, `accuracy` (on training
        samples as they were seen), `validation_accuracy`, `validation_accuracy_lenient`,
        `validation_undecided`, for each layer `silent_1` and `latency_1`, ..., `revived`, and
        `seconds`, not counting compilation. Accuracies and shares are 0..1.
    best_epoch: the epoch whose weights the network now has.
    warnings: what `diagnose` found during training, each subject once.
    interrupted: whether the training was stopped before its last epoch.

    >>> print(History([{"epoch": 1, "accuracy": 0.5}]).csv())
    epoch,accuracy
    1,0.5
    <BLANKLINE>
    """

    records: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    warnings: list[str] = field(default_factory=list)
    interrupted: bool = False

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
    if not isinstance(told, dict) or set(told) != set(History.__dataclass_fields__):
        raise InputError(f"a history must have {', '.join(History.__dataclass_fields__)}")
    records, warnings = told["records"], told["warnings"]
    if not isinstance(records, list) or not records or not isinstance(warnings, list):
        raise InputError("a history must have a list of epochs, at least one, and of warnings")
    for number, record in enumerate(records, start=1):
        _check_record(record, number)
        if list(record) != list(records[0]):
            raise InputError(f"epoch {number} has other figures than epoch 1")
    if whole(told["best_epoch"], "best_epoch") > len(records):
        raise InputError(f"epoch {told['best_epoch']} cannot be the best of {len(records)}")
    for warning in warnings:
        as_text(warning, "a warning", most=1000)
    if not isinstance(told["interrupted"], bool):
        raise InputError("interrupted must be true or false")
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
            raise InputError(f"{whose} must be a share, got {value!r}")
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
    """A summary of an epoch in one line."""
    parts = [f"epoch {record['epoch']:.0f}/{epochs}", f"train {100 * record['accuracy']:.2f} %"]
    if "validation_accuracy" in record:
        strict, lenient = record["validation_accuracy"], record["validation_accuracy_lenient"]
        parts.append(f"validation {100 * strict:.2f} % (lenient {100 * lenient:.2f} %)")
    layers = [key[7:] for key in record if key.startswith("silent_")]
    for k in layers:
        silent, latency = record[f"silent_{k}"], record[f"latency_{k}"]
        parts.append(f"layer {k}: {100 * silent:.0f} % silent, mean time {latency:.3g}")
    if record["revived"]:
        parts.append(f"{record['revived']:.0f} revived")
    parts.append(f"{record['seconds']:.1f} s")
    return " | ".join(parts)
