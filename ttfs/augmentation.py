"""Random changes to training samples each time they are seen: dropout, jitter, shifts, distortion.

All have one interface. `apply(times, rng)` takes input spike times (samples, inputs) and a
`numpy.random.Generator`, and returns new times of the same shape and dtype; silence stays silent,
and no time is below 0. A spike moved past the network's horizon does not happen there.
`check(inputs)` refuses a number of inputs that does not fit.
"""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ttfs.checks import as_array, as_times, flag, moderate, positive, short, whole
from ttfs.errors import InputError, ShapeError
from ttfs.kernels.distortion import distort
from ttfs.kernels.threads import spread
from ttfs.optimizers import share

ImageShape = tuple[int, int] | tuple[int, int, int]


@dataclass(frozen=True)
class Dropout:
    """Each input spike is left out with the probability `share`.

    The remaining spikes are not made stronger to compensate, as they are in Srivastava et al.
    2014 (JMLR 15): potentials stay comparable with thresholds only for small shares.

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

    Negative times are reflected at 0. Göltz et al. 2021 (arXiv 1912.11443) add such noise, of
    0.3 synaptic time constants, to their training images.

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
        """Times with noise; none is drawn for silent inputs."""
        moved = _samples(times).copy()
        flat = moved.reshape(-1)
        fired = np.flatnonzero(flat < np.inf)
        noise = rng.standard_normal(fired.size, flat.dtype) * flat.dtype.type(self.sigma)
        flat[fired] = np.abs(flat[fired] + noise)
        return moved


@dataclass(frozen=True)
class Shift:
    """Each image is moved up or down and left or right by a random number of whole pixels.

    What is moved out of the image is lost. All moves of at most `pixels` in each direction are
    equally likely.

    Parameters
    ----------
    pixels: the farthest move.
    shape: (rows, columns) or (rows, columns, channels) of the image that the inputs form.
    mirror: whether the pixels moved in are the image reflected at its border, which suits
        photographs; otherwise they are silent.

    >>> times = np.array([[1.0, 2.0, 3.0, 4.0]])
    >>> Shift(1, (2, 2)).apply(times, np.random.default_rng(0)).reshape(2, 2)
    array([[ 3.,  4.],
           [inf, inf]])
    """

    pixels: int
    shape: ImageShape
    mirror: bool = False

    def __post_init__(self) -> None:
        rows, columns, _ = _image(self.shape, "Shift")
        if whole(self.pixels, "Shift(pixels=...)") >= max(rows, columns):
            raise InputError(
                f"Shift(pixels=...) must be below the longer side of the image, "
                f"{max(rows, columns)}; got {self.pixels}"
            )
        if flag(self.mirror, "Shift(mirror=...)") and self.pixels >= min(rows, columns):
            raise InputError(
                f"Shift(pixels=...) must be below the shorter side of a mirrored image, "
                f"{min(rows, columns)}; got {self.pixels}"
            )

    def check(self, inputs: int) -> None:
        """Refuse a number of inputs that does not fit the image."""
        _fit(self.shape, inputs, "Shift")

    def apply(self, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Times with each sample's image moved."""
        times = _samples(times)
        self.check(times.shape[1])
        samples, margin = len(times), self.pixels
        down, right = rng.integers(0, 2 * margin + 1, (2, samples))
        shape = _image(self.shape, "Shift")
        around = ((0, 0), (margin, margin), (margin, margin), (0, 0))
        told: dict[str, Any] = {"mode": "reflect"} if self.mirror else {"constant_values": np.inf}
        images = np.pad(times.reshape(samples, *shape), around, **told)
        views = np.lib.stride_tricks.sliding_window_view(images, shape, axis=(1, 2, 3))
        return views[np.arange(samples), down, right].reshape(times.shape)


@dataclass(frozen=True)
class Flip:
    """Each image is mirrored, left to right, with a probability of one half.

    For images that mean the same when mirrored: clothing, but not digits.

    shape: (rows, columns) or (rows, columns, channels) of the image that the inputs form.

    >>> Flip((1, 3)).apply(np.array([[1.0, 2.0, 3.0]]), np.random.default_rng(2))
    array([[3., 2., 1.]])
    """

    shape: ImageShape

    def __post_init__(self) -> None:
        _image(self.shape, "Flip")

    def check(self, inputs: int) -> None:
        """Refuse a number of inputs that does not fit the image."""
        _fit(self.shape, inputs, "Flip")

    def apply(self, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Times with the images of about half of the samples mirrored."""
        times = _samples(times)
        self.check(times.shape[1])
        images = times.reshape(-1, *_image(self.shape, "Flip"))
        mirrored = (rng.random(len(times)) < 0.5)[:, None, None, None]
        return np.where(mirrored, images[:, :, ::-1], images).reshape(times.shape)


@dataclass(frozen=True)
class Erase:
    """A square at a random place in each image is silent in all channels.

    All pixels are equally likely to be its centre, so less is erased where it overlaps the border
    (DeVries & Taylor 2017, arXiv 1708.04552, section 3).

    Parameters
    ----------
    pixels: the side of the square.
    shape: (rows, columns) or (rows, columns, channels) of the image that the inputs form.

    >>> Erase(2, (2, 3)).apply(np.zeros((1, 6)), np.random.default_rng(0)).reshape(2, 3)
    array([[inf, inf,  0.],
           [inf, inf,  0.]])
    """

    pixels: int
    shape: ImageShape

    def __post_init__(self) -> None:
        rows, columns, _ = _image(self.shape, "Erase")
        if whole(self.pixels, "Erase(pixels=...)") > max(rows, columns):
            raise InputError(
                f"Erase(pixels=...) must be at most the longer side of the image, "
                f"{max(rows, columns)}; got {self.pixels}"
            )

    def check(self, inputs: int) -> None:
        """Refuse a number of inputs that does not fit the image."""
        _fit(self.shape, inputs, "Erase")

    def apply(self, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Times with a silent square in each sample's image."""
        times = _samples(times)
        self.check(times.shape[1])
        rows, columns, channels = _image(self.shape, "Erase")
        down, across = (self._lost(side, len(times), rng) for side in (rows, columns))
        lost = (down[:, :, None] & across[:, None, :])[..., None]
        images = times.reshape(len(times), rows, columns, channels)
        return np.where(lost, times.dtype.type(np.inf), images).reshape(times.shape)

    def _lost(self, side: int, samples: int, rng: np.random.Generator) -> np.ndarray:
        """(samples, side) which rows or columns the square covers."""
        first = rng.integers(0, side, samples)[:, None] - self.pixels // 2
        far = np.arange(side) - first
        covered: np.ndarray = (far >= 0) & (far < self.pixels)
        return covered


@dataclass(frozen=True)
class Distort:
    """Each image is rotated, scaled, sheared, shifted and elastically bent at random.

    The image is one of brightness, `late` minus the time of a spike, so silence is black. Values
    between pixels are interpolated from the four nearest. Pixels that become black are silent, as
    are those moved in from outside. A spike later than `late` would have negative brightness and
    is refused, so `Distort` must come before `Jitter`. Affine and elastic distortions are those of
    Simard, Steinkraus & Platt 2003 (ICDAR) and Cireşan et al. 2010 (arXiv 1003.0358).

    Parameters
    ----------
    shape: (rows, columns) or (rows, columns, channels) of the image that the inputs form.
    rotation: the largest angle, in degrees.
    scale: the largest relative change of height and of width, each drawn independently.
    shear: the farthest that a row is moved relative to the next, in pixels.
    shift: the farthest move in each direction, in pixels.
    elastic: (strength, width) of a displacement field that bends the image: the standard deviation
        of the displacements and their correlation length, both in pixels; None bends nothing.
    late: the time that stands for black: the encoder's `t_max` for `Latency`.

    >>> times = np.array([[np.inf, 0.2, np.inf, np.inf]])
    >>> move = Distort((1, 4), rotation=0, scale=0, shear=0, shift=0.5, elastic=None)
    >>> move.apply(times, np.random.default_rng(3)).round(2)
    array([[ inf, 0.56, 0.97,  inf]])
    """

    shape: ImageShape
    rotation: float = 7.5
    scale: float = 0.08
    shear: float = 0.08
    shift: float = 0.6
    elastic: tuple[float, float] | None = (0.7, 4.0)
    late: float = 1.0

    def __post_init__(self) -> None:
        _image(self.shape, "Distort")
        for name, most in {"rotation": 180, "shear": 10, "shift": 1e6}.items():
            if positive(getattr(self, name), f"Distort({name}=...)", zero=True) > most:
                value = getattr(self, name)
                raise InputError(f"Distort({name}=...) must be {most:g} or less, got {value!r}")
        share(self.scale, "Distort(scale=...)")
        moderate(self.late, "Distort(late=...)")
        if self.elastic is not None:
            _elastic(self.elastic)

    def check(self, inputs: int) -> None:
        """Refuse a number of inputs that does not fit the image."""
        _fit(self.shape, inputs, "Distort")

    def apply(self, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Times with each sample's image distorted."""
        times = _samples(times)
        self.check(times.shape[1])
        late = times.dtype.type(self.late)
        bright = late - times
        if ((bright < 0) & (times < np.inf)).any():
            latest = times[times < np.inf].max()
            raise InputError(
                f"Distort takes spikes at late={self.late:g} for black, but one comes at"
                f" {latest:g}: distort before other augmentations, or give a later `late`"
            )
        moved = self._moved(np.maximum(bright, 0, out=bright), rng)
        return np.where(moved > 0, np.maximum(late - moved, 0), times.dtype.type(np.inf))

    def images(self, pixels: Any, rng: np.random.Generator) -> np.ndarray:
        """The same for uint8 pixels (samples, ...), whose shape and dtype are kept; 0 is black."""
        array = as_array(pixels, "pixels")
        if array.dtype != np.uint8 or array.ndim < 2:
            raise InputError(
                f"pixels must be (samples, ...) of uint8, got {array.shape} of {array.dtype}"
            )
        self.check(prod(array.shape[1:]))
        moved = self._moved(array.reshape(len(array), -1).astype(np.float32), rng)
        return np.rint(moved).astype(np.uint8).reshape(array.shape)

    def _moved(self, bright: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The brightness (samples, inputs) of distorted images."""
        rows, columns, channels = _image(self.shape, "Distort")
        images = bright.reshape(len(bright), rows, columns, channels)
        maps = self._maps(rng.uniform(-1, 1, (len(bright), 6))).astype(bright.dtype)
        strength, width = self.elastic or (0.0, max(rows, columns))
        down = _bumps(rows, width) * strength
        across = np.ascontiguousarray(_bumps(columns, width).T)
        fields = 0 if self.elastic is None else 2
        size = (len(bright), fields, down.shape[1], len(across))
        noise = rng.standard_normal(size, bright.dtype)
        bumps = down.astype(bright.dtype), across.astype(bright.dtype)
        moved = np.empty_like(images)

        def part(first: int, last: int) -> None:
            bends = np.zeros((3, max(size[3], columns)), bright.dtype)
            distort(images, maps, noise, *bumps, bends, moved, first, last)

        spread(part, len(images), 20 * images.size)
        return moved.reshape(bright.shape)

    def _maps(self, drawn: np.ndarray) -> np.ndarray:
        """Affine maps to where each pixel comes from, seen from the centre; drawn from -1 to 1.

        (samples, 6): for its row the coefficients of down and right and the shift, then the same
        for its column.
        """
        angle = np.deg2rad(self.rotation) * drawn[:, 0]
        high, wide = 1 + self.scale * drawn[:, 1], 1 + self.scale * drawn[:, 2]
        slant, (down, right) = self.shear * drawn[:, 3], self.shift * drawn[:, 4:].T
        sine, cosine = np.sin(angle), np.cos(angle)
        of_row = cosine * high - sine * slant, -sine * wide, down
        of_column = sine * high + cosine * slant, cosine * wide, right
        return np.stack([*of_row, *of_column], axis=1)


Augmentation = Dropout | Jitter | Shift | Flip | Erase | Distort


def _samples(times: np.ndarray) -> np.ndarray:
    """Spike times (samples, inputs)."""
    array = as_array(times, "times", masked=np.inf)
    if array.ndim != 2:
        raise ShapeError(f"times must be (samples, inputs), got {array.shape}")
    return as_times(array, array.shape[1], "times")


def _image(shape: ImageShape, whose: str) -> tuple[int, int, int]:
    """The rows, columns and channels of an image."""
    if not isinstance(shape, tuple) or len(shape) not in (2, 3):
        raise ShapeError(
            f"{whose}(shape=...) must be (rows, columns) or (rows, columns, channels),"
            f" got {short(shape)}"
        )
    rows, columns, channels = (whole(n, f"{whose}(shape=...)") for n in (*shape, 1)[:3])
    return rows, columns, channels


def _fit(shape: ImageShape, inputs: int, whose: str) -> None:
    """Refuse a number of inputs that differs from the number of pixels of an image."""
    if prod(shape) != inputs:
        sides = " x ".join(map(str, shape))
        raise ShapeError(
            f"{whose} moves images of {sides} = {prod(shape)} pixels, but there are {inputs} inputs"
        )


def _elastic(elastic: tuple[float, float]) -> None:
    """Check the strength and width of a displacement field."""
    whose = "Distort(elastic=...)"
    if not isinstance(elastic, tuple) or len(elastic) != 2:
        raise InputError(f"{whose} must be (strength, width) or None, got {short(elastic)}")
    if positive(elastic[0], whose, zero=True) > 1e6 or moderate(elastic[1], whose) < 0.5:
        raise InputError(
            f"{whose} must have a strength of at most 1e6 pixels and a width of 0.5 or more,"
            f" got {short(elastic)}"
        )


def _bumps(pixels: int, width: float) -> np.ndarray:
    """(pixels, nodes) weights that turn random numbers a width apart into a smooth line of pixels.

    Squares add up to 1 at each pixel, so the line has the standard deviation of the numbers. With
    nodes this close it cannot be told from smoothed white noise, which costs far more.
    """
    nodes = int(np.ceil((pixels - 1) / width)) + 3
    places = (np.arange(nodes) - (nodes - 1) / 2) * width + (pixels - 1) / 2
    bumps = np.exp(-(((np.arange(pixels)[:, None] - places) / width) ** 2) / 2)
    return np.asarray(bumps / np.sqrt((bumps**2).sum(axis=1, keepdims=True)))
