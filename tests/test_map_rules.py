"""Rules teach layers of maps: as dense layers would be taught, position by position."""

import numpy as np
import pytest
from cases import for_all_threads, same_bits
from reference_maps import unrolled, window

import ttfs
from ttfs.gradients.arrived import blame_of
from ttfs.losses import Absolute, Relative
from ttfs.optimizers import SGD, Adam
from ttfs.rules import S4NN, Exact, STiDiBP, Surrogate
from ttfs.rules.descent import silent_share
from ttfs.rules.lesson import Batch
from ttfs.silence import Bump, Hinge, Push, Revive

INF = np.inf
RAMPS = [Exact(), STiDiBP(Relative(0.5)), STiDiBP(Absolute(), slope=1.0)]
STEPS = [S4NN(gamma=0.5), Surrogate()]


def small(psp, binary=False, pools=True, dtype=np.float64, seed=0):
    """A convolution, perhaps a pool, and one dense layer; three classes."""
    rng = np.random.default_rng(seed)
    kind = ttfs.Binary(scale=0.5) if binary else ttfs.Real()
    own = {"weights": kind, "threshold": 1.0, "delay": 0.25}
    conv = ttfs.Conv2d(5, 3, stride=1, padding=1, initial=rng.normal(0.3, 0.5, (9, 5)), **own)
    neurons = 45 if pools else 180
    dense = ttfs.Dense(neurons, 3, initial=rng.normal(0.1, 0.4, (neurons, 3)), **own)
    layers = (conv, ttfs.MinPool2d(2), dense) if pools else (conv, dense)
    return ttfs.Network(*layers, psp=psp, t_max=6, dtype=dtype, shape=(6, 6, 1))


def data(samples=12, seed=0, dtype=np.float64):
    """Stimuli with a pattern for each of three classes; sums of times and delays are exact."""
    rng = np.random.default_rng(seed)
    labels = np.arange(samples) % 3
    patterns = rng.uniform(0, 2, (3, 36))
    patterns[rng.random(patterns.shape) < 0.3] = INF
    times = patterns[labels] + rng.uniform(0, 0.2, (samples, 36))
    return (np.round(times * 64) / 64).astype(dtype), labels


def psp_of(rule):
    return ttfs.Ramp() if rule in RAMPS else ttfs.Step()


def trained(rule, network, epochs, batch_size=4, lr=None):
    optimizer = SGD(lr=0.05) if isinstance(rule, S4NN) else Adam(lr=0.01)
    trainer = ttfs.Trainer(network, rule, optimizer, batch_size=batch_size)
    return trainer.fit(*data(), epochs=epochs, validation=0)


@pytest.mark.parametrize("binary", [False, True], ids=["real", "binary"])
@pytest.mark.parametrize("rule", RAMPS + STEPS, ids=repr)
def test_a_rule_fits_maps_that_it_is_shown(rule, binary):
    network = small(psp_of(rule), binary)
    before = [latents.copy() for latents in network.latents]
    history = trained(rule, network, epochs=40)
    assert max(record["accuracy"] for record in history.records) > 0.6  # of three classes
    for k in (0, 2):
        assert np.isfinite(network.latents[k]).all()
        assert not np.array_equal(network.latents[k], before[k])


@pytest.mark.parametrize("rule", RAMPS + STEPS, ids=repr)
def test_training_maps_gives_the_same_bits_for_any_number_of_threads(rule):
    def job():
        network = small(psp_of(rule), binary=True, dtype=np.float32)
        trained(rule, network, epochs=2)
        return [*network.latents, network.scales]

    one, *others = for_all_threads(job)
    assert all(same_bits(a, b) for other in others for a, b in zip(one, other, strict=True))


def as_dense(network):
    """The same network with dense layers, which share nothing."""
    layers = [
        ttfs.Dense.of(unrolled(layer, weights)[0], threshold=layer.threshold, delay=layer.delay)
        for layer, weights in zip(network.layers, network.weights, strict=True)
    ]
    return ttfs.Network(*layers, psp=network.psp, t_max=network.t_max, dtype=network.dtype)


def shared(layer, changes):
    """(rows, columns) sum over positions of changes (inputs, outputs) of a dense layer."""
    total = np.zeros((layer.rows, layer.columns))
    for j in range(layer.outputs):
        for i, row in window(layer, j):
            total[row, j % layer.columns] += changes[i, j]
    return total


def changes_of(network, rule):
    """What one small step changes, by layer."""
    times, labels = data()
    before = [weights.copy() for weights in network.weights]
    trainer = ttfs.Trainer(network, rule, SGD(lr=1e-4), batch_size=len(labels))
    trainer.fit(times, labels, epochs=1, validation=0)
    return [after - kept for after, kept in zip(network.weights, before, strict=True)]


@pytest.mark.parametrize("rule", RAMPS + STEPS, ids=repr)
def test_weights_that_are_shared_learn_what_all_positions_are_told(rule):
    """Where errors have unit length it is one at each position, and the mean over positions."""
    network = small(psp_of(rule), pools=False)
    (conv, _), dense = network.layers, as_dense(network)
    found, single = changes_of(network, rule), changes_of(dense, rule)
    assert np.allclose(found[1], single[1], rtol=1e-9, atol=1e-13)
    size = 1 if isinstance(rule, Exact | Surrogate) else conv.positions**0.5
    assert np.abs(found[0]).max() > 1e-8
    assert np.allclose(found[0], shared(conv, single[0]) / size, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("rule", RAMPS + STEPS, ids=repr)
def test_a_window_of_one_hands_on_all_errors(rule):
    changes = []
    for pool in ([], [ttfs.MinPool2d(1)]):
        network = small(psp_of(rule), pools=False)
        conv, dense = network.layers
        again = ttfs.Network(
            conv, *pool, dense, psp=network.psp, t_max=6, dtype=float, shape=(6, 6, 1)
        )
        found = changes_of(again, rule)
        changes.append((found[0], found[-1]))
    for with_pool, without in zip(*changes, strict=True):
        assert np.abs(without).max() > 1e-8
        assert np.allclose(with_pool, without, rtol=1e-9, atol=1e-13)


def map_of_outputs():
    """Stimuli, labels, and a network of one map: three channels, four positions, one bit."""
    rng, kind = np.random.default_rng(1), ttfs.Binary(scale=0.5, scale_rate=1.0)
    conv = ttfs.Conv2d(3, 3, weights=kind, threshold=1.0, initial=rng.normal(0.3, 1, (9, 3)))
    network = ttfs.Network(conv, t_max=6, dtype=float, shape=(4, 4, 1))
    return network, rng.uniform(0, 2, (12, 16)), np.arange(12)


def test_the_scale_of_a_map_learns_from_all_positions_under_surrogate():
    (network, times, labels), rule = map_of_outputs(), Surrogate()
    (signal,) = rule._tell(network, Batch(times, labels)).signals
    outputs = ttfs.forward(network, times).times[1]
    moments = np.minimum(outputs.min(axis=1), network.t_max)
    came = (times <= moments[:, None]).astype(float)
    potential = came @ unrolled(network.layers[0], network.weights[0])[0]
    losses = [
        rule._errors(potential * scale, labels, moments < network.t_max)[0]
        for scale in network.scales[0] + np.array([1e-6, -1e-6])
    ]
    slope = (losses[0] - losses[1]) / 2e-6 / len(times)
    assert abs(slope) > 1e-3
    assert signal.by_scale(network) == pytest.approx(slope, rel=1e-6)


def test_the_scale_of_a_map_learns_from_all_positions_under_s4nn():
    network, times, _ = map_of_outputs()
    spikes = ttfs.forward(network, times).times[1]
    errors = np.random.default_rng(0).normal(size=spikes.shape)
    until = np.minimum(spikes, network.t_max)
    weights, there = unrolled(network.layers[0], network.weights[0])
    causes = there & (times[:, :, None] <= until[:, None, :])
    mean = np.sum(causes * weights * errors[:, None, :]) / (len(times) * there.sum())
    blame = blame_of(network, 0, times, spikes, errors)
    found = blame.by_scale(network.padded(network.arrays.weights, 0))
    assert found == pytest.approx(mean, rel=1e-9)


def test_dead_channels_are_revived_at_all_positions_and_pools_are_left_alone():
    network = small(ttfs.Ramp())
    weights = network.weights[0]
    weights[:, [1, 3]] = -1
    before = weights.copy()
    rule = Exact(cures=(Revive(0.001),))
    silent = [np.isinf(times).mean(axis=0) for times in ttfs.forward(network, data()[0]).times[1:]]
    assert rule.end_epoch(network, silent[:-1], [0, 2, 0]) == 2
    changed = (weights != before).any(axis=0)
    assert changed.tolist() == [False, True, False, True, False]


def test_the_silence_of_a_channel_is_its_share_of_samples_and_positions():
    network, (times, labels) = small(ttfs.Ramp()), data()
    told = Exact(learn_silent=False)._tell(network, Batch(times, labels))
    spikes = ttfs.forward(network, times).times[1].reshape(-1, 5)
    (signal,) = (signal for signal in told.signals if signal.layer == 0)
    assert silent_share(network, signal) == pytest.approx(np.isinf(spikes).mean(axis=0))


@pytest.mark.parametrize("cure", [Push(1.0), Hinge(1.0), Bump(0.01, 0.3)], ids=repr)
def test_silent_channels_are_cured(cure):
    network = small(ttfs.Ramp())
    network.weights[0][:] = -0.1
    before = network.weights[0].sum()
    trained(Exact(cures=(cure,)), network, epochs=3)
    assert network.weights[0].sum() > before


def test_shares_of_a_bump_are_those_of_layers_that_learn():
    network = small(ttfs.Ramp())
    Exact(cures=(Bump(0.01, (0.3, 0.4)),)).check(network)
    with pytest.raises(ttfs.errors.ShapeError, match="3 fractions for 2 layers"):
        Exact(cures=(Bump(0.01, (0.3, 0.4, 0.5)),)).check(network)


def test_delays_of_a_pool_learn():
    pool = ttfs.MinPool2d(2, delay=ttfs.Delays("input", (0.1, 0.3)))
    layers = small(ttfs.Ramp()).layers
    network = ttfs.Network(
        layers[0], pool, layers[2], psp=ttfs.Ramp(), t_max=6, dtype=float, shape=(6, 6, 1)
    )
    before = network.latent_delays[1].copy()
    trained(Exact(), network, epochs=2)
    assert (network.latent_delays[1] != before).any()


def test_a_last_layer_of_first_spikes_has_no_potentials_to_learn_from():
    network = ttfs.Network(ttfs.MinPool2d(2), t_max=6, shape=(6, 6, 1))
    with pytest.raises(ttfs.errors.InputError, match="last layer with weights"):
        Surrogate().check(network)
