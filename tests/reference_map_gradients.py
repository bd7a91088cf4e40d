"""Slow and obvious twins of what layers of maps are told: neuron by neuron, input by input.

arrivals: (samples, inputs), inf where there is none. until, gains: (samples, outputs). Numbers
are added in the order of samples, and then of neurons.
"""

import numpy as np
from reference_maps import window


def changes(layer, arrivals, bounds, until, gains):
    """(rows, columns) sum of gain times minus the time that inputs had, within bounds."""
    out = np.zeros((layer.rows, layer.columns), gains.dtype)
    least, most = (gains.dtype.type(bound) for bound in bounds)
    for s, j in np.ndindex(*gains.shape):
        for i, row in window(layer, j):
            if arrivals[s, i] < until[s, j]:
                minus = min(max(arrivals[s, i] - until[s, j], least), most)
                out[row, j % layer.columns] += gains[s, j] * minus
    return out


def errors_below(layer, arrivals, rise, until, gains, weights):
    """(samples, inputs) sum of gain times weight over neurons that an input caused."""
    out = np.zeros(arrivals.shape, gains.dtype)
    for s, j in np.ndindex(*gains.shape):
        for i, row in window(layer, j):
            ends = arrivals[s, i] + gains.dtype.type(rise)
            if arrivals[s, i] < until[s, j] <= ends:
                out[s, i] += weights[row, j % layer.columns] * gains[s, j]
    return out


def potentials_at(layer, arrivals, until, weights):
    """(samples, outputs) sum of the weights of inputs that came before `until`."""
    out = np.zeros(until.shape, weights.dtype)
    for s, j in np.ndindex(*until.shape):
        for i, row in window(layer, j):
            if arrivals[s, i] < until[s, j]:
                out[s, j] += weights[row, j % layer.columns]
    return out


def handed_back(layer, arrivals, spikes, errors, silent=False):
    """(samples, inputs) errors of the first spikes of windows, told to who came first.

    silent: whether windows in which nobody came tell all their inputs.
    """
    out = np.zeros(arrivals.shape, errors.dtype)
    for s, j in np.ndindex(*errors.shape):
        heard = [(arrivals[s, i], i) for i, _ in window(layer, j)]
        first = [min(heard)] if spikes[s, j] < np.inf else heard if silent else []
        for _, i in first:
            out[s, i] += errors[s, j]
    return out
