"""Trained networks in files: `save` and `load`.

A model file is an ordinary .npz that `numpy.load` opens: `header`, the bytes of a JSON text,
and `weights_1`, `weights_2`, ...: real weights as they are, binary weights one bit each; after
a layer's weights, if its inputs or pairs have delays of their own, `delays_1` or, where they
learn, `latent_delays_1`. It ends with a SHA-256 digest of everything before. A network has
exactly one such file.

That is how `load` knows a good file: the digest is right; the header describes a network
whose weights are there in full length; and that network, written again, is the file.
"""

import hashlib
import json
import os
import platform
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import NoneType
from typing import Any, NamedTuple

import numba
import numpy as np

from ttfs import __version__
from ttfs.checks import positive
from ttfs.decoding import RULE
from ttfs.delays import Delays
from ttfs.encoding import Direct, Encoder, Latency
from ttfs.errors import InputError, ModelFileError
from ttfs.files import ARCHIVE_LIMIT, archive, as_json, first_bytes, take, write_atomically
from ttfs.layers import Dense
from ttfs.network import Network, delay_rate
from ttfs.psp import Ramp, Step
from ttfs.weights import Binary, Real

KIND, FORMAT = "ttfs model", 1

_SEAL = b"ttfs-sha256:"
_SEAL_SIZE = len(_SEAL) + 64
_HEADER_LIMIT = 2**22  # bytes; parsed JSON takes some thirty times the memory of its text
_LAYER_LIMIT = 256  # the time a network takes to build grows with its square
_DIGITS = 300  # of a whole number; with more it would be no float

_LITTLE: dict[str, np.dtype] = {"float32": np.dtype("<f4"), "float64": np.dtype("<f8")}

Schema = dict[str, tuple[type, ...]]

_NUMBER = (int, float)
_HEADER: Schema = {
    "kind": (str,),
    "format": (int,),
    "layers": (list,),
    "psp": (dict,),
    "t_max": _NUMBER,
    "unit": (str,),
    "dtype": (str,),
    "seed": (int,),
    "encoder": (dict, NoneType),
    "decision": (str,),
    "versions": (dict,),
    "report": (dict,),
}
_LAYER: Schema = {
    "inputs": (int,),
    "outputs": (int,),
    "weights": (dict,),
    "scale": _NUMBER,
    "threshold": (*_NUMBER, list),
    "delay": (*_NUMBER, dict),
}
_SETTINGS: dict[type, Schema] = {
    Real: {"init": (list, NoneType)},
    Binary: {
        "init": (list, NoneType),
        "scale": (*_NUMBER, NoneType),
        "scale_rate": _NUMBER,
        "clip": _NUMBER,
    },
    Delays: {"per": (str,), "init": (list, NoneType), "rate": _NUMBER},
    Step: {},
    Ramp: {"rise": _NUMBER},
    Latency: {"t_max": _NUMBER, "steps": (bool,), "zero_silent": (bool,)},
    Direct: {"early": _NUMBER, "late": _NUMBER, "bias": (*_NUMBER, NoneType), "t_max": _NUMBER},
}
_ENDLESS = {"clip", "rise"}  # inf by default, and then left out: JSON has no inf


@dataclass(frozen=True, eq=False, repr=False)
class Model:
    """What a model file holds.

    network: ready to run; latent weights of `Binary` layers are their signs.
    encoder: the code its stimuli were made with, or None if that was not saved.
    report: how it was trained, as `save` was given it.
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
    """The path of a file from which `load` makes a network that does the same, bit for bit.

    Of `Binary` layers only the signs and the scale are kept, one bit for each synapse, so
    training cannot resume from there. The file is complete or not there at all: if writing
    fails, an older file of that name stays. The same network gives the same bytes.

    Parameters
    ----------
    path: name of the file, used as it is; `.npz` suits.
    network: the network.
    encoder: the code its stimuli are made with.
    report: how it was trained: text, numbers, lists, dictionaries, arrays and dataclasses.
        NaN and inf, which JSON does not have, become None.

    Raises
    ------
    InputError: what no file can hold: weights that are not finite, a report with other
        things in it, arrays that were changed without `Network.refresh`.
    OSError: a folder that is missing, full or may not be written.

    >>> import tempfile, ttfs
    >>> network = ttfs.Network(ttfs.Dense(64, 10, weights=ttfs.Binary()), t_max=16)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save(f"{folder}/m.npz", network, report={"accuracy": 0.9})
    ...     load(path).report
    {'accuracy': 0.9}
    """
    if not isinstance(network, Network):
        raise InputError(f"save(network=...) must be a Network, got {type(network).__name__}")
    if not isinstance(encoder, Encoder | None):
        raise InputError(f"save(encoder=...) must be a Latency, a Direct or None, got {encoder!r}")
    if not isinstance(report, dict | None):
        raise InputError(f"save(report=...) must be a dict, got {type(report).__name__}")
    text = as_json(_describe(network, encoder, report or {}), "header")
    content = _content(network, text)
    _check_same(network, _restore(content).network)
    return write_atomically(path, content + _seal(content))


def load(path: str | os.PathLike[str]) -> Model:
    """The `Model` in a file that `save` wrote.

    Raises
    ------
    ModelFileError: no such file; a file that is cut short, altered, from a newer version of
        this package, or something else. What cannot be trusted is never run, and memory
        is only taken for what the file really holds.

    >>> load("no/model.npz")
    Traceback (most recent call last):
    ttfs.errors.ModelFileError: no/model.npz: there is no such file
    """
    try:
        return _restore(_read(Path(path)))
    except InputError as error:
        raise ModelFileError(f"{os.fspath(path)}: {error}") from error


# Writing


def _describe(network: Network, encoder: Encoder | None, report: dict) -> dict[str, Any]:
    """All that a file says about a network, but for its weights."""
    layers = [
        {
            "inputs": layer.inputs,
            "outputs": layer.outputs,
            "weights": _tagged(layer.weights),
            "scale": scale,
            "threshold": np.asarray(layer.threshold),
            "delay": _delay_settings(layer.delay),
        }
        for layer, scale in zip(network.layers, network.scales, strict=True)
    ]
    return {
        "kind": KIND,
        "format": FORMAT,
        "layers": layers,
        "psp": _tagged(network.psp),
        "t_max": network.t_max,
        "unit": network.unit,
        "dtype": network.dtype.name,
        "seed": network.seed,
        "encoder": None if encoder is None else _tagged(encoder),
        "decision": RULE,
        "versions": {
            "ttfs": __version__,
            "numpy": np.__version__,
            "numba": numba.__version__,
            "python": platform.python_version(),
        },
        "report": report,
    }


def _tagged(settings: Any) -> dict[str, Any]:
    """Settings and the name of their class, without those that are infinite by default."""
    given = asdict(settings).items()
    kept = {key: value for key, value in given if not (key in _ENDLESS and value == np.inf)}
    return {"kind": type(settings).__name__, **kept}


def _delay_settings(delay: Any) -> Any:
    """One number, or how several are parametrised; delays that were given are among the arrays."""
    if not isinstance(delay, Delays):
        return delay
    settings = _tagged(delay)
    return settings if delay.drawn else {**settings, "init": None}


def _content(network: Network, text: bytes) -> bytes:
    """A model file without its seal."""
    arrays = {"header": np.frombuffer(text, np.uint8)}
    dtype = _LITTLE[network.dtype.name]
    for k, (layer, weights) in enumerate(zip(network.layers, network.weights, strict=True)):
        binary = isinstance(layer.weights, Binary)
        arrays[f"weights_{k + 1}"] = np.packbits(weights > 0) if binary else weights.astype(dtype)
        if network.delayed[k]:
            arrays[_delays_title(layer, k + 1)] = network.delays_kept(k).astype("<f8")
    return archive(arrays, _SEAL_SIZE)


def _delays_title(layer: Dense, number: int) -> str:
    return f"latent_delays_{number}" if delay_rate(layer) else f"delays_{number}"


def _seal(content: bytes) -> bytes:
    return _SEAL + hashlib.sha256(content).hexdigest().encode("ascii")


def _check_same(network: Network, restored: Network) -> None:
    """A file must not promise what it does not hold."""
    for k in range(len(network.layers)):
        if not (
            np.array_equal(network.weights[k], restored.weights[k])
            and np.array_equal(_thresholds(network, k), _thresholds(restored, k))
            and np.array_equal(network.delays[k], restored.delays[k])
        ):
            raise InputError(
                f"layer {k + 1}: weights, thresholds or delays were changed by hand and cannot be"
                f" saved; change latents, scales or layers, then call network.refresh({k})"
            )


def _thresholds(network: Network, layer: int) -> np.ndarray:
    start = network.arrays.units[layer]
    return network.arrays.thresholds[start : start + network.sizes[layer + 1]]


# Reading


def _read(path: Path) -> bytes:
    """What the seal of a file seals."""
    try:
        if not path.exists():
            raise InputError("there is no such file")
        if not path.is_file():
            inside = path / "model.npz"
            known = f"a folder; did you mean {inside}?" if inside.is_file() else ""
            raise InputError(f"is {known or 'a folder or a device, not a file'}")
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _SEAL_SIZE))
            seal = file.read(_SEAL_SIZE)
            if not seal.startswith(_SEAL) or len(seal) < _SEAL_SIZE:
                raise InputError("is not a model that ttfs.save wrote, or was cut short")
            if size > ARCHIVE_LIMIT:
                raise InputError("is larger than any model that ttfs.save writes")
            file.seek(0)
            content = file.read(size - _SEAL_SIZE)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}") from error
    if _seal(content) != seal:
        raise InputError("was altered or damaged: its contents do not match its SHA-256 digest")
    return content


def _restore(content: bytes) -> Model:
    """The model in the content of a file, if the file is what `save` makes of that model."""
    text, start = first_bytes(content, "header")
    header = _parse(text)
    encoder = None
    if header["encoder"] is not None:
        encoder = _revived(header["encoder"], (Latency, Direct), "encoder")
    network = _network(header, _layers(header, content, start))
    if _content(network, text) != content:
        raise InputError("holds other things than its header says, or in another form")
    return Model(network, encoder, header["report"], header)


def _parse(text: bytes) -> dict[str, Any]:
    """The header, with every part of the right type."""
    if len(text) > _HEADER_LIMIT:
        raise InputError(f"header and report have {len(text)} bytes, {_HEADER_LIMIT} are allowed")
    try:
        header = json.loads(text.decode("utf-8"), parse_int=_int, parse_constant=_int)
    except (ValueError, RecursionError) as error:
        raise InputError(f"its header is not JSON: {error}") from error
    if type(header) is not dict or header.get("kind") != KIND:
        raise InputError("its header is not that of a ttfs model")
    version = header.get("format")
    if type(version) is int and version > FORMAT:
        raise InputError(
            f"has format {version}, this is ttfs {__version__}, which reads format {FORMAT};"
            " a newer ttfs will read it"
        )
    if type(version) is not int or version < 1:
        raise InputError("its header has no format number")
    _expect(header, _HEADER, "header")
    if header["decision"] != RULE:
        raise InputError(f"decides by a rule that this version does not know; it knows {RULE!r}")
    if header["dtype"] not in _LITTLE:
        raise InputError("header: dtype must be float32 or float64")
    if len(header["layers"]) > _LAYER_LIMIT:
        raise InputError(f"has {len(header['layers'])} layers, {_LAYER_LIMIT} are allowed")
    return header


def _int(digits: str) -> int:
    """A whole number; none of NaN, Infinity, and what takes quadratic time."""
    if len(digits) > _DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _expect(record: Any, schema: Schema, whose: str) -> None:
    """A dictionary with these keys, but for the endless, and values of exactly these types."""
    keys = set(record) if type(record) is dict else set()
    if type(record) is not dict or not set(schema) - _ENDLESS <= keys <= set(schema):
        raise InputError(f"{whose} must have {', '.join(schema) or 'no settings'}, nothing else")
    for key in schema:
        if key in keys and type(record[key]) not in schema[key]:
            wanted = " or ".join(kind.__name__ for kind in schema[key])
            raise InputError(f"{whose}: {key} must be {wanted}, got {type(record[key]).__name__}")
        if key in _ENDLESS & keys:
            positive(record[key], f"{whose}: {key}")


def _numbers(values: list, whose: str) -> tuple:
    if not all(type(value) in _NUMBER for value in values):
        raise InputError(f"{whose} must be numbers")
    return tuple(values)


def _revived(record: dict[str, Any], known: tuple[type, ...], whose: str) -> Any:
    """Settings of one of the known kinds."""
    settings = dict(record)
    name = settings.pop("kind", None)
    for kind in known:
        if name == kind.__name__:
            _expect(settings, _SETTINGS[kind], f"{whose}, {name}")
            if settings.get("init") is not None:
                settings["init"] = _numbers(settings["init"], f"{whose}, init")
            return kind(**settings)
    names = " and ".join(kind.__name__ for kind in known)
    raise InputError(f"{whose} of a kind that this version does not know; it knows {names}")


class _Layer(NamedTuple):
    """A layer with its weights, and what its delays are kept as, if it has several."""

    dense: Dense
    delays: np.ndarray | None


def _layers(header: dict[str, Any], content: bytes, start: int) -> list[_Layer]:
    """The layers with their arrays, all of which are known to be there before they are read."""
    layers = []
    for number, record in enumerate(header["layers"], start=1):
        try:
            layer, delays = _layer(record), None
            weights, start = _weights(layer, content, start, number, _LITTLE[header["dtype"]])
            if isinstance(record["delay"], dict):
                layer, delays, start = _delays(layer, record["delay"], content, start, number)
            layers.append(_Layer(replace(layer, initial=weights), delays))
        except InputError as error:
            raise InputError(f"layer {number}: {error}") from error
    return layers


def _layer(record: Any) -> Dense:
    """A layer without its weights and without several delays."""
    _expect(record, _LAYER, "it")
    weights = _revived(record["weights"], (Real, Binary), "weights")
    scale = positive(record["scale"], "scale")
    if isinstance(weights, Real) and scale != 1:
        raise InputError(f"real weights have scale 1, got {scale:g}")
    threshold = record["threshold"]
    if isinstance(threshold, list):
        threshold = np.array(_numbers(threshold, "threshold"), float)
    delay = 0 if isinstance(record["delay"], dict) else record["delay"]
    return Dense(record["inputs"], record["outputs"], weights, threshold, delay)


def _delays(
    layer: Dense, record: dict[str, Any], content: bytes, start: int, number: int
) -> tuple[Dense, np.ndarray, int]:
    """A layer with several delays, what they are kept as, and where the next array begins."""
    drawn = {**record, "init": [0, 0]} if _given(record) else record
    layer = replace(layer, delay=_revived(drawn, (Delays,), "delay"))
    shape = layer.delay.shape(layer.inputs, layer.outputs)
    kept, end = take(content, start, _delays_title(layer, number), np.dtype("<f8"), shape)
    if not np.isfinite(kept).all() or not (delay_rate(layer) or kept.min() >= 0):
        raise InputError("delays must be 0 or more and finite")
    return layer, kept, end


def _given(record: Any) -> bool:
    """Whether several delays were an array to begin with, and not drawn."""
    return isinstance(record, dict) and "init" in record and record["init"] is None


def _weights(
    layer: Dense, content: bytes, start: int, number: int, dtype: np.dtype
) -> tuple[np.ndarray, int]:
    """(inputs, outputs) weights of a layer, and where the next ones begin."""
    shape, title = (layer.inputs, layer.outputs), f"weights_{number}"
    if isinstance(layer.weights, Binary):
        count = layer.inputs * layer.outputs
        packed, end = take(content, start, title, np.uint8, (-(-count // 8),))
        return 2 * np.unpackbits(packed, count=count).view(np.int8).reshape(shape) - 1, end
    weights, end = take(content, start, title, dtype, shape)
    if not np.isfinite(weights).all():
        raise InputError("weights must be finite, there are NaN or inf")
    return weights, end


def _network(header: dict[str, Any], layers: list[_Layer]) -> Network:
    """A network of these layers with the scales and delays that were learned."""
    with np.errstate(over="ignore"):  # what that leads to is found below
        network = Network(
            *(layer.dense for layer in layers),
            psp=_revived(header["psp"], (Step, Ramp), "psp"),
            t_max=header["t_max"],
            seed=header["seed"],
            dtype=header["dtype"],
            unit=header["unit"],
        )
        for k, record in enumerate(header["layers"]):
            network.scales[k] = record["scale"]
            if layers[k].delays is not None:
                network.delays_kept(k)[:] = layers[k].delays
            network.refresh(k)
            if not np.isfinite(network.delays[k]).all():
                raise InputError(f"layer {k + 1}: delays must be finite")
    described = []
    for layer, record, delays in zip(layers, header["layers"], network.delays, strict=True):
        dense = replace(layer.dense, initial=None)  # kept once, not twice
        if _given(record["delay"]):
            dense = replace(dense, delay=replace(dense.delay, init=delays.copy()))
        described.append(dense)
    network.layers = tuple(described)
    return network
