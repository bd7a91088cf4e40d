"""Networks of single spikes that teach another one, see `ttfs.losses.Distilled`."""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ttfs.augmentation import Augmentation, Dropout, Jitter
from ttfs.checks import of_kind
from ttfs.engines.batch import forward
from ttfs.errors import InputError
from ttfs.formats.model_file import load
from ttfs.losses import Answers, Distilled
from ttfs.measures.metrics import chunks
from ttfs.network.network import Network
from ttfs.rules import Exact, Rule, Surrogate

NOISE = Dropout | Jitter
"""What a teacher is spared: it sees a sample as it is before the first of these."""


class Teachers(NamedTuple):
    """The teachers of a network, and what it learns from them.

    >>> import ttfs
    >>> network = ttfs.Network(ttfs.Dense.of([[1.0, 2.0]], threshold=2.0), psp=ttfs.Ramp(), t_max=4)
    >>> Teachers([network], Distilled(softness=1.0)).answers(np.zeros((1, 1))).decisions.round(2)
    array([[0.27, 0.73]])
    """

    networks: Sequence[Network]
    taught: Distilled

    def answers(self, times: np.ndarray) -> Answers:
        """What they say to samples, (samples, inputs): the mean of their probabilities."""
        decisions = np.zeros((len(times), self.networks[0].sizes[-1]))
        pairs = self.taught.layers
        sizes = [self.networks[0].sizes[other] for _, other in pairs]
        spikes = tuple(np.empty((len(times), size), times.dtype) for size in sizes)
        for network in self.networks:
            for chunk in chunks(network, len(times)):
                found = forward(network, times[chunk]).times
                first = np.minimum(found[-1], network.t_max).astype(float)
                first -= first.min(axis=1, keepdims=True)
                likely = np.exp(-first / self.taught.softness)
                decisions[chunk] += likely / likely.sum(axis=1, keepdims=True)
                for layer, (_, other) in zip(spikes, pairs, strict=True):
                    layer[chunk] = found[other]
        return Answers(decisions / len(self.networks), spikes)

    def shown(self, augmentation: Sequence[Augmentation]) -> int:
        """How many of the changes to samples they see: none, or all before the first noise."""
        if self.taught.original:
            return 0
        noisy = (k for k, change in enumerate(augmentation) if isinstance(change, NOISE))
        return next(noisy, len(augmentation))

    def arrays(self) -> Iterator[np.ndarray]:
        """All that decides what they say."""
        for network in self.networks:
            yield from network.parameters().values()
            yield from network.delays
            yield network.padded_thresholds()
            yield np.array([network.t_max, *network.sizes], float)
            yield np.frombuffer(f"{network!r} {network.layers!r}".encode(), np.uint8)


def teachers_of(teacher: Any, rule: Rule, student: Network) -> Teachers | None:
    """The teachers that a rule needs to train a network, checked; None if it needs none.

    teacher: a network, the name of a model file, or a list of these; None for no teacher.

    Raises
    ------
    InputError: a teacher that the rule does not listen to, none where it needs one, or one with
        other inputs or outputs; ModelFileError: a file that is not a model.
    """
    taught = rule.taught if isinstance(rule, Exact | Surrogate) else None
    if teacher is None:
        if taught is not None:
            raise InputError(f"{rule} learns from a teacher: Trainer(teacher=...) is missing")
        return None
    if taught is None:
        raise InputError(
            f"rule {type(rule).__name__} does not learn from a teacher as it is: give"
            " Exact(losses.Distilled()) or Surrogate(distilled=0.5)"
        )
    given = teacher if isinstance(teacher, list | tuple) else [teacher]
    networks = [network_of(one) for one in given]
    if not networks or (taught.layers and networks[1:]):
        wanted = "exactly one network, as spike times are taught" if taught.layers else "a network"
        raise InputError(f"Trainer(teacher=...) must be {wanted}; got {len(networks)}")
    for network in networks:
        _check(network, taught, student)
    return Teachers(networks, taught)


def network_of(teacher: Any) -> Network:
    """A teacher, read from its file if need be."""
    if isinstance(teacher, str | os.PathLike):
        model = load(teacher)
        if "rate" in model.report:
            raise InputError(f"{teacher} was made for firing rates and cannot teach single spikes")
        return model.network
    wanted = "a Network, the name of a model file, or a list of these"
    found: Network = of_kind(teacher, Network, "Trainer(teacher=...)", wanted)
    return found


def _check(teacher: Network, taught: Distilled, student: Network) -> None:
    """Refuse a teacher that does not fit the network, or changes while it teaches."""
    if teacher is student:
        raise InputError(
            "a network that learns cannot be its own teacher: give a copy, copy.deepcopy(network)"
        )
    ends = [(network.sizes[0], network.sizes[-1]) for network in (teacher, student)]
    if ends[0] != ends[1]:
        raise InputError(
            f"a teacher with {ends[0][0]} inputs and {ends[0][1]} outputs cannot teach a network"
            f" with {ends[1][0]} and {ends[1][1]}"
        )
    for pair in taught.layers:
        for number, network, whose in zip(
            pair, (student, teacher), ("network", "teacher"), strict=True
        ):
            if number >= len(network.sizes):
                count = len(network.layers)
                raise InputError(
                    f"Distilled(layers=...): the {whose} has no layer {number}, only {count}"
                )
        own, other = student.sizes[pair[0]], teacher.sizes[pair[1]]
        if own != other:
            raise InputError(
                f"Distilled(layers=...): layer {pair[0]} of the network has {own} neurons,"
                f" layer {pair[1]} of the teacher {other}"
            )


def joined(parts: Iterable[Answers]) -> Answers:
    """The answers to all samples, from those to some after the others."""
    decisions, spikes = zip(*parts, strict=True)
    layers = tuple(np.concatenate(layer) for layer in zip(*spikes, strict=True))
    return Answers(np.concatenate(decisions), layers)
