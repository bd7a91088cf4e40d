"""How spikes carry values: the response of a membrane to one spike, and the meaning of times."""

from dataclasses import dataclass

import numpy as np

from ttfs.checks import moderate, positive, whole
from ttfs.errors import InputError

MOST_STEPS = 2**20  # of a window


@dataclass(frozen=True)
class Step:
    """A jump: the whole weight arrives at once and stays (no leak).

    This gives the non-leaky integrate-and-fire neuron of S4NN and BS4NN:
    V_j(t) = Σ_i w_ij [t_i + delay ≤ t], which can fire only when an input arrives.

    >>> Step()
    Step()
    """

    @property
    def unit(self) -> float:
        """Factor by which kernels multiply thresholds."""
        return 1.0


@dataclass(frozen=True)
class Ramp:
    """A linear rise to the weight over a time `rise`, and then a plateau (no leak).

    V_j(t) = Σ_i w_ij min((t - t_i - delay) / rise, 1) over the spikes that have arrived; with
    `Ramp(inf)` the rise never ends and V_j(t) = Σ_i w_ij (t - t_i - delay). Between events
    the potential is a straight line, so a neuron can fire between events, at a time found by
    one division. `Ramp(inf)` is the response of Zhang et al. 2021 (arXiv 2003.11837, section
    III); with a finite rise this is the piecewise-linear response of STiDi-BP (Mirsadeghi et
    al. 2021), as far as can be told from its abstract.

    rise: in the network's unit of time; above 0. `Step` is the limit of ever shorter rises.

    >>> Ramp(rise=4)
    Ramp(rise=4)
    """

    rise: float = np.inf

    def __post_init__(self) -> None:
        positive(self.rise, "Ramp(rise=...)", endless=True)

    @property
    def unit(self) -> float:
        """Factor by which kernels multiply thresholds, so that slopes are sums of weights."""
        return 1.0 if self.rise == np.inf else float(self.rise)


@dataclass(frozen=True)
class Windows:
    """One window of time after the other: a layer integrates in one, and fires in the next.

    The input fires in the first window, from 0 to `length`; each layer integrates in the window in
    which the layer below fires. (A pooling layer fires in that same window, as its inputs arrive.)
    A spike that comes x windows before the end of a window carries the value x, between 0 and 1:
    it adds its weight times x to a potential, along a straight line that ends with the window.
    The potential starts at the layer's bias b_j; it stays at V_j = b_j + Σ_i w_ij x_i afterwards.
    In the next window the neuron's threshold falls to 0 along a straight line, and the neuron
    fires V_j / threshold windows before the end: at the beginning if that is 1 or more, and never
    if V_j is not above 0. Its value is x_j = min(max(V_j, 0) / threshold, 1): this is a network of
    ReLUs, clipped at the threshold, in which silence is 0.

    steps: number of instants in a window at which a neuron can fire; None for any time.
        With L steps x_j is floor(L V_j / threshold + 1/2) / L, clipped at 1.
    length: of a window, in the network's unit of time.

    The neuron is that of Stanojevic et al. 2023 (arXiv 2212.12522, section 2, constant slope after
    the window); the falling threshold is that of Wei et al. 2023 (ICCV). With steps it is the
    quantised ReLU of Bu et al. 2022 (arXiv 2303.04347, section 4).

    >>> Windows(steps=8)
    Windows(steps=8, length=1.0)
    """

    steps: int | None = None
    length: float = 1.0

    def __post_init__(self) -> None:
        if self.steps is not None:
            object.__setattr__(self, "steps", whole(self.steps, "Windows(steps=...)"))
            if self.steps > MOST_STEPS:
                raise InputError(f"Windows(steps=...) must be {MOST_STEPS} or less")
        object.__setattr__(self, "length", float(moderate(self.length, "Windows(length=...)")))

    @property
    def unit(self) -> float:
        """Factor by which kernels multiply thresholds."""
        return 1.0

    def begin(self, window: float) -> float:
        """The time at which a window begins; windows are numbered from 0."""
        return window * self.length

    def values(self, times: np.ndarray, window: int) -> np.ndarray:
        """The values carried by spikes of a window, in float64; silence carries 0.

        >>> Windows().values(np.array([1.0, 1.75, np.inf]), window=1)
        array([1.  , 0.25, 0.  ])
        """
        left = (self.begin(window + 1) - np.asarray(times, np.float64)) / self.length
        return np.clip(left, 0.0, 1.0)


Response = Step | Ramp | Windows
RESPONSES = "Step(), Ramp(rise) or Windows(steps)"
