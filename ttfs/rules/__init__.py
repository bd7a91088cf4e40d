"""Learning rules, one file for each paper."""

from ttfs.rules.exact import Exact
from ttfs.rules.s4nn import S4NN
from ttfs.rules.stidi_bp import STiDiBP
from ttfs.rules.surrogate import Surrogate
from ttfs.rules.windows import Windows

Rule = S4NN | STiDiBP | Exact | Surrogate | Windows

__all__ = ["S4NN", "Exact", "Rule", "STiDiBP", "Surrogate", "Windows"]
