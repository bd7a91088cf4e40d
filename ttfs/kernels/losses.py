"""Losses on the spike times of the outputs and their derivatives, sample by sample.

A silent output counts as firing at the horizon. Derivatives are taken with respect to the times
so clipped, also where a time is clipped.
"""

import numpy as np

from ttfs.kernels.jit import kernel


@kernel
def softmax(times, t_max, tau, shares):
    """Fill the softmax of -t / tau; return the first time and the log of the sum from there."""
    first, weight = t_max, 0.0
    for j in range(times.size):
        first = min(first, np.float64(times[j]))
    for j in range(times.size):
        shares[j] = np.exp((first - min(np.float64(times[j]), t_max)) / tau)
        weight += shares[j]
    for j in range(times.size):
        shares[j] /= weight
    return first, np.log(weight)


@kernel
def cross_entropy(times, labels, t_max, tau, smoothing, errors):
    """-log of the softmax of -t / tau at the label, or at smoothed labels; returns the sum."""
    total, size = 0.0, times.shape[1]
    for s in range(len(times)):
        first, logarithm = softmax(times[s], t_max, tau, errors[s])
        for j in range(size):
            time = min(np.float64(times[s, j]), t_max)
            wanted = smoothing / size + (1 - smoothing) * (j == labels[s])
            errors[s, j] = (wanted - errors[s, j]) / tau
            total += wanted * ((time - first) / tau + logarithm)
    return total


@kernel
def cross_entropy_toward(times, wanted, t_max, tau, errors):
    """-log of the softmax of -t / tau, weighted by wanted probabilities; returns the sum."""
    total = 0.0
    for s in range(len(times)):
        first, logarithm = softmax(times[s], t_max, tau, errors[s])
        whole = 0.0
        for j in range(times.shape[1]):
            whole += wanted[s, j]
        for j in range(times.shape[1]):
            time = min(np.float64(times[s, j]), t_max)
            errors[s, j] = (wanted[s, j] - whole * errors[s, j]) / tau
            total += wanted[s, j] * ((time - first) / tau + logarithm)
    return total


@kernel
def shift_invariant(times, labels, t_max, delta, errors):
    """Half the squared distance of each output from delta after the label's; returns the sum."""
    total = 0.0
    for s in range(len(times)):
        label = labels[s]
        due = min(np.float64(times[s, label]), t_max) + delta
        back = 0.0
        for j in range(times.shape[1]):
            if j != label:
                late = min(np.float64(times[s, j]), t_max) - due
                errors[s, j] = late
                back -= late
                total += 0.5 * late * late
        errors[s, label] = back
    return total


@kernel
def toward(times, targets, t_max, errors):
    """Half the squares of (target - time) / t_max, targets held constant; returns the sum."""
    total = 0.0
    for s in range(len(times)):
        for j in range(times.shape[1]):
            error = (targets[s, j] - min(np.float64(times[s, j]), t_max)) / t_max
            errors[s, j] = -error / t_max
            total += 0.5 * error * error
    return total


@kernel
def hasten(times, labels, t_max, early, errors):
    """Add `early` to the derivative by the label's time; return the sum of early * time."""
    total = 0.0
    for s in range(len(times)):
        errors[s, labels[s]] += early
        total += early * min(np.float64(times[s, labels[s]]), t_max)
    return total


@kernel
def relative_targets(times, labels, t_max, gamma, targets):
    """Targets: the label's output with the first one, the others gamma later or when they fired.

    If all are silent, the label's gamma before the horizon. The targets of `relative_errors`
    in kernels/s4nn.py, where silent samples teach.
    """
    for s in range(len(times)):
        first = t_max
        for j in range(times.shape[1]):
            first = min(first, np.float64(times[s, j]))
        for j in range(times.shape[1]):
            time = min(np.float64(times[s, j]), t_max)
            if j == labels[s]:
                time = first if first < t_max else t_max - gamma
            elif first < t_max and time - first < gamma:
                time = min(first + gamma, t_max)
            targets[s, j] = time


@kernel
def absolute_targets(times, labels, t_max, targets):
    """Targets: the label's output when it fired, the others never, which is t_max.

    If the label's was silent, when the first one fired; if all were, half-way to t_max.
    """
    for s in range(len(times)):
        time = np.float64(times[s, labels[s]])
        if time >= t_max:
            time = t_max
            for j in range(times.shape[1]):
                time = min(time, np.float64(times[s, j]))
            if time == t_max:
                time = t_max / 2
        for j in range(times.shape[1]):
            targets[s, j] = time if j == labels[s] else t_max
