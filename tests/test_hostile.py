"""Whatever a file says: it is read and of use, or refused by an error of ours, in proportion."""

import contextlib
import gzip
import io
import json
import re
import struct
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hostile import (
    changed_array,
    changed_bytes,
    changed_json,
    checkpoint,
    header_of_npy,
    judged,
    model,
    one_of,
)

import ttfs
from ttfs.bench import comparison as bench_comparison
from ttfs.cli import cli, comparison
from ttfs.datasets.idx import read_idx
from ttfs.errors import TTFSError
from ttfs.rules import Exact

DATA = Path(__file__).parent / "data"
FEW, MANY = 250, 10_000
many = pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.long)])


def parts(content):
    """(header, arrays) of a model or a checkpoint."""
    with np.load(io.BytesIO(content)) as stored:
        arrays = {name: stored[name] for name in stored.files}
    return json.loads(arrays.pop("header").tobytes()), arrays


def all_judged(count, read, use, path, make):
    """How many of so many files were read."""
    read_well = 0
    for seed in range(count):
        content = make(np.random.default_rng([count, seed]))
        try:
            read_well += judged(read, use, path, content)
        except BaseException as error:
            error.add_note(f"seed {[count, seed]}, {len(content)} bytes")
            raise
    return read_well


# Models


def models(folder):
    """(header, arrays) of sound models of several kinds."""
    real, binary = ttfs.Real(init=(0, 5)), ttfs.Binary(scale=2, clip=3)
    path, report = folder / "sound.npz", {"accuracy": 0.5, "recipe": "a", "versions": {"ttfs": "1"}}
    layers = ttfs.Dense(3, 5, binary, threshold=[1, 2, 3, 4, 5.0]), ttfs.Dense(5, 2, real, 7)
    first = ttfs.Network(*layers, psp=ttfs.Ramp(2), dtype=np.float64, unit="ms")
    ttfs.save(path, first, encoder=ttfs.Direct(bias=0.9), report=report)
    contents = [path.read_bytes()]
    names = "model_format_1", "model_format_1_delays", "model_format_2_maps"
    contents += [(DATA / f"{name}.npz").read_bytes() for name in names]
    return [parts(content) for content in contents]


def of_use(found):
    """See that a model can be shown, run, and saved again as it is."""
    network = found.network
    assert repr(found)
    assert repr(network.layers)
    assert network.unit.isprintable()
    if found.encoder is not None:
        with np.errstate(over="ignore"):  # what is too late for float32 is silent
            assert not np.isnan(found.encoder(np.array([[0, 128, 255]], np.uint8))).any()
    times = np.array([[0.0, network.t_max / 2, np.inf, network.t_max / 4]])[:, : network.sizes[0]]
    times = np.tile(times, (1, -(-network.sizes[0] // times.shape[1])))[:, : network.sizes[0]]
    record = ttfs.forward(network, times)
    for layer in record.times:
        assert not np.isnan(layer).any()
        assert not (layer < 0).any()
    with contextlib.suppress(TTFSError):  # its weights may be 0 or inf in another precision
        ttfs.Simulator(network, times[0]).run()
    with np.errstate(over="ignore"):  # of sums of the latest times that are numbers
        ttfs.evaluate(network, times, [0])


@pytest.fixture
def shown_too(tmp_path):
    """What `of_use` does, and that the command line shows the model."""

    def use(found):
        of_use(found)
        written, said = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(written), contextlib.redirect_stderr(said):
            assert cli.main(["info", str(tmp_path / "m.npz")]) == 0
        assert all(line.isprintable() for line in written.getvalue().split("\n"))
        again = ttfs.save(tmp_path / "again.npz", found.network, encoder=found.encoder)
        twin = ttfs.load(again).network
        assert repr(twin.layers) == repr(found.network.layers)
        assert twin.arrays.weights.tobytes() == found.network.arrays.weights.tobytes()

    return use


@many
def test_a_model_of_any_making_is_read_and_of_use_or_refused(count, tmp_path, shown_too):
    known = models(tmp_path)
    read = all_judged(
        count, ttfs.load, shown_too, tmp_path / "m.npz", lambda rng: model(rng, known)
    )
    assert 0.02 * count < read < 0.9 * count


# Checkpoints

TIMES = np.random.default_rng(0).uniform(0, 3, (12, 4))
LABELS = np.arange(12) % 2


def training(kind):
    real, delay = ttfs.Real(init=(0, 3)), ttfs.Delays("pair", (0, 1))
    first = {
        "binary": [ttfs.Dense(4, 3, ttfs.Binary(scale=3), 2.0)],
        "real": [ttfs.Dense(4, 3, real, 2.0, delay)],
        "maps": [
            ttfs.Conv2d(2, (1, 2), weights=real, threshold=2.0, delay=ttfs.Delays("input", (0, 1))),
            ttfs.MinPool2d((2, 1)),
        ],
    }[kind]
    layers, shape = (*first, ttfs.Dense(None, 2, threshold=2.0)), (2, 2, 1)
    network = ttfs.Network(*layers, psp=ttfs.Ramp(), t_max=16, shape=shape)
    optimizer = ttfs.Adam(0.01) if kind == "binary" else ttfs.Momentum(0.01)
    rule = Exact(cures=(ttfs.silence.Bump(),))
    return ttfs.Trainer(network, rule, optimizer, batch_size=6, average=4)


def resumed(path, kind, epochs=3):
    trainer = training(kind)
    history = trainer.fit(
        TIMES, LABELS, epochs=epochs, validation=0.5, checkpoint=path, resume=True
    )
    return trainer, history


@many
@pytest.mark.parametrize("kind", ["binary", "real", "maps"])
def test_a_checkpoint_of_any_making_is_gone_on_from_or_refused(count, kind, tmp_path):
    path = tmp_path / "c.npz"
    resumed(path, kind, epochs=2)
    header, arrays = parts(path.read_bytes())
    before = training(kind).network.arrays.weights.tobytes()

    def read(path):
        trainer = training(kind)
        run = ttfs.training.checkpoint.Checkpoint(trainer.network, trainer.rule, trainer.optimizer)
        run.bind(path, header["identity"])
        try:
            run.read()
        except TTFSError:
            assert trainer.network.arrays.weights.tobytes() == before
            assert run.history.records == []
            raise
        return path

    def use(path):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of huge weights that learn
            try:
                trainer, history = resumed(path, kind)
            except TTFSError as error:
                said = str(error)
            else:
                said = ""
        if said:
            assert re.search("no longer finite|too large or too small", said)
            return
        assert [record["epoch"] for record in history.records] == [1, 2, 3]
        assert history.csv().count("\n") == 4
        assert sum(record["seconds"] for record in history.records) > 0
        ttfs.save(tmp_path / "m.npz", trainer.network)

    found = all_judged(count // 2, read, use, path, lambda rng: checkpoint(rng, header, arrays))
    assert 0.01 * count < found


# Data sets

IMAGES = (np.arange(120).reshape(20, 2, 3) % 5 * 50).astype(np.uint8)
CLASSES = np.arange(20) % 3


def npy(rng, array):
    """An .npy, often with a header that lies."""
    stream = io.BytesIO()
    np.save(stream, changed_array(rng, array) if rng.random() < 0.3 else array)
    content = stream.getvalue()
    if rng.random() < 0.5:
        return content
    shape = one_of(rng, [
        *("(20,)", "(20, 2, 3)", "()", "(0,)", "(20, 0)", "(-1,)", "(0, 4611686018427387904)"),
        *("(4611686018427387904, 4)", "(0, 1099511627776, 1099511627776)", "(2147483648,)"),
        *("(True,)", "(20.0,)", "(1e9,)", "20", "(" * 200 + ")" * 200, "(" + "1, " * 70 + ")"),
        *("(" + "1, " * 33 + ")", "('20',)", "(10000000, 10)", "(9" + "9" * 400 + ",)", "None"),
    ])  # fmt: skip
    descr = one_of(rng, [
        *("'|u1'", "'<i8'", "'<f4'", "'>f8'", "'|O'", "'|V4'", "'<U0'", "'|S0'", "'<U1000000'"),
        *("[('a', '<f4')]", "[('a', '|O')]", "('<f4', (3,))", "'<M8[s]'", "'<c16'", "'|b1'", "1"),
        *("'\\x1b[31m'", "[" * 300 + "]" * 300, "'x' * 9", "None", "'<f2'", "'<f8'", "''", "'i,i'"),
    ])  # fmt: skip
    order = one_of(rng, ["False", "True", "1", "None", "'\\n'"])
    return header_of_npy(descr, order, shape, one_of(rng, [1, 1, 2, 3])) + array.tobytes()


def npz(rng):
    """An archive of images and labels, and what does harm."""
    stream = io.BytesIO()
    method = one_of(
        rng, [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
    )
    if rng.random() < 0.8:
        method = one_of(rng, [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", method) as file:
        warnings.simplefilter("ignore")
        for name, array in {"images": IMAGES, "labels": CLASSES}.items():
            file.writestr(f"{name}.npy", npy(rng, array))
        if rng.random() < 0.3:
            name = one_of(
                rng, ["images", "images.npy", "../x.npy", "\x1b[31m", "y" * 9000, "labels"]
            )
            file.writestr(name, one_of(rng, [b"", bytes(10_000), npy(rng, CLASSES)]))
    content = stream.getvalue()
    return changed_bytes(rng, content, (b"PK", b"NUMPY")) if rng.random() < 0.6 else content


def idx(rng):
    """An IDX file, plain or packed, and what does harm."""
    shape = one_of(rng, [(20,), (20, 2, 3), (), (0,), (2**32 - 1,), (2**32 - 1,) * 70, (1,) * 60])
    if rng.random() < 0.5:
        shape = (20, 2, 3)
    content = struct.pack(f">4B{len(shape)}I", 0, 0, 8, len(shape), *shape) + IMAGES.tobytes()
    if rng.random() < 0.4:
        content = changed_bytes(rng, content, (b"\0\0\x08",))
    if rng.random() < 0.6:
        content = gzip.compress(content, int(rng.integers(1, 10)), mtime=0)
        content += one_of(rng, [b"", bytes(9), b"x", content, gzip.compress(b"") * 50])
        content = changed_bytes(rng, content, (b"\x1f\x8b",)) if rng.random() < 0.6 else content
    return content


def whole_sets(splits):
    """See that both splits are of use."""
    for split in splits:
        assert repr(split)
        assert len(split.labels) == len(split.images) > 0
        ttfs.encode_latency(split.images)


def read_set(path):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*no label is 0", UserWarning)
        return ttfs.datasets.from_npz(path)


@many
def test_a_data_set_of_any_making_is_read_or_refused(count, tmp_path):
    found = all_judged(count, read_set, whole_sets, tmp_path / "d.npz", npz)
    assert 0.02 * count < found < 0.9 * count


@many
def test_an_idx_file_of_any_making_is_read_or_refused(count, tmp_path):
    found = all_judged(count, read_idx, repr, tmp_path / "d.idx", idx)
    assert 0.02 * count < found < 0.9 * count


# Reports

REPORT = {
    "accuracy": 0.9, "accuracy_lenient": 0.91, "samples": 200, "undecided": 4, "seed": 1,
    "decision_time_mean": 64.0, "input_window": 256.0, "seconds": 12.4, "epochs": 30,
    "spikes_per_sample": {"total": 300.0, "until_decision": 100.0},
    "synaptic_operations_per_sample": {"total": 9000.0, "until_decision": 5000.0},
    "cost": {"footprint_bits": 20000, "parameters": 50, "weight_bits": 9, "other_bits": 7},
    "recipe": "Recipe()", "dataset": "mnist",
    "network": "Network(9-4-3, Step(), t_max=256)", "weights": "one-bit", "response": "Step()",
    "augmentation": ["Dropout(share=0.2)"], "published": "97.0", "preset": None,
}  # fmt: skip
CASE = {"name": "a", "inputs": "mnist", "threads": 1, "microseconds": 10.0}
BENCH = {"machine": "a b", "cases": [CASE, CASE | {"name": "b", "limit_microseconds": 5.0}]}
BENCH["cold"] = {"train": 12.5}


@many
def test_a_report_of_any_making_is_compared_or_refused(count, tmp_path):
    def use(found):
        lines = comparison.table(found).split("\n")
        assert len(lines) == 2 + len(found)
        assert all(line.isprintable() for line in lines)
        for name in comparison.COSTS:
            with contextlib.suppress(TTFSError):
                comparison.costs(found, name)

    found = all_judged(
        count,
        lambda path: comparison.groups([path.parent]),
        use,
        tmp_path / "report.json",
        lambda rng: changed_json(rng, REPORT),
    )
    assert 0.05 * count < found < 0.9 * count


@many
def test_a_report_of_bench_of_any_making_is_compared_or_refused(count, tmp_path):
    def use(found):
        for pair in (found, BENCH), (BENCH, found):
            assert all(line.isprintable() for line in bench_comparison.compared(*pair))

    found = all_judged(
        count,
        bench_comparison.read,
        use,
        tmp_path / "b.json",
        lambda rng: changed_json(rng, BENCH),
    )
    assert 0.05 * count < found < 0.9 * count
