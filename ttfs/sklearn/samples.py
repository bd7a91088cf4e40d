"""Samples without order and without copies, so that what is learned depends on neither."""

import numpy as np


def distinct(
    values: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The indices of distinct samples in an order of their own, and the weights of their copies.

    values: (samples, features). labels, weights: (samples,). A sample of weight 2 is thus the same
    as one that is there twice. The order is that of a hash, which is sooner found than that of the
    numbers.

    >>> values = np.array([[2.0], [1.0], [2.0]])
    >>> some, weights = distinct(values, np.array([0, 1, 0]), np.ones(3))
    >>> sorted(zip(values[some, 0].tolist(), weights.tolist(), strict=True))
    [(1.0, 1.0), (2.0, 2.0)]
    """
    rows = np.column_stack([values, labels]).astype(np.float64, copy=False)
    rows += 0.0  # -0 becomes 0
    factors = np.random.default_rng(0).integers(2**63, size=rows.shape[1], dtype=np.uint64)
    keys = rows.view(np.uint64) @ (2 * factors + 1)
    order = np.argsort(keys, kind="stable")
    new = np.append(True, np.diff(keys[order]) != 0)
    alike = np.flatnonzero(~new)  # at least their hashes are
    new[alike] = (rows[order[alike]] != rows[order[alike - 1]]).any(axis=1)
    return order[new], np.bincount(np.cumsum(new) - 1, weights[order])
