"""The same as `batch` for networks whose weights do not fit a core's own cache.

A block of samples goes through a layer together, a few neurons at a time. So the weights of these
neurons are read from far away once for the block, and not for each of its samples.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ttfs.kernels.batch import Work, begin, finish, make_work, schedule, sweep_words
from ttfs.kernels.jit import kernel
from ttfs.kernels.sorting import sort_events

LARGE = 2**21  # bytes of the weights of a layer: more than a core's own cache holds
SAMPLES = 64  # of a block
PART = 4  # words of neurons of a large layer that are followed at a time
SHARED = ("marks", "some", "when", "whose", "bins", "strides")  # scratch of one sample at a time


class Block(NamedTuple):
    """Scratch for a block of samples."""

    works: Work  # an array that is not SHARED has a row for each sample
    parts: np.ndarray  # (layers,) how many words of neurons are followed at a time
    reached: np.ndarray  # (samples, 2) events and instants of a layer


def bytes_of(arrays):
    """Bytes of the weights of each layer; not compiled."""
    words = [last - first for first, last in pairwise(arrays.words.tolist())]
    packed, rows = arrays.packed.tolist(), arrays.sizes.tolist()
    widths = [size * arrays.weights.itemsize for size in arrays.widths.tolist()]
    return [
        row * (8 * word if bits else width)
        for row, word, bits, width in zip(rows, words, packed, widths, strict=False)
    ]


def is_large(arrays):
    """Whether any layer has too many weights for a core's own cache; not compiled."""
    return arrays.weights.nbytes > LARGE and max(bytes_of(arrays)) > LARGE


def make_block(arrays, times):
    """Scratch for samples whose times have the dtype of `times`; not compiled."""
    words = [last - first for first, last in pairwise(arrays.words.tolist())]
    large = [size > LARGE for size in bytes_of(arrays)]
    parts = [min(PART, word) if much else word for word, much in zip(words, large, strict=True)]
    samples = min(SAMPLES, max(1, len(times)))
    one = make_work(arrays, times, parts)._asdict()
    works = {
        name: array if name in SHARED else np.empty((samples, *array.shape), array.dtype)
        for name, array in one.items()
    }
    return Block(Work(**works), np.array(parts, np.int64), np.empty((samples, 2), np.int64))


@kernel
def work_of(works, k):
    """The scratch of a sample."""
    return Work(
        works.times[k],
        works.index[k],
        works.counts[k],
        works.heard[k],
        works.potential[k],
        works.lacking[k],
        works.waiting[k],
        works.arrivals[k],
        works.starts[k],
        works.places[k],
        works.instants[k],
        works.marks,
        works.some,
        works.when,
        works.whose,
        works.bins,
        works.strides,
    )


@kernel
def sort_fired(layer, size, t_max, work, spikes):
    """List the spikes of a layer, which was followed part by part, in order."""
    work.counts[layer + 1] = sort_events(
        spikes[:size],
        t_max,
        work.times[layer + 1],
        work.index[layer + 1],
        work.instants,
        work.places,
        work.bins,
    )


@kernel
def fire(arrays, layer, spikes, block):
    """Fire a layer in all samples of a block."""
    works, words = block.works, arrays.words[layer + 1] - arrays.words[layer]
    units, part = slice(arrays.units[layer], arrays.units[layer + 1]), block.parts[layer]
    for k in range(len(spikes)):
        events, instants = schedule(arrays, layer, arrays.t_max, work_of(works, k))
        block.reached[k, 0], block.reached[k, 1] = events, instants
    for word in range(0, words, part):
        some = word, min(word + part, words)
        for k in range(len(spikes)):
            reached = block.reached[k, 0], block.reached[k, 1]
            sweep_words(arrays, layer, some, reached, work_of(works, k), spikes[k, units])
    for k in range(len(spikes)):
        work = work_of(works, k)
        work.heard[layer] = block.reached[k, 0]
        if part < words:
            sort_fired(layer, arrays.sizes[layer + 1], arrays.t_max, work, spikes[k, units])


@kernel
def run(arrays, times, found, block, first, last):
    """Run some samples to the horizon."""
    for place in range(first, last, len(block.reached)):
        end = min(place + len(block.reached), last)
        spikes = found.spikes[place:end]
        for s in range(place, end):
            begin(arrays, times[s], work_of(block.works, s - place), found.spikes[s])
        for layer in range(arrays.widths.size):
            fire(arrays, layer, spikes, block)
        for s in range(place, end):
            work = work_of(block.works, s - place)
            finish(arrays, False, arrays.t_max, work, found.spikes[s], found, s)
