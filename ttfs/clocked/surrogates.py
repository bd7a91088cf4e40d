"""What replaces the derivative of a spike where a network learns through its steps."""

from dataclasses import dataclass
from typing import Any

from ttfs.checks import positive
from ttfs.errors import InputError

KINDS = "fast_sigmoid", "rectangle", "triangle"


@dataclass(frozen=True)
class Surrogate:
    """The derivative assigned to a spike, a function of a potential's distance x above threshold.

    kind: "fast_sigmoid": 1 / (1 + s abs(x))^2 (Zenke and Ganguli 2018, arXiv 1705.11146);
    "rectangle": s where abs(x) < 1 / (2 s) (Wu et al. 2018, arXiv 1706.02609); "triangle":
    s max(0, 1 - s abs(x)). slope: s, above 0; the larger it is, the fewer neurons learn.

    >>> Surrogate("rectangle", slope=2.0).slope
    2.0
    """

    kind: str = "fast_sigmoid"
    slope: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            wanted = " or ".join(map(repr, KINDS))
            raise InputError(f"Surrogate(kind=...) must be {wanted}, got {self.kind!r}")
        positive(self.slope, "Surrogate(slope=...)")

    def derivative(self, x: Any) -> Any:
        """The value that replaces a spike's derivative."""
        steep = self.slope * x.abs()
        if self.kind == "fast_sigmoid":
            return 1 / (1 + steep) ** 2
        if self.kind == "rectangle":
            return self.slope * (steep < 0.5).to(x.dtype)
        return self.slope * (1 - steep).clamp(min=0)

    def smooth(self, x: Any) -> Any:
        """The smooth function that has this derivative and is 1/2 at the threshold."""
        steep = self.slope * x
        if self.kind == "fast_sigmoid":
            return 0.5 + x / (1 + steep.abs())
        if self.kind == "rectangle":
            return 0.5 + steep.clamp(-0.5, 0.5)
        inside = steep.clamp(-1, 1)
        return 0.5 + inside - 0.5 * inside * inside.abs()
