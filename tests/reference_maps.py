"""Slow and obvious twins of layers of maps: every window is looked at, neuron by neuron.

They know nothing of `reach`: a neuron of a map is found by its row, column and channel, and so
are the inputs in its window; what is outside of the map is no input.
"""

from fractions import Fraction
from itertools import product

import numpy as np
import reference_delays
from reference import INF, exact_neuron, gather, ramp_exact
from reference_rational import crossing

import ttfs


def pair(size):
    """(rows, columns) of a size."""
    return size if isinstance(size, tuple) else (size, size)


def window(layer, neuron):
    """[(input, row of the weights)] that a neuron of a layer hears, in order of the input."""
    if isinstance(layer, ttfs.Dense):
        return [(i, i) for i in range(layer.inputs)]
    (height, width, channels), (_, places, columns) = layer.shape, layer.gives
    tall, broad = pair(layer.kernel_size)
    down, across = pair(layer.stride)
    top, left = pair(layer.padding)
    position, column = divmod(neuron, columns)
    line, place = divmod(position, places)
    found = []
    for ky, kx, channel in product(range(tall), range(broad), range(channels)):
        y, x = line * down + ky - top, place * across + kx - left
        inside = 0 <= y < height and 0 <= x < width
        if inside and (not layer.pools or channel == column):
            found.append(
                ((y * width + x) * channels + channel, (ky * broad + kx) * channels + channel)
            )
    return found


def unrolled(layer, weights):
    """(inputs, outputs) weights as a dense layer would have them, and where there are synapses.

    A pool has 1 everywhere where it has any.
    """
    full = np.zeros((layer.inputs, layer.outputs), np.asarray(weights).dtype)
    there = np.zeros(full.shape, bool)
    for j in range(layer.outputs):
        for i, row in window(layer, j):
            there[i, j] = True
            full[i, j] = 1 if layer.pools else weights[row, j % layer.columns]
    return full, there


# Forward. A spike of input i arrives after its delay; a neuron of a pool fires with the first
# arrival of its window, others add up what arrives as `reference_delays` has it.


def forward_maps(network, times):
    """Spike times and last potentials, to the last bit; times (samples, inputs)."""
    times = np.asarray(times)
    with np.errstate(all="ignore"):
        samples = [sample(network, row) for row in times]
    return gather(network, times, [(spikes, potential) for spikes, potential, _ in samples])


def slopes_maps(network, times):
    """Per layer, (samples, neurons) slopes of ramps, at the spike or at the horizon; pools: 0."""
    with np.errstate(all="ignore"):
        samples = [slopes for *_, slopes in (sample(network, row) for row in np.asarray(times))]
    return [
        np.array([slopes[k] for slopes in samples], network.dtype).reshape(-1, size)
        for k, size in enumerate(network.sizes[1:])
    ]


def sample(network, row):
    """Per layer the spike times of one sample, the last potentials, and per layer the slopes."""
    spikes, layers, slopes, kind = list(row), [], [], row.dtype.type
    for k, layer in enumerate(network.layers):
        neurons = [neuron(network, k, j, spikes, kind) for j in range(layer.outputs)]
        spikes = [time for time, *_ in neurons]
        layers.append(spikes)
        slopes.append([slope for *_, slope in neurons])
    return layers, [potential for _, potential, _ in neurons], slopes


def neuron(network, k, j, spikes, kind):
    """When neuron j of layer k fires, its potential then and slope; or inf and the last ones."""
    layer, events = network.layers[k], events_at(network, k, j, spikes, kind)
    if layer.pools:
        first = min((time for time, ends, _ in events if not ends), default=INF)
        return first, network.dtype.type(first < INF), 0
    weights = network.weights[k][:, j % layer.columns]
    threshold = np.broadcast_to(np.asarray(layer.threshold, np.float64), layer.columns)
    threshold = threshold[j % layer.columns] / network.scales[k]
    if isinstance(network.psp, ttfs.Step):
        return reference_delays.jumps(events, weights, threshold)
    return reference_delays.lines(events, weights, threshold, network, kind)


def events_at(network, k, j, spikes, kind):
    """(time, whether it ends, row of the weights) of all that reaches a neuron, in order."""
    rise, one = getattr(network.psp, "rise", INF), not network.delayed[k]
    delays = np.broadcast_to(network.delays[k], (network.sizes[k], network.sizes[k + 1]))
    events = []
    for i, row in window(network.layers[k], j):
        if spikes[i] < network.t_max:
            arrival = kind(np.float64(spikes[i]) + delays[i, j])
            first = spikes[i] if one else 0  # equal arrivals come in order of their spikes
            events.append((arrival, False, first, row))
            events.append((kind(np.float64(arrival) + rise), True, first, row))
    return [(t, ends, row) for t, ends, _, row in sorted(events) if t < network.t_max]


# In rational numbers


def wrong(network, record, number):
    """(layer, neuron, found, first, last) of the neurons of a sample that fire at another time.

    Each layer is judged by the spikes that the layer below has fired. With steps a time is right
    if it is the exact one, for networks whose sums are exact; with ramps if it is as near as the
    sums of the layer can be rounded. A line that ends at the threshold but for a rounding may
    cross it or not, if ramps never end.
    """
    found, kind = [], record.times[0].dtype.type
    single = np.float32 in (kind, network.dtype.type)
    small = 2.0 ** (-17 if single else -44)
    near = 0 if isinstance(network.psp, ttfs.Step) else small * network.t_max
    endless, t_max = network.psp == ttfs.Ramp(), network.t_max
    for k, layer in enumerate(network.layers):
        spikes = [float(t) if t < network.t_max else INF for t in record.times[k][number]]
        for j in range(layer.outputs):
            time = float(record.times[k + 1][number, j])
            slacks = (-small, small) if endless and not layer.pools else (0,)
            rights = [exact(network, k, j, spikes, kind, slack) for slack in slacks]
            # what fires at the horizon but for a rounding is silent
            first, last = (float(min(right, t_max)) for right in (rights[0], rights[-1]))
            if not first - near <= min(time, t_max) <= last + near:
                found.append((k + 1, j, time, first, last))
    return found


def exact(network, k, j, spikes, kind, slack=0):
    """When neuron j of layer k fires by spikes below; arrivals are rounded, and nothing else.

    slack: added to the threshold, as a share of all that the potential may be a sum of.
    """
    layer, t_max = network.layers[k], network.t_max
    delays = np.broadcast_to(network.delays[k], (network.sizes[k], network.sizes[k + 1]))
    heard = window(layer, j)
    arrivals = [float(kind(spikes[i] + float(delays[i, j]))) for i, _ in heard]
    arrivals = [a if a < t_max else INF for a in arrivals]
    if layer.pools:
        return min(arrivals, default=INF)
    weights = [float(network.weights[k][row, j % layer.columns]) for _, row in heard]
    threshold = float(network.scaled_thresholds(k)[j % layer.columns])
    slack *= sum(map(abs, weights)) * t_max + threshold
    threshold = max(threshold + slack, threshold / 1024)
    if isinstance(network.psp, ttfs.Step):
        times = [a if a == INF else Fraction(a) for a in arrivals]
        return exact_neuron(times, weights, Fraction(threshold))[0]
    if network.psp.rise == INF:
        return ramp_exact(weights, arrivals, threshold, INF, t_max)
    return crossing(weights, arrivals, threshold, network.psp.rise, t_max)
