"""Estimators for scikit-learn, which is imported when one of them is first used.

`TTFSClassifier` is a network with its encoder and its training, `TTFSEncoder` the encoder alone.
They need the extra `sklearn`: `pip install "ttfs[sklearn]"`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ttfs.sklearn.classifier import TTFSClassifier
    from ttfs.sklearn.encoder import TTFSEncoder

_HOMES = {"TTFSClassifier": "classifier", "TTFSEncoder": "encoder"}
__all__ = ["TTFSClassifier", "TTFSEncoder"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ttfs.sklearn' has no attribute {name!r}")
    found = getattr(import_module(f"ttfs.sklearn.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
