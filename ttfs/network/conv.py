"""Layers whose neurons see the map below through windows, and share their weights."""

from dataclasses import KW_ONLY, dataclass, field
from math import prod
from typing import Any

import numpy as np

from ttfs.checks import as_array, of_kind, whole
from ttfs.errors import InputError, ShapeError
from ttfs.network.layers import as_bias, as_threshold, settings_in_words, told_alike
from ttfs.network.maps import Maps, both, sizes_in_words
from ttfs.network.weights import Binary, Real


@dataclass(frozen=True, eq=False)
class Conv2d(Maps):
    """A convolution in time: the same weights are applied to every window of the map below.

    A map has (height, width, channels), and its neurons are numbered in that order, channels
    last. At each position of the window there is one neuron for each output channel; it receives
    the inputs in the window, from all channels. There is silence outside the map.

    Parameters
    ----------
    out_channels: channels of the layer's own map.
    kernel_size: size of the window; one number, or (rows, columns), like all sizes here.
    stride: distance between windows. Inputs left over at the right and bottom are ignored.
    padding: how far windows extend beyond the map on each side; less than `kernel_size`.
    weights: `Real()` or `Binary()`.
    threshold: potential at which a neuron fires; one number, or one for each output channel.
    delay: time from a spike below to its arrival: one number, or one for each input neuron: an
        array (inputs,), or `Delays(per="input")`.
    bias: initial potential: one number, one for each output channel, or (height, width,
        channels) of the layer, one for each neuron; with None, it is 0 and does not learn. Only
        with `Windows`.
    initial: initial weights, (rows, columns, channels, out_channels) of the window, or the
        same as (rows x columns x channels, out_channels).
    shape: (height, width, channels) of the map below; a `Network` finds it.

    Raises
    ------
    ShapeError, InputError: sizes that are not whole or do not fit, an impossible setting.

    >>> Conv2d(24, 5, padding=2)
    Conv2d(24, 5, padding=2)
    >>> Conv2d(24, 5, shape=(28, 28, 1)).gives
    (24, 24, 24)
    """

    out_channels: int
    kernel_size: Any
    _: KW_ONLY
    stride: Any = 1
    padding: Any = 0
    weights: Real | Binary = field(default_factory=Real)
    threshold: Any = 100.0
    delay: Any = 0.0
    initial: Any = None
    shape: Any = None
    bias: Any = None

    pools = False
    word = "conv"
    kind = "conv2d"

    def __post_init__(self) -> None:
        channels = whole(self.out_channels, "Conv2d(out_channels=...)")
        object.__setattr__(self, "out_channels", channels)
        kinds = "Real() or Binary(); numbers go to initial=..."
        of_kind(self.weights, Real | Binary, "Conv2d(weights=...)", kinds)
        threshold = as_threshold(self.threshold, channels, "Conv2d(threshold=...)")
        object.__setattr__(self, "threshold", threshold)
        places = np.ndim(self.bias) == 3  # one number for each neuron
        if places and self.shape is None:
            raise ShapeError(
                "Conv2d(bias=...) for each neuron needs shape=(height, width, channels)"
            )
        self.check_window()
        gives = self.gives if places else None
        own = as_bias(self.bias, channels, "Conv2d(bias=...)", gives)
        object.__setattr__(self, "bias", own)
        if self.initial is not None:
            object.__setattr__(self, "initial", self._as_initial())

    def _as_initial(self) -> np.ndarray:
        """The initial weights as (rows, columns)."""
        initial = as_array(self.initial, "Conv2d(initial=...)")
        window, out = both(self.kernel_size), self.out_channels
        channels = "channels" if self.shape is None else self.shape[2]
        full = initial.ndim == 4 and initial.shape[:2] == window and initial.shape[3] == out
        flat = initial.ndim == 2 and initial.shape[1] == out
        found = initial.shape[2] if full else len(initial) / prod(window) if flat else 0
        if found < 1 or found % 1 or (self.shape is not None and found != channels):
            wanted = f"({window[0]}, {window[1]}, {channels}, {out})"
            first = initial.ndim == 4 and (out, *window) == (initial.shape[0], *initial.shape[2:])
            cure = "; channels come last: pass .transpose(2, 3, 1, 0)" if first else ""
            got = f"weights for {found:g} channels" if found and not found % 1 else initial.shape
            raise ShapeError(f"Conv2d(initial=...) must be {wanted}, got {got}{cure}")
        if not np.isfinite(initial).all():
            raise InputError("Conv2d(initial=...) must be finite")
        return initial.reshape(-1, out)

    def __eq__(self, other: object) -> bool:
        return told_alike(self, other)

    def __hash__(self) -> int:
        return hash((self.out_channels, self.kernel_size, self.stride, self.padding, self.shape))

    def __repr__(self) -> str:
        parts = [str(self.out_channels), str(self.kernel_size)]
        parts += [f"stride={self.stride}"] if self.stride != 1 else []
        parts += [f"padding={self.padding}"] if self.padding else []
        return f"Conv2d({', '.join([*parts, *settings_in_words(self)])})"

    @property
    def columns(self) -> int:
        """Columns of the weight matrix: one for each output channel."""
        return self.out_channels

    @property
    def rows(self) -> int:
        """Rows of the weight matrix: one for each input of a window."""
        return prod(both(self.kernel_size)) * self.placed[2]

    @property
    def fan_in(self) -> int:
        """Number of inputs to a neuron whose window has no padding in it."""
        return self.rows

    @property
    def notation(self) -> str:
        """The layer in the notation of papers.

        >>> Conv2d(24, 5).notation, Conv2d(24, 5, stride=2, padding=2).notation
        ('24C5', '24C5s2p2')
        """
        stride = f"s{sizes_in_words(self.stride)}" if self.stride != 1 else ""
        padding = f"p{sizes_in_words(self.padding)}" if self.padding else ""
        return f"{self.out_channels}C{sizes_in_words(self.kernel_size)}{stride}{padding}"
