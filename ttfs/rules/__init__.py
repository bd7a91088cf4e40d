"""Learning rules, one file for each paper."""

from ttfs.rules.s4nn import S4NN

__all__ = ["S4NN"]
