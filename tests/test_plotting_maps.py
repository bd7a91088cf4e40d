"""Pictures of maps: first spikes channel by channel, filters, rasters of many neurons."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from cases_pictures import legend, pixels
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

import ttfs
from ttfs.errors import InputError, ShapeError
from ttfs.plotting import (
    COLUMN,
    PAGE,
    filter_images,
    latency_by_layer,
    latency_maps,
    layer_colour,
    map_summary,
    new_axes,
    raster,
)
from ttfs.plotting.look import SILENT, inks

INF = np.inf
SHAPES = (28, 28, 1), (24, 24, 24), (12, 12, 24), (8, 8, 48), (4, 4, 48), (1, 1, 256), (1, 1, 10)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def random_times(shapes=SHAPES, share=0.6, seed=0):
    """One stimulus: times of all layers, flat."""
    rng = np.random.default_rng(seed)
    times = [rng.gamma(6, 12 + 2 * k, np.prod(shape)) for k, shape in enumerate(shapes)]
    return [np.where((rng.random(t.size) < share) & (t < 256), np.floor(t), INF) for t in times]


def colour_at(image, row, column):
    """What is drawn in the middle of a pixel of an image."""
    x, y = image.axes.transData.transform((column, row)).astype(int)
    return pixels(image.axes.figure)[y, x]


# First spikes


@pytest.mark.parametrize("shape", [(5, 4, 3), (1, 7, 2), (3, 3, 1), (2, 2, 64)])
def test_every_channel_is_an_image_of_its_exact_times(shape):
    times = np.random.default_rng(1).random(np.prod(shape)) * 9
    image = latency_maps(times, shape, t_max=10)
    found = image.get_array().compressed()
    by_channel = times.reshape(shape).transpose(2, 0, 1)
    assert np.sort(found).tolist() == np.sort(times).tolist()
    one = latency_maps(times, shape, channels=[shape[2] - 1], t_max=10)
    assert one.get_array().compressed().tolist() == by_channel[-1].ravel().tolist()


def test_channels_have_one_scale_of_time_in_the_unit():
    times = np.zeros((2, 2, 2))
    times[..., 1] = 7
    image = latency_maps(times, (2, 2, 2), t_max=10, unit="ms")
    assert image.get_clim() == (0, 7)
    assert len(image.axes.figure.axes) == 2  # the image and one colour bar
    assert image.axes.figure.axes[1].get_ylabel() == "spike time (ms)"
    assert len(latency_maps(times, (2, 2, 2), colorbar=False).axes.figure.axes) == 1


@pytest.mark.parametrize("style", ["default", "dark_background"])
def test_silence_is_grey_and_the_gaps_between_channels_are_not(style):
    with plt.style.context(style):
        times = np.array([0.0, INF, 255.0, 3.0]).reshape(1, 2, 2)
        image = latency_maps(times, (1, 2, 2), t_max=256, columns=2)
        assert legend(image.axes) == ["silent (25 %)"]
        array, grey = image.get_array(), 255 * np.array(to_rgb(SILENT))
        row = int(np.flatnonzero(~array.mask.all(axis=1))[0])
        assert array.mask[row].tolist() == [False, False, True, True, False]
        ground = 255 * np.array(to_rgb(inks(image.axes, outside=True).ground))
        assert np.allclose(colour_at(image, row, 3), grey, atol=1)
        assert np.allclose(colour_at(image, row, 2), ground, atol=1)
        for column in (0, 1, 4):
            assert np.abs(colour_at(image, row, column) - grey).max() > 30


def test_maps_without_spikes_or_of_one_neuron_are_drawn():
    pixels(latency_maps(np.full(8, INF), (2, 2, 2)).axes.figure)
    pixels(latency_maps([3.0], (1, 1, 1)).axes.figure)


@pytest.mark.parametrize("width", [COLUMN, PAGE])
@pytest.mark.parametrize("shape", [(24, 24, 24), (4, 4, 48), (2, 30, 7)])
def test_names_of_channels_do_not_overlap(shape, width):
    ax = latency_maps(np.zeros(np.prod(shape)), shape, ax=new_axes(width, 4.0)).axes
    pixels(ax.figure)
    boxes = [text.get_window_extent() for text in ax.texts if text.get_text()]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_a_summary_has_all_maps_of_a_network_on_one_scale():
    network = ttfs.Network(
        ttfs.Conv2d(4, 3), ttfs.MinPool2d(2), ttfs.Dense(None, 5), shape=(10, 10, 1)
    )
    times = random_times(network.shapes)
    images = map_summary(times, network.shapes, names=network.names, t_max=256, figure=Figure())
    heads = [image.axes.get_title().split("\n") for image in images]
    last = max(layer[np.isfinite(layer)].max() for layer in times[:3])
    assert [name.split(",")[0] for name, _ in heads] == ["input", "conv 1", "pool 1"]
    assert [shape for _, shape in heads] == ["10 × 10 × 1", "8 × 8 × 4", "4 × 4 × 4"]
    for image, layer in zip(images, times, strict=False):
        fired = np.sort(layer[np.isfinite(layer)])
        assert np.sort(image.get_array().compressed()).tolist() == fired.tolist()
        assert image.get_clim() == (0, last)
    pixels(images[0].axes.figure)


def test_a_simulator_stands_for_times_shapes_names_and_unit():
    network = ttfs.Network(
        ttfs.Conv2d(4, 3, threshold=1.0), ttfs.Dense(None, 5), shape=(8, 8, 1), t_max=9, unit="ms"
    )
    simulator = ttfs.Simulator(network, random_times(network.shapes)[0] / 30)
    simulator.run()
    times = [simulator.times(layer) for layer in network.names]
    told = {"names": network.names, "unit": network.unit}
    ours, plain = Figure(), Figure()
    map_summary(simulator, figure=ours)
    map_summary(times, network.shapes, figure=plain, **told)
    assert np.array_equal(pixels(ours), pixels(plain))
    ours, plain = Figure(), Figure()
    raster(simulator, ax=ours.subplots())
    raster(times, shapes=network.shapes, ax=plain.subplots(), **told)
    assert np.array_equal(pixels(ours), pixels(plain))
    with pytest.raises(InputError, match="map_summary: expects shapes"):
        map_summary(times, figure=Figure())


def test_how_many_channels_of_how_many_are_shown_is_said():
    image = latency_maps(np.ones(200), (1, 2, 100))
    assert legend(image.axes) == ["silent (0 %)", "64 of 100 channels"]


@pytest.mark.parametrize("size", [(COLUMN, 4.5), (PAGE, 5.0)])
def test_words_of_a_summary_neither_overlap_nor_leave_the_figure(size):
    figure = plt.figure(figsize=size, layout="compressed")
    names = "input", "conv 1", "pool 1", "conv 2", "pool 2", "hidden", "output"
    images = map_summary(random_times(), SHAPES, figure=figure, names=names, t_max=256)
    pixels(figure)
    boxes = [image.axes.title.get_window_extent() for image in images]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert all(box.x0 >= 0 and box.y1 <= figure.bbox.height + 1 for box in boxes)


@pytest.mark.parametrize("width", [COLUMN, PAGE])
def test_channels_beside_a_table_of_filters_do_not_overlap(width):
    ax = filter_images(np.zeros((25 * 24, 48)), 5, ax=new_axes(width, 4.0)).axes
    pixels(ax.figure)
    for axis in (ax.xaxis, ax.yaxis):
        boxes = [label.get_window_extent() for label in axis.get_ticklabels()]
        assert len(boxes) > 4
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_a_summary_makes_a_figure_where_none_is_given():
    before = plt.get_fignums()
    images = map_summary([np.zeros(4)] * 4, [(2, 2, 1)] * 4)
    assert len(plt.get_fignums()) == len(before) + 1
    assert len(images) == 4


# Filters


def test_filters_of_one_channel_below_are_images_of_their_weights():
    weights = np.arange(-9.0, 9.0).reshape(6, 3)
    image = filter_images(weights, (2, 3), columns=3)
    found = image.get_array()
    assert found.compressed()[:3].tolist() == weights[:3, 0].tolist()
    assert image.get_clim() == (-9, 9)
    assert [text.get_text() for text in image.axes.texts] == ["0", "1", "2", "all 3 channels"]


def test_filters_of_several_channels_are_a_table_of_channels_and_those_below():
    rng = np.random.default_rng(0)
    full = rng.normal(size=(3, 2, 4, 5))  # rows, columns, channels below, channels
    image = filter_images(full.reshape(-1, 5), (3, 2), channels=[4, 1], below=[0, 3])
    lines = image.get_array()
    first = np.flatnonzero(~lines.mask.all(axis=1))[:3]
    tiles = [lines[first][:, :2], lines[first][:, 3:5]]
    assert tiles[0].tolist() == full[:, :, 0, 4].tolist()
    assert tiles[1].tolist() == full[:, :, 3, 4].tolist()
    ax = image.axes
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0", "3"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["4", "1"]


def test_filters_are_those_that_a_network_adds():
    network = ttfs.Network(ttfs.Conv2d(3, (2, 5)), ttfs.Conv2d(6, 2), shape=(8, 8, 2))
    for layer, weights in zip(network.layers, network.weights, strict=True):
        found = filter_images(weights, layer.kernel_size).get_array().compressed()
        assert np.sort(found).tolist() == np.sort(weights, axis=None).tolist()


def test_one_bit_filters_have_two_colours_and_say_which():
    network = ttfs.Network(ttfs.Conv2d(4, 3, weights=ttfs.Binary()), shape=(5, 5, 1))
    image = filter_images(network.weights[0], 3)
    assert legend(image.axes) == ["+1", "−1", "all 4 channels"]
    assert len(image.axes.figure.axes) == 1  # no colour bar
    shown = image.cmap(image.norm(image.get_array().compressed()))
    assert len(np.unique(shown, axis=0)) == 2


def test_filters_of_zeros_are_drawn():
    pixels(filter_images(np.zeros((4, 2)), 2).axes.figure)


# Rasters


def test_a_map_lies_channel_by_channel_in_a_raster():
    times = np.arange(12.0)  # a map of 2 x 3 places and 2 channels
    [lines] = raster([times], shapes=[(2, 3, 2)], t_max=20)
    heights = [segment[:, 1].mean() for segment in lines.get_segments()]
    assert np.argsort(heights).tolist() == [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11]
    ax = lines.axes
    assert ["2 × 3 × 2" in text.get_text() for text in ax.texts] == [True]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0", "1"]


def test_dense_layers_are_drawn_as_without_shapes():
    times = [np.arange(50.0), np.arange(10.0)]
    plain, shaped = (raster(times, **more) for more in ({}, {"shapes": [(1, 1, 50), (1, 1, 10)]}))
    for a, b in zip(plain, shaped, strict=True):
        assert np.array(a.get_segments()).tolist() == np.array(b.get_segments()).tolist()
        assert a.get_linewidths() == b.get_linewidths()


@pytest.mark.parametrize("style", ["default", "dark_background"])
@pytest.mark.parametrize("share", [0.01, 0.6, 1.0])
@pytest.mark.parametrize("size", [(PAGE, 4.2), (COLUMN, 4.0), None])
def test_no_spike_of_twenty_thousand_neurons_is_lost(style, share, size):
    with plt.style.context(style):
        times = random_times(share=share)
        ax = None if size is None else new_axes(*size)
        drawn = raster(times, ax=ax, shapes=SHAPES, t_max=256)
        ax = drawn[0].axes
        picture, ground = pixels(ax.figure) / 255, np.array(to_rgb(inks(ax).ground))
        for layer, lines in enumerate(drawn):
            assert len(lines.get_segments()) == np.isfinite(times[layer]).sum()
            ink = np.array(to_rgb(layer_colour(layer, ax))) - ground
            middles = np.reshape(lines.get_segments(), (-1, 2, 2)).mean(axis=1)
            x, y = ax.transData.transform(middles).astype(int).T
            around = [(j, i) for j in (-1, 0, 1) for i in (-1, 0, 1)]
            near = [(picture[y + j, x + i] - ground) @ ink for j, i in around]
            assert (np.max(near, axis=0) > 0.25 * ink @ ink).all()


def test_a_crowded_map_is_not_one_block():
    times = random_times(share=1.0)
    drawn = raster(times, shapes=SHAPES, t_max=256)
    ax = drawn[0].axes
    picture = pixels(ax.figure) / 255
    middles = np.array(drawn[1].get_segments()).mean(axis=1)
    busy = np.quantile(middles, [0.25, 0.75], axis=0)
    (left, low), (right, high) = ax.transData.transform(busy).astype(int)
    assert 0.1 < (picture[low:high, left:right].min(axis=2) > 0.9).mean() < 0.9


@pytest.mark.parametrize("width", [COLUMN, PAGE])
def test_texts_of_a_raster_of_maps_neither_overlap_nor_leave_the_figure(width):
    names = "input", "conv 1", "pool 1", "conv 2", "pool 2", "hidden", "output"
    ax = raster(random_times(), ax=new_axes(width, 4.2), shapes=SHAPES, names=names)[0].axes
    pixels(ax.figure)
    boxes = [t.get_window_extent() for t in [*ax.get_yticklabels(), *ax.texts] if t.get_text()]
    boxes = [box.shrunk(1, 0.75) for box in boxes]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert all(box.x0 >= 0 and box.x1 <= ax.figure.bbox.width + 1 for box in boxes)


# Latency by layer


def test_hills_hold_all_spikes_of_their_layer_and_silence_is_written():
    times = [np.array([0.0, 1.0, 1.0, 3.0]), np.array([2.0, INF]), np.array([INF])]
    drawn = latency_by_layer(times, t_max=4, names=["a", "b", "c"])
    ax = drawn[0].axes
    assert [text.get_text() for text in ax.texts] == ["0 % silent", "50 % silent", "100 % silent"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b", "c"]
    heights = [hill.get_data().values - layer for layer, hill in enumerate(drawn)]
    assert (heights[0] / heights[0].max()).tolist() == [0.5, 1.0, 0.0, 0.5]
    assert heights[1].argmax() == 2
    assert not heights[2].any()


def test_medians_are_marked():
    ax = latency_by_layer([[0.0, 1.0, 9.0], [INF, 4.0]], t_max=10)[0].axes
    marks = {float(c.get_segments()[0][0, 0]) for c in ax.collections}
    assert marks == {1.0, 4.0}


# What cannot be meant


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: latency_maps(np.zeros(8), (2, 2)), r"\(height, width, channels\) with 8 neurons"),
        (lambda: latency_maps(np.zeros(8), (2, 2, 3)), "with 8 neurons"),
        (lambda: latency_maps(np.zeros(8), (2, 2, 2), channels=[2]), "channels from 0 to 1"),
        (lambda: latency_maps(np.zeros(8), (2, 2, 2), channels=[]), "at least one channel"),
        (lambda: latency_maps(np.zeros(8), (2, 2, 2), columns=0), "columns must be at least 1"),
        (lambda: latency_maps(np.full(8, 9.0), (2, 2, 2), t_max=9), "before t_max 9"),
        (lambda: map_summary([[1.0]], [(1, 1, 1)]), "a layer that is a map, got none"),
        (lambda: map_summary([[1.0]], []), "expects 1 shapes, got 0"),
        (lambda: map_summary([[1.0, 2.0]], [(2, 1, 1)], figure=3), "map_summary: figure"),
        (lambda: filter_images(np.zeros((5, 2)), 2), "windows 2 x 2, got shape"),
        (lambda: filter_images(np.zeros(4), 2), r"weights \(inputs, outputs\)"),
        (lambda: filter_images(np.zeros((0, 2)), 2), "windows 2 x 2"),
        (lambda: filter_images(np.zeros((4, 2)), (2, 2, 1)), "windows 2 x 2"),
        (lambda: filter_images(np.zeros((4, 2)), 0), "window"),
        (lambda: filter_images(np.full((4, 2), INF), 2), "finite weights"),
        (lambda: filter_images(np.zeros((4, 2)), 2, channels=[2]), "channels from 0 to 1"),
        (lambda: filter_images(np.zeros((4, 2)), 2, below=[1]), "lower channels from 0"),
        (lambda: raster([np.zeros(4)], shapes=[(2, 2, 2)]), "with 4 neurons"),
        (lambda: raster([np.zeros(4)], shapes=[]), "expects 1 shapes"),
        (lambda: latency_by_layer([]), "at least one layer"),
        (lambda: latency_by_layer([[1.0]], bins=0), "bins must be at least 1"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_no_figure(draw, words):
    with pytest.raises((InputError, ShapeError), match=words):
        draw()
    assert plt.get_fignums() == []
