"""Images -> spike times of brightness and of contrast with the surround."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from ttfs.checks import moderate, positive, whole
from ttfs.codes.encoding import brightness
from ttfs.errors import InputError, ShapeError
from ttfs.files.chunked import chunked

CHANNELS = 3  # brightness, on, off
FAINT = 1e-5  # of the largest brightness: anything less is rounding, not contrast


@dataclass(frozen=True)
class OnOff:
    """Three channels for each pixel: its brightness, and on- and off-centre contrast.

    Contrast is the difference between a narrow and a wide Gaussian mean around a pixel, as in
    centre-surround cells of the retina and thalamus (Rodieck 1965); the largest contrast in an
    image counts as 1. A pixel that is brighter than its surround fires in the on-channel, one
    that is darker in the off-channel; each value v fires at (1 - v) t_max, as with `Latency`.
    Values below `least` are silent. Where grey means as much as white, as in photographs of
    clothes, contrast says more than brightness alone.

    Parameters
    ----------
    shape: (rows, columns) of the images, which may be flat.
    t_max: time of a value of 0.
    widths: standard deviations of the two Gaussians, in pixels.
    least: the smallest value that fires.

    Times have channels last, and are flat if the values are.

    >>> edge = np.zeros((6, 6))
    >>> edge[:, 3:] = 1
    >>> times = OnOff((6, 6), t_max=10)(edge)
    >>> times.shape, times[0, 3].round(1).tolist(), times[0, 2].round(1).tolist()
    ((6, 6, 3), [0.0, 4.2, inf], [inf, inf, 4.2])
    """

    shape: tuple[int, int]
    t_max: float = 1.0
    widths: tuple[float, float] = (1.0, 2.0)
    least: float = 0.02

    def __post_init__(self) -> None:
        for name, wanted in (("shape", "(rows, columns)"), ("widths", "(narrow, wide)")):
            given = getattr(self, name)
            if not isinstance(given, tuple | list) or len(given) != 2:
                raise ShapeError(f"OnOff({name}=...) must be {wanted}, got {given!r}")
        shape = tuple(whole(side, "OnOff(shape=...)") for side in self.shape)
        widths = tuple(moderate(width, "OnOff(widths=...)") for width in self.widths)
        if not 0.01 <= widths[0] < widths[1] <= 1000:
            raise InputError(
                f"OnOff(widths=...) must increase, and be from 0.01 to 1000 pixels, got {widths}"
            )
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "widths", widths)
        moderate(self.t_max, "OnOff(t_max=...)")
        if positive(self.least, "OnOff(least=...)", zero=True) >= 1:
            raise InputError(f"OnOff(least=...) must be below 1, got {self.least!r}")

    def __call__(self, values: Any) -> Any:
        if (found := chunked(values)) is not None:
            return found.map(self)
        array, top, dtype = brightness(values)
        flat, pixels = array.shape[-1:] == (prod(self.shape),), prod(self.shape)
        if not flat and array.shape[-2:] != self.shape:
            raise ShapeError(
                f"OnOff{self.shape} takes images of that shape, or {pixels} pixels, got"
                f" {array.shape}"
            )
        images = np.asarray(array.reshape(-1, *self.shape) / top, dtype)
        out = np.empty((*images.shape, CHANNELS), dtype)
        out[..., 0] = images
        narrow, wide = (gaussian_filter(images, (0, width, width)) for width in self.widths)
        contrast = narrow - wide
        largest = np.abs(contrast).max(axis=(1, 2), keepdims=True, initial=0)
        contrast /= np.where(largest > FAINT, largest, np.inf)
        out[..., 1], out[..., 2] = np.maximum(contrast, 0), np.maximum(-contrast, 0)
        number = dtype.type
        times = np.where(out < number(self.least), number(np.inf), (1 - out) * number(self.t_max))
        sides = (pixels * CHANNELS,) if flat else (*self.shape, CHANNELS)
        return times.reshape(*array.shape[: -1 if flat else -2], *sides)

    def inputs(self, values: int) -> int:
        """The number of inputs that a network needs for this number of values."""
        return values * CHANNELS

    @property
    def window(self) -> float:
        """The time by which all inputs that fire at all have fired."""
        return self.t_max
