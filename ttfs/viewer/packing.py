"""Arrays as text for a page."""

import base64
from typing import Any

import numpy as np


def packed(array: np.ndarray) -> dict[str, str]:
    """An array for the page: its type, and its little-endian bytes in base64."""
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    kind = f"{array.dtype.kind}{array.dtype.itemsize}"
    return {"type": kind, "data": base64.b64encode(little.tobytes()).decode("ascii")}


def small(array: np.ndarray) -> np.ndarray:
    """The same numbers in the smallest type that holds all of them and that the page knows.

    >>> small(np.array([-1, 7])).dtype, small(np.array([0, 300])).dtype, small(np.ones(3)).dtype
    (dtype('int8'), dtype('uint16'), dtype('float32'))
    """
    kinds: tuple[Any, ...] = (np.uint8, np.int8, np.uint16)
    for kind in (np.float32,) if array.dtype.kind == "f" else kinds:
        with np.errstate(over="ignore"):
            smaller = array.astype(kind)
        if (smaller == array).all():
            return smaller
    return array


def packed_weights(weights: np.ndarray) -> dict[str, Any]:
    """Weights for the page: one bit each if they differ only in sign."""
    size = float(abs(weights[0])) if len(weights) else 0.0
    if size and bool((np.abs(weights) == size).all()):
        return {"size": size, "bits": packed(np.packbits(weights > 0))}
    return {"size": None, "bits": packed(weights)}
