"""What layers of maps are told, against plain loops over neurons and their windows."""

import numpy as np
import pytest
import reference_map_gradients as reference
from cases import FLOATS, SEEDS, same_bits
from cases_maps import SIDES, windows
from hypothesis import given
from hypothesis import strategies as st

import ttfs
from ttfs.gradients.causes import arrived_at, causes_of
from ttfs.gradients.windows import FirstArrived, after, first_at, padded
from ttfs.network.buffers import aligned_zeros

pytestmark = pytest.mark.small
INF = np.inf
COLUMNS = st.sampled_from([1, 2, 3, 16, 17, 33])
GRID = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, INF])


@st.composite
def problems(draw, dtype, pools=False, rise=INF):
    """A network of one layer of maps, times below, moments and gains, many of which are 0."""
    shape = draw(SIDES), draw(SIDES), draw(st.integers(1, 3))
    rng, columns = np.random.default_rng(draw(SEEDS)), draw(COLUMNS)
    sizes, delay = draw(windows(shape)), draw(st.sampled_from([0.0, 0.25]))
    if draw(st.booleans()):
        delay = rng.choice([0.0, 0.25, 0.5], int(np.prod(shape)))
    if pools:
        layer = ttfs.MinPool2d(**sizes, delay=delay)
    else:
        layer = ttfs.Conv2d(columns, **sizes, delay=delay, threshold=1.0)
    network = ttfs.Network(layer, psp=ttfs.Ramp(rise), t_max=3, dtype=dtype, shape=shape)
    if not pools:
        network.weights[0][:] = rng.normal(size=network.weights[0].shape)
    samples, outputs = int(rng.integers(1, 4)), network.sizes[1]
    times = rng.choice(GRID, (samples, network.sizes[0])).astype(dtype)
    until = rng.choice([-INF, 0.5, 1.0, 1.7, 2.0, 3.0], (samples, outputs)).astype(dtype)
    gains = (rng.normal(size=until.shape) * (rng.random(until.shape) < 0.4)).astype(dtype)
    return network, times, until, np.where(until > -INF, gains, 0).astype(dtype)


def arrivals_of(network, times):
    """When spikes arrive before the horizon."""
    arrivals = times + np.broadcast_to(network.delays[0][:, 0], times.shape[1])
    return np.where(arrivals < network.t_max, arrivals, INF).astype(times.dtype)


def filled(network, until, gains):
    """The same as rows of units, as causes take them."""
    return padded(network, 0, until, -INF), padded(network, 0, gains, 0)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("rise", [INF, 0.75])
@given(data=st.data())
def test_ramps_tell_weights_and_inputs_what_plain_loops_find(rise, dtype, data):
    network, times, until, gains = data.draw(problems(dtype, rise=rise))
    (layer,), causes = network.layers, causes_of(network, 0, times)
    told, arrivals = filled(network, until, gains), arrivals_of(network, times)
    weights = network.padded(network.arrays.weights, 0)
    found = aligned_zeros(weights.size, dtype).reshape(weights.shape)
    found[:] = 7
    with np.errstate(all="ignore"):
        causes.by_weights(*told, found)
    expected = reference.changes(layer, arrivals, (-rise, 0), until, gains)
    assert same_bits(found[:, : layer.columns], expected)
    assert not found[:, layer.columns :].any()
    below = np.full(times.shape, 7, dtype)
    with np.errstate(all="ignore"):
        causes.by_times(*told, weights, below)
    expected = reference.errors_below(layer, arrivals, rise, until, gains, network.weights[0])
    assert same_bits(below, expected)


@pytest.mark.parametrize("dtype", FLOATS)
@given(data=st.data())
def test_jumps_tell_weights_what_plain_loops_find(dtype, data):
    network, times, until, gains = data.draw(problems(dtype))
    (layer,), arrived = network.layers, arrived_at(network, 0, times)
    told, arrivals = filled(network, until, gains), arrivals_of(network, times)
    weights = network.padded(network.arrays.weights, 0)
    found, potential = np.empty_like(weights), np.empty_like(told[0])
    with np.errstate(all="ignore"):
        arrived.by_weights(*told, found)
        arrived.potentials(told[0], weights, potential)
    after = np.nextafter(until, dtype(INF))  # what comes at that very moment counts, too
    expected = reference.changes(layer, arrivals, (-1, -1), after, gains)
    assert same_bits(found[:, : layer.columns], expected)
    expected = reference.potentials_at(layer, arrivals, after, network.weights[0])
    assert same_bits(potential[:, : network.sizes[1]], expected)


@pytest.mark.parametrize("dtype", FLOATS)
def test_what_comes_at_a_moment_comes_before_the_next_number(dtype):
    tiny, rng = np.finfo(dtype).smallest_subnormal, np.random.default_rng(0)
    moments = np.array([0.0, -0.0, tiny, 1.0, 2.0, 1e30, *rng.uniform(0, 9, 100)], dtype)
    assert same_bits(after(moments), np.nextafter(moments, dtype(INF)))
    assert after(np.array([-INF, -1.0, INF], dtype)).tolist() == [-INF, -1, INF]


@pytest.mark.parametrize("dtype", FLOATS)
@given(data=st.data())
def test_jumps_tell_all_inputs_whether_they_have_arrived_or_not(dtype, data):
    network, times, until, gains = data.draw(problems(dtype))
    weights, below = network.padded(network.arrays.weights, 0), np.empty(times.shape, dtype)
    with np.errstate(all="ignore"):
        arrived_at(network, 0, times).by_times(*filled(network, until, gains), weights, below)
    given = np.zeros(times.shape, dtype), INF, np.full_like(until, INF), gains
    assert same_bits(below, reference.errors_below(network.layers[0], *given, network.weights[0]))


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("dtype", FLOATS)
@given(data=st.data())
def test_first_spikes_tell_who_came_first_and_silent_windows_nobody_or_all(silent, dtype, data):
    network, times, *_, rng = (*data.draw(problems(dtype, pools=True)), np.random.default_rng(0))
    with np.errstate(all="ignore"):
        spikes = np.ascontiguousarray(ttfs.forward(network, times).times[1])
    errors = rng.normal(size=spikes.shape).astype(dtype)
    found, kept = np.full(times.shape, 7, dtype), errors.copy()
    causes = first_at(network, 0, times)
    causes = FirstArrived(*causes) if silent else causes
    causes.by_times(spikes, errors, np.empty((0, 16), dtype), found)
    assert same_bits(errors, kept)
    given = network.layers[0], arrivals_of(network, times), spikes, errors
    assert same_bits(found, reference.handed_back(*given, silent))
