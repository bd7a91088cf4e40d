"""Training of a network of ReLUs in PyTorch, validated as the network of spikes it becomes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ttfs.augmentation import Augmentation
from ttfs.checks import as_labels, flag, of_kind, positive, several, whole
from ttfs.conversion.conversion import Conversion
from ttfs.conversion.convert import convert
from ttfs.engines.batch import lost_share
from ttfs.errors import InputError
from ttfs.files import interrupts
from ttfs.files.interrupts import Interrupts
from ttfs.kernels.clock import clock
from ttfs.kernels.threads import threads
from ttfs.measures.diagnosis import diagnose, too_late
from ttfs.measures.metrics import evaluate
from ttfs.network.conv import Conv2d
from ttfs.network.maps import rows_of
from ttfs.network.network import Network
from ttfs.optimizers import Adam, share
from ttfs.rules import Windows
from ttfs.torch import functional, torch
from ttfs.training.checkpoint import fingerprint
from ttfs.training.history import History, line, note_warnings, record_of
from ttfs.training.progress import Bar
from ttfs.training.relus import Relus
from ttfs.training.split import split
from ttfs.training.window_state import State

SHOWN = 1000  # samples that tell how long windows must be
PATCHES = 2000  # images whose patches are whitened


class WindowTrainer:
    """Trains a network of ReLUs, and makes of it one of single spikes in windows.

    Weights of hidden layers learn by Muon (Jordan et al. 2024) where it has a rate, and all else
    by AdamW; what is validated and kept is a running mean of them, once converted. With the same
    number of threads on the same machine, a seed decides all.

    network: placed layers; it does not learn: after `fit`, `network` is the trained one, and
    `conversion` how it came about. rule: its smoothing and weight decay count. muon: multiple of
    the optimizer's rate; 0: no Muon. validation: share of the samples held out. dropout: of hidden
    dense layers. sparse: weight in the loss of the activations of all hidden layers. whiten:
    whether a first convolution whitens patches and does not learn. Others as of `ttfs.Trainer`.
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
        self.network, self.layers, self.rule, self.optimizer = (
            network,
            network.layers,
            rule,
            optimizer,
        )
        self.muon = positive(muon, "WindowTrainer(muon=...)", zero=True)
        self.batch_size = whole(batch_size, "WindowTrainer(batch_size=...)", least=2)
        self.average = whole(average, "WindowTrainer(average=...)", least=0)
        self.validation = share(validation, "WindowTrainer(validation=...)")
        self.dropout = share(dropout, "WindowTrainer(dropout=...)")
        self.sparse = positive(sparse, "WindowTrainer(sparse=...)", zero=True)
        self.whiten = flag(whiten, "WindowTrainer(whiten=...)")
        self.seed = whole(seed, "WindowTrainer(seed=...)", least=0)
        kinds = "a list of ttfs.augmentation, such as [Jitter(0.1)]"
        whose = "WindowTrainer(augmentation=...)"
        self.augmentation = several(augmentation, Augmentation, whose, kinds)
        self.binary = all(network.binary[k] for k, layer in enumerate(network.layers) if layer.rows)
        self.conversion: Conversion | None = None
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        for change in self.augmentation:
            change.check(network.sizes[0])

    def fit(
        self,
        times: Any,
        labels: Any,
        *,
        epochs: int,
        checkpoint: str | Path | None = None,
        resume: bool = False,
        written: Callable[[], object] | None = None,
        progress: bool | None = None,
        log: Callable[[str], None] | None = None,
    ) -> History:
        """Train; then `network` is that of the best weights by validation. See `Trainer.fit`.

        times: (samples, inputs) spike times in 0..1 of what values 1 - times say.
        """
        epochs = whole(epochs, "fit(epochs=...)")
        of_kind(log, Callable | None, "fit(log=...)", "a function of a line of text, or None")
        if flag(resume, "fit(resume=...)") and checkpoint is None:
            raise InputError("fit(resume=True) goes on from a file: name it with checkpoint=...")
        times = rows_of(times, self.network.shapes[0])
        labels = as_labels(labels, len(times), self.network.sizes[-1])
        train, held_out = split(len(labels), self.validation, self.seed)
        if len(train) < 2:
            raise InputError(f"training needs at least 2 samples, got {len(train)}")
        mixed = np.random.default_rng([self.seed, 4]).permutation(train)
        self.shown = values(times[mixed[:SHOWN]])
        with using(threads()), interrupts.handled() as ctrl_c:
            state = self._state(times[mixed[:PATCHES]])
            if checkpoint is not None:
                own = repr(self.layers), repr(self._settings()), repr(epochs)
                state.bind(Path(checkpoint), fingerprint(own, (times, labels)))
                if resume:
                    state.read()
            chosen = held_out if len(held_out) else mixed[:SHOWN]
            probe = times[chosen], labels[chosen]
            bar = Bar(progress, epochs, state.epoch)
            told = bar.through(log)
            note_warnings(state.history, too_late(lost_share(self.network, times[train])), told)
            if state.epoch:
                ctrl_c.keep()
            if epochs <= state.epoch:
                told(f"nothing is left to learn: {state.epoch} epochs have been done, of {epochs}")
            try:
                while state.epoch < epochs:
                    started = clock()
                    record = self._learn(state, times, labels, train, epochs, ctrl_c)
                    state.check()
                    ctrl_c.keep()
                    evaluation = evaluate(self.converted(state.mean).network, *probe)
                    record |= record_of(evaluation, len(held_out) > 0)
                    record |= {"revived": 0, "seconds": clock() - started}
                    state.note(record, evaluation.accuracy if len(held_out) else 0.0)
                    told(line(record, epochs))
                    note_warnings(state.history, diagnose(evaluation), told)
                    state.write()
                    if written is not None:
                        written()
                    bar.update()
            except KeyboardInterrupt:
                ctrl_c.keep()
                state.history.interrupted = True
            finally:
                bar.close()
            self.best = state.best
            self.conversion = self.converted(self.best)
            self.network = self.conversion.network
        return state.history

    def converted(self, weights: dict[str, Any], steps: int | None = None) -> Conversion:
        """The network of spikes that such weights become; what was shown tells its thresholds."""
        relus = Relus(self.layers)
        relus.load_state_dict(weights)
        return convert(
            relus.folded(),
            self.shown,
            steps=steps,
            threshold="error" if steps else "max",
            per="layer" if self.binary else "channel",
            shape=self.network.shapes[0],
        )

    def with_steps(self, steps: int) -> Conversion:
        """The trained network with so many instants in a window."""
        if self.conversion is None:
            raise InputError("with_steps is about a trained network: call fit first")
        return self.converted(self.best, steps)

    def _state(self, times: np.ndarray) -> State:
        """The state in which a training begins."""
        relus = Relus(self.layers, self.dropout, self.seed)
        if self.whiten and isinstance(self.layers[0], Conv2d):
            relus.whiten(self._maps(times).cpu())
        relus.to(self.device).to(memory_format=torch.channels_last)
        part = min(1.0, self.batch_size / self.average) if self.average else 1.0
        return State(relus, self.optimizer, self.muon, self.rule.weight_decay, part)

    def _settings(self) -> tuple[Any, ...]:
        """What decides a training beside its layers and data."""
        names = "rule", "optimizer", "muon", "batch_size", "augmentation", "average"
        more = "validation", "dropout", "sparse", "whiten", "seed", "binary"
        return tuple(getattr(self, name) for name in names + more)

    def _learn(
        self,
        state: State,
        times: np.ndarray,
        labels: np.ndarray,
        train: np.ndarray,
        epochs: int,
        ctrl_c: Interrupts,
    ) -> dict[str, float]:
        """See every training sample once; the last learning rate, loss and accuracy."""
        relus, epoch = state.relus.train(), state.epoch
        numbers = np.random.default_rng([self.seed, 1, epoch])
        relus.numbers.manual_seed(int(numbers.integers(2**62)))
        order = numbers.permutation(train)
        batches = np.array_split(order, max(1, len(order) // self.batch_size))
        loss, hits = 0.0, 0
        for number, chosen in enumerate(batches):
            ctrl_c.check()
            rng = np.random.default_rng([self.seed, 3, epoch, number])
            maps = self._maps(self._varied(times[chosen], rng))
            wanted = torch.from_numpy(labels[chosen].astype(np.int64)).to(self.device)
            rate = state.rate((epoch + number / len(batches)) / epochs)
            with torch.autocast(self.device.type, torch.bfloat16):
                potentials, said = relus(maps)
            told = {"label_smoothing": self.rule.smoothing}
            error = functional.cross_entropy(potentials.float(), wanted, **told)
            state.step(error + self.sparse * said)
            loss += float(error.detach()) * len(chosen)
            hits += int((potentials.argmax(dim=1) == wanted).sum())
        found = {"lr": rate, "loss": loss / len(order), "accuracy": hits / len(order)}
        return {"epoch": epoch + 1} | found

    def _varied(self, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Times, changed as augmentation says."""
        for change in self.augmentation:
            times = change.apply(times, rng)
        return times

    def _maps(self, times: np.ndarray) -> Any:
        """(samples, channels, height, width) values of times, channels last in memory."""
        shaped = values(times).astype(np.float32).reshape(len(times), *self.network.shapes[0])
        maps = torch.from_numpy(shaped).to(self.device).permute(0, 3, 1, 2)
        return maps.flatten(1) if self.network.shapes[0][:2] == (1, 1) else maps


def values(times: np.ndarray) -> np.ndarray:
    """What spikes in a window of length 1 say."""
    return np.maximum(1 - times, 0)


@contextmanager
def using(count: int) -> Iterator[None]:
    """Meanwhile PyTorch has so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
