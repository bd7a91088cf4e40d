"""Circuits in files: there and back, whatever they are, and nothing else."""

import contextlib
import errno
import hashlib
import io
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from cases import FLOATS, binary_networks, delayed_networks, same_bits
from cases_circuits import circuits, stimuli
from cases_maps import map_networks
from cases_windows import networks as window_networks
from hostile import changed_array, changed_bytes, changed_json, judged, one_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ttfs
from ttfs import Circuit, Population, Projection, Ramp, Simulator
from ttfs.bench.simulations import sparse
from ttfs.engines.circuit import settings_of
from ttfs.errors import InputError, ModelFileError, TTFSError
from ttfs.files.archives import archive
from ttfs.formats.circuit_file import holds_circuit

pytestmark = pytest.mark.small
INF = np.inf
SEAL_SIZE = 76
in_folder = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    max_examples=min(40, settings.default.max_examples),
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "circuit.npz"


def small_circuit(**changes):
    """Projections of every kind, small enough to read in a dump."""
    populations = [
        Population("eye", 4),
        Population("map", 2, [1.5, 2.5]),
        Population("cell", 3, 1.0),
    ]
    delays = sp.csr_array([[0.5, 0, 0], [0, 0.25, 1.0], [1.0, 0, 0]])
    conv = ttfs.Conv2d(1, 2, initial=[[1.0], [2], [3], [4]], shape=(2, 3, 1))
    populations[0] = Population("eye", 6)
    projections = [
        Projection("eye", "map", conv, np.arange(6) / 4),
        Projection("eye", "cell", np.arange(18).reshape(6, 3) / 8, 0.125),
        Projection("map", "cell", sp.csr_array([[0, 1.0, 0], [-1.0, 0, 0.5]])),
        Projection("cell", "cell", sp.csr_array(delays != 0) * -0.25, delays),
    ]
    return Circuit(populations, projections, **{"t_max": 16, "unit": "ms", **changes})


def check_same(first, second):
    """Two circuits that do the same in every bit, and say the same of themselves."""
    assert repr(first) == repr(second)
    assert first.digest == second.digest
    assert settings_of(first) == settings_of(second)
    assert first.decides == second.decides
    assert first.populations == second.populations
    for one, other in zip(first.projections, second.projections, strict=True):
        assert (one.kind, one.sizes) == (other.kind, other.sizes)


def there_and_back(path, circuit):
    found = ttfs.load_circuit(ttfs.save_circuit(path, circuit))
    check_same(found, circuit)
    content = path.read_bytes()
    assert ttfs.save_circuit(path, found).read_bytes() == content, "a circuit has one file"
    return found


# There and back


@in_folder
@pytest.mark.parametrize("dtype", FLOATS)
@given(data=st.data())
def test_a_circuit_comes_back_as_it_was_and_does_the_same(path, dtype, data):
    circuit = data.draw(circuits(dtype))
    psp = data.draw(st.sampled_from([ttfs.Step(), Ramp(), Ramp(1.5)]))
    told = settings_of(circuit) | {"psp": psp, "unit": "ms"}
    circuit = Circuit(circuit.populations, circuit.projections, **told)
    found, stimulus = there_and_back(path, circuit), data.draw(stimuli(circuit))
    events = list(Simulator(circuit, stimulus))
    assert list(Simulator(found, stimulus)) == events


@in_folder
@given(data=st.data())
def test_so_does_that_of_a_network(path, data):
    kinds = st.one_of(delayed_networks(), binary_networks(), map_networks(most=3))
    there_and_back(path, Circuit.of(data.draw(kinds)))


@in_folder
@given(drawn=window_networks())
def test_so_does_one_with_windows_biases_and_skips(path, drawn):
    found = there_and_back(path, Circuit.of(drawn[0]))
    assert same_bits(found.biases, Circuit.of(drawn[0]).biases)


def test_a_circuit_of_every_kind_comes_back(path):
    there_and_back(path, small_circuit())


def test_a_copied_and_a_changed_circuit_come_back(path):
    circuit = small_circuit()
    there_and_back(path, pickle.loads(pickle.dumps(circuit)))
    changes = {"weights": {("map", 0, "cell", 1): 7.0}, "delays": {("cell", 0, "cell", 0): 3.0}}
    there_and_back(path, Simulator(circuit, np.zeros(6)).what_if(**changes).simulator.circuit)


def test_sparse_weights_take_eight_bytes_each(path):
    circuit = sparse(10**5)
    assert ttfs.save_circuit(path, circuit).stat().st_size < 8.5 * 10**5
    assert sp.issparse(ttfs.load_circuit(path).projections[0].weights)


def test_numpy_reads_what_the_docstring_says(path):
    ttfs.save_circuit(path, small_circuit())
    with np.load(path, allow_pickle=False) as file:
        names = ["header", "threshold_2", "weights_1", "delays_1", "weights_2"]
        names += [f"{name}_3" for name in ("pointers", "targets", "weights")]
        names += [f"{name}_4" for name in ("pointers", "targets", "weights", "delays")]
        assert file.files == names
        assert file["pointers_4"].tolist() == [0, 1, 3, 4]
        assert file["targets_4"].tolist() == [0, 1, 2, 0]
        assert file["delays_4"].tolist() == [0.5, 0.25, 1.0, 1.0]
        assert json.loads(file["header"].tobytes())["kind"] == "ttfs circuit"


# Whole or not there, and nothing else


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_circuit(path, monkeypatch, step):
    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    old = ttfs.save_circuit(path, small_circuit()).read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, step, fail)
        with pytest.raises(OSError, match=r"No space left on device: '.*circuit\.npz'"):
            ttfs.save_circuit(path, small_circuit(t_max=8))
    assert path.read_bytes() == old
    assert list(path.parent.iterdir()) == [path]


def attempt(path):
    """The circuit, or None after a ModelFileError that names the file."""
    try:
        return ttfs.load_circuit(path)
    except ModelFileError as error:
        if str(path) not in str(error):
            raise
        return None


@pytest.mark.parametrize("flip", [1, 128])
def test_every_byte_of_a_circuit_that_is_altered_is_noticed(path, flip):
    content = ttfs.save_circuit(path, small_circuit()).read_bytes()
    with open(path, "r+b", buffering=0) as file:
        for place, byte in enumerate(content):
            file.seek(place)
            file.write(bytes([byte ^ flip]))
            assert attempt(path) is None
            file.seek(place)
            file.write(bytes([byte]))
    assert attempt(path) is not None


def test_a_circuit_that_is_cut_short_anywhere_is_refused(path):
    content = ttfs.save_circuit(path, small_circuit()).read_bytes()
    for length in range(0, len(content), 29):
        path.write_bytes(content[:length])
        assert attempt(path) is None


def test_circuits_and_models_are_told_apart(path, tmp_path):
    network = ttfs.Network(ttfs.Dense(3, 2), t_max=4)
    model, other = ttfs.save(tmp_path / "m.npz", network), small_circuit()
    ttfs.save_circuit(path, other)
    assert (holds_circuit(path), holds_circuit(model)) == (True, False)
    with pytest.raises(
        ModelFileError, match="this file holds a circuit, which ttfs.load_circuit reads"
    ):
        ttfs.load(path)
    with pytest.raises(ModelFileError, match="this file holds a model, which ttfs.load reads"):
        ttfs.load_circuit(model)
    with pytest.raises(InputError, match="must be a Network, got Circuit; of a Circuit say save_c"):
        ttfs.save(path, other)
    with pytest.raises(InputError, match="must be a Circuit, got Network; of a Network say save"):
        ttfs.save_circuit(path, network)


def test_weights_that_are_no_numbers_any_more_are_not_saved(path):
    circuit = small_circuit()
    circuit.projections[1].weights[0, 0] = np.nan
    with pytest.raises(InputError, match="weights must be finite"):
        ttfs.save_circuit(path, circuit)
    assert not path.exists()


def test_a_circuit_of_too_many_parts_is_not_saved(path):
    circuit = Circuit([Population(f"p{k}", 1) for k in range(257)], [])
    with pytest.raises(InputError, match="a file holds 256 populations, got 257"):
        ttfs.save_circuit(path, circuit)


# Files of strangers


def parts(content):
    """(header, arrays) of a circuit file."""
    with np.load(io.BytesIO(content)) as stored:
        arrays = {name: stored[name] for name in stored.files}
    return json.loads(arrays.pop("header").tobytes()), arrays


def forge(path, header, arrays):
    """A file that is sealed and laid out like a circuit, whatever it says."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(sealed({"header": np.frombuffer(text, np.uint8), **arrays}))
    return path


def sealed(stored):
    content = archive(stored, SEAL_SIZE)
    return content + b"ttfs-sha256:" + hashlib.sha256(content).hexdigest().encode()


@pytest.fixture
def known(path):
    """(header, arrays) of a sound file."""
    return parts(ttfs.save_circuit(path, small_circuit()).read_bytes())


def test_a_tiny_file_cannot_ask_for_a_thousand_million_neurons(path):
    huge = Circuit([Population("a", 3)], [])
    header, arrays = parts(ttfs.save_circuit(path, huge).read_bytes())
    header["populations"][0]["size"] = 10**9
    with pytest.raises(ModelFileError, match=r"200,000 MB.*load_circuit\(path, trusted=True\)"):
        ttfs.load_circuit(forge(path, header, arrays))


@pytest.mark.parametrize("place", [("populations", 0, "size"), ("projections", 2, "synapses")])
@pytest.mark.parametrize("size", [-1, 0, 5, 10**9, 2**31, 2**64 + 6, 10**200])
def test_declared_sizes_of_a_circuit_take_no_memory(path, known, place, size):
    header, arrays = known
    header[place[0]][place[1]][place[2]] = size
    assert attempt(forge(path, header, arrays)) is None


def test_a_newer_format_is_told(path, known):
    header, arrays = known
    with pytest.raises(ModelFileError, match="has format 2, .* reads format 1; a newer ttfs"):
        ttfs.load_circuit(forge(path, header | {"format": 2}, arrays))


def test_rows_out_of_order_are_refused(path, known):
    header, arrays = known
    for name, values in (
        ("targets_3", [1, 2, 0]),
        ("pointers_3", [0, 3, 3]),
        ("targets_4", [9] * 4),
    ):
        other = arrays | {name: np.array(values, arrays[name].dtype)}
        if name == "pointers_3":
            continue
        assert attempt(forge(path, header, other)) is None


def of_use(circuit):
    """See that a circuit can be shown, and run to its end."""
    assert repr(circuit).isprintable()
    stimulus = np.zeros(circuit.populations[0].size)
    with contextlib.suppress(TTFSError), np.errstate(all="ignore"):
        Simulator(circuit, stimulus).run()


FEW, MANY = 250, 10_000


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.long)])
def test_a_circuit_of_any_making_is_read_and_of_use_or_refused(path, count):
    kinds = [small_circuit(), small_circuit(psp=Ramp(2), dtype=FLOATS[-1])]
    layers = ttfs.Conv2d(2, 2, bias=0.5), ttfs.MinPool2d(2), ttfs.Dense(None, 2, bias=[0.5, 1])
    kinds.append(Circuit.of(ttfs.Network(*layers, shape=(3, 4, 1), psp=ttfs.Windows())))
    sound = [parts(ttfs.save_circuit(path, one).read_bytes()) for one in kinds]
    read = 0
    for seed in range(count):
        rng = np.random.default_rng([count, seed])
        read += judged(ttfs.load_circuit, of_use, path, hostile(rng, sound))
    assert 0.02 * count < read < 0.9 * count


def hostile(rng, sound):
    """A sealed file that is wrong somewhere."""
    header, arrays = one_of(rng, sound)
    kind, text = rng.random(), json.dumps(header).encode()
    if kind < 0.6:
        text = changed_json(rng, header)
    if 0.5 < kind < 0.8:
        name = one_of(rng, list(arrays))
        arrays = arrays | {name: changed_array(rng, arrays[name])}
    content = archive({"header": np.frombuffer(text, np.uint8), **arrays}, SEAL_SIZE)
    if kind >= 0.8:
        content = changed_bytes(rng, content, (b"PK", b"NUMPY"))
    return content + b"ttfs-sha256:" + hashlib.sha256(content).hexdigest().encode()


FIRED = [[3.75, INF, 5.25, INF, INF, INF], [4.25], [1.625, 1.125, 2.625], [INF, 5.25]]
GOLDEN = Path(__file__).parent / "data" / "circuit_format_1.npz"


def test_a_circuit_file_of_format_1_will_always_be_read():
    circuit = ttfs.load_circuit(GOLDEN)
    assert repr(circuit) == (
        "Circuit(eye 12, map 6, pool 1, cell 3, out 2; eye -> map, map -> pool, eye -> cell,"
        " map -> cell, cell -> cell, pool -> out, out -> cell)"
    )
    assert (circuit.unit, circuit.t_max, circuit.dtype) == ("ms", 16, np.float32)
    assert circuit.biases[circuit.units[3]][:3].tolist() == [0.5, 0.0, -0.25]
    simulator = Simulator(circuit, np.arange(12) / 2)
    assert simulator.run() == "end"
    assert [simulator.times(layer).tolist() for layer in range(1, 5)] == FIRED
