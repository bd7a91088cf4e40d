"""What a rule is given to learn from, and how it is divided into steps."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ttfs.losses import Answers
from ttfs.network.network import Network
from ttfs.optimizers import Optimizer, Slots


class Batch(NamedTuple):
    """Samples that make up one step."""

    times: np.ndarray
    labels: np.ndarray
    answers: Answers | None = None


class Lesson(NamedTuple):
    """Samples that a network learns from, one batch after the other.

    network: changed in place.
    times, labels: (samples, inputs) and (samples,), from which `order` selects.
    slots: what the optimizer stores for each parameter, and what the rule stores, as "rule".
    lr: learning rate of the weights.
    done: share of the training that is done.
    answers: what teachers say to all these samples, if there are any.
    """

    network: Network
    times: np.ndarray
    labels: np.ndarray
    order: np.ndarray
    batch_size: int
    optimizer: Optimizer
    slots: dict[str, Slots]
    lr: float
    done: float = 0.0
    answers: Answers | None = None

    def batches(self) -> Iterator[Batch]:
        """The samples in the given order, `batch_size` at a time."""
        for start in range(0, len(self.order), self.batch_size):
            chosen = self.order[start : start + self.batch_size]
            answers = None if self.answers is None else self.answers.chosen(chosen)
            yield Batch(self.times[chosen], self.labels[chosen], answers)

    def decay(self, weight_decay: float) -> None:
        """Shrink the weights at once by as much as the steps of this lesson would have done."""
        if weight_decay:
            steps = -(-len(self.order) // self.batch_size)
            for layer, latent in zip(self.network.layers, self.network.latents, strict=True):
                lr = self.lr * layer.weights.rate
                latent *= latent.dtype.type(max(0.0, 1 - lr * weight_decay) ** steps)
