"""Networks of ReLUs to be trained in PyTorch and converted: sums, pools, batch norm, ReLUs.

Pools come before batch norm, whose statistics are thus those of pooled maps: maps below pools
stay sparse, and batch norm has less to compute. The largest sum still gives the largest ReLU, as
these norms do not change signs (their scale is 1, for which thresholds of neurons make up).
"""

from collections.abc import Sequence
from typing import Any

from ttfs.errors import InputError
from ttfs.network.conv import Conv2d
from ttfs.network.layers import Dense
from ttfs.network.weights import Binary
from ttfs.torch import functional, nn, to_steps, torch
from ttfs.training.clipping import Clipping

EPSILON = 1e-5  # added to variances
STEADY = 0.9  # share of the running statistics of a norm that a batch leaves unchanged
MOST = 2**24  # most numbers in the patches that are whitened
LATENT = 0.5  # latents of one-bit weights begin within this, and are kept within 1
TOP = 3.0  # initial threshold of clipped ReLUs, in standard deviations of their inputs
LOWEST = 0.01  # the least threshold


class Signs(torch.autograd.Function):
    """Signs of latent weights, 0 counting as positive, with straight-through gradients."""

    @staticmethod
    def forward(ctx: Any, latents: Any) -> Any:
        """1 or -1 for each latent weight."""
        return torch.where(latents < 0, -1.0, 1.0).to(latents.dtype)

    @staticmethod
    def backward(ctx: Any, *errors: Any) -> Any:
        """The gradient as if the latent weights had been used themselves."""
        return errors[0]


class Clip(torch.autograd.Function):
    """ReLUs clipped at a threshold, and rounded to steps of it with straight-through gradients.

    In few passes over the values, as these take a noticeable part of the training time.
    """

    @staticmethod
    def forward(ctx: Any, values: Any, top: Any, steps: int | None) -> Any:
        """The activations; halves of steps are rounded up."""
        if steps:
            said = to_steps((values / top).clamp_(0, 1), steps).mul_(top)
        else:
            said = values.clamp(0, float(top))
        ctx.save_for_backward(values, top, said)
        return said

    @staticmethod
    def backward(ctx: Any, *errors: Any) -> Any:
        """The gradients by values, between 0 and the threshold only, and by the threshold."""
        values, top, said = ctx.saved_tensors
        inside = torch.ops.aten.hardtanh_backward(errors[0], values, 0.0, float(top))
        share = (errors[0] * said).addcmul_(inside, values, value=-1).sum(dtype=top.dtype)
        return inside, share / top, None


class Clipped(nn.Module):
    """The clipped ReLUs of a layer.

    numbers: a generator of random numbers.
    """

    def __init__(self, clipping: Clipping, numbers: Any):
        super().__init__()
        self.clipping, self.numbers = clipping, numbers
        self.top = nn.Parameter(torch.tensor(TOP))

    def threshold(self) -> Any:
        """The threshold at which the ReLUs are clipped."""
        return self.top.clamp(min=LOWEST)

    def forward(self, values: Any) -> Any:
        """The activations, with noise in training."""
        top, steps = self.threshold(), self.clipping.steps
        said = Clip.apply(values, top, steps)
        if not (self.clipping.noise and self.training):
            return said
        noise = torch.empty(said.shape)
        noise.normal_(0, self.clipping.noise / (steps or 1), generator=self.numbers)
        return said + noise.to(said.device, said.dtype) * top


class Block(nn.Module):
    """A layer with weights, the pools on top of it, and, except in the last, a norm and a ReLU.

    layer, pools: layers of this package, placed. last: whether outputs are potentials. dropout:
    share of the neurons of a hidden dense layer that are left out. clipping: how its ReLUs are
    clipped; None: they are not. numbers: a generator of random numbers.
    """

    def __init__(
        self,
        layer: Any,
        pools: Sequence[Any],
        last: bool,
        dropout: float,
        clipping: Clipping | None,
        numbers: Any,
    ):
        super().__init__()
        self.numbers, self.steady = numbers, STEADY
        self.layer, self.pools, self.last = layer, [pool.windows for pool in pools], last
        self.clipped = None if last or clipping is None else Clipped(clipping, numbers)
        self.binary = isinstance(layer.weights, Binary)
        self.dropout = dropout if isinstance(layer, Dense) and not last else 0.0
        size = layer.columns, layer.rows
        self.matrix = nn.Parameter(torch.empty(size))  # two dimensions, as Muon requires
        if self.binary:
            nn.init.uniform_(self.matrix, -LATENT, LATENT, generator=numbers)
        else:
            nn.init.normal_(self.matrix, 0.0, layer.rows**-0.5, generator=numbers)
        self.bias = nn.Parameter(torch.zeros(layer.columns))
        self.gain = nn.Parameter(torch.tensor(layer.rows**-0.5)) if last and self.binary else None
        self.register_buffer("mean", torch.zeros(layer.columns))
        self.register_buffer("variance", torch.ones(layer.columns))

    def sums(self, values: Any) -> Any:
        """Weighted sums of the values below."""
        weights = Signs.apply(self.matrix) if self.binary else self.matrix
        return sums_of(self.layer, weights, values)

    def forward(self, values: Any) -> Any:
        """Activations of (samples, channels, height, width) or (samples, inputs)."""
        sums = self.sums(values)
        for pool in self.pools:
            sums = pooled(sums, pool)
        if self.last:
            return (sums if self.gain is None else sums * self.gain) + self.bias
        normed = functional.batch_norm(
            *(sums, self.mean, self.variance, None, self.bias),
            *(self.training, 1 - self.steady, EPSILON),
        )
        said = functional.relu_(normed) if self.clipped is None else self.clipped(normed)
        if not (self.dropout and self.training):
            return said
        share = 1 - self.dropout
        kept = torch.empty(said.shape).bernoulli_(share, generator=self.numbers)
        return said * kept.to(said.device) / share

    def folded(self) -> Any:
        """The layer of this package with batch norm folded into its weights and biases."""
        with torch.no_grad():
            weights = Signs.apply(self.matrix) if self.binary else self.matrix
            weights, bias = weights.double().cpu(), self.bias.double().cpu()
            if self.last:
                scale = torch.ones(len(bias)).double() * (1.0 if self.gain is None else self.gain)
            else:
                scale = (self.variance.double().cpu() + EPSILON) ** -0.5
                bias = bias - self.mean.double().cpu() * scale
            return with_weights(self.layer, weights * scale[:, None], bias)


def recount(module: Any, maps: Any) -> None:
    """Recompute the statistics of the norms of a module's blocks from some maps alone.

    No step of the training had the signs of a running mean of latents, so no running statistics
    go with them.
    """
    for block in module.blocks:
        block.steady = 0.0
    training = module.training
    with torch.no_grad():
        module.train()(maps)
    module.train(training)
    for block in module.blocks:
        block.steady = STEADY


def in_blocks(layers: Sequence[Any]) -> list[tuple[Any, Sequence[Any], bool]]:
    """Each layer with weights, the pools on top of it, and whether it is the last."""
    for layer in layers:
        if layer.pools:
            window, _, padding = layer.windows
            if any(2 * p > w for p, w in zip(padding, window, strict=True)):
                raise InputError(f"{layer}: PyTorch has no padding of more than half a window")
    first = [k for k, layer in enumerate(layers) if not layer.pools]
    ends = [*first[1:], len(layers)]
    pairs = zip(first, ends, strict=True)
    return [(layers[k], layers[k + 1 : end], end == len(layers)) for k, end in pairs]


def sums_of(layer: Any, matrix: Any, values: Any) -> Any:
    """The weighted sums of a layer that has the weights of a (columns, rows) matrix."""
    if isinstance(layer, Conv2d):
        window, stride, padding = layer.windows
        kernel = matrix.view(len(matrix), -1, *window)
        return functional.conv2d(as_map(values), kernel, None, stride, padding)
    if values.ndim == 4:  # neurons of a map are flat with their channels last
        values = values.permute(0, 2, 3, 1).flatten(1)
    return functional.linear(values, matrix)


def pooled(values: Any, pool: Any) -> Any:
    """The largest value of each window of maps, or of rows as maps of one position.

    pool: window, stride and padding. Without gradients, alternate rows and columns are compared
    instead, which is several times as fast in bfloat16.
    """
    values = as_map(values)
    if torch.is_grad_enabled() or pool != ((2, 2), (2, 2), (0, 0)):
        return functional.max_pool2d(values, *pool)
    height, width = (size // 2 * 2 for size in values.shape[2:])
    rows = torch.maximum(values[:, :, 0:height:2], values[:, :, 1:height:2])
    return torch.maximum(rows[:, :, :, 0:width:2], rows[:, :, :, 1:width:2])


def as_map(values: Any) -> Any:
    """Rows as maps of one position."""
    return values[:, :, None, None] if values.ndim == 2 else values


def with_weights(layer: Any, matrix: Any, bias: Any) -> Any:
    """A layer with the weights of a (columns, rows) matrix, with biases and thresholds of 1."""
    bias = bias.numpy()
    if isinstance(layer, Dense):
        return Dense.of(matrix.t().contiguous().numpy(), bias=bias, threshold=1.0)
    kernel = matrix.view(len(matrix), -1, *layer.windows[0]).permute(2, 3, 1, 0).flatten(0, 2)
    sizes = {"stride": layer.stride, "padding": layer.padding, "shape": layer.shape}
    told: dict[str, Any] = {"initial": kernel.contiguous().numpy(), "bias": bias, **sizes}
    told["threshold"] = 1.0
    return Conv2d(layer.out_channels, layer.kernel_size, **told)


class Relus(nn.Module):
    """A network of blocks, one for each layer with weights.

    layers: placed layers of this package, the first with weights, the last dense. clipping: how
    all ReLUs are clipped. seed: decides initial weights, dropout and noise.
    """

    def __init__(
        self,
        layers: Sequence[Any],
        dropout: float = 0.0,
        clipping: Clipping | None = None,
        seed: int = 0,
    ):
        super().__init__()
        self.layers, self.numbers = list(layers), torch.Generator()
        self.numbers.manual_seed(seed)
        blocks = [Block(*told, dropout, clipping, self.numbers) for told in in_blocks(layers)]
        self.blocks = nn.ModuleList(blocks)

    def forward(self, maps: Any) -> Any:
        """(samples, outputs) potentials, and the sum of the hidden layers' mean activations."""
        said = maps.new_zeros(())
        for block in self.blocks[:-1]:
            maps = block(maps)
            said = said + maps.mean(dtype=torch.float32)
        return self.blocks[-1](maps), said

    def folded(self) -> list[Any]:
        """The layers of this package, for `ttfs.convert`."""
        own = iter([block.folded() for block in self.blocks])
        return [layer if layer.pools else next(own) for layer in self.layers]

    def thresholds(self) -> list[float]:
        """The thresholds at which the ReLUs of hidden layers with weights are clipped."""
        clipped = [block.clipped for block in self.blocks[:-1]]
        return [float(one.threshold().detach()) for one in clipped if one is not None]

    def whiten(self, maps: Any) -> None:
        """Let the first layer whiten patches, with filters of both signs, and stop its learning.

        Its filters are the principal components of patches of (samples, channels, height, width)
        maps, each divided by its standard deviation (Jordan 2024, arXiv 2404.00498, section 3.2).
        """
        block = self.blocks[0]
        window, stride, padding = block.layer.windows
        some = max(1, MOST // (block.layer.positions * block.layer.rows))
        patches = functional.unfold(maps[:some], window, padding=padding, stride=stride)
        rows = patches.transpose(1, 2).flatten(0, 1).double()
        rows -= rows.mean(dim=0)
        values, vectors = torch.linalg.eigh(rows.t() @ rows / len(rows))
        filters = (vectors / (values + 5e-4) ** 0.5).t().flip(0).float()
        count = len(block.matrix)
        both = torch.cat([filters, -filters])[: max(count, 1)]
        with torch.no_grad():
            block.matrix[: len(both)] = both
        block.matrix.requires_grad_(False)
