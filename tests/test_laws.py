"""What holds for networks of every kind: one suite of laws, and a table of the kinds.

A new response, or a new kind of layer, joins with a row in `KINDS`.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from cases import (
    DELAY_KINDS,
    DELAYS,
    PAIRS,
    QUARTERS,
    SEEDS,
    TIMES,
    any_networks,
    any_stimuli,
    binary_networks,
    delayed_networks,
    dyadic_networks,
    dyadic_times,
    for_all_threads,
    run,
    same_bits,
    same_record,
    with_ramp,
)
from cases_maps import map_networks
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import forward_float, forward_ramp
from reference_delays import forward_delayed
from reference_maps import forward_maps

import ttfs

pytestmark = pytest.mark.small
INF = np.inf
LIVELY = ["steps", "halves", "two", "with silence"]  # grids of times
STEPS = [ttfs.Step()]
ENDLESS = [ttfs.Ramp()]
ENDING = [ttfs.Ramp(rise) for rise in (0.25, 1.0, 2.5, 1000.0)]
ROUGH = [ttfs.Ramp(rise) for rise in (1e-9, 1e-6, 0.1, 0.25, 1 / 3, 1.0, 3.3, 1e6)]


# Networks of each kind


@st.composite
def ramps(draw, dtype, responses):
    """Ramps with one delay in each layer; on a coarse grid, or with numbers of any size."""
    network = draw(st.one_of(any_networks(dtype), dyadic_networks(dtype)))
    return with_ramp(network, draw(st.sampled_from(responses)).rise)


@st.composite
def exact_networks(draw, dtype, responses, per=("one",)):
    """Networks whose sums are exact in every layer, and many of whose neurons fire.

    Where a ramp crosses is a quotient, which is rounded; so hidden neurons with ramps have one
    input each, with a weight by which a division is exact: all spikes but the last are on a grid.
    """
    rng, psp = np.random.default_rng(draw(SEEDS)), draw(st.sampled_from(responses))
    sizes = draw(st.lists(st.sampled_from([1, 2, 3, 5, 8, 17, 65]), min_size=3, max_size=4))
    layers = []
    for below, size in pairwise(sizes):
        weights = rng.choice(QUARTERS, (below, size))
        threshold = rng.choice([1.0, 2.0, 3.75], size)
        if isinstance(psp, ttfs.Ramp) and len(layers) < len(sizes) - 2:
            weights = np.where(np.arange(below)[:, None] == rng.integers(0, below, size), 1, 0)
            weights, threshold = weights * rng.choice([1.0, 2.0], size), rng.choice([0.5, 1], size)
        shape = {"one": (), "input": (below,), "pair": (below, size)}[draw(st.sampled_from(per))]
        delay = rng.choice(DELAYS, shape)
        layers.append(ttfs.Dense.of(weights, threshold=threshold, delay=delay))
    return ttfs.Network(*layers, psp=psp, t_max=draw(st.sampled_from([7.5, 64.0])), dtype=dtype)


class Kind(NamedTuple):
    """Networks of one kind."""

    networks: Callable  # (dtype) -> a strategy: networks with any numbers
    exact: Callable  # (dtype) -> a strategy: networks all of whose sums are exact
    twin: Callable  # (network, times) -> what defines them, slowly


KINDS = {
    "steps": Kind(any_networks, lambda dtype: exact_networks(dtype, STEPS), forward_float),
    "bits": Kind(binary_networks, binary_networks, forward_float),
    "endless ramps": Kind(
        lambda dtype: ramps(dtype, ENDLESS),
        lambda dtype: exact_networks(dtype, ENDLESS),
        forward_ramp,
    ),
    "ramps that end": Kind(
        lambda dtype: ramps(dtype, ROUGH), lambda dtype: exact_networks(dtype, ENDING), forward_ramp
    ),
    "delayed steps": Kind(
        lambda dtype: delayed_networks(dtype, STEPS),
        lambda dtype: exact_networks(dtype, STEPS, DELAY_KINDS),
        forward_delayed,
    ),
    "delayed endless ramps": Kind(
        lambda dtype: delayed_networks(dtype, ENDLESS),
        lambda dtype: exact_networks(dtype, ENDLESS, DELAY_KINDS),
        forward_delayed,
    ),
    "delayed ramps that end": Kind(
        lambda dtype: delayed_networks(dtype, ENDING),
        lambda dtype: exact_networks(dtype, ENDING, DELAY_KINDS),
        forward_delayed,
    ),
    "maps of steps": Kind(
        lambda dtype: map_networks(dtype, STEPS, exact=False),
        lambda dtype: map_networks(dtype, STEPS, exact=True),
        forward_maps,
    ),
    "maps of endless ramps": Kind(
        lambda dtype: map_networks(dtype, ENDLESS, exact=False),
        lambda dtype: map_networks(dtype, ENDLESS, exact=True, most=1),
        forward_maps,
    ),
    "maps of ramps that end": Kind(
        lambda dtype: map_networks(dtype, ROUGH, exact=False),
        lambda dtype: map_networks(dtype, ENDING, exact=True, most=1),
        forward_maps,
    ),
}
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
# The kinds share the examples that a law has.
EXAMPLES = settings.default.max_examples
half, third = (settings(max_examples=EXAMPLES // part) for part in (2, 3))
every_pair = pytest.mark.parametrize(("dtype", "time_dtype"), PAIRS)


def drawn(data, kind, dtype=np.float32, time_dtype=np.float64, most_samples=3):
    """A network of a kind, and stimuli for it."""
    network = data.draw(kind.networks(dtype))
    stimuli = data.draw(st.sampled_from([any_stimuli, dyadic_times]))
    return network, data.draw(stimuli(network, time_dtype, most_samples=most_samples))


def orders_of(network, rng):
    """An order of the channels of the input and of each layer; of a pool it is that below."""
    orders = [rng.permutation(network.shapes[0][2])]
    for layer, shape in zip(network.layers, network.shapes[1:], strict=True):
        orders.append(orders[-1] if layer.pools else rng.permutation(shape[2]))
    return orders


def neurons(order, places):
    """The neurons of so many places whose channels are in an order."""
    return (np.arange(places)[:, None] * len(order) + order).reshape(-1)


def neurons_of(network, orders):
    """Those of the input and of each layer."""
    return [
        neurons(order, shape[0] * shape[1])
        for order, shape in zip(orders, network.shapes, strict=True)
    ]


def rebuilt(network, orders=None, factor=1.0, t_max=None):
    """The same network: channels of each layer in another order, all weights times a factor.

    Thresholds go with the weights; it may end at another time.
    """
    orders = orders or [np.arange(shape[2]) for shape in network.shapes]
    layers = []
    for k, layer in enumerate(network.layers):
        below, columns = neurons_of(network, orders)[k], orders[k + 1]
        delay = layer.delay
        if network.delayed[k]:
            delay = network.delays[k][below]
            delay = delay[:, 0] if delay.shape[1] == 1 else delay[:, columns]
        if layer.pools:
            layers.append(replace(layer, delay=delay))
            continue
        # a window that is the whole map is read as the map is
        dense = isinstance(layer, ttfs.Dense)
        rows = below if dense else neurons(orders[k], layer.rows // network.shapes[k][2])
        latents, kind = network.latents[k][rows][:, columns] * factor, layer.weights
        if isinstance(kind, ttfs.Binary):
            kind = ttfs.Binary(scale=kind.scale * factor)
        threshold = np.broadcast_to(layer.threshold, layer.columns)[columns] * factor
        new = {"initial": latents, "weights": kind, "threshold": threshold, "delay": delay}
        layers.append(replace(layer, **new))
    settings = {"t_max": t_max or network.t_max, "dtype": network.dtype, "psp": network.psp}
    return ttfs.Network(*layers, shape=network.shapes[0], **settings)


def until(network, times, end):
    """`ttfs.forward` with an end; sums may overflow."""
    with np.errstate(all="ignore"):
        return ttfs.forward(network, times, until=end)


def simulated(network, row):
    """A simulator at its end."""
    with np.errstate(all="ignore"):
        simulator = ttfs.Simulator(network, row)
        assert simulator.run() == "end"
    return simulator


def before(layers, ends):
    """Spike times of all layers; those at an end of a sample or after it are silence."""
    return [np.where(times < ends, times, times.dtype.type(INF)) for times in layers]


def all_same(first, second):
    """Whether two lists of arrays agree in every bit."""
    return all(same_bits(a, b) for a, b in zip(first, second, strict=True))


def rows_of(record, rows):
    """Some samples of a record: the times of all layers and the potentials."""
    return [*(times[rows] for times in record.times), record.potential[rows]]


# One meaning


@every_pair
@every_kind
@half
@given(data=st.data())
def test_forward_gives_what_its_slow_twin_gives(kind, dtype, time_dtype, data):
    network, times = drawn(data, kind, dtype, time_dtype)
    assert same_record(run(network, times), kind.twin(network, times))


@every_pair
@every_kind
@half
@given(data=st.data())
def test_the_simulator_gives_what_forward_gives(kind, dtype, time_dtype, data):
    network, times = drawn(data, kind, dtype, time_dtype, most_samples=2)
    record = run(network, times)
    for s, row in enumerate(times):
        simulator = simulated(network, row)
        found = [simulator.times(k) for k in range(1, len(network.sizes))]
        assert all_same(found, [layer[s] for layer in record.times[1:]])
        assert same_bits(simulator.potential(len(found)), record.potential[s])


# The same input gives the same output


@every_kind
@third
@given(data=st.data(), seed=SEEDS)
def test_any_company_and_any_cut_into_batches_give_the_same_bits(kind, data, seed):
    network, times = drawn(data, kind)
    alone = [rows_of(run(network, row[None]), 0) for row in times]
    order = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(times)), 20))
    cut = data.draw(st.integers(0, len(order)))
    for part in (order, order[:cut], order[cut:]):
        together = run(network, times[part])
        for place, s in enumerate(part):
            assert all_same(rows_of(together, place), alone[s])


@every_kind
@third
@given(data=st.data())
def test_any_number_of_threads_gives_the_same_bits(kind, data):
    network, times = drawn(data, kind)
    times = np.tile(times, (20, 1))
    first, *others = for_all_threads(lambda: run(network, times))
    assert all(same_record(first, record) for record in others)


def kept(network):
    """Copies of all arrays of a network."""
    lists = [network.weights, network.latents, network.delays]
    arrays = [*network.arrays, *network.packed_arrays, *(a for some in lists for a in some)]
    return [np.array(array) for array in arrays if isinstance(array, np.ndarray)]


@every_kind
@third
@given(data=st.data(), end=st.sampled_from([None, "decision", 0.5]))
def test_neither_input_nor_network_is_changed(kind, data, end):
    network, times = drawn(data, kind)
    arrays, stimulus = kept(network), times.copy()
    times.flags.writeable = False
    until(network, times, end)
    for row in times:
        simulated(network, row)
    assert all_same(kept(network), arrays)
    assert same_bits(times, stimulus)


# What comes later, and the end


@every_kind
@third
@given(data=st.data(), seed=SEEDS)
def test_what_comes_later_changes_nothing_before(kind, data, seed):
    network, times = drawn(data, kind)
    now = network.t_max / 2
    later = np.random.default_rng(seed).uniform(now, 300, times.shape)
    first, second = run(network, times), run(network, np.where(times >= now, later, times))
    assert all_same(before(first.times[1:], now), before(second.times[1:], now))


@every_kind
@third
@given(data=st.data(), time_dtype=st.sampled_from(TIMES))
def test_what_comes_at_the_horizon_or_after_it_does_not_happen(kind, data, time_dtype):
    network, times = drawn(data, kind, time_dtype=time_dtype)
    record = run(network, times)
    happens = times.astype(np.float64) < network.t_max
    assert same_bits(record.times[0], np.where(happens, times, time_dtype(INF)))
    assert all(((layer < network.t_max) | (layer == INF)).all() for layer in record.times)
    assert same_record(record, run(network, record.times[0]))
    for row, recorded in zip(times, record.times[0], strict=True):
        assert (simulated(network, row).times(0) == recorded).all()


@every_kind
@third
@given(data=st.data(), share=st.sampled_from([0, 0.1, 0.3, 0.5, 0.99, 1, 2]))
def test_an_early_end_is_an_earlier_horizon(kind, data, share):
    network, times = drawn(data, kind)
    end = min(share, 1) * network.t_max
    record, whole = until(network, times, share * network.t_max), run(network, times)
    assert all_same(record.times, before(whole.times, end))
    if end:
        assert same_record(record, run(rebuilt(network, t_max=end), times))


@every_kind
@third
@given(data=st.data())
def test_deciding_early_decides_the_same(kind, data):
    network, times = drawn(data, kind, most_samples=6)
    early, whole = until(network, times, "decision"), run(network, times)
    first, second = (ttfs.decide(r.times[-1], r.potential) for r in (early, whole))
    for name in ("label", "time", "tied", "undecided", "first"):
        assert same_bits(getattr(first, name), getattr(second, name))
    after = np.nextafter(first.time[:, None], INF)
    assert all_same(early.times, before(whole.times, after))
    assert (early.events <= whole.events).all()
    assert (early.additions <= whole.additions).all()


# Other numbers, other orders


@every_kind
@third
@given(data=st.data(), power=st.integers(-20, 20))
def test_a_power_of_two_in_weights_and_thresholds_changes_no_spike(kind, data, power):
    # no longer exact: rounding has to scale, too
    network = rebuilt(data.draw(kind.exact(np.float32)), factor=1.1)
    times = 1.1 * data.draw(dyadic_times(network, grids=LIVELY, most_samples=6))
    first, second = run(network, times), run(rebuilt(network, factor=2.0**power), times)
    assert all_same(first.times, second.times)
    counted = network.packed[-1] or network.layers[-1].pools  # in units
    height = 1 if counted else np.float32(2.0**power)
    assert same_bits(first.potential * np.float32(height), second.potential)


@every_kind
@third
@given(data=st.data(), seed=SEEDS)
def test_neurons_in_another_order_fire_in_that_order(kind, data, seed):
    network = data.draw(kind.exact(np.float32))
    times = data.draw(dyadic_times(network, grids=LIVELY, most_samples=6))
    orders = orders_of(network, np.random.default_rng(seed))
    places = neurons_of(network, orders)
    first, second = run(network, times), run(rebuilt(network, orders), times[:, places[0]])
    for a, b, order in zip(first.times, second.times, places, strict=True):
        assert same_bits(a[:, order], b)
    assert same_bits(first.potential[:, places[-1]], second.potential)
