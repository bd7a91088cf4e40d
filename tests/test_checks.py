import dataclasses
import fractions
import traceback

import numpy as np
import pytest
import scipy.sparse as sp

import ttfs
from ttfs import NO_SPIKE, augmentation, checks, errors, losses, optimizers, rules, silence
from ttfs.engines.populations import Population, Projection
from ttfs.errors import InputError, ShapeError, TTFSError
from ttfs.gradients.signals import gradients

HUGE = pytest.param(10**5000, id="huge")  # which Python refuses to print


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
        (ShapeError, r"got the class ShapeError, not an instance: ShapeError\(\.\.\.\)"),
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


@pytest.mark.parametrize("value", [2**1023, HUGE, np.timedelta64(3, "ms")])
def test_what_counts_nothing_is_no_whole_number(value):
    with pytest.raises(InputError, match="^it must be"):
        checks.whole(value, "it")


@pytest.mark.parametrize("value", [True, np.True_, b"7", 1j, np.complex64(1), np.ones(1), HUGE])
def test_what_only_converts_to_a_number_is_refused(value):
    with pytest.raises(InputError, match="^it must be a number, got"):
        checks.positive(value, "it")


def test_inf_is_a_number_only_where_it_is_allowed():
    assert checks.positive(np.inf, "it", endless=True) == np.inf
    assert checks.positive(2, "it", endless=True) == 2
    for value in (-np.inf, np.nan, 0, np.ones(2), "inf"):
        with pytest.raises(InputError, match="^it must be"):
            checks.positive(value, "it", endless=True)


@pytest.mark.parametrize("bounds", [(0.0, -0.0), (-0.0, 0.0), [0, 0], np.zeros(2), (0, 1e308)])
def test_numbers_can_be_drawn_between_bounds(bounds):
    low, high = checks.as_bounds(bounds, "it")
    assert hash((low, high)) is not None
    drawn = np.random.default_rng(0).uniform(low, high, 5)
    assert ((bounds[0] <= drawn) & (drawn <= bounds[1])).all()


# What says more than its numbers do


class Quantity(np.ndarray):
    """As the quantities, astropy and unyt packages have them."""

    units = "ms"


class Pint:
    """As pint has them: no array itself."""

    def __init__(self, magnitude):
        self.magnitude = magnitude
        self.dimensionality = "[time]"

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.magnitude)

    def __float__(self):
        return float(self.magnitude)


class Astropy(np.ndarray):
    """With a property of another name."""

    @property
    def unit(self):
        raise RuntimeError("which is only looked for, not asked")


class Noted:
    """As xarray has them, in its attributes."""

    def __init__(self):
        self.attrs = {"units": "ms"}

    def __array__(self, dtype=None, copy=None):
        return np.ones((2, 2))


class Tensor:
    """Of PyTorch, in a state that NumPy cannot read."""

    def __init__(self, error):
        self.error = error

    def __array__(self, dtype=None, copy=None):
        raise self.error

    def __len__(self):
        return 2


class Series:
    """Of pandas, with numbers and what is none."""

    def __array__(self, dtype=None, copy=None):
        return np.array([[1, "a"]], object)

    def to_numpy(self, dtype):
        return np.zeros((1, 2), dtype)


QUANTITIES = [
    np.ones((2, 2)).view(Quantity),
    np.ones((2, 2)).view(Astropy),
    Pint(np.ones((2, 2))),
    Noted(),
    [np.ones(2).view(Quantity), np.ones(2)],
    [[1.0, np.ones(()).view(Astropy)], [1.0, 2.0]],
    ((Pint(1.0), Pint(2.0)), (1.0, 2.0)),
]
SENTENCE = r"plain numbers, got \w+ with a unit.*pass its magnitude in the network's unit, such as"


@pytest.mark.parametrize("values", QUANTITIES)
def test_units_are_not_dropped(values):
    for read in (checks.as_array, lambda v, whose: checks.as_times(v, 2, whose)):
        with pytest.raises(InputError, match=f"^it must be {SENTENCE}"):
            read(values, "it")


@pytest.mark.parametrize("value", [np.ones(()).view(Quantity), Pint(1.0)])
def test_units_of_single_numbers_are_not_dropped(value):
    with pytest.raises(InputError, match=f"^it must be {SENTENCE}"):
        checks.positive(value, "it")


def small(**settings):
    """Two inputs and two outputs, to begin with all ones."""
    layer = {"initial": np.ones((2, 2)), "threshold": 1.0, "delay": 0.0} | settings
    return ttfs.Network(ttfs.Dense(2, 2, **layer), psp=ttfs.Ramp(), t_max=10)


READERS = {
    "times": lambda values: ttfs.forward(small(), values),
    "times that are evaluated": lambda values: ttfs.evaluate(small(), values, [0, 1]),
    "times to simulate": lambda values: ttfs.Simulator(small(), values),
    "times whose gradient": lambda values: gradients(small(), values, np.ones((2, 2))),
    "times that are counted": lambda values: ttfs.cost_of(small(), values),
    "times that decide": lambda values: ttfs.decide(values, np.ones((2, 2))),
    "times that move": lambda values: augmentation.Jitter(1).apply(values, None),
    "times of outputs": lambda values: losses.Absolute().errors(values, [0, 1], 10),
    "times to learn": lambda values: ttfs.Trainer(small(), rules.Exact()).fit(values, [0, 1]),
    "labels": lambda values: ttfs.evaluate(small(), np.ones((2, 2)), values),
    "potentials": lambda values: ttfs.decide(np.ones((2, 2)), values),
    "images": ttfs.encode_latency,
    "images and a bias": ttfs.Direct(bias=0.9),
    "images with labels": lambda values: tiny(values, [0, 1]),
    "labels of images": lambda values: tiny(np.ones((2, 2)), values),
    "weights": ttfs.Dense.of,
    "initial weights": lambda values: small(initial=values),
    "thresholds": lambda values: small(threshold=values),
    "delays": lambda values: small(delay=values),
    "delays that learn": lambda values: ttfs.Delays("pair", values),
    "bounds": lambda values: ttfs.Real(init=values),
    "a projection": lambda values: Projection("a", "b", values),
    "delays of a projection": lambda values: Projection("a", "b", np.ones((2, 2)), values),
    "thresholds of a population": lambda values: Population("a", 2, values),
}


def tiny(images, labels):
    """A data set of two images."""
    return ttfs.datasets.Dataset(images, labels, "tiny", "train", (2,), 2)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    ("values", "cure"),
    [
        (np.ones((2, 2)).view(Quantity), "magnitude"),
        (Pint(np.ones((2, 2))), "magnitude"),
        ([np.ones(2).view(Quantity)] * 2, "magnitude"),
        (Tensor(RuntimeError("Can't call numpy() on Tensor that requires grad.")), "detach"),
        (Tensor(TypeError("Got unsupported ScalarType BFloat16")), r"\.float\(\)\.numpy\(\)"),
        (Tensor(TypeError("can't convert Sparse layout tensor to numpy.")), r"to_dense\(\)"),
        ([Tensor(RuntimeError("grad")), Tensor(RuntimeError("grad"))], "detach"),
        (Tensor(ValueError("no values yet")), "no values yet"),
        (Series(), r"to_numpy\(float\)"),
        ([[1.0, 2.0], [3.0]], "rows of equal length|must be"),
        ([np.zeros((2, 3)), np.zeros((2, 4))], "rows of equal length|must be"),
        (np.array([["a", "b"]]), "must be"),
        ([[None, 1.0]], "must be"),
        (np.ones((2, 2), "m8[ms]"), r"divide them by .* np.timedelta64\(1, 'ms'\)|got"),
    ],
)
def test_whatever_cannot_be_read_as_numbers_is_refused_with_a_cure(name, values, cure):
    with pytest.raises(TTFSError, match=cure) as caught:
        READERS[name](values)
    assert "\n" not in str(caught.value)
    told = "".join(traceback.format_exception(caught.value))
    assert told.count("Traceback") == 1


@pytest.mark.parametrize("name", [name for name in READERS if "projection" not in name])
@pytest.mark.parametrize("make", [sp.csr_array, sp.coo_matrix])
def test_a_sparse_matrix_is_refused_where_a_dense_one_is_wanted(name, make):
    with pytest.raises(TTFSError, match=r"must be a dense array, got \w+: pass .toarray\(\)"):
        READERS[name](make(np.eye(2)))


# Masks

MASKED = np.ma.array(np.ones((2, 2)), mask=[[False, True], [False, False]])


@pytest.mark.parametrize("name", [name for name in READERS if not name.startswith("times")])
@pytest.mark.parametrize("values", [MASKED, list(MASKED), [[1.0, np.ma.masked], [1.0, 1.0]]])
def test_what_is_masked_is_refused_where_it_has_no_meaning(name, values):
    with pytest.raises(
        TTFSError, match=r"must not be masked, got 1 masked values: pass \.filled\(...\)"
    ):
        READERS[name](values)


@pytest.mark.parametrize(
    "masked",
    [
        MASKED,
        list(MASKED),
        [[1.0, np.ma.masked], [1.0, 1.0]],
        MASKED.astype(np.int64),
        MASKED.astype(np.float32),
        np.ma.masked_invalid([[1.0, np.nan], [1.0, 1.0]]),
    ],
)
def test_masked_times_are_silent(masked):
    times = checks.as_times(masked, 2, "it")
    assert type(times) is np.ndarray
    assert times.tolist() == [[1, np.inf], [1, 1]]
    kept = isinstance(masked, np.ma.MaskedArray) and masked.dtype == np.float32
    assert times.dtype == (np.float32 if kept else np.float64)


def test_masked_times_are_silent_in_both_engines_and_are_not_changed():
    before = MASKED.copy()
    record = ttfs.forward(small(), MASKED)
    simulator = ttfs.Simulator(small(), MASKED[0])
    simulator.run()
    assert record.times[0][0].tolist() == simulator.times(0).tolist() == [1, np.inf]
    assert record.times[1][0].tolist() == simulator.times(1).tolist()
    assert (MASKED.mask == before.mask).all()
    assert (MASKED.data == before.data).all()


def test_a_mask_that_hides_nothing_is_none():
    plain = np.ma.array([[1.0, 2.0]])
    assert checks.as_array(plain, "it").tolist() == [[1, 2]]
    assert ttfs.Dense.of(plain).initial.tolist() == [[1, 2]]


# Labels


@pytest.mark.parametrize(
    ("labels", "cure"),
    [
        ([[0], [2], [1]], r"\(3, 1\); labels.ravel\(\) flattens them$"),
        ([[0, 2, 1]], r"\(1, 3\); labels.ravel\(\) flattens them$"),
        ([[[0]], [[2]], [[1]]], r"labels.ravel\(\) flattens them$"),
        ([[1, 0], [1, 0], [0, 1]], r"; labels.argmax\(axis=1\) decodes one-hot rows$"),
        (np.eye(3), r"; labels.argmax\(axis=1\) decodes one-hot rows$"),
        ([[1, 1, 0], [0, 0, 1]], r"; labels.argmax\(axis=0\) decodes one-hot columns$"),
        ([[0, 2], [1, 1], [2, 0]], r"got \(3, 2\)$"),
        ([[1, 1], [1, 0], [0, 1]], r"got \(3, 2\)$"),
        (np.zeros((3, 2)), r"got \(3, 2\)$"),
        (np.zeros((3, 0)), r"got \(3, 0\)$"),
        (np.zeros((2, 2)), r"got \(2, 2\)$"),
        ([0, 1], r"got \(2,\)$"),
    ],
)
def test_labels_of_another_shape_are_refused_with_the_cure_that_is_right(labels, cure):
    with pytest.raises(ShapeError, match=rf"^labels must be \(3,\), one for each sample; .*{cure}"):
        checks.as_labels(labels, 3, 3)


@pytest.mark.parametrize("labels", [[[0], [2], [1]], [[0, 2, 1]], np.eye(3)[[0, 2, 1]]])
def test_the_cure_makes_the_labels_that_were_meant(labels):
    labels = np.array(labels)
    with pytest.raises(ShapeError) as caught:
        checks.as_labels(labels, 3, 3)
    cured = eval(str(caught.value).split("; ")[-1].split(" decodes")[0].split(" flattens")[0])
    assert checks.as_labels(cured, 3, 3).tolist() == [0, 2, 1]


# Settings of the wrong kind

ODD = [
    *(np.nan, np.inf, -np.inf, True, "x", "7", b"7", None, 1j, np.complex64(1), -0.0, -1),
    *(10**400, 10**5000, 2**62, 2**64, 1e300, 1e-300, 1e-320, np.float16(1), np.uint8(200)),
    *(fractions.Fraction(1, 3), np.array(5.0), np.array([1.0, 2.0]), np.array("7"), [], (1, 2)),
    *([[1], [2, 3]], {}, {1: 2}, object(), int, np.ma.masked, Pint(1.0), Tensor(RuntimeError())),
    *(np.ones(2).view(Quantity), np.timedelta64(3, "ms"), (0.0, -0.0), (-1e308, 1e308), (0, 1e300)),
]
SETTINGS = [
    (ttfs.Latency, {}),
    (ttfs.Direct, {}),
    (ttfs.Real, {}),
    (ttfs.Binary, {}),
    (ttfs.Ramp, {}),
    (ttfs.Dense, {"inputs": 2, "outputs": 2}),
    (ttfs.Delays, {"per": "input", "init": (0, 1)}),
    (ttfs.Delays, {"per": "pair", "init": np.ones((2, 2))}),
    (ttfs.SGD, {}),
    (ttfs.Momentum, {}),
    (ttfs.Adam, {}),
    (optimizers.Linear, {"start": 1, "end": 0}),
    (optimizers.Cosine, {"start": 1}),
    (losses.CrossEntropy, {}),
    (losses.Relative, {"gamma": 1}),
    (losses.Absolute, {}),
    (losses.ShiftInvariant, {"delta": 1}),
    (losses.Distilled, {}),
    (silence.Revive, {}),
    (silence.Push, {"strength": 1}),
    (silence.Hinge, {"strength": 1}),
    (silence.Bump, {}),
    (augmentation.Dropout, {"share": 0.1}),
    (augmentation.Jitter, {"sigma": 1}),
    (augmentation.Shift, {"pixels": 1, "shape": (2, 2)}),
    (augmentation.Flip, {"shape": (2, 2)}),
    (rules.S4NN, {}),
    (rules.Exact, {}),
    (rules.STiDiBP, {}),
    (rules.Surrogate, {}),
    (Population, {"name": "a", "size": 2}),
]


@pytest.mark.parametrize(("kind", "others"), SETTINGS)
def test_settings_are_refused_in_a_sentence_or_can_be_compared_hashed_and_printed(kind, others):
    for setting in dataclasses.fields(kind):
        for value in ODD:
            try:
                made, again = (kind(**(others | {setting.name: value})) for _ in range(2))
            except TTFSError:
                continue
            assert made == again
            assert hash(made) == hash(again)
            assert repr(made)


def test_every_error_is_one_of_ours_and_a_built_in_one():
    found = [e for e in vars(errors).values() if isinstance(e, type)]
    ours = [e for e in found if e.__module__ == errors.__name__]
    assert len(ours) > 4
    for error in ours:
        assert issubclass(error, errors.TTFSError)
        assert error is errors.TTFSError or issubclass(error, (ValueError, OSError))
        assert error.__doc__


class Unspeakable:
    def __repr__(self):
        raise RuntimeError


@pytest.mark.parametrize("value", [10**5000, Unspeakable()], ids=["long", "no words"])
def test_what_cannot_be_shown_is_named_by_its_type(value):
    assert checks.short(value) == f"a value of type {type(value).__name__}"


@pytest.mark.parametrize("value", [2, -1.5, np.int8(3), np.float32(0.5), np.inf, 2**62])
def test_a_number_is_a_float(value):
    assert type(checks.number(value, "it")) is float
    assert checks.number(value, "it") == value


@pytest.mark.parametrize(
    "value", [True, np.True_, "1", None, 1j, [1], np.array(1), 10**400], ids=checks.short
)
def test_what_is_no_number_that_a_float_can_hold_is_refused(value):
    with pytest.raises(InputError, match="^it must be a number, got"):
        checks.number(value, "it")


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
        with pytest.raises(InputError, match=r"must be (a string|printable text)") as caught:
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
