"""Samples that go through wide layers together: the same as one by one."""

import numpy as np
import pytest
from cases import (
    PAIRS,
    any_times,
    any_weights,
    binary_networks,
    dyadic_networks,
    dyadic_times,
    run,
    same_bits,
    same_record,
)
from guarded import guarded, guarded_tuple, guards, in_own_process
from hypothesis import given
from hypothesis import strategies as st
from reference import forward_float

import ttfs
from ttfs.kernels import batch, block

pytestmark = pytest.mark.small


def small_blocks(patch, part=1):
    """All layers are large, and blocks have two samples."""
    for name, value in {"LARGE": -1, "SAMPLES": 2, "PART": part}.items():
        patch.setattr(block, name, value)


@pytest.mark.parametrize(("dtype", "time_dtype"), PAIRS)
@given(data=st.data())
def test_samples_in_blocks_equal_samples_one_by_one(dtype, time_dtype, data):
    network = data.draw(st.one_of(dyadic_networks(dtype), binary_networks(dtype)))
    times = data.draw(dyadic_times(network, time_dtype))
    alone = run(network, times)
    with pytest.MonkeyPatch.context() as patch:
        small_blocks(patch)
        together = run(network, times)
    assert same_record(alone, together)
    assert same_bits(alone.additions, together.additions)


def wide_network(size):
    """A network with two wide layers, and stimuli for it."""
    rng = np.random.default_rng(size)
    first, second = (any_weights(rng, "near", s, np.float32) for s in [(90, size), (size, 70)])
    layers = [ttfs.Dense.of(w, threshold=np.abs(w).max(), delay=0.1) for w in (first, second)]
    times = [any_times(rng, kind, 90, 100) for kind in ("uniform", "ties", "uniform")]
    return ttfs.Network(*layers, t_max=100), np.array(times)


@pytest.mark.parametrize("part", [1, 3, 8, 9])
@pytest.mark.parametrize("size", [64, 300, 1100])
def test_wide_layers_in_parts_equal_the_plain_loops_in_every_bit(monkeypatch, size, part):
    network, times = wide_network(size)
    small_blocks(monkeypatch, part)
    assert same_record(run(network, times), forward_float(network, times))


def test_a_network_is_large_if_one_of_its_layers_is():
    small = ttfs.Network(ttfs.Dense(100, 400), ttfs.Dense(400, 10))
    large = ttfs.Network(ttfs.Dense(100, 6400), ttfs.Dense(6400, 10))
    bits = ttfs.Network(
        ttfs.Dense(100, 6400, weights=ttfs.Binary()), ttfs.Dense(6400, 10, weights=ttfs.Binary())
    )
    found = [block.is_large(network.packed_arrays) for network in (small, large, bits)]
    assert found == [False, True, False]


def run_guarded(at):
    """Blocks in memory that ends the process when left."""
    network, times = wide_network(300)
    record, arrays = ttfs.forward(network, times), guarded_tuple(network.arrays, at)
    with pytest.MonkeyPatch.context() as patch:
        small_blocks(patch, 3)
        made = block.make_block(arrays, times)
    works = guarded_tuple(made.works, at)
    for scratch in works[:-1]:  # but for the strides
        scratch.view(np.uint8)[...] = 255
    made = block.Block(works, *(guarded(array, at) for array in made[1:]))
    spikes = guarded(np.empty((len(times), arrays.units[-1]), times.dtype), at)
    potential = guarded(np.empty_like(record.potential), at)
    whole, heard = np.empty((len(times), 0), np.int32), np.empty((len(times), 2), np.int64)
    found = batch.Found(spikes, potential, whole, heard)
    block.run(arrays, guarded(times, at), found, made, 0, len(times))
    for k, layer in enumerate(record.times[1:]):
        assert same_bits(spikes[:, arrays.units[k] :][:, : layer.shape[1]], layer)
    assert same_bits(potential, record.potential)


@guards
@pytest.mark.parametrize("at", ["start", "end"])
def test_kernels_stay_within_their_arrays(at):
    child = in_own_process("test_block", "run_guarded", at)
    assert child.returncode == 0, child.stderr
