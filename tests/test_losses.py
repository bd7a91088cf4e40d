import dataclasses

import numpy as np
import pytest
import reference_training as slow
from cases import GRIDS, SEEDS, any_times, compiled, same_bits
from hypothesis import given
from hypothesis import strategies as st

from ttfs.errors import InputError, ShapeError
from ttfs.kernels import s4nn
from ttfs.losses import (
    Absolute,
    Answers,
    CrossEntropy,
    Distilled,
    Relative,
    ShiftInvariant,
)

pytestmark = pytest.mark.small
INF = np.inf
HORIZONS = st.sampled_from([8.0, 10.1, 256.0])
KINDS = [
    CrossEntropy(),
    CrossEntropy(tau=2, smoothing=0.1, early=0.3),
    Relative(gamma=3),
    Relative(gamma=0.5, early=0.01),
    Absolute(),
    Absolute(early=0.01),
    ShiftInvariant(delta=2),
    ShiftInvariant(delta=0.2, early=1),
]
kinds = pytest.mark.parametrize("loss", KINDS, ids=str)


@st.composite
def batches(draw, dtype=None):
    """(times, labels, t_max) of up to four samples, many of whose times are equal or silence."""
    rng, t_max = np.random.default_rng(draw(SEEDS)), draw(HORIZONS)
    outputs, rows = draw(st.integers(1, 6)), []
    for _ in range(draw(st.integers(0, 4))):
        if draw(st.booleans()):
            rows.append(rng.choice(GRIDS[draw(st.sampled_from(list(GRIDS)))], outputs))
        else:
            kind = draw(st.sampled_from(["uniform", "ties", "late"]))
            rows.append(any_times(rng, kind, outputs, t_max))
    dtype = dtype or draw(st.sampled_from([np.float32, np.float64]))
    times = np.array(rows, dtype).reshape(len(rows), outputs)
    return times, rng.integers(0, outputs, len(rows)), t_max


def frozen(loss, times, labels, t_max):
    """The loss as a function of times, with the targets that `times` have, if it has any."""
    targets = loss.targets(times, labels, t_max) if hasattr(loss, "targets") else None

    def value(times):
        early = loss.early * sum(min(float(t), t_max) for t in times[range(len(labels)), labels])
        if targets is not None:
            return slow.toward(times, targets, t_max) + early
        if isinstance(loss, CrossEntropy):
            return slow.cross_entropy(times, labels, t_max, loss.tau, loss.smoothing) + early
        return slow.shift_invariant(times, labels, t_max, loss.delta) + early

    return value


# What they are


@given(batch=batches(), tau=st.sampled_from([0.1, 1, 100]), smoothing=st.sampled_from([0, 0.1]))
def test_cross_entropy_is_that_of_a_softmax(batch, tau, smoothing):
    loss, errors = CrossEntropy(tau, smoothing).errors(*batch)
    assert np.isclose(loss, slow.cross_entropy(*batch, tau, smoothing), rtol=1e-12, atol=0)
    wanted = slow.cross_entropy_slopes(*batch, tau, smoothing)
    assert errors.dtype == np.float64
    np.testing.assert_allclose(errors, wanted, rtol=1e-12, atol=1e-12 / tau)


@given(batch=batches(), delta=st.sampled_from([0.2, 1, 7]))
def test_the_shift_invariant_loss_is_what_it_says(batch, delta):
    loss, errors = ShiftInvariant(delta).errors(*batch)
    assert loss == slow.shift_invariant(*batch, delta)
    assert same_bits(errors, slow.shift_invariant_slopes(*batch, delta) + 0.0)


@given(batch=batches(), gamma=st.sampled_from([0.1, 1, 3, 7.9]))
def test_relative_targets_are_those_of_s4nn(batch, gamma):
    times, labels, t_max = batch
    loss = Relative(gamma)
    targets = loss.targets(*batch)
    assert same_bits(targets, slow.relative_targets(*batch, gamma))
    total, errors = loss.errors(*batch)
    assert total == slow.toward(times, targets, t_max)
    assert np.array_equal(errors, slow.toward_slopes(times, targets, t_max))
    settings = s4nn.Targets(gamma, True, False)
    for row, label, error in zip(times, labels, errors, strict=True):
        filled = np.empty(row.size)
        s4nn.relative_errors(row, label, settings, t_max, filled)
        assert np.array_equal(-filled / t_max, error)


@given(batch=batches())
def test_absolute_targets_let_the_label_fire_alone(batch):
    targets = Absolute().targets(*batch)
    assert same_bits(targets, slow.absolute_targets(*batch))
    total, errors = Absolute().errors(*batch)
    assert total == slow.toward(batch[0], targets, batch[2])
    assert np.array_equal(errors, slow.toward_slopes(batch[0], targets, batch[2]))


@kinds
@given(batch=batches(), early=st.sampled_from([0.01, 3.0]))
def test_earliness_has_a_price_that_is_the_label_s_time(loss, batch, early):
    times, labels, t_max = batch
    free, errors = dataclasses.replace(loss, early=0.0).errors(*batch)
    priced, changed = dataclasses.replace(loss, early=early).errors(*batch)
    samples = range(len(labels))
    paid = early * np.minimum(times[samples, labels].astype(float), t_max).sum()
    assert np.isclose(priced, free + paid, rtol=1e-12)
    errors[samples, labels] += early
    assert np.array_equal(changed, errors)


# Derivatives


@kinds
@given(seed=SEEDS, labels=st.lists(st.integers(0, 3), min_size=3, max_size=3))
def test_derivatives_are_those_of_the_loss(loss, seed, labels):
    times = np.random.default_rng(seed).uniform(1, 7, (3, 4))
    if isinstance(loss, CrossEntropy):
        loss = dataclasses.replace(loss, tau=max(loss.tau, 1.0))  # else some all but vanish
    value = frozen(loss, times, labels, 8.0)
    total, errors = loss.errors(times, labels, 8.0)
    assert np.isclose(total, value(times), rtol=1e-12)
    slopes, step = np.empty_like(times), 1e-4
    for place in np.ndindex(times.shape):
        up, down = times.copy(), times.copy()
        up[place] += step
        down[place] -= step
        slopes[place] = (value(up) - value(down)) / (up[place] - down[place])
    assert np.abs(errors - slopes).max() < 1e-6 * max(np.abs(slopes).max(), 1e-3)


@pytest.mark.parametrize("loss", [CrossEntropy(tau=0.7), ShiftInvariant(delta=2)], ids=str)
@given(batch=batches())
def test_losses_of_differences_do_not_push_all_outputs_together(loss, batch):
    errors = loss.errors(*batch)[1]
    assert np.abs(errors.sum(axis=1)).max(initial=0) < 1e-10


# Learning with them


@compiled
@kinds
def test_descent_on_the_times_lowers_the_loss_and_makes_the_label_first(loss):
    rng, t_max = np.random.default_rng(1), 10.0
    times = rng.uniform(1, 9, (20, 4))
    times[rng.random(times.shape) < 0.2] = INF
    times[0] = INF
    labels = rng.integers(0, 4, 20)
    before, _ = loss.errors(times, labels, t_max)
    rate = {CrossEntropy: 0.02, ShiftInvariant: 0.05}.get(type(loss), 2.0)
    for _ in range(3000):
        errors = loss.errors(times, labels, t_max)[1]
        times = np.clip(np.minimum(times, t_max) - rate * errors, 0, t_max)
    after, _ = loss.errors(times, labels, t_max)
    assert after < before / 2
    others = times.copy()
    others[range(20), labels] = INF
    assert (times[range(20), labels] < others.min(axis=1)).all()


def test_smoothing_ends_the_push_on_what_is_won():
    lead = np.array([[1.0, 5.0]])
    assert CrossEntropy(tau=1).errors(lead, [0], 10)[1][0, 0] > 0
    assert CrossEntropy(tau=1, smoothing=0.2).errors(lead, [0], 10)[1][0, 0] < 0


def test_a_relative_target_that_is_met_teaches_nothing():
    loss, errors = Relative(3).errors([[2.0, 5.0, INF]], [0], 10)
    assert loss == 0
    assert not errors.any()


# What must not happen


EXTREME = [1e-30, 1e-9, 1.0, 1e30]


@pytest.mark.parametrize("size", EXTREME)
@pytest.mark.parametrize("t_max", EXTREME)
def test_nothing_is_ever_infinite_or_nan(size, t_max):
    rows = [[0, 0, 0], [INF] * 3, [0, INF, t_max], [t_max] * 3, [0, 1e-300, 1e300], [5, 5, INF]]
    losses = [CrossEntropy(size, early=size), CrossEntropy(size, 0.5), Absolute(early=size)]
    losses += [ShiftInvariant(size), Relative(size)] if size < t_max else [ShiftInvariant(size)]
    for loss in losses:
        for label in range(3):
            for times in (np.array(rows), np.array(rows)[:, :1]):
                total, errors = loss.errors(times, [min(label, times.shape[1] - 1)] * 6, t_max)
                assert np.isfinite(total)
                assert np.isfinite(errors).all()
                assert np.isfinite(errors.astype(np.float32)).all()


@kinds
def test_the_times_are_not_changed_and_no_samples_cost_nothing(loss):
    times = np.array([[1.0, INF, 20.0]])
    times.flags.writeable = False
    loss.errors(times, [1], 8)
    total, errors = loss.errors(np.empty((0, 3)), [], 8)
    assert total == 0
    assert errors.shape == (0, 3)


@kinds
@pytest.mark.parametrize(
    ("times", "labels", "t_max", "error", "message"),
    [
        ([1.0, 2.0], [0], 8, ShapeError, r"output times must be \(samples, outputs\), got \(2,\)"),
        (np.empty((1, 0)), [0], 8, ShapeError, "output times must be"),
        ([[np.nan, 2.0]], [0], 8, InputError, "output times must be 0 or later"),
        ([[1.0, 2.0]], [2], 8, InputError, r"labels must be in 0..1"),
        ([[1.0, 2.0]], [0, 0], 8, ShapeError, "labels must be"),
        ([[1.0, 2.0]], [0], 0, InputError, "t_max must be above 0"),
        ([[1.0, 2.0]], [0], 1e31, InputError, "t_max must be from 1e-30 to 1e"),
    ],
)
def test_what_cannot_be_meant_is_refused(loss, times, labels, t_max, error, message):
    with pytest.raises(error, match=message):
        loss.errors(times, labels, t_max)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CrossEntropy(tau=0), r"CrossEntropy\(tau=...\) must be above 0"),
        (lambda: CrossEntropy(tau=1e-31), r"CrossEntropy\(tau=...\) must be from 1e-30"),
        (lambda: CrossEntropy(smoothing=1), r"CrossEntropy\(smoothing=...\) must be below 1"),
        (lambda: CrossEntropy(early=-1), r"CrossEntropy\(early=...\) must be 0 or more"),
        (lambda: Relative(gamma=INF), r"Relative\(gamma=...\) must be above 0"),
        (lambda: Relative(3, early="x"), r"Relative\(early=...\) must be a number"),
        (lambda: Absolute(early=-1), r"Absolute\(early=...\)"),
        (lambda: ShiftInvariant(delta=0), r"ShiftInvariant\(delta=...\) must be above 0"),
        (lambda: ShiftInvariant(1, early=-1), r"ShiftInvariant\(early=...\)"),
        (
            lambda: Relative(8).targets([[1.0]], [0], 8),
            r"Relative\(gamma=...\) must be below t_max 8",
        ),
    ],
)
def test_impossible_settings_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize(
    ("answers", "wanted"),
    [
        (np.zeros((1, 2)), "Answers"),
        ("so", "Answers"),
        (Answers([[0.5, np.nan]]), "probabilities"),
        (Answers([[-0.5, 0.5]]), "probabilities"),
        (Answers([[1e308, 0.5]]), "probabilities"),
        (Answers(np.ma.masked_all((1, 2))), "masked"),
        (Answers([[1j, 0]]), "numbers"),
    ],
)
def test_answers_that_no_teacher_gives_are_refused(answers, wanted):
    with pytest.raises(InputError, match=wanted):
        Distilled().errors(np.zeros((1, 2)), [0], 4, answers)


def test_probabilities_may_be_a_list():
    given = [[0.25, 0.75]]
    found = [Distilled().errors([[1, 2]], [0], 4, Answers(x)) for x in (given, np.array(given))]
    assert found[0][0] == found[1][0]
