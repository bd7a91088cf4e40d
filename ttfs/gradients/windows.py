"""Causes in layers of maps, whose neurons receive inputs through windows and share weights."""

from functools import partial
from typing import NamedTuple

import numpy as np

from ttfs.engines.arrivals import arrivals_of
from ttfs.kernels import map_gradient as kernels
from ttfs.kernels.reach import BREADTH, BROAD, CHANNELS, COLUMNS, HEIGHT, LEFT, TALL, TOP
from ttfs.kernels.threads import spread
from ttfs.kernels.vector import LANES
from ttfs.network.buffers import aligned_zeros
from ttfs.network.network import Network


class WindowCauses(NamedTuple):
    """Causes in a layer of maps.

    arrivals: (samples, room) when inputs arrive, in the layout of `kernels.map_gradient`.
    rise: how long their ramps rise.
    """

    reach: np.ndarray
    arrivals: np.ndarray
    rise: float

    def by_weights(self, until: np.ndarray, gains: np.ndarray, out: np.ndarray) -> None:
        """Fill (rows, width), summed over samples and positions."""
        sum_changes(self.reach, self.arrivals, (-self.rise, 0.0), until, gains, out)

    def by_times(
        self, until: np.ndarray, gains: np.ndarray, weights: np.ndarray, out: np.ndarray
    ) -> None:
        """Fill (samples, inputs)."""
        carry_back(self.reach, self.arrivals, self.rise, until, gains, weights, out)


class WindowArrived(NamedTuple):
    """Causes in a layer of maps whose potentials jump; see `causes.Arrived`."""

    reach: np.ndarray
    arrivals: np.ndarray

    def by_weights(self, until: np.ndarray, gains: np.ndarray, out: np.ndarray) -> None:
        """Fill (rows, width), summed over samples and positions."""
        sum_changes(self.reach, self.arrivals, (-1.0, -1.0), after(until), gains, out)

    def by_times(
        self, until: np.ndarray, gains: np.ndarray, weights: np.ndarray, out: np.ndarray
    ) -> None:
        """Fill (samples, inputs), also for inputs that have not arrived."""
        all_came, never = np.zeros_like(self.arrivals), np.full_like(until, np.inf)
        carry_back(self.reach, all_came, np.inf, never, gains, weights, out)

    def potentials(self, until: np.ndarray, weights: np.ndarray, out: np.ndarray) -> None:
        """Fill (samples, units) with potentials at moments `until`."""
        given = self.reach, self.arrivals, after(until), weights
        spread(partial(kernels.potentials_at, *given, out), len(out), work_of(out, weights))


class FirstCauses(NamedTuple):
    """Causes in a pooling layer: of each window, only the input that came first.

    arrivals: (samples, room) in the precision of times, so that they equal the layer's spikes.
    """

    reach: np.ndarray
    arrivals: np.ndarray

    def by_weights(self, until: np.ndarray, gains: np.ndarray, out: np.ndarray) -> None:
        """There are no weights."""

    def by_times(
        self, until: np.ndarray, gains: np.ndarray, weights: np.ndarray, out: np.ndarray
    ) -> None:
        """Fill (samples, inputs)."""
        hand_back(self.reach, self.arrivals, until, gains, False, out)


class FirstArrived(NamedTuple):
    """As `FirstCauses`, but if all inputs of a window are silent, all of them get the error.

    Any of them would have made the neuron fire.
    """

    reach: np.ndarray
    arrivals: np.ndarray

    def by_weights(self, until: np.ndarray, gains: np.ndarray, out: np.ndarray) -> None:
        """There are no weights."""

    def by_times(
        self, until: np.ndarray, gains: np.ndarray, weights: np.ndarray, out: np.ndarray
    ) -> None:
        """Fill (samples, inputs)."""
        hand_back(self.reach, self.arrivals, until, gains, True, out)


def first_at(network: Network, layer: int, below: np.ndarray) -> FirstCauses:
    """The causes in a pooling layer, given the spike times of the layer below."""
    laid = laid_out(network, layer, below, below.dtype)
    return FirstCauses(network.arrays.reaches[layer], laid)


def hand_back(
    reach: np.ndarray,
    arrivals: np.ndarray,
    until: np.ndarray,
    gains: np.ndarray,
    silent: bool,
    out: np.ndarray,
) -> None:
    """Fill (samples, inputs) with errors of first spikes and, if `silent`, of silent windows."""
    padded = out.shape != arrivals.shape
    laid = np.empty(arrivals.shape, out.dtype) if padded else out
    given = reach, arrivals, until, gains.copy(), silent, laid
    work = 2 * reach[TALL] * reach[BROAD] * gains.size
    spread(partial(kernels.hand_back, *given), len(out), work)
    if padded:
        take_up(reach, laid, out)


def laid_out(network: Network, layer: int, below: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """(samples, room) arrival times of spikes (samples, inputs) of the layer below, laid out."""
    delay = float(network.arrays.delays[layer])
    if network.delayed[layer]:
        below, delay = arrivals_of(below, network.delays[layer][:, 0]), 0.0
    below, reach = np.ascontiguousarray(below), network.arrays.reaches[layer]
    out = np.empty((len(below), kernels.size_of(reach)), dtype)
    fill = partial(kernels.lay_out, reach, below, delay, network.t_max, out)
    spread(fill, len(out), 2 * out.size)
    return out


def padded(network: Network, layer: int, values: np.ndarray, filler: float) -> np.ndarray:
    """(samples, units) values of a layer, given (samples, outputs) and a filler for padding."""
    units = network.arrays.units[layer + 1] - network.arrays.units[layer]
    out = aligned_zeros(len(values) * units, network.dtype).reshape(-1, units)
    out[:, : values.shape[1]], out[:, values.shape[1] :] = values, filler
    return out


def take_up(reach: np.ndarray, laid: np.ndarray, out: np.ndarray) -> None:
    """Fill (samples, inputs) with laid-out values, without their padding."""
    height, breadth, channels, top, left = reach[[HEIGHT, BREADTH, CHANNELS, TOP, LEFT]]
    size = (height + 2 * top) * (breadth + 2 * left) * channels
    whole = laid[:, :size].reshape(len(laid), -1, breadth + 2 * left, channels)
    inner = whole[:, top : top + height, left : left + breadth]
    out.reshape(inner.shape)[:] = inner


def turned_room(reach: np.ndarray, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """A zeroed buffer for turned weights, and a view of it as (lines, length, columns)."""
    lines, length = reach[TALL], reach[BROAD] * reach[CHANNELS]
    size = -(-length // LANES) * LANES
    room = aligned_zeros(reach[COLUMNS] * lines * size, dtype).reshape(-1, lines, size)
    return room.reshape(len(room), -1), room[:, :, :length].transpose(1, 2, 0)


def sum_changes(
    reach: np.ndarray,
    arrivals: np.ndarray,
    bounds: tuple[float, float],
    until: np.ndarray,
    gains: np.ndarray,
    out: np.ndarray,
) -> None:
    """Fill (rows, width) with weight gradients; bounds: see the kernel `weight_gradient`."""
    room, view = turned_room(reach, out.dtype)
    fill = partial(kernels.weight_gradient, reach, arrivals, bounds, until, gains, room)
    spread(fill, len(room), work_of(gains, out))
    out[:, len(room) :] = 0
    out[:, : len(room)].reshape(view.shape)[:] = view


def carry_back(
    reach: np.ndarray,
    arrivals: np.ndarray,
    rise: float,
    until: np.ndarray,
    gains: np.ndarray,
    weights: np.ndarray,
    out: np.ndarray,
) -> None:
    """Fill (samples, inputs) with errors of neurons for inputs that came and were still rising."""
    turned, view = turned_room(reach, weights.dtype)
    view[:] = weights[:, : len(turned)].reshape(view.shape)
    laid = np.empty(arrivals.shape, out.dtype)
    fill = partial(kernels.errors_below, reach, arrivals, rise, until, gains, turned, laid)
    spread(fill, len(out), work_of(gains, weights))
    take_up(reach, laid, out)


def after(until: np.ndarray) -> np.ndarray:
    """The next moments: what comes before them comes at or before the given ones.

    For moments from 0 on, as `np.nextafter`, in a tenth of the time: the next float has the next
    bits. Others, and inf, stay as they are.
    """
    later = until + until.dtype.type(0)  # -0 becomes 0
    bits = later.view(f"i{later.itemsize}")
    bits += (later >= 0) & (later < np.inf)
    return later


def work_of(gains: np.ndarray, weights: np.ndarray) -> int:
    """About how many numbers are read, given that most neurons have no gain."""
    return gains.size * len(weights) // 4
