"""First spikes of exported networks in the simulators that are installed."""

import runpy
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import ttfs

PEERS = Path(__file__).parent.parent / "docs" / "peers.py"
if not PEERS.exists():
    pytest.skip("the package is installed without its documentation", allow_module_level=True)
TOLD = runpy.run_path(str(PEERS))


@pytest.mark.parametrize("name", [name for name, _ in TOLD["random_networks"]()])
@pytest.mark.parametrize("simulator", TOLD["PEERS"])
@pytest.mark.filterwarnings("ignore:.*torch.jit.*is deprecated:FutureWarning")
@pytest.mark.filterwarnings("ignore:nirtorch.load is being deprecated:DeprecationWarning")
def test_first_spikes_elsewhere_are_those_here(simulator, name):
    if not find_spec(TOLD["MODULES"].get(simulator, simulator)):
        pytest.skip(f"{simulator} is not installed")
    network, stimuli = TOLD["case"](name)
    assert TOLD["compare"](simulator, name, network, stimuli)


def test_a_graph_of_spikingjelly_fires_here_as_there():
    torch = pytest.importorskip("torch")
    exchange = pytest.importorskip("spikingjelly.activation_based.nir_exchange")
    from spikingjelly.activation_based import functional, layer, neuron

    torch.manual_seed(0)
    maps, flat = layer.Conv2d(2, 3, 3, bias=False), torch.nn.Flatten()
    model = torch.nn.Sequential(maps, neuron.IFNode(v_threshold=0.2), layer.Flatten())
    network = ttfs.from_nir(exchange.export_to_nir(model[:2], torch.zeros(1, 2, 6, 6)), dt=1e-4)
    times = np.random.default_rng(0).integers(0, 9, (1, 2, 6, 6))
    found = np.full(48, np.inf)
    functional.reset_net(model)
    with torch.no_grad():
        for step in range(9):
            spikes = flat(model[:2](torch.from_numpy(1.0 * (times == step)).float()))[0].numpy()
            found[(spikes > 0) & np.isinf(found)] = step
    ours = ttfs.forward(network, np.moveaxis(times, 1, -1).astype(float)).times[1]
    np.testing.assert_array_equal(ours.reshape(4, 4, 3).transpose(2, 0, 1).ravel(), found)
    assert np.isfinite(found).any()
