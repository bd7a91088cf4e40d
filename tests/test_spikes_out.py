"""Spikes of a network in the layouts of other tools, written and read by these tools."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import ttfs
from ttfs import spikes

INF = np.inf
ROWS = np.array([[2.0, INF, 1.5], [INF, INF, INF], [0.0, 9.5, 0.25]])
TOLD = {"unit": "ms", "stop": 10}

rows = arrays(
    float, array_shapes(min_dims=2, max_dims=2, max_side=6),
    elements=st.one_of(st.just(INF), st.integers(0, 9), st.floats(0, 9.99)),
)  # fmt: skip


@pytest.fixture
def network():
    layers = ttfs.Dense(3, 4, threshold=0.5), ttfs.Dense(4, 2, threshold=0.5)
    return ttfs.Network(*layers, t_max=10, unit="ms", seed=0)


def again(found, count):
    """Rows of times from what `first_spikes` makes of each sample."""
    return np.array([row.times for row in found]).reshape(-1, count)


def test_events_are_sorted_and_name_sample_layer_and_neuron(network):
    record = ttfs.forward(network, ROWS)
    found = spikes.events(record, network)
    listed = list(zip(*found.values(), strict=True))
    assert [*found] == ["sample", "layer", "neuron", "time"]
    slow = [
        (k, layer, n, times[k, n])
        for layer, times in zip(network.names, record.times, strict=True)
        for k in range(3)
        for n in range(times.shape[1])
        if times[k, n] < INF
    ]
    assert listed == sorted(slow, key=lambda e: (e[0], e[3], network.names.index(e[1]), e[2]))
    assert {*spikes.events(record)["layer"]} <= {"input", "hidden", "output"}


def test_a_simulator_knows_its_names_unit_and_horizon(network):
    simulator = ttfs.Simulator(network, ROWS[0])
    simulator.run()
    record = ttfs.forward(network, ROWS[:1])
    for make in (spikes.events, spikes.ragged):
        for one, other in zip(
            make(simulator).values(), make(record, network).values(), strict=True
        ):
            np.testing.assert_array_equal(one, other)
    assert spikes.padded(simulator)["input"]["t_max"] == 10


@settings(deadline=None)
@given(rows)
def test_ragged_trials_are_read_as_they_were(times):
    found = spikes.ragged(times, **TOLD)
    starts, stops = found["start_time"], found["stop_time"]
    back = ttfs.first_spikes(found, start=starts, stop=stops, unit="ms")
    np.testing.assert_allclose(back.times, times, atol=1e-9)
    assert (np.isinf(back.times) == np.isinf(times)).all()
    assert (back.before, back.between, back.after, back.later) == (0, 0, 0, 0)


def test_the_last_moment_of_a_trial_is_not_in_the_next():
    times = np.full((1000, 1), np.nextafter(10.0, 0))
    found = spikes.ragged(times, **TOLD)
    back = ttfs.first_spikes(found, start=found["start_time"], stop=found["stop_time"], unit="ms")
    np.testing.assert_allclose(back.times, times)


@settings(deadline=None)
@given(rows)
def test_padded_events_are_those_of_the_slow_twin(times):
    found = spikes.padded(times, stop=10)["input"]
    assert found["idx"].shape == found["time"].shape
    for row, idx, time_ in zip(times, found["idx"], found["time"], strict=True):
        slow = sorted((t, n) for n, t in enumerate(row) if t < INF)
        assert [(t, n) for t, n in zip(time_, idx, strict=True) if n >= 0] == slow
        assert np.isinf(time_[len(slow) :]).all()


def test_neo_has_a_train_for_each_neuron_and_gives_them_back(network):
    neo = pytest.importorskip("neo")
    record = ttfs.forward(network, ROWS)
    block = spikes.to_neo(record, network)
    assert isinstance(block, neo.Block)
    trains = block.segments[2].spiketrains
    assert len(trains) == 3 + 4 + 2
    assert trains[3].annotations == {"layer": "hidden", "neuron": 0}
    assert {str(train.units.dimensionality) for train in trains} == {"ms"}
    assert {(float(train.t_start), float(train.t_stop)) for train in trains} == {(0, 10)}
    found = [ttfs.first_spikes(segment, unit="ms") for segment in block.segments]
    np.testing.assert_array_equal(again(found, 9), np.hstack(record.times))


def test_a_unit_may_be_so_many_milliseconds():
    pytest.importorskip("neo")
    train = spikes.to_neo([[0.5]], unit="100 ms", stop=2).segments[0].spiketrains[0]
    assert (train.magnitude.tolist(), float(train.t_stop), str(train.dimensionality)) == ([50], 200, "ms")  # fmt: skip  # noqa: E501


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:neo")
def test_a_file_of_neo_comes_back(tmp_path):
    neo = pytest.importorskip("neo")
    io = neo.io.PickleIO(str(tmp_path / "a.pkl"))
    io.write_block(spikes.to_neo(ROWS, **TOLD))
    found = [ttfs.first_spikes(segment, unit="ms") for segment in io.read_block().segments]
    np.testing.assert_array_equal(again(found, 3), ROWS)


def test_a_file_in_nwb_is_a_data_set(tmp_path):
    pynwb = pytest.importorskip("pynwb")
    labels = np.array([0, 2, 1])
    file = spikes.to_nwb(ROWS, **TOLD, labels=labels, identifier="mine")
    with pynwb.NWBHDF5IO(tmp_path / "a.nwb", "w") as io:
        io.write(file)
    with pynwb.NWBHDF5IO(tmp_path / "a.nwb", "r") as io:
        read = io.read()
        assert read.identifier == "mine"
        assert read.units["neuron"][:].tolist() == [0, 1, 2]
        trials = {f"{name}": read.trials[f"{name}_time"][:] for name in ("start", "stop")}
        found = ttfs.first_spikes(read.units, **trials, unit="ms")
    np.testing.assert_allclose(found.times, ROWS, atol=1e-9)
    train, test = ttfs.datasets.load(tmp_path / "a.nwb")
    assert sorted([*train.labels, *test.labels]) == [0, 1, 2]
    assert train.stop == pytest.approx(0.01)
    with pytest.raises(ttfs.ShapeError, match=r"labels must be \(3,\)"):
        spikes.to_nwb(ROWS, **TOLD, labels=[0])


def test_pandas_and_xarray_have_the_same_spikes(network):
    pytest.importorskip("pandas")
    xarray = pytest.importorskip("xarray")
    record = ttfs.forward(network, ROWS)
    frame = spikes.to_pandas(record, network)
    counts = frame.groupby("layer").size().to_dict()
    fired = {n: int((t < INF).sum()) for n, t in zip(network.names, record.times, strict=True)}
    assert counts == {name: count for name, count in fired.items() if count}
    arrays = spikes.to_xarray(record, network)
    assert isinstance(arrays, xarray.Dataset)
    np.testing.assert_array_equal(arrays["hidden"], record.times[1])
    assert arrays.attrs == {"units": "ms", "stop": 10}


def test_nir_has_events_of_each_layer(network):
    nir = pytest.importorskip("nir.data_ir")
    found = spikes.to_nir(ttfs.forward(network, ROWS), network).nodes
    assert [*found] == ["input", "hidden", "output"]
    data = found["input"].observables["spikes"]
    assert isinstance(data, nir.EventData)
    assert (data.n_neurons, data.t_max) == (3, 10)
    assert data.to_time_gridded(0.25).data.sum() == (ROWS < INF).sum()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: spikes.ragged(ROWS, stop=10), "times in step have no place there: say how long"),
        (lambda: spikes.ragged(ROWS, unit="ms"), "the end of a sample is needed: pass the network"),
        (lambda: spikes.padded(ROWS), "the end of a sample is needed"),
        (lambda: spikes.padded(ROWS, stop=5), "spikes must come before stop 5, got 9.5"),
        (lambda: spikes.events(np.zeros((2, 2, 2))), "a Record, a Simulator, or times (samples,"),
        (lambda: spikes.events([-1.0]), "spikes must be 0 or later"),
        (lambda: spikes.events(ROWS, "net"), "network must be a Network or a Circuit, got 'net'"),
        (lambda: spikes.ragged(ROWS, unit="ms", stop=0), "stop=... must be above 0, got 0"),
    ],
)
def test_mistakes_are_told(call, said):
    with pytest.raises(ttfs.InputError) as refused:
        call()
    assert said in str(refused.value)


def test_a_record_of_another_network_is_refused(network):
    other = ttfs.Network(ttfs.Dense(3, 2, threshold=1.0), t_max=10)
    with pytest.raises(ttfs.ShapeError, match="spikes have 3 layers, but the network has 2"):
        spikes.events(ttfs.forward(network, ROWS), other)


@pytest.mark.parametrize("kind", ["events", "ragged", "padded", "to_pandas", "to_xarray", "to_nwb"])
def test_a_million_spikes_take_less_than_two_seconds(kind):
    if kind.startswith("to_"):
        pytest.importorskip({"nwb": "pynwb"}.get(kind[3:], kind[3:]))
    times = np.random.default_rng(0).random((1000, 1000)) * 10
    options = TOLD if kind in ("ragged", "to_nwb") else {"stop": 10} if kind == "padded" else {}
    began = time.process_time()
    getattr(spikes, kind)(times, **options)
    assert time.process_time() - began < 2
