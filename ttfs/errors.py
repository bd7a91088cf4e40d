"""What can go wrong on the user's side: each error is a `TTFSError` and a built-in error."""

from collections.abc import Iterator
from contextlib import contextmanager


class TTFSError(Exception):
    """Base class of all errors that this package raises on purpose."""


class InputError(TTFSError, ValueError):
    """A value that makes no sense: NaN, out of range, empty, of the wrong kind."""


class ShapeError(InputError):
    """An array, layer or batch whose sizes do not fit."""


class DatasetError(TTFSError, OSError):
    """A data set that is absent, damaged, truncated or mislabelled."""


class ModelFileError(TTFSError, ValueError):
    """A file that is not a model which this version can read."""


class RunError(TTFSError, OSError):
    """A run folder that cannot be written, resumed or overwritten."""


@contextmanager
def extra(name: str, whose: str = "") -> Iterator[None]:
    """Optional packages are imported inside; where one is missing, the error names the extra.

    >>> with extra("notebook"):
    ...     import no_such_package
    Traceback (most recent call last):
        ...
    ttfs.errors.InputError: no_such_package is not installed: pip install 'ttfs[notebook]'
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        told = f"{package} is not installed: pip install 'ttfs[{name}]'"
        raise InputError(f"{whose}: {told}" if whose else told) from None
