"""The encoder: numbers of any range as spike times, and back."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")

from sklearn.datasets import load_digits, load_iris

import ttfs
from ttfs.errors import InputError
from ttfs.sklearn import TTFSEncoder

X = load_iris().data
PIXELS = load_digits().data[:100]
INF = np.inf


def test_a_value_and_its_complement_fire_in_turn():
    encoder = TTFSEncoder().fit([[0.0, -4.0], [10.0, 4.0]])
    times = encoder.transform([[2.5, 0.0], [0.0, 9.0]])
    np.testing.assert_array_equal(times, [[0.75, 0.25, 0.5, 0.5], [INF, 0.0, 0.0, INF]])


@pytest.mark.parametrize("scale", [1e-60, 1.0, 1e60])
def test_numbers_in_single_precision_have_the_range_of_those_in_double(scale):
    encoder = TTFSEncoder().fit([[0.0], [10.0 * scale]])
    single = np.array([[0.0], [2.5], [1e30]], np.float32)
    given = encoder.transform(single)
    assert given.dtype == np.float32
    np.testing.assert_allclose(given, encoder.transform(single.astype(float)), atol=1e-6)


@pytest.mark.parametrize(
    "encoder",
    [
        ttfs.Latency(t_max=8.0),
        ttfs.Latency(t_max=256, steps=True),
        ttfs.Direct(),
        ttfs.Direct(bias=1.0),
    ],
)
@pytest.mark.parametrize("complement", [False, True])
def test_times_are_turned_back_into_numbers(encoder, complement):
    transformer = TTFSEncoder(encoder, complement=complement).fit(X)
    back = transformer.inverse_transform(transformer.transform(X))
    step = np.ptp(X, axis=0) / 256 if encoder.t_max == 256 else 1e-9
    assert (np.abs(back - X) <= step * 1.01).all()
    assert len(transformer.get_feature_names_out()) == transformer.transform(X).shape[1]


def test_only_times_are_turned_back():
    transformer = TTFSEncoder().fit(X)
    for times, said in (
        (np.ones((1, 4)), r"must be \(samples, 8\)"),
        (-np.ones((1, 8)), "0 or later"),
    ):
        with pytest.raises(InputError, match=said):
            transformer.inverse_transform(times)


def test_contrast_has_three_inputs_for_each_pixel():
    transformer = TTFSEncoder(ttfs.OnOff((8, 8)), complement=False, per="all").fit(PIXELS)
    times = transformer.transform(PIXELS)
    np.testing.assert_array_equal(times, ttfs.OnOff((8, 8))(PIXELS / 16))
    names = transformer.get_feature_names_out()
    assert names.tolist()[:4] == ["x0", "x0_on", "x0_off", "x1"]
    bright = np.where(PIXELS / 16 >= 0.02, PIXELS, 0)
    np.testing.assert_allclose(transformer.inverse_transform(times), bright)


def test_a_feature_with_one_number_tells_nothing():
    transformer = TTFSEncoder().fit([[3.0], [3.0]])
    times = transformer.transform([[3.0], [4.0], [2.0]])
    np.testing.assert_array_equal(times, [[INF, 0.0]] * 3)


def test_the_range_is_that_of_a_feature_or_of_all_or_given():
    values = np.array([[0.0, 0.5], [0.25, 1.0]])
    for per, high in (("feature", [0.25, 1.0]), ("all", [1.0, 1.0]), (None, [1.0, 1.0])):
        assert TTFSEncoder(per=per).fit(values).high_.tolist() == high
    with pytest.raises(InputError, match="takes values from 0 to 1"):
        TTFSEncoder(per=None).fit(values).transform(values + 1)
