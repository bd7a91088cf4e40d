"""Which samples are learned, how often and in which order, and which are held out."""

from typing import Any, NamedTuple

import numpy as np

from ttfs.checks import as_array
from ttfs.errors import InputError, ShapeError
from ttfs.files.chunked import Chunked, only
from ttfs.measures.metrics import Evaluation, predict
from ttfs.network.network import Network
from ttfs.optimizers import share

VALIDATION = 0.1
"""The share of samples that is held out unless told otherwise."""


class Samples(NamedTuple):
    """Stimuli and labels; `sample_weight` is None where all samples count alike."""

    times: np.ndarray | Chunked
    labels: np.ndarray
    sample_weight: np.ndarray | None = None

    def chosen(self, some: Any) -> "Samples":
        """Those with these indices, or where this mask is true."""
        weights = None if self.sample_weight is None else self.sample_weight[some]
        return Samples(only(self.times, some), self.labels[some], weights)

    def score(self, network: Network, evaluation: Evaluation) -> float:
        """The accuracy, in which each sample counts by its weight."""
        if self.sample_weight is None:
            return evaluation.accuracy
        right = predict(network, self.times) == self.labels
        return float(np.average(right, weights=self.sample_weight))


def split(samples: int, validation: Any, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The samples to train on and those to validate on, if any, each in order.

    validation: the share of samples to validate on.

    >>> split(5, 0.4, seed=0)
    (array([0, 1, 3]), array([2, 4]))
    """
    held_out = round(samples * share(validation, "fit(validation=...)"))
    if held_out == 0:
        return np.arange(samples), np.arange(0)
    if held_out == samples:
        raise InputError(
            f"fit(validation={validation}) leaves none of {held_out} samples to train on"
        )
    order = np.random.default_rng([seed, 0]).permutation(samples)
    return np.sort(order[held_out:]), np.sort(order[:held_out])


def as_weights(sample_weight: Any, samples: int, whose: str = "sample_weight") -> np.ndarray:
    """Weights (samples,) in float64: ShapeError or InputError if they are something else.

    None may be negative or infinite, and one must be above 0.

    >>> as_weights([1, 0], 2)
    array([1., 0.])
    """
    weights = as_array(sample_weight, whose).astype(np.float64)
    if weights.shape != (samples,):
        raise ShapeError(f"{whose} must be ({samples},), one for each sample; got {weights.shape}")
    sound = np.isfinite(weights) & (weights >= 0)
    if not sound.all():
        raise InputError(f"{whose} must be finite and 0 or more, got {weights[~sound][0]}")
    if not weights.any():
        raise InputError(f"{whose} must not be zero for every sample")
    return weights


def weighted(samples: Samples, sample_weight: Any) -> Samples:
    """The samples whose weight is not zero, with their weights unless all are alike.

    >>> weighted(Samples(np.zeros((3, 2)), np.array([0, 1, 1])), [2, 0, 1])[1:]
    (array([0, 1]), array([1. , 0.5]))
    """
    weights = as_weights(sample_weight, len(samples.labels))
    weights = weights / weights.max()  # so that no sum overflows
    there = weights > 0
    left = samples.chosen(there)
    alike = (weights[there] == 1).all()
    return left if alike else left._replace(sample_weight=weights[there])


def drawn(train: np.ndarray, weights: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """As many samples as there are, each about as often as its share of the weights demands.

    A sample that should be there 2.3 times is there two or three times (systematic sampling), so
    that each epoch is as even as it can be.

    >>> rng = np.random.default_rng(0)
    >>> np.sort(drawn(np.arange(4), np.array([2.0, 1.0, 1.0, 4.0]), rng)).tolist()
    [0, 1, 3, 3]
    """
    if weights is None:
        return train
    order = rng.permutation(train)
    ends = np.cumsum(weights[order])
    ends *= len(order) / ends[-1]
    ends[-1] = len(order)
    return np.repeat(order, np.diff(np.floor(ends + rng.random()), prepend=0).astype(int))


def shuffled(train: np.ndarray, block: int, rng: np.random.Generator) -> np.ndarray:
    """The samples in random order; with a size of blocks, block by block.

    >>> shuffled(np.arange(6), 2, np.random.default_rng(0))
    array([5, 4, 0, 1, 2, 3])
    """
    if not block:
        return rng.permutation(train)
    train = np.sort(train)
    blocks = [train[start : start + block] for start in range(0, len(train), block)]
    return np.concatenate(
        [rng.permutation(blocks[which]) for which in rng.permutation(len(blocks))]
    )
