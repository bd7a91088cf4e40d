"""What if in the page: its runs are the simulator's, to the last bit."""

import numpy as np
import pytest
import scipy.sparse as sp
from cases import (
    PAIRS,
    any_networks,
    any_stimuli,
    binary_networks,
    delayed_networks,
    dyadic_networks,
    dyadic_times,
    with_ramp,
)
from cases_maps import map_networks
from cases_viewer import (
    CORNER,
    LIMIT,
    MAPS,
    RAMPS,
    SPENT,
    column,
    data_of,
    mapped,
    mixed,
    number,
    real,
    strokes,
    wide,
    windowed,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ttfs
from ttfs.viewer.viewer import page

INF = np.inf
ASKED = """wishes => {
  runWith(wishes.map(([layer, neuron, time]) =>
    ({ layer, neuron, time: roundTime(time === null ? Infinity : time) })));
  const finite = time => time === Infinity ? null : time;
  return differences().map(({ layer, neuron, before, after }) =>
    [layer, neuron, finite(before), finite(after)]);
}"""
WISHED = [
    {(0, 1): 2.5},
    {(0, 3): INF, (0, 0): 7.0},
    {(1, 2): 0.75},
    {(1, 1): INF, (0, 2): 11.3},
    {(2, 0): INF},
]


def finite(time):
    """A time as JSON has it."""
    return float(time) if np.isfinite(time) else None


def expected(simulator, times):
    """What `what_if` says, as the page does."""
    found = simulator.what_if(times=times)
    changes = (*found.moved, *found.vanished, *found.appeared)
    return sorted([c.layer, c.neuron, finite(c.before), finite(c.after)] for c in changes)


def asked(tab, times):
    """What the page says."""
    wishes = [[layer, neuron, finite(time)] for (layer, neuron), time in times.items()]
    return sorted(tab.evaluate(ASKED, wishes))


MADE = {"steps": real, "steps of 64 bits": lambda: real(np.float64), "circuit": mixed}
MADE |= {"one bit": lambda: wide(hidden=40), "image": lambda: wide(ttfs.Real, 40)} | MAPS | RAMPS


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_a_page_answers_as_the_simulator(show, make):
    simulator = make()
    tab = show(page(simulator))
    for times in [{}, *WISHED]:
        assert asked(tab, times) == expected(simulator, times)


@st.composite
def simulators(draw):
    """Random networks with stimuli: steps, ramps, one bit, delays of all kinds, maps and pools."""
    dtype, times = draw(st.sampled_from(PAIRS))
    kinds = delayed_networks, map_networks, any_networks, binary_networks, dyadic_networks
    kind = draw(st.sampled_from(kinds))
    network = draw(kind(dtype))
    if kind is dyadic_networks:  # of which many just reach a threshold
        network = with_ramp(network, draw(st.sampled_from([0.25, 1.75, 2.5, 100.0])))
    given_times = dyadic_times if draw(st.booleans()) else any_stimuli
    rows = draw(given_times(network, times, most_samples=1))
    return ttfs.Simulator(network, rows[0] if len(rows) else np.ones(network.sizes[0], times))


@st.composite
def wishes(draw, simulator):
    """Some neurons, most of them inputs, each with another time or silenced."""
    found = {}
    for _ in range(draw(st.integers(1, 3))):
        layer = draw(st.sampled_from([0, 0, 0, *range(len(simulator.plan.sizes))]))
        neuron = draw(st.integers(0, int(simulator.plan.sizes[layer]) - 1))
        grid, anywhere = st.integers(0, 16).map(lambda step: step / 2), st.floats(0, 8, width=32)
        found[layer, neuron] = draw(st.one_of(st.just(INF), grid, anywhere))
    return found


def check_random_networks(browser, tmp_path, examples):
    """Pages of so many random networks answer as their simulators."""
    tab, troubles = browser.new_page(), []
    tab.on("pageerror", lambda error: troubles.append(str(error)))

    @settings(max_examples=examples, suppress_health_check=[*HealthCheck])
    @given(st.data())
    def check(data):
        simulator = data.draw(simulators())
        times = data.draw(wishes(simulator))
        with np.errstate(all="ignore"):  # sums may overflow
            tab.goto(page(simulator, what_if=True).save(tmp_path / "page.html").as_uri())
            assert asked(tab, {}) == []
            assert asked(tab, times) == expected(simulator, times)

    check()
    tab.close()
    assert not troubles


def test_pages_of_random_networks_answer_as_their_simulators(browser, tmp_path):
    check_random_networks(browser, tmp_path, 40)


@pytest.mark.long
def test_pages_of_many_random_networks_answer_as_their_simulators(browser, tmp_path):
    check_random_networks(browser, tmp_path, 1000)


def plateaus():
    """A simulator of potentials that come to rest, or turn, exactly at their thresholds."""
    rng = np.random.default_rng(0)
    layers = [
        ttfs.Dense.of(rng.choice([1.0, 1.0, -1.0], (12, 30)), threshold=3, delay=0.25),
        ttfs.Dense.of(rng.choice([1.0, 0.5, -0.5], (30, 20)), threshold=2),
    ]
    network = ttfs.Network(*layers, psp=ttfs.Ramp(1.75), t_max=40)
    return ttfs.Simulator(network, rng.choice(np.arange(12.0) / 4, 12))


def test_what_just_reaches_its_threshold_does_so_in_the_page(show):
    simulator = plateaus()
    tab = show(page(simulator))
    for neuron in range(12):
        for time in (0.0, 0.5, 1.25, 2.0, INF):
            assert asked(tab, {(0, neuron): time}) == expected(simulator, {(0, neuron): time})


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_loop_shorter_than_the_precision_of_times_takes_the_least_step(show, dtype):
    ends = ttfs.Population("a", 3, threshold=1.0), ttfs.Population("b", 3, threshold=1.0)
    loop = ttfs.Projection("a", "b", np.eye(3)), ttfs.Projection("b", "a", np.eye(3)[::-1], 1e-30)
    simulator = ttfs.Simulator(ttfs.Circuit(ends, loop), np.array([2.0, INF, INF], dtype))
    tab = show(page(simulator))
    for times in ({}, {(0, 1): 0.0}, {(0, 0): 0.1}, {(1, 0): 3.0}):
        assert asked(tab, times) == expected(simulator, times)
        js = "Array.from(layers[0].spikes, (_, j) => firedAt(0, j)).map(time => roundTime(time))"
        found = simulator.what_if(times=times).simulator.times(0)
        shown = [INF if time is None else time for time in tab.evaluate(js)]
        assert shown == found.tolist()


# -- by hand


def place(tab, layer, neuron):
    """Where a spike is on the screen."""
    js = "([l, j]) => [plot.x(firedAt(l, j)), rowOf(l, j)]"
    return np.add(tab.evaluate(js, [layer, neuron]), tab.eval_on_selector("#raster", CORNER))


def fires(tab, layer):
    """When the neurons of a layer fire in the page."""
    js = "l => Array.from(layers[l].spikes, (_, j) => firedAt(l, j))"
    return np.array([INF if time is None else time for time in tab.evaluate(js, layer)], float)


def drag(tab, start, end):
    """Press, move and let go."""
    tab.mouse.move(*start)
    tab.mouse.down()
    tab.mouse.move(*np.add(start, end) / 2)
    tab.mouse.move(*end)
    tab.mouse.up()


def test_a_spike_is_dragged_and_what_follows_moves_with_it(show):
    simulator = real()
    tab = show(page(simulator))
    before = fires(tab, 0)
    start = place(tab, 0, 3)
    drag(tab, start, np.subtract(start, (40, 0)))
    after = fires(tab, 0)
    assert after[3] < before[3]
    found = simulator.what_if(times={(0, 3): after[3]}).simulator
    for layer in range(3):
        assert fires(tab, layer).tolist() == found.times(layer).tolist()
    assert tab.input_value("#neuron") == "3"
    assert "move" in tab.inner_text("#outcome")
    tab.keyboard.press("u")
    assert fires(tab, 0).tolist() == before.tolist()
    assert tab.inner_text("#outcome") == ""


def test_a_spike_dragged_out_of_the_raster_is_gone(show):
    tab = show(page(real()))
    start = place(tab, 0, 3)
    drag(tab, start, (start[0], start[1] + 400))
    assert fires(tab, 0)[3] == INF
    assert "vanish" in tab.inner_text("#outcome")


def test_a_click_with_shift_adds_a_spike(show):
    simulator = real()
    assert np.isinf(simulator._stimulus[5])  # silent
    tab = show(page(simulator))
    x, y = np.add(
        tab.evaluate("[plot.x(10), rowOf(0, 5)]"), tab.eval_on_selector("#raster", CORNER)
    )
    tab.keyboard.down("Shift")
    tab.mouse.click(x, y)
    tab.keyboard.up("Shift")
    assert fires(tab, 0)[5] == pytest.approx(10, abs=0.1)
    assert "appear" in tab.inner_text("#outcome")


def test_whole_times_stay_whole(show):
    network = ttfs.Network(ttfs.Dense(4, 2, threshold=1.0, delay=1), t_max=40)
    tab = show(page(ttfs.Simulator(network, [3.0, 10.0, 20.0, INF])))
    start = place(tab, 0, 1)
    drag(tab, start, np.add(start, (33, 0)))
    time = fires(tab, 0)[1]
    assert time > 10
    assert time == int(time)


def test_what_if_is_asked_by_keys_and_by_typing(show):
    simulator = real()
    tab = show(page(simulator))
    tab.select_option("#layer", "0")
    tab.fill("#neuron", "3")
    tab.press("#neuron", "Enter")
    tab.fill("#moment", "12.5")
    tab.press("#moment", "Enter")
    assert fires(tab, 0)[3] == 12.5
    tab.locator("#moment").blur()
    tab.keyboard.press(".")
    assert fires(tab, 0)[3] > 12.5
    tab.keyboard.press(",")
    assert fires(tab, 0)[3] == 12.5
    tab.keyboard.press("Delete")
    assert fires(tab, 0)[3] == INF
    tab.keyboard.press("Home")
    tab.keyboard.press("a")
    assert fires(tab, 0)[3] == 0
    tab.keyboard.press("r")
    assert fires(tab, 0)[3] == simulator._stimulus[3]
    assert tab.is_disabled("#undo")


def test_the_outcome_is_told_in_words_and_as_a_table(show):
    network = ttfs.Network(ttfs.Dense.of([[1.0, 0.0], [0.0, 1.0]], threshold=1), t_max=10)
    tab = show(page(ttfs.Simulator(network, [1.0, 3.0]), label=0))
    assert tab.inner_text("#verdict") == "says 0 at 1 step, label 0: ✓ right"
    tab.evaluate("wish(0, 0, 5)")
    told = "2 spikes move; the decision is 1 at 3 steps, instead of 0 at 1 step."
    assert tab.inner_text("#outcome") == told
    assert tab.inner_text("#verdict") == "says 1 at 3 steps, label 0: ✗ wrong"
    tab.click("#changed summary")
    assert column(tab, "#changes", 1) == ["input 0", "output 0"]
    assert [number(cell) for cell in column(tab, "#changes", 4)] == [4.0, 4.0]
    tab.evaluate("wish(0, 1, Infinity)")
    assert tab.inner_text("#outcome").startswith("2 spikes move, 2 vanish; the decision stays 0")
    tab.evaluate("wish(0, 0, Infinity)")
    assert tab.inner_text("#outcome") == "4 spikes vanish; undecided, instead of 0 at 1 step."
    tab.evaluate("undo(3)")
    assert tab.inner_text("#outcome") == ""


def test_explanations_are_those_of_the_changed_simulator(show):
    simulator = real()
    tab = show(page(simulator))
    tab.evaluate("wish(0, 3, 2)")
    found = simulator.what_if(times={(0, 3): 2.0}).simulator
    for neuron in range(12):
        tab.evaluate("j => choose(1, j)", neuron)
        weights = [np.float32(number(cell)) for cell in column(tab, "#inputs", 4)]
        assert weights == [one.weight for one in found.explain(1, neuron).inputs]


# -- where it cannot be asked


def test_pages_say_why_they_cannot_be_asked(show):
    tab = show(page(windowed()))
    assert tab.is_hidden("#whatif")
    assert "cannot rerun networks with windows" in tab.inner_text("#whynot")
    tab = show(page(real(), what_if=False))
    assert "what_if=False" in tab.inner_text("#whynot")
    tab.keyboard.press("Delete")
    assert tab.inner_text("#outcome") == ""


def large(weights, silent):
    """A simulator of 784-600-10."""
    layers = ttfs.Dense(784, 600, weights=weights), ttfs.Dense(600, 10, weights=weights)
    times = ttfs.encode_latency(strokes(silent=silent).ravel())
    return ttfs.Simulator(ttfs.Network(*layers, t_max=256, seed=1), times)


def test_of_a_large_network_only_inputs_that_fire_can_be_moved(show):
    simulator = large(ttfs.Real(init=(-0.3, 1)), silent=True)
    made = page(simulator)
    assert len(made.html.encode()) < LIMIT
    tab = show(made)
    silent = int(np.flatnonzero(np.isinf(simulator._stimulus[:784]))[0])
    fired = int(np.flatnonzero(np.isfinite(simulator._stimulus[:784]))[40])
    tab.evaluate("j => wish(0, j, 3)", silent)
    assert tab.inner_text("#outcome").startswith(f"The weights of input {silent} are not in this")
    assert fires(tab, 0)[silent] == INF
    for time in (200.5, INF):
        assert asked(tab, {(0, fired): time}) == expected(simulator, {(0, fired): time})


def test_a_page_too_large_for_its_weights_shows_a_run_as_it_was(show):
    simulator = large(ttfs.Real(init=(-0.3, 1)), silent=False)
    tab = show(page(simulator))
    assert "Weights of 2.6 MB" in tab.inner_text("#whynot")
    assert "page(..., what_if=True) holds them" in tab.inner_text("#whynot")
    assert data_of(page(simulator, what_if=True))["circuit"] is not None


LARGE = {
    "one bit": lambda: large(ttfs.Binary(), silent=False),
    "real": lambda: large(ttfs.Real(init=(-0.3, 1)), silent=True),
    "maps": mapped,
}


@pytest.mark.parametrize("make", LARGE.values(), ids=LARGE)
def test_a_page_answers_within_a_tenth_of_a_second(show, make):
    made = page(make())
    assert len(made.html.encode()) < LIMIT
    tab = show(made)
    action = "wish(0, events.neuron[spikeEvents[n++ - 90]], 3)"  # of an input
    assert tab.evaluate(SPENT.replace("ACTION", action)) < 100
    assert not tab.inner_text("#outcome").startswith("The weights")


def test_sparse_synapses_are_held_as_they_are(show):
    weights = sp.csr_array(sp.random(30, 20, density=0.2, random_state=np.random.default_rng(0)))
    circuit = ttfs.Circuit(
        [ttfs.Population("in", 30), ttfs.Population("out", 20, threshold=0.8)],
        [ttfs.Projection("in", "out", weights, delay=0.5)],
    )
    simulator = ttfs.Simulator(circuit, np.arange(30.0))
    held = data_of(page(simulator))["circuit"]["projections"][0]
    assert len(held["weights"]["bits"]["data"]) < 8 * weights.nnz
    assert asked(show(page(simulator)), {(0, 2): 0.25}) == expected(simulator, {(0, 2): 0.25})
