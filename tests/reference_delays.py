"""Slow and obvious twins of layers in which each input or pair has a delay of its own."""

import numpy as np
import reference_rest
from reference import INF, gather, thresholds_of

import ttfs

# Forward. A spike of input i arrives at neuron j after delay (i, j), rounded from float64 to the
# dtype of the times; the end of its ramp follows after the rise, rounded likewise. What reaches
# a neuron does so in the order (time, arrival or end, input), each neuron being on its own. In
# layers with one delay for all, equal times come in the order of the spikes.


def forward_delayed(network, times):
    """Spike times and last potentials, to the last bit; times (samples, inputs)."""
    times = np.asarray(times)
    with np.errstate(all="ignore"):
        samples = [sample(network, row) for row in times]
    return gather(network, times, [(spikes, potential) for spikes, potential, _ in samples])


def slopes_delayed(network, times):
    """Per layer, (samples, neurons) slopes of ramps, at the spike or at the horizon."""
    with np.errstate(all="ignore"):
        samples = [slopes for *_, slopes in (sample(network, row) for row in times)]
    return [
        np.array([slopes[k] for slopes in samples], network.dtype).reshape(-1, size)
        for k, size in enumerate(network.sizes[1:])
    ]


def sample(network, row):
    """Per layer the spike times of one sample, the last potentials, and per layer the slopes."""
    spikes, layers, slopes, kind = list(row), [], [], row.dtype.type
    for k in range(len(network.layers)):
        neurons = [
            neuron(network, k, j, events_at(network, k, j, spikes, kind), kind)
            for j in range(network.sizes[k + 1])
        ]
        spikes = [time for time, *_ in neurons]
        layers.append(spikes)
        slopes.append([slope for *_, slope in neurons])
    return layers, [potential for _, potential, _ in neurons], slopes


def events_at(network, k, j, spikes, kind):
    """(time, whether it ends, input) of all that reaches neuron j of layer k, in order."""
    delays, rise = network.delays[k], getattr(network.psp, "rise", INF)
    delays = np.broadcast_to(delays, (network.sizes[k], network.sizes[k + 1]))[:, j]
    events = []
    for i, spike in enumerate(spikes):
        if spike < network.t_max:
            arrival = kind(np.float64(spike) + delays[i])
            first = spike if network.delays[k].size == 1 else 0
            events.append((arrival, False, first, i))
            events.append((kind(np.float64(arrival) + rise), True, first, i))
    return [(t, ends, i) for t, ends, _, i in sorted(events) if t < network.t_max]


def neuron(network, k, j, events, kind):
    """When neuron j of layer k fires, its potential then and slope; or inf and the last ones."""
    threshold = thresholds_of(network, k)[j] / network.scales[k]
    weights = network.weights[k][:, j]
    if isinstance(network.psp, ttfs.Step):
        return jumps(events, weights, threshold)
    return lines(events, weights, threshold, network, kind)


def jumps(events, weights, threshold):
    """The same for steps: the first instant whose arrivals, all added, reach the threshold."""
    potential, threshold = weights.dtype.type(0), weights.dtype.type(threshold)
    for instant in sorted({time for time, *_ in events}):
        for time, _, i in events:
            if time == instant:
                potential += weights[i]
        if potential >= threshold:
            return instant, potential, INF
    return INF, potential, INF


def lines(events, weights, threshold, network, kind):
    """The same for ramps: where a line meets the threshold, if no instant comes before."""
    t_max, threshold = network.t_max, weights.dtype.type(threshold)
    known = reference_rest.Neuron(threshold, len(weights), network.psp.rise, kind)
    time, line = reference_rest.fires(events, weights, known, t_max)
    level = threshold if time < INF else reference_rest.last_level(line, known, t_max)
    return time, level, line.slope


# Gradients of a layer with a delay for each pair. An input is a cause of a spike if it arrived
# before; it can move the spike as long as it rises. Sums are over samples, or neurons, in order.


def arrival(times, delays, s, i, j, number):
    """When input i reaches neuron j in sample s, in the precision of the network."""
    return number(times.dtype.type(np.float64(times[s, i]) + delays[i, j]))


def by_weights(times, delays, rise, until, gains):
    """(inputs, width) sum over samples of gain times minus the time that the input had to rise."""
    number = gains.dtype.type
    out = np.zeros((times.shape[1], gains.shape[1]), gains.dtype)
    for s, i, j in np.ndindex(len(times), *delays.shape):
        since = arrival(times, delays, s, i, j, number)
        if since < until[s, j]:
            out[i, j] += gains[s, j] * max(since - until[s, j], number(-rise))
    return out


def pushes(times, delays, rise, until, gains, weights):
    """Of each sample, input and neuron in order, what the loss would say to the arrival."""
    number = gains.dtype.type
    for s, i, j in np.ndindex(len(times), *delays.shape):
        since = arrival(times, delays, s, i, j, number)
        if since < until[s, j] <= number(np.float64(since) + rise):
            yield s, i, j, weights[i, j] * gains[s, j]


def by_delays(times, delays, rise, until, gains, weights):
    """(inputs, outputs) sum over samples."""
    out = np.zeros(delays.shape, gains.dtype)
    for _, i, j, push in pushes(times, delays, rise, until, gains, weights):
        out[i, j] += push
    return out


def by_times(times, delays, rise, until, gains, weights):
    """(samples, inputs) sum over neurons."""
    out = np.zeros(times.shape, gains.dtype)
    for s, i, _, push in pushes(times, delays, rise, until, gains, weights):
        out[s, i] += push
    return out


def operations(network, record, decided):
    """Synapses that were reached, per sample: before the horizon, and by the decision."""
    whole = until = 0
    for k, (inputs, outputs) in enumerate(zip(network.sizes[:-1], network.sizes[1:], strict=True)):
        spikes = record.times[k]
        delays = np.broadcast_to(network.delays[k], (inputs, outputs))
        for s, i, j in np.ndindex(len(spikes), inputs, outputs):
            arrived = spikes.dtype.type(np.float64(spikes[s, i]) + delays[i, j])
            whole += arrived < network.t_max
            until += arrived < network.t_max and arrived <= decided[s]
    return whole / len(decided), until / len(decided)
