"""The page of a stimulus as a live widget in Jupyter; Python can read what is chosen in it."""

from functools import cache
from pathlib import Path
from typing import Any

from ttfs.engines.simulator import Simulator
from ttfs.errors import extra
from ttfs.viewer.viewer import FRAME, page

SCRIPT = Path(__file__).with_name("template") / "widget.mjs"


def widget(simulator: Simulator, *args: Any, **options: Any) -> Any:
    """A widget that shows the page of a simulator's stimulus, with the arguments of `page`.

    It needs anywidget, the extra `notebook`. The simulator itself does not move. While the page is
    used, attributes of the widget follow it, and `observe` reports their changes. `chosen` is the
    neuron, {"layer": name, "neuron": index, "time": of its spike or None}. `event` is where the
    page is, {"count": of events so far, "time": of the last of them}; after the first event, it
    has its "kind" ("spike", "arrival" or "end"), "layer" and "neuron" too. `times` is what was
    asked in the page, as `Simulator.what_if(times=...)` takes it.

    Raises
    ------
    InputError: anywidget is not installed; and whatever `page` raises.
    """
    made = page(simulator, *args, **options)
    return _kind()(html=made.html, title=made.title, frame=FRAME)


@cache
def _kind() -> Any:
    """The class of widgets, which exists only where anywidget does."""
    with extra("notebook"):
        import anywidget
        import traitlets

    class Live(anywidget.AnyWidget):
        """A page that says what is chosen in it."""

        _esm = SCRIPT.read_text("utf-8")
        html = traitlets.Unicode().tag(sync=True)
        title = traitlets.Unicode().tag(sync=True)
        frame = traitlets.Unicode().tag(sync=True)
        chosen = traitlets.Dict().tag(sync=True)
        event = traitlets.Dict().tag(sync=True)
        wishes: Any = traitlets.List().tag(sync=True)

        @property
        def times(self) -> dict[tuple[str, int], float]:
            """What was asked: (layer, neuron) -> time, inf for never."""
            return {
                (one["layer"], one["neuron"]): float("inf") if one["time"] is None else one["time"]
                for one in self.wishes
            }

        def __repr__(self) -> str:
            return f"widget({self.title!r})"

    return Live
