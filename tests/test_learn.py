"""A gradient by weights and the step along it, in one kernel."""

from functools import partial

import numba
import numpy as np
import pytest
from cases import FLOATS, SEEDS, same_bits, stimuli
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_training import weight_gradient

import ttfs
from ttfs.gradients.causes import arrived_at, causes_of, learn
from ttfs.gradients.windows import padded
from ttfs.kernels import exact, threads
from ttfs.network.buffers import aligned_zeros

pytestmark = [pytest.mark.small]
if numba.config.DISABLE_JIT:  # NumPy warns of what kernels compute and do not use
    pytestmark += [pytest.mark.filterwarnings("ignore:(invalid value|overflow):RuntimeWarning")]
INF = np.inf


def problem(seed, samples, width, dtype, psp):
    """The causes of a layer's spikes, and gains and moments of its neurons, most of them 0."""
    rng = np.random.default_rng(seed)
    layer = ttfs.Dense(int(rng.integers(1, 9)), width, delay=0.25)
    network = ttfs.Network(layer, psp=psp, t_max=4, dtype=dtype, seed=1)
    times = stimuli(samples, network.sizes[0], seed, dtype)
    gains = rng.choice([0.0, 0.0, 1.0, -0.3], (samples, width)) * rng.random((samples, width))
    until = np.where(rng.random(gains.shape) < 0.3, -INF, rng.choice([0.5, 0.75, 1.1], gains.shape))
    until, gains = padded(network, 0, until, -INF), padded(network, 0, gains, 0)
    found = causes_of if isinstance(psp, ttfs.Ramp) else arrived_at
    return network, times + dtype(0.25), found(network, 0, times), until, gains


sizes = partial(
    given, seed=SEEDS, samples=st.integers(0, 9), width=st.sampled_from([1, 16, 17, 64, 100])
)


@pytest.mark.parametrize("psp", [ttfs.Ramp(), ttfs.Ramp(0.3), ttfs.Step()], ids=repr)
@pytest.mark.parametrize("dtype", FLOATS)
@sizes(parts=st.integers(1, 3))
@settings(max_examples=15)
def test_gradients_equal_the_plain_loop_in_every_bit(psp, dtype, seed, samples, width, parts):
    network, arrivals, causes, until, gains = problem(seed, samples, width, dtype, psp)
    rise = psp.rise if isinstance(psp, ttfs.Ramp) else None
    out = aligned_zeros(network.arrays.weights.size, dtype).reshape(network.sizes[0], -1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threads, "threads", lambda: parts)
        patch.setattr(threads, "WORTH", 0)
        causes.by_weights(until, gains, out)
    assert same_bits(out, weight_gradient(arrivals, until, gains, rise))


@pytest.mark.parametrize("samples", [exact.CHUNK, exact.CHUNK + 1, 3 * exact.CHUNK - 1])
@pytest.mark.parametrize("psp", [ttfs.Ramp(), ttfs.Ramp(0.3)], ids=repr)
def test_so_do_those_of_many_samples(psp, samples):
    network, arrivals, causes, until, gains = problem(3, samples, 70, np.float32, psp)
    out = aligned_zeros(network.arrays.weights.size, np.float32).reshape(network.sizes[0], -1)
    causes.by_weights(until, gains, out)
    assert same_bits(out, weight_gradient(arrivals, until, gains, psp.rise))


@pytest.mark.parametrize("optimizer", [ttfs.SGD(), ttfs.Momentum(), ttfs.Adam()], ids=repr)
@pytest.mark.parametrize("dtype", FLOATS)
@sizes(pulled=st.booleans())
@settings(max_examples=10)
def test_steps_are_those_of_the_optimizer_in_every_bit(
    optimizer, dtype, seed, samples, width, pulled
):
    network, _, causes, until, gains = problem(seed, samples, width, dtype, ttfs.Ramp())
    weights = network.padded(network.arrays.weights, 0)
    pull = pulled * np.random.default_rng(seed).normal(size=weights.shape[1]).astype(dtype)
    others, gradient = weights.copy(), aligned_zeros(weights.size, dtype)
    slots, other_slots = optimizer.slots(weights.reshape(-1)), optimizer.slots(others.reshape(-1))
    for lr in (0.1, 0.2):
        stride = optimizer.stride(weights.reshape(-1), slots, lr)
        learn(causes, until, gains, pull, weights, stride)
        causes.by_weights(until, gains, gradient.reshape(weights.shape))
        gradient.reshape(weights.shape)[:] -= pull
        optimizer.step(others.reshape(-1), gradient, other_slots, lr)
    assert same_bits(weights, others)
    assert all(same_bits(slots[name], other_slots[name]) for name in slots)
