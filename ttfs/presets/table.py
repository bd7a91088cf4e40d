"""The named recipes, and how they are found."""

from dataclasses import replace
from graphlib import TopologicalSorter
from typing import Any

from ttfs.augmentation import Distort, Dropout, Flip, Jitter, Shift
from ttfs.codes.contrast import OnOff
from ttfs.codes.encoding import Direct
from ttfs.errors import InputError
from ttfs.losses import CrossEntropy, Relative
from ttfs.network.delays import Delays
from ttfs.network.psp import Step
from ttfs.network.weights import Binary, Real
from ttfs.optimizers import SGD, Adam, Cosine, Linear, Warm
from ttfs.presets.clocked_table import CLOCKED, FULL
from ttfs.presets.recipe import BIT, MNIST, Recipe, deep, exact, one_bit, stack
from ttfs.presets.taught_table import TAUGHT
from ttfs.presets.window_table import WINDOWS
from ttfs.rules import S4NN, Exact, STiDiBP, Surrogate
from ttfs.silence import Push

GENTLE = Distort((28, 28), rotation=4, scale=0.04, shear=0.04, elastic=(0.4, 4.0))

STIDI = STiDiBP(Relative(gamma=1.5, early=0.002), floor=1.0, longest=0.2, normalise=False)
STIDI_MAPS = STiDiBP(Relative(gamma=0.35, early=0.002), floor=0.1, longest=0.2, normalise=False)
DRAWN = Delays(per="input", init=(0.0, 0.5), rate=0)  # once, so that steps make distinct times
STEPS = {"threshold": 100.0, "delay": 1.0}  # one step per layer, as in S4NN and BS4NN

PRESETS: dict[str, Recipe] = (
    {
        "digits": exact(
            "digits",
            stack("600", one_bit(-0.4, 0.6, scale=0.25), one_bit(-0.45, 0.55, scale=0.06)),
            optimizer=Adam(lr=Cosine(0.015)),
            batch_size=20,
            average=5_000,
            epochs=60,
        ),
        "exact-mnist": exact(
            "mnist",
            stack("400", *MNIST),
            rule=Exact(CrossEntropy(tau=0.1, smoothing=0.1), weight_decay=0.1),
            augmentation=(Dropout(0.3), Jitter(0.1)),
            average=100_000,
            epochs=60,
            published="97.4 S4NN (lenient)",
        ),
        "exact-mnist-augmented": exact(
            "mnist",
            stack("1000", *MNIST),
            rule=Exact(CrossEntropy(tau=0.05, smoothing=0.1), cures=(Push(1e-6),)),
            augmentation=(Distort((28, 28)),),
            average=100_000,
            epochs=150,
            published="98.45 TS4TL",
        ),
        "binary-mnist": exact(
            "mnist",
            stack("600", one_bit(-0.46, 0.54, scale=0.08), one_bit(-0.46, 0.54, scale=0.05)),
            augmentation=(Shift(1, (28, 28)),),
            average=100_000,
            epochs=100,
            published="97.0 BS4NN (lenient; its weights: 96.1)",
        ),
        "binary-mnist-augmented": exact(
            "mnist",
            stack("2500", one_bit(-0.46, 0.54, scale=0.07), one_bit(-0.46, 0.54, scale=0.03)),
            rule=Exact(CrossEntropy(tau=0.1, smoothing=0.05)),
            augmentation=(Distort((28, 28)),),
            average=100_000,
            epochs=100,
            published="97.0 BS4NN (lenient; its weights: 96.1)",
        ),
        "exact-fashion": exact(
            "fashion-mnist",
            stack("1000", *MNIST),
            rule=Exact(CrossEntropy(tau=0.1, smoothing=0.1), weight_decay=0.1),
            augmentation=(Dropout(0.1),),
            optimizer=Adam(lr=Cosine(1.5e-3)),
            average=100_000,
            epochs=25,
            published="about 88.0 S4NN (lenient)",
        ),
        "binary-fashion": exact(
            "fashion-mnist",
            stack("1000", one_bit(-0.46, 0.54, scale=0.03)),
            augmentation=(Dropout(0.05),),
            average=100_000,
            epochs=40,
            published="87.3 BS4NN (lenient)",
        ),
        "step-binary-mnist": exact(
            "mnist",
            stack(
                "600",
                one_bit(-0.46, 0.54, scale=0.03),
                one_bit(-0.46, 0.54, scale=0.02),
                delay=DRAWN,
            ),
            psp=Step(),
            rule=Surrogate(smoothing=0.05),
            augmentation=(Dropout(0.1),),
            optimizer=Adam(lr=Cosine(0.02)),
            average=100_000,
            epochs=40,
            published="97.0 BS4NN (lenient; its weights: 96.1)",
        ),
        "step-binary-mnist-augmented": exact(
            "mnist",
            stack(
                "1500",
                one_bit(-0.46, 0.54, scale=0.025),
                one_bit(-0.46, 0.54, scale=0.015),
                delay=DRAWN,
            ),
            psp=Step(),
            rule=Surrogate(smoothing=0.05),
            augmentation=(GENTLE,),
            optimizer=Adam(lr=Cosine(0.02)),
            average=100_000,
            epochs=60,
            published="97.0 BS4NN (lenient; its weights: 96.1)",
        ),
        "stidi-mnist": exact(
            "mnist",
            stack("1000", *MNIST),
            rule=STIDI,
            augmentation=(GENTLE,),
            optimizer=Adam(lr=Cosine(1.5e-3)),
            average=50_000,
            epochs=60,
            published="97.4 STiDi-BP (unconfirmed)",
        ),
        "bs4nn-digits": Recipe(
            "digits",
            stack(
                "600", Binary(init=(-0.5, 1), scale=20), Binary(init=(-15, 30), scale=4), **STEPS
            ),
        ),
        "s4nn-mnist": Recipe(
            "mnist",
            stack("400", Real(init=(0, 5)), Real(init=(0, 48)), **STEPS),
            rule=S4NN(gamma=3, weight_decay=1e-6),
            optimizer=SGD(lr=Linear(0.3, 0.2)),
            average=250_000,
            published="97.4 S4NN (lenient)",
        ),
        "bs4nn-mnist": Recipe(
            "mnist",
            stack(
                "600", Binary(init=(-0.4, 1), scale=3.3), Binary(init=(-20, 25), scale=3.3), **STEPS
            ),
            rule=S4NN(gamma=4, revive=0),
            optimizer=SGD(lr=Linear(0.1, 0.02)),
            average=100_000,
            epochs=150,
            published="97.0 BS4NN (lenient)",
        ),
        "bs4nn-fashion": Recipe(
            "fashion-mnist",
            stack(
                "1000",
                Binary(init=(-0.5, 1), scale=1.7),
                Binary(init=(-20, 25), scale=2.5),
                **STEPS,
            ),
            rule=S4NN(gamma=20, revive=0),
            optimizer=SGD(lr=Linear(0.03, 0.0005)),
            average=50_000,
            epochs=200,
            published="87.3 BS4NN (lenient)",
        ),
        "conv-mnist": deep(
            "mnist",
            "24C5-P2-48C5-P2-256",
            optimizer=Adam(lr=Warm(Cosine(5e-3)), beta2=0.98),
            augmentation=(Distort((28, 28)),),
            average=100_000,
            epochs=60,
            published="99.2 STiDi-BP; 99.51 Parallel TTFS",
        ),
        "conv-binary-mnist": deep(
            "mnist",
            "32C5-P2-64C5-P2-512",
            binary=True,
            optimizer=Adam(lr=Warm(Cosine(6e-3)), beta2=0.98),
            augmentation=(Distort((28, 28)),),
            average=100_000,
            epochs=40,
            published="about 98.6 STiDi-BP",
        ),
        "conv-fashion": deep(
            "fashion-mnist",
            "48C5-P2-96C5-P2-512",
            encoder=OnOff((28, 28)),
            optimizer=Adam(lr=Warm(Cosine(3e-3)), beta2=0.98),
            augmentation=(Flip((28, 28, 3)), Shift(1, (28, 28, 3))),
            average=100_000,
            epochs=60,
            published="92.8 STiDi-BP; 93.14 Parallel TTFS",
        ),
        "conv-binary-fashion": deep(
            "fashion-mnist",
            "48C5-P2-96C5-P2-512",
            binary=True,
            encoder=OnOff((28, 28)),
            optimizer=Adam(lr=Warm(Cosine(6e-3)), beta2=0.98),
            augmentation=(Flip((28, 28, 3)), Dropout(0.1)),
            average=100_000,
            epochs=30,
            published="about 92.0 STiDi-BP",
        ),
        "stidi-conv-mnist": deep(
            "mnist",
            "40C5-P2-1000",
            rule=STIDI_MAPS,
            augmentation=(Distort((28, 28)),),
            average=100_000,
            epochs=20,
            published="99.2 STiDi-BP",
        ),
        "stidi-conv-fashion": deep(
            "fashion-mnist",
            "20C5-P2-40C5-P2-1000",
            rule=STIDI_MAPS,
            encoder=OnOff((28, 28)),
            augmentation=(Flip((28, 28, 3)), Dropout(0.1)),
            average=100_000,
            epochs=20,
            published="92.8 STiDi-BP",
        ),
        "step-conv-binary-mnist": deep(
            "mnist",
            "24C5-P2-48C5-P2-256",
            weights=(BIT, BIT, BIT, replace(BIT, scale=0.02)),
            delay=DRAWN,
            psp=Step(),
            rule=Surrogate(smoothing=0.05),
            optimizer=Adam(lr=Warm(Cosine(6e-3)), beta2=0.98),
            augmentation=(Distort((28, 28)),),
            average=100_000,
            epochs=30,
        ),
        "yin-yang": exact(
            "yin-yang",
            stack(
                "30",
                Real(init=(-1.23, 2.23)),
                Real(init=(-0.57, 1.17)),
                delay=Delays(per="pair", init=(0.0, 0.5), rate=0.3),
            ),
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
    | TAUGHT
    | WINDOWS
    | CLOCKED
)

APART = WINDOWS.keys() | CLOCKED.keys()  # these need PyTorch


def in_order() -> tuple[str, ...]:
    """The names of all presets, each after that of its teacher.

    >>> in_order()[0]
    'digits'
    """
    taught = {name: [one.teacher] if one.teacher else [] for name, one in PRESETS.items()}
    return tuple(TopologicalSorter(taught).static_order())


def preset(name: str, *, full: bool = False) -> Recipe:
    """The recipe of that name.

    full: the network as it was published, for a GPU; see `ttfs.presets.clocked_table`.

    Raises
    ------
    InputError: no preset has that name, or there is no published form of it.

    >>> preset("s4nn-mnist").notation
    '400'
    >>> preset("bnn-mnist", full=True).notation
    '4096-4096-4096'
    """
    if name not in PRESETS:
        raise InputError(f"no preset is called {name!r}, only {', '.join(PRESETS)}")
    if full and name not in FULL:
        raise InputError(
            f"preset {name!r} has no published configuration; there is one for {', '.join(FULL)}"
        )
    return FULL[name] if full else PRESETS[name]


def name_of(recipe: Recipe) -> str | None:
    """The name of the preset that a recipe equals, or None.

    >>> name_of(preset("s4nn-mnist")), name_of(preset("bnn-mnist", full=True))
    ('s4nn-mnist', 'bnn-mnist-full')
    """
    known = PRESETS | {f"{name}-full": found for name, found in FULL.items()}
    return next((name for name, found in known.items() if found == recipe), None)


def for_dataset(dataset: str, *, binary: bool = True) -> Recipe:
    """The preset for a data set and kind of weights, or a recipe modelled on that for the digits.

    >>> for_dataset("mnist", binary=False).notation
    '400'
    >>> for_dataset("mine.npz").notation
    '600'
    """
    for name, recipe in PRESETS.items():
        if (recipe.dataset, recipe.binary) == (dataset, binary) and name not in APART:
            return recipe
    layers = stack("600", Binary()) if binary else stack("400", Real())
    return exact(dataset, layers, batch_size=20, average=5_000, epochs=60)


def for_layers(dataset: str, notation: str, *, binary: bool = True) -> Recipe:
    """A recipe for a data set and layers as papers write them; more epochs for few samples.

    >>> for_layers("mnist", "24C5-P2-256").epochs, for_layers("digits", "400-200").epochs
    (12, 60)
    """
    large = dataset in ("mnist", "fashion-mnist", "cifar10")
    often: dict[str, Any] = {} if large else {"batch_size": 20, "average": 5_000, "epochs": 60}
    return deep(dataset, notation, binary=binary, **often)
