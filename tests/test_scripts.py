"""Scripts for NEST and PyNN: what is in them, and their spikes where these are installed."""

import runpy
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from reference_maps import unrolled as unrolled_plainly

import ttfs
from ttfs.formats.scripts import Grid, grid_of, unrolled

RNG = np.random.default_rng(5)


def halves(*shape):
    return RNG.integers(-2, 5, shape) / 2


def stimuli(size, steps=9, samples=4):
    times = RNG.integers(0, steps, (samples, size)).astype(float)
    times[:, ::5] = np.inf
    return times


def loop():
    """Two populations that excite and inhibit each other faster than spikes could pass there."""
    return ttfs.Circuit(
        [
            ttfs.Population("in", 6),
            ttfs.Population("e", 8, threshold=1.5),
            ttfs.Population("i", 4, threshold=[2.0, 1.0, 1.5, 3.0]),
        ],
        [
            ttfs.Projection("in", "e", halves(6, 8)),
            ttfs.Projection("e", "i", halves(8, 4), delay=RNG.integers(0, 3, (8, 4)).astype(float)),
            ttfs.Projection("i", "e", -np.abs(halves(4, 8)), delay=1.0),
            ttfs.Projection("e", "e", halves(8, 8), delay=2.0),
        ],
        t_max=25,
    )


def maps():
    return ttfs.Network(
        ttfs.Conv2d(3, (3, 2), padding=1, stride=2, initial=halves(3, 2, 2, 3), threshold=2.0),
        ttfs.MinPool2d((2, 1), delay=1),
        ttfs.Dense(None, 4, weights=ttfs.Binary(), delay=RNG.integers(0, 4, (9, 4)), threshold=9.0),
        shape=(6, 5, 2),
        t_max=20,
    )


def chain():
    return ttfs.Network(
        ttfs.Dense.of(halves(7, 6), threshold=1.5),
        ttfs.Dense.of(halves(6, 5), threshold=2.0, delay=0.5),
        ttfs.Dense.of(halves(5, 3), threshold=0.5),
        t_max=8,
        unit="ms",
    )


CASES = {"loop": (loop(), 1.0), "maps": (maps(), 1.0), "chain": (chain(), 0.5)}


def written(name, folder, simulator="nest"):
    """A script, and the first spikes here."""
    subject, step = CASES[name]
    circuit = subject if isinstance(subject, ttfs.Circuit) else ttfs.Circuit.of(subject)
    given = stimuli(circuit.populations[0].size)
    path = ttfs.to_script(
        subject, folder / f"{name}.py", simulator=simulator, step=step, stimuli=given
    )
    wanted = {one: [] for one in circuit.names}
    for row in given:
        sim = ttfs.Simulator(circuit, row)
        sim.run()
        for one in circuit.names:
            wanted[one].append(sim.times(one))
    assert all(np.isfinite(times).any() for times in wanted.values())
    return path, given, {one: np.array(times) for one, times in wanted.items()}


def ran_by_a_clock(script, stimulus):
    """First spikes by a plain clock that does what NEST does: a delay of one step or more."""
    limits = [script["DATA"][f"thresholds_{k}"] for k in range(len(script["POPULATIONS"]))]
    names = list(script["POPULATIONS"])
    lags = [lag for _, lag in script["POPULATIONS"].values()]
    fires = {(k, n): np.inf for k, size in enumerate(map(len, limits)) for n in range(size)}
    driven = {
        (names.index(name), n): script["to_ms"](t, lags[names.index(name)])
        for name, times in stimulus.items()
        for n, t in enumerate(times)
        if t < script["HORIZON"]
    }
    synapses = [script["synapses"](k) for k in range(len(script["PROJECTIONS"]))]
    assert min(delays.min() for *_, delays in synapses) >= 1
    arriving = {}
    potential = dict.fromkeys(fires, 0.0)
    for now in range(1, 200):
        for neuron, weight in arriving.pop(now, ()):
            potential[neuron] += weight
        for k, n in fires:
            reached = potential[k, n] >= limits[k][n] or driven.get((k, n)) == now
            if reached and fires[k, n] == np.inf:
                fires[k, n] = now
                for (source, target), parts in zip(script["PROJECTIONS"], synapses, strict=True):
                    if source == names[k]:
                        for i, j, w, d in zip(*parts, strict=True):
                            if i == n:
                                at = arriving.setdefault(now + int(d), [])
                                at.append(((names.index(target), j), w))
    return {
        name: script["from_ms"]([fires[k, n] for n in range(len(limits[k]))], lags[k])
        for k, name in enumerate(names)
    }


@pytest.mark.parametrize("name", CASES)
def test_a_clock_with_delays_of_a_step_or_more_gives_the_same_first_spikes(name, tmp_path):
    path, given, wanted = written(name, tmp_path)
    script = runpy.run_path(str(path))
    first = next(iter(script["POPULATIONS"]))
    for sample, row in enumerate(given):
        found = ran_by_a_clock(script, {first: row})
        for one, times in found.items():
            np.testing.assert_array_equal(times, wanted[one][sample])


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("simulator", ["nest", "pynn"])
def test_first_spikes_in_a_simulator_are_those_here(name, simulator, tmp_path):
    if not find_spec({"nest": "nest", "pynn": "pyNN"}[simulator]):
        pytest.skip(f"{simulator} is not installed")
    path, _, wanted = written(name, tmp_path, simulator)
    done = subprocess.run([sys.executable, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with np.load(path.with_name(f"{name}_spikes.npz")) as found:
        for one, times in wanted.items():
            np.testing.assert_array_equal(found[one], times)


def test_populations_lag_behind_only_where_there_is_no_delay():
    sizes = [ttfs.Population("in", 1), ttfs.Population("a", 1, 1.0), ttfs.Population("b", 1, 1.0)]

    def grid(*ends):
        parts = [ttfs.Projection(*two, [[1.0]], delay=delay) for *two, delay in ends]
        return grid_of(ttfs.Circuit(sizes, parts), step=0.5)

    assert grid(("in", "a", 0.5), ("a", "b", 1), ("b", "a", 0.5)) == Grid((0, 0, 0), 1)
    assert grid(("in", "a", 0), ("a", "b", 1)) == Grid((0, 1, 0), 1)
    assert grid(("in", "b", 0), ("in", "a", 0), ("a", "b", 0)) == Grid((0, 1, 2), 1)
    assert grid(("in", "a", 0), ("a", "b", 0), ("b", "a", 0.5)) == Grid((0, 1, 2), 2)
    assert grid(("in", "a", 0), ("a", "b", 0), ("b", "a", 1)) == Grid((0, 1, 2), 1)


@pytest.mark.parametrize("layer", maps().layers[:2], ids=str)
def test_maps_are_unrolled_synapse_by_synapse(layer):
    weights = halves(layer.rows, layer.columns)
    wanted, there = unrolled_plainly(layer, weights)
    sources, targets, values = unrolled(layer, weights)
    found = np.zeros_like(wanted)
    np.add.at(found, (sources, targets), values)
    np.testing.assert_array_equal(found, wanted)
    assert len(sources) == np.count_nonzero(wanted[there])


def test_what_a_script_cannot_express_is_refused(tmp_path):
    path = tmp_path / "net.py"
    network = ttfs.Network(ttfs.Dense.of([[1.0]], threshold=1.0, delay=0.3), t_max=9)
    for given, told in {
        "delays must be multiples of step=1, got 0.3": {},
        "simulator must be nest or pynn, got 'brian'": {"simulator": "brian"},
        "stimuli must be multiples of step=0.1, got 0.25": {"step": 0.1, "stimuli": [[0.25]]},
        "stimuli must be (samples, 1), got (2,)": {"step": 0.1, "stimuli": [0.1, 0.2]},
        "stimuli must be numbers, got object": {"step": 0.1, "stimuli": {"input": [0.1]}},
        "stimuli must be numbers in rows": {"step": 0.1, "stimuli": [[0.1], [0.1, 0.2]]},
        "stimuli must be 0 or later, or inf for silence; got -1": {"step": 0.1, "stimuli": [[-1]]},
        "inf for silence; got nan": {"step": 0.1, "stimuli": [[np.nan]]},
    }.items():
        with pytest.raises(ttfs.InputError) as refused:
            ttfs.to_script(network, path, **told)
        assert given in str(refused.value)
    with pytest.raises(ttfs.InputError, match="scripts are for steps"):
        ttfs.to_script(ttfs.Network(ttfs.Dense(1, 1), psp=ttfs.Ramp()), path)
    with pytest.raises(ttfs.InputError, match=r"must end in \.py"):
        ttfs.to_script(network, tmp_path / "net", step=0.1)
    with pytest.raises(ttfs.InputError, match="must be a Network or a Circuit"):
        ttfs.to_script("net", path)
    assert not list(tmp_path.iterdir())


def test_no_name_in_a_script_is_run(tmp_path):
    evil = 'x"""; raise SystemExit("run") #\\'
    population = ttfs.Population(evil, 2), ttfs.Population("out", 1, threshold=1.0)
    projection = ttfs.Projection(evil, "out", [[1.0], [1.0]], delay=1)
    circuit = ttfs.Circuit(population, [projection], unit=evil)
    script = runpy.run_path(str(ttfs.to_script(circuit, tmp_path / "net.py")))
    assert script["UNIT"] == evil
    assert list(script["POPULATIONS"]) == [evil, "out"]


def test_a_script_names_what_is_in_it(tmp_path):
    text = ttfs.to_script(chain(), tmp_path / "net.py", step=0.5).read_text()
    assert "Network" not in text
    assert "UNIT = 'ms'" in text
    assert "STEP = 0.5" in text
    assert "'hidden 1': (6, 1)" in text
    assert "'output': (3, 2)" in text
    assert "STEPS = 1 " in text
    done = subprocess.run([sys.executable, tmp_path / "net.py"], capture_output=True, text=True)
    assert done.stderr.strip() == "no stimuli: name a file that holds some"
