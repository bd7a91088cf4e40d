"""A PyTorch module as a graph of sums and ReLUs, by tracing what it does.

Nothing is run but the module's own `forward`, with symbols in place of numbers.
"""

import operator
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from ttfs.conversion.graph import Graph, Signal
from ttfs.errors import InputError
from ttfs.network.maps import both
from ttfs.network.pool import MinPool2d

INSTALL = "PyTorch is not installed: pip install 'ttfs[torch]'"


def graph_of(module: Any, shape: tuple[int, ...], mean: Any = 0.0, std: Any = 1.0) -> Graph:
    """The graph of a module for inputs of a shape, (channels, height, width) or (features,).

    Raises
    ------
    InputError: an operation that has no counterpart, by name.
    """
    try:
        import torch
        from torch import fx
    except ImportError:
        raise InputError(INSTALL) from None
    if not isinstance(module, torch.nn.Module):
        raise InputError(f"convert takes a torch.nn.Module, got {type(module).__name__}")
    if module.training:
        norms = (torch.nn.modules.batchnorm._BatchNorm, torch.nn.modules.dropout._DropoutNd)
        if any(isinstance(part, norms) for part in module.modules()):
            raise InputError("the module is in training; call module.eval() first")

    class Tracer(fx.Tracer):
        """Takes layers of single spikes as they are."""

        def is_leaf_module(self, part: Any, name: str) -> bool:
            return type(part).__name__ in MODULES or super().is_leaf_module(part, name)

    try:
        traced = fx.GraphModule(module, Tracer().trace(module))
    except Exception as error:
        raise InputError(f"the module cannot be traced: {error}") from None
    return Reader(traced, Graph(_channels_last(shape), mean, std)).read()


def _channels_last(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(height, width, channels) of what PyTorch calls (channels, height, width), or features."""
    if len(shape) == 1:
        return 1, 1, shape[0]
    if len(shape) == 2:
        return shape[0], shape[1], 1
    if len(shape) != 3:
        raise InputError(f"inputs must be (samples, channels, height, width), got (.., {shape})")
    return shape[1], shape[2], shape[0]


class Reader:
    """Reads a traced module, operation by operation."""

    def __init__(self, traced: Any, graph: Graph):
        self.traced, self.graph = traced, graph
        self.found: dict[Any, Any] = {}

    def read(self) -> Graph:
        """The graph of what the module returns."""
        for node in self.traced.graph.nodes:
            if node.op == "placeholder":
                if self.found:
                    raise InputError(f"the module takes more than one input: {node.name}")
                self.found[node] = self.graph.input()
            elif node.op == "output":
                value = self.value(node.args[0])
                if not isinstance(value, Signal):
                    raise InputError("the module must return one tensor")
                self.graph.finish(value)
            elif node.op == "get_attr":
                self.found[node] = _array(_attribute(self.traced, node.target))
            elif node.op == "call_module":
                self.found[node] = self.module(node)
            else:
                self.found[node] = self.function(node)
        return self.graph

    def value(self, argument: Any) -> Any:
        """What a node gave, or the argument itself."""
        return self.found.get(argument, argument) if _hashable(argument) else argument

    def module(self, node: Any) -> Signal:
        """What a submodule gives."""
        part = self.traced.get_submodule(node.target)
        kind, name = type(part).__name__, f"{node.target} ({type(part).__name__})"
        signal = self.value(node.args[0])
        read = MODULES.get(kind)
        if kind in ("Softmax", "LogSoftmax"):
            raise InputError(f"{name}: leave it out, as decisions do not depend on it")
        if read is None:
            raise InputError(
                f"{name} cannot be converted; layers may be {', '.join(MODULES)}, and additions"
            )
        return read(self.graph, signal, part, name)

    def function(self, node: Any) -> Any:
        """What a function or method gives."""
        target = node.target if isinstance(node.target, str) else node.target.__name__
        name = f"{target} ({node.name})"
        arguments = [self.value(argument) for argument in node.args]
        signals = [argument for argument in arguments if isinstance(argument, Signal)]
        if target in ("add", "add_", "iadd") and len(signals) == 2:
            return self.graph.add(signals[0], signals[1], name)
        if target in ("relu", "relu_") and len(signals) == 1:
            return self.graph.relu(signals[0], np.inf)
        if target == "relu6" and len(signals) == 1:
            return self.graph.relu(signals[0], 6.0)
        if target in ("flatten", "view", "reshape") and len(signals) == 1:
            _check_flat(target, arguments[1:], node.kwargs, name)
            return self.graph.flatten(signals[0])
        if target in ("size", "getattr", "getitem") or node.target is operator.getitem:
            return None  # of a size, which a reshape asks for
        if target in ("dropout", "contiguous", "detach", "clone"):
            return signals[0]
        if target in ("max_pool2d", "avg_pool2d") and len(signals) == 1:
            window = arguments[1] if len(arguments) > 1 else node.kwargs["kernel_size"]
            rest = [*arguments[2:], None, None]
            stride = node.kwargs.get("stride", rest[0])
            padding = node.kwargs.get("padding", rest[1] or 0)
            return _pool(self.graph, signals[0], target, window, stride, padding, name)
        if target in ("adaptive_avg_pool2d", "mean") and len(signals) == 1:
            size = arguments[1] if len(arguments) > 1 else node.kwargs.get("dim")
            ones = {1, (1, 1)} if target != "mean" else {(2, 3), (-2, -1), (-1, -2)}
            if (tuple(size) if isinstance(size, list) else size) not in ones:
                raise InputError(f"{name} can only be converted where it averages a whole map")
            return _whole_mean(self.graph, signals[0], name)
        if target in ("softmax", "log_softmax"):
            raise InputError(f"{name}: leave it out, as decisions do not depend on it")
        raise InputError(f"{name} cannot be converted; put it into a layer, or leave it out")


def _check_flat(target: str, rest: list[Any], named: Any, name: str) -> None:
    """Refuse what makes another shape than one row for each sample."""
    if target == "flatten":
        given = {0: rest[0] if rest else named.get("start_dim", 0), 1: named.get("end_dim", -1)}
        if given[0] == 1 and (rest[1] if len(rest) > 1 else given[1]) == -1:
            return
    else:
        sizes = rest[0] if rest and isinstance(rest[0], tuple | list) else rest
        if len(sizes) == 2:
            return
    raise InputError(f"{name} must make one row of each sample, as in torch.flatten(x, 1)")


def _hashable(argument: Any) -> bool:
    return not isinstance(argument, list | dict | slice | tuple)


def _attribute(module: Any, target: str) -> Any:
    for name in target.split("."):
        module = getattr(module, name)
    return module


def _array(tensor: Any) -> np.ndarray:
    """A tensor's numbers in float64."""
    return tensor.detach().cpu().double().numpy()


def _bias(part: Any) -> np.ndarray | None:
    return None if part.bias is None else _array(part.bias)


def _linear(graph: Graph, signal: Signal, part: Any, name: str) -> Signal:
    """All hear all; what was flat in PyTorch had channels first."""
    weights = channels_last_rows(_array(part.weight), signal, name)
    return graph.dense(signal, weights, _bias(part), name)


def channels_last_rows(weights: np.ndarray, signal: Signal, name: str) -> np.ndarray:
    """(inputs, outputs) of (outputs, inputs), whose inputs were flat with channels first."""
    height, width, channels = signal.shape
    if height * width > 1:
        if not signal.flat:
            raise InputError(f"{name} hears a map; flatten it first")
        if weights.shape[1] != prod(signal.shape):
            raise InputError(f"{name} takes {weights.shape[1]} values, gets {prod(signal.shape)}")
        weights = weights.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
    return weights.reshape(len(weights), -1).T


def _conv(graph: Graph, signal: Signal, part: Any, name: str) -> Signal:
    """Windows of a map; groups become weights of 0."""
    if both(_pair(part.dilation)) != (1, 1):
        raise InputError(f"{name} has dilation {part.dilation}; only 1 can be converted")
    if part.padding_mode != "zeros":
        raise InputError(f"{name} pads by {part.padding_mode!r}; only zeros can be converted")
    weights = _array(part.weight)
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
    """Weights of groups of channels as those of all channels, most of them 0."""
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
    deviation = np.sqrt(_array(part.running_var) + part.eps)
    gain = (1.0 if part.weight is None else _array(part.weight)) / deviation
    offset = (0.0 if part.bias is None else _array(part.bias)) - gain * _array(part.running_mean)
    return graph.norm(signal, gain, offset, name)


def _max(graph: Graph, signal: Signal, part: Any, name: str) -> Signal:
    if both(_pair(part.dilation)) != (1, 1) or part.ceil_mode or part.return_indices:
        raise InputError(f"{name}: dilation, ceil_mode and return_indices cannot be converted")
    return _pool(graph, signal, "max_pool2d", part.kernel_size, part.stride, part.padding, name)


def _mean(graph: Graph, signal: Signal, part: Any, name: str) -> Signal:
    if part.ceil_mode or part.divisor_override:
        raise InputError(f"{name}: ceil_mode and divisor_override cannot be converted")
    return _pool(graph, signal, "avg_pool2d", part.kernel_size, part.stride, part.padding, name)


def _pool(
    graph: Graph, signal: Signal, kind: str, window: Any, stride: Any, padding: Any, name: str
) -> Signal:
    """The largest or the mean of windows."""
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
    return _whole_mean(graph, signal, name)


def _whole_mean(graph: Graph, signal: Signal, name: str) -> Signal:
    window = signal.shape[:2]
    return graph.mean_pool(signal, window, window, name)


def _same(graph: Graph, signal: Signal, part: Any, name: str) -> Signal:
    return signal


def _flatten(graph: Graph, signal: Signal, part: Any, name: str) -> Signal:
    _check_flat("flatten", [part.start_dim, part.end_dim], {}, name)
    return graph.flatten(signal)


def _relu(graph: Graph, signal: Signal, part: Any, name: str) -> Signal:
    return graph.relu(signal, np.inf)


def _relu6(graph: Graph, signal: Signal, part: Any, name: str) -> Signal:
    return graph.relu(signal, 6.0)


def _spiking(graph: Graph, part: Any, name: str) -> None:
    """Note how the spikes of a layer carry values: the same for all."""
    if graph.psp not in (None, part.psp):
        raise InputError(f"{name} has {part.psp}, but layers below have {graph.psp}")
    graph.psp, graph.t_max = part.psp, part.t_max


def _spiking_linear(graph: Graph, signal: Signal, part: Any, name: str) -> Signal:
    """A layer of this package: its values are in thresholds."""
    _spiking(graph, part, name)
    return _fired(graph, _linear(graph, signal, _Scaled(part), name), part)


def _spiking_conv(graph: Graph, signal: Signal, part: Any, name: str) -> Signal:
    """A convolution of this package."""
    _spiking(graph, part, name)
    return _fired(graph, _conv(graph, signal, _Scaled(part), name), part)


def _fired(graph: Graph, signal: Signal, part: Any) -> Signal:
    """The values of a layer that fires; of the last one, its potentials."""
    return signal if part.output else graph.relu(signal, 1.0)


def _spiking_pool(graph: Graph, signal: Signal, part: Any, name: str) -> Signal:
    """First spikes of windows."""
    return graph.max_pool(signal, MinPool2d(_pair(part.kernel_size), _pair(part.stride)))


class _Scaled:
    """A layer of this package as PyTorch has it, weights and bias in its threshold."""

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
