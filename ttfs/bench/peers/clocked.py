"""snnTorch, SpikingJelly and Norse: networks that PyTorch computes time step by time step."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ttfs.bench.peers.presentation import Presentation
from ttfs.bench.peers.worker import Ready
from ttfs.errors import extra

if TYPE_CHECKING:
    from torch import Tensor

Neurons = Callable[["Tensor"], "Tensor"]  # (steps, samples, neurons): from input to spikes

BATCHES = 10, 50, 200
"""Samples at once."""


def snntorch(given: Presentation, threads: int) -> Ready:
    """`Leaky` neurons that do not leak, one step after the other; they fire above a threshold."""
    with extra("peers"):
        import snntorch as peer

    def neurons(threshold: float) -> Neurons:
        cell = peer.Leaky(beta=1.0, threshold=below(threshold), reset_mechanism="none")

        def fire(currents: "Tensor") -> "Tensor":
            potential = currents.new_zeros(currents.shape[1:])
            spikes = currents.new_empty(currents.shape)
            for step, current in enumerate(currents):
                spikes[step], potential = cell(current, potential)
            return spikes

        return fire

    return clocked(given, threads, neurons, "snntorch", "snnTorch")


def spikingjelly(given: Presentation, threads: int) -> Ready:
    """`IFNode` in its mode of many steps."""
    with extra("peers"):
        from spikingjelly.activation_based import functional, neuron

    def neurons(threshold: float) -> Neurons:
        nodes = neuron.IFNode(v_threshold=threshold, step_mode="m").eval()

        def fire(currents: "Tensor") -> "Tensor":
            functional.reset_net(nodes)
            return nodes(currents)

        return fire

    return clocked(given, threads, neurons, "spikingjelly", "SpikingJelly")


def norse(given: Presentation, threads: int) -> Ready:
    """`IAF` neurons, which fire above a threshold."""
    with extra("peers"):
        from norse.torch.functional.iaf import (
            IAFFeedForwardState,
            IAFParameters,
            iaf_feed_forward_step,
        )

    def neurons(threshold: float) -> Neurons:
        told = IAFParameters(v_th=below(threshold), method="heaviside")

        def fire(currents: "Tensor") -> "Tensor":
            state, spikes = IAFFeedForwardState(v=0.0), currents.new_empty(currents.shape)
            for step, current in enumerate(currents):
                spikes[step], state = iaf_feed_forward_step(current, state, told)
            return spikes

        return fire

    return clocked(given, threads, neurons, "norse", "Norse")


def below(threshold: float) -> float:
    """The next smaller float32: what is above it is at the threshold."""
    return float(np.nextafter(np.float32(threshold), np.float32(0)))


def clocked(
    given: Presentation,
    threads: int,
    neurons: Callable[[float], Neurons],
    package: str,
    title: str,
) -> Ready:
    """A network in PyTorch; layer after layer, each for all time steps.

    The product of spikes and weights is one for all steps of a batch. Only the first spike of a
    neuron goes on. Without a leak, ramps are sums over the steps of what has arrived.
    """
    from importlib.metadata import version

    import torch

    torch.set_num_threads(threads)
    layers = [
        (torch.from_numpy(weights.T.astype(np.float32)).contiguous(), neurons(threshold))
        for weights, threshold in zip(given.weights, given.thresholds, strict=True)
    ]
    raster = torch.zeros((given.horizon, *given.stimuli.shape))
    samples, inputs, times = given.spikes
    raster[times, samples, inputs] = 1
    seen: list[list[Tensor]] = []

    def show(batch: int) -> None:
        seen.clear()
        with torch.no_grad():
            for part in raster.split(batch, dim=1):
                seen.append([])
                for weights, fire in layers:
                    currents = torch.nn.functional.linear(part, weights)
                    spikes = fire(currents.cumsum(0) if given.ramp else currents)
                    part = spikes * (spikes.cumsum(0) == 1)
                    seen[-1].append(part)

    def read() -> list[np.ndarray]:
        found = []
        for number, parts in enumerate(zip(*seen, strict=True), start=1):
            spikes = torch.cat(parts, dim=1).numpy()
            late = number if given.ramp else 0  # a sum at step t is the potential at t + 1
            found.append(np.where(spikes.any(0), spikes.argmax(0) + float(late), np.inf))
        return found

    some = [batch for batch in BATCHES if batch < 2 * len(given.stimuli)] or BATCHES[:1]
    ways = {f"batches of {batch}": partial(show, batch) for batch in some}
    return Ready(f"{title} {version(package)}", ways, read)
