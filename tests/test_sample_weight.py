"""Samples of different weight: how often they are seen, and how much they count."""

import numpy as np
import pytest
from cases import SEEDS, same_bits
from hypothesis import given
from hypothesis import strategies as st

import ttfs
from ttfs.errors import InputError, ShapeError
from ttfs.rules import S4NN
from ttfs.training.split import Samples, drawn, weighted

WEIGHTS = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=30).map(np.array)


def stimuli(count=40, seed=0):
    """(times, labels) of two classes, each with two early inputs."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count)
    early = np.arange(4) // 2 == labels[:, None]
    return np.where(early, rng.integers(0, 8, (count, 4)), rng.integers(4, 16, (count, 4))), labels


TIMES, LABELS = stimuli()


def trained(times=TIMES, labels=LABELS, **settings):
    """(weights, history) after two epochs."""
    network = ttfs.Network(ttfs.Dense(4, 6), ttfs.Dense(6, 2), t_max=16)
    trainer = ttfs.Trainer(network, S4NN(gamma=4), ttfs.SGD(1.0), batch_size=4)
    history = trainer.fit(times, labels, epochs=2, progress=False, **settings)
    return np.concatenate([weights.ravel() for weights in network.weights]), history


@given(WEIGHTS, SEEDS)
def test_an_epoch_has_each_sample_as_often_as_its_share_rounded_up_or_down(weights, seed):
    n = len(weights)
    seen = drawn(np.arange(n), weights, np.random.default_rng(seed))
    shares = n * weights / weights.sum()
    counts = np.bincount(seen, minlength=n)
    assert len(seen) == n
    assert (np.floor(shares - 1e-9) <= counts).all()
    assert (counts <= np.ceil(shares + 1e-9)).all()


def test_on_average_a_sample_is_seen_in_proportion_to_its_weight():
    weights, rng = np.array([0.3, 1.0, 2.5, 0.2]), np.random.default_rng(0)
    seen = np.concatenate([drawn(np.arange(4), weights, rng) for _ in range(4000)])
    np.testing.assert_allclose(np.bincount(seen) / 4000, weights, atol=0.03)


def test_a_sample_of_twice_the_weight_is_seen_twice_as_often():
    weights = weighted(Samples(TIMES[:4], LABELS[:4]), [2, 0, 3, 1]).sample_weight
    epochs = [drawn(np.arange(3), weights, np.random.default_rng(seed)) for seed in range(60)]
    counts = np.bincount(np.concatenate(epochs))
    np.testing.assert_allclose(counts / 60, [1, 1.5, 0.5], atol=0.1)
    assert (np.array([np.bincount(epoch, minlength=3)[0] for epoch in epochs]) == 1).all()


@pytest.mark.parametrize("validation", [0.0, 0.2])
def test_weights_that_are_all_alike_change_nothing(validation):
    plain, _ = trained(validation=validation)
    alike, _ = trained(validation=validation, sample_weight=np.full(40, 0.3))
    assert same_bits(plain, alike)


@pytest.mark.parametrize("rest", [1.0, None])
def test_a_sample_of_weight_0_is_not_there(rest):
    weights = np.ones(40) if rest else np.arange(1.0, 41.0)
    weights[::3] = 0
    there = weights > 0
    left = weights[there] if rest is None else None
    without, _ = trained(TIMES[there], LABELS[there], validation=0.2, sample_weight=left)
    zero, _ = trained(validation=0.2, sample_weight=weights)
    assert same_bits(without, zero)


def test_what_weighs_more_is_learned():
    times = np.tile(TIMES[:1], (40, 1))  # all alike, with labels that contradict each other
    for label in (0, 1):
        weights = np.where(label == LABELS, 20.0, 1.0)
        network = ttfs.Network(ttfs.Dense(4, 6), ttfs.Dense(6, 2), t_max=16)
        trainer = ttfs.Trainer(network, S4NN(gamma=4), ttfs.SGD(1.0))
        trainer.fit(times, LABELS, epochs=20, validation=0.0, sample_weight=weights, progress=False)
        assert (ttfs.predict(network, times) == label).all()


def test_held_out_samples_count_by_their_weight():
    network = ttfs.Network(ttfs.Dense.of(np.eye(2), threshold=1), t_max=10)
    times, labels = np.array([[1.0, 2.0], [1.0, 2.0]]), np.array([0, 1])
    samples = Samples(times, labels, np.array([3.0, 1.0]))
    evaluation = ttfs.evaluate(network, times, labels)
    assert evaluation.accuracy == 0.5
    assert samples.score(network, evaluation) == 0.75
    assert samples._replace(sample_weight=None).score(network, evaluation) == 0.5


def test_a_training_with_other_weights_is_another_training(tmp_path):
    path, weights = tmp_path / "run.ckpt", np.arange(1.0, 41.0)
    whole, _ = trained(sample_weight=weights, checkpoint=path)
    again, history = trained(sample_weight=weights, checkpoint=path, resume=True)
    assert same_bits(whole, again)
    assert len(history.records) == 2
    with pytest.raises(ttfs.RunError):
        trained(sample_weight=weights[::-1].copy(), checkpoint=path, resume=True)


@pytest.mark.parametrize(
    ("weights", "error", "said"),
    [
        (np.ones(39), ShapeError, r"must be \(40,\), one for each sample; got \(39,\)"),
        (np.ones((40, 1)), ShapeError, r"got \(40, 1\)"),
        (np.full(40, -1.0), InputError, "finite and 0 or more, got -1.0"),
        (np.full(40, np.nan), InputError, "finite and 0 or more, got nan"),
        (np.full(40, np.inf), InputError, "finite and 0 or more, got inf"),
        (np.zeros(40), InputError, "must not be zero for every sample"),
        (["a"] * 40, InputError, "sample_weight must be numbers"),
    ],
)
def test_weights_that_make_no_sense_are_refused(weights, error, said):
    with pytest.raises(error, match=said):
        trained(sample_weight=weights)
