"""STiDi-BP: a desired firing time for every neuron, layer by layer."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ttfs.checks import flag, of_kind, positive
from ttfs.codes.decoding import hits
from ttfs.engines.crossings import Crossings, cross, spikes_of
from ttfs.gradients.signals import Signal, signal_of
from ttfs.losses import Absolute, Relative
from ttfs.network.network import Network
from ttfs.network.psp import Ramp
from ttfs.optimizers import Slots
from ttfs.rules import descent
from ttfs.rules.descent import Descent, Told, unit_length
from ttfs.rules.lesson import Batch, Lesson
from ttfs.silence import Cure


@dataclass(frozen=True)
class STiDiBP:
    """Every neuron learns to fire at a desired time of its own.

    Mirsadeghi, Shalchian, Kheradpisheh & Masquelier 2021 (Neurocomputing). Its abstract gives
    a piecewise-linear response, desired firing times for output and hidden neurons alike,
    gradient descent in each layer on its own, and a derivative of latency with respect to
    potential that is taken as linear. All else is this project's reconstruction: outputs take
    the targets of S4NN or of an absolute rule; a hidden neuron's desired time differs from its
    actual one in the direction that reduces the squared errors of the next layer, whose desired
    times are held constant; errors are scaled to unit length in each sample and layer, as in
    the authors' S4NN.

    In layers of maps (arXiv 2108.13621, abstract), each position learns as a dense layer would:
    errors are scaled so that the mean over positions of their squared length is 1, and weights
    learn from the mean of their gradients over positions. One learning rate therefore serves
    maps of any size. In pooling layers, the desired time of the first spike of a window is that
    of the input that came first; if all inputs were silent, none of them gets an error.

    Parameters
    ----------
    targets: `losses.Relative(gamma)` or `losses.Absolute()`: desired times of the outputs. With
        a price `early`, the label's is earlier by as much as adds that price to the derivative
        of the loss with respect to its output's time.
    slope: slope that potentials are taken to have where they cross, in thresholds for each unit
        of time: the same for all (the linear approximation), or None for the true slopes.
    floor: with slope None, the least slope.
    longest: greatest distance of an output's desired time from its actual one, so that a
        single output that is far too late, or silent, does not dominate; inf for no limit.
    displacement: how far desired times of hidden neurons are from the actual ones.
    normalise: whether errors are scaled to unit length.
    weight_decay: shrinking of the weights, relative to the learning rate, for each step.
    cures: cures for silence, see `ttfs.silence`.

    With one slope for all, silent neurons learn as if they had fired at the horizon; otherwise,
    only silent outputs that should fire do so.

    >>> STiDiBP(slope=1.0).displacement
    1.0
    """

    targets: Relative | Absolute = field(default_factory=lambda: Relative(gamma=0.1))
    slope: float | None = None
    floor: float = 0.1
    longest: float = np.inf
    displacement: float = 1.0
    normalise: bool = True
    weight_decay: float = 0.0
    cures: tuple[Cure, ...] = ()

    def __post_init__(self) -> None:
        kinds = "a losses.Relative() or losses.Absolute()"
        of_kind(self.targets, Relative | Absolute, "STiDiBP(targets=...)", kinds)
        if self.slope is not None:
            positive(self.slope, "STiDiBP(slope=...)")
        positive(self.floor, "STiDiBP(floor=...)", zero=True)
        positive(self.longest, "STiDiBP(longest=...)", endless=True)
        object.__setattr__(self, "cures", descent.as_cures(self.cures, "STiDiBP"))
        flag(self.normalise, "STiDiBP(normalise=...)")
        positive(self.displacement, "STiDiBP(displacement=...)")
        positive(self.weight_decay, "STiDiBP(weight_decay=...)", zero=True)

    def check(self, network: Network) -> None:
        """Refuse a network whose potentials jump, and cures that do not fit the network."""
        descent.check_response(network, Ramp, "STiDiBP")
        descent.check_cures(network, self.cures)

    def memory(self) -> Slots:
        """What is remembered from batch to batch."""
        return descent.memory(self.cures)

    def train(self, lesson: Lesson) -> tuple[float, int]:
        """Learn from a lesson; return loss and hits, summed."""
        return Descent(self._tell, self.weight_decay, self.cures).train(lesson)

    def _tell(self, network: Network, batch: Batch) -> Told:
        """The loss of a batch, and the error signal of every spike."""
        found = cross(network, batch.times)
        outputs = spikes_of(network, found, len(network.layers) - 1)
        desired = self.targets.targets(outputs, batch.labels, network.t_max)
        errors = np.minimum(outputs, network.t_max) - desired
        errors = np.clip(errors, -self.longest, self.longest)
        errors[np.arange(len(errors)), batch.labels] += self.targets.early * network.t_max**2
        loss = 0.5 * float(np.sum(np.square(errors / network.t_max)))
        descent.reach(outputs, errors, network.t_max)
        return Told(
            loss, hits(outputs, batch.labels), list(self._signals(network, batch, found, errors))
        )

    def _signals(
        self, network: Network, batch: Batch, found: Crossings, errors: np.ndarray
    ) -> Iterator[Signal]:
        """A signal for each layer, from last to first; errors are actual - desired times."""
        found, floor = self._linear(network, found)
        for layer in range(len(network.layers) - 1, -1, -1):
            positions, pools = network.layers[layer].positions, network.layers[layer].pools
            if self.normalise and not pools:
                errors = unit_length(errors, positions)
            shares = len(errors) * positions
            signal = signal_of(network, layer, batch.times, found, errors / shares, floor)
            yield signal
            if layer and pools:
                errors = signal.by_times(network) * shares
            elif layer:
                actual = np.minimum(spikes_of(network, found, layer - 1), network.t_max)
                moved = signal.by_times(network) * shares * self.displacement
                errors = actual - np.clip(actual - moved, 0, network.t_max)

    def _linear(self, network: Network, found: Crossings) -> tuple[Crossings, float]:
        """The crossings and the least slope; one slope for all becomes the least, the rest 0."""
        if self.slope is None:
            return found, self.floor
        spikes = np.minimum(found.spikes, network.t_max).astype(found.spikes.dtype)
        return found._replace(spikes=spikes, slopes=np.zeros_like(found.slopes)), self.slope

    def end_epoch(self, network: Network, silent: list[np.ndarray], seed: list[int]) -> int:
        """Revive dead hidden neurons, if that is among the cures; return how many."""
        return descent.revive(network, self.cures, silent, seed)
