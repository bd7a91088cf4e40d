"""What tests of pictures share: every picture, settings of a user, how a picture is read."""

import numpy as np
from matplotlib import cycler
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

import ttfs
from ttfs import plotting
from ttfs.engines.explanations import Input, Trace
from ttfs.plotting import layer_colour

HOSTILE = {
    "lines.marker": "s",
    "lines.linestyle": "none",
    "lines.linewidth": 9,
    "image.origin": "lower",
    "image.cmap": "jet",
    "image.interpolation": "bicubic",
    "axes.prop_cycle": cycler(color=["#FFFFFF"]),
    "axes.grid": True,
    "axes.formatter.use_mathtext": True,
    "axes.formatter.limits": (0, 0),
    "scatter.marker": "",
    "legend.frameon": True,
    "savefig.bbox": "tight",
    "savefig.transparent": True,
    "savefig.format": "pdf",
    "savefig.dpi": 10,
    "figure.autolayout": True,
    "figure.facecolor": "black",
    "axes.facecolor": "black",
    "text.usetex": True,
    "font.size": 30,
}


INF = np.inf
TIMES = [[0.0, 3.0, INF], [4.5, INF]]
TRACES = [
    Trace(1, 0, np.array([0.0, 3.0, 3.0]), np.array([0.0, 0.0, 1.0]), 3.0, 1.0, "ms"),
    Trace(1, 1, np.array([0.0, 3.0, 3.0]), np.array([0.0, 0.0, 0.5]), INF, 2.0, "ms"),
]
INPUTS = [[Input(3.0, 0, 0, 3.0, 1.0, 1.0)], [Input(3.0, 0, 0, 3.0, 0.5, 0.5)]]
EPOCHS = [{"epoch": e, "accuracy": 0.8, "validation_accuracy": 0.7 + e / 10} for e in (1, 2)]
ROWS = [[1.0, 2.0], [3.0, INF]]
DECISIONS = ttfs.decide(ROWS, [[1, 2], [3, 4]])
NETWORK = ttfs.Network(
    ttfs.Conv2d(2, 3), ttfs.MinPool2d(2), ttfs.Dense(None, 20), shape=(6, 6, 1), t_max=9
)

TIMED = {
    "raster": lambda **kw: plotting.raster(TIMES, decision=(4.5, 0), **kw),
    "latency_histogram": lambda **kw: plotting.latency_histogram(TIMES, **kw),
    "latency_by_layer": lambda **kw: plotting.latency_by_layer(TIMES, **kw),
    "latency_map": lambda **kw: plotting.latency_map([0, 7.5, INF, 3], (2, 2), **kw),
    "latency_maps": lambda **kw: plotting.latency_maps([0, 7.5, INF, 3], (2, 1, 2), **kw),
    "latency_by_class": lambda **kw: plotting.latency_by_class(ROWS, [0, 1], **kw),
    "latency_diagram": lambda **kw: plotting.latency_diagram(ROWS, [0, 1], **kw),
    "decision_curve": lambda **kw: plotting.decision_curve(ROWS, [[1, 2], [3, 4]], [0, 1], **kw),
    "activity": lambda **kw: plotting.activity(TIMES, [2, 0], **kw),
    "membrane": lambda **kw: plotting.membrane(TRACES, inputs=INPUTS, **kw),
    "mistakes": lambda **kw: plotting.mistakes(ROWS, DECISIONS, [1, 0], (2, 1), **kw),
}
PICTURES = TIMED | {
    "spike_order": lambda **kw: plotting.spike_order(ROWS, [0, 1], **kw),
    "weight_images": lambda **kw: plotting.weight_images(np.eye(4), (2, 2), **kw),
    "filter_images": lambda **kw: plotting.filter_images(np.eye(4), (1, 2), **kw),
    "confusion_matrix": lambda **kw: plotting.confusion_matrix([0, 1, 1], [0, 0, 1], **kw),
    "accuracy_by_class": lambda **kw: plotting.accuracy_by_class([0, 1, 1], [0, 0, 1], **kw),
    "network_diagram": lambda **kw: plotting.network_diagram(NETWORK, **kw),
    "training_curves": lambda **kw: plotting.training_curves(EPOCHS, **kw),
    "certified_accuracy": lambda **kw: plotting.certified_accuracy([1], [0.5], [0.9], **kw),
    "perturbed_accuracy": lambda **kw: plotting.perturbed_accuracy([1], [[0.5, 0.6]], **kw),
    "pareto": lambda **kw: plotting.pareto([9, 11], [0.9, 1], **kw),
    "accuracy_over": lambda **kw: plotting.accuracy_over({"a": [9, 11]}, {"a": [0.9, 1]}, **kw),
    "throughput": lambda **kw: plotting.throughput(
        ["a", "b"], {"x": [20, 3], "y": [30, 2], "z": [1, 2]}, {"r": [40, 4], "s": [50, 6]}, **kw
    ),
}


def pixels(figure):
    """The drawn figure as an array (rows, columns, 3), row 0 at the bottom."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[::-1, :, :3].astype(float)


def coverage(drawn):
    """How much of its own colour the pixel under the middle of each spike shows, 0 to 1."""
    picture = 255 - pixels(drawn[0].axes.figure)
    shares = []
    for layer, lines in enumerate(drawn):
        ink = 255 - 255 * np.array(to_rgb(layer_colour(layer)))
        for segment in lines.get_segments():
            x, y = lines.axes.transData.transform(segment.mean(axis=0)).astype(int)
            shares.append(picture[y, x] @ ink / (ink @ ink))
    return np.array(shares)


def ticks(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def texts(ax):
    return [text.get_text() for text in ax.texts]


def brightness(colour):
    """Relative luminance, as guidelines for legible pages define it."""
    parts = np.array(to_rgb(colour))
    parts = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return parts @ (0.2126, 0.7152, 0.0722)


def contrast(colour, ground):
    """1 for what cannot be told from its ground, 21 for black on white."""
    low, high = sorted([brightness(colour), brightness(ground)])
    return (high + 0.05) / (low + 0.05)


def drawn(name, ax=None, **options):
    """The axes of a picture, in which everything is laid out and drawn."""
    ax = Figure(figsize=(3.35, 2.5)).subplots() if ax is None else ax
    PICTURES[name](ax=ax, **options)
    FigureCanvasAgg(ax.figure.figure).draw()
    return ax
