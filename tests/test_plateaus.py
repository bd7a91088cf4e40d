"""Ramps that end exactly at the threshold, or a rounding beside it."""

from fractions import Fraction

import numba
import numpy as np
import pytest
from cases import FLOATS, PAIRS, compiled, run, same_bits, times_for
from hypothesis import given
from hypothesis import strategies as st
from reference_rational import wrong

import ttfs
from ttfs.kernels import rest

pytestmark = pytest.mark.small
INF = np.inf
RISES = [0.25, 0.5, 1.0, 1.75, 3.3, 0.1, 7.0]
KINDS = ["whole", "units", "quarters", "signs", "sparse"]
FEW = 40  # networks for each kind of weights and each pair of dtypes


def drawn_weights(rng, kind, shape):
    """Weights whose sums are exact."""
    return {
        "whole": rng.integers(-2, 5, shape),
        "units": np.ones(shape),
        "quarters": rng.integers(-8, 20, shape) / 4,
        "signs": rng.choice([-1, 1, 1], shape),
        "sparse": rng.integers(-1, 3, shape) * rng.integers(0, 2, shape),
    }[kind].astype(float)


def drawn_delay(rng, inputs, outputs):
    """Mostly one delay, else one for each input or pair."""
    shape = [(), (), (inputs,), (inputs, outputs)][rng.integers(4)]
    return rng.choice([0, 0, 0.3, 1.0], shape) if shape else float(rng.choice([0, 0, 0.3, 1.0]))


def drawn_layer(rng, kind, inputs, outputs):
    """A layer whose thresholds are sums of some of its weights."""
    weights = drawn_weights(rng, kind, (inputs, outputs))
    chosen = rng.random(weights.shape) < rng.choice([0.4, 0.7, 1.0])
    sums = np.sum(weights * chosen, axis=0)
    thresholds = np.where(sums > 0, sums, rng.integers(1, 4, outputs))
    bits = {"weights": ttfs.Binary(scale=1.0)} if kind == "signs" and rng.random() < 0.5 else {}
    delay = drawn_delay(rng, inputs, outputs)
    return ttfs.Dense.of(weights, threshold=thresholds, delay=delay, **bits)


def drawn(rng, kind, dtype, time_dtype):
    """A network, and stimuli that are on no grid."""
    sizes = rng.integers(1, 7, rng.integers(2, 6)).tolist()
    layers = [drawn_layer(rng, kind, *ends) for ends in zip(sizes[:-1], sizes[1:], strict=True)]
    rise = rng.choice([*RISES, rng.uniform(0.05, 9)])
    t_max = float(rng.choice([27, 50, 1000]))
    network = ttfs.Network(*layers, psp=ttfs.Ramp(rise), t_max=t_max, dtype=dtype)
    times = rng.uniform(0, 20, (3, sizes[0])).astype(time_dtype)
    return network, np.where(rng.random(times.shape) < 0.1, time_dtype(INF), times)


def finished(network, times):
    """A simulator at its end."""
    with np.errstate(all="ignore"):
        simulator = ttfs.Simulator(network, times)
        simulator.run()
    return simulator


def judge(kind, seeds, pair):
    """No neuron of these networks is wrong, and the simulator gives the same bits."""
    for seed in seeds:
        network, times = drawn(np.random.default_rng([KINDS.index(kind), seed]), kind, *pair)
        record = run(network, times)
        assert [wrong(network, record, s) for s in range(len(times))] == [[]] * len(times)
        simulator = finished(network, times[0])
        for k, layer in enumerate(record.times):
            assert same_bits(simulator.times(k), layer[0])


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("kind", KINDS)
def test_no_neuron_misses_a_threshold_that_is_a_sum_of_weights(kind, pair):
    judge(kind, range(FEW), pair)


@pytest.mark.long
@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("kind", KINDS)
def test_no_neuron_of_ten_thousand_networks_misses_a_threshold(kind, pair):
    judge(kind, range(FEW, FEW + 10_000 // (len(KINDS) * len(PAIRS))), pair)


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_plateau_that_equals_the_threshold_is_reached_when_the_last_ramp_ends(dtype):
    layer = ttfs.Dense.of([[0.5], [1.25]], threshold=1.75)
    network = ttfs.Network(layer, psp=ttfs.Ramp(1.75), t_max=27, dtype=dtype)
    times = np.float32([[4.369791746139526, 4.157670497894287]]).astype(times_for(dtype)[0])
    last = float(times[0, 0]) + 1.75
    assert run(network, times).times[1].tolist() == [[last]]
    simulator = finished(network, times[0])
    assert simulator.times(1).tolist() == [last]


@pytest.mark.parametrize("weights", [ttfs.Real(), ttfs.Binary(scale=1.0)])
@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("inputs", [2, 5, 50, pytest.param(500, marks=compiled)])
def test_unit_weights_that_add_up_to_the_threshold_fire_at_the_last_end(inputs, pair, weights):
    dtype, kind = pair
    layer = ttfs.Dense.of(np.ones((inputs, 70)), threshold=inputs, weights=weights)
    network = ttfs.Network(layer, psp=ttfs.Ramp(0.5), t_max=27, dtype=dtype)
    times = np.random.default_rng(inputs).uniform(0, 20, (20, inputs)).astype(kind)
    last = (times.max(axis=1) + 0.5).astype(kind)
    assert same_bits(run(network, times).times[1], np.tile(last[:, None], 70))


ROUGH = {  # weights, threshold, rise, arrivals, precision of weights and of times, the spike
    "a ramp ends as another begins": ([2, 3], 3, 0.1, [0.1, 0], float, float, 0.1),
    "a ramp that ended is none": ([2, 2, 2], 3, 1.0, [0.8, 0.9, 0.1], float, float, 1.1),
    "a plateau a hundredth below": (
        [0.8, 0.3, 0.6],
        1.71,
        1e-3,
        [82, 63, 82],
        np.float32,
        float,
        INF,
    ),
    "a great weight and a small one": ([10000, 5], 10000, 0.3, [0, 0.3], np.float32, float, 0.3),
    "a ramp as short as a rounding": (
        [2, 2],
        1,
        1e-5,
        [1000, 1000],
        np.float32,
        np.float32,
        1000.0,
    ),
    "a ramp far too short": ([2, 2], 1, 1e-40, [1, 1], np.float32, np.float32, 1.0),
    "a thousand at once": ([1] * 1000, 1000, 1.0, [0.7] * 1000, float, float, 1.7),
    "five hundred at once": ([1] * 500, 500, 1.0, [0.9] * 500, np.float32, float, 1.9),
    "a rounding too high": (
        [1] * 1000,
        np.nextafter(1e3, INF),
        1.0,
        [0.1] * 1000,
        float,
        float,
        INF,
    ),
}
if numba.config.BOUNDSCHECK:  # for other dtypes kernels are not compiled
    pairs = {name: [np.dtype(kind) for kind in case[4:6]] for name, case in ROUGH.items()}
    ROUGH = {name: case for name, case in ROUGH.items() if pairs[name] == [*PAIRS[0]]}


@pytest.mark.parametrize("delay", ["one", "input", "pair"])
@pytest.mark.parametrize("case", ROUGH.values(), ids=ROUGH.keys())
def test_what_roundings_of_a_line_would_have_decided(case, delay):
    weights, threshold, rise, arrivals, dtype, kind, spike = case
    inputs = len(weights)
    delays = {"one": 0.0, "input": np.zeros(inputs), "pair": np.zeros((inputs, 1))}[delay]
    layer = ttfs.Dense.of(np.array(weights, float)[:, None], threshold=threshold, delay=delays)
    network = ttfs.Network(layer, psp=ttfs.Ramp(rise), t_max=1e6, dtype=dtype)
    times = np.array([arrivals], kind)
    assert run(network, times).times[1].tolist() == [[spike]]
    simulator = finished(network, times[0])
    assert simulator.times(1).tolist() == [spike]


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_threshold_a_rounding_above_the_sum_is_not_reached(dtype):
    inputs, times = 20, np.random.default_rng(0).uniform(0, 20, (50, 20))
    above = np.nextafter(dtype(inputs), dtype(INF))
    layer = ttfs.Dense.of(np.ones((inputs, 2)), threshold=[inputs, above])
    network = ttfs.Network(layer, psp=ttfs.Ramp(0.5), t_max=1e6, dtype=dtype)
    assert np.isfinite(run(network, times).times[1]).tolist() == [[True, False]] * 50


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_line_that_has_ended_creeps_to_no_threshold(dtype):
    rng = np.random.default_rng(0)
    weights = rng.normal(0.1, 1, (30, 40))
    thresholds = np.maximum(weights, 0).sum(axis=0) * 1.1
    network = ttfs.Network(
        ttfs.Dense.of(weights, threshold=thresholds), psp=ttfs.Ramp(0.3), t_max=1e30, dtype=dtype
    )
    times = rng.uniform(0, 20, (40, 30))
    assert np.isinf(run(network, times).times[1]).all()
    simulator = finished(network, times[0])
    assert np.isinf(simulator.times(1)).all()
    sums = np.add.accumulate(network.weights[0][np.argsort(times[0])])[-1]
    assert same_bits(simulator.potential(1), sums)
    assert same_bits(run(network, times[:1]).potential[0], sums)


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_plateau_that_begins_at_the_horizon_is_too_late(dtype):
    layer = ttfs.Dense.of([[0.7, 0.7], [1.1, 1.1], [1.2, 1.2]], threshold=[1.8, 3.0])
    times = np.array([[0.1, 0.3, 0.6]])
    end = times[0, -1] + 0.3
    for horizon, fires in ((end, False), (np.nextafter(end, INF), True)):
        network = ttfs.Network(layer, psp=ttfs.Ramp(0.3), t_max=horizon, dtype=float)
        record = run(network, times)
        assert np.isfinite(record.times[1][0, 1]) == (fires and not wrong(network, record, 0))


@pytest.mark.parametrize("what", ["weights", "times"])
@np.errstate(all="ignore")  # of which NumPy warns where nothing is compiled
def test_the_gradient_of_a_spike_at_a_plateau_is_that_of_the_ramp_before(what):
    layer = ttfs.Dense.of([[0.5], [1.25]], threshold=1.75)
    network = ttfs.Network(layer, psp=ttfs.Ramp(1.75), t_max=27, dtype=float)
    times = np.array([[4.3, 4.1]])
    found = ttfs.gradients.gradients(network, times, [[1.0]])
    spike = run(network, times).times[1][0, 0]
    if what == "weights":  # by more weight it comes sooner; by less not at all
        step = np.array([1e-7, 0])
        network.weights[0][:, 0] += step
        moved = run(network, times).times[1][0, 0]
        assert moved - spike == pytest.approx(step @ found.weights[0][:, 0], rel=1e-4)
    else:
        moved = run(network, times + np.array([[1e-7, 0]])).times[1][0, 0]
        assert moved - spike == pytest.approx(1e-7 * found.times[0, 0], rel=1e-4)


# Sums and products that lose nothing

NUMBERS = st.floats(-1e100, 1e100).filter(lambda x: x == 0 or abs(x) > 1e-100)


def fractions_of(pair):
    return Fraction(float(pair[0])) + Fraction(float(pair[1]))


@given(a=NUMBERS, b=NUMBERS)
def test_a_pair_is_the_exact_sum_or_product(a, b):
    assert fractions_of(rest.two_sum(a, b)) == Fraction(a) + Fraction(b)
    assert fractions_of(rest.two_product(a, b)) == Fraction(a) * Fraction(b)


@given(data=st.data())
def test_what_is_over_the_threshold_is_exact_to_the_last_bit(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    weights, arrivals = rng.normal(size=9) * 2.0 ** rng.integers(-9, 9, 9), rng.uniform(1, 2, 9)
    rise, threshold, summed = rng.uniform(0.1, 2), rng.uniform(1, 2), rng.uniform(1, 2)
    origin = float(data.draw(st.sampled_from(arrivals.tolist())))
    rising, exact = rest.nothing(), (Fraction(summed) - Fraction(threshold)) * Fraction(rise)
    for w, a in zip(weights.tolist(), arrivals.tolist(), strict=True):
        rising = rest.include(rising, w, a, a + rise, INF, (origin, 0.0), rise)
        exact -= Fraction(w) * max(Fraction(a) - Fraction(origin), 0)
    assert rest.excess(rising, summed, threshold, rise) == float(exact)
