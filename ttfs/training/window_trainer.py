"""Training of a network of ReLUs in PyTorch, validated as the network of spikes it becomes."""

import io
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ttfs.augmentation import Augmentation
from ttfs.conversion.conversion import Conversion
from ttfs.conversion.convert import convert
from ttfs.errors import InputError, RunError
from ttfs.files import interrupts
from ttfs.files.archives import ARCHIVE_LIMIT
from ttfs.files.interrupts import Interrupts
from ttfs.files.reading import read_file
from ttfs.files.writing import write_atomically
from ttfs.kernels.clock import clock
from ttfs.kernels.threads import threads
from ttfs.measures.diagnosis import diagnose
from ttfs.measures.metrics import evaluate
from ttfs.network.conv import Conv2d
from ttfs.network.network import Network
from ttfs.optimizers import Adam, rate_at, share
from ttfs.rules import Windows
from ttfs.torch import functional, torch
from ttfs.training.checkpoint import fingerprint
from ttfs.training.history import History, checked, line, note_warnings, record_of
from ttfs.training.progress import Bar
from ttfs.training.relus import Relus
from ttfs.training.split import split

SHOWN = 1000  # samples that tell how long windows must be
PATCHES = 2000  # images whose patches are whitened
MOMENTUM = 0.9  # of Muon


class WindowTrainer:
    """Trains a network of ReLUs, and makes of it one of single spikes in windows.

    Weights of hidden layers learn by Muon (Jordan et al. 2024) where it has a rate, and all else
    by AdamW; what is validated and kept is a running mean of them, once converted. With the same
    number of threads on the same machine, a seed decides all.

    network: placed layers; `network` is the trained one after `fit`, `conversion` how it came
    about. rule: its smoothing and weight decay count. muon: multiple of the optimizer's rate; 0:
    no Muon. dropout: of hidden dense layers. sparse: weight in the loss of the activations of all
    hidden layers. whiten: whether the first layer whitens patches and does not learn. Others as of
    `ttfs.Trainer`.
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
        seed: int = 0,
    ):
        self.network, self.rule, self.optimizer, self.muon = network, rule, optimizer, muon
        self.batch_size, self.augmentation, self.average = batch_size, augmentation, average
        self.validation = share(validation, "WindowTrainer(validation=...)")
        self.dropout, self.sparse, self.whiten, self.seed = dropout, sparse, whiten, seed
        self.binary = all(network.binary[k] for k, layer in enumerate(network.layers) if layer.rows)
        self.layers = network.layers
        self.conversion: Conversion | None = None
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        for change in augmentation:
            change.check(network.sizes[0])

    def fit(
        self,
        times: np.ndarray,
        labels: np.ndarray,
        *,
        epochs: int,
        checkpoint: Path | None = None,
        resume: bool = False,
        written: Callable[[], object] | None = None,
        progress: bool | None = None,
        log: Callable[[str], None] | None = None,
    ) -> History:
        """Train, and leave the network with its best weights by validation: see `Trainer.fit`.

        times: (samples, inputs) spike times in 0..1 of what values 1 - times say.
        """
        train, held_out = split(len(labels), self.validation, self.seed)
        torch.set_num_threads(threads())
        state = State(self, times[train[:PATCHES]])
        if checkpoint is not None:
            own = (repr(self.layers), repr(vars_of(self)), repr(epochs))
            state.bind(checkpoint, fingerprint(own, (times, labels)))
            if resume:
                state.read()
        bar = Bar(progress, epochs, state.epoch)
        told = bar.through(log)
        history = state.history
        with interrupts.handled() as ctrl_c:
            if state.epoch:
                ctrl_c.keep()
            if epochs <= state.epoch:
                told(f"nothing is left to learn: {state.epoch} epochs have been done, of {epochs}")
            try:
                while state.epoch < epochs:
                    started = clock()
                    record = self._learn(state, times, labels, train, epochs, ctrl_c)
                    ctrl_c.keep()
                    found = self.converted(state.mean, values(times[train[:SHOWN]]))
                    chosen = held_out if len(held_out) else train[:SHOWN]
                    evaluation = evaluate(found.network, times[chosen], labels[chosen])
                    record |= record_of(evaluation, len(held_out) > 0)
                    record |= {"revived": 0, "seconds": clock() - started}
                    state.note(record, evaluation.accuracy if len(held_out) else 0.0)
                    told(line(record, epochs))
                    note_warnings(history, diagnose(evaluation), told)
                    state.write()
                    if written is not None:
                        written()
                    bar.update()
            except KeyboardInterrupt:
                ctrl_c.keep()
                history.interrupted = True
            finally:
                bar.close()
            self.best, self.shown = state.best, values(times[train[:SHOWN]])
            self.conversion = self.converted(state.best, self.shown)
            self.network = self.conversion.network
        return history

    def converted(
        self, weights: dict[str, Any], shown: np.ndarray, steps: int | None = None
    ) -> Conversion:
        """The network of spikes that such weights become; values shown tell its thresholds."""
        relus = Relus(self.layers)
        relus.load_state_dict(weights)
        return convert(
            relus.folded(),
            shown,
            steps=steps,
            threshold="local" if steps else "max",
            per="layer" if self.binary else "channel",
            shape=self.network.shapes[0],
        )

    def with_steps(self, steps: int) -> Conversion:
        """The trained network with so many instants in a window, thresholds being `local`."""
        return self.converted(self.best, self.shown, steps)

    def _learn(
        self,
        state: "State",
        times: np.ndarray,
        labels: np.ndarray,
        train: np.ndarray,
        epochs: int,
        ctrl_c: Interrupts,
    ) -> dict[str, float]:
        """See every training sample once; the last learning rate, loss and accuracy."""
        relus, epoch = state.relus.train(), state.epoch
        torch.manual_seed(fingerprint_number(self.seed, epoch))
        order = np.random.default_rng([self.seed, 1, epoch]).permutation(train)
        loss, hits, seen = 0.0, 0, 0
        for start in range(0, len(order) - self.batch_size + 1, self.batch_size):
            ctrl_c.check()
            chosen = order[start : start + self.batch_size]
            rng = np.random.default_rng([self.seed, 3, epoch, start])
            maps = self.maps(self._varied(times[chosen], rng))
            wanted = torch.from_numpy(labels[chosen].astype(np.int64)).to(self.device)
            rate = state.rates((epoch + start / len(order)) / epochs)
            with torch.autocast(self.device.type, torch.bfloat16):
                potentials, said = relus(maps)
            potentials = potentials.float()
            error = functional.cross_entropy(
                potentials, wanted, label_smoothing=self.rule.smoothing
            )
            state.step(error + self.sparse * said)
            loss, seen = loss + float(error.detach()) * len(chosen), seen + len(chosen)
            hits += int((potentials.argmax(dim=1) == wanted).sum())
        return {
            "epoch": epoch + 1,
            "lr": rate,
            "loss": loss / seen,
            "accuracy": hits / seen,
        }

    def _varied(self, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Times, changed as augmentation says."""
        for change in self.augmentation:
            times = change.apply(times, rng)
        return times

    def maps(self, times: np.ndarray) -> Any:
        """(samples, channels, height, width) values of times, channels last in memory."""
        shaped = values(times).astype(np.float32).reshape(len(times), *self.network.shapes[0])
        return torch.from_numpy(shaped).to(self.device).permute(0, 3, 1, 2)


def values(times: np.ndarray) -> np.ndarray:
    """What spikes in a window of length 1 say."""
    return np.maximum(1 - times, 0)


def vars_of(trainer: WindowTrainer) -> tuple[Any, ...]:
    """What decides a training beside its layers and data."""
    names = "rule", "optimizer", "muon", "batch_size", "augmentation", "average"
    more = "validation", "dropout", "sparse", "whiten", "seed", "binary"
    return tuple(getattr(trainer, name) for name in names + more)


def fingerprint_number(*numbers: int) -> int:
    """A seed for PyTorch that depends on all of the numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


class State:
    """Weights, what optimizers remember, running means, the best so far, and the history."""

    def __init__(self, trainer: WindowTrainer, times: np.ndarray):
        self.trainer = trainer
        torch.manual_seed(fingerprint_number(trainer.seed))
        self.relus = Relus(trainer.layers, trainer.dropout).to(trainer.device)
        self.relus.to(memory_format=torch.channels_last)
        if trainer.whiten and isinstance(trainer.layers[0], Conv2d):
            self.relus.whiten(trainer.maps(times))
        hidden = [block.matrix for block in self.relus.blocks[:-1]]
        self.matrices = [one for one in hidden if trainer.muon and one.requires_grad]
        known = {id(one) for one in self.matrices}
        others = [
            one for one in self.relus.parameters() if id(one) not in known and one.requires_grad
        ]
        decayed = [one for one in others if one.ndim == 2 and not trainer.binary]
        rest = [one for one in others if one.ndim != 2 or trainer.binary]
        betas = trainer.optimizer.beta1, trainer.optimizer.beta2
        groups = [
            {"params": decayed, "weight_decay": trainer.rule.weight_decay},
            {"params": rest, "weight_decay": 0.0},
        ]
        told = {"betas": betas, "eps": trainer.optimizer.epsilon}
        self.optimizers = [torch.optim.AdamW([g for g in groups if g["params"]], **told)]
        if self.matrices:
            self.optimizers.append(
                torch.optim.Muon(self.matrices, momentum=MOMENTUM, weight_decay=0.0)
            )
        self.mean = copied(self.relus)
        self.best, self.best_score = copied(self.relus), -1.0
        self.steps = 0
        self.history = History()
        self.path: Path | None = None
        self.identity = ""

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.history.records)

    def rates(self, done: float) -> float:
        """Set the rates of a moment in training; that of AdamW."""
        rate = rate_at(self.trainer.optimizer.lr, done)
        for optimizer, times in zip(self.optimizers, (1.0, self.trainer.muon), strict=False):
            for group in optimizer.param_groups:
                group["lr"] = rate * times
        return rate

    def step(self, loss: Any) -> None:
        """Go down the gradient of a loss, and let running means follow."""
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()
        self.steps += 1
        trainer = self.trainer
        part = min(1.0, trainer.batch_size / trainer.average) if trainer.average else 1.0
        part = max(part, 1 / self.steps)
        with torch.no_grad():
            for matrix in self.matrices:  # whose length a norm does not feel, but its steps do
                matrix.mul_(len(matrix) ** 0.5 / matrix.norm())
            if trainer.binary:
                for block in self.relus.blocks:
                    block.matrix.clamp_(-1, 1)
            for name, value in self.relus.state_dict().items():
                self.mean[name].lerp_(value, part)

    def note(self, record: dict[str, float], score: float) -> None:
        """Add an epoch's record, and keep its weights unless an earlier one was better."""
        if not all(torch.isfinite(value).all() for value in self.mean.values()):
            raise InputError(
                f"weights are no longer finite after epoch {self.epoch + 1};"
                " lower the learning rate"
            )
        if score >= self.best_score:
            self.best_score = score
            self.best = {name: value.clone() for name, value in self.mean.items()}
            self.history.best_epoch = self.epoch + 1
        self.history.records.append(record)

    def bind(self, path: Path, identity: str) -> None:
        """Keep this training in a file; `identity` says which training it is."""
        self.path, self.identity = path, identity

    def write(self) -> None:
        """Write everything, under a temporary name first."""
        if self.path is None:
            return
        held = io.BytesIO()
        torch.save(self._stored(), held)
        write_atomically(self.path, held.getvalue())

    def _stored(self) -> dict[str, Any]:
        return {
            "identity": self.identity,
            "now": self.relus.state_dict(),
            "mean": self.mean,
            "best": self.best,
            "best_score": self.best_score,
            "steps": self.steps,
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "history": asdict(self.history),
        }

    def read(self) -> None:
        """Go back to what the file holds; if there is none, begin at the beginning."""
        if self.path is None or not self.path.exists():
            return
        try:
            content = io.BytesIO(read_file(self.path, ARCHIVE_LIMIT))
            stored = torch.load(content, map_location=self.trainer.device, weights_only=True)
            if not isinstance(stored, dict) or set(stored) != set(self._stored()):
                raise InputError("it holds something else")
            history = checked(stored["history"])
        except (InputError, OSError) as error:
            raise self._unreadable(error) from None
        except Exception:  # PyTorch has many words for it
            raise self._unreadable("its content is damaged") from None
        if stored["identity"] != self.identity:
            raise RunError(
                f"{self.path} belongs to a training with other data or settings;"
                " resume with the same ones, or start anew"
            )
        try:
            self.relus.load_state_dict(stored["now"])
            for name, value in self.mean.items():
                for kind in ("mean", "best"):
                    if stored[kind][name].shape != value.shape:
                        raise InputError(f"{name} has another shape")
            for optimizer, known in zip(self.optimizers, stored["optimizers"], strict=True):
                optimizer.load_state_dict(known)
        except Exception as error:
            raise self._unreadable(error) from None
        self.mean, self.best = stored["mean"], stored["best"]
        self.best_score, self.steps = float(stored["best_score"]), int(stored["steps"])
        self.history = history
        self.history.interrupted = False

    def _unreadable(self, why: Any) -> RunError:
        return RunError(f"{self.path} is not a readable checkpoint: {why}")


def copied(relus: Relus) -> dict[str, Any]:
    """Weights and running figures, as they are."""
    return {name: value.detach().clone() for name, value in relus.state_dict().items()}
