"""A recipe: everything that decides a training except the data and the seed."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

from ttfs.augmentation import Augmentation
from ttfs.checks import of_kind, short, whole
from ttfs.codes.encoders import Encoder
from ttfs.codes.encoding import Latency
from ttfs.datasets.datasets import Dataset
from ttfs.errors import InputError, ShapeError
from ttfs.losses import CrossEntropy
from ttfs.network.chain import Layer, check_chain
from ttfs.network.layers import Dense
from ttfs.network.network import Network
from ttfs.network.notation import layers_of, notation_of
from ttfs.network.psp import Ramp, Response, Step
from ttfs.network.weights import Binary, Real
from ttfs.optimizers import SGD, Adam, Cosine, Linear, Optimizer, Warm
from ttfs.rules import S4NN, Exact, Rule, Windows
from ttfs.training.trainer import Trainer

Weights = Real | Binary
PLAIN = Real(), Binary()  # weights that leave open how they begin

BIT = Binary(scale_rate=0, clip=1)

LEARNING = {True: 6e-3, False: 1e-3}
"""Learning rates of ramps with binary and with real weights, where each step has 50 samples."""

DEEP = 3e-3
"""The same where each layer has a rate of its own, ten times the deviation of its weights."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training except the data and the seed.

    Parameters
    ----------
    dataset: its name, as for `ttfs.datasets.load`.
    layers: not placed yet, the sizes of their inputs being those of the data; the last one is
        `Dense` and gets as many neurons as there are classes. Weights that do not say how they
        begin, `Real()` and `Binary()`, begin as the rule and the size of the layer suggest.
    by_firing: all weights begin by what fires instead, see `ttfs.begin_by_firing`.
    horizon: that of the encoder unless another is given.
    published: the accuracy in the literature to compare with, in words.
    """

    dataset: str
    layers: tuple[Any, ...]
    psp: Response = field(default_factory=Step)
    horizon: float | None = None
    rule: Rule = field(default_factory=lambda: S4NN(gamma=10))
    optimizer: Optimizer = field(default_factory=lambda: SGD(lr=Linear(0.4, 0.05)))
    batch_size: int = 1
    augmentation: tuple[Augmentation, ...] = ()
    by_firing: bool = False
    average: int = 5_000
    epochs: int = 100
    encoder: Encoder = field(default_factory=lambda: Latency(t_max=256, steps=True))
    unit: str = "step"
    published: str = ""

    def __post_init__(self) -> None:
        layers = self.layers
        if not isinstance(layers, tuple) or not layers or not isinstance(layers[-1], Dense):
            raise InputError(
                "Recipe(layers=...) must be a tuple of layers, the last of them Dense;"
                f" got {short(layers)}"
            )

    @property
    def notation(self) -> str:
        """The layers but the last, as papers write them.

        >>> Recipe("mnist", stack("24C5-P2-256")).notation
        '24C5-P2-256'
        """
        return notation_of(self.layers[:-1])

    @property
    def binary(self) -> bool:
        """Whether weights have one bit each."""
        return all(isinstance(layer.weights, Binary) for layer in self.layers if not layer.pools)

    def network(self, inputs: int | tuple[int, ...], classes: int, seed: int) -> Network:
        """A fresh network for data of such inputs and so many classes.

        inputs: how many values a sample has, or the shape of an image: (rows, columns) or (rows,
            columns, channels), which layers of maps need.
        """
        shape, output = self._shape(inputs), replace(self.layers[-1], outputs=classes)
        layers = check_chain((*self.layers[:-1], output), shape)
        return Network(
            *map(self._begun, layers),
            psp=self.psp,
            t_max=self.encoder.t_max if self.horizon is None else self.horizon,
            seed=seed,
            unit=self.unit,
            shape=None if shape[:2] == (1, 1) else shape,
        )

    def _shape(self, inputs: int | tuple[int, ...]) -> tuple[int, int, int]:
        """The shape of what the first layer takes."""
        sides = inputs if isinstance(inputs, tuple) else (inputs,)
        values = prod(whole(side, "network(inputs=...)") for side in sides)
        given = self.encoder.inputs(values)
        if isinstance(self.layers[0], Dense):
            return 1, 1, given
        more, rest = divmod(given, values)  # channels that the encoder makes of each
        if len(sides) not in (2, 3) or rest:
            raise ShapeError(
                f"{self.notation} takes images of (rows, columns) or (rows, columns, channels),"
                f" not {given} values without a shape"
            )
        rows, columns, channels = (*sides, 1)[:3]
        if rows <= 4 < min(columns, channels):
            raise ShapeError(
                f"{self.notation} takes images of (rows, columns, channels), channels last;"
                f" {sides} seem to come first: np.moveaxis(images, 1, -1) puts them last"
            )
        return rows, columns, channels * more

    def _begun(self, layer: Any) -> Any:
        """A placed layer with weights that say how they begin, if the rule has an opinion."""
        known = layer.pools or layer.weights not in PLAIN
        if known or self.by_firing or isinstance(self.rule, S4NN):
            return layer
        binary = isinstance(layer.weights, Binary)
        return replace(layer, weights=beginning_of_ramps(binary, layer.fan_in))

    def trainer(self, network: Network, seed: int) -> Trainer:
        """A trainer for that network."""
        return Trainer(
            network,
            self.rule,
            self.optimizer,
            batch_size=self.batch_size,
            augmentation=self.augmentation,
            by_firing=self.by_firing,
            average=self.average,
            seed=seed,
        )

    def relearning(self, *, binary: bool) -> "Recipe":
        """The recipe with the learning rates that weights of a kind want, if it makes a difference.

        binary: whether weights have one bit.
        """
        if isinstance(self.rule, S4NN) or self.by_firing:
            return self
        return replace(self, optimizer=Adam(lr=Cosine(LEARNING[binary])))

    def for_images(self, shape: tuple[int, ...]) -> "Recipe":
        """The recipe with an encoder and augmentation for images of that shape.

        >>> from ttfs.augmentation import Flip
        >>> Recipe("mine.npz", stack("9"), augmentation=(Flip((28, 28)),)).for_images((8, 8))
        ... # doctest: +ELLIPSIS
        Recipe(dataset='mine.npz', ... augmentation=(Flip(shape=(8, 8, 1)),), ...)
        """
        if len(shape) not in (2, 3):
            return self
        encoder = _resized(self.encoder, shape)
        channels = encoder.inputs(prod(shape)) // (shape[0] * shape[1])
        seen = (*shape[:2], channels)
        changes = tuple(_resized(change, seen) for change in self.augmentation)
        return replace(self, encoder=encoder, augmentation=changes)

    def learning(self) -> str:
        """How it learns, in a word.

        >>> Recipe("digits", stack("9")).learning()
        'S4NN'
        """
        return type(self.rule).__name__

    def rates(self) -> Any:
        """The `ttfs.clocked.Rate` by which a trained network fires; None: it fires once."""
        return None

    def more(self, trainer: Any, data: Dataset) -> dict[str, Any]:
        """What else a report says of a trained network, on the split that it is about."""
        return {}


def _resized(part: Any, shape: tuple[int, ...]) -> Any:
    """An encoder or a change of images for those of a shape, if it is about another."""
    known = getattr(part, "shape", None)
    return part if known is None or prod(known) == prod(shape) else replace(part, shape=shape)


def beginning_of_ramps(binary: bool, inputs: int) -> Weights:
    """Weights to begin with for ramps that never end, a threshold of 1 and inputs from 0 to 1.

    Real weights have a standard deviation of 1.5 / root of the inputs, around 3 / inputs.
    """
    if binary:
        return one_bit(-0.46, 0.54, scale=2 / inputs**0.5)
    middle, spread = 3 / inputs, 3**0.5 * 1.5 / inputs**0.5
    return Real(init=(middle - spread, middle + spread))


def one_bit(low: float, high: float, scale: float) -> Binary:
    """Binary weights for the rule `Exact`: latents that stay small, a scale that stays fixed."""
    return Binary(init=(low, high), scale=scale, scale_rate=0, clip=1)


def stack(notation: str, *weights: Weights, **settings: Any) -> tuple[Layer, ...]:
    """Layers as papers write them, and one for ten classes on top.

    weights: of all layers that have some, or of each. settings: as of `layers_of`, with a
    threshold of 1.

    >>> stack("400", Real((0, 5)), Real((0, 48)))[1]
    Dense(None, 10, weights=Real(init=(0, 48)), threshold=1.0)
    """
    settings = {"threshold": 1.0} | settings
    layers = (*layers_of(notation, **settings), Dense(None, 10, **settings))
    return weighted(layers, weights or (Real(),))


def weighted(layers: Iterable[Any], weights: Iterable[Weights]) -> tuple[Layer, ...]:
    """The layers with these weights, in their order; the last are those of all that are left."""
    left = list(weights)
    return tuple(
        layer if layer.pools else replace(layer, weights=left.pop(0) if len(left) > 1 else left[0])
        for layer in layers
    )


def exact(dataset: str, layers: str | tuple[Layer, ...], **settings: Any) -> Recipe:
    """A recipe with ramps that never end and the rule `Exact`.

    Times are counted in lengths of the input window, in which a pixel fires at 0 if white
    and at 1 if nearly black.

    layers: as papers write them, for real weights; or those of a `Recipe`.
    """
    if isinstance(layers, str):
        layers = stack(layers)
    binary = isinstance(layers[-1].weights, Binary)
    chosen: dict[str, Any] = {
        "psp": Ramp(),
        "horizon": 4.0,
        "rule": Exact(CrossEntropy(tau=0.1, smoothing=0.1)),
        "optimizer": Adam(lr=Cosine(LEARNING[binary])),
        "batch_size": 50,
        "encoder": Latency(t_max=1.0),
        "unit": "window",
    }
    return Recipe(dataset, layers, **(chosen | settings))


def deep(dataset: str, notation: str, *, binary: bool = False, **settings: Any) -> Recipe:
    """A recipe for layers as papers write them, of any number, which begin by what fires.

    settings: those of a `Recipe`, and the `delay` of layers with weights.

    >>> deep("fashion-mnist", "24C5-P2-256").layers[1:3]
    (MinPool2d(2), Dense(None, 256, threshold=1.0))
    """
    layers = stack(notation, BIT if binary else Real(), delay=settings.pop("delay", 0.0))
    chosen: dict[str, Any] = {
        "by_firing": True,
        "optimizer": Adam(lr=Warm(Cosine(DEEP)), beta2=0.98),
        "average": 20_000,
        "epochs": 12,
    }
    return exact(dataset, layers, **(chosen | settings))


def with_kind(recipe: Recipe, *, binary: bool) -> Recipe:
    """The recipe with weights of one kind; if that is a change, they begin anew."""
    if recipe.binary == binary:
        return recipe
    weights = plain(binary, recipe.by_firing)
    changed = replace(recipe, layers=weighted(recipe.layers, [weights]))
    return changed.relearning(binary=binary)


def plain(binary: bool, by_firing: bool) -> Weights:
    """Weights of a kind that leave open how they begin."""
    return (BIT if by_firing else Binary()) if binary else Real()


def with_layers(recipe: Recipe, notation: str) -> Recipe:
    """The recipe with other layers below its output, of the same kind.

    Thresholds and delays are those of its first layer that has weights. Weights begin by what
    fires; those for the rules `S4NN` and `Windows` as sizes suggest.

    Raises
    ------
    InputError: a text that describes no layers.

    >>> with_layers(Recipe("mnist", stack("400")), "24C5-P2-256").layers[2]
    Dense(None, 256, threshold=1.0)
    """
    of_kind(recipe, Recipe, "with_layers(recipe)", "a Recipe, such as that of preset(name)")
    first = next(layer for layer in recipe.layers if not layer.pools)
    by_firing = not isinstance(recipe.rule, S4NN | Windows)
    weights = plain(recipe.binary, by_firing)
    settings = {"weights": weights, "threshold": first.threshold, "delay": first.delay}
    layers = layers_of(notation, **settings) + weighted(recipe.layers[-1:], [weights])
    return replace(recipe, layers=layers, by_firing=by_firing)


def with_hidden(recipe: Recipe, hidden: int) -> Recipe:
    """The recipe with so many hidden neurons, where one hidden layer is all that there is.

    The share of hidden spikes that a binary output needs changes as by default, or
    few hidden neurons could never make it fire.
    """
    first, last = recipe.layers[0], recipe.layers[-1]
    if len(recipe.layers) != 2 or not isinstance(first, Dense):
        raise InputError(
            f"the hidden layers are {recipe.notation or 'none'}, and no single one: name all layers"
            " anew, with --layers or with_layers"
        )
    if isinstance(last.weights, Binary) and last.weights.scale:
        scale = last.weights.scale * (first.outputs / hidden) ** 0.5
        last = replace(last, weights=replace(last.weights, scale=scale))
    return replace(recipe, layers=(replace(first, outputs=hidden), last))
