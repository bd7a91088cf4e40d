"""Initial weights chosen layer by layer from the number of inputs that fire."""

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
from ttfs.network.psp import Ramp, Step, Windows
from ttfs.network.weights import Binary

QUIET = 0.25  # typical size of initial potentials with windows, in thresholds
STEEPEST = 10.0  # learning rate of a layer in units of the standard deviation of its weights
FIRING = {False: 0.25, True: 0.02}  # share that fires with steps and one bit; True: of outputs
HUGE = 1e6  # factor with which every neuron fires that can
RANGE, HALVINGS = 30.0, 20  # factor within which a scale is searched, and number of bisections
WIDE = 0.4  # greatest distance of the middle of latent weights from 0, for a width of 1


def begin_by_firing(network: Network, times: Any, *, seed: int = 0) -> None:
    """Give a network weights with which every layer fires, whatever fires below it.

    Layer by layer, the mean number n of a neuron's inputs that fire is counted in a batch of
    stimuli. Real weights are then drawn from a normal distribution with mean 1 / n and standard
    deviation 1 / sqrt(n), in thresholds; in the last layer, where all neurons should fire, the
    mean is 2 / n. With endless ramps, these values are divided by the length of the input window,
    from 0 to the last input spike: a neuron with average weights fires a window after its inputs.
    One-bit weights have an excess of positive signs that follows from that mean and deviation,
    and a scale equal to that deviation; with endless ramps, the scale is one at which the median
    spike of the layer comes half a window after the median spike below, and with steps one at
    which a quarter of its neurons fire, or a fiftieth of the outputs. With windows, the mean is 0
    and the deviation a quarter of sqrt(2 / n), so that half of the neurons fire and few are
    clipped. Each layer's learning rate relative to that of the training, the `rate` of `Real` and
    `Binary`, becomes ten times the standard deviation of its weights. Layers that were given
    `initial` weights keep them; `Binary` layers keep the `init` and `scale` that were given.

    Parameters
    ----------
    network: its weights and the descriptions of its layers are changed in place.
    times: stimuli as `forward` takes them; a few hundred are enough.
    seed: decides the weights that are drawn.

    Raises
    ------
    ShapeError, InputError: stimuli of another shape; no stimulus.

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
            times = times - network.psp.length  # the next layer integrates in the first window


def spread_of(times: np.ndarray, t_max: float) -> float:
    """The length of the input window: from 0 to the last spike, or 1 if none is later than 0."""
    last = float(np.max(times, where=times < t_max, initial=0.0))
    return last if last > 0 else 1.0


def begin(
    network: Network, k: int, times: np.ndarray, window: float, rng: np.random.Generator
) -> None:
    """Draw the weights of a layer, given the spike times (samples, inputs) of the layer below."""
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
    searched = is_endless(network) or isinstance(network.psp, Step)
    if isinstance(weights, Binary) and weights.scale is None and searched:
        network.scales[k] = scale_of(network, k, times, window)
        network.refresh(k)
    told: Layer = replace(layer, weights=replace(weights, rate=STEEPEST * deviation))
    network.describe((*network.layers[:k], told, *network.layers[k + 1 :]))


def is_endless(network: Network) -> bool:
    """Whether ramps rise without end, so that any threshold is reached eventually."""
    return isinstance(network.psp, Ramp) and network.psp.rise == np.inf


def steepness(network: Network, window: float) -> float:
    """How much larger weights must be than with jumps to have the same effect in one window."""
    if not isinstance(network.psp, Ramp):
        return 1.0
    return 1 / window if is_endless(network) else max(1.0, network.psp.rise / window)


def scale_of(network: Network, k: int, times: np.ndarray, window: float) -> float:
    """The least scale at which enough of a layer's neurons fire, found by bisection.

    With endless ramps, the median spike comes half a window after that of the layer below. With
    steps, a share of `FIRING` fires, or half of those that would fire with huge weights: few of
    the outputs, as those whose potentials take small steps tie less often.
    """
    first, ramps = network.scales[k], is_endless(network)
    low, high = first / RANGE, first * RANGE

    def spikes_at(scale: float) -> np.ndarray:
        network.scales[k] = scale
        network.refresh(k)
        return fire(network, k, times)

    if ramps:
        below = times[np.isfinite(times)]
        wanted = float(np.median(below)) + window / 2 if below.size else window

        def enough(scale: float) -> bool:
            fired = spikes_at(scale)
            fired = fired[np.isfinite(fired)]
            return bool(fired.size) and bool(np.median(fired) <= wanted)
    else:
        huge = min(first * HUGE, float(np.finfo(network.dtype).max) / (2 * times.shape[1]))
        most = np.isfinite(spikes_at(huge)).mean()
        if most == 0:
            return float(first)
        share = min(FIRING[k == len(network.layers) - 1], most / 2)

        def enough(scale: float) -> bool:
            fired = np.isfinite(spikes_at(scale))
            return bool(np.count_nonzero(fired) >= share * fired.size)

        while not enough(high):  # thresholds or signs that differ very much
            low, high = high, high * RANGE
        while enough(low):
            low, high = low / RANGE, low
    for _ in range(HALVINGS):
        middle = (low * high) ** 0.5
        if enough(middle):
            high = middle
        else:
            low = middle
    return float((low * high) ** 0.5 if ramps else high)  # with steps, shares jump


def fire(network: Network, k: int, times: np.ndarray) -> np.ndarray:
    """(samples, outputs) spikes of a single layer, given those of the layer below."""
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
