"""Numbers as texts, with the digits that they have."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, isfinite, log10

import numpy as np

DOUBLE = np.dtype(np.float64)
HUGE = 1e300  # from which on rounding up may overflow


@dataclass(frozen=True)
class Precision:
    """How exactly a simulator counts.

    times, potentials: dtypes, of the stimulus and of the network. rise: of ramps; 0 for steps.
    length: of the time in which an endless ramp rises by its weight. bias: where potentials begin.
    """

    times: np.dtype = DOUBLE
    potentials: np.dtype = DOUBLE
    rise: float = 0.0
    length: float = 1.0
    bias: float = 0.0

    def time(self, value: float) -> str:
        """The shortest text that reads back as this time, among those of its precision.

        With ramps a spike is where a line of float32 sums meets the threshold, and has their
        digits, whatever the stimulus has.

        >>> single = Precision(times=np.dtype(np.float32))
        >>> single.time(float(np.float32(110.1))), single.time(4.0), Precision().time(0.1 + 0.2)
        ('110.1', '4', '0.30000000000000004')
        >>> Precision(potentials=np.dtype(np.float32), rise=np.inf).time(110.09999847412109)
        '110.1'
        """
        coarse = self.rise and self.potentials == np.float32
        return shortest(value, self.potentials if coarse else self.times)

    @np.errstate(all="ignore")  # sums of huge weights overflow
    def errors(
        self, times: Sequence[float], weights: Sequence[float], potentials: Sequence[float]
    ) -> np.ndarray:
        """How far rounding may have brought the potentials from what they would be without.

        `times` of arrival, in order, what arrived then, and the potential after each. They are
        added again in double precision, as the decimals that stand for the weights. Where that
        shows no difference, what that sum may be wrong by itself remains, and half a last digit
        of the largest number that was added.

        >>> numbers = [0.1, 0.2, -0.3], [0.1, 0.3, 0.3 - 0.1 - 0.2]
        >>> found = Precision().errors([1, 2, 3], *numbers)
        >>> [written(value, error) for value, error in zip(numbers[1], found)]
        ['0.1', '0.3', '0']
        """
        arrival, after = np.array(times, float), np.array(potentials, float)
        added = np.array([float(shortest(weight, self.potentials)) for weight in weights])
        total, moment = np.cumsum(added), np.cumsum(added * arrival)
        again, largest = total, np.maximum.accumulate(np.maximum(abs(added), abs(after)))
        most = largest
        if self.rise:
            scale = self.rise if isfinite(self.rise) else self.length
            ended = np.searchsorted(arrival + self.rise, arrival, "right")
            whole, early = (np.append(0.0, sums)[ended] for sums in (total, moment))
            again = self.bias + whole + ((total - whole) * arrival - (moment - early)) / scale
            if not isfinite(self.rise):  # its potential is a difference of such products
                largest = np.maximum(largest, abs(total) * arrival / scale)
            most = np.maximum(most, np.cumsum(abs(added)) * arrival / scale)
        itself = 2 * np.finfo(DOUBLE).eps * np.arange(1, len(most) + 1) * most
        last = np.finfo(self.potentials).eps / 2 * largest
        return np.maximum(abs(after - again), np.maximum(itself, last))


def shortest(value: float, dtype: np.dtype) -> str:
    """The shortest text that reads back as the same number of that dtype.

    >>> shortest(np.float32(0.1), np.dtype(np.float32)), shortest(2.0, DOUBLE)
    ('0.1', '2')
    """
    return str(dtype.type(value)).removesuffix(".0")


def written(value: float, error: float) -> str:
    """A number with the digits that an error leaves of it, at most six.

    >>> written(0.6, 3e-8), written(-2.98e-8, 3e-8), written(123.456, 0.02)
    ('0.6', '0', '123.5')
    """
    if abs(value) < HUGE and 0 < error < HUGE:
        value = round(value, floor(-log10(2 * error)))
    return f"{value + 0.0:.6g}"  # of a negative zero, zero
