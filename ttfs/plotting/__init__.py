"""Pictures of single-spike networks: rasters, latencies, weights and training curves.

Every function draws into the `ax` it is given, or into a new figure, and returns what it drew.
"""

from ttfs.plotting.classes import latency_by_class
from ttfs.plotting.comparison import accuracy_over
from ttfs.plotting.deadline import activity, decision_curve
from ttfs.plotting.decisions import accuracy_by_class, confusion_matrix
from ttfs.plotting.diagram import network_diagram
from ttfs.plotting.firing import firing_by_layer
from ttfs.plotting.latency import latency_by_layer, latency_histogram, latency_map
from ttfs.plotting.look import COLUMN, PAGE, class_colour, layer_colour, new_axes, save
from ttfs.plotting.maps import latency_maps, map_summary
from ttfs.plotting.membrane import membrane
from ttfs.plotting.mistakes import mistakes
from ttfs.plotting.order import latency_diagram, spike_order
from ttfs.plotting.pareto import pareto
from ttfs.plotting.raster import raster
from ttfs.plotting.robustness import certified_accuracy, perturbed_accuracy
from ttfs.plotting.throughput import throughput
from ttfs.plotting.training import training_curves, training_summary
from ttfs.plotting.weights import filter_images, weight_images

__all__ = [
    "COLUMN",
    "PAGE",
    "accuracy_by_class",
    "accuracy_over",
    "activity",
    "certified_accuracy",
    "class_colour",
    "confusion_matrix",
    "decision_curve",
    "filter_images",
    "firing_by_layer",
    "latency_by_class",
    "latency_by_layer",
    "latency_diagram",
    "latency_histogram",
    "latency_map",
    "latency_maps",
    "layer_colour",
    "map_summary",
    "membrane",
    "mistakes",
    "network_diagram",
    "new_axes",
    "pareto",
    "perturbed_accuracy",
    "raster",
    "save",
    "spike_order",
    "throughput",
    "training_curves",
    "training_summary",
    "weight_images",
]
