"""A layer of clocked neurons as a PyTorch module.

All steps of a layer are one batch to its sums and its norm, whose statistics they share; then its
neurons go through them one by one. A pool comes before the norm.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ttfs.clocked.rate import Rate
from ttfs.clocked.surrogates import Surrogate
from ttfs.network.conv import Conv2d
from ttfs.network.skips import Skip
from ttfs.network.weights import Binary
from ttfs.torch import functional, nn, torch
from ttfs.training.relus import EPSILON, LATENT, STEADY, Signs, pooled, sums_of, with_weights

KEPT = 0.9  # of what the auxiliary neuron of NeuNorm holds, by a step


class Spike(torch.autograd.Function):
    """1 from the threshold on; the derivative is that of a surrogate."""

    @staticmethod
    def forward(ctx: Any, x: Any, surrogate: Surrogate, smooth: bool) -> Any:
        """Spikes of potentials, in thresholds above the threshold."""
        ctx.save_for_backward(x)
        ctx.surrogate = surrogate
        if smooth:
            return surrogate.smooth(x)
        return torch.ge(x, 0, out=torch.empty_like(x))  # a detour by bool is slow

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
        spread: float,
        numbers: Any,
    ):
        super().__init__()
        self.layer, self.pools, self.rate = layer, [pool.windows for pool in pools], rate
        *_, top = [layer, *pools]
        without = last or (norm == "neunorm" and top.gives[:2] == (1, 1))
        self.surrogate, self.norm = surrogate, "none" if without else norm
        self.fires = not last or rate.output == "spikes"
        self.steady = STEADY
        self.signed, self.binary = signed and not last, isinstance(layer.weights, Binary)
        self.matrix = nn.Parameter(torch.empty(layer.columns, layer.rows))
        if self.binary:
            nn.init.uniform_(self.matrix, -LATENT, LATENT, generator=numbers)
        else:
            nn.init.normal_(self.matrix, 0.0, gain * layer.rows**-0.5, generator=numbers)
        scaled = last and self.binary
        self.scale = nn.Parameter(torch.tensor(layer.rows**-0.5)) if scaled else None
        self.bias = nn.Parameter(torch.zeros(layer.columns))
        if self.norm == "batch":
            self.gain = nn.Parameter(torch.full((layer.columns,), spread))
            self.register_buffer("mean", torch.zeros(layer.columns))
            self.register_buffer("variance", torch.ones(layer.columns))
        if self.norm == "neunorm":
            self.inhibition = nn.Parameter(torch.ones(1, *top.gives[:2]))

    def take(self, layer: Any) -> None:
        """Begin with the weights of a layer whose thresholds are 1."""
        with torch.no_grad():
            self.matrix.copy_(matrix_of(layer))
            self.bias.copy_(torch.tensor(0.0 if layer.bias is None else layer.bias))

    def weights(self) -> Any:
        """(columns, rows) weights: those that learn, or their signs."""
        if not self.binary:
            return self.matrix
        signs = Signs.apply(self.matrix)
        return signs if self.scale is None else signs * self.scale

    def scales(self) -> Any:
        """(columns,) of a norm; above a pool, which takes the largest, they turn no signs."""
        return self.gain.abs() if self.pools else self.gain

    def currents(self, values: Any) -> Any:
        """(steps x samples, ...) what neurons hear, once normed, of what is below them."""
        sums = sums_of(self.layer, self.weights(), values)
        for pool in self.pools:
            sums = pooled(sums, pool)
        if self.norm == "batch":
            told = self.mean, self.variance, self.scales(), self.bias
            return functional.batch_norm(sums, *told, self.training, 1 - self.steady, EPSILON)
        return sums + self.bias.view(-1, *[1] * (sums.ndim - 2))

    def forward(self, values: Any, smooth: bool, skipped: Sequence[Any] = ()) -> Any:
        """(steps, samples, ...) what the layer says: spikes, or currents of silent outputs.

        values: (steps, samples, ...), or with one step alone what is the same in all of them.
        skipped: currents that come past layers, likewise.
        """
        heard = self.heard(values, skipped)
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

    def heard(self, values: Any, skipped: Sequence[Any] = ()) -> Any:
        """(steps, samples, ...) currents of the same."""
        heard = self.currents(values.flatten(0, 1))
        heard = heard.view(*values.shape[:2], *heard.shape[1:])
        heard = sum(skipped, heard)
        return heard.expand(self.rate.steps, *heard.shape[1:])

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
        with torch.no_grad():
            matrix, bias = self.weights().double().cpu(), self.bias.double().cpu()
            if self.norm == "batch":
                variance = self.variance.double().cpu()
                scale = self.scales().double().cpu() * (variance + EPSILON) ** -0.5
                bias = bias - self.mean.double().cpu() * scale
                matrix = matrix * scale[:, None]
            if signed:
                matrix, bias = 2 * matrix, bias - matrix.sum(dim=1)
            matrix, bias = matrix.detach(), bias.detach()
        return with_weights(self.layer, matrix, bias)


class Bypass(nn.Module):
    """How a block hears what an earlier layer says: by weights that learn, or place by place.

    skip: placed. flat: whether the block is dense, so that maps of one position are rows to it.
    gain, numbers: of first weights, as of `Clocked`.
    """

    def __init__(self, skip: Skip, channels: int, flat: bool, gain: float, numbers: Any):
        super().__init__()
        self.skip, self.matrix, self.flat = skip, None, flat
        if skip.layer is None:
            weights = torch.tensor(skip.weights(channels)).float()
            self.register_buffer("weights", weights)
        else:
            self.matrix = nn.Parameter(torch.empty(skip.layer.columns, skip.layer.rows))
            nn.init.normal_(self.matrix, 0.0, gain * skip.layer.rows**-0.5, generator=numbers)

    def take(self, skip: Skip) -> None:
        """Begin with the weights of a skip."""
        if self.matrix is None:
            self.weights.copy_(torch.tensor(skip.weights(len(self.weights))))
            self.skip = skip
        else:
            with torch.no_grad():
                self.matrix.copy_(matrix_of(skip.layer))

    def forward(self, values: Any) -> Any:
        """(steps, samples, ...) currents, of what an earlier layer says."""
        if self.matrix is None:
            values = values * self.weights.view(-1, *[1] * (values.ndim - 3))
            return self._placed(values)
        sums = sums_of(self.skip.layer, self.matrix, values.flatten(0, 1))
        return self._placed(sums.view(*values.shape[:2], *sums.shape[1:]))

    def _placed(self, currents: Any) -> Any:
        """As rows for a dense block, as maps for others."""
        if self.flat:
            return currents.flatten(2)
        return currents[..., None, None] if currents.ndim == 3 else currents

    def folded(self) -> Skip:
        """The skip that has learned so."""
        if self.matrix is None:
            return self.skip
        matrix = self.matrix.detach().double().cpu()
        layer = with_weights(self.skip.layer, matrix, matrix.new_zeros(len(matrix)))
        return replace(self.skip, layer=replace(layer, bias=None))


def matrix_of(layer: Any) -> Any:
    """The (columns, rows) weights of a layer of this package, as PyTorch has them."""
    initial = torch.tensor(np.asarray(layer.initial, np.float64))
    if isinstance(layer, Conv2d):
        kernel = initial.view(*layer.windows[0], -1, initial.shape[1])
        return kernel.permute(3, 2, 0, 1).flatten(1)
    return initial.t()
