"""Scores and probabilities of classes agree with the decision, in whatever way it was made."""

import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")

import numpy as np
from cases import SEEDS
from hypothesis import given
from hypothesis import strategies as st

import ttfs
from ttfs.sklearn.samples import distinct
from ttfs.sklearn.scores import lateness, probabilities

INF, T_MAX, TAU = np.inf, 4.0, 0.1


def outputs(seed, classes, samples=50):
    """Output times, many of them equal or silent, and potentials, many of them equal."""
    rng = np.random.default_rng(seed)
    times = rng.choice([0.5, 1.0, 1.0 + 1e-6, 3.9, INF, INF], (samples, classes))
    return times, rng.choice([-5.0, -4.0, 0.25, 0.5, 1.0, 1e4], (samples, classes)).astype("f4")


@given(SEEDS, st.integers(1, 5))
def test_the_earliest_and_the_most_probable_is_the_decision(seed, classes):
    times, potential = outputs(seed, classes)
    decided = ttfs.decide(times, potential).label
    late, fired = lateness(times, potential, T_MAX)
    shares = probabilities(late, fired, TAU)
    np.testing.assert_array_equal(late.argmin(axis=1), decided)
    np.testing.assert_array_equal(shares.argmax(axis=1), decided)
    np.testing.assert_allclose(shares.sum(axis=1), 1)


@given(SEEDS)
def test_times_are_kept_and_silence_is_far_behind(seed):
    times, potential = outputs(seed, 3)
    late, fired = lateness(times, potential, T_MAX)
    np.testing.assert_allclose(late[fired], times[fired], atol=1e-8)
    assert (late[~fired] > 2 * T_MAX - 1e-8).all()
    assert (late[~fired] < 3 * T_MAX).all()
    assert (late[np.isinf(times)] > T_MAX + late[fired].max()).all()


@given(SEEDS)
def test_silence_has_no_probability_unless_all_are_silent(seed):
    times, potential = outputs(seed, 3)
    late, fired = lateness(times, potential, T_MAX)
    shares = probabilities(late, fired, TAU)
    heard = fired.any(axis=1)
    assert (shares[heard][~fired[heard]] == 0).all()
    assert (shares[~heard] > 0).any(axis=1).all()


@given(SEEDS)
def test_the_lead_of_two_classes_and_their_probability_have_one_order(seed):
    late, fired = lateness(*outputs(seed, 2), T_MAX)
    lead, share = late[:, 0] - late[:, 1], probabilities(late, fired, TAU)[:, 1]
    assert (np.diff(share[np.argsort(lead)]) >= -1e-12).all()


def test_the_highest_potential_of_silent_outputs_is_the_most_probable():
    times, potential = np.full((1, 3), INF), np.array([[0.9, -2.0, 0.2]])
    shares = probabilities(*lateness(times, potential, T_MAX), TAU)[0]
    assert shares.argsort().tolist() == [1, 2, 0]


@given(SEEDS, st.integers(1, 30))
def test_copies_and_order_leave_no_trace(seed, samples):
    rng = np.random.default_rng(seed)
    values = rng.choice([-0.0, 0.0, 0.5, 1e300], (samples, 3))
    labels, weights = rng.integers(0, 2, samples), rng.integers(1, 4, samples) * 1.0
    some, sums = distinct(values, labels, weights)
    rows = np.column_stack([values, labels]) + 0.0
    wanted = {}
    for row, weight in zip(map(tuple, rows), weights, strict=True):
        wanted[row] = wanted.get(row, 0.0) + weight
    assert dict(zip(map(tuple, rows[some]), sums, strict=True)) == wanted
    order = rng.permutation(samples)
    other, again = distinct(values[order], labels[order], weights[order])
    np.testing.assert_array_equal(rows[order][other], rows[some])
    np.testing.assert_array_equal(again, sums)
