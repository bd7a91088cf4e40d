from dataclasses import replace

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from cases_pictures import legend, pixels, texts
from matplotlib.colors import to_rgb

import ttfs
from ttfs.engines.explanations import Trace
from ttfs.errors import InputError, ShapeError
from ttfs.plotting import (
    COLUMN,
    PAGE,
    activity,
    decision_curve,
    latency_diagram,
    membrane,
    new_axes,
    save,
    spike_order,
)
from ttfs.plotting.look import SILENT, class_colour

INF = np.inf


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def random_times(samples, neurons, share=0.5, seed=0):
    rng = np.random.default_rng(seed)
    times = rng.random((samples, neurons)) * 99
    times[rng.random(times.shape) > share] = INF
    return times


# Latency diagrams


@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_every_spike_is_in_its_band_and_can_be_seen(labelled, share):
    times = random_times(50, 6, share)
    labels = np.arange(50) % 3 if labelled else None
    *strips, means = latency_diagram(times, labels, t_max=100)
    assert sum(len(strip.get_segments()) for strip in strips) == np.isfinite(times).sum()
    means.remove()
    for collection in list(strips[0].axes.collections):
        if collection not in strips:
            collection.remove()
    picture = 255 - pixels(strips[0].axes.figure)
    for turn, strip in enumerate(strips):
        ink = 255 - 255 * np.array(to_rgb(class_colour(turn)))
        for segment in strip.get_segments():
            middle = segment.mean(axis=0)
            neuron = round(middle[1])
            assert np.isclose(times[:, neuron], middle[0]).any()
            x, y = strip.axes.transData.transform(middle).astype(int)
            near = picture[y - 1 : y + 2, x - 1 : x + 2] @ ink / (ink @ ink)
            assert near.max() > 0.3


def test_means_are_of_the_spikes_class_by_class():
    times = np.array([[4.0, 9.0], [8.0, INF], [INF, INF], [1.0, 5.0]])
    means = latency_diagram(times, [0, 0, 0, 7])[-1].get_segments()
    assert [line[0, 0] for line in means] == [6.0, 1.0, 9.0, 5.0]
    [one, other] = latency_diagram(times)[-1].get_segments()
    assert (one[0, 0], other[0, 0]) == (pytest.approx(13 / 3), 7.0)


def test_silent_shares_are_written_for_each_neuron():
    times = np.array([[4.0, INF, INF], [8.0, INF, 3.0]])
    ax = latency_diagram(times, unit="ms")[0].axes
    assert texts(ax) == ["silent", "0 %", "100 %", "50 %"]
    assert ax.get_xlabel() == "spike time (ms)"


@pytest.mark.parametrize("samples", [0, 1, 5])
@pytest.mark.parametrize("value", [INF, 0.0])
def test_diagrams_without_spikes_or_samples_keep_all_bands(samples, value):
    times = np.full((samples, 4), value)
    drawn = latency_diagram(times, np.zeros(samples, int), t_max=9)
    ax = drawn[-1].axes
    pixels(ax.figure)
    assert ax.get_ylim() == (-0.5, 3.5)
    assert len(texts(ax)) == 5


@pytest.mark.parametrize("neurons", [1, 10, 64, 700])
@pytest.mark.parametrize("width", [COLUMN, PAGE])
def test_labels_of_a_diagram_neither_overlap_nor_leave_the_figure(neurons, width):
    times = random_times(20, neurons)
    ax = latency_diagram(times, np.arange(20) % 4, ax=new_axes(width, 4.0))[0].axes
    pixels(ax.figure)
    labels = [*ax.yaxis.get_minorticklabels(), *ax.yaxis.get_majorticklabels(), *ax.texts]
    boxes = [text.get_window_extent().shrunk(1, 0.75) for text in labels if text.get_text()]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert all(box.x0 >= 0 and box.x1 <= ax.figure.bbox.width + 1 for box in boxes)


# Spike order


def test_ranks_count_earlier_spikes_and_silence_is_masked():
    image = spike_order([[3.0, 1.0, 3.0, INF, 9.0], [INF] * 5])
    assert image.get_array().tolist() == [[2, 1, 2, None, 4], [None] * 5]
    assert legend(image.axes) == ["silent (60 %)"]


def test_samples_are_sorted_by_class_and_stay_in_order_within():
    times = np.array([[1.0, 2.0], [2.0, 1.0], [1.0, INF], [INF, 1.0]])
    image = spike_order(times, [1, 0, 1, 0])
    assert image.get_array().tolist() == [[2, 1], [None, 1], [1, 2], [1, None]]
    assert [label.get_text() for label in image.axes.get_yticklabels()] == ["0", "1"]


@pytest.mark.parametrize("shape", [(12, 9), (150, 40)])
def test_every_spike_and_every_silence_has_its_pixel(shape):
    times = random_times(*shape)
    image = spike_order(times, ax=new_axes(PAGE, 4.0))
    image.axes.figure.set_dpi(300)
    picture = pixels(image.axes.figure)
    sample, neuron = np.indices(shape)
    places = np.stack([neuron.ravel(), sample.ravel()], 1)
    x, y = image.axes.transData.transform(places).astype(int).T
    grey = np.isclose(picture[y, x], 255 * np.array(to_rgb(SILENT)), atol=2).all(axis=1)
    assert np.array_equal(grey, np.isinf(times).ravel())


@pytest.mark.parametrize("shape", [(1500, 3), (3, 1500)])
def test_one_silent_row_among_very_many_is_not_lost(shape):
    times = np.zeros(shape)
    empty = pixels(spike_order(times).axes.figure)
    times[700 % shape[0], :] = INF
    if shape[0] == 3:
        times[:] = 0
        times[:, 700] = INF
    assert (pixels(spike_order(times).axes.figure) != empty)[:, 40:].any()


@pytest.mark.parametrize("times", [np.empty((0, 3)), np.full((4, 3), INF), np.zeros((1, 1))])
def test_orders_without_spikes_or_samples_are_drawn(times):
    image = spike_order(times, np.zeros(len(times), int))
    pixels(image.axes.figure)
    assert image.get_array().shape == times.shape


def test_a_record_stands_for_times_and_potential():
    network = ttfs.Network(ttfs.Dense(6, 3, threshold=1.0), t_max=20)
    record = ttfs.forward(network, random_times(20, 6) / 9)
    labels = np.arange(20) % 3
    for plot, arguments in (
        (decision_curve, (record.times[-1], record.potential, labels)),
        (latency_diagram, (record.times[-1], labels)),
        (spike_order, (record.times[-1], labels)),
        (activity, (record.times, [3, 0])),
    ):
        ours, plain = new_axes(), new_axes()
        plot(*arguments, ax=plain)
        second = {} if plot is activity else {"labels": labels}
        plot(record, *([[3, 0]] if plot is activity else []), ax=ours, **second)
        assert np.array_equal(pixels(ours.figure), pixels(plain.figure))
    with pytest.raises(InputError, match="expects the potential beside the times, or a Record"):
        decision_curve(record.times[-1], labels=labels)


# Deadlines


def test_the_last_accuracy_is_the_strict_one_and_each_is_that_of_the_first_spike_so_far():
    rng = np.random.default_rng(1)
    times = np.floor(random_times(300, 4, 0.3, seed=1) / 10)
    potential, labels = rng.random(times.shape), rng.integers(0, 4, 300)
    right, unknown, ring = decision_curve(times, potential, labels, t_max=10)
    decisions = ttfs.decide(times, potential)
    assert ring.get_ydata()[0] == pytest.approx(100 * (decisions.label == labels).mean())
    for deadline, share, rest in zip(*right.get_data(), unknown.get_ydata(), strict=True):
        known = decisions.time <= deadline
        assert share == pytest.approx(100 * (known & (decisions.label == labels)).mean())
        assert rest == pytest.approx(100 * (~known).mean())
    assert right.get_drawstyle() == unknown.get_drawstyle() == "steps-post"
    assert right.get_xdata()[-1] == 9


@pytest.mark.parametrize(("samples", "drawn"), [(0, 2), (3, 3)])
def test_deadlines_without_spikes_or_samples_are_drawn(samples, drawn):
    silent = np.full((samples, 2), INF)
    lines = decision_curve(silent, np.zeros((samples, 2)), np.zeros(samples, int), unit="ms")
    pixels(lines[0].axes.figure)
    assert len(lines) == drawn
    assert lines[0].axes.get_xlabel() == "deadline (ms)"


# Activity


def test_activity_ends_with_the_spikes_and_operations_of_an_evaluation():
    network = ttfs.Network(
        ttfs.Dense(6, 5, ttfs.Real(init=(0, 1)), threshold=1.0, delay=1.0),
        ttfs.Dense(5, 3, ttfs.Real(init=(0, 1)), threshold=1.0, delay=0.5),
        t_max=20,
        seed=3,
    )
    times = random_times(40, 6, 0.6) / 5
    found = ttfs.evaluate(network, times, np.zeros(40, int))
    layers = [np.where(t < 20, t, INF) for t in ttfs.forward(network, times).times]
    *lines, work = activity(layers, [5, 3, 0], delay=[1.0, 0.5, 0.0], t_max=20)
    assert sum(line.get_ydata()[-1] for line in lines) == pytest.approx(found.spikes_per_sample)
    assert work.get_ydata()[-1] == pytest.approx(found.operations_per_sample)
    assert all((np.diff(line.get_ydata()) >= 0).all() for line in [*lines, work])
    assert legend(lines[0].axes) == ["input", "hidden", "output", "operations (right)"]


def test_a_fan_out_can_be_that_of_each_neuron():
    work = activity([[1.0, 2.0, INF]], [[2, 3, 9]])[-1]
    assert work.get_xydata().tolist() == [[0, 0], [1, 2], [2, 5], [2, 5]]


@pytest.mark.parametrize("layer", [np.full((3, 4), INF), np.empty((0, 4)), np.full(4, INF)])
def test_activity_without_spikes_is_drawn(layer):
    drawn = activity([layer, layer], [4, 0], t_max=5)
    pixels(drawn[0].axes.figure)
    assert all((line.get_ydata() == 0).all() for line in drawn)


# All of them

TIMES = {
    "latency_diagram": lambda times, **kw: latency_diagram([times], **kw),
    "decision_curve": lambda times, **kw: decision_curve([times], [[1, 2]], [0], **kw),
    "activity": lambda times, **kw: activity([times], [1], **kw),
}


@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize(
    ("times", "words"),
    [
        ([1.0, np.nan], "1 of 2 values are NaN"),
        ([1.0, -2.0], "times start at 0, got -2"),
        ([1.0, 20.0], "a spike at 20, but spikes come before t_max 20"),
    ],
)
def test_times_that_cannot_be_meant_are_refused(name, times, words):
    with pytest.raises(InputError, match=words) as caught:
        TIMES[name](times, t_max=20)
    assert name in str(caught.value)
    assert plt.get_fignums() == []


TRACE = Trace(1, 0, np.array([0.0, 3.0]), np.array([0.0, 1.0]), 3.0, 1.0)


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: membrane([TRACE], names=["a", "b"]), "expects 1 names, got 2"),
        (lambda: membrane([TRACE], inputs=[]), "expects inputs for 1 traces, got 0"),
        (
            lambda: membrane([replace(TRACE, potential=np.zeros(3))]),
            r"neuron 0: expects times and potential of one length, got \(2,\) and \(3,\)",
        ),
        (
            lambda: membrane([replace(TRACE, potential=np.array([0, np.nan]))]),
            "neuron 0: potentials must be finite",
        ),
        (lambda: membrane([TRACE], t_max=3), "a spike at 3, but spikes come before t_max 3"),
        (lambda: latency_diagram([1.0]), r"times \(samples, neurons\), got shape \(1,\)"),
        (lambda: latency_diagram([[1.0]], [1, 2]), r"labels \(1,\), one per sample"),
        (lambda: spike_order([[1.0]], [0.5]), "spike_order: expects whole labels, got float64"),
        (lambda: spike_order([[np.nan]]), "spike_order: 1 of 1 values are NaN"),
        (lambda: decision_curve([[1.0]], [[1.0, 2.0]], [0]), r"got shapes \(1, 1\) and \(1, 2\)"),
        (lambda: decision_curve([[1.0]], [[1.0]], [1]), r"labels must be in 0\.\.0"),
        (lambda: activity([[1.0]], [1, 2]), "expects 1 fan-outs, one per layer, got 2"),
        (lambda: activity([[1.0]], [[1, 2]]), r"a fan-out for all or for each, got shapes"),
        (lambda: activity([[1.0]], [-1]), "synapses must be 0 or more"),
        (lambda: activity([[1.0]], [1], delay=[1, 2]), "expects one delay, or 1"),
        (lambda: activity([[1.0]], [1], delay=-1), "delays must be 0 or more and finite"),
        (lambda: activity([], []), "at least one layer, got none"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_no_figure(draw, words):
    with pytest.raises((ShapeError, InputError), match=words):
        draw()
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    "draw",
    [
        lambda ax: membrane([TRACE], ax=ax)[0],
        lambda ax: latency_diagram([[1.0, 2.0]], [0], ax=ax)[0],
        lambda ax: spike_order([[1.0, 2.0]], ax=ax),
        lambda ax: decision_curve([[1.0]], [[1.0]], [0], ax=ax)[0],
        lambda ax: activity([[1.0]], [1], ax=ax)[0],
    ],
)
def test_pictures_go_into_the_axes_given_or_one_new_figure_and_change_no_setting(draw, tmp_path):
    settings_before = dict(matplotlib.rcParams)
    given_axes = matplotlib.figure.Figure().subplots()
    assert draw(given_axes).axes is given_axes
    assert plt.get_fignums() == []
    figure = draw(None).axes.figure
    assert figure.get_figwidth() in (COLUMN, PAGE)
    assert len(plt.get_fignums()) == 1
    assert dict(matplotlib.rcParams) == settings_before
    first = save(figure, tmp_path / "a.svg")
    second = save(draw(None).axes.figure, tmp_path / "b.svg")
    assert first.read_bytes() == second.read_bytes()
