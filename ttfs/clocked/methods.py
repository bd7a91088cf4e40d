"""Ways to convert a network of ReLUs to firing rates, as papers describe them."""

from dataclasses import dataclass
from typing import Any

from ttfs.checks import short
from ttfs.clocked.course import check
from ttfs.clocked.rate import Rate
from ttfs.conversion.conversion import Conversion
from ttfs.conversion.convert import convert
from ttfs.errors import InputError
from ttfs.network.network import Network
from ttfs.network.psp import Windows


@dataclass(frozen=True)
class Method:
    """How a paper makes a clocked network from a network of ReLUs.

    paper: where it is described. thresholds: the arguments for `ttfs.convert`; None if thresholds
    are in place while the ReLUs learn, and are kept, as in networks of this package with `Windows`.
    rate: the arguments for `Rate`, besides the number of steps.
    """

    paper: str
    thresholds: dict[str, Any] | None
    rate: dict[str, Any]

    def rates(self, steps: int) -> Rate:
        """The rate of this method with a given number of steps.

        >>> METHODS["qcfs"].rates(4).initial
        0.5
        """
        return Rate(steps, **self.rate)


METHODS = {
    "max": Method(
        "after Diehl et al. 2015, IJCNN, with hard reset and Poisson input",
        {"threshold": "max", "per": "layer"},
        {"initial": 0.0},
    ),
    "quantile": Method(
        "Rueckauer et al. 2017, Frontiers in Neuroscience 11:682 (robust normalisation)",
        {"threshold": "quantile", "quantile": 0.999, "per": "layer"},
        {"initial": 0.0},
    ),
    "shifted": Method(
        "Deng and Gu 2021, arXiv 2103.00476: for ReLUs trained with clipping at the thresholds",
        None,
        {"initial": 0.0, "shift": 0.5},
    ),
    "potential": Method(
        "Bu et al. 2022, arXiv 2202.01440 (optimised initial potentials)",
        {"threshold": "max", "per": "layer"},
        {"initial": 0.5},
    ),
    "qcfs": Method(
        "Bu et al. 2022, arXiv 2303.04347: for ReLUs trained quantised, with Windows(steps)",
        None,
        {"initial": 0.5},
    ),
    "error": Method(
        "thresholds of least squared error, after Li et al. 2021, arXiv 2106.06984 (MMSE)",
        {"threshold": "error", "per": "channel"},
        {"initial": 0.5},
    ),
    "local": Method(
        "Bu et al. 2024, arXiv 2409.03368",
        {"threshold": "local", "per": "channel"},
        {"initial": 0.5},
    ),
}
"""By name."""

MOST_ROUNDS = 3


def method_of(name: Any, whose: str) -> Method:
    """The method of that name.

    >>> method_of("local", "method").paper
    'Bu et al. 2024, arXiv 2409.03368'
    """
    chosen = METHODS.get(name) if isinstance(name, str) else None
    if chosen is None:
        raise InputError(f"{whose} must be {' or '.join(METHODS)}, got {name!r}")
    return chosen


def rounds_for(steps: int) -> int:
    """Rounds of "local" thresholds: more steps round off less, so that less should be clipped.

    >>> [rounds_for(steps) for steps in (1, 2, 4, 8, 32)]
    [1, 1, 2, 3, 3]
    """
    return min(MOST_ROUNDS, max(1, steps.bit_length() - 1))


def convert_to_rates(
    model: Any, inputs: Any, method: str, steps: int, *, rounds: int | None = None, **settings: Any
) -> tuple[Conversion, Rate]:
    """A conversion whose network is to be run by rates, and the rate to run it with.

    Parameters
    ----------
    model, inputs, settings: as for `ttfs.convert`.
    method: the name of a method in `METHODS`. "shifted" and "qcfs" keep the thresholds of a
        `Network` with `Windows`; the others derive thresholds from `inputs`.
    steps: of the rate.
    rounds: of "local" thresholds; None: one to three, increasing with the number of steps.

    >>> import numpy as np
    >>> import ttfs
    >>> rng = np.random.default_rng(0)
    >>> hidden, output = (ttfs.Dense.of(rng.normal(size=s)) for s in ((4, 20), (20, 3)))
    >>> found, rate = convert_to_rates([hidden, output], rng.random((100, 4)), "local", 8)
    >>> rate.initial, found.network
    (0.5, Network(4-20-3, Windows(steps=None, length=1.0), t_max=3))
    """
    chosen = method_of(method, "method")
    rate, told = chosen.rates(steps), dict(chosen.thresholds or _kept(model, method, settings))
    if rounds is None and told["threshold"] == "local":
        rounds = rounds_for(steps)
    told |= {} if rounds is None else {"rounds": rounds}
    told |= {"steps": steps} if told["threshold"] == "error" else {}
    found = convert(model, inputs, **(told | settings))
    check(found.network, rate)
    return found, rate


def _kept(model: Any, method: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The arguments for `ttfs.convert` that keep a network's thresholds and steps."""
    if "per" in settings:
        raise InputError(f"method {method!r} keeps thresholds: omit per={settings['per']!r}")
    if not isinstance(model, Network) or not isinstance(model.psp, Windows):
        raise InputError(
            f"method {method!r} keeps the thresholds with which a network was trained: pass a"
            f" Network with Windows(), not {short(model)}"
        )
    thresholds = [1.0 for layer in model.layers[:-1] if layer.rows]  # in units of their own
    return {"threshold": thresholds, "steps": model.psp.steps}
