"""Training of a network of ReLUs in PyTorch, validated as the spiking network it becomes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ttfs.augmentation import Augmentation
from ttfs.checks import flag, of_kind, positive
from ttfs.conversion.conversion import Conversion
from ttfs.conversion.convert import convert
from ttfs.errors import InputError
from ttfs.measures.diagnosis import diagnose
from ttfs.measures.metrics import evaluate
from ttfs.network.conv import Conv2d
from ttfs.network.network import Network
from ttfs.network.psp import Windows as WindowsPsp
from ttfs.optimizers import Adam, share
from ttfs.rules import Windows
from ttfs.torch import functional, torch
from ttfs.training.clipping import clipping_of
from ttfs.training.history import History, record_of
from ttfs.training.relus import Relus, recount
from ttfs.training.teacher import Teacher
from ttfs.training.torch_loop import SHOWN, Examined, Loop

PATCHES = 2000  # images whose patches are whitened


class WindowTrainer:
    """Trains a network of ReLUs, and converts it to one of single spikes in windows.

    Weights of hidden layers learn by Muon (Jordan et al. 2024) if `muon` is above 0, all others
    by AdamW; a running mean of the weights is converted, validated and kept. With the same number
    of threads on the same machine, the seed decides the result.

    network: gives the layers, and does not learn itself: after `fit`, `network` is the trained
    one, and `conversion` what `convert` gave. With `psp=Windows(steps)`, ReLUs are quantised to
    these steps in training. rule: only its smoothing and weight decay are used. muon: the rate of
    Muon as a multiple of the optimizer's; 0: no Muon. validation: share of the samples held out.
    dropout: for hidden dense layers. sparse: weight of the activations of all hidden layers in
    the loss. whiten: whether a first convolution whitens patches and does not learn. clipped:
    whether ReLUs are clipped at learned thresholds, one for each layer, as they always are with
    steps. rounded: number of steps to which ReLUs are rounded in training although neurons may
    fire at any time; the network can then do with so few steps.
    noise: on clipped ReLUs, see `Clipping`.
    teacher: from which the network learns in addition to labels.
    All others are as for `ttfs.Trainer`.
    """

    def __init__(
        self,
        network: Network,
        rule: Windows,
        optimizer: Adam,
        *,
        muon: float = 0.0,
        batch_size: int = 100,
        augmentation: Sequence[Augmentation] = (),
        average: int = 0,
        validation: float = 0.1,
        dropout: float = 0.0,
        sparse: float = 0.0,
        whiten: bool = False,
        clipped: bool = False,
        rounded: int | None = None,
        noise: float = 0.0,
        teacher: Teacher | None = None,
        seed: int = 0,
    ):
        self.loop = Loop(
            "WindowTrainer",
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
        self.network, self.layers, self.rule, self.seed = network, network.layers, rule, seed
        self.dropout = share(dropout, "WindowTrainer(dropout=...)")
        self.sparse = positive(sparse, "WindowTrainer(sparse=...)", zero=True)
        self.whiten = flag(whiten, "WindowTrainer(whiten=...)")
        self.teacher = of_kind(teacher, Teacher | None, "WindowTrainer(teacher=...)", "a Teacher")
        self.clipping = clipping_of(network.psp, clipped, rounded, noise, "WindowTrainer")
        assert isinstance(network.psp, WindowsPsp)
        self.steps = network.psp.steps
        self.binary = all(network.binary[k] for k, layer in enumerate(network.layers) if layer.rows)
        self.conversion: Conversion | None = None

    def fit(self, times: Any, labels: Any, **settings: Any) -> History:
        """Train; then `network` has the weights that validate best. See `Trainer.fit`.

        times: (samples, inputs) spike times in 0..1, which stand for values of 1 - times.
        settings: epochs, checkpoint, resume, written, progress, log.
        """
        return self.loop.fit(self, times, labels, **settings)

    def module(self, times: np.ndarray) -> Relus:
        """The network of ReLUs with its initial weights."""
        relus = Relus(self.layers, self.dropout, self.clipping, self.seed)
        if self.whiten and isinstance(self.layers[0], Conv2d):
            relus.whiten(self.loop.maps(times[:PATCHES]).cpu())
        if self.teacher is not None:
            self.teacher.watch(relus)
        return relus

    def epoch(self, module: Any, done: float) -> None:
        """Nothing changes between epochs."""

    def loss(self, module: Any, maps: Any, labels: Any) -> tuple[Any, Any]:
        """The loss, cross-entropy plus the price of activations, and the potentials."""
        with torch.autocast(self.loop.device.type, torch.bfloat16):
            potentials, said = module(maps)
        told = {"label_smoothing": self.rule.smoothing}
        error = functional.cross_entropy(potentials.float(), labels, **told)
        if self.teacher is not None:
            error = self.teacher.loss(maps, potentials.float(), error)
        return error + self.sparse * said, potentials

    def examine(
        self, weights: dict[str, Any], times: np.ndarray, labels: np.ndarray, validated: bool
    ) -> Examined:
        """How good the spiking network is."""
        found = evaluate(self.converted(weights).network, times, labels)
        return Examined(found.accuracy, record_of(found, validated), diagnose(found))

    def finish(self, weights: dict[str, Any]) -> None:
        """Convert the best weights."""
        self.best = weights
        self.conversion = self.converted(weights)
        self.network = self.conversion.network

    def settings(self) -> tuple[Any, ...]:
        """What decides a training apart from the loop, the layers and the data."""
        teacher = None if self.teacher is None else self.teacher.settings()
        return teacher, *(
            getattr(self, name)
            for name in ("rule", "dropout", "sparse", "whiten", "binary", "clipping", "steps")
        )

    def relus(self, weights: dict[str, Any]) -> Relus:
        """The network of ReLUs with these weights; if one-bit, with norms computed anew."""
        clipping = self.clipping and replace(self.clipping, noise=0.0)
        relus = Relus(self.layers, clipping=clipping)
        relus.load_state_dict(weights)
        if self.binary:
            recount(relus, self.loop.maps(1 - self.loop.shown[:SHOWN]).cpu())
        return relus

    def converted(self, weights: dict[str, Any], steps: int | None = None) -> Conversion:
        """The spiking network that these weights become.

        Some of the training samples give its thresholds, unless these were learned. steps: number
        of instants in a window; None: as in training.
        """
        relus = self.relus(weights)
        shown, shape = self.loop.shown, self.network.shapes[0]
        if self.clipping is not None:
            told: dict[str, Any] = {"steps": steps or self.steps, "shape": shape}
            return convert(relus.folded(), shown[:SHOWN], threshold=relus.thresholds(), **told)
        return convert(
            relus.folded(),
            shown[:SHOWN] if steps else shown,
            steps=steps,
            threshold="error" if steps else "max",
            per="layer" if self.binary else "channel",
            shape=shape,
        )

    def with_steps(self, steps: int) -> Conversion:
        """The trained network with this number of instants in a window."""
        if self.conversion is None:
            raise InputError("with_steps needs a trained network: call fit first")
        return self.converted(self.best, steps)
