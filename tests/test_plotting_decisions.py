"""Pictures of decisions, of mistakes, and of what a network is made of."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

import ttfs
from ttfs.errors import InputError, ShapeError
from ttfs.plotting import (
    COLUMN,
    PAGE,
    accuracy_by_class,
    class_colour,
    confusion_matrix,
    mistakes,
    network_diagram,
)

INF = np.inf


def axes(width=COLUMN, height=3.0):
    return Figure(figsize=(width, height), layout="compressed").subplots()


def texts(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


def draw(ax):
    FigureCanvasAgg(ax.figure).draw()


def random_decisions(samples=200, outputs=10, seed=0):
    """Decisions of random output times, some of them tied or absent, and labels."""
    rng = np.random.default_rng(seed)
    times = np.where(rng.random((samples, outputs)) < 0.3, rng.integers(1, 9, outputs), INF)
    return ttfs.decide(times, rng.random(times.shape)), rng.integers(0, outputs, samples)


# Which class is taken for which


def test_every_sample_is_counted_in_the_row_of_its_label():
    decisions, labels = random_decisions()
    image = confusion_matrix(decisions, labels, ax=axes())
    counts = image.get_array().data
    for label in range(10):
        for decision in range(10):
            both = (labels == label) & (decisions.label == decision)
            assert counts[label, decision] == both.sum()
    written = [text.get_text() for text in image.axes.texts]
    assert written == [str(count) for count in counts.ravel() if count]


def test_only_mistakes_are_shaded_and_the_commonest_is_the_darkest():
    image = confusion_matrix([0] * 90 + [1, 1, 1, 2], [0] * 94, ax=axes())
    assert image.get_clim() == (0, 3)
    shades = image.to_rgba(image.get_array())
    assert shades[0, 0, 3] == 0  # right: nothing is painted
    assert shades[0, 1].mean() < shades[0, 2].mean() < shades[1, 2].mean()


def test_decisions_of_a_record_are_those_of_decide_and_all_outputs_have_a_row():
    network = ttfs.Network(ttfs.Dense(6, 5, threshold=1.0), t_max=20, seed=1)
    record = ttfs.forward(network, np.random.default_rng(0).random((30, 6)) * 9)
    labels = np.zeros(30, int)
    found = ttfs.decide(record.times[-1], record.potential)
    image = confusion_matrix(record, labels, ax=axes())
    assert image.get_array().shape == (5, 5)
    same = confusion_matrix(found, labels, ax=axes()).get_array().data
    assert image.get_array().data.tolist() == same.tolist()


@pytest.mark.parametrize("classes", [1, 2, 10, 47, 300])
@pytest.mark.parametrize("width", [2.0, COLUMN, PAGE])
@pytest.mark.parametrize("plot", [confusion_matrix, accuracy_by_class])
def test_classes_named_at_an_axis_do_not_overlap(classes, width, plot):
    labels = np.arange(classes)
    ax = axes(width)
    plot(labels, labels, ax=ax)
    draw(ax)
    for axis in (ax.xaxis, ax.yaxis):
        boxes = [text.get_window_extent() for text in axis.get_ticklabels()]
        boxes = [box.shrunk(0.9, 0.75) for box in boxes]
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_where_numbers_do_not_fit_a_colour_bar_counts():
    labels = np.arange(200)
    ax = axes()
    confusion_matrix(np.roll(labels, 1), labels, ax=ax)
    assert not ax.texts
    assert ax.figure.axes[1].get_ylabel() == "samples"


def test_long_names_of_classes_are_turned():
    names = ["T-shirt/top_$", "trouser"]
    ax = axes(1.2, 2.0)
    confusion_matrix([0, 1], [0, 1], ax=ax, names=names)
    draw(ax)
    assert [label.get_text() for label in ax.get_xticklabels()] == names
    assert {label.get_rotation() for label in ax.get_xticklabels()} == {90}


# How well each class is decided


def test_accuracies_of_classes_average_to_that_of_all_samples():
    decisions, labels = random_decisions()
    lines, dots, all_samples = accuracy_by_class(decisions, labels, ax=axes())
    shares = dots.get_offsets()[:, 1].data
    counts = np.bincount(labels)
    whole = 100 * decisions.right(labels).mean()
    assert (shares * counts).sum() / counts.sum() == pytest.approx(whole)
    assert all_samples.get_ydata() == pytest.approx([whole] * 2)
    for (low, high), share in zip([s[:, 1] for s in lines.get_segments()], shares, strict=True):
        assert 0 <= low <= share <= high <= 100
    assert [legend.get_text() for legend in dots.axes.get_legend().get_texts()] == [
        "95 % interval",
        f"all: {whole:.1f} %",
    ]


def test_intervals_are_wilsons():
    lines, *_ = accuracy_by_class([0] * 8 + [1] * 2, [0] * 10, ax=axes())
    assert lines.get_segments()[0][:, 1] == pytest.approx([49.02, 94.33], abs=0.01)


def test_classes_without_samples_have_no_dot():
    _, dots, _ = accuracy_by_class([0, 2], [0, 2], ax=axes())
    assert dots.get_offsets()[:, 0].tolist() == [0, 2]
    assert len(dots.axes.get_xticks()) == 3
    colours = [tuple(colour) for colour in dots.get_facecolors()]
    other = accuracy_by_class([2], [2], ax=axes())[1].get_facecolors()[0]
    assert colours[1] == tuple(other)
    assert class_colour(2) != class_colour(0)


@pytest.mark.parametrize("plot", [confusion_matrix, accuracy_by_class])
@pytest.mark.parametrize(
    ("decided", "labels", "error", "words"),
    [
        ([0, 1], [0], ShapeError, r"expects labels \(2,\), one per sample, got shape \(1,\)"),
        ([[0, 1]], [0], ShapeError, r"expects decisions \(samples,\), a Record or .* \(1, 2\)"),
        ([0.5], [0], InputError, "expects decisions that are whole numbers from 0"),
        ([0], [-1], InputError, "expects labels that are whole numbers from 0"),
        ([0], [10**12], InputError, "expects at most 1000 classes, got 1000000000001"),
    ],
)
def test_what_are_no_classes_is_refused(plot, decided, labels, error, words):
    with pytest.raises(error, match=words):
        plot(decided, labels, ax=axes())
    with pytest.raises(ShapeError, match="expects 2 names, one per class, got 1"):
        plot([0, 1], [0, 0], names=["a"], ax=axes())


def test_no_samples_at_all_are_drawn():
    for plot in (confusion_matrix, accuracy_by_class):
        ax = axes()
        plot(np.zeros(0, int), np.zeros(0, int), ax=ax)
        draw(ax)


# Mistakes


@pytest.mark.parametrize("most", [1, 16, 1000])
def test_mistakes_are_shown_in_the_order_of_their_decisions(most):
    decisions, labels = random_decisions()
    stimuli = np.random.default_rng(2).random((200, 6)) * 9
    image = mistakes(stimuli, decisions, labels, (2, 3), most=most, columns=3, ax=axes(9, 200))
    wrong = np.flatnonzero(decisions.label != labels)
    *captions, words = texts(image.axes)
    shown = [int(caption.split(":")[0]) for caption in captions]
    assert shown == sorted(wrong, key=lambda k: decisions.time[k])[:most]
    for k, caption in zip(shown, captions, strict=True):
        when = f"at {decisions.time[k]:.3g}" if decisions.time[k] < INF else "no output spike"
        assert caption == f"{k}: {labels[k]} → {decisions.label[k]}\n{when}"
    pixels = image.get_array().compressed()
    assert np.sort(pixels).tolist() == np.sort(stimuli[shown].ravel()).tolist()
    few = f"the first {most} of " if most < len(wrong) else ""
    told = f"{few}{len(wrong)} mistakes in 200 samples; label → decision"
    assert words.replace("\n", " ") == told


def test_a_pixel_of_several_channels_shows_its_first_spike():
    decisions = ttfs.decide([[1.0, 2.0]], [[1, 1]])
    times = [[3.0, 1.0, INF, INF, 5.0, 7.0]]
    image = mistakes(times, decisions, [1], (1, 3, 2), ax=axes())
    assert image.get_array()[-1].tolist() == [1.0, None, 5.0]


def test_a_record_stands_for_stimuli_and_decisions():
    network = ttfs.Network(ttfs.Dense(6, 3, threshold=1.0), t_max=20)
    record = ttfs.forward(network, np.random.default_rng(0).random((20, 6)) * 9)
    labels = np.arange(20) % 3
    found = ttfs.decide(record.times[-1], record.potential)
    one = texts(mistakes(record, record, labels, (2, 3), ax=axes()).axes)
    assert one == texts(mistakes(record.times[0], found, labels, (2, 3), ax=axes()).axes)


def test_without_mistakes_that_is_said():
    ax = axes()
    mistakes([[1.0]], ttfs.decide([[1.0]], [[1.0]]), [0], (1, 1), ax=ax)
    draw(ax)
    assert texts(ax) == ["no mistakes in 1 sample"]
    assert len(ax.figure.axes) == 1


@pytest.mark.parametrize("width", [COLUMN, PAGE])
@pytest.mark.parametrize("side", [8, 28])
def test_captions_of_mistakes_neither_overlap_nor_leave_the_figure(width, side):
    decisions = ttfs.decide(np.tile([1.2345, 2.0], (9999, 1)), np.ones((9999, 2)))
    labels = np.zeros(9999, int)
    labels[-16:] = 1
    stimuli = np.zeros((9999, side * side))
    ax = axes(width, 3.9 * width / COLUMN)
    mistakes(stimuli, decisions, labels, (side, side), ax=ax)
    draw(ax)
    assert len(texts(ax)) == 17
    boxes = [text.get_window_extent() for text in ax.texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert all(box.x0 >= 0 and box.x1 <= ax.figure.bbox.width for box in boxes)


def test_mistakes_about_recordings_are_rasters():
    decisions = ttfs.decide([[1.0, 2.0]], [[1, 1]])
    ax = axes(9, 90)
    image = mistakes([[0.0, 9.0, np.inf]], decisions, [1], (1, 3), ax=ax, t_max=12, unit="ms")
    silent, second, first = np.split(image.get_array()[-60:].filled(np.inf), 3)
    assert (first[:, 0] == 0).all()
    assert (second[:, -1] == 9).all()
    assert np.isinf(silent).all()
    assert np.isinf(first[:, 1:]).all()
    assert np.isinf(second[:, :-1]).all()
    assert texts(ax)[-1].endswith("from left to right 0 to 9 ms, input 0 at the bottom")


def test_mistakes_that_do_not_fit_are_refused():
    decisions = ttfs.decide([[1.0, 2.0]], [[1, 1]])
    for shape in ((2, 2), (1,), (1, 3, 2)):
        with pytest.raises(ShapeError, match=r"with 3 inputs, got \("):
            mistakes([[1.0, 2.0, 3.0]], decisions, [1], shape, ax=axes())
    with pytest.raises(ShapeError, match="expects 2 decisions, one per sample, got 1"):
        mistakes(np.zeros((2, 3)), decisions, [1, 1], (1, 3), ax=axes())
    with pytest.raises(InputError, match="decisions must be what ttfs.decide returned"):
        mistakes([[1.0, 2.0, 3.0]], [0], [1], (1, 3), ax=axes())


# Networks


@pytest.fixture
def maps():
    layers = (
        ttfs.Conv2d(12, 3, padding=1, weights=ttfs.Binary()),
        ttfs.MinPool2d(2),
        ttfs.Dense(None, 10, delay=2),
    )
    return ttfs.Network(*layers, shape=(8, 8, 1))


def test_a_diagram_names_layers_sizes_and_connections(maps):
    *names, _, _, _ = network_diagram(maps, ax=axes())
    assert [name.get_text() for name in names] == [
        "input, 8 × 8 × 1",
        "conv 1, 8 × 8 × 12",
        "pool 1, 4 × 4 × 12",
        "output, 10",
    ]
    assert texts(names[0].axes)[4:] == [
        "3 × 3, padding 1: 108 one-bit weights",
        "earliest of 2 × 2",
        "all to all: 1,920 weights, delay 2",
    ]
    heights = [name.get_position()[1] for name in names]
    assert heights == [0, 1, 2, 3]


def test_skips_are_arrows_from_their_source_to_their_target():
    layers = [ttfs.Dense(4, 4, bias=0) for _ in range(3)]
    network = ttfs.Network(*layers, psp=ttfs.Windows(), skips=[ttfs.Skip(1, 3)])
    ax = axes()
    *_, skip = network_diagram(network, ax=ax)
    arrows = [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
    assert len(arrows) == 4
    vertices = skip.get_path().vertices
    assert vertices[0][1] == pytest.approx(1, abs=0.2)
    assert vertices[:, 1].max() == pytest.approx(3, abs=0.2)


@pytest.mark.parametrize("layers", [1, 6, 15])
def test_words_of_a_diagram_neither_overlap_nor_leave_the_figure(layers):
    network = ttfs.Network(*(ttfs.Dense(1000, 1000) for _ in range(layers)))
    ax = axes(COLUMN, 0.42 * (layers + 1))
    network_diagram(network, ax=ax)
    draw(ax)
    boxes = [text.get_window_extent() for text in ax.texts]
    assert len(boxes) == 2 * layers + 1
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert all(box.x0 >= 0 and box.x1 <= ax.figure.bbox.width for box in boxes)


def test_what_is_no_network_is_refused():
    with pytest.raises(InputError, match="network_diagram"):
        network_diagram([4, 2], ax=axes())
