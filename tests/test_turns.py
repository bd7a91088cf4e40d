import copy
import pickle
import signal
import threading
import types
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numba
import numpy as np
import pytest
from cases import same_bits
from cases_circuits import finished
from test_simulator import chain, same_state, spikes_of

import ttfs
from ttfs import Circuit, Network, Simulator
from ttfs.errors import InputError
from ttfs.kernels.circuit import NOTHING, UNTIL


def public(kind):
    """The names of all methods and properties of a class that a user may call."""
    return sorted(name for name in vars(kind) if not name.startswith("_"))


ENTRIES = {
    "break_on": lambda s: s.break_on(time=1.0),
    "explain": lambda s: s.explain(1, 0),
    "potential": lambda s: s.potential(1),
    "restore": lambda s: s.restore(None),
    "times": lambda s: s.times(1),
    "trace": lambda s: s.trace(1),
    "spikes": lambda s: s.spikes,
    "time": lambda s: s.time,
    "events": lambda s: s.events,
    "synaptic_events": lambda s: s.synaptic_events,
    "pickle": pickle.dumps,
    "copy": copy.copy,
    "next": lambda s: next(iter(s)),
    "repr": repr,
}
ENTRIES |= {
    name: lambda s, name=name: getattr(s, name)()
    for name in public(Simulator)
    if name not in (*ENTRIES, "precision")  # which is decided once and for all
}


@pytest.mark.parametrize("enter", ENTRIES.values(), ids=ENTRIES.keys())
def test_a_second_thread_is_refused_while_one_is_in_a_simulator(enter, monkeypatch):
    simulator, inside, leave = Simulator(chain(), [1.0, 3.0]), threading.Event(), threading.Event()
    kernels = ttfs.simulator.kernels

    def kernel(*_):
        inside.set()
        assert leave.wait(60)
        return UNTIL, (NOTHING, np.inf, -1, -1, -1)

    slow = types.SimpleNamespace(run=kernel, run_chain=kernels.run_chain, ALL=kernels.ALL)
    monkeypatch.setattr("ttfs.simulator.kernels", slow)
    with ThreadPoolExecutor(1) as other:
        running = other.submit(simulator.run, 2.0)
        assert inside.wait(60)
        try:
            with pytest.raises(InputError, match="another thread is using this Simulator"):
                enter(simulator)
        finally:
            leave.set()
        assert running.result() == "until"
    monkeypatch.undo()
    assert simulator.run() == "end"


def test_threads_that_share_a_simulator_are_refused_and_ruin_nothing():
    rng = np.random.default_rng(0)
    weights, times = rng.normal(size=(200, 300)), rng.integers(0, 30, 200).astype(float)
    network = Network(ttfs.Dense.of(weights, threshold=3, delay=1), t_max=40)
    expected, shared = finished(network, times), Simulator(network, times)
    asks = [shared.run, shared.reset, shared.step, shared.snapshot, lambda: shared.explain(1, 0)]

    def work(seed):
        for k in np.random.default_rng(seed).integers(0, len(asks), 200):
            with suppress(InputError):
                asks[k]()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    shared.reset()
    shared.run()
    assert same_state(shared, expected)


def test_methods_may_be_called_from_within_a_method():
    simulator = Simulator(chain(), [1.0, 3.0])

    class Asking(dict):
        def items(self):
            simulator.step()
            return super().items()

    assert str(simulator.what_if(times=Asking({(0, 0): 2.0}))) == "input 0: 1 -> 2"
    assert simulator.events == 1


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="only what is compiled is not interrupted")
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers")
def test_an_interrupt_at_any_instant_leaves_a_simulator_that_goes_on():
    rng = np.random.default_rng(0)
    weights, times = rng.normal(size=(30, 40)), rng.integers(0, 30, 30).astype(float)
    circuit = Circuit.of(Network(ttfs.Dense.of(weights, threshold=3, delay=1), t_max=40))
    simulator, expected = Simulator(circuit, times), finished(circuit, times)
    middle = Simulator(circuit, times)
    middle.run(until=12.0)
    snapshot = middle.snapshot()
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    interrupted = 0
    try:
        for instant in rng.uniform(1e-5, 2e-3, 100):
            try:
                signal.setitimer(signal.ITIMER_REAL, instant)
                while True:
                    simulator.restore(snapshot)
                    simulator.reset()
                    for _ in zip(range(20), simulator, strict=False):
                        pass
            except KeyboardInterrupt:
                interrupted += 1
            simulator.run()
            assert same_bits(spikes_of(simulator), spikes_of(expected))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert interrupted == 100
