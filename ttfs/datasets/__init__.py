"""Images, points and spike times to learn from: shipped, computed, published or your own."""

from ttfs.datasets.at_hand import Status, status
from ttfs.datasets.dataset import Dataset, Splits
from ttfs.datasets.datasets import (
    NAMES,
    cifar10,
    digits,
    fashion_mnist,
    from_events,
    from_folder,
    from_hdf5,
    from_npz,
    from_nwb,
    from_shards,
    load,
    mnist,
    yin_yang,
)
from ttfs.datasets.idx import read_idx
from ttfs.datasets.points import yin_yang_points

__all__ = [
    "NAMES",
    "Dataset",
    "Splits",
    "Status",
    "cifar10",
    "digits",
    "fashion_mnist",
    "from_events",
    "from_folder",
    "from_hdf5",
    "from_npz",
    "from_nwb",
    "from_shards",
    "load",
    "mnist",
    "read_idx",
    "status",
    "yin_yang",
    "yin_yang_points",
]
