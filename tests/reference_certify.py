"""The earliest and latest spikes of a network, neuron by neuron in rational numbers.

Each input of a neuron has an interval in which it may fire. The neuron fires earliest if what
excites it comes as early as possible, and what inhibits it as late as possible; and latest the
other way round.
"""

from fractions import Fraction

import numpy as np
from reference_windows import places

INF = float("inf")


def bounds_of(network, row, radius):
    """Per layer, the input first, the (earliest, latest) spike of each neuron of one sample."""
    radius = Fraction(float(radius))
    layers = [[interval(network, t, radius) for t in row.tolist()]]
    for k, layer in enumerate(network.layers):
        heard = layers[-1]
        if layer.pools:
            layers.append(first_of(network, k, heard))
        elif hasattr(network.psp, "begin"):
            layers.append(in_windows(network, k, heard))
        else:
            layers.append([neuron(network, k, *one, heard) for one in neurons(layer)])
    return layers


def interval(network, time, radius):
    """When an input spike may come."""
    if time == INF:
        return INF, INF
    early, late = max(Fraction(time) - radius, Fraction(0)), Fraction(time) + radius
    end = network.stimulus_end
    return (early if early < end else INF), (late if late < end else INF)


def neurons(layer):
    """The (column, what its position hears) of each neuron."""
    for heard in places(layer):
        for column in range(layer.columns):
            yield column, heard


def delayed(network, k, unit, column, time):
    """When a spike of an input arrives."""
    delays = np.broadcast_to(network.delays[k], (network.sizes[k], network.delays[k].shape[1]))
    delay = delays[unit, column if delays.shape[1] > 1 else 0]
    return time if time == INF else time + Fraction(float(delay))


def neuron(network, k, column, heard, below):
    """The interval of a neuron with steps or ramps."""
    threshold = Fraction(float(network.scaled_thresholds(k)[column]))
    found = []
    for side in (0, 1):
        arrivals = []
        for row, unit in heard:
            weight = Fraction(float(network.weights[k][row, column]))
            time = below[unit][side if weight > 0 else 1 - side]
            arrivals.append((delayed(network, k, unit, column, time), weight))
        arrivals = [(a, w) for a, w in arrivals if a < network.t_max]
        found.append(crossing(arrivals, threshold, network.psp, network.t_max))
    return tuple(found)


def crossing(arrivals, threshold, psp, t_max):
    """When the potential first reaches a threshold."""
    rise = getattr(psp, "rise", None)

    def potential(time):
        if rise is None:
            return sum(w for a, w in arrivals if a <= time)
        end = time if rise == INF else Fraction(rise)
        shares = [(w, min(time - a, end)) for a, w in arrivals if a <= time]
        return sum(w * s for w, s in shares) / (1 if rise == INF else end)

    ends = [a + Fraction(rise) for a, _ in arrivals] if rise not in (None, INF) else []
    moments = sorted({a for a, _ in arrivals} | {end for end in ends if end < t_max})
    for now, then in zip(moments, [*moments[1:], Fraction(t_max)], strict=False):
        low, high = potential(now), potential(then)
        if low >= threshold:
            return now
        if rise is not None and high >= threshold:
            time = now + (threshold - low) * (then - now) / (high - low)
            return time if time < t_max else INF
    return INF


def first_of(network, k, below):
    """The intervals of neurons that pool."""
    layer, found = network.layers[k], []
    for column, heard in neurons(layer):
        own = [unit for _, unit in heard if unit % layer.columns == column]
        pairs = [[delayed(network, k, u, 0, t) for t in below[u]] for u in own]
        times = [min((pair[side] for pair in pairs), default=INF) for side in (0, 1)]
        found.append(tuple(t if t < network.t_max else INF for t in times))
    return found


def in_windows(network, k, below):
    """The intervals of neurons with windows, which fire by the values that they hear."""
    layer, psp, columns = network.layers[k], network.psp, network.layers[k].columns
    window = network.windows[k + 1]

    def value(time, ends):
        return (
            Fraction(0)
            if time == INF
            else (Fraction(psp.begin(ends)) - time) / Fraction(psp.length)
        )

    found = []
    for place, (column, heard) in enumerate(neurons(layer)):
        bias = network.scaled_bias(k)[:, :columns].reshape(-1)
        bias = Fraction(float(bias[place % len(bias)]))
        threshold = Fraction(float(network.scaled_thresholds(k)[column]))
        times = []
        for side in (0, 1):
            total = bias
            for row, unit in heard:
                weight = Fraction(float(network.weights[k][row, column]))
                time = below[unit][side if weight > 0 else 1 - side]
                total += weight * value(time, window)
            share = min(total / threshold, 1)
            if psp.steps:
                share = Fraction((share * psp.steps + Fraction(1, 2)).__floor__(), psp.steps)
            time = Fraction(psp.begin(window + 1)) - share * Fraction(psp.length)
            times.append(time if share > 0 and time < network.t_max else INF)
        found.append(tuple(times))
    return found
