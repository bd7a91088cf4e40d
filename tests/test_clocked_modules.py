"""Clocked networks as PyTorch modules: what they say, and gradients through all steps."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ttfs
from ttfs.clocked import Rate, run
from ttfs.errors import InputError, ShapeError

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'ttfs[torch]'")
modules = pytest.importorskip("ttfs.clocked.modules")
from ttfs.clocked.probe import probe_gradients  # noqa: E402
from ttfs.clocked.surrogates import KINDS, Surrogate  # noqa: E402

PLAIN = Rate(4, pool="currents")
RATES = [
    PLAIN,
    replace(PLAIN, reset="hard", keep=0.25, initial=0.0, output="spikes"),
    replace(PLAIN, keep=0.5, shift=0.5, begin=2),
]


def a_network(rng, *, maps=True, outputs=6):
    """A small network: a convolution, a pool and dense layers, or dense layers alone."""
    if not maps:
        layers = ttfs.Dense(5, 7), ttfs.Dense(7, 6), ttfs.Dense(6, outputs)
        return ttfs.Network(*layers, psp=ttfs.Windows()), rng.random((8, 5))
    layers = [
        ttfs.Conv2d(4, 3, padding=1),
        ttfs.MinPool2d(2),
        ttfs.Conv2d(3, 2, stride=2),
        ttfs.Dense(None, outputs),
    ]
    network = ttfs.Network(*layers, psp=ttfs.Windows(), shape=(8, 6, 2))
    return network, rng.random((8, 96))


def as_maps(network, values):
    height, width, channels = network.shapes[0]
    maps = torch.from_numpy(values)
    if (height, width) == (1, 1):
        return maps
    return maps.view(-1, height, width, channels).permute(0, 3, 1, 2)


def a_module(rng, rate, maps=True, gain=2.0, **settings):
    network, values = a_network(rng, maps=maps)
    seed = int(rng.integers(1000))
    module = modules.Clocked(network, rate, gain=gain, seed=seed, **settings).double()
    for block in module.blocks:
        torch.nn.init.normal_(block.bias, 0.1, 0.2, generator=module.numbers)
    return module, values


@given(st.integers(0, 2**32 - 1), st.sampled_from(RATES), st.booleans(), st.booleans())
def test_a_module_does_what_its_folded_network_does(seed, rate, maps, normed):
    rng = np.random.default_rng(seed)
    module, values = a_module(rng, rate, maps, norm="batch" if normed else "none")
    if normed:
        module.train()
        for _ in range(20):
            module(as_maps(module.network, rng.random((30, values.shape[1]))))
    found = module.course(values)
    wanted = run(module.folded(np.float64), values, rate)
    assert found.counts.keys() == wanted.counts.keys()
    different = [(found.counts[k] != wanted.counts[k]).any(axis=1) for k in found.counts]
    alike = ~np.any(different, axis=0)  # a potential within a rounding of its threshold
    assert alike.mean() > 0.7
    np.testing.assert_allclose(found.outputs[:, alike], wanted.outputs[:, alike], atol=1e-9)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("norm", ["none", "batch", "neunorm"])
@pytest.mark.parametrize("maps", [False, True])
def test_gradients_through_all_steps_are_those_of_the_smooth_network(rate, kind, norm, maps):
    if norm == "neunorm" and not maps:
        pytest.skip("NeuNorm is about maps")
    rng = np.random.default_rng(0)
    surrogate = Surrogate(kind, 0.7)
    module, values = a_module(rng, rate, maps, surrogate=surrogate, norm=norm)
    heard, labels = as_maps(module.network, values), torch.arange(8) % 6

    def loss():
        outputs = module.train()(heard, smooth=True)[-1]
        return torch.nn.functional.cross_entropy(3 * outputs, labels)

    loss().backward()
    step = 1e-6
    for value in module.parameters():
        flat, grads = value.data.view(-1), value.grad.view(-1)
        for j in rng.choice(len(flat), min(4, len(flat)), replace=False):
            before = float(flat[j])
            sides = []
            for side in (step, -step):
                flat[j] = before + side
                sides.append(float(loss().detach()))
            flat[j] = before
            slope = (sides[0] - sides[1]) / (2 * step)
            assert abs(slope - float(grads[j])) < 1e-6 + 1e-5 * abs(slope)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("slope", [0.5, 1.0, 20.0])
def test_the_derivative_of_a_surrogate_is_that_of_its_smooth_function(kind, slope):
    surrogate = Surrogate(kind, slope)
    x = torch.linspace(-3, 3, 1001, dtype=torch.float64) + 1e-4
    slopes = (surrogate.smooth(x + 1e-7) - surrogate.smooth(x - 1e-7)) / 2e-7
    np.testing.assert_allclose(surrogate.derivative(x), slopes, atol=1e-5 * slope)
    zero = torch.zeros(1, dtype=torch.float64)
    assert surrogate.smooth(zero) == 0.5


def test_spikes_learn_by_the_surrogate_and_not_by_the_jump():
    rng = np.random.default_rng(1)
    module, values = a_module(rng, PLAIN, maps=False)
    outputs = module.train()(as_maps(module.network, values))
    outputs[-1].square().sum().backward()
    assert all(block.matrix.grad.abs().sum() > 0 for block in module.blocks)
    _, said = module.told(as_maps(module.network, values))
    assert set(np.unique(said[0].detach().numpy())) <= {0.0, 1.0}


def test_neunorm_takes_off_what_an_auxiliary_neuron_holds():
    rng = np.random.default_rng(2)
    module, values = a_module(rng, PLAIN, norm="neunorm")
    block = module.blocks[0]
    torch.nn.init.uniform_(block.inhibition)
    _, said = module.told(as_maps(module.network, values))
    found = block.inhibited(said[0]).detach().numpy()
    spikes, strength = said[0].detach().numpy(), block.inhibition.detach().numpy()
    held = np.zeros(spikes[0, :, 0].shape)
    for step in range(PLAIN.steps):
        channels = spikes.shape[2]
        held = 0.9 * held + 0.1 / channels**2 * spikes[step].sum(axis=1)
        wanted = spikes[step] - strength * held[:, None]
        np.testing.assert_allclose(found[step], wanted, atol=1e-12)
    with pytest.raises(InputError, match="NeuNorm"):
        module.folded()


def test_outputs_vote_for_their_class():
    rng = np.random.default_rng(3)
    module, values = a_module(rng, RATES[1], maps=False, voters=3)
    outputs, said = module.told(as_maps(module.network, values))
    counts = said[-1].detach().numpy().cumsum(axis=0)
    for step in range(4):
        wanted = counts[step].reshape(8, 2, 3).mean(axis=2) / (step + 1)
        np.testing.assert_allclose(outputs[step].detach(), wanted, atol=1e-12)
    with pytest.raises(InputError, match="voters=1"):
        module.folded()


def test_an_evaluation_of_a_module_is_that_of_its_network():
    rng = np.random.default_rng(4)
    module, values = a_module(rng, PLAIN)
    labels = rng.integers(0, 6, 8)
    found = module.evaluate(values, labels)
    wanted = ttfs.clocked.evaluate(module.folded(np.float64), values, labels, PLAIN)
    assert replace(found, seconds=0.0) == replace(wanted, seconds=0.0)


def test_an_evaluation_leaves_a_module_as_it_was_and_goes_through_many_samples(monkeypatch):
    rng = np.random.default_rng(5)
    module, _ = a_module(rng, PLAIN, norm="batch")
    values = rng.random((40, 96))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    whole = module.train().course(values)
    assert module.training
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    monkeypatch.setattr(modules, "AT_ONCE", 7 * 4 * sum(module.network.sizes))
    parts = module.eval().course(values)
    assert not module.training
    np.testing.assert_array_equal(parts.counts[2], whole.counts[2])
    np.testing.assert_allclose(parts.outputs, whole.outputs, atol=1e-12)


def test_labels_are_those_of_classes():
    module, values = a_module(np.random.default_rng(6), RATES[1], maps=False, voters=3)
    with pytest.raises(InputError, match="0..1"):
        module.evaluate(values, [2] * 8)


def test_slopes_decide_what_comes_down_and_batch_norm_keeps_neurons_firing():
    """The message of Ledinauskas et al. 2020, on digits, in seven layers of ten steps."""
    train, _ = ttfs.datasets.digits()
    sizes = [64, *[100] * 6, 10]
    layers = [ttfs.Dense(a, b) for a, b in zip(sizes, sizes[1:], strict=False)]
    network = ttfs.Network(*layers, psp=ttfs.Windows())
    images = train.images[:200].reshape(200, 64).astype(np.float32)
    maps = torch.from_numpy(images / images.max())
    labels, slopes = train.labels[:200], [1, 2, 5, 10, 20, 50, 100]
    rate = Rate(10, initial=0.0, pool="currents")
    plain = probe_gradients(network, maps, labels, slopes, rate, gain=1.4)
    ratios = [probe.ratio for probe in plain]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[0] / ratios[-1] > 1e4
    rates = [
        probe_gradients(network, maps, labels, [1], rate, norm="batch", gain=gain)[0].firing
        for gain in (0.5, 1.4, 3.0)
    ]
    assert np.max(rates) / np.min(rates) < 1.6
    faint = probe_gradients(network, maps, labels, [1], rate, gain=0.5)[0]
    assert faint.firing[-1] < 0.01
    assert np.isnan(faint.ratio)


def test_what_is_no_clocked_module_is_refused():
    network, _ = a_network(np.random.default_rng(0))
    with pytest.raises(InputError, match="needs Rate.*pool='currents'"):
        modules.Clocked(network, Rate(4))
    with pytest.raises(InputError, match="needs Rate.*input='direct'"):
        modules.Clocked(network, replace(PLAIN, input="impulse"))
    modules.Clocked(a_network(np.random.default_rng(0), maps=False)[0], Rate(4))
    with pytest.raises(InputError, match="norm=...."):
        modules.Clocked(network, PLAIN, norm="layer")
    with pytest.raises(InputError, match="6 outputs"):
        modules.Clocked(network, PLAIN, voters=4)
    with pytest.raises(InputError, match="psp"):
        modules.Clocked(ttfs.Network(ttfs.Dense(4, 2)), PLAIN)
    padded = ttfs.Conv2d(2, 1, shape=(4, 4, 1)), ttfs.MinPool2d(3, padding=2), ttfs.Dense(None, 2)
    with pytest.raises(InputError, match="more than half"):
        modules.Clocked(ttfs.Network(*padded, psp=ttfs.Windows()), PLAIN)
    with pytest.raises(InputError, match="seed=...."):
        modules.Clocked(network, PLAIN, seed=1.5)
    with pytest.raises(InputError, match="torch.float32, as the weights"):
        modules.Clocked(network, PLAIN)(torch.zeros(1, 2, 8, 6).double())
    with pytest.raises(InputError, match="torch.Tensor"):
        modules.Clocked(network, PLAIN)(np.zeros((1, 2, 8, 6)))
    with pytest.raises(InputError, match="a Rate"):
        modules.Clocked(network, 4)
    with pytest.raises(InputError, match="kind=...."):
        Surrogate("sigmoid")
    with pytest.raises(InputError, match="slope=...."):
        Surrogate(slope=0)
    with pytest.raises(ShapeError, match="2, 8, 6. with at least one sample"):
        modules.Clocked(network, PLAIN)(torch.zeros(1, 8, 6, 2))
