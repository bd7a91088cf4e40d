"""Learning by rule Surrogate: potentials at the decision, and the gradient through jumps."""

from functools import partial

import numba
import numpy as np
import pytest
import reference_training as reference
from cases import FLOATS, SEEDS, for_all_threads, same_bits, stimuli, trained_by
from hypothesis import given, settings
from hypothesis import strategies as st

import ttfs
from ttfs.errors import InputError
from ttfs.gradients.causes import arrived_at
from ttfs.gradients.windows import padded
from ttfs.network.buffers import aligned_zeros
from ttfs.network.delays import Delays
from ttfs.rules import Surrogate
from ttfs.rules.lesson import Batch

INF = np.inf
RULES = [Surrogate(), Surrogate(tau=0.5, width=1, smoothing=0.1, weight_decay=0.01)]


def network_of(sizes, seed=0, binary=False, dtype=np.float64, t_max=4.0, delay=None):
    """A network of steps most of whose neurons fire for inputs in 0..1."""
    rng = np.random.default_rng(seed)
    kind = ttfs.Binary(scale=1.2 / sizes[0] ** 0.5, clip=1.0) if binary else ttfs.Real()
    layers = [
        ttfs.Dense.of(
            rng.normal(1.2 / a, 1.5 / a**0.5, (a, b)),
            weights=kind,
            threshold=rng.uniform(0.5, 1.5, b),
            delay=rng.uniform(0, 0.3) if delay is None else delay,
        )
        for a, b in zip(sizes[:-1], sizes[1:], strict=True)
    ]
    return ttfs.Network(*layers, t_max=t_max, dtype=dtype, seed=seed)


@pytest.mark.small
@given(seed=SEEDS, width=st.integers(1, 40), dtype=st.sampled_from(FLOATS))
@settings(max_examples=30)
def test_kernels_find_what_plain_loops_find(seed, width, dtype):
    rng = np.random.default_rng(seed)
    network = network_of((rng.integers(1, 9), width), seed, dtype=dtype, delay=0.25)
    times = stimuli(rng.integers(0, 6), network.sizes[0], seed, dtype)
    until = rng.choice([0.25, 0.5, 0.75, 4.0, -INF], (len(times), width)).astype(dtype)
    gains = rng.choice([-1.0, 0.0, 0.5], until.shape)
    weights = network.padded(network.arrays.weights, 0)
    arrived = arrived_at(network, 0, times)
    arrivals = times + dtype(0.25)

    found = np.empty((len(times), weights.shape[1]), dtype)
    arrived.potentials(padded(network, 0, until, -INF), weights, found)
    tolerance = {"rtol": 1e-4, "atol": 1e-5} if dtype == np.float32 else {"atol": 1e-12}
    slow = reference.potentials_at(arrivals, until, network.weights[0])
    assert np.allclose(found[:, :width], slow, **tolerance)

    out = aligned_zeros(weights.size, dtype).reshape(weights.shape)
    filled = padded(network, 0, until, -INF), padded(network, 0, gains, 0)
    arrived.by_weights(*filled, out)
    assert np.array_equal(out[:, :width], reference.blame(arrivals, until, gains))
    assert not out[:, width:].any()


class Linear:
    """The rule's own idea of a network: who has arrived is fixed, and what is near counts.

    A hidden neuron counts as much more than 0 or 1 as its stand-in has risen since.
    """

    def __init__(self, network, times, rule):
        self.network, self.rule, self.scales = network, rule, network.scales.copy()
        spikes = ttfs.forward(network, times).times
        moments = np.minimum(spikes[-1].min(axis=1), network.t_max)
        self.decided = moments < network.t_max
        self.until = [np.repeat(moments[:, None], network.sizes[-1], axis=1)]
        self.arrivals = []
        for k in range(len(network.layers) - 1, -1, -1):
            delays = np.broadcast_to(network.delays[k][:, 0], network.sizes[k])
            arrivals = spikes[k] + delays
            self.arrivals.insert(0, np.where(arrivals < network.t_max, arrivals, INF))
            moments = self.until[0].max(axis=1, keepdims=True)
            before = np.where(arrivals <= moments, spikes[k], -INF)
            self.until.insert(0, np.maximum(moments - delays, before))
        self.base = None
        self.base = [self.potentials(k, network.weights, []) for k in range(len(network.layers))]

    def potentials(self, layer, weights, risen):
        """Potentials of a layer in thresholds, given by how much the one below has risen.

        The layer's weights are its signs times its scale, if it is binary.
        """
        until = self.until[layer + 1]
        found = reference.potentials_at(self.arrivals[layer], until, weights[layer])
        if risen:
            found += risen[-1] @ weights[layer]
        return found * self.scales[layer] / np.asarray(self.network.layers[layer].threshold)

    def loss(self, weights, labels):
        """Summed over samples."""
        risen = []
        for k in range(len(weights)):
            potentials = self.potentials(k, weights, risen)
            change = [
                reference.stand_in(v, self.rule.width) - reference.stand_in(v0, self.rule.width)
                for v, v0 in zip(potentials.flat, self.base[k].flat, strict=True)
            ]
            risen.append(np.reshape(change, potentials.shape))
        options = self.rule.tau, self.rule.smoothing
        rows = zip(potentials, labels, self.decided, strict=True)
        return sum(reference.softmax_loss(row, label, *options, d) for row, label, d in rows)


@pytest.mark.small
@pytest.mark.parametrize("sizes", [(6, 3), (5, 8, 3), (5, 7, 6, 4)])
@pytest.mark.parametrize("rule", RULES, ids=repr)
@pytest.mark.parametrize("delay", [None, Delays("input", (0.0, 0.4), rate=0)], ids=["one", "each"])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_gradient_is_that_of_the_stand_in(sizes, rule, delay, seed):
    network = network_of(sizes, seed, delay=delay)
    times, labels = stimuli(6, sizes[0], seed), np.arange(6) % sizes[-1]
    times[0] = INF
    linear = Linear(network, times, rule)
    weights = [w.copy() for w in network.weights]
    told = rule._tell(network, Batch(times, labels))
    assert told.loss == pytest.approx(linear.loss(weights, labels), rel=1e-9)
    assert 0 < sum(linear.decided) < 6
    for signal in told.signals:
        k, step = signal.layer, 1e-6
        room = aligned_zeros(network.padded(network.arrays.weights, k).size, float)
        found = signal.by_weights(network, room)[:, : sizes[k + 1]] * len(times)
        slow = np.empty_like(found)
        for place in np.ndindex(*found.shape):
            sides = []
            for change in (step, -step):
                weights[k][place] += change
                sides.append(linear.loss(weights, labels))
                weights[k][place] -= change
            slow[place] = (sides[0] - sides[1]) / (2 * step)
        assert np.abs(found).max() > 1e-6
        assert np.allclose(found, slow, rtol=1e-5, atol=1e-6 * np.abs(slow).max())


@pytest.mark.small
@pytest.mark.parametrize("rule", RULES, ids=repr)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_gradient_by_a_scale_is_that_of_the_stand_in(rule, seed):
    network = network_of((5, 8, 3), seed, binary=True)
    times, labels = stimuli(6, 5, seed), np.arange(6) % 3
    linear = Linear(network, times, rule)
    for signal in rule._tell(network, Batch(times, labels)).signals:
        sides, step = [], 1e-6
        for change in (step, -step):
            linear.scales[signal.layer] += change
            sides.append(linear.loss(network.weights, labels))
            linear.scales[signal.layer] -= change
        slow = (sides[0] - sides[1]) / (2 * step)
        assert abs(slow) > 1e-3
        assert signal.by_scale(network) * len(times) == pytest.approx(slow, rel=1e-5)


@pytest.mark.small
@given(
    time=st.floats(0, 1), delay=st.sampled_from([0.1, 0.3, 1 / 3]), dtype=st.sampled_from(FLOATS)
)
def test_the_spike_that_decides_learns_however_its_delay_is_rounded(time, delay, dtype):
    layers = (
        ttfs.Dense.of([[2.0]], threshold=1.0),
        ttfs.Dense.of([[2.0, -2.0]], threshold=1.0, delay=delay),
    )
    network = ttfs.Network(*layers, t_max=4, dtype=dtype)
    told = Surrogate()._tell(network, Batch(np.array([[time]], dtype), np.array([1])))
    by_weights = told.signals[1].by_weights(network, np.empty(network.arrays.widths[0], dtype))
    assert by_weights[0, 0] > 0.01


@pytest.mark.small
@pytest.mark.parametrize("setting", ["tau", "width"])
@pytest.mark.parametrize("value", [0, -1, np.nan, INF, 1e-31, 1e31, "one"])
def test_scales_without_sense_are_refused(setting, value):
    with pytest.raises(InputError, match=rf"Surrogate\({setting}=...\)"):
        Surrogate(**{setting: value})


trained = partial(trained_by, network_of)


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_it_fits_what_it_is_shown(rule, binary):
    network, history = trained(rule, binary=binary, epochs=60, samples=12)
    first, last = history.records[0], history.records[-1]
    assert last["loss"] < first["loss"]
    assert last["accuracy"] > 0.6
    assert all(np.isfinite(w).all() for w in network.latents)


@pytest.mark.small
@pytest.mark.parametrize("labels", [[0], [1, 1, 1, 1], [0, 2, 0, 2, 2]])
def test_few_samples_and_missing_classes_are_defined(labels):
    network, _ = trained(Surrogate(), labels=np.array(labels), samples=len(labels))
    assert all(np.isfinite(w).all() for w in network.latents)


@pytest.mark.small
@pytest.mark.parametrize("weights", [-1.0, 0.0, 1e-30, 1e30, 3e38])
@pytest.mark.parametrize("threshold", [1e-30, 1.0, 1e30])
def test_no_weight_ever_becomes_infinite_or_nan(weights, threshold):
    shapes = (4, 5), (5, 3)
    layers = [ttfs.Dense.of(np.full(s, weights), threshold=threshold) for s in shapes]
    network = ttfs.Network(*layers, t_max=3)
    times = np.array([[0, 0, 0, 0], [INF] * 4, [0, 1, 2, INF], [2.9, 2.9, 2.9, 2.9]], np.float32)
    trainer = ttfs.Trainer(network, Surrogate(), ttfs.Adam(lr=0.1), batch_size=2)
    loud = "ignore" if numba.config.DISABLE_JIT else "warn"  # NumPy warns of what kernels compute
    with np.errstate(all=loud, under="ignore"):
        trainer.fit(times, [0, 1, 2, 0], epochs=3, validation=0)
    assert all(np.isfinite(w).all() for w in network.latents)


@given(seed=SEEDS)
@settings(max_examples=10)
def test_any_number_of_threads_gives_the_same_bits(seed):
    settings = {"seed": seed % 1000, "samples": 48, "batch_size": 24}
    first, *others = for_all_threads(lambda: trained(Surrogate(), **settings)[0].latents)
    for other in others:
        assert all(same_bits(a, b) for a, b in zip(first, other, strict=True))


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not(tmp_path):
    whole, history = trained(Surrogate(), epochs=4)
    times, labels = stimuli(40, 6, 0, np.float32), np.arange(40) % 3
    parts = network_of((6, 20, 3), dtype=np.float32)
    trainer = ttfs.Trainer(parts, Surrogate(), ttfs.Adam(lr=0.01), batch_size=8)
    options = {"validation": 0, "checkpoint": tmp_path / "c.npz", "resume": True}
    for epochs in (2, 4):
        again = trainer.fit(times, labels, epochs=epochs, **options)
    assert [r["loss"] for r in again.records] == [r["loss"] for r in history.records]
    assert all(same_bits(a, b) for a, b in zip(whole.latents, parts.latents, strict=True))


@pytest.mark.parametrize(
    ("layer", "psp", "match"),
    [
        ({}, ttfs.Ramp(), "needs a Step response"),
        ({"delay": Delays("pair", (0, 1))}, ttfs.Step(), "one delay for each layer"),
        ({"delay": Delays("input", (0, 1), rate=0.1)}, ttfs.Step(), "does not train delays"),
    ],
)
def test_networks_that_it_cannot_teach_are_refused(layer, psp, match):
    with pytest.raises(InputError, match=match):
        ttfs.Trainer(ttfs.Network(ttfs.Dense(3, 2, **layer), psp=psp), Surrogate())


def test_binary_steps_learn_digits():
    train, test = ttfs.datasets.digits()
    encoder = ttfs.Latency(t_max=256, steps=True)
    weights = ttfs.Binary(init=(-0.46, 0.54), scale=0.1, scale_rate=0, clip=1)
    layers = (ttfs.Dense(*s, weights=weights, threshold=1.0) for s in ((64, 200), (200, 10)))
    network = ttfs.Network(*layers, t_max=256, seed=0)
    rule, optimizer = Surrogate(), ttfs.Adam(lr=ttfs.Cosine(0.01))
    trainer = ttfs.Trainer(network, rule, optimizer, batch_size=20, average=3000)
    history = trainer.fit(encoder(train.images), train.labels, epochs=25)
    found = ttfs.evaluate(network, encoder(test.images), test.labels)
    assert found.accuracy > 0.94
    assert history.records[-1]["accuracy"] > 0.97
