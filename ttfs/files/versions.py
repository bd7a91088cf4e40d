"""The software versions on which a result depends."""

import platform

import numba
import numpy as np

import ttfs


def versions() -> dict[str, str]:
    """The versions of this package and of what it computes with, by name."""
    return {
        "ttfs": ttfs.__version__,
        "numpy": np.__version__,
        "numba": numba.__version__,
        "python": platform.python_version(),
    }
