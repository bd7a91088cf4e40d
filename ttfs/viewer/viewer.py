"""One stimulus as a web page: step through its events, click a spike, see what caused it.

The page is one file that needs no server and no network. It holds the stimulus and the synapses,
and runs them itself: the same sums in the same order and precision as in the simulator, so it has
the same spikes and potentials to the last bit. It can therefore also answer what would happen if a
spike came at another time. Where the synapses would make the page too large, and with windows of
time, it holds the events of one run and the weights that were added in it.
"""

import html
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ttfs.checks import as_array, of_kind, plural, whole
from ttfs.engines.simulator import Simulator
from ttfs.errors import InputError, ShapeError
from ttfs.files.json_text import as_json
from ttfs.files.writing import write_atomically
from ttfs.viewer.course import course_of, shapes_of
from ttfs.viewer.packing import packed

TEMPLATE = Path(__file__).with_name("template")
FRAME = "width:100%;height:940px;border:1px solid #8886;border-radius:6px"


@dataclass(frozen=True)
class Page:
    """A web page in one text, which displays itself in a notebook.

    html: the whole page. title: what the tab of a browser shows.
    """

    html: str = field(repr=False)
    title: str

    def save(self, path: str | os.PathLike[str]) -> Path:
        """The path of the page, which is written completely or not at all.

        Raises
        ------
        OSError: no such folder, no permission, no space left.
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
    what_if: bool | None = None,
) -> Page:
    """The whole run of a simulator's stimulus as a page, from the first event to the last.

    With ramps, whose potentials change beyond the last event, the page goes on to the horizon.

    The simulator itself does not move, and its breaks are ignored.

    Parameters
    ----------
    image_shape: (rows, columns) if the first layer is an image; not needed if that layer is a
        map of one channel.
    label: the correct answer, to be shown.
    image: what was encoded, (neurons,) or of `image_shape`; without it, the picture of the
        input is made from the spike times: the earlier, the brighter.
    title: heading of the page; by default the sizes of the layers.
    what_if: whether the page holds all weights, so that in it spikes can be moved, removed and
        added, and the whole run computed anew. By default it does if it stays below 2 MB. If it
        does so only without the weights of silent inputs, these cannot be made to fire. Networks
        with `Windows` are shown as they ran.

    Raises
    ------
    ShapeError, InputError: an image of another size, or one that is not finite; a run in
        which more weights are added than a page can hold.

    >>> import ttfs
    >>> network = ttfs.Network(ttfs.Dense.of([[0.6], [0.6]], threshold=1), t_max=10)
    >>> found = page(ttfs.Simulator(network, [1.0, 3.0]), label=0)
    >>> found
    Page(title='2-1')
    >>> found.html[:15]
    '<!DOCTYPE html>'
    """
    if not isinstance(simulator, Simulator):
        raise InputError(f"page takes a Simulator, got {type(simulator).__name__}")
    of_kind(what_if, bool | None, "page(what_if=...)", "True, False or None")
    if simulator.circuit.biases.any() and simulator.circuit.windows is None:
        raise InputError("a page shows biases only with psp=Windows()")
    sizes = simulator.plan.sizes
    title = "-".join(map(str, sizes)) if title is None else str(title)
    shape = shapes_of(simulator)[0]
    if image_shape is None and shape and shape[2] == 1:
        image_shape = shape[:2]
    picture = _picture(int(sizes[0]), image_shape, image)
    content = {
        "title": title,
        "label": None if label is None else str(label),
        "unit": simulator.circuit.unit,
        "units": plural(simulator.circuit.unit),
        "horizon": simulator.plan.t_max,
        "image": picture,
        **course_of(simulator, what_if),
        "decides": simulator.circuit.decides or label is not None,
    }
    return Page(_fill(title, as_json(content, "the page")), title)


def _fill(title: str, content: bytes) -> str:
    """The template with its gaps filled in one pass, so that inserted text is not searched.

    A gap has the name of what the page shows, or of the file that goes there.
    """
    safe = content.decode("ascii")
    for character in "<>&":  # these could end the script, or begin a comment in it
        safe = safe.replace(character, f"\\u{ord(character):04x}")
    filled = {"title": html.escape(title), "data": safe}

    def part(gap: re.Match[str]) -> str:
        name = gap[1]
        return filled[name] if name in filled else (TEMPLATE / name).read_text("utf-8").rstrip()

    return re.sub(r"\{\{([\w.]+)\}\}", part, (TEMPLATE / "page.html").read_text("utf-8"))


def _picture(inputs: int, shape: Any, image: Any) -> dict[str, Any] | None:
    """The shape of the image and, if given, its values as bytes from black to white."""
    if shape is None:
        if image is not None:
            raise InputError("page(image=...) also needs image_shape=(rows, columns)")
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
    """The values of an image as bytes, scaled from 0, or the least if below, to the largest."""
    if image is None:
        return None
    values = as_array(image, "page(image=...)").astype(np.float64)
    if values.size != inputs:
        raise ShapeError(f"page(image=...) must have {inputs} values, got {values.shape}")
    if not np.isfinite(values).all():
        raise InputError("page(image=...) must be finite")
    low, high = min(0.0, values.min()), values.max()
    return packed(np.round(255 * (values.ravel() - low) / ((high - low) or 1)).astype(np.uint8))
