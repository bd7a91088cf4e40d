import numpy as np
import pytest

import ttfs
from ttfs import NO_SPIKE, checks, errors
from ttfs.errors import InputError, ShapeError


def test_silence_is_infinity():
    assert np.inf == NO_SPIKE


@pytest.mark.parametrize("values", [1, 1.5, [1, 2], [[True]], np.zeros((2, 2), np.float16)])
def test_numbers_become_arrays(values):
    array = checks.as_array(values, "it")
    assert isinstance(array, np.ndarray)
    assert np.array_equal(array, values)


@pytest.mark.parametrize("values", ["a", None, [1, None], 1j, [object()], np.array("2020", "M8")])
def test_what_is_no_number_is_refused_by_name(values):
    with pytest.raises(InputError, match="^it must be numbers"):
        checks.as_array(values, "it")


def test_a_ragged_list_is_refused_by_name():
    with pytest.raises(ShapeError, match="^it must be numbers in rows of equal length"):
        checks.as_array([[1, 2], [3]], "it")


@pytest.mark.parametrize(
    ("dtype", "wanted"),
    [
        (np.float32, np.float32),
        (np.float64, np.float64),
        (np.float16, np.float64),
        (np.longdouble, np.float64),
        (np.int32, np.float64),
        (np.uint8, np.float64),
        (bool, np.float64),
        (">f4", np.float64),
        (">f8", np.float64),
    ],
)
def test_times_are_float32_or_float64(dtype, wanted):
    times = checks.as_times(np.ones((2, 3), dtype), 3, "it")
    assert times.dtype == wanted
    assert times.dtype.isnative


def test_times_are_what_kernels_were_compiled_for():
    times = np.arange(12.0).reshape(4, 3)
    readonly = times.copy()
    readonly.flags.writeable = False
    odd = np.zeros(times.nbytes + 1, np.uint8)[1:].view(float).reshape(4, 3)
    odd[:] = times
    assert not odd.flags.aligned
    for other in (times[::-1], np.asfortranarray(times), readonly, odd):
        clean = checks.as_times(other, 3, "it")
        assert type(clean) is np.ndarray
        assert clean.flags.carray
        assert np.array_equal(clean, other)


def test_clean_times_are_not_copied():
    times = np.zeros((2, 3))
    assert checks.as_times(times, 3, "it") is times


def test_no_samples_are_times():
    assert checks.as_times(np.empty((0, 3)), 3, "it").shape == (0, 3)


@pytest.mark.parametrize("shape", [(), (3,), (2, 4), (2, 3, 1), (0,), (3, 2)])
def test_times_of_another_shape_are_refused(shape):
    with pytest.raises(ShapeError, match=r"^it must be \(samples, 3\)"):
        checks.as_times(np.zeros(shape), 3, "it")


@pytest.mark.parametrize("bad", [np.nan, -1e-300, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_times_below_zero_and_nan_are_refused(bad, dtype):
    times = np.array([[0, 1, bad]])
    if bad > -1e-30:
        dtype = np.float64
    with pytest.raises(InputError, match="^it must be 0 or later, or inf for silence; got"):
        checks.as_times(times.astype(dtype), 3, "it")


def test_minus_zero_and_infinity_are_times():
    assert checks.as_times([[-0.0, np.inf]], 2, "it").tolist() == [[0, np.inf]]


@pytest.mark.parametrize("labels", [[0, 2, 1], np.array([0, 2, 1], np.uint8), [0.0, 2.0, 1.0]])
def test_labels_become_whole_numbers(labels):
    clean = checks.as_labels(labels, 3, 3)
    assert clean.dtype == np.int64
    assert clean.tolist() == [0, 2, 1]


def test_no_labels_are_labels_of_no_samples():
    assert checks.as_labels([], 0, 3).shape == (0,)


@pytest.mark.parametrize(
    ("labels", "error", "words"),
    [
        ([0, 1], ShapeError, "one for each sample"),
        ([[0, 1, 2]], ShapeError, "one for each sample"),
        (0, ShapeError, "one for each sample"),
        ([0, 1, 3], InputError, r"0\.\.2"),
        ([0, 1, -1], InputError, r"0\.\.2"),
        ([0, 1, 2**63], InputError, "labels"),
        ([0, 1, 0.5], InputError, "whole numbers, got 0.5"),
        ([0, 1, np.nan], InputError, "whole"),
        ([0, 1, np.inf], InputError, "whole"),
        (["a", "b", "c"], InputError, "numbers"),
        ([[0], [1, 2], [3]], InputError, "labels"),
    ],
)
def test_labels_that_cannot_be_meant_are_refused(labels, error, words):
    with pytest.raises(error, match=words):
        checks.as_labels(labels, 3, 3)


@pytest.mark.parametrize("value", [1, 0.5, np.float32(2), np.int64(3), 5e-324])
def test_a_positive_number_is_a_float(value):
    number = checks.positive(value, "it")
    assert type(number) is float
    assert number == float(value)


@pytest.mark.parametrize(
    "value", [0, -1, -0.5, np.nan, np.inf, -np.inf, "x", "7", None, [1, 2], 10**400]
)
def test_a_number_that_is_not_positive_is_refused(value):
    with pytest.raises(InputError, match="^it must be"):
        checks.positive(value, "it")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("s4nn", "got 's4nn'"),
        (np.zeros((64, 8)), r"got array\(\[\[0., .{40,50}\.\.\. \(ndarray\)"),
        (ShapeError, "got <class 'ttfs.errors.ShapeError'>"),
    ],
)
def test_a_value_of_another_kind_is_shown_in_one_line(value, words):
    with pytest.raises(InputError, match=rf"^it must be a number, {words}$"):
        checks.of_kind(value, int, "it", "a number")


@pytest.mark.parametrize("values", [1, "ab", {1: 2}, [1, "b"]])
def test_several_are_a_list_of_one_kind(values):
    assert checks.several([1, 2], int, "they", "numbers") == (1, 2)
    with pytest.raises(InputError, match="^they must be numbers, got"):
        checks.several(values, int, "they", "numbers")


def test_zero_is_refused_unless_allowed():
    assert checks.positive(0, "it", zero=True) == 0
    with pytest.raises(InputError, match="0 or more"):
        checks.positive(-1, "it", zero=True)


@pytest.mark.parametrize("value", [1, 5, np.int64(5), np.uint8(5), 10**30])
def test_a_whole_number_is_an_int(value):
    assert type(checks.whole(value, "it")) is int
    assert checks.whole(value, "it") == value


@pytest.mark.parametrize("value", [0, -1, 1.0, 1.5, "1", None, True, np.True_, np.nan, [1]])
def test_what_is_not_a_whole_number_is_refused(value):
    with pytest.raises(InputError, match="^it must be a whole number, 1 or more"):
        checks.whole(value, "it")


def test_the_least_whole_number_is_named():
    assert checks.whole(0, "it", least=0) == 0
    with pytest.raises(InputError, match="5 or more; got 4"):
        checks.whole(4, "it", least=5)


def test_every_error_is_one_of_ours_and_a_built_in_one():
    ours = [e for e in vars(errors).values() if isinstance(e, type)]
    assert len(ours) > 4
    for error in ours:
        assert issubclass(error, errors.TTFSError)
        assert error is errors.TTFSError or issubclass(error, (ValueError, OSError))
        assert error.__doc__


# Text


UNPRINTABLE = [
    *("\n", "a\tb", "\0", "\x1b[31mred", "\x7f", "\x9b2J", "a\r", "\u2028"),
    *("\u202egnp.exe", "\u2066", "\u200b", "\ud800", "\ufeff", "x" * 101),
]
NO_TEXT = [None, 5, b"ms", ["ms"]]


@pytest.mark.parametrize(
    "text", ["", "ms", "µs", "time constant", "10\u00b2 s", "日", "x" * 100, "$"]
)
def test_text_that_can_be_printed_is_taken(text):
    assert checks.as_text(text, "it") == text


@pytest.mark.parametrize("text", [*UNPRINTABLE, *NO_TEXT], ids=lambda text: ascii(text)[:20])
def test_text_that_cannot_be_printed_is_refused_wherever_it_is_given(text):
    layer = ttfs.Dense(2, 1)
    for use in (
        lambda: checks.as_text(text, "it"),
        lambda: ttfs.Network(layer, unit=text),
        lambda: ttfs.Circuit([ttfs.Population("a", 1)], [], unit=text),
        lambda: ttfs.Population(text, 1),
    ):
        with pytest.raises(InputError, match=r"must be (a|printable) text") as caught:
            use()
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "value",
    [*UNPRINTABLE, "x" * 10**6, {"a": "\x1b"}, 1.5, None],
    ids=lambda value: ascii(value)[:20],
)
def test_what_is_shown_is_one_line_that_can_be_printed(value):
    text = checks.shown(value)
    assert text.isprintable()
    assert len(text) < 3000
    text.encode("utf-8")


def test_what_is_shown_is_what_it_is():
    assert checks.shown("0.97 ± 0.01, µs") == "0.97 ± 0.01, µs"
    assert checks.shown("a\x1b[0m") == "a\\x1b[0m"
    assert checks.shown("abcdef", most=3) == "abc..."
