"""Layers as PyTorch modules: the same spikes, exact gradients, and back again."""

import numpy as np
import pytest

import ttfs

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from ttfs.torch import (  # noqa: E402
    TTFSConv2d,
    TTFSLinear,
    TTFSMinPool2d,
    first_spike_loss,
)

INF = np.inf


def stimuli(rng, shape):
    """Spike times in 0..1, some silent, some tied."""
    times = rng.random(shape)
    times[rng.random(shape) < 0.3] = INF
    tied = rng.random(shape) < 0.3
    times[tied] = np.round(times[tied] * 4) / 4
    return times


@pytest.mark.parametrize("seed", range(20))
def test_ramps_fire_when_those_of_networks_do(seed):
    rng = np.random.default_rng(seed)
    linear = TTFSLinear(12, 9, threshold=1.5, t_max=4).double()
    network = ttfs.Network(
        ttfs.Dense.of(linear.weight.detach().numpy().T, threshold=1.5),
        psp=ttfs.Ramp(),
        t_max=4,
        dtype=np.float64,
    )
    times = stimuli(rng, (30, 12))
    found = linear(torch.from_numpy(times)).detach().numpy()
    wanted = ttfs.forward(network, times).times[1]
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(wanted))
    fired = np.isfinite(wanted)
    np.testing.assert_allclose(found[fired], wanted[fired], rtol=1e-10, atol=1e-10)


def test_maps_of_ramps_fire_when_those_of_networks_do():
    rng = np.random.default_rng(0)
    conv = TTFSConv2d(2, 5, 3, stride=2, padding=1, threshold=1.0, t_max=4).double()
    pool, times = TTFSMinPool2d(2), stimuli(rng, (6, 9, 8, 2))
    weights = conv.weight.detach().numpy().transpose(2, 3, 1, 0)
    layers = (
        ttfs.Conv2d(5, 3, stride=2, padding=1, threshold=1.0, initial=weights),
        ttfs.MinPool2d(2),
    )
    network = ttfs.Network(*layers, shape=(9, 8, 2), psp=ttfs.Ramp(), t_max=4, dtype=np.float64)
    found = pool(conv(torch.from_numpy(times.transpose(0, 3, 1, 2)))).detach().numpy()
    wanted = ttfs.forward(network, times).times[2].reshape(6, 2, 2, 5).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(wanted))
    fired = np.isfinite(wanted)
    np.testing.assert_allclose(found[fired], wanted[fired], atol=1e-10)


def test_gradients_of_ramps_are_those_of_finite_differences():
    rng = np.random.default_rng(1)
    times = torch.from_numpy(rng.random((5, 10))).requires_grad_()
    linear = TTFSLinear(10, 7, threshold=1.0, t_max=1e6).double()
    linear.weight.data.abs_()  # every neuron fires, and steeply
    assert torch.isfinite(linear(times)).all()
    assert torch.autograd.gradcheck(linear, (times,))
    by_weight = lambda weight: torch.func.functional_call(linear, {"weight": weight}, (times,))  # noqa: E731
    assert torch.autograd.gradcheck(by_weight, (linear.weight.detach().requires_grad_(),))


def small(psp):
    """A network of modules for the digits."""
    nn = torch.nn
    if psp == ttfs.Ramp():
        told = {"psp": psp, "t_max": 4.0}
        return nn.Sequential(
            TTFSConv2d(1, 8, 3, padding=1, **told),
            TTFSMinPool2d(2),
            nn.Flatten(),
            TTFSLinear(128, 40, **told),
            TTFSLinear(40, 10, output=True, **told),
        )
    told = {"psp": psp, "bias": True}
    return nn.Sequential(
        TTFSConv2d(1, 8, 3, padding=1, **told),
        nn.MaxPool2d(2),
        nn.Flatten(),
        TTFSLinear(128, 40, **told),
        TTFSLinear(40, 10, output=True, **told),
    )


@pytest.mark.parametrize("psp", [ttfs.Ramp(), ttfs.Windows(), ttfs.Windows(steps=4)])
def test_modules_learn_and_come_back(psp):
    torch.manual_seed(0)
    train, test = ttfs.datasets.digits()
    module, ramps = small(psp), psp == ttfs.Ramp()
    encoder = ttfs.Latency(t_max=1.0)
    times = torch.from_numpy(encoder(train.images).reshape(-1, 1, 8, 8))
    inputs = times if ramps else torch.where(torch.isfinite(times), 1 - times, 0.0)
    labels = torch.from_numpy(train.labels)
    adam = torch.optim.Adam(module.parameters(), 0.01)
    for _ in range(12):
        for some in torch.randperm(len(inputs)).split(50):
            adam.zero_grad()
            said = module(inputs[some])
            if ramps:
                loss = first_spike_loss(said, labels[some])
            else:
                loss = torch.nn.functional.cross_entropy(said / 0.1, labels[some])
            loss.backward()
            adam.step()
    found = ttfs.convert(module, test.images.reshape(-1, 1, 8, 8))
    stimuli = encoder(test.images)
    record = ttfs.forward(found.network, stimuli)
    shown = stimuli if ramps else np.where(np.isfinite(stimuli), 1 - stimuli, 0)
    shown = torch.from_numpy(shown.reshape(-1, 1, 8, 8).astype(np.float32))
    said = module(shown).detach().numpy()
    decided = ttfs.decide(record.times[-1], record.potential)
    assert (decided.label == test.labels).mean() > 0.9
    wanted = said.argmin(axis=1) if ramps else said.argmax(axis=1)
    assert (decided.label == wanted).mean() > 0.99
