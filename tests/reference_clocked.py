"""Firing rates, neuron by neuron and step by step."""

import numpy as np
from reference_windows import added, heard, skipped


def course_of(network, values, rate):
    """{layer: (neurons,) counts} of one sample, and (steps, outputs) what its outputs say.

    values: (neurons,) of the input; with Bernoulli input (steps, neurons) spikes.
    """
    last, dtype = len(network.layers), network.dtype
    counts, potentials, sent, told, pooled_sums = {}, {}, {}, [], {}
    for step in range(rate.steps):
        if rate.input == "bernoulli":
            below = [np.asarray(values[step], np.float64)]
            counts[0] = counts.get(0, 0) + below[0]
        elif rate.input == "impulse":
            below = [np.asarray(values, np.float64) * (rate.steps if step == 0 else 0)]
        else:
            below = [np.asarray(values, np.float64)]
        summed = None
        for k, layer in enumerate(network.layers, start=1):
            if layer.pools and rate.pool == "sums":
                before = pooled_sums.get(k, np.zeros(len(below[-1])))
                pooled_sums[k] = before + below[-1]
                drive = top(layer, pooled_sums[k]) - (top(layer, before) if step else 0)
            elif layer.pools:
                drive = top(layer, below[-1])
            else:
                drive = driven(network, k, below, rate)
            summed = summed if layer.pools else layer
            pooled = k < last and network.layers[k].pools
            if summed is None or pooled or (k == last and rate.output == "potential"):
                below.append(drive)
                continue
            positions = len(drive) // summed.columns
            limits = np.tile(np.broadcast_to(summed.threshold, summed.columns), positions)
            potential = potentials.get(k, rate.initial * limits)
            fired = np.zeros(len(drive))
            for j in range(len(drive)):
                potential[j] = potential[j] * rate.keep + drive[j]
                potential[j] += limits[j] * rate.shift / rate.steps
                if potential[j] >= limits[j]:
                    fired[j] = 1
                    potential[j] = potential[j] - limits[j] if rate.reset == "soft" else 0
                elif rate.negative and potential[j] < 0 and sent.get((k, j), 0) > 0:
                    fired[j] = -1
                    potential[j] = potential[j] + limits[j]
                sent[k, j] = sent.get((k, j), 0) + fired[j]
            potentials[k] = potential
            counts[k] = counts.get(k, 0) + abs(fired)
            below.append(fired)
        told.append(below[-1])
    said = np.zeros((rate.steps, network.sizes[-1]))
    for step in range(rate.begin, rate.steps):
        said[step] = np.sum(told[rate.begin : step + 1], axis=0) / (step + 1 - rate.begin)
    if rate.output == "potential":
        limits = [layer.threshold for layer in network.layers if not layer.pools][-1]
        said = said / np.resize(limits, said.shape[1])
    return counts, said.astype(dtype)


def top(layer, values):
    """(neurons,) the largest value of each window."""
    return np.array([max(xs) for xs in heard(layer, values)])


def driven(network, k, below, rate):
    """(neurons,) what a layer with weights hears in a step."""
    layer = network.layers[k - 1]
    drive = added(layer, network.weights[k - 1] * network.scales[k - 1], below[k - 1])
    if network.biases[k - 1] is not None:
        part = 1 if rate.bias == "each" else 1 / rate.steps
        drive = drive + np.resize(network.biases[k - 1], len(drive)) * part
    for skip in network.skips:
        if skip.target == k:
            drive = drive + skipped(skip, below[skip.source], network.shapes[k])
    return drive
