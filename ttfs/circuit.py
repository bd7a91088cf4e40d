"""Circuits: populations and projections as any graph, not only a chain."""

import copy
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ttfs.checks import as_text, positive, short, whole
from ttfs.errors import InputError, ShapeError
from ttfs.explanations import weight_places
from ttfs.kernels.circuit import Plan
from ttfs.network import Network, check_dtype
from ttfs.plan import convert, make_plan, on_plan, plan_of
from ttfs.populations import Population, Projection, least_delay
from ttfs.psp import Ramp, Response, Step

NUMBERS = itertools.count(1)  # no two circuits have the same


class Circuit:
    """Populations and projections; every neuron integrates without leak and fires once.

    Events of the same time happen in the order of the populations. A projection without
    delay must therefore lead to a later population; a loop needs a delay somewhere.

    Parameters
    ----------
    populations, projections: what there is.
    t_max: horizon, exclusive; inf for none.
    dtype: float32 or float64, of weights and potentials.
    unit: name of the unit of time.
    psp: response to one spike: `Step()` or `Ramp(rise)`. With a finite rise, slopes that should
        cancel may leave a rounding error, which a horizon keeps from growing for ever.

    Raises
    ------
    InputError, ShapeError: names that do not exist or twice, sizes that do not fit, a
    projection without delay to the same or an earlier population, a weight or threshold that
    becomes 0 or inf in this dtype.

    >>> circuit = Circuit(
    ...     [Population("input", 2), Population("pair", 2, threshold=1.0)],
    ...     [
    ...         Projection("input", "pair", np.eye(2), delay=1.0),
    ...         Projection("pair", "pair", [[0, -2], [-2, 0]], delay=0.5),
    ...     ],
    ... )
    >>> circuit
    Circuit(input 2, pair 2; input -> pair, pair -> pair)
    """

    def __init__(
        self,
        populations: Sequence[Population],
        projections: Sequence[Projection],
        *,
        t_max: float = np.inf,
        dtype: Any = np.float32,
        unit: str = "step",
        psp: Response | None = None,
    ):
        self.populations = tuple(populations)
        self.projections = tuple(projections)
        for kind, given in ((Population, self.populations), (Projection, self.projections)):
            for one in given:
                if not isinstance(one, kind):
                    raise InputError(f"Circuit wants a {kind.__name__}, got {one!r}")
        self.t_max = np.inf if t_max == np.inf else positive(t_max, "Circuit(t_max=...)")
        self.dtype = check_dtype(dtype, "Circuit(dtype=...)")
        self.unit = as_text(unit, "Circuit(unit=...)")
        self.psp: Response = Step() if psp is None else psp
        if not isinstance(self.psp, Step | Ramp):
            raise InputError(f"Circuit(psp=...) must be Step() or Ramp(rise), got {psp!r}")
        self.names = tuple(population.name for population in self.populations)
        self._check()
        self._take(make_plan(self.populations, self.projections, self.t_max, self.dtype))
        self.projections = on_plan(self.projections, self.plan)

    @classmethod
    def of(cls, network: Network) -> "Circuit":
        """The chain that a network is; its weights are shared, not copied.

        Where inputs or pairs have delays of their own, weights of 0 are no synapses, and all
        weights are copied.
        """
        names = layer_names(len(network.layers))
        populations = [Population(names[0], network.sizes[0])]
        for k, layer in enumerate(network.layers):
            threshold = np.asarray(layer.threshold) / network.scales[k]
            populations.append(Population(names[k + 1], layer.outputs, threshold))
        projections = [
            Projection(names[k], names[k + 1], weights, layer_delay(network, k))
            for k, weights in enumerate(network.weights)
        ]
        if any(network.delayed):
            kept = ("t_max", "dtype", "unit", "psp")
            settings = {name: getattr(network, name) for name in kept}
            return cls(populations, projections, **settings)
        circuit = cls.__new__(cls)
        circuit.populations, circuit.projections = tuple(populations), tuple(projections)
        circuit.t_max, circuit.dtype, circuit.unit = network.t_max, network.dtype, network.unit
        circuit.names, circuit.psp = tuple(names), network.psp
        circuit._take(plan_of(network))
        return circuit

    def _take(self, plan: Plan) -> None:
        """What a simulator wants to know; thresholds are those of sums of weights."""
        rise = self.psp.rise if isinstance(self.psp, Ramp) else 0
        self.plan, self.number = plan._replace(rise=np.float64(rise)), next(NUMBERS)
        begins = plan.starts.tolist()
        self.units = [slice(b, b + p.size) for b, p in zip(begins, self.populations, strict=False)]
        self.thresholds = np.full(begins[-1], np.inf, self.dtype)
        for units, p in zip(self.units, self.populations, strict=True):
            whose = f"population {p.name!r}: threshold"
            convert(np.asarray(p.threshold), self.thresholds[units], whose, self.psp.unit)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{p.name} {p.size}" for p in self.populations)
        psp = "" if isinstance(self.psp, Step) else f"; {self.psp}"
        return f"Circuit({sizes}; {', '.join(p.title for p in self.projections)}{psp})"

    def layer(self, layer: int | str) -> int:
        """The index of a population, given by index or name."""
        if isinstance(layer, str):
            if layer not in self.names:
                raise InputError(f"no layer is called {layer!r}; there are {', '.join(self.names)}")
            return self.names.index(layer)
        number = whole(layer, "layer", least=0)
        if number >= len(self.names):
            raise InputError(f"there is no layer {number}; the last is {len(self.names) - 1}")
        return number

    def neuron(self, layer: int | str, neuron: int) -> tuple[int, int]:
        """A layer's index and a neuron of it that exists."""
        number = self.layer(layer)
        index = whole(neuron, "neuron", least=0)
        if index >= self.populations[number].size:
            raise InputError(
                f"layer {self.names[number]!r} has {self.populations[number].size} neurons,"
                f" there is no {index}"
            )
        return number, index

    def changed(
        self,
        thresholds: Mapping[tuple[int | str, int], float],
        weights: Mapping[tuple[int | str, int, int | str, int], float],
    ) -> "Circuit":
        """The same with other thresholds, by neuron, and weights, by two neurons."""
        other = copy.copy(self)
        other.number, other.thresholds = next(NUMBERS), self.thresholds.copy()
        check_keys(thresholds, 2, "what_if(thresholds=...) wants {(layer, neuron): threshold}")
        check_keys(
            weights, 4, "what_if(weights=...) wants {(layer, neuron, layer, neuron): weight}"
        )
        for (layer, neuron), value in thresholds.items():
            number, index = self.neuron(layer, neuron)
            whose = f"threshold of {self.names[number]} {index}"
            room = other.thresholds[self.units[number]][index : index + 1]
            convert(np.array([positive(value, whose)]), room, whose, self.psp.unit)
        if weights:
            other.plan = self.plan._replace(weights=self.plan.weights.copy())
        for (source, sender, layer, neuron), weight in weights.items():
            ends = self.neuron(source, sender), self.neuron(layer, neuron)
            title = " -> ".join(f"{self.names[number]} {index}" for number, index in ends)
            places = weight_places(self.plan, *ends)
            if len(places) != 1:
                raise InputError(f"{title}: there are {len(places)} synapses, not one")
            if not np.isfinite(weight):
                raise InputError(f"{title}: a weight must be finite, got {weight}")
            room = other.plan.weights[places[0] : places[0] + 1]
            convert(np.array([weight], float), room, f"{title}: weight")
        return other

    def _check(self) -> None:
        """Names and sizes that fit."""
        if not self.populations:
            raise InputError("Circuit needs at least one population")
        if len(set(self.names)) < len(self.names):
            raise InputError(f"populations must have different names, got {', '.join(self.names)}")
        for projection in self.projections:
            source, target = self.layer(projection.source), self.layer(projection.target)
            wanted = (self.populations[source].size, self.populations[target].size)
            if projection.weights.shape != wanted:
                raise ShapeError(
                    f"{projection.title}: weights must be {wanted}, got {projection.weights.shape}"
                )
            if target <= source and least_delay(projection) == 0:
                raise InputError(
                    f"{projection.title}: a projection to the same or an earlier population"
                    " needs a delay above 0"
                )


def check_keys(changes: Mapping[Any, Any], size: int, wanted: str) -> None:
    """Keys that are tuples of so many parts."""
    for key in changes:
        if not isinstance(key, tuple) or len(key) != size:
            raise InputError(f"{wanted}, got the key {short(key)}")


def layer_delay(network: Network, layer: int) -> Any:
    """The one delay of a layer of a network, or its delays, (inputs, outputs)."""
    delays = network.delays[layer]
    if not network.delayed[layer]:
        return float(delays[0, 0])
    return np.broadcast_to(delays, network.weights[layer].shape)


def layer_names(layers: int) -> list[str]:
    """What people call the layers of a chain: input, hidden, output.

    >>> layer_names(3)
    ['input', 'hidden 1', 'hidden 2', 'output']
    """
    hidden = ["hidden"] if layers == 2 else [f"hidden {k}" for k in range(1, layers)]
    return ["input", *hidden, "output"]
