"""The pictures of the README and of these pages: `python docs/pictures.py`.

A network is trained on the digits that come with the package, and run on one of the test images.
The screenshot needs the package `playwright` and an installed Chromium.
"""

import ast
import re
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

import ttfs
from ttfs.cli.charts import comparison
from ttfs.cli.comparison import Group, groups
from ttfs.presets import preset
from ttfs.presets.table import PRESETS

HERE = Path(__file__).parent
ROOT = Path(ttfs.__file__).parent
FOLDER = HERE / "pictures"
STIMULUS = 7
CODES = "spikes", "operations", "time"  # over which the codes are compared
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PAPER, BLUE, ORANGE, INK = "#FFFFFF", "#0072B2", "#D55E00", "#333333"


def main() -> None:
    """Train, draw, and print the size of each file."""
    FOLDER.mkdir(exist_ok=True)
    recipe = preset("digits")
    train, test = ttfs.datasets.digits()
    network = recipe.network(64, 10, 0)
    history = recipe.trainer(network, 0).fit(
        recipe.encoder(train.images), train.labels, epochs=recipe.epochs
    )
    times = recipe.encoder(test.images)
    print(f"validation {history.records[history.best_epoch - 1]['validation_accuracy']:.4f}")
    files = [
        raster(network, times[STIMULUS]),
        latency(network, times, test.labels),
        viewer(network, times[STIMULUS], test),
        results(),
        comparison(HERE / "codes.png", groups(sorted((HERE / "reports").iterdir())), CODES),
        architecture(),
        rooms(),
    ]
    for file in files:
        print(f"{file.relative_to(HERE.parent)}: {file.stat().st_size / 1000:.0f} kB")


def raster(network: ttfs.Network, stimulus: np.ndarray) -> Path:
    """Every spike of one image, with the decision."""
    record = ttfs.forward(network, stimulus[None])
    decision = ttfs.decide(record.times[-1], record.potential)
    ax = ttfs.plotting.new_axes(ttfs.plotting.PAGE, 3.4)
    ttfs.plotting.raster(
        [layer[0] for layer in record.times],
        ax=ax,
        t_max=network.t_max,
        names=["input", "hidden", "output"],
        decision=(float(decision.time[0]), int(decision.label[0])),
        unit=network.unit,
    )
    return keep(ax, FOLDER / "raster.png")


def latency(network: ttfs.Network, times: np.ndarray, labels: object) -> Path:
    """When each output fires for the test images of each class."""
    record = ttfs.forward(network, times)
    ax = ttfs.plotting.new_axes(ttfs.plotting.PAGE, 4.4)
    ttfs.plotting.latency_diagram(
        record.times[-1], labels, ax=ax, t_max=network.t_max, unit=network.unit
    )
    return keep(ax, FOLDER / "latency.png", dpi=130)


def viewer(network: ttfs.Network, stimulus: object, test: ttfs.datasets.Dataset) -> Path:
    """The page of one image, stopped at the decision."""
    from playwright.sync_api import sync_playwright

    page = ttfs.viewer.page(
        ttfs.Simulator(network, stimulus),
        image_shape=test.image_shape,
        label=int(test.labels[STIMULUS]),
        image=test.images[STIMULUS],
        title="A digit, event by event",
    )
    browser = next(path for path in map(shutil.which, BROWSERS) if path)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        file = page.save(Path(folder) / "page.html")
        window = play.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        tab = window.new_page(viewport={"width": 1280, "height": 712}, color_scheme="light")
        tab.goto(file.as_uri())
        tab.keyboard.press("d")  # to the decision
        tab.locator("#explain").click()
        tab.evaluate("scrollTo(0, 0)")
        tab.screenshot(path=FOLDER / "viewer.png")
        window.close()
    return FOLDER / "viewer.png"


def results() -> Path:
    """Accuracy over spikes and over decision time, from the tables of the README.

    Data sets on which there is a single preset are left out.
    """
    found = [
        Group(row["preset"], reports_of(row))
        for row in rows_of((HERE.parent / "README.md").read_text("utf-8"))
        if row.get("spikes until the decision")
    ]
    sets = Counter(group.reports[0]["dataset"] for group in found)
    found = [group for group in found if sets[group.reports[0]["dataset"]] > 1]
    return comparison(HERE / "results.png", found)


def rows_of(text: str) -> list[dict[str, str]]:
    """The rows of all tables that list presets, each by the heads of its columns."""
    found, heads = [], []
    for line in text.splitlines():
        cells = [cell.strip(" `") for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            heads = []
        elif not heads:
            heads = cells
        elif heads[0] == "preset" and cells[0] in PRESETS:
            found.append(dict(zip(heads, cells, strict=True)))
    return found


def reports_of(row: dict[str, str]) -> tuple[dict[str, Any], ...]:
    """What `ttfs compare` reads, for each seed; a table gives mean, least and largest accuracy."""
    mean, *ends = [float(number) for number in re.findall(r"[\d.]+", row["strict"])]
    seeds = [*ends, 3 * mean - sum(ends)] if row["seeds"] == "0-2" else ends or [mean]
    spikes = float(row["spikes until the decision"].replace(",", ""))
    cost = {
        "decision_time_mean": float(row["decided at"]),
        "input_window": 1.0,
        "spikes_per_sample": {"until_decision": spikes},
    }
    dataset = preset(row["preset"]).dataset
    return tuple({"dataset": dataset, "accuracy": seed / 100} | cost for seed in seeds)


def architecture() -> Path:
    """How a spike travels through the code."""
    ax = ttfs.plotting.new_axes(9.2, 4.2)
    ax.figure.set_facecolor(PAPER)
    ax.set(xlim=(-1, 93), ylim=(-1, 43))
    ax.axis("off")
    box(ax, 0, 23, 12, 8, "encoding", "values to times")
    box(ax, 18, 13, 30, 29, "", "", BLUE)  # around both engines
    box(
        ax,
        20,
        30,
        26,
        10,
        "forward",
        "a batch: sort, then layer by layer\nadd rows, cross, emit",
        BLUE,
    )
    box(
        ax,
        20,
        15,
        26,
        10,
        "Simulator",
        "one stimulus: a queue of events,\npeek, step, run, explain",
        BLUE,
    )
    arrow(ax, (31, 25), (31, 30), BLUE, "<|-|>")
    ax.text(32.5, 27.5, "equal bit for bit", fontsize=8, color=BLUE, va="center")
    box(ax, 54, 23, 14, 8, "record", "times, potentials")
    box(ax, 74, 30, 18, 8, "decision", "first spike; ties; silence")
    box(ax, 74, 16, 18, 8, "metrics, plots", "accuracy, timing, cost")
    box(ax, 20, 0, 26, 8, "network", "weights, bits, delays, thresholds", ORANGE)
    box(ax, 54, 0, 14, 8, "optimizer", "a step of latents", ORANGE)
    box(ax, 74, 0, 18, 8, "rule", "loss, errors of spikes", ORANGE)
    arrow(ax, (12, 27), (18, 27))
    arrow(ax, (48, 27), (54, 27))
    arrow(ax, (68, 29), (74, 33))
    arrow(ax, (83, 30), (83, 24))
    arrow(ax, (64, 23), (75, 8), ORANGE)
    arrow(ax, (74, 4), (68, 4), ORANGE)
    arrow(ax, (54, 4), (46, 4), ORANGE)
    arrow(ax, (33, 8), (33, 13), ORANGE)
    return keep(ax, HERE / "architecture.svg")


def rooms() -> Path:
    """The folders as floors of a house, from the rows that a test defines."""
    rows = floors()
    top, width = len(rows), 92
    ax = ttfs.plotting.new_axes(9.2, 0.5 * top)
    ax.figure.set_facecolor(PAPER)
    ax.set(xlim=(-1, width + 1), ylim=(-0.5, 6 * top))
    ax.axis("off")
    for floor, row in enumerate(rows):  # floors rest on the ones below, which they need
        share = width / len(row)
        for k, name in enumerate(row):
            colour = BLUE if (ROOT / name).is_dir() else INK
            box(ax, k * share + 0.5, 6 * floor, share - 1, 4.6, name, "", colour)
    return keep(ax, HERE / "rooms.svg")


def floors() -> list[list[str]]:
    """The folders and files in rows; each row imports only from those before it."""
    text = (HERE.parent / "tests" / "test_structure.py").read_text("utf-8")
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ROWS":
            return [row.split() for row in ast.literal_eval(node.value)]
    raise LookupError("no ROWS in tests/test_structure.py")


def box(
    ax: Axes,
    x: float,
    y: float,
    width: float,
    height: float,
    name: str,
    text: str,
    colour: str = INK,
) -> None:
    """A station: its name, and below it what happens there."""
    style = "round,pad=0,rounding_size=1"
    shape = FancyBboxPatch((x, y), width, height, boxstyle=style, fc=PAPER, ec=colour, lw=1.3)
    ax.add_patch(shape)
    middle, lines = x + width / 2, text.count("\n")
    up = y + height / 2
    ax.text(
        middle,
        up + (1.7 + lines if text else 0),
        name,
        fontsize=9.5,
        weight="bold",
        color=INK,
        ha="center",
        va="center",
    )
    ax.text(middle, up - 1.5, text, fontsize=7.5, color=INK, ha="center", va="center")


def arrow(
    ax: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    colour: str = INK,
    style: str = "-|>",
) -> None:
    """Draw an arrow from one station to another."""
    look = {"arrowstyle": style, "mutation_scale": 11, "shrinkA": 1, "shrinkB": 1, "lw": 1.3}
    ax.add_patch(FancyArrowPatch(start, end, color=colour, **look))


def keep(ax: Axes, path: Path, dpi: float = 150) -> Path:
    """Save the figure of these axes and close it."""
    ttfs.plotting.save(ax.figure, path, dpi=dpi)
    plt.close(ax.figure)
    return path


if __name__ == "__main__":
    main()
