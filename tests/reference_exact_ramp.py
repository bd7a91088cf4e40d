"""Layers with ramps that end, in rational numbers: one neuron after the other, corner by corner."""

from fractions import Fraction

INF = float("inf")


def crossing(weights, arrivals, threshold, rise, t_max):
    """When V(t) = sum of w * min((t - a) / rise, 1) first reaches the threshold, before t_max.

    arrivals: floats, inf for silence. A Fraction, or inf.
    """
    rise, threshold, t_max = Fraction(rise), Fraction(threshold), Fraction(t_max)
    bends = {}
    for w, a in zip(weights, arrivals, strict=True):
        if a != INF and w:
            start = Fraction(a)
            bends[start] = bends.get(start, 0) + Fraction(w) / rise
            bends[start + rise] = bends.get(start + rise, 0) - Fraction(w) / rise
    level, slope, before = Fraction(0), Fraction(0), Fraction(0)
    for bend in [*sorted(bends), t_max]:
        now = min(bend, t_max)
        then = level + slope * (now - before)
        if then >= threshold:
            time = before + (threshold - level) / slope
            return time if time < t_max else INF
        if bend >= t_max:
            return INF
        level, before, slope = then, now, slope + bends[bend]
    return INF


def wrong(network, record, sample):
    """(layer, neuron, found, right) of the neurons of a sample that fire at another time.

    Each layer is judged by the spikes that the layer below has fired. A time is right if it
    is as near to the exact one as the sums of the layer can be rounded.
    """
    found = []
    kind = record.times[0].dtype.type
    for k, layer in enumerate(network.layers):
        below = record.times[k][sample]
        arrivals = [float(kind(float(t) + float(layer.delay))) for t in below]
        arrivals = [a if a < network.t_max else INF for a in arrivals]
        eps = 2.0 ** (-17 if kind(0).itemsize == 4 or network.dtype.itemsize == 4 else -44)
        for j in range(network.sizes[k + 1]):
            threshold = float(network.scaled_thresholds(k)[j])
            weights = [float(w) for w in network.weights[k][:, j]]
            right = crossing(weights, arrivals, threshold, network.psp.rise, network.t_max)
            time = float(record.times[k + 1][sample, j])
            apart = abs(time - float(right)) if time < INF and right < INF else 0
            if (time < INF) != (right < INF) or apart > eps * network.t_max:
                found.append((k + 1, j, time, float(right)))
    return found
