"""Thresholds that ReLUs have learned with, and networks that are given others."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ttfs
from ttfs.cli import cli
from ttfs.cli.runs import Run, train
from ttfs.clocked import METHODS, Rate
from ttfs.clocked import evaluate as by_rates
from ttfs.errors import InputError
from ttfs.presets import WindowRecipe, windows

SEEDS = st.integers(0, 2**31 - 1)


def relus_of(rng, sizes=(5, 9, 7, 3)):
    """Dense layers of ReLUs."""
    pairs = zip(sizes, sizes[1:], strict=False)
    return [
        ttfs.Dense.of(rng.normal(size=pair) / np.sqrt(pair[0]), bias=0.3 * rng.normal(size=pair[1]))
        for pair in pairs
    ]


def said_by(layers, values, tops, steps=None):
    """Potentials of ReLUs that are clipped at thresholds, and quantised if there are steps."""
    for layer, top in zip(layers, [*tops, None], strict=True):
        sums = values @ layer.initial + layer.bias
        if top is None:
            return sums
        shares = sums / top
        if steps:
            shares = np.floor(shares * steps + 0.5) / steps
        values = np.clip(shares, 0, 1) * top
    return None


@given(SEEDS, st.sampled_from([None, 2, 4, 16]))
def test_networks_have_the_thresholds_that_are_given(seed, steps):
    rng = np.random.default_rng(seed)
    layers, tops = relus_of(rng), rng.uniform(0.1, 2, 2)
    values = rng.random((40, 5))
    told = tops if seed % 2 else list(tops)
    found = ttfs.convert(layers, values, threshold=told, steps=steps, dtype=np.float64)
    record = ttfs.forward(found.network, found.times(values))
    wanted = said_by(layers, values, tops, steps)
    np.testing.assert_allclose(found.outputs(record.potential), wanted, atol=1e-9)
    if steps is None:
        distance = found.compare(values)
        assert max(distance.largest) < 1e-12
        assert distance.clipped == (0, 0, 0)
        assert (found.decisions(values) == wanted.argmax(axis=1)).all()


@settings(deadline=None)
@given(SEEDS, st.booleans(), st.booleans())
def test_a_network_of_this_package_gets_other_thresholds_and_says_the_same(seed, binary, pooled):
    rng = np.random.default_rng(seed)
    if pooled:
        shape, kernel = (6, 6, 2), rng.normal(size=(18, 4)) / 4
        first = ttfs.Conv2d(4, 3, initial=kernel, bias=0.3 * rng.normal(size=4), shape=shape)
        layers = [first, ttfs.MinPool2d(2), *relus_of(rng, (16, 8, 3))]
    else:
        shape, layers = (1, 1, 5), relus_of(rng)
    if binary:
        signs = {
            k: np.where(one.initial < 0, -1.0, 1.0) for k, one in enumerate(layers) if one.rows
        }
        layers = [
            replace(one, initial=signs[k]) if k in signs else one for k, one in enumerate(layers)
        ]
    values = rng.random((60, int(np.prod(shape))))
    told = {"dtype": np.float64, "per": "layer", "shape": shape}
    first = ttfs.convert(layers, values, **told)
    assert first.network.binary.any() == binary
    again = ttfs.convert(first.network, values, **told)
    assert (again.network.binary == first.network.binary).all()
    assert (again.decisions(values) == first.decisions(values)).all()
    assert max(again.compare(values).largest) < 1e-9
    coarse = ttfs.convert(first.network, values, steps=4, threshold="error", **told)
    same = ttfs.convert(layers, values, steps=4, threshold="error", **told)
    times = first.times(values)
    one, other = (ttfs.forward(found.network, times).times[-1] for found in (coarse, same))
    np.testing.assert_allclose(one, other)


def test_skips_and_thresholds_of_their_own_go_along():
    rng = np.random.default_rng(0)
    layers = relus_of(rng, (5, 8, 8, 3))
    own = [
        ttfs.Dense.of(one.initial, bias=one.bias, threshold=top)
        for one, top in zip(layers, (2, 3, 4), strict=True)
    ]
    skip = ttfs.Skip(1, 3, layer=ttfs.Dense.of(rng.normal(size=(8, 3))))
    network = ttfs.Network(*own, psp=ttfs.Windows(), skips=[skip], dtype=np.float64)
    values = rng.random((50, 5))
    found = ttfs.convert(network, values, dtype=np.float64)
    record = ttfs.forward(network, found.times(values))
    assert (found.decisions(values) == (record.potential / 4).argmax(axis=1)).all()
    assert max(found.compare(values).largest) < 1e-12


@pytest.mark.parametrize(
    ("threshold", "said"),
    [
        ([1.0], "threshold must be 2 numbers, one for each hidden layer with weights, got 1"),
        ([1.0, 0.0], "threshold: that of layer 2 must be"),
        ([1.0, "x"], "threshold: that of layer 2 must be"),
        ([np.inf, 1.0], "threshold: that of layer 1 must be"),
        ((1.0, [1.0, 2.0]), "threshold: that of layer 2 must be"),
        (1.0, "threshold must be max or .*, or a list, got 1.0"),
    ],
)
def test_thresholds_that_cannot_be_are_refused(threshold, said):
    layers = relus_of(np.random.default_rng(0))
    with pytest.raises(InputError, match=said):
        ttfs.convert(layers, np.ones((2, 5)), threshold=threshold)


def test_networks_without_windows_are_no_relus():
    with pytest.raises(InputError, match="convert takes networks with psp=Windows"):
        ttfs.convert(ttfs.Network(ttfs.Dense(4, 2)), np.ones((2, 4)))
    network = ttfs.Network(ttfs.Dense(4, 2), psp=ttfs.Windows())
    for told in ({"mean": 0.5}, {"std": [1, 2, 1, 1]}):
        with pytest.raises(InputError, match="mean and std are for networks from elsewhere"):
            ttfs.convert(network, np.ones((2, 4)), **told)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"method": "best"}, r"WindowRecipe\(method=...\) must be max or"),
        ({"method": []}, r"WindowRecipe\(method=...\) must be max or"),
        ({"method": "qcfs"}, "method='qcfs'. needs thresholds that learn"),
        ({"method": "local", "clipped": True}, "method='local'. does not take thresholds"),
        ({"method": "local", "rate_steps": 0}, r"Rate\(steps=...\)"),
        ({"noise": -1.0}, r"WindowRecipe\(noise=...\) must be"),
        ({"noise": 0.1}, r"WindowRecipe\(noise=...\) is added to clipped ReLUs"),
        (
            {"rounded": 8, "psp": ttfs.Windows(4)},
            r"WindowRecipe\(rounded=...\) must be 4, as Windows",
        ),
        ({"rounded": 0}, r"WindowRecipe\(rounded=...\) must be a whole number, 1 or more"),
    ],
)
def test_methods_that_do_not_fit_are_refused(settings, said):
    with pytest.raises(InputError, match=said):
        WindowRecipe("digits", windows("digits", "8").layers, **settings)


def test_the_command_gives_a_model_other_thresholds(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "wants_kernels", lambda options: False)
    rng = np.random.default_rng(0)
    train_on, _ = ttfs.datasets.digits()
    layers, encoder = relus_of(rng, (64, 20, 20, 10)), ttfs.Latency(t_max=1.0)
    first = ttfs.convert(layers, train_on.images[:1000])
    ttfs.save("model.npz", first.network, encoder=encoder)
    told = ["convert", "model.npz", "--calibrate", "digits", "--out", "other.npz", "--force"]
    assert cli.main([*told, "--threshold", "local", "--per", "channel", "--steps", "8"]) == 0
    other = ttfs.load("other.npz")
    settings = {"threshold": "local", "per": "channel", "steps": 8}
    wanted = ttfs.convert(first.network, train_on.images[:1000], **settings).network
    assert other.network.psp == ttfs.Windows(8)
    for one, two in zip(other.network.weights, wanted.weights, strict=True):
        np.testing.assert_array_equal(one, two)
    assert other.encoder == encoder
    assert "decides as the ReLU network does in" in capsys.readouterr().out
    for wrong, said in (
        (["--mean", "0.5"], "model.npz is a model and has its own encoder"),
        (["--layers", "20-10"], "model.npz"),
    ):
        assert cli.main([*told, *wrong]) == 2
        assert said in capsys.readouterr().err
    ttfs.save("bare.npz", first.network)
    told[1] = "bare.npz"
    assert cli.main(told) == 0
    assert ttfs.load("other.npz").encoder == encoder
    long = ttfs.Network(ttfs.Dense(64, 10), psp=ttfs.Windows(length=8.0))
    ttfs.save("long.npz", long, encoder=ttfs.Latency(t_max=8.0))
    ttfs.save("ramps.npz", ttfs.Network(ttfs.Dense(64, 10), psp=ttfs.Ramp()), encoder=encoder)
    np.savez("weights.npz", w=np.zeros((3, 3)))
    for name, said in (
        ("ramps.npz", "must have psp=Windows"),
        ("long.npz", "must have windows of length 1, not 8"),
        ("weights.npz", "for arrays from another framework, give --layers"),
        ("none.npz", "there is no such file"),
    ):
        told[1] = name
        assert cli.main(told) == 2
        error = capsys.readouterr().err
        assert said in error
        assert ("--layers" in error) == (name == "weights.npz")


# Learning, in PyTorch


@pytest.fixture(scope="module")
def digits():
    """Times and labels of the digits, to learn and to test."""
    train_on, test_on = ttfs.datasets.digits()
    encoder = ttfs.Latency(t_max=1.0)
    return [(encoder(one.images), one.labels) for one in (train_on, test_on)]


def fitted(digits, **settings):
    """A trainer that has learned the digits."""
    pytest.importorskip("torch", reason="PyTorch is not installed")
    recipe = windows("digits", "12C3-P2-32", batch_size=50, average=500, epochs=10, **settings)
    trainer = recipe.trainer(recipe.network((8, 8), 10, 0), 0)
    trainer.fit(*digits[0], epochs=recipe.epochs)
    return trainer


@pytest.mark.parametrize("settings", [{"psp": ttfs.Windows(4)}, {"rounded": 4}])
def test_a_network_that_learned_rounded_is_with_such_steps_what_was_trained(settings, digits):
    trainer = fitted(digits, **settings)
    torch = pytest.importorskip("torch")
    assert trainer.network.psp == settings.get("psp", ttfs.Windows())
    coarse = trainer.with_steps(4)
    assert coarse.network.psp == ttfs.Windows(4)
    times, labels = digits[1]
    relus = trainer.relus(trainer.best).double().eval()
    with torch.no_grad():
        wanted = relus(trainer.loop.maps(times).double())[0].numpy()
    told = coarse.outputs(ttfs.forward(coarse.network, times).potential)
    close = abs(told - wanted).max(axis=1) < 1e-3  # where no rounding went the other way
    assert close.mean() > 0.97
    for network in (trainer.network, coarse.network):
        assert ttfs.evaluate(network, times, labels).accuracy > 0.95
    rates = by_rates(coarse.network, 1 - np.minimum(times, 1), labels, METHODS["qcfs"].rates(4))
    assert rates.accuracy > 0.93


def test_clipped_relus_are_never_above_their_thresholds(digits):
    trainer = fitted(digits, clipped=True, noise=0.1)
    values = 1 - np.minimum(digits[1][0], 1)
    distance = trainer.conversion.compare(values)
    assert distance.agreement == 1
    assert max(distance.clipped) == 0
    assert trainer.with_steps(8).network.psp == ttfs.Windows(8)


def test_thresholds_learn_as_finite_differences_say():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from ttfs.training.clipping import Clipping
    from ttfs.training.relus import Clipped

    module = Clipped(Clipping(), torch.Generator()).double()
    values = torch.linspace(-1.1, 4.9, 13, dtype=torch.float64, requires_grad=True)
    wanted = torch.where(values > 3, 1.0, 0.0).sum()
    module(values).sum().backward()
    assert module.top.grad == wanted
    assert torch.equal(values.grad, ((values > 0) & (values < 3)).double())
    quantised = Clipped(Clipping(steps=4), torch.Generator()).double()
    said = quantised(values.detach())
    assert torch.equal(said, torch.clamp(torch.floor(values / 3 * 4 + 0.5) / 4, 0, 1).detach() * 3)


def test_what_is_rounded_learns_as_if_the_rounding_were_a_constant_share():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from ttfs.training.clipping import Clipping
    from ttfs.training.relus import Clipped

    values = torch.randn(200, dtype=torch.float64, generator=torch.manual_seed(0)) * 3
    errors = torch.randn(200, dtype=torch.float64, generator=torch.manual_seed(1))
    fused, plain = (values.clone().requires_grad_() for _ in range(2))
    module = Clipped(Clipping(steps=4), torch.Generator()).double()
    (module(fused) * errors).sum().backward()
    top = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    shares = (plain / top).clamp(0, 1)
    rounded = shares + (torch.floor(shares * 4 + 0.5) / 4 - shares).detach()
    (rounded * top * errors).sum().backward()
    assert torch.allclose(fused.grad, plain.grad, rtol=1e-12)
    assert torch.allclose(module.top.grad, top.grad, rtol=1e-12)


@pytest.mark.parametrize(
    "settings", [{"method": "local", "rate_steps": 16}, {"method": "qcfs", "psp": ttfs.Windows(4)}]
)
def test_a_run_by_rates_leaves_a_report_and_a_model(settings, tmp_path):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    told = {"batch_size": 50, "average": 500, "epochs": 8}
    recipe = windows("digits", "12C3-P2-32", **told, **settings)
    report = train(recipe, Run(tmp_path / "run"))
    assert report["agreement"] > 0.97
    assert report["accuracy"] > 0.9
    assert Rate(**report["rate"]) == recipe.rates()
    assert report["rate"]["steps"] == (16 if "rate_steps" in settings else 4)
    assert report["warnings"] == []
    model = ttfs.load(tmp_path / "run" / "model.npz")
    data = ttfs.datasets.digits()[1]
    found = by_rates(model.network, data.images, data.labels, recipe.rates())
    assert found.accuracy == report["accuracy"]
