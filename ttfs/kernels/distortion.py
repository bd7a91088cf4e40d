"""Distorted images: each pixel is interpolated between four of another image."""

import numpy as np

from ttfs.kernels.jit import kernel


@kernel
def bend(noise, down, across, half, moves):
    """Fill `moves`, the displacements of a row of pixels, from random numbers at grid nodes."""
    half[:] = 0
    moves[:] = 0
    for i in range(len(noise)):
        share, row = down[i], noise[i]
        for j in range(row.size):
            half[j] += share * row[j]
    for j in range(len(across)):
        share, row = half[j], across[j]
        for x in range(row.size):
            moves[x] += share * row[x]


@kernel
def pixel(image, y, x, channel):
    """A value of an image, 0 outside."""
    inside = (y >= 0) & (y < image.shape[0]) & (x >= 0) & (x < image.shape[1])
    return image[y, x, channel] if inside else image.dtype.type(0)


@kernel
def between(image, y, x, out):
    """Fill the channels of a pixel by interpolating between four of an image."""
    number = image.dtype.type
    rows, columns = image.shape[0], image.shape[1]
    one, far = number(1), not (-1 < y < rows and -1 < x < columns)
    top, left = (0, 0) if far else (int(np.floor(y)), int(np.floor(x)))
    low, right = y - number(top), x - number(left)
    high, near = one - low, one - right
    for c in range(out.size):
        above = near * pixel(image, top, left, c) + right * pixel(image, top, left + 1, c)
        below = near * pixel(image, top + 1, left, c) + right * pixel(image, top + 1, left + 1, c)
        out[c] = number(0) if far else high * above + low * below


@kernel
def distort(images, maps, noise, down, across, bends, out, first, last):
    """Fill images (samples, rows, columns, channels).

    maps: for each image, the linear map from a pixel to its source, relative to the centre.
    noise: (samples, 0 or 2, nodes, nodes) further displacement of rows and columns.
    down, across: (rows, nodes) and (nodes, columns) weights of the nodes.
    bends: (3, columns or nodes) scratch.
    """
    number = images.dtype.type
    rows, columns = images.shape[1], images.shape[2]
    middle, centre = number((rows - 1) / 2), number((columns - 1) / 2)
    bends[:] = 0
    for s in range(first, last):
        m = maps[s]
        for y in range(rows):
            for k in range(noise.shape[1]):
                bend(noise[s, k], down[y], across, bends[0], bends[1 + k])
            v = number(y) - middle
            for x in range(columns):
                h = number(x) - centre
                row = middle + (m[0] * v + m[1] * h + m[2] + bends[1, x])
                column = centre + (m[3] * v + m[4] * h + m[5] + bends[2, x])
                between(images[s], row, column, out[s, y, x])
