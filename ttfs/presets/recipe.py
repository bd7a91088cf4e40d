"""A recipe: everything that determines a training except the data and the seed."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np

from ttfs.augmentation import Augmentation
from ttfs.checks import of_kind, short, whole
from ttfs.codes.encoders import Encoder
from ttfs.codes.encoding import Latency
from ttfs.codes.spike_times import SpikeTimes
from ttfs.datasets.dataset import Dataset
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
from ttfs.training.split import VALIDATION, split
from ttfs.training.trainer import Trainer

Weights = Real | Binary
PLAIN = Real(), Binary()  # weights that do not specify their initial values

BIT = Binary(scale_rate=0, clip=1)
MNIST = Real(init=(-0.135, 0.148)), Real(init=(-0.082, 0.092))  # 150 of 784 pixels are bright

LEARNING = {True: 6e-3, False: 1e-3}
"""Learning rates for ramps, with binary (True) and real (False) weights, in batches of 50."""

DEEP = 3e-3
"""The same if each layer has its own relative rate, ten times the deviation of its weights."""
DEEP_ADAM = Adam(lr=Warm(Cosine(DEEP)), beta2=0.98)


@dataclass(frozen=True)
class Recipe:
    """Everything that determines a training except the data and the seed.

    Parameters
    ----------
    dataset: its name, as for `ttfs.datasets.load`.
    layers: not yet placed, as their input sizes follow from the data; the last one is `Dense` and
        gets as many neurons as there are classes. Weights without initial values, `Real()` and
        `Binary()`, are initialised as suits the rule and the size of the layer.
    by_firing: initialise all weights by firing instead, see `ttfs.begin_by_firing`.
    horizon: that of the network; by default that of the encoder.
    published: the accuracy in the literature to compare with, in words.
    teacher: the preset whose network, trained with seed 0, teaches this one; empty for none.
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
    teacher: str = ""

    def __post_init__(self) -> None:
        layers = self.layers
        if not isinstance(layers, tuple) or not layers or not isinstance(layers[-1], Dense):
            raise InputError(
                "Recipe(layers=...) must be a tuple of layers, the last of them Dense;"
                f" got {short(layers)}"
            )

    @property
    def notation(self) -> str:
        """The layers except the last, as papers write them.

        >>> Recipe("mnist", stack("24C5-P2-256")).notation
        '24C5-P2-256'
        """
        return notation_of(self.layers[:-1])

    @property
    def binary(self) -> bool:
        """Whether all weights are one-bit weights."""
        return all(isinstance(layer.weights, Binary) for layer in self.layers if not layer.pools)

    def network(self, inputs: int | tuple[int, ...], classes: int, seed: int) -> Network:
        """An untrained network for data with the given inputs and number of classes.

        inputs: the number of values of a sample, or the shape of an image: (rows, columns) or
            (rows, columns, channels), which layers of maps need.
        """
        last, shape = self.layers[-1], self._shape(inputs)
        if last.initial is not None and last.outputs != classes:
            raise InputError(f"the network has {last.outputs} outputs, the data {classes} classes")
        output = replace(last, outputs=classes)
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
        """The shape of the first layer's input."""
        sides = inputs if isinstance(inputs, tuple) else (inputs,)
        values = prod(whole(side, "network(inputs=...)") for side in sides)
        given = self.encoder.inputs(values)
        first = self.layers[0]
        placed = isinstance(first, Dense) or first.shape is not None
        known = first.inputs if placed else None
        if known not in (None, given):
            raise ShapeError(f"the network takes {known} inputs, but the data have {given}")
        if isinstance(first, Dense):
            return 1, 1, given
        more, rest = divmod(given, values)  # channels that the encoder makes from each
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
        """A placed layer, with initial values for its weights if the rule requires them."""
        known = layer.pools or layer.weights not in PLAIN
        if known or self.by_firing or isinstance(self.rule, S4NN):
            return layer
        binary = isinstance(layer.weights, Binary)
        return replace(layer, weights=beginning_of_ramps(binary, layer.fan_in))

    def trainer(self, network: Network, seed: int, *, teacher: Any = None) -> Trainer:
        """A trainer for the network, which may learn from a teacher: see `Trainer`."""
        return Trainer(
            network,
            self.rule,
            self.optimizer,
            batch_size=self.batch_size,
            augmentation=self.augmentation,
            by_firing=self.by_firing,
            average=self.average,
            teacher=teacher,
            seed=seed,
        )

    def held_out(self, samples: int, seed: int) -> np.ndarray:
        """The indices of the training samples, of so many, on which a training validates."""
        return split(samples, VALIDATION, seed)[1]

    def relearning(self, *, binary: bool) -> "Recipe":
        """The recipe with learning rates for one kind of weights, if these make a difference.

        binary: whether weights have one bit.
        """
        if isinstance(self.rule, S4NN) or self.by_firing:
            return self
        return replace(self, optimizer=Adam(lr=Cosine(LEARNING[binary])))

    def for_data(self, data: Dataset) -> "Recipe":
        """The recipe with an encoder and augmentation for a data set.

        Spike times are stretched to the window of the encoder, which is replaced. With the rule
        `Exact`, weights then begin by firing, as their initial values suit images: a recording may
        have too few spikes for them.
        """
        encoder = self.encoder
        if data.stop is None or isinstance(encoder, SpikeTimes):
            return self.for_images(data.image_shape)
        steps = isinstance(encoder, Latency) and encoder.steps
        stretched = SpikeTimes(data.stop, data.unit, t_max=encoder.window, steps=steps)
        horizon = encoder.t_max if encoder.t_max != encoder.window else None
        recipe = replace(self, encoder=stretched, horizon=self.horizon or horizon)
        given = any(layer.initial is not None for layer in self.layers if not layer.pools)
        if isinstance(self.rule, Exact) and not (self.by_firing or given):
            recipe = recipe._begun_by_firing()
        return recipe.for_images(data.image_shape)

    def _begun_by_firing(self) -> "Recipe":
        """The recipe with weights of the same kinds that begin by firing, and a rate for these."""
        layers = tuple(
            layer
            if layer.pools
            else replace(layer, weights=plain(isinstance(layer.weights, Binary), True))
            for layer in self.layers
        )
        default = self.optimizer == Adam(lr=Cosine(LEARNING[self.binary]))
        optimizer = DEEP_ADAM if default else self.optimizer
        return replace(self, layers=layers, by_firing=True, optimizer=optimizer)

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
        """How the network learns, in one word.

        >>> Recipe("digits", stack("9")).learning()
        'S4NN'
        """
        return type(self.rule).__name__

    def rates(self) -> Any:
        """The `ttfs.clocked.Rate` by which a trained network fires; None if it fires once."""
        return None

    def more(self, trainer: Any, data: Dataset) -> dict[str, Any]:
        """Further entries of a report on a trained network, for the split of the report."""
        return {}


def _resized(part: Any, shape: tuple[int, ...]) -> Any:
    """An encoder or augmentation adapted to images of a shape, if it was for another."""
    known = getattr(part, "shape", None)
    return part if known is None or prod(known) == prod(shape) else replace(part, shape=shape)


def beginning_of_ramps(binary: bool, inputs: int) -> Weights:
    """Initial weights for ramps that never end, a threshold of 1 and inputs from 0 to 1.

    Real weights have a mean of 3 / inputs and a standard deviation of 1.5 / sqrt(inputs).
    """
    if binary:
        return one_bit(-0.46, 0.54, scale=2 / inputs**0.5)
    middle, spread = 3 / inputs, 3**0.5 * 1.5 / inputs**0.5
    return Real(init=(middle - spread, middle + spread))


def one_bit(low: float, high: float, scale: float) -> Binary:
    """Binary weights for the rule `Exact`: latents stay small, and the scale is fixed."""
    return Binary(init=(low, high), scale=scale, scale_rate=0, clip=1)


def stack(notation: str, *weights: Weights, **settings: Any) -> tuple[Layer, ...]:
    """Layers as papers write them, with one for ten classes on top.

    weights: for all layers that have some, or for each of them. settings: as for `layers_of`; the
    threshold is 1 by default.

    >>> stack("400", Real((0, 5)), Real((0, 48)))[1]
    Dense(None, 10, weights=Real(init=(0, 48)), threshold=1.0)
    """
    settings = {"threshold": 1.0} | settings
    layers = (*layers_of(notation, **settings), Dense(None, 10, **settings))
    return weighted(layers, weights or (Real(),))


def weighted(layers: Iterable[Any], weights: Iterable[Weights]) -> tuple[Layer, ...]:
    """The layers with these weights, in order; the last weights are for all remaining layers."""
    left = list(weights)
    return tuple(
        layer if layer.pools else replace(layer, weights=left.pop(0) if len(left) > 1 else left[0])
        for layer in layers
    )


def exact(dataset: str, layers: str | tuple[Layer, ...], **settings: Any) -> Recipe:
    """A recipe with ramps that never end and the rule `Exact`.

    The unit of time is the length of the input window, in which a pixel fires at 0 if it is white
    and at 1 if it is nearly black.

    layers: as papers write them, for real weights; or the layers of a `Recipe`.
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
    """A recipe for any number of layers, as papers write them, whose weights begin by firing.

    settings: those of a `Recipe`, the `delay` of layers with weights, and their `weights`, if they
        differ from layer to layer.

    >>> deep("fashion-mnist", "24C5-P2-256").layers[1:3]
    (MinPool2d(2), Dense(None, 256, threshold=1.0))
    """
    weights = settings.pop("weights", (BIT if binary else Real(),))
    layers = stack(notation, *weights, delay=settings.pop("delay", 0.0))
    chosen: dict[str, Any] = {
        "by_firing": True,
        "optimizer": DEEP_ADAM,
        "average": 20_000,
        "epochs": 12,
    }
    return exact(dataset, layers, **(chosen | settings))


def with_kind(recipe: Recipe, *, binary: bool) -> Recipe:
    """The recipe with weights of one kind; if the kind changes, weights are initialised anew."""
    if recipe.binary == binary:
        return recipe
    weights = plain(binary, recipe.by_firing)
    changed = replace(recipe, layers=weighted(recipe.layers, [weights]))
    return changed.relearning(binary=binary)


def plain(binary: bool, by_firing: bool) -> Weights:
    """Weights of a kind that do not specify their initial values."""
    return (BIT if by_firing else Binary()) if binary else Real()


def with_layers(recipe: Recipe, notation: str) -> Recipe:
    """The recipe with other layers below its output, with weights of the same kind.

    Thresholds and delays are those of its first layer that has weights. Weights are initialised by
    firing, or by the size of the layer for the rules `S4NN` and `Windows`.

    Raises
    ------
    InputError: a text that does not describe layers.

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
    """The recipe with another number of hidden neurons, for networks with one hidden layer.

    The scale of binary output weights is adapted, as by default, to the number of hidden neurons;
    otherwise a few of them could never make an output fire.
    """
    first, last = recipe.layers[0], recipe.layers[-1]
    if len(recipe.layers) != 2 or not isinstance(first, Dense):
        raise InputError(
            f"the hidden layers are {recipe.notation or 'none'}, not a single one: give all layers,"
            " with --layers or with_layers"
        )
    if isinstance(last.weights, Binary) and last.weights.scale:
        scale = last.weights.scale * (first.outputs / hidden) ** 0.5
        last = replace(last, weights=replace(last.weights, scale=scale))
    return replace(recipe, layers=(replace(first, outputs=hidden), last))
