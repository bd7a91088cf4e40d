"""What layers of maps say of themselves, and what a network makes of them."""

import copy
import pickle

import numpy as np
import pytest
import reference_maps
from cases_maps import map_networks
from hypothesis import given

import ttfs
from ttfs import Binary, Conv2d, Delays, Dense, MinPool2d, Network
from ttfs.kernels import reach
from ttfs.network.maps import as_pair, positions_of

pytestmark = pytest.mark.small
SHAPE = (6, 5, 2)
FOUR = np.arange(3 * 2 * 2 * 4).reshape(3, 2, 2, 4) / 8  # rows, columns, channels, out_channels


def network(*layers, shape=SHAPE, **settings):
    return Network(*layers, shape=shape, **{"t_max": 16, **settings})


# Descriptions


@pytest.mark.parametrize(
    "layer",
    [
        Conv2d(24, 5),
        Conv2d(24, 5, padding=2),
        Conv2d(3, (3, 2), stride=(1, 2), padding=(1, 0)),
        Conv2d(3, 5, weights=Binary(init=None, scale=2, scale_rate=0.1, clip=np.inf), delay=1),
        Conv2d(3, 5, threshold=2.5, delay=Delays(per="input", init=(0, 1), rate=0.5)),
        MinPool2d(2),
        MinPool2d(3, stride=2, padding=1, delay=0.5),
        MinPool2d((2, 3)),
    ],
    ids=repr,
)
def test_what_a_layer_prints_makes_its_equal(layer):
    names = {"Conv2d": Conv2d, "MinPool2d": MinPool2d, "Binary": Binary, "Delays": Delays}
    twin = eval(repr(layer), {**names, "inf": np.inf})
    assert twin == layer
    assert hash(twin) == hash(layer)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Conv2d(3, 3), Conv2d(3, [3, 3])),
        (Conv2d(3, 3), Conv2d(np.int32(3), (np.int64(3), 3), stride=1, padding=0)),
        (Conv2d(3, 3, threshold=[1, 2, 3]), Conv2d(3, 3, threshold=np.array([1.0, 2, 3]))),
        (Conv2d(4, (3, 2), initial=FOUR), Conv2d(4, (3, 2), initial=FOUR.reshape(12, 4))),
        (Conv2d(3, 3, delay=np.ones(60)), Conv2d(3, 3, delay=[1] * 60)),
        (Conv2d(3, 3, shape=[6, 5, 2]), Conv2d(3, 3).after(SHAPE)),
        (MinPool2d(2), MinPool2d((2, 2), stride=2)),
        (MinPool2d(2, shape=SHAPE), MinPool2d(2).after(SHAPE)),
    ],
)
def test_layers_that_say_the_same_are_equal(one, other):
    assert one == other
    assert hash(one) == hash(other)
    assert len({one, other}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Conv2d(3, 3), Conv2d(4, 3)),
        (Conv2d(3, 3), Conv2d(3, (3, 2))),
        (Conv2d(3, 3), Conv2d(3, 3, stride=2)),
        (Conv2d(3, 3), Conv2d(3, 3, padding=1)),
        (Conv2d(3, 3), Conv2d(3, 3, shape=SHAPE)),
        (Conv2d(3, 3), Conv2d(3, 3, weights=Binary())),
        (Conv2d(3, 3), Conv2d(3, 3, threshold=1)),
        (Conv2d(3, 3), Conv2d(3, 3, delay=1)),
        (Conv2d(4, (3, 2), initial=FOUR), Conv2d(4, (3, 2), initial=-FOUR)),
        (MinPool2d(2), MinPool2d(2, stride=1)),
        (MinPool2d(2), MinPool2d(2, delay=1)),
        (MinPool2d(2), Conv2d(2, 2)),
        (Conv2d(3, 1), Dense(3, 1)),
    ],
)
def test_layers_that_say_other_things_differ(one, other):
    assert one != other


@pytest.mark.parametrize(
    ("layer", "notation"),
    [
        (Conv2d(24, 5), "24C5"),
        (Conv2d(24, 5, stride=2, padding=2), "24C5s2p2"),
        (Conv2d(3, (3, 2), stride=(1, 2)), "3C3x2s1x2"),
        (MinPool2d(2), "P2"),
        (MinPool2d(3, stride=2, padding=1), "P3s2p1"),
        (Dense(9, 4), "4"),
    ],
)
def test_layers_are_written_as_in_papers(layer, notation):
    assert layer.notation == notation


def test_sizes_of_two_equal_numbers_are_one():
    assert as_pair((3, 3), "size") == 3
    assert as_pair([3, 2], "size") == (3, 2)


def test_a_layer_cannot_be_changed():
    layer = Conv2d(3, 3, threshold=[1, 2, 3], delay=np.ones(60))
    with pytest.raises(AttributeError):
        layer.stride = 2
    with pytest.raises(ValueError, match="read-only"):
        Conv2d(3, 3, threshold=np.array([1.0, 2, 3])).threshold[0] = 5
    assert layer.stride == 1


def test_what_a_layer_was_given_may_change_afterwards():
    threshold, delay = np.array([1.0, 2, 3]), np.ones(60)
    layer = Conv2d(3, 3, threshold=threshold, delay=delay)
    threshold[:], delay[:] = 9, 9
    assert layer == Conv2d(3, 3, threshold=[1, 2, 3], delay=np.ones(60))


# Sizes


@pytest.mark.parametrize("side", range(1, 9))
@pytest.mark.parametrize("window", range(1, 6))
@pytest.mark.parametrize("stride", range(1, 4))
@pytest.mark.parametrize("padding", range(5))
def test_there_are_as_many_positions_as_windows_that_fit(side, window, stride, padding):
    if padding >= window or side + 2 * padding < window:
        return
    fitting = [at for at in range(0, 99, stride) if at + window <= side + 2 * padding]
    found = positions_of((side, 1, 1), (window, 1), (stride, 1), (padding, 0), "layer")
    assert found == (len(fitting), 1)


@given(network=map_networks())
def test_sizes_follow_from_the_layers(network):
    for k, layer in enumerate(network.layers):
        assert layer.shape == network.shapes[k] or isinstance(layer, Dense)
        assert layer.gives == network.shapes[k + 1]
        assert (layer.inputs, layer.outputs) == network.sizes[k : k + 2]
        assert network.weights[k].shape == (layer.rows, layer.columns)
        assert layer.positions * layer.columns == layer.outputs
        assert len(network.scaled_thresholds(k)) == layer.columns


@given(network=map_networks())
def test_inputs_reach_those_whose_windows_they_are_in(network):
    for k, layer in enumerate(network.layers):
        _, there = reference_maps.unrolled(layer, network.weights[k])
        counts = np.zeros(layer.inputs, np.int64)
        reach.count_reached(layer.reach, counts)
        assert counts.tolist() == there.sum(axis=1).tolist()
        wanted = np.zeros(layer.inputs) if layer.pools else there.sum(axis=1)
        assert np.array_equal(np.broadcast_to(network.fan_out(k), layer.inputs), wanted)


# Networks


def test_layers_of_a_network_are_placed_copies():
    layers = Conv2d(4, 3), MinPool2d(2), Dense(None, 10)
    made = network(*layers, shape=(8, 8, 1))
    assert [layer.shape for layer in layers[:2]] == [None, None]
    assert layers[2].inputs is None
    assert [layer.shape for layer in made.layers] == [(8, 8, 1), (6, 6, 4), (1, 1, 36)]
    assert made.layers[0] == Conv2d(4, 3, shape=(8, 8, 1))
    assert made.layers[2] == Dense(36, 10)
    again = network(*made.layers, shape=(8, 8, 1))
    assert again.layers == made.layers
    assert all(one is other for one, other in zip(again.layers, made.layers, strict=True))


def test_a_first_layer_that_says_its_shape_suffices():
    made = Network(Conv2d(4, 3, shape=SHAPE), Dense(None, 3))
    assert made.shapes == (SHAPE, (4, 3, 4), (1, 1, 3))
    assert made.sizes == (60, 48, 3)


def test_a_network_prints_its_layers_as_papers_do():
    layers = Conv2d(24, 5), MinPool2d(2), Conv2d(48, 5), MinPool2d(2), Dense(None, 256)
    made = Network(*layers, Dense(None, 10), shape=(28, 28, 1))
    assert repr(made) == "Network(28x28x1-24C5-P2-48C5-P2-256-10, Step(), t_max=256)"
    assert made.sizes == (784, 13824, 3456, 3072, 768, 256, 10)


@pytest.mark.parametrize(
    ("layers", "names"),
    [
        ([Conv2d(2, 1), MinPool2d(2), Dense(None, 3)], "input, conv 1, pool 1, output"),
        ([Conv2d(2, 1), Conv2d(2, 1), Dense(None, 3)], "input, conv 1, conv 2, output"),
        ([Conv2d(2, 1), Dense(None, 4), Dense(None, 3)], "input, conv 1, hidden, output"),
        ([MinPool2d(2), Dense(None, 4), Dense(None, 4), Dense(None, 3)],
         "input, pool 1, hidden 1, hidden 2, output"),
        ([Dense(None, 4), Dense(None, 3)], "input, hidden, output"),
        ([Conv2d(2, 1)], "input, output"),
    ],
)  # fmt: skip
def test_layers_have_names(layers, names):
    made = network(*layers)
    assert ", ".join(made.names) == names
    assert ttfs.Circuit.of(made).names == made.names


def test_weights_that_are_given_as_windows_or_as_rows_are_the_same():
    for initial in (FOUR, FOUR.reshape(12, 4), FOUR.tolist()):
        made = network(Conv2d(4, (3, 2), initial=initial))
        assert np.array_equal(made.weights[0].reshape(FOUR.shape), FOUR)


def test_each_channel_has_its_threshold_at_all_positions():
    made = network(Conv2d(3, 1, threshold=[1, 2, 3], initial=np.ones((2, 3))))
    times = np.array([0.0, 4.0])[None, None, None].repeat(6, 1).repeat(5, 2)
    found = ttfs.forward(made, times).times[1].reshape(6, 5, 3)
    assert (found == [0, 4, np.inf]).all()


def test_each_input_has_its_delay():
    delay = np.arange(60.0)
    made = network(Conv2d(2, 1, threshold=1, delay=delay, initial=np.eye(2)), t_max=100)
    pool = network(MinPool2d(1, delay=delay), t_max=100)
    for one in (made, pool):
        assert ttfs.forward(one, np.ones((1, 60))).times[1].tolist() == [(delay + 1).tolist()]


def test_a_pool_hands_on_the_first_spike_of_each_channel():
    times = np.random.default_rng(0).integers(0, 20, (3, 6, 4, 2)) * 1.0
    times[times > 15] = np.inf
    times[:, :2, :2, 0] = np.inf
    found = ttfs.forward(network(MinPool2d(2), shape=(6, 4, 2)), times).times[1]
    wanted = times.reshape(3, 3, 2, 2, 2, 2).min(axis=(2, 4))
    assert np.array_equal(found.reshape(wanted.shape), wanted)
    assert np.isinf(found.reshape(wanted.shape)[:, 0, 0, 0]).all()


def test_weights_of_channels_are_drawn_for_the_inputs_of_a_window():
    made = network(Conv2d(64, 3, threshold=1), Dense(None, 3), shape=(9, 9, 4), seed=1)
    low, high = Dense(36, 64, threshold=1).weights.bounds(36, 64, 1)
    drawn = made.weights[0]
    assert drawn.shape == (36, 64)
    assert low <= drawn.min() < 0.9 * low
    assert 0.9 * high < drawn.max() <= high


def test_layers_without_weights_have_no_parameters():
    made = network(Conv2d(4, 3), MinPool2d(2, delay=Delays("input", (1, 2))), Dense(None, 3))
    names = ["weights_1", "scale_1", "delay_2", "weights_3", "scale_3"]
    assert list(made.parameters()) == names
    assert made.weights[1].shape == (0, 4)
    assert list(network(MinPool2d(2)).parameters()) == []


@pytest.mark.parametrize(
    "make", [copy.copy, copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))]
)
def test_a_copy_does_the_same_and_can_be_changed_alone(make):
    layers = [
        Conv2d(4, 3, threshold=[1, 2, 3, 4], weights=Binary(), delay=Delays("input", (1, 2))),
        MinPool2d(2, delay=0.5),
        Dense(None, 3, threshold=1),
    ]
    made = network(*layers, seed=4)
    twin = make(made)
    assert twin.layers == made.layers
    assert (twin.shapes, twin.names, repr(twin)) == (made.shapes, made.names, repr(made))
    times = np.random.default_rng(0).uniform(0, 12, (5, *SHAPE))
    records = [ttfs.forward(one, times) for one in (made, twin)]
    assert np.isfinite(records[0].times[1]).any()
    assert all(np.array_equal(a, b) for a, b in zip(*(r.times for r in records), strict=True))
    before = made.weights[0].copy()
    twin.latents[0][:] *= -1
    twin.latent_delays[0][:] += 1
    twin.refresh(0)
    assert np.array_equal(made.weights[0], before)
    assert not np.array_equal(made.delays[0], twin.delays[0])


@pytest.mark.parametrize("layer", [Conv2d(3, 3, shape=SHAPE, threshold=[1, 2, 3]), MinPool2d(2)])
def test_a_copy_of_a_layer_is_its_equal(layer):
    for twin in (copy.copy(layer), copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert twin == layer
        assert hash(twin) == hash(layer)


def test_binary_maps_begin_with_a_scale_for_their_windows():
    made = network(Conv2d(4, 3, weights=Binary(), threshold=10), Dense(None, 2))
    assert made.scales[0] == Dense(18, 4, weights=Binary(), threshold=10).weights.first_scale(
        18, 10
    )
    assert set(np.unique(made.weights[0])) == {-1, 1}
    assert made.packed.tolist() == [True, False]
