"""The work that no forward pass can avoid: adding rows of weights."""

from ttfs.kernels.jit import kernel


@kernel
def add_rows(rows, offsets, weights, total):
    """Add the rows of each sample to one vector; offsets[s] is where a sample's rows begin."""
    width = total.size
    for s in range(offsets.size - 1):
        for e in range(offsets[s], offsets[s + 1]):
            row = weights[rows[e]]
            for j in range(width):
                total[j] += row[j]
