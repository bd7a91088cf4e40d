"""Data sets of spike times: arrays, event cameras, HDF5 and NWB."""

import json

import numpy as np
import pytest
from cases_spikes import NEURONS, SAMPLES, arrays, camera, heidelberg, session, trains

import ttfs
from ttfs import datasets
from ttfs.cli import cli, pictures
from ttfs.datasets.hdf5 import opened
from ttfs.errors import DatasetError, InputError

INF = np.inf
KINDS = {"a.npz": arrays, "events": camera, "a.h5": heidelberg, "a.nwb": session}


@pytest.fixture(params=KINDS)
def made(request, tmp_path):
    return KINDS[request.param](tmp_path / request.param)


def whole(splits):
    """All samples of both splits, in the order of their times."""
    times, labels = (
        np.concatenate([getattr(s, name) for s in splits]) for name in ("times", "labels")
    )
    order = np.lexsort(times.T)
    return times[order], labels[order]


UNITS = {"ms": 1.0, "us": 1000.0, "s": 0.001}


def test_first_spikes_are_those_that_were_written(made):
    splits = datasets.load(made)
    _, first, labels = trains()
    unit = UNITS[splits[0].unit]
    times, known = whole(splits)
    if splits[0].unit == "us":
        pixels = times.reshape(-1, 34, 34, 2)
        n = np.arange(NEURONS)
        rows, columns, polarities = n // 4, n % 4, n % 2
        assert np.isinf(times).sum() == times.size - np.isfinite(first).sum()
        times = pixels[:, rows, columns, polarities]
    order = np.lexsort(first.T)
    close = {"rtol": 2e-3 if made.suffix == ".h5" else 1e-6}  # these are float16
    close["atol"] = 0.5 if splits[0].unit == "us" else 0  # whole microseconds
    np.testing.assert_allclose(times[np.lexsort(times.T)], first[order] * unit, **close)
    assert sorted(known.tolist()) == sorted(labels.tolist())
    assert [split.split for split in splits] == ["train", "test"]
    assert "spike times in" in repr(splits[0])
    assert splits[0].classes == 2


def trained(data, run, epochs=20):
    """The model of a training by command."""
    told = ["--hidden", "12", "--epochs", str(epochs), "--quiet", "--weights", "real"]
    assert cli.main(["train", "--dataset", str(data), *told, "--out", str(run)]) == 0
    return str(run / "model.npz")


@pytest.mark.usefixtures("undrawn")
def test_what_is_trained_on_spikes_is_evaluated_on_them_again(made, tmp_path, capsys):
    model = trained(made, tmp_path / "run")
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert report["dataset"] == str(made)
    assert report["accuracy"] > 0.8
    assert "SpikeTimes" in report["recipe"]
    assert isinstance(ttfs.load(model).encoder, ttfs.SpikeTimes)
    capsys.readouterr()
    assert cli.main(["evaluate", model]) == 0
    assert f"{100 * report['accuracy']:.2f} %" in capsys.readouterr().out


def test_what_is_trained_on_spikes_is_drawn_shown_stepped_and_trained_further(tmp_path, capsys):
    model = trained(camera(tmp_path / "events"), tmp_path / "run", 1)
    assert cli.main(["plot", model]) == 0
    assert cli.main(["view", model, "--index", "1"]) == 0
    assert cli.main(["step", model, "--json"]) == 0
    assert '"kind":"spike"' in capsys.readouterr().out
    told = ["--from", model, "--epochs", "1", "--quiet", "--out", str(tmp_path / "further")]
    assert cli.main(["train", *told]) == 0
    further = ttfs.load(tmp_path / "further" / "model.npz")
    assert further.encoder == ttfs.load(model).encoder
    assert cli.main(["evaluate", model, "--dataset", "digits"]) == 2
    assert "digits has 64 pixels" in capsys.readouterr().err
    assert cli.main(["evaluate", model, "--dataset", "yin-yang"]) == 2
    assert "yin-yang has 4 values" in capsys.readouterr().err


def test_maps_of_a_camera_are_learned_by_convolution(tmp_path):
    run = tmp_path / "run"
    told = ["--layers", "2C5-P4-8", "--epochs", "1", "--quiet", "--out", str(run)]
    assert cli.main(["train", "--dataset", str(camera(tmp_path / "e")), *told]) == 0
    assert ttfs.load(run / "model.npz").network.shapes[0] == (34, 34, 2)


def test_polarities_are_drawn_side_by_side(tmp_path, monkeypatch):
    given = {}
    for name in ("weight_images", "latency_maps"):
        whole = getattr(ttfs.plotting, name)

        def noted(values, shape, *, name=name, whole=whole, **more):
            given[name] = np.array(values), shape
            return whole(values, shape, **more)

        monkeypatch.setattr(ttfs.plotting, name, noted)
    network = ttfs.Network(ttfs.Dense(24, 3, threshold=1.0), t_max=100, seed=0)
    times = np.arange(24.0)
    pictures.weights(tmp_path, network, (4, 3, 2))
    pictures.latency_map(tmp_path, network, times, (4, 3, 2))
    matrix, sides = given["weight_images"]
    assert sides == (4, 6)
    maps = network.weights[0].reshape(4, 3, 2, 3)
    np.testing.assert_array_equal(matrix.reshape(4, 6, 3)[:, 3:], maps[:, :, 1])
    assert given["latency_maps"][1] == (4, 3, 2)


def test_a_preset_with_steps_takes_spike_times_as_steps(tmp_path):
    train, _ = datasets.load(arrays(tmp_path / "a.npz"))
    recipe = ttfs.presets.preset("bs4nn-digits").for_data(train)
    assert recipe.encoder == ttfs.SpikeTimes(100, "ms", t_max=256, steps=True)
    steps = train.encoded(recipe.encoder)
    assert np.array_equal(steps, np.floor(train.times * 2.56))
    direct = ttfs.presets.preset("yin-yang").for_data(train)
    assert (direct.encoder.t_max, direct.horizon) == (2.0, 8.0)


def test_times_keep_their_precision_and_unit(tmp_path):
    for kind, kept in (("f4", "f4"), ("f2", "f4"), ("f8", "f8"), ("i8", "f8"), ("u1", "f8")):
        np.savez(tmp_path / "a.npz", times=np.ones((5, 2), kind), labels=np.arange(5))
        train, test = datasets.load(tmp_path / "a.npz")
        assert train.times.dtype == kept
        assert (train.unit, train.stop, len(train), len(test)) == ("step", 2, 4, 1)


@pytest.mark.parametrize(
    ("latest", "stop"), [(99.0, 100), (0.25, 0.251), (99.5, 99.6), (1.3699, 1.37), (9.999, 10)]
)
def test_without_a_stop_samples_end_after_the_latest_spike(latest, stop, tmp_path):
    np.savez(tmp_path / "a.npz", times=[[0.0, latest], [INF, 0.0]], labels=[0, 1])
    assert datasets.load(tmp_path / "a.npz")[0].stop == stop


def test_spikes_before_the_stop_are_before_the_horizon():
    stop = 0.1
    last = np.nextafter(np.float32(stop), np.float32(0))
    for t_max in (1.0, 256.0, 0.3, 77.7):
        for steps in (False, True):
            found = ttfs.SpikeTimes(stop, "s", t_max=t_max, steps=steps)([0.0, last, 2 * stop, INF])
            assert found[0] == 0
            assert found[1] < t_max <= found[2] + steps
            assert found[3] == INF


def test_a_model_without_an_encoder_is_given_the_times_as_they_are(tmp_path, capsys):
    network = ttfs.Network(ttfs.Dense(NEURONS, 2, threshold=1.0), t_max=90, unit="ms", seed=0)
    ttfs.save(tmp_path / "m.npz", network)
    data = str(arrays(tmp_path / "a.npz"))
    assert cli.main(["evaluate", str(tmp_path / "m.npz"), "--dataset", data]) == 0
    network = ttfs.Network(ttfs.Dense(NEURONS, 2, threshold=1.0), t_max=90, seed=0)
    ttfs.save(tmp_path / "m.npz", network)
    assert cli.main(["evaluate", str(tmp_path / "m.npz"), "--dataset", data]) == 2
    assert "takes times in step, but those of" in capsys.readouterr().err


def test_spike_times_and_pixels_are_not_taken_for_each_other(tmp_path):
    train, _ = datasets.load(arrays(tmp_path / "a.npz"))
    pixels, _ = datasets.digits()
    with pytest.raises(InputError, match=r"holds spike times, but Latency\(.*\) takes pixels"):
        train.encoded(ttfs.Latency())
    with pytest.raises(InputError, match=r"holds pixels, but SpikeTimes\(.*\) takes spike times"):
        pixels.encoded(ttfs.SpikeTimes(100, "ms"))
    with pytest.raises(InputError, match=r"times in ms, but SpikeTimes\(.*\) takes times in s"):
        train.encoded(ttfs.SpikeTimes(100, "s"))
    with pytest.raises(DatasetError, match="digits holds pixels: an encoder makes spike times"):
        _ = pixels.times


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"times": [[1.0, -2.0], [0, 0]]}, "times must be 0 or later, or inf for silence; got -2"),
        ({"times": [[1.0, np.nan], [0, 0]]}, "times must be 0 or later"),
        ({"times": [1.0, 2.0]}, "times must be (n, ...), got (2,)"),
        ({"times": np.zeros((2, 0))}, "times must be (n, ...), not empty, got (2, 0)"),
        ({"times": [["a"], ["b"]]}, "times must be numbers, got <U1"),
        ({"unit": 3}, "unit must be one text, got int64 of ()"),
        ({"unit": ""}, "unit must be s, ms"),
        ({"stop": 0.0}, "stop must be above 0, got 0"),
        ({"stop": "x"}, "stop must be one number, got <U1"),
        ({"images": [[0.0], [1.0]]}, "has images and times"),
        ({"test_times": [[0.0]]}, "there is no array test_labels"),
        ({"test_times": [[0.0]], "test_labels": [0]}, "test times must be of shape (2,), got (1,)"),
        ({"labels": [0, 1, 2]}, "2 images but 3 labels"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changed, said, tmp_path):
    told = {"times": [[1.0, 2.0], [INF, 0.0]], "labels": [0, 1]} | changed
    np.savez(tmp_path / "a.npz", **told)
    with pytest.raises(DatasetError) as refused:
        datasets.load(tmp_path / "a.npz")
    assert said in str(refused.value)
    assert "a.npz" in str(refused.value)


def test_a_later_range_of_times_of_a_camera_is_added(tmp_path):
    for label in "01":
        (tmp_path / "train" / label).mkdir(parents=True)
        rows = [(0, 0, 5), (0, 240, 0), (200, 99, 7), (0, 240, 0), (0, 0, 9), (1, 0, 9)]
        content = b"".join(bytes([x, y]) + t.to_bytes(3, "big") for x, y, t in rows)
        (tmp_path / "train" / label / "1.bin").write_bytes(content)
    train, _ = datasets.load(tmp_path)
    assert train.image_shape == (100, 201, 2)
    times = train.times.reshape(train.image_shape)
    assert (times[0, 0, 0], times[99, 200, 0], times[0, 1, 0]) == (5, 2**13 + 7, 2**14 + 9)
    assert np.isfinite(times).sum() == 3


def test_recordings_that_are_damaged_are_refused(tmp_path):
    path = camera(tmp_path / "e")
    odd = path / "Train" / "0" / "00000.bin"
    whole = odd.read_bytes()
    odd.write_bytes(whole[:-2])
    with pytest.raises(DatasetError, match=r"00000\.bin: 108 bytes are no whole events of 5"):
        datasets.load(path)
    odd.unlink()
    odd.mkdir()
    with pytest.raises(DatasetError, match=r"00000\.bin: is a folder, not a file"):
        datasets.load(path)
    odd.rmdir()
    (path / "Test" / "7").mkdir()
    (path / "Test" / "7" / "1.bin").write_bytes(whole)
    with pytest.raises(DatasetError, match="class '7' is not in the training data"):
        datasets.load(path)
    with pytest.raises(DatasetError, match="there is no such folder"):
        datasets.from_events(tmp_path / "absent")
    with pytest.raises(DatasetError, match="must have Train/CLASS/RECORDING.bin"):
        datasets.from_events(tmp_path)


def test_two_files_in_a_folder_are_training_and_test(tmp_path):
    heidelberg(tmp_path / "shd_train.h5")
    heidelberg(tmp_path / "shd_test.h5", seed=1)
    train, test = datasets.load(tmp_path)
    assert (len(train), len(test)) == (SAMPLES, SAMPLES)
    assert not np.array_equal(train.times, test.times)
    (tmp_path / "more_train.h5").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"one \.\.\.train\.h5 and at most one"):
        datasets.load(tmp_path)


def changed(path, name, **more):
    """The file with another data set of that name."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(heidelberg(path), "r+") as file:
        del file[name]
        if more:
            file.create_dataset(name, **more)
    return path


@pytest.mark.parametrize(
    ("name", "more", "said"),
    [
        ("labels", {}, "has no labels of its own"),
        ("labels", {"data": np.zeros((4, 4))}, "labels must be a list of numbers, got float64"),
        ("labels", {"data": np.zeros(3, int)}, "has 40 samples, but 3 labels"),
        ("labels", {"data": np.full(SAMPLES, -1)}, "labels must be 0 or more"),
        ("spikes/units", {"data": np.zeros(40)}, "spikes/units must be rows of whole numbers"),
        ("spikes", {"data": np.zeros(40)}, "has no spikes/units of its own"),
        ("labels", {"shape": 10**9, "dtype": "i8", "chunks": True}, "too much for"),
    ],
)
def test_hdf5_that_does_not_fit_is_refused(name, more, said, tmp_path):
    with pytest.raises(DatasetError) as refused:
        datasets.load(changed(tmp_path / "a.h5", name, **more))
    assert said in str(refused.value)
    assert "a.h5" in str(refused.value)


def test_hdf5_is_not_read_beyond_the_file_itself(tmp_path):
    h5py = pytest.importorskip("h5py")
    heidelberg(tmp_path / "other.h5")
    for link in (h5py.ExternalLink(str(tmp_path / "other.h5"), "/labels"), h5py.SoftLink("/x")):
        with h5py.File(changed(tmp_path / "a.h5", "labels"), "r+") as file:
            file["labels"] = link
        with pytest.raises(DatasetError, match="has no labels of its own"):
            datasets.load(tmp_path / "a.h5")
    (tmp_path / "raw").write_bytes(bytes(320))
    outside = {"shape": (SAMPLES,), "dtype": "i8", "external": [(str(tmp_path / "raw"), 0, 320)]}
    with pytest.raises(DatasetError, match="has no labels of its own"):
        datasets.load(changed(tmp_path / "a.h5", "labels", **outside))


@pytest.mark.parametrize(
    "packed",
    [{}, {"chunks": (7,)}, {"compression": "gzip"}, {"compression": "gzip", "shuffle": True}],
)
def test_rows_longer_than_a_file_are_refused_before_they_are_read(packed, tmp_path):
    h5py = pytest.importorskip("h5py")
    path = changed(tmp_path / "a.h5", "spikes/units", shape=SAMPLES, dtype=h5py.vlen_dtype("u2"), **packed)  # fmt: skip  # noqa: E501
    with h5py.File(path, "r+") as file:
        sizes = [row.size for row in file["spikes/times"][:]]
        for k in range(SAMPLES):
            file["spikes/units"][k] = np.arange(sizes[k])
    with opened(path) as file:
        found = file.ragged("spikes/units", "iu")
        assert [row.size for row in found] == sizes
        assert sum(file._lengths("", file._dataset("spikes/units"))) == sum(sizes)
        file.size = 2 * sum(sizes) - 1
        with pytest.raises(InputError, match="beyond its end|longer than the file"):
            file.ragged("spikes/units", "iu")


def test_texts_of_trials_are_numbered(tmp_path):
    words = ["no", "yes"] * (SAMPLES // 2)
    train, test = datasets.load(session(tmp_path / "a.nwb", words))
    _, labels = whole((train, test))
    assert np.bincount(labels).tolist() == [20, 20]
    assert (train.unit, train.stop) == ("s", pytest.approx(0.1))


def test_a_file_that_is_no_hdf5_is_refused(tmp_path):
    pytest.importorskip("h5py")
    (tmp_path / "a.h5").write_bytes(b"no")
    for path in (tmp_path / "a.h5", tmp_path / "absent.nwb"):
        with pytest.raises(DatasetError, match=path.name):
            datasets.load(path)
    with pytest.raises(DatasetError, match="has no units/spike_times of its own"):
        datasets.from_nwb(heidelberg(tmp_path / "b.h5"))
