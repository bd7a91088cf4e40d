"""Networks of ReLUs in ONNX files, as many frameworks export them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ttfs.conversion.graph import Graph, Signal
from ttfs.errors import InputError, ModelFileError, extra
from ttfs.network.pool import MinPool2d

SAME = {"Identity", "Dropout", "Cast"}
FLAT = {"Flatten", "Reshape", "Squeeze"}

Values = dict[str, Any]


def graph_of_file(path: Path, mean: Any = 0.0, std: Any = 1.0) -> Graph:
    """The graph of an ONNX file, whose input is (samples, channels, height, width) or rows.

    Raises
    ------
    ModelFileError: not an ONNX file. InputError: an operation that has no counterpart, by name.
    """
    with extra("onnx", str(path)):
        import onnx
    if not path.is_file():
        raise ModelFileError(f"{path}: there is no such file")
    try:
        model = onnx.load(str(path), load_external_data=False)
        onnx.checker.check_model(model)
    except Exception as error:
        first = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelFileError(f"{path}: is not an ONNX file: {first[0][:100]}") from None
    return _Reader(model.graph, str(path), mean, std).read()


class _Reader:
    """Reads a graph of ONNX, operation by operation."""

    def __init__(self, told: Any, path: str, mean: Any, std: Any):
        from onnx import helper, numpy_helper

        self.told, self.path, self.attribute = told, path, helper.get_attribute_value
        self.array = numpy_helper.to_array
        weights = {one.name: self._finite(one) for one in told.initializer}
        inputs = [one for one in told.input if one.name not in weights]
        if len(inputs) != 1 or len(told.output) != 1:
            raise InputError(f"{path}: must have one input and one output")
        self.graph = Graph(_shape_of(inputs[0], path), mean, std, channels_first=True)
        self.values: Values = weights | {inputs[0].name: self.graph.input()}

    def _finite(self, tensor: Any) -> np.ndarray:
        """The numbers of a tensor in float64."""
        try:
            array = self.array(tensor)
        except Exception as error:
            raise ModelFileError(f"{self.path}: {tensor.name}: {error}") from None
        if array.dtype.kind not in "fiub" or not np.isfinite(array).all():
            raise ModelFileError(f"{self.path}: {tensor.name} must be finite numbers")
        return array.astype(np.float64)

    def read(self) -> Graph:
        """The graph of the file's output."""
        for node in self.told.node:
            told = {one.name: self.attribute(one) for one in node.attribute}
            name = f"{node.name or node.output[0]} ({node.op_type})"
            self.values[node.output[0]] = self._operation(node, told, name)
        found = self.values.get(self.told.output[0].name)
        if not isinstance(found, Signal):
            raise InputError(f"{self.path}: its output is not computed by its operations")
        self.graph.finish(found)
        return self.graph

    def _operation(self, node: Any, told: Values, name: str) -> Any:
        """The result of an operation."""
        given = [self.values.get(one) for one in node.input]
        signals = [one for one in given if isinstance(one, Signal)]
        kind, rest = node.op_type, given[1:]
        if kind == "Constant":
            return self._finite(told["value"]) if "value" in told else np.asarray(0.0)
        if kind in ("Shape", "Gather", "Unsqueeze", "Concat", "Slice") and not signals[1:]:
            return None if kind != "Concat" or not signals else self._refuse(name)
        if kind == "Add" and len(signals) == 2:
            return self.graph.add(signals[0], signals[1], name)
        if kind == "Add" and len(signals) == 1:
            return self._shifted(signals[0], given, name)
        if not signals or signals[0] is not given[0]:
            return self._refuse(name)
        signal = signals[0]
        if kind in SAME:
            return signal
        if kind in FLAT:
            return self.graph.flatten(signal)
        read = OPERATIONS.get(kind)
        return read(self.graph, signal, rest, told, name) if read else self._refuse(name)

    def _shifted(self, signal: Signal, given: list[Any], name: str) -> Signal:
        """A signal with a bias that is added by an operation of its own."""
        bias = next(one for one in given if isinstance(one, np.ndarray))
        if bias.size not in (1, signal.shape[2]):
            return self._refuse(name)
        channels = signal.shape[2]
        return self.graph.norm(signal, np.ones(channels), np.full(channels, bias.ravel()), name)

    def _refuse(self, name: str) -> Any:
        known = ", ".join([*OPERATIONS, "Add", *sorted(SAME | FLAT)])
        raise InputError(f"{self.path}: {name} cannot be converted; operations may be {known}")


def _shape_of(told: Any, path: str) -> tuple[int, int, int]:
    """(height, width, channels) of an input."""
    sizes = [one.dim_value for one in told.type.tensor_type.shape.dim][1:]
    if len(sizes) not in (1, 3) or not all(size > 0 for size in sizes):
        raise InputError(f"{path}: its input must have known sizes, (N, C, H, W) or (N, features)")
    return (1, 1, sizes[0]) if len(sizes) == 1 else (sizes[1], sizes[2], sizes[0])


def _conv(graph: Graph, signal: Signal, rest: list[Any], told: Values, name: str) -> Signal:
    """A convolution: windows of a map."""
    from ttfs.conversion.parts import grouped

    weights, bias = _weights(rest, name), rest[1] if len(rest) > 1 else None
    if weights.ndim != 4 or any(one != 1 for one in told.get("dilations", [1])):
        raise InputError(f"{name} must have two dimensions, and no dilation")
    weights = grouped(weights, told.get("group", 1))
    return graph.conv(
        signal, weights.transpose(2, 3, 1, 0), bias, _pair(told, "strides"), _pads(told, name), name
    )


def _weights(rest: list[Any], name: str) -> np.ndarray:
    """The first operand besides the signal, which must be numbers stored in the file."""
    if not rest or not isinstance(rest[0], np.ndarray):
        raise InputError(f"{name} must have weights that are in the file")
    return rest[0]


def _pair(told: Values, key: str, other: Any = (1, 1)) -> Any:
    return tuple(int(one) for one in told.get(key, other))


def _pads(told: Values, name: str) -> tuple[int, int]:
    """Padding, which must be the same on both sides."""
    pads = tuple(told.get("pads", (0, 0, 0, 0)))
    if told.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID") or pads[:2] != pads[2:]:
        raise InputError(f"{name} pads more on one side, which cannot be converted")
    return int(pads[0]), int(pads[1])


def _gemm(graph: Graph, signal: Signal, rest: list[Any], told: Values, name: str) -> Signal:
    """A dense layer: all neurons receive all inputs."""
    from ttfs.conversion.parts import channels_last_rows

    weights = _weights(rest, name)
    if told.get("transA", 0) or told.get("alpha", 1.0) != 1 or told.get("beta", 1.0) != 1:
        raise InputError(f"{name} must have alpha and beta 1, and transA 0")
    weights = weights if told.get("transB", 0) else weights.T
    bias = rest[1].reshape(-1) if len(rest) > 1 and rest[1] is not None else None
    return graph.dense(signal, channels_last_rows(weights, signal, name), bias, name)


def _norm(graph: Graph, signal: Signal, rest: list[Any], told: Values, name: str) -> Signal:
    gain, offset, mean, variance = rest[:4]
    gain = gain / np.sqrt(variance + told.get("epsilon", 1e-5))
    return graph.norm(signal, gain, offset - gain * mean, name)


def _relu(graph: Graph, signal: Signal, rest: list[Any], told: Values, name: str) -> Signal:
    return graph.relu(signal, np.inf)


def _clip(graph: Graph, signal: Signal, rest: list[Any], told: Values, name: str) -> Signal:
    """A ReLU with an upper limit."""
    low, high = (
        rest[k] if len(rest) > k and rest[k] is not None else told.get(key)
        for k, key in enumerate(("min", "max"))
    )
    if low is None or float(low) != 0:
        raise InputError(f"{name} must begin at 0")
    return graph.relu(signal, np.inf if high is None else float(high))


def _largest(graph: Graph, signal: Signal, rest: list[Any], told: Values, name: str) -> Signal:
    if told.get("ceil_mode", 0) or any(one != 1 for one in told.get("dilations", [1])):
        raise InputError(f"{name}: ceil_mode and dilations cannot be converted")
    window = _pair(told, "kernel_shape")
    return graph.max_pool(signal, MinPool2d(window, _pair(told, "strides"), _pads(told, name)))


def _mean(graph: Graph, signal: Signal, rest: list[Any], told: Values, name: str) -> Signal:
    if told.get("ceil_mode", 0) or _pads(told, name) != (0, 0):
        raise InputError(f"{name}: ceil_mode and padding cannot be converted")
    return graph.mean_pool(signal, _pair(told, "kernel_shape"), _pair(told, "strides"), name)


def _whole(graph: Graph, signal: Signal, rest: list[Any], told: Values, name: str) -> Signal:
    """The mean of a whole map."""
    axes = tuple(int(a) for a in (rest[0] if rest else told.get("axes", (2, 3))))
    if axes not in ((2, 3), (-2, -1), (-1, -2)):
        raise InputError(f"{name} can only be converted where it averages a whole map")
    return graph.mean_pool(signal, signal.shape[:2], signal.shape[:2], name)


OPERATIONS: dict[str, Callable[..., Signal]] = {
    "Conv": _conv,
    "Gemm": _gemm,
    "MatMul": _gemm,
    "BatchNormalization": _norm,
    "Relu": _relu,
    "Clip": _clip,
    "MaxPool": _largest,
    "AveragePool": _mean,
    "GlobalAveragePool": _whole,
    "ReduceMean": _whole,
}
"""Which operations can be read, and how."""
