"""What happened in a training, epoch by epoch."""

import csv
import io
from dataclasses import dataclass, field


@dataclass
class History:
    """What happened in a training.

    records: one dictionary for each epoch: `epoch`, `lr`, `loss`, `accuracy` (on training
        samples as they were met), `validation_accuracy`, `validation_accuracy_lenient`,
        `validation_undecided`, per layer `silent_1` and `latency_1`, ..., `revived`,
        `seconds`, without those of compiling. Accuracies and shares are 0..1.
    best_epoch: the epoch whose weights the network now has.
    warnings: what `diagnose` found on the way, each sentence once.
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
