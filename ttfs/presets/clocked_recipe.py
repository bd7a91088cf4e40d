"""A recipe that trains a network which fires by a clock, in PyTorch."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ttfs.checks import of_kind
from ttfs.clocked.couplings import COUPLINGS
from ttfs.clocked.rate import Rate
from ttfs.clocked.surrogates import Surrogate
from ttfs.codes.encoders import Encoder
from ttfs.codes.encoding import Latency
from ttfs.errors import InputError
from ttfs.network.network import Network
from ttfs.network.psp import Response, Windows
from ttfs.network.weights import Binary, Real
from ttfs.optimizers import Adam
from ttfs.presets.recipe import Recipe, stack
from ttfs.presets.window_recipe import MUON, RATES, adam, begun, check_windows
from ttfs.rules import Rule
from ttfs.rules import Windows as WindowsRule

if TYPE_CHECKING:  # PyTorch, which only a training needs
    from ttfs.clocked.trainer import ClockedTrainer


@dataclass(frozen=True)
class ClockedRecipe(Recipe):
    """Everything that determines the training of a clocked network, except data and seed.

    Parameters
    ----------
    rate, surrogate, norm, signed, gain, spread, voters, coupling, progressive, loss, sharpness,
        muon, validation: as for `ttfs.clocked.trainer.ClockedTrainer`; gain None: as in `Clocked`.
    Others as for `Recipe`; only the smoothing and the weight decay of the rule are used.
    """

    psp: Response = field(default_factory=Windows)
    rule: Rule = field(default_factory=lambda: WindowsRule(tau=1.0))
    optimizer: Adam = field(default_factory=Adam)
    rate: Rate = field(default_factory=lambda: Rate(8, pool="currents"))
    surrogate: Surrogate = field(default_factory=Surrogate)
    norm: str = "batch"
    signed: bool = False
    gain: float | None = None
    spread: float = 1.0
    voters: int = 1
    coupling: str | None = None
    progressive: bool = False
    loss: str = "ce"
    sharpness: float = 4.0
    muon: float = 0.0
    validation: float = 0.1
    encoder: Encoder = field(default_factory=lambda: Latency(t_max=1.0))
    unit: str = "window"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_windows(self, "ClockedRecipe")
        of_kind(self.rate, Rate, "ClockedRecipe(rate=...)", "ttfs.clocked.Rate(steps)")
        if self.coupling is not None and self.coupling not in COUPLINGS:
            raise InputError(
                f"ClockedRecipe(coupling=...) must be {' or '.join(COUPLINGS)}, or None,"
                f" got {self.coupling!r}"
            )
        if self.progressive and self.epochs <= sum(not layer.pools for layer in self.layers) + 1:
            raise InputError(
                f"ClockedRecipe(epochs={self.epochs}, progressive=True) must have at least two"
                " more epochs than layers with weights"
            )

    def network(self, inputs: int | tuple[int, ...], classes: int, seed: int) -> Network:
        """An untrained network for data of the given shape: see `Recipe.network`."""
        return begun(self, self._shape(inputs), classes * self.voters, seed)

    def learning(self) -> str:
        """The coupling, or how gradients pass through all steps: see `Recipe.learning`."""
        return self.coupling or ("signs" if self.signed else "surrogate")

    def rates(self) -> Rate:
        """The recipe's own rate: see `Recipe.rates`."""
        return self.rate

    def trainer(  # type: ignore[override]
        self, network: Network, seed: int, *, teacher: Any = None
    ) -> "ClockedTrainer":
        """A trainer for that network, which may learn from a teacher: see `teacher_from`."""
        from ttfs.clocked.trainer import ClockedTrainer
        from ttfs.training.teacher import teacher_from

        assert isinstance(self.rule, WindowsRule)
        names = "surrogate", "norm", "signed", "voters", "coupling", "loss", "sharpness", "muon"
        more = "spread", "progressive", "batch_size", "augmentation", "average", "validation"
        told = {name: getattr(self, name) for name in names + more} | {
            "teacher": teacher_from(teacher)
        }
        if self.gain is not None:
            told["gain"] = self.gain
        return ClockedTrainer(network, self.rule, self.optimizer, self.rate, **told, seed=seed)

    def relearning(self, *, binary: bool) -> "ClockedRecipe":
        """The recipe with learning rates for weights of this kind: see `Recipe.relearning`."""
        muon = 0.0 if binary or self.norm != "batch" else MUON
        return replace(self, optimizer=adam(RATES[binary]), muon=muon)


def clocked(dataset: str, notation: str, *, binary: bool = False, **settings: Any) -> ClockedRecipe:
    """A clocked recipe for any number of layers, as papers write them.

    settings: those of a `ClockedRecipe`.

    >>> clocked("mnist", "32C5-P2-256", coupling="proxy").coupling
    'proxy'
    """
    layers = stack(notation, Binary() if binary else Real())
    chosen: dict[str, Any] = {
        "optimizer": adam(RATES[binary]),
        "muon": 0.0 if binary or settings.get("norm", "batch") != "batch" else MUON,
        "rule": WindowsRule(tau=1.0, smoothing=0.1, weight_decay=0.01),
        "batch_size": 250,
        "average": 5_000,
    }
    return ClockedRecipe(dataset, layers, **(chosen | settings))
