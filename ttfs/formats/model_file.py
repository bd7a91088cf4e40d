"""Trained networks in files: `save` and `load`.

A model file is an ordinary .npz that `numpy.load` opens. It holds `header`, the bytes of a JSON
text, and `weights_1`, `weights_2`, ...: real weights as they are, binary weights one bit each.
The weights of a layer are followed by `delays_1`, or `latent_delays_1` if they are learned, where
its inputs or pairs have delays of their own, and by `biases_1` where its neurons have a bias. Last
come the skip connections, `skip_1`. A layer of maps has one row of weights for each input of a
window and one column for each channel; a pooling layer has no weights. The file ends with a
SHA-256 digest of everything before it. A network has exactly one such file.

`load` therefore accepts a file only if its digest is right, its header describes a network whose
weights are there in full length, and that network, written again, gives the same file.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ttfs.checks import short
from ttfs.codes.encoders import Encoder
from ttfs.errors import InputError, ModelFileError
from ttfs.files.archives import archive, first_bytes, take
from ttfs.files.json_text import as_json
from ttfs.files.reading import check_room
from ttfs.files.writing import write_atomically
from ttfs.formats import model_header
from ttfs.formats.sealed import SEAL_SIZE, read_sealed, seal
from ttfs.kernels.batch import LANES, WORD
from ttfs.network.chain import Layer
from ttfs.network.delays import Delays
from ttfs.network.layers import delay_rate
from ttfs.network.network import Network
from ttfs.network.skips import Skip
from ttfs.network.weights import Binary

WORK = 2**36  # synapses of a network, shared ones counted at each position: minutes per sample


@dataclass(frozen=True, eq=False, repr=False)
class Model:
    """What a model file holds.

    network: ready to run; the latent weights of `Binary` layers are their signs.
    encoder: the encoder of its stimuli, or None if that was not saved.
    report: how it was trained, as passed to `save`.
    header: everything the file says about itself, as read from JSON.
    """

    network: Network
    encoder: Encoder | None
    report: dict[str, Any]
    header: dict[str, Any]

    def __repr__(self) -> str:
        return f"Model({self.network}, {self.encoder})"


def save(
    path: str | os.PathLike[str],
    network: Network,
    *,
    encoder: Encoder | None = None,
    report: dict[str, Any] | None = None,
) -> Path:
    """The path of a file from which `load` restores a network that behaves the same, bit for bit.

    For `Binary` layers, only the signs and the scale are kept, one bit per synapse, so training
    cannot be resumed from the file. The file is written completely or not at all: if writing
    fails, an older file of that name remains. The same network gives the same bytes.

    Parameters
    ----------
    path: name of the file, used as it is; `.npz` is a suitable ending.
    network: the network.
    encoder: the encoder of its stimuli.
    report: how it was trained: text, numbers, lists, dictionaries, arrays and dataclasses.
        NaN and inf, which JSON does not have, become None.

    Raises
    ------
    InputError: something that no file can hold: weights that are not finite, a report of other
        types, arrays that were changed without `Network.refresh`.
    OSError: a folder that is missing, full or not writable.

    >>> import tempfile, ttfs
    >>> network = ttfs.Network(ttfs.Dense(64, 10, weights=ttfs.Binary()), t_max=16)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save(f"{folder}/m.npz", network, report={"accuracy": 0.9})
    ...     load(path).report
    {'accuracy': 0.9}
    """
    if not isinstance(network, Network):
        cure = "; of a Circuit say save_circuit" if type(network).__name__ == "Circuit" else ""
        raise InputError(f"save(network=...) must be a Network, got {type(network).__name__}{cure}")
    if not isinstance(encoder, Encoder | None):
        raise InputError(
            "save(encoder=...) must be a Latency, a Direct, an OnOff, SpikeTimes or None,"
            f" got {short(encoder)}"
        )
    if not isinstance(report, dict | None):
        raise InputError(f"save(report=...) must be a dict, got {type(report).__name__}")
    text = as_json(model_header.describe(network, encoder, report or {}), "header")
    content = _content(network, text)
    _check_same(network, restore(content, trusted=True).network)
    return write_atomically(path, content + seal(content))


def load(path: str | os.PathLike[str], *, trusted: bool = False) -> Model:
    """The `Model` in a file that `save` wrote.

    In memory, a network can be far larger than its file: one bit becomes two numbers, layers are
    padded to 16 outputs, and a few shared weights make a map of any size. A file that is not
    trusted may therefore take no more than 128 MiB plus 256 times its size, including the maps of
    one sample. Only layers with more than 500,000 inputs and few outputs, and maps of millions of
    neurons, take more.

    Parameters
    ----------
    path: name of the file.
    trusted: whether it may take as much memory as it needs.

    Raises
    ------
    ModelFileError: no such file; a file that is cut short, altered, from a newer version of
        this package, or not a model. Nothing in a file is ever executed, and memory is only
        taken for what the file really holds.

    >>> load("no/model.npz")
    Traceback (most recent call last):
    ttfs.errors.ModelFileError: no/model.npz: there is no such file
    """
    try:
        return restore(read_sealed(Path(path), "model", "ttfs.save"), trusted=trusted)
    except InputError as error:
        raise ModelFileError(f"{os.fspath(path)}: {error}") from None


# Writing


def _content(network: Network, text: bytes) -> bytes:
    """A model file without its seal."""
    arrays = {"header": np.frombuffer(text, np.uint8)}
    dtype = model_header.LITTLE_ENDIAN[network.dtype.name]
    for k, (layer, weights) in enumerate(zip(network.layers, network.weights, strict=True)):
        binary = isinstance(layer.weights, Binary)
        if layer.rows:
            kept = np.packbits(weights > 0) if binary else weights.astype(dtype)
            arrays[f"weights_{k + 1}"] = kept
        if network.delayed[k]:
            arrays[_delays_title(layer, k + 1)] = network.delays_kept(k).astype("<f8")
        bias = network.biases[k]
        if bias is not None:
            arrays[f"biases_{k + 1}"] = bias.astype("<f8")
    for number, skip in enumerate(network.skips, start=1):
        arrays[f"skip_{number}"] = skip.numbers(network.shapes[skip.target][2]).astype("<f8")
    return archive(arrays, SEAL_SIZE)


def _delays_title(layer: Layer, number: int) -> str:
    return f"latent_delays_{number}" if delay_rate(layer) else f"delays_{number}"


def _check_same(network: Network, restored: Network) -> None:
    """Refuse a network that its own file would not restore exactly."""
    for k in range(len(network.layers)):
        if not (
            np.array_equal(network.weights[k], restored.weights[k])
            and np.array_equal(network.scaled_thresholds(k), restored.scaled_thresholds(k))
            and np.array_equal(network.delays[k], restored.delays[k])
            and np.array_equal(network.scaled_bias(k), restored.scaled_bias(k))
        ):
            raise InputError(
                f"layer {k + 1}: weights, thresholds or delays were changed by hand and cannot be"
                f" saved; change latents, scales or layers, then call network.refresh({k})"
            )


# Reading


def restore(content: bytes, *, trusted: bool) -> Model:
    """The model in the content of a file, provided that `save` would write the same content."""
    text, start = first_bytes(content, "header")
    header = model_header.parse(text)
    encoder = model_header.encoder_of(header)
    layers, start = _layers(header, content, start)
    skips = _skips(header, layers, content, start)
    if not trusted:
        told, cure = [layer.told for layer in layers], "load(path, trusted=True) allows it"
        told += [skip.layer for skip in skips if skip.layer is not None]
        check_room(room_of(told, header["dtype"]), len(content), "its network", cure)
        work = sum(layer.positions * layer.fan_in * layer.columns for layer in told)
        if work > WORK:
            raise InputError(
                f"its network uses {work:,} synapses for each sample, too many; {cure}"
            )
    network = _network(header, layers, skips)
    if _content(network, text) != content:
        raise InputError("does not hold what its header says")
    return Model(network, encoder, header["report"], header)


def room_of(layers: Sequence[Layer], dtype: Any) -> int:
    """Bytes that a network's arrays, with padding, and its maps of one sample will take."""
    item, found = np.dtype(dtype).itemsize, 0
    buffers = 1 + any(isinstance(layer.weights, Binary) for layer in layers)
    for layer in layers:
        width, words = -(-layer.columns // LANES) * LANES, -(-layer.columns // WORD)
        found += (buffers * layer.rows + 1) * width * item + words * WORD * 4
        found += layer.rows * words * 8 if isinstance(layer.weights, Binary) else 0
        if isinstance(layer.delay, Delays):
            kept = 2 if layer.delay.rate else 1
            found += 8 * kept * math.prod(layer.delay.shape(layer.inputs, layer.outputs))
        # a time and a potential for each neuron, except at one place, which the weights tell of
        others = layer.inputs - layer.shape[2] + (layer.positions - 1) * layer.columns
        found += others * (8 + item)
        if layer.positions > 1:  # lists of the events that reach each position
            found += 4 * layer.positions * (min(layer.inputs, layer.rows) + 1)
    return found


class _Layer(NamedTuple):
    """A layer with its weights, and its delays in the form in which they are kept, if several."""

    told: Layer
    delays: np.ndarray | None


def _layers(header: dict[str, Any], content: bytes, start: int) -> tuple[list[_Layer], int]:
    """The layers with their arrays, and where the content after them begins.

    Each array is known to be there before it is read.
    """
    layers, dtype = [], model_header.LITTLE_ENDIAN[header["dtype"]]
    for number, record in enumerate(header["layers"], start=1):
        try:
            layer, delays = model_header.layer_of(record, header["format"]), None
            weights, start = _weights(layer, content, start, number, dtype)
            if isinstance(record["delay"], dict):
                layer, delays, start = _delays(layer, record["delay"], content, start, number)
            if layer.bias is not None:
                title, shape = f"biases_{number}", (record["bias"],)
                biases, start = _finite(content, start, title, shape)
                if layer.shape is not None and record["bias"] != layer.columns:
                    biases = biases.reshape(_shape_of(layer, len(biases)))
                layer = replace(layer, bias=biases)  # type: ignore[arg-type]
            layers.append(_Layer(_holding(layer, weights), delays))
        except InputError as error:
            raise InputError(f"layer {number}: {error}") from None
    return layers, start


def _shape_of(layer: Layer, biases: int) -> tuple[int, int, int]:
    """The shape of a layer, provided that it has as many neurons as biases."""
    if layer.outputs != biases or biases < 1:
        raise InputError(f"has {biases} biases for {layer.outputs} neurons")
    return layer.gives


def _skips(
    header: dict[str, Any], layers: list[_Layer], content: bytes, start: int
) -> tuple[Skip, ...]:
    """The skip connections with their weights."""
    skips: list[Skip] = []
    shape: tuple[int, ...]
    for number, record in enumerate(header.get("skips", ()), start=1):
        try:
            layer = model_header.skip_layer_of(record)
            source, target = record["source"], record["target"]
            if not 0 < target <= len(layers):
                raise InputError(f"there is no layer {target}")
            columns = layers[target - 1].told.columns
            shape = (columns,) if layer is None else (layer.rows, layer.columns)
            numbers, start = _finite(content, start, f"skip_{number}", shape)
            if layer is None:
                skips.append(Skip(source, target, weight=numbers))
            else:
                skips.append(Skip(source, target, layer=_holding(layer, numbers)))
        except InputError as error:
            raise InputError(f"skip {number}: {error}") from None
    return tuple(skips)


def _finite(
    content: bytes, start: int, title: str, shape: tuple[int, ...]
) -> tuple[np.ndarray, int]:
    """An array of finite numbers, and where the next one begins."""
    numbers, end = take(content, start, title, np.dtype("<f8"), shape)
    if not np.isfinite(numbers).all():
        raise InputError(f"{title.split('_')[0]} must be finite, there are NaN or inf")
    return numbers.astype(np.float64), end


def _holding(layer: Layer, weights: np.ndarray | None) -> Layer:
    """The layer with these initial weights, if it has any weights."""
    given: dict[str, Any] = {"initial": weights} if layer.rows else {}
    return replace(layer, **given)


def _delays(
    layer: Layer, record: dict[str, Any], content: bytes, start: int, number: int
) -> tuple[Layer, np.ndarray, int]:
    """A layer with several delays, these delays as kept, and where the next array begins."""
    delay = model_header.delays_of(record)
    layer = replace(layer, delay=delay)
    shape = delay.shape(layer.inputs, layer.outputs)
    kept, end = take(content, start, _delays_title(layer, number), np.dtype("<f8"), shape)
    if not np.isfinite(kept).all() or not (delay_rate(layer) or kept.min() >= 0):
        raise InputError("delays must be 0 or more and finite")
    return layer, kept, end


def _weights(
    layer: Layer, content: bytes, start: int, number: int, dtype: np.dtype
) -> tuple[np.ndarray | None, int]:
    """Weights (rows, columns) of a layer, if it has any, and where the next array begins."""
    shape, title = (layer.rows, layer.columns), f"weights_{number}"
    if not layer.rows:
        return None, start
    if isinstance(layer.weights, Binary):
        count = layer.rows * layer.columns
        packed, end = take(content, start, title, np.uint8, (-(-count // 8),))
        return 2 * np.unpackbits(packed, count=count).view(np.int8).reshape(shape) - 1, end
    weights, end = take(content, start, title, dtype, shape)
    if not np.isfinite(weights).all():
        raise InputError("weights must be finite, there are NaN or inf")
    return weights, end


def _network(header: dict[str, Any], layers: list[_Layer], skips: tuple[Skip, ...]) -> Network:
    """A network of these layers, with the scales and delays that it had learned."""
    with np.errstate(all="ignore"):  # the consequences are caught below
        network = Network(
            *(layer.told for layer in layers),
            psp=model_header.psp_of(header),
            t_max=header["t_max"],
            seed=header["seed"],
            dtype=header["dtype"],
            unit=header["unit"],
            shape=header.get("shape"),
            skips=skips,
        )
        for k, record in enumerate(header["layers"]):
            network.scales[k] = record.get("scale", 1)
            if layers[k].delays is not None:
                network.delays_kept(k)[:] = layers[k].delays
            network.refresh(k)
            if not np.isfinite(network.delays[k]).all():
                raise InputError(f"layer {k + 1}: delays must be finite")
    described = []
    for layer, record, delays in zip(layers, header["layers"], network.delays, strict=True):
        told = _holding(layer.told, None)  # weights are kept once, not twice
        if model_header.were_given(record["delay"]):
            told = replace(told, delay=replace(told.delay, init=delays.copy()))
        described.append(told)
    network.describe(tuple(described))
    return network
