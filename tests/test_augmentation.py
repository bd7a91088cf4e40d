from dataclasses import replace

import numpy as np
import pytest
import reference_training as slow
from cases import FLOATS, SEEDS, for_all_threads, same_bits
from hypothesis import given
from hypothesis import strategies as st

import ttfs
from ttfs.augmentation import Distort, Dropout, Flip, Jitter, Shift
from ttfs.errors import InputError, ShapeError
from ttfs.kernels.distortion import distort
from ttfs.kernels.threads import no_work_is_little

INF = np.inf
SHAPE = (4, 6)
STILL = {"rotation": 0, "scale": 0, "shear": 0, "shift": 0, "elastic": None}
OF_IMAGES = [
    Shift(2, SHAPE),
    Shift(2, SHAPE, mirror=True),
    Shift(5, SHAPE),
    Flip(SHAPE),
    Distort(SHAPE, late=400),
    Distort(SHAPE, shift=9, elastic=None, late=400),
]
KINDS = [Dropout(0.3), Jitter(0.5), *OF_IMAGES]
of_images = pytest.mark.parametrize("one", OF_IMAGES, ids=str)
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


@given(seed=SEEDS, pixels=st.integers(1, 3), samples=st.integers(1, 5))
def test_what_is_moved_in_may_be_the_image_in_a_mirror(seed, pixels, samples):
    times = images(rng_of(seed), samples)
    new = Shift(pixels, SHAPE, mirror=True).apply(times, rng_of(seed))
    silent = Shift(pixels, SHAPE).apply(times, rng_of(seed))
    rows, columns = SHAPE
    for row, other, before in zip(new, silent, times, strict=True):
        image, found = before.reshape(SHAPE), row.reshape(SHAPE)
        assert any(
            all(
                found[y, x]
                == image[slow.mirrored(y - down, rows), slow.mirrored(x - right, columns)]
                for y in range(rows)
                for x in range(columns)
            )
            and np.array_equal(other.reshape(SHAPE), slow.moved(image, down, right))
            for down in range(-pixels, pixels + 1)
            for right in range(-pixels, pixels + 1)
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


@of_images
def test_the_channels_of_an_image_are_changed_together_and_each_as_if_alone(one):
    deep = replace(one, shape=(*SHAPE, 3))
    times = images(rng_of(0), 15).reshape(5, 3, 24).transpose(0, 2, 1)
    new = deep.apply(times.reshape(5, 72), rng_of(1)).reshape(5, 24, 3)
    for channel in range(3):
        assert same_bits(new[..., channel], one.apply(times[..., channel], rng_of(1)))


# Distortions

GRADIENTS = np.stack(np.mgrid[1:33, 1:33], axis=-1)  # what a place holds is where it is


def moves_of(one, samples=200):
    """(samples, 30, 30, 2) how far distorted pixels were from where they are, none at an edge."""
    times = np.broadcast_to(50.0 - GRADIENTS.reshape(-1), (samples, GRADIENTS.size))
    new = 50 - one.apply(times, rng_of(0)).reshape(samples, *GRADIENTS.shape)
    return (new - GRADIENTS)[:, 1:-1, 1:-1]


def maps_of(one):
    """(samples, 2, 2) and (samples, 2): from pixels, seen from the middle, to where they were."""
    places = (GRADIENTS - 16.5)[1:-1, 1:-1][8:-8, 8:-8].reshape(-1, 2)
    moved = places + moves_of(one)[:, 8:-8, 8:-8].reshape(-1, len(places), 2)
    known = np.concatenate([places, np.ones((len(places), 1))], axis=1)
    found = np.linalg.lstsq(known, moved.transpose(1, 0, 2).reshape(len(places), -1), rcond=None)[0]
    found = found.reshape(3, -1, 2).transpose(1, 2, 0)
    return found[..., :2], found[..., 2]


@pytest.mark.small
@pytest.mark.parametrize("dtype", FLOATS)
@given(seed=SEEDS, fields=st.sampled_from([0, 2]), size=st.sampled_from([0.3, 1.0, 30.0]))
def test_distorted_images_equal_the_plain_loops_in_every_bit(dtype, seed, fields, size):
    rng = rng_of(seed)
    shape, nodes = rng.integers(1, [6, 6, 3]), rng.integers(1, 7, 2)
    given = [
        rng.uniform(0, 1, (2, *shape)),
        size * rng.standard_normal((2, 6)),
        rng.standard_normal((2, fields, *nodes)),
        rng.uniform(-1, 1, (shape[0], nodes[0])),
        rng.uniform(-1, 1, (nodes[1], shape[1])),
    ]
    pictures, maps, noise, down, across = (array.astype(dtype) for array in given)
    found, bends = np.empty_like(pictures), np.empty((3, 7), dtype)
    distort(pictures, maps, noise, down, across, bends, found, 0, 2)
    for k in range(2):
        assert same_bits(found[k], slow.distorted(pictures[k], maps[k], noise[k], down, across))


@pytest.mark.parametrize("shape", [(5, 5, 1), (4, 4, 3)])
def test_a_quarter_turn_turns_the_image(shape):
    pictures = rng_of(0).uniform(0, 1, (1, *shape))
    none, found = np.zeros((1, 0, 1, 1)), np.empty_like(pictures)
    turn = np.array([[0.0, 1, 0, -1, 0, 0]])
    around = np.zeros((shape[0], 1)), np.zeros((1, shape[1])), np.zeros((3, 5))
    distort(pictures, turn, none, *around, found, 0, 1)
    assert same_bits(found[0], np.ascontiguousarray(np.rot90(pictures[0])))


@pytest.mark.parametrize("dtype", FLOATS)
def test_without_any_distortion_images_stay_as_they_are(dtype):
    times = images(rng_of(0), 3, dtype)
    found = Distort(SHAPE, **STILL, late=128).apply(times, rng_of(1))
    assert same_bits(found, times)


def test_a_distorted_image_has_as_much_brightness_as_before():
    times = np.full((50, 9, 9), INF)
    times[:, 3:6, 3:6] = rng_of(0).uniform(0, 1, (50, 3, 3))
    one = Distort((9, 9), **STILL | {"shift": 1.5})
    found = one.apply(times.reshape(50, 81), rng_of(1))
    for before, after in zip(times.reshape(50, 81), found, strict=True):
        assert (1 - after[after < INF]).sum() == pytest.approx((1 - before[before < INF]).sum())
        assert not np.array_equal(before, after)


@pytest.mark.parametrize("angle", [7.5, 40.0])
def test_turned_images_are_turned_by_any_angle_up_to_the_largest(angle):
    maps, moves = maps_of(Distort((32, 32, 2), **STILL | {"rotation": angle}, late=50))
    angles = np.rad2deg(np.arctan2(maps[:, 1, 0], maps[:, 0, 0]))
    turns = [[[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]] for a in np.deg2rad(angles)]
    assert maps == pytest.approx(np.array(turns))
    assert moves == pytest.approx(0, abs=1e-9)
    assert angles.min() > -angle > angles.min() - 0.05 * angle
    assert angles.max() < angle < angles.max() + 0.05 * angle


def test_height_width_slant_and_place_change_each_on_its_own():
    settings = {"scale": 0.2, "shear": 0.1, "shift": 2.0}
    maps, moves = maps_of(Distort((32, 32, 2), **STILL | settings, late=50))
    assert maps[:, 0, 1] == pytest.approx(0, abs=1e-9)
    changes = [maps[:, 0, 0] - 1, maps[:, 1, 1] - 1, maps[:, 1, 0], *moves.T]
    for change, most in zip(changes, [0.2, 0.2, 0.1, 2.0, 2.0], strict=True):
        assert 0.95 * most < np.abs(change).max() < most
        assert abs(change.mean()) < 0.15 * most
    assert np.abs(np.corrcoef(changes) - np.eye(5)).max() < 0.25


def test_bent_images_are_moved_by_a_smooth_field_of_the_strength():
    one = Distort((32, 32, 2), **STILL | {"elastic": (0.4, 3.0)}, late=50)
    moves = moves_of(one)[:, 3:-3, 3:-3]
    assert np.abs(moves.std(axis=(0, 3)) - 0.4).max() < 0.08
    for apart in (1, 3, 6):  # as white noise that was smoothed
        alike = (moves[:, apart:] * moves[:, :-apart]).mean() / 0.4**2
        assert alike == pytest.approx(np.exp(-((apart / 3) ** 2) / 4), abs=0.05)
    assert abs((moves[..., 0] * moves[..., 1]).mean()) < 0.01


def test_pixels_are_distorted_as_their_times_are():
    pixels = rng_of(0).integers(0, 256, (7, 4, 6), np.uint8)
    pixels[:, 2] = 0
    times = ttfs.encode_latency(pixels.reshape(7, 24), t_max=255)
    one = Distort(SHAPE, late=255, shift=2)
    found = one.images(pixels, rng_of(1))
    assert found.dtype == np.uint8
    assert found.shape == pixels.shape
    expected = np.maximum(255 - one.apply(times, rng_of(1)), 0).reshape(pixels.shape)
    assert np.abs(found - expected).max() <= 0.501


def test_distortions_are_the_same_for_any_number_of_threads():
    times = rng_of(0).uniform(0, 1, (50, 24)).astype(np.float32)
    with no_work_is_little():
        first, *others = for_all_threads(lambda: Distort(SHAPE).apply(times, rng_of(1)))
    assert all(same_bits(first, other) for other in others)


# Errors


@kinds
def test_inputs_that_fit_are_accepted(one):
    one.check(24)


@of_images
def test_inputs_that_are_no_such_image_are_refused(one):
    message = r"images of 4 x 6 = 24 pixels, but there are 25 inputs"
    with pytest.raises(ShapeError, match=message):
        one.check(25)
    with pytest.raises(ShapeError, match=message):
        one.apply(np.zeros((2, 25)), rng_of(0))


@pytest.mark.parametrize("dtype", FLOATS)
def test_spikes_after_black_are_refused(dtype):
    times = np.array([[0.0, INF, 0.9, 1.0], [INF, INF, 1.25, 0.5]], dtype)
    message = (
        r"spikes at late=1 for black, but one comes at 1.25: distort before other augmentations"
    )
    with pytest.raises(InputError, match=message):
        Distort((2, 2)).apply(times, rng_of(0))
    assert np.isfinite(Distort((2, 2), **STILL, late=1.5).apply(times, rng_of(0))).sum() == 5


@pytest.mark.parametrize("pixels", [np.zeros((2, 24)), np.zeros(24, np.uint8)])
def test_pixels_that_are_none_are_refused(pixels):
    with pytest.raises(InputError, match=r"pixels must be \(samples, ...\) of uint8, got"):
        Distort(SHAPE).images(pixels, rng_of(0))


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
        (lambda: Shift(1, SHAPE, mirror="x"), r"Shift\(mirror=...\) must be True or False"),
        (lambda: Shift(4, SHAPE, mirror=True), r"below the shorter side .* image, 4; got 4"),
        (lambda: Shift(1, 24), r"Shift\(shape=...\) must be \(rows, columns\) or .*, got 24"),
        (lambda: Shift(1, (4, 6.0)), r"Shift\(shape=...\) must be a whole number"),
        (lambda: Flip((4, 6, 1, 1)), r"Flip\(shape=...\) must be \(rows, columns\) or \(rows, "),
        (lambda: Flip((4, 6, 0)), r"Flip\(shape=...\) must be a whole number, 1 or more"),
        (lambda: Distort(SHAPE, rotation=181), r"Distort\(rotation=...\) must be 180 or less"),
        (lambda: Distort(SHAPE, rotation=-1), r"Distort\(rotation=...\) must be 0 or more"),
        (lambda: Distort(SHAPE, scale=1), r"Distort\(scale=...\) must be below 1"),
        (lambda: Distort(SHAPE, shear="a"), r"Distort\(shear=...\) must be a number"),
        (lambda: Distort(SHAPE, shift=np.nan), r"Distort\(shift=...\) must be"),
        (lambda: Distort(SHAPE, elastic=0.7), r"must be \(strength, width\) or None, got 0.7"),
        (lambda: Distort(SHAPE, elastic=(1, 0.1)), r"and a width of 0.5 or more"),
        (lambda: Distort(SHAPE, elastic=(-1, 4)), r"Distort\(elastic=...\) must be 0 or more"),
        (lambda: Distort(SHAPE, late=0), r"Distort\(late=...\) must be above 0"),
    ],
)
def test_impossible_settings_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
