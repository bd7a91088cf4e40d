"""Derivatives of spike times, against differences and against what they must add up to."""

from itertools import pairwise

import numpy as np
import pytest
from cases import FLOATS, RESPONSES, SEEDS, delayed_networks, dyadic_networks, dyadic_times
from hypothesis import assume, given
from hypothesis import strategies as st

import ttfs
from ttfs.engines import crossings
from ttfs.errors import InputError, ShapeError
from ttfs.gradients import signals as module
from ttfs.network.delays import Delays

pytestmark = pytest.mark.small
INF = np.inf
RISES = [INF, 0.5, 3.0]
STEP = 1e-4  # of differences, which are taken at five points


def quietly(function):
    """The same, where NumPy would warn of inf in padding if nothing is compiled."""

    def call(*arguments, **settings):
        with np.errstate(all="ignore"):
            return function(*arguments, **settings)

    return call


forward, cross = quietly(ttfs.forward), quietly(crossings.cross)
gradients, signals = quietly(module.gradients), quietly(module.signals)


def layer_of(rng, inputs, outputs, plain):
    """A layer of any kind, with weights that usually make it fire."""
    weights = ttfs.Real() if rng.random() < 0.6 else ttfs.Binary(scale=rng.uniform(0.3, 2))
    shapes = [(), (inputs,), (inputs, outputs)]
    delay = rng.uniform(0.1, 1.5, () if plain else shapes[rng.integers(3)])
    if delay.ndim and rng.random() < 0.5:
        delay = Delays("input" if delay.ndim == 1 else "pair", delay)
    return ttfs.Dense.of(
        rng.normal(0.8, 1, (inputs, outputs)),
        weights=weights,
        threshold=rng.uniform(0.2, 1.5, () if rng.random() < 0.5 else outputs),
        delay=delay,
    )


def problem(seed, rise, plain=False):
    """A random network, stimuli (some silent), and derivatives of a loss by the outputs."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 6, rng.integers(2, 5)).tolist()
    layers = [layer_of(rng, *ends, plain) for ends in pairwise(sizes)]
    network = ttfs.Network(*layers, psp=ttfs.Ramp(rise), t_max=30, dtype=float)
    samples = rng.integers(1, 4)
    times = rng.uniform(0, 3, (samples, sizes[0]))
    times[rng.random(times.shape) < 0.1] = INF
    return network, times, rng.normal(size=(samples, sizes[-1])), rng


def loss_of(network, times, errors):
    """A loss with these derivatives; and which inputs had arrived, or risen, at which spikes."""
    record = forward(network, times)
    causes = []
    for k, (below, spikes) in enumerate(pairwise(record.times)):
        arrivals = below[:, :, None] + network.delays[k]
        causes += [arrivals < spikes[:, None, :], arrivals + network.psp.rise < spikes[:, None, :]]
        causes.append(spikes < INF)
    outputs = record.times[-1]
    return np.sum(np.where(outputs < INF, outputs, 0) * errors), causes


def parts(found):
    """All derivatives, as a list of arrays."""
    return [*found.weights, *found.thresholds, *found.delays, found.scales, found.times]


def difference(case, array, direction, refresh):
    """The derivative of a loss as `array` moves in a direction, if no set of causes changes."""
    losses, kept = {}, array.copy()
    before = loss_of(*case)[1]
    for steps in (-2, -1, 1, 2):
        array[...] = kept + steps * STEP * direction
        refresh()
        losses[steps], causes = loss_of(*case)
        assume(all(np.array_equal(a, b) for a, b in zip(before, causes, strict=True)))
    array[...] = kept
    refresh()
    return (losses[-2] - 8 * losses[-1] + 8 * losses[1] - losses[2]) / (12 * STEP)


def knobs(case, found, what):
    """The arrays of one kind, the derivatives by them, and what to do after a change."""
    network, times, _ = case
    for k in range(len(network.layers)):
        start, size = network.arrays.units[k], network.sizes[k + 1]
        thresholds = network.arrays.thresholds[start : start + size]
        unit = 1 / network.scales[k]  # of thresholds in kernels
        nothing = lambda: None  # noqa: E731
        refresh = lambda k=k: network.refresh(k)  # noqa: E731
        if what == "weights":
            yield network.handed(k), found.weights[k], nothing
        elif what == "thresholds":
            yield thresholds, found.thresholds[k] / unit, nothing
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
@given(seed=SEEDS)
def test_derivatives_are_those_that_differences_show(what, rise, seed):
    *case, rng = problem(seed, rise)
    network, times, _ = case
    found, crossings = gradients(*case), cross(network, times)
    fired = crossings.spikes < INF
    assume((crossings.slopes[fired] > 0.1 * network.psp.unit / 3).all())
    for array, derivative, refresh in knobs(case, found, what):
        direction = rng.normal(size=array.shape)
        shown = difference(case, array, direction, refresh)
        scale = np.abs(derivative).sum()
        assert abs(shown - np.sum(derivative * direction)) <= 1e-6 * scale + 1e-9


@pytest.mark.parametrize("plain", [True, False])
@given(seed=SEEDS)
def test_a_later_stimulus_makes_an_output_just_as_much_later(plain, seed):
    network, times, _, _ = problem(seed, INF, plain)
    crossings = cross(network, times)
    fired = crossings.spikes < INF
    assume((crossings.slopes[fired] > 0.01).all())
    for j in range(network.sizes[-1]):
        errors = np.zeros((len(times), network.sizes[-1]))
        errors[:, j] = 1
        by_times = gradients(network, times, errors).times
        fires = crossings.spikes[:, network.arrays.units[-2] + j] < INF
        rounding = 1e-10 * (1 + np.abs(by_times).sum(axis=1) ** 2)
        assert (np.abs(by_times.sum(axis=1) - fires) <= rounding).all()


@pytest.mark.parametrize("rise", RISES)
@given(seed=SEEDS)
def test_one_delay_and_as_many_equal_ones_have_the_same_gradients(rise, seed):
    network, times, errors, _ = problem(seed, rise, plain=True)
    found = gradients(network, times, errors)
    for per in ("input", "pair"):
        layers = [
            ttfs.Dense.of(
                latents,
                weights=layer.weights,
                threshold=layer.threshold,
                delay=np.full(latents.shape[: 1 if per == "input" else 2], layer.delay),
            )
            for layer, latents in zip(network.layers, network.latents, strict=True)
        ]
        several = ttfs.Network(*layers, psp=network.psp, t_max=network.t_max, dtype=float)
        other = gradients(several, times, errors)
        for name in ("weights", "thresholds"):
            for mine, yours in zip(getattr(found, name), getattr(other, name), strict=True):
                np.testing.assert_allclose(mine, yours, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(found.times, other.times, rtol=1e-9, atol=1e-9)
        for one, many in zip(found.delays, other.delays, strict=True):
            assert one.shape == (1, 1)
            np.testing.assert_allclose(one.sum(), many.sum(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("rise", RISES)
@given(seed=SEEDS)
def test_single_precision_comes_close_to_double(rise, seed):
    network, times, errors, _ = problem(seed, rise)
    crossings = cross(network, times)
    assume((crossings.slopes[crossings.spikes < INF] > 0.1 * network.psp.unit / 3).all())
    single = ttfs.Network(*network.layers, psp=network.psp, t_max=network.t_max)
    assume((np.isinf(cross(single, times).spikes) == np.isinf(crossings.spikes)).all())
    both = (parts(gradients(n, times, errors)) for n in (network, single))
    for wanted, found in zip(*both, strict=True):
        assert found.shape == wanted.shape
        size = 1 + np.abs(wanted).max(initial=0)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-4 * size)


@pytest.mark.parametrize("dtype", FLOATS)
@given(data=st.data())
def test_gradients_are_finite_for_silence_ties_and_flat_potentials(dtype, data):
    kinds = st.sampled_from([True, False])
    ramps = RESPONSES[1:]
    if data.draw(kinds):
        network = data.draw(delayed_networks(dtype, ramps, exact=True))
    else:
        steps = data.draw(dyadic_networks(dtype))
        rise = data.draw(st.sampled_from(ramps))
        network = ttfs.Network(*steps.layers, psp=rise, t_max=steps.t_max, dtype=dtype)
    times = data.draw(dyadic_times(network))
    errors = np.random.default_rng(data.draw(SEEDS)).normal(size=(len(times), network.sizes[-1]))
    found = gradients(network, times, errors, floor=data.draw(st.sampled_from([0.0, 0.1])))
    assert all(np.isfinite(part).all() for part in parts(found))
    assert (found.times[times >= network.t_max] == 0).all()


@given(seed=SEEDS)
def test_what_is_said_to_silent_outputs_has_no_effect(seed):
    network, times, errors, _ = problem(seed, 0.5)
    silent = np.isinf(forward(network, times).times[-1])
    first = gradients(network, times, errors)
    second = gradients(network, times, np.where(silent, 1e9, errors))
    assert np.array_equal(first.times, second.times)
    assert all(map(np.array_equal, first.weights, second.weights))


def slow(**settings):
    """A neuron that needs two units of time for its threshold of 1; its slope is 0.5."""
    return ttfs.Network(ttfs.Dense.of([[0.5]], **settings), psp=ttfs.Ramp(), t_max=9, dtype=float)


def test_slopes_below_the_floor_count_as_the_floor():
    for floor, by_time in [(0.0, 1.0), (0.5, 1.0), (1.0, 0.5), (2.0, 0.25)]:
        found = gradients(slow(threshold=1), [[3.0]], [[1.0]], floor=floor)
        assert found.times.tolist() == [[by_time]]
        assert found.weights[0].tolist() == [[-4.0 * by_time]]
        assert found.thresholds[0].tolist() == [2.0 * by_time]
    twice = gradients(slow(threshold=2), [[3.0]], [[1.0]], floor=0.5)  # in thresholds
    assert twice.times.tolist() == [[0.5]]


def test_an_input_that_arrives_with_the_spike_has_no_part_in_it():
    layer = ttfs.Dense.of([[0.5], [3.0]], threshold=1, delay=[0.0, 1.0])
    network = ttfs.Network(layer, psp=ttfs.Ramp(), t_max=9, dtype=float)
    found = gradients(network, [[0.0, 1.0]], [[1.0]])
    assert forward(network, [[0.0, 1.0]]).times[1].tolist() == [[2.0]]
    assert found.weights[0].tolist() == [[-4.0], [0.0]]
    assert found.delays[0].tolist() == found.times.T.tolist() == [[1.0], [0.0]]


@pytest.mark.parametrize("delay", [1.0, [1.0, 1.0], [[1.0], [1.0]]])
def test_errors_can_be_carried_back_through_ramps_that_have_ended(delay):
    layer = ttfs.Dense.of([[1.0], [1.0]], threshold=1.5, delay=delay)
    network = ttfs.Network(layer, psp=ttfs.Ramp(1), t_max=9, dtype=float)
    times, errors = np.array([[0.0, 4.0]]), np.ones((1, 1))  # fires at 5.5
    (signal,) = signals(network, times, cross(network, times), errors, floor=0)
    assert signal.by_times(network).tolist() == [[0.0, 1.0]]
    assert signal.by_times(network, rise=INF).tolist() == [[1.0, 1.0]]


def test_latent_delays_have_the_shape_of_their_parameters():
    layers = [ttfs.Dense(4, 3, threshold=1, delay=Delays(per, (0, 1))) for per in ("input", "pair")]
    for layer in layers:
        network = ttfs.Network(layer, psp=ttfs.Ramp(), t_max=20)
        times = np.random.default_rng(0).uniform(0, 1, (5, 4))
        (signal,) = signals(network, times, cross(network, times), np.ones((5, 3)), floor=0)
        found = signal.by_latent_delays(network)
        assert found.dtype == float
        assert found.shape == network.latent_delays[0].shape
        assert found.size == network.parameters()["delay_1"].size
        assert np.array_equal(found, signal.by_delays(network) * network.delay_slopes(0))
        assert found.any()


@pytest.mark.parametrize(
    ("psp", "times", "errors", "error", "words"),
    [
        (ttfs.Step(), [[0.0]], [[1.0]], InputError, "need a Ramp"),
        (ttfs.Ramp(), [[0.0, 1.0]], [[1.0]], ShapeError, "1 inputs"),
        (ttfs.Ramp(), [[0.0]], [1.0], ShapeError, r"errors must be .* \(1, 1\), got \(1,\)"),
        (ttfs.Ramp(), [[0.0]], [["a"]], InputError, "errors must be numbers"),
    ],
)
def test_what_has_no_gradient_is_refused(psp, times, errors, error, words):
    network = ttfs.Network(ttfs.Dense(1, 1, threshold=1), psp=psp, t_max=9)
    with pytest.raises(error, match=words):
        gradients(network, times, errors)
