"""The first spike of each neuron of a recording, whatever tool has recorded it."""

import datetime
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ttfs
from ttfs.codes.units import in_unit

INF = np.inf
TRAINS = [[0.012, 0.015], [], [0.003, 0.2], []]  # s
ROW = [12.0, INF, 3.0, INF]  # ms, up to 0.1 s


def one_by_one(trains, starts, stops):
    """The slow twin: rows of first spikes, and how many others there are in and around them."""
    rows = [
        [min((t - a for t in train if a <= t < b), default=INF) for train in trains]
        for a, b in zip(starts, stops, strict=True)
    ]
    every = [t for train in trains for t in train if t < INF]
    inside = [sum(a <= t < b for t in every) for a, b in zip(starts, stops, strict=True)]
    counts = {
        "later": sum(inside) - sum(t < INF for row in rows for t in row),
        "before": sum(t < min(starts) for t in every),
        "after": sum(t >= max(stops) for t in every),
    }
    covered = sum(any(a <= t < b for a, b in zip(starts, stops, strict=True)) for t in every)
    counts["between"] = len(every) - covered - counts["before"] - counts["after"]
    return np.array(rows), counts


moments = st.one_of(st.integers(-20, 20), st.floats(-20, 20, width=32), st.just(INF))
windows = st.tuples(st.integers(-15, 15), st.integers(1, 20))


@settings(deadline=None)
@given(
    st.lists(st.lists(moments, max_size=6), min_size=1, max_size=5),
    st.lists(windows, min_size=1, max_size=4),
    st.sampled_from(["trains", "dictionary", "pairs", "rows", "ragged", "named"]),
)
@pytest.mark.filterwarnings("ignore:no spike of")
def test_the_slow_twin_finds_the_same(trains, spans, kind):
    trains = [np.sort(np.array(train, float)) for train in trains]
    ids = np.repeat(np.arange(len(trains)), [len(train) for train in trains])
    flat, count = np.concatenate(trains), len(trains)
    mixed = np.random.default_rng(0).permutation(len(flat))
    ends = np.cumsum([len(train) for train in trains])
    names = [7 * k + 3 for k in range(count)]
    told = {
        "trains": (trains, {}),
        "dictionary": (dict(enumerate(trains)), {}),
        "pairs": ((ids[mixed], flat[mixed]), {"neurons": count}),
        "rows": (np.column_stack([ids, flat])[mixed], {"neurons": count}),
        "ragged": ({"spike_times": flat, "spike_times_index": ends}, {}),
        "named": (dict(zip(names[::-1], trains[::-1], strict=True)), {"neurons": names}),
    }
    starts = np.array([a for a, _ in spans], float)
    stops = starts + [length for _, length in spans]
    given, more = told[kind]
    unit = {} if kind == "ragged" else {"given": "s"}
    found = ttfs.first_spikes(given, start=starts, stop=stops, unit="s", **unit, **more)
    rows, counts = one_by_one(trains, starts, stops)
    np.testing.assert_array_equal(found.times, rows)
    assert {name: getattr(found, name) for name in counts} == counts


def test_a_single_trial_is_a_row_that_a_network_takes():
    found = ttfs.first_spikes(TRAINS, stop=0.1, unit="ms", given="s")
    assert found.times.tolist() == ROW
    assert (found.later, found.before, found.between, found.after) == (1, 0, 0, 1)
    network = ttfs.Network(ttfs.Dense(4, 2, threshold=1.0), t_max=100, unit="ms")
    assert len(ttfs.forward(network, found.times[None])) == 1


def test_the_module_of_encoders_has_it_too():
    assert ttfs.encoding.first_spikes is ttfs.first_spikes


@pytest.mark.parametrize(
    ("given", "unit", "times"),
    [
        ("s", "ms", [1500.0]),
        ("ms", "s", [0.0015]),
        ("us", "100 ms", [1.5e-5]),
        ("µs", "us", [1.5]),
        ("step", "step", [1.5]),
        ("10 ms", "ms", [15.0]),
    ],
)
def test_units_are_converted(given, unit, times):
    assert in_unit(np.array([1.5]), given, unit, "times").tolist() == times
    assert ttfs.first_spikes([[1.5]], unit=unit, given=given).times.tolist() == times


def test_neo_trains_keep_their_units():
    neo, pq = pytest.importorskip("neo"), pytest.importorskip("quantities")
    segment = neo.Segment()
    for k, train in enumerate(TRAINS):
        unit = [pq.s, pq.ms, pq.us][k % 3]
        segment.spiketrains.append(neo.SpikeTrain((train * pq.s).rescale(unit), t_stop=1 * pq.s))
    for trains in (segment, segment.spiketrains, list(segment.spiketrains)):
        found = ttfs.first_spikes(trains, stop=100 * pq.ms, unit="ms")
        np.testing.assert_allclose(found.times, ROW, rtol=1e-12)
    assert ttfs.first_spikes(segment.spiketrains[0], unit="s").times.tolist() == [0.012]
    with pytest.raises(ttfs.InputError, match="ms cannot be in step: step is not s, ms"):
        ttfs.first_spikes(segment.spiketrains[1:2], unit="step")
    with pytest.raises(ttfs.InputError, match="must all have a unit"):
        ttfs.first_spikes([[1.0] * pq.s, [2.0]], unit="ms")
    with pytest.raises(ttfs.InputError, match=r"must be in s, ms, .* got mV"):
        ttfs.first_spikes([[1.0] * pq.mV], unit="ms")
    with pytest.raises(ttfs.InputError, match="one Segment at a time"):
        ttfs.first_spikes(neo.Block(), unit="ms")


def test_quantities_may_say_when_a_trial_is():
    pq = pytest.importorskip("quantities")
    times = {"start": [1, 2] * pq.s, "stop": [1500, 2500] * pq.ms}
    found = ttfs.first_spikes([[1100.0], [2200.0]], unit="ms", given="ms", **times)
    assert found.times.tolist() == [[100, INF], [INF, 200]]


def test_a_file_in_nwb_is_read_as_it_was_written(tmp_path):
    pynwb = pytest.importorskip("pynwb")
    file = pynwb.NWBFile("spikes", "one", datetime.datetime.now(datetime.UTC))
    for train in TRAINS:
        file.add_unit(spike_times=train)
    path = tmp_path / "spikes.nwb"
    with pynwb.NWBHDF5IO(path, "w") as io:
        io.write(file)
    with pynwb.NWBHDF5IO(path, "r") as io:
        read = io.read()
        for units in (file.units, read.units, read):
            assert ttfs.first_spikes(units, stop=0.1, unit="ms").times.tolist() == ROW
    h5py = pytest.importorskip("h5py")
    with h5py.File(path) as raw:
        assert ttfs.first_spikes(raw["units"], stop=0.1, unit="ms").times.tolist() == ROW


@pytest.mark.filterwarnings("ignore::UserWarning:pynapple", "ignore::RuntimeWarning:pynapple")
def test_a_group_of_pynapple_is_taken_in_its_order():
    nap = pytest.importorskip("pynapple")
    support = nap.IntervalSet(0, 1)
    group = nap.TsGroup(
        {3: nap.Ts(np.array([0.02])), 1: nap.Ts(np.array([]))}, time_support=support
    )
    assert ttfs.first_spikes(group, unit="ms").times.tolist() == [INF, 20]
    assert ttfs.first_spikes(group, unit="ms", neurons=[3, 2, 1]).times.tolist() == [20, INF, INF]


def test_what_is_no_group_of_trains_is_refused():
    nap, neo = pytest.importorskip("pynapple"), pytest.importorskip("neo")
    for odd in (
        nap.Ts([1.0, 2.0]),
        nap.Tsd([1.0, 2.0], d=[0.5, 0.5]),
        neo.Event([1, 2], units="s"),
    ):
        with pytest.raises(ttfs.InputError, match="must be a list of spike trains, .*; got"):
            ttfs.first_spikes(odd, unit="ms")


def events(*rows):
    return np.array(list(rows), [("x", "i2"), ("y", "i2"), ("t", "i8"), ("p", "?")])


def test_events_of_a_camera_become_maps_with_polarities_last():
    seen = events((2, 1, 500, 1), (0, 0, 100, 0), (2, 1, 200, 1), (2, 1, 900, 0))
    times = ttfs.first_spikes(seen, unit="ms", neurons=(2, 3)).times.reshape(2, 3, 2)
    assert times[0, 0].tolist() == [0.1, INF]
    assert times[1, 2].tolist() == [0.9, 0.2]
    assert np.isinf(times).sum() == 9


def test_events_of_a_camera_say_what_does_not_fit():
    with pytest.raises(ttfs.InputError, match=r"x in 0\.\.1, for neurons=\(2, 2\); got 2\.\.2"):
        ttfs.first_spikes(events((2, 1, 5, 1)), unit="ms", neurons=(2, 2))
    with pytest.raises(ttfs.ShapeError, match=r"\(height, width\) of the event camera, got None"):
        ttfs.first_spikes(events((2, 1, 5, 1)), unit="ms")
    with pytest.raises(ttfs.InputError, match="fields x, y, t and p, got x, t"):
        ttfs.first_spikes(np.zeros(2, [("x", int), ("t", int)]), unit="ms", neurons=(2, 2))
    with pytest.raises(ttfs.InputError, match="at most 1,000,000,000 places, got"):
        ttfs.first_spikes(events((2, 1, 5, 1)), unit="ms", neurons=(10**6, 10**6))
    named = np.zeros(2, [("x", int), ("y", int), ("t", int), ("p", "S2")])
    with pytest.raises(ttfs.InputError, match="p must be numbers, got"):
        ttfs.first_spikes(named, unit="ms", neurons=(2, 2))
    pairs = np.zeros(2, [("x", int), ("y", int), ("t", int, (2,)), ("p", int)])
    with pytest.raises(ttfs.ShapeError, match="one p and one t for each event"):
        ttfs.first_spikes(pairs, unit="ms", neurons=(2, 2))


def ragged(*ends):
    return {"spike_times": [1.0, 2.0], "spike_times_index": np.array(ends)}


NEST = {"senders": np.array([5, 4]), "times": np.array([1.0, 2.0])}


@pytest.mark.parametrize(
    ("trains", "options", "said"),
    [
        ([[1.0]], {"given": ""}, "bare numbers: say in which unit, such as given='s'"),
        ([[1.0]], {"unit": "step"}, "times in s cannot be in step: step is not s, ms, us"),
        ([[1.0]], {"unit": "0 ms"}, "unit=...) must be s, ms"),
        ([[1.0]], {"unit": 3}, "unit=...) must be a string, got 3"),
        ([[1.0, np.nan]], {}, "must be times, got 1 that are NaN"),
        ([[2.0, 1.0]], {}, "train 0 has 1 after 2; np.sort(train)"),
        ([[1.0], [[2.0]]], {}, "a train (spikes,) for each neuron, got (1, 1)"),
        ([["a"]], {}, "must be numbers, got <U1"),
        (3.0, {}, "must be a list of spike trains, a dictionary"),
        (np.zeros(3), {}, "rows (neuron, time), (n, 2), got (3,)"),
        (([0], [1.0], [2.0]), {}, "a tuple as (neurons, times), got one of 3"),
        (([0, 1], [1.0]), {"neurons": 2}, "(n,) each, got (2,) and (1,)"),
        (([0.5], [1.0]), {"neurons": 2}, "neurons must be a list of whole numbers, got [0.5]"),
        (([0], [1.0]), {}, "a recording does not name the silent ones"),
        (([2], [1.0]), {"neurons": 2}, "has neuron 2, but neurons are 0..1; if these are"),
        (([2], [1.0]), {"neurons": [0, 1]}, "has neuron 2, which is not among"),
        (([2], [1.0]), {"neurons": [2, 2]}, "must name each neuron once, got [2, 2]"),
        (([2], [1.0]), {"neurons": 2.5}, "neurons must be a list of whole numbers, got 2.5"),
        (([2], [1.0]), {"neurons": 10**20}, "must be at most 1,000,000,000, got"),
        (NEST, {"neurons": [4, 5]}, "given='s') is for bare numbers, but these trains are in ms"),
        ({3: [1.0]}, {}, "must be the number of neurons, or their identifiers in order"),
        ([[1.0]], {"start": 2, "stop": 1}, "got 2 to 1 s; stop is a time on the clock"),
        ([[1.0]], {"start": [0, 1], "stop": 5}, "must be as many, got 2 and 1; trials of equal"),
        ([[1.0]], {"start": np.nan}, "start=...) must be a time, or one for each trial, got nan"),
        ([[1.0]], {"start": []}, "must be a time, or one for each trial, got []"),
        ([[1.0]], {"start": [[0], [1, 2]]}, "start=...) must be numbers in rows of equal length"),
        ([[1.0]], {"given": "0 ms"}, "given=...) must be s, ms"),
        ([1.0, 2.0], {}, "got 2 numbers: the train of a single neuron is [train]"),
        (np.array(None), {}, "rows (neuron, time), (n, 2), got ()"),
        (([2**64 - 1], [1.0]), {"neurons": 3}, "must be below 2**63, got 18446744073709551615"),
        (ragged(2**63 - 1, 4 - 2**63, 2), {"given": ""}, "that rises to 2, the number of"),
        (ragged(3, 1, 2), {"given": ""}, "that rises to 2, the number of"),
    ],
)
def test_mistakes_are_told(trains, options, said):
    with pytest.raises(ttfs.InputError) as refused:
        ttfs.first_spikes(trains, **{"unit": "ms", "given": "s"} | options)
    assert said in str(refused.value)


ODD = [
    *(None, "abc", b"x", 3, [[]], [None], [[1, "a"]], {"a": [1.0]}, {0: None}, (), ([0], None)),
    *(np.array(3.0), np.zeros((2, 2), complex), np.array([None, None]), {1}, iter([1]), type),
    *(np.zeros(2, [("x", "S1"), ("y", "i2"), ("t", "i8"), ("p", "?")]), {0: [1.0], 0.5: [2.0]}),
    *({"senders": [2**70], "times": [1.0]}, {"senders": [1], "times": None}),
    *({"spike_times": None, "spike_times_index": None}, [np.ma.masked_array([1.0], [True])]),
    *({"spike_times": [1.0], "spike_times_index": [5]}, np.array([["a", "b"]]), [1.0, 2.0]),
]


@pytest.mark.parametrize("neurons", [None, 3, -1, [0, 1], (2, 2), "a", [None], {0: 1}, [[0, 1]]])
@pytest.mark.filterwarnings("ignore:no spike of")
def test_whatever_is_passed_is_taken_or_refused(neurons):
    taken, told = 0, []
    for trains in ODD:
        for start in (0, "a", None, [[0]], np.nan):
            try:
                ttfs.first_spikes(trains, neurons=neurons, unit="ms", given="ms", start=start)
                taken += 1
            except ttfs.TTFSError as error:
                told.append(str(error))
    assert taken <= 3
    assert max(map(len, told)) < 600


def test_that_all_spikes_are_outside_is_told():
    with pytest.warns(UserWarning, match="no spike of 2 is in a trial: they are from 100 to 900 s"):
        found = ttfs.first_spikes([[100.0], [900.0]], stop=0.1, unit="ms", given="s")
    assert found.after == 2


def million(neurons=1000):
    rng = np.random.default_rng(0)
    times = np.sort(rng.random((neurons, 1_000_000 // neurons)), axis=1)
    return times, np.repeat(np.arange(neurons), times.shape[1])


@pytest.mark.parametrize("kind", ["trains", "lists", "pairs", "table", "sensor", "neo", "pynapple"])
@pytest.mark.filterwarnings("ignore::UserWarning:pynapple", "ignore::RuntimeWarning:pynapple")
def test_a_million_spikes_take_less_than_two_seconds(kind):
    times, ids = million()
    more = {"given": "s"} if kind in ("trains", "lists", "pairs") else {}
    if kind == "trains":
        trains = list(times)
    elif kind == "lists":
        trains = times.tolist()
    elif kind == "pairs":
        trains, more["neurons"] = (ids, times.ravel()), len(times)
    elif kind == "table":
        trains = {"spike_times": times.ravel(), "spike_times_index": np.arange(1, 1001) * 1000}
    elif kind == "neo":
        neo = pytest.importorskip("neo")
        trains = [neo.SpikeTrain(train, t_stop=1, units="s") for train in times]
    elif kind == "pynapple":
        nap = pytest.importorskip("pynapple")
        support = nap.IntervalSet(0, 1)
        made = {k: nap.Ts(t, time_support=support) for k, t in enumerate(times)}
        trains = nap.TsGroup(made, time_support=support)
    else:
        trains = np.zeros(ids.size, [("x", "i2"), ("y", "i2"), ("t", "i8"), ("p", "?")])
        trains["x"], trains["y"] = ids % 40, ids // 40
        trains["t"], more["neurons"] = np.round(times.ravel() * 1e6), (25, 40)
    starts = np.linspace(0, 0.9e6 if kind == "sensor" else 0.9, 50)
    began = time.process_time()
    found = ttfs.first_spikes(trains, start=starts, stop=starts + starts[-1] / 9, unit="ms", **more)
    assert time.process_time() - began < 2
    assert np.count_nonzero(found.times < INF) > 10_000
