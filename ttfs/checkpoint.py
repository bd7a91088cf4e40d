"""The state of a training between two epochs: it can be stopped and goes on as if it had not."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ttfs.errors import InputError, RunError
from ttfs.files import archive, write_atomically
from ttfs.history import History
from ttfs.network import Network
from ttfs.optimizers import Optimizer, Slots
from ttfs.rules import Rule


def fingerprint(settings: Iterable[str], arrays: Iterable[np.ndarray]) -> str:
    """A short text that differs when any setting or any element of the arrays does."""
    digest = hashlib.blake2b(digest_size=16)
    for setting in settings:
        digest.update(setting.encode() + b"\0")
    for array in arrays:
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


class Stored(NamedTuple):
    """What a checkpoint file holds."""

    identity: str
    best_score: float
    history: History
    arrays: dict[str, np.ndarray]


def load(path: Path) -> Stored:
    """What a file holds, or a RunError."""
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        header = json.loads(arrays.pop("header").tobytes())
        history = History(**header["history"])
        if not all(isinstance(record, dict) for record in history.records):
            raise ValueError("no records of epochs")
        return Stored(header["identity"], float(header["best_score"]), history, arrays)
    except Exception as error:  # damage surfaces in zipfile, zlib, struct, ast or numpy alike
        reason = str(error).split("\n")[0] or type(error).__name__
        raise RunError(f"{path} is not a readable checkpoint: {reason}") from None


def kind(array: np.ndarray) -> tuple:
    """What an array must have in common with another to take its place."""
    return array.dtype, array.shape


class Checkpoint:
    """Parameters, what the optimizer remembers, the history and the best weights so far.

    Without a path it is only the state in memory.
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
        """Epochs done."""
        return len(self.history.records)

    def bind(self, path: Path, identity: str) -> None:
        """Keep this training in a file; `identity` says which training it is."""
        if not path.parent.is_dir():
            raise RunError(f"{path}: there is no folder {path.parent}")
        self.path, self.identity = path, identity

    def weights(self) -> dict[str, np.ndarray]:
        """A copy of the parameters as they are; an InputError if they are no longer finite."""
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

        weights: those that scored; if not given, those of now.
        """
        weights = weights or self.weights()
        if score > self.best_score:
            self.best_score, self.best = score, weights
            self.history.best_epoch = self.epoch + 1
        self.history.records.append(record)

    def blend(self, share: float) -> None:
        """Move the running mean of the weights towards those of now; the first times faster."""
        self.blends += 1
        share = max(share, 1 / int(self.blends[0]))
        for name, array in self.parameters.items():
            part = array.dtype.type(share)
            self.mean[name][:] = (1 - part) * self.mean[name] + part * array

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Meanwhile the network has the running mean of its weights."""
        now = {name: array.copy() for name, array in self.parameters.items()}
        self._give(self.mean)
        try:
            yield
        finally:
            self._give(now)

    @contextmanager
    def replacing(self) -> Iterator[None]:
        """Whatever is changed meanwhile begins its running mean anew."""
        before = {name: array.copy() for name, array in self.parameters.items()}
        yield
        for name, array in self.parameters.items():
            changed = array != before[name]
            self.mean[name][changed] = array[changed]

    def restore_best(self) -> None:
        """Give the network the best weights."""
        self._give(self.best)

    def write(self) -> None:
        """Write everything, under a temporary name first."""
        if self.path is None:
            return
        header = {
            "identity": self.identity,
            "best_score": self.best_score,
            "history": asdict(self.history),
        }
        text = np.frombuffer(json.dumps(header).encode(), np.uint8)
        write_atomically(self.path, archive({"header": text, **self._arrays()}))

    def read(self) -> None:
        """Go back to what the file holds; if there is none, begin at the beginning."""
        if self.path is None or not self.path.exists():
            return
        stored = load(self.path)
        if stored.identity != self.identity:
            raise RunError(
                f"{self.path} belongs to a training with other data or settings;"
                " resume with the same ones, or start anew"
            )
        arrays = self._arrays()
        if {name: kind(array) for name, array in arrays.items()} != {
            name: kind(array) for name, array in stored.arrays.items()
        }:
            raise RunError(f"{self.path} is not a readable checkpoint: other arrays are in it")
        for name, array in arrays.items():
            array[:] = stored.arrays[name]
        self.best_score, self.history = stored.best_score, stored.history
        self.history.interrupted = False
        self._refresh()

    def _arrays(self) -> dict[str, np.ndarray]:
        """Every array of the state, by the name it has in the file."""
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
