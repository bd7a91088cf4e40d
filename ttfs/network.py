"""A chain of layers, its parameters, and the arrays that kernels take."""

from typing import Any

import numpy as np

from ttfs.checks import positive, whole
from ttfs.errors import InputError, ShapeError
from ttfs.kernels.propagation import LANES, Arrays
from ttfs.kernels.weights import take_signs
from ttfs.layers import Dense
from ttfs.psp import Ramp, Response, Step
from ttfs.weights import Binary, draw

ALIGNMENT = 64  # bytes; a row that straddles cache lines is read twice


def aligned_zeros(size: int, dtype: Any) -> np.ndarray:
    """A zeroed vector that begins at a cache line."""
    room = np.zeros(size * np.dtype(dtype).itemsize + ALIGNMENT, np.uint8)
    start = -room.ctypes.data % ALIGNMENT
    return room[start : start + size * np.dtype(dtype).itemsize].view(dtype)


class Network:
    """Layers one after the other, with their weights.

    Every neuron integrates without leak, fires at most once, and is silent if it has not
    fired before `t_max`. Training changes the arrays of a network in place.

    Parameters
    ----------
    layers: `Dense` layers; each must have as many inputs as the one before has outputs.
    psp: response to one spike: `Step()` or `Ramp(rise)`.
    t_max: horizon, exclusive: a spike at or after it does not happen.
    seed: decides the weights that are drawn.
    dtype: float32 or float64, of weights and potentials.
    unit: name of the unit of time, for axes.

    Attributes
    ----------
    weights: per layer, the (inputs, outputs) numbers that spikes add: for `Binary` layers
        +1 and -1, to be changed through `latents` and `refresh` alone.
    latents: per layer, the (inputs, outputs) numbers that learn; for `Real` layers `weights`.
    scales: (layers,) float64, positive; 1 for `Real` layers.

    Raises
    ------
    ShapeError, InputError: layers that do not fit, no layers, an impossible setting.

    >>> network = Network(Dense(64, 128), Dense(128, 10), t_max=256, seed=0)
    >>> network
    Network(64-128-10, Step(), t_max=256)
    >>> network.weights[1].shape
    (128, 10)
    """

    def __init__(
        self,
        *layers: Dense,
        psp: Response | None = None,
        t_max: float = 256.0,
        seed: int = 0,
        dtype: Any = np.float32,
        unit: str = "step",
    ):
        self.layers = check_chain(layers)
        self.psp: Response = Step() if psp is None else psp
        if not isinstance(self.psp, Step | Ramp):
            raise InputError(f"Network(psp=...) must be Step() or Ramp(rise), got {psp!r}")
        self.t_max = positive(t_max, "Network(t_max=...)")
        self.seed = whole(seed, "Network(seed=...)", least=0)
        self.dtype = check_dtype(dtype, "Network(dtype=...)")
        self.unit = unit
        self.sizes = (layers[0].inputs, *(layer.outputs for layer in layers))
        self.scales = np.array([layer.weights.scale for layer in layers], np.float64)
        self._make_arrays()
        self._draw(np.random.default_rng(self.seed))

    def __repr__(self) -> str:
        sizes = "-".join(map(str, self.sizes))
        return f"Network({sizes}, {self.psp}, t_max={self.t_max:g})"

    def __getstate__(self) -> dict[str, Any]:
        """All but the views of flat buffers, which a copy makes for itself."""
        made = {"arrays", "latent_buffer", "weights", "latents"}
        state = {name: value for name, value in self.__dict__.items() if name not in made}
        return state | {"scales": self.scales.copy(), "values": [w.copy() for w in self.latents]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        values = state.pop("values")
        self.__dict__.update(state)
        self._make_arrays()
        for k, value in enumerate(values):
            self.latents[k][:] = value
            self.refresh(k)

    @property
    def binary(self) -> np.ndarray:
        """(layers,) bool: which layers have weights of one bit."""
        return np.array([isinstance(layer.weights, Binary) for layer in self.layers])

    def _make_arrays(self) -> None:
        """Flat buffers for the kernels, and views of them that people read."""
        sizes = np.array(self.sizes, np.int64)
        widths = -(-sizes[1:] // LANES) * LANES
        ends = np.cumsum(sizes[:-1] * widths)
        units = np.concatenate([[0], np.cumsum(widths)])
        buffer = aligned_zeros(ends[-1], self.dtype)
        self.latent_buffer = aligned_zeros(ends[-1], self.dtype) if self.binary.any() else buffer
        self.arrays = Arrays(
            sizes=sizes,
            widths=widths,
            units=units,
            rows=np.concatenate([[0], ends[:-1]]),
            weights=buffer,
            thresholds=aligned_zeros(units[-1], self.dtype),
            delays=np.array([layer.delay for layer in self.layers], np.float64),
            t_max=self.t_max,
        )
        self.weights = tuple(self._view(buffer, k) for k in range(len(self.layers)))
        self.latents = tuple(
            self._view(self.latent_buffer, k) if binary else self.weights[k]
            for k, binary in enumerate(self.binary)
        )

    def padded(self, buffer: np.ndarray, layer: int) -> np.ndarray:
        """A layer's (inputs, width) part of a flat buffer, its padding included."""
        rows, width = self.arrays.rows[layer], self.arrays.widths[layer]
        return buffer[rows : rows + self.sizes[layer] * width].reshape(-1, width)

    def _view(self, buffer: np.ndarray, layer: int) -> np.ndarray:
        return self.padded(buffer, layer)[:, : self.sizes[layer + 1]]

    def padded_thresholds(self) -> np.ndarray:
        """The layers' own thresholds, before scaling, one for each padded neuron; float64."""
        thresholds = np.full(self.arrays.units[-1], np.inf)
        for k, layer in enumerate(self.layers):
            start = self.arrays.units[k]
            thresholds[start : start + layer.outputs] = layer.threshold
        return thresholds

    def parameters(self) -> dict[str, np.ndarray]:
        """The flat arrays that learn, with their padding, by name; not copies."""
        found = {}
        for k in range(len(self.layers)):
            buffer = self.latent_buffer if self.binary[k] else self.arrays.weights
            found[f"weights_{k + 1}"] = self.padded(buffer, k).reshape(-1)
            found[f"scale_{k + 1}"] = self.scales[k : k + 1]
        return found

    def _draw(self, rng: np.random.Generator) -> None:
        """Initial weights, as given or at random."""
        for k, layer in enumerate(self.layers):
            if layer.initial is not None:
                self.latents[k][:] = layer.initial
            else:
                self.latents[k][:] = self.draw(k, rng)
            self.refresh(k)

    def draw(self, layer: int, rng: np.random.Generator) -> np.ndarray:
        """Fresh random weights (inputs, outputs) for one layer."""
        dense = self.layers[layer]
        threshold = float(np.mean(dense.threshold))
        return draw(dense.weights.init, rng, (dense.inputs, dense.outputs), threshold)

    def refresh(self, layer: int) -> None:
        """Bring signs and thresholds into line with changed latent weights and scales."""
        weights = self.layers[layer].weights
        if isinstance(weights, Binary):
            latents = self.padded(self.latent_buffer, layer)
            signs = self.padded(self.arrays.weights, layer)
            take_signs(latents, float(weights.clip), self.sizes[layer + 1], signs)
        units = slice(self.arrays.units[layer], self.arrays.units[layer + 1])
        with np.errstate(over="ignore", under="ignore"):
            thresholds = self.padded_thresholds()[units] / self.scales[layer] * self.psp.unit
            self.arrays.thresholds[units] = thresholds
        real = self.arrays.thresholds[units][: self.sizes[layer + 1]]
        if not (np.isfinite(real).all() and (real > 0).all()):
            raise InputError(
                f"Dense {layer + 1}: a threshold is too large or too small for {self.dtype},"
                f" {thresholds.min():g} among them"
            )


def check_dtype(dtype: Any, whose: str) -> np.dtype:
    """float32 or float64."""
    try:
        checked = np.dtype(dtype)
    except TypeError:
        checked = None
    if checked not in (np.float32, np.float64):
        raise InputError(f"{whose} must be float32 or float64, got {dtype!r}")
    return checked


def check_chain(layers: tuple[Dense, ...]) -> tuple[Dense, ...]:
    """Layers that fit onto each other."""
    if not layers:
        raise InputError("Network needs at least one layer")
    for number, layer in enumerate(layers, start=1):
        if not isinstance(layer, Dense):
            raise InputError(f"layer {number} must be a Dense layer, got {layer!r}")
        if number > 1 and layer.inputs != layers[number - 2].outputs:
            raise ShapeError(
                f"Dense {number} expects {layer.inputs} inputs,"
                f" but Dense {number - 1} has {layers[number - 2].outputs} outputs"
            )
    return layers
