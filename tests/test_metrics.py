from collections import Counter
from dataclasses import asdict

import numpy as np
import pytest
import reference
from cases import (
    FLOATS,
    any_networks,
    any_stimuli,
    compiled,
    dyadic_networks,
    dyadic_times,
    for_all_threads,
    run,
)
from hypothesis import assume, given
from hypothesis import strategies as st

import ttfs
from ttfs.errors import InputError, ShapeError
from ttfs.measures import metrics

pytestmark = pytest.mark.small
INF = np.inf


def check(network, times, labels):
    """The evaluation equals the one counted in plain loops; returns it."""
    with np.errstate(over="ignore", invalid="ignore"):
        evaluation = ttfs.evaluate(network, times, labels)
    wanted = reference.evaluate(network, times, run(network, times), labels)
    found = asdict(evaluation)
    assert sorted(found) == sorted(wanted)
    assert evaluation.names == wanted.pop("names")
    assert evaluation.unit == wanted.pop("unit")
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-9, atol=1e-12, err_msg=name)
    return evaluation


def draw_labels(data, network, times):
    label = st.integers(0, network.sizes[-1] - 1)
    return data.draw(st.lists(label, min_size=len(times), max_size=len(times)))


@given(data=st.data())
def test_evaluations_equal_the_plain_loops(data):
    network = data.draw(dyadic_networks())
    times = data.draw(dyadic_times(network, most_samples=8))
    assume(len(times))
    check(network, times, draw_labels(data, network, times))


@given(data=st.data())
def test_evaluations_of_arbitrary_floats_equal_the_plain_loops(data):
    network = data.draw(any_networks())
    times = data.draw(any_stimuli(network, np.float32, most_samples=5))
    assume(len(times))
    check(network, times, draw_labels(data, network, times))


@pytest.mark.parametrize("chunk", [1, 3, 10, 11, 100])
def test_samples_are_counted_chunk_by_chunk(chunk, monkeypatch):
    rng = np.random.default_rng(chunk)
    layers = [ttfs.Dense(6, 5, threshold=3), ttfs.Dense(5, 3, threshold=3, delay=1)]
    network = ttfs.Network(*layers, t_max=9, seed=3)
    monkeypatch.setattr(metrics, "CHUNK", chunk)
    times = rng.choice([0.0, 1.0, 2.0, 3.5, 8.0, INF], (11, 6))
    check(network, times, rng.integers(0, 3, 11))


NUMBERS = [0.0, -0.0, 1.0, 2.0, 2.5, 5e-324, 1e-45, 1e-30, 255.0, 3e38, INF]


@pytest.mark.parametrize("dtype", FLOATS)
@given(seed=st.integers(0, 2**32 - 1), neurons=st.sampled_from([1, 2, 7, 8, 9, 300]))
def test_spikes_are_tallied_as_plain_counts(dtype, seed, neurons):
    rng = np.random.default_rng(seed)
    few = rng.choice(np.array(NUMBERS).astype(dtype), (4, neurons))
    many = np.where(rng.random((4, neurons)) < 0.3, INF, rng.random((4, neurons))).astype(dtype)
    whole = rng.integers(0, 9, (4, neurons)).astype(dtype)
    times = np.concatenate([few, many, whole, np.full((1, neurons), INF, dtype)])
    decided = rng.choice(times.ravel(), len(times))
    counts, sums = metrics.tally_of(times, decided)
    for row, limit, found, total in zip(
        times.tolist(), decided, counts.tolist(), sums, strict=True
    ):
        spikes = [time for time in row if time < INF]
        most = max(Counter(spikes).values(), default=0)
        assert found == [len(spikes), sum(time <= limit for time in spikes), most]
        assert total == pytest.approx(sum(spikes))


@compiled
@pytest.mark.parametrize("at_once", [1, 100, 1000])
def test_maps_are_counted_in_parts_that_take_little_memory(at_once, monkeypatch):
    layers = ttfs.Conv2d(4, 3, threshold=1), ttfs.MinPool2d(2), ttfs.Dense(None, 3, threshold=1)
    network = ttfs.Network(*layers, shape=(8, 8, 1), t_max=9, seed=2)
    times = np.random.default_rng(0).integers(0, 12, (30, 64)) * 1.0
    whole = ttfs.evaluate(network, times, np.arange(30) % 3)
    record = ttfs.forward(network, times)
    monkeypatch.setattr(metrics, "AT_ONCE", at_once)
    sizes = [part.stop - part.start for part in metrics.chunks(network, 30)]
    assert max(sizes) <= max(1, at_once / sum(network.sizes))
    found = ttfs.evaluate(network, times, np.arange(30) % 3)
    for name, value in asdict(whole).items():
        if not isinstance(value, str) and name not in ("names", "shapes"):
            np.testing.assert_allclose(asdict(found)[name], value, rtol=1e-12)
    decided = ttfs.decide(record.times[-1], record.potential).label
    np.testing.assert_array_equal(metrics.predict(network, times), decided)


def test_evaluations_of_maps_do_not_depend_on_the_number_of_threads():
    layers = ttfs.Conv2d(4, 3, threshold=1), ttfs.MinPool2d(2), ttfs.Dense(None, 3, threshold=1)
    network = ttfs.Network(*layers, shape=(8, 8, 1), t_max=9, seed=2, psp=ttfs.Ramp(2))
    times = np.random.default_rng(0).uniform(0, 12, (40, 64))
    found = for_all_threads(lambda: repr(ttfs.evaluate(network, times, np.arange(40) % 3)))
    assert len(set(found)) == 1


def identity(size=2, **settings):
    """Output j fires with input j."""
    return ttfs.Network(ttfs.Dense.of(np.eye(size), threshold=1, **settings), t_max=10)


def test_strict_lenient_and_spiking_accuracy_differ_as_they_should():
    #        right       wrong       tied, right second   silent, right by potential (index)
    times = [[1.0, 2.0], [1.0, 2.0], [3.0, 3.0], [INF, INF]]
    evaluation = check(identity(), times, [0, 1, 1, 0])
    assert evaluation.accuracy == 2 / 4
    assert evaluation.accuracy_lenient == 3 / 4
    assert evaluation.accuracy_spiking == 1 / 4
    assert (evaluation.ties, evaluation.undecided) == (1, 1)
    assert evaluation.decision_time_mean == (1 + 1 + 3) / 3


def test_without_any_spike_there_is_no_decision_time_and_no_latency():
    evaluation = check(identity(), [[INF, INF]], [0])
    assert evaluation.decision_time_mean == INF
    assert np.isnan(evaluation.latency).all()
    assert np.isnan(evaluation.same_time).all()
    assert evaluation.silent == (1, 1)
    assert evaluation.spikes_per_sample == evaluation.operations_per_sample == 0


def test_spikes_and_operations_are_counted_until_the_decision_too():
    evaluation = check(identity(3), [[1.0, 2.0, 12.0]], [0])
    assert evaluation.spikes_per_sample == 4
    assert evaluation.spikes_to_decision == 2
    assert evaluation.operations_per_sample == 2 * 3
    assert evaluation.operations_to_decision == 3


def test_a_spike_that_arrives_too_late_costs_no_operation():
    evaluation = check(identity(2, delay=2), [[1.0, 9.0]], [0])
    assert evaluation.spikes_per_sample == 3
    assert evaluation.operations_per_sample == 2
    assert evaluation.operations_to_decision == 2


def test_the_commonest_time_is_that_of_each_sample():
    evaluation = check(identity(4), [[1.0, 1.0, 1.0, 2.0], [5.0, 6.0, 7.0, INF]], [0, 0])
    assert evaluation.same_time == ((3 + 1) / 7, (3 + 1) / 7)


@pytest.mark.parametrize(
    ("times", "labels", "error", "words"),
    [
        (np.zeros((2, 3)), [0, 1], ShapeError, "2"),
        (np.zeros(2), [0], ShapeError, "2"),
        (np.zeros((2, 2)), [0], ShapeError, "labels"),
        (np.zeros((2, 2)), [[0], [1]], ShapeError, "labels"),
        (np.zeros((2, 2)), [0, 2], InputError, r"0\.\.1"),
        (np.zeros((2, 2)), [-1, 0], InputError, r"0\.\.1"),
        (np.zeros((2, 2)), [0.5, 0], InputError, "whole"),
        (np.zeros((0, 2)), [], InputError, "at least one"),
        ([[np.nan, 0.0]], [0], InputError, "nan"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(times, labels, error, words):
    with pytest.raises(error, match=words):
        ttfs.evaluate(identity(), times, labels)
