"""Exact gradients of spike times, for networks with ramp responses."""

from dataclasses import dataclass, field

import numpy as np

from ttfs.checks import flag, of_kind, positive
from ttfs.codes.decoding import hits
from ttfs.engines.crossings import cross, spikes_of
from ttfs.gradients.signals import signals
from ttfs.losses import CrossEntropy, Distilled, Loss
from ttfs.network.network import Network
from ttfs.network.psp import Ramp
from ttfs.optimizers import Rate, Slots, rate_at
from ttfs.rules import descent
from ttfs.rules.descent import Descent, Told
from ttfs.rules.lesson import Batch, Lesson
from ttfs.silence import Cure


@dataclass(frozen=True)
class Exact:
    """Gradient descent on spike times, with the exact derivative of each threshold crossing.

    With a ramp response, a neuron fires where a straight line meets its threshold, so its spike
    time has a closed-form derivative with respect to each weight and input time (Zhang et al.
    2021, arXiv 2003.11837, section III; for a finite rise, derived for this project). It is
    undefined only where the set of causes changes. Binary weights learn straight through their
    signs: the derivative with respect to a weight is used for its latent weight.

    Parameters
    ----------
    loss: a loss on the spike times of the outputs.
    floor: least slope in the gradient, in thresholds for each unit of time; it limits
        gradients, which are large where a potential only just reaches its threshold.
    weight_decay: shrinking of the weights, relative to the learning rate, for each step.
    learn_silent: whether a silent output that should fire learns as if the straight line on
        which its potential ends had met the threshold at the horizon; otherwise it can learn
        only from a cure, or from samples for which it does fire.
    sparsity: penalty for each unit of time by which a hidden spike comes before the decision,
        so that fewer spikes are needed.
    cures: cures for silence, see `ttfs.silence`.
    rise: learn through ramps of this rise, or of rises that a schedule such as
        `Linear(4, 0.1)` gives for the share of training done, whatever the network's own
        response, which is used for validation and in the finished network. Rises that become
        short lead from ramps to steps.
    spread: carry errors back to all inputs that came before a spike, not only to those whose
        ramps were still rising, of which there are few when rises are short.

    >>> Exact(floor=0.5, weight_decay=0.01).weight_decay
    0.01
    """

    loss: Loss = field(default_factory=CrossEntropy)
    floor: float = 0.1
    weight_decay: float = 0.0
    learn_silent: bool = True
    sparsity: float = 0.0
    cures: tuple[Cure, ...] = ()
    rise: Rate | None = None
    spread: bool = False

    def __post_init__(self) -> None:
        of_kind(self.loss, Loss, "Exact(loss=...)", "one of ttfs.losses, such as CrossEntropy()")
        positive(self.floor, "Exact(floor=...)", zero=True)
        positive(self.weight_decay, "Exact(weight_decay=...)", zero=True)
        positive(self.sparsity, "Exact(sparsity=...)", zero=True)
        object.__setattr__(self, "cures", descent.as_cures(self.cures, "Exact"))
        flag(self.learn_silent, "Exact(learn_silent=...)")
        flag(self.spread, "Exact(spread=...)")
        if self.rise is not None and not callable(self.rise):
            Ramp(self.rise)

    def check(self, network: Network) -> None:
        """Refuse a network whose potentials jump, and cures that do not fit the network."""
        if self.rise is None:
            descent.check_response(network, Ramp, "Exact")
        descent.check_cures(network, self.cures)

    @property
    def taught(self) -> Distilled | None:
        """What this rule learns from a teacher; None if it needs none."""
        return self.loss if isinstance(self.loss, Distilled) else None

    def memory(self) -> Slots:
        """What is remembered from batch to batch."""
        return descent.memory(self.cures)

    def train(self, lesson: Lesson) -> tuple[float, int]:
        """Learn from a lesson; return loss and hits, summed."""
        psp = None if self.rise is None else Ramp(rate_at(self.rise, lesson.done))
        return Descent(self._tell, self.weight_decay, self.cures, psp).train(lesson)

    def _tell(self, network: Network, batch: Batch) -> Told:
        """The loss of a batch, and the error signal of every spike."""
        found = cross(network, batch.times)
        outputs = spikes_of(network, found, len(network.layers) - 1)
        taught, answers = self.taught, batch.answers
        if taught is None or answers is None:
            loss, errors = self.loss.errors(outputs, batch.labels, network.t_max)
        else:
            loss, errors = taught.errors(outputs, batch.labels, network.t_max, answers)
            errors += taught.pulls(len(network.layers), outputs, network.t_max, answers)
        if self.learn_silent:
            descent.reach(outputs, errors, network.t_max)

        def hidden(layer: int, spikes: np.ndarray) -> np.ndarray:
            decision, price = outputs.min(axis=1, keepdims=True), self.sparsity
            moved = np.where(spikes < decision, -price, 0)
            if taught is not None and answers is not None:
                moved = moved + taught.pulls(layer + 1, spikes, network.t_max, answers)
            return (moved / len(outputs)).astype(network.dtype)

        pulled = taught is not None and taught.layers
        told = signals(
            network,
            batch.times,
            found,
            errors / len(outputs),
            floor=self.floor,
            rise=np.inf if self.spread else None,
            hidden=hidden if self.sparsity or pulled else None,
        )
        return Told(loss, hits(outputs, batch.labels), list(told))

    def end_epoch(self, network: Network, silent: list[np.ndarray], seed: list[int]) -> int:
        """Revive dead hidden neurons, if that is among the cures; return how many."""
        return descent.revive(network, self.cures, silent, seed)
