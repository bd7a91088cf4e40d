"""What each simulator is given: a network and stimuli, as plain numbers.

Read in processes of other simulators, which may have another Python: it needs NumPy alone.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Presentation(NamedTuple):
    """A chain of dense layers of neurons without leak, and the stimuli that it is shown.

    All times are in time steps of the simulators that have some.

    weights: of each layer, (inputs, outputs).
    thresholds: of each layer.
    ramp: a spike adds a slope that does not end; otherwise, it adds its weight at once.
    horizon: later spikes do not count.
    stimuli: (samples, inputs) whole times; inf is silence.
    """

    weights: tuple[np.ndarray, ...]
    thresholds: tuple[float, ...]
    ramp: bool
    horizon: int
    stimuli: np.ndarray

    @property
    def spikes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Sample, input and time of every spike of the stimuli."""
        samples, inputs = np.nonzero(self.stimuli < self.horizon)
        return samples, inputs, self.stimuli[samples, inputs].astype(np.int64)

    def silent(self) -> list[np.ndarray]:
        """Spike times of all neurons of all layers before anything is known: inf."""
        samples = len(self.stimuli)
        return [np.full((samples, weights.shape[1]), np.inf) for weights in self.weights]

    def save(self, path: Path) -> None:
        """Write all numbers to a file."""
        layers = {f"weights_{number}": array for number, array in enumerate(self.weights)}
        arrays: dict[str, Any] = layers | self._replace(weights=())._asdict()
        np.savez(path, **arrays)

    @classmethod
    def load(cls, path: Path) -> "Presentation":
        """Read what `save` has written.

        >>> import tempfile
        >>> given = Presentation((np.ones((2, 1)),), (2.0,), False, 9, np.array([[0.0, 3.0]]))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     given.save(Path(folder, "given.npz"))
        ...     Presentation.load(Path(folder, "given.npz")).thresholds
        (2.0,)
        """
        with np.load(path) as data:
            thresholds = tuple(data["thresholds"].tolist())
            weights = tuple(data[f"weights_{number}"] for number in range(len(thresholds)))
            ramp, horizon = bool(data["ramp"]), int(data["horizon"])
            return cls(weights, thresholds, ramp, horizon, data["stimuli"])
