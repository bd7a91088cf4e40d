"""Pictures look as they did: each is compared with a reference image, pixel by pixel.

Words are left out, as their shapes depend on the version of Matplotlib and its fonts; other tests
read them. After a change that is wanted, `python tests/test_plotting_images.py` draws the
references anew: look at them before they are committed.
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

import ttfs
from ttfs import plotting
from ttfs.engines.explanations import Trace

FOLDER = Path(__file__).parent / "data" / "pictures"
BLOCK = 4  # pixels in either direction whose mean is compared, as edges may move by one
TOLERANCE = 2.0  # root mean square of the differences of means, each from 0 to 255
TILED = {  # between versions of Matplotlib, edges of pixels in images move
    *("spike_order", "latency_map", "latency_maps", "mistakes"),
    *("weight_images", "filter_images", "confusion_matrix"),
}
LENIENT = 20.0  # tolerance for these
PHI = (1 + 5**0.5) / 2


def spread(*shape, step=PHI):
    """Numbers from 0 to 1 that look random and are the same everywhere."""
    return np.arange(1, 1 + np.prod(shape)).reshape(shape) * step % 1


def spikes(*shape, step=PHI, last=10.0, share=0.7):
    """Times of spikes, some of them silent."""
    return np.where(spread(*shape, step=7**0.5) < share, last * spread(*shape, step=step), np.inf)


LABELS = np.arange(60) % 3
OUTPUTS = spikes(60, 3, step=3**0.5) + 3 * (np.arange(3) != LABELS[:, None])
POTENTIAL = spread(60, 3)
DECISIONS = ttfs.decide(OUTPUTS, POTENTIAL)
LAYERS = [spikes(40), spikes(120, step=2**0.5), 5 + spikes(3, step=3**0.5)]
BATCH = [spikes(60, 8), 2 + spikes(60, 12, step=2**0.5), OUTPUTS]
TIMES = np.array([0.0, 2.0, 5.0, 9.0])
TRACES = [
    Trace(1, k, TIMES, np.array([0.0, 0.1 * k, 0.3 * k, 0.2 * k]), 9.0 if k > 4 else np.inf, 1.0)
    for k in range(7)
]
EPOCHS = [
    {"epoch": e, "accuracy": 1 - 0.3 / e, "validation_accuracy": 0.95 - 0.3 / e}
    for e in range(1, 9)
]
MAPS = ttfs.Conv2d(6, 3), ttfs.MinPool2d(2), ttfs.Dense(None, 4), ttfs.Dense(4, 9)
NETWORK = ttfs.Network(*MAPS, shape=(10, 10, 1), t_max=9)

PICTURES = {
    "raster": lambda ax: plotting.raster(LAYERS, decision=(LAYERS[2][1], 1), ax=ax),
    "raster_of_maps": lambda ax: plotting.raster(
        [spikes(36), spikes(72, step=2**0.5)], shapes=[(6, 6, 1), (3, 3, 8)], ax=ax
    ),
    "latency_histogram": lambda ax: plotting.latency_histogram(BATCH, ax=ax),
    "latency_by_layer": lambda ax: plotting.latency_by_layer(BATCH, ax=ax),
    "latency_by_class": lambda ax: plotting.latency_by_class(OUTPUTS, LABELS, ax=ax),
    "latency_diagram": lambda ax: plotting.latency_diagram(OUTPUTS, LABELS, ax=ax),
    "spike_order": lambda ax: plotting.spike_order(OUTPUTS, LABELS, ax=ax, colorbar=False),
    "latency_map": lambda ax: plotting.latency_map(spikes(64), (8, 8), ax=ax, colorbar=False),
    "latency_maps": lambda ax: plotting.latency_maps(
        spikes(96), (4, 4, 6), ax=ax, columns=3, colorbar=False
    ),
    "membrane": lambda ax: plotting.membrane(TRACES, ax=ax),
    "decision_curve": lambda ax: plotting.decision_curve(OUTPUTS, POTENTIAL, LABELS, ax=ax),
    "activity": lambda ax: plotting.activity(BATCH, [12, 3, 0], ax=ax),
    "confusion_matrix": lambda ax: plotting.confusion_matrix(DECISIONS, LABELS, ax=ax),
    "accuracy_by_class": lambda ax: plotting.accuracy_by_class(DECISIONS, LABELS, ax=ax),
    "mistakes": lambda ax: plotting.mistakes(
        spikes(60, 16), DECISIONS, LABELS, (4, 4), ax=ax, most=8, colorbar=False
    ),
    "network_diagram": lambda ax: plotting.network_diagram(NETWORK, ax=ax),
    "weight_images": lambda ax: plotting.weight_images(np.sign(spread(16, 9) - 0.5), (4, 4), ax=ax),
    "filter_images": lambda ax: plotting.filter_images(np.sign(spread(9, 6) - 0.5), 3, ax=ax),
    "firing_by_layer": lambda ax: plotting.firing_by_layer([0.8, 0.5, 0.1], [0, 0.3, 0], ax=ax),
    "training_curves": lambda ax: plotting.training_curves(EPOCHS, ax=ax),
    "accuracy_over": lambda ax: plotting.accuracy_over(
        {"a": [90, 110], "b": [150]}, {"a": [0.97, 0.98], "b": [0.99]}, ax=ax
    ),
    "pareto": lambda ax: plotting.pareto(
        9 * spread(30), 0.4 * spread(30) + 0.3 * spread(30, step=3**0.5), ax=ax, names=range(30)
    ),
    "certified_accuracy": lambda ax: plotting.certified_accuracy(
        [0, 1, 2], [0.9, 0.6, 0.2], [0.9, 0.8, 0.7], ax=ax
    ),
    "perturbed_accuracy": lambda ax: plotting.perturbed_accuracy(
        [0, 1, 2], [[0.9, 0.9], [0.6, 0.7], [0.2, 0.4]], ax=ax
    ),
    "throughput": lambda ax: plotting.throughput(
        ["a", "b"], {"one": [20, 3], "all": [30, 2]}, {"adding": [40, 4]}, ax=ax
    ),
}
CASES = [(name, "default") for name in PICTURES]
CASES += [
    (name, "dark_background")
    for name in ("raster", "confusion_matrix", "latency_by_class", "certified_accuracy")
]


def drawn(name, style, path):
    """A small picture without words, in axes whose place does not depend on them."""
    with matplotlib.rc_context(), plt.style.context(["default", style]):
        figure = Figure(figsize=(2.4, 1.8))
        PICTURES[name](figure.add_axes((0.08, 0.08, 0.84, 0.84)))
        for ax in figure.axes:
            if ax.get_legend():
                ax.get_legend().remove()
        for text in figure.findobj(Text):
            text.set_visible(False)
        figure.savefig(path, dpi=100)
    return path


def difference(one, other):
    """How much two pictures differ."""
    means = [
        np.asarray(Image.open(path).convert("RGB").reduce(BLOCK), float) for path in (one, other)
    ]
    return np.sqrt(np.mean((means[0] - means[1]) ** 2))


def reference(name, style):
    """The path of the reference of a picture."""
    return FOLDER / f"{name}{'_dark' if style == 'dark_background' else ''}.png"


@pytest.mark.parametrize(("name", "style"), CASES)
def test_a_picture_looks_like_its_reference(name, style, tmp_path):
    path = drawn(name, style, tmp_path / "now.png")
    assert difference(reference(name, style), path) < (LENIENT if name in TILED else TOLERANCE)


@pytest.mark.parametrize("name", ["raster", "latency_diagram", "membrane", "network_diagram"])
def test_another_colour_is_noticed(name, tmp_path, monkeypatch):
    monkeypatch.setattr(plotting.look, "HIDDEN", plotting.look.HIDDEN[1:])
    monkeypatch.setattr(plotting.look, "CLASSES", plotting.look.CLASSES[1:])
    path = drawn(name, "default", tmp_path / "now.png")
    assert difference(reference(name, "default"), path) > TOLERANCE


@pytest.mark.parametrize("name", sorted(TILED))
def test_other_images_are_noticed(name, tmp_path, monkeypatch):
    show = Axes.imshow
    upside_down = {"origin": "lower"}
    monkeypatch.setattr(Axes, "imshow", lambda *args, **look: show(*args, **look | upside_down))
    path = drawn(name, "default", tmp_path / "now.png")
    assert difference(reference(name, "default"), path) > LENIENT


def test_every_picture_has_a_reference():
    lack = {"map_summary", "training_summary"}  # which draw into figures, with the same functions
    helpers = {"class_colour", "layer_colour", "new_axes", "save", "COLUMN", "PAGE"}
    assert set(plotting.__all__) - lack - helpers <= set(PICTURES)
    assert {path.name for path in FOLDER.iterdir()} == {reference(*case).name for case in CASES}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for case in CASES:
        drawn(*case, reference(*case))
