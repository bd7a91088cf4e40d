"""Which samples are held out of the training for validation, and in which order others come."""

from typing import Any

import numpy as np

from ttfs.errors import InputError
from ttfs.optimizers import share

VALIDATION = 0.1
"""The share of samples that is held out unless told otherwise."""


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


def shuffled(train: np.ndarray, block: int, rng: np.random.Generator) -> np.ndarray:
    """The samples in random order; with a size of blocks, block by block.

    >>> shuffled(np.arange(6), 2, np.random.default_rng(0))
    array([5, 4, 0, 1, 2, 3])
    """
    if not block:
        return rng.permutation(train)
    blocks = [train[start : start + block] for start in range(0, len(train), block)]
    return np.concatenate(
        [rng.permutation(blocks[which]) for which in rng.permutation(len(blocks))]
    )
