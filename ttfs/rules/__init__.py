"""Learning rules, one file for each paper."""

from ttfs.rules.exact import Exact
from ttfs.rules.s4nn import S4NN

Rule = S4NN | Exact

__all__ = ["Exact", "Rule", "S4NN"]
