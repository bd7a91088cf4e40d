"""The page of a network of maps."""

import numpy as np
import pytest
from cases_viewer import (
    PRESS,
    SPENT,
    check_explanation,
    choose,
    data_of,
    mapped,
    papers,
    unpacked,
)

import ttfs
from ttfs.cli import cli
from ttfs.kernels.reach import spans_of, window_of
from ttfs.viewer.viewer import Page, page


def test_a_page_holds_the_weights_that_positions_share_only_once():
    simulator = mapped()
    shapes = [[5, 6, 2], [5, 5, 3], [3, 5, 3], [2, 2, 2], None]
    for what_if in (False, True):
        found = data_of(page(simulator, what_if=what_if))
        assert [layer["shape"] for layer in found["layers"]] == shapes
        held = found["circuit"]["projections"] if what_if else found["record"]["layers"][1:]
        for k, projection in enumerate(simulator.circuit.projections[:3]):
            bits = unpacked(held[k]["weights"]["bits"])
            assert bits.tolist() == projection.weights.ravel().tolist()
            assert found["layers"][k + 1]["reach"] == projection.layer.reach.tolist()


def test_a_network_of_the_papers_size_makes_a_moderate_page():
    simulator = papers()
    made = page(simulator)
    simulator.run()
    assert len(simulator.spikes.times) > 15_000
    assert len(made.html.encode()) < 3_000_000


def test_an_input_that_is_heard_as_a_map_of_one_channel_is_an_image():
    network = ttfs.Network(ttfs.Conv2d(2, 2, threshold=1), shape=(3, 4, 1), t_max=9)
    image = data_of(page(ttfs.Simulator(network, np.arange(12.0) / 2)))["image"]
    assert (image["rows"], image["columns"]) == (3, 4)
    assert data_of(page(mapped()))["image"] is None  # two channels


SPANS = """l => [...layers[layers[l].below].spikes.keys()].map(u => {
  const { reach, below } = layers[l], part = partOf(layers[below].shape, u);
  const { from, to, left, right } = reachedBy(reach, part);
  return [from, to, left, right];
})"""
WINDOWS = """l => [...layers[l].spikes.keys()].map(j => {
  const { from, to, left, right } = windowOf(layers[l].reach, partOf(own(layers[l].reach), j));
  return [from, to, left, right];
})"""


def test_frames_hold_what_a_neuron_hears_and_what_it_reaches(show):
    simulator = mapped()
    tab = show(page(simulator))
    for k in (1, 2, 3):
        layer = simulator.circuit.projections[k - 1].layer
        senders = range(layer.inputs)
        wanted = [list(spans_of(layer.reach, sender)) for sender in senders]
        assert tab.evaluate(SPANS, k) == wanted
        places = [neuron // layer.columns for neuron in range(layer.outputs)]
        wanted = [list(window_of(layer.reach, place)) for place in places]
        assert tab.evaluate(WINDOWS, k) == wanted


def test_all_maps_below_a_neuron_are_marked_and_those_that_it_reaches(show):
    tab = show(page(mapped()))
    found = tab.evaluate(
        """() => { choose(2, 7); return [...partsOfChosen()].map(([layer, parts]) =>
          [layer, parts.map(part => [part.what, part.channel])]); }"""
    )
    assert {layer: parts for layer, parts in found} == {
        2: [["itself", 1]],
        1: [["hears", 1]],  # a pool hears one channel
        0: [["hears", -1]],
        3: [["reaches", -1]],
    }
    wanted = "pool 1 7 is at row 0, column 2 of channel 1; it hears row 0 and column 2 of conv 1"
    assert tab.inner_text("#place") == f"{wanted}, channel 1."


def test_maps_fill_as_time_goes(show):
    simulator = mapped()
    tab = show(page(simulator))
    opaque = """place => {
      go(place);
      const count = ({ data }, alpha) => data.filter((a, k) => k % 4 === 3 && a === alpha).length;
      return maps.map(({ pixels }) => [0, 60, 255].map(alpha => count(pixels, alpha)));
    }"""
    fired = np.zeros(4, int)
    events = list(simulator)
    sizes = np.array(simulator.plan.sizes[:4])
    total = np.array([np.isfinite(simulator.times(layer)).sum() for layer in range(4)])
    for place, event in enumerate(events, 1):
        if event.kind == "spike" and event.layer < 4:
            fired[event.layer] += 1
        if place % 20 == 0 or place == len(events):
            wanted = np.column_stack([sizes - total, total - fired, fired]).tolist()
            assert tab.evaluate(opaque, place) == wanted


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_click_on_a_map_chooses_its_neuron_and_silence_looks_like_no_time(show, scheme):
    simulator = mapped()
    tab = show(page(simulator), color_scheme=scheme)
    simulator.run()
    tab.keyboard.press("End")
    tab.evaluate("choose(4, 0)")  # which has no frames
    grounds, times = set(), set()
    for layer in (0, 1, 2, 3):
        for neuron in range(0, simulator.plan.sizes[layer], 7):
            x, y, *colour = tab.evaluate(
                """([l, j]) => {
                  const map = maps[l], { row, column, channel } = placeOf(map.shape, j);
                  const [left, top] = cornerOf(map, channel), ratio = window.devicePixelRatio;
                  const [x, y] = [left + (column + 0.5) * map.side, top + (row + 0.5) * map.side];
                  const copy = new OffscreenCanvas(map.canvas.width, map.canvas.height);
                  const pen = copy.getContext("2d", { willReadFrequently: true });
                  pen.drawImage(map.canvas, 0, 0);
                  return [x, y, ...pen.getImageData(x * ratio, y * ratio, 1, 1).data];
                }""",
                [layer, neuron],
            )
            silent = np.isinf(simulator.times(layer)[neuron])
            (grounds if silent else times).add(tuple(colour))
            tab.locator("#maplist canvas").nth(layer).click(position={"x": x, "y": y})
            assert tab.input_value("#layer") == str(layer)
            assert tab.input_value("#neuron") == str(neuron)
            tab.evaluate("choose(4, 0)")
    assert len(grounds) == 1
    assert not grounds & times


def test_a_place_on_a_map_is_named_under_the_mouse(show):
    simulator = mapped()
    tab = show(page(simulator))
    simulator.run()
    tab.locator("#maplist canvas").nth(0).hover(position={"x": 2, "y": 2})
    fired = simulator.times(0)[0]
    when = "silent" if np.isinf(fired) else f"{fired:g} step"
    assert tab.inner_text("#maptip") == f"input 0: row 0, column 0 of channel 0, {when}"


def test_a_page_of_maps_fits_a_telephone_and_its_canvases_have_names(show):
    tab = show(page(papers()), viewport={"width": 360, "height": 740})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    names = tab.eval_on_selector_all("canvas", "all => all.map(e => e.getAttribute('aria-label'))")
    assert all(names)


def test_a_page_of_the_papers_size_answers_within_a_tenth_of_a_second(show):
    simulator = papers()
    tab = show(page(simulator, label=3))
    simulator.run()
    for action in [PRESS, "choose(3, n++)", "choose(1, n++)"]:
        assert tab.evaluate(SPENT.replace("ACTION", action)) < 100, action
    choose(tab, 3, 100)
    check_explanation(tab, simulator, 3, 100)


def test_the_command_writes_a_page_of_maps(tmp_path):
    layers = ttfs.Conv2d(3, 3, threshold=1), ttfs.MinPool2d(2), ttfs.Dense(None, 10, threshold=9)
    ttfs.save(tmp_path / "model.npz", ttfs.Network(*layers, shape=(8, 8, 1), t_max=256))
    out = tmp_path / "page.html"
    arguments = ["view", str(tmp_path / "model.npz"), "--dataset", "digits", "--index", "7"]
    assert cli.main([*arguments, "--out", str(out)]) == 0
    layers = data_of(Page(out.read_text("utf-8"), ""))["layers"]
    shapes = [[8, 8, 1], [6, 6, 3], [3, 3, 3], None]
    assert [layer["shape"] for layer in layers] == shapes
