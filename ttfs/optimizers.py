"""Optimizers, and schedules of the learning rate over the course of training."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ttfs.checks import as_array, moderate, positive
from ttfs.errors import InputError, ShapeError
from ttfs.kernels import optimizers as kernels
from ttfs.kernels.optimizers import Stride
from ttfs.kernels.threads import spread
from ttfs.kernels.vector import LANES
from ttfs.network.buffers import aligned_zeros

Slots = dict[str, np.ndarray]


@dataclass(frozen=True)
class Linear:
    """A learning rate that falls (or rises) in a straight line from `start` to `end`.

    Called with the share of the training that is done, 0 to 1.

    >>> Linear(0.2, 0.0)(0.25)
    0.15000000000000002
    """

    start: float
    end: float

    def __post_init__(self) -> None:
        positive(self.start, "Linear(start=...)", zero=True)
        positive(self.end, "Linear(end=...)", zero=True)

    def __call__(self, done: float) -> float:
        return self.start + (self.end - self.start) * done


@dataclass(frozen=True)
class Cosine:
    """A learning rate that falls from `start` to `end` along half a cosine: slow, fast, slow.

    >>> Cosine(1.0, 0.0)(0.5)
    0.5
    """

    start: float
    end: float = 0.0

    def __post_init__(self) -> None:
        positive(self.start, "Cosine(start=...)", zero=True)
        positive(self.end, "Cosine(end=...)", zero=True)

    def __call__(self, done: float) -> float:
        return float(self.end + (self.start - self.end) * (1 + np.cos(np.pi * done)) / 2)


@dataclass(frozen=True)
class Warm:
    """A schedule with a warm-up: its rate rises during a first share of the training.

    It begins at a tenth of `lr`, since an optimizer's first estimates of gradients are poor.

    lr: a number, or another schedule. share: share of the training after which the rate is `lr`.

    >>> rate = Warm(Cosine(1.0), share=0.02)
    >>> [round(rate(done), 3) for done in (0, 0.01, 0.02, 0.5)]
    [0.1, 0.55, 0.999, 0.5]
    """

    lr: "Rate"
    share: float = 0.005

    def __post_init__(self) -> None:
        check_rate(self.lr, "Warm")
        moderate(self.share, "Warm(share=...)")

    def __call__(self, done: float) -> float:
        return rate_at(self.lr, done) * min(1.0, 0.1 + 0.9 * done / self.share)


Rate = float | Callable[[float], float]


def rate_at(lr: Rate, done: float) -> float:
    """The learning rate once a share `done` of the training is over."""
    return positive(lr(done), "what a schedule gives", zero=True) if callable(lr) else lr


def check_rate(lr: Rate, whose: str) -> None:
    """Refuse anything but a number above zero or a schedule."""
    if not callable(lr):
        positive(lr, f"{whose}(lr=...)")


@dataclass(frozen=True)
class SGD:
    """Plain gradient descent.

    `lr`: a number, or a schedule such as `Linear(0.2, 0.01)`.

    >>> SGD(lr=Linear(0.2, 0.01))
    SGD(lr=Linear(start=0.2, end=0.01))
    """

    lr: Rate = 0.1

    def __post_init__(self) -> None:
        check_rate(self.lr, "SGD")

    def slots(self, parameter: np.ndarray) -> Slots:
        """Nothing to remember."""
        return {}

    def stride(self, parameter: np.ndarray, slots: Slots, lr: float) -> Stride:
        """The next step of a parameter."""
        return stride_of(kernels.SGD, parameter, [lr], [])

    def step(self, parameter: np.ndarray, gradient: np.ndarray, slots: Slots, lr: float) -> None:
        """Change `parameter` in place."""
        take(self, parameter, gradient, slots, lr)


@dataclass(frozen=True)
class Momentum:
    """Steps along a running sum of gradients, a share `momentum` of which is kept at each step.

    >>> Momentum(lr=0.01).momentum
    0.9
    """

    lr: Rate = 0.01
    momentum: float = 0.9

    def __post_init__(self) -> None:
        check_rate(self.lr, "Momentum")
        share(self.momentum, "Momentum(momentum=...)")

    def slots(self, parameter: np.ndarray) -> Slots:
        """The running sum."""
        return {"velocity": zeros_for(parameter)}

    def stride(self, parameter: np.ndarray, slots: Slots, lr: float) -> Stride:
        """The next step of a parameter."""
        return stride_of(kernels.MOMENTUM, parameter, [lr, self.momentum], [slots["velocity"]])

    def step(self, parameter: np.ndarray, gradient: np.ndarray, slots: Slots, lr: float) -> None:
        """Change `parameter` and its running sum in place."""
        take(self, parameter, gradient, slots, lr)


@dataclass(frozen=True)
class Adam:
    """Steps whose size does not depend on the size of the gradient.

    Kingma & Ba 2015, arXiv 1412.6980, algorithm 1, with its bias correction.

    >>> Adam(lr=0.001).beta2
    0.999
    """

    lr: Rate = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        check_rate(self.lr, "Adam")
        share(self.beta1, "Adam(beta1=...)")
        share(self.beta2, "Adam(beta2=...)")
        if positive(self.epsilon, "Adam(epsilon=...)") < 1e-30:  # would be 0 in float32
            raise InputError(f"Adam(epsilon=...) must be 1e-30 or more, got {self.epsilon!r}")

    def slots(self, parameter: np.ndarray) -> Slots:
        """Running means of gradients and of their squares, and the number of steps."""
        mean, square = zeros_for(parameter), zeros_for(parameter)
        return {"mean": mean, "square": square, "steps": np.zeros(1, np.int64)}

    def stride(self, parameter: np.ndarray, slots: Slots, lr: float) -> Stride:
        """The next step of a parameter; it is counted."""
        slots["steps"] += 1
        steps, (first, second) = int(slots["steps"][0]), (self.beta1, self.beta2)
        root = math.sqrt(1 - second**steps)
        numbers = [lr * root / (1 - first**steps), first, second, self.epsilon * root]
        return stride_of(kernels.ADAM, parameter, numbers, [slots["mean"], slots["square"]])

    def step(self, parameter: np.ndarray, gradient: np.ndarray, slots: Slots, lr: float) -> None:
        """Change `parameter` and its running means in place."""
        take(self, parameter, gradient, slots, lr)


Optimizer = SGD | Momentum | Adam


def zeros_for(parameter: np.ndarray) -> np.ndarray:
    """Zeros in the shape of a parameter; none of their vectors straddles two cache lines."""
    return aligned_zeros(parameter.size, parameter.dtype).reshape(parameter.shape)


def stride_of(
    way: int, parameter: np.ndarray, numbers: list[float], means: list[np.ndarray]
) -> Stride:
    """How a parameter is changed, given the settings and running means of its optimizer."""
    none = parameter[:0]
    with np.errstate(over="ignore"):  # the weights are found to be no longer finite
        settings = np.array(numbers, parameter.dtype)
    return Stride(way, settings, *[mean.reshape(-1) for mean in means], *[none] * (2 - len(means)))


def gradient_of(room: np.ndarray) -> Stride:
    """No step, but the gradient itself in a room in the shape of the parameter."""
    return stride_of(kernels.NONE, room.reshape(-1), [], [])


def take(
    optimizer: Optimizer, parameter: np.ndarray, gradient: Any, slots: Slots, lr: float
) -> None:
    """Take a step of a parameter of any shape; arrays that are not of this shape are refused.

    A kernel would read and write beyond them.
    """
    dtype, flags = parameter.dtype, parameter.flags
    if dtype not in (np.float32, np.float64) or not (flags.c_contiguous and flags.writeable):
        raise InputError(
            "a parameter must be an array of float32 or float64 that can be changed, its rows one"
            f" after the other; got {dtype}, {'' if flags.writeable else 'read-only, '}with strides"
            f" {parameter.strides}"
        )
    gradient = as_array(gradient, "a gradient")
    means = {name: array for name, array in slots.items() if name != "steps"}
    for name, array in {"gradient": gradient, **means}.items():
        if array.shape != parameter.shape:
            raise ShapeError(
                f"the {name} of a parameter {parameter.shape} must be as large, got {array.shape}"
            )
    flat = parameter.reshape(-1)
    given = np.ascontiguousarray(gradient, dtype).reshape(-1)
    change(flat, given, optimizer.stride(flat, slots, lr))


def change(parameter: np.ndarray, gradient: np.ndarray, stride: Stride) -> None:
    """Change a parameter in place, given its gradient; both are vectors of one dtype."""
    spare = np.zeros((4, LANES), parameter.dtype)
    fill = partial(kernels.step, stride, gradient, parameter, spare)
    spread(fill, -(-parameter.size // LANES), 7 * parameter.size)  # Adam: reads four, writes three


def share(value: Any, whose: str, *, all_of_it: bool = False) -> float:
    """A number that is at least 0 and below 1, or at most 1."""
    number = positive(value, whose, zero=True)
    if number > 1 or (number == 1 and not all_of_it):
        most = "1 or less" if all_of_it else "below 1"
        raise InputError(f"{whose} must be {most}, got {value!r}")
    return number
