"""One bit per synapse: the same spikes and potentials as with floats, and no float on the way."""

from itertools import pairwise

import numpy as np
import pytest
from cases import (
    PAIRS,
    SEEDS,
    any_times,
    binary_networks,
    compiled,
    dyadic_times,
    run,
    same_bits,
    same_record,
    signs,
)
from guarded import guarded, guarded_tuple, guards, in_own_process
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import forward_exact

import ttfs
from ttfs.engines.crossings import cross, cross_layers
from ttfs.kernels import batch as kernels
from ttfs.kernels import packed
from ttfs.network import buffers
from ttfs.network import network as networks
from ttfs.rules.lesson import Lesson

pytestmark = pytest.mark.small
INF = np.inf


def with_floats(network, times):
    """The record of the float path, as `forward` would give it."""
    found = cross_layers(network, network.arrays, times)
    ends = zip(network.arrays.units[:-1], network.sizes[1:], strict=True)
    layers = [found.spikes[:, start : start + size] for start, size in ends]
    return ttfs.Record((times, *layers), found.potential, found.additions)


@pytest.mark.parametrize(("dtype", "time_dtype"), PAIRS)
@given(data=st.data())
def test_bits_and_floats_give_the_same_record(dtype, time_dtype, data):
    network = data.draw(binary_networks(dtype))
    times = data.draw(dyadic_times(network, time_dtype))
    record = run(network, times)
    assert same_record(record, with_floats(network, times))
    assert same_bits(record.additions, with_floats(network, times).additions)


@given(data=st.data())
def test_binary_networks_equal_exact_arithmetic(data):
    network = data.draw(binary_networks(np.float64, mixed=False))
    times = data.draw(dyadic_times(network))
    network.scales[:] = 1
    for k, layer in enumerate(network.layers):
        first = network.arrays.units[k]
        kept = network.arrays.thresholds[first : first + layer.outputs]
        object.__setattr__(layer, "threshold", kept.copy())  # rounded as the network keeps it
    assert same_record(run(network, times), forward_exact(network, times))


@pytest.mark.parametrize("inputs", [1, 62, 63, 64, 127, 300])
@pytest.mark.parametrize("size", [1, 63, 64, 65, 130, 200])
def test_layers_of_every_width_and_any_number_of_events(inputs, size):
    rng = np.random.default_rng([inputs, size])
    layer = ttfs.Dense.of(
        signs(rng, (inputs, size)),
        weights=ttfs.Binary(scale=1),
        threshold=rng.uniform(0.1, np.sqrt(inputs) + 1, size),
        delay=0.25,
    )
    network = ttfs.Network(layer, t_max=100)
    times = [any_times(rng, kind, inputs, 100) for kind in ("uniform", "ties")]
    times = np.array([*times, np.ones(inputs)])
    assert same_record(run(network, times), with_floats(network, times))


@pytest.mark.parametrize("ups", [0, 1, 63, 64, 65, 127, 128, 129, 200])
def test_within_an_instant_a_potential_may_go_far_over_the_threshold_and_back(ups):
    rng = np.random.default_rng(ups)
    for downs in (0, 1, 62, 63, 64, 65, ups, ups + 1, 200, 400):
        weights = np.concatenate([np.ones(ups), -np.ones(downs), [1.0]])[:, None]
        layer = ttfs.Dense.of(weights, weights=ttfs.Binary(scale=1), threshold=1)
        network = ttfs.Network(layer)
        times = np.append(np.full(ups + downs, 3.0), 5.0)[None]
        record = run(network, times)
        expected = 3.0 if ups > downs else 5.0 if ups >= downs else INF
        assert record.times[1][0, 0] == expected
        shuffled = rng.permutation(ups + downs + 1)
        assert same_record(run(network, times), with_floats(network, times))
        other = ttfs.Network(ttfs.Dense.of(weights[shuffled], weights=ttfs.Binary(scale=1)))
        times = times[:, shuffled]
        assert same_record(run(other, times), with_floats(other, times))


@compiled
def test_more_inputs_than_two_bytes_can_count():
    weights = np.ones((70_000, 2))
    weights[65_000:, 1] = -1
    layer = ttfs.Dense.of(weights, weights=ttfs.Binary(scale=1), threshold=[69_999.5, 64_999.5])
    network = ttfs.Network(layer, t_max=1e6)
    times = np.arange(70_000.0)[None]
    record = run(network, times)
    assert record.times[1].tolist() == [[69_999, 64_999]]
    assert record.potential.tolist() == [[70_000, 65_000]]
    assert same_record(record, with_floats(network, times))


# Whole thresholds


@pytest.mark.parametrize(
    ("threshold", "whole"),
    [(0.5, 1), (1, 1), (1.0000001, 2), (-0.5, 0), (-0.0, 0), (0.0, 0), (-1.5, -1), (1e-30, 1)],
)
def test_a_whole_potential_is_over_a_threshold_if_it_is_over_the_next_whole_number(
    threshold, whole
):
    found = buffers.whole_thresholds(np.array([threshold]))
    assert found.dtype == np.int32
    assert found[0] == whole


@pytest.mark.parametrize("threshold", [INF, np.nan, 1e20, 3e38])
def test_a_threshold_out_of_reach_is_never_reached(threshold):
    assert buffers.whole_thresholds(np.array([threshold]))[0] > networks.MOST_INPUTS


def test_a_threshold_far_below_zero_is_always_reached():
    for threshold in (-INF, -1e20):
        assert buffers.whole_thresholds(np.array([threshold]))[0] < -networks.MOST_INPUTS


# Bits follow signs


def bits_of(network, layer):
    """The signs of a layer as bools, read bit by bit."""
    words = network.padded_signs(layer)
    columns = range(network.sizes[layer + 1])
    return np.array([[int(row[j // 64]) >> j % 64 & 1 for j in columns] for row in words], bool)


@pytest.mark.parametrize("sizes", [(3, 1), (5, 64, 65), (2, 130, 16)])
def test_bits_are_the_signs(sizes):
    layers = [ttfs.Dense(m, n, weights=ttfs.Binary()) for m, n in pairwise(sizes)]
    network = ttfs.Network(*layers)
    for k in range(len(layers)):
        network.latents[k][:] = signs(np.random.default_rng(k), network.latents[k].shape)
        network.latents[k][0, 0] = -0.0
        network.refresh(k)
        assert same_bits(bits_of(network, k), network.weights[k] > 0)
        assert bits_of(network, k)[0, 0]


def test_latents_that_are_not_numbers_count_as_minus_one_in_both():
    network = ttfs.Network(ttfs.Dense(2, 2, weights=ttfs.Binary()))
    network.latents[0][0, 0] = np.nan
    network.refresh(0)
    assert same_bits(bits_of(network, 0), network.weights[0] > 0)


def test_learning_changes_what_forward_reads():
    rng = np.random.default_rng(0)
    kind = ttfs.Binary(init=(-1, 2), scale=1)
    layers = [ttfs.Dense(20, 70, weights=kind), ttfs.Dense(70, 3, weights=kind)]
    network = ttfs.Network(*layers, t_max=16)
    data = rng.integers(0, 16, (30, 20)).astype(np.float32), rng.integers(0, 3, 30)
    before = network.arrays.signs.copy()
    ttfs.rules.S4NN().train(Lesson(network, *data, np.arange(30), 1, ttfs.SGD(), {}, 5.0))
    assert (network.arrays.signs != before).any()
    for k in range(2):
        assert same_bits(bits_of(network, k), network.weights[k] > 0)
    assert same_record(run(network, data[0]), with_floats(network, data[0]))


def test_layers_with_more_inputs_than_a_float_counts_are_not_packed(monkeypatch):
    network = ttfs.Network(ttfs.Dense(9, 4, weights=ttfs.Binary()), ttfs.Dense(4, 2))
    assert network.packed.tolist() == [True, False]
    monkeypatch.setattr(networks, "MOST_INPUTS", 8)
    assert network.packed.tolist() == [False, False]


def test_bits_take_a_thirtysecond_of_the_weights():
    network = ttfs.Network(ttfs.Dense(784, 640, weights=ttfs.Binary()))
    assert 32 * network.arrays.signs.nbytes == network.arrays.weights.nbytes


# No float touches a potential


def test_potentials_are_whole_all_the_way():
    rng = np.random.default_rng(1)
    layers = [
        ttfs.Dense.of(signs(rng, shape), weights=ttfs.Binary(scale=1), threshold=3, delay=1)
        for shape in [(40, 130), (130, 10)]
    ]
    network = ttfs.Network(*layers, t_max=16)
    times = rng.integers(0, 20, (30, 40)).astype(np.float32)
    clean = run(network, times)
    arrays = network.packed_arrays
    assert (arrays.signs.dtype, arrays.wholes.dtype) == (np.uint64, np.int32)
    assert kernels.make_work(arrays, times).lacking.dtype == np.int32
    # whatever is computed from a NaN is one: neither weights nor thresholds are floats
    network.arrays.weights[:] = np.nan
    network.arrays.thresholds[:] = np.nan
    assert same_record(clean, run(network, times))
    assert np.isfinite(clean.times[2]).any()
    unused = np.full((30, 10), np.nan, np.float32)
    whole, heard = np.zeros((30, 10), np.int32), np.zeros((30, 2), np.int64)
    found = kernels.Found(np.empty((30, arrays.units[-1]), np.float32), unused, whole, heard)
    kernels.run(arrays, False, times, found, kernels.make_work(arrays, times), 0, 30)
    assert np.isnan(unused).all()
    assert same_bits(whole.astype(np.float32), clean.potential)


@pytest.mark.parametrize("per", ["one", "input", "pair"])
def test_delays_of_all_kinds_give_the_same_record_with_bits(per):
    rng = np.random.default_rng(3)
    delay = {"one": 0.5, "input": rng.integers(0, 3, 30), "pair": rng.integers(0, 3, (30, 70))}
    layers = [
        ttfs.Dense.of(
            signs(rng, (30, 70)), weights=ttfs.Binary(scale=1), threshold=2, delay=delay[per]
        ),
        ttfs.Dense.of(signs(rng, (70, 3)), weights=ttfs.Binary(scale=1), threshold=2),
    ]
    network = ttfs.Network(*layers, t_max=16)
    times = rng.integers(0, 16, (20, 30)).astype(np.float64)
    record = run(network, times)
    floats = [
        ttfs.Dense.of(w, threshold=layer.threshold, delay=layer.delay)
        for w, layer in zip(network.weights, layers, strict=True)
    ]
    assert same_record(record, run(ttfs.Network(*floats, t_max=16), times))


def test_ramps_are_not_packed():
    rng = np.random.default_rng(4)
    layer = ttfs.Dense.of(signs(rng, (9, 5)), weights=ttfs.Binary(scale=1), threshold=2)
    network = ttfs.Network(layer, psp=ttfs.Ramp(), t_max=16)
    times = rng.integers(0, 16, (5, 9)).astype(np.float64)
    real = ttfs.Network(ttfs.Dense.of(network.weights[0], threshold=2), psp=ttfs.Ramp(), t_max=16)
    assert same_bits(cross(network, times).spikes, cross(real, times).spikes)


# The kernel beside its twin


def marks_of(starts, places, signs, thresholds):
    """What `cross_packed` should mark: potentials by plain sums, the last event of an instant."""
    marked = {}
    potential = [0] * len(thresholds)
    for start, place in zip(starts, places, strict=True):
        for j in range(len(thresholds)):
            bit = int(signs[start + j // 64]) >> j % 64 & 1
            potential[j] += 1 if bit else -1
            marked[place, j] = potential[j] >= thresholds[j]
    return marked, potential


@settings(max_examples=40)
@given(seed=SEEDS, words=st.integers(1, 3), events=st.integers(0, 200))
def test_marks_are_those_of_plain_sums(seed, words, events):
    rng = np.random.default_rng(seed)
    layer = ttfs.Dense.of(signs(rng, (20, 64 * words)), weights=ttfs.Binary(scale=1))
    network = ttfs.Network(ttfs.Dense(999, 20), layer)
    arrays = network.packed_arrays
    work = kernels.make_work(arrays, np.empty((1, 999)))
    thresholds = rng.integers(-100, 100, 64 * words)
    first, last = arrays.words[1:3]
    work.lacking[first:last] = thresholds.reshape(words, 64) - 1
    work.starts[:events] = rng.integers(0, 20, events) * words
    work.places[:events] = np.cumsum(rng.random(events) < 0.5) * 8
    packed.cross_packed(arrays, 1, (0, words), events, work)
    expected, potential = marks_of(
        work.starts[:events], work.places[:events], arrays.signs, thresholds
    )
    for (place, j), over in expected.items():
        assert int(work.marks[place + j // 64]) >> j % 64 & 1 == over
    assert same_bits(work.lacking[first:last].ravel(), np.int32(thresholds - potential - 1).ravel())


# Memory


def run_guarded(at):
    """Samples in memory that ends the process when left."""
    for sizes in [(1, 1), (3, 16, 17), (2, 64, 64), (70, 1, 70), (9, 300, 10), (300, 130, 65)]:
        rng = np.random.default_rng(0)
        layers = [
            ttfs.Dense.of(signs(rng, shape), weights=ttfs.Binary(scale=1), threshold=1)
            for shape in pairwise(sizes)
        ]
        network = ttfs.Network(*layers, t_max=2000)
        times = np.array([rng.permutation(1000)[: sizes[0]], np.zeros(sizes[0])])
        record = ttfs.forward(network, times)
        arrays = guarded_tuple(network.packed_arrays, at)
        work = guarded_tuple(kernels.make_work(arrays, times), at)
        for early in (False, True):
            found = kernels.Found(
                guarded(np.empty((2, arrays.units[-1])), at),
                np.empty((2, 0), np.float32),
                guarded(np.empty((2, sizes[-1]), np.int32), at),
                guarded(np.empty((2, len(layers)), np.int64), at),
            )
            for s in range(2):
                for scratch in work[:-1]:  # but for the strides
                    scratch.view(np.uint8)[...] = 255  # what a former sample left
                row = guarded(times[s], at)
                end = kernels.run_sample(arrays, row, early, work, found.spikes[s])
                kernels.finish(arrays, early, end, work, found.spikes[s], found, s)
            if not early:
                assert same_bits(found.whole.astype(np.float32), record.potential)


@guards
@pytest.mark.parametrize("at", ["start", "end"])
def test_kernels_stay_within_their_arrays(at):
    child = in_own_process("test_packed", "run_guarded", at)
    assert child.returncode == 0, child.stderr
