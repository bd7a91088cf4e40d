"""A saved model, and the data with which a command runs it."""

import argparse
import sys
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from ttfs import datasets
from ttfs.codes.encoders import Encoder
from ttfs.codes.encoding import Latency
from ttfs.codes.spike_times import SpikeTimes
from ttfs.datasets.dataset import Dataset
from ttfs.engines.batch import lost_share
from ttfs.errors import DatasetError, InputError, ModelFileError, ShapeError
from ttfs.formats.circuit_file import holds_circuit
from ttfs.formats.model_file import Model, load
from ttfs.measures.diagnosis import too_late


@dataclass(frozen=True)
class Subject:
    """The model and data that a command examines; `path` is that of the model."""

    path: Path
    model: Model
    data: Dataset

    @cached_property
    def stimuli(self) -> np.ndarray:
        """Input spike times (samples, inputs)."""
        network = self.model.network
        encoder = self.model.encoder or self._as_it_is()
        inputs, pixels = network.sizes[0], self.data.images.shape[1]
        if encoder.inputs(pixels) != inputs:
            held = "pixels" if len(self.data.image_shape) > 1 else "values"
            name, held = self.data.name, held if self.data.stop is None else "spike times"
            raise ShapeError(f"{self.path} takes {inputs} inputs, but {name} has {pixels} {held}")
        times = self.data.encoded(encoder)
        if any(network.mapped):
            height, width, channels = network.shapes[0]
            shape = height, width, channels // (inputs // pixels)
            check_maps(self.data, shape, f"{self.path} takes")
        return times

    def _as_it_is(self) -> Encoder:
        """The encoder of a model that was saved without one: spike times remain what they are."""
        network, data = self.model.network, self.data
        if data.stop is None:
            return Latency(t_max=network.t_max)
        if data.unit != network.unit:
            raise InputError(
                f"{self.path} takes times in {network.unit}, but those of {data.name} are in"
                f" {data.unit}"
            )
        return SpikeTimes(network.t_max, data.unit, t_max=network.t_max)

    def check_index(self, index: int) -> None:
        """Refuse a sample that does not exist."""
        if index >= len(self.data):
            last = len(self.data) - 1
            raise InputError(f"--index {index}: the samples of {self.data.name} are 0 to {last}")

    def only(self, index: int) -> "Subject":
        """The same model with one sample, so that no others are encoded."""
        self.check_index(index)
        return replace(self, data=self.data.part(slice(index, index + 1)))

    def warn(self) -> None:
        """Warn if many input spikes are lost, or if the model was made for firing rates."""
        if "rate" in self.model.report:
            biased = "; its biases are not meant for that" if "biases" in self.model.report else ""
            print(
                f"ttfs: {self.path} was made for firing rates, by which `ttfs evaluate` runs it;"
                f" here each neuron fires once, in windows{biased}",
                file=sys.stderr,
            )
        warn_lost(lost_share(self.model.network, self.stimuli))


def check_maps(data: Dataset, shape: tuple[int, int, int], whose: str) -> None:
    """Refuse images whose shape is not that of the maps that a network takes."""
    found = data.image_shape
    if found in (shape, shape[:2] if shape[2] == 1 else shape):
        return
    height, width, channels = shape
    turned = found == (channels, height, width)
    cure = "; channels come last, as np.moveaxis(images, 1, -1) has them" if turned else ""
    sides = " x ".join(map(str, found))
    raise ShapeError(
        f"{whose} images of {height} x {width} with {channels} channels, but those of {data.name}"
        f" are {sides}{cure}"
    )


def subject_of(options: argparse.Namespace) -> Subject:
    """The model and the split of a data set that a command was given."""
    try:
        model = load(options.model)
    except ModelFileError:
        if not holds_circuit(options.model):
            raise
        others = "info, step, view, plot and export take circuits"
        raise InputError(f"{options.model} holds a circuit, which has no data: {others}") from None
    try:
        training, testing = datasets.load(options.dataset or dataset_of(model, options.model))
    except DatasetError as error:
        if options.dataset:
            raise
        raise DatasetError(f"{error}; {options.model} names it, --dataset D another one") from None
    return Subject(options.model, model, training if options.split == "train" else testing)


def dataset_of(model: Model, path: Path) -> str:
    """The name of the data set that the report of a model, read from a path, states."""
    found = model.report.get("dataset")
    if not isinstance(found, str) or not found or "\0" in found:
        raise InputError(f"{path} does not say which data it was trained on: add --dataset D")
    return found


def warn_lost(lost: float) -> None:
    """Warn if the share of input spikes that are lost is large."""
    for sentence in too_late(lost):
        print(f"ttfs: {sentence}", file=sys.stderr)
