"""The presets that fire by a clock, for comparison with single spikes."""

from ttfs.clocked.rate import Rate
from ttfs.clocked.surrogates import Surrogate
from ttfs.presets.clocked_recipe import clocked

ONCE = Rate(1, initial=1.0, pool="currents")  # signs of sums

CLOCKED = {
    "bnn-mnist": clocked(
        "mnist",
        "600",
        binary=True,
        rate=ONCE,
        surrogate=Surrogate("rectangle", 0.5),
        signed=True,
        epochs=60,
    ),
    "bnn-fashion": clocked(
        "fashion-mnist",
        "1000",
        binary=True,
        rate=ONCE,
        surrogate=Surrogate("rectangle", 0.5),
        signed=True,
        epochs=60,
    ),
}
