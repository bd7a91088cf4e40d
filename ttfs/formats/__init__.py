"""Models as files, and spikes in the layouts of other tools."""

from typing import Any


def __getattr__(name: str) -> Any:
    """Import `ttfs.spikes` when it is first used; models need none of what it imports."""
    if name != "spikes":
        raise AttributeError(f"module 'ttfs.formats' has no attribute {name!r}")
    from importlib import import_module

    return import_module("ttfs.formats.spikes")
