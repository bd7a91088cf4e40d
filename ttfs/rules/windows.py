"""The gradient of a network of ReLUs, for networks whose layers have windows."""

from dataclasses import dataclass

import numpy as np

from ttfs.checks import moderate, positive
from ttfs.engines.sums import one_thread
from ttfs.errors import InputError
from ttfs.gradients.sums import Errors, Heard, SumSignal, hear, tell, tell_pooled
from ttfs.network import psp
from ttfs.network.network import Network
from ttfs.optimizers import Slots, share
from ttfs.rules.descent import Descent, Told, check_response
from ttfs.rules.lesson import Batch, Lesson


@dataclass(frozen=True)
class Windows:
    """The output with the largest potential should be the label's: gradient descent as for ReLUs.

    With `ttfs.Windows`, a neuron with potential V passes on min(max(V, 0) / threshold, 1). Its
    derivative is therefore that of a clipped ReLU, and training proceeds as it does for ReLUs
    (Stanojevic et al. 2023, arXiv 2212.12522, section 3). With steps, derivatives are those
    without steps, straight through the rounding (Bu et al. 2022, arXiv 2303.04347, section 4.3).
    In a pooling window only the earliest spike learns; of simultaneous ones, the first in order.
    The loss is the cross-entropy of a softmax of potential / (tau threshold) of the last layer.

    Parameters
    ----------
    tau: scale of the softmax, in thresholds.
    smoothing: share of the target probability that is spread evenly over all outputs.
    weight_decay: shrinking of the weights, relative to the learning rate, for each step.

    >>> Windows(smoothing=0.1).tau
    0.1
    """

    tau: float = 0.1
    smoothing: float = 0.0
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        moderate(self.tau, "Windows(tau=...)")
        share(self.smoothing, "Windows(smoothing=...)")
        positive(self.weight_decay, "Windows(weight_decay=...)", zero=True)

    def check(self, network: Network) -> None:
        """Refuse a network without windows, or whose last layer has no weights."""
        check_response(network, psp.Windows, "Windows")
        if network.layers[-1].pools:
            raise InputError("rule Windows needs a last layer with weights")

    def memory(self) -> Slots:
        """Nothing is remembered from batch to batch."""
        return {}

    def train(self, lesson: Lesson) -> tuple[float, int]:
        """Learn from a lesson; return loss and hits, summed."""
        with one_thread():
            return Descent(self._tell, self.weight_decay).train(lesson)

    def _tell(self, network: Network, batch: Batch) -> Told:
        """The loss of a batch, and the error signals of its potentials."""
        code, last = network.psp, len(network.layers) - 1
        assert isinstance(code, psp.Windows)
        values = [code.values(batch.times, 0).astype(network.dtype)]
        layers: list[Heard] = []
        for k in range(last + 1):
            layers.append(hear(network, k, values, code.steps or 0))
            values.append(layers[-1].values)
        columns = network.layers[last].columns
        potentials = layers[-1].potentials[:, :columns].astype(float)
        shares = (potentials / network.scaled_thresholds(last)).reshape(len(values[0]), -1)
        loss, errors = self._errors(shares, batch.labels)
        told: Errors = [None] * (last + 1) + [errors / len(errors)]
        signals: list[SumSignal] = []
        for k in range(last, -1, -1):
            said = told[k + 1]
            if said is None:
                continue
            if not network.layers[k].pools:
                signals.append(tell(network, k, layers[k], said, told))
            elif k:
                below, before = tell_pooled(network, k, values, said), told[k]
                told[k] = below if before is None else before + below
        return Told(loss, int((shares.argmax(axis=1) == batch.labels).sum()), signals)

    def _errors(self, shares: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
        """The loss summed over samples, and its derivative by each potential in thresholds."""
        rivals = shares / self.tau
        rivals -= rivals.max(axis=1, keepdims=True)
        logarithms = rivals - np.log(np.exp(rivals).sum(axis=1, keepdims=True))
        wanted = np.full(shares.shape, self.smoothing / shares.shape[1])
        wanted[np.arange(len(labels)), labels] += 1 - self.smoothing
        return -float(np.sum(wanted * logarithms)), (np.exp(logarithms) - wanted) / self.tau

    def end_epoch(self, network: Network, silent: list[np.ndarray], seed: list[int]) -> int:
        """No neuron is revived: one that is silent in all samples stays so."""
        return 0
