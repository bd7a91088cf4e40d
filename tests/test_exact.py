"""Learning by rules Exact and STiDiBP."""

from dataclasses import replace
from functools import partial

import numba
import numpy as np
import pytest
from cases import SEEDS, for_all_threads, same_bits, stimuli, trained_by
from hypothesis import given, settings
from hypothesis import strategies as st

import ttfs
from ttfs.engines.crossings import cross, spikes_of
from ttfs.errors import InputError
from ttfs.gradients.signals import signals
from ttfs.losses import Absolute, CrossEntropy, Relative, ShiftInvariant
from ttfs.network.buffers import aligned_zeros
from ttfs.rules import Exact, STiDiBP
from ttfs.silence import Bump, Hinge, Push, Revive

INF = np.inf
if numba.config.DISABLE_JIT:  # NumPy warns of what kernels compute and do not use
    pytestmark = pytest.mark.filterwarnings("ignore:(invalid value|overflow):RuntimeWarning")
RULES = [
    Exact(),
    Exact(CrossEntropy(0.5, smoothing=0.1), sparsity=0.01, weight_decay=0.01),
    Exact(ShiftInvariant(0.5)),
    Exact(Relative(0.5), cures=(Push(0.01), Hinge(0.1), Revive(0.01))),
    Exact(cures=(Bump(0.01, 0.5),)),
    STiDiBP(),
    STiDiBP(Absolute(), slope=1.0, normalise=False),
]


def network_of(sizes, psp=None, seed=0, binary=False, dtype=np.float64, t_max=6.0, width=2):
    """A network most of whose neurons fire for inputs in 0..1."""
    rng = np.random.default_rng(seed)
    kind = ttfs.Binary(scale=0.5, clip=1.0) if binary else ttfs.Real()
    layers = [
        ttfs.Dense.of(rng.normal(1.5 / a, width / a**0.5, (a, b)), weights=kind, threshold=1.0)
        for a, b in zip(sizes[:-1], sizes[1:], strict=True)
    ]
    return ttfs.Network(*layers, psp=psp or ttfs.Ramp(), t_max=t_max, dtype=dtype)


def slow_signal(network, layer, below, spikes, slopes, errors, floor):
    """Derivatives by weights and by the times below, by plain loops."""
    weights, rise = network.weights[layer], network.psp.rise
    by_weights, by_times = np.zeros(weights.shape), np.zeros(below.shape)
    h = network.arrays.thresholds[network.arrays.units[layer]] * network.psp.unit
    for s in range(len(below)):
        for j in range(weights.shape[1]):
            if spikes[s, j] == INF:
                continue
            gain = errors[s, j] / max(slopes[s, j], floor * h)
            for i in range(weights.shape[0]):
                if below[s, i] < spikes[s, j]:
                    by_weights[i, j] += gain * max(below[s, i] - spikes[s, j], -rise)
                    if below[s, i] + rise >= spikes[s, j]:
                        by_times[s, i] += gain * weights[i, j]
    return by_weights, by_times


@pytest.mark.small
@pytest.mark.parametrize("width", [1, 3, 16, 17, 33])
@pytest.mark.parametrize("rise", [INF, 0.7])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_signals_are_what_plain_loops_find(width, rise, dtype):
    network = network_of((9, width, 4), ttfs.Ramp(rise), seed=width, dtype=dtype)
    times = stimuli(7, 9, seed=width, dtype=dtype)
    found = cross(network, times)
    errors = np.random.default_rng(1).normal(size=(7, 4))
    for signal in signals(network, times, found, errors, floor=0.3):
        k = signal.layer
        below = times if k == 0 else spikes_of(network, found, k - 1)
        units = slice(network.arrays.units[k], network.arrays.units[k + 1])
        slopes = found.slopes[:, units]
        slow = slow_signal(
            network, k, below, spikes_of(network, found, k), slopes, errors, floor=0.3
        )
        room = aligned_zeros(network.padded(network.arrays.weights, k).size, dtype)
        tolerance = {"rtol": 1e-4, "atol": 1e-5} if dtype == np.float32 else {"atol": 1e-12}
        fast = signal.by_weights(network, room)
        assert np.allclose(fast[:, : network.sizes[k + 1]], slow[0], **tolerance)
        assert not fast[:, network.sizes[k + 1] :].any()
        errors = signal.by_times(network)
        assert np.allclose(errors, slow[1], **tolerance)


trained = partial(trained_by, network_of)


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_a_rule_fits_what_it_is_shown(rule, binary):
    network, history = trained(rule, binary=binary, epochs=60, samples=12)
    first, last = history.records[0], history.records[-1]
    assert last["loss"] < first["loss"] or last["accuracy"] > first["accuracy"]
    assert all(np.isfinite(w).all() for w in network.latents)


@pytest.mark.parametrize("targets", [Relative(0.5), Absolute()], ids=repr)
def test_a_price_on_time_makes_the_label_of_stidi_bp_fire_earlier(targets):
    firsts = []
    for early in (0.0, 0.02):
        rule = STiDiBP(replace(targets, early=early), normalise=False)
        network, _ = trained(rule, epochs=30, samples=12)
        outputs = ttfs.forward(network, stimuli(12, 6, 0, np.float32)).times[-1]
        label = outputs[np.arange(12), np.arange(12) % 3]
        firsts.append(np.minimum(label, network.t_max).mean())
    assert firsts[1] < firsts[0] - 0.05


@pytest.mark.small
@pytest.mark.parametrize("rule", RULES, ids=repr)
@pytest.mark.parametrize("labels", [[0], [1, 1, 1, 1], [0, 2, 0, 2, 2]])
def test_few_samples_and_missing_classes_are_defined(rule, labels):
    network, _ = trained(rule, labels=np.array(labels), samples=len(labels))
    assert all(np.isfinite(w).all() for w in network.latents)


@pytest.mark.small
@pytest.mark.parametrize("rule", RULES, ids=repr)
@pytest.mark.parametrize("weights", [-1.0, 0.0, 1e-30, 1e30])
def test_no_weight_ever_becomes_infinite_or_nan(rule, weights):
    layers = [ttfs.Dense.of(np.full(shape, weights), threshold=1.0) for shape in ((4, 5), (5, 3))]
    network = ttfs.Network(*layers, psp=ttfs.Ramp(), t_max=3)
    times = np.array([[0, 0, 0, 0], [INF] * 4, [0, 1, 2, INF], [2.9, 2.9, 2.9, 2.9]], np.float32)
    trainer = ttfs.Trainer(network, rule, ttfs.SGD(lr=0.1), batch_size=2)
    trainer.fit(times, [0, 1, 2, 0], epochs=3, validation=0)
    assert all(np.isfinite(w).all() for w in network.latents)


@given(seed=SEEDS, rule=st.sampled_from(RULES))
@settings(max_examples=20)
def test_any_number_of_threads_gives_the_same_bits(seed, rule):
    settings = {"seed": seed % 1000, "samples": 48, "batch_size": 24}
    first, *others = for_all_threads(lambda: trained(rule, **settings)[0].latents)
    for other in others:
        assert all(same_bits(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_a_training_that_was_stopped_goes_on_as_if_it_had_not(rule, tmp_path):
    whole, history = trained(rule, epochs=4)
    times, labels = stimuli(40, 6, 0, np.float32), np.arange(40) % 3
    parts = network_of((6, 20, 3), seed=0, dtype=np.float32)
    trainer = ttfs.Trainer(parts, rule, ttfs.Adam(lr=0.01), batch_size=8)
    options = {"validation": 0, "checkpoint": tmp_path / "c.npz", "resume": True}
    for epochs in (2, 4):
        again = trainer.fit(times, labels, epochs=epochs, **options)
    assert [r["loss"] for r in again.records] == [r["loss"] for r in history.records]
    assert all(same_bits(a, b) for a, b in zip(whole.latents, parts.latents, strict=True))


@pytest.mark.parametrize("rule", [Exact(), STiDiBP()], ids=repr)
def test_rules_for_ramps_refuse_steps_and_the_other_way_round(rule):
    layer = ttfs.Dense(3, 2)
    with pytest.raises(InputError, match="needs a Ramp"):
        ttfs.Trainer(ttfs.Network(layer), rule)
    with pytest.raises(InputError, match="needs a Step"):
        ttfs.Trainer(ttfs.Network(layer, psp=ttfs.Ramp()), ttfs.rules.S4NN())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Exact("cross"), r"Exact\(loss=...\) must be one of ttfs.losses, .* got 'cross'"),
        (lambda: Exact(CrossEntropy), r"Exact\(loss=...\) must be one of ttfs.losses"),
        (lambda: STiDiBP(CrossEntropy()), r"STiDiBP\(targets=...\) must be a losses.Relative"),
        (lambda: Exact(rise=-1.0), r"Ramp\(rise=...\) must be above 0, got -1"),
        (lambda: Exact(cures=Revive()), r"Exact\(cures=...\) must be a tuple .* got Revive"),
        (lambda: STiDiBP(cures=(Revive,)), r"STiDiBP\(cures=...\) must be a tuple"),
    ],
)
def test_parts_of_a_rule_that_are_none_are_refused_before_training(make, words):
    with pytest.raises(InputError, match=words):
        ttfs.Trainer(ttfs.Network(ttfs.Dense(3, 2), psp=ttfs.Ramp()), make())


@pytest.mark.parametrize("rule", [Exact(CrossEntropy(0.2)), STiDiBP(Relative(0.3))], ids=repr)
def test_xor_is_learned(rule):
    """Two inputs early or late, and one that is always there."""
    times = np.array([[a, b, 0.0] for a in (0.0, 1.0) for b in (0.0, 1.0)], np.float32)
    labels = [0, 1, 1, 0]
    network = network_of((3, 10, 2), seed=3, dtype=np.float32)
    trainer = ttfs.Trainer(network, rule, ttfs.Adam(lr=0.02), batch_size=4)
    trainer.fit(times, labels, epochs=600, validation=0)
    assert ttfs.evaluate(network, times, labels).accuracy == 1


@pytest.mark.parametrize("rule", [Exact(), STiDiBP(Relative(0.3))], ids=repr)
def test_digits_are_learned(rule):
    train, test = ttfs.datasets.digits()
    encoder = ttfs.Latency(t_max=1.0)
    network = network_of((64, 64, 10), seed=0, dtype=np.float32, t_max=4.0, width=1)
    trainer = ttfs.Trainer(network, rule, ttfs.Adam(lr=3e-3), batch_size=20, average=3000)
    trainer.fit(encoder(train.images), train.labels, epochs=25)
    assert ttfs.evaluate(network, encoder(test.images), test.labels).accuracy > 0.9


def test_a_network_of_steps_learns_through_ramps_that_become_short():
    train, test = ttfs.datasets.digits()
    encoder = ttfs.Latency(t_max=1.0)
    network = network_of((64, 64, 10), ttfs.Step(), dtype=np.float32, t_max=4.0, width=1)
    rule = Exact(CrossEntropy(0.1, smoothing=0.1), rise=ttfs.Linear(4, 0.2), spread=True)
    trainer = ttfs.Trainer(network, rule, ttfs.Adam(lr=3e-3), batch_size=20, average=3000)
    before = ttfs.evaluate(network, encoder(test.images), test.labels).accuracy
    trainer.fit(encoder(train.images), train.labels, epochs=25)
    assert network.psp == ttfs.Step()
    assert ttfs.evaluate(network, encoder(test.images), test.labels).accuracy > before + 0.5


def test_delays_learn_beside_weights():
    delays = ttfs.Delays(per="pair", init=(0.1, 0.5), rate=1.0)
    rng = np.random.default_rng(0)
    layers = [
        ttfs.Dense.of(rng.normal(1, 1, shape), threshold=1.0, delay=delays)
        for shape in ((3, 8), (8, 2))
    ]
    network = ttfs.Network(*layers, psp=ttfs.Ramp(), t_max=8)
    before = [d.copy() for d in network.delays]
    times = rng.random((40, 3)).astype(np.float32)
    trainer = ttfs.Trainer(network, Exact(), ttfs.Adam(lr=0.01), batch_size=10)
    history = trainer.fit(times, (times[:, 0] < times[:, 1]).astype(int), epochs=60, validation=0)
    assert history.records[-1]["accuracy"] > 0.9
    for old, new in zip(before, network.delays, strict=True):
        assert (new > 0).all()
        assert np.isfinite(new).all()
        assert (old != new).any()
