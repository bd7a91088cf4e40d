"""What the page of one stimulus holds."""

import re
from dataclasses import replace

import numpy as np
import pytest
from cases import any_networks, any_stimuli, same_bits
from cases_viewer import (
    LIMIT,
    RAMPS,
    data_of,
    every,
    patient,
    real,
    strokes,
    unpacked,
)
from hypothesis import given, settings
from hypothesis import strategies as st

import ttfs
from ttfs.cli import cli
from ttfs.errors import InputError, ShapeError
from ttfs.viewer import course
from ttfs.viewer.packing import packed
from ttfs.viewer.viewer import Page, page


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
        ({"what_if": "yes"}, InputError, "what_if"),
    ],
)
def test_a_wrong_option_is_refused(options, error, message):
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
