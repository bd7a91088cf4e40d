"""Delays of inputs and of pairs: what they are, and how they act in `ttfs.forward`."""

import copy
import pickle
from dataclasses import FrozenInstanceError
from itertools import pairwise

import numpy as np
import pytest
import reference_delays as reference
import scipy.sparse as sp
from cases import (
    DELAYS,
    FLOATS,
    PAIRS,
    RESPONSES,
    SEEDS,
    any_stimuli,
    delayed_layer,
    delayed_networks,
    dyadic_times,
    run,
    same_bits,
    same_record,
)
from hypothesis import assume, given
from hypothesis import strategies as st

import ttfs
from ttfs.engines.crossings import cross
from ttfs.errors import InputError, ShapeError
from ttfs.kernels import delayed
from ttfs.network.delays import BEND, LEAST, Delays, delays_of, latents_of, slopes_of

pytestmark = pytest.mark.small
INF = np.inf
HORIZONS = st.floats(0.1, 1000)


def stimuli(data, network, dtype=np.float64):
    """Times of any kind."""
    return data.draw(data.draw(st.sampled_from([any_stimuli, dyadic_times]))(network, dtype))


# Forward


@pytest.mark.parametrize("dtype", FLOATS)
@given(data=st.data())
def test_slopes_equal_the_definition(dtype, data):
    network = data.draw(delayed_networks(dtype, RESPONSES[1:]))
    times = stimuli(data, network)
    with np.errstate(all="ignore"):
        found = cross(network, times).slopes
    for k, slopes in enumerate(reference.slopes_delayed(network, times)):
        start = network.arrays.units[k]
        assert same_bits(found[:, start : start + network.sizes[k + 1]], slopes)


@pytest.mark.parametrize("per", ["input", "pair"])
@pytest.mark.parametrize("psp", RESPONSES)
@given(data=st.data())
def test_equal_delays_act_as_one(psp, per, data):
    layer = data.draw(
        delayed_layer(*data.draw(st.sampled_from([(3, 5), (17, 70)])), FLOATS[-1], True)
    )
    delay = data.draw(st.sampled_from(DELAYS))
    shape = (layer.inputs, layer.outputs)[: 1 if per == "input" else 2]
    one, several = (
        ttfs.Network(
            *(
                ttfs.Dense.of(w, threshold=h, delay=d)
                for w, h in [(layer.initial, layer.threshold), (np.eye(layer.outputs), 0.5)]
                for d in [delays if len(w) == layer.inputs else 0]
            ),
            psp=psp,
            t_max=16,
            dtype=FLOATS[-1],
        )
        for delays in (delay, np.full(shape, delay))
    )
    assert several.delayed == (True, False)
    times = data.draw(dyadic_times(one))
    for mine, yours in zip(cross(one, times)[:3], cross(several, times)[:3], strict=True):
        assert same_bits(mine, yours)


@pytest.mark.parametrize("per", ["input", "pair"])
@given(seed=SEEDS)
def test_ramps_that_end_together_by_rounding_end_in_order_of_the_inputs(per, seed):
    rng = np.random.default_rng(seed)
    tiny = 2.0**-22  # far less than what separates two times around 64
    delay = rng.integers(0, 9, (12,) if per == "input" else (12, 3)) * tiny
    weights = rng.normal(size=(12, 3)) * 2.0 ** rng.integers(-9, 9, (12, 3))
    layer = ttfs.Dense.of(weights, threshold=1e6, delay=delay)
    network = ttfs.Network(layer, psp=ttfs.Ramp(64), t_max=256)
    times = (rng.integers(0, 9, (2, 12)) * tiny).astype(np.float32)
    assert same_record(run(network, times), reference.forward_delayed(network, times))


def test_a_spike_with_a_shorter_way_overtakes():
    layer = ttfs.Dense.of([[1.0, 1.0], [-1.0, 1.0]], threshold=1, delay=[[3.0, 0.5], [0.5, 4.0]])
    record = ttfs.forward(ttfs.Network(layer, t_max=10), [[0.0, 1.0]])
    assert record.times[1].tolist() == [[INF, 0.5]]  # -1 at 1.5 and +1 at 3; +1 at 0.5


def test_arrivals_at_the_same_time_count_together_whatever_their_delay():
    layer = ttfs.Dense.of([[1.0], [-1.0], [0.5]], threshold=0.5, delay=[2.0, 1.0, 0.0])
    record = ttfs.forward(ttfs.Network(layer, t_max=10), [[1.0, 2.0, 3.0], [1.0, 2.5, INF]])
    assert record.times[1].tolist() == [[3.0], [3.0]]
    assert record.potential.tolist() == [[0.5], [1.0]]


def test_what_arrives_at_the_horizon_or_later_does_not_happen():
    layer = ttfs.Dense.of(np.eye(3), threshold=0.5, delay=[0.5, 1.0, 99.0])
    record = ttfs.forward(ttfs.Network(layer, t_max=2), [[1.0, 1.0, 1.0]])
    assert record.times[1].tolist() == [[1.5, INF, INF]]


def test_a_circuit_has_the_delays_of_its_network():
    delays = np.arange(6.0).reshape(3, 2)
    layers = [ttfs.Dense.of(np.ones((3, 2)), delay=delays), ttfs.Dense.of(np.ones((2, 2)), delay=3)]
    circuit = ttfs.Circuit.of(ttfs.Network(*layers, t_max=9, unit="ms"))
    first, second = circuit.projections
    assert np.array_equal(first.delay.toarray(), delays)
    assert second.delay == 3
    assert (circuit.t_max, circuit.unit) == (9, "ms")


# Gradients of pairs


@pytest.mark.parametrize(("dtype", "time_dtype"), PAIRS)
@given(seed=SEEDS, rise=st.sampled_from([INF, 0.5, 2.0]))
def test_gradients_of_pairs_equal_the_definition(dtype, time_dtype, seed, rise):
    rng = np.random.default_rng(seed)
    samples, inputs, outputs = rng.integers(0, 5), *rng.integers(1, 9, 2)
    grid = rng.choice([*range(8), INF], (samples, inputs)) / 2
    times = (grid + rng.choice([0, rng.uniform()])).astype(time_dtype)
    delays = rng.choice([0, 0.5, 1, *rng.uniform(0, 2, 3)], (inputs, outputs))
    until = rng.choice([-INF, 1, 2, 2.5, rng.uniform(0, 5), 6], (samples, 16)).astype(dtype)
    gains = rng.normal(size=(samples, 16)).astype(dtype)
    weights = rng.normal(size=(inputs, 16)).astype(dtype)
    arrived = times, delays, rise
    found = np.full((inputs, 16), np.nan, dtype)
    delayed.weight_gradient(*arrived, until, gains, found, 0, inputs)
    assert same_bits(found, reference.by_weights(*arrived, until, gains))
    found = np.full((inputs, outputs), np.nan, dtype)
    delayed.delay_gradient(*arrived, until, gains, weights, found, 0, inputs)
    assert same_bits(found, reference.by_delays(*arrived, until, gains, weights))
    found = np.full((samples, inputs), np.nan, dtype)
    delayed.errors_below(*arrived, until, gains, weights, found, 0, samples)
    assert same_bits(found, reference.by_times(*arrived, until, gains, weights))


# The map from latent numbers


@given(latent=st.floats(-1e9, 1e9), t_max=HORIZONS)
def test_delays_are_positive_whatever_the_latent_number(latent, t_max):
    assert delays_of(np.array(latent), t_max) > 0


@given(delay=st.floats(LEAST, 1000), t_max=HORIZONS)
def test_latent_numbers_and_delays_determine_each_other(delay, t_max):
    delay = np.array(delay * t_max)
    latent = latents_of(delay, t_max)
    assert delays_of(latent, t_max) == pytest.approx(delay, rel=1e-13)
    step = 1e-4 * (BEND * t_max + abs(latent))
    ahead, behind = (delays_of(latent + way * step, t_max) for way in (1, -1))
    assert slopes_of(delay, t_max) == pytest.approx((ahead - behind) / (2 * step), rel=1e-6)
    assert 0 < slopes_of(delay, t_max) < 1


@given(latent=st.floats(-10, 10), t_max=HORIZONS, factor=st.sampled_from([0.25, 8]))
def test_the_unit_of_time_does_not_matter(latent, t_max, factor):
    one, other = (delays_of(np.array(latent * f), t_max * f) for f in (1.0, factor))
    assert other == one * factor


# Settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"per": "output"}, r'per=...\) must be "input" or "pair", got \'output\''),
        ({"per": None}, "per="),
        ({"rate": -1}, "rate="),
        ({"rate": INF}, "rate="),
        ({"init": (1, 0)}, r"\(low, high\) or an array, got \(1, 0\)"),
        ({"init": (1, 2, 3)}, r"\(low, high\) or an array"),
        ({"init": ((0, 1), (0, 1))}, r"\(low, high\) or an array"),
        ({"init": (-1, 0)}, "0 or more and finite"),
        ({"init": (0, INF)}, "0 or more and finite"),
        ({"init": [[0.0, np.nan]]}, "0 or more and finite"),
        ({"init": "long"}, "must be numbers"),
        ({"init": [[1], [1, 2]]}, "rows of equal length"),
    ],
)
def test_impossible_delays_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        Delays(**({"per": "pair", "init": (0, 1)} | settings))


@pytest.mark.parametrize(
    ("delay", "message"),
    [
        (Delays("input", [1.0, 2.0]), r"must be \(3,\), got \(2,\); \(low, high\) must be a tuple"),
        (Delays("pair", [1.0, 2.0, 3.0]), r"must be \(3, 2\), got \(3,\)"),
        (Delays("input", np.ones((3, 2))), r"must be \(3,\), got \(3, 2\)"),
        (Delays("pair", np.ones((2, 3))), r"must be \(3, 2\), got \(2, 3\)"),
        ([1.0, 2.0], r"must be \(3,\), got \(2,\)"),
        (np.ones((3, 2, 1)), r"must be \(3, 2\), got \(3, 2, 1\)"),
    ],
)
def test_delays_must_have_the_shape_of_the_layer(delay, message):
    with pytest.raises(ShapeError, match=rf"Dense\(delay=...\) {message}"):
        ttfs.Dense(3, 2, delay=delay)


@pytest.mark.parametrize("delay", [[0.0, -1.0, 2.0], [0.0, INF, 1.0], [[1.0], [2.0, 3.0]], ["a"]])
def test_impossible_arrays_of_delays_are_refused(delay):
    with pytest.raises(InputError, match=r"Dense\(delay=...\) must be"):
        ttfs.Dense(3, 2, delay=delay)


def test_an_array_of_delays_is_fixed():
    given = np.array([0.0, 1.0, 2.0])
    network = ttfs.Network(ttfs.Dense(3, 2, delay=given), ttfs.Dense(2, 2, delay=np.eye(2)))
    given[:] = 7
    assert network.delays[0].tolist() == [[0.0], [1.0], [2.0]]
    assert network.delays[1].tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert network.latent_delays == (None, None)
    assert network.parameters().keys() == {"weights_1", "scale_1", "weights_2", "scale_2"}
    again = ttfs.Network(*(ttfs.Dense(*d.shape, delay=d) for d in [np.ones((3, 2))]))
    assert again.layers[0].delay.per == "pair"
    assert ttfs.Dense(3, 2, delay=network.delays[0]).delay.per == "input"


def test_delays_are_shown_in_short():
    layer = ttfs.Dense(3, 2, delay=Delays("pair", np.ones((3, 2)), rate=0.5))
    assert repr(layer) == "Dense(3, 2, delay=Delays(per='pair', init=array(3, 2), rate=0.5))"
    with pytest.raises(FrozenInstanceError):
        layer.delay.rate = 1


def test_one_delay_is_shown_as_an_array_too():
    network = ttfs.Network(ttfs.Dense(3, 2, delay=2.5))
    assert network.delays[0].tolist() == [[2.5]]
    assert network.delays[0].dtype == float
    assert not any(network.delayed)


# Delays that learn


def learning(**settings):
    """Delays of both kinds that learn, a layer that has none, and one where they are fixed."""
    layers = (
        ttfs.Dense(5, 4, threshold=2, delay=Delays("pair", (0, 2.0))),
        ttfs.Dense(4, 6, threshold=2),
        ttfs.Dense(6, 3, threshold=2, delay=Delays("input", np.arange(1.0, 7))),
        ttfs.Dense(3, 3, threshold=2, delay=Delays("input", (0, 1), rate=0)),
    )
    return ttfs.Network(*layers, **{"t_max": 32, "seed": 1, **settings})


def test_delays_begin_as_they_should():
    network = learning()
    assert [delays.shape for delays in network.delays] == [(5, 4), (1, 1), (6, 1), (3, 1)]
    assert 0 < network.delays[0].min() < 1 < network.delays[0].max() < 2
    assert network.delays[2].ravel() == pytest.approx(np.arange(1.0, 7), rel=1e-14)
    assert 0 <= network.delays[3].min() < network.delays[3].max() < 1
    other = learning(seed=2)
    assert not same_bits(network.delays[0], other.delays[0])
    assert same_bits(learning().delays[0], network.delays[0])


def test_delays_do_not_change_which_weights_are_drawn():
    plain = ttfs.Network(
        *(ttfs.Dense(n, m, threshold=2) for n, m in pairwise([5, 4, 6, 3, 3])), seed=1
    )
    for mine, yours in zip(learning().weights, plain.weights, strict=True):
        assert same_bits(mine, yours)


def test_latent_delays_are_parameters_and_decide_the_delays():
    network = learning()
    assert [name for name in network.parameters() if "delay" in name] == ["delay_1", "delay_3"]
    parameter = network.parameters()["delay_1"]
    assert parameter.shape == (20,)
    assert np.shares_memory(parameter, network.latent_delays[0])
    parameter[:] = np.linspace(-1, 1, 20)
    network.refresh(0)
    assert same_bits(network.delays[0], delays_of(parameter, 32.0).reshape(5, 4))
    assert same_bits(network.delay_slopes(0), slopes_of(network.delays[0], 32.0))
    before = network.delays[3].copy()
    network.refresh(3)
    assert same_bits(network.delays[3], before)


def test_delays_that_learn_cannot_begin_at_zero():
    with pytest.raises(InputError, match=r"Dense 2: delays that learn must begin at 1e-05 .* 0"):
        ttfs.Network(
            ttfs.Dense(3, 2), ttfs.Dense(2, 1, delay=Delays("input", [0.0, 1.0])), t_max=10
        )
    drawn = ttfs.Network(ttfs.Dense(2, 1, delay=Delays("input", (0, 0))), t_max=10)
    assert drawn.delays[0].ravel() == pytest.approx(LEAST * 10)


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))]
)
def test_a_copy_has_the_same_delays_and_its_own(duplicate):
    network = learning()
    network.latent_delays[0][:] += 0.25
    network.refresh(0)
    twin = duplicate(network)
    times = np.random.default_rng(0).uniform(0, 9, (9, 5))
    assert same_record(ttfs.forward(network, times), ttfs.forward(twin, times))
    for mine, yours in zip(network.delays, twin.delays, strict=True):
        assert same_bits(mine, yours)
        assert not np.shares_memory(mine, yours)
    before = network.delays[0].copy()
    twin.latent_delays[0][:] = 9
    twin.refresh(0)
    assert same_bits(network.delays[0], before)
    assert twin.delays[0].min() > 8.9


# Metrics


@given(data=st.data())
def test_operations_are_counted_with_the_delays(data):
    network = data.draw(delayed_networks())
    times = stimuli(data, network)
    assume(len(times))
    with np.errstate(all="ignore"):
        found = ttfs.evaluate(network, times, np.zeros(len(times), int))
    record = run(network, times)
    decided = ttfs.decide(record.times[-1], record.potential).time
    wanted = reference.operations(network, record, decided)
    assert (found.operations_per_sample, found.operations_to_decision) == pytest.approx(wanted)


def test_a_neuron_that_does_not_fire_after_all_gives_way_to_the_next():
    weights, times = np.array([[1.0, -0.5], [0.0, 0.8]]), [1.0, 0.7]
    found = []
    for projected in (weights, sp.csr_array(weights)):
        circuit = ttfs.Circuit(
            [ttfs.Population("in", 2), ttfs.Population("out", 2, 0.6)],
            [ttfs.Projection("in", "out", projected)],
            t_max=1.4,
            psp=ttfs.Ramp(0.5),
        )
        simulator = ttfs.Simulator(circuit, times)
        simulator.run()
        found.append(simulator.times("out").tolist())
    layer = ttfs.Dense.of(weights, threshold=0.6, delay=np.zeros((2, 2)))
    network = ttfs.Network(layer, psp=ttfs.Ramp(0.5), t_max=1.4)
    simulator = ttfs.Simulator(network, times)
    simulator.run()
    found.append(simulator.times(1).tolist())
    assert found == 3 * ttfs.forward(network, [times]).times[1].tolist()
    assert found[0] == [pytest.approx(1.3), INF]


@pytest.mark.parametrize("seed", range(60))
def test_ramps_with_delays_of_pairs_fire_the_same_in_both_engines(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 6, 3)
    layers = [
        ttfs.Dense.of(
            rng.choice([-0.5, 0, 0.2, 0.4, 0.7, 1.1], (inputs, outputs)),
            threshold=0.6,
            delay=rng.choice([0, 0.25, 0.1], (inputs, outputs)),
        )
        for inputs, outputs in pairwise(sizes)
    ]
    psp = ttfs.Ramp(float(rng.choice([1e-4, 0.5, 1.0])))
    network = ttfs.Network(*layers, psp=psp, t_max=8)
    for times in rng.choice([0.5, 0.7, 0.875, 1.0, 1.625, INF], (5, sizes[0])):
        simulator = ttfs.Simulator(network, times)
        simulator.run()
        record = ttfs.forward(network, times[None])
        for layer, expected in enumerate(record.times):
            assert same_bits(simulator.times(layer), expected[0])


def test_weights_of_0_are_counted_by_both_engines():
    layer = ttfs.Dense.of([[1.0], [0.0], [0.5]], threshold=5, delay=np.zeros((3, 1)))
    network = ttfs.Network(layer, t_max=8)
    simulator = ttfs.Simulator(network, [1.0, 2, 3])
    simulator.run()
    assert simulator.synaptic_events == 3
    assert ttfs.forward(network, [[1.0, 2, 3]]).additions.tolist() == [[3]]
