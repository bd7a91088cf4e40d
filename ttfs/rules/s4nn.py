"""S4NN: latency backpropagation with relative targets; with binary weights, BS4NN."""

from dataclasses import dataclass

import numpy as np

from ttfs.checks import flag, positive
from ttfs.codes.decoding import hits
from ttfs.engines.batch import forward
from ttfs.errors import InputError
from ttfs.gradients.arrived import FirstBlame, blame_of
from ttfs.kernels import s4nn as kernels
from ttfs.kernels.batch import make_work
from ttfs.network.network import Network
from ttfs.network.psp import Step
from ttfs.optimizers import SGD, Slots, share
from ttfs.rules.descent import check_response, revive, scale_rate, unit_length
from ttfs.rules.lesson import Batch, Lesson
from ttfs.silence import Revive


@dataclass(frozen=True)
class S4NN:
    """Relative targets, errors of unit length, and a spike time that falls as potential rises.

    Kheradpisheh & Masquelier 2020, arXiv 1910.09495, sections 2.2-2.4, and with `Binary`
    weights Kheradpisheh, Mirsadeghi & Masquelier 2021, arXiv 2007.04039. The label's output
    should fire when the first output did, the others `gamma` later; a sample that is won by
    `gamma` teaches nothing. The derivative of a spike time with respect to the potential is
    taken as -1, and each layer's errors are divided by their Euclidean length.

    Where the authors' code and text differ, this rule follows the code: silent neurons learn
    as if they had fired at the horizon, and errors pass back through weights that have already
    been changed. Weight decay is applied in one step for each block of samples (`Trainer`),
    which changes the weights by less than one part in ten thousand.

    In layers of maps, each position learns as a dense layer would: errors are scaled so that
    the mean over positions of their squared length is 1, and weights learn from the mean of
    their gradients over positions. In pooling layers, the error of the first spike of a window
    goes to the input that came first; if all inputs were silent, none of them gets it.

    Parameters
    ----------
    gamma: desired lead of the label's output, in the network's unit of time.
    weight_decay: shrinking of the weights, relative to the learning rate, for each update.
    revive: after an epoch, hidden neurons that fired in less than this share of the samples
        get fresh weights; 0 leaves them dead.
    learn_silent: whether samples without an output spike teach (S4NN: yes; BS4NN: no).
    through_signs: whether errors pass back through one-bit weights as spikes see them, instead of
        through their latent weights as in BS4NN.

    >>> S4NN(gamma=1, learn_silent=False).revive
    0.001
    """

    gamma: float = 3.0
    weight_decay: float = 0.0
    revive: float = 0.001
    learn_silent: bool = True
    through_signs: bool = False

    def __post_init__(self) -> None:
        positive(self.gamma, "S4NN(gamma=...)")
        positive(self.weight_decay, "S4NN(weight_decay=...)", zero=True)
        share(self.revive, "S4NN(revive=...)")
        flag(self.learn_silent, "S4NN(learn_silent=...)")
        flag(self.through_signs, "S4NN(through_signs=...)")

    def check(self, network: Network) -> None:
        """Refuse potentials that do not jump, several delays in a layer, and too large a gamma."""
        check_response(network, Step, "S4NN")
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

    def train(self, lesson: Lesson) -> tuple[float, int]:
        """Learn from a lesson; return loss and hits, summed."""
        single = lesson.batch_size == 1 and isinstance(lesson.optimizer, SGD)
        if single and not any(lesson.network.mapped):
            loss, won = self._learn(lesson)
        else:
            loss, won = 0.0, 0
            for batch in lesson.batches():
                step = self._batch(lesson, batch)
                loss, won = loss + step[0], won + step[1]
        lesson.decay(self.weight_decay)
        return loss, won

    def _targets(self) -> kernels.Targets:
        return kernels.Targets(float(self.gamma), self.learn_silent, self.through_signs)

    def _learn(self, lesson: Lesson) -> tuple[float, int]:
        """Learn sample by sample."""
        network, samples = lesson.network, (lesson.times, lesson.labels, lesson.order)
        latents = kernels.Latents(
            network.latent_buffer,
            network.padded_thresholds(),
            network.scales,
            network.binary,
            np.array([float(layer.weights.rate) for layer in network.layers]),
            np.array([float(scale_rate(layer)) for layer in network.layers]),
        )
        arrays, times = network.arrays, lesson.times
        scratch = make_work(arrays, times), kernels.make_scratch(arrays, times)
        fired = np.empty((len(lesson.order), network.sizes[-1]), times.dtype)
        loss = kernels.learn(arrays, latents, self._targets(), *samples, lesson.lr, *scratch, fired)
        for k in range(len(network.layers)):
            network.pack(k)
        return loss, hits(fired, lesson.labels[lesson.order])

    def _batch(self, lesson: Lesson, batch: Batch) -> tuple[float, int]:
        """One step for a whole batch, beginning with the last layer."""
        network, optimizer, slots = lesson.network, lesson.optimizer, lesson.slots
        layers = [np.ascontiguousarray(times) for times in forward(network, batch.times).times]
        parameters = network.parameters()
        errors = np.empty(layers[-1].shape, network.dtype)
        given = layers[-1], batch.labels, self._targets(), network.t_max
        loss = kernels.output_errors(*given, errors)
        for k in reversed(range(len(network.layers))):
            blame = blame_of(network, k, layers[k], layers[k + 1], errors)
            layer, lr = network.layers[k], lesson.lr * network.layers[k].weights.rate
            latent = network.binary[k] and not self.through_signs
            buffer = network.latent_buffer if latent else network.arrays.weights
            weights = network.padded(buffer, k)
            if not isinstance(blame, FirstBlame):
                name, steps, rate = f"weights_{k + 1}", np.zeros_like(weights), scale_rate(layer)
                blame.by_weights(steps)
                slope = blame.by_scale(network.padded(network.arrays.weights, k)) if rate else 0
                optimizer.step(parameters[name], steps.reshape(-1), slots[name], lr)
                if rate:
                    name, mean = f"scale_{k + 1}", np.array([slope])
                    optimizer.step(parameters[name], mean, slots[name], lr * rate)
                    network.scales[k] = max(network.scales[k], kernels.SMALLEST_SCALE)
                network.refresh(k)
            if k:
                errors = blame.by_times(weights)
                if any(network.mapped):
                    errors = unit_length(errors, network.layers[k - 1].positions)
        return loss, hits(layers[-1], batch.labels)

    def end_epoch(self, network: Network, silent: list[np.ndarray], seed: list[int]) -> int:
        """Give dead hidden neurons fresh weights; return how many there were.

        silent: for each hidden layer, (neurons,) share of samples in which each did not fire.
        """
        return revive(network, (Revive(self.revive),), silent, seed)
