"""A PyTorch module as a graph of sums and ReLUs, obtained by tracing.

Only the module's own `forward` is run: with symbols in place of numbers, and then on a few samples,
to check that the graph gives the same outputs.
"""

import inspect
from functools import partial
from typing import Any

import numpy as np

from ttfs.conversion.graph import Graph, Signal
from ttfs.conversion.parts import MODULES, array_of, check_flat, pool, whole_mean
from ttfs.errors import InputError, extra
from ttfs.network.psp import Windows


def graph_of(module: Any, shape: tuple[int, ...], mean: Any = 0.0, std: Any = 1.0) -> Graph:
    """The graph of a module for inputs of a shape, (channels, height, width) or (features,).

    Raises
    ------
    InputError: an operation that has no counterpart, by name.
    """
    with extra("torch"):
        import torch
        from torch import fx
    if not isinstance(module, torch.nn.Module):
        raise InputError(f"convert takes a torch.nn.Module, got {type(module).__name__}")
    norms = (torch.nn.modules.batchnorm._BatchNorm, torch.nn.modules.dropout._DropoutNd)
    for name, part in module.named_modules():
        if part.training and isinstance(part, norms):
            raise InputError(
                f"{name or 'the module'} is in training mode; call module.eval() first"
            )
        if part._forward_hooks or part._forward_pre_hooks:
            whose = name or "the module"
            raise InputError(f"{whose} has hooks, which would not be run; remove them first")

    class Tracer(fx.Tracer):
        """Traces layers of single spikes as single operations."""

        def is_leaf_module(self, part: Any, name: str) -> bool:
            return kind_of(part) in MODULES or super().is_leaf_module(part, name)

    try:
        traced = fx.GraphModule(module, Tracer().trace(module, _defaults(module)))
    except Exception as error:
        raise InputError(f"the module cannot be traced: {error}") from None
    graph = Graph(_channels_last(shape), mean, std, channels_first=True)
    graph.told = partial(_given, module, shape)
    return Reader(traced, graph).read()


def _defaults(module: Any) -> dict[str, Any]:
    """The default values of the optional arguments of a module's `forward`."""
    known = list(inspect.signature(module.forward).parameters.values())[1:]
    return {one.name: one.default for one in known if one.default is not one.empty}


def _given(module: Any, shape: tuple[int, ...], maps: np.ndarray) -> np.ndarray:
    """The outputs of a module for maps with channels last, in float64."""
    import torch

    first = next(module.parameters(), torch.zeros(1))
    turned = torch.from_numpy(np.ascontiguousarray(maps.transpose(0, 3, 1, 2)))
    try:
        with torch.no_grad():
            found = module(turned.reshape(-1, *shape).to(first.device, first.dtype))
    except RuntimeError as error:
        raise InputError(
            f"the module does not take inputs of (samples, {', '.join(map(str, shape))}), which"
            f" have channels first: {str(error).splitlines()[0]}"
        ) from None
    return array_of(found)


def kind_of(part: Any) -> str:
    """The name of a module's class if it is one of PyTorch or of this package, otherwise ""."""
    kind = type(part)
    ours = kind.__module__ == "ttfs.torch" or kind.__module__.startswith("torch.nn.modules.")
    return kind.__name__ if ours else ""


def _channels_last(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(height, width, channels) for PyTorch's (channels, height, width), or for features."""
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
        self.kinds: dict[str, str] = {}  # for each kind of operation, the name of one

    def read(self) -> Graph:
        """The graph of what the module returns."""
        for node in self.traced.graph.nodes:
            if node.op == "placeholder":
                if self.found and node.args:  # has its default value
                    continue
                if self.found:
                    raise InputError(f"the module takes more than one input: {node.name}")
                self.found[node] = self.graph.input()
            elif node.op == "output":
                value = self.value(node.args[0])
                check_kinds(self.graph.psp, self.kinds)
                if not isinstance(value, Signal):
                    raise InputError("the module must return one tensor")
                self.graph.finish(value)
            elif node.op == "get_attr":
                self.found[node] = array_of(_attribute(self.traced, node.target))
            elif node.op == "call_module":
                self.found[node] = self.module(node)
            else:
                self.found[node] = self.function(node)
        return self.graph

    def signal(self, node: Any, name: str) -> Signal:
        """The signal that an operation is applied to."""
        first = node.args[0] if node.args else node.kwargs.get("input", node.kwargs.get("x"))
        found = self.value(first)
        if not isinstance(found, Signal):
            raise InputError(f"{name} works on something that cannot be converted")
        return found

    def check_in_place(self, node: Any, part: Any, name: str) -> None:
        """Refuse an operation that changes in place a value that is also used elsewhere."""
        target = node.target if isinstance(node.target, str) else node.target.__name__
        own = getattr(part, "inplace", False) or node.kwargs.get("inplace", False)
        changes = own or (node.op != "call_module" and (target.endswith("_") or target == "iadd"))
        if changes and len(node.args[0].users) > 1:
            raise InputError(
                f"{name} changes in place what is used elsewhere; avoid the in-place operation"
            )

    def value(self, argument: Any) -> Any:
        """The value of a node, or the argument itself."""
        return self.found.get(argument, argument) if _hashable(argument) else argument

    def module(self, node: Any) -> Signal:
        """The signal that a submodule returns."""
        part = self.traced.get_submodule(node.target)
        kind, name = kind_of(part), f"{node.target} ({type(part).__name__})"
        signal = self.signal(node, name)
        self.check_in_place(node, part, name)
        self.kinds.setdefault(kind, name)
        read = MODULES.get(kind)
        if type(part).__name__ in ("Softmax", "LogSoftmax"):
            raise InputError(f"{name}: omit it, as decisions do not depend on it")
        if read is None:
            raise InputError(
                f"{name} cannot be converted; layers may be {', '.join(MODULES)}, and additions"
            )
        return read(self.graph, signal, part, name)

    def function(self, node: Any) -> Any:
        """The result of a function or method."""
        target = node.target if isinstance(node.target, str) else node.target.__name__
        name = f"{target} ({node.name})"
        if target in ("size", "getattr", "getitem"):
            return None  # part of a size, which a reshape needs
        if target in ("eq", "_assert"):
            return None  # the tracer's check that an argument has its default value
        if target in ("softmax", "log_softmax"):
            raise InputError(f"{name}: omit it, as decisions do not depend on it")
        told = self.named(node, target, name)
        signal = self.signal(node, name)
        self.check_in_place(node, None, name)
        self.kinds.setdefault(target, name)
        if target in ADDITIONS:
            other = self.value(told.get("other"))
            if not isinstance(other, Signal) or told.get("alpha", 1) != 1:
                raise InputError(f"{name} must add the outputs of two layers, each once")
            return self.graph.add(signal, other, name)
        if target in ("relu", "relu_", "relu6"):
            return self.graph.relu(signal, 6.0 if target == "relu6" else np.inf)
        if target in ("flatten", "view", "reshape"):
            check_flat(target, signal, told, name)
            return self.graph.flatten(signal)
        if target == "dropout" and told.get("training", True) is not False:
            raise InputError(
                f"{name} is in training mode; use nn.Dropout, or training=self.training"
            )
        if target in ("dropout", "contiguous", "detach", "clone"):
            return signal
        if target in ("max_pool2d", "avg_pool2d"):
            return _pool_of(self.graph, signal, target, told, name)
        size = told.get("output_size", told.get("dim"))
        ones = ((2, 3), (-2, -1), (-1, -2)) if target == "mean" else (1, (1, 1))
        if (tuple(size) if isinstance(size, list) else size) not in ones:
            raise InputError(f"{name} can only be converted where it averages a whole map")
        return whole_mean(self.graph, signal, name)

    def named(self, node: Any, target: str, name: str) -> dict[str, Any]:
        """The arguments of a function after the first, by name."""
        if target not in ARGUMENTS:
            raise InputError(f"{name} cannot be converted; put it into a layer, or omit it")
        names, rest = ARGUMENTS[target], [self.value(argument) for argument in node.args[1:]]
        if target in ("view", "reshape"):
            return {"shape": rest[0] if len(rest) == 1 else rest}
        told = dict(zip(names, rest, strict=False))
        told |= {k: self.value(v) for k, v in node.kwargs.items() if k not in ("input", "x")}
        if len(rest) > len(names) or not told.keys() <= set(names):
            raise InputError(f"{name} has unknown arguments: {', '.join(told)}")
        return told


ADDITIONS = {"add", "add_", "iadd"}
POOLING = ["kernel_size", "stride", "padding"]
ARGUMENTS: dict[str, list[str]] = {
    **{key: ["other", "alpha"] for key in ADDITIONS},
    **{key: ["inplace"] for key in ("relu", "relu_", "relu6")},
    **{key: [] for key in ("contiguous", "detach", "clone")},
    "flatten": ["start_dim", "end_dim"],
    "view": [],
    "reshape": [],
    "dropout": ["p", "training", "inplace"],
    "max_pool2d": [*POOLING, "dilation", "ceil_mode", "return_indices"],
    "avg_pool2d": [*POOLING, "ceil_mode", "count_include_pad", "divisor_override"],
    "adaptive_avg_pool2d": ["output_size"],
    "mean": ["dim", "keepdim"],
}
"""Functions and methods that can be read, and their arguments after the first."""


def check_kinds(psp: Any, kinds: dict[str, str]) -> None:
    """Refuse operations that would mean something else next to layers of this package."""
    if psp is None:
        return
    pool = "MaxPool2d" if isinstance(psp, Windows) else "TTFSMinPool2d"
    known = {"TTFSLinear", "TTFSConv2d", pool, "Flatten", "Identity", "flatten", "view", "reshape"}
    for kind, name in kinds.items():
        if kind not in known and not kind.startswith("Dropout"):
            raise InputError(
                f"{name} does not go with layers of ttfs.torch with {psp}; besides them may be"
                f" {pool} and Flatten"
            )


def _pool_of(graph: Graph, signal: Signal, target: str, told: dict[str, Any], name: str) -> Signal:
    """Pooling as a function."""
    odd: dict[str, tuple[Any, ...]] = {"dilation": (1, (1, 1)), "divisor_override": (None,)}
    odd |= {"ceil_mode": (False,), "return_indices": (False,)}
    for key, plain in odd.items():
        value = told.get(key, plain[0])
        if (tuple(value) if isinstance(value, list) else value) not in plain:
            raise InputError(f"{name}: {key} {value} cannot be converted")
    stride, padding = told.get("stride"), told.get("padding", 0)
    return pool(graph, signal, target, told["kernel_size"], stride, padding, name)


def _hashable(argument: Any) -> bool:
    return not isinstance(argument, list | dict | slice | tuple)


def _attribute(module: Any, target: str) -> Any:
    for name in target.split("."):
        module = getattr(module, name)
    return module
