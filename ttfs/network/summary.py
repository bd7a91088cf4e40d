"""A network as a table, a line for each layer."""

from typing import Any

import numpy as np

from ttfs.network.weights import Binary

HEAD = "layer", "kind", "neurons", "weights", "", "connections", "threshold", "delay"
LEFT = 2  # columns of text


def summary_of(network: Any) -> str:
    """What `Network.summary` returns for a network.

    Weights that positions share count once, connections count at each position. Where a threshold
    or delay differs from neuron to neuron, the smallest and the largest are given.

    >>> import ttfs
    >>> layers = ttfs.Conv2d(8, 3), ttfs.MinPool2d(2), ttfs.Dense(None, 10, weights=ttfs.Binary())
    >>> print(ttfs.Network(*layers, shape=(10, 10, 1)).summary())
    Network(10x10x1-8C3-P2-10, Step(), t_max=256)
      layer   kind       neurons  weights           connections  threshold  delay
      input              10x10x1
      conv 1  Conv2d       8x8x8       72     real        4,608        100      0
      pool 1  MinPool2d    4x4x8                                                0
      output  Dense           10    1,280  one-bit        1,280        100      0
      all                    750    1,352                 5,888
    """
    rows = [HEAD, (network.names[0], "", _size(network.shapes[0]), *[""] * 5)]
    weights, connections = 0, 0
    for k, layer in enumerate(network.layers):
        cells = [network.names[k + 1], type(layer).__name__, _size(network.shapes[k + 1])]
        if layer.rows:
            reached = network.fan_out(k)
            many = int(reached.sum()) if isinstance(reached, np.ndarray) else reached * layer.inputs
            weights, connections = weights + layer.rows * layer.columns, connections + many
            kind = "one-bit" if isinstance(layer.weights, Binary) else "real"
            cells += [f"{layer.rows * layer.columns:,}", kind, f"{many:,}", _span(layer.threshold)]
        else:
            cells += [""] * 4
        rows.append((*cells, _span(network.delays[k])))
    total = f"{sum(network.sizes):,}", f"{weights:,}", "", f"{connections:,}"
    rows.append(("without skips" if network.skips else "all", "", *total, "", ""))
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if k < LEFT else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, wide, strict=True))
        )
        for row in rows
    ]
    skips = [f"  {skip}" for skip in network.skips]
    return "\n".join([str(network), *(f"  {line}".rstrip() for line in lines), *skips])


def _size(shape: tuple[int, ...]) -> str:
    """The neurons of a layer."""
    return "x".join(map(str, shape)) if shape[:2] != (1, 1) else f"{shape[2]:,}"


def _span(values: Any) -> str:
    """One number, or the least and the largest."""
    low, high = float(np.min(values)), float(np.max(values))
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
