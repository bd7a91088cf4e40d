"""A chain of layers, its parameters, and the arrays that kernels take."""

from functools import partial
from importlib import import_module
from math import prod
from typing import Any

import numpy as np

from ttfs.checks import as_bounds, as_text, check_dtype, convert, of_kind, positive, whole
from ttfs.errors import InputError
from ttfs.kernels.reach import count_reached
from ttfs.kernels.threads import spread
from ttfs.kernels.weights import take_bits, take_signs
from ttfs.network import buffers
from ttfs.network.assigned import CURES, VIEWS
from ttfs.network.chain import Layer, check_chain, names_of
from ttfs.network.delays import Delays, delays_of, first_latents, slopes_of
from ttfs.network.layers import Dense, delay_rate, first_bias, mean_threshold
from ttfs.network.maps import as_shape
from ttfs.network.psp import RESPONSES, Response, Step, Windows
from ttfs.network.skips import check_code, check_numbers, check_skips, windows_of
from ttfs.network.summary import summary_of
from ttfs.network.weights import Binary

MOST_INPUTS = 2**24  # of a packed layer: sums of up to this many signs are exact in float32
LARGEST = 2**40  # bytes of weights that a network may have


class Network:
    """A chain of layers with their weights.

    Every neuron integrates without leak, fires at most once, and is silent if it has not
    fired before `t_max`. Training changes the arrays of a network in place.

    Parameters
    ----------
    layers: `Dense`, `Conv2d`, `MinPool2d`, in any order. Input sizes that a layer leaves open
        are taken from the layer below; those that it specifies must match.
    psp: response to one spike: `Step()` or `Ramp(rise)`; or `Windows()`, one for each layer.
    t_max: horizon, exclusive: a spike at or after it does not happen. 256 if not given; with
        `Windows`, the end of the last one.
    seed: seed for drawing weights at random.
    dtype: float32 or float64, of weights and potentials; times have the dtype of the stimulus.
        float32 has seven digits, float64 sixteen, and sums are rounded to them; sums of whole
        numbers, halves or quarters are exact in either.
    unit: name of the unit of time, for axes.
    shape: (height, width, channels) of the input, if the first layer does not specify it.
    skips: connections past layers, `Skip(source, target)`; only with `Windows`.

    Attributes
    ----------
    sizes, shapes: neurons, and (height, width, channels), of the input and each layer.
    weights: per layer, the (inputs, outputs) numbers that spikes add: for `Binary` layers
        +1 and -1, which are read-only and change through `latents` and `refresh`. For a
        layer of maps (rows, columns): one row for each input of a window, one column for each
        channel, shared by all positions.
    latents: per layer, the numbers that learn, in the same shape; for `Real` layers `weights`.
    scales: (layers,) float64, positive; 1 for `Real` layers.
    delayed: (layers,) whether each input or pair of a layer has a delay of its own.
    mapped: (layers,) which layers receive their inputs through windows of a map.
    delays: per layer, float64 that broadcast to (inputs, outputs): (1, 1) for one number,
        else (inputs, 1) or (inputs, outputs). Those that learn are read-only and change
        through `latent_delays` and `refresh`.
    latent_delays: per layer, the numbers that learn in the shape of `delays`, or None.
    biases: per layer, float64 initial potentials, (columns,) or (outputs,); or None.
    windows: the number of the window in which the input and each layer fire, with `Windows`.

    Kernels read these arrays directly, so change them in place; `unit` is the only attribute
    here that can be assigned.

    Raises
    ------
    ShapeError, InputError: layers that do not fit, no layers, an impossible setting; weights,
    thresholds or delays that become 0 or inf in this dtype.

    >>> network = Network(Dense(64, 128), Dense(128, 10), t_max=256, seed=0)
    >>> network
    Network(64-128-10, Step(), t_max=256)
    >>> network.weights[1].shape
    (128, 10)
    """

    def __init__(
        self,
        *layers: Layer,
        psp: Response | None = None,
        t_max: float | None = None,
        seed: int = 0,
        dtype: Any = np.float32,
        unit: str = "step",
        shape: Any = None,
        skips: Any = (),
    ):
        shape = None if shape is None else as_shape(shape, "Network(shape=...)")
        self.layers = check_chain(layers, shape)
        self.psp: Response = Step() if psp is None else psp
        of_kind(self.psp, Response, "Network(psp=...)", RESPONSES)
        self.windows = windows_of(self.layers)
        last = self.psp.begin(self.windows[-1] + 1) if isinstance(self.psp, Windows) else 256.0
        self.t_max = positive(last if t_max is None else t_max, "Network(t_max=...)")
        self.seed = whole(seed, "Network(seed=...)", least=0)
        self.dtype = check_dtype(dtype, "Network(dtype=...)")
        self.unit = as_text(unit, "Network(unit=...)")
        self.shapes = (shape or self.layers[0].shape, *(layer.gives for layer in self.layers))
        self.sizes = tuple(map(prod, self.shapes))
        self.skips = check_skips(list(skips), self.layers, self.shapes)
        self.biases = tuple(first_bias(layer) for layer in self.layers)
        check_code(self.layers, self.skips, self.psp)
        self.scales = np.array(
            [x.weights.first_scale(x.fan_in, mean_threshold(x)) for x in self.layers], np.float64
        )
        if not (np.isfinite(self.scales).all() and (self.scales > 0).all()):
            raise InputError(f"thresholds are too large or too small: scales are {self.scales}")
        check_numbers(self)
        need = self.dtype.itemsize * buffers.numbers_of(self.layers)
        try:
            if need > LARGEST:
                raise MemoryError
            self._make_arrays()
            self._draw(np.random.default_rng(self.seed))
        except MemoryError:
            raise InputError(
                f"{self} takes {need / 2**30:,.0f} GiB for weights, more than there is"
            ) from None

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse assignments that arrays and kernels would not notice."""
        made = name in CURES and vars(self).get(name, value) is not value
        if made or name in vars(type(self)):
            cure = CURES.get(name, "it follows from the layers; make a new Network")
            raise InputError(f"network.{name} cannot be assigned: {cure}")
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        flat = all(isinstance(layer, Dense) for layer in self.layers)
        first = str(self.sizes[0]) if flat else "x".join(map(str, self.shapes[0]))
        sizes = "-".join([first, *(layer.notation for layer in self.layers)])
        return f"Network({sizes}, {self.psp}, t_max={self.t_max:g})"

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the views of flat buffers, which a copy makes for itself."""
        state = {name: value for name, value in self.__dict__.items() if name not in VIEWS}
        state["biases"] = tuple(None if b is None else b.copy() for b in self.biases)
        values = [
            (weights.copy(), self.delays_kept(k).copy()) for k, weights in enumerate(self.latents)
        ]
        return state | {"scales": self.scales.copy(), "values": values}

    def __setstate__(self, state: dict[str, Any]) -> None:
        values = state.pop("values")
        # pickles from version 0.1 also contain attributes that follow from the others
        self.__dict__.update({name: state[name] for name in state.keys() - VIEWS})
        if "skips" not in state:
            self.__dict__.update(skips=(), biases=(None,) * len(self.layers))
            self.__dict__["windows"] = windows_of(self.layers)
        self._make_arrays()
        for k, (weights, delays) in enumerate(values):
            self.latents[k][:] = weights
            self.delays_kept(k)[:] = delays
            self.refresh(k)

    @property
    def binary(self) -> np.ndarray:
        """(layers,) bool: which layers have one-bit weights."""
        return np.array([isinstance(layer.weights, Binary) for layer in self.layers])

    @property
    def packed(self) -> np.ndarray:
        """(layers,) bool: which layers' weights are read as bits when responses are steps."""
        return self.binary & (np.array([layer.rows for layer in self.layers]) <= MOST_INPUTS)

    @property
    def stimulus_end(self) -> float:
        """The time from which input spikes are ignored: the horizon, or the end of their window."""
        psp = self.psp
        return min(psp.begin(1), self.t_max) if isinstance(psp, Windows) else self.t_max

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the input and the layers.

        >>> Network(Dense(64, 128), Dense(128, 10)).names
        ('input', 'hidden', 'output')
        """
        return names_of(self.layers)

    def fan_out(self, layer: int) -> Any:
        """How many neurons of a layer each input adds a weight to: one number, or (inputs,)."""
        if not self.mapped[layer]:
            return self.sizes[layer + 1]
        counts = np.zeros(self.sizes[layer], np.int64)
        if not self.layers[layer].pools:
            count_reached(self.arrays.reaches[layer], counts)
        return counts

    def summary(self) -> str:
        """A table of the layers: neurons, weights, connections, thresholds and delays."""
        return summary_of(self)

    def predict(self, times: Any) -> np.ndarray:
        """(samples,) the labels that the network decides on, by `ttfs.predict`."""
        return import_module("ttfs.measures.metrics").predict(self, times)  # of an upper floor

    def title(self, layer: int) -> str:
        """The name of a layer in error messages."""
        return f"{type(self.layers[layer]).__name__} {layer + 1}"

    def _make_arrays(self) -> None:
        """Make the flat buffers for the kernels, and the views of them that users see."""
        self.arrays = buffers.make_arrays(self.layers, self.dtype, self.t_max)
        buffer = self.arrays.weights
        self.latent_buffer = (
            buffers.aligned_zeros(buffer.size, self.dtype) if self.binary.any() else buffer
        )
        # for kernels that read bits; kernels that change weights take `arrays`
        self.packed_arrays = self.arrays._replace(packed=self.packed)
        self.weights = tuple(
            buffers.readonly(self.handed(k)) if binary else self.handed(k)
            for k, binary in enumerate(self.binary)
        )
        self.latents = tuple(
            self._view(self.latent_buffer, k) if binary else self.weights[k]
            for k, binary in enumerate(self.binary)
        )
        self._make_delays()

    def _make_delays(self) -> None:
        """Allocate the delays, and the latent numbers of those that learn."""
        self.delayed = tuple(isinstance(layer.delay, Delays) for layer in self.layers)
        self.mapped = tuple(not isinstance(layer, Dense) for layer in self.layers)
        self.delay_buffers = tuple(
            np.zeros(layer.delay.shape(layer.inputs, layer.outputs))
            if isinstance(layer.delay, Delays)
            else self.arrays.delays[k : k + 1].reshape(1, 1)
            for k, layer in enumerate(self.layers)
        )
        self.latent_delays = tuple(
            np.zeros(delays.shape) if delay_rate(layer) else None
            for layer, delays in zip(self.layers, self.delay_buffers, strict=True)
        )
        self.delays = tuple(
            delays if latents is None else buffers.readonly(delays)
            for delays, latents in zip(self.delay_buffers, self.latent_delays, strict=True)
        )

    def padded(self, buffer: np.ndarray, layer: int) -> np.ndarray:
        """A layer's (rows, width) part of a flat buffer, including its padding."""
        rows, width = self.arrays.rows[layer], self.arrays.widths[layer]
        return buffer[rows : rows + self.layers[layer].rows * width].reshape(-1, width)

    def _view(self, buffer: np.ndarray, layer: int) -> np.ndarray:
        return self.padded(buffer, layer)[:, : self.layers[layer].columns]

    def handed(self, layer: int) -> np.ndarray:
        """A layer's `weights` for kernels, which are compiled for writable arrays."""
        return self._view(self.arrays.weights, layer)

    def padded_signs(self, layer: int) -> np.ndarray:
        """A binary layer's (rows, words) bits, including its padding."""
        start, words = self.arrays.bits[layer], np.diff(self.arrays.words)[layer]
        rows = self.layers[layer].rows
        return self.arrays.signs[start : start + rows * words].reshape(-1, words)

    def padded_thresholds(self) -> np.ndarray:
        """The layers' own thresholds, before scaling, one for each padded column; float64."""
        thresholds = np.full(self.arrays.columns[-1], np.inf)
        for k, layer in enumerate(self.layers):
            start = self.arrays.columns[k]
            thresholds[start : start + layer.columns] = layer.threshold
        return thresholds

    def scaled_thresholds(self, layer: int) -> np.ndarray:
        """(columns,) the thresholds with which a layer's potentials are compared; read-only."""
        return buffers.readonly(self._thresholds(layer))

    def _thresholds(self, layer: int) -> np.ndarray:
        start = self.arrays.columns[layer]
        return self.arrays.thresholds[start : start + self.layers[layer].columns]

    def parameters(self) -> dict[str, np.ndarray]:
        """The flat arrays that learn, by name, with their padding; not copies."""
        found = {}
        for k in range(len(self.layers)):
            buffer = self.latent_buffer if self.binary[k] else self.arrays.weights
            if self.layers[k].rows:
                found[f"weights_{k + 1}"] = self.padded(buffer, k).reshape(-1)
                found[f"scale_{k + 1}"] = self.scales[k : k + 1]
            latents, bias = self.latent_delays[k], self.biases[k]
            if latents is not None:
                found[f"delay_{k + 1}"] = latents.reshape(-1)
            if bias is not None:
                found[f"bias_{k + 1}"] = bias
        return found

    def scaled_bias(self, layer: int) -> np.ndarray:
        """(1 or positions, padded columns) initial potentials, in their units and dtype."""
        bias, columns = self.biases[layer], self.layers[layer].columns
        given = np.zeros((1, columns)) if bias is None else bias.reshape(-1, columns)
        found = np.zeros((len(given), self.arrays.widths[layer]), self.dtype)
        found[:, :columns] = given / self.scales[layer]
        return found

    def delays_kept(self, layer: int) -> np.ndarray:
        """What determines a layer's delays: their latent numbers if they learn, else themselves."""
        latents = self.latent_delays[layer]
        return self.delay_buffers[layer] if latents is None else latents

    def delay_slopes(self, layer: int) -> np.ndarray:
        """The derivative of each delay with respect to its latent number, shaped as `delays`."""
        return slopes_of(self.delays[layer], self.t_max)

    def _draw(self, rng: np.random.Generator) -> None:
        """Set the initial weights, and then the delays, as given or at random."""
        for k in range(len(self.layers)):
            self._refresh_thresholds(k)
        for k, layer in enumerate(self.layers):
            given = layer.initial is not None
            values = layer.initial if given else self.draw(k, rng)
            convert(values, self.latents[k], f"{self.title(k)}: weights")
        for k, layer in enumerate(self.layers):
            if isinstance(layer.delay, Delays):
                delays = layer.delay.first(layer.inputs, layer.outputs, rng)
                learn = self.latent_delays[k] is not None
                if learn:
                    delays = first_latents(layer, delays, self.t_max, self.title(k))
                self.delays_kept(k)[:] = delays
            self.refresh(k)

    def draw(self, layer: int, rng: np.random.Generator) -> np.ndarray:
        """Fresh random weights (rows, columns) for one layer."""
        one = self.layers[layer]
        bounds = one.weights.bounds(one.fan_in, one.columns, mean_threshold(one))
        whose = f"{self.title(layer)}: weights drawn"
        return rng.uniform(*as_bounds(bounds, whose), (one.rows, one.columns))

    def refresh(self, layer: int) -> None:
        """Update signs, bits, thresholds and delays after latents or scales have changed."""
        latents = self.latent_delays[layer]
        if latents is not None:
            self.delay_buffers[layer][:] = delays_of(latents, self.t_max)
        weights = self.layers[layer].weights
        if isinstance(weights, Binary):
            padded = self.padded(self.latent_buffer, layer)
            signs = self.padded(self.arrays.weights, layer)
            given = padded, float(weights.clip), self.layers[layer].columns, signs
            spread(partial(take_signs, *given), len(padded), padded.size)
        self._refresh_thresholds(layer)
        self.pack(layer)

    def _refresh_thresholds(self, layer: int) -> None:
        """Compute a layer's scaled thresholds; refuse those that do not fit the dtype."""
        real = self._thresholds(layer)
        with np.errstate(all="ignore"):
            thresholds = np.asarray(self.layers[layer].threshold, np.float64)
            thresholds = thresholds / self.scales[layer]
            real[:] = thresholds
            high = real * self.dtype.type(self.psp.unit)  # where the sums of ramps begin
        known = np.isfinite(self.scales[layer])  # training that diverges has its own message
        if known and not (np.isfinite(high).all() and (high > 0).all() and (real > 0).all()):
            raise InputError(
                f"{self.title(layer)}: a threshold is too large or too small for {self.dtype},"
                f" {thresholds.min():g} among them"
            )

    def respond(self, psp: Response) -> None:
        """Take another response; an InputError if the thresholds are too large for it.

        The horizon stays as it is.
        """
        check_code(self.layers, self.skips, of_kind(psp, Response, "psp", RESPONSES))
        self.__dict__["psp"] = psp
        for layer in range(len(self.layers)):
            self.refresh(layer)

    def describe(self, layers: tuple[Layer, ...]) -> None:
        """Take another description of the same layers; those without biases get the ones it has."""
        self.__dict__["layers"] = tuple(layers)
        self.__dict__["biases"] = tuple(
            first_bias(layer) if bias is None else bias
            for layer, bias in zip(layers, self.biases, strict=True)
        )

    def pack(self, layer: int) -> None:
        """Update bits and whole-number thresholds; who changes signs without `refresh` calls it."""
        if isinstance(self.layers[layer].weights, Binary):
            signs = self.padded(self.arrays.weights, layer)
            bits = self.padded_signs(layer).view(np.uint16)
            spread(partial(take_bits, signs, bits), len(signs), signs.size)
            real = self._thresholds(layer)
            wholes = self.arrays.wholes[self.arrays.words[layer] :].reshape(-1)
            wholes[: real.size] = buffers.whole_thresholds(real)


def check_network(network: Any, whose: str) -> Network:
    """The network itself; refuse anything else, such as the model that `load` returns."""
    return of_kind(network, Network, whose, "a Network, such as that of load(path).network")
