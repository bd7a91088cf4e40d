"""Biases that make up for the mean error of firing rates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ttfs
from tests.test_clocked_laws import ordinary  # noqa: F401
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
            drive = drive if k + 1 == last else np.clip(drive, 0, 1)
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


def test_the_mean_error_of_outputs_is_smaller_on_other_images(ordinary):  # noqa: F811
    several, data = ordinary
    seen, other = data.images[::2], data.images[1::2]
    for layers in several:
        found, rate = convert_to_rates(layers, seen, "local", 4)
        once = ttfs.forward(found.network, found.times(other)).potential
        right = (once / found.network.layers[-1].threshold).mean(axis=0)
        plain, better = (
            abs(run(network, other, rate).outputs[-1].mean(axis=0) - right).mean()
            for network in (found.network, compensated(found.network, seen, rate))
        )
        assert better < 0.75 * plain


def test_biases_of_single_neurons_are_kept_apart():
    rng = np.random.default_rng(0)
    own = rng.normal(0, 0.1, (6, 4, 3))
    first = ttfs.Conv2d(3, 3, padding=1, threshold=1.0, bias=own, shape=(6, 4, 1))
    network = ttfs.Network(first, ttfs.Dense(None, 2), psp=ttfs.Windows())
    found = compensated(network, rng.random((20, 24)), Rate(3))
    moved = (found.biases[0] - network.biases[0]).reshape(-1, 3)
    assert np.allclose(moved, moved[0])


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
