"""A network of ReLUs, neuron by neuron: what one of windows says in spike times."""

import itertools

import numpy as np


def values_of(network, inputs):
    """(layers + 1) lists of (neurons,) values, and the potentials of the last layer.

    inputs: (neurons,) values of the input, in 0..1.
    """
    values, potential = [np.asarray(inputs, np.float64)], None
    for k, layer in enumerate(network.layers):
        if layer.pools:
            potential = np.array([max(xs, default=0.0) for xs in heard(layer, values[-1])])
            values.append(potential)
            continue
        potential = added(layer, network.weights[k] * network.scales[k], values[-1])
        if network.biases[k] is not None:
            potential += np.resize(network.biases[k], len(potential))
        for skip in network.skips:
            if skip.target == k + 1:
                potential += skipped(skip, values[skip.source], network.shapes[k + 1])
        thresholds = np.tile(np.broadcast_to(layer.threshold, layer.columns), layer.positions)
        shares = potential / thresholds
        if network.psp.steps:
            shares = np.floor(shares * network.psp.steps + 0.5) / network.psp.steps
        values.append(np.clip(shares, 0, 1))
    return values, potential


def skipped(skip, values, shape):
    """What a skip adds to the potentials of its target, a map of that shape."""
    if skip.layer is None:
        return values * np.tile(skip.weights(shape[2]), shape[0] * shape[1])
    return added(skip.layer, skip.layer.initial, values)


def places(layer):
    """For each position of a layer, the (row of weights, input) pairs of what it hears."""
    if layer.kind == "dense":
        yield [(i, i) for i in range(layer.inputs)]
        return
    (tall, broad), (down, across), (top, left) = layer.windows
    height, width, channels = layer.shape
    lines, rows, _ = layer.gives
    for y, x in itertools.product(range(lines), range(rows)):
        found = []
        for dy, dx, c in itertools.product(range(tall), range(broad), range(channels)):
            v, u = y * down + dy - top, x * across + dx - left
            if 0 <= v < height and 0 <= u < width:
                found.append(((dy * broad + dx) * channels + c, (v * width + u) * channels + c))
        yield found


def added(layer, weights, values):
    """The sums of all neurons of a layer."""
    sums = []
    for pairs in places(layer):
        total = np.zeros(weights.shape[1])
        for row, unit in pairs:
            total += weights[row].astype(np.float64) * values[unit]
        sums.append(total)
    return np.concatenate(sums)


def heard(layer, values):
    """For each neuron that pools, the values that it hears."""
    channels = layer.shape[2]
    for pairs in places(layer):
        for c in range(channels):
            yield [values[unit] for _, unit in pairs if unit % channels == c]
