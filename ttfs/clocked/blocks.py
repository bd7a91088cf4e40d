"""A layer of clocked neurons as a PyTorch module.

The sums and the norm of a layer treat all steps as one batch with shared statistics; its neurons
then go through the steps one by one. A pool comes before the norm.
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

KEPT = 0.9  # fraction of the state of NeuNorm's auxiliary neuron that remains after a step


class Spike(torch.autograd.Function):
    """1 at the threshold and above; the derivative is that of a surrogate."""

    @staticmethod
    def forward(ctx: Any, x: Any, surrogate: Surrogate, smooth: bool) -> Any:
        """Spikes for potentials x, given as distances above threshold in thresholds."""
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
    """1 where x is 0 or more, else 0; with `smooth`, the function whose derivative is used."""
    return Spike.apply(x, surrogate, smooth)


class Block(nn.Module):
    """A layer with weights, the pools on top of it, a norm of its currents, and its neurons.

    layer, pools, last: as `in_blocks` yields them. Others as for `Clocked`.
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
        """Start from the weights of a layer whose thresholds are 1."""
        with torch.no_grad():
            self.matrix.copy_(matrix_of(layer))
            self.bias.copy_(torch.tensor(0.0 if layer.bias is None else layer.bias))

    def weights(self) -> Any:
        """(columns, rows) weights: the learned ones, or their signs."""
        if not self.binary:
            return self.matrix
        signs = Signs.apply(self.matrix)
        return signs if self.scale is None else signs * self.scale

    def scales(self) -> Any:
        """(columns,) scales of a norm; after a pool, which takes the maximum, none is negative."""
        return self.gain.abs() if self.pools else self.gain

    def currents(self, values: Any) -> Any:
        """(steps x samples, ...) normalised input currents of neurons, for the values below."""
        sums = sums_of(self.layer, self.weights(), values)
        for pool in self.pools:
            sums = pooled(sums, pool)
        if self.norm == "batch":
            told = self.mean, self.variance, self.scales(), self.bias
            return functional.batch_norm(sums, *told, self.training, 1 - self.steady, EPSILON)
        return sums + self.bias.view(-1, *[1] * (sums.ndim - 2))

    def forward(self, values: Any, smooth: bool, skipped: Sequence[Any] = ()) -> Any:
        """(steps, samples, ...) values of the layer: spikes, or currents if outputs do not fire.

        values: (steps, samples, ...), or a single step if the values are the same in all steps.
        skipped: currents from skips, likewise.
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
        """(steps, samples, ...) input currents for the same arguments."""
        heard = self.currents(values.flatten(0, 1))
        heard = heard.view(*values.shape[:2], *heard.shape[1:])
        heard = sum(skipped, heard)
        return heard.expand(self.rate.steps, *heard.shape[1:])

    def inhibited(self, fired: Any) -> Any:
        """Spikes minus NeuNorm's inhibition by an auxiliary neuron at each position of a map."""
        held, said = torch.zeros_like(fired[0, :, :1]), []
        for step in fired:
            held = KEPT * held + (1 - KEPT) / step.shape[1] * step.mean(dim=1, keepdim=True)
            said.append(step - self.inhibition * held)
        return torch.stack(said)

    def folded(self, signed: bool) -> Any:
        """The equivalent layer of this package, with the norm folded into weights and biases.

        signed: whether the block's inputs are 1 or -1; the folded layer's inputs are then 1 or 0.
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
    """How a block receives an earlier layer: by weights that learn, or position by position.

    skip: placed. flat: whether the block is dense and takes maps of one position as rows.
    gain, numbers: for the initial weights, as for `Clocked`.
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
        """Start from the weights of a skip."""
        if self.matrix is None:
            self.weights.copy_(torch.tensor(skip.weights(len(self.weights))))
            self.skip = skip
        else:
            with torch.no_grad():
                self.matrix.copy_(matrix_of(skip.layer))

    def forward(self, values: Any) -> Any:
        """(steps, samples, ...) currents, for the values of an earlier layer."""
        if self.matrix is None:
            values = values * self.weights.view(-1, *[1] * (values.ndim - 3))
            return self._placed(values)
        sums = sums_of(self.skip.layer, self.matrix, values.flatten(0, 1))
        return self._placed(sums.view(*values.shape[:2], *sums.shape[1:]))

    def _placed(self, currents: Any) -> Any:
        """The currents as rows for a dense block, as maps for others."""
        if self.flat:
            return currents.flatten(2)
        return currents[..., None, None] if currents.ndim == 3 else currents

    def folded(self) -> Skip:
        """The skip with the weights that were learned."""
        if self.matrix is None:
            return self.skip
        matrix = self.matrix.detach().double().cpu()
        layer = with_weights(self.skip.layer, matrix, matrix.new_zeros(len(matrix)))
        return replace(self.skip, layer=replace(layer, bias=None))


def matrix_of(layer: Any) -> Any:
    """The (columns, rows) weights of a layer of this package, in PyTorch's order."""
    initial = torch.tensor(np.asarray(layer.initial, np.float64))
    if isinstance(layer, Conv2d):
        kernel = initial.view(*layer.windows[0], -1, initial.shape[1])
        return kernel.permute(3, 2, 0, 1).flatten(1)
    return initial.t()
