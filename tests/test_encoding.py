import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from ttfs import Direct, Latency, encode_latency
from ttfs.errors import InputError, ShapeError

INF = np.inf
PIXELS = np.arange(256, dtype=np.uint8)
SETTINGS = st.fixed_dictionaries(
    {
        "t_max": st.one_of(st.integers(1, 1000), st.integers(2**24, 2**60), st.floats(1e-3, 1e6)),
        "steps": st.booleans(),
        "zero_silent": st.booleans(),
    }
).filter(lambda settings: settings["t_max"] > 1 or not settings["steps"])
VALUES = st.one_of(
    arrays(np.uint8, array_shapes(min_dims=0)),
    arrays(np.float32, array_shapes(min_dims=0), elements=st.floats(0, 1, width=32)),
    arrays(np.float64, array_shapes(min_dims=0), elements=st.floats(0, 1)),
    arrays(np.float16, array_shapes(min_dims=0), elements=st.floats(0, 1, width=16)),
)


# The published formulas


def test_whole_steps_are_those_of_s4nn_for_every_pixel():
    exact = [(255 - p) * 256 // 255 for p in range(256)]
    wanted = [t if t < 256 else INF for t in exact]
    assert encode_latency(PIXELS, t_max=256, steps=True).tolist() == wanted
    assert wanted[0] == INF
    assert wanted[255] == 0


def test_whole_steps_without_silence_are_those_of_bs4nn_for_every_pixel():
    times = encode_latency(PIXELS, t_max=256, steps=True, zero_silent=False)
    assert times.tolist() == [255 - p for p in range(256)]


@pytest.mark.parametrize("t_max", [2, 7, 100, 255, 256, 1000, 10_000])
def test_whole_steps_are_exact_for_every_horizon(t_max):
    exact = [(255 - p) * t_max // 255 for p in range(256)]
    times = encode_latency(PIXELS, t_max=t_max, steps=True)
    assert times.tolist() == [t if t < t_max else INF for t in exact]


def test_times_are_linear_in_the_value():
    assert encode_latency([1.0, 0.75, 0.5, 0.25, 0.0], t_max=100).tolist() == [0, 25, 50, 75, INF]
    assert encode_latency(np.array([255, 204, 51], np.uint8), t_max=100).tolist() == [0, 20, 80]


def test_a_value_of_zero_can_fire_at_the_last_moment():
    for dtype in (np.float32, np.float64):
        (time,) = encode_latency(np.zeros(1, dtype), t_max=10, zero_silent=False)
        assert time == np.nextafter(dtype(10), dtype(0))


def test_a_horizon_between_steps_allows_the_step_before_it():
    times = encode_latency([1.0, 0.0], t_max=10.5, steps=True, zero_silent=False)
    assert times.tolist() == [0, 10]
    times = encode_latency([1.0, 0.0], t_max=1.5, steps=True, zero_silent=False)
    assert times.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("t_max", "steps"),
    [*itertools.product([1.5, 255.99, 1e9 + 0.1], [False, True]), (0.7, False), (1e-6, False)],
)
def test_zero_is_silent_whatever_rounding_does(t_max, steps):
    for values in (PIXELS[:1], np.zeros(1), np.zeros(1, np.float32)):
        assert encode_latency(values, t_max=t_max, steps=steps).tolist() == [INF]


@pytest.mark.parametrize("t_max", [1, 0.5, 1e-20])
@pytest.mark.parametrize("zero_silent", [True, False])
def test_a_single_step_for_all_values_is_warned_of(t_max, zero_silent):
    settings = {"t_max": t_max, "steps": True, "zero_silent": zero_silent}
    for encode in (Latency(**settings), lambda values: encode_latency(values, **settings)):
        with pytest.warns(UserWarning, match=r"step 0 alone: all values that fire do so at once"):
            assert encode([1.0, 0.5, 0.01]).tolist() == [0, 0, 0]


@pytest.mark.parametrize("settings", [{"t_max": 1}, {"t_max": 2, "steps": True}])
def test_settings_that_tell_values_apart_are_not_warned_of(settings):
    assert len(set(Latency(**settings)([1.0, 0.5, 0.01]).tolist())) > 1


@pytest.mark.parametrize("t_max", [1e-320, 1e-45, 1e39, 1e300])
def test_horizons_that_float32_does_not_have_are_refused(t_max):
    for make in (Latency, lambda t_max: encode_latency(PIXELS, t_max=t_max)):
        with pytest.raises(InputError, match=r"t_max=...\) must be from 1e-30 to 1e\+30, got"):
            make(t_max=t_max)


@pytest.mark.parametrize("name", ["steps", "zero_silent"])
@pytest.mark.parametrize("value", ["no", None, 2, 0.5, np.ones(2)])
def test_what_is_neither_true_nor_false_is_refused(name, value):
    with pytest.raises(InputError, match=rf"^Latency\({name}=...\) must be True or False, got"):
        Latency(**{name: value})
    with pytest.raises(InputError, match=rf"^encode_latency\({name}=...\) must be True or False"):
        encode_latency(PIXELS, **{name: value})


def test_single_values_have_no_dimension():
    assert encode_latency(0.75, t_max=100).shape == ()
    assert encode_latency(np.uint8(0)).tolist() == INF


# Laws


@given(values=VALUES, settings=SETTINGS)
def test_shape_and_dtype_follow_the_values(values, settings):
    times = encode_latency(values, **settings)
    assert np.shape(times) == values.shape
    assert times.dtype == (np.float64 if values.dtype == np.float64 else np.float32)


@given(values=VALUES, settings=SETTINGS)
def test_every_time_is_before_the_horizon_or_silence(values, settings):
    times = encode_latency(values, **settings)
    assert ((times >= 0) & ((times < settings["t_max"]) | np.isinf(times))).all()
    if settings["steps"]:
        assert (np.isinf(times) | (times == np.floor(times))).all()


@given(values=VALUES, settings=SETTINGS)
def test_brighter_is_never_later(values, settings):
    times = encode_latency(values, **settings).ravel()
    ordered = times[np.argsort(-values.ravel().astype(float))]
    assert all(a <= b for a, b in itertools.pairwise(ordered))


@given(values=VALUES, settings=SETTINGS)
def test_the_largest_value_fires_at_zero_and_zero_as_it_was_asked_to(values, settings):
    top = 255 if values.dtype == np.uint8 else 1
    times = encode_latency(values, **settings)
    assert (times[values == top] == 0).all()
    assert (np.isinf(times[values == 0]) == settings["zero_silent"]).all()


@given(values=VALUES, settings=SETTINGS)
def test_nobody_is_silent_unless_silence_was_asked_for(values, settings):
    assert np.isfinite(encode_latency(values, **(settings | {"zero_silent": False}))).all()


@given(values=VALUES, settings=SETTINGS)
def test_each_value_is_encoded_on_its_own(values, settings):
    whole = np.ravel(encode_latency(values, **settings))
    parts = [encode_latency(values.ravel()[i : i + 1], **settings)[0] for i in range(values.size)]
    assert whole.tolist() == parts


def test_the_values_are_not_changed():
    values = np.array([0.5, 0.25])
    values.flags.writeable = False
    encode_latency(values, steps=True)
    assert values.tolist() == [0.5, 0.25]


def test_no_values_give_no_times():
    assert encode_latency(np.empty((0, 784), np.uint8)).shape == (0, 784)


def test_an_encoder_does_what_the_function_does():
    encoder = Latency(t_max=100, steps=True, zero_silent=False)
    wanted = encode_latency(PIXELS, t_max=100, steps=True, zero_silent=False)
    assert np.array_equal(encoder(PIXELS), wanted)
    assert np.array_equal(Latency()(PIXELS), encode_latency(PIXELS))
    assert encoder == Latency(t_max=100, steps=True, zero_silent=False)


# Later for larger values


@given(
    values=VALUES,
    early=st.floats(0, 10),
    length=st.floats(1e-3, 100),
    bias=st.sampled_from([None, 0, 0.9]),
)
def test_direct_times_are_those_of_the_formula(values, early, length, bias):
    late = early + length
    encoder = Direct(early, late, bias, t_max=late + 1)
    if values.ndim == 0 and bias is not None:
        with pytest.raises(ShapeError, match="needs values"):
            encoder(values)
        return
    times = encoder(values)
    assert times.dtype == (np.float64 if values.dtype == np.float64 else np.float32)
    if bias is not None:
        assert (times[..., -1] == times.dtype.type(bias)).all()
        times = times[..., :-1]
    assert times.shape == values.shape
    top = 255 if values.dtype == np.uint8 else 1
    for time, value in zip(times.ravel(), values.ravel(), strict=True):
        wanted = early + float(value) / top * (late - early)
        assert time == times.dtype.type(min(wanted, late))
    if values.ndim:
        assert encoder.inputs(values.shape[-1]) == encoder(values).shape[-1]


def test_direct_times_of_yin_yang_are_the_published_ones():
    features = np.array([[0.0, 1.0, 0.5, 0.25]])
    assert Direct()(features).tolist() == [[0.15, 2.0, 1.075, 0.6125]]
    assert Direct(bias=0.9)(features).tolist() == [[0.15, 2.0, 1.075, 0.6125, 0.9]]
    assert Direct(bias=0.9)(features[:0]).shape == (0, 5)
    assert Direct(0, 10, t_max=20)(np.array([0, 51, 255], np.uint8)).tolist() == [0, 2, 10]


def test_encoders_know_how_many_inputs_they_need():
    assert Latency().inputs(784) == Direct().inputs(784) == 784
    assert Direct(bias=0).inputs(4) == 5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"early": -1}, r"Direct\(early=...\) must be 0 or more"),
        ({"late": INF}, r"Direct\(late=...\) must be above 0"),
        ({"bias": np.nan}, r"Direct\(bias=...\) must be 0 or more"),
        ({"t_max": "x"}, r"Direct\(t_max=...\) must be a number"),
        ({"early": 2.0}, "early < late < t_max, got 2, 2 and 4"),
        ({"late": 4.0}, "early < late < t_max, got 0.15, 4 and 4"),
        ({"bias": 4}, r"Direct\(bias=...\) must be below t_max 4, got 4"),
        ({"early": 1.0, "late": 1 + 1e-12}, "that float32 can tell apart, got 1.0, 1.0000000"),
        ({"late": 4 - 1e-12}, "that float32 can tell apart, got 0.15, 3.9999"),
        ({"bias": 4 - 1e-12}, "that float32 can tell apart, got 0.15, 2.0, 3.9999"),
        ({"t_max": 1e300}, r"Direct\(t_max=...\) must be from 1e-30 to 1e\+30, got 1e\+300"),
    ],
)
def test_impossible_times_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        Direct(**settings)


# Errors


@pytest.mark.parametrize(
    "values",
    [
        [np.nan],
        [0.5, np.nan],
        [-0.1],
        [1.0001],
        [INF],
        [-INF],
        np.array([2.0], np.float32),
        [0, 1, 2],
        np.array([200], np.int64),
        np.array([True]),
        np.array(["a"]),
        np.array([1j]),
        None,
        [[0.5], [0.5, 0.5]],
    ],
)
def test_values_that_are_no_brightness_are_refused(values):
    for encode in (encode_latency, Direct()):
        with pytest.raises(InputError, match="values"):
            encode(values)


@pytest.mark.parametrize("t_max", [0, -1, INF, np.nan, "x", None])
def test_an_impossible_horizon_is_refused(t_max):
    with pytest.raises(InputError, match="t_max"):
        encode_latency([0.5], t_max=t_max)
    with pytest.raises(InputError, match=r"^Latency\(t_max=...\) must be"):
        Latency(t_max=t_max)


def test_values_out_of_range_are_named():
    with pytest.raises(
        InputError, match=r"0..1 and not NaN, got 0 to 229; divide pixels of 0..255"
    ):
        encode_latency([0.0, 229.0])
