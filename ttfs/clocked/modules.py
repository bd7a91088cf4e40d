"""Networks of clocked neurons as PyTorch modules: gradients go back through all steps.

All steps of a layer are one batch to its sums and its norm, whose statistics they share; then its
neurons go through them one by one. A pool comes before the norm.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ttfs.checks import as_labels, flag, of_kind, positive, whole
from ttfs.clocked.course import AT_ONCE, Course, firing
from ttfs.clocked.evaluation import ClockedEvaluation, measured
from ttfs.clocked.rate import Rate
from ttfs.clocked.surrogates import Surrogate
from ttfs.conversion.conversion import values_in
from ttfs.conversion.convert import in_bits
from ttfs.errors import InputError, ShapeError
from ttfs.network.conv import Conv2d
from ttfs.network.network import Network
from ttfs.network.psp import Windows
from ttfs.network.weights import Binary
from ttfs.torch import functional, nn, torch
from ttfs.training.relus import (
    EPSILON,
    LATENT,
    STEADY,
    Signs,
    as_map,
    in_blocks,
    sums_of,
    with_weights,
)

NORMS = "none", "batch", "neunorm"
GAIN = 0.4 * 2**0.5
"""Of first weights, times the root of 1 / inputs. With He's 2**0.5 potentials are outside of what a
surrogate sees, and a network hardly learns."""

KEPT = 0.9  # of what the auxiliary neuron of NeuNorm holds, by a step


class Spike(torch.autograd.Function):
    """1 from the threshold on; the derivative is that of a surrogate."""

    @staticmethod
    def forward(ctx: Any, x: Any, surrogate: Surrogate, smooth: bool) -> Any:
        """Spikes of potentials, in thresholds above the threshold."""
        ctx.save_for_backward(x)
        ctx.surrogate = surrogate
        return surrogate.smooth(x) if smooth else (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *errors: Any) -> Any:
        """The derivative of the surrogate."""
        (x,) = ctx.saved_tensors
        return errors[0] * ctx.surrogate.derivative(x), None, None


def spikes(x: Any, surrogate: Surrogate, smooth: bool = False) -> Any:
    """1 where x is 0 or more, else 0; with `smooth` what the surrogate is the derivative of."""
    return Spike.apply(x, surrogate, smooth)


class Block(nn.Module):
    """A layer with weights, the pools on top of it, a norm of its currents, and its neurons.

    layer, pools, last: as `in_blocks` has them. Others as of `Clocked`.
    """

    def __init__(
        self,
        layer: Any,
        pools: Sequence[Any],
        last: bool,
        rate: Rate,
        surrogate: Surrogate,
        norm: str,
        signed: bool,
        gain: float,
        numbers: Any,
    ):
        super().__init__()
        self.layer, self.pools, self.rate = layer, [pool.windows for pool in pools], rate
        *_, top = [layer, *pools]
        without = last or (norm == "neunorm" and top.gives[:2] == (1, 1))
        self.surrogate, self.norm = surrogate, "none" if without else norm
        self.fires = not last or rate.output == "spikes"
        self.steady = STEADY
        self.signed, self.binary = signed, isinstance(layer.weights, Binary)
        self.matrix = nn.Parameter(torch.empty(layer.columns, layer.rows))
        if self.binary:
            nn.init.uniform_(self.matrix, -LATENT, LATENT, generator=numbers)
        else:
            nn.init.normal_(self.matrix, 0.0, gain * layer.rows**-0.5, generator=numbers)
        scaled = last and self.binary
        self.scale = nn.Parameter(torch.tensor(layer.rows**-0.5)) if scaled else None
        self.bias = nn.Parameter(torch.zeros(layer.columns))
        if self.norm == "batch":
            self.gain = nn.Parameter(torch.ones(layer.columns))
            self.register_buffer("mean", torch.zeros(layer.columns))
            self.register_buffer("variance", torch.ones(layer.columns))
        if self.norm == "neunorm":
            self.inhibition = nn.Parameter(torch.ones(1, *top.gives[:2]))

    def weights(self) -> Any:
        """(columns, rows) weights: those that learn, or their signs."""
        if not self.binary:
            return self.matrix
        signs = Signs.apply(self.matrix)
        return signs if self.scale is None else signs * self.scale

    def currents(self, values: Any) -> Any:
        """(steps x samples, ...) what neurons hear, once normed, of what is below them."""
        sums = sums_of(self.layer, self.weights(), values)
        for pool in self.pools:
            sums = functional.max_pool2d(as_map(sums), *pool)
        if self.norm == "batch":
            told = self.mean, self.variance, self.gain, self.bias
            return functional.batch_norm(sums, *told, self.training, 1 - self.steady, EPSILON)
        return sums + self.bias.view(-1, *[1] * (sums.ndim - 2))

    def forward(self, values: Any, smooth: bool) -> Any:
        """(steps, samples, ...) what the layer says: spikes, or currents of silent outputs.

        values: (steps, samples, ...), or with one step alone what is the same in all of them.
        """
        heard = self.currents(values.flatten(0, 1))
        heard = heard.view(*values.shape[:2], *heard.shape[1:])
        heard = heard.expand(self.rate.steps, *heard.shape[1:])
        if not self.fires:
            return heard
        said, potential = [], torch.full_like(heard[0], self.rate.initial)
        for current in heard:
            potential = self.rate.keep * potential + current
            if self.rate.shift:
                potential = potential + self.rate.shift / self.rate.steps
            fired = spikes(potential - 1, self.surrogate, smooth)
            potential = potential - fired if self.rate.reset == "soft" else potential * (1 - fired)
            said.append(2 * fired - 1 if self.signed else fired)
        return torch.stack(said)

    def inhibited(self, fired: Any) -> Any:
        """Spikes less what NeuNorm takes off them: an auxiliary neuron at each place of a map."""
        held, said = torch.zeros_like(fired[0, :, :1]), []
        for step in fired:
            held = KEPT * held + (1 - KEPT) / step.shape[1] * step.mean(dim=1, keepdim=True)
            said.append(step - self.inhibition * held)
        return torch.stack(said)

    def folded(self, signed: bool) -> Any:
        """The layer of this package that it is once its norm is in its weights and biases.

        signed: whether what it hears is 1 or -1; its layer then hears 1 or 0.
        """
        if self.norm == "neunorm":
            raise InputError("NeuNorm changes spikes: no network of this package does that")
        with torch.no_grad():
            matrix, bias = self.weights().double().cpu(), self.bias.double().cpu()
            if self.norm == "batch":
                scale = self.gain.double().cpu() * (self.variance.double().cpu() + EPSILON) ** -0.5
                if (scale < 0).any() and self.pools:
                    raise InputError("a norm below 0 above a pool does not go into weights")
                bias = bias - self.mean.double().cpu() * scale
                matrix = matrix * scale[:, None]
            if signed:
                if isinstance(self.layer, Conv2d) and self.layer.padding != (0, 0):
                    raise InputError("outside of a map there is no sign: no padding goes over")
                matrix, bias = 2 * matrix, bias - matrix.sum(dim=1)
            matrix, bias = matrix.detach(), bias.detach()
        return with_weights(self.layer, matrix, bias)


def checked(maps: Any, network: Network, like: Any) -> Any:
    """Maps, or rows, that a module hears, which must be of its precision.

    like: a tensor of that precision.
    """
    of_kind(maps, torch.Tensor, "maps", "a torch.Tensor")
    height, width, channels = network.shapes[0]
    flat = (height, width) == (1, 1)
    wanted = f"(samples, {channels})" if flat else f"(samples, {channels}, {height}, {width})"
    own = (channels,) if flat else (channels, height, width)
    if tuple(maps.shape[1:]) != own or not len(maps):
        raise ShapeError(f"maps must be {wanted}, one sample at least, got {tuple(maps.shape)}")
    if maps.dtype != like.dtype:
        raise InputError(f"maps must be {like.dtype}, as the weights are, got {maps.dtype}")
    return maps


class Clocked(nn.Module):
    """A network that fires by a clock, as a PyTorch module that learns through all steps.

    Parameters
    ----------
    network: with `psp=Windows()`; its layers say sizes, its weights do not count. Thresholds are 1.
    rate: how neurons run: `Rate(5, keep=0.25, reset="hard", initial=0.0, output="spikes")` is the
        iterative neuron of Wu et al. 2018 (arXiv 1809.05793). The input must be "direct", biases
        "each", pools, if there are any, of "currents".
    surrogate: what a spike's derivative is taken for.
    norm: "none"; "batch": batch norm of currents, with statistics that all steps share
        (Ledinauskas et al. 2020, arXiv 2006.04436); "neunorm" (Wu et al. 2018): at each place of
        a map an auxiliary neuron inhibits all channels.
    signed: whether hidden neurons say 1 or -1 instead of 1 or 0. With `Rate(1, initial=1.0)`, for
        which sums of 0 are at the threshold, and `Binary` weights this is a plain binarised network
        (Courbariaux et al. 2016, arXiv 1602.02830). One-bit weights need `norm="batch"`.
    voters: how many outputs vote for each class, one after the other; the mean counts.
    gain: of first weights, whose deviation it is times the root of 1 / inputs. seed: of those.

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
        gain: float = GAIN,
        seed: int = 0,
    ):
        super().__init__()
        surrogate = Surrogate() if surrogate is None else surrogate
        of_kind(network, Network, "Clocked(network=...)", "a Network")
        of_kind(network.psp, Windows, "Clocked(network=...): its psp", "Windows()")
        of_kind(rate, Rate, "Clocked(rate=...)", "a Rate")
        of_kind(surrogate, Surrogate, "Clocked(surrogate=...)", "a Surrogate")
        if norm not in NORMS:
            wanted = " or ".join(map(repr, NORMS))
            raise InputError(f"Clocked(norm=...) must be {wanted}, got {norm!r}")
        pooled = any(layer.pools for layer in network.layers)
        for name, wanted in (("input", "direct"), ("bias", "each"), ("pool", "currents")):
            if getattr(rate, name) != wanted and (name != "pool" or pooled):
                raise InputError(f"a module needs Rate(..., {name}={wanted!r}), got {rate}")
        if network.layers[0].pools or network.layers[-1].pools or network.skips:
            raise InputError(f"{network} must begin and end with weights, and have no skips")
        if network.sizes[-1] % whole(voters, "Clocked(voters=...)"):
            raise InputError(f"{network.sizes[-1]} outputs are not the same number for {voters}")
        if norm != "batch" and any(isinstance(k.weights, Binary) for k in network.layers if k.rows):
            raise InputError("one-bit weights need norm='batch'")
        self.network, self.layers = network, network.layers
        self.rate, self.voters = rate, voters
        self.numbers = torch.Generator()
        self.numbers.manual_seed(whole(seed, "Clocked(seed=...)", least=0))
        gain = positive(gain, "Clocked(gain=...)")
        told: Any = rate, surrogate, norm, flag(signed, "Clocked(signed=...)"), gain, self.numbers
        blocks: Any = in_blocks(network.layers)
        self.blocks = nn.ModuleList([Block(*block, *told) for block in blocks])

    def forward(self, maps: Any, smooth: bool = False) -> Any:
        """(steps, samples, classes) what the outputs say after each step: see `Course.outputs`.

        maps: (samples, channels, height, width) or (samples, inputs). smooth: whether spikes are
        the smooth functions whose derivatives surrogates are.
        """
        return self.told(maps, smooth)[0]

    def told(self, maps: Any, smooth: bool = False) -> tuple[Any, list[Any]]:
        """The same, and (steps, samples, ...) what each layer with weights says."""
        values, said = checked(maps, self.network, self.blocks[0].matrix)[None], []
        for block in self.blocks:
            values = block(values, smooth)
            said.append(values)
            if block.norm == "neunorm":
                values = block.inhibited(values)
        votes = values.view(*values.shape[:2], -1, self.voters).mean(dim=3)
        begin, steps = self.rate.begin, self.rate.steps
        counted = torch.arange(1, steps + 1, device=votes.device) - begin
        votes = votes * (counted > 0).to(votes.dtype)[:, None, None]
        return votes.cumsum(dim=0) / counted.clamp(min=1).to(votes.dtype)[:, None, None], said

    def course(self, values: np.ndarray) -> Course:
        """What the network does with (samples, neurons) values, as `ttfs.clocked.run` gives it.

        As it does once it has been trained: with the running figures of its norms.
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
        """The same of samples whose neurons are in memory in all steps."""
        height, width, channels = self.network.shapes[0]
        first = self.blocks[0].matrix
        maps = torch.as_tensor(values, dtype=first.dtype, device=first.device)
        if (height, width) != (1, 1):
            maps = maps.view(-1, height, width, channels).permute(0, 3, 1, 2)
        with torch.no_grad():
            outputs, said = self.told(maps)
        numbers = sorted(firing(self.network, self.rate))
        counts = {}
        for number, fired in zip(numbers, said, strict=False):
            total = fired.abs().sum(dim=0)
            total = total.permute(0, 2, 3, 1).flatten(1) if total.ndim == 4 else total
            counts[number] = total.cpu().numpy().astype(np.int32)
        return Course(counts, outputs.cpu().numpy())

    def evaluate(self, inputs: Any, labels: Any, *, decisions: Any = None) -> ClockedEvaluation:
        """How well, how soon and at what cost it decides: see `ttfs.clocked.evaluate`."""
        values = values_in(inputs, self.network.shapes[0], False)
        labels = as_labels(labels, len(values), self.network.sizes[-1] // self.voters)

        def course(some: np.ndarray, first: int) -> Course:
            return self.course(some)

        return measured(course, self.network, self.rate, values, labels, decisions)

    def folded(self, dtype: Any = np.float32) -> Network:
        """The network that `ttfs.clocked.run` runs with the same `rate`."""
        if self.voters > 1:
            raise InputError("votes are no layer: fold a module with voters=1")
        signed = [False, *(block.signed for block in self.blocks)]
        own = iter([block.folded(below) for block, below in zip(self.blocks, signed, strict=False)])
        layers = [layer if layer.pools else next(own) for layer in self.network.layers]
        told: dict[str, Any] = {"shape": self.network.shapes[0], "dtype": dtype, "unit": "window"}
        return Network(*in_bits(layers), psp=Windows(), **told)
