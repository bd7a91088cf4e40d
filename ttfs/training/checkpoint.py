"""The state of a training between two epochs, so that it can be stopped and resumed exactly."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ttfs.checks import of_kind, positive
from ttfs.errors import InputError, RunError
from ttfs.files.archives import ARCHIVE_LIMIT, archive, first_bytes, take
from ttfs.files.chunked import Chunked, parts_of
from ttfs.files.json_text import from_json
from ttfs.files.reading import read_file
from ttfs.files.writing import write_atomically
from ttfs.network.network import Network
from ttfs.optimizers import Optimizer, Slots
from ttfs.rules import Rule
from ttfs.training.history import History, checked

MEMBER = 512  # most bytes that surround an array in a file
HISTORY = 2**26  # most bytes for the figures of all epochs


def fingerprint(settings: Iterable[str], arrays: Iterable[np.ndarray | Chunked]) -> str:
    """A short text that differs when any setting or any element of the arrays does."""
    digest = hashlib.blake2b(digest_size=16)
    for setting in settings:
        digest.update(setting.encode() + b"\0")
    for array in arrays:
        digest.update(f"{array.dtype}{array.shape}".encode())
        for part in parts_of(array):
            digest.update(np.ascontiguousarray(part).data)
    return digest.hexdigest()


class Stored(NamedTuple):
    """The contents of a checkpoint file; `start` is where the arrays begin in `content`."""

    identity: str
    best_score: float
    history: History
    content: bytes
    start: int


def load(path: Path, most: int = ARCHIVE_LIMIT) -> Stored:
    """The contents of a file of at most `most` bytes, its arrays not yet read; or a RunError."""
    try:
        content = read_file(path, most)
        text, start = first_bytes(content, "header")
        header = from_json(text, endless=True)  # mean times of silent layers are NaN
        if not isinstance(header, dict) or set(header) != {"identity", "best_score", "history"}:
            raise InputError("its header is not that of a checkpoint")
        score = of_kind(header["best_score"], int | float, "best_score", "a number")
        score = positive(None if isinstance(score, bool) else score, "best_score", zero=True)
        identity = of_kind(header["identity"], str, "identity", "a text")
        return Stored(identity, score, checked(header["history"]), content, start)
    except (InputError, OSError) as error:
        raise unreadable(path, error) from None


def unreadable(path: Path, error: Exception) -> RunError:
    """The error for a file that cannot be read, with the reason."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    return RunError(f"{path} is not a readable checkpoint: {reason}")


def check_state(array: np.ndarray, name: str) -> None:
    """Refuse numbers that counts, weights and optimizer states cannot have after an epoch."""
    if array.dtype.kind == "i":
        sound = (array >= 0) & (array < 2**53)
    elif name.endswith(".square"):  # a running mean, which may be infinite
        sound = array >= 0
    else:
        sound = np.isfinite(array)
    if not sound.all():
        raise InputError(f"{name} holds impossible numbers")


def write_checked(
    path: Path, identity: str, best_score: float, history: History, arrays: dict[str, np.ndarray]
) -> None:
    """Write the state of a training, under a temporary name first."""
    header = {"identity": identity, "best_score": best_score, "history": asdict(history)}
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    write_atomically(path, archive({"header": text, **arrays}))


def load_checked(
    path: Path, identity: str, arrays: dict[str, np.ndarray], layers: int
) -> tuple[Stored, dict[str, np.ndarray]]:
    """The contents of a file of this training with so many layers, and its arrays, like these.

    Raises
    ------
    RunError: a file that cannot be read, is of another training, or was not written by one.
    """
    room = sum(array.nbytes + MEMBER for array in arrays.values())
    stored = load(path, min(room + HISTORY, ARCHIVE_LIMIT))
    if stored.identity != identity:
        raise RunError(
            f"{path} belongs to a run with other data or settings;"
            " resume with the same ones, or start a new run"
        )
    try:
        return stored, _take(stored, arrays, layers)
    except InputError as error:
        raise unreadable(path, error) from None


def _take(stored: Stored, like: dict[str, np.ndarray], layers: int) -> dict[str, np.ndarray]:
    """The arrays of a file; InputError for anything that no training would have stored."""
    start, arrays = stored.start, {}
    for name, array in like.items():
        found, start = take(stored.content, start, name, array.dtype, array.shape)
        arrays[name] = found.copy()
    header, _ = first_bytes(stored.content, "header")
    text = np.frombuffer(header, np.uint8)
    if archive({"header": text, **arrays}) != stored.content:
        raise InputError("its arrays are not those of this run")
    for name, array in arrays.items():
        check_state(array, name)
    known = {f"{name}_{k}" for name in ("silent", "latency") for k in range(1, layers + 1)}
    for name in stored.history.records[0]:
        if name.startswith(("silent_", "latency_")) and name not in known:
            raise InputError(f"an epoch has {name}, of {layers} layers")
    return arrays


class Checkpoint:
    """Parameters, optimizer state, running means, the history and the best weights so far.

    Without a path, the state is only kept in memory.
    """

    def __init__(self, network: Network, rule: Rule, optimizer: Optimizer):
        self.network = network
        self.parameters = network.parameters()
        self.slots: dict[str, Slots] = {
            name: optimizer.slots(array) for name, array in self.parameters.items()
        } | {"rule": rule.memory()}
        self.best = {name: array.copy() for name, array in self.parameters.items()}
        self.mean = {name: array.copy() for name, array in self.parameters.items()}
        self.best_score = -np.inf
        self.blends = np.zeros(1, np.int64)
        self.history = History()
        self.path: Path | None = None
        self.identity = ""

    @property
    def epoch(self) -> int:
        """Number of epochs done."""
        return len(self.history.records)

    def bind(self, path: Path, identity: str) -> None:
        """Keep the state of this training in a file; `identity` tells which training it is."""
        if not path.parent.is_dir():
            raise RunError(f"{path}: there is no folder {path.parent}")
        self.path, self.identity = path, identity

    def weights(self) -> dict[str, np.ndarray]:
        """A copy of the current parameters; an InputError if they are no longer finite."""
        if not all(np.isfinite(array).all() for array in self.parameters.values()):
            raise InputError(
                f"weights are no longer finite after epoch {self.epoch + 1};"
                " lower the learning rate"
            )
        return {name: array.copy() for name, array in self.parameters.items()}

    def note(
        self, record: dict[str, float], score: float, weights: dict[str, np.ndarray] | None = None
    ) -> None:
        """Add an epoch's whole record, and keep its weights if they scored higher than all before.

        weights: the weights that were scored; by default the current ones.
        """
        weights = weights or self.weights()
        if score > self.best_score:
            self.best_score, self.best = score, weights
            self.history.best_epoch = self.epoch + 1
        self.history.records.append(record)

    def blend(self, share: float) -> None:
        """Move the running mean of the weights towards the current ones, faster at first."""
        self.blends += 1
        share = max(share, 1 / int(self.blends[0]))
        for name, array in self.parameters.items():
            part = array.dtype.type(share)
            self.mean[name][:] = (1 - part) * self.mean[name] + part * array

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Give the network the running mean of its weights within a `with` block."""
        now = {name: array.copy() for name, array in self.parameters.items()}
        self._give(self.mean)
        try:
            yield
        finally:
            self._give(now)

    @contextmanager
    def replacing(self) -> Iterator[None]:
        """Restart the running means of all parameters that change within a `with` block."""
        before = {name: array.copy() for name, array in self.parameters.items()}
        yield
        for name, array in self.parameters.items():
            changed = array != before[name]
            self.mean[name][changed] = array[changed]

    def restore_best(self) -> None:
        """Give the network the best weights."""
        self._give(self.best)

    def write(self) -> None:
        """Write the whole state, under a temporary name first."""
        if self.path is None:
            return
        write_checked(self.path, self.identity, self.best_score, self.history, self._arrays())

    def read(self) -> None:
        """Return to the state in the file; if there is none, begin at the beginning."""
        if self.path is None or not self.path.exists():
            return
        arrays = self._arrays()
        stored, found = load_checked(self.path, self.identity, arrays, len(self.network.layers))
        before = {name: array.copy() for name, array in arrays.items()}
        try:
            for name, array in arrays.items():
                array[:] = found[name]
            self._check(stored)
        except InputError as error:
            for name, array in arrays.items():
                array[:] = before[name]
            self._refresh()
            raise unreadable(self.path, error) from None
        self.best_score, self.history = stored.best_score, stored.history
        self.history.interrupted = False

    def _check(self, stored: Stored) -> None:
        """Check that the network can have this state; InputError if no training stores it."""
        if self.blends[0] < len(stored.history.records):
            raise InputError(f"blends must count every epoch, got {self.blends[0]}")
        now = {name: array.copy() for name, array in self.parameters.items()}
        with np.errstate(all="ignore"):  # the network finds what overflows lead to
            for parameters in (self.best, self.mean, now):
                self._give(parameters)
                self._check_network()

    def _check_network(self) -> None:
        """Check delays and scales; the network has checked its thresholds itself."""
        for k, (delays, binary) in enumerate(
            zip(self.network.delays, self.network.binary, strict=True), start=1
        ):
            if not np.isfinite(delays).all():
                raise InputError(f"layer {k}: delays must be finite")
            if not binary and self.network.scales[k - 1] != 1:
                raise InputError(f"layer {k}: real weights have scale 1")

    def _arrays(self) -> dict[str, np.ndarray]:
        """Every array of the state, by its name in the file."""
        arrays = {f"now.{name}": array for name, array in self.parameters.items()}
        arrays |= {f"best.{name}": array for name, array in self.best.items()}
        arrays |= {f"mean.{name}": array for name, array in self.mean.items()}
        arrays["blends"] = self.blends
        for name, slots in self.slots.items():
            arrays |= {f"slot.{name}.{slot}": array for slot, array in slots.items()}
        return arrays

    def _give(self, parameters: dict[str, np.ndarray]) -> None:
        for name, array in parameters.items():
            self.parameters[name][:] = array
        self._refresh()

    def _refresh(self) -> None:
        for layer in range(len(self.network.layers)):
            self.network.refresh(layer)
