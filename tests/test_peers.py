"""First spikes of exported networks in the simulators that are installed."""

import runpy
from importlib.util import find_spec
from pathlib import Path

import pytest

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
