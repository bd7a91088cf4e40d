"""Layers, their parameters, and the flat arrays that engines read."""

from ttfs.network.network import Network

__all__ = ["Network"]
