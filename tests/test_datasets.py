import contextlib
import dataclasses
import functools
import gc
import gzip
import hashlib
import http.server
import io
import math
import os
import re
import shutil
import socket
import struct
import threading
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pooch
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from ttfs import datasets
from ttfs.datasets import datasets as loaders
from ttfs.datasets import published
from ttfs.datasets.dataset import Dataset
from ttfs.datasets.npz import read_npz
from ttfs.errors import DatasetError, InputError, TTFSError

PRESENT = {known.name for known in datasets.status() if known.location}
fuzz = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def idx(array):
    """The bytes of an IDX file, written here once more and independently."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return header + array.tobytes()


def written(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def attempt(read, path):
    """What was read, or None after a `DatasetError` that names the file."""
    try:
        return read(path)
    except DatasetError as error:
        if str(path) not in str(error):
            raise
        return None


SMALL_IDX = idx(np.arange(60, dtype=np.uint8).reshape(3, 4, 5))


# The record


def tiny(**changes):
    fields = {
        "images": np.zeros((3, 4)),
        "labels": np.arange(3),
        "name": "tiny",
        "split": "train",
        "image_shape": (2, 2),
        "classes": 5,
    }
    return Dataset(**(fields | changes))


def test_a_dataset_knows_its_length_and_classes_that_do_not_occur():
    assert len(tiny()) == 3
    assert tiny().classes == 5
    assert repr(tiny()) == "Dataset(tiny train: 3 samples of 2 x 2, 5 classes)"


def test_a_dataset_keeps_contiguous_images_and_int64_labels():
    made = tiny(images=np.zeros((4, 3), np.float32).T, labels=np.array([2, 1, 0], np.uint8))
    assert made.images.flags.c_contiguous
    assert made.images.dtype == np.float32
    assert made.labels.dtype == np.int64


def test_a_part_of_a_dataset_is_made_by_replace():
    whole = tiny()
    part = dataclasses.replace(whole, images=whole.images[:2], labels=whole.labels[:2])
    assert len(part) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": np.zeros((2, 4))}, "2 images but 3 labels"),
        ({"images": np.zeros((0, 4))}, r"not empty, got \(0, 4\)"),
        ({"images": np.zeros((3, 0))}, r"not empty, got \(3, 0\)"),
        ({"images": np.zeros((3, 2, 2))}, r"got \(3, 2, 2\)"),
        ({"images": np.zeros((3, 4), np.int64)}, "got int64"),
        ({"images": np.zeros((3, 4), np.float16)}, "got float16"),
        ({"images": np.zeros((3, 4), ">f8")}, "got >f8"),
        ({"images": np.full((3, 4), np.nan)}, "from 0 to 1, got NaN$"),
        ({"images": np.full((3, 4), np.inf)}, "from 0 to 1, got inf to inf"),
        ({"images": np.full((3, 4), 255.0)}, "from 0 to 1, got 255 to 255"),
        ({"images": np.full((3, 4), -0.5)}, "from 0 to 1, got -0.5"),
        ({"labels": np.zeros((3, 5), int)}, r"labels must be \(n,\)"),
        ({"labels": np.zeros((3, 5), int)}, r"got \(3, 5\)$"),
        ({"labels": np.arange(3)[:, None]}, r"got \(3, 1\); labels.ravel\(\) flattens them"),
        ({"labels": np.arange(3)[None]}, r"got \(1, 3\); labels.ravel\(\) flattens them"),
        ({"labels": np.eye(3, 5, dtype=int)}, r"; labels.argmax\(axis=1\) decodes one-hot"),
        ({"labels": np.ma.masked_equal([0, 1, 2], 1)}, r"1 masked values: pass .filled"),
        (
            {"images": np.ma.masked_equal(np.eye(3, 4), 1)},
            r"images must .*3 masked values: pass .filled",
        ),
        ({"labels": np.zeros(0, int)}, r"labels must be \(n,\), not empty"),
        ({"labels": np.zeros(3)}, "labels must be integers, got float64"),
        ({"labels": np.array([0, 1, -1])}, "labels must be 0 or more, got -1"),
        ({"labels": np.array([0, 1, 2**64 - 1], np.uint64)}, "labels must be 0 or more"),
        ({"labels": np.array([0, 1, 5])}, "label 5 of 5 classes"),
        ({"split": "valid"}, "split must be 'train' or 'test'"),
        ({"image_shape": (2, 3)}, r"4 pixels do not make an image of shape \(2, 3\)"),
    ],
)
def test_a_dataset_says_whose_part_does_not_fit(changes, message):
    with pytest.raises(DatasetError, match=rf"^tiny \(\w+\): .*{message}"):
        tiny(**changes)


def test_a_dataset_error_is_also_an_os_error_and_one_of_ours():
    assert issubclass(DatasetError, OSError)
    assert issubclass(DatasetError, TTFSError)


# IDX files


@fuzz
@given(arrays(np.uint8, array_shapes(max_dims=4, max_side=5)), st.booleans())
def test_read_idx_returns_what_was_written(tmp_path, array, packed):
    content = gzip.compress(idx(array)) if packed else idx(array)
    read = datasets.read_idx(written(tmp_path / "any.name", content))
    np.testing.assert_array_equal(read, array)
    assert read.dtype == np.uint8
    assert read.flags.writeable


def test_read_idx_goes_by_contents_and_not_by_name(tmp_path):
    plain = datasets.read_idx(written(tmp_path / "plain.gz", SMALL_IDX))
    packed = datasets.read_idx(str(written(tmp_path / "packed", gzip.compress(SMALL_IDX))))
    np.testing.assert_array_equal(plain, packed)


def test_read_idx_accepts_gzip_in_several_members(tmp_path):
    content = gzip.compress(SMALL_IDX[:30]) + gzip.compress(SMALL_IDX[30:])
    assert datasets.read_idx(written(tmp_path / "x", content)).shape == (3, 4, 5)


@fuzz
@given(st.data(), st.booleans())
def test_read_idx_refuses_every_truncation(tmp_path, data, packed):
    content = gzip.compress(SMALL_IDX) if packed else SMALL_IDX
    cut = data.draw(st.integers(0, len(content) - 1))
    path = written(tmp_path / "cut", content[:cut])
    with pytest.raises(DatasetError, match=r"cut: "):
        datasets.read_idx(path)


@fuzz
@given(st.integers(0, 15), st.integers(1, 255))
def test_read_idx_refuses_every_changed_byte_of_the_header(tmp_path, place, flip):
    content = bytearray(SMALL_IDX)
    content[place] ^= flip
    path = written(tmp_path / "flipped", bytes(content))
    with pytest.raises(DatasetError, match=r"flipped: "):
        datasets.read_idx(path)


@settings(fuzz, max_examples=300)
@given(st.data(), st.integers(1, 255))
def test_read_idx_of_a_changed_gzip_file_fails_or_returns_the_truth(tmp_path, data, flip):
    content = bytearray(gzip.compress(SMALL_IDX))
    content[data.draw(st.integers(0, len(content) - 1))] ^= flip
    path = written(tmp_path / "flipped", bytes(content))
    read = attempt(datasets.read_idx, path)
    assert read is None or idx(read) == SMALL_IDX


@fuzz
@given(st.binary(max_size=40))
def test_read_idx_fails_cleanly_on_any_bytes(tmp_path, content):
    path = written(tmp_path / "noise", content)
    read = attempt(datasets.read_idx, path)
    assert read is None or idx(read) == content


UNREADABLE = {
    "empty": (b"", "truncated: ends after 0 of 4 bytes"),
    "a page": (b"<!DOCTYPE html>", "not an IDX file of unsigned bytes, begins with 3c 21 44 4f"),
    "of floats": (b"\0\0\x0d" + SMALL_IDX[3:], "begins with 00 00 0d 03"),
    "no dimension": (b"\0\0\x08\0\x07", "begins with 00 00 08 00"),
    "no rows": (struct.pack(">4B2I", 0, 0, 8, 2, 0, 5), r"an empty array, of shape \(0, 5\)"),
    "100 dimensions": (struct.pack(">4B100I", 0, 0, 8, 100, *[1] * 100) + b"x", "dimension"),
    "a byte too long": (SMALL_IDX + b"\0", r"has data after the array of shape \(3, 4, 5\)"),
    "a byte short": (SMALL_IDX[:-1], "truncated: ends after 59 of 60 bytes"),
    "not gzip to its end": (gzip.compress(SMALL_IDX) + b"rubbish", "Not a gzipped file"),
}


@pytest.mark.parametrize(("content", "message"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_read_idx_says_what_is_wrong_with_a_file(tmp_path, content, message):
    path = written(tmp_path / "bad", content)
    with pytest.raises(DatasetError, match=rf"bad: .*{message}"):
        datasets.read_idx(path)


def test_read_idx_names_a_file_that_is_absent_or_a_folder(tmp_path):
    with pytest.raises(DatasetError, match=r"absent: No such file or directory$"):
        datasets.read_idx(tmp_path / "absent")
    (tmp_path / "folder").mkdir()
    with pytest.raises(DatasetError, match=r"folder: is a folder, not a file$"):
        datasets.read_idx(tmp_path / "folder")


def peak_of_refusal(path):
    """The most memory in bytes that was held while an IDX file was refused."""
    tracemalloc.start()
    with pytest.raises(DatasetError):
        datasets.read_idx(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_read_idx_does_not_unpack_a_bomb(tmp_path):
    bomb = gzip.compress(idx(np.zeros(10, np.uint8)) + bytes(1 << 26), compresslevel=1)
    assert peak_of_refusal(written(tmp_path / "bomb", bomb)) < 1 << 22


def test_read_idx_does_not_claim_the_memory_that_a_wrong_header_announces(tmp_path):
    header = struct.pack(">4B3I", 0, 0, 8, 3, *[2**32 - 1] * 3)
    assert peak_of_refusal(written(tmp_path / "liar", header + bytes(100))) < 1 << 22


# Published sets: two small ones stand in for the real ones

FILES = tuple(published.SHAPES)
SHAPES = dict(zip(FILES, [(6, 28, 28), (6,), (4, 28, 28), (4,)], strict=True))
CONTENTS = {
    name: {
        file: idx(np.random.default_rng(seed).integers(0, 10, shape, np.uint8))
        for file, shape in SHAPES.items()
    }
    for seed, name in enumerate(["mnist", "fashion-mnist"])
}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty place to load from, without a network, in which the small sets are the published."""
    digests = {
        name: tuple(hashlib.sha256(content).hexdigest() for content in files.values())
        for name, files in CONTENTS.items()
    }
    monkeypatch.setattr(published, "SHAPES", SHAPES)
    monkeypatch.setattr(published, "SHA256", digests)
    monkeypatch.setattr(published, "MIRRORS", dict.fromkeys(CONTENTS, ["http://127.0.0.1:9/"] * 2))
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)
    monkeypatch.delenv("TTFS_DATA_DIR", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fill(folder, name="mnist", files=FILES, spell="{}".format, pack=bytes):
    for file in files:
        written(folder / spell(file), pack(CONTENTS[name][file]))
    return folder


@pytest.fixture
def serve():
    """A function that serves a folder over HTTP and returns the address."""
    servers = []

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    def start(folder, handler=Quiet):
        handler = functools.partial(handler, directory=folder)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def gz(file):
    return f"{file}.gz"


def dotted(file):
    return file.replace("-idx", ".idx")


def assert_is(splits, name="mnist"):
    for made, split, images, labels in zip(
        splits, ("train", "test"), FILES[::2], FILES[1::2], strict=True
    ):
        assert (made.name, made.split) == (name, split)
        assert (made.image_shape, made.classes) == ((28, 28), 10)
        assert made.images.shape == (len(made), 784)
        assert made.images.tobytes() == CONTENTS[name][images][16:]
        assert made.labels.tolist() == list(CONTENTS[name][labels][8:])
        assert made.labels.dtype == np.int64


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("spell", [str, gz, dotted, lambda file: gz(dotted(file))])
def test_mnist_is_read_under_every_spelling_plain_or_packed(home, spell, pack):
    assert_is(datasets.mnist(fill(home / "mine", spell=spell, pack=pack)))


@pytest.mark.parametrize("name", CONTENTS)
def test_published_sets_are_found_in_every_place_in_order(home, monkeypatch, name):
    places = {
        "mine": home / "mine",
        "data": home / "data" / name,
        "datasets": home / "datasets" / name,
        "cache": home / "cache" / "ttfs" / name,
    }
    monkeypatch.setenv("TTFS_DATA_DIR", str(home / "data"))
    loader = {"mnist": datasets.mnist, "fashion-mnist": datasets.fashion_mnist}[name]
    for place in places.values():
        fill(place, name)
    for place in places.values():
        assert_is(loader(home / "mine"), name)
        written(place / FILES[0], b"damaged")
        with pytest.raises(DatasetError) as caught:
            loader(home / "mine")
        assert str(place.relative_to(home)) in str(caught.value)
        for file in FILES:
            (place / file).unlink()


def test_an_empty_data_dir_variable_is_no_place(home, monkeypatch):
    monkeypatch.setenv("TTFS_DATA_DIR", "")
    fill(home / "mnist")
    with pytest.raises(DatasetError, match="neither found nor downloaded"):
        datasets.mnist()


def test_a_folder_with_the_name_of_a_file_is_passed_over(home):
    fill(home / "mine", spell=gz, pack=gzip.compress)
    (home / "mine" / FILES[0]).mkdir()
    assert_is(datasets.mnist(home / "mine"))


OTHERS = {
    "a folder": lambda path: path.mkdir(),
    "a pipe": lambda path: os.mkfifo(path),
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a broken link": lambda path: path.symlink_to("nothing"),
}


@pytest.mark.skipif(os.name != "posix", reason="elsewhere there are no such things")
@pytest.mark.parametrize("spell", [str, gz, dotted])
@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_no_file_in_the_place_of_a_published_one_is_named(home, kind, spell):
    """And nothing is downloaded, which here would be another error."""
    folder = fill(home / "datasets" / "mnist", files=FILES[1:])
    OTHERS[kind](folder / spell(FILES[0]))
    wanted = f"datasets/mnist/{spell(FILES[0])}: should be {FILES[0]}, but is "
    with pytest.raises(DatasetError, match=re.escape(wanted)):
        datasets.mnist()
    (found,) = [each for each in datasets.status() if each.name == "mnist"]
    assert found.location is None
    assert wanted in found.note


def test_a_folder_that_is_none_is_an_error(home):
    fill(home / "datasets" / "mnist")
    with pytest.raises(DatasetError, match=r"^mnist: there is no folder wrong$"):
        datasets.mnist("wrong")


def test_other_clothing_in_the_folder_of_digits_is_recognised(home):
    fill(home / "mine", "fashion-mnist")
    with pytest.raises(
        DatasetError,
        match=r"mine/train-images-idx3-ubyte: must be train-images-idx3-ubyte of mnist, "
        r"but is fashion-mnist train-images-idx3-ubyte$",
    ):
        datasets.mnist(home / "mine")


@pytest.mark.parametrize(
    ("file", "other"),
    [
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
        ("train-labels-idx1-ubyte", "train-images-idx3-ubyte"),
        ("t10k-images-idx3-ubyte", "train-images-idx3-ubyte"),
        ("t10k-labels-idx1-ubyte", "train-labels-idx1-ubyte"),
    ],
)
def test_a_file_in_the_place_of_another_is_refused(home, file, other):
    fill(home / "mine")
    shutil.copy(home / "mine" / other, home / "mine" / file)
    with pytest.raises(DatasetError, match=rf"mine/{file}: must hold an array of shape .*, got "):
        datasets.mnist(home / "mine")


def test_one_changed_pixel_is_noticed(home):
    path = fill(home / "mine") / FILES[0]
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=rf"{FILES[0]}: must be .* not published, or damaged"):
        datasets.mnist(home / "mine")


def test_a_damaged_file_is_not_made_good_by_a_sound_one_elsewhere(home, monkeypatch):
    monkeypatch.setenv("TTFS_DATA_DIR", str(home / "data"))
    fill(home / "datasets" / "mnist")
    written(home / "data" / "mnist" / FILES[3], CONTENTS["mnist"][FILES[3]][:-1])
    with pytest.raises(DatasetError, match=r"data/mnist/t10k-labels-idx1-ubyte: truncated"):
        datasets.mnist()


def test_a_packed_bomb_in_the_place_of_a_published_file_is_not_unpacked(home):
    bomb = struct.pack(">4B3I", 0, 0, 8, 3, 1 << 26, 1, 1) + bytes(1 << 26)
    written(fill(home / "mine") / FILES[0], gzip.compress(bomb, compresslevel=1))
    tracemalloc.start()
    with pytest.raises(DatasetError, match="must hold an array"):
        datasets.mnist(home / "mine")
    assert tracemalloc.get_traced_memory()[1] < 1 << 22
    tracemalloc.stop()


def test_offline_the_error_says_which_files_to_put_where(home):
    with pytest.raises(DatasetError) as caught:
        datasets.mnist()
    message = str(caught.value)
    assert message.startswith("mnist: train-images-idx3-ubyte was neither found nor downloaded")
    assert all(file in message for file in FILES)
    assert "datasets/mnist" in message
    assert "TTFS_DATA_DIR" in message
    assert "\n" not in message
    assert not [path for path in (home / "cache").rglob("*") if path.is_file()]


def test_what_is_missing_is_downloaded_and_then_kept(home, monkeypatch, serve, capfd):
    sound = fill(home / "published", spell=gz, pack=gzip.compress)
    monkeypatch.setitem(published.MIRRORS, "mnist", [serve(sound)])
    fill(home / "datasets" / "mnist", files=FILES[:2])
    assert_is(datasets.mnist())
    cache = home / "cache" / "ttfs" / "mnist"
    assert sorted(path.name for path in cache.iterdir()) == sorted(map(gz, FILES[2:]))
    monkeypatch.setitem(published.MIRRORS, "mnist", [])
    assert_is(datasets.mnist())
    assert capfd.readouterr() == ("", "")


def test_a_terminal_gets_a_progress_bar(home, monkeypatch, serve, capsys):
    sound = fill(home / "published", spell=gz, pack=gzip.compress)
    monkeypatch.setitem(published.MIRRORS, "mnist", [serve(sound)])
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert_is(datasets.mnist())
    assert "100%" in capsys.readouterr().err


def test_a_mirror_that_serves_rubbish_or_nothing_is_followed_by_the_next(home, monkeypatch, serve):
    sound = fill(home / "published", spell=gz, pack=gzip.compress)
    rubbish = fill(home / "rubbish", "fashion-mnist", FILES[:1], spell=gz)
    mirrors = [serve(rubbish), "http://127.0.0.1:9/", serve(sound)]
    monkeypatch.setitem(published.MIRRORS, "mnist", mirrors)
    assert_is(datasets.mnist())


def test_a_download_that_breaks_off_leaves_nothing_behind(home, monkeypatch, serve):
    class BreaksOff(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "5000")
            self.end_headers()
            self.wfile.write(gzip.compress(CONTENTS["mnist"][FILES[0]])[:100])

        def log_message(self, *_):
            pass

    monkeypatch.setitem(published.MIRRORS, "mnist", [serve(home, BreaksOff)])
    with pytest.raises(DatasetError, match="neither found nor downloaded"):
        datasets.mnist()
    assert not list((home / "cache" / "ttfs" / "mnist").iterdir())


def test_a_cache_that_cannot_be_written_is_an_error_of_ours(home):
    written(home / "cache", b"a file in the place of the folder")
    with pytest.raises(DatasetError, match="neither found nor downloaded"):
        datasets.mnist()


def test_status_says_where_a_set_is_or_what_to_do(home):
    fill(home / "datasets" / "mnist")
    fill(home / "datasets" / "fashion-mnist", "fashion-mnist", FILES[1:])
    found = {known.name: known for known in datasets.status()}
    assert tuple(found) == datasets.NAMES
    assert found["mnist"].location == str(Path("datasets", "mnist"))
    assert found["fashion-mnist"].location is None
    assert "put train-images-idx3-ubyte into" in found["fashion-mnist"].note
    assert found["digits"].location == "shipped with ttfs"


@pytest.mark.parametrize("name", ["digits", "yin-yang"])
def test_status_agrees_with_what_is_loaded(name):
    (known,) = (known for known in datasets.status() if known.name == name)
    train, test = datasets.load(name)
    assert (known.train, known.test) == (len(train), len(test))
    assert (known.pixels, known.classes) == (train.images.shape[1], train.classes)


@pytest.mark.parametrize(
    ("name", "first", "mean"),
    [("mnist", [5, 0, 4, 1, 9], 33.3184), ("fashion-mnist", [9, 0, 0, 3, 0], 72.9404)],
)
def test_the_real_sets_are_what_is_known_of_them(name, first, mean):
    if name not in PRESENT:
        pytest.skip(f"the files of {name} are not on this machine")
    train, test = datasets.load(name)
    (known,) = (known for known in datasets.status() if known.name == name)
    assert (known.train, known.test) == (len(train), len(test)) == (60_000, 10_000)
    assert train.images.shape[1] == known.pixels == 784
    assert train.labels[:5].tolist() == first
    assert train.images.mean() == pytest.approx(mean, abs=1e-4)
    assert {train.classes, test.classes} == {10}


# Digits


def test_digits_are_sixteenths_in_two_splits_that_make_up_the_whole():
    train, test = datasets.digits()
    assert (len(train), len(test)) == (1437, 360)
    whole = np.concatenate([train.images, test.images])
    assert whole.dtype == np.float32
    assert set(np.unique(whole * 16)) == set(range(17))
    counts = np.bincount(np.concatenate([train.labels, test.labels]))
    assert counts.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_digits_are_split_in_the_documented_order():
    train, test = datasets.digits()
    with np.load(Path(datasets.__file__).parent / "data" / "digits.npz") as packed:
        order = np.random.default_rng(0).permutation(1797)
        np.testing.assert_array_equal(train.images * 16, packed["images"][order[:1437]])
        np.testing.assert_array_equal(test.labels, packed["labels"][order[1437:]])
    content = test.images.tobytes() + test.labels.tobytes()
    assert hashlib.sha256(content).hexdigest()[:8] == "44da1335"


def test_a_damaged_or_incomplete_installation_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(loaders.resources, "files", lambda package: tmp_path)
    with pytest.raises(DatasetError, match=r"^digits: .*install ttfs again"):
        datasets.digits()
    written(tmp_path / "data" / "digits.npz", b"damaged")
    with pytest.raises(DatasetError, match=r"^digits: .*is damaged"):
        datasets.digits()


# Yin-Yang


def naive_yin_yang(seed, samples):
    """The published generator, told once more in NumPy scalars and a separate stream."""
    stream = np.random.RandomState(seed)
    features, labels = [], []
    while len(labels) < samples:
        goal = stream.randint(3)
        found = None
        while found != goal:
            x, y = stream.rand(2) * 2.0 * 0.5
            if np.sqrt((x - 0.5) ** 2 + (y - 0.5) ** 2) > 0.5:
                continue
            right = np.sqrt((x - 1.5 * 0.5) ** 2 + (y - 0.5) ** 2)
            left = np.sqrt((x - 0.5 * 0.5) ** 2 + (y - 0.5) ** 2)
            in_right_dot = right <= 0.1
            in_left_half = left > 0.1 and left <= 0.5 * 0.5
            in_upper = y > 0.5 and right > 0.5 * 0.5
            found = int(in_right_dot or in_left_half or in_upper)
            if right < 0.1 or left < 0.1:
                found = 2
        features.append([x, y, 1.0 - x, 1.0 - y])
        labels.append(found)
    return np.array(features), np.array(labels)


@pytest.mark.parametrize(("seed", "samples"), [(42, 5000), (41, 1000), (40, 1000), (7, 300)])
def test_yin_yang_points_are_those_of_the_published_generator(seed, samples):
    features, labels = datasets.yin_yang_points(samples, seed=seed)
    expected, goals = naive_yin_yang(seed, samples)
    np.testing.assert_array_equal(features, expected)
    np.testing.assert_array_equal(labels, goals)


def test_yin_yang_is_balanced_inside_the_circle_and_the_same_every_time():
    train, test = datasets.yin_yang()
    assert (len(train), len(test)) == (5000, 1000)
    assert (np.bincount(train.labels) > 1500).all()
    assert (np.hypot(*(train.images[:, :2] - 0.5).T) <= 0.5).all()
    np.testing.assert_array_equal(train.images[:, 2:], 1 - train.images[:, :2])
    np.testing.assert_array_equal(test.images, datasets.yin_yang()[1].images)


@pytest.mark.parametrize(("samples", "seed"), [(0, 1), (-1, 1), (1, -1), (1, 2**32)])
def test_yin_yang_points_refuse_what_cannot_be_meant(samples, seed):
    with pytest.raises(InputError, match=r"^yin_yang_points: "):
        datasets.yin_yang_points(samples, seed=seed)


# Your own data


def saved(path, **parts):
    np.savez(path, **parts)
    return path


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_from_npz_holds_out_a_fixed_fifth(tmp_path, dtype):
    images = (np.arange(11 * 6).reshape(11, 2, 3) % 2).astype(dtype)
    path = saved(tmp_path / "mine.npz", images=images, labels=np.arange(11, dtype=np.uint8))
    train, test = datasets.from_npz(path)
    assert (len(train), len(test)) == (8, 3)
    assert sorted([*train.labels, *test.labels]) == list(range(11))
    assert train.classes == test.classes == 11
    assert train.image_shape == test.image_shape == (2, 3)
    assert train.images.dtype == dtype
    assert train.name == str(path)
    np.testing.assert_array_equal(test.images, images.reshape(11, 6)[test.labels])
    np.testing.assert_array_equal(datasets.from_npz(str(path))[1].labels, test.labels)


@given(st.integers(2, 500))
def test_the_part_held_out_is_a_fifth_rounded_up_and_leaves_some(samples):
    whole = tiny(images=np.zeros((samples, 4)), labels=np.zeros(samples, int))
    train, test = loaders.hold_out(whole)
    assert len(test) == math.ceil(samples / 5)
    assert len(train) == samples - len(test) > 0


def test_from_npz_takes_a_test_part_as_it_is(tmp_path):
    path = saved(
        tmp_path / "mine.npz",
        images=np.zeros((3, 4), np.float32),
        labels=np.array([0, 1, 2]),
        test_images=np.ones((2, 4), np.float32),
        test_labels=np.array([6, 0]),
        other=np.array(["is", "ignored"]),
    )
    train, test = datasets.from_npz(path)
    assert train.labels.tolist() == [0, 1, 2]
    assert test.labels.tolist() == [6, 0]
    assert train.classes == test.classes == 7
    assert (train.split, test.split) == ("train", "test")


GOOD = {"images": np.zeros((5, 4)), "labels": np.arange(5)}
TEST = {"test_images": np.zeros((2, 4)), "test_labels": np.arange(2)}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"labels": np.arange(5)}, "there is no array images, only labels"),
        ({"x": np.zeros(5), "y": np.zeros(5)}, "there is no array images, only x, y"),
        ({}, "there is no array images, only nothing"),
        ({"images": np.zeros((5, 4))}, "there is no array labels"),
        ({**GOOD, "test_images": np.zeros((2, 4))}, "there is no array test_labels"),
        ({**GOOD, "test_labels": np.arange(2)}, "there is no array test_images"),
        (TEST, "there is no array images"),
        ({**GOOD, **TEST, "test_images": np.zeros((2, 2, 2))}, r"shape \(4,\), got \(2, 2\)"),
        ({**GOOD, **TEST, "test_labels": np.arange(3)}, r"\(test\): 2 images but 3 labels"),
        ({**GOOD, "images": np.zeros(5)}, r"images must be \(n, ...\), got \(5,\)"),
        ({**GOOD, "images": np.array(5.0)}, r"images must be \(n, ...\), got \(\)"),
        ({**GOOD, "images": np.zeros((5, 0))}, "not empty"),
        ({**GOOD, "images": np.zeros((0, 4))}, "not empty"),
        ({**GOOD, "images": np.zeros((4, 4))}, "4 images but 5 labels"),
        ({**GOOD, "images": np.full((5, 4), np.nan)}, "from 0 to 1, got NaN$"),
        ({**GOOD, "images": np.full((5, 4), 7.0)}, "from 0 to 1, got 7 to 7"),
        ({**GOOD, "images": np.zeros((5, 4), int)}, "got int64"),
        ({**GOOD, "labels": np.zeros((5, 4), int)}, r"labels must be \(n,\)"),
        ({**GOOD, "labels": np.eye(5)}, r"got \(5, 5\); labels.argmax\(axis=1\) decodes"),
        ({**GOOD, "labels": np.zeros(5)}, "must be integers, got float64; np.unique.* numbers"),
        ({**GOOD, "labels": np.arange(5) * 10**9}, "labels up to 4000000000 for 5 samples"),
        ({**GOOD, "labels": np.arange(5) - 1}, "0 or more, got -1"),
        ({**GOOD, "labels": np.array([{}] * 5)}, r"read as .npz \(labels: Object arrays"),
        ({"images": np.zeros((1, 4)), "labels": np.zeros(1, int)}, "cannot be split"),
    ],
)
def test_from_npz_names_the_file_and_what_is_wrong_with_it(tmp_path, parts, message):
    path = saved(tmp_path / "mine.npz", **parts)
    with pytest.raises(DatasetError, match=rf"mine\.npz.*{message}"):
        datasets.from_npz(path)


def test_from_npz_names_a_file_that_is_absent_or_no_archive(tmp_path):
    with pytest.raises(DatasetError, match=r"absent\.npz: .*No such file"):
        datasets.from_npz(tmp_path / "absent.npz")
    for content in (b"", b"text", b"PK\x03\x04", npy(np.zeros(3))):
        path = written(tmp_path / "other.npz", content)
        with pytest.raises(DatasetError, match=r"other\.npz: cannot be read as \.npz") as error:
            datasets.from_npz(path)
        assert content.startswith(b"PK") or "not an archive as np.savez writes" in str(error.value)


def test_from_npz_warns_of_labels_that_count_from_1(tmp_path):
    path = saved(tmp_path / "mine.npz", images=np.zeros((5, 4)), labels=np.arange(1, 6))
    with pytest.warns(UserWarning, match=r"mine\.npz: no label is 0, though labels count from 0"):
        train, _ = datasets.from_npz(path)
    assert train.classes == 6


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def parts(split):
    return split.images, split.labels


def packed(*, compression=zipfile.ZIP_DEFLATED):
    """An archive of ten images and labels, as `numpy.savez` or `numpy.savez_compressed` write."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        archive.writestr("images.npy", npy(np.arange(40, dtype=np.uint8).reshape(10, 4)))
        archive.writestr("labels.npy", npy(np.arange(10)))
    return stream.getvalue()


@settings(fuzz, max_examples=300)
@given(st.data(), st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
def test_from_npz_of_a_damaged_archive_fails_or_returns_the_truth(tmp_path, data, compression):
    content = bytearray(packed(compression=compression))
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[place] ^= data.draw(st.integers(1, 255))
    else:
        del content[place:]
    path = written(tmp_path / "mine.npz", bytes(content))
    splits = attempt(datasets.from_npz, path)
    if splits is not None:
        images, labels = (np.concatenate(part) for part in zip(*map(parts, splits), strict=True))
        np.testing.assert_array_equal(np.sort(labels), np.arange(10))
        np.testing.assert_array_equal(images, 4 * labels[:, None] + np.arange(4))


# Files made to do harm


@pytest.mark.skipif(os.name != "posix", reason="no pipes and sockets among files here")
@pytest.mark.parametrize("kind", ["folder", "pipe", "socket", "device"])
@pytest.mark.parametrize("read", [datasets.from_npz, datasets.load, datasets.read_idx])
def test_what_is_no_file_is_refused_at_once(read, kind, tmp_path, in_time):
    path = tmp_path / "odd.npz"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(DatasetError, match=r"odd\.npz: .*is a .*, not a file"):
        read(path)


@pytest.mark.parametrize("name", ["no\0.npz", "\ud800.npz", "x" * 5000 + ".npz"])
def test_a_name_that_no_file_has_is_refused(name):
    for read in datasets.from_npz, datasets.load, datasets.read_idx:
        with pytest.raises(DatasetError):
            read(name)


def archived(members, method=zipfile.ZIP_DEFLATED):
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", method) as archive:
        warnings.simplefilter("ignore")  # two members of one name
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


IMAGES, LABELS = npy(np.zeros((10, 4))), npy(np.arange(10))
SOUND = [("images.npy", IMAGES), ("labels.npy", LABELS)]


def begins(descr="'<f8'", shape="(10, 4)", order="False"):
    """The beginning of an .npy file that says so."""
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text


HARMFUL = {
    "inflates though small": [("images.npy", IMAGES + bytes(10**8)), SOUND[1]],
    "inflates truly": [("images.npy", begins(shape="(25000000,)") + bytes(2 * 10**8)), SOUND[1]],
    "a header without end": [("images.npy", begins()[:-1] + b" " * 10**8), SOUND[1]],
    "a long header": [("images.npy", b"\x93NUMPY\2\0" + b"\0\0\0\x10" + b"(" * 10**8), SOUND[1]],
    "a deep header": [("images.npy", begins(shape="(" * 4000 + ")" * 4000)), SOUND[1]],
    "more than all": [("images.npy", begins(shape=f"({2**61}, 8)") + bytes(320)), SOUND[1]],
    "less than none": [("images.npy", begins(shape="(-10, -4)") + bytes(320)), SOUND[1]],
    "none of very many": [("images.npy", begins(shape=f"(0, {2**40}, {2**40})")), SOUND[1]],
    "no whole number": [("images.npy", begins(shape="(10.0, 4)") + bytes(320)), SOUND[1]],
    "records": [("images.npy", begins("[('a', '<f8')]") + bytes(320)), SOUND[1]],
    "objects": [("images.npy", begins("'|O'") + bytes(320)), SOUND[1]],
    "nothing each": [("images.npy", begins("'<U0'", f"({2**60},)")), SOUND[1]],
    "twice": [*SOUND, SOUND[0]],
    "without .npy": [("images", IMAGES), SOUND[1]],
}


def lost_memory(read, path):
    """How many bytes were held while a file was refused with one short line and no chain."""
    tracemalloc.start()
    try:
        with pytest.raises(DatasetError) as caught:
            read(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    error = caught.value
    assert str(error).isprintable()
    assert len(str(error)) < 500
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    return peak


@pytest.mark.parametrize("members", HARMFUL.values(), ids=HARMFUL)
def test_an_archive_that_does_harm_is_refused_unpacked_no_further_than_needed(members, tmp_path):
    path = written(tmp_path / "mine.npz", archived(members))
    assert lost_memory(datasets.from_npz, path) < 2**22


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packings_without_bounds_are_refused(method, tmp_path):
    path = written(tmp_path / "mine.npz", archived(SOUND, method))
    with pytest.raises(DatasetError, match="not compressed as np.savez_compressed does it"):
        datasets.from_npz(path)


def test_what_is_not_asked_for_is_not_unpacked(tmp_path):
    path = written(tmp_path / "mine.npz", archived([*SOUND, ("other.npy", bytes(10**8))]))
    tracemalloc.start()
    assert len(datasets.from_npz(path)[0]) == 8
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


def test_what_is_packed_well_is_read(tmp_path):
    images, path = np.zeros((3000, 28, 28)), tmp_path / "mine.npz"
    images[:, 3, 3] = 1
    np.savez_compressed(path, images=images, labels=np.arange(3000) % 10)
    assert images.nbytes > 300 * path.stat().st_size
    assert len(datasets.from_npz(path)[0]) == 2400


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_arrays_come_back_in_whatever_order_they_were_stored(order, dtype, tmp_path):
    images = np.asarray(np.random.default_rng(0).integers(0, 2, (10, 3, 5)), dtype, order=order)
    for save in np.savez, np.savez_compressed:
        save(tmp_path / "mine.npz", images=images, labels=np.arange(10))
        found, _ = read_npz(tmp_path / "mine.npz", ["images"])
        np.testing.assert_array_equal(found["images"], images)
        assert found["images"].dtype == dtype


@pytest.mark.parametrize("place", ["size", "packed size", "offset", "flags", "method", "sum"])
@pytest.mark.parametrize("value", [0, 1, 2**15, 2**31, 2**32 - 1])
def test_a_directory_that_lies_is_refused_or_read_right(place, value, tmp_path):
    content = bytearray(archived(SOUND))
    start = content.index(b"PK\1\2")
    at, size = {
        "size": (24, 4), "packed size": (20, 4), "offset": (42, 4), "flags": (8, 2),
        "method": (10, 2), "sum": (16, 4),
    }[place]  # fmt: skip
    content[start + at : start + at + size] = (value % 256**size).to_bytes(size, "little")
    path = written(tmp_path / "mine.npz", bytes(content))
    tracemalloc.start()
    splits = attempt(datasets.from_npz, path)
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()
    assert splits is None or not splits[0].images.any()


def test_names_in_an_archive_do_not_break_a_screen(tmp_path):
    path = written(tmp_path / "mine.npz", archived([("\x1b[31m\n.npy", b""), ("x" * 9000, b"")]))
    lost_memory(datasets.from_npz, path)


def test_read_idx_does_not_unpack_what_a_bomb_announces(tmp_path):
    announced = struct.pack(">4B2I", 0, 0, 8, 2, 2**16, 2**13)
    path = written(tmp_path / "bomb", gzip.compress(announced + bytes(2**20)))
    assert lost_memory(datasets.read_idx, path) < 2**22
    claims = struct.pack(">4B255I", 0, 0, 8, 255, *[2**32 - 1] * 255)
    for content in claims, gzip.compress(claims):
        lost_memory(datasets.read_idx, written(tmp_path / "claims", content))


def test_a_set_that_is_nowhere_has_one_traceback(home):
    lost_memory(lambda path: datasets.mnist(), home)
    lost_memory(datasets.mnist, home / "nowhere")


def test_a_folder_for_data_that_cannot_be_is_named(home, monkeypatch):
    monkeypatch.setenv("TTFS_DATA_DIR", "x" * 5000)
    with pytest.raises(DatasetError, match="mnist: File name too long"):
        datasets.mnist()


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # pooch leaves its connection open
def test_a_mirror_without_end_is_left(home, monkeypatch, serve):
    class Endless(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(bytes(2**20))

        def log_message(self, *_):
            pass

    monkeypatch.setitem(published.MIRRORS, "mnist", [serve(home, Endless)])
    with pytest.raises(DatasetError, match="neither found nor downloaded"):
        datasets.mnist()
    gc.collect()


@pytest.mark.parametrize("error", [ValueError("a proxy"), UnicodeError("a name"), OSError("x")])
def test_whatever_the_network_says_is_told_in_one_sentence(error, home, monkeypatch):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("requests.get", fail)
    with pytest.raises(
        DatasetError, match=f"nor downloaded .{type(error).__name__}.; put"
    ) as caught:
        datasets.mnist()
    assert caught.value.__cause__ is None


# By name


def test_load_finds_a_set_by_its_name(home):
    fill(home / "datasets" / "mnist")
    fill(home / "datasets" / "fashion-mnist", "fashion-mnist")
    for name in set(datasets.NAMES) - {"cifar10"}:
        train, test = datasets.load(name)
        assert (train.name, train.split, test.name, test.split) == (name, "train", name, "test")


def test_load_reads_your_own_file(tmp_path):
    path = saved(tmp_path / "mine.npz", **GOOD)
    for given_path in (path, str(path)):
        train, _ = datasets.load(given_path)
        assert len(train) == 4
    assert len(datasets.load(train.name)[0]) == 4


@pytest.mark.parametrize("name", ["", "MNIST", "mnist.csv", "nonsense"])
def test_load_names_what_it_knows(name):
    with pytest.raises(DatasetError, match=rf"no data set '{name}'") as caught:
        datasets.load(name)
    assert all(known in str(caught.value) for known in (*datasets.NAMES, ".npz"))
