"""Which of several results are not beaten in every respect."""

import numpy as np
from numpy.typing import NDArray


def front(costs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(results,) whether no other result costs less in one respect and no more in any other.

    costs: (results, respects), the smaller the better; what is not finite never is.

    >>> front(np.array([[1.0, 5.0], [2.0, 3.0], [2.0, 4.0], [1.0, 5.0]])).tolist()
    [True, True, False, True]
    """
    kept = np.asarray(np.isfinite(costs).all(axis=1))
    for k in np.flatnonzero(kept):
        others = costs[kept]
        beats = (others <= costs[k]).all(axis=1) & (others < costs[k]).any(axis=1)
        kept[k] = not beats.any()
    return kept
