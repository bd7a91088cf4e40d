"""Random networks and stimuli for tests, and what "equal" means."""

from itertools import pairwise

import numba
import numpy as np
import pytest
from hypothesis import reject
from hypothesis import strategies as st

import ttfs
from ttfs.errors import InputError

compiled = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="takes long in plain Python")
# Dtypes of weights and times. All kernels are compiled anew for each pair, so where bounds are
# checked there is only the pair that most tests have anyway, as dtypes make no index wrong. The
# rarest pair is compared where nothing is compiled, which takes long, and alone there.
RAREST = np.float64, np.float32
if numba.config.DISABLE_JIT:
    PAIRS = [RAREST]
elif numba.config.BOUNDSCHECK:
    PAIRS = [(np.float32, np.float64)]
else:
    PAIRS = [(np.float32, np.float32), (np.float32, np.float64), (np.float64, np.float64)]
FLOATS = list(dict.fromkeys(dtype for dtype, _ in PAIRS))
MIXED = [pair for pair in PAIRS if pair[0] != pair[1]]


def times_for(weights):
    """The dtypes of times that tests have beside weights of a dtype."""
    return [times for dtype, times in PAIRS if dtype == weights] or [np.float64]


TIMES = times_for(np.float32)
SEEDS = st.integers(0, 2**32 - 1)
NARROW = st.integers(1, 9)
WIDE = st.sampled_from([15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 70])


def same_bits(a, b):
    """Whether two arrays agree in dtype, shape and every bit; a NaN is a NaN."""
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    bits = f"u{a.dtype.itemsize}"
    nan = np.isnan(a) if a.dtype.kind == "f" else np.zeros(a.shape, bool)
    equal = np.ascontiguousarray(a).view(bits) == np.ascontiguousarray(b).view(bits)
    return bool(np.all(equal | (nan & (a != a) & (b != b))))


def same_record(first, second):
    """Whether two records agree in every bit; their inputs are not compared."""
    pairs = zip(first.times[1:], second.times[1:], strict=True)
    return all(same_bits(a, b) for a, b in pairs) and same_bits(first.potential, second.potential)


def run(network, times):
    """`ttfs.forward`; sums may overflow, of which NumPy warns if nothing is compiled."""
    with np.errstate(all="ignore"):
        return ttfs.forward(network, times)


def for_all_threads(job):
    """What `job` returns with 1, 2 and all threads; the test is skipped where that is all one."""
    before, most = numba.get_num_threads(), numba.config.NUMBA_NUM_THREADS
    if most < 2:
        pytest.skip("this machine has one thread: there is nothing to compare")
    if numba.config.DISABLE_JIT:
        pytest.skip("nothing is compiled: there are no threads to compare")
    found = []
    try:
        for threads in sorted({1, 2, most}):
            numba.set_num_threads(threads)
            found.append(job())
    finally:
        numba.set_num_threads(before)
    return found


# Numbers whose sums are exact in float32

QUARTERS = np.arange(-12, 17) / 4
PALETTES = {
    "mixed": QUARTERS,
    "signs": np.array([-1.0, 1.0]),
    "sparse": np.array([0.0, 0.0, 0.0, 2.0, -1.0]),
    "equal": np.array([0.5]),
    "negative": -np.arange(1, 9) / 4,
    "zero": np.array([0.0]),
    "excitatory": np.arange(0, 9) / 4,
}
GRIDS = {
    "steps": np.arange(12.0),
    "halves": np.arange(24) / 2,
    "at once": np.array([0.0]),
    "two": np.array([1.0, 3.0]),
    "with silence": np.array([0.0, 1.0, 2.0, 5.0, 7.75, 8.0, 100.0, np.inf]),
    "silent": np.array([np.inf, 300.0]),
    "minus zero": np.array([-0.0, 0.0, 1.0]),
}
HORIZONS = [8.0, 7.5, 1.0, 256.0]
DELAYS = [0.0, 0.5, 1.0, 2.25]


@st.composite
def layer_sizes(draw, most_layers=3):
    """Sizes of a network, the input first; at most two of them wide."""
    sizes = draw(st.lists(NARROW, min_size=2, max_size=most_layers + 1))
    for _ in range(draw(st.integers(0, 2))):
        sizes[draw(st.integers(0, len(sizes) - 1))] = draw(WIDE)
    return sizes


@st.composite
def thresholds(draw, size):
    """One threshold for a layer, or one for each of its neurons; in quarters."""
    if draw(st.booleans()):
        return draw(st.sampled_from([0.25, 1.0, 2.0, 3.75, 10.0]))
    return np.random.default_rng(draw(SEEDS)).integers(1, 20, size) / 4


@st.composite
def dyadic_networks(draw, dtype=np.float32, delays=DELAYS, t_max=None, palettes=tuple(PALETTES)):
    """Networks whose potentials are exact, whatever the order of the additions."""
    sizes = draw(layer_sizes())
    rng = np.random.default_rng(draw(SEEDS))
    layers = [
        ttfs.Dense.of(
            rng.choice(PALETTES[draw(st.sampled_from(palettes))], (below, size)),
            threshold=draw(thresholds(size)),
            delay=draw(st.sampled_from(delays)),
        )
        for below, size in zip(sizes[:-1], sizes[1:], strict=True)
    ]
    horizon = t_max or draw(st.sampled_from(HORIZONS))
    return ttfs.Network(*layers, t_max=horizon, dtype=dtype)


@st.composite
def dyadic_times(draw, network, dtype=np.float64, grids=tuple(GRIDS), most_samples=3):
    """Stimuli (samples, inputs) on a coarse grid, so that many times are equal."""
    rng = np.random.default_rng(draw(SEEDS))
    samples = draw(st.integers(0, most_samples))
    rows = [
        rng.choice(GRIDS[draw(st.sampled_from(grids))], network.sizes[0]) for _ in range(samples)
    ]
    return np.array(rows, dtype).reshape(samples, network.sizes[0])


# Numbers of any size, whose sums are not exact


def any_weights(rng, kind, shape, dtype):
    """Finite weights; `kind` is the name of one of the recipes."""
    top = np.finfo(dtype).max
    normal = rng.standard_normal(shape)
    if kind == "tiny":  # below the smallest normal number
        return normal * float(np.finfo(dtype).tiny) / 8
    if kind == "huge":  # sums overflow
        return np.clip(normal / 2, -1, 1) * float(top)
    if kind == "all sizes":
        low, high = np.log2(float(np.finfo(dtype).tiny)) - 8, np.log2(float(top)) - 4
        return normal * np.exp2(rng.uniform(low, high, shape))
    if kind == "near":  # what is lost depends on the order of the additions
        return normal * np.exp2(rng.uniform(-12, 12, shape))
    return normal


def any_times(rng, kind, shape, t_max):
    """Times from 0 on, not on any grid; `kind` is the name of one of the recipes."""
    if kind == "ties":
        return rng.choice(np.append(rng.uniform(0, t_max, 5), [-0.0, np.inf, t_max]), shape)
    if kind == "late":
        return rng.uniform(0.5, 1.5, shape) * t_max
    if kind == "all sizes":
        return np.minimum(np.exp2(rng.uniform(-1074, 10, shape)), 3e38)
    if kind == "neighbours":  # a delay makes them equal
        return t_max / 2 * (1 + rng.integers(0, 9, shape) * 2.0**-24)
    return rng.uniform(0, t_max, shape)


WEIGHT_KINDS = ["normal", "near", "huge", "tiny", "all sizes"]
TIME_KINDS = ["uniform", "ties", "late", "all sizes", "neighbours"]
FLOAT_DELAYS = [0.0, 0.1, 1 / 3, 1.0, 1e-9]


@st.composite
def any_networks(draw, dtype=np.float32):
    """Networks with arbitrary finite weights and positive thresholds."""
    sizes = draw(layer_sizes())
    rng = np.random.default_rng(draw(SEEDS))
    layers = []
    for below, size in zip(sizes[:-1], sizes[1:], strict=True):
        weights = any_weights(rng, draw(st.sampled_from(WEIGHT_KINDS)), (below, size), dtype)
        typical = float(np.abs(weights).max()) / 2
        least = float(np.finfo(dtype).smallest_subnormal)
        layers.append(
            ttfs.Dense.of(
                weights,
                threshold=max(typical * draw(st.sampled_from([1e-3, 0.7, 1.9])), least),
                delay=draw(st.sampled_from(FLOAT_DELAYS)),
            )
        )
    return ttfs.Network(*layers, t_max=draw(st.sampled_from([1.0, 10.1, 256.0])), dtype=dtype)


@st.composite
def any_stimuli(draw, network, dtype=np.float64, most_samples=3):
    """Stimuli (samples, inputs) with times of any kind."""
    rng = np.random.default_rng(draw(SEEDS))
    samples = draw(st.integers(0, most_samples))
    kinds = [draw(st.sampled_from(TIME_KINDS)) for _ in range(samples)]
    rows = [any_times(rng, kind, network.sizes[0], network.t_max) for kind in kinds]
    return np.array(rows).astype(dtype).reshape(samples, network.sizes[0])


# Delays of inputs and pairs, and all responses

DELAY_KINDS = ["one", "input", "pair"]
RESPONSES = [ttfs.Step(), ttfs.Ramp(), ttfs.Ramp(0.25), ttfs.Ramp(2.5), ttfs.Ramp(1000.0)]


@st.composite
def delayed_layer(draw, inputs, outputs, dtype, exact):
    """A layer with delays of any kind; all of its sums are exact if wanted."""
    rng, shape = np.random.default_rng(draw(SEEDS)), (inputs, outputs)
    several = {"one": (), "input": (inputs,), "pair": shape}[draw(st.sampled_from(DELAY_KINDS))]
    if exact:
        weights = rng.choice(PALETTES[draw(st.sampled_from(sorted(PALETTES)))], shape)
        threshold, delay = draw(thresholds(outputs)), rng.choice(DELAYS, several)
    else:
        weights = any_weights(rng, draw(st.sampled_from(WEIGHT_KINDS)), shape, dtype)
        typical = float(np.abs(weights).max()) * draw(st.sampled_from([1e-3, 0.35, 1.0]))
        threshold = max(typical, float(np.finfo(dtype).smallest_subnormal))
        delay = rng.choice([*FLOAT_DELAYS, *rng.uniform(0, 1, 3)], several)
    return ttfs.Dense.of(weights, threshold=threshold, delay=delay)


@st.composite
def delayed_networks(draw, dtype=np.float32, responses=tuple(RESPONSES), exact=None):
    """Networks whose layers have delays of all kinds."""
    sizes = draw(st.lists(st.sampled_from([1, 2, 3, 5, 8, 17]), min_size=2, max_size=4))
    if draw(st.integers(0, 5)) == 0:
        sizes[0] = 50
    exact = draw(st.booleans()) if exact is None else exact
    layers = [draw(delayed_layer(*ends, dtype, exact)) for ends in pairwise(sizes)]
    psp, t_max = draw(st.sampled_from(responses)), draw(st.sampled_from([1.0, 7.5, 256.0]))
    try:
        return ttfs.Network(*layers, psp=psp, t_max=t_max, dtype=dtype)
    except InputError:  # a threshold that is too large for its ramps
        reject()


# Ramps


def ramped(network, rise, dtype=None):
    """The same network, with ramps; an InputError where its thresholds do not fit."""
    layers = [
        ttfs.Dense.of(w, weights=layer.weights, threshold=layer.threshold, delay=layer.delay)
        for w, layer in zip(network.latents, network.layers, strict=True)
    ]
    settings = {"t_max": network.t_max, "dtype": dtype or network.dtype}
    return ttfs.Network(*layers, psp=ttfs.Ramp(rise), **settings)


def with_ramp(network, rise, dtype=None):
    """The same network, with ramps; another example is tried where its thresholds do not fit."""
    try:
        return ramped(network, rise, dtype)
    except InputError:
        reject()


# One bit


def signs(rng, shape):
    """Latent weights whose signs are drawn; some are 0, which counts as +1."""
    return rng.choice([-2.0, -0.5, 0.0, 0.25, 1.0], shape, p=[0.2, 0.2, 0.1, 0.2, 0.3])


@st.composite
def binary_networks(draw, dtype=np.float32, mixed=True):
    """Chains whose layers are binary, or at random real; thresholds are any real numbers."""
    sizes, rng = draw(layer_sizes()), np.random.default_rng(draw(SEEDS))
    layers = []
    for below, size in zip(sizes[:-1], sizes[1:], strict=True):
        kind = ttfs.Binary(scale=draw(st.sampled_from([0.3, 1, 2.5])))
        if mixed and draw(st.booleans()):
            kind = ttfs.Real()
        threshold = draw(
            st.sampled_from([1e-30, 0.5, 1, 1.0000001, 3, 4.7, 1e20, rng.uniform(0.1, 9, size)])
        )
        layers.append(
            ttfs.Dense.of(
                signs(rng, (below, size)),
                weights=kind,
                threshold=threshold,
                delay=draw(st.sampled_from([0, 0.5, 1])),
            )
        )
    horizon = draw(st.sampled_from([8.0, 7.5, 256.0]))
    return ttfs.Network(*layers, t_max=horizon, dtype=dtype)


# Trainings


def stimuli(samples, inputs, seed=0, dtype=np.float64):
    """Times in 0..1 with ties and silence."""
    rng = np.random.default_rng(seed)
    times = rng.choice([0.0, 0.25, 0.5, 1.0, np.inf], (samples, inputs))
    return np.where(rng.random(times.shape) < 0.5, rng.random(times.shape), times).astype(dtype)


def trained_by(
    make, rule, *, binary=False, seed=0, epochs=3, labels=None, samples=40, batch_size=8
):
    """A network that `make` has made after some epochs, and its history."""
    network = make((6, 20, 3), binary=binary, seed=seed, dtype=np.float32)
    times = stimuli(samples, 6, seed, np.float32)
    labels = np.arange(samples) % 3 if labels is None else labels
    trainer = ttfs.Trainer(network, rule, ttfs.Adam(lr=0.01), batch_size=batch_size)
    return network, trainer.fit(times, labels, epochs=epochs, validation=0)
