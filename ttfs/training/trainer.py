"""Training: epochs, validation and checkpoints; the weights that validate best are kept."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ttfs.augmentation import Augmentation
from ttfs.checks import as_labels, flag, of_kind, several, whole
from ttfs.engines.batch import forward, lost_share
from ttfs.errors import InputError
from ttfs.files import interrupts
from ttfs.files.chunked import Chunked, only
from ttfs.files.interrupts import Interrupts
from ttfs.kernels.clock import clock
from ttfs.losses import Answers
from ttfs.measures.diagnosis import diagnose, too_late
from ttfs.measures.metrics import Evaluation, chunks, evaluate
from ttfs.network.delays import Delays
from ttfs.network.maps import source_of
from ttfs.network.network import Network, check_network
from ttfs.optimizers import SGD, Optimizer, rate_at
from ttfs.rules import S4NN, Rule
from ttfs.rules.lesson import Lesson
from ttfs.training.beginning import begin_by_firing
from ttfs.training.checkpoint import Checkpoint, fingerprint
from ttfs.training.history import History, line, note_warnings, nothing_left, plan, record_of
from ttfs.training.progress import Bar
from ttfs.training.split import VALIDATION, Samples, drawn, shuffled, split, weighted
from ttfs.training.teachers import joined, teachers_of

CHUNK = 1000  # samples between checks for Ctrl-C, and between weight decays
PROBE = 2048  # training samples used to find dead neurons
FIRST = 500  # training samples used to choose initial weights


class Trainer:
    """Trains a network in place.

    Parameters
    ----------
    network: the network to train; its weights are changed.
    rule: the learning rule, one of `ttfs.rules`; `S4NN()` if not given.
    optimizer: `SGD`, `Momentum` or `Adam`; `SGD(lr=0.1)` if not given.
    batch_size: samples for each step.
    augmentation: changes applied to the input times, one after the other, whenever a sample is
        seen: see `ttfs.augmentation`.
    by_firing: whether the first call of `fit` initialises the weights from what fires in some
        of the training samples, see `ttfs.begin_by_firing`.
    average: number of samples over which weights are averaged before they are validated and
        kept (a running mean, Polyak & Juditsky 1992); 0 keeps the weights as they are.
    shuffle: 0 for samples in random order. With a number of samples, each epoch takes blocks of so
        many that follow one another in the data, in random order, and shuffles within each: data
        that are read chunk by chunk are then read once an epoch.
    teacher: from which a rule that learns by `losses.Distilled` learns in addition: a network, the
        name of a model file, or a list of these, which then decide together. It takes the same
        inputs and sees samples as they are before the first `Dropout` or `Jitter`.
    seed: decides the validation split, the order of samples, augmentation and revived weights.

    >>> import ttfs
    >>> train, test = ttfs.datasets.digits()
    >>> network = ttfs.Network(ttfs.Dense(64, 32), ttfs.Dense(32, 10), t_max=256)
    >>> trainer = ttfs.Trainer(network, rule=ttfs.rules.S4NN(gamma=20))
    >>> history = trainer.fit(ttfs.encode_latency(train.images), train.labels, epochs=2)
    >>> [record["epoch"] for record in history.records]
    [1, 2]
    """

    def __init__(
        self,
        network: Network,
        rule: Rule | None = None,
        optimizer: Optimizer | None = None,
        *,
        batch_size: int = 1,
        augmentation: Sequence[Augmentation] = (),
        by_firing: bool = False,
        average: int = 0,
        shuffle: int = 0,
        teacher: Any = None,
        seed: int = 0,
    ):
        self.network = check_network(network, "Trainer(network=...)")
        self.rule: Rule = S4NN() if rule is None else rule
        of_kind(self.rule, Rule, "Trainer(rule=...)", "one of ttfs.rules, such as Exact()")
        self.optimizer: Optimizer = SGD() if optimizer is None else optimizer
        kinds = "an SGD(...), Momentum(...) or Adam(...)"
        of_kind(self.optimizer, Optimizer, "Trainer(optimizer=...)", kinds)
        self.batch_size = whole(batch_size, "Trainer(batch_size=...)")
        self.begins = flag(by_firing, "Trainer(by_firing=...)")
        self.average = whole(average, "Trainer(average=...)", least=0)
        self.shuffle = whole(shuffle, "Trainer(shuffle=...)", least=0)
        self.seed = whole(seed, "Trainer(seed=...)", least=0)
        kinds = "a list of ttfs.augmentation, such as [Jitter(0.1)]"
        self.augmentation = several(augmentation, Augmentation, "Trainer(augmentation=...)", kinds)
        self.rule.check(network)
        self.teachers = teachers_of(teacher, self.rule, network)
        self.answers: Answers | None = None  # to all training samples, where these do not change
        for change in self.augmentation:
            change.check(network.sizes[0])

    def __repr__(self) -> str:
        told = f"{self.network}, {self.rule}, {self.optimizer}, batch_size={self.batch_size}"
        return f"Trainer({told}, seed={self.seed})"

    def evaluate(self, times: Any, labels: Any) -> Evaluation:
        """The same as `ttfs.evaluate` for this trainer's network."""
        return evaluate(self.network, times, labels)

    def fit(
        self,
        times: Any,
        labels: Any,
        *,
        epochs: int = 10,
        sample_weight: Any = None,
        validation: float | tuple[Any, Any] = VALIDATION,
        checkpoint: str | Path | None = None,
        resume: bool = False,
        written: Callable[[], object] | None = None,
        progress: bool | None = None,
        log: Callable[[str], None] | None = None,
    ) -> History:
        """Train, and leave the network with the weights that validate best.

        Ctrl-C ends the training early in the same clean way; once an epoch is done, it takes
        effect after the step in progress.

        Parameters
        ----------
        times, labels: (samples, inputs) input spike times, or maps of them as `forward` takes
            them, and (samples,) labels. Times in an array of Zarr, h5py or Dask are read when they
            are needed, and teach the same, to the bit.
        epochs: how many times every training sample is seen.
        sample_weight: (samples,) how often each is seen, and how much it counts if it is held out,
            compared with the others; an epoch has as many samples as without. One of weight 0
            might as well not be there.
        validation: share of the samples to hold out, or (times, labels) to validate on; with 0,
            the weights of the last epoch are kept.
        checkpoint: file written after each epoch, complete at any moment.
        resume: go on from that file, or begin if it does not exist; with the same number of
            epochs, the result is the same to the bit as that of an uninterrupted training. With
            another number, schedules are those of that number from there on.
        written: called after each epoch, once the checkpoint is on the disk.
        progress: whether to show a progress bar; by default, only on a terminal.
        log: called with a line for each epoch and each warning, and if no epoch is left.

        Raises
        ------
        ShapeError, InputError: data that do not fit; RunError: a checkpoint of another
        training.
        """
        epochs = whole(epochs, "fit(epochs=...)")
        of_kind(log, Callable | None, "fit(log=...)", "a function of a line of text, or None")
        of_kind(written, Callable | None, "fit(written=...)", "a function of nothing, or None")
        if progress is not None:
            flag(progress, "fit(progress=...)")
        if flag(resume, "fit(resume=...)") and checkpoint is None:
            raise InputError("fit(resume=True) continues from a file: name it with checkpoint=...")
        data = self._data(times, labels)
        data = data if sample_weight is None else weighted(data, sample_weight)
        train, held_out = self._split(data, validation)
        self._begin(data.times, train)
        run = Checkpoint(self.network, self.rule, self.optimizer)
        if checkpoint is not None:
            run.bind(Path(checkpoint), self._identity(data, validation))
            if resume:
                run.read()
        bar = Bar(progress, epochs, run.epoch)
        log = bar.through(log)
        lost = lost_share(self.network, only(data.times, train))
        note_warnings(run.history, too_late(lost), log)
        scheduled = callable(self.optimizer.lr) or callable(getattr(self.rule, "rise", None))
        plan(run.history, epochs, log, scheduled=scheduled)
        with interrupts.handled() as ctrl_c:
            if run.epoch:
                ctrl_c.keep()
            try:
                if 0 < epochs <= run.epoch:
                    log(nothing_left(run.epoch, epochs))
                if run.epoch < epochs:
                    self._ask(data.times, ctrl_c)
                while run.epoch < epochs:
                    self._epoch(run, data, train, held_out, epochs, log, ctrl_c)
                    run.write()
                    if written is not None:
                        written()
                    bar.update()
            except KeyboardInterrupt:
                ctrl_c.keep()
                run.history.interrupted = True
            finally:
                run.restore_best()
                bar.close()
        return run.history

    def _data(self, times: Any, labels: Any, what: str = "training") -> Samples:
        """Checked times and labels."""
        times = source_of(times, self.network.shapes[0])
        labels = as_labels(labels, len(times), self.network.sizes[-1])
        if not len(times):
            raise InputError(f"{what} needs at least one sample, got none")
        return Samples(times, labels)

    def _split(self, data: Samples, validation: Any) -> tuple[np.ndarray, Samples | None]:
        """The indices of training samples, and the data to validate on."""
        everything = np.arange(len(data.labels))
        if isinstance(validation, tuple | list):
            if len(validation) != 2:
                raise InputError(
                    f"fit(validation=...) must be (times, labels), got {len(validation)} parts"
                )
            given, right = validation
            return everything, self._data(given, right, "validation")
        train, chosen = split(len(everything), validation, self.seed)
        return train, data.chosen(chosen) if len(chosen) else None

    def _begin(self, times: np.ndarray | Chunked, train: np.ndarray) -> None:
        """Initialise the weights from what fires, if that is wanted and has not been done yet."""
        if self.begins:
            some = np.random.default_rng([self.seed, 4]).permutation(train)[:FIRST]
            begin_by_firing(self.network, times[np.sort(some)], seed=self.network.seed)
        self.begins = False

    def _ask(self, times: np.ndarray | Chunked, ctrl_c: Interrupts) -> None:
        """Ask the teachers about all samples at once, if they always see the same ones."""
        self.answers = None
        if self.teachers is not None and not self.teachers.shown(self.augmentation):
            parts = []
            for start in range(0, len(times), CHUNK):
                ctrl_c.check()
                parts.append(self.teachers.answers(times[start : start + CHUNK]))
            self.answers = joined(parts)

    def _identity(self, data: Samples, validation: Any) -> str:
        """What must be the same for a training to be resumed."""
        network = self.network
        settings = (
            *(repr(part) for part in (network, network.layers, network.seed, network.t_max)),
            *(repr(part) for part in (self.rule, self.optimizer, self.seed)),
            repr((self.batch_size, self.average, self.augmentation)),
            *([f"shuffled in blocks of {self.shuffle}"] if self.shuffle else []),
            repr(validation if isinstance(validation, float | int) else None),
        )
        held_out = validation if isinstance(validation, tuple | list) else ()
        given = [layer.initial for layer in network.layers if layer.initial is not None]
        given += [layer.delay.init for layer in network.layers if isinstance(layer.delay, Delays)]
        given += [bias for bias in network.biases if bias is not None]
        given += [] if self.teachers is None else self.teachers.arrays()
        given = [np.asarray(one) for one in given]
        own = (network.padded_thresholds(), network.arrays.delays)
        learned = [part for part in data if part is not None]
        return fingerprint((*settings, network.dtype.name), (*own, *given, *learned, *held_out))

    def _epoch(
        self,
        run: Checkpoint,
        data: Samples,
        train: np.ndarray,
        held_out: Samples | None,
        epochs: int,
        log: Callable[[str], None],
        ctrl_c: Interrupts,
    ) -> None:
        """Learn from every training sample once, validate, and record what happened."""
        started = clock()
        seen = drawn(train, data.sample_weight, np.random.default_rng([self.seed, 5, run.epoch]))
        order = shuffled(seen, self.shuffle, np.random.default_rng([self.seed, 1, run.epoch]))
        record = {"epoch": run.epoch + 1} | self._learn(run, data, order, epochs, ctrl_c)
        ctrl_c.keep()  # what has been learned in this epoch
        probe = Samples(data.times[order[:PROBE]], data.labels[order[:PROBE]])
        with run.averaged():
            evaluation = evaluate(self.network, *(held_out or probe)[:2])
            record |= record_of(evaluation, held_out is not None)
            score = held_out.score(self.network, evaluation) if held_out else float(run.epoch)
            weights = run.weights()
        with run.replacing():
            record["revived"] = self._revive(probe.times, record["epoch"] - 1)
        record["seconds"] = clock() - started
        run.note(record, score, weights)
        log(line(record, epochs))
        note_warnings(run.history, diagnose(evaluation), log)

    def _learn(
        self, run: Checkpoint, data: Samples, order: np.ndarray, epochs: int, ctrl_c: Interrupts
    ) -> dict[str, Any]:
        """Learn from samples in this order; return the last learning rate, loss and accuracy."""
        size = max(1, CHUNK // self.batch_size) * self.batch_size
        loss, hits = 0.0, 0
        for start in range(0, len(order), size):
            ctrl_c.check()
            done = (run.epoch + start / len(order)) / epochs
            lr = rate_at(self.optimizer.lr, done)
            some = order[start : start + size]
            times, labels, chosen, answers = self._seen(data, some, [run.epoch, start])
            lesson = Lesson(
                self.network,
                times,
                labels,
                chosen,
                self.batch_size,
                self.optimizer,
                run.slots,
                lr,
                done,
                answers,
            )
            step = self.rule.train(lesson)
            loss, hits = loss + step[0], hits + step[1]
            run.blend(min(1.0, size / self.average) if self.average else 1.0)
        return {"lr": lr, "loss": loss / len(order), "accuracy": hits / len(order)}

    def _seen(
        self, data: Samples, chosen: np.ndarray, when: list[int]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, Answers | None]:
        """Times after augmentation, labels, an order of the chosen samples, teachers' answers."""
        if not self.augmentation and isinstance(data.times, np.ndarray):
            return data.times, data.labels, chosen, self.answers
        times, rng = data.times[chosen], np.random.default_rng([self.seed, 3, *when])
        told = None if self.answers is None else self.answers.chosen(chosen)
        asked = None if told is not None else self.teachers
        seen = 0 if asked is None else asked.shown(self.augmentation)
        for k, change in enumerate(self.augmentation, start=1):
            times = change.apply(times, rng)
            if asked is not None and k == seen:
                told = asked.answers(times)
        return times, data.labels[chosen], np.arange(len(chosen)), told

    def _revive(self, times: np.ndarray | Chunked, epoch: int) -> int:
        silent = [np.zeros(size, np.int64) for size in self.network.sizes[1:-1]]
        for chunk in chunks(self.network, len(times)):
            hidden = forward(self.network, times[chunk]).times[1:-1]
            for counts, layer in zip(silent, hidden, strict=True):
                counts += np.count_nonzero(np.isinf(layer), axis=0)
        shares = [counts / len(times) for counts in silent]
        return self.rule.end_epoch(self.network, shares, [self.seed, 2, epoch])
