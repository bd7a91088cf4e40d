"""What networks cost: counted by hand on a few neurons, and in plain loops on random ones."""

from dataclasses import asdict

import numpy as np
import pytest
import reference
import reference_maps
from cases import (
    TIMES,
    any_stimuli,
    delayed_networks,
    dyadic_networks,
    dyadic_times,
    for_all_threads,
    run,
)
from cases_maps import map_networks
from hypothesis import assume, given
from hypothesis import strategies as st

import ttfs
from ttfs.measures import metrics
from ttfs.measures.cost import cost_of

pytestmark = pytest.mark.small
INF = np.inf


def check(network, times):
    """The cost equals the one counted in plain loops; returns it."""
    with np.errstate(all="ignore"):
        cost = cost_of(network, times)
    record = run(network, times)
    decided = [choice.time for choice in reference.decide(record.times[-1], record.potential)]
    neurons, samples = sum(network.sizes[1:]), len(record)
    for found, limits in ((cost.whole, [INF] * samples), (cost.to_decision, decided)):
        spikes, operations, updates = reference.work(network, record, limits)
        assert found.activation_sparsity == pytest.approx(1 - spikes / (neurons * samples))
        assert found.synaptic_operations == pytest.approx(operations / samples)
        assert found.additions == found.synaptic_operations
        ramps = isinstance(network.psp, ttfs.Ramp)
        assert found.multiply_accumulates == (found.additions if ramps else 0)
        assert found.membrane_updates == pytest.approx(updates / samples)
        assert updates <= operations <= cost.dense_operations * samples
    return cost


@given(data=st.data())
def test_work_equals_the_plain_loops(data):
    network = data.draw(dyadic_networks())
    times = data.draw(dyadic_times(network, most_samples=6))
    assume(len(times))
    check(network, times)


@given(data=st.data())
def test_work_with_all_responses_and_delays_equals_the_plain_loops(data):
    network = data.draw(delayed_networks())
    dtype = data.draw(st.sampled_from(TIMES))
    times = data.draw(any_stimuli(network, dtype, most_samples=4))
    assume(len(times))
    check(network, times)


@pytest.mark.parametrize("chunk", [1, 3, 10, 11, 100])
def test_samples_are_counted_chunk_by_chunk(chunk, monkeypatch):
    rng = np.random.default_rng(chunk)
    layers = [ttfs.Dense(6, 5, threshold=3), ttfs.Dense(5, 3, threshold=3, delay=1)]
    network = ttfs.Network(*layers, t_max=9, seed=3)
    monkeypatch.setattr(metrics, "CHUNK", chunk)
    check(network, rng.choice([0.0, 1.0, 2.0, 3.5, 8.0, INF], (11, 6)))


def test_operations_are_those_that_evaluations_report():
    network = ttfs.Network(ttfs.Dense(6, 5, delay=1), ttfs.Dense(5, 3), t_max=20, seed=1)
    times = np.random.default_rng(0).uniform(0, 25, (7, 6))
    cost, found = check(network, times), ttfs.evaluate(network, times, np.zeros(7, int))
    assert cost.whole.synaptic_operations == pytest.approx(found.operations_per_sample)
    assert cost.to_decision.synaptic_operations == pytest.approx(found.operations_to_decision)


def work_of_maps(network, record, limits):
    """The same as `reference.work`, of layers whose neurons hear windows."""
    spikes, operations, updates = 0, 0, 0
    for s, limit in enumerate(limits):
        for k, layer in enumerate(network.layers):
            below = record.times[k][s]
            for j in range(layer.outputs):
                fired = float(record.times[k + 1][s, j])
                happened = fired < network.t_max and fired <= limit
                spikes += happened
                if layer.pools:
                    updates += happened
                    continue
                weights = network.weights[k][:, j % layer.columns]
                events = reference_maps.events_at(network, k, j, below, below.dtype.type)
                moments = [t for t, _, row in events if weights[row] and t <= limit]
                operations += len(moments)
                updates += len({t for t in moments if t <= fired})
    return spikes, operations, updates


@given(data=st.data())
def test_work_of_maps_equals_that_of_their_windows_one_by_one(data):
    network = data.draw(map_networks())
    dtype = data.draw(st.sampled_from(TIMES))
    times = data.draw(any_stimuli(network, dtype, most_samples=2))
    assume(len(times))
    with np.errstate(all="ignore"):
        cost, record = cost_of(network, times), run(network, times)
    decided = ttfs.decide(record.times[-1], record.potential).time
    for found, limits in ((cost.whole, [INF] * len(times)), (cost.to_decision, decided)):
        spikes, operations, updates = work_of_maps(network, record, limits)
        neurons = sum(network.sizes[1:]) * len(times)
        assert found.activation_sparsity == pytest.approx(1 - spikes / neurons)
        assert found.synaptic_operations == pytest.approx(operations / len(times))
        assert found.membrane_updates == pytest.approx(updates / len(times))
        assert operations <= cost.dense_operations * len(times)


def test_costs_of_maps_do_not_depend_on_the_number_of_threads():
    layers = ttfs.Conv2d(4, 3, threshold=1), ttfs.MinPool2d(2), ttfs.Dense(None, 3, threshold=1)
    network = ttfs.Network(*layers, shape=(8, 8, 1), t_max=9, seed=2, psp=ttfs.Ramp(2))
    times = np.random.default_rng(0).uniform(0, 12, (40, 64))
    assert len(set(for_all_threads(lambda: cost_of(network, times)))) == 1


def small_maps(**settings):
    """4 x 4 pixels, two channels of 2 x 2 windows, pooled, and two outputs."""
    layers = [
        ttfs.Conv2d(2, 2, threshold=[1, 2], initial=np.ones((4, 2)), **settings),
        ttfs.MinPool2d(3),
        ttfs.Dense.of(np.ones((2, 2)), threshold=1),
    ]
    return ttfs.Network(*layers, shape=(4, 4, 1), t_max=10)


@pytest.mark.parametrize(
    ("settings", "parameters", "weights", "others"),
    [
        # thresholds of two channels and of the outputs, a delay for each layer
        ({}, 8 + 4 + 3 + 3, 12 * 32, 3 * 32 + 3 * 64),
        ({"weights": ttfs.Binary()}, 8 + 4 + 3 + 1 + 3, 8 + 4 * 32, 3 * 32 + 4 * 64),
        ({"delay": np.ones(16)}, 8 + 4 + 3 + 18, 12 * 32, 3 * 32 + 18 * 64),
    ],
)
def test_what_positions_share_is_counted_once(settings, parameters, weights, others):
    cost = cost_of(small_maps(**settings), np.zeros((1, 16)))
    assert cost.parameters == parameters
    assert (cost.weight_bits, cost.other_bits) == (weights, others)
    assert cost.state_bits == 18 * 33 + 2 * 1 + 2 * 33  # a neuron that pools has no potential
    assert cost.dense_operations == 9 * 4 * 2 + 2 * 2


def test_the_padding_has_no_synapses():
    network = ttfs.Network(ttfs.Conv2d(3, 3, padding=1), shape=(2, 2, 1))
    assert cost_of(network, np.zeros((1, 4))).dense_operations == 4 * 4 * 3


def test_maps_are_counted_as_by_hand():
    times = np.full((1, 4, 4, 1), INF)
    times[0, 0, 0], times[0, 1, 1], times[0, 3, 3] = 1.0, 2.0, 3.0
    cost = cost_of(small_maps(), times)
    # a corner is in 1 window, the pixel beside it in 4: 1 window of channel 1 hears both
    assert cost.whole.synaptic_operations == (1 + 4 + 1) * 2 + 2 * 2
    # channel 0: each of 5 windows fires at once; channel 1: one waits for the second spike
    maps = 5 + (2 + 3 + 1)
    assert cost.whole.membrane_updates == maps + 2 + 2
    assert cost.whole.activation_sparsity == pytest.approx(1 - (5 + 1 + 2 + 2) / (18 + 2 + 2))
    # until the outputs fire at 1: one corner, one channel, one pool
    assert cost.to_decision.synaptic_operations == 2 + 2
    assert cost.to_decision.membrane_updates == 2 + 1 + 2


def test_operations_of_maps_are_those_that_evaluations_report():
    layers = [ttfs.Conv2d(3, 3, padding=1, delay=1), ttfs.MinPool2d(2), ttfs.Dense(None, 4)]
    network = ttfs.Network(*layers, shape=(6, 5, 2), t_max=20, seed=1)
    times = np.random.default_rng(0).uniform(0, 25, (7, 60))
    cost, found = cost_of(network, times), ttfs.evaluate(network, times, np.zeros(7, int))
    assert cost.whole.synaptic_operations == pytest.approx(found.operations_per_sample)
    assert cost.to_decision.synaptic_operations == pytest.approx(found.operations_to_decision)


# By hand


def three(**settings):
    """Three inputs that output 0 hears all, and output 1 the last two."""
    weights = [[1.0, 0.0], [1.0, 1.0], [1.0, 3.0]]
    return ttfs.Network(ttfs.Dense.of(weights, threshold=2), t_max=10, **settings)


def test_steps_are_counted_as_by_hand():
    cost = check(three(), [[1.0, 2.0, 4.0]])
    # output 0: 1 at 1, 2 at 2 and fires; output 1: 1 at 2, 4 at 4 and fires
    assert asdict(cost.whole) == {
        "activation_sparsity": 0, "synaptic_operations": 3 + 2, "additions": 5,
        "multiply_accumulates": 0, "membrane_updates": 2 + 2,
    }  # fmt: skip
    assert asdict(cost.to_decision) == {
        "activation_sparsity": 0.5, "synaptic_operations": 2 + 1, "additions": 3,
        "multiply_accumulates": 0, "membrane_updates": 2 + 1,
    }  # fmt: skip
    assert (cost.connection_sparsity, cost.dense_operations) == (1 / 6, 6)


def test_arrivals_at_the_same_instant_are_one_update():
    cost = check(three(), [[1.0, 1.0, 1.0]])
    assert (cost.whole.synaptic_operations, cost.whole.membrane_updates) == (5, 2)


def test_without_an_output_spike_everything_comes_before_the_decision():
    cost = check(three(), [[1.0, INF, INF]])
    assert cost.whole == cost.to_decision
    assert cost.whole.activation_sparsity == 1
    assert cost.whole.synaptic_operations == cost.whole.membrane_updates == 1


def test_ramps_cost_an_addition_and_a_multiplication_at_each_arrival():
    cost = check(three(psp=ttfs.Ramp()), [[1.0, 2.0, 12.0]])
    # output 0 rises by 1 from 1 on, by 2 from 2 on, and fires at 2.5; output 1 fires at 4
    assert (cost.whole.additions, cost.whole.multiply_accumulates) == (2 + 1, 2 + 1)
    assert cost.whole.membrane_updates == 2 + 1
    assert cost.dense_operations == 6


def test_the_end_of_a_ramp_is_an_operation_too():
    cost = check(three(psp=ttfs.Ramp(rise=3)), [[1.0, 8.0, 12.0]])
    # output 0 bends at 1, 4 and 8; output 1 at 8; ends at 11 do not happen, and nobody fires
    assert cost.whole.additions == cost.whole.membrane_updates == 3 + 1
    assert cost.dense_operations == 12


@pytest.mark.parametrize(
    ("layer", "settings", "parameters", "weights", "others", "state"),
    [
        # one threshold, one delay
        (ttfs.Dense(6, 4), {}, 24 + 2, 24 * 32, 32 + 64, 4 * 33),
        (ttfs.Dense(6, 4), {"dtype": np.float64}, 26, 24 * 64, 64 + 64, 4 * 65),
        (ttfs.Dense(6, 4), {"psp": ttfs.Ramp()}, 26, 24 * 32, 32 + 64, 4 * 65),
        # and a scale
        (ttfs.Dense(6, 4, weights=ttfs.Binary()), {}, 24 + 3, 24, 32 + 64 + 64, 4 * 33),
        (ttfs.Dense(6, 4, threshold=[1, 2, 3, 4]), {}, 24 + 5, 768, 4 * 32 + 64, 132),
        (ttfs.Dense(6, 4, delay=np.ones(6)), {}, 24 + 7, 768, 32 + 6 * 64, 132),
        (ttfs.Dense(6, 4, delay=np.ones((6, 4))), {}, 24 + 25, 768, 32 + 24 * 64, 132),
    ],
)
def test_parameters_and_bits_are_those_that_can_be_counted(
    layer, settings, parameters, weights, others, state
):
    cost = check(ttfs.Network(layer, t_max=10, **settings), np.zeros((1, 6)))
    assert cost.parameters == parameters
    assert (cost.weight_bits, cost.other_bits, cost.state_bits) == (weights, others, state)
    assert cost.footprint_bits == weights + others + state


@pytest.mark.parametrize(
    ("times", "error", "words"),
    [
        (np.zeros((2, 4)), ttfs.ShapeError, "3"),
        (np.zeros((0, 3)), ttfs.InputError, "at least one"),
        ([[np.nan, 0.0, 1.0]], ttfs.InputError, "nan"),
    ],
)
def test_what_cannot_be_counted_is_refused(times, error, words):
    with pytest.raises(error, match=words):
        cost_of(three(), times)
