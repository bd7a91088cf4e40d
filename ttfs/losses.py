"""How wrong the spike times of the outputs are, and in which direction each should move.

All losses have one interface. `errors(times, labels, t_max)` takes output spike times
(samples, outputs) and labels (samples,). It returns the loss summed over the samples, and its
derivative with respect to each time, (samples, outputs) in float64; both are always finite.
Silence (inf), or a time past `t_max`, counts as a spike at `t_max`, and the derivative is taken
with respect to the clipped time: the learning rule decides whether a silent neuron can learn
from it.

In all losses, `early` is the price of each unit of time until the label's output fires: it
favours early decisions.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ttfs.checks import as_array, as_labels, as_times, flag, moderate, of_kind, short, whole
from ttfs.errors import InputError, ShapeError
from ttfs.kernels import losses as kernels
from ttfs.optimizers import share

Errors = tuple[float, np.ndarray]


@dataclass(frozen=True)
class CrossEntropy:
    """The cross-entropy of a softmax of -t / tau: the label's output should fire first.

    Mostafa 2017 (arXiv 1606.08165) on times in a transformed domain, Göltz et al. 2021 (arXiv
    1912.11443) with tau a fifth of the synaptic time constant, Zhang et al. 2021 (arXiv
    2003.11837). Time differences far above `tau` no longer change the derivatives much, so `tau`
    should be of the order of the spread of the output times.

    Parameters
    ----------
    tau: scale of the softmax, in the network's unit of time.
    smoothing: share of the target probability that is spread evenly over all outputs (label
        smoothing), so that samples won by a wide margin are pushed no further; 0 for none.
    early: price of each unit of time until the label's output fires.

    >>> loss, errors = CrossEntropy(tau=1).errors(np.array([[2.0, 2.0, np.inf]]), [0], 100)
    >>> round(loss, 3), errors.round(3)
    (0.693, array([[ 0.5, -0.5, -0. ]]))
    """

    tau: float = 0.1
    smoothing: float = 0.0
    early: float = 0.0

    def __post_init__(self) -> None:
        moderate(self.tau, "CrossEntropy(tau=...)")
        share(self.smoothing, "CrossEntropy(smoothing=...)")
        moderate(self.early, "CrossEntropy(early=...)", zero=True)

    def errors(self, times: Any, labels: Any, t_max: float) -> Errors:
        """The loss summed over samples, and its derivative with respect to each time."""
        times, labels, t_max = _outputs(times, labels, t_max)
        errors = np.empty(times.shape)
        loss = kernels.cross_entropy(
            times, labels, t_max, float(self.tau), float(self.smoothing), errors
        )
        return loss + kernels.hasten(times, labels, t_max, float(self.early), errors), errors


@dataclass(frozen=True)
class Relative:
    """Half the sum of ((target - time) / t_max)², with S4NN's targets relative to the first spike.

    Kheradpisheh & Masquelier 2020, arXiv 1910.09495, section 2.3. The label's output should
    fire when the first output did; others that fired less than `gamma` after the first should
    fire `gamma` after it; if all are silent, the label's output should fire `gamma` before
    `t_max`. The derivative holds the targets constant.

    Parameters
    ----------
    gamma: desired lead of the label's output, in the network's unit of time; below t_max.
    early: price of each unit of time until the label's output fires.

    >>> Relative(gamma=3).targets(np.array([[5.0, 4.0, 9.0]]), [0], 100)
    array([[4., 7., 9.]])
    """

    gamma: float
    early: float = 0.0

    def __post_init__(self) -> None:
        moderate(self.gamma, "Relative(gamma=...)")
        moderate(self.early, "Relative(early=...)", zero=True)

    def targets(self, times: Any, labels: Any, t_max: float) -> np.ndarray:
        """When each output should fire, (samples, outputs) in float64; t_max means silence."""
        times, labels, t_max = _outputs(times, labels, t_max)
        if self.gamma >= t_max:
            raise InputError(
                f"Relative(gamma=...) must be below t_max {t_max:g}, got {self.gamma:g}"
            )
        targets = np.empty(times.shape)
        kernels.relative_targets(times, labels, t_max, float(self.gamma), targets)
        return targets

    def errors(self, times: Any, labels: Any, t_max: float) -> Errors:
        """The loss summed over samples, and its derivative with respect to each time."""
        return _toward(self, times, labels, t_max)


@dataclass(frozen=True)
class Absolute:
    """Half the sum of ((target - time) / t_max)²: only the label's output should fire.

    The "Absolute Target" of TS4TL (Moqadasi, Safari & Mateo 2025, Scientific Reports 15:34094,
    abstract): the target of the label's output is its own firing time; the other outputs should
    not fire, so their target is `t_max`. The abstract leaves open what the label's output should
    do if it is silent. Here it should fire when the first output did, or half-way to `t_max` if
    all are silent. The division by t_max is S4NN's. The derivative holds the targets constant.

    early: price of each unit of time until the label's output fires; nothing else in this loss
    makes it fire earlier.

    >>> Absolute().targets(np.array([[5.0, 4.0], [np.inf, 4.0], [np.inf, np.inf]]), [0, 0, 0], 100)
    array([[  5., 100.],
           [  4., 100.],
           [ 50., 100.]])
    """

    early: float = 0.0

    def __post_init__(self) -> None:
        moderate(self.early, "Absolute(early=...)", zero=True)

    def targets(self, times: Any, labels: Any, t_max: float) -> np.ndarray:
        """When each output should fire, (samples, outputs) in float64; t_max means silence."""
        times, labels, t_max = _outputs(times, labels, t_max)
        targets = np.empty(times.shape)
        kernels.absolute_targets(times, labels, t_max, targets)
        return targets

    def errors(self, times: Any, labels: Any, t_max: float) -> Errors:
        """The loss summed over samples, and its derivative with respect to each time."""
        return _toward(self, times, labels, t_max)


@dataclass(frozen=True)
class ShiftInvariant:
    """Half the sum of (t - t_label - delta)² over the other outputs: a fixed lead, at any time.

    Göltz et al. 2025, DelGrad (arXiv 2404.19165): 1/2 Σ_n (t_n - t_label - delta [n ≠ label])².
    The loss does not change when all outputs shift together. As it is quadratic, a sample won
    by more than `delta` is pulled back.

    Parameters
    ----------
    delta: desired lead of the label's output, in the network's unit of time.
    early: price of each unit of time until the label's output fires.

    >>> loss, errors = ShiftInvariant(delta=2).errors(np.array([[5.0, 6.0, 9.0]]), [0], 100)
    >>> loss, errors
    (2.5, array([[-1., -1.,  2.]]))
    """

    delta: float
    early: float = 0.0

    def __post_init__(self) -> None:
        moderate(self.delta, "ShiftInvariant(delta=...)")
        moderate(self.early, "ShiftInvariant(early=...)", zero=True)

    def errors(self, times: Any, labels: Any, t_max: float) -> Errors:
        """The loss summed over samples, and its derivative with respect to each time."""
        times, labels, t_max = _outputs(times, labels, t_max)
        errors = np.empty(times.shape)
        loss = kernels.shift_invariant(times, labels, t_max, float(self.delta), errors)
        return loss + kernels.hasten(times, labels, t_max, float(self.early), errors), errors


class Answers(NamedTuple):
    """What teachers say to samples.

    decisions: (samples, outputs) probabilities of the classes.
    spikes: for each pair of `Distilled.layers`, the teacher's spike times (samples, neurons).
    """

    decisions: np.ndarray
    spikes: tuple[np.ndarray, ...] = ()

    def chosen(self, some: Any) -> "Answers":
        """Those to the samples with these indices."""
        return Answers(self.decisions[some], tuple(layer[some] for layer in self.spikes))


@dataclass(frozen=True)
class Distilled:
    """A part of another loss, and the cross-entropy with the decisions of a trained network.

    The network learns not only which class is right, but also how likely its teacher finds the
    others (Hinton, Vinyals & Dean 2015, arXiv 1503.02531, section 2), with softmaxes of spike
    times in the place of those of logits. If layers are named, spike times of the teacher are
    targets as well (layer by layer, after LaSNN, Hong et al. 2023, arXiv 2304.09101).
    `Trainer(teacher=...)` takes the teacher.

    Parameters
    ----------
    loss: what the labels teach.
    share: share of the teacher's decisions in the loss, in 0..1; 1 for no labels at all.
    tau: scale of the network's softmax of -t / tau, in its unit of time.
    softness: the same for the teacher, in the teacher's unit of time: the larger, the more
        alike the classes are.
    original: whether the teacher sees samples as they are before any augmentation. It is then
        asked about each only once, which saves much time if it is slow, and suits augmentation
        that it would not mind.
    layers: ((layer of the network, layer of the teacher), ...), counted from 1, which have
        equally many neurons.
    pull: price of the squared distances of their spike times, added up over neurons; silence
        counts as a spike at the horizon.

    >>> loss = Distilled(share=1.0, tau=1.0)
    >>> told = Answers(np.array([[0.25, 0.75]]))
    >>> total, errors = loss.errors(np.array([[2.0, 2.0]]), [0], 100, told)
    >>> round(total, 3), errors
    (0.693, array([[-0.25,  0.25]]))
    """

    loss: "Loss" = field(default_factory=CrossEntropy)
    share: float = 0.5
    tau: float = 0.05
    softness: float = 0.05
    original: bool = False
    layers: tuple[tuple[int, int], ...] = ()
    pull: float = 0.0

    def __post_init__(self) -> None:
        if isinstance(self.loss, Distilled):
            raise InputError("Distilled(loss=...) must be another loss, got a Distilled one")
        of_kind(self.loss, Loss, "Distilled(loss=...)", "one of ttfs.losses, as CrossEntropy()")
        share(self.share, "Distilled(share=...)", all_of_it=True)
        moderate(self.tau, "Distilled(tau=...)")
        moderate(self.softness, "Distilled(softness=...)")
        flag(self.original, "Distilled(original=...)")
        moderate(self.pull, "Distilled(pull=...)", zero=True)
        pairs = self.layers
        if not isinstance(pairs, tuple) or any(
            not isinstance(pair, tuple) or len(pair) != 2 for pair in pairs
        ):
            raise InputError(
                "Distilled(layers=...) must be ((layer of the network, layer of the teacher), ...),"
                f" got {short(pairs)}"
            )
        for pair in pairs:
            for number in pair:
                whole(number, "Distilled(layers=...)")

    def errors(
        self, times: Any, labels: Any, t_max: float, answers: Answers | None = None
    ) -> Errors:
        """The loss summed over samples, and its derivative with respect to each time.

        Where there are no answers of a teacher, only labels teach.

        Raises
        ------
        ShapeError, InputError: decisions of other samples, or that are not probabilities.
        """
        if answers is None:
            return self.loss.errors(times, labels, t_max)
        of_kind(answers, Answers, "answers", "Answers(decisions), or None")
        times, labels, t_max = _outputs(times, labels, t_max)
        wanted = as_array(answers.decisions, "the teacher's decisions")
        if wanted.shape != times.shape:
            raise ShapeError(f"the teacher's decisions must be {times.shape}, got {wanted.shape}")
        if not (np.all(wanted >= 0) and np.all(wanted <= 1)):
            raise InputError("the teacher's decisions must be probabilities, in 0..1")
        errors = np.empty(times.shape)
        tau = float(self.tau)
        total = kernels.cross_entropy_toward(times, wanted, t_max, tau, errors)
        if self.share == 1:
            return total, errors
        taught, errors_taught = self.loss.errors(times, labels, t_max)
        errors *= self.share
        errors += (1 - self.share) * errors_taught
        return self.share * total + (1 - self.share) * taught, errors

    def pulls(self, layer: int, spikes: np.ndarray, t_max: float, answers: Answers) -> np.ndarray:
        """(samples, neurons) derivative of the price by the spike times of a layer, from 1."""
        moved = np.zeros(spikes.shape)
        for (own, _), wanted in zip(self.layers, answers.spikes, strict=True):
            if own == layer:
                far = np.minimum(spikes, t_max) - np.minimum(wanted, t_max)
                moved += self.pull * far
        return moved


Loss = CrossEntropy | Relative | Absolute | ShiftInvariant | Distilled


def _toward(loss: Relative | Absolute, times: Any, labels: Any, t_max: float) -> Errors:
    """The loss and errors of a loss with targets."""
    targets = loss.targets(times, labels, t_max)
    times, labels, t_max = _outputs(times, labels, t_max)
    errors = np.empty(times.shape)
    total = kernels.toward(times, targets, t_max, errors)
    return total + kernels.hasten(times, labels, t_max, float(loss.early), errors), errors


def _outputs(times: Any, labels: Any, t_max: Any) -> tuple[np.ndarray, np.ndarray, float]:
    """Checked spike times (samples, outputs), labels (samples,) and horizon, for the kernels."""
    array = as_array(times, "output times", masked=np.inf)
    if array.ndim != 2 or array.shape[1] == 0:
        raise ShapeError(f"output times must be (samples, outputs), got {array.shape}")
    array = as_times(array, array.shape[1], "output times")
    return array, as_labels(labels, *array.shape), moderate(t_max, "t_max")
