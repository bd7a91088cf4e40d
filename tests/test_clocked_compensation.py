"""Biases that make up for the mean error of firing rates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ttfs
from ttfs.clocked import Rate, compensated, convert_to_rates, run
from ttfs.engines.sums import potentials_of
from ttfs.errors import InputError, ShapeError

RATES = st.builds(
    Rate,
    st.integers(1, 9),
    initial=st.sampled_from([0.0, 0.3, 0.5]),
    reset=st.sampled_from(["soft", "hard"]),
    bias=st.sampled_from(["each", "spread"]),
    output=st.sampled_from(["potential", "spikes"]),
    pool=st.sampled_from(["sums", "currents"]),
)


def random_network(rng, biases):
    """Maps, a pool and dense layers with thresholds of their own."""

    def bias(size):
        return rng.normal(0, 0.1, size) if biases else None

    layers = [
        ttfs.Conv2d(3, 3, padding=1, threshold=[0.5, 1, 2], bias=bias(3)),
        ttfs.MinPool2d(2),
        ttfs.Conv2d(4, 2, threshold=1.0, bias=bias(4)),
        ttfs.Dense(None, 5, threshold=0.7, bias=bias(5)),
    ]
    seed = int(rng.integers(2**31))
    network = ttfs.Network(*layers, psp=ttfs.Windows(), shape=(6, 4, 1), dtype=float, seed=seed)
    for weights in network.weights:
        weights[:] = rng.normal(0.05, 0.4, weights.shape)
    return network


def plainly(network, values, rate):
    """The same by the definition: layer by layer, with the mean of each channel."""
    below, wanted, last = [values], [], len(network.layers)
    for k, layer in enumerate(network.layers):
        drive = potentials_of(network, k, below)
        if not layer.pools:
            drive = drive / np.resize(layer.threshold, drive.shape[1])
            clipped = k + 1 < last or rate.output == "spikes"
            drive = np.clip(drive, 0, 1) if clipped else drive
        below.append(drive)
        wanted.append(drive.mean(axis=0))
    found = compensated(network, values, Rate(1))  # one with biases, which are set back
    for own, first in zip(found.biases, network.biases, strict=True):
        if own is not None:
            own[:] = 0 if first is None else first
    for number, k in ((2, 0), (3, 2), (4, 3)):  # what fires, and where its biases are
        course = run(found, values, rate)
        said = course.outputs[-1] if number == last else course.counts[number] / rate.steps
        layer = network.layers[k]
        error = (said.mean(axis=0) - wanted[number - 1]).reshape(-1, layer.columns).mean(axis=0)
        weight = 1 if rate.bias == "each" else rate.steps
        found.biases[k][:] -= error * layer.threshold * weight
    return found.biases


@given(st.integers(0, 2**32 - 1), RATES, st.booleans())
def test_biases_are_those_of_the_definition(seed, rate, biases):
    rng = np.random.default_rng(seed)
    network = random_network(rng, biases)
    values = rng.random((130, 24))
    before = [b if b is None else b.copy() for b in network.biases]
    found = compensated(network, values, rate)
    for own, wanted in zip(found.biases, plainly(network, values, rate), strict=True):
        assert own is wanted is None or np.allclose(own, wanted, rtol=1e-9, atol=1e-9)
    for own, first in zip(network.biases, before, strict=True):
        assert own is first is None or np.array_equal(own, first)
    assert all(map(np.array_equal, found.weights, network.weights))


def test_biases_of_single_neurons_are_kept_apart():
    rng = np.random.default_rng(0)
    own = rng.normal(0, 0.1, (6, 4, 3))
    first = ttfs.Conv2d(3, 3, padding=1, threshold=1.0, bias=own, shape=(6, 4, 1))
    network = ttfs.Network(first, ttfs.Dense(None, 2), psp=ttfs.Windows())
    found = compensated(network, rng.random((20, 24)), Rate(3))
    moved = (found.biases[0] - network.biases[0]).reshape(-1, 3)
    assert np.allclose(moved, moved[0])


def test_what_is_right_already_is_left_alone():
    fires = ttfs.Dense.of([[-1.0, -0.5], [1.5, 1.0]], threshold=1)
    pooled = ttfs.Conv2d(1, 1, shape=(2, 2, 1), initial=[[1.0]], threshold=2.0), ttfs.MinPool2d(2)
    for layers, values, rate in (
        ([fires], [[1.0, 0.0], [0.0, 0.5]], Rate(4, output="spikes")),
        (pooled, [[0.5] * 4], Rate(4)),
        ((pooled[0].after((2, 2, 1)), pooled[1]), [[0.5] * 4], Rate(4, output="spikes")),
    ):
        network = ttfs.Network(*layers, psp=ttfs.Windows(), dtype=float)
        found = compensated(network, values, rate)
        assert np.allclose(found.biases[0], 0, atol=1e-12)
    negative = ttfs.Conv2d(1, 1, shape=(2, 2, 1), initial=[[-1.0]], threshold=1.0)
    network = ttfs.Network(negative, ttfs.MinPool2d(2), psp=ttfs.Windows(), dtype=float)
    assert np.allclose(compensated(network, [[0.5] * 4], Rate(4)).biases[0], 0, atol=1e-12)


def test_methods_that_keep_thresholds_keep_steps_and_refuse_other_thresholds():
    network = random_network(np.random.default_rng(2), True)
    values = np.random.default_rng(3).random((20, 24))
    layers = network.layers
    stepped = ttfs.Network(*layers, psp=ttfs.Windows(4), shape=(6, 4, 1), dtype=float)
    found, _ = convert_to_rates(stepped, values, "qcfs", 4)
    assert found.network.psp == ttfs.Windows(4)
    with pytest.raises(InputError, match="omit per='layer'"):
        convert_to_rates(stepped, values, "qcfs", 4, per="layer")
    with pytest.raises(InputError, match=r"not Network\(2-2, Step"):
        convert_to_rates(ttfs.Network(ttfs.Dense(2, 2)), values, "qcfs", 4)


def test_a_network_that_cannot_run_by_rates_is_refused_when_it_is_converted():
    layers = [
        ttfs.Conv2d(2, 3, padding=1),
        ttfs.MinPool2d(3, stride=1, padding=1),
        ttfs.Conv2d(2, 3, padding=1),
        ttfs.Dense(None, 3),
    ]
    skip = ttfs.Skip(1, 3)
    network = ttfs.Network(*layers, psp=ttfs.Windows(), shape=(4, 4, 1), skips=[skip])
    with pytest.raises(InputError, match="below a pool"):
        convert_to_rates(network, np.random.default_rng(0).random((10, 16)), "max", 4)


def test_only_layers_that_fire_are_corrected_and_what_is_run_can_end_below_the_outputs():
    rng = np.random.default_rng(1)
    network = random_network(rng, True)
    values, rate = rng.random((10, 24)), Rate(5)
    whole = run(network, values, rate)
    for number in (2, 3):
        part = run(network, values, rate, upto=number)
        assert np.allclose(part.outputs[-1], whole.counts[number] / 5)
        assert set(part.counts) == {k for k in whole.counts if k <= number}
    with pytest.raises(InputError, match=r"run\(upto=...\) must be 4 or less, got 5"):
        run(network, values, rate, upto=5)
    with pytest.raises(ShapeError):
        compensated(network, values[:, 1:], rate)
    with pytest.raises(InputError, match="Windows"):
        compensated(ttfs.Network(ttfs.Dense(2, 2)), values[:, :2], rate)
