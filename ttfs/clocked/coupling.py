"""Two branches with the same weights: spikes give the values, analog neurons the gradient."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ttfs.checks import as_labels, of_kind, whole
from ttfs.clocked.blocks import Block
from ttfs.clocked.couplings import COUPLINGS, Coupling
from ttfs.clocked.modules import Clocked, checked
from ttfs.clocked.rate import Rate
from ttfs.errors import InputError
from ttfs.network.network import Network
from ttfs.network.psp import Windows
from ttfs.torch import Rounded, functional, nn, torch


class Coupled(nn.Module):
    """A network with the values of spiking neurons and the gradient of analog neurons.

    Parameters
    ----------
    network, settings: as for `Clocked`; the attribute `clocked` is that module, whose weights both
        branches share.
    code: a `Rate`, or `Windows(steps)`, which makes the spiking branch one of single spikes;
        `clocked` then has the weights but runs differently: fold it, and run the folded network.
    coupling: a `Coupling`, or its name in `ttfs.clocked.couplings.COUPLINGS`.
    spiking: how many of the first layers with weights spike; the others are analog. None: all.

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
        """(samples, classes) outputs for maps (samples, channels, height, width), or for rows."""
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
        """The values of analog neurons."""
        if self.coupling.mask == "relu":
            return functional.relu(heard)
        return heard.clamp(0, 1) if self.coupling.mask == "clip" else heard

    def _spikes(self, block: Block, trains: Any, last: bool) -> Any:
        """(steps, samples, ...) spikes of a layer, computed with its norm's running statistics."""
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
    """The loss of the outputs of a coupled or clocked network.

    outputs: (samples, classes). loss: "ce", cross-entropy, or "mse", the mean squared distance from
    `target` for the label and 0 for others. target: 1: the label's output should fire in each step;
    1 / steps: once, as in the code of the proxy's authors.

    >>> float(coupled_loss(torch.tensor([[1.0, 0.0]]), torch.tensor([0]), loss="mse"))
    0.0
    """
    if loss not in ("ce", "mse"):
        raise InputError(f"loss must be 'ce' or 'mse', got {loss!r}")
    labels = as_targets(labels, outputs)
    if loss == "ce":
        return functional.cross_entropy(outputs, labels)
    wanted = functional.one_hot(labels, outputs.shape[1]).to(outputs.dtype) * target
    return functional.mse_loss(outputs, wanted)


def as_targets(labels: Any, outputs: Any) -> Any:
    """(samples,) labels in the form that PyTorch expects, for (samples, classes) outputs."""
    kept = labels.detach().cpu().numpy() if isinstance(labels, torch.Tensor) else labels
    found = as_labels(kept, *outputs.shape)
    return torch.from_numpy(found.astype(np.int64)).to(outputs.device)
