"""NEST: all stimuli in one simulation, with nothing done in Python between them."""

import time
from typing import Any

import numpy as np

from ttfs.bench.peers.presentation import Presentation
from ttfs.bench.peers.worker import Ready
from ttfs.errors import InputError, extra

STRONG = 1e15  # a weight that makes every neuron fire


def build(given: Presentation, threads: int) -> Ready:
    """The network in NEST.

    All delays are as long as a presentation. Each layer sees a stimulus one presentation after
    the layer below, and NEST, which lets its threads and processes exchange spikes after every
    shortest delay, does so once in a presentation. With delays of one step, it took 1.5 to 2.6
    times as long.

    A neuron is refractory until the end of the stimulus once it has fired. Neurons that have not
    are then made to fire, and start again from 0 like the others. Setting potentials from
    Python between two stimuli took twice as long.
    """
    if given.ramp:
        raise InputError("NEST is shown steps only, as nothing there takes a slope away again")
    with extra("peers"):
        import nest

    reset_kernel(nest, threads)
    period = 2 * given.horizon + 2
    maker = nest.Create("spike_generator", len(given.weights[0]))
    firing = nest.Create("spike_generator")
    recorder = nest.Create("spike_recorder")
    layers, below = [], maker
    for weights, threshold in zip(given.weights, given.thresholds, strict=True):
        layer = nest.Create("iaf_psc_delta", weights.shape[1], params=neuron(threshold, given))
        connect(nest, below, layer, weights.T, period)
        connect(nest, firing, layer, STRONG, period)
        connect(nest, layer, recorder, 1.0, period)
        layers.append(layer)
        below = layer
    maker.set(trains(given, period))
    presentations = len(given.stimuli) + len(layers)
    firing.spike_times = (np.arange(presentations) * period + given.horizon + 1.0).tolist()
    start = 0.0

    def show() -> float:
        nonlocal start
        start = nest.biological_time
        recorder.n_events = 0
        maker.origin = firing.origin = start
        started = time.perf_counter()
        nest.Simulate(float(presentations * period))
        return time.perf_counter() - started

    def read() -> list[np.ndarray]:
        found, events = given.silent(), recorder.events
        for number, (layer, times) in enumerate(zip(layers, found, strict=True), start=1):
            first = layer[0].global_id
            own = (events["senders"] >= first) & (events["senders"] < first + len(layer))
            after = np.rint(events["times"][own] - start - 1 - number * period).astype(np.int64)
            sample, time = np.divmod(after, period)
            here = time < given.horizon  # and not made to fire
            times[sample[here], events["senders"][own][here] - first] = time[here]
        return found

    ways = {"`Simulate`": show}
    return Ready(f"NEST {nest.__version__}", ways, read)


def reset_kernel(nest: Any, threads: int) -> None:
    """An empty kernel with steps of 1 ms."""
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.resolution = 1.0
    nest.local_num_threads = threads


def neuron(threshold: float, given: Presentation) -> dict[str, float]:
    """Parameters without leak: a time constant without end."""
    rest = {"E_L": 0.0, "V_reset": 0.0, "V_m": 0.0}
    return rest | {"V_th": threshold, "tau_m": 1e20, "t_ref": given.horizon + 1.0}


def connect(nest: Any, source: Any, target: Any, weights: Any, delay: int) -> None:
    """All to all."""
    told = {"synapse_model": "static_synapse", "weight": weights, "delay": float(delay)}
    nest.Connect(source, target, "all_to_all", told)


def trains(given: Presentation, period: int) -> list[dict[str, list[float]]]:
    """Spike times of each input in all presentations; the first step ends at 1 ms."""
    samples, inputs, times = given.spikes
    at = samples * period + times + 1.0
    return [{"spike_times": at[inputs == one].tolist()} for one in range(len(given.weights[0]))]
