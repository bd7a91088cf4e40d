"""Training of clocked networks in PyTorch, validated as they run by their clock."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ttfs.augmentation import Augmentation
from ttfs.checks import as_labels, flag, of_kind, positive
from ttfs.clocked.coupling import Coupled, coupled_loss
from ttfs.clocked.evaluation import ClockedEvaluation
from ttfs.clocked.modules import GAIN, Clocked
from ttfs.clocked.rate import Rate
from ttfs.clocked.surrogates import Surrogate
from ttfs.errors import InputError
from ttfs.network.network import Network
from ttfs.optimizers import Adam
from ttfs.rules import Windows
from ttfs.torch import functional, torch
from ttfs.training.checkpoint import fingerprint
from ttfs.training.history import History
from ttfs.training.teacher import Teacher
from ttfs.training.torch_loop import Examined, Loop, values


class ClockedTrainer:
    """Trains a network that fires by a clock: through all its steps, or by an analog branch.

    network: its layers; after `fit`, the attribute is the trained network, to be run by
    `ttfs.clocked.run` with `rate`. If votes, NeuNorm, ReLUs above spikes or signs of padded maps
    rule out a network of this package, it is None, and `clocked(best)` is the trained module.
    rate, surrogate, norm, signed, gain, spread, voters, learned, spiking: as for `Clocked`.
    coupling: None: gradients propagate back through the steps; otherwise the coupling with an
    analog branch, as for `Coupled`. progressive: whether, with a coupling, layers switch to spikes
    one by one during training, from the first layer up, while those below the newest stop learning
    (Wu et al. 2020, arXiv 2007.01204); this needs at least one epoch more than there are layers.
    loss: "ce", the cross-entropy of the outputs multiplied by `sharpness`; or "mse", their squared
    distance from 1 for the label and 0 for others. teacher: what the network learns from besides
    labels. rule: only its smoothing and weight decay are used. muon: needs norm="batch", as the
    norm of the weights then has no effect. Others as for
    `ttfs.training.window_trainer.WindowTrainer`.
    """

    def __init__(
        self,
        network: Network,
        rule: Windows,
        optimizer: Adam,
        rate: Rate,
        *,
        surrogate: Surrogate | None = None,
        norm: str = "batch",
        signed: bool = False,
        gain: float = GAIN,
        spread: float = 1.0,
        voters: int = 1,
        learned: bool = False,
        spiking: int | None = None,
        coupling: str | None = None,
        progressive: bool = False,
        loss: str = "ce",
        sharpness: float = 4.0,
        teacher: Teacher | None = None,
        muon: float = 0.0,
        batch_size: int = 100,
        augmentation: Sequence[Augmentation] = (),
        average: int = 0,
        validation: float = 0.1,
        seed: int = 0,
    ):
        of_kind(network, Network, "ClockedTrainer(network=...)", "a Network")
        of_kind(rule, Windows, "ClockedTrainer(rule=...)", "ttfs.rules.Windows()")
        of_kind(optimizer, Adam, "ClockedTrainer(optimizer=...)", "Adam(...)")
        if muon and norm != "batch":
            raise InputError("ClockedTrainer(muon=...) needs norm='batch'")
        if flag(progressive, "ClockedTrainer(progressive=...)") and coupling is None:
            raise InputError("ClockedTrainer(progressive=True) needs a coupling, such as 'tandem'")
        if loss not in ("ce", "mse"):
            raise InputError(f"ClockedTrainer(loss=...) must be 'ce' or 'mse', got {loss!r}")
        self.loop = Loop(
            "ClockedTrainer",
            network,
            optimizer,
            muon=muon,
            decay=rule.weight_decay,
            batch_size=batch_size,
            augmentation=augmentation,
            average=average,
            validation=validation,
            seed=seed,
        )
        self.network: Network | None = network
        self.layers, self.rule, self.rate, self.seed = network, rule, rate, seed
        self.told: dict[str, Any] = {"norm": norm, "signed": signed, "gain": gain, "spread": spread}
        self.told |= {"voters": voters}
        self.told |= {"learned": learned, "spiking": spiking}
        if spiking is not None and coupling is not None:
            raise InputError("ClockedTrainer(spiking=...) is for networks without a coupling")
        self.surrogate = Surrogate() if surrogate is None else surrogate
        self.coupling, self.progressive, self.loss_kind = coupling, progressive, loss
        self.sharpness = positive(sharpness, "ClockedTrainer(sharpness=...)")
        self.teacher = of_kind(teacher, Teacher | None, "ClockedTrainer(teacher=...)", "a Teacher")
        if self.teacher is not None and self.teacher.layers and coupling is not None:
            raise InputError("a Teacher(layers=...) is for students without a coupling")
        self._made()  # which checks the rest

    def fit(self, times: Any, labels: Any, **settings: Any) -> History:
        """Train; then `network` and `best` have the weights that did best in validation.

        times, settings: as for `WindowTrainer.fit`.
        """
        classes = self.layers.sizes[-1] // self.told["voters"]
        labels = as_labels(labels, np.shape(labels)[0] if np.ndim(labels) else 0, classes)
        return self.loop.fit(self, times, labels, **settings)

    def _made(self) -> Any:
        """A fresh module."""
        told: dict[str, Any] = {"surrogate": self.surrogate, "seed": self.seed, **self.told}
        if self.coupling is None:
            return Clocked(self.layers, self.rate, **told)
        return Coupled(self.layers, self.rate, self.coupling, **told)

    def module(self, times: np.ndarray) -> Any:
        """The module with its initial weights."""
        module = self._made()
        if self.teacher is not None:
            self.teacher.watch(module)
        return module

    def epoch(self, module: Any, done: float) -> None:
        """In progressive training, switch one more layer to spikes and freeze those below it."""
        if self.progressive:
            layers = len(module.blocks)
            module.spiking = min(layers, int(done * (layers + 1)))
            for block in module.blocks[: max(0, module.spiking - 1)]:
                block.requires_grad_(False)
                block.eval()  # the statistics of norms stay, too

    def loss(self, module: Any, maps: Any, labels: Any) -> tuple[Any, Any]:
        """The loss, and the values of the outputs after the last step."""
        with torch.autocast(self.loop.device.type, torch.bfloat16):
            outputs = module(maps)
        outputs = outputs.float() if self.coupling else outputs[-1].float()
        if self.loss_kind == "mse":
            error = coupled_loss(outputs, labels, loss="mse")
        else:
            outputs = self.sharpness * outputs
            told = {"label_smoothing": self.rule.smoothing}
            error = functional.cross_entropy(outputs, labels, **told)
        if self.teacher is not None:
            error = self.teacher.loss(maps, outputs, error)
        return error, outputs

    def clocked(self, weights: dict[str, Any]) -> Clocked:
        """The network as a module with the given weights."""
        module = self._made()
        module.load_state_dict(weights)
        return module.clocked if self.coupling else module

    def evaluated(self, weights: dict[str, Any], times: Any, labels: Any) -> ClockedEvaluation:
        """How well, how soon and at what cost the network decides."""
        return self.clocked(weights).to(self.loop.device).evaluate(values(times), labels)

    def examine(
        self, weights: dict[str, Any], times: np.ndarray, labels: np.ndarray, validated: bool
    ) -> Examined:
        """How good the network is, run by its clock."""
        found = self.evaluated(weights, times, labels)
        record: dict[str, float] = {"spikes_per_hidden_neuron": found.spikes_per_hidden_neuron}
        if validated:
            record |= {"validation_accuracy": found.accuracy}
            record |= {
                "validation_accuracy_lenient": found.accuracy_lenient,
                "validation_undecided": found.undecided / found.samples,
            }
        return Examined(found.accuracy, record, [])

    def finish(self, weights: dict[str, Any]) -> None:
        """Keep the best weights, as a network of this package if that is possible."""
        self.best = weights
        module = self.clocked(weights)
        self.network = None if module.unfit() else module.folded()

    def settings(self) -> tuple[Any, ...]:
        """What determines a training besides the loop, the layers and the data."""
        own = self.rule, self.rate, self.surrogate, self.coupling, self.loss_kind, self.sharpness
        teacher = None if self.teacher is None else self.teacher.settings()
        skips = [
            (skip, skip.weight, skip.layer and skip.layer.initial) for skip in self.layers.skips
        ]
        begun = ""
        if self.told["learned"]:
            known = [*self.layers.weights, *self.layers.biases]
            begun = fingerprint([], [np.asarray(one) for one in known if one is not None])
        return (*own, self.progressive, teacher, skips, begun, sorted(self.told.items()))
