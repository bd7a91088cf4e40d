"""Exact gradients of spike times, for networks with ramp responses."""

from dataclasses import dataclass, field

import numpy as np

from ttfs.checks import positive
from ttfs.errors import InputError
from ttfs.gradients import signals, spikes_of
from ttfs.kernels.s4nn import SMALLEST_SCALE
from ttfs.losses import CrossEntropy, Loss
from ttfs.network import Network, aligned_zeros
from ttfs.optimizers import Optimizer, Slots
from ttfs.propagation import cross
from ttfs.psp import Ramp
from ttfs.rules.s4nn import scale_rate


@dataclass(frozen=True)
class Exact:
    """Gradient descent on spike times along the exact derivative of each crossing.

    With a ramp response a neuron fires where a straight line meets its threshold, so its
    time has a derivative by each weight and input time in closed form (Zhang et al. 2021,
    arXiv 2003.11837, section III; with a finite rise derived for this project). It is
    undefined only where the set of causes changes.

    Parameters
    ----------
    loss: a loss on the spike times of the outputs.
    floor: slopes below this many thresholds for each unit of time are taken for that in the
        gradient, which is large where a potential only just reaches its threshold.
    weight_decay: shrinking of the weights, relative to the learning rate, for each update.
    sparsity: pushes hidden spikes that come before the decision later; a penalty of so much
        for each unit of time and spike.

    >>> Exact(loss=CrossEntropy(tau=0.2), floor=0.5)
    Exact(loss=CrossEntropy(tau=0.2, smoothing=0.0, early=0.0), floor=0.5, ...)
    """

    loss: Loss = field(default_factory=CrossEntropy)
    floor: float = 0.1
    weight_decay: float = 0.0
    sparsity: float = 0.0

    def __post_init__(self) -> None:
        positive(self.floor, "Exact(floor=...)", zero=True)
        positive(self.weight_decay, "Exact(weight_decay=...)", zero=True)
        positive(self.sparsity, "Exact(sparsity=...)", zero=True)

    def check(self, network: Network) -> None:
        """Refuse a network whose potentials jump."""
        if not isinstance(network.psp, Ramp):
            raise InputError(f"rule Exact needs a Ramp response, the network has {network.psp}")

    def prepare(self, network: Network, done: float) -> None:
        """Bring the network into the state for a share `done` of the training: no change."""

    def parameters(self, network: Network) -> dict[str, np.ndarray]:
        """The arrays that learn, by name."""
        return network.parameters()

    def train(
        self,
        network: Network,
        data: tuple[np.ndarray, np.ndarray],
        order: np.ndarray,
        batch_size: int,
        optimizer: Optimizer,
        slots: dict[str, Slots],
        lr: float,
    ) -> tuple[float, int]:
        """Learn from the samples `order` of (times, labels); return loss and hits, summed."""
        times, labels = data
        rooms = {name: aligned_zeros(a.size, a.dtype) for name, a in network.parameters().items()}
        loss, hits = 0.0, 0
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            found = self._gradient(network, times[batch], labels[batch], rooms)
            self._step(network, rooms, optimizer, slots, lr)
            loss, hits = loss + found[0], hits + found[1]
        if self.weight_decay:
            updates = -(-len(order) // batch_size)
            factor = max(0.0, 1 - lr * self.weight_decay) ** updates
            for latent in network.latents:
                latent *= latent.dtype.type(factor)
        return loss, hits

    def _gradient(
        self,
        network: Network,
        times: np.ndarray,
        labels: np.ndarray,
        rooms: dict[str, np.ndarray],
    ) -> tuple[float, int]:
        """Leave the mean gradient by each parameter in its room; return loss and hits."""
        found = cross(network, times)
        outputs = spikes_of(network, found, len(network.layers) - 1)
        loss, errors = self.loss.errors(outputs, labels, network.t_max)
        first = outputs.argmin(axis=1)
        hits = (first == labels) & (outputs.min(axis=1) < np.inf)
        decision = outputs.min(axis=1, keepdims=True)

        def hidden(layer: int, spikes: np.ndarray) -> np.ndarray | float:
            return (spikes < decision) * (-self.sparsity / len(times))

        for signal in signals(
            network,
            times,
            found,
            errors / len(times),
            floor=self.floor,
            hidden=hidden if self.sparsity else None,
        ):
            number = signal.layer + 1
            signal.by_weights(rooms[f"weights_{number}"])
            rooms[f"scale_{number}"][0] = signal.by_scale(network)
        return loss, int(hits.sum())

    def _step(
        self,
        network: Network,
        rooms: dict[str, np.ndarray],
        optimizer: Optimizer,
        slots: dict[str, Slots],
        lr: float,
    ) -> None:
        """Take a step with every parameter."""
        for name, parameter in network.parameters().items():
            kind, number = name.split("_")
            layer = int(number) - 1
            rate = lr if kind == "weights" else lr * scale_rate(network, layer)
            if rate:
                optimizer.step(parameter, rooms[name], slots[name], rate)
        np.maximum(network.scales, SMALLEST_SCALE, out=network.scales)
        for layer in range(len(network.layers)):
            network.refresh(layer)

    def end_epoch(self, network: Network, silent: list[np.ndarray], seed: list[int]) -> int:
        """Nothing is revived."""
        return 0
