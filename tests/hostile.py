"""Files made to do harm: sealed and sound on the outside, and wrong within.

Each maker takes a random generator and returns bytes; `judged` reads them and sees that they
were read in proportion to their size.
"""

import contextlib
import hashlib
import json
import struct
import tracemalloc
import warnings

import numpy as np

from ttfs.errors import TTFSError
from ttfs.files.archives import archive
from ttfs.kernels.clock import clock

SEAL_SIZE = 76
SECONDS = 20  # for one file, on a busy machine, what is compiled apart
FREE, FACTOR = 2**22, 200  # bytes that any small file may take, and for each of its own

RAW = "<raw>"  # stands in a text for JSON that Python does not write
NASTY = [
    *(None, True, False, 0, -1, 1, 2, 3, 7, 16, 0.5, -0.5, -0.0, 1.0, 255, 256),
    *(5e-324, 1e-300, 1e-45, 1e-7, 1e38, 1e39, 1e155, 1e200, 1.7e308, float("nan"), float("inf")),
    *(
        2**24,
        2**31,
        2**32 + 1,
        2**53 + 1,
        2**62,
        2**63,
        2**64,
        10**30,
        10**299,
        10**400,
        -(10**299),
    ),
    *("", "x", "ms", "\x1b[31mred", "\u202egnp", "\ud800", "a\nb\r", "\0", "$\\frac$", "x|y", "%s"),
    *("x" * 10_000, "1", "nan", "../..", "Real", "Binary", "Step", "Ramp", "Latency", "Direct"),
    *("input", "pair", "float32", "float64", "object", "dense", "conv2d", "min_pool2d"),
    *([3, 3, 1], [1, 1, 1], [2, 0, 1], [2**16, 2**15, 1], [10**30, 1, 1], [1, 1, 2**31]),
    *([], {}, [[]], [0], [1, 2], [2, 1], [-1, 0], [1e200, 1e201], [None], ["a", "b"], [1] * 1000),
    *({"kind": "Real"}, {"kind": "Ramp", "rise": 1e200}, {"kind": "Step"}, {"": None}),
    *({"kind": "Delays", "per": "pair", "init": None, "rate": 1.0},),
    *({"kind": "Delays", "per": "input", "init": [0, 1e200], "rate": 1e200},),
    *({"kind": "Direct", "early": 0, "late": 10**299, "bias": None, "t_max": 10**299 + 1},),
]
RAWS = [
    *("1e999", "-1e999", "[" * 50 + "]" * 50, "[" * 100_000 + "]" * 100_000, '{"a":' * 100_000),
    *("9" * 5000, "0." + "9" * 5000, '{"a":1,"a":2}', "1e-999", "Infinity", '"\\ud83d"', "tru"),
]
NUMBERS = [
    0,
    1,
    2,
    5,
    127,
    128,
    255,
    2**15,
    2**16 - 1,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**63,
    2**64 - 1,
]


def one_of(rng, values):
    return values[int(rng.integers(len(values)))]


def seal(content):
    """With the digest that makes a model look sound."""
    return content + b"ttfs-sha256:" + hashlib.sha256(content).hexdigest().encode()


def places(value, way=()):
    """Where values are in what JSON says, but for the whole."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*way, key)
        if isinstance(item, dict | list):
            yield from places(item, (*way, key))


def changed_json(rng, record):
    """The text of a record with one to three changes, at any depth."""
    record, raw = json.loads(json.dumps(record)), "0"
    for _ in range(rng.integers(1, 4)):
        if not (known := list(places(record))):
            break
        *way, last = one_of(rng, known)
        inner = record
        for step in way:
            inner = inner[step]
        kind = rng.random()
        if kind < 0.08:
            inner[last], raw = RAW, one_of(rng, RAWS)
        elif kind < 0.16:
            inner.pop(last)
        elif kind < 0.24 and isinstance(inner, dict):
            inner[one_of(rng, ["", "kind", "init", "clip", "rise", "\x1b[0m", last])] = 1
        elif kind < 0.28 and isinstance(inner, list):
            inner.extend(inner * int(rng.integers(1, 300)))
        elif kind < 0.4 and isinstance(inner[last], int | float):
            with contextlib.suppress(OverflowError):  # of an int that is no float
                inner[last] = inner[last] * one_of(rng, [-1, 0, 2, 0.5, 1 + 1e-9, 1e30])
        else:
            inner[last] = json.loads(json.dumps(one_of(rng, NASTY)))
    text = json.dumps(record).replace(f'"{RAW}"', raw)
    if rng.random() < 0.03:
        text = text.replace("{", '{"kind": 1, "kind": 2, ', 1)
    return text.encode()


def changed_bytes(rng, content, marks=(b"PK",)):
    """Bytes with one to three changes, most of them in the headers that begin with a mark."""
    content = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        found = [at for mark in marks for at in _all(content, mark)]
        place = int(rng.integers(len(content) + 1))
        if found and rng.random() < 0.8:
            place = one_of(rng, found) + int(rng.integers(48))
        kind = rng.random()
        if kind < 0.3:
            content[place : place + 1] = bytes([rng.integers(256)])
        elif kind < 0.8:
            size = one_of(rng, [1, 2, 4, 8])
            number = (one_of(rng, NUMBERS) + int(rng.integers(-1, 2))) % 256**size
            content[place : place + size] = number.to_bytes(size, "little")
        elif kind < 0.86:
            del content[place:]
        elif kind < 0.92:
            content[place : place + int(rng.integers(60))] = b""
        else:
            start = int(rng.integers(len(content) + 1))
            content[place:place] = content[start : start + int(rng.integers(200))]
    return bytes(content)


def _all(content, mark):
    at = content.find(mark)
    while at >= 0:
        yield at
        at = content.find(mark, at + 1)


def changed_array(rng, array):
    """An array with nasty numbers in it, or of another size, shape or kind."""
    array, kind = np.array(array), rng.random()
    if kind < 0.6 and array.size:
        with np.errstate(all="ignore"):
            number = np.array(one_of(rng, NASTY[7:27])).astype(array.dtype)
        if rng.random() < 0.5:
            array.reshape(-1)[rng.integers(array.size)] = number
        else:
            array[...] = number
        return array
    dtype = one_of(rng, ["f2", ">f4", "f8", "i8", "u1", "S4", "U2", "c8"])
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what casts lose
        cast = array.astype(dtype)
    return one_of(rng, [array.reshape(-1)[:-1], array[None], array.reshape(-1), cast])


# Models


def fitting_model(rng):
    """A file whose arrays fit its header, whatever numbers are in them."""
    sizes = [
        int(one_of(rng, [1, 2, 3, 15, 16, 17, 64, 65, 200])) for _ in range(rng.integers(2, 5))
    ]
    dtype, layers, arrays = one_of(rng, ["float32", "float64"]), [], {}
    for k, (inputs, outputs) in enumerate(zip(sizes, sizes[1:], strict=False), start=1):
        binary, delay = bool(rng.integers(2)), one_of(rng, [0, 1, 0.5, 1e200, 1e-320, 10**299])
        kind = {"kind": "Real", "init": None}
        if binary:
            scale = one_of(rng, [None, 1, 1e-30, 1e30, 10**299])
            kind = {"kind": "Binary", "init": None, "scale": scale, "scale_rate": 0.1}
            arrays[f"weights_{k}"] = np.packbits(rng.integers(0, 2, inputs * outputs, np.uint8))
        else:
            weights = rng.normal(size=(inputs, outputs)) * one_of(rng, [1, 100, 1e-40, 1e37])
            arrays[f"weights_{k}"] = weights.astype(f"<f{4 if dtype == 'float32' else 8}")
        if rng.random() < 0.3:
            per, rate = one_of(rng, ["input", "pair"]), one_of(rng, [0, 1.0, 1e-300])
            delay = {"kind": "Delays", "per": per, "init": None, "rate": rate}
            shape = inputs, 1 if per == "input" else outputs
            kept = rng.random(shape) * one_of(rng, [1, 10, 1e150, 1e-300, 1e300])
            arrays[f"latent_delays_{k}" if rate else f"delays_{k}"] = kept
        threshold = float(one_of(rng, [1, 0.5, 100, 1e-30, 1e30, 1e-300, 1e300]))
        layer = {"inputs": inputs, "outputs": outputs, "weights": kind, "threshold": threshold}
        scale = one_of(rng, [1, 2.5, 1e-30, 1e30]) if binary else 1
        layers.append(layer | {"scale": scale, "delay": delay})
    rise = one_of(rng, [1, 0.1, 1e-300, 1e200, None])
    ramp = {"kind": "Ramp"} | ({} if rise is None else {"rise": rise})
    header = {
        "kind": "ttfs model", "format": 1, "layers": layers,
        "psp": one_of(rng, [{"kind": "Step"}, ramp]),
        "t_max": one_of(rng, [1, 16.0, 256, 1e-320, 1e-160, 1e160, 1e200, 1.7e308, 10**299]),
        "unit": one_of(rng, ["ms", "", "\x1b[2J", "$x$", "\u202e", "a" * 101, "µs"]),
        "dtype": dtype, "seed": one_of(rng, [0, 1, 10**299]),
        "encoder": one_of(rng, [
            None, {"kind": "Latency", "t_max": 10**299, "steps": True, "zero_silent": False},
            {"kind": "Latency", "t_max": 1e-320, "steps": False, "zero_silent": False},
            {"kind": "Direct", "early": 0, "late": 10**298, "bias": 10**297, "t_max": 10**299},
            {"kind": "SpikeTimes", "stop": 1e-30, "unit": "ms", "t_max": 10**29, "steps": True},
            {"kind": "SpikeTimes", "stop": 3, "unit": "\x1b[2J", "t_max": 1, "steps": False},
        ]),
        "decision": one_of(rng, [None]), "versions": {"ttfs": "\x1b[31m"}, "report": {},
    }  # fmt: skip
    return header, arrays


def model(rng, known):
    """A sealed file; `known` are (header, arrays) of sound ones."""
    header, arrays = one_of(rng, known)
    decision, kind = header["decision"], rng.random()
    if kind < 0.25:
        header, arrays = one_of(rng, [fitting_model, fitting_maps])(rng)
        header["decision"] = decision
        kind = one_of(rng, [0.3, 0.9, 1, 1])
    text = changed_json(rng, header) if kind < 0.6 else json.dumps(header).encode()
    if 0.5 < kind < 0.75 and arrays:
        name = one_of(rng, list(arrays))
        arrays = arrays | {name: changed_array(rng, arrays[name])}
    stored = {"header": np.frombuffer(text, np.uint8), **arrays}
    content = archive(stored, SEAL_SIZE)
    if 0.75 <= kind < 1:
        content = changed_bytes(rng, content, (b"PK", b"NUMPY"))
    return seal(content)


def fitting_maps(rng):
    """The same of layers of maps, most of which fit onto each other."""
    header, _ = fitting_model(rng)
    dtype = "<f4" if header["dtype"] == "float32" else "<f8"
    shape = [int(one_of(rng, [1, 2, 3, 6, 9])) for _ in range(3)]
    below, layers, arrays = shape, [], {}
    for number in range(1, rng.integers(2, 5)):
        kind = one_of(rng, ["conv2d", "conv2d", "min_pool2d", "dense"])
        window = [int(rng.integers(1, min(side, 3) + 1)) for side in below[:2]]
        stride, padding = int(rng.integers(1, 4)), int(rng.integers(0, min(window)))
        columns = below[2] if kind == "min_pool2d" else int(one_of(rng, [1, 3, 16, 17]))
        sides = [
            (side + 2 * padding - wide) // stride + 1
            for side, wide in zip(below[:2], window, strict=True)
        ]
        layer = {"kernel_size": window, "stride": stride, "padding": padding, "shape": below}
        rows, above = window[0] * window[1] * below[2], [*sides, columns]
        if kind == "dense":
            rows, above = below[0] * below[1] * below[2], [1, 1, columns]
            layer = {"inputs": rows, "outputs": columns}
        if kind == "conv2d":
            layer["out_channels"] = columns
        if kind != "min_pool2d":
            arrays[f"weights_{number}"] = rng.normal(size=(rows, columns)).astype(dtype)
            layer |= {"weights": {"kind": "Real", "init": None}, "scale": 1, "threshold": 1.0}
        delay = one_of(rng, [0, 0.5, 1e200, {"kind": "Delays", "per": "input", "init": None}])
        if isinstance(delay, dict):
            delay["rate"] = one_of(rng, [0, 1.0])
            name = f"latent_delays_{number}" if delay["rate"] else f"delays_{number}"
            inputs = below[0] * below[1] * below[2]
            arrays[name] = rng.random((inputs, 1)) * one_of(rng, [1, 1e150, 1e-300])
        layers.append({"kind": kind} | layer | {"delay": delay})
        below = above
    return header | {"format": 2, "shape": shape, "layers": layers}, arrays


# Checkpoints


def checkpoint(rng, header, arrays):
    """A checkpoint, changed."""
    kind = rng.random()
    text = changed_json(rng, header) if kind < 0.5 else json.dumps(header).encode()
    if kind > 0.4:
        arrays = dict(arrays)
        for _ in range(rng.integers(1, 3)):
            name = one_of(rng, list(arrays))
            arrays[name] = changed_array(rng, arrays[name])
    content = archive({"header": np.frombuffer(text, np.uint8), **arrays})
    return changed_bytes(rng, content, (b"PK", b"NUMPY")) if kind > 0.8 else content


# What readers must do


def judged(read, use, path, content):
    """Whether a file was read, and then was of use; all else is an error of ours."""
    path.write_bytes(content)
    started, said, chained = clock(), "", None
    tracemalloc.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = read(path)
    except TTFSError as error:
        found, said = None, str(error)
        chained = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < FREE + FACTOR * len(content), f"{peak} bytes for {len(content)}"
    assert said.isprintable()
    assert chained is None, "one traceback is enough"
    assert len(said) < 2000
    if found is not None:
        use(found)
    assert clock() - started < SECONDS
    return found is not None


def header_of_npy(descr, order, shape, version=1):
    """The bytes before the data of an .npy file that says so, true or not."""
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    size = struct.pack("<H" if version == 1 else "<I", min(len(text), 2**16 - 1))
    return b"\x93NUMPY" + bytes([version, 0]) + size + text
