"""The pictures that a run or a command writes into a folder.

Matplotlib is imported when the first picture is drawn. Pictures need no screen and look the same
whatever the user has configured: no backend is used, and the user's settings are ignored.
"""

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ttfs.codes.decoding import Decisions, decide
from ttfs.engines.batch import forward
from ttfs.engines.simulator import Simulator
from ttfs.measures.metrics import chunks
from ttfs.network.network import Network
from ttfs.network.psp import Windows
from ttfs.training.history import History

MOST = 2000  # stimuli in a picture of latencies
COLUMNS, ROWS = 7, 3  # of mistakes
CHANNELS = 4  # of an image, at most; more are something else


@contextmanager
def drawing() -> Iterator[Any]:
    """`ttfs.plotting` with Matplotlib's own defaults; glyphs that its font lacks become boxes."""
    matplotlib = _matplotlib()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")
        warnings.simplefilter("ignore", matplotlib.MatplotlibDeprecationWarning)
        fresh = {k: v for k, v in matplotlib.rcParamsDefault.items() if k != "backend"}
        with matplotlib.rc_context(fresh):
            from ttfs import plotting

            yield plotting


def _matplotlib() -> Any:
    """Matplotlib, imported without anything that could prevent it; its state is then restored.

    MPLBACKEND may name a backend of another environment, as in a shell started by a notebook, and
    the user's file of settings may be unreadable.
    """
    if "matplotlib" not in sys.modules:
        backend = os.environ.get("MPLBACKEND")
        for without in ({}, {"MATPLOTLIBRC": str(_settings())}):
            with suppress(ValueError, OSError), _environment(MPLBACKEND="", **without):
                import matplotlib

                break
            for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
                del sys.modules[name]
        import matplotlib

        if backend:
            with suppress(ValueError):
                matplotlib.rcParams["backend"] = backend
    return sys.modules["matplotlib"]


def _settings() -> Path:
    """The file of settings that Matplotlib comes with."""
    spec = find_spec("matplotlib")
    return Path(spec.origin if spec and spec.origin else "").parent / "mpl-data/matplotlibrc"


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    """A context in which these variables of the environment are changed."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            os.environ.update({} if value is None else {name: value})


def figure_of(width: float, height: float, layout: Any = "compressed") -> Any:
    """A figure that is not attached to any window."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout=layout)


def keep(figure: Any, path: Path) -> Path:
    """Write the picture and return its path."""
    from ttfs import plotting

    return plotting.save(figure, path, dpi=200)


def raster(folder: Path, network: Network, stimulus: np.ndarray, title: str = "") -> Path:
    """`raster.png`: every spike of one stimulus (inputs,), with the decision marked."""
    record = forward(network, stimulus[None])
    decision = decide(record.times[-1], record.potential)
    with drawing() as plotting:
        ax = figure_of(plotting.PAGE, 4.2).subplots()
        plotting.raster(
            [_happening(network, layer[0]) for layer in record.times],
            ax=ax,
            t_max=network.t_max,
            names=network.names,
            decision=(float(decision.time[0]), int(decision.label[0])),
            unit=network.unit,
            shapes=network.shapes if any(network.mapped) else None,
            windows=windows_of(network),
        )
        _entitle(ax.figure, title, int(decision.label[0]), plotting)
        return keep(ax.figure, folder / "raster.png")


def simulated(folder: Path, simulator: Simulator, title: str) -> Path:
    """`raster.png`: every spike of a simulator's stimulus."""
    simulator.run()
    with drawing() as plotting:
        ax = figure_of(plotting.PAGE, 4.2).subplots()
        plotting.raster(simulator, ax=ax)
        _entitle(ax.figure, title, None, plotting)
        return keep(ax.figure, folder / "raster.png")


def _entitle(figure: Any, title: str, decided: int | None, plotting: Any) -> None:
    """A small title at the left of a figure: what is shown, if that is said, and any decision."""
    if title:
        title = title if decided is None else f"{title}, decision {decided}"
        words = plotting.look.named(title, 90)
        look: dict[str, Any] = {"x": 0.01, "ha": "left", "fontsize": "small"}
        figure.suptitle(words, **look, **plotting.look.WORDS)


def windows_of(network: Network) -> list[tuple[float, float]] | None:
    """When the window of each layer begins and ends, or None without windows."""
    psp = network.psp
    if not isinstance(psp, Windows):
        return None
    return [(psp.begin(window), psp.begin(window + 1)) for window in network.windows]


def _happening(network: Network, times: np.ndarray) -> np.ndarray:
    """The spikes before the horizon; later ones become silence."""
    return np.where(times < network.t_max, times, np.inf)


def latencies(folder: Path, network: Network, stimuli: np.ndarray, labels: np.ndarray) -> Path:
    """`latency.png`: when the layers fire, and when the outputs do, class by class."""
    shown = stimuli[next(chunks(network, MOST))]
    times = [_happening(network, layer) for layer in forward(network, shown).times]
    look: dict[str, Any] = {"t_max": network.t_max, "unit": network.unit}
    names = network.names
    with drawing() as plotting:
        left, right = figure_of(plotting.PAGE, 2.9, "constrained").subplots(1, 2)
        many = any(network.mapped)  # the outlines of many layers would overlap
        draw = plotting.latency_by_layer if many else plotting.latency_histogram
        draw(times, ax=left, names=names, **look)
        plotting.latency_by_class(times[-1], labels[: len(shown)], ax=right, **look)
        return keep(left.figure, folder / "latency.png")


def as_image(shape: tuple[int, ...], inputs: int) -> tuple[int, int] | None:
    """The shape of the inputs, if they are the pixels of one image and nothing else.

    >>> as_image((8, 8), 64), as_image((8, 8), 65), as_image((3, 8, 8), 192)
    ((8, 8), None, None)
    """
    return (shape[0], shape[1]) if len(shape) == 2 and shape[0] * shape[1] == inputs else None


def as_channels(shape: tuple[int, ...], inputs: int) -> tuple[int, int, int] | None:
    """The shape of the inputs, if they are the channels of an image, such as two polarities.

    >>> as_channels((34, 34, 2), 2312), as_channels((3, 8, 8), 192)
    ((34, 34, 2), None)
    """
    fits = len(shape) == 3 and shape[2] <= CHANNELS and shape[0] * shape[1] * shape[2] == inputs
    return (shape[0], shape[1], shape[2]) if fits else None


def latency_map(
    folder: Path, network: Network, stimulus: np.ndarray, shape: tuple, title: str = ""
) -> Path:
    """`map.png`: one stimulus, and all maps of the network, as images of spike times."""
    look: dict[str, Any] = {"t_max": network.t_max, "unit": network.unit}
    record = forward(network, stimulus[None])
    decision = decide(record.times[-1], record.potential)
    times = [_happening(network, layer[0]) for layer in record.times]
    with drawing() as plotting:
        if any(network.mapped):
            maps = sum(shape[:2] != (1, 1) for shape in network.shapes)
            figure = figure_of(plotting.PAGE, 0.4 + 2.3 * -(-maps // 3))
            plotting.map_summary(times, network.shapes, figure=figure, names=network.names, **look)
        else:
            figure = figure_of(plotting.COLUMN, 2.7)
            channels = as_channels(shape, stimulus.size)
            if channels:
                plotting.latency_maps(times[0], channels, ax=figure.subplots(), **look)
            else:
                ax, image = figure.subplots(), as_image(shape, stimulus.size)
                plotting.latency_map(times[0], image or (1, stimulus.size), ax=ax, **look)
                if not image:  # inputs are not pixels, but in a row
                    ax.set(ylabel="", yticks=[])
                    ax.set_xlabel("input", fontsize="small")
        _entitle(figure, title, int(decision.label[0]), plotting)
        return keep(figure, folder / "map.png")


def weights(folder: Path, network: Network, shape: tuple) -> Path:
    """`weights.png`: weights into some neurons of the first layer with weights, or its filters."""
    k = next(k for k, layer in enumerate(network.layers) if layer.rows)
    height, width, channels = network.shapes[k]
    below = (height, width * channels) if k else as_image(shape, network.sizes[0])
    matrix, sides = network.weights[k], as_channels(shape, network.sizes[k])
    if sides and not (k or network.mapped[k]):  # channels side by side
        matrix = matrix.reshape(*sides, -1).transpose(0, 2, 1, 3).reshape(len(matrix), -1)
        below = (sides[0], sides[1] * sides[2])
    with drawing() as plotting:
        ax = figure_of(plotting.COLUMN, 3.1).subplots()
        if network.mapped[k]:
            plotting.filter_images(network.weights[k], network.layers[k].windows[0], ax=ax)
        else:
            plotting.weight_images(matrix, below or (1, network.sizes[k]), ax=ax)
        return keep(ax.figure, folder / "weights.png")


def diagram(folder: Path, network: Network) -> Path:
    """`network.png`: the layers and what connects them."""
    with drawing() as plotting:
        figure = figure_of(plotting.COLUMN, plotting.diagram.ROW * len(network.sizes))
        plotting.network_diagram(network, ax=figure.subplots())
        return keep(figure, folder / "network.png")


def classes(folder: Path, decisions: Decisions, labels: np.ndarray) -> Path:
    """`classes.png`: which classes are taken for which, and the accuracy for each."""
    with drawing() as plotting:
        left, right = figure_of(plotting.PAGE, 3.0, "constrained").subplots(1, 2)
        plotting.confusion_matrix(decisions, labels, ax=left)
        plotting.accuracy_by_class(decisions, labels, ax=right)
        return keep(left.figure, folder / "classes.png")


def mistakes(
    folder: Path,
    network: Network,
    stimuli: np.ndarray,
    decisions: Decisions,
    labels: np.ndarray,
    shape: tuple,
) -> Path:
    """`mistakes.png`: the stimuli that are decided wrongly, those decided first."""
    inputs = stimuli.shape[1]
    flat = as_image(shape, inputs) or as_channels(shape, inputs) or (1, inputs)
    shape = network.shapes[0] if any(network.mapped) else flat
    look: dict[str, Any] = {"t_max": network.t_max, "unit": network.unit}
    with drawing() as plotting:
        wrong = int((~decisions.right(labels)).sum())
        rows = max(1, min(ROWS, -(-wrong // COLUMNS)))
        figure = figure_of(plotting.PAGE, 0.45 + 1.1 * rows)
        look |= {"most": COLUMNS * ROWS, "columns": COLUMNS}
        plotting.mistakes(stimuli, decisions, labels, shape, ax=figure.subplots(), **look)
        return keep(figure, folder / "mistakes.png")


def training(folder: Path, history: History, unit: str, names: Sequence[str] | None = None) -> Path:
    """`training.png`: accuracy, loss, silence and latency over the epochs."""
    with drawing() as plotting:
        figure = figure_of(plotting.PAGE, 4.4, "constrained")
        told: dict[str, Any] = {"unit": unit, "best": history.best_epoch}
        plotting.training_summary(history.records, **told, names=names, figure=figure)
        return keep(figure, folder / "training.png")
