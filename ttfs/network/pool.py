"""Layers that pass on the first spike of each window of a map."""

from dataclasses import dataclass
from math import prod
from typing import Any

from ttfs.network.layers import settings_in_words, told_alike
from ttfs.network.maps import Maps, both, sizes_in_words
from ttfs.network.weights import Real


@dataclass(frozen=True, eq=False)
class MinPool2d(Maps):
    """The earliest spike of each window of the map below, channel by channel.

    A neuron fires when the first spike of its window arrives, and is silent only if all inputs in
    the window are. It has no weights. If several spikes are first at the same time, the gradient
    goes to the one with the lowest index.

    Parameters
    ----------
    kernel_size: size of the window; one number, or (rows, columns), like all sizes here.
    stride: distance between windows; by default windows lie side by side. Inputs left over at
        the right and bottom are ignored.
    padding: how far windows extend beyond the map, into silence; less than `kernel_size`.
    delay: time from a spike below to its arrival: one number, or one for each input neuron:
        an array (inputs,), or `Delays(per="input")`.
    shape: (height, width, channels) of the map below; a `Network` finds it.

    Raises
    ------
    ShapeError, InputError: sizes that are not whole or do not fit, an impossible delay.

    >>> MinPool2d(2, shape=(24, 24, 16)).gives
    (12, 12, 16)
    """

    kernel_size: Any
    stride: Any = None
    padding: Any = 0
    delay: Any = 0.0
    shape: Any = None

    pools = True
    word = "pool"
    kind = "min_pool2d"
    weights = Real()
    threshold = 1.0
    initial = None
    bias = None

    def __post_init__(self) -> None:
        if self.stride is None:
            object.__setattr__(self, "stride", self.kernel_size)
        self.check_window()

    def __eq__(self, other: object) -> bool:
        return told_alike(self, other)

    def __hash__(self) -> int:
        return hash((self.kernel_size, self.stride, self.padding, self.shape))

    def __repr__(self) -> str:
        parts = [str(self.kernel_size)]
        parts += [f"stride={self.stride}"] if self.stride != self.kernel_size else []
        parts += [f"padding={self.padding}"] if self.padding else []
        return f"MinPool2d({', '.join([*parts, *settings_in_words(self)])})"

    @property
    def columns(self) -> int:
        """Channels of the layer: those of the map below."""
        return self.placed[2]

    @property
    def rows(self) -> int:
        """Rows of the weight matrix: none."""
        return 0

    @property
    def fan_in(self) -> int:
        """Number of inputs to a neuron whose window has no padding in it."""
        return prod(both(self.kernel_size))

    @property
    def notation(self) -> str:
        """The layer in the notation of papers.

        >>> MinPool2d(2).notation, MinPool2d(3, stride=2).notation
        ('P2', 'P3s2')
        """
        stride = f"s{sizes_in_words(self.stride)}" if self.stride != self.kernel_size else ""
        padding = f"p{sizes_in_words(self.padding)}" if self.padding else ""
        return f"P{sizes_in_words(self.kernel_size)}{stride}{padding}"
