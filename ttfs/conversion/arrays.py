"""Layers from weights that another framework has written: files of arrays, and their names.

Files may be `.npz`, `.safetensors`, or written by `torch.save(model.state_dict(), path)`. Nothing
in a file is ever run.
"""

import re
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ttfs.datasets.npz import read_npz
from ttfs.errors import DatasetError, InputError, ModelFileError, extra
from ttfs.network.chain import check_chain
from ttfs.network.maps import Shape, as_shape
from ttfs.network.notation import layers_of

ENDINGS = ".npz", ".safetensors", ".pt", ".pth"
EPS = 1e-5  # PyTorch's batch norms add this to a variance by default, but do not save it
NORM = {"weight", "bias", "running_mean", "running_var"}

State = dict[str, np.ndarray]


@dataclass(frozen=True)
class Part:
    """What one module of another framework wrote: its name, and its arrays by name."""

    name: str
    arrays: State

    @property
    def is_norm(self) -> bool:
        """Whether it is a batch norm."""
        return "running_var" in self.arrays


def read_state(path: Any) -> State:
    """The arrays of a file by name, in float64, in the order of their names or of the file.

    Raises
    ------
    ModelFileError: no such file, another kind of file, damage, arrays that are not finite numbers.
    """
    path = Path(path)
    if path.suffix not in ENDINGS:
        raise ModelFileError(f"{path}: must end in {', '.join(ENDINGS)}")
    if not path.is_file():
        raise ModelFileError(f"{path}: there is no such file")
    read = {".npz": _npz, ".safetensors": _safetensors}.get(path.suffix, _torch)
    state = {}
    for name, array in read(path).items():
        if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
            raise ModelFileError(f"{path}: {name} must be finite numbers")
        state[name] = array.astype(np.float64)
    return state


def _npz(path: Path) -> State:
    try:
        _, names = read_npz(path, ())
        return read_npz(path, names)[0]
    except DatasetError as error:
        raise ModelFileError(str(error)) from None


def _safetensors(path: Path) -> State:
    with extra("torch", str(path)):
        from safetensors import SafetensorError
        from safetensors.numpy import load_file
    try:
        found = load_file(path)
    except (SafetensorError, ValueError, OSError, TypeError) as error:
        raise ModelFileError(f"{path}: is not a .safetensors file: {error}") from None
    modules = {name.rpartition(".")[0] for name in found if name.endswith(".weight")}
    skeletons = {re.sub(r"\d+", "#", name) for name in modules}
    if len(skeletons) > 1:  # the format does not keep the order
        told = ", ".join(sorted(modules, key=natural)[:5])
        raise InputError(
            f"{path}: names such as {told} do not say which layer comes first, and .safetensors"
            " does not keep the order; save the same arrays as .npz, in the order of the layers"
        )
    return {name: found[name] for name in sorted(found, key=natural)}


def _torch(path: Path) -> State:
    with extra("torch", str(path)):
        import torch
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the error says enough
            found = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read: {error.strerror or error}") from None
    except Exception:
        raise ModelFileError(
            f"{path}: is damaged, or holds more than arrays, which is not executed: save"
            " model.state_dict(), not the model"
        ) from None
    if not isinstance(found, dict) or not all(isinstance(v, torch.Tensor) for v in found.values()):
        raise ModelFileError(f"{path}: must hold model.state_dict(), arrays by name")
    return {str(name): tensor.double().numpy() for name, tensor in found.items()}


def natural(name: str) -> list[Any]:
    """A sort key that orders names as people count: 2 comes before 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def parts_of(state: State) -> list[Part]:
    """The modules that have weights, in order."""
    parts: dict[str, State] = {}
    for name, array in state.items():
        prefix, _, kind = name.rpartition(".")
        if kind not in (*NORM, "num_batches_tracked"):
            raise InputError(f"{name} is neither a weight nor a bias nor part of a batch norm")
        parts.setdefault(prefix, {})[kind] = array
    for name, arrays in parts.items():
        if "weight" not in arrays and "running_var" not in arrays:
            raise InputError(f"{name or 'the file'} has a bias, but no weight")
    return [Part(name, arrays) for name, arrays in parts.items()]


def layers_from(state: State, notation: str, shape: Any) -> list[Any]:
    """Layers with the weights of a state, with batch norms folded into them.

    notation: all layers as papers write them, including the last, as in "32C3p1-P2-256-10". Layers
    and modules are matched in order. Each batch norm belongs to the layer before it or, if the
    order does not allow this and there is one for each layer, to the layer of the same number.
    shape: (height, width, channels) of the input.

    Raises
    ------
    InputError: modules and layers that do not match, by name.

    >>> state = {"0.weight": np.ones((20, 4)), "0.bias": np.ones(20), "2.weight": np.ones((3, 20))}
    >>> layers_from(state, "20-3", (1, 1, 4))
    [Dense(4, 20, bias=...), Dense(20, 3)]
    """
    shape = as_shape(shape, "shape")
    layers = check_chain(layers_of(notation), shape)
    parts = parts_of(state)
    weighted = [part for part in parts if not part.is_norm]
    wanted = [layer for layer in layers if layer.rows]
    if len(weighted) != len(wanted):
        raise InputError(
            f"{notation} has {len(wanted)} layers with weights, but the file has {len(weighted)}:"
            f" {', '.join(part.name or 'weight' for part in weighted)}"
        )
    norms = _norms(parts, len(wanted))
    found, below, number = [], shape, 0
    for layer in layers:
        if layer.rows:
            found.append(_holding(layer, weighted[number], norms.get(number), below))
            number += 1
        else:
            found.append(layer)
        below = layer.gives
    return found


def _norms(parts: list[Part], layers: int) -> dict[int, Part]:
    """The batch norm of each layer, by the layer's number."""
    found: dict[int, Part] = {}
    number = -1
    for part in parts:
        if not part.is_norm:
            number += 1
        elif number < 0 or number in found:
            break
        else:
            found[number] = part
    else:
        return found
    norms = [part for part in parts if part.is_norm]
    if len(norms) != layers:
        raise InputError(
            f"the file has {len(norms)} batch norms for {layers} layers with weights, and its order"
            " does not say which belongs to which; save each after its layer"
        )
    return dict(enumerate(norms))


def _holding(layer: Any, part: Part, norm: Part | None, below: Shape) -> Any:
    """A layer with the weights of a module, and a batch norm folded into them."""
    weights, whose = part.arrays["weight"], f"{part.name or 'weight'}"
    height, width, channels = below
    if layer.kind == "dense":
        wanted: tuple[int, ...] = (layer.outputs, layer.inputs)
        own = weights.reshape(-1, channels, height, width) if weights.shape == wanted else weights
        order = (2, 3, 1, 0)
    else:
        (tall, broad), *_ = layer.windows
        wanted, own, order = (layer.columns, channels, tall, broad), weights, (2, 3, 1, 0)
    if weights.shape != wanted:
        raise InputError(f"{whose} has weights {weights.shape}, but {layer} needs {wanted}")
    own = own.transpose(order).reshape(layer.rows, layer.columns)
    bias = part.arrays.get("bias")
    if bias is not None and bias.shape != (layer.columns,):
        raise InputError(f"{whose} has a bias {bias.shape}, but {layer} needs ({layer.columns},)")
    if norm is not None:
        gain, offset = folded(norm, layer.columns)
        bias = (0.0 if bias is None else bias) * gain + offset
        own = own * gain
    return replace(layer, initial=own, bias=bias)


def folded(norm: Part, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """(columns,) gain and offset of a batch norm."""
    arrays = norm.arrays
    for kind in NORM & arrays.keys():
        if arrays[kind].shape != (columns,):
            raise InputError(
                f"{norm.name} is for {arrays[kind].shape}, but its layer has {columns}"
            )
    if "running_mean" not in arrays or (arrays["running_var"] < 0).any():
        raise InputError(f"{norm.name} has no running mean, or a variance below 0")
    gain = arrays.get("weight", np.ones(columns)) / np.sqrt(arrays["running_var"] + EPS)
    return gain, arrays.get("bias", np.zeros(columns)) - gain * arrays["running_mean"]
