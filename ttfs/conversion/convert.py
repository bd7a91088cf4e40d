"""Conversion of networks of ReLUs that were trained elsewhere to networks of single spikes."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ttfs.checks import check_dtype, positive, whole
from ttfs.conversion.arrays import layers_from, read_state
from ttfs.conversion.calibration import (
    CHUNK,
    activations_of,
    given_thresholds,
    limited,
    thresholds_of,
)
from ttfs.conversion.conversion import Conversion, as_inputs, values_in
from ttfs.conversion.graph import Graph, per_channel
from ttfs.errors import InputError
from ttfs.network.chain import KINDS
from ttfs.network.maps import as_shape
from ttfs.network.network import Network
from ttfs.network.psp import Ramp, Windows
from ttfs.network.skips import Skip
from ttfs.network.weights import Binary, Real

METHODS = "max", "quantile", "error", "local"
PER = "layer", "channel"
CHECKED = 20  # samples for which a module's own outputs are compared
CLOSE = 2e-3  # of the largest output: how far these may differ from the converted ones, by rounding
TINY = 1e-12  # thresholds are only divided by sizes of weights above this
ROOM = 0.05  # margin below the smallest and above the largest output seen, as a share of the range


def convert(
    model: Any,
    inputs: Any,
    *,
    steps: int | None = None,
    threshold: str | Sequence[Any] | np.ndarray = "max",
    quantile: float = 0.999,
    rounds: int = 1,
    per: str | None = None,
    layers: str | None = None,
    shape: Any = None,
    mean: Any = 0.0,
    std: Any = 1.0,
    dtype: Any = np.float32,
) -> Conversion:
    """Convert a network of ReLUs to a network of single spikes that computes the same.

    Each layer fires in a window of its own (`Windows`), where the time from a spike to the end of
    the window is the activation in units of the neuron's threshold, and silence is 0. The two
    networks therefore compute the same up to rounding as long as no activation exceeds its
    threshold; those that do are clipped. Layers are scaled accordingly: a network of ReLUs does not
    change if the weights into a neuron are divided by a number and those out of it multiplied.

    Parameters
    ----------
    model: a list of layers, `Dense.of(weights, bias=...)`, `Conv2d(..., initial=..., bias=...)`
        and `MinPool2d`, with ReLUs implied between them; a `torch.nn.Module`; a file of its
        weights, `.npz` or `.safetensors`, or written by `torch.save(module.state_dict(), path)`;
        an `.onnx` file, which contains its layers; or a `Network` with `Windows`, to give it other
        thresholds or steps: its ReLUs are clipped like its neurons.
    inputs: some of the network's inputs, values in 0..1, (samples, ...); thresholds are derived
        from the activations that they produce. A thousand are enough.
    steps: number of instants of a window at which a neuron can fire; None for any time.
        With few of them, activations are coarse, and thresholds should be lower.
    threshold: "max", the largest activation seen; "quantile", the quantile `quantile` of the
        activations above 0; "error", the threshold that minimises the squared error between the
        activations and their values in steps (without steps, the largest activation); "local",
        twice the mean of the activations above 0, with the layers below clipped at their
        thresholds (one round of the rule of Bu et al. 2024, arXiv 2409.03368, section 3). Or one
        number for each hidden layer with weights: the value at which its ReLUs were clipped in
        training, and are clipped here.
    quantile: share, above 0 and at most 1, for "quantile". rounds: number of rounds of "local".
    per: "channel", one threshold for each channel of a map and each neuron of a dense layer, or
        "layer", which for "local" is the largest threshold of the layer's channels. The default is
        "channel", except for "local", which clips too much in single channels.
    layers: those of a file, as papers write them, including the last: "32C3p1-P2-256-10". A batch
        norm belongs to the layer before it.
    shape: (height, width, channels) of the input if the first layer does not determine it; by
        default that of `inputs`.
    mean, std: `mean` is subtracted from values in 0..1, which are then divided by `std`, before the
        network receives them: one number, or one for each channel. `inputs` are values before that.
    dtype: of the network.

    Raises
    ------
    InputError, ShapeError: what cannot be converted, by name, and what to do.

    >>> import ttfs
    >>> rng = np.random.default_rng(0)
    >>> hidden = ttfs.Dense.of(rng.normal(size=(4, 20)), bias=rng.normal(size=20))
    >>> output = ttfs.Dense.of(rng.normal(size=(20, 3)))
    >>> inputs = rng.random((100, 4))
    >>> found = ttfs.convert([hidden, output], inputs, dtype=np.float64)
    >>> found
    Conversion(Network(4-20-3, Windows(steps=None, length=1.0), t_max=3))
    >>> distance = found.compare(inputs)
    >>> distance.agreement, max(distance.largest) < 1e-12
    (1.0, True)
    """
    if isinstance(threshold, np.ndarray):
        threshold = threshold.tolist()
    given = isinstance(threshold, Sequence) and not isinstance(threshold, str)
    if not given and threshold not in METHODS:
        wanted = " or ".join(METHODS)
        raise InputError(f"threshold must be {wanted}, or a list, got {threshold!r}")
    per = ("layer" if threshold == "local" else "channel") if per is None else per
    if per not in PER:
        raise InputError(f"per must be {' or '.join(PER)}, got {per!r}")
    if not 0 < positive(quantile, "quantile") <= 1:
        raise InputError(f"quantile must be above 0 and at most 1, got {quantile!r}")
    if threshold != "local" and rounds != 1:
        raise InputError(f"rounds belong to threshold='local', not to {threshold!r}")
    rounds = whole(rounds, "rounds")
    dtype, inputs = check_dtype(dtype, "dtype"), as_inputs(inputs)
    graph = _graph(model, inputs, layers, shape, (mean, std))
    if isinstance(graph.psp, Ramp):
        return _ramps(graph, dtype)
    told: dict[str, Any] = {"shape": graph.shape, "dtype": np.float64, "skips": graph.skips}
    relus = Network(*graph.layers, psp=Windows(), **told)
    values = values_in(inputs, relus.shapes[0], graph.channels_first)
    if graph.psp is not None and steps is None:
        steps = graph.psp.steps
    if not isinstance(threshold, str):
        assert isinstance(threshold, Sequence)
        thresholds = given_thresholds(relus, graph.limits, threshold)
    elif graph.psp is None:
        chosen = threshold, quantile, per, steps, rounds
        thresholds = thresholds_of(relus, values, graph.limits, *chosen)
    else:  # layers of ttfs.torch, already in units of their thresholds
        thresholds = [np.ones(layer.columns) for layer in relus.layers]
    if graph.told is not None and relus.psp == Windows(steps):
        some = values[:CHECKED]
        *_, (_, potentials, _) = activations_of(relus, some, limited(graph.limits))
        check_told(graph, some, potentials)
    offset, thresholds[-1] = _range(relus, values, graph.limits, thresholds[-1])
    network = scaled(relus, thresholds, offset, Windows(steps), dtype)
    limits = tuple(graph.limits)
    return Conversion(network, relus, tuple(thresholds), offset, limits, graph.channels_first)


def _graph(model: Any, inputs: Any, notation: str | None, shape: Any, scale: Any) -> Graph:
    """Layers with their weights, limits of their values, and skips."""
    if isinstance(model, str | os.PathLike) and os.fspath(model).endswith(".onnx"):
        from ttfs.conversion.onnx_files import graph_of_file

        if notation is not None:
            raise InputError(f"{os.fspath(model)} has layers of its own: omit {notation!r}")
        return graph_of_file(Path(model), *scale)
    if isinstance(model, str | os.PathLike):
        path, state = model, read_state(model)
        if notation is None:
            raise InputError(f"{os.fspath(path)}: pass its layers, as in 32C3-P2-256-10")
        shape = shape_of(inputs.shape[1:]) if shape is None else shape
        try:
            model = layers_from(state, notation, shape)
        except InputError as error:
            raise InputError(f"{os.fspath(path)}: {error}") from None
    elif notation is not None:
        raise InputError("layers=... is for a file; a module or a list has layers of its own")
    if isinstance(model, Network):
        if np.any(np.asarray(scale[0]) != 0) or np.any(np.asarray(scale[1]) != 1):
            raise InputError("mean and std are for networks from elsewhere, not for a Network")
        return _of_network(model)
    if isinstance(model, Sequence):
        own = getattr(model[0], "shape", None) if model else None
        shape = own or shape or shape_of(inputs.shape[1:])
        return _listed(model, Graph(as_shape(shape, "convert(shape=...)"), *scale))
    if type(model).__module__.startswith("torch.") or hasattr(model, "named_modules"):
        from ttfs.conversion.modules import graph_of

        return graph_of(model, inputs.shape[1:], *scale)
    raise InputError(
        "convert takes a list of layers, a Network, a torch.nn.Module or a file, got"
        f" {type(model).__name__}"
    )


def _of_network(network: Network) -> Graph:
    """The graph of a network of this package with windows: its neurons are ReLUs clipped at 1."""
    if not isinstance(network.psp, Windows):
        raise InputError(f"convert takes networks with psp=Windows(), got one with {network.psp}")
    graph = Graph(network.shapes[0])
    graph.layers, graph.skips = with_thresholds_of_1(network)
    graph.limits = [*(1.0 for _ in network.layers[1:]), np.inf]
    return graph


def with_thresholds_of_1(network: Network) -> tuple[list[Any], list[Skip]]:
    """The layers and skips of a network with windows, weights and biases scaled to thresholds 1."""
    tops = [np.broadcast_to(one.threshold, (one.columns,)) for one in network.layers]
    return _in_units(network, [np.ones(size) for size in network.sizes], tops, 0.0)


def _listed(layers: Sequence[Any], graph: Graph) -> Graph:
    """The graph of a list of layers of this package with weights, with ReLUs between them."""
    signal = graph.input()
    for number, layer in enumerate(layers, start=1):
        name = f"layer {number}, {layer}"
        if type(layer) not in KINDS.values():
            wanted = ", ".join(kind.__name__ for kind in KINDS.values())
            raise InputError(f"layer {number} must be one of {wanted}, got {type(layer)}")
        if layer.pools:
            signal = graph.max_pool(signal, layer)
            continue
        if layer.initial is None or isinstance(layer.weights, Binary):
            raise InputError(f"{name} has no real weights: pass initial=...")
        placed = layer.after(signal.shape)
        bias = layer.bias
        if np.ndim(bias) < 3 and bias is not None:
            bias = np.full(layer.columns, bias, np.float64)
        weights = np.asarray(layer.initial, np.float64)
        if layer.kind == "dense":
            signal = graph.dense(signal, weights, bias, name)
        else:
            window, stride, padding = placed.windows
            own = weights.reshape(*window, signal.shape[2], -1)
            signal = graph.conv(signal, own, bias, stride, padding, name)
        if number < len(layers):
            signal = graph.relu(signal, np.inf)
    graph.finish(signal)
    return graph


def check_told(graph: Graph, values: np.ndarray, potentials: np.ndarray) -> None:
    """Refuse a graph whose outputs differ from those of the module it was read from."""
    height, width, channels = graph.shape
    maps = values.reshape(-1, height, width, channels)
    mean, std = (per_channel(one, channels, "") for one in (graph.mean, graph.std))
    wanted = graph.told((maps - mean) / std)
    if wanted.shape != potentials.shape:
        raise InputError(
            f"the module returns {wanted.shape}, not {potentials.shape} as expected from its layers"
        )
    far = float(abs(wanted - potentials).max(initial=0))
    if not far <= CLOSE * max(1e-6, float(abs(wanted).max(initial=0))):
        raise InputError(
            f"the converted layers give other outputs than the module, by up to {far:.3g}: it does"
            " something that cannot be traced, such as changing a tensor in place under another"
            " name"
        )


def _ramps(graph: Graph, dtype: Any) -> Conversion:
    """The network of layers with ramps, unchanged since their training."""
    layers = [replace(one, bias=None) if one.rows else one for one in graph.layers]
    told: dict[str, Any] = {"shape": graph.shape, "dtype": dtype, "unit": "window"}
    network = Network(*layers, psp=graph.psp, t_max=graph.t_max, **told)
    ones = tuple(np.ones(one.columns) for one in layers)
    return Conversion(network, None, ones, 0.0, channels_first=graph.channels_first)


def shape_of(shape: tuple[int, ...]) -> tuple[int, ...]:
    """(height, width, channels) of inputs without channels, with channels last, or in rows."""
    if len(shape) == 1:
        return 1, 1, shape[0]
    return (*shape, 1) if len(shape) == 2 else shape


def _range(
    relus: Network, values: np.ndarray, limits: list[float], limit: np.ndarray
) -> tuple[float, np.ndarray]:
    """The offset to add to all outputs so that they fire, and the threshold they then share."""
    if relus.layers[-1].pools:
        return 0.0, limit
    low, high = np.inf, -np.inf
    for start in range(0, len(values), CHUNK):
        some = values[start : start + CHUNK]
        *_, (_, potentials, _) = activations_of(relus, some, limited(limits))
        low, high = min(low, float(potentials.min())), max(high, float(potentials.max()))
    room = ROOM * ((high - low) or 1.0)
    return room - low, np.full_like(limit, high - low + 2 * room)


def scaled(
    relus: Network, thresholds: list[np.ndarray], offset: float, psp: Windows, dtype: Any
) -> Network:
    """The spiking network with thresholds of 1, its weights scaled by the thresholds given."""
    units = [np.ones(relus.sizes[0])]
    for k, layer in enumerate(relus.layers):
        units.append(np.tile(thresholds[k], layer.positions))
    layers, skips = _in_units(relus, units, thresholds, offset)
    told: dict[str, Any] = {"dtype": dtype, "unit": "window", "shape": relus.shapes[0]}
    if not skips:
        layers = in_bits(layers)
    return Network(*layers, psp=psp, skips=skips, **told)


def _in_units(
    network: Network, units: list[np.ndarray], thresholds: list[np.ndarray], offset: float
) -> tuple[list[Any], list[Skip]]:
    """Layers and skips with thresholds of 1, for values in units of the layers below.

    units: of the input and of each layer. thresholds: by which sums are divided. offset: added to
    the sums of the last layer.
    """
    layers = []
    for k, layer in enumerate(network.layers):
        if not layer.rows:
            layers.append(layer)
            continue
        below = units[k][: layer.shape[2]] if network.mapped[k] else units[k]
        rows = np.resize(below, layer.rows)
        bias = network.biases[k]
        raised = np.zeros(layer.columns) if bias is None else bias
        raised = raised.reshape(-1, layer.columns)
        raised = raised + (offset if k == len(network.layers) - 1 else 0.0)
        raised = raised / thresholds[k]
        weights = network.weights[k] * network.scales[k]
        layers.append(
            replace(
                layer,
                weights=Real(),
                initial=weights * rows[:, None] / thresholds[k],
                threshold=1.0,
                bias=raised[0] if len(raised) == 1 else raised.reshape(layer.gives),
            )
        )
    return layers, [
        _scaled_skip(skip, units[skip.source], thresholds[skip.target - 1], network)
        for skip in network.skips
    ]


def in_bits(layers: Sequence[Any]) -> list[Any]:
    """Layers with one-bit weights, if their real weights differ only in sign."""
    if not _in_signs(layers):
        return list(layers)
    return [_in_bits(layer) if layer.rows else layer for layer in layers]


def _in_signs(layers: Sequence[Any]) -> bool:
    """Whether the weights into each neuron differ only in sign, in all layers.

    All outputs must have weights of the same size, as potentials are compared if none fires.
    """
    known = [abs(layer.initial) for layer in layers if layer.rows]
    sizes = [one[0] for one in known]
    return (
        any(len(one) > 1 for one in known)
        and all((one == one[0]).all() for one in known)
        and all(((size > TINY) & (size < 1 / TINY)).all() for size in sizes)
        and bool((sizes[-1] == sizes[-1][0]).all())
    )


def _in_bits(layer: Any) -> Any:
    """The layer with one-bit weights, with thresholds and biases divided by the weights' size."""
    size = abs(layer.initial[0])
    signs, bits = np.sign(layer.initial), Binary(scale=1.0, scale_rate=0)
    bias = layer.bias / size
    return replace(layer, initial=signs, weights=bits, threshold=1 / size, bias=bias)


def _scaled_skip(skip: Skip, unit: np.ndarray, limit: np.ndarray, relus: Network) -> Skip:
    """A skip with weights in units of the thresholds of its source and of its target."""
    channels = relus.shapes[skip.source][2]
    if skip.layer is None:
        return replace(skip, weight=skip.weights(channels) * unit[:channels] / limit)
    rows = np.resize(unit if skip.layer.kind == "dense" else unit[:channels], skip.layer.rows)
    initial = skip.layer.initial * rows[:, None] / limit
    return replace(skip, layer=replace(skip.layer, initial=initial))
