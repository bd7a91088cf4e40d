"""Recorded spike times -> those of a network, whose window may be longer or shorter."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ttfs.checks import NO_SPIKE, as_array, check_times, flag, moderate
from ttfs.codes.units import as_unit
from ttfs.files.chunked import chunked


@dataclass(frozen=True)
class SpikeTimes:
    """What encodes data that are spike times already: they are stretched to the window.

    A spike at t comes at t t_max / stop, and one that is after the `stop` is after the window, too.

    Parameters
    ----------
    stop: the end of a sample, in `unit`, that of the data.
    t_max: the end of the window, in the network's unit.
    steps: whether times are rounded down to whole steps.

    >>> SpikeTimes(stop=100, unit="ms")(np.array([12.5, 50.0, np.inf]))
    array([0.125, 0.5  ,   inf])
    """

    stop: float
    unit: str
    t_max: float = 1.0
    steps: bool = False

    def __post_init__(self) -> None:
        moderate(self.stop, "SpikeTimes(stop=...)")
        as_unit(self.unit, "SpikeTimes(unit=...)")
        moderate(self.t_max, "SpikeTimes(t_max=...)")
        flag(self.steps, "SpikeTimes(steps=...)")

    def __call__(self, values: Any) -> Any:
        if (found := chunked(values)) is not None:
            return found.map(self)
        given = as_array(values, "times", masked=NO_SPIKE)
        check_times(given, "times")
        dtype = np.dtype("f4" if given.dtype == np.float32 else "f8")
        times: np.ndarray = given.astype(dtype)
        if self.stop != self.t_max:
            end = dtype.type(self.t_max)
            np.divide(np.multiply(times, end, out=times), dtype.type(self.stop), out=times)
            last = np.nextafter(end, dtype.type(0))  # what rounding must not lose
            np.minimum(times, last, out=times, where=given < self.stop)
        return np.floor(times, out=times) if self.steps else times

    def inputs(self, values: int) -> int:
        """The number of inputs that a network needs for this number of values."""
        return values

    @property
    def window(self) -> float:
        """The time by which all inputs that fire before the `stop` have fired."""
        return self.t_max
