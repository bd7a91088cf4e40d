"""One stimulus as a web page: step through its events, click a spike, see why it came.

The page is one file that needs no server and no network. It holds the events in their order
and the weights that were added; potentials are computed again in the page, in the same order
and precision, and so are those of the simulator to the last bit.
"""

import base64
import html
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ttfs.checks import as_array, whole
from ttfs.codes.decoding import decide
from ttfs.engines.explanations import potentials
from ttfs.engines.simulator import Simulator, all_events
from ttfs.errors import InputError, ShapeError
from ttfs.files.json_text import as_json
from ttfs.files.writing import write_atomically
from ttfs.kernels.circuit import (
    ARRIVAL,
    DELAYS,
    DENSE,
    END,
    FIRST,
    KIND,
    ROWS,
    SOURCE,
    SPARSE,
    SPIKE,
    STIMULATED,
    TARGET,
    WIDTH,
    Plan,
)

MOST = 25_000_000
"""Weights that one page may hold; browsers become slow beyond."""

TEMPLATE = Path(__file__).with_name("viewer.html")
FRAME = "width:100%;height:940px;border:1px solid #8886;border-radius:6px"


@dataclass(frozen=True)
class Page:
    """A web page in one text, which shows itself in a notebook.

    html: all of it. title: what a browser's tab says.
    """

    html: str = field(repr=False)
    title: str

    def save(self, path: str | os.PathLike[str]) -> Path:
        """The path of the page, complete or not there at all.

        Raises
        ------
        OSError: no such folder, no permission, no room.
        """
        return write_atomically(path, self.html.encode("utf-8"))

    def _repr_html_(self) -> str:
        inner = html.escape(self.html)
        return (
            f'<iframe title="{html.escape(self.title)}" style="{FRAME}" srcdoc="{inner}"></iframe>'
        )


def page(
    simulator: Simulator,
    image_shape: Sequence[int] | None = None,
    label: int | str | None = None,
    *,
    image: Any = None,
    title: str | None = None,
) -> Page:
    """The whole course of a simulator's stimulus, from the first event to the last.

    With ramps, whose potentials go on after it, to the horizon.

    The simulator stays where it is, and its breaks are not heeded.

    Parameters
    ----------
    image_shape: (rows, columns) if the first layer is an image.
    label: the right answer, to be shown.
    image: what was encoded, (neurons,) or of `image_shape`; without it the picture of the
        input is made from the spike times: the earlier, the brighter.
    title: heading of the page; by default the sizes of the layers.

    Raises
    ------
    ShapeError, InputError: an image of another size, or not finite; a circuit too large.

    >>> import ttfs
    >>> network = ttfs.Network(ttfs.Dense.of([[0.6], [0.6]], threshold=1), t_max=10)
    >>> found = page(ttfs.Simulator(network, [1.0, 3.0]), label=0)
    >>> found
    Page(title='2-1')
    >>> found.html[:15]
    '<!DOCTYPE html>'
    """
    if not isinstance(simulator, Simulator):
        raise InputError(f"page wants a Simulator, got {type(simulator).__name__}")
    sizes = simulator.plan.sizes
    title = "-".join(map(str, sizes)) if title is None else str(title)
    picture = _picture(int(sizes[0]), image_shape, image)
    content = {
        "title": title,
        "label": None if label is None else str(label),
        "unit": simulator.circuit.unit,
        "horizon": simulator.plan.t_max,
        "image": picture,
        **_course(simulator),
    }
    return Page(_fill(title, as_json(content, "the page")), title)


def _fill(title: str, content: bytes) -> str:
    """The template with its two gaps filled, in one pass: what goes in is not searched."""
    safe = content.decode("ascii")
    for character in "<>&":  # which could end the script, or begin a comment in it
        safe = safe.replace(character, f"\\u{ord(character):04x}")
    parts = {"title": html.escape(title), "data": safe}
    template = TEMPLATE.read_text("utf-8")
    return re.sub(r"\{\{(title|data)\}\}", lambda gap: parts[gap[1]], template)


def _picture(inputs: int, shape: Any, image: Any) -> dict[str, Any] | None:
    """The image's shape and, if given, its values from black to white as bytes."""
    if shape is None:
        if image is not None:
            raise InputError("page(image=...) wants image_shape=(rows, columns) too")
        return None
    shape = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
    if len(shape) != 2:
        raise ShapeError(f"page(image_shape=...) must be (rows, columns), got {shape}")
    rows, columns = (whole(side, "page(image_shape=...)") for side in shape)
    if rows * columns != inputs:
        raise ShapeError(
            f"page(image_shape=...) must have {inputs} pixels as the first layer has neurons,"
            f" got {rows} x {columns}"
        )
    return {"rows": rows, "columns": columns, "values": _grey(inputs, image)}


def _grey(inputs: int, image: Any) -> dict[str, str] | None:
    """An image's values from its least to its largest as bytes."""
    if image is None:
        return None
    values = as_array(image, "page(image=...)").astype(np.float64)
    if values.size != inputs:
        raise ShapeError(f"page(image=...) must have {inputs} values, got {values.shape}")
    if not np.isfinite(values).all():
        raise InputError("page(image=...) must be finite")
    low, high = min(0.0, values.min()), values.max()
    return _packed(np.round(255 * (values.ravel() - low) / ((high - low) or 1)).astype(np.uint8))


def _packed(array: np.ndarray) -> dict[str, str]:
    """An array for the page: its type, and its bytes, lowest first, in base64."""
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    kind = f"{array.dtype.kind}{array.dtype.itemsize}"
    return {"type": kind, "data": base64.b64encode(little.tobytes()).decode("ascii")}


# -- what happened


@dataclass(frozen=True)
class Course:
    """Every event of a run as aligned arrays, and the state at the end.

    projection: what an arrival or the end of a ramp came along; below 0 for a spike. synapse:
    the first of those that it reached, where each has its own delay.
    """

    kind: np.ndarray
    time: np.ndarray
    layer: np.ndarray
    neuron: np.ndarray
    projection: np.ndarray
    synapse: np.ndarray
    end: Any

    def began(self) -> np.ndarray:
        """(events,) for the end of a ramp the arrival that it began with; -1 for all else."""
        found, arrived = np.full(len(self.kind), -1, np.int32), {}
        columns = (self.kind, self.projection, self.neuron, self.synapse)
        for event, (kind, *spike) in enumerate(zip(*map(np.ndarray.tolist, columns), strict=True)):
            if kind == ARRIVAL:
                arrived[tuple(spike)] = event
            elif kind == END:
                found[event] = arrived[tuple(spike)]
        return found


def _follow(simulator: Simulator) -> Course:
    """Run another simulator of the same stimulus from the beginning to the end."""
    now = simulator.snapshot()
    silence = np.full(simulator.plan.sizes[0], np.inf, now.state.spikes.dtype)
    twin = Simulator(simulator.circuit, silence)
    twin.restore(now)
    twin.reset()
    events = list(all_events(twin))
    columns = list(zip(*events, strict=True)) if events else [()] * 6
    return Course(
        kind=np.array(columns[0], np.uint8),
        time=np.array(columns[1], np.float64),
        layer=np.array(columns[2], np.int32),
        neuron=np.array(columns[3], np.int32),
        projection=np.array(columns[4], np.int32),
        synapse=np.array(columns[5], np.int64),
        end=twin.snapshot().state,
    )


def _course(simulator: Simulator) -> dict[str, Any]:
    """Events, layers and decision of a run."""
    plan, course = simulator.plan, _follow(simulator)
    sources = plan.projections[:, SOURCE] if len(plan.projections) else np.zeros(1, int)
    source = np.where(course.kind != SPIKE, sources[np.maximum(course.projection, 0)], -1)
    layers = range(len(plan.sizes))
    _check_size(plan, course)
    return {
        "single": plan.weights.dtype == np.float32,
        "singleTimes": course.end.spikes.dtype == np.float32,
        "rise": plan.rise,
        "events": {
            "time": _packed(course.time),
            "spike": _packed((course.kind == SPIKE).astype(np.uint8)),
            "given": _packed((course.projection == STIMULATED).astype(np.uint8)),
            "layer": _packed(course.layer),
            "neuron": _packed(course.neuron),
            "source": _packed(source.astype(np.int32)),
            "began": _packed(course.began()),
        },
        "layers": [_layer(simulator, course, layer) for layer in layers],
        "decision": _decision(simulator, course.end),
    }


def _check_size(plan: Plan, course: Course) -> None:
    """Refuse what would make a page that no browser likes."""
    along = course.projection[course.kind == ARRIVAL]
    targets = plan.sizes[plan.projections[along, TARGET]]
    dense = plan.projections[along, KIND] == DENSE
    weights = int(targets[dense].sum())
    if weights > MOST:
        raise InputError(
            f"page can hold {MOST} weights, but {weights} were added for this stimulus"
        )


def _decision(simulator: Simulator, end: Any) -> dict[str, Any]:
    """What the last layer says."""
    plan, units = simulator.plan, simulator.circuit.units[-1]
    last = plan.t_max if plan.t_max < np.inf else float(end.clock[0])
    times = end.spikes[units]
    potential = potentials(plan, end, simulator.circuit.thresholds, units, last)
    decided = decide(times[None], potential[None])
    return {
        "label": int(decided.label[0]),
        "tied": bool(decided.tied[0]),
        "undecided": bool(decided.undecided[0]),
    }


def _layer(simulator: Simulator, course: Course, layer: int) -> dict[str, Any]:
    """A layer's name, size and thresholds, and the weights that were added until its spikes.

    Weights lie neuron by neuron, each in the order of arrival. In `which` are the arrivals
    that they belong to, counted for the layer; all of them one after the other where it is
    null, which holds for dense weights.
    """
    plan = simulator.plan
    units = simulator.circuit.units[layer]
    reached = np.flatnonzero((course.kind == ARRIVAL) & (course.layer == layer))
    which, target, weight = _added(plan, course, reached)
    keep = course.time[reached][which] <= course.end.spikes[units][target]
    which, target, weight = which[keep], target[keep], weight[keep]
    order = np.argsort(target, kind="stable")
    dense = (plan.projections[course.projection[reached], KIND] == DENSE).all()
    return {
        "name": simulator.circuit.names[layer],
        "size": int(plan.sizes[layer]),
        "thresholds": _packed(simulator.circuit.thresholds[units]),
        "counts": _packed(np.bincount(target, minlength=plan.sizes[layer]).astype(np.int32)),
        "which": None if dense else _packed(which[order].astype(np.int32)),
        "weights": _packed_weights(weight[order]),
    }


def _added(
    plan: Plan, course: Course, reached: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(additions,) the arrival, the target neuron and the weight of each, by arrival."""
    found = [_row(plan, course, event) for event in reached]
    counts = [len(target) for target, _ in found]
    none = np.empty(0, plan.weights.dtype)
    return (
        np.repeat(np.arange(len(found)), counts),
        np.concatenate([np.empty(0, np.int64), *(target for target, _ in found)]),
        np.concatenate([none, *(weight for _, weight in found)]),
    )


def _row(plan: Plan, course: Course, event: int) -> tuple[np.ndarray, np.ndarray]:
    """The neurons that one arrival reached, and the weights that it added."""
    r, neuron = course.projection[event], course.neuron[event]
    row = plan.projections[r]
    if row[KIND] == DENSE:
        first = row[FIRST] + neuron * row[WIDTH]
        size = plan.sizes[row[TARGET]]
        return np.arange(size), plan.weights[first : first + size]
    first, last = plan.pointers[row[ROWS] + neuron : row[ROWS] + neuron + 2]
    if row[KIND] != SPARSE:  # a spike arrives once for each delay
        first = course.synapse[event]
        delays = plan.delays[first + row[DELAYS] : last + row[DELAYS]]
        last = first + np.count_nonzero(delays == delays[0])  # they are sorted
    shift = row[FIRST]
    return plan.indices[first:last].astype(np.int64), plan.weights[first + shift : last + shift]


def _packed_weights(weights: np.ndarray) -> dict[str, Any]:
    """Weights for the page: one bit each where they differ only in sign."""
    size = float(abs(weights[0])) if len(weights) else 0.0
    if size and bool((np.abs(weights) == size).all()):
        return {"size": size, "bits": _packed(np.packbits(weights > 0))}
    return {"size": None, "bits": _packed(weights)}
