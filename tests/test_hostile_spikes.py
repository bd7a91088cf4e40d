"""Files of spikes that do harm: each is read and of use, or refused, in proportion to its size."""

import warnings

import numpy as np
import pytest
from cases_spikes import camera, heidelberg, session
from hostile import changed_array, changed_bytes, judged, one_of

from ttfs import datasets

many = pytest.mark.parametrize("count", [80, pytest.param(3000, marks=pytest.mark.long)])
HDF5 = b"TREE", b"HEAP", b"SNOD", b"GCOL", b"OHDR", b"\x89HDF"


def of_use(splits):
    """See that both splits can be encoded."""
    for split in splits:
        assert repr(split)
        assert split.times.shape == (len(split.labels), np.prod(split.image_shape))


def all_judged(count, path, make, read=datasets.load):
    """How many of so many files were read."""
    found = 0
    for seed in range(count):
        content = make(np.random.default_rng([count, seed]))
        try:
            found += judged(read, of_use, path, content)
        except BaseException as error:
            error.add_note(f"seed {[count, seed]}, {len(content)} bytes")
            raise
    return found


@many
def test_a_recording_of_any_making_is_read_or_refused(count, tmp_path):
    folder = camera(tmp_path / "e")
    path = folder / "Train" / "1" / "00001.bin"
    whole = path.read_bytes()
    for other in sorted(folder.glob("*/*/*.bin")):
        if other.stem not in ("00000", "00001", "00031"):
            other.unlink()

    def make(rng):
        changed = changed_bytes(rng, whole * int(rng.integers(1, 4)), ())
        return changed[: len(changed) // 5 * 5] if rng.random() < 0.5 else changed

    found = all_judged(count, path, make, lambda _: datasets.load(folder))
    assert 0.2 * count < found < 0.95 * count


@many
def test_times_of_any_making_are_read_or_refused(count, tmp_path):
    path = tmp_path / "a.npz"
    sound = {
        "times": np.array([[0.5, np.inf], [2.0, 1.0]] * 5),
        "labels": np.array([0, 1] * 5),
        "unit": np.array("ms"),
        "stop": np.array(3.0),
    }

    def make(rng):
        stored = dict(sound)
        for _ in range(rng.integers(1, 3)):
            name = one_of(rng, ["times", "labels", "stop"])
            stored[name] = changed_array(rng, stored[name].reshape(-1 if name == "stop" else stored[name].shape))  # fmt: skip  # noqa: E501
        np.savez(path, **stored)
        content = path.read_bytes()
        return changed_bytes(rng, content, (b"PK", b"NUMPY")) if rng.random() < 0.3 else content

    def read(path):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*no label is 0", UserWarning)
            splits = datasets.load(path)
        return splits if splits[0].stop is not None else None

    found = all_judged(count, path, make, read)
    assert 0.02 * count < found < 0.9 * count


@many
@pytest.mark.parametrize(("make", "name"), [(heidelberg, "a.h5"), (session, "a.nwb")])
def test_hdf5_of_any_making_is_read_or_refused(make, name, count, tmp_path):
    whole = make(tmp_path / name).read_bytes()

    def read(path):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "no spike of", UserWarning)
            return datasets.load(path)

    found = all_judged(count, tmp_path / name, lambda rng: changed_bytes(rng, whole, HDF5), read)
    assert 0.05 * count < found < 0.9 * count
