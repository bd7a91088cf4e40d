"""Samples that end early: all before the end is as in the whole run, and nothing is after it."""

import copy

import numpy as np
import pytest
from cases import (
    TIMES,
    any_networks,
    any_stimuli,
    binary_networks,
    delayed_networks,
    dyadic_networks,
    run,
    same_bits,
    same_record,
)
from hypothesis import given
from hypothesis import strategies as st
from reference import forward_float

import ttfs
from ttfs.engines import batch as propagation
from ttfs.errors import InputError
from ttfs.kernels import batch as kernels

pytestmark = pytest.mark.small
INF = np.inf


def until(network, times, end):
    """`ttfs.forward` with an end; sums may overflow."""
    with np.errstate(all="ignore"):
        return ttfs.forward(network, times, until=end)


def decisions_of(record):
    """The answers: labels, times, ties and silence."""
    return ttfs.decide(record.times[-1], record.potential)


def with_horizon(network, end):
    """A network that ends earlier."""
    other = copy.copy(network)
    vars(other)["t_max"] = min(end, network.t_max)
    vars(other)["arrays"] = other.arrays._replace(t_max=other.t_max)
    return other


def slow_decision(network, times):
    """Sample after sample by plain loops, with a horizon just after its first output spike."""
    whole, layers, potentials = forward_float(network, times), [], []
    for s in range(len(times)):
        first = whole.times[-1][s].min()
        end = network.t_max if first == INF else float(np.nextafter(first, first.dtype.type(INF)))
        part = forward_float(with_horizon(network, end), times[s : s + 1])
        layers.append(part.times[1:])
        potentials.append(part.potential)
    if not layers:
        return whole
    rows = [np.concatenate(rows) for rows in zip(*layers, strict=True)]
    return ttfs.Record((times, *rows), np.concatenate(potentials), None)


# Decisions


@pytest.mark.parametrize("time_dtype", TIMES)
@given(data=st.data())
def test_an_early_decision_is_that_of_the_plain_loops(time_dtype, data):
    network = data.draw(st.one_of(any_networks(), dyadic_networks(), binary_networks()))
    times = data.draw(any_stimuli(network, time_dtype))
    early = until(network, times, "decision")
    assert same_record(early, slow_decision(network, times))


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_the_size_of_slices_does_not_matter(size):
    rng = np.random.default_rng(size)
    layers = [
        ttfs.Dense.of(rng.normal(0.2, 1, shape), threshold=2, delay=delay)
        for shape, delay in [((90, 70), 1), ((70, 20), 0), ((20, 5), 0.5)]
    ]
    network = ttfs.Network(*layers, t_max=40)
    times = rng.integers(0, 40, (30, 90)).astype(np.float64)
    expected = until(network, times, "decision")
    assert np.isfinite(expected.times[-1]).any()
    # inputs without weight change nothing but where slices are cut
    wider = np.concatenate([rng.integers(0, 40, (30, size)), times], axis=1)
    padded = np.concatenate([np.zeros((size, 70)), network.weights[0]])
    other = ttfs.Network(ttfs.Dense.of(padded, threshold=2, delay=1), *layers[1:], t_max=40)
    assert same_record(until(other, wider, "decision"), expected)


def test_outputs_tied_at_the_decision_keep_their_potentials():
    weights = np.array([[1.0, 1.0, 0.0], [1.0, 2.0, 1.0], [0.0, 0.0, 5.0]])
    network = ttfs.Network(ttfs.Dense.of(weights, threshold=2), t_max=10)
    record = ttfs.forward(network, [[1.0, 2.0, 3.0]], until="decision")
    assert record.times[1].tolist() == [[2, 2, INF]]
    assert record.potential.tolist() == [[2, 3, 1]]
    assert decisions_of(record).label[0] == 1
    assert decisions_of(record).tied[0]


def test_a_sample_without_output_spike_runs_to_the_horizon():
    network = ttfs.Network(ttfs.Dense.of(np.eye(3) / 2, threshold=2), t_max=10)
    times = np.array([[1.0, 2.0, 3.0]])
    early = ttfs.forward(network, times, until="decision")
    assert same_record(early, ttfs.forward(network, times))
    assert early.additions.tolist() == [[9]]


def test_hidden_spikes_of_the_deciding_instant_are_kept_and_later_ones_are_not():
    first = ttfs.Dense.of(np.eye(4), threshold=1)
    second = ttfs.Dense.of(np.ones((4, 1)), threshold=1, delay=2)
    network = ttfs.Network(first, second, t_max=20)
    record = ttfs.forward(network, [[1.0, 2.0, 3.0, 4.0]], until="decision")
    assert record.times[2].tolist() == [[3]]
    assert record.times[1].tolist() == [[1, 2, 3, INF]]


def test_work_is_saved_and_counted():
    rng = np.random.default_rng(0)
    network = ttfs.Network(
        ttfs.Dense.of(np.ones((400, 30)), threshold=20),
        ttfs.Dense.of(np.ones((30, 2)), threshold=1),
        t_max=500,
    )
    times = rng.permutation(400)[None].astype(float)
    whole, early = ttfs.forward(network, times), ttfs.forward(network, times, until="decision")
    assert whole.events.tolist() == [400]
    assert whole.additions.tolist() == [[400 * 30, 30 * 2]]
    assert 20 <= early.events[0] <= 20 + kernels.SLICE
    assert early.additions[0, 0] == 30 * early.events[0]


@given(data=st.data())
def test_additions_are_those_that_reports_count(data):
    network = data.draw(delayed_networks())
    times = data.draw(any_stimuli(network, most_samples=2))
    record = run(network, times)
    if len(times):
        labels = np.zeros(len(times), int)
        with np.errstate(all="ignore"):
            report = ttfs.evaluate(network, times, labels)
        assert record.additions.sum() == round(report.operations_per_sample * len(times))


# Input at the end and after it


@pytest.mark.parametrize("dtype", TIMES)
@pytest.mark.parametrize("t_max", [0.1, 10.1, 1 / 3, 1 - 2.0**-30, 1 + 2.0**-30, 1e300, 256])
@np.errstate(over="ignore")  # of which NumPy warns where nothing is compiled
def test_the_horizon_is_not_rounded_to_the_precision_of_times(dtype, t_max):
    network = ttfs.Network(ttfs.Dense.of([[1.0]], threshold=1), t_max=t_max)
    with np.errstate(over="ignore"):
        near = dtype(t_max)
        close = [np.nextafter(near, dtype(0)), near, np.nextafter(near, dtype(INF))]
    record = run(network, np.array(close)[:, None])
    happens = [float(time) < t_max for time in close]
    for layer in record.times:
        assert np.isfinite(layer[:, 0]).tolist() == happens
    assert record.additions[:, 0].tolist() == happens
    assert ttfs.evaluate(network, np.array(close)[:, None], [0, 0, 0]).lost == pytest.approx(
        sum(not h for h, t in zip(happens, close, strict=True) if t < INF)
        / max(1, sum(t < INF for t in close))
    )


def test_times_that_all_happen_are_not_copied():
    network = ttfs.Network(ttfs.Dense.of([[1.0], [1.0]], threshold=1), t_max=10)
    times = np.array([[1.0, INF], [9.0, 0.0]])
    assert ttfs.forward(network, times).times[0] is times


@pytest.mark.parametrize("most", [1, 3, 7, 2**16])
def test_the_size_of_what_is_compared_at_once_does_not_matter(most, monkeypatch):
    monkeypatch.setattr(propagation, "AT_ONCE", most)
    rng = np.random.default_rng(0)
    network = ttfs.Network(ttfs.Dense.of(np.ones((3, 2)), threshold=2), t_max=10)
    times = rng.choice([1.0, 9.0, 10.0, 11.0, INF], (20, 3))
    assert same_bits(ttfs.forward(network, times).times[0], np.where(times < 10, times, INF))
    share = ((times >= 10) & (times < INF)).sum() / (times < INF).sum()
    assert propagation.lost_share(network, times) == share
    early = ttfs.forward(network, times, until="decision")
    first = decisions_of(early).time[:, None]
    assert same_bits(early.times[0], np.where((times <= first) & (times < 10), times, INF))


def test_a_record_with_input_that_is_too_late_can_be_drawn():
    network = ttfs.Network(ttfs.Dense.of([[1.0], [1.0]], threshold=1), t_max=10)
    record = ttfs.forward(network, [[1.0, 200.0]])
    drawn = ttfs.plotting.raster([layer[0] for layer in record.times], t_max=10)
    assert [len(layer.get_segments()) for layer in drawn] == [1, 1]


def test_an_infinite_end_is_the_horizon():
    network = ttfs.Network(ttfs.Dense.of([[1.0]], threshold=1), t_max=10)
    assert ttfs.forward(network, [[9.0]], until=INF).times[1][0, 0] == 9


WRONG = ["decisions", -1.0, -INF, np.nan, [1, 2], np.array([1.0, 2.0])]


@pytest.mark.parametrize("end", WRONG)
def test_impossible_ends_are_refused(end):
    network = ttfs.Network(ttfs.Dense.of([[1.0]], threshold=1), t_max=10)
    with pytest.raises(InputError, match="until"):
        ttfs.forward(network, [[9.0]], until=end)
