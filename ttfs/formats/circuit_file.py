"""Circuits in files: `save_circuit` and `load_circuit`.

A circuit file is an ordinary .npz that `numpy.load` opens. It holds `header`, the bytes of a JSON
text, and then, for each population, numbered from 1, `threshold_1` and `bias_1` where its neurons
do not all have the same; and for each projection `weights_1`: (source, target) numbers, or
(rows, columns) of a layer of maps. Of sparse weights, and where each synapse has a delay of its
own, there are only those of synapses, row by row: `pointers_1`, where each row begins, and
`targets_1`; these are followed by `delays_1` in the same order, or by those of all inputs of a
layer of maps. A pool has no weights. The file ends with a SHA-256 digest of everything before it.
A circuit has exactly one such file.

`load_circuit` accepts a file only if its digest is right, its header describes a circuit whose
numbers are there in full length, and that circuit, written again, gives the same file.
"""

import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from ttfs.engines.circuit import Circuit
from ttfs.engines.populations import Population, Projection
from ttfs.errors import InputError, ModelFileError
from ttfs.files.archives import archive, first_bytes, take
from ttfs.files.json_text import as_json
from ttfs.files.reading import check_room
from ttfs.files.versions import versions
from ttfs.files.writing import write_atomically
from ttfs.formats.model_file import WORK
from ttfs.formats.model_header import (
    LITTLE_ENDIAN,
    NUMBER,
    Schema,
    begin,
    expect,
    layer_of,
    layer_record,
    settings,
    tagged,
)
from ttfs.formats.sealed import SEAL_SIZE, read_sealed, seal
from ttfs.kernels.circuit import DELAYS, FIRST, ROWS, SYNAPTIC, WORD
from ttfs.network.psp import Ramp, Step, Windows

KIND, FORMAT = "ttfs circuit", 1
EACH = "each"  # in place of a number: there is one for each, among the arrays
MOST = {"populations": 256, "projections": 4096}
UNIT = 200  # bytes that a neuron takes in a circuit and in its simulator

_NONE = type(None)
_HEADER: Schema = {
    "kind": (str,),
    "format": (int,),
    "populations": (list,),
    "projections": (list,),
    "psp": (dict,),
    "t_max": (*NUMBER, _NONE),
    "unit": (str,),
    "dtype": (str,),
    "decides": (bool,),
    "versions": (dict,),
}
_POPULATION: Schema = {
    "name": (str,),
    "size": (int,),
    "threshold": (*NUMBER, str, _NONE),
    "bias": (*NUMBER, str),
}
_PROJECTION: Schema = {
    "source": (str,),
    "target": (str,),
    "layer": (dict, _NONE),
    "synapses": (int, _NONE),
    "delay": (*NUMBER, str),
}


def save_circuit(path: str | os.PathLike[str], circuit: Circuit) -> Path:
    """The path of a file from which `load_circuit` restores a circuit that does the same.

    Sparse weights stay sparse. The file is written completely or not at all: if writing fails, an
    older file of that name remains. The same circuit gives the same bytes.

    Raises
    ------
    InputError: weights that were changed and are not finite; more than 256 populations, 4096
        projections or 4 GiB.
    OSError: a folder that is missing, full or not writable.

    >>> import tempfile, ttfs
    >>> cells = ttfs.Population("a", 2), ttfs.Population("b", 2, threshold=1.0)
    >>> circuit = ttfs.Circuit(cells, [ttfs.Projection("a", "b", [[1, 0], [0, 1]], delay=0.5)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     load_circuit(save_circuit(f"{folder}/c.npz", circuit))
    Circuit(a 2, b 2; a -> b)
    """
    if not isinstance(circuit, Circuit):
        kind = type(circuit).__name__
        cure = "; of a Network say save" if kind == "Network" else ""
        raise InputError(f"save_circuit(circuit=...) must be a Circuit, got {kind}{cure}")
    content = _content(circuit, as_json(_describe(circuit), "header"))
    restored = _restore(content, trusted=True)
    for mine, other in zip(_numbers(circuit), _numbers(restored), strict=True):
        if not np.array_equal(mine, other):
            raise InputError("numbers of the circuit were changed by hand and cannot be saved")
    del restored
    return write_atomically(path, content + seal(content))


def load_circuit(path: str | os.PathLike[str], *, trusted: bool = False) -> Circuit:
    """The `Circuit` in a file that `save_circuit` wrote.

    A file that is not trusted may take no more memory than 128 MiB plus 256 times its size, which
    only a circuit of more than 600,000 neurons and few synapses does.

    Parameters
    ----------
    path: name of the file.
    trusted: whether it may take as much memory as it needs.

    Raises
    ------
    ModelFileError: no such file; a file that is cut short, altered, from a newer version of
        this package, or not a circuit. Nothing in a file is ever executed.

    >>> load_circuit("no/circuit.npz")
    Traceback (most recent call last):
    ttfs.errors.ModelFileError: no/circuit.npz: there is no such file
    """
    try:
        content = read_sealed(Path(path), "circuit", "ttfs.save_circuit")
        return _restore(content, trusted=trusted)
    except InputError as error:
        raise ModelFileError(f"{os.fspath(path)}: {error}") from None


def holds_circuit(path: str | os.PathLike[str]) -> bool:
    """Whether a file says of itself that it holds a circuit; it may still be damaged."""
    try:
        text, _ = first_bytes(read_sealed(Path(path), "circuit", "ttfs"), "header")
        begin(text, KIND, 2**62)
    except InputError:
        return False
    return True


# Writing


def _describe(circuit: Circuit) -> dict[str, Any]:
    """Everything that a file says about a circuit, except arrays."""
    for name, most in MOST.items():
        if len(getattr(circuit, name)) > most:
            raise InputError(f"a file holds {most} {name}, got {len(getattr(circuit, name))}")
    return {
        "kind": KIND,
        "format": FORMAT,
        "populations": [
            {
                "name": one.name,
                "size": one.size,
                "threshold": EACH if np.ndim(one.threshold) else _finite(float(one.threshold)),
                "bias": EACH if np.ndim(one.bias) else float(one.bias),
            }
            for one in circuit.populations
        ],
        "projections": [_told(circuit, r) for r in range(len(circuit.projections))],
        "psp": tagged(circuit.psp),
        "t_max": _finite(circuit.t_max),
        "unit": circuit.unit,
        "dtype": circuit.dtype.name,
        "decides": circuit.decides,
        "versions": versions(),
    }


def _finite(value: float) -> float | None:
    """A number; None for inf, which JSON does not have."""
    return None if value == math.inf else value


def _told(circuit: Circuit, r: int) -> dict[str, Any]:
    """Everything that a file says about a projection, except arrays."""
    one, layer = circuit.projections[r], None
    if one.layer is not None:
        plain = one.layer if one.layer.pools else replace(one.layer, bias=None)
        layer = layer_record(plain, 1.0, 3)
    return {
        "source": one.source,
        "target": one.target,
        "layer": layer,
        "synapses": len(_listed(circuit, r)[1]) if _is_listed(one) else None,
        "delay": EACH if np.ndim(one.delay) else float(one.delay),
    }


def _is_listed(projection: Projection) -> bool:
    """Whether synapses are listed singly."""
    return sp.issparse(projection.weights) or projection.kind == SYNAPTIC


def _listed(circuit: Circuit, r: int) -> tuple[np.ndarray, ...]:
    """Pointers, targets, weights and delays of synapses that are listed, as a simulator has them.

    There are no delays if the projection has only one.
    """
    plan, one = circuit.plan, circuit.projections[r]
    row = plan.projections[r]
    pointers = plan.pointers[row[ROWS] : row[ROWS] + one.weights.shape[0] + 1]
    first, last = int(pointers[0]), int(pointers[-1])
    delays = plan.delays[first + row[DELAYS] : last + row[DELAYS]]
    return (
        pointers - first,
        plan.indices[first:last],
        plan.weights[first + row[FIRST] : last + row[FIRST]],
        delays if one.kind == SYNAPTIC else delays[:0],
    )


def _content(circuit: Circuit, text: bytes) -> bytes:
    """A circuit file without its seal."""
    arrays = {"header": np.frombuffer(text, np.uint8)}
    dtype = LITTLE_ENDIAN[circuit.dtype.name]
    for number, population in enumerate(circuit.populations, start=1):
        for name in ("threshold", "bias"):
            values = getattr(population, name)
            if np.ndim(values):
                arrays[f"{name}_{number}"] = values.astype("<f8")
    for r, one in enumerate(circuit.projections):
        number = r + 1
        if _is_listed(one):
            pointers, targets, weights, delays = _listed(circuit, r)
            arrays[f"pointers_{number}"] = pointers.astype("<i8", copy=False)
            arrays[f"targets_{number}"] = targets.astype("<i4", copy=False)
            arrays[f"weights_{number}"] = weights.astype(dtype, copy=False)
        else:
            delays = np.asarray(one.delay)
            if one.layer is None or not one.layer.pools:
                arrays[f"weights_{number}"] = np.asarray(one.weights).astype(dtype, copy=False)
        if np.ndim(one.delay):
            arrays[f"delays_{number}"] = delays.astype("<f8", copy=False)
    return archive(arrays, SEAL_SIZE)


def _numbers(circuit: Circuit) -> list[Any]:
    """All numbers that decide what a circuit does."""
    return [*circuit.plan, circuit.thresholds, circuit.biases]


# Reading


def _restore(content: bytes, *, trusted: bool) -> Circuit:
    """The circuit in a content, provided that `save_circuit` would write the same content."""
    text, start = first_bytes(content, "header")
    header = _parse(text)
    if not trusted:
        _check_size(header, len(content))
    populations, start = _populations(header, content, start)
    projections = []
    for number, record in enumerate(header["projections"], start=1):
        try:
            one, start = _projection(record, header, content, start, number)
            projections.append(one)
        except InputError as error:
            raise InputError(f"projection {number}: {error}") from None
    if not trusted:
        work = sum(map(_work, projections))
        if work > WORK:
            raise InputError(f"has {work:,} synapses, too many; {_CURE}")
    circuit = Circuit(
        populations,
        projections,
        psp=settings(header["psp"], (Step, Ramp, Windows), "psp"),
        t_max=math.inf if header["t_max"] is None else header["t_max"],
        dtype=header["dtype"],
        unit=header["unit"],
    )
    circuit.decides = header["decides"]
    if _content(circuit, text) != content:
        raise InputError("does not hold what its header says, or in another form")
    return circuit


_CURE = "load_circuit(path, trusted=True) allows it"


def _parse(text: bytes) -> dict[str, Any]:
    """The header, in which every part has been found to be of the right type."""
    header, _ = begin(text, KIND, FORMAT)
    expect(header, _HEADER, "header")
    if header["dtype"] not in LITTLE_ENDIAN:
        raise InputError("header: dtype must be float32 or float64")
    for name, schema in (("populations", _POPULATION), ("projections", _PROJECTION)):
        if len(header[name]) > MOST[name]:
            raise InputError(f"has {len(header[name])} {name}, {MOST[name]} are allowed")
        for number, record in enumerate(header[name], start=1):
            expect(record, schema, f"{name[:-1]} {number}")
    return header


def _check_size(header: dict[str, Any], size: int) -> None:
    """Refuse more neurons than a file of this size may ask for."""
    neurons = sum(max(one["size"], 0) + WORD for one in header["populations"])
    check_room(neurons * UNIT, size, "its circuit", _CURE)


def _populations(
    header: dict[str, Any], content: bytes, start: int
) -> tuple[list[Population], int]:
    """The populations, and where the arrays of projections begin."""
    found = []
    for number, record in enumerate(header["populations"], start=1):
        values: dict[str, Any] = {}
        for name in ("threshold", "bias"):
            values[name] = record[name]
            if record[name] == EACH:
                shape = (max(record["size"], 0),)
                title = f"{name}_{number}"
                values[name], start = take(content, start, title, np.dtype("<f8"), shape)
            elif type(record[name]) is str:
                raise InputError(f"population {number}: {name} must be a number or {EACH!r}")
        if values["threshold"] is None:
            values["threshold"] = math.inf
        found.append(Population(record["name"], record["size"], **values))
    return found, start


def _projection(
    record: dict[str, Any], header: dict[str, Any], content: bytes, start: int, number: int
) -> tuple[Projection, int]:
    """A projection, and where the next array begins."""
    dtype, ends = LITTLE_ENDIAN[header["dtype"]], (record["source"], record["target"])
    sizes = {one["name"]: one["size"] for one in header["populations"]}
    if not all(end in sizes for end in ends):
        raise InputError("it leads from or to a population that is not there")
    shape = sizes[ends[0]], sizes[ends[1]]
    layer = None if record["layer"] is None else layer_of(record["layer"], 3)
    if record["synapses"] is not None:
        if layer is not None or record["synapses"] < 0:
            raise InputError("synapses must be listed 0 times or more, and in no layer")
        return _listed_projection(record, shape, content, start, number, dtype)
    weights: Any = layer
    if layer is not None:
        if layer.inputs != shape[0]:
            raise InputError(f"a layer has {layer.inputs} inputs for {shape[0]} neurons")
        shape = layer.rows, layer.columns
    if layer is None or not layer.pools:
        weights, start = take(content, start, f"weights_{number}", dtype, shape)
    delay = record["delay"]
    if delay == EACH:
        inputs = (sizes[ends[0]],)
        delay, start = take(content, start, f"delays_{number}", np.dtype("<f8"), inputs)
    return Projection(*ends, weights, delay, layer), start


def _listed_projection(
    record: dict[str, Any],
    shape: tuple[int, int],
    content: bytes,
    start: int,
    number: int,
    dtype: np.dtype,
) -> tuple[Projection, int]:
    """The same where synapses are listed singly."""
    count = (record["synapses"],)
    arrays = {}
    for name, kind, size in (
        ("pointers", np.dtype("<i8"), (shape[0] + 1,)),
        ("targets", np.dtype("<i4"), count),
        ("weights", dtype, count),
    ):
        arrays[name], start = take(content, start, f"{name}_{number}", kind, size)
    places = arrays["targets"], arrays["pointers"]
    weights, delay = listed(arrays["weights"], places, shape), record["delay"]
    if delay == EACH:
        values, start = take(content, start, f"delays_{number}", np.dtype("<f8"), count)
        delay = listed(values, places, shape)
    return Projection(record["source"], record["target"], weights, delay), start


def listed(values: np.ndarray, places: tuple[np.ndarray, np.ndarray], shape: Any) -> sp.csr_array:
    """A sparse matrix of these values, unchecked; a `Projection` checks it."""
    try:
        return sp.csr_array((values, *places), shape=shape)
    except ValueError:
        raise InputError("its rows do not end where its synapses do") from None


def _work(projection: Projection) -> int:
    """How many synapses a projection stands for, shared ones counted at each position."""
    layer = projection.layer
    if layer is None:
        return 0  # each of them is in the file
    return layer.positions * layer.fan_in * layer.columns
