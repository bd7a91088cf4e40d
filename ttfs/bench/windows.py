"""How fast a converted network is, compared with the same network of ReLUs in PyTorch.

Six convolutions on images of the size of CIFAR-10's, with random weights; activations become
spikes that carry them, layer after layer in one window each.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from ttfs.bench.parts import in_turn
from ttfs.bench.simulations import simulate_chain
from ttfs.bench.torch_relus import run_relus
from ttfs.conversion.conversion import Conversion
from ttfs.conversion.convert import convert
from ttfs.engines.batch import forward
from ttfs.network.network import Network
from ttfs.network.notation import layers_of
from ttfs.network.psp import Windows

SHAPE = (32, 32, 3)
LAYERS = "32C3p1-32C3p1-P2-64C3p1-64C3p1-P2-128C3p1-128C3p1-P2-10"
SAMPLES = 200
SHOWN = 50  # of which thresholds follow
BATCH = 100
PATCH = 4  # pixels of one colour in a row
STIMULI = 10  # for the simulator
ROUNDS = 5


def pictures() -> np.ndarray:
    """Images of coloured squares."""
    rows, columns, channels = SHAPE
    few = np.random.default_rng(0).random(
        (SAMPLES, rows // PATCH, columns // PATCH, channels), np.float32
    )
    return few.repeat(PATCH, axis=1).repeat(PATCH, axis=2)


def converted(images: np.ndarray) -> Conversion:
    """A network of windows, of a network of ReLUs with random weights."""
    rng = np.random.default_rng(1)
    placed = Network(*layers_of(LAYERS, threshold=1.0), shape=SHAPE, psp=Windows()).layers
    layers = [layer if layer.pools else with_weights(layer, rng) for layer in placed]
    return convert(layers, images[:SHOWN], shape=SHAPE)


def with_weights(layer: Any, rng: np.random.Generator) -> Any:
    """A layer whose sums are about as large as its inputs (He et al. 2015)."""
    weights = rng.normal(0, (2 / layer.rows) ** 0.5, (layer.rows, layer.columns))
    return replace(layer, initial=weights)


def forward_windows() -> dict[str, Any]:
    """Times of a batch through the converted network, in microseconds for a sample."""
    images = pictures()
    found = converted(images)
    times = found.times(images)
    seconds = in_turn({"run": lambda: forward(found.network, times)}, ROUNDS)["run"]
    own = [1e6 * each / len(images) for each in seconds]
    labels = np.zeros(len(images), np.int64)
    relus = run_relus(LAYERS, SHAPE, images.reshape(len(images), -1), labels, BATCH, False)
    return {
        "microseconds": float(np.median(own)),
        "microseconds_min": min(own),
        "microseconds_max": max(own),
        "limit_microseconds": None,
        "reference_microseconds": None if relus is None else 1e6 * relus / len(images),
    }


def simulate_windows() -> dict[str, Any]:
    """The same network in the simulator, one image after another."""
    images = pictures()
    found = converted(images)
    return simulate_chain(found.network, found.times(images[:STIMULI]))
