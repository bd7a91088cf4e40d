"""Slow and obvious twins of losses and of cures for silence, as in `reference`."""

import math

import numpy as np

# Losses on output spike times: a silent output counts as one that fired at the horizon.


def clipped(row, t_max):
    """The times of one sample, none after the horizon."""
    return [min(float(t), t_max) for t in row]


def cross_entropy(times, labels, t_max, tau, smoothing=0.0):
    """The sum over samples of -sum(wanted log(softmax(-t / tau)))."""
    total = 0.0
    for row, label in zip(times, labels, strict=True):
        row = clipped(row, t_max)
        first = min(row)
        weight = sum(math.exp((first - t) / tau) for t in row)
        for j, t in enumerate(row):
            wanted = smoothing / len(row) + (1 - smoothing) * (j == label)
            total += wanted * ((t - first) / tau + math.log(weight))
    return total


def cross_entropy_slopes(times, labels, t_max, tau, smoothing=0.0):
    """Its derivative: (wanted - softmax) / tau."""
    slopes = []
    for row, label in zip(times, labels, strict=True):
        row = clipped(row, t_max)
        first = min(row)
        weights = [math.exp((first - t) / tau) for t in row]
        wanted = [smoothing / len(row) + (1 - smoothing) * (j == label) for j in range(len(row))]
        slopes.append([(a - w / sum(weights)) / tau for a, w in zip(wanted, weights, strict=True)])
    return np.array(slopes).reshape(np.shape(times))


def cross_entropy_toward(times, wanted, t_max, tau):
    """The sum over samples of -sum(wanted log(softmax(-t / tau))), for any wanted numbers."""
    total = 0.0
    for row, shares in zip(times, wanted, strict=True):
        row = clipped(row, t_max)
        first = min(row)
        weight = sum(math.exp((first - t) / tau) for t in row)
        for t, share in zip(row, shares, strict=True):
            total += share * ((t - first) / tau + math.log(weight))
    return total


def shift_invariant(times, labels, t_max, delta):
    """The sum over samples of half the squares of t_n - t_label - delta, but for the label."""
    total = 0.0
    for row, label in zip(times, labels, strict=True):
        row = clipped(row, t_max)
        for j, t in enumerate(row):
            if j != label:
                total += 0.5 * (t - (row[label] + delta)) * (t - (row[label] + delta))
    return total


def shift_invariant_slopes(times, labels, t_max, delta):
    """Its derivative; what the others are late by is what the label's output is early by."""
    slopes = []
    for row, label in zip(times, labels, strict=True):
        row = clipped(row, t_max)
        late = [0.0 if j == label else t - (row[label] + delta) for j, t in enumerate(row)]
        back = 0.0
        for value in late:
            back -= value
        late[label] = back
        slopes.append(late)
    return np.array(slopes).reshape(np.shape(times))


def toward(times, targets, t_max):
    """The sum over samples of half the squares of (target - time) / t_max."""
    total = 0.0
    for row, wanted in zip(times, targets, strict=True):
        for t, target in zip(clipped(row, t_max), wanted, strict=True):
            error = (target - t) / t_max
            total += 0.5 * error * error
    return total


def toward_slopes(times, targets, t_max):
    """Its derivative with the targets held constant."""
    rows = [clipped(row, t_max) for row in times]
    slopes = [
        [(t - target) / t_max / t_max for t, target in zip(row, wanted, strict=True)]
        for row, wanted in zip(rows, targets, strict=True)
    ]
    return np.array(slopes).reshape(np.shape(times))


def relative_targets(times, labels, t_max, gamma):
    """S4NN's: the label's output with the first, others that are close gamma after it."""
    targets = []
    for row, label in zip(times, labels, strict=True):
        row = clipped(row, t_max)
        first = min(row)
        if first == t_max:
            wanted = [t_max] * len(row)
            wanted[label] = t_max - gamma
        else:
            wanted = [min(first + gamma, t_max) if t - first < gamma else t for t in row]
            wanted[label] = first
        targets.append(wanted)
    return np.array(targets).reshape(np.shape(times))


def absolute_targets(times, labels, t_max):
    """The label's output alone, when it fired; else with the first; else half-way."""
    targets = []
    for row, label in zip(times, labels, strict=True):
        row = clipped(row, t_max)
        wanted = [t_max] * len(row)
        if row[label] < t_max:
            wanted[label] = row[label]
        elif min(row) < t_max:
            wanted[label] = min(row)
        else:
            wanted[label] = t_max / 2
        targets.append(wanted)
    return np.array(targets).reshape(np.shape(times))


# Cures for silence


def pushed(gradient, silent, strength):
    """The gradient after -strength for each sample of which a neuron missed its share."""
    gradient = gradient.copy()
    for i in range(len(gradient)):
        for j, share in enumerate(silent):
            gradient[i, j] -= gradient.dtype.type(strength * share)
    return gradient


def weight_sum_cost(weights, thresholds, strength):
    """strength * sum over neurons of max(0, threshold - sum of incoming weights)."""
    columns = np.asarray(weights, np.float64).T
    pairs = zip(columns, np.broadcast_to(thresholds, len(columns)), strict=True)
    return strength * sum(max(0.0, float(h) - math.fsum(column)) for column, h in pairs)


def hinged(gradient, weights, thresholds, strength):
    """The gradient after that of the weight-sum cost was added."""
    gradient = gradient.copy()
    thresholds = np.broadcast_to(thresholds, weights.shape[1])
    for j in range(weights.shape[1]):
        if math.fsum(float(w) for w in weights[:, j]) < thresholds[j]:
            for i in range(len(weights)):
                gradient[i, j] -= gradient.dtype.type(strength)
    return gradient


def bumped(batches, weights, size, most):
    """Per batch, the layer that was bumped or None; and the weights after the last.

    batches: for each batch and layer, (samples, outputs) bool, whether a spike is missing.
    """
    weights = [[[float(w) for w in row] for row in layer] for layer in weights]
    history = []
    for missing in batches:
        over = [
            k
            for k, layer in enumerate(missing)
            if np.count_nonzero(layer) / np.size(layer) > most[k]
        ]
        bumps = over[0] if over else None
        if bumps is not None:
            in_a_row = 0
            while in_a_row < len(history) and history[-1 - in_a_row] == bumps:
                in_a_row += 1
            for row in weights[bumps]:
                for j in range(len(row)):
                    if any(sample[j] for sample in missing[bumps]):
                        row[j] += size * 2**in_a_row
        history.append(bumps)
    return history, [np.array(layer) for layer in weights]


# Augmentation


def mirrored(place, size):
    """Which place of a row a mirror at its ends shows beyond them; the ends are not seen twice."""
    if place < 0:
        return -place
    return 2 * (size - 1) - place if place >= size else place


def moved(image, down, right):
    """An image of times moved by whole pixels; what comes in is silent."""
    rows, columns = image.shape
    return np.array(
        [
            [
                image[y - down, x - right]
                if 0 <= y - down < rows and 0 <= x - right < columns
                else np.inf
                for x in range(columns)
            ]
            for y in range(rows)
        ]
    )


def between(image, row, column):
    """What lies at a place between pixels, the nearest four counting as they are near."""
    number, (rows, columns, channels) = image.dtype.type, image.shape
    if not (-1 < row < rows and -1 < column < columns):
        return np.zeros(channels, image.dtype)
    top, left = math.floor(row), math.floor(column)
    low, right = row - number(top), column - number(left)

    def pixel(y, x):
        inside = 0 <= y < rows and 0 <= x < columns
        return image[y, x] if inside else np.zeros(channels, image.dtype)

    above = (1 - right) * pixel(top, left) + right * pixel(top, left + 1)
    below = (1 - right) * pixel(top + 1, left) + right * pixel(top + 1, left + 1)
    return (1 - low) * above + low * below


def bent(noise, down, across, y, x):
    """How far a field of random numbers at nodes moves a pixel."""
    total = noise.dtype.type(0)
    for j in range(len(across)):
        along = noise.dtype.type(0)
        for i in range(len(noise)):
            along += down[y, i] * noise[i, j]
        total += along * across[j, x]
    return total


def distorted(image, m, noise, down, across):
    """An image whose pixels come from where a linear map and two fields say."""
    number, (rows, columns, _) = image.dtype.type, image.shape
    middle, centre = number((rows - 1) / 2), number((columns - 1) / 2)
    out = np.empty_like(image)
    for y in range(rows):
        for x in range(columns):
            v, h = number(y) - middle, number(x) - centre
            moves = [bent(each, down, across, y, x) for each in noise] or [number(0)] * 2
            row = middle + (m[0] * v + m[1] * h + m[2] + moves[0])
            column = centre + (m[3] * v + m[4] * h + m[5] + moves[1])
            out[y, x] = between(image, row, column)
    return out


# Rule Surrogate: what has arrived by a moment, and the gradient through jumps


def potentials_at(arrivals, until, weights):
    """(samples, outputs) sums of the weights of the inputs that have arrived at each neuron."""
    found = np.zeros(until.shape)
    for s, j in np.ndindex(*until.shape):
        for i in range(len(weights)):
            if arrivals[s, i] <= until[s, j]:
                found[s, j] += float(weights[i, j])
    return found


def blame(arrivals, until, gains):
    """(inputs, outputs) minus the sum over samples of the gains where an input has arrived."""
    found = np.zeros((arrivals.shape[1], until.shape[1]))
    for s, i in np.ndindex(*arrivals.shape):
        for j in range(until.shape[1]):
            if arrivals[s, i] <= until[s, j]:
                found[i, j] -= float(gains[s, j])
    return found


def softmax_loss(potentials, label, tau, smoothing, decided):
    """The cross-entropy of one sample's potentials, in thresholds, with silence as a rival."""
    rivals = [v / tau for v in potentials] + ([] if decided else [1 / tau])
    top = max(rivals)
    log_sum = top + math.log(sum(math.exp(v - top) for v in rivals))
    loss = 0.0
    for j, v in enumerate(rivals[: len(potentials)]):
        wanted = smoothing / len(potentials) + (1 - smoothing) * (j == label)
        loss += wanted * (log_sum - v)
    return loss


def stand_in(potential, width):
    """A smooth rise at the threshold, whose slope is exp(-|potential - 1| / width)."""
    if potential < 1:
        return width * math.exp((potential - 1) / width)
    return width * (2 - math.exp((1 - potential) / width))
