"""The times at which the window of each population of a circuit begins and ends."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from ttfs.checks import moderate
from ttfs.engines.populations import Population, Projection
from ttfs.errors import InputError
from ttfs.network.network import Network
from ttfs.network.psp import Response, Windows
from ttfs.network.skips import Skip

CLOSE = 1e-9  # of a window: tolerance within which delays are equal except for rounding


def windows_of(
    populations: Sequence[Population], projections: Sequence[Projection], psp: Response
) -> np.ndarray | None:
    """(2, populations) when the window of each begins and ends, or None for other responses.

    Raises `InputError` if spikes of different windows would reach a population at the same time.
    """
    if not isinstance(psp, Windows):
        return None
    windows: dict[str, float] = {}
    for population in populations:
        heard = [p for p in projections if p.target == population.name]
        windows[population.name] = _window(population, heard, windows, psp)
    begins = [psp.begin(window) for window in windows.values()]
    ends = [psp.begin(window + 1) for window in windows.values()]
    moderate(max(ends), f"{psp}: the end of the last window")
    return np.array([begins, ends], np.float64)


def _window(
    population: Population, heard: list[Projection], windows: dict[str, float], psp: Windows
) -> float:
    """The number of the window in which a population fires; whole if delays are whole windows."""
    found = []
    for one in heard:
        if one.source not in windows or one.source == population.name:
            raise InputError(f"{one.title}: with {psp}, projections lead to later populations")
        if np.ndim(one.delay):
            raise InputError(f"{one.title}: with {psp}, a projection has one delay")
        found.append(windows[one.source] + one.delay / psp.length)
    if not found:
        return 0.0
    listens = max(found)
    for one, window in zip(heard, found, strict=True):
        if abs(window - listens) > CLOSE:
            wanted = one.delay + (listens - window) * psp.length
            raise InputError(
                f"{one.title}: its spikes come in another window than those of other projections;"
                f" with a delay of {wanted:g} they would come in the same"
            )
    near = round(listens)
    listens = near if abs(near - listens) <= CLOSE else listens
    pools = heard[0].layer is not None and heard[0].layer.pools
    return listens if pools else listens + 1


def pooling(projections: Sequence[Projection]) -> set[str]:
    """The populations that fire with the first spike of a window of their map."""
    return {p.target for p in projections if p.layer is not None and p.layer.pools}


def skipping(network: Network, skip: Skip, names: Sequence[str]) -> Projection:
    """A skip of a network as a projection, with weights in the units of its target layer."""
    k = skip.target - 1
    layer, scale = skip.layer, network.scales[k]
    delay = skip.delay(network.psp, network.windows)
    if layer is None:
        columns, positions = network.layers[k].columns, network.layers[k].positions
        weights: Any = sp.diags_array(np.tile(skip.weights(columns) / scale, positions)).tocsr()
    elif layer.kind == "dense":
        weights = layer.initial / scale
    else:
        return Projection(
            names[skip.source], names[skip.target], layer.initial / scale, delay, layer
        )
    return Projection(names[skip.source], names[skip.target], weights, delay)
