"""How ReLUs are clipped during training."""

from dataclasses import dataclass

from ttfs.checks import flag, of_kind, positive, whole
from ttfs.errors import InputError
from ttfs.network.psp import Response, Windows


@dataclass(frozen=True)
class Clipping:
    """How ReLUs are clipped at thresholds, one for each layer, that are learned with the weights.

    steps: number of steps to which activations are quantised, as spikes at instants of a window
    are (QCFS: Bu et al. 2022, arXiv 2303.04347, section 4); None: not quantised (after Deng and Gu
    2021, arXiv 2103.00476). noise: standard deviation of normal noise on the activations, in steps
    (in thresholds where there are none), for networks to be run with firing rates, which are a
    little above or below the activations (after Huang et al. 2024, arXiv 2404.17456).
    """

    steps: int | None = None
    noise: float = 0.0


def clipping_of(
    psp: Response, clipped: bool, rounded: int | None, noise: float, whose: str
) -> Clipping | None:
    """How ReLUs are clipped in training, given the response; None if they are not clipped.

    >>> clipping_of(Windows(steps=4), False, None, 0.0, "mine")
    Clipping(steps=4, noise=0.0)
    """
    of_kind(psp, Windows, f"{whose}(...): the psp", "Windows()")
    assert isinstance(psp, Windows)
    steps = None if rounded is None else whole(rounded, f"{whose}(rounded=...)")
    if None not in (steps, psp.steps) and steps != psp.steps:
        raise InputError(f"{whose}(rounded=...) must be {psp.steps}, as {psp} has it, got {steps}")
    steps = steps or psp.steps
    clipped = flag(clipped, f"{whose}(clipped=...)") or steps is not None
    if positive(noise, f"{whose}(noise=...)", zero=True) and not clipped:
        raise InputError(f"{whose}(noise=...) is added to clipped ReLUs: pass clipped=True")
    return Clipping(steps, noise) if clipped else None
