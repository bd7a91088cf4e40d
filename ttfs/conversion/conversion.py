"""The result of a conversion: a spiking network, and how far it is from the original."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ttfs.checks import as_array
from ttfs.codes.decoding import decide
from ttfs.codes.encoding import Latency, brightness
from ttfs.conversion.calibration import activations_of, limited
from ttfs.engines.batch import forward
from ttfs.errors import InputError, ShapeError
from ttfs.network.network import Network
from ttfs.network.psp import Windows

CHUNK = 100  # samples that are compared at a time


@dataclass(frozen=True)
class Distance:
    """How far a converted network is from the network of ReLUs that it was made from.

    samples: number compared. agreement: share of samples in which both make the same decision.
    largest: for each layer, the largest difference of an activation, in units of the ReLUs.
    clipped: for each layer, the share of activations above 0 that exceed what its neurons can
    represent. undecided: share of samples in which no output fires, so that potentials decide.
    """

    samples: int
    agreement: float
    largest: tuple[float, ...]
    clipped: tuple[float, ...]
    undecided: float
    names: tuple[str, ...]

    def __str__(self) -> str:
        lines = [
            f"decides as the ReLU network does in {100 * self.agreement:.2f} % of"
            f" {self.samples} samples; no output fires in {100 * self.undecided:.2f} %"
        ]
        for name, largest, clipped in zip(self.names, self.largest, self.clipped, strict=True):
            lines.append(
                f"  {name:10s} activations differ by {largest:.3g} at most,"
                f" {100 * clipped:.3g} % are clipped"
            )
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class Conversion:
    """A network of ReLUs, converted to a network of single spikes.

    network: with `Windows`, thresholds of 1 and the window as unit of time, or, of a module with
    ramps, that module as a network. If the weights into each neuron differ only in sign, they
    have one bit, and thresholds are larger. Run it like any other.
    encoder: converts values in 0..1 to its stimuli.
    relus: the network of ReLUs, with the same layers; its thresholds have no effect. None if the
    original has ramps.
    thresholds: per layer, (columns,) the activations of ReLUs that correspond to a spike at the
    beginning of a window.
    offset: added to all outputs so that they fire. limits: upper limits of the ReLUs' activations,
    as for ReLU6; inf if there are none. channels_first: whether inputs are read with channels first
    if their shape leaves it open.
    """

    network: Network
    relus: Network | None
    thresholds: tuple[np.ndarray, ...]
    offset: float
    limits: tuple[float, ...] = ()
    channels_first: bool = False
    encoder: Latency = field(default_factory=lambda: Latency(t_max=1.0))

    def __repr__(self) -> str:
        return f"Conversion({self.network})"

    def times(self, inputs: Any) -> np.ndarray:
        """(samples, neurons) spike times for inputs: values in 0..1, in any shape that fits."""
        return self.encoder(as_values(inputs, self.network.shapes[0], self.channels_first))

    def outputs(self, potential: np.ndarray) -> np.ndarray:
        """The outputs of the ReLU network, from the (samples, outputs) potentials of a `Record`."""
        shares = potential / np.asarray(self.network.layers[-1].threshold)
        return shares * self.thresholds[-1] - self.offset

    def activations(self, times: tuple[np.ndarray, ...]) -> list[np.ndarray]:
        """The activations of the ReLUs that the spikes of each layer represent.

        times: of all layers, the input first, as in `Record.times`.
        """
        psp, windows = self.network.psp, self.network.windows
        assert isinstance(psp, Windows)
        return [
            psp.values(layer, windows[k + 1]) * np.resize(self.thresholds[k], layer.shape[1])
            for k, layer in enumerate(times[1:])
        ]

    def decisions(self, inputs: Any) -> np.ndarray:
        """(samples,) decisions of the network of ReLUs."""
        if self.relus is None:
            raise InputError("a network trained with ramps is not one of ReLUs")
        values = values_in(inputs, self.network.shapes[0], self.channels_first)
        found = np.empty(len(values), np.int64)
        for start in range(0, len(values), CHUNK):
            some = slice(start, start + CHUNK)
            *_, (_, last, _) = activations_of(self.relus, values[some], limited(self.limits))
            found[some] = last.argmax(axis=1)
        return found

    def compare(self, inputs: Any) -> Distance:
        """How far the two networks are from each other on some inputs."""
        if self.relus is None:
            raise InputError("a network trained with ramps is not one of ReLUs")
        values = values_in(inputs, self.network.shapes[0], self.channels_first)
        layers = len(self.network.layers)
        largest, above, clipped = np.zeros(layers), np.zeros(layers), np.zeros(layers)
        agree = undecided = 0
        for start in range(0, len(values), CHUNK):
            some = values[start : start + CHUNK]
            record = forward(self.network, self.encoder(some))
            said = self.activations(record.times)
            for k, potentials, relus in activations_of(self.relus, some, limited(self.limits)):
                limits = np.resize(self.thresholds[k], relus.shape[1])
                last = k == layers - 1
                wanted = np.maximum(potentials + self.offset, 0) if last else relus
                largest[k] = max(largest[k], abs(said[k] - wanted).max(initial=0))
                above[k] += np.count_nonzero(wanted)
                clipped[k] += np.count_nonzero(wanted > limits * (1 + 1e-9))
            decided = decide(record.times[-1], record.potential)
            agree += int((decided.label == potentials.argmax(axis=1)).sum())
            undecided += int(decided.undecided.sum())
        return Distance(
            samples=len(values),
            agreement=agree / len(values),
            largest=tuple(largest.tolist()),
            clipped=tuple((clipped / np.maximum(above, 1)).tolist()),
            undecided=undecided / len(values),
            names=self.network.names[1:],
        )


def as_inputs(inputs: Any) -> np.ndarray:
    """(samples, ...) inputs as an array; PyTorch tensors may require gradients."""
    array = as_array(inputs.detach().cpu() if hasattr(inputs, "detach") else inputs, "inputs")
    if array.ndim < 2 or not len(array):
        raise ShapeError(
            f"inputs must be (samples, ...) with at least one sample, got {array.shape}"
        )
    return array


def values_in(inputs: Any, shape: tuple[int, int, int], channels_first: bool) -> np.ndarray:
    """(samples, neurons) values in 0..1 of the inputs given, in float64."""
    array, top, _ = brightness(as_inputs(inputs))
    return as_values(array, shape, channels_first).astype(np.float64) / top


def as_values(inputs: Any, shape: tuple[int, int, int], channels_first: bool) -> np.ndarray:
    """(samples, neurons) values of inputs given flat, channels last, or in PyTorch's order.

    channels_first: the order assumed if the shape is the same either way.
    """
    array = as_inputs(inputs)
    height, width, channels = shape
    neurons, rest = height * width * channels, array.shape[1:]
    if rest == (channels, height, width) and (rest != shape or channels_first):
        array = np.moveaxis(array, 1, -1)
    elif rest not in ((neurons,), shape) and not (channels == 1 and rest == (height, width)):
        raise ShapeError(
            f"inputs must be (samples, {height}, {width}, {channels}), (samples, {channels},"
            f" {height}, {width}) or (samples, {neurons}), got {array.shape}"
        )
    return array.reshape(len(array), neurons)
