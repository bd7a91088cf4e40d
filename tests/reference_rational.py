"""Layers with ramps that end, in rational numbers: one neuron after the other, corner by corner."""

from fractions import Fraction

import numpy as np

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

    Each layer is judged by the spikes that the layer below has fired. A time is right if it is
    as near to the exact one as the sums of the layer can be rounded.
    """
    found, kind = [], record.times[0].dtype.type
    single = np.float32 in (kind, network.dtype.type)
    near = network.t_max * 2.0 ** (-17 if single else -44)
    for k in range(len(network.layers)):
        weights = network.weights[k].astype(float)
        delays = np.broadcast_to(network.delays[k], weights.shape)
        for j, threshold in enumerate(network.scaled_thresholds(k).tolist()):
            arrivals = (record.times[k][sample].astype(float) + delays[:, j]).astype(kind)
            arrivals = np.where(arrivals < network.t_max, arrivals, INF).tolist()
            known = weights[:, j].tolist(), arrivals, threshold
            right = crossing(*known, network.psp.rise, network.t_max)
            time = float(record.times[k + 1][sample, j])
            apart = abs(time - float(right)) if time < INF and right < INF else 0
            if (time < INF) != (right < INF) or apart > near:
                found.append((k + 1, j, time, float(right)))
    return found
