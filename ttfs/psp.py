"""The response of a membrane to one spike."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """A jump: the whole weight arrives at once and stays (no leak).

    With it a neuron is the non-leaky integrate-and-fire neuron of S4NN and BS4NN:
    V_j(t) = Σ_i w_ij [t_i + delay ≤ t], and spikes can only happen when an input arrives.

    >>> Step()
    Step()
    """
