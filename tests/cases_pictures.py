"""What tests of pictures share: settings of a user, and how a picture is read."""

import numpy as np
from matplotlib import cycler
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb

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
