"""What the words of a classifier mean: layers, weights, rules and their responses."""

from math import ceil
from typing import Any

from ttfs.checks import of_kind, short
from ttfs.errors import InputError, ShapeError
from ttfs.losses import CrossEntropy, Relative
from ttfs.network import psp
from ttfs.network.chain import Layer
from ttfs.network.delays import Delays
from ttfs.network.layers import Dense
from ttfs.network.maps import as_shape
from ttfs.network.notation import layers_of
from ttfs.network.weights import Binary, Real
from ttfs.rules import S4NN, Exact, Rule, STiDiBP, Surrogate, Windows

WEIGHTS: dict[str, Real | Binary] = {"real": Real(), "binary": Binary(scale_rate=0, clip=1)}
STEPS, LEAST, MOST = 2000, 10, 200  # steps of a training, and limits of its epochs
SMOOTHING = 0.1  # of labels, in losses that know it
RULES = "exact", "s4nn", "stidi-bp", "surrogate", "windows"


def rule_of(rule: Any, tau: float, window: float) -> Rule:
    """A rule by its name, with settings in proportion to the window in which inputs fire.

    >>> rule_of("s4nn", 0.1, window=256.0).gamma
    10.24
    """
    if not isinstance(rule, str):
        return of_kind(rule, Rule, "TTFSClassifier(rule=...)", f"one of ttfs.rules, or {_names()}")
    if rule == "exact":
        return Exact(CrossEntropy(tau=tau, smoothing=SMOOTHING), floor=0.1 / window)
    if rule == "s4nn":
        return S4NN(gamma=0.04 * window)
    if rule == "stidi-bp":
        targets = Relative(gamma=0.35 * window, early=0.002 / window)
        return STiDiBP(targets, floor=0.1 / window, longest=0.2 * window, normalise=False)
    if rule == "surrogate":
        return Surrogate(smoothing=SMOOTHING / 2)
    if rule == "windows":
        return Windows(smoothing=SMOOTHING)
    raise InputError(f"TTFSClassifier(rule=...) must be one of {_names()}, got {short(rule)}")


def _names() -> str:
    return ", ".join(f'"{name}"' for name in RULES)


def response_for(rule: Rule, window: float) -> psp.Response:
    """The response that a rule learns with."""
    if isinstance(rule, Windows):
        return psp.Windows(length=window)
    return psp.Ramp() if isinstance(rule, Exact | STiDiBP) else psp.Step()


def epochs_for(samples: int, batch_size: int) -> int:
    """The epochs that make about as many steps as a training usually has.

    >>> epochs_for(1797, batch_size=20)
    23
    """
    steps = ceil(samples / batch_size)
    return min(MOST, max(LEAST, ceil(STEPS / steps)))


def delay_for(rule: Rule, window: float) -> Any:
    """Fixed delays where potentials jump and errors are of potentials: without, spikes coincide."""
    if isinstance(rule, Surrogate):
        return Delays(per="input", init=(0.0, window / 2), rate=0)
    return 0.0


def weights_of(weights: Any) -> Real | Binary:
    """A kind of weights by its name."""
    if isinstance(weights, Real | Binary):
        return weights
    if not isinstance(weights, str) or weights not in WEIGHTS:
        raise InputError(
            'TTFSClassifier(weights=...) must be "real", "binary", a ttfs.Real or a ttfs.Binary,'
            f" got {short(weights)}"
        )
    return WEIGHTS[weights]


def layers_for(layers: Any, classes: int, **settings: Any) -> tuple[Layer, ...]:
    """The hidden layers, however they are written, and one with a neuron for each class.

    settings: `weights` and `delay`.

    >>> layers_for((20, 10), 3, weights=Real())[1:]
    (Dense(None, 10, threshold=1.0), Dense(None, 3, threshold=1.0))
    """
    settings["threshold"] = 1.0
    last = Dense(None, classes, **settings)
    one = layers if isinstance(layers, list | tuple) else (layers,)
    if all(isinstance(layer, Layer) for layer in one):
        return (*one, last)
    notation = "-".join(map(str, one))
    return (*layers_of(notation, **settings), last) if notation else (last,)


def shape_for(
    shape: Any, layers: tuple[Layer, ...], features: int, inputs: int
) -> tuple[int, int, int]:
    """(rows, columns, channels) of the network's input, with all channels of the encoder.

    >>> shape_for((8, 8), layers_for("9", 2), features=64, inputs=128)
    (8, 8, 2)
    """
    whose = "TTFSClassifier(shape=...)"
    if shape is None:
        if not all(isinstance(layer, Dense) for layer in layers):
            raise ShapeError(f"{whose} must be (rows, columns) of a sample, for layers of maps")
        return 1, 1, inputs
    flat = isinstance(shape, tuple | list) and len(shape) == 2
    rows, columns, channels = as_shape((*shape, 1) if flat else shape, whose)
    if rows * columns * channels != features or inputs % (rows * columns):
        raise ShapeError(f"{whose} must have as many values as a sample, {features}, got {shape}")
    return rows, columns, inputs // (rows * columns)
