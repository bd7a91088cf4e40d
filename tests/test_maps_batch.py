"""Batches through layers of maps: bit for bit what each window says for itself."""

import numpy as np
import pytest
import reference_maps
from cases import (
    FLOATS,
    PAIRS,
    any_stimuli,
    dyadic_times,
    for_all_threads,
    run,
    same_bits,
    same_record,
)
from cases_maps import map_networks
from hypothesis import given, settings
from hypothesis import strategies as st

import ttfs
from ttfs.engines.crossings import cross

pytestmark = pytest.mark.small
INF = np.inf
every_pair = pytest.mark.parametrize(("dtype", "time_dtype"), PAIRS)
ENDLESS, JUMPS = [ttfs.Ramp()], [ttfs.Step()]


def drawn(data, dtype, time_dtype, **which):
    """A network of maps, and stimuli for it."""
    network = data.draw(map_networks(dtype, **which))
    stimuli = data.draw(st.sampled_from([any_stimuli, dyadic_times]))
    return network, data.draw(stimuli(network, time_dtype, most_samples=2))


@every_pair
@given(data=st.data())
def test_maps_equal_their_windows_one_by_one_in_every_bit(dtype, time_dtype, data):
    network, times = drawn(data, dtype, time_dtype)
    assert same_record(run(network, times), reference_maps.forward_maps(network, times))


@every_pair
@given(data=st.data())
def test_slopes_of_maps_equal_those_of_their_windows(dtype, time_dtype, data):
    network, times = drawn(data, dtype, time_dtype, responses=[ttfs.Ramp(), ttfs.Ramp(1.5)])
    with np.errstate(all="ignore"):
        found = cross(network, times)
    for k, slopes in enumerate(reference_maps.slopes_maps(network, times)):
        begin = network.arrays.units[k]
        assert same_bits(found.slopes[:, begin : begin + network.sizes[k + 1]], slopes)


@given(data=st.data())
def test_maps_equal_exact_arithmetic(data):
    network, times = drawn(data, np.float64, np.float64, exact=True)
    record = run(network, times)
    for number in range(len(times)):
        assert reference_maps.wrong(network, record, number) == []


@settings(max_examples=10)
@given(data=st.data())
def test_maps_give_the_same_bits_with_any_number_of_threads(data):
    network = data.draw(map_networks(most=3))
    times = np.random.default_rng(0).integers(0, 9, (40, network.sizes[0])) / 2
    first, *others = for_all_threads(lambda: run(network, times))
    assert all(same_record(first, other) for other in others)


def unrolled(network):
    """The same network, of dense layers: absent synapses have the weight 0."""
    layers = []
    for k, layer in enumerate(network.layers):
        full, _ = reference_maps.unrolled(layer, network.weights[k])
        threshold = np.tile(network.scaled_thresholds(k), layer.positions)
        layers.append(ttfs.Dense.of(full, threshold=threshold, delay=layer.delay))
    return ttfs.Network(*layers, psp=network.psp, t_max=network.t_max, dtype=network.dtype)


@every_pair
@given(data=st.data())
def test_a_convolution_is_the_dense_layer_of_its_matrix(dtype, time_dtype, data):
    kinds = ["conv", "dense"]
    network, times = drawn(data, dtype, time_dtype, responses=JUMPS, kinds=kinds)
    assert same_record(run(network, times), run(unrolled(network), times))


@given(data=st.data())
def test_a_pool_of_jumps_is_a_dense_layer_that_one_spike_suffices(data):
    network, times = drawn(data, np.float32, np.float32, responses=JUMPS, kinds=["pool"])
    found, dense = run(network, times), run(unrolled(network), times)
    assert all(same_bits(a, b) for a, b in zip(found.times, dense.times, strict=True))


@pytest.mark.parametrize("psp", [ttfs.Step(), ttfs.Ramp(), ttfs.Ramp(1.5)])
@given(seed=st.integers(0, 2**32 - 1), down=st.integers(0, 2), right=st.integers(0, 2))
def test_what_is_moved_below_moves_the_maps(psp, seed, down, right):
    rng = np.random.default_rng(seed)
    layers = [
        ttfs.Conv2d(3, 3, initial=rng.normal(0.3, 1, (9, 3)), threshold=1.0),
        ttfs.Conv2d(2, 2, initial=rng.normal(0.5, 1, (12, 2)), threshold=1.0, delay=0.5),
    ]
    network = ttfs.Network(*layers, shape=(12, 12, 1), psp=psp, t_max=9)
    image, moved = np.full((2, 1, 12, 12, 1), INF)
    image[0, 4:8, 4:8] = rng.random((4, 4, 1)) * 3
    moved[0, 4 + down : 8 + down, 4 + right : 8 + right] = image[0, 4:8, 4:8]
    maps = [run(network, times.reshape(1, -1)).times[-1] for times in (image, moved)]
    first, second = (times.reshape(network.shapes[-1]) for times in maps)
    assert same_bits(first[2:7, 2:7], second[2 + down : 7 + down, 2 + right : 7 + right])


@given(data=st.data())
def test_an_earlier_end_leaves_what_was_before_it(data):
    network, times = drawn(data, np.float32, np.float64)
    end = data.draw(st.sampled_from([0.5, 1.0, 3.0]))
    whole, early = run(network, times), None
    with np.errstate(all="ignore"):
        early = ttfs.forward(network, times, until=end)
    for all_times, some in zip(whole.times, early.times, strict=True):
        assert same_bits(np.where(all_times < end, all_times, INF), some)


@given(data=st.data())
def test_a_decision_is_that_of_the_whole_run(data):
    network, times = drawn(data, np.float32, np.float64)
    with np.errstate(all="ignore"):
        early = ttfs.forward(network, times, until="decision")
    first = run(network, times).times[-1].min(axis=1)
    assert same_bits(early.times[-1].min(axis=1), first)


@given(data=st.data())
def test_additions_are_the_synapses_that_spikes_reach(data):
    network, times = drawn(data, np.float32, np.float64, responses=JUMPS)
    record = run(network, times)
    for k, layer in enumerate(network.layers):
        _, there = reference_maps.unrolled(layer, network.weights[k])
        arrives = record.times[k] + network.delays[k][:, 0]
        heard = arrives.astype(times.dtype) < network.t_max
        wanted = 0 if layer.pools else heard @ there.sum(axis=1)
        assert (record.additions[:, k] == wanted).all()


@pytest.mark.long
@settings(max_examples=10_000)
@given(data=st.data())
def test_ten_thousand_networks_of_maps_fire_the_same_in_both_engines_and_as_exact(data):
    number = data.draw(st.sampled_from(FLOATS))
    network, times = drawn(data, number, np.float64, exact=True)
    record = run(network, times)
    for number, row in enumerate(times):
        assert reference_maps.wrong(network, record, number) == []
        with np.errstate(all="ignore"):
            simulator = ttfs.Simulator(network, row)
            assert simulator.run() == "end"
        for k, layer in enumerate(record.times[1:], start=1):
            assert same_bits(simulator.times(k), layer[number])
        assert same_bits(simulator.potential(len(network.layers)), record.potential[number])
