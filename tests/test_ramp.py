"""`ttfs.forward` with ramp responses."""

import numpy as np
import pytest
from cases import (
    FLOATS,
    GRIDS,
    PAIRS,
    PALETTES,
    SEEDS,
    any_networks,
    any_stimuli,
    dyadic_networks,
    dyadic_times,
    for_all_threads,
    run,
    same_bits,
    same_record,
)
from hypothesis import given, reject
from hypothesis import strategies as st
from reference import forward_ramp, ramp_exact

import ttfs
from ttfs.errors import InputError

pytestmark = pytest.mark.small
INF = np.inf
RISES = st.sampled_from([INF, 0.25, 1.0, 2.5, 1000.0])
WIDTHS = [1, 15, 16, 17, 63, 64, 65, 80, 128, 130]


def with_ramp(network, rise, dtype=None):
    """The same network, with ramps, if its thresholds are not too large for it."""
    try:
        return ramped(network, rise, dtype)
    except InputError:
        reject()


def ramped(network, rise, dtype):
    return ttfs.Network(
        *(
            ttfs.Dense.of(w, weights=layer.weights, threshold=layer.threshold, delay=layer.delay)
            for w, layer in zip(network.latents, network.layers, strict=True)
        ),
        psp=ttfs.Ramp(rise),
        t_max=network.t_max,
        dtype=dtype or network.dtype,
    )


@pytest.mark.parametrize(("dtype", "time_dtype"), PAIRS)
@given(data=st.data())
def test_networks_on_a_coarse_grid_equal_the_definition(dtype, time_dtype, data):
    network = with_ramp(data.draw(dyadic_networks(dtype)), data.draw(RISES))
    times = data.draw(dyadic_times(network, time_dtype))
    assert same_record(run(network, times), forward_ramp(network, times))


@pytest.mark.parametrize(("dtype", "time_dtype"), PAIRS)
@given(data=st.data())
def test_networks_of_any_numbers_equal_the_definition(dtype, time_dtype, data):
    rise = data.draw(st.sampled_from([INF, 1e-6, 0.1, 3.3, 1e6]))
    network = with_ramp(data.draw(any_networks(dtype)), rise)
    times = data.draw(any_stimuli(network, time_dtype))
    assert same_record(run(network, times), forward_ramp(network, times))


@pytest.mark.parametrize("size", WIDTHS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_layers_of_every_width_equal_the_definition(dtype, size):
    rng = np.random.default_rng(size)
    layers = [
        ttfs.Dense.of(
            rng.normal(0.3, 1, (below, size)), threshold=rng.uniform(1, 9, size), delay=0.5
        )
        for below in (30, size)
    ]
    network = ttfs.Network(*layers, psp=ttfs.Ramp(3), t_max=12, dtype=dtype)
    times = rng.choice([0.0, 1.0, 1.5, 6.0, 8.0, INF], (2, 30))
    record = run(network, times)
    assert same_record(record, forward_ramp(network, times))
    assert size == 1 or np.isfinite(record.times[-1]).any()


@given(data=st.data())
def test_a_layer_fires_at_the_nearest_number_to_the_exact_crossing(data):
    rng = np.random.default_rng(data.draw(SEEDS))
    weights = rng.choice(PALETTES[data.draw(st.sampled_from(sorted(PALETTES)))], (6, 4))
    times = rng.choice(GRIDS[data.draw(st.sampled_from(sorted(GRIDS)))], 6)
    rise, t_max = data.draw(RISES), data.draw(st.sampled_from([7.5, 256.0]))
    threshold = data.draw(st.sampled_from([0.25, 1.0, 3.0]))
    layer = ttfs.Dense.of(weights, threshold=threshold)
    network = ttfs.Network(layer, psp=ttfs.Ramp(rise), t_max=t_max, dtype=float)
    arrivals = [t if t < t_max else INF for t in times.tolist()]
    exact = [ramp_exact(w, arrivals, threshold, rise, t_max) for w in weights.T.tolist()]
    assert same_bits(run(network, times[None]).times[1][0], np.array([float(t) for t in exact]))


@given(data=st.data())
def test_short_ramps_come_close_to_steps(data):
    network = data.draw(dyadic_networks(np.float64, palettes=("mixed", "signs", "excitatory")))
    times = data.draw(dyadic_times(network))
    rise = 2.0**-20
    steps, ramps = run(network, times), run(with_ramp(network, rise), times)
    assert np.allclose(steps.times[1], ramps.times[1], atol=2 * rise, rtol=0)


def test_a_ramp_longer_than_the_horizon_is_one_without_end():
    rng = np.random.default_rng(0)
    weights, times = rng.integers(-3, 8, (20, 9)), rng.integers(0, 16, (5, 20)) / 2
    long = ttfs.Network(ttfs.Dense.of(weights, threshold=2.0), psp=ttfs.Ramp(16), t_max=9)
    endless = ttfs.Network(ttfs.Dense.of(weights, threshold=32.0), psp=ttfs.Ramp(), t_max=9)
    found = run(long, times).times[1]
    assert same_bits(found, run(endless, times).times[1])
    assert np.isfinite(found).any()


@given(data=st.data(), power=st.integers(-20, 20))
def test_a_power_of_two_in_weights_and_thresholds_changes_nothing(data, power):
    network = with_ramp(data.draw(dyadic_networks()), data.draw(RISES))
    times = data.draw(dyadic_times(network))
    factor = 2.0**power
    other = ttfs.Network(
        *(
            ttfs.Dense.of(
                w * np.float32(factor),
                threshold=np.asarray(layer.threshold) * factor,
                delay=layer.delay,
            )
            for w, layer in zip(network.weights, network.layers, strict=True)
        ),
        psp=network.psp,
        t_max=network.t_max,
    )
    for a, b in zip(run(network, times).times, run(other, times).times, strict=True):
        assert same_bits(a, b)


def in_company(data):
    """A network, 20 times a few samples, and the records of those alone."""
    network = with_ramp(data.draw(any_networks()), data.draw(RISES))
    times = data.draw(any_stimuli(network, most_samples=3))
    return network, np.tile(times, (20, 1)), [run(network, row[None]) for row in times]


def check_company(together, alone):
    for s, record in enumerate(alone):
        assert same_bits(together.times[-1][s], record.times[-1][0])
        assert same_bits(together.potential[s], record.potential[0])


@given(data=st.data())
def test_any_company_gives_the_same_bits(data):
    network, times, alone = in_company(data)
    check_company(run(network, times), alone)


@given(data=st.data())
def test_any_number_of_threads_and_any_company_give_the_same_bits(data):
    network, times, alone = in_company(data)
    for together in for_all_threads(lambda: run(network, times)):
        check_company(together, alone)


def test_potential_is_the_threshold_at_a_spike_and_a_point_of_the_line_in_silence():
    layer = ttfs.Dense.of([[1.0, 0.25]], threshold=2)
    network = ttfs.Network(layer, psp=ttfs.Ramp(), t_max=6)
    record = ttfs.forward(network, [[1.0]])
    assert record.times[1].tolist() == [[3.0, INF]]
    assert record.potential.tolist() == [[2.0, 1.25]]


@pytest.mark.parametrize("rise", [0, -1.0, np.nan, "long"])
def test_a_rise_must_be_above_zero(rise):
    with pytest.raises(InputError, match="rise"):
        ttfs.Ramp(rise)
