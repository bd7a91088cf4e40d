"""Relative targets and their errors, carried back through layers: rule S4NN.

A neuron's causes are the inputs that had arrived when it fired, or, if it was silent,
those that had arrived by the horizon. `learn` goes through samples one by one and changes
the weights after each; the other kernels do the same for a batch, layer by layer. Both add in
the same order, so a batch of one gives the same bits.
"""

from typing import NamedTuple

import numpy as np

from ttfs.kernels.arrivals import arrival_of
from ttfs.kernels.batch import run_sample
from ttfs.kernels.jit import kernel

SMALLEST_SCALE = 1e-3


class Latents(NamedTuple):
    """The parameters that learn, behind the arrays of a network."""

    weights: np.ndarray  # flat, as Arrays.weights; used only for binary layers
    thresholds: np.ndarray  # float64, one for each padded neuron, before scaling
    scales: np.ndarray  # (layers,) float64
    binary: np.ndarray  # (layers,) bool
    rates: np.ndarray  # (layers,) learning rate of the weights, relative to the training's
    scale_rates: np.ndarray  # (layers,) that of the scale, relative to that of the weights


class Targets(NamedTuple):
    """The settings of the rule."""

    gamma: float
    learn_silent: bool
    through_signs: bool  # errors are carried back through one-bit weights, not latent ones


class Scratch(NamedTuple):
    """The spikes of a sample, and one layer's errors while they are carried back."""

    spikes: np.ndarray  # (units,)
    errors: np.ndarray  # (widest,)
    below: np.ndarray  # (widest,)
    steps: np.ndarray  # (widest,) learning rate times error
    last: np.ndarray  # (widest,) float64, until when an arrival is a cause
    reached: np.ndarray  # (widest,) sum of the signs of the causes


def make_scratch(arrays, times):
    """Room for the widest layer, the input included; not compiled."""
    widest, dtype = max(arrays.sizes[0], arrays.widths.max()), arrays.weights.dtype
    return Scratch(
        np.empty(arrays.units[-1], times.dtype),
        np.zeros(widest, dtype),
        np.zeros(widest, dtype),
        np.zeros(widest, dtype),
        np.zeros(widest, np.float64),
        np.zeros(widest, dtype),
    )


@kernel
def relative_errors(spikes, label, targets, t_max, errors):
    """Fill (target - time) / t_max for each output; return half their squared sum.

    The label's neuron should fire when the first one did; others that fired less than
    gamma after it should wait until then. If all are silent, the label's should fire gamma
    before the horizon.
    """
    first = t_max
    for j in range(errors.size):
        first = min(first, np.float64(spikes[j]))
    loss = 0.0
    for j in range(errors.size):
        time = min(np.float64(spikes[j]), t_max)
        target = time
        if first < t_max:
            if j == label:
                target = first
            elif time - first < targets.gamma:
                target = min(first + targets.gamma, t_max)
        elif j == label and targets.learn_silent:
            target = t_max - targets.gamma
        error = (target - time) / t_max
        errors[j] = error
        loss += 0.5 * error * error
    return loss


@kernel
def normalise(errors):
    """Divide by the Euclidean length, unless it is zero."""
    total = 0.0
    for j in range(errors.size):
        total += np.float64(errors[j] * errors[j])
    if total > 0:
        length = np.sqrt(total)
        for j in range(errors.size):
            errors[j] = errors[j] / length


@kernel
def set_thresholds(arrays, latents, layer):
    """Thresholds of a layer after its scale has changed."""
    for unit in range(arrays.units[layer], arrays.units[layer + 1]):
        arrays.thresholds[unit] = latents.thresholds[unit] / latents.scales[layer]


@kernel
def change_scale(arrays, latents, layer, errors, reached, rate):
    """One step on the scale of a binary layer, the mean of error times sign of the causes."""
    total = 0.0
    for j in range(errors.size):
        total += np.float64(errors[j] * reached[j])
    gradient = total / (arrays.sizes[layer] * errors.size)
    latents.scales[layer] = max(latents.scales[layer] - rate * gradient, SMALLEST_SCALE)
    set_thresholds(arrays, latents, layer)


@kernel
def change_row(weights, latent, binary, steps, last, arrival, reached):
    """Update the weight to every neuron of which this input is a cause."""
    zero = weights.dtype.type(0)
    if not binary:
        for j in range(weights.size):
            weights[j] -= steps[j] if arrival <= last[j] else zero
        return
    for j in range(weights.size):
        reached[j] += weights[j] if arrival <= last[j] else zero
        latent[j] -= steps[j] if arrival <= last[j] else zero
        weights[j] = 1 if latent[j] >= 0 else -1


@kernel
def carry_back(weights, errors, last, arrival):
    """The error of one input: the weighted errors of the neurons of which it is a cause."""
    total = weights.dtype.type(0)
    for j in range(errors.size):
        if arrival <= last[j]:
            total += errors[j] * weights[j]
    return total


@kernel
def learn_layer(arrays, latents, targets, layer, work, scratch, spikes, rate):
    """Change one layer's weights after one sample; leave the errors of the layer below."""
    width, size = arrays.widths[layer], arrays.sizes[layer + 1]
    errors, below = scratch.errors[:size], scratch.below[: arrays.sizes[layer]]
    steps, last, reached = scratch.steps[:width], scratch.last[:width], scratch.reached[:width]
    steps[size:], last[size:] = 0, 0
    for j in range(size):
        steps[j] = errors.dtype.type(rate) * errors[j]
        last[j] = min(spikes[j], arrays.t_max)
    below[:], reached[:] = 0, 0
    binary = latents.binary[layer]
    for e in range(work.counts[layer]):
        i = work.index[layer, e]
        arrival = arrival_of(work.times[layer, e], arrays.delays[layer], spikes.dtype.type)
        start = arrays.rows[layer] + i * width
        row = arrays.weights[start : start + width]
        latent = latents.weights[start : start + width]
        change_row(row, latent, binary, steps, last, arrival, reached)
        if layer > 0:
            weights = latent if binary and not targets.through_signs else row
            below[i] = carry_back(weights, errors, last, arrival)
    if binary and latents.scale_rates[layer] > 0:
        change_scale(arrays, latents, layer, errors, reached, rate * latents.scale_rates[layer])


@kernel
def hand_down(scratch, size):
    """Make the errors of the layer below those that are carried back next."""
    for j in range(size):
        scratch.errors[j] = scratch.below[j]


@kernel
def learn(arrays, latents, targets, times, labels, order, rate, work, scratch, fired):
    """Go through samples in order, changing the weights after each; return the loss.

    fired: (samples, outputs) is filled with the spikes of the outputs, in that order.
    """
    spikes = scratch.spikes
    outputs = spikes[arrays.units[-2] : arrays.units[-2] + arrays.sizes[-1]]
    loss = 0.0
    for place in range(order.size):
        s = order[place]
        run_sample(arrays, times[s], False, work, spikes)
        for j in range(outputs.size):
            fired[place, j] = outputs[j]
        errors = scratch.errors[: outputs.size]
        sample_loss = relative_errors(outputs, labels[s], targets, arrays.t_max, errors)
        loss += sample_loss
        if sample_loss == 0:
            continue
        for layer in range(arrays.widths.size - 1, -1, -1):
            normalise(scratch.errors[: arrays.sizes[layer + 1]])
            own, units = rate * latents.rates[layer], spikes[arrays.units[layer] :]
            learn_layer(arrays, latents, targets, layer, work, scratch, units, own)
            hand_down(scratch, arrays.sizes[layer])
    return loss


@kernel
def output_errors(spikes, labels, targets, t_max, errors):
    """Normalised errors of the outputs for a batch; return the loss."""
    loss = 0.0
    for s in range(len(spikes)):
        loss += relative_errors(spikes[s], labels[s], targets, t_max, errors[s])
        normalise(errors[s])
    return loss


@kernel
def gradient(times, delay, t_max, until, errors, out, first, last):
    """Mean over a batch of error times cause, (inputs, width); each input a row of its own.

    until: (samples, outputs) float64, until when an arrival is a cause.
    """
    kind, size, samples = times.dtype.type, errors.shape[1], len(times)
    for i in range(first, last):
        row = out[i]
        row[:] = 0
        for s in range(samples):
            if times[s, i] < t_max:
                arrival = arrival_of(times[s, i], delay, kind)
                for j in range(size):
                    row[j] += errors[s, j] if arrival <= until[s, j] else errors.dtype.type(0)
        for j in range(size):
            row[j] /= errors.dtype.type(samples)


@kernel
def scale_gradient(times, delay, t_max, until, errors, signs, reached, out, first, last):
    """For each sample, the mean of error times sign of the causes. reached: as errors, scratch."""
    kind, inputs, size = times.dtype.type, times.shape[1], errors.shape[1]
    for s in range(first, last):
        sums = reached[s]
        sums[:] = 0
        for i in range(inputs):
            if times[s, i] < t_max:
                arrival = arrival_of(times[s, i], delay, kind)
                for j in range(size):
                    sums[j] += signs[i, j] if arrival <= until[s, j] else signs.dtype.type(0)
        total = 0.0
        for j in range(size):
            total += np.float64(errors[s, j] * sums[j])
        out[s] = total / (inputs * size)


@kernel
def errors_below(times, delay, t_max, until, errors, weights, below, first, last):
    """Normalised errors of the layer below, each sample a row of its own."""
    kind = times.dtype.type
    for s in range(first, last):
        for i in range(times.shape[1]):
            below[s, i] = 0
            if times[s, i] < t_max:
                arrival = arrival_of(times[s, i], delay, kind)
                below[s, i] = carry_back(weights[i], errors[s], until[s], arrival)
        normalise(below[s])
