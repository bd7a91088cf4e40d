"""Weights to begin with that follow from what fires, layer by layer."""

from dataclasses import replace
from typing import Any

import numpy as np

from ttfs.checks import whole
from ttfs.engines.arrivals import up_to
from ttfs.engines.batch import forward, happening
from ttfs.errors import InputError
from ttfs.network.chain import Layer
from ttfs.network.layers import mean_threshold
from ttfs.network.maps import rows_of
from ttfs.network.network import Network, check_network
from ttfs.network.psp import Ramp, Windows
from ttfs.network.weights import Binary

QUIET = 0.25  # thresholds: about what potentials are at first, with windows
STEEPEST = 10.0  # learning rate of a layer in units of the deviation of its weights
RANGE, HALVINGS = 30.0, 20  # how far away a scale is looked for, and in how many steps
WIDE = 0.4  # the farthest that the middle of latent weights is from 0, of a width of 1


def begin_by_firing(network: Network, times: Any, *, seed: int = 0) -> None:
    """Give a network weights with which every layer fires, whatever fires below it.

    Layer by layer the mean number n of inputs of a neuron that fire is counted, in a batch of
    stimuli. Real weights are then drawn from a normal distribution of mean 1 / n and deviation
    1 / sqrt(n), in thresholds; in the last layer, where all should fire, of mean 2 / n. With
    endless ramps that is per length of the input window, from 0 to the last input spike: a
    neuron with average weights fires a window after its inputs. One-bit weights have as many more
    positive than negative signs as that mean and deviation say, and a scale of that deviation;
    with endless ramps a scale with which the median spike of the layer comes half a window after
    the median spike below. With windows the mean is 0 and the deviation a quarter of sqrt(2 / n),
    so that half of the neurons fire and few are clipped. Each layer's learning rate becomes ten
    times the deviation of its weights, relative to that of the training: `rate` of `Real` and
    `Binary`. Layers that were given `initial` weights keep them, and `Binary` layers the `init`
    and `scale` that were given.

    Parameters
    ----------
    network: changed in place, and so are the descriptions of its layers.
    times: stimuli as `forward` takes them; a few hundred are enough.
    seed: decides the weights that are drawn.

    Raises
    ------
    ShapeError, InputError: another shape; no stimulus.

    >>> import ttfs
    >>> layers = ttfs.Dense(64, 100, threshold=1), ttfs.Dense(100, 10, threshold=1)
    >>> network = ttfs.Network(*layers, psp=ttfs.Ramp(), t_max=4)
    >>> train, _ = ttfs.datasets.digits()
    >>> times = ttfs.encode_latency(train.images[:200], t_max=1)
    >>> begin_by_firing(network, times)
    >>> [bool(np.isfinite(layer).mean() > 0.2) for layer in ttfs.forward(network, times).times]
    [True, True, True]
    """
    check_network(network, "begin_by_firing(network=...)")
    times = rows_of(times, network.shapes[0])
    whole(seed, "begin_by_firing(seed=...)", least=0)
    if not len(times):
        raise InputError("begin_by_firing(times=...) needs at least one stimulus, got none")
    times = happening(times, up_to(network.t_max, times.dtype))
    window = spread_of(times, network.t_max)
    for k, layer in enumerate(network.layers):
        if layer.rows and layer.initial is None:
            begin(network, k, times, window, np.random.default_rng([seed, k]))
        times = fire(network, k, times)
        if isinstance(network.psp, Windows) and not layer.pools:
            times = times - network.psp.length  # the next one listens as the first does


def spread_of(times: np.ndarray, t_max: float) -> float:
    """The length of the input window: from 0 to the last spike, or 1 if there is none later."""
    last = float(np.max(times, where=times < t_max, initial=0.0))
    return last if last > 0 else 1.0


def begin(
    network: Network, k: int, times: np.ndarray, window: float, rng: np.random.Generator
) -> None:
    """Draw the weights of a layer, of which `times` (samples, inputs) is what is below."""
    layer, weights = network.layers[k], network.layers[k].weights
    heard = np.isfinite(times).mean(axis=0) * network.fan_out(k)
    n = max(1.0, float(heard.sum()) / layer.outputs)
    mean, deviation = (1 if k < len(network.layers) - 1 else 2) / n, n**-0.5
    if isinstance(network.psp, Windows):
        mean, deviation = 0.0, QUIET * (2 / n) ** 0.5
    unit, shape = steepness(network, window), (layer.rows, layer.columns)
    if isinstance(weights, Binary):
        middle = min(WIDE, mean / deviation / 2)
        low, high = weights.init or (middle - 0.5, middle + 0.5)
        network.latents[k][:] = rng.uniform(low, high, shape)
        if weights.scale is None:
            network.scales[k] = deviation * unit * mean_threshold(layer)
        deviation = (high - low) / 12**0.5
    else:
        thresholds = unit * np.asarray(layer.threshold, float)
        network.latents[k][:] = rng.normal(mean, deviation, shape) * thresholds
        deviation *= float(np.mean(thresholds))
    network.refresh(k)
    if isinstance(weights, Binary) and weights.scale is None and is_endless(network):
        network.scales[k] = scale_of(network, k, times, window)
        network.refresh(k)
    told: Layer = replace(layer, weights=replace(weights, rate=STEEPEST * deviation))
    network.describe((*network.layers[:k], told, *network.layers[k + 1 :]))


def is_endless(network: Network) -> bool:
    """Whether a spike goes on to add to potentials, so that any threshold is reached at last."""
    return isinstance(network.psp, Ramp) and network.psp.rise == np.inf


def steepness(network: Network, window: float) -> float:
    """How much larger weights must be than those of jumps to say the same in one window."""
    if not isinstance(network.psp, Ramp):
        return 1.0
    return 1 / window if is_endless(network) else max(1.0, network.psp.rise / window)


def scale_of(network: Network, k: int, times: np.ndarray, window: float) -> float:
    """The scale with which the median spike of a layer comes half a window after that below."""
    below = times[np.isfinite(times)]
    wanted = float(np.median(below)) + window / 2 if below.size else window
    low, high = network.scales[k] / RANGE, network.scales[k] * RANGE
    for _ in range(HALVINGS):
        network.scales[k] = (low * high) ** 0.5
        network.refresh(k)
        spikes = fire(network, k, times)
        spikes = spikes[np.isfinite(spikes)]
        if not spikes.size or np.median(spikes) > wanted:
            low = network.scales[k]
        else:
            high = network.scales[k]
    return float((low * high) ** 0.5)


def fire(network: Network, k: int, times: np.ndarray) -> np.ndarray:
    """(samples, outputs) spikes of a layer alone, given those of the layer below."""
    alone = Network(
        network.layers[k],
        psp=network.psp,
        t_max=network.t_max,
        dtype=network.dtype,
        shape=network.shapes[k],
    )
    alone.latents[0][:], alone.scales[0] = network.latents[k], network.scales[k]
    alone.delays_kept(0)[:] = network.delays_kept(k)
    alone.refresh(0)
    return np.ascontiguousarray(forward(alone, times).times[1])
