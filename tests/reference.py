"""Slow and obvious twins of what is fast, each written straight from the definition.

No twin shares code with what it checks, and none is clever. Everything that has been compiled
or vectorised gets one here; new ones go to the end, under a heading.
"""

import heapq
from collections import Counter, defaultdict
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import reference_rest

INF = float("inf")


class Forward(NamedTuple):
    """What `ttfs.Record` holds."""

    times: tuple[np.ndarray, ...]  # per layer, the input first, (samples, neurons)
    potential: np.ndarray  # (samples, outputs) at the spike, or before the horizon


def gather(network, times, samples):
    """A Forward of `samples`, each with the spike times per layer and the last potentials."""
    layers = []
    for k, size in enumerate(network.sizes[1:]):
        rows = [[float(t) for t in spikes[k]] for spikes, _ in samples]
        layers.append(np.array(rows, times.dtype).reshape(-1, size))
    potential = np.array([[float(v) for v in last] for _, last in samples], network.dtype)
    return Forward((times, *layers), potential.reshape(-1, network.sizes[-1]))


def thresholds_of(network, layer):
    """The thresholds of a layer as given, one for each neuron."""
    given = np.asarray(network.layers[layer].threshold, np.float64)
    return [float(h) for h in np.broadcast_to(given, network.sizes[layer + 1])]


# Forward in exact arithmetic: V_j(t) is the sum of the weights w_ij that arrived until t. Neuron
# j fires when an arrival takes V_j to its threshold, all arrivals of that instant included, and
# nothing happens at t_max or later.


def forward_exact(network, times):
    """Spike times and last potentials in rational numbers; times (samples, inputs)."""
    times = np.asarray(times)
    return gather(network, times, [exact_sample(network, row) for row in times])


def exact_sample(network, row):
    """Per layer the spike times of one sample, and the potentials of the last layer."""
    spikes = [Fraction(float(t)) if t < network.t_max else INF for t in row]
    layers = []
    for k, layer in enumerate(network.layers):
        arrivals = [INF if t == INF else t + Fraction(float(layer.delay)) for t in spikes]
        arrivals = [a if a < network.t_max else INF for a in arrivals]
        scale = Fraction(float(network.scales[k]))
        neurons = [
            exact_neuron(arrivals, network.weights[k][:, j], Fraction(threshold) / scale)
            for j, threshold in enumerate(thresholds_of(network, k))
        ]
        spikes = [time for time, _ in neurons]
        layers.append(spikes)
    return layers, [potential for _, potential in neurons]


def exact_neuron(arrivals, weights, threshold):
    """When a neuron fires, and its potential then; if it never does, inf and its last one."""
    weights = [Fraction(float(w)) for w in weights]
    potential = Fraction(0)
    for instant in sorted({arrival for arrival in arrivals if arrival != INF}):
        arrived = [w for w, arrival in zip(weights, arrivals, strict=True) if arrival <= instant]
        potential = sum(arrived)
        if potential >= threshold:
            return instant, potential
    return INF, potential


# Forward in floating point: the same numbers, added in the promised order and precision. Spikes
# travel in order of their time, equal times in order of the neuron's index. They arrive in that
# order, at t + delay, rounded from float64 to the dtype of the times.


def forward_float(network, times):
    """Spike times and last potentials, to the last bit; times (samples, inputs)."""
    times = np.asarray(times)
    with np.errstate(all="ignore"):
        return gather(network, times, [float_sample(network, row) for row in times])


def float_sample(network, row):
    """Per layer the spike times of one sample, and the potentials of the last layer."""
    spikes, layers = [t if t < network.t_max else row.dtype.type(INF) for t in row], []
    for k, layer in enumerate(network.layers):
        order = sorted((t, i) for i, t in enumerate(spikes) if t != INF)
        arrivals = [(row.dtype.type(np.float64(t) + layer.delay), i) for t, i in order]
        arrivals = [(arrival, i) for arrival, i in arrivals if arrival < network.t_max]
        scale = network.scales[k]
        thresholds = [network.dtype.type(h / scale) for h in thresholds_of(network, k)]
        spikes, potential = float_layer(arrivals, network.weights[k], thresholds)
        layers.append(spikes)
    return layers, potential


def float_layer(arrivals, weights, thresholds):
    """Spike times and potentials of the neurons of a layer from its (arrival, input) in order."""
    neurons = range(len(thresholds))
    v = [weights.dtype.type(0) for j in neurons]
    spikes, at_spike = [INF for j in neurons], {}
    for e, (arrival, i) in enumerate(arrivals):
        v = [v[j] + weights[i, j] for j in neurons]
        if e + 1 < len(arrivals) and arrivals[e + 1][0] == arrival:
            continue  # more to come at this instant
        for j in neurons:
            if j not in at_spike and v[j] >= thresholds[j]:
                spikes[j], at_spike[j] = arrival, v[j]
    return spikes, [at_spike.get(j, v[j]) for j in neurons]


# Decisions and counts


class Choice(NamedTuple):
    """The decision for one sample."""

    label: int
    time: float
    tied: bool
    undecided: bool
    first: list[bool]


def decide(times, potential):
    """A Choice for each row of (samples, outputs) spike times."""
    return [choose(t, v) for t, v in zip(np.asarray(times), np.asarray(potential), strict=True)]


def choose(times, potential):
    """The output that fires first; then the larger potential; then the lower index."""
    time = min(float(t) for t in times)
    candidates = [j for j, t in enumerate(times) if t == time]
    label = candidates[0]
    for j in candidates[1:]:
        if potential[j] > potential[label]:
            label = j
    undecided = time == INF
    first = [not undecided and j in candidates for j in range(len(times))]
    return Choice(label, time, sum(first) > 1, undecided, first)


def evaluate(network, times, record, labels):
    """The fields of `ttfs.Evaluation` for stimuli and their record, as a dictionary."""
    given = [float(t) for row in times for t in row if t < INF]
    choices = decide(record.times[-1], record.potential)
    samples, layers = len(labels), len(network.sizes)
    counts, latencies, commonest = Counter(), [[] for _ in network.sizes], [0] * layers
    for s, (choice, label) in enumerate(zip(choices, labels, strict=True)):
        right = choice.label == label
        counts["accuracy"] += right
        counts["accuracy_lenient"] += right or choice.first[label]
        counts["accuracy_spiking"] += right and not choice.undecided
        counts["ties"] += choice.tied
        counts["undecided"] += choice.undecided
        for k in range(layers):
            spikes = [float(t) for t in record.times[k][s] if t < network.t_max]
            latencies[k] += spikes
            commonest[k] += max(Counter(spikes).values(), default=0)
            counts["spikes_per_sample"] += len(spikes)
            counts["spikes_to_decision"] += sum(t <= choice.time for t in spikes)
            if k + 1 == layers:
                continue
            delay, fan_out = network.layers[k].delay, network.sizes[k + 1]
            arrivals = [float(record.times[0].dtype.type(t + delay)) for t in spikes]
            arrivals = [arrival for arrival in arrivals if arrival < network.t_max]
            before = [arrival for arrival in arrivals if arrival <= choice.time]
            counts["operations_per_sample"] += len(arrivals) * fan_out
            counts["operations_to_decision"] += len(before) * fan_out
    decided = [choice.time for choice in choices if not choice.undecided]
    whole = {"ties", "undecided"}
    return {
        "samples": samples,
        "lost": sum(t >= network.t_max for t in given) / max(1, len(given)),
        **{key: n if key in whole else n / samples for key, n in counts.items()},
        "decision_time_mean": sum(decided) / len(decided) if decided else INF,
        "silent": [
            1 - len(spikes) / (size * samples)
            for spikes, size in zip(latencies, network.sizes, strict=True)
        ],
        "latency": [sum(s) / len(s) if s else np.nan for s in latencies],
        "same_time": [
            n / len(s) if s else np.nan for n, s in zip(commonest, latencies, strict=True)
        ],
        "names": network.names,
        "unit": network.unit,
        "shapes": network.shapes,
        "never": [
            never(network, layer, np.asarray(spikes)) for layer, spikes in enumerate(record.times)
        ],
    }


def never(network, layer, times):
    """The share of a layer's channels that fire nowhere in any sample."""
    channels = network.shapes[layer][2]
    fire = {j % channels for row in times for j in range(len(row)) if row[j] < INF}
    return 1 - len(fire) / channels


# Circuits in exact arithmetic. V_j(t) is the sum of the weights of all synapses whose neuron has
# fired a delay or more ago. Instants are looked at in order, and at each the populations in
# order; a neuron that has not fired does so if a stimulus says so or V_j(t) reaches its
# threshold. Nothing happens at t_max or later.


class Synapse(NamedTuple):
    """A weight between two neurons, each a pair (population, neuron)."""

    source: tuple[int, int]
    target: tuple[int, int]
    weight: float
    delay: float
    projection: int


def synapses_of(circuit):
    """All synapses of a circuit; an array has one everywhere, unless their delays differ."""
    for r, projection in enumerate(circuit.projections):
        source, target = (circuit.names.index(n) for n in (projection.source, projection.target))
        weights, delays = projection.weights, projection.delay
        there = np.ones(weights.shape, bool)
        if hasattr(weights, "toarray"):
            there = stored(weights)
        elif np.ndim(delays):
            there = weights != 0
        weights, delays = (m.toarray() if hasattr(m, "toarray") else m for m in (weights, delays))
        delays = np.broadcast_to(delays, weights.shape)
        for i, j in np.argwhere(there).tolist():
            yield Synapse((source, i), (target, j), weights[i, j].item(), delays[i, j].item(), r)


def stored(matrix):
    """Where a sparse matrix has an entry, be it 0."""
    entries = matrix.tocoo()
    there = np.zeros(matrix.shape, bool)
    there[entries.row, entries.col] = True
    return there


def neurons_of(circuit):
    """(population, neuron) -> threshold, in order."""
    return {
        (k, j): float(np.broadcast_to(population.threshold, population.size)[j])
        for k, population in enumerate(circuit.populations)
        for j in range(population.size)
    }


class Course(NamedTuple):
    """What a circuit does, by (population, neuron)."""

    spikes: dict[tuple[int, int], Fraction]
    potential: dict[tuple[int, int], Fraction]  # at the spike, or at the end
    history: dict[tuple[int, int], list[tuple[Fraction, Fraction]]]  # (instant, potential then)


def course_of(circuit, given):
    """A Course in rational numbers; `given` has the stimulus, (population, neuron) -> time."""
    thresholds, synapses = neurons_of(circuit), list(synapses_of(circuit))
    incoming = {n: [s for s in synapses if s.target == n] for n in thresholds}
    given = {n: Fraction(float(t)) for n, t in given.items() if t < circuit.t_max}
    course = Course({}, dict.fromkeys(thresholds, Fraction(0)), {n: [] for n in thresholds})
    now, arrivals = Fraction(-1), {}  # of spikes that have happened, by synapse
    while True:
        known = [*arrivals.values(), *given.values()]
        now = min((t for t in known if now < t < circuit.t_max), default=INF)
        if now == INF:
            return course
        for neuron, threshold in thresholds.items():
            if neuron in course.spikes:
                continue
            arrived = [s for s in incoming[neuron] if arrivals.get(s, INF) <= now]
            potential = sum((Fraction(s.weight) for s in arrived), Fraction(0))
            course.potential[neuron] = potential
            if any(arrivals[s] == now for s in arrived):
                course.history[neuron].append((now, potential))
            if given.get(neuron) == now or potential >= threshold:
                course.spikes[neuron] = now
                leaving = [s for s in synapses if s.source == neuron]
                arrivals |= {s: now + Fraction(s.delay) for s in leaving}


# Events of a circuit, from a queue of everything that is to come, ordered by (time, population,
# kind, neuron, projection). Exact as long as sums and times are exact in floating point.

ARRIVES, FIRES = 0, 1


def events_of(circuit, given):
    """All events in order, as (time, kind, population, neuron, source or None)."""
    thresholds, names, rows = neurons_of(circuit), circuit.names, defaultdict(list)
    for synapse in synapses_of(circuit):
        rows[synapse.projection, synapse.source[1]].append(synapse)
    ends = [(names.index(p.source), names.index(p.target)) for p in circuit.projections]
    potential, fired, events = dict.fromkeys(thresholds, 0.0), set(), []
    queue = [(float(t), k, FIRES, j, -1, True) for (k, j), t in given.items()]
    heapq.heapify(queue)
    while queue:
        time, layer, kind, neuron, r, more = heapq.heappop(queue)
        if time >= circuit.t_max:
            break
        if kind == ARRIVES:  # of all synapses of a row with the same delay
            events.append((time, "arrival", layer, neuron, ends[r][0]))
            for s in rows[r, neuron]:
                if s.delay == more:
                    potential[s.target] += s.weight
                    heapq.heappush(queue, (time, layer, FIRES, s.target[1], -1, False))
            continue
        if (layer, neuron) in fired:
            continue
        if more or potential[layer, neuron] >= thresholds[layer, neuron]:  # told to, or has reason
            fired.add((layer, neuron))
            events.append((time, "spike", layer, neuron, None))
            for r, delay in departures(circuit, rows, names[layer], neuron):
                heapq.heappush(queue, (time + delay, ends[r][1], ARRIVES, neuron, r, delay))
    return events


def departures(circuit, rows, source, neuron):
    """The (projection, delay) along which a spike leaves; once for each delay."""
    for r, projection in enumerate(circuit.projections):
        if projection.source == source:
            own = sorted({s.delay for s in rows[r, neuron]})
            yield from ((r, d) for d in (own if np.ndim(projection.delay) else [projection.delay]))


# Learning by rule S4NN, one sample after the other. An input is a cause of a neuron if it had
# arrived when the neuron fired, or by the horizon if it did not. Errors are carried back through
# weights that have already changed; the scale of a binary layer learns from the signs before.


class Learner:
    """A copy of a network that learns by plain loops; it has what `float_sample` needs."""

    def __init__(self, network):
        self.sizes, self.layers = network.sizes, network.layers
        self.t_max, self.dtype = network.t_max, network.dtype
        self.binary = [bool(binary) for binary in network.binary]
        self.latents = [latents.copy() for latents in network.latents]
        self.weights = [weights.copy() for weights in network.weights]
        self.scales = network.scales.copy()


def learn(network, rule, data, order, lr):
    """A Learner after the samples `order` of data (times, labels), the loss and the hits."""
    state, (times, labels) = Learner(network), data
    loss, hits = 0.0, 0
    with np.errstate(all="ignore"):
        for s in order:
            layers, _ = float_sample(state, times[s])
            spikes = [list(times[s]), *layers]
            hits += won(spikes[-1], labels[s])
            sample_loss, errors = relative_errors(spikes[-1], labels[s], rule, network.t_max)
            loss += sample_loss
            errors = [network.dtype.type(error) for error in errors]
            for k in reversed(range(len(layers))) if sample_loss else []:
                causes = causes_of(spikes[k], spikes[k + 1], state, k, times.dtype)
                told = normalise(errors), lr, rule.through_signs
                errors = learn_layer(state, k, causes, *told)
    return state, loss, hits


def won(spikes, label):
    """Whether the label's output fired first, or as the lowest index of those that did."""
    first = min(spikes)
    return first != INF and spikes.index(first) == label


def relative_errors(spikes, label, rule, t_max):
    """Loss and (target - time) / t_max of each output, in float64."""
    times = [min(float(t), t_max) for t in spikes]
    first = min(times)
    loss, errors = 0.0, []
    for j, time in enumerate(times):
        if first == t_max:
            target = t_max - rule.gamma if j == label and rule.learn_silent else t_max
        elif j == label:
            target = first
        elif time - first < rule.gamma:
            target = min(first + rule.gamma, t_max)
        else:
            target = time
        errors.append((target - time) / t_max)
        loss += 0.5 * errors[-1] * errors[-1]
    return loss, errors


def normalise(errors):
    """Errors of unit length, in their own precision; zeros stay."""
    total = 0.0
    for error in errors:
        total += float(error * error)
    return [type(e)(float(e) / np.sqrt(total)) if total > 0 else e for e in errors]


def is_cause(time, delay, spike, t_max, dtype):
    """Whether a spike at `time` had arrived at a neuron when it fired, or by the horizon."""
    if not float(time) < t_max:
        return False
    return float(dtype.type(np.float64(time) + delay)) <= min(float(spike), t_max)


def causes_of(below, spikes, network, layer, dtype):
    """(inputs, outputs) bool of one sample, as nested lists."""
    delay = network.layers[layer].delay
    return [[is_cause(t, delay, spike, network.t_max, dtype) for spike in spikes] for t in below]


def learn_layer(state, layer, causes, errors, lr, through_signs):
    """Change a layer's weights and scale; return the errors of the layer below."""
    latents, signs = state.latents[layer], state.weights[layer].copy()
    number = state.dtype.type
    below = []
    for i, row in enumerate(causes):
        total = number(0)
        for j, cause in enumerate(row):
            if cause:
                latents[i, j] -= number(lr) * errors[j]
                sign = number(1 if latents[i, j] >= 0 else -1)
                binary = state.binary[layer] and through_signs
                total += errors[j] * (sign if binary else latents[i, j])
        below.append(total)
    state.weights[layer] = latents.copy()
    if state.binary[layer]:
        state.weights[layer] = np.where(latents >= 0, number(1), number(-1))
        rate = state.layers[layer].weights.scale_rate
        if rate:
            step = lr * rate * mean_reached(causes, errors, signs)
            state.scales[layer] = max(state.scales[layer] - step, 1e-3)
    return below


def mean_reached(causes, errors, signs):
    """Over all synapses, the mean of error times sign where the input is a cause."""
    total = 0.0
    for j, error in enumerate(errors):
        reached = sum(int(signs[i, j]) for i, row in enumerate(causes) if row[j])
        total += float(error * type(error)(reached))
    return total / signs.size


# The same in parts, for a batch


def gradient(times, delay, t_max, spikes, errors):
    """(inputs, outputs) mean over the samples of error times cause."""
    total = np.zeros((times.shape[1], spikes.shape[1]), errors.dtype)
    for s in range(len(times)):
        for i, j in np.ndindex(total.shape):
            if is_cause(times[s, i], delay, spikes[s, j], t_max, times.dtype):
                total[i, j] += errors[s, j]
    return total / errors.dtype.type(len(times))


def scale_gradient(times, delay, t_max, spikes, errors, signs):
    """(samples,) float64 mean of error times sign of the causes."""
    means = []
    for t, fired, error in zip(times, spikes, errors, strict=True):
        causes = [[is_cause(u, delay, v, t_max, times.dtype) for v in fired] for u in t]
        means.append(mean_reached(causes, error, signs))
    return np.array(means)


def errors_below(times, delay, t_max, spikes, errors, weights):
    """(samples, inputs) errors carried back, each sample's of unit length."""
    below = np.zeros(times.shape, errors.dtype)
    for s, i in np.ndindex(times.shape):
        for j in range(spikes.shape[1]):
            if is_cause(times[s, i], delay, spikes[s, j], t_max, times.dtype):
                below[s, i] += errors[s, j] * weights[i, j]
    return np.array([normalise(list(row)) for row in below], errors.dtype).reshape(times.shape)


# Optimizers


def sgd(parameter, gradients, lr):
    """The parameter after a step down each gradient."""
    lr, parameter = parameter.dtype.type(lr), parameter.copy()
    for gradient in gradients:
        for k, g in enumerate(gradient):
            parameter[k] -= lr * g
    return parameter


def momentum(parameter, gradients, lr, keep):
    """The parameter after a step for each gradient."""
    lr, keep = parameter.dtype.type(lr), parameter.dtype.type(keep)
    parameter, velocity = parameter.copy(), np.zeros_like(parameter)
    for gradient in gradients:
        for k, g in enumerate(gradient):
            velocity[k] = keep * velocity[k] + g
            parameter[k] -= lr * velocity[k]
    return parameter


def adam(parameter, gradients, lr, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """The parameter after a step for each gradient: Kingma & Ba 2015, algorithm 1, in float64."""
    parameter = [float(p) for p in parameter]
    m, v = [0.0] * len(parameter), [0.0] * len(parameter)
    for t, gradient in enumerate(gradients, start=1):
        for k, g in enumerate(float(g) for g in gradient):
            m[k] = beta1 * m[k] + (1 - beta1) * g
            v[k] = beta2 * v[k] + (1 - beta2) * g * g
            m_hat, v_hat = m[k] / (1 - beta1**t), v[k] / (1 - beta2**t)
            parameter[k] -= lr * m_hat / (np.sqrt(v_hat) + epsilon)
    return np.array(parameter)


# Ramps. The potential is a straight line between events, slope * t - (total - threshold), in
# units of a ramp that rises by its weight in a unit of time. It is followed from instant to
# instant; a neuron fires where it meets the threshold, unless another instant comes first.


def forward_ramp(network, times):
    """Spike times and last potentials of a network with ramps, to the last bit."""
    times = np.asarray(times)
    with np.errstate(all="ignore"):
        return gather(network, times, [ramp_sample(network, row) for row in times])


def ramp_sample(network, row):
    """Per layer the spike times of one sample, and the potentials of the last layer."""
    kind, rise = row.dtype.type, network.psp.rise
    spikes, layers = list(row), []
    for k, layer in enumerate(network.layers):
        arrivals = [kind(np.float64(t) + layer.delay) for t in spikes]
        ends = [kind(np.float64(t) + rise) for t in arrivals]
        # a spike at the horizon or after it does not happen, and so never arrives
        fired = [i for i, t in enumerate(spikes) if t < network.t_max]
        events = [(arrivals[i], 0, spikes[i], i) for i in fired]
        events += [(ends[i], 1, spikes[i], i) for i in fired]
        events = sorted(event for event in events if event[0] < network.t_max)
        thresholds = [h / network.scales[k] for h in thresholds_of(network, k)]
        neurons = [
            ramp_neuron(events, network.weights[k][:, j], h, rise, kind, network.t_max)
            for j, h in enumerate(thresholds)
        ]
        spikes = [time for time, _ in neurons]
        layers.append(spikes)
    return layers, [potential for _, potential in neurons]


def ramp_neuron(events, weights, threshold, rise, kind, t_max):
    """When a neuron fires, and its potential then; if it never does, inf and its last one."""
    threshold = weights.dtype.type(threshold)
    known = reference_rest.Neuron(threshold, len(weights), rise, kind)
    time, line = reference_rest.fires(events, weights, known, t_max)
    return time, threshold if time < INF else reference_rest.last_level(line, known, t_max)


def ramp_exact(weights, arrivals, threshold, rise, t_max):
    """When one neuron fires, in rational numbers: the first t with V(t) >= threshold."""

    def potential(t):
        risen = [(t - a) if rise == INF else min((t - a) / Fraction(rise), 1) for a in arrivals]
        return sum((Fraction(w) * max(r, Fraction(0)) for w, r in zip(weights, risen, strict=True)))

    threshold = Fraction(threshold)
    arrivals = [Fraction(a) if a != INF else None for a in arrivals]
    pairs = [(w, a) for w, a in zip(weights, arrivals, strict=True) if a is not None]
    weights, arrivals = [w for w, _ in pairs], [a for _, a in pairs]
    ends = [] if rise == INF else [a + Fraction(rise) for a in arrivals]
    corners = [*sorted(t for t in {*arrivals, *ends} if t < Fraction(t_max)), Fraction(t_max)]
    before = Fraction(0)
    for now in corners:
        low, high = potential(before), potential(now)
        if low < threshold <= high:
            crossing = before + (threshold - low) * (now - before) / (high - low)
            return crossing if crossing < Fraction(t_max) else INF
        before = now
    return INF


# Cost: every synapse of every sample is looked at.


def work(network, record, limits):
    """(spikes, operations, updates) of a batch until each sample's limit, summed."""
    number = record.times[0].dtype.type
    spikes = operations = updates = 0
    for s, limit in enumerate(limits):
        for k, weights in enumerate(network.weights):
            delays = np.broadcast_to(network.delays[k], weights.shape)
            for j in range(weights.shape[1]):
                fired = float(record.times[k + 1][s, j])
                spikes += fired < network.t_max and fired <= limit
                moments = []
                for i in np.flatnonzero(weights[:, j]):
                    arrival = number(float(record.times[k][s, i]) + delays[i, j])
                    end = number(float(arrival) + getattr(network.psp, "rise", INF))
                    moments += [float(t) for t in (arrival, end) if t < network.t_max]
                moments = [t for t in moments if t <= limit]
                operations += len(moments)
                updates += len({t for t in moments if t <= fired})
    return spikes, operations, updates
