"""How gradients change in size from the last layer to the first, before any learning."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ttfs.checks import as_array
from ttfs.clocked.coupling import coupled_loss
from ttfs.clocked.modules import GAIN, Clocked
from ttfs.clocked.rate import Rate
from ttfs.clocked.surrogates import Surrogate
from ttfs.network.network import Network
from ttfs.torch import torch


@dataclass(frozen=True)
class Probe:
    """What a surrogate's slope does to a network.

    slope: of the surrogate. gradients: for each layer with weights, the root mean square of the
    loss's derivatives with respect to these weights. firing: for each hidden layer, the share of
    steps in which its neurons fire.
    """

    slope: float
    gradients: tuple[float, ...]
    firing: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """The first layer's gradient over the last's: 1 if gradients neither vanish nor explode.

        NaN if the layer below the last does not fire at all.
        """
        return self.gradients[0] / self.gradients[-1] if self.gradients[-1] else float("nan")


def probe_gradients(
    network: Network,
    maps: Any,
    labels: Any,
    slopes: Sequence[float],
    rate: Rate,
    *,
    kind: str = "fast_sigmoid",
    norm: str = "none",
    gain: float = GAIN,
    seed: int = 0,
) -> list[Probe]:
    """How large gradients are in each layer, for each slope of a surrogate.

    Ledinauskas et al. 2020 (arXiv 2006.04436) choose the slope so that gradients keep their size.

    Parameters
    ----------
    network, rate, norm, gain, seed: as for `Clocked`. kind: of the surrogate.
    maps, labels: some inputs, as for `Clocked`, and their labels; the loss is the cross-entropy.
    slopes: the slopes to try.

    >>> import ttfs
    >>> layers = [ttfs.Dense(8, 8) for _ in range(4)]
    >>> network = ttfs.Network(*layers, psp=ttfs.Windows())
    >>> generator = torch.Generator().manual_seed(0)
    >>> maps = torch.rand(50, 8, generator=generator)
    >>> rate = Rate(5, pool="currents")
    >>> wide, narrow = probe_gradients(network, maps, torch.arange(50) % 8, [1, 50], rate, gain=1.4)
    >>> wide.ratio > 10 * narrow.ratio
    True
    """
    found = []
    for slope in as_array(slopes, "probe_gradients(slopes=...)").ravel().tolist():
        told: Any = {"norm": norm, "gain": gain, "seed": seed}
        module = Clocked(network, rate, Surrogate(kind, slope), **told).train()
        outputs, said = module.told(torch.as_tensor(maps, dtype=module.blocks[0].matrix.dtype))
        coupled_loss(outputs[-1], labels).backward()
        grads = (block.matrix.grad for block in module.blocks)
        sizes = tuple(float(grad.square().mean().sqrt()) for grad in grads)
        firing = tuple(float(fired.detach().mean()) for fired in said[:-1])
        found.append(Probe(slope, sizes, firing))
    return found
