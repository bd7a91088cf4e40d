import itertools

import numpy as np
import pytest
from cases import (
    FLOATS,
    GRIDS,
    PAIRS,
    SEEDS,
    TIMES,
    any_times,
    any_weights,
    compiled,
    for_all_threads,
    same_bits,
    times_for,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import errors_below, gradient, learn, normalise, relative_errors, scale_gradient

import ttfs
from ttfs.errors import InputError
from ttfs.kernels import s4nn as kernels
from ttfs.rules import S4NN
from ttfs.rules.lesson import Lesson

pytestmark = pytest.mark.small
INF = np.inf
some = settings(max_examples=settings().max_examples // 2)

# Latent weights: some zero (a sign of +1), some with ties, some that a step turns round
RECIPES = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "grid": lambda rng, shape: rng.integers(-3, 6, shape) / 4,
    "positive": lambda rng, shape: rng.uniform(0, 2, shape),
    "negative": lambda rng, shape: -rng.uniform(0, 2, shape),
    "zero": lambda rng, shape: np.zeros(shape),
    "minus zero": lambda rng, shape: rng.choice([-0.0, 0.0, 1.0], shape),
}
KINDS = [
    ttfs.Real(),
    ttfs.Real(),
    ttfs.Binary(scale=5, scale_rate=0),
    ttfs.Binary(scale=2),
    ttfs.Binary(scale=0.01, scale_rate=1),  # falls to the least scale there is
]


@st.composite
def layers_of(draw, inputs, outputs, kinds):
    rng = np.random.default_rng(draw(SEEDS))
    kind = draw(st.sampled_from(kinds))
    weights = RECIPES[draw(st.sampled_from(list(RECIPES)))](rng, (inputs, outputs))
    return ttfs.Dense.of(
        weights,
        weights=kind,
        threshold=draw(st.sampled_from([0.25, 1.0, 2.5])) * kind.first_scale(inputs, 1.0),
        delay=draw(st.sampled_from([0.0, 0.5, 1.0, 0.1])),
    )


@st.composite
def networks(draw, dtype=np.float32, kinds=KINDS):
    """Networks of one to three layers, real and binary, that are about as often silent as not."""
    sizes = draw(st.lists(st.integers(1, 6), min_size=2, max_size=4))
    if draw(st.integers(0, 4)) == 0:
        sizes[draw(st.integers(0, len(sizes) - 1))] = draw(st.sampled_from([16, 17, 65]))
    layers = [draw(layers_of(*pair, kinds)) for pair in itertools.pairwise(sizes)]
    return ttfs.Network(*layers, t_max=draw(st.sampled_from([8.0, 10.1, 256.0])), dtype=dtype)


@st.composite
def samples(draw, network, dtype=np.float64):
    """(times, labels) of up to four samples, many of whose times are equal."""
    rng = np.random.default_rng(draw(SEEDS))
    rows = []
    for _ in range(draw(st.integers(1, 4))):
        if draw(st.booleans()):
            rows.append(rng.choice(GRIDS[draw(st.sampled_from(list(GRIDS)))], network.sizes[0]))
        else:
            kind = draw(st.sampled_from(["uniform", "ties", "late"]))
            rows.append(any_times(rng, kind, network.sizes[0], network.t_max))
    return np.array(rows, dtype), rng.integers(0, network.sizes[-1], len(rows))


RULES = st.builds(
    S4NN,
    gamma=st.sampled_from([0.1, 1.0, 3.0, 7.9]),
    learn_silent=st.booleans(),
    revive=st.just(0),
    through_signs=st.booleans(),
)
RATES = st.sampled_from([0.001, 0.1, 0.2, 1.0, 7.0])


def again(network):
    """A network that begins as this one began."""
    return ttfs.Network(*network.layers, t_max=network.t_max, dtype=network.dtype)


def teach(network, rule, data, order=None, *, lr=0.1, batch_size=1, optimizer=None):
    """What `train` returns."""
    optimizer = optimizer or ttfs.SGD()
    order = np.arange(len(data[1])) if order is None else np.asarray(order)
    slots = {name: optimizer.slots(array) for name, array in network.parameters().items()}
    with np.errstate(all="ignore"):
        return rule.train(Lesson(network, *data, order, batch_size, optimizer, slots, lr))


def as_batches(network, rule, data, order, lr):
    """Sample by sample along the way of batches."""
    loss, hits, slots = 0.0, 0, {name: {} for name in network.parameters()}
    lesson = Lesson(network, *data, np.asarray(order), 1, ttfs.SGD(), slots, lr)
    with np.errstate(all="ignore"):
        for batch in lesson.batches():
            step = rule._batch(lesson, batch)
            loss, hits = loss + step[0], hits + step[1]
    return loss, hits


def thresholds(network):
    """Per layer, what potentials are compared with."""
    starts = zip(network.arrays.units[:-1], network.sizes[1:], strict=True)
    return [network.arrays.thresholds[start : start + size] for start, size in starts]


def same_state(first, second):
    """Whether two networks, or a network and a Learner, agree in all that learns."""
    pairs = [*zip(first.weights, second.weights, strict=True)]
    pairs += [*zip(first.latents, second.latents, strict=True), (first.scales, second.scales)]
    return all(same_bits(a, b) for a, b in pairs)


def finite(network):
    """Whether nothing in a network is NaN, infinite, or a threshold that anything crosses."""
    arrays = [*network.weights, *network.latents, network.scales, *thresholds(network)]
    return all(np.isfinite(a).all() for a in arrays) and all((t > 0).all() for t in arrays[-2:])


def single(weights, *, threshold=1.0, t_max=10.0, delay=1.0, kind=None):
    """A network of one layer in float64."""
    layer = ttfs.Dense.of(weights, weights=kind or ttfs.Real(), threshold=threshold, delay=delay)
    return ttfs.Network(layer, t_max=t_max, dtype=np.float64)


# Against the plain loops


@pytest.mark.parametrize(("dtype", "time_dtype"), PAIRS)
@some
@given(data=st.data())
def test_learning_equals_the_plain_loops_in_every_bit(dtype, time_dtype, data):
    network = data.draw(networks(dtype))
    times, labels = data.draw(samples(network, time_dtype))
    rule, lr = data.draw(RULES), data.draw(RATES)
    order = data.draw(st.lists(st.integers(0, len(labels) - 1), min_size=1, max_size=6))
    twin, *expected = learn(network, rule, (times, labels), order, lr)
    got = teach(network, rule, (times, labels), np.array(order, int), lr=lr)
    assert list(got) == expected
    assert same_state(network, twin)
    for k, found in enumerate(thresholds(network)):
        wanted = np.full(network.sizes[k + 1], network.layers[k].threshold) / twin.scales[k]
        assert same_bits(found, wanted.astype(dtype))


@pytest.mark.parametrize("dtype", FLOATS)
@some
@given(data=st.data())
def test_batches_of_one_learn_the_same_bits_as_single_samples(dtype, data):
    network = data.draw(networks(dtype))
    times, labels = data.draw(samples(network, data.draw(st.sampled_from(times_for(dtype)))))
    rule, lr = data.draw(RULES), data.draw(RATES)
    order, other = np.tile(np.arange(len(labels)), 2), again(network)
    expected = teach(network, rule, (times, labels), order, lr=lr)
    assert as_batches(other, rule, (times, labels), order, lr) == expected
    assert same_state(other, network)
    assert all(map(same_bits, thresholds(other), thresholds(network)))


@st.composite
def causes(draw, dtype):
    """times, delay, t_max, spikes and errors, for the kernels of a batch."""
    rng = np.random.default_rng(draw(SEEDS))
    count, inputs, outputs = (draw(st.integers(1, n)) for n in (4, 7, 5))
    time_dtype = draw(st.sampled_from(times_for(dtype)))
    grid = draw(st.sampled_from([[0.0, 1.0, 2.5, 7.0, 8.0, INF], [0.0, 0.1, 1 / 3, 7.9, INF]]))
    times, spikes = (rng.choice(grid, (count, n)).astype(time_dtype) for n in (inputs, outputs))
    errors = rng.choice([0.0, 1.0, -0.3, 0.1], (count, outputs)).astype(dtype)
    return times, np.float64(draw(st.sampled_from([0.0, 0.1, 1.0]))), 8.0, spikes, errors


@pytest.mark.parametrize("dtype", FLOATS)
@some
@given(data=st.data())
def test_gradients_of_a_batch_equal_the_plain_loops_in_every_bit(dtype, data):
    arguments = data.draw(causes(dtype))
    times, delay, t_max, spikes, errors = arguments
    shape = times.shape[1], errors.shape[1]
    rng = np.random.default_rng(data.draw(SEEDS))
    out, slopes = np.full((shape[0], 16), 7, dtype), np.empty(len(times))
    until = np.minimum(spikes.astype(float), t_max)
    given = times, delay, t_max, until, errors
    kernels.gradient(*given, out, 0, shape[0])
    assert same_bits(out[:, : shape[1]], gradient(*arguments))
    assert not out[:, shape[1] :].any()
    signs = rng.choice([-1, 1], shape).astype(dtype)
    kernels.scale_gradient(*given, signs, np.empty_like(errors), slopes, 0, len(times))
    assert same_bits(slopes, scale_gradient(*arguments, signs))
    weights = any_weights(rng, "near", shape, dtype).astype(dtype)
    below = np.empty(times.shape, dtype)
    kernels.errors_below(*given, weights, below, 0, len(times))
    assert same_bits(below, errors_below(*arguments, weights))


@pytest.mark.parametrize("time_dtype", TIMES)
@given(data=st.data())
def test_errors_of_the_outputs_equal_the_plain_loops_in_every_bit(time_dtype, data):
    rng = np.random.default_rng(data.draw(SEEDS))
    kind = data.draw(st.sampled_from(["uniform", "ties", "late"]))
    spikes = any_times(rng, kind, data.draw(st.integers(1, 6)), 10.1).astype(time_dtype)
    label = int(rng.integers(spikes.size))
    gamma = data.draw(st.sampled_from([0.1, 1.0, 10.0]))
    targets = kernels.Targets(gamma, data.draw(st.booleans()), through_signs=False)
    expected = relative_errors(spikes, label, targets, 10.1)
    errors = np.empty(spikes.size)
    assert kernels.relative_errors(spikes, label, targets, 10.1, errors) == expected[0]
    assert same_bits(errors, expected[1])
    kernels.normalise(errors)
    assert same_bits(errors, normalise([np.float64(error) for error in expected[1]]))
    assert not errors.any() or np.linalg.norm(errors) == pytest.approx(1)


# What is learned, and which way


def test_an_update_is_what_a_pencil_says():
    network = single([[1.0, 0.6], [0.0, 0.6]])
    data = np.array([[1.0, 3.0]]), np.array([1])
    # Output 0 fires at 2, caused by input 0; output 1 at 4, caused by both. Output 1 should
    # have fired at 2 and output 0 at 5: errors 0.3 and -0.2, of length 0.36056.
    loss, hits = teach(network, S4NN(gamma=3), data, lr=0.1)
    assert (loss, hits) == (pytest.approx(0.065), 0)
    first, second = 0.3 / np.hypot(0.3, 0.2), -0.2 / np.hypot(0.3, 0.2)
    expected = [[1 - 0.1 * first, 0.6 - 0.1 * second], [0, 0.6 - 0.1 * second]]
    assert network.weights[0] == pytest.approx(np.array(expected), abs=1e-15)


def test_a_silent_label_is_pulled_by_all_inputs_that_arrived():
    network = single(np.zeros((3, 2)))
    data = np.array([[1.0, 9.5, INF]]), np.array([1])
    teach(network, S4NN(gamma=3), data, lr=0.5)
    assert network.weights[0].tolist() == [[0, 0.5], [0, 0], [0, 0]], "9.5 + 1 is too late"


def test_silent_samples_teach_nothing_if_told_so():
    network = single(np.zeros((2, 2)))
    data = np.array([[1.0, 2.0]]), np.array([1])
    assert teach(network, S4NN(learn_silent=False), data, lr=0.5) == (0, 0)
    assert not network.weights[0].any()


def test_a_binary_layer_learns_its_scale_from_errors_and_signs():
    network = single([[1.0, 1.0]], kind=ttfs.Binary(scale=2, scale_rate=0.5), threshold=2)
    # Both fire at 1 and label 0 should lead: error 0.3 for output 1, alone, normalised to 1.
    teach(network, S4NN(gamma=3), (np.array([[0.0]]), np.array([0])), lr=0.1)
    assert network.latents[0] == pytest.approx(np.array([[1.0, 0.9]]))
    assert network.scales[0] == 2 - 0.1 * 0.5 * (1 / 2)
    assert thresholds(network)[0] == pytest.approx(2 / network.scales[0])


def test_hidden_errors_pass_through_output_weights_that_have_changed():
    hidden = ttfs.Dense.of([[1.0, 1.0]], threshold=1)
    output = ttfs.Dense.of([[1.0, 0.4], [0.0, 0.4]], threshold=1)
    network = ttfs.Network(hidden, output, t_max=10, dtype=np.float64)
    # Both hidden neurons fire at 2; output 0 fires at 2, output 1, which is right, is silent.
    teach(network, S4NN(gamma=3), (np.array([[2.0]]), np.array([1])), lr=0.1)
    up, down = 0.8 / np.hypot(0.8, 0.3), 0.3 / np.hypot(0.8, 0.3)
    weights = np.array([[1 - 0.1 * down, 0.4 + 0.1 * up], [-0.1 * down, 0.4 + 0.1 * up]])
    assert network.weights[1] == pytest.approx(weights)
    back = weights @ [down, -up]
    assert network.weights[0][0] == pytest.approx(1 - 0.1 * back / np.linalg.norm(back))


@given(data=st.data())
def test_after_an_update_the_label_has_more_potential_and_early_wrong_outputs_less(data):
    network = data.draw(networks(np.float64, kinds=[ttfs.Real()]))
    network = ttfs.Network(network.layers[-1], t_max=network.t_max, dtype=np.float64)
    times, labels = data.draw(samples(network))
    times, label, rule = times[:1], labels[0], data.draw(RULES)
    before = network.weights[0].copy()
    spikes = np.minimum(ttfs.forward(network, times).times[-1][0], network.t_max)
    teach(network, rule, (times, labels[:1]))
    arrivals = np.where(times[0] < network.t_max, times[0] + network.layers[0].delay, INF)
    for j, spike in enumerate(spikes):
        caused = arrivals <= spike
        gained = (network.weights[0] - before)[caused, j].sum()
        first = spikes.min() < network.t_max
        if j == label and (spike > spikes.min() or (not first and rule.learn_silent)):
            assert gained > 0 or not caused.any()
        elif j != label and first and spike < min(spikes.min() + rule.gamma, network.t_max):
            assert gained < 0
        else:
            assert gained == 0


@given(seed=SEEDS, learn_silent=st.booleans())
def test_errors_are_minus_the_derivative_of_the_loss_by_the_times(seed, learn_silent):
    rng = np.random.default_rng(seed)
    spikes, label, t_max = any_times(rng, "ties", 4, 10.0), int(rng.integers(4)), 10.0
    rule = S4NN(gamma=2, learn_silent=learn_silent)
    loss, errors = relative_errors(spikes, label, rule, t_max)
    times = np.minimum(spikes, t_max)
    targets = times + t_max * np.array(errors)

    def loss_at(shifted):
        return 0.5 * (((targets - shifted) / t_max) ** 2).sum()

    assert loss == pytest.approx(loss_at(times), abs=1e-15)
    steps = 1e-4 * np.eye(4)
    slopes = [(loss_at(times + step) - loss_at(times - step)) / 2e-4 for step in steps]
    assert slopes == pytest.approx(-np.array(errors) / t_max, abs=1e-9)


@given(seed=SEEDS)
def test_the_gradient_is_the_chain_rule_with_times_that_fall_as_potentials_rise(seed):
    rng = np.random.default_rng(seed)
    arrivals, weights = rng.choice([0.0, 1.0, 4.0, INF], 5), rng.standard_normal((5, 3))
    spikes, slopes = rng.choice([0.5, 1.0, 4.0, INF], 3), rng.standard_normal(3)
    out = np.empty((5, 3))
    until = np.minimum(spikes, 10)[None]
    kernels.gradient(arrivals[None], np.float64(0), 10.0, until, -slopes[None], out, 0, 5)

    def potential(j, shift):
        return sum(weights[i, j] + shift[i] for i in range(5) if arrivals[i] <= min(spikes[j], 9))

    for i, j in np.ndindex(5, 3):
        rise = (potential(j, 1e-3 * np.eye(5)[i]) - potential(j, np.zeros(5))) / 1e-3
        assert out[i, j] == pytest.approx(slopes[j] * -1 * rise, abs=1e-9)


@given(data=st.data())
def test_a_sample_won_by_gamma_teaches_nothing(data):
    network = data.draw(networks())
    times, _ = data.draw(samples(network))
    rule, other = S4NN(gamma=data.draw(st.sampled_from([0.1, 1.0]))), again(network)
    with np.errstate(all="ignore"):
        spikes = ttfs.forward(network, times).times[-1]
    label = spikes.argmin(axis=1)
    lead = np.sort(spikes, axis=1)[:, 1:2] if spikes.shape[1] > 1 else np.full((len(times), 1), INF)
    with np.errstate(invalid="ignore"):  # inf - inf: silence does not win
        won = (np.minimum(lead, network.t_max) - spikes.min(axis=1, keepdims=True))[:, 0]
    kept = (won >= rule.gamma) & np.isfinite(spikes.min(axis=1))
    data = times[kept], label[kept]
    assert teach(network, rule, data) == (0, len(data[1]))
    assert same_state(network, other)


# Batches


def problem(dtype=np.float32, kinds=None, count=40, seed=0):
    """A network of 12-8-3 neurons and (times, labels) of three classes that it can learn."""
    kinds = kinds or (ttfs.Binary(scale=5), ttfs.Real(init=(0, 50)))
    layers = ttfs.Dense(12, 8, kinds[0], delay=1), ttfs.Dense(8, 3, kinds[1], delay=1)
    network = ttfs.Network(*layers, t_max=32, dtype=dtype, seed=seed)
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    bright = np.arange(12) // 4 == labels[:, None]
    times = np.where(bright, rng.integers(0, 8, (count, 12)), rng.integers(6, 40, (count, 12)))
    return network, (np.where(times < 32, times, INF).astype(np.float32), labels)


@compiled
@pytest.mark.parametrize(
    ("optimizer", "lr"), [(ttfs.SGD(), 10), (ttfs.Momentum(momentum=0.5), 10), (ttfs.Adam(), 1)]
)
@pytest.mark.parametrize("kind", [ttfs.Real(init=(0, 60)), ttfs.Binary(init=(-3, 6), scale=45)])
def test_batches_teach_every_optimizer_the_problem(kind, optimizer, lr):
    network, data = problem(kinds=(kind, kind))
    order = np.tile(np.arange(40), 40)
    teach(network, S4NN(gamma=4), data, order, lr=lr, batch_size=8, optimizer=optimizer)
    assert ttfs.evaluate(network, *data).accuracy == 1


@pytest.mark.parametrize("batch_size", [1, 7, 40])
def test_the_number_of_threads_changes_nothing(batch_size):
    def taught():
        network, data = problem()
        options = {"batch_size": batch_size, "optimizer": ttfs.Adam()}
        return network, teach(network, S4NN(gamma=4), data, **options)

    (first, result), *others = for_all_threads(taught)
    for network, other in others:
        assert same_state(first, network)
        assert other == result


def test_the_last_batch_may_be_smaller():
    network, data = problem(count=10)
    other, _ = problem(count=10)
    teach(network, S4NN(), data, batch_size=4)
    for part in (slice(0, 4), slice(4, 8), slice(8, 10)):
        teach(other, S4NN(), (data[0][part], data[1][part]), batch_size=4)
    assert same_state(network, other)


# Dead neurons, decay, and numbers that must stay finite


def with_dead_neurons(kind=None):
    """A network of which hidden neurons 2 and 5 never fire."""
    network, data = problem(kinds=(kind or ttfs.Real(init=(20, 60)), ttfs.Real(init=(0, 50))))
    network.latents[0][:, [2, 5]] = -3
    network.refresh(0)
    silent = np.isinf(ttfs.forward(network, data[0]).times[1]).mean(axis=0)
    assert (silent == 1).nonzero()[0].tolist() == [2, 5]
    return network, data, [silent]


@pytest.mark.parametrize("kind", [ttfs.Real(init=(20, 60)), ttfs.Binary(init=(0.5, 1), scale=30)])
def test_dead_neurons_alone_get_fresh_weights_that_the_seed_decides(kind):
    fresh = []
    for seed in ([1, 2], [1, 2], [1, 3]):
        network, data, silent = with_dead_neurons(kind)
        before = [latents.copy() for latents in network.latents]
        assert S4NN(revive=0.01).end_epoch(network, silent, seed) == 2
        changed = (network.latents[0] != before[0]).any(axis=0).nonzero()[0]
        assert changed.tolist() == [2, 5]
        assert same_bits(network.latents[1], before[1])
        assert (network.latents[0][:, [2, 5]] >= kind.init[0]).all()
        assert np.isfinite(ttfs.forward(network, data[0]).times[1][:, [2, 5]]).any(axis=0).all()
        fresh.append(network)
    assert same_state(fresh[0], fresh[1])
    assert not same_state(fresh[0], fresh[2])


def test_dead_neurons_stay_dead_if_told_so():
    network, _, silent = with_dead_neurons()
    other = with_dead_neurons()[0]
    assert S4NN(revive=0).end_epoch(network, silent, [0]) == 0
    assert same_state(network, other)


def test_a_neuron_that_fires_often_enough_is_not_revived():
    network, _, _ = with_dead_neurons()
    shares = [np.array([0.9, 0.99, 0.999, 1.0, 0.0, 0.5, 0.98, 0.0])]
    before = network.latents[0].copy()
    assert S4NN(revive=0.015).end_epoch(network, shares, [5]) == 3
    changed = (network.latents[0] != before).any(axis=0).nonzero()[0]
    assert changed.tolist() == [1, 2, 3]


@pytest.mark.parametrize("batch_size", [1, 4])
def test_weights_decay_by_a_share_of_the_rate_for_each_update(batch_size):
    network = single([[1.5, 0.0], [0.0, -1.0]])
    data = np.tile([0.0, INF], (8, 1)), np.zeros(8, int)  # all won: nothing else is learned
    teach(network, S4NN(weight_decay=0.01), data, lr=0.5, batch_size=batch_size)
    factor = (1 - 0.5 * 0.01) ** (8 // batch_size)
    assert network.weights[0] == pytest.approx(np.array([[1.5, 0.0], [0.0, -1.0]]) * factor)


def test_decay_shrinks_latent_weights_and_keeps_their_signs():
    network = single([[1.5, -0.5]], kind=ttfs.Binary(scale=1))
    data = np.array([[0.0]]), np.array([0])
    teach(network, S4NN(weight_decay=0.1), data, lr=0.1)
    assert network.latents[0] == pytest.approx(0.99 * np.array([[1.5, -0.5]]))
    assert network.weights[0].tolist() == [[1, -1]]


@pytest.mark.parametrize("weight_decay", [9.0, 1e300])
def test_too_much_decay_leaves_nothing_but_turns_nothing_round(weight_decay):
    network, data = problem()
    teach(network, S4NN(weight_decay=weight_decay), data, np.tile(np.arange(40), 30), lr=0.5)
    assert finite(network)
    assert not network.weights[1].any()


EXTREMES = {
    "silence": (np.full((6, 12), INF), [0, 1, 2, 0, 1, 2]),
    "all at once": (np.zeros((6, 12)), [0, 1, 2, 0, 1, 2]),
    "beyond the horizon": (np.full((3, 12), 32.0), [0, 1, 2]),
    "just before the horizon": (np.full((3, 12), np.nextafter(32.0, 0)), [0, 1, 2]),
    "one sample": (np.arange(12.0)[None], [2]),
    "one class": (np.tile(np.arange(12.0), (5, 1)), [1] * 5),
    "a class is missing": (np.tile(np.arange(12.0), (4, 1)), [0, 2, 0, 2]),
    "contradictions": (np.tile(np.arange(12.0), (3, 1)), [0, 1, 2]),
    "hardly any time": (np.full((3, 12), 5e-324), [0, 1, 2]),
}
BEGINNINGS = {
    "binary": (ttfs.Binary(), ttfs.Binary()),
    "small scale": (ttfs.Binary(scale=2e-3, scale_rate=50), ttfs.Binary(scale=1e-6)),
    "real": (ttfs.Real(), ttfs.Real()),
    "dead": (ttfs.Real(init=(-5, 0)), ttfs.Real(init=(-5, 0))),
    "huge": (ttfs.Real(init=(-1e30, 1e30)), ttfs.Real(init=(-1e30, 1e30))),
    "zero": (ttfs.Real(init=(0, 0)), ttfs.Real(init=(0, 0))),
}


@pytest.mark.parametrize("beginning", BEGINNINGS)
@pytest.mark.parametrize("extreme", EXTREMES)
def test_extreme_data_never_make_a_weight_infinite(extreme, beginning):
    times, labels = EXTREMES[extreme]
    data = times, np.array(labels)
    rule = S4NN(gamma=4, weight_decay=0.01)
    for batch_size, optimizer in [(1, ttfs.SGD()), (2, ttfs.SGD()), (4, ttfs.Adam())]:
        network, _ = problem(kinds=BEGINNINGS[beginning])
        for epoch in range(3):
            result = teach(network, rule, data, lr=2.0, batch_size=batch_size, optimizer=optimizer)
            assert np.isfinite(result).all()
            with np.errstate(all="ignore"):
                hidden = ttfs.forward(network, times).times[1]
            rule.end_epoch(network, [np.isinf(hidden).mean(axis=0)], [epoch])
        assert finite(network)


def test_a_fixed_scale_stays_whatever_it_is():
    kinds = ttfs.Binary(scale=1e-6, scale_rate=0), ttfs.Binary(scale=5, scale_rate=0.1)
    network, data = problem(kinds=kinds)
    teach(network, S4NN(), data, batch_size=4)
    assert network.scales[0] == 1e-6


# Mistakes


@pytest.mark.parametrize("gamma", [10, 10.5, 300])
def test_gamma_must_leave_room_before_the_horizon(gamma):
    network = single(np.ones((2, 2)), t_max=10)
    with pytest.raises(InputError, match=f"must be below the network's t_max 10, got {gamma}"):
        ttfs.Trainer(network, S4NN(gamma=gamma))


def test_delays_of_their_own_are_refused():
    layer = ttfs.Dense(3, 2, delay=ttfs.Delays(per="input", init=(0.0, 1.0)))
    with pytest.raises(InputError, match="rule S4NN needs one delay for each layer"):
        ttfs.Trainer(ttfs.Network(layer, t_max=10), S4NN())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"gamma": 0}, r"S4NN\(gamma=...\) must be above 0, got 0"),
        ({"gamma": np.nan}, r"S4NN\(gamma=...\) must be above 0, got nan"),
        ({"gamma": "much"}, r"S4NN\(gamma=...\) must be a number, got 'much'"),
        ({"weight_decay": -1}, r"S4NN\(weight_decay=...\) must be 0 or more, got -1"),
        ({"revive": 1}, r"S4NN\(revive=...\) must be below 1, got 1"),
        ({"revive": -0.1}, r"S4NN\(revive=...\) must be 0 or more, got -0.1"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        S4NN(**settings)
