"""Points in the Yin-Yang sign: three classes that straight lines cannot separate."""

import math

import numpy as np
from numpy.typing import NDArray

from ttfs.errors import InputError


def yin_yang_points(samples: int, *, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Features (samples, 4) from 0 to 1 and labels (samples,) of points in the Yin-Yang sign.

    The features are x, y, 1 - x and 1 - y; the labels are 0 for yin, 1 for yang and 2 for a dot.
    With the same seed, the points equal those of the authors' generator bit for bit.

    Raises `InputError` if `samples` is not positive or `seed` is not from 0 to 2**32 - 1.

    Source: L. Kriener, J. Göltz and M. A. Petrovici, The Yin-Yang dataset, NICE 2022,
    arXiv 2102.08211.

    >>> features, labels = yin_yang_points(2, seed=42)
    >>> features.round(3)
    array([[0.68 , 0.45 , 0.32 , 0.55 ],
           [0.098, 0.684, 0.902, 0.316]])
    >>> labels
    array([2, 1])
    """
    if samples < 1:
        raise InputError(f"yin_yang_points: samples must be 1 or more, got {samples}")
    if not 0 <= seed < 2**32:
        raise InputError(f"yin_yang_points: seed must be from 0 to 2**32 - 1, got {seed}")
    rng = np.random.RandomState(seed)  # the authors' random stream
    points = [_draw_point(rng) for _ in range(samples)]
    x, y, labels = np.array(points).T
    return np.stack([x, y, 1 - x, 1 - y], axis=1), labels.astype(np.int64)


def _draw_point(rng: np.random.RandomState) -> tuple[float, float, int]:
    """A point (x, y) by rejection sampling, and its class, which is drawn first."""
    goal = rng.randint(3)
    while True:
        x, y = rng.rand(2).tolist()
        if _distance(x, y, 0.5) <= 0.5 and _yin_yang_class(x, y) == goal:
            return x, y, goal


def _yin_yang_class(x: float, y: float) -> int:
    """The class of a point within the circle of radius 0.5 around (0.5, 0.5)."""
    left, right = _distance(x, y, 0.25), _distance(x, y, 0.75)
    if left < 0.1 or right < 0.1:
        return 2
    return int(right <= 0.1 or left <= 0.25 or (y > 0.5 and right > 0.25))


def _distance(x: float, y: float, center: float) -> float:
    """The distance of (x, y) from (center, 0.5), rounded as the authors' code rounds it."""
    return math.sqrt((x - center) ** 2 + (y - 0.5) ** 2)
