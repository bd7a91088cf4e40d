"""A recipe that trains ReLUs in PyTorch and converts them."""

from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from ttfs.checks import of_kind, positive
from ttfs.clocked.methods import METHODS, method_of
from ttfs.clocked.rate import Rate
from ttfs.codes.encoders import Encoder
from ttfs.codes.encoding import Latency
from ttfs.datasets.dataset import Dataset
from ttfs.errors import InputError
from ttfs.measures.metrics import evaluate
from ttfs.network.chain import check_chain
from ttfs.network.network import Network
from ttfs.network.psp import Response, Windows
from ttfs.network.weights import Binary, Real
from ttfs.optimizers import Adam, Linear, Warm, share
from ttfs.presets.recipe import Recipe, stack
from ttfs.rules import Rule
from ttfs.rules import Windows as WindowsRule
from ttfs.training.clipping import clipping_of
from ttfs.training.split import VALIDATION, split

if TYPE_CHECKING:  # PyTorch, which only a training needs
    from ttfs.training.window_trainer import WindowTrainer

RATES = {True: 4e-3, False: 2e-3}
"""Learning rates of AdamW for one-bit (True) and for real (False) weights."""

MUON = 25.0
"""The learning rate of Muon, as a multiple of that of AdamW."""

STEPS = 8  # instants of a window in the network that a report gives for comparison


@dataclass(frozen=True)
class WindowRecipe(Recipe):
    """Everything that determines a training of ReLUs and their conversion, except data and seed.

    Sums, pools, batch norm and ReLUs are trained in PyTorch (extra `torch`); what is validated and
    kept is the network of single spikes in windows that they become.

    Parameters
    ----------
    optimizer: its learning rate is that of AdamW, which trains everything that Muon does not.
    muon: the learning rate of Muon for the weights of hidden layers, as a multiple of that of
        `optimizer`; 0: AdamW trains them, too.
    validation: share of the training samples held out.
    dropout: share of the neurons of hidden dense layers that are left out in training.
    sparse: weight of the mean activation of each hidden layer in the loss.
    whiten: whether the first layer, if it is a convolution, whitens patches and does not learn.
    psp: with steps, ReLUs are quantised to these in training (QCFS).
    clipped: whether ReLUs are clipped at thresholds that are learned, one for each layer, as they
        always are with steps.
    rounded: steps to which ReLUs are rounded in training, though neurons may fire at any time.
    noise: added to clipped ReLUs, for networks that are to be run by rates: see
        `ttfs.training.clipping.Clipping`.
    method: how the trained network is run by firing rates, a name in `ttfs.clocked.METHODS`; None:
        by single spikes. rate_steps: of these rates; None: as many as `psp` has, or 8.
    Others as for `Recipe`; only the smoothing and the weight decay of the rule are used.
    """

    psp: Response = field(default_factory=Windows)
    rule: Rule = field(default_factory=lambda: WindowsRule(tau=1.0))
    optimizer: Adam = field(default_factory=Adam)
    muon: float = 0.0
    validation: float = VALIDATION
    dropout: float = 0.0
    sparse: float = 0.0
    whiten: bool = False
    clipped: bool = False
    rounded: int | None = None
    noise: float = 0.0
    method: str | None = None
    rate_steps: int | None = None
    encoder: Encoder = field(default_factory=lambda: Latency(t_max=1.0))
    unit: str = "window"

    def __post_init__(self) -> None:
        super().__post_init__()
        whose = "WindowRecipe"
        check_windows(self, whose, steps=True)
        told = self.psp, self.clipped, self.rounded, self.noise
        learned = clipping_of(*told, whose) is not None
        for name in ("muon", "sparse"):
            positive(getattr(self, name), f"{whose}({name}=...)", zero=True)
        for name in ("validation", "dropout"):
            share(getattr(self, name), f"{whose}({name}=...)")
        if self.layers[0].pools:
            raise InputError(f"{whose}(layers=...) must begin with weights, not with a pool")
        for layer in self.layers:
            if layer.initial is not None or layer.bias is not None or layer.delay:
                raise InputError(
                    f"{whose}(layers=...) must begin at random, without delays; got {layer}"
                )
        if self.method is not None:
            known = method_of(self.method, f"{whose}(method=...)")
            if (known.thresholds is None) != learned:
                cure = "does not take" if learned else "needs"
                raise InputError(
                    f"{whose}(method={self.method!r}) {cure} thresholds that learn:"
                    " clipped=True, or psp=Windows(steps)"
                )
            known.rates(self._rate_steps)

    @property
    def _rate_steps(self) -> int:
        """The number of steps of rates, if there is a method."""
        if self.rate_steps is not None:
            return self.rate_steps
        return (self.psp.steps if isinstance(self.psp, Windows) else None) or STEPS

    def held_out(self, samples: int, seed: int) -> np.ndarray:
        """The samples on which a training validates: see `Recipe.held_out`."""
        return split(samples, self.validation, seed)[1]

    def learning(self) -> str:
        """The method for rates, or the rule if there is none: see `Recipe.learning`."""
        return self.method or super().learning()

    def rates(self) -> Rate | None:
        """The rate by which a trained network fires, if there is a method: see `Recipe.rates`."""
        return None if self.method is None else METHODS[self.method].rates(self._rate_steps)

    def network(self, inputs: int | tuple[int, ...], classes: int, seed: int) -> Network:
        """An untrained network for data of the given shape: see `Recipe.network`."""
        return begun(self, self._shape(inputs), classes, seed)

    def trainer(  # type: ignore[override]
        self, network: Network, seed: int, *, teacher: Any = None
    ) -> "WindowTrainer":
        """A trainer for that network, which may learn from a teacher: see `teacher_from`."""
        from ttfs.clocked.rated_trainer import RatedTrainer
        from ttfs.training.teacher import teacher_from
        from ttfs.training.window_trainer import WindowTrainer

        assert isinstance(self.rule, WindowsRule)
        assert isinstance(self.optimizer, Adam)
        names = "muon", "batch_size", "augmentation", "average", "validation"
        more = "dropout", "sparse", "whiten", "clipped", "rounded", "noise"
        told = {name: getattr(self, name) for name in names + more}
        told |= {"seed": seed, "teacher": teacher_from(teacher)}
        if self.method is None:
            return WindowTrainer(network, self.rule, self.optimizer, **told)
        told |= {"method": self.method, "steps": self._rate_steps}
        return RatedTrainer(network, self.rule, self.optimizer, **told)

    def relearning(self, *, binary: bool) -> "WindowRecipe":
        """The recipe with learning rates for weights of this kind: see `Recipe.relearning`."""
        return replace(self, optimizer=adam(RATES[binary]), muon=0.0 if binary else MUON)

    def more(self, trainer: Any, data: Dataset) -> dict[str, Any]:
        """How far the trained network is from the ReLUs, and what steps cost: see `Recipe.more`."""
        found, stepped = trainer.conversion, trainer.with_steps(STEPS)
        times = data.encoded(self.encoder)
        values = np.maximum(1 - times, 0)
        distance, relus = found.compare(values), found.decisions(values)
        coarse = evaluate(stepped.network, times, data.labels)
        return {
            "relus": {
                "accuracy": float((relus == data.labels).mean()),
                "agreement": distance.agreement,
                "clipped": dict(zip(distance.names, distance.clipped, strict=True)),
                "steps": {str(STEPS): coarse.accuracy},
                "torch": version("torch"),
            }
        }


def check_windows(recipe: Any, whose: str, *, steps: bool = False) -> None:
    """Refuse a recipe that cannot be trained in PyTorch for windows, which may have `steps`."""
    of_kind(recipe.rule, WindowsRule, f"{whose}(rule=...)", "ttfs.rules.Windows()")
    of_kind(recipe.optimizer, Adam, f"{whose}(optimizer=...)", "Adam(...)")
    windowed = isinstance(recipe.psp, Windows) and recipe.psp.length == 1
    if not windowed or recipe.horizon is not None or recipe.by_firing:
        raise InputError(f"{whose} trains only for Windows(), with no horizon, not by_firing")
    if recipe.psp.steps is not None and not steps:
        raise InputError(f"{whose}(psp=...) must be Windows() without steps, got {recipe.psp}")
    if recipe.encoder.t_max != 1 or recipe.unit != "window":
        raise InputError(f"{whose} counts times in windows: its encoder must have t_max=1")


def begun(recipe: Any, shape: tuple[int, int, int], outputs: int, seed: int) -> Network:
    """The network of a recipe for inputs of a given shape, with weights that PyTorch draws."""
    output = replace(recipe.layers[-1], outputs=outputs)
    layers = check_chain((*recipe.layers[:-1], output), shape)
    told: dict[str, Any] = {} if shape[:2] == (1, 1) else {"shape": shape}
    return Network(*layers, psp=recipe.psp, seed=seed, unit=recipe.unit, **told)


def windows(dataset: str, notation: str, *, binary: bool = False, **settings: Any) -> WindowRecipe:
    """A recipe with windows for any number of layers, as papers write them.

    settings: those of a `WindowRecipe`.

    >>> windows("mnist", "32C5-P2-256").notation
    '32C5-P2-256'
    """
    layers = stack(notation, Binary() if binary else Real())
    chosen: dict[str, Any] = {
        "optimizer": adam(RATES[binary]),
        "muon": 0.0 if binary else MUON,
        "rule": WindowsRule(tau=1.0, smoothing=0.1, weight_decay=0.01),
        "batch_size": 250,
        "average": 5_000,
    }
    return WindowRecipe(dataset, layers, **(chosen | settings))


def adam(rate: float) -> Adam:
    """Adam with a rate that rises for a fifth of the training and then falls in a straight line."""
    return Adam(lr=Warm(Linear(rate, 0.0), share=0.2), beta2=0.98)
