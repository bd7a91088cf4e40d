"""The page of one stimulus: what it holds, and how it behaves in a browser.

The browser's tests want the package `playwright` and a Chromium that is already installed.
"""

import re
from dataclasses import replace

import numpy as np
import pytest
from cases import any_networks, any_stimuli, same_bits
from cases_viewer import (
    CORNER,
    LIMIT,
    PRESS,
    RAMPS,
    SPENT,
    WINDOWED,
    binary,
    check_explanation,
    choose,
    column,
    data_of,
    every,
    mapped,
    number,
    papers,
    patient,
    real,
    settled,
    strokes,
    unpacked,
    wide,
)
from hypothesis import given, settings
from hypothesis import strategies as st

import ttfs
from ttfs.cli import cli
from ttfs.errors import InputError, ShapeError
from ttfs.kernels.reach import spans_of, window_of
from ttfs.viewer import course
from ttfs.viewer.packing import packed
from ttfs.viewer.viewer import Page, page

# -- the page as a text


@every
def test_events_and_weights_are_those_of_the_simulator(make):
    simulator = make()
    found = data_of(page(simulator, what_if=False))["record"]
    layers = found.pop("layers")
    expected = [event for event in simulator if event.kind != "window"]
    found["began"] = found["began"] or packed(np.full(len(expected), -1))
    events = {name: unpacked(array) for name, array in found.items()}
    assert events["time"].tolist() == [event.time for event in expected]
    assert events["spike"].tolist() == [event.kind == "spike" for event in expected]
    assert events["neuron"].tolist() == [event.neuron for event in expected]
    sources = [-1 if event.source is None else event.source for event in expected]
    assert events["source"].tolist() == sources
    for event, began in zip(expected, events["began"], strict=True):
        assert (event.kind == "end") == (began >= 0)
        if began >= 0:
            time = simulator.times(0).dtype.type(expected[began].time + simulator.plan.rise)
            assert replace(expected[began], kind="end", time=float(time)) == event
    for k, layer in enumerate(layers):
        if "counts" not in layer:  # whose weights all positions share
            continue
        given = weights_of(layer)
        size = simulator.plan.sizes[k]
        inputs = [simulator.explain(k, j).inputs for j in range(size)]
        assert unpacked(layer["counts"]).tolist() == [len(one) for one in inputs]
        assert given.tolist() == [one.weight for many in inputs for one in many]


@settings(max_examples=25)
@given(st.data(), st.sampled_from([np.float32, np.float64]))
def test_adding_the_weights_in_their_order_gives_the_potential(data, dtype):
    network = data.draw(any_networks(dtype))
    times = data.draw(any_stimuli(network, dtype, most_samples=1))
    simulator = ttfs.Simulator(network, times[0] if len(times) else np.full(network.sizes[0], 1.0))
    with np.errstate(all="ignore"):  # sums may overflow
        simulator.run()
        layers = data_of(page(simulator, what_if=False))["record"]["layers"]
        for k, layer in enumerate(layers):
            parts = np.split(weights_of(layer), np.cumsum(unpacked(layer["counts"])))[:-1]
            sums = [np.cumsum(np.append(dtype(0), part))[-1] for part in parts]
            assert same_bits(np.array(sums, dtype), simulator.potential(k))


def weights_of(layer):
    """The weights of a layer, whether of one bit or not."""
    weights, size = unpacked(layer["weights"]["bits"]), layer["weights"]["size"]
    if size is None:
        return weights
    count = unpacked(layer["counts"]).sum()
    return np.where(np.unpackbits(weights)[:count], size, -size).astype(np.float64)


def test_binary_weights_take_one_bit_each():
    layer = ttfs.Dense(9, 5, weights=ttfs.Binary(scale=5), threshold=99)  # stays silent
    network = ttfs.Network(layer, t_max=9)
    simulator = ttfs.Simulator(network, np.arange(9.0))
    found = data_of(page(simulator, what_if=False))["record"]["layers"][1]
    bits = np.unpackbits(unpacked(found["weights"]["bits"]))[:45].reshape(5, 9)
    assert (np.where(bits, 1, -1) == network.weights[0].T).all()
    assert found["weights"]["size"] == 1.0


@pytest.mark.parametrize("make", [real, RAMPS["long"]])
def test_the_simulator_stays_where_it_is(make):
    simulator = make()
    simulator.break_on(decision=True)
    simulator.run(until=3.5)
    before = simulator.snapshot().state
    page(simulator)
    page(simulator, what_if=False)
    assert all((a == b).all() for a, b in zip(before, simulator.snapshot().state, strict=True))
    assert simulator.time == 3.5
    assert simulator.run() == "spike"


def test_no_name_can_leave_its_place():
    evil = "</script><script>alert(1)</script><!--<script>{{data}}&\"'"
    circuit = ttfs.Circuit([ttfs.Population(evil, 2)], [], unit=evil)
    made = page(ttfs.Simulator(circuit, [0.0, 1.0]), label=evil, title=evil + "{{title}}")
    found = data_of(made)
    assert found["layers"][0]["name"] == found["unit"] == found["label"] == evil
    assert found["title"] == evil + "{{title}}"
    assert made.html.count("<script") == made.html.count("</script>") == 2
    assert "alert(1)<" not in made.html


def test_nothing_is_fetched():
    html = page(real()).html
    assert not re.search(r"(?:src|href)=[\"'](?!data:)|url\(|import\(|fetch\(|https?://", html)


def test_a_notebook_shows_the_page_in_a_frame():
    made = Page("<p title='a'>\"&</p>", 'a "title"')
    shown = made._repr_html_()
    assert 'title="a &quot;title&quot;"' in shown
    assert 'srcdoc="&lt;p title=&#x27;a&#x27;&gt;&quot;&amp;&lt;/p&gt;"' in shown


def test_a_page_is_saved_whole_or_not_at_all(tmp_path, monkeypatch):
    made = page(real(), title="à la carte")
    assert made.save(tmp_path / "page.html") == tmp_path / "page.html"
    assert (tmp_path / "page.html").read_text("utf-8") == made.html
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(OSError, match="full"):
        Page("new", "new").save(tmp_path / "page.html")
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]
    assert (tmp_path / "page.html").read_text("utf-8") == made.html


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"image_shape": (4, 5)}, ShapeError, "16 pixels"),
        ({"image_shape": 16}, ShapeError, "rows, columns"),
        ({"image_shape": (-4, -4)}, InputError, "image_shape"),
        ({"image": np.zeros(16)}, InputError, "image_shape"),
        ({"image_shape": (4, 4), "image": np.zeros(15)}, ShapeError, "16 values"),
        ({"image_shape": (4, 4), "image": np.full(16, np.nan)}, InputError, "finite"),
    ],
)
def test_a_wrong_image_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        page(real(), **options)


def test_only_a_simulator_has_a_page(monkeypatch):
    with pytest.raises(InputError, match="Simulator"):
        page(np.zeros(3))
    monkeypatch.setattr(course, "MOST", 10)
    for what_if in (False, True):
        with pytest.raises(InputError, match="hold 10 weights"):
            page(real(), what_if=what_if)


@pytest.mark.parametrize(("kind", "hidden"), [(ttfs.Binary, 600), (ttfs.Real, 400)])
def test_large_networks_make_small_pages(kind, hidden):
    made = page(patient(kind, hidden), (28, 28), 3, image=strokes())
    assert len(made.html.encode()) < LIMIT


def test_the_command_writes_the_page(tmp_path, capsys):
    network = ttfs.Network(ttfs.Dense(64, 10, threshold=9), t_max=256)
    ttfs.save(tmp_path / "model.npz", network)
    arguments = ["view", str(tmp_path / "model.npz"), "--dataset", "digits", "--index", "7"]
    out = tmp_path / "page.html"
    assert cli.main([*arguments, "--out", str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    found = data_of(Page(out.read_text("utf-8"), ""))
    assert found["title"] == "digits test 7"
    assert found["image"]["rows"] == 8
    assert cli.main([*arguments[:-1], "100000"]) == 2
    assert "samples" in capsys.readouterr().err


# -- the page in a browser


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
        "output 1 has not fired; closest at 10 step, 5 below"
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


# -- maps


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
