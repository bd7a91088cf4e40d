"""The header of a model file: a JSON description of the network, except its weights and delays.

A file has the lowest format that can express what it holds. Format 1, which version 0.1 reads, has
only dense layers; in format 2 each layer names its kind, and the header gives the shape of the
input; format 3 adds `Windows`, biases and skips.

A file may come from anyone: before any part of it is used, its name is known, its type is checked
and its size is bounded.
"""

from collections.abc import Collection
from dataclasses import asdict, fields
from types import NoneType
from typing import Any

import numpy as np

from ttfs import __version__
from ttfs.checks import positive
from ttfs.codes.contrast import OnOff
from ttfs.codes.decoding import RULE
from ttfs.codes.encoders import Encoder
from ttfs.codes.encoding import Direct, Latency
from ttfs.codes.spike_times import SpikeTimes
from ttfs.errors import InputError
from ttfs.files.json_text import from_json
from ttfs.files.versions import versions
from ttfs.network.chain import KINDS, Layer
from ttfs.network.delays import Delays
from ttfs.network.layers import Dense
from ttfs.network.network import Network
from ttfs.network.psp import Ramp, Response, Step, Windows
from ttfs.network.skips import Skip
from ttfs.network.weights import Binary, Real

KIND, FORMAT = "ttfs model", 3
READERS = {KIND: "ttfs.load", "ttfs circuit": "ttfs.load_circuit"}  # of each kind of file

HEADER_LIMIT = 2**22  # bytes; parsed JSON takes some thirty times the memory of its text
_LAYER_LIMIT = 256  # the time to build a network grows with the square of this number

LITTLE_ENDIAN: dict[str, np.dtype] = {"float32": np.dtype("<f4"), "float64": np.dtype("<f8")}

Schema = dict[str, tuple[type, ...]]

NUMBER = (int, float)
_HEADER: Schema = {
    "kind": (str,),
    "format": (int,),
    "layers": (list,),
    "psp": (dict,),
    "t_max": NUMBER,
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
    "out_channels": (int,),
    "kernel_size": (int, list),
    "stride": (int, list),
    "padding": (int, list),
    "weights": (dict,),
    "scale": NUMBER,
    "threshold": (*NUMBER, list),
    "delay": (*NUMBER, dict),
    "shape": (list,),
    "bias": (int,),
}
_SKIP: Schema = {"source": (int,), "target": (int,), "layer": (dict, NoneType)}
_SETTINGS: dict[type, Schema] = {
    Real: {"init": (list, NoneType), "rate": NUMBER},
    Binary: {
        "init": (list, NoneType),
        "scale": (*NUMBER, NoneType),
        "scale_rate": NUMBER,
        "clip": NUMBER,
        "rate": NUMBER,
    },
    Delays: {"per": (str,), "init": (list, NoneType), "rate": NUMBER},
    Step: {},
    Ramp: {"rise": NUMBER},
    Windows: {"steps": (int, NoneType), "length": NUMBER},
    Latency: {"t_max": NUMBER, "steps": (bool,), "zero_silent": (bool,)},
    SpikeTimes: {"stop": NUMBER, "unit": (str,), "t_max": NUMBER, "steps": (bool,)},
    OnOff: {"shape": (list,), "t_max": NUMBER, "widths": (list,), "least": NUMBER},
    Direct: {"early": NUMBER, "late": NUMBER, "bias": (*NUMBER, NoneType), "t_max": NUMBER},
}
# settings left out of a file where they have these defaults: JSON has no inf, older formats lack
# the others
_LEFT_OUT: dict[type, dict[str, float]] = {
    Real: {"rate": 1.0},
    Binary: {"clip": np.inf, "rate": 1.0},
    Ramp: {"rise": np.inf},
}
_LATER = {"rate"}  # settings of weights that format 1 lacks


# Writing


def describe(network: Network, encoder: Encoder | None, report: dict) -> dict[str, Any]:
    """Everything that a file says about a network, except its weights."""
    shape, version = network.shapes[0], _version(network)
    layers = [
        layer_record(layer, scale, version)
        for layer, scale in zip(network.layers, network.scales, strict=True)
    ]
    return {
        "kind": KIND,
        "format": version,
        **({} if version == 1 else {"shape": shape}),
        **({} if version < 3 else {"skips": [_skip(skip) for skip in network.skips]}),
        "layers": layers,
        "psp": tagged(network.psp),
        "t_max": network.t_max,
        "unit": network.unit,
        "dtype": network.dtype.name,
        "seed": network.seed,
        "encoder": None if encoder is None else tagged(encoder),
        "decision": RULE,
        "versions": versions(),
        "report": report,
    }


def _version(network: Network) -> int:
    """The oldest format that can describe the network."""
    if isinstance(network.psp, Windows):
        return 3
    rated = any(tagged(layer.weights).keys() & _LATER for layer in network.layers)
    placed = network.shapes[0] != network.layers[0].shape
    return 2 if rated or placed or any(network.mapped) else 1


def layer_record(layer: Layer, scale: float, version: int) -> dict[str, Any]:
    """Everything that a file says about a layer."""
    record = {name: _part(layer, name, scale) for name in _names(type(layer), version)}
    return record if version == 1 else {"kind": layer.kind} | record


def _skip(skip: Skip) -> dict[str, Any]:
    """Everything that a file says about a skip, except its weights."""
    layer = None if skip.layer is None else layer_record(skip.layer, 1.0, 3)
    return {"source": skip.source, "target": skip.target, "layer": layer}


def _names(kind: type[Layer], version: int) -> list[str]:
    """The names of what a file says about a layer of this kind, in order."""
    left_out = {"initial"} if version > 2 else {"initial", "bias"}
    names = [field.name for field in fields(kind) if field.name not in left_out]
    if "weights" in names:
        names.insert(names.index("weights") + 1, "scale")
    return names


def _part(layer: Layer, name: str, scale: float) -> Any:
    """The value of one of these names."""
    if name == "scale":
        return scale
    value = getattr(layer, name)
    if name == "bias":
        return 0 if value is None else layer.outputs if np.ndim(value) == 3 else layer.columns
    if name == "delay":
        return _delay_settings(value)
    if name == "threshold":
        return np.asarray(value)
    return tagged(value) if name == "weights" else value


def tagged(settings: Any) -> dict[str, Any]:
    """Settings and the name of their class, without defaults that are left out."""
    default = _LEFT_OUT.get(type(settings), {})
    given = asdict(settings).items()
    kept = {key: value for key, value in given if key not in default or value != default[key]}
    return {"kind": type(settings).__name__, **kept}


def _delay_settings(delay: Any) -> Any:
    """One number, or how several delays are parametrised; given delays are among the arrays."""
    if not isinstance(delay, Delays):
        return delay
    settings = tagged(delay)
    return settings if delay.drawn else {**settings, "init": None}


# Reading


def begin(text: bytes, kind: str, latest: int) -> tuple[dict[str, Any], int]:
    """What a header of this kind says, with nothing checked but its kind; and its format."""
    if len(text) > HEADER_LIMIT:
        raise InputError(f"header and report have {len(text)} bytes, {HEADER_LIMIT} are allowed")
    try:
        header = from_json(text)
    except InputError as error:
        raise InputError(f"its header {error}") from None
    found: Any = header.get("kind") if type(header) is dict else None
    if found != kind:
        if type(found) is str and found in READERS:
            what = found.removeprefix("ttfs ")
            raise InputError(f"this file holds a {what}, which {READERS[found]} reads")
        raise InputError(f"its header is not that of a {kind}")
    version = header.get("format")
    if type(version) is int and version > latest:
        formats = f"formats 1 to {latest}" if latest > 1 else "format 1"
        raise InputError(
            f"has format {version}, this is ttfs {__version__}, which reads {formats};"
            " a newer ttfs can read it"
        )
    if type(version) is not int or version < 1:
        raise InputError("its header has no format number")
    return header, version


def parse(text: bytes) -> dict[str, Any]:
    """The header, in which every part has been found to be of the right type."""
    header, version = begin(text, KIND, FORMAT)
    later: Schema = {"shape": (list,), "skips": (list,)}
    added = {name: later[name] for name in list(later)[: version - 1]}
    expect(header, _HEADER | added, "header")
    if header["decision"] != RULE:
        raise InputError(f"decides by a rule unknown to this version; it knows {RULE!r}")
    if header["dtype"] not in LITTLE_ENDIAN:
        raise InputError("header: dtype must be float32 or float64")
    for name in ("layers", "skips"):
        if len(header.get(name, ())) > _LAYER_LIMIT:
            raise InputError(f"has {len(header[name])} {name}, {_LAYER_LIMIT} are allowed")
    return header


def expect(record: Any, schema: Schema, whose: str, left_out: Collection[str] = ()) -> None:
    """Refuse all but a dictionary of exactly these keys and types; some may be `left_out`."""
    keys = set(record) if type(record) is dict else set()
    if type(record) is not dict or not set(schema) - set(left_out) <= keys <= set(schema):
        raise InputError(
            f"{whose} must have {', '.join(schema) or 'no settings'}, and nothing else"
        )
    for key in schema:
        if key in keys and type(record[key]) not in schema[key]:
            wanted = " or ".join(kind.__name__ for kind in schema[key])
            raise InputError(f"{whose}: {key} must be {wanted}, got {type(record[key]).__name__}")


def _numbers(values: list, whose: str) -> tuple:
    if not all(type(value) in NUMBER for value in values):
        raise InputError(f"{whose} must be numbers")
    return tuple(values)


def settings(record: dict[str, Any], known: tuple[type, ...], whose: str) -> Any:
    """Settings of one of the known kinds."""
    settings = dict(record)
    name = settings.pop("kind", None)
    for kind in known:
        if name == kind.__name__:
            default = _LEFT_OUT.get(kind, {})
            expect(settings, _SETTINGS[kind], f"{whose}, {name}", default)
            for key in default.keys() & settings.keys():
                positive(settings[key], f"{whose}, {name}: {key}", zero=default[key] < np.inf)
            if settings.get("init") is not None:
                settings["init"] = _numbers(settings["init"], f"{whose}, init")
            return kind(**settings)
    names = " and ".join(kind.__name__ for kind in known)
    raise InputError(f"{whose} of a kind unknown to this version; it knows {names}")


def psp_of(header: dict[str, Any]) -> Response:
    """The postsynaptic response of the network."""
    known = (Step, Ramp) if header["format"] < 3 else (Windows,)
    return settings(header["psp"], known, "psp")


def encoder_of(header: dict[str, Any]) -> Encoder | None:
    """The encoder of the network's stimuli, if it was saved."""
    if header["encoder"] is None:
        return None
    return settings(header["encoder"], (Latency, Direct, OnOff, SpikeTimes), "encoder")


def layer_of(record: Any, version: int) -> Layer:
    """A layer without its weights, and without its delays where it has several."""
    kind = Dense if version == 1 else _kind_of(record)
    names = _names(kind, version)
    schema = {name: _LAYER[name] for name in names}
    expect(record, schema if version == 1 else {"kind": (str,)} | schema, "it")
    given = {name: record[name] for name in names if name != "scale"}
    if "bias" in given:
        given["bias"] = 0.0 if record["bias"] else None
    if "weights" in given:
        given["weights"] = settings(record["weights"], (Real, Binary), "weights")
        scale = positive(record["scale"], "scale")
        if isinstance(given["weights"], Real) and scale != 1:
            raise InputError(f"real weights have scale 1, got {scale:g}")
    if isinstance(given.get("threshold"), list):
        given["threshold"] = np.array(_numbers(given["threshold"], "threshold"), float)
    if isinstance(given["delay"], dict):
        given["delay"] = 0
    return kind(**given)


def skip_layer_of(record: Any) -> Layer | None:
    """The layer of a skip without its weights, if it has one."""
    expect(record, _SKIP, "it")
    return None if record["layer"] is None else layer_of(record["layer"], 3)


def _kind_of(record: Any) -> type[Layer]:
    """The kind that the record of a layer names."""
    name = record.get("kind") if type(record) is dict else None
    for known, kind in KINDS.items():
        if name == known:
            return kind
    raise InputError(f"it is of a kind unknown to this version; it knows {', '.join(KINDS)}")


def delays_of(record: Any) -> Delays:
    """How the several delays of a layer are parametrised, without the values of given delays."""
    drawn = {**record, "init": [0, 0]} if were_given(record) else record
    return settings(drawn, (Delays,), "delay")


def were_given(record: Any) -> bool:
    """Whether several delays were given as an array, rather than drawn."""
    return isinstance(record, dict) and "init" in record and record["init"] is None
