"""Layers of single spikes as PyTorch modules, with exact spike times and gradients.

For networks that are trained in PyTorch, on any of its devices, and brought back by `ttfs.convert`.
With `Ramp()`, modules take and return spike times, where inf is silence; with `Windows`, they take
and return the values that spikes carry, 1 for the beginning of a window and 0 for silence. Arrays
are in PyTorch's order, channels first. PyTorch is imported only along with this module:
`pip install "ttfs[torch]"`.
"""

from typing import Any

import numpy as np

from ttfs.checks import positive, whole
from ttfs.errors import InputError, ShapeError, extra
from ttfs.network.psp import Ramp, Windows

with extra("torch"):
    import torch
    from torch import Tensor, nn
    from torch.nn import functional

AT_ONCE = 2**24  # numbers that are processed together: samples x inputs x neurons
FLOOR = 0.1  # in thresholds per unit of time; smaller slopes count as this one in gradients


class _Crossing(torch.autograd.Function):
    """Where straight lines meet thresholds: times (samples, inputs) and weights -> times.

    The time of a silent output is the horizon; if the output should have fired sooner, it learns as
    if its line had met the threshold there.
    """

    @staticmethod
    def forward(
        ctx: Any, times: Tensor, weight: Tensor, threshold: float, t_max: float, output: bool
    ) -> Tensor:
        """(samples, outputs) first times at which sums of ramps reach their threshold."""
        found = times.new_empty(len(times), len(weight))
        slopes = torch.empty_like(found)
        step = max(1, AT_ONCE // weight.numel())
        for start in range(0, len(times), step):
            some = slice(start, start + step)
            found[some], slopes[some] = _cross(times[some], weight, threshold, t_max)
        ctx.save_for_backward(times, weight, found, slopes)
        ctx.least, ctx.end = FLOOR * threshold, t_max if output else None
        return found.clamp(max=t_max) if output else found.clone()

    @staticmethod
    def backward(ctx: Any, *errors: Tensor) -> Any:
        """The derivative of each crossing: that of (threshold + sum of w t) / sum of w."""
        times, weight, found, slopes = ctx.saved_tensors
        told = torch.isfinite(found)
        ends = torch.where(told, found, 0.0 if ctx.end is None else ctx.end)
        if ctx.end is not None:
            told = told | (errors[0] > 0)
        gains = torch.where(told, errors[0] / slopes.clamp(min=ctx.least), 0.0)
        by_times, by_weight = torch.zeros_like(times), torch.zeros_like(weight)
        heard = torch.where(torch.isfinite(times), times, 0.0)
        step = max(1, AT_ONCE // weight.numel())
        for start in range(0, len(times), step):
            some = slice(start, start + step)
            blamed = gains[some, :, None] * (times[some, None, :] < ends[some, :, None])
            by_times[some] = torch.einsum("noi,oi->ni", blamed, weight)
            by_weight += torch.einsum("noi,ni->oi", blamed, heard[some])
            by_weight -= torch.einsum("noi,no->oi", blamed, ends[some])
        return by_times, by_weight, None, None, None


def _cross(times: Tensor, weight: Tensor, threshold: float, t_max: float) -> tuple[Tensor, Tensor]:
    """Crossings and slopes of some samples, from the smallest set of first inputs that fits."""
    ordered, order = times.sort(dim=1)
    heard = torch.where(ordered < t_max, ordered, 0.0)
    arriving = weight.t()[order] * (ordered < t_max)[..., None]
    slopes = arriving.cumsum(dim=1)
    crossing = (threshold + (arriving * heard[..., None]).cumsum(dim=1)) / slopes
    after = torch.full_like(ordered[:, :1], float("inf"))
    after = torch.cat([ordered[:, 1:], after], dim=1)[..., None]
    now = ordered[..., None]
    fits = (slopes > 0) & (crossing >= now) & (crossing <= after) & (crossing < t_max)
    # a line that, up to rounding, is above its threshold when an input arrives meets it there
    over = (slopes * now - (arriving * heard[..., None]).cumsum(dim=1)) >= threshold
    fits |= over & (now < t_max) & (now < after)
    first = fits.to(torch.uint8).argmax(dim=1, keepdim=True)
    when = torch.maximum(crossing.gather(1, first), now.expand_as(crossing).gather(1, first))
    fired = fits.gather(1, first)
    found = torch.where(fired, when, float("inf"))[:, 0]
    return found, torch.where(fired, slopes.gather(1, first), slopes[:, -1:])[:, 0]


def to_steps(shares: Tensor, steps: int) -> Tensor:
    """Round fractions of a threshold to the nearest of the steps, halves up, in place."""
    return shares.mul_(steps).add_(0.5).floor_().div_(steps)


class Rounded(torch.autograd.Function):
    """Fractions of a threshold rounded to steps, with straight-through derivatives."""

    @staticmethod
    def forward(ctx: Any, shares: Tensor, steps: int) -> Tensor:
        """Round to the nearest of the steps, halves up."""
        return to_steps(shares.clone(), steps)

    @staticmethod
    def backward(ctx: Any, *errors: Tensor) -> Any:
        """Pass the gradient on as if nothing had been rounded."""
        return errors[0], None


class _Layer(nn.Module):
    """What layers have in common: weights, a threshold, and how spikes carry values."""

    def __init__(
        self,
        shape: tuple[int, ...],
        psp: Any,
        threshold: float,
        bias: bool,
        output: bool,
        t_max: float,
    ):
        super().__init__()
        if not isinstance(psp, Windows) and psp != Ramp():
            raise InputError(f"modules have psp Ramp() or Windows(), got {psp}")
        if bias and not isinstance(psp, Windows):
            raise InputError("a bias needs psp=Windows()")
        self.psp, self.output = psp, output
        self.threshold = positive(threshold, "threshold")
        self.t_max = positive(t_max, "t_max")
        inputs = int(np.prod(shape[1:]))
        self.weight = nn.Parameter(torch.empty(shape))
        if isinstance(psp, Windows):
            nn.init.normal_(self.weight, 0.0, 0.25 * (2 / inputs) ** 0.5 * threshold)
        else:  # assumes that half of the inputs fire, and a neuron one unit of time after them
            nn.init.normal_(self.weight, 2 / inputs * threshold, (2 / inputs) ** 0.5 * threshold)
        self.bias = nn.Parameter(torch.zeros(shape[0])) if bias else None

    def fire(self, potential: Tensor) -> Tensor:
        """Values for the final potentials of windows; for an output, potential / threshold."""
        shares = potential / self.threshold
        if self.output:
            return shares
        if self.psp.steps:
            shares = Rounded.apply(shares, self.psp.steps)
        return shares.clamp(0, 1)

    def extra_repr(self) -> str:
        """The settings besides the sizes."""
        return f"psp={self.psp}, threshold={self.threshold:g}"


class TTFSLinear(_Layer):
    """A layer in which all inputs reach all neurons, like `ttfs.Dense`.

    Parameters
    ----------
    in_features, out_features: numbers of inputs and neurons.
    psp: with `Ramp()`, inputs and outputs are spike times; with `Windows()`, they are values.
    threshold: at which neurons fire. bias: whether potentials start at a value that is learned;
        only with `Windows`.
    output: whether it is the last layer. With `Windows` it then returns potentials, in thresholds;
        with ramps, silence is `t_max`, and a silent output that should have fired sooner learns.
    t_max: horizon of spike times.

    >>> import ttfs
    >>> linear = TTFSLinear(2, 1, threshold=3.0)
    >>> _ = nn.init.ones_(linear.weight)
    >>> linear(torch.tensor([[0.0, 1.0], [0.0, float("inf")]])).detach().numpy()
    array([[2.],
           [3.]], dtype=float32)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        psp: Any = None,
        threshold: float = 1.0,
        bias: bool = False,
        output: bool = False,
        t_max: float = 256.0,
    ):
        psp = Ramp() if psp is None else psp
        super().__init__((out_features, in_features), psp, threshold, bias, output, t_max)

    def forward(self, inputs: Tensor) -> Tensor:
        """(samples, out_features) spike times or values, for (samples, in_features) inputs."""
        if inputs.ndim != 2 or inputs.shape[1] != self.weight.shape[1]:
            wanted = f"(samples, {self.weight.shape[1]})"
            raise ShapeError(f"TTFSLinear takes {wanted}, got {tuple(inputs.shape)}")
        if isinstance(self.psp, Windows):
            return self.fire(functional.linear(inputs, self.weight, self.bias))
        return _Crossing.apply(inputs, self.weight, self.threshold, self.t_max, self.output)


class TTFSConv2d(_Layer):
    """A convolution over a map (channels, height, width), like `ttfs.Conv2d`.

    Parameters are those of `TTFSLinear` and of `torch.nn.Conv2d`, with one number for each size;
    padding is silent.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        *,
        psp: Any = None,
        threshold: float = 1.0,
        bias: bool = False,
        output: bool = False,
        t_max: float = 256.0,
    ):
        psp = Ramp() if psp is None else psp
        kernel_size = whole(kernel_size, "TTFSConv2d(kernel_size=...)")
        stride = whole(stride, "TTFSConv2d(stride=...)")
        padding = whole(padding, "TTFSConv2d(padding=...)", least=0)
        shape = out_channels, in_channels, kernel_size, kernel_size
        super().__init__(shape, psp, threshold, bias, output, t_max)
        self.stride, self.padding = stride, padding

    def forward(self, inputs: Tensor) -> Tensor:
        """(samples, out_channels, rows, columns) times or values, for (samples, channels, ...)."""
        if inputs.ndim != 4 or inputs.shape[1] != self.weight.shape[1]:
            wanted = f"(samples, {self.weight.shape[1]}, height, width), channels first"
            raise ShapeError(f"TTFSConv2d takes {wanted}, got {tuple(inputs.shape)}")
        if isinstance(self.psp, Windows):
            places = self.stride, self.padding
            return self.fire(functional.conv2d(inputs, self.weight, self.bias, *places))
        padded = functional.pad(inputs, (self.padding,) * 4, value=float("inf"))
        size = self.weight.shape[2]
        views = padded.unfold(2, size, self.stride).unfold(3, size, self.stride)
        samples, _, rows, columns = views.shape[:4]
        heard = views.permute(0, 2, 3, 1, 4, 5).reshape(samples * rows * columns, -1)
        told = self.threshold, self.t_max, self.output
        found = _Crossing.apply(heard, self.weight.flatten(1), *told)
        return found.reshape(samples, rows, columns, -1).permute(0, 3, 1, 2)


class TTFSMinPool2d(nn.Module):
    """The first spike of each window, channel by channel, like `ttfs.MinPool2d`.

    This is for spike times. With `Windows`, use `torch.nn.MaxPool2d`: the first spike carries the
    largest value.
    """

    def __init__(self, kernel_size: int, stride: int | None = None):
        super().__init__()
        self.kernel_size, self.stride = kernel_size, stride or kernel_size

    def forward(self, times: Tensor) -> Tensor:
        """(samples, channels, rows, columns) times, for (samples, channels, height, width)."""
        return -functional.max_pool2d(-times, self.kernel_size, self.stride)


def first_spike_loss(times: Tensor, labels: Tensor, *, tau: float = 0.1) -> Tensor:
    """The mean of -log of the label's probability in a softmax of -t / tau over output times."""
    return functional.cross_entropy(-times / tau, labels)
