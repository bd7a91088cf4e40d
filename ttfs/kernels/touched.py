"""Positions of maps that were reached at this instant: one bit for each.

A state has `touched`, (units / WORD,) uint64. Bits of a population begin at the word that has the
number of its first unit, divided by WORD: it has no more positions than units.
"""

import numpy as np

from ttfs.kernels.circuit import GROUP, SIZE, START, WORD
from ttfs.kernels.jit import kernel
from ttfs.kernels.vector import lowest_bit

ONE, ALL = np.uint64(1), np.uint64(2**64 - 1)


@kernel
def touch(plan, state, layer, position):
    """Mark a position as reached; return whether it was not before."""
    word = plan.populations[layer, START] // WORD + position // WORD
    bit = ONE << np.uint64(position % WORD)
    before = state.touched[word]
    state.touched[word] = before | bit
    return not before & bit


@kernel
def words_of(plan, layer):
    """The words of a population's bits: the first, and how many."""
    positions = plan.populations[layer, SIZE] // plan.populations[layer, GROUP]
    return plan.populations[layer, START] // WORD, (positions + WORD - 1) // WORD


@kernel
def run_of(bits):
    """The first bit of the lowest run of set bits of a word that is not 0, and its length."""
    first = lowest_bit(bits)
    after = ~(bits >> np.uint64(first))
    return first, lowest_bit(after) if after else WORD


@kernel
def without(bits, end):
    """The bits from `end` on."""
    return bits & (ALL << np.uint64(end)) if end < WORD else np.uint64(0)
