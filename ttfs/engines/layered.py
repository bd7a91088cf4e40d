"""Layers of networks as projections of circuits, and projections as layers."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp

from ttfs.engines.populations import Population, Projection, all_synapses
from ttfs.errors import InputError
from ttfs.network.chain import Layer
from ttfs.network.layers import Dense
from ttfs.network.network import Network
from ttfs.network.weights import Real


def layer_weights(network: Network, layer: int) -> Any:
    """The weights of a layer; for a layer of maps, the layer with its weights.

    Where inputs or pairs have delays of their own, weights of 0 are synapses, as in `forward`.
    """
    weights = network.weights[layer]
    if network.mapped[layer]:
        one = replace(network.layers[layer], delay=0.0)
        return one if one.pools else replace(one, weights=Real(), initial=weights)
    return all_synapses(weights) if network.delayed[layer] else weights


def layer_delay(network: Network, layer: int) -> Any:
    """The one delay of a layer of a network, or its delays, (inputs, outputs) or (inputs,)."""
    delays = network.delays[layer]
    if not network.delayed[layer]:
        return float(delays[0, 0])
    if network.mapped[layer]:
        return delays[:, 0]
    return np.broadcast_to(delays, network.weights[layer].shape)


def layers_of(populations: Sequence[Population], projections: Sequence[Projection]) -> list[Layer]:
    """The layers of the network that populations and projections are, if they are a chain."""
    pairs = list(pairwise(population.name for population in populations))
    if np.any(populations[0].bias):
        name = populations[0].name
        raise InputError(f"{name!r} has a bias, which the input of a network does not have")
    for one in projections:
        if (one.source, one.target) not in pairs:
            raise InputError(
                f"{one.title}: in a network, each projection leads from a population to the next"
            )
    steps = {(p.source, p.target): p for p in projections}
    if not pairs or not len(pairs) == len(steps) == len(projections):
        raise InputError("a network has one projection from each population to the next")
    return [layer_of(steps[pair], one) for pair, one in zip(pairs, populations[1:], strict=True)]


def layer_of(projection: Projection, target: Population) -> Layer:
    """The layer that a projection and the population it leads to are."""
    layer, weights, delay = projection.layer, projection.weights, projection.delay
    delay = delay.toarray() if sp.issparse(delay) else delay
    if sp.issparse(weights):
        if weights.nnz < math.prod(weights.shape):
            raise InputError(
                f"{projection.title}: is sparse, but in a network all weights learn; if those that"
                " are 0 may learn, too, make it dense: weights.toarray()"
            )
        weights = weights.toarray()
    if layer is not None and layer.pools:
        return replace(layer, delay=delay)
    columns = target.size if layer is None else layer.columns
    threshold = per_channel(np.asarray(target.threshold, float), columns)
    if threshold is None or not np.isfinite(threshold).all():
        wanted = "the same at each position of a map" if threshold is None else "finite"
        raise InputError(f"population {target.name!r}: thresholds of a network must be {wanted}")
    bias: Any = target.bias if np.any(target.bias) else None
    if layer is None:
        return Dense.of(np.array(weights), threshold=threshold, delay=delay, bias=bias)
    bias = np.reshape(bias, layer.gives) if np.ndim(bias) else bias
    return replace(layer, threshold=threshold, delay=delay, bias=bias)


def per_channel(values: np.ndarray, columns: int) -> Any:
    """One number, or the same one for each channel at all positions; None if they differ."""
    if values.ndim == 0:
        return values.item()
    rows = values.reshape(-1, columns)
    return rows[0] if (rows == rows[0]).all() else None
