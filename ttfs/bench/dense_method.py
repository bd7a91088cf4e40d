"""What S4NN is compared with: the dense method of its authors' code, in NumPy with float64.

Potentials of all neurons at all steps are the cumulative sum of a matrix product, on one thread
where OPENBLAS_NUM_THREADS=1 was set before NumPy was imported, as the command line does.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ttfs.network.network import Network

STEPS = 256


def dense_method(
    network: Network, stimuli: np.ndarray, labels: np.ndarray | None
) -> Callable[[], Any]:
    """The S4NN authors' method in NumPy: forward, and with labels an update too."""
    weights = [layer.astype(float) for layer in network.weights]
    thresholds = [
        float(layer.threshold) / scale
        for layer, scale in zip(network.layers, network.scales, strict=True)
    ]

    def run() -> None:
        for s, stimulus in enumerate(stimuli):
            times = [np.minimum(stimulus, STEPS)]
            for matrix, threshold in zip(weights, thresholds, strict=True):
                times.append(dense_layer(times[-1], matrix, threshold))
            if labels is not None:
                dense_update(times, weights, labels[s])

    return run


def dense_layer(times: np.ndarray, weights: np.ndarray, threshold: float) -> np.ndarray:
    """Firing steps of a layer from those of the layer below; STEPS for silence."""
    raster = np.zeros((STEPS, len(times)), weights.dtype)
    fired = np.flatnonzero(times < STEPS)
    raster[times[fired].astype(int), fired] = 1
    over = np.cumsum(raster @ weights, axis=0) > threshold
    first = np.where(over.any(axis=0), over.argmax(axis=0) + 1, STEPS)
    return np.minimum(first, STEPS).astype(times.dtype)


def dense_update(times: list[np.ndarray], weights: list[np.ndarray], label: int) -> None:
    """One update of both layers with relative targets, every weight touched."""
    gamma, rate, decay = 3.0, 0.2, 1e-6
    first = times[2].min()
    target = np.where(times[2] - first < gamma, np.minimum(first + gamma, STEPS), times[2])
    target[label] = first if first < STEPS else STEPS - gamma
    error = (target - times[2]) / STEPS
    for k in (1, 0):
        length = np.linalg.norm(error)
        error = error / length if length else error
        causes = times[k][:, None] < times[k + 1][None, :]
        change = error[None, :] * causes
        weights[k] -= (rate * change).astype(weights[k].dtype)
        weights[k] -= rate * decay * weights[k]
        error = (change * weights[k]).sum(axis=1)
