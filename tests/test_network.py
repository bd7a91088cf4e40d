import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
from cases import same_bits, same_record
from hypothesis import given
from hypothesis import strategies as st

import ttfs
from ttfs import Binary, Dense, Network, Real, Step
from ttfs.errors import InputError, ShapeError

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
