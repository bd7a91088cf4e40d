"""Named, complete training recipes."""

from dataclasses import dataclass, field, replace
from typing import Any

from ttfs.augmentation import Augmentation, Dropout, Jitter, Shift
from ttfs.codes.encoding import Direct, Encoder, Latency
from ttfs.errors import InputError
from ttfs.losses import CrossEntropy, Relative
from ttfs.network.delays import Delays
from ttfs.network.layers import Dense
from ttfs.network.network import Network
from ttfs.network.psp import Ramp, Response, Step
from ttfs.network.weights import Binary, Real
from ttfs.optimizers import SGD, Adam, Cosine, Linear, Optimizer
from ttfs.rules import S4NN, Exact, Rule, STiDiBP, Surrogate
from ttfs.training.trainer import Trainer

THRESHOLD = 100.0
DELAY = 1.0  # step for each layer, as in S4NN and BS4NN

Weights = Real | Binary


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training except the data and the seed.

    Two dense layers; as they stand here, with thresholds of 100 and a delay of one step, as
    S4NN and BS4NN have them. Without `layers`, how the weights of the two begin follows from
    the layers' sizes. The horizon is that of the encoder unless another is given. `published`
    is the accuracy in the literature to compare with, in words.
    """

    dataset: str
    hidden: int = 600
    binary: bool = True
    layers: tuple[Weights, Weights] | None = None
    psp: Response = field(default_factory=Step)
    threshold: float = THRESHOLD
    delay: float | Delays = DELAY
    horizon: float | None = None
    rule: Rule = field(default_factory=lambda: S4NN(gamma=10))
    optimizer: Optimizer = field(default_factory=lambda: SGD(lr=Linear(0.4, 0.05)))
    batch_size: int = 1
    augmentation: tuple[Augmentation, ...] = ()
    average: int = 5_000
    epochs: int = 100
    encoder: Encoder = field(default_factory=lambda: Latency(t_max=256, steps=True))
    unit: str = "step"
    published: str = ""

    def network(self, inputs: int, classes: int, seed: int) -> Network:
        """A fresh network for data of so many inputs and classes."""
        sizes = (self.encoder.inputs(inputs), self.hidden, classes)
        beginning = self.layers or tuple(self.beginning(inputs) for inputs in sizes[:2])
        layers = (
            Dense(
                sizes[k],
                sizes[k + 1],
                weights=beginning[k],
                threshold=self.threshold,
                delay=self.delay,
            )
            for k in range(2)
        )
        t_max = self.encoder.t_max if self.horizon is None else self.horizon
        return Network(*layers, psp=self.psp, t_max=t_max, seed=seed, unit=self.unit)

    def beginning(self, inputs: int) -> Weights:
        """Weights to begin with that suit the rule and a layer of so many inputs."""
        if isinstance(self.rule, S4NN):
            return Binary() if self.binary else Real()
        return beginning_of_ramps(self.binary, inputs)

    def trainer(self, network: Network, seed: int) -> Trainer:
        """A trainer for that network."""
        return Trainer(
            network,
            self.rule,
            self.optimizer,
            batch_size=self.batch_size,
            augmentation=self.augmentation,
            average=self.average,
            seed=seed,
        )


def beginning_of_ramps(binary: bool, inputs: int) -> Weights:
    """Weights to begin with for ramps that never end, a threshold of 1 and inputs from 0 to 1.

    Real weights have a standard deviation of 1.5 / root of the inputs, around 3 / inputs.
    """
    if binary:
        return one_bit(-0.46, 0.54, scale=2 / inputs**0.5)
    middle, spread = 3 / inputs, 3**0.5 * 1.5 / inputs**0.5
    return Real(init=(middle - spread, middle + spread))


def exact(dataset: str, hidden: int, **settings: Any) -> Recipe:
    """A recipe with ramps that never end, real weights and the rule `Exact`.

    Times are counted in lengths of the input window, in which a pixel fires at 0 if white
    and at 1 if nearly black.
    """
    chosen: dict[str, Any] = {
        "binary": False,
        "psp": Ramp(),
        "threshold": 1.0,
        "delay": 0.0,
        "horizon": 4.0,
        "rule": Exact(CrossEntropy(tau=0.1, smoothing=0.1)),
        "optimizer": Adam(lr=Cosine(LEARNING[settings.get("binary", False)])),
        "batch_size": 50,
        "encoder": Latency(t_max=1.0),
        "unit": "window",
    }
    return Recipe(dataset, hidden=hidden, **(chosen | settings))


LEARNING = {True: 6e-3, False: 1e-3}
"""Learning rates of ramps with binary and with real weights, where each step has 50 samples."""


def one_bit(low: float, high: float, scale: float) -> Binary:
    """Binary weights for the rule `Exact`: latents that stay small, a scale that stays fixed."""
    return Binary(init=(low, high), scale=scale, scale_rate=0, clip=1)


MNIST = Real(init=(-0.135, 0.148)), Real(init=(-0.082, 0.092))  # 150 of 784 pixels are bright

PRESETS = {
    "digits": exact(
        "digits",
        600,
        binary=True,
        layers=(one_bit(-0.4, 0.6, scale=0.25), one_bit(-0.45, 0.55, scale=0.06)),
        optimizer=Adam(lr=Cosine(0.015)),
        batch_size=20,
        average=5_000,
        epochs=60,
    ),
    "exact-mnist": exact(
        "mnist",
        400,
        layers=MNIST,
        rule=Exact(CrossEntropy(tau=0.1, smoothing=0.1), weight_decay=0.1),
        augmentation=(Dropout(0.3), Jitter(0.1)),
        average=100_000,
        epochs=60,
        published="97.4 S4NN (lenient)",
    ),
    "exact-mnist-augmented": exact(
        "mnist",
        400,
        layers=MNIST,
        augmentation=(Shift(1, (28, 28)), Dropout(0.1)),
        optimizer=Adam(lr=Cosine(2e-3)),
        average=100_000,
        epochs=40,
        published="98.45 TS4TL",
    ),
    "binary-mnist": exact(
        "mnist",
        600,
        binary=True,
        layers=(one_bit(-0.46, 0.54, scale=0.08), one_bit(-0.46, 0.54, scale=0.05)),
        augmentation=(Shift(1, (28, 28)),),
        average=100_000,
        epochs=100,
        published="97.0 BS4NN (lenient; its weights: 95.7)",
    ),
    "exact-fashion": exact(
        "fashion-mnist",
        1000,
        layers=MNIST,
        rule=Exact(CrossEntropy(tau=0.1, smoothing=0.1), weight_decay=0.1),
        augmentation=(Dropout(0.1),),
        optimizer=Adam(lr=Cosine(1.5e-3)),
        average=100_000,
        epochs=25,
        published="about 88.0 S4NN (lenient)",
    ),
    "binary-fashion": exact(
        "fashion-mnist",
        1000,
        binary=True,
        layers=(one_bit(-0.46, 0.54, scale=0.03), one_bit(-0.46, 0.54, scale=0.03)),
        augmentation=(Dropout(0.05),),
        average=100_000,
        epochs=40,
        published="87.3 BS4NN (lenient)",
    ),
    "step-binary-mnist": exact(
        "mnist",
        600,
        binary=True,
        layers=(one_bit(-0.46, 0.54, scale=0.03), one_bit(-0.46, 0.54, scale=0.02)),
        psp=Step(),
        delay=Delays(per="input", init=(0.0, 0.5), rate=0),
        rule=Surrogate(smoothing=0.05),
        augmentation=(Dropout(0.1),),
        optimizer=Adam(lr=Cosine(0.02)),
        average=100_000,
        epochs=40,
        published="97.0 BS4NN (lenient; its weights: 95.7)",
    ),
    "stidi-mnist": exact(
        "mnist",
        350,
        layers=MNIST,
        rule=STiDiBP(Relative(gamma=1.5, early=0.002), floor=1.0, longest=0.2, normalise=False),
        augmentation=(Dropout(0.2), Jitter(0.1)),
        optimizer=Adam(lr=Cosine(1.5e-3)),
        average=50_000,
        epochs=60,
        published="97.4 STiDi-BP (unconfirmed)",
    ),
    "bs4nn-digits": Recipe(
        "digits",
        layers=(Binary(init=(-0.5, 1), scale=20), Binary(init=(-15, 30), scale=4)),
    ),
    "s4nn-mnist": Recipe(
        "mnist",
        hidden=400,
        binary=False,
        layers=(Real(init=(0, 5)), Real(init=(0, 48))),
        rule=S4NN(gamma=3, weight_decay=1e-6),
        optimizer=SGD(lr=Linear(0.3, 0.2)),
        average=250_000,
        published="97.4 S4NN (lenient)",
    ),
    "bs4nn-mnist": Recipe(
        "mnist",
        layers=(Binary(init=(-0.4, 1), scale=3.3), Binary(init=(-20, 25), scale=3.3)),
        rule=S4NN(gamma=4, revive=0),
        optimizer=SGD(lr=Linear(0.1, 0.02)),
        average=100_000,
        epochs=150,
        published="97.0 BS4NN (lenient)",
    ),
    "bs4nn-fashion": Recipe(
        "fashion-mnist",
        hidden=1000,
        layers=(Binary(init=(-0.5, 1), scale=1.7), Binary(init=(-20, 25), scale=2.5)),
        rule=S4NN(gamma=20, revive=0),
        optimizer=SGD(lr=Linear(0.03, 0.01)),
        average=50_000,
        epochs=50,
        published="87.3 BS4NN (lenient)",
    ),
    "yin-yang": exact(
        "yin-yang",
        30,
        layers=(Real(init=(-1.23, 2.23)), Real(init=(-0.57, 1.17))),
        delay=Delays(per="pair", init=(0.0, 0.5), rate=0.3),
        horizon=8.0,
        rule=Exact(CrossEntropy(tau=0.2, smoothing=0.05)),
        optimizer=Adam(lr=Cosine(0.01)),
        average=20_000,
        epochs=200,
        encoder=Direct(early=0.15, late=2.0, t_max=8.0),
        unit="time constant",
        published="98.2 DelGrad",
    ),
}


def preset(name: str) -> Recipe:
    """The recipe of that name.

    Raises
    ------
    InputError: no preset has that name.

    >>> preset("s4nn-mnist").hidden
    400
    """
    if name not in PRESETS:
        raise InputError(f"no preset is called {name!r}; there are {', '.join(PRESETS)}")
    return PRESETS[name]


def name_of(recipe: Recipe) -> str | None:
    """The preset that a recipe is, if it is one.

    >>> name_of(preset("s4nn-mnist"))
    's4nn-mnist'
    """
    return next((name for name, known in PRESETS.items() if known == recipe), None)


def for_dataset(dataset: str, *, binary: bool = True) -> Recipe:
    """The preset for a data set and kind of weights, or a recipe after that of the digits.

    >>> for_dataset("mnist", binary=False).hidden
    400
    >>> for_dataset("mine.npz").layers is None
    True
    """
    for recipe in PRESETS.values():
        if (recipe.dataset, recipe.binary) == (dataset, binary):
            return recipe
    hidden = 600 if binary else 400
    return exact(dataset, hidden, binary=binary, batch_size=20, average=5_000, epochs=60)


def with_kind(recipe: Recipe, *, binary: bool) -> Recipe:
    """The recipe with weights of one kind; if that is a change, begun as sizes suggest."""
    if recipe.binary == binary:
        return recipe
    changed = replace(recipe, binary=binary, layers=None)
    if isinstance(recipe.rule, S4NN):
        return changed
    return replace(changed, optimizer=Adam(lr=Cosine(LEARNING[binary])))


def with_hidden(recipe: Recipe, hidden: int) -> Recipe:
    """The recipe with so many hidden neurons.

    The share of hidden spikes that a binary output needs changes as by default, or
    few hidden neurons could never make it fire.
    """
    layers = recipe.layers
    if layers and isinstance(layers[1], Binary) and layers[1].scale:
        scale = layers[1].scale * (recipe.hidden / hidden) ** 0.5
        layers = (layers[0], replace(layers[1], scale=scale))
    return replace(recipe, hidden=hidden, layers=layers)
