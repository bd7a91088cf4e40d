"""CIFAR-10 in its binary layout, and images in folders."""

import numpy as np
import pytest
from PIL import Image

import ttfs
from ttfs import datasets
from ttfs.datasets import cifar
from ttfs.errors import DatasetError


@pytest.fixture
def few(monkeypatch):
    """Files of three records instead of 10,000."""
    monkeypatch.setattr(cifar, "EACH", 3)


def fill(folder, rng):
    """The six files, and the images and labels that are in them, channels last."""
    folder.mkdir(parents=True, exist_ok=True)
    images = rng.integers(0, 256, (18, 32, 32, 3), np.uint8)
    labels = rng.integers(0, 10, 18).astype(np.uint8)
    for k, name in enumerate([*cifar.TRAINING, cifar.TEST]):
        some = slice(3 * k, 3 * k + 3)
        records = zip(labels[some], images[some].transpose(0, 3, 1, 2), strict=True)
        content = b"".join(bytes([label]) + image.tobytes() for label, image in records)
        (folder / name).write_bytes(content)
    return images, labels


PLACES = ["", "cifar-10", "cifar-10-batches-bin", "cifar-10/cifar-10-batches-bin"]


@pytest.mark.parametrize("inner", PLACES)
def test_cifar10_is_found_and_read(tmp_path, monkeypatch, few, inner):
    images, labels = fill(tmp_path / inner, np.random.default_rng(0))
    monkeypatch.setenv("TTFS_DATA_DIR", str(tmp_path))
    train, test = datasets.load("cifar10")
    assert (len(train), len(test), train.image_shape, train.classes) == (15, 3, (32, 32, 3), 10)
    np.testing.assert_array_equal(train.images.reshape(-1, 32, 32, 3), images[:15])
    np.testing.assert_array_equal(test.labels, labels[15:])
    found = {status.name: status for status in datasets.status()}["cifar10"]
    assert found.location == str(tmp_path / inner)


def test_cifar10_that_is_damaged_or_pickled_is_refused(tmp_path, few):
    fill(tmp_path, np.random.default_rng(0))
    whole = (tmp_path / cifar.TEST).read_bytes()
    cases = [
        (whole[:-1], "must have 9,219 bytes, has 9,218"),
        (whole + b"a", "larger"),
        (b"\xff" + whole[1:], "labels must be 0 to 9, got 255"),
    ]
    for content, match in cases:
        (tmp_path / cifar.TEST).write_bytes(content)
        with pytest.raises(DatasetError, match=match):
            datasets.cifar10(tmp_path)
    (tmp_path / cifar.TEST).unlink()
    with pytest.raises(DatasetError, match="test_batch.bin of CIFAR-10 is missing"):
        datasets.cifar10(tmp_path)
    other = tmp_path / "other"
    (other / cifar.PYTHON[0]).mkdir(parents=True)
    (other / cifar.PYTHON[0] / cifar.PYTHON[1]).write_bytes(b"")
    with pytest.raises(DatasetError, match="get the binary version"):
        datasets.cifar10(other)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="put cifar-10-batches-bin"):
        datasets.cifar10(tmp_path / "empty")


def paint(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def test_images_in_folders_are_read_in_the_order_of_names(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, 5, 4, 3), np.uint8)
    names = ["train/b/1.png", "train/a/2.png", "train/a/1.bmp"]
    names += ["test/b/1.png", "test/a/7.png", "train/b/0.png"]
    for name, image in zip(names, images, strict=True):
        paint(tmp_path / name, image)
    (tmp_path / "train" / "a" / "notes.txt").write_text("no image")
    train, test = datasets.load(tmp_path)
    assert (train.image_shape, train.classes, len(train), len(test)) == ((5, 4, 3), 2, 4, 2)
    np.testing.assert_array_equal(train.labels, [0, 0, 1, 1])
    np.testing.assert_array_equal(train.images.reshape(-1, 5, 4, 3), images[[2, 1, 5, 0]])
    np.testing.assert_array_equal(test.images.reshape(-1, 5, 4, 3), images[[4, 3]])


def test_a_fifth_is_held_out_and_shades_become_colours_beside_colours(tmp_path):
    rng = np.random.default_rng(1)
    for k in range(10):
        shape = (3, 3) if k % 2 else (3, 3, 3)
        paint(tmp_path / "ab"[k % 2] / f"{k}.png", rng.integers(0, 256, shape, np.uint8))
    train, test = datasets.from_folder(tmp_path)
    assert (len(train), len(test), train.image_shape) == (8, 2, (3, 3, 3))


def test_folders_that_are_no_data_are_refused_by_name(tmp_path):
    with pytest.raises(DatasetError, match="must have train/CLASS/IMAGE.png"):
        datasets.from_folder(tmp_path)
    with pytest.raises(DatasetError, match="there is no such folder"):
        datasets.from_folder(tmp_path / "none")
    paint(tmp_path / "a" / "1.png", np.zeros((3, 3), np.uint8))
    paint(tmp_path / "b" / "1.png", np.zeros((3, 4), np.uint8))
    with pytest.raises(DatasetError, match=r"b/1.png: is 3 x 4, but the others are 3 x 3"):
        datasets.from_folder(tmp_path)
    (tmp_path / "b" / "1.png").write_bytes(b"no image")
    with pytest.raises(DatasetError, match=r"b/1.png: cannot be read as an image"):
        ttfs.datasets.load(str(tmp_path))


def test_images_of_more_than_eight_bits_are_refused(tmp_path):
    paint(tmp_path / "a" / "1.png", np.full((3, 3), 40_000, np.uint16))
    with pytest.raises(DatasetError, match="more than 8 bits a pixel"):
        datasets.from_folder(tmp_path)
