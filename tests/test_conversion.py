"""Networks of ReLUs as networks of spikes: the same but for roundings, and how far apart."""

import itertools
import json

import numpy as np
import pytest
from cases_windows import layer_on
from hypothesis import given, settings
from hypothesis import strategies as st

import ttfs
from ttfs.cli import main
from ttfs.clocked import Rate
from ttfs.errors import InputError, ModelFileError, ShapeError

INF = np.inf


@st.composite
def relu_layers(draw):
    """Layers with weights, on a map, and some values to look at."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = size = tuple(int(n) for n in rng.integers(1, 6, 3))
    layers = []
    for _ in range(draw(st.integers(1, 4))):
        layers.append(layer_on(size, rng, lambda s: rng.normal(0, 0.7, s), binary=False))
        size = layers[-1].gives
        if min(size[:2]) > 1 and draw(st.booleans()):
            layers.append(ttfs.MinPool2d(2, stride=int(rng.integers(1, 3))).after(size))
            size = layers[-1].gives
    layers.append(ttfs.Dense.of(rng.normal(0, 1, (int(np.prod(size)), 4)), bias=rng.normal(size=4)))
    return layers, rng.random((20, int(np.prod(shape)))), shape


def relus_of(layers, values):
    """(samples, outputs) of a network of ReLUs, layer by layer."""
    found = values
    for number, layer in enumerate(layers, start=1):
        found = one_relu(layer, found)
        found = found if number == len(layers) else np.maximum(found, 0)
    return found


def one_relu(layer, values):
    """The sums of one layer, or the largest values of its windows."""
    if isinstance(layer, ttfs.Dense):
        return values @ layer.initial + (0 if layer.bias is None else layer.bias)
    window, stride, padding = layer.windows
    maps = values.reshape(-1, *layer.shape)
    maps = np.pad(maps, [(0, 0), *((p, p) for p in padding), (0, 0)])
    seen = np.lib.stride_tricks.sliding_window_view(maps, window, (1, 2))
    seen = seen[:, :: stride[0], :: stride[1]]
    if layer.pools:
        return seen.max(axis=(-2, -1)).reshape(len(values), -1)
    weights = layer.initial.reshape(*window, layer.shape[2], -1)
    found = np.einsum("nyxckl,klco->nyxo", seen, weights)
    return (found + (0 if layer.bias is None else layer.bias)).reshape(len(values), -1)


@given(relu_layers(), st.sampled_from(["channel", "layer"]))
def test_a_converted_network_says_what_the_relus_say(case, per):
    layers, values, shape = case
    found = ttfs.convert(layers, values, per=per, shape=shape, dtype=np.float64)
    times = found.times(values)
    record = ttfs.forward(found.network, times)
    wanted = relus_of(layers, values)
    np.testing.assert_allclose(found.outputs(record.potential), wanted, rtol=0, atol=1e-11)
    np.testing.assert_array_equal(
        ttfs.decide(record.times[-1], record.potential).label, wanted.argmax(axis=1)
    )
    distance = found.compare(values)
    assert distance.agreement == 1
    assert distance.undecided == 0
    assert max(distance.largest) < 1e-11
    assert max(distance.clipped) == 0
    assert str(distance).startswith("decides as the ReLU network does in 100.00 % of 20 samples")
    simulator = ttfs.Simulator(found.network, times[0])
    simulator.run()
    np.testing.assert_allclose(simulator.potential("output"), record.potential[0], atol=1e-11)


@given(relu_layers(), st.sampled_from([2, 4, 8, 16]))
def test_with_steps_it_is_the_network_of_quantised_relus(case, steps):
    layers, values, shape = case
    found = ttfs.convert(layers, values, steps=steps, shape=shape, dtype=np.float64)
    record = ttfs.forward(found.network, found.times(values))
    said, close = values, np.zeros(len(values), bool)
    for k, layer in enumerate(layers):
        sums = one_relu(layer, said)
        if layer.pools:
            said = sums
            continue
        sums = sums + (found.offset if k == len(layers) - 1 else 0)
        limits = np.resize(found.thresholds[k], sums.shape[1])
        shares = sums / limits * steps + 0.5
        close |= (abs(shares - np.round(shares)) < 1e-9).any(axis=1)
        said = np.clip(np.floor(shares), 0, steps) / steps * limits
    spoken = found.activations(record.times)[-1]
    np.testing.assert_allclose(spoken[~close], said[~close], rtol=0, atol=1e-9)


def trained(rng):
    """A network of ReLUs that knows something: random layers, and outputs fitted to the digits."""
    train, test = ttfs.datasets.digits()
    values, held = train.images.reshape(-1, 64), test.images.reshape(-1, 64)
    first, second = rng.normal(0, 0.25, (64, 200)), rng.normal(0, 0.1, (200, 200))
    bias = rng.normal(0, 0.1, 200)
    hidden = np.maximum(np.maximum(values @ first + bias, 0) @ second, 0)
    wanted = np.eye(10)[train.labels]
    output = np.linalg.lstsq(hidden.T @ hidden + np.eye(200), hidden.T @ wanted, rcond=None)[0]
    layers = ttfs.Dense.of(first, bias=bias), ttfs.Dense.of(second), ttfs.Dense.of(output)
    return layers, values, held, test.labels


def test_local_thresholds_are_twice_the_mean_of_what_is_above_0_below_clipped_by_theirs():
    layers, values, _, _ = trained(np.random.default_rng(0))
    found, below = ttfs.convert(layers, values, threshold="local", per="channel"), values
    for layer, thresholds in zip(layers[:-1], found.thresholds[:-1], strict=True):
        said = np.maximum(one_relu(layer, below), 0)
        wanted = 2 * said.sum(axis=0) / np.maximum(np.count_nonzero(said, axis=0), 1)
        speaks = wanted > 0
        np.testing.assert_allclose(thresholds[speaks], wanted[speaks], rtol=1e-9)
        assert speaks.mean() > 0.5
        below = np.minimum(said, thresholds)


def test_layers_above_a_pool_hear_what_is_clipped_below_it_and_no_more():
    """Thresholds of a pool are those of what it takes the largest of."""
    values = np.zeros((2, 20))
    values[:, :2], values[0, 2::2] = 1, 0.01
    layers = [
        ttfs.Conv2d(1, 1, initial=np.ones((1, 1)), shape=(2, 20, 1)),
        ttfs.MinPool2d(2),
        ttfs.Dense.of(np.eye(10)[:, :1]),
        ttfs.Dense.of(np.ones((1, 2))),
    ]
    maps = values.reshape(1, 2, 20)
    told = {"threshold": "local", "dtype": np.float64}
    first, pool, second, _ = ttfs.convert(layers, maps, per="channel", **told).thresholds
    assert first == pool == 2 * values[values > 0].mean()
    np.testing.assert_allclose(second, 2 * first)


def test_layers_with_one_local_threshold_are_clipped_at_it():
    layers, values, _, _ = trained(np.random.default_rng(0))
    found, below = ttfs.convert(layers, values, threshold="local", per="layer"), values
    for layer, thresholds in zip(layers[:-1], found.thresholds[:-1], strict=True):
        said = np.maximum(one_relu(layer, below), 0)
        each = 2 * said.sum(axis=0) / np.maximum(np.count_nonzero(said, axis=0), 1)
        np.testing.assert_allclose(thresholds, each.max(), rtol=1e-9)
        below = np.minimum(said, each.max())


def test_a_layer_with_one_threshold_has_that_of_all_its_activations_together():
    layers, values, _, _ = trained(np.random.default_rng(0))
    for threshold in ("quantile", "max"):
        found, below = ttfs.convert(layers, values, threshold=threshold, per="layer"), values
        for layer, thresholds in zip(layers[:-1], found.thresholds[:-1], strict=True):
            said = np.maximum(one_relu(layer, below), 0)
            above = said[said > 0]
            wanted = {"max": above.max(), "quantile": np.quantile(above, 0.999)}
            np.testing.assert_allclose(thresholds, wanted[threshold], rtol=1e-9)
            below = said


def test_quantiles_clip_some_and_say_how_many():
    layers, values, _, _ = trained(np.random.default_rng(1))
    found = ttfs.convert(layers, values, threshold="quantile", quantile=0.95)
    assert 0.04 < found.compare(values).clipped[0] < 0.06
    largest = ttfs.convert(layers, values)
    assert (found.thresholds[0] <= largest.thresholds[0]).all()
    assert (found.thresholds[0] < largest.thresholds[0]).mean() > 0.5


def test_what_cannot_be_converted_is_refused_by_name():
    dense = ttfs.Dense.of(np.ones((4, 2)))
    values = np.ones((3, 4))
    with pytest.raises(InputError, match="layer 2, Dense.2, 2. has no real weights"):
        ttfs.convert([dense, ttfs.Dense(2, 2)], values)
    with pytest.raises(InputError, match="layer 1 must be one of Dense, Conv2d, MinPool2d"):
        ttfs.convert(["relu", dense], values)
    with pytest.raises(InputError, match="a Network, a torch.nn.Module or a file, got int"):
        ttfs.convert(3, values)
    with pytest.raises(InputError, match="threshold must be max or quantile or error or local"):
        ttfs.convert([dense], values, threshold="mean")
    with pytest.raises(InputError, match="per must be layer or channel, got 'neuron'"):
        ttfs.convert([dense], values, per="neuron")
    with pytest.raises(ShapeError, match="inputs must be .* got .3, 5."):
        ttfs.convert([dense], np.ones((3, 5)))
    with pytest.raises(InputError, match="0"):
        ttfs.convert([dense], np.full((3, 4), 1.5))


def test_a_layer_that_never_speaks_is_converted_too():
    layers = ttfs.Dense.of(-np.ones((4, 3))), ttfs.Dense.of(np.ones((3, 2)), bias=[1.0, 2.0])
    found = ttfs.convert(layers, np.ones((2, 4)), dtype=np.float64)
    record = ttfs.forward(found.network, found.times(np.ones((2, 4))))
    np.testing.assert_allclose(found.outputs(record.potential), [[1, 2], [1, 2]])


# Files of weights


def written(folder, state, name="w.npz"):
    path = folder / name
    np.savez(path, **state)
    return path


def a_state(rng):
    """Weights of 6C3p1-P2-7-4 on 6 x 6 images with 2 channels, as PyTorch writes them."""
    return {
        "0.weight": rng.normal(0, 0.4, (6, 2, 3, 3)),
        "1.weight": rng.uniform(0.5, 1.5, 6),
        "1.bias": rng.normal(0, 0.3, 6),
        "1.running_mean": rng.normal(0, 0.3, 6),
        "1.running_var": rng.uniform(0.5, 1.5, 6),
        "1.num_batches_tracked": np.array(7),
        "5.weight": rng.normal(0, 0.3, (7, 54)),
        "5.bias": rng.normal(0, 0.3, 7),
        "7.weight": rng.normal(0, 0.4, (4, 7)),
    }


def test_a_file_of_weights_becomes_the_network_that_wrote_it(tmp_path):
    rng = np.random.default_rng(0)
    state, images = a_state(rng), rng.random((30, 6, 6, 2))
    path = written(tmp_path, state)
    found = ttfs.convert(path, images, layers="6C3p1-P2-7-4", dtype=np.float64)
    conv = ttfs.Conv2d(
        6, 3, padding=1, initial=state["0.weight"].transpose(2, 3, 1, 0), shape=(6, 6, 2)
    )
    said = one_relu(conv, images.reshape(30, -1)).reshape(-1, 6)
    said = (said - state["1.running_mean"]) / np.sqrt(state["1.running_var"] + 1e-5)
    said = np.maximum(said * state["1.weight"] + state["1.bias"], 0).reshape(30, 3, 2, 3, 2, 6)
    flat = said.max(axis=(2, 4)).transpose(0, 3, 1, 2).reshape(30, -1)  # channels first
    hidden = np.maximum(flat @ state["5.weight"].T + state["5.bias"], 0)
    record = ttfs.forward(found.network, found.times(images))
    wanted = hidden @ state["7.weight"].T
    np.testing.assert_allclose(found.outputs(record.potential), wanted, rtol=0, atol=1e-12)


def test_files_that_do_not_fit_are_refused_by_name(tmp_path):
    rng = np.random.default_rng(0)
    state, images = a_state(rng), rng.random((3, 6, 6, 2))
    path = written(tmp_path, state)
    cases = [
        ("6C3p1-P2-4", "has 2 layers with weights, but the file has 3: 0, 5, 7"),
        ("5C3p1-P2-7-4", r"0 has weights \(6, 2, 3, 3\), but .* needs \(5, 2, 3, 3\)"),
        ("6C3p1-P2-8-4", r"5 has weights \(7, 54\), but .* needs \(8, 54\)"),
        (None, "pass its layers"),
    ]
    for layers, match in cases:
        with pytest.raises(InputError, match=match):
            ttfs.convert(path, images, layers=layers)
    changes = [
        ({"5.weight": np.full((7, 54), np.nan)}, ModelFileError, "5.weight must be finite"),
        ({"9.scale": np.ones(3)}, InputError, "9.scale is neither a weight nor a bias"),
        ({"8.bias": np.ones(3)}, InputError, "8 has a bias, but no weight"),
        ({"1.running_var": -np.ones(6)}, InputError, "1 has no running mean, or a variance below"),
        ({"1.bias": np.ones(5)}, InputError, "1 is for .5,., but its layer has 6"),
    ]
    for change, error, match in changes:
        other = written(tmp_path, state | change, "other.npz")
        with pytest.raises(error, match=match):
            ttfs.convert(other, images, layers="6C3p1-P2-7-4")


def test_files_that_are_no_arrays_are_refused_and_nothing_in_them_is_run(tmp_path):
    images = np.ones((2, 4))
    np.savez(tmp_path / "objects.npz", a=np.array([print], dtype=object))
    (tmp_path / "text.npz").write_text("no archive")
    (tmp_path / "cut.npz").write_bytes(
        written(tmp_path, {"weight": np.ones((2, 4))}).read_bytes()[:90]
    )
    for name in ("objects.npz", "text.npz", "cut.npz"):
        with pytest.raises(ModelFileError, match="cannot be read as .npz"):
            ttfs.convert(tmp_path / name, images, layers="2")
    with pytest.raises(ModelFileError, match="there is no such file"):
        ttfs.convert(tmp_path / "none.npz", images, layers="2")
    with pytest.raises(ModelFileError, match="must end in .npz, .safetensors, .pt, .pth"):
        ttfs.convert(tmp_path / "model.h5", images, layers="2")


def test_the_command_writes_a_model_that_others_read(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    state = {"a.weight": rng.normal(0, 0.2, (30, 64)), "b.weight": rng.normal(0, 0.2, (10, 30))}
    written(tmp_path, state)
    options = ["--layers", "30-10", "--calibrate", "digits", "--out", "model.npz"]
    assert main(["convert", "w.npz", *options]) == 0
    out = capsys.readouterr().out
    assert "decides as the ReLU network does in 100.00 %" in out
    assert main(["evaluate", "model.npz", "--dataset", "digits"]) == 0
    assert main(["plot", "model.npz", "--dataset", "digits", "--out", "."]) == 0
    assert main(["info", "model.npz", "--cost", "--dataset", "digits"]) == 0
    assert main(["convert", "w.npz", *options]) == 2
    assert "model.npz already exists; --force overwrites it" in capsys.readouterr().err
    more = ["--steps", "4", "--threshold", "local", "--force"]
    assert main(["convert", "w.npz", *options, *more]) == 0
    capsys.readouterr()
    assert main(["convert", "w.npz", "--layers", "30", *options[2:], "--force"]) == 2
    assert "has 1 layers with weights, but the file has 2: a, b" in capsys.readouterr().err
    assert main(["view", "model.npz", "--dataset", "digits"]) == 0
    assert main(["step", "model.npz", "--dataset", "digits", "--json"]) == 0
    assert '"kind":"window"' in capsys.readouterr().out


def test_the_command_writes_a_model_for_firing_rates(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    state = {"a.weight": rng.normal(0, 0.2, (30, 64)), "b.weight": rng.normal(0, 0.2, (10, 30))}
    written(tmp_path, state)
    layers, data = ["--layers", "30-10"], ["--calibrate", "digits", "--force", "--out", "m.npz"]
    train, test = ttfs.datasets.digits()
    relus = [ttfs.Dense.of(state[name].T, bias=0.0) for name in sorted(state)]
    seen, values = train.images[:1000], test.images
    for threshold in ("local", "potential", None):
        told = [] if threshold is None else ["--threshold", threshold]
        assert main(["convert", "w.npz", *layers, *data, "--rate", "8", *told]) == 0
        wanted, rate = ttfs.clocked.convert_to_rates(relus, seen, threshold or "error", 8)
        assert f"for firing rates: 8 steps, {rate.told()}" in capsys.readouterr().out
        assert main(["evaluate", "m.npz", "--dataset", "digits", "--report", "r.json"]) == 0
        found = json.loads((tmp_path / "r.json").read_text())
        told = ttfs.clocked.evaluate(wanted.network, values, test.labels, rate)
        assert Rate(**found["rate"]) == rate
        assert found["accuracy"] == told.accuracy
        assert found["spikes_per_sample"] == told.spikes_per_sample
        (tmp_path / "r.json").unlink()
    capsys.readouterr()
    assert main(["convert", "m.npz", *data, "--rate", "4", "--threshold", "quantile"]) == 0
    before = ttfs.load("m.npz").network
    own = ["--threshold", "qcfs", "--initial", "0.25", "--compensate", "--negative"]
    assert main(["convert", "m.npz", *data, "--rate", "4", *own]) == 0
    assert "biases compensate" in capsys.readouterr().out
    rate = Rate(4, initial=0.25, negative=True)
    kept, _ = ttfs.clocked.convert_to_rates(before, seen, "qcfs", 4)
    assert np.allclose(kept.network.weights[0], before.weights[0], rtol=1e-6)
    wanted = ttfs.clocked.compensated(kept.network, seen, rate)
    model = ttfs.load("m.npz")
    assert Rate(**model.report["rate"]) == rate
    assert all(map(np.array_equal, wanted.biases, model.network.biases))
    assert main(["evaluate", "m.npz"]) == 0  # with the data of the calibration
    told = capsys.readouterr()
    assert "on digits test" in told.out
    assert "with the decisions given" not in told.out
    assert "biases" not in told.err
    assert main(["evaluate", "m.npz", "--dataset", "digits", "--rate", "8"]) == 0
    assert "the biases of m.npz are meant for 4 steps" in capsys.readouterr().err
    assert main(["step", "m.npz", "--dataset", "digits", "--json"]) == 0
    assert "its biases are not meant for that" in capsys.readouterr().err
    assert main(["convert", "m.npz", *data, "--rate", "4"]) == 2
    assert "convert the model from which it was made" in capsys.readouterr().err
    for wrong, said in (
        (["--rate", "8", "--steps", "8"], "give only one of them"),
        (["--threshold", "potential"], "--threshold potential is for firing rates"),
        (["--initial", "0.5"], "--initial is for firing rates"),
        (["--compensate"], "--compensate is for firing rates"),
        (["--negative"], "--negative is for firing rates"),
        (["--rate", "8", "--threshold", "qcfs"], "keeps the thresholds of a model with windows"),
        (["--rate", "8", "--threshold", "qcfs", "--per", "layer"], "omit --per"),
        (["--rate", "8", "--initial", "-1"], "'-1' is not a potential from 0"),
        (["--rate", "8", "--initial", "inf"], "'inf' is not a potential from 0"),
    ):
        assert main(["convert", "w.npz", *layers, *data, *wrong]) == 2
        assert said in capsys.readouterr().err


# Modules of PyTorch


def modules():
    """PyTorch, or the test is skipped."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    torch.manual_seed(0)
    return torch, torch.nn


def settled(module, inputs):
    """A module in float64 whose batch norms have seen some data."""
    import torch

    module.double().train()
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.weight.data.uniform_(0.5, 1.5)
            part.bias.data.normal_(0, 0.3)
    for _ in range(3):
        module(inputs)
    return module.eval()


def agrees(module, inputs):
    """Convert a module, compare its outputs with those of the conversion; return that."""
    found = ttfs.convert(module, inputs.numpy(), dtype=np.float64)
    record = ttfs.forward(found.network, found.times(inputs.numpy()))
    wanted = module(inputs).detach().numpy()
    np.testing.assert_allclose(found.outputs(record.potential), wanted, rtol=0, atol=1e-12)
    assert max(found.compare(inputs.numpy()).largest) < 1e-12
    return found


def a_chain(rng, inputs):
    """Convolutions, a pool of some kind, norms, and dense layers."""
    nn = modules()[1]
    groups, channels = [(1, 6), (3, 6), (1, 5)][rng.integers(3)]
    pool = [nn.MaxPool2d(2), nn.AvgPool2d(2), nn.MaxPool2d(3, 2, 1), nn.Identity()][rng.integers(4)]
    window, stride = int(rng.integers(1, 4)), int(rng.integers(1, 3))
    first = nn.Conv2d(3, channels, window, stride, groups=groups)
    order = [nn.BatchNorm2d(channels), nn.ReLU()] if rng.random() < 0.5 else [nn.ReLU()]
    order = [*order, pool] if rng.random() < 0.5 or isinstance(pool, nn.AvgPool2d) else order
    second = nn.Conv2d(channels, 7, 3, padding=1, bias=bool(rng.integers(2)))
    limit = nn.ReLU6() if rng.random() < 0.5 else nn.ReLU()
    top = [nn.AdaptiveAvgPool2d(1)] if rng.random() < 0.5 else []
    body = nn.Sequential(first, *order, second, nn.BatchNorm2d(7), limit, *top, nn.Flatten())
    width = body.double().eval()(inputs).shape[1]
    head = [nn.Linear(width, 9), nn.ReLU(), nn.Dropout(0.3), nn.Linear(9, 4)]
    return nn.Sequential(*body, *head)


@settings(max_examples=20)
@given(st.integers(0, 2**31 - 1))
def test_a_chain_of_modules_says_the_same(seed):
    inputs = seeded(seed)
    agrees(settled(a_chain(np.random.default_rng(seed), inputs), inputs), inputs)


@pytest.mark.long
@settings(max_examples=1000)
@given(st.integers(0, 2**31 - 1))
def test_a_thousand_modules_say_the_same_in_both_engines(seed):
    torch, nn = modules()
    rng, inputs = np.random.default_rng(seed), seeded(seed)
    kind = rng.integers(3)
    if kind == 0:
        module = a_chain(rng, inputs)
    elif kind == 1:
        sizes = [432, *rng.integers(1, 30, rng.integers(0, 4)), 5]
        parts = [nn.Flatten()]
        for below, above in itertools.pairwise(sizes):
            parts += [nn.Linear(int(below), int(above), bool(rng.integers(2))), nn.ReLU()]
        module = nn.Sequential(*parts[:-1])
    else:
        blocks = [(int(rng.integers(2, 9)), int(rng.integers(1, 3))) for _ in range(3)]
        module = residual(nn, torch, int(rng.integers(2, 9)), blocks[: rng.integers(1, 4)])
    found = agrees(settled(module, inputs), inputs)
    times = found.times(inputs.numpy())
    record = ttfs.forward(found.network, times)
    label = ttfs.decide(record.times[-1], record.potential).label
    assert (label == module(inputs).detach().numpy().argmax(axis=1)).all()
    simulator = ttfs.Simulator(found.network, times[0])
    simulator.run()
    np.testing.assert_allclose(simulator.potential("output"), record.potential[0], atol=1e-12)
    for k, layer in enumerate(record.times):
        np.testing.assert_allclose(simulator.times(k), layer[0], atol=1e-12)


def seeded(seed):
    """Eight images of three channels, and PyTorch's own numbers from a seed."""
    torch = modules()[0]
    torch.manual_seed(seed)
    return torch.rand(8, 3, 12, 12, dtype=torch.float64)


def test_shifts_before_padded_convolutions_are_biases_of_places():
    torch, nn = modules()
    inputs = torch.rand(8, 3, 9, 8, dtype=torch.float64)
    module = settled(
        nn.Sequential(
            nn.Conv2d(3, 5, 3, 2, padding=1),
            nn.ReLU(),
            nn.BatchNorm2d(5),
            nn.Conv2d(5, 6, (3, 4), padding=(1, 2), bias=False),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(6 * 5 * 5, 4),
        ),
        inputs,
    )
    found = agrees(module, inputs)
    assert found.network.biases[1].shape == (150,)
    mean, std = [0.5, 0.4, 0.3], [0.2, 0.25, 0.3]
    shown = (inputs - torch.tensor(mean).reshape(1, 3, 1, 1)) / torch.tensor(std).reshape(
        1, 3, 1, 1
    )
    given = ttfs.convert(module, inputs.numpy(), mean=mean, std=std, dtype=np.float64)
    record = ttfs.forward(given.network, given.times(inputs.numpy()))
    wanted = module(shown.double()).detach().numpy()
    np.testing.assert_allclose(given.outputs(record.potential), wanted, rtol=0, atol=1e-6)
    simulator = ttfs.Simulator(given.network, given.times(inputs.numpy())[0])
    simulator.run()
    np.testing.assert_allclose(simulator.potential("output"), record.potential[0], atol=1e-12)


def residual(nn, torch, width=8, blocks=((8, 1), (12, 2))):
    """A small residual network; blocks: channels and stride of each."""

    class Block(nn.Module):
        def __init__(self, below, above, stride):
            super().__init__()
            self.one = nn.Conv2d(below, above, 3, stride, 1, bias=False)
            self.two = nn.Conv2d(above, above, 3, 1, 1, bias=False)
            self.norms = nn.ModuleList([nn.BatchNorm2d(above), nn.BatchNorm2d(above)])
            self.down = nn.Identity()
            if stride > 1 or below != above:
                conv = nn.Conv2d(below, above, 1, stride, bias=False)
                self.down = nn.Sequential(conv, nn.BatchNorm2d(above))

        def forward(self, x):
            inner = torch.relu(self.norms[0](self.one(x)))
            return torch.relu(self.norms[1](self.two(inner)) + self.down(x))

    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.pool = nn.Conv2d(3, width, 3, padding=1), nn.MaxPool2d(2)
            below = [width, *(channels for channels, _ in blocks)]
            kinds = zip(below, below[1:], blocks, strict=False)
            self.body = nn.Sequential(*(Block(a, b, stride) for a, b, (_, stride) in kinds))
            self.head = nn.Linear(below[-1], 10)

        def forward(self, x):
            x = self.body(torch.relu(self.pool(self.conv(x))))
            return self.head(x.mean((2, 3)))

    return Residual()


def test_residual_networks_are_chains_with_skips():
    torch, nn = modules()
    inputs = torch.rand(10, 3, 12, 12, dtype=torch.float64)
    found = agrees(settled(residual(nn, torch), inputs), inputs)
    assert [(s.source, s.target) for s in found.network.skips] == [(2, 4), (4, 6)]
    simulator = ttfs.Simulator(found.network, found.times(inputs.numpy())[0])
    simulator.run()
    record = ttfs.forward(found.network, found.times(inputs.numpy())[:1])
    np.testing.assert_allclose(simulator.potential("output"), record.potential[0], atol=1e-12)


def test_modules_that_cannot_be_converted_are_refused_by_name():
    torch, nn = modules()
    image, row = torch.rand(2, 3, 6, 6), torch.rand(2, 4)
    double = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
    cases = [
        (nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2)), row, r"1 \(Tanh\) cannot be"),
        (double, row, r"1 \(Linear\) follows another layer, norm or shift without a ReLU"),
        (nn.Sequential(nn.Conv2d(3, 4, 3, dilation=2)), image, "dilation"),
        (nn.Sequential(nn.Conv2d(3, 4, 3, padding_mode="circular", padding=1)), image, "circular"),
        (nn.Sequential(nn.Linear(4, 2), nn.Softmax(1)), row, "omit it"),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Linear(4, 2)), image, "flatten it first"),
    ]
    for module, inputs, match in cases:
        with pytest.raises(InputError, match=match):
            ttfs.convert(module.eval(), inputs.numpy())
    with pytest.raises(InputError, match="call module.eval"):
        ttfs.convert(nn.Sequential(nn.Linear(4, 2), nn.Dropout()).train(), row.numpy())


class Lambda:
    """A module whose forward is a function of its parts and the input."""

    def __new__(cls, function, **parts):
        import torch

        class Made(torch.nn.Module):
            def __init__(self):
                super().__init__()
                for name, part in parts.items():
                    setattr(self, name, part)

            def forward(self, x):
                return function(self, x)

        return Made().double().eval()


def test_functions_that_would_be_read_wrongly_are_refused():
    torch, nn = modules()
    functional = torch.nn.functional

    def linears(count=2):
        return {f"l{k}": nn.Linear(8, 8) for k in range(count)} | {"end": nn.Linear(8, 3)}

    def convs():
        return {"c": nn.Conv2d(2, 4, 3, padding=1), "d": nn.Conv2d(4, 4, 3, padding=1)}

    def in_place(m, x):
        h = m.l0(x)
        return m.end(functional.relu(m.l1(functional.relu(h, inplace=True)) + h))

    def changed(m, x):
        h = functional.relu(m.l0(x))
        g = m.l1(h)
        k = g
        k += h
        return m.end(functional.relu(g))

    def head(m, x):
        return functional.adaptive_avg_pool2d(functional.relu(m.d(x)), 1).flatten(1)

    row, image = torch.rand(5, 8).double(), torch.rand(5, 2, 6, 6).double()
    hooked = Lambda(lambda m, x: m.end(functional.relu(m.l0(x))), **linears())
    hooked.l0.register_forward_hook(lambda *_: None)
    child = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3)).double()
    child.eval()[1].train()

    class Conv2d(nn.Conv2d):
        def forward(self, x):
            return functional.conv2d(x, self.weight - self.weight.mean(), self.bias)

    cases = [
        (Lambda(in_place, **linears()), row, "changes in place what is used elsewhere"),
        (Lambda(changed, **linears()), row, "give other outputs than the module"),
        (
            Lambda(
                lambda m, x: m.end(functional.relu(torch.add(m.l0(x), m.l1(x), alpha=2))),
                **linears(),
            ),
            row,
            "must add the outputs of two layers",
        ),
        (
            Lambda(
                lambda m, x: head(
                    m, functional.max_pool2d(functional.relu(m.c(x)), 2, 1, dilation=2)
                ),
                **convs(),
            ),
            image,
            "dilation 2 cannot be converted",
        ),
        (
            Lambda(
                lambda m, x: head(m, functional.avg_pool2d(functional.relu(m.c(x)), 4, 2, 0, True)),
                **convs(),
            ),
            image,
            "ceil_mode True cannot be converted",
        ),
        (
            Lambda(
                lambda m, x: head(
                    m, functional.avg_pool2d(functional.relu(m.c(x)), 2, divisor_override=1)
                ),
                **convs(),
            ),
            image,
            "divisor_override 1 cannot be converted",
        ),
        (
            Lambda(lambda m, x: functional.relu(m.l0(x)).view(-1, 2), **linears()),
            row,
            "turn each sample into one row",
        ),
        (Lambda(lambda m, x: m.end(x[:, :8]), **linears()), row, "cannot be converted"),
        (hooked, row, "l0 has hooks"),
        (child, row, "1 is in training"),
        (
            nn.Sequential(Conv2d(2, 3, 6), nn.Flatten()).double().eval(),
            image,
            "cannot be converted",
        ),
        (
            nn.Sequential(nn.Conv2d(2, 3, 5), nn.Flatten()).double().eval(),
            image,
            "must end with one number for each class",
        ),
        (nn.Sequential(nn.Linear(8, 3), nn.ReLU()).double().eval(), row, "without a ReLU after"),
    ]
    for module, inputs, match in cases:
        with pytest.raises(InputError, match=match):
            ttfs.convert(module, inputs.numpy())


def test_inputs_of_a_module_have_channels_first_where_the_shape_does_not_say_it():
    torch, nn = modules()
    inputs = torch.rand(20, 3, 3, 3, dtype=torch.float64)
    module = nn.Sequential(nn.Conv2d(3, 4, 2), nn.ReLU(), nn.Flatten(), nn.Linear(16, 5))
    agrees(module.double().eval(), inputs)


def test_limits_of_relus_count_in_thresholds_and_comparisons():
    torch, nn = modules()
    inputs = torch.rand(40, 20, dtype=torch.float64)
    parts = nn.Linear(20, 20), nn.ReLU6(), nn.Linear(20, 20), nn.ReLU6(), nn.Linear(20, 4)
    module = nn.Sequential(*parts).double().eval()
    for parameter in module.parameters():
        parameter.data.mul_(30)
    found = ttfs.convert(module, inputs.numpy(), dtype=np.float64)
    record = ttfs.forward(found.network, found.times(inputs.numpy()))
    wanted = module(inputs).detach().numpy()
    np.testing.assert_allclose(found.outputs(record.potential), wanted, rtol=0, atol=1e-10)
    distance = found.compare(inputs.numpy())
    assert distance.agreement == 1
    assert max(distance.clipped) == 0


def test_modules_of_this_package_stand_beside_few_others():
    _, nn = modules()
    from ttfs.torch import TTFSLinear, TTFSMinPool2d

    windows, ramps = {"psp": ttfs.Windows()}, {"psp": ttfs.Ramp(), "t_max": 4.0}
    row, image = np.ones((3, 8)), np.ones((3, 2, 4, 4))
    cases = [
        (nn.Sequential(TTFSLinear(8, 8, **windows), nn.Linear(8, 8), nn.ReLU()), row, "Linear"),
        (
            nn.Sequential(TTFSMinPool2d(2), nn.Flatten(), TTFSLinear(8, 3, output=True, **windows)),
            image,
            "TTFSMinPool2d",
        ),
        (nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), TTFSLinear(8, 3, **ramps)), image, "MaxPool"),
        (nn.Sequential(TTFSLinear(8, 8, **ramps), TTFSLinear(8, 3, t_max=9.0)), row, "t_max"),
        (nn.Sequential(TTFSLinear(8, 3, **windows)), row, "output=True"),
    ]
    for module, inputs, match in cases:
        with pytest.raises(InputError, match=match):
            ttfs.convert(module.eval(), inputs)


def test_orders_that_a_file_does_not_keep_are_not_guessed(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
    rng = np.random.default_rng(0)
    state = {f"{name}.weight": rng.normal(size=(8, 8)) for name in ("stem", "body", "head")}
    safetensors.save_file(state, tmp_path / "a.safetensors")
    with pytest.raises(InputError, match="do not say which layer comes first"):
        ttfs.convert(tmp_path / "a.safetensors", np.ones((2, 8)), layers="8-8-8")
    state = {f"{k}.weight": rng.normal(size=(8, 8)) for k in range(0, 24, 2)}
    safetensors.save_file(state, tmp_path / "b.safetensors")
    inputs = rng.random((20, 8))
    found = ttfs.convert(tmp_path / "b.safetensors", inputs, layers="-".join(["8"] * 12))
    layers = [ttfs.Dense.of(array.T) for array in state.values()]
    record = ttfs.forward(found.network, found.times(inputs))
    wanted = relus_of(layers, inputs)
    np.testing.assert_allclose(found.outputs(record.potential), wanted, rtol=1e-3, atol=1e-3)


def test_batch_norms_are_not_given_to_layers_by_guess(tmp_path):
    state = {f"fc{k}.weight": np.ones((4, 4)) for k in (1, 2, 3)}
    for k in (2, 3):
        state |= {f"bn{k}.running_mean": np.zeros(4), f"bn{k}.running_var": np.ones(4)}
    with pytest.raises(InputError, match="2 batch norms for 3 layers"):
        ttfs.convert(written(tmp_path, state), np.ones((2, 4)), layers="4-4-4")


# Signs as weights


def in_signs(rng, sizes, *, per_neuron=True):
    """Dense layers whose weights differ in their signs alone, neuron by neuron."""
    layers = []
    for below, above in itertools.pairwise(sizes):
        last = len(layers) == len(sizes) - 2
        size = rng.uniform(0.2, 3, above if per_neuron and not last else 1)
        signs = rng.choice([-1.0, 1.0], (below, above))
        layers.append(ttfs.Dense.of(signs * size, bias=rng.normal(0, 0.5, above)))
    return layers


@given(st.integers(0, 2**32 - 1), st.sampled_from([None, 2, 8]))
def test_weights_of_one_size_become_one_bit_and_say_the_same(seed, steps):
    rng = np.random.default_rng(seed)
    layers, values = in_signs(rng, [5, *rng.integers(2, 9, 2), 3]), rng.random((30, 5))
    found = ttfs.convert(layers, values[:10], steps=steps, per="layer", dtype=np.float64)
    assert found.network.binary.all()
    one, *others = layers
    other = [ttfs.Dense.of(one.initial * (1 + 1e-12 * np.eye(*one.initial.shape)), bias=one.bias)]
    real = ttfs.convert([*other, *others], values[:10], steps=steps, per="layer", dtype=np.float64)
    assert not real.network.binary.any()
    records = [ttfs.forward(each.network, each.times(values)) for each in (found, real)]
    labels = [ttfs.decide(one.times[-1], one.potential).label for one in records]
    said = [each.outputs(r.potential) for each, r in zip((found, real), records, strict=True)]
    if steps is None:
        np.testing.assert_allclose(said[0], said[1], rtol=0, atol=1e-9)
        assert (labels[0] == labels[1]).all()


def test_outputs_of_other_sizes_and_lone_weights_are_no_signs():
    rng = np.random.default_rng(0)
    values = rng.random((20, 5))
    layers = in_signs(rng, [5, 4, 3])
    last = layers[1]
    uneven = ttfs.Dense.of(last.initial * [1, 2, 1], bias=last.bias)
    assert not ttfs.convert([layers[0], uneven], values, per="layer").network.binary.any()
    assert not ttfs.convert([ttfs.Dense.of(np.ones((1, 3)))], values[:, :1]).network.binary.any()
    tiny = ttfs.Dense.of(layers[0].initial * [1, 1e-44, 1, 1], bias=[0, 1, 0, 0])
    assert not ttfs.convert([tiny, last], values, per="layer").network.binary.any()


@pytest.mark.parametrize("per", ["channel", "layer"])
def test_thresholds_of_least_error_are_closer_to_activations_than_others(per):
    layers, values, _, _ = trained(np.random.default_rng(0))

    def error(threshold):
        found = ttfs.convert(layers, values, steps=4, threshold=threshold, per=per)
        limits = np.resize(found.thresholds[0], layers[0].outputs)
        wanted = np.maximum(one_relu(layers[0], values), 0)
        said = np.clip(np.floor(wanted / limits * 4 + 0.5), 0, 4) / 4 * limits
        return ((said - wanted) ** 2).mean()

    assert error("error") < min(error("max"), error("local"))
    largest = [ttfs.convert(layers, values, threshold=one).thresholds for one in ("error", "max")]
    for one, other in zip(*largest, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_neuron_that_was_silent_is_not_clipped_when_it_speaks():
    hidden = ttfs.Dense.of([[1.0, -1.0]], bias=[0.0, 0.5])
    output = ttfs.Dense.of([[1.0, 0.0], [0.0, 1.0]])
    found = ttfs.convert([hidden, output], [[0.9], [0.8]], dtype=np.float64)
    distance = found.compare([[0.1], [0.3]])
    assert distance.agreement == 1
    assert max(distance.largest) < 1e-12


def test_inputs_may_have_gradients_and_forward_other_arguments():
    torch, nn = modules()

    class Usual(nn.Module):
        def __init__(self):
            super().__init__()
            self.line = nn.Linear(4, 3)

        def forward(self, x, scores=True):
            return self.line(x) if scores else x

    inputs = torch.rand(20, 4, requires_grad=True)
    assert ttfs.convert(Usual().eval(), inputs).compare(inputs).agreement == 1
    with pytest.raises(InputError, match="takes 4 values, but gets 6"):
        ttfs.convert(
            nn.Sequential(nn.Linear(4, 3)).eval(), np.random.default_rng(0).random((20, 6))
        )
    for nothing in (None, np.zeros((0, 2)), 3.0):
        with pytest.raises((InputError, ShapeError), match="inputs must be"):
            ttfs.convert([ttfs.Dense.of(np.ones((2, 2)))], nothing)
