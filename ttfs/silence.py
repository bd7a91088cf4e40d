"""Cures for neurons that do not fire, and therefore do not learn.

There are four, from the literature, to be used alone or together:

* `Revive` gives fresh weights, after an epoch, to neurons that hardly ever fired;
* `Push` raises the weights of a neuron a little for each sample in which it was silent;
* `Hinge` raises them until their sum reaches the threshold;
* `Bump` raises them, instead of learning, as long as too many spikes of a layer are missing.

Everywhere, `silent` (outputs,) is the share of samples in which each neuron of a layer did not
fire, and weights and gradients have shape (inputs, outputs). Gradients may have more columns
than there are neurons; these columns are padding and are not changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ttfs.checks import positive
from ttfs.errors import InputError, ShapeError
from ttfs.optimizers import share

DOUBLINGS = 20


@dataclass(frozen=True)
class Revive:
    """Fresh weights, after an epoch, for neurons that fired in less than a share of its samples.

    The code of S4NN (Kheradpisheh & Masquelier 2020, arXiv 1910.09495) does this with a share
    of 0.001.

    >>> Revive(0.001).dead(np.array([0.5, 1.0, 0.9999]))
    array([1, 2])
    """

    share: float = 0.001

    def __post_init__(self) -> None:
        share(self.share, "Revive(share=...)")

    def dead(self, silent: np.ndarray) -> np.ndarray:
        """The indices of the neurons that get fresh weights."""
        return np.flatnonzero(1 - silent < self.share)


@dataclass(frozen=True)
class Push:
    """A pull upwards on all incoming weights of a neuron, for each sample in which it was silent.

    It adds -`strength` times the share of silent samples to the gradient. Comsa et al. 2020
    (arXiv 1907.13223) call `strength` the penalty; it is 48.4 in their code.

    >>> gradient = np.zeros((2, 3))
    >>> Push(2.0).change(gradient, np.array([0.0, 0.5, 1.0]), np.ones((2, 3)), 1.0)
    >>> gradient
    array([[ 0., -1., -2.],
           [ 0., -1., -2.]])
    """

    strength: float

    def __post_init__(self) -> None:
        positive(self.strength, "Push(strength=...)")

    def pull(
        self, silent: np.ndarray, weights: np.ndarray, threshold: float | np.ndarray
    ) -> np.ndarray:
        """What is subtracted from the gradient of each neuron's weights; see `Hinge.pull`."""
        return self.strength * silent

    def change(
        self,
        gradient: np.ndarray,
        silent: np.ndarray,
        weights: np.ndarray,
        threshold: float | np.ndarray,
    ) -> None:
        """Add to the gradient of a layer, in place; see `Hinge` for the other arguments."""
        _change(self, gradient, silent, weights, threshold)


@dataclass(frozen=True)
class Hinge:
    """A pull upwards on all incoming weights of a neuron if their sum is below its threshold.

    It adds the gradient of `strength` Σ_j max(0, threshold_j - Σ_i w_ij), the weight-sum cost
    of Mostafa 2017 (arXiv 1606.08165, K = 100 in known implementations): a neuron whose weights
    add up to less than its threshold would be silent even if all inputs fired.

    >>> gradient = np.zeros((2, 2))
    >>> weights = np.array([[0.5, 1.0], [0.25, 1.0]])
    >>> Hinge(100.0).change(gradient, np.zeros(2), weights, threshold=1.0)
    >>> gradient
    array([[-100.,    0.],
           [-100.,    0.]])
    """

    strength: float

    def __post_init__(self) -> None:
        positive(self.strength, "Hinge(strength=...)")

    def pull(
        self, silent: np.ndarray, weights: np.ndarray, threshold: float | np.ndarray
    ) -> np.ndarray:
        """What is subtracted from the gradient of each neuron's weights, (outputs,).

        The arguments are those of `change`.
        """
        low: np.ndarray = np.add.reduce(weights, axis=0, dtype=np.float64) < threshold
        return self.strength * low

    def change(
        self,
        gradient: np.ndarray,
        silent: np.ndarray,
        weights: np.ndarray,
        threshold: float | np.ndarray,
    ) -> None:
        """Add to the gradient of a layer, in place.

        Parameters
        ----------
        gradient: (inputs, outputs or more), changed in place.
        silent: (outputs,) share of the batch's samples in which each neuron was silent.
        weights: (inputs, outputs), as the network uses them: signs, if binary.
        threshold: one number, or (outputs,), on the scale of those weights.
        """
        _change(self, gradient, silent, weights, threshold)


@dataclass(frozen=True)
class Bump:
    """Larger weights instead of a gradient step, while too many spikes of a layer are missing.

    Göltz et al. 2021 (arXiv 1912.11443, their code): the first layer in which more than a share
    `most` of the (neuron, sample) spikes of a batch is missing is bumped, which adds `size` to
    all incoming weights of neurons that were silent in any sample. The amount doubles for each
    batch in a row that bumps the same layer. Unlike theirs, it stops at 2^20 times `size`, so
    that the weights of a layer without any input do not become infinite.

    Parameters
    ----------
    size: the amount added at first.
    most: share of spikes that may be missing; one for all layers, or one for each.

    >>> weights, memory = np.zeros((1, 2)), np.array([-1.0, 0.0])
    >>> bump = Bump(size=0.5, most=0.3)
    >>> [bump.apply([(weights, np.array([0.0, 1.0]))], memory) for _ in range(2)]
    [True, True]
    >>> weights, memory
    (array([[0. , 1.5]]), array([0., 2.]))
    """

    size: float = 0.0005
    most: float | tuple[float, ...] = 0.3

    def __post_init__(self) -> None:
        positive(self.size, "Bump(size=...)")
        for most in self.most if isinstance(self.most, tuple) else (self.most,):
            if positive(most, "Bump(most=...)", zero=True) > 1:
                raise InputError(f"Bump(most=...) must be 1 or less, got {most!r}")

    def check(self, layers: int) -> None:
        """Refuse a number of layers that differs from the number of shares in `most`."""
        if isinstance(self.most, tuple) and len(self.most) != layers:
            raise ShapeError(f"Bump(most=...) has {len(self.most)} fractions for {layers} layers")

    def apply(self, layers: Sequence[tuple[np.ndarray, np.ndarray]], memory: np.ndarray) -> bool:
        """Bump the first layer that needs it, in place; return whether any layer was bumped.

        If one was, no gradient step should be taken.

        Parameters
        ----------
        layers: latent weights (inputs, outputs) and silent fractions (outputs,) of each, the
            first layer first.
        memory: float64 (2,), [-1, 0] at first: the layer that was bumped last, and for how many
            batches in a row; changed in place.
        """
        self.check(len(layers))
        for k, (weights, silent) in enumerate(layers):
            if silent.mean() > (self.most[k] if isinstance(self.most, tuple) else self.most):
                before = memory[1] if memory[0] == k else 0.0
                size = self.size * 2.0 ** min(before, DOUBLINGS)
                weights[:, np.flatnonzero(silent > 0)] += weights.dtype.type(size)
                memory[:] = k, before + 1
                return True
        memory[:] = -1, 0
        return False


Cure = Revive | Push | Hinge | Bump


def _change(
    cure: Push | Hinge,
    gradient: np.ndarray,
    silent: np.ndarray,
    weights: np.ndarray,
    threshold: float | np.ndarray,
) -> None:
    """Subtract the pull of a cure from a gradient, in place."""
    _check(gradient, silent, weights)
    gradient[:, : silent.size] -= cure.pull(silent, weights, threshold).astype(gradient.dtype)


def _check(gradient: np.ndarray, silent: np.ndarray, weights: np.ndarray) -> None:
    """Refuse arrays of different layers."""
    wanted = (len(gradient), silent.size)
    if weights.shape != wanted or gradient.shape[1] < silent.size:
        raise ShapeError(
            f"weights {weights.shape}, their gradient {gradient.shape} and silent fractions"
            f" {silent.shape} do not belong to one layer"
        )
