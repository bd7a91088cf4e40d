"""What gradient rules have in common: signals, cures for silence, steps."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ttfs.checks import several
from ttfs.errors import InputError
from ttfs.gradients.causes import Arrived, SharedCauses, learn
from ttfs.gradients.signals import Signal
from ttfs.gradients.sums import SumSignal
from ttfs.kernels.s4nn import SMALLEST_SCALE
from ttfs.network.buffers import aligned_zeros
from ttfs.network.chain import Layer
from ttfs.network.layers import delay_rate
from ttfs.network.network import Network
from ttfs.network.psp import Ramp, Response
from ttfs.network.weights import Binary
from ttfs.optimizers import Optimizer, Slots, change
from ttfs.rules.lesson import Batch, Lesson
from ttfs.silence import Bump, Cure, Hinge, Push, Revive


class Told(NamedTuple):
    """What a rule finds for a batch: loss and hits, summed, and a signal for each layer."""

    loss: float
    hits: int
    signals: Sequence[Signal | SumSignal]


class Move(NamedTuple):
    """A parameter that learns, what the optimizer stores for it, and its rate."""

    parameter: np.ndarray
    slots: Slots
    lr: float


@dataclass(frozen=True)
class Descent:
    """How a rule descends its gradient: `tell` finds the signals of a batch.

    weight_decay: shrinking of the weights, relative to the learning rate, for each step.
    cures: cures for silence, see `ttfs.silence`.
    psp: the response through which the network learns, if it is not the network's own.
    """

    tell: Callable[[Network, Batch], Told]
    weight_decay: float = 0.0
    cures: tuple[Cure, ...] = ()
    psp: Ramp | None = None

    def train(self, lesson: Lesson) -> tuple[float, int]:
        """Learn from a lesson; return loss and hits, summed."""
        network, slots = lesson.network, lesson.slots
        moves, rooms = moves_of(network, slots, lesson.lr), dict[int, np.ndarray]()
        loss, hits = 0.0, 0
        with responding(network, self.psp or network.psp):
            for batch in lesson.batches():
                told = self.tell(network, batch)
                loss, hits = loss + told.loss, hits + told.hits
                if not self._bumped(network, told, slots["rule"]):
                    others = [(moves[k], g) for k, g in other_gradients(network, told, moves)]
                    for signal in told.signals:
                        self._learn(network, signal, moves, rooms, lesson.optimizer)
                    for move, gradient in others:
                        lesson.optimizer.step(move.parameter, gradient, move.slots, move.lr)
                    derive(network)
        lesson.decay(self.weight_decay)
        return loss, hits

    def _learn(
        self,
        network: Network,
        signal: Signal | SumSignal,
        moves: dict[str, Move],
        rooms: dict[int, np.ndarray],
        optimizer: Optimizer,
    ) -> None:
        """Take a step of a layer's weights.

        The gradient is needed as a whole only in maps.
        """
        layer, name = signal.layer, f"weights_{signal.layer + 1}"
        if name not in moves:
            return
        parameter, slots, lr = moves[name]
        stride, pull = optimizer.stride(parameter, slots, lr), self._pull(network, signal)
        if isinstance(signal, Signal) and isinstance(signal.causes, SharedCauses | Arrived):
            weights = parameter.reshape(-1, pull.size)
            learn(signal.causes, signal.until, signal.gains, pull, weights, stride)
            return
        if layer not in rooms:
            rooms[layer] = aligned_zeros(parameter.size, parameter.dtype)
        gradient = signal.by_weights(network, rooms[layer])
        if pull.any():
            gradient -= pull
        change(parameter, gradient.reshape(-1), stride)

    def _pull(self, network: Network, signal: Signal | SumSignal) -> np.ndarray:
        """(width,) what cures subtract from the gradients of all weights of a neuron."""
        layer = signal.layer
        pull = np.zeros(network.arrays.widths[layer], network.dtype)
        for cure in self.cures:
            if isinstance(cure, Push | Hinge):
                threshold = np.asarray(network.layers[layer].threshold) / network.scales[layer]
                weights, silent = network.weights[layer], silent_share(network, signal)
                pull[: silent.size] += cure.pull(silent, weights, threshold).astype(pull.dtype)
        return pull

    def _bumped(self, network: Network, told: Told, memory: Slots) -> bool:
        """Bump silent neurons if a cure demands it; return whether that replaces the step."""
        done = False
        for cure in self.cures:
            if isinstance(cure, Bump):
                layers = [
                    (network.latents[signal.layer], silent_share(network, signal))
                    for signal in sorted(told.signals, key=lambda signal: signal.layer)
                    if network.layers[signal.layer].rows
                ]
                done |= cure.apply(layers, memory["bumped"])
        for layer in range(len(network.layers)) if done else ():
            network.refresh(layer)
        return done


@contextmanager
def responding(network: Network, psp: Response) -> Iterator[None]:
    """Give the network this response within a `with` block."""
    own = network.psp
    respond(network, psp)
    try:
        yield
    finally:
        respond(network, own)


def respond(network: Network, psp: Response) -> None:
    """Give a network another response."""
    if network.psp != psp:
        network.respond(psp)


def memory(cures: Sequence[Cure]) -> Slots:
    """What the cures have to remember from batch to batch."""
    return {"bumped": np.array([-1.0, 0.0])} if any(isinstance(c, Bump) for c in cures) else {}


def check_response(network: Network, wanted: type[Response], rule: str) -> None:
    """Refuse a network with another kind of response."""
    if not isinstance(network.psp, wanted):
        name = wanted.__name__
        raise InputError(f"rule {rule} needs a {name} response, the network has {network.psp}")


def as_cures(cures: Sequence[Cure], rule: str) -> tuple[Cure, ...]:
    """Cures for silence, as a tuple."""
    kinds = "a tuple of ttfs.silence, such as (Revive(),)"
    return several(cures, Cure, f"{rule}(cures=...)", kinds)


def check_cures(network: Network, cures: Sequence[Cure]) -> None:
    """Refuse cures that do not fit a network."""
    for cure in cures:
        if isinstance(cure, Bump):
            cure.check(sum(layer.rows > 0 for layer in network.layers))


def silent_share(network: Network, signal: Signal | SumSignal) -> np.ndarray:
    """(columns,) share of samples and positions in which the neurons of each column were silent."""
    until = signal.by_column(network, signal.until)
    return (np.isinf(until) | (until >= network.t_max)).mean(axis=0)


def reach(outputs: np.ndarray, errors: np.ndarray, t_max: float) -> None:
    """Let silent outputs that should fire count as if they had fired at the horizon, in place.

    The straight line on which their potential ends is taken to meet the threshold there; its
    slope is that of the last piece.
    """
    outputs[np.isinf(outputs) & (errors > 0)] = t_max


def unit_length(errors: np.ndarray, positions: int = 1) -> np.ndarray:
    """Each sample's errors divided by their Euclidean length, unless it is zero.

    In maps, this is the root of the mean over positions of the squared length at a position.
    """
    lengths = np.sqrt(np.sum(np.square(errors), axis=1, keepdims=True) / positions)
    return errors / np.where(lengths > 0, lengths, 1).astype(errors.dtype)


def moves_of(network: Network, slots: dict[str, Slots], lr: float) -> dict[str, Move]:
    """The parameters that a step changes."""
    found = {}
    for name, parameter in network.parameters().items():
        kind, number = name.split("_")
        layer = network.layers[int(number) - 1]
        rates = {"scale": scale_rate(layer), "delay": delay_rate(layer)}
        own = rates.get(kind, 1.0)
        rate = lr * layer.weights.rate * own
        if rate:
            found[name] = Move(parameter, slots[name], rate)
    return found


def other_gradients(
    network: Network, told: Told, moves: dict[str, Move]
) -> Iterator[tuple[str, np.ndarray]]:
    """The gradients by everything that learns but weights; they depend on the weights."""
    for signal in told.signals:
        number = signal.layer + 1
        if f"scale_{number}" in moves:
            yield f"scale_{number}", np.array([signal.by_scale(network)])
        if f"delay_{number}" in moves and isinstance(signal, Signal):
            yield f"delay_{number}", signal.by_latent_delays(network).reshape(-1)
        if f"bias_{number}" in moves and isinstance(signal, SumSignal):
            yield f"bias_{number}", signal.by_bias(network)


def derive(network: Network) -> None:
    """Update what is derived from the parameters after a step."""
    np.maximum(network.scales, SMALLEST_SCALE, out=network.scales)
    for k, layer in enumerate(network.layers):
        if isinstance(layer.weights, Binary) or delay_rate(layer):  # others have nothing derived
            network.refresh(k)


def scale_rate(layer: Layer) -> float:
    """How fast a layer's scale learns, relative to its weights; 0 if it does not."""
    return layer.weights.scale_rate if isinstance(layer.weights, Binary) else 0.0


def revive(
    network: Network, cures: Sequence[Cure], silent: Sequence[np.ndarray], seed: list[int]
) -> int:
    """Give dead hidden neurons fresh weights; return how many there were.

    silent: for each hidden layer, (neurons,) share of samples in which each did not fire. In
    maps, neurons that share their weights count together: they are dead on average or not.
    """
    revived = 0
    for cure in (cure for cure in cures if isinstance(cure, Revive)):
        for k, shares in enumerate(silent):
            columns = network.layers[k].columns
            dead = cure.dead(shares.reshape(-1, columns).mean(axis=0))
            if dead.size and network.layers[k].rows:
                fresh = network.draw(k, np.random.default_rng([*seed, k]))
                network.latents[k][:, dead] = fresh[:, dead]
                network.refresh(k)
                revived += dead.size
    return revived
