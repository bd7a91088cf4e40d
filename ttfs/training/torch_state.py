"""The state of a training in PyTorch between two epochs."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ttfs.errors import InputError, RunError
from ttfs.optimizers import Adam, rate_at
from ttfs.torch import torch
from ttfs.training.checkpoint import Stored, load_checked, unreadable, write_checked
from ttfs.training.history import History

MOMENTUM = 0.9  # of Muon

NAMES = {"momentum_buffer": "velocity", "exp_avg": "mean", "exp_avg_sq": "square", "step": "steps"}
"""Names of the states of PyTorch's optimizers, and of the same in a file, as for our own."""

Tensors = dict[str, Any]


class State:
    """Weights, optimizer states, running means, the best weights so far, and the history.

    module: the module to train; each of its `blocks` has a `matrix`. optimizer: settings of AdamW.
    muon: the rate of Muon as a multiple of AdamW's. decay: weight decay of AdamW. share: share of
    the running mean that each step replaces.
    """

    def __init__(self, module: Any, optimizer: Adam, muon: float, decay: float, share: float):
        self.module, self.optimizer, self.muon, self.share = module, optimizer, muon, share
        self.binary = all(block.binary for block in module.blocks)
        learning = {k: v for k, v in module.named_parameters() if v.requires_grad}
        hidden = [block.matrix for block in module.blocks[:-1]]
        self.matrices = [one for one in hidden if muon and one.requires_grad]
        others = [v for v in learning.values() if not any(v is one for one in self.matrices)]
        decayed = [v for v in others if v.ndim == 2 and not self.binary]
        rest = [v for v in others if v.ndim != 2 or self.binary]
        kinds = {"params": decayed, "weight_decay": decay}, {"params": rest, "weight_decay": 0.0}
        betas = optimizer.beta1, optimizer.beta2
        groups = [kind for kind in kinds if kind["params"]]
        self.optimizers = [torch.optim.AdamW(groups, betas=betas, eps=optimizer.epsilon)]
        if self.matrices:
            told = {"momentum": MOMENTUM, "weight_decay": 0.0}
            self.optimizers.append(torch.optim.Muon(self.matrices, **told))
        self.slots: Tensors = {}
        for name, value in learning.items():
            self._remember(name, value)
        self.mean, self.best, self.best_score = copied(module), copied(module), -1.0
        self.steps = np.zeros(1, np.int64)
        self.history = History()
        self.path: Path | None = None
        self.identity = ""

    def _remember(self, name: str, value: Any) -> None:
        """Create the state that an optimizer keeps for a parameter."""
        if any(value is one for one in self.matrices):
            found = {"momentum_buffer": torch.zeros_like(value)}
            self.optimizers[1].state[value] = found
        else:
            found = {"step": torch.zeros(()), "exp_avg": torch.zeros_like(value)}
            found |= {"exp_avg_sq": torch.zeros_like(value)}
            self.optimizers[0].state[value] = found
        self.slots |= {f"slot.{name}.{NAMES[slot]}": kept for slot, kept in found.items()}

    @property
    def epoch(self) -> int:
        """Number of epochs done."""
        return len(self.history.records)

    def rate(self, done: float) -> float:
        """Set the learning rates for a share of training done; return that of AdamW."""
        rate = rate_at(self.optimizer.lr, done)
        for optimizer, times in zip(self.optimizers, (1.0, self.muon), strict=False):
            for group in optimizer.param_groups:
                group["lr"] = rate * times
        return rate

    def step(self, loss: Any) -> None:
        """Take a step down the gradient of a loss, and update the running means."""
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()
        self.steps += 1
        share = max(self.share, 1 / int(self.steps[0]))
        with torch.no_grad():
            for matrix in self.matrices:  # batch norm ignores its length; relative steps do not
                matrix.mul_(len(matrix) ** 0.5 / matrix.norm())
            if self.binary:
                for block in self.module.blocks:
                    block.matrix.clamp_(-1, 1)
            for name, value in self.module.state_dict().items():
                self.mean[name].lerp_(value, share)

    def check(self) -> None:
        """Refuse weights that are no longer finite."""
        if not all(torch.isfinite(value).all() for value in self.mean.values()):
            raise InputError(
                f"weights are no longer finite after epoch {self.epoch + 1};"
                " lower the learning rate"
            )

    def note(self, record: dict[str, float], score: float) -> None:
        """Add an epoch's record, and keep its weights unless an earlier one was better."""
        if score >= self.best_score:
            self.best_score = score
            self.best = {name: value.clone() for name, value in self.mean.items()}
            self.history.best_epoch = self.epoch + 1
        self.history.records.append(record)

    def bind(self, path: Path, identity: str) -> None:
        """Keep the state of this training in a file; `identity` tells which training it is."""
        if not path.parent.is_dir():
            raise RunError(f"{path}: there is no folder {path.parent}")
        self.path, self.identity = path, identity

    def write(self) -> None:
        """Write everything, under a temporary name first."""
        if self.path is not None:
            stored = self.identity, self.best_score, self.history
            write_checked(self.path, *stored, self._arrays())

    def read(self) -> None:
        """Return to the state in the file; if there is none, begin at the beginning."""
        if self.path is None or not self.path.exists():
            return
        arrays = self._arrays()
        layers = len(self.module.layers)
        stored, found = load_checked(self.path, self.identity, arrays, layers)
        try:
            self._check(found, stored)
        except InputError as error:
            raise unreadable(self.path, error) from None
        with torch.no_grad():
            for name, value in self._tensors():
                value.copy_(torch.from_numpy(found[name]))
        self.steps = found["steps"]
        self.best_score, self.history = stored.best_score, stored.history
        self.history.interrupted = False

    def _check(self, arrays: dict[str, np.ndarray], stored: Stored) -> None:
        """Refuse what no training would have stored."""
        for name, array in arrays.items():
            if name.endswith(".variance") and (array < 0).any():
                raise InputError(f"{name} must be 0 or more")
            if name.endswith(".steps") and not 0 <= array <= arrays["steps"][0]:  # some rest
                raise InputError(f"{name} must be at most the number of steps, got {array}")
        if arrays["steps"][0] < len(stored.history.records):
            raise InputError(f"steps must count every epoch, got {arrays['steps'][0]}")
        if stored.best_score > 1:
            raise InputError(f"best_score must be 1 or less, got {stored.best_score}")

    def _tensors(self) -> Iterable[tuple[str, Any]]:
        """Every tensor of the state, with its name in the file."""
        kinds = {"now": self.module.state_dict(), "best": self.best, "mean": self.mean}
        for kind, held in kinds.items():
            for name, value in held.items():
                yield f"{kind}.{name}", value
        yield from self.slots.items()

    def _arrays(self) -> dict[str, np.ndarray]:
        """The same as arrays, and the number of steps."""
        arrays = {
            name: value.detach().cpu().numpy().copy(order="C") for name, value in self._tensors()
        }
        return arrays | {"steps": self.steps}


def copied(module: Any) -> Tensors:
    """A copy of the current weights and running statistics."""
    return {name: value.detach().clone() for name, value in module.state_dict().items()}
