import errno
import io
import json
import os
import socket
import zipfile
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from ttfs.errors import InputError
from ttfs.files.archives import archive, first_bytes, npy_head, take
from ttfs.files.json_text import as_json, from_json
from ttfs.files.reading import ROOM, SHARE, check_room, open_file, read_file
from ttfs.files.writing import write_atomically

posix = pytest.mark.skipif(os.name != "posix", reason="no pipes and links among files here")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def fail(*_):
    raise OSError(errno.ENOSPC, "No space left on device", "hidden.part")


# Whole or not at all


def test_a_file_is_written_and_replaced_and_nothing_else_stays(tmp_path):
    path = tmp_path / "report.json"
    assert write_atomically(path, b"old") == path
    assert write_atomically(str(path), b"new").read_bytes() == b"new"
    assert names(tmp_path) == ["report.json"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_leaves_the_old_file_and_names_the_one_that_was_asked_for(
    tmp_path, monkeypatch, step
):
    path = write_atomically(tmp_path / "report.json", b"old")
    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match=r"No space left on device: '.*report\.json'") as caught:
        write_atomically(path, b"new")
    assert caught.value.errno == errno.ENOSPC
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["report.json"]


def test_an_interrupt_leaves_the_old_file(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    path = write_atomically(tmp_path / "report.json", b"old")
    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["report.json"]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No such folder: '.*nowhere'"):
        write_atomically(tmp_path / "nowhere" / "report.json", b"")


def test_a_folder_is_never_replaced(tmp_path):
    with pytest.raises(FileExistsError, match="Not a file, so no file"):
        write_atomically(tmp_path, b"")


@posix
def test_a_pipe_or_device_is_never_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(FileExistsError, match="Not a file, so no file"):
        write_atomically(pipe, b"")
    assert names(tmp_path) == ["pipe"]


@posix
def test_a_link_stays_a_link(tmp_path):
    target = write_atomically(tmp_path / "target", b"old")
    link = tmp_path / "link"
    link.symlink_to(target)
    write_atomically(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_an_error_that_names_the_file(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match=r"report\.json"):
        write_atomically(tmp_path / "report.json", b"")


# JSON


@dataclass
class Point:
    x: float
    y: tuple


def test_json_takes_numpy_and_dataclasses_and_says_null_for_what_is_not_finite():
    value = {"p": Point(np.float32(0.5), (1, np.nan)), "n": np.arange(2), "b": np.bool_(True)}
    text = b'{"p":{"x":0.5,"y":[1,null]},"n":[0,1],"b":true}'
    assert as_json(value, "report") == text
    assert json.loads(as_json(value, "report", indent=1)) == json.loads(text)


@pytest.mark.parametrize("value", [object(), {1, 2}, {1: 2}, b"bytes", Point, 1j, np.array(1j)])
def test_json_refuses_what_it_cannot_say_and_tells_where(value):
    with pytest.raises(InputError, match=r"report: here: x must be .* got"):
        as_json({"here": {"x": [value]}}, "report")


def test_json_refuses_a_list_that_holds_itself():
    knot = []
    knot.append(knot)
    with pytest.raises(InputError, match="nested deeper"):
        as_json(knot, "report")


# Archives

ARRAYS = arrays(
    st.sampled_from(["|u1", "<f4", "<f8", "<i8"]), array_shapes(min_dims=0, max_dims=3, min_side=0)
)


@given(ARRAYS)
def test_numpy_reads_the_arrays_back(array):
    content = archive({"header": np.arange(3, dtype=np.uint8), "a": array})
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        assert file["a"].dtype == array.dtype
        assert file["a"].shape == array.shape
        assert file["a"].tobytes() == array.tobytes()


@given(ARRAYS)
def test_an_array_is_what_numpy_writes(array):
    stream = io.BytesIO()
    np.save(stream, array)
    ours = npy_head(array) + array.tobytes()
    assert np.load(io.BytesIO(ours)).tobytes() == array.tobytes()
    assert ours[:8] == stream.getvalue()[:8]  # the format version
    assert len(ours) == 128 + array.nbytes


def test_an_archive_is_a_sound_zip_without_compression_or_dates():
    content = archive({"a": np.zeros(1000), "b": np.zeros(3)}, comment_size=5) + b"hello"
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        assert file.testzip() is None
        assert file.comment == b"hello"
        assert [info.filename for info in file.infolist()] == ["a.npy", "b.npy"]
        for info in file.infolist():
            assert info.compress_type == zipfile.ZIP_STORED
            assert info.date_time == (1980, 1, 1, 0, 0, 0)


def test_arrays_are_taken_one_after_the_other():
    content = archive({"text": np.frombuffer(b"hello", np.uint8), "a": np.eye(2), "b": np.ones(1)})
    text, end = first_bytes(content, "text")
    a, end = take(content, end, "a", "<f8", (2, 2))
    b, end = take(content, end, "b", "<f8", (1,))
    assert text == b"hello"
    assert np.array_equal(a, np.eye(2))
    assert np.array_equal(b, [1])
    assert content[end : end + 4] == b"PK\1\2"


@pytest.mark.parametrize("shape", [(10**6,), (10**30, 10**30), (2**62, 4)])
def test_an_array_that_is_not_there_is_not_made(shape):
    with pytest.raises(InputError, match=r"a should have .* bytes, at most \d+ are there"):
        take(archive({"a": np.ones(3)}), 0, "a", float, shape)


@pytest.mark.parametrize("content", [b"", b"PK", bytes(30), b"\xff" * 200])
def test_what_is_too_short_for_an_archive_is_an_error(content):
    with pytest.raises(InputError, match="are there"):
        first_bytes(content, "header")


def test_arrays_beyond_four_gigabytes_are_refused():
    huge = np.broadcast_to(np.zeros(1), (2**29,))
    with pytest.raises(InputError, match="4 GiB"):
        archive({"a": huge})


# Reading what anyone may have written


def make_odd(path, kind):
    """Something that is there and no file; its path."""
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    elif kind == "link to a device":
        path.symlink_to("/dev/zero")
    return path


ODD = ["folder", "pipe", "socket", "link to a device"]


@posix
@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_file_is_refused_and_not_waited_for(kind, tmp_path, in_time):
    path = make_odd(tmp_path / "odd", kind)
    for read in open_file, lambda path: read_file(path, 100):
        with pytest.raises(OSError, match=r"is a .*, not a file: '.*odd'"):
            read(path)


@pytest.mark.parametrize("name", ["absent", "no\0file", "\ud800" * 3, "long" * 1000, ""])
def test_a_name_that_no_file_has_is_an_error_of_files(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OSError, match="No such file|too long"):
        open_file(name)


def test_no_more_is_read_than_is_allowed(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(b"12345")
    assert read_file(path, 5) == b"12345"
    with pytest.raises(OSError, match="is larger than 4 bytes"):
        read_file(path, 4)


def test_room_is_in_proportion_to_a_file():
    for size in (0, 1, 10**6):
        check_room(ROOM + SHARE * size, size, "it", "ask")
        with pytest.raises(InputError, match=f"it takes .* MB, too much for {size:,} bytes; ask"):
            check_room(ROOM + SHARE * size + 1, size, "it", "ask")
    with pytest.raises(InputError, match="it takes over 10.12 MB, too much"):
        check_room(2**8000, 10, "it", "ask")


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"{", b"tru", b"\xff\xfe", b"\xef\xbb\xbf1", b"1 2", b"'a'", b'"\n"'),
        *(b"NaN", b"[Infinity]", b"-Infinity", b"9" * 301, b"-" + b"9" * 300, b"9" * 100_000),
        *(b'{"a": 1, "a": 2}', b'{"b": {"a": 1, "a": 1}}'),
        *(b"[" * 33 + b"]" * 33, b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000, b"[" * 10**6),
    ],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_no_plain_json_is_refused(text):
    with pytest.raises(InputError, match=r"^is not JSON: .") as caught:
        from_json(text)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_nan_and_infinity_are_read_where_they_are_meant():
    nan, inf = from_json(b"[NaN, -Infinity]", endless=True)
    assert (nan != nan, inf) == (True, -np.inf)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.integers(-(10**299), 10**299)
        | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    )
)
def test_what_was_written_as_json_is_read(value):
    assert from_json(as_json(value, "it")) == value


def test_what_is_nested_as_deeply_as_may_be_written_is_read():
    value = 0
    for _ in range(31):
        value = [value]
    assert from_json(as_json(value, "it")) == value
    with pytest.raises(InputError, match="nested deeper"):
        as_json([value], "it")
