"""Folders of shards: read a file at a time, with the bits of the same data in one file."""

import os

import numpy as np
import pytest

import ttfs
from ttfs.cli import main
from ttfs.datasets.npz import read_npz
from ttfs.datasets.shards import Shards
from ttfs.files.chunked import Chunked


def write(folder, split, sizes, rng, **changes):
    (folder / split).mkdir(parents=True)
    for n, size in enumerate(sizes):
        arrays = {
            "images": rng.integers(0, 256, (size, 4, 4), np.uint8),
            "labels": rng.integers(0, 3, size),
        }
        made = {key: one for key, one in (arrays | changes).items() if one is not None}
        np.savez(folder / split / f"{n:03}.npz", **made)


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    write(tmp_path / "shards", "train", [30, 1, 50, 7], rng)
    write(tmp_path / "shards", "test", [10, 20], rng)
    return tmp_path / "shards"


def whole(folder):
    """The same data in one file."""
    arrays = {}
    for split, prefix in (("train", ""), ("test", "test_")):
        paths = sorted((folder / split).glob("*.npz"))
        for name in ("images", "labels") if paths else ():
            parts = [read_npz(path, [name])[0][name] for path in paths]
            arrays[prefix + name] = np.concatenate(parts)
    np.savez(folder.parent / "whole.npz", **arrays)
    return folder.parent / "whole.npz"


def test_shards_are_one_data_set(folder):
    for sharded, plain in zip(
        ttfs.datasets.load(folder), ttfs.datasets.load(whole(folder)), strict=True
    ):
        assert isinstance(sharded.images, Chunked)
        np.testing.assert_array_equal(sharded.images, plain.images)
        np.testing.assert_array_equal(sharded.labels, plain.labels)
        assert (sharded.image_shape, sharded.classes) == (plain.image_shape, plain.classes)
        assert sharded.split == plain.split
        np.testing.assert_array_equal(sharded.part(slice(3, 9)).images, plain.images[3:9])


def test_without_a_test_set_the_same_fifth_is_held_out(folder):
    for path in (folder / "test").iterdir():
        path.unlink()
    both = ttfs.datasets.load(folder), ttfs.datasets.load(whole(folder))
    for sharded, plain in zip(*both, strict=True):
        np.testing.assert_array_equal(sharded.images, plain.images)
        np.testing.assert_array_equal(sharded.labels, plain.labels)


@pytest.mark.usefixtures("undrawn")
def test_the_commands_give_the_bits_of_the_same_data_in_one_file(folder, tmp_path, capsys):
    plain = whole(folder)
    models = []
    for data in (folder, plain):
        out = tmp_path / data.stem / "run"
        settings = "--epochs 2 --hidden 12 --quiet"
        assert main(["train", "--dataset", str(data), *settings.split(), "--out", str(out)]) == 0
        models.append(ttfs.load(out / "model.npz"))
        capsys.readouterr()
        assert main(["evaluate", str(out / "model.npz"), "--dataset", str(folder)]) == 0
        told = capsys.readouterr().out.splitlines()
        models.append([line for line in told if "time  " not in line])
        assert main(["plot", str(out / "model.npz"), "--index", "4", "--out", str(out)]) == 0
    one, lines, other, others = models
    for k in range(2):
        assert one.network.weights[k].tobytes() == other.network.weights[k].tobytes()
    assert lines == others


def test_times_come_in_shards_too(tmp_path):
    rng = np.random.default_rng(0)
    timed = {"times": rng.random((9, 5)) * 80, "labels": np.arange(9) % 2, "images": None}
    write(tmp_path, "train", [9, 9], rng, **timed, stop=100.0, unit="ms")
    train, test = ttfs.datasets.load(tmp_path)
    assert (train.stop, train.unit, len(train), len(test)) == (100.0, "ms", 14, 4)
    assert isinstance(train.times, Chunked)
    np.testing.assert_array_equal(
        train.encoded(ttfs.SpikeTimes(100, "ms"))[:2], train.times[:2] / 100
    )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"labels": np.arange(5)}, "has 3 samples but 5 labels"),
        ({"labels": None}, "must hold labels, and either images or times"),
        ({"images": None}, "must hold labels, and either images or times"),
        ({"times": np.zeros((3, 4))}, "must hold labels, and either images or times"),
        ({"images": np.zeros((3, 4, 5), np.uint8)}, r"shape \(4, 5\), but 000.npz has images of"),
        ({"images": np.zeros((3, 4, 4))}, "has images of float64 .*, but 000.npz has images of u"),
        ({"images": np.zeros((0, 4, 4), np.uint8)}, "not empty"),
        ({"images": None, "times": np.zeros((3, 16))}, "must have their `stop`"),
        ({"labels": np.full(3, -1)}, "0 or more"),
        ({"labels": np.full(3, 10**9)}, "labels up to 1000000000"),
    ],
)
def test_shards_that_do_not_fit_are_refused(changes, told, folder):
    rng = np.random.default_rng(0)
    write(folder.parent / "other", "train", [3], rng, **changes)
    (folder.parent / "other" / "train" / "000.npz").rename(folder / "train" / "999.npz")
    with pytest.raises(ttfs.DatasetError, match=told):
        ttfs.datasets.load(folder)


def test_damaged_shards_are_refused(folder):
    path = folder / "train" / "001.npz"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ttfs.DatasetError, match=r"001.npz: cannot be read as .npz"):
        ttfs.datasets.load(folder)


@pytest.mark.parametrize("other", [np.zeros((9, 4, 4), np.uint8), np.full((50, 4, 4), 0.5)])
def test_a_shard_that_changes_while_it_is_used_is_refused(other, folder):
    train, _ = ttfs.datasets.load(folder)
    np.savez(folder / "train" / "002.npz", images=other)
    with pytest.raises(ttfs.DatasetError, match="no longer what it was"):
        train.images[:]


def test_a_file_at_a_time_is_in_memory(folder, monkeypatch):
    monkeypatch.setattr("ttfs.files.chunked.KEPT", 0)
    train, _ = ttfs.datasets.load(folder)
    assert train.images.shape == (88, 16)  # the first file is read for that
    read, inner = [], Shards.__getitem__

    def noted(shards, some):
        read.append(some)
        return inner(shards, some)

    monkeypatch.setattr(Shards, "__getitem__", noted)
    train.images[25:40]
    assert [(some.start, some.stop) for some in read] == [(30, 31), (31, 81)]
    assert len(train.images._kept) == 1


def test_processes_that_share_the_work_tell_the_same(folder, tmp_path, monkeypatch, capsys):
    pytest.importorskip("distributed", reason="distributed is not installed")
    monkeypatch.chdir(folder.parent)
    network = ttfs.Network(ttfs.Dense(16, 8), ttfs.Dense(8, 3), t_max=256)
    ttfs.save(tmp_path / "model.npz", network, encoder=ttfs.Latency())
    told, before = [], dict(os.environ)
    for more in ([], ["--workers", "1"]):
        arguments = ["evaluate", str(tmp_path / "model.npz"), "--dataset", "shards", *more]
        assert main(arguments) == 0
        lines = capsys.readouterr().out.splitlines()
        told.append([line for line in lines if not line.startswith("  time ")])
    assert told[0] == told[1]
    assert dict(os.environ) == before, "Dask would have this process use one thread as well"
