import errno
import io
import json
import os
import tracemalloc
import zipfile

import numpy as np
import pytest
from cases import SEEDS, same_bits
from hypothesis import given
from hypothesis import strategies as st

import ttfs
from ttfs.errors import RunError
from ttfs.files.archives import archive
from ttfs.rules import S4NN
from ttfs.training import checkpoint as module
from ttfs.training.checkpoint import Checkpoint, fingerprint

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 2, 30)
TIMES = (RNG.integers(0, 8, (30, 4)) + 4 * (np.arange(4) // 2 != LABELS[:, None])).astype(float)
BINARY = ttfs.Binary(init=(-1, 2), scale=60)
EPOCH = {"epoch": 1, "lr": 0.1, "loss": 0.5, "accuracy": 0.5, "revived": 0, "seconds": 0.1}


def network(kind=BINARY, **settings):
    """4-3-2 neurons."""
    layers = ttfs.Dense(4, 3, kind), ttfs.Dense(3, 2, ttfs.Real(init=(0, 90)))
    return ttfs.Network(*layers, **({"t_max": 16} | settings))


def trainer(net=None, optimizer=None, **settings):
    optimizer = optimizer or ttfs.Adam(0.2)
    return ttfs.Trainer(
        net or network(), S4NN(gamma=2), optimizer, **({"batch_size": 5} | settings)
    )


def fit(which, **settings):
    """Two epochs, unless told otherwise."""
    return which.fit(TIMES, LABELS, **({"epochs": 2, "validation": 0.2} | settings))


def state(net):
    """All that learns, as one array."""
    return np.concatenate([np.ravel(a).astype(float) for a in (*net.latents, net.scales)])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of a checkpoint, and the state of the network that wrote it."""
    path, done = tmp_path_factory.mktemp("whole") / "c.npz", trainer()
    fit(done, checkpoint=path)
    return path.read_bytes(), state(done.network)


def assert_refused_or_right(content, end, path):
    """A checkpoint is read as it was written, or refused with nothing changed."""
    path.write_bytes(content)
    reader = trainer()
    before = state(reader.network)
    refusal = None
    try:
        history = fit(reader, checkpoint=path, resume=True)
    except RunError as error:
        refusal = str(error)
    if refusal is None:
        assert same_bits(state(reader.network), end)
        assert len(history.records) == 2
    else:
        assert str(path) in refusal
        assert "\n" not in refusal
        assert same_bits(state(reader.network), before)
    assert path.read_bytes() == content


def assert_refused(content, path, message="is not a readable checkpoint"):
    path.write_bytes(content)
    reader = trainer()
    before = state(reader.network)
    with pytest.raises(RunError, match=message):
        fit(reader, checkpoint=path, resume=True)
    assert same_bits(state(reader.network), before)


# What is written


def test_a_checkpoint_is_an_archive_that_numpy_opens(whole):
    with np.load(io.BytesIO(whole[0])) as stored:
        assert {name.split(".")[0] for name in stored.files} == {
            *("header", "now", "best", "mean", "blends", "slot"),
        }
        header = json.loads(stored["header"].tobytes())
        assert len(header["history"]["records"]) == 2


def test_the_same_training_writes_the_same_bytes_but_for_the_seconds(tmp_path, whole):
    path = tmp_path / "c.npz"
    fit(trainer(), checkpoint=path)
    with np.load(path) as first, np.load(io.BytesIO(whole[0])) as second:
        assert all(same_bits(first[n], second[n]) for n in first.files if n != "header")


def test_a_checkpoint_is_written_after_every_epoch_and_is_whole_at_any_moment(tmp_path):
    path, epochs = tmp_path / "c.npz", []

    def log(line):
        if path.exists() and line.startswith("epoch"):
            epochs.append(len(module.load(path).history.records))
        assert len(list(tmp_path.iterdir())) == path.exists()

    fit(trainer(), epochs=4, checkpoint=path, log=log)
    assert epochs == [1, 2, 3]


# Damage


def test_a_checkpoint_that_ends_early_is_refused(whole, tmp_path):
    content = whole[0]
    for size in {*range(0, len(content), 97), *range(40), len(content) - 1, len(content) - 22}:
        assert_refused(content[:size], tmp_path / "c.npz")


@given(data=st.data())
def test_a_flipped_byte_is_found_or_does_no_harm(data, whole, tmp_path_factory):
    content = bytearray(whole[0])
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.getbasetemp() / "flipped.npz"
    assert_refused_or_right(bytes(content), whole[1], path)


@given(seed=SEEDS)
def test_a_lost_block_is_found(seed, whole, tmp_path_factory):
    rng, content = np.random.default_rng(seed), bytearray(whole[0])
    start = int(rng.integers(0, len(content) - 64))
    content[start : start + 64] = bytes(64) if seed % 2 else rng.bytes(64)
    path = tmp_path_factory.getbasetemp() / "block.npz"
    assert_refused_or_right(bytes(content), whole[1], path)


def other_npz(**arrays):
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def npy(array, *, pickled=False):
    content = io.BytesIO()
    np.save(content, array, allow_pickle=pickled)
    return content.getvalue()


GARBAGE = {
    "nothing": b"",
    "text": b"epoch,accuracy\n1,0.5\n",
    "zeros": bytes(1000),
    "an empty archive": archive({}),
    "an array": npy(np.zeros(3)),
    "a pickle": npy(np.array([{}], object), pickled=True),
    "no header": other_npz(weights=np.zeros(3)),
    "a header that is no text": other_npz(header=np.zeros((2, 2))),
    "a header that is no JSON": other_npz(header=np.frombuffer(b"{'identity'", np.uint8)),
    "a header that is a list": other_npz(header=np.frombuffer(b"[1, 2]", np.uint8)),
    "a header of many brackets": other_npz(header=np.frombuffer(b"[" * 10**5, np.uint8)),
    "a header without a history": other_npz(header=np.frombuffer(b'{"identity": "x"}', np.uint8)),
    "a header of objects": other_npz(header=np.array([None])),
    "a model": None,
}


@pytest.mark.parametrize("what", GARBAGE)
def test_what_is_no_checkpoint_is_refused(what, tmp_path):
    content = GARBAGE[what]
    if content is None:
        content = ttfs.save(tmp_path / "model.npz", network()).read_bytes()
    assert_refused(content, tmp_path / "c.npz")


def test_a_folder_is_no_checkpoint(tmp_path):
    with pytest.raises(RunError, match="is not a readable checkpoint"):
        fit(trainer(), checkpoint=tmp_path, resume=True)


def parts_of(content):
    """Header and arrays of a checkpoint."""
    with np.load(io.BytesIO(content)) as stored:
        arrays = {name: stored[name] for name in stored.files}
    return json.loads(arrays.pop("header").tobytes()), arrays


def together(header, arrays):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return archive({"header": np.frombuffer(text, np.uint8), **arrays})


def test_taking_a_checkpoint_apart_and_putting_it_together_does_no_harm(whole, tmp_path):
    path = tmp_path / "c.npz"
    path.write_bytes(together(*parts_of(whole[0])))
    reader = trainer()
    fit(reader, checkpoint=path, resume=True)
    assert same_bits(state(reader.network), whole[1])


CHANGES = {
    "missing": lambda arrays, name: arrays.pop(name),
    "shorter": lambda arrays, name: arrays.update({name: arrays[name][:-1]}),
    "longer": lambda arrays, name: arrays.update({name: np.append(arrays[name], arrays[name])}),
    "one number": lambda arrays, name: arrays.update({name: arrays[name].reshape(-1)[:1][0]}),
    "another shape": lambda arrays, name: arrays.update({name: arrays[name][None]}),
    "complex": lambda arrays, name: arrays.update({name: arrays[name].astype(complex)}),
    "text": lambda arrays, name: arrays.update({name: arrays[name].astype(str)}),
    "of another precision": lambda arrays, name: arrays.update({name: arrays[name].astype("f2")}),
    "named otherwise": lambda arrays, name: arrays.update({name + "x": arrays.pop(name)}),
}


@pytest.mark.parametrize("name", ["now.weights_1", "best.scale_1", "blends", "slot.weights_2.mean"])
@pytest.mark.parametrize("change", CHANGES)
def test_arrays_that_do_not_fit_are_refused(change, name, whole, tmp_path):
    header, arrays = parts_of(whole[0])
    CHANGES[change](arrays, name)
    arrays = {key: np.asarray(array) for key, array in arrays.items()}
    assert_refused(together(header, arrays), tmp_path / "c.npz")


@pytest.mark.parametrize(
    "changes",
    [
        {"history": None},
        {"history": {"records": 3}},
        {"history": {"records": [1, 2]}},
        {"history": {"surprise": 1}},
        {"best_score": "high"},
        {"best_score": None},
        {"best_score": []},
    ],
)
def test_headers_that_cannot_be_are_refused(changes, whole, tmp_path):
    header, arrays = parts_of(whole[0])
    assert_refused(together(header | changes, arrays), tmp_path / "c.npz")


# Files made to do harm


def changed_at(header, way, value):
    """A header with another value in one place; `gone` removes what is there."""
    header = json.loads(json.dumps(header))
    *steps, last = way
    inner = header
    for step in steps:
        inner = inner[step]
    if value == "gone":
        del inner[last]
    else:
        inner[last] = value
    return header


RECORDS = "history", "records"


@pytest.mark.parametrize(
    ("way", "value"),
    [
        *[((*RECORDS, 1, name), "gone") for name in ("epoch", "lr", "loss", "accuracy", "seconds")],
        *[
            ((*RECORDS, 0, "seconds"), value)
            for value in (0, -1, None, "1", [1], np.nan, np.inf, True)
        ],
        *[((*RECORDS, 0, "accuracy"), value) for value in (-0.1, 1.1, np.nan, None, "x")],
        *[((*RECORDS, 0, "validation_accuracy"), value) for value in (2, "gone", {})],
        *[((*RECORDS, 1, "epoch"), value) for value in (1, 3, 0, "2", 2.5, None)],
        *[((*RECORDS, 0, "revived"), value) for value in (-1, None)],
        ((*RECORDS, 0, "loss"), "much"),
        ((*RECORDS, 0, "\x1b[31m"), 1),
        (RECORDS, []),
        (RECORDS, {}),
        *[(("history", "best_epoch"), value) for value in (0, -1, 3, 1.0, True, None, 10**299)],
        *[(("history", "warnings"), value) for value in (None, [1], ["a\nb"], ["x" * 10**6], "w")],
        *[(("history", "interrupted"), value) for value in (1, None, "gone")],
        *[(("best_score",), value) for value in (np.nan, np.inf, -1, True, "1", "gone")],
        *[(("identity",), value) for value in (5, None, "gone")],
        (("surprise",), 1),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_figures_that_cannot_be_are_refused(way, value, whole, tmp_path):
    header, arrays = parts_of(whole[0])
    assert_refused(together(changed_at(header, way, value), arrays), tmp_path / "c.npz")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[(f"{when}.weights_1", np.nan) for when in ("now", "best", "mean")],
        *[(f"{when}.weights_2", np.inf) for when in ("now", "best", "mean")],
        *[
            (f"{when}.scale_1", value)
            for when in ("now", "best", "mean")
            for value in (0, -1, 1e-320)
        ],
        *[(f"{when}.scale_2", 2) for when in ("now", "best", "mean")],
        *[("blends", value) for value in (0, -1, 1, -(2**63), 2**63 - 1)],
        *[("slot.weights_1.steps", value) for value in (-1, -(2**63), 2**63 - 1)],
        *[("slot.weights_1.square", value) for value in (np.nan, -1e-9, -np.inf)],
        *[("slot.scale_1.mean", value) for value in (np.nan, np.inf)],
    ],
)
def test_numbers_that_no_training_has_are_refused(name, value, whole, tmp_path):
    header, arrays = parts_of(whole[0])
    arrays[name] = np.full_like(arrays[name], value)
    assert_refused(together(header, arrays), tmp_path / "c.npz")


@pytest.mark.parametrize("name", ["silent_3", "latency_0", "silent_x", "latency_" + "9" * 80])
def test_figures_of_layers_that_are_not_there_are_refused(name, whole, tmp_path):
    header, arrays = parts_of(whole[0])
    for epoch in (0, 1):
        header = changed_at(header, (*RECORDS, epoch, name), 0.5)
    assert_refused(together(header, arrays), tmp_path / "c.npz")


def test_a_mean_time_of_none_and_a_loss_beyond_numbers_are_read(whole, tmp_path):
    header, arrays = parts_of(whole[0])
    for name, value in {"latency_1": np.nan, "loss": np.inf}.items():
        header = changed_at(header, (*RECORDS, 0, name), value)
    path = tmp_path / "c.npz"
    path.write_bytes(together(header, arrays))
    assert len(fit(trainer(), epochs=3, checkpoint=path, resume=True).records) == 3


def test_a_running_mean_of_squares_that_became_too_large_is_read(whole, tmp_path):
    header, arrays = parts_of(whole[0])
    arrays["slot.weights_1.square"][0] = np.inf
    path = tmp_path / "c.npz"
    path.write_bytes(together(header, arrays))
    assert len(fit(trainer(), epochs=3, checkpoint=path, resume=True).records) == 3


def test_delays_beyond_numbers_are_refused(tmp_path):
    def run():
        net = ttfs.Network(ttfs.Dense(3, 2, delay=ttfs.Delays("pair", (0, 2))), psp=ttfs.Ramp())
        run = Checkpoint(net, ttfs.rules.Exact(), ttfs.SGD())
        run.bind(tmp_path / "c.npz", "here")
        return run

    first = run()
    first.note(EPOCH, 1.0)
    first.blend(1.0)
    first.write()
    header, arrays = parts_of(first.path.read_bytes())
    for when in ("now", "best", "mean"):
        hostile = arrays | {f"{when}.delay_1": np.full(6, 1e300)}
        first.path.write_bytes(together(header, hostile))
        with pytest.raises(RunError, match="is not a readable checkpoint: layer 1: delays must be"):
            run().read()


def test_a_file_that_is_far_too_large_is_not_read(whole, tmp_path):
    path = tmp_path / "c.npz"
    path.write_bytes(whole[0])
    os.truncate(path, 2**40)
    with pytest.raises(
        RunError, match=r"is not a readable checkpoint: is larger than [\d,]+ bytes"
    ):
        fit(trainer(), checkpoint=path, resume=True)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_of_another_make_is_refused_and_not_unpacked(method, whole, tmp_path):
    content = io.BytesIO()
    with (
        zipfile.ZipFile(content, "w", method) as other,
        zipfile.ZipFile(io.BytesIO(whole[0])) as own,
    ):
        for info in own.infolist():
            other.writestr(info.filename, own.read(info))
        other.writestr("more.npy", bytes(10**8))
    tracemalloc.start()
    try:
        assert_refused(content.getvalue(), tmp_path / "c.npz")
        limit = 2**20 + 10 * len(content.getvalue())
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(os.name != "posix", reason="no pipes among files here")
def test_a_pipe_is_not_waited_for(tmp_path, in_time):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RunError, match="is a pipe, a socket or a device, not a file"):
        fit(trainer(), checkpoint=tmp_path / "pipe", resume=True)


# Another training


OTHERS = {
    "seed of the training": lambda: trainer(seed=1),
    "seed of the network": lambda: trainer(network(seed=1)),
    "precision": lambda: trainer(network(dtype=np.float64)),
    "horizon": lambda: trainer(network(t_max=16.0000001)),
    "kind of weights": lambda: trainer(network(ttfs.Binary(init=(-1, 2), scale=61))),
    "delay": lambda: trainer(
        ttfs.Network(
            ttfs.Dense(4, 3, BINARY, delay=1e-9), ttfs.Dense(3, 2, ttfs.Real((0, 90))), t_max=16
        )
    ),
    "given weights": lambda: trainer(
        ttfs.Network(
            ttfs.Dense(4, 3, BINARY, initial=np.ones((4, 3))),
            ttfs.Dense(3, 2, ttfs.Real(init=(0, 90))),
            t_max=16,
        )
    ),
    "rule": lambda: ttfs.Trainer(network(), S4NN(gamma=3), ttfs.Adam(0.2), batch_size=5),
    "optimizer": lambda: trainer(optimizer=ttfs.SGD(0.2)),
    "rate": lambda: trainer(optimizer=ttfs.Adam(0.1)),
    "batch size": lambda: trainer(batch_size=6),
    "averaging": lambda: trainer(average=10),
}


@pytest.mark.parametrize("what", OTHERS)
def test_the_checkpoint_of_another_training_is_refused(what, whole, tmp_path):
    path, reader = tmp_path / "c.npz", OTHERS[what]()
    path.write_bytes(whole[0])
    before = state(reader.network)
    with pytest.raises(RunError, match="belongs to a run with other data or settings"):
        fit(reader, checkpoint=path, resume=True)
    assert same_bits(state(reader.network), before)


@pytest.mark.parametrize(
    "changes",
    [
        {"times": TIMES + 1e-9},
        {"times": TIMES.astype(np.float32)},
        {"labels": 1 - LABELS},
        {"validation": 0.3},
        {"validation": 0},
        {"validation": (TIMES, LABELS)},
    ],
)
def test_the_checkpoint_of_other_data_is_refused(changes, whole, tmp_path):
    path = tmp_path / "c.npz"
    path.write_bytes(whole[0])
    given = {"times": TIMES, "labels": LABELS, "validation": 0.2} | changes
    with pytest.raises(RunError, match="belongs to a run with other data or settings"):
        trainer().fit(**given, epochs=2, checkpoint=path, resume=True)


def test_thresholds_that_look_the_same_in_print_are_not_the_same(tmp_path):
    path = tmp_path / "c.npz"
    for threshold in (np.full(3, 100.0), np.full(3, 100 + 1e-12)):
        layers = ttfs.Dense(4, 3, BINARY, threshold), ttfs.Dense(3, 2, ttfs.Real(init=(0, 90)))
        which = trainer(ttfs.Network(*layers, t_max=16))
        if path.exists():
            with pytest.raises(RunError, match="belongs to a run with other data"):
                fit(which, checkpoint=path, resume=True)
        else:
            fit(which, checkpoint=path)


def test_more_epochs_go_on_from_the_last_and_schedules_are_those_of_the_new_number(tmp_path):
    falling, path, lines = ttfs.Adam(ttfs.Linear(0.2, 0.1)), tmp_path / "c.npz", []
    first = fit(trainer(optimizer=falling), checkpoint=path)
    assert first.planned == len(first.records) == 2
    told = {"checkpoint": path, "resume": True, "log": lines.append}
    again = fit(trainer(optimizer=falling), epochs=4, **told)
    assert lines[0].startswith(
        "warning: epochs after 2: training continues to epoch 4 instead of 2"
    )
    assert [record["lr"] for record in again.records[:2]] == [r["lr"] for r in first.records]
    straight = fit(trainer(optimizer=falling), epochs=4)
    assert [r["lr"] for r in again.records[2:]] == [r["lr"] for r in straight.records[2:]]
    assert again.warnings == [*first.warnings, lines[0].removeprefix("warning: ")]
    lines.clear()
    fewer = fit(trainer(optimizer=falling), epochs=3, **told)
    assert lines == ["nothing is left to train: 4 epochs are done, more than the 3 asked for"]
    assert fewer.planned == 4


def test_a_checkpoint_that_does_not_say_how_many_epochs_were_planned_is_read(tmp_path):
    path, lines = tmp_path / "c.npz", []
    fit(trainer(), checkpoint=path)
    header, arrays = parts_of(path.read_bytes())
    del header["history"]["planned"]
    path.write_bytes(together(header, arrays))
    again = fit(trainer(), epochs=3, checkpoint=path, resume=True, log=lines.append)
    assert len(again.records) == again.planned == 3
    assert [line.split(" |")[0] for line in lines] == ["epoch 3/3"]


def test_more_epochs_at_a_constant_rate_are_those_of_a_longer_training(tmp_path):
    path, lines, reader, straight = tmp_path / "c.npz", [], trainer(), trainer()
    fit(trainer(), checkpoint=path)
    again = fit(reader, epochs=4, checkpoint=path, resume=True, log=lines.append)
    assert [line.split(" |")[0] for line in lines] == ["epoch 3/4", "epoch 4/4"]
    whole = fit(straight, epochs=4)
    assert again.best_epoch == whole.best_epoch
    assert same_bits(state(reader.network), state(straight.network))


def test_fingerprints_differ_in_every_setting_and_element():
    array = np.arange(6.0)
    found = [
        fingerprint(["a", "b"], [array]),
        fingerprint(["ab"], [array]),
        fingerprint(["a", "b"], [array.reshape(2, 3)]),
        fingerprint(["a", "b"], [array.astype(np.float32)]),
        fingerprint(["a", "b"], [np.append(array[:-1], np.nextafter(5.0, 6))]),
        fingerprint(["a", "b"], [array[:3], array[3:]]),
    ]
    assert len(set(found)) == len(found)
    assert fingerprint(["a"], [array[::2]]) == fingerprint(["a"], [array[::2].copy()])


# A full disk


def full(*arguments):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a file")


@pytest.mark.parametrize("where", ["write_atomically", "os.replace", "os.fsync"])
def test_a_full_disk_leaves_the_old_checkpoint(where, tmp_path, monkeypatch):
    path, other = tmp_path / "c.npz", trainer()
    fit(trainer(), epochs=1, checkpoint=path)
    before = path.read_bytes()
    fit(other, epochs=2)
    target = module if where == "write_atomically" else os
    monkeypatch.setattr(target, where.removeprefix("os."), full)
    stopped = trainer()
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        fit(stopped, epochs=4, checkpoint=path, resume=True)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    assert same_bits(state(stopped.network), state(other.network)), "with its best weights"
    monkeypatch.undo()
    again, whole = trainer(), trainer()
    fit(again, epochs=4, checkpoint=path, resume=True)
    fit(whole, epochs=4)
    assert same_bits(state(again.network), state(whole.network))


# The state in memory


def test_only_a_higher_score_replaces_the_best_weights():
    net = network()
    run = Checkpoint(net, S4NN(), ttfs.SGD())
    for score, weight in [(0.5, 1.0), (0.5, 2.0), (0.7, 3.0), (0.6, 4.0)]:
        net.latents[1][:] = weight
        run.note({"epoch": run.epoch + 1}, score)
    assert run.history.best_epoch == 3
    run.restore_best()
    assert (net.latents[1] == 3).all()


def test_averaged_weights_are_in_the_network_only_meanwhile():
    net = network()
    run = Checkpoint(net, S4NN(), ttfs.SGD())
    start = net.latents[1].copy()
    run.blend(1.0)
    net.latents[0][:], net.latents[1][:] = -5, start + 2
    net.scales[0] = 50
    run.blend(0.5)
    with run.averaged():
        assert net.latents[1] == pytest.approx(start + 1)
        assert net.scales[0] == pytest.approx(55)
        assert (net.weights[0] == -1).all()
        assert net.arrays.thresholds[0] == pytest.approx(100 / 55)
    assert same_bits(net.latents[1], start + np.float32(2))
    assert net.arrays.thresholds[0] == 2


def test_a_neuron_that_begins_anew_begins_its_running_mean_anew():
    net = network()
    run = Checkpoint(net, S4NN(), ttfs.SGD())
    run.blend(1.0)
    mean = run.mean["weights_1"].reshape(4, -1)
    before = mean.copy()
    net.latents[0][:] += 1
    with run.replacing():
        net.latents[0][:, 1] = 7
    assert (mean[:, 1] == 7).all()
    assert same_bits(mean[:, [0, 2]], before[:, [0, 2]])


def test_without_a_path_nothing_is_written_or_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = Checkpoint(network(), S4NN(), ttfs.SGD())
    run.write()
    run.read()
    assert list(tmp_path.iterdir()) == []


def test_delays_that_learn_go_on_from_where_they_were(tmp_path):
    def beginning():
        layers = [ttfs.Dense(3, 2, delay=ttfs.Delays(per, (0, 2))) for per in ("pair", "input")]
        net = ttfs.Network(layers[0], ttfs.Dense(2, 3), layers[1], psp=ttfs.Ramp(), seed=2)
        return net, Checkpoint(net, ttfs.rules.Exact(), ttfs.Adam())

    net, run = beginning()
    begun = [delays.copy() for delays in net.delays]
    run.bind(tmp_path / "c.npz", "here")
    run.note(EPOCH, 1.0)
    run.blend(1.0)
    run.parameters["delay_1"] += 0.5
    run.parameters["delay_3"] -= 0.25
    run._refresh()
    run.write()
    other, again = beginning()
    again.bind(tmp_path / "c.npz", "here")
    again.read()
    for mine, yours in zip(net.delays, other.delays, strict=True):
        assert same_bits(mine, yours)
    assert (other.delays[0] > begun[0]).all()
    assert (other.delays[2] < begun[2]).all()
    again.restore_best()
    for mine, yours in zip(begun, other.delays, strict=True):
        assert same_bits(mine, yours)


def test_after_each_epoch_it_is_told_that_the_checkpoint_is_on_the_disk(tmp_path):
    path, seen = tmp_path / "c.npz", []
    fit(
        trainer(),
        checkpoint=path,
        written=lambda: seen.append(len(module.load(path).history.records)),
    )
    assert seen == [1, 2]
