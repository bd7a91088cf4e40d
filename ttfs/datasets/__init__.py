"""Images and points to learn from: shipped, computed, published or your own."""

from ttfs.datasets.datasets import (
    NAMES,
    Dataset,
    Splits,
    Status,
    digits,
    fashion_mnist,
    from_npz,
    load,
    mnist,
    status,
    yin_yang,
)
from ttfs.datasets.idx import read_idx
from ttfs.datasets.points import yin_yang_points

__all__ = [
    "NAMES",
    "Dataset",
    "Splits",
    "Status",
    "digits",
    "fashion_mnist",
    "from_npz",
    "load",
    "mnist",
    "read_idx",
    "status",
    "yin_yang",
    "yin_yang_points",
]
