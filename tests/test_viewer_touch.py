"""The page on a touch screen: fingers choose, drag and zoom, and leave scrolling to the browser."""

import numpy as np
import pytest
from cases_viewer import CORNER, choose, real

from ttfs.viewer.viewer import page

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


@pytest.fixture
def touched(show):
    """A page on a telephone, and what sends touches to it."""
    tab = show(page(real()), **PHONE)
    driver = tab.context.new_cdp_session(tab)

    def touch(kind, *points):
        points = [{"x": float(x), "y": float(y), "id": k} for k, (x, y) in enumerate(points)]
        driver.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})
        tab.evaluate("() => new Promise(done => requestAnimationFrame(done))")

    return tab, touch


def place(tab, layer, neuron):
    """Where a spike is on the screen."""
    inside = tab.evaluate("([l, j]) => [plot.x(firedAt(l, j)), rowOf(l, j)]", [layer, neuron])
    return np.add(inside, tab.eval_on_selector("#raster", CORNER))


def drag(touch, start, *way):
    touch("Start", start)
    for step in way:
        touch("Move", np.add(start, step))
    touch("End")


def test_a_finger_drags_the_chosen_spike(touched):
    tab, touch = touched
    simulator = real()
    choose(tab, 0, 3)
    before = tab.evaluate("firedAt(0, 3)")
    drag(touch, place(tab, 0, 3), (12, 0), (16, 0), (20, 0))
    after = tab.evaluate("firedAt(0, 3)")
    assert after > before
    found = simulator.what_if(times={(0, 3): after}).simulator
    js = "l => Array.from(layers[l].spikes, (_, j) => Math.min(firedAt(l, j), 1e9))"
    for layer in (1, 2):
        assert tab.evaluate(js, layer) == np.minimum(found.times(layer), 1e9).tolist()
    assert tab.evaluate("wishes.length") == 1
    assert "spike" in tab.inner_text("#outcome")


def test_other_spikes_are_not_dragged_but_chosen_with_a_tap(touched):
    tab, touch = touched
    before = tab.evaluate("firedAt(0, 3)")
    start = place(tab, 0, 3)
    drag(touch, start, (20, 0), (40, 0))
    assert (tab.evaluate("firedAt(0, 3)"), tab.evaluate("wishes.length")) == (before, 0)
    drag(touch, start)
    tab.wait_for_function("chosen.layer === 0")
    assert tab.evaluate("[chosen.layer, chosen.neuron]") == [0, 3]


def test_two_fingers_zoom_and_one_moves_along(touched):
    tab, touch = touched
    left, top = tab.eval_on_selector("#raster", CORNER)
    y = top + 60
    times = tab.evaluate("[plot.time(150), plot.time(200)]")
    touch("Start", (left + 150, y), (left + 200, y))
    touch("Move", (left + 140, y), (left + 220, y))
    touch("Move", (left + 120, y), (left + 260, y))
    touch("End")
    assert tab.evaluate("[plot.time(120), plot.time(260)]") == pytest.approx(times, rel=1e-6)
    assert tab.is_visible("#alltimes")
    zoom = tab.evaluate("zoom")
    drag(touch, (left + 250, y), (-20, 0), (-30, 0))
    moved = tab.evaluate("zoom")
    assert moved[0] > zoom[0]
    assert np.ptp(moved) == pytest.approx(np.ptp(zoom))
    assert tab.evaluate("wishes.length") == 0
    tab.tap("#alltimes")
    assert tab.evaluate("zoom") is None


def test_a_finger_scrolls_the_page_from_a_canvas(touched):
    tab, touch = touched
    left, top = tab.eval_on_selector("#raster", CORNER)
    drag(touch, (left + 200, top + 150), (0, -30), (0, -80), (0, -120))
    tab.wait_for_function("scrollY > 40")
    assert tab.evaluate("zoom") is None
