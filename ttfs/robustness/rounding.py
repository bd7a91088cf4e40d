"""How far roundings can move the potentials of a layer from their exact values.

A network adds the same weights in another order once its spikes have moved, and its envelope
(`ttfs.robustness.envelope`) adds them in a third one. Both are compared here with the exact sum.
Let u be the unit roundoff, half of `eps`, and γ(n) = n u / (1 - n u).

A sum of n numbers, one after the other, is wrong by at most u times the sum of the magnitudes of
its partial sums (Higham 2002, Accuracy and Stability of Numerical Algorithms, section 4.2). A
partial sum of weights lies between -N, the sum of the negative ones, and P, that of the positive
ones, so with M = max(P, N) the error is at most γ(n) M. With S = P + N and the threshold h:

* steps: V is such a sum: γ(n) M. Where all weights are multiples of a number q and S is at most q
  times 2^24 (2^53 in float64), no sum is rounded at all; one-bit weights are always of that kind.
* windows: V is the sum of n products with values of at most 1, and the bias b, in any order:
  γ(n + 2) (S + |b|).
* endless ramps: a neuron fires at total / slope. At time t, slope * t is wrong by γ(n) M t, and
  total by γ(n) (M t + h) for its additions and 2 u S t for its products; the quotient adds 3 u M t.
* ramps that end: each weight is added and taken away, which makes 2 n terms; totals are at most
  h * rise + S (t + rise); the ends of ramps are rounded, which changes what they add by
  u S (t + rise); and within `rest.doubt` of the threshold exact arithmetic decides instead.

If a network fires at t, its exact potential is at least h minus that error. If an exact potential
is above h by that error, the network has fired by t; here a line that no longer rises may have
passed the threshold earlier, for which slopes are counted once more. The margin is the sum of both
errors, with t at the horizon.
"""

from typing import Any

import numpy as np

from ttfs.network.network import Network
from ttfs.network.psp import Ramp, Step

DOUBTS = 128  # roundings within which `rest` decides, in this engine and with twice the inputs


def unit_of(dtype: Any) -> float:
    """The unit roundoff of a dtype.

    >>> unit_of(np.float32) == 2.0**-24
    True
    """
    return float(np.finfo(dtype).eps) / 2


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def margins(network: Network, layer: int, times: Any) -> np.ndarray:
    """(columns,) the largest errors of a layer's potentials, in their unit; inf: not bounded.

    times: the dtype of spike times.
    """
    weights = network.weights[layer].astype(np.float64)
    high = network.scaled_thresholds(layer).astype(np.float64)
    positive, size = np.maximum(weights, 0).sum(axis=0), np.abs(weights).sum(axis=0)
    most = np.maximum(positive, size - positive)
    terms = np.count_nonzero(weights, axis=0)
    unit, limits = unit_of(network.dtype), np.finfo(network.dtype)
    coarse, end, psp = max(unit, unit_of(times)), network.t_max, network.psp
    if isinstance(psp, Step):
        found = 2 * gamma(terms + 2, unit) * most
        found[are_exact(weights, size, network.dtype)] = 0
    elif isinstance(psp, Ramp) and psp.rise == np.inf:
        found = gamma(terms + 4, unit) * (5 * most * end + 3 * high)
        found += 8 * coarse * (size * end + high) + (terms + 64) * float(limits.tiny)
        size = size * end + high
    elif isinstance(psp, Ramp):
        lasts = end + psp.rise
        found = gamma(2 * terms + 8, unit) * (5 * size * lasts + 3 * high * psp.rise)
        doubts = (DOUBTS + len(weights)) * coarse * lasts * (high + 2 * size)
        found = (found + doubts + (terms + 64) * float(limits.tiny)) / psp.rise
        size = 2 * size * lasts + high * psp.rise
    else:
        size = size + heard_by_skips(network, layer)
        size += np.abs(network.scaled_bias(layer)[:, : len(high)]).max(axis=0)
        terms = len(weights) + sum(
            1 if skip.layer is None else skip.layer.rows
            for skip in network.skips
            if skip.target == layer + 1
        )
        found = 2 * gamma(terms + 8, unit) * size + (terms + 64) * float(limits.tiny)
    return np.where(8 * size < float(limits.max), found, np.inf)


def gamma(terms: Any, unit: float) -> Any:
    """The relative error of a sum of so many terms; inf where it is not bounded."""
    share = terms * unit
    return np.where(share < 0.5, share / (1 - share), np.inf)


def heard_by_skips(network: Network, layer: int) -> Any:
    """(columns,) the sum of magnitudes of the weights with which skips reach a layer."""
    found, columns = np.zeros(network.layers[layer].columns), network.layers[layer].columns
    for skip in network.skips:
        if skip.target == layer + 1:
            numbers = np.abs(skip.numbers(columns)) / network.scales[layer]
            found += numbers if numbers.ndim == 1 else numbers.sum(axis=0)
    return found


def are_exact(weights: np.ndarray, size: np.ndarray, dtype: Any) -> np.ndarray:
    """(columns,) whether no sum of some weights of a column is rounded. size: of all of them.

    >>> are_exact(np.array([[0.25, 0.1], [3.0, 3.0]]), np.array([3.25, 3.1]), np.float32)
    array([ True, False])
    """
    mantissa, exponent = np.frexp(weights)
    whole = np.abs(np.ldexp(mantissa, 53)).astype(np.int64)
    steps = np.ldexp((whole & -whole).astype(np.float64), exponent - 53)
    least = np.where(weights == 0, np.inf, steps).min(axis=0)
    return size <= least * (1 - 2.0**-40) / unit_of(dtype)


def below(values: Any, dtype: Any) -> Any:
    """The values in a dtype, rounded down.

    >>> bool(below(0.1, np.float32) <= 0.1)
    True
    """
    values = np.asarray(values, np.float64)  # or they would be compared in the dtype
    found = values.astype(dtype)
    return np.where(found > values, np.nextafter(found, found.dtype.type(-np.inf)), found)
