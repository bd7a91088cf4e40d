"""S4NN: latency backpropagation with relative targets; with binary weights, BS4NN."""

from dataclasses import dataclass

import numpy as np

from ttfs.checks import positive
from ttfs.errors import InputError
from ttfs.kernels import s4nn as kernels
from ttfs.network import Network
from ttfs.optimizers import SGD, Optimizer, Slots, share
from ttfs.propagation import forward
from ttfs.psp import Step
from ttfs.rules.descent import revive, scale_rate
from ttfs.silence import Revive


@dataclass(frozen=True)
class S4NN:
    """Relative targets, errors of unit length, and a spike time that falls as potential rises.

    Kheradpisheh & Masquelier 2020, arXiv 1910.09495, sections 2.2-2.4, and with `Binary`
    weights Kheradpisheh, Mirsadeghi & Masquelier 2021, arXiv 2007.04039. The output of the
    label should fire when the first output did, others `gamma` later; a sample that is won
    by `gamma` teaches nothing. The derivative of a spike time by the potential is taken
    as -1, and each layer's errors are divided by their Euclidean length.

    Where the authors' code and text differ, this follows the code: silent neurons learn as
    if they had fired at the horizon, and errors pass back through weights already changed.
    Weight decay is taken in one step for each block of samples (`Trainer`), which changes
    the weights by less than a part in ten thousand.

    Parameters
    ----------
    gamma: wanted lead of the label's output, in the network's unit of time.
    weight_decay: shrinking of the weights, relative to the learning rate, for each update.
    revive: after an epoch, hidden neurons that fired in less than this share of the samples
        get fresh weights; 0 leaves them dead.
    learn_silent: whether samples without an output spike teach (S4NN: yes; BS4NN: no).

    >>> S4NN(gamma=1, learn_silent=False)
    S4NN(gamma=1, weight_decay=0.0, revive=0.001, learn_silent=False)
    """

    gamma: float = 3.0
    weight_decay: float = 0.0
    revive: float = 0.001
    learn_silent: bool = True

    def __post_init__(self) -> None:
        positive(self.gamma, "S4NN(gamma=...)")
        positive(self.weight_decay, "S4NN(weight_decay=...)", zero=True)
        share(self.revive, "S4NN(revive=...)")

    def check(self, network: Network) -> None:
        """Refuse potentials that do not jump, and a horizon that leaves no room for gamma."""
        if not isinstance(network.psp, Step):
            raise InputError(f"rule S4NN needs a Step response, the network has {network.psp}")
        if any(network.delayed):
            raise InputError("rule S4NN needs one delay for each layer")
        if self.gamma >= network.t_max:
            raise InputError(
                f"S4NN(gamma=...) must be below the network's t_max {network.t_max:g},"
                f" got {self.gamma:g}"
            )

    def memory(self) -> Slots:
        """Nothing is remembered from batch to batch."""
        return {}

    def train(
        self,
        network: Network,
        data: tuple[np.ndarray, np.ndarray],
        order: np.ndarray,
        batch_size: int,
        optimizer: Optimizer,
        slots: dict[str, Slots],
        lr: float,
        done: float = 0.0,
    ) -> tuple[float, int]:
        """Learn from the samples `order` of (times, labels); return loss and hits, summed."""
        times, labels = data
        if batch_size == 1 and isinstance(optimizer, SGD):
            loss, hits = self._learn(network, times, labels, order, lr)
        else:
            loss, hits = 0.0, 0
            for start in range(0, len(order), batch_size):
                batch = order[start : start + batch_size]
                step = self._batch(network, times[batch], labels[batch], optimizer, slots, lr)
                loss, hits = loss + step[0], hits + step[1]
        if self.weight_decay:
            updates = -(-len(order) // batch_size)
            self._decay(network, max(0.0, 1 - lr * self.weight_decay) ** updates)
        return loss, hits

    def _targets(self) -> kernels.Targets:
        return kernels.Targets(float(self.gamma), self.learn_silent)

    def _learn(
        self, network: Network, times: np.ndarray, labels: np.ndarray, order: np.ndarray, lr: float
    ) -> tuple[float, int]:
        """Sample by sample."""
        latents = kernels.Latents(
            network.latent_buffer,
            network.padded_thresholds(),
            network.scales,
            network.binary,
            np.array([scale_rate(network.layers[k]) for k in range(len(network.layers))]),
        )
        done = kernels.learn(network.arrays, latents, self._targets(), times, labels, order, lr)
        for k in range(len(network.layers)):
            network.pack(k)
        return done

    def _batch(
        self,
        network: Network,
        times: np.ndarray,
        labels: np.ndarray,
        optimizer: Optimizer,
        slots: dict[str, Slots],
        lr: float,
    ) -> tuple[float, int]:
        """One step for a whole batch, the last layer first."""
        record = forward(network, times)
        parameters = network.parameters()
        errors = np.empty(record.times[-1].shape, network.dtype)
        result = kernels.output_errors(
            record.times[-1], labels, self._targets(), network.t_max, errors
        )
        for k in reversed(range(len(network.layers))):
            delay = network.arrays.delays[k]
            causes = (record.times[k], delay, network.t_max, record.times[k + 1])
            name = f"weights_{k + 1}"
            steps = np.zeros_like(parameters[name]).reshape(network.sizes[k], -1)
            kernels.gradient(*causes, errors, steps)
            rate = scale_rate(network.layers[k])
            if rate:
                slopes = np.empty(len(times))
                kernels.scale_gradient(*causes, errors, network.weights[k], slopes)
            optimizer.step(parameters[name], steps.reshape(-1), slots[name], lr)
            if rate:
                name = f"scale_{k + 1}"
                mean = np.array([np.add.reduce(slopes) / len(times)])
                optimizer.step(parameters[name], mean, slots[name], lr * rate)
                network.scales[k] = max(network.scales[k], kernels.SMALLEST_SCALE)
            network.refresh(k)
            if k:
                below = np.empty(record.times[k].shape, network.dtype)
                kernels.errors_below(*causes, errors, network.latents[k], below)
                errors = below
        return result

    def _decay(self, network: Network, factor: float) -> None:
        for latent in network.latents:
            latent *= latent.dtype.type(factor)

    def end_epoch(self, network: Network, silent: list[np.ndarray], seed: list[int]) -> int:
        """Give dead hidden neurons fresh weights; return how many.

        silent: per hidden layer, (neurons,) share of samples in which each did not fire.
        """
        return revive(network, (Revive(self.revive),), silent, seed)
