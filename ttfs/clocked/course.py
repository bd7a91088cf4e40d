"""What the neurons of a network do when they represent values by how often they fire."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ttfs.checks import short, whole
from ttfs.clocked.rate import Rate
from ttfs.conversion.conversion import values_in
from ttfs.engines.sums import largest, one_thread, potentials_of
from ttfs.errors import InputError
from ttfs.kernels.threads import spread
from ttfs.network.network import Network, check_network
from ttfs.network.psp import Windows

AT_ONCE = 2**21  # neurons, over all samples, that are processed together


@dataclass(frozen=True, eq=False)
class Course:
    """What a network does in the steps of a `Rate`.

    counts: for each layer that fires, by its number (the input is 0), (samples, neurons) numbers of
        spikes, those included that take others back. A layer below a pool does not fire: the pool
        takes the maximum of that layer's inputs, as the largest ReLU is the one with the largest
        sum. Inputs that are presented as values do not fire; whether outputs fire is set by
        `Rate.output`.
    outputs: (steps, samples, outputs) values of the outputs after each step, computed over the
        steps from `Rate.begin` on: the mean of their input, in thresholds, or the share of steps in
        which they fire; 0 before.
    """

    counts: dict[int, np.ndarray]
    outputs: np.ndarray

    @property
    def labels(self) -> np.ndarray:
        """(steps, samples) the output with the largest value; the first if several share it."""
        return self.outputs.argmax(axis=2)


def run(
    network: Network, inputs: Any, rate: Rate, *, first: int = 0, upto: int | None = None
) -> Course:
    """Run a network with `Windows` by firing rates instead.

    Parameters
    ----------
    network: with `psp=Windows()`, such as `ttfs.convert(...).network`. The value that a neuron
        encodes in a window by when it fires is encoded here by how often it fires; with as many
        steps as there are instants in the window, the two agree on average.
    inputs: (samples, ...) values in 0..1, or bytes, flat or as maps.
    first: number of the first sample; each sample has its own Bernoulli spikes.
    upto: number of the last layer that is run, whose values are those of the outputs then; None:
        all layers are run.

    Raises
    ------
    InputError, ShapeError: another kind of network, inputs of the wrong size, a connection from
        a layer below a pool, where no neuron fires.

    >>> import ttfs
    >>> hidden = ttfs.Dense.of([[1.0]], bias=0.25, threshold=1)
    >>> output = ttfs.Dense.of([[2.0]], threshold=1)
    >>> network = ttfs.Network(hidden, output, psp=ttfs.Windows())
    >>> course = run(network, [[0.5]], Rate(4))  # 0.75: three spikes in four steps
    >>> course.counts[1], course.outputs[-1]
    (array([[3]], dtype=int32), array([[1.5]], dtype=float32))
    """
    check(network, rate)
    whole(first, "run(first=...)", least=0)
    last = len(network.layers) if upto is None else whole(upto, "run(upto=...)")
    if last > len(network.layers):
        raise InputError(f"run(upto=...) must be {len(network.layers)} or less, got {upto}")
    values = values_in(inputs, network.shapes[0], False)
    sizes = {k: network.sizes[k] for k in firing(network, rate) if k <= last}
    counts = {k: np.zeros((len(values), size), np.int32) for k, size in sizes.items()}
    outputs = np.zeros((rate.steps, len(values), network.sizes[last]), network.dtype)
    block = max(1, AT_ONCE // sum(network.sizes))

    def some(begin: int, end: int) -> None:
        for start in range(begin * block, min(end * block, len(values)), block):
            own = slice(start, start + block)
            for step, fired, said in _steps(network, values[own], rate, first + start, last):
                for k, spikes in fired.items():
                    counts[k][own] += spikes != 0
                outputs[step, own] = said if step >= rate.begin else 0

    with one_thread():
        spread(some, -(-len(values) // block), len(values) * rate.steps * sum(network.sizes))
    told = np.maximum(np.arange(1, rate.steps + 1) - rate.begin, 1)
    outputs = np.cumsum(outputs, axis=0, dtype=np.float64) / told[:, None, None]
    if last not in counts:
        outputs /= limits_of(network, last)
    return Course(counts, outputs.astype(network.dtype))


def check(network: Any, rate: Any, whose: str = "run") -> None:
    """Refuse networks that cannot be run by rates; `whose`: the function they were given to."""
    check_network(network, f"{whose}(network=...)")
    if not isinstance(rate, Rate):
        raise InputError(f"rate must be a ttfs.clocked.Rate(steps), got {short(rate)}")
    if not isinstance(network.psp, Windows):
        raise InputError(f"rates need a network with psp=Windows(), this one has {network.psp}")
    if all(layer.pools for layer in network.layers):
        raise InputError(
            f"{network} has no layer with weights, so nothing in it can fire at a rate"
        )
    if network.layers[0].pools and rate.input == "bernoulli":
        raise InputError(f"{network} pools its input: use input='direct', not 'bernoulli'")
    heard = set(firing(network, rate)) | set(range(_pools_below(network) + 1))
    silent = set(range(1, len(network.layers))) - heard
    for skip in network.skips:
        if skip.source in silent:
            raise InputError(f"{skip} starts below a pool, where no neuron fires at a rate")


def _pools_below(network: Network) -> int:
    """How many pools there are below the first layer with weights."""
    return next((k for k, layer in enumerate(network.layers) if not layer.pools), 0)


def firing(network: Network, rate: Rate) -> Iterator[int]:
    """Numbers of the layers that fire; the input is 0."""
    if rate.input == "bernoulli":
        yield 0
    last = len(network.layers)
    for k in range(_pools_below(network) + 1, last + 1):
        heard_by_a_pool = k < last and network.layers[k].pools
        if not heard_by_a_pool and (k < last or rate.output == "spikes"):
            yield k


def _steps(
    network: Network, values: np.ndarray, rate: Rate, start: int, last: int
) -> Iterator[Any]:
    """For each step its number, the spikes of each layer, and the values of the last layer.

    start: number of the first sample; each sample has its own random spikes.
    """
    fires = {k for k in firing(network, rate) if k <= last}
    dtype, samples = network.dtype, len(values)
    limits = {k: limits_of(network, k) for k in sorted(fires - {0})}
    potentials = {k: np.full((samples, len(own)), rate.initial, dtype) for k, own in limits.items()}
    for k, potential in potentials.items():
        potential *= limits[k]
    sent = {k: np.zeros(own.shape, np.int32) for k, own in potentials.items() if rate.negative}
    random = [np.random.default_rng([rate.seed, start + n]) for n in range(samples)]
    steady: dict[int, np.ndarray] = {}  # inputs that are the same in each step
    sums: dict[int, Any] = {}  # inputs accumulated below a pool
    tops: dict[int, Any] = {}  # and the largest of them
    first = min(limits, default=len(network.layers))
    for step in range(rate.steps):
        below = [_heard(values, rate, step, random).astype(dtype)]
        fired = {0: below[0] > 0} if 0 in fires else {}
        for k, layer in enumerate(network.layers[:last], start=1):
            if k in steady:
                drive = steady[k]
            elif layer.pools and rate.pool == "sums":
                sums[k] = sums.get(k, 0) + below[-1]
                most = largest(layer, sums[k], outside=-np.inf)
                drive, tops[k] = most - tops.get(k, 0), most
            elif layer.pools:
                drive = largest(layer, below[-1], outside=-np.inf)
            else:
                part = 1.0 if rate.bias == "each" else 1 / rate.steps
                drive = potentials_of(network, k - 1, below, part)
            if rate.input == "direct" and k <= first:
                steady[k] = drive
            if k in fires:
                fired[k] = _fire(potentials[k], drive, limits[k], rate, sent.get(k))
                drive = fired[k].astype(dtype)
            below.append(drive)
        yield step, fired, below[-1]


def _heard(values: np.ndarray, rate: Rate, step: int, random: list[Any]) -> np.ndarray:
    """The input of the first layer in a step."""
    if rate.input == "bernoulli":
        return np.stack([each.random(values.shape[1]) for each in random]) < values
    if rate.input == "impulse":
        return values * (rate.steps if step == 0 else 0)
    return values


def _fire(
    potential: np.ndarray, drive: np.ndarray, limit: np.ndarray, rate: Rate, sent: Any
) -> np.ndarray:
    """Update the potentials with the input of a step; return which neurons fire, and how.

    sent: the spikes that have been fired and not taken back; None: none can be taken back.
    """
    potential *= potential.dtype.type(rate.keep)
    potential += drive
    if rate.shift:
        potential += limit * (rate.shift / rate.steps)
    fired = potential >= limit
    if sent is not None:
        fired = fired.astype(np.int8) - ((potential < 0) & (sent > 0))
        sent += fired
        potential -= fired * limit
    elif rate.reset == "soft":
        potential -= np.where(fired, limit, 0)
    else:
        potential[fired] = 0
    return fired


def limits_of(network: Network, number: int) -> np.ndarray:
    """(neurons,) thresholds of a layer; for a pool, those of the layer that it pools."""
    k = number - 1
    while network.layers[k].pools:
        k -= 1
    return np.resize(network.layers[k].threshold, network.sizes[number]).astype(network.dtype)
