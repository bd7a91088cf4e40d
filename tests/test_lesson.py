"""What a rule is given to learn from."""

import numpy as np
import pytest

import ttfs
from ttfs.rules.lesson import Lesson


def lesson(order, batch_size, lr=0.1):
    """Three inputs, ten samples; a real and a binary layer."""
    layers = ttfs.Dense(3, 4), ttfs.Dense(4, 2, weights=ttfs.Binary())
    network = ttfs.Network(*layers, dtype=np.float64)
    times = np.arange(30.0).reshape(10, 3)
    return Lesson(network, times, np.arange(10), np.array(order), batch_size, ttfs.SGD(), {}, lr)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 100])
def test_batches_are_the_chosen_samples_in_their_order(batch_size):
    order = [7, 2, 2, 9, 0]
    batches = list(lesson(order, batch_size).batches())
    assert np.concatenate([batch.labels for batch in batches]).tolist() == order
    assert np.concatenate([batch.times for batch in batches])[:, 0].tolist() == [21, 6, 6, 27, 0]
    assert all(len(batch.labels) == batch_size for batch in batches[:-1])
    assert 0 < len(batches[-1].labels) <= batch_size


@pytest.mark.parametrize(("batch_size", "steps"), [(1, 5), (2, 3), (5, 1), (100, 1)])
def test_weights_decay_as_in_so_many_steps(batch_size, steps):
    given = lesson(range(5), batch_size)
    wanted = [latents.copy() for latents in given.network.latents]
    for _ in range(steps):
        wanted = [latents - 0.1 * 0.5 * latents for latents in wanted]
    given.decay(0.5)
    for found, latents in zip(given.network.latents, wanted, strict=True):
        assert np.allclose(found, latents, rtol=1e-12)


def test_a_decay_larger_than_the_weights_leaves_zero():
    given = lesson(range(5), 1, lr=2.0)
    given.decay(10.0)
    assert all((latents == 0).all() for latents in given.network.latents)


def test_without_decay_no_bit_changes():
    given = lesson(range(5), 1)
    before = [latents.copy() for latents in given.network.latents]
    given.decay(0.0)
    assert all(map(np.array_equal, given.network.latents, before))
