"""Model files of layers of maps: format 2, which says of each layer what it is."""

import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cases import run, same_record
from cases_maps import map_networks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_model_file import (
    JSON,
    assert_same,
    attempt,
    changed,
    forge,
    parts,
    peak_of,
    places,
    small_network,
)

import ttfs
from ttfs.errors import ModelFileError
from ttfs.files import reading
from ttfs.formats import model_file

GOLDEN = Path(__file__).parent / "data" / "model_format_2_maps.npz"
HEADER, ARRAYS = parts(GOLDEN)
INF = np.inf

in_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.npz"


def maps(*layers, shape=(6, 6, 1), **changes):
    return ttfs.Network(*layers, shape=shape, **{"t_max": 16, **changes})


# There and back


@in_folder
@given(data=st.data(), network=map_networks() | map_networks(np.float64))
def test_a_network_of_maps_comes_back_as_it_was(path, data, network):
    for k, binary in enumerate(network.binary):
        if binary:
            network.scales[k] = data.draw(st.floats(0.5, 2))
            network.refresh(k)
    loaded = ttfs.load(ttfs.save(path, network)).network
    with np.printoptions(precision=4):  # thresholds that were float32 come back as float64
        assert_same(network, loaded)
    assert loaded.shapes == network.shapes
    times = np.random.default_rng(0).integers(0, 9, (2, network.sizes[0])) / 2
    assert same_record(run(network, times), run(loaded, times))


def test_delays_of_maps_that_learn_come_back(path):
    delay = ttfs.Delays("input", (1, 2), rate=0.5)
    network = maps(ttfs.Conv2d(2, 3, delay=delay), ttfs.MinPool2d(2, delay=delay))
    for k in range(2):
        network.latent_delays[k][:] += np.arange(network.sizes[k])[:, None] / 8
        network.refresh(k)
    _, arrays = parts(ttfs.save(path, network))
    assert list(arrays) == ["weights_1", "latent_delays_1", "latent_delays_2"]
    assert_same(network, ttfs.load(path).network)


def test_the_header_says_what_each_layer_is(path):
    layers = (
        ttfs.Conv2d(4, (3, 2), padding=1, weights=ttfs.Binary(scale=2), threshold=[1, 2, 3, 4.5]),
        ttfs.MinPool2d(2, stride=1, delay=0.5),
        ttfs.Dense(None, 3, threshold=2),
    )
    header, arrays = parts(ttfs.save(path, maps(*layers)))
    assert (header["format"], header["shape"]) == (2, [6, 6, 1])
    assert header["layers"] == [
        {
            "kind": "conv2d",
            "out_channels": 4,
            "kernel_size": [3, 2],
            "stride": 1,
            "padding": 1,
            "weights": {"kind": "Binary", "init": None, "scale": 2, "scale_rate": 0.1},
            "scale": 2.0,
            "threshold": [1.0, 2.0, 3.0, 4.5],
            "delay": 0.0,
            "shape": [6, 6, 1],
        },
        {
            "kind": "min_pool2d",
            "kernel_size": 2,
            "stride": 1,
            "padding": 0,
            "delay": 0.5,
            "shape": [6, 7, 4],
        },
        {
            "kind": "dense",
            "inputs": 120,
            "outputs": 3,
            "weights": {"kind": "Real", "init": None},
            "scale": 1.0,
            "threshold": 2,
            "delay": 0.0,
        },
    ]
    assert {name: (a.dtype, a.shape) for name, a in arrays.items()} == {
        "weights_1": (np.uint8, (3,)),  # 3 x 2 x 4 bits
        "weights_3": (np.float32, (120, 3)),
    }


def test_shared_weights_of_one_bit_take_little_more_than_a_bit_each(path):
    binary = ttfs.Binary()
    network = maps(
        ttfs.Conv2d(24, 5, weights=binary),
        ttfs.MinPool2d(2),
        ttfs.Conv2d(48, 5, weights=binary),
        ttfs.MinPool2d(2),
        ttfs.Dense(None, 256, weights=binary),
        ttfs.Dense(None, 10, weights=binary),
        shape=(28, 28, 1),
    )
    size = ttfs.save(path, network, encoder=ttfs.Latency()).stat().st_size
    synapses = 25 * 24 + 25 * 24 * 48 + 768 * 256 + 256 * 10
    assert sum(weights.size for weights in network.weights) == synapses
    assert 8 * (size - 4096) <= 1.01 * synapses


def test_dense_networks_are_written_so_that_earlier_versions_read_them(path):
    header, _ = parts(ttfs.save(path, small_network()))
    assert header["format"] == 1
    assert "shape" not in header
    assert "kind" not in header["layers"][0]


def test_a_dense_network_keeps_the_shape_of_its_images(path):
    network = ttfs.Network(ttfs.Dense(None, 3, threshold=2), shape=(2, 3, 1), t_max=9)
    header, _ = parts(ttfs.save(path, network))
    assert (header["format"], header["layers"][0]["kind"]) == (2, "dense")
    loaded = ttfs.load(path).network
    assert loaded.shapes[0] == (2, 3, 1)
    assert_same(network, loaded)
    assert ttfs.forward(loaded, np.ones((4, 2, 3, 1))).times[0].shape == (4, 6)


def test_a_loaded_network_of_maps_can_be_changed_and_saved_again(path):
    network = ttfs.load(GOLDEN).network
    assert all(layer.initial is None for layer in network.layers)
    network.latents[0][:] *= -1
    network.weights[2][:] += 1
    network.refresh(0)
    assert_same(network, ttfs.load(ttfs.save(path, network)).network)


def test_a_file_of_format_2_will_always_be_read():
    model = ttfs.load(GOLDEN)
    network = model.network
    assert repr(network) == "Network(4x3x1-2C2x3s1x2p0x1-P2x1-3C1x2-2, Step(), t_max=12.5)"
    assert network.shapes == ((4, 3, 1), (3, 2, 2), (1, 2, 2), (1, 1, 3), (1, 1, 2))
    assert (network.unit, network.seed, network.dtype) == ("ms", 42, np.float32)
    assert model.encoder == ttfs.Latency(12.5, zero_silent=False)
    first, pool, second, last = network.layers
    assert first.weights == ttfs.Binary(scale=2, scale_rate=0, clip=1.5)
    assert first.threshold.tolist() == [1.5, 3]
    assert first.delay.init.tolist() == (np.arange(12) / 4).tolist()
    assert pool == ttfs.MinPool2d((2, 1), delay=0.5, shape=(3, 2, 2))
    assert second.delay == ttfs.Delays("input", (0, 2), 0.25)
    assert last.threshold.tolist() == [2.5, 5]
    signs = [[1, -1], [-1, 1], [1, 1], [1, -1], [-1, -1], [1, 1]]
    assert network.weights[0].tolist() == signs
    assert network.weights[2].tolist() == (np.arange(-4, 8).reshape(4, 3) / 4).tolist()
    assert network.latent_delays[2].ravel().tolist() == [-0.5, 0, 0.5, 1]
    times = [np.arange(12) / 2, [3, INF, 0, 1, INF, 2, 2, 0.5, INF, 1, 4, 0]]
    record = ttfs.forward(network, times)
    assert record.times[1].tolist() == [
        [INF, 0.75, 0.75, INF, INF, 3.0, 3.0, INF, INF, 5.25, 5.25, INF],
        [INF, INF, INF, INF, INF, 2.25, 2.25, INF, 2.25, 6.5, 2.25, INF],
    ]
    assert record.times[2].tolist() == [[INF, 1.25, 1.25, INF], [INF, 2.75, 2.75, INF]]
    assert record.times[4].tolist() == [[1.3125, 1.7576941016011038], [2.8125, 3.257694101601104]]


# Files made to do harm: sealed, and wrong within

CONV, POOL, NEXT, LAST = (("layers", k) for k in range(4))
CHANGES = [
    (("format",), 1, "header must have .* nothing else"),
    (("format",), 4, "has format 4, .* reads formats 1 to 3; a newer ttfs"),
    (("shape",), [4, 3], r"Network\(shape=...\) must be \(height, width, channels\)"),
    (("shape",), [4, 3, 1.0], "must be a whole number"),
    (("shape",), [4, 3, 0], "must be a whole number, 1 or more"),
    (("shape",), [3, 4, 1], r"layer 1: .* is for maps of \(4, 3, 1\), but gets \(3, 4, 1\)"),
    (("shape",), None, "shape must be list"),
    (("shape",), "431", "shape must be list"),
    ((*CONV, "kind"), "conv3d", "layer 1: .* knows dense, conv2d, min_pool2d"),
    ((*CONV, "kind"), ["conv2d"], "layer 1: .* knows dense, conv2d, min_pool2d"),
    ((*CONV, "kind"), None, "layer 1: .* knows dense, conv2d, min_pool2d"),
    ((*CONV, "kind"), "min_pool2d", "layer 1: it must have kind, kernel_size, .* nothing else"),
    ((*CONV, "kind"), "dense", "layer 1: it must have kind, inputs, .* nothing else"),
    ((*POOL, "kind"), "conv2d", "layer 2: it must have kind, out_channels"),
    (("layers", 1), 5, "layer 2: it is of a kind"),
    (("layers", 1), {}, "layer 2: it is of a kind"),
    ((*CONV, "extra"), 1, "layer 1: .* nothing else"),
    ((*POOL, "scale"), 1, "layer 2: .* nothing else"),
    ((*POOL, "threshold"), 1, "layer 2: .* nothing else"),
    ((*CONV, "out_channels"), 3, "layer 1: .* must be one number or 3"),
    ((*NEXT, "out_channels"), 0, "layer 3: .* must be a whole number"),
    ((*NEXT, "out_channels"), 3.0, "layer 3: it: out_channels must be int"),
    ((*NEXT, "out_channels"), True, "layer 3: it: out_channels must be int"),
    ((*CONV, "kernel_size"), 0, "layer 1: .*kernel_size"),
    ((*CONV, "kernel_size"), [2, 3, 1], r"layer 1: .*one number or \(rows, columns\)"),
    ((*CONV, "kernel_size"), [], r"layer 1: .*one number or \(rows, columns\)"),
    ((*CONV, "kernel_size"), [2, None], "layer 1: .*must be a whole number"),
    ((*CONV, "kernel_size"), "3", "kernel_size must be int or list, got str"),
    ((*CONV, "kernel_size"), [2, 9], "layer 1: .* is larger than the map"),
    ((*CONV, "kernel_size"), [9, 3], "layer 1: .* is larger than the map"),
    ((*CONV, "kernel_size"), 10**30, "layer 1: .* must be 2147483647 or less"),
    ((*CONV, "kernel_size"), [3, 3], "layer 2: .* is for maps of"),
    ((*CONV, "stride"), 0, "layer 1: .*stride"),
    ((*CONV, "stride"), -1, "layer 1: .*stride"),
    ((*CONV, "stride"), 10**30, "layer 1: .* must be 2147483647 or less"),
    ((*CONV, "padding"), -1, "layer 1: .*padding"),
    ((*CONV, "padding"), [0, 3], "layer 1: .* leaves windows"),
    ((*CONV, "padding"), [0, True], "layer 1: .*padding"),
    ((*CONV, "shape"), [4, 3], r"must be \(height, width, channels\)"),
    ((*CONV, "shape"), [4, 3, 2], "layer 1: .*"),
    ((*CONV, "shape"), None, "shape must be list"),
    ((*CONV, "threshold"), [1.5], "layer 1: .* must be one number or 2"),
    ((*CONV, "threshold"), [[1.5, 3]], "threshold must be numbers"),
    ((*CONV, "delay", "per"), "pair", "layer 1: "),
    ((*CONV, "delay"), 1, "layer 1: .*|does not hold what"),
    ((*POOL, "delay"), -1, "layer 2: .*delay"),
    ((*POOL, "kernel_size"), 9, "layer 2: .* is larger than the map"),
    ((*POOL, "shape"), [3, 2, 3], "layer 2: .* is for maps of"),
    ((*POOL, "shape"), [3, 2, 10**9], "too much for"),
    ((*POOL, "shape"), [10**9, 10**9, 2], "too much for|neurons or fewer"),
    ((*LAST, "inputs"), 4, "expects 4 inputs"),
    (("layers",), [], "at least one layer"),
    (("layers",), [HEADER["layers"][1]] * 257, "has 257 layers"),
]


@pytest.mark.parametrize(("place", "value", "message"), CHANGES)
def test_a_header_that_lies_about_maps_is_refused(path, place, value, message):
    forge(path, changed(HEADER, place, value), ARRAYS)
    with pytest.raises(ModelFileError, match=message) as caught:
        ttfs.load(path)
    assert str(caught.value).isprintable()


@in_folder
@given(place=st.sampled_from(list(places(HEADER))[1:]), value=JSON | st.just([1, 2, 2]))
def test_any_header_of_maps_is_read_or_refused(path, place, value):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = attempt(forge(path, changed(HEADER, place, value), ARRAYS))
    if model is not None:
        assert_same(model.network, ttfs.load(ttfs.save(path, model.network)).network)


@pytest.mark.parametrize(
    "arrays",
    [
        {name: ARRAYS[name] for name in reversed(ARRAYS)},
        ARRAYS | {"weights_2": np.zeros((0, 2), np.float32)},
        ARRAYS | {"weights_3": ARRAYS["weights_3"].reshape(1, 2, 2, 3)},
        ARRAYS | {"delays_1": ARRAYS["delays_1"].reshape(4, 3, 1)},
        {name: array for name, array in ARRAYS.items() if name != "delays_1"},
    ],
    ids=["swapped", "weights of a pool", "a window", "delays as a map", "no delays"],
)
def test_arrays_of_maps_in_another_form_are_refused(path, arrays):
    assert attempt(forge(path, HEADER, ARRAYS)) is not None
    assert attempt(forge(path, HEADER, arrays)) is None


def told(shape, *layers):
    """A header of layers of maps of any size, and the arrays of single weights."""
    header, arrays = json.loads(json.dumps(HEADER)), {}
    records = [{**HEADER["layers"][2], "delay": 0, **layer} for layer in layers]
    for number, record in enumerate(records, start=1):
        if record["kind"] == "min_pool2d":
            for name in ("out_channels", "weights", "scale", "threshold"):
                record.pop(name)
        else:
            record["threshold"] = 1
            arrays[f"weights_{number}"] = np.ones((1, record["out_channels"]), np.float32)
    return header | {"layers": records, "shape": shape}, arrays


ONE = {"kind": "conv2d", "out_channels": 1, "kernel_size": 1, "stride": 1, "padding": 0}
FIRST = {**ONE, "kind": "min_pool2d"}
WIDE = [30_000, 30_000, 1]


@pytest.mark.parametrize(
    ("shape", "layers"),
    [
        (WIDE, [ONE | {"shape": WIDE}]),
        (WIDE, [FIRST | {"shape": WIDE}]),
        (WIDE, [ONE | {"shape": WIDE, "stride": 30_000}]),
        ([1, 1, 1], [FIRST | {"kernel_size": 40_000, "padding": 39_999, "shape": [1, 1, 1]}]),
        ([1, 1, 10**9], [FIRST | {"shape": [1, 1, 10**9]}]),
        ([2000, 2000, 1], [ONE | {"shape": [2000, 2000, 1]}] * 9),
    ],
    ids=["shared weight", "pool", "few windows", "padding", "channels", "many"],
)
def test_maps_of_a_thousand_million_neurons_in_a_tiny_file_are_refused(path, shape, layers):
    layers = [{**layer, "stride": layer.get("stride", 1)} for layer in layers]
    forge(path, *told(shape, *layers))
    model, peak = peak_of(lambda: attempt(path))
    assert model is None
    assert peak < 2**20
    with pytest.raises(ModelFileError, match="too much for .* bytes; load.path, trusted=True"):
        ttfs.load(path)


def test_maps_of_a_million_neurons_are_read(path):
    shape = (1000, 1000, 1)
    network = maps(ttfs.Conv2d(2, 1, threshold=1), ttfs.MinPool2d(4), shape=shape)
    assert ttfs.load(ttfs.save(path, network)).network.sizes == (10**6, 2 * 10**6, 125_000)


def test_maps_that_are_trusted_may_take_what_they_need(path, monkeypatch):
    monkeypatch.setattr(reading, "ROOM", 1000)
    saved = ttfs.save(path, maps(ttfs.Conv2d(2, 1, threshold=1), shape=(300, 300, 1)))
    assert attempt(saved) is None
    assert ttfs.load(saved, trusted=True).network.sizes == (90_000, 180_000)


@in_folder
@given(network=map_networks())
def test_the_room_of_maps_is_that_of_the_arrays_and_of_a_sample(network):
    arrays = network.arrays
    found = sum(x.nbytes for x in (arrays.weights, arrays.thresholds, arrays.signs, arrays.wholes))
    found += network.latent_buffer.nbytes if network.binary.any() else 0
    found += sum(x.nbytes for x, many in zip(network.delays, network.delayed, strict=True) if many)
    flat = [replace(layer, delay=0) for layer in network.layers]
    others = sum(x.inputs - x.shape[2] + (x.positions - 1) * x.columns for x in flat)
    lists = [4 * x.positions * (min(x.inputs, x.rows) + 1) for x in flat if x.positions > 1]
    room = model_file.room_of(network.layers, network.dtype)
    assert room == found + others * (8 + network.dtype.itemsize) + sum(lists)


@pytest.mark.parametrize(
    "layer",
    [
        ttfs.Conv2d(1, 300, threshold=1.0, shape=(800, 800, 1)),
        ttfs.MinPool2d(1250, stride=1, shape=(2500, 2500, 1)),
    ],
)
def test_windows_that_would_take_ages_or_all_memory_are_refused(layer, tmp_path):
    path = tmp_path / "large.npz"
    ttfs.save(path, ttfs.Network(layer, t_max=8))
    with pytest.raises(ttfs.ModelFileError, match="trusted=True. allows it"):
        ttfs.load(path)
