"""The page as a widget: what is chosen in it can be read in Python."""

import base64
import sys

import numpy as np
import pytest
from cases_viewer import CORNER, real

import ttfs
from ttfs.errors import InputError
from ttfs.viewer import live
from ttfs.viewer.viewer import page

RENDER = """async ([script, state]) => {
  const { default: widget } = await import(`data:text/javascript;base64,${script}`);
  window.model = {
    state, saved: 0, get: name => state[name], set: (name, value) => { state[name] = value; },
    save_changes: () => { model.saved++; },
  };
  window.stop = widget.render({ model, el: document.body });
}"""


@pytest.fixture
def shown(browser):
    """A page's widget in a browser, whose half in Python is a plain record."""
    tab = browser.new_page(viewport={"width": 1300, "height": 1200})
    script = base64.b64encode(live.SCRIPT.read_bytes()).decode()
    made = page(real())
    state = {"html": made.html, "title": made.title, "frame": "width:1280px;height:1150px"}
    tab.goto("about:blank")
    tab.evaluate(RENDER, [script, state])
    tab.wait_for_function("model.saved > 0")
    yield tab
    tab.close()


def test_what_is_chosen_in_the_page_is_told(shown):
    simulator = real()
    simulator.run()
    frame = shown.frames[1]
    state = shown.evaluate("model.state")
    winner = int(simulator.times("output").argmin())
    time = simulator.times("output")[winner]
    assert state["chosen"] == {"layer": "output", "neuron": winner, "time": time}
    assert state["event"]["kind"] == "spike"
    assert (state["event"]["layer"], state["event"]["time"]) == ("output", time)
    neuron = int(simulator.times("hidden").argmin())
    place = frame.evaluate("j => [plot.x(firedAt(1, j)), rowOf(1, j)]", neuron)
    left, top = frame.eval_on_selector("#raster", CORNER)
    before = shown.locator("iframe").bounding_box()
    shown.mouse.click(before["x"] + left + place[0], before["y"] + top + place[1])
    shown.wait_for_function("model.state.chosen.layer === 'hidden'")
    assert shown.evaluate("model.state.chosen.neuron") == neuron
    shown.keyboard.press("Home")
    shown.wait_for_function("model.state.event.count === 0")
    assert shown.evaluate("model.state.event") == {"count": 0, "time": 0}


def test_what_is_asked_in_the_page_is_told(shown):
    shown.frames[1].evaluate("wish(0, 3, 2.5); wish(0, 4, Infinity)")
    shown.wait_for_function("model.state.wishes.length === 2")
    wishes = shown.evaluate("model.state.wishes")
    assert wishes == [
        {"layer": "input", "neuron": 3, "time": 2.5},
        {"layer": "input", "neuron": 4, "time": None},
    ]


def test_a_widget_that_is_closed_hears_no_more(shown):
    shown.evaluate("stop()")
    saved = shown.evaluate("model.saved")
    shown.frames[1].evaluate("choose(1, 2)")
    shown.wait_for_timeout(100)
    assert shown.evaluate("model.saved") == saved


def test_python_reads_what_the_page_has_told():
    pytest.importorskip("anywidget", reason="anywidget is not installed")
    simulator = real()
    found = ttfs.viewer.widget(simulator, (4, 4), title="sixteen")
    assert repr(found) == "widget('sixteen')"
    assert found.html == page(simulator, (4, 4), title="sixteen").html
    found.set_state(
        {
            "chosen": {"layer": "hidden", "neuron": 3, "time": 4.5},
            "wishes": [
                {"layer": "input", "neuron": 3, "time": 2.5},
                {"layer": "input", "neuron": 4, "time": None},
            ],
        }
    )
    assert found.chosen["layer"] == "hidden"
    assert found.times == {("input", 3): 2.5, ("input", 4): np.inf}
    assert simulator.what_if(times=found.times).moved


def test_without_anywidget_there_is_a_remedy(monkeypatch):
    live._kind.cache_clear()
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(InputError, match=r"ttfs\[notebook\]"):
        ttfs.viewer.widget(real())
