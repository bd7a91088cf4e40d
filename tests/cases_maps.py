"""Random networks of maps for tests: windows of any kind, pools, and dense layers among them."""

import numpy as np
from cases import (
    DELAYS,
    FLOAT_DELAYS,
    PALETTES,
    RESPONSES,
    SEEDS,
    WEIGHT_KINDS,
    any_weights,
    signs,
)
from hypothesis import reject
from hypothesis import strategies as st

import ttfs
from ttfs.errors import InputError

SIDES = st.sampled_from([1, 2, 3, 4, 5, 6, 7])
COLUMNS = st.sampled_from([1, 1, 2, 3, 3, 5, 8, 16, 17, 33])
KINDS = ["conv", "conv", "conv", "pool", "pool", "dense"]
HORIZONS = [1.0, 7.5, 8.0, 256.0]
MOST = 200  # neurons of a layer: twins are slow


@st.composite
def windows(draw, shape):
    """kernel_size, stride and padding that fit onto a map."""
    sizes = []
    for side in shape[:2]:
        kernel = draw(st.integers(1, 5))
        least = max(0, -(-(kernel - side) // 2))
        if least >= kernel:
            kernel, least = side, 0
        padding = draw(st.integers(least, kernel - 1)) if draw(st.booleans()) else least
        sizes.append((kernel, draw(st.integers(1, 3)), padding))
    kernel, stride, padding = zip(*sizes, strict=True)
    return {"kernel_size": kernel, "stride": stride, "padding": padding}


@st.composite
def weights_and_threshold(draw, rows, columns, dtype, exact):
    """Settings of a layer: weights of any kind, and thresholds, some equal to sums of weights."""
    rng = np.random.default_rng(draw(SEEDS))
    if draw(st.integers(0, 3)) == 0:
        threshold = draw(st.sampled_from([0.5, 1, 2, 3, 4.7, rng.uniform(0.1, 9, columns)]))
        kind = ttfs.Binary(scale=draw(st.sampled_from([0.5, 1, 2] if exact else [0.3, 1, 2.5])))
        return {"initial": signs(rng, (rows, columns)), "weights": kind, "threshold": threshold}
    if exact:
        weights = rng.choice(PALETTES[draw(st.sampled_from(sorted(PALETTES)))], (rows, columns))
    else:
        kind = draw(st.sampled_from(["normal", "normal", "near", *WEIGHT_KINDS]))
        weights = any_weights(rng, kind, (rows, columns), dtype)
    if draw(st.booleans()):  # the sum of some of a neuron's weights
        some = rng.random((rows, columns)) < draw(st.sampled_from([0.3, 0.7]))
        with np.errstate(all="ignore"):
            sums = np.sum(np.where(some, weights, 0).astype(dtype), axis=0, dtype=dtype)
        threshold = np.where((sums > 0) & np.isfinite(sums), sums, 1.0)
    else:
        scale = 1.0 if exact else float(np.abs(weights).max()) / 4
        size = () if draw(st.booleans()) else columns
        with np.errstate(over="ignore"):
            threshold = rng.choice([0.25, 0.5, 1.0, 2.0, 3.75], size) * scale
        info = np.finfo(dtype)
        threshold = np.clip(threshold, float(info.smallest_subnormal), float(info.max))
    return {"initial": weights, "threshold": threshold}


@st.composite
def map_layers(draw, shape, dtype, exact, kinds=tuple(KINDS)):
    """A layer on top of a map."""
    rng = np.random.default_rng(draw(SEEDS))
    size = draw(st.sampled_from([(), (), (int(np.prod(shape)),)]))
    some = DELAYS if exact else [*FLOAT_DELAYS, *rng.uniform(0, 1, 3)]
    delay = rng.choice(some, size)
    kind = draw(st.sampled_from(kinds))
    if kind == "pool":
        return ttfs.MinPool2d(**draw(windows(shape)), delay=delay, shape=shape)
    columns = draw(COLUMNS)
    if kind == "dense":
        inputs = int(np.prod(shape))
        own = draw(weights_and_threshold(inputs, columns, dtype, exact))
        return ttfs.Dense(inputs, columns, delay=delay, **own)
    window = draw(windows(shape))
    rows = window["kernel_size"][0] * window["kernel_size"][1] * shape[2]
    own = draw(weights_and_threshold(rows, columns, dtype, exact))
    layer = ttfs.Conv2d(columns, **window, delay=delay, shape=shape, **own)
    if layer.outputs > MOST:
        reject()
    return layer


@st.composite
def map_networks(
    draw, dtype=np.float32, responses=tuple(RESPONSES), exact=None, kinds=tuple(KINDS), most=4
):
    """Networks of 1 to 4 layers, at least one of which is a map.

    exact: whether all sums of weights are exact in float32.
    """
    shape = draw(SIDES), draw(SIDES), draw(st.sampled_from([1, 1, 2, 3]))
    exact = draw(st.booleans()) if exact is None else exact
    number, layers = draw(st.integers(1, most)), []
    try:
        for k in range(number):
            some = [one for one in kinds if k or one != "dense"] if number > 1 else kinds
            layers.append(draw(map_layers(layers[-1].gives if k else shape, dtype, exact, some)))
        psp, t_max = draw(st.sampled_from(responses)), draw(st.sampled_from(HORIZONS))
        return ttfs.Network(*layers, psp=psp, t_max=t_max, dtype=dtype, shape=shape)
    except InputError:  # a threshold that is too large for its ramps, or too small
        reject()
