"""Pictures of single-spike networks: rasters, latencies, weights and training curves.

Every function draws into the `ax` it is given, or into a new figure, and returns what it drew.
"""

from ttfs.plotting.classes import latency_by_class
from ttfs.plotting.latency import latency_histogram, latency_map
from ttfs.plotting.look import COLUMN, PAGE, layer_colour, new_axes, save
from ttfs.plotting.raster import raster
from ttfs.plotting.training import training_curves, training_summary
from ttfs.plotting.weights import weight_images

__all__ = [
    "COLUMN",
    "PAGE",
    "latency_by_class",
    "latency_histogram",
    "latency_map",
    "layer_colour",
    "new_axes",
    "raster",
    "save",
    "training_curves",
    "training_summary",
    "weight_images",
]
