"""Networks of clocked neurons as PyTorch modules: gradients propagate back through all steps."""

from itertools import pairwise
from typing import Any

import numpy as np

from ttfs.checks import as_labels, flag, of_kind, positive, whole
from ttfs.clocked.blocks import Block, Bypass
from ttfs.clocked.course import AT_ONCE, Course, check, firing
from ttfs.clocked.evaluation import ClockedEvaluation, measured
from ttfs.clocked.rate import Rate
from ttfs.clocked.surrogates import Surrogate
from ttfs.conversion.conversion import values_in
from ttfs.conversion.convert import in_bits, with_thresholds_of_1
from ttfs.errors import InputError, ShapeError
from ttfs.network.conv import Conv2d
from ttfs.network.network import Network
from ttfs.network.psp import Windows
from ttfs.network.weights import Binary
from ttfs.torch import functional, nn, torch
from ttfs.training.relus import in_blocks

NORMS = "none", "batch", "neunorm"
GAIN = 0.4 * 2**0.5
"""Standard deviation of initial weights, times the square root of the number of inputs. With He's
2**0.5, potentials lie outside the surrogate's effective range, and a network hardly learns."""


def checked(maps: Any, network: Network, like: Any, steps: int | None = None) -> Any:
    """(steps, samples, ...) maps or rows for a module, which must have the module's precision.

    The result has a single step if the input is the same in all steps. like: a tensor of that
    precision. steps: how many steps may have maps of their own; None: they may not.
    """
    of_kind(maps, torch.Tensor, "maps", "a torch.Tensor")
    height, width, channels = network.shapes[0]
    own = (channels,) if (height, width) == (1, 1) else (channels, height, width)
    several = steps is not None and maps.ndim == len(own) + 2
    if tuple(maps.shape[1 + several :]) != own or not maps.numel():
        wanted = ", ".join(map(str, own))
        also = f", or ({steps}, samples, {wanted})" if steps else ""
        raise ShapeError(
            f"maps must be (samples, {wanted}) with at least one sample{also}, got"
            f" {tuple(maps.shape)}"
        )
    if several and len(maps) != steps:
        raise ShapeError(f"maps for each step must be {steps}, got {len(maps)}")
    if maps.dtype != like.dtype:
        raise InputError(f"maps must be {like.dtype}, as the weights are, got {maps.dtype}")
    return maps if several else maps[None]


def _check(network: Any, rate: Any, norm: str, signed: bool) -> None:
    """Refuse anything that is not a clocked network that can learn."""
    of_kind(network, Network, "Clocked(network=...)", "a Network")
    of_kind(network.psp, Windows, "Clocked(network=...): its psp", "Windows()")
    of_kind(rate, Rate, "Clocked(rate=...)", "a Rate")
    pooled = any(layer.pools for layer in network.layers)
    needed = {"input": "direct", "bias": "each", "negative": False, "pool": "currents"}
    for name, wanted in needed.items():
        if getattr(rate, name) != wanted and (name != "pool" or pooled):
            raise InputError(f"a module needs Rate(..., {name}={wanted!r}), got {rate}")
    if network.layers[0].pools or network.layers[-1].pools:
        raise InputError(f"{network} must begin and end with weights")
    check(network, rate)
    tops = {k for k, layer in enumerate(network.layers) if layer.pools}
    if any(skip.target in tops for skip in network.skips):
        raise InputError("in a module, pools come first, so no skip can lead to a layer below one")
    if network.skips and (signed or norm == "neunorm"):
        raise InputError("skips carry spikes, so they go neither with signs nor with NeuNorm")
    if norm != "batch" and any(isinstance(k.weights, Binary) for k in network.layers if k.rows):
        raise InputError("one-bit weights need norm='batch'")


class Clocked(nn.Module):
    """A network that fires by a clock, as a PyTorch module that learns through all steps.

    Parameters
    ----------
    network: with `psp=Windows()`; its layers and skips determine sizes. Thresholds are 1.
    rate: how neurons run: `Rate(5, keep=0.25, reset="hard", initial=0.0, output="spikes")` is the
        iterative neuron of Wu et al. 2018 (arXiv 1809.05793). It must have the input "direct", the
        bias "each" and, if there are pools, the pool "currents".
    surrogate: replaces the derivative of a spike.
    norm: "none"; "batch": batch norm of currents, with statistics shared by all steps
        (Ledinauskas et al. 2020, arXiv 2006.04436); "neunorm" (Wu et al. 2018): at each position of
        a map, an auxiliary neuron inhibits all channels. Currents from skips are not normalised.
    signed: whether hidden neurons send 1 or -1 instead of 1 or 0. With `Rate(1, initial=1.0)`, for
        which sums of 0 are at the threshold, and `Binary` weights this is a plain binarised network
        (Courbariaux et al. 2016, arXiv 1602.02830). One-bit weights need `norm="batch"`.
    voters: how many consecutive outputs vote for each class; their mean counts.
    spiking: how many of the first layers with weights fire; those above are ReLUs that receive the
        mean of the spiking layers' values from the step `rate.begin` on. None: all.
    learned: whether weights start from those of the network, for example a converted one, and not
        at random; this needs `norm="none"`.
    gain: of the initial weights: their standard deviation is gain / sqrt(inputs).
    seed: of the initial weights.
    spread: with batch norm, the initial standard deviation of currents, in thresholds.

    >>> import ttfs
    >>> network = ttfs.Network(ttfs.Dense(4, 8), ttfs.Dense(8, 2), psp=ttfs.Windows())
    >>> module = Clocked(network, Rate(5, pool="currents"))
    >>> module(torch.rand(3, 4)).shape
    torch.Size([5, 3, 2])
    """

    def __init__(
        self,
        network: Network,
        rate: Rate,
        surrogate: Surrogate | None = None,
        *,
        norm: str = "none",
        signed: bool = False,
        voters: int = 1,
        spiking: int | None = None,
        learned: bool = False,
        gain: float = GAIN,
        spread: float = 1.0,
        seed: int = 0,
    ):
        super().__init__()
        surrogate = Surrogate() if surrogate is None else surrogate
        of_kind(surrogate, Surrogate, "Clocked(surrogate=...)", "a Surrogate")
        if norm not in NORMS:
            wanted = " or ".join(map(repr, NORMS))
            raise InputError(f"Clocked(norm=...) must be {wanted}, got {norm!r}")
        _check(network, rate, norm, flag(signed, "Clocked(signed=...)"))
        if network.sizes[-1] % whole(voters, "Clocked(voters=...)"):
            raise InputError(f"{network.sizes[-1]} outputs cannot be shared equally by {voters}")
        self.network, self.layers = network, network.layers
        self.rate, self.voters = rate, voters
        self.numbers = torch.Generator()
        if whole(seed, "Clocked(seed=...)", least=0) >= 2**63:  # as PyTorch has it
            raise InputError(f"Clocked(seed=...) must be below 2**63, got {seed}")
        self.numbers.manual_seed(seed)
        gain = positive(gain, "Clocked(gain=...)")
        spread = positive(spread, "Clocked(spread=...)")
        told: Any = rate, surrogate, norm, signed, gain, spread, self.numbers
        blocks: Any = in_blocks(network.layers)
        self.blocks = nn.ModuleList([Block(*block, *told) for block in blocks])
        ends = np.cumsum([1 + len(pools) for _, pools, _ in blocks])
        self.ends = [0, *map(int, ends)]  # numbers of the topmost layers of the blocks
        bypasses = []
        for skip in network.skips:
            flat = network.layers[skip.target - 1].kind == "dense"
            channels = network.shapes[skip.source][2]
            bypasses.append(Bypass(skip, channels, flat, gain, self.numbers))
        self.bypasses = nn.ModuleList(bypasses)
        self.spiking = len(blocks) if spiking is None else whole(spiking, "Clocked(spiking=...)")
        if self.spiking > len(blocks):
            raise InputError(f"Clocked(spiking=...) must be at most {len(blocks)}, got {spiking}")
        if flag(learned, "Clocked(learned=...)"):
            if norm != "none":
                raise InputError("trained weights need norm='none' and must be real")
            self._take(network)

    def _take(self, network: Network) -> None:
        """Start from the weights of a network."""
        layers, skips = with_thresholds_of_1(network)
        own = [layer for layer in layers if layer.rows]
        for block, layer in zip(self.blocks, own, strict=True):
            if np.ndim(layer.bias) > 1:
                raise InputError(f"{layer} has a bias for each neuron, modules for each channel")
            block.take(layer)
        for bypass, skip in zip(self.bypasses, skips, strict=True):
            bypass.take(skip)

    def forward(self, maps: Any, smooth: bool = False) -> Any:
        """(steps, samples, classes) values of the outputs after each step: see `Course.outputs`.

        maps: (samples, channels, height, width) or (samples, inputs), presented in each step; or
        (steps, samples, ...), one for each step, such as frames of events. smooth: whether spikes
        are replaced by the smooth functions that have the surrogates as derivatives.
        """
        return self.told(maps, smooth)[0]

    def told(self, maps: Any, smooth: bool = False) -> tuple[Any, list[Any]]:
        """The same, and the (steps, samples, ...) values of each spiking layer with weights."""
        values = checked(maps, self.network, self.blocks[0].matrix, self.rate.steps)
        said, known = [], {0: values}
        for number, block in enumerate(self.blocks):
            if number == self.spiking:  # layers from here on are the same in all steps
                known = {
                    k: one[self.rate.begin :].mean(dim=0)[None] if len(one) > 1 else one
                    for k, one in known.items()
                }
                values = known[self.ends[number]]
            target = self.ends[number] + 1
            skipped = [
                one(known[one.skip.source]) for one in self.bypasses if one.skip.target == target
            ]
            if number < self.spiking:
                values = block(values, smooth, skipped)
                said.append(values)
                if block.norm == "neunorm":
                    values = block.inhibited(values)
            else:
                values = block.heard(values, skipped)
                if number < len(self.blocks) - 1:
                    values = functional.relu(values[:1])
            known[self.ends[number + 1]] = values
        votes = values.view(*values.shape[:2], -1, self.voters).mean(dim=3)
        begin, steps = self.rate.begin, self.rate.steps
        counted = torch.arange(1, steps + 1, device=votes.device) - begin
        votes = votes * (counted > 0).to(votes.dtype)[:, None, None]
        return votes.cumsum(dim=0) / counted.clamp(min=1).to(votes.dtype)[:, None, None], said

    def course(self, values: np.ndarray) -> Course:
        """What the network does with (samples, neurons) values, as `ttfs.clocked.run` returns it.

        The module runs in evaluation mode, with the running statistics of its norms. Values may
        also be (samples, steps, neurons), different in each step.
        """
        block = max(1, AT_ONCE // (self.rate.steps * sum(self.network.sizes)))
        training = self.training
        self.eval()
        parts = [
            self._course(values[start : start + block])
            for start in range(0, max(1, len(values)), block)
        ]
        self.train(training)
        counts = {k: np.concatenate([part.counts[k] for part in parts]) for k in parts[0].counts}
        return Course(counts, np.concatenate([part.outputs for part in parts], axis=1))

    def _course(self, values: np.ndarray) -> Course:
        """The same for samples that fit into memory with all their neurons and steps."""
        height, width, channels = self.network.shapes[0]
        first = self.blocks[0].matrix
        maps = torch.as_tensor(values, dtype=first.dtype, device=first.device)
        if maps.ndim == 3:
            maps = maps.transpose(0, 1)
        if (height, width) != (1, 1):
            maps = maps.reshape(*maps.shape[:-1], height, width, channels).movedim(-1, -3)
        with torch.no_grad():
            outputs, said = self.told(maps)
        numbers = sorted(firing(self.network, self.rate))
        counts = {}
        for number, fired in zip(numbers, said, strict=False):
            total = (fired > 0).sum(dim=0)  # of signs, those of 1, as in the folded network
            total = total.permute(0, 2, 3, 1).flatten(1) if total.ndim == 4 else total
            counts[number] = total.cpu().numpy().astype(np.int32)
        return Course(counts, outputs.cpu().numpy())

    def evaluate(self, inputs: Any, labels: Any, *, decisions: Any = None) -> ClockedEvaluation:
        """How well, how soon and at what cost the module decides: see `ttfs.clocked.evaluate`.

        inputs: as there, or (steps, samples, channels, height, width) frames.
        """
        shape = self.network.shapes[0]
        if np.ndim(inputs) == 5:
            steps, samples, *rest = np.shape(inputs)
            if steps != self.rate.steps:
                raise ShapeError(f"frames must be {self.rate.steps}, one per step, got {steps}")
            values = values_in(inputs.reshape(steps * samples, *rest), shape, False)
            values = values.reshape(steps, samples, -1).swapaxes(0, 1)
        else:
            values = values_in(inputs, shape, False)
        labels = as_labels(labels, len(values), self.network.sizes[-1] // self.voters)

        def course(some: np.ndarray, first: int) -> Course:
            return self.course(some)

        return measured(course, self.network, self.rate, values, labels, decisions)

    def unfit(self) -> str | None:
        """Why the module cannot be folded into a network of this package; None if it can."""
        if self.voters > 1:
            return "votes are not a layer: fold a module with voters=1"
        if self.spiking < len(self.blocks):
            return "a spiking network has no layers that do not fire"
        for block, above in pairwise(self.blocks):
            if block.norm == "neunorm":
                return "NeuNorm rescales spikes, which no network of this package does"
            if block.signed and isinstance(above.layer, Conv2d) and any(above.layer.windows[2]):
                return "padding has no sign: layers above signs must have none"
        return None

    def folded(self, dtype: Any = np.float32) -> Network:
        """The network that `ttfs.clocked.run` runs with the same `rate`."""
        if reason := self.unfit():
            raise InputError(reason)
        signed = [False, *(block.signed for block in self.blocks)]
        own = iter([block.folded(below) for block, below in zip(self.blocks, signed, strict=False)])
        layers = [layer if layer.pools else next(own) for layer in self.network.layers]
        skips = [bypass.folded() for bypass in self.bypasses]
        told: dict[str, Any] = {"shape": self.network.shapes[0], "dtype": dtype, "unit": "window"}
        layers = layers if skips else in_bits(layers)
        return Network(*layers, psp=Windows(), skips=skips, **told)
