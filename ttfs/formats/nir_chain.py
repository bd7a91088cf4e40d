"""Graphs of other simulators, node by node."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ttfs.checks import positive
from ttfs.errors import InputError
from ttfs.files.reading import check_room
from ttfs.formats.model_file import WORK, room_of
from ttfs.formats.nir_out import order_of
from ttfs.network.chain import Layer, check_chain
from ttfs.network.conv import Conv2d
from ttfs.network.layers import Dense
from ttfs.network.network import Network
from ttfs.network.pool import MinPool2d
from ttfs.network.psp import Ramp, Step

SYNAPSES = "Linear", "Affine", "Conv2d", "SumPool2d", "AvgPool2d"
CLOSE = 1e-6  # relative, of a resistance to 1 / dt


def chain_of(
    graph: Any,
    size: int | None = None,
    t_max: float | None = None,
    unit: str | None = None,
    dt: float | None = None,
) -> Network:
    """The network of a graph, which has come from a file of that size if it is not trusted.

    Raises
    ------
    InputError: a node that means nothing here, by name; no chain; a network too large for a file.
    """
    names = _in_order(graph)
    reader = _Reader(graph, dt)
    for name in names:
        reader.take(name)
    layers, shape = reader.layers, reader.first
    if reader.pending.nodes or not layers:
        raise InputError(f"node {names[-2]!r}: the last node before the output must be an IF")
    told = check_chain(tuple(layers), shape)
    if size is not None:
        room = room_of(told, reader.dtype)
        check_room(room, size, "its network", "from_nir(path, trusted=True) allows it")
        work = sum(layer.positions * layer.fan_in * layer.columns for layer in told)
        if work > WORK:
            raise InputError(f"its network has {work:,} synapses, too many for a sample")
    settings: dict[str, Any] = {} if unit is None else {"unit": unit}
    psp = Ramp() if reader.ramps else Step()
    return Network(*told, psp=psp, t_max=t_max, dtype=reader.dtype, shape=shape, **settings)


def _in_order(graph: Any) -> list[str]:
    """The names of the nodes from the input to the output, which must be a chain."""
    ends = {"Input": "", "Output": ""}
    for name, node in graph.nodes.items():
        kind = type(node).__name__
        if kind in ends:
            if ends[kind]:
                raise InputError(f"node {name!r}: there must be one {kind}, not two")
            ends[kind] = name
    if not all(ends.values()):
        raise InputError("a graph must have an Input and an Output")
    after: dict[str, str] = {}
    before: dict[str, str] = {}
    for source, target in graph.edges:
        if source in after or target in before:
            name = source if source in after else target
            raise InputError(f"node {name!r} is connected to several nodes; layers form a chain")
        after[source], before[target] = target, source
    found = [ends["Input"]]
    while found[-1] in after and len(found) <= len(graph.nodes):
        found.append(after[found[-1]])
        if found[-1] not in graph.nodes:
            raise InputError(f"there is no node {found[-1]!r}")
    if found[-1] != ends["Output"] or len(found) != len(graph.nodes):
        left = next((name for name in graph.nodes if name not in found), found[-1])
        raise InputError(f"node {left!r} is not on the way from the input to the output")
    return found


@dataclass
class _Pending:
    """What has come since the last neurons, and will be a layer with the next."""

    nodes: tuple[str, ...] = ()
    delay: Any = 0.0
    flat: bool = False
    synapses: str = ""
    current: str = ""


class _Reader:
    """Reads a chain; each `IF` completes a layer."""

    def __init__(self, graph: Any, dt: float | None):
        self.graph, self.pending = graph, _Pending()
        self.r = 1.0 if dt is None else 1 / positive(dt, "from_nir(dt=...)")
        self.layers: list[Layer] = []
        self.first: tuple[int, int, int] | None = None
        self.shape: tuple[int, ...] = ()  # as there, channels first
        self.batch = 0  # dimensions before these
        self.ramps: bool | None = None
        weights = [node.weight for node in graph.nodes.values() if hasattr(node, "weight")]
        double = any(np.asarray(one).dtype == np.float64 for one in weights)
        self.dtype = np.dtype(np.float64 if double else np.float32)

    def take(self, name: str) -> None:
        """Take the next node."""
        kind, pending = type(self.graph.nodes[name]).__name__, self.pending
        if kind == "Input":
            self._input(name)
            return
        if kind == "Output":
            return
        pending.nodes += (name,)
        if kind in SYNAPSES and not pending.synapses:
            pending.synapses = name
        elif kind == "Delay" and not pending.current:
            self._delay(name)
        elif kind == "Flatten" and not pending.synapses:
            self._flatten(name)
        elif kind == "I" and pending.synapses and not pending.current:
            self._resistance(name, self.r)
            pending.current = name
        elif kind == "IF" and pending.synapses:
            self._layer(name)
            self.pending = _Pending()
        else:
            raise InputError(f"node {name!r}: {_refusal(kind)}")

    def _input(self, name: str) -> None:
        node = self.graph.nodes[name]
        shape = np.atleast_1d(np.asarray((node.input_type or {}).get("input")))
        if shape.shape in ((2,), (4,)) and shape.dtype.kind in "iu" and shape[0] == 1:
            shape, self.batch = shape[1:], 1  # some simulators count a batch of one sample
        if shape.shape not in ((1,), (3,)) or shape.dtype.kind not in "iu" or shape.min() < 1:
            wanted = "(neurons,) or (channels, height, width)"
            raise InputError(f"node {name!r}: the input must be {wanted}, got {shape.tolist()}")
        self.shape = tuple(shape.tolist())
        if len(self.shape) == 3:
            self.first = self._own_shape()

    def _own_shape(self) -> tuple[int, int, int]:
        """The shape below as it is here, channels last."""
        if len(self.shape) == 1:
            return 1, 1, self.shape[0]
        return self.shape[1], self.shape[2], self.shape[0]

    def _order(self) -> np.ndarray:
        return order_of(self._own_shape(), len(self.shape) == 1)

    def _delay(self, name: str) -> None:
        """Add a delay, one number or one for each neuron below, in their order here."""
        given = numbers(self.graph, name, "delay")
        if np.all(given == given.flat[0]):
            self.pending.delay = self.pending.delay + float(given.flat[0])
            return
        if self.pending.synapses:
            raise InputError(f"node {name!r}: delays after synapses must be the same for all")
        if given.size != prod(self.shape):
            raise InputError(f"node {name!r} has {given.size} delays for {prod(self.shape)}")
        own = np.empty(given.size)
        own[self._order()] = given.reshape(-1)
        self.pending.delay = self.pending.delay + own

    def _flatten(self, name: str) -> None:
        sides = (whole(self.graph, name, side) for side in ("start_dim", "end_dim"))
        begin, end = (side - self.batch if side > 0 else side for side in sides)
        there = len(self.shape)
        kept = [*self.shape[:begin], *(self.shape[end + 1 :] if end not in (-1, there - 1) else ())]
        if prod(kept) != 1 and there > 1:
            raise InputError(f"node {name!r}: must flatten all of {self.shape}")
        self.pending.flat = True

    def _layer(self, name: str) -> None:
        """The layer that these neurons complete."""
        pending, node = self.pending, self.graph.nodes[self.pending.synapses]
        kind = type(node).__name__
        make = {"Conv2d": self._conv, "SumPool2d": self._pool, "AvgPool2d": self._pool}
        self._resistance(name, 1.0 if pending.current else self.r)  # spikes are what lasts for dt
        try:
            layer = make.get(kind, self._dense)(pending.synapses, name)
        except InputError as error:
            whose = f"node {pending.synapses!r}: "
            told = str(error)
            raise InputError(told if told.startswith("node ") else whose + told) from None
        if not layer.pools:
            ramps = bool(pending.current)
            if self.ramps not in (None, ramps):
                raise InputError(f"node {name!r}: all neurons must have an I before them, or none")
            self.ramps = ramps
        elif pending.current:
            raise InputError(f"node {pending.current!r}: a pool must feed neurons without an I")
        self.layers.append(layer)
        height, width, channels = layer.gives
        self.shape = (channels,) if kind in SYNAPSES[:2] else (channels, height, width)

    def _resistance(self, name: str, wanted: float) -> None:
        r = numbers(self.graph, name, "r")
        if not np.allclose(r, wanted, rtol=CLOSE, atol=0):
            got, cure = float(r.flat[0]), ""
            if got > 0 and (r == got).all():
                cure = f"; if a spike lasts for a time step there, say dt={1 / got:g}"
            raise InputError(f"node {name!r}: r must be {wanted:g}, got {got:g}{cure}")

    def _thresholds(self, name: str, columns: int, places: int) -> Any:
        """One threshold for each column; one number, if they are all the same."""
        given = numbers(self.graph, name, "v_threshold").reshape(-1)
        if given.size not in (1, columns * places):
            raise InputError(f"node {name!r} has {given.size} thresholds for {columns * places}")
        own = given.reshape(-1, 1) if given.size == 1 else given.reshape(columns, places)
        if not (own == own[:, :1]).all():
            raise InputError(f"node {name!r}: thresholds must be the same in all of a channel")
        if own.min() < 0:
            raise InputError(f"node {name!r}: thresholds must be 0 or more, got {own.min():g}")
        with np.errstate(over="ignore"):  # layers refuse thresholds that are not finite
            above = np.nextafter(own[:, 0].astype(self.dtype), self.dtype.type(np.inf))
        return float(above[0]) if (above == above[0]).all() else above

    def _dense(self, name: str, neurons: str) -> Layer:
        weights = numbers(self.graph, name, "weight")
        if type(self.graph.nodes[name]).__name__ == "Affine":
            self._no_bias(name)
        inputs = prod(self.shape)
        if weights.ndim != 2 or weights.shape[1] != inputs:
            raise InputError(f"has weights of {weights.shape} for {inputs} inputs")
        if len(self.shape) > 1 and not self.pending.flat:
            raise InputError("must follow a Flatten, as there are maps below")
        own = np.empty(weights.shape[::-1], self.dtype)
        own[self._order()] = weights.T
        threshold = self._thresholds(neurons, len(weights), 1)
        return Dense.of(own, threshold=threshold, delay=self.pending.delay)

    def _conv(self, name: str, neurons: str) -> Layer:
        node, weights = self.graph.nodes[name], numbers(self.graph, name, "weight")
        self._no_bias(name)
        if whole(self.graph, name, "groups") != 1 or pair(node.dilation) != (1, 1):
            raise InputError("must have one group, and windows without gaps (dilation 1)")
        if weights.ndim != 4:
            raise InputError(f"has weights of {weights.shape}")
        stride, padding = pair(node.stride), self._padding(node, weights.shape[2:])
        self._maps()
        layer = Conv2d(
            len(weights),
            tuple(weights.shape[2:]),
            stride=stride,
            padding=padding,
            delay=self.pending.delay,
            initial=weights.transpose(2, 3, 1, 0).astype(self.dtype),
            shape=self._own_shape(),
        )
        threshold = self._thresholds(neurons, len(weights), layer.positions)
        return Conv2d(**{**vars(layer), "threshold": threshold})

    def _pool(self, name: str, neurons: str) -> Layer:
        node = self.graph.nodes[name]
        self._maps()
        size, stride, padding = map(pair, (node.kernel_size, node.stride, node.padding))
        layer = MinPool2d(size, stride, padding, delay=self.pending.delay, shape=self._own_shape())
        one = 1.0 if type(node).__name__ == "SumPool2d" else 1 / layer.fan_in
        threshold = numbers(self.graph, neurons, "v_threshold")
        if not ((threshold >= 0) & (threshold < one)).all():
            raise InputError(f"its neurons must fire with one spike, which adds {one:g}")
        return layer

    def _maps(self) -> None:
        if len(self.shape) != 3 or self.pending.flat:
            raise InputError("needs maps of (channels, height, width) below")

    def _no_bias(self, name: str) -> None:
        if numbers(self.graph, name, "bias").any():
            raise InputError("has a bias, a current that never ends; neurons here have none")

    def _padding(self, node: Any, window: tuple[int, ...]) -> tuple[int, int]:
        if not isinstance(node.padding, str):
            return pair(node.padding)
        if node.padding == "same" and (window[0] % 2 == 0 or window[1] % 2 == 0):
            raise InputError("padding 'same' needs windows of odd sizes")
        return (window[0] // 2, window[1] // 2) if node.padding == "same" else (0, 0)


def _refusal(kind: str) -> str:
    """Why a node of a kind is not taken where it is."""
    if kind in ("LIF", "CubaLIF", "LI", "CubaLI"):
        return f"a {kind} leaks; neurons here do not: an IF is what they are"
    if kind in ("IF", "I"):
        return f"an {kind} must follow synapses: Linear, Affine, Conv2d or a pool"
    if kind in SYNAPSES:
        return f"a {kind} must be followed by an IF"
    if kind in ("Delay", "Flatten"):
        return f"a {kind} must come before the synapses of a layer"
    return f"a {kind} means nothing here"


def pair(size: Any) -> tuple[int, int]:
    """(rows, columns) of a size, which may be one number."""
    found = np.asarray(size)
    if found.dtype.kind not in "iu" or found.shape not in ((), (1,), (2,)):
        raise InputError("sizes must be one or two whole numbers")
    return int(found.flat[0]), int(found.flat[-1])


def whole(graph: Any, name: str, field: str) -> int:
    """The one whole number that a node has under a name."""
    values = numbers(graph, name, field)
    if values.dtype.kind not in "iu" or values.size != 1:
        raise InputError(f"node {name!r} must have one whole number as {field}")
    return int(values.flat[0])


def numbers(graph: Any, name: str, field: str) -> np.ndarray:
    """The finite numbers that a node has under a name; at least one."""
    values = np.asarray(getattr(graph.nodes.get(name), field, None))
    if values.dtype.kind not in "buif" or not values.size or not np.isfinite(values).all():
        raise InputError(f"node {name!r} must have finite numbers as {field}")
    return values
