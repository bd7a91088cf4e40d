"""Rasters: every spike can be seen, and every word can be read."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from cases_pictures import coverage, pixels, ticks
from hypothesis import given, settings
from hypothesis import strategies as st

from ttfs.errors import InputError
from ttfs.plotting import COLUMN, PAGE, latency_histogram, new_axes, raster, save

INF = np.inf
SIZES = 784, 600, 10


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def silent_layers():
    return [np.full(size, INF) for size in SIZES]


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), share=st.floats(0, 1), width=st.sampled_from([COLUMN, PAGE]))
def test_every_spike_of_a_random_stimulus_is_drawn(seed, share, width):
    rng = np.random.default_rng(seed)
    times = [rng.integers(0, 256, size).astype(float) for size in SIZES]
    for layer in times:
        layer[rng.random(layer.size) >= share] = INF
    drawn = raster(times, ax=new_axes(width, 4.2), t_max=256)
    shown = coverage(drawn)
    plt.close(drawn[0].axes.figure)
    assert len(shown) == sum(np.isfinite(layer).sum() for layer in times)
    assert (shown > 0.6).all()


@pytest.mark.parametrize("phase", range(0, 28, 3))
def test_a_spike_without_neighbours_is_drawn_whatever_its_row(phase):
    times = silent_layers()
    for layer in times[:2]:
        layer[phase::28] = 3.3 * np.arange(len(layer[phase::28])) + phase / 28
    shown = coverage(raster(times, ax=new_axes(PAGE, 4.2), t_max=256))
    assert len(shown) > 0
    assert (shown > 0.6).all()


@pytest.mark.parametrize("time", [0.0, 128.5, 255.0])
def test_spikes_of_all_neurons_at_one_time_are_all_drawn(time):
    shown = coverage(raster([np.full(size, time) for size in SIZES], t_max=256))
    assert len(shown) == sum(SIZES)
    assert (shown > 0.6).all()


@pytest.mark.parametrize("dpi", [72, 300])
def test_no_spike_is_lost_at_other_resolutions(dpi):
    times = [np.linspace(0, 99, size) for size in SIZES]
    drawn = raster(times, t_max=100)
    drawn[0].axes.figure.set_dpi(dpi)
    assert (coverage(drawn) > 0.35).all()


def test_a_raster_without_spikes_keeps_all_rows_and_draws_nothing_in_them():
    drawn = raster(silent_layers(), t_max=256)
    full = raster([np.zeros(size) for size in SIZES], t_max=256)
    assert [len(lines.get_segments()) for lines in drawn] == [0, 0, 0]
    assert drawn[0].axes.get_ylim() == full[0].axes.get_ylim()
    assert ticks(drawn[0].axes.yaxis) == ticks(full[0].axes.yaxis)


def test_rows_rise_with_the_neuron_and_layers_lie_above_each_other():
    drawn = raster([np.zeros(size) for size in SIZES])
    rows = [segment[:, 1].mean() for lines in drawn for segment in lines.get_segments()]
    low, high = drawn[0].axes.get_ylim()
    assert (np.diff(rows) > 0).all()
    assert low < rows[0]
    assert rows[-1] < high


def test_a_silent_neuron_leaves_its_row_empty_and_others_where_they_were():
    full = raster([[1.0, 2.0, 3.0, 4.0]])[0].get_segments()
    holed = raster([[1.0, INF, 3.0, 4.0]])[0].get_segments()
    assert np.array_equal([full[0], full[2], full[3]], holed)


def test_a_raster_shows_exact_times():
    [lines] = raster([[0.1, INF, 7.25]])
    assert [segment[0, 0] for segment in lines.get_segments()] == [0.1, 7.25]


def test_a_raster_of_one_neuron_with_one_spike_is_drawn():
    assert (coverage(raster([[5.0]])) > 0.6).all()


def test_ten_outputs_have_labelled_rows_and_each_layer_has_its_name():
    drawn = raster(silent_layers(), unit="ms")
    ax = drawn[0].axes
    assert ticks(ax.yaxis)[-10:] == [str(output) for output in range(10)]
    assert [text.get_text() for text in ax.texts] == ["input\n784", "hidden\n600", "output\n10"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (ms)", "neuron")


@pytest.mark.parametrize("sizes", [SIZES, (784, 64, 64, 1), (2, 701, 11), (3, *[4] * 9, 2)])
@pytest.mark.parametrize(("width", "height"), [(PAGE, 4.2), (COLUMN, 2.4)])
def test_texts_of_a_raster_neither_overlap_nor_leave_the_figure(sizes, width, height):
    times = [np.full(size, INF) for size in sizes]
    times[-1][0] = 57.0
    ax = raster(times, ax=new_axes(width, height), t_max=256, decision=(57.0, 0))[0].axes
    pixels(ax.figure)
    boxes = [text.get_window_extent() for text in [*ax.texts, *ax.get_yticklabels()]]
    shrunk = [box.shrunk(1, 0.75) for box in boxes]
    assert not any(a.overlaps(b) for i, a in enumerate(shrunk) for b in shrunk[:i])
    assert all(box.x0 >= 0 and box.x1 <= ax.figure.bbox.width + 1 for box in boxes)


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        ((57.0, 3), "decision: 3 at 57 steps"),
        ((0.0, 0), "decision: 0 at 0 steps"),
        ((INF, 9), "decision: 9, no output spike"),
    ],
)
def test_the_decision_is_written(decision, words):
    times = silent_layers()
    times[2][:] = 57.0
    drawn = raster(times, t_max=256, decision=decision)
    assert drawn[0].axes.texts[-1].get_text() == words
    assert (coverage(drawn) > 0.6).all()


@pytest.mark.parametrize("decision", [(5.0, 10), (5.0, -1), (-1.0, 3), (np.nan, 3), (300.0, 3)])
def test_a_decision_that_cannot_be_is_refused(decision):
    with pytest.raises(InputError, match="decision expects a time up to 256"):
        raster(silent_layers(), t_max=256, decision=decision)


def test_time_ends_with_the_last_spike():
    times = silent_layers()
    times[1][5] = 30.0
    assert raster(times, t_max=256)[0].axes.get_xlim() == pytest.approx((-0.45, 30.45))
    assert raster(silent_layers(), t_max=256)[0].axes.get_xlim()[1] == pytest.approx(256 * 1.015)
    later = raster(times, t_max=256, decision=(200.0, 3))[0].axes
    assert later.get_xlim()[1] == pytest.approx(200 * 1.015)
    assert latency_histogram(times, t_max=256)[0].axes.get_xlim() == (0, 31)


@pytest.mark.parametrize("layers", [3, 7, 15, 40])
@pytest.mark.parametrize("height", [1.2, 2.3, 4.2])
def test_names_of_layers_do_not_overlap_in_small_axes(layers, height):
    ax = raster([np.zeros(9)] * layers, ax=new_axes(COLUMN, height), decision=(0, 8))[0].axes
    pixels(ax.figure)
    boxes = [text.get_window_extent().shrunk(1, 0.8) for text in ax.texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    names = [text.get_text() for text in ax.texts if not text.get_text().startswith("decision")]
    assert names[-1].startswith("output")
    assert len(names) == layers or height < 4 or layers > 20


@pytest.mark.parametrize("kind", ["pdf", "svg"])
def test_a_full_raster_is_a_small_file(tmp_path, kind):
    drawn = raster([np.linspace(0, 99, size) for size in SIZES])
    assert save(drawn[0].axes.figure, tmp_path / f"r.{kind}").stat().st_size < 400_000
