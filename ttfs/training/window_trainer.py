"""Training of a network of ReLUs in PyTorch, validated as the network of spikes it becomes."""

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
    """Trains a network of ReLUs, and makes of it one of single spikes in windows.

    Weights of hidden layers learn by Muon (Jordan et al. 2024) where it has a rate, and all else
    by AdamW; what is validated and kept is a running mean of them, once converted. With the same
    number of threads on the same machine, a seed decides all.

    network: placed layers; it does not learn: after `fit`, `network` is the trained one, and
    `conversion` how it came about. With `psp=Windows(steps)` ReLUs learn quantised to these steps.
    rule: its smoothing and weight decay count. muon: multiple of the optimizer's rate; 0: no Muon.
    validation: share of the samples held out. dropout: of hidden dense layers. sparse: weight in
    the loss of the activations of all hidden layers. whiten: whether a first convolution whitens
    patches and does not learn. clipped: whether ReLUs are clipped at thresholds that learn, one
    for each layer, as they are where there are steps. rounded: steps to which ReLUs are rounded
    while they learn, though neurons may fire at any time: the network then can do with so few.
    noise: on clipped ReLUs, see `Clipping`.
    teacher: from which it learns besides labels.
    Others as of `ttfs.Trainer`.
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
        """Train; then `network` is that of the best weights by validation. See `Trainer.fit`.

        times: (samples, inputs) spike times in 0..1 of what values 1 - times say. settings:
        epochs, checkpoint, resume, written, progress, log.
        """
        return self.loop.fit(self, times, labels, **settings)

    def module(self, times: np.ndarray) -> Relus:
        """The ReLUs with their first weights."""
        relus = Relus(self.layers, self.dropout, self.clipping, self.seed)
        if self.whiten and isinstance(self.layers[0], Conv2d):
            relus.whiten(self.loop.maps(times[:PATCHES]).cpu())
        if self.teacher is not None:
            self.teacher.watch(relus)
        return relus

    def epoch(self, module: Any, done: float) -> None:
        """Nothing changes."""

    def loss(self, module: Any, maps: Any, labels: Any) -> tuple[Any, Any]:
        """Cross-entropy of the potentials, and the price of activations."""
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
        """How good the network of spikes is."""
        found = evaluate(self.converted(weights).network, times, labels)
        return Examined(found.accuracy, record_of(found, validated), diagnose(found))

    def finish(self, weights: dict[str, Any]) -> None:
        """Convert the best weights."""
        self.best = weights
        self.conversion = self.converted(weights)
        self.network = self.conversion.network

    def settings(self) -> tuple[Any, ...]:
        """What decides a training beside the loop, the layers and the data."""
        teacher = None if self.teacher is None else self.teacher.settings()
        return teacher, *(
            getattr(self, name)
            for name in ("rule", "dropout", "sparse", "whiten", "binary", "clipping", "steps")
        )

    def relus(self, weights: dict[str, Any]) -> Relus:
        """The network of ReLUs that has such weights; of one-bit ones, with norms counted anew."""
        clipping = self.clipping and replace(self.clipping, noise=0.0)
        relus = Relus(self.layers, clipping=clipping)
        relus.load_state_dict(weights)
        if self.binary:
            recount(relus, self.loop.maps(1 - self.loop.shown[:SHOWN]).cpu())
        return relus

    def converted(self, weights: dict[str, Any], steps: int | None = None) -> Conversion:
        """The network of spikes that such weights become.

        What was shown tells its thresholds, unless they have been learned. steps: instants of a
        window; None: as it has learned.
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
        """The trained network with so many instants in a window."""
        if self.conversion is None:
            raise InputError("with_steps is about a trained network: call fit first")
        return self.converted(self.best, steps)
