"""Two branches with the same weights: spikes say what is, analog values how it changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ttfs.checks import of_kind, whole
from ttfs.clocked.blocks import Block
from ttfs.clocked.modules import Clocked, checked
from ttfs.clocked.rate import Rate
from ttfs.errors import InputError
from ttfs.network.network import Network
from ttfs.network.psp import Windows
from ttfs.torch import Rounded, functional, nn, torch

REPLACES = "output", "layers"
MASKS = "relu", "clip", "none"


@dataclass(frozen=True)
class Coupling:
    """How two branches are coupled, and where that is described.

    replace: "output": both branches go their own ways, and only what outputs say is replaced by
    what spikes say; "layers": so is what each layer says, so that analog values are never far from
    spikes. mask: where a hidden analog neuron has a derivative: "relu": above 0; "clip": between 0
    and the threshold; "none": everywhere, straight through.
    """

    paper: str
    replace: str = "layers"
    mask: str = "relu"

    def __post_init__(self) -> None:
        for name, known in (("replace", REPLACES), ("mask", MASKS)):
            if getattr(self, name) not in known:
                wanted = " or ".join(map(repr, known))
                raise InputError(
                    f"Coupling({name}=...) must be {wanted}, got {getattr(self, name)!r}"
                )


COUPLINGS = {
    "proxy": Coupling("Kheradpisheh et al. 2022, arXiv 2109.13208", "output", "relu"),
    "tandem": Coupling("Wu et al. 2021, arXiv 1907.01167", "layers", "relu"),
    "snn2ann": Coupling("SNN2ANN, arXiv 2206.09449 (ReSU)", "layers", "relu"),
    "dsr": Coupling("Meng et al. 2022, arXiv 2205.00459", "layers", "clip"),
}
"""By name. Progressive tandem learning (Wu et al. 2020, arXiv 2007.01204) is "tandem" in a
`ClockedTrainer(progressive=True)`."""


class Coupled(nn.Module):
    """A network whose value is that of spikes, and whose gradient that of analog neurons.

    Parameters
    ----------
    network, settings: as of `Clocked`, whose module is `clocked`, and has the weights of both.
    code: a `Rate`, or `Windows(steps)`: then the spiking branch is one of single spikes, and
        `clocked` has the weights, but runs otherwise: fold it, and run the network.
    coupling: how, or its name in `COUPLINGS`.
    spiking: how many of the first layers with weights have spikes; the others are analog. None:
        all.

    >>> import ttfs
    >>> network = ttfs.Network(ttfs.Dense(4, 8), ttfs.Dense(8, 2), psp=ttfs.Windows())
    >>> proxy = Coupled(network, Rate(15, reset="hard", pool="currents"), "proxy")
    >>> maps = torch.rand(3, 4)
    >>> torch.allclose(proxy(maps), proxy.clocked(maps)[-1])
    True
    """

    def __init__(
        self,
        network: Network,
        code: Rate | Windows,
        coupling: Coupling | str = "proxy",
        *,
        spiking: int | None = None,
        **settings: Any,
    ):
        super().__init__()
        if isinstance(coupling, str) and coupling in COUPLINGS:
            coupling = COUPLINGS[coupling]
        wanted = " or ".join(COUPLINGS)
        of_kind(coupling, Coupling, "Coupled(coupling=...)", f"{wanted} or a Coupling")
        assert isinstance(coupling, Coupling)
        if not isinstance(code, Rate | Windows):
            raise InputError(f"Coupled(code=...) must be a Rate or Windows(steps), got {code!r}")
        self.code, self.coupling = code, coupling
        rate = code if isinstance(code, Rate) else Rate(1, pool="currents")
        self.clocked = Clocked(network, rate, **settings)
        if settings.get("norm") == "neunorm" or network.skips:
            raise InputError("NeuNorm and skips have no analog branch")
        self.layers, self.numbers = network.layers, self.clocked.numbers
        layers = len(self.clocked.blocks)
        self.spiking = layers if spiking is None else whole(spiking, "spiking", least=0)
        if self.spiking > layers:
            raise InputError(f"spiking must be at most {layers}, the layers with weights")

    @property
    def blocks(self) -> Any:
        """Those of `clocked`."""
        return self.clocked.blocks

    def forward(self, maps: Any) -> Any:
        """(samples, classes) what outputs say of (samples, channels, height, width) or rows."""
        blocks: Sequence[Any] = self.clocked.blocks
        analog = checked(maps, self.clocked.network, blocks[0].matrix)[0]
        trains = analog[None]
        for number, block in enumerate(blocks, start=1):
            last = number == len(blocks)
            heard = block.currents(analog)
            value = heard if last else self._masked(heard)
            if number <= self.spiking:
                trains = self._spikes(block, trains, last)
                if last or self.coupling.replace == "layers" or number == self.spiking:
                    counted = trains[self.clocked.rate.begin :] if last else trains
                    said = counted.mean(dim=0)
                    value = value + (said - value).detach()
            analog = value
        return analog.view(len(analog), -1, self.clocked.voters).mean(dim=2)

    def _masked(self, heard: Any) -> Any:
        """What analog neurons say."""
        if self.coupling.mask == "relu":
            return functional.relu(heard)
        return heard.clamp(0, 1) if self.coupling.mask == "clip" else heard

    def _spikes(self, block: Block, trains: Any, last: bool) -> Any:
        """(steps, samples, ...) what spikes of a layer say, by the running figures of its norm."""
        training = block.training
        with torch.no_grad():
            block.eval()
            if isinstance(self.code, Rate):
                said = block(trains, False)
            else:
                said = block.currents(trains[0])[None]
                if not last and self.code.steps:
                    said = Rounded.apply(said, self.code.steps)
                said = said if last else said.clamp(0, 1)
            block.train(training)
        return said


def coupled_loss(outputs: Any, labels: Any, *, loss: str = "ce", target: float = 1.0) -> Any:
    """What a coupled or clocked network is told of its outputs.

    outputs: (samples, classes). loss: "ce", cross-entropy, or "mse", the mean squared distance from
    `target` for the label and 0 for others; 1: it fires in each step; 1 / steps: once, as in the
    code of the proxy's authors.

    >>> float(coupled_loss(torch.tensor([[1.0, 0.0]]), torch.tensor([0]), loss="mse"))
    0.0
    """
    if loss == "ce":
        return functional.cross_entropy(outputs, labels)
    if loss != "mse":
        raise InputError(f"loss must be 'ce' or 'mse', got {loss!r}")
    labels = torch.as_tensor(labels, dtype=torch.int64, device=outputs.device)
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < outputs.shape[1]:
        raise InputError(f"labels must be in 0..{outputs.shape[1] - 1}, got up to {labels.max()}")
    wanted = functional.one_hot(labels, outputs.shape[1]).to(outputs.dtype) * target
    return functional.mse_loss(outputs, wanted)
