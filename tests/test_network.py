import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
from cases import compiled, same_bits, same_record
from hypothesis import given
from hypothesis import strategies as st

import ttfs
from ttfs import Binary, Dense, Network, Real, Step
from ttfs.errors import InputError, ShapeError
from ttfs.network import buffers

pytestmark = pytest.mark.small
SIZES = st.lists(st.integers(1, 70), min_size=2, max_size=4)


def dense(sizes, **settings):
    return [Dense(m, n, **settings) for m, n in zip(sizes[:-1], sizes[1:], strict=True)]


# Layers


def test_a_layer_of_given_weights_has_their_shape():
    layer = Dense.of([[1, 2, 3], [4, 5, 6]], threshold=2, delay=1)
    assert (layer.inputs, layer.outputs, layer.threshold, layer.delay) == (2, 3, 2, 1)


def test_a_layer_says_what_differs_from_the_usual():
    assert repr(Dense(3, 2)) == "Dense(3, 2)"
    layer = Dense(3, 2, weights=Binary(), threshold=[1, 2], delay=0.5)
    assert repr(layer).startswith("Dense(3, 2, weights=Binary(")
    assert repr(layer).endswith("threshold=[1, 2], delay=0.5)")


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"inputs": 0}, InputError, "inputs"),
        ({"inputs": 2.0}, InputError, "inputs"),
        ({"outputs": -1}, InputError, "outputs"),
        ({"outputs": True}, InputError, "outputs"),
        ({"delay": -1}, InputError, "delay"),
        ({"delay": np.nan}, InputError, "delay"),
        ({"delay": np.inf}, InputError, "delay"),
        ({"delay": "late"}, InputError, "delay"),
        ({"weights": "binary"}, InputError, "weights"),
        ({"weights": Binary}, InputError, "weights"),
        ({"weights": np.zeros((3, 2))}, InputError, "weights"),
        ({"threshold": 0}, InputError, "threshold"),
        ({"threshold": -1}, InputError, "threshold"),
        ({"threshold": np.inf}, InputError, "threshold"),
        ({"threshold": [1, np.nan]}, InputError, "threshold"),
        ({"threshold": "high"}, InputError, "threshold"),
        ({"threshold": [1]}, ShapeError, "threshold"),
        ({"threshold": [1, 2, 3]}, ShapeError, "threshold"),
        ({"threshold": [[1, 2]]}, ShapeError, "threshold"),
        ({"initial": [[1.0, 2.0]]}, ShapeError, "initial"),
        ({"initial": 1.0}, ShapeError, "initial"),
        ({"initial": np.full((3, 2), np.nan)}, InputError, "initial"),
        ({"initial": np.full((3, 2), np.inf)}, InputError, "initial"),
        ({"initial": [["a", "b"]] * 3}, InputError, "initial"),
    ],
)
def test_an_impossible_layer_is_refused(settings, error, words):
    with pytest.raises(error, match=rf"Dense\({words}=...\) must be"):
        Dense(**({"inputs": 3, "outputs": 2} | settings))


@pytest.mark.parametrize("weights", [1.0, [1.0, 2.0], np.zeros((2, 2, 2))])
def test_given_weights_must_be_a_matrix(weights):
    with pytest.raises(ShapeError, match=r"\(inputs, outputs\)"):
        Dense.of(weights)


def test_a_layer_cannot_be_changed():
    with pytest.raises(AttributeError):
        Dense(3, 2).delay = 1


# Parametrisations of weights


@pytest.mark.parametrize("kind", [Real, Binary])
@pytest.mark.parametrize(
    "init", [(1, 0), (0, np.inf), (np.nan, 1), (1,), (1, 2, 3), 5, "ab", (None, 1)]
)
def test_impossible_bounds_are_refused(kind, init):
    with pytest.raises(InputError, match=rf"{kind.__name__}\(init="):
        kind(init=init)


@pytest.mark.parametrize("scale", [0, -1, np.inf, np.nan, "one"])
def test_a_scale_must_be_positive(scale):
    with pytest.raises(InputError, match="scale"):
        Binary(scale=scale)
    with pytest.raises(InputError, match="scale_rate"):
        Binary(scale_rate=-1 if scale == 0 else scale)


# The chain


def test_layers_must_fit_onto_each_other():
    with pytest.raises(ShapeError, match="Dense 2 expects 5 inputs, but Dense 1 has 4 outputs"):
        Network(Dense(3, 4), Dense(5, 2))


@pytest.mark.parametrize(
    ("layers", "settings", "words"),
    [
        ([], {}, "at least one layer"),
        (["Dense"], {}, "layer 1 must be a Dense"),
        ([Dense(3, 2), None], {}, "layer 2 must be a Dense"),
        ([[Dense(3, 2)]], {}, "layer 1 must be a Dense"),
        ([Dense(3, 2)], {"t_max": 0}, "t_max"),
        ([Dense(3, 2)], {"t_max": np.inf}, "t_max"),
        ([Dense(3, 2)], {"t_max": np.nan}, "t_max"),
        ([Dense(3, 2)], {"seed": -1}, "seed"),
        ([Dense(3, 2)], {"seed": 1.5}, "seed"),
        ([Dense(3, 2)], {"psp": "ramp"}, "psp"),
        ([Dense(3, 2)], {"dtype": int}, "dtype"),
        ([Dense(3, 2)], {"dtype": np.float16}, "dtype"),
        ([Dense(3, 2)], {"dtype": ">f4"}, "dtype"),
        ([Dense(3, 2)], {"dtype": "no such type"}, "dtype"),
    ],
)
def test_an_impossible_network_is_refused(layers, settings, words):
    with pytest.raises(InputError, match=words):
        Network(*layers, **settings)


def test_a_network_tells_its_sizes():
    network = Network(Dense(3, 4), Dense(4, 2), t_max=10, unit="ms")
    assert network.sizes == (3, 4, 2)
    assert repr(network) == "Network(3-4-2, Step(), t_max=10)"
    assert network.unit == "ms"
    assert network.psp == Step()


# Random weights


def test_the_same_seed_draws_the_same_weights():
    first, second, other = (Network(*dense([20, 30, 5]), seed=seed) for seed in (1, 1, 2))
    for a, b, c in zip(first.weights, second.weights, other.weights, strict=True):
        assert same_bits(a, b)
        assert not same_bits(a, c)


def test_the_seed_is_0_unless_given():
    assert same_bits(Network(Dense(4, 3)).weights[0], Network(Dense(4, 3), seed=0).weights[0])


def test_layers_of_the_same_size_are_drawn_differently():
    network = Network(Dense(8, 8), Dense(8, 8))
    assert not same_bits(network.weights[0], network.weights[1])


@pytest.mark.parametrize("kind", [Real, Binary])
def test_weights_are_drawn_within_their_bounds(kind):
    network = Network(Dense(50, 40, weights=kind(init=(-2, 3))))
    latent = network.latents[0]
    assert -2 <= latent.min() < -1.9
    assert 2.9 < latent.max() <= 3


@pytest.mark.parametrize("inputs", [1, 2, 64, 784])
@pytest.mark.parametrize("threshold", [1.0, 100.0])
def test_by_default_some_more_positive_than_negative_inputs_are_needed(inputs, threshold):
    layer = Dense(inputs, 50, threshold=threshold)
    needed = max(1, 0.7 * inputs**0.5)
    real = Network(layer).weights[0]
    assert np.abs(real).max() <= 2 * threshold / needed
    assert inputs < 64 or np.abs(real).mean() == pytest.approx(threshold / needed, rel=0.1)
    network = Network(replace(layer, weights=Binary(clip=1.0)))
    assert network.arrays.thresholds[0] == pytest.approx(needed)
    assert np.abs(network.latents[0]).max() <= 1
    assert inputs < 64 or network.weights[0].mean() == pytest.approx(1 / 3, abs=0.05)


@compiled
@pytest.mark.parametrize("kind", [Real, Binary])
def test_by_default_a_network_neither_is_silent_nor_fires_at_the_first_spikes(kind):
    layers = Dense(784, 400, weights=kind()), Dense(400, 10, weights=kind())
    network = Network(*layers, t_max=256, seed=1)
    rng = np.random.default_rng(0)
    times = np.where(rng.random((50, 784)) < 0.2, rng.integers(0, 256, (50, 784)), np.inf)
    record = ttfs.forward(network, times)
    for spikes in record.times[1:]:
        assert np.isfinite(spikes).mean() > 0.1
        assert np.median(spikes[np.isfinite(spikes)]) > 10


def test_drawing_anew_changes_nothing_by_itself():
    network = Network(Dense(5, 4), seed=3)
    before = network.weights[0].copy()
    drawn = network.draw(0, np.random.default_rng(3))
    assert drawn.shape == (5, 4)
    assert same_bits(drawn.astype(np.float32), before)
    assert same_bits(network.weights[0], before)


def test_given_weights_are_copied():
    weights = np.ones((2, 2), np.float32)
    network = Network(Dense.of(weights))
    weights[:] = 5
    assert (network.weights[0] == 1).all()
    network.weights[0][:] = 7
    assert (weights == 5).all()


# Arrays


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(sizes=SIZES, binary=st.booleans())
def test_weights_are_views_of_what_kernels_read(dtype, sizes, binary):
    network = Network(*dense(sizes, weights=Binary() if binary else Real()), dtype=dtype)
    shapes = [w.shape for w in network.weights]
    assert shapes == list(zip(sizes[:-1], sizes[1:], strict=True))
    for k, weights in enumerate(network.weights):
        assert weights.dtype == dtype
        assert np.shares_memory(weights, network.arrays.weights)
        assert weights.flags.writeable != binary
        network.handed(k)[:] = k + 2
    for k, outputs in enumerate(sizes[1:]):
        padded = network.padded(network.arrays.weights, k)
        assert np.shares_memory(padded, network.arrays.weights)
        assert (padded[:, :outputs] == k + 2).all()
        assert (padded[:, outputs:] == 0).all()
    assert np.count_nonzero(network.arrays.weights) == sum(w.size for w in network.weights)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(sizes=SIZES)
def test_every_row_begins_with_a_whole_vector(dtype, sizes):
    network = Network(*dense(sizes, weights=Binary()), dtype=dtype)
    arrays = network.arrays
    for buffer in (arrays.weights, network.latent_buffer, arrays.thresholds):
        assert buffer.ctypes.data % 64 == 0
        assert buffer.flags.carray
        assert buffer.dtype == dtype
    assert (arrays.widths % 16 == 0).all()
    assert (arrays.widths - arrays.sizes[1:] < 16).all()
    assert (arrays.widths >= arrays.sizes[1:]).all()
    assert arrays.weights.size == (arrays.sizes[:-1] * arrays.widths).sum()
    assert arrays.thresholds.size == arrays.units[-1] == arrays.widths.sum()
    for weights in network.weights:
        assert weights.ctypes.data % 64 == 0
        assert weights.strides[0] % 64 == 0


@given(sizes=SIZES)
def test_layers_do_not_overlap(sizes):
    network = Network(*dense(sizes))
    for k, weights in enumerate(network.weights):
        for other in network.weights[k + 1 :]:
            assert not np.shares_memory(weights, other)


def test_real_weights_are_what_learns():
    network = Network(Dense(3, 2))
    assert network.latents[0] is network.weights[0]
    assert network.latent_buffer is network.arrays.weights
    assert network.scales.tolist() == [1]
    assert network.binary.tolist() == [False]


def test_one_threshold_or_many():
    layers = [Dense(2, 3, threshold=5), Dense(3, 2, threshold=[1, 2])]
    network = Network(*layers)
    start, end = network.arrays.units[:2]
    assert network.arrays.thresholds[start : start + 3].tolist() == [5] * 3
    assert network.arrays.thresholds[end : end + 2].tolist() == [1, 2]


# One bit


def test_binary_weights_are_the_signs_of_what_learns():
    latent = [[0.5, -0.1, 0.0], [-0.0, -3.0, 2.0]]
    network = Network(Dense.of(latent, weights=Binary()))
    assert same_bits(network.latents[0], np.array(latent, np.float32))
    assert network.weights[0].tolist() == [[1, -1, 1], [1, -1, 1]]
    assert not np.shares_memory(network.latents[0], network.weights[0])


def test_a_scale_divides_the_thresholds():
    network = Network(Dense(4, 3, weights=Binary(scale=5), threshold=[10, 20, 100]))
    assert network.scales.tolist() == [5]
    assert network.arrays.thresholds[:3].tolist() == [2, 4, 20]


def test_refreshing_follows_changed_latents_and_scales():
    network = Network(Dense(4, 3), Dense(3, 2, weights=Binary(scale=1), threshold=10))
    network.latents[1][:] = [[1, -1], [-1, 1], [-1, -1]]
    network.scales[1] = 4
    network.refresh(1)
    assert network.weights[1].tolist() == [[1, -1], [-1, 1], [-1, -1]]
    start = network.arrays.units[1]
    assert network.arrays.thresholds[start : start + 2].tolist() == [2.5, 2.5]


def test_real_and_binary_layers_can_be_mixed():
    network = Network(Dense(4, 3, weights=Binary()), Dense(3, 2))
    assert network.binary.tolist() == [True, False]
    assert np.isin(network.weights[0], [-1, 1]).all()
    assert network.latents[1] is network.weights[1]
    assert network.scales.tolist() == [100 / 1.4, 1]


# What may be written


def some(kind):
    """A network of one kind of layers, with delays that learn."""
    delay = ttfs.Delays("input", (0.5, 1))
    return Network(Dense(3, 2, weights=kind(), delay=delay), Dense(2, 2, weights=kind()), t_max=9)


@pytest.mark.parametrize("layer", [0, 1])
def test_what_follows_from_others_can_only_be_read(layer):
    network = some(Binary)
    derived = [network.weights[layer], network.scaled_thresholds(layer), network.delays[0]]
    for array in derived:
        before = array.copy()
        with pytest.raises(ValueError, match="read-only"):
            array[:] = -1
        with pytest.raises(ValueError, match="read-only"):
            array *= 2
        assert same_bits(array, before)


def test_what_learns_can_be_written_and_all_engines_follow(tmp_path):
    network = Network(Dense(3, 2, weights=Binary(), threshold=1), t_max=9)
    network.latents[0][:] = [[1, -1], [1, -1], [1, -1]]
    network.scales[0] = 0.5
    network.refresh(0)
    times = np.array([[1.0, 2.0, 3.0]])
    simulator = ttfs.Simulator(network, times[0])
    simulator.run()
    loaded = ttfs.load(ttfs.save(tmp_path / "m.npz", network)).network
    assert ttfs.forward(network, times).times[1].tolist() == [[2, np.inf]]
    assert simulator.times(1).tolist() == [2, np.inf]
    assert ttfs.forward(loaded, times).times[1].tolist() == [[2, np.inf]]


def test_real_weights_are_written_in_place_and_all_engines_follow():
    network = Network(Dense(2, 1, threshold=1), t_max=9)
    network.weights[0][:] = 0.5
    simulator = ttfs.Simulator(network, [1.0, 2.0])
    simulator.run()
    assert ttfs.forward(network, [[1.0, 2.0]]).times[1].item() == simulator.times(1).item() == 2


def test_kernels_are_handed_arrays_that_can_be_written():
    network = some(Binary)
    for array in (network.handed(0), *network.delay_buffers, *network.arrays):
        assert not isinstance(array, np.ndarray) or array.flags.writeable
    assert np.shares_memory(network.handed(0), network.weights[0])
    assert np.shares_memory(network.delay_buffers[0], network.delays[0])


@pytest.mark.parametrize(
    ("name", "value", "cure"),
    [
        ("weights", (np.ones((3, 2)),), r"network.weights\[0\]\[:\] = ...; for binary"),
        ("latents", (np.ones((3, 2)),), "change them in place"),
        ("scales", np.ones(2), "change them in place"),
        ("delays", (np.ones((1, 1)),), "network.latent_delays"),
        ("latent_delays", (None, None), "change them in place"),
        ("psp", ttfs.Ramp(), "call network.respond"),
        ("layers", (Dense(3, 2),), "make a new Network"),
        ("sizes", (3, 2), "make a new Network"),
        ("t_max", 5.0, "make a new Network"),
        ("seed", 5, "make a new Network"),
        ("dtype", np.dtype(float), "make a new Network"),
        ("delayed", (True, True), "make a new Network"),
        ("binary", np.array([True]), "make a new Network"),
        ("packed", np.array([True]), "make a new Network"),
        ("refresh", print, "make a new Network"),
    ],
)
@pytest.mark.parametrize("kind", [Real, Binary])
def test_assigning_what_others_follow_is_refused_with_a_cure(kind, name, value, cure):
    network = some(kind)
    for changed in (network, copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        before = getattr(changed, name)
        with pytest.raises(InputError, match=rf"^network.{name} cannot be assigned: .*{cure}"):
            setattr(changed, name, value)
        if name not in ("binary", "packed", "refresh"):
            assert getattr(changed, name) is before


def test_arrays_can_be_changed_by_operators_and_the_unit_be_named():
    network = some(Binary)
    network.scales *= 2
    network.unit = "ms"
    network.remark = "mine"
    network.remark = "mine still"
    assert network.scales.tolist() == (2 * some(Binary).scales).tolist()


def test_a_network_can_be_given_another_response():
    network = Network(Dense.of([[5.0]], threshold=5), t_max=9)
    network.respond(ttfs.Ramp(2))
    assert network.psp == ttfs.Ramp(2)
    assert ttfs.forward(network, [[1.0]]).times[1].tolist() == [[3.0]]
    with pytest.raises(InputError, match="a threshold is too large"):
        network.respond(ttfs.Ramp(1e38))
    with pytest.raises(InputError, match="psp must be"):
        network.respond("ramp")


# What does not fit


@pytest.mark.parametrize("psp", [Step(), ttfs.Ramp()])
@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (Dense.of([[1e300]]), "Dense 1: weights must fit float32, in which 1e[+]300 is inf"),
        (Dense.of([[1.0, -1e39]]), r"Dense 1: weights must fit float32, in which -1e[+]39 is -inf"),
        (Dense.of([[1e-300]]), "Dense 1: weights must fit float32, in which 1e-300 is 0"),
        (Dense.of([[-1e-50]], weights=Binary()), "weights must fit float32, in which -1e-50 is -0"),
        (Dense.of([[1e300]], weights=Binary()), "weights must fit float32, in which 1e[+]300"),
        (Dense(2, 2, weights=Real(init=(1e300, 2e300))), "Dense 1: weights must fit float32"),
        (Dense(2, 2, weights=Binary(init=(1e-60, 1e-50))), "Dense 1: weights must fit float32"),
        (Dense(2, 2, threshold=1e300), "Dense 1: a threshold is too large or too small"),
        (Dense(2, 2, threshold=[1, 1e-300]), "Dense 1: a threshold is too large or too small"),
        (Dense(2, 2, weights=Binary(scale=1e300)), "Dense 1: a threshold is too large or too sm"),
        (Dense(2, 2, weights=Binary(), threshold=[1e308] * 2), "thresholds are too large"),
        (Dense(2, 2, delay=ttfs.Delays("pair", np.full((2, 2), 1e200))), "1e[+]30 or less, got"),
    ],
)
def test_what_does_not_fit_the_precision_is_refused(layer, words, psp):
    with pytest.raises(InputError, match=words):
        Network(layer, psp=psp, t_max=10)


@given(
    weights=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=9),
    dtype=st.sampled_from([np.float32, np.float64]),
    kind=st.sampled_from([Real, Binary]),
)
def test_weights_are_taken_as_finite_numbers_of_their_sign_or_refused(weights, dtype, kind):
    try:
        network = Network(Dense.of([weights], weights=kind()), dtype=dtype)
    except InputError:
        return
    assert np.isfinite(network.latents[0]).all()
    assert (np.sign(network.latents[0]) == np.sign([weights])).all()


@pytest.mark.parametrize("init", [(0.0, -0.0), (-0.0, 0.0), (-0.0, -0.0)])
def test_weights_and_delays_are_drawn_between_zero_and_zero(init):
    for kind in (Real, Binary):
        assert not Network(Dense(3, 2, weights=kind(init=init))).latents[0].any()
    delay = ttfs.Delays("input", init, rate=0)
    assert not Network(Dense(3, 2, delay=delay)).delays[0].any()


@pytest.mark.parametrize("init", [(-1e308, 1e308), [-1.7e308, 1e307]])
def test_bounds_farther_apart_than_numbers_go_are_refused(init):
    for kind in (Real, Binary):
        with pytest.raises(InputError, match=r"init=...\) must not be so far apart"):
            kind(init=init)


@pytest.mark.parametrize("psp", [Step(), ttfs.Ramp(), ttfs.Ramp(2)])
@pytest.mark.parametrize("t_max", [1e200, 1e-200, 1e300])
def test_a_horizon_whose_square_overflows_is_refused_where_delays_learn(psp, t_max):
    layer = Dense(2, 2, delay=ttfs.Delays("pair", (0, 1)))
    with pytest.raises(InputError, match=r"t_max=...\), where delays learn, must be from 1e-30"):
        Network(layer, psp=psp, t_max=t_max)
    Network(replace(layer, delay=ttfs.Delays("pair", (0, 1), rate=0)), psp=psp, t_max=t_max)


@pytest.mark.parametrize("large", [2**31, 2**40, 2**62, 2**62 + 1, 2**63, 2**64, 10**300])
@pytest.mark.parametrize("kind", [Real, Binary])
def test_sizes_that_no_machine_has_are_refused_before_memory_is_taken(large, kind):
    for layer in (Dense(large, 1, weights=kind()), Dense(1, large, weights=kind())):
        with pytest.raises(InputError, match="Dense 1 must have 2147483647 neurons or fewer"):
            Network(layer)
    side = 2**31 - 1
    with pytest.raises(InputError, match=r"takes [\d,]+ GiB for weights, more than"):
        Network(Dense(side, side, weights=kind()))


def test_a_machine_without_the_memory_says_so(monkeypatch):
    def none_left(size, dtype):
        raise MemoryError

    monkeypatch.setattr(buffers, "aligned_zeros", none_left)
    with pytest.raises(InputError, match=r"^Network\(3-2, .* takes 0 GiB for weights"):
        Network(Dense(3, 2))


@pytest.mark.parametrize("number", [np.uint8, np.int8, np.int64])
def test_sizes_of_any_kind_of_number_make_the_same_layer(number):
    odd, plain = Dense(number(100), number(100)), Dense(100, 100)
    assert type(odd.inputs) is type(odd.outputs) is int
    assert same_bits(Network(odd).weights[0], Network(plain).weights[0])


# Equality


def equal_layers():
    """Pairs of layers that say the same."""
    ones = np.ones((2, 3))
    yield Dense(2, 3), Dense(2, 3, threshold=100)
    yield Dense.of(ones), Dense(2, 3, initial=ones.tolist())
    yield Dense(2, 3, threshold=[1, 2, 3]), Dense(2, 3, threshold=np.array([1.0, 2.0, 3.0]))
    yield Dense(2, 3, delay=[0.0, -0.0]), Dense(2, 3, delay=np.zeros(2))
    yield Dense(2, 3, delay=ones), Dense(2, 3, delay=ttfs.Delays("pair", ones, rate=0))
    yield (
        Dense(2, 3, delay=ttfs.Delays("input", (0, 1))),
        Dense(2, 3, delay=ttfs.Delays("input", (-0.0, 1.0))),
    )
    yield Dense(2, 3, weights=Real([0, 5])), Dense(2, 3, weights=Real(np.array([0.0, 5.0])))


@pytest.mark.parametrize(("one", "other"), list(equal_layers()))
def test_layers_that_say_the_same_are_equal_and_hash_the_same(one, other):
    assert one == other
    assert hash(one) == hash(other)
    assert len({one, other}) == 1
    assert one in [other]


def test_layers_that_differ_in_one_number_are_not_equal():
    ones, others = np.ones((2, 3)), np.ones((2, 3))
    others[1, 2] = 2
    layers = [
        *(Dense(2, 3), Dense(2, 3, threshold=99), Dense(3, 2), Dense(2, 3, weights=Binary())),
        *(Dense.of(ones), Dense.of(others), Dense.of(ones.T), Dense(2, 3, delay=1)),
        *(Dense(2, 3, threshold=[1, 2, 3]), Dense(2, 3, threshold=np.array([1, 2, 4]))),
        *(Dense(2, 3, delay=ones), Dense(2, 3, delay=others), Dense(2, 3, delay=[1, 1])),
        *(Dense(2, 3, delay=ttfs.Delays("pair", o, rate=1)) for o in (ones, others, (0, 1))),
    ]
    for k, one in enumerate(layers):
        assert [one == other for other in layers].index(True) == k
        assert sum(one == other for other in layers) == 1
    assert Dense(2, 3) != "Dense(2, 3)"


def test_a_threshold_that_was_passed_can_change_without_the_layer():
    threshold = np.array([1.0, 2.0])
    layer = Dense(3, 2, threshold=threshold)
    threshold[:] = 7
    assert layer.threshold.tolist() == [1, 2]
    with pytest.raises(ValueError, match="read-only"):
        layer.threshold[0] = 7


# Copies


@pytest.mark.parametrize("kind", [Real, Binary])
@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))]
)
def test_a_copy_is_a_network_of_its_own(duplicate, kind):
    network = Network(*dense([5, 4, 3], weights=kind(), threshold=2), seed=1)
    twin = duplicate(network)
    times = np.arange(10.0).reshape(2, 5)
    assert same_record(ttfs.forward(network, times), ttfs.forward(twin, times))
    twin.latents[0][:] = -1
    twin.refresh(0)
    assert np.isinf(ttfs.forward(twin, times).times[1]).all()
    assert np.isfinite(ttfs.forward(network, times).times[1]).any()
    assert twin.arrays.weights.ctypes.data % 64 == 0
