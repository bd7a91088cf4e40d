"""The `ttfs` command."""

from ttfs.cli.cli import main

__all__ = ["main"]
