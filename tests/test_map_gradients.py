"""Derivatives of spike times through layers of maps: windows, shared weights, first spikes."""

from math import prod

import numpy as np
import pytest
from cases import FLOATS, SEEDS, for_all_threads, same_bits
from cases_maps import windows
from hypothesis import assume, given
from hypothesis import strategies as st
from reference_maps import unrolled, window
from test_gradients import parts, quietly

import ttfs
from ttfs.engines import crossings as propagation
from ttfs.gradients import signals as module
from ttfs.network.delays import Delays

pytestmark = pytest.mark.small
INF = np.inf
RISES = [INF, 0.5, 3.0]
cross, forward = quietly(propagation.cross), quietly(ttfs.forward)
gradients, signals = quietly(module.gradients), quietly(module.signals)


def layer_on(rng, draw, shape):
    """A layer of any kind on top of a map, with weights that usually make it fire."""
    inputs = prod(shape)
    delay = rng.uniform(0.1, 1.5, [(), (inputs,)][rng.integers(2)])
    if delay.ndim and rng.random() < 0.5:
        delay = Delays("input", delay)
    kind = rng.choice(["conv", "conv", "pool", "dense"])
    if kind == "pool":
        return ttfs.MinPool2d(**draw(windows(shape)), delay=delay, shape=shape)
    columns, sizes = int(rng.integers(1, 4)), draw(windows(shape)) if kind == "conv" else None
    rows = prod(sizes["kernel_size"]) * shape[2] if sizes else inputs
    own = {
        "weights": ttfs.Real() if rng.random() < 0.6 else ttfs.Binary(scale=rng.uniform(0.3, 2)),
        "initial": rng.normal(0.8, 1, (rows, columns)),
        "threshold": rng.uniform(0.2, 1.5, () if rng.random() < 0.5 else columns),
        "delay": delay,
    }
    if sizes is None:
        return ttfs.Dense(inputs, columns, **own)
    return ttfs.Conv2d(columns, **sizes, shape=shape, **own)


@st.composite
def problems(draw, rise, dtype=float):
    """A random network of maps, stimuli (some silent), and derivatives by the outputs."""
    rng = np.random.default_rng(draw(SEEDS))
    shape = (*rng.integers(1, 6, 2).tolist(), int(rng.integers(1, 3)))
    layers = []
    for k in range(rng.integers(1, 5)):
        layers.append(layer_on(rng, draw, layers[-1].gives if k else shape))
    network = ttfs.Network(*layers, psp=ttfs.Ramp(rise), t_max=30, dtype=dtype, shape=shape)
    samples = rng.integers(1, 4)
    times = rng.uniform(0, 3, (samples, network.sizes[0]))
    times[rng.random(times.shape) < 0.1] = INF
    return network, times, rng.normal(size=(samples, network.sizes[-1])), rng


def far_from_floors(network, found):
    """Whether no spike of a ramp comes where its potential hardly rises."""
    for k, layer in enumerate(network.layers):
        units = slice(network.arrays.units[k], network.arrays.units[k] + layer.outputs)
        slopes = found.slopes[:, units][found.spikes[:, units] < INF]
        if not layer.pools and not (slopes > 0.1 * network.psp.unit / 3).all():
            return False
    return True


def causes_and_loss(network, times, errors):
    """A loss with these derivatives; and who was a cause of whom, whom each window hears first."""
    record, causes = forward(network, times), []
    for k, layer in enumerate(network.layers):
        there = unrolled(layer, network.weights[k])[1]
        below, spikes = record.times[k], record.times[k + 1]
        arrivals = below[:, :, None] + network.delays[k]
        if layer.pools:
            causes.append(np.where(there, arrivals, INF).argmin(axis=1))
        else:
            causes += [
                there & (arrivals + rise < spikes[:, None]) for rise in (0, network.psp.rise)
            ]
        causes.append(spikes < INF)
    outputs = record.times[-1]
    return np.sum(np.where(outputs < INF, outputs, 0) * errors), causes


def slope_along(case, array, direction, refresh):
    """The derivative of a loss as `array` moves in a direction, if no set of causes changes."""
    losses, kept, step = {}, array.copy(), 1e-4
    before = causes_and_loss(*case)[1]
    for steps in (-2, -1, 1, 2):
        array[...] = kept + steps * step * direction
        refresh()
        losses[steps], causes = causes_and_loss(*case)
        assume(all(np.array_equal(a, b) for a, b in zip(before, causes, strict=True)))
    array[...] = kept
    refresh()
    return (losses[-2] - 8 * losses[-1] + 8 * losses[1] - losses[2]) / (12 * step)


def knobs(case, found, what):
    """The arrays of one kind, the derivatives by them, and what to do after a change."""
    network, times, _ = case
    for k, layer in enumerate(network.layers):
        start = network.arrays.columns[k]
        thresholds = network.arrays.thresholds[start : start + layer.columns]
        nothing, refresh = (lambda: None), (lambda k=k: network.refresh(k))
        if what == "weights":
            yield network.handed(k), found.weights[k], nothing
        elif what == "thresholds":
            yield thresholds, found.thresholds[k] * network.scales[k], nothing
        elif what == "scales" and network.binary[k]:
            yield network.scales[k : k + 1], found.scales[k : k + 1], refresh
        elif what == "delays" and network.latent_delays[k] is not None:
            latents = network.latent_delays[k]
            yield latents, found.delays[k] * network.delay_slopes(k), refresh
        elif what == "delays":
            yield network.delays[k], found.delays[k], nothing
    if what == "times":
        yield times, found.times, lambda: None


@pytest.mark.parametrize("rise", RISES)
@pytest.mark.parametrize("what", ["weights", "thresholds", "scales", "delays", "times"])
@given(data=st.data())
def test_derivatives_are_those_that_differences_show(what, rise, data):
    *case, rng = data.draw(problems(rise))
    network, times, _ = case
    found = gradients(*case)
    assume(far_from_floors(network, cross(network, times)))
    for array, derivative, refresh in knobs(case, found, what):
        direction = rng.normal(size=array.shape)
        shown = slope_along(case, array, direction, refresh)
        scale = np.abs(derivative).sum()
        assert abs(shown - np.sum(derivative * direction)) <= 1e-6 * scale + 1e-9


def as_dense(network):
    """The same network with dense layers in place of convolutions; pools cannot be."""
    layers = [
        ttfs.Dense.of(
            unrolled(layer, network.weights[k])[0],
            threshold=np.resize(network.scaled_thresholds(k), layer.outputs),
            delay=network.delays[k][:, 0] if network.delayed[k] else layer.delay,
        )
        for k, layer in enumerate(network.layers)
    ]
    return ttfs.Network(*layers, psp=network.psp, t_max=network.t_max, dtype=network.dtype)


@pytest.mark.parametrize("rise", RISES)
@given(data=st.data())
def test_weights_that_are_shared_get_the_sum_of_those_of_the_dense_layer(rise, data):
    network, times, errors, _ = data.draw(problems(rise))
    assume(not any(layer.pools for layer in network.layers))
    assume(far_from_floors(network, cross(network, times)))
    found, dense = gradients(network, times, errors), gradients(as_dense(network), times, errors)
    np.testing.assert_allclose(found.times, dense.times, rtol=1e-9, atol=1e-9)
    for k, layer in enumerate(network.layers):
        shared = np.zeros(found.weights[k].shape)
        for j in range(layer.outputs):
            for i, row in window(layer, j):
                shared[row, j % layer.columns] += dense.weights[k][i, j]
        size = 1 + np.abs(shared).max(initial=0)
        np.testing.assert_allclose(found.weights[k], shared, rtol=0, atol=1e-9 * size)
        by_column = dense.thresholds[k].reshape(-1, layer.columns).sum(axis=0) / network.scales[k]
        np.testing.assert_allclose(found.thresholds[k], by_column, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(found.delays[k], dense.delays[k], rtol=1e-9, atol=1e-9)


def test_only_the_input_that_came_first_is_told_and_of_several_that_with_the_lowest_index():
    network = ttfs.Network(ttfs.MinPool2d(2), psp=ttfs.Ramp(), t_max=9, shape=(2, 4, 1))
    times = np.array([[3.0, 2.0, 4.0, INF, 2.0, 5.0, INF, 4.0], [INF] * 6 + [8.0, INF]])
    found = gradients(network, times, [[1.0, 2.0], [1.0, 2.0]])
    assert found.times.tolist() == [[0, 1, 2, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 2, 0]]
    assert found.weights[0].shape == (0, 1)
    assert found.delays[0].tolist() == [[5.0]]


def test_windows_that_overlap_tell_an_input_all_that_they_have_to_say():
    pool = ttfs.MinPool2d((1, 2), stride=1, padding=(0, 1), delay=0.1)
    network = ttfs.Network(pool, psp=ttfs.Ramp(), t_max=9, shape=(1, 3, 2))
    times = np.array([[3.0, INF, 2.0, 7.0, 4.0, 7.0]])
    found = gradients(network, times, [[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0]])
    assert found.times.tolist() == [[1, 0, 4 + 16, 8 + 32, 64, 128]]


def any_network(dtype, seed=0):
    """A convolution, a pool and another one, with many channels and few positions."""
    layers = (
        ttfs.Conv2d(19, 3, threshold=0.7, padding=1),
        ttfs.MinPool2d(2),
        ttfs.Conv2d(33, 2, threshold=1.1),
        ttfs.Dense(None, 4, threshold=1.0),
    )
    network = ttfs.Network(*layers, psp=ttfs.Ramp(), t_max=9, dtype=dtype, shape=(6, 6, 2))
    rng = np.random.default_rng(seed)
    for weights in network.weights:
        weights[:] = rng.normal(0.3, 0.5, weights.shape)
    return network


@pytest.mark.parametrize("dtype", FLOATS)
def test_any_number_of_threads_finds_the_same_bits(dtype):
    network, rng = any_network(dtype), np.random.default_rng(1)
    times, errors = rng.uniform(0, 3, (7, 72)).astype(dtype), rng.normal(size=(7, 4))
    assert any(w.any() for w in gradients(network, times, errors).weights)
    several = for_all_threads(lambda: parts(gradients(network, times, errors)))
    assert all(
        same_bits(a, b) for other in several[1:] for a, b in zip(several[0], other, strict=True)
    )


@given(data=st.data())
def test_single_precision_comes_close_to_double(data):
    network, times, errors, _ = data.draw(problems(INF))
    crossings = cross(network, times)
    assume(far_from_floors(network, crossings))
    single = ttfs.Network(
        *network.layers, psp=network.psp, t_max=network.t_max, shape=network.shapes[0]
    )
    assume((np.isinf(cross(single, times).spikes) == np.isinf(crossings.spikes)).all())
    both = (parts(gradients(n, times, errors)) for n in (network, single))
    for wanted, found in zip(*both, strict=True):
        size = 1 + np.abs(wanted).max(initial=0)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-4 * size)
