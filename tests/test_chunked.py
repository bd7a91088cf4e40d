"""Data that are read chunk by chunk: the same bits as in memory, and little memory."""

import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple
from multiprocessing import get_context

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ttfs
from ttfs.engines.batch import lost_share
from ttfs.files.chunked import Chunked, chunked
from ttfs.measures import metrics
from ttfs.training.split import shuffled


class Kept:
    """An array that is read in chunks, and counts how often."""

    def __init__(self, array, size):
        self.array, self.shape, self.chunks, self.reads = array, array.shape, (size,), []

    def __getitem__(self, some):
        assert isinstance(some, slice)
        self.reads.append((some.start, some.stop))
        return self.array[some]


def ramps():
    return ttfs.Network(
        ttfs.Dense(64, 20, threshold=1.0),
        ttfs.Dense(20, 10, threshold=1.0),
        psp=ttfs.Ramp(),
        t_max=4.0,
    )


@pytest.fixture(scope="module")
def digits():
    train, test = ttfs.datasets.digits()
    return train, test, ttfs.Latency(t_max=1.0)


@given(st.integers(0, 40), st.integers(1, 50), st.data())
def test_rows_are_those_of_the_array(rows, size, data):
    array = np.arange(3 * rows).reshape(rows, 3)
    kept = chunked(Kept(array, size))
    assert isinstance(kept, Chunked)
    assert len(kept) == rows
    start, stop = data.draw(st.integers(-45, 45)), data.draw(st.integers(-45, 45))
    step = data.draw(st.sampled_from([None, 1, 2, -1, -3]))
    np.testing.assert_array_equal(kept[start:stop:step], array[start:stop:step])
    np.testing.assert_array_equal(np.asarray(kept), array)
    if rows:
        some = data.draw(st.lists(st.integers(0, rows - 1), max_size=20))
        np.testing.assert_array_equal(kept[np.array(some, int)], array[np.array(some, int)])
        chosen = kept.map(lambda part: part * 2).only(np.array(some, int))
        np.testing.assert_array_equal(np.asarray(chosen), 2 * array[np.array(some, int)])
        assert chosen.shape == (len(some), 3)
        assert chosen.dtype == array.dtype


def test_what_is_in_memory_is_left_as_it_is():
    for values in (np.zeros((2, 3)), [[1.0]], np.float32(3), None, np.memmap):
        assert chunked(values) is None


@pytest.mark.parametrize("some", [[-1], [5], 5, [0.5], [[0]], "all"])
def test_rows_that_are_not_there_are_refused(some):
    kept = chunked(Kept(np.zeros((5, 2)), 2))
    with pytest.raises((IndexError, ttfs.InputError), match=r"there are 5 rows|are chosen by"):
        kept[some]


def test_an_array_that_lies_about_its_rows_is_refused():
    lying = Kept(np.zeros((5, 2)), 2)
    lying.shape = (9, 2)
    with pytest.raises(ttfs.InputError, match="gives 1 rows for 4 to 5"):
        chunked(lying)[:]


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_an_evaluation_has_the_same_bits(size, digits, monkeypatch):
    _, test, encode = digits
    monkeypatch.setattr(metrics, "CHUNK", 50)
    network, times = ramps(), encode(test.images)
    times[::5] += 3.5  # some spikes come too late
    wanted = ttfs.evaluate(network, times, test.labels)
    kept = Kept(times, size)
    assert repr(ttfs.evaluate(network, kept, test.labels)) == repr(wanted)
    assert lost_share(network, kept) == wanted.lost > 0
    assert len(kept.reads) <= 2 * -(-len(times) // size) + 2, "each chunk is read once"


def test_values_are_encoded_when_they_are_read(digits):
    _, test, encode = digits
    kept = Kept(test.images, 100)
    times = encode(kept)
    assert not kept.reads
    np.testing.assert_array_equal(times[7:9], encode(test.images[7:9]))
    assert kept.reads == [(0, 100)]
    both = ttfs.OnOff((8, 8))
    np.testing.assert_array_equal(both(kept)[:3], both(test.images[:3]))
    yin = ttfs.Direct(bias=0.9)
    np.testing.assert_array_equal(yin(kept)[:3], yin(test.images[:3]))


def test_values_out_of_range_are_refused_where_they_are_read():
    bad = np.zeros((10, 4))
    bad[7] = np.nan
    network = ttfs.Network(ttfs.Dense(4, 2), t_max=1)
    with pytest.raises(ttfs.InputError, match="must be 0 or later"):
        ttfs.evaluate(network, Kept(bad, 3), np.zeros(10, int))
    with pytest.raises(ttfs.ShapeError, match=r"\(samples, 4\)"):
        ttfs.evaluate(network, Kept(np.zeros((10, 5)), 3), np.zeros(10, int))


def test_what_would_be_lost_is_refused(tmp_path):
    da, h5py, pq = map(pytest.importorskip, ("dask.array", "h5py", "quantities"))
    network, labels = ttfs.Network(ttfs.Dense(4, 2), t_max=1), np.zeros(10, int)
    times = np.zeros((10, 4))
    for odd, told in (
        (da.ma.masked_equal(da.from_array(times, (3, 4)), 0), "must not be masked, got 12 masked"),
        (da.from_array(pq.Quantity(times, "ms"), (3, 4)), "got Quantity with a unit"),
        (da.from_array(times.astype("U3"), (3, 4)), "must be numbers, got <U3"),
    ):
        with pytest.raises(ttfs.InputError, match=told):
            ttfs.evaluate(network, odd, labels)
    rows = da.from_array(times, (3, 4))
    for act in (ttfs.forward, ttfs.predict):
        with pytest.raises(ttfs.InputError, match="must know its sizes: call .compute_chunk_sizes"):
            act(network, rows[rows[:, 0] > 3])
    with pytest.raises(ttfs.ShapeError, match=r"must be \(samples, 4\), got"):
        ttfs.forward(network, rows[:, :3])
    with h5py.File(tmp_path / "a.h5", "w") as file:
        closed = file.create_dataset("a", data=times)
        with pytest.raises(ttfs.InputError, match="cannot be sent to another process: pass a Zarr"):
            pickle.dumps(chunked(closed))
    with pytest.raises(ttfs.InputError, match="this Dataset cannot be read: .*; is its file open"):
        ttfs.evaluate(network, closed, labels)


@pytest.mark.parametrize("augmented", [False, True])
@pytest.mark.parametrize("shuffle", [0, 90])
def test_a_training_has_the_same_bits(augmented, shuffle, digits, tmp_path):
    train, _, encode = digits
    change = [ttfs.augmentation.Jitter(0.05)] if augmented else []

    def learned(times, file, epochs=(3,)):
        network = ramps()
        trainer = ttfs.Trainer(
            network,
            ttfs.rules.Exact(),
            ttfs.Adam(lr=0.01),
            batch_size=20,
            augmentation=change,
            by_firing=True,
            shuffle=shuffle,
        )
        for n, rows in zip(epochs, times, strict=True):
            trainer.fit(rows, train.labels, epochs=n, checkpoint=file, resume=True)
        return [weights.tobytes() for weights in network.weights]

    times = encode(train.images)
    wanted = learned([times], tmp_path / "whole")
    assert learned([encode(Kept(train.images, 200))], tmp_path / "chunks") == wanted
    both = learned([Kept(times, 200), times], tmp_path / "both", (2, 3))
    assert both == learned([times, times], tmp_path / "twice", (2, 3)), "it is the same training"


def test_samples_shuffled_in_blocks_are_read_once_an_epoch(monkeypatch):
    monkeypatch.setattr("ttfs.files.chunked.KEPT", 0)
    monkeypatch.setattr("ttfs.training.trainer.CHUNK", 100)
    monkeypatch.setattr("ttfs.training.trainer.PROBE", 100)
    kept = Kept(np.random.default_rng(0).random((1000, 64)), 100)

    def reads(shuffle, epochs):
        kept.reads = []
        trainer = ttfs.Trainer(ramps(), ttfs.rules.Exact(), batch_size=10, shuffle=shuffle)
        trainer.fit(kept, np.zeros(1000, int), epochs=epochs, validation=0)
        return len(kept.reads)

    assert reads(100, 3) - reads(100, 1) == 2 * (10 + 1), "the samples, and those to probe"
    assert reads(0, 3) - reads(0, 1) > 2 * 90


@given(st.integers(1, 50), st.integers(0, 60), st.integers(0, 9))
def test_blocks_hold_samples_that_follow_one_another(samples, block, seed):
    order = shuffled(np.arange(samples), block, np.random.default_rng(seed))
    assert sorted(order) == list(range(samples))
    for start in range(0, samples, block) if block and not samples % block else []:
        assert np.ptp(order[start : start + block]) == min(block, samples) - 1


def test_other_processes_evaluate_with_the_same_bits(digits, monkeypatch):
    _, test, encode = digits
    monkeypatch.setattr(metrics, "TASK", 1)
    monkeypatch.setattr(metrics, "AT_ONCE", 94 * 100)
    network, times = ramps(), encode(test.images)
    wanted = ttfs.evaluate(network, times, test.labels)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        found = ttfs.evaluate(network, times, test.labels, executor=pool)
    assert astuple(found) == astuple(wanted)
    with pytest.raises(ttfs.InputError, match="executor"):
        ttfs.evaluate(network, times, test.labels, executor=map)


def test_what_is_sent_elsewhere_leaves_its_chunks_behind():
    kept = chunked(Kept(np.zeros((100, 50)), 10))
    before = len(pickle.dumps(kept))
    assert kept.shape == (100, 50)
    kept[:]
    assert abs(len(pickle.dumps(kept)) - before) < 1000
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(kept))[:], kept[:])


def test_arrays_of_zarr_dask_and_h5py_are_read_chunk_by_chunk(digits, tmp_path):
    zarr, da, h5py = map(pytest.importorskip, ("zarr", "dask.array", "h5py"))
    _, test, encode = digits
    network, times = ramps(), encode(test.images)
    wanted = ttfs.evaluate(network, times, test.labels)
    stored = zarr.create_array(tmp_path / "times.zarr", data=times, chunks=(50, 64))
    with h5py.File(tmp_path / "times.h5", "w") as file:
        plain = file.create_dataset("plain", data=times)
        packed = file.create_dataset("packed", data=times, chunks=(37, 64), compression="gzip")
        for array in (stored, da.from_zarr(stored), da.from_array(times, (70, 64)), plain, packed):
            assert isinstance(chunked(array), Chunked)
            assert ttfs.evaluate(network, array, test.labels) == wanted
    record = ttfs.forward(network, da.from_array(times, (70, 32)))
    assert not any(isinstance(layer, np.ndarray) for layer in record.times)
    whole = ttfs.forward(network, times)
    for found, layer in zip(record.times, whole.times, strict=True):
        assert found.dtype == layer.dtype
        assert np.asarray(found).tobytes() == layer.tobytes()
    assert np.asarray(record.potential).tobytes() == whole.potential.tobytes()
    np.testing.assert_array_equal(record.additions, whole.additions)
    np.testing.assert_array_equal(record.events, whole.events)
    labels = da.from_array(test.labels, 100)
    assert ttfs.evaluate(network, encode(da.from_array(test.images, 100)), labels) == wanted
