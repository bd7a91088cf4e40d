"""The text of scripts for other simulators."""

SCRIPT = '''\
"""A network of single spikes, written by ttfs {version}.

{circuit}

Run it, and it simulates its stimuli, or those of a file:

    python FILE.py [STIMULI.npy]

STIMULI.npy holds (samples, neurons) spike times of the first population in UNIT, inf for silence.
The first spikes of all neurons are written to FILE_spikes.npz, in the same way. What happens at
time t in ttfs happens in the simulator at

    FIRST + lag + STEPS * t / STEP    milliseconds.

Each population has a lag, because a simulator delays all spikes: a population that hears another
one without delay runs a step of 1 ms behind it.
"""

import sys
from pathlib import Path

import numpy as np

FILE = Path(__file__)
with np.load(FILE.with_name(f"{{FILE.stem}}_numbers.npz")) as data:
    DATA = dict(data)
UNIT = {unit!r}  # of time
STEP = {step!r}  # of the grid of time, in UNIT
STEPS = {steps}  # of 1 ms in a STEP
FIRST = 3  # ms: time 0, as no generator can fire then
HORIZON = {horizon}  # in UNIT; later spikes do not count
POPULATIONS = {{  # name: (neurons, lag in ms)
{populations}}}
PROJECTIONS = [  # (source, target), numbered as their weights in DATA
{projections}]
NEVER = {never!r}  # a threshold that only a stimulus reaches


def to_ms(times, lag):
    """Spike times as those of the simulator, which are whole milliseconds."""
    return FIRST + lag + np.rint(STEPS * (np.asarray(times, float) / STEP))


def from_ms(times, lag):
    """And back; what is not before the horizon is silence."""
    times = (np.rint(times) - FIRST - lag) / STEPS * STEP
    return np.where(times < HORIZON, times, np.inf)


def synapses(number):
    """Source, target, weight and delay (ms) of each synapse of a projection."""
    names = "sources", "targets", "weights", "delays"
    sources, targets, weights, delays = (DATA[f"{{name}}_{{number}}"] for name in names)
    return sources, targets, weights, delays.astype(float)


def chunks(stimulus):
    """Milliseconds to simulate at a time, until all has happened that can."""
    last, longest = FIRST, 1
    for name, times in stimulus.items():
        times = np.asarray(times)
        last = to_ms(times[times < HORIZON], POPULATIONS[name][1]).max(initial=last)
    for number in range(len(PROJECTIONS)):
        longest = DATA[f"delays_{{number}}"].max(initial=longest)
    return float(last + 1), float(longest + 1)


{body}

def main():
    """Simulate the stimuli, and write the first spikes."""
    rows = np.load(sys.argv[1]) if len(sys.argv) > 1 else DATA["stimuli"]
    if not len(rows):
        sys.exit("no stimuli: name a file that holds some")
    first = next(iter(POPULATIONS))
    found = [simulate({{first: row}}) for row in rows]
    spikes = {{name: np.array([one[name] for one in found]) for name in POPULATIONS}}
    for name, times in spikes.items():
        fired = np.isfinite(times)
        at = f", from {{times[fired].min():g}} to {{times[fired].max():g}}" if fired.any() else ""
        print(f"{{name}}: {{fired.sum()}} of {{times.size}} neurons fired{{at}}")
    path = FILE.with_name(f"{{FILE.stem}}_spikes.npz")
    np.savez(path, **spikes)
    print(f"written to {{path}}")


if __name__ == "__main__":
    main()
'''

NEST = '''\
def simulate(stimulus):
    """First spike times by population; the stimulus is a dictionary of these, of any of them."""
    import nest

    nest.ResetKernel()
    if hasattr(nest, "VerbosityLevel"):
        nest.verbosity = nest.VerbosityLevel.ERROR
    else:
        nest.set_verbosity("M_ERROR")
    nest.resolution = 1.0
    # no leak (a time constant without end), and refractory for good after the first spike
    once = {"E_L": 0.0, "V_reset": 0.0, "V_m": 0.0, "V_th": 1.0, "tau_m": 1e20, "t_ref": 1e8}
    neurons, ids = {}, {}
    for number, (name, (size, lag)) in enumerate(POPULATIONS.items()):
        neurons[name] = nest.Create("iaf_psc_delta", size, params=once)
        neurons[name].V_th = DATA[f"thresholds_{number}"].tolist()
        neurons[name].V_m = DATA[f"potentials_{number}"].tolist()
        ids[name] = np.array(neurons[name].tolist())
    for number, (source, target) in enumerate(PROJECTIONS):
        sources, targets, weights, delays = synapses(number)
        if len(sources):
            nest.Connect(
                ids[source][sources],
                ids[target][targets],
                "one_to_one",
                {"synapse_model": "static_synapse", "weight": weights, "delay": delays},
            )
    for name, times in stimulus.items():
        fires = np.flatnonzero(np.asarray(times) < HORIZON)
        if len(fires):  # a generator makes its neuron fire 1 ms later
            at = to_ms(np.asarray(times)[fires], POPULATIONS[name][1]) - 1
            given = [{"spike_times": [time]} for time in at.tolist()]
            makers = np.array(nest.Create("spike_generator", len(fires), params=given).tolist())
            kick = {
                "synapse_model": "static_synapse",
                "weight": np.full(len(fires), 10 * NEVER),
                "delay": np.ones(len(fires)),
            }
            nest.Connect(makers, ids[name][fires], "one_to_one", kick)
    recorder = nest.Create("spike_recorder")
    for population in neurons.values():
        nest.Connect(population, recorder)
    begin, chunk = chunks(stimulus)
    nest.Simulate(begin)
    before = -1
    while recorder.n_events != before:
        before = recorder.n_events
        nest.Simulate(chunk)
    found, events = {}, recorder.events
    for name, (size, lag) in POPULATIONS.items():
        found[name] = np.full(size, np.inf)
        own = np.isin(events["senders"], ids[name])
        place = events["senders"][own] - ids[name][0]
        found[name][place] = from_ms(events["times"][own], lag)
    return found
'''

PYNN = '''\
SIMULATOR = "pyNN.nest"  # or another backend that has IF_curr_delta


def simulate(stimulus):
    """First spike times by population; the stimulus is a dictionary of these, of any of them."""
    from importlib import import_module

    sim = import_module(SIMULATOR)
    begin, chunk = chunks(stimulus)
    sim.setup(timestep=1.0, min_delay=1.0, max_delay=chunk)
    neurons = {}
    for number, (name, (size, lag)) in enumerate(POPULATIONS.items()):
        # no leak (a time constant without end), and refractory for good after the first spike
        cell = sim.IF_curr_delta(
            v_rest=0.0,
            v_reset=0.0,
            tau_m=1e20,
            tau_refrac=1e8,
            v_thresh=DATA[f"thresholds_{number}"],
        )
        potentials = DATA[f"potentials_{number}"]
        initial = {"v": potentials}
        neurons[name] = sim.Population(size, cell, initial_values=initial, label=name)
        if SIMULATOR == "pyNN.nest":  # whose version 0.13 does not pass on potentials of this cell
            neurons[name].node_collection.V_m = potentials.tolist()
        neurons[name].record("spikes")
    for number, (source, target) in enumerate(PROJECTIONS):
        sources, targets, weights, delays = synapses(number)
        for receptor, some in (("excitatory", weights > 0), ("inhibitory", weights < 0)):
            rows = zip(sources[some], targets[some], weights[some], delays[some])
            rows = [(int(i), int(j), float(w), float(d)) for i, j, w, d in rows]
            if rows:
                connector = sim.FromListConnector(rows, column_names=["weight", "delay"])
                sim.Projection(neurons[source], neurons[target], connector, receptor_type=receptor)
    for name, times in stimulus.items():
        fires = np.flatnonzero(np.asarray(times) < HORIZON)
        if len(fires):  # a source makes its neuron fire 1 ms later
            at = to_ms(np.asarray(times)[fires], POPULATIONS[name][1]) - 1
            makers = sim.Population(
                len(fires), sim.SpikeSourceArray(spike_times=[[time] for time in at.tolist()])
            )
            rows = [(k, int(neuron), 10 * NEVER, 1.0) for k, neuron in enumerate(fires)]
            connector = sim.FromListConnector(rows, column_names=["weight", "delay"])
            sim.Projection(makers, neurons[name], connector, receptor_type="excitatory")
    sim.run(begin)
    before = -1
    while (count := sum(one.mean_spike_count() * one.size for one in neurons.values())) != before:
        before = count
        sim.run(chunk)
    found = {}
    for name, (size, lag) in POPULATIONS.items():
        found[name] = np.full(size, np.inf)
        for train in neurons[name].get_data("spikes").segments[0].spiketrains:
            if len(train):
                time = from_ms(train.rescale("ms").magnitude[0], lag)
                found[name][train.annotations["source_index"]] = time
    sim.end()
    return found
'''

BODIES = {"nest": NEST, "pynn": PYNN}
