"""Brian2: all stimuli in one run of a C++ program that Brian2 writes and compiles."""

from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ttfs.bench.peers.presentation import Presentation
from ttfs.bench.peers.worker import Ready
from ttfs.errors import extra

FIRED = "v = -1e15"  # never again before the next stimulus


def build(given: Presentation, threads: int) -> Ready:
    """The network in Brian2, compiled; its own clock leaves out building it from files."""
    with extra("peers"):
        import brian2

    folder = TemporaryDirectory(prefix="ttfs-brian2-", ignore_cleanup_errors=True)
    brian2.set_device("cpp_standalone", build_on_run=False)
    brian2.prefs.devices.cpp_standalone.openmp_threads = threads if threads > 1 else 0
    brian2.defaultclock.dt = 1 * brian2.ms
    period = given.horizon + len(given.weights)  # with steps, each layer is a time step behind
    samples, inputs, times = given.spikes
    spikes = (samples * period + times) * brian2.ms
    below = brian2.SpikeGeneratorGroup(len(given.weights[0]), inputs, spikes)
    network, monitors = brian2.Network(below), []
    for weights, threshold in zip(given.weights, given.thresholds, strict=True):
        layer, monitor = connected(brian2, network, below, weights, threshold, given.ramp, period)
        monitors.append(monitor)
        below = layer
    network.run(len(given.stimuli) * period * brian2.ms)
    brian2.device.build(directory=folder.name, run=False, with_output=False)

    def show() -> float:
        brian2.device.run()
        return brian2.device._last_run_time

    def read() -> list[np.ndarray]:
        found = given.silent()
        for number, (monitor, rows) in enumerate(zip(monitors, found, strict=True), start=1):
            steps = np.rint(np.asarray(monitor.t / brian2.ms)).astype(np.int64)
            sample, time = np.divmod(steps - (0 if given.ramp else number), period)
            rows[sample, np.asarray(monitor.i)] = time
        folder.cleanup()
        return found

    ways = {"C++ standalone": show}
    return Ready(f"Brian2 {brian2.__version__}", ways, read, memory=False)


def connected(
    brian2: Any,
    network: Any,
    below: Any,
    weights: np.ndarray,
    threshold: float,
    ramp: bool,
    period: int,
) -> tuple[Any, Any]:
    """A layer of a network and the monitor of its spikes.

    Ramps are added step by step: a spike at time a has added w (t - a) at each step t.
    """
    layer = brian2.NeuronGroup(
        weights.shape[1],
        "v : 1\nslope : 1" if ramp else "v : 1",
        threshold=f"v >= {threshold!r}",
        reset=FIRED,
    )
    again = "v = 0\nslope = 0" if ramp else "v = 0"
    layer.run_regularly(again, dt=period * brian2.ms, when="start")
    if ramp:
        layer.run_regularly("v += slope", when="groups")
    synapses = brian2.Synapses(
        below, layer, "w : 1", on_pre="slope_post += w" if ramp else "v_post += w"
    )
    synapses.connect()
    synapses.w = weights.ravel()
    monitor = brian2.SpikeMonitor(layer)
    network.add(layer, synapses, monitor)
    return layer, monitor
