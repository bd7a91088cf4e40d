"""The presets that fire by a clock, for comparison with single spikes, and the published ones.

Those in `FULL` are the networks of their papers, or the chains of layers closest to them, for a
GPU: `ttfs train --preset NAME --full`.
"""

from dataclasses import replace
from typing import Any

from ttfs.augmentation import Erase, Flip, Shift
from ttfs.clocked.rate import Rate
from ttfs.clocked.surrogates import Surrogate
from ttfs.network.psp import Windows
from ttfs.optimizers import Adam, Cosine
from ttfs.presets.clocked_recipe import clocked
from ttfs.presets.recipe import Recipe
from ttfs.presets.window_recipe import MUON, RATES, adam, windows
from ttfs.presets.window_table import WINDOWS

ONCE = Rate(1, initial=1.0, pool="currents")  # signs of sums
SIGNS: dict[str, Any] = {
    "binary": True,
    "rate": ONCE,
    "surrogate": Surrogate("rectangle", 0.5),
    "signed": True,
}
ITERATIVE = Rate(5, keep=0.25, reset="hard", initial=0.0, output="spikes", pool="currents")

SMALL = "32C5-P2-64C5-P2-256"
DEEP = "16C3p1-P2-32C3p1-32C3p1-32C3p1-32C3p1-P2-64C3p1-64C3p1-64C3p1-P2-128-128-128"
FASHION: dict[str, Any] = {
    "augmentation": (Flip((28, 28)), Shift(1, (28, 28))),
    "validation": 0.05,
    "epochs": 15,
}
PROXY: dict[str, Any] = {"rate": Rate(15, reset="hard", pool="currents"), "coupling": "proxy"}
LOW: dict[str, Any] = {  # few analog values exceed what spikes can represent, now and in training
    "spread": 0.5,
    "optimizer": adam(RATES[False] / 4),
    "muon": 4 * MUON,
}
STBP: dict[str, Any] = {
    "rate": ITERATIVE,
    "surrogate": Surrogate("rectangle", 0.3),
    "norm": "neunorm",
    "gain": 1.9,
    "voters": 10,
    "loss": "mse",
}
LEDINAUSKAS: dict[str, Any] = {"surrogate": Surrogate("fast_sigmoid", 2.0)}

CLOCKED: dict[str, Recipe] = {
    "bnn-mnist": clocked("mnist", "600", epochs=60, **SIGNS),
    "bnn-fashion": clocked("fashion-mnist", "1000", epochs=60, **SIGNS),
    "proxy-fashion": clocked(
        "fashion-mnist",
        SMALL,
        **PROXY | {"rate": Rate(8, pool="currents")},
        **FASHION,
        **LOW,
        published="94.56 proxy learning",
    ),
    "tandem-fashion": clocked(
        "fashion-mnist",
        SMALL,
        coupling="tandem",
        rate=Rate(8, pool="currents"),
        **FASHION,
        **LOW,
    ),
    "dsr-fashion": clocked(
        "fashion-mnist", SMALL, coupling="dsr", rate=Rate(8, pool="currents"), **FASHION
    ),
    "stbp-fashion": clocked(  # its outputs do not fire, as five steps leave too many ties
        "fashion-mnist",
        SMALL,
        rate=replace(ITERATIVE, output="potential"),
        **LEDINAUSKAS,
        **FASHION,
    ),
    "surrogate-deep-fashion": clocked(
        "fashion-mnist",
        DEEP,
        rate=Rate(5, pool="currents"),
        **LEDINAUSKAS,
        **FASHION,
    ),
    "local-threshold-cifar10": replace(
        WINDOWS["window-cifar10"], rounded=None, method="local", rate_steps=32, published=""
    ),
    "qcfs-cifar10": replace(
        WINDOWS["window-cifar10"], psp=Windows(steps=8), method="qcfs", published="95.01 QCFS"
    ),
}

COLOURS: dict[str, Any] = {
    "augmentation": (Flip((32, 32, 3)), Shift(4, (32, 32, 3)), Erase(8, (32, 32, 3))),
    "validation": 0.05,
}
VGG11 = "64C3p1-P2-128C3p1-P2-256C3p1-256C3p1-P2-512C3p1-512C3p1-P2-512C3p1-512C3p1-P2"
VGG16 = (
    "64C3p1-64C3p1-P2-128C3p1-128C3p1-P2-256C3p1-256C3p1-256C3p1-P2"
    "-512C3p1-512C3p1-512C3p1-P2-512C3p1-512C3p1-512C3p1-P2"
)
VGG19 = (
    "64C3p1-64C3p1-P2-128C3p1-128C3p1-P2-256C3p1-256C3p1-256C3p1-256C3p1-P2"
    "-512C3p1-512C3p1-512C3p1-512C3p1-P2-512C3p1-512C3p1-512C3p1-512C3p1-P2"
)
WU = "128C3p1-256C3p1-P2-512C3p1-P2-1024C3p1-512C3p1-1024-512"
SLOW: dict[str, Any] = {"optimizer": Adam(lr=Cosine(1e-3)), "muon": 0.0}

FULL: dict[str, Recipe] = {
    "bnn-mnist": clocked("mnist", "4096-4096-4096", epochs=1000, **SIGNS),
    "bnn-fashion": clocked("fashion-mnist", "4096-4096-4096", epochs=1000, **SIGNS),
    "proxy-fashion": clocked(
        "fashion-mnist",
        "128C3-128C3-P2-128C3-P2-1152-256",
        **PROXY | {"rate": replace(PROXY["rate"], output="spikes"), "loss": "mse"},
        **FASHION | {"epochs": 100},
        optimizer=Adam(lr=Cosine(1e-4), beta1=0.8, beta2=0.99),
        muon=0.0,
        batch_size=100,
        published="94.56 proxy learning",
    ),
    "tandem-fashion": clocked(
        "cifar10",
        "128C3p1-256C3p1-P2-512C3p1-P2-1024C3p1-512C3p1-1024",
        coupling="tandem",
        rate=Rate(8, pool="currents"),
        epochs=150,
        **SLOW,
        **COLOURS,
    ),
    "dsr-fashion": clocked(
        "cifar10",
        VGG11,
        coupling="dsr",
        rate=Rate(20, pool="currents"),
        batch_size=128,
        epochs=200,
        **SLOW,
        **COLOURS,
        published="95.40 DSR (PreAct-ResNet-18)",
    ),
    "stbp-fashion": clocked(
        "cifar10",
        WU,
        **STBP | {"rate": replace(ITERATIVE, steps=12)},
        epochs=120,
        batch_size=100,
        **SLOW | {"optimizer": Adam(lr=Cosine(5e-4))},
        **COLOURS,
        published="90.53 STBP with NeuNorm",
    ),
    "surrogate-deep-fashion": clocked(
        "cifar10",
        VGG19,
        rate=Rate(10, pool="currents"),
        epochs=100,
        **LEDINAUSKAS,
        **SLOW,
        **COLOURS,
    ),
    "local-threshold-cifar10": windows(
        "cifar10",
        VGG16,
        method="local",
        rate_steps=32,
        epochs=300,
        batch_size=300,
        **SLOW,
        **COLOURS,
    ),
    "qcfs-cifar10": windows(
        "cifar10",
        VGG16 + "-4096-4096",
        psp=Windows(steps=4),
        method="qcfs",
        rate_steps=8,
        epochs=300,
        batch_size=300,
        **SLOW,
        **COLOURS,
        published="95.01 QCFS",
    ),
}
