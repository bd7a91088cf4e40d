"""Clocked networks: discrete time steps, in each of which every neuron may fire.

For comparison with single spikes; only presets and the command line use them.
"""

from ttfs.clocked.compensation import compensated
from ttfs.clocked.course import Course, run
from ttfs.clocked.evaluation import ClockedEvaluation, evaluate
from ttfs.clocked.methods import METHODS, Method, convert_to_rates
from ttfs.clocked.rate import Rate
from ttfs.clocked.surrogates import Surrogate

__all__ = [
    "METHODS",
    "ClockedEvaluation",
    "Course",
    "Method",
    "Rate",
    "Surrogate",
    "compensated",
    "convert_to_rates",
    "evaluate",
    "run",
]
