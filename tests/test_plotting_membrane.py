"""Potentials: corner by corner, up to the spike or the horizon."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from cases_pictures import legend, pixels
from matplotlib.colors import to_rgb

import ttfs
from ttfs.engines.explanations import Trace
from ttfs.plotting import COLUMN, membrane, new_axes, raster

INF = np.inf


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture
def simulator():
    weights = [[0.5, 0.75, -1.0], [0.75, -0.25, 0.5], [-0.25, 1.0, 0.0]]
    network = ttfs.Network(ttfs.Dense.of(weights, threshold=1.0, delay=1.0), t_max=10, unit="ms")
    simulator = ttfs.Simulator(network, [1.0, 5.0, 8.0])
    simulator.run()
    return simulator


def test_potentials_are_drawn_corner_by_corner_with_rings_at_spikes(simulator):
    traces = simulator.trace("output")
    *lines, first, second = membrane(traces, unit="ms")
    for line, trace in zip(lines, traces, strict=True):
        assert np.array_equal(line.get_xydata(), np.stack([trace.times, trace.potential], 1))
        assert line.get_drawstyle() == "default"
    assert [ring.get_xydata().tolist() for ring in (first, second)] == [[[6, 1.25]], [[9, 1.5]]]
    ax = first.axes
    assert legend(ax) == ["neuron 0", "neuron 1", "neuron 2 (silent)", "threshold"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (ms)", "potential")


def test_arrivals_are_ticks_up_or_down_by_the_sign_of_their_weight(simulator):
    why = [simulator.explain("output", neuron) for neuron in (1, 2)]
    ups, downs = membrane(simulator.trace("output", [1, 2]), inputs=why)[-2:]
    for ticks, explanation in ((ups, why[0]), (downs, why[1])):
        ends = np.array(ticks.get_segments())
        assert ends[:, 0, 0].tolist() == [arrival.time for arrival in explanation.inputs]
        rises = np.sign(ends[:, 1, 1] - ends[:, 0, 1])
        assert rises.tolist() == [np.sign(arrival.weight) for arrival in explanation.inputs]
    low, _ = ups.axes.get_ylim()
    assert low < min(
        end for ticks in (ups, downs) for end in np.array(ticks.get_segments())[..., 1].ravel()
    )


def test_every_arrival_is_drawn():
    times = np.arange(1.0, 61.0)
    network = ttfs.Network(ttfs.Dense.of(np.ones((60, 1)), threshold=1000), t_max=70)
    simulator = ttfs.Simulator(network, times)
    simulator.run()
    why = simulator.explain("output", 0)
    *_, ticks = membrane(simulator.trace("output"), inputs=[why], ax=new_axes(COLUMN))
    picture = 255 - pixels(ticks.axes.figure)
    ink = 255 - 255 * np.array(to_rgb(ticks.get_color()[0]))
    assert len(ticks.get_segments()) == 60
    for segment in ticks.get_segments():
        x, y = ticks.axes.transData.transform(segment.mean(axis=0)).astype(int)
        assert picture[y, x] @ ink / (ink @ ink) > 0.35


def test_neurons_that_nothing_reached_and_inputs_without_threshold_are_drawn(simulator):
    network = ttfs.Network(ttfs.Dense.of([[1.0]], threshold=1.0), t_max=10)
    quiet = ttfs.Simulator(network, [INF])
    quiet.run()
    [line] = membrane(quiet.trace("output"), inputs=[quiet.explain("output", 0)])[:1]
    pixels(line.axes.figure)
    assert legend(line.axes) == ["neuron 0 (silent)", "threshold"]
    drawn = membrane(simulator.trace("input"))
    pixels(drawn[0].axes.figure)
    assert "threshold" not in legend(drawn[0].axes)


def test_what_stays_silent_is_drawn_to_the_horizon():
    network = ttfs.Network(ttfs.Dense.of([[0.5, 2.0]], threshold=1.0), t_max=9)
    simulator = ttfs.Simulator(network, [1.0])
    simulator.run()
    silent, fires, _ = membrane(simulator)
    assert silent.get_xydata()[-1].tolist() == [9.0, 0.5]
    assert fires.get_xydata()[-1].tolist() == [1.0, 2.0]
    rising = ttfs.Network(ttfs.Dense.of([[0.1]], threshold=1.0), psp=ttfs.Ramp(), t_max=9)
    stepped = ttfs.Simulator(rising, [1.0])
    while stepped.step():
        pass
    [line] = membrane(stepped)
    assert line.get_xydata()[-1] == pytest.approx([9.0, 0.8])
    half = ttfs.Simulator(network, [1.0])
    half.run(until=0.5)
    assert membrane(half)[0].get_xdata()[-1] == 0.5


def test_a_circuit_shows_its_last_population_and_a_raster_of_all():
    populations = [ttfs.Population("a", 2), ttfs.Population("b", 3, threshold=1.0)]
    circuit = ttfs.Circuit(populations, [ttfs.Projection("a", "b", np.ones((2, 3)))])
    simulator = ttfs.Simulator(circuit, {"a": [1.0, 2.0]})
    simulator.run()
    assert legend(membrane(simulator)[0].axes)[:3] == ["neuron 0", "neuron 1", "neuron 2"]
    drawn = raster(simulator)
    assert [len(layer.get_segments()) for layer in drawn] == [2, 3]
    assert [text.get_text().split()[0] for text in drawn[0].axes.texts] == ["a", "b"]


def test_no_traces_are_labelled_axes():
    ax = new_axes()
    assert membrane([], ax=ax) == []
    pixels(ax.figure)
    assert ax.get_xlabel() == "time (steps)"


def test_a_few_lines_differ_in_colour_or_style_and_many_are_counted():
    def some(count):
        corners = np.array([0.0, 5.0]), np.array([0.0, 1.0])
        return [Trace(1, j, *corners, INF if j else 5.0, 2.0) for j in range(count)]

    few = membrane(some(12))[:12]
    assert (
        len({(line.get_color(), line.get_linestyle(), str(line._dash_pattern)) for line in few})
        == 12
    )
    many = membrane(some(40))
    assert legend(many[0].axes) == ["40 neurons (39 silent)", "threshold"]
    assert len(many) == 41


def test_different_thresholds_have_the_colours_of_their_neurons():
    corners = np.array([0.0, 5.0]), np.array([0.0, 1.0])
    drawn = membrane([Trace(1, j, *corners, INF, limit) for j, limit in enumerate((2.0, 3.0))])
    ax = drawn[0].axes
    dashed = [line for line in ax.lines if line not in drawn]
    assert [line.get_ydata()[0] for line in dashed] == [2.0, 3.0]
    assert [line.get_color() for line in dashed] == [line.get_color() for line in drawn]
