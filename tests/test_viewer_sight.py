"""What the page shows: causes and effects, values under the pointer, zoom, circuits, telephones."""

import numpy as np
import pytest
from cases_viewer import (
    CORNER,
    EVERY,
    RAMPS,
    binary,
    choose,
    column,
    mapped,
    mixed,
    number,
    papers,
    real,
    strokes,
    wide,
)

import ttfs
from ttfs.viewer.viewer import page

KEPT = {f"{name}, as it ran": (make, False) for name, make in EVERY.items()}
LIVE = {name: (make, None) for name, make in EVERY.items()}
kept_and_live = pytest.mark.parametrize(
    ("make", "what_if"), (KEPT | LIVE).values(), ids=KEPT | LIVE
)


def corner(tab, canvas="#raster"):
    """Where a canvas is on the screen."""
    return tab.eval_on_selector(canvas, CORNER)


# -- causes and effects


@kept_and_live
def test_causes_and_effects_are_the_inputs_that_the_simulator_explains(show, make, what_if):
    simulator = make()
    tab = show(page(simulator, what_if=what_if))
    simulator.run()
    effects = {}
    for layer, size in enumerate(simulator.plan.sizes):
        for neuron in range(size):
            inputs = simulator.explain(layer, neuron).inputs
            told = [[one.layer, one.neuron, one.weight] for one in inputs]
            js = "([l, j]) => causesOf(l, j).map(c => [c.layer, c.neuron, c.weight])"
            assert tab.evaluate(js, [layer, neuron]) == told
            for one in inputs:
                found = effects.setdefault((one.layer, one.neuron), [])
                found.append([layer, neuron, one.time, one.weight])
    js = "([l, j]) => effectsOf(l, j).map(e => [e.layer, e.neuron, e.time, e.weight])"
    for layer, size in enumerate(simulator.plan.sizes):
        for neuron in range(size):
            found = tab.evaluate(js, [layer, neuron])
            assert sorted(found) == sorted(effects.get((layer, neuron), []))
            sizes = [abs(weight) for *_, weight in found]
            assert sizes == sorted(sizes, reverse=True)


def test_where_a_spike_goes_is_a_table_too(show):
    simulator = real()
    tab = show(page(simulator))
    simulator.run()
    first = int(simulator.times(0).argmin())
    choose(tab, 0, first)
    tab.click("#effects")
    assert tab.get_attribute("#effects", "aria-pressed") == "true"
    reached = {}
    for neuron in range(12):
        for one in simulator.explain(1, neuron).inputs:
            if one.neuron == first:
                reached[f"hidden {neuron}"] = one.time, one.weight, simulator.times(1)[neuron]
    assert set(column(tab, "#inputs", 1)) == set(reached)
    for row in zip(*(column(tab, "#inputs", k) for k in range(1, 5)), strict=True):
        numbers = [np.inf if cell == "silent" else np.float32(number(cell)) for cell in row[1:]]
        assert numbers == [np.float32(one) for one in reached[row[0]]]
    up = sum(weight > 0 for _, weight, _ in reached.values())
    assert f"input {first} excited {up} and inhibited" in tab.inner_text("#inputstitle")
    strongest = column(tab, "#inputs", 1)[0].split()[1]
    tab.click("#inputs tbody tr:first-child")
    assert tab.input_value("#layer") == "1"
    assert tab.input_value("#neuron") == strongest
    tab.keyboard.press("c")
    assert "reached hidden" in tab.inner_text("#inputstitle")


def test_what_excites_and_what_inhibits_differ_in_shape(show):
    tab = show(page(real()))
    inside = tab.evaluate(
        """() => [1, -1].map(weight => {
          const pen = document.createElement("canvas").getContext(
            "2d", { willReadFrequently: true });
          drawMark(pen, 20, 20, weight, 1);
          const at = (x, y) => [...pen.getImageData(x, y, 1, 1).data].join();
          return [at(20, 20), at(20, 16), at(20, 23)];
        })"""
    )
    empty = "0,0,0,0"
    (up, above, _), (down, over, under) = inside
    assert up not in (down, empty)  # filled, hollow
    assert above == empty or over != empty  # pointing up, pointing down
    assert under != over


# -- the pointer


@pytest.mark.parametrize("make", [real, lambda: binary(ttfs.Step()), *RAMPS.values()])
def test_the_value_under_the_pointer_is_the_simulators(show, make):
    simulator = make()
    tab = show(page(simulator))
    layer = len(simulator.plan.sizes) - 1
    left, top = corner(tab, "#trace")
    for neuron in range(2):
        choose(tab, layer, neuron)
        if tab.is_enabled("#alone"):
            tab.click("#alone")
        left, top = corner(tab, "#trace")
        for x in (120, 210, 333):
            tab.mouse.move(left + x, top + 100)
            when, what = tab.inner_text("#tracetip").split(": potential ")
            simulator.reset()
            simulator.run(until=number(when.split()[0]))
            potential = simulator.potential(layer)[neuron]
            error = simulator.explain(layer, neuron).errors().max(initial=0.0)
            shown = potential.dtype.type(number(what))
            assert shown == potential or (shown == 0 and abs(potential) <= 2 * error)


def test_the_raster_tells_whom_and_when_and_the_potential(show):
    simulator = real(psp=ttfs.Ramp())
    tab = show(page(simulator))
    left, top = corner(tab)
    x, y = tab.evaluate("[plot.x(1), rowOf(1, 4)]")  # nobody has fired near
    tab.mouse.move(left + x, top + y)
    who, what = tab.inner_text("#tip").split(": potential ")
    assert who.startswith("hidden 4, ")
    simulator.run(until=number(who.split(", ")[1].split()[0]))
    assert np.float32(number(what)) == simulator.potential(1)[4]
    x, y = tab.evaluate("[plot.x(firedAt(2, 3)), rowOf(2, 3)]")
    tab.mouse.move(left + x, top + y)
    assert tab.inner_text("#tip").startswith("output 3, ")


def test_a_click_on_the_potential_goes_to_that_time(show):
    simulator = real(psp=ttfs.Ramp(15.1))
    tab = show(page(simulator))
    left, top = corner(tab, "#trace")
    tab.mouse.click(left + 200, top + 90)
    time = tab.evaluate("trace.time(200)")
    found = [event for event in simulator if event.time <= time]
    assert tab.inner_text("#count").startswith(f"event {len(found)} of")


# -- zoom


def test_wheel_drag_keys_and_double_click_zoom(show):
    tab = show(page(real()))
    full = tab.evaluate("[plot.from, plot.to]")
    left, top = corner(tab)
    x = tab.evaluate("plot.x(20)")
    tab.mouse.move(left + x, top + 60)
    tab.mouse.wheel(0, -100)
    tab.wait_for_function("zoom !== null")
    first, last = tab.evaluate("[plot.from, plot.to]")
    assert last - first < full[1] - full[0]
    assert tab.evaluate("plot.x(20)") == pytest.approx(x, abs=1)  # stays under the pointer
    assert tab.evaluate("[trace.from, trace.to]") == [first, last]
    tab.mouse.dblclick(left + x, top + 60)
    assert tab.evaluate("[plot.from, plot.to]") == full
    begin, end = tab.evaluate("[plot.x(10), plot.x(20)]")
    axis = top + tab.evaluate("$('raster').clientHeight") - 12
    tab.mouse.move(left + begin, axis)
    tab.mouse.down()
    tab.mouse.move(left + 0.5 * (begin + end), axis)
    tab.mouse.move(left + end, axis)
    tab.mouse.up()
    assert tab.evaluate("[plot.from, plot.to]") == pytest.approx([10, 20], abs=0.1)
    assert tab.evaluate("nearest(plot.x(firedAt(0, 0)), rowOf(0, 0)) === null") == (
        not 10 <= tab.evaluate("firedAt(0, 0)") <= 20
    )
    tab.click("#alltimes")
    assert tab.evaluate("[plot.from, plot.to]") == full
    assert tab.is_hidden("#alltimes")
    tab.keyboard.press("+")
    assert tab.evaluate("zoom !== null")
    tab.keyboard.press("End")
    assert tab.evaluate("timeAt(at) >= zoom[0] && timeAt(at) <= zoom[1]")
    tab.keyboard.press("0")
    assert tab.evaluate("zoom === null")


# -- circuits


def test_a_circuit_is_no_classifier_and_is_shown_to_its_horizon(show):
    source = mixed()
    circuit = ttfs.Circuit(
        source.circuit.populations, source.circuit.projections, t_max=50.0, dtype=float, unit="ms"
    )
    simulator = ttfs.Simulator(circuit, {"eye": np.linspace(0, 5, 8)})
    tab = show(page(simulator))
    assert tab.is_hidden("#verdict")
    assert tab.is_hidden("#decide")
    assert tab.locator(".winner").count() == 0
    assert tab.evaluate("[plot.from, plot.to]") == [0, 50]
    assert tab.evaluate("[trace.from, trace.to]") == [0, 50]
    tab.evaluate("wish(0, 0, 20)")
    assert "decision" not in tab.inner_text("#outcome")
    shown = tab.inner_text("body")
    assert "decision" not in shown.replace("to the decision", "")
    assert "says" not in shown


def test_a_circuit_with_a_label_decides(show):
    assert show(page(mixed(), label=2)).inner_text("#verdict").startswith("says 2 at 1.5 ms")


def test_a_circuit_of_a_network_decides_and_so_do_its_copies():
    network = ttfs.Network(ttfs.Dense(3, 2), ttfs.Dense(2, 2), t_max=9, skips=[])
    circuit = ttfs.Circuit.of(network)
    assert circuit.decides
    simulator = ttfs.Simulator(network, [1.0, 2.0, 3.0])
    assert simulator.what_if(thresholds={(1, 0): 3.0}).simulator.circuit.decides
    assert not mixed().circuit.decides


# -- telephones, and numbers in columns

CUT = """() => [...document.querySelectorAll("table, .lane, .readout, .bar")].filter(e => {
  const box = e.getBoundingClientRect(), inner = [...e.querySelectorAll("th, td, span, p, button")];
  const right = Math.max(0, ...inner.map(one => one.getBoundingClientRect().right));
  const room = e.matches("table") ? e.parentElement.getBoundingClientRect().right : innerWidth;
  return box.width && (e.scrollWidth > e.clientWidth + 1 || right > room + 0.5);
}).map(e => e.outerHTML.slice(0, 200))"""


@pytest.mark.parametrize(
    "make", [mixed, wide, mapped, papers, lambda: real(np.float64, ttfs.Ramp())]
)
def test_no_column_is_cut_on_a_telephone(show, make):
    tab = show(page(make()), viewport={"width": 360, "height": 740})
    assert tab.evaluate(CUT) == []
    tab.click("#all summary")
    for layer in (1, len(make().plan.sizes) - 1):
        choose(tab, layer, 0)
        for side in ("#effects", "#causes"):
            tab.click(side)
            assert tab.evaluate(CUT) == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360


POINTS = """k => [...document.querySelectorAll(`#inputs tbody td:nth-child(${k})`)].map(cell => {
  const text = cell.firstChild, range = document.createRange();
  const place = text.data.indexOf(".") < 0 ? text.data.length : text.data.indexOf(".");
  range.setStart(text, 0);
  range.setEnd(text, place);
  return range.getBoundingClientRect().right;
})"""


def test_points_of_numbers_stand_below_each_other(show):
    network = ttfs.Network(ttfs.Dense.of([[0.5], [0.25], [1], [0.125]], threshold=9), t_max=40)
    tab = show(page(ttfs.Simulator(network, [1.0, 2.5, 10.25, 11.0])))
    for index in (2, 3, 4, 5):
        places = tab.evaluate(POINTS, index)
        assert max(places) - min(places) < 2.5


def test_a_page_of_a_picture_is_as_before_when_all_is_undone(show):
    tab = show(page(wide(), (28, 28), 3, image=strokes()))
    before = tab.evaluate("$('raster').toDataURL()")
    tab.evaluate("wish(0, 402, 9)")
    assert tab.evaluate("$('raster').toDataURL()") != before
    tab.keyboard.press("r")
    assert tab.evaluate("$('raster').toDataURL()") == before
