"""Words of pictures lie within the figure and beside each other, however narrow it is."""

from itertools import combinations

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from cases_pictures import EPOCHS, PICTURES, drawn, legend, ticks
from matplotlib.figure import Figure

import ttfs
from ttfs import plotting
from ttfs.plotting.look import COLUMN

PHONE = 2.3  # inches
DEEP = [np.arange(5.0) + k for k in range(60)]
ROWS = np.arange(784.0)[None] / 784
ODD = {
    "raster of 60 layers": lambda ax: plotting.raster(DEEP, ax=ax),
    "histogram of 60 layers": lambda ax: plotting.latency_histogram(DEEP, ax=ax),
    "hills of 60 layers": lambda ax: plotting.latency_by_layer(DEEP, ax=ax),
    "activity of 60 layers": lambda ax: plotting.activity(DEEP, [1] * 60, ax=ax),
    "firing of 60 layers": lambda ax: plotting.firing_by_layer([0.5] * 60, [0.1] * 60, ax=ax),
    "diagram of 60 layers": lambda ax: plotting.network_diagram(
        ttfs.Network(*(ttfs.Dense(3, 3) for _ in range(59))), ax=ax
    ),
    "100 classes": lambda ax: plotting.spike_order(ROWS.repeat(300, 0), np.arange(300) // 3, ax=ax),
    "784 inputs in a line": lambda ax: plotting.latency_map(ROWS[0], (1, 784), ax=ax),
    "one pixel": lambda ax: plotting.latency_map([1e-9], (1, 1), ax=ax),
    "one bit": lambda ax: plotting.weight_images(np.ones((64, 40)), (8, 8), ax=ax),
    "tiny times": lambda ax: plotting.raster([[2e-9], [5e-9]], decision=(5e-9, 0), ax=ax),
    "huge potentials": lambda ax: plotting.membrane(simulator(1e9), ax=ax),
    "a long diagram": lambda ax: plotting.network_diagram(
        ttfs.Network(ttfs.Dense(784, 5000, weights=ttfs.Binary(), delay=0.125)), ax=ax
    ),
    "costs over decades": lambda ax: plotting.accuracy_over(
        {"a": [100], "b": [4800]}, {"a": [0.9], "b": [1.0]}, ax=ax, log=True
    ),
} | {
    f"a decision at {time}": lambda ax, time=time: plotting.raster(
        [[0.0, 10.0], [time]], decision=(time, 0), ax=ax, unit="window"
    )
    for time in (0.0, 3.4, 4.9, 5.1, 6.6, 10.0)
}


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def simulator(threshold):
    made = ttfs.Simulator(ttfs.Network(ttfs.Dense(3, 2, threshold=threshold), t_max=9), [1.0, 2, 3])
    made.run()
    return made


def words_of(ax):
    """Everything that is written in and around the axes."""
    words = list(ax.texts) + (ax.get_legend().get_texts() if ax.get_legend() else [])
    for axis in (ax.xaxis, ax.yaxis) if ax.axison else ():
        low, high = sorted(axis.get_view_interval())
        ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
        words += [axis.label, axis.get_offset_text()]
        words += [label for tick in ticks for label in (tick.label1, tick.label2)]
    return [text for text in words if text.get_text().strip() and text.get_visible()]


def check_words(figure):
    """No words leave the figure or lie on others."""
    figure.canvas.draw()
    words = [text for ax in figure.axes for text in words_of(ax)]
    assert words or not figure.axes[0].axison
    boxes = [text.get_window_extent() for text in words]
    whole = figure.bbox
    for text, box in zip(words, boxes, strict=True):
        assert -1 <= box.x0 <= box.x1 <= whole.width + 1, text
        assert -1 <= box.y0 <= box.y1 <= whole.height + 1, text
    for (one, first), (other, second) in combinations(zip(words, boxes, strict=True), 2):
        assert not first.padded(-1.5).overlaps(second.padded(-1.5)), (one, other)


@pytest.mark.parametrize("name", PICTURES)
def test_words_of_every_picture_have_room_on_a_phone(name):
    figure = plt.figure(figsize=(PHONE, 2.5), layout="compressed")
    check_words(drawn(name, figure.subplots()).figure)


@pytest.mark.parametrize("name", ODD)
def test_words_have_room_whatever_is_drawn(name):
    figure = plt.figure(figsize=(COLUMN, 2.5), layout="compressed")
    ODD[name](figure.subplots())
    check_words(figure)


@pytest.mark.parametrize(("width", "height"), [(PHONE, 6.0), (COLUMN, 6.0)])
def test_words_of_a_narrow_summary_of_training_have_room(width, height):
    figure = plt.figure(figsize=(width, height), layout="constrained")
    records = [one | {"loss": 1.0, "silent_1": 0.5, "latency_1": 2.5} for one in EPOCHS]
    check_words(plotting.training_summary(records, figure=figure, unit="window"))


def test_a_long_legend_keeps_its_ends():
    ax = plotting.latency_histogram(DEEP, ax=Figure(figsize=(COLUMN, 2.5)).subplots())[0].axes
    names = [text.split(" (")[0] for text in legend(ax)]
    assert names[:2] == ["input", "hidden 1"]
    assert names[-2:] == ["…", "output"]


def test_axes_of_one_neuron_and_one_sample_have_whole_numbers():
    for draw in (lambda ax: plotting.spike_order([[1.0]], ax=ax), ODD["one pixel"]):
        ax = draw(Figure().subplots()).axes
        words = ticks(ax.xaxis) + ticks(ax.yaxis)
        assert all(word.lstrip("−").isdigit() for word in words)


def test_a_line_of_inputs_is_tall_enough_to_be_seen():
    figure = Figure(figsize=(COLUMN, 2.5))
    weights = plotting.weight_images(np.ones((80, 1)), (1, 80), ax=figure.subplots())
    assert weights.get_array().shape[0] >= 10
    times = plotting.latency_map(ROWS[0], (1, 784), ax=Figure(figsize=(3, 2)).subplots())
    times.axes.apply_aspect()
    assert times.axes.bbox.height > 50
    assert times.get_array().shape == (1, 784)


def test_no_accuracy_is_above_100_percent():
    ax = plotting.accuracy_over({"a": [9]}, {"a": [1.0]}, ax=Figure().subplots())[0].lines[0].axes
    assert 100 < ax.get_ylim()[1] < 100.5
