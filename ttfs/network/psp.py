"""The response of a membrane to one spike."""

from dataclasses import dataclass

import numpy as np

from ttfs.checks import positive


@dataclass(frozen=True)
class Step:
    """A jump: the whole weight arrives at once and stays (no leak).

    With it a neuron is the non-leaky integrate-and-fire neuron of S4NN and BS4NN:
    V_j(t) = Σ_i w_ij [t_i + delay ≤ t], and spikes can only happen when an input arrives.

    >>> Step()
    Step()
    """

    @property
    def unit(self) -> float:
        """Kernels compare with thresholds times this."""
        return 1.0


@dataclass(frozen=True)
class Ramp:
    """A straight rise to the weight, over a time `rise`, and then a plateau (no leak).

    V_j(t) = Σ_i w_ij min((t - t_i - delay) / rise, 1) over the spikes that have arrived; with
    `Ramp(inf)` the rise never ends and V_j(t) = Σ_i w_ij (t - t_i - delay). Between events
    the potential is a straight line, so a neuron fires at a time between events, found by
    one division. `Ramp(inf)` is the response of Zhang et al. 2021 (arXiv 2003.11837, section
    III); with a finite rise this is the piecewise-linear response of STiDi-BP (Mirsadeghi et
    al. 2021) as far as its abstract tells.

    rise: in the network's unit of time; above 0. The limit of ever shorter rises is `Step`.

    >>> Ramp(rise=4)
    Ramp(rise=4)
    """

    rise: float = np.inf

    def __post_init__(self) -> None:
        positive(self.rise, "Ramp(rise=...)", endless=True)

    @property
    def unit(self) -> float:
        """Kernels compare with thresholds times this: slopes are then sums of weights."""
        return 1.0 if self.rise == np.inf else float(self.rise)


Response = Step | Ramp
