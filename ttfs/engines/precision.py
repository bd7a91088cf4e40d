"""Numbers as text, with as many digits as are significant."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, isfinite, log10

import numpy as np

DOUBLE = np.dtype(np.float64)
HUGE = 1e300  # from here on, rounding up may overflow


@dataclass(frozen=True)
class Precision:
    """The numerical precision of a simulator.

    times, potentials: dtypes, of the stimulus and of the network. rise: of ramps; 0 for steps.
    length: the time in which an endless ramp rises by its weight. bias: the initial potential.
    drift: the slope at the beginning, with endless ramps.
    """

    times: np.dtype = DOUBLE
    potentials: np.dtype = DOUBLE
    rise: float = 0.0
    length: float = 1.0
    bias: float = 0.0
    drift: float = 0.0

    def time(self, value: float) -> str:
        """The shortest text that reads back as this time in its precision.

        With ramps and float32 potentials, a spike is where a line of float32 sums meets the
        threshold, so it has as many digits as these, whatever the dtype of the stimulus.

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
        """Bounds on how far rounding has moved the potentials from their exact values.

        `times` of arrival, in order, the `weights` that arrived then, and the potential after each
        arrival. The weights, read as the shortest decimals that stand for them, are added again in
        double precision. Where that shows no difference, the bound is the error that this sum can
        have itself, or half a last digit of the largest number added, whichever is larger.

        >>> numbers = [0.1, 0.2, -0.3], [0.1, 0.3, 0.3 - 0.1 - 0.2]
        >>> found = Precision().errors([1, 2, 3], *numbers)
        >>> [written(value, error) for value, error in zip(numbers[1], found)]
        ['0.1', '0.3', '0']
        """
        arrival, after = np.array(times, float), np.array(potentials, float)
        added = np.array([float(shortest(weight, self.potentials)) for weight in weights])
        total, moment = np.cumsum(added), np.cumsum(added * arrival)
        drift = float(shortest(self.drift, self.potentials))
        again = total + float(shortest(self.bias, self.potentials))
        largest = np.maximum.accumulate(np.maximum(abs(added), abs(after)))
        largest = np.maximum(largest, abs(self.bias))
        most = largest
        if self.rise:
            scale = self.rise if isfinite(self.rise) else self.length
            ended = np.searchsorted(arrival + self.rise, arrival, "right")
            whole, early = (np.append(0.0, sums)[ended] for sums in (total, moment))
            again = self.bias + whole + ((total - whole) * arrival - (moment - early)) / scale
            again = again + drift * arrival / scale
            if not isfinite(self.rise):  # the potential is then a difference of such products
                largest = np.maximum(largest, abs(total + drift) * arrival / scale)
            most = np.maximum(most, (np.cumsum(abs(added)) + abs(drift)) * arrival / scale)
        itself = 2 * np.finfo(DOUBLE).eps * np.arange(1, len(most) + 1) * most
        last = np.finfo(self.potentials).eps / 2 * largest
        return np.maximum(abs(after - again), np.maximum(itself, last))


def shortest(value: float, dtype: np.dtype) -> str:
    """The shortest text that reads back as the same number in that dtype.

    >>> shortest(np.float32(0.1), np.dtype(np.float32)), shortest(2.0, DOUBLE)
    ('0.1', '2')
    """
    return str(dtype.type(value)).removesuffix(".0")


def written(value: float, error: float) -> str:
    """A number with the digits that are significant given its error, at most six.

    >>> written(0.6, 3e-8), written(-2.98e-8, 3e-8), written(123.456, 0.02)
    ('0.6', '0', '123.5')
    """
    if abs(value) < HUGE and 0 < error < HUGE:
        value = round(value, floor(-log10(2 * error)))
    return f"{value + 0.0:.6g}"  # + 0.0 makes a negative zero positive


def aligned(numbers: Sequence[str]) -> list[str]:
    """Numbers as text, with spaces before them so that their decimal points are in one column.

    >>> aligned(["0.25", "-1", "12.5", "1e-06"])
    [' 0.25', '-1', '12.5', ' 1e-06']
    """
    lengths = [len(re.split("[.e]", number)[0]) for number in numbers]
    return [" " * (max(lengths) - n) + text for n, text in zip(lengths, numbers, strict=True)]
