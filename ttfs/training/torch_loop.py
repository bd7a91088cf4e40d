"""The loop of a training in PyTorch: epochs, validation, checkpoints, Ctrl-C."""

import ctypes
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from ttfs.augmentation import Augmentation
from ttfs.checks import as_labels, flag, of_kind, positive, several, whole
from ttfs.engines.batch import lost_share
from ttfs.errors import InputError
from ttfs.files import interrupts
from ttfs.files.interrupts import Interrupts
from ttfs.kernels.clock import clock
from ttfs.kernels.threads import threads
from ttfs.measures.diagnosis import too_late
from ttfs.network.maps import rows_of
from ttfs.network.network import Network
from ttfs.optimizers import Adam, share
from ttfs.torch import torch
from ttfs.training.checkpoint import fingerprint
from ttfs.training.history import History, line, note_warnings, nothing_left, plan
from ttfs.training.progress import Bar
from ttfs.training.split import split
from ttfs.training.torch_state import State

SHOWN = 1000  # samples with which a network is set up after an epoch
FINAL = 5000  # samples with which it is set up in the end

# what mallopt is given: M_MMAP_MAX, M_TRIM_THRESHOLD and M_TOP_PAD
KEEPING = (-4, 0), (-1, 2**31 - 1), (-2, 2**26)
# and their values once large arrays were freed; M_MMAP_THRESHOLD, too, as it adapts no more
USUAL = (-4, 2**16), (-3, 2**25), (-1, 2**26), (-2, 2**17)


class Examined(NamedTuple):
    """The outcome of an epoch: accuracy, the part of its record that holds results, warnings."""

    accuracy: float
    record: dict[str, float]
    warnings: list[str]


class Learner(Protocol):
    """What a loop trains."""

    def module(self, times: np.ndarray) -> Any:
        """The module to be trained, in its initial state, which may depend on some input times."""

    def epoch(self, module: Any, done: float) -> None:
        """Make the changes due as an epoch begins, with a share `done` of the training done."""

    def loss(self, module: Any, maps: Any, labels: Any) -> tuple[Any, Any]:
        """The loss to be minimised, and (samples, classes) outputs."""

    def examine(
        self, weights: dict[str, Any], times: np.ndarray, labels: np.ndarray, validated: bool
    ) -> Examined:
        """How good weights are on held-out samples or, if not `validated`, on training samples."""

    def finish(self, weights: dict[str, Any]) -> None:
        """Take over the best weights."""

    def settings(self) -> tuple[Any, ...]:
        """What decides a training apart from the loop, the layers and the data."""


class Loop:
    """The epochs of a training, the same for all learners in PyTorch.

    With the same number of threads on the same machine, the seed decides the result.

    whose: the name of the trainer, for error messages. network: gives layers and shapes.
    optimizer: settings of AdamW. muon: the rate of Muon as a multiple of AdamW's. decay: weight
    decay of AdamW. augmentation, average, validation, seed: as for `WindowTrainer`.
    """

    def __init__(
        self,
        whose: str,
        network: Network,
        optimizer: Adam,
        *,
        muon: float,
        decay: float,
        batch_size: int,
        augmentation: Sequence[Augmentation],
        average: int,
        validation: float,
        seed: int,
    ):
        self.network, self.optimizer, self.decay = network, optimizer, decay
        self.muon = positive(muon, f"{whose}(muon=...)", zero=True)
        self.batch_size = whole(batch_size, f"{whose}(batch_size=...)", least=2)
        self.average = whole(average, f"{whose}(average=...)", least=0)
        self.validation = share(validation, f"{whose}(validation=...)")
        self.seed = whole(seed, f"{whose}(seed=...)", least=0)
        kinds = "a list of ttfs.augmentation, such as [Jitter(0.1)]"
        self.augmentation = several(augmentation, Augmentation, f"{whose}(augmentation=...)", kinds)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.shown = np.zeros((0, network.sizes[0]))
        for change in self.augmentation:
            change.check(network.sizes[0])

    def fit(
        self,
        learner: Learner,
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
        """Train; then the learner has the weights that validate best. See `Trainer.fit`."""
        epochs = whole(epochs, "fit(epochs=...)")
        of_kind(log, Callable | None, "fit(log=...)", "a function of a line of text, or None")
        if flag(resume, "fit(resume=...)") and checkpoint is None:
            raise InputError("fit(resume=True) continues from a file: name it with checkpoint=...")
        times = rows_of(times, self.network.shapes[0])
        labels = as_labels(labels, len(times), self.network.sizes[-1])
        train, held_out = split(len(labels), self.validation, self.seed)
        if len(train) < 2:
            raise InputError(f"training needs at least 2 samples, got {len(train)}")
        mixed = np.random.default_rng([self.seed, 4]).permutation(train)
        self.shown = values(times[mixed[:SHOWN]])
        final = values(times[mixed[:FINAL]])
        with using(threads()), memory_kept(), interrupts.handled() as ctrl_c:
            state = self._state(learner, times, mixed)
            if checkpoint is not None:
                own = repr(self.network.layers), repr(self._settings(learner))
                state.bind(Path(checkpoint), fingerprint(own, (times, labels)))
                if resume:
                    state.read()
            chosen = held_out if len(held_out) else mixed[:SHOWN]
            probe = times[chosen], labels[chosen], len(held_out) > 0
            bar = Bar(progress, epochs, state.epoch)
            told = bar.through(log)
            note_warnings(state.history, too_late(lost_share(self.network, times[train])), told)
            plan(state.history, epochs, told)
            if state.epoch:
                ctrl_c.keep()
            if epochs <= state.epoch:
                told(nothing_left(state.epoch, epochs))
            try:
                while state.epoch < epochs:
                    started = clock()
                    record = self._learn(learner, state, times, labels, train, epochs, ctrl_c)
                    state.check()
                    ctrl_c.keep()
                    found = learner.examine(state.mean, *probe)
                    record |= found.record | {"revived": 0, "seconds": clock() - started}
                    state.note(record, found.accuracy if len(held_out) else 0.0)
                    told(line(record, epochs))
                    note_warnings(state.history, found.warnings, told)
                    state.write()
                    if written is not None:
                        written()
                    bar.update()
            except KeyboardInterrupt:
                ctrl_c.keep()
                state.history.interrupted = True
            finally:
                bar.close()
            self.shown = final
            learner.finish(state.best)
        return state.history

    def _state(self, learner: Learner, times: np.ndarray, mixed: np.ndarray) -> State:
        """The state in which a training begins."""
        module = learner.module(times[mixed])
        module.to(self.device).to(memory_format=torch.channels_last)
        part = min(1.0, self.batch_size / self.average) if self.average else 1.0
        return State(module, self.optimizer, self.muon, self.decay, part)

    def _settings(self, learner: Learner) -> tuple[Any, ...]:
        """What decides a training apart from its layers and data."""
        names = "optimizer", "muon", "decay", "batch_size", "augmentation", "average"
        own = tuple(getattr(self, name) for name in (*names, "validation", "seed"))
        return own + learner.settings()

    def _learn(
        self,
        learner: Learner,
        state: State,
        times: np.ndarray,
        labels: np.ndarray,
        train: np.ndarray,
        epochs: int,
        ctrl_c: Interrupts,
    ) -> dict[str, float]:
        """Learn from every sample once; return the last learning rate, loss and accuracy."""
        module, epoch = state.module.train(), state.epoch
        learner.epoch(module, epoch / epochs)
        numbers = np.random.default_rng([self.seed, 1, epoch])
        module.numbers.manual_seed(int(numbers.integers(2**62)))
        order = numbers.permutation(train)
        batches = np.array_split(order, max(1, len(order) // self.batch_size))
        loss, hits = 0.0, 0
        for number, chosen in enumerate(batches):
            ctrl_c.check()
            rng = np.random.default_rng([self.seed, 3, epoch, number])
            maps = self.maps(self._varied(times[chosen], rng))
            wanted = torch.from_numpy(labels[chosen].astype(np.int64)).to(self.device)
            rate = state.rate((epoch + number / len(batches)) / epochs)
            error, outputs = learner.loss(module, maps, wanted)
            state.step(error)
            loss += float(error.detach()) * len(chosen)
            hits += int((outputs.argmax(dim=1) == wanted).sum())
        found = {"lr": rate, "loss": loss / len(order), "accuracy": hits / len(order)}
        return {"epoch": epoch + 1} | found

    def _varied(self, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Times after augmentation."""
        for change in self.augmentation:
            times = change.apply(times, rng)
        return times

    def maps(self, times: np.ndarray) -> Any:
        """(samples, channels, height, width) values for spike times, channels last in memory."""
        shaped = values(times).astype(np.float32).reshape(len(times), *self.network.shapes[0])
        maps = torch.from_numpy(shaped).to(self.device).permute(0, 3, 1, 2)
        return maps.flatten(1) if self.network.shapes[0][:2] == (1, 1) else maps


def values(times: np.ndarray) -> np.ndarray:
    """The values that spike times in a window of length 1 stand for."""
    return np.maximum(1 - times, 0)


@contextmanager
def using(count: int) -> Iterator[None]:
    """Let PyTorch use `count` threads within a `with` block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def memory_kept() -> Iterator[None]:
    """Keep freed memory in the process within a `with` block, where the C library is GNU's.

    Otherwise each large tensor is returned to the system, which has to clear pages for the next.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        yield
        return
    for option, value in KEEPING:
        mallopt(option, value)
    try:
        yield
    finally:
        for option, value in USUAL:
            mallopt(option, value)
        ctypes.CDLL(None).malloc_trim(0)
