"""The page of one stimulus, as it behaves in a browser.

The tests want the package `playwright` and a Chromium that is already installed.
"""

import numpy as np
import pytest
from cases import same_bits
from cases_viewer import (
    CORNER,
    PRESS,
    RAMPS,
    SPENT,
    WINDOWED,
    binary,
    check_explanation,
    choose,
    column,
    every,
    number,
    patient,
    real,
    settled,
    strokes,
    wide,
)

import ttfs
from ttfs.viewer.viewer import page


@pytest.mark.parametrize("make", [real, RAMPS["long"]])
def test_keys_step_through_the_events_in_their_order(show, make):
    simulator = make()
    tab = show(page(simulator, (4, 4)))
    tab.keyboard.press("Home")
    assert "before the first event" in tab.inner_text("#what")
    for count, event in enumerate(list(simulator)[:40], 1):
        tab.keyboard.press("ArrowRight")
        assert tab.inner_text("#count").startswith(f"event {count} of")
        assert np.float32(number(tab.inner_text("#when").split()[0])) == event.time
        names = simulator.circuit.names
        if event.kind == "spike":
            assert tab.inner_text("#what") == f"{names[event.layer]} {event.neuron} fires"
        else:
            sender = f"{names[event.source]} {event.neuron}"
            verb = "arrives at" if event.kind == "arrival" else "stops rising in"
            wanted = f"the spike of {sender} {verb} {names[event.layer]}"
            assert tab.inner_text("#what") == wanted
        assert tab.inner_text("#what") in tab.inner_text("#live")
    tab.keyboard.press("ArrowLeft")
    assert tab.inner_text("#count").startswith("event 39 of")
    tab.keyboard.press("End")
    if simulator.plan.rise:  # potentials go on to the horizon
        assert tab.inner_text("#what") == "the horizon"
        assert number(tab.inner_text("#when").split()[0]) == simulator.plan.t_max
        assert tab.is_disabled("#explain")
        tab.keyboard.press("ArrowLeft")
    assert tab.inner_text("#count") == f"event {simulator.events} of {simulator.events}"


@pytest.mark.parametrize("make", [real, RAMPS["endless"], RAMPS["long"]])
def test_potentials_of_the_outputs_are_those_of_the_simulator_at_every_event(show, make):
    simulator = make()
    tab = show(page(simulator))
    tab.keyboard.press("Home")
    for _ in states(simulator):
        tab.keyboard.press("ArrowRight")
        shown = tab.locator(".lane span:nth-child(3)").all_inner_texts()
        found = [np.float32(number(text)) for text in shown]
        for neuron, potential in enumerate(simulator.potential("output").tolist()):
            error = simulator.explain("output", neuron).errors().max(initial=0.0)
            assert found[neuron] in (potential, settled(potential, error))


def states(simulator):
    """Step through all events; with ramps, at last to the horizon."""
    while (event := simulator.step()) is not None:
        if event.kind != "window":  # which is no event of the page
            yield
    if simulator.plan.rise and simulator.plan.t_max < np.inf:
        simulator.run()
        yield


@every
def test_all_potentials_are_those_of_the_simulator_at_every_event(show, make):
    simulator = make()
    found = show(page(simulator)).evaluate(
        """() => Array.from({ length: PLACES }, (_, k) => layers.map((layer, l) =>
          Array.from({ length: layer.size }, (_, j) => potentialAt(explain(l, j), k + 1))))"""
    )
    dtype, count = simulator.plan.weights.dtype, 0
    for _ in states(simulator):
        for layer, potentials in enumerate(found[count]):
            exact = np.array(potentials).astype(dtype)
            assert exact.tolist() == potentials
            assert same_bits(exact, simulator.potential(layer))
        count += 1
    assert count == len(found)


@pytest.mark.parametrize("make", [*RAMPS.values(), *WINDOWED.values()], ids=[*RAMPS, *WINDOWED])
def test_lines_are_those_of_the_simulator_and_end_at_the_threshold(show, make):
    simulator = make()
    tab = show(page(simulator))
    simulator.run()
    for layer in range(1, len(simulator.plan.sizes)):
        found = tab.evaluate(
            "l => [...layers[l].thresholds.keys()].map(j => cornersOf(explain(l, j)))", layer
        )
        for trace, corners in zip(simulator.trace(layer), found, strict=True):
            assert corners == np.column_stack([trace.times, trace.potential]).tolist()
            explanation = simulator.explain(layer, trace.neuron)
            if np.isfinite(trace.spike) and not (explanation.given or explanation.window):
                assert corners[-1] == [trace.spike, trace.threshold]


@every
def test_an_explanation_is_that_of_the_simulator(show, make):
    simulator = make()
    tab = show(page(simulator))
    simulator.run()
    for layer, size in enumerate(simulator.plan.sizes):
        for neuron in range(min(size, 5)):
            choose(tab, layer, neuron)
            check_explanation(tab, simulator, layer, neuron)
            explanation = simulator.explain(layer, neuron)
            answer = tab.inner_text("#answer")
            assert ("has not fired" in answer) == (explanation.time == np.inf)
            if "closest" in answer:
                closest = answer.split("closest at ")[1].split()[0]
                assert number(closest) == float(simulator.precision.time(explanation.closest))
            assert ("stimulus" in answer) == explanation.given


def test_what_rounding_made_is_no_potential(show):
    layer = ttfs.Dense.of([[0.1], [0.2], [0.4], [-0.7]], threshold=1)
    network = ttfs.Network(layer, t_max=9, unit="ms")
    simulator = ttfs.Simulator(network, np.array([1, 2, 3, 4.1], np.float32))
    tab = show(page(simulator))
    simulator.run()
    assert 0 < simulator.potential("output")[0] < 1e-7
    choose(tab, 1, 0)
    assert column(tab, "#inputs", 3) == ["1", "2", "3", "4.1"]
    assert number(column(tab, "#inputs", 5)[-1]) == 0
    tab.keyboard.press("End")
    assert tab.locator(".lane span:nth-child(3)").all_inner_texts() == ["0"]
    assert tab.locator(".lane").get_attribute("title") == "output 0: potential 0 of 1"


def test_what_lacks_by_rounding_is_called_so(show):
    layer = ttfs.Dense.of([[0.1], [0.2], [0.7]], threshold=np.nextafter(np.float32(1), 2))
    tab = show(page(ttfs.Simulator(ttfs.Network(layer, t_max=9), [1.0, 2.0, 3.0])))
    choose(tab, 1, 0)
    assert tab.inner_text("#answer").endswith(", which is within rounding")


def test_a_click_on_a_spike_explains_it(show):
    simulator = wide()
    tab = show(page(simulator, (28, 28), 3, image=strokes(), title="two strokes"))
    simulator.run()
    neuron = int(np.flatnonzero(np.isfinite(simulator.times("output")))[-1])
    time = simulator.times("output")[neuron]
    place = tab.evaluate("([n, t]) => [plot.x(t), rowOf(2, n)]", [neuron, float(time)])
    tab.mouse.click(*np.add(place, tab.eval_on_selector("#raster", CORNER)))
    assert tab.inner_text("#answer").startswith(f"output {neuron} fired at {time:g} step")
    check_explanation(tab, simulator, 2, neuron)
    tab.click("#inputs tbody tr:last-child")
    check_explanation(tab, simulator, 1, simulator.explain(2, neuron).inputs[-1].neuron)


def test_the_decision_and_the_spike_of_a_neuron_are_one_key_away(show):
    simulator = wide()
    tab = show(page(simulator, label=3))
    decision = min(simulator, key=lambda event: (event.layer != 2, event.kind != "spike"))
    winner = int(tab.input_value("#neuron"))
    assert simulator.times(2).min() == simulator.times(2)[winner] == decision.time
    tab.keyboard.press("Home")
    tab.keyboard.press("d")
    assert tab.inner_text("#what") == f"output {winner} fires"
    assert number(tab.inner_text("#when").split()[0]) == decision.time
    fired = int(np.flatnonzero(np.isfinite(simulator.times(1)))[0])
    choose(tab, 1, fired)
    tab.click("#spike")
    assert tab.inner_text("#what") == f"hidden {fired} fires"
    silent = int(np.flatnonzero(np.isinf(simulator.times(0)))[0])
    choose(tab, 0, silent)
    assert tab.is_disabled("#spike")
    assert tab.inner_text("#answer") == f"input {silent} has not fired; nothing has reached it"


def test_an_output_stands_beside_the_winner(show):
    simulator = real()
    tab = show(page(simulator))
    simulator.run()
    times = simulator.times("output")
    winner = int(times.argmin())
    for other in range(4):
        tab.click(f".lane:nth-child({other + 1})")
        if other == winner:
            assert tab.input_value("#against") not in ("", str(winner))
            continue
        assert tab.input_value("#against") == str(winner)
        potential = {
            j: [one.potential for one in simulator.explain(2, j).inputs if one.time <= times.min()]
            for j in (other, winner)
        }
        shown = [np.float32(number(cell)) for cell in column(tab, "#margins", 3)]
        assert shown == [(potential[j] or [0.0])[-1] for j in (other, winner)]
    tab.click("#alone")
    assert tab.is_hidden("#comparison")


def test_a_neuron_that_does_not_exist_is_not_chosen(show):
    tab = show(page(real()))
    before = tab.inner_text("#answer")
    choose(tab, 2, 99)
    assert tab.inner_text("#answer").startswith("output 0") or tab.inner_text("#answer") == before
    assert not tab.eval_on_selector("#neuron", "e => e.validity.valid")


@pytest.mark.parametrize("times", [[np.inf, np.inf], [0.0, np.inf]])
def test_silence_has_a_page_too(show, times):
    network = ttfs.Network(ttfs.Dense.of([[0.6], [0.6]], threshold=1), t_max=10)
    tab = show(page(ttfs.Simulator(network, times)))
    assert tab.inner_text("#verdict") == "undecided; largest potential: 0"


def test_what_pixels_have_given_is_the_potential(show):
    simulator = binary(ttfs.Ramp(2.5))
    tab = show(page(simulator, (8, 8)))
    choose(tab, 1, 9)
    for place, _ in enumerate(states(simulator), 1):
        given = tab.evaluate(
            """place => {
              go(place);
              const signed = gift => (gift.up ? 1 : -1) * gift.share * gifts.most;
              return [...gifts.values()].reduce((sum, gift) => sum + signed(gift), 0);
            }""",
            place,
        )
        assert given == pytest.approx(simulator.potential(1)[9], abs=1e-4)


def test_the_horizon_decides_where_nobody_fires(show):
    weights = [[1.0, 0.25], [-1.0, 0.25]]
    network = ttfs.Network(ttfs.Dense.of(weights, threshold=9), psp=ttfs.Ramp(), t_max=10)
    tab = show(page(ttfs.Simulator(network, [1.0, 3.0]), label=1))
    assert tab.inner_text("#verdict") == "undecided; largest potential: 1, label 1: ✗ wrong"
    assert tab.inner_text("#answer").startswith(
        "output 1 has not fired; closest at 10 steps, 5 below"
    )
    tab.keyboard.press("End")
    shown = tab.locator(".lane span:nth-child(3)").all_inner_texts()
    assert [number(text) for text in shown] == [2.0, 4.0]


def test_names_are_shown_as_they_are(show):
    evil = "<img src=x onerror=alert(1)>"
    circuit = ttfs.Circuit([ttfs.Population(evil, 2)], [], unit=evil)
    tab = show(page(ttfs.Simulator(circuit, [0.0, 1.0]), label=evil, title=evil))
    assert tab.title() == evil == tab.inner_text("h1")
    assert tab.locator("img").count() == 0
    tab.click("#all summary")
    assert column(tab, "#spikes", 2) == [evil, evil]


def test_every_spike_is_in_the_table(show):
    simulator = real()
    tab = show(page(simulator))
    simulator.run()
    tab.click("#all summary")
    times = [np.float32(number(cell)) for cell in column(tab, "#spikes", 1)]
    assert times == simulator.spikes.times.tolist()
    assert list(map(int, column(tab, "#spikes", 3))) == simulator.spikes.neuron.tolist()


def test_every_spike_can_be_seen(show):
    tab = show(page(wide()))
    hidden = tab.evaluate(
        """() => {
          go(COUNT);
          choose(2, 0);
          const canvas = document.getElementById("raster"), ratio = window.devicePixelRatio;
          const pen = canvas.getContext("2d"), width = canvas.width;
          const pixels = new Uint32Array(
            pen.getImageData(0, 0, width, canvas.height).data.buffer);
          const at = (x, y) => pixels[Math.floor(y * ratio) * width + Math.floor(x * ratio)];
          const ground = at(LABELS + 2, TOP + 2);
          return spikeEvents.filter(k =>
            at(plot.x(events.time[k]), rowOf(events.layer[k], events.neuron[k])) === ground).length;
        }"""
    )
    assert hidden == 0


def test_colours_follow_the_system_and_the_button(show):
    tab = show(page(real()), color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = tab.evaluate(ground)
    tab.click("#theme")
    assert tab.evaluate(ground) != dark
    assert tab.inner_text("#theme") == "Dark"
    light = show(page(real()), color_scheme="light")
    assert light.evaluate(ground) == tab.evaluate(ground)


def test_it_plays_and_pauses(show):
    tab = show(page(real()))
    tab.keyboard.press("Home")
    tab.select_option("#speed", "5")
    tab.locator("#speed").blur()
    tab.keyboard.press(" ")
    while tab.evaluate("at") < 4:
        tab.wait_for_timeout(20)
    tab.keyboard.press(" ")
    assert tab.evaluate("playing") is None
    assert tab.inner_text("#what") in tab.inner_text("#live")


def test_it_fits_a_telephone(show):
    tab = show(page(wide(), (28, 28)), viewport={"width": 360, "height": 740})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360


def test_everything_has_a_name_and_a_place_for_the_keyboard(show):
    tab = show(page(wide(), (28, 28)))
    nameless = tab.evaluate(
        """() => [...document.querySelectorAll("button, input, select, canvas, [role]")].filter(
          e => !(e.getAttribute("aria-label") || e.textContent.trim() || e.labels?.length
            || e.getAttribute("aria-labelledby") || e.role === "status")).map(e => e.outerHTML)"""
    )
    assert nameless == []
    seen = []
    for _ in range(40):
        tab.keyboard.press("Tab")
        seen.append(tab.evaluate("document.activeElement.id"))
        if seen[-1] and tab.evaluate("document.activeElement.matches(':focus-visible')"):
            assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert {"begin", "play", "scrub", "layer", "neuron", "against", "theme"} <= set(seen)


@pytest.mark.parametrize(("kind", "hidden"), [(ttfs.Binary, 600), (ttfs.Real, 400)])
def test_a_large_page_answers_within_a_tenth_of_a_second(show, kind, hidden):
    simulator = patient(kind, hidden)
    tab = show(page(simulator, (28, 28), 3, image=strokes()))
    simulator.run()
    for action in [PRESS, "choose(1, n++)"]:
        assert tab.evaluate(SPENT.replace("ACTION", action)) < 100, action
    choose(tab, 1, 100)
    check_explanation(tab, simulator, 1, 100)
