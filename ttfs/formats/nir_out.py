"""Networks as graphs of the Neuromorphic Intermediate Representation (NIR)."""

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ttfs.codes.decoding import RULE
from ttfs.codes.encoders import Encoder
from ttfs.errors import InputError, extra
from ttfs.files.json_text import as_json
from ttfs.formats import model_header
from ttfs.network.chain import Layer
from ttfs.network.delays import Delays
from ttfs.network.layers import Dense
from ttfs.network.network import Network, check_network
from ttfs.network.psp import Ramp, Windows

HEADER = "ttfs"  # in the metadata of a graph: what a model file says about the network


class Names(NamedTuple):
    """The names of a layer's nodes, in the order in which spikes pass them.

    `current` is there with ramps, `end` and `fall` where they end.
    """

    delay: str
    flatten: str
    synapses: str
    end: str
    fall: str
    current: str
    neurons: str

    @classmethod
    def of(cls, name: str) -> "Names":
        """Of the layer of this name; without spaces, as they become names of PyTorch modules."""
        return cls(*(f"{name.replace(' ', '_')}_{part}" for part in cls._fields))


def to_nir(
    network: Network, *, encoder: Encoder | None = None, report: dict[str, Any] | None = None
) -> Any:
    """A network as a `nir.NIRGraph`, which other simulators read; `nir.write` makes it a file.

    A layer becomes `Linear` or `Conv2d` and `IF`. Maps have their channels first there, and
    weights are permuted accordingly. One-bit weights are +1 and -1, and thresholds those with
    which `Network.scaled_thresholds` compares. A NIR neuron fires above its threshold, one of
    ours at it, so `v_threshold` is the next smaller number. Ramps are an integrator, `I`, between
    synapses and neurons; where ramps end, the same spikes arrive once more, later by the rise
    and with the opposite sign. A pool is an `AvgPool2d` whose neurons fire with the first spike.
    Delays are in the network's unit of time.

    The metadata say what NIR has no words for: each `IF` holds single_spike, response, t_max and
    unit, and the graph the rule of decision and, for `from_nir`, all settings.

    Parameters
    ----------
    network: with `Step` or `Ramp`.
    encoder, report: as in `save`; kept in the metadata.

    Raises
    ------
    InputError: what no NIR graph can express: falling thresholds (`Windows`), a delay for each
        pair. `nir_notes` says what other simulators will do differently.

    >>> import ttfs
    >>> graph = to_nir(ttfs.Network(ttfs.Dense.of([[2.0], [1.0]], threshold=3.0)))
    >>> list(graph.nodes)
    ['input', 'output_synapses', 'output_neurons', 'output']
    >>> graph.nodes["output_synapses"].weight
    array([[2., 1.]], dtype=float32)
    """
    check_network(network, "to_nir(...)")
    with extra("nir"):
        import nir
    _check(network)
    header = as_json(model_header.describe(network, encoder, report or {}), "header")
    told = {"decision": RULE, HEADER: header.decode("ascii")}
    graph = _Graph(nir, network)
    return nir.NIRGraph(graph.nodes, graph.edges, metadata=told)


def nir_notes(network: Network) -> list[str]:
    """What simulators that read the NIR graph of a network will do differently, in sentences.

    >>> import ttfs
    >>> print(nir_notes(ttfs.Network(ttfs.Dense.of([[1.0]], threshold=1.0)))[0])
    single spikes: NIR neurons are reset and fire again, so the layers above hear more; only the \
metadata say single_spike, and whoever runs the graph has to drop further spikes
    """
    check_network(network, "nir_notes(...)")
    notes = [
        "single spikes: NIR neurons are reset and fire again, so the layers above hear more; only"
        " the metadata say single_spike, and whoever runs the graph has to drop further spikes",
        "threshold: neurons fire at it here and above it in NIR, so v_threshold is the next"
        f" smaller {network.dtype}; a simulator of lower precision may miss sums that just reach"
        " it",
        "time: simulators with a time step move all spikes onto its grid; events here are exact",
        f"horizon: spikes from t_max={network.t_max:g} on do not count here; stop there",
    ]
    if isinstance(network.psp, Ramp):
        notes.append(
            "ramps: an integrator (I), which few simulators know, makes currents of spikes; with a"
            " time step, they are added up step by step, and spikes come later by up to a step"
        )
    if any(np.any(delays) for delays in network.delays):
        notes.append(
            f"delays: Delay nodes are in the network's unit, {network.unit}; many simulators"
            " refuse graphs with such nodes"
        )
    if any(layer.pools for layer in network.layers):
        notes.append(
            "pools: NIR has no pool of spikes; an average feeds neurons that fire with the first"
        )
    if any(isinstance(getattr(layer, "kernel_size", 1), tuple) for layer in network.layers):
        notes.append(
            "window sizes: nir 1.0.8 takes windows for square when it checks shapes; pass"
            " type_check=False to nir.read"
        )
    if any(np.size(layer.threshold) > 1 for layer in network.layers):
        notes.append("thresholds: some simulators take only one for all neurons of a layer")
    return notes


def _check(network: Network) -> None:
    """Refuse what a graph cannot express."""
    if isinstance(network.psp, Windows):
        raise InputError("NIR has no thresholds that fall: a network with Windows() stays here")
    for k, layer in enumerate(network.layers):
        if isinstance(layer.delay, Delays) and layer.delay.per == "pair":
            whose = network.title(k)
            raise InputError(f"{whose}: NIR delays spikes, not synapses: no delay for each pair")


class _Graph:
    """Nodes and edges, added layer by layer."""

    def __init__(self, nir: Any, network: Network):
        self.nir, self.network = nir, network
        self.shape = channels_first(network.shapes[0], not network.mapped[0])
        self.nodes: dict[str, Any] = {"input": nir.Input(np.array(self.shape))}
        self.edges: list[tuple[str, str]] = []
        self.last = "input"
        for k, layer in enumerate(network.layers):
            self._layer(k, layer, Names.of(network.names[k + 1]))
        self._add("output", nir.Output(np.array(self.shape)))

    def _add(self, name: str, node: Any, after: str = "") -> str:
        """Add a node that hears the last one, or another one."""
        self.nodes[name] = node
        self.edges.append((after or self.last, name))
        self.last = name
        return name

    def _layer(self, k: int, layer: Layer, names: Names) -> None:
        nir, network = self.nir, self.network
        rise = network.psp.rise if isinstance(network.psp, Ramp) else 0.0
        if network.delayed[k] or np.any(network.delays[k]):
            self._add(names.delay, self._delay(k))
        if not network.mapped[k] and len(self.shape) > 1:
            self._add(names.flatten, nir.Flatten(np.array(self.shape), 0, -1))
        below = self.last
        was, self.shape = self.shape, channels_first(layer.gives, not network.mapped[k])
        self._add(names.synapses, self._synapses(k, layer, was))
        if rise and not layer.pools:
            ones = np.ones(self.shape, network.dtype)
            rising = self._add(names.current, nir.I(ones))
            if np.isfinite(rise):
                size = (prod(was),) if not network.mapped[k] else was
                self._add(names.end, nir.Delay(np.full(size, float(rise))), below)
                self._add(names.fall, self._synapses(k, layer, was, -1))
                self.edges.append((names.fall, rising))
                self.last = rising
        self._add(names.neurons, self._neurons(k, layer))

    def _delay(self, k: int) -> Any:
        """A delay for each neuron below; of those that learn, also what determines them."""
        size = prod(self.shape)
        delays, latents = self.network.delays[k], self.network.latent_delays[k]
        given = np.broadcast_to(delays.reshape(-1), size)
        turned = order_below(self.network.layers, k)
        told = {} if latents is None else {"latent": latents.reshape(-1)[turned]}
        return self.nir.Delay(given[turned].reshape(self.shape), metadata=told)

    def _synapses(self, k: int, layer: Layer, below: tuple[int, ...], sign: int = 1) -> Any:
        nir, network = self.nir, self.network
        if layer.pools:
            sizes = (np.array(pair) for pair in layer.windows)  # type: ignore[union-attr]
            return nir.AvgPool2d(*sizes)
        weights = sign * network.weights[k]
        if not network.mapped[k]:
            return nir.Linear(np.ascontiguousarray(weights[order_below(network.layers, k)].T))
        window, stride, padding = layer.windows  # type: ignore[union-attr]
        weights = weights.reshape(*window, -1, layer.columns).transpose(3, 2, 0, 1)
        bias = np.zeros(layer.columns, network.dtype)
        weights = np.ascontiguousarray(weights)
        node = nir.Conv2d(below[1:], weights, stride, padding, (1, 1), 1, bias)
        node.output_type = {"output": np.array(self.shape)}  # nir takes windows for square
        return node

    def _neurons(self, k: int, layer: Layer) -> Any:
        """Neurons that fire once, at the thresholds of a layer."""
        network, ones = self.network, np.ones(self.shape, self.network.dtype)
        told = {
            "single_spike": True,
            "response": str(network.psp),
            "t_max": network.t_max,
            "unit": network.unit,
        }
        if layer.pools:  # half of what one spike adds
            threshold = ones / (2 * layer.fan_in)
            return self.nir.IF(ones, threshold, metadata=told | {"pool": True})
        threshold = network.scaled_thresholds(k) * network.dtype.type(network.psp.unit)
        below = np.nextafter(threshold, network.dtype.type(-np.inf))
        each = below.reshape(-1, *(1,) * (len(self.shape) - 1)) * ones
        return self.nir.IF(ones, each, metadata=told)


def channels_first(shape: tuple[int, int, int], flat: bool) -> tuple[int, ...]:
    """The shape of a layer there: (channels, height, width), or (neurons,) of a dense layer.

    >>> channels_first((28, 24, 3), False), channels_first((1, 1, 10), True)
    ((3, 28, 24), (10,))
    """
    height, width, channels = shape
    return (height * width * channels,) if flat else (channels, height, width)


def order_of(shape: tuple[int, int, int], flat: bool) -> np.ndarray:
    """The numbers here of a layer's neurons, in the order in which a graph has them.

    >>> order_of((1, 2, 2), False), order_of((1, 2, 2), True)
    (array([0, 2, 1, 3]), array([0, 1, 2, 3]))
    """
    numbers = np.arange(shape[0] * shape[1] * shape[2])
    return numbers if flat else numbers.reshape(shape).transpose(2, 0, 1).reshape(-1)


def order_below(layers: Sequence[Layer], k: int) -> np.ndarray:
    """The same for the neurons below a layer; an input that only a dense layer hears is flat."""
    flat = isinstance(layers[k], Dense) and (k == 0 or isinstance(layers[k - 1], Dense))
    below = layers[k].shape if k == 0 else layers[k - 1].gives
    return order_of(below, flat)
