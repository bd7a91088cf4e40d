"""Weights that begin by what fires, and learning rates that follow from them."""

import numpy as np
import pytest
from cases import for_all_threads, same_bits

import ttfs
from ttfs.errors import InputError, ShapeError
from ttfs.optimizers import SGD
from ttfs.training.beginning import begin_by_firing

INF = np.inf


def deep(kind=None, psp=None, threshold=1.0, **settings):
    """Six layers of random weights, of which three would stay silent or fire at once."""
    own = {"weights": kind or ttfs.Real(), "threshold": threshold}
    layers = (
        ttfs.Conv2d(8, 3, padding=1, **own),
        ttfs.MinPool2d(2),
        ttfs.Conv2d(12, 3, **own),
        ttfs.Dense(None, 40, **own),
        ttfs.Dense(None, 5, **own),
    )
    settings = {"t_max": 4, "shape": (8, 8, 1)} | settings
    return ttfs.Network(*layers, psp=psp or ttfs.Ramp(), **settings)


def stimuli(samples=60, window=1.0, seed=0):
    rng = np.random.default_rng(seed)
    times = rng.uniform(0, window, (samples, 64))
    times[rng.random(times.shape) < 0.6] = INF
    return times


def shares(network, times):
    """The share of neurons that fire, by layer."""
    return [np.isfinite(layer).mean() for layer in ttfs.forward(network, times).times[1:]]


ONE_BIT = ttfs.Binary(scale_rate=0, clip=1)


@pytest.mark.parametrize("kind", [None, ONE_BIT], ids=["real", "binary"])
@pytest.mark.parametrize("psp", [ttfs.Ramp(), ttfs.Ramp(0.5), ttfs.Ramp(6), ttfs.Step()], ids=repr)
@pytest.mark.parametrize("window", [1.0, 20.0])
@pytest.mark.parametrize("threshold", [1.0, 100.0])
def test_every_layer_fires(kind, psp, window, threshold):
    network = deep(kind, psp, threshold, t_max=4 * window)
    times = stimuli(window=window)
    begin_by_firing(network, times)
    *found, last = shares(network, times)
    assert all(0.15 < share <= 1 for share in found)
    assert (0.015 if kind and psp == ttfs.Step() else 0.15) < last <= 1


def test_with_steps_and_one_bit_a_quarter_of_the_neurons_fires_and_few_outputs():
    network, times = deep(ONE_BIT, ttfs.Step()), stimuli(200)
    begin_by_firing(network, times)
    found = shares(network, times)
    for k, wanted in ((0, 0.25), (2, 0.25), (3, 0.25), (4, 0.02)):
        assert found[k] >= wanted
        network.scales[k] *= 0.99  # whole numbers of spikes reach a threshold: shares jump
        network.refresh(k)
        assert shares(network, times)[k] < wanted


def test_where_few_neurons_can_fire_with_steps_half_of_them_do():
    network, times = deep(ONE_BIT, ttfs.Step()), stimuli(200)
    times[np.random.default_rng(0).random(times.shape) < 0.9] = INF
    begin_by_firing(network, times)
    begun = shares(network, times)[0]
    network.scales[0] *= 1e3
    network.refresh(0)
    most = shares(network, times)[0]
    assert most < 0.5
    assert most / 2 <= begun <= most


@pytest.mark.parametrize("thresholds", [np.r_[np.ones(99), 1e6], np.geomspace(1e-3, 1e3, 100)])
def test_so_it_is_with_thresholds_and_signs_that_differ_very_much(thresholds):
    unlike = ttfs.Binary(init=(-1, 0.2), scale_rate=0, clip=1)
    for kind, inputs in ((ONE_BIT, 64), (unlike, 3000)):
        first = ttfs.Dense(inputs, 100, weights=kind, threshold=thresholds)
        network = ttfs.Network(first, ttfs.Dense(100, 10, weights=kind), psp=ttfs.Step(), t_max=4)
        times = np.random.default_rng(0).random((50, inputs))
        begin_by_firing(network, times)
        found, _ = shares(network, times)
        network.scales[0] *= 1e6
        network.refresh(0)
        assert min(0.25, shares(network, times)[0] / 2) <= found < 0.35


def test_with_steps_and_nothing_that_fires_scales_are_those_of_other_weights():
    network = ttfs.Network(ttfs.Dense(4, 3, weights=ONE_BIT, threshold=1.0), psp=ttfs.Step())
    begin_by_firing(network, np.full((5, 4), INF))
    assert network.scales.tolist() == [1.0]


def test_a_silent_first_layer_does_not_stop_it():
    network = deep()
    begin_by_firing(network, np.full((3, 64), INF))
    assert all(np.isfinite(weights).all() for weights in network.weights)


def test_the_median_spike_of_one_bit_comes_half_a_window_after_that_below():
    network, times = deep(ONE_BIT), stimuli(200)
    begin_by_firing(network, times)
    layers = ttfs.forward(network, times).times
    medians = [np.median(layer[np.isfinite(layer)]) for layer in layers]
    for below, k in [(0, 1), (2, 3), (3, 4), (4, 5)]:
        assert medians[k] - medians[below] == pytest.approx(
            np.nanmax(times[times < INF]) / 2, abs=0.1
        )


def test_thresholds_of_their_own_scale_the_weights_of_their_columns():
    weights = []
    for threshold in (1.0, np.arange(1.0, 9.0)):
        layer = ttfs.Conv2d(8, 3, threshold=threshold)
        network = ttfs.Network(layer, psp=ttfs.Ramp(), t_max=4, shape=(8, 8, 1), dtype=float)
        begin_by_firing(network, stimuli())
        weights.append(network.weights[0])
    assert np.allclose(weights[0] * np.arange(1.0, 9.0), weights[1])


def test_rates_are_ten_times_the_deviation_of_the_weights():
    network, times = deep(dtype=float), stimuli()
    begin_by_firing(network, times)
    for layer, weights in zip(network.layers, network.weights, strict=True):
        if layer.rows > 100:
            assert layer.weights.rate == pytest.approx(10 * weights.std(), rel=0.1)
    assert network.layers[1].weights.rate == 1


def test_what_was_given_stays():
    given = np.random.default_rng(0).normal(size=(9, 3))
    layers = (
        ttfs.Conv2d(3, 3, initial=given, threshold=1.0),
        ttfs.Conv2d(3, 3, weights=ttfs.Binary(init=(-1, 2), scale=0.7), threshold=1.0),
        ttfs.Dense(None, 4, threshold=1.0, weights=ttfs.Binary(scale=0.3)),
    )
    network = ttfs.Network(*layers, psp=ttfs.Ramp(), t_max=4, shape=(8, 8, 1), dtype=float)
    begin_by_firing(network, stimuli())
    assert np.array_equal(network.weights[0], given)
    assert network.layers[0] == layers[0].after((8, 8, 1))
    assert network.latents[1].min() < -0.9
    assert network.latents[1].max() > 1.8
    assert network.scales[1:].tolist() == [0.7, 0.3]


def test_the_same_seed_gives_the_same_bits_for_any_number_of_threads():
    def begin(seed=3):
        network = deep(ONE_BIT)
        begin_by_firing(network, stimuli(), seed=seed)
        return [*network.latents, network.scales]

    one, *others = for_all_threads(begin)
    for other in [*others, begin()]:
        assert all(map(same_bits, one, other))
    assert not same_bits(one[0], begin(4)[0])


def test_it_takes_maps_and_refuses_what_is_none():
    network, times = deep(), stimuli()
    begin_by_firing(network, times.reshape(-1, 8, 8, 1))
    before = [weights.copy() for weights in network.weights]
    begin_by_firing(network, times)
    assert all(map(np.array_equal, before, network.weights))
    with pytest.raises(ShapeError, match="64 inputs"):
        begin_by_firing(network, times[:, 1:])
    with pytest.raises(InputError, match="at least one stimulus"):
        begin_by_firing(network, times[:0])


def test_a_layer_learns_at_its_own_rate():
    rng = np.random.default_rng(0)
    given, times = rng.normal(1, 0.5, (2, 6, 6)), stimuli()[:, :6]
    moved = []
    for rate in (1.0, 3.0):
        kinds = ttfs.Real(rate=rate), ttfs.Real()
        layers = [
            ttfs.Dense.of(initial, threshold=1.0, weights=kind)
            for initial, kind in zip(given, kinds, strict=True)
        ]
        network = ttfs.Network(*layers, psp=ttfs.Ramp(), t_max=4, dtype=float)
        rule, labels = ttfs.rules.Exact(), np.arange(60) % 6
        trainer = ttfs.Trainer(network, rule, SGD(lr=1e-3), batch_size=60)
        trainer.fit(times, labels, epochs=1, validation=0)
        moved.append([now - before for now, before in zip(network.weights, given, strict=True)])
    assert np.allclose(3 * moved[0][0], moved[1][0], rtol=1e-6)
    assert np.allclose(moved[0][1], moved[1][1], rtol=1e-6)


def test_a_model_file_keeps_the_rates(tmp_path):
    network = deep()
    begin_by_firing(network, stimuli())
    rates = [layer.weights.rate for layer in network.layers]
    assert len(set(rates)) > 2
    ttfs.save(tmp_path / "model.npz", network)
    again = ttfs.load(tmp_path / "model.npz").network
    assert [layer.weights.rate for layer in again.layers] == rates
    assert all(map(same_bits, network.weights, again.weights))


def test_a_training_that_was_stopped_goes_on_with_the_same_bits(tmp_path):
    times, labels = stimuli(), np.arange(60) % 5

    def train(epochs, file):
        network = deep(ONE_BIT)
        begin_by_firing(network, times)
        trainer = ttfs.Trainer(network, ttfs.rules.Exact(), ttfs.Adam(lr=1e-2), batch_size=20)
        trainer.fit(times, labels, epochs=epochs, checkpoint=tmp_path / file, resume=True)
        return [*network.latents, network.scales]

    whole = train(4, "whole")
    train(2, "parts")
    assert all(map(same_bits, whole, train(4, "parts")))


def test_spikes_that_do_not_happen_decide_nothing():
    rng = np.random.default_rng(0)
    times = rng.uniform(0, 8, (50, 64))
    layers = ttfs.Conv2d(4, 3, threshold=1), ttfs.Dense(None, 3, threshold=1)
    found = []
    for given in (times, np.where(times < 4, times, np.inf)):
        network = ttfs.Network(*layers, shape=(8, 8, 1), psp=ttfs.Ramp(), t_max=4)
        ttfs.begin_by_firing(network, given)
        found.append(network.weights)
    assert all(np.array_equal(a, b) for a, b in zip(*found, strict=True))
