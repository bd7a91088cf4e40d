"""Clocked networks: neurons that say values by how often they fire."""

from dataclasses import replace

import numpy as np
import pytest
from cases import for_all_threads
from cases_windows import networks
from hypothesis import assume, given
from hypothesis import strategies as st
from reference_clocked import course_of

import ttfs
from ttfs.clocked import Rate, evaluate, run
from ttfs.clocked.rate import rate_of
from ttfs.errors import InputError, ShapeError
from ttfs.kernels.threads import no_work_is_little

pytestmark = pytest.mark.small


@st.composite
def rates(draw):
    """Ways to run a network in which all sums are exact."""
    steps = draw(st.sampled_from([1, 2, 4, 8]))
    reset = draw(st.sampled_from(["soft", "hard"]))
    return Rate(
        steps,
        reset=reset,
        keep=draw(st.sampled_from([1.0, 0.5, 0.0])),
        initial=draw(st.sampled_from([0.0, 0.5, 1.0])),
        shift=draw(st.sampled_from([0.0, 0.5])),
        bias=draw(st.sampled_from(["each", "spread"])),
        input=draw(st.sampled_from(["direct", "impulse", "bernoulli"])),
        output=draw(st.sampled_from(["potential", "spikes"])),
        pool=draw(st.sampled_from(["sums", "currents"])),
        begin=draw(st.integers(0, steps - 1)),
        seed=draw(st.integers(0, 9)),
        negative=reset == "soft" and draw(st.booleans()),
    )


def pooled_skips(network):
    """Whether a connection hears what is below a pool."""
    return any(
        0 < skip.source < len(network.layers)
        and network.layers[skip.source].pools
        and not all(layer.pools for layer in network.layers[: skip.source])
        for skip in network.skips
    )


@given(networks(), rates())
def test_a_course_is_that_of_neurons_one_by_one_to_the_bit(case, rate):
    network, values = case
    assume(not pooled_skips(network))
    assume(not network.layers[0].pools or rate.input != "bernoulli")
    course = run(network, values, rate)
    for sample, own in enumerate(values):
        if rate.input == "bernoulli":
            random = np.random.default_rng([rate.seed, sample])
            own = [random.random(len(own)) < own for _ in range(rate.steps)]
        counts, said = course_of(network, own, rate)
        assert counts.keys() == course.counts.keys()
        for k, spikes in counts.items():
            np.testing.assert_array_equal(course.counts[k][sample], spikes)
        np.testing.assert_array_equal(course.outputs[:, sample], said)


def test_a_spike_fired_too_early_is_taken_back():
    early_and_late = ttfs.Dense.of([[1.0, 0.25]], threshold=1)  # in each step, and in the last
    both = ttfs.Dense.of([[1.0], [-4.0]], threshold=1)
    output = ttfs.Dense.of([[1.0]], threshold=1)
    network = ttfs.Network(early_and_late, both, output, psp=ttfs.Windows())
    kept = run(network, [[1.0]], Rate(4, initial=0.0))
    back = run(network, [[1.0]], Rate(4, initial=0.0, negative=True))
    assert (kept.counts[2], kept.outputs[-1]) == ([[3]], [[0.75]])
    assert (back.counts[2], back.outputs[-1]) == ([[4]], [[0.5]])  # three spikes and a negative one


def test_bits_do_not_depend_on_threads():
    dense = ttfs.Dense(None, 10, threshold=9.0)
    layers = ttfs.Conv2d(8, 3, threshold=4.0), ttfs.MinPool2d(2), dense
    network = ttfs.Network(*layers, psp=ttfs.Windows(), shape=(12, 12, 3), seed=1)
    values = np.random.default_rng(0).random((3000, 432), np.float32)
    with no_work_is_little():
        shared = for_all_threads(lambda: run(network, values, Rate(3, input="bernoulli")))
    whole = run(network, values, Rate(3, input="bernoulli"))
    for found in shared:
        np.testing.assert_array_equal(found.outputs, whole.outputs)
        np.testing.assert_array_equal(found.counts[2], whole.counts[2])


@given(networks(), st.sampled_from([1, 2, 4, 8]))
def test_a_first_layer_says_by_rates_what_it_says_by_times(case, steps):
    """With half a threshold to begin with, T steps count as T instants of a window round."""
    network, values = case
    assume(not network.layers[0].pools and len(network.layers) > 1)
    assume(not network.layers[1].pools and not network.skips)
    network.respond(ttfs.Windows(steps))
    times = ttfs.forward(network, times_of(values)).times[1]
    said = network.psp.values(times, network.windows[1])
    course = run(network, values, Rate(steps))
    np.testing.assert_array_equal(np.minimum(course.counts[1], steps) / steps, said)


def test_random_input_spikes_are_those_of_a_sample_and_not_of_its_batch():
    network = ttfs.Network(ttfs.Dense(4, 3, threshold=1.0), ttfs.Dense(3, 2), psp=ttfs.Windows())
    values, rate = np.full((1200, 4), 0.5), Rate(3, input="bernoulli")
    course = run(network, values, rate)
    found = evaluate(network, values, np.zeros(1200), rate)
    spikes = sum(counts.sum() for counts in course.counts.values())
    assert found.spikes_per_sample == spikes / 1200
    some = run(network, values[:5], rate, first=1000)
    np.testing.assert_array_equal(some.counts[0], course.counts[0][1000:1005])


def test_outputs_are_told_in_thresholds_as_windows_are_decided():
    rng = np.random.default_rng(0)
    layers = (
        ttfs.Dense.of(rng.normal(size=(6, 20))),
        ttfs.Dense.of(rng.normal(size=(20, 3)), threshold=[1.0, 3.0, 9.0]),
    )
    network = ttfs.Network(*layers, psp=ttfs.Windows(), dtype=np.float64)
    values = rng.random((50, 6))
    record = ttfs.forward(network, 1 - values)
    decided = ttfs.decide(record.times[-1], record.potential).label
    assert (run(network, values, Rate(2000)).labels[-1] == decided).mean() > 0.95


def test_outputs_that_say_as_much_are_told_of():
    network = ttfs.Network(ttfs.Dense.of(np.eye(3), threshold=1), psp=ttfs.Windows())
    values = [[0, 0, 0], [0.5, 0.5, 0], [1, 0, 0.25]]
    found = evaluate(network, values, [1, 1, 0], Rate(4, output="spikes"))
    assert (found.accuracy, found.accuracy_lenient) == (1 / 3, 1)
    assert (found.ties, found.undecided) == (2, 1)


def test_a_pooled_input_is_heard_along_skips_too():
    dense = ttfs.Dense.of(np.ones((1, 1)), threshold=1)
    layers = ttfs.MinPool2d(2), dense, ttfs.Dense.of(np.ones((1, 1)), threshold=1)
    skips = [ttfs.Skip(1, 3)]
    network = ttfs.Network(*layers, psp=ttfs.Windows(), shape=(2, 2, 1), skips=skips)
    course = run(network, [[0.25, 0.5, 0, 0]], Rate(4))
    assert course.outputs[-1] == 0.5 + 0.5
    found = evaluate(network, [[0.25, 0.5, 0, 0]], [0], Rate(4))
    assert found.input_operations == 2


def times_of(values):
    return np.where(values > 0, 1 - values, np.inf)


def test_an_evaluation_counts_what_neurons_do():
    rng = np.random.default_rng(3)
    layers = [
        ttfs.Conv2d(4, 3, shape=(8, 8, 1), initial=rng.normal(0, 0.6, (9, 4)), threshold=1.0),
        ttfs.MinPool2d(2),
        ttfs.Dense(36, 3, initial=rng.normal(0, 0.5, (36, 3)), threshold=1.0),
    ]
    network = ttfs.Network(*layers, psp=ttfs.Windows())
    values, labels = rng.random((50, 64)), rng.integers(0, 3, 50)
    rate = Rate(6, begin=2)
    found = evaluate(network, values, labels, rate, decisions=labels)
    spikes = operations = settled = right = 0
    for own, label in zip(values, labels, strict=True):
        counts, said = course_of(network, own, rate)
        spikes += counts[2].sum()
        operations += counts[2].sum() * 3
        decided = said.argmax(axis=1)
        right += decided[-1] == label
        same = [step for step in range(2, 6) if (decided[step:] == decided[-1]).all()]
        settled += same[0] + 1
    assert found.accuracy == found.by_step[-1] == found.agreement == right / 50
    assert found.by_step[:2] == (0, 0)
    assert found.accuracy_lenient >= found.accuracy
    assert found.spikes_per_sample == spikes / 50
    assert found.hidden == 36
    assert found.spikes_per_hidden_neuron == spikes / 50 / 36
    assert found.operations_per_sample == operations / 50
    assert found.steps_to_decision == settled / 50
    assert found.input_operations == ttfs.cost_of(network, times_of(values)).dense_operations - 108
    assert "36 hidden neurons" in str(found)


def test_what_cannot_be_run_by_rates_is_refused():
    ramps = ttfs.Network(ttfs.Dense(3, 2), psp=ttfs.Ramp())
    network = ttfs.Network(ttfs.Dense(3, 2), psp=ttfs.Windows())
    with pytest.raises(InputError, match="this one has Ramp"):
        run(ramps, np.ones((1, 3)), Rate(2))
    with pytest.raises(InputError, match="rate must be"):
        run(network, np.ones((1, 3)), 8)
    with pytest.raises(ShapeError, match="got .1, 4."):
        run(network, np.ones((1, 4)), Rate(2))
    pooled = ttfs.Network(
        ttfs.MinPool2d(2), ttfs.Dense(None, 2), psp=ttfs.Windows(), shape=(2, 2, 1)
    )
    with pytest.raises(InputError, match="pools its input"):
        run(pooled, np.ones((1, 4)), Rate(2, input="bernoulli"))
    layers = ttfs.Conv2d(1, 1, shape=(2, 2, 1)), ttfs.MinPool2d(2), ttfs.Dense(None, 4)
    skipping = ttfs.Network(
        *layers, psp=ttfs.Windows(), skips=[ttfs.Skip(1, 3, layer=ttfs.Dense.of(np.ones((4, 4))))]
    )
    with pytest.raises(InputError, match="below a pool"):
        run(skipping, np.ones((1, 4)), Rate(2))
    pools = ttfs.Network(ttfs.MinPool2d(2), psp=ttfs.Windows(), shape=(4, 4, 1))
    for output in ("potential", "spikes"):
        with pytest.raises(InputError, match="no layer with weights"):
            run(pools, np.ones((1, 16)), Rate(2, output=output))
    for first in (-1, 1.5, "a"):
        with pytest.raises(InputError, match=r"run\(first=...\) must be a whole number"):
            run(network, np.ones((1, 3)), Rate(2), first=first)
    for told in ({}, {"keep": 0.5}):
        with pytest.raises(InputError, match="must say how many steps"):
            rate_of(told)
    for wrong in (
        {"steps": 0},
        {"steps": 2**17},
        {"reset": "none"},
        {"keep": 1.5},
        {"initial": -1},
        {"initial": 1e300},
        {"shift": np.nan},
        {"bias": None},
        {"input": "latency"},
        {"output": ""},
        {"pool": "largest"},
        {"begin": 4},
        {"seed": -1},
        {"negative": 2},
        {"negative": True, "reset": "hard"},
    ):
        with pytest.raises(InputError, match=f"Rate.{next(iter(wrong))}="):
            replace(Rate(4), **wrong)
    with pytest.raises(InputError, match="at least one sample"):
        evaluate(network, np.ones((0, 3)), [], Rate(2))
    with pytest.raises(InputError, match="decisions must be"):
        evaluate(network, np.ones((1, 3)), [0], Rate(2), decisions=[0, 1])
