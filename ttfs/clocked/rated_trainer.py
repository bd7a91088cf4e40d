"""Training of ReLUs that are run by firing rates."""

from typing import Any

from ttfs.clocked.evaluation import ClockedEvaluation, evaluate
from ttfs.clocked.methods import METHODS, convert_to_rates
from ttfs.measures.metrics import predict
from ttfs.network.network import Network
from ttfs.training.torch_loop import SHOWN, Examined, values
from ttfs.training.window_trainer import WindowTrainer


class RatedTrainer(WindowTrainer):
    """Trains a network of ReLUs, and converts it to one that fires by a clock.

    What is validated, kept and described by the history is the network of single spikes in windows
    that the ReLUs become; what is reported is the same network run by rates.

    method: a name in `ttfs.clocked.METHODS`. steps: of the rate. Others as for `WindowTrainer`.
    """

    def __init__(self, network: Network, *settings: Any, method: str, steps: int, **more: Any):
        super().__init__(network, *settings, **more)
        self.method, self.rate = method, METHODS[method].rates(steps)

    def finish(self, weights: dict[str, Any]) -> None:
        """Convert the best weights."""
        if METHODS[self.method].thresholds is None:
            super().finish(weights)
            return
        told: Any = self.loop.shown[:SHOWN], self.method, self.rate.steps
        settings: dict[str, Any] = {"shape": self.network.shapes[0]}
        if self.binary:  # or one-bit weights would have many sizes
            settings["per"] = "layer"
        relus = self.relus(weights).folded()
        self.best = weights
        self.conversion, self.rate = convert_to_rates(relus, *told, **settings)
        self.network = self.conversion.network

    def examine(self, *args: Any) -> Examined:
        """How good weights are, without the warnings that concern single spikes only."""
        return super().examine(*args)._replace(warnings=[])

    def evaluated(self, weights: dict[str, Any], times: Any, labels: Any) -> ClockedEvaluation:
        """How well, how soon and at what cost the trained network decides, and how like its ReLUs.

        weights: the best ones, from which it was made.
        """
        assert self.conversion is not None
        said = values(times)
        if METHODS[self.method].thresholds is None:  # its windows are what was trained
            relus = predict(self.network, times)
        else:
            relus = self.conversion.decisions(said)
        return evaluate(self.network, said, labels, self.rate, decisions=relus)
