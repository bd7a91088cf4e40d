"""NIR graphs by the equations of their nodes, in exact arithmetic; each neuron fires once.

A signal is, for each of its elements, a list of (time, weight): spikes or, behind an integrator,
currents that begin.
"""

from fractions import Fraction
from itertools import chain, product

import numpy as np

SPIKES, CURRENTS = "spikes", "currents"


def first_spikes(graph, times):
    """First spikes of each IF node, by name; times in the shape of the input."""
    signals, waiting = {}, dict(graph.nodes)
    while waiting:
        for name, node in list(waiting.items()):
            below = [source for source, target in graph.edges if target == name]
            if all(source in signals for source in below):
                heard = [signals[source] for source in below] or [times]
                signals[name] = NODES[type(node).__name__](node, *heard)
                del waiting[name]
    return {
        name: np.array([float(one[0][0]) if one else np.inf for one in signals[name][1]])
        for name, node in graph.nodes.items()
        if type(node).__name__ == "IF"
    }


def given(node, times):
    assert times.shape == tuple(node.input_type["input"])
    spikes = [[(Fraction(t), 1)] if np.isfinite(t) else [] for t in times.ravel()]
    return SPIKES, spikes, times.shape


def delay(node, heard):
    kind, signal, shape = heard
    assert shape == node.delay.shape
    later = zip(signal, node.delay.ravel(), strict=True)
    return kind, [[(t + Fraction(by), w) for t, w in one] for one, by in later], shape


def flatten(node, heard):
    kind, signal, _ = heard
    return kind, signal, (len(signal),)


def linear(node, heard):
    kind, signal, shape = heard
    assert shape == node.weight.shape[1:]
    sums = [
        [(t, Fraction(w) * v) for one, w in zip(signal, row, strict=True) for t, v in one]
        for row in node.weight.astype(float)
    ]
    return kind, sums, (len(sums),)


def conv(node, heard):
    (out, channels, tall, broad), weight = node.weight.shape, node.weight.astype(float)
    assert not node.bias.any()
    return windows(node, heard, out, channels, (tall, broad), lambda *place: weight[place])


def average(node, heard):
    channels, size = heard[2][0], tuple(node.kernel_size)
    share = Fraction(1, int(size[0] * size[1]))
    return windows(node, heard, channels, channels, size, lambda o, c, y, x: share if o == c else 0)


def windows(node, heard, out, channels, size, weight):
    kind, signal, (there, height, width) = heard
    assert there == channels
    (down, across), (top, left) = tuple(node.stride), tuple(node.padding)
    lines = (height + 2 * top - size[0]) // down + 1
    places = (width + 2 * left - size[1]) // across + 1
    found = []
    for o, line, place in product(range(out), range(lines), range(places)):
        total = []
        for c, y, x in product(range(channels), range(size[0]), range(size[1])):
            row, column = line * down + y - top, place * across + x - left
            if 0 <= row < height and 0 <= column < width:
                w = Fraction(weight(o, c, y, x))
                arrived = signal[(c * height + row) * width + column]
                total += [(t, w * v) for t, v in arrived if w]
        found.append(total)
    return kind, found, (out, lines, places)


def integrator(node, *heard):
    assert (node.r == 1).all()
    together = zip(*(signal for _, signal, _ in heard), strict=True)
    return CURRENTS, [list(chain(*parts)) for parts in together], heard[0][2]


def neurons(node, heard):
    kind, signal, shape = heard
    assert shape == node.v_threshold.shape
    assert (node.r == 1).all()
    limits = map(Fraction, node.v_threshold.astype(float).ravel())
    fired = [crossing(kind, one, limit) for one, limit in zip(signal, limits, strict=True)]
    return SPIKES, [[] if t is None else [(t, 1)] for t in fired], shape


def crossing(kind, arrivals, limit):
    """When a potential rises above a limit; None if it never does."""
    potential = slope = last = Fraction(0)
    for t in sorted({t for t, _ in arrivals}):
        if potential + slope * (t - last) > limit:
            return last + (limit - potential) / slope
        potential, last = potential + slope * (t - last), t
        change = sum(w for at, w in arrivals if at == t)
        if kind == SPIKES:
            potential += change
        else:
            slope += change
        if potential > limit:
            return t
    return last + (limit - potential) / slope if slope > 0 else None


NODES = {
    "Input": given,
    "Delay": delay,
    "Flatten": flatten,
    "Linear": linear,
    "Conv2d": conv,
    "AvgPool2d": average,
    "I": integrator,
    "IF": neurons,
    "Output": lambda node, heard: heard,
}
