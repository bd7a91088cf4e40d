"""Two branches with the same weights: the value of spikes, the gradient of analog neurons."""

import copy

import numpy as np
import pytest

import ttfs
from ttfs.clocked import Rate
from ttfs.errors import InputError, ShapeError

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'ttfs[torch]'")
from ttfs.clocked.coupling import Coupled, coupled_loss  # noqa: E402
from ttfs.clocked.couplings import COUPLINGS, Coupling  # noqa: E402

RATE = Rate(8, pool="currents")


def a_pair(code, coupling, seed=0, **settings):
    """A coupled network in double precision, and images for it."""
    layers = [
        ttfs.Conv2d(6, 3, padding=1),
        ttfs.MinPool2d(2),
        ttfs.Dense(None, 20),
        ttfs.Dense(20, 5),
    ]
    network = ttfs.Network(*layers, psp=ttfs.Windows(), shape=(8, 8, 1))
    told = {"gain": 1.4, "seed": seed} | settings
    module = Coupled(network, code, coupling, **told).double()
    numbers = torch.Generator().manual_seed(seed)
    for block in module.clocked.blocks:
        torch.nn.init.uniform_(block.bias, 0, 0.3, generator=numbers)
    maps = torch.rand(30, 1, 8, 8, generator=numbers, dtype=torch.float64)
    return module, maps, torch.arange(30) % 5


def relus(module, maps, most=None):
    """The network of ReLUs with the same weights, clipped at `most`."""
    *hidden, last = module.clocked.blocks
    for block in hidden:
        maps = block.currents(maps).clamp(min=0, max=most)
    return last.currents(maps)


def gradients(module, loss):
    module.zero_grad()
    loss.backward()
    return [value.grad.clone() for value in module.parameters()]


@pytest.mark.parametrize("coupling", COUPLINGS)
@pytest.mark.parametrize("code", [RATE, ttfs.Windows(4), ttfs.Windows()], ids=str)
def test_the_value_is_that_of_spikes(coupling, code):
    module, maps, _ = a_pair(code, coupling)
    outputs = module(maps).detach()
    values = maps.permute(0, 2, 3, 1).flatten(1).numpy()
    if code == RATE:
        found = module.clocked.course(values).outputs[-1]
        np.testing.assert_allclose(outputs, found, atol=1e-12)
        return
    network = module.clocked.folded(np.float64)
    network.respond(code)
    record = ttfs.forward(network, np.where(values > 0, 1 - values, np.inf))
    np.testing.assert_allclose(outputs, record.potential, atol=1e-12)


@pytest.mark.parametrize("replace", ["output", "layers"])
@pytest.mark.parametrize(("mask", "most"), [("relu", None), ("clip", 1.0)])
def test_where_branches_agree_it_learns_as_the_analog_network_does(replace, mask, most):
    coupling = Coupling("", replace, mask)
    module, maps, labels = a_pair(ttfs.Windows(), coupling)
    with torch.no_grad():  # nothing is clipped
        for block in module.clocked.blocks:
            block.matrix *= 0.3
    found = gradients(module, coupled_loss(module(maps), labels))
    analog = relus(module, maps, most)
    wanted = gradients(module, coupled_loss(analog, labels))
    np.testing.assert_allclose(module(maps).detach(), analog.detach(), atol=1e-12)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)
        assert other.abs().sum() > 0


def test_where_they_do_not_the_error_is_that_of_spikes_and_its_way_the_analog_one():
    module, maps, labels = a_pair(RATE, "proxy")
    found = gradients(module, coupled_loss(module(maps), labels))
    analog = relus(module, maps)
    spiking = module(maps).detach().requires_grad_()
    coupled_loss(spiking, labels).backward()
    wanted = gradients(module, (analog * spiking.grad).sum())
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)
    assert (analog.detach() - spiking.detach()).abs().max() > 0.01


def test_layers_above_hear_spikes_where_layers_are_coupled():
    """The derivative by weights of the last layer is that of rates below, not of ReLUs."""
    for name, wanted in (("tandem", "rates"), ("proxy", "relus")):
        module, maps, _ = a_pair(RATE, name)
        outputs = module(maps)
        module.zero_grad()
        outputs[:, 0].sum().backward()
        got = module.clocked.blocks[-1].matrix.grad[0]
        _, said = module.clocked.told(maps)
        rates = said[-2].mean(dim=0).sum(dim=0)
        *hidden, _ = module.clocked.blocks
        analog = maps
        for block in hidden:
            analog = block.currents(analog).clamp(min=0)
        told = {"rates": rates, "relus": analog.sum(dim=0)}
        np.testing.assert_allclose(got, told[wanted].detach(), atol=1e-9)


def test_a_few_layers_may_spike_and_the_rest_be_analog():
    module, maps, _ = a_pair(RATE, "tandem", spiking=1)
    first, second, last = module.clocked.blocks
    with torch.no_grad():
        rates = first(maps[None], False).mean(dim=0)
        wanted = last.currents(second.currents(rates).clamp(min=0))
        np.testing.assert_allclose(module(maps), wanted, atol=1e-12)
        plain = copy.deepcopy(module)
        plain.spiking = 0
        np.testing.assert_allclose(plain(maps), relus(module, maps), atol=1e-12)


@pytest.mark.parametrize("name", COUPLINGS)
@pytest.mark.parametrize("code", [Rate(8, initial=0.5, pool="currents"), ttfs.Windows(4)], ids=str)
def test_digits_are_learned_by_each_coupling(name, code):
    train, test = ttfs.datasets.digits()
    most = train.images.max()
    images, held = (
        torch.from_numpy(s.images.reshape(len(s), -1) / np.float32(most)) for s in (train, test)
    )
    labels = torch.from_numpy(train.labels.astype(np.int64))
    layers = ttfs.Dense(64, 100), ttfs.Dense(100, 100), ttfs.Dense(100, 10)
    network = ttfs.Network(*layers, psp=ttfs.Windows())
    module = Coupled(network, code, name, norm="batch", seed=1)
    adam = torch.optim.Adam(module.parameters(), lr=5e-3)
    numbers = torch.Generator().manual_seed(0)
    for _ in range(12):
        for chosen in torch.randperm(len(images), generator=numbers).split(100):
            adam.zero_grad()
            coupled_loss(4 * module.train()(images[chosen]), labels[chosen]).backward()
            adam.step()
    with torch.no_grad():
        decided = module.eval()(held).argmax(dim=1).numpy()
    assert (decided == test.labels).mean() > 0.93


def test_outputs_count_from_the_beginning_of_rates_on():
    rate = Rate(10, begin=5, initial=0.0, pool="currents")
    module, maps, _ = a_pair(rate, "proxy")
    np.testing.assert_allclose(module(maps).detach(), module.clocked(maps)[-1].detach(), atol=1e-12)


def test_what_cannot_be_coupled_is_refused():
    network = ttfs.Network(ttfs.Dense(4, 3), psp=ttfs.Windows())
    with pytest.raises(InputError, match="proxy or tandem"):
        Coupled(network, RATE, "twin")
    with pytest.raises(InputError, match="coupling=...."):
        Coupled(network, RATE, 5)
    with pytest.raises(InputError, match="0..1, one output neuron each; got 2..2"):
        coupled_loss(torch.zeros(1, 2), [2], loss="mse")
    with pytest.raises(ShapeError, match="samples, 4"):
        Coupled(network, RATE)(torch.zeros(2, 5))
    with pytest.raises(InputError, match="code=...."):
        Coupled(network, 8)
    with pytest.raises(InputError, match="at most 1"):
        Coupled(network, RATE, spiking=2)
    with pytest.raises(InputError, match="NeuNorm"):
        Coupled(network, RATE, norm="neunorm")
    with pytest.raises(InputError, match="mask=...."):
        Coupling("", mask="tanh")
    with pytest.raises(InputError, match="loss must be"):
        coupled_loss(torch.zeros(1, 2), torch.zeros(1, dtype=torch.int64), loss="hinge")
