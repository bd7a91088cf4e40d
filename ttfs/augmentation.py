"""Training samples varied at random each time they are seen: spikes lost, blurred, moved.

All have one interface. `apply(times, rng)` takes input spike times (samples, inputs) and a
`numpy.random.Generator`, and returns new times of that shape and dtype; silence stays silent,
and no spike is early (below 0). A spike that becomes later than the network's horizon does not
happen there. `check(inputs)` refuses a number of inputs that does not fit.
"""

from dataclasses import dataclass

import numpy as np

from ttfs.checks import as_array, as_times, positive, short, whole
from ttfs.errors import InputError, ShapeError
from ttfs.optimizers import share


@dataclass(frozen=True)
class Dropout:
    """Each input spike is left out with the probability `share`.

    No spike is made stronger for it, as in Srivastava et al. 2014 (JMLR 15): potentials stay
    comparable with thresholds only for small shares.

    >>> times = np.zeros((1, 1000))
    >>> int(np.isinf(Dropout(0.2).apply(times, np.random.default_rng(0))).sum())
    195
    """

    share: float

    def __post_init__(self) -> None:
        share(self.share, "Dropout(share=...)")

    def check(self, inputs: int) -> None:
        """Any number of inputs fits."""

    def apply(self, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Times with spikes left out."""
        times = _samples(times)
        lost = rng.random(times.shape, np.float32) < np.float32(self.share)
        return np.where(lost, times.dtype.type(np.inf), times)


@dataclass(frozen=True)
class Jitter:
    """Each input spike is moved by normal noise of standard deviation `sigma`.

    A spike that would be before 0 is as long after it. Göltz et al. 2021 (arXiv 1912.11443)
    add such noise, of 0.3 synaptic time constants, to images they train on.

    sigma: in the network's unit of time.

    >>> Jitter(0.5).apply(np.array([[0.0, 3.0, np.inf]]), np.random.default_rng(0)).round(2)
    array([[0.06, 2.93,  inf]])
    """

    sigma: float

    def __post_init__(self) -> None:
        if positive(self.sigma, "Jitter(sigma=...)") > 1e30:  # inf in float32
            raise InputError(f"Jitter(sigma=...) must be 1e30 or less, got {self.sigma!r}")

    def check(self, inputs: int) -> None:
        """Any number of inputs fits."""

    def apply(self, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Times with noise; silence draws none."""
        moved = _samples(times).copy()
        flat = moved.reshape(-1)
        fired = np.flatnonzero(flat < np.inf)
        noise = rng.standard_normal(fired.size, flat.dtype) * flat.dtype.type(self.sigma)
        flat[fired] = np.abs(flat[fired] + noise)
        return moved


@dataclass(frozen=True)
class Shift:
    """Each image is moved up or down and left or right by a random number of whole pixels.

    What is moved out of the image is lost, what is moved in is silent. All moves of at most
    `pixels` in each direction are equally likely.

    Parameters
    ----------
    pixels: the farthest move.
    shape: (rows, columns) of the image that the inputs are.

    >>> times = np.array([[1.0, 2.0, 3.0, 4.0]])
    >>> Shift(1, (2, 2)).apply(times, np.random.default_rng(0)).reshape(2, 2)
    array([[ 3.,  4.],
           [inf, inf]])
    """

    pixels: int
    shape: tuple[int, int]

    def __post_init__(self) -> None:
        rows, columns = _image(self.shape, "Shift")
        if whole(self.pixels, "Shift(pixels=...)") >= max(rows, columns):
            raise InputError(
                f"Shift(pixels=...) must be below the longer side of the image, "
                f"{max(rows, columns)}; got {self.pixels}"
            )

    def check(self, inputs: int) -> None:
        """Refuse inputs that are not the image."""
        _fit(self.shape, inputs, "Shift")

    def apply(self, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Times with each sample's image moved."""
        times = _samples(times)
        self.check(times.shape[1])
        samples, margin = len(times), self.pixels
        down, right = rng.integers(0, 2 * margin + 1, (2, samples))
        around = ((0, 0), (margin, margin), (margin, margin))
        images = np.pad(times.reshape(samples, *self.shape), around, constant_values=np.inf)
        views = np.lib.stride_tricks.sliding_window_view(images, self.shape, axis=(1, 2))
        return views[np.arange(samples), down, right].reshape(times.shape)


@dataclass(frozen=True)
class Flip:
    """Each image is mirrored, left for right, with a probability of one half.

    For pictures that mean the same in a mirror: clothing, but not digits.

    shape: (rows, columns) of the image that the inputs are.

    >>> Flip((1, 3)).apply(np.array([[1.0, 2.0, 3.0]]), np.random.default_rng(2))
    array([[3., 2., 1.]])
    """

    shape: tuple[int, int]

    def __post_init__(self) -> None:
        _image(self.shape, "Flip")

    def check(self, inputs: int) -> None:
        """Refuse inputs that are not the image."""
        _fit(self.shape, inputs, "Flip")

    def apply(self, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Times with the images of about half of the samples mirrored."""
        times = _samples(times)
        self.check(times.shape[1])
        images = times.reshape(-1, *self.shape)
        mirrored = rng.random(len(times)) < 0.5
        return np.where(mirrored[:, None, None], images[:, :, ::-1], images).reshape(times.shape)


Augmentation = Dropout | Jitter | Shift | Flip


def _samples(times: np.ndarray) -> np.ndarray:
    """Spike times (samples, inputs)."""
    array = as_array(times, "times", masked=np.inf)
    if array.ndim != 2:
        raise ShapeError(f"times must be (samples, inputs), got {array.shape}")
    return as_times(array, array.shape[1], "times")


def _image(shape: tuple[int, int], whose: str) -> tuple[int, int]:
    """The rows and columns of an image."""
    if not isinstance(shape, tuple) or len(shape) != 2:
        raise ShapeError(f"{whose}(shape=...) must be (rows, columns), got {short(shape)}")
    rows, columns = (whole(side, f"{whose}(shape=...)") for side in shape)
    return rows, columns


def _fit(shape: tuple[int, int], inputs: int, whose: str) -> None:
    """Refuse inputs of another number than an image has pixels."""
    if shape[0] * shape[1] != inputs:
        raise ShapeError(
            f"{whose} moves images of {shape[0]} x {shape[1]} = {shape[0] * shape[1]} pixels,"
            f" but there are {inputs} inputs"
        )
