"""What can go wrong on a user's side: each error is a `TTFSError` and a built-in one."""


class TTFSError(Exception):
    """Base of every error this package raises on purpose."""


class InputError(TTFSError, ValueError):
    """A value that cannot be meant: NaN, out of range, empty, of the wrong kind."""


class ShapeError(InputError):
    """An array, layer or batch whose sizes do not fit."""


class DatasetError(TTFSError, OSError):
    """A data set that is absent, damaged, truncated or mislabelled."""


class ModelFileError(TTFSError, ValueError):
    """A file that is not a model this version can read."""


class RunError(TTFSError, OSError):
    """A run folder that cannot be written, resumed or overwritten."""
