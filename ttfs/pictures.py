"""The pictures that a run or the command line leaves in a folder.

Matplotlib is imported when the first one is drawn.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ttfs.circuit import layer_names
from ttfs.comparison import COSTS, Group, costs
from ttfs.decoding import decide
from ttfs.network import Network
from ttfs.propagation import forward

OTHER = "dense method (learning with ramps: PyTorch)"
MOST = 2000  # stimuli in a picture of latencies


def raster(folder: Path, network: Network, stimulus: np.ndarray) -> Path:
    """`raster.png`: every spike of one stimulus (inputs,), the decision marked."""
    from ttfs import plotting

    record = forward(network, stimulus[None])
    decision = decide(record.times[-1], record.potential)
    times = [np.where(layer[0] < network.t_max, layer[0], np.inf) for layer in record.times]
    ax = plotting.new_axes(plotting.PAGE, 4.2)
    plotting.raster(
        times,
        ax=ax,
        t_max=network.t_max,
        names=layer_names(len(network.layers)),
        decision=(float(decision.time[0]), int(decision.label[0])),
        unit=network.unit,
    )
    return _keep(ax.figure, folder / "raster.png")


def latencies(folder: Path, network: Network, stimuli: np.ndarray, labels: np.ndarray) -> Path:
    """`latency.png`: when the layers fire, and when the outputs do, class by class."""
    import matplotlib.pyplot as plt

    from ttfs import plotting

    times = [
        np.where(layer < network.t_max, layer, np.inf)
        for layer in forward(network, stimuli[:MOST]).times
    ]
    size = (plotting.PAGE, 2.9)
    figure, (left, right) = plt.subplots(1, 2, figsize=size, layout="constrained")
    t_max, unit, names = network.t_max, network.unit, layer_names(len(network.layers))
    plotting.latency_histogram(times, ax=left, names=names, t_max=t_max, unit=unit)
    plotting.latency_by_class(times[-1], labels[:MOST], ax=right, t_max=t_max, unit=unit)
    return _keep(figure, folder / "latency.png")


def latency_map(folder: Path, network: Network, stimulus: np.ndarray, shape: tuple) -> Path:
    """`map.png`: one stimulus as an image of its spike times."""
    from ttfs import plotting

    shape = shape if len(shape) == 2 else (1, stimulus.size)
    image = plotting.latency_map(stimulus.reshape(shape), shape, t_max=network.t_max)
    return _keep(image.axes.figure, folder / "map.png")


def weights(folder: Path, network: Network, shape: tuple) -> Path:
    """`weights.png`: what some neurons of the first layer receive."""
    from ttfs import plotting

    shape = shape if len(shape) == 2 else (1, network.sizes[0])
    image = plotting.weight_images(network.weights[0], shape)
    return _keep(image.axes.figure, folder / "weights.png")


def training(folder: Path, records: list[dict[str, float]], unit: str) -> Path:
    """`training.png`: accuracy, loss, silence and latency over the epochs."""
    from ttfs import plotting

    return _keep(plotting.training_summary(records, unit=unit), folder / "training.png")


def comparison(
    path: Path, groups: Sequence[Group], over: Sequence[str] = ("spikes", "time")
) -> Path:
    """Strict accuracy over some of COSTS, side by side; a point for each group."""
    import matplotlib.pyplot as plt

    from ttfs import plotting

    rows, columns = -(-len(over) // 2), min(len(over), 2)
    look: dict[str, Any] = {"sharey": True, "squeeze": False, "layout": "constrained"}
    size = plotting.PAGE, 3.2 * rows + 0.4
    figure, axes = plt.subplots(rows, columns, figsize=size, **look)
    accuracy = {group.name: group.values("accuracy") for group in groups}
    for ax, name in zip(axes.flat, over, strict=False):
        log = name == "footprint"  # those of one bit and of real weights differ twentyfold
        plotting.accuracy_over(costs(groups, name), accuracy, ax=ax, what=COSTS[name], log=log)
    for ax in axes[:, 1:].flat:
        ax.set_ylabel("")
    for ax in axes.flat[len(over) :]:
        ax.set_visible(False)
    handles, names = axes.flat[0].get_legend_handles_labels()
    look = {"ncols": 4, "fontsize": "x-small", "frameon": False}
    figure.legend(handles, names, loc="outside upper left", **look)
    return _keep(figure, path)


def throughput(path: Path, report: dict[str, Any]) -> Path:
    """Additions in a second for each case of a report of `ttfs bench`, under its roofs.

    Those of a simulation, which has no roofs, are its synaptic events.
    """
    from ttfs import plotting

    rows: dict[str, dict[str, float]] = {}
    order = [case["name"] for case in report["cases"]]
    for case in sorted(report["cases"], key=lambda case: order.index(case["name"])):
        row = rows.setdefault(f"{case['name']}, {case['inputs']}", {})
        threads = "one thread" if case["threads"] == 1 else "all threads"
        if "synaptic_events_per_second" in case:
            row[threads] = case["synaptic_events_per_second"] / 1e9
            continue
        times = {threads: "", "adding rows alone": "limit_", "reading rows alone": "bandwidth_"}
        times |= {OTHER: "reference_"} if case.get("reference_microseconds") else {}
        for kind, key in times.items():
            row.setdefault(kind, case["additions"] / case[f"{key}microseconds"] / 1e3)
    attained, roofs = (
        {kind: [row.get(kind, np.nan) for row in rows.values()] for kind in kinds}
        for kinds in (
            ("one thread", "all threads", OTHER),
            ("adding rows alone", "reading rows alone"),
        )
    )
    ax = plotting.new_axes(plotting.PAGE, 0.9 + 0.21 * len(rows))
    plotting.throughput(list(rows), attained, roofs, ax=ax)
    return _keep(ax.figure, path)


def _keep(figure, path: Path) -> Path:  # type: ignore[no-untyped-def]
    """Write the figure and let it go."""
    import matplotlib.pyplot as plt

    from ttfs import plotting

    plotting.save(figure, path, dpi=200)
    plt.close(figure)
    return path
