"""A network with its weights as plain real numbers, to be changed one by one or made precise."""

from dataclasses import replace
from typing import Any

import numpy as np

from ttfs.network.layers import Dense
from ttfs.network.network import Network, check_network
from ttfs.network.weights import Real


def plain(network: Network, dtype: Any = None) -> Network:
    """The same network with a real number for each weight: its copy, of any dtype.

    One-bit weights become 1 and -1, and all thresholds are those with which potentials are
    compared, so spikes are the same, and in another dtype the same except for roundings. Delays no
    longer learn.

    >>> import ttfs
    >>> layer = ttfs.Dense.of([[3.0], [-2.0]], weights=ttfs.Binary(scale=2), threshold=2)
    >>> copy = plain(ttfs.Network(layer, t_max=10), np.float64)
    >>> copy.weights[0].tolist(), copy.layers[0].threshold.tolist()
    ([[1.0], [-1.0]], [1.0])
    """
    check_network(network, "plain(network=...)")
    return Network(
        *(layer_of(network, k) for k in range(len(network.layers))),
        psp=network.psp,
        t_max=network.t_max,
        dtype=network.dtype if dtype is None else dtype,
        unit=network.unit,
        shape=network.shapes[0],
        skips=[skip_of(network, skip) for skip in network.skips],
    )


def layer_of(network: Network, k: int) -> Any:
    """A layer with the weights and delays that it has now."""
    layer, delays = network.layers[k], network.delays[k]
    delay: Any = float(delays[0, 0])
    if network.delayed[k]:
        delay = np.array(delays if layer.delay.per == "pair" else delays[:, 0])
    if layer.pools:
        return replace(layer, delay=delay)
    bias = network.biases[k]
    if bias is not None:
        scaled = bias / network.scales[k]
        bias = scaled if isinstance(layer, Dense) else scaled.reshape(shape_of(layer, scaled.size))
    told: dict[str, Any] = {"initial": np.array(network.weights[k]), "weights": Real()}
    threshold = network.scaled_thresholds(k).astype(np.float64)
    return replace(layer, threshold=threshold, delay=delay, bias=bias, **told)


def shape_of(layer: Any, biases: int) -> tuple[int, ...]:
    """The shape of a map's biases: one for each channel, or one for each neuron."""
    return (biases,) if biases == layer.columns else layer.gives


def skip_of(network: Network, skip: Any) -> Any:
    """A skip with its weights in the unit of its target's potentials."""
    scale = network.scales[skip.target - 1]
    if skip.layer is None:
        return replace(skip, weight=skip.weight / scale)
    return replace(skip, layer=replace(skip.layer, initial=skip.layer.initial / scale))
