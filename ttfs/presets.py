"""Named, complete training recipes."""

from dataclasses import dataclass, field, replace

from ttfs.encoding import Latency
from ttfs.errors import InputError
from ttfs.layers import Dense
from ttfs.network import Network
from ttfs.optimizers import SGD, Linear, Optimizer
from ttfs.rules import S4NN
from ttfs.trainer import Trainer
from ttfs.weights import Binary, Real

THRESHOLD = 100.0
DELAY = 1.0  # step for each layer, as in S4NN and BS4NN

Weights = Real | Binary


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training except the data and the seed.

    Two dense layers with thresholds of 100 and a delay of one step, as S4NN and BS4NN have
    them. Without `layers`, how the weights of the two begin follows from the layers' sizes.
    """

    dataset: str
    hidden: int = 600
    binary: bool = True
    layers: tuple[Weights, Weights] | None = None
    rule: S4NN = field(default_factory=lambda: S4NN(gamma=10))
    optimizer: Optimizer = field(default_factory=lambda: SGD(lr=Linear(0.4, 0.05)))
    batch_size: int = 1
    average: int = 5_000
    epochs: int = 100
    encoder: Latency = field(default_factory=lambda: Latency(t_max=256, steps=True))

    def network(self, inputs: int, classes: int, seed: int) -> Network:
        """A fresh network for this recipe."""
        sizes = (inputs, self.hidden, classes)
        beginning = self.layers or tuple(
            beginning_of(self.binary, sizes[k], sizes[k + 1]) for k in range(2)
        )
        layers = (
            Dense(sizes[k], sizes[k + 1], beginning[k], threshold=THRESHOLD, delay=DELAY)
            for k in range(2)
        )
        return Network(*layers, t_max=self.encoder.t_max, seed=seed)

    def trainer(self, network: Network, seed: int) -> Trainer:
        """A trainer for that network."""
        return Trainer(
            network,
            self.rule,
            self.optimizer,
            batch_size=self.batch_size,
            average=self.average,
            seed=seed,
        )


def beginning_of(binary: bool, inputs: int, outputs: int) -> Weights:
    """Weights to begin with that leave a layer of that size neither dead nor saturated.

    A neuron fires after about as many more positive than negative inputs as 0.7 times the
    root of their number: 20 of 784, 17 of 600, 6 of 64. Real weights that were all positive
    would make it fire at the first few, whatever they are.
    """
    needed = 0.7 * inputs**0.5
    if binary:
        high = 60 / outputs**0.5
        return Binary(init=(-high / 2, high), scale=THRESHOLD / needed)
    high = 2 * THRESHOLD / max(needed, 1.0)
    return Real(init=(-0.9 * high, high))


PRESETS = {
    "digits": Recipe(
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
    ),
    "bs4nn-mnist": Recipe(
        "mnist",
        layers=(Binary(init=(-0.4, 1), scale=3.3), Binary(init=(-20, 25), scale=3.3)),
        rule=S4NN(gamma=4, revive=0),
        optimizer=SGD(lr=Linear(0.1, 0.02)),
        average=100_000,
        epochs=150,
    ),
    "bs4nn-fashion": Recipe(
        "fashion-mnist",
        hidden=1000,
        layers=(Binary(init=(-0.5, 1), scale=1.7), Binary(init=(-20, 25), scale=2.5)),
        rule=S4NN(gamma=20, revive=0),
        optimizer=SGD(lr=Linear(0.03, 0.01)),
        average=50_000,
        epochs=50,
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
    return Recipe(dataset, binary=binary)


def with_kind(recipe: Recipe, *, binary: bool) -> Recipe:
    """The recipe with weights of one kind; if that is a change, begun as sizes suggest."""
    return recipe if recipe.binary == binary else replace(recipe, binary=binary, layers=None)


def with_hidden(recipe: Recipe, hidden: int) -> Recipe:
    """The recipe with so many hidden neurons.

    The share of hidden spikes that a binary output needs changes as in `beginning_of`, or
    few hidden neurons could never make it fire.
    """
    layers = recipe.layers
    if layers and isinstance(layers[1], Binary):
        scale = layers[1].scale * (recipe.hidden / hidden) ** 0.5
        layers = (layers[0], replace(layers[1], scale=scale))
    return replace(recipe, hidden=hidden, layers=layers)
