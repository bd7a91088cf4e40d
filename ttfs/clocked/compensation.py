"""Biases that make up for the mean error of firing rates."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np

from ttfs.clocked.course import check, firing, limits_of, run
from ttfs.clocked.rate import Rate
from ttfs.conversion.conversion import values_in
from ttfs.engines.sums import largest, potentials_of
from ttfs.network.network import Network

CHUNK = 100  # samples that are held in memory,
ROOM = 2**23  # and values of a layer's neurons in each step


def compensated(network: Network, inputs: Any, rate: Rate) -> Network:
    """A copy of a network whose biases make up for the mean error of its firing rates.

    A spike cannot be taken back: where excitation comes before inhibition, a neuron fires too
    often, and rates deviate from the activations that they should represent, the more the fewer
    steps there are. Layer by layer, the mean of this deviation over some inputs is determined for
    each channel of a map and each neuron of a dense layer, with the layers below already
    corrected, and is subtracted from the bias (bias calibration of Li et al. 2021, arXiv
    2106.06984). The copy is meant for this rate alone; in windows it computes something else.

    Parameters
    ----------
    network, inputs, rate: as for `ttfs.clocked.run`; a few hundred training inputs are enough.

    Raises
    ------
    InputError, ShapeError: as for `ttfs.clocked.run`.

    >>> import ttfs
    >>> rng = np.random.default_rng(0)
    >>> layers = [ttfs.Dense.of(rng.normal(size=s)) for s in ((4, 20), (20, 20), (20, 3))]
    >>> inputs, rate = rng.random((100, 4)), Rate(4)
    >>> network = ttfs.convert(layers, inputs).network
    >>> once = ttfs.forward(network, 1 - inputs).potential / network.layers[-1].threshold
    >>> often = [run(n, inputs, rate) for n in (network, compensated(network, inputs, rate))]
    >>> [bool(abs((each.outputs[-1] - once).mean(axis=0)).max() < 1e-6) for each in often]
    [False, True]
    """
    check(network, rate, "compensated")
    values = values_in(inputs, network.shapes[0], False)
    found = deepcopy(network)
    found.describe(
        tuple(
            replace(layer, bias=0.0) if layer.rows and layer.bias is None else layer
            for layer in found.layers
        )
    )
    fires = set(firing(network, rate))
    wanted = _means(network, values, fires)
    part = 1.0 if rate.bias == "each" else 1 / rate.steps
    for number in sorted({*fires, len(network.layers)} - {0}):
        k = number - 1
        excess = (_mean_said(found, values, rate, number) - wanted[k]) * limits_of(network, number)
        while network.layers[k].pools:
            k -= 1
        excess = excess.reshape(-1, network.layers[k].columns).mean(axis=0)
        bias = found.biases[k]
        assert bias is not None
        bias.reshape(-1, len(excess))[:] -= excess / part
    return found


def _means(network: Network, values: np.ndarray, fires: set[int]) -> list[np.ndarray]:
    """For each layer, (neurons,) the mean values that rates should represent, in thresholds.

    These are the activations of ReLUs, clipped at the thresholds, but the potentials of outputs
    that do not fire.
    """
    last = max(k for k, layer in enumerate(network.layers) if layer.rows)
    totals = [np.zeros(size) for size in network.sizes[1:]]
    for start in range(0, len(values), CHUNK):
        below = [values[start : start + CHUNK].astype(network.dtype)]
        for k, layer in enumerate(network.layers):
            if layer.pools:
                said = largest(layer, below[-1], outside=-np.inf)
            else:
                said = potentials_of(network, k, below) / limits_of(network, k + 1)
            below.append(np.clip(said, 0, 1) if k < last or k + 1 in fires else said)
            totals[k] += below[-1].sum(axis=0)
    return [total / len(values) for total in totals]


def _mean_said(network: Network, values: np.ndarray, rate: Rate, number: int) -> np.ndarray:
    """(neurons,) the mean value of a layer's neurons by rates, in thresholds."""
    total = np.zeros(network.sizes[number])
    chunk = max(1, min(CHUNK, ROOM // (rate.steps * network.sizes[number])))
    for start in range(0, len(values), chunk):
        some = values[start : start + chunk]
        total += run(network, some, rate, first=start, upto=number).outputs[-1].sum(axis=0)
    return total / len(values)
