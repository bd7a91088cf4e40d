"""On- and off-centre contrast as spike times."""

import json

import numpy as np
import pytest

import ttfs
from ttfs.errors import InputError, ShapeError
from ttfs.presets.recipe import deep

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (3, 7, 5), np.uint8)


def blurred(image, width):
    """A Gaussian mean of each pixel, window by window; outside the image is its mirror image."""
    reach = int(4 * width + 0.5)
    weights = [np.exp(-0.5 * (d / width) ** 2) for d in range(-reach, reach + 1)]
    around = np.pad(image, reach, mode="symmetric")
    out = np.zeros(image.shape)
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            window = around[y : y + 2 * reach + 1, x : x + 2 * reach + 1]
            out[y, x] = weights @ window @ weights / sum(weights) ** 2
    return out


def test_contrast_is_the_difference_of_two_gaussian_means():
    encoder = ttfs.OnOff((7, 5), t_max=4.0, widths=(0.8, 1.5), least=0.1)
    times = encoder(IMAGES / 255.0)
    for image, found in zip(IMAGES / 255.0, times, strict=True):
        contrast = blurred(image, 0.8) - blurred(image, 1.5)
        contrast /= np.abs(contrast).max()
        for channel, values in enumerate((image, contrast, -contrast)):
            wanted = np.where(values < 0.1, np.inf, 4 * (1 - values))
            assert np.allclose(found[..., channel], wanted, atol=1e-9)


def test_flat_images_are_the_same_and_as_flat():
    encoder = ttfs.OnOff((7, 5))
    flat = encoder(IMAGES.reshape(3, 35))
    assert flat.shape == (3, 105)
    assert flat.dtype == np.float32
    assert np.array_equal(flat.reshape(3, 7, 5, 3), encoder(IMAGES))
    assert np.array_equal(encoder(IMAGES[0]), encoder(IMAGES)[0])
    assert encoder(IMAGES[:0]).shape == (0, 7, 5, 3)


@pytest.mark.parametrize("grey", [0, 7, 128, 255])
def test_an_even_image_has_no_contrast(grey):
    times = ttfs.OnOff((7, 5))(np.full((7, 5), grey, np.uint8))
    assert np.isinf(times[..., 1:]).all()
    assert (times[..., 0] < np.inf).all() == (grey / 255 >= 0.02)


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"shape": 28}, ShapeError),
        ({"shape": (28, 0)}, InputError),
        ({"shape": (7, 5), "widths": (2.0, 1.0)}, InputError),
        ({"shape": (7, 5), "widths": (0.0, 1.0)}, InputError),
        ({"shape": (7, 5), "widths": (1.0,)}, ShapeError),
        ({"shape": (7, 5), "least": 1.0}, InputError),
        ({"shape": (7, 5), "t_max": 0.0}, InputError),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, error):
    with pytest.raises(error, match="OnOff"):
        ttfs.OnOff(**settings)


def test_images_of_another_shape_are_refused():
    with pytest.raises(ShapeError, match="takes images of that shape, or 35 pixels"):
        ttfs.OnOff((7, 5))(np.zeros((5, 7)))


def test_a_model_keeps_the_encoder(tmp_path):
    network = ttfs.Network(ttfs.Conv2d(2, 3), ttfs.Dense(None, 2), shape=(7, 5, 3))
    encoder = ttfs.OnOff((7, 5), widths=(0.5, 3.0))
    ttfs.save(tmp_path / "model.npz", network, encoder=encoder)
    assert ttfs.load(tmp_path / "model.npz").encoder == encoder


def test_a_recipe_makes_a_network_for_three_channels():
    recipe = deep("fashion-mnist", "4C3-P2-8", encoder=ttfs.OnOff((28, 28)))
    assert recipe.network((28, 28), 10, seed=0).shapes[0] == (28, 28, 3)
    with pytest.raises(ShapeError):
        recipe.network(784, 10, seed=0)


def test_settings_are_plain_numbers():
    json.dumps(vars(ttfs.OnOff([28, 28], widths=[np.float32(1), 2])))
