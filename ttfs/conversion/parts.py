"""How each kind of PyTorch module is read: what it becomes in a graph of sums and ReLUs."""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from ttfs.conversion.graph import Graph, Signal
from ttfs.errors import InputError
from ttfs.network.maps import both
from ttfs.network.pool import MinPool2d


def check_flat(target: str, signal: Signal, told: dict[str, Any], name: str) -> None:
    """Refuse reshaping to anything other than one row for each sample."""
    if target == "flatten":
        right = told.get("start_dim", 0) == 1 and told.get("end_dim", -1) == -1
    else:
        sizes = told["shape"] if isinstance(told["shape"], tuple | list) else ()
        samples, row = sizes if len(sizes) == 2 else (0, 0)
        flat = prod(signal.shape)
        right = (samples is None and row in (-1, flat)) or (samples == -1 and row == flat)
    if not right:
        raise InputError(f"{name} must turn each sample into one row, as in torch.flatten(x, 1)")


def array_of(tensor: Any) -> np.ndarray:
    """A tensor's numbers in float64."""
    return tensor.detach().cpu().double().numpy()


def _bias(part: Any) -> np.ndarray | None:
    return None if part.bias is None else array_of(part.bias)


def _linear(graph: Graph, signal: Signal, part: Any, name: str) -> Signal:
    """A dense layer; inputs that were flattened in PyTorch had channels first."""
    weights = channels_last_rows(array_of(part.weight), signal, name)
    return graph.dense(signal, weights, _bias(part), name)


def channels_last_rows(weights: np.ndarray, signal: Signal, name: str) -> np.ndarray:
    """(inputs, outputs) weights from (outputs, inputs), whose inputs had channels first."""
    height, width, channels = signal.shape
    if height * width > 1:
        if not signal.flat:
            raise InputError(f"{name} gets a map; flatten it first")
        if weights.shape[1] != prod(signal.shape):
            raise InputError(f"{name} takes {weights.shape[1]} values, gets {prod(signal.shape)}")
        weights = weights.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
    return weights.reshape(len(weights), -1).T


def _conv(graph: Graph, signal: Signal, part: Any, name: str) -> Signal:
    """A convolution; groups are expressed by weights of 0."""
    if both(_pair(part.dilation)) != (1, 1):
        raise InputError(f"{name} has dilation {part.dilation}; only 1 can be converted")
    if part.padding_mode != "zeros":
        raise InputError(f"{name} pads by {part.padding_mode!r}; only zeros can be converted")
    weights = array_of(part.weight)
    weights = grouped(weights, part.groups)
    padding = part.padding
    if isinstance(padding, str):
        if padding == "same" and (weights.shape[2] % 2 == 0 or weights.shape[3] % 2 == 0):
            raise InputError(f"{name} pads more on one side; use an odd window")
        same = tuple((size - 1) // 2 for size in weights.shape[2:])
        padding = same if padding == "same" else (0, 0)
    own = weights.transpose(2, 3, 1, 0)
    stride = both(_pair(part.stride))
    return graph.conv(signal, own, _bias(part), stride, both(_pair(padding)), name)


def grouped(weights: np.ndarray, groups: int) -> np.ndarray:
    """Weights for groups of channels as weights for all channels, most of them 0."""
    if groups == 1:
        return weights
    outputs, each = weights.shape[:2]
    whole = np.zeros((outputs, each * groups, *weights.shape[2:]))
    for group in range(groups):
        rows = slice(group * outputs // groups, (group + 1) * outputs // groups)
        whole[rows, group * each : (group + 1) * each] = weights[rows]
    return whole


def _pair(size: Any) -> Any:
    return tuple(size) if isinstance(size, tuple | list) else (size, size)


def _norm(graph: Graph, signal: Signal, part: Any, name: str) -> Signal:
    """A batch norm as a gain and an offset."""
    if part.running_mean is None:
        raise InputError(f"{name} keeps no running mean; train it with track_running_stats=True")
    deviation = np.sqrt(array_of(part.running_var) + part.eps)
    gain = (1.0 if part.weight is None else array_of(part.weight)) / deviation
    offset = (0.0 if part.bias is None else array_of(part.bias)) - gain * array_of(
        part.running_mean
    )
    return graph.norm(signal, gain, offset, name)


def _max(graph: Graph, signal: Signal, part: Any, name: str) -> Signal:
    if both(_pair(part.dilation)) != (1, 1) or part.ceil_mode or part.return_indices:
        raise InputError(f"{name}: dilation, ceil_mode and return_indices cannot be converted")
    return pool(graph, signal, "max_pool2d", part.kernel_size, part.stride, part.padding, name)


def _mean(graph: Graph, signal: Signal, part: Any, name: str) -> Signal:
    if part.ceil_mode or part.divisor_override:
        raise InputError(f"{name}: ceil_mode and divisor_override cannot be converted")
    return pool(graph, signal, "avg_pool2d", part.kernel_size, part.stride, part.padding, name)


def pool(
    graph: Graph, signal: Signal, kind: str, window: Any, stride: Any, padding: Any, name: str
) -> Signal:
    """The maximum or the mean of each window."""
    window, padding = _pair(window), _pair(padding)
    stride = window if stride is None or stride == [] else _pair(stride)
    if kind == "max_pool2d":
        return graph.max_pool(signal, MinPool2d(window, stride, padding))
    if padding != (0, 0):
        raise InputError(f"{name} pads before it averages, which cannot be converted")
    return graph.mean_pool(signal, window, stride, name)


def _adaptive(graph: Graph, signal: Signal, part: Any, name: str) -> Signal:
    if _pair(part.output_size) != (1, 1):
        raise InputError(f"{name}: only an output of 1 x 1 can be converted")
    return whole_mean(graph, signal, name)


def whole_mean(graph: Graph, signal: Signal, name: str) -> Signal:
    """The mean of a whole map, channel by channel."""
    window = signal.shape[:2]
    return graph.mean_pool(signal, window, window, name)


def _same(graph: Graph, signal: Signal, part: Any, name: str) -> Signal:
    return signal


def _flatten(graph: Graph, signal: Signal, part: Any, name: str) -> Signal:
    check_flat("flatten", signal, {"start_dim": part.start_dim, "end_dim": part.end_dim}, name)
    return graph.flatten(signal)


def _relu(graph: Graph, signal: Signal, part: Any, name: str) -> Signal:
    return graph.relu(signal, np.inf)


def _relu6(graph: Graph, signal: Signal, part: Any, name: str) -> Signal:
    return graph.relu(signal, 6.0)


def _spiking(graph: Graph, part: Any, name: str) -> None:
    """Record how spikes carry values, which must be the same for all layers."""
    if graph.psp is not None and (graph.psp, graph.t_max) != (part.psp, part.t_max):
        raise InputError(
            f"{name} has {part.psp} and t_max {part.t_max:g}, but layers below have {graph.psp} and"
            f" {graph.t_max:g}"
        )
    graph.psp, graph.t_max = part.psp, part.t_max


def _spiking_linear(graph: Graph, signal: Signal, part: Any, name: str) -> Signal:
    """A dense layer of this package: its values are in thresholds."""
    _spiking(graph, part, name)
    return _fired(graph, _linear(graph, signal, _Scaled(part), name), part)


def _spiking_conv(graph: Graph, signal: Signal, part: Any, name: str) -> Signal:
    """A convolution of this package."""
    _spiking(graph, part, name)
    return _fired(graph, _conv(graph, signal, _Scaled(part), name), part)


def _fired(graph: Graph, signal: Signal, part: Any) -> Signal:
    """The values of a layer that fires; for the last one, its potentials."""
    return signal if part.output else graph.relu(signal, 1.0)


def _spiking_pool(graph: Graph, signal: Signal, part: Any, name: str) -> Signal:
    """The first spike of each window."""
    return graph.max_pool(signal, MinPool2d(_pair(part.kernel_size), _pair(part.stride)))


class _Scaled:
    """A layer of this package as a PyTorch layer, weights and bias in units of its threshold."""

    dilation, groups, padding_mode = 1, 1, "zeros"

    def __init__(self, part: Any):
        self.weight = part.weight / part.threshold
        self.bias = None if part.bias is None else part.bias / part.threshold
        self.stride, self.padding = getattr(part, "stride", 1), getattr(part, "padding", 0)


MODULES: dict[str, Callable[[Graph, Any, Any, str], Signal]] = {
    "Linear": _linear,
    "Conv2d": _conv,
    "BatchNorm1d": _norm,
    "BatchNorm2d": _norm,
    "ReLU": _relu,
    "ReLU6": _relu6,
    "MaxPool2d": _max,
    "AvgPool2d": _mean,
    "AdaptiveAvgPool2d": _adaptive,
    "Flatten": _flatten,
    "Dropout": _same,
    "Dropout2d": _same,
    "Identity": _same,
    "TTFSLinear": _spiking_linear,
    "TTFSConv2d": _spiking_conv,
    "TTFSMinPool2d": _spiking_pool,
}
"""Which modules can be read, and how."""
