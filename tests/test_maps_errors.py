"""What people get wrong about maps: a clear error, or a result that is defined."""

import numpy as np
import pytest

import ttfs
from ttfs import Conv2d, Dense, MinPool2d, Network
from ttfs.errors import InputError, ShapeError
from ttfs.gradients import gradients
from ttfs.measures.cost import cost_of

INF = np.inf
SHAPE = (6, 5, 2)


def small(shape=SHAPE, **settings):
    """A convolution, a pool and two outputs."""
    weights = np.full((3, 3, shape[2], 4), 0.5)
    layers = [
        Conv2d(4, 3, threshold=1, initial=weights),
        MinPool2d(2),
        Dense(None, 2, threshold=1),
    ]
    return Network(*layers, shape=shape, **{"t_max": 16, **settings})


# Layers


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Conv2d(0, 3), InputError, r"out_channels=...\) must be a whole number, 1 or more"),
        (lambda: Conv2d(3.0, 3), InputError, "out_channels=...\\) must be a whole number"),
        (lambda: Conv2d(3, 0), InputError, "kernel_size=...\\) must be a whole number, 1 or more"),
        (lambda: Conv2d(3, (3, 3, 1)), ShapeError, r"one number or \(rows, columns\)"),
        (lambda: Conv2d(3, np.array([3, 3])), InputError, "must be a whole number"),
        (lambda: Conv2d(3, 3, stride=0), InputError, "stride=...\\) must be a whole number"),
        (lambda: Conv2d(3, 3, stride=10**30), InputError, "stride=...\\) must be 2147483647 or"),
        (lambda: Conv2d(3, 3, padding="same"), InputError, "padding=...\\) must be a whole number"),
        (lambda: Conv2d(3, 3, padding=-1), InputError, "padding=...\\) must be a whole number, 0"),
        (
            lambda: Conv2d(3, 3, padding=3, shape=SHAPE),
            ShapeError,
            "windows of 3 without any input",
        ),
        (lambda: Conv2d(3, 3, shape=(6, 5)), ShapeError, r"\(height, width, channels\), got \(6,"),
        (lambda: Conv2d(3, 3, shape=(6, 5, 0)), InputError, "must be a whole number, 1 or more"),
        (lambda: Conv2d(3, 3, weights=np.ones(3)), InputError, "numbers go to init"),
        (lambda: Conv2d(3, 3, threshold=[1, 2]), ShapeError, "must be one number or 3"),
        (lambda: Conv2d(3, 3, threshold=0), InputError, "must be above 0"),
        (lambda: Conv2d(3, 3, delay=np.ones((60, 3))), InputError, r"\(inputs,\), one for each"),
        (lambda: Conv2d(3, 3, delay=np.ones(59), shape=SHAPE), ShapeError, r"must be \(60,\)"),
        (lambda: Conv2d(3, 3, delay=np.ones(SHAPE), shape=SHAPE), InputError, r"\(60,\), one for"),
        (lambda: Conv2d(3, 3, delay=ttfs.Delays("pair", (0, 1))), InputError, "got one per pair"),
        (lambda: Conv2d(3, 3, initial=np.ones((3, 3, 1, 2))), ShapeError, r"\(3, 3, channels, 3\)"),
        (lambda: Conv2d(3, 5, initial=np.ones((3, 2, 5, 5))), ShapeError, r"transpose\(2, 3, 1, 0"),
        (lambda: Conv2d(3, 3, initial=np.full((9, 3), INF)), InputError, "must be finite"),
        (lambda: Conv2d(3, 3).outputs, ShapeError, "does not know its shape"),
        (lambda: MinPool2d(0), InputError, "kernel_size=...\\) must be a whole number"),
        (lambda: MinPool2d(2, stride=0), InputError, "stride=...\\) must be a whole number"),
        (lambda: MinPool2d(2, padding=2, shape=SHAPE), ShapeError, "without any input"),
        (lambda: MinPool2d(2, delay=[1, 2], shape=SHAPE), ShapeError, r"must be \(60,\)"),
    ],
)
def test_layers_that_cannot_be_are_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize(
    ("layers", "shape", "error", "words"),
    [
        ([Conv2d(3, 3)], None, ShapeError, r"Conv2d 1 does not know its inputs: pass Network\(sh"),
        ([Dense(None, 3)], None, ShapeError, "Dense 1 does not know its inputs"),
        ([Conv2d(3, 7)], SHAPE, ShapeError, "layer 1: .* 7 x 7 is larger than the map of 6 x 5"),
        ([Conv2d(3, 8, padding=1)], SHAPE, ShapeError, "of 6 x 5 with its padding, 8 x 7"),
        ([Conv2d(3, 3)], (1, 28, 28), ShapeError, "1 x 28; channels come last in .height, width"),
        ([Conv2d(3, 3), MinPool2d(5)], SHAPE, ShapeError, "layer 2: .* larger than the map of 4"),
        ([Dense(60, 4), Conv2d(2, 3)], None, ShapeError, "1 x 1; a dense layer is not a map$"),
        ([Conv2d(3, 3), Dense(37, 2)], SHAPE, ShapeError, "Dense 2 expects 37 inputs, but Conv2d"),
        ([Dense(37, 2)], SHAPE, ShapeError, r"expects 37 inputs, but Network\(shape=...\) has 60"),
        ([Conv2d(3, 3, shape=(9, 9, 1))], SHAPE, ShapeError, r"is for maps of \(9, 9, 1\), but"),
        ([Conv2d(3, 3, delay=np.ones(9))], SHAPE, ShapeError, r"layer 1: .* must be \(60,\)"),
        ([Conv2d(3, 3, initial=np.ones((9, 3)))], SHAPE, ShapeError, r"must be \(3, 3, 2, 3\)"),
        ([Conv2d(3, 3)], (6, 5), ShapeError, r"Network\(shape=...\) must be \(height, width, ch"),
        ([Conv2d(3, 3)], "6x5x2", ShapeError, r"Network\(shape=...\) must be \(height, width, ch"),
        ([Conv2d(3, 3)], (6, 5, 0), InputError, "must be a whole number, 1 or more"),
        ([Conv2d], SHAPE, InputError, "layer 1 must be a Dense or Conv2d or MinPool2d layer"),
        ([Conv2d(2**31, 1)], SHAPE, InputError, "must have 2147483647 neurons or fewer"),
    ],
)
def test_layers_that_do_not_fit_are_refused(layers, shape, error, words):
    with pytest.raises(error, match=words):
        Network(*layers, shape=shape)


def test_a_stride_that_does_not_fit_leaves_the_rest_unheard():
    network = Network(Conv2d(1, 2, stride=3, threshold=1, initial=np.ones((4, 1))), shape=(7, 6, 1))
    assert network.shapes[1] == (2, 2, 1)
    times = np.full((1, 7, 6, 1), INF)
    times[0, 2], times[0, 5:], times[0, :, 2], times[0, :, 5] = 1, 1, 1, 1
    assert np.isinf(ttfs.forward(network, times).times[1]).all()


def test_a_stride_that_is_larger_than_the_map_leaves_one_window():
    network = Network(Conv2d(2, 3, stride=100), MinPool2d(1, stride=9), shape=SHAPE)
    assert network.shapes[1:] == ((1, 1, 2), (1, 1, 2))


# Stimuli


def given_to_all(network, times):
    """What each function of stimuli says."""
    labels = np.zeros(len(times), int)
    yield lambda: ttfs.forward(network, times)
    yield lambda: ttfs.forward(network, times, until="decision")
    yield lambda: ttfs.evaluate(network, times, labels)
    yield lambda: cost_of(network, times)
    yield lambda: ttfs.Trainer(network, ttfs.rules.Exact()).fit(times, labels, epochs=1)
    yield lambda: gradients(network, times, np.zeros((len(times), 2)))


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((3, 2, 6, 5), r"got \(3, 2, 6, 5\); channels come last: pass np.moveaxis\(times, 1, -1\)"),
        ((3, 5, 6, 2), r"\(samples, 6, 5, 2\) or \(samples, 60\), got \(3, 5, 6, 2\)$"),
        ((3, 6, 5, 1), r"must be \(samples, 6, 5, 2\) or \(samples, 60\), got"),
        ((3, 6, 5, 0), r"must be \(samples, 6, 5, 2\) or \(samples, 60\), got"),
        ((3, 6, 5), r"must be \(samples, 6, 5, 2\) or \(samples, 60\), got"),
        (SHAPE, r"for one stimulus, pass times\[None\]"),
        ((60,), r"for one stimulus, pass times\[None\]"),
        ((3, 59), r"must be \(samples, 60\), got \(3, 59\)"),
        ((1, 3, 6, 5, 2), r"must be \(samples, 6, 5, 2\) or \(samples, 60\), got"),
    ],
)
def test_stimuli_of_another_shape_are_refused_everywhere(shape, words):
    for call in given_to_all(small(psp=ttfs.Ramp()), np.zeros(shape)):
        with pytest.raises(ShapeError, match=words):
            call()


def test_images_without_channels_are_told_how_they_become_maps():
    with pytest.raises(ShapeError, match=r"pass times\[..., None\]"):
        ttfs.forward(small((6, 6, 1)), np.zeros((3, 6, 6)))


def test_maps_are_refused_where_rows_are_wanted():
    with pytest.raises(
        ShapeError, match=r"reshape\(-1, 60\), or make the Network.*shape=\(6, 5, 2"
    ):
        ttfs.forward(Network(Dense(60, 2)), np.zeros((3, *SHAPE)))
    with pytest.raises(ShapeError, match=r"must be \(samples, 60\), got \(3, 2, 2, 2\)$"):
        ttfs.forward(Network(Dense(60, 2)), np.zeros((3, 2, 2, 2)))


def test_a_dense_network_takes_the_maps_that_it_was_made_for():
    network = Network(Dense(None, 2, threshold=1), shape=SHAPE)
    times = np.random.default_rng(0).uniform(0, 300, (3, *SHAPE))
    record, rows = ttfs.forward(network, times), ttfs.forward(network, times.reshape(3, -1))
    assert all(np.array_equal(a, b) for a, b in zip(record.times, rows.times, strict=True))


@pytest.mark.filterwarnings("ignore:invalid value")  # of sums of silence, without the compiler
def test_maps_say_the_same_as_their_rows_everywhere():
    network = small(psp=ttfs.Ramp(), seed=3)
    times = np.random.default_rng(0).uniform(0, 18, (5, *SHAPE))
    rows = times.reshape(5, -1)
    labels, errors = np.array([0, 1, 0, 1, 1]), np.ones((5, 2))
    found = [repr(ttfs.evaluate(network, given, labels)) for given in (times, rows)]
    assert found[0] == found[1]
    assert cost_of(network, times) == cost_of(network, rows)
    both = [gradients(network, given, errors).weights for given in (times, rows)]
    assert all(np.array_equal(a, b) for a, b in zip(*both, strict=True))
    trained = [small(psp=ttfs.Ramp(), seed=3) for _ in range(2)]
    for one, given in zip(trained, (times, rows), strict=True):
        ttfs.Trainer(one, ttfs.rules.Exact()).fit(
            given, labels, epochs=1, validation=(given, labels)
        )
    assert np.array_equal(trained[0].weights[0], trained[1].weights[0])


@pytest.mark.parametrize(
    ("given", "same"),
    [
        (lambda t: t.tolist(), True),
        (np.asfortranarray, True),
        (lambda t: np.ma.masked_equal(t, 3), False),
        (lambda t: np.moveaxis(np.moveaxis(t, -1, 1).copy(), 1, -1), True),
    ],
    ids=["lists", "Fortran", "masked", "moved"],
)
def test_maps_may_be_lists_masked_or_in_any_order_of_memory(given, same):
    network, times = small(), np.random.default_rng(0).integers(0, 9, (3, *SHAPE)) * 1.0
    found = ttfs.forward(network, given(times)).times[0]
    wanted = times if same else np.where(times == 3, INF, times)
    assert np.array_equal(found, wanted.reshape(3, -1))


def test_silent_maps_stay_silent():
    network, silence = small(), np.full((2, *SHAPE), INF)
    for until in (None, "decision", 3):
        record = ttfs.forward(network, silence, until=until)
        assert all(np.isinf(times).all() for times in record.times)
        assert not record.potential.any()
    found = ttfs.evaluate(network, silence, [0, 1])
    assert (found.silent, found.undecided, found.operations_per_sample) == ((1,) * 4, 2, 0)
    assert cost_of(network, silence).whole.membrane_updates == 0
    sim = ttfs.Simulator(network, silence[0])
    assert sim.run() == "end"


def test_no_samples_give_no_results():
    record = ttfs.forward(small(), np.zeros((0, *SHAPE)))
    assert [times.shape for times in record.times] == [(0, 60), (0, 48), (0, 8), (0, 2)]


@pytest.mark.parametrize("bad", [np.nan, -1.0])
def test_times_that_cannot_be_are_refused_in_maps_too(bad):
    times = np.zeros((1, *SHAPE))
    times[0, 1, 1, 1] = bad
    with pytest.raises(InputError, match="must be 0 or later"):
        ttfs.forward(small(), times)


# One stimulus in a simulator


def test_a_simulator_takes_a_map():
    network, times = small(), np.random.default_rng(0).integers(0, 9, SHAPE) * 1.0
    sim, record = ttfs.Simulator(network, times), ttfs.forward(network, times[None])
    sim.run()
    for layer, found in enumerate(record.times):
        assert np.array_equal(sim.times(layer), found[0])


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((2, 6, 5), r"\(60,\) or \(6, 5, 2\), got .*; channels come last: pass np.moveaxis"),
        ((3, 6, 5, 2), r"for one stimulus of a batch, pass times\[i\]"),
        ((3, 60), r"for one stimulus of a batch, pass times\[i\]"),
        ((5, 6, 2), r"\(60,\) or \(6, 5, 2\), got \(5, 6, 2\); pass times.ravel\(\)"),
        ((6, 5), r"\(60,\) or \(6, 5, 2\), got \(6, 5\)$"),
    ],
)
def test_a_simulator_refuses_maps_of_another_shape(shape, words):
    with pytest.raises(ShapeError, match=words):
        ttfs.Simulator(small(), np.zeros(shape))


# Encoders


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_encoders_keep_the_shape_of_a_stack_of_images(dtype):
    images = np.random.default_rng(0).integers(0, 256, (4, *SHAPE))
    images = images.astype(dtype) if dtype is np.uint8 else (images / 255).astype(dtype)
    for encoder in (ttfs.Latency(16), ttfs.Latency(16, steps=True), ttfs.Direct()):
        times = encoder(images)
        assert times.shape == images.shape
        assert np.array_equal(times.reshape(4, -1), encoder(images.reshape(4, -1)))
        assert ttfs.forward(small(), times).times[0].shape == (4, 60)


def test_an_encoder_with_a_bias_makes_a_channel_more_which_a_network_must_have():
    times = ttfs.Direct(bias=0.9)(np.zeros((3, 6, 5, 1)))
    assert times.shape == (3, 6, 5, 2)
    with pytest.raises(ShapeError, match=r"\(samples, 6, 5, 1\) .* got \(3, 6, 5, 2\)"):
        ttfs.forward(small((6, 5, 1)), times)
    assert len(ttfs.forward(small((6, 5, 2)), times)) == 3
