"""`ttfs.forward` with ramp responses."""

import numpy as np
import pytest
from cases import (
    FLOATS,
    GRIDS,
    PALETTES,
    SEEDS,
    dyadic_networks,
    dyadic_times,
    run,
    same_bits,
    same_record,
    with_ramp,
)
from hypothesis import given
from hypothesis import strategies as st
from reference import forward_ramp, ramp_exact

import ttfs
from ttfs.errors import InputError

pytestmark = pytest.mark.small
INF = np.inf
RISES = st.sampled_from([INF, 0.25, 1.0, 2.5, 1000.0])
WIDTHS = [1, 15, 16, 17, 63, 64, 65, 80, 128, 130]


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
