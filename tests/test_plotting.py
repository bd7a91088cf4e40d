import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from cases_pictures import legend, pixels, ticks
from hypothesis import given, settings
from hypothesis import strategies as st

from ttfs.errors import InputError, ShapeError
from ttfs.plotting import (
    COLUMN,
    PAGE,
    accuracy_over,
    latency_by_class,
    latency_histogram,
    latency_map,
    new_axes,
    raster,
    save,
    throughput,
    training_curves,
    training_summary,
    weight_images,
)
from ttfs.training.history import History

INF = np.inf
SIZES = 784, 600, 10
RECORDS = [
    {
        "epoch": epoch,
        "loss": 1 / epoch,
        "accuracy": 0.9 + 0.01 * epoch,
        "validation_accuracy": value,
        "validation_accuracy_lenient": value + 0.01,
        "silent_1": 0.5,
        "latency_1": 40.0,
        "silent_2": 0.1,
        "latency_2": 90.0,
    }
    for epoch, value in enumerate([0.85, 0.91, 0.90], start=1)
]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture
def ax():
    return new_axes()


# Latencies


def test_a_histogram_counts_every_spike_and_names_the_silent_share():
    rng = np.random.default_rng(0)
    times = rng.random((50, 20)) * 3
    times[rng.random(times.shape) < 0.5] = INF
    fired = np.isfinite(times).mean()
    [outline] = latency_histogram([times], bins=7, unit="ms")
    assert outline.get_data().values.sum() == pytest.approx(100 * fired)
    assert outline.axes.get_xlabel() == "spike time (ms)"
    assert legend(outline.axes) == [f"input ({100 * (1 - fired):.0f} % silent)"]


@given(end=st.floats(1e-3, 1e6), bins=st.integers(1, 200))
@settings(max_examples=20, deadline=None)
def test_the_last_spike_is_in_the_last_bin(end, bins):
    [outline] = latency_histogram([[end]], bins=bins, ax=matplotlib.figure.Figure().subplots())
    assert outline.get_data().values[-1] == 100


def test_whole_times_get_bins_of_whole_width():
    [outline] = latency_histogram([np.arange(100)], t_max=100)
    heights, edges, _ = outline.get_data()
    assert set(np.diff(edges)) == {2.0}
    assert set(heights) == {2.0}


def test_times_of_few_levels_leave_no_bin_between_them_empty():
    inputs = np.tile(np.arange(0, 241, 16), 5)
    for outline in latency_histogram([inputs, inputs + 1], t_max=256):
        heights, edges, _ = outline.get_data()
        assert set(np.diff(edges)) == {16.0}
        assert set(heights.round(6)) == {6.25}


@pytest.mark.parametrize("layer", [np.full((3, 4), INF), np.empty((0, 5)), [0.0], [INF]])
def test_histograms_without_or_with_one_spike_are_drawn(layer):
    drawn = latency_histogram([layer, layer], t_max=256)
    pixels(drawn[0].axes.figure)
    assert len(drawn) == 2


def test_times_by_class_show_means_and_silent_shares():
    times = [[4, 9], [8, 2], [INF, INF], [1, 5]]
    drawn = latency_by_class(times, [0, 0, 0, 1])
    ax = drawn[0].axes
    assert ticks(ax.xaxis) == ["0\n33", "1\n0"]
    assert legend(ax) == ["output of the class (25 % silent)", "first output (25 % silent)"]
    own, first = drawn[2].get_offsets(), drawn[5].get_offsets()
    assert own[:, 1].tolist() == [6.0, 5.0]
    assert first[:, 1].tolist() == [3.0, 1.0]


@pytest.mark.parametrize("times", [np.empty((0, 10)), np.full((4, 10), INF), np.zeros((4, 10))])
def test_times_by_class_without_spikes_samples_or_spread_are_drawn(times):
    drawn = latency_by_class(times, np.zeros(len(times), int), t_max=256)
    pixels(drawn[0].axes.figure)
    assert len(drawn) == 6


@pytest.mark.parametrize("labels", [[0, 2], [-1, 0], [0.0, 1.0]])
def test_labels_that_are_no_class_are_refused(labels):
    with pytest.raises(InputError, match="whole labels from 0 to 1"):
        latency_by_class(np.zeros((2, 2)), labels)


def test_a_map_holds_exact_times_and_masks_silence():
    times = np.array([0.0, 0.1, INF, 255.0, INF, 7.0])
    image = latency_map(times, (2, 3), t_max=256)
    assert np.array_equal(image.get_array().filled(INF), times.reshape(2, 3))
    assert image.get_clim() == (0, 255)
    assert legend(image.axes) == ["silent (33 %)"]
    assert image.axes.figure.axes[1].get_ylabel() == "spike time (steps)"


def test_silence_in_a_map_looks_like_no_time():
    image = latency_map([INF, 0.0], (1, 2))
    silent = image.to_rgba(image.get_array())[0, 0, :3].mean()
    times = image.cmap(np.linspace(0, 1, 256))[:, :3] @ [0.3, 0.59, 0.11]
    assert (np.diff(times) >= 0).all()
    assert silent > times.max() + 0.1


def test_a_map_without_spikes_is_drawn_and_its_colour_bar_can_be_left_out():
    image = latency_map(np.full(784, INF), (28, 28), colorbar=False)
    pixels(image.axes.figure)
    assert image.axes.figure.axes == [image.axes]


# Weights


def test_tiles_hold_the_weights_of_their_neurons():
    weights = np.random.default_rng(0).normal(size=(6, 30))
    image = weight_images(weights, (2, 3), neurons=[29, 4], columns=2)
    shown = image.get_array()
    tiles = shown[-2:, :3], shown[-2:, 4:7]
    assert np.array_equal(tiles[0].filled(np.nan).ravel(), weights[:, 29])
    assert np.array_equal(tiles[1].filled(np.nan).ravel(), weights[:, 4])
    assert shown.count() == 12
    assert [text.get_text() for text in image.axes.texts] == ["29", "4", "2 of 30 neurons"]


@pytest.mark.parametrize("weights", [np.zeros((9, 3)), np.ones((9, 1)), -np.ones((9, 40))])
def test_weight_colours_are_centred_at_zero(weights):
    image = weight_images(weights, (3, 3))
    low, high = image.get_clim()
    pixels(image.axes.figure)
    assert low == -high == -1
    assert image.get_array().count() == 9 * min(weights.shape[1], 25)
    if weights.any():  # one bit each: two colours
        assert legend(image.axes)[:2] == ["+1", "−1"]
        assert len(image.axes.figure.axes) == 1
    else:
        assert image.axes.figure.axes[1].get_ylabel() == "weight"


@pytest.mark.parametrize(("inputs", "shape"), [(784, (28, 28)), (64, (8, 8)), (12, (2, 6))])
@pytest.mark.parametrize("count", [1, 7, 25, 100, 400])
def test_neuron_indices_do_not_overlap(inputs, shape, count):
    weights = np.ones((inputs, 1000))
    ax = weight_images(weights, shape, neurons=range(999, 999 - count, -1)).axes
    pixels(ax.figure)
    boxes = [text.get_window_extent() for text in ax.texts if text.get_text()]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


# Training


def test_training_curves_are_in_percent_and_mark_the_best_epoch(ax):
    drawn = training_curves(RECORDS, ax=ax)
    names = ["training", "validation", "validation, lenient", "best 91.00 % (epoch 2)"]
    assert [line.get_label() for line in drawn] == legend(ax) == names
    assert drawn[1].get_ydata() == pytest.approx([85, 91, 90])
    assert drawn[3].get_xydata() == pytest.approx(np.array([[2, 91]]))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "accuracy (%)")


def test_values_that_are_missing_none_or_nan_are_skipped(ax):
    values = [{"accuracy": 0.5}, {}, {"accuracy": None}, {"accuracy": np.nan}, {"accuracy": 1}]
    [line] = training_curves([{"epoch": i, **v} for i, v in enumerate(values)], ax=ax)
    assert line.get_xydata().tolist() == [[0, 50], [4, 100]]


def test_one_epoch_can_be_seen(ax):
    [line] = training_curves([{"epoch": 1, "accuracy": 0.5}], ax=ax)
    assert line.get_marker() == "."


def test_curves_without_records_are_labelled_axes(ax):
    assert training_curves([], ax=ax) == []
    assert ax.get_xlabel() == "epoch"
    pixels(training_summary([]))


def test_a_summary_has_a_line_per_layer():
    _, loss, silent, latency = training_summary(RECORDS, unit="ms").axes
    assert legend(loss) == ["training"]
    assert legend(silent) == legend(latency) == ["hidden", "output"]
    assert latency.get_ylabel() == "mean spike time (ms)"


def test_a_summary_names_layers_as_the_network_does():
    names = ["input", "conv_$", "output"]
    silent = training_summary(RECORDS, names=names).axes[2]
    assert legend(silent) == names[1:]
    with pytest.raises(ShapeError, match="expects 3 names, of the input and of each layer, got 2"):
        training_summary(RECORDS, names=names[:2])


def test_a_summary_of_rates_has_their_spikes_and_the_epoch_that_was_kept():
    records = [
        {"epoch": k, "validation_accuracy": 0.5, "spikes_per_hidden_neuron": k / 2} for k in (1, 2)
    ]
    accuracy, loss, spikes = training_summary(records, best=2).axes
    assert legend(accuracy)[-1] == "best 50.00 % (epoch 2)"
    assert spikes.get_ylabel().split() == ["spikes", "for", "each", "hidden", "neuron"]
    assert spikes.lines[0].get_ydata().tolist() == [0.5, 1.0]
    assert not loss.lines
    *_, ring = training_curves(records)
    assert ring.get_label() == "best 50.00 % (epoch 1)"


@pytest.mark.parametrize("draw", [training_curves, training_summary])
@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"loss": 1.0}, "record 0 has no 'epoch'"),
        ({"epoch": 1, "accuracy": 97.4}, "accuracy must be a fraction from 0 to 1, got 97.4"),
        ({"epoch": 1, "accuracy": "high"}, "accuracy must be one number per epoch"),
    ],
)
def test_records_that_cannot_be_meant_are_refused(draw, record, words):
    with pytest.raises(InputError, match=words):
        draw([record])
    assert plt.get_fignums() == []


# All of them

TIMES = {
    "raster": lambda times, **kw: raster([[1.0], times], **kw),
    "latency_histogram": lambda times, **kw: latency_histogram([[1.0], times], **kw),
    "latency_map": lambda times, **kw: latency_map(times, (1, 2), **kw),
    "latency_by_class": lambda times, **kw: latency_by_class([times], [0], **kw),
}


@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize(
    ("times", "words"),
    [
        ([1.0, np.nan], "1 of 2 values are NaN"),
        ([1.0, -2.0], "times start at 0, got -2"),
        ([1.0, -INF], "times start at 0, got -inf"),
        ([1.0, 20.0], "a spike at 20, but spikes come before t_max 20"),
        (["a", "b"], "must be numbers, got <U1"),
    ],
)
def test_times_that_cannot_be_meant_are_refused(name, times, words):
    with pytest.raises(InputError, match=words) as caught:
        TIMES[name](times, t_max=20)
    assert name in str(caught.value)
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: raster([]), "at least one layer, got none"),
        (lambda: raster([np.zeros((2, 3))]), r"got shape \(2, 3\); of a record, \[layer\[0\] for"),
        (
            lambda: raster(1.0),
            "raster: times must be a Record, or a list .* is, got 1.0",
        ),
        (lambda: raster([[1.0], []]), r"layer 1: expects one stimulus.*got shape \(0,\)"),
        (lambda: raster([[1.0]], names=["a", "b"]), "names: expects 1, one per layer, got 2"),
        (lambda: raster([[1.0]], t_max=0), "t_max must be positive and finite, got 0"),
        (lambda: latency_histogram([[1.0]], bins=0), "bins must be at least 1, got 0"),
        (lambda: latency_map([1, 2, 3], (2, 2)), r"with 3 pixels, got \(2, 2\)"),
        (lambda: latency_map([1, 2, 3], 3), "with 3 pixels, got 3"),
        (lambda: training_summary(History()), "as history.records is, got <History"),
        (lambda: latency_map([[1], [2, 3]], (1, 3)), "rows of equal length"),
        (lambda: latency_by_class([1, 2], [0, 0]), r"times \(samples, classes\), got shape \(2,\)"),
        (lambda: latency_by_class([[1, 2]], [0, 0]), r"labels \(1,\).*got shape \(2,\)"),
        (lambda: weight_images([1, 2], (1, 2)), r"weights \(inputs, outputs\), got shape \(2,\)"),
        (lambda: weight_images([[1], [INF]], (1, 2)), "finite weights, got inf"),
        (lambda: weight_images(np.ones((4, 2)), (2, 3)), r"with 4 pixels, got \(2, 3\)"),
        (lambda: weight_images(np.ones((4, 2)), (2, 2), neurons=[2]), r"from 0 to 1, got \[2\]"),
        (lambda: weight_images(np.ones((4, 0)), (2, 2)), "at least one neuron"),
        (lambda: weight_images(np.ones((4, 2)), (2, 2), columns=0), "columns must be at least 1"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_no_figure(draw, words):
    with pytest.raises((ShapeError, InputError), match=words):
        draw()
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    "draw",
    [
        lambda ax: raster([[1.0], [2.0]], ax=ax)[0],
        lambda ax: latency_histogram([[1.0]], ax=ax)[0],
        lambda ax: latency_by_class([[1.0, 2.0]], [0], ax=ax)[0],
        lambda ax: latency_map([1.0, 2.0], (1, 2), ax=ax),
        lambda ax: weight_images([[1.0], [2.0]], (1, 2), ax=ax),
        lambda ax: training_curves(RECORDS, ax=ax)[0],
    ],
)
def test_pictures_go_into_the_axes_given_or_one_new_figure_and_change_no_setting(draw):
    settings_before = dict(matplotlib.rcParams)
    given_axes = matplotlib.figure.Figure().subplots()
    assert draw(given_axes).axes is given_axes
    assert plt.get_fignums() == []
    assert draw(None).axes.figure.get_figwidth() in (COLUMN, PAGE)
    assert len(plt.get_fignums()) == 1
    assert dict(matplotlib.rcParams) == settings_before


@pytest.mark.parametrize("kind", ["png", "pdf", "svg"])
def test_a_saved_picture_is_complete_alone_and_the_same_each_time(tmp_path, ax, kind):
    training_curves(RECORDS, ax=ax)
    first = save(ax.figure, tmp_path / f"a.{kind}")
    second = save(ax.figure, tmp_path / f"b.{kind}")
    assert first.read_bytes() == second.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a.{kind}", f"b.{kind}"]


def test_a_picture_that_fails_leaves_the_old_one(tmp_path, ax, monkeypatch):
    path = save(ax.figure, tmp_path / "a.png")
    old = path.read_bytes()

    def stop_halfway(file, **_):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(ax.figure, "savefig", stop_halfway)
    with pytest.raises(KeyboardInterrupt):
        save(ax.figure, path)
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]


def test_a_picture_of_an_unknown_kind_is_refused(tmp_path, ax):
    with pytest.raises(InputError, match=r"png, pdf, svg, got the name 'a\.gif'"):
        save(ax.figure, tmp_path / "a.gif")


@pytest.mark.parametrize("value", [0.1, 0.9835, 1.27, 0.59])
def test_seeds_that_agree_have_no_range(value):
    [drawn] = accuracy_over({"a": [value] * 3}, {"a": [min(value, 1)] * 3})
    assert all(np.ptp(bar.get_segments()[0], axis=0).max() < 1e-9 for bar in drawn.lines[2])


def test_throughput_leaves_out_what_is_not_known():
    nan = np.nan
    attained = {"one": [2.0, nan], "all": [nan, 3.0]}
    one, many, roof = throughput(["a", "b"], attained, {"adding": [4.0, nan]})
    assert [np.isnan(line.get_xdata()).tolist() for line in (one, many, roof)] == [
        [False, True], [True, False], [False, True],
    ]  # fmt: skip
    assert [text.get_text() for text in one.axes.texts] == ["50 %"]
    assert legend(one.axes) == ["one", "all", "adding = 100 %"]
    assert [label.get_text() for label in one.axes.get_yticklabels()] == ["a", "b"]
    with pytest.raises(ShapeError, match="throughput: all must be 2 numbers"):
        throughput(["a", "b"], {"one": [1, 2], "all": [1]}, {"adding": [1, 2]})
    plt.close("all")
