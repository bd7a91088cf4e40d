"""Circuits: populations and projections that form any graph, not only a chain."""

import hashlib
from collections.abc import Iterator, Sequence, ValuesView
from functools import cached_property, partial
from typing import Any

import numpy as np

from ttfs.checks import (
    as_array,
    as_text,
    check_dtype,
    convert,
    of_kind,
    positive,
    short,
    whole,
)
from ttfs.engines.biases import check_biases
from ttfs.engines.layered import layer_delay, layer_weights, layers_of
from ttfs.engines.plan import make_plan, on_plan, plan_of, pools_at
from ttfs.engines.populations import MOST, Population, Projection, least_delay
from ttfs.engines.precision import Precision
from ttfs.engines.schedule import skipping, windows_of
from ttfs.errors import InputError, ShapeError
from ttfs.kernels.circuit import WORD, Plan
from ttfs.network.network import Network, check_network
from ttfs.network.psp import RESPONSES, Ramp, Response, Step, Windows


class Circuit:
    """Populations and projections; every neuron integrates without leak and fires at most once.

    Simultaneous events happen in the order of the populations. A projection without delay must
    therefore lead to a later population, and a loop needs a delay somewhere.

    Parameters
    ----------
    populations, projections: the parts of the circuit.
    t_max: horizon, exclusive; inf for none.
    dtype: float32 or float64, of weights and potentials.
    unit: name of the unit of time.
    psp: response to one spike: `Step()` or `Ramp(rise)`; or `Windows()`, one for each population.
        An input fires in the first; the others follow from the projections and their delays.

    Raises
    ------
    InputError, ShapeError: names that do not exist or occur twice, sizes that do not fit, a
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

    decides = False  # whether its last layer does, as that of a network

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
        self.populations = all_of(Population, populations)
        self.projections = all_of(Projection, projections)
        self.t_max = positive(t_max, "Circuit(t_max=...)", endless=True)
        self.dtype = check_dtype(dtype, "Circuit(dtype=...)")
        self.unit = as_text(unit, "Circuit(unit=...)")
        self.psp: Response = Step() if psp is None else psp
        of_kind(self.psp, Response, "Circuit(psp=...)", RESPONSES)
        self.names = tuple(population.name for population in self.populations)
        self._check()
        self._take(make_plan(self.populations, self.projections, self.t_max, self.dtype))
        self.projections = on_plan(self.projections, self.plan)

    @classmethod
    def of(cls, network: Network, *, names: Sequence[str] | None = None) -> "Circuit":
        """A network as a circuit, a chain of populations; weights are shared, not copied.

        If inputs or pairs of dense layers have delays of their own, or there are skips, all
        weights are copied; weights of 0 are synapses, too, as in `forward`.

        names: of the populations, the input first; those of the network's layers if not given.
        """
        check_network(network, "Circuit.of(...)")
        names = network.names if names is None else names_for(network, names)
        populations = [Population(names[0], network.sizes[0])]
        for k, layer in enumerate(network.layers):
            threshold = np.asarray(layer.threshold) / network.scales[k]
            if threshold.ndim:
                threshold = np.tile(threshold, layer.positions)
            bias = np.resize(network.scaled_bias(k)[:, : layer.columns], layer.outputs)
            populations.append(Population(names[k + 1], layer.outputs, threshold, bias))
        projections = [
            Projection(names[k], names[k + 1], layer_weights(network, k), layer_delay(network, k))
            for k in range(len(network.layers))
        ]
        projections += [skipping(network, skip, names) for skip in network.skips]
        apart = any(d and not m for d, m in zip(network.delayed, network.mapped, strict=True))
        if network.skips or apart:
            found = cls(populations, projections, **settings_of(network))
        else:
            found = cls._on(plan_of(network), populations, projections, network)
        found.decides = True
        return found

    def network(self) -> Network:
        """A feed-forward circuit as a network, which a `Trainer` can train; weights are copied.

        Each population must have one projection to the next, and no others, with dense weights or
        those of a layer of maps. Sparse projections are refused, as are loops and projections past
        a population: in a `Network`, all weights of a layer learn. `Circuit.of(network, names=...)`
        is the circuit with what the network has learned, and shares its weights.

        Raises
        ------
        InputError: what is no such chain; no horizon.

        >>> retina, cell = Population("retina", 2), Population("cell", 1, threshold=2.0)
        >>> circuit = Circuit(
        ...     [retina, cell], [Projection("retina", "cell", [[1.0], [1.0]])], t_max=16
        ... )
        >>> network = circuit.network()
        >>> network
        Network(2-1, Step(), t_max=16)
        >>> Circuit.of(network, names=circuit.names)
        Circuit(retina 2, cell 1; retina -> cell)
        """
        if self.t_max == np.inf:
            raise InputError("a network has a horizon: set Circuit(t_max=...)")
        return Network(*layers_of(self.populations, self.projections), **settings_of(self))

    @classmethod
    def _on(
        cls,
        plan: Plan,
        populations: Sequence[Population],
        projections: Sequence[Projection],
        like: "Network | Circuit",
    ) -> "Circuit":
        """A circuit on an existing plan, with the settings of another circuit or network."""
        circuit = cls.__new__(cls)
        vars(circuit).update(settings_of(like))
        circuit.populations, circuit.projections = tuple(populations), tuple(projections)
        circuit.decides = isinstance(like, Network) or like.decides
        circuit.names = tuple(population.name for population in populations)
        circuit._take(plan)
        return circuit

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy is built anew from the same parts, and shares no weights with a network."""
        parts = self.populations, self.projections
        return partial(Circuit, **settings_of(self)), parts, {"decides": self.decides}

    @cached_property
    def digest(self) -> bytes:
        """A digest that identifies a circuit: circuits with equal numbers and names share it.

        It is the same in every process, and is computed when a snapshot first needs it. Weights
        that are changed in place after that change what happens, but not the digest.
        """
        told = self.names, self.unit, str(self.psp), str(self.dtype)
        found = hashlib.blake2b(repr(told).encode(), digest_size=16)
        for part in (*self.plan, self.thresholds, self.biases):
            array = np.ascontiguousarray(part)
            found.update(repr((array.dtype.str, array.shape)).encode())
            found.update(array.data)
        return found.digest()

    def _take(self, plan: Plan) -> None:
        """Derive from a plan what a simulator needs."""
        rise = self.psp.rise if isinstance(self.psp, Ramp) else 0
        self.plan = plan._replace(rise=np.float64(rise))
        begins = plan.starts.tolist()
        self.units = [slice(b, b + p.size) for b, p in zip(begins, self.populations, strict=False)]
        kinds = np.dtype(np.float32), np.dtype(np.float64)  # of times
        self.silence = {kind: np.full(begins[-1], np.inf, kind) for kind in kinds}
        self.thresholds = np.full(begins[-1], np.inf, self.dtype)
        self.biases = np.zeros(begins[-1], self.dtype)
        for units, p in zip(self.units, self.populations, strict=True):
            whose = f"population {p.name!r}: threshold"
            self._set(self.thresholds[units], np.asarray(p.threshold), whose)
            convert(np.asarray(p.bias), self.biases[units], f"population {p.name!r}: bias")
        self.windows = windows_of(self.populations, self.projections, self.psp)
        check_biases(self.names, self.units, self.biases, self.thresholds, self.psp)

    def _set(self, room: np.ndarray, thresholds: np.ndarray, whose: str) -> None:
        """Set thresholds; they must fit the dtype, also times the rise, where sums begin."""
        convert(thresholds, room, whose)
        convert(thresholds, np.empty_like(room), whose, self.psp.unit)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{p.name} {p.size}" for p in self.populations)
        psp = "" if isinstance(self.psp, Step) else f"; {self.psp}"
        return f"Circuit({sizes}; {', '.join(p.title for p in self.projections)}{psp})"

    def layer(self, layer: int | str) -> int:
        """The index of a population, given by index or name."""
        if isinstance(layer, str):
            if layer not in self.names:
                raise InputError(
                    f"no layer is called {short(layer)}; there are {', '.join(self.names)}"
                )
            return self.names.index(layer)
        number = whole(layer, "layer", least=0)
        if number >= len(self.names):
            last = len(self.names) - 1
            raise InputError(f"there is no layer {short(number)}; the last is {last}")
        return number

    def neuron(self, layer: int | str, neuron: int | Sequence[int]) -> tuple[int, int]:
        """The indices of a layer and of one of its neurons, given by index or place in a map."""
        number = self.layer(layer)
        if isinstance(neuron, tuple | list):
            neuron = place_in(self.shapes[number], neuron, self.names[number])
        index = whole(neuron, "neuron", least=0)
        if index >= self.populations[number].size:
            raise InputError(
                f"layer {self.names[number]!r} has {self.populations[number].size} neurons,"
                f" there is no {short(index)}"
            )
        return number, index

    @cached_property
    def shapes(self) -> tuple[tuple[int, int, int] | None, ...]:
        """(height, width, channels) of each population that is a map; None for the others.

        If several projections treat it as different maps, the last one decides.
        """
        found: dict[str, tuple[int, int, int]] = {}
        for projection in self.projections:
            if projection.layer is not None:
                found[projection.source] = projection.layer.shape
                found[projection.target] = projection.layer.gives
        return tuple(found.get(name) for name in self.names)

    def falls(self, layer: int) -> tuple[float, float] | None:
        """When a layer's threshold begins to fall and when it reaches 0; None if it is constant."""
        heard = [p for p in self.projections if p.target == self.names[layer]]
        if self.windows is None or not heard or pools_at(self.plan, layer):
            return None
        begin, end = self.windows[:, layer].tolist()
        return begin, end

    def precision(self, times: np.dtype, bias: float = 0.0) -> Precision:
        """The precision of potentials, and of times of a dtype; of a neuron with a bias."""
        rise, length = float(self.plan.rise), 1.0
        if isinstance(self.psp, Windows):
            rise, length = np.inf, self.psp.length
        begins = {"drift" if self.plan.rise else "bias": float(bias)}
        return Precision(times, self.plan.weights.dtype, rise, length, **begins)

    def some(self, layer: int, neurons: Any) -> list[int]:
        """The indices of one or several neurons of a layer; of all, if none are given."""
        if neurons is None:
            return list(range(self.populations[layer].size))
        array = np.atleast_1d(as_array(neurons, "neurons"))
        if array.ndim > 1:
            raise ShapeError(f"neurons must be one or a list of some, got {array.shape}")
        return [self.neuron(layer, neuron)[1] for neuron in array]

    def _check(self) -> None:
        """Refuse names, sizes and delays that do not fit."""
        if not self.populations:
            raise InputError("Circuit needs at least one population")
        if len(set(self.names)) < len(self.names):
            raise InputError(f"populations must have different names, got {', '.join(self.names)}")
        if (units := sum(-(-p.size // WORD) * WORD for p in self.populations)) > MOST:
            raise InputError(f"Circuit can hold {MOST} neurons, got {units}")
        for projection in self.projections:
            source, target = self.layer(projection.source), self.layer(projection.target)
            wanted = (self.populations[source].size, self.populations[target].size)
            if projection.sizes != wanted:
                what = "weights" if projection.layer is None else f"neurons of {projection.layer}"
                raise ShapeError(
                    f"{projection.title}: {what} must be {wanted}, got {projection.sizes}"
                )
            if target <= source and least_delay(projection) == 0:
                raise InputError(
                    f"{projection.title}: a projection to the same or an earlier population"
                    " needs a delay above 0"
                )
        self._check_pools()

    def _check_pools(self) -> None:
        """Refuse other projections to neurons that fire with the first spike of a window."""
        for name in self.names:
            heard = [p for p in self.projections if p.target == name]
            pools = [p.layer is not None and p.layer.pools for p in heard]
            if any(pools) and not all(pools):
                raise InputError(
                    f"{heard[pools.index(True)].title}: neurons that fire with the first spike of"
                    f" a window must receive nothing else, but there is"
                    f" {heard[pools.index(False)].title}"
                )
            if any(pools) and np.any(self.populations[self.layer(name)].bias):
                raise InputError(
                    f"population {name!r}: neurons that fire with the first spike of a window have"
                    " no bias"
                )


def all_of(kind: type, parts: Any) -> tuple[Any, ...]:
    """Populations, or projections, as a tuple."""
    found = tuple(parts) if isinstance(parts, Sequence | Iterator | ValuesView) else (parts,)
    for one in found:
        if not isinstance(one, kind):
            raise InputError(f"Circuit takes a {kind.__name__}, got {short(one)}")
    return found


def place_in(shape: tuple[int, int, int] | None, place: Sequence[int], name: str) -> int:
    """The index of the neuron at a place (row, column, channel) of a map.

    >>> place_in((4, 5, 3), (1, 0, 2), "conv 1")
    17
    """
    if shape is None or len(place) != 3:
        wanted = "a whole number" if shape is None else "a number or (row, column, channel)"
        raise InputError(f"a neuron of layer {name!r} must be {wanted}, got {short(place)}")
    row, column, channel = (whole(one, f"neuron of layer {name!r}", least=0) for one in place)
    height, width, channels = shape
    if row >= height or column >= width or channel >= channels:
        raise InputError(
            f"layer {name!r} is a map of {height} x {width} with {channels} channels, there is no"
            f" {(row, column, channel)}"
        )
    return (row * width + column) * channels + channel


def settings_of(one: Network | Circuit) -> dict[str, Any]:
    """The settings that hold for all of a network or circuit, as arguments of `Circuit`."""
    return {name: getattr(one, name) for name in ("t_max", "dtype", "unit", "psp")}


def names_for(network: Network, names: Sequence[str]) -> tuple[str, ...]:
    """Names of the populations of a network's circuit, all different."""
    found = tuple(as_text(name, "Circuit.of(names=...)") for name in names)
    if len(found) != len(network.sizes) or len(set(found)) < len(found):
        raise InputError(
            f"Circuit.of(names=...) must be {len(network.sizes)} different names, got {found}"
        )
    return found
