"""Spikes in order: the same as a stable sort by comparison, whatever the times are."""

import numba
import numpy as np
import pytest
from cases import TIMES
from hypothesis import given
from hypothesis import strategies as st

from ttfs.kernels import gathering, late, sorting
from ttfs.kernels.jit import kernel

pytestmark = pytest.mark.small
INF = np.inf
ROWS = {
    "whole steps": lambda rng, n: rng.integers(0, 256, n),
    "few steps of many": lambda rng, n: rng.choice([0, 0, 1, 2, 255, 4095], n),
    "any": lambda rng, n: rng.random(n) * 300,
    "close to each other": lambda rng, n: 100 + rng.random(n) * 1e-4,
    "of any size": lambda rng, n: 10.0 ** rng.uniform(-30, 2, n),
    "zeros with a sign": lambda rng, n: rng.choice([0.0, -0.0, 1.0], n),
    "backwards": lambda rng, n: np.arange(n, 0, -1) / 7,
}


def guarded(size, dtype):
    """An array in the midst of another, and that one, to see what is written beside it."""
    whole = np.full(size + 64, 77, dtype)
    return whole[32 : 32 + size], whole


def check_sort(row, t_max):
    """Sort the spikes of a row as kernels do, and as NumPy does."""
    kinds = [row.dtype, np.int64, row.dtype, np.int64]
    arrays, wholes = zip(*[guarded(len(row), kind) for kind in kinds], strict=True)
    bins, room = guarded(sorting.BINS, np.int64)
    count = sorting.sort_events(row, t_max, *arrays, bins)
    spikes = np.flatnonzero(row < t_max)
    order = spikes[np.argsort(row[spikes], kind="stable")]
    assert arrays[1][:count].tolist() == order.tolist()
    assert arrays[0][:count].tobytes() == np.abs(row[order]).tobytes()
    assert all((whole[:32] == 77).all() and (whole[-32:] == 77).all() for whole in (*wholes, room))


@pytest.mark.parametrize("dtype", TIMES)
@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 200, 1000])
def test_spikes_are_in_order_and_equal_times_in_order_of_neurons(kind, size, dtype):
    rng = np.random.default_rng(size)
    row = ROWS[kind](rng, size).astype(dtype)
    check_sort(row, 1e9)
    row[rng.random(size) < 0.7] = INF
    check_sort(row, 200.0)


@pytest.mark.parametrize("t_max", [5e-324, 1e-40, 1e-20, 1.0, 300.0, 1e20, 1e300])
def test_horizons_of_any_size_have_their_order(t_max):
    rng = np.random.default_rng(1)
    for size in 40, 300:
        check_sort(rng.random(size) * 2 * t_max, t_max)
        check_sort((rng.integers(0, 9, size) * t_max / 8), t_max)


@given(st.lists(st.floats(0, width=32), max_size=70), st.floats(0.001, 1e6))
def test_any_times_have_their_order(times, t_max):
    check_sort(np.array(times, np.float64), t_max)


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="processors differ in what is compiled")
@pytest.mark.parametrize("compresses", sorted({False, gathering.COMPRESSES}))
@pytest.mark.parametrize("kind", [np.int32, np.int64])
def test_places_are_gathered_with_and_without_an_instruction_for_it(monkeypatch, compresses, kind):
    monkeypatch.setattr(gathering, "COMPRESSES", compresses)
    gather = kernel(gathering.gather.function)
    rng = np.random.default_rng(0)
    for size in 5, 16, 100:
        for share in 0, 0.5, 1:
            row = np.where(rng.random(size) < share, np.float32(1), np.float32(INF))
            index, whole = guarded(size, kind)
            count = gather(row, 2.0, index)
            assert index[:count].tolist() == np.flatnonzero(row < 2).tolist()
            assert (whole[:32] == 77).all()
            assert (whole[-32:] == 77).all()


@pytest.mark.parametrize("dtype", TIMES)
def test_what_is_at_its_bound_or_after_it_is_left_out(dtype):
    rng = np.random.default_rng(2)
    times = rng.choice([0, 1, 2, 3, INF], (30, 50)).astype(dtype)
    bounds = rng.choice([0.5, 2, 3, 4, INF], (30, 1)).astype(dtype)
    kept = np.empty_like(times)
    late.leave_out(times, bounds, kept)
    expected = np.where(times < bounds, times, INF)
    assert kept.tolist() == expected.tolist()
    for s in range(30):
        found = late.is_any_late(times[s : s + 1], bounds[s : s + 1])
        assert found == (expected[s] != times[s]).any()
