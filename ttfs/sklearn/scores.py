"""Output spikes -> how much speaks for each class."""

import numpy as np

from ttfs.codes.decoding import decide

LEAD = 1e-9  # of the horizon: by how much a tie is won, so that the winner has the best score


def lateness(
    times: np.ndarray, potential: np.ndarray, t_max: float
) -> tuple[np.ndarray, np.ndarray]:
    """(samples, outputs) when each output fires, all different from the first; and which do fire.

    The smallest is that of the decision of `ttfs.decide`. Ties are won by a hair. An output that is
    silent counts as one that fires between two and three horizons, the later the lower its
    potential; so any output that fires comes first, by more than any lead among those that do.

    >>> late, fired = lateness(np.array([[2.0, 2.0, np.inf]]), np.array([[1.0, 1.5, -1.0]]), 4.0)
    >>> late.round(3), fired
    (array([[ 2., 2., 11.]]), array([[ True, True, False]]))
    >>> int(late.argmin())
    1
    """
    fired, decisions = np.isfinite(times), decide(times, potential)
    height = potential.astype(np.float64)
    rank = (1 - height / (1 + np.abs(height))) / 2
    late = np.where(fired, times, t_max * (2 + rank)).astype(np.float64)
    close = np.flatnonzero(decisions.tied | decisions.undecided)
    late[close, decisions.label[close]] = late[close].min(axis=1) - LEAD * t_max
    return late, fired


def probabilities(late: np.ndarray, fired: np.ndarray, tau: float) -> np.ndarray:
    """(samples, outputs) the softmax of -late / tau; 0 for silence, unless all are silent.

    >>> probabilities(np.array([[1.0, 1.1, 9.0]]), np.array([[True, True, False]]), 0.1).round(3)
    array([[0.731, 0.269, 0. ]])
    """
    heard = fired | ~fired.any(axis=1, keepdims=True)
    ahead = np.where(heard, late, np.inf)
    shares = np.exp((ahead.min(axis=1, keepdims=True) - ahead) / tau)
    return shares / shares.sum(axis=1, keepdims=True)
