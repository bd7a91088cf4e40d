import numpy as np
import pytest
import reference_training as slow
from cases import SEEDS, same_bits
from hypothesis import given
from hypothesis import strategies as st

from ttfs.augmentation import Dropout, Flip, Jitter, Shift
from ttfs.errors import InputError, ShapeError

INF = np.inf
SHAPE = (4, 6)
KINDS = [Dropout(0.3), Jitter(0.5), Shift(2, SHAPE), Shift(5, SHAPE), Flip(SHAPE)]
kinds = pytest.mark.parametrize("one", KINDS, ids=str)
rng_of = np.random.default_rng


def images(rng, samples, dtype=np.float64):
    """Samples of times that all differ, a third of them silent."""
    times = rng.permutation(samples * 24).reshape(samples, 24).astype(dtype)
    times[rng.random(times.shape) < 1 / 3] = INF
    return times


# Laws


@kinds
@given(seed=SEEDS, samples=st.integers(0, 4), dtype=st.sampled_from([np.float32, np.float64]))
def test_new_times_are_of_the_same_kind_and_the_old_ones_stay(one, seed, samples, dtype):
    times = images(rng_of(seed), samples, dtype)
    times.flags.writeable = False
    before = times.copy()
    new = one.apply(times, rng_of(seed))
    assert new.dtype == times.dtype
    assert new.shape == times.shape
    assert not np.shares_memory(new, times)
    assert not np.isnan(new).any()
    assert (new >= 0).all()
    assert same_bits(times, before)
    assert same_bits(new, one.apply(times, rng_of(seed)))


@kinds
def test_silence_stays_silent(one):
    assert np.isinf(one.apply(np.full((3, 24), INF), rng_of(0))).all()


# Each of them


def test_dropout_leaves_out_its_share_and_moves_nothing():
    times = rng_of(0).uniform(0, 9, (400, 500)).astype(np.float32)
    new = Dropout(0.25).apply(times, rng_of(1))
    lost = np.isinf(new)
    assert abs(lost.mean() - 0.25) < 0.005
    assert np.array_equal(new[~lost], times[~lost])
    assert np.array_equal(Dropout(0).apply(times, rng_of(1)), times)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_jitter_is_normal_noise(dtype):
    times = np.full((300, 300), 100, dtype)
    times[:, ::3] = INF
    new = Jitter(2.0).apply(times, rng_of(0))
    assert np.array_equal(np.isinf(new), np.isinf(times))
    moves = new[np.isfinite(new)] - 100
    assert abs(moves.mean()) < 0.05
    assert abs(moves.std() - 2) < 0.05
    assert abs((np.abs(moves) < 2).mean() - 0.683) < 0.01


def test_jitter_before_zero_is_turned_round():
    new = Jitter(1.0).apply(np.zeros((100, 100)), rng_of(0))
    assert (new > 0).all()
    assert abs(new.mean() - np.sqrt(2 / np.pi)) < 0.02


@given(seed=SEEDS, pixels=st.integers(1, 5), samples=st.integers(1, 5))
def test_a_shift_is_one_of_the_moves_of_the_definition(seed, pixels, samples):
    times = images(rng_of(seed), samples)
    new = Shift(pixels, SHAPE).apply(times, rng_of(seed))
    moves = range(-pixels, pixels + 1)
    for row, before in zip(new, times, strict=True):
        image = before.reshape(SHAPE)
        assert any(
            np.array_equal(row.reshape(SHAPE), slow.moved(image, down, right))
            for down in moves
            for right in moves
        )


def test_all_shifts_are_equally_likely():
    times = np.full((9000, 24), INF)
    times[:, 2 * 6 + 2] = 1
    new = Shift(1, SHAPE).apply(times, rng_of(0))
    found = np.isfinite(new).mean(axis=0).reshape(SHAPE)
    assert np.abs(found[1:4, 1:4] - 1 / 9).max() < 0.015
    assert np.isclose(found.sum(), 1)


def test_half_of_the_images_are_mirrored():
    times = np.tile(np.arange(24.0), (1000, 1))
    new = Flip(SHAPE).apply(times, rng_of(0)).reshape(-1, *SHAPE)
    image = np.arange(24.0).reshape(SHAPE)
    same = (new == image).all(axis=(1, 2))
    assert ((new == image[:, ::-1]).all(axis=(1, 2)) ^ same).all()
    assert abs(same.mean() - 0.5) < 0.05


# Errors


@kinds
def test_inputs_that_fit_are_accepted(one):
    one.check(24)


@pytest.mark.parametrize("one", [Shift(1, SHAPE), Flip(SHAPE)], ids=str)
def test_inputs_that_are_no_such_image_are_refused(one):
    message = r"images of 4 x 6 = 24 pixels, but there are 25 inputs"
    with pytest.raises(ShapeError, match=message):
        one.check(25)
    with pytest.raises(ShapeError, match=message):
        one.apply(np.zeros((2, 25)), rng_of(0))


@kinds
@pytest.mark.parametrize("times", [np.zeros(24), np.zeros((1, 4, 6)), np.full((1, 24), np.nan)])
def test_times_that_are_none_are_refused(one, times):
    with pytest.raises(InputError, match="times must be"):
        one.apply(times, rng_of(0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Dropout(1), r"Dropout\(share=...\) must be below 1"),
        (lambda: Dropout(-0.1), r"Dropout\(share=...\) must be 0 or more"),
        (lambda: Jitter(0), r"Jitter\(sigma=...\) must be above 0"),
        (lambda: Jitter(1e31), r"Jitter\(sigma=...\) must be 1e30 or less"),
        (lambda: Shift(0, SHAPE), r"Shift\(pixels=...\) must be a whole number, 1 or more"),
        (lambda: Shift(6, SHAPE), r"Shift\(pixels=...\) must be below the longer side .*6; got 6"),
        (lambda: Shift(1, 24), r"Shift\(shape=...\) must be \(rows, columns\), got 24"),
        (lambda: Shift(1, (4, 6.0)), r"Shift\(shape=...\) must be a whole number"),
        (lambda: Flip((4, 6, 1)), r"Flip\(shape=...\) must be \(rows, columns\)"),
    ],
)
def test_impossible_settings_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
