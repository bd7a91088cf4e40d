"""What stands in for the derivative of a spike, where a network learns through its steps."""

from dataclasses import dataclass
from typing import Any

from ttfs.checks import positive
from ttfs.errors import InputError
from ttfs.torch import torch

KINDS = "fast_sigmoid", "rectangle", "triangle"


@dataclass(frozen=True)
class Surrogate:
    """The derivative that a spike is given by how far a potential x is above its threshold.

    kind: "fast_sigmoid": 1 / (1 + s |x|)^2 (Zenke and Ganguli 2018, arXiv 1705.11146);
    "rectangle": s where |x| < 1 / 2s (Wu et al. 2018, arXiv 1706.02609); "triangle":
    s max(0, 1 - s |x|). slope: s, above 0; with larger ones fewer neurons learn.

    >>> Surrogate("rectangle").derivative(torch.tensor([-0.6, 0.2]))
    tensor([0., 1.])
    """

    kind: str = "fast_sigmoid"
    slope: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            wanted = " or ".join(map(repr, KINDS))
            raise InputError(f"Surrogate(kind=...) must be {wanted}, got {self.kind!r}")
        positive(self.slope, "Surrogate(slope=...)")

    def derivative(self, x: Any) -> Any:
        """What a spike's derivative is taken for."""
        steep = self.slope * x.abs()
        if self.kind == "fast_sigmoid":
            return 1 / (1 + steep) ** 2
        if self.kind == "rectangle":
            return self.slope * (steep < 0.5).to(x.dtype)
        return self.slope * (1 - steep).clamp(min=0)

    def smooth(self, x: Any) -> Any:
        """The smooth function that has this derivative, and is 1/2 at the threshold."""
        steep = self.slope * x
        if self.kind == "fast_sigmoid":
            return 0.5 + x / (1 + steep.abs())
        if self.kind == "rectangle":
            return 0.5 + steep.clamp(-0.5, 0.5)
        inside = steep.clamp(-1, 1)
        return 0.5 + inside - 0.5 * inside * inside.abs()


class _Spike(torch.autograd.Function):
    """1 from the threshold on; the derivative is that of a surrogate."""

    @staticmethod
    def forward(ctx: Any, x: Any, surrogate: Surrogate, smooth: bool) -> Any:
        """Spikes of potentials, in thresholds above the threshold."""
        ctx.save_for_backward(x)
        ctx.surrogate = surrogate
        return surrogate.smooth(x) if smooth else (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *errors: Any) -> Any:
        """The derivative of the surrogate."""
        (x,) = ctx.saved_tensors
        return errors[0] * ctx.surrogate.derivative(x), None, None


def spikes(x: Any, surrogate: Surrogate, smooth: bool = False) -> Any:
    """1 where x is 0 or more, else 0; with `smooth` what the surrogate is the derivative of."""
    return _Spike.apply(x, surrogate, smooth)
