"""Learning with steps: potentials at the decision, and surrogate derivatives of jumps."""

from dataclasses import dataclass

import numpy as np

from ttfs.checks import moderate, positive
from ttfs.codes.decoding import hits
from ttfs.engines.arrivals import arrivals_of
from ttfs.engines.crossings import cross, spikes_of
from ttfs.errors import InputError
from ttfs.gradients.causes import Jumps, arrived_at
from ttfs.gradients.signals import Signal
from ttfs.gradients.windows import FirstArrived, first_at, padded
from ttfs.losses import Answers, Distilled
from ttfs.network.delays import Delays
from ttfs.network.layers import delay_rate
from ttfs.network.network import Network
from ttfs.network.psp import Step
from ttfs.optimizers import Slots, share
from ttfs.rules.descent import Descent, Told, check_response
from ttfs.rules.lesson import Batch, Lesson

MOST = 1e30  # limit of potentials and of their errors, so that nothing overflows


@dataclass(frozen=True)
class Surrogate:
    """At the moment of the decision, the label's output should have the largest potential.

    Where potentials jump, spike times have no useful derivative: an output can only fire when
    an input arrives. But the output whose potential first reaches its threshold decides, and at
    that moment all potentials are sums of weights, with true derivatives. The loss is the
    cross-entropy of a softmax of potential / tau at the moment at which the first output fires
    (at the horizon if none does, where silence competes like an output that stands at its
    threshold). A hidden neuron counts if its spike has arrived by then. Whether it has is again
    a jump as a function of the neuron's own potential, and its derivative is replaced by
    exp(-abs(potential - threshold) / width): a surrogate gradient (Neftci, Mostafa & Zenke
    2019, arXiv 1901.09948), taken at one moment instead of at every time step. The choice of
    the moment, and with it this rule, is this project's own. In a pooling layer, the error goes
    to the input that came first or, if all were silent, to all of them, since a spike of any of
    them would have been passed on.

    Parameters
    ----------
    tau: scale of the softmax, in thresholds.
    width: width of the surrogate derivative, in thresholds.
    smoothing: share of the target probability that is spread evenly over all outputs.
    weight_decay: shrinking of the weights, relative to the learning rate, for each step.
    distilled: share of the target probability that a teacher decides, in 0..1; 0: no teacher.
    softness: scale of the teacher's softmax, see `ttfs.losses.Distilled`.

    >>> Surrogate(width=0.5).tau
    0.1
    """

    tau: float = 0.1
    width: float = 0.25
    smoothing: float = 0.0
    weight_decay: float = 0.0
    distilled: float = 0.0
    softness: float = 0.1

    def __post_init__(self) -> None:
        moderate(self.tau, "Surrogate(tau=...)")
        moderate(self.width, "Surrogate(width=...)")
        share(self.smoothing, "Surrogate(smoothing=...)")
        positive(self.weight_decay, "Surrogate(weight_decay=...)", zero=True)
        share(self.distilled, "Surrogate(distilled=...)", all_of_it=True)
        moderate(self.softness, "Surrogate(softness=...)")

    def check(self, network: Network) -> None:
        """Refuse a network that this rule cannot train.

        Potentials must jump, the last layer must have weights, and delays must not learn, nor
        may there be one for each synapse.
        """
        check_response(network, Step, "Surrogate")
        if any(isinstance(x.delay, Delays) and x.delay.per == "pair" for x in network.layers):
            raise InputError("rule Surrogate needs one delay for each layer, or for each input")
        if network.layers[-1].pools:
            raise InputError("rule Surrogate needs a last layer with weights")
        if any(delay_rate(layer) for layer in network.layers):
            raise InputError("rule Surrogate does not train delays; set their rate to 0")

    @property
    def taught(self) -> Distilled | None:
        """What this rule learns from a teacher; None if it needs none."""
        return Distilled(share=self.distilled, softness=self.softness) if self.distilled else None

    def memory(self) -> Slots:
        """Nothing is remembered from batch to batch."""
        return {}

    def train(self, lesson: Lesson) -> tuple[float, int]:
        """Learn from a lesson; return loss and hits, summed."""
        return Descent(self._tell, self.weight_decay).train(lesson)

    @np.errstate(over="ignore", invalid="ignore")  # of huge weights, see `signal_of`
    def _tell(self, network: Network, batch: Batch) -> Told:
        """The loss of a batch, and the error signals of its potentials."""
        found, last = cross(network, batch.times), len(network.layers) - 1
        spikes = [batch.times, *(spikes_of(network, found, k) for k in range(last + 1))]
        outputs = spikes[-1]
        moments = np.minimum(outputs.min(axis=1), network.t_max)
        until = np.repeat(moments[:, None], network.sizes[-1], axis=1)
        arrived = arrived_at(network, last, spikes[last])
        potential = potentials(network, last, arrived, until)
        loss, errors = self._errors(potential, batch.labels, moments < network.t_max, batch.answers)
        signals = [signal_of(network, last, arrived, -errors / len(errors), until)]
        for k in range(last - 1, -1, -1):
            errors = signals[-1].by_times(network)
            until = moments_below(network, k, until, spikes[k + 1])
            if network.layers[k].pools:
                causes = FirstArrived(*first_at(network, k, spikes[k]))
                first = np.ascontiguousarray(spikes[k + 1])
                signals.append(Signal(k, causes, errors, first))
                continue
            arrived = arrived_at(network, k, spikes[k])
            potential = potentials(network, k, arrived, until)
            errors = errors * np.exp(-np.abs(potential - 1) / self.width)
            signals.append(signal_of(network, k, arrived, errors, until))
        return Told(loss, hits(outputs, batch.labels), signals)

    def _errors(
        self,
        potential: np.ndarray,
        labels: np.ndarray,
        decided: np.ndarray,
        answers: Answers | None = None,
    ) -> tuple[float, np.ndarray]:
        """The loss summed over samples, and its derivative with respect to each potential."""
        silence = np.where(decided, -np.inf, 1.0)
        rivals = np.column_stack([potential, silence]) / self.tau
        rivals -= rivals.max(axis=1, keepdims=True)
        logarithms = rivals - np.log(np.exp(rivals).sum(axis=1, keepdims=True))
        wanted = np.full(potential.shape, self.smoothing / potential.shape[1])
        wanted[np.arange(len(wanted)), labels] += 1 - self.smoothing
        if answers is not None:
            wanted += self.distilled * (answers.decisions - wanted)
        loss = -float(np.sum(wanted * logarithms[:, :-1]))
        return loss, (np.exp(logarithms[:, :-1]) - wanted) / self.tau

    def end_epoch(self, network: Network, silent: list[np.ndarray], seed: list[int]) -> int:
        """No neuron is revived: silent neurons learn as others do."""
        return 0


def potentials(network: Network, layer: int, arrived: Jumps, until: np.ndarray) -> np.ndarray:
    """(samples, outputs) potentials of a layer at moments `until`, in thresholds; float64."""
    weights = network.padded(network.arrays.weights, layer)
    moments = padded(network, layer, until, -np.inf)
    found = np.empty(moments.shape, network.dtype)
    arrived.potentials(moments, weights, found)
    return over_thresholds(network, layer, found[:, : until.shape[1]])


def moments_below(
    network: Network, layer: int, until: np.ndarray, spikes: np.ndarray
) -> np.ndarray:
    """(samples, outputs) latest times at which spikes of a layer are in time for the next one.

    If neurons of the next layer have different moments, the last of these counts. A spike that
    was in time stays so, however the difference is rounded.
    """
    moments = until.max(axis=1, keepdims=True)
    delays = np.broadcast_to(network.delays[layer + 1][:, 0], network.sizes[layer + 1])
    latest = (moments - delays).astype(network.dtype)
    in_time = arrivals_of(spikes, delays) <= moments
    return np.where(in_time, np.maximum(latest, spikes), latest)


def signal_of(
    network: Network, layer: int, arrived: Jumps, errors: np.ndarray, until: np.ndarray
) -> Signal:
    """The signal of a layer, given the derivative by its negated potentials, in thresholds."""
    errors = np.where(np.isnan(errors), 0, errors)  # differences of sums that have overflowed
    gains = padded(network, layer, over_thresholds(network, layer, errors), 0)
    return Signal(layer, arrived, gains, padded(network, layer, until, -np.inf))


def over_thresholds(network: Network, layer: int, values: np.ndarray) -> np.ndarray:
    """(samples, outputs) values divided by a layer's thresholds, kept finite; float64."""
    thresholds = network.scaled_thresholds(layer).astype(float)
    with np.errstate(over="ignore"):
        thresholds = np.tile(thresholds, values.shape[1] // thresholds.size)
        return np.clip(values / thresholds, -MOST, MOST)
