"""Random networks with windows of time, and stimuli for them."""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

import ttfs
from ttfs.network.skips import Skip
from ttfs.network.weights import Binary

INF = np.inf


def grid(rng, shape, step, most):
    """Random multiples of a step: whose sums and products are exact."""
    return rng.integers(-most, most + 1, shape) * step


@st.composite
def networks(draw, exact=True):
    """A network of one to three layers with windows, between them some that pool, and some skips.

    Also three samples of values. Where sums are to be exact, all numbers are multiples of a power
    of two.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))

    def real(shape):
        return grid(rng, shape, 0.25, 8) if exact else rng.normal(0, 0.7, shape)

    shape = size = tuple(int(n) for n in rng.integers(1, 6, 3))
    layers = []
    for _ in range(draw(st.integers(1, 3))):
        layers.append(layer_on(size, rng, real, binary=exact and draw(st.booleans())))
        size = layers[-1].gives
        if min(size[:2]) > 1 and draw(st.booleans()):
            layers.append(ttfs.MinPool2d(2, stride=int(rng.integers(1, 3))).after(size))
            size = layers[-1].gives
    psp = ttfs.Windows(draw(st.sampled_from([None, None, 1, 2, 4, 8])) if exact else None)
    network = ttfs.Network(*layers, psp=psp, dtype=np.float64, shape=shape)
    if draw(st.booleans()):
        network = with_skip(network, rng, real)
    inputs = 3, network.sizes[0]
    values = rng.integers(0, 9, inputs) / 8 if exact else rng.random(inputs)
    values[rng.random(values.shape) < 0.3] = 0
    return network, values


def layer_on(shape, rng, real, binary):
    """A layer on a map of that shape: a convolution, or dense."""
    columns = int(rng.integers(1, 20))
    told = {
        "threshold": 2.0 ** rng.integers(0, 4, columns if rng.random() < 0.5 else None),
        "bias": [None, 0.25, real(columns)][rng.integers(3)],
        **({"weights": Binary(scale=0.5, clip=1)} if binary else {}),
    }
    if rng.random() < 0.6:
        window = int(rng.integers(1, min(shape[:2]) + 1))
        places = {"stride": int(rng.integers(1, 3)), "padding": int(rng.integers(window))}
        weights = real((window * window * shape[2], columns))
        layer = ttfs.Conv2d(columns, window, **places, shape=shape, initial=weights, **told)
        if rng.random() < 0.3:  # a bias of its own for each neuron
            layer = replace(layer, bias=real(layer.gives))
        return layer
    inputs = int(np.prod(shape))
    return ttfs.Dense(inputs, columns, initial=real((inputs, columns)), **told)


def with_skip(network, rng, real):
    """The same with a connection past a layer, if there is room for one."""
    targets = [k + 1 for k, layer in enumerate(network.layers) if not layer.pools]
    target = int(rng.choice(targets))
    sources = [s for s in range(target) if network.windows[s] < network.windows[target]]
    source = int(rng.choice(sources))
    below, above = network.shapes[source], network.shapes[target]
    if below == above:
        skip = Skip(source, target, weight=real(above[2]))
    elif below[:2] == above[:2] and below[:2] != (1, 1):
        weights = real((below[2], above[2]))
        skip = Skip(source, target, layer=ttfs.Conv2d(above[2], 1, initial=weights, shape=below))
    elif above[:2] == (1, 1):
        inputs = int(np.prod(below))
        skip = Skip(source, target, layer=ttfs.Dense.of(real((inputs, above[2]))))
    else:
        return network
    return ttfs.Network(
        *network.layers, psp=network.psp, dtype=network.dtype, shape=network.shapes[0], skips=[skip]
    )


def times_of(values):
    return np.where(values > 0, 1 - values, INF)
