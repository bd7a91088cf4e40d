"""What a user's own settings of Matplotlib, axes and names do to pictures: nothing bad."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from cases_pictures import (
    DECISIONS,
    EPOCHS,
    HOSTILE,
    PICTURES,
    TIMED,
    TIMES,
    TRACES,
    contrast,
    drawn,
)
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb, to_rgba
from matplotlib.figure import Figure
from matplotlib.text import Text

import ttfs
from ttfs import plotting
from ttfs.engines.explanations import Trace
from ttfs.errors import InputError, TTFSError
from ttfs.plotting.look import inks

INF = np.inf
GIVEN = {
    "raster": lambda values: plotting.raster([values]),
    "latency_histogram": lambda values: plotting.latency_histogram([values]),
    "latency_by_layer": lambda values: plotting.latency_by_layer([values]),
    "latency_map": lambda values: plotting.latency_map(values, (1, 1)),
    "latency_maps": lambda values: plotting.latency_maps(values, (1, 1, 1)),
    "latency_by_class": lambda values: plotting.latency_by_class(values, [0]),
    "latency_diagram": lambda values: plotting.latency_diagram(values),
    "spike_order": lambda values: plotting.spike_order(values),
    "decision_curve": lambda values: plotting.decision_curve(values, [[1, 2]], [0]),
    "activity": lambda values: plotting.activity([values], [0]),
    "mistakes": lambda values: plotting.mistakes(values, DECISIONS, [0, 0], (1, 2)),
    "confusion_matrix": lambda values: plotting.confusion_matrix(values, [0]),
    "accuracy_by_class": lambda values: plotting.accuracy_by_class([0], values),
    "weight_images": lambda values: plotting.weight_images(values, (1, 1)),
    "filter_images": lambda values: plotting.filter_images(values, 1),
    "accuracy_over": lambda values: plotting.accuracy_over({"a": values}, {"a": [1]}),
    "pareto": lambda values: plotting.pareto(values, [1]),
    "certified_accuracy": lambda values: plotting.certified_accuracy(values, [0.5], [0.9]),
    "perturbed_accuracy": lambda values: plotting.perturbed_accuracy([1], values),
    "throughput": lambda values: plotting.throughput(["a"], {"throughput": values}, {}),
}
MEANS_NO_TIME = (
    "accuracy_over",
    "pareto",
    "throughput",
    "training_curves",
)  # which may be logarithmic

NAMES = ["$", "$x", "$\\frac$", "a_b", "_a", "\\", "%#&{}~^", "a\nb", "\a\0\x1b[31m", "\ud800", "µ"]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def lines_and_images(ax):
    """How each line and image is drawn, ticks and frames aside."""
    found = [
        (type(line), line.get_linestyle(), line.get_marker(), line.get_linewidth())
        for line in ax.lines
    ]
    found += [
        (image.get_cmap().name, image.origin, image.get_interpolation()) for image in ax.images
    ]
    return found + [len(c.get_paths()) for c in ax.collections]


# Settings


@pytest.mark.parametrize("name", PICTURES)
def test_lines_and_images_mean_the_same_whatever_is_set(name):
    plain = lines_and_images(drawn(name))
    settings = HOSTILE | {"text.usetex": False, "font.size": 10}
    settings |= {"lines.linewidth": matplotlib.rcParams["lines.linewidth"]}
    with matplotlib.rc_context(settings):
        assert lines_and_images(drawn(name)) == plain


@pytest.mark.parametrize("name", PICTURES)
def test_words_need_no_latex(name):
    with matplotlib.rc_context({"text.usetex": True}):
        ax = Figure().subplots()
        PICTURES[name](ax=ax)  # which lays out a legend, and there may be no LaTeX to do it
        legend = ax.get_legend().get_texts() if ax.get_legend() else []
        ours = [ax.xaxis.label, ax.yaxis.label, *ax.texts, *legend]
        assert not any(text.get_usetex() for text in ours if text.get_text())


@pytest.mark.parametrize(("name", "size"), [("raster", 1), *((name, 40) for name in PICTURES)])
def test_letters_of_any_size_can_be_drawn(name, size):
    with matplotlib.rc_context({"font.size": size}):
        drawn(name)


def test_where_letters_are_large_fewer_rows_are_named():
    counts = []
    for size in (5, 10, 20):
        with matplotlib.rc_context({"font.size": size}):
            ax = Figure().subplots()
            plotting.raster([np.zeros(40)], ax=ax)
            counts.append(len(ax.get_yticks()))
    assert counts[0] > counts[1] > counts[2]


GROUNDS = [
    {},
    "dark_background",
    "ggplot",
    "Solarize_Light2",
    {"figure.facecolor": "black", "text.color": "w", "axes.labelcolor": "w", "xtick.color": "w",
     "ytick.color": "w"},
    {"axes.facecolor": "#101030"},
    {"figure.facecolor": "none", "axes.facecolor": "none", "text.color": "#EEEEEE",
     "axes.labelcolor": "#EEEEEE", "xtick.color": "#EEEEEE", "ytick.color": "#EEEEEE"},
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "style"),
    [(name, style) for name in PICTURES for style in GROUNDS[:2]]
    + [(name, style) for name in ("raster", "latency_diagram") for style in GROUNDS[2:]],
)
def test_what_is_written_and_drawn_can_be_seen_on_any_ground(name, style):
    with matplotlib.rc_context(), plt.style.context(style):
        plain = dict(matplotlib.rcParams)
        ax = drawn(name)
        inside, outside = inks(ax).ground, inks(ax, outside=True).ground
        for text in ax.findobj(Text):
            if text.get_text() and text.get_visible() and text.get_color() != plain["xtick.color"]:
                ground = inside if text.get_text().startswith("decision") else outside
                if text.get_color() == inside:  # in a dark cell of a matrix
                    ground = inks(ax).ink
                assert contrast(text.get_color(), ground) > 3, text
        for line in ax.lines if not ax.images else ():
            if line.get_zorder() > 1 and line.get_linewidth() > 0.7:
                assert contrast(line.get_color(), inside) > 2, line
        for lines in ax.findobj(LineCollection):
            for colour in lines.get_colors():
                faint = np.allclose(colour, to_rgba(inks(ax).faint))
                paper = np.allclose(colour, to_rgba(inks(ax).ground))
                assert faint or paper or contrast(colour, inside) > 2
        assert dict(matplotlib.rcParams) == plain


@pytest.mark.parametrize("style", GROUNDS)
def test_names_of_any_layer_can_be_read(style):
    with matplotlib.rc_context(), plt.style.context(style):
        deep = ttfs.Network(*(ttfs.Dense(3, 3) for _ in range(7)))
        for ax in (
            plotting.raster([[1.0]] * 8)[0].axes,
            plotting.network_diagram(deep)[0].axes,
        ):
            words = [text for text in ax.texts if text.get_text()]
            ground = inks(ax, outside=True).ground
            assert all(contrast(text.get_color(), ground) > 2.8 for text in words)


@pytest.mark.parametrize("style", ["default", "dark_background", "grayscale", "bmh"])
def test_no_spike_is_lost_in_any_style(style):
    rng = np.random.default_rng(0)
    times = [np.where(rng.random(n) < 0.3, rng.random(n) * 99, INF) for n in (300, 100, 10)]
    with plt.style.context(style):
        ax = Figure(figsize=(6.9, 4.2)).subplots()
        found = plotting.raster(times, ax=ax, t_max=100)
        canvas = FigureCanvasAgg(ax.figure)
        canvas.draw()
        picture = np.asarray(canvas.buffer_rgba())[::-1, :, :3] / 255
        ground = np.array(to_rgb(inks(ax).ground))
        for layer, lines in enumerate(found):
            ink = np.array(to_rgb(plotting.layer_colour(layer, ax))) - ground
            assert len(lines.get_segments()) == np.isfinite(times[layer]).sum()
            for segment in lines.get_segments():
                x, y = ax.transData.transform(segment.mean(axis=0)).astype(int)
                assert (picture[y, x] - ground) @ ink / (ink @ ink) > 0.6


def test_the_page_has_the_colours_of_layers():
    scripts = Path(ttfs.viewer.__file__).parent.rglob("*.js")
    page = "".join(script.read_text("utf-8") for script in scripts).lower()
    assert all(f'"{colour.lower()}"' in page for colour in plotting.look.HIDDEN)


# Axes


@pytest.mark.parametrize("name", PICTURES)
def test_axes_that_a_picture_does_not_fit_are_refused(name):
    with pytest.raises(InputError, match=f"{name}: ax must be plain axes, got polar ones"):
        PICTURES[name](ax=Figure().add_subplot(projection="polar"))


@pytest.mark.parametrize("projection", ["3d", "mollweide"])
def test_axes_of_every_projection_but_the_plain_one_are_refused(projection):
    with pytest.raises(InputError, match=f"raster: ax must be plain axes, got {projection} ones"):
        plotting.raster(TIMES, ax=Figure().add_subplot(projection=projection))


@pytest.mark.parametrize("ax", [plt, Figure(), Figure().subplots(2), "ax", 3])
def test_what_is_no_axes_is_refused(ax):
    with pytest.raises(InputError, match="raster: ax must be the Axes of Matplotlib to draw into"):
        plotting.raster(TIMES, ax=ax)


def test_axes_without_a_figure_are_refused():
    ax = Figure().subplots()
    ax.remove()
    with pytest.raises(InputError, match="raster: ax has been removed from its figure"):
        plotting.raster(TIMES, ax=ax)


@pytest.mark.parametrize("name", [name for name in PICTURES if name not in MEANS_NO_TIME])
def test_time_is_linear_whatever_the_axes_were(name):
    ax = Figure(figsize=(3.35, 2.5)).subplots()
    ax.set(xscale="log", yscale="symlog")
    plain, ax = drawn(name), drawn(name, ax)
    assert (ax.get_xscale(), ax.get_yscale()) == ("linear", "linear")
    assert (ax.get_xlim(), ax.get_ylim()) == (plain.get_xlim(), plain.get_ylim())


@pytest.mark.parametrize(
    "name",
    ["raster", "latency_map", "activity", "mistakes", "confusion_matrix", "network_diagram"],
)
def test_subfigures_and_closed_figures_are_drawn_into(name, tmp_path):
    figure = plt.figure()
    left, right = figure.subfigures(1, 2)
    drawn(name, left.subplots())
    drawn(name, right.subplots())
    plt.close(figure)
    drawn(name, figure.add_axes((0.4, 0.4, 0.2, 0.2)))
    whole = plotting.save(figure, tmp_path / "whole.svg").read_bytes()
    assert plotting.save(left, tmp_path / "left.svg").read_bytes() == whole


def test_in_a_narrow_figure_curves_stand_one_below_the_other():
    for width, columns in ((3.35, 1), (6.9, 2)):
        figure = plotting.training_summary(EPOCHS, figure=Figure(figsize=(width, 6)))
        assert len({ax.get_position().x0 for ax in figure.axes}) == columns


def test_a_summary_of_training_is_drawn_where_it_is_wanted(tmp_path):
    part = Figure().subfigures(1, 2)[1]
    assert plotting.training_summary(EPOCHS, figure=part) is part
    assert len(part.axes) == 4
    assert plt.get_fignums() == []
    with pytest.raises(InputError, match="figure must be a Figure of Matplotlib, got 3"):
        plotting.training_summary(EPOCHS, figure=3)


@pytest.mark.parametrize(
    ("figure", "path", "options", "words"),
    [
        (plt, "a.png", {}, "save: figure must be a Figure of Matplotlib, got <module"),
        ([Figure()], "a.png", {}, "save: figure must be a Figure"),
        (Figure(), 3, {}, "save: path must be the name of a file, got 3"),
        (Figure(), "a.png", {"dpi": 0}, "save: dpi must be above 0, got 0"),
        (Figure(), "a.png", {"dpi": "figure"}, "save: dpi must be a number"),
        (Figure(), "a.png", {"dpi": INF}, "save: dpi must be above 0, got inf"),
        (Figure(), "a.png", {"dpi": 1e9}, "save: 6400000000 pixels, at 1e.09 dpi"),
    ],
)
def test_what_cannot_be_saved_is_refused(figure, path, options, words):
    with pytest.raises(InputError, match=words):
        plotting.save(figure, path, **options)


@pytest.mark.parametrize(
    "values", ["soon", {"a": 1}, None, [None], [1 + 2j], object(), [[1], [2, 3]]]
)
@pytest.mark.parametrize("name", sorted(GIVEN))
def test_what_is_no_array_of_numbers_is_refused(name, values):
    with pytest.raises(TTFSError, match=name):
        GIVEN[name](values)
    assert plt.get_fignums() == []


def test_what_is_masked_is_silent():
    times = np.ma.array([1.0, 2.0, 3.0], mask=[False, True, False])
    ax = Figure().subplots()
    [lines] = plotting.raster([times], ax=ax)
    assert len(lines.get_segments()) == 2
    image = plotting.latency_map(times, (1, 3), ax=Figure().subplots())
    assert image.get_array().mask.tolist() == [[False, True, False]]


# Names and units


@pytest.mark.parametrize("name", TIMED)
def test_every_axis_of_time_names_the_unit(name):
    unit = {} if name == "membrane" else {"unit": "ms"}  # traces know theirs
    figure = drawn(name, **unit).figure
    labels = [label for ax in figure.axes for label in (ax.get_xlabel(), ax.get_ylabel())]
    assert [label for label in labels if "(ms)" in label]
    assert not [label for label in labels if "step" in label]


def test_traces_are_of_one_unit_of_time():
    other = Trace(1, 0, np.zeros(1), np.zeros(1), INF, 1.0, "s")
    with pytest.raises(InputError, match="membrane: traces of one unit of time, got ms, s"):
        plotting.membrane([*TRACES, other])
    ax = Figure().subplots()
    plotting.membrane([*TRACES, other], unit="h", ax=ax)
    assert ax.get_xlabel() == "time (h)"
    simulator = ttfs.Simulator(ttfs.Network(ttfs.Dense(2, 1), t_max=9, unit="ms"), [1.0, 2.0])
    assert [trace.unit for trace in simulator.trace("output")] == ["ms"]


@pytest.mark.parametrize(
    ("name", "text"),
    [("raster", text) for text in NAMES] + [(name, "$\\frac$_") for name in TIMED],
)
def test_any_unit_is_written_as_it_is(name, text):
    drawn(name, unit=text)


@pytest.mark.parametrize("text", [*NAMES, "a" * 10_000])
def test_any_name_is_written_as_it_is(text):
    twice = [text, f"{text}$"]
    for ax in (
        plotting.raster(TIMES, names=twice)[0].axes,
        plotting.latency_histogram(TIMES, names=twice)[0].axes,
        plotting.activity(TIMES, [2, 0], names=twice)[0].axes,
        plotting.membrane(TRACES, names=twice)[0].axes,
        plotting.throughput(twice, {text: [2, 3]}, {text: [4, 5]})[0].axes,
        plotting.confusion_matrix([0], [0], names=[text]).axes,
        plotting.accuracy_by_class([0], [0], names=[text])[0].axes,
        plotting.accuracy_over({text: [1]}, {text: [1]})[0].lines[0].axes,
        plotting.pareto([1], [1], names=[text])[1].axes,
    ):
        ax.figure.canvas.draw()
        plt.close(ax.figure)


@pytest.mark.parametrize("text", NAMES)
def test_names_of_points_are_as_they_are_in_a_legend_of_ones_own(text):
    ax = Figure().subplots()
    plotting.accuracy_over({text: [1]}, {text: [1]}, ax=ax)
    ax.legend()
    FigureCanvasAgg(ax.figure).draw()


def test_no_name_is_left_out_of_a_legend():
    names = ["_a", "b_$"]
    ax = plotting.latency_histogram(TIMES, names=names)[0].axes
    words = [text.get_text().strip() for text in ax.get_legend().get_texts()]
    assert words == ["_a (33 % silent)", "b_$ (50 % silent)"]
